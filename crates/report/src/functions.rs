//! The functions of the language as a table, from their own records.

use chainrule_lang::{ELEMENTWISE, Function, OTHERS};
use std::fmt::Write;

/// Every function: elementwise ones, then the rest.
pub fn all() -> impl Iterator<Item = &'static Function> {
    ELEMENTWISE.iter().chain(OTHERS)
}

/// The table as text.
pub fn text() -> String {
    let mut out = String::new();
    for (title, list) in [("Elementwise", ELEMENTWISE), ("Arrays, reductions, derivatives", OTHERS)] {
        let _ = writeln!(out, "{}{title}", if out.is_empty() { "" } else { "\n" });
        for function in list {
            out.push_str(&one(function));
        }
    }
    out
}

/// One line of the table; a long spelling has a line of its own.
pub fn one(function: &Function) -> String {
    const WIDTH: usize = 34;
    if function.usage.len() < WIDTH {
        format!("  {:<WIDTH$}{}\n", function.usage, function.about)
    } else {
        format!("  {}\n  {:WIDTH$}{}\n", function.usage, "", function.about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_one_line_within_the_width() {
        let text = text();
        for function in all() {
            assert!(text.contains(function.usage) && text.contains(function.about), "{}", function.name);
        }
        assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
    }
}
