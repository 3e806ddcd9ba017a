//! Whether reads stay inside their axes, as far as that can be told for every size.
//!
//! A read that leaves its axis for some value of the indices is refused, unless a guard of the same product keeps it
//! inside: `x[i-3] * [i >= 3]` reads nothing where the guard is false. So a read under suspicion waits until the
//! product that it stands in is complete.

use super::lower::Lowering;
use super::syntax;
use super::value::{Builder, Factors};
use crate::error::{Error, Result};
use crate::form::Cond;
use crate::form::read::{At, Node};
use crate::index::{Atom, Facts, Term};
use crate::node::NodeId;
use crate::shape::Dim;
use std::collections::BTreeSet;
use std::sync::Arc;

/// At most so many guards prove one read together.
const GUARDS: usize = 3;

/// A read that needs a guard.
pub(super) struct Suspect {
    node: NodeId,
    axis: usize,
    term: Term,
    /// Which ends of the axis it leaves.
    leaves: Leaves,
    error: Error,
    cleared: bool,
}

/// The ends of an axis that a read passes for some value of the indices.
#[derive(Copy, Clone, PartialEq, Eq)]
struct Leaves {
    below: bool,
    above: bool,
}

impl Builder<'_> {
    /// Refuses a product whose guards do not keep its reads inside their axes.
    pub(super) fn check_reads(&mut self, factors: &Factors) -> Result<()> {
        if self.suspects.is_empty() {
            return Ok(());
        }
        let mut suspects = std::mem::take(&mut self.suspects);
        let guards = guards(&factors.conds);
        let mut first: Result<()> = Ok(());
        let mut visit = |node: NodeId, at: &[Term]| {
            for suspect in suspects.iter_mut().filter(|s| s.node == node && s.term == at[s.axis]) {
                let last = Term::constant(self.g.shape(node)[suspect.axis].clone() - Dim::ONE);
                let above = last - suspect.term.clone();
                let Leaves { below: low, above: high } = suspect.leaves;
                if (!low || self.proves(&suspect.term, &guards)) && (!high || self.proves(&above, &guards)) {
                    suspect.cleared = true;
                } else if first.is_ok() {
                    first = Err(suspect.error.clone());
                }
            }
        };
        for access in &factors.accesses {
            visit(access.node, &access.at);
            access.at.iter().for_each(|t| each_read(t, &mut visit));
        }
        for cond in &factors.conds {
            if let Cond::Holds(node, at, _) = cond {
                visit(*node, at);
            }
            cond.terms().iter().for_each(|t| each_read(t, &mut visit));
        }
        self.suspects = suspects;
        first
    }

    /// A read that no product took up cannot have been guarded.
    pub(super) fn all_cleared(&self) -> Result<()> {
        match self.suspects.iter().find(|s| !s.cleared) {
            Some(suspect) => Err(suspect.error.clone()),
            None => Ok(()),
        }
    }

    /// True when the ranges of the indices and some of the guards imply that the term is at least 0.
    fn proves(&self, term: &Term, guards: &[Term]) -> bool {
        let extents: Vec<Dim> =
            self.letters.iter().map(|l| l.extent.clone().unwrap_or_else(|| Dim::size("?"))).collect();
        let below = |n: NodeId| self.g.below(n);
        let facts = Facts { extents: &extents, gone: &[], below: &below };
        let mut open = vec![(term.clone(), 0, 0)];
        while let Some((rest, used, next)) = open.pop() {
            if facts.proves_nonnegative(&rest) {
                return true;
            }
            for (k, guard) in guards.iter().enumerate().skip(next) {
                if let Some(times) = multiple(&rest, guard).filter(|_| used < GUARDS) {
                    open.push((rest.clone() - guard.scaled(&Dim::fixed(times)), used + 1, k + 1));
                }
            }
        }
        false
    }
}

/// What conditions say as terms that are at least 0.
fn guards(conds: &[Cond]) -> Vec<Term> {
    let mut guards = Vec::new();
    for cond in conds {
        match cond {
            Cond::NonNegative(t) => guards.push(t.clone()),
            Cond::Zero(t) => guards.extend([t.clone(), -t.clone()]),
            Cond::Holds(..) => {}
        }
    }
    guards
}

/// How often a guard goes into a term, told by an atom that both hold.
fn multiple(term: &Term, guard: &Term) -> Option<i64> {
    let shared = guard.parts().iter().find_map(|(atom, by)| {
        let (_, c) = term.parts().iter().find(|(a, _)| a == atom)?;
        Some((c.as_fixed()?, by.as_fixed()?))
    });
    shared.filter(|(c, by)| c % by == 0 && c / by > 0).map(|(c, by)| c / by)
}

/// Calls `visit` on every read of an integer tensor inside a term.
fn each_read(term: &Term, visit: &mut dyn FnMut(NodeId, &[Term])) {
    for (atom, _) in term.parts() {
        match atom {
            Atom::Label(_) => {}
            Atom::Quotient(t, _) | Atom::Remainder(t, _) => each_read(t, visit),
            Atom::Element(node, at) => {
                visit(*node, at);
                at.iter().for_each(|t| each_read(t, visit));
            }
        }
    }
}

impl Lowering<'_> {
    /// Suspects a read that leaves its axis for some value of the indices, whatever the sizes are.
    pub(super) fn suspect(&mut self, access: At, index: At, node: NodeId, axis: usize, term: &Term) {
        let extent = self.b.g.shape(node)[axis].clone();
        if let Err((leaves, error)) = self.within_axis(access, index, term, &extent) {
            let term = term.clone();
            self.b.suspects.push(Suspect { node, axis, term, leaves, error, cleared: false });
        }
    }

    fn within_axis(
        &self,
        access: At,
        index: At,
        term: &Term,
        extent: &Dim,
    ) -> std::result::Result<(), (Leaves, Error)> {
        let Some((low, high, positive)) = self.corners(term) else { return Ok(()) };
        let last = extent.clone() - Dim::ONE;
        let fails = |d: Dim| (-d - Dim::ONE).is_nonnegative(&positive);
        let (below, above) = (fails(low.clone()), fails(last.clone() - high.clone()));
        if below || above {
            let position = if below { low } else { high };
            return Err((Leaves { below, above }, self.outside(access, index, &position, extent)));
        }
        if let Some(l) = term.as_label() {
            let letter = &self.b.letters[l.0 as usize];
            let covers = (last - high).is_nonnegative(&positive);
            let named = self.b.extent(l.0).as_fixed().is_none() && extent.as_fixed().is_none();
            if letter.low.is_some() && !covers && named {
                let conflict = Error::IndexConflict {
                    index: letter.name.clone(),
                    first: letter.told_by.clone(),
                    first_extent: self.b.extent(l.0),
                    second: self.tree.source(access).to_string(),
                    second_extent: extent.clone(),
                };
                return Err((Leaves { below: false, above: true }, conflict));
            }
        }
        Ok(())
    }

    fn outside(&self, access: At, index: At, position: &Dim, extent: &Dim) -> Error {
        let name = match &self.tree.node(access).node {
            // A name that a caller made up is not one of the reader's.
            Node::Access(name, _) if !name.starts_with('%') => name.clone(),
            Node::Entry(base, _) => self.tree.source(*base).to_string(),
            _ => self.tree.source(access).split('[').next().unwrap_or_default().to_string(),
        };
        if let (Some(position), Some(extent)) = (position.as_fixed(), extent.as_fixed()) {
            return Error::OutOfRange { name, position, extent };
        }
        let read = self.tree.source(index);
        let reached = match read == position.to_string() {
            true => " is".to_string(),
            false => format!(" reaches {position},"),
        };
        let message = format!(
            "{read}{reached} outside the axis of {name}: its positions are 0 .. {}\n  help: state a smaller range of the index, as in i=0..n-2, or guard the read, as in x[i-1]*[i > 0]",
            extent.clone() - Dim::ONE
        );
        syntax(self.span(index), message)
    }

    /// Least and greatest value of a term that is affine in indices, and the sizes that are at least 1 where it is read.
    fn corners(&self, term: &Term) -> Option<(Dim, Dim, BTreeSet<Arc<str>>)> {
        let (mut low, mut high, mut positive) =
            (term.offset().clone(), term.offset().clone(), BTreeSet::new());
        for (atom, coefficient) in term.parts() {
            let Atom::Label(l) = atom else { return None };
            let extent = self.b.extent(l.0);
            if extent.is_zero() {
                return None;
            }
            positive.extend(extent.as_name().cloned());
            let reach = (extent - Dim::ONE) * coefficient.clone();
            match coefficient.as_fixed()? {
                0.. => high = high + reach,
                _ => low = low + reach,
            }
        }
        Some((low, high, positive))
    }
}
