//! How inputs, tags and sizes are spelled, so that the reader finds the same one again.
//!
//! The reader asks first the names given to it, then names of the graph, inputs, tags, sizes of inputs, and last `pi`
//! and `e`. A name that is no identifier stands in quotation marks, `"mlp/2/W"[i,j]`. A name that would be found as
//! something else says what it is: `input("x")[i]`, `tag("x")[i]`, `size(n)`, `pi()`.

use crate::form::read::spelled;
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::node::NodeId;
use crate::shape::Dim;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// The spelling of everything that prints by a name.
pub(crate) struct Names<'a> {
    graph: &'a Graph,
    /// Nodes that were named for the printer; each name belongs to one of them.
    given: &'a FxHashMap<NodeId, String>,
    owners: FxHashMap<&'a str, NodeId>,
    /// Tags by name; of equal names the last.
    tags: FxHashMap<&'a str, NodeId>,
    /// Names that the reader finds before it looks for sizes, and sizes that it knows.
    declared: BTreeSet<&'a str>,
    sizes: BTreeSet<String>,
}

impl<'a> Names<'a> {
    /// The names of a graph, under names given to the printer.
    pub(crate) fn new(graph: &'a Graph, given: &'a FxHashMap<NodeId, String>) -> Names<'a> {
        let owners: FxHashMap<&str, NodeId> =
            given.iter().map(|(node, name)| (name.as_str(), *node)).collect();
        let mut tags = FxHashMap::default();
        let mut declared: BTreeSet<&str> = owners.keys().copied().collect();
        let mut sizes = BTreeSet::new();
        declared.extend(graph.names().map(|(name, _)| name));
        for node in graph.nodes() {
            match graph.op(node) {
                Op::Tag(name) => {
                    tags.insert(&**name, node);
                    declared.insert(name);
                }
                Op::Input(_) => {
                    declared.extend(graph.as_input(node).map(|i| &*i.name));
                    let ty = graph.ty(node);
                    let all = ty.shape.iter().chain(&ty.below).flat_map(Dim::names);
                    sizes.extend(all.map(|s| s.to_string()));
                }
                _ => {}
            }
        }
        Names { graph, given, owners, tags, declared, sizes }
    }

    /// What letters and definitions must not be called.
    pub(crate) fn reserved(&self) -> BTreeSet<String> {
        self.declared.iter().map(|s| (*s).to_string()).chain(self.sizes.iter().cloned()).collect()
    }

    /// The spelling of an input, a tag or a named node; `None` for every other node.
    pub(crate) fn of(&self, node: NodeId) -> Option<String> {
        if let Some(name) = self.given.get(&node) {
            return Some(spelled(name));
        }
        match self.graph.op(node) {
            Op::Input(_) => {
                let input = self.graph.as_input(node)?;
                // The copy that stands for a cut intermediate is known by its name alone.
                let found = self.graph.find(&input.name) == Some(node);
                let own = input.copy > 0 || (found && !self.owners.contains_key(&*input.name));
                Some(if own { spelled(&input.name) } else { declared_as("input", &input.name) })
            }
            Op::Tag(name) => {
                let hidden = self.owners.contains_key(&**name) || self.graph.find(name).is_some();
                // Of two tags with one name only the last can be named.
                (self.tags.get(&**name) == Some(&node))
                    .then(|| if hidden { declared_as("tag", name) } else { spelled(name) })
            }
            _ => None,
        }
    }

    /// A size polynomial in spelled names.
    pub(crate) fn size(&self, dim: &Dim) -> Dim {
        let known = |name: &str| self.sizes.contains(name) && !self.declared.contains(name);
        let names = dim.names();
        if names.iter().all(|n| known(n) && spelled(n) == **n) {
            return dim.clone();
        }
        let mut total = Dim::ZERO;
        for (monomial, coefficient) in dim.monomials() {
            let mut product = Dim::fixed(coefficient);
            for (name, power) in monomial {
                let text = if known(&name) { spelled(&name) } else { format!("size({})", spelled(&name)) };
                (0..power).for_each(|_| product = product.clone() * Dim::size(&text));
            }
            total = total + product;
        }
        total
    }

    /// The circle's number.
    pub(crate) fn pi_is_free(&self) -> bool {
        !self.declared.contains("pi") && !self.sizes.contains("pi")
    }
}

/// `input("x")`; in quotation marks whatever the name is.
fn declared_as(kind: &str, name: &str) -> String {
    let text = spelled(name);
    if text.starts_with('"') { format!("{kind}({text})") } else { format!("{kind}(\"{text}\")") }
}
