//! Recurrences: the plan of one step, run again and again with its pointers moved along.
#![allow(unsafe_code, reason = "pointers that move along trajectories; each block says why they stay inside")]

use super::{Plan, Source};
use crate::array::{Entry, Recurrence};
use crate::error::Result;
use crate::lane::Number;
use crate::lines::Lines;

/// A recurrence in a plan.
pub(super) struct RecurrenceStep<T> {
    body: Plan<T>,
    shape: Recurrence,
    /// Pointers of the trajectories (of all carries, null where nobody asked), then of the operands.
    pub(super) table: std::ops::Range<usize>,
    /// Bytes from one step's entry to the next, for each formal; 0 for constants.
    strides: Vec<usize>,
    /// The carries whose whole trajectories are kept.
    whole: Vec<bool>,
    /// Two places in turn for each of the others.
    turns: Vec<[Lines<T>; 2]>,
    inputs: Vec<*mut u8>,
    outputs: Vec<*mut u8>,
    walks: Vec<Walk>,
}

/// A pointer in the table of the step's plan, and where it goes.
struct Walk {
    slot: usize,
    /// Where it is in the second step.
    second: *mut u8,
    /// Bytes from one step to the next after that.
    by: isize,
    /// What `by` is multiplied with after each step: -1 for two places in turn.
    factor: isize,
}

impl<T: Number> RecurrenceStep<T> {
    pub(super) fn new(
        body: Plan<T>,
        recurrence: &Recurrence,
        whole: Vec<bool>,
        table: std::ops::Range<usize>,
    ) -> RecurrenceStep<T> {
        let formals = table.len() - recurrence.carries;
        let own = recurrence.carries..recurrence.carries + recurrence.per_step;
        let mut strides = vec![0; formals];
        for (input, &formal) in body.inputs().iter().zip(&recurrence.formals) {
            if own.contains(&formal) {
                let bytes = if input.entry == Entry::Int { size_of::<i64>() } else { size_of::<T>() };
                strides[formal] = input.shape.iter().product::<usize>() * bytes;
            }
        }
        let turns = recurrence
            .counts
            .iter()
            .zip(&whole)
            .map(|(&count, &whole)| {
                let count = if whole { 0 } else { count };
                [Lines::new(count), Lines::new(count)]
            })
            .collect();
        let shape = Recurrence {
            body: crate::array::Arrays::default(),
            formals: recurrence.formals.clone(),
            counts: recurrence.counts.clone(),
            ..*recurrence
        };
        RecurrenceStep {
            body,
            shape,
            table,
            strides,
            whole,
            turns,
            inputs: Vec::new(),
            outputs: Vec::new(),
            walks: Vec::new(),
        }
    }

    /// The plan of one step.
    pub(super) fn body(&self) -> &Plan<T> {
        &self.body
    }

    /// Bytes of the plan of one step and of the carries that pass from step to step.
    pub(super) fn bytes(&self) -> u128 {
        let turns = self.turns.iter().flatten().map(|turn| turn.len() * size_of::<T>()).sum::<usize>();
        self.body.own() + turns as u128
    }

    /// Runs all steps.
    ///
    /// # Safety
    /// The table holds, for each carry, a trajectory of as many entries as there are steps (of one where only the end is
    /// kept; null where nobody asked), then the operands as the formals want them; trajectories overlap nothing.
    pub(super) unsafe fn run(&mut self, table: &[*mut u8]) -> Result<()> {
        let Recurrence { carries, length, .. } = self.shape;
        let trajectories = &table[..carries];
        if self.body.copies.is_empty() && length > 0 {
            // SAFETY: as the caller warrants.
            unsafe { self.walk(table)? };
        } else {
            // SAFETY: as the caller warrants.
            unsafe { self.step_by_step(table)? };
        }
        let ends = trajectories.iter().enumerate().filter(|(k, end)| !self.whole[*k] && !end.is_null());
        for (carry, &end) in ends.filter(|_| length > 0) {
            let last = &self.turns[carry][(length + 1) % 2];
            // SAFETY: one entry of the carry's trajectory, in memory that nobody else has.
            unsafe { std::ptr::copy_nonoverlapping(last.as_ptr(), end.cast(), last.len()) };
        }
        Ok(())
    }

    /// Runs all steps with the pointers of the step's plan moved on where they stand, which costs an addition each.
    ///
    /// # Safety
    /// As [`RecurrenceStep::run`]; there is a step.
    unsafe fn walk(&mut self, table: &[*mut u8]) -> Result<()> {
        let Recurrence { carries, length, backward, .. } = self.shape;
        let (trajectories, operands) = table.split_at(carries);
        let (start, towards) = if backward { (length - 1, -1) } else { (0, 1) };
        let walks = &mut self.walks;
        walks.clear();
        for &(slot, source) in &self.body.sources {
            let along = |base: *mut u8, stride: usize| {
                let by = towards * stride as isize;
                let first = base.wrapping_byte_add(start * stride);
                (first, first.wrapping_byte_offset(by), by, 1)
            };
            let trajectory =
                |carry: usize| along(trajectories[carry], self.shape.counts[carry] * size_of::<T>());
            let turns = &mut self.turns;
            let mut in_turn = |carry: usize| {
                let [even, odd] = &mut turns[carry];
                let (even, odd) = (even.as_mut_ptr().cast::<u8>(), odd.as_mut_ptr().cast::<u8>());
                (even, odd, (even as isize).wrapping_sub(odd as isize), -1)
            };
            let (first, second, by, factor) = match source {
                Source::Input(n) => match self.shape.formals[n] {
                    formal if formal >= carries => along(operands[formal], self.strides[formal]),
                    // A carry starts at its operand; then it is what the step before wrote.
                    formal if self.whole[formal] => {
                        let (first, _, by, factor) = trajectory(formal);
                        (operands[formal], first, by, factor)
                    }
                    formal => {
                        let (even, _, by, factor) = in_turn(formal);
                        (operands[formal], even, -by, factor)
                    }
                },
                Source::Output(carry) if self.whole[carry] => trajectory(carry),
                Source::Output(carry) => in_turn(carry),
            };
            self.body.table[slot] = first;
            if second != first || by != 0 {
                walks.push(Walk { slot, second, by, factor });
            }
        }
        self.body.execute()?;
        if length > 1 {
            walks.iter().for_each(|walk| self.body.table[walk.slot] = walk.second);
            self.body.execute()?;
        }
        for _ in 2..length {
            for walk in walks.iter_mut() {
                let pointer = &mut self.body.table[walk.slot];
                *pointer = pointer.wrapping_byte_offset(walk.by);
                walk.by *= walk.factor;
            }
            self.body.execute()?;
        }
        Ok(())
    }

    /// Runs all steps, each given its inputs and outputs.
    ///
    /// # Safety
    /// As [`RecurrenceStep::run`].
    unsafe fn step_by_step(&mut self, table: &[*mut u8]) -> Result<()> {
        let Recurrence { carries, length, backward, .. } = self.shape;
        let (trajectories, operands) = table.split_at(carries);
        let bytes = |carry: usize| self.shape.counts[carry] * size_of::<T>();
        let (inputs, outputs) = (&mut self.inputs, &mut self.outputs);
        for turn in 0..length {
            let at = if backward { length - 1 - turn } else { turn };
            let before = if backward { at + 1 } else { at.wrapping_sub(1) };
            inputs.clear();
            for &formal in &self.shape.formals {
                // SAFETY: `at` and, after the first turn, `before` are positions of trajectories and operands.
                inputs.push(unsafe {
                    if formal >= carries {
                        operands[formal].add(at * self.strides[formal])
                    } else if turn == 0 {
                        operands[formal]
                    } else if !self.whole[formal] {
                        self.turns[formal][(turn + 1) % 2].as_mut_ptr().cast()
                    } else {
                        trajectories[formal].add(before * bytes(formal))
                    }
                });
            }
            outputs.clear();
            for (carry, &trajectory) in trajectories.iter().enumerate() {
                outputs.push(if !self.whole[carry] {
                    self.turns[carry][turn % 2].as_mut_ptr().cast()
                } else {
                    // SAFETY: as above.
                    unsafe { trajectory.add(at * bytes(carry)) }
                });
            }
            // SAFETY: the pointers are to as many entries as the step's formals and results have.
            unsafe { self.body.run_on(inputs, outputs)? };
        }
        Ok(())
    }
}
