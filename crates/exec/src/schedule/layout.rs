//! Layouts: neighbouring lanes read and write neighbours in memory.
//!
//! Lanes run over the innermost loop. A temporary that lanes would cross with a stride has its axes in another order, the
//! axis of the lanes last. An operand that keeps its order, and is crossed again and again, is copied in that order once.

use super::{Schedule, Work, is_fused};
use crate::array::{
    ArrayId, Arrays, At, Atom, Body, Definition, Entry, Factor, Guard, Nest, Place, Read, Reduction,
};
use smallvec::SmallVec;

/// Entries that must be read or written across memory before anything changes: some microseconds.
const LEAST: f64 = 8192.0;
/// How often every entry of an operand must be read across memory before a copy of it pays.
const AGAIN: f64 = 4.0;
/// How much more reads there must be across memory than along it.
const MOST: f64 = 2.0;

/// How lanes read and write an array, in entries.
#[derive(Clone, Default)]
struct Use {
    /// Along memory.
    along: f64,
    /// Across memory, for each axis that is not the last.
    across: Vec<f64>,
    /// One entry for all lanes.
    still: f64,
    /// Whether an index of another kind depends on the lane, or somebody else reads the array as it is.
    fixed: bool,
}

impl Use {
    /// The axis that is crossed most, with the entries that are read or written across it.
    fn crossed(&self) -> Option<(usize, f64)> {
        let most =
            self.across.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        most.filter(|&(_, entries)| entries >= LEAST && entries > MOST * (self.along + self.still))
    }
}

/// The arrays with better layouts, if some are better; their numbers change.
pub fn improve(arrays: &Arrays, schedule: &Schedule) -> Option<Arrays> {
    let uses = uses(arrays, schedule);
    let mut kernels = vec![false; arrays.arrays.len()];
    for step in &schedule.steps {
        if let Work::Matrix(id, matrix) = &step.work {
            kernels[id.index()] = true;
            matrix.reads().for_each(|a| kernels[a.index()] = true);
        }
    }
    arrays.outputs.iter().for_each(|o| kernels[o.index()] = true);
    let (mut turned, mut copied) = (Vec::new(), Vec::new());
    for (k, of) in uses.iter().enumerate() {
        let Some((axis, entries)) = of.crossed() else { continue };
        let array = &arrays.arrays[k];
        let id = ArrayId(k as u32);
        if !of.fixed && !kernels[k] && schedule.stored[k] && array.as_nest().is_some() {
            turned.push((id, axis));
        } else if array.entry == Entry::Real && entries >= AGAIN * array.count() as f64 {
            copied.push((id, axis));
        }
    }
    if turned.is_empty() && copied.is_empty() {
        return None;
    }
    let mut better = arrays.clone();
    turned.iter().for_each(|&(id, axis)| turn(&mut better, id, axis));
    Some(match copied.is_empty() {
        true => better,
        false => copy(better, schedule, &copied),
    })
}

/// How every array is read and written by lanes.
fn uses(arrays: &Arrays, schedule: &Schedule) -> Vec<Use> {
    let mut uses: Vec<Use> =
        arrays.arrays.iter().map(|a| Use { across: vec![0.0; a.shape.len()], ..Use::default() }).collect();
    for array in &arrays.arrays {
        match &array.definition {
            Definition::Nest(nest) | Definition::Scatter(nest, _) => {
                nest.each_guard(&mut |guard| {
                    if let Guard::Holds(array, ..) = guard {
                        uses[array.index()].fixed = true;
                    }
                });
            }
            definition => definition.each_operand(&mut |a| uses[a.index()].fixed = true),
        }
    }
    for step in &schedule.steps {
        let Work::Loops { order, members } = &step.work else { continue };
        let Some(&lane) = order.last() else { continue };
        for &m in members {
            let Some(nest) = arrays[m].loops() else { continue };
            let label = (0..nest.extents.len()).find(|&l| schedule.classes.of(m, l) == lane);
            let Some(label) = label else { continue };
            let looped = |l: usize| schedule.classes.is_looped(schedule.classes.of(m, l));
            let mut count = |array: ArrayId, at: &[At]| {
                let entries = entries(nest, at, label, &looped);
                uses[array.index()].add(&arrays[array].shape, at, label, entries);
            };
            if schedule.stored[m.index()] && label < nest.free && arrays[m].as_nest().is_some() {
                let own: Place = (0..nest.free).map(At::label).collect();
                count(m, &own);
            }
            for read in nest.body.reads() {
                if members.contains(&read.array)
                    && is_fused(m, read.array, &read.at, arrays, &schedule.classes)
                {
                    continue;
                }
                // What is computed anew is read through.
                let mut open: Vec<(ArrayId, Place)> = vec![(read.array, read.at.clone())];
                while let Some((array, at)) = open.pop() {
                    if !schedule.recomputed[array.index()] {
                        count(array, &at);
                        continue;
                    }
                    let Some(inner) = arrays[array].as_nest() else { continue };
                    let by = |l: usize| at[l].clone();
                    let places = inner
                        .body
                        .reads()
                        .map(|r| (r.array, r.at.iter().map(|t| t.substitute(&by)).collect()));
                    open.extend(places);
                }
            }
        }
    }
    uses
}

/// Entries that a nest reads or writes at a place: each once for every turn of the loops.
fn entries(nest: &Nest, at: &[At], lane: usize, looped: &dyn Fn(usize) -> bool) -> f64 {
    let mut named = vec![false; nest.extents.len()];
    at.iter().for_each(|t| t.each_label(&mut |l| named[l] = true));
    // What is the same for all lanes is read outside of their loop.
    let crossed = named[lane];
    let of = (0..nest.extents.len()).filter(|&l| named[l] || (crossed && looped(l)));
    of.map(|l| nest.extents[l] as f64).product()
}

impl Use {
    fn add(&mut self, shape: &[usize], at: &[At], lane: usize, entries: f64) {
        let mut found = None;
        for (axis, index) in at.iter().enumerate() {
            let mut names = false;
            index.each_label(&mut |l| names |= l == lane);
            if names {
                let alone = matches!(index.parts[..], [(Atom::Label(_), 1)]);
                self.fixed |= found.is_some() || !alone;
                found = Some(axis);
            }
        }
        let Some(axis) = found else {
            self.still += entries;
            return;
        };
        match shape[axis + 1..].iter().all(|&e| e == 1) {
            true => self.along += entries,
            false => self.across[axis] += entries,
        }
    }
}

/// The axes with one of them last.
fn last(rank: usize, axis: usize) -> SmallVec<[usize; 4]> {
    (0..rank).filter(|&a| a != axis).chain([axis]).collect()
}

/// Puts one axis of a temporary last, wherever it is made and read.
fn turn(arrays: &mut Arrays, id: ArrayId, axis: usize) {
    let order = last(arrays[id].shape.len(), axis);
    let turned = |at: &Place| -> Place { order.iter().map(|&a| at[a].clone()).collect() };
    let array = &mut arrays.arrays[id.index()];
    array.shape = order.iter().map(|&a| array.shape[a]).collect();
    if let Definition::Nest(nest) = &mut array.definition {
        let free = nest.free;
        let place = |l: usize| match order.iter().position(|&a| a == l) {
            Some(new) if l < free => At::label(new),
            _ => At::label(l),
        };
        let extents = nest.extents.clone();
        order.iter().enumerate().for_each(|(new, &old)| nest.extents[new] = extents[old]);
        nest.substitute(&place);
    }
    for array in &mut arrays.arrays {
        if let Definition::Nest(nest) | Definition::Scatter(nest, _) = &mut array.definition {
            for read in nest.body.reads_mut().filter(|r| r.array == id) {
                read.at = turned(&read.at);
            }
        }
    }
}

/// Adds copies of arrays with one axis last; nests that loops compute read these.
fn copy(arrays: Arrays, schedule: &Schedule, copied: &[(ArrayId, usize)]) -> Arrays {
    let mut kernel = vec![false; arrays.arrays.len()];
    for step in &schedule.steps {
        if let Work::Matrix(id, _) = &step.work {
            kernel[id.index()] = true;
            // A sum into which a product was folded reads the product, which reads the factors.
            arrays[*id].definition.each_operand(&mut |a| kernel[a.index()] = true);
        }
    }
    // New numbers of arrays, and of copies by the new number of what they copy.
    let (mut new, mut copies): (Vec<ArrayId>, Vec<(ArrayId, ArrayId)>) = (Vec::new(), Vec::new());
    let shapes: Vec<SmallVec<[usize; 4]>> = arrays.arrays.iter().map(|a| a.shape.clone()).collect();
    arrays.rebuilt(|out, definition| {
        let here = new.len();
        if let (Definition::Nest(nest), false) = (&mut *definition, kernel[here]) {
            for &(old, axis) in copied.iter().filter(|(old, _)| old.index() < here) {
                let from = new[old.index()];
                if !nest.body.reads().any(|read| read.array == from) {
                    continue;
                }
                let order = last(shapes[old.index()].len(), axis);
                let known = copies.iter().find(|(of, _)| *of == from).map(|(_, copy)| *copy);
                let copy = known
                    .unwrap_or_else(|| out.nest(Entry::Real, copied_by(from, &shapes[old.index()], &order)));
                if known.is_none() {
                    copies.push((from, copy));
                }
                for read in nest.body.reads_mut().filter(|r| r.array == from) {
                    read.at = order.iter().map(|&a| read.at[a].clone()).collect();
                    read.array = copy;
                }
            }
        }
        new.push(ArrayId(out.arrays.len() as u32));
    })
}

/// Whether an array is a copy of what was there before the first step.
pub fn is_copy(arrays: &Arrays, id: ArrayId) -> bool {
    let Some(nest) = arrays[id].as_nest() else { return false };
    let Body::Product(factors) = &nest.body else { return false };
    let [factor] = &factors[..] else { return false };
    let given = matches!(arrays[factor.read.array].definition, Definition::Input(_) | Definition::Reals(_));
    let plain =
        factor.power == 1 && !factor.divides && factor.read.guards.is_empty() && nest.guards.is_empty();
    given && plain && nest.extents.len() == nest.free + 1 && nest.extents[nest.free] == 1
}

/// The nest that copies an array with its axes in another order.
fn copied_by(from: ArrayId, shape: &[usize], order: &[usize]) -> Nest {
    let free = order.len();
    let place = |axis: usize| {
        At::label(order.iter().position(|&a| a == axis).expect("invariant: every axis is there"))
    };
    let read = Read::new(from, (0..free).map(place));
    Nest {
        // A sum of one term is no view: it is kept, and read where it stands.
        extents: order.iter().map(|&a| shape[a]).chain([1]).collect(),
        free,
        reduction: Reduction::Sum,
        guards: Vec::new(),
        body: Body::Product(vec![Factor { read, power: 1, divides: false }]),
        absent: false,
    }
}

#[cfg(test)]
mod tests {
    use super::improve;
    use crate::array::lower::lower;
    use crate::array::passes::rewrite;
    use crate::schedule::schedule;
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    #[test]
    fn lanes_get_neighbours() {
        // t[k,i,c] = tanh(x[i,c] m[k,c]); s[k,i] sums it over c, and the last sum reads it with softmax of s over k.
        let text = "chainrule-graph 1
function f0 \"softmax\" composite softmax axes 0
%0 : real[200,1000] = input \"x\"
%1 : real[200,1000] = map exp %0
%2 : real[1000] = contract [1000|200] %1[#1,#0]
%3 : real[1000] = map recip %2
%4 : real[200,1000] = contract [200,1000|] %1[#0,#1] %3[#1]
formals %0
output %4
end
%0 : real[1000,5] = input \"x\"
%1 : real[200,5] = input \"m\"
%2 : real[200,1000,5] = contract [200,1000,5|] %0[#1,#2] %1[#0,#2]
%3 : real[200,1000,5] = map tanh %2
%4 : real[200,1000] = contract [200,1000|5] %3[#0,#1,#2]
%5 : real[200,1000] = named f0 %4
%6 : real[200,5] = contract [200,5|1000] %5[#0,#2] %3[#0,#2,#1]
output %6
";
        let (graph, outputs) = Graph::from_text(text).unwrap();
        let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
        let before = schedule(&arrays, true);
        let better = improve(&arrays, &before).unwrap();
        let after = schedule(&better, true);
        let stored = |shape: &[usize]| {
            (0..better.arrays.len()).any(|k| after.stored[k] && better.arrays[k].shape[..] == *shape)
        };
        assert!(stored(&[5, 1000]) && stored(&[200, 5, 1000]), "{:?}", better.arrays);
        assert!(!stored(&[200, 1000, 5]));
        // There is nothing left to improve.
        assert!(improve(&better, &after).is_none());
    }
}
