//! Formulas to nodes: index notation and vectorised notation, lowered to the same index notation of the core.
//!
//! Three passes over the flat tree, none of which recurses. `resolve` says what each name stands for, from users to
//! operands; `touch` learns over which extent each letter runs; then pieces are lowered from the leaves up. A piece is
//! a tree of index notation and the letters of its axes ([`piece::Piece`]); a node is made only where something needs
//! one, and there the core gathers factors into one product, so that `y = V @ x + b` and
//! `y[i] = sum(j, V[i,j]*x[j]) + b[i]` are one node.

pub(crate) mod derivative;
pub(crate) mod functions;
pub(crate) mod indexing;
pub(crate) mod letters;
pub(crate) mod operators;
pub(crate) mod piece;
pub(crate) mod resolve;
pub(crate) mod touch;

use crate::ast::{ExprId, Item, Kind, Part, Tree};
use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scope;
use crate::source::Span;
use crate::verify::Taken;
use chainrule_core::error::Error;
use chainrule_core::form::read::{At, Factor, Node};
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::ops::rules::Rules;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{DType, Dim};
use letters::{Facts, Letter};
use piece::{Body, Piece, Sheet, Worth};
use resolve::{Reading, Subscript};

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
        self.touch();
        let read = self.only_read();
        for (k, read) in read.into_iter().enumerate() {
            let id = self.order[k];
            if !read {
                self.pieces[k] = self.lower(id);
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

    // ---------------------------------------------------------------- names

    pub(crate) fn named(&self, letter: Letter, name: &str) -> bool {
        self.sheet.letters.get(letter).name.as_deref() == Some(name)
    }

    /// The free letter of this name; a new one when there is none.
    pub(crate) fn free_letter(&mut self, name: &str, span: Span) -> Letter {
        if let Some(&known) = self.free.iter().find(|&&l| self.named(l, name)) {
            return known;
        }
        let letter = self.sheet.letters.add(Facts {
            name: Some(name.to_string()),
            span,
            low: self.base(),
            stated: false,
            extent: None,
            told_by: span,
        });
        self.free.push(letter);
        letter
    }

    /// First value of an index, as the reader counts.
    pub(crate) fn base(&self) -> Dim {
        Dim::fixed(self.scope.settings.base)
    }

    pub(crate) fn is_label(&self, node: NodeId) -> bool {
        self.scope.graph.ty(node).dtype == DType::Int
    }

    /// Reports a name that is not declared, unless its wrong declaration was told.
    pub(crate) fn refuse_unknown<T>(&mut self, name: &str, span: Span) -> Option<T> {
        if self.scope.broken.contains(name) {
            self.broken = true;
            return None;
        }
        let wrong = self.unknown(name, span);
        self.refuse(wrong)
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let near = self.scope.near(name, &[]);
        let mut wrong = Diagnostic::error("E0103", span, format!("`{name}` is not declared"));
        if functions::is_function(name) {
            return wrong.help(format!("{name} is a function: {name}(x)"));
        }
        if !near.is_empty() {
            wrong = wrong.help(format!("did you mean {}?", near.join(", ")));
        }
        wrong.help(format!("declare it, as in  var {name} : real[n]"))
    }

    // ---------------------------------------------------------------- leaves

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
            Kind::Derivative(d) => self.derivative(d, span),
        }
    }

    pub(crate) fn number(&mut self, value: Rational, span: Span) -> Piece {
        let dim = value.to_i64().map(Dim::fixed);
        let at = self.sheet.number(value, span);
        Piece { body: Body::Tree(at), axes: Vec::new(), worth: Worth::Number, span, dim, row: false }
    }

    /// A piece without axes.
    pub(crate) fn scalar(&self, at: At, worth: Worth, span: Span) -> Piece {
        Piece { body: Body::Tree(at), axes: Vec::new(), worth, span, dim: None, row: false }
    }

    /// A size as a number.
    pub(crate) fn size(&mut self, dim: &Dim, span: Span) -> Piece {
        let at = self.sheet.dim(dim, span);
        Piece { dim: Some(dim.clone()), ..self.scalar(at, Worth::Number, span) }
    }

    fn leaf(&mut self, id: ExprId, span: Span) -> Option<Piece> {
        match self.reading(id).clone() {
            Reading::Letter(letter) => {
                let at = self.sheet.letter(letter, span);
                Some(self.scalar(at, Worth::Index, span))
            }
            Reading::Declared(name) => Some(self.declared(&name, span)),
            Reading::Subscripted(base, subscripts) => self.subscripted(&base, &subscripts, span),
            Reading::Constant(word) => self.constant(word, span),
            // The binder has read its letters; a name in the place of a function's word is read by the function.
            Reading::Plain | Reading::Binder(_) | Reading::Wrong => None,
        }
    }

    fn declared(&mut self, name: &str, span: Span) -> Piece {
        use crate::scope::Meaning;
        self.inherit(name);
        match self.scope.find(name).cloned() {
            Some(Meaning::Size(dim)) => self.size(&dim, span),
            Some(Meaning::Input(node, _) | Meaning::Definition(node) | Meaning::Nickname(node)) => {
                self.whole(node, span)
            }
            None => unreachable!("invariant: resolved as declared"),
        }
    }

    /// A node whose axes have no letters yet.
    pub(crate) fn whole(&mut self, node: NodeId, span: Span) -> Piece {
        let worth = match self.scope.graph.ty(node).dtype {
            DType::Real => Worth::Real,
            DType::Int => Worth::Index,
            DType::Bool => Worth::Truth,
        };
        if self.scope.graph.rank(node) > 0 {
            return Piece { body: Body::Whole(node), axes: Vec::new(), worth, span, dim: None, row: false };
        }
        let at = self.sheet.access(node, Vec::new(), span);
        let at = if worth == Worth::Index { self.as_counted(at, span) } else { at };
        self.scalar(at, worth, span)
    }

    /// A position as the reader counts it.
    pub(crate) fn as_counted(&mut self, position: At, span: Span) -> At {
        match self.scope.settings.base {
            0 => position,
            base => {
                let base = self.sheet.number(base, span);
                self.sheet.push(Node::Sum(vec![(false, position), (false, base)]), span)
            }
        }
    }

    /// The position of an index that was written as the reader counts.
    pub(crate) fn as_position(&mut self, counted: At, span: Span) -> At {
        match self.scope.settings.base {
            0 => counted,
            base => {
                let base = self.sheet.number(base, span);
                self.sheet.push(Node::Sum(vec![(false, counted), (true, base)]), span)
            }
        }
    }

    fn constant(&mut self, word: &str, span: Span) -> Option<Piece> {
        let one = self.sheet.number(1, span);
        let at = match word {
            "pi" => {
                let node = self.scope.graph.pi();
                self.sheet.access(node, Vec::new(), span)
            }
            "e" => self.sheet.push(Node::Call("exp".to_string(), vec![one]), span),
            _ => {
                return self.refuse(
                    Diagnostic::error("E0109", span, format!("{word} is no number to calculate with"))
                        .help("it may stand as a value in a case, as in  case A { x = [inf, 0] }"),
                );
            }
        };
        Some(self.scalar(at, Worth::Real, span))
    }

    fn subscripted(&mut self, base: &str, subscripts: &[Subscript], span: Span) -> Option<Piece> {
        let node = self.scope.node(base)?;
        self.inherit(base);
        let mut at = Vec::new();
        for (axis, subscript) in subscripts.iter().enumerate() {
            let counted = match subscript {
                Subscript::Letter(letter) => {
                    let extent = self.scope.graph.shape(node)[axis].clone();
                    self.touch_axis(*letter, &extent, span);
                    self.sheet.letter(*letter, span)
                }
                Subscript::Label(name) => {
                    let label = self.scope.node(name)?;
                    let at = self.sheet.access(label, Vec::new(), span);
                    self.as_counted(at, span)
                }
                Subscript::Number(position) => self.sheet.number(*position, span),
            };
            at.push(self.as_position(counted, span));
        }
        let worth = if self.is_label(node) { Worth::Index } else { Worth::Real };
        let at = self.sheet.access(node, at, span);
        let at = if worth == Worth::Index { self.as_counted(at, span) } else { at };
        Some(self.scalar(at, worth, span))
    }

    // ---------------------------------------------------------------- trees and nodes

    /// The tree of a piece.
    pub(crate) fn tree_of(&mut self, piece: &Piece) -> At {
        match &piece.body {
            Body::Tree(at) => *at,
            Body::Sum(terms) => self.sheet.push(Node::Sum(terms.clone()), piece.span),
            Body::Product(factors) => self.sheet.push(Node::Product(factors.clone()), piece.span),
            Body::Whole(_) => unreachable!("invariant: axes have letters where a tree is asked for"),
        }
    }

    /// The same piece with letters on its axes.
    pub(crate) fn lettered(&mut self, piece: Piece) -> Piece {
        let Body::Whole(node) = piece.body else { return piece };
        let shape = self.scope.graph.shape(node).to_vec();
        let axes: Vec<Letter> = shape.iter().map(|d| self.sheet.letters.axis(d, piece.span)).collect();
        let at = self.entry(node, &axes, piece.span);
        let at = if piece.worth == Worth::Index { self.as_counted(at, piece.span) } else { at };
        Piece { body: Body::Tree(at), axes, ..piece }
    }

    /// `node[letters]`
    pub(crate) fn entry(&mut self, node: NodeId, letters: &[Letter], span: Span) -> At {
        let at = letters.iter().map(|&l| self.place(l, span)).collect();
        self.sheet.access(node, at, span)
    }

    /// The position of a letter on the axis it runs over.
    pub(crate) fn place(&mut self, letter: Letter, span: Span) -> At {
        let low = self.sheet.letters.get(letter).low.clone();
        let at = self.sheet.letter(letter, span);
        if low.is_zero() {
            return at;
        }
        let low = self.sheet.dim(&low, span);
        self.sheet.push(Node::Sum(vec![(false, at), (true, low)]), span)
    }

    /// Extents of the axes of a piece.
    pub(crate) fn shape(&self, piece: &Piece) -> Vec<Dim> {
        match piece.body {
            Body::Whole(node) => self.scope.graph.shape(node).to_vec(),
            _ => piece
                .axes
                .iter()
                .map(|&l| self.sheet.letters.get(l).extent.clone().unwrap_or(Dim::ZERO))
                .collect(),
        }
    }

    pub(crate) fn rank(&self, piece: &Piece) -> usize {
        match piece.body {
            Body::Whole(node) => self.scope.graph.rank(node),
            _ => piece.axes.len(),
        }
    }

    /// `x : real[n]`, for messages.
    pub(crate) fn typed(&self, piece: &Piece) -> String {
        let word = match piece.worth {
            Worth::Real | Worth::Number => "real",
            Worth::Index => "index",
            Worth::Truth => "bool",
        };
        let shape = self.shape(piece);
        let shape: Vec<String> = shape.iter().map(Dim::to_string).collect();
        let shape = if shape.is_empty() { String::new() } else { format!("[{}]", shape.join(",")) };
        format!("{} : {word}{shape}", self.source(piece.span))
    }

    /// The node of a piece over its free letters and its axes, with those letters.
    pub(crate) fn node(&mut self, piece: Piece) -> Option<(NodeId, Vec<Letter>)> {
        if let Body::Whole(node) = piece.body {
            return Some((node, Vec::new()));
        }
        let at = self.tree_of(&piece);
        let axes: Vec<Letter> = piece.axes.iter().map(|&l| self.sheet.letters.find(l)).collect();
        let free: Vec<Letter> =
            self.sheet.free_letters(at).into_iter().filter(|l| !axes.contains(l)).collect();
        let node = self.node_over(at, &free, &axes, piece.worth, piece.span)?;
        Some((node, free))
    }

    /// The node of a tree over free letters, then axes.
    pub(crate) fn node_over(
        &mut self,
        at: At,
        free: &[Letter],
        axes: &[Letter],
        worth: Worth,
        span: Span,
    ) -> Option<NodeId> {
        let order: Vec<Letter> = free.iter().chain(axes).copied().collect();
        for &letter in &order {
            self.known_extent(letter)?;
        }
        let at = if worth == Worth::Index { self.as_position(at, span) } else { at };
        let result = self.build(at, &order, span);
        match result {
            Ok(node) => Some(node),
            Err(_) if worth == Worth::Truth => {
                // A condition with several clauses is no Boolean node: 1 where it holds.
                let at = self.sheet.push(Node::Iverson(at), span);
                let node = self.build(at, &order, span).map_err(|e| self.told(&e, span)).ok()?;
                self.positive(node).map_err(|e| self.told(&e, span)).ok()
            }
            // An index with two extents was told already, by its own name.
            Err(Error::IndexConflict { .. }) if self.failed() => None,
            Err(error) => {
                self.told(&error, span);
                None
            }
        }
    }

    fn build(&mut self, at: At, order: &[Letter], span: Span) -> chainrule_core::Result<NodeId> {
        let equation = self.sheet.equation(at, order, span, self.text);
        let given: Vec<(&str, NodeId)> = self.sheet.given.iter().map(|(n, id)| (n.as_str(), *id)).collect();
        self.scope.graph.equation(&equation, &given)
    }

    /// Every letter of a node has a range.
    pub(crate) fn known_extent(&mut self, letter: Letter) -> Option<Dim> {
        let facts = self.sheet.letters.get(letter).clone();
        if facts.extent.is_none() {
            let name = facts.name.unwrap_or_default();
            return self.refuse(
                Diagnostic::error(
                    "E0106",
                    facts.span,
                    format!("index {name} touches no axis, so its range is unknown"),
                )
                .help(format!("state it: {name}=0..n-1 in a binder, or  def t[{name}=0..n-1] = ...")),
            );
        }
        facts.extent
    }

    /// A mistake that the core found, in a sentence of the reader's.
    pub(crate) fn told(&mut self, error: &Error, span: Span) {
        let diagnostic = functions::from_core(error, span, self.text);
        self.report(diagnostic);
    }

    /// A node applied to nodes: the arguments over their common free letters, which lead.
    ///
    /// `make` is given the arguments and how many axes lead; the result has the leading axes, then its own.
    pub(crate) fn apply(
        &mut self,
        args: Vec<Piece>,
        span: Span,
        make: impl FnOnce(&mut Graph, &[NodeId], usize) -> chainrule_core::Result<NodeId>,
    ) -> Option<Piece> {
        let mut free = Vec::new();
        let mut trees = Vec::new();
        for piece in args {
            if let Body::Whole(node) = piece.body {
                trees.push(Err(node));
                continue;
            }
            let at = self.tree_of(&piece);
            let axes: Vec<Letter> = piece.axes.iter().map(|&l| self.sheet.letters.find(l)).collect();
            free.extend(self.sheet.free_letters(at).into_iter().filter(|l| !axes.contains(l)));
            trees.push(Ok((at, axes, piece.worth, piece.span)));
        }
        free.sort();
        free.dedup();
        let mut nodes = Vec::new();
        for tree in trees {
            nodes.push(match tree {
                Err(node) if free.is_empty() => node,
                Err(node) => {
                    let piece = self.whole(node, span);
                    let piece = self.lettered(piece);
                    let at = self.tree_of(&piece);
                    self.node_over(at, &free, &piece.axes, piece.worth, span)?
                }
                Ok((at, axes, worth, span)) => self.node_over(at, &free, &axes, worth, span)?,
            });
        }
        match make(&mut self.scope.graph, &nodes, free.len()) {
            Ok(node) => Some(self.after(node, &free, span)),
            Err(error) => {
                self.told(&error, span);
                None
            }
        }
    }

    /// A node whose first axes are these letters.
    pub(crate) fn after(&mut self, node: NodeId, free: &[Letter], span: Span) -> Piece {
        if free.is_empty() {
            return self.whole(node, span);
        }
        let shape = self.scope.graph.shape(node)[free.len()..].to_vec();
        let axes: Vec<Letter> = shape.iter().map(|d| self.sheet.letters.axis(d, span)).collect();
        let all: Vec<Letter> = free.iter().chain(&axes).copied().collect();
        let at = self.entry(node, &all, span);
        let worth = if self.is_label(node) { Worth::Index } else { Worth::Real };
        let at = if worth == Worth::Index { self.as_counted(at, span) } else { at };
        Piece { body: Body::Tree(at), axes, worth, span, dim: None, row: false }
    }

    /// Factors of a product that may take more.
    pub(crate) fn factors(&mut self, piece: Piece) -> Vec<(Factor, At)> {
        match piece.body {
            Body::Product(factors) => factors,
            _ => vec![(Factor::Times, self.tree_of(&piece))],
        }
    }

    /// Terms of a sum that may take more.
    pub(crate) fn terms(&mut self, piece: Piece) -> Vec<(bool, At)> {
        match piece.body {
            Body::Sum(terms) => terms,
            _ => vec![(false, self.tree_of(&piece))],
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
