//! Dual numbers: a value and its tangent, the derivative along one direction.
//!
//! `(x, dx)` with `f(x, dx) = (f(x), f'(x) dx)`
//!
//! The formulas here are the derivatives written a second time, by hand and on numbers: an oracle
//! independent of the rules of the graph. Nested, `Dual<Dual<f64>>`, they give second derivatives.
//!
//! ```
//! use chainrule_core::scalar::{Dual, Scalar};
//! let x = Dual::variable(Dual::variable(2.0));
//! assert_eq!(x.powi(3).tangent.tangent, 12.0); // (x³)″ = 6x
//! ```
//!
//! Source: Griewank and Walther, Evaluating Derivatives, 2nd edition, sections 3.1 and 13.2.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Scalar;
use crate::rational::Rational;

/// A value and its tangent.
///
/// Comparisons look at the value only, so a program takes the same branch with and without tangents. A
/// tangent that [is zero](Scalar::is_zero) stays zero under every function: it is absent, never `0 * ∞`. At
/// a kink the tangent is the engine's choice: `abs` has slope 0 at 0, `floor` has slope 0 everywhere.
#[derive(Clone, Debug)]
pub struct Dual<S> {
    /// The primal value.
    pub value: S,
    /// The derivative of the value along the direction.
    pub tangent: S,
}

impl<S: Scalar> Dual<S> {
    /// A value that moves with the given tangent.
    pub fn new(value: S, tangent: S) -> Dual<S> {
        Dual { value, tangent }
    }

    /// A value that does not move.
    pub fn constant(value: S) -> Dual<S> {
        Dual { value, tangent: S::zero() }
    }

    /// The variable of differentiation: tangent 1.
    pub fn variable(value: S) -> Dual<S> {
        Dual { value, tangent: S::one() }
    }

    /// `(value, partial · dx)`
    fn chain(&self, value: S, partial: impl FnOnce() -> S) -> Dual<S> {
        Dual { value, tangent: times(&self.tangent, partial) }
    }
}

/// `partial · dx`, where an absent tangent never meets the partial.
fn times<S: Scalar>(tangent: &S, partial: impl FnOnce() -> S) -> S {
    if tangent.is_zero() { S::zero() } else { partial() * tangent }
}

fn square<S: Scalar>(x: S) -> S {
    x.clone() * x
}

fn int<S: Scalar>(n: i64) -> S {
    S::from_i64(n)
}

impl<S: Scalar> PartialEq for Dual<S> {
    fn eq(&self, y: &Dual<S>) -> bool {
        self.value == y.value
    }
}

impl<S: Scalar> PartialOrd for Dual<S> {
    fn partial_cmp(&self, y: &Dual<S>) -> Option<Ordering> {
        self.value.partial_cmp(&y.value)
    }
}

impl<S: Scalar> Neg for Dual<S> {
    type Output = Dual<S>;

    fn neg(self) -> Dual<S> {
        Dual { value: -self.value, tangent: -self.tangent }
    }
}

/// An operator as `(value, tangent)`, with the right operand by value or by reference.
macro_rules! operator {
    ($($Op:ident $op:ident: |$x:ident, $y:ident| $body:expr;)*) => {
        $(
            impl<S: Scalar> $Op<&Dual<S>> for Dual<S> {
                type Output = Dual<S>;

                fn $op(self, $y: &Dual<S>) -> Dual<S> {
                    let $x = self;
                    let (value, tangent) = $body;
                    Dual { value, tangent }
                }
            }

            impl<S: Scalar> $Op for Dual<S> {
                type Output = Dual<S>;

                fn $op(self, y: Dual<S>) -> Dual<S> {
                    self.$op(&y)
                }
            }
        )*
    };
}

operator! {
    Add add: |x, y| (x.value + &y.value, x.tangent + &y.tangent);
    Sub sub: |x, y| (x.value - &y.value, x.tangent - &y.tangent);
    Mul mul: |x, y| {
        let tangent = times(&x.tangent, || y.value.clone()) + times(&y.tangent, || x.value.clone());
        (x.value * &y.value, tangent)
    };
    Div div: |x, y| {
        let quotient = x.value / &y.value;
        let down = times(&y.tangent, || quotient.clone() / &y.value);
        let tangent = times(&x.tangent, || y.value.recip()) - down;
        (quotient, tangent)
    };
}

impl<S: Scalar> Scalar for Dual<S> {
    const EXACT: bool = S::EXACT;

    fn epsilon() -> f64 {
        S::epsilon()
    }

    fn from_rational(x: &Rational) -> Dual<S> {
        Dual::constant(S::from_rational(x))
    }

    fn from_f64(x: f64) -> Dual<S> {
        Dual::constant(S::from_f64(x))
    }

    /// NaN with a NaN tangent.
    fn nan() -> Dual<S> {
        Dual::new(S::nan(), S::nan())
    }

    fn pi() -> Dual<S> {
        Dual::constant(S::pi())
    }

    fn e() -> Dual<S> {
        Dual::constant(S::e())
    }

    fn to_f64(&self) -> f64 {
        self.value.to_f64()
    }

    /// Whether the value is NaN; the tangent alone may be, at a point without derivative.
    fn is_nan(&self) -> bool {
        self.value.is_nan()
    }

    fn is_zero(&self) -> bool {
        self.value.is_zero() && self.tangent.is_zero()
    }

    /// `-1/x²`
    fn recip(&self) -> Dual<S> {
        let y = self.value.recip();
        self.chain(y.clone(), || -square(y))
    }

    fn exp(&self) -> Dual<S> {
        let y = self.value.exp();
        self.chain(y.clone(), || y)
    }

    fn expm1(&self) -> Dual<S> {
        self.chain(self.value.expm1(), || self.value.exp())
    }

    /// `1/x`, NaN below 0 as the value is.
    fn ln(&self) -> Dual<S> {
        self.chain(self.value.ln(), || if self.value < S::zero() { S::nan() } else { self.value.recip() })
    }

    /// `1/(1+x)`, NaN below -1 as the value is.
    fn ln_1p(&self) -> Dual<S> {
        let shifted = || S::one() + &self.value;
        self.chain(self.value.ln_1p(), || if shifted() < S::zero() { S::nan() } else { shifted().recip() })
    }

    /// `1/(2√x)`
    fn sqrt(&self) -> Dual<S> {
        let y = self.value.sqrt();
        self.chain(y.clone(), || (int::<S>(2) * y).recip())
    }

    /// `1/(3y²)`
    fn cbrt(&self) -> Dual<S> {
        let y = self.value.cbrt();
        self.chain(y.clone(), || (int::<S>(3) * square(y)).recip())
    }

    /// `y x^(y-1) dx + x^y ln x dy`; the second partial is 0 where `x = 0` and `y > 0`.
    fn pow(&self, y: &Dual<S>) -> Dual<S> {
        let (x, y, dy) = (&self.value, &y.value, &y.tangent);
        let value = x.pow(y);
        let base = times(&self.tangent, || times(y, || x.pow(&(y.clone() - S::one()))));
        let exponent =
            times(dy, || if *x == S::zero() && *y > S::zero() { S::zero() } else { x.ln() * &value });
        Dual { value, tangent: base + exponent }
    }

    /// `n xⁿ⁻¹`, and 0 for n = 0 also at x = 0.
    fn powi(&self, n: i32) -> Dual<S> {
        let lower = || match n.checked_sub(1) {
            Some(lower) => self.value.powi(lower),
            None => self.value.powi(n) / &self.value,
        };
        self.chain(self.value.powi(n), || if n == 0 { S::zero() } else { int::<S>(n.into()) * lower() })
    }

    fn sin(&self) -> Dual<S> {
        self.chain(self.value.sin(), || self.value.cos())
    }

    fn cos(&self) -> Dual<S> {
        self.chain(self.value.cos(), || -self.value.sin())
    }

    /// `1 + y²`
    fn tan(&self) -> Dual<S> {
        let y = self.value.tan();
        self.chain(y.clone(), || S::one() + square(y))
    }

    /// `1/√(1-x²)`
    fn asin(&self) -> Dual<S> {
        self.chain(self.value.asin(), || cofunction(&self.value).recip())
    }

    /// `-1/√(1-x²)`
    fn acos(&self) -> Dual<S> {
        self.chain(self.value.acos(), || -cofunction(&self.value).recip())
    }

    /// `1/(1+x²)`
    fn atan(&self) -> Dual<S> {
        self.chain(self.value.atan(), || (S::one() + square(self.value.clone())).recip())
    }

    /// `(x dy - y dx)/(x² + y²)`, with y this number.
    fn atan2(&self, x: &Dual<S>) -> Dual<S> {
        let (y, x, dx) = (&self.value, &x.value, &x.tangent);
        let over = |z: &S| z.clone() / (square(x.clone()) + square(y.clone()));
        let tangent = times(&self.tangent, || over(x)) - times(dx, || over(y));
        Dual { value: y.atan2(x), tangent }
    }

    fn sinh(&self) -> Dual<S> {
        self.chain(self.value.sinh(), || self.value.cosh())
    }

    fn cosh(&self) -> Dual<S> {
        self.chain(self.value.cosh(), || self.value.sinh())
    }

    /// `1/cosh² x`, which keeps its digits where `1 - y²` has lost them.
    fn tanh(&self) -> Dual<S> {
        self.chain(self.value.tanh(), || square(self.value.cosh().recip()))
    }

    /// `2/√π exp(-x²)`
    fn erf(&self) -> Dual<S> {
        let slope = || int::<S>(2) / S::pi().sqrt() * (-square(self.value.clone())).exp();
        self.chain(self.value.erf(), slope)
    }

    fn lgamma(&self) -> Dual<S> {
        self.chain(self.value.lgamma(), || self.value.digamma())
    }

    fn digamma(&self) -> Dual<S> {
        self.polygamma(0)
    }

    fn polygamma(&self, n: u32) -> Dual<S> {
        self.chain(self.value.polygamma(n), || self.value.polygamma(n.saturating_add(1)))
    }

    /// The sign of x, and 0 at 0.
    fn abs(&self) -> Dual<S> {
        let sign = || match self.value.partial_cmp(&S::zero()) {
            Some(order) => int(order as i64),
            None => S::nan(),
        };
        self.chain(self.value.abs(), sign)
    }

    fn floor(&self) -> Dual<S> {
        Dual::constant(self.value.floor())
    }
}

/// `√(1-x²)`, as a product so that no digit is lost near ±1.
fn cofunction<S: Scalar>(x: &S) -> S {
    ((S::one() - x) * (S::one() + x)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::Exact;
    use super::*;

    /// A scalar function at every scalar type this test needs.
    struct Case {
        name: &'static str,
        at: &'static [f64],
        plain: fn(f64) -> f64,
        once: fn(Dual<f64>) -> Dual<f64>,
        twice: fn(Dual<Dual<f64>>) -> Dual<Dual<f64>>,
    }

    macro_rules! cases {
        ($($name:ident: |$x:ident| $body:expr, $at:expr;)*) => {
            vec![$({
                fn $name<S: Scalar>($x: S) -> S {
                    $body
                }
                Case { name: stringify!($name), at: &$at, plain: $name, once: $name, twice: $name }
            }),*]
        };
    }

    fn cases() -> Vec<Case> {
        cases! {
            recip: |x| x.recip(), [-2.0, 0.5];
            quotient: |x| x.sin() / (x.clone() * &x + S::one()), [-1.2, 0.4];
            exp: |x| x.exp(), [-1.0, 2.0];
            expm1: |x| x.expm1(), [-1.0, 2.0];
            ln: |x| x.ln(), [0.3, 5.0];
            ln_1p: |x| x.ln_1p(), [-0.5, 3.0];
            sqrt: |x| x.sqrt(), [0.3, 5.0];
            cbrt: |x| x.cbrt(), [-2.0, 5.0];
            power: |x| x.pow(&x), [0.5, 2.5];
            whole_power: |x| x.pow(&S::from_i64(3)), [-1.5, 2.5];
            exponential: |x| S::from_i64(2).pow(&x), [-1.5, 2.5];
            powi: |x| x.powi(-3), [-1.5, 2.5];
            sin: |x| x.sin(), [-1.0, 2.0];
            cos: |x| x.cos(), [-1.0, 2.0];
            tan: |x| x.tan(), [-1.0, 0.3];
            asin: |x| x.asin(), [-0.7, 0.3];
            acos: |x| x.acos(), [-0.7, 0.3];
            atan: |x| x.atan(), [-2.0, 0.3];
            atan2: |x| x.atan2(&(x.cos() - S::from_i64(2))), [-2.0, 0.3];
            sinh: |x| x.sinh(), [-1.0, 2.0];
            cosh: |x| x.cosh(), [-1.0, 2.0];
            tanh: |x| x.tanh(), [-1.0, 2.0];
            erf: |x| x.erf(), [-1.0, 0.4];
            lgamma: |x| x.lgamma(), [-1.3, 0.4, 4.0];
            digamma: |x| x.digamma(), [-1.3, 0.4, 4.0];
            polygamma: |x| x.polygamma(2), [-1.3, 0.4, 4.0];
            abs: |x| x.abs() * &x, [-2.0, 3.0];
        }
    }

    /// Central difference with one Richardson step: error about h⁴.
    fn difference(f: impl Fn(f64) -> f64, x: f64) -> f64 {
        let slope = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
        (4.0 * slope(5e-4) - slope(1e-3)) / 3.0
    }

    #[test]
    fn tangents_agree_with_differences_to_second_order() {
        for Case { name, at, plain, once, twice } in cases() {
            for &x in at {
                let first = once(Dual::variable(x)).tangent;
                let expected = difference(plain, x);
                assert!(
                    (first - expected).abs() <= 1e-8 * (1.0 + expected.abs()),
                    "{name}'({x}): {first}, {expected}"
                );
                let second = twice(Dual::variable(Dual::variable(x))).tangent.tangent;
                let expected = difference(|x| once(Dual::variable(x)).tangent, x);
                assert!(
                    (second - expected).abs() <= 1e-7 * (1.0 + expected.abs()),
                    "{name}''({x}): {second}, {expected}"
                );
            }
        }
    }

    #[test]
    fn an_absent_tangent_never_meets_an_infinite_partial() {
        let zero = Dual::constant(0.0);
        assert_eq!(zero.sqrt().tangent, 0.0);
        assert_eq!(zero.ln().tangent, 0.0);
        assert_eq!(Dual::variable(-1.0).pow(&Dual::constant(2.0)).tangent, -2.0);
        assert_eq!(Dual::variable(0.0).pow(&Dual::constant(0.0)).tangent, 0.0);
        assert_eq!(Dual::constant(0.0).pow(&Dual::variable(2.0)).tangent, 0.0);
        assert_eq!((Dual::variable(f64::INFINITY) * Dual::constant(2.0)).tangent, 2.0);
    }

    #[test]
    fn kinks_and_domains_answer_as_stated() {
        assert_eq!(Dual::variable(0.0).abs().tangent, 0.0);
        assert_eq!(Dual::variable(-3.0).abs().tangent, -1.0);
        assert!(Dual::variable(f64::NAN).abs().tangent.is_nan());
        assert!(Dual::variable(-1.0).ln().tangent.is_nan());
        assert_eq!(Dual::variable(2.7).floor().tangent, 0.0);
        assert!(Dual::new(1.0, 5.0) == Dual::new(1.0, -5.0));
        assert!(!Dual::new(0.0, 1.0).is_zero());
    }

    #[test]
    fn exact_tangents_outlive_irrational_values() {
        let y = Dual::variable(Exact::from_i64(3)).ln();
        assert!(y.value.is_nan());
        assert_eq!(y.tangent, Exact::from_f64(1.0) / Exact::from_i64(3));
    }
}
