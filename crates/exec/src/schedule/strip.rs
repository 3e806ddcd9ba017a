//! Strips: steps over one long axis, run block by block of that axis, so that what passes between them stays in cache.
//!
//! `q[i,r] = Σ_c L[r,c] x[i,c]`, `s[i] = Σ_r q[i,r]^2` and `g[r] = Σ_i s[i] q[i,r]` are three steps, and `q` is written to
//! memory and read twice. In blocks of 64 points `i` it is never larger than 64 rows. What is summed over the axis is
//! summed in each block, and these sums are combined in the order of the blocks. The steps of a block are a plan of their
//! own, of the same arrays with a shorter axis.

use super::classes::{Class, Classes};
use super::{Around, Schedule, Step, Work};
use crate::array::support::{Half, Halves};
use crate::array::{
    Array, ArrayId, Arrays, At, Body, Definition, Entry, Guard, Input, Nest, Place, Reduction,
};
use indexmap::IndexMap;

/// Positions of a block are a multiple of this, where the axis is long enough: registers of lanes are full.
pub const LANES: usize = 8;
/// What a block reads whole, and its sums, may take this part of the cache: they are read again in every block.
const WHOLE: usize = 4;

/// How an array of a strip lies in memory.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Lie {
    /// It has nothing to do with the axis.
    Whole,
    /// The axis is one of its own: so many entries before it, and of the axes behind it.
    Along {
        /// Extent of all axes before it.
        outer: usize,
        /// Extent of all axes behind it.
        inner: usize,
    },
    /// It is reduced over the axis.
    Reduced(Reduction),
}

/// Steps that are run block by block.
#[derive(Clone, Debug)]
pub struct Strip {
    /// What is computed for a block of full length: inputs as the step reads them, outputs as it writes them.
    pub body: Arrays,
    /// What is computed for the positions that are left over, if there are some.
    pub left: Option<Arrays>,
    /// A label that runs over the positions of a block: an array of the body, and the number of the label.
    pub looped: (ArrayId, usize),
    /// Where operands may differ from zero.
    pub supports: Vec<Halves>,
    /// Where results are read.
    pub demands: Vec<Halves>,
    /// Positions of the axis.
    pub extent: usize,
    /// Positions of a block.
    pub block: usize,
    /// How each operand lies, in the order of the reads.
    pub reads: Vec<Lie>,
    /// How each result lies, in the order of the writes.
    pub writes: Vec<Lie>,
}

impl Strip {
    /// What the arrays of a block are a part of.
    pub fn around(&self) -> Around<'_> {
        Around { looped: Some(self.looped), supports: &self.supports, demands: &self.demands }
    }

    /// Number of blocks.
    pub fn count(&self) -> usize {
        self.extent.div_ceil(self.block)
    }
}

/// Gathers steps whose intermediates take more than `cache` bytes; numbers have `bytes` bytes.
pub fn gather(arrays: &Arrays, schedule: &mut Schedule, cache: usize, bytes: usize) {
    // Each turn makes at least two steps one.
    while let Some((group, gathered)) = best(arrays, schedule, cache, bytes) {
        let (mut steps, mut late) = (Vec::with_capacity(schedule.steps.len()), Vec::new());
        for (step, part) in std::mem::take(&mut schedule.steps).into_iter().zip(&group.parts) {
            match part {
                Part::Early => steps.push(step),
                Part::Inside => {}
                Part::Late => late.push(step),
            }
        }
        steps.push(gathered);
        steps.append(&mut late);
        schedule.steps = steps;
    }
}

/// Where a step stands beside a strip.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Part {
    Early,
    Inside,
    Late,
}

/// Steps that may be run together along a class.
struct Group {
    class: Class,
    extent: usize,
    /// For each step.
    parts: Vec<Part>,
    /// Arrays that the steps compute or take apart, operands before users.
    arrays: Vec<ArrayId>,
    /// Arrays that come from memory, and those that somebody outside reads.
    reads: Vec<ArrayId>,
    writes: Vec<ArrayId>,
    /// Entries of arrays along the class that nobody outside reads.
    kept_inside: usize,
}

/// The group that saves most, as a step.
fn best(arrays: &Arrays, schedule: &Schedule, cache: usize, bytes: usize) -> Option<(Group, Step)> {
    let mut candidates: IndexMap<Class, (usize, usize)> = IndexMap::new();
    for step in schedule.steps.iter().filter(|s| !matches!(s.work, Work::Strip(_))) {
        for &id in &step.writes {
            for (&class, &extent) in axes(arrays, &schedule.classes, id).iter().zip(&arrays[id].shape) {
                let found = candidates.entry(class).or_insert((extent, 0));
                found.1 = found.1.saturating_add(arrays[id].count().saturating_mul(bytes));
            }
        }
    }
    let large = candidates.into_iter().filter(|(_, (extent, size))| *size > cache && *extent >= 2 * LANES);
    let groups = large.filter_map(|(class, (extent, _))| Group::along(arrays, schedule, class, extent));
    let group = groups
        .filter(|g| g.is_worth(arrays, &schedule.classes, cache, bytes))
        .min_by_key(|g| (std::cmp::Reverse(g.kept_inside), g.class))?;
    let step = group.step(arrays, schedule, cache, bytes)?;
    Some((group, step))
}

impl Group {
    /// All steps that can be run together along a class; `None` where fewer than two can.
    fn along(arrays: &Arrays, schedule: &Schedule, class: Class, extent: usize) -> Option<Group> {
        let classes = &schedule.classes;
        let count = arrays.arrays.len();
        // Arrays that the group computes, and those that are there only after it.
        let (mut inside, mut late) = (vec![false; count], vec![false; count]);
        let mut parts = Vec::with_capacity(schedule.steps.len());
        let (mut members, mut reads) = (Vec::new(), Vec::<ArrayId>::new());
        let mut made: Vec<ArrayId> = Vec::new();
        for step in &schedule.steps {
            let waits = step.reads.iter().any(|r| late[r.index()]);
            let needs = if waits { None } else { needs(arrays, schedule, step, class, extent) };
            let part = match &needs {
                Some(_) => Part::Inside,
                None if waits || step.reads.iter().any(|r| inside[r.index()]) => Part::Late,
                None => Part::Early,
            };
            for w in &step.writes {
                inside[w.index()] = part == Part::Inside;
                let reduced = lie(arrays, classes, class, *w).is_some_and(|l| matches!(l, Lie::Reduced(_)));
                late[w.index()] = part == Part::Late || (part == Part::Inside && reduced);
            }
            if let Some(needs) = needs {
                members.extend(needs);
                reads.extend(&step.reads);
                made.extend(&step.writes);
            }
            parts.push(part);
        }
        if parts.iter().filter(|&&p| p == Part::Inside).count() < 2 {
            return None;
        }
        let mut outside = vec![false; count];
        arrays.outputs.iter().for_each(|o| outside[o.index()] = true);
        for (step, _) in schedule.steps.iter().zip(&parts).filter(|(_, part)| **part != Part::Inside) {
            step.reads.iter().for_each(|r| outside[r.index()] = true);
        }
        reads.retain(|r| !inside[r.index()]);
        let (writes, kept): (Vec<ArrayId>, Vec<ArrayId>) = made.into_iter().partition(|w| outside[w.index()]);
        for list in [&mut members, &mut reads] {
            list.sort_unstable();
            list.dedup();
        }
        let kept_inside = kept.iter().map(|&k| arrays[k].count()).sum();
        Some(Group { class, extent, parts, arrays: members, reads, writes, kept_inside })
    }

    /// Whether what stays inside is more than the cache holds, and the rest little.
    fn is_worth(&self, arrays: &Arrays, classes: &Classes, cache: usize, bytes: usize) -> bool {
        let again =
            |&&id: &&ArrayId| !matches!(lie(arrays, classes, self.class, id), Some(Lie::Along { .. }));
        let all = self.reads.iter().chain(&self.writes);
        let whole: usize = all.filter(again).map(|&id| arrays[id].count() * bytes).sum();
        self.kept_inside * bytes > cache
            && whole <= cache / WHOLE
            && self.block(cache, bytes) * 2 <= self.extent
    }

    /// Positions of a block: intermediates of a block take half of the cache. The rest is for what every block reads, and
    /// for its sums.
    fn block(&self, cache: usize, bytes: usize) -> usize {
        let one = (self.kept_inside * bytes).div_ceil(self.extent).max(1);
        let wanted = ((cache / 2 / one) & !(LANES - 1)).max(LANES);
        // Blocks of one length need one plan, with one place in the cache: worth a block that is longer than wanted.
        let near = even_length(self.extent, wanted, wanted * 3 / 4);
        // Else the last block is nearly as long as the others.
        let even = || self.extent.div_ceil(self.extent.div_ceil(wanted)).next_multiple_of(LANES);
        near.unwrap_or_else(even)
    }

    /// The group as one step.
    fn step(&self, arrays: &Arrays, schedule: &Schedule, cache: usize, bytes: usize) -> Option<Step> {
        let block = self.block(cache, bytes);
        let of = |&id: &ArrayId| lie(arrays, &schedule.classes, self.class, id);
        // What was reduced before the strip is an operand like any other.
        let read = |id: &ArrayId| match of(id)? {
            Lie::Reduced(_) => Some(Lie::Whole),
            lie => Some(lie),
        };
        let left = self.extent % block;
        let (body, looped) = self.body(arrays, &schedule.classes, block);
        let strip = Strip {
            body,
            left: (left > 0).then(|| self.body(arrays, &schedule.classes, left).0),
            looped: looped?,
            supports: self.beside(arrays, &schedule.classes, &schedule.supports, &self.reads),
            demands: self.beside(arrays, &schedule.classes, &schedule.demands, &self.writes),
            extent: self.extent,
            block,
            reads: self.reads.iter().map(read).collect::<Option<_>>()?,
            writes: self.writes.iter().map(of).collect::<Option<_>>()?,
        };
        let (writes, reads) = (self.writes.clone(), self.reads.clone());
        Some(Step { work: Work::Strip(Box::new(strip)), writes, reads })
    }

    /// What is known of some arrays besides the positions of a block.
    fn beside(&self, arrays: &Arrays, classes: &Classes, known: &[Halves], ids: &[ArrayId]) -> Vec<Halves> {
        let of = |id: &ArrayId| {
            let along = axes(arrays, classes, *id).iter().position(|&c| c == self.class);
            let apart = |h: &&Half| along.is_none_or(|axis| h.slopes.get(axis).is_none_or(|&s| s == 0));
            known[id.index()].iter().filter(apart).cloned().collect()
        };
        ids.iter().map(of).collect()
    }

    /// The arrays of a block of so many positions, and a label that runs over them.
    fn body(&self, arrays: &Arrays, classes: &Classes, length: usize) -> (Arrays, Option<(ArrayId, usize)>) {
        let (mut body, mut looped) = (Arrays::default(), None);
        let mut new = vec![ArrayId(u32::MAX); arrays.arrays.len()];
        let cut = |id: ArrayId, extents: &mut [usize]| {
            let along = axes(arrays, classes, id).iter().position(|&c| c == self.class);
            if let Some(extent) = along.and_then(|label| extents.get_mut(label)) {
                *extent = length;
            }
        };
        for (n, &id) in self.reads.iter().enumerate() {
            let mut shape = arrays[id].shape.clone();
            cut(id, &mut shape);
            let (entry, definition) = (arrays[id].entry, Definition::Input(n));
            let input = Input {
                name: format!("{n}"),
                shape: shape.to_vec(),
                entry,
                below: None,
                array: ArrayId(n as u32),
                absent: arrays.has_absent(id),
            };
            new[id.index()] = body.push(Array { shape, entry, definition });
            body.inputs.push(input);
        }
        for &id in &self.arrays {
            let mut array = arrays[id].clone();
            cut(id, &mut array.shape);
            if let Definition::Nest(nest) = &mut array.definition {
                cut(id, &mut nest.extents);
                let along = (0..nest.extents.len()).find(|&l| classes.of(id, l) == self.class);
                let own = ArrayId(body.arrays.len() as u32);
                looped = looped.or(along.map(|label| (own, label)));
            }
            array.definition.rename(&|a: ArrayId| new[a.index()]);
            new[id.index()] = body.push(array);
        }
        body.outputs = self.writes.iter().map(|w| new[w.index()]).collect();
        (body, looped)
    }
}

/// The length nearest to what is wanted, from `least` to twice of it, of which an axis is a whole number of blocks.
pub fn even_length(extent: usize, wanted: usize, least: usize) -> Option<usize> {
    let lengths = (least..=wanted * 2).filter(|l| *l > 0 && l.is_multiple_of(LANES));
    lengths.filter(|l| extent.is_multiple_of(*l)).min_by_key(|l| l.abs_diff(wanted))
}

/// The classes of the labels of a nest, else of the axes of an array; none of a scatter, whose labels are no axes.
fn axes<'a>(arrays: &Arrays, classes: &'a Classes, id: ArrayId) -> &'a [Class] {
    match arrays[id].definition {
        Definition::Scatter(..) => &[],
        _ => classes.all(id),
    }
}

/// How an array lies along a class; `None` for arrays that are not made by a nest and have no such axis twice.
fn lie(arrays: &Arrays, classes: &Classes, class: Class, id: ArrayId) -> Option<Lie> {
    let array = &arrays[id];
    let along = axes(arrays, classes, id).iter().position(|&c| c == class);
    let Some(label) = along else { return Some(Lie::Whole) };
    if label >= array.shape.len() {
        return array.as_nest().map(|nest| Lie::Reduced(nest.reduction));
    }
    let of = |axes: &[usize]| axes.iter().product();
    Some(Lie::Along { outer: of(&array.shape[..label]), inner: of(&array.shape[label + 1..]) })
}

/// The arrays that a step computes or takes apart, where it can be cut along a class.
fn needs(
    arrays: &Arrays,
    schedule: &Schedule,
    step: &Step,
    class: Class,
    extent: usize,
) -> Option<Vec<ArrayId>> {
    let classes = &schedule.classes;
    let members: &[ArrayId] = match &step.work {
        Work::Loops { members, .. } => members,
        Work::Matrix(id, _) => std::slice::from_ref(id),
        Work::Whole(_) | Work::Recurrence(..) | Work::Strip(_) => return None,
    };
    if !members.iter().all(|&m| classes.all(m).contains(&class)) {
        return None;
    }
    let mut all: Vec<ArrayId> = members.to_vec();
    let mut next = 0;
    while next < all.len() {
        let id = all[next];
        next += 1;
        let nest = arrays[id].as_nest().filter(|_| arrays[id].entry != Entry::Int)?;
        let label = classes.all(id).iter().position(|&c| c == class);
        let own = Own { arrays, classes, class, nest, label };
        if label.is_some_and(|l| nest.extents[l] != extent) || !own.can_be_cut() {
            return None;
        }
        let mut fits = true;
        nest.each_operand(&mut |a| {
            let computed = !schedule.stored[a.index()];
            let here = computed || members.contains(&a);
            // What is reduced over the axis is known after the last block.
            fits &= !here || !matches!(lie(arrays, classes, class, a), Some(Lie::Reduced(_)));
            if computed && !all.contains(&a) {
                all.push(a);
            }
        });
        if !fits {
            return None;
        }
    }
    Some(all)
}

/// A nest, and the label of it that is in the class.
struct Own<'a> {
    arrays: &'a Arrays,
    classes: &'a Classes,
    class: Class,
    nest: &'a Nest,
    label: Option<usize>,
}

impl Own<'_> {
    /// Whether a block of the nest is the nest of blocks: the label only says at which entry operands are read.
    fn can_be_cut(&self) -> bool {
        let mut fits = true;
        self.nest.each_guard(&mut |guard| {
            fits &= match guard {
                Guard::Zero(at) | Guard::NonNegative(at) => self.is_still(at),
                Guard::Holds(array, at, _) => self.is_read(*array, at),
            }
        });
        if let Body::Count(at) = &self.nest.body {
            fits &= self.is_still(at);
        }
        fits && self.nest.body.reads().all(|read| self.is_read(read.array, &read.at))
    }

    /// Whether an index is the same at all positions, and no entry of an array decides it.
    fn is_still(&self, at: &At) -> bool {
        let mut still = true;
        at.each_label(&mut |l| still &= Some(l) != self.label);
        at.each_array(&mut |_| still = false);
        still
    }

    /// Whether an operand is read at the position where the loop stands, or has nothing to do with it.
    fn is_read(&self, array: ArrayId, at: &Place) -> bool {
        self.arrays[array].entry != Entry::Int
            && at.iter().enumerate().all(|(axis, t)| {
                let along = axes(self.arrays, self.classes, array).get(axis) == Some(&self.class);
                if along { self.label.is_some() && t.as_label() == self.label } else { self.is_still(t) }
            })
    }
}
