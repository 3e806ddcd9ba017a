//! Every class of mistake, made once: the program beside its message, under golden files.

use chainrule_core::eval::{Bindings, Options};
use chainrule_core::expr::{Builder, code};
use chainrule_core::graph::function::Function;
use chainrule_core::graph::op::{Comparison, Facts, Linear, Literal, Logic, Reduction};
use chainrule_core::ops::map::{EXP, MAX, POLYGAMMA};
use chainrule_core::shape::{Dim, Type};
use chainrule_core::tensor::Tensor;
use chainrule_core::{Error, Graph, NodeId};
use chainrule_golden::golden_text;
use std::fmt::Write;

/// A graph with one input of each kind.
struct Inputs {
    g: Graph,
    s: NodeId,
    x: NodeId,
    a: NodeId,
    y: NodeId,
}

fn inputs() -> Inputs {
    let mut g = Graph::new();
    let s = g.input("s", Type::scalar()).unwrap();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let a = g.input("A", Type::real(["m", "n"])).unwrap();
    let y = g.input("y", Type::index("n", [] as [&str; 0])).unwrap();
    Inputs { g, s, x, a, y }
}

fn open_body() -> Function {
    let mut body = Graph::new();
    let x = body.input("x", Type::scalar()).unwrap();
    let w = body.input("w", Type::scalar()).unwrap();
    let output = body.add(x, w).unwrap();
    Function { name: "f".into(), composite: None, axes: vec![], body, formals: vec![x], output }
}

/// A request that must be refused.
type Mistake = fn(&mut Inputs) -> Result<NodeId, Error>;

const BUILDING: &[(&str, Mistake)] = &[
    ("x + A", |i| i.g.add(i.x, i.a)),
    ("x * A", |i| i.g.multiply(i.x, i.a)),
    ("max(x, A)", |i| i.g.map(&MAX, &[i.x, i.a])),
    ("exp(x, x)", |i| i.g.map(&EXP, &[i.x, i.x])),
    ("sparse_hessian(s^2, [s, s])", |i| {
        let square = i.g.power(i.s, 2);
        i.g.sparse_hessian(square, &[i.s, i.s]).map(|h| h.nodes[0])
    }),
    ("sparse_jacobian([s], [x])", |i| i.g.sparse_jacobian(&[i.s], &[i.x]).map(|j| j.nodes[0])),
    ("sparse_jacobian([x], [s])", |i| i.g.sparse_jacobian(&[i.x], &[i.s]).map(|j| j.nodes[0])),
    ("sparse_hessian of a dense one", |i| {
        let square = i.g.power(i.s, 2);
        let none = chainrule_core::derive::sparse::Sparse { limit: 0 };
        none.hessian(&mut i.g, square, &[i.s]).map(|h| h.nodes[0])
    }),
    ("exp(y) of a label", |i| i.g.map(&EXP, &[i.y])),
    ("x @ A", |i| i.g.dot(i.x, i.a)),
    ("s @ x", |i| i.g.dot(i.s, i.x)),
    ("sum(x, axis=1)", |i| i.g.sum_axes(i.x, &[1])),
    ("sum(A, axis=2)", |i| i.g.sum_axes(i.a, &[2])),
    ("max(s, axis=0)", |i| i.g.reduce(Reduction::Max, i.s, 0)),
    ("softmax(x, axis=3)", |i| i.g.softmax(i.x, &[3])),
    ("trace(A) of m by n", |i| i.g.trace(i.a)),
    ("diag(A)", |i| i.g.diag(i.a)),
    ("transpose(A, [0,0])", |i| i.g.transpose(i.a, &[0, 0])),
    ("inv(A) of m by n", |i| i.g.linear(Linear::Inverse, &[i.a])),
    ("inv(x)", |i| i.g.linear(Linear::Inverse, &[i.x])),
    ("reshape(x, [m])", |i| i.g.reshape(i.x, &["m".into()])),
    ("kron(y, y)", |i| i.g.kron(i.y, i.y)),
    ("concat()", |i| i.g.concat(&[], 0)),
    ("x > y", |i| i.g.compare(Comparison::Greater, i.x, i.y)),
    ("not x", |i| i.g.logic(Logic::Not, &[i.x])),
    ("not of nothing", |i| i.g.logic(Logic::Not, &[])),
    ("x[k] with k : index[m]", |i| {
        let k = i.g.input("k", Type::index("m", [] as [&str; 0]))?;
        i.g.gather(i.x, k)
    }),
    ("slice of real[3] at 2 .. 4", |i| {
        let w = i.g.input("w", Type::real([3]))?;
        i.g.slice(w, 0, &Dim::fixed(2), 1, &Dim::fixed(3))
    }),
    ("x declared again as real[m]", |i| i.g.input("x", Type::real(["m"]))),
    ("x declared again as positive", |i| {
        let facts = Facts { positive: true, ..Facts::default() };
        i.g.input_with("x", Type::real(["n"]), facts)
    }),
    ("symmetric A of m by n", |i| {
        let facts = Facts { symmetric: true, ..Facts::default() };
        i.g.input_with("S", Type::real(["m", "n"]), facts)
    }),
    ("an input of -n entries", |i| i.g.input("w", Type::real([-Dim::size("n")]))),
    ("insert_axis(x, 3)", |i| i.g.insert_axis(i.x, 3)),
    ("scan whose step gives a vector for a number", |i| {
        let n = Dim::size("n");
        i.g.recurrence("cell", &n, false, &[("h", i.s)], &[("x", i.x)], |_, _, _| Ok(vec![i.x])).map(|y| y[0])
    }),
    ("scan over the wrong axis", |i| {
        let n = Dim::size("n");
        i.g.recurrence("cell", &n, false, &[("h", i.s)], &[("a", i.a)], |_, h, _| Ok(h.to_vec()))
            .map(|y| y[0])
    }),
    ("scan that carries a label", |i| {
        let n = Dim::size("n");
        i.g.recurrence("cell", &n, false, &[("y", i.y)], &[], |_, h, _| Ok(h.to_vec())).map(|y| y[0])
    }),
    ("scan of two carries whose step gives one", |i| {
        let n = Dim::size("n");
        let carries = [("h", i.s), ("c", i.s)];
        i.g.recurrence("cell", &n, false, &carries, &[], |_, h, _| Ok(vec![h[0]])).map(|y| y[0])
    }),
    ("last carry of something else", |i| i.g.last_carry(i.s, i.a)),
    ("batch over another extent", |i| i.g.batch(&[i.x], &[(i.x, i.a)], &Dim::size("b")).map(|y| y[0])),
    ("gradient of x", |i| i.g.gradient(i.x, &[i.s]).map(|g| g[0])),
    ("derivative by the label y", |i| i.g.jacobian(i.s, i.y)),
    ("derivative by a constant", |i| {
        let facts = Facts { constant: true, ..Facts::default() };
        let t = i.g.input_with("t", Type::scalar(), facts)?;
        let square = i.g.power(t, 2);
        i.g.gradient(square, &[t]).map(|g| g[0])
    }),
    ("derivative by the order of polygamma", |i| {
        let p = i.g.map(&POLYGAMMA, &[i.s, i.s])?;
        i.g.gradient(p, &[i.s]).map(|g| g[0])
    }),
    ("derivative by an unknown name", |i| {
        let square = i.g.power(i.s, 2);
        let tagged = i.g.tag("square", square);
        i.g.derivative(tagged, "sqare", &[])
    }),
    ("vjp with a cotangent of another shape", |i| i.g.vjp(i.x, &[i.x], i.s).map(|g| g[0])),
    ("local Jacobian by operand 5", |i| {
        let e = i.g.map(&EXP, &[i.x])?;
        i.g.local_jacobian(e, 5)
    }),
    ("form y[i] = A[i,j] * x[i]", |i| i.g.form("y[i] = sum(j, A[i,j]*x[i])", &[])),
    ("form x[i] + q", |i| i.g.form("y[i] = x[i] + q", &[])),
    ("form 2 x[i]", |i| i.g.form("y[i] = 2 x[i]", &[])),
    ("form with an open bracket", |i| i.g.form("y[i] = exp(x[i]", &[])),
    ("form with j free on the right", |i| i.g.form("y[i] = A[i,j]", &[])),
    ("form with a node of a larger graph", |i| i.g.form("2*z", &[("z", NodeId::new(999))])),
    ("three entries in the shape [2]", |_| Err(Literal::real(&[2], [1.0, 2.0, 3.0]).unwrap_err())),
    ("a function whose body reads w, which is no argument", |i| i.g.apply(open_body(), &[i.s])),
    ("an expression inside of a step on the graph", |_| {
        let b = Builder::new();
        let x = b.real("x", "n");
        b.with(|_| x.tanh());
        Err(b.finish(&[&x]).unwrap_err().0[0].error.clone())
    }),
];

#[test]
fn building_and_differentiating() {
    let mut text = String::new();
    for (program, mistake) in BUILDING {
        let error = mistake(&mut inputs()).expect_err(program);
        let _ = writeln!(
            text,
            "{program}   error[{}]\n    {}\n",
            code(&error),
            error.to_string().replace('\n', "\n    ")
        );
    }
    golden_text!("errors", "building", &text);
}

fn vector(entries: &[f64]) -> Tensor<f64> {
    Tensor::vector(entries.to_vec())
}

/// Values that must be refused.
fn evaluations() -> Vec<(&'static str, Error)> {
    let Inputs { mut g, x, a, y, .. } = inputs();
    let product = g.dot(a, x).unwrap();
    let picked = g.gather(x, y).unwrap();
    let square = g.power(y, 2);
    let largest = g.reduce(Reduction::Max, x, 0).unwrap();
    let ones = g.ones(&["q".into()]);
    let outer = g.outer(x, x).unwrap();
    let at = Bindings::new;
    let labelled = |label: i64| at().with("x", vector(&[1.0, 2.0])).with_labels("y", Tensor::scalar(label));
    let small = Options { limit: 1000, ..Options::default() };
    let matrix = Tensor::filled(&[2, 3], 1.0).unwrap();
    vec![
        ("nothing bound", g.evaluate::<f64>(&[product], &at()).unwrap_err()),
        (
            "x of length 2, A of 2 by 3",
            g.evaluate(&[product], &at().with("A", matrix.clone()).with("x", vector(&[1.0, 2.0])))
                .unwrap_err(),
        ),
        (
            "A as a vector, x a matrix",
            g.evaluate(&[product], &at().with("A", vector(&[1.0])).with("x", matrix)).unwrap_err(),
        ),
        (
            "labels bound as reals",
            g.evaluate(&[picked], &at().with("x", vector(&[1.0])).with("y", Tensor::scalar(0.0)))
                .unwrap_err(),
        ),
        ("the square of a label", g.evaluate(&[square], &labelled(0)).unwrap_err()),
        ("label -1", g.evaluate(&[picked], &labelled(-1)).unwrap_err()),
        ("label 2 of 2", g.evaluate(&[picked], &labelled(2)).unwrap_err()),
        (
            "label 0 of 0",
            g.evaluate(&[picked], &at().with("x", vector(&[])).with_labels("y", Tensor::scalar(0)))
                .unwrap_err(),
        ),
        ("max of nothing", g.evaluate(&[largest], &at().with("x", vector(&[]))).unwrap_err()),
        ("a size that nothing tells", g.evaluate::<f64>(&[ones], &at()).unwrap_err()),
        (
            "a value over the limit",
            g.evaluate_with(&[outer], &at().with("x", vector(&[0.0; 100])), &small).unwrap_err(),
        ),
    ]
}

#[test]
fn evaluating() {
    let mut text = String::new();
    for (program, error) in evaluations() {
        let _ = writeln!(
            text,
            "{program}   error[{}]\n    {}\n",
            code(&error),
            error.to_string().replace('\n', "\n    ")
        );
    }
    golden_text!("errors", "evaluating", &text);
}

#[test]
fn nan_propagates_and_nothing_panics() {
    let Inputs { mut g, x, .. } = inputs();
    let relu = g.map(&chainrule_core::ops::map::RELU, &[x]).unwrap();
    let s = g.softmax(x, &[0]).unwrap();
    let m = g.reduce(Reduction::Max, x, 0).unwrap();
    let at = Bindings::new().with("x", vector(&[1.0, f64::NAN]));
    for value in g.evaluate(&[relu, s, m], &at).unwrap() {
        assert!(value.real().unwrap().data().iter().any(|v| v.is_nan()));
    }
}
