//! For tests of passes: what a plan answers beside what the slow evaluator answers.

use crate::{Options, Plan, Value};
use chainrule_core::Graph;
use chainrule_core::eval::Bindings;
use chainrule_core::tensor::Tensor;

/// Runs the graph both ways, each input filled with sines of the multiples of a step, and compares the outputs.
pub(super) fn answers_as_evaluated(text: &str, inputs: &[(&str, &[usize], f64)]) {
    let numbers = |shape: &[usize], step: f64| {
        (0..shape.iter().product()).map(|k: usize| (k as f64 * step).sin()).collect()
    };
    let (graph, outputs) = Graph::from_text(text).unwrap();
    let mut at = Bindings::new();
    for (name, shape, step) in inputs {
        at = at.with(name, Tensor::new(shape, numbers(shape, *step)).unwrap());
    }
    let expected = graph.evaluate(&outputs, &at).unwrap();
    let mut plan = Plan::<f64>::compile(&graph, &outputs, &Options::default()).unwrap();
    let filled = |input: &crate::array::Input| {
        let (_, shape, step) = inputs.iter().find(|(name, ..)| *name == input.name).unwrap();
        numbers(shape, *step)
    };
    let values: Vec<Vec<f64>> = plan.inputs().iter().map(filled).collect();
    let values: Vec<Value<'_, f64>> = values.iter().map(|v| Value::Real(v)).collect();
    let mut found: Vec<Vec<f64>> =
        expected.iter().map(|e| vec![0.0; e.real().unwrap().data().len()]).collect();
    plan.run(&values, &mut found.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>()).unwrap();
    for (expected, found) in expected.iter().zip(found) {
        for (&e, f) in expected.real().unwrap().data().iter().zip(found) {
            assert!((e - f).abs() < 1e-14, "{e} {f}");
        }
    }
}
