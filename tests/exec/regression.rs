//! Programs that plans once got wrong, each named by what it was.

use crate::judge::{Case, Tally, judge};
use crate::programs::Program;
use chainrule_core::shape::{Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::Options;

/// Judges a program at some sizes, and counts the entries that were compared.
fn right(make: impl Fn(&mut Graph) -> NodeId, sizes: &[(&str, i64)]) -> usize {
    let mut graph = Graph::new();
    let output = make(&mut graph);
    let sizes: Sizes = sizes.iter().map(|(name, n)| ((*name).into(), *n)).collect();
    let case =
        Case::<f64>::new(3, Program { graph, outputs: vec![output], sizes }).expect("a plan and a value");
    let mut tally = Tally::default();
    for jit in [true, false] {
        let found = case.run(3, &Options { jit, ..Options::default() });
        assert_eq!(judge(&case.expected, &found, &mut tally), None, "{}", case.text(3));
    }
    tally.judged
}

/// `t[i - m]` is read in a delta, and only another condition says `i >= m`: plans refused the read. With `m = 0` there is
/// no label at all, and loops that do run must not read one.
#[test]
fn a_label_in_a_condition_that_another_condition_protects() {
    let make = |g: &mut Graph| {
        let a = g.input("A", Type::real(["m", "n"])).unwrap();
        let b = g.input("B", Type::real(["n", "n"])).unwrap();
        let t = g.input("t", Type::index("n", ["m"])).unwrap();
        let hot = g.one_hot(t, &"n".into()).unwrap();
        let rows = g.gather(b, t).unwrap();
        let parts = [a, hot, b, rows];
        g.concat(&parts, 0).unwrap()
    };
    for (m, n) in [(2, 3), (0, 3), (1, 1), (8, 5), (19, 67)] {
        assert_eq!(right(make, &[("m", m), ("n", n)]) as i64, 2 * (3 * m + n) * n);
    }
}

/// The same where a sum runs over the concatenation: terms outside of the labels are absent, not those of the nearest one.
#[test]
fn a_label_outside_of_its_array_is_no_label() {
    let make = |g: &mut Graph| {
        let x = g.input("x", Type::real(["n"])).unwrap();
        let t = g.input("t", Type::index("n", ["m"])).unwrap();
        let hot = g.one_hot(t, &"n".into()).unwrap();
        let padded = g.pad(hot, 0, &2.into(), &3.into()).unwrap();
        g.dot(padded, x).unwrap()
    };
    for (m, n) in [(2, 3), (0, 2), (1, 1), (13, 8), (67, 19)] {
        assert_eq!(right(make, &[("m", m), ("n", n)]) as i64, 2 * (m + 5));
    }
}

/// After the loop the interpreter asked the first lane of a maximum whether it is no number, and took the answer for all.
#[test]
fn a_maximum_that_is_no_number_in_any_lane() {
    let mut graph = Graph::new();
    let x = graph.input("x", Type::real([253])).unwrap();
    let y = graph.reduce(chainrule_core::graph::op::Reduction::Max, x, 0).unwrap();
    for jit in [true, false] {
        let options = Options { jit, ..Options::default() };
        let mut plan = chainrule_exec::Plan::<f64>::compile(&graph, &[y], &options).unwrap();
        for lane in 0..8 {
            let mut entries = [f64::INFINITY; 253];
            entries[64 + lane] = f64::NAN;
            let mut out = [0.0];
            plan.run(&[chainrule_exec::Value::Real(&entries)], &mut [&mut out]).unwrap();
            assert!(out[0].is_nan(), "{} in lane {lane}, jit {jit}", out[0]);
        }
    }
}
