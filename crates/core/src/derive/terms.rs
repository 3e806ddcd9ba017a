//! What a sweep carries: lists of terms *outer · link · local*.
//!
//! At node `v` a term has free labels for the outer axes (of the Jacobian's far end) and for the axes of `v`. Outer
//! factors touch outer labels only, the link touches both (deltas and at most one access), local factors touch axes
//! of `v` only. `combine` freezes what is local into one node, never larger than `v`; products are never
//! distributed over sums. Measured on prototypes: a logistic Hessian at 1000 × 100 keeps 17,000 numbers this way
//! and 711,000 with a plain sweep.

use crate::form::product::Part;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::Logic;
use crate::index::{Facts, Label, Term};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::Dim;

/// Guards of a term that stand apart for the reader; more become one predicate, so that they do not pile up along a
/// chain of selections.
const PILE: usize = 8;

/// Which labels a part touches.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Side {
    Outer,
    Link,
    Local,
}

fn side(part: &Part, outer: usize) -> Side {
    let (mut touches_outer, mut touches_own) = (false, false);
    part.each_label(&mut |l| {
        if (l.0 as usize) < outer {
            touches_outer = true;
        } else {
            touches_own = true;
        }
    });
    match (touches_outer, touches_own) {
        (true, true) => Side::Link,
        (true, false) => Side::Outer,
        _ => Side::Local,
    }
}

/// A term taken apart; the conditions and accesses of each side.
struct Sorted {
    coefficient: Rational,
    outer: Vec<Part>,
    link: Vec<Part>,
    local: Vec<Part>,
}

/// Merges the settled terms of a node, so that what is shared is computed once.
///
/// The terms have free labels `outer` axes then axes of the node, `extents` in all.
pub(crate) fn combine(g: &mut Graph, terms: &[Product], outer: usize, extents: &[Dim]) -> Vec<Product> {
    let mut groups: Vec<(Vec<Part>, Vec<Part>, Vec<Sorted>)> = Vec::new();
    for term in terms {
        let sorted = sort(g, term, outer);
        match groups.iter_mut().find(|(o, l, _)| *o == sorted.outer && *l == sorted.link) {
            Some((_, _, members)) => members.push(sorted),
            None => groups.push((sorted.outer.clone(), sorted.link.clone(), vec![sorted])),
        }
    }
    let shape = Product::one(extents.iter().cloned());
    let mut merged: Vec<Product> = Vec::new();
    for (outer_parts, link, members) in groups {
        let (coefficient, local) = merge_local(g, &shape, members);
        if coefficient.is_zero() {
            continue;
        }
        merged.push(shape.with_parts(outer_parts.into_iter().chain(link).chain(local)).scaled(&coefficient));
    }
    if merged.len() > 1 { vec![share_outer(g, &shape, merged, outer)] } else { merged }
}

/// The terms that arrived at a node, with deltas eliminated and every sum frozen into one access.
///
/// At the end of a sweep this is the answer: what is a product of factors on different axes stays one.
pub(crate) fn settle(g: &mut Graph, terms: Vec<Product>) -> Vec<Product> {
    let mut steps = Vec::new();
    let mut settled = Vec::with_capacity(terms.len());
    for term in terms {
        if let Some(term) = g.normal_product(term, &mut steps) {
            settled.push(freeze_bound(g, term));
        }
    }
    settled
}

/// Every component that keeps a bound label becomes one access.
fn freeze_bound(g: &mut Graph, term: Product) -> Product {
    let mut parts: Vec<Part> = term.parts().collect();
    let mut coefficient = term.coefficient.clone();
    while let Some(start) = parts.iter().position(|p| !bound_labels(p, &term).is_empty()) {
        let mut component = vec![parts.remove(start)];
        let mut labels = bound_labels(&component[0], &term);
        while let Some(k) =
            parts.iter().position(|p| bound_labels(p, &term).iter().any(|l| labels.contains(l)))
        {
            let part = parts.remove(k);
            labels.extend(bound_labels(&part, &term));
            component.push(part);
        }
        let (scale, access) = freeze(g, &term, component);
        coefficient = &coefficient * &scale;
        parts.extend(access.map(Part::Access));
    }
    let mut frozen = Product::one(term.extents[..term.free].iter().cloned()).with_parts(parts);
    frozen.coefficient = coefficient;
    frozen
}

fn bound_labels(part: &Part, term: &Product) -> Vec<Label> {
    let mut labels = Vec::new();
    part.each_label(&mut |l| {
        if l.0 as usize >= term.free {
            labels.push(l);
        }
    });
    labels
}

/// The parts as one node over the free labels they touch: `coefficient, access` (no access for a constant).
///
/// The ranges of the term over those labels go with them: they keep reads inside their axes.
fn freeze(g: &mut Graph, term: &Product, mut parts: Vec<Part>) -> (Rational, Option<Access>) {
    let mut touched = vec![false; term.extents.len()];
    for part in &parts {
        part.each_label(&mut |l| touched[l.0 as usize] = true);
    }
    for cond in &term.conds {
        let over = cond
            .terms()
            .iter()
            .all(|t| (0..touched.len()).all(|k| touched[k] || !t.mentions(Label(k as u32))));
        let range = Part::Cond(cond.clone());
        if matches!(cond, Cond::NonNegative(_)) && over && !parts.contains(&range) {
            parts.push(range);
        }
    }
    let labels: Vec<usize> = (0..touched.len()).filter(|&k| touched[k]).collect();
    let free = labels.iter().filter(|&&k| k < term.free).count();
    let extents = labels.iter().map(|&k| term.extents[k].clone()).collect();
    let place =
        |l: Label| Label(labels.iter().position(|&k| k == l.0 as usize).expect("invariant: touched") as u32);
    let node = g.product(term.with_parts(parts).relabel(extents, free, &place));
    as_access(g, node, labels[..free].iter().map(|&k| Term::label(Label(k as u32))))
}

/// Splits a node's coefficient off and reads the rest at the given terms.
fn as_access(g: &mut Graph, node: NodeId, at: impl IntoIterator<Item = Term>) -> (Rational, Option<Access>) {
    if g.is_zero(node) {
        return (Rational::from(0), None);
    }
    let (scale, monic) = g.unscaled(node);
    let scale = scale.unwrap_or_else(|| Rational::from(1));
    match g.as_rational(monic) {
        Some(value) => (&scale * &value, None),
        None => (scale, Some(Access::new(monic, at))),
    }
}

fn sort(g: &mut Graph, term: &Product, outer: usize) -> Sorted {
    let mut sorted =
        Sorted { coefficient: term.coefficient.clone(), outer: vec![], link: vec![], local: vec![] };
    for part in term.parts() {
        match side(&part, outer) {
            Side::Outer => sorted.outer.push(part),
            Side::Link => sorted.link.push(part),
            Side::Local => sorted.local.push(part),
        }
    }
    // At most one access may link: several become one.
    let accesses = sorted.link.iter().filter(|p| matches!(p, Part::Access(_))).count();
    if accesses > 1 {
        let (dense, deltas): (Vec<Part>, Vec<Part>) =
            sorted.link.drain(..).partition(|p| matches!(p, Part::Access(_)));
        let (scale, access) = freeze(g, term, dense);
        sorted.coefficient = &sorted.coefficient * &scale;
        sorted.link = deltas;
        sorted.link.extend(access.map(Part::Access));
    }
    if sorted.outer.len() > PILE {
        sorted.outer = one_guard(g, sorted.outer);
    }
    sorted.outer.sort();
    sorted.link.sort();
    sorted.local.sort();
    sorted
}

/// The sum of the local parts of terms with equal outer and link: one factor at most, under the guards they share.
///
/// A guard that every term has stays a guard: frozen into a number it would be a mask, and `0 · ∞` could arise in
/// the next step.
fn merge_local(g: &mut Graph, shape: &Product, mut members: Vec<Sorted>) -> (Rational, Vec<Part>) {
    let mut guards: Vec<Part> =
        members[0].local.iter().filter(|p| matches!(p, Part::Cond(_))).cloned().collect();
    for member in &members[1..] {
        guards.retain(|p| member.local.contains(p));
    }
    for member in &mut members {
        member.local.retain(|p| !guards.contains(p));
    }
    let guards = one_guard(g, guards);
    let simple = |s: &Sorted| s.local.is_empty() || (s.local.len() == 1 && is_plain(&s.local[0]));
    if members.len() == 1 && simple(&members[0]) {
        let only = members.remove(0);
        return (only.coefficient, only.local.into_iter().chain(guards).collect());
    }
    // A range keeps reads inside their axes, so what is frozen keeps it too.
    let ranges: Vec<Part> =
        guards.iter().filter(|p| matches!(p, Part::Cond(Cond::NonNegative(_)))).cloned().collect();
    let terms: Vec<(Rational, Vec<Part>)> = members
        .into_iter()
        .map(|m| (m.coefficient, m.local.into_iter().chain(ranges.iter().cloned()).collect()))
        .collect();
    let (scale, access) = freeze_sum(g, shape, terms);
    (scale, access.map(Part::Access).into_iter().chain(guards).collect())
}

/// Predicates read at the same terms become one, so that guards do not pile up along a chain.
fn one_guard(g: &mut Graph, guards: Vec<Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::new();
    for part in guards {
        let Part::Cond(Cond::Holds(node, at, negated)) = &part else {
            merged.push(part);
            continue;
        };
        let twin =
            merged.iter().position(|p| matches!(p, Part::Cond(Cond::Holds(_, there, _)) if there == at));
        let Some(k) = twin else {
            merged.push(part);
            continue;
        };
        let Part::Cond(Cond::Holds(other, _, other_negated)) = merged[k].clone() else { continue };
        let both =
            [(*node, *negated), (other, other_negated)].map(|(n, negated)| plain_predicate(g, n, negated));
        let both =
            g.logic(Logic::And, &both).expect("invariant: predicates read at the same terms share a shape");
        merged[k] = Part::Cond(Cond::Holds(both, at.clone(), false));
    }
    merged
}

/// The predicate itself, or its negation.
pub(crate) fn plain_predicate(g: &mut Graph, node: NodeId, negated: bool) -> NodeId {
    if !negated {
        return node;
    }
    g.logic(Logic::Not, &[node]).expect("invariant: a predicate can be negated")
}

fn is_plain(part: &Part) -> bool {
    matches!(part, Part::Access(a) if a.power == 1)
}

/// `Σ c · Π parts` as one node over the labels that any of them touch.
fn freeze_sum(
    g: &mut Graph,
    shape: &Product,
    terms: Vec<(Rational, Vec<Part>)>,
) -> (Rational, Option<Access>) {
    let mut touched = vec![false; shape.extents.len()];
    for part in terms.iter().flat_map(|(_, parts)| parts) {
        part.each_label(&mut |l| touched[l.0 as usize] = true);
    }
    let labels: Vec<usize> = (0..touched.len()).filter(|&k| touched[k]).collect();
    let extents: smallvec::SmallVec<[Dim; 4]> = labels.iter().map(|&k| shape.extents[k].clone()).collect();
    let place =
        |l: Label| Label(labels.iter().position(|&k| k == l.0 as usize).expect("invariant: touched") as u32);
    let mut nodes = Vec::with_capacity(terms.len());
    for (coefficient, parts) in terms {
        let product = shape.with_parts(parts).relabel(extents.clone(), labels.len(), &place);
        nodes.push((coefficient, g.product(guarded(g, product))));
    }
    let ty = crate::shape::Type::real(extents);
    let node = g.sum_unchecked(&nodes, |_| ty);
    as_access(g, node, labels.iter().map(|&k| Term::label(Label(k as u32))))
}

/// Several terms become one: common outer parts stay outside, the rest is frozen over the labels it uses.
fn share_outer(g: &mut Graph, shape: &Product, terms: Vec<Product>, outer: usize) -> Product {
    let mut common: Vec<Part> = terms[0].parts().filter(|p| side(p, outer) == Side::Outer).collect();
    for term in &terms[1..] {
        common.retain(|p| term.parts().any(|q| q == *p));
    }
    // A delta or range that every term has may be what keeps the common reads inside their axes: it stays with both.
    let is_guard = |p: &Part| side(p, outer) != Side::Outer && matches!(p, Part::Cond(_));
    let mut guards: Vec<Part> =
        if common.is_empty() { Vec::new() } else { terms[0].parts().filter(is_guard).collect() };
    for term in &terms[1..] {
        guards.retain(|p| term.parts().any(|q| q == *p));
    }
    let rest = terms
        .iter()
        .map(|t| {
            let mut parts: Vec<Part> = t.parts().collect();
            for c in &common {
                if let Some(k) = parts.iter().position(|p| p == c) {
                    parts.remove(k);
                }
            }
            (t.coefficient.clone(), parts)
        })
        .collect();
    let (scale, access) = freeze_sum(g, shape, rest);
    let parts = common.into_iter().chain(guards).chain(access.map(Part::Access));
    guarded(g, shape.with_parts(parts).scaled(&scale))
}

/// The product with a range for every read that nothing keeps inside its axis.
///
/// Where a term is taken apart, what kept a read inside may go with another part, which is zero outside: so is the
/// product, and saying it costs nothing.
fn guarded(g: &Graph, mut product: Product) -> Product {
    let below = |node| g.below(node);
    let facts = Facts { extents: &product.extents, gone: &[], below: &below };
    let mut added = Vec::new();
    for access in &product.accesses {
        for (at, extent) in access.at.iter().zip(g.shape(access.node)) {
            if at.as_label().is_some_and(|l| product.extents[l.0 as usize] == *extent) {
                continue;
            }
            let mut chosen = false;
            at.each_element(&mut |_| chosen = true);
            let ends = [at.clone(), Term::constant(extent.clone() - Dim::from(1)) - at.clone()];
            let open = ends.into_iter().filter(|end| !chosen && !keeps(&facts, &product.conds, end));
            added.extend(open.map(Cond::NonNegative));
        }
    }
    product.conds.extend(added);
    product
}

/// Whether an index cannot be negative, by itself or under one of the conditions.
fn keeps(facts: &Facts<'_>, conds: &[Cond], index: &Term) -> bool {
    let under = |cond: &Cond| match cond {
        Cond::NonNegative(t) => facts.proves_nonnegative(&(index.clone() - t.clone())),
        Cond::Zero(t) => {
            let (less, more) = (index.clone() - t.clone(), index.clone() + t.clone());
            facts.proves_nonnegative(&less) || facts.proves_nonnegative(&more)
        }
        Cond::Holds(..) => false,
    };
    facts.proves_nonnegative(index) || conds.iter().any(under)
}
