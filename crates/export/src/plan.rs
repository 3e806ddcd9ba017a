//! The plan of a program text: parameters, nodes in order of computation, names, and how often each node is read.
//!
//! Nothing here speaks of a language. A printer walks [`Plan::order`]; operands come before their users, so it
//! never recurses. A node that is read more than once is worth a name, one that is read once can be written where
//! it is read.

use chainrule_core::form::{Cond, Product};
use chainrule_core::graph::op::Op;
use chainrule_core::index::Term;
use chainrule_core::ops::map::RECIP;
use chainrule_core::render::Printer;
use chainrule_core::{Graph, NodeId};
use std::collections::BTreeMap;

/// Names that a text should use for nodes, as a reader knows them: `p`, `q`, `z`.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<NodeId, String>);

impl Names {
    /// No names: inputs keep theirs, the rest is numbered.
    pub fn new() -> Names {
        Names::default()
    }

    /// The names that stand beside the graph's table; of two names of one node the later.
    pub fn of(graph: &Graph) -> Names {
        Names(graph.names().map(|(name, node)| (node, name.to_string())).collect())
    }

    /// The same names and one more; a later name of a node replaces an earlier one.
    pub fn with(mut self, node: NodeId, name: &str) -> Names {
        self.0.insert(node, name.to_string());
        self
    }
}

/// What is computed for given outputs, in which order, and under which names.
#[derive(Clone)]
pub struct Plan {
    /// The program, user functions written out.
    pub graph: Graph,
    /// Nodes that are given: inputs, or intermediates that the caller wants to pass in.
    pub parameters: Vec<NodeId>,
    /// Nodes to compute, operands before users, without parameters.
    pub order: Vec<NodeId>,
    /// Nodes that are asked for.
    pub outputs: Vec<NodeId>,
    names: BTreeMap<NodeId, String>,
    uses: Vec<u32>,
    user: Vec<Option<NodeId>>,
}

/// What a target cannot write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsupported {
    /// The language of the target.
    pub target: &'static str,
    /// The node, by its name or its formula.
    pub node: String,
    /// What kind of node it is.
    pub kind: String,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Unsupported { target, node, kind } = self;
        write!(
            f,
            "`{node}` is {kind}, which is not written as {target}\n  help: evaluate it here, or write its steps out for a fixed length"
        )
    }
}

impl std::error::Error for Unsupported {}

impl Plan {
    /// Fails when something that is computed is a recurrence.
    ///
    /// # Errors
    /// [`Unsupported`] with the first recurrence in order of computation.
    pub fn without_recurrences(&self, target: &'static str) -> Result<(), Unsupported> {
        let scan = |&node: &NodeId| Some((node, self.graph.as_scan(node)?.1.name().to_string()));
        let Some((node, step)) = self.order.iter().find_map(scan) else { return Ok(()) };
        let formula = || Printer::new(&self.graph).index_text(node).body;
        let node = self.name(node).map_or_else(formula, str::to_string);
        Err(Unsupported { target, node, kind: format!("a recurrence (its step is `{step}`)") })
    }

    /// Plans the outputs from the given parameters; inputs that are needed beyond these become parameters too, in
    /// order of declaration.
    ///
    /// # Panics
    /// If a node is not of this graph.
    pub fn new(graph: &Graph, parameters: &[NodeId], outputs: &[NodeId], names: &Names) -> Plan {
        let mut plan = Plan {
            graph: graph.clone(),
            parameters: parameters.to_vec(),
            order: Vec::new(),
            outputs: outputs.to_vec(),
            names: names.0.clone(),
            uses: Vec::new(),
            user: Vec::new(),
        };
        plan.open_functions();
        plan.schedule();
        plan
    }

    /// The name that a reader knows a node by: given, or the tag's or input's own.
    pub fn name(&self, node: NodeId) -> Option<&str> {
        if let Some(name) = self.names.get(&node) {
            return Some(name);
        }
        match self.graph.op(node) {
            Op::Tag(name) => Some(name),
            Op::Input(_) => self.graph.as_input(node).map(|i| i.name.as_ref()),
            _ => None,
        }
    }

    /// How often a node is read; an output counts as one more reader.
    pub fn uses(&self, node: NodeId) -> u32 {
        self.uses[node.index()]
    }

    /// The one node that reads this one, if there is exactly one reader and it is no output.
    pub fn only_user(&self, node: NodeId) -> Option<NodeId> {
        self.user[node.index()].filter(|_| self.uses(node) == 1)
    }

    /// Functions without a kernel of their own are what their bodies say.
    fn open_functions(&mut self) {
        let opens = |g: &Graph, n: NodeId| g.as_named(n).is_some_and(|f| f.composite.is_none());
        if !self.graph.nodes().any(|n| opens(&self.graph, n)) {
            return;
        }
        let (known, called): (Vec<NodeId>, Vec<String>) = self.names.clone().into_iter().unzip();
        let mut all = self.outputs.clone();
        all.extend(&self.parameters);
        all.extend(&known);
        let all =
            self.graph.open(&all, &opens).expect("invariant: a body that was built once is built again");
        let (outputs, rest) = all.split_at(self.outputs.len());
        let (parameters, known) = rest.split_at(self.parameters.len());
        (self.outputs, self.parameters) = (outputs.to_vec(), parameters.to_vec());
        self.names = known.iter().copied().zip(called).collect();
    }

    fn schedule(&mut self) {
        let g = &self.graph;
        let count = self.outputs.iter().chain(&self.parameters).map(|n| n.index() + 1).max().unwrap_or(0);
        let mut given = vec![false; count];
        self.parameters.iter().for_each(|p| given[p.index()] = true);
        (self.uses, self.user) = (vec![0; count], vec![None; count]);
        self.outputs.iter().for_each(|o| self.uses[o.index()] += 1);
        let mut inputs = Vec::new();
        for node in (0..count).rev().map(NodeId::new) {
            if self.uses[node.index()] == 0 || given[node.index()] {
                continue;
            }
            if g.as_input(node).is_some() {
                inputs.push(node);
                continue;
            }
            self.order.push(node);
            for operand in reads(g, node) {
                self.uses[operand.index()] += 1;
                self.user[operand.index()] = Some(node);
            }
        }
        self.order.reverse();
        self.parameters.extend(inputs.into_iter().rev());
        for output in &self.outputs {
            self.user[output.index()] = None;
        }
    }
}

/// `x` for a node `1/x`: a product divides by it.
pub fn divisor(g: &Graph, node: NodeId) -> Option<NodeId> {
    match g.op(node) {
        Op::Map(id) if *id == RECIP.id => Some(g.arg(node, 0)),
        _ => None,
    }
}

/// Operands as often as a text reads them; of a factor `1/x` the text reads `x`.
pub fn reads(g: &Graph, node: NodeId) -> Vec<NodeId> {
    match g.op(node) {
        Op::Contract(_) => product_reads(g, &g.as_product(node)),
        _ => g.args(node).to_vec(),
    }
}

fn product_reads(g: &Graph, product: &Product) -> Vec<NodeId> {
    let mut read = Vec::new();
    let elements = |terms: &[Term], read: &mut Vec<NodeId>| {
        terms.iter().for_each(|t| t.each_element(&mut |n| read.push(n)));
    };
    for access in &product.accesses {
        read.push(divisor(g, access.node).unwrap_or(access.node));
        elements(&access.at, &mut read);
    }
    for cond in &product.conds {
        if let Cond::Holds(node, ..) = cond {
            read.push(*node);
        }
        elements(cond.terms(), &mut read);
    }
    read
}
