//! Costs for a reader, at most 100 columns.

use super::{At, Costed, ENTRY};
use crate::derived::wrapped;
use chainrule_exec::cost::{Counts, NodeCost, Polynomial};
use chainrule_exec::error::memory;
use std::fmt::Write;

/// Nodes that are listed; of more only the number is said.
const LISTED: usize = 60;
/// Column in which what is said of a word begins.
const INDENT: usize = 16;

impl Costed {
    /// As polynomials.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", wrapped(&format!("{} : {}", self.expr, self.ty), 0));
        let bytes = |p: &Polynomial| format!("{p} ({} bytes)", p.scaled(ENTRY));
        let both = |dense: String, stored: Option<String>| match stored {
            Some(stored) => format!("dense {dense}, stored {stored}"),
            None => dense,
        };
        let stored = self.storage.as_ref();
        let entries = both(bytes(&self.cost.outputs), stored.map(|s| bytes(&s.stored)));
        let flops = both(self.cost.flops.to_string(), stored.map(|s| s.cost.flops.to_string()));
        let calls = both(self.cost.calls.to_string(), stored.map(|s| s.cost.calls.to_string()));
        let between =
            both(self.cost.intermediates.to_string(), stored.map(|s| s.cost.intermediates.to_string()));
        let lines = [
            ("entries", entries),
            ("flops", flops),
            ("functions", calls),
            ("inputs", bytes(&self.cost.inputs)),
            ("intermediates", format!("{between}     (entries, if none stays in registers)")),
        ];
        for (word, text) in lines {
            line(&mut out, word, &text);
        }
        if !self.cost.nodes.is_empty() {
            out.push_str("  by node\n");
        }
        for node in self.cost.nodes.iter().take(LISTED) {
            let _ = writeln!(out, "    {}", wrapped(&of(node), 4));
        }
        if self.cost.nodes.len() > LISTED {
            let _ = writeln!(out, "    and {} more", self.cost.nodes.len() - LISTED);
        }
        out
    }
}

fn line(out: &mut String, word: &str, text: &str) {
    let _ = writeln!(out, "  {word:<14}{}", wrapped(text, INDENT));
}

fn counted(count: &str, word: &str) -> String {
    format!("{count} {word}{}", if count == "1" { "" } else { "s" })
}

fn of(node: &NodeCost) -> String {
    let shape: Vec<String> = node.shape.iter().map(ToString::to_string).collect();
    let shape = if shape.is_empty() { String::new() } else { format!("[{}]", shape.join(",")) };
    let mut costs: Vec<String> = Vec::new();
    if !node.flops.is_zero() {
        costs.push(counted(&node.flops.to_string(), "flop"));
    }
    if !node.calls.is_zero() {
        costs.push(counted(&node.calls.to_string(), "function"));
    }
    if costs.is_empty() {
        costs.push("no operation".to_string());
    }
    format!("{}{shape} = {}: {}", node.name, node.what, costs.join(", "))
}

/// A count as it is read: whole, or with four digits.
fn amount(x: f64) -> String {
    if x < 1e9 { format!("{}", x.ceil()) } else { format!("{x:.3e}") }
}

impl At {
    /// The numbers, then the plan.
    pub fn text(&self) -> String {
        let sizes: Vec<String> = self.sizes.iter().map(|(name, n)| format!("{name} = {n}")).collect();
        let mut out = match (self.case.is_empty(), sizes.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!("at {}\n", sizes.join(", ")),
            (false, true) => format!("at {}\n", self.case),
            (false, false) => format!("at {}: {}\n", self.case, sizes.join(", ")),
        };
        let both = |of: &dyn Fn(&Counts) -> String| match &self.stored {
            Some(stored) => format!("dense {}, stored {}", of(&self.dense), of(stored)),
            None => of(&self.dense),
        };
        let bytes = |entries: f64| memory((entries * ENTRY as f64) as u128);
        line(&mut out, "entries", &both(&|c| format!("{} = {}", amount(c.outputs), bytes(c.outputs))));
        line(&mut out, "flops", &both(&|c| amount(c.flops)));
        line(&mut out, "functions", &both(&|c| amount(c.calls)));
        let _ = write!(out, "\n{}", self.plan);
        if let Some(timings) = &self.timings {
            let _ = write!(out, "\n{timings}");
        }
        out
    }
}
