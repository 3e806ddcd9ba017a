//! Delta elimination: `Σ_j delta(i, j) A[j] = A[i]`.
//!
//! A delta that holds a bound label with coefficient ±1 names the value of that label, so the label and the delta
//! disappear; guards keep the label's range unless it is implied. What remains is normalised: conditions are
//! primitive, sorted and distinct, equal factors share one exponent, a label that nothing mentions is a size.

use crate::form::order::oriented;
use crate::form::{Cond, Product};
use crate::index::{Atom, Facts, Label, Term};
use crate::node::NodeId;
use crate::shape::Dim;
use smallvec::SmallVec;

/// A named transformation that took place while normalising, for recorded derivations.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash)]
pub enum Step {
    /// A sum over a delta picked one value of its label.
    DeltaElimination,
    /// Quotient and remainder of one label were recombined into a row-major position.
    DivmodRecombination,
    /// A guard was implied by the ranges of its labels.
    GuardImplied,
}

impl Step {
    /// The name that `explain` prints.
    pub fn name(self) -> &'static str {
        match self {
            Step::DeltaElimination => "delta-elimination",
            Step::DivmodRecombination => "divmod-recombination",
            Step::GuardImplied => "guard-implied",
        }
    }
}

/// The result of normalising: the product, and the bound labels that nothing mentions (each a factor of its extent).
pub struct Normal {
    /// Normalised product; labels are dense again.
    pub product: Product,
    /// Extents of labels that were summed but never read.
    pub sizes: Vec<Dim>,
    /// What happened.
    pub steps: Vec<Step>,
}

/// More conditions than this are not compared with each other.
const MAX_COMPARED: usize = 32;

/// Eliminates deltas and normalises conditions. `None` when the product is identically zero.
pub fn normalise(mut product: Product, below: &dyn Fn(NodeId) -> Option<Dim>) -> Option<Normal> {
    let mut steps = Vec::new();
    if product.conds.is_empty() && product.free == product.extents.len() {
        return Some(Normal { product, sizes: Vec::new(), steps });
    }
    let mut gone = vec![false; product.extents.len()];
    loop {
        simplify_conditions(&mut product, &gone, below, &mut steps)?;
        let (label, value, step) = if let Some((cond, label, value)) = solvable(&product, &gone) {
            product.conds.remove(cond);
            (label, value, Step::DeltaElimination)
        } else if let Some((first, second, label, value)) = recombinable(&product, &gone, below) {
            for k in [first.max(second), first.min(second)] {
                product.conds.remove(k);
            }
            (label, value, Step::DivmodRecombination)
        } else {
            break;
        };
        // The label takes its value, and its range becomes a guard on the value.
        let extent = product.extents[label.0 as usize].clone();
        gone[label.0 as usize] = true;
        replace(&mut product, label, &value, &gone, below);
        product.conds.push(Cond::NonNegative(value.clone()));
        product.conds.push(Cond::NonNegative(Term::constant(extent - Dim::ONE) - value));
        steps.push(step);
    }
    let sizes = drop_unused(&mut product, &gone);
    Some(Normal { product, sizes, steps })
}

/// Drops true conditions and normalises the rest; `None` when one of them is false everywhere.
fn simplify_conditions(
    product: &mut Product,
    gone: &[bool],
    below: &dyn Fn(NodeId) -> Option<Dim>,
    steps: &mut Vec<Step>,
) -> Option<()> {
    let facts = Facts { extents: &product.extents, gone, below };
    let mut kept: SmallVec<[Cond; 1]> = SmallVec::new();
    for cond in product.conds.drain(..) {
        match cond {
            Cond::Zero(term) => {
                let term = primitive(term, true);
                match term.as_constant().map(Dim::as_fixed) {
                    Some(Some(0)) => continue,
                    Some(Some(_)) => return None,
                    _ if facts.proves_negative(&term) || facts.proves_negative(&-term.clone()) => {
                        return None;
                    }
                    _ => kept.push(Cond::Zero(term)),
                }
            }
            Cond::NonNegative(term) => {
                let term = primitive(term, false);
                if facts.proves_nonnegative(&term) {
                    if term.as_constant().is_none() {
                        steps.push(Step::GuardImplied);
                    }
                    continue;
                }
                if facts.proves_negative(&term) {
                    return None;
                }
                kept.push(Cond::NonNegative(term));
            }
            holds => kept.push(holds),
        }
    }
    kept.sort();
    kept.dedup();
    drop_implied(&mut kept, &facts, steps);
    let contradicts = |c: &Cond| match c {
        Cond::Holds(node, at, false) => kept.contains(&Cond::Holds(*node, at.clone(), true)),
        _ => false,
    };
    if kept.iter().any(contradicts) {
        return None;
    }
    product.conds = kept;
    Some(())
}

/// Drops ranges that another range implies: `[i <= 6]` beside `[i <= 3]`.
///
/// The other range holds no further label, so it goes wherever a read goes that the dropped one protected.
fn drop_implied(conds: &mut SmallVec<[Cond; 1]>, facts: &Facts<'_>, steps: &mut Vec<Step>) {
    let mut k = 0;
    while k < conds.len() && conds.len() <= MAX_COMPARED {
        let Cond::NonNegative(weak) = &conds[k] else {
            k += 1;
            continue;
        };
        let implied = (0..conds.len()).any(|j| match &conds[j] {
            Cond::NonNegative(strong) if j != k => {
                let mut within = true;
                strong.each_label(&mut |l| within &= weak.mentions(l));
                within && facts.proves_nonnegative(&(weak.clone() - strong.clone()))
            }
            _ => false,
        });
        if implied {
            conds.remove(k);
            steps.push(Step::GuardImplied);
        } else {
            k += 1;
        }
    }
}

/// Divides by the greatest common divisor of fixed coefficients; a delta also gets a positive first coefficient.
fn primitive(term: Term, signed_freely: bool) -> Term {
    let mut divisor = 0i64;
    for coefficient in term.parts().iter().map(|(_, c)| c) {
        match coefficient.as_fixed() {
            Some(c) => divisor = gcd(divisor, c),
            None => divisor = 1,
        }
    }
    if signed_freely {
        divisor = match term.offset().as_fixed() {
            Some(c) => gcd(divisor, c),
            None => 1,
        };
    }
    let mut term = term;
    if divisor > 1 {
        // e + c >= 0 with every coefficient divisible by g is e/g + floor(c/g) >= 0.
        let offset = term.offset().as_fixed().map(|c| Dim::fixed(c.div_euclid(divisor)));
        if let Some(offset) = offset {
            let mut reduced = Term::constant(offset);
            for (atom, coefficient) in term.parts() {
                let quotient = Dim::fixed(coefficient.as_fixed().unwrap_or(0) / divisor);
                reduced = reduced + Term::from_atom(atom.clone()).scaled(&quotient);
            }
            term = reduced;
        }
    }
    if signed_freely { oriented(term) } else { term }
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).unwrap_or(1)
}

/// A delta with a bound label of coefficient ±1, and the value it gives the label.
fn solvable(product: &Product, gone: &[bool]) -> Option<(usize, Label, Term)> {
    for (k, cond) in product.conds.iter().enumerate() {
        let Cond::Zero(term) = cond else { continue };
        for (atom, coefficient) in term.parts() {
            let (Atom::Label(label), Some(c)) = (atom, coefficient.as_fixed()) else { continue };
            let bound = label.0 as usize >= product.free && !gone[label.0 as usize];
            if !bound || c.unsigned_abs() != 1 {
                continue;
            }
            // term = c·label + rest = 0, so label = -c·rest.
            let rest = term.clone() - Term::label(*label).scaled(coefficient);
            if !rest.mentions(*label) {
                return Some((k, *label, rest.scaled(&Dim::fixed(-c))));
            }
        }
    }
    None
}

/// `delta(k div n, a) delta(k mod n, b)` with `k` bound is `k = n·a + b`.
fn recombinable(
    product: &Product,
    gone: &[bool],
    below: &dyn Fn(NodeId) -> Option<Dim>,
) -> Option<(usize, usize, Label, Term)> {
    let facts = Facts { extents: &product.extents, gone, below };
    // (position, label, extent, value of the atom)
    let solved = |k: usize, quotient: bool| -> Option<(Label, Dim, Term)> {
        let Cond::Zero(term) = &product.conds[k] else { return None };
        for (atom, coefficient) in term.parts() {
            let (inner, extent) = match atom {
                Atom::Quotient(inner, extent) if quotient => (inner, extent),
                Atom::Remainder(inner, extent) if !quotient => (inner, extent),
                _ => continue,
            };
            let (Some(label), Some(c)) = (inner.as_label(), coefficient.as_fixed()) else { continue };
            let bound = label.0 as usize >= product.free && !gone[label.0 as usize];
            if bound && c.unsigned_abs() == 1 {
                let rest = term.clone() - Term::from_atom(atom.clone()).scaled(coefficient);
                if !rest.mentions(label) {
                    return Some((label, extent.clone(), rest.scaled(&Dim::fixed(-c))));
                }
            }
        }
        None
    };
    for q in 0..product.conds.len() {
        let Some((label, extent, high)) = solved(q, true) else { continue };
        for r in 0..product.conds.len() {
            let Some((other, modulus, low)) = solved(r, false) else { continue };
            if other != label || modulus != extent {
                continue;
            }
            let in_range = facts.proves_nonnegative(&low)
                && facts.proves_nonnegative(&(Term::constant(extent.clone() - Dim::ONE) - low.clone()));
            if in_range {
                return Some((q, r, label, high.scaled(&extent) + low));
            }
        }
    }
    None
}

fn replace(
    product: &mut Product,
    label: Label,
    value: &Term,
    gone: &[bool],
    below: &dyn Fn(NodeId) -> Option<Dim>,
) {
    let extents = product.extents.clone();
    let facts = Facts { extents: &extents, gone, below };
    product.map_terms(&mut |t| {
        if !t.mentions(label) {
            return t.clone();
        }
        t.substitute(&mut |l| if l == label { value.clone() } else { Term::label(l) }, &facts)
    });
}

/// Removes eliminated labels and those that nothing mentions; returns the extents of the latter.
fn drop_unused(product: &mut Product, gone: &[bool]) -> Vec<Dim> {
    let mut used = vec![false; product.extents.len()];
    used[..product.free].fill(true);
    for part in product.parts() {
        part.each_label(&mut |l| used[l.0 as usize] = true);
    }
    let mut sizes = Vec::new();
    let mut place = vec![0u32; product.extents.len()];
    let mut extents = SmallVec::new();
    for k in 0..product.extents.len() {
        if used[k] {
            place[k] = extents.len() as u32;
            extents.push(product.extents[k].clone());
        } else if !gone[k] {
            sizes.push(product.extents[k].clone());
        }
    }
    if extents.len() < product.extents.len() {
        *product = product.relabel(extents, product.free, &|l| Label(place[l.0 as usize]));
    }
    sizes
}
