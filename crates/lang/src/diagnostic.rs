//! What is wrong with a source, where, and what to try.
//!
//! A diagnostic has a stable code, one sentence in terms of the reader's formula, labelled spans of which the first is
//! the place, and what to try. Rendering is plain ASCII, at most 100 columns, with the wrong piece underlined.

use crate::excerpt::{WIDTH, wrapped};
use crate::source::{Source, Span};
use std::fmt::Write as _;

/// How bad it is.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// What was understood, where the writing allowed a doubt.
    Note,
    /// Likely a slip; the reading goes on.
    Warning,
    /// The item has no meaning.
    Error,
}

impl Severity {
    /// As printed before the code.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One thing to tell about a source.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code such as `E0301`; notes have none.
    pub code: &'static str,
    /// One sentence, in terms of the reader's formula.
    pub message: String,
    /// The place, and what stands there; further places with theirs.
    pub labels: Vec<(Span, String)>,
    /// What to know, a line each.
    pub notes: Vec<String>,
    /// What to try, a line each.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, at: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, at, message)
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, at: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, at, message)
    }

    /// A note at a place.
    pub fn note(at: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Note, "", at, message)
    }

    fn new(severity: Severity, code: &'static str, at: Span, message: impl Into<String>) -> Diagnostic {
        let labels = vec![(at, String::new())];
        Diagnostic { severity, code, message: message.into(), labels, notes: Vec::new(), help: Vec::new() }
    }

    /// The same with words at its place.
    #[must_use]
    pub fn saying(mut self, words: impl Into<String>) -> Diagnostic {
        self.labels[0].1 = words.into();
        self
    }

    /// The same with one more place.
    #[must_use]
    pub fn label(mut self, at: Span, words: impl Into<String>) -> Diagnostic {
        self.labels.push((at, words.into()));
        self
    }

    /// The same with one more thing to try.
    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> Diagnostic {
        self.help.push(line.into());
        self
    }

    /// The same with one more thing to know.
    #[must_use]
    pub fn remark(mut self, line: impl Into<String>) -> Diagnostic {
        self.notes.push(line.into());
        self
    }

    /// Where it is.
    pub fn at(&self) -> Span {
        self.labels[0].0
    }

    /// As text, with the lines of the source it speaks of.
    ///
    /// ```
    /// use chainrule_lang::{diagnostic::Diagnostic, source::{Source, Span}};
    /// let source = Source::new("a.chain", "def y = 2 z[i]\n");
    /// let wrong = Diagnostic::error("E0011", Span::new(9, 10), "missing operator: `2 z[i]`").help("2*z[i]");
    /// assert_eq!(wrong.render(&source), "\
    /// error[E0011]: missing operator: `2 z[i]`
    ///   --> a.chain:1:10
    ///     1 | def y = 2 z[i]
    ///       |          ^
    ///    help: 2*z[i]
    /// ");
    /// ```
    pub fn render(&self, source: &Source) -> String {
        let mut out = String::new();
        let code = if self.code.is_empty() { String::new() } else { format!("[{}]", self.code) };
        paragraph(&mut out, &format!("{}{code}: ", self.severity.word()), &self.message);
        let (line, column) = source.place(self.at().start);
        let _ = writeln!(out, "  --> {}:{line}:{column}", source.name);
        self.excerpt(source, &mut out);
        for (word, lines) in [("note", &self.notes), ("help", &self.help)] {
            for line in lines {
                paragraph(&mut out, &format!("   {word}: "), line);
            }
        }
        out
    }
}

/// A text after its head, further lines below its first word.
fn paragraph(out: &mut String, head: &str, text: &str) {
    let lines = wrapped(text, WIDTH - head.len());
    for (k, line) in lines.iter().enumerate() {
        let margin = if k == 0 { head } else { &" ".repeat(head.len()) };
        let _ = writeln!(out, "{}", format!("{margin}{line}").trim_end());
    }
}
