//! Sums up to a bound run in linear time, forwards and backwards, along any axis, and so do their derivatives.

use crate::judge::{Case, Tally, judge};
use crate::programs::Program;
use chainrule_core::ops::map::EXP;
use chainrule_core::shape::{Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::plan::explain::Kernel;
use chainrule_exec::{Options, Plan, Value};

fn sizes(n: i64) -> Sizes {
    [("n".into(), n), ("m".into(), 3)].into_iter().collect()
}

fn options(n: i64) -> Options {
    Options { sizes: sizes(n), ..Options::default() }
}

/// Names of the running sums that a plan makes.
fn running(plan: &Plan<f64>) -> Vec<&'static str> {
    let steps = plan.explanation().steps;
    let name = |kernel: &Kernel| match kernel {
        Kernel::Whole { name, .. } if name.ends_with("fix sum") => Some(*name),
        _ => None,
    };
    steps.iter().filter_map(|s| name(&s.kernel)).collect()
}

fn form(equation: &str) -> (Graph, NodeId) {
    let mut g = Graph::new();
    let mut operands = Vec::new();
    for (name, ty) in [
        ("a", Type::scalar()),
        ("g", Type::real(["n"])),
        ("h", Type::real(["n"])),
        ("A", Type::real(["m", "n"])),
        ("B", Type::real(["n", "m"])),
        ("C", Type::real(["n", "n"])),
        ("T", Type::real(["m", "n", "m"])),
    ] {
        operands.push((name, g.input(name, ty).unwrap()));
    }
    let y = g.form(equation, &operands).unwrap_or_else(|e| panic!("{equation}: {e}"));
    (g, y)
}

/// What is summed up to a bound, in all the ways that it can be written.
const FORMS: [(&str, &[&str]); 21] = [
    ("y[i=0..n-1] = sum(k, h[k]*[k <= i])", &["prefix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k < i])", &["prefix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k >= i])", &["suffix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k > i])", &["suffix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k <= i + 3])", &["prefix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k + 3 <= i])", &["prefix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k >= i + 2])", &["suffix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k >= i - 2])", &["suffix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]*[k + i < n])*g[i]", &["prefix sum"]),
    ("y[i=0..n-1] = g[i] * sum(k, h[k]^2*g[k]*[k <= i])", &["prefix sum"]),
    ("y[i=0..n-1] = sum(k, h[k]/g[i]*[k < i])", &["prefix sum"]),
    ("y[i=0..n-1] = a * sum(k=0..n-1, [k <= i])", &["prefix sum"]),
    ("y[p,i=0..n-1] = sum(k, A[p,k]*[k <= i])", &["prefix sum"]),
    ("y[i=0..n-1,p] = sum(k, A[p,k]*[k >= i])", &["suffix sum"]),
    ("y[i=0..n-1,p] = sum(k, B[k,p]*g[k]*[k >= i])", &["suffix sum"]),
    ("y[p,i=0..n-1,q] = sum(k, T[p,k,q]*B[i,q]*[k > i])", &["suffix sum"]),
    ("y[i=0..n-1] = sum(j=0..n-1, sum(k, h[k]*[k <= j])*[j <= i])", &["prefix sum", "prefix sum"]),
    ("y[i=0..n-1] = sum(j, g[j]*[j >= i]*sum(k, h[k]*[k <= j]))", &["prefix sum", "suffix sum"]),
    ("y = sum(i, sum(k, g[i]*h[k]*[k < i]))", &["prefix sum"]),
    ("y[i=0..n-1,k=0..n-1] = sum(j=0..n-1, [j <= i]*[k <= j])", &["prefix sum"]),
    ("y[p] = sum(i, sum(k, A[p,k]*g[k]*h[i]*[k <= i]))", &["suffix sum"]),
];

#[test]
fn sums_up_to_a_bound_are_running_sums() {
    let mut tally = Tally::default();
    for (equation, expected) in FORMS {
        let (graph, y) = form(equation);
        // The fixed number of entries that makes the work large enough is beside the point here.
        let plan = Plan::<f64>::compile(&graph, &[y], &options(257)).unwrap();
        let mut found = running(&plan);
        found.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{equation}\n{}", plan.explain());
        for (seed, n) in [(1, 257), (2, 80), (3, 67), (4, 17), (5, 16), (6, 1), (7, 0), (8, 130), (9, 66)] {
            let program = Program { graph: graph.clone(), outputs: vec![y], sizes: sizes(n) };
            let case = Case::<f64>::new(seed, program).expect("a value");
            for (fuse, jit) in [(true, true), (false, false)] {
                let found = case.run(seed, &Options { fuse, jit, ..Options::default() });
                assert_eq!(
                    judge(&case.expected, &found, &mut tally),
                    None,
                    "{equation}, {}",
                    case.text(seed)
                );
            }
        }
    }
    assert!(tally.tight > 10_000 && tally.judged > 100 * tally.undecided, "{tally:?}");
}

/// What depends on the bound in another way is no running sum, and neither is a window: differences of running sums
/// would lose the small ones.
#[test]
fn other_sums_are_left_alone() {
    for equation in [
        "y[i=0..n-1] = sum(k, C[i,k]*h[k]*[k <= i])",
        "y[i=0..n-1] = sum(k, h[k]*[k <= i]*[k >= i - 20])",
        "y[p] = sum(k, A[p,k]*[k <= 40])",
        "y[i=0..n-1] = sum(k, h[k]*[2*k <= i])",
    ] {
        let (graph, y) = form(equation);
        let plan = Plan::<f64>::compile(&graph, &[y], &options(257)).unwrap();
        assert_eq!(running(&plan), [""; 0], "{equation}");
        let case = Case::<f64>::new(1, Program { graph, outputs: vec![y], sizes: sizes(257) }).unwrap();
        let found = case.run(1, &Options::default());
        assert_eq!(judge(&case.expected, &found, &mut Tally::default()), None, "{equation}");
    }
}

/// Where no term is in the sum nothing is multiplied: an infinite factor there leaves 0.
#[test]
fn an_empty_sum_is_nothing_whatever_it_is_multiplied_by() {
    let (graph, y) = form("y[i=0..n-1] = g[i] * sum(k, h[k]*[k < i])");
    let mut plan = Plan::<f64>::compile(&graph, &[y], &options(100)).unwrap();
    let (mut g, h) = (vec![1.0; 100], vec![1.0; 100]);
    g[0] = f64::INFINITY;
    let mut out = vec![f64::NAN; 100];
    plan.run(&[Value::Real(&g), Value::Real(&h)], &mut [&mut out]).unwrap();
    assert_eq!(out, (0..100).map(f64::from).collect::<Vec<_>>());
}

/// `Σ v exp(cumsum(cumsum(x)))`, its derivatives, and a loss between distribution functions.
fn losses(g: &mut Graph) -> [NodeId; 6] {
    let (x, v) = (g.input("x", Type::real(["n"])).unwrap(), g.input("v", Type::real(["n"])).unwrap());
    let (once, target) = (g.cumsum(x, 0).unwrap(), g.cumsum(v, 0).unwrap());
    let twice = g.cumsum(once, 0).unwrap();
    let e = g.map(&EXP, &[twice]).unwrap();
    let weighted = g.multiply(e, v).unwrap();
    let loss = g.sum_all(weighted).unwrap();
    let difference = g.form("y[i] = F[i] - G[i]", &[("F", once), ("G", target)]).unwrap();
    let squares = g.multiply(difference, difference).unwrap();
    let distance = g.sum_all(squares).unwrap();
    let gradient = g.gradient(loss, &[x]).unwrap()[0];
    let product = g.hvp(loss, x, v).unwrap();
    let other = g.gradient(distance, &[x, v]).unwrap();
    let forward = g.jvp(loss, &[x], &[v]).unwrap();
    [loss, gradient, product, forward, other[0], other[1]]
}

#[test]
fn derivatives_of_running_sums_are_running_sums() {
    let mut graph = Graph::new();
    let outputs = losses(&mut graph).to_vec();
    let plan = |n: i64| Plan::<f64>::compile(&graph, &outputs, &options(n)).unwrap();
    // Twice the size, twice the work.
    let [small, large] = [10_000, 20_000].map(|n| plan(n).explanation().flops());
    assert!(large <= 2 * small && large < 60 * 20_000, "{small} {large}");
    let mut tally = Tally::default();
    for n in [100, 33] {
        let program = Program { graph: graph.clone(), outputs: outputs.clone(), sizes: sizes(n) };
        let case = Case::<f64>::new(5, program).expect("values");
        let found = case.run(5, &Options::default());
        assert_eq!(judge(&case.expected, &found, &mut tally), None, "{}", case.text(5));
    }
    assert!(tally.judged > 0);
}

/// A million entries: the double loop would take hours. Whole numbers add exactly, so the answer is the loop's to the bit.
#[test]
fn a_million_entries_take_one_pass() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let y = g.cumsum(x, 0).unwrap();
    let squares = g.multiply(y, y).unwrap();
    let loss = g.sum_all(squares).unwrap();
    let gradient = g.gradient(loss, &[x]).unwrap()[0];
    let n = 1_000_000;
    let mut plan = Plan::<f64>::compile(&g, &[y, gradient], &options(n)).unwrap();
    assert_eq!(plan.explanation().flops(), 3 * n as u128);
    let data: Vec<f64> = (0..n).map(|k| (k * 7 % 11 - 5) as f64).collect();
    let (mut sums, mut slopes) = (vec![0.0; n as usize], vec![0.0; n as usize]);
    plan.run(&[Value::Real(&data)], &mut [&mut sums, &mut slopes]).unwrap();
    let mut total = 0.0;
    for (x, sum) in data.iter().zip(&sums) {
        total += x;
        assert_eq!(*sum, total);
    }
    let mut total = 0.0;
    for (sum, slope) in sums.iter().zip(&slopes).rev() {
        total += 2.0 * sum;
        assert_eq!(*slope, total);
    }
}
