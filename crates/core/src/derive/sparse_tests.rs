//! Sparse derivatives against dense ones, on random scalar programs and on shapes that are easy to get wrong.

use super::pattern::Pattern;
use super::sparse::{Sparse, SparseNodes};
use crate::dice::Dice;
use crate::error::Error;
use crate::eval::Bindings;
use crate::graph::Graph;
use crate::graph::op::Comparison;
use crate::node::NodeId;
use crate::ops::map::{ABS, ATAN2, EXP, MAX, RELU, SIN, TANH};
use crate::rational::Rational;
use crate::shape::Type;
use crate::tensor::Tensor;

fn variables(g: &mut Graph, n: usize) -> Vec<NodeId> {
    (0..n).map(|k| g.input(&format!("x{k}"), Type::scalar()).unwrap()).collect()
}

fn point(n: usize) -> Bindings<f64> {
    let value = |k: usize| ((k * 7919 + 13) % 101) as f64 / 50.5 - 1.0;
    (0..n).fold(Bindings::new(), |at, k| at.with(&format!("x{k}"), Tensor::scalar(value(k))))
}

fn values(g: &Graph, nodes: &[NodeId], at: &Bindings<f64>) -> Vec<f64> {
    g.evaluate(nodes, at).unwrap().iter().map(|v| v.real().unwrap().data()[0]).collect()
}

/// Fails unless the entries are those of the dense rows, and what is missing is zero there; from column `from(i)` on.
fn agree(g: &mut Graph, sparse: &SparseNodes, ys: &[NodeId], xs: &[NodeId], from: fn(usize) -> usize) {
    let at = point(xs.len());
    let entries = values(g, &sparse.nodes, &at);
    for (i, &y) in ys.iter().enumerate() {
        let row = g.gradient(y, xs).unwrap();
        for (j, want) in values(g, &row, &at).into_iter().enumerate().skip(from(i)) {
            let got = sparse.pattern.find(i, j).map_or(0.0, |k| entries[k]);
            let near = (got - want).abs() <= 1e-9 * want.abs().max(1.0);
            assert!(near || (got.is_nan() && want.is_nan()), "{i}, {j}: {got}, dense {want}");
        }
        assert!(sparse.pattern.row(i).iter().all(|&j| j as usize >= from(i)));
    }
}

/// Numbers computed from `xs`, each from two of those before it.
fn program(g: &mut Graph, xs: &[NodeId], d: &mut Dice, steps: usize) -> Vec<NodeId> {
    let mut made = xs.to_vec();
    for _ in 0..steps {
        let a = made[made.len() - 1 - d.below(made.len().min(6))];
        let b = made[d.below(made.len())];
        let node = match d.below(13) {
            0 => g.add(a, b).unwrap(),
            1 => g.sub(a, b).unwrap(),
            2 | 3 => g.multiply(a, b).unwrap(),
            4 => g.power(a, 2 + d.below(2) as u32),
            5 => g.scale(&Rational::new(-3, 4), a),
            6 => g.map(&TANH, &[a]).unwrap(),
            7 => g.map(&SIN, &[a]).unwrap(),
            8 => {
                let t = g.map(&TANH, &[a]).unwrap();
                g.map(&EXP, &[t]).unwrap()
            }
            9 => g.map(&RELU, &[a]).unwrap(),
            10 => g.map(&ATAN2, &[a, b]).unwrap(),
            11 => {
                let p = g.compare(Comparison::Greater, a, b).unwrap();
                let square = g.power(b, 2);
                g.select(p, square, a).unwrap()
            }
            _ => g.map(if d.below(2) == 0 { &MAX } else { &ABS }, &[a, b][..]).unwrap_or(a),
        };
        made.push(node);
    }
    made.split_off(xs.len())
}

#[test]
fn random_programs_agree_with_dense_derivatives() {
    for seed in 0..60 {
        let mut d = Dice::new(seed);
        let mut g = Graph::new();
        let xs = variables(&mut g, 7);
        let made = program(&mut g, &xs, &mut d, 20);
        let ys = &made[made.len() - 4..];
        let jacobian = g.sparse_jacobian(ys, &xs).unwrap();
        agree(&mut g, &jacobian, ys, &xs, |_| 0);
        let pattern = g.sparsity(ys, &xs).unwrap();
        assert!(jacobian.pattern.positions().all(|(i, j)| pattern.find(i, j).is_some()));

        let sum = g.add(ys[0], ys[2]).unwrap();
        let y = g.add(sum, ys[3]).unwrap();
        let gradient = g.gradient(y, &xs).unwrap();
        let hessian = g.sparse_hessian(y, &xs).unwrap();
        agree(&mut g, &hessian, &gradient, &xs, |i| i);
        let pattern = g.hessian_sparsity(y, &xs).unwrap();
        assert!(pattern.is_symmetric());
        assert!(hessian.pattern.positions().all(|(i, j)| pattern.find(j, i).is_some()));
    }
}

/// `Σ (x[k+1] - x[k]²)²`
fn chained(g: &mut Graph, xs: &[NodeId]) -> NodeId {
    let mut y = g.integer(0);
    for pair in xs.windows(2) {
        let square = g.power(pair[0], 2);
        let t = g.sub(pair[1], square).unwrap();
        let t = g.power(t, 2);
        y = g.add(y, t).unwrap();
    }
    y
}

#[test]
fn a_chain_of_variables_has_a_band() {
    let mut g = Graph::new();
    let xs = variables(&mut g, 100);
    let y = chained(&mut g, &xs);
    assert_eq!(g.hessian_sparsity(y, &xs).unwrap(), Pattern::banded(100, 1, 1).unwrap());
    let hessian = g.sparse_hessian(y, &xs).unwrap();
    assert_eq!(hessian.pattern, Pattern::banded(100, 0, 1).unwrap());
    let gradient = g.gradient(y, &xs).unwrap();
    agree(&mut g, &hessian, &gradient, &xs, |i| i);
}

/// Nodes grow with the entries, at any size; a sum of all variables is walked once and kept nowhere.
#[test]
fn a_hundred_thousand_variables_cost_their_entries() {
    let n = 100_000;
    let mut g = Graph::new();
    let xs = variables(&mut g, n);
    let y = chained(&mut g, &xs);
    assert_eq!(g.sparsity(&[y], &xs).unwrap().len(), n);
    g.gradient(y, &xs).unwrap();
    let before = g.len();
    let hessian = g.sparse_hessian(y, &xs).unwrap();
    assert_eq!(hessian.nodes.len(), 2 * n - 1);
    assert!(g.len() - before <= 4 * n, "{}", g.len() - before);
}

/// What all entries share is differentiated once: a sweep for each entry would take 10¹⁰ steps.
#[test]
fn a_long_shared_factor_is_differentiated_once() {
    let n = 20_000;
    let mut g = Graph::new();
    let xs = variables(&mut g, n);
    let mut h = xs[0];
    for _ in 0..n {
        h = g.map(&TANH, &[h]).unwrap();
    }
    let mut y = g.integer(0);
    for &x in &xs[1..] {
        let term = g.multiply(x, h).unwrap();
        y = g.add(y, term).unwrap();
    }
    let hessian = g.sparse_hessian(y, &xs).unwrap();
    assert_eq!(hessian.nodes.len(), n, "the first row, and nothing else");
}

/// Many inputs in every entry, so nothing has a row: sweeps take over, and agree.
#[test]
fn wide_rows_are_swept() {
    let n = 90;
    let mut g = Graph::new();
    let xs = variables(&mut g, n);
    let mut d = Dice::new(3);
    let chain = chained(&mut g, &xs);
    let slow = g.map(&TANH, &[chain]).unwrap();
    let mut ys = program(&mut g, &[xs[0], xs[70], slow, chain], &mut d, 12);
    ys.extend([chain, xs[3]]);
    let jacobian = g.sparse_jacobian(&ys, &xs).unwrap();
    assert!(jacobian.pattern.len() > 2 * n);
    agree(&mut g, &jacobian, &ys, &xs, |_| 0);
    let hessian = g.sparse_hessian(slow, &xs).unwrap();
    assert_eq!(hessian.nodes.len(), n * (n + 1) / 2);
    let gradient = g.gradient(slow, &xs).unwrap();
    agree(&mut g, &hessian, &gradient, &xs, |i| i);
}

#[test]
fn a_linear_sum_contributes_no_pair() {
    let mut g = Graph::new();
    let xs = variables(&mut g, 4);
    let product = g.multiply(xs[0], xs[3]).unwrap();
    let rest = g.add(xs[1], xs[2]).unwrap();
    let clipped = g.map(&RELU, &[rest]).unwrap();
    let y = g.add(product, clipped).unwrap();
    let found: Vec<_> = g.hessian_sparsity(y, &xs).unwrap().positions().collect();
    assert_eq!(found, [(0, 3), (3, 0)]);
    let hessian = g.sparse_hessian(y, &xs).unwrap();
    assert_eq!(hessian.entries().collect::<Vec<_>>(), [(0, 3, g.integer(1))]);
}

#[test]
fn outputs_may_be_inputs_constants_and_repeated() {
    let mut g = Graph::new();
    let xs = variables(&mut g, 3);
    let two = g.integer(2);
    let square = g.power(xs[2], 2);
    let ys = [xs[1], two, square, square, xs[1]];
    let jacobian = g.sparse_jacobian(&ys, &xs).unwrap();
    let found: Vec<_> = jacobian.pattern.positions().collect();
    assert_eq!(found, [(0, 1), (2, 2), (3, 2), (4, 1)]);
    agree(&mut g, &jacobian, &ys, &xs, |_| 0);
    assert_eq!(g.sparsity(&ys, &xs).unwrap(), jacobian.pattern);
    assert!(g.sparse_jacobian(&[], &xs).unwrap().nodes.is_empty());
    assert_eq!(g.sparse_jacobian(&ys, &[]).unwrap().pattern.rows(), 5);
}

#[test]
fn what_is_nearly_dense_is_refused() {
    let n = 3_000;
    let mut g = Graph::new();
    let xs = variables(&mut g, n);
    let mut s = g.integer(0);
    for &x in &xs {
        let square = g.power(x, 2);
        s = g.add(s, square).unwrap();
    }
    let y = g.map(&TANH, &[s]).unwrap();
    let few = Sparse { limit: 100_000 };
    for refused in [few.hessian(&mut g, y, &xs).map(|_| ()), few.hessian_sparsity(&mut g, y, &xs).map(|_| ())]
    {
        let text = refused.unwrap_err().to_string();
        assert!(
            text.starts_with("a sparse derivative expects the Hessian to be zero in most entries"),
            "{text}"
        );
    }
}

#[test]
fn variables_are_different_numbers() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let v = g.input("v", Type::real([3])).unwrap();
    let square = g.power(x, 2);
    let refused = |answer: Result<SparseNodes, Error>, found: &str| match answer {
        Err(Error::NotSparse { found: text, .. }) => assert_eq!(text, found),
        other => panic!("{other:?}"),
    };
    refused(g.sparse_hessian(square, &[x, x]), "one given twice");
    refused(g.sparse_jacobian(&[x], &[square]), "one computed from others");
    refused(g.sparse_jacobian(&[x], &[v]), &g.ty(v).to_string());
    refused(g.sparse_jacobian(&[v], &[x]), &g.ty(v).to_string());
    let scaled = g.restore_axes(x, v, &[0]).and_then(|wide| g.multiply(wide, v)).unwrap();
    let total = g.sum_all(scaled).unwrap();
    let answer = Sparse::default().symmetric_jacobian(&mut g, &[total], &[x, square]);
    assert!(matches!(answer, Err(Error::NotSparse { .. })));
    assert!(g.sparse_jacobian(&[NodeId::new(1 << 20)], &[x]).is_err());
}
