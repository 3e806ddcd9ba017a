//! What is cheaper to compute again than to keep: a difference of neighbours, a delta, a scaled input.
//!
//! Whoever reads such an array computes the entry it wants, wherever it wants it, so that `x[i+1] - x[i]^2` read at `i`
//! and at `i-1` needs no array of its own.

use crate::array::matrix::Matrix;
use crate::array::{Array, ArrayId, Arrays, Body, Definition, Nest};

/// Operations up to which an entry is computed again, those of what it reads included.
const CHEAP: usize = 4;

/// Cheap functions of inputs, that need not be in memory for another reason.
pub fn find(arrays: &Arrays, kept: &[bool], matrices: &[Option<Matrix>]) -> Vec<bool> {
    let mut recomputed = vec![false; arrays.arrays.len()];
    let mut whole = kept.to_vec();
    for matrix in matrices.iter().flatten() {
        matrix.reads().for_each(|a| whole[a.index()] = true);
    }
    let mut work = vec![0usize; arrays.arrays.len()];
    for (k, array) in arrays.arrays.iter().enumerate() {
        let Some(nest) = cheap(array) else { continue };
        if whole[k] {
            continue;
        }
        let mut total = nest.work();
        let mut from_inputs = true;
        nest.each_operand(&mut |a: ArrayId| {
            total += work[a.index()];
            let given = matches!(arrays[a].definition, Definition::Input(_) | Definition::Reals(_));
            let given = given || super::layout::is_copy(arrays, a);
            from_inputs &= given || recomputed[a.index()] || super::constant(&arrays[a]).is_some();
        });
        if from_inputs && total <= CHEAP {
            recomputed[k] = true;
            work[k] = total;
        }
    }
    recomputed
}

/// The nest of an array whose entries are a few additions and multiplications.
fn cheap(array: &Array) -> Option<&Nest> {
    let nest = array.as_nest()?;
    let plain = match &nest.body {
        Body::Const(_) | Body::Sum(_) => true,
        Body::Product(factors) => factors.iter().all(|f| !f.divides),
        _ => false,
    };
    // Numbers are computed once and passed on, not at each place.
    let spread = nest.free == nest.extents.len() && nest.free > 0;
    (plain && spread && array.count() > 1).then_some(nest)
}
