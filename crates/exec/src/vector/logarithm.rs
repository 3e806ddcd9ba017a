//! Logarithm and its relatives: log, log1p, asinh.
//!
//! `x = 2^e m` with `m` in `[√½, √2)`, taken off the bits; with `f = m − 1` and `s = f/(2 + f)`,
//! `log m = f − (f²/2 − s (f²/2 + s² P(s²)))`, P of degree 7 (f64, error 2^-54) or 3 (f32, 2^-25).
//! Subnormal arguments are first multiplied by a power of two.
//!
//! | function | at −∞ | below the domain | at its left end | at −0, +0 | at +∞ |
//! |---|---|---|---|---|---|
//! | log | NaN | NaN | −∞ at 0 | −∞, −∞ | ∞ |
//! | log1p | NaN | NaN | −∞ at −1 | −0, +0 | ∞ |
//! | asinh | −∞ | | | −0, +0 | ∞ |
//!
//! Source: the form is that of FreeBSD's `e_log.c`; polynomials are ours (`crates/exec/tools/coefficients.py`).

use super::compensated::sum;
use super::lanes::{Constants, Float, Lanes};

/// Exponent and mantissa of positive normal numbers: `x = 2^e m`, `m` in `[√½, √2)`.
#[inline(always)]
pub(crate) fn split<V: Lanes>(x: V) -> (V, V) {
    let mantissa = V::F::MANTISSA;
    let one = V::of(1.0);
    let raised = x.isub(V::of(std::f64::consts::FRAC_1_SQRT_2)).iadd(one).shr(mantissa);
    let whole = (1u64 << mantissa) as f64;
    let e = raised.or(V::of(whole)) - V::of(whole + V::F::BIAS as f64);
    (e, x.isub(raised.shl(mantissa)).iadd(one))
}

/// A positive number brought into the normal range, and the exponent that was added for it: a multiple of 3.
#[inline(always)]
pub(crate) fn normal<V: Lanes>(x: V) -> (V, V) {
    let up = if V::F::WIDTH == 64 { 54 } else { 24 };
    let small = x.lt(V::pattern(1u64 << V::F::MANTISSA));
    let scaled = V::select(small, x * V::of((1u64 << up) as f64), x);
    (scaled, V::select(small, V::of(f64::from(up)), V::of(0.0)))
}

/// `e ln 2 + log(1 + f) + low`.
#[inline(always)]
fn assembled<V: Lanes>(e: V, f: V, low: V) -> V {
    let s = f / (V::of(2.0) + f);
    let z = s * s;
    let half = V::of(0.5) * f * f;
    let r = z * z.polynomial(V::F::LOG);
    let [first, second] = <V::F as Constants>::LN2;
    let tail = s.fma(half + r, e.fma(V::splat(second), low));
    e.fma(V::splat(first), f - (half - tail))
}

/// `log x`, error below 1 ulp.
#[inline(always)]
pub(crate) fn log<V: Lanes>(x: V) -> V {
    let (scaled, up) = normal(x);
    let (e, m) = split(scaled);
    let y = assembled(e - up, m - V::of(1.0), V::of(0.0));
    let infinity = V::of(f64::INFINITY);
    let y = V::select(x.equal(infinity), infinity, y);
    let y = V::select(x.equal(V::of(0.0)), -infinity, y);
    V::select(V::of(0.0).le(x), y, V::of(f64::NAN))
}

/// `log(1 + h + l) + doublings · ln 2` for `1 + h` positive and finite and `l` a rounding error of `h`.
#[inline(always)]
pub(crate) fn log1p_sum<V: Lanes>(h: V, l: V, doublings: V) -> V {
    let (u, error) = sum(V::of(1.0), h);
    let (e, m) = split(u);
    // Near 0 the argument itself is used, not the sum that has lost its end.
    let near = e.equal(V::of(0.0));
    let f = V::select(near, h, m - V::of(1.0));
    let low = V::select(near, l, error + l) / u;
    assembled(e + doublings, f, low)
}

/// `log(1 + x)`, error below 1 ulp.
#[inline(always)]
pub(crate) fn log1p<V: Lanes>(x: V) -> V {
    let y = log1p_sum(x, V::of(0.0), V::of(0.0));
    let infinity = V::of(f64::INFINITY);
    let y = V::select(x.equal(infinity), infinity, y);
    let y = V::select(x.equal(V::of(-1.0)), -infinity, y);
    let y = V::select(x.equal(V::of(0.0)), x, y);
    V::select(V::of(-1.0).le(x), y, V::of(f64::NAN))
}

/// `asinh x = log1p(a + a²/(1 + √(1 + a²)))` with `a = |x|`; beyond `2^60` it is `log 2a`. Error below 1.5 ulp.
#[inline(always)]
pub(crate) fn asinh<V: Lanes>(x: V) -> V {
    let a = x.abs();
    let one = V::of(1.0);
    let square = a * a;
    let (h, l) = sum(a, square / (one + (square + one).sqrt()));
    let large = V::of((1u64 << 60) as f64).lt(a);
    let zero = V::of(0.0);
    let y = log1p_sum(V::select(large, a, h), V::select(large, zero, l), V::select(large, one, zero));
    let y = V::select(a.lt(V::of(f64::INFINITY)), y, a);
    y.signed(x)
}
