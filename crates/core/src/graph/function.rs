//! Functions with identity: softmax, log-sum-exp, affine, a user's layer.
//!
//! A function's body is its own small graph with formal inputs. A named node applies a function to operands;
//! opening it writes the body out. Printers, explanations and executors may use the name, rules may use the
//! shortcut of a built-in composite; the meaning is always the body.

use super::Graph;
use super::op::Op;
use super::positions::Positions;
use crate::error::{Error, Result};
use crate::node::NodeId;
use crate::ops::composite;
use crate::shape::Type;
use rustc_hash::FxHashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

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
        self.same_head(other) && same_structure(self.ends(), other.ends())
    }

    /// True for the same name, built-in composite and axes.
    pub(super) fn same_head(&self, other: &Function) -> bool {
        self.name == other.name && self.composite == other.composite && self.axes == other.axes
    }

    pub(super) fn ends(&self) -> Ends<'_> {
        Ends { body: &self.body, formals: &self.formals, outputs: std::slice::from_ref(&self.output) }
    }

    /// Fails unless the body is closed: its formals are different inputs, and it reads no other input.
    ///
    /// What claims to be a built-in composite is that composite, because its kernel is evaluated instead of the body.
    pub(crate) fn check(&self) -> Result<()> {
        let fail = |problem: String| Err(Error::Body { function: self.name.clone(), problem });
        let known = |n: NodeId| n.index() < self.body.len();
        if !known(self.output) || !self.formals.iter().all(|&n| known(n)) {
            return fail("its formals and its output must be nodes of its body".into());
        }
        let mut formals = self.formals.clone();
        formals.sort();
        formals.dedup();
        if formals.len() < self.formals.len() || formals.iter().any(|&n| self.body.as_input(n).is_none()) {
            return fail("its formals must be different inputs of its body".into());
        }
        let free = self.body.reachable(&[self.output]).into_iter().find_map(|n| {
            let input = self.body.as_input(n)?;
            formals.binary_search(&n).is_err().then(|| input.name.to_string())
        });
        if let Some(name) = free {
            return fail(format!("its body reads the input {name}, which is none of its formals"));
        }
        match self.composite {
            Some(id) if !composite::is_body_of(id, self) => {
                fail("it claims to be a built-in composite and is another function".into())
            }
            _ => Ok(()),
        }
    }
}

/// A body with its ends: what it reads and what it computes.
#[derive(Copy, Clone)]
pub(super) struct Ends<'a> {
    pub(super) body: &'a Graph,
    pub(super) formals: &'a [NodeId],
    pub(super) outputs: &'a [NodeId],
}

/// Whether two bodies compute the same from the same formals: both are walked together, operands with operands.
pub(super) fn same_structure(a: Ends<'_>, b: Ends<'_>) -> bool {
    let mut bodies = vec![(a, b)];
    let mut compared: Vec<(*const Graph, *const Graph)> = Vec::new();
    while let Some((a, b)) = bodies.pop() {
        let pair = (std::ptr::from_ref(a.body), std::ptr::from_ref(b.body));
        if std::ptr::eq(a.body, b.body) || compared.contains(&pair) {
            continue;
        }
        compared.push(pair);
        if a.formals.len() != b.formals.len() || a.outputs.len() != b.outputs.len() {
            return false;
        }
        let mut partner: FxHashMap<NodeId, NodeId> = FxHashMap::default();
        let ends = |e: Ends<'_>| e.formals.iter().chain(e.outputs).copied().collect::<Vec<_>>();
        let mut open: Vec<(NodeId, NodeId)> = ends(a).into_iter().zip(ends(b)).collect();
        while let Some((x, y)) = open.pop() {
            match partner.insert(x, y) {
                Some(known) if known == y => continue,
                Some(_) => return false,
                None => {}
            }
            let (args, others) = (a.body.raw_args(x), b.body.raw_args(y));
            if a.body.ty(x) != b.body.ty(y)
                || args.len() != others.len()
                || !same_operation(a.body, x, b.body, y)
            {
                return false;
            }
            if let (Some(f), Some(g)) = (a.body.as_named(x), b.body.as_named(y)) {
                if !f.same_head(g) {
                    return false;
                }
                bodies.push((f.ends(), g.ends()));
            }
            if let (Some((_, f)), Some((_, g))) = (a.body.as_scan(x), b.body.as_scan(y)) {
                if !f.same_head(g) {
                    return false;
                }
                bodies.push((f.ends(), g.ends()));
            }
            open.extend(args.iter().copied().zip(others.iter().copied()));
        }
    }
    true
}

/// Whether two nodes are of one operation; numbers of a graph's own tables stand for what they hold.
fn same_operation(a: &Graph, x: NodeId, b: &Graph, y: NodeId) -> bool {
    match (a.op(x), b.op(y)) {
        // Types are compared beside, functions and steps by the caller.
        (Op::Zero(_), Op::Zero(_)) | (Op::Named(_), Op::Named(_)) => true,
        (Op::Scan(s), Op::Scan(t)) => (s.carry, &s.length, s.backward) == (t.carry, &t.length, t.backward),
        (Op::Input(_), Op::Input(_)) => a.as_input(x) == b.as_input(y),
        (Op::Literal(_), Op::Literal(_)) => a.as_literal(x) == b.as_literal(y),
        (one, other) => one == other,
    }
}

/// The functions of a graph, each once.
///
/// Bodies own the functions that they apply, so a long chain of them is taken apart by a loop when it is dropped.
#[derive(Clone, Default)]
pub(super) struct Functions {
    list: Vec<Arc<Function>>,
    index: Positions,
}

impl Functions {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn get(&self, id: u32) -> &Arc<Function> {
        &self.list[id as usize]
    }

    /// Number of the function; added when it is new.
    pub(super) fn add(&mut self, function: Arc<Function>) -> u32 {
        let hash = function.structural_hash();
        let is_it = |k: u32| {
            let known = &self.list[k as usize];
            Arc::ptr_eq(known, &function) || (known.structural_hash() == hash && known.same(&function))
        };
        if let Some(known) = self.index.find(hash, is_it) {
            return known;
        }
        let id = u32::try_from(self.list.len()).expect("invariant: a graph holds fewer than 2^32 functions");
        self.index.insert(hash, id);
        self.list.push(function);
        id
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        let mut open = std::mem::take(&mut self.list);
        while let Some(function) = open.pop() {
            if let Some(mut last) = Arc::into_inner(function) {
                open.append(&mut last.body.functions.list);
            }
        }
    }
}

#[cfg(test)]
mod tests;
