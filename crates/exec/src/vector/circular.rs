//! Sine, cosine, tangent.
//!
//! `|x| = k π/2 + r + s` with `|r| <= π/4` and `s` the error of `r`: π/2 stands in three parts, the first product is exact
//! by the fused multiply-add, the second is kept with its error. Polynomials for sine (degree 13 in f64, 9 in f32) and
//! cosine (16, 8) give value and rounding error; the quadrant selects and signs. Beyond `2^20` (f64) or `2^16` (f32)
//! a lane goes to the scalar code, which knows π to as many digits as it takes.
//!
//! | function | at ±0 | at ±∞ |
//! |---|---|---|
//! | sin | ±0 | NaN |
//! | cos | 1 | NaN |
//! | tan | ±0 | NaN |
//!
//! Source: the reduction is Cody and Waite's (1980); polynomials are ours (`crates/exec/tools/coefficients.py`).

use super::compensated::{magic, ordered_sum, product, quotient, sum};
use super::lanes::{Constants, Float, Lanes, Scalar};

/// Sine and cosine of the reduced argument, each with its rounding error; the quadrant in the low bits.
struct Reduced<V> {
    sin: (V, V),
    cos: (V, V),
    quadrant: V,
}

#[inline(always)]
fn reduced<V: Lanes>(a: V) -> Reduced<V> {
    let shift = V::of(magic::<V>());
    let quadrant = a.fma(V::of(std::f64::consts::FRAC_2_PI), shift);
    let k = quadrant - shift;
    let [p0, p1, p2] = <V::F as Constants>::HALF_PI;
    let exact = k.fma(-V::splat(p0), a);
    let (high, low) = product(k, V::splat(p1));
    let (x, error) = sum(exact, -high);
    let y = k.fma(-V::splat(p2), error - low);

    let z = x * x;
    let half = V::of(0.5) * z;
    let sine_rest = (z * x).fma(z.polynomial(V::F::SIN), y * (V::of(1.0) - half));
    let w = V::of(1.0) - half;
    let cosine_rest = ((V::of(1.0) - w) - half) + (z * z).fma(z.polynomial(V::F::COS), -(x * y));
    Reduced { sin: ordered_sum(x, sine_rest), cos: ordered_sum(w, cosine_rest), quadrant }
}

impl<V: Lanes> Reduced<V> {
    /// Where the quadrant is odd.
    #[inline(always)]
    fn odd(&self) -> V {
        self.quadrant.shl(V::F::WIDTH - 1)
    }
    #[inline(always)]
    fn sine(&self, x: V) -> V {
        let y = V::select(self.odd(), self.cos.0, self.sin.0);
        y.signed(self.quadrant.shl(V::F::WIDTH - 2)).signed(x)
    }
    #[inline(always)]
    fn cosine(&self) -> V {
        let y = V::select(self.odd(), self.sin.0, self.cos.0);
        y.signed(self.quadrant.iadd(V::pattern(1)).shl(V::F::WIDTH - 2))
    }
    #[inline(always)]
    fn tangent(&self, x: V) -> V {
        let pick = |a: (V, V), b: (V, V)| (V::select(self.odd(), a.0, b.0), V::select(self.odd(), a.1, b.1));
        let (q, rest) = quotient(pick(self.cos, self.sin), pick(self.sin, self.cos));
        (q + rest).signed(self.odd()).signed(x)
    }
}

/// `y`, but where the argument is huge what the scalar code says.
#[inline(always)]
fn or_scalar<V: Lanes>(x: V, y: V, which: Scalar) -> V {
    V::or_scalar(V::of(V::F::TRIG_LIMIT).lt(x.abs()), x, y, which)
}

/// `sin x`, error below 1 ulp.
#[inline(always)]
pub(crate) fn sin<V: Lanes>(x: V) -> V {
    or_scalar(x, reduced(x.abs()).sine(x), Scalar::Sin)
}

/// `cos x`, error below 1 ulp.
#[inline(always)]
pub(crate) fn cos<V: Lanes>(x: V) -> V {
    or_scalar(x, reduced(x.abs()).cosine(), Scalar::Cos)
}

/// `tan x`, sine over cosine with the errors of both; error below 1.2 ulp.
#[inline(always)]
pub(crate) fn tan<V: Lanes>(x: V) -> V {
    or_scalar(x, reduced(x.abs()).tangent(x), Scalar::Tan)
}

/// Both at the price of little more than one, with the bits of [`sin`] and [`cos`].
#[inline(always)]
pub(crate) fn sincos<V: Lanes>(x: V) -> (V, V) {
    let reduced = reduced(x.abs());
    (or_scalar(x, reduced.sine(x), Scalar::Sin), or_scalar(x, reduced.cosine(), Scalar::Cos))
}
