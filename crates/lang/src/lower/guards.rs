//! Conditions in force where something is read: `x[k-1] if k > 0 else 0`, `(x[k] - x[k-1]) * [k > 0]`.
//!
//! A read that leaves its axis for some value of its indices is right where a condition keeps it inside. Beside the
//! read itself, `x[k-1]*[k > 0]`, the core sees that; further out the condition is carried to the read here: inside of
//! a branch of `if` and of `where(c, a, b)`, inside of a factor beside `[c]` or `delta`, and on one side of `and`
//! beside the other. The guarded read is absent where the condition is false.

use super::indexing::tight;
use super::letters::Letter;
use super::piece::{Body, Piece, Worth};
use super::resolve::Reading;
use super::{Lowering, children};
use crate::ast::{Arg, ExprId, Item, Kind, Operator, Part};
use crate::diagnostic::Diagnostic;
use crate::scope::Meaning;
use chainrule_core::form::read::{At, Factor, Node, Relation};
use chainrule_core::shape::{DType, Dim};
use std::collections::{BTreeMap, BTreeSet};

/// A condition that holds, or fails, wherever an expression is read; `outer` is the scope around it, 0 the empty one.
#[derive(Copy, Clone)]
struct Guard {
    outer: usize,
    condition: ExprId,
    holds: bool,
}

/// The conditions in force at every expression.
#[derive(Default)]
pub(super) struct Guards {
    scopes: Vec<Guard>,
    /// The scope of each expression, by slot; empty where nothing needs one.
    place: Vec<usize>,
}

impl Guards {
    fn within(&mut self, mut outer: usize, conditions: &[(ExprId, bool)]) -> usize {
        for &(condition, holds) in conditions {
            self.scopes.push(Guard { outer, condition, holds });
            outer = self.scopes.len();
        }
        outer
    }
}

/// An index that is affine in letters: its offset, and a coefficient for each letter.
struct Affine {
    offset: Dim,
    by: BTreeMap<Letter, Dim>,
}

/// How an index leaves its axis.
struct Leaving {
    letters: BTreeSet<Letter>,
    /// The farthest position, as the reader counts.
    reached: Dim,
    /// It lies before the first entry, not behind the last.
    below: bool,
}

impl Lowering<'_, '_> {
    /// Finds the conditions in force, from users to operands.
    pub(super) fn find_guards(&mut self) {
        let computed = |item: &Item| match item {
            Item::Expr(e) => matches!(self.tree.kind(*e), Kind::Binary(..)),
            _ => false,
        };
        let shifts = |id: &ExprId| match self.tree.kind(*id) {
            Kind::Index(_, items) => items.iter().any(computed),
            Kind::Derivative(d) => std::iter::once(&d.numerator)
                .chain(&d.denominators)
                .any(|part| matches!(part, Part::Named(_, items) if items.iter().any(computed))),
            _ => false,
        };
        if !self.order.iter().any(shifts) {
            return;
        }
        let mut guards = Guards { scopes: Vec::new(), place: vec![0; self.order.len()] };
        let mut placed = vec![false; self.order.len()];
        for k in (0..self.order.len()).rev() {
            let (id, scope) = (self.order[k], guards.place[k]);
            if placed[k] {
                continue;
            }
            match self.tree.kind(id) {
                Kind::If(a, c, b) => self.branches(&mut guards, scope, [*a, *c, *b]),
                Kind::Call(name, args) if name.text == "where" => {
                    let values: Vec<ExprId> = args
                        .iter()
                        .filter_map(|a| if let Item::Expr(e) = a.value { Some(e) } else { None })
                        .collect();
                    match values[..] {
                        [c, a, b] => self.branches(&mut guards, scope, [a, c, b]),
                        _ => values.iter().for_each(|e| guards.place[self.slot(*e)] = scope),
                    }
                }
                Kind::Binary(op @ (Operator::And | Operator::Or), _, a, b) => {
                    let holds = *op == Operator::And;
                    guards.place[self.slot(*a)] = guards.within(scope, &self.conjuncts(*b, holds));
                    guards.place[self.slot(*b)] = guards.within(scope, &self.conjuncts(*a, holds));
                }
                Kind::Binary(Operator::Times | Operator::Each | Operator::Over | Operator::OverEach, ..) => {
                    self.product(&mut guards, &mut placed, id, scope);
                }
                kind => children(kind, &mut |e| guards.place[self.slot(e)] = scope),
            }
        }
        self.guards = guards;
    }

    /// `a if c else b`
    fn branches(&self, guards: &mut Guards, scope: usize, [a, c, b]: [ExprId; 3]) {
        guards.place[self.slot(a)] = guards.within(scope, &self.conjuncts(c, true));
        guards.place[self.slot(b)] = guards.within(scope, &self.conjuncts(c, false));
        guards.place[self.slot(c)] = scope;
    }

    /// Every factor of a product is read under the conditions among its factors.
    fn product(&self, guards: &mut Guards, placed: &mut [bool], root: ExprId, scope: usize) {
        let (mut open, mut inner, mut factors) = (vec![root], Vec::new(), Vec::new());
        while let Some(id) = open.pop() {
            match self.tree.kind(id) {
                Kind::Binary(Operator::Times | Operator::Each, _, a, b) => open.extend([*a, *b]),
                Kind::Binary(Operator::Over | Operator::OverEach, _, a, b) => {
                    open.push(*a);
                    factors.push(*b);
                }
                Kind::Negative(a) => open.push(*a),
                _ => {
                    factors.push(id);
                    continue;
                }
            }
            inner.push(id);
        }
        let mut conditions = Vec::new();
        for &factor in &factors {
            match self.tree.kind(factor) {
                Kind::Bracket(list) if list.len() == 1 => conditions.extend(self.conjuncts(list[0], true)),
                Kind::Call(name, _) if name.text == "delta" => conditions.push((factor, true)),
                _ => {}
            }
        }
        let scope = guards.within(scope, &conditions);
        for id in inner {
            (placed[self.slot(id)], guards.place[self.slot(id)]) = (true, scope);
        }
        factors.into_iter().for_each(|id| guards.place[self.slot(id)] = scope);
    }

    /// The comparisons that hold, or fail, wherever a condition does.
    fn conjuncts(&self, condition: ExprId, holds: bool) -> Vec<(ExprId, bool)> {
        let (mut open, mut all) = (vec![(condition, holds)], Vec::new());
        while let Some((id, holds)) = open.pop() {
            match self.tree.kind(id) {
                Kind::Not(a) => open.push((*a, !holds)),
                Kind::Binary(Operator::And, _, a, b) if holds => open.extend([(*a, true), (*b, true)]),
                Kind::Binary(Operator::Or, _, a, b) if !holds => open.extend([(*a, false), (*b, false)]),
                Kind::Binary(op, ..) if relation(*op).is_some() => all.push((id, holds)),
                _ => {}
            }
        }
        all
    }

    // ---------------------------------------------------------------- reads

    /// A read under the conditions in force, when one of its indices may leave its axis.
    pub(super) fn guarded(&mut self, id: ExprId, items: &[Item], shape: &[Dim], piece: Piece) -> Piece {
        let (Body::Tree(at), Worth::Real) = (&piece.body, piece.worth) else { return piece };
        let Some(&scope) = self.guards.place.get(self.slot(id)) else { return piece };
        let mut letters = BTreeSet::new();
        for (item, extent) in items.iter().zip(shape) {
            let Item::Expr(e) = item else { continue };
            letters.extend(self.leaving(*e, extent).into_iter().flat_map(|l| l.letters));
        }
        let mut factors = vec![(Factor::Times, *at)];
        let mut scope = if letters.is_empty() { 0 } else { scope };
        while scope > 0 {
            let guard = self.guards.scopes[scope - 1];
            scope = guard.outer;
            if self.below(guard.condition).iter().any(|&e| self.is_letter_among(e, &letters))
                && let Some(condition) = self.condition_tree(guard)
            {
                factors.push((Factor::Times, self.sheet.push(Node::Iverson(condition), piece.span)));
            }
        }
        match factors.len() {
            1 => piece,
            _ => Piece { body: Body::Product(factors), ..piece },
        }
    }

    /// How an index leaves its axis for some values of its letters, whatever the sizes are.
    fn leaving(&self, e: ExprId, extent: &Dim) -> Option<Leaving> {
        let affine = self.affine(e).filter(|_| matches!(self.tree.kind(e), Kind::Binary(..)))?;
        let (mut low, mut high, mut positive) = (affine.offset.clone(), affine.offset, BTreeSet::new());
        for (&letter, by) in &affine.by {
            let facts = self.sheet.letters.get(letter);
            let (count, by_fixed) = (facts.extent.clone()?, by.as_fixed()?);
            positive.extend(count.as_name().cloned());
            let (first, reach) = (facts.low.clone() * by.clone(), (count - Dim::ONE) * by.clone());
            (low, high) = (low + first.clone(), high + first);
            match by_fixed {
                0.. => high = high + reach,
                _ => low = low + reach,
            }
        }
        let fails = |d: Dim| (-d - Dim::ONE).is_nonnegative(&positive);
        let last = extent.clone() - Dim::ONE + self.base();
        let (below, above) = (fails(low.clone() - self.base()), fails(last - high.clone()));
        let reached = if below { low } else { high };
        (below || above).then(|| Leaving { letters: affine.by.into_keys().collect(), reached, below })
    }

    /// What is told of a read that leaves its axis and that no condition protects: the index that begins at a byte.
    pub(super) fn outside_axis(&self, at: usize) -> Option<Diagnostic> {
        let tree = self.tree;
        let begins = |item: &Item| matches!(item, Item::Expr(e) if tree.span(*e).start == at);
        let reads = self.order.iter().flat_map(|&id| match tree.kind(id) {
            Kind::Index(base, items) => match self.reading(*base) {
                Reading::Declared(name) => vec![(name.as_str(), &items[..])],
                _ => Vec::new(),
            },
            Kind::Derivative(d) => std::iter::once(&d.numerator)
                .chain(&d.denominators)
                .filter_map(|p| {
                    if let Part::Named(name, items) = p { Some((&*name.text, &items[..])) } else { None }
                })
                .collect(),
            _ => Vec::new(),
        });
        let (name, items) = reads.into_iter().find(|(_, items)| items.iter().any(begins))?;
        let axis = items.iter().position(begins)?;
        let Item::Expr(e) = items[axis] else { return None };
        let extent = self.scope.graph.shape(self.scope.node(name)?).get(axis)?.clone();
        let leaving = self.leaving(e, &extent)?;
        let base = self.base();
        let last = tight(&(extent - Dim::ONE + base.clone()));
        let (source, reached) = (self.source(self.span(e)), tight(&leaving.reached));
        let letter = self.sheet.letters.shown(*leaving.letters.first()?);
        let condition =
            if leaving.below { format!("{source} >= {base}") } else { format!("{source} <= {last}") };
        let message = match items.len() {
            1 => format!(
                "{source} reaches {reached}, but {name} has the entries {name}[{base}] .. {name}[{last}]"
            ),
            _ => format!(
                "{source} reaches {reached}, but axis {axis} of {name} has the positions {base} .. {last}"
            ),
        };
        Some(
            Diagnostic::error("E0104", self.span(e), message)
                .help(format!(
                    "say where it is read, as a factor  [{condition}]  or  ... if {condition} else 0"
                ))
                .help(format!("or state a smaller range of {letter} where it is bound or on the left side")),
        )
    }

    /// Expressions below one, operands first.
    fn below(&self, root: ExprId) -> Vec<ExprId> {
        let (mut open, mut all) = (vec![root], Vec::new());
        while let Some(id) = open.pop() {
            all.push(id);
            children(self.tree.kind(id), &mut |c| open.push(c));
        }
        all.sort();
        all
    }

    fn is_letter_among(&self, e: ExprId, letters: &BTreeSet<Letter>) -> bool {
        matches!(self.reading(e), Reading::Letter(l) if letters.contains(l))
    }

    fn affine(&self, root: ExprId) -> Option<Affine> {
        let mut values: BTreeMap<ExprId, Affine> = BTreeMap::new();
        for id in self.below(root) {
            let constant = |offset| Affine { offset, by: BTreeMap::new() };
            let value = match self.tree.kind(id) {
                Kind::Number(n) => constant(n.to_i64().map(Dim::fixed)?),
                Kind::Name(name) => match (self.reading(id), self.scope.find(name)) {
                    (Reading::Letter(l), _) => {
                        Affine { offset: Dim::ZERO, by: BTreeMap::from([(*l, Dim::ONE)]) }
                    }
                    (Reading::Declared(_), Some(Meaning::Size(dim))) => constant(dim.clone()),
                    _ => return None,
                },
                Kind::Negative(a) => scaled(values.remove(a)?, &-Dim::ONE),
                Kind::Binary(op @ (Operator::Add | Operator::Sub), _, a, b) => {
                    let (mut a, b) = (values.remove(a)?, values.remove(b)?);
                    let b = if *op == Operator::Sub { scaled(b, &-Dim::ONE) } else { b };
                    a.offset = a.offset + b.offset;
                    for (letter, by) in b.by {
                        let known = a.by.remove(&letter).unwrap_or(Dim::ZERO);
                        a.by.insert(letter, known + by);
                    }
                    a
                }
                Kind::Binary(Operator::Times, _, a, b) => {
                    let (a, b) = (values.remove(a)?, values.remove(b)?);
                    match (a.by.is_empty(), b.by.is_empty()) {
                        (true, _) => scaled(b, &a.offset),
                        (_, true) => scaled(a, &b.offset),
                        _ => return None,
                    }
                }
                _ => return None,
            };
            values.insert(id, value);
        }
        values.remove(&root)
    }

    /// A condition about indices alone as a tree; the read that it guards is lowered before it.
    fn condition_tree(&mut self, guard: Guard) -> Option<At> {
        let (tree, root) = (self.tree, guard.condition);
        let mut trees: BTreeMap<ExprId, At> = BTreeMap::new();
        for id in self.below(root) {
            let span = self.span(id);
            let of = |e: &ExprId| trees.get(e).copied();
            let at = match tree.kind(id) {
                Kind::Number(n) => self.sheet.number(n.clone(), span),
                Kind::Name(name) => match (self.reading(id).clone(), self.scope.find(name).cloned()) {
                    (Reading::Letter(letter), _) => self.sheet.letter(letter, span),
                    (Reading::Declared(_), Some(Meaning::Size(dim))) => self.sheet.dim(&dim, span),
                    (Reading::Declared(_), Some(Meaning::Input(node, _)))
                        if self.scope.graph.ty(node).dtype == DType::Int
                            && self.scope.graph.rank(node) == 0 =>
                    {
                        let at = self.sheet.access(node, Vec::new(), span);
                        self.as_counted(at, span)
                    }
                    _ => return None,
                },
                Kind::Negative(a) => self.sheet.push(Node::Negative(of(a)?), span),
                Kind::Binary(op @ (Operator::Add | Operator::Sub), _, a, b) => {
                    self.sheet.push(Node::Sum(vec![(false, of(a)?), (*op == Operator::Sub, of(b)?)]), span)
                }
                Kind::Binary(Operator::Times, _, a, b) => {
                    let factors = vec![(Factor::Times, of(a)?), (Factor::Times, of(b)?)];
                    self.sheet.push(Node::Product(factors), span)
                }
                Kind::Binary(op, _, a, b) if id == root => {
                    let end = self.end_of_range([*a, *b]);
                    let relation = relation(*op)?;
                    // Not the first value is above it, not the last is below it: one condition instead of two.
                    let relation = match (relation, guard.holds, end) {
                        (Relation::Equal, false, Some(side)) | (Relation::NotEqual, true, Some(side)) => side,
                        (relation, true, _) => relation,
                        (relation, false, _) => opposite(relation),
                    };
                    self.sheet.push(Node::Compare(relation, of(a)?, of(b)?), span)
                }
                Kind::Call(_, args) if id == root => match args[..] {
                    [Arg { value: Item::Expr(a), .. }, Arg { value: Item::Expr(b), .. }] => {
                        self.sheet.push(Node::Compare(Relation::Equal, of(&a)?, of(&b)?), span)
                    }
                    _ => return None,
                },
                _ => return None,
            };
            trees.insert(id, at);
        }
        trees.remove(&root)
    }

    /// For a letter beside its first or its last value: how it compares with that value where they differ.
    fn end_of_range(&self, [a, b]: [ExprId; 2]) -> Option<Relation> {
        let (letter, other, flipped) = match (self.reading(a), self.reading(b)) {
            (Reading::Letter(l), _) => (*l, b, false),
            (_, Reading::Letter(l)) => (*l, a, true),
            _ => return None,
        };
        let value = self.affine(other).filter(|v| v.by.is_empty())?.offset;
        let facts = self.sheet.letters.get(letter);
        let last = facts.low.clone() + facts.extent.clone()? - Dim::ONE;
        let above = match value {
            v if v == facts.low => true,
            v if v == last => false,
            _ => return None,
        };
        Some(if above != flipped { Relation::Greater } else { Relation::Less })
    }
}

fn scaled(affine: Affine, by: &Dim) -> Affine {
    let coefficients = affine.by.into_iter().map(|(l, c)| (l, c * by.clone())).collect();
    Affine { offset: affine.offset * by.clone(), by: coefficients }
}

fn relation(op: Operator) -> Option<Relation> {
    Some(match op {
        Operator::Equal => Relation::Equal,
        Operator::NotEqual => Relation::NotEqual,
        Operator::Less => Relation::Less,
        Operator::LessEqual => Relation::LessEqual,
        Operator::Greater => Relation::Greater,
        Operator::GreaterEqual => Relation::GreaterEqual,
        _ => return None,
    })
}

fn opposite(relation: Relation) -> Relation {
    match relation {
        Relation::Equal => Relation::NotEqual,
        Relation::NotEqual => Relation::Equal,
        Relation::Less => Relation::GreaterEqual,
        Relation::LessEqual => Relation::Greater,
        Relation::Greater => Relation::LessEqual,
        Relation::GreaterEqual => Relation::Less,
    }
}
