//! Structured outputs: a derivative delivered as its deltas and factors, dense on request.
//!
//! `dy_i/dV_jk = delta(i,j) x_k` has `m·m·n` entries, and one factor of `n`: the plan computes the factor.

use super::{Options, Plan, Value};
use crate::array::Input;
use crate::error::Result;
use crate::lane::Number;
use chainrule_core::eval::structured::{Structured, StructuredNodes, StructuredTerm};
use chainrule_core::tensor::Tensor;
use chainrule_core::{Graph, NodeId};

/// A plan for the factors of one output.
pub struct StructuredPlan<T> {
    plan: Plan<T>,
    shape: Vec<usize>,
    terms: Vec<StructuredNodes>,
    values: Vec<Vec<T>>,
}

impl<T: Number> StructuredPlan<T> {
    /// Compiles the factors of an output.
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn compile(graph: &Graph, output: NodeId, options: &Options) -> Result<StructuredPlan<T>> {
        let mut graph = graph.clone();
        let terms = graph.structure(output)?;
        let factors: Vec<NodeId> = terms.iter().flat_map(|t| &t.factors).map(|(node, _)| *node).collect();
        let plan = Plan::compile(&graph, &factors, options)?;
        let shape = graph
            .shape(output)
            .iter()
            .map(|d| crate::array::lower::extent(d, &options.sizes))
            .collect::<Result<_>>()?;
        let values =
            (0..factors.len()).map(|k| vec![T::default(); plan.output_shape(k).iter().product()]).collect();
        Ok(StructuredPlan { plan, shape, terms, values })
    }

    /// The inputs, in the order in which a run is given them.
    pub fn inputs(&self) -> &[Input] {
        self.plan.inputs()
    }

    /// What the plan of the factors does and what it costs, as a table.
    pub fn explain(&self) -> String {
        self.plan.explain()
    }

    /// What the plan of the factors does and what it costs, as a record.
    pub fn explanation(&self) -> super::explain::Explanation {
        self.plan.explanation()
    }

    /// What the runs so far took; `None` where the options did not ask for it.
    pub fn timings(&self) -> Option<super::timings::Timings> {
        self.plan.timings()
    }

    /// Numbers that a run computes.
    pub fn stored(&self) -> usize {
        self.values.iter().map(Vec::len).sum()
    }

    /// Computes the factors into the plan's own memory.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn run(&mut self, inputs: &[Value<'_, T>]) -> Result<()> {
        let mut outputs: Vec<&mut [T]> = self.values.iter_mut().map(Vec::as_mut_slice).collect();
        self.plan.run(inputs, &mut outputs)
    }

    /// Each factor of the last run: its entries, and the axes of the output that it is over.
    pub fn factors(&self) -> impl Iterator<Item = (&[T], &[usize])> {
        let axes = self.terms.iter().flat_map(|t| &t.factors).map(|(_, axes)| &axes[..]);
        self.values.iter().map(Vec::as_slice).zip(axes)
    }

    /// The value of the last run.
    pub fn value(&self) -> Structured<T> {
        let mut next = 0;
        let mut terms = Vec::with_capacity(self.terms.len());
        for term in &self.terms {
            let mut factors = Vec::with_capacity(term.factors.len());
            for (_, axes) in &term.factors {
                let shape = self.plan.output_shape(next);
                let tensor = Tensor::new(shape, self.values[next].clone())
                    .expect("invariant: a factor fills its shape");
                factors.push((tensor, axes.clone()));
                next += 1;
            }
            let coefficient = T::from_rational(&term.coefficient);
            terms.push(StructuredTerm { coefficient, deltas: term.deltas.clone(), factors });
        }
        Structured { shape: self.shape.clone(), terms }
    }
}
