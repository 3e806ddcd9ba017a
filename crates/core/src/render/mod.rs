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
//! Names. An input, a tag or a size prints by its name where the reader would find it by that name. A name that is no
//! identifier, or that is a word of the language, stands in quotation marks, `"mlp/2/W"[i,j]`; a name that the reader
//! would take for something else says what it is: `input("x")[i]`, `tag("x")[i]`, `size(n)`, `pi()`. Letters of
//! indices and names of definitions are never names or sizes of the graph. A binder states its range,
//! `sum(j=0..n-1, …)`, where the axes that its letter touches do not tell it.
//!
//! Reading back. [`Graph::form`] reads [`Printer::equation_text`] with the same names given. What it gives is the node
//! itself, unless the text lost how it was built: nested products, sums and views print without the parentheses that
//! the reader would need, implied guards are dropped, composites print opened. Then it is another node with the same
//! values. Not read back are
//!
//! - literals of more than sixteen entries, marked `[... 100 entries of shape 100 ...]`, and definitions that
//!   [`Printer::max_definitions`] left out, both refused with a sentence;
//! - NaN with another bit pattern than the usual one, literals with an extent of 0, and a literal of integers alone,
//!   which reads as one of reals;
//! - applications of a user's function whose name is kept;
//! - trajectories of recurrences, `scan(t=0..n-1, h <- cell(h, x[t]); h0)[i]`, whose step stands in a line of its own,
//!   `where cell(h, x) = …`;
//! - the copy that stands for a cut intermediate, and of two tags with one name the first, whose operand is written;
//! - an axis of one named size that is read over a range of another (`x[n]` over `i=0..m-1`): the reader takes that for
//!   a mistake;
//! - positions ([`ArgMax`](crate::graph::op::Op::ArgMax)) that do not depend on one of their axes: integers are not
//!   repeated.
//!
//! ```
//! use chainrule_core::{graph::Graph, render::Printer, shape::Type};
//! let mut g = Graph::new();
//! let x = g.input("x", Type::real(["n"]))?;
//! let order = g.argsort(x, 0)?;
//! let y = g.reverse(x, 0)?;
//! let y = g.gather(y, order)?;
//! let text = Printer::new(&g).equation_text(y, "y").to_string();
//! assert_eq!(text, "y[i] = x[n-1-argsort(x)[i]]");
//! assert_eq!(g.form(&text, &[])?, y);
//! # Ok::<(), chainrule_core::error::Error>(())
//! ```
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
mod guards;
mod latex;
mod letters;
mod names;
mod sharing;
mod shown;
mod steps;
mod text;
mod whole;

#[cfg(test)]
mod tests;

use crate::form::read::spelled;
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
    /// Definitions as `(t1[i,j], formula)`, each using only earlier ones; an index whose range the formula does not
    /// tell has it stated, `t1[i=0..n-1]`.
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
    /// The step whose body is printed.
    step: Option<String>,
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
            step: None,
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
        self.by_index(node, text::text, true, None)
    }

    /// The node as an equation, `y[i] = sum(j, V[i,j]*x[j]) + b[i]`: its left side fixes the order of the axes, and
    /// states ranges that the formula does not tell, `y[i=0..n-1] = x[n-1-i]`.
    ///
    /// [`Graph::form`] reads it back, definitions included; see the head of this module for what it gives.
    pub fn equation_text(&self, node: NodeId, name: &str) -> Text {
        self.by_index(node, text::text, true, Some(name))
    }

    /// One entry of the node in index notation, as LaTeX: `\sum_{j=0}^{n-1} V_{ij} x_j + b_i`.
    pub fn index_latex(&self, node: NodeId) -> Text {
        self.by_index(node, latex::latex, false, None)
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
        Builder::new(&graph, &names, &self.letters, node, true).free_letters(node)
    }

    fn by_index(&self, node: NodeId, write: Writer, readable: bool, left: Option<&str>) -> Text {
        let (axes, mut text) = self.formula(node, write, readable);
        if let Some(name) = left {
            let head = Shown::entry(Shown::Name(spelled(name)), &axes);
            text.body = format!("{} = {}", write(&head), text.body);
        }
        text
    }

    /// One entry of the node, and the letters of its axes.
    fn formula(&self, node: NodeId, write: Writer, readable: bool) -> (Vec<Shown>, Text) {
        let (graph, node, names) = self.view(node, self.keep);
        let builder = self.builder(&graph, &names, node, readable);
        let (axes, root) = builder.root(node);
        let body = write(&root);
        let (kept, omitted) = self.kept(builder.definitions());
        let mut definitions = Vec::with_capacity(kept.len());
        for (node, name) in kept {
            let (axes, body) = builder.root(node);
            definitions.push((write(&Shown::entry(Shown::Name(name), &axes)), write(&body)));
        }
        definitions.extend(self.steps(&builder, write));
        (axes, Text { head: graph.ty(node).to_string(), definitions, omitted, body })
    }

    fn builder<'a>(
        &self,
        graph: &'a Graph,
        names: &'a FxHashMap<NodeId, String>,
        node: NodeId,
        readable: bool,
    ) -> Builder<'a> {
        let builder = Builder::new(graph, names, &self.letters, node, readable);
        builder.counting_from(self.base).within(self.step.as_deref())
    }

    fn as_whole(&self, node: NodeId, write: Writer) -> Option<Text> {
        let (graph, node, names) = self.view(node, true);
        let builder = self.builder(&graph, &names, node, false);
        let body = write(&builder.whole_root(node)?);
        let (kept, omitted) = self.kept(builder.definitions());
        let mut definitions = Vec::with_capacity(kept.len());
        for (node, name) in kept {
            definitions.push((write(&Shown::Name(name)), write(&builder.whole_root(node)?)));
        }
        definitions.extend(self.steps(&builder, write));
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
        // Of two nodes with one name the last has it, as for the reader; of two names of a node the first stands.
        let owners: FxHashMap<&str, NodeId> =
            outputs[1..].iter().zip(&named).map(|(&n, (_, name))| (name.as_str(), n)).collect();
        let mut names = FxHashMap::default();
        for (&n, (_, name)) in outputs[1..].iter().zip(named) {
            if owners[name.as_str()] == n {
                names.entry(n).or_insert_with(|| name.clone());
            }
        }
        (graph, outputs[0], names)
    }
}
