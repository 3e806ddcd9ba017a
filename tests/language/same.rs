//! Whether two files say the same, wherever their pieces stand.

use chainrule_lang::ast::{ExprId, File, Tree};
use std::fmt::Debug;

/// A file as text that holds all of it but spans and positions.
pub(crate) fn dump(file: &File) -> String {
    let mut out = String::new();
    for entry in &file.items {
        let (text, ids) = shape(entry);
        out += &text;
        out.push('\n');
        for id in ids {
            expression(&file.tree, id, &mut out);
        }
    }
    let comments: Vec<&str> = file.comments.iter().map(|comment| comment.text.as_str()).collect();
    out + &comments.join("\n")
}

fn expression(tree: &Tree, id: ExprId, out: &mut String) {
    let mut todo = vec![id];
    while let Some(id) = todo.pop() {
        let (text, mut ids) = shape(tree.kind(id));
        out.push_str("  ");
        *out += &text;
        out.push('\n');
        ids.reverse();
        todo.extend(ids);
    }
}

/// The debugging text without spans and without the numbers of expressions, and those numbers.
fn shape(of: &impl Debug) -> (String, Vec<ExprId>) {
    let (mut out, mut ids) = (String::new(), Vec::new());
    let text = format!("{of:?}");
    let mut rest = text.as_str();
    while let Some(at) = [rest.find("Span {"), rest.find("ExprId(")].into_iter().flatten().min() {
        out += &rest[..at];
        let closing = if rest[at..].starts_with('S') { '}' } else { ')' };
        let end = at + rest[at..].find(closing).unwrap();
        if closing == ')' {
            ids.push(ExprId(rest[at + 7..end].parse().unwrap()));
        }
        out.push('_');
        rest = &rest[end + 1..];
    }
    (out + rest, ids)
}
