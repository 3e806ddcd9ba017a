//! Inverse circular functions: atan, atan2, asin, acos.
//!
//! **atan** of a ratio `n/d >= 0`: by its size `n/d`, `(n − d)/(n + d)` or `−d/n` is at most `tan(π/8)`, and 0, π/4 or π/2
//! is added; the quotient carries its error; `atan t = t + t³ P(t²)`, P of degree 11 (f64, error 2^-54) or 4 (f32).
//! **asin** and **acos**: `t + t³ P(t²)`, P of degree 12 (5) for `|x| <= 1/2`; beyond, by `2 asin √((1 − |x|)/2)`, the root
//! with its error.
//!
//! | function | at ±0 | at ±1 | beyond 1 | at ±∞ |
//! |---|---|---|---|---|
//! | atan | ±0 | ±π/4 | | ±π/2 |
//! | asin | ±0 | ±π/2 | NaN | NaN |
//! | acos | π/2 | 0, π | NaN | NaN |
//!
//! atan2 has the zeros, infinities and signs of IEEE 754.
//!
//! Source: identities of DLMF 4.24; polynomials are ours (`crates/exec/tools/coefficients.py`).

use super::compensated::{quotient, sum};
use super::lanes::{Constants, Float, Lanes};

/// `atan(n/d)` for `n, d >= 0`, not both zero, finite and far from overflow. Error below 1.2 ulp.
#[inline(always)]
fn angle<V: Lanes>(n: V, d: V) -> V {
    let near = n.le(d * V::of(std::f64::consts::SQRT_2 - 1.0));
    let far = (d * V::of(std::f64::consts::SQRT_2 + 1.0)).lt(n);
    let zero = V::of(0.0);
    let pick = |a: V, b: V, c: V| V::select(near, a, V::select(far, b, c));
    let (below, below_error) = sum(n, -d);
    let (above, above_error) = sum(n, d);
    let top = (pick(n, -d, below), pick(zero, zero, below_error));
    let bottom = (pick(d, n, above), pick(zero, zero, above_error));
    let (t, rest) = quotient(top, bottom);
    let [p0, p1, _] = <V::F as Constants>::HALF_PI.map(V::splat);
    let half = V::of(0.5);
    let z = t * t;
    let inner = t + (z * t).fma(z.polynomial(V::F::ATAN), rest + pick(zero, p1, half * p1));
    pick(zero, p0, half * p0) + inner
}

/// `atan x`.
#[inline(always)]
pub(crate) fn atan<V: Lanes>(x: V) -> V {
    // Beyond 2^60 the angle is π/2; the bound stands first, so that NaN stays NaN.
    angle(V::of((1u64 << 60) as f64).min(x.abs()), V::of(1.0)).signed(x)
}

/// The angle of the point `(x, y)`. Error below 1.5 ulp.
#[inline(always)]
pub(crate) fn atan2<V: Lanes>(y: V, x: V) -> V {
    let (zero, one, infinity) = (V::of(0.0), V::of(1.0), V::of(f64::INFINITY));
    let (n, d) = (y.abs(), x.abs());
    let size = n.max(d);
    // Far ends are scaled by a power of two, so that sums do not overflow and reciprocals do not underflow.
    let reach = V::F::BIAS / 2;
    let power = |e: u64| V::pattern((V::F::BIAS.wrapping_add(e)) << V::F::MANTISSA);
    let small = V::select(size.lt(power(reach.wrapping_neg())), power(reach), one);
    let scale = V::select(power(V::F::BIAS - 10).lt(size), power(20u64.wrapping_neg()), small);
    let endless = size.equal(infinity);
    let end = |v: V| V::select(v.equal(infinity), one, zero);
    let (n, d) = (V::select(endless, end(n), n * scale), V::select(endless, end(d), d * scale));
    let d = V::select(size.equal(zero), one, d);
    let a = angle(n, d);
    let [p0, p1, _] = <V::F as Constants>::HALF_PI.map(V::splat);
    let turned = (p0 + p0) - (a - (p1 + p1));
    // The sign bit of x decides, so that -0 counts as negative.
    let a = V::select(x, turned, a).signed(y);
    V::select(x.nan().or(y.nan()), V::of(f64::NAN), a)
}

/// What asin and acos share: where `|x| > 1/2`, `t`, and `asin t − t`.
#[inline(always)]
fn arc<V: Lanes>(x: V) -> (V, V, V) {
    let a = x.abs();
    let large = V::of(0.5).lt(a);
    let z = V::select(large, (V::of(1.0) - a) * V::of(0.5), a * a);
    let root = z.sqrt();
    // The error of the root, (z - root²)/(2 root); where the root is 0 so is it.
    let error = (-root).fma(root, z) * (V::of(0.5) / root.max(V::of(1e-30)));
    let t = V::select(large, root, a);
    let rest = t.fma(z * z.polynomial(V::F::ASIN), V::select(large, error, V::of(0.0)));
    (large, t, rest)
}

/// `asin x`, error below 1.2 ulp.
#[inline(always)]
pub(crate) fn asin<V: Lanes>(x: V) -> V {
    let (large, t, rest) = arc(x);
    let [p0, p1, _] = <V::F as Constants>::HALF_PI.map(V::splat);
    let (h, error) = sum(p0, -(t + t));
    let outer = h + (error - (rest + rest - p1));
    V::select(large, outer, t + rest).signed(x)
}

/// `acos x`, error below 1.2 ulp.
#[inline(always)]
pub(crate) fn acos<V: Lanes>(x: V) -> V {
    let (large, t, rest) = arc(x);
    let [p0, p1, _] = <V::F as Constants>::HALF_PI.map(V::splat);
    let pick = |negative: V, positive: V, inner: V| V::select(large, V::select(x, negative, positive), inner);
    let zero = V::of(0.0);
    let (t2, rest2) = (t + t, rest + rest);
    let (h, error) = sum(pick(p0 + p0, zero, p0), pick(-t2, t2, -x));
    h + (error + (pick(-rest2, rest2, -rest.signed(x)) + pick(p1 + p1, zero, p1)))
}
