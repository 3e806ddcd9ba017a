//! Denesting: sums of sums and products of products become one, where the inner one is used once.

use super::Options;
use super::rewrites::Rewrite;
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::index::{Facts, Label, Term};
use crate::node::NodeId;
use crate::ops::map;
use crate::rational::Rational;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Longest sum or product that flattening makes.
const LENGTH: usize = 4096;

/// One pass over the outputs: the new outputs and the rewrites that were applied.
pub(crate) fn round(
    g: &mut Graph,
    outputs: &[NodeId],
    options: &Options,
) -> Result<(Vec<NodeId>, Vec<&'static Rewrite>)> {
    let mut uses: FxHashMap<NodeId, u32> = FxHashMap::default();
    for node in g.reachable(outputs) {
        g.args(node).iter().for_each(|a| *uses.entry(*a).or_insert(0) += 1);
    }
    outputs.iter().for_each(|o| *uses.entry(*o).or_insert(0) += 1);
    // New nodes inherit the use of the node that they stand for.
    let mut single: FxHashMap<NodeId, bool> = FxHashMap::default();
    let mut applied: Vec<&'static Rewrite> = Vec::new();
    let mut note = |name: &str| applied.extend(Rewrite::by_name(name));
    let outputs = g.rewrite(outputs, &mut |g, node, args| {
        let inner = |n: NodeId| single.get(&n).copied().unwrap_or(false);
        let answer = match g.op(node) {
            Op::Sum(coefficients) => {
                let coefficients = coefficients.to_vec();
                flatten_sum(g, node, &coefficients, args, &inner).inspect(|_| note("flatten-sum"))
            }
            Op::Contract(_) => {
                let rebuilt = g.rebuild(node, args)?;
                flatten_product(g, rebuilt, options, &inner, &mut note).or(Some(rebuilt))
            }
            _ => None,
        };
        let new = match answer {
            Some(new) => new,
            None => g.rebuild(node, args)?,
        };
        single.insert(new, uses.get(&node).copied().unwrap_or(0) <= 1);
        Ok(Some(new))
    })?;
    Ok((outputs, applied))
}

fn flatten_sum(
    g: &mut Graph,
    node: NodeId,
    coefficients: &[Rational],
    args: &[NodeId],
    single: &dyn Fn(NodeId) -> bool,
) -> Option<NodeId> {
    let mut terms: Vec<(Rational, NodeId)> = Vec::with_capacity(args.len());
    let mut changed = false;
    for (c, &a) in coefficients.iter().zip(args) {
        match g.op(a) {
            Op::Sum(inner) if single(a) && inner.len() > 1 && terms.len() + inner.len() <= LENGTH => {
                let inner = inner.clone();
                terms.extend(inner.iter().zip(g.args(a)).map(|(d, b)| (c * d, b)));
                changed = true;
            }
            _ => terms.push((c.clone(), a)),
        }
    }
    let ty = g.ty(node).clone();
    changed.then(|| g.sum_unchecked(&terms, |_| ty))
}

/// Inner contractions used once are written into the outer one; reciprocals cancel when conditions are allowed.
fn flatten_product(
    g: &mut Graph,
    node: NodeId,
    options: &Options,
    single: &dyn Fn(NodeId) -> bool,
    note: &mut dyn FnMut(&str),
) -> Option<NodeId> {
    if !matches!(g.op(node), Op::Contract(_)) {
        return None;
    }
    let product = g.as_product(node);
    let mut flat = Product { accesses: SmallVec::new(), ..product.clone() };
    let mut changed = false;
    for access in &product.accesses {
        let inner = matches!(g.op(access.node), Op::Contract(_)).then(|| g.as_product(access.node));
        match inner {
            Some(inner) if fits(&flat, &inner, access) && single(access.node) => {
                write_in(g, &mut flat, &inner, access);
                changed = true;
            }
            _ => flat.accesses.push(access.clone()),
        }
    }
    if changed {
        note("flatten-product");
    }
    if options.conditional && cancel(g, &mut flat) {
        note("cancel-reciprocal");
        changed = true;
    }
    changed.then(|| g.product(flat))
}

/// A power of a sum is not a sum of powers; a predicate's guard is written in like any other condition.
fn fits(flat: &Product, inner: &Product, access: &Access) -> bool {
    let sums = inner.extents.len() > inner.free;
    (access.power == 1 || !sums) && flat.accesses.len() + inner.accesses.len() <= LENGTH
}

fn write_in(g: &Graph, flat: &mut Product, inner: &Product, access: &Access) {
    let bound: Vec<Label> = inner.bound().map(|l| flat.bind(inner.extents[l.0 as usize].clone())).collect();
    let extents = flat.extents.clone();
    let below = |n: NodeId| g.below(n);
    let facts = Facts { extents: &extents, gone: &[], below: &below };
    let mut place = |t: &Term| {
        t.substitute(
            &mut |l| match (l.0 as usize).checked_sub(inner.free) {
                None => access.at[l.0 as usize].clone(),
                Some(k) => Term::label(bound[k]),
            },
            &facts,
        )
    };
    for a in &inner.accesses {
        let at = a.at.iter().map(&mut place).collect();
        flat.accesses.push(Access { node: a.node, at, power: a.power * access.power });
    }
    let conds: Vec<Cond> = inner.conds.iter().map(|c| c.map(&mut place)).collect();
    flat.conds.extend(conds);
}

/// `a · (1/a) = 1` where `a != 0`.
fn cancel(g: &Graph, product: &mut Product) -> bool {
    let mut cancelled = false;
    loop {
        let pair = product.accesses.iter().enumerate().find_map(|(k, r)| {
            let Op::Map(id) = g.op(r.node) else { return None };
            let x = (*id == map::RECIP.id).then(|| g.arg(r.node, 0))?;
            let j = product.accesses.iter().position(|a| a.node == x && a.at == r.at)?;
            Some((k, j))
        });
        let Some((k, j)) = pair else { return cancelled };
        cancelled = true;
        let power = product.accesses[k].power.min(product.accesses[j].power);
        product.accesses[k].power -= power;
        product.accesses[j].power -= power;
        product.accesses.retain(|a| a.power > 0);
    }
}
