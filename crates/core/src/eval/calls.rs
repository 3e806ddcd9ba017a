//! Bodies under evaluation: of a function, and of the step of a scan, once for each position.
//!
//! The trajectories of one recurrence are computed together, whichever of them is asked for first.

use super::{Pass, Store};
use crate::error::Result;
use crate::graph::step::Step;
use crate::node::NodeId;
use crate::scalar::Scalar;
use crate::tensor::{Tensor, Value};
use std::rc::Rc;

/// A body under evaluation, for the node that applies it.
pub(super) struct Call<'g, S> {
    node: NodeId,
    pub(super) store: Store<'g, S>,
    pub(super) pass: Pass,
    body: Body<'g, S>,
}

/// A node and its value.
type Found<S> = (NodeId, Rc<Value<S>>);

enum Body<'g, S> {
    /// Of a function, with its output.
    Function(NodeId),
    Scan(Loop<'g, S>),
}

/// The steps of a scan, as far as they have been taken.
struct Loop<'g, S> {
    step: &'g Step,
    /// What every step starts from.
    fresh: Pass,
    taken: usize,
    length: usize,
    backward: bool,
    running: bool,
    /// Values of the operands after the carries.
    operands: Vec<Rc<Value<S>>>,
    carries: Vec<Rc<Value<S>>>,
    /// For each carry the node that is its trajectory, if that is wanted, with its shape and its entries so far.
    trajectories: Vec<Option<Trajectory<S>>>,
    /// Numbers stored during one step.
    stored: usize,
}

struct Trajectory<S> {
    node: NodeId,
    shape: Vec<usize>,
    entries: Vec<Rc<Value<S>>>,
}

impl<'g, S: Scalar> Store<'g, S> {
    /// The evaluation of a body that a node applies.
    pub(super) fn call(&self, pass: &Pass, node: NodeId) -> Result<Call<'g, S>> {
        if self.graph.as_scan(node).is_some() { self.scan(pass, node) } else { Ok(self.function(node)) }
    }

    fn inside(&self, graph: &'g crate::graph::Graph, outputs: &[NodeId]) -> Store<'g, S> {
        let count = outputs.iter().map(|o| o.index() + 1).max().unwrap_or(0);
        Store {
            graph,
            sizes: self.sizes.clone(),
            values: vec![None; count],
            options: self.options.clone(),
            stored: 0,
        }
    }

    fn function(&self, node: NodeId) -> Call<'g, S> {
        let function = self.graph.as_named(node).expect("invariant: a function");
        let output = function.output;
        let mut store = self.inside(&function.body, &[output]);
        for (formal, &a) in function.formals.iter().zip(self.graph.raw_args(node)) {
            if let Some(place) = store.values.get_mut(formal.index()) {
                *place = Some(self.shared(a));
            }
        }
        let pass = Pass::new(&store, &[output]);
        Call { node, store, pass, body: Body::Function(output) }
    }

    fn scan(&self, pass: &Pass, node: NodeId) -> Result<Call<'g, S>> {
        let (scan, step) = self.graph.as_scan(node).expect("invariant: a scan");
        let store = self.inside(step.body(), step.outputs());
        let mut values = self.graph.raw_args(node).iter().map(|&a| self.shared(a));
        let carries = values.by_ref().take(step.carries()).collect();
        let mut trajectories = Vec::with_capacity(step.carries());
        for sibling in self.graph.carries(node) {
            trajectories.push(match sibling.filter(|&s| s == node || pass.wants(s)) {
                Some(node) => {
                    let shape = self.extents(self.graph.shape(node))?;
                    Some(Trajectory { node, shape, entries: Vec::new() })
                }
                None => None,
            });
        }
        let steps = Loop {
            step,
            fresh: Pass::new(&store, step.outputs()),
            taken: 0,
            length: self.extent(&scan.length)?,
            backward: scan.backward,
            running: false,
            operands: values.collect(),
            carries,
            trajectories,
            stored: 0,
        };
        let nothing = Pass::new(&store, &[]);
        Ok(Call { node, store, pass: nothing, body: Body::Scan(steps) })
    }
}

impl<S: Scalar> Call<'_, S> {
    /// Ends the step that was taken, and begins the next one if there is one.
    pub(super) fn takes_another_step(&mut self) -> bool {
        let Body::Scan(steps) = &mut self.body else { return false };
        if steps.running {
            steps.end(&self.store);
        }
        steps.running = steps.taken < steps.length;
        if steps.running {
            steps.begin(&mut self.store);
            self.pass = steps.fresh.clone();
        }
        steps.running
    }

    /// Numbers that were stored for intermediate nodes.
    pub(super) fn stored(&self) -> usize {
        match &self.body {
            Body::Function(_) => self.store.stored,
            Body::Scan(steps) => steps.stored,
        }
    }

    /// The node that applied the body, and the values found, with the nodes they belong to.
    pub(super) fn results(self) -> (NodeId, Vec<Found<S>>) {
        let values = match self.body {
            Body::Function(output) => vec![(self.node, self.store.shared(output))],
            Body::Scan(steps) => {
                let backward = steps.backward;
                steps.trajectories.into_iter().flatten().map(|t| t.value(backward)).collect()
            }
        };
        (self.node, values)
    }
}

impl<S: Scalar> Loop<'_, S> {
    fn begin(&self, store: &mut Store<'_, S>) {
        let position = if self.backward { self.length - 1 - self.taken } else { self.taken };
        store.values.fill(None);
        store.stored = 0;
        for (k, formal) in self.step.formals().iter().enumerate() {
            let Some(place) = store.values.get_mut(formal.index()) else { continue };
            *place = Some(match k.checked_sub(self.carries.len()) {
                None => self.carries[k].clone(),
                Some(k) if k < self.step.per_step() => Rc::new(entry(&self.operands[k], position)),
                Some(k) => self.operands[k].clone(),
            });
        }
    }

    fn end(&mut self, store: &Store<'_, S>) {
        self.carries = self.step.outputs().iter().map(|&o| store.shared(o)).collect();
        self.stored = self.stored.max(store.stored);
        for (trajectory, value) in self.trajectories.iter_mut().zip(&self.carries) {
            if let Some(trajectory) = trajectory {
                trajectory.entries.push(value.clone());
            }
        }
        self.taken += 1;
    }
}

impl<S: Scalar> Trajectory<S> {
    /// The node and its value, in order of positions.
    fn value(mut self, backward: bool) -> Found<S> {
        if backward {
            self.entries.reverse();
        }
        let entries = self.entries.iter().filter_map(|v| v.real()).flat_map(|t| t.data().iter().cloned());
        let tensor = Tensor::new(&self.shape, entries.collect())
            .expect("invariant: a step gives each carry back in the type it had");
        (self.node, Rc::new(Value::Real(tensor)))
    }
}

/// The entry at a position of the first axis.
fn entry<S: Scalar>(value: &Value<S>, position: usize) -> Value<S> {
    fn of<T: Clone>(tensor: &Tensor<T>, position: usize) -> Tensor<T> {
        let shape = &tensor.shape()[1..];
        let count: usize = shape.iter().product();
        Tensor::new(shape, tensor.data()[position * count..(position + 1) * count].to_vec())
            .expect("invariant: one entry for each position")
    }
    match value {
        Value::Real(t) => Value::Real(of(t, position)),
        Value::Int(t) => Value::Int(of(t, position)),
        Value::Bool(t) => Value::Bool(of(t, position)),
    }
}
