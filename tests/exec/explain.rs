//! What a plan says of itself: the table, and that it is true.

use crate::programs::program;
use chainrule_core::graph::op::Linear;
use chainrule_core::ops::map::RELU;
use chainrule_core::shape::{Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::cost::{cost, storage};
use chainrule_exec::plan::explain::{Explanation, Kernel, Place};
use chainrule_exec::{Error, Options, Plan, StructuredPlan, Value};
use chainrule_golden::golden_text;

/// Bytes of machine code differ between versions and machines: the table of the interpreter is the one that is kept.
fn options(sizes: &[(&str, i64)]) -> Options {
    let sizes: Sizes = sizes.iter().map(|(name, n)| ((*name).into(), *n)).collect();
    Options { sizes, jit: false, ..Options::default() }
}

/// The gradient of a small network with its loss, by name: `Z = relu(X W) U`, `L = ΣΣ Z²`.
fn network() -> (Graph, Vec<NodeId>) {
    let mut g = Graph::new();
    let x = g.input("X", Type::real(["N", "d"])).unwrap();
    let w = g.input("W", Type::real(["d", "h"])).unwrap();
    let u = g.input("U", Type::real(["h", "k"])).unwrap();
    let a = g.dot(x, w).unwrap();
    g.name(a, "A");
    let q = g.map(&RELU, &[a]).unwrap();
    let z = g.dot(q, u).unwrap();
    g.name(z, "Z");
    let square = g.multiply(z, z).unwrap();
    let loss = g.sum_all(square).unwrap();
    let gradient = g.gradient(loss, &[w, u]).unwrap();
    (g, [vec![loss], gradient].concat())
}

#[test]
fn a_training_step_is_explained() {
    let (g, outputs) = network();
    let options = options(&[("N", 64), ("d", 32), ("h", 48), ("k", 16)]);
    let plan = Plan::<f64>::compile(&g, &outputs, &options).unwrap();
    golden_text!("exec", "explain_network", plan.explain());
}

#[test]
fn every_kind_of_step_is_explained() {
    let mut g = Graph::new();
    let a = g.input("A", Type::real(["n", "n"])).unwrap();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let y = g.input("y", Type::index("m", ["n"])).unwrap();
    let l = g.linear(Linear::Cholesky, &[a]).unwrap();
    let best = g.argmax(x, 0).unwrap();
    let softmax = g.softmax(x, &[0]).unwrap();
    let scattered = g.form("s[j=0..m-1] = sum(i, x[i] * delta(j, y[i]))", &[("x", x), ("y", y)]).unwrap();
    let gram = g.form("G[i,j] = sum(k, A[k,i]*A[k,j])", &[("A", a)]).unwrap();
    let outputs = [l, best, softmax, scattered, gram, x];
    let plan = Plan::<f64>::compile(&g, &outputs, &options(&[("n", 70), ("m", 80)])).unwrap();
    golden_text!("exec", "explain_kinds", plan.explain());
}

#[test]
fn the_factors_of_a_jacobian_are_explained() {
    let mut g = Graph::new();
    let v = g.input("V", Type::real(["m", "n"])).unwrap();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let y = g.dot(v, x).unwrap();
    let z = g.softmax(y, &[0]).unwrap();
    let jacobian = g.jacobian(z, v).unwrap();
    let plan = StructuredPlan::<f64>::compile(&g, jacobian, &options(&[("m", 100), ("n", 200)])).unwrap();
    golden_text!("exec", "explain_factors", plan.explain());
}

/// Two buffers that live at the same time share no byte; what is read was written before.
fn hold(e: &Explanation, reuse: bool) {
    let end = e.steps.len();
    let life = |k: usize| {
        let b = &e.buffers[k];
        b.from.map(|from| (from, b.to.unwrap_or(end)))
    };
    let mut unshared = 0;
    for k in 0..e.buffers.len() {
        let Place::Arena(at) = e.buffers[k].place else { continue };
        let (from, to) = life(k).expect("a temporary is written");
        unshared += e.buffers[k].bytes;
        assert!(at as u128 + e.buffers[k].bytes <= e.arena);
        for other in 0..k {
            let Place::Arena(place) = e.buffers[other].place else { continue };
            let (begin, last) = life(other).expect("a temporary is written");
            let apart = at as u128 + e.buffers[k].bytes <= place as u128
                || place as u128 + e.buffers[other].bytes <= at as u128;
            assert!(apart || to < begin || last < from, "{e}");
        }
    }
    assert!(unshared <= e.unshared && (reuse || e.arena == e.unshared), "{e}");
    for (s, step) in e.steps.iter().enumerate() {
        for &read in &step.reads {
            let buffer = &e.buffers[read];
            let before = matches!(buffer.place, Place::Input | Place::Constant);
            assert!(before || buffer.from.is_some_and(|from| from < s), "{e}");
        }
        let copies = matches!(step.kernel, Kernel::Copy);
        assert_eq!(step.code, None);
        assert!(!copies || step.flops == 0);
    }
}

#[test]
fn lives_of_random_plans_do_not_meet() {
    let mut seen = 0;
    for seed in 0..300 {
        let program = program(seed);
        for reuse in [true, false] {
            let options = Options { sizes: program.sizes.clone(), jit: false, reuse, ..Options::default() };
            let Ok(plan) = Plan::<f32>::compile(&program.graph, &program.outputs, &options) else { continue };
            let explanation = plan.explanation();
            hold(&explanation, reuse);
            let text = explanation.to_string();
            for line in text.lines() {
                assert!(line.len() <= 100 && line.is_ascii(), "{} columns: {line}", line.len());
            }
            seen += 1;
        }
    }
    assert!(seen > 400, "{seen} plans");
}

#[test]
fn operations_are_counted_as_they_are_done() {
    let (g, outputs) = network();
    let plan = |jit| {
        let options = Options { jit, ..options(&[("N", 64), ("d", 32), ("h", 48), ("k", 16)]) };
        Plan::<f64>::compile(&g, &outputs, &options).unwrap().explanation()
    };
    let e = plan(false);
    // Five products of matrices: two forwards, three backwards, because nobody asked for the derivative by X.
    let products: u128 = 2 * (64 * 32 * 48) * 2 + 2 * (64 * 48 * 16) * 3;
    let counted: u128 =
        e.steps.iter().filter(|s| matches!(s.kernel, Kernel::Matrix { .. })).map(|s| s.flops).sum();
    assert_eq!(counted, products);
    // Machine code does the same operations.
    let flops = |e: &Explanation| e.steps.iter().map(|s| (s.flops, s.calls, s.bytes)).collect::<Vec<_>>();
    assert_eq!(flops(&e), flops(&plan(true)));
}

#[test]
fn the_limit_is_compared_with_the_peak() {
    let (g, outputs) = network();
    let options = options(&[("N", 64), ("d", 32), ("h", 48), ("k", 16)]);
    let peak = Plan::<f64>::compile(&g, &outputs, &options).unwrap().explanation().peak();
    let within = |limit| Plan::<f64>::compile(&g, &outputs, &Options { limit, ..options.clone() });
    assert!(within(peak).is_ok());
    let refused = within(peak - 1).err().unwrap();
    assert_eq!(refused, Error::TooLarge { bytes: peak, limit: peak - 1 });
    assert!(refused.to_string().contains(&format!("{peak} bytes")), "{refused}");
}

#[test]
fn sizes_that_no_number_counts_are_refused() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let y = g.input("y", Type::real(["n"])).unwrap();
    let z = g.form("z[i,j,k] = x[i]*y[j]*x[k]", &[("x", x), ("y", y)]).unwrap();
    let refused = Plan::<f64>::compile(&g, &[z], &options(&[("n", 1 << 40)])).err().unwrap();
    assert!(matches!(refused, Error::TooLarge { bytes, limit } if bytes > 1 << 120 && limit == 2 << 30));
}

#[test]
fn timed_runs_answer_the_same_and_say_what_they_took() {
    let (g, outputs) = network();
    let sizes = [("N", 20), ("d", 13), ("h", 14), ("k", 15)];
    let data: Vec<f64> = (0..300).map(|k| f64::from(k % 7) - 3.0).collect();
    let run = |timings| {
        let options = Options { timings, ..options(&sizes) };
        let mut plan = Plan::<f64>::compile(&g, &outputs, &options).unwrap();
        let counts: Vec<usize> = plan.inputs().iter().map(|i| i.shape.iter().product()).collect();
        let mut results: Vec<Vec<f64>> =
            (0..outputs.len()).map(|n| vec![0.0; plan.output_shape(n).iter().product()]).collect();
        for _ in 0..3 {
            let inputs: Vec<Value<'_, f64>> = counts.iter().map(|&n| Value::Real(&data[..n])).collect();
            let mut slots: Vec<&mut [f64]> = results.iter_mut().map(Vec::as_mut_slice).collect();
            plan.run(&inputs, &mut slots).unwrap();
        }
        (results, plan.timings(), plan.explanation())
    };
    let (plain, none, _) = run(false);
    let (timed, timings, explanation) = run(true);
    assert_eq!(plain, timed);
    assert!(none.is_none());
    let timings = timings.unwrap();
    assert_eq!((timings.runs, timings.steps.len()), (3, explanation.steps.len()));
    assert!(timings.steps.iter().all(|s| s.seconds > 0.0) && timings.seconds() > 0.0);
    let text = timings.to_string();
    assert!(text.starts_with("timings: 3 runs, "), "{text}");
    assert!(text.lines().all(|line| line.len() <= 100 && line.is_ascii()), "{text}");
}

/// The factors that a structured plan computes have as many entries as the polynomial says; every size has a number.
#[test]
fn polynomials_say_what_plans_store() {
    let (mut counted, mut smaller) = (0, 0);
    for seed in 0..300 {
        let program = program(seed);
        let all = cost(&program.graph, &program.outputs).unwrap().at(&program.sizes).unwrap();
        assert!(all.flops.is_finite() && all.intermediates.is_finite(), "seed {seed}");
        for &output in &program.outputs {
            let Ok(said) = storage(&program.graph, output) else { continue };
            let options = Options { sizes: program.sizes.clone(), jit: false, ..Options::default() };
            let Ok(plan) = StructuredPlan::<f64>::compile(&program.graph, output, &options) else { continue };
            let at = |p: &chainrule_exec::cost::Polynomial| p.evaluate(&program.sizes).unwrap();
            assert_eq!(at(&said.stored), plan.stored() as f64, "seed {seed}");
            counted += 1;
            smaller += usize::from(at(&said.stored) < at(&said.dense));
        }
    }
    assert!(counted > 200 && smaller > 10, "{counted} outputs, {smaller} of them smaller");
}

/// Nothing of a long program is left out, and nothing of it is walked by recursion.
#[test]
fn long_programs_are_explained_node_by_node() {
    let chain = |length: usize| {
        let mut g = Graph::new();
        let mut y = g.input("x", Type::real([100])).unwrap();
        for _ in 0..length {
            y = g.map(&chainrule_core::ops::map::TANH, &[y]).unwrap();
            g.name(y, &format!("y{}", y.index()));
        }
        (g, y)
    };
    let (g, y) = chain(20_000);
    let counted = cost(&g, &[y]).unwrap();
    assert_eq!((counted.nodes.len(), counted.calls.to_string()), (20_000, "2000000".to_string()));
    let (g, y) = chain(300);
    let plan = Plan::<f64>::compile(&g, &[y], &Options { fuse: false, ..options(&[]) }).unwrap();
    let explanation = plan.explanation();
    assert_eq!((explanation.steps.len(), explanation.calls()), (300, 30_000));
    assert!(plan.explain().contains("y300[100] output"));
}
