//! How a graph is run: the one file that knows which executor there is.
//!
//! For now the slow evaluator behind the interface of a compiled plan, so that graphs and checksums can be tested.

use chainrule::core::error::Result;
use chainrule::core::eval::Bindings;
use chainrule::core::eval::structured::Structured;
use chainrule::core::scalar::Scalar;
use chainrule::core::shape::{DType, Sizes};
use chainrule::core::tensor::{self, Tensor};
use chainrule::core::{Graph, NodeId};
use std::marker::PhantomData;

/// The name in rows; never that of the fast executor while it is not.
pub(crate) const SYSTEM: &str = "chainrule_slow";

/// Whether a plan can be compiled to machine code, and so is measured with and without.
pub(crate) const JIT: bool = false;

/// How a plan is compiled.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) sizes: Sizes,
    pub(crate) threads: usize,
    pub(crate) jit: bool,
}

/// What a plan expects at one place of its arguments.
#[derive(Clone)]
pub(crate) struct PlanInput {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
}

/// Entries of one argument.
pub(crate) enum Value<'a, S> {
    Real(&'a [S]),
    Int(&'a [i64]),
}

/// Outputs of a graph, ready to run.
pub(crate) struct Plan<'g, S> {
    graph: &'g Graph,
    scalar: PhantomData<S>,
    outputs: Vec<NodeId>,
    inputs: Vec<PlanInput>,
    sizes: Sizes,
}

impl<'g, S: Scalar> Plan<'g, S> {
    pub(crate) fn compile(graph: &'g Graph, outputs: &[NodeId], options: &Options) -> Result<Plan<'g, S>> {
        assert!(options.threads > 0 && (JIT || !options.jit), "what this executor can do");
        let mut inputs = Vec::new();
        for input in graph.reachable(outputs).into_iter().filter_map(|node| graph.as_input(node)) {
            let extent = |d: &chainrule::core::shape::Dim| {
                d.specialise(&options.sizes).as_fixed().expect("every size is given") as usize
            };
            let shape = input.ty.shape.iter().map(extent).collect();
            inputs.push(PlanInput { name: input.name.to_string(), shape, dtype: input.ty.dtype });
        }
        Ok(Plan {
            graph,
            scalar: PhantomData,
            outputs: outputs.to_vec(),
            inputs,
            sizes: options.sizes.clone(),
        })
    }

    /// What `run` expects, in its order.
    pub(crate) fn inputs(&self) -> &[PlanInput] {
        &self.inputs
    }

    fn bindings(&self, arguments: &[Value<'_, S>]) -> Bindings<S> {
        let mut at = Bindings::new();
        for (name, &size) in &self.sizes {
            at = at.with_size(name, size);
        }
        for (input, argument) in self.inputs.iter().zip(arguments) {
            let fits = "an argument has the entries of its input";
            let value = match argument {
                Value::Real(data) => {
                    tensor::Value::Real(Tensor::new(&input.shape, data.to_vec()).expect(fits))
                }
                Value::Int(data) => tensor::Value::Int(Tensor::new(&input.shape, data.to_vec()).expect(fits)),
            };
            at.bind(&input.name, value);
        }
        at
    }

    /// Dense outputs, row-major, written into the caller's memory.
    pub(crate) fn run(&mut self, arguments: &[Value<'_, S>], outputs: &mut [&mut [S]]) -> Result<()> {
        let values = self.graph.evaluate(&self.outputs, &self.bindings(arguments))?;
        for (value, output) in values.iter().zip(outputs) {
            output.clone_from_slice(value.real().expect("an output is real").data());
        }
        Ok(())
    }

    /// The one output as its factors.
    pub(crate) fn run_structured(&mut self, arguments: &[Value<'_, S>]) -> Result<Structured<S>> {
        self.graph.evaluate_structured(self.outputs[0], &self.bindings(arguments))
    }
}
