//! Lanes as an array of numbers: what runs where the processor has no AVX2, and the reference for the bits of AVX2.

use super::lanes::{Float, Lanes, Register, Scalar};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `N` numbers; a mask is a number with every bit set or none.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Portable<F, const N: usize>(pub(crate) [F; N]);

impl<F: Float, const N: usize> Portable<F, N> {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(F, F) -> F) -> Self {
        Self(std::array::from_fn(|k| f(self.0[k], b.0[k])))
    }
    #[inline(always)]
    fn bits(self, b: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        self.zip(b, |x, y| F::from_bits(f(x.bits(), y.bits())))
    }
    #[inline(always)]
    fn mask(self, b: Self, f: impl Fn(F, F) -> bool) -> Self {
        self.zip(b, |x, y| F::from_bits(if f(x, y) { u64::MAX } else { 0 }))
    }
}

macro_rules! operators {
    ($($trait:ident $name:ident $sign:tt),*) => { $(
        impl<F: Float, const N: usize> $trait for Portable<F, N> {
            type Output = Self;
            #[inline(always)]
            fn $name(self, b: Self) -> Self {
                self.zip(b, |x, y| x $sign y)
            }
        }
    )* };
}
operators!(Add add +, Sub sub -, Mul mul *, Div div /);

impl<F: Float, const N: usize> Neg for Portable<F, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.xor(Self::sign_bit())
    }
}

impl<F: Float, const N: usize> Lanes for Portable<F, N> {
    type F = F;

    #[inline(always)]
    fn splat(x: F) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|k| self.0[k].fma(b.0[k], c.0[k])))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.zip(self, |x, _| x.sqrt())
    }
    #[inline(always)]
    fn round(self) -> Self {
        self.zip(self, |x, _| x.ties_even())
    }
    #[inline(always)]
    fn floor(self) -> Self {
        self.zip(self, |x, _| x.floor())
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        self.zip(b, |x, y| if x < y { x } else { y })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.zip(b, |x, y| if x > y { x } else { y })
    }
    #[inline(always)]
    fn and(self, b: Self) -> Self {
        self.bits(b, |x, y| x & y)
    }
    #[inline(always)]
    fn or(self, b: Self) -> Self {
        self.bits(b, |x, y| x | y)
    }
    #[inline(always)]
    fn xor(self, b: Self) -> Self {
        self.bits(b, |x, y| x ^ y)
    }
    #[inline(always)]
    fn shl(self, by: u32) -> Self {
        self.bits(self, |x, _| x << by)
    }
    #[inline(always)]
    fn shr(self, by: u32) -> Self {
        self.bits(self, |x, _| x >> by)
    }
    #[inline(always)]
    fn iadd(self, b: Self) -> Self {
        self.bits(b, u64::wrapping_add)
    }
    #[inline(always)]
    fn isub(self, b: Self) -> Self {
        self.bits(b, u64::wrapping_sub)
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Self {
        self.mask(b, |x, y| x < y)
    }
    #[inline(always)]
    fn le(self, b: Self) -> Self {
        self.mask(b, |x, y| x <= y)
    }
    #[inline(always)]
    fn equal(self, b: Self) -> Self {
        self.mask(b, |x, y| x == y)
    }
    #[inline(always)]
    #[allow(clippy::eq_op, reason = "only NaN differs from itself")]
    fn nan(self) -> Self {
        self.mask(self, |x, y| x != y)
    }
    #[inline(always)]
    fn select(mask: Self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|k| if mask.0[k].bits() >> (F::WIDTH - 1) == 1 { a.0[k] } else { b.0[k] }))
    }
    #[inline(always)]
    fn or_scalar(mask: Self, x: Self, y: Self, which: Scalar) -> Self {
        Self::where_any(mask, x, y, which)
    }
}

impl<F: Float, const N: usize> Register for Portable<F, N> {
    const N: usize = N;

    #[inline(always)]
    #[allow(unsafe_code, reason = "the caller states the argument")]
    unsafe fn load(from: *const F) -> Self {
        // SAFETY: the caller promises N readable numbers; the read asks for no more than the number's alignment,
        // which every pointer into a slice has.
        Self(unsafe { from.cast::<[F; N]>().read_unaligned() })
    }
    #[inline(always)]
    #[allow(unsafe_code, reason = "the caller states the argument")]
    unsafe fn store(self, to: *mut F) {
        // SAFETY: the caller promises N writable numbers.
        unsafe { to.cast::<[F; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    fn any(self) -> bool {
        self.0.iter().any(|x| x.bits() >> (F::WIDTH - 1) == 1)
    }
}
