//! Sizes: extents as Python expressions, and the lines that read them off the shapes of parameters.

use super::array::Level;
use super::names::Taken;
use chainrule_core::shape::Dim;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names of sizes in the text, and which of them it uses.
#[derive(Default)]
pub(super) struct SizeNames {
    python: BTreeMap<Arc<str>, String>,
    used: BTreeSet<Arc<str>>,
}

/// One axis of a parameter: its text, its position, its extent.
struct Known<'a> {
    parameter: &'a str,
    shape: &'a [Dim],
}

impl SizeNames {
    /// Names the sizes of an extent.
    pub(super) fn reserve(&mut self, dim: &Dim, taken: &mut Taken) {
        for name in dim.names() {
            self.python.entry(name.clone()).or_insert_with(|| taken.fresh(&name));
        }
    }

    /// An extent as text; its sizes are now used.
    pub(super) fn text(&mut self, dim: &Dim, taken: &mut Taken) -> (String, Level) {
        self.reserve(dim, taken);
        self.used.extend(dim.names());
        if let Some(n) = dim.as_fixed() {
            return (n.to_string(), if n < 0 { Level::Unary } else { Level::Atom });
        }
        let mut terms = dim.monomials();
        // Sizes first and the number last, as a reader expects: n - 1.
        let degree = |m: &[(Arc<str>, u32)]| m.iter().map(|(_, p)| *p).sum::<u32>();
        terms.sort_by(|(a, _), (b, _)| degree(b).cmp(&degree(a)).then_with(|| a.cmp(b)));
        // A difference begins with what is positive.
        if let Some(k) = terms.iter().position(|(_, c)| *c > 0) {
            terms[..=k].rotate_right(1);
        }
        let mut text = String::new();
        for (k, (monomial, coefficient)) in terms.iter().enumerate() {
            text.push_str(match (k, *coefficient < 0) {
                (0, true) => "-",
                (0, false) => "",
                (_, true) => " - ",
                (_, false) => " + ",
            });
            let magnitude = coefficient.unsigned_abs();
            let mut factors = Vec::new();
            if magnitude != 1 || monomial.is_empty() {
                factors.push(magnitude.to_string());
            }
            for (name, power) in monomial {
                let name = &self.python[name];
                factors.push(if *power == 1 { name.clone() } else { format!("{name} ** {power}") });
            }
            text.push_str(&factors.join(" * "));
        }
        let level = match terms.as_slice() {
            [(monomial, 1)] if monomial.len() == 1 && monomial[0].1 == 1 => Level::Atom,
            [(_, c)] if *c > 0 => Level::Mul,
            _ => Level::Add,
        };
        (text, level)
    }

    /// True for a text that consists of sizes and whole numbers only.
    pub(super) fn is_text(&self, text: &str) -> bool {
        let word = |w: &str| w.chars().all(|c| c.is_ascii_digit()) || self.python.values().any(|p| p == w);
        !text.is_empty() && text.split([' ', '+', '-', '*', '(', ')']).filter(|w| !w.is_empty()).all(word)
    }

    /// Lines that define the used sizes from the shapes of parameters, and the sizes that no shape determines.
    pub(super) fn define(&self, parameters: &[(String, Vec<Dim>)]) -> (Vec<String>, Vec<String>) {
        let known: Vec<Known<'_>> =
            parameters.iter().map(|(parameter, shape)| Known { parameter, shape }).collect();
        let mut lines = Vec::new();
        let mut open = self.used.clone();
        for source in &known {
            let direct: Vec<Option<&Arc<str>>> = source.shape.iter().map(Dim::as_name).collect();
            let wanted: BTreeSet<&Arc<str>> =
                direct.iter().flatten().copied().filter(|n| open.contains(*n)).collect();
            if wanted.is_empty() {
                continue;
            }
            let all = wanted.len() == direct.len();
            match direct.as_slice() {
                [Some(name)] => lines.push(format!("{}, = {}.shape", self.python[*name], source.parameter)),
                _ if all => {
                    let names: Vec<&str> =
                        direct.iter().flatten().map(|n| self.python[*n].as_str()).collect();
                    lines.push(format!("{} = {}.shape", names.join(", "), source.parameter));
                }
                _ => {
                    for name in &wanted {
                        let axis = direct.iter().position(|d| d == &Some(*name)).expect("invariant: wanted");
                        lines.push(format!("{} = {}.shape[{axis}]", self.python[*name], source.parameter));
                    }
                }
            }
            let done: Vec<Arc<str>> = wanted.into_iter().cloned().collect();
            done.iter().for_each(|n| {
                open.remove(n);
            });
        }
        for name in open.clone() {
            if let Some(line) = known.iter().find_map(|source| self.solved(&name, source)) {
                lines.push(line);
                open.remove(&name);
            }
        }
        let unknown = open.iter().map(|n| self.python[n].clone()).collect();
        (lines, unknown)
    }

    /// `n = (x.shape[0] - 1) // 2` for an extent `2*n + 1`.
    fn solved(&self, name: &Arc<str>, source: &Known<'_>) -> Option<String> {
        for (axis, dim) in source.shape.iter().enumerate() {
            let at = |value: i64| dim.evaluate(&[(name.clone(), value)].into_iter().collect()).ok();
            let (Some(zero), Some(one), Some(two)) = (at(0), at(1), at(2)) else { continue };
            let slope = one - zero;
            if slope == 0 || two - one != slope {
                continue;
            }
            let python = &self.python[name];
            let extent = format!("{}.shape[{axis}]", source.parameter);
            let shifted = match zero {
                0 => extent,
                z if z > 0 => format!("({extent} - {z})"),
                z => format!("({extent} + {})", -z),
            };
            let text = if slope == 1 { shifted } else { format!("{shifted} // {slope}") };
            return Some(format!("{python} = {text}"));
        }
        None
    }
}
