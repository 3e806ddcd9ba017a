//! Functions with identity: softmax, log-sum-exp, affine, a user's layer.
//!
//! A function's body is its own small graph with formal inputs. A named node applies a function to operands;
//! opening it writes the body out. Printers, explanations and executors may use the name, rules may use the
//! shortcut of a built-in composite; the meaning is always the body.

use super::Graph;
use crate::node::NodeId;
use crate::shape::Type;
use std::hash::{Hash, Hasher};

/// A body with formal inputs.
#[derive(Clone)]
pub struct Function {
    /// Name, as printed.
    pub name: String,
    /// Number of the built-in composite that it instantiates, if any.
    pub composite: Option<u16>,
    /// The axes that it works over, for composites that take them.
    pub axes: Vec<usize>,
    /// The body's own graph.
    pub body: Graph,
    /// Formal inputs, in order.
    pub formals: Vec<NodeId>,
    /// What the body computes.
    pub output: NodeId,
}

impl Function {
    /// Type of the result.
    pub fn ty(&self) -> &Type {
        self.body.ty(self.output)
    }

    /// Hash of name, formals and body.
    pub fn structural_hash(&self) -> u64 {
        let mut hasher = rustc_hash::FxHasher::default();
        self.name.hash(&mut hasher);
        self.axes.hash(&mut hasher);
        for &formal in &self.formals {
            self.body.structural_hash(formal).hash(&mut hasher);
        }
        self.body.structural_hash(self.output).hash(&mut hasher);
        hasher.finish()
    }

    /// True for the same function (compared by name and structure).
    pub(crate) fn same(&self, other: &Function) -> bool {
        let types = |f: &Function| f.formals.iter().map(|&n| f.body.ty(n).clone()).collect::<Vec<_>>();
        self.name == other.name
            && self.composite == other.composite
            && self.axes == other.axes
            && types(self) == types(other)
    }
}
