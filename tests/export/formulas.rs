//! Typical formulas as NumPy text, under golden files so that their readability is reviewed.

use chainrule::export::{Names, numpy};
use chainrule::nn::problems;
use chainrule_core::error::Result;
use chainrule_core::graph::op::{Linear, Reduction};
use chainrule_core::ops::map::{ERF, EXP, LGAMMA, LOG, RELU, SOFTPLUS, TANH};
use chainrule_core::rational::Rational;
use chainrule_core::shape::{Dim, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_golden::golden_text;

const NONE: [&str; 0] = [];

/// A loss and its gradients as functions, one golden file.
fn loss_and_gradients(name: &str, g: &mut Graph, inputs: &[NodeId], loss: NodeId, by: &[NodeId]) {
    let gradients = g.gradient(loss, by).expect("the loss is differentiable");
    let text = numpy::function(g, "loss", inputs, &[loss]).unwrap();
    let gradient = numpy::function(g, "gradient", inputs, &gradients).unwrap();
    golden_text!("export", name, &format!("{text}\n\n{gradient}"));
}

fn cross_entropy(g: &mut Graph) -> Result<[NodeId; 3]> {
    let z = g.input("z", Type::real(["n"]))?;
    let y = g.input("y", Type::index("n", NONE))?;
    let e = g.map(&EXP, &[z])?;
    let total = g.sum_all(e)?;
    let (log, score) = (g.map(&LOG, &[total])?, g.gather(z, y)?);
    Ok([z, y, g.sub(log, score)?])
}

#[test]
fn cross_entropy_and_its_derivatives() {
    let mut g = Graph::new();
    let [z, y, loss] = cross_entropy(&mut g).unwrap();
    let hessian = g.hessian(loss, z).unwrap();
    let hessian = numpy::function(&g, "hessian", &[z], &[hessian]).unwrap();
    loss_and_gradients("cross_entropy", &mut g, &[z, y], loss, &[z]);
    golden_text!("export", "cross_entropy_hessian", &hessian);
}

#[test]
fn homework() {
    let mut text = String::new();
    for problem in problems::all().unwrap() {
        let mut names = Names::of(&problem.graph);
        for question in &problem.questions {
            for &(node, name) in &question.names {
                names = names.with(node, name);
            }
        }
        text.push_str(&format!("# Problem {}\n", problem.number));
        for question in &problem.questions {
            let written = numpy::expression(&problem.graph, question.node, &names).unwrap();
            text.push_str(&format!("\n# {}\n", question.label));
            written.setup.iter().for_each(|line| text.push_str(&format!("{line}\n")));
            text.push_str(&format!("{}\n", written.result));
        }
        text.push('\n');
    }
    golden_text!("export", "homework", &text);
}

#[test]
fn softmax_regression_on_a_batch() {
    let mut g = Graph::new();
    let x = g.input("X", Type::real(["b", "d"])).unwrap();
    let w = g.input("W", Type::real(["d", "k"])).unwrap();
    let y = g.input("y", Type::index("k", ["b"])).unwrap();
    let z = g.dot(x, w).unwrap();
    let l = g.log_softmax(z, &[1]).unwrap();
    let hot = g.one_hot(y, &Dim::size("k")).unwrap();
    let picked = g.multiply(l, hot).unwrap();
    let total = g.sum_all(picked).unwrap();
    let loss = g.neg(total);
    loss_and_gradients("softmax_regression", &mut g, &[x, w, y], loss, &[w]);
}

#[test]
fn a_network_with_relu() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["d"])).unwrap();
    let v1 = g.input("V1", Type::real(["h", "d"])).unwrap();
    let b1 = g.input("b1", Type::real(["h"])).unwrap();
    let v2 = g.input("V2", Type::real(["k", "h"])).unwrap();
    let t = g.input("t", Type::real(["k"])).unwrap();
    let product = g.dot(v1, x).unwrap();
    let p = g.add(product, b1).unwrap();
    let q = g.map(&RELU, &[p]).unwrap();
    let z = g.dot(v2, q).unwrap();
    let difference = g.sub(z, t).unwrap();
    let square = g.power(difference, 2);
    let total = g.sum_all(square).unwrap();
    let loss = g.scale(&Rational::new(1, 2), total);
    for (node, name) in [(p, "p"), (q, "q"), (z, "z")] {
        g.name(node, name);
    }
    loss_and_gradients("network", &mut g, &[x, v1, b1, v2, t], loss, &[v1, b1, v2]);
}

#[test]
fn logistic_regression() {
    let mut g = Graph::new();
    let x = g.input("X", Type::real(["n", "d"])).unwrap();
    let w = g.input("w", Type::real(["d"])).unwrap();
    let t = g.input("t", Type::real(["n"])).unwrap();
    let z = g.dot(x, w).unwrap();
    let s = g.map(&SOFTPLUS, &[z]).unwrap();
    let tz = g.multiply(t, z).unwrap();
    let each = g.sub(s, tz).unwrap();
    let loss = g.mean(each, &[0]).unwrap();
    loss_and_gradients("logistic_regression", &mut g, &[x, w, t], loss, &[w]);
    let hessian = g.hessian(loss, w).unwrap();
    golden_text!("export", "logistic_hessian", &numpy::function(&g, "hessian", &[x, w], &[hessian]).unwrap());
}

#[test]
fn least_squares_with_ridge() {
    let mut g = Graph::new();
    let x = g.input("X", Type::real(["n", "d"])).unwrap();
    let w = g.input("w", Type::real(["d"])).unwrap();
    let y = g.input("y", Type::real(["n"])).unwrap();
    let lambda = g.input("lambda", Type::scalar()).unwrap();
    let fit = g.dot(x, w).unwrap();
    let rest = g.sub(fit, y).unwrap();
    let (rest, size) = (g.power(rest, 2), g.power(w, 2));
    let (rest, size) = (g.sum_all(rest).unwrap(), g.sum_all(size).unwrap());
    let penalty = g.multiply(lambda, size).unwrap();
    let loss = g.add(rest, penalty).unwrap();
    loss_and_gradients("ridge", &mut g, &[x, w, y, lambda], loss, &[w]);
}

#[test]
fn normal_density_by_cholesky() {
    let mut g = Graph::new();
    let s = g.input("S", Type::real(["n", "n"])).unwrap();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let solved = g.linear(Linear::Solve, &[s, x]).unwrap();
    let form = g.dot(x, solved).unwrap();
    let log = g.linear(Linear::LogAbsDet, &[s]).unwrap();
    let both = g.add(form, log).unwrap();
    let loss = g.scale(&Rational::new(1, 2), both);
    loss_and_gradients("normal_density", &mut g, &[s, x], loss, &[x, s]);
}

#[test]
fn indexing() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let a = g.input("A", Type::real(["m", "n"])).unwrap();
    let t = g.input("t", Type::index("m", ["b"])).unwrap();
    let rows = g.gather(a, t).unwrap();
    let squares = g.power(rows, 2);
    let total = g.sum_all(squares).unwrap();
    let embedding = g.gradient(total, &[a]).unwrap()[0];
    let two = Dim::from(2);
    let padded = g.pad(x, 0, &two, &Dim::ONE).unwrap();
    let flat = g.reshape(a, &[Dim::size("m") * Dim::size("n")]).unwrap();
    let joined = g.concat(&[flat, x], 0).unwrap();
    let back = g.reverse(x, 0).unwrap();
    let sorted = g.sort(a, 1).unwrap();
    let largest = g.reduce(Reduction::Max, a, 1).unwrap();
    let sums = g.cumsum(x, 0).unwrap();
    let wide = g.pad(x, 0, &two, &two).unwrap();
    let kernel = g.input("k", Type::real([5])).unwrap();
    let convolved = g.convolve(wide, kernel).unwrap();
    let diagonal = g.diag(x).unwrap();
    let mut text = String::new();
    for (name, node) in [
        ("rows_gradient", embedding),
        ("pad", padded),
        ("concat", joined),
        ("reverse", back),
        ("sort", sorted),
        ("largest", largest),
        ("cumulative", sums),
        ("convolved", convolved),
        ("diagonal", diagonal),
    ] {
        text.push_str(&format!("{}\n\n", numpy::function(&g, name, &[], &[node]).unwrap()));
    }
    golden_text!("export", "indexing", &text);
}

#[test]
fn functions_of_scipy_and_reserved_names() {
    let mut g = Graph::new();
    let np = g.input("np", Type::real(["lambda"])).unwrap();
    let e = g.input("W.1", Type::real(["lambda"])).unwrap();
    let (erf, gamma) = (g.map(&ERF, &[np]).unwrap(), g.map(&LGAMMA, &[e]).unwrap());
    let both = g.multiply(erf, gamma).unwrap();
    let bent = g.map(&TANH, &[both]).unwrap();
    let y = g.mean(bent, &[0]).unwrap();
    golden_text!("export", "scipy", &numpy::function(&g, "def", &[np, e], &[y]).unwrap());
}

#[test]
fn a_recurrence_is_refused_by_its_name() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let zero = g.integer(0);
    let step = |g: &mut Graph, h: &[NodeId], x: &[NodeId]| Ok(vec![g.add(h[0], x[0])?]);
    let h = g.recurrence("add", &Dim::size("n"), false, &[("h", zero)], &[("x", x)], step).unwrap()[0];
    let y = g.sum_all(h).unwrap();
    let error = numpy::function(&g, "f", &[x], &[y]).unwrap_err();
    let formula = "scan(t=0..n-1, h <- add(h, x[t]); 0)[i]";
    let rest = "is a recurrence (its step is `add`), which is not written as NumPy\n  help: evaluate it here, or write its steps out for a fixed length";
    assert_eq!(error.to_string(), format!("`{formula}` {rest}"));
    let named = numpy::expression(&g, y, &Names::new().with(h, "running")).unwrap_err();
    assert_eq!(named.to_string(), format!("`running` {rest}"));
    // What is passed in is not computed.
    assert!(numpy::function(&g, "f", &[h], &[y]).is_ok());
}
