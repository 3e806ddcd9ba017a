//! Vector elementary functions: one arithmetic, three faces, the same bits everywhere.
//!
//! Each function is written once over `lanes`, a small set of operations that IEEE 754 fixes to the bit. From it come
//! loops over slices ([`kernels`]), functions for compiled code by address (`address`), and reductions ([`reduce`]).
//! They run on AVX2 with FMA where the machine has it and on arrays where it has not, with equal bits; the tail of a
//! slice has the bits of any other place. Errors are at most 2 ulp; each file says how it gets there.
//!
//! | file | functions |
//! |---|---|
//! | `exponential` | exp, expm1, sigmoid, softplus, sinh, cosh, tanh |
//! | `logarithm` | log, log1p, asinh |
//! | `circular` | sin, cos, tan |
//! | `inverse` | atan, atan2, asin, acos |
//! | `power` | pow, cbrt |
//! | `error` | erf, gelu |
//! | `exact` | what IEEE 754 fixes; and the rare functions, by the core's code |
//!
//! ```
//! use chainrule_exec::vector::{Loop, kernel};
//! let Loop::One(exp) = kernel("exp").unwrap().f64 else { unreachable!() };
//! let mut y = [0.0; 3];
//! exp(&[0.0, 1.0, f64::NEG_INFINITY], &mut y);
//! assert_eq!([y[0], y[2]], [1.0, 0.0]);
//! assert!((y[1] / std::f64::consts::E - 1.0).abs() <= 2.0 * f64::EPSILON);
//! ```

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod call;
pub(crate) mod circular;
mod coefficients;
mod compensated;
mod error;
mod exact;
pub(crate) mod exponential;
pub(crate) mod function;
mod inverse;
mod kernel;
pub(crate) mod lanes;
pub(crate) mod logarithm;
mod portable;
mod power;
pub mod reduce;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
pub use call::{Operand, address};
pub use kernel::{Kernel, Loop, has_avx2, kernel, kernels, number_f64, sincos_f32, sincos_f64};
