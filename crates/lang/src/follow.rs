//! Follow-through marks: a later answer is compared with what follows from the learner's own earlier one.
//!
//! With `grading follow-through`, a wrong answer for `g_q` is wrong once. A later wrong answer is compared a second
//! time in the learner's world: names and derivatives that were answered stand for the learner's formulas, and what is
//! derived from them follows. For a derivative `dl/dx` and an answered `dl/dq` that is
//! `∂l/∂x` with `q` held fixed `+ Σ dl/dq · ∂q/∂x`.

use crate::ast::{Derivative, Entry, EntryKind, ExprId, Item, Kind, Part, Side as Written, Tree};
use crate::formula::{self, Formula, LeftIndices, Request};
use crate::judge::{Outcome, Record, direction};
use crate::program::{Claim, Problem, Program};
use crate::scope::{Declared, Meaning, OwnDerivative, Scope};
use crate::source::Span;
use chainrule_check::{Budget, Question, Verdict, check};
use chainrule_core::node::NodeId;

/// So many earlier answers are tried for one later answer, the latest first: each costs a comparison.
const TRIED: usize = 4;

/// What an answer says something about.
#[derive(Clone, PartialEq, Debug)]
enum Quantity {
    /// A definition or a nickname.
    Name(String),
    /// `dl/dq`, by the names of both.
    Derivative(String, String),
}

/// A learner's own formula for a quantity.
struct Own<'p> {
    quantities: Vec<Quantity>,
    /// As the reader calls it.
    shown: String,
    /// The formula, in its own text.
    program: &'p Program,
    formula: ExprId,
    /// The indices that the quantity is written with, in order.
    letters: LeftIndices,
    /// The node of the quantity as derived.
    derived: NodeId,
}

/// A claim with the program that its text stands in, and its record.
pub(crate) struct Graded<'p, 'r> {
    pub(crate) program: &'p Program,
    pub(crate) claim: &'p Claim,
    pub(crate) record: &'r mut Record,
}

/// Marks the wrong claims of a problem that follow from earlier wrong ones, in order.
pub(crate) fn mark(declared: &Program, problem: &Problem, graded: Vec<Graded<'_, '_>>, budget: &Budget) {
    if !problem.scope.settings.follow_through {
        return;
    }
    let mut earlier: Vec<Own<'_>> = Vec::new();
    for Graded { program, claim, record } in graded {
        let Outcome::Judged(judged) = &record.outcome else { continue };
        let (Verdict::Wrong(_), Some(formula)) = (&judged.report.verdict, &claim.formula) else { continue };
        let link = judged.link.map_or(0, |(k, _)| k - 1);
        let (truth, claimed) = direction(&formula.sides, link);
        let own = own(problem, program, claim, formula, truth, claimed);
        let asked = own.as_ref().map(|o| o.quantities.clone()).unwrap_or_default();
        // A second answer for the same quantity repeats a mistake; it does not follow from it.
        let others: Vec<&Own<'_>> = earlier
            .iter()
            .filter(|o| {
                o.derived != formula.sides[truth].node && !o.quantities.iter().any(|q| asked.contains(q))
            })
            .collect();
        let mut worlds: Vec<Vec<&Own<'_>>> = others.iter().rev().take(TRIED).map(|&o| vec![o]).collect();
        if others.len() > 1 {
            worlds.push(others.clone());
        }
        let follows = worlds.into_iter().find(|world| {
            let scope = learners_world(declared, problem, world);
            scope.is_some_and(|scope| holds(scope, program, problem, claim, budget))
        });
        record.follow_through = follows.map(|world| {
            let names: Vec<&str> = world.iter().map(|o| o.shown.as_str()).collect();
            names.join(", ")
        });
        earlier.extend(own);
    }
}

/// The learner's formula of a claim, when the claim is about a quantity.
fn own<'p>(
    problem: &Problem,
    program: &'p Program,
    claim: &Claim,
    formula: &Formula,
    truth: usize,
    claimed: usize,
) -> Option<Own<'p>> {
    let tree = &program.file.tree;
    let sides: Vec<ExprId> = expressions(claim);
    let mut quantities = Vec::new();
    let mut letters: Option<LeftIndices> = None;
    for (k, &side) in sides.iter().enumerate().filter(|(k, _)| *k != claimed) {
        let Some((quantity, indices)) = quantity(tree, side, &problem.scope) else { continue };
        if k == truth || letters.is_none() {
            letters = Some(indices);
        }
        quantities.push(quantity);
    }
    let letters = letters?;
    let derived = formula.sides[truth].node;
    // A nickname of the same node is the same quantity, and its name is what the reader calls it.
    for (name, declared) in &problem.scope.names {
        let named = Quantity::Name(name.clone());
        if matches!(declared.meaning, Meaning::Nickname(node) if node == derived)
            && !quantities.contains(&named)
        {
            quantities.push(named);
        }
    }
    let named =
        quantities.iter().find_map(|q| if let Quantity::Name(n) = q { Some(n.clone()) } else { None });
    let written =
        || program.source.slice(tree.span(sides[truth])).split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = named.unwrap_or_else(written);
    Some(Own { quantities, shown, program, formula: sides[claimed], letters, derived })
}

fn expressions(claim: &Claim) -> Vec<ExprId> {
    let sides = claim.equation.sides.iter();
    sides.filter_map(|s| if let Written::Expr(e) = s { Some(*e) } else { None }).collect()
}

/// The quantity that an expression is, whole or at one letter for each axis.
fn quantity(tree: &Tree, side: ExprId, scope: &Scope) -> Option<(Quantity, LeftIndices)> {
    match tree.kind(side) {
        Kind::Name(name) => defined(name, scope).map(|q| (q, Vec::new())),
        Kind::Index(base, items) => {
            let Kind::Name(name) = tree.kind(*base) else { return None };
            let rank = scope.graph.rank(scope.node(name)?);
            let mut letters = Vec::new();
            letters_at(tree, items, rank, scope, &mut letters)?;
            defined(name, scope).map(|q| (q, letters))
        }
        Kind::Derivative(d) => {
            let Derivative { order: 1, numerator: Part::Named(of, top), denominators, .. } = &**d else {
                return None;
            };
            let [Part::Named(by, bottom)] = &denominators[..] else { return None };
            let ranks = (scope.graph.rank(scope.node(&of.text)?), scope.graph.rank(scope.node(&by.text)?));
            let quantity = Quantity::Derivative(of.text.clone(), by.text.clone());
            if top.is_empty() && bottom.is_empty() {
                // A layout that moves the axes of the numerator moves them in the learner's formula as well.
                return (scope.settings.numerator_layout || ranks.0 == 0).then(|| (quantity, Vec::new()));
            }
            let mut letters = Vec::new();
            letters_at(tree, top, ranks.0, scope, &mut letters)?;
            letters_at(tree, bottom, ranks.1, scope, &mut letters)?;
            Some((quantity, letters))
        }
        _ => None,
    }
}

fn defined(name: &str, scope: &Scope) -> Option<Quantity> {
    match scope.find(name)? {
        Meaning::Definition(_) | Meaning::Nickname(_) => Some(Quantity::Name(name.to_string())),
        Meaning::Size(_) | Meaning::Input(..) => None,
    }
}

/// One new letter for each axis.
fn letters_at(
    tree: &Tree,
    items: &[Item],
    rank: usize,
    scope: &Scope,
    letters: &mut LeftIndices,
) -> Option<()> {
    if items.len() != rank {
        return None;
    }
    for item in items {
        let Item::Expr(e) = item else { return None };
        let Kind::Name(letter) = tree.kind(*e) else { return None };
        if scope.find(letter).is_some() || letters.iter().any(|(known, ..)| known == letter) {
            return None;
        }
        letters.push((letter.clone(), tree.span(*e), None));
    }
    Some(())
}

/// The scope in which answered quantities are the learner's.
fn learners_world(declared: &Program, problem: &Problem, world: &[&Own<'_>]) -> Option<Scope> {
    let mut scope = problem.scope.clone();
    for count in 1..=world.len() {
        let answered = &world[..count];
        let latest = answered[count - 1];
        for quantity in &latest.quantities {
            let Quantity::Derivative(of, by) = quantity else { continue };
            if !matches!(scope.find(by), Some(Meaning::Definition(_))) {
                continue;
            }
            let node = learners_node(&mut scope, latest)?;
            let shape = |name: &str| scope.node(name).map(|n| scope.graph.shape(n).to_vec());
            if scope.graph.shape(node) != [shape(of)?, shape(by)?].concat() {
                return None;
            }
            scope.own.push(OwnDerivative { of: of.clone(), by: by.clone(), node });
        }
        let own_problem = declared.file.items.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Problem(p) if p.label.text == problem.label => Some(&p.items[..]),
            _ => None,
        });
        let outside: Vec<&Entry> =
            declared.file.items.iter().filter(|e| !matches!(e.kind, EntryKind::Problem(_))).collect();
        let items: Vec<&Entry> = outside.into_iter().chain(own_problem.flatten()).collect();
        for entry in items {
            define_again(&mut scope, declared, entry, answered)?;
        }
    }
    Some(scope)
}

/// The learner's formula over the axes of its quantity.
fn learners_node(scope: &mut Scope, own: &Own<'_>) -> Option<NodeId> {
    alone(scope, own.program, own.formula, own.letters.clone())
}

/// The node of one formula over given letters, and no others.
fn alone(scope: &mut Scope, program: &Program, formula: ExprId, left: LeftIndices) -> Option<NodeId> {
    let count = left.len();
    let request = Request {
        tree: &program.file.tree,
        text: &program.source.text,
        sides: &[formula],
        left,
        holding: &[],
        rules: None,
    };
    let formula = formula::lower(scope, &request, &mut Vec::new())?;
    (formula.letters.len() == count).then(|| formula.sides[0].node)
}

/// A definition or nickname once more, among names that may have changed.
fn define_again(scope: &mut Scope, declared: &Program, entry: &Entry, answered: &[&Own<'_>]) -> Option<()> {
    let (name, value, left) = match &entry.kind {
        EntryKind::Def { left, value } => {
            let indices = left.indices.iter().map(|(n, range)| (n.text.clone(), n.span, *range)).collect();
            (&left.name, *value, indices)
        }
        EntryKind::Let { name, value } => (name, *value, Vec::new()),
        _ => return Some(()),
    };
    let Some(known) = scope.node(&name.text) else { return Some(()) };
    let own = answered.iter().find(|o| o.quantities.contains(&Quantity::Name(name.text.clone())));
    let node = match own {
        Some(own) => learners_node(scope, own)?,
        None => alone(scope, declared, value, left)?,
    };
    if scope.graph.ty(node) != scope.graph.ty(known) {
        return None;
    }
    let meaning = match &entry.kind {
        EntryKind::Def { .. } => Meaning::Definition(scope.graph.tag(&name.text, node)),
        _ => Meaning::Nickname(node),
    };
    let span = scope.names.get(&name.text).map_or(Span::default(), |d| d.span);
    scope.names.insert(name.text.clone(), Declared { meaning, span });
    Some(())
}

/// Whether a claim is right in a scope, every link of it.
fn holds(mut scope: Scope, program: &Program, problem: &Problem, claim: &Claim, budget: &Budget) -> bool {
    let holding: Vec<String> = claim.equation.holding.iter().map(|n| n.text.clone()).collect();
    let sides = expressions(claim);
    let request = Request {
        tree: &program.file.tree,
        text: &program.source.text,
        sides: &sides,
        left: Vec::new(),
        holding: &holding,
        rules: None,
    };
    let Some(formula) = formula::lower(&mut scope, &request, &mut Vec::new()) else { return false };
    let nodes: Vec<NodeId> = formula.sides.iter().map(|s| s.node).collect();
    // A given condition is a node of the graph that the scope has grown from.
    let conditions: Vec<NodeId> = problem.scope.assumptions.iter().copied().chain(claim.given).collect();
    let lowered = (|| {
        let nodes = scope.graph.lower(&nodes, &[])?.outputs;
        let assume = scope.graph.lower(&conditions, &[])?.outputs;
        Ok::<_, chainrule_core::error::Error>((nodes, assume))
    })();
    let Ok((nodes, assume)) = lowered else { return false };
    let links = formula.sides.len().saturating_sub(1);
    links > 0
        && (0..links).all(|link| {
            let (truth, claimed) = direction(&formula.sides, link);
            let question = Question {
                assume: &assume,
                claim_differentiates: formula.sides[claimed].differentiates,
                budget: budget.clone(),
                ..Question::new(nodes[truth], nodes[claimed])
            };
            matches!(check(&mut scope.graph, &question).verdict, Verdict::Proved | Verdict::Tested(_))
        })
}
