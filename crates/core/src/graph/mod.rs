//! The graph: a hash-consed, append-only table of nodes.
//!
//! A node is an operation and its operands, 16 bytes; equal nodes are the same node. Operands come before their
//! users, so creation order is a topological order and the table is the tape of every sweep. Kinds, index
//! structure and coefficients are interned once in a table of operations; types stand beside.
//!
//! Constructors do only local work: fold zero and one, pull coefficients, eliminate deltas. They never flatten an
//! operand, so sixty squarings stay sixty nodes.

pub mod contract;
pub mod function;
pub mod op;
mod positions;
#[cfg(test)]
pub(crate) mod random_tests;
pub mod step;
pub mod sum;
mod table;
pub mod text;
pub mod visit;

use crate::error::{Error, Result};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::{DType, Dim, Type};
use function::{Function, Functions};
use indexmap::{IndexMap, IndexSet};
use op::{Facts, Input, Literal, Op, Scan};
use positions::Positions;
use rustc_hash::{FxBuildHasher, FxHasher};
use smallvec::SmallVec;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use step::{Step, Steps};
use table::{LIST, NONE, Node, Table};

type FxIndexSet<T> = IndexSet<T, FxBuildHasher>;

/// A symbolic program of scalar and tensor operations.
///
/// Plain owned data: `Send`, `Sync`, cloned by value. Algorithms take `&Graph` or `&mut Graph` and node ids.
///
/// A node id that is not in the table is refused by whatever answers with a `Result` ([`Error::OtherGraph`]);
/// constructors that cannot fail hand it on as it is. What reads one node ([`Graph::ty`], [`Graph::op`], …) panics, as
/// a slice does.
#[derive(Clone, Default)]
pub struct Graph {
    table: Table,
    lists: FxIndexSet<Box<[NodeId]>>,
    ops: Vec<Op>,
    op_hashes: Vec<u64>,
    op_index: Positions,
    types: FxIndexSet<Type>,
    inputs: Vec<(Input, NodeId)>,
    /// Inputs by name: declared ones and copies.
    input_names: Positions,
    literals: FxIndexSet<Literal>,
    functions: Functions,
    steps: Steps,
    names: IndexMap<Arc<str>, NodeId>,
    /// Operations of sums by their coefficients, and of scalar products by their exponents: the hot path.
    sums: Positions,
    powers: Positions,
    fresh: u32,
}

/// One hash of several values, in order.
fn hash_all<T: Hash>(values: impl Iterator<Item = T>) -> u64 {
    let mut hasher = FxHasher::default();
    values.for_each(|value| value.hash(&mut hasher));
    hasher.finish()
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True before the first node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The operation of a node.
    pub fn op(&self, node: NodeId) -> &Op {
        &self.ops[self.table.node(node.index()).op as usize]
    }

    /// Operands of a node, in order.
    pub fn args(&self, node: NodeId) -> SmallVec<[NodeId; 3]> {
        SmallVec::from_slice(self.raw_args(node))
    }

    /// Operand `k` of a node.
    pub fn arg(&self, node: NodeId, k: usize) -> NodeId {
        self.raw_args(node)[k]
    }

    pub(crate) fn raw_args(&self, node: NodeId) -> &[NodeId] {
        let args = &self.table.node(node.index()).args;
        if args[1] == LIST {
            return &self.lists[args[0].index()];
        }
        let count = args.iter().position(|&a| a == NONE).unwrap_or(3);
        &args[..count]
    }

    /// Type of a node.
    pub fn ty(&self, node: NodeId) -> &Type {
        &self.types[self.table.ty(node.index()) as usize]
    }

    /// Extents of a node's axes.
    pub fn shape(&self, node: NodeId) -> &[Dim] {
        &self.ty(node).shape
    }

    /// Number of axes of a node.
    pub fn rank(&self, node: NodeId) -> usize {
        self.shape(node).len()
    }

    /// Number of a node's type: equal for equal types.
    pub(crate) fn type_of(&self, node: NodeId) -> u32 {
        self.table.ty(node.index())
    }

    /// True when no node has an axis.
    pub(crate) fn only_numbers(&self) -> bool {
        self.types.iter().all(|ty| ty.rank() == 0)
    }

    /// Structural hash: equal for equal expressions of different graphs, whatever else those contain.
    pub fn structural_hash(&self, node: NodeId) -> u64 {
        self.table.hash(node.index())
    }

    /// Exclusive bound of an integer node's entries, if it has one.
    pub fn below(&self, node: NodeId) -> Option<Dim> {
        self.ty(node).below.clone()
    }

    /// Nodes in creation order, which is a topological order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.len()).map(NodeId::new)
    }

    // ---------------------------------------------------------------- interning

    pub(crate) fn op_id(&mut self, op: Op) -> u32 {
        let hash = self.op_hash(&op);
        if let Some(id) = self.op_index.find(hash, |id| self.ops[id as usize] == op) {
            return id;
        }
        let id = self.add_op(op, hash);
        self.op_index.insert(hash, id);
        id
    }

    fn add_op(&mut self, op: Op, hash: u64) -> u32 {
        let id = u32::try_from(self.ops.len()).expect("invariant: a graph holds fewer than 2^32 operations");
        self.ops.push(op);
        self.op_hashes.push(hash);
        id
    }

    /// Structural hash of an operation: never depends on table positions.
    fn op_hash(&self, op: &Op) -> u64 {
        match op {
            Op::Input(id) => hash_of(&("input", &self.inputs[*id as usize].0)),
            Op::Literal(id) => hash_of(&("literal", &self.literals[*id as usize])),
            Op::Named(id) => hash_of(&("named", self.functions.get(*id).structural_hash())),
            Op::Scan(scan) => {
                let Scan { step, carry, length, backward } = &**scan;
                hash_of(&("scan", self.steps.get(*step).structural_hash(), carry, length, backward))
            }
            Op::Zero(id) => hash_of(&("zero", &self.types[*id as usize])),
            other => hash_of(other),
        }
    }

    pub(crate) fn type_id(&mut self, ty: Type) -> u32 {
        // Nearly always the type of numbers, or of the one input there is.
        if self.types.first() == Some(&ty) {
            return 0;
        }
        self.types.insert_full(ty).0 as u32
    }

    /// Interns an operation with operands; the one place where nodes are made.
    pub(crate) fn intern(&mut self, op: Op, args: &[NodeId], ty: Type) -> NodeId {
        let op = self.op_id(op);
        let ty = self.type_id(ty);
        self.intern_raw(op, args, ty)
    }

    /// As [`Graph::intern`], of an operation and a type that are known already.
    pub(crate) fn intern_raw(&mut self, op: u32, args: &[NodeId], ty: u32) -> NodeId {
        let mut node = Node { op, args: [NONE; 3] };
        if args.len() <= 3 {
            node.args[..args.len()].copy_from_slice(args);
        } else {
            let list = match self.lists.get_index_of(args) {
                Some(k) => k,
                None => self.lists.insert_full(args.into()).0,
            };
            node.args = [NodeId::new(list), LIST, NONE];
        }
        self.table.intern(node, self.op_hashes[op as usize], args, ty)
    }

    // ---------------------------------------------------------------- leaves

    /// Declares an input. Declaring the same name with the same type again gives the same node.
    ///
    /// # Errors
    /// As [`Graph::input_with`].
    pub fn input(&mut self, name: &str, ty: Type) -> Result<NodeId> {
        self.input_with(name, ty, Facts::default())
    }

    /// Declares an input with facts: symmetric, positive, one-hot, constant.
    ///
    /// Simplification uses what is declared, and an evaluation refuses a value that contradicts it.
    ///
    /// # Errors
    /// [`Error::Duplicate`] when the name stands for an input of another type, [`Error::FactsDiffer`] when it was
    /// declared with other facts; [`Error::Rank`] and [`Error::Entries`] for an extent that is never positive and for a
    /// fact that no value of the type can have.
    pub fn input_with(&mut self, name: &str, ty: Type, facts: Facts) -> Result<NodeId> {
        if let Some(node) = self.find_input(name) {
            if *self.ty(node) != ty {
                return Err(Error::Duplicate { name: name.into(), first: self.ty(node).clone(), second: ty });
            }
            let first = self.as_input(node).map_or(facts, |input| input.facts);
            if first != facts {
                let (first, second) = (first.to_string(), facts.to_string());
                return Err(Error::FactsDiffer { name: name.into(), first, second });
            }
            return Ok(node);
        }
        facts.fit(&ty)?;
        Ok(self.register(Input { name: Arc::from(name), ty, facts, copy: 0 }))
    }

    /// A new input that prints as `name` and is equal to no other: where a derivation cuts an intermediate.
    pub(crate) fn fresh_input(&mut self, name: &str, ty: Type) -> NodeId {
        self.fresh += 1;
        self.register(Input { name: Arc::from(name), ty, facts: Facts::default(), copy: self.fresh })
    }

    fn register(&mut self, input: Input) -> NodeId {
        let name = hash_of(&input.name);
        if let Some(known) = self.input_names.find(name, |k| self.inputs[k as usize].0 == input) {
            return self.inputs[known as usize].1;
        }
        let id = self.inputs.len() as u32;
        let ty = self.type_id(input.ty.clone());
        // An operation is looked for by its input, so it needs no place in the index of operations.
        let op = self.add_op(Op::Input(id), hash_of(&("input", &input)));
        let node = self.intern_raw(op, &[], ty);
        self.input_names.insert(name, id);
        self.inputs.push((input, node));
        node
    }

    /// The record of an input node.
    pub fn as_input(&self, node: NodeId) -> Option<&Input> {
        match self.op(node) {
            Op::Input(id) => Some(&self.inputs[*id as usize].0),
            _ => None,
        }
    }

    /// The input called `name`.
    pub fn find_input(&self, name: &str) -> Option<NodeId> {
        let is_it = |k: u32| {
            let input = &self.inputs[k as usize].0;
            input.copy == 0 && *input.name == *name
        };
        let k = self.input_names.find(hash_of(&name), is_it)?;
        Some(self.inputs[k as usize].1)
    }

    /// A rational number.
    pub fn rational(&mut self, value: Rational) -> NodeId {
        if value.is_zero() {
            return self.zero(Type::scalar());
        }
        self.intern(Op::Rational(value), &[], Type::scalar())
    }

    /// An integer as a real number.
    pub fn integer(&mut self, value: i64) -> NodeId {
        self.rational(Rational::from(value))
    }

    /// The symbolic zero of a type.
    pub fn zero(&mut self, ty: Type) -> NodeId {
        let id = self.type_id(ty.clone());
        self.intern(Op::Zero(id), &[], ty)
    }

    /// True for a symbolic zero.
    pub fn is_zero(&self, node: NodeId) -> bool {
        matches!(self.op(node), Op::Zero(_))
    }

    /// The value of a rational constant, 0 included.
    pub fn as_rational(&self, node: NodeId) -> Option<Rational> {
        match self.op(node) {
            Op::Rational(value) => Some(value.clone()),
            Op::Zero(_) if self.rank(node) == 0 => Some(Rational::from(0)),
            _ => None,
        }
    }

    /// A size polynomial as a real number.
    pub fn size(&mut self, dim: &Dim) -> NodeId {
        match dim.as_fixed() {
            Some(n) => self.integer(n),
            None => self.intern(Op::Size(dim.clone()), &[], Type::scalar()),
        }
    }

    /// The circle's number.
    pub fn pi(&mut self) -> NodeId {
        self.intern(Op::Pi, &[], Type::scalar())
    }

    /// A literal tensor.
    pub fn literal(&mut self, literal: Literal) -> NodeId {
        let ty = literal.ty();
        let id = self.literals.insert_full(literal).0 as u32;
        self.intern(Op::Literal(id), &[], ty)
    }

    /// The record of a literal node.
    pub fn as_literal(&self, node: NodeId) -> Option<&Literal> {
        match self.op(node) {
            Op::Literal(id) => Some(&self.literals[*id as usize]),
            _ => None,
        }
    }

    // ---------------------------------------------------------------- names

    /// Gives a node one more name; names stand beside the table and never change what is shared.
    pub fn name(&mut self, node: NodeId, name: &str) {
        self.names.insert(Arc::from(name), node);
    }

    /// Names with their nodes, in order of naming.
    pub fn names(&self) -> impl Iterator<Item = (&str, NodeId)> {
        self.names.iter().map(|(name, node)| (name.as_ref(), *node))
    }

    /// The node a name stands for: a definition, else an input.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied().or_else(|| self.find_input(name))
    }

    // ---------------------------------------------------------------- functions

    pub(crate) fn add_function(&mut self, function: Arc<Function>) -> u32 {
        self.functions.add(function)
    }

    /// True when some node may apply a function.
    pub(crate) fn has_functions(&self) -> bool {
        !self.functions.is_empty()
    }

    /// The function that a named node applies.
    pub fn as_named(&self, node: NodeId) -> Option<&Arc<Function>> {
        match self.op(node) {
            Op::Named(id) => Some(self.functions.get(*id)),
            _ => None,
        }
    }

    pub(crate) fn add_step(&mut self, step: Arc<Step>) -> u32 {
        self.steps.add(step)
    }

    /// The recurrence of a scan node, and the step that it applies.
    pub fn as_scan(&self, node: NodeId) -> Option<(&Scan, &Arc<Step>)> {
        match self.op(node) {
            Op::Scan(scan) => Some((scan, self.steps.get(scan.step))),
            _ => None,
        }
    }

    /// The trajectories of the recurrence that a scan node belongs to, as far as they are in the table: one place for
    /// each carry.
    ///
    /// They share step and operands, so an evaluation and a sweep treat them as one.
    pub fn carries(&self, node: NodeId) -> Vec<Option<NodeId>> {
        let Some((scan, step)) = self.as_scan(node) else { return Vec::new() };
        let args = self.table.node(node.index()).args;
        let of = |carry: usize| {
            if carry == usize::from(scan.carry) {
                return Some(node);
            }
            let op = Op::Scan(Box::new(Scan { carry: carry as u16, ..scan.clone() }));
            let hash = self.op_hash(&op);
            let op = self.op_index.find(hash, |id| self.ops[id as usize] == op)?;
            self.table.find(Node { op, args }, hash, self.raw_args(node))
        };
        (0..step.carries()).map(of).collect()
    }

    /// True for a node of this graph.
    ///
    /// A node of another graph whose number is below [`Graph::len`] cannot be told from one of this graph; expressions
    /// ([`Expr`](crate::expr::Expr)) carry their graph and can. See `docs/decisions/0002-nodes-of-other-graphs.md`.
    pub fn contains(&self, node: NodeId) -> bool {
        node.index() < self.len()
    }

    /// Fails unless every node is one of this graph.
    pub(crate) fn expect_nodes(&self, nodes: &[NodeId]) -> Result<()> {
        if nodes.iter().all(|&n| self.contains(n)) { Ok(()) } else { Err(Error::OtherGraph) }
    }

    /// Fails unless the node has entries of the given kind.
    pub(crate) fn expect_entries(
        &self,
        operation: &'static str,
        node: NodeId,
        expected: DType,
    ) -> Result<()> {
        self.expect_nodes(&[node])?;
        if self.ty(node).dtype == expected {
            return Ok(());
        }
        Err(Error::Entries { operation, expected, found: self.ty(node).clone() })
    }

    /// Fails unless both nodes have the same shape.
    pub(crate) fn expect_same_shape(&self, operation: &'static str, a: NodeId, b: NodeId) -> Result<()> {
        self.expect_nodes(&[a, b])?;
        if self.shape(a) == self.shape(b) {
            return Ok(());
        }
        Err(Error::ShapesDiffer { operation, left: self.ty(a).clone(), right: self.ty(b).clone() })
    }
}
