//! Sums, products, quotients and powers: of exact numbers, of index terms, of reals.

use super::lower::Lowering;
use super::syntax;
use super::value::{Factors, Value};
use crate::error::Result;
use crate::form::Access;
use crate::form::read::{At, Factor};
use crate::graph::op::Op;
use crate::index::{Facts, Term};
use crate::ops::map::{EXP, POW, RECIP};
use crate::rational::Rational;
use crate::shape::Dim;

/// Powers of a size up to this one are polynomials in sizes; the number of terms stays small.
const MAX_SIZE_POWER: i64 = 8;

impl Lowering<'_> {
    pub(super) fn sum(&mut self, list: &[(bool, At)]) -> Result<Value> {
        let every = |l: &Self, is: &dyn Fn(&Value) -> bool| {
            list.iter().all(|&(_, at)| l.values[at.0].as_ref().is_some_and(is))
        };
        let labels = |v: &Value| matches!(v, Value::Index(t) if t.as_constant().is_none());
        if every(self, &|v| matches!(v, Value::Number(_))) {
            return Ok(self.sum_numbers(list));
        }
        let whole = every(self, &|v| match v {
            Value::Number(value) => value.is_integer(),
            other => matches!(other, Value::Index(_)),
        });
        let indices = every(self, &|v| matches!(v, Value::Number(_) | Value::Index(_)));
        if whole || (indices && !every(self, &|v| !labels(v))) {
            let mut total = Term::constant(0);
            for &(minus, at) in list {
                let term = self.term(at)?;
                total = if minus { total - term } else { total + term };
            }
            return self.bounded(list[0].1, total);
        }
        let mut terms = Vec::with_capacity(list.len());
        for &(minus, at) in list {
            let mut term = self.factors(at)?;
            if minus {
                term.coefficient = -&term.coefficient;
            }
            terms.push(term);
        }
        Ok(Value::Sum(terms))
    }

    pub(super) fn sum_numbers(&mut self, list: &[(bool, At)]) -> Value {
        let mut total = Rational::ZERO;
        for &(minus, at) in list {
            let Value::Number(value) = self.take(at) else { continue };
            total = if minus { &total - &value } else { &total + &value };
        }
        Value::Number(total)
    }

    pub(super) fn negative(&mut self, at: At) -> Result<Value> {
        Ok(match self.take(at) {
            Value::Number(value) => Value::Number(-value),
            Value::Index(term) => Value::Index(-term),
            other => {
                self.values[at.0] = Some(other);
                let mut factors = self.factors(at)?;
                factors.coefficient = -factors.coefficient;
                Value::Real(factors)
            }
        })
    }

    pub(super) fn product(&mut self, list: &[(Factor, At)]) -> Result<Value> {
        let mut total = self.take(list[0].1);
        for &(factor, at) in &list[1..] {
            total = match factor {
                Factor::Times => self.times(total, list[0].1, at)?,
                Factor::Over => self.over(total, list[0].1, at)?,
                Factor::Div | Factor::Mod => self.divide_index(total, list[0].1, at, factor)?,
            };
        }
        Ok(total)
    }

    /// Puts a value back to where it came from and takes it as another kind.
    pub(super) fn as_factors(&mut self, value: Value, at: At) -> Result<Factors> {
        match value {
            Value::Real(factors) => Ok(factors),
            other => {
                self.values[at.0] = Some(other);
                self.factors(at)
            }
        }
    }

    pub(super) fn times(&mut self, total: Value, first: At, at: At) -> Result<Value> {
        let other = self.take(at);
        let scaled = |term: &Term, by: &Term| by.as_constant().map(|c| term.scaled(c));
        match (total, other) {
            (Value::Number(a), Value::Number(b)) => Ok(Value::Number(&a * &b)),
            (Value::Index(a), Value::Index(b)) => match scaled(&a, &b).or_else(|| scaled(&b, &a)) {
                Some(term) => self.bounded(at, term),
                None => Err(syntax(self.span(at), "a product of two indices is not an index term")),
            },
            (Value::Index(a), Value::Number(b)) | (Value::Number(b), Value::Index(a))
                if b.is_integer() || a.as_constant().is_none() =>
            {
                let by = Term::constant(self.whole(at, &b)?);
                self.bounded(at, scaled(&a, &by).unwrap_or(by))
            }
            (total, other) => {
                let mut factors = self.as_factors(total, first)?;
                factors.times(self.as_factors(other, at)?);
                Ok(Value::Real(factors))
            }
        }
    }

    pub(super) fn over(&mut self, total: Value, first: At, at: At) -> Result<Value> {
        let divisor = self.take(at);
        let inverse = match &divisor {
            Value::Number(value) => value.recip(),
            _ => None,
        };
        match (total, inverse) {
            (Value::Number(a), Some(inverse)) => Ok(Value::Number(&a * &inverse)),
            (total, Some(inverse)) => {
                let mut factors = self.as_factors(total, first)?;
                factors.coefficient = &factors.coefficient * &inverse;
                Ok(Value::Real(factors))
            }
            (total, None) => {
                let mut factors = self.as_factors(total, first)?;
                let divisor = self.as_factors(divisor, at)?;
                factors.times(self.map(&RECIP, vec![divisor])?);
                Ok(Value::Real(factors))
            }
        }
    }

    pub(super) fn divide_index(&mut self, total: Value, first: At, at: At, factor: Factor) -> Result<Value> {
        self.values[first.0] = Some(total);
        let term = self.term(first)?;
        let divisor = self.term(at)?;
        let Some(size) = divisor.as_constant().filter(|d| d.as_fixed().is_none_or(|n| n > 0)) else {
            return Err(syntax(self.span(at), "the divisor of an index is a positive number or size"));
        };
        let extents: Vec<Dim> =
            self.b.letters.iter().map(|l| l.extent.clone().unwrap_or_else(|| Dim::size("?"))).collect();
        let g = &*self.b.g;
        let facts = Facts { extents: &extents, gone: &[], below: &|n| g.below(n) };
        Ok(Value::Index(match factor {
            Factor::Div => term.quotient(size, &facts),
            _ => term.remainder(size, &facts),
        }))
    }

    pub(super) fn power(&mut self, a: At, b: At) -> Result<Value> {
        let exponent = match &self.values[b.0] {
            Some(Value::Number(value)) => value.to_i64(),
            _ => None,
        };
        if let (Some(Value::Number(base)), Some(k)) = (&self.values[a.0], exponent)
            && let Some(value) = i32::try_from(k).ok().and_then(|k| base.pow(k))
        {
            (self.values[a.0], self.values[b.0]) = (None, None);
            return Ok(Value::Number(value));
        }
        if let (Some(Value::Index(size)), Some(k @ 1..=MAX_SIZE_POWER)) = (&self.values[a.0], exponent)
            && let Some(size) = size.as_constant().cloned()
        {
            self.take(b);
            self.take(a);
            let power = (1..k).fold(size.clone(), |all, _| all * size.clone());
            return Ok(Value::Index(Term::constant(power)));
        }
        let base = self.factors(a)?;
        match exponent.map(i32::try_from) {
            Some(Ok(0)) => {
                self.take(b);
                Ok(Value::Number(Rational::ONE))
            }
            Some(Ok(k)) => {
                self.take(b);
                let raised = self.whole_power(base, k.unsigned_abs())?;
                Ok(Value::Real(if k < 0 { self.map(&RECIP, vec![raised])? } else { raised }))
            }
            _ => {
                let exponent = self.factors(b)?;
                let euler = self.is_euler(&base);
                let args = if euler { vec![exponent] } else { vec![base, exponent] };
                Ok(Value::Real(self.map(if euler { &EXP } else { &POW }, args)?))
            }
        }
    }

    pub(super) fn whole_power(&mut self, base: Factors, power: u32) -> Result<Factors> {
        if let Some(factors) = base.power(power) {
            return Ok(factors);
        }
        let order = self.b.order(std::slice::from_ref(&base));
        let node = self.b.factors_node(base, &order)?;
        let mut factors = Factors::node(node, &order);
        factors.accesses[0].power = power;
        Ok(factors)
    }

    /// The number e itself.
    pub(super) fn is_euler(&self, base: &Factors) -> bool {
        let [Access { node, power: 1, .. }] = base.accesses[..] else { return false };
        let g = &*self.b.g;
        let is_exp = matches!(g.op(node), Op::Map(id) if *id == EXP.id);
        base.coefficient.is_one()
            && base.conds.is_empty()
            && is_exp
            && g.as_rational(g.arg(node, 0)).is_some_and(|x| x.is_one())
    }
}
