//! Steps that pass much to each other along an axis run block by block of it, and answer what they answer otherwise.

use crate::judge::{Case, Tally, bits_differ, compile, judge};
use crate::programs::{Dice, Program, derivatives, program};
use crate::random::count;
use chainrule_core::graph::op::Reduction;
use chainrule_core::ops::map::{EXP, SIN, TANH};
use chainrule_core::shape::{Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::lane::Number;
use chainrule_exec::plan::explain::Kernel;
use chainrule_exec::{Options, Plan};

/// Positions of a block and number of blocks, for each strip of a plan.
fn strips<S: Number>(plan: &Plan<S>) -> Vec<(usize, usize)> {
    let of = |kernel: &Kernel| match kernel {
        Kernel::Strip { length, blocks, .. } => Some((*length, *blocks)),
        _ => None,
    };
    plan.explanation().steps.iter().filter_map(|s| of(&s.kernel)).collect()
}

/// A program over points `i`: each node has rows of `m` numbers for the points, one number for each, or is a sum over
/// them; all are outputs or on the way to one.
fn points(seed: u64) -> Program {
    let d = &mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut g = Graph::new();
    let x = g.input("X", Type::real(["n", "m"])).expect("a declaration");
    let w = g.input("W", Type::real(["m", "m"])).expect("a declaration");
    let c = g.input("c", Type::real(["m"])).expect("a declaration");
    let z = g.input("Z", Type::real(["m", "n"])).expect("a declaration");
    let p = g.input("p", Type::boolean(["n"])).expect("a declaration");
    let turned = g.form("y[i,r] = z[r,i]", &[("z", z)]).expect("a view");
    // Zero above the diagonal.
    let l = g.form("y[r,s] = w[r,s]*[s < r] + c[r]*[r == s]", &[("w", w), ("c", c)]).expect("a triangle");
    let (mut rows, mut numbers, mut sums) = (vec![x, turned], Vec::<NodeId>::new(), Vec::<NodeId>::new());
    for _ in 0..4 + d.below(7) {
        let (a, b) = (d.pick(&rows), d.pick(&rows));
        let made = match d.below(12) {
            0 => g.form("y[i,r] = sum(s, a[i,s]*w[r,s])", &[("a", a), ("w", w)]),
            1 => g.form("y[i,r] = sum(s, a[i,s]*l[r,s])", &[("a", a), ("l", l)]),
            2 => g.form("y[i,r] = a[i,r] - c[r]", &[("a", a), ("c", c)]),
            3 => g.map(&TANH, &[a]),
            4 => g.multiply(a, b),
            5 => g.form("y[i,r] = a[i,r]*[p[i]]", &[("a", a), ("p", p)]),
            6 | 7 if !numbers.is_empty() => {
                let s = d.pick(&numbers);
                g.form("y[i,r] = a[i,r]*s[i]", &[("a", a), ("s", s)])
            }
            8 if !sums.is_empty() => {
                // Known after the last point, and read by points again.
                let s = d.pick(&sums);
                match g.shape(s).len() {
                    1 => g.form("y[i,r] = a[i,r] + s[r]", &[("a", a), ("s", s)]),
                    _ => g.form("y[i,r] = sum(q, a[i,q]*s[q,r])", &[("a", a), ("s", s)]),
                }
            }
            9 => g.form("y[i,r=0..m-1] = a[i,m-1-r]", &[("a", a)]),
            _ => g.map(&SIN, &[a]),
        };
        rows.push(made.expect("a node"));
        let a = d.pick(&rows);
        let number = match d.below(8) {
            0 => g.logsumexp(a, &[1]),
            1 => g.form("y[i] = sum(r, a[i,r]^2)", &[("a", a)]),
            2 => g.reduce(Reduction::Max, a, 1),
            3 => g.form("y[i=0..n-1] = a[n-1-i,0]", &[("a", a)]),
            _ => continue,
        };
        let number = number.expect("a node");
        numbers.push(if d.below(2) == 0 { number } else { g.map(&SIN, &[number]).expect("a node") });
        let s = d.pick(&numbers);
        let sum = match d.below(6) {
            0 => g.form("y[r] = sum(i, a[i,r]*s[i])", &[("a", a), ("s", s)]),
            1 => g.form("y[q,r] = sum(i, a[i,q]*b[i,r])", &[("a", a), ("b", b)]),
            2 => g.reduce(Reduction::Max, a, 0),
            3 => g.form("y[r] = sum(i, a[i,r]*[p[i]])", &[("a", a), ("p", p)]),
            _ => continue,
        };
        sums.push(sum.expect("a node"));
    }
    // Of squares only the lower half is read.
    let read = sums.into_iter().map(|s| match g.shape(s).len() {
        2 if d.below(2) == 0 => g.form("y[r] = sum(q, s[q,r]*[q <= r])", &[("s", s)]).expect("a sum"),
        _ => s,
    });
    let mut outputs: Vec<NodeId> = read.collect();
    outputs.extend(rows.last());
    outputs.extend(numbers.last());
    let last = g.form("y = sum(i, sum(r, a[i,r]))", &[("a", d.pick(&rows))]).expect("a sum");
    outputs.push(last);
    let sizes: Sizes =
        [("n".into(), 100 + d.below(160) as i64), ("m".into(), d.pick(&[3, 9, 14, 14, 14, 20]))].into();
    Program { graph: g, outputs, sizes }
}

/// Judges a program on all settings; whether its plan has strips.
fn agrees<S: Number>(seed: u64, program: Program, cache: usize, tally: &mut Tally) -> bool {
    let options = Options { cache, ..Options::default() };
    let Some(plan) = compile::<S>(seed, &program, &options) else { return false };
    let Some(case) = Case::<S>::new(seed, program) else { return false };
    let found = case.run(seed, &options);
    assert_eq!(judge(&case.expected, &found, tally), None, "{}", case.text(seed));
    for (threads, reuse, jit) in [(1, true, false), (2, true, true), (3, false, true), (8, true, false)] {
        let other = case.run(seed, &Options { threads, reuse, jit, ..options.clone() });
        let difference = bits_differ(&found, &other);
        assert_eq!(difference, None, "{threads} threads, reuse {reuse}, jit {jit}\n{}", case.text(seed));
    }
    !strips(&plan).is_empty()
}

#[test]
fn random_points_agree_in_blocks() {
    let (mut met, mut tally) = (0, Tally::default());
    let seeds = count() / 10;
    for seed in 0..seeds {
        met += u64::from(agrees::<f64>(seed, points(seed), 16 << 10, &mut tally));
        met += u64::from(agrees::<f32>(seed, points(seed), 8 << 10, &mut tally));
    }
    println!("{met} plans with strips: {tally:?}");
    assert!(met > seeds / 10, "{met} of {seeds} seeds met a strip, in one precision or the other");
}

#[test]
fn random_programs_agree_in_blocks() {
    let (mut met, mut tally) = (0, Tally::default());
    for seed in 0..count() / 2 {
        met += usize::from(agrees::<f64>(seed, program(seed), 512, &mut tally));
        met += usize::from(agrees::<f64>(seed, derivatives(seed), 512, &mut tally));
    }
    println!("{met} plans with strips: {tally:?}");
    assert!(met > 0);
}

/// `Σ_i log Σ_k exp(s[k,i])` with `s[k,i] = -|L[k] (x[i] - u[k])|²`, and its gradient.
fn mixture(n: i64) -> Program {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n", "m"])).unwrap();
    let u = g.input("u", Type::real(["k", "m"])).unwrap();
    let l = g.input("L", Type::real(["k", "m", "m"])).unwrap();
    let q = g.form("q[k,i,r] = sum(c, L[k,r,c]*(x[i,c] - u[k,c]))", &[("L", l), ("x", x), ("u", u)]).unwrap();
    let s = g.form("s[k,i] = 0 - sum(r, q[k,i,r]^2)", &[("q", q)]).unwrap();
    let e = g.logsumexp(s, &[0]).unwrap();
    let value = g.form("y = sum(i, e[i])", &[("e", e)]).unwrap();
    let mut outputs = vec![value];
    outputs.extend(g.gradient(value, &[u, l]).unwrap());
    Program { graph: g, outputs, sizes: [("n".into(), n), ("m".into(), 14), ("k".into(), 3)].into() }
}

#[test]
fn a_mixture_keeps_points_in_the_cache() {
    let mut tally = Tally::default();
    // Blocks of one length, and one that is left over.
    for n in [320, 333] {
        let options = Options { cache: 64 << 10, ..Options::default() };
        let plan = compile::<f64>(3, &mixture(n), &options).unwrap();
        let [(length, blocks)] = strips(&plan)[..] else { panic!("one strip\n{}", plan.explain()) };
        assert!(length * blocks >= n as usize && length * (blocks - 1) < n as usize);
        let whole = compile::<f64>(3, &mixture(n), &Options::default()).unwrap();
        assert!(strips(&whole).is_empty());
        let (peak, before) = (plan.explanation().peak(), whole.explanation().peak());
        assert!(peak * 2 < before, "{peak} bytes in blocks, {before} as a whole");
        assert!(agrees::<f64>(3, mixture(n), options.cache, &mut tally));
        assert!(agrees::<f32>(3, mixture(n), options.cache / 2, &mut tally));
    }
    assert!(tally.judged > 0);
}

#[test]
fn what_reads_neighbours_or_comes_after_a_sum_is_no_part_of_a_strip() {
    let plan = |form: &str| {
        let mut g = Graph::new();
        let x = g.input("x", Type::real(["n", "m"])).unwrap();
        let e = g.map(&EXP, &[x]).unwrap();
        let s = g.logsumexp(e, &[1]).unwrap();
        let y = g.form(form, &[("e", e), ("s", s)]).unwrap();
        let sizes = [("n".into(), 400), ("m".into(), 100)].into();
        let program = Program { graph: g, outputs: vec![y], sizes };
        let plan = compile::<f64>(5, &program, &Options { cache: 16 << 10, ..Options::default() }).unwrap();
        strips(&plan).len()
    };
    assert_eq!(plan("y[i,r] = e[i,r]*s[i]"), 1);
    assert_eq!(plan("y[i,r] = e[n-1-i,r]*s[i]"), 0);
    assert_eq!(plan("y[i] = sum(r, e[i,r]*[r <= i])*s[i]"), 0);
}
