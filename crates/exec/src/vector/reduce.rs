//! Sum, dot product, largest and smallest entry, in one fixed order.
//!
//! Entry `i` goes to accumulator `(i / N) mod 8`, lane `i mod N` (N is 4 for f64, 8 for f32); the accumulators are then
//! added as a tree by halves, the lanes likewise. So the bits depend on the entries alone, not on the machine.
//! A dot product fuses each product into its accumulator. The sum of nothing is +0; NaN anywhere gives NaN; where
//! zeros of both signs are the extreme, the sign follows the same fixed order.
#![allow(
    unsafe_code,
    reason = "unchecked loads after the lengths were compared, and calls of functions that need AVX2"
)]

#[cfg(target_arch = "x86_64")]
use super::avx2::{Doubles, Singles};
use super::exact;
use super::kernel::has_avx2;
use super::lanes::{Float, Register};
use super::portable::Portable;

const ACCUMULATORS: usize = 8;

/// `step` over pairs of entries, then `join` over accumulators and lanes. The tail is filled up with `(fill, fill)`.
#[inline(always)]
fn fold<V: Register>(
    x: &[V::F],
    y: &[V::F],
    fill: f64,
    step: impl Fn(V, V, V) -> V,
    join: impl Fn(V, V) -> V,
) -> V::F {
    let n = x.len();
    assert!(y.len() == n, "both slices have one length");
    let mut sums = [V::of(fill); ACCUMULATORS];
    let mut at = 0;
    while at + ACCUMULATORS * V::N <= n {
        for (k, sum) in sums.iter_mut().enumerate() {
            let from = at + k * V::N;
            // SAFETY: `from + N <= at + ACCUMULATORS * N <= n`.
            *sum = unsafe { step(*sum, V::load(x.as_ptr().add(from)), V::load(y.as_ptr().add(from))) };
        }
        at += ACCUMULATORS * V::N;
    }
    for sum in &mut sums {
        if at >= n {
            break;
        }
        let count = V::N.min(n - at);
        let (mut a, mut b) = ([V::F::of(fill); 8], [V::F::of(fill); 8]);
        a[..count].copy_from_slice(&x[at..at + count]);
        b[..count].copy_from_slice(&y[at..at + count]);
        // SAFETY: both arrays hold 8 numbers, and N is at most 8.
        *sum = unsafe { step(*sum, V::load(a.as_ptr()), V::load(b.as_ptr())) };
        at += count;
    }
    for width in [4, 2, 1] {
        for k in 0..width {
            sums[k] = join(sums[k], sums[k + width]);
        }
    }
    let mut lanes = [V::F::of(fill); 8];
    // SAFETY: 8 numbers, and N is at most 8.
    unsafe { sums[0].store(lanes.as_mut_ptr()) };
    let mut width = V::N / 2;
    while width > 0 {
        for k in 0..width {
            // One lane at a time through full registers: the same operation, so the same bits.
            let mut out = [V::F::of(fill); 8];
            // SAFETY: as above.
            unsafe { join(V::splat(lanes[k]), V::splat(lanes[k + width])).store(out.as_mut_ptr()) };
            lanes[k] = out[0];
        }
        width /= 2;
    }
    if lanes[0].partial_cmp(&lanes[0]).is_none() { V::F::of(f64::NAN) } else { lanes[0] }
}

#[inline(always)]
fn sum_of<V: Register>(x: &[V::F], _: &[V::F]) -> V::F {
    fold::<V>(x, x, 0.0, |s, a, _| s + a, |a, b| a + b)
}
#[inline(always)]
fn dot_of<V: Register>(x: &[V::F], y: &[V::F]) -> V::F {
    fold::<V>(x, y, 0.0, |s, a, b| a.fma(b, s), |a, b| a + b)
}
#[inline(always)]
fn max_of<V: Register>(x: &[V::F], _: &[V::F]) -> V::F {
    fold::<V>(x, x, f64::NEG_INFINITY, |s, a, _| exact::max(s, a), exact::max)
}
#[inline(always)]
fn min_of<V: Register>(x: &[V::F], _: &[V::F]) -> V::F {
    fold::<V>(x, x, f64::INFINITY, |s, a, _| exact::min(s, a), exact::min)
}

macro_rules! faces {
    ($module:ident, $float:ident, $double:ident, $portable:ty) => {
        /// Reductions of this precision.
        pub mod $module {
            use super::*;

            faces!(@one sum_with, sum_of, $float, $double, $portable);
            faces!(@one dot_with, dot_of, $float, $double, $portable);
            faces!(@one max_with, max_of, $float, $double, $portable);
            faces!(@one min_with, min_of, $float, $double, $portable);

            /// The sum.
            pub fn sum(x: &[$float]) -> $float {
                sum_with(x, x, has_avx2())
            }
            /// The sum of products; panics where the lengths differ.
            pub fn dot(x: &[$float], y: &[$float]) -> $float {
                dot_with(x, y, has_avx2())
            }
            /// The largest entry, −∞ of nothing.
            pub fn max(x: &[$float]) -> $float {
                max_with(x, x, has_avx2())
            }
            /// The smallest entry, +∞ of nothing.
            pub fn min(x: &[$float]) -> $float {
                min_with(x, x, has_avx2())
            }
        }
    };
    (@one $with:ident, $of:ident, $float:ident, $double:ident, $portable:ty) => {
        pub(crate) fn $with(x: &[$float], y: &[$float], fast: bool) -> $float {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn inner(x: &[$float], y: &[$float]) -> $float {
                    $of::<$double>(x, y)
                }
                if fast && has_avx2() {
                    // SAFETY: both features were just found.
                    return unsafe { inner(x, y) };
                }
            }
            let _ = fast;
            $of::<$portable>(x, y)
        }
    };
}
faces!(double, f64, Doubles, Portable<f64, 4>);
faces!(single, f32, Singles, Portable<f32, 8>);
