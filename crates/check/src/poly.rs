//! Polynomials of a proof: `Σ coefficient · Σ_bound Π atom[t]^e · [conditions]` over given axes.
//!
//! Monomials are the core's products with coefficient 1 and coded exponents; equal monomials are one key, so a
//! difference of equal formulas has no terms at all.

use crate::exponent;
use chainrule_core::form::{Access, Cond, Product};
use chainrule_core::index::Term;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Dim;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;
use std::cmp::Ordering;

/// Terms as stored in an atom: free labels are the atom's own axes, sorted by [`order`].
pub(crate) type Terms = Vec<(Product, Rational)>;

/// A sum of monomials over axes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Poly {
    /// Extents of the axes.
    pub(crate) axes: Vec<Dim>,
    /// Canonical monomials with their coefficients, none of them 0.
    pub(crate) terms: IndexMap<Product, Rational, FxBuildHasher>,
}

impl Poly {
    pub(crate) fn zero(axes: &[Dim]) -> Poly {
        Poly { axes: axes.to_vec(), terms: IndexMap::default() }
    }

    /// A rational number over axes.
    pub(crate) fn constant(axes: &[Dim], value: &Rational) -> Poly {
        let mut poly = Poly::zero(axes);
        poly.add_term(Product::one(axes.iter().cloned()), value);
        poly
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The number, if the polynomial is one.
    pub(crate) fn as_constant(&self) -> Option<Rational> {
        match self.terms.len() {
            0 => Some(Rational::from(0)),
            1 => {
                let (m, c) = self.terms.first().expect("invariant: one term");
                is_unit(m).then(|| c.clone())
            }
            _ => None,
        }
    }

    /// The only term.
    pub(crate) fn single(&self) -> Option<(&Product, &Rational)> {
        self.terms.first().filter(|_| self.terms.len() == 1)
    }

    /// Adds `coefficient · monomial`, of a canonical monomial with coefficient 1.
    pub(crate) fn add_term(&mut self, monomial: Product, coefficient: &Rational) {
        if coefficient.is_zero() {
            return;
        }
        match self.terms.entry(monomial) {
            indexmap::map::Entry::Occupied(mut slot) => {
                let total = slot.get() + coefficient;
                if total.is_zero() {
                    slot.swap_remove();
                } else {
                    slot.insert(total);
                }
            }
            indexmap::map::Entry::Vacant(slot) => {
                slot.insert(coefficient.clone());
            }
        }
    }

    /// `self + factor · other`
    pub(crate) fn plus(mut self, factor: &Rational, other: &Poly) -> Poly {
        for (m, c) in &other.terms {
            self.add_term(m.clone(), &(c * factor));
        }
        self
    }

    /// `factor · self`
    pub(crate) fn scaled(&self, factor: &Rational) -> Poly {
        Poly::zero(&self.axes).plus(factor, self)
    }

    /// Terms as products that carry their coefficients, in canonical order.
    pub(crate) fn products(&self) -> Vec<Product> {
        let mut list: Terms = self.terms.iter().map(|(m, c)| (m.clone(), c.clone())).collect();
        list.sort_by(|a, b| order(&a.0, &b.0));
        list.into_iter().map(|(m, c)| Product { coefficient: c, ..m }).collect()
    }
}

/// The monomial 1.
pub(crate) fn is_unit(m: &Product) -> bool {
    m.accesses.is_empty() && m.conds.is_empty() && m.extents.len() == m.free
}

/// Nothing summed and no condition.
pub(crate) fn is_plain(m: &Product) -> bool {
    m.conds.is_empty() && m.extents.len() == m.free
}

fn degree(m: &Product) -> Rational {
    let mut total = Rational::from(0);
    for a in &m.accesses {
        total = &total + &exponent::decode(a.power).abs();
    }
    total
}

/// Factors, the first variable first, and of one variable the higher power first: `x² < x c < c²`.
///
/// A rewrite that replaces the leading term of a denominator ends only if this order survives multiplication; with
/// `x c` in front of both squares, `x² c` would come back as a part of itself.
fn lexicographic(a: &Product, b: &Product) -> Ordering {
    let variable = |a: &Access, b: &Access| a.node.cmp(&b.node).then_with(|| a.at.cmp(&b.at));
    let sorted = |m: &Product| {
        let mut list: SmallVec<[Access; 6]> = m.accesses.iter().cloned().collect();
        list.sort_by(variable);
        list
    };
    let (left, right) = (sorted(a), sorted(b));
    for (x, y) in left.iter().zip(&right) {
        let power = || match x.power == y.power {
            true => Ordering::Equal,
            false => exponent::decode(y.power).cmp(&exponent::decode(x.power)),
        };
        let order = variable(x, y).then_with(power);
        if order != Ordering::Equal {
            return order;
        }
    }
    right.len().cmp(&left.len())
}

/// Order of monomials: high degree first, then by factors, conditions and sums.
pub(crate) fn order(a: &Product, b: &Product) -> Ordering {
    degree(b)
        .cmp(&degree(a))
        .then_with(|| lexicographic(a, b))
        .then_with(|| a.conds.cmp(&b.conds))
        .then_with(|| a.extents.len().cmp(&b.extents.len()))
        .then_with(|| a.extents[a.free..].cmp(&b.extents[b.free..]))
}

/// Every index term of a monomial.
pub(crate) fn each_term(m: &Product, visit: &mut dyn FnMut(&Term)) {
    m.accesses.iter().flat_map(|a: &Access| &a.at).for_each(&mut *visit);
    m.conds.iter().flat_map(Cond::terms).for_each(visit);
}
