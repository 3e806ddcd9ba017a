//! A derivative as LaTeX: one `align*` block that needs amsmath and nothing else.

use super::{Derived, Notation};
use chainrule_core::render::Text;
use std::fmt::Write;

/// The record as an `align*` block.
pub fn latex(derived: &Derived, notation: Notation) -> String {
    let mut rows = Vec::new();
    let left = derived.latex_left.as_ref();
    if notation != Notation::Matrix || derived.matrix_latex.is_none() {
        push(&mut rows, left.map(|l| l.0.as_str()), &derived.latex);
    }
    if notation != Notation::Index
        && let Some(text) = &derived.matrix_latex
    {
        push(&mut rows, left.map(|l| l.1.as_str()), text);
    }
    let mut out = format!("% {}\n", derived.expr.replace('\n', " "));
    let _ = writeln!(out, "\\begin{{align*}}\n  {}\n\\end{{align*}}", rows.join(" \\\\\n  "));
    out
}

fn push(rows: &mut Vec<String>, left: Option<&str>, text: &Text) {
    rows.push(match left {
        Some(left) => format!("{left} &= {}", text.body),
        None => format!("& {}", text.body),
    });
    if text.omitted > 0 {
        rows.push(format!("& \\text{{({} definitions are left out)}}", text.omitted));
    }
    for (name, body) in &text.definitions {
        rows.push(format!("\\text{{where }} {name} &= {body}"));
    }
}

/// The formula with its definitions on one line.
pub(crate) fn single(text: &Text) -> String {
    let mut out = text.body.clone();
    for (k, (name, body)) in text.definitions.iter().enumerate() {
        let _ =
            write!(out, "{} {name} = {body}", if k == 0 { r" \quad\text{where}\quad" } else { r",\quad" });
    }
    if text.omitted > 0 {
        let _ = write!(out, r" \quad\text{{({} definitions are left out)}}", text.omitted);
    }
    out
}
