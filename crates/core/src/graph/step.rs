//! Steps: the functions that scans apply again and again, with several carries going in and coming out.
//!
//! A step's body is its own small graph. Its formals are the carries, then what each step reads an entry of, then
//! what every step reads alike; its outputs are the next carries. [`Graph::step`] *closes* a step over a graph: what
//! the next carries read besides the formals becomes a constant, so that it is computed once and not in every step.

use super::Graph;
use super::function::{Ends, same_structure};
use super::op::Op;
use super::positions::Positions;
use crate::error::{Error, Result};
use crate::node::NodeId;
use crate::shape::DType;
use rustc_hash::{FxHashMap, FxHasher};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How deep scans stand in steps of scans. Passes recurse on this depth and on nothing else, and a derivative may
/// hold two copies of an inner scan, one for carries and one for constants, at each level.
pub const MAX_NESTING: usize = 8;

/// The body of a recurrence.
#[derive(Clone)]
pub struct Step {
    name: String,
    body: Graph,
    formals: Vec<NodeId>,
    outputs: Vec<NodeId>,
    per_step: usize,
    nesting: usize,
    hash: u64,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({} carries, {} formals)", self.name, self.carries(), self.formals.len())
    }
}

impl Step {
    /// A step of a body: formals are carries, inputs of which each step reads an entry, and constants; outputs are
    /// the next carries.
    ///
    /// # Errors
    /// [`Error::Scan`] for a body that is not closed, without a carry, with a carry that is not real or comes back in
    /// another type, or that nests scans deeper than [`MAX_NESTING`].
    pub fn new(
        name: &str,
        body: Graph,
        formals: Vec<NodeId>,
        outputs: Vec<NodeId>,
        per_step: usize,
    ) -> Result<Step> {
        let refuse = |problem: String| Err(Error::Scan { step: name.to_string(), problem });
        if !formals.iter().chain(&outputs).all(|&n| body.contains(n)) {
            return refuse("its formals and its results must be nodes of its body".into());
        }
        let mut sorted = formals.clone();
        sorted.sort();
        sorted.dedup();
        if sorted.len() < formals.len() || sorted.iter().any(|&n| body.as_input(n).is_none()) {
            return refuse("its formals must be different inputs of its body".into());
        }
        if outputs.is_empty() || outputs.len() > usize::from(u16::MAX) {
            return refuse("a scan has at least one carry and at most 65535".into());
        }
        if formals.len() < outputs.len() + per_step {
            let (expected, found) = (outputs.len() + per_step, formals.len());
            return refuse(format!("carries and inputs are {expected} formals, and it has {found}"));
        }
        for (&carry, &next) in formals.iter().zip(&outputs) {
            let label = body.as_input(carry).map_or_else(String::new, |i| i.name.to_string());
            if body.ty(carry).dtype != DType::Real {
                return refuse(format!("carry {label} is {}; a carry is real", body.ty(carry)));
            }
            if body.ty(carry) != body.ty(next) {
                let (expected, found) = (body.ty(carry), body.ty(next));
                return refuse(format!(
                    "carry {label} is {expected}, but the step gives {found}\n  help: a step gives each carry back in the type it had"
                ));
            }
        }
        let reached = body.reachable(&outputs);
        let free = reached.iter().find_map(|&n| {
            let input = body.as_input(n)?;
            sorted.binary_search(&n).is_err().then(|| input.name.to_string())
        });
        if let Some(name) = free {
            return refuse(format!("its body reads the input {name}, which is none of its formals"));
        }
        if let Some(n) = reached.iter().find(|&&n| body.as_named(n).is_some_and(|f| f.composite.is_none())) {
            let inner = body.as_named(*n).map_or_else(String::new, |f| f.name.clone());
            return refuse(format!("its body applies the function {inner}, which must be written out"));
        }
        let nesting = 1 + body.nesting(&outputs);
        if nesting > MAX_NESTING {
            return refuse(format!(
                "scans nest {nesting} deep here, and at most {MAX_NESTING}\n  help: carry what the inner scans carry through one scan"
            ));
        }
        let mut step = Step { name: name.to_string(), body, formals, outputs, per_step, nesting, hash: 0 };
        step.hash = step.structural();
        Ok(step)
    }

    fn structural(&self) -> u64 {
        let mut hasher = FxHasher::default();
        (&self.name, self.per_step, self.formals.len()).hash(&mut hasher);
        for &node in self.formals.iter().chain(&self.outputs) {
            self.body.structural_hash(node).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Name, as printed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The body's own graph.
    pub fn body(&self) -> &Graph {
        &self.body
    }

    /// Formal inputs: carries, inputs of each step, constants.
    pub fn formals(&self) -> &[NodeId] {
        &self.formals
    }

    /// The next carries.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// How many carries there are.
    pub fn carries(&self) -> usize {
        self.outputs.len()
    }

    /// How many formals stand for the entry of an operand that belongs to the step.
    pub fn per_step(&self) -> usize {
        self.per_step
    }

    /// Name of a formal.
    pub fn formal_name(&self, k: usize) -> &str {
        self.body.as_input(self.formals[k]).map_or("", |i| &i.name)
    }

    /// Hash of name, formals and body.
    pub fn structural_hash(&self) -> u64 {
        self.hash
    }

    /// True for the same step: name, formals and every node of the bodies, whatever else the bodies hold.
    pub(crate) fn same(&self, other: &Step) -> bool {
        self.hash == other.hash && self.same_head(other) && same_structure(self.ends(), other.ends())
    }

    pub(super) fn same_head(&self, other: &Step) -> bool {
        self.name == other.name && self.per_step == other.per_step
    }

    pub(super) fn ends(&self) -> Ends<'_> {
        Ends { body: &self.body, formals: &self.formals, outputs: &self.outputs }
    }

    /// For each output, the formals that it reads.
    pub(crate) fn reads(&self) -> Vec<Vec<bool>> {
        let of = |&output: &NodeId| {
            let reached = self.body.reachable(&[output]);
            self.formals.iter().map(|f| reached.binary_search(f).is_ok()).collect()
        };
        self.outputs.iter().map(of).collect()
    }
}

impl Graph {
    /// How deep scans nest in what the nodes depend on; those inside functions included.
    fn nesting(&self, outputs: &[NodeId]) -> usize {
        let mut deepest = 0;
        // Functions apply functions as deep as they like, so bodies wait on a stack of our own.
        let mut open: Vec<(&Graph, Vec<NodeId>)> = vec![(self, outputs.to_vec())];
        while let Some((graph, ends)) = open.pop() {
            for node in graph.reachable(&ends) {
                if let Some((_, step)) = graph.as_scan(node) {
                    deepest = deepest.max(step.nesting);
                }
                if let Some(function) = graph.as_named(node).filter(|f| f.composite.is_none()) {
                    open.push((&function.body, vec![function.output]));
                }
            }
        }
        deepest
    }

    /// Closes a step over this graph: `next` as functions of the inputs `carries` and `per_step`, and the nodes that
    /// become its constants, in the order of its formals.
    ///
    /// What reads none of these inputs is computed once, outside of the step: the largest such parts become constants;
    /// what reads no input at all is written into the body. Names and functions inside the step are written out.
    ///
    /// # Errors
    /// As [`Step::new`].
    pub fn step(
        &self,
        name: &str,
        carries: &[NodeId],
        per_step: &[NodeId],
        next: &[NodeId],
    ) -> Result<(Step, Vec<NodeId>)> {
        self.expect_nodes(carries)?;
        self.expect_nodes(per_step)?;
        self.expect_nodes(next)?;
        if next.len() != carries.len() {
            let (found, expected) =
                (count(next.len(), "result", "results"), count(carries.len(), "carry", "carries"));
            let problem = format!(
                "the step gives {found} for {expected}\n  help: a step gives each carry back, in order"
            );
            return Err(Error::Scan { step: name.to_string(), problem });
        }
        let own: BTreeSet<NodeId> = carries.iter().chain(per_step).copied().collect();
        let constants = self.constants(&own, next);
        let mut body = Graph::new();
        let mut names = FormalNames::new(self);
        let mut new: FxHashMap<NodeId, NodeId> = FxHashMap::default();
        let mut formals = Vec::with_capacity(own.len() + constants.len());
        for &node in carries.iter().chain(per_step).chain(&constants) {
            let formal = body.input(&names.of(self, node), self.ty(node).clone())?;
            new.insert(node, formal);
            formals.push(formal);
        }
        let written = self.import_into(&mut body, next, &mut new)?;
        let (body, outputs, formals) = written_out(body, &written, &formals)?;
        Ok((Step::new(name, body, formals, outputs, per_step.len())?, constants))
    }

    /// The largest parts that read an input but none of `own`, in order of first use.
    fn constants(&self, own: &BTreeSet<NodeId>, next: &[NodeId]) -> Vec<NodeId> {
        let reached = self.reachable(next);
        let mut varies = vec![false; reached.last().map_or(0, |n| n.index() + 1)];
        let mut reads = varies.clone();
        for &node in &reached {
            let args = self.raw_args(node);
            varies[node.index()] = own.contains(&node) || args.iter().any(|a| varies[a.index()]);
            reads[node.index()] = self.as_input(node).is_some() || args.iter().any(|a| reads[a.index()]);
        }
        let mut constants = Vec::new();
        let mut note = |node: NodeId| {
            if !varies[node.index()] && reads[node.index()] && !constants.contains(&node) {
                constants.push(node);
            }
        };
        for &node in reached.iter().filter(|n| varies[n.index()]) {
            self.raw_args(node).iter().for_each(|&a| note(a));
        }
        next.iter().for_each(|&n| note(n));
        constants
    }

    /// Nodes written into another graph, down to those that stand in `new`.
    fn import_into(
        &self,
        body: &mut Graph,
        outputs: &[NodeId],
        new: &mut FxHashMap<NodeId, NodeId>,
    ) -> Result<Vec<NodeId>> {
        let reached = self.reachable(outputs);
        let mut wanted: BTreeSet<NodeId> = outputs.iter().copied().collect();
        for &node in reached.iter().rev() {
            if wanted.contains(&node) && !new.contains_key(&node) {
                wanted.extend(self.raw_args(node));
            }
        }
        for &node in reached.iter().filter(|n| wanted.contains(n)) {
            if !new.contains_key(&node) {
                let made = body.import_node(self, node, new)?;
                new.insert(node, made);
            }
        }
        Ok(outputs.iter().map(|n| new[n]).collect())
    }
}

fn count(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}

/// A body without tags and without functions but the built-in ones.
fn written_out(
    mut body: Graph,
    outputs: &[NodeId],
    formals: &[NodeId],
) -> Result<(Graph, Vec<NodeId>, Vec<NodeId>)> {
    let opens = |g: &Graph, n: NodeId| g.as_named(n).is_some_and(|f| f.composite.is_none());
    let plain = |n: &NodeId| !opens(&body, *n) && !matches!(body.op(*n), Op::Tag(_));
    if body.reachable(outputs).iter().all(plain) {
        return Ok((body, outputs.to_vec(), formals.to_vec()));
    }
    let opened = body.open(outputs, &opens)?;
    let mut ends = body.lower(&opened, &[])?.outputs;
    let count = ends.len();
    ends.extend(formals);
    let (body, mut ends) = body.extract(&ends)?;
    let formals = ends.split_off(count);
    Ok((body, ends, formals))
}

/// Names of formals: that of the node where it has one, each once.
struct FormalNames<'g> {
    given: FxHashMap<NodeId, &'g str>,
    taken: BTreeSet<String>,
}

impl<'g> FormalNames<'g> {
    fn new(g: &'g Graph) -> FormalNames<'g> {
        let given = g.names().map(|(name, node)| (node, name)).collect();
        FormalNames { given, taken: BTreeSet::new() }
    }

    fn of(&mut self, g: &Graph, node: NodeId) -> String {
        let own = match g.op(node) {
            Op::Tag(name) => Some(&**name),
            _ => g.as_input(node).map(|i| &*i.name),
        };
        // A prime tells a formal of a batch from the one that it stands for, and is not needed where that is gone.
        let base = own.or_else(|| self.given.get(&node).copied()).unwrap_or("w").trim_end_matches('\'');
        let numbered = (1u32..).map(|k| format!("{base}{k}"));
        let name = std::iter::once(base.to_string())
            .chain(numbered)
            .find(|n| !self.taken.contains(n))
            .expect("invariant: numbered names never end");
        self.taken.insert(name.clone());
        name
    }
}

/// The steps of a graph, each once. A step holds at most [`MAX_NESTING`] levels of others, so dropping may recurse.
#[derive(Clone, Default)]
pub(super) struct Steps {
    list: Vec<Arc<Step>>,
    index: Positions,
}

impl Steps {
    pub(super) fn get(&self, id: u32) -> &Arc<Step> {
        &self.list[id as usize]
    }

    /// Number of the step; added when it is new.
    pub(super) fn add(&mut self, step: Arc<Step>) -> u32 {
        let is_it = |k: u32| {
            let known = &self.list[k as usize];
            Arc::ptr_eq(known, &step) || known.same(&step)
        };
        if let Some(known) = self.index.find(step.hash, is_it) {
            return known;
        }
        let id = u32::try_from(self.list.len()).expect("invariant: a graph holds fewer than 2^32 steps");
        self.index.insert(step.hash, id);
        self.list.push(step);
        id
    }
}
