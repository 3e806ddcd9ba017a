//! Views: nests that only read another array elsewhere. They are read through, so no copy of theirs is made.

use super::{ArrayId, Arrays, At, Body, Definition, Guard, Nest, Read};

/// Atoms of the heaviest read that is written out: chains of reshapes double with each step.
const HEAVIEST: usize = 48;

fn weight(read: &Read) -> usize {
    let guards: usize = read.guards.iter().flat_map(Guard::indices).map(At::weight).sum();
    guards + read.at.iter().map(At::weight).sum::<usize>()
}

/// Every read of a view becomes a read of what it shows. Outputs stay what they are.
pub fn read_through(arrays: &mut Arrays) {
    let mut shown: Vec<Option<Read>> = vec![None; arrays.arrays.len()];
    for k in 0..arrays.arrays.len() {
        let Definition::Nest(nest) = &mut arrays.arrays[k].definition else { continue };
        let seen = |id: ArrayId| shown[id.index()].as_ref();
        for read in nest.body.reads_mut() {
            if let Some(view) = seen(read.array) {
                let seen_through = through(read, view);
                if weight(&seen_through) <= HEAVIEST {
                    *read = seen_through;
                }
            }
        }
        shown[k] = as_view(nest);
    }
}

/// What a nest shows, if it is a view.
pub(super) fn as_view(nest: &Nest) -> Option<Read> {
    let Body::Product(factors) = &nest.body else { return None };
    let [factor] = &factors[..] else { return None };
    if nest.free < nest.extents.len() || factor.power != 1 || factor.divides {
        return None;
    }
    let mut read = factor.read.clone();
    read.guards.extend(nest.guards.iter().cloned());
    Some(read)
}

/// A read of a view as a read of what it shows.
fn through(read: &Read, view: &Read) -> Read {
    let by = |label: usize| read.at[label].clone();
    let mut guards: Vec<Guard> = view.guards.iter().map(|g| g.substitute(&by)).collect();
    guards.extend(read.guards.iter().cloned());
    Read { array: view.array, at: view.at.iter().map(|t| t.substitute(&by)).collect(), guards }
}
