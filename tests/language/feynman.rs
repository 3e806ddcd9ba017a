//! 100 formulas of physics as programs of the language: value, gradient and Hessian against 50-digit references.

use super::claims::{patient, program};
use chainrule_lang::judge::Outcome;
use serde_json::Value;
use std::fmt::Write;

/// Relative to the largest entry of the value, gradient or Hessian.
const TOLERANCE: f64 = 1e-10;

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

/// `d` marks derivatives, so a distance of that name is spelled out.
fn name(variable: &str) -> String {
    if variable == "d" { "distance".to_string() } else { variable.to_string() }
}

fn renamed(formula: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in formula.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            out += &name(&std::mem::take(&mut word));
            out.push(c);
        }
    }
    out.trim_end().to_string()
}

/// The record as a program: declarations, the formula, its point, and an expectation for each number.
fn written(record: &Value) -> String {
    let variables: Vec<String> =
        record["vars"].as_array().unwrap().iter().map(|v| name(v.as_str().unwrap())).collect();
    let (point, gradient, hessian) =
        (numbers(&record["point"]), numbers(&record["grad"]), numbers(&record["hessian"]));
    let n = variables.len();
    assert_eq!((point.len(), gradient.len(), hessian.len()), (n, n, n * n));
    let mut text = format!("# {}\n", record["source"].as_str().unwrap());
    for variable in &variables {
        writeln!(text, "var {variable} : real").unwrap();
    }
    writeln!(text, "def f = {}", renamed(record["formula"].as_str().unwrap())).unwrap();
    let values: Vec<String> = variables.iter().zip(&point).map(|(v, x)| format!("{v} = {x:e}")).collect();
    writeln!(text, "case P {{ {} }}", values.join("; ")).unwrap();
    writeln!(text, "expect P: f = {:e}", record["value"].as_f64().unwrap()).unwrap();
    for (x, value) in variables.iter().zip(&gradient) {
        writeln!(text, "expect P: d(f)/d({x}) = {value:e}").unwrap();
    }
    for (k, value) in hessian.iter().enumerate() {
        let (x, y) = (&variables[k / n], &variables[k % n]);
        writeln!(text, "expect P: d(d(f)/d({x}))/d({y}) = {value:e}").unwrap();
    }
    text
}

#[test]
fn values_gradients_and_hessians_of_100_formulas() {
    let corpus: Value = serde_json::from_str(include_str!("../feynman.json")).unwrap();
    let records = corpus["cases"].as_array().unwrap();
    let (mut agree, mut broken) = (0, Vec::new());
    for record in records {
        let id = record["id"].as_str().unwrap();
        let text = written(record);
        let program = program(id, &text);
        let judged = program.judge(&patient());
        let pairs: Vec<(f64, f64)> = judged
            .iter()
            .flat_map(|(_, records)| records)
            .map(|r| match &r.outcome {
                Outcome::Expected(e) => (e.found.data()[0], e.expected.data()[0]),
                other => panic!("{id}: {}: {other:?}", r.text),
            })
            .collect();
        let n = record["vars"].as_array().unwrap().len();
        for (what, range) in [("value", 0..1), ("gradient", 1..n + 1), ("Hessian", n + 1..n + 1 + n * n)] {
            let pairs = &pairs[range];
            let largest = pairs.iter().fold(0.0f64, |m, (_, b)| m.max(b.abs()));
            match pairs.iter().all(|(a, b)| (a - b).abs() <= TOLERANCE * largest) {
                true => agree += 1,
                false => broken.push(format!("{id} {what}: {pairs:?}")),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!((records.len(), agree), (100, 300));
}
