//! Expressions as people read them: index notation, vectorised notation, LaTeX.

use super::Expr;
use crate::error::Error;
use crate::node::NodeId;
use crate::render::{Printer, Text};
use crate::simplify::Options;
use std::fmt;

impl fmt::Display for Expr {
    /// One entry in index notation; `poisoned` after a mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown(&[], |p, node| p.index_text(node)) {
            Some(text) => text.fmt(f),
            None => f.write_str("poisoned"),
        }
    }
}

impl Expr {
    /// One entry in index notation, with the given expressions printed by name; `None` after a mistake.
    ///
    /// A name for an expression of another graph is a mistake of kind [`Error::OtherGraph`].
    ///
    /// ```
    /// use chainrule_core::expr::Builder;
    /// let b = Builder::new();
    /// let x = b.real("x", "n");
    /// let y = x.tanh();
    /// let j = y.jacobian(&x)?;
    /// assert_eq!(j.index_text(&[(&y, "y")]).unwrap().to_string(), "delta(i,j) * (1 - y[i]^2)");
    /// # Ok::<(), chainrule_core::expr::Diagnostics>(())
    /// ```
    pub fn index_text(&self, names: &[(&Expr, &str)]) -> Option<Text> {
        self.shown(names, |p, node| p.index_text(node))
    }

    /// The whole in vectorised notation, such as `V' @ g`; `None` where there is none, and after a mistake.
    pub fn vector_text(&self, names: &[(&Expr, &str)]) -> Option<Text> {
        self.shown(names, |p, node| p.vector_text(node)).flatten()
    }

    /// One entry as LaTeX; `None` after a mistake.
    pub fn latex(&self, names: &[(&Expr, &str)]) -> Option<Text> {
        self.shown(names, |p, node| p.index_latex(node))
    }

    fn shown<T>(&self, names: &[(&Expr, &str)], write: impl FnOnce(Printer<'_>, NodeId) -> T) -> Option<T> {
        let mut node = self.node?;
        if let Some((foreign, _)) = names.iter().find(|(e, _)| !e.builder.owns(&self.builder)) {
            self.builder.refuse(Error::OtherGraph, vec![self.note("of"), foreign.note("name")], None);
            return None;
        }
        let names: Vec<(NodeId, &str)> = names.iter().filter_map(|(e, n)| Some((e.node?, *n))).collect();
        if names.is_empty() {
            // Without names that must stay whole, nested sums and products read better as one.
            let flat = self.builder.try_with(|g| g.simplify(&[node], &Options::default()));
            node = flat.map_or(node, |s| s.outputs[0]);
        }
        self.builder.try_read(|g| write(Printer::new(g).names(&names), node)).ok()
    }
}
