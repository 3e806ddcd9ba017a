//! A lowered piece of a formula: a tree in index notation, and the letters that are its axes.

use super::letters::{Letter, Letters};
use crate::source::Span;
use chainrule_core::form::read::{At, Equation, Factor, Left, LeftIndex, Node, Span as CoreSpan, Spanned};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Dim;

/// What a piece is worth.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Worth {
    /// An exact number without axes: an index or a real number, as needed.
    Number,
    /// An index term or an array of labels.
    Index,
    /// A condition.
    Truth,
    /// Real numbers.
    Real,
}

/// What stands in a piece.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// A node whose axes carry no letters yet.
    Whole(NodeId),
    /// `Σ ± term`, still open for more terms; true is minus.
    Sum(Vec<(bool, At)>),
    /// `Π factor`, still open for more factors.
    Product(Vec<(Factor, At)>),
    /// A tree.
    Tree(At),
}

/// A lowered piece of a formula.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// What stands there.
    pub(crate) body: Body,
    /// Letters of its axes, in order; none while the body is whole.
    pub(crate) axes: Vec<Letter>,
    /// What it is worth.
    pub(crate) worth: Worth,
    /// Where it was written.
    pub(crate) span: Span,
    /// Its value, when it is built of whole numbers and sizes.
    pub(crate) dim: Option<Dim>,
    /// A transposed vector, which may only stand left of `@`.
    pub(crate) row: bool,
}

/// The tree of one formula while it is written, and its letters.
#[derive(Default)]
pub(crate) struct Sheet {
    nodes: Vec<Spanned>,
    /// Letters of names and binders, by position; their names are written when the tree is taken out.
    spelled: Vec<(At, Letter)>,
    pub(crate) letters: Letters,
    /// Nodes that the tree mentions, by name.
    pub(crate) given: Vec<(String, NodeId)>,
}

pub(crate) fn core_span(span: Span) -> CoreSpan {
    CoreSpan { start: span.start, end: span.end }
}

impl Sheet {
    pub(crate) fn push(&mut self, node: Node, span: Span) -> At {
        self.nodes.push(Spanned { node, span: core_span(span) });
        At(self.nodes.len() - 1)
    }

    pub(crate) fn number(&mut self, value: impl Into<Rational>, span: Span) -> At {
        self.push(Node::Number(value.into()), span)
    }

    /// A letter as a name.
    pub(crate) fn letter(&mut self, letter: Letter, span: Span) -> At {
        let at = self.push(Node::Name(String::new()), span);
        self.spelled.push((at, letter));
        at
    }

    /// `letter = low .. high`, for a binder.
    pub(crate) fn range(&mut self, letter: Letter, span: Span) -> At {
        let (low, high) = self.bounds(letter, span);
        let at = self.push(Node::Range(String::new(), low, high), span);
        self.spelled.push((at, letter));
        at
    }

    /// First and last value of a letter whose extent is known.
    fn bounds(&mut self, letter: Letter, span: Span) -> (At, At) {
        let facts = self.letters.get(letter);
        let extent = facts.extent.clone().expect("invariant: extents are known before a tree is taken out");
        let (low, high) = (facts.low.clone(), facts.low.clone() + extent - Dim::ONE);
        (self.dim(&low, span), self.dim(&high, span))
    }

    /// A size polynomial.
    pub(crate) fn dim(&mut self, dim: &Dim, span: Span) -> At {
        self.push(Node::Size(dim.clone()), span)
    }

    /// The entry of a node at terms.
    pub(crate) fn access(&mut self, node: NodeId, at: Vec<At>, span: Span) -> At {
        let name = format!("%{}", node.index());
        if !self.given.iter().any(|(_, known)| *known == node) {
            self.given.push((name.clone(), node));
        }
        self.push(if at.is_empty() { Node::Name(name) } else { Node::Access(name, at) }, span)
    }

    /// The tree under a root as an equation over the given axes, with every letter spelled out.
    pub(crate) fn equation(&mut self, root: At, axes: &[Letter], span: Span, text: &str) -> Equation {
        let indices: Vec<(Letter, At, At)> = axes
            .iter()
            .map(|&l| {
                let (low, high) = self.bounds(l, span);
                (l, low, high)
            })
            .collect();
        let mut wanted = vec![false; self.nodes.len()];
        wanted[root.0] = true;
        for &(_, low, high) in &indices {
            // The core looks a stated range up by its ends.
            (wanted[low.0], wanted[high.0]) = (true, true);
        }
        for k in (0..self.nodes.len()).rev() {
            if wanted[k] {
                self.nodes[k].node.children().into_iter().for_each(|c| wanted[c.0] = true);
            }
        }
        let mut place = vec![At(0); self.nodes.len()];
        let mut nodes = Vec::new();
        // Ranges first: the core learns them in order, and a body reads letters whose ranges must be known.
        let is_range = |n: &Spanned| matches!(n.node, Node::Range(..) | Node::Size(_));
        for ranges in [true, false] {
            for (k, spanned) in
                self.nodes.iter().enumerate().filter(|(k, n)| wanted[*k] && is_range(n) == ranges)
            {
                place[k] = At(nodes.len());
                nodes.push(Spanned { node: moved(&spanned.node, &place), span: spanned.span });
            }
            if ranges {
                for (letter, low, high) in &indices {
                    let token = self.letters.token(*letter);
                    let node = Node::Range(token, place[low.0], place[high.0]);
                    nodes.push(Spanned { node, span: core_span(span) });
                }
            }
        }
        for &(at, letter) in self.spelled.iter().filter(|(at, _)| wanted[at.0]) {
            let token = self.letters.token(letter);
            match &mut nodes[place[at.0].0].node {
                Node::Name(name) | Node::Range(name, ..) => *name = token,
                other => unreachable!("invariant: letters are names: {other:?}"),
            }
        }
        let mut left = Vec::<LeftIndex>::new();
        for (letter, low, high) in indices {
            let (low, high) = (place[low.0], place[high.0]);
            let token = self.letters.token(letter);
            left.push((token, core_span(span), Some((low, high))));
        }
        let left = Left { name: "#".to_string(), indices: left };
        Equation { text: text.to_string(), left: Some(left), root: place[root.0], nodes }
    }

    /// Letters read in a tree and not bound in it, in order of their making.
    pub(crate) fn free_letters(&self, root: At) -> Vec<Letter> {
        let mut wanted = vec![false; root.0 + 1];
        wanted[root.0] = true;
        let mut found = std::collections::BTreeSet::new();
        for k in (0..=root.0).rev() {
            if wanted[k] {
                self.nodes[k].node.children().into_iter().for_each(|c| wanted[c.0] = true);
            }
        }
        for &(at, letter) in &self.spelled {
            if at.0 <= root.0 && wanted[at.0] && matches!(self.nodes[at.0].node, Node::Name(_)) {
                found.insert(self.letters.find(letter));
            }
        }
        let inner: Vec<Letter> = self
            .spelled
            .iter()
            .filter(|(at, _)| {
                at.0 <= root.0 && wanted[at.0] && matches!(self.nodes[at.0].node, Node::Range(..))
            })
            .map(|&(_, l)| self.letters.find(l))
            .collect();
        found.into_iter().filter(|l| !inner.contains(l)).collect()
    }
}

/// A node with its operands renamed.
fn moved(node: &Node, place: &[At]) -> Node {
    let to = |at: &At| place[at.0];
    let list = |ats: &Vec<At>| ats.iter().map(to).collect::<Vec<At>>();
    match node {
        Node::Number(_) | Node::Name(_) | Node::Size(_) => node.clone(),
        Node::Access(name, ats) => Node::Access(name.clone(), list(ats)),
        Node::Call(name, ats) => Node::Call(name.clone(), list(ats)),
        Node::Entry(base, ats) => Node::Entry(to(base), list(ats)),
        Node::Array(ats) => Node::Array(list(ats)),
        Node::Option(name, a) => Node::Option(name.clone(), to(a)),
        Node::Range(name, a, b) => Node::Range(name.clone(), to(a), to(b)),
        Node::Sum(terms) => Node::Sum(terms.iter().map(|(m, at)| (*m, to(at))).collect()),
        Node::Product(factors) => Node::Product(factors.iter().map(|(f, at)| (*f, to(at))).collect()),
        Node::Negative(a) => Node::Negative(to(a)),
        Node::Power(a, b) => Node::Power(to(a), to(b)),
        Node::Compare(relation, a, b) => Node::Compare(*relation, to(a), to(b)),
        Node::Not(a) => Node::Not(to(a)),
        Node::And(ats) => Node::And(list(ats)),
        Node::Or(ats) => Node::Or(list(ats)),
        Node::Iverson(a) => Node::Iverson(to(a)),
        Node::If(a, c, b) => Node::If(to(a), to(c), to(b)),
    }
}
