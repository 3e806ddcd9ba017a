//! What a graph costs before any size is a number: operations and entries as polynomials in its sizes.
//!
//! ```
//! use chainrule_core::{Graph, shape::Type};
//! use chainrule_exec::cost::{cost, storage};
//! let mut g = Graph::new();
//! let (v, x) = (g.input("V", Type::real(["m", "n"]))?, g.input("x", Type::real(["n"]))?);
//! let y = g.dot(v, x)?;
//! assert_eq!(cost(&g, &[y])?.flops.to_string(), "2*m*n");
//! let jacobian = g.jacobian(y, v)?;
//! let storage = storage(&g, jacobian)?;
//! assert_eq!((storage.dense.to_string(), storage.stored.to_string()), ("m^2*n".into(), "n".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Additions and multiplications count one each, so a matrix product of `m·k·n` points counts `2·m·k·n`; function values
//! are counted apart. Conditions that compare indices (`[i >= j]`) and values (`[x[i] > 0]`) are counted as if they held,
//! but for a sum up to a bound (`Σ_j x[j] [j <= i]`): it costs its terms once, as a running sum.

mod flops;
mod order;
mod polynomial;
mod price;

pub use flops::Flops;
pub use polynomial::Polynomial;
pub(crate) use price::linear_flops;

use crate::error::{Error, Result};
use chainrule_core::graph::op::Op;
use chainrule_core::ops::map::Map;
use chainrule_core::shape::{Dim, Sizes};
use chainrule_core::{Graph, NodeId};
use price::{divisor, is_view, price};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What one node costs.
#[derive(Clone, Debug)]
pub struct NodeCost {
    /// Name of the graph, else `t1`, `t2`, ... in order.
    pub name: String,
    /// What it computes, in words: `x, V multiplied, summed over n`.
    pub what: String,
    /// Extents.
    pub shape: Vec<Dim>,
    /// Additions, multiplications, comparisons.
    pub flops: Flops,
    /// Values of elementary functions.
    pub calls: Polynomial,
    /// Entries of the result.
    pub entries: Polynomial,
}

/// What some outputs cost.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Every node that computes something, operands first.
    pub nodes: Vec<NodeCost>,
    /// Additions, multiplications, comparisons.
    pub flops: Flops,
    /// Values of elementary functions.
    pub calls: Polynomial,
    /// Entries of the inputs that are read.
    pub inputs: Polynomial,
    /// Entries of all results that are no output; a plan keeps many of them in registers.
    pub intermediates: Polynomial,
    /// Entries of the outputs.
    pub outputs: Polynomial,
}

/// A derivative as one array, and as its deltas and factors.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Entries of the array.
    pub dense: Polynomial,
    /// Entries of the factors.
    pub stored: Polynomial,
    /// How many terms are added up.
    pub terms: usize,
    /// What the factors cost.
    pub cost: Cost,
}

/// A cost at given sizes.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Counts {
    /// Additions, multiplications, comparisons.
    pub flops: f64,
    /// Values of elementary functions.
    pub calls: f64,
    /// Entries of the inputs that are read.
    pub inputs: f64,
    /// Entries of all results that are no output.
    pub intermediates: f64,
    /// Entries of the outputs.
    pub outputs: f64,
}

impl Cost {
    /// The sizes that occur.
    pub fn names(&self) -> BTreeSet<Arc<str>> {
        let mut names = self.flops.names();
        for p in [&self.calls, &self.inputs, &self.intermediates, &self.outputs] {
            names.extend(p.names());
        }
        names
    }

    /// The numbers at some sizes.
    ///
    /// # Errors
    /// [`Error::UnknownSize`] for a size without a number.
    pub fn at(&self, sizes: &Sizes) -> Result<Counts> {
        let unknown = |name: Arc<str>| Error::UnknownSize { name: name.to_string(), of: "the cost".into() };
        let number = |p: &Polynomial| p.evaluate(sizes).map_err(unknown);
        Ok(Counts {
            flops: self.flops.evaluate(sizes).map_err(unknown)?,
            calls: number(&self.calls)?,
            inputs: number(&self.inputs)?,
            intermediates: number(&self.intermediates)?,
            outputs: number(&self.outputs)?,
        })
    }
}

/// What the outputs cost, each node once, in the best order that can be said.
///
/// # Errors
/// [`Error::Unsupported`] for an output that is a node of another graph; what opening a function refuses.
pub fn cost(graph: &Graph, outputs: &[NodeId]) -> Result<Cost> {
    if outputs.iter().any(|&o| !graph.contains(o)) {
        return Err(Error::Unsupported { what: "an output that is a node of another graph".into() });
    }
    let is_open = |g: &Graph, n: NodeId| g.as_named(n).is_some_and(|f| f.composite.is_none());
    if graph.reachable(outputs).iter().any(|&n| is_open(graph, n)) {
        let mut opened = graph.clone();
        let outputs = opened.open(outputs, &is_open)?;
        return Ok(counted(&opened, &outputs));
    }
    Ok(counted(graph, outputs))
}

/// A real output as one array and as its factors, side by side.
///
/// # Errors
/// As [`cost`]; an output that is no array of real numbers.
pub fn storage(graph: &Graph, output: NodeId) -> Result<Storage> {
    let mut graph = graph.clone();
    let terms = graph.structure(output)?;
    let factors: Vec<NodeId> = terms.iter().flat_map(|t| &t.factors).map(|(node, _)| *node).collect();
    let stored =
        factors.iter().fold(Polynomial::default(), |total, &f| total + Polynomial::product(graph.shape(f)));
    let dense = Polynomial::product(graph.shape(output));
    Ok(Storage { dense, stored, terms: terms.len(), cost: cost(&graph, &factors)? })
}

/// Nodes that the outputs need; a reciprocal that is only divided by is not one of them.
fn needed(g: &Graph, outputs: &[NodeId]) -> Vec<NodeId> {
    let reachable = g.reachable(outputs);
    let mut live = vec![false; g.len()];
    outputs.iter().for_each(|o| live[o.index()] = true);
    for &node in reachable.iter().rev().filter(|n| n.index() < g.len()) {
        if !live[node.index()] {
            continue;
        }
        let divides = matches!(g.op(node), Op::Contract(_));
        for arg in g.args(node) {
            let arg = if divides { divisor(g, arg).unwrap_or(arg) } else { arg };
            live[arg.index()] = true;
        }
    }
    reachable.into_iter().filter(|n| live[n.index()]).collect()
}

/// Whether a node is a number that stands in the program text.
fn is_constant(g: &Graph, node: NodeId) -> bool {
    matches!(g.op(node), Op::Zero(_) | Op::Rational(_) | Op::Pi | Op::Size(_) | Op::Literal(_))
}

fn counted(g: &Graph, outputs: &[NodeId]) -> Cost {
    let nodes = needed(g, outputs);
    let mut names = vec![String::new(); g.len()];
    for (name, node) in g.names() {
        names[node.index()] = name.to_string();
    }
    let mut is_output = vec![false; g.len()];
    let mut cost = Cost {
        nodes: Vec::new(),
        flops: Flops::default(),
        calls: Polynomial::default(),
        inputs: Polynomial::default(),
        intermediates: Polynomial::default(),
        outputs: Polynomial::default(),
    };
    for &output in outputs {
        is_output[output.index()] = true;
        cost.outputs = cost.outputs + Polynomial::product(g.shape(output));
    }
    let mut fresh = 0;
    for node in nodes {
        let k = node.index();
        let operand = |names: &[String]| names[g.arg(node, 0).index()].clone();
        let entries = Polynomial::product(g.shape(node));
        match g.op(node) {
            Op::Input(_) => {
                names[k] = g.as_input(node).map(|i| i.name.to_string()).unwrap_or_default();
                cost.inputs = cost.inputs + entries;
                continue;
            }
            Op::Rational(value) => {
                names[k] = value.to_string();
                continue;
            }
            Op::Size(dim) => {
                names[k] = dim.to_string();
                continue;
            }
            _ if is_constant(g, node) => {
                let word = match g.op(node) {
                    Op::Zero(_) => "0",
                    Op::Pi => "pi",
                    _ => "a literal",
                };
                names[k] = word.to_string();
                continue;
            }
            Op::Tag(name) => {
                names[k] = name.to_string();
                continue;
            }
            Op::StopGradient | Op::Checkpoint => {
                names[k] = operand(&names);
                continue;
            }
            _ if is_view(g, node) && !is_output[k] => {
                names[k] = operand(&names);
                continue;
            }
            _ => {}
        }
        if names[k].is_empty() {
            fresh += 1;
            names[k] = format!("t{fresh}");
        }
        let (flops, calls) = price(g, node);
        cost.flops = cost.flops + flops.clone();
        cost.calls = cost.calls + calls.clone();
        if !is_output[k] {
            cost.intermediates = cost.intermediates + entries.clone();
        }
        let (name, what, shape) = (names[k].clone(), words(g, node, &names), g.shape(node).to_vec());
        cost.nodes.push(NodeCost { name, what, shape, flops, calls, entries });
    }
    cost
}

/// Operands that are listed; of more only the number is said.
const LISTED: usize = 6;

fn list(names: &[String], nodes: impl ExactSizeIterator<Item = NodeId>) -> String {
    let left = nodes.len().saturating_sub(LISTED);
    let mut all: Vec<String> = nodes.take(LISTED).map(|n| names[n.index()].clone()).collect();
    if left > 0 {
        all.push(format!("{left} more"));
    }
    all.join(", ")
}

/// What a node computes.
fn words(g: &Graph, node: NodeId, names: &[String]) -> String {
    let args = g.args(node);
    let operands = || list(names, args.iter().copied());
    let along = |axis: &u16| g.shape(args[0])[usize::from(*axis)].to_string();
    match g.op(node) {
        Op::Sum(_) if args.len() == 1 => format!("{} scaled", operands()),
        Op::Sum(_) => format!("{} added", operands()),
        Op::Contract(_) => product(g, node, names),
        Op::Map(id) => format!("{}({})", Map::by_id(*id).name, operands()),
        Op::Select => format!("select({})", operands()),
        Op::Compare(c) => format!("{} {} {}", names[args[0].index()], c.symbol(), names[args[1].index()]),
        Op::Logic(l) => format!("{}({})", format!("{l:?}").to_lowercase(), operands()),
        Op::Reduce(r, axis) => {
            format!("{} of {} over {}", format!("{r:?}").to_lowercase(), operands(), along(axis))
        }
        Op::ArgMax(axis) => format!("argmax of {} over {}", operands(), along(axis)),
        Op::ArgSort(axis) => {
            format!("argsort of {} over {}: comparisons not counted", operands(), along(axis))
        }
        Op::Linear(kind) => format!("{}({})", format!("{kind:?}").to_lowercase(), operands()),
        Op::Named(_) => {
            let name = g.as_named(node).map_or("function", |f| f.name.as_str());
            format!("{name}({})", operands())
        }
        other => format!("{other:?}").to_lowercase(),
    }
}

fn product(g: &Graph, node: NodeId, names: &[String]) -> String {
    let p = g.as_product(node);
    let (mut times, mut over) = (Vec::new(), Vec::new());
    for access in &p.accesses {
        match divisor(g, access.node) {
            Some(x) => over.push(x),
            None => times.push(access.node),
        }
    }
    let powers = p.accesses.iter().any(|a| a.power > 1);
    let mut text = match (times.len(), powers) {
        (0, _) if over.is_empty() => "1".to_string(),
        (0, _) => "1".to_string(),
        (1, false) => list(names, times.into_iter()),
        (1, true) => format!("{} to a power", list(names, times.into_iter())),
        _ => format!("{} multiplied", list(names, times.into_iter())),
    };
    if !over.is_empty() {
        text.push_str(&format!(", divided by {}", list(names, over.into_iter())));
    }
    if !p.conds.is_empty() {
        text.push_str(", under conditions");
    }
    if p.free < p.extents.len() {
        let bound: Vec<String> = p.extents[p.free..].iter().map(ToString::to_string).collect();
        text.push_str(&format!(", summed over {}", bound.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule_core::graph::op::Linear;
    use chainrule_core::ops::map::TANH;
    use chainrule_core::shape::Type;

    fn said(g: &Graph, output: NodeId) -> (String, String) {
        let cost = cost(g, &[output]).unwrap();
        (cost.flops.to_string(), cost.calls.to_string())
    }

    #[test]
    fn a_layer_costs_its_product_and_its_functions() {
        let mut g = Graph::new();
        let (v, x) =
            (g.input("V", Type::real(["m", "n"])).unwrap(), g.input("x", Type::real(["n"])).unwrap());
        let u = g.dot(v, x).unwrap();
        let y = g.map(&TANH, &[u]).unwrap();
        assert_eq!(said(&g, y), ("2*m*n".into(), "m".into()));
        let all = cost(&g, &[y]).unwrap();
        assert_eq!(all.nodes[0].what, "x, V multiplied, summed over n");
        assert_eq!((all.nodes[1].what.as_str(), all.inputs.to_string()), ("tanh(t1)", "m*n + n".into()));
        let sizes = Sizes::from_iter([(Arc::from("m"), 3), (Arc::from("n"), 4)]);
        assert_eq!(all.at(&sizes).unwrap().flops, 24.0);
        let missing = all.at(&Sizes::from_iter([(Arc::from("m"), 3)])).unwrap_err();
        assert!(missing.to_string().contains("the size n"), "{missing}");
    }

    #[test]
    fn a_chain_of_products_says_both_orders() {
        let mut g = Graph::new();
        let make = |g: &mut Graph, name: &str, shape: [&str; 2]| g.input(name, Type::real(shape)).unwrap();
        let (a, b, c) =
            (make(&mut g, "A", ["i", "a"]), make(&mut g, "B", ["a", "b"]), make(&mut g, "C", ["b", "c"]));
        let p =
            g.form("y[p,s] = sum(q, sum(r, A[p,q]*B[q,r]*C[r,s]))", &[("A", a), ("B", b), ("C", c)]).unwrap();
        assert_eq!(said(&g, p).0, "min(2*a*b*c + 2*a*c*i, 2*a*b*i + 2*b*c*i)");
    }

    #[test]
    fn a_sum_up_to_a_bound_costs_its_terms() {
        let mut g = Graph::new();
        let x = g.input("x", Type::real(["n"])).unwrap();
        let y = g.cumsum(x, 0).unwrap();
        assert_eq!(said(&g, y).0, "n");
        let squares = g.multiply(y, y).unwrap();
        let loss = g.sum_all(squares).unwrap();
        let gradient = g.gradient(loss, &[x]).unwrap();
        assert_eq!(said(&g, gradient[0]).0, "3*n");
        let z = g.cumsum(y, 0).unwrap();
        let jacobian = g.jacobian(z, x).unwrap();
        assert_eq!(said(&g, jacobian).0, "n^2");
        let a = g.input("A", Type::real(["n", "n"])).unwrap();
        let y = g.form("y[i] = sum(k, A[i,k]*x[k]*[k <= i])", &[("A", a), ("x", x)]).unwrap();
        assert_eq!(said(&g, y).0, "2*n^2");
        let y = g.form("y[i] = x[i] * sum(k, x[k]^2*[k < i])", &[("x", x)]).unwrap();
        assert_eq!(said(&g, y).0, "3*n");
    }

    #[test]
    fn linear_algebra_counts_its_highest_powers() {
        let mut g = Graph::new();
        let (a, b) =
            (g.input("A", Type::real(["n", "n"])).unwrap(), g.input("B", Type::real(["n", "r"])).unwrap());
        let solved = g.linear(Linear::Solve, &[a, b]).unwrap();
        assert_eq!(said(&g, solved).0, "2*n^2*r + 2/3*n^3");
        let l = g.linear(Linear::Cholesky, &[a]).unwrap();
        assert_eq!(said(&g, l).0, "1/3*n^3");
        let d = g.linear(Linear::LogAbsDet, &[a]).unwrap();
        assert_eq!(said(&g, d), ("2/3*n^3".into(), "n".into()));
    }

    #[test]
    fn a_diagonal_derivative_costs_its_diagonal() {
        let mut g = Graph::new();
        let x = g.input("x", Type::real(["n"])).unwrap();
        let y = g.map(&TANH, &[x]).unwrap();
        let jacobian = g.jacobian(y, x).unwrap();
        let stored = storage(&g, jacobian).unwrap();
        assert_eq!((stored.dense.to_string(), stored.stored.to_string()), ("n^2".into(), "n".into()));
        assert_eq!(stored.cost.calls.to_string(), "n");
    }
}
