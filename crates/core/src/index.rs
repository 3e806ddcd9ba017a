//! Index terms: where a factor of a form reads its operand.
//!
//! A term is affine in labels, `2*i + j - 1`, with coefficients that may be sizes (`n*i + j`), and its atoms may
//! also be floor divisions and remainders by a positive size (reshape) or entries of an integer tensor (`t[i]`,
//! gather). Labels are numbers; letters exist only in the printer, so no letter is ever captured.

use crate::node::NodeId;
use crate::shape::Dim;
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A label of a product: the first ones are axes of the result, the others are summed.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Label(pub u32);

/// What a term is a combination of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Atom {
    /// A label.
    Label(Label),
    /// Floor of the quotient by a positive extent.
    Quotient(Box<Term>, Dim),
    /// Remainder of that division, in `0 .. extent`.
    Remainder(Box<Term>, Dim),
    /// An entry of an integer tensor (an integer scalar when there are no terms).
    Element(NodeId, Box<[Term]>),
}

/// An affine combination of atoms: `constant + Σ coefficient · atom`, atoms sorted and distinct.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Term {
    constant: Dim,
    parts: SmallVec<[(Atom, Dim); 1]>,
}

/// What a proof about terms may use: the extents of labels and the bounds of integer tensors.
pub struct Facts<'a> {
    /// Extent of each label.
    pub extents: &'a [Dim],
    /// Labels that are no longer summed: with size 0 nothing says that they ever had a value.
    pub gone: &'a [bool],
    /// Exclusive upper bound of the entries of an integer node.
    pub below: &'a dyn Fn(NodeId) -> Option<Dim>,
}

impl Facts<'_> {
    /// A label with a value proves that its extent is at least 1.
    fn positive(&self) -> BTreeSet<Arc<str>> {
        let live = |k: &usize| !self.gone.get(*k).copied().unwrap_or(false);
        (0..self.extents.len()).filter(live).filter_map(|k| self.extents[k].as_name().cloned()).collect()
    }

    /// True when the term is provably at least 0 wherever the labels are in range.
    pub fn proves_nonnegative(&self, term: &Term) -> bool {
        if term.as_label().is_some() {
            return true;
        }
        let positive = self.positive();
        self.range(term, &positive).0.is_some_and(|low| low.is_nonnegative(&positive))
    }

    /// True when the term is provably negative wherever the labels are in range.
    pub fn proves_negative(&self, term: &Term) -> bool {
        // Most terms are a bare label, and of most extents nothing says that they are 0.
        if let Some(extent) = term.as_label().map(|label| &self.extents[label.0 as usize])
            && (extent.as_fixed().is_some_and(|n| n > 0) || extent.as_name().is_some())
        {
            return false;
        }
        let positive = self.positive();
        self.range(term, &positive).1.is_some_and(|high| (-high - Dim::ONE).is_nonnegative(&positive))
    }

    /// Least and greatest value over the box of labels, where known.
    fn range(&self, term: &Term, positive: &BTreeSet<Arc<str>>) -> (Option<Dim>, Option<Dim>) {
        let (mut low, mut high) = (Some(term.constant.clone()), Some(term.constant.clone()));
        for (atom, coefficient) in &term.parts {
            let (least, greatest) = self.atom_range(atom, positive);
            let (least, greatest) = if coefficient.is_nonnegative(positive) {
                (least, greatest)
            } else if (-coefficient.clone()).is_nonnegative(positive) {
                (greatest, least)
            } else {
                (None, None)
            };
            low = low.zip(least).map(|(a, b)| a + b * coefficient.clone());
            high = high.zip(greatest).map(|(a, b)| a + b * coefficient.clone());
        }
        (low, high)
    }

    fn atom_range(&self, atom: &Atom, positive: &BTreeSet<Arc<str>>) -> (Option<Dim>, Option<Dim>) {
        match atom {
            Atom::Label(label) => (Some(Dim::ZERO), Some(self.extents[label.0 as usize].clone() - Dim::ONE)),
            Atom::Remainder(_, extent) => (Some(Dim::ZERO), Some(extent.clone() - Dim::ONE)),
            Atom::Quotient(inner, extent) => {
                let (low, high) = self.range(inner, positive);
                let low = low.filter(|l| l.is_nonnegative(positive)).map(|_| Dim::ZERO);
                let high = high.and_then(|h| match (h.as_fixed(), extent.as_fixed()) {
                    (Some(h), Some(e)) if e > 0 => Some(Dim::fixed(h.div_euclid(e))),
                    _ => (h + Dim::ONE).divide_exactly(extent).map(|q| q - Dim::ONE),
                });
                (low, high)
            }
            Atom::Element(node, _) => {
                let below = (self.below)(*node);
                (below.as_ref().map(|_| Dim::ZERO), below.map(|b| b - Dim::ONE))
            }
        }
    }
}

impl Term {
    /// A constant position.
    pub fn constant(value: impl Into<Dim>) -> Term {
        Term { constant: value.into(), parts: SmallVec::new() }
    }

    /// The label itself.
    pub fn label(label: Label) -> Term {
        Term::atom(Atom::Label(label))
    }

    /// The entry of an integer node at `at`.
    pub fn element(node: NodeId, at: impl IntoIterator<Item = Term>) -> Term {
        Term::atom(Atom::Element(node, at.into_iter().collect()))
    }

    /// A term of one atom.
    pub fn from_atom(atom: Atom) -> Term {
        Term::atom(atom)
    }

    fn atom(atom: Atom) -> Term {
        Term { constant: Dim::ZERO, parts: SmallVec::from_iter([(atom, Dim::ONE)]) }
    }

    /// Floor of the quotient by a positive extent.
    pub fn quotient(self, extent: &Dim, facts: &Facts<'_>) -> Term {
        let (whole, rest) = self.split(extent);
        if rest.fits(extent, facts) {
            return whole;
        }
        whole + Term::atom(Atom::Quotient(Box::new(rest), extent.clone()))
    }

    /// Remainder of the division by a positive extent.
    pub fn remainder(self, extent: &Dim, facts: &Facts<'_>) -> Term {
        let (_, rest) = self.split(extent);
        if rest.fits(extent, facts) {
            return rest;
        }
        Term::atom(Atom::Remainder(Box::new(rest), extent.clone()))
    }

    /// `self = extent * whole + rest`, with every divisible part in `whole`.
    fn split(self, extent: &Dim) -> (Term, Term) {
        let (mut whole, mut rest) = (Term::constant(Dim::ZERO), Term::constant(Dim::ZERO));
        match self.constant.divide_exactly(extent) {
            Some(q) => whole.constant = q,
            None => rest.constant = self.constant,
        }
        for (atom, coefficient) in self.parts {
            match coefficient.divide_exactly(extent) {
                Some(q) => whole.parts.push((atom, q)),
                None => rest.parts.push((atom, coefficient)),
            }
        }
        (whole, rest)
    }

    fn fits(&self, extent: &Dim, facts: &Facts<'_>) -> bool {
        facts.proves_nonnegative(self)
            && facts.proves_nonnegative(&(Term::constant(extent.clone() - Dim::ONE) - self.clone()))
    }

    /// The constant part.
    pub fn offset(&self) -> &Dim {
        &self.constant
    }

    /// Atoms with their coefficients, in canonical order.
    pub fn parts(&self) -> &[(Atom, Dim)] {
        &self.parts
    }

    /// The label, if the term is just one.
    pub fn as_label(&self) -> Option<Label> {
        match self.parts.as_slice() {
            [(Atom::Label(label), c)] if *c == Dim::ONE && self.constant.is_zero() => Some(*label),
            _ => None,
        }
    }

    /// The constant, if the term has no atoms.
    pub fn as_constant(&self) -> Option<&Dim> {
        self.parts.is_empty().then_some(&self.constant)
    }

    /// The term times a size polynomial.
    pub fn scaled(&self, factor: &Dim) -> Term {
        if factor.is_zero() {
            return Term::constant(Dim::ZERO);
        }
        if *factor == Dim::ONE {
            return self.clone();
        }
        Term {
            constant: self.constant.clone() * factor.clone(),
            parts: self.parts.iter().map(|(a, c)| (a.clone(), c.clone() * factor.clone())).collect(),
        }
    }

    /// Number of atoms, nested ones included: what inlining views must keep small.
    pub fn weight(&self) -> usize {
        let inner = |atom: &Atom| match atom {
            Atom::Label(_) => 0,
            Atom::Quotient(t, _) | Atom::Remainder(t, _) => t.weight(),
            Atom::Element(_, at) => at.iter().map(Term::weight).sum(),
        };
        self.parts.iter().map(|(a, _)| 1 + inner(a)).sum()
    }

    /// Calls `visit` on every label, nested ones included.
    pub fn each_label(&self, visit: &mut dyn FnMut(Label)) {
        for (atom, _) in &self.parts {
            match atom {
                Atom::Label(label) => visit(*label),
                Atom::Quotient(t, _) | Atom::Remainder(t, _) => t.each_label(visit),
                Atom::Element(_, at) => at.iter().for_each(|t| t.each_label(visit)),
            }
        }
    }

    /// True if the label occurs, at any depth.
    pub fn mentions(&self, label: Label) -> bool {
        let mut found = false;
        self.each_label(&mut |l| found |= l == label);
        found
    }

    /// Calls `visit` on every integer tensor that is read.
    pub fn each_element(&self, visit: &mut dyn FnMut(NodeId)) {
        for (atom, _) in &self.parts {
            match atom {
                Atom::Label(_) => {}
                Atom::Quotient(t, _) | Atom::Remainder(t, _) => t.each_element(visit),
                Atom::Element(node, at) => {
                    visit(*node);
                    at.iter().for_each(|t| t.each_element(visit));
                }
            }
        }
    }

    /// The same term with other labels.
    pub fn relabel(&self, name: &dyn Fn(Label) -> Label) -> Term {
        self.rebuild(&mut |l| Term::label(name(l)), &mut |n| n, None)
    }

    /// Every label replaced by a term; quotients and remainders are simplified where `facts` allow.
    pub fn substitute(&self, replace: &mut dyn FnMut(Label) -> Term, facts: &Facts<'_>) -> Term {
        self.rebuild(replace, &mut |n| n, Some(facts))
    }

    /// Every integer tensor replaced by another node (or a slot of an operand list).
    pub fn map_elements(&self, rename: &mut dyn FnMut(NodeId) -> NodeId) -> Term {
        self.rebuild(&mut Term::label, rename, None)
    }

    fn rebuild(
        &self,
        replace: &mut dyn FnMut(Label) -> Term,
        rename: &mut dyn FnMut(NodeId) -> NodeId,
        facts: Option<&Facts<'_>>,
    ) -> Term {
        let mut total = Term::constant(self.constant.clone());
        for (atom, coefficient) in &self.parts {
            let term = match atom {
                Atom::Label(label) => replace(*label),
                Atom::Quotient(t, extent) => {
                    let inner = t.rebuild(replace, rename, facts);
                    match facts {
                        Some(facts) => inner.quotient(extent, facts),
                        None => Term::atom(Atom::Quotient(Box::new(inner), extent.clone())),
                    }
                }
                Atom::Remainder(t, extent) => {
                    let inner = t.rebuild(replace, rename, facts);
                    match facts {
                        Some(facts) => inner.remainder(extent, facts),
                        None => Term::atom(Atom::Remainder(Box::new(inner), extent.clone())),
                    }
                }
                Atom::Element(node, at) => {
                    let at: Vec<Term> = at.iter().map(|t| t.rebuild(replace, rename, facts)).collect();
                    Term::element(rename(*node), at)
                }
            };
            total = total + if *coefficient == Dim::ONE { term } else { term.scaled(coefficient) };
        }
        total
    }

    /// Entries of the chosen integer tensors read at one more position, in front of the others.
    pub(crate) fn lead_elements(&self, lead: &Term, chosen: &dyn Fn(NodeId) -> bool) -> Term {
        let mut total = Term::constant(self.constant.clone());
        for (atom, coefficient) in &self.parts {
            let inner = |t: &Term| Box::new(t.lead_elements(lead, chosen));
            let atom = match atom {
                Atom::Label(label) => Atom::Label(*label),
                Atom::Quotient(t, e) => Atom::Quotient(inner(t), e.clone()),
                Atom::Remainder(t, e) => Atom::Remainder(inner(t), e.clone()),
                Atom::Element(n, at) => {
                    let rest = at.iter().map(|t| t.lead_elements(lead, chosen));
                    let first = chosen(*n).then(|| lead.clone());
                    Atom::Element(*n, first.into_iter().chain(rest).collect())
                }
            };
            total = total + Term::atom(atom).scaled(coefficient);
        }
        total
    }

    /// Extents specialised to given sizes.
    pub fn map_dims(&self, specialise: &dyn Fn(&Dim) -> Dim) -> Term {
        let mut total = Term::constant(specialise(&self.constant));
        for (atom, coefficient) in &self.parts {
            let atom = match atom {
                Atom::Label(label) => Atom::Label(*label),
                Atom::Quotient(t, e) => Atom::Quotient(Box::new(t.map_dims(specialise)), specialise(e)),
                Atom::Remainder(t, e) => Atom::Remainder(Box::new(t.map_dims(specialise)), specialise(e)),
                Atom::Element(n, at) => {
                    Atom::Element(*n, at.iter().map(|t| t.map_dims(specialise)).collect())
                }
            };
            total = total + Term::atom(atom).scaled(&specialise(coefficient));
        }
        total
    }
}

impl std::ops::Add for Term {
    type Output = Term;
    fn add(mut self, other: Term) -> Term {
        if self.parts.is_empty() && self.constant.is_zero() {
            return other;
        }
        self.constant = self.constant + other.constant;
        for (atom, coefficient) in other.parts {
            match self.parts.binary_search_by(|(a, _)| a.cmp(&atom)) {
                Ok(k) => {
                    let total = self.parts[k].1.clone() + coefficient;
                    if total.is_zero() {
                        self.parts.remove(k);
                    } else {
                        self.parts[k].1 = total;
                    }
                }
                Err(k) => self.parts.insert(k, (atom, coefficient)),
            }
        }
        self
    }
}

impl std::ops::Neg for Term {
    type Output = Term;
    fn neg(self) -> Term {
        self.scaled(&Dim::fixed(-1))
    }
}

impl std::ops::Sub for Term {
    type Output = Term;
    fn sub(self, other: Term) -> Term {
        self + -other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const I: Label = Label(0);
    const J: Label = Label(1);

    fn facts(extents: &[Dim]) -> Facts<'_> {
        Facts { extents, gone: &[], below: &|_| None }
    }

    #[test]
    fn a_row_major_position_splits_into_its_indices() {
        let extents = [Dim::size("m"), Dim::size("n")];
        let facts = facts(&extents);
        let position = Term::label(I).scaled(&Dim::size("n")) + Term::label(J);
        assert_eq!(position.clone().quotient(&Dim::size("n"), &facts), Term::label(I));
        assert_eq!(position.remainder(&Dim::size("n"), &facts), Term::label(J));
    }

    #[test]
    fn ranges_are_proved_for_every_size() {
        let extents = [Dim::size("n"), Dim::size("n")];
        let facts = facts(&extents);
        let last = Term::constant(Dim::size("n") - Dim::ONE);
        assert!(facts.proves_nonnegative(&(last.clone() - Term::label(I))));
        assert!(!facts.proves_nonnegative(&(Term::label(J) - Term::label(I))));
        assert!(facts.proves_negative(&(Term::label(I) - last - Term::constant(1))));
    }

    #[test]
    fn terms_cancel() {
        let twice = Term::label(I).scaled(&Dim::fixed(2)) + Term::constant(1);
        assert_eq!(twice.clone() - Term::label(I) - Term::label(I), Term::constant(1));
        assert_eq!(twice.weight(), 1);
    }
}
