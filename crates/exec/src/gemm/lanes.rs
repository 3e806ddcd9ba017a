//! The numbers of a product and their vectors: f64 and f32, in plain Rust, AVX2 and AVX-512.

/// A number that products are made of: f64 or f32.
///
/// Sealed: the kernels know these two.
pub trait Real:
    Copy
    + Default
    + Send
    + Sync
    + PartialEq
    + PartialOrd
    + std::fmt::Debug
    + std::ops::Add<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::AddAssign
    + 'static
    + sealed::Dispatch
{
    /// +0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Bytes of one number.
    const BYTES: usize;
    /// Terms of a sum that are added before the sum goes back to memory.
    const DEPTH: usize;
    /// Rows of the lane operand that stay in the second-level cache, a multiple of every kernel's height.
    const HEIGHT: usize;

    /// Whether the sign bit is set.
    fn is_negative(self) -> bool;
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const BYTES: usize = 8;
    const DEPTH: usize = 256;
    const HEIGHT: usize = 192;

    fn is_negative(self) -> bool {
        self.is_sign_negative()
    }
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    const BYTES: usize = 4;
    const DEPTH: usize = 384;
    const HEIGHT: usize = 240;

    fn is_negative(self) -> bool {
        self.is_sign_negative()
    }
}

pub(super) mod sealed {
    use super::super::run::Job;
    use super::super::workspace::Slot;

    /// The way from a number to the kernels of this machine; only this folder can name it.
    pub trait Dispatch: Sized {
        /// Runs all of a job that falls to these slots, one thread each.
        ///
        /// # Safety
        /// Every pointer of the job is valid for the extents and strides that go with it.
        #[allow(private_interfaces)]
        unsafe fn dispatch(job: &Job<'_, Self>, slots: &mut [Slot<Self>])
        where
            Self: super::Real;
    }
}

/// A vector register.
///
/// # Safety
/// Every method asks for a processor with the instructions of the type; loads and stores ask for valid memory, at
/// any alignment. Methods are inlined into functions compiled for those instructions.
pub(super) trait Lanes<T>: Copy {
    const COUNT: usize;
    /// Rows and columns of the squares that [`turn`](Lanes::turn) turns.
    const SIDE: usize;
    /// Reads [`SIDE`](Lanes::SIDE) neighbours from `from + rows[r]` for the first rows, and writes entry `q` of row `r` to
    /// `to + q·step + r`.
    unsafe fn turn(from: *const T, rows: &[isize], to: *mut T, step: usize);
    unsafe fn splat(x: T) -> Self;
    unsafe fn load(p: *const T) -> Self;
    /// The first `n` numbers, zeros after; nothing behind them is touched. `n <= COUNT`.
    unsafe fn load_first(p: *const T, n: usize) -> Self;
    unsafe fn store(self, p: *mut T);
    unsafe fn store_first(self, p: *mut T, n: usize);
    /// `self · a + b`.
    unsafe fn fma(self, a: Self, b: Self) -> Self;
    unsafe fn add(self, a: Self) -> Self;
    unsafe fn mul(self, a: Self) -> Self;
    /// +0 where not positive; NaN stays.
    unsafe fn relu(self) -> Self;
    /// +0 where the mask is zero.
    unsafe fn keep(self, mask: Self) -> Self;
}

/// Four numbers in plain Rust, for processors without AVX2.
#[derive(Copy, Clone)]
pub(super) struct Plain<T>([T; 4]);

/// Fused only where the target has the instruction: in software it would cost fifty times a product and a sum.
const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

macro_rules! plain {
    ($t:ty) => {
        impl Lanes<$t> for Plain<$t> {
            const COUNT: usize = 4;
            const SIDE: usize = 4;
            #[inline(always)]
            unsafe fn turn(from: *const $t, rows: &[isize], to: *mut $t, step: usize) {
                // SAFETY: the caller gives four rows of four numbers, and room for them.
                unsafe {
                    let row = |r: usize| from.wrapping_offset(rows[r]).cast::<[$t; 4]>().read_unaligned();
                    let rows: [[$t; 4]; 4] = std::array::from_fn(row);
                    for q in 0..4 {
                        to.add(q * step).cast::<[$t; 4]>().write_unaligned(rows.map(|row| row[q]));
                    }
                }
            }
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                Plain([x; 4])
            }
            #[inline(always)]
            unsafe fn load(p: *const $t) -> Self {
                // SAFETY: the caller gives four numbers.
                Plain(unsafe { p.cast::<[$t; 4]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn load_first(p: *const $t, n: usize) -> Self {
                let mut x = [0.0; 4];
                // SAFETY: the caller gives n <= 4 numbers.
                x.iter_mut().take(n).enumerate().for_each(|(l, x)| *x = unsafe { *p.add(l) });
                Plain(x)
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $t) {
                // SAFETY: the caller gives room for four numbers.
                unsafe { p.cast::<[$t; 4]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn store_first(self, p: *mut $t, n: usize) {
                // SAFETY: the caller gives room for n <= 4 numbers.
                self.0.iter().take(n).enumerate().for_each(|(l, x)| unsafe { *p.add(l) = *x });
            }
            #[inline(always)]
            unsafe fn fma(self, a: Self, b: Self) -> Self {
                Plain(std::array::from_fn(|l| {
                    if FUSED { self.0[l].mul_add(a.0[l], b.0[l]) } else { self.0[l] * a.0[l] + b.0[l] }
                }))
            }
            #[inline(always)]
            unsafe fn add(self, a: Self) -> Self {
                Plain(std::array::from_fn(|l| self.0[l] + a.0[l]))
            }
            #[inline(always)]
            unsafe fn mul(self, a: Self) -> Self {
                Plain(std::array::from_fn(|l| self.0[l] * a.0[l]))
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                Plain(self.0.map(|x| if x <= 0.0 { 0.0 } else { x }))
            }
            #[inline(always)]
            unsafe fn keep(self, mask: Self) -> Self {
                Plain(std::array::from_fn(|l| if mask.0[l] == 0.0 { 0.0 } else { self.0[l] }))
            }
        }
    };
}
plain!(f64);
plain!(f32);

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    //! Registers of 256 and of 512 bits.
    use super::Lanes;
    use std::arch::x86_64::*;

    /// Four rows of four numbers to four columns.
    ///
    /// # Safety
    /// As [`Lanes::turn`], with AVX2.
    #[inline(always)]
    unsafe fn turn_4(from: *const f64, rows: &[isize], to: *mut f64, step: usize) {
        // SAFETY: given by the caller.
        unsafe {
            // Halves of rows r and r + 2 in one register, so that what is left stays within halves.
            let pair = |r: usize, half: usize| {
                let at = |r: usize| _mm_loadu_pd(from.wrapping_offset(rows[r]).wrapping_add(2 * half));
                _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(at(r)), at(r + 2))
            };
            for half in 0..2 {
                let (even, odd) = (pair(0, half), pair(1, half));
                _mm256_storeu_pd(to.add(2 * half * step), _mm256_unpacklo_pd(even, odd));
                _mm256_storeu_pd(to.add((2 * half + 1) * step), _mm256_unpackhi_pd(even, odd));
            }
        }
    }

    /// Eight rows of eight numbers to eight columns.
    ///
    /// # Safety
    /// As [`Lanes::turn`], with AVX2.
    #[inline(always)]
    unsafe fn turn_8(from: *const f32, rows: &[isize], to: *mut f32, step: usize) {
        // SAFETY: given by the caller.
        unsafe {
            // Halves of rows r and r + 4 in one register, so that what is left stays within halves.
            let pair = |r: usize, half: usize| {
                let at = |r: usize| _mm_loadu_ps(from.wrapping_offset(rows[r]).wrapping_add(4 * half));
                _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(at(r)), at(r + 4))
            };
            for half in 0..2 {
                let [r0, r1, r2, r3] = [pair(0, half), pair(1, half), pair(2, half), pair(3, half)];
                let (low, high) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
                let (low2, high2) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
                let columns = [
                    _mm256_shuffle_ps::<0x44>(low, low2),
                    _mm256_shuffle_ps::<0xEE>(low, low2),
                    _mm256_shuffle_ps::<0x44>(high, high2),
                    _mm256_shuffle_ps::<0xEE>(high, high2),
                ];
                for (q, column) in columns.into_iter().enumerate() {
                    _mm256_storeu_ps(to.add((4 * half + q) * step), column);
                }
            }
        }
    }

    /// One register type: the instructions of its operations, and its masks of the first `n` lanes.
    ///
    /// Comparisons are of the kind that NaN passes: `NLE_UQ` is "not less or equal", `NEQ_UQ` "not equal".
    macro_rules! register {
        ($name:ident($raw:ty) of $count:literal $t:ty, $turn:ident of $side:literal; $splat:ident $load:ident $store:ident $fma:ident $add:ident
         $mul:ident; first |$n:ident| $first:expr, |$lp:ident, $lm:ident| $load_first:expr,
         |$sp:ident, $sm:ident, $sx:ident| $store_first:expr;
         where |$rx:ident, $ro:ident| $relu:expr, |$kx:ident, $km:ident, $ko:ident| $keep:expr) => {
            #[derive(Copy, Clone)]
            pub(in super::super) struct $name($raw);

            impl Lanes<$t> for $name {
                const COUNT: usize = $count;
                const SIDE: usize = $side;
                #[inline(always)]
                unsafe fn turn(from: *const $t, rows: &[isize], to: *mut $t, step: usize) {
                    // SAFETY: given by the caller; a processor with registers of 512 bits has those of 256.
                    unsafe { $turn(from, rows, to, step) }
                }
                #[inline(always)]
                unsafe fn splat(x: $t) -> Self {
                    // SAFETY: the caller's processor has the instruction.
                    unsafe { $name($splat(x)) }
                }
                #[inline(always)]
                unsafe fn load(p: *const $t) -> Self {
                    // SAFETY: the processor has the instruction, and the caller gives a register's worth of numbers.
                    unsafe { $name($load(p)) }
                }
                #[inline(always)]
                unsafe fn load_first($lp: *const $t, $n: usize) -> Self {
                    // SAFETY: as `load`; lanes outside the mask are not touched.
                    unsafe {
                        let $lm = $first;
                        $name($load_first)
                    }
                }
                #[inline(always)]
                unsafe fn store(self, p: *mut $t) {
                    // SAFETY: the processor has the instruction, and the caller gives room for a register.
                    unsafe { $store(p, self.0) }
                }
                #[inline(always)]
                unsafe fn store_first(self, $sp: *mut $t, $n: usize) {
                    // SAFETY: as `store`; lanes outside the mask are not touched.
                    unsafe {
                        let ($sm, $sx) = ($first, self.0);
                        $store_first
                    }
                }
                #[inline(always)]
                unsafe fn fma(self, a: Self, b: Self) -> Self {
                    // SAFETY: the caller's processor has the instruction.
                    unsafe { $name($fma(self.0, a.0, b.0)) }
                }
                #[inline(always)]
                unsafe fn add(self, a: Self) -> Self {
                    // SAFETY: the caller's processor has the instruction.
                    unsafe { $name($add(self.0, a.0)) }
                }
                #[inline(always)]
                unsafe fn mul(self, a: Self) -> Self {
                    // SAFETY: the caller's processor has the instruction.
                    unsafe { $name($mul(self.0, a.0)) }
                }
                #[inline(always)]
                unsafe fn relu(self) -> Self {
                    // SAFETY: the caller's processor has the instruction.
                    unsafe {
                        let ($rx, $ro) = (self.0, $splat(0.0));
                        $name($relu)
                    }
                }
                #[inline(always)]
                unsafe fn keep(self, mask: Self) -> Self {
                    // SAFETY: the caller's processor has the instruction.
                    unsafe {
                        let ($kx, $km, $ko) = (self.0, mask.0, $splat(0.0));
                        $name($keep)
                    }
                }
            }
        };
    }

    register! { F64x4(__m256d) of 4 f64, turn_4 of 4; _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd
    _mm256_add_pd _mm256_mul_pd;
    first |n| _mm256_cmpgt_epi64(_mm256_set1_epi64x(n as i64), _mm256_setr_epi64x(0, 1, 2, 3)),
    |p, m| _mm256_maskload_pd(p, m), |p, m, x| _mm256_maskstore_pd(p, m, x);
    where |x, o| _mm256_and_pd(x, _mm256_cmp_pd::<_CMP_NLE_UQ>(x, o)),
           |x, m, o| _mm256_and_pd(x, _mm256_cmp_pd::<_CMP_NEQ_UQ>(m, o)) }
    register! { F32x8(__m256) of 8 f32, turn_8 of 8; _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps
    _mm256_add_ps _mm256_mul_ps;
    first |n| _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
    |p, m| _mm256_maskload_ps(p, m), |p, m, x| _mm256_maskstore_ps(p, m, x);
    where |x, o| _mm256_and_ps(x, _mm256_cmp_ps::<_CMP_NLE_UQ>(x, o)),
           |x, m, o| _mm256_and_ps(x, _mm256_cmp_ps::<_CMP_NEQ_UQ>(m, o)) }
    register! { F64x8(__m512d) of 8 f64, turn_4 of 4; _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd
    _mm512_add_pd _mm512_mul_pd;
    first |n| ((1u32 << n) - 1) as __mmask8,
    |p, m| _mm512_maskz_loadu_pd(m, p), |p, m, x| _mm512_mask_storeu_pd(p, m, x);
    where |x, o| _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_NLE_UQ>(x, o), x),
           |x, m, o| _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(m, o), x) }
    register! { F32x16(__m512) of 16 f32, turn_8 of 8; _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps
    _mm512_add_ps _mm512_mul_ps;
    first |n| ((1u32 << n) - 1) as __mmask16,
    |p, m| _mm512_maskz_loadu_ps(m, p), |p, m, x| _mm512_mask_storeu_ps(p, m, x);
    where |x, o| _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLE_UQ>(x, o), x),
           |x, m, o| _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(m, o), x) }
}
