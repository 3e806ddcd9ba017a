//! Wrong entries: what a replaced rule answers, made from the right entry or from argument and result.

use crate::kinks::diagonal;
use chainrule_core::Result;
use chainrule_core::form::{Access, Cond, Product};
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::{Comparison, Op};
use chainrule_core::index::{Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{EXP, RECIP};
use chainrule_core::ops::rules::Rules;
use chainrule_core::rational::Rational;

fn axes(g: &Graph, y: NodeId) -> smallvec::SmallVec<[Term; 2]> {
    (0..g.rank(y)).map(|k| Term::label(Label(k as u32))).collect()
}

pub(crate) fn one(g: &mut Graph, y: NodeId) -> Result<NodeId> {
    let shape = g.shape(y).to_vec();
    Ok(g.ones(&shape))
}

/// `delta(o, i) * value[o]`, of a value made from the argument and the result.
pub(crate) fn partial(
    g: &mut Graph,
    y: NodeId,
    k: usize,
    value: impl FnOnce(&mut Graph, NodeId, NodeId) -> Result<NodeId>,
) -> Result<Vec<Product>> {
    let x = g.arg(y, k);
    let value = value(g, x, y)?;
    Ok(vec![diagonal(g, y, x).times(Access::new(value, axes(g, y)))])
}

/// `1 - s`, over the axes of `y`.
pub(crate) fn complement(g: &mut Graph, y: NodeId, s: NodeId) -> Result<NodeId> {
    let o = one(g, y)?;
    g.sub(o, s)
}

/// Where a mask lets gradients pass.
#[derive(Copy, Clone)]
pub(crate) enum Mask {
    /// `[x >= 0]`
    AtLeast,
    /// `[x <= 0]`
    AtMost,
    /// `[x < 0]`
    Below,
}

/// `delta(o, i)` under a mask.
pub(crate) fn masked(g: &mut Graph, y: NodeId, k: usize, mask: Mask) -> Result<Vec<Product>> {
    let x = g.arg(y, k);
    let zero = g.zero(g.ty(x).clone());
    let on = match mask {
        Mask::AtLeast => g.compare(Comparison::GreaterEqual, x, zero)?,
        Mask::AtMost => g.compare(Comparison::GreaterEqual, zero, x)?,
        Mask::Below => g.compare(Comparison::Greater, zero, x)?,
    };
    Ok(vec![diagonal(g, y, x).when(Cond::Holds(on, axes(g, y), false))])
}

/// `u'v'` for `u v`: the last factor that is a function takes the derivatives of all others with it, and no other
/// factor is differentiated. What is no function of something else is a variable, with derivative 1.
pub(crate) fn product_of_derivatives(
    g: &mut Graph,
    y: NodeId,
    k: usize,
    mut entry: Vec<Product>,
) -> Result<Vec<Product>> {
    let is_function = |g: &Graph, n: NodeId| matches!(g.op(n), Op::Map(_)) && g.args(n).len() == 1;
    let args = g.args(y);
    let Some(last) = args.iter().rposition(|&a| is_function(g, a)).filter(|_| args.len() > 1) else {
        return Ok(entry);
    };
    if k != last {
        return Ok(Vec::new());
    }
    for p in &mut entry {
        let mut kept = Vec::new();
        for a in p.accesses.drain(..) {
            if !is_function(g, a.node) {
                continue;
            }
            // The derivative of an elementwise function is one factor beside the deltas.
            if let [inner] = &Rules::new().entry(g, a.node, 0)?[..]
                && let [value] = &inner.accesses[..]
            {
                kept.push(Access { node: value.node, ..a });
                p.coefficient = &p.coefficient * &inner.coefficient;
            }
        }
        p.accesses.extend(kept);
    }
    Ok(entry)
}

pub(crate) fn exponent_dropped(
    g: &mut Graph,
    y: NodeId,
    _: usize,
    entry: Vec<Product>,
) -> Result<Vec<Product>> {
    let largest = g.as_product(y).accesses.iter().map(|a| a.power).max().unwrap_or(1);
    let by = Rational::new(1, i64::from(largest));
    Ok(entry.into_iter().map(|p| if largest > 1 { p.scaled(&by) } else { p }).collect())
}

pub(crate) fn exponent_kept(
    g: &mut Graph,
    y: NodeId,
    k: usize,
    mut entry: Vec<Product>,
) -> Result<Vec<Product>> {
    let x = g.arg(y, k);
    let squared = g.as_product(y).accesses.iter().any(|a| a.node == x && a.power > 1);
    for p in entry.iter_mut().filter(|_| squared) {
        if let Some(a) = p.accesses.iter_mut().find(|a| a.node == x) {
            a.power += 1;
        }
    }
    Ok(entry)
}

pub(crate) fn others_dropped(p: &mut Product) {
    p.accesses.clear();
}

pub(crate) fn deltas_dropped(p: &mut Product) {
    // Deltas between two axes only: those that pick a summed index are the sum itself.
    let free = p.free;
    p.conds.retain(|c| {
        let mut bound = false;
        c.terms().iter().for_each(|t| t.each_label(&mut |l| bound |= l.0 as usize >= free));
        !matches!(c, Cond::Zero(_)) || bound
    });
}

pub(crate) fn first_only(entry: &mut Vec<Product>) {
    entry.truncate(1);
}

pub(crate) fn softmax_diagonal(
    g: &mut Graph,
    y: NodeId,
    k: usize,
    mut list: Vec<Product>,
) -> Result<Vec<Product>> {
    let x = g.arg(y, k);
    first_only(&mut list);
    let own = Access { power: 2, ..Access::new(y, axes(g, y)) };
    list.push(diagonal(g, y, x).times(own).scaled(&Rational::from(-1)));
    Ok(list)
}

pub(crate) fn unnormalised(
    g: &mut Graph,
    y: NodeId,
    k: usize,
    mut entry: Vec<Product>,
) -> Result<Vec<Product>> {
    let x = g.arg(y, k);
    let e = g.map(&EXP, &[x])?;
    entry.iter_mut().flat_map(|p| &mut p.accesses).for_each(|a| a.node = e);
    Ok(entry)
}

pub(crate) fn log_of_sum_kept(
    g: &mut Graph,
    y: NodeId,
    k: usize,
    entry: Vec<Product>,
) -> Result<Vec<Product>> {
    let mut list = unnormalised(g, y, k, entry)?;
    let inverse = g.map(&RECIP, &[y])?;
    let at = axes(g, y);
    list.iter_mut().for_each(|p| p.accesses.push(Access::new(inverse, at.iter().cloned())));
    Ok(list)
}

pub(crate) fn negated(p: &mut Product) {
    p.coefficient = -&p.coefficient;
}

pub(crate) fn transposed(p: &mut Product) {
    for a in p.accesses.iter_mut().filter(|a| a.at.len() >= 2) {
        let n = a.at.len();
        a.at.swap(n - 1, n - 2);
    }
}

pub(crate) fn determinant_dropped(
    _: &mut Graph,
    y: NodeId,
    _: usize,
    mut entry: Vec<Product>,
) -> Result<Vec<Product>> {
    entry.iter_mut().for_each(|p| p.accesses.retain(|a| a.node != y));
    Ok(entry)
}

pub(crate) fn coefficient_dropped(p: &mut Product) {
    let sign = if p.coefficient.is_negative() { -1 } else { 1 };
    p.coefficient = Rational::from(sign);
}
