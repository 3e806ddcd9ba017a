//! Problems 1.1 to 1.4 of the homework: every derivative as the hand derivation writes it.

use super::{index, latex, matrix, real, vector};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::ops::map::RELU;
use crate::rational::Rational;
use crate::shape::Type;

/// `1/2 Σ_i (z[i] - t[i])²`
fn quadratic(g: &mut Graph, z: NodeId, t: NodeId) -> NodeId {
    let difference = g.sub(z, t).unwrap();
    let square = g.power(difference, 2);
    let total = g.sum_all(square).unwrap();
    g.scale(&Rational::new(1, 2), total)
}

#[test]
fn quadratic_loss() {
    let mut g = Graph::new();
    let (z, t) = (real(&mut g, "z", &["n"]), real(&mut g, "t", &["n"]));
    let loss = quadratic(&mut g, z, t);
    assert_eq!(index(&g, loss), "1/2 * sum(i, (z[i] - t[i])^2)");
    assert_eq!(vector(&g, loss), "1/2 * sum((z - t)^2)");
    assert_eq!(latex(&g, loss), r"\frac{1}{2} \sum_{i=0}^{n-1} \left(z_i - t_i\right)^2");
    let gradient = g.gradient(loss, &[z]).unwrap()[0];
    assert_eq!(index(&g, gradient), "z[i] - t[i]");
    assert_eq!(vector(&g, gradient), "z - t");
    let hessian = g.hessian(loss, z).unwrap();
    assert_eq!(index(&g, hessian), "delta(i,j)");
    assert_eq!(vector(&g, hessian), "eye(n)");
    assert_eq!(matrix(&g, hessian), "I_n");
}

#[test]
fn cross_entropy_loss() {
    let mut g = Graph::new();
    let z = real(&mut g, "z", &["n"]);
    let y = g.input("y", Type::index("n", [] as [&str; 0])).unwrap();
    let (total, picked) = (g.logsumexp(z, &[0]).unwrap(), g.gather(z, y).unwrap());
    let loss = g.sub(total, picked).unwrap();
    assert_eq!(index(&g, loss), "log(sum(i, exp(z[i]))) - z[y]");
    assert_eq!(vector(&g, loss), "logsumexp(z) - z[y]");
    let gradient = g.gradient(loss, &[z]).unwrap()[0];
    assert_eq!(index(&g, gradient), "exp(z[i]) / sum(j, exp(z[j])) - delta(i,y)");
    assert_eq!(vector(&g, gradient), "softmax(z) - onehot(y)");
    assert_eq!(latex(&g, gradient), r"\frac{e^{z_i}}{\sum_{j=0}^{n-1} e^{z_j}} - \delta_{iy}");
    let kept = super::Printer::new(&g).keep_composites(true);
    assert_eq!(kept.index_text(gradient).to_string(), "softmax(z)[i] - delta(i,y)");
    let hessian = g.hessian(loss, z).unwrap();
    assert_eq!(
        index(&g, hessian),
        "delta(i,j) * t1[i] - t1[i]*t1[j]\n  where t1[i] = exp(z[i]) / sum(j, exp(z[j]))"
    );
}

#[test]
fn rectifier() {
    let mut g = Graph::new();
    let x = real(&mut g, "x", &["n"]);
    let p = g.map(&RELU, &[x]).unwrap();
    for jacobian in [g.jacobian(p, x).unwrap(), g.local_jacobian(p, 0).unwrap()] {
        assert_eq!(index(&g, jacobian), "delta(i,j) * [x[i] > 0]");
        assert_eq!(vector(&g, jacobian), "diag([x > 0])");
        assert_eq!(latex(&g, jacobian), r"\delta_{ij} [x_i > 0]");
    }
}

#[test]
fn affine_layer() {
    let mut g = Graph::new();
    let (v, b) = (real(&mut g, "V", &["m", "n"]), real(&mut g, "b", &["m"]));
    let x = real(&mut g, "x", &["n"]);
    let product = g.dot(v, x).unwrap();
    let y = g.add(product, b).unwrap();
    assert_eq!(index(&g, y), "sum(j, V[i,j]*x[j]) + b[i]");
    assert_eq!(vector(&g, y), "V @ x + b");
    assert_eq!(latex(&g, y), r"\sum_{j=0}^{n-1} V_{ij} x_j + b_i");
    assert_eq!(matrix(&g, y), "V x + b");
    let expected = [(x, "V[i,j]", "V"), (v, "delta(i,j) * x[k]", "-"), (b, "delta(i,j)", "eye(m)")];
    for (input, entry, whole) in expected {
        let jacobian = g.jacobian(y, input).unwrap();
        assert_eq!(index(&g, jacobian), entry);
        assert_eq!(vector(&g, jacobian), whole);
    }
    let transposed = g.t(v).unwrap();
    assert_eq!((index(&g, transposed), vector(&g, transposed)), ("V[j,i]".into(), "V'".into()));
}

/// `(graph, loss, [V1, b1, V2, b2, x])` with the intermediates `p`, `q`, `z` named.
fn network() -> (Graph, NodeId, [NodeId; 5]) {
    let mut g = Graph::new();
    let (v1, b1) = (real(&mut g, "V1", &["h", "d"]), real(&mut g, "b1", &["h"]));
    let (v2, b2) = (real(&mut g, "V2", &["k", "h"]), real(&mut g, "b2", &["k"]));
    let (x, t) = (real(&mut g, "x", &["d"]), real(&mut g, "t", &["k"]));
    let product = g.dot(v1, x).unwrap();
    let p = g.add(product, b1).unwrap();
    let q = g.map(&RELU, &[p]).unwrap();
    let product = g.dot(v2, q).unwrap();
    let z = g.add(product, b2).unwrap();
    let loss = quadratic(&mut g, z, t);
    for (node, name) in [(p, "p"), (q, "q"), (z, "z")] {
        g.name(node, name);
    }
    (g, loss, [v1, b1, v2, b2, x])
}

#[test]
fn back_propagation() {
    let (mut g, loss, inputs) = network();
    assert_eq!(index(&g, loss), "1/2 * sum(i, (z[i] - t[i])^2)");
    let gradient = g.gradient(loss, &inputs).unwrap();
    // The letter k is a size here, so the letters are i, j, l.
    let expected = [
        ("x[j] * sum(l, (z[l] - t[l]) * V2[l,i]) * [p[i] > 0]", "outer((V2' @ (z - t)) .* [p > 0], x)"),
        ("sum(j, (z[j] - t[j]) * V2[j,i]) * [p[i] > 0]", "(V2' @ (z - t)) .* [p > 0]"),
        ("(z[i] - t[i]) * q[j]", "outer(z - t, q)"),
        ("z[i] - t[i]", "z - t"),
        (
            "sum(j, V1[j,i] * sum(l, (z[l] - t[l]) * V2[l,j]) * [p[j] > 0])",
            "V1' @ ((V2' @ (z - t)) .* [p > 0])",
        ),
    ];
    for (node, (entry, whole)) in gradient.into_iter().zip(expected) {
        assert_eq!(index(&g, node), entry);
        assert_eq!(vector(&g, node), whole);
    }
    let [.., x] = inputs;
    let by_x = g.gradient(loss, &[x]).unwrap()[0];
    assert_eq!(
        matrix(&g, by_x),
        r"V_1^{\top} \left(\left(V_2^{\top} \left(z - t\right)\right) \odot [p > 0]\right)"
    );
}
