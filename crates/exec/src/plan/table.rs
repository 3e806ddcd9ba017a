//! An explanation as text: ASCII, at most 100 columns.

use super::explain::{Buffer, Explanation, Kernel, Place, Step};
use crate::error::memory;
use std::fmt;

/// Columns of a line.
const WIDTH: usize = 100;
/// Columns of a kernel beside its numbers; a longer one has a line of its own.
const KERNEL: usize = 36;
/// Buffers of a step that are listed; of more only the number is said.
const LISTED: usize = 12;
/// Columns of a name.
const NAME: usize = 24;

/// A text cut to some columns, in ASCII.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let plain: String = text
        .chars()
        .flat_map(|c| if c.is_ascii_graphic() || c == ' ' { vec![c] } else { c.escape_default().collect() })
        .collect();
    if plain.len() <= columns { plain } else { format!("{}..", &plain[..columns.saturating_sub(2)]) }
}

/// A count, exact as long as it is read at a glance.
fn amount(count: u128) -> String {
    if count < 1_000_000_000 { count.to_string() } else { format!("{:.3e}", count as f64) }
}

fn intensity(flops: u128, bytes: u128) -> String {
    if bytes == 0 { "-".to_string() } else { format!("{:.2}", flops as f64 / bytes as f64) }
}

fn shaped(buffer: &Buffer) -> String {
    let extents: Vec<String> = buffer.shape.iter().map(ToString::to_string).collect();
    match extents.is_empty() {
        true => cut(&buffer.name, NAME),
        false => format!("{}[{}]", cut(&buffer.name, NAME), extents.join(",")),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Input => f.write_str("input"),
            Place::Output => f.write_str("output"),
            Place::InPlace => f.write_str("in place"),
            Place::Constant => f.write_str("constant"),
            Place::Arena(at) => write!(f, "arena+{at}"),
            Place::Integers(at) => write!(f, "integers+{at}"),
        }
    }
}

impl Explanation {
    /// A list of buffers, broken where a line is full.
    fn list(&self, f: &mut fmt::Formatter<'_>, word: &str, buffers: &[usize]) -> fmt::Result {
        if buffers.is_empty() {
            return Ok(());
        }
        let mut items: Vec<String> = buffers
            .iter()
            .take(LISTED)
            .map(|&b| format!("{} {}", shaped(&self.buffers[b]), self.buffers[b].place))
            .collect();
        if buffers.len() > LISTED {
            items.push(format!("{} more", buffers.len() - LISTED));
        }
        let last = items.len() - 1;
        let mut line = format!("      {word:<8}");
        let indent = line.len();
        for (k, item) in items.iter().enumerate() {
            let item = cut(item, WIDTH - indent - 1) + if k < last { "," } else { "" };
            if line.len() > indent && line.len() + 1 + item.len() > WIDTH {
                writeln!(f, "{line}")?;
                line = " ".repeat(indent);
            }
            if line.len() > indent {
                line.push(' ');
            }
            line.push_str(&item);
        }
        writeln!(f, "{line}")
    }

    fn step(&self, f: &mut fmt::Formatter<'_>, k: usize, step: &Step) -> fmt::Result {
        let kernel = step.kernel.to_string();
        let mut head = format!("{:>4}  ", k + 1);
        if kernel.len() > KERNEL {
            writeln!(f, "{head}{}", cut(&kernel, WIDTH - head.len()))?;
            head = format!("{:6}{:KERNEL$}", "", "");
        } else {
            head.push_str(&format!("{kernel:<KERNEL$}"));
        }
        let code = match (&step.kernel, step.code) {
            (Kernel::Loops { .. }, None) => "interpreted".to_string(),
            (Kernel::Copy, None) => "-".to_string(),
            (_, None) => "kernel".to_string(),
            (_, Some(bytes)) => format!("{bytes} B"),
        };
        writeln!(
            f,
            "{head}{code:>12}{:>12}{:>11}{:>12}{:>9}",
            amount(step.flops),
            amount(step.calls),
            amount(step.bytes),
            intensity(step.flops, step.bytes)
        )?;
        self.list(f, "reads", &step.reads)?;
        self.list(f, "writes", &step.writes)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        writeln!(
            f,
            "plan: f{}, {}, {}",
            8 * self.precision,
            plural(self.threads, "thread"),
            plural(self.steps.len(), "step")
        )?;
        if !self.steps.is_empty() {
            writeln!(
                f,
                "{:>4}  {:<KERNEL$}{:>12}{:>12}{:>11}{:>12}{:>9}",
                "step", "kernel", "code", "flops", "functions", "bytes", "flops/B"
            )?;
        }
        for (k, step) in self.steps.iter().enumerate() {
            self.step(f, k, step)?;
        }
        if !self.buffers.is_empty() {
            writeln!(f, "{:<42}{:>22}{:>16}{:>16}", "buffer", "place", "bytes", "steps")?;
        }
        for buffer in &self.buffers {
            let from = buffer.from.map_or_else(|| "begin".to_string(), |s| (s + 1).to_string());
            let to = match (buffer.to, buffer.place) {
                (Some(to), _) => (to + 1).to_string(),
                (None, Place::Input) => "unused".to_string(),
                (None, _) => "end".to_string(),
            };
            let steps = if to == "unused" { to } else { format!("{from}-{to}") };
            writeln!(
                f,
                "{:<42}{:>22}{:>16}{:>16}",
                cut(&shaped(buffer), 41),
                buffer.place.to_string(),
                amount(buffer.bytes),
                steps
            )?;
        }
        let (flops, bytes) = (self.flops(), self.bytes());
        writeln!(
            f,
            "total: {} flops, {} function values, {} bytes moved, {} flops/B",
            amount(flops),
            amount(self.calls()),
            amount(bytes),
            intensity(flops, bytes)
        )?;
        writeln!(f, "peak: {}", memory(self.peak()))?;
        writeln!(f, "      temporaries {}", memory(self.arena))?;
        writeln!(f, "      outputs {}", memory(self.outputs))?;
        writeln!(f, "      temporaries without sharing {}", memory(self.unshared))
    }
}
