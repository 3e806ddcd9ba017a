//! How a graph is run: the one file that knows which executor there is.

use chainrule::core::eval::structured::Structured;
use chainrule::core::{Graph, NodeId};
use chainrule::exec::lane::Number;
use chainrule::exec::{self, Error, StructuredPlan};

pub(crate) use chainrule::exec::{Options, Value};

/// What a measurement may fail with.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The name in rows.
pub(crate) const SYSTEM: &str = "chainrule";

/// Whether a plan can be compiled to machine code, and so is measured with and without.
pub(crate) const JIT: bool = true;

/// Outputs of a graph, ready to run.
pub(crate) enum Plan<S> {
    Dense(Box<exec::Plan<S>>),
    /// The one output as its factors.
    Structured(Box<StructuredPlan<S>>),
}

impl<S: Number> Plan<S> {
    pub(crate) fn compile(
        graph: &Graph,
        outputs: &[NodeId],
        compressed: bool,
        options: &Options,
    ) -> Result<Plan<S>> {
        Ok(if compressed {
            Plan::Structured(Box::new(StructuredPlan::compile(graph, outputs[0], options)?))
        } else {
            Plan::Dense(Box::new(exec::Plan::compile(graph, outputs, options)?))
        })
    }

    /// What `run` expects, in its order.
    pub(crate) fn inputs(&self) -> &[exec::array::Input] {
        match self {
            Plan::Dense(plan) => plan.inputs(),
            Plan::Structured(plan) => plan.inputs(),
        }
    }

    /// Dense outputs, row-major, written into the caller's memory; factors into the plan's.
    pub(crate) fn run(&mut self, arguments: &[Value<'_, S>], outputs: &mut [&mut [S]]) -> Result<()> {
        match self {
            Plan::Dense(plan) => plan.run(arguments, outputs),
            Plan::Structured(plan) => plan.run(arguments),
        }
    }

    /// The factors of the last run.
    pub(crate) fn structured(&self) -> Option<Structured<S>> {
        match self {
            Plan::Dense(_) => None,
            Plan::Structured(plan) => Some(plan.value()),
        }
    }
}
