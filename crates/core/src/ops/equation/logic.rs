//! Conditions: a list of clauses of which at most one holds, each a conjunction.
//!
//! Because the clauses exclude each other, `[c]` is the *sum* of their products, and a false clause makes its term
//! absent, which is what a guard means.

use super::value::plain_letters;
use crate::form::Cond;
use crate::index::Term;
use crate::node::NodeId;

/// More clauses than this are refused: `not` and `or` multiply them.
const MAX_CLAUSES: usize = 64;

/// Clauses that exclude each other, and the node over letters that says the same, where there is one.
#[derive(Clone, Debug)]
pub(super) struct Truth(pub(super) Vec<Vec<Cond>>, pub(super) Option<(NodeId, Vec<u32>)>);

impl Truth {
    pub(super) fn constant(value: bool) -> Truth {
        Truth(if value { vec![Vec::new()] } else { Vec::new() }, None)
    }

    pub(super) fn of(cond: Cond) -> Truth {
        let node = match &cond {
            Cond::Holds(node, at, false) => plain_letters(at).map(|letters| (*node, letters)),
            _ => None,
        };
        Truth(vec![vec![cond]], node)
    }

    /// Both hold.
    pub(super) fn and(&self, other: &Truth) -> Option<Truth> {
        if self.0.len().saturating_mul(other.0.len()) > MAX_CLAUSES {
            return None;
        }
        let pairs = self.0.iter().flat_map(|a| other.0.iter().map(move |b| [&a[..], &b[..]].concat()));
        Some(Truth(pairs.collect(), None))
    }

    /// `a or b = a + (not a) and b`
    pub(super) fn or(&self, other: &Truth) -> Option<Truth> {
        let rest = self.not()?.and(other)?;
        let both = Truth([&self.0[..], &rest.0[..]].concat(), None);
        (both.0.len() <= MAX_CLAUSES).then_some(both)
    }

    /// No clause holds.
    pub(super) fn not(&self) -> Option<Truth> {
        self.0.iter().try_fold(Truth::constant(true), |all, clause| all.and(&Truth::fails(clause)?))
    }

    /// `not (a and b) = not a + a and not b`
    fn fails(clause: &[Cond]) -> Option<Truth> {
        let mut clauses = Vec::new();
        for k in 0..clause.len() {
            for negated in opposites(&clause[k]) {
                clauses.push([&clause[..k], &[negated]].concat());
            }
        }
        (clauses.len() <= MAX_CLAUSES).then_some(Truth(clauses, None))
    }
}

/// Conditions that exclude each other and together say that `cond` fails.
fn opposites(cond: &Cond) -> Vec<Cond> {
    let one = Term::constant(1);
    match cond {
        Cond::Zero(t) => {
            vec![Cond::NonNegative(t.clone() - one.clone()), Cond::NonNegative(-t.clone() - one)]
        }
        Cond::NonNegative(t) => vec![Cond::NonNegative(-t.clone() - one)],
        Cond::Holds(node, at, negated) => vec![Cond::Holds(*node, at.clone(), !negated)],
    }
}
