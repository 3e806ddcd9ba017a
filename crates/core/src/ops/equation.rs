//! An equation in index notation written into a graph.
//!
//! ```
//! use chainrule_core::Graph;
//! use chainrule_core::shape::Type;
//! let mut g = Graph::new();
//! let v = g.input("V", Type::real(["m", "n"])).unwrap();
//! let x = g.input("x", Type::real(["n"])).unwrap();
//! let y = g.form("y[i] = sum(j, V[i,j]*x[j])", &[]).unwrap();
//! assert_eq!(y, g.dot(v, x).unwrap());
//! assert_eq!(y, g.form("sum(k, x[k]*V[i,k])", &[]).unwrap());
//! ```
//!
//! Four passes over the flat tree, none of which recurses: `names` says what each name stands for, `ranges` over
//! which extent each index runs, `lower` builds values from the leaves up. Factors under sums are gathered into
//! *one* product before a node is made, so names of indices and the order of factors leave no trace; a sum of terms
//! inside a factor becomes a node over exactly the indices it uses.

mod arithmetic;
mod conditions;
mod logic;
mod lower;
mod names;
mod ranges;
mod reads;
mod value;

use crate::error::{Error, Result};
use crate::form::read::{Equation, Span, parse};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::shape::Dim;

/// An index of an equation: free ones (left of `=`) come first.
struct Letter {
    name: String,
    span: Span,
    /// How many values it takes.
    extent: Option<Dim>,
    /// The use that told the extent.
    told_by: String,
    /// The range is stated and begins here.
    low: Option<Dim>,
}

fn syntax(span: Span, message: impl Into<String>) -> Error {
    Error::Syntax { at: span.start, message: message.into() }
}

impl Graph {
    /// The node of a formula in index notation.
    ///
    /// `y[i] = …` fixes the order of the axes by its left side; a bare formula has its free indices in order of
    /// appearance. Names stand for `given` nodes, then for names, inputs and tags of this graph, then for sizes that
    /// occur in shapes of inputs, then for `pi` and `e`. Ranges of indices are inferred from the axes they touch, or stated,
    /// as in `y[i=0..n-2] = x[i+1]` and `sum(j=0..n-1, x[j])`, both ends included.
    ///
    /// # Errors
    /// [`Error::Syntax`] with the byte; [`Error::Unknown`] with the nearest names; [`Error::IndexConflict`] with both
    /// uses of an index; [`Error::OutOfRange`] for a position outside its axis; what the constructors refuse.
    pub fn form(&mut self, text: &str, given: &[(&str, NodeId)]) -> Result<NodeId> {
        let equation = parse(text)?;
        self.equation(&equation, given)
    }

    /// As [`Graph::form`], of an equation that was read before.
    ///
    /// # Errors
    /// As there.
    pub fn equation(&mut self, equation: &Equation, given: &[(&str, NodeId)]) -> Result<NodeId> {
        if given.iter().any(|(_, node)| node.index() >= self.len()) {
            return Err(Error::OtherGraph);
        }
        let mut names = names::resolve(self, equation, given)?;
        ranges::infer(self, equation, &mut names)?;
        lower::lower(self, equation, names)
    }
}

#[cfg(test)]
mod tests;
