//! Batching: the same program on every entry of a new first axis, as one program.
//!
//! `batch(f)[b, o] = f(x[b])[o]`. Every kind of node has a form with one more axis, so nothing is repeated: a product
//! of a matrix with a vector becomes a product of matrices. What does not read a batched node is computed once.

use super::shapes::l;
use crate::error::{Error, Result};
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Comparison, Linear, Op};
use crate::graph::step::Step;
use crate::index::Term;
use crate::node::NodeId;
use crate::ops::map::Map;
use crate::rational::Rational;
use crate::shape::{DType, Dim, Type};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// A node of the batched program: with the new first axis, or as it was.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lane {
    pub(crate) node: NodeId,
    pub(crate) batched: bool,
}

impl Graph {
    /// The outputs with some nodes read along a new first axis: `y[b, …]` is the output at the entry `b` of each
    /// replacement.
    ///
    /// Every output gets the axis, also one that depends on no replaced node.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`] unless each replacement is of the node's type with a first axis of `extent`;
    /// [`Error::Entries`] for integers without a bound, which cannot be repeated.
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, shape::{Dim, Type}};
    /// let mut g = Graph::new();
    /// let w = g.input("W", Type::real(["m", "n"]))?;
    /// let x = g.input("x", Type::real(["n"]))?;
    /// let all = g.input("X", Type::real(["b", "n"]))?;
    /// let y = g.dot(w, x)?;
    /// let batched = g.batch(&[y], &[(x, all)], &Dim::size("b"))?[0];
    /// let transposed = g.t(w)?;
    /// assert_eq!(batched, g.dot(all, transposed)?);
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn batch(
        &mut self,
        outputs: &[NodeId],
        replaced: &[(NodeId, NodeId)],
        extent: &Dim,
    ) -> Result<Vec<NodeId>> {
        self.expect_nodes(outputs)?;
        for &(from, to) in replaced {
            self.expect_nodes(&[from, to])?;
            let expected = super::scan::trajectory(self.ty(from), extent);
            if *self.ty(to) != expected {
                let right = self.ty(to).clone();
                return Err(Error::ShapesDiffer { operation: "batch", left: expected, right });
            }
        }
        let lanes = self.lanes(outputs, replaced, extent)?;
        lanes.into_iter().map(|lane| self.spread_lane(lane, extent)).collect()
    }

    /// As [`Graph::batch`]; what depends on no replaced node stays as it is.
    pub(crate) fn lanes(
        &mut self,
        outputs: &[NodeId],
        replaced: &[(NodeId, NodeId)],
        extent: &Dim,
    ) -> Result<Vec<Lane>> {
        // Replaced nodes are opened too, so that they are still found where they stand inside of a function's operand.
        let opens = |g: &Graph, n: NodeId| g.as_named(n).is_some_and(|f| f.composite.is_none());
        let ends: Vec<NodeId> = outputs.iter().copied().chain(replaced.iter().map(|r| r.0)).collect();
        let ends = if self.reachable(&ends).iter().any(|&n| opens(self, n)) {
            self.open(&ends, &opens)?
        } else {
            ends
        };
        let (outputs, from) = ends.split_at(outputs.len());
        let mut lanes: FxHashMap<NodeId, Lane> = FxHashMap::default();
        for (&from, &(_, to)) in from.iter().zip(replaced) {
            lanes.insert(from, Lane { node: to, batched: true });
        }
        for node in self.reachable(outputs) {
            if lanes.contains_key(&node) {
                continue;
            }
            let args: SmallVec<[Lane; 3]> = self.args(node).iter().map(|a| lanes[a]).collect();
            let made = if args.iter().any(|a| a.batched) {
                Lane { node: self.batch_node(node, &args, extent)?, batched: true }
            } else {
                Lane { node, batched: false }
            };
            lanes.insert(node, made);
        }
        Ok(outputs.iter().map(|o| lanes[o]).collect())
    }

    /// The node with the new axis, repeated along it where it has none.
    pub(crate) fn spread_lane(&mut self, lane: Lane, extent: &Dim) -> Result<NodeId> {
        if lane.batched {
            return Ok(lane.node);
        }
        let rank = self.rank(lane.node);
        let shape = super::scan::trajectory(self.ty(lane.node), extent).shape;
        self.rearranged(lane.node, shape, (1..=rank).map(l).collect())
    }

    /// `y[o] = x[at(o)]` for entries of any kind: there are views of real arrays only, so truth values are read through
    /// an indicator, and labels as the position of the one in their one-hot row.
    pub(crate) fn rearranged(&mut self, x: NodeId, shape: Vec<Dim>, at: Vec<Term>) -> Result<NodeId> {
        match self.ty(x).dtype {
            DType::Real => Ok(self.intern_product(Product::one(shape).times(Access::new(x, at)))),
            DType::Bool => {
                let held = Product::one(shape).when(Cond::Holds(x, at.into_iter().collect(), false));
                self.indicated(held)
            }
            DType::Int => {
                let Some(below) = self.below(x) else {
                    let found = self.ty(x).clone();
                    return Err(Error::Entries { operation: "batch", expected: DType::Real, found });
                };
                let axis = shape.len();
                let mut rows = shape;
                rows.push(below);
                let one_hot = Product::one(rows).when(Cond::delta(l(axis), Term::element(x, at)));
                let one_hot = self.intern_product(one_hot);
                self.argmax(one_hot, axis)
            }
        }
    }

    /// Where the conditions of a product without factors hold.
    fn indicated(&mut self, product: Product) -> Result<NodeId> {
        let ty = Type::real(product.extents.iter().cloned());
        let (one, zero) = (self.intern_product(product), self.zero(ty));
        self.compare(Comparison::Greater, one, zero)
    }

    /// A node some of whose operands have the new axis.
    fn batch_node(&mut self, node: NodeId, args: &[Lane], extent: &Dim) -> Result<NodeId> {
        let op = self.op(node).clone();
        if let Op::Contract(kind) = &op {
            return Ok(self.batch_product(kind, args, extent));
        }
        if let Op::Scan(_) = &op {
            return self.batch_scan(node, args, extent);
        }
        if let Op::Compare(comparison) = &op
            && self.ty(args[0].node).dtype == DType::Int
            && args[0].batched != args[1].batched
        {
            return self.compare_lanes(*comparison, args, self.ty(node).shape.clone(), extent);
        }
        if let Op::Linear(kind @ (Linear::Solve | Linear::SolveLower | Linear::SolveUpper)) = &op
            && !args[0].batched
        {
            return self.solve_lanes(*kind, args);
        }
        let spread: Vec<NodeId> =
            args.iter().map(|&lane| self.spread_lane(lane, extent)).collect::<Result<_>>()?;
        match &op {
            Op::Sum(coefficients) => {
                let terms: Vec<(Rational, NodeId)> =
                    coefficients.iter().cloned().zip(spread.iter().copied()).collect();
                let ty = self.ty(spread[0]).clone();
                self.sum(&terms, ty)
            }
            Op::Map(id) => Ok(self.map_plain(Map::by_id(*id), &spread)),
            Op::Select => self.select(spread[0], spread[1], spread[2]),
            Op::Compare(comparison) => self.compare(*comparison, spread[0], spread[1]),
            Op::Logic(logic) => self.logic(*logic, &spread),
            Op::Reduce(reduction, axis) => self.reduce(*reduction, spread[0], usize::from(*axis) + 1),
            Op::ArgMax(axis) => self.argmax(spread[0], usize::from(*axis) + 1),
            Op::ArgSort(axis) => self.argsort(spread[0], usize::from(*axis) + 1),
            Op::Linear(kind) => self.linear(*kind, &spread),
            Op::Named(_) => {
                let function = self.as_named(node).expect("invariant: a function").clone();
                let id = function.composite.expect("invariant: other functions are opened");
                let axes: Vec<usize> = function.axes.iter().map(|axis| axis + 1).collect();
                self.composite_over(id, &spread, &axes)
            }
            Op::Tag(name) => Ok(self.tag(name, spread[0])),
            Op::StopGradient => Ok(self.stop_gradient(spread[0])),
            Op::Checkpoint => Ok(self.checkpoint(spread[0])),
            Op::Zero(_) | Op::Input(_) | Op::Rational(_) | Op::Pi | Op::Size(_) | Op::Literal(_) => {
                unreachable!("invariant: a leaf has no operands")
            }
            Op::Contract(_) | Op::Scan(_) => unreachable!("invariant: handled above"),
        }
    }

    /// The new axis is one more free label, at which batched operands are read.
    fn batch_product(&mut self, kind: &Product, args: &[Lane], extent: &Dim) -> NodeId {
        let lead = l(0);
        let mut extents = kind.extents.clone();
        extents.insert(0, extent.clone());
        let mut product = kind.relabel(extents, kind.free + 1, &|label| crate::index::Label(label.0 + 1));
        let batched = |slot: NodeId| args[slot.index()].batched;
        product.map_terms(&mut |t| t.lead_elements(&lead, &batched));
        for access in &mut product.accesses {
            if batched(access.node) {
                access.at.insert(0, lead.clone());
            }
        }
        for cond in &mut product.conds {
            if let Cond::Holds(slot, at, _) = cond
                && batched(*slot)
            {
                at.insert(0, lead.clone());
            }
        }
        product.map_nodes(&mut |slot| args[slot.index()].node);
        self.intern_product(product)
    }

    /// A comparison of integers, one of which is the same for the whole batch.
    fn compare_lanes(
        &mut self,
        comparison: Comparison,
        args: &[Lane],
        mut shape: Vec<Dim>,
        extent: &Dim,
    ) -> Result<NodeId> {
        let rank = shape.len();
        shape.insert(0, extent.clone());
        let entry = |lane: Lane| Term::element(lane.node, (usize::from(!lane.batched)..=rank).map(l));
        let difference = entry(args[0]) - entry(args[1]);
        let cond = match comparison {
            Comparison::Equal => Cond::Zero(difference),
            Comparison::GreaterEqual => Cond::NonNegative(difference),
            Comparison::Greater => Cond::NonNegative(difference - Term::constant(1)),
        };
        self.indicated(Product::one(shape).when(cond))
    }

    /// One matrix for the whole batch: the batch is one more axis of columns.
    fn solve_lanes(&mut self, kind: Linear, args: &[Lane]) -> Result<NodeId> {
        let right = args[1].node;
        let rank = self.rank(right);
        let last: Vec<usize> = (1..rank).chain([0]).collect();
        let columns = self.transpose(right, &last)?;
        let solved = self.linear(kind, &[args[0].node, columns])?;
        let first: Vec<usize> = std::iter::once(rank - 1).chain(0..rank - 1).collect();
        self.transpose(solved, &first)
    }

    /// A scan whose carries have the new axis, after the axis of positions.
    fn batch_scan(&mut self, node: NodeId, args: &[Lane], extent: &Dim) -> Result<NodeId> {
        let (scan, step) = self.as_scan(node).expect("invariant: a scan");
        let (scan, step) = (scan.clone(), step.clone());
        let batched = batched_formals(&step, args);
        let carries = step.carries();
        let own = carries..carries + step.per_step();
        if !batched[usize::from(scan.carry)] {
            // Other carries are batched; this one is not, but its node has batched operands: all of them are spread.
            let plain: Vec<NodeId> = self.unbatched_group(&scan, &step, args, &batched)?;
            let lane = Lane { node: plain[usize::from(scan.carry)], batched: false };
            return self.spread_lane(lane, extent);
        }
        // The step, with formals of the batch in place of its own.
        let mut body = step.body().clone();
        let mut formals: Vec<NodeId> = step.formals().to_vec();
        let mut replaced = Vec::new();
        for (k, formal) in formals.iter_mut().enumerate().filter(|(k, _)| batched[*k]) {
            let ty = super::scan::trajectory(body.ty(*formal), extent);
            let new = body.unused_input(step.formal_name(k), ty)?;
            replaced.push((*formal, new));
            *formal = new;
        }
        let next: Vec<NodeId> = body
            .lanes(step.outputs(), &replaced, extent)?
            .into_iter()
            .enumerate()
            .try_fold(Vec::new(), |mut all, (k, lane)| {
                all.push(if batched[k] { body.spread_lane(lane, extent)? } else { lane.node });
                Ok::<_, Error>(all)
            })?;
        let (closed, constants) =
            body.step(step.name(), &formals[..carries], &formals[own.clone()], &next)?;
        let mut operands = Vec::with_capacity(args.len());
        for (k, &lane) in args[..own.end].iter().enumerate() {
            operands.push(match (k < carries, batched[k]) {
                (true, true) => self.spread_lane(lane, extent)?,
                (false, true) => self.swapped(lane.node)?,
                (_, false) => lane.node,
            });
        }
        let known: Vec<(NodeId, NodeId)> =
            formals[own.end..].iter().zip(&args[own.end..]).map(|(&f, lane)| (f, lane.node)).collect();
        operands.extend(self.import(&body, &constants, &known)?);
        let made = self.scan(Arc::new(closed), &scan.length, scan.backward, &operands)?;
        self.swapped(made[usize::from(scan.carry)])
    }

    /// The trajectories that read nothing batched, from a scan without the carries that do.
    fn unbatched_group(
        &mut self,
        scan: &crate::graph::op::Scan,
        step: &Step,
        args: &[Lane],
        batched: &[bool],
    ) -> Result<Vec<NodeId>> {
        let carries = step.carries();
        let kept: Vec<usize> = (0..carries).filter(|&k| !batched[k]).collect();
        let inputs: Vec<usize> = (carries..carries + step.per_step()).filter(|&k| !batched[k]).collect();
        let formals = |list: &[usize]| list.iter().map(|&k| step.formals()[k]).collect::<Vec<_>>();
        let next: Vec<NodeId> = kept.iter().map(|&k| step.outputs()[k]).collect();
        let (closed, constants) = step.body().step(step.name(), &formals(&kept), &formals(&inputs), &next)?;
        // Constants of the step alone: a value for each step has an axis more as an operand than as a formal.
        let constants_of = step.formals().iter().zip(args).skip(carries + step.per_step());
        let known: Vec<(NodeId, NodeId)> =
            constants_of.filter(|(_, a)| !a.batched).map(|(&f, a)| (f, a.node)).collect();
        let mut operands: Vec<NodeId> = kept.iter().chain(&inputs).map(|&k| args[k].node).collect();
        operands.extend(self.import(step.body(), &constants, &known)?);
        let made = self.scan(Arc::new(closed), &scan.length, scan.backward, &operands)?;
        let mut all = vec![made[0]; carries];
        kept.iter().zip(made).for_each(|(&k, node)| all[k] = node);
        Ok(all)
    }

    /// The first two axes exchanged, for entries of any kind.
    fn swapped(&mut self, x: NodeId) -> Result<NodeId> {
        let mut shape = self.shape(x).to_vec();
        shape.swap(0, 1);
        let mut at: Vec<Term> = (0..shape.len()).map(l).collect();
        at.swap(0, 1);
        self.rearranged(x, shape, at)
    }

    /// A new input with this name, or with another letter after it where the name is taken.
    ///
    /// # Errors
    /// [`Error::Rank`] for an extent that is never positive.
    pub(crate) fn unused_input(&mut self, name: &str, ty: Type) -> Result<NodeId> {
        let mut name = name.to_string();
        while self.find_input(&name).is_some() {
            name.push('\'');
        }
        self.input(&name, ty)
    }
}

/// Which formals of a step get the new axis: operands that have it, and carries that come to depend on one.
fn batched_formals(step: &Step, args: &[Lane]) -> Vec<bool> {
    let reads = step.reads();
    let mut batched: Vec<bool> = args.iter().map(|a| a.batched).collect();
    loop {
        let before = batched.clone();
        for (carry, reads) in reads.iter().enumerate() {
            batched[carry] |= reads.iter().zip(&before).any(|(&reads, &batched)| reads && batched);
        }
        if batched == before {
            return batched;
        }
    }
}
