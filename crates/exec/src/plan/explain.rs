//! What a plan does and what it costs: its steps, its buffers, its totals.
//!
//! ```
//! use chainrule_core::{Graph, shape::Type};
//! use chainrule_exec::{Options, Plan};
//! let mut g = Graph::new();
//! let (v, x) = (g.input("V", Type::real([3, 4]))?, g.input("x", Type::real([4]))?);
//! let y = g.dot(v, x)?;
//! let plan = Plan::<f64>::compile(&g, &[y], &Options::default())?;
//! let explanation = plan.explanation();
//! assert_eq!(explanation.peak(), 3 * 8); // no temporary, one output
//! assert!(plan.explain().contains("V[3,4] input"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::count::count;
use super::{Plan, Step as Compiled};
use crate::array::{ArrayId, Definition, Entry, Whole};
use crate::cost::{Polynomial, linear_flops};
use crate::lane::Number;
use crate::schedule::memory::Home;
use crate::schedule::{self, Work};
use chainrule_core::graph::op::Linear;
use chainrule_core::shape::Sizes;
use rustc_hash::FxHashMap;
use std::fmt;

/// What a step runs.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kernel {
    /// Nests computed together by one lane program.
    Loops {
        /// Extents of the loops, outermost first; none where everything is written out.
        extents: Vec<usize>,
        /// How many nests are computed together.
        nests: usize,
        /// How many of them add their terms where an index says.
        scatters: usize,
        /// How many blocks of a loop threads may run side by side; 1 where it is run as a whole.
        blocks: usize,
    },
    /// A matrix product `m x k` by `k x n`.
    Matrix {
        /// Extents of the batch.
        batch: Vec<usize>,
        /// Rows.
        m: usize,
        /// Terms of a sum.
        k: usize,
        /// Columns.
        n: usize,
        /// Whether only one triangle is computed.
        symmetric: bool,
        /// What is multiplied or masked on the way.
        with: Vec<&'static str>,
    },
    /// A kernel over whole operands.
    Whole {
        /// Its name.
        name: &'static str,
        /// Extents of its first operand.
        shape: Vec<usize>,
    },
    /// A step that is applied again and again.
    Recurrence {
        /// How often.
        length: usize,
        /// Steps of the plan of one application.
        steps: usize,
    },
    /// Steps that are run block by block of an axis.
    Strip {
        /// Steps of the plan of one block.
        steps: usize,
        /// Positions of a block.
        length: usize,
        /// How many blocks there are.
        blocks: usize,
    },
    /// An output that is an input, a literal, or another output.
    Copy,
}

/// One step.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Step {
    /// What is run.
    pub kernel: Kernel,
    /// Bytes of machine code, where there is some; `None` for the interpreter and for compiled kernels.
    pub code: Option<usize>,
    /// Buffers that are read, by their place in [`Explanation::buffers`].
    pub reads: Vec<usize>,
    /// Buffers that are written.
    pub writes: Vec<usize>,
    /// Additions, multiplications, comparisons; of masked products at most.
    pub flops: u128,
    /// Values of elementary functions.
    pub calls: u128,
    /// Bytes moved: each buffer that is read or written, once.
    pub bytes: u128,
}

/// Where the entries of a buffer are.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Place {
    /// Given by the caller.
    Input,
    /// The caller's, to be written.
    Output,
    /// The caller's, where an input stood: [`Plan::in_place`].
    InPlace,
    /// Numbers of the graph.
    Constant,
    /// The plan's memory, from this byte.
    Arena(usize),
    /// The plan's memory of integers, from this byte.
    Integers(usize),
}

/// An array in memory.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Buffer {
    /// Name of the graph, `out0` for an output without one, else `t7` for the array with that number.
    pub name: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// Where it is.
    pub place: Place,
    /// Bytes.
    pub bytes: u128,
    /// Step that writes it first; `None` where it is there before.
    pub from: Option<usize>,
    /// Last step that touches it; `None` where it is read after the run, and for an input that no step reads.
    pub to: Option<usize>,
}

/// What a plan does and what it costs. Written out it is a table of ASCII, at most 100 columns wide.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// Bytes of one number: 8 or 4.
    pub precision: usize,
    /// Threads that a run may use.
    pub threads: usize,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The buffers: inputs, then what the steps write.
    pub buffers: Vec<Buffer>,
    /// Bytes of the plan's own memory for temporaries, those of the steps of recurrences included.
    pub arena: u128,
    /// Bytes of the outputs, but for those that take the place of inputs.
    pub outputs: u128,
    /// Bytes that temporaries would take if none shared its place with another.
    pub unshared: u128,
}

impl Explanation {
    /// Flops of a run.
    pub fn flops(&self) -> u128 {
        self.steps.iter().map(|s| s.flops).sum()
    }

    /// Values of elementary functions of a run.
    pub fn calls(&self) -> u128 {
        self.steps.iter().map(|s| s.calls).sum()
    }

    /// Bytes of machine code of all steps that have some.
    fn code(&self) -> Option<usize> {
        self.steps.iter().filter_map(|s| s.code).reduce(|a, b| a + b)
    }

    /// Bytes moved by a run.
    pub fn bytes(&self) -> u128 {
        self.steps.iter().map(|s| s.bytes).sum()
    }

    /// Bytes of temporaries and outputs: what the limit of a plan is compared with.
    pub fn peak(&self) -> u128 {
        self.arena + self.outputs
    }
}

impl<T: Number> Plan<T> {
    /// What the plan does and what it costs, as a table.
    pub fn explain(&self) -> String {
        self.explanation().to_string()
    }

    /// What the plan does and what it costs, as a record.
    pub fn explanation(&self) -> Explanation {
        let mut buffers = Buffers::new(self);
        let mut steps = Vec::with_capacity(self.scheduled.len() + self.copies.len());
        for (scheduled, compiled) in self.scheduled.iter().zip(&self.steps) {
            let reads = scheduled.reads.iter().map(|&id| buffers.touch(id, steps.len(), false)).collect();
            let writes = scheduled.writes.iter().map(|&id| buffers.touch(id, steps.len(), true)).collect();
            steps.push(self.step(scheduled, compiled, reads, writes));
        }
        for &(n, id) in &self.copies {
            let reads = vec![buffers.touch(id, steps.len(), false)];
            let writes = vec![buffers.copy(n, id, steps.len())];
            let (kernel, code) = (Kernel::Copy, None);
            steps.push(Step { kernel, code, reads, writes, flops: 0, calls: 0, bytes: 0 });
        }
        let buffers = buffers.all;
        for step in &mut steps {
            step.bytes = step.reads.iter().chain(&step.writes).map(|&b| buffers[b].bytes).sum();
        }
        let size = size_of::<T>() as u128;
        let own = (0..self.arrays.outputs.len()).filter(|n| self.taken.iter().all(|(taken, _)| taken != n));
        let outputs = own.map(|n| self.arrays[self.arrays.outputs[n]].count() as u128 * size).sum();
        Explanation {
            precision: size_of::<T>(),
            threads: self.threads,
            steps,
            buffers,
            arena: self.own(),
            outputs,
            unshared: self.memory.unshared as u128 * size + self.memory.integers as u128 * 8 + self.inner(),
        }
    }

    /// What the runs so far took; `None` where the options did not ask for it.
    pub fn timings(&self) -> Option<super::timings::Timings> {
        self.clock.as_ref().map(|clock| clock.timings(&self.explanation()))
    }

    fn step(
        &self,
        scheduled: &schedule::Step,
        compiled: &Compiled<T>,
        reads: Vec<usize>,
        writes: Vec<usize>,
    ) -> Step {
        let step = |kernel, code, flops, calls| Step { kernel, code, reads, writes, flops, calls, bytes: 0 };
        match (&scheduled.work, compiled) {
            (Work::Loops { members, .. }, Compiled::Loops { program, machine, blocks, .. }) => {
                let is_scatter =
                    |m: &&ArrayId| matches!(self.arrays[**m].definition, Definition::Scatter(..));
                let scatters = members.iter().filter(is_scatter).count();
                let counted = count(program);
                let nests = members.len();
                let count = blocks.as_ref().map_or(1, |b| b.count());
                let kernel = Kernel::Loops { extents: counted.extents, nests, scatters, blocks: count };
                let code = match blocks {
                    Some(blocks) => blocks.code(),
                    None => machine.as_ref().map(|m| m.code().len()),
                };
                step(kernel, code, counted.flops, counted.calls)
            }
            (Work::Matrix(_, matrix), _) => {
                let p = &matrix.product;
                let masks = [
                    (matrix.k_scale.is_some(), "a diagonal"),
                    (matrix.active_k.is_some(), "masked terms"),
                    (matrix.active_rows.is_some(), "masked rows"),
                    (matrix.active_cols.is_some(), "masked columns"),
                    (matrix.mask.is_some(), "masked entries"),
                    (matrix.bias.is_some(), "a sum"),
                ];
                let kernel = Kernel::Matrix {
                    batch: p.batch.to_vec(),
                    m: p.m,
                    k: p.k,
                    n: p.n,
                    symmetric: p.symmetric,
                    with: masks.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect(),
                };
                let [m, k, n] = [p.m, p.k, p.n].map(|x| x as u128);
                let entries = if p.symmetric { m * (m + 1) / 2 } else { m * n };
                let batch = p.batch.iter().fold(1u128, |b, &x| b.saturating_mul(x as u128));
                step(kernel, None, batch.saturating_mul(entries).saturating_mul(2 * k), 0)
            }
            (Work::Whole(id), _) => {
                let (kernel, flops, calls) = self.whole(*id);
                step(kernel, None, flops, calls)
            }
            (Work::Recurrence(number, _), Compiled::Recurrence(compiled)) => {
                let length = self.arrays.recurrences[*number].length;
                let body = compiled.body().explanation();
                let kernel = Kernel::Recurrence { length, steps: body.steps.len() };
                let times = length as u128;
                step(kernel, None, times.saturating_mul(body.flops()), times.saturating_mul(body.calls()))
            }
            (Work::Strip(_), Compiled::Strip(compiled)) => {
                let ((length, blocks), (full, left)) = (compiled.blocks(), compiled.bodies());
                let left = left.map(Plan::explanation);
                let full = full.explanation();
                let times = (blocks - usize::from(left.is_some())) as u128;
                let of = |count: fn(&Explanation) -> u128| {
                    times.saturating_mul(count(&full)).saturating_add(left.as_ref().map_or(0, count))
                };
                let kernel = Kernel::Strip { steps: full.steps.len(), length, blocks };
                step(kernel, full.code(), of(Explanation::flops), of(Explanation::calls))
            }
            (Work::Loops { .. } | Work::Recurrence(..) | Work::Strip(_), _) => {
                unreachable!("invariant: every step was compiled to its own kind")
            }
        }
    }

    fn whole(&self, id: ArrayId) -> (Kernel, u128, u128) {
        let Definition::Whole(kernel, args) = &self.arrays[id].definition else {
            unreachable!("invariant: a kernel")
        };
        let operand = &self.arrays[args[0]];
        let entries = operand.count() as u128;
        let (name, flops, calls) = match kernel {
            Whole::ArgMax(_) => ("argmax", entries, 0),
            Whole::ArgSort(axis) => {
                let along = operand.shape[*axis].max(1) as u128;
                ("argsort", entries * u128::from(along.next_power_of_two().ilog2()), 0)
            }
            Whole::ExclusiveProduct(_) => ("product of the others", 3 * entries, 0),
            Whole::PrefixSum { reversed: false, .. } => ("prefix sum", entries, 0),
            Whole::PrefixSum { reversed: true, .. } => ("suffix sum", entries, 0),
            Whole::Linear(kind) => {
                let n = operand.shape.last().copied().unwrap_or(1);
                let batch = entries.checked_div((n * n) as u128).unwrap_or(0);
                let columns = args.get(1).map_or(0, |&b| {
                    let right = &self.arrays[b];
                    if right.shape.len() == operand.shape.len() {
                        right.shape[right.shape.len() - 1]
                    } else {
                        1
                    }
                });
                let [n, columns] = [n, columns].map(|x| Polynomial::from(x as i64));
                let one = linear_flops(*kind, &n, &columns).evaluate(&Sizes::new());
                let one = one.expect("invariant: numbers have no unknown size") as u128;
                let logs =
                    if *kind == Linear::LogAbsDet { operand.shape[operand.shape.len() - 1] } else { 0 };
                (linear_name(*kind), batch * one, batch * logs as u128)
            }
        };
        (Kernel::Whole { name, shape: operand.shape.to_vec() }, flops, calls)
    }
}

fn linear_name(kind: Linear) -> &'static str {
    match kind {
        Linear::Inverse => "inverse",
        Linear::Solve => "solve",
        Linear::Det => "determinant",
        Linear::LogAbsDet => "log determinant",
        Linear::Cholesky => "cholesky",
        Linear::SolveLower => "solve lower",
        Linear::SolveUpper => "solve upper",
    }
}

/// The buffers as steps meet them.
struct Buffers<'p, T> {
    plan: &'p Plan<T>,
    /// Place in `all` of each array.
    of: Vec<Option<usize>>,
    all: Vec<Buffer>,
    is_output: Vec<bool>,
    /// Names that the graph gives, and those of outputs without one.
    names: FxHashMap<ArrayId, String>,
}

impl<'p, T: Number> Buffers<'p, T> {
    fn new(plan: &'p Plan<T>) -> Buffers<'p, T> {
        let count = plan.arrays.arrays.len();
        let mut is_output = vec![false; count];
        plan.arrays.outputs.iter().for_each(|o| is_output[o.index()] = true);
        let mut names = FxHashMap::default();
        for (id, name) in &plan.arrays.names {
            names.entry(*id).or_insert_with(|| name.to_string());
        }
        for (n, id) in plan.arrays.outputs.iter().enumerate() {
            names.entry(*id).or_insert_with(|| format!("out{n}"));
        }
        let mut buffers = Buffers { plan, of: vec![None; count], all: Vec::new(), is_output, names };
        for input in &plan.arrays.inputs {
            buffers.place(input.array);
        }
        buffers
    }

    fn place(&mut self, id: ArrayId) -> usize {
        let array = &self.plan.arrays[id];
        let own = if array.entry == Entry::Int { 8 } else { size_of::<T>() };
        let place = match (self.plan.memory.home(id), &array.definition) {
            (Home::Input(_), _) => Place::Input,
            (Home::Output(n), _) => self.output(n),
            (_, Definition::Integers(_) | Definition::Reals(_)) => Place::Constant,
            (Home::Integers(at), _) => Place::Integers(at * 8),
            (Home::Arena(at), _) => Place::Arena(at * size_of::<T>()),
            (Home::Constant(_) | Home::None, _) => Place::Constant,
        };
        let name = match array.definition {
            Definition::Input(n) => self.plan.arrays.inputs[n].name.clone(),
            _ => self.names.get(&id).map_or_else(|| format!("t{}", id.index()), Clone::clone),
        };
        let shape = array.shape.to_vec();
        let bytes = array.count() as u128 * own as u128;
        self.all.push(Buffer { name, shape, place, bytes, from: None, to: None });
        self.of[id.index()] = Some(self.all.len() - 1);
        self.all.len() - 1
    }

    /// Where an output is.
    fn output(&self, n: usize) -> Place {
        match self.plan.taken.iter().any(|(output, _)| *output == n) {
            true => Place::InPlace,
            false => Place::Output,
        }
    }

    fn touch(&mut self, id: ArrayId, step: usize, writes: bool) -> usize {
        let at = self.of[id.index()].unwrap_or_else(|| self.place(id));
        let buffer = &mut self.all[at];
        if writes && buffer.from.is_none() {
            buffer.from = Some(step);
        }
        let outlives = self.is_output[id.index()] && buffer.place != Place::Input;
        buffer.to = if outlives { None } else { Some(step) };
        at
    }

    /// The output that an array is copied to.
    fn copy(&mut self, n: usize, id: ArrayId, step: usize) -> usize {
        let array = &self.plan.arrays[id];
        self.all.push(Buffer {
            name: format!("out{n}"),
            shape: array.shape.to_vec(),
            place: self.output(n),
            bytes: array.count() as u128 * size_of::<T>() as u128,
            from: Some(step),
            to: None,
        });
        self.all.len() - 1
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |v: &[usize]| v.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        match self {
            Kernel::Loops { extents, nests, scatters, blocks } => {
                match extents.is_empty() {
                    true => f.write_str("straight line")?,
                    false => write!(f, "loops {}", list(extents))?,
                }
                write!(f, ", {nests} nest{}", if *nests == 1 { "" } else { "s" })?;
                if *scatters > 0 {
                    write!(f, ", scatter")?;
                }
                if *blocks > 1 {
                    write!(f, ", in {blocks} blocks")?;
                }
                Ok(())
            }
            Kernel::Matrix { batch, m, k, n, symmetric, with } => {
                f.write_str("matrix ")?;
                if !batch.is_empty() {
                    write!(f, "{} of ", list(batch))?;
                }
                write!(f, "{m} x {k} by {k} x {n}")?;
                if *symmetric {
                    f.write_str(", symmetric")?;
                }
                with.iter().try_for_each(|word| write!(f, ", {word}"))
            }
            Kernel::Whole { name, shape } => write!(f, "{name} of {}", list(shape)),
            Kernel::Recurrence { length, steps } => {
                write!(f, "recurrence of {length}, {steps} step{} each", if *steps == 1 { "" } else { "s" })
            }
            Kernel::Strip { steps, length, blocks } => {
                write!(f, "{steps} step{}, ", if *steps == 1 { "" } else { "s" })?;
                write!(f, "in {blocks} blocks of {length}")
            }
            Kernel::Copy => f.write_str("copy"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_say_what_they_do_on_the_way() {
        let with = vec!["a diagonal", "masked rows"];
        let kernel = Kernel::Matrix { batch: vec![2, 3], m: 4, k: 5, n: 4, symmetric: true, with };
        assert_eq!(kernel.to_string(), "matrix 2 x 3 of 4 x 5 by 5 x 4, symmetric, a diagonal, masked rows");
        let kernel = Kernel::Loops { extents: vec![7, 8], nests: 2, scatters: 1, blocks: 7 };
        assert_eq!(kernel.to_string(), "loops 7 x 8, 2 nests, scatter, in 7 blocks");
    }
}
