//! The elementwise functions that programs call, by the number of their map.

use crate::lane::Number;
use crate::lane::program::{Function, Precision};
use crate::vector::{Kernel, Loop, kernel};
use chainrule_core::ops::map::{MAPS, Map};
use std::sync::OnceLock;

/// The vector function of each map.
fn table() -> &'static [&'static Kernel] {
    static TABLE: OnceLock<Vec<&'static Kernel>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let of = |map: &&Map| kernel(map.name).expect("invariant: every map has a vector function");
        MAPS.iter().map(of).collect()
    })
}

/// Values of a function for slices of arguments.
pub(super) fn evaluate<T: Number>(function: Function, args: &[&[T]], out: &mut [T]) {
    match T::kernel(table()[usize::from(function.0)]) {
        Loop::One(f) => f(args[0], out),
        Loop::Two(f) => f(args[0], args[1], out),
        Loop::Three(f) => f(args[0], args[1], args[2], out),
    }
}

/// Where machine code finds a function for whole registers.
#[cfg(target_arch = "x86_64")]
pub(super) fn address(function: Function, precision: Precision) -> Option<usize> {
    use crate::vector::{Operand, address};
    let operand = match precision {
        Precision::F64 => Operand::F64x4,
        Precision::F32 => Operand::F32x8,
    };
    address(Map::by_id(function.0).name, operand)
}

/// There is no machine code for this processor.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn address(_: Function, _: Precision) -> Option<usize> {
    None
}
