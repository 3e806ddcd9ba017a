//! A count of operations: a polynomial, and choices of order that only numbers decide.

use super::Polynomial;
use chainrule_core::shape::Sizes;
use indexmap::IndexMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// `plain + Σ min(alternatives)`
///
/// ```
/// use chainrule_core::shape::Dim;
/// use chainrule_exec::cost::{Flops, Polynomial};
/// let [m, n] = ["m", "n"].map(|s| Polynomial::from(&Dim::size(s)));
/// let flops = Flops::from(n.clone()) + Flops::least_of(vec![m, n]);
/// assert_eq!(flops.to_string(), "n + min(m, n)");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flops {
    /// What is done in any case.
    pub plain: Polynomial,
    /// Of each list the smallest, whichever that is at given sizes.
    pub choices: Vec<Vec<Polynomial>>,
}

impl From<Polynomial> for Flops {
    fn from(plain: Polynomial) -> Flops {
        Flops { plain, choices: Vec::new() }
    }
}

impl Flops {
    /// The smallest of some counts; 0 for none.
    pub fn least_of(mut costs: Vec<Polynomial>) -> Flops {
        match costs.len() {
            0 => Flops::default(),
            1 => Flops::from(costs.remove(0)),
            _ => Flops { plain: Polynomial::default(), choices: vec![costs] },
        }
    }

    /// As often as a count says.
    pub fn times(self, count: &Polynomial) -> Flops {
        let choice = |all: Vec<Polynomial>| all.into_iter().map(|p| p * count.clone()).collect();
        Flops { plain: self.plain * count.clone(), choices: self.choices.into_iter().map(choice).collect() }
    }

    /// True where nothing is done.
    pub fn is_zero(&self) -> bool {
        self.plain.is_zero() && self.choices.is_empty()
    }

    /// The sizes that occur.
    pub fn names(&self) -> BTreeSet<Arc<str>> {
        let mut names = self.plain.names();
        self.choices.iter().flatten().for_each(|p| names.extend(p.names()));
        names
    }

    /// The count at some sizes.
    ///
    /// # Errors
    /// The first size without a number.
    pub fn evaluate(&self, sizes: &Sizes) -> Result<f64, Arc<str>> {
        let mut total = self.plain.evaluate(sizes)?;
        for choice in &self.choices {
            let mut least = f64::INFINITY;
            for p in choice {
                least = least.min(p.evaluate(sizes)?);
            }
            total += least;
        }
        Ok(total)
    }
}

impl std::ops::Add for Flops {
    type Output = Flops;
    fn add(mut self, other: Flops) -> Flops {
        self.plain = self.plain + other.plain;
        self.choices.extend(other.choices);
        self
    }
}

impl fmt::Display for Flops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        if !self.plain.is_zero() || self.choices.is_empty() {
            parts.push(self.plain.to_string());
        }
        // The same choice made several times is said once.
        let mut choices: IndexMap<String, usize> = IndexMap::new();
        for choice in &self.choices {
            let all: Vec<String> = choice.iter().map(ToString::to_string).collect();
            *choices.entry(format!("min({})", all.join(", "))).or_insert(0) += 1;
        }
        parts.extend(choices.into_iter().map(|(choice, times)| match times {
            1 => choice,
            _ => format!("{times}*{choice}"),
        }));
        f.write_str(&parts.join(" + "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule_core::shape::Dim;

    #[test]
    fn numbers_decide_a_choice() {
        let [m, n] = ["m", "n"].map(|s| Polynomial::from(&Dim::size(s)));
        let flops = Flops::from(m.scaled(2)) + Flops::least_of(vec![m.clone(), n.clone()]);
        let twice = flops.clone() + Flops::least_of(vec![m, n]);
        assert_eq!(twice.to_string(), "2*m + 2*min(m, n)");
        let at = |m, n| flops.evaluate(&Sizes::from_iter([(Arc::from("m"), m), (Arc::from("n"), n)]));
        assert_eq!((at(3, 5), at(5, 3)), (Ok(9.0), Ok(13.0)));
        assert_eq!(flops.names().len(), 2);
        assert_eq!(Flops::default().to_string(), "0");
    }
}
