//! Whether reads stay inside their axes, as far as that can be told for every size.

use super::lower::Lowering;
use super::syntax;
use crate::error::{Error, Result};
use crate::form::read::{At, Node};
use crate::index::{Atom, Term};
use crate::shape::Dim;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Lowering<'_> {
    /// Refuses a read that leaves its axis for some value of the indices, whatever the sizes are.
    pub(super) fn within_axis(&self, access: At, index: At, term: &Term, extent: &Dim) -> Result<()> {
        let Some((low, high, positive)) = self.corners(term) else { return Ok(()) };
        let last = extent.clone() - Dim::ONE;
        let fails = |d: Dim| (-d - Dim::ONE).is_nonnegative(&positive);
        let (below, above) = (fails(low.clone()), fails(last.clone() - high.clone()));
        if below || above {
            let position = if below { low } else { high };
            return Err(self.outside(access, index, &position, extent));
        }
        if let Some(l) = term.as_label() {
            let letter = &self.b.letters[l.0 as usize];
            let covers = (last - high).is_nonnegative(&positive);
            if letter.low.is_some() && !covers && extent.as_fixed().is_none() {
                return Err(Error::IndexConflict {
                    index: letter.name.clone(),
                    first: letter.told_by.clone(),
                    first_extent: self.b.extent(l.0),
                    second: self.tree.source(access).to_string(),
                    second_extent: extent.clone(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn outside(&self, access: At, index: At, position: &Dim, extent: &Dim) -> Error {
        let Node::Access(name, _) = &self.tree.node(access).node else { return Error::OtherGraph };
        if let (Some(position), Some(extent)) = (position.as_fixed(), extent.as_fixed()) {
            return Error::OutOfRange { name: name.clone(), position, extent };
        }
        let read = self.tree.source(index);
        let reached =
            if read == position.to_string() { String::new() } else { format!(" reaches {position}") };
        let message = format!(
            "{read}{reached} is outside this axis of {name}: its positions are 0 .. {}\n  help: state a smaller range of the index, as in i=0..n-2",
            extent.clone() - Dim::ONE
        );
        syntax(self.span(index), message)
    }

    /// Least and greatest value of a term that is affine in indices, and the sizes that are at least 1 where it is read.
    pub(super) fn corners(&self, term: &Term) -> Option<(Dim, Dim, BTreeSet<Arc<str>>)> {
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
