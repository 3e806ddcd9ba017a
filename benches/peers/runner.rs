//! A measurement that is compiled, with its arguments in place: called as often as one likes, then asked its checksum.

use super::engine::{Engine, Plan, Value};
use super::inputs::checksum;
use super::job::{Answer, Data, Kind, Made};
use chainrule::core::scalar::Scalar;
use chainrule::exec::lane::Number;

/// Entries of an argument in the precision of the measurement.
enum Argument<T> {
    Real(Vec<T>),
    Int(Vec<i64>),
}

impl<T> Argument<T> {
    fn value(&self) -> Value<'_, T> {
        match self {
            Argument::Real(data) => Value::Real(data),
            Argument::Int(data) => Value::Int(data),
        }
    }

    fn count(&self) -> usize {
        match self {
            Argument::Real(data) => data.len(),
            Argument::Int(data) => data.len(),
        }
    }
}

/// A plan, its arguments, and memory for its results.
pub(crate) struct Runner<'g, T> {
    plan: Plan<'g, T>,
    kind: &'g Kind,
    arguments: Vec<Argument<T>>,
    /// None of a compressed result, which may be too large to exist in full.
    results: Vec<Vec<T>>,
    /// For each output of a step, the place of the argument that it becomes.
    carried: Vec<usize>,
}

impl<'g, T: Number> Runner<'g, T> {
    /// Compiles, and puts the inputs where the plan wants them.
    pub(crate) fn new(made: &'g Made, engine: Engine, threads: usize) -> Answer<Runner<'g, T>> {
        let (graph, outputs) = (&*made.program.graph, &made.program.outputs);
        let compressed = made.kind == Kind::Compressed;
        let plan = Plan::compile(graph, outputs, compressed, engine, threads)?;
        let mut arguments = Vec::new();
        for input in plan.inputs() {
            let (_, data) =
                made.inputs.iter().find(|(name, _)| *name == input.name).expect("an input has a value");
            let argument = match data {
                Data::Real(entries) => Argument::Real(entries.iter().map(|&x| T::of(x)).collect()),
                Data::Labels(entries) => Argument::Int(entries.clone()),
            };
            let is_labels = matches!(argument, Argument::Int(_));
            assert_eq!((is_labels, argument.count()), (input.labels, input.shape.iter().product()));
            arguments.push(argument);
        }
        let count = |&output| -> i64 {
            graph.shape(output).iter().map(|d| d.as_fixed().expect("sizes are numbers")).product()
        };
        let dense = outputs.iter().filter(|_| !compressed);
        let results = dense.map(|output| vec![T::default(); count(output) as usize]).collect();
        let place = |name: &String| {
            plan.inputs().iter().position(|input| input.name == *name).expect("a step reads what it replaces")
        };
        let carried = match &made.kind {
            Kind::Step(names) => names.iter().map(place).collect(),
            _ => Vec::new(),
        };
        let mut runner = Runner { plan, kind: &made.kind, arguments, results, carried };
        let arguments: Vec<Value<'_, T>> = runner.arguments.iter().map(Argument::value).collect();
        runner.plan.set(&arguments);
        Ok(runner)
    }

    /// Calls so often; what is done once here costs each call nothing.
    pub(crate) fn repeat(&mut self, times: usize) -> Answer<()> {
        if matches!(self.kind, Kind::Step(_)) {
            return (0..times).try_for_each(|_| self.step());
        }
        let arguments: Vec<Value<'_, T>> = self.arguments.iter().map(Argument::value).collect();
        for _ in 0..times {
            self.plan.call(&arguments, &mut self.results)?;
        }
        Ok(())
    }

    /// One step: the new values and the old ones change places.
    fn step(&mut self) -> Answer<()> {
        let arguments: Vec<Value<'_, T>> = self.arguments.iter().map(Argument::value).collect();
        self.plan.call(&arguments, &mut self.results)?;
        for (output, &place) in self.carried.iter().enumerate() {
            let Argument::Real(argument) = &mut self.arguments[place] else {
                unreachable!("labels are not carried")
            };
            self.plan.carry(output, argument, place, &mut self.results);
        }
        Ok(())
    }

    /// Results and carried arguments where the checksum looks for them.
    fn fetch(&mut self) {
        let mut carried: Vec<(usize, &mut Vec<T>)> = Vec::new();
        for (place, argument) in self.arguments.iter_mut().enumerate() {
            if let (Argument::Real(argument), true) = (argument, self.carried.contains(&place)) {
                carried.push((place, argument));
            }
        }
        self.plan.fetch(&mut self.results, &mut carried);
    }

    /// Numbers that a compressed result stores, once it was called.
    pub(crate) fn stored(&self) -> Option<usize> {
        self.plan.factors().map(|factors| factors.stored())
    }

    /// The checksum after the first calls: one, or three steps.
    pub(crate) fn first_checksum(&mut self) -> Answer<f64> {
        self.repeat(if matches!(self.kind, Kind::Step(_)) { 3 } else { 1 })?;
        self.fetch();
        Ok(match self.kind {
            Kind::Value => self.results[0][0].to_f64(),
            Kind::Call(first) => checksum(self.results[*first..].iter().flatten().map(Scalar::to_f64)),
            Kind::Step(_) => checksum(self.carried.iter().flat_map(|&place| match &self.arguments[place] {
                Argument::Real(data) => data.iter().map(Scalar::to_f64).collect(),
                Argument::Int(_) => Vec::new(),
            })),
            Kind::Compressed => {
                let factors =
                    self.plan.factors().ok_or("a compressed result has factors once it was called")?;
                let mut dense = vec![T::default(); factors.shape.iter().product()];
                factors.to_dense_into(&mut dense)?;
                checksum(dense.iter().map(Scalar::to_f64))
            }
        })
    }
}
