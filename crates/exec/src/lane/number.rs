//! The numbers that a plan computes with: `f64` and `f32`.

use super::program::Precision;
use crate::gemm::Real;
use crate::vector::{Kernel, Loop};
use chainrule_core::scalar::Scalar;

/// A floating-point number with a bit view, as programs see it.
pub trait Number:
    Scalar + Real + std::ops::AddAssign + Copy + Send + Sync + Default + PartialOrd + 'static
{
    /// Which of the two.
    const PRECISION: Precision;
    /// All bits set: a mask that holds.
    const TRUE: Self;

    /// From a double, rounded.
    fn of(x: f64) -> Self;
    /// Bits, widened.
    fn bits(self) -> u64;
    /// From the lower bits.
    fn from_bits(bits: u64) -> Self;
    /// `self · b + c`, rounded once.
    fn fused(self, b: Self, c: Self) -> Self;
    /// Smallest integer not below.
    fn ceiling(self) -> Self;
    /// Nearest integer, ties to even.
    fn nearest(self) -> Self;
    /// The loop of a vector function over these numbers.
    fn kernel(of: &Kernel) -> Loop<Self>;
}

macro_rules! number {
    ($float:ident, $bits:ident, $precision:ident) => {
        impl Number for $float {
            const PRECISION: Precision = Precision::$precision;
            const TRUE: $float = $float::from_bits($bits::MAX);

            fn of(x: f64) -> $float {
                x as $float
            }

            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn from_bits(bits: u64) -> $float {
                $float::from_bits(bits as $bits)
            }

            #[inline(always)]
            fn fused(self, b: $float, c: $float) -> $float {
                $float::mul_add(self, b, c)
            }

            fn ceiling(self) -> $float {
                $float::ceil(self)
            }

            fn kernel(of: &Kernel) -> Loop<$float> {
                of.$float
            }

            fn nearest(self) -> $float {
                $float::round_ties_even(self)
            }
        }
    };
}

number!(f64, u64, F64);
number!(f32, u32, F32);
