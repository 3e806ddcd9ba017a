//! Abstraction: polynomials freed from the place where they stand.
//!
//! `exp(x[i+1] * w[k])` becomes `exp(x[·0] * w[·1])` read at `i+1, k`. The axes of the abstraction are numbered
//! canonically, so equal functions of equal arguments are the same atom.

use crate::atom::{Atom, Info};
use crate::canon::Canon;
use crate::poly::{Poly, Terms, each_term, order};
use chainrule_core::form::order::canonical;
use chainrule_core::form::{Cond, Product};
use chainrule_core::index::{Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Dim;
use std::cmp::Ordering;

/// Up to this many axes every numbering is tried; more are numbered by first appearance.
const PERMUTED: usize = 4;

/// Polynomials over axes of their own.
pub(crate) struct Abstracted {
    pub(crate) terms: Vec<Terms>,
    /// Where the axes stand in the context.
    pub(crate) at: Vec<Term>,
    pub(crate) mixed: bool,
}

impl Canon {
    /// Polynomials over the same axes, freed from the place where they stand.
    pub(crate) fn abstracted(&mut self, polys: &[&Poly]) -> Abstracted {
        let products: Vec<Vec<Product>> = polys.iter().map(|p| p.products()).collect();
        let guarded = products.iter().flatten().flat_map(|m| &m.conds).any(|c| !matches!(c, Cond::Holds(..)));
        let mut places: Vec<Term> = Vec::new();
        let mut mixed = false;
        for m in products.iter().flatten() {
            each_term(m, &mut |t| {
                let (mut any, mut bound) = (false, false);
                t.each_label(&mut |l| {
                    any = true;
                    bound |= l.0 as usize >= m.free;
                });
                t.each_element(&mut |_| any = true);
                if !any {
                    return;
                }
                if !bound && !guarded {
                    if !places.contains(t) {
                        places.push(t.clone());
                    }
                    return;
                }
                t.each_label(&mut |l| {
                    if (l.0 as usize) < m.free {
                        mixed |= t.as_label().is_none();
                        let label = Term::label(l);
                        if !places.contains(&label) {
                            places.push(label);
                        }
                    }
                });
            });
        }
        let mut best: Option<(Vec<Terms>, Vec<Term>)> = None;
        for permutation in permutations(places.len()) {
            let at: Vec<Term> = permutation.iter().map(|&k| places[k].clone()).collect();
            let terms: Vec<Terms> = products.iter().map(|list| renamed(list, &at)).collect();
            if best.as_ref().is_none_or(|(least, _)| compare(&terms, least) == Ordering::Less) {
                best = Some((terms, at));
            }
        }
        let (terms, at) = best.expect("invariant: at least one numbering");
        Abstracted { terms, at, mixed }
    }

    /// An atom of abstracted polynomials, as the node and the place where it is read.
    pub(crate) fn abstract_atom(
        &mut self,
        polys: &[&Poly],
        make: impl FnOnce(Vec<Terms>) -> Atom,
    ) -> (NodeId, Vec<Term>) {
        let Abstracted { terms, at, mixed } = self.abstracted(polys);
        let atom = make(terms);
        let nonnegative = match &atom {
            Atom::Exp(_) => true,
            Atom::Group(terms) => self.atoms.terms_nonnegative(terms),
            _ => false,
        };
        (self.atoms.intern(atom, Info { mixed, nonnegative, ..Info::default() }), at)
    }

    /// True when an access of an abstracted atom has to be instantiated and abstracted again: a place became a
    /// constant, two places became equal, or a compound place went into a compound term.
    pub(crate) fn is_stale(&self, node: NodeId, at: &[Term]) -> bool {
        if !self.atoms.is_abstracted(node) {
            return false;
        }
        let constant = |t: &Term| t.as_constant().is_some();
        at.iter().any(constant)
            || (1..at.len()).any(|k| at[..k].contains(&at[k]))
            || (self.atoms.info(node).mixed && at.iter().any(|t| t.as_label().is_none()))
    }
}

fn compare(a: &[Terms], b: &[Terms]) -> Ordering {
    for (x, y) in a.iter().zip(b) {
        for ((m, c), (n, d)) in x.iter().zip(y) {
            let o = order(m, n).then_with(|| c.cmp(d));
            if o != Ordering::Equal {
                return o;
            }
        }
    }
    Ordering::Equal
}

/// Monomials with the places `at` as their axes.
fn renamed(products: &[Product], at: &[Term]) -> Terms {
    let rank = at.len();
    let mut terms: Terms = Vec::with_capacity(products.len());
    for m in products {
        let mut n = m.clone();
        n.free = rank;
        // The extents of the axes are those of the place of use, which instantiation knows.
        n.extents = std::iter::repeat_n(Dim::ZERO, rank).chain(m.extents[m.free..].iter().cloned()).collect();
        n.map_terms(&mut |t| {
            if let Some(k) = at.iter().position(|p| p == t) {
                return Term::label(Label(k as u32));
            }
            t.relabel(&|l| {
                if (l.0 as usize) < m.free {
                    let label = Term::label(l);
                    let k = at.iter().position(|p| *p == label).expect("invariant: every label has a place");
                    Label(k as u32)
                } else {
                    Label((rank + l.0 as usize - m.free) as u32)
                }
            })
        });
        let coefficient = std::mem::replace(&mut n.coefficient, Rational::from(1));
        canonical(&mut n, &Canon::hash);
        terms.push((n, coefficient));
    }
    terms.sort_by(|a, b| order(&a.0, &b.0));
    terms
}

/// All orders of a few things; the given order of many.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    if n > PERMUTED {
        return vec![(0..n).collect()];
    }
    for k in 0..n {
        all = all
            .into_iter()
            .flat_map(|p: Vec<usize>| {
                (0..=k).map(move |at| {
                    let mut q = p.clone();
                    q.insert(at, k);
                    q
                })
            })
            .collect();
    }
    all
}
