//! A formula asked for in a program: found in its problem, lowered, verified, evaluated.

use crate::ast::Side;
use crate::case::Case;
use crate::diagnostic::Diagnostic;
use crate::formula::{self, Formula, Request};
use crate::parse;
use crate::program::{Problem, Program};
use crate::scope::Scope;
use crate::source::{Source, Span};
use crate::verify::{self, Verified};
use chainrule_core::error::Error;
use chainrule_core::eval::{Evaluation, Options};
use chainrule_core::node::NodeId;
use chainrule_core::shape::Dim;
use chainrule_core::simplify;

/// A formula with its meaning.
#[derive(Clone)]
pub struct Query {
    /// Label of the problem that it was found in.
    pub label: String,
    /// The names and the graph it was lowered in.
    pub scope: Scope,
    /// The formula as typed.
    pub source: Source,
    /// Its letters and its side.
    pub formula: Formula,
    /// Its node, definitions opened and simplified; axes of the letters first.
    pub node: NodeId,
    /// Extents of the node's axes, as written.
    pub shape: Vec<Dim>,
    /// Warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a formula has no meaning: the text, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The formula as typed.
    pub source: Source,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

impl Refusal {
    /// As text.
    pub fn rendered(&self) -> String {
        self.diagnostics.iter().map(|d| d.render(&self.source)).collect::<Vec<_>>().join("\n")
    }
}

impl Program {
    /// The meaning of a formula, in the problem `within`, else in the one problem where all of its names resolve.
    ///
    /// `1.3:dy/dV` names the problem too.
    ///
    /// # Errors
    /// [`Refusal`] with everything that is wrong, or with the problems in which the formula has a meaning.
    pub fn query(&self, text: &str, within: Option<&str>) -> Result<Query, Box<Refusal>> {
        if let Some((label, _)) = text.split_once(':')
            && within.is_none()
            && label.trim().starts_with(|c: char| c.is_ascii_digit())
            && label.trim().chars().all(|c| c.is_alphanumeric() || c == '.')
            && self.problem(label.trim()).is_none()
        {
            let source = Source::new("<formula>", text.trim());
            return Err(Box::new(Refusal { diagnostics: vec![self.no_problem(label.trim())], source }));
        }
        let (within, text) = match text.split_once(':') {
            Some((label, rest)) if within.is_none() && self.problem(label.trim()).is_some() => {
                (Some(label.trim()), rest)
            }
            _ => (within, text),
        };
        let source = Source::new("<formula>", text.trim());
        let refuse = |diagnostics| Err(Box::new(Refusal { source: source.clone(), diagnostics }));
        let candidates: Vec<&Problem> = match within {
            None => self.problems.iter().collect(),
            Some(label) => match self.problem(label) {
                Some(problem) => vec![problem],
                None => {
                    return refuse(vec![self.no_problem(label)]);
                }
            },
        };
        let mut found: Vec<Query> = Vec::new();
        let mut refused: Option<Vec<Diagnostic>> = None;
        for problem in &candidates {
            match ask(problem, &source) {
                Ok(query) => found.push(query),
                Err(wrong) if refused.as_ref().is_none_or(|r| wrong.len() < r.len()) => refused = Some(wrong),
                Err(_) => {}
            }
        }
        let whole = Span::new(0, source.text.len());
        if found.len() > 1 {
            let labels: Vec<&str> = found.iter().map(|q| q.label.as_str()).collect();
            let wrong = Diagnostic::error(
                "E0117",
                whole,
                format!("`{}` has a meaning in several problems", source.text),
            )
            .help(format!("say which: --in {}", labels.join("  or  --in ")));
            return refuse(vec![wrong]);
        }
        match (found.pop(), refused) {
            (Some(query), _) => Ok(query),
            (None, Some(wrong)) => refuse(wrong),
            (None, None) => {
                refuse(vec![Diagnostic::error("E0103", whole, "there is no problem in this file")])
            }
        }
    }
}

impl Program {
    fn no_problem(&self, label: &str) -> Diagnostic {
        let labels: Vec<&str> =
            self.problems.iter().map(|p| p.label.as_str()).filter(|l| !l.is_empty()).collect();
        let wrong = Diagnostic::error("E0103", Span::default(), format!("there is no problem {label}"));
        match labels.is_empty() {
            true => wrong.help("there are no problems here: leave the label out"),
            false => wrong.help(format!("problems: {}", labels.join(", "))),
        }
    }
}

/// Lowers a formula in a problem's scope.
fn ask(problem: &Problem, source: &Source) -> Result<Query, Vec<Diagnostic>> {
    let (read, mut diagnostics) = parse::parse_formula(source);
    let Some((tree, equation)) = read.filter(|_| !formula::has_errors(&diagnostics)) else {
        return Err(diagnostics);
    };
    let sides: Vec<_> =
        equation.sides.iter().filter_map(|s| if let Side::Expr(e) = s { Some(*e) } else { None }).collect();
    if let [_, second, ..] = sides[..] {
        let whole = Span::new(0, source.text.len());
        let first = source.slice(tree.span(sides[0])).trim().to_string();
        diagnostics.push(
            Diagnostic::error("E0118", whole, "an equation is a claim; one formula is asked for here")
                .label(tree.span(second), "a second side")
                .help(format!("ask for a side:  {first}"))
                .help(format!("or state it in a file:  claim a: {}", source.text)),
        );
        return Err(diagnostics);
    }
    let holding: Vec<String> = equation.holding.iter().map(|n| n.text.clone()).collect();
    let mut scope = problem.scope.clone();
    for name in equation.holding.iter().filter(|n| problem.scope.node(&n.text).is_none()) {
        diagnostics.push(
            Diagnostic::error("E0103", name.span, format!("`{}` is not declared", name.text))
                .help("names after `holding` are kept fixed"),
        );
    }
    let request = Request {
        tree: &tree,
        text: &source.text,
        sides: &sides,
        left: Vec::new(),
        holding: &holding,
        rules: None,
    };
    let lowered = formula::lower(&mut scope, &request, &mut diagnostics);
    let Some(formula) = lowered.filter(|_| !formula::has_errors(&diagnostics)) else {
        return Err(diagnostics);
    };
    let Some(side) = formula.sides.first().cloned() else { return Err(diagnostics) };
    let node = match opened(&mut scope, side.node) {
        Ok(node) => node,
        Err(error) => {
            diagnostics.push(crate::lower::functions::from_core(&error, side.span, &source.text));
            return Err(diagnostics);
        }
    };
    let shape = scope.graph.shape(node).to_vec();
    Ok(Query {
        label: problem.label.clone(),
        scope,
        source: source.clone(),
        formula,
        node,
        shape,
        diagnostics,
    })
}

/// A node with definitions opened, and simplified.
pub(crate) fn opened(scope: &mut Scope, node: NodeId) -> Result<NodeId, Error> {
    let lowered = scope.graph.lower(&[node], &[])?.outputs;
    Ok(scope.graph.simplify(&lowered, &simplify::Options::default())?.outputs[0])
}

impl Query {
    /// Compares every derivative in the formula with dual numbers.
    ///
    /// # Errors
    /// What an evaluation refuses at every point that was tried.
    pub fn verify(&mut self) -> Result<Verified, Error> {
        verify::verify(&mut self.scope.graph, &self.formula.taken)
    }

    /// The value at a case, with the kinks that were hit.
    ///
    /// # Errors
    /// Names without a value, all at once; labels out of range; what else an evaluation refuses.
    pub fn evaluate(&self, case: &Case) -> Result<Evaluation<f64>, Error> {
        let options = Options { kinks: true, ..Options::default() };
        self.scope.graph.evaluate_with(&[self.node], &case.bindings(&self.scope), &options)
    }
}
