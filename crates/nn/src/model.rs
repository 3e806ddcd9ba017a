//! Models: one definition, read twice.
//!
//! The training reading ends in the loss, the inference reading in a decision. Gradients are a property of a
//! [`Trace`], which only training makes, so there is no flag to forget and no stale activation to differentiate:
//!
//! ```compile_fail,E0599
//! # use chainrule_core::{shape::Type, tensor::Tensor};
//! # use chainrule_nn::*;
//! # let model = Mlp::new(relu, quadratic, identity).build(Type::real([2]), Type::real([2])).unwrap();
//! let answer = model.infer(&Params::new(), Tensor::vector(vec![1.0, -1.0])).unwrap();
//! answer.gradients(); // an inference has none
//! ```

use crate::layer::Layer;
use crate::params::{ParamTree, Params};
use crate::scope::{Mode, Scope};
use chainrule_core::derive::Derivation;
use chainrule_core::error::Error;
use chainrule_core::eval::Bindings;
use chainrule_core::expr::{Diagnostics, Expr};
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::shape::Type;
use chainrule_core::tensor::{Tensor, Value};
use std::sync::Arc;

/// A definition: a network, a loss for training and a decision for use.
#[derive(Clone, Debug)]
pub struct Mlp<N, L, D> {
    network: N,
    loss: L,
    decision: D,
}

impl<N, L, D> Mlp<N, L, D>
where
    N: Layer,
    L: Fn(&Expr, &Expr) -> Expr,
    D: Fn(&Expr) -> Expr,
{
    /// A definition from its three parts.
    pub fn new(network: N, loss: L, decision: D) -> Mlp<N, L, D> {
        Mlp { network, loss, decision }
    }

    /// Both readings, for an input `x` and a target `y` of the given types.
    ///
    /// # Errors
    /// Every mistake of the definition at once.
    #[track_caller]
    pub fn build(&self, x: Type, y: Type) -> Result<Model, Diagnostics> {
        let (train, params) = self.training(x.clone(), y)?;
        let scope = Scope::new(Mode::Infer);
        let x = scope.input("x", x);
        let z = scope.outermost(&self.network, &x);
        let program = scope.builder().finish(&[&(self.decision)(&z)])?;
        Ok(Model { train, infer: (program.graph, program.outputs[0]), params })
    }

    #[track_caller]
    fn training(&self, x: Type, y: Type) -> Result<(Training, ParamTree), Diagnostics> {
        let scope = Scope::new(Mode::Train);
        let (x, y) = (scope.input("x", x), scope.input("y", y));
        let z = scope.outermost(&self.network, &x);
        let loss = (self.loss)(&z, &y);
        let program = scope.builder().finish(&[&loss])?;
        let tree = scope.params().clone();
        Ok((Training::new(program.graph, program.outputs[0], &tree)?, tree))
    }
}

/// The training reading.
#[derive(Clone)]
struct Training {
    graph: Arc<Graph>,
    /// The loss with names that can be cut, and without.
    tagged: NodeId,
    loss: NodeId,
    /// For each parameter, its input and its gradient.
    gradients: Vec<(String, NodeId, NodeId)>,
}

impl Training {
    fn new(mut graph: Arc<Graph>, tagged: NodeId, tree: &ParamTree) -> Result<Training, Error> {
        let g = Arc::make_mut(&mut graph);
        let loss = g.lower(&[tagged], &[])?.outputs[0];
        let inputs: Vec<(String, NodeId)> =
            tree.paths().filter_map(|p| Some((p.to_string(), g.find_input(p)?))).collect();
        let nodes: Vec<NodeId> = inputs.iter().map(|(_, n)| *n).collect();
        let gradients = Derivation::default().gradient(g, loss, &nodes)?;
        let gradients = inputs.into_iter().zip(gradients).map(|((p, n), d)| (p, n, d)).collect();
        Ok(Training { graph, tagged, loss, gradients })
    }
}

/// Both readings of a definition, and the parameters it declares. Values live outside, in [`Params`].
#[derive(Clone)]
pub struct Model {
    train: Training,
    infer: (Arc<Graph>, NodeId),
    params: ParamTree,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model\n{}", self.params)
    }
}

impl Model {
    /// The parameters, in order of declaration.
    pub fn params(&self) -> &ParamTree {
        &self.params
    }

    /// The graph of the training reading.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.train.graph
    }

    fn bindings(&self, params: &Params) -> Result<Bindings<f64>, Error> {
        let mut at = Bindings::new();
        for (path, value) in params.iter() {
            if self.params.get(path).is_none() {
                let candidates = self.params.paths().map(str::to_string).collect();
                return Err(Error::Unknown { name: format!("parameter {path}"), candidates });
            }
            at.bind(path, Value::Real(value.clone()));
        }
        Ok(at)
    }

    /// One example through the training reading.
    ///
    /// # Errors
    /// A parameter without a value or with another shape, all at once; a label out of range, the range named.
    #[track_caller]
    pub fn train(
        &self,
        params: &Params,
        x: impl Into<Value<f64>>,
        y: impl Into<Value<f64>>,
    ) -> Result<Trace, Diagnostics> {
        let mut at = self.bindings(params)?;
        at.bind("x", x.into());
        at.bind("y", y.into());
        let training = self.train.clone();
        // The inputs are outputs too, so that their shapes determine all sizes.
        let parts = training.gradients.iter();
        let outputs: Vec<NodeId> = std::iter::once(training.loss)
            .chain(parts.clone().map(|p| p.2))
            .chain(parts.map(|p| p.1))
            .collect();
        let values = training.graph.evaluate(&outputs, &at)?;
        let mut reals = values.iter().filter_map(Value::real);
        let loss = reals.next().map_or(f64::NAN, |l| l.data()[0]);
        let gradients = training.gradients.iter().zip(reals);
        let gradients =
            gradients.fold(Params::new(), |all, ((path, ..), value)| all.with(path, value.clone()));
        Ok(Trace { training, at, loss, gradients })
    }

    /// The decision for one input; nothing is kept and nothing can be differentiated.
    ///
    /// # Errors
    /// As [`Model::train`].
    #[track_caller]
    pub fn infer(&self, params: &Params, x: impl Into<Value<f64>>) -> Result<Value<f64>, Diagnostics> {
        let mut at = self.bindings(params)?;
        at.bind("x", x.into());
        let (graph, output) = &self.infer;
        Ok(graph.evaluate(&[*output], &at)?.remove(0))
    }
}

/// One example in training: its loss, and everything that can be asked of derivatives there.
#[derive(Clone)]
pub struct Trace {
    training: Training,
    at: Bindings<f64>,
    loss: f64,
    gradients: Params,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace(loss {}, {:?})", self.loss, self.gradients)
    }
}

impl Trace {
    /// The loss.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Gradients of the loss by all parameters, each of its parameter's shape.
    pub fn gradients(&self) -> &Params {
        &self.gradients
    }

    /// The graph, with names for what was named.
    pub fn graph(&self) -> &Graph {
        &self.training.graph
    }

    /// Inputs and parameters.
    pub fn bindings(&self) -> &Bindings<f64> {
        &self.at
    }

    /// The node of a name: an intermediate, an input or a parameter.
    ///
    /// # Errors
    /// [`Error::Unknown`] with the names that exist.
    #[track_caller]
    pub fn node(&self, name: &str) -> Result<NodeId, Diagnostics> {
        let graph = self.graph();
        let candidates = || graph.names().map(|(n, _)| n.to_string()).collect();
        Ok(graph
            .find(name)
            .ok_or_else(|| Error::Unknown { name: name.to_string(), candidates: candidates() })?)
    }

    /// The value of a name.
    ///
    /// # Errors
    /// As [`Trace::node`].
    #[track_caller]
    pub fn value(&self, name: &str) -> Result<Value<f64>, Diagnostics> {
        Ok(self.graph().evaluate(&[self.node(name)?], &self.at)?.remove(0))
    }

    /// `∂loss/∂name`: of an intermediate, everything after it kept; of an input or a parameter.
    ///
    /// # Errors
    /// As [`Trace::node`]; [`Error::NotDifferentiable`] for labels.
    #[track_caller]
    pub fn gradient(&self, name: &str) -> Result<Tensor<f64>, Diagnostics> {
        let tagged = self.training.tagged;
        self.derived(|g| g.derivative(tagged, name, &[]))
    }

    /// The Jacobian of a named step by one of its operands, everything else held fixed: `v`, `x`, `b` of an affine
    /// layer are operands 0, 1, 2.
    ///
    /// # Errors
    /// As [`Trace::node`]; [`Error::Arity`] for an operand that it does not have.
    #[track_caller]
    pub fn local_jacobian(&self, name: &str, operand: usize) -> Result<Tensor<f64>, Diagnostics> {
        let node = self.node(name)?;
        self.derived(|g| g.local_jacobian(node, operand))
    }

    /// As [`Trace::local_jacobian`], but multiplied out with dense identities, signs of zero included.
    ///
    /// # Errors
    /// As [`Trace::local_jacobian`].
    #[track_caller]
    pub fn materialised_jacobian(&self, name: &str, operand: usize) -> Result<Tensor<f64>, Diagnostics> {
        let node = self.node(name)?;
        let mut g = self.graph().clone();
        let entry = g.local_entry(node, operand)?;
        let x = g.arg(node, operand);
        let extents: Vec<_> = g.shape(node).iter().chain(g.shape(x)).cloned().collect();
        Ok(g.evaluate_entry(&entry, &extents, &self.at, &[self.training.loss])?)
    }

    /// The value of something derived in a copy of the graph.
    #[track_caller]
    fn derived(
        &self,
        derive: impl FnOnce(&mut Graph) -> chainrule_core::Result<NodeId>,
    ) -> Result<Tensor<f64>, Diagnostics> {
        let mut g = self.graph().clone();
        let node = derive(&mut g)?;
        // The loss determines sizes that a derivative alone may not.
        let value = g.evaluate(&[node, self.training.loss], &self.at)?.remove(0);
        match value {
            Value::Real(tensor) => Ok(tensor),
            _ => unreachable!("invariant: derivatives are real"),
        }
    }
}
