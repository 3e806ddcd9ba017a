//! Exact rationals as scalars, with "not rational here" in the place of NaN.
//!
//! An identity that holds between exact values holds between the real numbers; one that fails is refuted.
//! A function answers where its value is known to be rational, `ln 1 = 0` and `√(4/9) = 2/3`, and nowhere
//! else.
//!
//! ```
//! use chainrule_core::{rational::Rational, scalar::{Exact, Scalar}};
//! let third = Exact::from(Rational::new(1, 3));
//! assert_eq!((third.clone() + &third).to_string(), "2/3");
//! assert!(third.exp().is_nan());
//! assert!(Exact::zero().recip().is_nan());
//! ```
//!
//! Source: exp, ln and the trigonometric functions of the other rationals are irrational by Lindemann's
//! theorem (1882), so their silence loses nothing.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Scalar;
use crate::rational::{MAX_BITS, Rational};

/// A rational number, or nothing: "not rational here", which absorbs every operation like NaN.
///
/// Results that need more than [`MAX_BITS`] bits are refused in the same way, so that a chain of squarings
/// ends. Without a number it is unequal to everything, itself included, and unordered.
#[derive(Clone, Debug)]
pub struct Exact(Option<Rational>);

impl Exact {
    /// The rational number, where there is one.
    pub fn value(&self) -> Option<&Rational> {
        self.0.as_ref()
    }

    fn new(x: Option<Rational>) -> Exact {
        Exact(x.filter(|x| x.bits() <= MAX_BITS))
    }

    fn is(&self, n: i64) -> bool {
        self.value().and_then(Rational::to_i64) == Some(n)
    }

    /// `value` where this is the integer `n`: the one rational point that most functions have.
    fn only(&self, n: i64, value: i64) -> Exact {
        Exact(self.is(n).then(|| value.into()))
    }

    fn map(&self, f: impl FnOnce(&Rational) -> Option<Rational>) -> Exact {
        Exact::new(self.value().and_then(f))
    }

    fn zip(&self, y: &Exact, f: impl FnOnce(&Rational, &Rational) -> Option<Rational>) -> Exact {
        self.map(|x| f(x, y.value()?))
    }
}

impl From<Rational> for Exact {
    fn from(x: Rational) -> Exact {
        Exact::new(Some(x))
    }
}

/// The rational, or `not rational`.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.value() {
            Some(x) => x.fmt(f),
            None => f.write_str("not rational"),
        }
    }
}

impl PartialEq for Exact {
    fn eq(&self, y: &Exact) -> bool {
        self.value().is_some() && self.value() == y.value()
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, y: &Exact) -> Option<Ordering> {
        Some(self.value()?.cmp(y.value()?))
    }
}

impl Neg for Exact {
    type Output = Exact;

    fn neg(self) -> Exact {
        Exact(self.0.map(Rational::neg))
    }
}

/// An operator on values, with the right operand by value or by reference.
macro_rules! operator {
    ($($Op:ident $op:ident: |$x:ident, $y:ident| $body:expr;)*) => {
        $(
            impl $Op<&Exact> for Exact {
                type Output = Exact;

                fn $op(self, y: &Exact) -> Exact {
                    self.zip(y, |$x, $y| $body)
                }
            }

            impl $Op for Exact {
                type Output = Exact;

                fn $op(self, y: Exact) -> Exact {
                    self.$op(&y)
                }
            }
        )*
    };
}

operator! {
    Add add: |x, y| Some(x + y);
    Sub sub: |x, y| Some(x - y);
    Mul mul: |x, y| Some(x * y);
    Div div: |x, y| x.checked_div(y);
}

impl Scalar for Exact {
    const EXACT: bool = true;

    fn epsilon() -> f64 {
        0.0
    }

    fn from_rational(x: &Rational) -> Exact {
        x.clone().into()
    }

    /// The shortest decimal that reads back as `x`; nothing for NaN and infinities.
    fn from_f64(x: f64) -> Exact {
        Exact::new(Rational::from_f64(x))
    }

    fn nan() -> Exact {
        Exact(None)
    }

    fn pi() -> Exact {
        Exact(None)
    }

    fn e() -> Exact {
        Exact(None)
    }

    fn to_f64(&self) -> f64 {
        self.value().map_or(f64::NAN, Rational::to_f64)
    }

    fn is_nan(&self) -> bool {
        self.value().is_none()
    }

    fn is_zero(&self) -> bool {
        self.is(0)
    }

    fn exp(&self) -> Exact {
        self.only(0, 1)
    }

    fn expm1(&self) -> Exact {
        self.only(0, 0)
    }

    fn ln(&self) -> Exact {
        self.only(1, 0)
    }

    fn ln_1p(&self) -> Exact {
        self.only(0, 0)
    }

    fn sqrt(&self) -> Exact {
        self.map(|x| x.root(2))
    }

    fn cbrt(&self) -> Exact {
        self.map(|x| x.root(3))
    }

    /// `x^(p/q) = (x^(1/q))^p`, for `x >= 0` or a whole exponent.
    fn pow(&self, y: &Exact) -> Exact {
        if self.is(1) && !y.is_nan() {
            return Exact::one();
        }
        self.zip(y, |x, y| {
            let (p, q) = y.to_small()?;
            let (p, q) = (i32::try_from(p).ok()?, u32::try_from(q).ok()?);
            if q > 1 && x.is_negative() { None } else { x.root(q)?.pow(p) }
        })
    }

    fn powi(&self, n: i32) -> Exact {
        self.map(|x| x.pow(n))
    }

    fn sin(&self) -> Exact {
        self.only(0, 0)
    }

    fn cos(&self) -> Exact {
        self.only(0, 1)
    }

    fn tan(&self) -> Exact {
        self.only(0, 0)
    }

    fn asin(&self) -> Exact {
        self.only(0, 0)
    }

    fn acos(&self) -> Exact {
        self.only(1, 0)
    }

    fn atan(&self) -> Exact {
        self.only(0, 0)
    }

    /// 0 on the positive x axis; nothing at the origin, which has no angle.
    fn atan2(&self, x: &Exact) -> Exact {
        if *x > Exact::zero() { self.only(0, 0) } else { Exact(None) }
    }

    fn sinh(&self) -> Exact {
        self.only(0, 0)
    }

    fn cosh(&self) -> Exact {
        self.only(0, 1)
    }

    fn tanh(&self) -> Exact {
        self.only(0, 0)
    }

    fn erf(&self) -> Exact {
        self.only(0, 0)
    }

    /// 0 at 1 and 2, where Γ is 1.
    fn lgamma(&self) -> Exact {
        Exact((self.is(1) || self.is(2)).then_some(Rational::ZERO))
    }

    fn digamma(&self) -> Exact {
        Exact(None)
    }

    fn polygamma(&self, _n: u32) -> Exact {
        Exact(None)
    }

    fn abs(&self) -> Exact {
        self.map(|x| Some(x.abs()))
    }

    fn floor(&self) -> Exact {
        self.map(|x| Some(x.floor()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(num: i64, den: i64) -> Exact {
        Rational::new(num, den).into()
    }

    #[test]
    fn functions_answer_at_their_rational_points() {
        let (zero, one) = (Exact::zero(), Exact::one());
        for value in [zero.exp(), zero.cos(), zero.cosh(), one.sqrt(), zero.pow(&zero), one.pow(&q(1, 7))] {
            assert_eq!(value, one);
        }
        for value in
            [one.ln(), zero.sin(), zero.atan(), zero.tanh(), zero.erf(), one.lgamma(), q(2, 1).lgamma()]
        {
            assert_eq!(value, zero);
        }
        assert_eq!(q(4, 9).sqrt(), q(2, 3));
        assert_eq!(q(-8, 27).cbrt(), q(-2, 3));
        assert_eq!(q(4, 9).pow(&q(-3, 2)), q(27, 8));
        assert_eq!(q(-2, 1).pow(&q(-3, 1)), q(-1, 8));
        assert_eq!(q(-7, 2).floor(), q(-4, 1));
        assert_eq!(Exact::from_f64(0.1), q(1, 10));
    }

    #[test]
    fn what_is_not_rational_is_absorbing_and_unordered() {
        let (zero, one, none) = (Exact::zero(), Exact::one(), Exact::nan());
        for value in [
            one.exp(),
            zero.ln(),
            zero.recip(),
            one.clone() / &zero,
            q(2, 1).sqrt(),
            q(-1, 1).sqrt(),
            q(-8, 1).pow(&q(1, 3)),
            zero.pow(&q(-1, 1)),
            none.clone() * &zero,
            none.powi(0),
            one.pow(&none),
            none.pow(&zero),
            Exact::pi(),
            Exact::from_f64(f64::NAN),
        ] {
            assert!(value.is_nan(), "{value}");
        }
        assert!(none != none.clone() && none.partial_cmp(&zero).is_none());
        assert!(none.to_f64().is_nan());
    }

    #[test]
    fn numbers_beyond_all_use_are_refused() {
        assert!(q(2, 1).powi(i32::MAX).is_nan());
        assert!(q(2, 1).pow(&q(1 << 40, 1)).is_nan());
        let mut x = q(3, 2);
        for _ in 0..64 {
            x = x.clone() * &x;
        }
        assert!(x.is_nan());
    }
}
