//! A derivative as text, one line for each thing there is to say, at most 100 columns.

use super::{Derived, Notation, Standing, wrapped};
use chainrule_core::render::Text;
use std::fmt::Write;

/// Column in which values begin.
const COLUMN: usize = 14;

/// The record as text.
pub fn text(derived: &Derived, notation: Notation) -> String {
    let mut out = String::new();
    let head = format!("{} : {}", derived.expr, derived.ty.replace(',', ", "));
    let _ = writeln!(out, "{}", wrapped(&head, 0));
    let by_index = notation != Notation::Matrix || derived.vectorised.is_none();
    if by_index {
        // Letters of one axis need no key; of several, the order matters.
        let left = derived.left.as_ref().filter(|_| derived.shape.len() > 1);
        formula(&mut out, "index", left.map(String::as_str), &derived.index, "");
    }
    if notation != Notation::Index {
        match &derived.vectorised {
            Some(text) => formula(&mut out, "vectorised", None, text, ""),
            None if notation == Notation::Matrix => {
                line(&mut out, "vectorised", "none: no matrix notation says this")
            }
            None => {}
        }
    }
    if let Some((text, why)) = derived.evaluated.as_ref().filter(|_| by_index) {
        formula(&mut out, "evaluated", None, text, &format!("     ({why})"));
    }
    if let Some(numpy) = &derived.numpy {
        let lines: Vec<String> = read_by_people(numpy)
            .lines()
            .flat_map(|line| broken(line, super::wrap::WIDTH - COLUMN))
            .collect();
        let code = lines.join(&format!("\n{}", " ".repeat(COLUMN)));
        let _ = writeln!(out, "  {:<width$}{code}", "numpy", width = COLUMN - 2);
    }
    if by_index {
        formula(&mut out, "latex", None, &derived.latex, "");
    } else if let Some(latex) = &derived.matrix_latex {
        formula(&mut out, "latex", None, latex, "");
    }
    if let Some(structure) = &derived.structure {
        line(&mut out, "structure", structure);
    }
    if let Some(acts) = &derived.acts_as {
        line(&mut out, "acts as", acts);
    }
    line(&mut out, "valid for", &derived.valid_for);
    for kink in &derived.kinks {
        let right = match kink.interval.as_str() {
            "none" => "there is no derivative".to_string(),
            interval => format!("anything in {interval} would be right"),
        };
        line(&mut out, "kink", &format!("at {}: {} is taken, {right}", kink.at, kink.convention));
    }
    let word = if derived.standing() == Standing::Right { "verified" } else { "NOTE" };
    line(&mut out, word, &derived.verified.sentence());
    out
}

/// Code without the name at its end, where the statement before assigns just that name: a reader sees the value there.
fn read_by_people(code: &str) -> &str {
    let Some((before, last)) = code.rsplit_once("; ").or_else(|| code.rsplit_once('\n')) else { return code };
    let statement = before.rsplit(['\n']).next().unwrap_or(before).rsplit("; ").next().unwrap_or(before);
    let assigned = statement.strip_prefix(last).is_some_and(|rest| rest.starts_with(['[', ' ']));
    if assigned { before } else { code }
}

/// A line of Python in pieces of at most `room`: broken inside brackets, where a line break says nothing, or else
/// with a backslash, which says that the line goes on.
fn broken(line: &str, room: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = line.to_string();
    while rest.chars().count() > room && !rest.trim_start().starts_with('#') {
        let (mut depth, mut inside, mut outside) = (0, None, None);
        for (column, (at, c)) in rest.char_indices().enumerate() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                ' ' if at <= INDENT => {}
                ' ' if depth > 0 && column <= room => inside = Some(at),
                ' ' if depth == 0 && column + 2 <= room => outside = Some(at),
                _ => {}
            }
        }
        let Some(at) = inside.or(outside) else { break };
        let tail = format!("{}{}", " ".repeat(INDENT), &rest[at + 1..]);
        rest.truncate(at);
        if inside.is_none() {
            rest.push_str(" \\");
        }
        pieces.push(std::mem::replace(&mut rest, tail));
    }
    pieces.push(rest);
    pieces
}

/// Columns by which a continued line of code is set in.
const INDENT: usize = 4;

fn line(out: &mut String, what: &str, value: &str) {
    let _ = writeln!(out, "  {what:<width$}{}", wrapped(value, COLUMN), width = COLUMN - 2);
}

fn formula(out: &mut String, what: &str, left: Option<&str>, text: &Text, after: &str) {
    let body = match left {
        Some(left) => format!("{left} = {}", text.body),
        None => text.body.clone(),
    };
    let room = super::wrap::WIDTH.saturating_sub(COLUMN);
    let joined = format!("{body}{after}");
    let value = if joined.chars().count() <= room || after.is_empty() {
        wrapped(&joined, COLUMN)
    } else {
        format!("{}\n{}{}", wrapped(&body, COLUMN), " ".repeat(COLUMN), after.trim_start())
    };
    let _ = writeln!(out, "  {what:<width$}{value}", width = COLUMN - 2);
    if text.omitted > 0 {
        let (omitted, shown) = (text.omitted, text.definitions.len());
        let _ = writeln!(
            out,
            "{:COLUMN$}where the first {omitted} definitions are left out (at most {shown} are printed)",
            ""
        );
    }
    for (name, body) in &text.definitions {
        let definition = format!("where {name} = {body}");
        let _ = writeln!(out, "{:COLUMN$}{}", "", wrapped(&definition, COLUMN));
    }
}
