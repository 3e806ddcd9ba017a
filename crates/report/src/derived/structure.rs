//! Which entries of a derivative can be non-zero, and what it does to an upstream gradient.

use super::Names;
use super::left::whole;
use chainrule_core::form::{Cond, Product};
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Op;
use chainrule_core::index::Atom;
use chainrule_core::node::NodeId;
use chainrule_core::shape::{DType, Dim};
use chainrule_lang::query::Query;
use std::collections::BTreeSet;

/// Two axes joined by a delta.
type Pair = (usize, usize);

/// Which entries can be non-zero, where not all can.
pub(crate) fn structure(g: &Graph, node: NodeId) -> Option<String> {
    let rank = g.rank(node);
    if rank == 0 || g.ty(node).dtype != DType::Real {
        return None;
    }
    if g.is_zero(node) {
        return Some("zero: no entry can be non-zero".to_string());
    }
    let products = terms(g, node)?;
    let mut common: Option<BTreeSet<Pair>> = None;
    for product in &products {
        let own = pairs(product);
        common = Some(match common {
            None => own,
            Some(so_far) => so_far.intersection(&own).copied().collect(),
        });
    }
    let pairs = common.filter(|p| !p.is_empty())?;
    let shape = g.shape(node);
    let mut leader: Vec<usize> = (0..rank).collect();
    for &(a, b) in &pairs {
        let (from, to) = (leader[a].max(leader[b]), leader[a].min(leader[b]));
        leader.iter_mut().filter(|l| **l == from).for_each(|l| *l = to);
    }
    let kept: Vec<usize> = (0..rank).filter(|&k| leader[k] == k).collect();
    let joined: Vec<usize> =
        kept.iter().copied().filter(|&k| leader.iter().filter(|l| **l == k).count() > 1).collect();
    let counted = format!(
        "{} of {} entries can be non-zero",
        count(kept.iter().map(|&k| &shape[k])),
        count(shape.iter())
    );
    let only = match &products[..] {
        [one] => Some(one),
        _ => None,
    };
    if joined.len() == kept.len() {
        let identity = only.is_some_and(|p| p.accesses.is_empty() && p.conds.len() == pairs.len());
        return Some(format!("{}: {counted}", if identity { "identity" } else { "diagonal" }));
    }
    let blocks = count(joined.iter().map(|&k| &shape[k]));
    let row = only.and_then(|p| row(g, p)).map(|x| format!(", each the row {x}'")).unwrap_or_default();
    Some(format!("block-diagonal: {blocks} blocks{row};  {counted}"))
}

/// Extents multiplied, as written: `m*m*n`.
fn count<'d>(dims: impl Iterator<Item = &'d Dim>) -> String {
    let parts: Vec<String> = dims
        .map(|d| {
            let text = d.to_string();
            if text.contains(' ') { format!("({text})") } else { text }
        })
        .collect();
    if parts.is_empty() { "1".to_string() } else { parts.join("*") }
}

/// The products that a node is a sum of; `None` when a term is none.
fn terms(g: &Graph, node: NodeId) -> Option<Vec<Product>> {
    match g.op(node) {
        Op::Contract(_) => Some(vec![g.as_product(node)]),
        Op::Sum(_) => g
            .args(node)
            .iter()
            .map(|&a| matches!(g.op(a), Op::Contract(_)).then(|| g.as_product(a)))
            .collect(),
        _ => None,
    }
}

/// Axes joined by deltas.
fn pairs(product: &Product) -> BTreeSet<Pair> {
    let mut found = BTreeSet::new();
    for cond in &product.conds {
        let Cond::Zero(term) = cond else { continue };
        if !term.offset().is_zero() {
            continue;
        }
        let [(Atom::Label(a), c), (Atom::Label(b), d)] = term.parts() else { continue };
        let (a, b) = (a.0 as usize, b.0 as usize);
        let opposite = c.as_fixed().zip(d.as_fixed()).is_some_and(|(c, d)| c + d == 0 && c.abs() == 1);
        if opposite && a < product.free && b < product.free {
            found.insert((a.min(b), a.max(b)));
        }
    }
    found
}

/// The vector that every block repeats.
fn row(g: &Graph, product: &Product) -> Option<String> {
    let [access] = &product.accesses[..] else { return None };
    let [term] = &access.at[..] else { return None };
    let axis = term.as_label()?.0 as usize;
    let joined = pairs(product).iter().any(|&(a, b)| a == axis || b == axis);
    let plain = !joined && access.power == 1 && product.conds.len() == 1;
    g.as_input(access.node).filter(|_| plain).map(|i| i.name.to_string())
}

/// `g @ dy/dV = outer(g, x)`, for one derivative of an array by a name.
pub(crate) fn acts_as(query: &mut Query, names: &Names) -> chainrule_core::Result<Option<String>> {
    let Some(whole) = whole(query).filter(|w| !w.indexed && w.denominators.len() == 1) else {
        return Ok(None);
    };
    let [taken] = query.formula.taken[..] else { return Ok(None) };
    let scope = &mut query.scope;
    let rank = scope.graph.rank(taken.function);
    if rank == 0 || scope.node(&whole.numerator).is_none() {
        return Ok(None);
    }
    let candidates = if rank == 1 { ["g", "u", "v", "w"] } else { ["G", "U", "W", "S"] };
    let Some(name) = candidates.into_iter().find(|c| scope.find(c).is_none()) else { return Ok(None) };
    let ty = scope.graph.ty(taken.function).clone();
    let upstream = scope.graph.input(name, ty)?;
    let Some(&answer) = scope.graph.vjp(taken.function, &[taken.by], upstream)?.first() else {
        return Ok(None);
    };
    let answer = super::kinks::without_cuts(query, answer)?;
    let g = &mut query.scope.graph;
    let answer = g.simplify(&[answer], &chainrule_core::simplify::Options::default())?.outputs[0];
    let printed = names.printer(query).vector_text(answer);
    let Some(text) = printed.filter(|t| t.definitions.is_empty()) else { return Ok(None) };
    let (y, x) = (&whole.numerator, &whole.denominators[0]);
    let left = if rank == 1 { format!("{name} @ d{y}/d{x}") } else { format!("vjp({name}, {y}, {x})") };
    let note = if query.shape.len() >= 3 { "     (this is why nobody stores the tensor)" } else { "" };
    Ok(Some(format!("{left} = {}{note}", text.body)))
}
