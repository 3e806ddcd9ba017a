//! Canonical numbers for bound labels, so that renaming and reordering give the same product.
//!
//! Colour refinement separates labels by how they are used; ties are broken by individualisation: every way to
//! number the tied labels is tried under a budget and the least encoding wins. Past the budget the tied labels keep
//! their order of appearance, which is still a correct product, only perhaps not shared with a renamed twin.

use crate::form::{Access, Cond, Product};
use crate::index::{Atom, Label, Term};
use crate::node::NodeId;
use crate::shape::Dim;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// How many numberings of tied labels are tried.
const BUDGET: usize = 720;

fn mix(parts: &[u64]) -> u64 {
    let mut hasher = FxHasher::default();
    parts.hash(&mut hasher);
    hasher.finish()
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Sorts factors and conditions and numbers bound labels canonically. `hash` is the structural hash of a node.
pub fn canonical(product: &mut Product, hash: &dyn Fn(NodeId) -> u64) {
    let bound = product.extents.len() - product.free;
    if bound > 1 {
        let colours = refine(product, hash);
        let mut order: Vec<usize> = (product.free..product.extents.len()).collect();
        order.sort_by_key(|&k| colours[k]);
        let ties = tie_groups(&order, &colours);
        let count = ties.iter().map(|&(a, b)| factorial(b - a)).fold(1usize, usize::saturating_mul);
        if count > 1 && count <= BUDGET {
            order = least_numbering(product, hash, &order, &ties);
        }
        apply(product, &order);
    }
    sort_parts(product, hash);
}

fn factorial(n: usize) -> usize {
    (1..=n).fold(1, usize::saturating_mul)
}

/// Half-open ranges of `order` whose colours are equal.
fn tie_groups(order: &[usize], colours: &[u64]) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut start = 0;
    for end in 1..=order.len() {
        if end == order.len() || colours[order[end]] != colours[order[start]] {
            if end - start > 1 {
                groups.push((start, end));
            }
            start = end;
        }
    }
    groups
}

fn least_numbering(
    product: &Product,
    hash: &dyn Fn(NodeId) -> u64,
    order: &[usize],
    ties: &[(usize, usize)],
) -> Vec<usize> {
    let mut best: Option<(Encoding, Vec<usize>)> = None;
    let mut current = order.to_vec();
    permute_groups(&mut current, ties, &mut |candidate| {
        let mut trial = product.clone();
        apply(&mut trial, candidate);
        sort_parts(&mut trial, hash);
        let encoding = encode(&trial, hash);
        if best.as_ref().is_none_or(|(least, _)| encoding < *least) {
            best = Some((encoding, candidate.to_vec()));
        }
    });
    best.map_or_else(|| order.to_vec(), |(_, order)| order)
}

type Encoding = (Vec<Dim>, Vec<(u64, Access)>, Vec<Cond>);

fn encode(product: &Product, hash: &dyn Fn(NodeId) -> u64) -> Encoding {
    (
        product.extents.to_vec(),
        product.accesses.iter().map(|a| (hash(a.node), a.clone())).collect(),
        product.conds.to_vec(),
    )
}

/// Every arrangement of the tied ranges (Heap's algorithm on each, nested over groups; the budget bounds the depth).
fn permute_groups(order: &mut Vec<usize>, ties: &[(usize, usize)], visit: &mut dyn FnMut(&[usize])) {
    let Some((&(start, end), rest)) = ties.split_first() else { return visit(order) };
    fn heap(
        order: &mut Vec<usize>,
        start: usize,
        k: usize,
        rest: &[(usize, usize)],
        visit: &mut dyn FnMut(&[usize]),
    ) {
        if k <= 1 {
            return permute_groups(order, rest, visit);
        }
        for i in 0..k {
            heap(order, start, k - 1, rest, visit);
            if i + 1 < k {
                let swap = if k.is_multiple_of(2) { i } else { 0 };
                order.swap(start + swap, start + k - 1);
            }
        }
    }
    heap(order, start, end - start, rest, visit);
}

/// Bound label `order[k]` becomes number `free + k`.
fn apply(product: &mut Product, order: &[usize]) {
    let mut place: Vec<u32> = (0..product.extents.len() as u32).collect();
    let mut extents = product.extents.clone();
    for (k, &label) in order.iter().enumerate() {
        place[label] = (product.free + k) as u32;
        extents[product.free + k] = product.extents[label].clone();
    }
    *product = product.relabel(extents, product.free, &|l| Label(place[l.0 as usize]));
}

fn sort_parts(product: &mut Product, hash: &dyn Fn(NodeId) -> u64) {
    if product.accesses.len() > 1 {
        product.accesses.sort_by_cached_key(|a| (hash(a.node), a.node, a.at.clone(), a.power));
    }
    if product.conds.len() > 1 {
        product.conds.sort_by_cached_key(|c| match c {
            Cond::Zero(_) => (0, 0, c.clone()),
            Cond::NonNegative(_) => (1, 0, c.clone()),
            Cond::Holds(n, _, _) => (2, hash(*n), c.clone()),
        });
    }
}

/// Colours of labels: equal only for labels that are used alike.
fn refine(product: &Product, hash: &dyn Fn(NodeId) -> u64) -> Vec<u64> {
    let mut colours: Vec<u64> = (0..product.extents.len())
        .map(|k| if k < product.free { mix(&[1, k as u64]) } else { mix(&[2, hash_of(&product.extents[k])]) })
        .collect();
    for _ in 0..product.extents.len() - product.free {
        let mut next: Vec<u64> = colours.clone();
        let mut contribute = |salt: u64, terms: &[Term]| {
            let whole: Vec<u64> = terms.iter().map(|t| term_colour(t, &colours, hash)).collect();
            let whole = mix(&[salt, hash_of(&whole)]);
            for (position, term) in terms.iter().enumerate() {
                each_use(term, &mut |label, use_hash| {
                    let slot = &mut next[label.0 as usize];
                    *slot = slot.wrapping_add(mix(&[whole, position as u64, use_hash]));
                });
            }
        };
        for access in &product.accesses {
            contribute(mix(&[3, hash(access.node), u64::from(access.power)]), &access.at);
        }
        for cond in &product.conds {
            let salt = match cond {
                Cond::Zero(_) => 4,
                Cond::NonNegative(_) => 5,
                Cond::Holds(node, _, negated) => mix(&[6, hash(*node), u64::from(*negated)]),
            };
            contribute(salt, cond.terms());
        }
        for k in product.free..product.extents.len() {
            colours[k] = mix(&[colours[k], next[k]]);
        }
    }
    colours
}

/// Hash of a term under colours of its labels; a sum over parts, so that their order does not matter.
fn term_colour(term: &Term, colours: &[u64], hash: &dyn Fn(NodeId) -> u64) -> u64 {
    let mut total = hash_of(term.offset());
    for (atom, coefficient) in term.parts() {
        let inner = match atom {
            Atom::Label(l) => colours[l.0 as usize],
            Atom::Quotient(t, d) => mix(&[7, term_colour(t, colours, hash), hash_of(d)]),
            Atom::Remainder(t, d) => mix(&[8, term_colour(t, colours, hash), hash_of(d)]),
            Atom::Element(n, at) => {
                let at: Vec<u64> = at.iter().map(|t| term_colour(t, colours, hash)).collect();
                mix(&[9, hash(*n), hash_of(&at)])
            }
        };
        total = total.wrapping_add(mix(&[inner, hash_of(coefficient)]));
    }
    total
}

/// Calls `visit` on every label of a term with a hash of how it is used there.
fn each_use(term: &Term, visit: &mut dyn FnMut(Label, u64)) {
    for (atom, coefficient) in term.parts() {
        let weight = hash_of(coefficient);
        match atom {
            Atom::Label(l) => visit(*l, weight),
            Atom::Quotient(t, d) => each_use(t, &mut |l, u| visit(l, mix(&[10, weight, hash_of(d), u]))),
            Atom::Remainder(t, d) => each_use(t, &mut |l, u| visit(l, mix(&[11, weight, hash_of(d), u]))),
            Atom::Element(_, at) => {
                for (k, t) in at.iter().enumerate() {
                    each_use(t, &mut |l, u| visit(l, mix(&[12, weight, k as u64, u])));
                }
            }
        }
    }
}
