//! Python identifiers: what may be called what.
//!
//! A name is kept where Python allows it; keywords, names that the text needs itself and names that are taken get
//! a suffix. Other characters become underscores.

use std::collections::BTreeSet;

/// Keywords of Python, and the modules that the text uses.
const RESERVED: [&str; 38] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "np",
    "special", "bool",
];

/// The names that are taken.
#[derive(Default)]
pub(super) struct Taken(BTreeSet<String>);

impl Taken {
    /// `wanted`, or the nearest name to it that is free.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let base = identifier(wanted);
        let mut name = base.clone();
        let mut number = 2;
        while !self.0.insert(name.clone()) {
            // A name that ends in a digit would read as another number.
            let between = if base.ends_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
            name = format!("{base}{between}{number}");
            number += 1;
        }
        name
    }

    /// A letter for an index array.
    pub(super) fn index(&mut self) -> String {
        let free = ["i", "j", "k", "l"].into_iter().find(|l| !self.0.contains(*l));
        self.fresh(free.unwrap_or("i"))
    }

    /// `t1`, `t2`, ...
    pub(super) fn numbered(&mut self, letter: &str) -> String {
        (1usize..)
            .map(|k| format!("{letter}{k}"))
            .find(|name| self.0.insert(name.clone()))
            .expect("invariant: some number is free")
    }
}

/// An identifier as near as possible to a name; keywords get an underscore, as Python's style guide says.
pub(super) fn identifier(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || ('α'..='ω').contains(&c);
    let mut text: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) {
        text.insert(0, '_');
    }
    if RESERVED.contains(&text.as_str()) {
        text.push('_');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_reserves_is_renamed() {
        let mut taken = Taken::default();
        let all = ["lambda", "np", "x", "x", "W.1", "3d", "", "x2", "λ"].map(|n| taken.fresh(n));
        assert_eq!(all, ["lambda_", "np_", "x", "x2", "W_1", "_3d", "_", "x2_2", "λ"]);
        assert_eq!([taken.numbered("t"), taken.numbered("t")], ["t1", "t2"]);
    }
}
