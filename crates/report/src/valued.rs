//! A formula's value at a case: as text, as JSON, as NumPy's text, as LaTeX.

use crate::derived::{Kink, wrapped};
use crate::{Array, Entries, json, numpy_str};
use chainrule_core::tensor::Value;
use serde_json::json as value;
use std::fmt::Write;

/// The value of a formula.
#[derive(Clone, Debug)]
pub struct Valued {
    /// The formula as asked.
    pub expr: String,
    /// Its value; labels and positions as the file counts them.
    pub array: Array,
    /// Kinks that were met and that affect the value.
    pub kinks: Vec<Kink>,
}

/// Entries of one axis that are typeset; more are elided, which is said.
const ELIDED: usize = 6;

/// A value of the evaluator as the reader counts: positions begin with the index base of the file.
pub fn counted(value: &Value<f64>, base: i64) -> Array {
    match value {
        Value::Int(t) => Array::int(t.shape(), t.data().iter().map(|n| n.saturating_add(base)).collect()),
        other => crate::homework::array(other),
    }
}

impl Valued {
    /// `dl/dz = [6, 0]`, with kinks below; what is printed can stand as a value in a case.
    pub fn text(&self) -> String {
        let head = format!("{} = ", self.expr);
        let indent = if head.chars().count() <= 40 { head.chars().count() } else { 2 };
        let body = nested_text(&self.array, indent);
        let mut out = match indent {
            2 => format!("{}\n  {body}\n", wrapped(head.trim_end(), 0)),
            _ => format!("{head}{body}\n"),
        };
        for kink in &self.kinks {
            let right = match kink.interval.as_str() {
                "none" => "there is no derivative".to_string(),
                interval => format!("anything in {interval} would be right"),
            };
            let line = format!("kink at {}: {} is taken, {right}", kink.at, kink.convention);
            let _ = writeln!(out, "  {}", wrapped(&line, 2));
        }
        out
    }

    /// One line of a derivation, as `derive` lays it out: a word, then the value.
    pub fn line(&self, word: &str) -> String {
        let word = if word.chars().count() > 11 { "value" } else { word };
        format!("  {word:<12}{}\n", nested_text(&self.array, 14))
    }

    /// As an object; the members stand in `docs/json.md`.
    pub fn json(&self) -> serde_json::Value {
        let kinks = crate::derived::kinks_json(&self.kinks);
        value!({"shape": self.array.shape(), "value": json(&self.array), "kinks": kinks})
    }

    /// As NumPy prints it.
    pub fn numpy(&self) -> String {
        format!("{}\n", numpy_str(&self.array))
    }

    /// As a matrix that amsmath sets; long axes are elided, and that is said.
    pub fn latex(&self) -> String {
        let shape = self.array.shape();
        let mut out = format!("% {}\n\\[\n", self.expr.replace('\n', " "));
        let rows = shape.len().saturating_sub(2);
        let outer: usize = shape[..rows].iter().product();
        let inner: usize = shape[rows..].iter().product();
        if shape.contains(&0) {
            let _ = writeln!(out, "  \\text{{an array of shape {shape:?} without entries}}");
        } else {
            for block in 0..outer.min(ELIDED) {
                let _ = writeln!(out, "  {}", self.matrix(&shape[rows..], block * inner));
            }
        }
        out.push_str("\\]\n");
        if shape.iter().any(|&n| n > ELIDED) {
            let _ =
                writeln!(out, "% elided: shape {shape:?}, at most {ELIDED} entries of an axis are typeset");
        }
        out
    }

    fn matrix(&self, shape: &[usize], start: usize) -> String {
        let (height, width) = match shape {
            [] => return typeset(&entry(&self.array, start)),
            [n] => (1, *n),
            [m, n, ..] => (*m, *n),
        };
        let mut lines = Vec::new();
        for i in 0..height.min(ELIDED) {
            let mut cells: Vec<String> =
                (0..width.min(ELIDED)).map(|j| typeset(&entry(&self.array, start + i * width + j))).collect();
            if width > ELIDED {
                cells.push("\\cdots".to_string());
            }
            lines.push(cells.join(" & "));
        }
        if height > ELIDED {
            lines.push("\\vdots".to_string());
        }
        format!("\\begin{{bmatrix}} {} \\end{{bmatrix}}", lines.join(" \\\\ "))
    }
}

/// One entry, as short as reads back to the same bits.
fn entry(array: &Array, k: usize) -> String {
    match array.entries() {
        Entries::Real(v) => real(v[k]),
        Entries::Single(v) => real(f64::from(v[k])),
        Entries::Int(v) => v[k].to_string(),
        Entries::Bool(v) => v[k].to_string(),
    }
}

fn real(x: f64) -> String {
    if x.is_nan() {
        "nan".to_string()
    } else if x.is_infinite() {
        if x > 0.0 { "inf".to_string() } else { "-inf".to_string() }
    } else {
        crate::number::shortest(x)
    }
}

fn typeset(entry: &str) -> String {
    match entry {
        "inf" => r"\infty".to_string(),
        "-inf" => r"-\infty".to_string(),
        "nan" | "true" | "false" => format!(r"\text{{{entry}}}"),
        number => match number.split_once('e') {
            Some((digits, exponent)) => format!(r"{digits} \cdot 10^{{{exponent}}}"),
            None => number.to_string(),
        },
    }
}

/// Nested brackets; rows of a matrix under each other, with columns aligned, where they fit.
fn nested_text(array: &Array, indent: usize) -> String {
    let shape = array.shape();
    let count: usize = shape.iter().product();
    let cells: Vec<String> = (0..count).map(|k| entry(array, k)).collect();
    if shape.is_empty() {
        return cells.into_iter().next().unwrap_or_default();
    }
    let width = if shape.len() > 1 { cells.iter().map(|c| c.chars().count()).max().unwrap_or(0) } else { 0 };
    let last = shape[shape.len() - 1];
    let rows: usize = shape[..shape.len() - 1].iter().product();
    let mut out = String::new();
    for r in 0..rows {
        // How many brackets close before this row, and open again.
        let mut turned = 0;
        let mut block = 1;
        for &extent in shape[..shape.len() - 1].iter().rev() {
            block *= extent;
            if r > 0 && r.is_multiple_of(block) {
                turned += 1;
            }
        }
        let depth = shape.len() - 1;
        if r > 0 {
            out.push_str(&"]".repeat(turned));
            out.push(',');
            out.push_str(&"\n".repeat(if turned > 0 && depth > 1 { 2 } else { 1 }));
            out.push_str(&" ".repeat(indent + depth - turned));
            out.push_str(&"[".repeat(turned));
        } else {
            out.push_str(&"[".repeat(depth));
        }
        let line: Vec<String> =
            cells[r * last..(r + 1) * last].iter().map(|c| format!("{c:>width$}")).collect();
        let line = format!("[{}]", line.join(", "));
        out.push_str(&wrapped(&line, indent + depth));
    }
    if rows == 0 {
        // No rows: brackets as far as the first empty axis.
        let depth = shape.iter().position(|&n| n == 0).unwrap_or(0) + 1;
        return format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    }
    out.push_str(&"]".repeat(shape.len() - 1));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(array: Array) -> String {
        Valued { expr: "y".into(), array, kinks: Vec::new() }.text()
    }

    #[test]
    fn every_rank_reads_back_as_a_value() {
        assert_eq!(text(Array::real(&[], vec![0.1])), "y = 0.1\n");
        assert_eq!(text(Array::real(&[0], vec![])), "y = []\n");
        assert_eq!(text(Array::real(&[2, 0], vec![])), "y = [[],\n     []]\n");
        assert_eq!(text(Array::real(&[0, 2], vec![])), "y = []\n");
        assert_eq!(text(Array::bool(&[2], vec![true, false])), "y = [true, false]\n");
        assert_eq!(
            text(Array::real(&[2, 2], vec![1.0, -0.5, 20.0, f64::NAN])),
            "y = [[   1, -0.5],\n     [  20,  nan]]\n"
        );
        assert_eq!(
            text(Array::int(&[2, 2, 2], (0..8).collect())),
            "y = [[[0, 1],\n      [2, 3]],\n\n     [[4, 5],\n      [6, 7]]]\n"
        );
    }

    #[test]
    fn labels_are_counted_from_the_base() {
        let value = Value::Int(chainrule_core::tensor::Tensor::vector(vec![0, 2]));
        assert_eq!(counted(&value, 1), Array::int(&[2], vec![1, 3]));
    }

    #[test]
    fn long_axes_are_elided_and_that_is_said() {
        let wide = Valued { expr: "y".into(), array: Array::real(&[7], vec![1e-9; 7]), kinks: Vec::new() };
        let latex = wide.latex();
        assert!(latex.contains("\\cdots") && latex.contains("% elided: shape [7]"), "{latex}");
        assert!(latex.contains(r"1 \cdot 10^{-9}"), "{latex}");
    }
}
