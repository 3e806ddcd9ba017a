//! Recurrences as expressions: the step is written down as a function of the carries.

use super::{Builder, Expr, Origin, Place};
use crate::error::Error;
use crate::node::NodeId;
use crate::ops::scan::{Checkpoint, NamedOperand};
use crate::shape::Dim;
use std::panic::Location;
use std::sync::Arc;

impl Builder {
    /// The trajectories of `carries` through a step that is applied `length` times: entry `t` of the first axis is
    /// the carry after step `t`.
    ///
    /// The step sees the carries and, of each of `inputs`, the entry that belongs to it: inputs have a first axis of
    /// `length`. Everything else that it uses is the same for every step and computed once. It answers with the next
    /// carries, in the types they had. What does not feed the recurrence belongs outside, computed from the whole
    /// trajectory at once.
    ///
    /// A linear recurrence, `h[t] = a h[t-1] + x[t]`:
    ///
    /// ```
    /// use chainrule_core::{eval::Bindings, expr::Builder, tensor::Tensor};
    /// let b = Builder::new();
    /// let (a, x, h0) = (b.real("a", ()), b.real("x", "n"), b.real("h0", ()));
    /// let h = &b.scan("decay", "n", &[("h", &h0)], &[("x", &x)], |h, x| vec![&a * &h[0] + &x[0]])[0];
    /// let at = Bindings::new()
    ///     .with("a", Tensor::scalar(0.5))
    ///     .with("x", Tensor::vector(vec![1.0, 0.0, 4.0]))
    ///     .with("h0", Tensor::scalar(2.0));
    /// let program = b.finish(&[h, &h.last_carry(&h0).gradient(&[&h0])?[0]])?;
    /// let values = program.graph.evaluate(&program.outputs, &at)?;
    /// assert_eq!(values[0].real().unwrap().data(), [2.0, 1.0, 4.5]);
    /// assert_eq!(values[1].real().unwrap().data(), [0.125]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A cell of a recurrent network, and the gradient of a loss over its states. `U x` does not recur, so it is one
    /// product for all steps:
    ///
    /// ```
    /// # use chainrule_core::expr::Builder;
    /// let b = Builder::new();
    /// let (w, u) = (b.real("W", ["h", "h"]), b.real("U", ["d", "h"]));
    /// let (x, h0) = (b.real("x", ["n", "d"]), b.real("h0", "h"));
    /// let states = &b.scan("cell", "n", &[("h", &h0)], &[("v", &x.dot(&u))], |h, v| {
    ///     vec![(w.dot(&h[0]) + &v[0]).tanh()]
    /// })[0];
    /// let gradient = &(states * states).sum().gradient(&[&w])?[0];
    /// assert_eq!(gradient.shape(), w.shape());
    /// # Ok::<(), chainrule_core::expr::Diagnostics>(())
    /// ```
    ///
    /// Cumulative products, two carries, and a size that is only known later:
    ///
    /// ```
    /// # use chainrule_core::{eval::Bindings, expr::Builder, tensor::Tensor};
    /// let b = Builder::new();
    /// let x = b.real("x", "n");
    /// let one = b.number(1.0);
    /// let both = b.scan("step", "n", &[("p", &one), ("s", &one)], &[("x", &x)], |c, x| {
    ///     vec![&c[0] * &x[0], &c[1] + &c[0] * &x[0]]
    /// });
    /// let at = Bindings::new().with("x", Tensor::vector(vec![2.0, 3.0, 4.0]));
    /// let program = b.finish(&[&both[0], &both[1]])?;
    /// let values = program.graph.evaluate(&program.outputs, &at)?;
    /// assert_eq!(values[0].real().unwrap().data(), [2.0, 6.0, 24.0]);
    /// assert_eq!(values[1].real().unwrap().data(), [3.0, 9.0, 33.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn scan(
        &self,
        name: &str,
        length: impl Into<Dim>,
        carries: &[(&str, &Expr)],
        inputs: &[(&str, &Expr)],
        step: impl FnOnce(&[Expr], &[Expr]) -> Vec<Expr>,
    ) -> Vec<Expr> {
        self.scan_from(name, &length.into(), false, None, carries, inputs, step, Location::caller())
    }

    /// As [`Builder::scan`], from the last position to the first: `h[t] = step(h[t+1], x[t])`.
    #[track_caller]
    pub fn scan_backward(
        &self,
        name: &str,
        length: impl Into<Dim>,
        carries: &[(&str, &Expr)],
        inputs: &[(&str, &Expr)],
        step: impl FnOnce(&[Expr], &[Expr]) -> Vec<Expr>,
    ) -> Vec<Expr> {
        self.scan_from(name, &length.into(), true, None, carries, inputs, step, Location::caller())
    }

    /// The carries after `length` steps: as [`Builder::scan`], for recurrences of which only the end is wanted.
    ///
    /// `keep` chooses between memory and work of the reverse sweep: with [`Checkpoint::Every`] a plan of the gradient
    /// keeps the carry of every `k`-th step only, and takes each step twice.
    ///
    /// ```
    /// # use chainrule_core::{eval::Bindings, expr::Builder, ops::scan::Checkpoint, tensor::Tensor};
    /// let b = Builder::new();
    /// let (a, x0) = (b.real("a", ()), b.real("x0", ()));
    /// let end = &b.fold("decay", 10, &Checkpoint::Every(4.into()), &[("x", &x0)], &[], |x, _| vec![&a * &x[0]])[0];
    /// let slope = &end.gradient(&[&a])?[0];
    /// let program = b.finish(&[end, slope])?;
    /// let at = Bindings::new().with("a", Tensor::scalar(2.0)).with("x0", Tensor::scalar(1.0));
    /// let values = program.graph.evaluate(&program.outputs, &at)?;
    /// assert_eq!(values[0].real().unwrap().data(), [1024.0]); // a^10
    /// assert_eq!(values[1].real().unwrap().data(), [5120.0]); // 10 a^9
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn fold(
        &self,
        name: &str,
        length: impl Into<Dim>,
        keep: &Checkpoint,
        carries: &[(&str, &Expr)],
        inputs: &[(&str, &Expr)],
        step: impl FnOnce(&[Expr], &[Expr]) -> Vec<Expr>,
    ) -> Vec<Expr> {
        self.scan_from(name, &length.into(), false, Some(keep), carries, inputs, step, Location::caller())
    }

    #[allow(clippy::too_many_arguments, reason = "a recurrence as it is written")]
    fn scan_from(
        &self,
        name: &str,
        length: &Dim,
        backward: bool,
        fold: Option<&Checkpoint>,
        carries: &[(&str, &Expr)],
        inputs: &[(&str, &Expr)],
        step: impl FnOnce(&[Expr], &[Expr]) -> Vec<Expr>,
        at: Place,
    ) -> Vec<Expr> {
        let origin = || Origin::Function(Arc::from(name), self.path(), at);
        let poison = || vec![self.poison(origin()); carries.len()];
        let refuse = |error: Error, operands: &[&Expr]| {
            let poison = self.refuse_at(error, Expr::notes(operands), None, at);
            vec![poison; carries.len()]
        };
        let operands: Vec<&Expr> = carries.iter().chain(inputs).map(|(_, x)| *x).collect();
        if operands.iter().any(|x| !x.builder.owns(self)) {
            return refuse(Error::OtherGraph, &operands);
        }
        let nodes =
            |list: &[(&str, &Expr)]| list.iter().map(|(_, x)| x.node).collect::<Option<Vec<NodeId>>>();
        let (Some(initial), Some(whole)) = (nodes(carries), nodes(inputs)) else { return poison() };
        let initial: Vec<NamedOperand<'_>> = carries.iter().map(|c| c.0).zip(initial).collect();
        let whole: Vec<NamedOperand<'_>> = inputs.iter().map(|c| c.0).zip(whole).collect();
        let formals = self.try_with(|g| g.scan_formals(name, length, &initial, &whole));
        let (own, entries) = match formals {
            Ok(formals) => formals,
            Err(error) => return refuse(error, &operands),
        };
        let inside = |list: &[(&str, &Expr)], nodes: &[NodeId]| -> Vec<Expr> {
            let each = |((name, _), &node): (&(&str, &Expr), &NodeId)| {
                self.expr(node, Origin::Input(Arc::from(*name)))
            };
            list.iter().zip(nodes).map(each).collect()
        };
        let next = step(&inside(carries, &own), &inside(inputs, &entries));
        let results: Vec<&Expr> = next.iter().collect();
        if results.iter().any(|x| !x.builder.owns(self)) {
            return refuse(Error::OtherGraph, &results);
        }
        let Some(next) = next.iter().map(|x| x.node).collect::<Option<Vec<NodeId>>>() else {
            return poison();
        };
        let made = self.try_with(|g| match fold {
            None => g.close_scan(name, length, backward, &initial, &whole, (&own, &entries), &next),
            Some(keep) => {
                g.close_fold(name, length, backward, keep, &initial, &whole, (&own, &entries), &next)
            }
        });
        match made {
            Ok(nodes) => nodes.into_iter().map(|node| self.expr(node, origin())).collect(),
            Err(error) => refuse(error, &results),
        }
    }
}

impl Expr {
    /// The carry at the end of this trajectory: its last entry, or `initial` when no step was taken.
    #[track_caller]
    pub fn last_carry(&self, initial: &Expr) -> Expr {
        let at = Location::caller();
        Expr::combine("last_carry", &[initial, self], at, |g, n| g.last_carry(n[0], n[1]))
    }
}
