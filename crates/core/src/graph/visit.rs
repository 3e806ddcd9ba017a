//! The graph as petgraph sees it: nodes are ours, neighbours are operands.
//!
//! Depth-first search, topological checks, dominators and DOT run on the table as it is. Algorithms that want
//! incoming edges get a [`DiGraph`] view, edges numbered by operand position, brought up to date from a watermark.

use super::Graph;
use crate::node::NodeId;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{
    GraphBase, IntoNeighbors, IntoNodeIdentifiers, NodeCompactIndexable, NodeCount, NodeIndexable, VisitMap,
    Visitable,
};
use smallvec::SmallVec;

impl GraphBase for Graph {
    type NodeId = NodeId;
    type EdgeId = (NodeId, u32);
}

/// Which nodes were seen.
#[derive(Clone, Debug, Default)]
pub struct Visited(Vec<bool>);

impl VisitMap<NodeId> for Visited {
    fn visit(&mut self, node: NodeId) -> bool {
        !std::mem::replace(&mut self.0[node.index()], true)
    }
    fn is_visited(&self, node: &NodeId) -> bool {
        self.0[node.index()]
    }
    fn unvisit(&mut self, node: NodeId) -> bool {
        std::mem::replace(&mut self.0[node.index()], false)
    }
}

impl Visitable for Graph {
    type Map = Visited;
    fn visit_map(&self) -> Visited {
        Visited(vec![false; self.len()])
    }
    fn reset_map(&self, map: &mut Visited) {
        map.0.clear();
        map.0.resize(self.len(), false);
    }
}

/// Operands of a node.
#[derive(Clone, Debug)]
pub struct Operands<'a>(std::slice::Iter<'a, NodeId>);

impl Iterator for Operands<'_> {
    type Item = NodeId;
    fn next(&mut self) -> Option<NodeId> {
        self.0.next().copied()
    }
}

impl<'a> IntoNeighbors for &'a Graph {
    type Neighbors = Operands<'a>;
    fn neighbors(self, node: NodeId) -> Operands<'a> {
        Operands(self.raw_args(node).iter())
    }
}

impl IntoNodeIdentifiers for &'_ Graph {
    type NodeIdentifiers = std::iter::Map<std::ops::Range<usize>, fn(usize) -> NodeId>;
    fn node_identifiers(self) -> Self::NodeIdentifiers {
        (0..self.len()).map(NodeId::new)
    }
}

impl NodeCount for Graph {
    fn node_count(&self) -> usize {
        self.len()
    }
}

impl NodeIndexable for Graph {
    fn node_bound(&self) -> usize {
        self.len()
    }
    fn to_index(&self, node: NodeId) -> usize {
        node.index()
    }
    fn from_index(&self, index: usize) -> NodeId {
        NodeId::new(index)
    }
}

impl NodeCompactIndexable for Graph {}

/// Users of every node, as a petgraph graph whose edges carry the operand position.
#[derive(Clone, Default, Debug)]
pub struct Users {
    view: DiGraph<(), u32>,
}

impl Users {
    /// Adds the nodes made since the last call.
    pub fn update(&mut self, graph: &Graph) {
        for node in (self.view.node_count()..graph.len()).map(NodeId::new) {
            let user = self.view.add_node(());
            for (position, operand) in graph.neighbors(node).enumerate() {
                self.view.add_edge(NodeIndex::new(operand.index()), user, position as u32);
            }
        }
    }

    /// The view: edges run from operand to user.
    pub fn view(&self) -> &DiGraph<(), u32> {
        &self.view
    }
}

impl Graph {
    /// Nodes that the given ones depend on, themselves included, in topological order. Iterative.
    ///
    /// What is no node of this graph reaches nothing.
    pub fn reachable(&self, outputs: &[NodeId]) -> Vec<NodeId> {
        let known: SmallVec<[NodeId; 8]> = outputs.iter().copied().filter(|&n| self.contains(n)).collect();
        let outputs = &known[..];
        let Some(last) = outputs.iter().map(|n| n.index()).max() else { return Vec::new() };
        let mut seen = vec![false; last + 1];
        outputs.iter().for_each(|n| seen[n.index()] = true);
        for k in (0..=last).rev() {
            if seen[k] {
                self.raw_args(NodeId::new(k)).iter().for_each(|&a| seen[a.index()] = true);
            }
        }
        (0..=last).filter(|&k| seen[k]).map(NodeId::new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Type;
    use petgraph::visit::{Dfs, DfsPostOrder};

    #[test]
    fn petgraph_walks_the_table() {
        let mut g = Graph::new();
        let x = g.input("x", Type::scalar()).unwrap();
        let y = g.input("y", Type::scalar()).unwrap();
        let s = g.add(x, y).unwrap();
        let mut seen = Vec::new();
        let mut dfs = Dfs::new(&g, s);
        while let Some(n) = dfs.next(&g) {
            seen.push(n);
        }
        seen.sort();
        assert_eq!(seen, [x, y, s]);
        assert_eq!(DfsPostOrder::new(&g, s).iter(&g).last(), Some(s));
        let mut users = Users::default();
        users.update(&g);
        assert_eq!(users.view().neighbors(NodeIndex::new(x.index())).count(), 1);
        assert_eq!(g.reachable(&[s]), [x, y, s]);
    }

    trait IterAll: Sized {
        fn iter(self, g: &Graph) -> std::vec::IntoIter<NodeId>;
    }
    impl IterAll for DfsPostOrder<NodeId, Visited> {
        fn iter(mut self, g: &Graph) -> std::vec::IntoIter<NodeId> {
            std::iter::from_fn(|| self.next(g)).collect::<Vec<_>>().into_iter()
        }
    }
}
