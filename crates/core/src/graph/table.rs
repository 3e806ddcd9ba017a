//! The table of nodes: an operation and its operands, equal ones once, in order of creation.
//!
//! A node costs 28 bytes in three columns, and a slot in an index of positions. Its structural hash is also its key in
//! that index: nothing is hashed twice.

use super::positions::Positions;
use crate::node::NodeId;

/// No operand.
pub(super) const NONE: NodeId = NodeId::from_raw(u32::MAX);
/// The operands stand in the table of lists.
pub(super) const LIST: NodeId = NodeId::from_raw(u32::MAX - 1);

/// An operation and up to three operands, or a list of more.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) op: u32,
    pub(super) args: [NodeId; 3],
}

/// Nodes with their structural hashes and types.
#[derive(Clone, Default)]
pub(super) struct Table {
    nodes: Vec<Node>,
    hashes: Vec<u64>,
    types: Vec<u32>,
    index: Positions,
}

/// The structural hash of an operation applied to operands.
fn combine(op: u64, operands: impl Iterator<Item = u64>) -> u64 {
    let mix = |hash: u64, operand: u64| (hash.rotate_left(23) ^ operand).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = operands.fold(op, mix);
    hash ^ (hash >> 29)
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, position: usize) -> &Node {
        &self.nodes[position]
    }

    pub(super) fn hash(&self, position: usize) -> u64 {
        self.hashes[position]
    }

    pub(super) fn ty(&self, position: usize) -> u32 {
        self.types[position]
    }

    /// The node, if it is in the table.
    pub(super) fn find(&self, node: Node, op_hash: u64, args: &[NodeId]) -> Option<NodeId> {
        let hash = combine(op_hash, args.iter().map(|a| self.hashes[a.index()]));
        self.index.find(hash, |k| self.nodes[k as usize] == node).map(NodeId::from_raw)
    }

    /// Position of a node whose operation hashes to `op_hash`; appended with its type when it is new.
    pub(super) fn intern(&mut self, node: Node, op_hash: u64, args: &[NodeId], ty: u32) -> NodeId {
        let hash = combine(op_hash, args.iter().map(|a| self.hashes[a.index()]));
        if let Some(known) = self.index.find(hash, |k| self.nodes[k as usize] == node) {
            return NodeId::from_raw(known);
        }
        let position = NodeId::new(self.nodes.len());
        assert!(position < LIST, "invariant: a graph holds fewer than 2^32 - 2 nodes");
        self.index.insert(hash, position.raw());
        self.nodes.push(node);
        self.hashes.push(hash);
        self.types.push(ty);
        position
    }
}
