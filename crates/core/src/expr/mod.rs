//! Expressions: the handle that programs are written with.
//!
//! An [`Expr`] is a node and the graph it grows in; arithmetic makes new nodes.
//!
//! ```
//! use chainrule_core::{expr::Builder, eval::Bindings, tensor::Tensor};
//! let b = Builder::new();
//! let (v, x) = (b.real("V", ["m", "n"]), b.real("x", "n"));
//! let y = (v.dot(&x).tanh() * 2.0 - 1).sum();
//! let gradient = &y.gradient(&[&x])?[0];
//! assert_eq!(gradient.dim(0), "n".into());
//! # Ok::<(), chainrule_core::expr::Diagnostics>(())
//! ```
//!
//! **Mistakes do not interrupt.** A failed operation answers with a *poisoned* expression that absorbs whatever is
//! done with it, and writes down what went wrong: the error, the caller's line, the layer, the operands and where
//! they come from. [`Builder::finish`] and every question about a poisoned expression answer with all of them.
//!
//! **Nothing broadcasts**, but a number with anything, and an axis of *literal* extent 1 as a reduction that keeps
//! its axis leaves it.

mod builder;
mod derivatives;
mod diagnostic;
mod elementwise;
mod extents;
mod operand;
mod origin;
mod scan;
mod shown;
mod tensors;
#[cfg(test)]
mod tests;

pub use builder::{Builder, Entered, Program};
pub use diagnostic::{Diagnostic, Diagnostics, Note, code};
pub use extents::Extents;
pub use operand::Operand;
pub use origin::Place;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::shape::{Dim, Shape, Type};
use origin::Origin;
use std::panic::Location;
use std::sync::Arc;

/// Name of the extent of something poisoned; no name that a user can write.
const UNKNOWN: &str = "?";

/// A node of a graph under construction, or the poison that a mistake left. Cheap to clone.
#[derive(Clone)]
pub struct Expr {
    pub(crate) builder: Builder,
    pub(crate) node: Option<NodeId>,
    pub(crate) origin: Origin,
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.node {
            Some(node) => write!(f, "{} : {} {node:?}", self.origin.label(), self.ty()),
            None => write!(f, "{} : poisoned", self.origin.label()),
        }
    }
}

impl Expr {
    /// The node, unless the expression is poisoned.
    pub fn node(&self) -> Option<NodeId> {
        self.node
    }

    /// The builder it grows in.
    pub fn builder(&self) -> &Builder {
        &self.builder
    }

    /// True when a mistake made it.
    pub fn is_poisoned(&self) -> bool {
        self.node.is_none()
    }

    /// Its type; of a poisoned expression, one axis of unknown extent `?`.
    #[track_caller]
    pub fn ty(&self) -> Type {
        let Some(node) = self.node else { return Type::real([UNKNOWN]) };
        match self.builder.try_read(|g| g.ty(node).clone()) {
            Ok(ty) => ty,
            Err(error) => {
                self.builder.refuse(error, Vec::new(), None);
                Type::real([UNKNOWN])
            }
        }
    }

    /// Extents of its axes.
    #[track_caller]
    pub fn shape(&self) -> Shape {
        self.ty().shape
    }

    /// Number of axes.
    #[track_caller]
    pub fn rank(&self) -> usize {
        self.ty().rank()
    }

    /// Extent of an axis; negative ones count from the end, so -1 is the last.
    ///
    /// An axis that does not exist is a mistake of kind [`Error::Axis`]; its extent is unknown.
    #[track_caller]
    pub fn dim(&self, axis: i64) -> Dim {
        match self.axis("dim", axis, Location::caller()) {
            Some(axis) => self.shape()[axis].clone(),
            None => Dim::size(UNKNOWN),
        }
    }

    /// Extent of an axis as a real number: `x.sum() / x.extent(-1)`.
    #[track_caller]
    pub fn extent(&self, axis: i64) -> Expr {
        let dim = self.dim(axis);
        Expr::combine("extent", &[self], Location::caller(), |g, _| Ok(g.size(&dim)))
    }

    /// The same value under a name that a derivation can cut: `loss.derivative("z", &[])`.
    #[track_caller]
    pub fn named(&self, name: &str) -> Expr {
        let named = Expr::combine("named", &[self], Location::caller(), |g, x| Ok(g.tag(name, x[0])));
        Expr { origin: Origin::Named(Arc::from(name), self.builder.path()), ..named }
    }

    /// What a message says of this expression as an operand.
    pub fn note(&self, role: &str) -> Note {
        let origin = self.builder.origin_text(&self.origin);
        let ty = self.node.and_then(|node| self.builder.try_read(|g| g.ty(node).clone()).ok());
        Note { role: role.to_string(), name: self.origin.label(), ty, origin }
    }

    /// Records a mistake about this expression: a layer's own checks, in the words of the engine's.
    #[track_caller]
    pub fn refuse(&self, error: Error) -> Expr {
        self.builder.refuse_at(error, vec![self.note("of")], None, Location::caller())
    }

    pub(crate) fn notes(operands: &[&Expr]) -> Vec<Note> {
        let role = |k: usize| match operands.len() {
            1 => "of".to_string(),
            2 => ["left", "right"][k].to_string(),
            _ => (k + 1).to_string(),
        };
        operands.iter().enumerate().map(|(k, x)| x.note(&role(k))).collect()
    }

    /// The result of an operation, or poison: the one place where handles meet the graph.
    pub(crate) fn combine(
        operation: &'static str,
        operands: &[&Expr],
        at: Place,
        make: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>,
    ) -> Expr {
        Expr::combine_in(&operands[0].builder, operation, operands, at, make)
    }

    pub(crate) fn combine_in(
        home: &Builder,
        operation: &'static str,
        operands: &[&Expr],
        at: Place,
        make: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>,
    ) -> Expr {
        let origin = Origin::Operation(operation, home.path(), at);
        let nodes: Option<smallvec::SmallVec<[NodeId; 3]>> = operands.iter().map(|x| x.node).collect();
        let Some(nodes) = nodes else { return home.poison(origin) };
        if operands.iter().any(|x| !x.builder.owns(home)) {
            let help = "pass it as an argument of the function, or build both with one builder";
            return home.refuse_at(Error::OtherGraph, Expr::notes(operands), Some(help.into()), at);
        }
        match home.try_with(|g| make(g, &nodes)) {
            Ok(node) => home.expr(node, origin),
            Err(error) => {
                let help = parameter_help(&error, operands);
                home.refuse_at(error, Expr::notes(operands), help, at)
            }
        }
    }

    /// The axis a signed number means, or `None` with the mistake recorded.
    pub(crate) fn axis(&self, operation: &'static str, axis: i64, at: Place) -> Option<usize> {
        self.node?;
        let rank = self.rank() as i64;
        let place = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&place) {
            return Some(place as usize);
        }
        let count = usize::try_from(axis.unsigned_abs()).unwrap_or(usize::MAX);
        let help = (axis < 0).then(|| format!("axis {axis} counts from the end; -1 is the last"));
        let error = Error::Axis { operation, axis: count, found: self.ty() };
        self.builder.refuse_at(error, vec![self.note("of")], help, at);
        None
    }

    /// An operation over one axis.
    pub(crate) fn along(
        &self,
        operation: &'static str,
        axis: i64,
        at: Place,
        make: impl FnOnce(&mut Graph, NodeId, usize) -> Result<NodeId>,
    ) -> Expr {
        match self.axis(operation, axis, at) {
            Some(axis) => Expr::combine(operation, &[self], at, |g, x| make(g, x[0], axis)),
            None => self.builder.poison(Origin::Operation(operation, self.builder.path(), at)),
        }
    }
}

/// `v should be real[2,3]`, when a parameter does not fit what it is contracted with.
fn parameter_help(error: &Error, operands: &[&Expr]) -> Option<String> {
    let (Error::ExtentsDiffer { operation: "@", .. }, [left, right]) = (error, operands) else { return None };
    let (mut l, mut r) = (left.shape(), right.shape());
    let (param, shape) = match (&left.origin, &right.origin) {
        (Origin::Param(_), _) => {
            *l.last_mut()? = r.first()?.clone();
            (left, l)
        }
        (_, Origin::Param(_)) => {
            *r.first_mut()? = l.last()?.clone();
            (right, r)
        }
        _ => return None,
    };
    Some(format!("{} should be {}", param.origin.label(), Type::real(shape)))
}
