//! The reverse sweep of scalar programs: a cotangent is a coefficient and a node, no index form is built.
//!
//! The same entries, specialised to no axes: a graph of 10⁵ variables costs a few hundred nanoseconds a node.

use super::sweep::active;
use crate::error::Result;
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::node::NodeId;
use crate::ops::rules::Rules;
use crate::rational::Rational;
use crate::shape::Type;
use smallvec::SmallVec;

/// End of a list of contributions.
const END: u32 = u32::MAX;

/// Contributions to cotangents: one linked list for each node, all in one pool.
struct Contributions {
    heads: Vec<u32>,
    pool: Vec<(Rational, NodeId, u32)>,
}

impl Contributions {
    fn push(&mut self, to: NodeId, coefficient: Rational, node: NodeId) {
        let head = &mut self.heads[to.index()];
        self.pool.push((coefficient, node, *head));
        *head = (self.pool.len() - 1) as u32;
    }

    /// `coefficient, node` of the sum of what arrived.
    fn total(&self, g: &mut Graph, at: NodeId) -> Option<(Rational, NodeId)> {
        let mut terms: SmallVec<[(Rational, NodeId); 8]> = SmallVec::new();
        let mut k = self.heads[at.index()];
        while k != END {
            let (coefficient, node, next) = &self.pool[k as usize];
            terms.push((coefficient.clone(), *node));
            k = *next;
        }
        match terms.as_slice() {
            [] => None,
            [_] => terms.pop(),
            _ => {
                let sum = g.sum_unchecked(&terms, Type::scalar);
                let (scale, monic) = g.unscaled(sum);
                Some((scale.unwrap_or_else(|| Rational::from(1)), monic))
            }
        }
    }
}

/// The gradient of a program of numbers, or `None` when a tensor takes part.
pub(crate) fn gradient(g: &mut Graph, rules: &Rules, y: NodeId, xs: &[NodeId]) -> Result<Option<Vec<NodeId>>> {
    let active = active(g, y, xs);
    if active.iter().enumerate().any(|(k, &a)| a && g.rank(NodeId::new(k)) > 0) || xs.iter().any(|&x| g.rank(x) > 0) {
        return Ok(None);
    }
    let one = g.integer(1);
    let mut arrived = Contributions { heads: vec![END; y.index() + 1], pool: Vec::new() };
    arrived.push(y, Rational::from(1), one);
    let mut wanted = vec![false; y.index() + 1];
    xs.iter().filter(|x| **x <= y).for_each(|x| wanted[x.index()] = true);
    let zero = g.zero(Type::scalar());
    let mut results: rustc_hash::FxHashMap<NodeId, NodeId> = rustc_hash::FxHashMap::default();
    for node in (0..=y.index()).rev().map(NodeId::new).filter(|n| active[n.index()]) {
        let Some((coefficient, cotangent)) = arrived.total(g, node) else { continue };
        if wanted[node.index()] {
            results.insert(node, g.scale(&coefficient, cotangent));
        }
        if coefficient.is_zero() || g.is_zero(cotangent) {
            continue;
        }
        let args = g.args(node);
        match g.op(node) {
            Op::Sum(coefficients) => {
                for (k, &operand) in args.iter().enumerate().filter(|(_, a)| active[a.index()]) {
                    arrived.push(operand, &coefficient * &coefficients[k], cotangent);
                }
            }
            Op::Contract(kind) if kind.conds.is_empty() && kind.extents.is_empty() => {
                let powers: SmallVec<[u32; 4]> = kind.accesses.iter().map(|a| a.power).collect();
                push_product(g, &mut arrived, &active, (&coefficient, cotangent), &args, &powers);
            }
            _ => {
                for (k, &operand) in args.iter().enumerate().filter(|(_, a)| active[a.index()]) {
                    for mut product in rules.entry(g, node, k)? {
                        product.accesses.push(crate::form::Access::new(cotangent, []));
                        let local = g.product(product);
                        let (scale, monic) = g.unscaled(local);
                        let scale = scale.map_or_else(|| coefficient.clone(), |s| &coefficient * &s);
                        arrived.push(operand, scale, monic);
                    }
                }
            }
        }
    }
    Ok(Some(xs.iter().map(|x| results.get(x).copied().unwrap_or(zero)).collect()))
}

/// Cotangents of the factors of a product, by prefix and suffix products: linear in the number of factors.
fn push_product(
    g: &mut Graph,
    arrived: &mut Contributions,
    active: &[bool],
    (coefficient, cotangent): (&Rational, NodeId),
    args: &[NodeId],
    powers: &[u32],
) {
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
    let mut before = (coefficient.clone(), cotangent);
    for k in 0..count {
        if active[args[k].index()] {
            let mut local = before.clone();
            if count == 2 {
                let other = raised(g, 1 - k, powers[1 - k]);
                local = times(g, (coefficient.clone(), cotangent), other);
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
            arrived.push(args[k], local.0, local.1);
        }
        if count > 2 && k + 1 < count {
            let x = raised(g, k, powers[k]);
            before = times(g, before, x);
        }
    }
}
