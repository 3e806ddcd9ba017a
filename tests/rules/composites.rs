//! Composites: the stated entry against the one derived from the body, the kernel against the evaluated body.

use crate::case::Case;
use crate::cases;
use crate::check::{Outcome, close, text};
use chainrule_core::graph::Graph;
use chainrule_core::graph::function::Function;
use chainrule_core::ops::composite::COMPOSITES;
use chainrule_core::shape::Type;

fn against_body(case: &Case) -> Outcome {
    let mut case = case.clone();
    let opened = case.graph.open(&[case.y], &|_, _| true).map_err(text)?[0];
    let stated = case.graph.jacobian(case.y, case.xs[0]).map_err(text)?;
    let derived = case.graph.jacobian(opened, case.xs[0]).map_err(text)?;
    let mut passed = 0;
    for point in &case.points {
        for (a, b) in [(case.y, opened), (stated, derived)] {
            let [a, b] = [a, b].map(|n| case.numbers(n, point).map_err(text));
            passed += close(&format!("{} ({})", case.rule, case.name), &a?, &b?)?;
        }
    }
    Ok(passed)
}

#[test]
fn stated_entries_are_those_of_the_body() {
    let composite = |c: &Case| COMPOSITES.iter().any(|m| m.primitive.name == c.rule);
    for case in cases().filter(composite) {
        against_body(&case).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// A function of a user, whose body applies one more function without a stated entry.
#[test]
fn a_body_may_apply_a_function_without_a_stated_entry() {
    let mut body = Graph::new();
    let formal = body.input("x", Type::real(["n"])).unwrap();
    let others = body.exclusive_prod(formal, 0).unwrap();
    let output = body.multiply(others, formal).unwrap();
    let function = Function {
        name: "twice".into(),
        composite: None,
        axes: Vec::new(),
        body,
        formals: vec![formal],
        output,
    };
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let y = g.apply(function, &[x]).unwrap();
    let [local, swept] = [g.local_jacobian(y, 0).unwrap(), g.jacobian(y, x).unwrap()];
    let at = chainrule_core::eval::Bindings::new()
        .with("x", chainrule_core::tensor::Tensor::vector(vec![2.0, 3.0, 5.0]));
    let values = g.evaluate::<f64>(&[local, swept], &at).unwrap();
    // Every entry of the result is the product 30 of all three.
    let row = [15.0, 10.0, 6.0];
    for value in values {
        assert_eq!(value.real().unwrap().data(), [row, row, row].concat());
    }
}
