//! Sums and quotients with their rounding errors: a value as an unevaluated sum of two numbers.
//!
//! Source: Dekker 1971, Knuth volume 2 section 4.2.2; the product's error comes from one fused multiply-add.

use super::lanes::{Float, Lanes};

/// The rounded sum and its error.
#[inline(always)]
pub(crate) fn sum<V: Lanes>(a: V, b: V) -> (V, V) {
    let s = a + b;
    let t = s - a;
    (s, (a - (s - t)) + (b - t))
}

/// The rounded sum and its error, for `|a| >= |b|`.
#[inline(always)]
pub(crate) fn ordered_sum<V: Lanes>(a: V, b: V) -> (V, V) {
    let s = a + b;
    (s, b - (s - a))
}

/// The rounded product and its error.
#[inline(always)]
pub(crate) fn product<V: Lanes>(a: V, b: V) -> (V, V) {
    let p = a * b;
    (p, a.fma(b, -p))
}

/// `(n + nl)/(d + dl)` as a quotient and its correction, with one division.
#[inline(always)]
pub(crate) fn quotient<V: Lanes>((n, nl): (V, V), (d, dl): (V, V)) -> (V, V) {
    let r = V::of(1.0) / d;
    let q = n * r;
    let rest = (-q).fma(d, n) + (-q).fma(dl, nl);
    (q, rest * r)
}

/// Adding this to a small whole number leaves the number in the low bits.
pub(crate) fn magic<V: Lanes>() -> f64 {
    1.5 * (1u64 << V::F::MANTISSA) as f64
}
