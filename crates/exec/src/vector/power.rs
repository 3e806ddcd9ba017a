//! Powers and roots: pow, cbrt.
//!
//! **pow** is `exp(b log a)` with the logarithm as a sum of two numbers: `2s + 2/3 s³` in twice the precision with
//! `s = (m − 1)/(m + 1)`, the rest by a polynomial of degree 8 (f64) or 3 (f32). The logarithm's error, 2^-65 (2^-36)
//! of it, stays below a quarter of an ulp of the largest results. Error below 1.2 ulp.
//!
//! | a, b | pow | |
//! |---|---|---|
//! | NaN in either | NaN | as everywhere in this engine: also where IEEE 754 says 1 |
//! | b = 0, or a = 1 | 1 | |
//! | a = −1, b = ±∞ | 1 | |
//! | a < 0 finite, b not whole | NaN | |
//! | a < 0, b odd | −(\|a\|^b) | also for −0 and −∞ |
//! | \|a\| = 0 | 0 for b > 0, ∞ for b < 0 | |
//! | \|a\| = ∞ | ∞ for b > 0, 0 for b < 0 | |
//!
//! **cbrt**: the exponent is divided by 3, `m^(−1/3)` comes from a polynomial of degree 8 (4) and one step of third
//! order; a last step takes the exact residual. Error below 1 ulp; ±0, ±∞ and NaN are their own roots.
//!
//! Source: polynomials are ours (`crates/exec/tools/coefficients.py`).

use super::compensated::{magic, ordered_sum, product, quotient, sum};
use super::exponential::exp_scaled;
use super::lanes::{Constants, Float, Lanes};
use super::logarithm::{normal, split};

/// `log x` of a positive finite number, as a sum of two.
#[inline(always)]
fn log_sum<V: Lanes>(x: V) -> (V, V) {
    let (scaled, up) = normal(x);
    let (e, m) = split(scaled);
    let e = e - up;
    let one = V::of(1.0);
    let (q, rest) = quotient((m - one, V::of(0.0)), sum(one, m));
    let (s, sl) = ordered_sum(q, rest);
    let (z, ze) = product(s, s);
    let zl = (s + s).fma(sl, ze);
    let (c, ce) = product(z, s);
    let cl = z.fma(sl, zl.fma(s, ce));
    let [t0, t1] = <V::F as Constants>::TWO_THIRDS.map(V::splat);
    let (t, te) = product(t0, c);
    let tl = t0.fma(cl, t1.fma(c, te));
    let tail = c * z * z.polynomial(V::F::LOG_TAIL);
    let [first, second] = <V::F as Constants>::LN2.map(V::splat);
    let (g, gl) = sum(e * first, s + s);
    let (h, hl) = sum(g, t);
    let low = (gl + hl) + e.fma(second, (sl + sl) + (tl + tail));
    ordered_sum(h, low)
}

/// `a^b`.
#[inline(always)]
pub(crate) fn pow<V: Lanes>(a: V, b: V) -> V {
    let (zero, one, infinity) = (V::of(0.0), V::of(1.0), V::of(f64::INFINITY));
    let size = a.abs();
    let (l, ll) = log_sum(size);
    let (p, pe) = product(b, l);
    let y = exp_scaled(p, b.fma(ll, pe), 0);
    let down = b.lt(zero);
    let y = V::select(size.equal(zero), V::select(down, infinity, zero), y);
    let y = V::select(size.equal(infinity), V::select(down, zero, infinity), y);
    let y = V::select(size.equal(one).or(b.equal(zero)), one, y);
    let whole = b.round().equal(b);
    let half = b * V::of(0.5);
    // A whole number is odd where its half is not whole.
    let even = half.round().equal(half);
    let y = V::select(whole, V::select(even, y, y.signed(a)), y);
    let outside = a.lt(zero).and(size.lt(infinity));
    let y = V::select(outside, V::select(whole, y, V::of(f64::NAN)), y);
    V::select(a.nan().or(b.nan()), V::of(f64::NAN), y)
}

/// `x^(1/3)`, odd.
#[inline(always)]
pub(crate) fn cbrt<V: Lanes>(x: V) -> V {
    let a = x.abs();
    let third = V::of(1.0 / 3.0);
    let (scaled, up) = normal(a);
    let (e, m) = split(scaled);
    let q = (e * third).round();
    let j = q.fma(V::of(-3.0), e);
    let zero = V::of(0.0);
    let pick = |down: V, up: V| V::select(j.lt(zero), down, V::select(zero.lt(j), up, V::of(1.0)));
    let t = m * pick(V::of(0.5), V::of(2.0));
    let (two, half) = (V::splat(<V::F as Constants>::CBRT_2[0]), V::splat(<V::F as Constants>::CBRT_HALF[0]));
    let w = m.polynomial(V::F::CBRT) * pick(two, half);
    let h = (-t).fma(w * w * w, V::of(1.0));
    let w = w.fma(h * h.fma(V::of(2.0 / 9.0), third), w);
    let square = w * w;
    let y = t * square;
    let (s, se) = product(y, y);
    let (c, ce) = product(s, y);
    let residual = (c - t) + se.fma(y, ce);
    let y = (residual * square).fma(-third, y);
    let exponent = q - up * third;
    let y = y * (exponent.round() + V::of(magic::<V>() + V::F::BIAS as f64)).shl(V::F::MANTISSA);
    let regular = zero.lt(a).and(a.lt(V::of(f64::INFINITY)));
    V::select(regular, y.signed(x), x)
}
