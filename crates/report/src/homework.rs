//! Part 1 of the homework as a page of text: definitions, derived formulas, worked numbers.
//!
//! Every formula is printed from the graph that the rules derived, and every number is evaluated from that graph.

use crate::{Array, array_string};
use chainrule_core::eval::Bindings;
use chainrule_core::render::{Printer, Text};
use chainrule_core::tensor::Value;
use chainrule_core::{NodeId, Result};
use chainrule_nn::problems::{self, Problem, Question};
use std::fmt::Write;

/// Problems 1.1 to 1.5 as text, at most 100 columns where a formula does not need more.
///
/// # Errors
/// None for the problems as they stand.
pub fn part_one() -> Result<String> {
    let mut out = String::from(
        "COMPSCI 371, homework 8, part 1: every formula below is derived from primitive rules\n",
    );
    for problem in problems::all()? {
        write_problem(&mut out, &problem)?;
        match problem.number {
            "1.1" => write_losses_example(&mut out, &problem)?,
            "1.4" => write_network_example(&mut out, &problem)?,
            _ => write_example(&mut out, &problem)?,
        }
    }
    Ok(out)
}

fn write_problem(out: &mut String, problem: &Problem) -> Result<()> {
    let _ = writeln!(out, "\nProblem {}  {}\n", problem.number, problem.title);
    let names: Vec<(NodeId, &str)> = problem.definitions.iter().map(|(n, node)| (*node, *n)).collect();
    for (name, node) in &problem.definitions {
        let printer = Printer::new(&problem.graph).names(&names);
        let left = indexed(name, &printer.free_letters(*node));
        let _ = writeln!(out, "  {left:<18} = {}", printer.index_text(*node));
    }
    for question in &problem.questions {
        out.push('\n');
        write_question(out, problem, question);
    }
    Ok(())
}

fn indexed(name: &str, letters: &[String]) -> String {
    if letters.is_empty() { name.to_string() } else { format!("{name}[{}]", letters.join(",")) }
}

fn write_question(out: &mut String, problem: &Problem, question: &Question) {
    let printer = Printer::new(&problem.graph).names(&question.names);
    let index = printer.index_text(question.node);
    let label = match question.nickname {
        "" => question.label.to_string(),
        nickname => {
            format!("{} = {}", indexed(nickname, &printer.free_letters(question.node)), question.label)
        }
    };
    let _ = writeln!(out, "  {label} : {}", index.head);
    write_text(out, "index", &index);
    if let Some(vector) = printer.vector_text(question.node) {
        write_text(out, "vectorised", &vector);
    }
    write_text(out, "latex", &printer.index_latex(question.node));
    if !question.note.is_empty() {
        let _ = writeln!(out, "    {:<11} {}", "note", question.note);
    }
}

fn write_text(out: &mut String, what: &str, text: &Text) {
    let body = text.to_string().replace('\n', "\n               ");
    let _ = writeln!(out, "    {what:<11} {body}");
}

/// A value of the evaluator as an array of the formatters.
pub fn array(value: &Value<f64>) -> Array {
    match value {
        Value::Real(t) => Array::real(t.shape(), t.data().to_vec()),
        Value::Int(t) => Array::int(t.shape(), t.data().to_vec()),
        Value::Bool(t) => Array::bool(t.shape(), t.data().to_vec()),
    }
}

fn show(problem: &Problem, node: NodeId, at: &Bindings<f64>) -> Result<String> {
    let value = &problem.graph.evaluate(&[node], at)?[0];
    Ok(array_string(&crate::Zeros::Canonical.show(array(value))))
}

fn write_given(out: &mut String, at: &Bindings<f64>, given: &[&str]) {
    let shown: Vec<String> = given
        .iter()
        .filter_map(|name| Some(format!("{name} = {}", array_string(&array(at.get(name)?)))))
        .collect();
    let _ = writeln!(out, "\n  at {}", shown.join(", "));
}

fn write_values(
    out: &mut String,
    problem: &Problem,
    at: &Bindings<f64>,
    lines: &[(&str, NodeId)],
) -> Result<()> {
    for (label, node) in lines {
        let _ = writeln!(out, "    {label:<16} = {}", show(problem, *node, at)?);
    }
    Ok(())
}

fn write_example(out: &mut String, problem: &Problem) -> Result<()> {
    write_given(out, &problem.case, &problem.given);
    let definitions = problem.definitions.iter().map(|(n, node)| (*n, *node));
    let questions = problem.questions.iter().map(|q| (q.label, q.node));
    write_values(out, problem, &problem.case, &definitions.chain(questions).collect::<Vec<_>>())
}

fn write_losses_example(out: &mut String, problem: &Problem) -> Result<()> {
    let at = problems::quadratic_case();
    write_given(out, &at, &["t", "z"]);
    let (l_q, l_h) = (problem.definitions[0].1, problem.definitions[1].1);
    let q = &problem.questions;
    write_values(out, problem, &at, &[("l_q", l_q), (q[0].label, q[0].node), (q[2].label, q[2].node)])?;
    write_given(out, &problem.case, &problem.given);
    write_values(
        out,
        problem,
        &problem.case,
        &[("l_h", l_h), (q[1].label, q[1].node), (q[3].label, q[3].node)],
    )?;
    let (graph, wrong) = problems::misprinted_gradient(problem)?;
    let value = array_string(&array(&graph.evaluate(&[wrong], &problem.case)?[0]));
    let formula = Printer::new(&graph).index_text(wrong);
    let _ = writeln!(
        out,
        "\n    the hand-out prints  {formula}\n    which is {value} there: its numbers are right, its formula is not"
    );
    Ok(())
}

/// Problem 1.5: the chain with the numbers of network 0.
fn write_network_example(out: &mut String, problem: &Problem) -> Result<()> {
    let _ = writeln!(out, "\nProblem 1.5  The chain at network 0");
    write_given(out, &problem.case, &problem.given);
    write_values(out, problem, &problem.case, &problem.definitions)?;
    let mut at = problem.case.clone();
    for question in problem.questions.iter().filter(|q| !q.nickname.is_empty()) {
        let value = problem.graph.evaluate(&[question.node], &at)?.remove(0);
        write_values(out, problem, &at, &[(question.nickname, question.node)])?;
        at.bind(question.nickname, value);
    }
    Ok(())
}
