//! Simplification: named rewrites, each with its side condition and one sentence.
//!
//! Most rewrites happen while a node is constructed (delta elimination in [`form::normal`](crate::form::normal),
//! stable forms in [`ops::stable`](crate::ops::stable)). What changes the nesting of an expression, and so what is
//! shared, is a *pass* over given outputs, run by whoever prints, proves or plans. The names and conditions are what
//! an explanation prints.

mod defined;
pub mod denest;
mod domain;
pub mod rewrites;
mod signs;
mod truth;

#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::graph::Graph;
use crate::node::NodeId;
pub use rewrites::{Exactness, REWRITES, Rewrite};

/// What a simplification may do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes that may be made; past it the expression stays as it is.
    pub budget: usize,
    /// Whether rewrites are applied that change nothing but where a point is excluded (`x != 0`). Conditions that
    /// follow from the facts of inputs always hold.
    pub conditional: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { budget: 1_000_000, conditional: false }
    }
}

/// Simplified outputs and the rewrites that led there.
#[derive(Clone, Debug, Default)]
pub struct Simplified {
    /// The outputs.
    pub outputs: Vec<NodeId>,
    /// Rewrites that took place, in order of first use.
    pub applied: Vec<&'static Rewrite>,
}

impl Graph {
    /// The outputs with nested sums and products flattened where nothing shared is computed twice, and with what the
    /// facts of inputs make simpler.
    ///
    /// # Errors
    /// What a constructor refuses; none for outputs of this graph.
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, shape::Type, simplify::Options};
    /// let mut g = Graph::new();
    /// let [a, b, c] = ["a", "b", "c"].map(|n| g.input(n, Type::scalar()).unwrap());
    /// let ab = g.add(a, b)?;
    /// let abc = g.add(ab, c)?;
    /// let bc = g.add(b, c)?;
    /// let other = g.add(a, bc)?;
    /// assert_ne!(abc, other, "constructors never flatten");
    /// let flat = g.simplify(&[abc, other], &Options::default())?;
    /// assert_eq!(flat.outputs[0], flat.outputs[1]);
    ///
    /// // What a fact makes true is used: x is declared positive.
    /// let positive = chainrule_core::graph::op::Facts { positive: true, ..Default::default() };
    /// let x = g.input_with("x", Type::scalar(), positive)?;
    /// let square = g.power(x, 2);
    /// let root = g.map(&chainrule_core::ops::map::SQRT, &[square])?;
    /// assert_eq!(g.simplify(&[root], &Options::default())?.outputs, [x]);
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn simplify(&mut self, outputs: &[NodeId], options: &Options) -> Result<Simplified> {
        self.expect_nodes(outputs)?;
        let mut outputs = outputs.to_vec();
        let mut applied: Vec<&'static Rewrite> = Vec::new();
        let end = self.len().saturating_add(options.budget);
        // A round can expose another one; each only removes nesting, so a few suffice.
        for _ in 0..8 {
            let (next, used) = denest::round(self, &outputs, options)?;
            for rewrite in used {
                if !applied.iter().any(|r| r.name == rewrite.name) {
                    applied.push(rewrite);
                }
            }
            let done = next == outputs || self.len() > end;
            outputs = next;
            if done {
                break;
            }
        }
        Ok(Simplified { outputs, applied })
    }
}
