//! The smallest edit of a learner's own formula that makes it right.
//!
//! Edits are made in the text of the claimed side, one at a time, the smallest first. Each edited text is read and
//! lowered as the claim was, beside a stand-in for the derived value, so that nothing is derived again. What agrees at
//! the counterexample is put to the same check as the claim, under a small budget.

mod edits;

use crate::ast::{Equation, Role, Side};
use crate::formula::{self, Formula, Request};
use crate::parse::parse_formula;
use crate::program::{Claim, Program};
use crate::scope::{Declared, Meaning, Scope};
use crate::source::{Source, Span};
use chainrule_check::{Budget, Counterexample, Question, Slip, Verdict, check};
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::shape::{DType, Type};
use indexmap::IndexSet;
use std::time::{Duration, Instant};

/// Edited formulas that are read; the smallest edits come first.
const TRIED: usize = 500;

/// What the search knows of the claim.
pub(crate) struct Wrong<'w> {
    pub(crate) claim: &'w Claim,
    pub(crate) formula: &'w Formula,
    /// Position of the claimed side.
    pub(crate) claimed: usize,
    /// The derived value, without tags.
    pub(crate) truth: NodeId,
    pub(crate) assume: &'w [NodeId],
    pub(crate) point: &'w Counterexample,
}

/// The claimed side after its smallest edit that is right, with the slip that the edit undoes; `None` where no single
/// edit is.
pub(crate) fn smallest(
    program: &Program,
    scope: &Scope,
    wrong: &Wrong<'_>,
    budget: &Budget,
) -> Option<(String, Slip)> {
    // The count of edits ends the search; the clock only guards against edits that are slow to decide.
    let deadline = Instant::now() + budget.time.min(Duration::from_secs(2));
    let side = written(program, wrong)?;
    let mut search = Search::new(scope, wrong)?;
    let (tree, equation) = parse_formula(&Source::new("", side.as_str())).0?;
    let [Side::Expr(root)] = equation.sides[..] else { return None };
    let words = edits::Words::of(scope, &tree, root, wrong.formula);
    let mut seen = IndexSet::from([side.clone()]);
    for edit in edits::of(&tree, root, &side, &words) {
        if seen.len() > TRIED || Instant::now() > deadline {
            return None;
        }
        let mut text = side.clone();
        text.replace_range(edit.span.start..edit.span.end, &edit.text);
        if seen.insert(text.clone()) && search.is_right(&text, budget) {
            return Some((text, slip(edit.slip)));
        }
    }
    None
}

fn slip((name, tag, sentence): edits::Slipped) -> Slip {
    Slip { name, tag, right: "", wrong: "", sentence: sentence.to_string(), step: None, with: None }
}

/// The claimed side alone: as it was written, or in the spacing of the language where that is no text of it.
fn written(program: &Program, wrong: &Wrong<'_>) -> Option<String> {
    let mut sides = wrong.claim.equation.sides.iter().filter(|s| matches!(s, Side::Expr(_)));
    let side = *sides.nth(wrong.claimed)?;
    let Side::Expr(root) = side else { return None };
    let alone = Equation { sides: vec![side], holding: Vec::new(), span: wrong.claim.equation.span };
    let spaced = crate::format::format_equation(&program.file.tree, &alone, &program.source);
    let own = Source::new("", program.source.slice(program.file.tree.span(root)));
    let same = match parse_formula(&own) {
        (Some((tree, equation)), told) if told.is_empty() => {
            crate::format::format_equation(&tree, &equation, &own) == spaced
        }
        _ => false,
    };
    Some(if same && !own.text.contains('\n') { own.text } else { spaced })
}

struct Search<'w> {
    wrong: &'w Wrong<'w>,
    /// The names of the problem and the stand-in.
    scope: Scope,
    /// `derived[i,j]`
    left: String,
}

impl<'w> Search<'w> {
    fn new(scope: &Scope, wrong: &'w Wrong<'w>) -> Option<Search<'w>> {
        let mut scope = scope.clone();
        let mut name = "derived".to_string();
        while scope.names.contains_key(&name) || scope.graph.find_input(&name).is_some() {
            name.push('_');
        }
        let shape = scope.graph.shape(wrong.truth).to_vec();
        let input = scope.graph.input(&name, Type { dtype: DType::Real, shape, below: None }).ok()?;
        let declared = Declared { meaning: Meaning::Input(input, Role::Const), span: Span::default() };
        scope.names.insert(name.clone(), declared);
        let letters: Vec<&str> = wrong.formula.letters.iter().map(|l| l.name.as_str()).collect();
        let left = if letters.is_empty() { name } else { format!("{name}[{}]", letters.join(",")) };
        Some(Search { wrong, scope, left })
    }

    /// Whether the claim with this text in the place of its claimed side is right.
    fn is_right(&mut self, text: &str, budget: &Budget) -> bool {
        let Some(node) = self.node(text) else { return false };
        let (truth, graph) = (self.wrong.truth, &mut self.scope.graph);
        if graph.ty(node) != graph.ty(truth) || !agree(graph, node, truth, self.wrong.point) {
            return false;
        }
        let small = Budget {
            time: budget.time.min(Duration::from_millis(400)),
            steps: budget.steps / 3,
            points: budget.points.min(60),
            ..budget.clone()
        };
        let question = Question { assume: self.wrong.assume, budget: small, ..Question::new(truth, node) };
        match check(graph, &question).verdict {
            Verdict::Proved => true,
            // A few points of one size would be no reason to tell a learner what is right.
            Verdict::Tested(tested) => {
                tested.modular.is_some() || (tested.points >= 20 && tested.unusable <= tested.points)
            }
            _ => false,
        }
    }

    /// The edited side as a node over the letters of the claim.
    fn node(&mut self, text: &str) -> Option<NodeId> {
        let source = Source::new("", format!("{} = {text}", self.left));
        let (read, told) = parse_formula(&source);
        let (tree, equation) = read.filter(|_| !formula::has_errors(&told))?;
        let [Side::Expr(left), Side::Expr(right)] = equation.sides[..] else { return None };
        let holding: Vec<String> = self.wrong.claim.equation.holding.iter().map(|n| n.text.clone()).collect();
        let request = Request {
            tree: &tree,
            text: &source.text,
            sides: &[left, right],
            left: Vec::new(),
            holding: &holding,
            rules: None,
        };
        let mut told = Vec::new();
        let formula = formula::lower(&mut self.scope, &request, &mut told)?;
        let known = &self.wrong.formula.letters;
        let same = formula.letters.len() == known.len()
            && formula
                .letters
                .iter()
                .zip(known)
                .all(|(a, b)| a.name == b.name && a.low == b.low && a.extent == b.extent);
        if !same || formula::has_errors(&told) {
            return None;
        }
        Some(self.scope.graph.lower(&[formula.sides[1].node], &[]).ok()?.outputs[0])
    }
}

/// Whether two nodes have about the same values at a point; what has none is left to the check.
fn agree(g: &Graph, a: NodeId, b: NodeId, point: &Counterexample) -> bool {
    let mut bindings = Bindings::<f64>::new();
    for (name, value) in &point.point {
        bindings.bind(name, value.clone());
    }
    for (name, size) in &point.sizes {
        bindings = bindings.with_size(name, *size);
    }
    let Ok(values) = g.evaluate(&[a, b], &bindings) else { return true };
    let (Some(x), Some(y)) = (values[0].real(), values[1].real()) else { return false };
    let near =
        |x: f64, y: f64| !(x - y).is_finite() || (x - y).abs() <= 1e-6 * x.abs().max(y.abs()).max(1e-3);
    x.data().iter().zip(y.data()).all(|(x, y)| near(*x, *y))
}
