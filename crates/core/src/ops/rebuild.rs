//! Passes over given outputs: the same expression with some nodes replaced.
//!
//! Every pass walks the table once in creation order and applies the constructors again, so the result is in
//! normal form; nothing recurses on the size of the graph.

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::function::Function;
use crate::graph::op::Op;
use crate::node::NodeId;
use crate::ops::map::Map;
use crate::rational::Rational;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// What a pass does with a node and its new operands: another node, or `None` to rebuild it.
pub(crate) type Change<'a> = dyn FnMut(&mut Graph, NodeId, &[NodeId]) -> Result<Option<NodeId>> + 'a;

/// Outputs with tags erased, and the fresh inputs that stand for the cut names.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The outputs.
    pub outputs: Vec<NodeId>,
    /// For each cut name: the fresh input, and the definition it stands for.
    pub cuts: Vec<(NodeId, NodeId)>,
}

impl Graph {
    /// The node with other operands, through the constructors.
    ///
    /// # Errors
    /// What the constructor refuses.
    pub(crate) fn rebuild(&mut self, node: NodeId, args: &[NodeId]) -> Result<NodeId> {
        let op = self.op(node).clone();
        self.rebuild_op(&op, args, node)
    }

    fn rebuild_op(&mut self, op: &Op, args: &[NodeId], node: NodeId) -> Result<NodeId> {
        match op {
            Op::Zero(_) | Op::Input(_) | Op::Rational(_) | Op::Pi | Op::Size(_) | Op::Literal(_) => Ok(node),
            Op::Sum(coefficients) => {
                let terms: Vec<(Rational, NodeId)> =
                    coefficients.iter().cloned().zip(args.iter().copied()).collect();
                let ty = self.ty(args[0]).clone();
                self.sum(&terms, ty)
            }
            Op::Contract(kind) => Ok(self.product(kind.with_operands(args))),
            Op::Map(id) => self.map(Map::by_id(*id), args),
            Op::Select => self.select(args[0], args[1], args[2]),
            Op::Compare(comparison) => self.compare(*comparison, args[0], args[1]),
            Op::Logic(logic) => self.logic(*logic, args),
            Op::Reduce(reduction, axis) => self.reduce(*reduction, args[0], usize::from(*axis)),
            Op::ArgMax(axis) => self.argmax(args[0], usize::from(*axis)),
            Op::ArgSort(axis) => self.argsort(args[0], usize::from(*axis)),
            Op::Linear(kind) => self.linear(*kind, args),
            Op::Named(_) | Op::Scan(_) => {
                let ty = self.ty(node).clone();
                Ok(self.intern(op.clone(), args, ty))
            }
            Op::Tag(name) => {
                let name = name.clone();
                Ok(self.tag(&name, args[0]))
            }
            Op::StopGradient => Ok(self.stop_gradient(args[0])),
            Op::Checkpoint => Ok(self.checkpoint(args[0])),
        }
    }

    /// Rewrites everything that `outputs` depend on: `change` sees each node with its new operands and may answer
    /// with another node; otherwise the node is rebuilt where an operand changed.
    ///
    /// # Errors
    /// What `change` or a constructor refuses.
    pub(crate) fn rewrite(&mut self, outputs: &[NodeId], change: &mut Change<'_>) -> Result<Vec<NodeId>> {
        self.expect_nodes(outputs)?;
        let mut new: FxHashMap<NodeId, NodeId> = FxHashMap::default();
        for node in self.reachable(outputs) {
            let old = self.args(node);
            let args: Vec<NodeId> = old.iter().map(|a| new[a]).collect();
            let answer = match change(self, node, &args)? {
                Some(other) => other,
                None if old[..] == args[..] => node,
                None => self.rebuild(node, &args)?,
            };
            new.insert(node, answer);
        }
        Ok(outputs.iter().map(|o| new[o]).collect())
    }

    /// The outputs with some nodes replaced by others of the same type.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`] for a replacement of another type.
    pub fn substitute(
        &mut self,
        outputs: &[NodeId],
        replacements: &[(NodeId, NodeId)],
    ) -> Result<Vec<NodeId>> {
        for &(from, to) in replacements {
            self.expect_nodes(&[from, to])?;
            if self.ty(from) != self.ty(to) {
                let (left, right) = (self.ty(from).clone(), self.ty(to).clone());
                return Err(Error::ShapesDiffer { operation: "substitute", left, right });
            }
        }
        let by: FxHashMap<NodeId, NodeId> = replacements.iter().copied().collect();
        self.rewrite(outputs, &mut |_, node, _| Ok(by.get(&node).copied()))
    }

    /// The outputs with every tag erased, except that each name in `cuts` becomes a fresh input.
    ///
    /// The cut is by name: with `a` and `b` both defined as `x²`, cutting `a` leaves `b` alone.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a cut that no output depends on by name, [`Error::Duplicate`] for a cut name with two
    /// definitions.
    pub fn lower(&mut self, outputs: &[NodeId], cuts: &[&str]) -> Result<Lowered> {
        let mut made: Vec<Option<(NodeId, NodeId)>> = vec![None; cuts.len()];
        let mut names: Vec<(std::sync::Arc<str>, NodeId)> = Vec::new();
        let outputs = self.rewrite(outputs, &mut |g, node, args| {
            let Op::Tag(name) = g.op(node) else { return Ok(None) };
            let name = name.clone();
            let Some(k) = cuts.iter().position(|c| **c == *name) else {
                names.push((name, args[0]));
                return Ok(Some(args[0]));
            };
            let (input, definition) = *made[k].get_or_insert_with(|| {
                let ty = g.ty(node).clone();
                (g.fresh_input(&name, ty), args[0])
            });
            if definition != args[0] {
                let (first, second) = (g.ty(definition).clone(), g.ty(args[0]).clone());
                return Err(Error::Duplicate { name: (*name).into(), first, second });
            }
            Ok(Some(input))
        })?;
        // Behind a cut a name stands for something else than its definition.
        if cuts.is_empty() {
            for (name, node) in names {
                self.name(node, &name);
            }
        }
        let mut cut = Vec::with_capacity(cuts.len());
        for (k, name) in cuts.iter().enumerate() {
            match made[k] {
                Some(pair) => cut.push(pair),
                None => {
                    let candidates = self.tags();
                    return Err(Error::Unknown { name: (*name).to_string(), candidates });
                }
            }
        }
        Ok(Lowered { outputs, cuts: cut })
    }

    /// Names of all tags, in order of creation.
    pub fn tags(&self) -> Vec<String> {
        self.nodes()
            .filter_map(|n| match self.op(n) {
                Op::Tag(name) => Some(name.to_string()),
                _ => None,
            })
            .collect()
    }

    /// The outputs with every named function opened for which `which` says so.
    ///
    /// # Errors
    /// What a constructor refuses.
    pub fn open(
        &mut self,
        outputs: &[NodeId],
        which: &dyn Fn(&Graph, NodeId) -> bool,
    ) -> Result<Vec<NodeId>> {
        let mut opened = FxHashMap::default();
        self.rewrite(outputs, &mut |g, node, args| {
            if g.as_named(node).is_none() || !which(g, node) {
                return Ok(None);
            }
            let node = g.rebuild(node, args)?;
            g.open_node(node, which, &mut opened).map(Some)
        })
    }

    /// The body of a function written out, and the bodies that it applies; `opened` knows those written out before.
    fn open_node(
        &mut self,
        node: NodeId,
        which: &dyn Fn(&Graph, NodeId) -> bool,
        opened: &mut FxHashMap<NodeId, NodeId>,
    ) -> Result<NodeId> {
        if let Some(&known) = opened.get(&node) {
            return Ok(known);
        }
        // Functions apply functions as deep as they like, so open bodies wait on a stack of our own.
        let mut bodies = vec![OpenBody::new(self, node)];
        while let Some(body) = bodies.last_mut() {
            let Some(inner) = body.rest.next() else {
                let answer = body.new[&body.function.output];
                opened.insert(body.node, answer);
                bodies.pop();
                match bodies.last_mut() {
                    Some(user) => user.new.insert(user.waiting, answer),
                    None => return Ok(answer),
                };
                continue;
            };
            let made = self.import_node(&body.function.body, inner, &body.new)?;
            if let Some(&known) = opened.get(&made) {
                body.new.insert(inner, known);
            } else if self.as_named(made).is_some() && which(self, made) {
                body.waiting = inner;
                bodies.push(OpenBody::new(self, made));
            } else {
                body.new.insert(inner, made);
            }
        }
        Ok(node)
    }

    /// Nodes of another graph written into this one, with some of its nodes replaced by nodes of this graph.
    ///
    /// # Errors
    /// What a constructor refuses; [`Error::Duplicate`] for an input of the same name and another type;
    /// [`Error::ShapesDiffer`] for a replacement of another type.
    pub fn import(
        &mut self,
        other: &Graph,
        outputs: &[NodeId],
        replaced: &[(NodeId, NodeId)],
    ) -> Result<Vec<NodeId>> {
        other.expect_nodes(outputs)?;
        for &(from, to) in replaced {
            other.expect_nodes(&[from])?;
            self.expect_nodes(&[to])?;
            if other.ty(from) != self.ty(to) {
                let (left, right) = (other.ty(from).clone(), self.ty(to).clone());
                return Err(Error::ShapesDiffer { operation: "substitute", left, right });
            }
        }
        let mut new: FxHashMap<NodeId, NodeId> = replaced.iter().copied().collect();
        for node in other.reachable(outputs) {
            if !new.contains_key(&node) {
                let made = self.import_node(other, node, &new)?;
                new.insert(node, made);
            }
        }
        Ok(outputs.iter().map(|o| new[o]).collect())
    }

    /// One node of another graph, whose operands are in `new`.
    pub(crate) fn import_node(
        &mut self,
        other: &Graph,
        node: NodeId,
        new: &FxHashMap<NodeId, NodeId>,
    ) -> Result<NodeId> {
        let args: SmallVec<[NodeId; 3]> = other.args(node).iter().map(|a| new[a]).collect();
        Ok(match other.op(node) {
            Op::Zero(_) => self.zero(other.ty(node).clone()),
            Op::Input(_) => {
                let input = other.as_input(node).expect("invariant: an input").clone();
                match input.copy {
                    0 => self.input_with(&input.name, input.ty, input.facts)?,
                    // What stands for a cut intermediate stays apart from a declared input of that name.
                    _ => self.fresh_input(&input.name, input.ty),
                }
            }
            Op::Literal(_) => self.literal(other.as_literal(node).expect("invariant: a literal").clone()),
            Op::Rational(value) => self.rational(value.clone()),
            Op::Pi => self.pi(),
            Op::Size(dim) => self.size(dim),
            Op::Named(_) => {
                self.apply_shared(other.as_named(node).expect("invariant: a function").clone(), &args)?
            }
            Op::Scan(scan) => {
                let (_, step) = other.as_scan(node).expect("invariant: a scan");
                self.scan_carry(scan, step.clone(), &args)?
            }
            // A body states its own form on purpose; it is not made stable again.
            Op::Map(id) => self.map_plain(Map::by_id(*id), &args),
            Op::Contract(kind) => self.intern_product(kind.with_operands(&args)),
            op => self.rebuild_op(&op.clone(), &args, node)?,
        })
    }

    /// A new graph with nothing but what the outputs depend on.
    ///
    /// # Errors
    /// None for outputs of this graph.
    pub fn extract(&self, outputs: &[NodeId]) -> Result<(Graph, Vec<NodeId>)> {
        let mut compact = Graph::new();
        let outputs = compact.import(self, outputs, &[])?;
        Ok((compact, outputs))
    }
}

/// A body that is being written out.
struct OpenBody {
    /// The node that applies the function.
    node: NodeId,
    function: Arc<Function>,
    /// Nodes of the body that are still to be written.
    rest: std::vec::IntoIter<NodeId>,
    /// Nodes of the body as nodes of the graph.
    new: FxHashMap<NodeId, NodeId>,
    /// The node of the body that waits for the body it applies.
    waiting: NodeId,
}

impl OpenBody {
    fn new(g: &Graph, node: NodeId) -> OpenBody {
        let function = g.as_named(node).expect("invariant: a function").clone();
        let new: FxHashMap<NodeId, NodeId> = function.formals.iter().copied().zip(g.args(node)).collect();
        let mut nodes = function.body.reachable(&[function.output]);
        nodes.retain(|n| !new.contains_key(n));
        OpenBody { node, function, rest: nodes.into_iter(), new, waiting: node }
    }
}
