//! A replaced rule is used by every route, also by the fast one of programs of numbers.

use chainrule_core::derive::Derivation;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::ops::rules::Rules;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Type;
use chainrule_core::tensor::Tensor;

fn gradient_with(rule: &str, program: fn(&mut Graph, NodeId, NodeId) -> NodeId) -> f64 {
    let mut g = Graph::new();
    let [a, b] = ["a", "b"].map(|n| g.input(n, Type::scalar()).unwrap());
    let y = program(&mut g, a, b);
    let rules = Rules::new().replace(rule, |_, _, _, entry| {
        Ok(entry.into_iter().map(|p| p.scaled(&Rational::from(-1))).collect())
    });
    let mut derivation = Derivation { rules: Some(&rules), ..Derivation::default() };
    let dy = derivation.gradient(&mut g, y, &[a]).unwrap()[0];
    let at = Bindings::new().with("a", Tensor::scalar(3.0)).with("b", Tensor::scalar(5.0));
    g.evaluate::<f64>(&[dy], &at).unwrap()[0].real().unwrap().data()[0]
}

#[test]
fn a_replaced_rule_counts_in_programs_of_numbers() {
    assert_eq!(gradient_with("contract", |g, a, b| g.multiply(a, b).unwrap()), -5.0);
    assert_eq!(gradient_with("sum", |g, a, b| g.sub(a, b).unwrap()), -1.0);
    assert_eq!(gradient_with("select", |g, a, b| g.multiply(a, b).unwrap()), 5.0);
}

/// A stated entry of a composite would hide the rule inside it.
#[test]
fn a_replaced_rule_counts_inside_a_composite() {
    let mut g = Graph::new();
    let z = g.input("z", Type::real(["n"])).unwrap();
    let loss = g.logsumexp(z, &[0]).unwrap();
    let halved = Rules::new().replace("log", |_, _, _, entry| {
        Ok(entry.into_iter().map(|p| p.scaled(&Rational::new(1, 2))).collect())
    });
    let mut derivation = Derivation { rules: Some(&halved), ..Derivation::default() };
    let dz = derivation.gradient(&mut g, loss, &[z]).unwrap()[0];
    let at = Bindings::new().with("z", Tensor::vector(vec![1.0, 1.0]));
    assert_eq!(g.evaluate::<f64>(&[dz], &at).unwrap()[0].real().unwrap().data(), [0.25, 0.25]);
}
