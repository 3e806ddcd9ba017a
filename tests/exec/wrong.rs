//! The bound judges: plans with one operation that is slightly wrong are found out.

use crate::judge::{Case, Tally, compile, judge, run};
use crate::programs::{Dice, Program, program};
use chainrule_core::Graph;
use chainrule_core::NodeId;
use chainrule_core::ops::map::{EXP, TANH};
use chainrule_core::rational::Rational;
use chainrule_core::shape::{DType, Sizes, Type};
use chainrule_exec::Options;

/// By how much the wrong operation is off, relatively.
const OFF: (i64, i64) = (1_000_001, 1_000_000);

/// The program with one of its nodes off by a millionth.
fn spoilt(program: &Program, d: &mut Dice) -> Option<Program> {
    let mut graph = program.graph.clone();
    let real = |n: &NodeId| graph.ty(*n).dtype == DType::Real && !graph.is_zero(*n);
    let nodes: Vec<NodeId> = graph.reachable(&program.outputs).into_iter().filter(real).collect();
    let node = if nodes.is_empty() { return None } else { d.pick(&nodes) };
    let off = graph.scale(&Rational::new(OFF.0, OFF.1), node);
    let outputs = graph.substitute(&program.outputs, &[(node, off)]).ok()?;
    Some(Program { graph, outputs, sizes: program.sizes.clone() })
}

#[test]
fn a_product_that_is_off_by_a_millionth_is_found() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let e = g.map(&EXP, &[x]).unwrap();
    let t = g.map(&TANH, &[e]).unwrap();
    let y = g.dot(t, e).unwrap();
    let off = g.scale(&Rational::new(OFF.0, OFF.1), e);
    let wrong = g.substitute(&[y], &[(e, off)]).unwrap();
    let sizes: Sizes = [("n".into(), 67)].into_iter().collect();
    let right = Program { graph: g.clone(), outputs: vec![y], sizes: sizes.clone() };
    let wrong = Program { graph: g, outputs: wrong, sizes };
    let case = Case::<f64>::new(1, right).unwrap();
    assert_eq!(judge(&case.expected, &case.run(1, &Options::default()), &mut Tally::default()), None);
    let found = run(&mut compile(1, &wrong, &Options::default()).unwrap(), &case.data);
    assert!(judge(&case.expected, &found, &mut Tally::default()).is_some());
}

#[test]
fn random_programs_that_are_off_by_a_millionth_are_found() {
    let (mut visible, mut found) = (0, 0);
    for seed in 5_000_000..5_000_400 {
        let Some(case) = Case::<f64>::new(seed, program(seed)) else { continue };
        let Some(wrong) = spoilt(&case.program, &mut Dice(seed)) else { continue };
        let Some(mut plan) = compile::<f64>(seed, &wrong, &Options::default()) else { continue };
        let names = |plan: &chainrule_exec::Plan<f64>| -> Vec<String> {
            plan.inputs().iter().map(|i| i.name.clone()).collect()
        };
        let right = compile::<f64>(seed, &case.program, &Options::default()).expect("compiled before");
        if names(&plan) != names(&right) {
            continue;
        }
        let answers = run(&mut plan, &case.data);
        let truth = case.run(seed, &Options::default());
        // What is wrong with a mask, with the greater of two, with what is multiplied by 0, may be seen nowhere.
        let differs = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-7 * (a.abs() + b.abs());
        let judged = |k: usize| !matches!(case.expected[k], crate::judge::Expected::Straddled(_));
        let seen = (0..truth.len()).any(|k| judged(k) && truth[k].iter().zip(&answers[k]).any(differs));
        if seen {
            visible += 1;
            found += usize::from(judge(&case.expected, &answers, &mut Tally::default()).is_some());
        }
    }
    println!("{found} of {visible} wrong plans found");
    assert!(visible >= 200, "{visible}");
    assert!(found * 100 >= visible * 98, "{found} of {visible}");
}
