//! Comparisons, Iverson brackets and cases.

use super::logic::Truth;
use super::lower::Lowering;
use super::syntax;
use super::value::{Factors, Value, plain_letters};
use crate::error::Result;
use crate::form::Cond;
use crate::form::read::{At, Relation};
use crate::graph::op::Comparison;
use crate::index::{Label, Term};
use crate::rational::Rational;

impl Lowering<'_> {
    pub(super) fn within_clauses(&self, at: At, truth: Option<Truth>) -> Result<Truth> {
        truth.ok_or_else(|| syntax(self.span(at), "this condition has too many cases: split it"))
    }

    pub(super) fn logic(
        &mut self,
        at: At,
        list: &[At],
        join: fn(&Truth, &Truth) -> Option<Truth>,
    ) -> Result<Value> {
        let mut total = self.truth(list[0])?;
        for &other in &list[1..] {
            let other = self.truth(other)?;
            total = self.within_clauses(at, join(&total, &other))?;
        }
        Ok(Value::Truth(total))
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
                let truth = compare_terms(relation, a, b);
                self.within_clauses(at, truth)?
            }
            _ => self.compare_reals(relation, a, b)?,
        };
        Ok(Value::Truth(truth))
    }

    pub(super) fn compare_reals(&mut self, relation: Relation, a: At, b: At) -> Result<Truth> {
        let args = vec![self.factors(a)?, self.factors(b)?];
        let (nodes, order) = self.b.operands(args);
        let (comparison, flip, negated) = match relation {
            Relation::Greater => (Comparison::Greater, false, false),
            Relation::GreaterEqual => (Comparison::GreaterEqual, false, false),
            Relation::Less => (Comparison::Greater, true, false),
            Relation::LessEqual => (Comparison::GreaterEqual, true, false),
            Relation::Equal => (Comparison::Equal, false, false),
            Relation::NotEqual => (Comparison::Equal, false, true),
        };
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
        let [clause] = &truth.0[..] else { return Ok(None) };
        let [Cond::Holds(p, at, negated)] = &clause[..] else { return Ok(None) };
        if a.coefficient.is_zero() || b.coefficient.is_zero() {
            return Ok(None);
        }
        let Some(order) = plain_letters(at) else { return Ok(None) };
        let covered = a.letters().iter().chain(&b.letters()).all(|l| order.contains(l));
        if !covered {
            return Ok(None);
        }
        let a = self.b.factors_node(a.clone(), &order);
        let b = self.b.factors_node(b.clone(), &order);
        let (a, b) = if *negated { (b, a) } else { (a, b) };
        let node = self.b.g.select(*p, a, b)?;
        Ok(Some(Factors::node(node, &order)))
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
