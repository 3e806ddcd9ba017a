//! Exponential and its relatives: exp, expm1, sigmoid, softplus, sinh, cosh, tanh.
//!
//! `x = k ln 2 + r` with `|r| <= ln(2)/2`, the constant in two parts so that `k` times the first is exact;
//! `exp r = 1 + (r + r² P(r))`, P of degree 10 (f64, error 2^-57) or 4 (f32, 2^-23 of a term that is 2^-4). The power of
//! two is applied in two factors, so that subnormal results are rounded once.
//!
//! | function | at −∞ | at ±0 | at +∞ | beyond the range |
//! |---|---|---|---|---|
//! | exp | 0 | 1 | ∞ | 0, ∞ |
//! | expm1 | −1 | ±0 | ∞ | −1, ∞ |
//! | sigmoid | 0 | 1/2 | 1 | 0, 1 |
//! | softplus | 0 | log 2 | ∞ | 0, x |
//! | sinh | −∞ | ±0 | ∞ | ∓∞ |
//! | cosh | ∞ | 1 | ∞ | ∞ |
//! | tanh | −1 | ±0 | 1 | ±1 |
//!
//! Source: the reduction is Cody and Waite's (1980); polynomials are ours (`crates/exec/tools/coefficients.py`).

use super::compensated::{magic, ordered_sum, quotient, sum};
use super::lanes::{Constants, Float, Lanes};
use super::logarithm::log1p_sum;

/// `k + 2·bias` as an integer, and `t = exp(r + low) − 1`, of an argument inside the range.
#[inline(always)]
fn reduced<V: Lanes>(x: V, low: Option<V>) -> (V, V) {
    let magic_number = magic::<V>();
    let shift = V::of(magic_number + 2.0 * V::F::BIAS as f64);
    let raised = x.fma(V::of(std::f64::consts::LOG2_E), shift);
    let k = raised - shift;
    let [high, rest] = <V::F as Constants>::LN2;
    let r = k.fma(-V::splat(rest), k.fma(-V::splat(high), x));
    let r = low.map_or(r, |low| r + low);
    let t = (r * r).fma(r.polynomial(V::F::EXP), r);
    (raised.isub(V::of(magic_number)), t)
}

#[inline(always)]
fn inside<V: Lanes>(x: V) -> V {
    let (low, high) = V::F::EXP_RANGE;
    // The bound stands first, so that NaN stays NaN.
    V::of(low).max(V::of(high).min(x))
}

/// Two factors whose product is `2^(k − halvings)`.
#[inline(always)]
fn factors<V: Lanes>(n: V, halvings: u64) -> (V, V) {
    let first = n.shr(1);
    let second = n.isub(first).isub(V::pattern(halvings));
    (first.shl(V::F::MANTISSA), second.shl(V::F::MANTISSA))
}

/// `exp(x + low) / 2^halvings`; where `x` is beyond the range `low` is ignored.
#[inline(always)]
pub(crate) fn exp_scaled<V: Lanes>(x: V, low: V, halvings: u64) -> V {
    let inner = inside(x);
    let (n, t) = reduced(inner, Some(V::select(inner.equal(x), low, V::of(0.0))));
    let (a, b) = factors(n, halvings);
    (V::of(1.0) + t) * a * b
}

/// `exp x`, error below 1 ulp.
#[inline(always)]
pub(crate) fn exp<V: Lanes>(x: V) -> V {
    let (n, t) = reduced(inside(x), None);
    let (a, b) = factors(n, 0);
    (V::of(1.0) + t) * a * b
}

/// `(exp x − 1)/4` and its rounding error; the quarter keeps it finite wherever sinh is.
#[inline(always)]
fn quarter_expm1<V: Lanes>(x: V) -> (V, V) {
    let x = V::of(-45.0).max(V::of(V::F::EXP_RANGE.1).min(x));
    let (n, t) = reduced(x, None);
    let s = n.isub(V::pattern(V::F::BIAS + 2)).shl(V::F::MANTISSA);
    let base = s - V::of(0.25);
    let high = s.fma(t, base);
    (high, s.fma(t, base - high))
}

/// Where `|x|` is so small that an odd function with slope 1 is `x`.
#[inline(always)]
fn negligible<V: Lanes>(x: V) -> V {
    x.abs().lt(V::of(1.0 / (4u64 << V::F::MANTISSA) as f64))
}

/// `exp x − 1`, error below 2 ulp.
#[inline(always)]
pub(crate) fn expm1<V: Lanes>(x: V) -> V {
    V::select(negligible(x), x, quarter_expm1(x).0 * V::of(4.0))
}

/// `tanh x = e/(e + 2)` with `e = exp(2|x|) − 1`, both with their errors; beyond 22 it is 1. Error below 1.5 ulp.
#[inline(always)]
pub(crate) fn tanh<V: Lanes>(x: V) -> V {
    let (e, low) = quarter_expm1(V::of(44.0).min(x.abs() + x.abs()));
    let (d, error) = sum(V::of(0.5), e);
    let (q, rest) = quotient((e, low), (d, error + low));
    V::select(negligible(x), x, (q + rest).signed(x))
}

/// `sinh x = (e + e/(e + 1))/2` with `e = exp|x| − 1`, error below 2 ulp.
#[inline(always)]
pub(crate) fn sinh<V: Lanes>(x: V) -> V {
    let (e, low) = quarter_expm1(x.abs());
    let inverse = e / e.fma(V::of(4.0), V::of(1.0));
    let y = (e + (inverse + low)) * V::of(2.0);
    V::select(negligible(x), x, y.signed(x))
}

/// `cosh x = h + 1/(4h)` with `h = exp|x| / 2`, error below 1.5 ulp.
#[inline(always)]
pub(crate) fn cosh<V: Lanes>(x: V) -> V {
    let half = exp_scaled(x.abs(), V::of(0.0), 1);
    half + V::of(0.25) / half
}

/// `1/(1 + exp(−x))`, and `exp x/(1 + exp x)` for `x < 0`, so that both ends are accurate. Error below 1.5 ulp.
#[inline(always)]
pub(crate) fn sigmoid<V: Lanes>(x: V) -> V {
    let e = exp(-x.abs());
    let (q, rest) =
        quotient((V::select(x.lt(V::of(0.0)), e, V::of(1.0)), V::of(0.0)), ordered_sum(V::of(1.0), e));
    q + rest
}

/// `log(1 + exp x) = max(x, 0) + log1p(exp(−|x|))`, the exponential with its error. Error below 1.5 ulp.
#[inline(always)]
pub(crate) fn softplus<V: Lanes>(x: V) -> V {
    let (n, t) = reduced(inside(-x.abs()), None);
    let (a, b) = factors(n, 0);
    let (high, low) = ordered_sum(V::of(1.0), t);
    x.max(V::of(0.0)) + log1p_sum(high * a * b, low * a * b, V::of(0.0))
}
