//! The table of nodes: an operation and its operands, equal ones once, in order of creation.
//!
//! A node costs 28 bytes in three columns and five bytes in an index of positions. Its structural hash is also its
//! key in that index: nothing is hashed twice, and growing the index reads one column.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// No operand.
pub(super) const NONE: u32 = u32::MAX;
/// The operands stand in the table of lists.
pub(super) const LIST: u32 = u32::MAX - 1;

/// An operation and up to three operands, or a list of more.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) op: u32,
    pub(super) args: [u32; 3],
}

/// Nodes with their structural hashes and types.
#[derive(Clone, Default)]
pub(super) struct Table {
    nodes: Vec<Node>,
    hashes: Vec<u64>,
    types: Vec<u32>,
    index: HashTable<u32>,
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

    /// Position of a node whose operation hashes to `op_hash`; appended with its type when it is new.
    pub(super) fn intern(&mut self, node: Node, op_hash: u64, args: &[u32], ty: u32) -> u32 {
        let Table { nodes, hashes, types, index } = self;
        let hash = combine(op_hash, args.iter().map(|&a| hashes[a as usize]));
        match index.entry(hash, |&k| nodes[k as usize] == node, |&k| hashes[k as usize]) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let position = nodes.len() as u32;
                assert!(position < LIST, "invariant: a graph holds fewer than 2^32 - 2 nodes");
                free.insert(position);
                nodes.push(node);
                hashes.push(hash);
                types.push(ty);
                position
            }
        }
    }
}
