//! How a graph is run: the one file that knows which executor there is.
//!
//! A compiled plan, for dense outputs or for the factors of one; and the slow evaluator behind the same interface,
//! which judges the plan.

use super::job::Answer;
use chainrule::core::eval::Bindings;
use chainrule::core::eval::structured::Structured;
use chainrule::core::shape::DType;
use chainrule::core::tensor::{self, Tensor};
use chainrule::core::{Graph, NodeId};
use chainrule::exec::array::Entry;
use chainrule::exec::lane::Number;
use chainrule::exec::{self, Session, StructuredPlan};

pub(crate) use chainrule::exec::Value;

/// Which executor runs a measurement.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    /// The slow evaluator.
    Slow,
    /// A compiled plan whose lane programs are interpreted.
    Plain,
    /// A compiled plan in machine code.
    Machine,
}

impl Engine {
    /// The name in rows; that of the fast executor is not given to another.
    pub(crate) fn system(self) -> &'static str {
        match self {
            Engine::Slow => "chainrule_slow",
            Engine::Plain => "chainrule_plain",
            Engine::Machine => "chainrule",
        }
    }
}

/// What a plan expects at one place of its arguments.
#[derive(Clone)]
pub(crate) struct PlanInput {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) labels: bool,
}

/// The executors behind one interface.
enum Compiled<'g, T> {
    Dense(Box<Session<T>>),
    Factors(Box<StructuredPlan<T>>),
    Slow(&'g Graph, Vec<NodeId>, Option<Structured<T>>),
}

/// Outputs of a graph, ready to run.
pub(crate) struct Plan<'g, T> {
    compiled: Compiled<'g, T>,
    inputs: Vec<PlanInput>,
}

impl<'g, T: Number> Plan<'g, T> {
    /// Compiles the outputs; `compressed` asks for the factors of the one output.
    pub(crate) fn compile(
        graph: &'g Graph,
        outputs: &[NodeId],
        compressed: bool,
        engine: Engine,
        threads: usize,
    ) -> Answer<Plan<'g, T>> {
        let jit = engine == Engine::Machine;
        let options = exec::Options { threads, jit, ..exec::Options::default() };
        let given = |inputs: &[exec::array::Input]| {
            let input = |i: &exec::array::Input| PlanInput {
                name: i.name.clone(),
                shape: i.shape.clone(),
                labels: i.entry == Entry::Int,
            };
            inputs.iter().map(input).collect()
        };
        let (compiled, inputs) = match (engine, compressed) {
            (Engine::Slow, _) => (Compiled::Slow(graph, outputs.to_vec(), None), inputs_of(graph, outputs)),
            (_, true) => {
                let plan = StructuredPlan::compile(graph, outputs[0], &options)?;
                let inputs = given(plan.inputs());
                (Compiled::Factors(Box::new(plan)), inputs)
            }
            (_, false) => {
                let plan = exec::Plan::compile(graph, outputs, &options)?;
                let inputs = given(plan.inputs());
                (Compiled::Dense(Box::new(plan.session())), inputs)
            }
        };
        Ok(Plan { compiled, inputs })
    }

    /// What `run` expects, in its order.
    pub(crate) fn inputs(&self) -> &[PlanInput] {
        &self.inputs
    }

    /// Puts the arguments where calls find them.
    pub(crate) fn set(&mut self, arguments: &[Value<'_, T>]) {
        let Compiled::Dense(session) = &mut self.compiled else { return };
        for (k, argument) in arguments.iter().enumerate() {
            match argument {
                Value::Real(data) => session.input(k).copy_from_slice(data),
                Value::Int(data) => session.labels(k).copy_from_slice(data),
                Value::Bool(data) => session.truths(k).copy_from_slice(data),
                // Its numbers stand in the output already.
                Value::InPlace => {}
            }
        }
    }

    /// One call: dense outputs in the session's memory, factors in the plan's.
    pub(crate) fn call(&mut self, arguments: &[Value<'_, T>], results: &mut [Vec<T>]) -> Answer<()> {
        match &mut self.compiled {
            Compiled::Dense(session) => std::hint::black_box(session).call()?,
            Compiled::Factors(plan) => plan.run(std::hint::black_box(arguments))?,
            Compiled::Slow(graph, nodes, factors) => {
                let at = bindings(&self.inputs, arguments);
                if results.is_empty() {
                    *factors = Some(graph.evaluate_structured(nodes[0], &at)?);
                    return Ok(());
                }
                for (value, output) in graph.evaluate(nodes, &at)?.iter().zip(results) {
                    output.copy_from_slice(value.real().expect("an output is real").data());
                }
            }
        }
        Ok(())
    }

    /// An output of the last call takes the place of an argument, in no time.
    pub(crate) fn carry(
        &mut self,
        output: usize,
        argument: &mut Vec<T>,
        place: usize,
        results: &mut [Vec<T>],
    ) {
        match &mut self.compiled {
            Compiled::Dense(session) => session.carry(output, place),
            _ => std::mem::swap(&mut results[output], argument),
        }
    }

    /// Copies the outputs of a session, and its inputs that were carried, to where the slow evaluator has them.
    pub(crate) fn fetch(&mut self, results: &mut [Vec<T>], carried: &mut [(usize, &mut Vec<T>)]) {
        let Compiled::Dense(session) = &mut self.compiled else { return };
        for (k, result) in results.iter_mut().enumerate() {
            result.copy_from_slice(session.output(k));
        }
        for (place, argument) in carried {
            argument.copy_from_slice(session.input(*place));
        }
    }

    /// The factors of the last run.
    pub(crate) fn factors(&self) -> Option<Structured<T>> {
        match &self.compiled {
            Compiled::Dense(_) => None,
            Compiled::Factors(plan) => Some(plan.value()),
            Compiled::Slow(_, _, factors) => factors.clone(),
        }
    }
}

/// The inputs that the outputs read; sizes are numbers in all workloads.
fn inputs_of(graph: &Graph, outputs: &[NodeId]) -> Vec<PlanInput> {
    let inputs = graph.reachable(outputs).into_iter().filter_map(|node| graph.as_input(node));
    let input = |input: &chainrule::core::graph::op::Input| {
        let extents = input.ty.shape.iter().map(|d| d.as_fixed().expect("sizes are numbers") as usize);
        PlanInput {
            name: input.name.to_string(),
            shape: extents.collect(),
            labels: input.ty.dtype == DType::Int,
        }
    };
    inputs.map(input).collect()
}

fn bindings<T: Number>(inputs: &[PlanInput], arguments: &[Value<'_, T>]) -> Bindings<T> {
    let fits = "an argument has the entries of its input";
    let mut at = Bindings::new();
    for (PlanInput { name, shape, .. }, argument) in inputs.iter().zip(arguments) {
        let value = match argument {
            Value::Real(data) => tensor::Value::Real(Tensor::new(shape, data.to_vec()).expect(fits)),
            Value::Int(data) => tensor::Value::Int(Tensor::new(shape, data.to_vec()).expect(fits)),
            Value::Bool(data) => tensor::Value::Bool(Tensor::new(shape, data.to_vec()).expect(fits)),
            // The evaluator has no outputs in the place of inputs: it says that the value is missing.
            Value::InPlace => continue,
        };
        at.bind(name, value);
    }
    at
}
