//! Exact rational numbers `p/q`: the coefficients of the graph.
//!
//! Stored reduced with `q > 0`, in two machine words while both parts fit, in big integers only when they
//! do not. The form is canonical, so equality and hashing look at the parts and never at the value.
//!
//! ```
//! use chainrule_core::rational::Rational;
//! let half = Rational::new(1, 2);
//! assert_eq!(&half + &Rational::new(1, 3), Rational::new(5, 6));
//! assert_eq!(Rational::from_decimal("0.1"), Some(Rational::new(1, 10)));
//! assert_eq!(Rational::from(3).pow(-2).unwrap().to_string(), "1/9");
//! ```
//!
//! Source: Knuth, The Art of Computer Programming, volume 2, section 4.5.1 (rational arithmetic that
//! divides out common factors before multiplying).

mod round;
mod text;

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use std::sync::Arc;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

pub use text::ParseRationalError;

/// Powers and roots whose numerator or denominator would need more bits than this are refused: a hundred
/// thousand bits is far beyond any coefficient of a formula and still multiplies in milliseconds.
pub const MAX_BITS: u64 = 100_000;

/// An exact rational number.
///
/// Integers that stay within 64 bits cost a few nanoseconds per operation and never allocate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rational(Repr);

/// `Wide` holds exactly the values that do not fit `Small`, so the derived `Eq` and `Hash` are right.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small { num: i64, den: i64 },
    Wide(Arc<Wide>),
}

#[derive(PartialEq, Eq, Hash)]
struct Wide {
    num: BigInt,
    den: BigInt,
}

impl Rational {
    /// 0
    pub const ZERO: Rational = Rational::small(0, 1);
    /// 1
    pub const ONE: Rational = Rational::small(1, 1);
    /// -1
    pub const NEG_ONE: Rational = Rational::small(-1, 1);

    const fn small(num: i64, den: i64) -> Rational {
        Rational(Repr::Small { num, den })
    }

    /// `num/den`, reduced.
    ///
    /// # Panics
    /// When `den` is zero; [`Rational::checked_new`] answers `None` instead.
    pub fn new(num: i64, den: i64) -> Rational {
        Rational::checked_new(num, den).expect("a rational has a nonzero denominator")
    }

    /// `num/den`, reduced; `None` when `den` is zero.
    pub fn checked_new(num: i64, den: i64) -> Option<Rational> {
        let sign = i128::from(den.signum());
        (den != 0).then(|| Rational::reduce(sign * i128::from(num), sign * i128::from(den)))
    }

    /// `num/den`, reduced, of big integers; `None` when `den` is zero.
    pub fn from_big(num: BigInt, den: BigInt) -> Option<Rational> {
        if den.is_zero() {
            return None;
        }
        let (num, den) = BigRational::new(num, den).into_raw();
        Some(Rational::from_reduced(num, den))
    }

    /// Parts that are already reduced, `den > 0`.
    fn from_reduced(num: BigInt, den: BigInt) -> Rational {
        match (num.to_i64(), den.to_i64()) {
            (Some(num), Some(den)) => Rational::small(num, den),
            _ => Rational(Repr::Wide(Arc::new(Wide { num, den }))),
        }
    }

    /// Parts of at most 127 bits, `den > 0`, not yet reduced.
    fn reduce(num: i128, den: i128) -> Rational {
        let common = gcd(num.unsigned_abs(), den.unsigned_abs()).cast_signed();
        Rational::from_reduced_words(num / common, den / common)
    }

    fn from_reduced_words(num: i128, den: i128) -> Rational {
        match (i64::try_from(num), i64::try_from(den)) {
            (Ok(num), Ok(den)) => Rational::small(num, den),
            _ => Rational::from_reduced(num.into(), den.into()),
        }
    }

    /// The reduced numerator, which carries the sign.
    pub fn numer(&self) -> BigInt {
        match &self.0 {
            Repr::Small { num, .. } => (*num).into(),
            Repr::Wide(wide) => wide.num.clone(),
        }
    }

    /// The reduced denominator, positive.
    pub fn denom(&self) -> BigInt {
        match &self.0 {
            Repr::Small { den, .. } => (*den).into(),
            Repr::Wide(wide) => wide.den.clone(),
        }
    }

    /// Numerator and denominator, when both fit 64 bits.
    #[inline]
    pub fn to_small(&self) -> Option<(i64, i64)> {
        match self.0 {
            Repr::Small { num, den } => Some((num, den)),
            Repr::Wide(_) => None,
        }
    }

    /// The value as a 64-bit integer, when it is one.
    #[inline]
    pub fn to_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small { num, den: 1 } => Some(num),
            _ => None,
        }
    }

    /// Whether this is 0.
    #[inline]
    pub fn is_zero(&self) -> bool {
        self.to_i64() == Some(0)
    }

    /// Whether this is 1.
    #[inline]
    pub fn is_one(&self) -> bool {
        self.to_i64() == Some(1)
    }

    /// Whether the denominator is 1.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Small { den, .. } => *den == 1,
            Repr::Wide(wide) => wide.den.is_one(),
        }
    }

    /// Whether this is below 0.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small { num, .. } => *num < 0,
            Repr::Wide(wide) => wide.num.is_negative(),
        }
    }

    /// Bits of the longer of numerator and denominator: what the number costs to hold.
    pub fn bits(&self) -> u64 {
        match &self.0 {
            Repr::Small { num, den } => {
                u64::from(u64::BITS - (num.unsigned_abs() | den.unsigned_abs()).leading_zeros())
            }
            Repr::Wide(wide) => wide.num.bits().max(wide.den.bits()),
        }
    }

    /// `|x|`
    pub fn abs(&self) -> Rational {
        if self.is_negative() { -self } else { self.clone() }
    }

    /// `1/x`, or `None` at 0.
    pub fn recip(&self) -> Option<Rational> {
        match &self.0 {
            Repr::Small { num: 0, .. } => None,
            Repr::Small { num, den } => {
                let (num, den) = (i128::from(*num), i128::from(*den));
                Some(Rational::from_reduced_words(num.signum() * den, num.abs()))
            }
            Repr::Wide(wide) => Some(Rational::from_reduced(
                wide.num.signum() * &wide.den,
                wide.num.magnitude().clone().into(),
            )),
        }
    }

    /// `x / y`, or `None` when `y` is 0.
    pub fn checked_div(&self, y: &Rational) -> Option<Rational> {
        Some(self * &y.recip()?)
    }

    /// `x^n`, with `x^0 = 1` also at 0. `None` for 0 to a negative power and for results beyond [`MAX_BITS`].
    pub fn pow(&self, n: i32) -> Option<Rational> {
        let base = if n < 0 { self.recip()? } else { self.clone() };
        let n = n.unsigned_abs();
        // |p|^n has more than (bits - 1) n bits; 0 and ±1 have bits = 1 and stay small.
        if (base.bits() - 1).saturating_mul(n.into()) > MAX_BITS {
            return None;
        }
        if let Some((num, den)) = base.to_small()
            && let (Some(num), Some(den)) = (num.checked_pow(n), den.checked_pow(n))
        {
            return Some(Rational::small(num, den));
        }
        Some(Rational::from_reduced(base.numer().pow(n), base.denom().pow(n)))
    }

    /// The real `k`-th root when it is rational: the root of 4/9 for `k = 2` is 2/3.
    ///
    /// `None` for `k = 0`, for even roots of negative numbers, and for irrational roots.
    pub fn root(&self, k: u32) -> Option<Rational> {
        if k == 0 || (k.is_multiple_of(2) && self.is_negative()) {
            return None;
        }
        let exact =
            |n: BigInt| Some(n.nth_root(k)).filter(|root| u64::from(k) <= n.bits() && root.pow(k) == n);
        let whole = |n: BigInt| if n.magnitude() <= &1u8.into() { Some(n) } else { exact(n) };
        Some(Rational::from_reduced(whole(self.numer())?, whole(self.denom())?))
    }

    /// The largest integer that is not above `x`.
    pub fn floor(&self) -> Rational {
        match &self.0 {
            Repr::Small { num, den } => num.div_euclid(*den).into(),
            Repr::Wide(wide) => {
                let (num, den) = (&wide.num, &wide.den);
                let below = ((num % den) + den) % den;
                Rational::from_reduced((num - below) / den, One::one())
            }
        }
    }

    #[cold]
    fn add_wide(&self, y: &Rational) -> Rational {
        let num = self.numer() * y.denom() + y.numer() * self.denom();
        Rational::from_big(num, self.denom() * y.denom()).expect("denominators are positive")
    }

    #[cold]
    fn mul_wide(&self, y: &Rational) -> Rational {
        Rational::from_big(self.numer() * y.numer(), self.denom() * y.denom())
            .expect("denominators are positive")
    }
}

#[inline]
fn sum(x: &Rational, y: &Rational) -> Rational {
    match (x.to_small(), y.to_small()) {
        (Some((a, 1)), Some((c, 1))) => match a.checked_add(c) {
            Some(total) => Rational::small(total, 1),
            None => x.add_wide(y),
        },
        (Some(x), Some(y)) => sum_of_fractions(x, y),
        _ => x.add_wide(y),
    }
}

/// `a/b + c/d`; the words are at most 2^63, so the cross products and their sum fit 128 bits.
fn sum_of_fractions((a, b): (i64, i64), (c, d): (i64, i64)) -> Rational {
    let [a, b, c, d] = [a, b, c, d].map(i128::from);
    if b == d { Rational::reduce(a + c, b) } else { Rational::reduce(a * d + c * b, b * d) }
}

#[inline]
fn product(x: &Rational, y: &Rational) -> Rational {
    match (x.to_small(), y.to_small()) {
        (Some((a, 1)), Some((c, 1))) => match a.checked_mul(c) {
            Some(product) => Rational::small(product, 1),
            None => x.mul_wide(y),
        },
        (Some(x), Some(y)) => product_of_fractions(x, y),
        _ => x.mul_wide(y),
    }
}

/// `a/b · c/d`, dividing out gcd(a, d) and gcd(c, b) first: what remains is already reduced.
fn product_of_fractions((a, b): (i64, i64), (c, d): (i64, i64)) -> Rational {
    let across = |p: i64, q: i64| gcd(p.unsigned_abs().into(), q.unsigned_abs().into()).cast_signed();
    let (ad, cb) = (across(a, d), across(c, b));
    let [a, b, c, d] = [a, b, c, d].map(i128::from);
    Rational::from_reduced_words((a / ad) * (c / cb), (b / cb) * (d / ad))
}

/// Greatest common divisor, by halving and subtracting; in 64 bits as soon as both fit.
fn gcd(mut a: u128, mut b: u128) -> u128 {
    if a == 0 || b == 0 {
        return a | b;
    }
    let twos = (a | b).trailing_zeros();
    a >>= a.trailing_zeros();
    while b != 0 {
        b >>= b.trailing_zeros();
        if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
            return u128::from(gcd_of_odd(a, b)) << twos;
        }
        (a, b) = (a.min(b), a.abs_diff(b));
    }
    a << twos
}

fn gcd_of_odd(mut a: u64, mut b: u64) -> u64 {
    while a != 1 && b != 0 {
        b >>= b.trailing_zeros();
        (a, b) = (a.min(b), a.abs_diff(b));
    }
    a
}

impl Neg for &Rational {
    type Output = Rational;

    fn neg(self) -> Rational {
        match &self.0 {
            Repr::Small { num, den } if *num != i64::MIN => Rational::small(-num, *den),
            _ => Rational::from_reduced(-self.numer(), self.denom()),
        }
    }
}

impl Neg for Rational {
    type Output = Rational;

    #[inline]
    fn neg(self) -> Rational {
        -&self
    }
}

/// One binary operator on values and references, and its assigning form.
macro_rules! operator {
    ($Op:ident $op:ident, $OpAssign:ident $op_assign:ident, |$x:ident, $y:ident| $body:expr) => {
        impl $Op<&Rational> for &Rational {
            type Output = Rational;

            #[inline]
            fn $op(self, $y: &Rational) -> Rational {
                let $x = self;
                $body
            }
        }

        impl $Op<&Rational> for Rational {
            type Output = Rational;

            #[inline]
            fn $op(self, y: &Rational) -> Rational {
                (&self).$op(y)
            }
        }

        impl $Op<Rational> for &Rational {
            type Output = Rational;

            #[inline]
            fn $op(self, y: Rational) -> Rational {
                self.$op(&y)
            }
        }

        impl $Op for Rational {
            type Output = Rational;

            #[inline]
            fn $op(self, y: Rational) -> Rational {
                (&self).$op(&y)
            }
        }

        impl $OpAssign<&Rational> for Rational {
            #[inline]
            fn $op_assign(&mut self, y: &Rational) {
                *self = (&*self).$op(y);
            }
        }
    };
}

operator!(Add add, AddAssign add_assign, |x, y| sum(x, y));
operator!(Sub sub, SubAssign sub_assign, |x, y| sum(x, &-y));
operator!(Mul mul, MulAssign mul_assign, |x, y| product(x, y));

impl Ord for Rational {
    fn cmp(&self, y: &Rational) -> Ordering {
        match (self.to_small(), y.to_small()) {
            (Some((a, b)), Some((c, d))) => {
                (i128::from(a) * i128::from(d)).cmp(&(i128::from(c) * i128::from(b)))
            }
            _ => (self.numer() * y.denom()).cmp(&(y.numer() * self.denom())),
        }
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, y: &Rational) -> Option<Ordering> {
        Some(self.cmp(y))
    }
}

impl From<i64> for Rational {
    #[inline]
    fn from(n: i64) -> Rational {
        Rational::small(n, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Rational {
        text.parse().unwrap()
    }

    fn big(x: &Rational) -> BigRational {
        BigRational::new(x.numer(), x.denom())
    }

    /// Numbers near every edge of the representation.
    fn edges() -> Vec<Rational> {
        let words =
            [0, 1, -1, 2, -3, 12, 1 << 31, (1 << 53) + 1, i64::MAX, i64::MAX - 1, i64::MIN, i64::MIN + 1];
        let mut all: Vec<_> = words
            .iter()
            .flat_map(|&p| words.iter().filter_map(move |&q| Rational::checked_new(p, q)))
            .collect();
        all.push(r("100000000000000000000000000000001/3"));
        all.push(r("-3/100000000000000000000000000000001"));
        all
    }

    #[test]
    fn agrees_with_big_rationals_at_every_edge() {
        let all = edges();
        for x in &all {
            for y in &all {
                assert_eq!(big(&(x + y)), big(x) + big(y), "{x} + {y}");
                assert_eq!(big(&(x - y)), big(x) - big(y), "{x} - {y}");
                assert_eq!(big(&(x * y)), big(x) * big(y), "{x} * {y}");
                assert_eq!(x.cmp(y), big(x).cmp(&big(y)), "{x} <=> {y}");
                // Canonical: adding and taking away leads back to the same representation.
                assert_eq!(&(x + y) - y, *x);
                assert_eq!(x.checked_div(y).map(|q| q * y), (!y.is_zero()).then(|| x.clone()));
            }
            assert_eq!(big(&x.floor()), big(x).floor(), "floor {x}");
            assert_eq!(x.to_string().parse(), Ok(x.clone()));
            assert_eq!(x.pow(3), Some(x * x * x));
            assert_eq!((x * x).root(2), Some(x.abs()));
            assert_eq!((x * x * x).root(3), Some(x.clone()));
        }
    }

    #[test]
    fn the_smallest_integer_keeps_its_sign_straight() {
        let least = Rational::from(i64::MIN);
        assert_eq!(-&least, r("9223372036854775808"));
        assert_eq!(-(-&least), least);
        assert_eq!(least.recip().unwrap().recip(), Some(least.clone()));
        assert_eq!(Rational::new(i64::MIN, i64::MIN), Rational::ONE);
        assert_eq!(&least * &Rational::NEG_ONE, r("9223372036854775808"));
    }

    #[test]
    fn powers_and_roots_refuse_what_is_not_there() {
        assert_eq!(Rational::ZERO.pow(-1), None);
        assert_eq!(Rational::ZERO.pow(0), Some(Rational::ONE));
        assert_eq!(Rational::NEG_ONE.pow(i32::MIN), Some(Rational::ONE));
        assert_eq!(Rational::from(2).pow(i32::MAX), None);
        assert_eq!(Rational::from(2).pow(i32::MIN), None);
        assert_eq!(Rational::new(2, 3).pow(-2), Some(Rational::new(9, 4)));
        assert_eq!(Rational::from(2).root(2), None);
        assert_eq!(Rational::from(-4).root(2), None);
        assert_eq!(Rational::from(-8).root(3), Some(Rational::from(-2)));
        assert_eq!(Rational::from(7).root(u32::MAX), None);
        assert_eq!(Rational::ONE.root(u32::MAX), Some(Rational::ONE));
        assert_eq!(Rational::ONE.root(0), None);
    }
}
