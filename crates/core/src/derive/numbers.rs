//! The reverse sweep of scalar programs: a cotangent is a coefficient and a node, no index form is built.
//!
//! The same entries, specialised to no axes: a graph of 10⁵ variables costs a few hundred nanoseconds a node.

use super::sweep::active;
use super::terms::plain_predicate;
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Logic, Op};
use crate::node::NodeId;
use crate::ops::map::Map;
use crate::ops::rules::{Rules, map_partial};
use crate::ops::{contract, select, sum};
use crate::rational::Rational;
use crate::shape::Type;
use smallvec::{SmallVec, smallvec};
use std::cell::RefCell;

/// End of a list of contributions.
const END: u32 = u32::MAX;

/// A cotangent: a coefficient times a node, absent where the guard fails.
///
/// The guard stays apart: multiplied in it would be a mask, and `0 · ∞` could arise in the next step.
///
/// Entries of sparse derivatives are written in the same three parts.
#[derive(Clone)]
pub(super) struct Cotangent {
    pub(super) coefficient: Rational,
    pub(super) node: NodeId,
    pub(super) guard: Option<NodeId>,
}

/// Where the steps of a sweep write what they pass on.
pub(super) trait Arrivals {
    /// `coefficient · node`, where the guard holds, arrives at an operand.
    fn push(&mut self, to: NodeId, coefficient: Rational, node: NodeId, guard: Option<NodeId>);
}

/// The partials of one node: what it passes on when the number 1 arrives.
impl Arrivals for Vec<(NodeId, Cotangent)> {
    fn push(&mut self, to: NodeId, coefficient: Rational, node: NodeId, guard: Option<NodeId>) {
        self.push((to, Cotangent { coefficient, node, guard }));
    }
}

/// Contributions to cotangents: one linked list for each node, all in one pool.
///
/// A contribution is read once, so its place is used again: the pool grows with what waits, not with the graph.
struct Contributions {
    heads: Vec<u32>,
    pool: Vec<(Cotangent, u32)>,
    free: u32,
}

impl Arrivals for Contributions {
    fn push(&mut self, to: NodeId, coefficient: Rational, node: NodeId, guard: Option<NodeId>) {
        let head = &mut self.heads[to.index()];
        let item = (Cotangent { coefficient, node, guard }, *head);
        *head = match self.pool.get_mut(self.free as usize) {
            Some(place) => {
                let used = std::mem::replace(place, item);
                std::mem::replace(&mut self.free, used.1)
            }
            None => {
                self.pool.push(item);
                (self.pool.len() - 1) as u32
            }
        };
    }
}

impl Contributions {
    /// Takes one of the contributions that wait at a node.
    fn pop(&mut self, at: NodeId) -> Option<Cotangent> {
        let head = &mut self.heads[at.index()];
        let (cotangent, next) = self.pool.get_mut(*head as usize)?;
        let rest = std::mem::replace(next, self.free);
        self.free = std::mem::replace(head, rest);
        Some(cotangent.clone())
    }

    /// The sum of what arrived; nothing waits there any more.
    fn total(&mut self, g: &mut Graph, at: NodeId) -> Option<Cotangent> {
        let only = self.pop(at)?;
        if self.heads[at.index()] == END {
            return Some(only);
        }
        let mut parts: SmallVec<[Cotangent; 4]> = smallvec![only];
        while let Some(part) = self.pop(at) {
            parts.push(part);
        }
        Some(add_up(g, parts))
    }
}

/// The sum of several parts; a guard that all have stays apart.
pub(super) fn add_up(g: &mut Graph, parts: impl AsRef<[Cotangent]>) -> Cotangent {
    let parts = parts.as_ref();
    let guard = parts.first().and_then(|p| p.guard);
    let shared = parts.iter().all(|p| p.guard == guard);
    let mut terms: SmallVec<[(Rational, NodeId); 4]> = SmallVec::new();
    for part in parts {
        let node = if shared { part.node } else { guarded(g, part.node, part.guard) };
        terms.push((part.coefficient.clone(), node));
    }
    let sum = g.sum_unchecked(&terms, |_| Type::scalar());
    let (scale, node) = g.unscaled(sum);
    Cotangent { coefficient: scale.unwrap_or(Rational::ONE), node, guard: guard.filter(|_| shared) }
}

/// The node where the guard holds, absent elsewhere.
pub(super) fn guarded(g: &mut Graph, node: NodeId, guard: Option<NodeId>) -> NodeId {
    let Some(guard) = guard else { return node };
    let product = Product::of(node, &[]).when(Cond::Holds(guard, smallvec![], false));
    g.product(product)
}

/// The gradient of a program of numbers, or `None` when a tensor takes part.
pub(crate) fn gradient(
    g: &mut Graph,
    rules: &Rules,
    y: NodeId,
    xs: &[NodeId],
) -> Result<Option<Vec<NodeId>>> {
    let active = active(g, &[y], xs);
    let has_axes = |k: usize| g.rank(NodeId::new(k)) > 0;
    if !g.only_numbers()
        && ((0..active.len()).any(|k| active[k] && has_axes(k)) || xs.iter().any(|x| has_axes(x.index())))
    {
        return Ok(None);
    }
    // Partials of maps are written in a notation that shares the graph, so the whole sweep does.
    let mut shared = RefCell::new(std::mem::take(g));
    let answer = sweep(&mut shared, rules, y, xs, active);
    *g = shared.into_inner();
    answer.map(Some)
}

fn sweep(
    shared: &mut RefCell<Graph>,
    rules: &Rules,
    y: NodeId,
    xs: &[NodeId],
    active: Vec<bool>,
) -> Result<Vec<NodeId>> {
    let g = shared.get_mut();
    let one = g.integer(1);
    let zero = g.zero(Type::scalar());
    let count = y.index() + 1;
    let arrived = Contributions { heads: vec![END; count], pool: Vec::new(), free: END };
    let mut sweep = Sweep::new(rules, active, arrived);
    sweep.arrived.push(y, Rational::ONE, one, None);
    let mut wanted = vec![false; count];
    xs.iter().filter(|x| **x <= y).for_each(|x| wanted[x.index()] = true);
    let mut results = vec![zero; count];
    for node in (0..count).rev().map(NodeId::new) {
        let g = shared.get_mut();
        let Some(total) = sweep.arrived.total(g, node) else { continue };
        if wanted[node.index()] {
            let value = guarded(g, total.node, total.guard);
            results[node.index()] = g.scale(&total.coefficient, value);
        }
        if total.coefficient.is_zero() || g.is_zero(total.node) {
            continue;
        }
        sweep.pass(shared, &total, node)?;
    }
    Ok(xs.iter().map(|x| results.get(x.index()).copied().unwrap_or(zero)).collect())
}

/// What every step of the sweep reads, and where it writes.
pub(super) struct Sweep<'a, A> {
    rules: &'a Rules,
    /// The entries of sums and products are written out here, unless others are asked for.
    written_out: bool,
    pub(super) active: Vec<bool>,
    pub(super) arrived: A,
}

impl<A: Arrivals> Sweep<'_, A> {
    pub(super) fn new(rules: &Rules, active: Vec<bool>, arrived: A) -> Sweep<'_, A> {
        let written_out = ![&sum::SUM, &contract::CONTRACT].iter().any(|p| rules.is_replaced(p.name));
        Sweep { rules, written_out, active, arrived }
    }

    /// Contributions of a node to its operands.
    pub(super) fn pass(
        &mut self,
        shared: &mut RefCell<Graph>,
        total: &Cotangent,
        node: NodeId,
    ) -> Result<()> {
        let g = shared.get_mut();
        let map = match g.op(node) {
            Op::Map(id) => Some(Map::by_id(*id)).filter(|map| !self.rules.is_replaced(map.name)),
            _ => None,
        };
        match map {
            Some(map) => self.push_map(shared, total, node, map),
            None => self.pass_on(g, total, node),
        }
    }

    /// Contributions of a node that is no map.
    fn pass_on(&mut self, g: &mut Graph, total: &Cotangent, node: NodeId) -> Result<()> {
        match g.op(node) {
            Op::Sum(coefficients) if self.written_out => {
                let terms = coefficients.iter().zip(g.raw_args(node));
                for (coefficient, &operand) in terms.filter(|(_, a)| self.active[a.index()]) {
                    self.arrived.push(operand, &total.coefficient * coefficient, total.node, total.guard);
                }
            }
            Op::Contract(kind) if self.written_out && is_product_of_numbers(kind) => {
                let powers: SmallVec<[u32; 4]> = kind.accesses.iter().map(|a| a.power).collect();
                let args = g.args(node);
                push_product(g, &mut self.arrived, &self.active, total, &args, &powers);
            }
            Op::Select if !self.rules.is_replaced(select::SELECT.name) => self.push_select(g, total, node),
            _ => self.push_entries(g, total, node)?,
        }
        Ok(())
    }

    /// Contributions of a map: its partials are numbers, so no index form is built.
    fn push_map(
        &mut self,
        shared: &mut RefCell<Graph>,
        total: &Cotangent,
        node: NodeId,
        map: &'static Map,
    ) -> Result<()> {
        for (k, operand) in shared.get_mut().args(node).into_iter().enumerate() {
            if !self.active[operand.index()] {
                continue;
            }
            for term in map_partial(shared, map, node, k)?.terms {
                let g = shared.get_mut();
                let guard = term.guards.iter().fold(total.guard, |guard, &(p, negated)| {
                    let predicate = plain_predicate(g, p, negated);
                    both(g, guard, predicate)
                });
                let (scale, monic) = match term.value {
                    Some(value) => times(g, total.node, value),
                    None => (Rational::ONE, total.node),
                };
                let scale = &(&total.coefficient * &term.coefficient) * &scale;
                self.arrived.push(operand, scale, monic, guard);
            }
        }
        Ok(())
    }

    /// Contributions of a selection: what arrived, under one more guard.
    fn push_select(&mut self, g: &mut Graph, total: &Cotangent, node: NodeId) {
        let args = g.args(node);
        for (operand, negated) in [(args[1], false), (args[2], true)] {
            if self.active[operand.index()] {
                let predicate = plain_predicate(g, args[0], negated);
                let guard = both(g, total.guard, predicate);
                self.arrived.push(operand, total.coefficient.clone(), total.node, guard);
            }
        }
    }

    /// Contributions of any primitive, from the entries of its rule.
    fn push_entries(&mut self, g: &mut Graph, total: &Cotangent, node: NodeId) -> Result<()> {
        for (k, operand) in g.args(node).into_iter().enumerate() {
            if !self.active[operand.index()] {
                continue;
            }
            for mut product in self.rules.entry(g, node, k)? {
                let guard = take_guards(g, &mut product, total.guard);
                product.accesses.push(Access::new(total.node, []));
                let local = g.product(product);
                let (scale, monic) = g.unscaled(local);
                let scale = scale.map_or_else(|| total.coefficient.clone(), |s| &total.coefficient * &s);
                self.arrived.push(operand, scale, monic, guard);
            }
        }
        Ok(())
    }
}

/// Whether a contraction multiplies numbers, each with a place of its own among the operands: an entry of a tensor that
/// is not differentiated has indices, and operands that are read in them.
fn is_product_of_numbers(kind: &Product) -> bool {
    kind.conds.is_empty() && kind.extents.is_empty() && kind.accesses.iter().all(|a| a.at.is_empty())
}

/// Moves the predicates of a product of numbers into one guard, together with the guard that was there.
fn take_guards(g: &mut Graph, product: &mut Product, guard: Option<NodeId>) -> Option<NodeId> {
    let mut all = guard;
    for cond in std::mem::take(&mut product.conds) {
        let Cond::Holds(node, _, negated) = cond else {
            product.conds.push(cond);
            continue;
        };
        let predicate = plain_predicate(g, node, negated);
        all = both(g, all, predicate);
    }
    all
}

/// A guard and one more predicate.
pub(super) fn both(g: &mut Graph, guard: Option<NodeId>, predicate: NodeId) -> Option<NodeId> {
    Some(match guard {
        Some(other) if other != predicate => {
            g.logic(Logic::And, &[other, predicate]).expect("invariant: predicates of numbers")
        }
        _ => predicate,
    })
}

/// `coefficient, node` of the product of two numbers, in its stable form.
pub(super) fn times(g: &mut Graph, a: NodeId, b: NodeId) -> (Rational, NodeId) {
    if !g.may_stabilise(a) && !g.may_stabilise(b) {
        return g.multiply_numbers(a, b);
    }
    let product = g.product(Product::of(a, &[]).times(Access::new(b, [])));
    let (scale, monic) = g.unscaled(product);
    (scale.unwrap_or(Rational::ONE), monic)
}

/// Cotangents of the factors of a product, by prefix and suffix products: linear in the number of factors.
fn push_product(
    g: &mut Graph,
    arrived: &mut impl Arrivals,
    active: &[bool],
    total: &Cotangent,
    args: &[NodeId],
    powers: &[u32],
) {
    let Cotangent { coefficient, node: cotangent, guard } = total.clone();
    // The factor `x^p` passes on `p x^(p-1)` times everything else.
    let count = args.len();
    let raised = |g: &mut Graph, k: usize, power: u32| g.power(args[k], power);
    let times = |g: &mut Graph, (c, a): (Rational, NodeId), b: NodeId| {
        let (d, node) = g.multiply_numbers(a, b);
        (&c * &d, node)
    };
    let mut after: Vec<(Rational, NodeId)> = Vec::new();
    if count > 2 {
        let one = g.integer(1);
        after = vec![(Rational::from(1), one); count + 1];
        for k in (1..count).rev() {
            let x = raised(g, k, powers[k]);
            after[k] = times(g, after[k + 1].clone(), x);
        }
    }
    let mut before = (coefficient, cotangent);
    for k in 0..count {
        if active[args[k].index()] {
            let mut local = before.clone();
            if count == 2 {
                let other = raised(g, 1 - k, powers[1 - k]);
                local = times(g, before.clone(), other);
            } else if count > 2 {
                let (c, rest) = after[k + 1].clone();
                local = times(g, local, rest);
                local.0 = &local.0 * &c;
            }
            if powers[k] > 1 {
                let x = raised(g, k, powers[k] - 1);
                local = times(g, local, x);
                local.0 = &local.0 * &Rational::from(i64::from(powers[k]));
            }
            arrived.push(args[k], local.0, local.1, guard);
        }
        if count > 2 && k + 1 < count {
            let x = raised(g, k, powers[k]);
            before = times(g, before, x);
        }
    }
}
