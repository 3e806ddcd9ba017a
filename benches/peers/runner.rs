//! A measurement that is compiled, with its arguments in place: called as often as one likes, then asked its checksum.

use super::engine::{Options, Plan, Result, Value};
use super::inputs::checksum;
use super::job::{Data, Kind, Made};
use chainrule::core::eval::structured::Structured;
use chainrule::exec::array::Entry;
use chainrule::exec::lane::Number;

/// Entries of an argument in the precision of the measurement.
enum Argument<S> {
    Real(Vec<S>),
    Int(Vec<i64>),
}

impl<S> Argument<S> {
    fn value(&self) -> Value<'_, S> {
        match self {
            Argument::Real(data) => Value::Real(data),
            Argument::Int(data) => Value::Int(data),
        }
    }
}

/// A plan, its arguments, and memory for its results.
pub(crate) struct Runner<'g, S> {
    plan: Plan<S>,
    kind: &'g Kind,
    arguments: Vec<Argument<S>>,
    results: Vec<Vec<S>>,
    /// For each output of a step, the place of the argument that it becomes.
    carried: Vec<usize>,
}

impl<'g, S: Number> Runner<'g, S> {
    /// Compiles, and puts the inputs where the plan wants them; `narrow` is the conversion from f64.
    pub(crate) fn new(made: &'g Made, options: &Options, narrow: fn(f64) -> S) -> Result<Runner<'g, S>> {
        let (graph, outputs) = (&*made.program.graph, &made.program.outputs);
        let compressed = made.kind == Kind::Compressed;
        let plan = Plan::<S>::compile(graph, outputs, compressed, options)?;
        let mut arguments = Vec::new();
        for input in plan.inputs() {
            let (_, data) =
                made.inputs.iter().find(|(name, _)| *name == input.name).expect("an input has a value");
            let (argument, entry, count) = match data {
                Data::Real(entries) => {
                    let entries: Vec<S> = entries.iter().map(|&x| narrow(x)).collect();
                    let count = entries.len();
                    (Argument::Real(entries), Entry::Real, count)
                }
                Data::Labels(entries) => (Argument::Int(entries.clone()), Entry::Int, entries.len()),
            };
            assert_eq!((entry, count), (input.entry, input.shape.iter().product()), "{}", input.name);
            arguments.push(argument);
        }
        let extent = |d: &chainrule::core::shape::Dim| {
            d.specialise(&options.sizes).as_fixed().expect("every size is given") as usize
        };
        let count = |&output| graph.shape(output).iter().map(extent).product();
        // What is compressed may be too large to exist in full.
        let dense = outputs.iter().filter(|_| made.kind != Kind::Compressed);
        let results = dense.map(|o| vec![narrow(0.0); count(o)]).collect();
        let place = |name: &String| {
            plan.inputs().iter().position(|input| input.name == *name).expect("a step reads what it replaces")
        };
        let carried = match &made.kind {
            Kind::Step(names) => names.iter().map(place).collect(),
            _ => Vec::new(),
        };
        Ok(Runner { plan, kind: &made.kind, arguments, results, carried })
    }

    /// Calls so often; what is done once here costs each call nothing.
    pub(crate) fn repeat(&mut self, times: usize) -> Result<()> {
        match self.kind {
            Kind::Step(_) => (0..times).try_for_each(|_| self.step()),
            Kind::Call(_) | Kind::Value | Kind::Compressed => {
                let arguments: Vec<Value<'_, S>> = self.arguments.iter().map(Argument::value).collect();
                let mut results: Vec<&mut [S]> = self.results.iter_mut().map(Vec::as_mut_slice).collect();
                for _ in 0..times {
                    self.plan.run(std::hint::black_box(&arguments), std::hint::black_box(&mut results))?;
                }
                Ok(())
            }
        }
    }

    /// One step: the new values and the old ones change places.
    fn step(&mut self) -> Result<()> {
        let arguments: Vec<Value<'_, S>> = self.arguments.iter().map(Argument::value).collect();
        let mut results: Vec<&mut [S]> = self.results.iter_mut().map(Vec::as_mut_slice).collect();
        self.plan.run(&arguments, &mut results)?;
        for (result, &place) in self.results.iter_mut().zip(&self.carried) {
            let Argument::Real(argument) = &mut self.arguments[place] else {
                unreachable!("labels are not carried")
            };
            std::mem::swap(result, argument);
        }
        Ok(())
    }

    /// Numbers that a compressed result stores, once it was called.
    pub(crate) fn stored(&self) -> Option<usize> {
        self.plan.structured().as_ref().map(Structured::stored)
    }

    /// The checksum after the first calls: one, or three steps.
    pub(crate) fn first_checksum(&mut self) -> Result<f64> {
        self.repeat(if matches!(self.kind, Kind::Step(_)) { 3 } else { 1 })?;
        Ok(match self.kind {
            Kind::Value => self.results[0][0].to_f64(),
            Kind::Call(first) => checksum(self.results[*first..].iter().flatten().map(|x| x.to_f64())),
            Kind::Step(_) => checksum(self.carried.iter().flat_map(|&place| match &self.arguments[place] {
                Argument::Real(data) => data.iter().map(|x| x.to_f64()).collect(),
                Argument::Int(_) => Vec::new(),
            })),
            Kind::Compressed => {
                let value = self.plan.structured().expect("it was compiled as factors");
                let mut dense = vec![S::default(); value.shape.iter().product()];
                value.to_dense_into(&mut dense)?;
                checksum(dense.iter().map(|x| x.to_f64()))
            }
        })
    }
}
