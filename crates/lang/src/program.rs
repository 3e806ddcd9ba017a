//! A file with its meaning: problems with their scopes, cases, claims and expectations.
//!
//! ```
//! use chainrule_lang::{program::Program, source::Source};
//! let text = "dim n\nvar x : real[n]\ndef l = 1/2 * sum(i, x[i]^2)\nclaim a: dl/dx = x\n";
//! let program = Program::new(Source::new("a.chain", text));
//! assert!(program.diagnostics.is_empty(), "{}", program.rendered());
//! assert_eq!(program.problems[0].claims[0].label, "a");
//! ```

mod assumed;
mod build;

pub(crate) use build::statement;

use build::Reading;

use crate::ast::{self, File};
use crate::case::Case;
use crate::diagnostic::{Diagnostic, Severity};
use crate::formula::Formula;
use crate::parse;
use crate::scope::{Scope, Settings};
use crate::source::{Source, Span};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use indexmap::IndexMap;
use std::sync::Arc;

/// A file that was read, and everything in it that has a meaning.
#[derive(Clone)]
pub struct Program {
    /// The text.
    pub source: Arc<Source>,
    /// Its tree.
    pub file: Arc<File>,
    /// Settings of the file.
    pub settings: Settings,
    /// Problems in order; what stands outside of all is a problem without a label, and comes last.
    pub problems: Vec<Problem>,
    /// What is wrong or doubtful.
    pub diagnostics: Vec<Diagnostic>,
}

/// A problem: names, cases, statements.
#[derive(Clone, Default)]
pub struct Problem {
    /// `1.1`; empty outside of all problems.
    pub label: String,
    /// Its title.
    pub title: Option<String>,
    /// Credit of the whole.
    pub points: Option<Rational>,
    /// Its names and its graph.
    pub scope: Scope,
    /// Cases by name.
    pub cases: IndexMap<String, Case>,
    /// Claims and expectations in order of writing.
    pub claims: Vec<Claim>,
    /// Expectations in order of writing.
    pub expects: Vec<Expectation>,
    /// Requests in order of writing.
    pub asks: Vec<ast::Ask>,
}

/// A claim.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its own label, `b`; a number from 1 when it has none.
    pub label: String,
    /// The equation as written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// The equation.
    pub equation: ast::Equation,
    /// What was understood; `None` when it is wrong, which the diagnostics say, or when a side is left to the learner.
    pub formula: Option<Formula>,
    /// The condition it is claimed under.
    pub given: Option<NodeId>,
    /// Credit.
    pub points: Option<Rational>,
    /// A side is `?`.
    pub asked: bool,
    /// Why it compares nothing: shapes or indices differ. Then there is no formula.
    pub not_comparable: Option<Diagnostic>,
}

/// An expectation with numbers.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Name of the case.
    pub case: String,
    /// The statement as written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// What is evaluated.
    pub left: ast::ExprId,
    /// What it should be.
    pub right: ast::ExprId,
    /// Both, understood; one side alone when the other is a constant.
    pub formula: Option<Formula>,
    /// What it should be, when that is a constant.
    pub constant: Option<crate::value::Constant>,
    /// How near.
    pub tolerance: ast::Tolerance,
    /// Credit.
    pub points: Option<Rational>,
}

impl Program {
    /// Reads a file and finds the meaning of everything in it. Nothing stops at the first mistake.
    pub fn new(source: Source) -> Program {
        Program::read(source, Reading::Whole)
    }

    /// Reads a file for the sake of its names: claims, expectations and answers are parsed and left alone.
    ///
    /// A formula is asked for in a fraction of the time, and also where a statement of the file is wrong.
    ///
    /// ```
    /// use chainrule_lang::{program::Program, source::Source};
    /// let text = "dim n\nvar x : real[n]\ndef l = sum(x)\nclaim a: dl/dx = not_yet\n";
    /// assert!(Program::new(Source::new("a.chain", text)).has_errors());
    /// let program = Program::declarations(Source::new("a.chain", text));
    /// assert!(!program.has_errors());
    /// assert!(program.query("dl/dx", None).is_ok());
    /// ```
    pub fn declarations(source: Source) -> Program {
        Program::read(source, Reading::Declarations)
    }

    /// Reads declarations as they are typed on a command line: sizes need no declaration of their own.
    ///
    /// ```
    /// use chainrule_lang::{program::Program, source::Source};
    /// let program = Program::inline(Source::new("<command line>", "var x : real[n]"));
    /// let query = program.query("d(log(sum(exp(x))))/dx", None).unwrap();
    /// assert_eq!(query.shape[0].to_string(), "n");
    /// ```
    pub fn inline(source: Source) -> Program {
        Program::read(source, Reading::Inline)
    }

    fn read(source: Source, reading: Reading) -> Program {
        let (file, diagnostics) = parse::parse(&source);
        build::build(Arc::new(source), Arc::new(file), diagnostics, reading)
    }

    /// Whether anything has no meaning.
    pub fn has_errors(&self) -> bool {
        crate::formula::has_errors(&self.diagnostics)
    }

    /// All diagnostics as text, in order of place.
    pub fn rendered(&self) -> String {
        self.rendered_from(Severity::Note)
    }

    /// Diagnostics of at least this severity as text, in order of place.
    pub fn rendered_from(&self, least: Severity) -> String {
        let mut sorted: Vec<&Diagnostic> = self.diagnostics.iter().filter(|d| d.severity >= least).collect();
        sorted.sort_by_key(|d| d.at());
        sorted.iter().map(|d| d.render(&self.source)).collect::<Vec<_>>().join("\n")
    }

    /// The problem with this label.
    pub fn problem(&self, label: &str) -> Option<&Problem> {
        self.problems.iter().find(|p| p.label == label)
    }
}

impl Problem {
    /// A statement's label with that of its problem: `1.1b`, `1.5.gV1`.
    pub fn full_label(&self, own: &str) -> String {
        let separated = self.label.is_empty() || own.starts_with(char::is_alphabetic);
        if separated { format!("{}{own}", self.label) } else { format!("{}.{own}", self.label) }
    }
}
