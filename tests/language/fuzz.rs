//! Mutations of a kept corpus: nothing panics, and what is read without an error is formatted faithfully.
//!
//! `CHAINRULE_FUZZ=1000000` sets the number of rounds; the seed is fixed, so a failure comes again.

use super::formatted::checked;
use super::{folder, has_errors, read, rendered};
use chainrule_lang::ast::EntryKind;
use chainrule_lang::extract::extract_equations;
use chainrule_lang::parse::parse_latex;
use chainrule_lang::source::{Source, Span};

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

const TOKENS: [&str; 60] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "=",
    "==",
    "..",
    ".*",
    "^",
    "'",
    "-",
    "+",
    "/",
    "@",
    "_",
    "?",
    "\n",
    ";",
    "\"",
    "#",
    "if ",
    " else ",
    " and ",
    "not ",
    "def y = ",
    "claim a: ",
    "case A { ",
    "problem 1 {\n",
    "d(",
    "/d(x)",
    "dy/dx",
    "∂",
    "∂y/∂x",
    "\\frac{",
    "}{",
    "\\sum_{j=0}^{n-1} ",
    "_{ij}",
    "^{",
    "\\begin{cases}",
    "\\end{cases}",
    "\\\\",
    "&",
    "\\left|",
    "\\right|_h",
    "\\|",
    "\u{430}",
    "²",
    "ᵀ",
    "\0",
    "$$",
    "1e",
    "0.",
    "\\text{if}",
    " points ",
    " holding ",
    "x₁",
];

/// Cuts, copies, swaps, inserts; at byte and at token borders.
fn mutated(text: &str, other: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(12)).min(bytes.len());
        match random.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, TOKENS[random.below(TOKENS.len())].bytes())),
            2 => drop(bytes.splice(at..end, TOKENS[random.below(TOKENS.len())].bytes())),
            3 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                drop(bytes.splice(to..to, piece));
            }
            _ => {
                let from = random.below(other.len() + 1);
                let to = (from + random.below(30)).min(other.len());
                drop(bytes.splice(at..at, other.as_bytes()[from..to].iter().copied()));
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn nothing_panics() {
    let rounds = std::env::var("CHAINRULE_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000);
    let mut pieces: Vec<String> = Vec::new();
    for (_, text) in folder("corpus").into_iter().chain(folder("homework")) {
        pieces.extend(text.split("\n\n").map(String::from));
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut read_well = 0;
    for _ in 0..rounds {
        let (first, second) = (random.below(pieces.len()), random.below(pieces.len()));
        let text = mutated(&pieces[first], &pieces[second], &mut random);
        let (file, source, messages) = read(&text);
        let shown = rendered(&source, &messages);
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{text}\n{shown}");
        let unread = file.items.iter().any(|entry| matches!(entry.kind, EntryKind::Unread { .. }));
        assert!(!unread || has_errors(&messages), "an item is lost in silence:\n{text}");
        if !has_errors(&messages) {
            checked(&text);
            read_well += 1;
        }
        let tex = Source::new("a.tex", text.clone());
        let (_, messages) = parse_latex(&tex, Span::new(0, text.len()), &|name| name.len() == 1);
        rendered(&tex, &messages);
        for found in extract_equations(&text) {
            assert!(text.get(found.span.start..found.span.end).is_some(), "{text}");
        }
    }
    assert!(read_well * 20 > rounds, "too few of the mutants are programs: {read_well} of {rounds}");
}
