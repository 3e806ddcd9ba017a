//! Loops are shared among threads in blocks, and every number of threads answers the same bits.

use crate::judge::{Case, Tally, bits_differ, compile, judge};
use crate::programs::Program;
use chainrule_core::graph::op::Reduction;
use chainrule_core::ops::map::{EXP, SIN};
use chainrule_core::shape::{Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::lane::Number;
use chainrule_exec::plan::explain::Kernel;
use chainrule_exec::{Error, Options, Plan};

/// Blocks of the steps of a plan.
fn blocks<S: Number>(program: &Program, threads: usize) -> Vec<usize> {
    let plan = compile::<S>(0, program, &Options { threads, ..Options::default() }).expect("a plan");
    let of = |kernel: &Kernel| match kernel {
        Kernel::Loops { blocks, .. } => *blocks,
        _ => 1,
    };
    plan.explanation().steps.iter().map(|s| of(&s.kernel)).collect()
}

/// Judges a program, compares its bits on threads, and says in how many blocks its steps run on one and on two.
fn same<S: Number>(make: impl Fn(&mut Graph) -> NodeId, sizes: &[(&str, i64)]) -> [usize; 2] {
    let mut graph = Graph::new();
    let output = make(&mut graph);
    let sizes: Sizes = sizes.iter().map(|(name, n)| ((*name).into(), *n)).collect();
    let program = Program { graph, outputs: vec![output], sizes };
    let most = [1, 2].map(|threads| blocks::<S>(&program, threads).into_iter().max().unwrap_or(1));
    // A seed whose values are all numbers.
    let case = Case::<S>::new(4, program).expect("a plan and a value");
    let mut tally = Tally::default();
    let alone = case.run(4, &Options::default());
    assert_eq!(judge(&case.expected, &alone, &mut tally), None);
    assert!(tally.judged + tally.straddled > 0, "{tally:?}");
    for jit in [true, false] {
        for threads in [1, 2, 3, 4, 8] {
            let other = case.run(4, &Options { threads, jit, ..Options::default() });
            assert_eq!(bits_differ(&alone, &other), None, "{threads} threads, jit {jit}");
        }
    }
    most
}

fn cut_on_two([one, two]: [usize; 2]) {
    assert!(one == 1 && two > 1, "{one} blocks on one thread, {two} on two");
}

fn cut_always([one, two]: [usize; 2]) {
    assert!(one == two && two > 1, "{one} blocks on one thread, {two} on two");
}

fn vector(g: &mut Graph, name: &str) -> NodeId {
    g.input(name, Type::real(["n"])).unwrap()
}

fn matrix(g: &mut Graph) -> NodeId {
    g.input("A", Type::real(["m", "n"])).unwrap()
}

#[test]
fn what_is_not_summed_is_cut_on_several_threads_only() {
    let waves = |g: &mut Graph| {
        let x = vector(g, "x");
        let e = g.map(&SIN, &[x]).unwrap();
        g.multiply(e, x).unwrap()
    };
    cut_on_two(same::<f64>(waves, &[("n", 40_000)]));
    // One that no block of whole registers divides: the last block is shorter.
    cut_on_two(same::<f64>(waves, &[("n", 40_009)]));
    cut_on_two(same::<f32>(waves, &[("n", 48_000)]));
    assert_eq!(same::<f64>(waves, &[("n", 400)]), [1, 1]);
    let rows = |g: &mut Graph| {
        let a = matrix(g);
        let e = g.map(&EXP, &[a]).unwrap();
        g.form("y[p] = sum(i, E[p,i]^2)", &[("E", e)]).unwrap()
    };
    cut_on_two(same::<f64>(rows, &[("m", 100), ("n", 700)]));
    cut_on_two(same::<f64>(rows, &[("m", 70), ("n", 1000)]));
}

#[test]
fn sums_over_the_outermost_loop_are_summed_by_blocks_on_one_thread_too() {
    let total = |g: &mut Graph| {
        let x = vector(g, "x");
        let e = g.map(&SIN, &[x]).unwrap();
        g.form("y = sum(i, e[i]*x[i])", &[("e", e), ("x", x)]).unwrap()
    };
    cut_always(same::<f64>(total, &[("n", 60_000)]));
    cut_always(same::<f64>(total, &[("n", 61_003)]));
    cut_always(same::<f32>(total, &[("n", 90_001)]));
    let columns = |g: &mut Graph| {
        let a = matrix(g);
        let e = g.map(&EXP, &[a]).unwrap();
        g.form("y[i] = sum(p, E[p,i]^3)", &[("E", e)]).unwrap()
    };
    // Nothing is summed over the inner loop, so that is the one to cut.
    cut_on_two(same::<f64>(columns, &[("m", 3000), ("n", 70)]));
    let all = |g: &mut Graph| {
        let a = matrix(g);
        let e = g.map(&EXP, &[a]).unwrap();
        g.form("y = sum(p, sum(i, E[p,i]^3))", &[("E", e)]).unwrap()
    };
    cut_always(same::<f64>(all, &[("m", 300), ("n", 170)]));
    let three = |g: &mut Graph| {
        let (x, b) = (vector(g, "x"), g.input("B", Type::real(["n", "m"])).unwrap());
        let e = g.map(&SIN, &[x]).unwrap();
        g.form("y[q] = sum(i, e[i]*B[i,q])", &[("e", e), ("B", b)]).unwrap()
    };
    cut_always(same::<f64>(three, &[("m", 3), ("n", 40_000)]));
    let largest = |g: &mut Graph| {
        let x = vector(g, "x");
        let e = g.map(&SIN, &[x]).unwrap();
        g.reduce(Reduction::Max, e, 0).unwrap()
    };
    cut_always(same::<f64>(largest, &[("n", 70_000)]));
}

#[test]
fn terms_that_labels_place_are_added_by_blocks() {
    let counts = |g: &mut Graph| {
        let x = vector(g, "x");
        let t = g.input("t", Type::index(20, ["n"])).unwrap();
        g.scatter_add(x, t, &20.into()).unwrap()
    };
    cut_always(same::<f64>(counts, &[("n", 60_000)]));
}

/// Memory of blocks is memory of the plan: it is in the peak, and the limit is compared with it.
#[test]
fn memory_of_blocks_counts() {
    let mut graph = Graph::new();
    let x = vector(&mut graph, "x");
    let t = graph.input("t", Type::index(20, ["n"])).unwrap();
    let y = graph.scatter_add(x, t, &20.into()).unwrap();
    let options =
        |limit| Options { limit, sizes: [("n".into(), 60_000)].into_iter().collect(), ..Options::default() };
    let plan = Plan::<f64>::compile(&graph, &[y], &options(2 << 30)).unwrap();
    let peak = plan.explanation().peak();
    assert!(peak > 20 * 8, "{peak}");
    assert!(Plan::<f64>::compile(&graph, &[y], &options(peak)).is_ok());
    let refused = Plan::<f64>::compile(&graph, &[y], &options(peak - 1)).err();
    assert_eq!(refused, Some(Error::TooLarge { bytes: peak, limit: peak - 1 }));
}
