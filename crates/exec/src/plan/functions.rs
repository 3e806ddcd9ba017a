//! The elementwise functions that programs call, by the number of their map.

use crate::lane::Number;
use crate::lane::program::Function;
use chainrule_core::ops::map::{self, Map};
use smallvec::SmallVec;

/// Values of a function for slices of arguments.
pub(super) fn evaluate<T: Number>(function: Function, args: &[&[T]], out: &mut [T]) {
    let map = Map::by_id(function.0);
    for (k, y) in out.iter_mut().enumerate() {
        let point: SmallVec<[&T; 3]> = args.iter().map(|x| &x[k]).collect();
        *y = map::evaluate(map, &point);
    }
}
