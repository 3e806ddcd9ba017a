//! Predicates and positions: constant where they are continuous, and without a rule to differentiate through.

use crate::mutation::Tally;
use chainrule_core::eval::Bindings;
use chainrule_core::form::Product;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::{Comparison, Logic};
use chainrule_core::node::NodeId;
use chainrule_core::ops::rules::{Rules, rule_name};
use chainrule_core::shape::{DType, Type};
use chainrule_core::tensor::Tensor;

/// Comparisons of `a[n]` and `b[n]`, logic on them, positions in `a`.
fn nodes(g: &mut Graph) -> Vec<NodeId> {
    let [a, b] = ["a", "b"].map(|n| g.input(n, Type::real(["n"])).unwrap());
    let compared = [Comparison::Greater, Comparison::GreaterEqual, Comparison::Equal];
    let [p, q, r] = compared.map(|c| g.compare(c, a, b).unwrap());
    let logic = [(Logic::And, vec![p, q]), (Logic::Or, vec![p, r]), (Logic::Not, vec![q])];
    let logic = logic.map(|(l, args)| g.logic(l, &args).unwrap());
    let positions = [g.argmax(a, 0).unwrap(), g.argsort(a, 0).unwrap()];
    [p, q, r].into_iter().chain(logic).chain(positions).collect()
}

fn at(step: f64) -> Bindings<f64> {
    Bindings::new()
        .with("a", Tensor::vector(vec![1.0 + step, -0.5, 2.0]))
        .with("b", Tensor::vector(vec![0.5, 0.25 - step, 2.5]))
}

/// Whether the rules say that no operand of a node matters.
fn is_constant(rules: &Rules, g: &mut Graph, node: NodeId) -> bool {
    (0..g.args(node).len()).all(|k| rules.entry(g, node, k).unwrap().is_empty())
}

/// Plants the one fault that fits an empty entry, a product in it, in every predicate.
pub(crate) fn attack() -> Tally {
    let mut tally = Tally::default();
    let mut g = Graph::new();
    for node in nodes(&mut g) {
        let rules = Rules::new().replace("predicate", |g, y, k, _| {
            let x = g.arg(y, k);
            Ok(vec![Product::one(g.shape(y).iter().chain(g.shape(x)).cloned())])
        });
        tally.cases += 1;
        match is_constant(&rules, &mut g, node) {
            false => tally.killed += 1,
            true => tally.survived.push(format!("{:?}", g.op(node))),
        }
    }
    tally
}

#[test]
fn predicates_are_constant_and_have_no_entry() {
    let mut g = Graph::new();
    for node in nodes(&mut g) {
        assert_eq!(rule_name(&g, node), "predicate");
        assert!(is_constant(&Rules::new(), &mut g, node));
        let still = g.evaluate(&[node], &at(0.0)).unwrap();
        assert_eq!(still, g.evaluate(&[node], &at(1e-3)).unwrap());
        assert_eq!(still, g.evaluate(&[node], &at(-1e-3)).unwrap());
        for (k, x) in g.args(node).into_iter().enumerate() {
            if g.ty(x).dtype == DType::Real {
                let local = g.local_jacobian(node, k).unwrap();
                assert!(g.is_zero(local) && g.rank(local) == g.rank(node) + 1);
            } else {
                assert!(g.local_jacobian(node, k).is_err());
            }
        }
    }
}

/// The largest or smallest of nothing is an error, not a number; so is its position.
#[test]
fn an_empty_axis_has_no_largest_entry() {
    use chainrule_core::graph::op::Reduction;
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let none = Bindings::new().with("x", Tensor::<f64>::vector(vec![]));
    let [max, min] = [Reduction::Max, Reduction::Min].map(|r| g.reduce(r, x, 0).unwrap());
    let position = g.argmax(x, 0).unwrap();
    for node in [max, min, position] {
        assert!(g.evaluate(&[node], &none).is_err());
    }
    for (reduced, empty) in
        [(g.reduce(Reduction::Prod, x, 0), 1.0), (g.logsumexp(x, &[0]), f64::NEG_INFINITY)]
    {
        let value = g.evaluate(&[reduced.unwrap()], &none).unwrap();
        assert_eq!(value[0].real().unwrap().data(), [empty]);
    }
}
