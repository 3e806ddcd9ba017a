//! Every plan answers what the slow evaluator answers, within rounding.

use crate::programs::{Dice, Program, program};
use chainrule_core::eval::Bindings;
use chainrule_core::tensor::{Tensor, Value as Slow};
use chainrule_exec::array::Entry;
use chainrule_exec::{Error, Options, Plan, Value};

/// What an input holds.
enum Data {
    Real(Vec<f64>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

/// Random values for the inputs of a plan.
fn data(plan: &Plan<f64>, d: &mut Dice) -> Vec<Data> {
    plan.inputs()
        .iter()
        .map(|input| {
            let count: usize = input.shape.iter().product();
            match input.entry {
                Entry::Real => Data::Real((0..count).map(|_| d.number()).collect()),
                Entry::Bool => Data::Bool((0..count).map(|_| d.below(2) == 0).collect()),
                Entry::Int => {
                    let below = input.below.unwrap_or(3).max(1) as usize;
                    Data::Int((0..count).map(|_| d.below(below) as i64).collect())
                }
            }
        })
        .collect()
}

fn outcome(seed: u64) -> Option<(Program, Vec<f64>, Vec<f64>)> {
    let program = program(seed);
    // What stands for a carry inside a step is no input that anybody binds.
    let reached = program.graph.reachable(&program.outputs);
    if reached.iter().any(|&n| program.graph.as_input(n).is_some_and(|i| i.copy != 0)) {
        return None;
    }
    let options = Options { sizes: program.sizes.clone(), ..Options::default() };
    let mut plan = match Plan::<f64>::compile(&program.graph, &program.outputs, &options) {
        Ok(plan) => plan,
        Err(Error::Unsupported { .. } | Error::EmptyAxis { .. } | Error::TooLarge { .. }) => return None,
        Err(other) => panic!("seed {seed}: {other}"),
    };
    let mut d = Dice(seed);
    let data = data(&plan, &mut d);
    let mut at = Bindings::new();
    for (name, n) in &program.sizes {
        at = at.with_size(name, *n);
    }
    for (input, data) in plan.inputs().iter().zip(&data) {
        let value = match data {
            Data::Real(v) => Slow::Real(Tensor::new(&input.shape, v.clone()).unwrap()),
            Data::Int(v) => Slow::Int(Tensor::new(&input.shape, v.clone()).unwrap()),
            Data::Bool(v) => Slow::Bool(Tensor::new(&input.shape, v.clone()).unwrap()),
        };
        at.bind(&input.name, value);
    }
    let slow = program.graph.evaluate(&program.outputs, &at).ok()?;
    let slow: Vec<Vec<f64>> = slow
        .iter()
        .map(|value| match value {
            Slow::Real(t) => t.data().to_vec(),
            Slow::Int(t) => t.data().iter().map(|&n| n as f64).collect(),
            Slow::Bool(t) => t.data().iter().map(|&b| f64::from(u8::from(b))).collect(),
        })
        .collect();
    let inputs: Vec<Value<'_, f64>> = data
        .iter()
        .map(|data| match data {
            Data::Real(v) => Value::Real(v),
            Data::Int(v) => Value::Int(v),
            Data::Bool(v) => Value::Bool(v),
        })
        .collect();
    let mut fast: Vec<Vec<f64>> = slow.iter().map(|v| vec![-7.25; v.len()]).collect();
    let mut outputs: Vec<&mut [f64]> = fast.iter_mut().map(|v| &mut v[..]).collect();
    plan.run(&inputs, &mut outputs).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    Some((program, slow.concat(), fast.concat()))
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-8 * (1.0 + a.abs().max(b.abs()))
}

#[test]
fn plans_agree_with_the_slow_evaluator() {
    let count: u64 = std::env::var("CHAINRULE_PLANS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let mut judged = 0;
    let mut wrong = Vec::new();
    for seed in 0..count {
        let Some((program, slow, fast)) = outcome(seed) else { continue };
        judged += 1;
        if let Some(k) = (0..slow.len()).find(|&k| !close(slow[k], fast[k])) {
            let sizes = &program.sizes;
            let text = program.graph.to_text(&program.outputs);
            wrong.push(format!(
                "seed {seed}, {sizes:?}, entry {k}: slow {}, fast {}\n{text}",
                slow[k], fast[k]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {judged} differ\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
    assert!(judged * 2 > count, "only {judged} of {count} programs were judged");
}
