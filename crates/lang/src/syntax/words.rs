//! Reserved words: what they do, and why they cannot name anything.

/// A reserved word of the language.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Word {
    And,
    Or,
    Not,
    If,
    Else,
    Problem,
    Dim,
    Var,
    Const,
    Param,
    Def,
    Let,
    Assume,
    Case,
    Claim,
    Expect,
    Answer,
    Derive,
    Explain,
    Check,
    Where,
    Given,
    Points,
    Holding,
    Tol,
    At,
}

impl Word {
    /// Words that begin an item.
    pub(crate) fn begins_item(self) -> bool {
        !matches!(self, Word::And | Word::Or | Word::Not | Word::If | Word::Else) && !self.ends_formula()
    }

    /// Words that end a formula because something of its item follows.
    pub(crate) fn ends_formula(self) -> bool {
        matches!(self, Word::Where | Word::Given | Word::Points | Word::Holding | Word::Tol | Word::At)
    }
}

const WORDS: [(Word, &str, &str); 26] = [
    (Word::And, "and", "both conditions hold"),
    (Word::Or, "or", "at least one condition holds"),
    (Word::Not, "not", "the condition does not hold"),
    (Word::If, "if", "`a if c else b`: a where c holds"),
    (Word::Else, "else", "`a if c else b`: b where c does not hold"),
    (Word::Problem, "problem", "begins a problem"),
    (Word::Dim, "dim", "declares sizes"),
    (Word::Var, "var", "declares variables"),
    (Word::Const, "const", "declares what is never differentiated"),
    (Word::Param, "param", "declares parameters"),
    (Word::Def, "def", "defines a node with a name"),
    (Word::Let, "let", "gives a formula a nickname"),
    (Word::Assume, "assume", "states a condition on the variables"),
    (Word::Case, "case", "gives numbers to names"),
    (Word::Claim, "claim", "states an equation to check"),
    (Word::Expect, "expect", "states a value in a case"),
    (Word::Answer, "answer", "answers a claim"),
    (Word::Derive, "derive", "asks for a derivative"),
    (Word::Explain, "explain", "asks for a derivation"),
    (Word::Check, "check", "asks for a verdict"),
    (Word::Where, "where", "states a relation of sizes after `dim`"),
    (Word::Given, "given", "states where a claim holds"),
    (Word::Points, "points", "states the credit"),
    (Word::Holding, "holding", "names what is held fixed"),
    (Word::Tol, "tol", "states how near a value must be"),
    (Word::At, "at", "names the case of `explain`"),
];

/// Names that are no words and still cannot be declared, with the reason; a size may be called so, because nothing
/// differentiates a size.
pub(crate) const UNDECLARABLE: [(&str, &str); 1] =
    [("d", "`d` marks derivatives, as in dl/dz and d(f)/d(x); a size may still be called `d`")];

/// The reserved words with what each does: the table of the manual.
///
/// ```
/// let words = chainrule_lang::syntax::words::reserved();
/// assert!(words.contains(&("given", "states where a claim holds")));
/// ```
pub fn reserved() -> Vec<(&'static str, &'static str)> {
    WORDS.iter().map(|&(_, text, use_)| (text, use_)).chain(UNDECLARABLE).collect()
}

/// The reserved word that a text is.
pub(crate) fn word(text: &str) -> Option<Word> {
    WORDS.iter().find(|(_, spelled, _)| *spelled == text).map(|&(word, _, _)| word)
}

/// Whether a text begins as an item of a file does: with the word of a declaration, a statement or a setting.
///
/// ```
/// use chainrule_lang::syntax::words::begins_item;
/// assert!(begins_item("var x : real[n]") && begins_item("index base 1"));
/// assert!(!begins_item("index") && !begins_item("dl/dx") && !begins_item("d(x)/dx"));
/// ```
pub fn begins_item(text: &str) -> bool {
    let mut words = text.split(|c: char| c.is_whitespace() || c == '"').filter(|w| !w.is_empty());
    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    // Words of settings are no reserved words: they may be names, and only what follows tells.
    let is_setting = match first {
        "index" => second == "base",
        "layout" => matches!(second, "numerator" | "denominator"),
        "einstein" => matches!(second, "on" | "off"),
        "grading" | "feedback" => second.starts_with(char::is_alphabetic),
        "title" => text.trim_start()["title".len()..].trim_start().starts_with('"'),
        _ => false,
    };
    is_setting || word(first).is_some_and(Word::begins_item)
}
