//! Atoms: what the proof does not look inside of, each written in canonical form and numbered once.
//!
//! `exp(z[i])` is the atom `exp(z[·])` read at `i`: the arguments of an atom are polynomials over its own axes,
//! abstracted from the place of use, so equal functions of equal arguments are one atom wherever they stand.

use crate::exponent;
use crate::poly::Terms;
use chainrule_core::form::Product;
use chainrule_core::graph::op::Literal;
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Dim;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

/// An operation on whole tensors that the proof leaves closed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Whole {
    Inverse,
    LogAbsDet,
    Det,
    /// Any other operation of the core, by its printed form.
    Other(String),
}

/// What a factor reads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[allow(clippy::large_enum_variant, reason = "atoms are interned once; most of them hold polynomials")]
pub(crate) enum Atom {
    /// A declared input or the copy with that number.
    Input(Arc<str>, u32),
    Literal(Literal),
    Pi,
    /// A prime (or what trial division left), for irrational powers.
    Prime(Rational),
    Size(Arc<str>),
    /// A sum of terms as the base of a power that is not expanded.
    Group(Terms),
    /// The exponential of one monomial.
    Exp(Product),
    /// An elementwise function by its number.
    Map(u16, Vec<Terms>),
    /// The predicate `d > 0`.
    Positive(Terms),
    /// The predicate `d == 0`.
    Null(Terms),
    /// A whole-tensor operation and its operands over their own axes.
    Tensor(Whole, Vec<(Vec<Dim>, Terms)>),
}

/// What is known of an atom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Info {
    /// An axis occurs inside a compound index term, so positions are substituted before comparing.
    pub(crate) mixed: bool,
    /// Never below 0.
    pub(crate) nonnegative: bool,
    /// Equal to its transpose.
    pub(crate) symmetric: bool,
    /// Exclusive bound, of integers.
    pub(crate) below: Option<Dim>,
}

/// The table of atoms of one proof.
#[derive(Default)]
pub(crate) struct Atoms {
    table: IndexMap<Atom, Info, FxBuildHasher>,
}

impl Atoms {
    pub(crate) fn intern(&mut self, atom: Atom, info: Info) -> NodeId {
        if let Some(k) = self.table.get_index_of(&atom) {
            return NodeId::new(k);
        }
        NodeId::new(self.table.insert_full(atom, info).0)
    }

    pub(crate) fn atom(&self, id: NodeId) -> &Atom {
        self.table.get_index(id.index()).expect("invariant: an atom of this table").0
    }

    pub(crate) fn info(&self, id: NodeId) -> &Info {
        self.table.get_index(id.index()).expect("invariant: an atom of this table").1
    }

    pub(crate) fn mark_symmetric(&mut self, id: NodeId) {
        if let Some((_, info)) = self.table.get_index_mut(id.index()) {
            info.symmetric = true;
        }
    }

    /// Axes are places of an abstraction, so an access may be instantiated and abstracted again.
    pub(crate) fn is_abstracted(&self, id: NodeId) -> bool {
        matches!(
            self.atom(id),
            Atom::Group(_) | Atom::Exp(_) | Atom::Map(..) | Atom::Positive(_) | Atom::Null(_)
        )
    }

    /// True when every term is a sum of factors that are never negative.
    pub(crate) fn terms_nonnegative(&self, terms: &Terms) -> bool {
        terms.iter().all(|(m, c)| !c.is_negative() && self.monomial_nonnegative(m))
    }

    pub(crate) fn monomial_nonnegative(&self, m: &Product) -> bool {
        m.accesses.iter().all(|a| {
            self.info(a.node).nonnegative || exponent::decode(a.power).to_i64().is_some_and(|e| e % 2 == 0)
        })
    }
}
