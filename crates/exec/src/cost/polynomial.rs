//! Polynomials in named sizes with rational coefficients: what something costs before any size is a number.

use chainrule_core::rational::Rational;
use chainrule_core::shape::{Dim, Monomial, Sizes};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Degree above which two polynomials are not compared: expanding them would cost more than the answer is worth.
const COMPARED: u32 = 12;

/// A polynomial: `1/3*n^3 + 2*n^2`.
///
/// ```
/// use chainrule_core::shape::Dim;
/// use chainrule_exec::cost::Polynomial;
/// let n = Polynomial::from(&Dim::size("n"));
/// assert_eq!((n.clone() * n.clone() + n.scaled(2)).to_string(), "n^2 + 2*n");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Polynomial {
    /// Monomials with their coefficients, none of which is 0.
    terms: BTreeMap<Monomial, Rational>,
}

impl From<&Dim> for Polynomial {
    fn from(dim: &Dim) -> Polynomial {
        Polynomial { terms: dim.monomials().into_iter().map(|(m, c)| (m, Rational::from(c))).collect() }
    }
}

impl From<i64> for Polynomial {
    fn from(n: i64) -> Polynomial {
        Polynomial::from(&Dim::fixed(n))
    }
}

impl Polynomial {
    /// The product of some extents.
    pub fn product<'d>(dims: impl IntoIterator<Item = &'d Dim>) -> Polynomial {
        dims.into_iter().fold(Polynomial::from(1), |p, d| p * Polynomial::from(d))
    }

    /// True for the polynomial 0.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The polynomial times an integer.
    #[must_use]
    pub fn scaled(&self, factor: i64) -> Polynomial {
        self.times(&Rational::from(factor))
    }

    /// The polynomial times a rational.
    #[must_use]
    pub fn times(&self, factor: &Rational) -> Polynomial {
        let terms = self.terms.iter().map(|(m, c)| (m.clone(), c * factor));
        Polynomial { terms: terms.filter(|(_, c)| !c.is_zero()).collect() }
    }

    fn add_term(&mut self, monomial: Monomial, coefficient: &Rational) {
        let sum = self.terms.get(&monomial).map_or_else(|| coefficient.clone(), |c| c + coefficient);
        if sum.is_zero() {
            self.terms.remove(&monomial);
        } else {
            self.terms.insert(monomial, sum);
        }
    }

    /// The sizes that occur.
    pub fn names(&self) -> BTreeSet<Arc<str>> {
        self.terms.keys().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// The value at some sizes, or the first size without a number. Exact up to 2^53; never below 0, because what is
    /// counted over an axis of negative extent is nothing.
    ///
    /// # Errors
    /// The name of the size.
    pub fn evaluate(&self, sizes: &Sizes) -> Result<f64, Arc<str>> {
        let mut total = Rational::ZERO;
        for (monomial, coefficient) in &self.terms {
            let mut term = coefficient.clone();
            for (name, power) in monomial {
                let n = Rational::from(*sizes.get(name).ok_or_else(|| name.clone())?);
                for _ in 0..*power {
                    term = &term * &n;
                }
            }
            total = &total + &term;
        }
        Ok(total.to_f64().max(0.0))
    }

    /// True when this is at most `other` wherever every size is at least 2: axes of one entry are no reason for another
    /// order. Sound, not complete.
    pub fn is_at_most(&self, other: &Polynomial) -> bool {
        let difference = other.clone() + self.scaled(-1);
        if difference.terms.keys().any(|monomial| degree(monomial) > COMPARED) {
            return false;
        }
        // Every size is 2 and something more: then coefficients that are not negative suffice.
        let mut shifted = Polynomial::default();
        for (monomial, coefficient) in &difference.terms {
            let mut term = Polynomial::from(1).times(coefficient);
            for (name, power) in monomial {
                let size = Polynomial::from(&Dim::size(name)) + Polynomial::from(2);
                for _ in 0..*power {
                    term = term * size.clone();
                }
            }
            shifted = shifted + term;
        }
        shifted.terms.values().all(|c| !c.is_negative())
    }
}

impl std::ops::Add for Polynomial {
    type Output = Polynomial;
    fn add(mut self, other: Polynomial) -> Polynomial {
        for (monomial, coefficient) in other.terms {
            self.add_term(monomial, &coefficient);
        }
        self
    }
}

impl std::ops::Mul for Polynomial {
    type Output = Polynomial;
    fn mul(self, other: Polynomial) -> Polynomial {
        let mut product = Polynomial::default();
        for (left, c) in &self.terms {
            for (right, d) in &other.terms {
                let mut powers: BTreeMap<Arc<str>, u32> = left.iter().cloned().collect();
                for (name, power) in right {
                    *powers.entry(name.clone()).or_insert(0) += power;
                }
                product.add_term(powers.into_iter().collect(), &(c * d));
            }
        }
        product
    }
}

fn degree(monomial: &Monomial) -> u32 {
    monomial.iter().fold(0, |sum, (_, power)| sum.saturating_add(*power))
}

impl fmt::Display for Polynomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        // The highest power first: it is what matters.
        let mut terms: Vec<(&Monomial, &Rational)> = self.terms.iter().collect();
        terms.sort_by(|(a, _), (b, _)| degree(b).cmp(&degree(a)).then_with(|| a.cmp(b)));
        for (k, (monomial, coefficient)) in terms.into_iter().enumerate() {
            match (k, coefficient.is_negative()) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let magnitude = coefficient.abs();
            let mut parts: Vec<String> = Vec::new();
            if !magnitude.is_one() || monomial.is_empty() {
                parts.push(magnitude.to_string());
            }
            parts.extend(monomial.iter().map(|(name, power)| match power {
                1 => name.to_string(),
                _ => format!("{name}^{power}"),
            }));
            f.write_str(&parts.join("*"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(name: &str) -> Polynomial {
        Polynomial::from(&Dim::size(name))
    }

    #[test]
    fn the_highest_power_is_written_first() {
        let n = size("n");
        let cubic = (n.clone() * n.clone() * n.clone()).times(&Rational::new(1, 3)) + n.scaled(-2);
        assert_eq!((cubic + Polynomial::from(7)).to_string(), "1/3*n^3 - 2*n + 7");
        assert_eq!((n.clone() + n.scaled(-1)).to_string(), "0");
    }

    #[test]
    fn order_is_said_only_where_it_holds_for_all_sizes() {
        let (m, n) = (size("m"), size("n"));
        assert!(n.is_at_most(&(n.clone() * n.clone())));
        assert!(!(n.clone() * n.clone()).is_at_most(&n));
        assert!(n.is_at_most(&(m.clone() * n.clone())));
        assert!(!m.is_at_most(&n) && !n.is_at_most(&m));
    }

    #[test]
    fn values_need_every_size_and_are_not_negative() {
        let cubic = (size("n") * size("n") * size("n")).times(&Rational::new(1, 3));
        let at = |n: i64| Sizes::from_iter([(Arc::from("n"), n)]);
        assert_eq!(cubic.evaluate(&at(6)), Ok(72.0));
        assert_eq!((size("n") + Polynomial::from(-3)).evaluate(&at(1)), Ok(0.0));
        assert_eq!((size("n") * size("m")).evaluate(&at(1)), Err(Arc::from("m")));
    }
}
