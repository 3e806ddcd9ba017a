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
use crate::ops::rules::Rules;
use crate::rational::Rational;
use crate::shape::Type;
use smallvec::{SmallVec, smallvec};

/// End of a list of contributions.
const END: u32 = u32::MAX;

/// A cotangent: a coefficient times a node, absent where the guard fails.
///
/// The guard stays apart: multiplied in it would be a mask, and `0 · ∞` could arise in the next step.
#[derive(Clone)]
struct Cotangent {
    coefficient: Rational,
    node: NodeId,
    guard: Option<NodeId>,
}

/// Contributions to cotangents: one linked list for each node, all in one pool.
///
/// A contribution is read once, so its place is used again: the pool grows with what waits, not with the graph.
struct Contributions {
    heads: Vec<u32>,
    pool: Vec<(Cotangent, u32)>,
    free: u32,
}

impl Contributions {
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

    /// What arrived at a node; nothing waits there any more.
    fn take(&mut self, at: NodeId) -> SmallVec<[Cotangent; 8]> {
        let mut parts = SmallVec::new();
        let mut k = std::mem::replace(&mut self.heads[at.index()], END);
        while k != END {
            let (part, next) = &mut self.pool[k as usize];
            parts.push(part.clone());
            let rest = std::mem::replace(next, self.free);
            self.free = std::mem::replace(&mut k, rest);
        }
        parts
    }

    /// The sum of what arrived.
    fn total(&mut self, g: &mut Graph, at: NodeId) -> Option<Cotangent> {
        let parts = self.take(at);
        let only = parts.first()?;
        if parts.len() == 1 {
            return parts.into_iter().next();
        }
        let shared = parts.iter().all(|p| p.guard == only.guard);
        let mut terms: SmallVec<[(Rational, NodeId); 8]> = SmallVec::new();
        for part in &parts {
            let node = if shared { part.node } else { guarded(g, part.node, part.guard) };
            terms.push((part.coefficient.clone(), node));
        }
        let sum = g.sum_unchecked(&terms, |_| Type::scalar());
        let (scale, node) = g.unscaled(sum);
        let coefficient = scale.unwrap_or(Rational::ONE);
        Some(Cotangent { coefficient, node, guard: only.guard.filter(|_| shared) })
    }
}

/// The node where the guard holds, absent elsewhere.
fn guarded(g: &mut Graph, node: NodeId, guard: Option<NodeId>) -> NodeId {
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
    let active = active(g, y, xs);
    if active.iter().enumerate().any(|(k, &a)| a && g.rank(NodeId::new(k)) > 0)
        || xs.iter().any(|&x| g.rank(x) > 0)
    {
        return Ok(None);
    }
    let one = g.integer(1);
    let mut arrived = Contributions { heads: vec![END; y.index() + 1], pool: Vec::new(), free: END };
    arrived.push(y, Rational::ONE, one, None);
    let mut wanted = vec![false; y.index() + 1];
    xs.iter().filter(|x| **x <= y).for_each(|x| wanted[x.index()] = true);
    let zero = g.zero(Type::scalar());
    let mut results: rustc_hash::FxHashMap<NodeId, NodeId> = rustc_hash::FxHashMap::default();
    for node in (0..=y.index()).rev().map(NodeId::new).filter(|n| active[n.index()]) {
        let Some(total) = arrived.total(g, node) else { continue };
        let Cotangent { coefficient, node: cotangent, guard } = total.clone();
        if wanted[node.index()] {
            let value = guarded(g, cotangent, guard);
            results.insert(node, g.scale(&coefficient, value));
        }
        if coefficient.is_zero() || g.is_zero(cotangent) {
            continue;
        }
        let args = g.args(node);
        match g.op(node) {
            Op::Sum(coefficients) => {
                for (k, &operand) in args.iter().enumerate().filter(|(_, a)| active[a.index()]) {
                    arrived.push(operand, &coefficient * &coefficients[k], cotangent, guard);
                }
            }
            Op::Contract(kind) if kind.conds.is_empty() && kind.extents.is_empty() => {
                let powers: SmallVec<[u32; 4]> = kind.accesses.iter().map(|a| a.power).collect();
                push_product(g, &mut arrived, &active, &total, &args, &powers);
            }
            _ => {
                for (k, &operand) in args.iter().enumerate().filter(|(_, a)| active[a.index()]) {
                    for mut product in rules.entry(g, node, k)? {
                        let guard = take_guards(g, &mut product, guard);
                        product.accesses.push(Access::new(cotangent, []));
                        let local = g.product(product);
                        let (scale, monic) = g.unscaled(local);
                        let scale = scale.map_or_else(|| coefficient.clone(), |s| &coefficient * &s);
                        arrived.push(operand, scale, monic, guard);
                    }
                }
            }
        }
    }
    Ok(Some(xs.iter().map(|x| results.get(x).copied().unwrap_or(zero)).collect()))
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
        all = Some(match all {
            Some(other) if other != predicate => {
                g.logic(Logic::And, &[other, predicate]).expect("invariant: predicates of numbers")
            }
            _ => predicate,
        });
    }
    all
}

/// Cotangents of the factors of a product, by prefix and suffix products: linear in the number of factors.
fn push_product(
    g: &mut Graph,
    arrived: &mut Contributions,
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
