//! The homework end to end: every derivation and every number, under golden files and against the reference.

use chainrule::nn::homework::{Section, Zeros, networks};
use chainrule::nn::problems;
use chainrule::report::homework::{array, part_one};
use chainrule::report::{Array, Format, snapshot_block};
use chainrule_core::derive::Derivation;
use chainrule_core::derive::steps::Recorder;
use chainrule_core::render::Printer;
use chainrule_core::{Graph, NodeId};
use chainrule_golden::golden_text;
use std::fmt::Write;

const REFERENCE: &str = include_str!("reference.txt");

fn block(network: usize, format: &str) -> &'static str {
    let (begin, end) = (
        format!("===== BEGIN network {network} [{format}]\n"),
        format!("===== END network {network} [{format}]"),
    );
    let start = REFERENCE.find(&begin).expect("the reference has the block") + begin.len();
    let length = REFERENCE[start..].find(&end).expect("the reference ends the block");
    &REFERENCE[start..start + length]
}

fn arrays(section: &Section) -> Vec<(&str, Array)> {
    section.iter().map(|(key, value)| (key.as_str(), array(value))).collect()
}

fn printed(network: usize, zeros: Zeros, format: Format) -> String {
    let snapshot = networks()[network].snapshot(zeros).expect("the network is well-formed").as_printed();
    let sections = [&snapshot.forward, &snapshot.jacobians, &snapshot.gradients].map(arrays);
    snapshot_block(network, [&sections[0], &sections[1], &sections[2]], format)
}

#[test]
fn the_homeworks_zeros_are_byte_exact() {
    for network in 0..3 {
        for (format, name) in [(Format::ArrayString, "array_string"), (Format::Numpy, "numpy_str")] {
            assert_eq!(
                printed(network, Zeros::Homework, format),
                block(network, name),
                "network {network} {name}"
            );
        }
    }
}

#[test]
fn canonical_zeros_are_value_equal() {
    // Digits may differ in nothing; only the sign of a zero may.
    let plain = |text: &str| {
        text.replace("-0,", "0,").replace("-0)", "0)").replace("-0. ", " 0. ").replace("-0.]", "0.]")
    };
    for network in 0..3 {
        let ours = printed(network, Zeros::Canonical, Format::ArrayString);
        assert!(!ours.contains("-0,") && !ours.contains("-0)"), "network {network}");
        assert_eq!(plain(&ours), plain(block(network, "array_string")), "network {network}");
    }
}

#[test]
fn snapshots_of_the_networks() {
    for network in 0..3 {
        golden_text!(
            "homework",
            &format!("network_{network}"),
            &printed(network, Zeros::Canonical, Format::Numpy)
        );
    }
}

#[test]
fn part_one_derived_and_worked() {
    golden_text!("homework", "part_one", &part_one().expect("the problems are well-formed"));
}

#[test]
fn each_derivation_of_part_one() {
    for problem in problems::all().expect("the problems are well-formed") {
        let mut text = String::new();
        for question in &problem.questions {
            let printer = Printer::new(&problem.graph).names(&question.names);
            let index = printer.index_text(question.node);
            let _ = writeln!(text, "{} : {}\n  {}", question.label, index.head, index);
            let vector = printer.vector_text(question.node).map_or("none".to_string(), |t| t.to_string());
            let _ = writeln!(text, "  vectorised: {vector}\n  latex: {}", printer.index_latex(question.node));
        }
        golden_text!("homework", &format!("derivations_{}", problem.number.replace('.', "_")), &text);
    }
}

#[test]
fn every_primitive_is_listed_from_its_record() {
    golden_text!("homework", "ops", &chainrule::report::ops::text().expect("the records are complete"));
}

/// Every recorded step is re-checked: its entry, evaluated, is the Jacobian of its node by its operand.
#[test]
fn a_wrong_step_would_fail() {
    let problem = problems::all().expect("the problems are well-formed").remove(3);
    let mut graph: Graph = problem.graph.clone();
    let lambda = problem.definitions[3].1;
    let wrt: Vec<NodeId> =
        ["V1", "b1", "V2", "b2", "x"].iter().map(|n| graph.find_input(n).expect("an input")).collect();
    let mut recorder = Recorder::new();
    let mut derivation = Derivation { recorder: Some(&mut recorder), ..Derivation::default() };
    derivation.gradient(&mut graph, lambda, &wrt).expect("the loss is differentiable");
    assert!(recorder.steps.len() >= 10);
    for step in &recorder.steps {
        let local = graph.local_jacobian(step.node, step.operand).expect("a step has a local Jacobian");
        let [entry, local] =
            [step.entry, local].map(|n| graph.evaluate(&[n], &problem.case).expect("evaluates").remove(0));
        assert_eq!(entry, local, "{} by operand {}", step.rule, step.operand);
    }
    let text: String = recorder
        .steps
        .iter()
        .map(|s| {
            let names: Vec<(NodeId, &str)> =
                problem.definitions.iter().map(|(n, node)| (*node, *n)).collect();
            let rewrites: Vec<&str> = s.rewrites.iter().map(|r| r.name()).collect();
            let entry = Printer::new(&graph).names(&names).index_text(s.entry);
            format!("{} by operand {}: {}    [{}]\n", s.rule, s.operand, entry, rewrites.join(", "))
        })
        .collect();
    golden_text!("homework", "steps_of_the_network", &text);
}
