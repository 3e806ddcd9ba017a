//! What constructors ask of their operands: an axis that exists, a rank, equal extents.

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::shape::{DType, Dim, Type};
use std::collections::BTreeSet;

/// The axes in order, each once: an axis that is named twice is that axis.
pub(super) fn distinct(axes: &[usize]) -> Vec<usize> {
    let mut axes = axes.to_vec();
    axes.sort_unstable();
    axes.dedup();
    axes
}

/// Axis `k` of the result, as an index term.
pub(super) fn l(k: usize) -> Term {
    Term::label(Label(k as u32))
}

pub(super) fn expect_axis(g: &Graph, operation: &'static str, x: NodeId, axis: usize) -> Result<()> {
    g.expect_nodes(&[x])?;
    if axis < g.rank(x) {
        return Ok(());
    }
    Err(Error::Axis { operation, axis, found: g.ty(x).clone() })
}

/// The axis as an operation keeps it, in 16 bits.
pub(super) fn stored_axis(g: &Graph, operation: &'static str, x: NodeId, axis: usize) -> Result<u16> {
    expect_axis(g, operation, x, axis)?;
    u16::try_from(axis).map_err(|_| Error::Rank {
        operation,
        expected: "an axis among the first 65536",
        found: g.ty(x).clone(),
    })
}

pub(super) fn expect_rank(
    g: &Graph,
    operation: &'static str,
    x: NodeId,
    rank: usize,
    expected: &'static str,
) -> Result<()> {
    g.expect_nodes(&[x])?;
    if g.rank(x) == rank {
        return Ok(());
    }
    Err(Error::Rank { operation, expected, found: g.ty(x).clone() })
}

/// Extents that are numbers are at least 0.
pub(super) fn expect_extents(operation: &'static str, shape: &[Dim]) -> Result<()> {
    if shape.iter().all(|d| d.as_fixed().is_none_or(|n| n >= 0)) {
        return Ok(());
    }
    let found = Type::real(shape.iter().cloned());
    Err(Error::Rank { operation, expected: "extents of at least 0", found })
}

/// Labels that select along an axis are declared to stay inside it, so that each is checked before it is used: a
/// delta against a label that matches nothing would silently be zero.
pub(super) fn expect_labels_inside(
    g: &Graph,
    operation: &'static str,
    labels: NodeId,
    extent: &Dim,
) -> Result<()> {
    g.expect_entries(operation, labels, DType::Int)?;
    let inside = g.below(labels).is_some_and(|b| (extent.clone() - b).is_nonnegative(&BTreeSet::new()));
    if inside {
        return Ok(());
    }
    Err(Error::LabelRange { operation, labels: g.ty(labels).clone(), extent: extent.clone() })
}

pub(super) fn expect_equal_extents(operation: &'static str, left: &Dim, right: &Dim) -> Result<()> {
    if left == right {
        return Ok(());
    }
    Err(Error::ExtentsDiffer { operation, left: left.clone(), right: right.clone() })
}
