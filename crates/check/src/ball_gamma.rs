//! The gamma function's logarithm and its derivatives, of balls: shifted to where Stirling's series is sharp.
//!
//! `ln Γ(z) = (z - ½) ln z - z + ½ ln 2π + Σ B₂ₖ / (2k (2k-1) z^(2k-1))`, and its derivatives term by term. For real
//! `z > 0` the error after any term has the sign of the first term left out and is smaller, so that this term is the
//! radius; `Γ(x + 1) = x Γ(x)` brings every argument there.
//!
//! Sources: Abramowitz and Stegun, Handbook of Mathematical Functions, 6.1.41, 6.3.18, 6.4.11 (series and remainder),
//! 6.3.5, 6.4.6 (recurrence); Brent and Harvey, Fast computation of Bernoulli, tangent and secant numbers, 2011.

use super::{Ball, PRECISION, Parts, precision};
use chainrule_core::rational::Rational;
use chainrule_core::scalar::Scalar;
use num_bigint::BigInt;
use num_traits::{One, Zero};
use std::sync::OnceLock;

/// Terms of the series that are ever used; 1200 bits need fewer.
const TERMS: usize = 256;

/// An argument that lies further from the series has no value here.
const SHIFTS: f64 = 5_000.0;

/// Bits that cancel between the terms of the series and the shift.
const GUARD: u32 = 64;

/// The tangent numbers `T₁ = 1, T₂ = 2, T₃ = 16, …`
fn tangent_numbers() -> &'static [BigInt] {
    static NUMBERS: OnceLock<Vec<BigInt>> = OnceLock::new();
    NUMBERS.get_or_init(|| {
        let mut t = vec![BigInt::one(); TERMS];
        for k in 1..TERMS {
            t[k] = &t[k - 1] * k;
        }
        for k in 1..TERMS {
            for j in k..TERMS {
                t[j] = &t[j - 1] * (j - k) + &t[j] * (j - k + 2);
            }
        }
        t
    })
}

/// `B₂ₖ = (-1)^(k-1) 2k Tₖ / (4^k (4^k - 1))`, for `k` from 1.
fn bernoulli(k: usize) -> Rational {
    let power = BigInt::one() << (2 * k);
    let num = &tangent_numbers()[k - 1] * (2 * k) * if k % 2 == 1 { 1 } else { -1 };
    quotient(num, &power * (&power - 1))
}

fn quotient(num: BigInt, den: BigInt) -> Rational {
    Rational::from_big(num, den).expect("invariant: the denominator is not 0")
}

/// `n (n+1) … m`, or 1 where the range is empty.
fn rising(n: usize, m: usize) -> BigInt {
    (n..=m).fold(BigInt::one(), |p, k| p * k)
}

/// Where the leading bit stands; far below everything for 0.
fn leading(x: &Ball) -> i64 {
    x.0.as_ref().map_or(i64::MIN / 2, |p| match p.m.is_zero() {
        true => i64::MIN / 2,
        false => p.m.bits() as i64 + p.e,
    })
}

/// `start + Σ terms`, up to the first term that the precision does not see, which becomes the radius.
fn series(start: Ball, mut term: impl FnMut(usize) -> Ball) -> Ball {
    let mut sum = start;
    let mut left = term(1);
    for k in 2..=TERMS {
        if leading(&left) < leading(&sum).max(0) - i64::from(precision()) {
            break;
        }
        sum = sum + &left;
        left = term(k);
    }
    sum.widened(&left)
}

/// Computed with guard bits at `x + n`, where the series is sharp, with what the shift by `n` takes away.
fn shifted(x: &Ball, order: u32, far: impl Fn(&Ball) -> Ball, near: impl Fn(&[Ball]) -> Ball) -> Ball {
    let Some((middle, radius)) = x.float() else { return Ball(None) };
    let bits = precision();
    let least = f64::from(bits + GUARD) / 5.0 + 10.0 + f64::from(order);
    let count = (least - (middle - radius)).ceil().max(0.0);
    if count.is_nan() || count > SHIFTS {
        return Ball(None);
    }
    PRECISION.set(bits + GUARD);
    let passed: Vec<Ball> = (0..count as i64).map(|k| x.clone() + Ball::int(k)).collect();
    let value = far(&(x.clone() + Ball::int(count as i64))) - near(&passed);
    PRECISION.set(bits);
    value.lift(|p| Parts { ..p.clone() }.rounded())
}

pub(super) fn lgamma(x: &Ball) -> Ball {
    let far = |z: &Ball| {
        let two_pi = Ball::pi() + Ball::pi();
        let start = (z.clone() - Ball::int(1).half()) * z.ln() - z + two_pi.ln().half();
        let inverse = z.recip();
        series(start, |k| {
            let b = bernoulli(k);
            let c = b.checked_div(&Rational::from((2 * k * (2 * k - 1)) as i64)).unwrap_or(b);
            Ball::from_rational(&c) * inverse.powi(2 * k as i32 - 1)
        })
    };
    // ln |x (x+1) … (x+n-1)|; a factor that may be 0 has no logarithm.
    let near = |passed: &[Ball]| passed.iter().fold(Ball::int(1), |p, x| p * x).abs().ln();
    shifted(x, 0, far, near)
}

/// `ψ⁽ⁿ⁾`, of which `ψ` is the one with `n = 0`.
pub(super) fn polygamma(n: u32, x: &Ball) -> Ball {
    if n > chainrule_core::scalar::special::MAX_ORDER {
        return Ball(None);
    }
    let order = n as usize;
    let integer = |v: BigInt| Ball::exact(v);
    let far = |z: &Ball| {
        let inverse = z.recip();
        // Without its sign: (n-1)!/zⁿ + n!/(2 zⁿ⁺¹) + Σ B₂ₖ (2k+n-1)!/(2k)! / z^(2k+n)
        let head = match order {
            0 => -z.ln(),
            _ => integer(rising(1, order - 1)) * inverse.powi(n as i32),
        };
        let start = head + (integer(rising(1, order)) * inverse.powi(n as i32 + 1)).half();
        let sum = series(start, |k| {
            let b = bernoulli(k);
            let factor = match order {
                0 => quotient(BigInt::one(), BigInt::from(2 * k)),
                _ => quotient(rising(2 * k + 1, 2 * k + order - 1), BigInt::one()),
            };
            Ball::from_rational(&(&b * &factor)) * inverse.powi((2 * k + order) as i32)
        });
        if order.is_multiple_of(2) { -sum } else { sum }
    };
    let near = |passed: &[Ball]| {
        let sum = passed.iter().fold(Ball::int(0), |s, x| s + x.recip().powi(n as i32 + 1));
        let sum = integer(rising(1, order)) * sum;
        if order.is_multiple_of(2) { sum } else { -sum }
    };
    shifted(x, n, far, near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ball::with_precision;

    fn number(n: i64, d: i64) -> Ball {
        Ball::from_rational(&Rational::new(n, d))
    }

    #[test]
    fn bernoulli_numbers_are_those_of_the_tables() {
        for (k, n, d) in [(1, 1, 6), (2, -1, 30), (3, 1, 42), (6, -691, 2730), (10, -174_611, 330)] {
            assert_eq!(bernoulli(k), Rational::new(n, d));
        }
    }

    /// Each value in closed form lies inside the ball, which is small.
    #[test]
    fn closed_forms_lie_inside_small_balls() {
        for bits in [64, 128, 320, 1200] {
            let near = |name: &str, a: Ball, b: Ball| {
                assert!(!a.is_nan() && !a.differs(&b), "{name} at {bits}: {a:?} {b:?}");
                let (m, r) = a.float().unwrap();
                let small = 2f64.powi(-(bits.min(900) as i32) + 24);
                assert!(r <= small * m.abs().max(1.0), "{name} at {bits}: {r:e}");
            };
            with_precision(bits, || {
                let (half, pi, ln2) = (number(1, 2), Ball::pi(), Ball::int(2).ln());
                near("lgamma(1/2)", half.lgamma(), pi.ln().half());
                near("lgamma(5)", Ball::int(5).lgamma(), Ball::int(24).ln());
                near("lgamma(-1/2)", number(-1, 2).lgamma(), (pi.sqrt() + pi.sqrt()).ln());
                near("lgamma(500)", Ball::int(501).lgamma() - Ball::int(500).lgamma(), Ball::int(500).ln());
                near("digamma", Ball::int(1).digamma() - half.digamma(), ln2.clone() + ln2);
                let square = pi.clone() * &pi;
                near("trigamma(1/2)", half.polygamma(1), square.half());
                near("trigamma(1)", Ball::int(1).polygamma(1), square.clone() / Ball::int(6));
                near("polygamma(2)", half.polygamma(2), Ball::int(7) * Ball::int(1).polygamma(2));
                near("polygamma(3)", Ball::int(1).polygamma(3), square.clone() * square / Ball::int(15));
                // Reflection: ψ(1-x) - ψ(x) = π cot πx
                let x = number(-23, 10);
                let angle = pi.clone() * &x;
                let cot = angle.cos() / angle.sin();
                near("reflection", (Ball::int(1) - &x).digamma() - x.digamma(), pi * cot);
            });
        }
    }

    #[test]
    fn values_agree_with_floats_and_poles_have_none() {
        for k in -20..40 {
            let x = f64::from(k) * 0.31 + 0.07;
            let b = Ball::from_f64(x);
            for (name, y, z) in [
                ("lgamma", b.lgamma(), Scalar::lgamma(&x)),
                ("digamma", b.digamma(), Scalar::digamma(&x)),
                ("trigamma", b.polygamma(1), Scalar::polygamma(&x, 1)),
                ("polygamma 4", b.polygamma(4), Scalar::polygamma(&x, 4)),
            ] {
                let y = y.to_f64();
                assert!((y - z).abs() <= 1e-12 * z.abs().max(1.0), "{name}({x}) = {y} or {z}");
            }
        }
        for pole in [0, -1, -7] {
            assert!(Ball::int(pole).lgamma().is_nan() && Ball::int(pole).digamma().is_nan());
        }
        assert!(Ball::int(-100_000).half().half().half().lgamma().is_nan());
    }
}
