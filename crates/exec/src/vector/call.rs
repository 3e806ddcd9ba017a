//! The same functions for compiled code: one register in, one register out, by address.
//!
//! The calling convention is System V's, so arguments come in `ymm0`, `ymm1`, `ymm2` (or `xmm0`, … for one number) and the
//! result leaves in the first.
#![allow(unsafe_code, reason = "functions that need AVX2")]
#![allow(
    improper_ctypes_definitions,
    reason = "System V passes a 256-bit vector in ymm0; tests call by address"
)]

use super::avx2::{Doubles, Singles};
use super::function::{self, Function, each_function, value};
use super::kernel::has_avx2;
use super::lanes::{Lanes, Register};
use super::portable::Portable;
use std::arch::x86_64::{__m256, __m256d};

/// What a compiled call passes and receives.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Four `f64` in a 256-bit register.
    F64x4,
    /// Eight `f32` in a 256-bit register.
    F32x8,
    /// One `f64`.
    F64,
    /// One `f32`.
    F32,
}

macro_rules! registers {
    ($one:ident, $two:ident, $three:ident, $type:ty, $lanes:ident) => {
        #[target_feature(enable = "avx2,fma")]
        extern "sysv64" fn $one<G: Function>(x: $type) -> $type {
            value::<G, _>([$lanes(x), $lanes(x), $lanes(x)]).0
        }
        #[target_feature(enable = "avx2,fma")]
        extern "sysv64" fn $two<G: Function>(x: $type, y: $type) -> $type {
            value::<G, _>([$lanes(x), $lanes(y), $lanes(y)]).0
        }
        #[target_feature(enable = "avx2,fma")]
        extern "sysv64" fn $three<G: Function>(x: $type, y: $type, z: $type) -> $type {
            value::<G, _>([$lanes(x), $lanes(y), $lanes(z)]).0
        }
    };
}
registers!(doubles1, doubles2, doubles3, __m256d, Doubles);
registers!(singles1, singles2, singles3, __m256, Singles);

macro_rules! numbers {
    ($one:ident, $two:ident, $three:ident, $value:ident, $type:ident, $lanes:ident, $n:literal) => {
        #[target_feature(enable = "avx2,fma")]
        fn $value<G: Function>(args: [$type; 3]) -> $type {
            let mut out = [0.0; $n];
            // SAFETY: the array has as many numbers as the register.
            unsafe { value::<G, _>(args.map($lanes::splat)).store(out.as_mut_ptr()) };
            out[0]
        }
        extern "sysv64" fn $one<G: Function>(x: $type) -> $type {
            $two::<G>(x, x)
        }
        extern "sysv64" fn $two<G: Function>(x: $type, y: $type) -> $type {
            $three::<G>(x, y, y)
        }
        extern "sysv64" fn $three<G: Function>(x: $type, y: $type, z: $type) -> $type {
            if has_avx2() {
                // SAFETY: both features were just found.
                unsafe { $value::<G>([x, y, z]) }
            } else {
                value::<G, _>([x, y, z].map(|x| Portable([x]))).0[0]
            }
        }
    };
}
numbers!(double1, double2, double3, double, f64, Doubles, 4);
numbers!(single1, single2, single3, single, f32, Singles, 8);

/// The address of a function for this kind of operand; it takes as many as the core's map of that name.
///
/// `None` where no function has the name, or this machine lacks AVX2 for a register operand. The functions keep System
/// V's rules: they may change every register but `rbx`, `rbp`, `rsp`, `r12` to `r15`.
pub fn address(name: &str, operand: Operand) -> Option<usize> {
    if matches!(operand, Operand::F64x4 | Operand::F32x8) && !has_avx2() {
        return None;
    }
    macro_rules! search {
        ($($id:ident),*) => { $(
            if name == <function::$id as Function>::NAME {
                return Some(of::<function::$id>(operand));
            }
        )* };
    }
    each_function!(search);
    None
}

fn of<G: Function>(operand: Operand) -> usize {
    let of_registers = |one: *const (), two: *const (), three: *const ()| match G::ARITY {
        1 => one as usize,
        2 => two as usize,
        _ => three as usize,
    };
    match operand {
        Operand::F64x4 => {
            of_registers(doubles1::<G> as *const (), doubles2::<G> as *const (), doubles3::<G> as *const ())
        }
        Operand::F32x8 => {
            of_registers(singles1::<G> as *const (), singles2::<G> as *const (), singles3::<G> as *const ())
        }
        Operand::F64 => {
            of_registers(double1::<G> as *const (), double2::<G> as *const (), double3::<G> as *const ())
        }
        Operand::F32 => {
            of_registers(single1::<G> as *const (), single2::<G> as *const (), single3::<G> as *const ())
        }
    }
}
