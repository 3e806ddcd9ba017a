//! Which nodes get a definition of their own: decided in one pass over the table, before anything recurses.
//!
//! A node is defined when it is used more than once and is not small, or when it is nested too deeply. Sizes count
//! every use, so what is written stays linear in the graph: sixty doublings are sixty lines, not 2⁶⁰ symbols.

use super::entry::Builder;
use crate::form::Cond;
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::index::{Atom, Facts, Term};
use crate::node::NodeId;
use crate::shape::Dim;

/// A node of at most this many nodes is repeated rather than named.
const SMALL: u32 = 5;
/// Deepest nesting of one formula: about what a reader bears, and what bounds the writers' recursion.
const MAX_DEPTH: u32 = 24;

/// Most atoms of an index term once the terms of nested reads are written into each other.
const MAX_TERM: usize = 12;

/// What is written of a node at each use.
#[derive(Copy, Clone, Default)]
struct Extent {
    size: u32,
    depth: u32,
    /// Atoms of its longest index term, when the node is read at plain letters.
    term: usize,
}

/// Calls `visit` on every operand as often as it is written, with the atoms of the longest term that it is read at.
fn each_use(g: &Graph, node: NodeId, visit: &mut dyn FnMut(NodeId, usize)) {
    let Op::Contract(kind) = g.op(node) else { return g.args(node).into_iter().for_each(|a| visit(a, 1)) };
    let args = g.args(node);
    let mut slot = |k: NodeId, at: &[Term]| visit(args[k.index()], longest(at));
    for access in &kind.accesses {
        slot(access.node, &access.at);
        access.at.iter().for_each(|t| each_element(t, &mut slot));
    }
    for cond in &kind.conds {
        if let Cond::Holds(k, at, _) = cond {
            slot(*k, at);
        }
        cond.terms().iter().for_each(|t| each_element(t, &mut slot));
    }
}

/// Calls `visit` on every integer tensor that a term reads, and where.
fn each_element(term: &Term, visit: &mut dyn FnMut(NodeId, &[Term])) {
    for (atom, _) in term.parts() {
        match atom {
            Atom::Label(_) => {}
            Atom::Quotient(t, _) | Atom::Remainder(t, _) => each_element(t, visit),
            Atom::Element(node, at) => {
                visit(*node, at);
                at.iter().for_each(|t| each_element(t, visit));
            }
        }
    }
}

fn longest(at: &[Term]) -> usize {
    at.iter().map(Term::weight).max().unwrap_or(1).max(1)
}

/// Nodes that are written when `root` is, in topological order; nothing below a name.
pub(crate) fn written(g: &Graph, root: NodeId, stops: &dyn Fn(NodeId) -> bool) -> Vec<NodeId> {
    let mut seen = vec![false; root.index() + 1];
    seen[root.index()] = true;
    for k in (0..=root.index()).rev() {
        let node = NodeId::new(k);
        if seen[k] && (node == root || !stops(node)) {
            g.args(node).iter().for_each(|a| seen[a.index()] = true);
        }
    }
    (0..=root.index()).filter(|&k| seen[k]).map(NodeId::new).collect()
}

impl Builder<'_> {
    /// Decides the definitions of what is written for `root`.
    pub(crate) fn share(&mut self, root: NodeId, nodes: &[NodeId]) {
        let mut uses = vec![0u32; root.index() + 1];
        for &node in nodes.iter().filter(|&&n| n == root || !self.is_leaf(n)) {
            each_use(self.graph, node, &mut |a, _| uses[a.index()] += 1);
        }
        let leaf = Extent { size: 1, depth: 0, term: 1 };
        let mut extents = vec![leaf; root.index() + 1];
        for &node in nodes {
            if node == root || self.is_leaf(node) {
                continue;
            }
            extents[node.index()] = self.extent(node, &extents);
            let Extent { size, depth, .. } = extents[node.index()];
            if (uses[node.index()] > 1 && size > SMALL) || depth >= MAX_DEPTH {
                self.define(node);
            }
        }
        self.extent(root, &extents);
        self.number_definitions();
    }

    /// What is written of a node; operands that would make its index terms too long get a definition.
    fn extent(&mut self, node: NodeId, extents: &[Extent]) -> Extent {
        self.define_operands(node);
        self.define_guarded(node);
        let mut uses = Vec::new();
        each_use(self.graph, node, &mut |a, term| uses.push((a, term)));
        let mut total = Extent { size: 1, depth: 1, term: 1 };
        for (a, term) in uses {
            let inner = extents[a.index()];
            if term > 1 && inner.term > 1 && term.saturating_mul(inner.term) > MAX_TERM {
                self.define(a);
            }
            let named = self.name_of(a).is_some();
            let written = if named { Extent { size: 1, depth: 0, term: 1 } } else { inner };
            total.size = total.size.saturating_add(written.size);
            total.depth = total.depth.max(written.depth + 1);
            total.term = total.term.max(term.saturating_mul(written.term));
        }
        total
    }

    /// What a product reads outside of its axes, where a guard makes the term absent, needs a name: a guard does not
    /// reach into the arguments of a function.
    fn define_guarded(&mut self, node: NodeId) {
        let Op::Contract(kind) = self.graph.op(node) else { return };
        if !self.readable || kind.conds.is_empty() {
            return;
        }
        let product = self.graph.as_product(node);
        let below = |n: NodeId| self.graph.below(n);
        let facts = Facts { extents: &product.extents, gone: &[], below: &below };
        let inside = |t: &Term, extent: &Dim| {
            let last = Term::constant(extent.clone() - Dim::ONE);
            facts.proves_nonnegative(t) && facts.proves_nonnegative(&(last - t.clone()))
        };
        let outside: Vec<NodeId> = product
            .accesses
            .iter()
            .filter(|a| !self.is_product_of_leaves(a.node) || (a.power > 1 && self.sums(a.node)))
            .filter(|a| !a.at.iter().zip(self.graph.shape(a.node)).all(|(t, e)| inside(t, e)))
            .map(|a| a.node)
            .collect();
        outside.into_iter().for_each(|n| self.define(n));
    }

    /// True for a sum over labels: its power is not a product that guards reach into.
    fn sums(&self, node: NodeId) -> bool {
        let bound = matches!(self.graph.op(node), Op::Contract(kind) if kind.free < kind.extents.len());
        bound && self.name_of(node).is_none()
    }

    /// True for what is a name, a number, or a product of such: written out, its reads stand beside the guards.
    fn is_product_of_leaves(&self, node: NodeId) -> bool {
        let leaf = |n: NodeId| self.is_leaf(n) || self.name_of(n).is_some();
        leaf(node)
            || (matches!(self.graph.op(node), Op::Contract(_)) && self.graph.args(node).into_iter().all(leaf))
    }

    /// Operands that are written whole, as the matrix of `inv(A)`, need a whole form or a name; in text that is read
    /// back they need a name.
    fn define_operands(&mut self, node: NodeId) {
        let is_scan = matches!(self.graph.op(node), Op::Scan(_));
        if !is_scan && !matches!(self.graph.op(node), Op::Linear(_) | Op::ArgSort(_) | Op::Named(_)) {
            return;
        }
        for arg in self.graph.args(node) {
            let whole = if self.readable && is_scan {
                // A scan is not read back, so its numbers need no names; all else is read better by one.
                self.is_leaf(arg)
            } else if self.readable {
                matches!(self.graph.op(arg), Op::Linear(_) | Op::ArgSort(_) | Op::Named(_) | Op::Literal(_))
            } else {
                self.whole(arg).is_some()
            };
            if !whole {
                self.define(arg);
            }
        }
    }
}
