//! The printer on derived formulas, on awkward ones and on large ones.

mod homework;
mod large;
mod notation;
mod readback;
mod scans;
mod spelling;

use super::Printer;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::shape::Type;

/// A real input.
fn real(g: &mut Graph, name: &str, shape: &[&str]) -> NodeId {
    g.input(name, Type::real(shape.iter().copied())).unwrap()
}

/// Index notation.
fn index(g: &Graph, node: NodeId) -> String {
    Printer::new(g).names_of_graph().index_text(node).to_string()
}

/// Vectorised notation, `-` for none.
fn vector(g: &Graph, node: NodeId) -> String {
    Printer::new(g).names_of_graph().vector_text(node).map_or("-".into(), |t| t.to_string())
}

/// LaTeX in index notation.
fn latex(g: &Graph, node: NodeId) -> String {
    Printer::new(g).names_of_graph().index_latex(node).to_string()
}

/// LaTeX in matrix notation, `-` for none.
fn matrix(g: &Graph, node: NodeId) -> String {
    Printer::new(g).names_of_graph().vector_latex(node).map_or("-".into(), |t| t.to_string())
}
