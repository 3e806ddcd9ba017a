//! Sets of labels, for passes that ask which labels a read or a condition depends on.

use super::{At, Read};

/// A set of labels, one bit for each; nests of more than 60 labels are left as they are by whoever uses it.
pub(super) type Set = u64;

/// The labels that some indices depend on.
pub(super) fn labels(at: &[At]) -> Set {
    let mut set = 0;
    at.iter().for_each(|t| t.each_label(&mut |l| set |= 1 << l));
    set
}

/// The labels that a read depends on, its conditions included.
pub(super) fn read_labels(read: &Read) -> Set {
    read.guards.iter().fold(labels(&read.at), |set, g| set | labels(g.indices()))
}

/// Points of the loops over a set of labels.
pub(super) fn points(set: Set, extents: &[usize]) -> usize {
    let of = extents.iter().enumerate().filter(|(l, _)| set >> l & 1 == 1);
    of.fold(1, |n, (_, &extent)| n.saturating_mul(extent))
}
