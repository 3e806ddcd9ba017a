//! NumPy: a graph as the Python that a person would write.
//!
//! [`expression`] gives the lines that prepare a value and the expression of it, [`function`] a complete `def`.
//! The text is stable (softmax and log-sum-exp are shifted by the maximum), what is absent is never computed into
//! the result (`np.where`, boolean indexing), shared values are assigned once, indices and labels count from 0 as
//! in the core. It expects `import numpy as np`; where NumPy lacks a function the text imports SciPy and says so.
//!
//! ```
//! use chainrule_core::{Graph, shape::Type};
//! use chainrule_export::numpy;
//! let mut g = Graph::new();
//! let z = g.input("z", Type::real(["n"]))?;
//! let y = g.input("y", Type::index("n", [] as [&str; 0]))?;
//! let (lse, score) = (g.logsumexp(z, &[0])?, g.gather(z, y)?);
//! let loss = g.sub(lse, score)?;
//! let gradient = g.gradient(loss, &[z])?[0];
//! assert_eq!(
//!     numpy::function(&g, "gradient", &[z, y], &[gradient]).unwrap(),
//!     "def gradient(z, y):
//!     e = np.exp(z - z.max())
//!     g = e / e.sum()
//!     g[y] -= 1
//!     return g
//! "
//! );
//! # Ok::<(), chainrule_core::Error>(())
//! ```
//!
//! Recurrences have no array expression and are refused with [`Unsupported`], which names the node.
//!
//! Where the core answers NaN for a matrix without an inverse or a factor, `np.linalg` raises `LinAlgError`.
//! NumPy also raises an error for the largest entry of an empty axis where the core sees that no entry needs one.
//! Numbers are passed as NumPy has them (`np.float64`): Python's own raise an error when divided by zero.

mod array;
mod contract;
mod index;
mod linear;
mod map;
mod names;
mod node;
mod place;
mod product;
mod sizes;
mod sparse;
mod sum;

use crate::plan::{Names, Plan, Unsupported};
use array::{Array, Level, aligned};
use chainrule_core::graph::op::Op;
use chainrule_core::shape::{DType, Dim};
use chainrule_core::{Graph, NodeId};
use names::Taken;
use sizes::SizeNames;
use std::collections::{BTreeMap, BTreeSet};

/// Text of one operand that is repeated or continued on the same line only up to this length.
const INLINE: usize = 56;

/// A value as NumPy text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NumpyText {
    /// Lines to run first, in order.
    pub setup: Vec<String>,
    /// The value, as an expression over inputs and what the lines assign.
    pub result: String,
}

/// The value of a node: lines to run first, and an expression.
///
/// Inputs are read under their own names, unless Python does not allow these; `names` gives other names, and names
/// to intermediates. A size that no input's shape determines is read under its name.
///
/// # Errors
/// [`Unsupported`] for a recurrence.
///
/// # Panics
/// If the node is not of this graph.
pub fn expression(graph: &Graph, node: NodeId, names: &Names) -> Result<NumpyText, Unsupported> {
    let plan = Plan::new(graph, &[], &[node], names);
    plan.without_recurrences("NumPy")?;
    let mut text = Writer::new(&plan).run(false);
    Ok(NumpyText { setup: text.lines, result: text.results.remove(0) })
}

/// A function of the given inputs that returns the given outputs, a tuple if there are several.
///
/// An input may be any node: what it stands for is then passed in. Inputs that the outputs need beyond the given
/// ones, and sizes that no shape determines, become further parameters, in this order. Intermediates take the names
/// that stand beside the graph's table.
///
/// # Errors
/// [`Unsupported`] for a recurrence.
///
/// # Panics
/// If a node is not of this graph.
pub fn function(
    graph: &Graph,
    name: &str,
    inputs: &[NodeId],
    outputs: &[NodeId],
) -> Result<String, Unsupported> {
    let plan = Plan::new(graph, inputs, outputs, &Names::of(graph));
    plan.without_recurrences("NumPy")?;
    let text = Writer::new(&plan).run(true);
    let mut parameters = text.parameters;
    parameters.extend(text.sizes);
    let mut lines = vec![format!("def {}({}):", names::identifier(name), parameters.join(", "))];
    lines.extend(text.lines.iter().map(|line| format!("    {line}")));
    let result = if text.results.is_empty() { "()".to_string() } else { text.results.join(", ") };
    lines.push(format!("    return {result}\n"));
    Ok(lines.join("\n"))
}

/// What the writer hands back.
struct Written {
    parameters: Vec<String>,
    sizes: Vec<String>,
    lines: Vec<String>,
    results: Vec<String>,
}

/// Lines so far, and the text of every node that has been written.
struct Writer<'p> {
    plan: &'p Plan,
    lines: Vec<String>,
    codes: Vec<Option<Array>>,
    taken: Taken,
    sizes: SizeNames,
    parameters: Vec<(String, Vec<Dim>)>,
    /// Names of index arrays by what is assigned to them.
    grids: BTreeMap<String, Vec<String>>,
    /// Functions that SciPy has and NumPy has not.
    scipy: BTreeSet<&'static str>,
}

impl<'p> Writer<'p> {
    fn new(plan: &'p Plan) -> Writer<'p> {
        let mut writer = Writer {
            plan,
            lines: Vec::new(),
            codes: vec![None; plan.graph.len()],
            taken: Taken::default(),
            sizes: SizeNames::default(),
            parameters: Vec::new(),
            grids: BTreeMap::new(),
            scipy: BTreeSet::new(),
        };
        for &node in &plan.parameters {
            let name = writer.taken.fresh(plan.name(node).unwrap_or("x"));
            let shape = plan.graph.shape(node).to_vec();
            let axes: Vec<usize> = (0..shape.len()).collect();
            writer.parameters.push((name.clone(), shape));
            writer.codes[node.index()] = Some(Array::atom(name, axes));
        }
        // Sizes keep their names before index arrays take letters.
        for dim in writer.parameters.iter().flat_map(|(_, shape)| shape).cloned().collect::<Vec<_>>() {
            writer.sizes.reserve(&dim, &mut writer.taken);
        }
        writer
    }

    /// Writes everything; `returned` values must be whole arrays that the caller may change.
    fn run(mut self, returned: bool) -> Written {
        for node in self.plan.order.clone() {
            if sum::is_deferred(self.plan, node) {
                continue;
            }
            let code = self.node(node);
            let code = self.kept(node, code);
            self.codes[node.index()] = Some(code);
        }
        let results = self.plan.outputs.clone().into_iter().map(|o| self.result(o, returned)).collect();
        let mut lines: Vec<String> = Vec::new();
        if !self.scipy.is_empty() {
            let missing: Vec<&str> = self.scipy.iter().copied().collect();
            lines.push(format!("# SciPy, because NumPy has no {}.", missing.join(", ")));
            lines.push("from scipy import special".to_string());
        }
        let (defined, sizes) = self.sizes.define(&self.parameters);
        lines.extend(defined);
        lines.append(&mut self.lines);
        Written {
            parameters: self.parameters.into_iter().map(|(name, _)| name).collect(),
            sizes,
            lines,
            results,
        }
    }

    /// An output as an expression with all its axes.
    fn result(&mut self, node: NodeId, returned: bool) -> String {
        let code = self.code(node);
        let whole = self.whole_code(node, &code);
        if returned && whole.text.starts_with("np.broadcast_to") {
            return format!("{}.copy()", whole.text);
        }
        whole.text
    }

    /// The text of a node that has been written.
    fn code(&self, node: NodeId) -> Array {
        self.codes[node.index()].clone().expect("invariant: operands are written before their users")
    }

    /// The text of a node with all its axes.
    fn whole(&mut self, node: NodeId) -> Array {
        let code = self.code(node);
        self.whole_code(node, &code)
    }

    fn whole_code(&mut self, node: NodeId, code: &Array) -> Array {
        let shape = self.plan.graph.shape(node).to_vec();
        let axes: Vec<usize> = (0..shape.len()).collect();
        if code.axes == axes {
            return code.clone();
        }
        let extents = self.shape(&shape);
        let text = match code.text.as_str() {
            "0" => format!("np.zeros({extents})"),
            "1" => format!("np.ones({extents})"),
            number
                if code.axes.is_empty()
                    && self.plan.graph.ty(node).dtype == DType::Real
                    && code.is_number() =>
            {
                // An array of whole numbers would stay one.
                let number = if is_integer(number) { format!("{number}.0") } else { number.to_string() };
                format!("np.full({extents}, {number})")
            }
            _ => {
                let value = aligned(code, &axes);
                return Array::atom(format!("np.broadcast_to({}, {extents})", value.text), axes);
            }
        };
        Array::call(text, axes)
    }

    /// A node's text as its users shall read it: under a name when it is read often, is long, or has a name.
    fn kept(&mut self, node: NodeId, code: Array) -> Array {
        let named = self.plan.name(node).map(str::to_string);
        let output = self.plan.outputs.contains(&node);
        let uses = self.plan.uses(node);
        if code.is_name() || code.is_number() || matches!(self.plan.graph.op(node), Op::Size(_) | Op::Pi) {
            return code;
        }
        let alone = output && uses == 1;
        if alone || (uses == 1 && named.is_none() && code.text.len() <= INLINE) {
            return code;
        }
        let cheap = code.level == Level::Atom && !code.fresh && code.text.len() <= 8 && named.is_none();
        if cheap {
            return code;
        }
        let letter = self.letter(node).to_string();
        self.assigned(code, named.as_deref(), &letter)
    }

    /// The letter of a value without a name: that of the textbook where there is one.
    fn letter(&self, node: NodeId) -> &'static str {
        let g = &self.plan.graph;
        match g.op(node) {
            Op::Map(id) => match chainrule_core::ops::map::Map::by_id(*id).name {
                "exp" => "e",
                _ => "t",
            },
            Op::Named(_) => match g.as_named(node).map(|f| f.name.as_str()) {
                Some("softmax") => "s",
                _ => "t",
            },
            Op::Compare(_) | Op::Logic(_) => "on",
            Op::ArgSort(_) => "order",
            Op::Linear(_) => "B",
            _ => "t",
        }
    }

    /// The array under a new name.
    fn assigned(&mut self, code: Array, name: Option<&str>, letter: &str) -> Array {
        let name = match name {
            Some(name) => self.taken.fresh(name),
            None if letter == "t" => self.taken.numbered("t"),
            None => self.taken.fresh(letter),
        };
        self.lines.push(format!("{name} = {}", code.text));
        Array::atom(name, code.axes)
    }

    /// The array as something that may be repeated.
    fn held(&mut self, code: Array, letter: &str) -> Array {
        if code.is_name() || code.is_number() { code } else { self.assigned(code, None, letter) }
    }

    /// The array as something that may be continued on the same line.
    fn short(&mut self, code: Array) -> Array {
        if code.text.len() <= INLINE { code } else { self.assigned(code, None, "t") }
    }

    /// An extent as text.
    fn dim(&mut self, dim: &Dim) -> (String, Level) {
        self.sizes.text(dim, &mut self.taken)
    }

    /// Extents as the argument of `np.zeros`: `n`, `(m, n)`.
    fn shape(&mut self, shape: &[Dim]) -> String {
        let texts: Vec<String> = shape.iter().map(|d| self.dim(d).0).collect();
        match texts.as_slice() {
            [one] => one.clone(),
            _ => format!("({})", texts.join(", ")),
        }
    }
}

/// True for digits and nothing else.
fn is_integer(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}
