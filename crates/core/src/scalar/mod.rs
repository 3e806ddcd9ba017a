//! The scalar of an evaluation: one number type and its elementary functions.
//!
//! The slow evaluator is written once over [`Scalar`]; which scalar it runs on decides what it answers.
//!
//! | scalar | answers |
//! |---|---|
//! | `f64`, `f32` | floating point, the same bits on every machine |
//! | [`Exact`] | a rational number, or "not rational here" |
//! | [`Dual`] | value and directional derivative of any of these |
//!
//! ```
//! use chainrule_core::scalar::{Dual, Exact, Scalar};
//! fn f<S: Scalar>(x: S) -> S {
//!     x.sqrt() + x.powi(2)
//! }
//! assert_eq!(f(4.0), 18.0);
//! assert_eq!(f(Exact::from_i64(4)), Exact::from_i64(18));
//! assert_eq!(f(Dual::variable(4.0)).tangent, 8.25); // 1/(2√x) + 2x
//! ```
//!
//! Only a new elementary function, one that is no composition of these, adds a method here.

mod dual;
mod exact;
mod float;
pub mod matrix;
pub mod special;

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

pub use dual::Dual;
pub use exact::Exact;

use crate::rational::Rational;

/// A number type with the elementary functions of the primitives.
///
/// # NaN
/// Outside its domain a function answers [`Scalar::nan`], and NaN propagates through every function and
/// operator, also where IEEE 754 drops it: `NaN^0` is NaN. NaN is unordered, so every comparison with it is
/// false. [`Exact`] has "not rational here" in its place.
///
/// # Signed zeros and infinities
/// Follow IEEE 754 in the floats: `1/-0 = -∞`, `atan(-0) = -0`. [`Exact`] has neither.
pub trait Scalar:
    Clone
    + PartialOrd
    + Debug
    + Send
    + Sync
    + 'static
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + for<'a> Add<&'a Self, Output = Self>
    + for<'a> Sub<&'a Self, Output = Self>
    + for<'a> Mul<&'a Self, Output = Self>
    + for<'a> Div<&'a Self, Output = Self>
{
    /// Whether arithmetic makes no rounding error, so that `==` decides equality of the real numbers.
    const EXACT: bool;

    /// Distance from 1 to the next number above it; 0 where arithmetic is exact.
    fn epsilon() -> f64;

    /// The nearest number to an exact coefficient, rounded once.
    fn from_rational(x: &Rational) -> Self;

    /// The number nearest to `x`. [`Exact`] takes the shortest decimal of `x`, so 0.1 becomes 1/10.
    fn from_f64(x: f64) -> Self;

    /// The number nearest to `n`.
    fn from_i64(n: i64) -> Self {
        Self::from_rational(&Rational::from(n))
    }

    /// 0
    fn zero() -> Self {
        Self::from_i64(0)
    }

    /// 1
    fn one() -> Self {
        Self::from_i64(1)
    }

    /// Not a number: the answer where there is none. Unequal to everything, itself included.
    fn nan() -> Self;

    /// The circle constant π.
    fn pi() -> Self;

    /// The base e of the natural logarithm.
    fn e() -> Self;

    /// The value as `f64`, NaN where it is NaN.
    fn to_f64(&self) -> f64;

    /// Whether the value is NaN.
    fn is_nan(&self) -> bool;

    /// Whether this is 0 and nothing but 0: a [`Dual`] must have tangent 0 as well.
    fn is_zero(&self) -> bool {
        *self == Self::zero()
    }

    /// `1/x`
    fn recip(&self) -> Self {
        Self::one() / self
    }

    /// `e^x`
    fn exp(&self) -> Self;
    /// `e^x - 1`, accurate near 0.
    fn expm1(&self) -> Self;
    /// Natural logarithm; `ln 0 = -∞`, NaN below.
    fn ln(&self) -> Self;
    /// `ln(1 + x)`, accurate near 0.
    fn ln_1p(&self) -> Self;
    /// Square root, NaN below 0.
    fn sqrt(&self) -> Self;
    /// Real cube root, of negative numbers too.
    fn cbrt(&self) -> Self;
    /// `x^y`, NaN where `x < 0` and `y` is no integer.
    fn pow(&self, y: &Self) -> Self;
    /// Sine.
    fn sin(&self) -> Self;
    /// Cosine.
    fn cos(&self) -> Self;
    /// Tangent.
    fn tan(&self) -> Self;
    /// Inverse sine on `[-1, 1]`.
    fn asin(&self) -> Self;
    /// Inverse cosine on `[-1, 1]`.
    fn acos(&self) -> Self;
    /// Inverse tangent.
    fn atan(&self) -> Self;
    /// Angle of the point `(x, self)`, in `[-π, π]`.
    fn atan2(&self, x: &Self) -> Self;
    /// Hyperbolic sine.
    fn sinh(&self) -> Self;
    /// Hyperbolic cosine.
    fn cosh(&self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(&self) -> Self;
    /// Inverse hyperbolic sine, odd; accurate near 0 and at both ends.
    fn asinh(&self) -> Self {
        let x = self.abs();
        let tail = x.clone() * &x / (Self::one() + (x.clone() * &x + Self::one()).sqrt());
        let y = if x > Self::from_f64(1e8) { x.ln() + Self::from_i64(2).ln() } else { (x + tail).ln_1p() };
        if *self < Self::zero() { -y } else { y }
    }
    /// Error function `2/√π ∫₀ˣ exp(-t²) dt`.
    fn erf(&self) -> Self;
    /// `ln |Γ(x)|`; `+∞` at the poles 0, -1, -2, …
    fn lgamma(&self) -> Self;
    /// `ψ(x) = d/dx ln |Γ(x)|`; poles as in [`special::digamma`].
    fn digamma(&self) -> Self;
    /// The `n`-th derivative of ψ, with [`Scalar::digamma`] at `n = 0`; poles as in [`special::polygamma`].
    fn polygamma(&self, n: u32) -> Self;
    /// `|x|`
    fn abs(&self) -> Self;
    /// The largest integer not above `x`.
    fn floor(&self) -> Self;

    /// `x^n` by repeated squaring, in about `2 log2 n` products; `x^0` is 1 unless `x` is NaN.
    ///
    /// A negative power is the reciprocal of the positive one, so it is 0 where that one overflows.
    fn powi(&self, n: i32) -> Self {
        if self.is_nan() {
            return Self::nan();
        }
        let (mut square, mut power, mut rest) = (self.clone(), Self::one(), n.unsigned_abs());
        while rest > 0 {
            if rest & 1 == 1 {
                power = power * &square;
            }
            rest >>= 1;
            if rest > 0 {
                square = square.clone() * &square;
            }
        }
        if n < 0 { power.recip() } else { power }
    }
}
