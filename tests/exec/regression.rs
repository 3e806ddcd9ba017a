//! Programs that plans once got wrong, each named by what it was.

use crate::judge::{Case, Data, Tally, expected, judge};
use crate::programs::Program;
use chainrule_core::shape::{DType, Dim, Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::lane::Number;
use chainrule_exec::plan::explain::Kernel;
use chainrule_exec::{Options, Plan};

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

/// A scatter without terms left what another step had written in its memory.
#[test]
fn a_scatter_of_nothing_is_zero() {
    let text = "chainrule-graph 1
%0 : real[m,n] = input \"A\"
%1 : real[n,n] = input \"C\"
%2 : index[n][m] = input \"t\"
%3 : real[n,n] = map exp %1
%4 : real[m,n] = contract [m,n|] %3[%2[#0],#1]
%5 : bool[m,n] = compare > %4 %0
%6 : real[m,n] = select %5 %4 %0
%7 : real[] = contract [|n,m] %6[#1,#0]
%8 : real[n,n] = contract [n,n|m] where zero(#0+-1*%2[#2]) holds %5[#2,#1]
%9 : real[n,n] = map tanh %1
%10 : real[n,n] = contract [n,n|] %9[#0,#1] %8[#0,#1]
output %7
output %10
";
    for (m, n) in [(0, 3), (0, 257), (2, 5), (7, 33)] {
        let (graph, outputs) = Graph::from_text(text).unwrap();
        let sizes: Sizes = [("m".into(), m), ("n".into(), n)].into();
        let case = Case::<f64>::new(3, Program { graph, outputs, sizes }).unwrap();
        let found = case.run(3, &Options::default());
        assert_eq!(judge(&case.expected, &found, &mut Tally::default()), None, "{}", case.text(3));
    }
}

/// What no term reads may be anything: a condition that a product finds written into a factor, as a zero, met an infinity
/// there and made NaN of an absent term.
#[test]
fn an_absent_term_is_no_product_with_infinity() {
    let forms = [
        // Above the diagonal, for rows of a batch, and both at once; a row without terms, with a bias.
        "y[i,j] = sum(k, a[i,k]*b[k,j]*[k <= i])",
        "y[i,j] = sum(k, a[i,k]*b[k,j]*[p[i,k]])",
        "y[i,j] = sum(k, a[i,k]*b[k,j]*s[k]*[k <= i]*[p[i,k]])",
        "y[i,j] = c[i,j] - 2*sum(k, a[i,k]*b[k,j]*[k <= i - 1]*[p[i,k]])",
        "y[j,i] = sum(k, a[i,k]*b[k,j]*[k <= i])",
        "y[i] = sum(j, sum(k, a[i,k]*b[k,j]*[k <= i])^2)",
        // Steps that share blocks of `j`, which a factor from outside of the blocks does not have.
        "y[j] = sin(sum(i, sum(k, a[i,k]*b[k,j]*[p[i,k]])^2))",
    ];
    let mut in_blocks = false;
    for form in forms {
        for (m, k, n) in
            [(16, 16, 40), (20, 20, 200), (40, 40, 14), (30, 20, 1200), (130, 70, 33), (3, 64, 100)]
        {
            in_blocks |= absent::<f64>(form, [m, k, n]);
            in_blocks |= absent::<f32>(form, [m, k, n]);
        }
    }
    assert!(in_blocks, "no plan has a product in blocks");
}

/// The entries of `b` that row `i` of the answer is not made of are infinite or NaN for it, and the answer is that of the
/// slow evaluator. Whether a plan ran block by block.
fn absent<S: Number>(form: &str, [m, k, n]: [usize; 3]) -> bool {
    let mut graph = Graph::new();
    let shapes = [("a", vec![m, k]), ("b", vec![k, n]), ("c", vec![m, n]), ("s", vec![k])];
    for (name, shape) in &shapes {
        graph.input(name, Type::real(shape.iter().map(|&d| d as i64))).unwrap();
    }
    let shape: [Dim; 2] = [m, k].map(|d| Dim::fixed(d as i64));
    graph.input("p", Type { dtype: DType::Bool, shape: shape.into(), below: None }).unwrap();
    let output = graph.form(form, &[]).unwrap();
    let program = Program { graph, outputs: vec![output], sizes: Sizes::new() };
    let mut case = Case::<S>::new(1, program).expect("a plan and a value");
    let plan = Plan::<S>::compile(&case.program.graph, &case.program.outputs, &Options::default()).unwrap();
    let at = |name: &str| plan.inputs().iter().position(|input| &*input.name == name);
    let present = match at("p").map(|p| &case.data[p]) {
        Some(Data::Bool(p)) => (0..k).map(|t| (0..m).all(|i| p[i * k + t] && t < i)).collect(),
        _ => vec![false; k],
    };
    let Data::Real(b) = &mut case.data[at("b").expect("an input")] else { panic!("numbers") };
    for (t, row) in b.chunks_mut(n).enumerate().filter(|(t, _)| !present[*t] && t % 3 == 1) {
        row[t % n] = S::of([f64::INFINITY, f64::NAN, f64::NEG_INFINITY][t % 7 % 3]);
    }
    case.expected = expected(&case.program, plan.inputs(), &case.data).expect("a value");
    let mut in_blocks = false;
    for options in [
        Options::default(),
        Options { threads: 2, ..Options::default() },
        Options { jit: false, fuse: false, ..Options::default() },
        Options { cache: 4096, ..Options::default() },
        Options { cache: 32768, ..Options::default() },
    ] {
        let plan = Plan::<S>::compile(&case.program.graph, &case.program.outputs, &options).unwrap();
        in_blocks |= plan.explanation().steps.iter().any(|s| matches!(s.kernel, Kernel::Strip { .. }));
        let found = case.run(1, &options);
        let mut tally = Tally::default();
        assert_eq!(judge(&case.expected, &found, &mut tally), None, "{form} {m} {k} {n}");
        assert!(tally.exact + tally.tight > 0, "{form}: {tally:?}");
    }
    in_blocks
}
