//! Extents, shapes and the types of nodes.
//!
//! An extent ([`Dim`]) is an integer or a polynomial with integer coefficients in named sizes: `3`, `n`,
//! `m*n + 1`. Two extents are equal when their normalised polynomials are equal, and never otherwise: nothing
//! broadcasts because two sizes happen to agree.

use indexmap::IndexMap;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A product of named sizes with exponents, sorted by name; the empty product is 1.
pub type Monomial = Vec<(Arc<str>, u32)>;

/// Extent of an axis: a polynomial with integer coefficients in named sizes.
///
/// ```
/// use chainrule_core::shape::Dim;
/// let (m, n) = (Dim::size("m"), Dim::size("n"));
/// assert_eq!((m.clone() + n.clone()) * n.clone(), n.clone() * n.clone() + n * m);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dim(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Fixed(i64),
    /// Sorted by monomial, no zero coefficient, never a mere constant.
    Polynomial(Arc<Vec<(Monomial, i64)>>),
}

/// Values of named sizes.
pub type Sizes = IndexMap<Arc<str>, i64>;

impl Dim {
    /// The number 0.
    pub const ZERO: Dim = Dim(Repr::Fixed(0));
    /// The number 1.
    pub const ONE: Dim = Dim(Repr::Fixed(1));

    /// A fixed extent.
    pub fn fixed(extent: i64) -> Dim {
        Dim(Repr::Fixed(extent))
    }

    /// The size called `name`.
    pub fn size(name: &str) -> Dim {
        Dim(Repr::Polynomial(Arc::new(vec![(vec![(Arc::from(name), 1)], 1)])))
    }

    /// The number, if this is one.
    pub fn as_fixed(&self) -> Option<i64> {
        match self.0 {
            Repr::Fixed(n) => Some(n),
            Repr::Polynomial(_) => None,
        }
    }

    /// True for the polynomial 0.
    pub fn is_zero(&self) -> bool {
        self.as_fixed() == Some(0)
    }

    /// The name, if this is a single named size.
    pub fn as_name(&self) -> Option<&Arc<str>> {
        match &self.0 {
            Repr::Polynomial(p) => match p.as_slice() {
                [(m, 1)] if m.len() == 1 && m[0].1 == 1 => Some(&m[0].0),
                _ => None,
            },
            Repr::Fixed(_) => None,
        }
    }

    /// The sizes that occur, in order of name.
    pub fn names(&self) -> BTreeSet<Arc<str>> {
        self.monomials().iter().flat_map(|(m, _)| m.iter().map(|(s, _)| s.clone())).collect()
    }

    /// The value at given sizes, or the first size without a value.
    pub fn evaluate(&self, sizes: &Sizes) -> Result<i64, Arc<str>> {
        let (mut total, mut room) = (0i64, NO_MONOMIAL);
        for (monomial, coefficient) in self.terms(&mut room) {
            let mut product = *coefficient;
            for (name, power) in monomial {
                let value = *sizes.get(name).ok_or_else(|| name.clone())?;
                product = product.saturating_mul(value.saturating_pow(*power));
            }
            total = total.saturating_add(product);
        }
        Ok(total)
    }

    /// The same extent with some sizes replaced by numbers.
    pub fn specialise(&self, sizes: &Sizes) -> Dim {
        if self.as_fixed().is_some() {
            return self.clone();
        }
        let mut total = Dim::ZERO;
        for (monomial, coefficient) in self.monomials() {
            let mut product = Dim::fixed(coefficient);
            for (name, power) in monomial {
                let base = sizes.get(&name).map_or_else(|| Dim::size(&name), |&n| Dim::fixed(n));
                for _ in 0..power {
                    product = product * base.clone();
                }
            }
            total = total + product;
        }
        total
    }

    /// `q` with `self = q * divisor`, when the polynomial division leaves nothing.
    pub fn divide_exactly(&self, divisor: &Dim) -> Option<Dim> {
        if divisor.is_zero() {
            return None;
        }
        if let (Some(a), Some(b)) = (self.as_fixed(), divisor.as_fixed()) {
            return (a % b == 0).then(|| Dim::fixed(a / b));
        }
        // Division by the leading monomial, highest degree first.
        let lead = |d: &Dim| -> Option<(Monomial, i64)> {
            d.monomials().into_iter().max_by(|(a, _), (b, _)| degree_order(a, b))
        };
        let (lead_monomial, lead_coefficient) = lead(divisor)?;
        let (mut rest, mut quotient) = (self.clone(), Dim::ZERO);
        for _ in 0..64 {
            if rest.is_zero() {
                return Some(quotient);
            }
            let (monomial, coefficient) = lead(&rest)?;
            if coefficient % lead_coefficient != 0 {
                return None;
            }
            let step = Dim::from_monomials(vec![(
                divide_monomial(&monomial, &lead_monomial)?,
                coefficient / lead_coefficient,
            )]);
            rest = rest - step.clone() * divisor.clone();
            quotient = quotient + step;
        }
        None
    }

    /// True when the polynomial is provably at least 0, given that every size is at least 0 and those in
    /// `positive` at least 1. Sound, not complete.
    pub fn is_nonnegative(&self, positive: &BTreeSet<Arc<str>>) -> bool {
        let mut room = NO_MONOMIAL;
        let terms = self.terms(&mut room);
        if terms.iter().all(|(_, c)| *c >= 0) {
            return true;
        }
        if positive.is_empty() {
            return false;
        }
        // Shift every positive size by one: then nonnegative coefficients suffice.
        if terms.iter().all(|(m, _)| m.len() <= 1 && m.iter().all(|(_, power)| *power == 1)) {
            let shifts = |m: &Monomial| m.is_empty() || positive.contains(&m[0].0);
            let constant =
                terms.iter().filter(|(m, _)| shifts(m)).fold(0i64, |t, (_, c)| t.saturating_add(*c));
            return constant >= 0 && terms.iter().all(|(m, c)| m.is_empty() || *c >= 0);
        }
        let mut shifted = Dim::ZERO;
        for (monomial, coefficient) in terms {
            let mut product = Dim::fixed(*coefficient);
            for (name, power) in monomial {
                let base = Dim::size(name);
                let base = if positive.contains(name) { base + Dim::ONE } else { base };
                for _ in 0..*power {
                    product = product * base.clone();
                }
            }
            shifted = shifted + product;
        }
        shifted.terms(&mut room).iter().all(|(_, c)| *c >= 0)
    }

    /// The polynomial as monomials with their coefficients, sorted and distinct.
    pub fn monomials(&self) -> Vec<(Monomial, i64)> {
        match &self.0 {
            Repr::Fixed(0) => Vec::new(),
            Repr::Fixed(n) => vec![(Monomial::new(), *n)],
            Repr::Polynomial(p) => p.to_vec(),
        }
    }

    /// The monomials where they stand; those of a number are written into `room`.
    fn terms<'a>(&'a self, room: &'a mut [(Monomial, i64); 1]) -> &'a [(Monomial, i64)] {
        match &self.0 {
            Repr::Fixed(0) => &[],
            Repr::Fixed(n) => {
                room[0].1 = *n;
                room
            }
            Repr::Polynomial(p) => p,
        }
    }

    /// `self + factor * other`: both are sorted, so they are merged.
    fn plus(&self, factor: i64, other: &Dim) -> Dim {
        if let (Some(a), Some(b)) = (self.as_fixed(), other.as_fixed()) {
            return Dim::fixed(a.saturating_add(b.saturating_mul(factor)));
        }
        if other.is_zero() {
            return self.clone();
        }
        let (mut room, mut space) = (NO_MONOMIAL, NO_MONOMIAL);
        let (mut left, mut right) = (self.terms(&mut room), other.terms(&mut space));
        let mut sum = Vec::with_capacity(left.len() + right.len());
        loop {
            let order = match (left.first(), right.first()) {
                (None, None) => return Dim::from_sorted(sum),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            let mut coefficient = 0i64;
            let mut monomial = None;
            if order != Ordering::Greater {
                (monomial, coefficient) = (Some(&left[0].0), left[0].1);
                left = &left[1..];
            }
            if order != Ordering::Less {
                monomial = Some(&right[0].0);
                coefficient = coefficient.saturating_add(right[0].1.saturating_mul(factor));
                right = &right[1..];
            }
            if let Some(monomial) = monomial.filter(|_| coefficient != 0) {
                sum.push((monomial.clone(), coefficient));
            }
        }
    }

    /// The polynomial of monomials that are sorted, distinct and have no coefficient 0.
    fn from_sorted(terms: Vec<(Monomial, i64)>) -> Dim {
        match terms.as_slice() {
            [] => Dim::ZERO,
            [(m, c)] if m.is_empty() => Dim::fixed(*c),
            _ => Dim(Repr::Polynomial(Arc::new(terms))),
        }
    }

    /// The polynomial with these monomials and coefficients.
    pub fn from_monomials(mut terms: Vec<(Monomial, i64)>) -> Dim {
        terms.sort();
        let mut merged: Vec<(Monomial, i64)> = Vec::with_capacity(terms.len());
        for (monomial, coefficient) in terms {
            match merged.last_mut() {
                Some((last, total)) if *last == monomial => *total = total.saturating_add(coefficient),
                _ => merged.push((monomial, coefficient)),
            }
        }
        merged.retain(|(_, c)| *c != 0);
        Dim::from_sorted(merged)
    }
}

/// Room for the monomial of a number.
const NO_MONOMIAL: [(Monomial, i64); 1] = [(Monomial::new(), 0)];

fn degree_order(a: &Monomial, b: &Monomial) -> Ordering {
    let degree = |m: &Monomial| m.iter().map(|(_, p)| *p).sum::<u32>();
    degree(a).cmp(&degree(b)).then_with(|| b.cmp(a))
}

fn multiply_monomials(a: &Monomial, b: &Monomial) -> Monomial {
    let mut product = a.clone();
    for (name, power) in b {
        match product.binary_search_by(|(n, _)| n.cmp(name)) {
            Ok(at) => product[at].1 += power,
            Err(at) => product.insert(at, (name.clone(), *power)),
        }
    }
    product
}

fn divide_monomial(a: &Monomial, b: &Monomial) -> Option<Monomial> {
    let mut quotient = a.clone();
    for (name, power) in b {
        let slot = quotient.iter_mut().find(|(n, _)| n == name)?;
        slot.1 = slot.1.checked_sub(*power)?;
    }
    quotient.retain(|(_, p)| *p > 0);
    Some(quotient)
}

impl std::ops::Add for Dim {
    type Output = Dim;
    fn add(self, other: Dim) -> Dim {
        if self.is_zero() { other } else { self.plus(1, &other) }
    }
}

impl std::ops::Neg for Dim {
    type Output = Dim;
    fn neg(self) -> Dim {
        Dim::ZERO.plus(-1, &self)
    }
}

impl std::ops::Sub for Dim {
    type Output = Dim;
    fn sub(self, other: Dim) -> Dim {
        self.plus(-1, &other)
    }
}

impl std::ops::Mul for Dim {
    type Output = Dim;
    fn mul(self, other: Dim) -> Dim {
        match (self.as_fixed(), other.as_fixed()) {
            (Some(1), _) => return other,
            (_, Some(1)) => return self,
            (Some(a), _) => return Dim::ZERO.plus(a, &other),
            (_, Some(b)) => return Dim::ZERO.plus(b, &self),
            _ => {}
        }
        let (mut room, mut space) = (NO_MONOMIAL, NO_MONOMIAL);
        let mut terms = Vec::new();
        for (ma, ca) in self.terms(&mut room) {
            for (mb, cb) in other.terms(&mut space) {
                terms.push((multiply_monomials(ma, mb), ca.saturating_mul(*cb)));
            }
        }
        Dim::from_monomials(terms)
    }
}

impl From<usize> for Dim {
    fn from(n: usize) -> Dim {
        Dim::fixed(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Dim {
    fn from(n: i64) -> Dim {
        Dim::fixed(n)
    }
}

impl From<i32> for Dim {
    fn from(n: i32) -> Dim {
        Dim::fixed(i64::from(n))
    }
}

impl From<&str> for Dim {
    fn from(name: &str) -> Dim {
        Dim::size(name)
    }
}

impl From<&Dim> for Dim {
    fn from(dim: &Dim) -> Dim {
        dim.clone()
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut terms = self.monomials();
        // Readers expect sizes first and the number last: n - 1, not -1 + n.
        terms.sort_by(|(a, _), (b, _)| degree_order(b, a));
        if terms.is_empty() {
            return f.write_str("0");
        }
        for (k, (monomial, coefficient)) in terms.iter().enumerate() {
            let magnitude = coefficient.unsigned_abs();
            match (k, *coefficient < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let mut first = magnitude == 1 && !monomial.is_empty();
            if !first {
                write!(f, "{magnitude}")?;
            }
            for (name, power) in monomial {
                if !first {
                    f.write_str("*")?;
                }
                first = false;
                f.write_str(name)?;
                if *power > 1 {
                    write!(f, "^{power}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Extents of the axes of a tensor, first axis first.
pub type Shape = Vec<Dim>;

/// What the entries of a tensor are.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum DType {
    /// Real numbers; precision is chosen when evaluating.
    Real,
    /// Exact 64-bit integers: labels, positions. Never differentiated.
    Int,
    /// Truth values: predicates of guards and selections.
    Bool,
}

/// Entries and shape of a node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Type {
    /// What the entries are.
    pub dtype: DType,
    /// Extents of the axes.
    pub shape: Shape,
    /// For integers: entries lie in `0 .. below`, when known.
    pub below: Option<Dim>,
}

impl Type {
    /// A real tensor.
    pub fn real<D: Into<Dim>>(shape: impl IntoIterator<Item = D>) -> Type {
        Type { dtype: DType::Real, shape: shape.into_iter().map(Into::into).collect(), below: None }
    }

    /// A real number.
    pub fn scalar() -> Type {
        Type { dtype: DType::Real, shape: Shape::new(), below: None }
    }

    /// A tensor of labels `0 .. below`.
    pub fn index<D: Into<Dim>>(below: impl Into<Dim>, shape: impl IntoIterator<Item = D>) -> Type {
        Type {
            dtype: DType::Int,
            shape: shape.into_iter().map(Into::into).collect(),
            below: Some(below.into()),
        }
    }

    /// A tensor of truth values.
    pub fn boolean<D: Into<Dim>>(shape: impl IntoIterator<Item = D>) -> Type {
        Type { dtype: DType::Bool, shape: shape.into_iter().map(Into::into).collect(), below: None }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.dtype, &self.below) {
            (DType::Real, _) => f.write_str("real")?,
            (DType::Bool, _) => f.write_str("bool")?,
            (DType::Int, Some(below)) => write!(f, "index[{below}]")?,
            (DType::Int, None) => f.write_str("int")?,
        }
        if self.dtype == DType::Int && self.shape.is_empty() {
            return Ok(());
        }
        f.write_str("[")?;
        for (k, d) in self.shape.iter().enumerate() {
            write!(f, "{}{d}", if k > 0 { "," } else { "" })?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn polynomials_print_sizes_first() {
        let (m, n) = (Dim::size("m"), Dim::size("n"));
        assert_eq!((n.clone() - Dim::ONE).to_string(), "n - 1");
        assert_eq!(
            (m.clone() * n.clone() + Dim::fixed(2) * m.clone() - Dim::fixed(3)).to_string(),
            "m*n + 2*m - 3"
        );
        assert_eq!((m.clone() - m).to_string(), "0");
        assert_eq!((-(n.clone() * n)).to_string(), "-n^2");
    }

    #[test]
    fn division_is_exact_or_refused() {
        let (m, n) = (Dim::size("m"), Dim::size("n"));
        let product = (m.clone() + Dim::ONE) * n.clone();
        assert_eq!(product.divide_exactly(&n), Some(m.clone() + Dim::ONE));
        assert_eq!(product.divide_exactly(&(m.clone() + Dim::ONE)), Some(n.clone()));
        assert_eq!(product.divide_exactly(&m), None);
        assert_eq!(Dim::fixed(6).divide_exactly(&Dim::fixed(4)), None);
        assert_eq!(n.divide_exactly(&Dim::ZERO), None);
    }

    #[test]
    fn signs_follow_from_positive_sizes() {
        let n = Dim::size("n");
        let positive: BTreeSet<Arc<str>> = [Arc::from("n")].into();
        assert!((n.clone() - Dim::ONE).is_nonnegative(&positive));
        assert!(!(n.clone() - Dim::ONE).is_nonnegative(&BTreeSet::new()));
        assert!(!(n.clone() - Dim::fixed(2)).is_nonnegative(&positive));
        assert!((n.clone() * n.clone() - n).is_nonnegative(&positive));
    }

    /// A polynomial of a few monomials in three sizes.
    fn some(dice: &mut Dice) -> Dim {
        let mut sum = Dim::ZERO;
        for _ in 0..dice.below(4) {
            let mut product = Dim::fixed(dice.below(7) as i64 - 3);
            for _ in 0..dice.below(3) {
                product = product * Dim::size(["k", "m", "n"][dice.below(3)]);
            }
            sum = sum + product;
        }
        sum
    }

    #[test]
    fn arithmetic_is_that_of_the_values() {
        let mut dice = Dice::new(1);
        let mut proved = 0;
        for _ in 0..2000 {
            let (a, b) = (some(&mut dice), some(&mut dice));
            assert_eq!(a.clone() + b.clone() - b.clone(), a, "one form for equal polynomials");
            assert_eq!(a.clone() * b.clone(), b.clone() * a.clone());
            assert_eq!(-a.clone() + a.clone(), Dim::ZERO);
            let positive: BTreeSet<Arc<str>> =
                ["k", "m"].into_iter().filter(|_| dice.below(2) == 0).map(Arc::from).collect();
            let nonnegative = a.is_nonnegative(&positive);
            proved += usize::from(nonnegative && a.as_fixed().is_none());
            for _ in 0..5 {
                let sizes: Sizes = ["k", "m", "n"]
                    .into_iter()
                    .map(|n| (Arc::from(n), dice.below(5) as i64 + i64::from(positive.contains(n))))
                    .collect();
                let value = |d: &Dim| d.evaluate(&sizes).unwrap();
                assert_eq!(value(&(a.clone() + b.clone())), value(&a) + value(&b));
                assert_eq!(value(&(a.clone() - b.clone())), value(&a) - value(&b));
                assert_eq!(value(&(a.clone() * b.clone())), value(&a) * value(&b));
                assert!(!nonnegative || value(&a) >= 0, "{a} with {sizes:?}");
            }
        }
        assert!(proved > 100, "{proved} proofs");
    }
}
