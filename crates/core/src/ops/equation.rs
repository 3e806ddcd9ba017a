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
//! Five passes over the flat tree, none of which recurses: `names` says what each name stands for, `whole` makes
//! arrays that are written without indices, `ranges` says over which extent each index runs, `lower` builds values from the leaves up. Factors under sums are gathered into
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
mod whole;

use crate::error::{Error, Result};
use crate::form::read::{Clause, Equation, Span, clauses, parse};
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
    /// as in `y[i=0..n-2] = x[i+1]` and `sum(j=0..n-1, x[j])`, both ends included. A read may leave its axis where a
    /// guard of the same product is false, as in `x[i-3]*[i >= 3]`.
    ///
    /// Arrays may stand whole in literals, `[2, 0, 1][i]` (integers where an index is due, and in a comparison unless a
    /// point is written), and in functions such as `inv(A)[i,j]` and `argsort(x, axis=1)[i,j]`, whose arguments are names, literals and functions of this sort.
    /// Lines `where t1[i] = …` below the formula define names, each for the lines after it and for the formula.
    /// `"x y"` is a name that is no identifier; `input("x")`, `tag("x")`, `size(n)` and `pi()` mean what they say when
    /// another meaning of the bare name comes first.
    ///
    /// # Errors
    /// [`Error::Syntax`] with the byte; [`Error::Unknown`] with the nearest names; [`Error::IndexConflict`] with both
    /// uses of an index; [`Error::OutOfRange`] for a position outside its axis; what the constructors refuse.
    pub fn form(&mut self, text: &str, given: &[(&str, NodeId)]) -> Result<NodeId> {
        let (body, definitions) = clauses(text)?;
        if definitions.is_empty() {
            return self.equation(&parse(text)?, given);
        }
        let given: Vec<(String, NodeId)> =
            given.iter().map(|(name, node)| ((*name).to_string(), *node)).collect();
        let mut named = given;
        for clause in definitions {
            let (node, name) = self.clause(clause, &named)?;
            let Some(name) = name else {
                return Err(Error::Syntax {
                    at: clause.start,
                    message: "a definition is name = formula".into(),
                });
            };
            named.push((name, node));
        }
        Ok(self.clause(body, &named)?.0)
    }

    /// The node of one formula of a text, and the name on its left side; errors count bytes of the whole text.
    fn clause(&mut self, clause: Clause<'_>, named: &[(String, NodeId)]) -> Result<(NodeId, Option<String>)> {
        let given: Vec<(&str, NodeId)> = named.iter().map(|(name, node)| (name.as_str(), *node)).collect();
        let read = parse(clause.text).and_then(|equation| {
            let node = self.equation(&equation, &given)?;
            Ok((node, equation.left.map(|left| left.name)))
        });
        read.map_err(|error| match error {
            Error::Syntax { at, message } => Error::Syntax { at: at + clause.start, message },
            other => other,
        })
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
        whole::make(self, equation, &mut names)?;
        ranges::infer(self, equation, &mut names)?;
        lower::lower(self, equation, names)
    }
}

#[cfg(test)]
mod tests;
