//! The slow evaluator: any scalar, fixed order, the same bits on every machine.
//!
//! It judges every faster path and makes golden files, so it does the obvious thing: nodes in creation order, sums
//! from the first term to the last, no fused multiply-add, elementary functions of the [`Scalar`]. Three liberties
//! are exact in meaning: a factor `1/x` of a product divides by `x`, a label that a delta determines is not looped
//! over, and contractions of three and more factors are ordered when that saves work.

pub mod bindings;
mod calls;
pub mod contract;
mod facts;
pub mod kinks;
pub mod materialised;
pub mod structured;
pub mod term;

use crate::error::{Error, Result};
use crate::form::Product;
use crate::graph::Graph;
use crate::graph::op::{Comparison, Entries, Logic, Op};
use crate::index::Term;
use crate::node::NodeId;
use crate::ops::map::{self, Map};
use crate::ops::{composite, linear, reduce};
use crate::render::Printer;
use crate::scalar::Scalar;
use crate::shape::{DType, Dim, Sizes};
use crate::tensor::{Tensor, Value};
pub use bindings::Bindings;
use calls::Call;
pub use kinks::KinkHit;
use std::rc::Rc;

/// How an evaluation is carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Largest number of entries of any one value; more is refused instead of exhausting memory.
    pub limit: usize,
    /// Whether kinks that are hit are reported.
    pub kinks: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { limit: 1 << 28, kinks: false }
    }
}

/// What an evaluation answers.
#[derive(Clone, Debug)]
pub struct Evaluation<S> {
    /// One value for each output.
    pub values: Vec<Value<S>>,
    /// Kinks that were hit, when asked for.
    pub kinks: Vec<KinkHit>,
    /// Numbers stored for intermediate nodes, besides inputs and outputs.
    pub stored: usize,
}

/// Values of the nodes of one evaluation.
pub(crate) struct Store<'g, S> {
    pub(crate) graph: &'g Graph,
    pub(crate) sizes: Rc<Sizes>,
    values: Vec<Option<Rc<Value<S>>>>,
    options: Options,
    stored: usize,
}

impl Graph {
    /// Values of the outputs at the given inputs.
    ///
    /// # Errors
    /// [`Error::Bindings`] with everything that is missing or misshaped, [`Error::Label`] for a label out of range,
    /// [`Error::TooLarge`], [`Error::EmptyAxis`], [`Error::UnknownSize`].
    ///
    /// ```
    /// use chainrule_core::{eval::Bindings, graph::Graph, shape::Type, tensor::Tensor};
    /// let mut g = Graph::new();
    /// let x = g.input("x", Type::real(["n"]))?;
    /// let y = g.sum_all(x)?;
    /// let at = Bindings::new().with("x", Tensor::vector(vec![1.0, 2.0, 4.0]));
    /// assert_eq!(g.evaluate(&[y], &at)?[0].real().unwrap().data(), [7.0]);
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn evaluate<S: Scalar>(&self, outputs: &[NodeId], at: &Bindings<S>) -> Result<Vec<Value<S>>> {
        Ok(self.evaluate_with(outputs, at, &Options::default())?.values)
    }

    /// As [`Graph::evaluate`], with options, kinks and statistics.
    ///
    /// # Errors
    /// As [`Graph::evaluate`].
    pub fn evaluate_with<S: Scalar>(
        &self,
        outputs: &[NodeId],
        at: &Bindings<S>,
        options: &Options,
    ) -> Result<Evaluation<S>> {
        let mut store = Store::new(self, outputs, at, options)?;
        let mut kinks = Vec::new();
        store.run(outputs, Some(&mut kinks).filter(|_| options.kinks))?;
        let values = outputs.iter().map(|&o| store.value(o).clone()).collect();
        Ok(Evaluation { values, kinks, stored: store.stored })
    }
}

impl<'g, S: Scalar> Store<'g, S> {
    /// Solves sizes and places the inputs that the outputs need.
    pub(crate) fn new(
        graph: &'g Graph,
        outputs: &[NodeId],
        at: &Bindings<S>,
        options: &Options,
    ) -> Result<Store<'g, S>> {
        graph.expect_nodes(outputs)?;
        let needed = needed(graph, outputs);
        let count = outputs.iter().map(|o| o.index() + 1).max().unwrap_or(0);
        let mut store = Store {
            graph,
            sizes: Rc::new(at.solve(graph, &needed)?),
            values: vec![None; count],
            options: options.clone(),
            stored: 0,
        };
        for &node in needed.iter().filter(|n| graph.as_input(**n).is_some()) {
            store.values[node.index()] = Some(Rc::new(at.value(graph, node, &store.sizes)?));
        }
        Ok(store)
    }

    /// Evaluates what the outputs need, freeing what is no longer read.
    ///
    /// Bodies of functions and steps of scans are evaluated in stores of their own, on a stack of our own: functions may
    /// be nested as deep as memory allows.
    pub(crate) fn run(&mut self, outputs: &[NodeId], mut kinks: Option<&mut Vec<KinkHit>>) -> Result<()> {
        let mut own = Pass::new(self, outputs);
        let mut calls: Vec<Call<'g, S>> = Vec::new();
        loop {
            let next = match calls.last_mut() {
                Some(call) => call.store.advance(&mut call.pass, None)?,
                None => self.advance(&mut own, kinks.as_deref_mut())?,
            };
            if let Some(node) = next {
                let (store, pass) = match calls.last() {
                    Some(call) => (&call.store, &call.pass),
                    None => (&*self, &own),
                };
                let call = store.call(pass, node)?;
                calls.push(call);
                continue;
            }
            if calls.last_mut().is_some_and(Call::takes_another_step) {
                continue;
            }
            let Some(call) = calls.pop() else { return Ok(()) };
            let (store, pass) = match calls.last_mut() {
                Some(call) => (&mut call.store, &mut call.pass),
                None => (&mut *self, &mut own),
            };
            store.stored += call.stored();
            let (node, values) = call.results();
            for (place, value) in values {
                store.keep(pass, place, value);
            }
            pass.release(store, node);
        }
    }

    /// Evaluates up to the next function without a kernel or the next scan, which is answered; `None` at the end.
    fn advance(&mut self, pass: &mut Pass, mut kinks: Option<&mut Vec<KinkHit>>) -> Result<Option<NodeId>> {
        while let Some(node) = pass.nodes.next() {
            if self.values[node.index()].is_some() {
                pass.release(self, node);
                continue;
            }
            expect_real_operands(self.graph, node)?;
            match self.compute(node, kinks.as_deref_mut()).map_err(|e| named_error(self.graph, node, e))? {
                Some(value) => self.finish(pass, node, Rc::new(value)),
                None => return Ok(Some(node)),
            }
        }
        Ok(None)
    }

    /// Keeps the value of a node, and frees the operands that nothing else reads.
    fn finish(&mut self, pass: &mut Pass, node: NodeId, value: Rc<Value<S>>) {
        self.keep(pass, node, value);
        pass.release(self, node);
    }

    fn keep(&mut self, pass: &Pass, node: NodeId, value: Rc<Value<S>>) {
        if !pass.is_output[node.index()] {
            self.stored += value.count();
        }
        self.values[node.index()] = Some(value);
    }

    /// The value of a node that has been evaluated.
    pub(crate) fn value(&self, node: NodeId) -> &Value<S> {
        self.values[node.index()].as_deref().expect("invariant: operands are evaluated before their users")
    }

    fn shared(&self, node: NodeId) -> Rc<Value<S>> {
        self.values[node.index()].clone().expect("invariant: operands are evaluated before their users")
    }

    pub(crate) fn real(&self, node: NodeId) -> &Tensor<S> {
        self.value(node).real().expect("invariant: types were checked when the node was built")
    }

    /// The number an extent stands for.
    pub(crate) fn extent(&self, dim: &Dim) -> Result<usize> {
        let n = dim.evaluate(&self.sizes).map_err(|name| Error::UnknownSize { name: name.to_string() })?;
        Ok(usize::try_from(n).unwrap_or(0))
    }

    /// The shape of a node as numbers, refused when it would be too large.
    pub(crate) fn extents(&self, dims: &[Dim]) -> Result<Vec<usize>> {
        let shape: Vec<usize> = dims.iter().map(|d| self.extent(d)).collect::<Result<_>>()?;
        let entries = shape.iter().fold(1i128, |n, &d| n.saturating_mul(d as i128));
        let limit = self.options.limit as i128;
        if entries > limit {
            return Err(Error::TooLarge { entries, limit });
        }
        Ok(shape)
    }

    pub(crate) fn count_stored(&mut self, entries: usize) {
        self.stored += entries;
    }

    /// The value of a node, or `None` for a function whose body, or a scan whose step is to be evaluated.
    fn compute(&mut self, node: NodeId, kinks: Option<&mut Vec<KinkHit>>) -> Result<Option<Value<S>>> {
        let g = self.graph;
        let shape = self.extents(g.shape(node))?;
        let args = g.args(node);
        let real = |data: Vec<S>| {
            Value::Real(Tensor::new(&shape, data).expect("invariant: one entry for each position"))
        };
        Ok(Some(match g.op(node) {
            Op::Input(_) => unreachable!("invariant: inputs are placed before the run"),
            Op::Zero(_) => Value::Real(zeros(&shape)?),
            Op::Rational(value) => Value::Real(Tensor::scalar(S::from_rational(value))),
            Op::Pi => Value::Real(Tensor::scalar(S::pi())),
            Op::Size(dim) => {
                let n = dim.evaluate(&self.sizes).map_err(|n| Error::UnknownSize { name: n.to_string() })?;
                Value::Real(Tensor::scalar(S::from_i64(n)))
            }
            Op::Literal(_) => {
                let literal = g.as_literal(node).expect("invariant: a literal");
                match literal.entries() {
                    Entries::Real(bits) => {
                        real(bits.iter().map(|&b| S::from_f64(f64::from_bits(b))).collect())
                    }
                    Entries::Int(v) => {
                        Value::Int(Tensor::new(&shape, v.clone()).expect("invariant: literal"))
                    }
                    Entries::Bool(v) => {
                        Value::Bool(Tensor::new(&shape, v.clone()).expect("invariant: literal"))
                    }
                }
            }
            Op::Sum(coefficients) => {
                let terms: Vec<(S, bool, &[S])> = coefficients
                    .iter()
                    .zip(&args)
                    .map(|(c, &a)| (S::from_rational(c), c.is_one(), self.real(a).data()))
                    .collect();
                let count = shape.iter().product();
                real((0..count).map(|k| weighted_sum(&terms, k)).collect())
            }
            Op::Contract(kind) => match contract::number(self, kind, &args) {
                Some(value) => Value::Real(Tensor::scalar(value)),
                None => Value::Real(contract::evaluate(self, &g.as_product(node))?),
            },
            Op::Map(id) => {
                let map = Map::by_id(*id);
                let values: Vec<&[S]> = args.iter().map(|&a| self.real(a).data()).collect();
                let count: usize = shape.iter().product();
                if let Some(kinks) = kinks {
                    kinks::of_map(g, node, map, &values, kinks);
                }
                let at = |k: usize| {
                    let point: smallvec::SmallVec<[&S; 3]> = values.iter().map(|v| &v[k]).collect();
                    map::evaluate(map, &point)
                };
                real((0..count).map(at).collect())
            }
            Op::Select => {
                let p = self.value(args[0]).boolean().expect("invariant: a predicate");
                let (a, b) = (self.real(args[1]).data(), self.real(args[2]).data());
                let pick = |(k, &p): (usize, &bool)| if p { a[k].clone() } else { b[k].clone() };
                real(p.data().iter().enumerate().map(pick).collect())
            }
            Op::Compare(comparison) => {
                let data = compare(*comparison, self.value(args[0]), self.value(args[1]));
                Value::Bool(Tensor::new(&shape, data).expect("invariant: equal shapes"))
            }
            Op::Logic(logic) => {
                let at = |k: usize| self.value(args[k]).boolean().expect("invariant: a predicate").data();
                let data = match logic {
                    Logic::Not => at(0).iter().map(|p| !p).collect(),
                    Logic::And => at(0).iter().zip(at(1)).map(|(p, q)| *p && *q).collect(),
                    Logic::Or => at(0).iter().zip(at(1)).map(|(p, q)| *p || *q).collect(),
                };
                Value::Bool(Tensor::new(&shape, data).expect("invariant: equal shapes"))
            }
            Op::Reduce(reduction, axis) => {
                let x = self.real(args[0]);
                if let Some(kinks) = kinks {
                    kinks::of_reduction(g, node, *reduction, x, usize::from(*axis), kinks);
                }
                Value::Real(reduce::evaluate(*reduction, x, usize::from(*axis))?)
            }
            Op::ArgMax(axis) => Value::Int(reduce::argmax(self.real(args[0]), usize::from(*axis))?),
            Op::ArgSort(axis) => Value::Int(reduce::argsort(self.real(args[0]), usize::from(*axis))),
            Op::Linear(kind) => {
                let tensors: Vec<&Tensor<S>> = args.iter().map(|&a| self.real(a)).collect();
                Value::Real(linear::evaluate(*kind, &tensors))
            }
            Op::Named(_) => return Ok(self.kernel(node)),
            Op::Scan(_) => return Ok(None),
            Op::Tag(_) | Op::StopGradient | Op::Checkpoint => (*self.shared(args[0])).clone(),
        }))
    }

    /// What a composite's own kernel computes, if it has one.
    fn kernel(&self, node: NodeId) -> Option<Value<S>> {
        let function = self.graph.as_named(node).expect("invariant: a function");
        let tensors: Vec<&Tensor<S>> = match function.composite {
            Some(_) => self.graph.raw_args(node).iter().map(|&a| self.real(a)).collect(),
            None => return None,
        };
        composite::evaluate(function.composite?, &function.axes, &tensors).map(Value::Real)
    }
}

/// What is left of evaluating one graph, and how often each value is still read.
#[derive(Clone)]
struct Pass {
    nodes: std::vec::IntoIter<NodeId>,
    uses: Vec<u32>,
    is_output: Rc<[bool]>,
}

impl Pass {
    fn new<S>(store: &Store<'_, S>, outputs: &[NodeId]) -> Pass {
        let nodes = needed(store.graph, outputs);
        let mut uses = vec![0u32; store.values.len()];
        for &node in &nodes {
            operands(store.graph, node).iter().for_each(|a| uses[a.index()] += 1);
        }
        let mut is_output = vec![false; store.values.len()];
        for output in outputs {
            uses[output.index()] += 1;
            is_output[output.index()] = true;
        }
        Pass { nodes: nodes.into_iter(), uses, is_output: is_output.into() }
    }

    /// True for a node whose value is read.
    fn wants(&self, node: NodeId) -> bool {
        self.uses.get(node.index()).is_some_and(|&uses| uses > 0)
    }

    /// The operands of a node have been read once more.
    fn release<S>(&mut self, store: &mut Store<'_, S>, node: NodeId) {
        for a in operands(store.graph, node) {
            self.uses[a.index()] -= 1;
            if self.uses[a.index()] == 0 {
                store.values[a.index()] = None;
            }
        }
    }
}

/// What a message calls a node: its name, else the beginning of its formula.
pub(crate) fn name_of(g: &Graph, node: NodeId) -> String {
    const LONGEST: usize = 60;
    if let Op::Tag(name) = g.op(node) {
        return name.to_string();
    }
    let known = g.as_input(node).map(|i| i.name.to_string());
    if let Some(name) =
        known.or_else(|| g.names().find(|(_, n)| *n == node).map(|(name, _)| name.to_string()))
    {
        return name;
    }
    let formula = Printer::new(g).index_text(node).body;
    match formula.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &formula[..end]),
        None => formula,
    }
}

/// The error of computing a node, with the name of what was reduced.
fn named_error(g: &Graph, node: NodeId, error: Error) -> Error {
    match error {
        Error::EmptyAxis { operation, name } if name.is_empty() => {
            Error::EmptyAxis { operation, name: name_of(g, g.arg(node, 0)) }
        }
        other => other,
    }
}

/// The zero tensor of a shape.
pub(crate) fn zeros<S: Scalar>(shape: &[usize]) -> Result<Tensor<S>> {
    let entries = shape.iter().fold(1i128, |n, &d| n.saturating_mul(d as i128));
    Tensor::filled(shape, S::zero()).ok_or(Error::TooLarge { entries, limit: entries - 1 })
}

/// Refuses integers and truth values where an infallible constructor let them stand for numbers.
fn expect_real_operands(g: &Graph, node: NodeId) -> Result<()> {
    let args = g.args(node);
    match g.op(node) {
        Op::Sum(_) => args.iter().try_for_each(|&a| g.expect_entries("+", a, DType::Real)),
        Op::Contract(kind) => {
            kind.accesses.iter().try_for_each(|a| g.expect_entries("*", args[a.node.index()], DType::Real))
        }
        _ => Ok(()),
    }
}

fn weighted_sum<S: Scalar>(terms: &[(S, bool, &[S])], k: usize) -> S {
    let term = |(c, one, x): &(S, bool, &[S])| if *one { x[k].clone() } else { c.clone() * x[k].clone() };
    let mut total = term(&terms[0]);
    for t in &terms[1..] {
        total = total + term(t);
    }
    total
}

fn compare<S: Scalar>(comparison: Comparison, a: &Value<S>, b: &Value<S>) -> Vec<bool> {
    fn each<T: PartialOrd>(comparison: Comparison, a: &[T], b: &[T]) -> Vec<bool> {
        let holds = |(x, y): (&T, &T)| match comparison {
            Comparison::Greater => x > y,
            Comparison::GreaterEqual => x >= y,
            Comparison::Equal => x == y,
        };
        a.iter().zip(b).map(holds).collect()
    }
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => each(comparison, a.data(), b.data()),
        (Value::Int(a), Value::Int(b)) => each(comparison, a.data(), b.data()),
        _ => unreachable!("invariant: a comparison has operands of one kind"),
    }
}

/// What the evaluator reads to compute a node: its operands, but `x` itself where a product divides by `x`.
pub(crate) fn operands(g: &Graph, node: NodeId) -> smallvec::SmallVec<[NodeId; 3]> {
    let args = g.args(node);
    let Op::Contract(kind) = g.op(node) else { return args };
    let mut read = smallvec::SmallVec::new();
    for_each_operand(kind, &mut |slot, factor| {
        let n = args[slot.index()];
        let n = if factor { divisor(g, n).unwrap_or(n) } else { n };
        if !read.contains(&n) {
            read.push(n);
        }
    });
    read
}

/// Calls `visit` on every operand of a product, and whether it is a factor.
pub(crate) fn for_each_operand(product: &Product, visit: &mut dyn FnMut(NodeId, bool)) {
    let elements = |terms: &[Term], visit: &mut dyn FnMut(NodeId, bool)| {
        terms.iter().for_each(|t| t.each_element(&mut |n| visit(n, false)));
    };
    for access in &product.accesses {
        visit(access.node, true);
        elements(&access.at, visit);
    }
    for cond in &product.conds {
        if let crate::form::Cond::Holds(node, _, _) = cond {
            visit(*node, false);
        }
        elements(cond.terms(), visit);
    }
}

/// `x` for a node `1/x`.
pub(crate) fn divisor(g: &Graph, node: NodeId) -> Option<NodeId> {
    match g.op(node) {
        Op::Map(id) if *id == map::RECIP.id => Some(g.arg(node, 0)),
        _ => None,
    }
}

/// The nodes that must be evaluated for the outputs, in topological order.
fn needed(g: &Graph, outputs: &[NodeId]) -> Vec<NodeId> {
    let Some(last) = outputs.iter().map(|n| n.index()).max() else { return Vec::new() };
    let mut wanted = vec![false; last + 1];
    outputs.iter().for_each(|n| wanted[n.index()] = true);
    for k in (0..=last).rev() {
        if wanted[k] {
            operands(g, NodeId::new(k)).iter().for_each(|a| wanted[a.index()] = true);
        }
    }
    (0..=last).filter(|&k| wanted[k]).map(NodeId::new).collect()
}
