//! Lanes: the few operations of a vector register from which every function here is written, once.
//!
//! Every operation is one that IEEE 754 or the integers fix to the bit, so two implementations agree to the bit.
//! A mask is a register whose lanes have the sign bit set where it holds; [`Lanes::select`] reads only that bit.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// Polynomials and split constants of one precision; `coefficients.rs` says what each approximates.
#[allow(missing_docs, reason = "described where they are stated")]
pub(crate) trait Constants: Sized + 'static {
    const EXP: &'static [Self];
    const LOG: &'static [Self];
    const LOG_TAIL: &'static [Self];
    const SIN: &'static [Self];
    const COS: &'static [Self];
    const ATAN: &'static [Self];
    const ASIN: &'static [Self];
    const ERF: &'static [Self];
    const ERFC: &'static [Self];
    const CBRT: &'static [Self];
    const LN2: [Self; 2];
    const HALF_PI: [Self; 3];
    const TWO_THIRDS: [Self; 2];
    const CBRT_2: [Self; 1];
    const CBRT_HALF: [Self; 1];
}

/// A floating-point number that fills a lane.
pub(crate) trait Float: Constants + Copy + PartialOrd + chainrule_core::scalar::Scalar {
    /// Bits of the number.
    const WIDTH: u32;
    /// Bits of the stored mantissa.
    const MANTISSA: u32;
    /// Exponent bits of 1.
    const BIAS: u64;
    /// Exponents of `exp` beyond which the result is infinite or zero: clamps of the argument.
    const EXP_RANGE: (f64, f64);
    /// Arguments of sine and cosine beyond this go to the scalar code.
    const TRIG_LIMIT: f64;
    fn of(x: f64) -> Self;
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
    fn fma(self, b: Self, c: Self) -> Self;
    fn ties_even(self) -> Self;
    /// Sine, cosine and tangent of an argument of any size, by the scalar code.
    fn huge(self) -> [Self; 3];
}

/// A function that scalar code knows for arguments of any size, by its place in [`Float::huge`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Scalar {
    Sin,
    Cos,
    Tan,
}

macro_rules! float {
    ($float:ident, $bits:ident, $mantissa:literal, $range:expr, $limit:expr) => {
        impl Float for $float {
            const WIDTH: u32 = $bits::BITS;
            const MANTISSA: u32 = $mantissa;
            const BIAS: u64 = $float::MAX_EXP as u64 - 1;
            const EXP_RANGE: (f64, f64) = $range;
            const TRIG_LIMIT: f64 = $limit;
            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $float
            }
            #[inline(always)]
            fn bits(self) -> u64 {
                u64::from(self.to_bits())
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                $float::from_bits(bits as $bits)
            }
            #[inline(always)]
            fn fma(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
            #[inline(always)]
            fn ties_even(self) -> Self {
                self.round_ties_even()
            }
            fn huge(self) -> [Self; 3] {
                // The single result is that of double precision, rounded.
                let x = f64::from(self);
                [libm::sin(x) as $float, libm::cos(x) as $float, libm::tan(x) as $float]
            }
        }
    };
}
float!(f64, u64, 52, (-746.0, 710.6), 1_048_576.0);
float!(f32, u32, 23, (-105.0, 89.6), 65_536.0);

/// A vector of numbers: what functions are written over.
pub(crate) trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// The number in a lane.
    type F: Float;

    fn splat(x: Self::F) -> Self;
    /// `self·b + c`, rounded once.
    fn fma(self, b: Self, c: Self) -> Self;
    fn sqrt(self) -> Self;
    /// Nearest whole number, halves to even.
    fn round(self) -> Self;
    fn floor(self) -> Self;
    /// `self < b ? self : b`, so `b` where either is NaN.
    fn min(self, b: Self) -> Self;
    /// `self > b ? self : b`, so `b` where either is NaN.
    fn max(self, b: Self) -> Self;
    fn and(self, b: Self) -> Self;
    fn or(self, b: Self) -> Self;
    fn xor(self, b: Self) -> Self;
    /// The bits as an integer, moved up.
    fn shl(self, by: u32) -> Self;
    /// The bits as an unsigned integer, moved down.
    fn shr(self, by: u32) -> Self;
    /// Sum of the bits as integers, wrapping.
    fn iadd(self, b: Self) -> Self;
    /// Difference of the bits as integers, wrapping.
    fn isub(self, b: Self) -> Self;
    fn lt(self, b: Self) -> Self;
    fn le(self, b: Self) -> Self;
    fn equal(self, b: Self) -> Self;
    /// Where the lane is NaN.
    fn nan(self) -> Self;
    /// `mask ? a : b`, by the sign bit of the mask.
    fn select(mask: Self, a: Self, b: Self) -> Self;
    /// `y`, but where the mask holds, which is rare, what the scalar code says of `x`: `which` of [`Float::huge`].
    fn or_scalar(mask: Self, x: Self, y: Self, which: Scalar) -> Self;

    /// A constant, rounded to the lane's precision.
    #[inline(always)]
    fn of(x: f64) -> Self {
        Self::splat(Self::F::of(x))
    }
    /// A bit pattern in every lane.
    #[inline(always)]
    fn pattern(bits: u64) -> Self {
        Self::splat(Self::F::from_bits(bits))
    }
    #[inline(always)]
    fn sign_bit() -> Self {
        Self::of(-0.0)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.xor(self.and(Self::sign_bit()))
    }
    /// `self` with the sign of `of` multiplied in.
    #[inline(always)]
    fn signed(self, of: Self) -> Self {
        self.xor(of.and(Self::sign_bit()))
    }
    /// Horner's rule, coefficients from the constant upwards.
    #[inline(always)]
    fn polynomial(self, coefficients: &'static [Self::F]) -> Self {
        let last = coefficients.len() - 1;
        coefficients[..last]
            .iter()
            .rev()
            .fold(Self::splat(coefficients[last]), |p, &c| p.fma(self, Self::splat(c)))
    }
}

/// A register of numbers: lanes that can be counted, read and written.
pub(crate) trait Register: Lanes {
    /// Number of lanes.
    const N: usize;

    /// # Safety
    /// `from` is valid for reading `N` numbers; no alignment is asked for.
    #[allow(unsafe_code, reason = "the caller states the argument")]
    unsafe fn load(from: *const Self::F) -> Self;
    /// # Safety
    /// `to` is valid for writing `N` numbers; no alignment is asked for.
    #[allow(unsafe_code, reason = "the caller states the argument")]
    unsafe fn store(self, to: *mut Self::F);
    /// Whether the mask holds anywhere.
    fn any(self) -> bool;

    /// What [`Lanes::or_scalar`] is of a register.
    #[inline(always)]
    fn where_any(mask: Self, x: Self, y: Self, which: Scalar) -> Self {
        if mask.any() { Self::select(mask, Self::each(&[x], |x| x[0].huge()[which as usize]), y) } else { y }
    }
    /// A result computed lane by lane by scalar code.
    #[inline(always)]
    fn each(args: &[Self], f: impl Fn(&[Self::F]) -> Self::F) -> Self {
        let mut input = [[Self::F::of(0.0); 8]; 3];
        let mut output = [Self::F::of(0.0); 8];
        for (row, arg) in input.iter_mut().zip(args) {
            // SAFETY: a row holds 8 numbers, and N is at most 8.
            #[allow(unsafe_code, reason = "argued above")]
            unsafe {
                arg.store(row.as_mut_ptr());
            }
        }
        for (lane, y) in output.iter_mut().enumerate().take(Self::N) {
            let arguments = [input[0][lane], input[1][lane], input[2][lane]];
            *y = f(&arguments[..args.len()]);
        }
        // SAFETY: `output` holds 8 numbers, and N is at most 8.
        #[allow(unsafe_code, reason = "argued above")]
        unsafe {
            Self::load(output.as_ptr())
        }
    }
}
