//! The list of primitives, from their own records: formula, derivative entry, domain, kinks.
//!
//! The derivative of an elementwise function is not written in its record but printed from the rule, so the list
//! cannot disagree with what the engine does.

use chainrule_core::error::edits;
use chainrule_core::ops::composite::COMPOSITES;
use chainrule_core::ops::map::{MAPS, Map};
use chainrule_core::ops::rules::PRIMITIVES;
use chainrule_core::render::Printer;
use chainrule_core::shape::Type;
use chainrule_core::{Graph, Result};
use std::fmt::{self, Write};

/// One primitive of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Name, as written.
    pub name: &'static str,
    /// Heading under which it is listed.
    pub family: &'static str,
    /// One sentence.
    pub about: String,
    /// Value, in index notation.
    pub formula: String,
    /// Entries of the Jacobian, one line for each argument.
    pub derivatives: Vec<String>,
    /// Where it is defined.
    pub domain: String,
    /// Where it has no derivative, and the convention there; empty when nowhere.
    pub kinks: String,
}

/// Every primitive: elementwise functions, then structure and reductions, then named composites.
///
/// # Errors
/// None for the tables as they stand.
pub fn entries() -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for map in MAPS {
        entries.push(map_entry(map)?);
    }
    for p in PRIMITIVES.iter().copied().chain(COMPOSITES.iter().map(|c| &c.primitive)) {
        entries.push(Entry {
            name: p.name,
            family: p.family,
            about: p.about.to_string(),
            formula: p.formula.to_string(),
            derivatives: p.derivative.split(";  ").map(str::to_string).collect(),
            domain: p.domain.to_string(),
            kinks: if p.kinks == "none" { String::new() } else { p.kinks.to_string() },
        });
    }
    Ok(entries)
}

const ARGUMENTS: [&[&str]; 3] = [&["x"], &["a", "b"], &["x", "a", "b"]];

fn map_entry(map: &'static Map) -> Result<Entry> {
    let names = ARGUMENTS[map.arity() - 1];
    let mut g = Graph::new();
    let mut args = Vec::new();
    for name in names {
        args.push(g.input(name, Type::scalar())?);
    }
    let y = g.map(map, &args)?;
    let mut derivatives = Vec::new();
    for (k, name) in names.iter().enumerate() {
        let text = match g.local_jacobian(y, k) {
            Ok(partial) => Printer::new(&g).names(&[(y, "y")]).index_text(partial).to_string(),
            Err(refusal) => format!("none: {refusal}"),
        };
        derivatives.push(format!("dy/d{name} = {}", text.replace('\n', " ")));
    }
    let kinks: Vec<String> = map
        .kinks
        .iter()
        .map(|k| match k.interval {
            "none" => format!("{}: {} is taken, though there is no derivative", k.at, k.taken),
            interval => format!("{}: {} is taken, anything in {interval} would be right", k.at, k.taken),
        })
        .collect();
    Ok(Entry {
        name: map.name,
        family: "Elementwise functions",
        about: first_sentence(map.about),
        formula: format!("y = {}", Printer::new(&g).index_text(y)),
        derivatives,
        domain: map.domain.text().to_string(),
        kinks: kinks.join("; "),
    })
}

/// The first sentence of a block's documentation, whose lines are broken anywhere.
fn first_sentence(about: &str) -> String {
    let text = about.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

/// Names of the entries, those nearest to a name that is none of them first.
pub fn nearest(entries: &[Entry], name: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = entries.iter().map(|e| e.name).collect();
    names.dedup();
    names.sort_by_key(|n| distance(n, &name.to_lowercase()));
    names
}

/// Twice the letters that are to be put in, taken out or changed; half of that where one name contains the other.
fn distance(a: &str, b: &str) -> usize {
    let letters = edits(a, b);
    let part = b.len() > 2 && (a.contains(b) || b.contains(a) && a.len() > 2);
    2 * letters / if part { 2 } else { 1 }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}", self.name, self.about)?;
        writeln!(f, "    value   {}", self.formula)?;
        for d in &self.derivatives {
            writeln!(f, "    entry   {d}")?;
        }
        writeln!(f, "    domain  {}", self.domain)?;
        if self.kinks.is_empty() { Ok(()) } else { writeln!(f, "    kinks   {}", self.kinks) }
    }
}

/// The list as text, one block for each primitive.
///
/// # Errors
/// None for the tables as they stand.
pub fn text() -> Result<String> {
    let entries = entries()?;
    let mut out = format!(
        "{} primitives and composites; every derivative is derived or printed from its rule\n",
        entries.len()
    );
    let mut families: Vec<&str> = Vec::new();
    for e in &entries {
        if !families.contains(&e.family) {
            families.push(e.family);
        }
    }
    for family in families {
        let _ = write!(out, "\n{family}\n{}\n", "-".repeat(family.len()));
        for e in entries.iter().filter(|e| e.family == family) {
            let _ = write!(out, "\n{e}");
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        let entries = entries().unwrap();
        for (written, meant) in
            [("sofmax", "softmax"), ("Tanh", "tanh"), ("ln", "log"), ("cholesk", "cholesky")]
        {
            let names = nearest(&entries, written);
            assert!(names[..3].contains(&meant), "{written}: {names:?}");
        }
        assert_eq!(nearest(&entries, "").len(), entries.len());
    }

    #[test]
    fn a_sentence_does_not_end_with_its_line() {
        assert_eq!(
            first_sentence("Nearest point of\n`[a, b]` to `x`. The partial\n"),
            "Nearest point of [a, b] to x."
        );
    }

    #[test]
    fn the_list_is_long_enough_and_says_everything() {
        let entries = entries().unwrap();
        assert!(entries.len() >= 45, "{}", entries.len());
        for e in entries {
            assert!(!e.about.is_empty() && !e.formula.is_empty() && !e.domain.is_empty(), "{e:?}");
            assert!(e.derivatives.iter().all(|d| !d.is_empty()) && !e.derivatives.is_empty(), "{e:?}");
        }
    }
}
