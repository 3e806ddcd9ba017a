//! Views: nests that only read another array elsewhere. They are read through, so no copy of theirs is made; an output
//! that shows all of a product with its axes in another order is that product, written in this order.

use super::{ArrayId, Arrays, At, Body, Definition, Factor, Guard, Nest, Read};

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
pub(super) fn through(read: &Read, view: &Read) -> Read {
    let by = |label: usize| read.at[label].clone();
    let mut guards: Vec<Guard> = view.guards.iter().map(|g| g.substitute(&by)).collect();
    guards.extend(read.guards.iter().cloned());
    Read { array: view.array, at: view.at.iter().map(|t| t.substitute(&by)).collect(), guards }
}

/// Outputs that are products with their axes in another order become these products, if nobody else reads them.
pub fn turn_outputs(arrays: &mut Arrays) {
    let mut users = vec![0u32; arrays.arrays.len()];
    for array in &arrays.arrays {
        array.definition.each_operand(&mut |a| users[a.index()] += 1);
    }
    arrays.outputs.iter().for_each(|o| users[o.index()] += 1);
    for n in 0..arrays.outputs.len() {
        let output = arrays.outputs[n];
        let Some((shown, labels)) = arrays[output].as_nest().and_then(turned) else { continue };
        let whole = labels.iter().zip(&arrays[shown].shape).all(|(&l, &e)| arrays[output].shape[l] == e);
        let alone = users[shown.index()] == 1 && arrays[shown].entry == arrays[output].entry && whole;
        let Some(nest) = arrays[shown].as_nest().filter(|_| alone) else { continue };
        let Body::Product(factors) = &nest.body else { continue };
        let by = |label: usize| At::label(labels.get(label).copied().unwrap_or(label));
        let mut extents = nest.extents.clone();
        labels.iter().enumerate().for_each(|(axis, &label)| extents[label] = nest.extents[axis]);
        let made = Nest {
            extents,
            guards: nest.guards.iter().map(|g| g.substitute(&by)).collect(),
            body: Body::Product(factors.iter().map(|f: &Factor| f.substitute(&by)).collect()),
            ..*nest
        };
        arrays.arrays[output.index()].definition = Definition::Nest(made);
    }
}

/// The array that a nest shows with its axes in another order, and the label at which each of its axes is read.
fn turned(nest: &Nest) -> Option<(ArrayId, Vec<usize>)> {
    let read = as_view(nest).filter(|r| r.guards.is_empty() && r.at.len() == nest.free)?;
    let labels: Vec<usize> = read.at.iter().map(At::as_label).collect::<Option<_>>()?;
    let mut sorted = labels.clone();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..nest.free).then_some((read.array, labels))
}
