//! W6: building and differentiating `Σ_i 100 (x[i+1] - x[i]²)² + (1 - x[i])²`, one node for each operation, as a user
//! would write it, and once more with the sum left rolled.
//!
//! Every run is a fresh process. Beside the time of the clock stands the time on a processor, for machines that are
//! shared. The Hessian is that of the scalar code, sparse: its upper triangle, and the number of its non-zeros in full.

use crate::measure::{Settings, add_times, row};
use chainrule::core::derive::sparse::{Sparse, SparseNodes};
use chainrule::core::eval::Bindings;
use chainrule::core::rational::Rational;
use chainrule::core::shape::Type;
use chainrule::core::tensor::Tensor;
use chainrule::core::{Graph, NodeId, Result};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// One node for each operation, and one input for each variable.
fn scalar_code(g: &mut Graph, n: usize) -> Result<(Vec<NodeId>, NodeId)> {
    let mut x = Vec::with_capacity(n);
    for i in 0..n {
        x.push(g.input(&format!("x{i}"), Type::scalar())?);
    }
    let (one, hundred) = (g.integer(1), Rational::from(100));
    let mut f = g.integer(0);
    for i in 0..n - 1 {
        let square = g.power(x[i], 2);
        let t = g.sub(x[i + 1], square)?;
        let t = g.power(t, 2);
        let t = g.scale(&hundred, t);
        let u = g.sub(one, x[i])?;
        let u = g.power(u, 2);
        let term = g.add(t, u)?;
        f = g.add(f, term)?;
    }
    Ok((x, f))
}

/// The same as one sum over a vector: as many nodes for every `n`.
fn rolled(g: &mut Graph, n: usize) -> Result<(Vec<NodeId>, NodeId)> {
    let x = g.input("x", Type::real([n as i64]))?;
    let f = g.form(&format!("sum(i=0..{}, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)", n - 2), &[])?;
    Ok((vec![x], f))
}

/// `∂f/∂x[i]` by hand.
fn by_hand(x: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len()];
    for i in 0..x.len() - 1 {
        let t = x[i + 1] - x[i] * x[i];
        gradient[i] += -400.0 * t * x[i] - 2.0 * (1.0 - x[i]);
        gradient[i + 1] += 200.0 * t;
    }
    gradient
}

/// The upper triangle of `∂²f/∂x[i]∂x[j]` by hand: the diagonal, and what stands right of it.
fn hessian_by_hand(x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = x.len();
    let mut diagonal = vec![0.0; n];
    for i in 0..n - 1 {
        diagonal[i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0;
        diagonal[i + 1] += 200.0;
    }
    (diagonal, x[..n - 1].iter().map(|x| -400.0 * x).collect())
}

/// The point of number `point` at which results are checked.
fn place(n: usize, point: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7919 + point * 104_729) % 1009) as f64 / 504.5 - 1.0).collect()
}

/// One number for each variable of the scalar code.
fn scalars(x: &[f64]) -> Bindings<f64> {
    let mut at = Bindings::new();
    for (i, &value) in x.iter().enumerate() {
        at = at.with(&format!("x{i}"), Tensor::scalar(value));
    }
    at
}

/// Fails unless the derived Hessian is the one by hand at a point, in every entry.
fn check_hessian(g: &Graph, hessian: &SparseNodes, n: usize) -> Result<()> {
    assert_eq!(2 * hessian.nodes.len() - n, 3 * n - 2, "non-zeros of the full matrix");
    let x = place(n, 1);
    let (diagonal, right) = hessian_by_hand(&x);
    let values = g.evaluate(&hessian.nodes, &scalars(&x))?;
    for ((i, j, _), value) in hessian.entries().zip(&values) {
        let want = if i == j { diagonal[i] } else { right[i] };
        let got = value.real().expect("a Hessian is real").data()[0];
        assert!(
            j - i < 2 && (got - want).abs() <= 1e-9 * want.abs().max(1.0),
            "{i}, {j}: {got}, by hand {want}"
        );
    }
    Ok(())
}

/// Fails unless the derived gradient is the one by hand at a few points, in every entry.
fn check(g: &Graph, gradient: &[NodeId], n: usize) -> Result<()> {
    for point in 0..3 {
        let x = place(n, point);
        let at = match gradient {
            [_] => Bindings::new().with("x", Tensor::vector(x.clone())),
            _ => scalars(&x),
        };
        let values = g.evaluate(gradient, &at)?;
        let entries = values.iter().flat_map(|value| value.real().expect("a gradient is real").data());
        let mut count = 0;
        for (i, (got, want)) in entries.zip(by_hand(&x)).enumerate() {
            assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "entry {i}: {got}, by hand {want}");
            count += 1;
        }
        assert_eq!(count, n, "every variable has its derivative");
    }
    Ok(())
}

/// A file in which the system tells about this process; empty where it does not.
fn about_this_process(name: &str) -> String {
    let path: PathBuf = ["/", "proc", "self", name].iter().collect();
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Peak resident set in MiB.
fn peak() -> f64 {
    let text = about_this_process("status");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

/// Seconds on a processor so far: what a machine shared with others does not lengthen by waiting.
fn on_processor() -> f64 {
    let text = about_this_process("schedstat");
    let nanoseconds = text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |n| n * 1e-9)
}

/// What `make` gives, and its cost: seconds, seconds on a processor, growth of the peak since `base`.
fn measured<T>(base: f64, make: impl FnOnce() -> Result<T>) -> Result<(T, Value)> {
    let (start, processor) = (Instant::now(), on_processor());
    let made = make()?;
    let (seconds, processor) = (start.elapsed().as_secs_f64(), on_processor() - processor);
    Ok((made, json!({"seconds": seconds, "cpu": processor, "peak_mb": peak() - base})))
}

/// One run, in a process of its own: `scalar:1000` or `rolled:1000`.
pub(crate) fn child(what: &str) -> Result<()> {
    let (how, n) = what.split_once(':').expect("a form and a number of variables");
    let n: usize = n.parse().expect("a number of variables");
    let base = peak();
    let mut g = Graph::new();
    let write = if how == "rolled" { rolled } else { scalar_code };
    let ((x, f), mut build) = measured(base, || write(&mut g, n))?;
    build["nodes"] = g.len().into();
    let (derived, mut gradient) = measured(base, || g.gradient(f, &x))?;
    gradient["nodes"] = g.len().into();
    let mut phases = vec![build, gradient];
    if how == "scalar" {
        let (entries, mut hessian) =
            measured(base, || Sparse::default().symmetric_jacobian(&mut g, &derived, &x))?;
        hessian["nodes"] = (2 * entries.nodes.len() - n).into();
        phases.push(hessian);
        check_hessian(&g, &entries, n)?;
    }
    check(&g, &derived, n)?;
    println!("{}", json!(phases));
    Ok(())
}

fn runs(what: &str, times: usize) -> std::result::Result<Vec<Value>, String> {
    let ourselves = std::env::current_exe().expect("a program knows where it is");
    let run = || {
        let output = Command::new(&ourselves).args(["--child", what]).output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_string());
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    };
    (0..times).map(|_| run()).collect()
}

/// Both forms at every size.
pub(crate) fn measure(settings: &Settings) {
    for case in settings.cases().of("graph") {
        let n = case.number("n");
        for (how, label) in [("scalar", json!(n)), ("rolled", json!(format!("{n} vectorised")))] {
            let new = |metric: &str| row("W6", "chainrule", &label, metric, settings.threads);
            let runs = match runs(&format!("{how}:{n}"), 3) {
                Ok(runs) => runs,
                Err(error) => {
                    let mut row = new("build");
                    row.insert("error".into(), json!(error));
                    settings.tell(&row);
                    continue;
                }
            };
            let metrics =
                [("build", 0..1), ("gradient", 1..2), ("build_and_gradient", 0..2), ("hessian", 2..3)];
            let measured = runs[0].as_array().map_or(0, Vec::len);
            for (metric, phases) in metrics.into_iter().filter(|(_, phases)| phases.end <= measured) {
                let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
                let total = |field: &str, run: &Value| -> f64 {
                    phases.clone().map(|phase| number(&run[phase][field])).sum()
                };
                let last = &runs[0][phases.end - 1];
                let mut row = new(metric);
                add_times(&mut row, runs.iter().map(|run| total("seconds", run)).collect(), 1);
                let least = |values: Vec<f64>| values.into_iter().fold(f64::INFINITY, f64::min);
                row.insert(
                    "cpu_min".into(),
                    json!(least(runs.iter().map(|run| total("cpu", run)).collect())),
                );
                let peaks = runs.iter().map(|run| number(&run[phases.end - 1]["peak_mb"]));
                row.insert("peak_mb".into(), json!(peaks.fold(0.0, f64::max)));
                row.insert("nodes".into(), last["nodes"].clone());
                row.insert("result_checksum".into(), Value::Null);
                settings.tell(&row);
            }
        }
    }
}
