//! Elementary functions of balls: argument reduction, then a series in fixed point with a stated error.

use super::{Ball, Parts, precision, sign};
use chainrule_core::scalar::Scalar;
use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Bits after the point of a fixed-point computation.
fn places() -> u32 {
    precision() + 48
}

/// Each fixed-point series below makes fewer than this many rounding errors of one unit.
const UNITS: u32 = 1 << 14;

fn fixed(p: &Parts, places: u32) -> BigInt {
    super::shifted(&p.m, p.e + i64::from(places))
}

fn ball(m: BigInt, places: u32) -> Ball {
    Parts { m, r: BigInt::from(UNITS), e: -i64::from(places) }.rounded()
}

/// The ball of the middle alone.
fn middle(p: &Parts) -> Parts {
    Parts { r: BigInt::zero(), ..p.clone() }
}

/// The radius as a ball.
fn radius(p: &Parts) -> Ball {
    Ball(Some(Parts { m: p.r.clone(), r: BigInt::zero(), e: p.e }))
}

/// Position of the leading bit; the number is below `2^magnitude`.
fn magnitude(p: &Parts) -> i64 {
    p.m.bits() as i64 + p.e
}

/// `Σ x^(2k+1) / (2k+1)` for `x = 1/n`, alternating or not.
fn inverse_series(n: u32, alternating: bool, places: u32) -> BigInt {
    let square = BigInt::from(n) * n;
    let mut power = (BigInt::one() << places) / n;
    let mut sum = power.clone();
    let mut k = 1u32;
    while !power.is_zero() {
        power /= &square;
        let term = &power / (2 * k + 1);
        if alternating && k % 2 == 1 {
            sum -= term;
        } else {
            sum += term;
        }
        k += 1;
    }
    sum
}

fn pi_fixed(places: u32) -> BigInt {
    // Machin: π = 16 atan(1/5) − 4 atan(1/239)
    inverse_series(5, true, places) * 16 - inverse_series(239, true, places) * 4
}

fn ln2_fixed(places: u32) -> BigInt {
    inverse_series(3, false, places) * 2
}

pub(super) fn pi() -> Ball {
    ball(pi_fixed(places()), places())
}

pub(super) fn exp(x: &Ball) -> Ball {
    x.lift(|p| {
        if magnitude(p) > 30 {
            return Ball(None);
        }
        if Scalar::is_zero(x) {
            return Ball::int(1);
        }
        let middle = exp_middle(&middle(p));
        // |exp(x) − exp(m)| <= exp(m) (exp(r) − 1) <= exp(m) 2r for r <= 1
        if p.r.is_zero() {
            return middle;
        }
        let r = radius(p);
        if r > Ball::int(1) {
            return Ball(None);
        }
        let spread = middle.clone() * (r.clone() + r);
        middle.widened(&spread)
    })
}

fn exp_middle(p: &Parts) -> Ball {
    // Bits of the whole part come on top, so that the remainder keeps full accuracy.
    let places = places() + magnitude(p).max(0) as u32;
    let x = fixed(p, places);
    let ln2 = ln2_fixed(places);
    let n = &x / &ln2;
    let t = x - &n * &ln2;
    // exp(t) = exp(t / 2^8)^(2^8)
    let t = t >> 8;
    let one = BigInt::one() << places;
    let (mut term, mut sum, mut k) = (one.clone(), one, 1u32);
    while !term.is_zero() && k < 10_000 {
        term = ((term * &t) >> places) / k;
        sum += &term;
        k += 1;
    }
    for _ in 0..8 {
        sum = (&sum * &sum) >> places;
    }
    // Squaring eight times multiplies the error of the sum by at most 2^9.
    let e = n.to_i64().unwrap_or(0) - i64::from(places);
    Parts { m: sum, r: BigInt::from(UNITS) << 12, e }.rounded()
}

pub(super) fn ln(x: &Ball) -> Ball {
    x.lift(|p| {
        if p.m.is_negative() || p.meets_zero() {
            return Ball(None);
        }
        let places = places() + 16;
        let n = magnitude(p);
        // m in [1/2, 1), then ln m = 2 atanh((m - 1)/(m + 1))
        let m = super::shifted(&p.m, i64::from(places) - p.m.bits() as i64);
        let one = BigInt::one() << places;
        let mut root = m;
        for _ in 0..4 {
            root = (root << places).sqrt();
        }
        let t = ((&root - &one) << places) / (&root + &one);
        let square = (&t * &t) >> places;
        let (mut power, mut sum, mut k) = (t.clone(), t, 1u32);
        while !power.is_zero() && power != -BigInt::one() {
            power = (power * &square) >> places;
            sum += &power / (2 * k + 1);
            k += 1;
        }
        let value = (sum << 5) + ln2_fixed(places) * n;
        let middle =
            Parts { m: value, r: BigInt::from(UNITS) * (n.unsigned_abs() + 1), e: -i64::from(places) }
                .rounded();
        if p.r.is_zero() {
            return middle;
        }
        // |ln(x) − ln(m)| <= r / (m − r)
        let low = Ball(Some(Parts { m: &p.m - &p.r, r: BigInt::zero(), e: p.e }));
        middle.widened(&(radius(p) / low))
    })
}

pub(super) fn sin_cos(x: &Ball) -> (Ball, Ball) {
    let Some(p) = &x.0 else { return (Ball(None), Ball(None)) };
    if magnitude(p) > 64 {
        return (Ball(None), Ball(None));
    }
    if Scalar::is_zero(x) {
        return (Ball::int(0), Ball::int(1));
    }
    let places = places() + magnitude(p).max(0) as u32;
    let half_pi = pi_fixed(places) >> 1;
    let v = fixed(&middle(p), places);
    let mut quadrant: BigInt = &v / &half_pi;
    if v.is_negative() {
        quadrant -= 1;
    }
    let t: BigInt = v - &quadrant * &half_pi;
    let square = (&t * &t) >> places;
    let one = BigInt::one() << places;
    let series = |first: BigInt, start: u32| {
        let (mut term, mut sum, mut k) = (first.clone(), first, start);
        while !term.is_zero() && k < 10_000 {
            let product: BigInt = term * &square;
            term = -(product >> places) / ((k + 1) * (k + 2));
            sum += &term;
            k += 2;
            if term == -BigInt::one() {
                break;
            }
        }
        sum
    };
    let (s, c) = (series(t.clone(), 1), series(one, 0));
    let (s, c) = match (&quadrant % BigInt::from(4)).to_i64().unwrap_or(0).rem_euclid(4) {
        0 => (s, c),
        1 => (c, -s),
        2 => (-s, -c),
        _ => (-c, s),
    };
    let with_error = |v: BigInt| {
        let units = BigInt::from(UNITS) << magnitude(p).max(0);
        Parts { m: v, r: units, e: -i64::from(places) }.rounded().widened(&radius(p))
    };
    (with_error(s), with_error(c))
}

pub(super) fn atan(x: &Ball) -> Ball {
    x.lift(|p| {
        if Scalar::is_zero(x) {
            return x.clone();
        }
        let mut t = Ball(Some(middle(p)));
        // atan(t) = 2 atan(t / (1 + sqrt(1 + t²))), six times: then |t| < 1/32
        for _ in 0..6 {
            let root = (t.clone() * &t + Ball::int(1)).sqrt();
            t = t / (root + Ball::int(1));
        }
        let Some(q) = &t.0 else { return Ball(None) };
        let places = places();
        let v = fixed(q, places);
        let square = (&v * &v) >> places;
        let (mut power, mut sum, mut k) = (v.clone(), v, 1u32);
        while power.abs() > BigInt::one() {
            power = -((power * &square) >> places);
            sum += &power / (2 * k + 1);
            k += 1;
        }
        let series = ball(sum, places).widened(&radius(q));
        series.lift(|s| Parts { e: s.e + 6, ..s.clone() }.rounded()).widened(&radius(p))
    })
}

pub(super) fn erf(x: &Ball) -> Ball {
    x.lift(|p| {
        if Scalar::is_zero(x) {
            return x.clone();
        }
        if magnitude(p) > 5 {
            // 1 − |erf| < exp(−x²) for |x| >= 16
            let tail = (-(x.clone() * x)).exp();
            return Ball::int(sign(&p.m)).widened(&tail);
        }
        // The terms of the alternating series reach exp(x²), so that many more bits are carried.
        let places = places() + 3 * (1 << (2 * magnitude(p).max(0)).min(10)) as u32;
        let v = fixed(&middle(p), places);
        let square = (&v * &v) >> places;
        let (mut power, mut sum, mut k) = (v.clone(), v, 0u32);
        while power.abs() > BigInt::one() && k < 100_000 {
            k += 1;
            power = -((power * &square) >> places) / k;
            sum += &power / (2 * k + 1);
        }
        let series = Parts {
            m: sum,
            r: BigInt::from(UNITS) << (places - super::precision() - 48).min(4096),
            e: -i64::from(places),
        };
        let series = series.rounded();
        let scale = Ball::pi().sqrt().recip();
        let value = series * (scale.clone() + scale);
        // |erf'| <= 2/√π < 2
        let r = radius(p);
        value.widened(&(r.clone() + r))
    })
}
