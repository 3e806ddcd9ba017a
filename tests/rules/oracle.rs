//! The oracle: the slow evaluator run on the numbers of num-dual, whose rules of differentiation are not ours.
//!
//! `f(x + ε) = f(x) + f'(x) ε` with a dual number, `f''` with a hyper-dual one. The error function and the gamma
//! family, which num-dual lacks, are Taylor polynomials with recorded coefficients (see `data/make_special.py`).

use chainrule_core::rational::Rational;
use chainrule_core::scalar::Scalar;
use num_dual::{Dual64, DualNum, HyperDual64};
use std::cmp::Ordering;
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of num-dual.
pub(crate) trait Number: DualNum<Primitive = f64> + Copy + Debug + Send + Sync + 'static {
    /// The number itself, without its derivatives.
    fn real(&self) -> f64;
}

impl Number for Dual64 {
    fn real(&self) -> f64 {
        self.re
    }
}

impl Number for HyperDual64 {
    fn real(&self) -> f64 {
        self.re
    }
}

/// A number of num-dual as a scalar of the slow evaluator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oracle<D>(pub(crate) D);

impl<D: Number> PartialEq for Oracle<D> {
    fn eq(&self, other: &Oracle<D>) -> bool {
        self.0.real() == other.0.real()
    }
}

impl<D: Number> PartialOrd for Oracle<D> {
    fn partial_cmp(&self, other: &Oracle<D>) -> Option<Ordering> {
        self.0.real().partial_cmp(&other.0.real())
    }
}

impl<D: Number> Neg for Oracle<D> {
    type Output = Oracle<D>;
    fn neg(self) -> Oracle<D> {
        Oracle(-self.0)
    }
}

macro_rules! operators {
    ($($Op:ident $op:ident;)*) => {
        $(
            impl<D: Number> $Op for Oracle<D> {
                type Output = Oracle<D>;
                fn $op(self, other: Oracle<D>) -> Oracle<D> {
                    Oracle(self.0.$op(other.0))
                }
            }

            impl<D: Number> $Op<&Oracle<D>> for Oracle<D> {
                type Output = Oracle<D>;
                fn $op(self, other: &Oracle<D>) -> Oracle<D> {
                    Oracle(self.0.$op(other.0))
                }
            }
        )*
    };
}

operators! { Add add; Sub sub; Mul mul; Div div; }

macro_rules! forwarded {
    ($($ours:ident = $theirs:ident),*) => {
        $( fn $ours(&self) -> Self { Oracle(self.0.$theirs()) } )*
    };
}

impl<D: Number> Scalar for Oracle<D> {
    const EXACT: bool = false;

    fn epsilon() -> f64 {
        f64::EPSILON
    }

    fn from_rational(x: &Rational) -> Self {
        Oracle(D::from(<f64 as Scalar>::from_rational(x)))
    }

    fn from_f64(x: f64) -> Self {
        Oracle(D::from(x))
    }

    fn nan() -> Self {
        Oracle(D::from(f64::NAN))
    }

    fn pi() -> Self {
        Oracle(D::from(std::f64::consts::PI))
    }

    fn e() -> Self {
        Oracle(D::from(std::f64::consts::E))
    }

    fn to_f64(&self) -> f64 {
        self.0.real()
    }

    fn is_nan(&self) -> bool {
        self.0.real().is_nan()
    }

    /// Never: an entry that is 0 may still move.
    fn is_zero(&self) -> bool {
        false
    }

    forwarded! {
        exp = exp, expm1 = exp_m1, ln = ln, ln_1p = ln_1p, sqrt = sqrt, cbrt = cbrt, sin = sin, cos = cos,
        tan = tan, asin = asin, acos = acos, atan = atan, sinh = sinh, cosh = cosh, tanh = tanh, recip = recip
    }

    fn pow(&self, y: &Self) -> Self {
        Oracle(self.0.powd(y.0))
    }

    fn atan2(&self, x: &Self) -> Self {
        Oracle(DualNum::atan2(&self.0, x.0))
    }

    fn erf(&self) -> Self {
        Oracle(recorded("erf", 0, self.0))
    }

    fn lgamma(&self) -> Self {
        Oracle(recorded("lgamma", 0, self.0))
    }

    fn digamma(&self) -> Self {
        self.polygamma(0)
    }

    fn polygamma(&self, n: u32) -> Self {
        Oracle(recorded("polygamma", n, self.0))
    }

    fn abs(&self) -> Self {
        if self.0.real() < 0.0 { -*self } else { *self }
    }

    fn floor(&self) -> Self {
        Oracle(D::from(self.0.real().floor()))
    }
}

/// `f(x) + f'(x) ε + f''(x) ε²/2` with the recorded values nearest to the point, which must be that point.
fn recorded<D: Number>(name: &str, order: u32, x: D) -> D {
    let at = x.real();
    let [f, slope, bend] = find(name, order, at)
        .unwrap_or_else(|| panic!("data/special.txt has no {name} of order {order} at {at:?}"));
    let step = x - D::from(at);
    D::from(f) + step * (D::from(slope) + step * D::from(bend / 2.0))
}

/// Value and two derivatives recorded for a point (within two units of its last place).
pub(crate) fn find(name: &str, order: u32, at: f64) -> Option<[f64; 3]> {
    let number = |text: &str| text.parse::<f64>().expect("data/special.txt holds numbers");
    include_str!("data/special.txt").lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let here = words[0] == name && words[1] == order.to_string();
        let near = (number(words[3]) - at).abs() <= 2.0 * f64::EPSILON * at.abs();
        (here && near).then(|| [number(words[4]), number(words[5]), number(words[6])])
    })
}
