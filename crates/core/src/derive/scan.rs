//! Derivatives of scans: recurrences again, and what does not recur is computed for all positions at once.
//!
//! With `A[t] = ∂h[t]/∂h[t-1]`, the cotangent of the trajectory obeys `g[t] = c[t] + A[t+1]ᵀ g[t+1]`, a scan that runs
//! the other way and carries cotangents only: `m ← A[t]ᵀ (c[t] + m)`. From `g` the cotangents of inputs and constants
//! are one VJP of the step *batched* over all positions, so that `Σ_t` of outer products is one matrix product. The
//! tangent is `d[t] = A[t] d[t-1] + u[t]`, where `u`, the part through inputs and constants, is one batched JVP.
//!
//! A step whose results are checkpoints is not batched: what it gives to inputs and constants is carried along, step by
//! step, and the step is taken again where its parts are needed.
//!
//! Outer axes (of a Jacobian's far end) go along as axes of the carries; values of the primal are not repeated for
//! them. Each side works in a graph of its own, copied from the step's body, so that nothing that happens to stand
//! around the scan is mistaken for a part of it.

use super::{open_opaque, sweep};
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Op, Scan};
use crate::graph::step::Step;
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::ops::rules::Rules;
use crate::ops::scan::trajectory;
use crate::rational::Rational;
use crate::shape::{Dim, Type};
use rustc_hash::FxHashMap;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Cotangents that have arrived at some trajectories of a recurrence, until they have at all.
#[derive(Default)]
pub(crate) struct Arrivals {
    waiting: FxHashMap<NodeId, Vec<Option<NodeId>>>,
}

impl Arrivals {
    /// A cotangent has arrived at a trajectory; at the last one that takes part, those of the operands.
    pub(crate) fn reach(
        &mut self,
        g: &mut Graph,
        rules: &Rules,
        node: NodeId,
        cotangent: NodeId,
        far: &[Dim],
        active: &[bool],
    ) -> Result<Vec<(NodeId, Product)>> {
        let carries = g.carries(node);
        let takes_part = |n: &NodeId| active.get(n.index()).copied().unwrap_or(false);
        let last = carries.iter().flatten().copied().filter(takes_part).min().unwrap_or(node);
        let slots = self.waiting.entry(last).or_insert_with(|| vec![None; carries.len()]);
        if !g.is_zero(cotangent)
            && let Some(k) = carries.iter().position(|c| *c == Some(node))
        {
            slots[k] = Some(cotangent);
        }
        if node != last {
            return Ok(Vec::new());
        }
        let cotangents = self.waiting.remove(&last).unwrap_or_default();
        let operands = g.args(node);
        let wanted: Vec<bool> = operands.iter().map(&takes_part).collect();
        let recurrence = Recurrence::of(g, node);
        let pulled = recurrence.pull_back(g, rules, &cotangents, far, &wanted)?;
        let arrived = operands.iter().zip(pulled).filter_map(|(&a, bar)| {
            let bar = bar.filter(|&b| !g.is_zero(b))?;
            Some((a, Product::of(bar, g.shape(bar))))
        });
        Ok(arrived.collect())
    }
}

/// Tangents of recurrences that a forward sweep has passed.
#[derive(Default)]
pub(crate) struct Departures {
    known: FxHashMap<NodeId, Option<NodeId>>,
}

impl Departures {
    /// The tangent of a trajectory, from those of the operands.
    pub(crate) fn leave(
        &mut self,
        g: &mut Graph,
        rules: &Rules,
        node: NodeId,
        far: &[Dim],
        tangent: &dyn Fn(&mut Graph, NodeId) -> Option<NodeId>,
    ) -> Result<Option<Product>> {
        if !self.known.contains_key(&node) {
            let operands = g.args(node);
            let tangents: Vec<Option<NodeId>> =
                operands.iter().map(|&a| tangent(g, a).filter(|&t| !g.is_zero(t))).collect();
            let recurrence = Recurrence::of(g, node);
            let pushed = recurrence.push_forward(g, rules, &tangents, far)?;
            for (carry, tangent) in g.carries(node).into_iter().zip(pushed) {
                if let Some(carry) = carry {
                    self.known.insert(carry, tangent);
                }
            }
        }
        Ok(self.known[&node].map(|tangent| Product::of(tangent, g.shape(tangent))))
    }
}

impl Graph {
    /// The entry of a scan with respect to one operand: its whole Jacobian as one factor.
    pub(crate) fn scan_entry(&mut self, y: NodeId, k: usize) -> Result<Vec<Product>> {
        let x = self.arg(y, k);
        if self.ty(x).dtype != crate::shape::DType::Real {
            return Ok(Vec::new());
        }
        let recurrence = Recurrence::of(self, y);
        let far = self.shape(y).to_vec();
        let identity = self.product(Product::identity(&far));
        let mut cotangents = vec![None; recurrence.step.carries()];
        cotangents[usize::from(recurrence.scan.carry)] = Some(identity);
        let wanted: Vec<bool> = (0..recurrence.operands.len()).map(|j| j == k).collect();
        let bars = recurrence.pull_back(self, &Rules::new(), &cotangents, &far, &wanted)?;
        Ok(bars[k].filter(|&b| !self.is_zero(b)).map(|b| Product::of(b, self.shape(b))).into_iter().collect())
    }
}

/// All trajectories of a scan.
struct Recurrence {
    scan: Scan,
    step: Arc<Step>,
    operands: Vec<NodeId>,
}

/// `outer` and then `own`.
fn over(outer: &[Dim], own: &[Dim]) -> Type {
    Type::real(outer.iter().chain(own).cloned())
}

impl Recurrence {
    fn of(g: &Graph, node: NodeId) -> Recurrence {
        let (scan, step) = g.as_scan(node).expect("invariant: a scan");
        Recurrence { scan: scan.clone(), step: step.clone(), operands: g.args(node).to_vec() }
    }

    fn length(&self) -> &Dim {
        &self.scan.length
    }

    /// The formals that are read at each position.
    fn entries(&self) -> std::ops::Range<usize> {
        self.step.carries()..self.step.carries() + self.step.per_step()
    }

    fn carry_shape(&self, carry: usize) -> &[Dim] {
        self.step.body().shape(self.step.outputs()[carry])
    }

    /// For each carry, the formals that its next value depends on through numbers.
    fn dependence(&self) -> Vec<Vec<bool>> {
        let (body, formals) = (self.step.body(), self.step.formals());
        let of = |&output: &NodeId| {
            let active = sweep::active(body, &[output], formals);
            formals.iter().map(|f| active.get(f.index()).copied().unwrap_or(false)).collect()
        };
        self.step.outputs().iter().map(of).collect()
    }

    /// Carries whose trajectories depend on the chosen operands.
    fn moved(&self, dependence: &[Vec<bool>], chosen: &[bool]) -> Vec<bool> {
        let carries = self.step.carries();
        let mut moved = vec![false; carries];
        loop {
            let before = moved.clone();
            for (carry, reads) in dependence.iter().enumerate() {
                let moves = |k: usize| chosen[k] || (k < carries && before[k]);
                moved[carry] |= reads.iter().enumerate().any(|(k, &reads)| reads && moves(k));
            }
            if moved == before {
                return moved;
            }
        }
    }

    /// The trajectory of a carry.
    fn trajectory(&self, g: &mut Graph, carry: usize) -> Result<NodeId> {
        let scan = Scan { carry: carry as u16, ..self.scan.clone() };
        g.scan_carry(&scan, self.step.clone(), &self.operands)
    }

    /// The carry before each step: `h0` and then the trajectory without its end.
    fn previous(&self, g: &mut Graph, carry: usize) -> Result<NodeId> {
        let all = self.trajectory(g, carry)?;
        let rank = g.rank(all);
        let shape = g.shape(all).to_vec();
        let (first, before, inside) = self.shifted(false);
        let rest = (1..rank).map(|k| Term::label(Label(k as u32)));
        let start = Product::one(shape.clone())
            .times(Access::new(self.operands[carry], rest.clone()))
            .when(Cond::Zero(Term::label(Label(0)) - first));
        let later = Product::one(shape.clone())
            .times(Access::new(all, std::iter::once(before).chain(rest)))
            .when(Cond::NonNegative(inside));
        Ok(g.sum_of_products(&[start, later], &shape))
    }

    /// Where the steps begin; the position next to position `l(0)`, towards the beginning or the end of the steps; and
    /// what is at least 0 where there is such a position.
    fn shifted(&self, later: bool) -> (Term, Term, Term) {
        let t = Term::label(Label(0));
        let last = Term::constant(self.length().clone() - Dim::ONE);
        let first = if self.scan.backward { last.clone() } else { Term::constant(0) };
        if later != self.scan.backward {
            let next = t + Term::constant(1);
            (first, next.clone(), last - next)
        } else {
            let next = t - Term::constant(1);
            (first, next.clone(), next)
        }
    }

    /// Cotangents of the operands that are wanted, over `far…` and their axes, from those of the trajectories over `far…`
    /// and theirs.
    fn pull_back(
        &self,
        g: &mut Graph,
        rules: &Rules,
        cotangents: &[Option<NodeId>],
        far: &[Dim],
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let carries = self.step.carries();
        let dependence = self.dependence();
        let moved = self.moved(&dependence, wanted);
        // Carries that a cotangent reaches, and among them those that the wanted operands move.
        let mut reached: Vec<bool> = cotangents.iter().map(Option::is_some).collect();
        loop {
            let before = reached.clone();
            for k in 0..carries {
                reached[k] |= (0..carries).any(|j| before[j] && dependence[j][k]);
            }
            if reached == before {
                break;
            }
        }
        let live: Vec<usize> = (0..carries).filter(|&k| reached[k] && moved[k]).collect();
        let mut bars = vec![None; self.operands.len()];
        if live.is_empty() {
            return Ok(bars);
        }
        let fed = |k: usize| live.iter().any(|&j| dependence[j][k]);
        let kept: Vec<usize> = (0..carries).filter(|&k| (wanted[k] || moved[k]) && fed(k)).collect();
        if self.is_checkpointed() {
            return self.pull_back_in_turn(g, rules, cotangents, far, (&live, &kept), wanted);
        }
        let through = self.cotangents_before(g, rules, cotangents, far, &live, &kept)?;
        for (&k, &all) in kept.iter().zip(&through) {
            if wanted[k] {
                bars[k] = Some(self.at_start(g, all, far, self.carry_shape(k)));
            }
        }
        let direct: Vec<usize> = (carries..self.operands.len()).filter(|&k| wanted[k]).collect();
        if direct.is_empty() {
            return Ok(bars);
        }
        // g[t] = c[t] + m[t+1], and then all positions at once.
        let mut totals = Vec::with_capacity(live.len());
        for &j in &live {
            let mut terms: Vec<(Rational, NodeId)> =
                cotangents[j].map(|c| (Rational::ONE, c)).into_iter().collect();
            if let Some(place) = kept.iter().position(|&k| k == j) {
                terms.push((Rational::ONE, self.cotangent_after(g, through[place], far, j)));
            }
            let ty = over(far, &self.with_positions(self.carry_shape(j)));
            totals.push(g.sum_unchecked(&terms, |_| ty));
        }
        let mut work = Batched::new(self, rules, &live)?;
        let mut seeds = Vec::with_capacity(live.len());
        for ((&j, &value), &total) in live.iter().zip(&work.values).zip(&totals) {
            let name = format!("{}_bar", self.step.formal_name(j));
            let seed = work.body.unused_input(&name, g.ty(total).clone())?;
            work.known.push((seed, total));
            seeds.push((value, Product::of(seed, g.shape(total))));
        }
        let xs: Vec<NodeId> = direct.iter().map(|&k| work.formals[k]).collect();
        let made = sweep::reverse_from(&mut work.body, rules, &mut None, seeds, far.len(), &xs)?;
        for (&k, bar) in direct.iter().zip(work.bring(self, g, &made)?) {
            bars[k] = Some(bar);
        }
        Ok(bars)
    }

    /// `m[t] = A[t]ᵀ (c[t] + m[t+1])` for the kept carries, over `t, far…` and the axes of the carry.
    fn cotangents_before(
        &self,
        g: &mut Graph,
        rules: &Rules,
        cotangents: &[Option<NodeId>],
        far: &[Dim],
        live: &[usize],
        kept: &[usize],
    ) -> Result<Vec<NodeId>> {
        if kept.is_empty() {
            return Ok(Vec::new());
        }
        let mut draft = Draft::new(self, rules)?;
        let seeds = self.cotangent_seeds(g, &mut draft, cotangents, far, live, kept)?;
        let xs: Vec<NodeId> = kept.iter().map(|&k| self.step.formals()[k]).collect();
        let next = sweep::reverse_from(&mut draft.body, rules, &mut None, seeds, far.len(), &xs)?;
        draft.run(self, g, "bar", !self.scan.backward, &next)
    }

    /// The cotangents of the next carries, `c[t] + m[t+1]`, in the step that carries `m`.
    fn cotangent_seeds(
        &self,
        g: &mut Graph,
        draft: &mut Draft,
        cotangents: &[Option<NodeId>],
        far: &[Dim],
        live: &[usize],
        kept: &[usize],
    ) -> Result<Vec<(NodeId, Product)>> {
        for &k in kept {
            let zero = g.zero(over(far, self.carry_shape(k)));
            draft.carry(g, &format!("{}_bar", self.step.formal_name(k)), zero)?;
        }
        let mut seeds = Vec::with_capacity(live.len());
        for &j in live {
            let mut total = kept.iter().position(|&k| k == j).map(|place| draft.carried[place].0);
            if let Some(cotangent) = cotangents[j] {
                let name = format!("{}_arriving", self.step.formal_name(j));
                let formal = draft.arriving(g, &name, cotangent, far.len())?;
                total = Some(match total {
                    Some(total) => draft.body.add(total, formal)?,
                    None => formal,
                });
            }
            let total = total.expect("invariant: a carry without a cotangent feeds one that has");
            seeds.push((draft.outputs[j], Product::of(total, draft.body.shape(total))));
        }
        Ok(seeds)
    }

    /// Whether the step asks to be taken again in the reverse sweep: then nothing of it is kept for all positions.
    fn is_checkpointed(&self) -> bool {
        let body = self.step.body();
        self.step.outputs().iter().any(|&o| matches!(body.op(o), Op::Checkpoint))
    }

    /// The cotangents of operands, those of inputs and constants with the carries: one step of the reverse sweep takes the
    /// step again and adds what it gives, so that no more than one step is in memory.
    fn pull_back_in_turn(
        &self,
        g: &mut Graph,
        rules: &Rules,
        cotangents: &[Option<NodeId>],
        far: &[Dim],
        (live, kept): (&[usize], &[usize]),
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let carries = self.step.carries();
        let mut bars = vec![None; self.operands.len()];
        let direct: Vec<usize> = (carries..self.operands.len()).filter(|&k| wanted[k]).collect();
        if kept.is_empty() && direct.is_empty() {
            return Ok(bars);
        }
        let mut draft = Draft::new(self, rules)?;
        let seeds = self.cotangent_seeds(g, &mut draft, cotangents, far, live, kept)?;
        let formals = self.step.formals();
        for &k in &direct {
            let zero = g.zero(over(far, self.step.body().shape(formals[k])));
            draft.carry(g, &format!("{}_bar", self.step.formal_name(k)), zero)?;
        }
        let xs: Vec<NodeId> = kept.iter().chain(&direct).map(|&k| formals[k]).collect();
        let mut next = sweep::reverse_from(&mut draft.body, rules, &mut None, seeds, far.len(), &xs)?;
        for (place, &k) in kept.iter().chain(&direct).enumerate() {
            // Every step adds to the cotangent of a constant; that of an input's entry belongs to one step.
            if k >= self.entries().end {
                let total = draft.carried[place].0;
                next[place] = draft.body.add(total, next[place])?;
            }
        }
        let all = draft.run(self, g, "bar", !self.scan.backward, &next)?;
        for (&k, &all) in kept.iter().chain(&direct).zip(&all).filter(|(k, _)| wanted[**k]) {
            bars[k] = Some(if self.entries().contains(&k) {
                positions_after(g, all, far.len())?
            } else {
                self.at_start(g, all, far, self.step.body().shape(formals[k]))
            });
        }
        Ok(bars)
    }

    fn with_positions(&self, shape: &[Dim]) -> Vec<Dim> {
        std::iter::once(self.length().clone()).chain(shape.iter().cloned()).collect()
    }

    /// `m[t+1]` over `far…, t` and the axes of the carry: absent at the end.
    fn cotangent_after(&self, g: &mut Graph, all: NodeId, far: &[Dim], carry: usize) -> NodeId {
        let own = self.carry_shape(carry);
        let (_, next, inside) = self.shifted(true);
        let place = |t: &Term| t.relabel(&|_| Label(far.len() as u32));
        let outer = (0..far.len()).map(|k| Term::label(Label(k as u32)));
        let rest = (far.len() + 1..far.len() + 1 + own.len()).map(|k| Term::label(Label(k as u32)));
        let at = std::iter::once(place(&next)).chain(outer).chain(rest);
        let extents = far.iter().cloned().chain(self.with_positions(own));
        let product =
            Product::one(extents).times(Access::new(all, at)).when(Cond::NonNegative(place(&inside)));
        g.product(product)
    }

    /// `m` where the steps begin, over `far…` and its own axes: absent when there is no step.
    fn at_start(&self, g: &mut Graph, all: NodeId, far: &[Dim], own: &[Dim]) -> NodeId {
        let (first, _, _) = self.shifted(false);
        let rest = (0..far.len() + own.len()).map(|k| Term::label(Label(k as u32)));
        let product = Product::one(far.iter().chain(own).cloned())
            .times(Access::new(all, std::iter::once(first).chain(rest)))
            .when(Cond::NonNegative(Term::constant(self.length().clone() - Dim::ONE)));
        g.product(product)
    }

    /// Tangents of the trajectories over `far…` and their axes, from those of the operands.
    fn push_forward(
        &self,
        g: &mut Graph,
        rules: &Rules,
        tangents: &[Option<NodeId>],
        far: &[Dim],
    ) -> Result<Vec<Option<NodeId>>> {
        let carries = self.step.carries();
        let chosen: Vec<bool> = tangents.iter().map(Option::is_some).collect();
        let moved = self.moved(&self.dependence(), &chosen);
        let live: Vec<usize> = (0..carries).filter(|&k| moved[k]).collect();
        let mut pushed = vec![None; carries];
        if live.is_empty() {
            return Ok(pushed);
        }
        let direct = self.direct_tangents(g, rules, tangents, far, &live)?;
        let kept: Vec<usize> = (0..carries).filter(|&k| moved[k] || chosen[k]).collect();
        let mut draft = Draft::new(self, rules)?;
        let mut seeds = Vec::with_capacity(kept.len());
        for &k in &kept {
            let start = tangents[k].unwrap_or_else(|| g.zero(over(far, self.carry_shape(k))));
            let formal = draft.carry(g, &format!("{}_dot", self.step.formal_name(k)), start)?;
            seeds.push((self.step.formals()[k], Product::of(formal, g.shape(start))));
        }
        let mut next = Vec::with_capacity(kept.len());
        for &k in &kept {
            let ty = over(far, self.carry_shape(k));
            if !moved[k] {
                next.push(draft.body.zero(ty));
                continue;
            }
            let output = draft.outputs[k];
            let mut total = sweep::forward(&mut draft.body, rules, &mut None, output, &seeds, far.len())?;
            let place = live.iter().position(|&j| j == k).expect("invariant: it is moved");
            if let Some(part) = direct[place] {
                let name = format!("{}_arriving", self.step.formal_name(k));
                let formal = draft.arriving(g, &name, part, far.len())?;
                let terms = [(Rational::ONE, total), (Rational::ONE, formal)];
                total = draft.body.sum_unchecked(&terms, |_| ty);
            }
            next.push(total);
        }
        let all = draft.run(self, g, "dot", self.scan.backward, &next)?;
        for (&k, all) in kept.iter().zip(all).filter(|(k, _)| moved[**k]) {
            pushed[k] = Some(positions_after(g, all, far.len())?);
        }
        Ok(pushed)
    }

    /// What inputs and constants add to the tangents of the live carries, over `far…, t` and their axes.
    fn direct_tangents(
        &self,
        g: &mut Graph,
        rules: &Rules,
        tangents: &[Option<NodeId>],
        far: &[Dim],
        live: &[usize],
    ) -> Result<Vec<Option<NodeId>>> {
        let direct: Vec<(usize, NodeId)> =
            (self.step.carries()..self.operands.len()).filter_map(|k| Some((k, tangents[k]?))).collect();
        if direct.is_empty() {
            return Ok(vec![None; live.len()]);
        }
        let mut work = Batched::new(self, rules, live)?;
        let mut seeds = Vec::with_capacity(direct.len());
        for (k, tangent) in direct {
            let name = format!("{}_dot", self.step.formal_name(k));
            let seed = work.body.unused_input(&name, g.ty(tangent).clone())?;
            work.known.push((seed, tangent));
            seeds.push((work.formals[k], Product::of(seed, g.shape(tangent))));
        }
        let mut made = Vec::with_capacity(live.len());
        for value in work.values.clone() {
            made.push(sweep::forward(&mut work.body, rules, &mut None, value, &seeds, far.len())?);
        }
        let parts = work.bring(self, g, &made)?;
        Ok(parts.into_iter().map(|part| Some(part).filter(|&p| !g.is_zero(p))).collect())
    }
}

/// The step of a derived recurrence while it is written down: the body of the original, with more inputs.
struct Draft {
    body: Graph,
    /// The next carries of the original.
    outputs: Vec<NodeId>,
    /// New carries, and what they are before the first step.
    carried: Vec<(NodeId, NodeId)>,
    /// New inputs of each step, and what they are entries of.
    arriving: Vec<(NodeId, NodeId)>,
}

impl Draft {
    fn new(recurrence: &Recurrence, rules: &Rules) -> Result<Draft> {
        let mut body = recurrence.step.body().clone();
        let outputs = open_opaque(&mut body, recurrence.step.outputs(), Some(rules))?;
        Ok(Draft { body, outputs, carried: Vec::new(), arriving: Vec::new() })
    }

    fn carry(&mut self, g: &Graph, name: &str, initial: NodeId) -> Result<NodeId> {
        let formal = self.body.unused_input(name, g.ty(initial).clone())?;
        self.carried.push((formal, initial));
        Ok(formal)
    }

    /// An input over `far…` and own axes, from a node over `far…, t` and own axes.
    fn arriving(&mut self, g: &mut Graph, name: &str, operand: NodeId, far: usize) -> Result<NodeId> {
        let mut ty = g.ty(operand).clone();
        ty.shape.remove(far);
        let formal = self.body.unused_input(name, ty)?;
        self.arriving.push((formal, positions_first(g, operand, far)?));
        Ok(formal)
    }

    /// The recurrence with `next` for its new carries. What it reads of the original's carries it gets from their
    /// trajectories, the next ones too: a step is not taken twice.
    fn run(
        mut self,
        recurrence: &Recurrence,
        g: &mut Graph,
        suffix: &str,
        backward: bool,
        next: &[NodeId],
    ) -> Result<Vec<NodeId>> {
        let step = &recurrence.step;
        let reached = self.body.reachable(next);
        let mut taken = Vec::new();
        for (k, &output) in self.outputs.iter().enumerate() {
            let known = taken.iter().any(|&(from, _)| from == output);
            if !known && reached.binary_search(&output).is_ok() && !self.body.raw_args(output).is_empty() {
                let ty = self.body.ty(output).clone();
                let formal = self.body.unused_input(&format!("{}_next", step.formal_name(k)), ty)?;
                taken.push((output, formal));
                self.arriving.push((formal, recurrence.trajectory(g, k)?));
            }
        }
        let next = self.body.substitute(next, &taken)?;
        let reached = self.body.reachable(&next);
        let reads = |formal: NodeId| reached.binary_search(&formal).is_ok();
        let formals = step.formals();
        for (k, &formal) in formals[..recurrence.entries().end].iter().enumerate().filter(|(_, f)| reads(**f))
        {
            let carry = k < step.carries();
            let operand = if carry { recurrence.previous(g, k)? } else { recurrence.operands[k] };
            self.arriving.push((formal, operand));
        }
        self.arriving.retain(|(formal, _)| reads(*formal));
        let (carried, initial): (Vec<NodeId>, Vec<NodeId>) = self.carried.into_iter().unzip();
        let (inputs, operands): (Vec<NodeId>, Vec<NodeId>) = self.arriving.into_iter().unzip();
        let name = format!("{}_{suffix}", step.name());
        let (closed, constants) = self.body.step(&name, &carried, &inputs, &next)?;
        let first = recurrence.entries().end;
        let known: Vec<(NodeId, NodeId)> =
            formals.iter().copied().zip(recurrence.operands.iter().copied()).skip(first).collect();
        let constants = g.import(&self.body, &constants, &known)?;
        let all: Vec<NodeId> = initial.into_iter().chain(operands).chain(constants).collect();
        g.scan(Arc::new(closed), recurrence.length(), backward, &all)
    }
}

/// The next carries at all positions at once, in a graph of their own.
struct Batched {
    body: Graph,
    /// The carries that are written down.
    carries: Vec<usize>,
    /// Their next values, over positions and their own axes.
    values: Vec<NodeId>,
    /// Inputs that stand for the formals: at all positions, constants as they are.
    formals: Vec<NodeId>,
    /// What further inputs stand for.
    known: Vec<(NodeId, NodeId)>,
}

impl Batched {
    fn new(recurrence: &Recurrence, rules: &Rules, carries: &[usize]) -> Result<Batched> {
        let step = &recurrence.step;
        let mut body = step.body().clone();
        let outputs: Vec<NodeId> = carries.iter().map(|&k| step.outputs()[k]).collect();
        let mut formals = step.formals().to_vec();
        let mut replaced = Vec::new();
        for (k, formal) in formals.iter_mut().enumerate().take(recurrence.entries().end) {
            let ty = trajectory(body.ty(*formal), recurrence.length());
            let all = body.unused_input(step.formal_name(k), ty)?;
            replaced.push((*formal, all));
            *formal = all;
        }
        let values = body.batch(&outputs, &replaced, recurrence.length())?;
        let values = open_opaque(&mut body, &values, Some(rules))?;
        Ok(Batched { body, carries: carries.to_vec(), values, formals, known: Vec::new() })
    }

    /// Nodes of the batched step as nodes of the graph of the scan.
    /// The next carries are the trajectories, so no step is taken twice.
    fn bring(&mut self, recurrence: &Recurrence, g: &mut Graph, nodes: &[NodeId]) -> Result<Vec<NodeId>> {
        let mut known = self.known.clone();
        let mut taken = Vec::new();
        for (&k, &value) in self.carries.iter().zip(&self.values) {
            if !self.body.raw_args(value).is_empty() && taken.iter().all(|&(from, _)| from != value) {
                let name = format!("{}_next", recurrence.step.formal_name(k));
                let formal = self.body.unused_input(&name, self.body.ty(value).clone())?;
                known.push((formal, recurrence.trajectory(g, k)?));
                taken.push((value, formal));
            }
        }
        let nodes = self.body.substitute(nodes, &taken)?;
        let reached = self.body.reachable(&nodes);
        for (k, &formal) in self.formals.iter().enumerate() {
            if reached.binary_search(&formal).is_ok() {
                let carry = k < recurrence.step.carries();
                known.push((formal, if carry { recurrence.previous(g, k)? } else { recurrence.operands[k] }));
            }
        }
        g.import(&self.body, &nodes, &known)
    }
}

/// Axes `far…, t, …` as `t, far…, …`.
fn positions_first(g: &mut Graph, x: NodeId, far: usize) -> Result<NodeId> {
    let order: Vec<usize> = std::iter::once(far).chain(0..far).chain(far + 1..g.rank(x)).collect();
    g.transpose(x, &order)
}

/// Axes `t, far…, …` as `far…, t, …`.
fn positions_after(g: &mut Graph, x: NodeId, far: usize) -> Result<NodeId> {
    let order: Vec<usize> = (1..=far).chain([0]).chain(far + 1..g.rank(x)).collect();
    g.transpose(x, &order)
}
