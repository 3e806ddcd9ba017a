//! The passes over arrays before they are scheduled, in their order.

use super::{Arrays, chain, ends, hoist, kept, matrix, merge, narrow, order, prefix, scatter, slice, view};

/// Arrays that compute the same with less work, and in forms that kernels know.
pub fn rewrite(arrays: Arrays) -> Arrays {
    let mut arrays = arrays.prune();
    arrays.copy_outputs();
    let mut arrays = outside(read_through(narrow::narrow(arrays)));
    view::turn_outputs(&mut arrays);
    ends::keep_ends(&mut arrays);
    chain::join(&mut arrays);
    let arrays = order::split(prefix::split(arrays.prune()));
    let mut arrays = matrix::prepare(arrays).prune();
    scatter::solve(&mut arrays);
    arrays
}

/// Reads of views and of pieces become reads of what these show.
fn read_through(mut arrays: Arrays) -> Arrays {
    view::read_through(&mut arrays);
    let mut arrays = slice::split(arrays.prune());
    view::read_through(&mut arrays);
    arrays.prune()
}

/// What no carry has a say in leaves its recurrence, and is merged with what is computed outside already;
/// what is computed again outside is kept by the step.
fn outside(arrays: Arrays) -> Arrays {
    match arrays.recurrences.is_empty() {
        true => arrays,
        false => kept::keep(merge::merge(read_through(hoist::hoist(arrays, &read_through)))),
    }
}
