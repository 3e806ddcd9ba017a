//! Error function: erf, and gelu that is made of it.
//!
//! With `a = |x|`: below 1, `a + a P(a²)`, P of degree 12 (f64, error 2^-53 of a term of 0.16) or 6 (f32); beyond,
//! `1 − exp(−a²) Q(w)` with `w = (a − 5/2)/(a + 5/2)`, Q of degree 20 or 9; beyond 6 it is 1. Error below 1 ulp.
//! At ±0 it is ±0, at ±∞ it is ±1.
//!
//! Source: polynomials are ours (`crates/exec/tools/coefficients.py`).

use super::exponential::exp;
use super::lanes::{Constants, Lanes};

/// `erf x`.
#[inline(always)]
pub(crate) fn erf<V: Lanes>(x: V) -> V {
    // The bound stands first, so that NaN stays NaN.
    let a = V::of(6.0).min(x.abs());
    let square = a * a;
    let near = a.fma(square.polynomial(V::F::ERF), a);
    let w = (a - V::of(2.5)) / (a + V::of(2.5));
    let far = (-exp(-square)).fma(w.polynomial(V::F::ERFC), V::of(1.0));
    V::select(a.lt(V::of(1.0)), near, far).signed(x)
}

/// `x (1 + erf(x/√2))/2`: as the core computes it, so the error is small against `x`, not against a tiny result.
#[inline(always)]
pub(crate) fn gelu<V: Lanes>(x: V) -> V {
    V::of(0.5) * x * (V::of(1.0) + erf(x / V::of(std::f64::consts::SQRT_2)))
}
