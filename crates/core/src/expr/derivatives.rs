//! Questions about expressions: derivatives, which are expressions again, and values.
//!
//! Every question about a poisoned expression answers with all mistakes made so far.

use super::{Diagnostics, Expr};
use crate::eval::Bindings;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::scalar::Scalar;
use crate::tensor::Value;
use std::panic::Location;

type Answer<T> = Result<T, Diagnostics>;

impl Expr {
    /// `self` and the others as operands, answers as expressions.
    fn ask(
        &self,
        operation: &'static str,
        others: &[&Expr],
        at: super::Place,
        step: impl FnOnce(&mut Graph, &[NodeId]) -> crate::error::Result<Vec<NodeId>>,
    ) -> Answer<Vec<Expr>> {
        let operands: Vec<&Expr> = std::iter::once(self).chain(others.iter().copied()).collect();
        let nodes = self.builder.attempt(&operands, at, step)?;
        let origin = super::Origin::Operation(operation, self.builder.path(), at);
        Ok(nodes.into_iter().map(|n| self.builder.expr(n, origin.clone())).collect())
    }

    /// `∂self/∂x` of a number, for each `x`; see [`Graph::gradient`].
    ///
    /// # Errors
    /// All mistakes of a poisoned operand; otherwise what [`Graph::gradient`] refuses.
    #[track_caller]
    pub fn gradient(&self, xs: &[&Expr]) -> Answer<Vec<Expr>> {
        self.ask("gradient", xs, Location::caller(), |g, n| g.gradient(n[0], &n[1..]))
    }

    /// `J[i…, j…] = ∂self[i…]/∂x[j…]`; see [`Graph::jacobian`].
    ///
    /// # Errors
    /// As [`Expr::gradient`].
    #[track_caller]
    pub fn jacobian(&self, x: &Expr) -> Answer<Expr> {
        let mut answer =
            self.ask("jacobian", &[x], Location::caller(), |g, n| Ok(vec![g.jacobian(n[0], n[1])?]))?;
        Ok(answer.remove(0))
    }

    /// Second derivatives of a number; see [`Graph::hessian`].
    ///
    /// # Errors
    /// As [`Expr::gradient`].
    #[track_caller]
    pub fn hessian(&self, x: &Expr) -> Answer<Expr> {
        let mut answer =
            self.ask("hessian", &[x], Location::caller(), |g, n| Ok(vec![g.hessian(n[0], n[1])?]))?;
        Ok(answer.remove(0))
    }

    /// Row, column and second derivative of a number by numbers, where it may be non-zero and the row is at most the
    /// column; see [`Graph::sparse_hessian`].
    ///
    /// # Errors
    /// As [`Expr::gradient`].
    ///
    /// ```
    /// use chainrule_core::{expr::Builder, shape::Type};
    /// let b = Builder::new();
    /// let (x, y, z) = (b.input("x", Type::scalar()), b.input("y", Type::scalar()), b.input("z", Type::scalar()));
    /// let entries = (&x * &y + &z).sparse_hessian(&[&x, &y, &z])?;
    /// assert_eq!(entries.iter().map(|(i, j, _)| (*i, *j)).collect::<Vec<_>>(), [(0, 1)]);
    /// # Ok::<(), chainrule_core::expr::Diagnostics>(())
    /// ```
    #[track_caller]
    pub fn sparse_hessian(&self, xs: &[&Expr]) -> Answer<Vec<(usize, usize, Expr)>> {
        let mut positions = Vec::new();
        let entries = self.ask("sparse_hessian", xs, Location::caller(), |g, n| {
            let hessian = g.sparse_hessian(n[0], &n[1..])?;
            positions.extend(hessian.pattern.positions());
            Ok(hessian.nodes)
        })?;
        Ok(positions.into_iter().zip(entries).map(|((i, j), entry)| (i, j, entry)).collect())
    }

    /// `∂self/∂name` of a name given by [`Expr::named`] or of an input; see [`Graph::derivative`].
    ///
    /// # Errors
    /// As [`Expr::gradient`].
    #[track_caller]
    pub fn derivative(&self, name: &str, holding: &[&str]) -> Answer<Expr> {
        let step = |g: &mut Graph, n: &[NodeId]| Ok(vec![g.derivative(n[0], name, holding)?]);
        let mut answer = self.ask("derivative", &[], Location::caller(), step)?;
        Ok(answer.remove(0))
    }

    /// The value at given inputs, by the slow evaluator.
    ///
    /// # Errors
    /// All mistakes of a poisoned expression; otherwise what [`Graph::evaluate`] refuses.
    #[track_caller]
    pub fn evaluate<S: Scalar>(&self, at: &Bindings<S>) -> Answer<Value<S>> {
        self.builder
            .attempt(&[self], Location::caller(), |g, n| g.evaluate(n, at))
            .map(|mut values| values.remove(0))
    }
}
