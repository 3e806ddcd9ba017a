//! Constructors of reductions, positions, linear algebra, and of the statistics built from them.

use super::shapes::{distinct, expect_axis, l, stored_axis};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::op::{Linear, Op, Reduction};
use crate::index::Term;
use crate::node::NodeId;
use crate::shape::{DType, Dim, Type};

/// Reductions, positions and linear algebra.
impl Graph {
    /// Largest, smallest or product along one axis.
    ///
    /// With NaN among the entries the value is NaN; of a largest or smallest entry the first NaN is the winner, so it
    /// takes the whole derivative.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn reduce(&mut self, reduction: Reduction, x: NodeId, axis: usize) -> Result<NodeId> {
        let operation = match reduction {
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::Prod => "prod",
        };
        self.expect_entries(operation, x, DType::Real)?;
        let stored = stored_axis(self, operation, x, axis)?;
        let mut shape = self.ty(x).shape.clone();
        shape.remove(axis);
        Ok(self.intern(Op::Reduce(reduction, stored), &[x], Type::real(shape)))
    }

    /// Position of the largest entry along an axis, the first of equals.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn argmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.expect_entries("argmax", x, DType::Real)?;
        let stored = stored_axis(self, "argmax", x, axis)?;
        let mut shape = self.ty(x).shape.clone();
        let below = shape.remove(axis);
        Ok(self.intern(Op::ArgMax(stored), &[x], Type::index(below, shape)))
    }

    /// Positions that sort an axis in ascending order, stable.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn argsort(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.expect_entries("argsort", x, DType::Real)?;
        let stored = stored_axis(self, "argsort", x, axis)?;
        let shape = self.ty(x).shape.clone();
        let below = shape[axis].clone();
        Ok(self.intern(Op::ArgSort(stored), &[x], Type::index(below, shape)))
    }

    /// `y[…,i,…] = x[…, argsort(x)[…,i,…], …]`: the entries along an axis in ascending order.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn sort(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        let order = self.argsort(x, axis)?;
        let rank = self.rank(x);
        let element = Term::element(order, (0..rank).map(l));
        let at = (0..rank).map(|k| if k == axis { element.clone() } else { l(k) }).collect();
        let shape = self.shape(x).to_vec();
        self.view(x, shape, at, [])
    }

    /// Linear algebra on the last two axes; earlier axes are a batch.
    ///
    /// # Errors
    /// [`Error::Rank`], [`Error::ExtentsDiffer`], [`Error::ShapesDiffer`], [`Error::Entries`].
    pub fn linear(&mut self, kind: Linear, args: &[NodeId]) -> Result<NodeId> {
        let operation = match kind {
            Linear::Inverse => "inv",
            Linear::Solve => "solve",
            Linear::SolveLower => "solve_lower",
            Linear::SolveUpper => "solve_upper",
            Linear::Det => "det",
            Linear::LogAbsDet => "logdet",
            Linear::Cholesky => "cholesky",
        };
        let solves = matches!(kind, Linear::Solve | Linear::SolveLower | Linear::SolveUpper);
        let expected = if solves { 2 } else { 1 };
        if args.len() != expected {
            return Err(Error::Arity { operation: operation.into(), expected, found: args.len() });
        }
        for &x in args {
            self.expect_entries(operation, x, DType::Real)?;
        }
        let a = args[0];
        let rank = self.rank(a);
        if rank < 2 {
            return Err(Error::Rank { operation, expected: "a square matrix", found: self.ty(a).clone() });
        }
        let shape = self.ty(a).shape.clone();
        if shape[rank - 2] != shape[rank - 1] {
            return Err(Error::Rank { operation, expected: "a square matrix", found: self.ty(a).clone() });
        }
        if solves {
            let right = self.shape(args[1]);
            if right.len() < rank - 1 || right[..rank - 1] != shape[..rank - 1] {
                let (left, right) = (self.ty(a).clone(), self.ty(args[1]).clone());
                return Err(Error::ShapesDiffer { operation, left, right });
            }
        }
        let ty = match kind {
            Linear::Inverse | Linear::Cholesky => self.ty(a).clone(),
            Linear::Det | Linear::LogAbsDet => Type::real(shape[..rank - 2].iter().cloned()),
            Linear::Solve | Linear::SolveLower | Linear::SolveUpper => self.ty(args[1]).clone(),
        };
        Ok(self.intern(Op::Linear(kind), args, ty))
    }

    /// Mean over the given axes; NaN over an empty axis.
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn mean(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let axes = &distinct(axes);
        let total = self.sum_axes(x, axes)?;
        let count = axes.iter().map(|&k| self.shape(x)[k].clone()).fold(Dim::ONE, |n, d| n * d);
        let count = self.size(&count);
        if self.is_zero(count) {
            let nan = self.literal(crate::graph::op::Literal::number(f64::NAN));
            let shape = self.ty(total).shape.clone();
            return Ok(self.broadcast(nan, &shape));
        }
        self.divide(total, count)
    }

    /// Mean squared deviation from the mean over the given axes (divided by n, not n - 1).
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn variance(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let mean = self.mean(x, axes)?;
        let spread = self.restore_axes(mean, x, axes)?;
        let deviation = self.sub(x, spread)?;
        let square = self.power(deviation, 2);
        self.mean(square, axes)
    }

    /// A reduced node repeated along the axes that were reduced from `x`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::ShapesDiffer`] unless `reduced` has the other axes of `x`, [`Error::Entries`].
    pub fn restore_axes(&mut self, reduced: NodeId, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        self.expect_nodes(&[reduced, x])?;
        axes.iter().try_for_each(|&axis| expect_axis(self, "restore_axes", x, axis))?;
        let kept: Vec<usize> = (0..self.rank(x)).filter(|k| !axes.contains(k)).collect();
        if !kept.iter().map(|&k| &self.shape(x)[k]).eq(self.shape(reduced)) {
            let left = Type::real(kept.iter().map(|&k| self.shape(x)[k].clone()));
            let right = self.ty(reduced).clone();
            return Err(Error::ShapesDiffer { operation: "restore_axes", left, right });
        }
        let at = kept.into_iter().map(l).collect();
        let shape = self.shape(x).to_vec();
        self.view(reduced, shape, at, [])
    }

    /// Square root of the sum of squares over the given axes; its derivative at 0 is NaN.
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn norm(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let square = self.power(x, 2);
        let total = self.sum_axes(square, axes)?;
        self.map(&crate::ops::map::SQRT, &[total])
    }
}
