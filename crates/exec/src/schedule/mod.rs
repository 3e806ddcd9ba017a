//! The schedule: which arrays are computed together in one step, which are kept in memory, in what order.
//!
//! Nests with the same loops whose operands are read where the loops stand are one step: values pass from one to the
//! next in registers, and what nobody else reads is never stored. Everything else passes through memory.

pub mod classes;
pub mod layout;
pub mod memory;
mod quotient;
pub mod recomputed;
pub mod strip;
pub mod triangle;

use crate::array::matrix::{self, Matrix};
use crate::array::support::{self, Halves};
use crate::array::{Array, ArrayId, Arrays, Body, Definition, Entry, Guard, Nest};
use classes::{Class, Classes};
use indexmap::IndexMap;
use smallvec::SmallVec;

/// What is done in one step.
#[derive(Clone, Debug)]
pub enum Work {
    /// Nests over the same loops, outermost class first; every member, operands before users.
    Loops {
        /// Classes that loops run over.
        order: SmallVec<[Class; 4]>,
        /// The nests.
        members: Vec<ArrayId>,
    },
    /// A kernel over whole operands.
    Whole(ArrayId),
    /// A matrix product.
    Matrix(ArrayId, Box<Matrix>),
    /// The recurrence with this number, and those of its trajectories that are needed.
    Recurrence(usize, Vec<ArrayId>),
    /// Steps that are run block by block of an axis.
    Strip(Box<strip::Strip>),
}

/// A step of the schedule.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub work: Work,
    /// Arrays that it writes to memory.
    pub writes: Vec<ArrayId>,
    /// Arrays that it reads from memory.
    pub reads: Vec<ArrayId>,
}

/// Steps in order.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The classes of labels.
    pub classes: Classes,
    /// The steps.
    pub steps: Vec<Step>,
    /// For each array, whether it is kept in memory.
    pub stored: Vec<bool>,
    /// For each array, whether whoever reads it computes it anew.
    pub recomputed: Vec<bool>,
    /// For each array, where its entries may differ from zero.
    pub supports: Vec<Halves>,
    /// For each array, where its entries are read.
    pub demands: Vec<Halves>,
}

/// What is known of arrays that are a part of a larger computation.
#[derive(Copy, Clone, Default)]
pub struct Around<'a> {
    /// A label of a nest that stays a loop, however short it is.
    pub looped: Option<(ArrayId, usize)>,
    /// Where inputs may differ from zero, by their numbers.
    pub supports: &'a [Halves],
    /// Where outputs are read, by their numbers.
    pub demands: &'a [Halves],
}

/// What nests must share to be one step.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    /// The looped classes, sorted.
    Loops(SmallVec<[Class; 4]>),
    /// Alone.
    Alone(ArrayId),
    /// Trajectories of one recurrence.
    Recurrence(usize),
}

/// Chooses steps.
pub fn schedule(arrays: &Arrays, fuse: bool) -> Schedule {
    schedule_around(arrays, fuse, &Around::default())
}

/// Chooses steps of what is a part of something larger.
pub fn schedule_around(arrays: &Arrays, fuse: bool, around: &Around<'_>) -> Schedule {
    let count = arrays.arrays.len();
    let mut matrices: Vec<Option<Matrix>> =
        (0..count).map(|k| matrix::recognise(arrays, ArrayId(k as u32))).collect();
    let folded = if fuse { matrix::finish(arrays, &mut matrices) } else { vec![false; count] };
    let supports = support::supports(arrays, around.supports);
    let demands = support::demands(arrays, around.demands);
    let triangles =
        if fuse { triangle::take(arrays, &mut matrices, &supports, &demands) } else { Vec::new() };
    let mut classes = Classes::new(arrays, &matrices, around.looped);
    if !triangle::settle(arrays, &mut matrices, &classes, triangles) {
        classes = Classes::new(arrays, &matrices, around.looped);
    }
    for (k, matrix) in matrices.iter_mut().enumerate() {
        // What is written out in full needs no kernel.
        if !classes.all(ArrayId(k as u32)).iter().any(|&c| classes.is_looped(c)) {
            *matrix = None;
        }
    }
    let mut levels = vec![0u32; count];
    let mut kinds: Vec<Option<Kind>> = vec![None; count];
    let mut groups: IndexMap<(u32, Kind), Vec<ArrayId>> = IndexMap::new();
    let kept = whole_operands(arrays);
    let recomputed = if fuse { recomputed::find(arrays, &kept, &matrices) } else { vec![false; count] };
    for k in 0..count {
        let id = ArrayId(k as u32);
        if folded[k] || recomputed[k] {
            continue;
        }
        let kind = match &arrays[id].definition {
            Definition::Nest(_) if constant(&arrays[id]).is_some() && !kept[k] => continue,
            Definition::Nest(nest) if fuse && matrices[k].is_none() => {
                Kind::Loops(loops_of(nest, id, &classes))
            }
            Definition::Nest(_) | Definition::Scatter(..) | Definition::Whole(..) => Kind::Alone(id),
            Definition::Carry { recurrence, .. } => Kind::Recurrence(*recurrence),
            _ => continue,
        };
        let mut level = 1;
        arrays[id].definition.each_operand(&mut |a| level = level.max(levels[a.index()] + 1));
        if let Some(matrix) = &matrices[k] {
            matrix.reads().for_each(|a| level = level.max(levels[a.index()] + 1));
        }
        if let (Definition::Nest(nest), Kind::Loops(_)) = (&arrays[id].definition, &kind) {
            level = 1;
            for (operand, fused) in operands(nest, id, arrays, &classes, &recomputed) {
                let same = fused && kinds[operand.index()].as_ref() == Some(&kind);
                let same = same && !quotient::is_kept(arrays, &classes, operand, id);
                let ready = levels[operand.index()] + u32::from(!same);
                level = level.max(ready);
            }
        }
        levels[k] = level;
        groups.entry((level, kind.clone())).or_default().push(id);
        kinds[k] = Some(kind);
    }
    let mut stored = vec![false; count];
    for (k, array) in arrays.arrays.iter().enumerate() {
        let id = ArrayId(k as u32);
        if kinds[k].is_none() {
            stored[k] = constant(array).is_none() && !folded[k] && !recomputed[k];
            continue;
        }
        match &array.definition {
            Definition::Nest(nest) if matrices[k].is_none() => {
                for (operand, fused) in operands(nest, id, arrays, &classes, &recomputed) {
                    let o = operand.index();
                    let same = fused && kinds[o] == kinds[k] && levels[o] == levels[k];
                    stored[o] |= !same;
                }
            }
            definition => match &matrices[k] {
                Some(matrix) => matrix.reads().for_each(|a| stored[a.index()] = true),
                None => definition.each_operand(&mut |a| stored[a.index()] = true),
            },
        }
    }
    arrays.outputs.iter().for_each(|o| stored[o.index()] = true);
    let mut ordered: Vec<((u32, Kind), Vec<ArrayId>)> = groups.into_iter().collect();
    ordered.sort_by_key(|((level, _), members)| (*level, members[0]));
    let steps = ordered.into_iter().map(|((_, kind), members)| {
        step(arrays, &classes, &stored, &recomputed, &mut matrices, kind, members)
    });
    // What only a constant was to be read with is computed by nobody.
    let steps: Vec<Step> = steps.filter(|step| !step.writes.is_empty()).collect();
    Schedule { steps, classes, stored, recomputed, supports, demands }
}

fn step(
    arrays: &Arrays,
    classes: &Classes,
    stored: &[bool],
    recomputed: &[bool],
    matrices: &mut [Option<Matrix>],
    kind: Kind,
    members: Vec<ArrayId>,
) -> Step {
    let writes: Vec<ArrayId> = members.iter().copied().filter(|m| stored[m.index()]).collect();
    let mut reads = Vec::new();
    let mut open = members.clone();
    while let Some(m) = open.pop() {
        arrays[m].definition.each_operand(&mut |a| {
            if recomputed[a.index()] {
                open.push(a);
            } else if stored[a.index()] && members.binary_search(&a).is_err() {
                reads.push(a);
            }
        });
    }
    if let Some(matrix) = &matrices[members[0].index()] {
        reads = matrix.reads().collect();
    }
    reads.sort_unstable();
    reads.dedup();
    let whole = matches!(arrays[members[0]].definition, Definition::Whole(..));
    let matrix = matrices[members[0].index()].take();
    let work = match kind {
        Kind::Alone(id) if matrix.is_some() => Work::Matrix(id, Box::new(matrix.expect("just seen"))),
        Kind::Alone(id) if whole => Work::Whole(id),
        Kind::Alone(id) => Work::Loops { order: own_order(arrays, classes, &[id]), members },
        Kind::Recurrence(number) => Work::Recurrence(number, members),
        Kind::Loops(_) => Work::Loops { order: own_order(arrays, classes, &members), members },
    };
    Step { work, writes, reads }
}

/// Looped classes of a nest, sorted.
fn loops_of(nest: &Nest, id: ArrayId, classes: &Classes) -> SmallVec<[Class; 4]> {
    let mut loops: SmallVec<[Class; 4]> =
        (0..nest.extents.len()).map(|l| classes.of(id, l)).filter(|&c| classes.is_looped(c)).collect();
    loops.sort_unstable();
    loops
}

/// Arrays that must be in memory whatever they are: outputs, and operands of kernels.
fn whole_operands(arrays: &Arrays) -> Vec<bool> {
    let mut kept = vec![false; arrays.arrays.len()];
    arrays.outputs.iter().for_each(|o| kept[o.index()] = true);
    for array in &arrays.arrays {
        if !matches!(array.definition, Definition::Nest(_) | Definition::Scatter(..)) {
            array.definition.each_operand(&mut |a| kept[a.index()] = true);
        }
    }
    kept
}

/// The number that every entry of an array is, if the graph says so: it is written into the code, not read.
pub fn constant(array: &Array) -> Option<f64> {
    match &array.definition {
        Definition::Nest(Nest { extents, free, guards, body: Body::Const(c), .. })
            if guards.is_empty() && *free == extents.len() =>
        {
            Some(*c)
        }
        _ => None,
    }
}

/// Operands of a nest, and whether each could be handed on in registers: read where the loops stand.
fn operands(
    nest: &Nest,
    id: ArrayId,
    arrays: &Arrays,
    classes: &Classes,
    recomputed: &[bool],
) -> Vec<(ArrayId, bool)> {
    let mut operands = Vec::new();
    nest.each_guard(&mut |guard| {
        if let Guard::Holds(array, at, _) = guard {
            operands.push((*array, is_fused(id, *array, at, arrays, classes)));
        }
        guard.indices().iter().for_each(|t| t.each_array(&mut |a| operands.push((a, false))));
    });
    for read in nest.body.reads().filter(|r| constant(&arrays[r.array]).is_none()) {
        operands.push((read.array, is_fused(id, read.array, &read.at, arrays, classes)));
        read.at.iter().for_each(|t| t.each_array(&mut |a| operands.push((a, false))));
    }
    // What is computed anew is read through: its operands come from memory.
    while let Some(k) = operands.iter().position(|(a, _)| recomputed[a.index()]) {
        let (array, _) = operands.swap_remove(k);
        arrays[array].definition.each_operand(&mut |a| {
            if constant(&arrays[a]).is_none() {
                operands.push((a, false));
            }
        });
    }
    operands
}

/// Whether an operand is read at the counters of the loops themselves.
pub fn is_fused(
    user: ArrayId,
    operand: ArrayId,
    at: &[crate::array::At],
    arrays: &Arrays,
    classes: &Classes,
) -> bool {
    let Definition::Nest(nest) = &arrays[operand].definition else { return false };
    let reduced = nest.bound().any(|l| classes.is_looped(classes.of(operand, l)));
    !reduced
        && at.iter().enumerate().all(|(axis, t)| {
            let class = classes.of(operand, axis);
            if classes.is_looped(class) {
                t.as_label().is_some_and(|l| classes.of(user, l) == class)
            } else {
                // Positions of unrolled axes must be known when code is written.
                let mut known = t.is_affine();
                t.each_label(&mut |l| known &= !classes.is_looped(classes.of(user, l)));
                known
            }
        })
}

/// The order of the loops: as the greatest member has its labels, unless the innermost then strides through memory.
fn own_order(arrays: &Arrays, classes: &Classes, members: &[ArrayId]) -> SmallVec<[Class; 4]> {
    let looped = |id: ArrayId| -> SmallVec<[Class; 4]> {
        let Some(nest) = arrays[id].loops() else { return SmallVec::new() };
        let mut order = SmallVec::new();
        for label in 0..nest.extents.len() {
            let class = classes.of(id, label);
            if classes.is_looped(class) && !order.contains(&class) {
                order.push(class);
            }
        }
        order
    };
    let Some(&lead) = members.iter().max_by_key(|&&m| (looped(m).len(), std::cmp::Reverse(m))) else {
        return SmallVec::new();
    };
    let order = looped(lead);
    if order.len() < 2 || matches!(arrays[lead].definition, Definition::Scatter(..)) {
        return order;
    }
    // Every class may be innermost; the one that most reads and writes follow contiguously is.
    let mut best = (i64::MIN, order.len() - 1);
    for k in (0..order.len()).rev() {
        let score = members.iter().map(|&m| contiguity(arrays, classes, m, order[k])).sum::<i64>();
        if score > best.0 {
            best = (score, k);
        }
    }
    let mut order = order;
    let lane = order.remove(best.1);
    order.push(lane);
    order
}

/// Reads and writes that are contiguous along a class, less those that stride.
fn contiguity(arrays: &Arrays, classes: &Classes, id: ArrayId, class: Class) -> i64 {
    let Definition::Nest(nest) = &arrays[id].definition else { return 0 };
    let mut score = 0;
    let mut judge = |array: &Array, label_of: &dyn Fn(usize) -> Option<usize>| {
        let rank = array.shape.len();
        for axis in 0..rank {
            if label_of(axis).is_some_and(|l| classes.of(id, l) == class) {
                let stride: usize = array.shape[axis + 1..].iter().product();
                score += if stride == 1 { 1 } else { -2 };
            }
        }
    };
    judge(&arrays[id], &Some);
    for read in nest.body.reads() {
        judge(&arrays[read.array], &|axis| {
            let mut label = None;
            read.at[axis].each_label(&mut |l| label = Some(l));
            label
        });
    }
    score
}

/// The type that an array's entries have in memory.
pub fn is_integer(array: &Array) -> bool {
    array.entry == Entry::Int
}
