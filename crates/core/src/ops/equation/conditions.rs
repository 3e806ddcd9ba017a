//! Comparisons, Iverson brackets and cases.

use super::logic::Truth;
use super::lower::Lowering;
use super::syntax;
use super::value::{Factors, Value, plain_letters};
use crate::error::Result;
use crate::form::Cond;
use crate::form::read::{At, Relation};
use crate::graph::op::{Comparison, Logic};
use crate::index::{Atom, Label, Term};
use crate::node::NodeId;
use crate::rational::Rational;

/// A condition with more cases becomes a node where it can.
const SHORT: usize = 4;

impl Lowering<'_> {
    pub(super) fn within_clauses(&self, at: At, truth: Option<Truth>) -> Result<Truth> {
        truth.ok_or_else(|| syntax(self.span(at), "this condition has too many cases: split it"))
    }

    pub(super) fn logic(&mut self, at: At, list: &[At], word: Logic) -> Result<Value> {
        let mut total = self.truth(list[0])?;
        for &other in &list[1..] {
            let other = self.truth(other)?;
            let joined = if word == Logic::And { total.and(&other) } else { total.or(&other) };
            let node = match (total.1, other.1) {
                (Some((a, order)), Some((b, same))) if order == same => {
                    Some((self.b.g.logic(word, &[a, b])?, order))
                }
                _ => None,
            };
            total = match (joined, node) {
                (Some(joined), node) if joined.0.len() <= SHORT => Truth(joined.0, node),
                // What a node says needs no cases.
                (_, Some((node, order))) => Truth::of(Cond::Holds(
                    node,
                    order.iter().map(|&l| Term::label(Label(l))).collect(),
                    false,
                )),
                (joined, None) => self.within_clauses(at, joined)?,
            };
        }
        Ok(Value::Truth(total))
    }

    pub(super) fn negation(&mut self, at: At, of: At) -> Result<Value> {
        let truth = self.truth(of)?;
        let node = match &truth.1 {
            Some((p, order)) => Some((self.b.g.logic(Logic::Not, &[*p])?, order.clone())),
            None => None,
        };
        Ok(Value::Truth(Truth(self.within_clauses(at, truth.not())?.0, node)))
    }

    /// A condition over exactly these letters as a node of truth values.
    pub(super) fn predicate(&mut self, truth: &Truth, order: &[u32]) -> Result<NodeId> {
        if let [clause] = &truth.0[..]
            && let [Cond::Holds(node, at, negated)] = &clause[..]
            && plain_letters(at).is_some_and(|l| l == order)
        {
            let node = *node;
            return if *negated { self.b.g.logic(Logic::Not, &[node]) } else { Ok(node) };
        }
        if let Some((node, letters)) = &truth.1
            && letters == order
        {
            return Ok(*node);
        }
        // Ranges of indices have no node of truth values: the sum of their brackets is 1 where they hold.
        let terms: Vec<Factors> = truth.0.iter().map(|c| Factors::under(c)).collect();
        let bracket = self.b.sum_node(terms, order)?;
        let zero = self.b.g.zero(self.b.g.ty(bracket).clone());
        self.b.g.compare(Comparison::Greater, bracket, zero)
    }

    /// The comparison of two integer tensors that are read at the same letters, as a node over these.
    fn compare_whole(
        &mut self,
        relation: Relation,
        a: &Term,
        b: &Term,
    ) -> Result<Option<(NodeId, Vec<u32>)>> {
        let (Some((a, order)), Some((b, same))) = (whole_element(a), whole_element(b)) else {
            return Ok(None);
        };
        if order != same || self.b.g.shape(a) != self.b.g.shape(b) {
            return Ok(None);
        }
        let (comparison, flip, negated) = comparison(relation);
        let (left, right) = if flip { (b, a) } else { (a, b) };
        let node = self.b.g.compare(comparison, left, right)?;
        Ok(Some((if negated { self.b.g.logic(Logic::Not, &[node])? } else { node }, order)))
    }

    pub(super) fn compare(&mut self, at: At, relation: Relation, a: At, b: At) -> Result<Value> {
        let truth = match (&self.values[a.0], &self.values[b.0]) {
            (Some(Value::Number(x)), Some(Value::Number(y))) => {
                let truth = Truth::constant(compare_numbers(relation, x, y));
                (self.values[a.0], self.values[b.0]) = (None, None);
                truth
            }
            (Some(Value::Index(_)), Some(Value::Index(_)))
            | (Some(Value::Number(_)), Some(Value::Index(_)))
            | (Some(Value::Index(_)), Some(Value::Number(_))) => {
                let (a, b) = (self.term(a)?, self.term(b)?);
                let node = self.compare_whole(relation, &a, &b)?;
                let truth = compare_terms(relation, a, b);
                Truth(self.within_clauses(at, truth)?.0, node)
            }
            _ => self.compare_reals(relation, a, b)?,
        };
        Ok(Value::Truth(truth))
    }

    pub(super) fn compare_reals(&mut self, relation: Relation, a: At, b: At) -> Result<Truth> {
        let args = vec![self.factors(a)?, self.factors(b)?];
        let (nodes, order) = self.b.operands(args)?;
        let (comparison, flip, negated) = comparison(relation);
        let (left, right) = if flip { (nodes[1], nodes[0]) } else { (nodes[0], nodes[1]) };
        let node = self.b.g.compare(comparison, left, right)?;
        let at = order.iter().map(|&l| Term::label(Label(l))).collect();
        Ok(Truth::of(Cond::Holds(node, at, negated)))
    }

    pub(super) fn iverson(&mut self, condition: At) -> Result<Value> {
        let mut terms: Vec<Factors> = self.truth(condition)?.0.iter().map(|c| Factors::under(c)).collect();
        Ok(match terms.len() {
            0 => Value::Number(Rational::ZERO),
            1 => Value::Real(terms.remove(0)),
            _ => Value::Sum(terms),
        })
    }

    /// `a if c else b`: a selection where a comparison covers all axes, else a sum of guarded terms.
    pub(super) fn choice(&mut self, a: At, c: At, b: At) -> Result<Value> {
        let truth = self.truth(c)?;
        let (a, b) = (self.factors(a)?, self.factors(b)?);
        if let Some(selected) = self.select(&truth, &a, &b)? {
            return Ok(Value::Real(selected));
        }
        let fails = self.within_clauses(c, truth.not())?;
        let mut terms = Vec::new();
        for (branch, clauses) in [(a, truth), (b, fails)] {
            for clause in clauses.0.iter().filter(|_| !branch.coefficient.is_zero()) {
                let mut term = branch.clone();
                term.times(Factors::under(clause));
                terms.push(term);
            }
        }
        Ok(match terms.len() {
            0 => Value::Number(Rational::ZERO),
            1 => Value::Real(terms.remove(0)),
            _ => Value::Sum(terms),
        })
    }

    pub(super) fn select(&mut self, truth: &Truth, a: &Factors, b: &Factors) -> Result<Option<Factors>> {
        if a.coefficient.is_zero() || b.coefficient.is_zero() {
            return Ok(None);
        }
        let single = match &truth.0[..] {
            [clause] => match &clause[..] {
                [Cond::Holds(p, at, negated)] => plain_letters(at).map(|order| (*p, order, *negated)),
                _ => None,
            },
            _ => None,
        };
        let logic = truth.1.as_ref().map(|(p, order)| (*p, order.clone(), false));
        let Some((p, order, negated)) = single.or(logic) else { return Ok(None) };
        let covered = a.letters().iter().chain(&b.letters()).all(|l| order.contains(l));
        if !covered {
            return Ok(None);
        }
        let a = self.b.factors_node(a.clone(), &order)?;
        let b = self.b.factors_node(b.clone(), &order)?;
        let (a, b) = if negated { (b, a) } else { (a, b) };
        let node = self.b.g.select(p, a, b)?;
        Ok(Some(Factors::node(node, &order)))
    }
}

/// A relation as a comparison, whether its sides change places, and whether it is negated.
fn comparison(relation: Relation) -> (Comparison, bool, bool) {
    match relation {
        Relation::Greater => (Comparison::Greater, false, false),
        Relation::GreaterEqual => (Comparison::GreaterEqual, false, false),
        Relation::Less => (Comparison::Greater, true, false),
        Relation::LessEqual => (Comparison::GreaterEqual, true, false),
        Relation::Equal => (Comparison::Equal, false, false),
        Relation::NotEqual => (Comparison::Equal, false, true),
    }
}

/// The integer tensor that a term reads at plain letters, and these.
fn whole_element(term: &Term) -> Option<(NodeId, Vec<u32>)> {
    match term.parts() {
        [(Atom::Element(node, at), one)] if one.as_fixed() == Some(1) && term.offset().is_zero() => {
            Some((*node, plain_letters(at)?))
        }
        _ => None,
    }
}

fn compare_numbers(relation: Relation, a: &Rational, b: &Rational) -> bool {
    match relation {
        Relation::Less => a < b,
        Relation::LessEqual => a <= b,
        Relation::Greater => a > b,
        Relation::GreaterEqual => a >= b,
        Relation::Equal => a == b,
        Relation::NotEqual => a != b,
    }
}

fn compare_terms(relation: Relation, a: Term, b: Term) -> Option<Truth> {
    let one = Term::constant(1);
    Some(match relation {
        Relation::Less => Truth::of(Cond::NonNegative(b - a - one)),
        Relation::LessEqual => Truth::of(Cond::NonNegative(b - a)),
        Relation::Greater => Truth::of(Cond::NonNegative(a - b - one)),
        Relation::GreaterEqual => Truth::of(Cond::NonNegative(a - b)),
        Relation::Equal => Truth::of(Cond::delta(a, b)),
        Relation::NotEqual => return Truth::of(Cond::delta(a, b)).not(),
    })
}
