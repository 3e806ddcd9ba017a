//! Functions with identity: softmax, log-sum-exp, affine, a user's layer.
//!
//! A function's body is its own small graph with formal inputs. A named node applies a function to operands;
//! opening it writes the body out. Printers, explanations and executors may use the name, rules may use the
//! shortcut of a built-in composite; the meaning is always the body.

use super::Graph;
use super::op::Op;
use crate::node::NodeId;
use crate::shape::Type;
use rustc_hash::FxHashMap;
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

    /// True for the same function: name, formals and every node of the bodies, whatever else the bodies hold.
    pub(crate) fn same(&self, other: &Function) -> bool {
        let types = |f: &Function| f.formals.iter().map(|&n| f.body.ty(n).clone()).collect::<Vec<_>>();
        self.name == other.name
            && self.composite == other.composite
            && self.axes == other.axes
            && types(self) == types(other)
            && same_structure(self, other)
    }
}

/// Whether two bodies compute the same from the same formals: both are walked together, operands with operands.
fn same_structure(a: &Function, b: &Function) -> bool {
    let mut functions = vec![(a, b)];
    let mut compared: Vec<(*const Function, *const Function)> = Vec::new();
    while let Some((a, b)) = functions.pop() {
        if std::ptr::eq(a, b) || compared.contains(&(std::ptr::from_ref(a), std::ptr::from_ref(b))) {
            continue;
        }
        compared.push((std::ptr::from_ref(a), std::ptr::from_ref(b)));
        if a.name != b.name
            || a.composite != b.composite
            || a.axes != b.axes
            || a.formals.len() != b.formals.len()
        {
            return false;
        }
        let mut partner: FxHashMap<NodeId, NodeId> = FxHashMap::default();
        let mut open: Vec<(NodeId, NodeId)> =
            a.formals.iter().copied().zip(b.formals.iter().copied()).collect();
        open.push((a.output, b.output));
        while let Some((x, y)) = open.pop() {
            match partner.insert(x, y) {
                Some(known) if known == y => continue,
                Some(_) => return false,
                None => {}
            }
            let (args, others) = (a.body.raw_args(x), b.body.raw_args(y));
            if a.body.ty(x) != b.body.ty(y) || args.len() != others.len() || !same_operation(a, x, b, y) {
                return false;
            }
            if let (Some(f), Some(g)) = (a.body.as_named(x), b.body.as_named(y)) {
                functions.push((f, g));
            }
            open.extend(args.iter().copied().zip(others.iter().copied()));
        }
    }
    true
}

/// Whether two nodes are of one operation; numbers of a graph's own tables stand for what they hold.
fn same_operation(a: &Function, x: NodeId, b: &Function, y: NodeId) -> bool {
    match (a.body.op(x), b.body.op(y)) {
        // Types are compared beside, functions by the caller.
        (Op::Zero(_), Op::Zero(_)) | (Op::Named(_), Op::Named(_)) => true,
        (Op::Input(_), Op::Input(_)) => a.body.as_input(x) == b.body.as_input(y),
        (Op::Literal(_), Op::Literal(_)) => a.body.as_literal(x) == b.body.as_literal(y),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::map::{EXP, SINH};

    /// A body with something unrelated before it.
    fn function(unrelated: bool, change: impl FnOnce(&mut Graph, NodeId) -> NodeId) -> Function {
        let mut body = Graph::new();
        if unrelated {
            body.integer(5);
        }
        let x = body.input("x", Type::scalar()).unwrap();
        let output = change(&mut body, x);
        Function { name: "f".into(), composite: None, axes: Vec::new(), body, formals: vec![x], output }
    }

    #[test]
    fn bodies_are_compared_node_by_node() {
        let exp = |g: &mut Graph, x| g.map(&EXP, &[x]).unwrap();
        let sinh = |g: &mut Graph, x| g.map(&SINH, &[x]).unwrap();
        assert!(function(false, exp).same(&function(true, exp)));
        assert!(!function(false, exp).same(&function(false, sinh)));
        let twice = |g: &mut Graph, x| g.scale(&2.into(), x);
        let thrice = |g: &mut Graph, x| g.scale(&3.into(), x);
        assert!(!function(false, twice).same(&function(false, thrice)));
        let zero = |g: &mut Graph, _| g.zero(Type::scalar());
        assert!(function(false, zero).same(&function(true, zero)));
        assert!(!function(false, zero).same(&function(false, exp)));
    }
}
