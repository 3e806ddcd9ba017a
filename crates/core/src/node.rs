//! The name of a node: its position in the graph's table.
//!
//! Nodes are only ever appended and operands come before their users, so the order of these numbers is a
//! topological order and the node table is the tape.

use std::fmt;

/// A node of one particular [`Graph`](crate::graph::Graph).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The node at `position` of the table.
    pub fn new(position: usize) -> NodeId {
        NodeId(u32::try_from(position).expect("invariant: a graph holds fewer than 2^32 nodes"))
    }

    /// Position in the table.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The position as stored in the table.
    pub(crate) fn raw(self) -> u32 {
        self.0
    }

    /// The inverse of [`NodeId::raw`].
    pub(crate) const fn from_raw(raw: u32) -> NodeId {
        NodeId(raw)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}
