//! Costs as a JSON record; the members stand in `docs/json.md`.

use super::{At, Costed};
use chainrule_core::shape::Dim;
use chainrule_exec::cost::{Cost, Counts};
use chainrule_exec::plan::explain::{Buffer, Explanation, Step};
use chainrule_exec::plan::timings::Timings;
use serde_json::{Value, json};

impl Costed {
    /// As an object; with numbers and a plan where sizes have numbers.
    pub fn json(&self, at: Option<&At>) -> Value {
        let nodes: Vec<Value> = self
            .cost
            .nodes
            .iter()
            .map(|node| {
                json!({
                    "name": node.name,
                    "what": node.what,
                    "shape": shape(&node.shape),
                    "flops": node.flops.to_string(),
                    "functions": node.calls.to_string(),
                    "entries": node.entries.to_string(),
                })
            })
            .collect();
        let mut record = json!({
            "expr": self.expr,
            "shape": shape(&self.shape),
            "dense": polynomials(&self.cost),
            "stored": self.storage.as_ref().map(|s| polynomials(&s.cost)),
            "nodes": nodes,
        });
        if let (Some(at), Some(members)) = (at, record.as_object_mut()) {
            members.insert("at".to_string(), numbers(at));
        }
        record
    }
}

fn shape(dims: &[Dim]) -> Value {
    dims.iter().map(|d| d.as_fixed().map_or_else(|| Value::from(d.to_string()), Value::from)).collect()
}

fn polynomials(cost: &Cost) -> Value {
    json!({
        "entries": cost.outputs.to_string(),
        "flops": cost.flops.to_string(),
        "functions": cost.calls.to_string(),
        "inputs": cost.inputs.to_string(),
        "intermediates": cost.intermediates.to_string(),
    })
}

/// A count; whole where a reader can tell.
fn count(x: f64) -> Value {
    let whole = x.ceil();
    if whole < 9e15 { Value::from(whole as u64) } else { Value::from(whole) }
}

/// A count of the plan: a number as long as 64 bits hold it.
fn big(x: u128) -> Value {
    u64::try_from(x).map_or_else(|_| Value::from(x as f64), Value::from)
}

fn counts(counts: &Counts) -> Value {
    json!({
        "entries": count(counts.outputs),
        "flops": count(counts.flops),
        "functions": count(counts.calls),
        "inputs": count(counts.inputs),
        "intermediates": count(counts.intermediates),
    })
}

fn numbers(at: &At) -> Value {
    let sizes: serde_json::Map<String, Value> =
        at.sizes.iter().map(|(name, n)| (name.clone(), Value::from(*n))).collect();
    json!({
        "case": if at.case.is_empty() { Value::Null } else { Value::from(at.case.as_str()) },
        "sizes": sizes,
        "dense": counts(&at.dense),
        "stored": at.stored.as_ref().map(counts),
        "plan": plan(&at.plan, at.structured),
        "timings": at.timings.as_ref().map(timings),
    })
}

fn plan(plan: &Explanation, structured: bool) -> Value {
    let names = |of: &[usize]| of.iter().map(|&b| plan.buffers[b].name.as_str()).collect::<Vec<_>>();
    let step = |step: &Step| {
        json!({
            "kernel": step.kernel.to_string(),
            "code": step.code,
            "reads": names(&step.reads),
            "writes": names(&step.writes),
            "flops": big(step.flops),
            "functions": big(step.calls),
            "bytes": big(step.bytes),
        })
    };
    let buffer = |buffer: &Buffer| {
        json!({
            "name": buffer.name,
            "shape": buffer.shape,
            "place": buffer.place.to_string(),
            "bytes": big(buffer.bytes),
            "from": buffer.from,
            "to": buffer.to,
        })
    };
    json!({
        "structured": structured,
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
        "buffers": plan.buffers.iter().map(buffer).collect::<Vec<_>>(),
        "flops": big(plan.flops()),
        "functions": big(plan.calls()),
        "bytes": big(plan.bytes()),
        "peak": big(plan.peak()),
        "temporaries": big(plan.arena),
        "outputs": big(plan.outputs),
        "unshared": big(plan.unshared),
    })
}

fn timings(timings: &Timings) -> Value {
    let runs = timings.runs.max(1) as f64;
    let steps: Vec<f64> = timings.steps.iter().map(|s| s.seconds / runs).collect();
    json!({"runs": timings.runs, "seconds": timings.seconds() / runs, "steps": steps})
}
