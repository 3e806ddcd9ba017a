//! Facts at work: what they make simpler, what is left alone without them, and values that contradict them.

use super::{Options, Rewrite};
use crate::error::Error;
use crate::eval::Bindings;
use crate::graph::Graph;
use crate::graph::op::Facts;
use crate::node::NodeId;
use crate::ops::map::{self, Map};
use crate::shape::{Dim, Type};
use crate::tensor::Tensor;

const POSITIVE: Facts = Facts { symmetric: false, positive: true, one_hot: false, constant: false };

fn graph(facts: Facts) -> (Graph, NodeId, NodeId) {
    let mut g = Graph::new();
    let x = g.input_with("x", Type::real(["n"]), facts).unwrap();
    let y = g.input_with("y", Type::real(["n"]), facts).unwrap();
    (g, x, y)
}

fn simple(g: &mut Graph, node: NodeId, conditional: bool) -> (NodeId, Vec<&'static str>) {
    let options = Options { conditional, ..Options::default() };
    let done = g.simplify(&[node], &options).unwrap();
    (done.outputs[0], done.applied.iter().map(|r| r.name).collect())
}

fn values(g: &Graph, node: NodeId, x: [f64; 2], y: [f64; 2]) -> Vec<f64> {
    let at = Bindings::new().with("x", Tensor::vector(x.to_vec())).with("y", Tensor::vector(y.to_vec()));
    g.evaluate(&[node], &at).unwrap()[0].real().unwrap().data().to_vec()
}

type Build = fn(&mut Graph, NodeId, NodeId) -> NodeId;

/// Rewrites that need the fact, by name: what is built, and what it becomes.
const NEED_THE_FACT: &[(&str, Build, Build)] = &[
    ("sqrt-square", |g, x, _| square_root_of_square(g, x), |_, x, _| x),
    ("abs-nonnegative", |g, x, _| of(g, &map::ABS, x), |_, x, _| x),
    ("relu-nonnegative", |g, x, _| of(g, &map::RELU, x), |_, x, _| x),
    (
        "sign-positive",
        |g, x, _| of(g, &map::SIGN, x),
        |g, x, _| {
            let shape = g.ty(x).shape.clone();
            g.ones(&shape)
        },
    ),
    (
        "exp-log",
        |g, x, _| {
            let log = of(g, &map::LOG, x);
            of(g, &map::EXP, log)
        },
        |_, x, _| x,
    ),
    (
        "log-power",
        |g, x, _| {
            let square = g.power(x, 2);
            of(g, &map::LOG, square)
        },
        |g, x, _| {
            let log = of(g, &map::LOG, x);
            g.scale(&2.into(), log)
        },
    ),
    (
        "power-of-power",
        |g, x, y| {
            let inner = g.map(&map::POW, &[x, y]).unwrap();
            g.map(&map::POW, &[inner, y]).unwrap()
        },
        |g, x, y| {
            let square = g.power(y, 2);
            g.map(&map::POW, &[x, square]).unwrap()
        },
    ),
    (
        "power-product",
        |g, x, y| {
            let two = g.scale(&2.into(), y);
            let (a, b) = (g.map(&map::POW, &[x, y]).unwrap(), g.map(&map::POW, &[x, two]).unwrap());
            g.multiply(a, b).unwrap()
        },
        |g, x, y| {
            let three = g.scale(&3.into(), y);
            g.map(&map::POW, &[x, three]).unwrap()
        },
    ),
    (
        "square-of-root",
        |g, x, _| {
            let root = of(g, &map::SQRT, x);
            g.power(root, 2)
        },
        |_, x, _| x,
    ),
    ("cancel-reciprocal", |g, x, y| quotient(g, x, y), |_, _, y| y),
    (
        "reciprocal-twice",
        |g, x, _| {
            let recip = of(g, &map::RECIP, x);
            of(g, &map::RECIP, recip)
        },
        |_, x, _| x,
    ),
];

fn of(g: &mut Graph, map: &'static Map, x: NodeId) -> NodeId {
    g.map(map, &[x]).unwrap()
}

fn square_root_of_square(g: &mut Graph, x: NodeId) -> NodeId {
    let square = g.power(x, 2);
    of(g, &map::SQRT, square)
}

/// `x·y·(1/x)`
fn quotient(g: &mut Graph, x: NodeId, y: NodeId) -> NodeId {
    let recip = of(g, &map::RECIP, x);
    let xy = g.multiply(x, y).unwrap();
    g.multiply(xy, recip).unwrap()
}

#[test]
fn facts_decide_what_is_simpler() {
    for (name, before, after) in NEED_THE_FACT {
        assert!(Rewrite::by_name(name).is_some(), "{name} is in the table");
        let (mut g, x, y) = graph(POSITIVE);
        let (built, expected) = (before(&mut g, x, y), after(&mut g, x, y));
        let (found, applied) = simple(&mut g, built, false);
        assert_eq!(found, expected, "{name}");
        assert!(applied.contains(name), "{name}: {applied:?}");
        for point in [[0.5, 2.0], [3.0, 1.25]] {
            let (a, b) = (values(&g, built, point, [1.5, 0.25]), values(&g, found, point, [1.5, 0.25]));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs()), "{name}: {a:?} {b:?}");
        }
        let (mut g, x, y) = graph(Facts::default());
        let built = before(&mut g, x, y);
        let (_, applied) = simple(&mut g, built, false);
        assert!(!applied.contains(name), "{name} without the fact: {applied:?}");
    }
}

#[test]
fn a_logarithm_beside_it_allows_a_factor_to_cancel() {
    let (mut g, x, y) = graph(Facts::default());
    let built = quotient(&mut g, x, y);
    let log = of(&mut g, &map::LOG, x);
    let sum = g.add(built, log).unwrap();
    let expected = g.add(y, log).unwrap();
    assert_eq!(simple(&mut g, sum, false).0, expected);
    // A logarithm that is not always evaluated allows nothing.
    let zero = g.zero(g.ty(x).clone());
    let p = g.compare(crate::graph::op::Comparison::Greater, x, zero).unwrap();
    let lazy = g.select(p, log, y).unwrap();
    let sum = g.add(built, lazy).unwrap();
    assert!(!simple(&mut g, sum, false).1.contains(&"cancel-reciprocal"));
    assert!(simple(&mut g, sum, true).1.contains(&"cancel-reciprocal"), "unless it is asked for");
}

#[test]
fn powers_of_one_base_are_one_factor() {
    for ty in [Type::scalar(), Type::real(["n"])] {
        let mut g = Graph::new();
        let x = g.input("x", ty).unwrap();
        let (square, cube) = (g.power(x, 2), g.power(x, 3));
        assert_eq!(g.multiply(x, square).unwrap(), cube);
        assert_eq!(g.multiply(square, x).unwrap(), cube);
        let (fourth, sixth) = (g.power(square, 2), g.power(x, 6));
        assert_eq!(fourth, g.multiply(square, square).unwrap());
        assert_eq!(g.power(square, 3), sixth);
        assert_eq!(g.power(cube, 2), sixth);
        // 1/x^2 meets x: x/x^2 = 1/x has the same domain, x^2/x = x has not.
        let recip = of(&mut g, &map::RECIP, x);
        let recip_square = of(&mut g, &map::RECIP, square);
        assert_eq!(g.multiply(x, recip_square).unwrap(), recip);
        assert_eq!(g.multiply(recip, recip).unwrap(), recip_square);
        let quotient = g.multiply(square, recip).unwrap();
        assert_ne!(quotient, x);
        assert_eq!(simple(&mut g, quotient, true).0, x);
    }
}

#[test]
fn every_way_to_a_sum_recognises_the_same_forms() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let expm1 = of(&mut g, &map::EXPM1, x);
    let exp = of(&mut g, &map::EXP, x);
    let one = g.integer(1);
    assert_eq!(g.sub(exp, one).unwrap(), expm1);
    assert_eq!(g.form("exp(x) - 1", &[]).unwrap(), expm1);
    assert_eq!(g.form("-1 + exp(x)", &[]).unwrap(), expm1);
    let terms = [(1.into(), exp), (2.into(), one), ((-3).into(), one)];
    assert_eq!(g.sum(&terms, Type::scalar()).unwrap(), expm1);
}

#[test]
fn entries_of_tensors_are_factors_by_every_way() {
    let mut g = Graph::new();
    let v = g.input("v", Type::real([3])).unwrap();
    g.input("s", Type::scalar()).unwrap();
    let (entry, s) = (g.form("v[0]", &[]).unwrap(), g.find_input("s").unwrap());
    assert_eq!(g.multiply(entry, s).unwrap(), g.form("v[0]*s", &[]).unwrap());
    assert_eq!(g.multiply(entry, entry).unwrap(), g.form("v[0]^2", &[]).unwrap());
    assert_eq!(g.power(entry, 2), g.form("v[0]^2", &[]).unwrap());
    assert_eq!(g.shape(v), [Dim::fixed(3)]);
}

fn refused(facts: Facts, shape: &[usize], data: &[f64]) -> String {
    let mut g = Graph::new();
    let x = g.input_with("x", Type::real(shape.iter().copied()), facts).unwrap();
    let at = Bindings::new().with("x", Tensor::new(shape, data.to_vec()).unwrap());
    g.evaluate(&[x], &at).map_or_else(|e| e.to_string(), |_| "accepted".into())
}

#[test]
fn a_value_that_contradicts_a_fact_is_refused() {
    let help = |what: &str| format!("\n  help: bind a value that is {what}, or declare x without that");
    let positive = |data: &[f64]| refused(POSITIVE, &[data.len()], data);
    assert_eq!(positive(&[1.0, 2.0]), "accepted");
    assert_eq!(positive(&[1.0, 0.0]), format!("x is declared positive, but x[1] is 0{}", help("positive")));
    assert!(positive(&[f64::NAN]).contains("x[0] is NaN"));
    let symmetric = |data: &[f64]| refused(Facts { symmetric: true, ..Facts::default() }, &[2, 2], data);
    assert_eq!(symmetric(&[1.0, 2.0, 2.0, 5.0]), "accepted");
    assert!(symmetric(&[1.0, 2.0, 3.0, 5.0]).contains("x[0,1] is 2 and x[1,0] is 3"));
    assert!(symmetric(&[1.0, 2.0, 2.0, f64::NAN]).contains("x[1,1] is NaN"));
    let one_hot = |data: &[f64]| refused(Facts { one_hot: true, ..Facts::default() }, &[2, 2], data);
    assert_eq!(one_hot(&[0.0, 1.0, 1.0, 0.0]), "accepted");
    assert!(one_hot(&[0.0, 1.0, 0.5, 0.5]).contains("x[1,0] is 0.5"));
    assert!(one_hot(&[0.0, 1.0, 1.0, 1.0]).contains("2 entries are 1 in the row of x[1,0]"));
    assert!(one_hot(&[0.0, 0.0, 1.0, 0.0]).contains("0 entries are 1 in the row of x[0,0]"));
}

#[test]
fn an_input_has_one_set_of_facts() {
    let mut g = Graph::new();
    let x = g.input_with("x", Type::scalar(), POSITIVE).unwrap();
    assert_eq!(g.input_with("x", Type::scalar(), POSITIVE).unwrap(), x);
    let error = g.input("x", Type::scalar()).unwrap_err();
    assert!(matches!(&error, Error::FactsDiffer { .. }));
    assert!(
        error.to_string().starts_with("x is declared twice: with positive, then with no facts"),
        "{error}"
    );
    let impossible = Facts { symmetric: true, ..Facts::default() };
    assert!(g.input_with("s", Type::real(["m", "n"]), impossible).is_err());
    assert!(g.input_with("p", Type::index("n", ["m"]), POSITIVE).is_err());
}

#[test]
fn extents_that_are_never_positive_are_refused() {
    let mut g = Graph::new();
    for extent in [Dim::fixed(-1), -Dim::size("n"), Dim::fixed(-2) - Dim::size("n")] {
        let error = g.input("x", Type::real([extent])).unwrap_err().to_string();
        assert!(error.contains("extents of at least 0"), "{error}");
    }
    assert!(g.input("y", Type::real([Dim::size("n") - Dim::ONE])).is_ok(), "may be positive");
    assert!(g.input("z", Type::real([0])).is_ok());
}
