//! Canonical numbers for bound labels, so that renaming and reordering give the same product.
//!
//! Colour refinement separates labels by how they are used. Where some stay alike, one of them is singled out and the
//! colours are refined again, until all differ: the label whose refinement looks least is taken, and among equals the
//! one whose finished product is least. Labels that can be exchanged give the same product, so equal components and
//! cycles need no search. Past a budget the first of equals is taken, which is still a correct product, only perhaps
//! not shared with a renamed twin.
//!
//! Source: McKay and Piperno, Practical graph isomorphism II, 2014 (individualisation and refinement).

use crate::form::{Access, Cond, Product};
use crate::index::{Atom, Label, Term};
use crate::node::NodeId;
use crate::shape::Dim;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// How many refinements are spent on labels that are alike; each costs the size of the product a few times.
const BUDGET: usize = 2_000;

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
    if product.extents.len() - product.free > 1 {
        let mut search = Search { product, hash, budget: BUDGET };
        let order = search.numbering();
        apply(product, &order);
    }
    sort_parts(product, hash);
}

/// The search for a numbering of the bound labels.
struct Search<'a> {
    product: &'a Product,
    hash: &'a dyn Fn(NodeId) -> u64,
    budget: usize,
}

impl Search<'_> {
    fn numbering(&mut self) -> Vec<usize> {
        let mut colours = refine(self.product, initial(self.product), self.hash);
        while let Some(tied) = first_tie(self.product, &colours) {
            let least = self.least(&colours, &tied);
            colours = match &least[..] {
                [only] => only.clone(),
                several => {
                    let mut best: Option<(Encoding, &Vec<u64>)> = None;
                    for candidate in several {
                        let encoding = self.finished(candidate.clone());
                        if best.as_ref().is_none_or(|(least, _)| encoding < *least) {
                            best = Some((encoding, candidate));
                        }
                    }
                    best.expect("invariant: several candidates").1.clone()
                }
            };
        }
        numbering_of(self.product, &colours)
    }

    /// Refinements that look least, after singling out one of the tied labels; only the first past the budget.
    fn least(&mut self, colours: &[u64], tied: &[usize]) -> Vec<Vec<u64>> {
        let mut least: Vec<(Vec<u64>, Vec<u64>)> = Vec::new();
        for &label in tied {
            if self.budget == 0 && !least.is_empty() {
                break;
            }
            self.budget = self.budget.saturating_sub(1);
            let mut single = colours.to_vec();
            single[label] = mix(&[13, single[label]]);
            let refined = refine(self.product, single, self.hash);
            let mut look = refined.clone();
            look.sort_unstable();
            match least.first().map(|(first, _)| look.cmp(first)) {
                Some(std::cmp::Ordering::Greater) => {}
                Some(std::cmp::Ordering::Equal) => least.push((look, refined)),
                _ => least = vec![(look, refined)],
            }
        }
        least.into_iter().map(|(_, refined)| refined).collect()
    }

    /// The product at the end of the path that always takes the first of equals.
    fn finished(&mut self, mut colours: Vec<u64>) -> Encoding {
        while let Some(tied) = first_tie(self.product, &colours) {
            colours = self.least(&colours, &tied).swap_remove(0);
        }
        let mut trial = self.product.clone();
        apply(&mut trial, &numbering_of(self.product, &colours));
        sort_parts(&mut trial, self.hash);
        encode(&trial, self.hash)
    }
}

/// Bound labels in order of colour.
fn numbering_of(product: &Product, colours: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (product.free..product.extents.len()).collect();
    order.sort_by_key(|&k| colours[k]);
    order
}

/// The bound labels of the least colour that several have.
fn first_tie(product: &Product, colours: &[u64]) -> Option<Vec<usize>> {
    let order = numbering_of(product, colours);
    let tied = order.chunk_by(|&a, &b| colours[a] == colours[b]).find(|group| group.len() > 1);
    tied.map(<[usize]>::to_vec)
}

type Encoding = (Vec<Dim>, Vec<(u64, Access)>, Vec<Cond>);

fn encode(product: &Product, hash: &dyn Fn(NodeId) -> u64) -> Encoding {
    (
        product.extents.to_vec(),
        product.accesses.iter().map(|a| (hash(a.node), a.clone())).collect(),
        product.conds.to_vec(),
    )
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

/// `term == 0` and `-term == 0` are one condition: the first coefficient is positive, where signs are known.
pub(crate) fn oriented(term: Term) -> Term {
    let flip = match term.parts().first().map(|(_, c)| c.as_fixed()) {
        Some(Some(c)) => c < 0,
        Some(None) => -term.clone() > term,
        None => false,
    };
    if flip { -term } else { term }
}

fn sort_parts(product: &mut Product, hash: &dyn Fn(NodeId) -> u64) {
    for cond in &mut product.conds {
        if let Cond::Zero(term) = cond {
            *term = oriented(std::mem::replace(term, Term::constant(0)));
        }
    }
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

/// Colours of labels by position and extent alone.
fn initial(product: &Product) -> Vec<u64> {
    (0..product.extents.len())
        .map(|k| if k < product.free { mix(&[1, k as u64]) } else { mix(&[2, hash_of(&product.extents[k])]) })
        .collect()
}

/// Number of different colours.
fn classes(colours: &[u64]) -> usize {
    let mut sorted = colours.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

/// Colours of labels after looking at their uses until no more labels are told apart.
fn refine(product: &Product, mut colours: Vec<u64>, hash: &dyn Fn(NodeId) -> u64) -> Vec<u64> {
    let mut count = 0;
    while classes(&colours) > count {
        count = classes(&colours);
        colours = refine_once(product, &colours, hash);
    }
    colours
}

fn refine_once(product: &Product, colours: &[u64], hash: &dyn Fn(NodeId) -> u64) -> Vec<u64> {
    let mut uses: Vec<u64> = colours.to_vec();
    let mut contribute = |salt: u64, terms: &[Term]| {
        let whole: Vec<u64> = terms.iter().map(|t| term_colour(t, colours, hash)).collect();
        let whole = mix(&[salt, hash_of(&whole)]);
        for (position, term) in terms.iter().enumerate() {
            each_use(term, &mut |label, use_hash| {
                let slot = &mut uses[label.0 as usize];
                *slot = slot.wrapping_add(mix(&[whole, position as u64, use_hash]));
            });
        }
    };
    for access in &product.accesses {
        contribute(mix(&[3, hash(access.node), u64::from(access.power)]), &access.at);
    }
    for cond in &product.conds {
        match cond {
            // A delta has no sign, so both ways of writing it count.
            Cond::Zero(term) => {
                contribute(4, std::slice::from_ref(term));
                contribute(4, &[-term.clone()]);
            }
            Cond::NonNegative(term) => contribute(5, std::slice::from_ref(term)),
            Cond::Holds(node, at, negated) => contribute(mix(&[6, hash(*node), u64::from(*negated)]), at),
        }
    }
    let bound = |k: usize| if k < product.free { colours[k] } else { mix(&[colours[k], uses[k]]) };
    (0..colours.len()).map(bound).collect()
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
