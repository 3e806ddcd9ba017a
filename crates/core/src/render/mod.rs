//! The printer: a node in index notation, in vectorised notation, as text and as LaTeX.
//!
//! `y[i] = Σ_j V[i,j] x[j] + b[i]` prints as `sum(j, V[i,j]*x[j]) + b[i]`, as `V @ x + b` and as
//! `\sum_{j=0}^{n-1} V_{ij} x_j + b_i`. Letters are chosen here and nowhere else, so capture cannot happen.
//!
//! Nodes that are used more than once and are not small, and nodes nested too deeply, get a definition `t1`, `t2`, …
//! Which ones is decided in one pass over the table, so nothing recurses on the size of the graph and the output is
//! linear in it.
//!
//! Reading order. Products: coefficient, deltas, factors along their indices (`V[i,j]*x[j]`), sums, brackets;
//! denominators last. Sums: positive terms first, then negative ones; among these, terms with letters or names
//! before numbers, longer before shorter, then by text.
//!
//! ```
//! use chainrule_core::{graph::Graph, render::Printer, shape::Type};
//! let mut g = Graph::new();
//! let z = g.input("z", Type::real(["n"]))?;
//! let y = g.input("y", Type::index("n", [] as [&str; 0]))?;
//! let loss = g.logsumexp(z, &[0])?;
//! let onehot = g.one_hot(y, &"n".into())?;
//! let softmax = g.gradient(loss, &[z])?[0];
//! let gradient = g.sub(softmax, onehot)?;
//! let printer = Printer::new(&g);
//! assert_eq!(printer.index_text(gradient).to_string(), "exp(z[i]) / sum(j, exp(z[j])) - delta(i,y)");
//! assert_eq!(printer.vector_text(gradient).unwrap().to_string(), "softmax(z) - onehot(y)");
//! assert_eq!(
//!     printer.index_latex(gradient).to_string(),
//!     r"\frac{e^{z_i}}{\sum_{j=0}^{n-1} e^{z_j}} - \delta_{iy}"
//! );
//! # Ok::<(), chainrule_core::error::Error>(())
//! ```

mod chain;
mod entry;
mod factor;
mod latex;
mod letters;
mod sharing;
mod shown;
mod text;
mod whole;

#[cfg(test)]
mod tests;

use crate::graph::Graph;
use crate::node::NodeId;
use entry::Builder;
use rustc_hash::FxHashMap;
use shown::Shown;
use std::borrow::Cow;
use std::fmt;

/// How many definitions are printed unless asked otherwise: more is not read by anyone.
const MAX_DEFINITIONS: usize = 1000;

/// A printed node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// The type: `real[n]`.
    pub head: String,
    /// Definitions as `(t1[i,j], formula)`, each using only earlier ones.
    pub definitions: Vec<(String, String)>,
    /// How many definitions (the ones furthest from the result) were left out; see [`Printer::max_definitions`].
    pub omitted: usize,
    /// The formula.
    pub body: String,
}

impl fmt::Display for Text {
    /// The formula, then one line for each definition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.body)?;
        if self.omitted > 0 {
            let (omitted, shown) = (self.omitted, self.definitions.len());
            write!(
                f,
                "\n  where the first {omitted} definitions are left out (at most {shown} are printed)"
            )?;
        }
        self.definitions.iter().try_for_each(|(name, body)| write!(f, "\n  where {name} = {body}"))
    }
}

/// Prints nodes of one graph.
///
/// Inputs, tags and the nodes given to [`Printer::names`] print by name. The node that is asked for is always
/// written out, whatever its own name.
#[derive(Clone)]
pub struct Printer<'g> {
    graph: &'g Graph,
    names: Vec<(NodeId, String)>,
    keep: bool,
    letters: Vec<String>,
    max_definitions: usize,
    base: i64,
}

/// Text or LaTeX.
type Writer = fn(&Shown) -> String;

impl<'g> Printer<'g> {
    /// A printer that opens composites and knows no names but those of inputs and tags.
    pub fn new(graph: &'g Graph) -> Printer<'g> {
        Printer {
            graph,
            names: Vec::new(),
            keep: false,
            letters: Vec::new(),
            max_definitions: MAX_DEFINITIONS,
            base: 0,
        }
    }

    /// Stops at these nodes and prints `name[indices]`. The first name of a node wins.
    #[must_use]
    pub fn names(mut self, names: &[(NodeId, &str)]) -> Printer<'g> {
        self.names.extend(names.iter().map(|(node, name)| (*node, (*name).to_string())));
        self
    }

    /// Stops at every node that has a name in the graph.
    #[must_use]
    pub fn names_of_graph(mut self) -> Printer<'g> {
        let names: Vec<_> = self.graph.names().map(|(name, node)| (node, name.to_string())).collect();
        self.names.extend(names);
        self
    }

    /// Whether composites keep their names, `softmax(z)[i]`, or are opened (the default).
    #[must_use]
    pub fn keep_composites(mut self, keep: bool) -> Printer<'g> {
        self.keep = keep;
        self
    }

    /// Letters to use before `i`, `j`, `k`, …; those that occur as names are skipped.
    #[must_use]
    pub fn letters(mut self, letters: &[&str]) -> Printer<'g> {
        self.letters = letters.iter().map(|l| (*l).to_string()).collect();
        self
    }

    /// At most this many definitions are printed (1000 by default): the ones nearest to the result.
    #[must_use]
    pub fn max_definitions(mut self, count: usize) -> Printer<'g> {
        self.max_definitions = count;
        self
    }

    /// Indices and labels count from this number: 0, or 1 as in `\sum_{j=1}^n`. It changes what is printed, nothing else.
    #[must_use]
    pub fn index_base(mut self, base: i64) -> Printer<'g> {
        self.base = base;
        self
    }

    /// One entry of the node in index notation: `sum(j, V[i,j]*x[j]) + b[i]`.
    pub fn index_text(&self, node: NodeId) -> Text {
        self.by_index(node, text::text)
    }

    /// One entry of the node in index notation, as LaTeX: `\sum_{j=0}^{n-1} V_{ij} x_j + b_i`.
    pub fn index_latex(&self, node: NodeId) -> Text {
        self.by_index(node, latex::latex)
    }

    /// The whole node in vectorised notation, `V @ x + b`; `None` when it has none, as `delta(i,j) * x[k]`.
    pub fn vector_text(&self, node: NodeId) -> Option<Text> {
        self.as_whole(node, text::text)
    }

    /// The whole node in matrix notation, as LaTeX: `V^{\top} g`.
    pub fn vector_latex(&self, node: NodeId) -> Option<Text> {
        self.as_whole(node, latex::latex)
    }

    /// The letters that stand for the axes of the node in [`Printer::index_text`], in axis order.
    pub fn free_letters(&self, node: NodeId) -> Vec<String> {
        let (graph, node, names) = self.view(node, self.keep);
        Builder::new(&graph, &names, &self.letters, node).free_letters(node)
    }

    fn by_index(&self, node: NodeId, write: Writer) -> Text {
        let (graph, node, names) = self.view(node, self.keep);
        let builder = Builder::new(&graph, &names, &self.letters, node).counting_from(self.base);
        let body = write(&builder.root(node));
        let (kept, omitted) = self.kept(builder.definitions());
        let mut definitions = Vec::with_capacity(kept.len());
        for (node, name) in kept {
            let at: Vec<Shown> = builder.free_letters(node).into_iter().map(Shown::Name).collect();
            let head = write(&Shown::entry(Shown::Name(name), &at));
            definitions.push((head, write(&builder.root(node))));
        }
        Text { head: graph.ty(node).to_string(), definitions, omitted, body }
    }

    fn as_whole(&self, node: NodeId, write: Writer) -> Option<Text> {
        let (graph, node, names) = self.view(node, true);
        let builder = Builder::new(&graph, &names, &self.letters, node).counting_from(self.base);
        let body = write(&builder.whole_root(node)?);
        let (kept, omitted) = self.kept(builder.definitions());
        let mut definitions = Vec::with_capacity(kept.len());
        for (node, name) in kept {
            definitions.push((write(&Shown::Name(name)), write(&builder.whole_root(node)?)));
        }
        Some(Text { head: graph.ty(node).to_string(), definitions, omitted, body })
    }

    /// The last definitions within the cap, and how many were before them.
    fn kept(&self, mut definitions: Vec<(NodeId, String)>) -> (Vec<(NodeId, String)>, usize) {
        let omitted = definitions.len().saturating_sub(self.max_definitions);
        (definitions.split_off(omitted), omitted)
    }

    /// The graph to print from, with composites opened unless kept, and the names of its nodes.
    fn view(&self, node: NodeId, keep: bool) -> (Cow<'g, Graph>, NodeId, FxHashMap<NodeId, String>) {
        let named: Vec<&(NodeId, String)> =
            self.names.iter().filter(|(n, _)| n.index() < self.graph.len()).collect();
        let mut outputs = vec![node];
        outputs.extend(named.iter().map(|(n, _)| *n));
        let mut graph = Cow::Borrowed(self.graph);
        let is_named = |g: &Graph, n: NodeId| g.as_named(n).is_some();
        if !keep && graph.reachable(&[node]).into_iter().any(|n| is_named(&graph, n)) {
            let mut opened = self.graph.clone();
            if let Ok(new) = opened.open(&outputs, &is_named) {
                outputs = new;
                graph = Cow::Owned(opened);
            }
        }
        let mut names = FxHashMap::default();
        for (&n, (_, name)) in outputs[1..].iter().zip(named) {
            names.entry(n).or_insert_with(|| name.clone());
        }
        (graph, outputs[0], names)
    }
}
