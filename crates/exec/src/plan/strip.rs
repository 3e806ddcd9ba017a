//! Strips: the plan of one block, run on block after block of an axis, by one thread or several.
//!
//! Where the blocks are depends on extents alone, and sums are combined in the order of the blocks on every number of
//! threads, so all answer the same bits.
#![allow(unsafe_code, reason = "pointers that move along an axis; each block says why they stay inside")]

use super::blocks::combine;
use super::{Options, Plan};
use crate::array::Reduction;
use crate::error::Result;
use crate::gemm::fork_blocks;
use crate::lane::Number;
use crate::lines::Lines;
use crate::schedule::strip::{Lie, Strip};
use std::ops::Range;

/// An operand or result of a strip.
#[derive(Copy, Clone)]
enum Moving {
    /// The same for all blocks.
    Whole,
    /// Entries of a block stand together: entries from one position to the next.
    Rows(usize),
    /// They do not, and are gathered into memory of the block, from this entry: extents before and behind the axis.
    Apart { start: usize, outer: usize, inner: usize },
    /// Summed by blocks, from this entry of the memory of a block.
    Reduced { start: usize, count: usize, reduction: Reduction },
}

/// What one thread works with.
struct Worker<T> {
    full: Plan<T>,
    left: Option<Plan<T>>,
    inputs: Vec<*mut u8>,
    outputs: Vec<*mut u8>,
    /// Operands and results whose entries of a block do not stand together.
    apart: Lines<T>,
    done: Result<()>,
}

// SAFETY: the pointers are filled in by each block and followed by the thread that has the worker.
unsafe impl<T: Send> Send for Worker<T> {}

/// Steps run block by block.
pub(super) struct StripStep<T> {
    reads: Vec<Moving>,
    writes: Vec<Moving>,
    extent: usize,
    block: usize,
    workers: Vec<Worker<T>>,
    /// Sums of the blocks: of all, or of one where one thread combines them as it goes.
    sums: Lines<T>,
    stride: usize,
    /// Pointers of the operands, then of the results.
    pub(super) table: std::ops::Range<usize>,
}

impl<T: Number> StripStep<T> {
    pub(super) fn new(
        strip: &Strip,
        counts: &[usize],
        table: std::ops::Range<usize>,
        options: &Options,
    ) -> Result<StripStep<T>> {
        let (mut apart, mut stride) = (0, 0);
        let lies = strip.reads.iter().chain(&strip.writes);
        let mut moving = lies.zip(counts).map(|(lie, &count)| match *lie {
            Lie::Whole => Moving::Whole,
            Lie::Along { outer: 1, inner } => Moving::Rows(inner),
            Lie::Along { outer, inner } => {
                let start = apart;
                apart += outer * inner * strip.block;
                Moving::Apart { start, outer, inner }
            }
            Lie::Reduced(reduction) => {
                let start = stride;
                stride += count.next_multiple_of(LINE);
                Moving::Reduced { start, count, reduction }
            }
        });
        let reads = moving.by_ref().take(strip.reads.len()).collect();
        let writes = moving.collect();
        let count = strip.count();
        let threads = options.threads.clamp(1, count);
        let own = Options { threads: 1, timings: false, ..options.clone() };
        let workers = (0..threads).map(|_| {
            Ok(Worker {
                full: Plan::block(strip.body.clone(), &strip.around(), &own)?,
                left: strip.left.clone().map(|left| Plan::block(left, &strip.around(), &own)).transpose()?,
                inputs: Vec::new(),
                outputs: Vec::new(),
                apart: Lines::new(apart),
                done: Ok(()),
            })
        });
        let workers = workers.collect::<Result<Vec<Worker<T>>>>()?;
        let sums = Lines::new(stride * if threads == 1 { 1 } else { count });
        Ok(StripStep {
            reads,
            writes,
            extent: strip.extent,
            block: strip.block,
            workers,
            sums,
            stride,
            table,
        })
    }

    /// The plan of a full block, and that of the positions left over.
    pub(super) fn bodies(&self) -> (&Plan<T>, Option<&Plan<T>>) {
        (&self.workers[0].full, self.workers[0].left.as_ref())
    }

    /// Positions of a block, and how many blocks there are.
    pub(super) fn blocks(&self) -> (usize, usize) {
        (self.block, self.extent.div_ceil(self.block))
    }

    /// Bytes of the plans of blocks, of gathered operands and of sums.
    pub(super) fn bytes(&self) -> u128 {
        let of = |worker: &Worker<T>| {
            let left = worker.left.as_ref().map_or(0, Plan::own);
            worker.full.own() + left + (worker.apart.len() * size_of::<T>()) as u128
        };
        self.workers.iter().map(of).sum::<u128>() + (self.sums.len() * size_of::<T>()) as u128
    }

    /// Runs all blocks.
    ///
    /// # Safety
    /// The table holds pointers to the operands and results of the strip, with all positions of the axis; results
    /// overlap nothing.
    pub(super) unsafe fn run(&mut self, table: &[*mut u8]) -> Result<()> {
        let (_, count) = self.blocks();
        let parts = self.workers.len();
        let shared = Shared {
            reads: &self.reads,
            writes: &self.writes,
            extent: self.extent,
            block: self.block,
            table,
            sums: self.sums.as_mut_ptr(),
            stride: if parts == 1 { 0 } else { self.stride },
        };
        let work = |blocks: Range<usize>, worker: &mut Worker<T>| {
            worker.done = Ok(());
            for k in blocks {
                // SAFETY: each block is run once, on positions of its own and memory of its thread; what it reads whole
                // nobody writes.
                worker.done = unsafe { shared.run(k, worker) };
                if worker.done.is_err() {
                    return;
                }
                if parts == 1 {
                    // SAFETY: one thread runs all blocks in their order.
                    unsafe { shared.combine(k, 0) };
                }
            }
        };
        fork_blocks(count, &mut self.workers, &work);
        for worker in &mut self.workers {
            std::mem::replace(&mut worker.done, Ok(()))?;
        }
        if parts > 1 {
            // SAFETY: all threads are done.
            (0..count).for_each(|k| unsafe { shared.combine(k, k) });
        }
        Ok(())
    }
}

/// Entries between the starts of sums: two cache lines, so that threads do not write to one.
const LINE: usize = 16;

/// What the blocks share.
struct Shared<'a, T> {
    reads: &'a [Moving],
    writes: &'a [Moving],
    extent: usize,
    block: usize,
    table: &'a [*mut u8],
    sums: *mut T,
    /// From the sums of one block to those of the next; 0 where all have the same place.
    stride: usize,
}

// SAFETY: what the pointers are to is divided among the blocks, and each block is run by one thread.
unsafe impl<T: Send + Sync> Sync for Shared<'_, T> {}

impl<T: Number> Shared<'_, T> {
    /// Runs a block.
    ///
    /// # Safety
    /// As [`StripStep::run`]; nobody else runs this block, nor has its place for sums.
    unsafe fn run(&self, block: usize, worker: &mut Worker<T>) -> Result<()> {
        let first = block * self.block;
        let length = self.block.min(self.extent - first);
        let (from, to) = self.table.split_at(self.reads.len());
        let Worker { full, left, inputs, outputs, apart, .. } = worker;
        let whole = |pointer: *mut u8| pointer.cast::<T>();
        inputs.clear();
        for (moving, &pointer) in self.reads.iter().zip(from) {
            // SAFETY: positions `first..first + length` are positions of the axis; `apart` has room for a block.
            inputs.push(unsafe {
                match *moving {
                    Moving::Rows(inner) => whole(pointer).add(first * inner).cast(),
                    Moving::Apart { start, outer, inner } => {
                        let room = apart.as_mut_ptr().add(start);
                        for k in 0..outer {
                            let from = whole(pointer).add((k * self.extent + first) * inner);
                            std::ptr::copy_nonoverlapping(from, room.add(k * length * inner), length * inner);
                        }
                        room.cast()
                    }
                    Moving::Whole | Moving::Reduced { .. } => pointer,
                }
            });
        }
        outputs.clear();
        for (moving, &pointer) in self.writes.iter().zip(to) {
            // SAFETY: as above; `sums` has room for the sums of every block, or of the one that is run.
            outputs.push(unsafe {
                match *moving {
                    Moving::Rows(inner) => whole(pointer).add(first * inner).cast(),
                    Moving::Apart { start, .. } => apart.as_mut_ptr().add(start).cast(),
                    Moving::Reduced { start, .. } => self.sums.add(block * self.stride + start).cast(),
                    Moving::Whole => pointer,
                }
            });
        }
        let plan = if length < self.block { left.as_mut() } else { Some(full) };
        let plan = plan.expect("invariant: the last block has a plan of its own where it is shorter");
        // SAFETY: the pointers are to as many entries as the inputs and outputs of the plan have.
        unsafe { plan.run_on(inputs, outputs)? };
        for (moving, &pointer) in self.writes.iter().zip(to) {
            let &Moving::Apart { start, outer, inner } = moving else { continue };
            for k in 0..outer {
                // SAFETY: as above; no other block has these positions of the result.
                unsafe {
                    let from = apart.as_ptr().add(start + k * length * inner);
                    let to = whole(pointer).add((k * self.extent + first) * inner);
                    std::ptr::copy_nonoverlapping(from, to, length * inner);
                }
            }
        }
        Ok(())
    }

    /// Adds the sums of a block, which stand at a place, to those of the blocks before it.
    ///
    /// # Safety
    /// The block has been run, and nobody runs one that has this place for its sums.
    unsafe fn combine(&self, block: usize, place: usize) {
        for (moving, &pointer) in self.writes.iter().zip(&self.table[self.reads.len()..]) {
            let &Moving::Reduced { start, count, reduction } = moving else { continue };
            // SAFETY: the result has as many entries as each block has sums of it.
            let (out, part) = unsafe {
                let part = self.sums.add(place * self.stride + start);
                (
                    std::slice::from_raw_parts_mut(pointer.cast::<T>(), count),
                    std::slice::from_raw_parts(part.cast_const(), count),
                )
            };
            match block {
                0 => out.copy_from_slice(part),
                _ => combine(reduction, out, part),
            }
        }
    }
}
