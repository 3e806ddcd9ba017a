//! From arrays to a plan: rewritten, scheduled, given memory; then every step gets its program, kernel and pointers.

use super::blocks::{self, Blocks};
use super::direct::Calls;
use super::recurrence::RecurrenceStep;
use super::strip::StripStep;
use super::{MatrixStep, Options, Plan, Step, functions, in_place, large, timings};
use crate::array::matrix::Matrix;
use crate::array::{ArrayId, Arrays, Definition, passes};
use crate::emit::{emit, inline};
use crate::error::{Error, Result};
use crate::gemm::{Product, Workspace};
use crate::jit::{self, Way};
use crate::lane::Number;
use crate::lane::distribute::distribute;
use crate::lane::interpret::Scratch;
use crate::lane::program::{Buffer, Program};
use crate::lines::Lines;
use crate::schedule::memory::{self, Home, Memory};
use crate::schedule::{self, Around, Schedule, Work, layout, strip};

impl<T: Number> Plan<T> {
    /// Compiles arrays. Inside a recurrence truth values come as numbers, as the plan around it keeps them.
    ///
    /// Each of `taken` is an output and the input whose place it takes.
    pub(super) fn of(
        arrays: Arrays,
        options: &Options,
        inside: bool,
        taken: &[(usize, usize)],
    ) -> Result<Plan<T>> {
        let mut arrays = passes::rewrite(arrays);
        let mut schedule = schedule::schedule(&arrays, options.fuse);
        if options.fuse {
            if let Some(better) = layout::improve(&arrays, &schedule) {
                arrays = better;
                schedule = schedule::schedule(&arrays, true);
            }
            strip::gather(&arrays, &mut schedule, options.cache, size_of::<T>());
        }
        Plan::placed(arrays, schedule, options, inside, taken)
    }

    /// Compiles the arrays of a block of a strip: rewritten already, and not to be cut again.
    ///
    /// The label stays a loop, so that positions of a short block are lanes like those of a long one.
    pub(super) fn block(arrays: Arrays, around: &Around<'_>, options: &Options) -> Result<Plan<T>> {
        let schedule = schedule::schedule_around(&arrays, options.fuse, around);
        Plan::placed(arrays, schedule, options, true, &[])
    }

    fn placed(
        arrays: Arrays,
        mut schedule: Schedule,
        options: &Options,
        inside: bool,
        taken: &[(usize, usize)],
    ) -> Result<Plan<T>> {
        let apart = in_place::settle(&arrays, &mut schedule, taken, T::DEPTH);
        let memory = memory::assign(&arrays, &schedule, options.reuse, &apart);
        let own = |n: &usize| taken.iter().all(|(output, _)| output != n);
        let entries: u128 =
            (0..arrays.outputs.len()).filter(own).map(|n| arrays[arrays.outputs[n]].count() as u128).sum();
        let bytes = (memory.arena as u128 + memory.integers as u128 + entries) * size_of::<T>() as u128;
        if bytes > options.limit {
            return Err(Error::TooLarge { bytes, limit: options.limit });
        }
        Plan::build(arrays, schedule, memory, options, inside, taken)
    }

    fn build(
        arrays: Arrays,
        schedule: Schedule,
        memory: Memory,
        options: &Options,
        inside: bool,
        taken: &[(usize, usize)],
    ) -> Result<Plan<T>> {
        let mut plan = Plan {
            taken: taken.to_vec(),
            arena: Lines::new(memory.arena),
            integer_arena: vec![0; memory.integers],
            steps: Vec::with_capacity(schedule.steps.len()),
            scheduled: Vec::new(),
            clock: None,
            direct: None,
            workspace: Workspace::new(),
            threads: options.threads.max(1),
            inside,
            pointers: (Vec::new(), Vec::new()),
            table: Vec::new(),
            sources: Vec::new(),
            reals: Vec::new(),
            integers: Vec::new(),
            truths: Vec::new(),
            scratch: Scratch::default(),
            input_counts: arrays.inputs.iter().map(|i| i.shape.iter().product()).collect(),
            output_counts: arrays.outputs.iter().map(|o| arrays[*o].count()).collect(),
            copies: Vec::new(),
            checks: Vec::new(),
            memory,
            arrays,
        };
        plan.place_constants();
        // The interpreter keeps the calls: each is one loop over a slice, faster than its operations.
        let compiled = |program: &Program, large: &[(Buffer, Way)]| {
            jit::compile(&distribute(program), large, &functions::address).ok()
        };
        let written = |program: &Program, large: &[(Buffer, Way)]| match options.jit {
            true => compiled(&inline(program), large).or_else(|| compiled(program, large)),
            false => None,
        };
        for step in &schedule.steps {
            match &step.work {
                Work::Loops { order, members } => {
                    let emitted = emit(&plan.arrays, &schedule, order, members, T::PRECISION)?;
                    let table = plan.reserve(&emitted.buffers);
                    let cleared = emitted.buffers.iter().enumerate().filter(|(_, id)| {
                        members.contains(id)
                            && matches!(plan.arrays[**id].definition, Definition::Scatter(..))
                    });
                    let clears = cleared.map(|(k, id)| (k, plan.arrays[*id].count())).collect();
                    let loops = blocks::Loops::new(&plan.arrays, &schedule.classes, order, members, &emitted);
                    let large =
                        large::large(&plan.arrays, &schedule, &plan.memory, &emitted.buffers, size_of::<T>());
                    let blocks = loops.and_then(|loops| Blocks::new(&loops, plan.threads, &large, &written));
                    let blocks = blocks.map(Box::new);
                    let program = emitted.program;
                    let machine = if blocks.is_none() { written(&program, &large) } else { None };
                    plan.steps.push(Step::Loops { program, machine, table, clears, blocks });
                }
                Work::Matrix(id, matrix) => plan.matrix(*id, matrix),
                Work::Recurrence(number, members) => plan.recurrence(*number, members, options)?,
                Work::Strip(strip) => {
                    let arrays: Vec<ArrayId> = step.reads.iter().chain(&step.writes).copied().collect();
                    let counts: Vec<usize> = arrays.iter().map(|&a| plan.arrays[a].count()).collect();
                    let table = plan.reserve(&arrays);
                    let made = StripStep::new(strip, &counts, table, options)?;
                    plan.steps.push(Step::Strip(Box::new(made)));
                }
                Work::Whole(id) => {
                    let Definition::Whole(kernel, args) = &plan.arrays[*id].definition else {
                        unreachable!("invariant: a kernel")
                    };
                    let kernel = kernel.clone();
                    let arrays: Vec<ArrayId> = std::iter::once(*id).chain(args.iter().copied()).collect();
                    let table = plan.reserve(&arrays);
                    plan.steps.push(Step::Whole { kernel, table, arrays });
                }
            }
        }
        for (n, output) in plan.arrays.outputs.iter().enumerate() {
            if plan.memory.home(*output) != Home::Output(n) {
                plan.copies.push((n, *output));
            }
        }
        plan.check_labels_of(&schedule.steps)?;
        plan.scheduled = schedule.steps;
        if plan.inner() > 0 {
            // What steps keep for themselves is known only now.
            let bytes = plan.explanation().peak();
            if bytes > options.limit {
                return Err(Error::TooLarge { bytes, limit: options.limit });
            }
        }
        plan.clock = options.timings.then(|| timings::Clock::new(plan.steps.len() + plan.copies.len()));
        plan.direct = Calls::of(&plan);
        Ok(plan)
    }

    fn recurrence(&mut self, number: usize, members: &[ArrayId], options: &Options) -> Result<()> {
        let recurrence = self.arrays.recurrences[number].clone();
        let Definition::Carry { operands, .. } = &self.arrays[members[0]].definition else {
            unreachable!("invariant: trajectories")
        };
        let operands = operands.clone();
        let mut kept: Vec<Option<ArrayId>> = vec![None; recurrence.carries];
        let mut whole = vec![false; recurrence.carries];
        for &m in members {
            if let Definition::Carry { carry, end, .. } = self.arrays[m].definition {
                kept[carry] = Some(m);
                whole[carry] = !end;
            }
        }
        let start = self.table.len();
        for carry in &kept {
            match carry {
                Some(id) => drop(self.reserve(&[*id])),
                None => self.table.push(std::ptr::null_mut()),
            }
        }
        self.reserve(&operands);
        let table = start..self.table.len();
        let body = Plan::of(recurrence.body.clone(), options, true, &[])?;
        let step = RecurrenceStep::new(body, &recurrence, whole, table);
        self.steps.push(Step::Recurrence(Box::new(step)));
        Ok(())
    }

    fn matrix(&mut self, id: ArrayId, matrix: &Matrix) {
        let arrays: Vec<ArrayId> = std::iter::once(id).chain(matrix.reads()).collect();
        let table = self.reserve(&arrays);
        let product = Product {
            m: matrix.product.m,
            n: matrix.product.n,
            k: matrix.product.k,
            batch: matrix.product.batch.clone(),
            a: matrix.product.a.clone(),
            b: matrix.product.b.clone(),
            c: matrix.product.c.clone(),
            alpha: T::of(matrix.product.alpha),
            beta: T::of(matrix.product.beta),
            symmetric: matrix.product.symmetric,
            prologue: matrix.product.prologue.clone(),
            epilogue: matrix.product.epilogue.clone(),
        };
        let given = [
            matrix.k_scale,
            matrix.active_k,
            matrix.active_rows,
            matrix.active_cols,
            matrix.mask,
            matrix.bias,
        ]
        .map(|array| array.is_some());
        self.steps.push(Step::Matrix(Box::new(MatrixStep { product, table, given })));
    }
}
