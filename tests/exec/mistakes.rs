//! Every refusal of a plan, once: what was asked beside the message, under a golden file.

use chainrule_core::graph::op::{Comparison, Facts, Reduction};
use chainrule_core::rational::Rational;
use chainrule_core::shape::{Dim, Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::{Error, Options, Plan, StructuredPlan, Value};
use chainrule_golden::golden_text;
use std::fmt::Write;

/// `x[n]`, `A[m,n]`, labels `t[m]` below n, truth values `b[n]`.
struct Inputs {
    g: Graph,
    x: NodeId,
    a: NodeId,
    t: NodeId,
    b: NodeId,
}

fn inputs() -> Inputs {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let a = g.input("A", Type::real(["m", "n"])).unwrap();
    let t = g.input("t", Type::index("n", ["m"])).unwrap();
    let b = g.input("b", Type::boolean(["n"])).unwrap();
    Inputs { g, x, a, t, b }
}

fn sizes(given: &[(&str, i64)]) -> Options {
    let sizes: Sizes = given.iter().map(|(name, n)| ((*name).into(), *n)).collect();
    Options { sizes, ..Options::default() }
}

fn refused(g: &Graph, outputs: &[NodeId], options: &Options) -> Error {
    Plan::<f64>::compile(g, outputs, options).err().expect("a refusal")
}

/// A golden file of refusals: a line for what was asked, a line for what was answered.
fn golden(name: &str, cases: &[(&str, Error)]) {
    let mut text = String::new();
    for (asked, error) in cases {
        writeln!(text, "{asked}\n  {error}").unwrap();
    }
    golden_text!("exec", name, text);
}

#[test]
fn graphs_that_cannot_be_planned() {
    let Inputs { mut g, b, .. } = inputs();
    let truths = g.scale(&Rational::from(2), b);
    let wide = g.form("s = sum(i, sum(j, x[i]*x[j]*x[i]))", &[]).unwrap();
    let mut other = Graph::new();
    let strange = (0..99).fold(truths, |_, k| other.input(&format!("z{k}"), Type::scalar()).unwrap());
    let cases = [
        ("twice a truth value", refused(&g, &[truths], &sizes(&[("n", 2)]))),
        ("a node of another graph", refused(&g, &[strange], &sizes(&[("n", 2)]))),
        (
            "x[i]*x[j] in one sum with n = 2^40",
            refused(&g, &[wide], &sizes(&[("n", 1 << 40), ("m", 1 << 30)])),
        ),
    ];
    golden("plans_refuse_graphs", &cases);
}

#[test]
fn sizes_without_a_number() {
    let Inputs { mut g, x, a, t, .. } = inputs();
    let n = g.size(&Dim::size("n"));
    let rows = g.gather(x, t).unwrap();
    let eye = g.eye(&[Dim::size("k"), Dim::size("k")]).unwrap();
    let structured = StructuredPlan::<f64>::compile(&g, eye, &Options::default()).err().expect("a refusal");
    golden(
        "plans_need_sizes",
        &[
            ("an input x[n], no sizes", refused(&g, &[x], &Options::default())),
            ("an input A[m,n] with n = 2", refused(&g, &[a], &sizes(&[("n", 2)]))),
            ("the size n as a number", refused(&g, &[n], &Options::default())),
            ("x[t[i]] with n = 2", refused(&g, &[rows], &sizes(&[("n", 2)]))),
            ("an identity matrix of k", refused(&g, &[eye], &sizes(&[("n", 2)]))),
            ("the structure of an identity matrix of k", structured),
        ],
    );
}

#[test]
fn plans_that_need_too_much() {
    let Inputs { mut g, x, a, .. } = inputs();
    let square = g.outer(x, x).unwrap();
    let total = g.sum_all(square).unwrap();
    let wide = g.outer(a, a).unwrap();
    let limited = Options { limit: 1000, ..sizes(&[("n", 20)]) };
    let huge = [("n", 1 << 33), ("m", 1 << 33)];
    golden(
        "plans_have_a_limit",
        &[
            ("x[i]*x[j] with n = 20 and a limit of 1000 bytes", refused(&g, &[square], &limited)),
            ("x[i]*x[j] with n = 2^20", refused(&g, &[square], &sizes(&[("n", 1 << 20)]))),
            ("x[i]*x[j] with n = 2^33", refused(&g, &[square], &sizes(&huge))),
            ("A[i,j]*A[k,l] with m = n = 2^33", refused(&g, &[wide], &sizes(&huge))),
            ("A[i,j] with m = n = 2^33, as it is", refused(&g, &[a], &sizes(&huge))),
            ("x with n = 2^62, as it is", refused(&g, &[x], &sizes(&[("n", 1 << 62)]))),
            ("sum of x[i]*x[j] with n = 2^40", refused(&g, &[total], &sizes(&[("n", 1 << 40)]))),
            ("sum of x[i]*x[j] with n = 2^62", refused(&g, &[total], &sizes(&[("n", 1 << 62)]))),
        ],
    );
}

#[test]
fn extrema_of_nothing() {
    let Inputs { mut g, a, .. } = inputs();
    let options = sizes(&[("n", 0), ("m", 2)]);
    let kinds = [Reduction::Max, Reduction::Min].map(|kind| g.reduce(kind, a, 1).unwrap());
    let position = g.argmax(a, 1).unwrap();
    golden(
        "plans_need_entries",
        &[
            ("max of the rows of A[2,0]", refused(&g, &[kinds[0]], &options)),
            ("min of the rows of A[2,0]", refused(&g, &[kinds[1]], &options)),
            ("argmax of the rows of A[2,0]", refused(&g, &[position], &options)),
        ],
    );
}

#[test]
fn values_that_do_not_fit() {
    let Inputs { mut g, x, t, b, .. } = inputs();
    let rows = g.gather(x, t).unwrap();
    let zero = g.zero(Type::real(["n"]));
    let masked = g.select(b, x, zero).unwrap();
    let mut plan = Plan::<f64>::compile(&g, &[rows, masked], &sizes(&[("n", 3), ("m", 2)])).unwrap();
    let names: Vec<&str> = plan.inputs().iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["x", "t", "b"]);
    let (x, t, b) = ([1.0, 2.0, 3.0], [2, 0], [true, false, true]);
    let right = [Value::Real(&x[..]), Value::Int(&t[..]), Value::Bool(&b[..])];
    let mut run = |inputs: &[Value<'_, f64>], rooms: &[usize]| {
        let mut rooms: Vec<Vec<f64>> = rooms.iter().map(|&n| vec![9.0; n]).collect();
        let mut outputs: Vec<&mut [f64]> = rooms.iter_mut().map(Vec::as_mut_slice).collect();
        let refused = plan.run(inputs, &mut outputs).expect_err("a refusal");
        assert!(rooms.concat().iter().all(|&y| y == 9.0), "nothing is written by a run that is refused");
        refused
    };
    let with = |k: usize, value: Value<'static, f64>| {
        let mut inputs = right;
        inputs[k] = value;
        inputs
    };
    let cases = [
        ("no inputs", run(&[], &[2, 3])),
        ("one output of two", run(&right, &[2])),
        ("x with two entries", run(&with(0, Value::Real(&[1.0, 2.0])), &[2, 3])),
        ("labels for x", run(&with(0, Value::Int(&[0, 1, 2])), &[2, 3])),
        ("numbers for t", run(&with(1, Value::Real(&[0.0, 1.0])), &[2, 3])),
        ("labels for b", run(&with(2, Value::Int(&[0, 1, 1])), &[2, 3])),
        ("three labels", run(&with(1, Value::Int(&[0, 1, 2])), &[2, 3])),
        ("a label of 3 below n = 3", run(&with(1, Value::Int(&[0, 3])), &[2, 3])),
        ("a negative label", run(&with(1, Value::Int(&[-1, 0])), &[2, 3])),
        ("the least label there is", run(&with(1, Value::Int(&[i64::MIN, 0])), &[2, 3])),
        ("room for 4 of 3 entries", run(&right, &[2, 4])),
        ("no room", run(&right, &[0, 0])),
    ];
    golden("runs_refuse_values", &cases);
    let mut found = [[0.0; 3]; 2];
    let [rows, masked] = &mut found;
    plan.run(&right, &mut [&mut rows[..2], &mut masked[..]]).expect("after refusals a run succeeds");
    assert_eq!(found, [[3.0, 1.0, 0.0], [1.0, 0.0, 3.0]]);

    let labels = g.find_input("t").expect("declared");
    let mut none = Plan::<f64>::compile(&g, &[labels], &sizes(&[("n", 0), ("m", 1)])).unwrap();
    let refused = none.run(&[Value::Int(&[0])], &mut [&mut [0.0]]).expect_err("a refusal");
    golden("runs_refuse_labels_of_nothing", &[("a label of an empty axis", refused)]);
}

/// Facts that are declared of inputs are promises to the derivation; plans read what they are given.
#[test]
fn declared_facts_do_not_stop_a_plan() {
    let mut g = Graph::new();
    let p = g.input_with("p", Type::real(["n"]), Facts { positive: true, ..Facts::default() }).unwrap();
    let zero = g.zero(Type::real(["n"]));
    let below = g.compare(Comparison::Greater, zero, p).unwrap();
    let mut plan = Plan::<f64>::compile(&g, &[below], &sizes(&[("n", 2)])).unwrap();
    let mut found = [9.0; 2];
    plan.run(&[Value::Real(&[-1.0, 1.0])], &mut [&mut found]).unwrap();
    assert_eq!(found, [1.0, 0.0]);
}

#[test]
fn batches_and_places_that_cannot_be() {
    let Inputs { mut g, x, a, b, .. } = inputs();
    let free = Type { dtype: chainrule_core::shape::DType::Int, ..Type::scalar() };
    let z = g.input("z", free).unwrap();
    let double = g.scale(&Rational::from(2), x);
    let zero = g.zero(Type::real(["n"]));
    let masked = g.select(b, double, zero).unwrap();
    let total = g.sum_all(a).unwrap();
    let options = sizes(&[("n", 3), ("m", 2)]);
    let batch = |outputs: &[NodeId], inputs: &[NodeId]| {
        Plan::<f64>::batched(&g, outputs, inputs, 4, &options).err().expect("a refusal")
    };
    let outputs = [masked, double, total];
    let place = |pairs: &[(usize, NodeId)]| {
        Plan::<f64>::in_place(&g, &outputs, pairs, &options).err().expect("a refusal")
    };
    let mut plan = Plan::<f64>::in_place(&g, &outputs, &[(0, x)], &options).unwrap();
    assert_eq!(plan.inputs().iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["x", "A", "b"]);
    let numbers = [0.0; 6];
    let truths = Value::Bool(&[true; 3]);
    let mut run = |x: Value<'_, f64>, a: Value<'_, f64>| {
        let (mut masked, mut double, mut total) = ([0.0; 3], [0.0; 3], [0.0]);
        plan.run(&[x, a, truths], &mut [&mut masked, &mut double, &mut total]).expect_err("a refusal")
    };
    let cases = [
        ("a batch of 2 x", batch(&[masked], &[double])),
        ("a batch of x and x", batch(&[masked], &[x, x])),
        ("a batch of x, with z as it is among the outputs", batch(&[masked, z], &[x])),
        ("output 0 in the place of 2 x", place(&[(0, double)])),
        ("output 0 in the place of z, which nobody reads", place(&[(0, z)])),
        ("output 3 of three", place(&[(3, x)])),
        ("outputs 0 and 1 in the place of x", place(&[(0, x), (1, x)])),
        ("output 0 in two places", place(&[(0, x), (0, a)])),
        ("output 0 in the place of truth values", place(&[(0, b)])),
        ("a number in the place of x", place(&[(2, x)])),
        ("a value for what is replaced", run(Value::Real(&numbers[..3]), Value::Real(&numbers))),
        ("no value for A", run(Value::InPlace, Value::InPlace)),
    ];
    golden("plans_refuse_batches_and_places", &cases);
}
