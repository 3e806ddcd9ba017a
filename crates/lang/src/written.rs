//! Statements that stand in another text than the declarations: displayed equations of LaTeX and Markdown, answers of
//! a learner.
//!
//! Each becomes a program of its own: the declared problem with that one claim, so that it is judged, reported and
//! repaired as a claim of the file would be.

use crate::ast::{Entry, EntryKind, Equation, File, Name, Side, Tree};
use crate::diagnostic::Diagnostic;
use crate::extract::extract_equations;
use crate::format::format_equation;
use crate::parse::{parse, parse_formula, parse_latex};
use crate::program::{Claim, Problem, Program, statement};
use crate::source::{Source, Span};
use std::sync::Arc;

/// A statement of another text.
#[derive(Clone)]
pub struct Written {
    /// Where it stands there, as a line.
    pub line: usize,
    /// As written, on one line.
    pub text: String,
    /// As understood, in the language.
    pub understood: Option<String>,
    /// The declared problem with this one claim; `None` when it was not understood.
    pub program: Option<Program>,
    /// Why not, or what is doubtful.
    pub diagnostics: Vec<Diagnostic>,
    /// The text that the diagnostics speak of.
    pub source: Arc<Source>,
}

impl Program {
    /// Every displayed equation of a LaTeX or Markdown text, against the declarations of this program.
    ///
    /// An equation is understood in the first problem where all of its names resolve. Nothing is skipped silently.
    pub fn displayed(&self, source: &Source) -> Vec<Written> {
        let shared = Arc::new(source.clone());
        let mut all = Vec::new();
        for displayed in extract_equations(&source.text) {
            let mut written = Written {
                line: source.place(displayed.span.start).0,
                text: one_line(source.slice(displayed.span)),
                understood: None,
                program: None,
                diagnostics: Vec::new(),
                source: shared.clone(),
            };
            match displayed.broken {
                Some(why) => written.diagnostics.push(
                    Diagnostic::error("E0017", displayed.span, why)
                        .help("what stands in it is not read until it is closed"),
                ),
                None => self.understand(&mut written, displayed.span, &(all.len() + 1).to_string()),
            }
            all.push(written);
        }
        all
    }

    fn understand(&self, written: &mut Written, span: Span, label: &str) {
        let source = written.source.clone();
        let mut best: Option<(Option<String>, Vec<Diagnostic>)> = None;
        for problem in &self.problems {
            let is_declared = |name: &str| problem.scope.find(name).is_some();
            let (read, diagnostics) = parse_latex(&source, span, &is_declared);
            // An echo is plain ASCII, as the language is typed.
            let echo = |(tree, equation): &(Tree, Equation)| {
                format_equation(tree, equation, &source).replace('∂', "d")
            };
            let understood = read.as_ref().map(echo);
            let mut told = diagnostics;
            if let Some((tree, equation)) = read.filter(|_| !crate::formula::has_errors(&told)) {
                let (program, more) = self.one_claim(problem, &source, tree, &equation, label);
                told.extend(more);
                if let Some(program) = program {
                    written.program = Some(program);
                    written.understood = understood;
                    written.diagnostics = told;
                    return;
                }
            }
            let errors = |d: &[Diagnostic]| d.len();
            if best.as_ref().is_none_or(|(_, known)| errors(&told) < errors(known)) {
                best = Some((understood, told));
            }
        }
        if let Some((understood, told)) = best {
            (written.understood, written.diagnostics) = (understood, told);
        }
    }

    /// The problem with one claim of another text.
    fn one_claim(
        &self,
        problem: &Problem,
        source: &Arc<Source>,
        tree: Tree,
        equation: &Equation,
        label: &str,
    ) -> (Option<Program>, Vec<Diagnostic>) {
        let file = Arc::new(File { tree, ..File::default() });
        let mut only =
            Problem { claims: Vec::new(), expects: Vec::new(), asks: Vec::new(), ..problem.clone() };
        if let [side] = equation.sides[..] {
            let Side::Expr(e) = side else { return (None, Vec::new()) };
            let wrong =
                Diagnostic::error("E0008", file.tree.span(e), "an equation is expected: this claims nothing")
                    .help("as in  \\frac{\\partial l}{\\partial z_i} = z_i - t_i");
            return (None, vec![wrong]);
        }
        let (claim, diagnostics): (Claim, _) = statement(&mut only, source, &file, equation, label);
        if claim.formula.is_none() && claim.not_comparable.is_none() {
            return (None, diagnostics);
        }
        only.claims.push(claim);
        let program = Program {
            source: source.clone(),
            file,
            settings: self.settings.clone(),
            problems: vec![only],
            diagnostics: Vec::new(),
        };
        (Some(program), diagnostics)
    }

    /// Every `answer` of a learner's file, against the claims of this program.
    ///
    /// An answer is compared with the side that the claim states: `claim b: dl/dz[i] = ?` and
    /// `answer 1.1b: dl/dz[i] = …` make one chain.
    pub fn answers(&self, source: &Source) -> Vec<Written> {
        let shared = Arc::new(source.clone());
        let (file, told) = parse(source);
        let mut all: Vec<Written> = Vec::new();
        let refused = |span: Span, diagnostic: Diagnostic| Written {
            line: source.place(span.start).0,
            text: one_line(source.slice(span)),
            understood: None,
            program: None,
            diagnostics: vec![diagnostic],
            source: shared.clone(),
        };
        let broken: Vec<Span> = told.iter().map(Diagnostic::at).collect();
        for diagnostic in told {
            all.push(refused(diagnostic.at(), diagnostic));
        }
        for (entry, within) in entries(&file) {
            let EntryKind::Answer { label, equation } = &entry.kind else { continue };
            // A mistake of writing was told above, and is told once.
            if broken.iter().any(|at| entry.span.start <= at.start && at.start < entry.span.end) {
                continue;
            }
            match self.claim_of(label, within) {
                Some((problem, claim)) => {
                    all.push(self.answered(problem, claim, source, equation, entry.span));
                }
                None => {
                    let labels =
                        self.problems.iter().flat_map(|p| p.claims.iter().map(|c| p.full_label(&c.label)));
                    let labels: Vec<String> = labels.take(30).collect();
                    let wrong = Diagnostic::error(
                        "E0103",
                        label.span,
                        format!("there is no claim {} to answer", label.text),
                    );
                    all.push(refused(entry.span, wrong.help(format!("claims: {}", labels.join(", ")))));
                }
            }
        }
        all
    }

    fn claim_of(&self, label: &Name, within: Option<&str>) -> Option<(&Problem, &Claim)> {
        let matches = |p: &Problem, c: &Claim| {
            let full = p.full_label(&c.label);
            full == label.text || (within == Some(p.label.as_str()) && c.label == label.text)
        };
        self.problems.iter().find_map(|p| p.claims.iter().find(|c| matches(p, c)).map(|c| (p, c)))
    }

    fn answered(
        &self,
        problem: &Problem,
        claim: &Claim,
        source: &Source,
        equation: &Equation,
        span: Span,
    ) -> Written {
        let asked = claim.equation.sides.iter().find_map(|s| match s {
            Side::Expr(e) => Some(self.source.slice(self.file.tree.span(*e)).to_string()),
            Side::Asked(_) => None,
        });
        let answer = one_line(source.slice(equation.span));
        let asked = asked.map(|a| one_line(&a)).unwrap_or_default();
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        // The answer may repeat the left side, or give the right side alone.
        let repeated = answer.split_once('=').is_some_and(|(left, _)| squeezed(left) == squeezed(&asked));
        let whole = if asked.is_empty() || repeated { answer.clone() } else { format!("{asked} = {answer}") };
        let whole = Arc::new(Source::new(source.name.clone(), whole));
        let mut written = Written {
            line: source.place(span.start).0,
            text: whole.text.clone(),
            understood: Some(whole.text.clone()),
            program: None,
            diagnostics: Vec::new(),
            source: whole.clone(),
        };
        let (read, told) = parse_formula(&whole);
        written.diagnostics = told;
        if let Some((tree, equation)) = read.filter(|_| !crate::formula::has_errors(&written.diagnostics)) {
            let (program, more) = self.one_claim(problem, &whole, tree, &equation, &claim.label);
            written.diagnostics.extend(more);
            written.program = program;
            // The answer is worth what its claim is, under the same condition.
            if let Some(own) = written.program.as_mut().and_then(|p| p.problems[0].claims.last_mut()) {
                (own.points, own.given) = (claim.points.clone(), claim.given);
            }
        }
        written
    }
}

/// Items at the top and in problems, with the label of the problem.
fn entries(file: &File) -> Vec<(&Entry, Option<&str>)> {
    let mut all = Vec::new();
    for entry in &file.items {
        match &entry.kind {
            EntryKind::Problem(p) => all.extend(p.items.iter().map(|e| (e, Some(p.label.text.as_str())))),
            _ => all.push((entry, None)),
        }
    }
    all
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
