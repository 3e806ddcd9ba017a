//! The true values, in double-double arithmetic (about 100 bits), by series and one Newton step from the core's value.
#![allow(clippy::approx_constant, reason = "numbers written beside their neighbours and remainders")]

use std::f64::consts::{FRAC_2_PI, LOG2_E};

/// An unevaluated sum, the first part nearest to it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Dd(pub(crate) f64, pub(crate) f64);

fn two(a: f64, b: f64) -> Dd {
    let s = a + b;
    let t = s - a;
    Dd(s, (a - (s - t)) + (b - t))
}

impl std::ops::Add for Dd {
    type Output = Dd;
    fn add(self, b: Dd) -> Dd {
        let (s, t) = (two(self.0, b.0), two(self.1, b.1));
        let u = two(s.0, s.1 + t.0);
        two(u.0, u.1 + t.1)
    }
}
impl std::ops::Neg for Dd {
    type Output = Dd;
    fn neg(self) -> Dd {
        Dd(-self.0, -self.1)
    }
}
impl std::ops::Sub for Dd {
    type Output = Dd;
    fn sub(self, b: Dd) -> Dd {
        self + -b
    }
}
impl std::ops::Mul for Dd {
    type Output = Dd;
    fn mul(self, b: Dd) -> Dd {
        let p = self.0 * b.0;
        two(p, self.0.mul_add(b.0, -p) + (self.0 * b.1 + self.1 * b.0))
    }
}
impl std::ops::Div for Dd {
    type Output = Dd;
    fn div(self, b: Dd) -> Dd {
        let q = self.0 / b.0;
        let rest = self - b * of(q);
        let q2 = rest.0 / b.0;
        let rest = rest - b * of(q2);
        two(q, q2) + of(rest.0 / b.0)
    }
}

pub(crate) fn of(x: f64) -> Dd {
    Dd(x, 0.0)
}

const LN2: [f64; 3] = [0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34];
const HALF_PI: [f64; 4] =
    [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33, 5.562271104316826e-50];
const ONE: Dd = Dd(1.0, 0.0);

fn scaled(x: Dd, by: f64) -> Dd {
    Dd(x.0 * by, x.1 * by)
}

/// `exp x − 1` relative to its size for `|x| < 0.35`: a series at `x/64`, then doubled six times.
fn small_expm1(x: Dd) -> Dd {
    let x = scaled(x, 1.0 / 64.0);
    let mut sum = ONE;
    for n in (2..=14).rev() {
        sum = ONE + sum * x / of(f64::from(n));
    }
    let mut e = sum * x;
    for _ in 0..6 {
        e = e * (of(2.0) + e);
    }
    e
}

/// `exp x = (1 + e) 2^k`.
fn exp_parts(x: Dd) -> (Dd, i32) {
    let k = (x.0 * LOG2_E).round();
    let r = LN2.iter().fold(x, |r, &part| r - of(k) * of(part));
    (small_expm1(r), k as i32)
}

/// `x 2^k` where the result is normal.
fn power2(k: i32) -> f64 {
    2f64.powi(k)
}

/// `exp x`, kept apart from its power of two, so that no result is rounded.
pub(crate) fn exp_split(x: Dd) -> (Dd, i32) {
    let (e, k) = exp_parts(x);
    (ONE + e, k)
}

pub(crate) fn exp(x: Dd) -> Dd {
    let (e, k) = exp_split(x);
    scaled(scaled(e, power2(k / 2)), power2(k - k / 2))
}

pub(crate) fn expm1(x: Dd) -> Dd {
    let (e, k) = exp_parts(x);
    if k == 0 { e } else { exp(x) - ONE }
}

pub(crate) fn log1p(x: Dd) -> Dd {
    let y = of(libm::log1p(x.0));
    let e = expm1(-y);
    y + (x + e + x * e)
}

pub(crate) fn log(x: f64) -> Dd {
    let y = of(libm::log(x));
    let (e, k) = exp_split(-y);
    y + (of(x * power2(k / 2) * power2(k - k / 2)) * e - ONE)
}

/// Sine and cosine.
pub(crate) fn sincos(x: Dd) -> (Dd, Dd) {
    let k = (x.0 * FRAC_2_PI).round();
    let r = HALF_PI.iter().fold(x, |r, &part| r - of(k) * of(part));
    let z = r * r;
    let series = |from: i32| {
        (0..13).rev().fold(ONE, |s, n| {
            let d = f64::from((2 * n + from + 1) * (2 * n + from + 2));
            ONE - s * z / of(d)
        })
    };
    let (s, c) = (r * series(1), series(0));
    match (k as i64).rem_euclid(4) {
        0 => (s, c),
        1 => (c, -s),
        2 => (-s, -c),
        _ => (-c, s),
    }
}

pub(crate) fn atan2(a: Dd, b: Dd) -> Dd {
    let y = of(libm::atan2(a.0, b.0));
    let (s, c) = sincos(y);
    y + (a * c - b * s) / (a * s + b * c)
}

pub(crate) fn asin(x: f64) -> Dd {
    let y = of(libm::asin(x));
    let (s, c) = sincos(y);
    y + (of(x) - s) / c
}

pub(crate) fn acos(x: f64) -> Dd {
    let y = of(libm::acos(x));
    let (s, c) = sincos(y);
    y + (c - of(x)) / s
}

pub(crate) fn sinh(x: f64) -> Dd {
    let e = expm1(of(x));
    scaled(e + e / (e + ONE), 0.5)
}

pub(crate) fn cosh(x: f64) -> Dd {
    let e = exp(of(x));
    scaled(e + ONE / e, 0.5)
}

pub(crate) fn tanh(x: f64) -> Dd {
    let e = expm1(of(2.0 * x));
    e / (e + of(2.0))
}

pub(crate) fn asinh(x: f64) -> Dd {
    let y = libm::asinh(x);
    of(y) + (of(x) - sinh(y)) / cosh(y)
}

pub(crate) fn sigmoid(x: f64) -> Dd {
    ONE / (ONE + exp(of(-x)))
}

pub(crate) fn softplus(x: f64) -> Dd {
    of(x.max(0.0)) + log1p(exp(of(-x.abs())))
}

/// `2/√π exp(−x²) Σ 2ⁿ x^(2n+1)/(2n+1)!!`: all terms are positive.
pub(crate) fn erf(x: f64) -> Dd {
    let z = of(x) * of(x);
    let (mut term, mut sum, mut n) = (of(x), of(x), 0.0);
    while term.0.abs() > 1e-34 * sum.0.abs() {
        n += 1.0;
        term = term * scaled(z, 2.0) / of(2.0 * n + 1.0);
        sum = sum + term;
    }
    Dd(1.1283791670955126, 1.533545961316588e-17) * exp(-z) * sum
}

pub(crate) fn cbrt(x: f64) -> Dd {
    let y = of(libm::cbrt(x));
    y + (of(x) - y * y * y) / scaled(y * y, 3.0)
}

pub(crate) fn pow(a: f64, b: f64) -> Dd {
    exp(log(a) * of(b))
}
