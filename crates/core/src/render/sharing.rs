//! Which nodes get a definition of their own: decided in one pass over the table, before anything recurses.
//!
//! A node is defined when it is used more than once and is not small, or when it is nested too deeply. Sizes count
//! every use, so what is written stays linear in the graph: sixty doublings are sixty lines, not 2⁶⁰ symbols.

use super::entry::Builder;
use crate::form::Cond;
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::node::NodeId;

/// A node of at most this many nodes is repeated rather than named.
const SMALL: u32 = 5;
/// Deepest nesting of one formula: about what a reader bears, and what bounds the writers' recursion.
const MAX_DEPTH: u32 = 24;

/// What is written of a node at each use.
#[derive(Copy, Clone, Default)]
struct Extent {
    size: u32,
    depth: u32,
}

/// Calls `visit` on every operand as often as it is written.
fn each_use(g: &Graph, node: NodeId, visit: &mut dyn FnMut(NodeId)) {
    let Op::Contract(kind) = g.op(node) else { return g.args(node).into_iter().for_each(visit) };
    let args = g.args(node);
    let mut slot = |k: NodeId| visit(args[k.index()]);
    for access in &kind.accesses {
        slot(access.node);
        access.at.iter().for_each(|t| t.each_element(&mut slot));
    }
    for cond in &kind.conds {
        if let Cond::Holds(k, ..) = cond {
            slot(*k);
        }
        cond.terms().iter().for_each(|t| t.each_element(&mut slot));
    }
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
            each_use(self.graph, node, &mut |a| uses[a.index()] += 1);
        }
        let mut extents = vec![Extent { size: 1, depth: 0 }; root.index() + 1];
        for &node in nodes {
            if node == root || self.is_leaf(node) {
                continue;
            }
            self.define_operands(node);
            let mut total = Extent { size: 1, depth: 1 };
            each_use(self.graph, node, &mut |a| {
                let written =
                    if self.name_of(a).is_some() { Extent { size: 1, depth: 0 } } else { extents[a.index()] };
                total.size = total.size.saturating_add(written.size);
                total.depth = total.depth.max(written.depth + 1);
            });
            extents[node.index()] = total;
            if (uses[node.index()] > 1 && total.size > SMALL) || total.depth >= MAX_DEPTH {
                self.define(node);
            }
        }
        self.define_operands(root);
    }

    /// Operands that are written whole, as the matrix of `inv(A)`, need a whole form or a name.
    fn define_operands(&mut self, node: NodeId) {
        if !matches!(self.graph.op(node), Op::Linear(_) | Op::ArgSort(_) | Op::Named(_)) {
            return;
        }
        for arg in self.graph.args(node) {
            if self.whole(arg).is_none() {
                self.define(arg);
            }
        }
    }
}
