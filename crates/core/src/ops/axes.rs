//! Axes of extent 1: where a reduction leaves one, and where it is repeated.
//!
//! Nothing broadcasts in the graph itself. What a builder may stretch is exactly a number, and an axis whose extent
//! is the *literal* 1, as a reduction that keeps its axis leaves it: a named size never stretches, even if it
//! happens to be 1.

use crate::error::{Error, Result};
use crate::form::{Access, Product};
use crate::graph::Graph;
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::shape::{DType, Dim, Shape};
use smallvec::SmallVec;

fn l(k: usize) -> Term {
    Term::label(Label(k as u32))
}

impl Graph {
    /// `y[…,0,…] = x[…]`: one more axis, of extent 1, at position `axis`.
    ///
    /// # Errors
    /// [`Error::Axis`] beyond the rank, [`Error::Entries`] for operands that are not real.
    pub fn insert_axis(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.expect_entries("insert_axis", x, DType::Real)?;
        if axis > self.rank(x) {
            return Err(Error::Axis { operation: "insert_axis", axis, found: self.ty(x).clone() });
        }
        let mut shape = self.ty(x).shape.clone();
        shape.insert(axis, Dim::ONE);
        let at: Vec<Term> = (0..self.rank(x)).map(|k| l(if k < axis { k } else { k + 1 })).collect();
        Ok(self.product(Product::one(shape).times(Access::new(x, at))))
    }

    /// Real operands of an elementwise operation brought to one shape: numbers over all axes, literal 1s repeated.
    ///
    /// What does not fit is left as it is, for the operation to refuse.
    pub fn align(&mut self, operands: &[NodeId]) -> SmallVec<[NodeId; 3]> {
        if self.expect_nodes(operands).is_err() {
            return operands.into();
        }
        let rank = operands.iter().map(|&x| self.rank(x)).max().unwrap_or(0);
        let real = operands.iter().all(|&x| self.ty(x).dtype == DType::Real);
        let fits = operands.iter().all(|&x| [0, rank].contains(&self.rank(x)));
        if rank == 0 || !real || !fits {
            return operands.into();
        }
        let shape: Shape = (0..rank).map(|axis| self.common_extent(operands, axis)).collect();
        operands.iter().map(|&x| self.stretch(x, &shape)).collect()
    }

    /// The extent that the others are repeated to: the first that is not the literal 1.
    fn common_extent(&self, operands: &[NodeId], axis: usize) -> Dim {
        let extents = operands.iter().filter_map(|&x| self.shape(x).get(axis));
        extents.clone().find(|d| **d != Dim::ONE).or(extents.clone().next()).cloned().unwrap_or(Dim::ONE)
    }

    /// `x` read at 0 along every axis of literal extent 1 that is longer in `shape`.
    fn stretch(&mut self, x: NodeId, shape: &[Dim]) -> NodeId {
        if self.rank(x) == 0 {
            return self.broadcast(x, shape);
        }
        let own = self.ty(x).shape.clone();
        let single = |k: usize| own[k] == Dim::ONE && shape[k] != Dim::ONE;
        if !(0..own.len()).any(single) {
            return x;
        }
        let extents = (0..own.len()).map(|k| if single(k) { shape[k].clone() } else { own[k].clone() });
        let at = (0..own.len()).map(|k| if single(k) { Term::constant(0) } else { l(k) });
        self.product(Product::one(extents).times(Access::new(x, at)))
    }
}
