//! Fresh letters: names of indices exist only here, so nothing is ever captured.
//!
//! Free indices take the first letters in axis order, every binder the next one; letters in scope are therefore
//! `0 .. depth`. A letter never equals a name or a size of the graph: with an input `i`, the first letter is `j`.

use std::collections::BTreeSet;

/// Letters in the order in which they are taken; `d` and `e` have a meaning of their own in the language.
const LETTERS: &[&str] = &[
    "i", "j", "k", "l", "m", "n", "p", "q", "r", "s", "u", "v", "w", "a", "b", "c", "f", "g", "h", "x", "y",
    "z",
];

/// A supply of letters that avoids the names in use.
pub(crate) struct Letters {
    reserved: BTreeSet<String>,
    made: Vec<String>,
    candidates: Box<dyn Iterator<Item = String>>,
}

impl Letters {
    /// Letters other than `reserved`, the preferred ones first.
    pub(crate) fn new(preferred: &[String], reserved: BTreeSet<String>) -> Letters {
        let plain = LETTERS.iter().map(|l| (*l).to_string());
        let numbered = (1u32..).flat_map(|n| LETTERS[..4].iter().map(move |l| format!("{l}{n}")));
        let preferred = preferred.to_vec();
        let candidates = preferred.into_iter().chain(plain).chain(numbered);
        Letters { reserved, made: Vec::new(), candidates: Box::new(candidates) }
    }

    /// Letter number `k`.
    pub(crate) fn letter(&mut self, k: usize) -> &str {
        while self.made.len() <= k {
            let next = self.candidates.next().expect("invariant: numbered letters never end");
            if self.reserved.insert(next.clone()) {
                self.made.push(next);
            }
        }
        &self.made[k]
    }

    /// A prefix such that `prefix1`, `prefix2`, … are all free (a bare `t` does no harm beside `t1`).
    pub(crate) fn prefix(&self) -> String {
        let numbered = |name: &str, prefix: &str| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
        };
        let mut prefix = "t".to_string();
        while self.reserved.iter().any(|name| numbered(name, &prefix)) {
            prefix.push('t');
        }
        prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_avoid_names_and_never_end() {
        let reserved = ["i", "k", "t1"].map(String::from).into();
        let mut letters = Letters::new(&["q".to_string(), "i".to_string()], reserved);
        assert_eq!(letters.letter(0), "q");
        assert_eq!(letters.letter(1), "j");
        assert_eq!(letters.letter(2), "l");
        assert_eq!(letters.letter(20), "i1");
        assert_eq!(letters.prefix(), "tt");
    }
}
