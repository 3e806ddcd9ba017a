//! Recurrences: a scan by its step, and the step in a line of its own.
//!
//! `scan(t=0..n-1, h <- cell(h, x[t], W); h0)[i,j] where cell(h, x, W)[i] = tanh(sum(j, W[i,j]*h[j]) + x[i])`

use super::entry::Builder;
use super::shown::{Recurrence, Shown};
use super::{Printer, Writer};
use crate::form::read::spelled;
use crate::graph::Graph;
use crate::graph::step::Step;
use crate::node::NodeId;
use crate::shape::Dim;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The steps that the nodes apply, in order of first use; of equal names the later ones are numbered.
pub(crate) fn steps(graph: &Graph, nodes: &[NodeId]) -> Vec<(Arc<Step>, String)> {
    let mut steps: Vec<(Arc<Step>, String)> = Vec::new();
    for (_, step) in nodes.iter().filter_map(|&n| graph.as_scan(n)) {
        if steps.iter().any(|(known, _)| Arc::ptr_eq(known, step)) {
            continue;
        }
        let numbered = (2u32..).map(|k| format!("{}{k}", step.name()));
        let name = std::iter::once(step.name().to_string())
            .chain(numbered)
            .find(|name| steps.iter().all(|(_, known)| known != name))
            .expect("invariant: numbered names never end");
        steps.push((step.clone(), name));
    }
    steps
}

/// A letter for positions that is no name in use.
pub(crate) fn time_letter(reserved: BTreeSet<String>, steps: &[(Arc<Step>, String)]) -> String {
    let own: BTreeSet<&str> =
        steps.iter().flat_map(|(s, _)| (0..s.formals().len()).map(|k| s.formal_name(k))).collect();
    let numbered = (1u32..).map(|k| format!("time{k}"));
    ["t", "time"]
        .map(String::from)
        .into_iter()
        .chain(numbered)
        .find(|name| !reserved.contains(name) && !own.contains(name.as_str()))
        .expect("invariant: numbered letters never end")
}

/// The names of formals, as written.
fn formals(step: &Step, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|k| spelled(step.formal_name(k))).collect()
}

/// The carry with this name, when the step has several.
fn of_several(step: &Step, all: Shown, carry: String) -> Shown {
    if step.carries() == 1 { all } else { Shown::Carry(Box::new(all), carry) }
}

impl Builder<'_> {
    /// `scan(t=0..n-1, h <- cell(h, x[t], W); h0)`, with the operands written whole.
    pub(crate) fn recurrence(&self, node: NodeId, operands: Vec<Shown>) -> Option<Shown> {
        let (scan, step) = self.graph.as_scan(node)?;
        let (_, name) = self.steps.iter().find(|(known, _)| Arc::ptr_eq(known, step))?;
        let carries = formals(step, 0..step.carries());
        let time = Shown::Name(self.time.clone());
        let mut operands = operands.into_iter();
        let initial: Vec<Shown> = operands.by_ref().take(step.carries()).collect();
        let own = carries.iter().map(|c| Shown::Name(c.clone()));
        let rest = operands.enumerate().map(|(k, operand)| {
            if k < step.per_step() { Shown::entry(operand, std::slice::from_ref(&time)) } else { operand }
        });
        let applied = Shown::Apply(name.clone(), own.chain(rest).collect());
        let first = Dim::fixed(self.base());
        let Shown::Size(length) = self.size(&scan.length) else { return None };
        let last = length + first.clone() - Dim::ONE;
        let (from, to) = if scan.backward { (last, first) } else { (first, last) };
        let time = self.time.clone();
        let carry = usize::from(scan.carry);
        let name = carries[carry].clone();
        let all = Shown::Scan(Box::new(Recurrence { time, from, to, carries, step: applied, initial }));
        Some(of_several(step, all, name))
    }
}

impl Printer<'_> {
    /// Lines for the steps of what was written: `cell(h, x, W)[i]` and what it stands for.
    pub(super) fn steps(&self, builder: &Builder<'_>, write: Writer) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        for (step, name) in &builder.steps {
            let printer = Printer {
                graph: step.body(),
                names: Vec::new(),
                keep: self.keep,
                letters: self.letters.clone(),
                max_definitions: self.max_definitions,
                base: self.base,
                step: Some(name.clone()),
            };
            let names = formals(step, 0..step.formals().len()).into_iter().map(Shown::Name).collect();
            let applied = Shown::Apply(name.clone(), names);
            for (k, &output) in step.outputs().iter().enumerate() {
                // Steps are not read back.
                let (axes, text) = printer.formula(output, write, false);
                let head = of_several(step, applied.clone(), spelled(step.formal_name(k)));
                let head = write(&Shown::entry(head, &axes));
                lines.push((head, text.body));
                lines.extend(text.definitions);
            }
        }
        lines
    }
}
