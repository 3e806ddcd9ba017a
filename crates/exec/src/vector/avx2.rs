//! Lanes as an AVX2 register, with FMA.
//!
//! The types are named only by functions that enable `avx2` and `fma` (`faces.rs`), and every method is inlined into
//! them. That is the argument of every `unsafe` block below.
#![allow(unsafe_code, reason = "intrinsics; the argument stands above")]

use super::lanes::{Lanes, Register, Scalar};
use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Four `f64`.
#[derive(Copy, Clone)]
pub(crate) struct Doubles(pub(crate) __m256d);

/// Eight `f32`.
#[derive(Copy, Clone)]
pub(crate) struct Singles(pub(crate) __m256);

macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: AVX2 and FMA are present, as the head of this file argues.
        unsafe { $call }
    };
}

macro_rules! register {
    ($type:ident, $float:ident, $n:literal, $cast:ident, $back:ident, $shl:ident, $shr:ident, $iadd:ident, $isub:ident,
     $load:ident, $store:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident, $sqrt:ident,
     $round:ident, $min:ident, $max:ident, $and:ident, $or:ident, $xor:ident, $cmp:ident, $blend:ident, $mask:ident) => {
        register!(@operators $type, Add add $add, Sub sub $sub, Mul mul $mul, Div div $div);

        impl Neg for $type {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                self.xor(Self::sign_bit())
            }
        }

        impl Lanes for $type {
            type F = $float;

            #[inline(always)]
            fn splat(x: $float) -> Self {
                Self(intrinsic!($splat(x)))
            }
            #[inline(always)]
            fn fma(self, b: Self, c: Self) -> Self {
                Self(intrinsic!($fma(self.0, b.0, c.0)))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(intrinsic!($sqrt(self.0)))
            }
            #[inline(always)]
            fn round(self) -> Self {
                Self(intrinsic!($round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)))
            }
            #[inline(always)]
            fn floor(self) -> Self {
                Self(intrinsic!($round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)))
            }
            #[inline(always)]
            fn min(self, b: Self) -> Self {
                Self(intrinsic!($min(self.0, b.0)))
            }
            #[inline(always)]
            fn max(self, b: Self) -> Self {
                Self(intrinsic!($max(self.0, b.0)))
            }
            #[inline(always)]
            fn and(self, b: Self) -> Self {
                Self(intrinsic!($and(self.0, b.0)))
            }
            #[inline(always)]
            fn or(self, b: Self) -> Self {
                Self(intrinsic!($or(self.0, b.0)))
            }
            #[inline(always)]
            fn xor(self, b: Self) -> Self {
                Self(intrinsic!($xor(self.0, b.0)))
            }
            #[inline(always)]
            fn shl(self, by: u32) -> Self {
                Self(intrinsic!($back($shl($cast(self.0), _mm_cvtsi32_si128(by as i32)))))
            }
            #[inline(always)]
            fn shr(self, by: u32) -> Self {
                Self(intrinsic!($back($shr($cast(self.0), _mm_cvtsi32_si128(by as i32)))))
            }
            #[inline(always)]
            fn iadd(self, b: Self) -> Self {
                Self(intrinsic!($back($iadd($cast(self.0), $cast(b.0)))))
            }
            #[inline(always)]
            fn isub(self, b: Self) -> Self {
                Self(intrinsic!($back($isub($cast(self.0), $cast(b.0)))))
            }
            #[inline(always)]
            fn lt(self, b: Self) -> Self {
                Self(intrinsic!($cmp::<_CMP_LT_OQ>(self.0, b.0)))
            }
            #[inline(always)]
            fn le(self, b: Self) -> Self {
                Self(intrinsic!($cmp::<_CMP_LE_OQ>(self.0, b.0)))
            }
            #[inline(always)]
            fn equal(self, b: Self) -> Self {
                Self(intrinsic!($cmp::<_CMP_EQ_OQ>(self.0, b.0)))
            }
            #[inline(always)]
            fn nan(self) -> Self {
                Self(intrinsic!($cmp::<_CMP_UNORD_Q>(self.0, self.0)))
            }
            #[inline(always)]
            fn select(mask: Self, a: Self, b: Self) -> Self {
                Self(intrinsic!($blend(b.0, a.0, mask.0)))
            }
            #[inline(always)]
            fn or_scalar(mask: Self, x: Self, y: Self, which: Scalar) -> Self {
                Self::where_any(mask, x, y, which)
            }
        }

        impl Register for $type {
            const N: usize = $n;

            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                // SAFETY: the caller promises N readable numbers.
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                // SAFETY: the caller promises N writable numbers.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            fn any(self) -> bool {
                intrinsic!($mask(self.0)) != 0
            }
        }
    };
    (@operators $type:ident, $($trait:ident $name:ident $call:ident),*) => { $(
        impl $trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $name(self, b: Self) -> Self {
                Self(intrinsic!($call(self.0, b.0)))
            }
        }
    )* };
}

register!(
    Doubles,
    f64,
    4,
    _mm256_castpd_si256,
    _mm256_castsi256_pd,
    _mm256_sll_epi64,
    _mm256_srl_epi64,
    _mm256_add_epi64,
    _mm256_sub_epi64,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_set1_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_div_pd,
    _mm256_fmadd_pd,
    _mm256_sqrt_pd,
    _mm256_round_pd,
    _mm256_min_pd,
    _mm256_max_pd,
    _mm256_and_pd,
    _mm256_or_pd,
    _mm256_xor_pd,
    _mm256_cmp_pd,
    _mm256_blendv_pd,
    _mm256_movemask_pd
);
register!(
    Singles,
    f32,
    8,
    _mm256_castps_si256,
    _mm256_castsi256_ps,
    _mm256_sll_epi32,
    _mm256_srl_epi32,
    _mm256_add_epi32,
    _mm256_sub_epi32,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_div_ps,
    _mm256_fmadd_ps,
    _mm256_sqrt_ps,
    _mm256_round_ps,
    _mm256_min_ps,
    _mm256_max_ps,
    _mm256_and_ps,
    _mm256_or_ps,
    _mm256_xor_ps,
    _mm256_cmp_ps,
    _mm256_blendv_ps,
    _mm256_movemask_ps
);
