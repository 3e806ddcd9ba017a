//! Sessions: a plan with memory of its own for inputs and outputs, so that a call is nothing but the work.
//!
//! A run checks and points at what it is given; for a network of twenty numbers that is most of its time. A session is
//! given its memory once.
//!
//! ```
//! # use chainrule_core::{Graph, shape::Type};
//! # use chainrule_exec::{Options, Plan};
//! # let mut g = Graph::new();
//! # let x = g.input("x", Type::real([3]))?;
//! # let y = g.multiply(x, x)?;
//! let mut session = Plan::<f64>::compile(&g, &[y], &Options::default())?.session();
//! session.input(0).copy_from_slice(&[1.0, 2.0, 3.0]);
//! session.call()?;
//! assert_eq!(session.output(0), [1.0, 4.0, 9.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{Plan, Value};
use crate::array::Entry;
use crate::error::Result;
use crate::lane::Number;
use crate::lines::Lines;

/// A plan with its own inputs and outputs.
pub struct Session<T> {
    plan: Plan<T>,
    numbers: Vec<Lines<T>>,
    labels: Vec<Vec<i64>>,
    truths: Vec<Vec<bool>>,
    outputs: Vec<Lines<T>>,
    /// Whether all inputs are numbers: then a call has nothing to check.
    plain: bool,
    bound: bool,
    /// For each input, the output that takes its place.
    taken: Vec<Option<usize>>,
}

impl<T: Number> Session<T> {
    pub(super) fn new(plan: Plan<T>) -> Session<T> {
        let count = |k: usize, entry: Entry| match plan.inputs()[k].entry == entry {
            true => plan.inputs()[k].shape.iter().product(),
            false => 0,
        };
        let inputs = 0..plan.inputs().len();
        let taken_by = |k: usize| plan.taken.iter().find(|(_, input)| *input == k).map(|(output, _)| *output);
        let taken: Vec<Option<usize>> = inputs.clone().map(taken_by).collect();
        let own = |k: usize| if taken[k].is_some() { 0 } else { count(k, Entry::Real) };
        let numbers = inputs.clone().map(|k| Lines::new(own(k))).collect();
        let labels = inputs.clone().map(|k| vec![0; count(k, Entry::Int)]).collect();
        let truths = inputs.map(|k| vec![false; count(k, Entry::Bool)]).collect();
        let outputs =
            (0..plan.output_count()).map(|k| Lines::new(plan.output_shape(k).iter().product())).collect();
        let plain = plan.inputs().iter().all(|i| i.entry == Entry::Real) && plan.copies.is_empty();
        Session { plan, numbers, labels, truths, outputs, plain, bound: false, taken }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan<T> {
        &self.plan
    }

    /// The numbers of an input; empty for an input of labels or truth values. Where an output takes the place of the
    /// input, this is that output.
    pub fn input(&mut self, input: usize) -> &mut [T] {
        match self.taken[input] {
            Some(output) => &mut self.outputs[output],
            None => &mut self.numbers[input],
        }
    }

    /// The labels of an input; empty for other inputs.
    pub fn labels(&mut self, input: usize) -> &mut [i64] {
        &mut self.labels[input]
    }

    /// The truth values of an input; empty for other inputs.
    pub fn truths(&mut self, input: usize) -> &mut [bool] {
        &mut self.truths[input]
    }

    /// An output of the last call, zeros before the first.
    pub fn output(&self, output: usize) -> &[T] {
        &self.outputs[output]
    }

    /// Exchanges the memory of an output with that of an input of as many numbers: the new value for the next call.
    ///
    /// # Panics
    /// If the two differ in length, the input is none of numbers, or one of them is replaced in place.
    pub fn carry(&mut self, output: usize, input: usize) {
        let replaced = self.taken[input].is_some() || self.taken.contains(&Some(output));
        assert!(!replaced, "what is replaced in place needs no exchange");
        assert_eq!(
            self.outputs[output].len(),
            self.numbers[input].len(),
            "an output becomes an input of its length"
        );
        std::mem::swap(&mut self.outputs[output], &mut self.numbers[input]);
        self.bound = false;
    }

    /// Runs the plan.
    ///
    /// # Errors
    /// [`Error::Label`](crate::Error::Label) for a label out of range; what a kernel refuses.
    #[inline]
    pub fn call(&mut self) -> Result<()> {
        if self.plain && self.bound {
            return self.plan.execute();
        }
        self.call_anew()
    }

    fn call_anew(&mut self) -> Result<()> {
        let inputs: Vec<Value<'_, T>> = self
            .plan
            .inputs()
            .iter()
            .enumerate()
            .map(|(k, input)| match input.entry {
                Entry::Real if self.taken[k].is_some() => Value::InPlace,
                Entry::Real => Value::Real(&self.numbers[k]),
                Entry::Int => Value::Int(&self.labels[k]),
                Entry::Bool => Value::Bool(&self.truths[k]),
            })
            .collect();
        let mut outputs: Vec<&mut [T]> = self.outputs.iter_mut().map(|o| &mut **o).collect();
        self.plan.run(&inputs, &mut outputs)?;
        self.bound = true;
        Ok(())
    }
}
