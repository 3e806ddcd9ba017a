//! Loops on threads: one loop of a step is cut into blocks, which threads share.
//!
//! It is the outermost loop over which nothing is summed; without one, the outermost.
//! Where the blocks are does not depend on the number of threads. What is summed over that loop is summed in each block
//! on its own, and these sums are combined in the order of the blocks: on one thread too, so that every number of threads
//! answers the same bits. What is not summed over it does not know of blocks, and one thread runs it as a whole.
#![allow(
    unsafe_code,
    reason = "blocks write to parts of the same buffers; each block says why they are apart"
)]

use super::count::count;
use super::functions;
use crate::array::{ArrayId, Arrays, Definition, Reduction};
use crate::emit::Emitted;
use crate::gemm::fork_blocks;
use crate::jit::{Machine, Way};
use crate::lane::Number;
use crate::lane::blocks::{Slot, block};
use crate::lane::interpret::{self, Scratch};
use crate::lane::program::{Buffer, Program, Var};
use crate::lines::Lines;
use crate::schedule::classes::{Class, Classes};
use crate::schedule::strip::{LANES, even_length};
use std::ops::Range;

/// Flops, bytes, and values of functions times [`CALL`], from which blocks are worth while: some 20 microseconds of work,
/// where a fork and join takes 1 on an idle machine and 7 to 10 on a busy one.
const WORTH: u128 = 1_000_000;
/// What a value of an elementary function counts.
const CALL: u128 = 20;
/// Blocks of a loop that is long enough: enough for eight threads, of which none waits long for the last.
const BLOCKS: usize = 16;
/// Entries of all private memory of a step: sums that take more are made on one thread.
const PRIVATE: usize = 1 << 20;

/// Machine code for a program some of whose results are large, if there is any.
pub(super) type Writer<'a> = dyn Fn(&Program, &[(Buffer, Way)]) -> Option<Machine> + 'a;

/// What a step of loops is, for those who cut it.
pub(super) struct Loops<'a> {
    pub(super) arrays: &'a Arrays,
    /// The program of the whole step, and the array of each of its buffers.
    pub(super) program: &'a Program,
    pub(super) buffers: &'a [ArrayId],
    /// Loops, those to be cut first.
    choices: Vec<Choice>,
    /// Flops and values of functions of a run.
    pub(super) work: (u128, u128),
}

/// A loop that may be cut.
struct Choice {
    /// How deep it is.
    depth: usize,
    /// How each array that is reduced over it is, by its buffer.
    reduced: Vec<(usize, Reduction)>,
    /// Its positions, and whether they are lanes.
    extent: usize,
    lanes: bool,
}

impl<'a> Loops<'a> {
    /// What a step of the schedule is; `None` where a nest has not all of its loops.
    pub(super) fn new(
        arrays: &'a Arrays,
        classes: &Classes,
        order: &[Class],
        members: &[ArrayId],
        emitted: &'a Emitted,
    ) -> Option<Loops<'a>> {
        let mut choices = Vec::with_capacity(order.len());
        for (depth, &class) in order.iter().enumerate() {
            let (mut reduced, mut extent) = (Vec::new(), 0);
            for &m in members {
                let nest = arrays[m].loops()?;
                let label = (0..nest.extents.len()).find(|&l| classes.of(m, l) == class)?;
                extent = nest.extents[label];
                let scatters = matches!(arrays[m].definition, Definition::Scatter(..));
                if scatters || label >= nest.free {
                    reduced.push((emitted.buffers.iter().position(|&b| b == m)?, nest.reduction));
                }
            }
            choices.push(Choice { depth, reduced, extent, lanes: depth + 1 == order.len() });
        }
        choices.sort_by_key(|choice| !choice.reduced.is_empty());
        let work = count(&emitted.program);
        Some(Loops {
            arrays,
            program: &emitted.program,
            buffers: &emitted.buffers,
            choices,
            work: (work.flops, work.calls),
        })
    }
}

/// The program of a block.
struct Part {
    program: Program,
    machine: Option<Machine>,
}

/// Sums of a block, in memory of their own until they are combined.
struct Private {
    /// The buffer of the whole program.
    buffer: usize,
    reduction: Reduction,
    /// Where it begins in the memory of a block, and its entries.
    start: usize,
    count: usize,
    /// Whether it is cleared first.
    clears: bool,
}

/// A step in blocks.
pub(super) struct Blocks<T> {
    /// Blocks of full length, and the one that is left over.
    full: Part,
    left: Option<Part>,
    length: usize,
    count: usize,
    slots: Vec<Slot>,
    private: Vec<Private>,
    /// Entries of the private memory of one block.
    stride: usize,
    memory: Lines<T>,
    tables: Vec<Vec<*mut u8>>,
    /// One for each thread.
    scratch: Vec<Scratch<T>>,
}

/// Positions of each block.
fn length(extent: usize, lanes: bool) -> usize {
    if !lanes {
        return extent.div_ceil(BLOCKS);
    }
    // Blocks of one length need one program.
    let wanted = extent.div_ceil(BLOCKS).next_multiple_of(LANES);
    even_length(extent, wanted, wanted / 2).unwrap_or(wanted)
}

/// A loop that is cut.
struct Cut {
    full: Program,
    left: Option<Program>,
    slots: Vec<Slot>,
    private: Vec<Private>,
    length: usize,
    count: usize,
    stride: usize,
}

impl Cut {
    fn new(loops: &Loops<'_>, choice: &Choice, work: u128) -> Option<Cut> {
        let count_of = |k: usize| loops.arrays[loops.buffers[k]].count();
        let length = length(choice.extent, choice.lanes);
        let count = choice.extent.div_ceil(length);
        let mut private = Vec::with_capacity(choice.reduced.len());
        let mut stride = 0;
        for &(buffer, reduction) in &choice.reduced {
            let clears = matches!(loops.arrays[loops.buffers[buffer]].definition, Definition::Scatter(..));
            private.push(Private { buffer, reduction, start: stride, count: count_of(buffer), clears });
            stride += count_of(buffer).next_multiple_of(16);
        }
        // Combining must be little beside the work.
        if count < 2 || count * stride > PRIVATE || (count * stride) as u128 * 64 > work {
            return None;
        }
        let is_private = |b: Buffer| private.iter().any(|p| p.buffer == usize::from(b.0));
        let var = Var(choice.depth as u16);
        let part =
            |length: usize| block(loops.program, var, choice.extent as i64, length as i64, &is_private);
        let (full, slots) = part(length)?;
        let left = match choice.extent % length {
            0 => None,
            rest => Some(part(rest)?.0),
        };
        Some(Cut { full, left, slots, private, length, count, stride })
    }

    /// The blocks, unless there is one thread and nothing that is summed by blocks.
    fn finish<T: Number>(
        self,
        threads: usize,
        large: &[(Buffer, Way)],
        written: &Writer<'_>,
    ) -> Option<Blocks<T>> {
        let Cut { full, left, slots, private, length, count, stride } = self;
        if threads == 1 && private.is_empty() {
            return None;
        }
        // Each block has pointers of its own; those into large results are of large results too.
        let way = |slot: &Slot| large.iter().find(|(buffer, _)| *buffer == slot.buffer).map(|(_, way)| *way);
        let large: Vec<(Buffer, Way)> =
            slots.iter().enumerate().filter_map(|(k, slot)| Some((Buffer(k as u16), way(slot)?))).collect();
        let made = |program: Program| Part { machine: written(&program, &large), program };
        Some(Blocks {
            full: made(full),
            left: left.map(made),
            length,
            count,
            private,
            stride,
            memory: Lines::new(count * stride),
            tables: vec![vec![std::ptr::null_mut(); slots.len()]; count],
            slots,
            scratch: vec![Scratch::default(); threads.min(count)],
        })
    }
}

impl<T: Number> Blocks<T> {
    /// The blocks of a step, where they are worth while: with several threads, or where sums are to be the same as with
    /// several. What goes to the `large` buffers is written in their way.
    pub(super) fn new(
        loops: &Loops<'_>,
        threads: usize,
        large: &[(Buffer, Way)],
        written: &Writer<'_>,
    ) -> Option<Blocks<T>> {
        let count_of = |k: usize| loops.arrays[loops.buffers[k]].count();
        let bytes: usize = (0..loops.buffers.len()).map(|k| count_of(k) * size_of::<T>()).sum();
        let work = loops.work.0 + CALL * loops.work.1 + bytes as u128;
        if work < WORTH {
            return None;
        }
        // Which loop is cut does not depend on the number of threads.
        loops.choices.iter().find_map(|choice| Cut::new(loops, choice, work))?.finish(threads, large, written)
    }

    /// How many they are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of machine code; `None` for the interpreter.
    pub(super) fn code(&self) -> Option<usize> {
        let of = |part: &Part| part.machine.as_ref().map(|m| m.code().len());
        Some(of(&self.full)? + self.left.as_ref().map_or(Some(0), of)?)
    }

    /// Bytes of memory of their own.
    pub(super) fn bytes(&self) -> usize {
        self.memory.len() * size_of::<T>()
    }

    /// Runs all blocks.
    ///
    /// # Safety
    /// The table is what the program of the whole step may be run with.
    pub(super) unsafe fn run(&mut self, table: &[*mut u8]) {
        let (length, stride) = (self.length as i64, self.stride);
        let memory = self.memory.as_mut_ptr();
        for (k, pointers) in self.tables.iter_mut().enumerate() {
            for (slot, pointer) in self.slots.iter().zip(pointers) {
                let buffer = usize::from(slot.buffer.0);
                *pointer = match self.private.iter().find(|p| p.buffer == buffer) {
                    Some(p) => memory.wrapping_add(k * stride + p.start).cast(),
                    None => table[buffer].wrapping_offset((slot.step * length * k as i64) as isize),
                };
            }
        }
        let shared = Shared {
            full: &self.full,
            left: self.left.as_ref(),
            tables: &self.tables,
            private: &self.private,
            memory,
            stride,
        };
        let work = |blocks: Range<usize>, scratch: &mut Scratch<T>| {
            for k in blocks {
                // SAFETY: each block is run once. Pointers were moved to where it begins, and it reaches as far as the whole
                // program does there. It writes what no other block reads or writes: its own memory, and entries at its
                // own positions of the loop.
                unsafe { shared.run(k, scratch) };
            }
        };
        fork_blocks(self.count, &mut self.scratch, &work);
        for p in &self.private {
            // SAFETY: the buffer has as many entries as the array, and nobody else touches it now.
            let out = unsafe { std::slice::from_raw_parts_mut(table[p.buffer].cast::<T>(), p.count) };
            out.copy_from_slice(&self.memory[p.start..][..p.count]);
            for k in 1..self.count {
                combine(p.reduction, out, &self.memory[k * stride + p.start..][..p.count]);
            }
        }
    }
}

/// Combines parts of reductions, entry by entry.
pub(super) fn combine<T: Number>(reduction: Reduction, out: &mut [T], part: &[T]) {
    let pairs = out.iter_mut().zip(part);
    match reduction {
        // Nearly always this; a loop of its own has vectors.
        Reduction::Sum => pairs.for_each(|(y, &x)| *y += x),
        _ => pairs.for_each(|(y, &x)| *y = combined(reduction, *y, x)),
    }
}

/// Two parts of a reduction; NaN wins.
fn combined<T: Number>(reduction: Reduction, a: T, b: T) -> T {
    match reduction {
        Reduction::Sum => a + b,
        Reduction::Product => a * b,
        Reduction::Max | Reduction::Min if a.is_nan() => a,
        Reduction::Max => {
            if a > b {
                a
            } else {
                b
            }
        }
        Reduction::Min => {
            if a < b {
                a
            } else {
                b
            }
        }
    }
}

/// What threads share.
struct Shared<'a, T> {
    full: &'a Part,
    left: Option<&'a Part>,
    tables: &'a [Vec<*mut u8>],
    private: &'a [Private],
    memory: *mut T,
    stride: usize,
}

// SAFETY: programs and machine code are only read; what the pointers are to is divided among the blocks, and each block is
// run by one thread.
unsafe impl<T: Send + Sync> Sync for Shared<'_, T> {}

impl<T: Number> Shared<'_, T> {
    /// Runs a block.
    ///
    /// # Safety
    /// Its table may be run with; nobody else runs it, nor touches its private memory.
    unsafe fn run(&self, block: usize, scratch: &mut Scratch<T>) {
        for p in self.private.iter().filter(|p| p.clears) {
            // SAFETY: the private memory of a block holds all its sums.
            unsafe { self.memory.add(block * self.stride + p.start).write_bytes(0, p.count) };
        }
        let is_last = block + 1 == self.tables.len();
        let part = self.left.filter(|_| is_last).unwrap_or(self.full);
        let table = &self.tables[block];
        // SAFETY: given by the caller.
        unsafe {
            match &part.machine {
                Some(machine) => machine.run(table),
                None => interpret::run(&part.program, &functions::evaluate::<T>, table, scratch),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_lanes_have_one_length_where_that_is_near() {
        assert_eq!([1000, 4096, 1 << 20, 997].map(|n| length(n, true)), [40, 256, 1 << 16, 64]);
        assert_eq!([2, 10, 16, 17, 1000].map(|n| length(n, false)), [1, 1, 1, 2, 63]);
    }

    #[test]
    fn nan_wins_and_zeros_keep_their_order() {
        assert!(combined(Reduction::Max, f64::NAN, 1.0).is_nan());
        assert!(combined(Reduction::Max, 1.0, f64::NAN).is_nan());
        assert!(combined(Reduction::Min, 1.0, f64::NAN).is_nan());
        assert_eq!(combined(Reduction::Min, 2.0, 1.0), 1.0);
        assert_eq!(combined(Reduction::Product, 2.0, 3.0), 6.0);
    }
}
