//! The scan: a step applied again and again, and the trajectory of what it carries.
//!
//! `h[t] = step(h[t-1], x[t], w)` for `t = 0 .. n-1`, and the value is the array of all `h[t]`. What does not feed the
//! recurrence is computed outside, from the whole trajectory at once, so steps stay small. Run backward, the steps go
//! from the last position to the first; the derivative of a scan is a scan that runs the other way.

use super::Primitive;
use super::shapes::l;
use crate::error::{Error, Result};
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Op, Scan};
use crate::graph::step::Step;
use crate::index::Term;
use crate::node::NodeId;
use crate::shape::{Dim, Type};
use std::collections::BTreeSet;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Its entry is the whole Jacobian; sweeps apply it by scans and never form it, see
/// [`derive::scan`](crate::derive::scan).
pub static SCAN: Primitive = Primitive {
    name: "scan",
    family: "Recurrences",
    about: "All carries of a step that is applied n times, one after the other.",
    formula: "y[t,o] = h[t][o],  h[t] = step(h[t-1], x[t], w),  h[-1] = h0",
    derivative: "dh[t]/dx[s] = A[t] @ ... @ A[s+1] @ B[s] for s <= t,  A[t] = dh[t]/dh[t-1],  B[s] = dh[s]/dx[s];  dh[t]/dw = sum(s, A[t] @ ... @ A[s+1] @ C[s]),  C[s] = dh[s]/dw;  dh[t]/dh0 = A[t] @ ... @ A[0]",
    domain: "that of the step, at every position",
    kinks: "those of the step",
    entry: |g, y, k| g.scan_entry(y, k),
};

/// Which carries of a recurrence are kept for its reverse sweep.
///
/// A plan of the derivative of `n` steps keeps `n/k` carries at the ends of segments, and those of one segment of `k`
/// steps at a time. It takes every step twice: once forwards, and again when the reverse sweep comes to its segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checkpoint {
    /// The carry of each step, and everything that the reverse sweep reads of the steps, for all positions at once: the
    /// least work and the most memory.
    Each,
    /// The carry at every `k`-th step.
    Every(Dim),
}

impl Checkpoint {
    /// Segments of about `√n` steps: together the fewest carries, `2 √n` of `n`.
    pub fn root(n: u64) -> Checkpoint {
        Checkpoint::Every(Dim::fixed(i64::from((n.isqrt() as u32).max(1))))
    }
}

/// A carry before the first step or an input of each step, by the name it has in the step.
pub type NamedOperand<'a> = (&'a str, NodeId);

impl Graph {
    /// The trajectories of a step applied `length` times, one for each carry: entry `t` is the carry after the step at
    /// position `t`.
    ///
    /// Operands as the formals of the step: the carries before the first step, inputs of each step with a leading axis
    /// of `length`, constants. With `backward`, the step at the last position comes first. No step gives empty
    /// trajectories.
    ///
    /// # Errors
    /// [`Error::Scan`] for operands that do not fit the formals.
    pub fn scan(
        &mut self,
        step: Arc<Step>,
        length: &Dim,
        backward: bool,
        operands: &[NodeId],
    ) -> Result<Vec<NodeId>> {
        self.expect_scan(&step, length, operands)?;
        let types: Vec<Type> =
            step.outputs().iter().map(|&o| trajectory(step.body().ty(o), length)).collect();
        let step = self.add_step(step);
        let of = |(carry, ty): (usize, Type)| {
            let scan = Scan { step, carry: carry as u16, length: length.clone(), backward };
            self.intern(Op::Scan(Box::new(scan)), operands, ty)
        };
        Ok(types.into_iter().enumerate().map(of).collect())
    }

    /// One trajectory of a recurrence that has been checked where it was built first.
    pub(crate) fn scan_carry(&mut self, scan: &Scan, step: Arc<Step>, operands: &[NodeId]) -> Result<NodeId> {
        self.expect_scan(&step, &scan.length, operands)?;
        let output = step.outputs()[usize::from(scan.carry)];
        let ty = trajectory(step.body().ty(output), &scan.length);
        let step = self.add_step(step);
        Ok(self.intern(Op::Scan(Box::new(Scan { step, ..scan.clone() })), operands, ty))
    }

    /// Fails unless the operands fit the formals of the step.
    fn expect_scan(&self, step: &Step, length: &Dim, operands: &[NodeId]) -> Result<()> {
        self.expect_nodes(operands)?;
        let refuse = |problem: String| Err(Error::Scan { step: step.name().to_string(), problem });
        if operands.len() != step.formals().len() {
            let expected = step.formals().len();
            return refuse(format!("it takes {expected} operands, and {} are given", operands.len()));
        }
        if !length.is_zero() && (-length.clone()).is_nonnegative(&BTreeSet::new()) {
            return refuse(format!("it cannot be applied {length} times"));
        }
        let own = step.carries()..step.carries() + step.per_step();
        for (k, (&formal, &operand)) in step.formals().iter().zip(operands).enumerate() {
            let ty = step.body().ty(formal);
            let (kind, expected) = match k {
                _ if own.contains(&k) => ("input", trajectory(ty, length)),
                _ if k < own.start => ("carry", ty.clone()),
                _ => ("constant", ty.clone()),
            };
            if *self.ty(operand) != expected {
                let name = step.formal_name(k);
                return refuse(format!("{kind} {name} should be {expected}, not {}", self.ty(operand)));
            }
        }
        Ok(())
    }

    /// The trajectories of a recurrence that is written down as its step: the body gets the carries and the entries
    /// of `inputs` that belong to the step, and answers with the next carries.
    ///
    /// Whatever else the body reads is a constant of the recurrence and computed once.
    ///
    /// # Errors
    /// [`Error::Scan`] for inputs without a leading axis of `length` and for next carries of other types than the
    /// carries; what the body refuses.
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, shape::{Dim, Type}};
    /// let mut g = Graph::new();
    /// let a = g.input("a", Type::scalar())?;
    /// let x = g.input("x", Type::real(["n"]))?;
    /// let h0 = g.integer(0);
    /// // h[t] = a h[t-1] + x[t]
    /// let h = g.recurrence("decay", &Dim::size("n"), false, &[("h", h0)], &[("x", x)], |g, h, x| {
    ///     let kept = g.multiply(a, h[0])?;
    ///     Ok(vec![g.add(kept, x[0])?])
    /// })?[0];
    /// assert_eq!(g.shape(h), g.shape(x));
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn recurrence(
        &mut self,
        name: &str,
        length: &Dim,
        backward: bool,
        carries: &[NamedOperand<'_>],
        inputs: &[NamedOperand<'_>],
        body: impl FnOnce(&mut Graph, &[NodeId], &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        let (own, entries) = self.scan_formals(name, length, carries, inputs)?;
        let next = body(self, &own, &entries)?;
        self.close_scan(name, length, backward, carries, inputs, (&own, &entries), &next)
    }

    /// Inputs that stand for the carries and for one entry of each input.
    pub(crate) fn scan_formals(
        &mut self,
        name: &str,
        length: &Dim,
        carries: &[NamedOperand<'_>],
        inputs: &[NamedOperand<'_>],
    ) -> Result<(Vec<NodeId>, Vec<NodeId>)> {
        let mut entries: Vec<Type> = Vec::with_capacity(inputs.len());
        for &(input, node) in inputs {
            self.expect_nodes(&[node])?;
            let mut ty = self.ty(node).clone();
            if ty.shape.first() != Some(length) {
                let problem = format!(
                    "input {input} should have a first axis of {length}, not {ty}\n  help: each step reads one entry along the first axis; what every step reads alike is used inside the step as it is"
                );
                return Err(Error::Scan { step: name.to_string(), problem });
            }
            ty.shape.remove(0);
            entries.push(ty);
        }
        self.expect_nodes(&carries.iter().map(|c| c.1).collect::<Vec<_>>())?;
        let own: Vec<Type> = carries.iter().map(|&(_, node)| self.ty(node).clone()).collect();
        let mut declare = |operands: &[NamedOperand<'_>], types: Vec<Type>| -> Vec<NodeId> {
            operands.iter().zip(types).map(|((name, _), ty)| self.fresh_input(name, ty)).collect()
        };
        Ok((declare(carries, own), declare(inputs, entries)))
    }

    /// The trajectories, once the step has been written down over its formals.
    #[allow(clippy::too_many_arguments, reason = "the recurrence as it is written, and its formals")]
    pub(crate) fn close_scan(
        &mut self,
        name: &str,
        length: &Dim,
        backward: bool,
        carries: &[NamedOperand<'_>],
        inputs: &[NamedOperand<'_>],
        (own, entries): (&[NodeId], &[NodeId]),
        next: &[NodeId],
    ) -> Result<Vec<NodeId>> {
        let (step, constants) = self.step(name, own, entries, next)?;
        let operands: Vec<NodeId> =
            carries.iter().chain(inputs).map(|operand| operand.1).chain(constants).collect();
        self.scan(Arc::new(step), length, backward, &operands)
    }

    /// The carries after `length` steps, one by one what [`Graph::recurrence`] ends with: the value of a loop.
    ///
    /// `keep` says what the reverse sweep keeps of the steps. A loss over all states is one more carry that is added to.
    ///
    /// # Errors
    /// As [`Graph::recurrence`]; [`Error::Scan`] for a segment that is not positive, or whose symbolic length does not
    /// divide that of the recurrence.
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, ops::scan::Checkpoint, rational::Rational, shape::{Dim, Type}};
    /// let mut g = Graph::new();
    /// let (a, x0) = (g.input("a", Type::scalar())?, g.input("x0", Type::scalar())?);
    /// // 10 000 steps of x ← a x (1 - x), of which the gradient keeps 100 states and 100 more at a time.
    /// let (n, keep) = (Dim::fixed(10_000), Checkpoint::root(10_000));
    /// let end = g.fold("logistic", &n, false, &keep, &[("x", x0)], &[], |g, x, _| {
    ///     let square = g.multiply(x[0], x[0])?;
    ///     let minus = g.scale(&Rational::from(-1), square);
    ///     let rest = g.add(x[0], minus)?;
    ///     Ok(vec![g.multiply(a, rest)?])
    /// })?[0];
    /// let slope = g.gradient(end, &[x0])?[0];
    /// assert_eq!(g.rank(slope), 0);
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    #[allow(clippy::too_many_arguments, reason = "a recurrence as it is written")]
    pub fn fold(
        &mut self,
        name: &str,
        length: &Dim,
        backward: bool,
        keep: &Checkpoint,
        carries: &[NamedOperand<'_>],
        inputs: &[NamedOperand<'_>],
        body: impl FnOnce(&mut Graph, &[NodeId], &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        let (own, entries) = self.scan_formals(name, length, carries, inputs)?;
        let next = body(self, &own, &entries)?;
        self.close_fold(name, length, backward, keep, carries, inputs, (&own, &entries), &next)
    }

    /// The last carries, once the step has been written down over its formals.
    #[allow(clippy::too_many_arguments, reason = "the recurrence as it is written, and its formals")]
    pub(crate) fn close_fold(
        &mut self,
        name: &str,
        length: &Dim,
        backward: bool,
        keep: &Checkpoint,
        carries: &[NamedOperand<'_>],
        inputs: &[NamedOperand<'_>],
        (own, entries): (&[NodeId], &[NodeId]),
        next: &[NodeId],
    ) -> Result<Vec<NodeId>> {
        let (step, constants) = self.step(name, own, entries, next)?;
        let names: Vec<&str> = carries.iter().chain(inputs).map(|operand| operand.0).collect();
        let fold = Fold { step: Arc::new(step), names, constants, backward };
        let initial: Vec<NodeId> = carries.iter().map(|operand| operand.1).collect();
        let whole: Vec<NodeId> = inputs.iter().map(|operand| operand.1).collect();
        let Checkpoint::Every(every) = keep else {
            return fold.steps(self, length, &initial, &whole);
        };
        let refuse = |problem: String| Err(Error::Scan { step: name.to_string(), problem });
        if every.as_fixed().is_some_and(|k| k <= 0) {
            return refuse(format!(
                "a segment between two checkpoints has {every} steps, and it needs at least one"
            ));
        }
        let (segments, rest) = match (length.divide_exactly(every), length.as_fixed(), every.as_fixed()) {
            (Some(segments), ..) => (segments, Dim::ZERO),
            (None, Some(n), Some(k)) if n >= 0 => (Dim::fixed(n / k), Dim::fixed(n % k)),
            _ => {
                return refuse(format!(
                    "{length} steps are no whole number of segments of {every}\n  help: write the length as a product, such as m*{every}, or give both as numbers"
                ));
            }
        };
        let done = segments.clone() * every.clone();
        // What does not fill a segment are the steps at the last positions.
        let mut parts = vec![(Dim::ZERO, done.clone(), true), (done, rest, false)];
        parts.retain(|(_, steps, _)| !steps.is_zero());
        if backward {
            parts.reverse();
        }
        let mut carried = initial;
        for (first, steps, in_segments) in parts {
            let part: Vec<NodeId> =
                whole.iter().map(|&x| self.part(x, &first, &steps)).collect::<Result<_>>()?;
            carried = match in_segments {
                true => fold.segments(self, &segments, every, &carried, &part)?,
                false => fold.steps(self, &steps, &carried, &part)?,
            };
        }
        Ok(carried)
    }

    /// Positions from `first` on of an array with a first axis of positions.
    fn part(&mut self, x: NodeId, first: &Dim, steps: &Dim) -> Result<NodeId> {
        if self.shape(x)[0] == *steps {
            return Ok(x);
        }
        let mut shape = self.shape(x).to_vec();
        shape[0] = steps.clone();
        let mut at: Vec<Term> = (0..shape.len()).map(l).collect();
        at[0] = at[0].clone() + Term::constant(first.clone());
        self.rearranged(x, shape, at)
    }

    /// The carry at the end of a trajectory: its last entry, or `initial` when no step was taken.
    ///
    /// # Errors
    /// [`Error::Rank`] unless the trajectory is one of values like `initial`; [`Error::Entries`] for labels.
    pub fn last_carry(&mut self, initial: NodeId, trajectory: NodeId) -> Result<NodeId> {
        self.expect_nodes(&[initial, trajectory])?;
        let shape = self.shape(initial).to_vec();
        let Some(length) = self.shape(trajectory).first().cloned().filter(|n| {
            let whole: Vec<Dim> = std::iter::once(n.clone()).chain(shape.iter().cloned()).collect();
            self.shape(trajectory) == &whole[..]
        }) else {
            let expected = "the trajectory of values like the initial one";
            let found = self.ty(trajectory).clone();
            return Err(Error::Rank { operation: "last_carry", expected, found });
        };
        let first = self.insert_axis(initial, 0)?;
        let all = self.concat(&[first, trajectory], 0)?;
        let end = self.slice(all, 0, &length, 1, &Dim::ONE)?;
        self.reshape(end, &shape)
    }
}

/// The type of all values of a type along a first axis.
pub(crate) fn trajectory(ty: &Type, length: &Dim) -> Type {
    let mut ty = ty.clone();
    ty.shape.insert(0, length.clone());
    ty
}

/// A recurrence of which the last carries are wanted.
struct Fold<'a> {
    step: Arc<Step>,
    /// Names of the carries and inputs.
    names: Vec<&'a str>,
    constants: Vec<NodeId>,
    backward: bool,
}

impl Fold<'_> {
    /// The carries after so many steps.
    fn steps(
        &self,
        g: &mut Graph,
        length: &Dim,
        initial: &[NodeId],
        inputs: &[NodeId],
    ) -> Result<Vec<NodeId>> {
        let operands: Vec<NodeId> = initial.iter().chain(inputs).chain(&self.constants).copied().collect();
        let all = g.scan(self.step.clone(), length, self.backward, &operands)?;
        Ok(initial.iter().zip(all).map(|(&first, all)| self.end(g, length, first, all)).collect())
    }

    /// The last entry of a trajectory, or `initial` without a step.
    fn end(&self, g: &mut Graph, length: &Dim, initial: NodeId, all: NodeId) -> NodeId {
        let shape = g.shape(initial).to_vec();
        let last = if self.backward { Dim::ZERO } else { length.clone() - Dim::ONE };
        let own: Vec<Term> = (0..shape.len()).map(l).collect();
        let at = std::iter::once(Term::constant(last)).chain(own.iter().cloned());
        let some = Cond::NonNegative(Term::constant(length.clone() - Dim::ONE));
        let none = Cond::NonNegative(Term::constant(-length.clone()));
        let after = Product::one(shape.clone()).times(Access::new(all, at)).when(some);
        let before = Product::one(shape.clone()).times(Access::new(initial, own)).when(none);
        g.sum_of_products(&[after, before], &shape)
    }

    /// The same, of segments of `every` steps: a recurrence whose step is a recurrence, and asks to be taken again.
    fn segments(
        &self,
        g: &mut Graph,
        segments: &Dim,
        every: &Dim,
        initial: &[NodeId],
        inputs: &[NodeId],
    ) -> Result<Vec<NodeId>> {
        let mut cut = Vec::with_capacity(inputs.len());
        for &x in inputs {
            let mut shape = g.shape(x).to_vec();
            shape[0] = every.clone();
            shape.insert(0, segments.clone());
            let position = l(0).scaled(every) + l(1);
            let at = std::iter::once(position).chain((2..shape.len()).map(l)).collect();
            cut.push(g.rearranged(x, shape, at)?);
        }
        let (own, entries) = self.names.split_at(initial.len());
        let carries: Vec<NamedOperand<'_>> = own.iter().copied().zip(initial.iter().copied()).collect();
        let whole: Vec<NamedOperand<'_>> = entries.iter().copied().zip(cut).collect();
        let name = format!("{}_segment", self.step.name());
        let all = g.recurrence(&name, segments, self.backward, &carries, &whole, |g, carried, parts| {
            let ends = self.steps(g, every, carried, parts)?;
            Ok(ends.into_iter().map(|end| g.checkpoint(end)).collect())
        })?;
        Ok(initial.iter().zip(all).map(|(&first, all)| self.end(g, segments, first, all)).collect())
    }
}
