//! From a step of the schedule to a lane program.
//!
//! Loops run over the looped classes; positions of all other labels are written out. Every entry of every member is
//! computed once and handed on in a register; conditions that are decided by the positions leave no trace, so that
//! deltas between unrolled labels cost nothing. Machine code is made of the [inlined](inline) program.

mod builder;
mod inline;
mod member;
mod place;
mod symbol;
#[cfg(test)]
mod tests;
mod tidy;
mod value;
mod zero;

pub use inline::inline;

use crate::array::support::Halves;
use crate::array::{ArrayId, Arrays, Definition, Nest};
use crate::error::Result;
use crate::lane::program::{Affine, Precision, Program, Reg, Stmt};
use crate::schedule::Schedule;
use crate::schedule::classes::{Class, Classes};
use builder::{Builder, counter};
use indexmap::IndexSet;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// A program, and the arrays whose memory it is given.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The program.
    pub program: Program,
    /// The array of each buffer.
    pub buffers: Vec<ArrayId>,
}

/// The value of a label while code is written.
#[derive(Copy, Clone)]
enum Position {
    /// Written out.
    At(i64),
    /// The counter of the loop at this depth.
    Loop(usize),
    /// Somewhere else: of a label of an array that is computed anew.
    Elsewhere(usize),
}

/// A value: absent, a register, or a product that may still be fused with a sum.
#[derive(Copy, Clone)]
enum Value {
    Absent,
    Reg(Reg),
    Product(Reg, Reg),
}

/// Whether conditions hold.
enum Condition {
    Never,
    /// Where all masks hold.
    Where(SmallVec<[Reg; 2]>),
}

/// The program of a step.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) for an index that may leave its array.
pub fn emit(
    arrays: &Arrays,
    schedule: &Schedule,
    order: &[Class],
    members: &[ArrayId],
    precision: Precision,
) -> Result<Emitted> {
    let depth = |class: Class| order.iter().position(|&c| c == class);
    let mut extents = vec![0usize; order.len()];
    for &m in members {
        let nest = arrays[m].loops().expect("invariant: members are nests");
        for (label, &extent) in nest.extents.iter().enumerate() {
            if let Some(d) = depth(schedule.classes.of(m, label)) {
                extents[d] = extent;
            }
        }
    }
    let mut emitter = Emitter {
        arrays,
        classes: &schedule.classes,
        stored: &schedule.stored,
        order,
        members,
        builder: Builder::new(&extents),
        buffers: IndexSet::new(),
        recomputed: &schedule.recomputed,
        supports: &schedule.supports,
        demands: &schedule.demands,
        places: Vec::new(),
        guarded: false,
        values: FxHashMap::default(),
        accumulators: FxHashMap::default(),
        kept_inside: Vec::new(),
    };
    emitter.run(&extents)?;
    let mut program = emitter.finish(&extents, precision);
    tidy::tidy(&mut program.0);
    Ok(Emitted { program: program.0, buffers: program.1 })
}

/// A sum, product or extremum under way.
#[derive(Copy, Clone)]
struct Accumulator {
    reg: Reg,
}

struct Emitter<'a> {
    arrays: &'a Arrays,
    classes: &'a Classes,
    stored: &'a [bool],
    order: &'a [Class],
    members: &'a [ArrayId],
    builder: Builder,
    buffers: IndexSet<ArrayId>,
    recomputed: &'a [bool],
    /// Where arrays may differ from zero, and where they are read.
    supports: &'a [Halves],
    demands: &'a [Halves],
    /// Where arrays are read that are computed anew.
    places: Vec<Affine>,
    /// Whether a condition around such a read protects it.
    guarded: bool,
    /// Entries of members at written-out positions.
    values: FxHashMap<(ArrayId, usize), Value>,
    accumulators: FxHashMap<(ArrayId, usize), Accumulator>,
    /// Positions that were kept inside an axis, with its extent: a condition that reads there fails outside.
    kept_inside: Vec<(Affine, i64)>,
}

type Pieces = Vec<((i64, i64), Vec<Stmt>)>;

impl<'a> Emitter<'a> {
    fn nest(&self, id: ArrayId) -> &'a Nest {
        self.arrays[id].loops().expect("invariant: members are nests")
    }

    fn depth(&self, id: ArrayId, label: usize) -> Option<usize> {
        let class = self.classes.of(id, label);
        self.order.iter().position(|&c| c == class)
    }

    fn run(&mut self, extents: &[usize]) -> Result<()> {
        let lane = extents.len().checked_sub(1);
        let pieces = match lane {
            None => vec![(0, 1)],
            Some(lane) => self.pieces(lane, extents[lane]),
        };
        for &m in self.members {
            self.clear_sums(m, extents);
        }
        let mut bodies: Pieces = Vec::new();
        for piece in pieces {
            if let Some(lane) = lane {
                self.builder.ranges[lane] = piece;
            }
            self.values.clear();
            for &m in self.members {
                self.member(m)?;
            }
            match lane {
                Some(_) => bodies.push((piece, self.builder.next_segment())),
                None => bodies.push((piece, Vec::new())),
            }
        }
        if let Some(lane) = lane {
            self.builder.ranges[lane] = (0, extents[lane] as i64);
            let lanes = !self.members.iter().any(|&m| self.collides(m, lane));
            let inner = &mut self.builder.before[lane];
            for ((from, to), body) in bodies {
                inner.push(Stmt::Loop { var: counter(lane), from, to, lanes, body });
            }
        }
        for &m in self.members {
            self.finish_sums(m)?;
        }
        Ok(())
    }

    fn finish(self, extents: &[usize], precision: Precision) -> (Program, Vec<ArrayId>) {
        let Builder { mut before, mut after, .. } = self.builder;
        let mut body = Vec::new();
        // From the loop above the lane loop outwards.
        for depth in (0..extents.len().max(1)).rev() {
            let mut all = std::mem::take(&mut before[depth]);
            if depth + 1 < extents.len() {
                all.push(Stmt::Loop {
                    var: counter(depth),
                    from: 0,
                    to: extents[depth] as i64,
                    lanes: false,
                    body,
                });
            }
            all.append(&mut after[depth]);
            body = all;
        }
        let (regs, indices) = (0, 0);
        let vars = extents.len() as u16;
        (Program { precision, regs, indices, vars, body }, self.buffers.into_iter().collect())
    }

    /// Whether neighbouring lanes of a loop may add to one place.
    fn collides(&self, id: ArrayId, lane: usize) -> bool {
        let Definition::Scatter(nest, place) = &self.arrays[id].definition else { return false };
        let label = (0..nest.extents.len()).find(|&l| self.depth(id, l) == Some(lane));
        !place.iter().any(|t| t.as_label().is_some() && t.as_label() == label)
    }
}
