//! Powers by every way to write one, at zeros, negative bases and exponents that are no whole numbers.

use crate::eval::Bindings;
use crate::expr::Builder;
use crate::graph::Graph;
use crate::ops::map::POW;
use crate::shape::Type;
use crate::tensor::Tensor;

/// `base, exponent, value, ∂/∂base`.
const POINTS: &[(f64, f64, f64, f64)] = &[
    (2.0, 3.0, 8.0, 12.0),
    (-2.0, 3.0, -8.0, 12.0),
    (-2.0, 2.0, 4.0, -4.0),
    (-2.0, -1.0, -0.5, -0.25),
    (-2.0, -2.0, 0.25, 0.25),
    (0.0, 1.0, 0.0, 1.0),
    (0.0, 2.0, 0.0, 0.0),
    (0.0, 0.5, 0.0, f64::INFINITY),
    (0.0, -1.0, f64::INFINITY, f64::NEG_INFINITY),
    (4.0, 0.5, 2.0, 0.25),
    (4.0, -0.5, 0.5, -0.0625),
    (-2.0, 0.5, f64::NAN, f64::NAN),
    (-2.0, -1.5, f64::NAN, f64::NAN),
];

fn equal(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn at(base: f64, exponent: f64) -> Bindings<f64> {
    Bindings::new().with("a", Tensor::scalar(base)).with("b", Tensor::scalar(exponent))
}

/// `value, ∂/∂a` of a node.
fn both(g: &mut Graph, y: crate::NodeId, base: f64, exponent: f64) -> (f64, f64) {
    let a = g.find_input("a").unwrap();
    let dy = g.gradient(y, &[a]).unwrap()[0];
    let values = g.evaluate(&[y, dy], &at(base, exponent)).unwrap();
    (values[0].real().unwrap().data()[0], values[1].real().unwrap().data()[0])
}

#[test]
fn every_way_to_a_power_agrees() {
    for &(base, exponent, value, slope) in POINTS {
        // An exponent that is an input: the primitive itself.
        let mut g = Graph::new();
        let [a, b] = ["a", "b"].map(|n| g.input(n, Type::scalar()).unwrap());
        let primitive = g.map(&POW, &[a, b]).unwrap();
        let (v, s) = both(&mut g, primitive, base, exponent);
        assert!(equal(v, value) && equal(s, slope), "pow({base}, {exponent}) = {v}, slope {s}");
        // In index notation, and by the method: whole exponents are products.
        let written = g.form(&format!("a^({exponent})"), &[]).unwrap();
        let (v, s) = both(&mut g, written, base, exponent);
        assert!(equal(v, value) && equal(s, slope), "a^({exponent}) at {base} = {v}, slope {s}");
        let builder = Builder::new();
        let power = builder.real("a", ()).pow(exponent);
        let found = power.evaluate(&at(base, exponent)).unwrap().real().unwrap().data()[0];
        assert!(equal(found, value), "{base}.pow({exponent}) = {found}");
    }
}

#[test]
fn the_power_zero_is_one() {
    let mut g = Graph::new();
    let [a, b] = ["a", "b"].map(|n| g.input(n, Type::scalar()).unwrap());
    let primitive = g.map(&POW, &[a, b]).unwrap();
    for base in [-2.0, 0.0, 3.0] {
        assert_eq!(g.evaluate(&[primitive], &at(base, 0.0)).unwrap()[0].real().unwrap().data(), [1.0]);
    }
    // Written as a number the exponent decides alone: there is no base left.
    assert_eq!(g.form("a^0", &[]).unwrap(), g.integer(1));
    assert_eq!(g.power(a, 0), g.integer(1));
    assert!(Builder::new().real("a", ()).pow(0).index_text(&[]).unwrap().to_string() == "1");
}
