//! From trees to nodes: letters on axes, the node of a piece, a node applied to nodes.

use super::letters::Letter;
use super::piece::{Body, Piece, Worth};
use super::{Lowering, functions};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use chainrule_core::error::Error;
use chainrule_core::form::read::{At, Factor, Node};
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::shape::Dim;

impl Lowering<'_, '_> {
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
                .help(format!(
                    "state it where it is bound,  sum({name}=0..n-1, ...)  or on the left,  y[{name}=0..n-1] = ..."
                )),
            );
        }
        facts.extent
    }

    /// A mistake that the core found, in a sentence of the reader's.
    pub(crate) fn told(&mut self, error: &Error, span: Span) {
        let mut diagnostic = functions::from_core(error, span, self.text);
        if let Error::Syntax { at, message } = error
            && span.start <= *at
            && *at < span.end
        {
            // The core knows where the piece begins; the tree knows where it ends.
            let begins = |s: &Span| s.start == *at && s.end <= span.end;
            let widest = self.order.iter().map(|&e| self.span(e)).filter(begins).max_by_key(|s| s.end);
            if let (Some(widest), Some(label)) = (widest, diagnostic.labels.first_mut()) {
                label.0 = widest;
            }
            if message.contains("outside the axis of")
                && let Some(told) = self.outside_axis(*at)
            {
                diagnostic = told;
            }
        }
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
