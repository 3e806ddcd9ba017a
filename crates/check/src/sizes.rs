//! Proof by sizes: an index identity in generic variables holds for all sizes when it holds at small ones.
//!
//! A monomial with at most `d` indices over a dimension takes part in no more than `d` of its values, so an identity
//! between such sums is decided by the entries at size `d`, and by all smaller sizes (where indices must coincide).
//! The argument needs generic variables: no inner sums, no sizes as numbers, no positions but plain indices.

use crate::atom::Atom;
use crate::canon::{Assumed, Canon};
use crate::exponent;
use crate::lower::{Meanings, stored};
use crate::poly::{Poly, each_term};
use chainrule_core::form::{Access, Product};
use chainrule_core::graph::Graph;
use chainrule_core::index::{Atom as Place, Term};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{Dim, Sizes};
use std::sync::Arc;
use std::time::Instant;

/// Identities with more indices over one dimension are not decided this way.
const LARGEST: usize = 5;

/// Whether the difference that is left vanishes for all sizes, by the deciding size and all smaller ones.
pub(crate) fn decided(
    g: &Graph,
    claimed: NodeId,
    derived: NodeId,
    canon: &Canon,
    left: &Poly,
    names: &[Arc<str>],
    deadline: Instant,
) -> bool {
    let Some(largest) = deciding(canon, left, names) else { return false };
    let mut sizes: Vec<i64> = vec![1; names.len()];
    loop {
        let at: Sizes = names.iter().cloned().zip(sizes.iter().copied()).collect();
        if !holds_at(g, claimed, derived, &at, deadline) {
            return false;
        }
        let Some(k) = (0..sizes.len()).find(|&k| sizes[k] < largest[k]) else { return true };
        sizes[k] += 1;
        sizes[..k].fill(1);
    }
}

/// For each size the largest number of indices over it in one term, one more where a range is shifted by one.
fn deciding(canon: &Canon, left: &Poly, names: &[Arc<str>]) -> Option<Vec<i64>> {
    let mut largest = vec![1usize; names.len()];
    for m in left.terms.keys() {
        if !is_generic(canon, m) {
            return None;
        }
        let mut shifted = 0;
        each_term(m, &mut |t| shifted = shifted.max(usize::from(!t.offset().is_zero())));
        for (k, name) in names.iter().enumerate() {
            let mut count = 0;
            for (position, extent) in m.extents.iter().enumerate() {
                let axis = if position < m.free { &left.axes[position] } else { extent };
                count += usize::from(axis.as_name() == Some(name));
                // An extent that is neither a name nor a number has no deciding size.
                if axis.as_name().is_none() && axis.as_fixed().is_none_or(|n| n > LARGEST as i64) {
                    return None;
                }
            }
            largest[k] = largest[k].max(count + shifted);
        }
    }
    (largest.iter().all(|&n| n <= LARGEST)).then(|| largest.into_iter().map(|n| n as i64).collect())
}

/// Whether what is left of a difference is a polynomial, not zero, in entries that are independent of each other, over
/// extents that have room for all its indices.
pub(crate) fn is_polynomial(canon: &Canon, left: &Poly) -> bool {
    let roomy = |d: &Dim| d.as_fixed().is_none_or(|n| n > LARGEST as i64);
    let entry = |a: &Access| {
        matches!(canon.atoms.atom(a.node), Atom::Input(..))
            && !canon.atoms.info(a.node).symmetric
            && exponent::decode(a.power).to_i64().is_some_and(|e| e > 0)
            && a.at.iter().all(|t| t.as_label().is_some())
    };
    let plain = |m: &Product| {
        m.conds.is_empty()
            && m.extents.len() <= LARGEST
            && m.extents.iter().all(roomy)
            && m.accesses.iter().all(entry)
    };
    !left.is_zero()
        && left.axes.iter().all(roomy)
        && canon.assumed.symmetric.is_empty()
        && left.terms.keys().all(plain)
}

/// Plain indices with offsets of at most one, and atoms without inner sums.
fn is_generic(canon: &Canon, m: &Product) -> bool {
    let mut plain = true;
    each_term(m, &mut |t: &Term| {
        let unit = |(atom, c): &(Place, Dim)| {
            matches!(atom, Place::Label(_)) && c.as_fixed().is_some_and(|c| c.abs() == 1)
        };
        plain &= t.parts().iter().all(unit) && t.offset().as_fixed().is_some_and(|c| c.abs() <= 1);
    });
    plain
        && m.accesses.iter().all(|a| match canon.atoms.atom(a.node) {
            Atom::Input(..) | Atom::Pi | Atom::Prime(_) => true,
            Atom::Exp(inner) => inner.extents.len() == inner.free && is_generic(canon, inner),
            Atom::Map(_, args) => {
                args.iter().flatten().all(|(m, _)| m.extents.len() == m.free && is_generic(canon, m))
            }
            _ => false,
        })
}

/// Whether every entry of the difference vanishes at fixed sizes, with all sums written out.
fn holds_at(g: &Graph, claimed: NodeId, derived: NodeId, sizes: &Sizes, deadline: Instant) -> bool {
    let assumed = Assumed {
        sizes: sizes.iter().map(|(name, n)| (name.clone(), Dim::fixed(*n))).collect(),
        unroll: true,
        ..Assumed::default()
    };
    let mut canon = Canon::new(assumed, 100_000, Some(deadline));
    let mut known = Meanings::default();
    let a = canon.poly(g, claimed, &mut known);
    let b = canon.poly(g, derived, &mut known);
    let difference = (*a).clone().plus(&Rational::from(-1), &b);
    let terms = stored(&difference);
    let shape: Option<Vec<i64>> = difference.axes.iter().map(Dim::as_fixed).collect();
    let Some(shape) = shape else { return false };
    let count: i64 = shape.iter().product();
    (0..count).all(|position| {
        let mut rest = position;
        let mut at: Vec<Term> = Vec::with_capacity(shape.len());
        for &n in &shape {
            at.push(Term::constant(rest % n));
            rest /= n;
        }
        let entry = canon.instantiate(&terms, &at, &[]);
        let left = canon.numerator(&entry);
        !canon.exhausted && left.is_zero()
    })
}
