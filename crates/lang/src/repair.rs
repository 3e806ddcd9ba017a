//! The smallest edit of a learner's own formula that makes it right.
//!
//! Edits are made in the text of the claimed side, one at a time, the smallest first. Each edited text is read and
//! lowered as the claim was, beside a stand-in for the derived value, so that nothing is derived again. What agrees at
//! the counterexample and at a few random points is put to the same check as the claim. Work is counted, no clock is
//! read: the same claim has the same answer on a busy machine.

mod edits;

use crate::ast::{Equation, Role, Side};
use crate::formula::{self, Formula, Request};
use crate::parse::parse_formula;
use crate::program::{Claim, Program};
use crate::scope::{Declared, Meaning, Scope};
use crate::source::{Source, Span};
use crate::verify::sample;
use chainrule_check::{Budget, Counterexample, Question, Slip, Verdict, check};
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::shape::{DType, Type};
use chainrule_core::tensor::Tensor;
use indexmap::IndexSet;

/// Edited formulas that are read; the smallest edits come first.
const TRIED: usize = 500;
/// Letters of all edited formulas that are read, so that a very long formula is edited less often.
const LETTERS: usize = 1 << 18;
/// Edited formulas that are put to the check: those that agree at every point are nearly always right.
const CHECKED: usize = 4;
/// Random points at which an edited formula is compared before it is put to the check, and how many are tried for.
const POINTS: (usize, u64) = (3, 8);

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
    let side = written(program, wrong)?;
    let mut search = Search::new(scope, wrong)?;
    let (tree, equation) = parse_formula(&Source::new("", side.as_str())).0?;
    let [Side::Expr(root)] = equation.sides[..] else { return None };
    let words = edits::Words::of(scope, &tree, root, wrong.formula);
    let mut seen = IndexSet::from([side.clone()]);
    let (mut letters, mut checked) = (0, 0);
    for edit in edits::of(&tree, root, &side, &words) {
        let mut text = side.clone();
        text.replace_range(edit.span.start..edit.span.end, &edit.text);
        letters += text.len();
        if seen.len() > TRIED || letters > LETTERS || checked == CHECKED {
            return None;
        }
        if !seen.insert(text.clone()) {
            continue;
        }
        if let Some(node) = search.agreeing(&text) {
            checked += 1;
            if search.is_right(node, budget) {
                return Some((text, slip(edit.slip)));
            }
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
    /// Points, and the derived value there.
    known: Vec<(Bindings<f64>, Tensor<f64>)>,
}

impl<'w> Search<'w> {
    fn new(scope: &Scope, wrong: &'w Wrong<'w>) -> Option<Search<'w>> {
        let mut scope = scope.clone();
        let known = known(&scope, wrong);
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
        Some(Search { wrong, scope, left, known })
    }

    /// The edited text as a node, if it has the derived value's type, agrees with it at known points and differs at
    /// none.
    fn agreeing(&mut self, text: &str) -> Option<NodeId> {
        let node = self.node(text)?;
        let graph = &self.scope.graph;
        if graph.ty(node) != graph.ty(self.wrong.truth) {
            return None;
        }
        let mut seen = self.known.is_empty();
        for (point, truth) in &self.known {
            seen |= agree(graph, node, truth, point)?;
        }
        seen.then_some(node)
    }

    /// Whether the claim with this node as its claimed side is right.
    fn is_right(&mut self, node: NodeId, budget: &Budget) -> bool {
        let small = Budget { steps: budget.steps / 3, points: budget.points.min(60), ..budget.clone() };
        let question =
            Question { assume: self.wrong.assume, budget: small, ..Question::new(self.wrong.truth, node) };
        match check(&mut self.scope.graph, &question).verdict {
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

/// The counterexample and random points where what is assumed holds, with the derived value there.
fn known(scope: &Scope, wrong: &Wrong<'_>) -> Vec<(Bindings<f64>, Tensor<f64>)> {
    let g = &scope.graph;
    let declared = scope
        .names
        .values()
        .filter_map(|d| if let Meaning::Input(id, _) = d.meaning { Some(id) } else { None });
    let needed: Vec<NodeId> =
        [wrong.truth].into_iter().chain(wrong.assume.iter().copied()).chain(declared).collect();
    let random = (0..POINTS.1).filter_map(|trial| {
        let point = sample(g, &needed, trial).ok()?;
        let holds = g.evaluate(wrong.assume, &point).ok()?;
        holds.iter().all(|v| v.boolean().is_some_and(|t| t.data().iter().all(|&b| b))).then_some(point)
    });
    let value = |point: Bindings<f64>| {
        let value = g.evaluate(&[wrong.truth], &point).ok()?.remove(0).real()?.clone();
        value.data().iter().all(|x| x.is_finite()).then_some((point, value))
    };
    [bindings(wrong.point)]
        .into_iter()
        .filter_map(value)
        .chain(random.filter_map(value).take(POINTS.0))
        .collect()
}

fn bindings(at: &Counterexample) -> Bindings<f64> {
    let mut bindings = Bindings::<f64>::new();
    for (name, value) in &at.point {
        bindings.bind(name, value.clone());
    }
    for (name, size) in &at.sizes {
        bindings = bindings.with_size(name, *size);
    }
    bindings
}

/// Whether a node is seen to have about the given value at a point, `false` where it has no finite value there, and
/// `None` if it has another one.
fn agree(g: &Graph, node: NodeId, truth: &Tensor<f64>, point: &Bindings<f64>) -> Option<bool> {
    let Ok(values) = g.evaluate(&[node], point) else { return Some(false) };
    let entries = values[0].real()?.data().iter().zip(truth.data());
    if entries.clone().any(|(x, _)| !x.is_finite()) {
        return Some(false);
    }
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-6 * x.abs().max(y.abs()).max(1e-3);
    entries.clone().all(|(x, y)| near(*x, *y)).then_some(true)
}
