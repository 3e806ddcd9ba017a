//! Plans: a graph scheduled and compiled once, then run as often as wanted without allocation.
//!
//! ```
//! use chainrule_core::{Graph, shape::Type};
//! use chainrule_exec::{Options, Plan, Value};
//! let mut g = Graph::new();
//! let x = g.input("x", Type::real([3]))?;
//! let y = g.logsumexp(x, &[0])?;
//! let gradient = g.gradient(y, &[x])?;
//! let mut plan = Plan::<f64>::compile(&g, &gradient, &Options::default())?;
//! let mut softmax = [0.0; 3];
//! plan.run(&[Value::Real(&[0.0, 1000.0, 0.0])], &mut [&mut softmax])?;
//! assert_eq!(softmax, [0.0, 1.0, 0.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![allow(unsafe_code)]

mod batch;
mod blocks;
mod build;
mod count;
mod direct;
pub mod explain;
mod functions;
mod in_place;
mod labels;
mod large;
mod prefix;
mod recurrence;
pub mod session;
mod strip;
pub mod structured;
mod table;
pub mod timings;
mod whole;

use crate::array::lower::lower;
use crate::array::{ArrayId, Arrays, Definition, Entry, Input, Whole};
use crate::error::{Error, Result};
use crate::gemm::{Pointers, Product, Workspace};
use crate::jit::Machine;
use crate::lane::Number;
use crate::lane::interpret::{self, Scratch};
use crate::lane::program::Program;
use crate::lines::Lines;
use crate::schedule;
use crate::schedule::memory::{Home, Memory};
use blocks::Blocks;
use chainrule_core::shape::Sizes;
use chainrule_core::{Graph, NodeId};
use recurrence::RecurrenceStep;
use session::Session;
use strip::StripStep;

/// How a plan is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Numbers for the graph's sizes.
    pub sizes: Sizes,
    /// Threads that a run may use; results do not depend on it.
    pub threads: usize,
    /// Whether machine code is written, where the processor is one that we write for.
    pub jit: bool,
    /// Whether nests are computed together; off to find out what fusion does.
    pub fuse: bool,
    /// Whether temporaries share memory; off to find out what sharing does.
    pub reuse: bool,
    /// Bytes of temporaries and outputs above which a plan is refused.
    pub limit: u128,
    /// Whether every step of a run is timed; off, a run reads no clock.
    pub timings: bool,
    /// Bytes of a cache: steps that pass more to each other along an axis are run block by block of that axis.
    pub cache: usize,
}

/// Second-level caches have half a megabyte to two, and what lies there is read several times as fast as what does not.
const CACHE: usize = 1 << 20;

impl Default for Options {
    fn default() -> Options {
        Options {
            sizes: Sizes::new(),
            threads: 1,
            jit: true,
            fuse: true,
            reuse: true,
            limit: 2 << 30,
            timings: false,
            cache: CACHE,
        }
    }
}

/// The value of an input.
#[derive(Copy, Clone, Debug)]
pub enum Value<'a, T> {
    /// Numbers, row-major.
    Real(&'a [T]),
    /// Labels.
    Int(&'a [i64]),
    /// Truth values.
    Bool(&'a [bool]),
    /// The numbers that stand in the output that takes the place of this input; see [`Plan::in_place`].
    InPlace,
}

impl<T> Value<'_, T> {
    fn describe(&self) -> (Entry, usize) {
        match self {
            Value::Real(v) => (Entry::Real, v.len()),
            Value::Int(v) => (Entry::Int, v.len()),
            Value::Bool(v) => (Entry::Bool, v.len()),
            Value::InPlace => (Entry::Real, 0),
        }
    }
}

/// Where a pointer of a step's table comes from in each run.
#[derive(Copy, Clone)]
enum Source {
    Input(usize),
    Output(usize),
}

/// A compiled step.
enum Step<T> {
    /// A lane program, where its table of pointers is, and which of them are cleared first, with their entries.
    Loops {
        program: Program,
        machine: Option<Machine>,
        table: std::ops::Range<usize>,
        clears: Vec<(usize, usize)>,
        /// The same cut into blocks, where that is worth while; the program is not run then.
        blocks: Option<Box<Blocks<T>>>,
    },
    /// A kernel; result first, then operands, in the table.
    Whole { kernel: Whole, table: std::ops::Range<usize>, arrays: Vec<ArrayId> },
    /// A matrix product.
    Matrix(Box<MatrixStep<T>>),
    /// A recurrence.
    Recurrence(Box<RecurrenceStep<T>>),
    /// Steps that are run block by block.
    Strip(Box<StripStep<T>>),
}

/// A matrix product with its places in the table.
struct MatrixStep<T> {
    product: Product<T>,
    /// Result, left, right, and the rest in the order of [`Matrix::reads`]; each only where it is given.
    table: std::ops::Range<usize>,
    given: [bool; 6],
}

/// A compiled graph with its memory.
pub struct Plan<T> {
    arrays: Arrays,
    steps: Vec<Step<T>>,
    /// What each step is, for those who read the plan.
    scheduled: Vec<schedule::Step>,
    clock: Option<timings::Clock>,
    /// The calls that a run is, where it is nothing else.
    direct: Option<direct::Calls>,
    workspace: Workspace<T>,
    threads: usize,
    /// Whether truth values among the inputs come as numbers.
    inside: bool,
    /// Outputs that take the place of inputs.
    taken: Vec<(usize, usize)>,
    /// Pointers of inputs and outputs of a run.
    pointers: (Vec<*mut u8>, Vec<*mut u8>),
    memory: Memory,
    /// Pointers of all steps, one table after the other; those of inputs and outputs are filled in by each run.
    table: Vec<*mut u8>,
    sources: Vec<(usize, Source)>,
    reals: Vec<Vec<T>>,
    integers: Vec<Vec<i64>>,
    arena: Lines<T>,
    integer_arena: Vec<i64>,
    /// Truth values given as inputs, as numbers.
    truths: Vec<Vec<T>>,
    scratch: Scratch<T>,
    input_counts: Vec<usize>,
    output_counts: Vec<usize>,
    /// Outputs that no step writes: copied from what they are.
    copies: Vec<(usize, ArrayId)>,
    /// Labels to look at, and before which step.
    checks: Vec<labels::Looked>,
}

// SAFETY: the table points into the plan's own vectors, which move with it (their heap blocks do not), and into slices
// that are borrowed for the length of a run; a run needs the plan exclusively.
unsafe impl<T: Send> Send for Plan<T> {}

impl<T: Number> Plan<T> {
    /// Compiles the outputs of a graph.
    ///
    /// # Errors
    /// [`Error::UnknownSize`] for a size without a number, [`Error::Unsupported`], [`Error::TooLarge`] above the limit.
    pub fn compile(graph: &Graph, outputs: &[NodeId], options: &Options) -> Result<Plan<T>> {
        let lowered = lower(graph, outputs, &options.sizes);
        Plan::of(lowered.map_err(|e| e.under(options.limit))?, options, false, &[])
    }

    /// Literals get memory of their own, and truth values given as inputs.
    fn place_constants(&mut self) {
        let mut homes = std::mem::take(&mut self.memory.homes);
        for (k, array) in self.arrays.arrays.iter().enumerate() {
            match &array.definition {
                Definition::Reals(values) => {
                    homes[k] = Home::Constant(self.reals.len());
                    self.reals.push(values.iter().map(|&x| T::of(x)).collect());
                }
                Definition::Integers(values) => {
                    homes[k] = Home::Integers(self.integers.len());
                    self.integers.push(values.clone());
                }
                _ => {}
            }
        }
        self.memory.homes = homes;
        self.truths = self
            .arrays
            .inputs
            .iter()
            .map(|i| {
                if i.entry == Entry::Bool { vec![T::default(); i.shape.iter().product()] } else { Vec::new() }
            })
            .collect();
    }

    /// Appends the pointers of some arrays to the table.
    fn reserve(&mut self, arrays: &[ArrayId]) -> std::ops::Range<usize> {
        let start = self.table.len();
        for &id in arrays {
            let array = &self.arrays[id];
            let pointer = match self.memory.home(id) {
                Home::Input(n) if array.entry == Entry::Bool && !self.inside => {
                    self.truths[n].as_mut_ptr().cast()
                }
                Home::Input(n) => {
                    self.sources.push((self.table.len(), Source::Input(n)));
                    std::ptr::null_mut()
                }
                Home::Output(n) => {
                    self.sources.push((self.table.len(), Source::Output(n)));
                    std::ptr::null_mut()
                }
                Home::Constant(n) => self.reals[n].as_mut_ptr().cast(),
                Home::Integers(n) if matches!(array.definition, Definition::Integers(_)) => {
                    self.integers[n].as_mut_ptr().cast()
                }
                Home::Integers(at) => self.integer_arena[at..].as_mut_ptr().cast(),
                Home::Arena(at) => self.arena[at..].as_mut_ptr().cast(),
                Home::None => std::ptr::null_mut(),
            };
            self.table.push(pointer);
        }
        start..self.table.len()
    }

    /// The inputs, in the order in which a run is given them.
    pub fn inputs(&self) -> &[Input] {
        &self.arrays.inputs
    }

    /// What the plan computes, as arrays with numbers for sizes.
    pub fn arrays(&self) -> &Arrays {
        &self.arrays
    }

    /// Extents of an output.
    pub fn output_shape(&self, output: usize) -> &[usize] {
        &self.arrays[self.arrays.outputs[output]].shape
    }

    /// Number of outputs.
    pub fn output_count(&self) -> usize {
        self.arrays.outputs.len()
    }

    /// Runs the plan: inputs in the order of [`Plan::inputs`], outputs dense and row-major.
    ///
    /// Labels and truth values among the outputs are written as numbers.
    ///
    /// # Errors
    /// [`Error::Arity`], [`Error::Value`] for values that do not fit, [`Error::Label`] for a label out of range,
    /// [`Error::LabelOutside`] for one that selects from fewer entries.
    pub fn run(&mut self, inputs: &[Value<'_, T>], outputs: &mut [&mut [T]]) -> Result<()> {
        self.check(inputs, outputs)?;
        let (mut from, mut to) = std::mem::take(&mut self.pointers);
        to.clear();
        to.extend(outputs.iter_mut().map(|out| out.as_mut_ptr().cast::<u8>()));
        from.clear();
        from.extend(inputs.iter().enumerate().map(|(n, value)| match value {
            Value::Real(v) => v.as_ptr().cast_mut().cast(),
            Value::Int(v) => v.as_ptr().cast_mut().cast(),
            Value::Bool(_) => self.truths[n].as_mut_ptr().cast(),
            Value::InPlace => {
                let taken = self.taken.iter().find(|(_, input)| *input == n);
                to[taken.expect("invariant: only such inputs passed the check").0]
            }
        }));
        // SAFETY: lengths and labels were checked, and the borrows last as long as this call.
        let done = unsafe { self.run_on(&from, &to) };
        self.pointers = (from, to);
        done
    }

    /// Runs the plan on pointers.
    ///
    /// # Safety
    /// Each is to as many entries as its input or output has, labels in range; outputs overlap nothing.
    unsafe fn run_on(&mut self, inputs: &[*mut u8], outputs: &[*mut u8]) -> Result<()> {
        for &(slot, source) in &self.sources {
            self.table[slot] = match source {
                Source::Input(n) => inputs[n],
                Source::Output(n) => outputs[n],
            };
        }
        self.execute()?;
        for &(n, id) in &self.copies {
            // SAFETY: given by the caller.
            unsafe { self.copy(id, inputs, n, outputs) };
            self.clock.iter_mut().for_each(timings::Clock::lap);
        }
        Ok(())
    }

    /// Bytes that steps keep for themselves: plans of recurrences with their carries, plans of blocks, sums of blocks.
    fn inner(&self) -> u128 {
        let of = |step: &Step<T>| match step {
            Step::Recurrence(step) => step.bytes(),
            Step::Strip(step) => step.bytes(),
            Step::Loops { blocks: Some(blocks), .. } => blocks.bytes() as u128,
            _ => 0,
        };
        self.steps.iter().map(of).sum()
    }

    /// Bytes of the memory of its own.
    fn own(&self) -> u128 {
        let numbers = self.memory.arena as u128 * size_of::<T>() as u128;
        numbers + self.memory.integers as u128 * size_of::<i64>() as u128 + self.inner()
    }

    /// The plan with memory of its own for inputs and outputs.
    pub fn session(self) -> Session<T> {
        Session::new(self)
    }

    /// Carries out the steps on the pointers of the table: those of the last run, whose inputs and outputs are still
    /// borrowed or owned by whoever calls.
    #[inline]
    fn execute(&mut self) -> Result<()> {
        if let Some(calls) = &self.direct {
            // SAFETY: the table holds a pointer to as many elements as each array has, as in `steps`.
            unsafe { calls.run(&self.table) };
            return Ok(());
        }
        match (&self.clock, self.checks.is_empty()) {
            (None, true) => self.steps::<false, false>(),
            (None, false) => self.steps::<false, true>(),
            (Some(_), _) => self.steps::<true, true>(),
        }
    }

    /// The steps of a run, in order; with the clock where `TIMED`, with checks of labels where `CHECKED`, and without a
    /// word about them where not.
    fn steps<const TIMED: bool, const CHECKED: bool>(&mut self) -> Result<()> {
        if TIMED {
            self.clock.iter_mut().for_each(timings::Clock::start);
        }
        let functions: &interpret::Functions<T> = &functions::evaluate::<T>;
        for (k, step) in self.steps.iter_mut().enumerate() {
            if CHECKED {
                // SAFETY: the table holds a pointer to as many integers as each array of labels has.
                unsafe { labels::look(&self.checks, k, &self.arrays, &self.table)? };
            }
            match step {
                // SAFETY: the table holds a pointer to as many elements as each array has (checked above for inputs
                // and outputs); addresses stay inside their arrays, which the emitter made sure of; inputs are only
                // read, and every other array is written by one step only while the plan is borrowed exclusively.
                Step::Loops { blocks: Some(blocks), table, .. } => unsafe {
                    blocks.run(&self.table[table.clone()]);
                },
                // SAFETY: as above.
                Step::Loops { program, machine, table, clears, .. } => unsafe {
                    for &mut (k, count) in clears {
                        self.table[table.start + k].cast::<T>().write_bytes(0, count);
                    }
                    let table = &self.table[table.clone()];
                    match machine {
                        Some(machine) => machine.run(table),
                        None => interpret::run(program, functions, table, &mut self.scratch),
                    }
                },
                // SAFETY: as above; trajectories are written by this step alone.
                Step::Recurrence(step) => unsafe { step.run(&self.table[step.table.clone()])? },
                // SAFETY: as above; each block writes at positions of its own.
                Step::Strip(step) => unsafe { step.run(&self.table[step.table.clone()])? },
                Step::Matrix(step) => {
                    let pointers = step.pointers(&self.table[step.table.clone()]);
                    // SAFETY: as above; views were read off the shapes of their arrays, and the result is no operand.
                    unsafe { step.product.run_unchecked(&pointers, &mut self.workspace, self.threads) }
                }
                Step::Whole { kernel, table, arrays } => {
                    // SAFETY: as above.
                    unsafe { run_whole::<T>(&self.arrays, kernel, &self.table[table.clone()], arrays)? }
                }
            }
            if TIMED {
                self.clock.iter_mut().for_each(timings::Clock::lap);
            }
        }
        Ok(())
    }

    /// An output that is an input, a literal, an array of integers, or another output.
    ///
    /// # Safety
    /// As [`Plan::run_on`].
    unsafe fn copy(&self, id: ArrayId, inputs: &[*mut u8], n: usize, outputs: &[*mut u8]) {
        let array = &self.arrays[id];
        let count = array.count();
        let from: *const u8 = match self.memory.home(id) {
            Home::Input(k) => inputs[k],
            Home::Constant(k) => self.reals[k].as_ptr().cast(),
            Home::Integers(k) if matches!(array.definition, Definition::Integers(_)) => {
                self.integers[k].as_ptr().cast()
            }
            Home::Integers(at) => self.integer_arena[at..].as_ptr().cast(),
            Home::Arena(at) => self.arena[at..].as_ptr().cast(),
            Home::Output(k) => outputs[k],
            Home::None => unreachable!("invariant: outputs are stored"),
        };
        // SAFETY: both are to `count` entries, by the contract; an output overlaps nothing but itself.
        unsafe {
            let to = outputs[n].cast::<T>();
            if array.entry == Entry::Int {
                let from = std::slice::from_raw_parts(from.cast::<i64>(), count);
                from.iter().enumerate().for_each(|(k, &x)| *to.add(k) = T::of(x as f64));
            } else {
                std::ptr::copy(from.cast::<T>(), to, count);
            }
        }
    }

    fn check(&mut self, inputs: &[Value<'_, T>], outputs: &[&mut [T]]) -> Result<()> {
        let arity = |what, expected: usize, found: usize| match expected == found {
            true => Ok(()),
            false => Err(Error::Arity { what, expected, found }),
        };
        arity("inputs", self.arrays.inputs.len(), inputs.len())?;
        arity("outputs", self.arrays.outputs.len(), outputs.len())?;
        for (n, (input, value)) in self.arrays.inputs.iter().zip(inputs).enumerate() {
            let taken = self.taken.iter().find(|(_, input)| *input == n).map(|(output, _)| *output);
            if taken.is_some() || matches!(value, Value::InPlace) {
                in_place::expect(&input.name, taken, value)?;
                continue;
            }
            let count = self.input_counts[n];
            if value.describe() != (input.entry, count) {
                let (entry, found) = value.describe();
                return Err(Error::Value {
                    name: input.name.clone(),
                    expected: format!(
                        "{count} entries of kind {:?} for the shape {:?}",
                        input.entry, input.shape
                    ),
                    found: format!("{found} entries of kind {entry:?}"),
                });
            }
            match value {
                Value::Int(labels) => {
                    let Some(below) = input.below else { continue };
                    if let Some(&found) = labels.iter().find(|&&l| !(0..below).contains(&l)) {
                        return Err(Error::Label { name: input.name.clone(), found, below });
                    }
                }
                Value::Bool(truths) => {
                    let kept = &mut self.truths[n];
                    kept.iter_mut()
                        .zip(*truths)
                        .for_each(|(t, &b)| *t = if b { T::one() } else { T::zero() });
                }
                Value::Real(_) | Value::InPlace => {}
            }
        }
        for (n, (&count, out)) in self.output_counts.iter().zip(outputs).enumerate() {
            if out.len() != count {
                return Err(Error::Value {
                    name: format!("output {n}"),
                    expected: format!("room for {count} entries"),
                    found: format!("room for {}", out.len()),
                });
            }
        }
        Ok(())
    }
}

impl<T: Number> MatrixStep<T> {
    /// The table as the kernel wants it.
    fn pointers(&self, table: &[*mut u8]) -> Pointers<T> {
        let mut next = 3;
        let mut take = |k: usize| {
            if !self.given[k] {
                return std::ptr::null();
            }
            next += 1;
            table[next - 1].cast::<T>().cast_const()
        };
        Pointers {
            c: table[0].cast(),
            a: table[1].cast::<T>().cast_const(),
            b: table[2].cast::<T>().cast_const(),
            k_scale: take(0),
            active_k: take(1),
            active_rows: take(2),
            active_cols: take(3),
            mask: take(4),
            bias: take(5),
            scale: std::ptr::null(),
        }
    }
}

/// Runs a kernel over whole operands.
///
/// # Safety
/// Each pointer is to as many elements as its array has; the result overlaps no operand.
#[inline(never)]
unsafe fn run_whole<T: Number>(
    arrays: &Arrays,
    kernel: &Whole,
    table: &[*mut u8],
    ids: &[ArrayId],
) -> Result<()> {
    let count = |k: usize| arrays[ids[k]].count();
    // SAFETY: by the contract of this function.
    let operands: smallvec::SmallVec<[&[T]; 2]> = (1..ids.len())
        .map(|k| unsafe { std::slice::from_raw_parts(table[k].cast::<T>().cast_const(), count(k)) })
        .collect();
    let shapes: smallvec::SmallVec<[&[usize]; 2]> =
        ids[1..].iter().map(|&id| &arrays[id].shape[..]).collect();
    match kernel {
        Whole::ArgMax(_) | Whole::ArgSort(_) => {
            // SAFETY: as above; the result holds integers.
            let out = unsafe { std::slice::from_raw_parts_mut(table[0].cast::<i64>(), count(0)) };
            whole::positions(kernel, shapes[0], operands[0], out);
            Ok(())
        }
        _ => {
            // SAFETY: as above.
            let out = unsafe { std::slice::from_raw_parts_mut(table[0].cast::<T>(), count(0)) };
            whole::numbers(kernel, &shapes, &operands, &arrays[ids[0]].shape, out)
        }
    }
}
