//! Formulas to nodes: index notation and vectorised notation, lowered to the same index notation of the core.
//!
//! Passes over the flat tree, none of which recurses. `resolve` says what each name stands for, from users to
//! operands; `einstein` finds repeated indices and `guards` the conditions in force, where a file has any; `touch`
//! learns over which extent each letter runs; then pieces are lowered from the leaves up. A piece is
//! a tree of index notation and the letters of its axes ([`piece::Piece`]); a node is made only where something needs
//! one, and there the core gathers factors into one product, so that `y = V @ x + b` and
//! `y[i] = sum(j, V[i,j]*x[j]) + b[i]` are one node.

pub(crate) mod derivative;
mod einstein;
pub(crate) mod functions;
mod guards;
pub(crate) mod indexing;
mod leaf;
pub(crate) mod letters;
mod nodes;
pub(crate) mod operators;
pub(crate) mod piece;
pub(crate) mod resolve;
pub(crate) mod touch;

use crate::ast::{ExprId, Item, Kind, Part, Tree};
use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scope;
use crate::source::Span;
use crate::verify::Taken;
use chainrule_core::form::read::Node;
use chainrule_core::ops::rules::Rules;
use chainrule_core::shape::Dim;
use guards::Guards;
use letters::Letter;
use piece::{Body, Piece, Sheet};
use resolve::Reading;
use std::collections::BTreeMap;

/// A letter of a lowered formula: one leading axis of its nodes.
#[derive(Clone, PartialEq, Debug)]
pub struct FreeLetter {
    /// As written.
    pub name: String,
    /// First value, as the reader counts.
    pub low: Dim,
    /// How many values it takes.
    pub extent: Dim,
    /// Where it was first written.
    pub span: Span,
}

/// An index left of `=`, with its stated range.
pub(crate) type LeftIndex = (String, Span, Option<(ExprId, ExprId)>);

/// The lowering of one formula, or of several that share letters.
pub(crate) struct Lowering<'s, 't> {
    pub(crate) scope: &'s mut Scope,
    pub(crate) tree: &'t Tree,
    pub(crate) text: &'t str,
    pub(crate) sheet: Sheet,
    /// Expressions below the roots, operands first.
    order: Vec<ExprId>,
    first: u32,
    slots: Vec<u32>,
    readings: Vec<Reading>,
    pieces: Vec<Option<Piece>>,
    /// Free letters in order of writing.
    pub(crate) free: Vec<Letter>,
    /// Letters whose range was stated, with its ends.
    stated: Vec<(Letter, ExprId, ExprId)>,
    /// Letters summed around a product, by its slot: `einstein on`.
    contracted: BTreeMap<usize, Vec<Letter>>,
    /// Conditions under which reads are made.
    guards: Guards,
    /// Names held fixed by every derivative.
    pub(crate) holding: Vec<String>,
    /// Rules that replace the right ones, for replaying a derivation with a slip.
    pub(crate) rules: Option<&'s Rules>,
    /// Derivatives that were taken, to be verified before anything is shown.
    pub(crate) taken: Vec<Taken>,
    /// Derivatives of whole arrays, with how many axes the numerator has.
    pub(crate) whole_derivatives: Vec<(Span, usize)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// A name was read whose declaration is wrong.
    pub(crate) broken: bool,
}

impl<'s, 't> Lowering<'s, 't> {
    pub(crate) fn new(scope: &'s mut Scope, tree: &'t Tree, text: &'t str) -> Lowering<'s, 't> {
        Lowering {
            scope,
            tree,
            text,
            sheet: Sheet::default(),
            order: Vec::new(),
            first: 0,
            slots: Vec::new(),
            readings: Vec::new(),
            pieces: Vec::new(),
            free: Vec::new(),
            stated: Vec::new(),
            contracted: BTreeMap::new(),
            guards: Guards::default(),
            holding: Vec::new(),
            rules: None,
            taken: Vec::new(),
            whole_derivatives: Vec::new(),
            diagnostics: Vec::new(),
            broken: false,
        }
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports and has no piece.
    pub(crate) fn refuse<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.report(diagnostic);
        None
    }

    pub(crate) fn failed(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    pub(crate) fn span(&self, id: ExprId) -> Span {
        self.tree.span(id)
    }

    pub(crate) fn source(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    // ---------------------------------------------------------------- the passes

    /// Lowers the roots; `left` names the free letters in order, with their stated ranges.
    pub(crate) fn run(&mut self, roots: &[ExprId], left: &[LeftIndex]) {
        self.collect(roots, left);
        let mut scope = Vec::new();
        for (name, span, range) in left {
            let letter = self.free_letter(name, *span);
            if let Some((low, high)) = range {
                self.sheet.letters.get_mut(letter).stated = true;
                self.stated.push((letter, *low, *high));
            }
            scope.push(letter);
        }
        let ends: Vec<ExprId> = left.iter().filter_map(|l| l.2).flat_map(|(a, b)| [a, b]).collect();
        let all: Vec<ExprId> = roots.iter().chain(&ends).copied().collect();
        self.resolve(&all, &scope);
        self.einstein(roots, &scope);
        self.find_guards();
        self.touch();
        let read = self.only_read();
        for (k, read) in read.into_iter().enumerate() {
            let id = self.order[k];
            if !read {
                self.pieces[k] = self.lower(id);
                self.sum_repeated(id);
            }
            self.settle_ranges(id);
        }
    }

    /// Expressions that their user reads as written: denominators, texts, lists of extents.
    fn only_read(&self) -> Vec<bool> {
        let mut read = vec![false; self.order.len()];
        for &id in &self.order {
            match self.tree.kind(id) {
                Kind::Derivative(d) => {
                    for part in &d.denominators {
                        let Part::Expr(e) = part else { continue };
                        read[self.slot(*e)] = true;
                        if let Kind::Index(base, _) = self.tree.kind(*e) {
                            read[self.slot(*base)] = true;
                        }
                    }
                }
                Kind::Call(name, args) => {
                    for arg in args {
                        if let Item::Expr(e) = arg.value
                            && functions::is_read(&name.text, arg, self.tree.kind(e))
                        {
                            read[self.slot(e)] = true;
                        }
                    }
                }
                _ => {}
            }
        }
        read
    }

    /// Expressions below the roots in ascending order, and their slots.
    fn collect(&mut self, roots: &[ExprId], left: &[LeftIndex]) {
        let mut open: Vec<ExprId> = roots.to_vec();
        open.extend(left.iter().filter_map(|l| l.2).flat_map(|(a, b)| [a, b]));
        let Some(&last) = open.iter().max() else { return };
        let mut seen = vec![false; last.0 as usize + 1];
        let mut first = last.0;
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut seen[id.0 as usize], true) {
                continue;
            }
            first = first.min(id.0);
            children(self.tree.kind(id), &mut |c| open.push(c));
        }
        self.first = first;
        self.slots = vec![u32::MAX; (last.0 - first) as usize + 1];
        for id in first..=last.0 {
            if seen[id as usize] {
                self.slots[(id - first) as usize] = self.order.len() as u32;
                self.order.push(ExprId(id));
            }
        }
        self.readings = vec![Reading::Plain; self.order.len()];
        self.pieces = vec![None; self.order.len()];
    }

    pub(crate) fn slot(&self, id: ExprId) -> usize {
        self.slots[(id.0 - self.first) as usize] as usize
    }

    pub(crate) fn reading(&self, id: ExprId) -> &Reading {
        &self.readings[self.slot(id)]
    }

    /// The piece of an operand; every operand has one user.
    pub(crate) fn take(&mut self, id: ExprId) -> Option<Piece> {
        let k = self.slot(id);
        self.pieces[k].take()
    }

    pub(crate) fn peek(&self, id: ExprId) -> Option<&Piece> {
        self.pieces[self.slot(id)].as_ref()
    }

    // ---------------------------------------------------------------- one expression

    fn lower(&mut self, id: ExprId) -> Option<Piece> {
        let span = self.span(id);
        let tree = self.tree;
        match tree.kind(id) {
            Kind::Number(value) => Some(self.number(value.clone(), span)),
            Kind::Text(_) => self.refuse(
                Diagnostic::error("E0108", span, "a text has no value in a formula")
                    .help("texts stand in titles, and in einsum(\"ij,j->i\", A, x)"),
            ),
            Kind::Name(_) => self.leaf(id, span),
            Kind::Call(name, args) => self.call(id, name, args),
            Kind::Index(base, items) => self.index(id, *base, items),
            Kind::Transpose(a) => {
                let piece = self.take(*a)?;
                self.transpose(piece, span)
            }
            Kind::Negative(a) => {
                let piece = self.take(*a)?;
                self.negative(piece, span)
            }
            Kind::Not(a) => {
                let piece = self.take(*a)?;
                let piece = self.truth(piece)?;
                let at = self.tree_of(&piece);
                let at = self.sheet.push(Node::Not(at), span);
                Some(Piece { body: Body::Tree(at), span, ..piece })
            }
            Kind::Binary(op, at, a, b) => self.binary(*op, *at, *a, *b, span),
            Kind::If(a, c, b) => {
                let (a, c, b) = (self.take(*a), self.take(*c), self.take(*b));
                self.choice(a?, c?, b?, span)
            }
            Kind::Bracket(list) => self.bracket(list, span),
            Kind::Derivative(d) => self.derivative(id, d, span),
        }
    }
}

/// Calls `visit` on every operand of an expression.
pub(crate) fn children(kind: &Kind, visit: &mut dyn FnMut(ExprId)) {
    let item = |i: &Item, visit: &mut dyn FnMut(ExprId)| match i {
        Item::Expr(e) => visit(*e),
        Item::Range(a, b) => {
            visit(*a);
            visit(*b);
        }
        Item::All(_) => {}
    };
    match kind {
        Kind::Number(_) | Kind::Text(_) | Kind::Name(_) => {}
        Kind::Call(_, args) => args.iter().for_each(|a| item(&a.value, visit)),
        Kind::Index(base, items) => {
            visit(*base);
            items.iter().for_each(|i| item(i, visit));
        }
        Kind::Transpose(a) | Kind::Negative(a) | Kind::Not(a) => visit(*a),
        Kind::Binary(_, _, a, b) => {
            visit(*a);
            visit(*b);
        }
        Kind::If(a, c, b) => [a, c, b].into_iter().for_each(|e| visit(*e)),
        Kind::Bracket(list) => list.iter().for_each(|e| visit(*e)),
        Kind::Derivative(d) => {
            for part in std::iter::once(&d.numerator).chain(&d.denominators) {
                match part {
                    Part::Named(_, items) => items.iter().for_each(|i| item(i, visit)),
                    Part::Expr(e) => visit(*e),
                }
            }
        }
    }
}
