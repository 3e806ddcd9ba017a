//! Derivatives of small programs against dual numbers, forward against reverse, and the promises of the design.

use super::*;
use crate::eval::Bindings;
use crate::graph::op::Linear;
use crate::ops::map::{EXP, LOG, RELU, TANH};
use crate::tensor::Tensor;

fn vector(v: &[f64]) -> Tensor<f64> {
    Tensor::vector(v.to_vec())
}

/// Central differences of `y` in every entry of input `name`, as a Jacobian.
fn differences(g: &Graph, y: NodeId, name: &str, at: &Bindings<f64>) -> Vec<f64> {
    let x = at.get(name).unwrap().real().unwrap().clone();
    let h = 1e-6;
    let value = |k: usize, step: f64| {
        let mut moved = x.clone();
        moved.data_mut()[k] += step;
        let at = at.clone().with(name, moved);
        g.evaluate(&[y], &at).unwrap()[0].real().unwrap().data().to_vec()
    };
    let columns: Vec<Vec<f64>> = (0..x.data().len())
        .map(|k| value(k, h).iter().zip(value(k, -h)).map(|(a, b)| (a - b) / (2.0 * h)).collect())
        .collect();
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).flat_map(|r| columns.iter().map(move |c| c[r])).collect()
}

fn agree(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() <= 2e-6 * w.abs().max(1.0), "{got:?}\n{want:?}");
    }
}

fn check(g: &mut Graph, y: NodeId, names: &[&str], at: &Bindings<f64>) {
    for name in names {
        let x = g.find_input(name).unwrap();
        for schedule in [Schedule::Reverse, Schedule::Forward, Schedule::Auto, Schedule::CrossCountry] {
            let j = Derivation { schedule, ..Derivation::default() }.jacobian(g, y, x).unwrap();
            let got = g.evaluate(&[j], at).unwrap()[0].real().unwrap().data().to_vec();
            agree(&got, &differences(g, y, name, at));
            let structured = g.evaluate_structured(j, at).unwrap();
            let mut dense = vec![0.0; got.len()];
            structured.to_dense_into(&mut dense).unwrap();
            agree(&dense, &got);
        }
    }
}

fn network(g: &mut Graph) -> NodeId {
    let v1 = g.input("V1", Type::real(["h", "d"])).unwrap();
    let b1 = g.input("b1", Type::real(["h"])).unwrap();
    let v2 = g.input("V2", Type::real(["k", "h"])).unwrap();
    let b2 = g.input("b2", Type::real(["k"])).unwrap();
    let x = g.input("x", Type::real(["d"])).unwrap();
    let y = g.input("y", Type::index("k", [] as [&str; 0])).unwrap();
    let p = g.dot(v1, x).unwrap();
    let p = g.add(p, b1).unwrap();
    let q = g.map(&RELU, &[p]).unwrap();
    let z = g.dot(v2, q).unwrap();
    let z = g.add(z, b2).unwrap();
    let e = g.map(&EXP, &[z]).unwrap();
    let s = g.sum_all(e).unwrap();
    let l = g.map(&LOG, &[s]).unwrap();
    let zy = g.gather(z, y).unwrap();
    g.sub(l, zy).unwrap()
}

fn network_2() -> Bindings<f64> {
    Bindings::new()
        .with("V1", Tensor::new(&[2, 2], vec![1., 2., 1., 0.]).unwrap())
        .with("b1", vector(&[-5., 2.]))
        .with("V2", Tensor::new(&[3, 2], vec![2., -3., 1., 0., -1., -1.]).unwrap())
        .with("b2", vector(&[1., 3., -2.]))
        .with("x", vector(&[-1., 2.]))
        .with_labels("y", Tensor::scalar(2))
}

#[test]
fn the_network_of_the_homework() {
    let mut g = Graph::new();
    let loss = network(&mut g);
    check(&mut g, loss, &["V1", "b1", "V2", "b2", "x"], &network_2());
    let x = g.find_input("x").unwrap();
    let gx = g.gradient(loss, &[x]).unwrap()[0];
    let value = g.evaluate(&[gx], &network_2()).unwrap();
    assert_eq!(value[0].real().unwrap().data()[1], 0.0);
    let v1 = g.find_input("V1").unwrap();
    let h = g.hessian(loss, v1).unwrap();
    let gradient = g.gradient(loss, &[v1]).unwrap()[0];
    let got = g.evaluate(&[h], &network_2()).unwrap()[0].real().unwrap().data().to_vec();
    agree(&got, &differences(&g, gradient, "V1", &network_2()));
}

#[test]
fn log_sum_exp_typed_naively_is_finite() {
    let mut g = Graph::new();
    let z = g.input("z", Type::real(["n"])).unwrap();
    let e = g.map(&EXP, &[z]).unwrap();
    let s = g.sum_all(e).unwrap();
    let l = g.map(&LOG, &[s]).unwrap();
    let gradient = g.gradient(l, &[z]).unwrap()[0];
    let hessian = g.hessian(l, z).unwrap();
    for point in [[1000.0, 0.0], [-1000.0, -1001.0]] {
        let at = Bindings::new().with("z", vector(&point));
        for v in g.evaluate(&[l, gradient, hessian], &at).unwrap() {
            assert!(v.real().unwrap().data().iter().all(|x: &f64| x.is_finite()));
        }
    }
}

#[test]
fn a_name_is_cut_by_name() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let square = g.power(x, 2);
    let a = g.tag("a", square);
    let b = g.tag("b", square);
    let product = g.multiply(a, b).unwrap();
    let da = g.derivative(product, "a", &[]).unwrap();
    assert_eq!(da, square);
    let dx = g.derivative(product, "x", &[]).unwrap();
    let held = g.derivative(product, "x", &["b"]).unwrap();
    let at = Bindings::new().with("x", Tensor::scalar(3.0));
    let v = g.evaluate(&[dx, held], &at).unwrap();
    assert_eq!(v[0].real().unwrap().data(), [4.0 * 27.0]);
    assert_eq!(v[1].real().unwrap().data(), [2.0 * 27.0]);
}

#[test]
fn the_logistic_hessian_stays_small() {
    let (n, d) = (1000usize, 100usize);
    let mut g = Graph::new();
    let x = g.input("X", Type::real(["n", "d"])).unwrap();
    let y = g.input("y", Type::real(["n"])).unwrap();
    let w = g.input("w", Type::real(["d"])).unwrap();
    let z = g.dot(x, w).unwrap();
    let m = g.multiply(y, z).unwrap();
    let m = g.neg(m);
    let e = g.map(&EXP, &[m]).unwrap();
    let shape = g.shape(e).to_vec();
    let ones = g.ones(&shape);
    let s = g.add(ones, e).unwrap();
    let l = g.map(&LOG, &[s]).unwrap();
    let loss = g.sum_all(l).unwrap();
    let h = g.hessian(loss, w).unwrap();
    let at = Bindings::new()
        .with(
            "X",
            Tensor::new(&[n, d], (0..n * d).map(|k| ((k * 7919) % 101) as f64 / 101.0 - 0.5).collect())
                .unwrap(),
        )
        .with("y", Tensor::vector((0..n).map(|k| if k % 3 == 0 { 1.0 } else { -1.0 }).collect()))
        .with("w", Tensor::vector((0..d).map(|k| (k % 5) as f64 / 5.0 - 0.4).collect()));
    let result = g.evaluate_with(&[h], &at, &crate::eval::Options::default()).unwrap();
    assert!(result.stored <= 20_000, "{}", result.stored);
}

#[test]
fn an_elementwise_jacobian_costs_n() {
    let n = 1_000_000;
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let y = g.map(&TANH, &[x]).unwrap();
    let y = g.multiply(y, x).unwrap();
    let j = g.jacobian(y, x).unwrap();
    let at = Bindings::new().with("x", Tensor::vector((0..n).map(|k| k as f64 / n as f64).collect()));
    let value = g.evaluate_structured(j, &at).unwrap();
    assert!(value.stored() <= 3 * n, "{}", value.stored());
}

#[test]
fn linear_algebra_differentiates() {
    let mut g = Graph::new();
    let a = g.input("A", Type::real([3, 3])).unwrap();
    let c = g.input("C", Type::real([3, 2])).unwrap();
    let at = Bindings::new()
        .with("A", Tensor::new(&[3, 3], vec![4., 1., 0.5, -1., 3., 0.25, 0.5, 1., 5.]).unwrap())
        .with("C", Tensor::new(&[3, 2], vec![1., 2., -1., 0.5, 3., 1.]).unwrap());
    let inverse = g.linear(Linear::Inverse, &[a]).unwrap();
    let solve = g.linear(Linear::Solve, &[a, c]).unwrap();
    let det = g.linear(Linear::Det, &[a]).unwrap();
    let logdet = g.linear(Linear::LogAbsDet, &[a]).unwrap();
    let spd = g.t(a).unwrap();
    let spd = g.dot(a, spd).unwrap();
    let cholesky = g.linear(Linear::Cholesky, &[spd]).unwrap();
    let lower = g.linear(Linear::SolveLower, &[a, c]).unwrap();
    for y in [inverse, det, logdet, cholesky] {
        check(&mut g, y, &["A"], &at);
    }
    for y in [solve, lower] {
        check(&mut g, y, &["A", "C"], &at);
    }
    let product = g.dot(inverse, c).unwrap();
    assert_eq!(product, solve, "an inverse that is contracted is a solve");
}

#[test]
fn a_long_product_has_a_linear_gradient() {
    let mut g = Graph::new();
    let xs: Vec<NodeId> = (0..10_000).map(|k| g.input(&format!("x{k}"), Type::scalar()).unwrap()).collect();
    let mut product = Product::one([]);
    product.accesses.extend(xs.iter().map(|&x| Access::new(x, [])));
    let y = g.product(product);
    let before = g.reachable(&[y]).len();
    let gradient = g.gradient(y, &xs).unwrap();
    assert!(g.reachable(&gradient).len() <= 6 * before, "{}", g.reachable(&gradient).len());
}

#[test]
fn a_chain_of_a_million_operations() {
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(|| {
            let mut g = Graph::new();
            let x = g.input("x", Type::scalar()).unwrap();
            let mut y = x;
            for k in 0..500_000 {
                y = g.map(&TANH, &[y]).unwrap();
                let c = g.integer(k % 7 + 1);
                y = g.add(y, c).unwrap();
            }
            let dy = g.gradient(y, &[x]).unwrap()[0];
            let at = Bindings::new().with("x", Tensor::scalar(0.5));
            let v = g.evaluate(&[y, dy], &at).unwrap();
            assert!(v[0].real().unwrap().data()[0] > 0.0);
            let simplified = g.simplify(&[y, dy], &crate::simplify::Options::default()).unwrap();
            assert_eq!(g.evaluate(&simplified.outputs, &at).unwrap(), v);
            let text = crate::render::Printer::new(&g).index_text(dy);
            assert!(text.omitted > 0 && text.definitions.len() == 1000);
            drop(g);
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn guards_never_multiply_infinity_by_zero() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let zero = g.integer(0);
    let p = g.compare(crate::graph::op::Comparison::Greater, x, zero).unwrap();
    let log = g.map(&LOG, &[x]).unwrap();
    let y = g.select(p, log, zero).unwrap();
    let dy = g.gradient(y, &[x]).unwrap()[0];
    let at = Bindings::new().with("x", Tensor::scalar(0.0));
    assert_eq!(g.evaluate(&[dy], &at).unwrap()[0].real().unwrap().data(), [0.0]);

    let quotient = g.divide(log, x).unwrap();
    let y = g.select(p, quotient, zero).unwrap();
    let dy = g.gradient(y, &[x]).unwrap()[0];
    let second = g.gradient(dy, &[x]).unwrap()[0];
    for value in g.evaluate(&[dy, second], &at).unwrap() {
        assert_eq!(value.real().unwrap().data(), [0.0]);
    }
}

/// A range guard that was split from the sum it protects let the gradient read outside an axis.
#[test]
fn a_range_stays_with_the_read_that_it_protects() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real([3])).unwrap();
    let b = g.input("b", Type::real([2])).unwrap();
    let w = g.input("W", Type::real([4, 2])).unwrap();
    let padded = g.pad(x, 0, &2.into(), &0.into()).unwrap();
    let shifted = g.slice(padded, 0, &0.into(), 1, &4.into()).unwrap();
    let outer = g.outer(shifted, b).unwrap();
    let weighted = g.multiply(w, outer).unwrap();
    let y = g.sum_all(weighted).unwrap();
    let at = Bindings::new()
        .with("x", vector(&[1.0, 2.0, 3.0]))
        .with("b", vector(&[0.5, -1.0]))
        .with("W", Tensor::new(&[4, 2], (0..8).map(f64::from).collect()).unwrap());
    check(&mut g, y, &["x", "b", "W"], &at);
}

/// The definition of one cut may mention another; a name with two definitions is refused.
#[test]
fn cuts_may_stand_on_each_other_but_not_share_a_name() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let square = g.power(x, 2);
    let a = g.tag("a", square);
    let cube = g.multiply(a, x).unwrap();
    let b = g.tag("b", cube);
    let y = g.multiply(a, b).unwrap();
    let at = Bindings::new().with("x", Tensor::scalar(2.0));
    let by_a = g.derivative(y, "a", &["b"]).unwrap();
    assert_eq!(g.evaluate(&[by_a], &at).unwrap()[0].real().unwrap().data(), [8.0]);
    let other = g.tag("a", x);
    let twice = g.multiply(a, other).unwrap();
    assert!(matches!(g.derivative(twice, "a", &[]), Err(Error::Duplicate { .. })));
}

/// Each selection left one more guard on every term of the Jacobian.
#[test]
fn guards_do_not_pile_up_along_a_chain_of_selections() {
    let n = 400;
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let mut y = x;
    for k in 0..n {
        let c = g.integer(k);
        let p = g.compare(crate::graph::op::Comparison::Greater, c, y).unwrap();
        let half = g.scale(&crate::rational::Rational::new(1, 2), y);
        y = g.select(p, half, x).unwrap();
    }
    let j = g.jacobian(y, x).unwrap();
    assert!(g.reachable(&[j]).len() < 20 * n as usize);
    let text = crate::render::Printer::new(&g).index_text(j).to_string();
    assert!(text.len() < 1000 * n as usize, "{}", text.len());
    let at = Bindings::new().with("x", vector(&[0.25, -3.0, 500.0]));
    let got = g.evaluate(&[j], &at).unwrap()[0].real().unwrap().data().to_vec();
    agree(&got, &differences(&g, y, "x", &at));
}

/// Every node looked through all seeds.
#[test]
fn a_tangent_of_many_inputs_is_linear() {
    let mut g = Graph::new();
    let xs: Vec<NodeId> = (0..5_000).map(|k| g.input(&format!("x{k}"), Type::scalar()).unwrap()).collect();
    let ts: Vec<NodeId> = (0..5_000).map(|k| g.input(&format!("t{k}"), Type::scalar()).unwrap()).collect();
    let mut y = g.integer(0);
    for &x in &xs {
        let square = g.power(x, 2);
        y = g.add(y, square).unwrap();
    }
    let before = g.len();
    let tangent = g.jvp(y, &xs, &ts).unwrap();
    assert!(g.reachable(&[tangent]).len() < 4 * before);
}

#[test]
fn the_first_nan_is_the_winner_and_takes_the_derivative() {
    use crate::graph::op::Reduction;
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let at = Bindings::new().with("x", vector(&[1.0, f64::NAN, 3.0, f64::NAN]));
    for reduction in [Reduction::Max, Reduction::Min] {
        let top = g.reduce(reduction, x, 0).unwrap();
        let square = g.power(top, 2);
        let d = g.gradient(top, &[x]).unwrap()[0];
        let chained = g.gradient(square, &[x]).unwrap()[0];
        let values = g.evaluate(&[top, d, chained], &at).unwrap();
        assert!(values[0].real().unwrap().data()[0].is_nan());
        assert_eq!(values[1].real().unwrap().data(), [0.0, 1.0, 0.0, 0.0]);
        assert!(values[2].real().unwrap().data()[1].is_nan(), "what follows is NaN");
    }
}

#[test]
fn errors_of_an_evaluation_name_what_was_read() {
    use crate::graph::op::Reduction;
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let e = g.map(&EXP, &[x]).unwrap();
    let top = g.reduce(Reduction::Max, e, 0).unwrap();
    let tagged = g.tag("z", e);
    let named = g.reduce(Reduction::Max, tagged, 0).unwrap();
    let empty = Bindings::new().with("x", vector(&[]));
    let error = |g: &Graph, node, at: &Bindings<f64>| g.evaluate(&[node], at).unwrap_err().to_string();
    assert_eq!(error(&g, top, &empty), "`max` over an empty axis of `exp(x[i])` has no value");
    assert_eq!(error(&g, named, &empty), "`max` over an empty axis of `z` has no value");
    let part = g.slice(e, 0, &2.into(), 1, &3.into()).unwrap();
    let two = Bindings::new().with("x", vector(&[1.0, 2.0]));
    assert_eq!(error(&g, part, &two), "position 2 is outside an axis of `exp(x[i])`, of 2 entries, 0 .. 1");
}

#[test]
fn a_number_times_entries_of_a_tensor() {
    // y = x[k] x[l] a: one contraction with four operands and three factors. dy/da = x[k] x[l].
    let mut g = Graph::new();
    let a = g.input("a", Type::scalar()).unwrap();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let labels = ["k", "l"].map(|name| g.input(name, Type::index("n", [] as [&str; 0])).unwrap());
    let mut y = a;
    for label in labels {
        let entry = g.gather(x, label).unwrap();
        y = g.multiply(y, entry).unwrap();
    }
    let gradient = g.gradient(y, &[a]).unwrap();
    let at = Bindings::new().with("a", Tensor::scalar(5.0)).with("x", vector(&[2.0, 3.0, 7.0]));
    let at = at.with_labels("k", Tensor::scalar(2)).with_labels("l", Tensor::scalar(1));
    assert_eq!(g.evaluate(&gradient, &at).unwrap()[0].real().unwrap().data(), [21.0]);
    check(&mut g, y, &["a", "x"], &at);
}

/// What two terms have in common reads behind the start of an axis unless the delta of both is kept with it.
#[test]
fn what_terms_share_is_read_where_their_delta_holds() {
    let text = "chainrule-graph 1\n%0 : real[n] = input \"y\"\n%1 : real[n-1] = contract [n-1|] %0[#0+1]\n\
                %2 : real[n-1] = map recip %1\n%3 : real[n-1] = contract [n-1|] %2[#0] %0[#0+1]\n\
                %4 : real[] = contract [|n-1] %3[#0]^3\noutput %4\n";
    let (mut g, outputs) = Graph::from_text(text).unwrap();
    let y = g.find_input("y").unwrap();
    let gradient = g.gradient(outputs[0], &[y]).unwrap()[0];
    let hessian = g.jacobian(gradient, y).unwrap();
    let at = Bindings::<f64>::new().with("y", Tensor::new(&[4], vec![1.5, 2.5, 3.0, 4.0]).unwrap());
    let values = g.evaluate(&[hessian], &at).unwrap();
    // The cube of y/y is 1 everywhere.
    assert!(values[0].real().unwrap().data().iter().all(|x| x.abs() < 1e-12), "{values:?}");
}
