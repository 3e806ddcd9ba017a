//! The homework that the engine grew from: three networks, and the snapshot of each.
//!
//! `x → p = V1 x + b1 → q = relu(p) → z = V2 q + b2 → lambda` (homework, problem 1.4). The snapshot lists the forward
//! values, six local Jacobians and seven gradients in the homework's order. Nothing here knows a derivative: in the
//! canonical way each is derived, and the homework's way multiplies the same entries out in tape order.

use crate::layer::Layer;
use crate::{Mlp, Model, Params, Trace, affine, argmax, hinge, identity, quadratic, relu, seq};
use chainrule_core::eval::materialised::pull_back;
use chainrule_core::expr::{Diagnostics, Expr};
use chainrule_core::shape::{DType, Dim, Shape, Type};
use chainrule_core::tensor::{Tensor, Value};

/// Which loss a network has, and with it which decision.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Loss {
    /// `½ Σ (z − y)²`, decided by the output itself.
    Quadratic,
    /// `log Σ exp(z) − z_y`, decided by the greatest score.
    Hinge,
}

/// One of the networks: its definition's shapes are those of its numbers.
#[derive(Clone, Debug)]
pub struct Network {
    /// 0, 1 or 2.
    pub number: usize,
    /// `1/v`, `1/b`, `2/v`, `2/b`.
    pub params: Params,
    /// Input.
    pub x: Tensor<f64>,
    /// Target, or label.
    pub y: Value<f64>,
    /// Loss.
    pub loss: Loss,
}

/// What becomes of the sign of zero.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Zeros {
    /// Structured evaluation of derived expressions; zero is 0.
    #[default]
    Canonical,
    /// Entries multiplied out with dense identities in tape order, as the homework's program does; `-0` is kept.
    Homework,
}

/// Names and values in a fixed order.
pub type Section = Vec<(String, Value<f64>)>;

/// Everything that the homework prints of a network, and what it asks for and does not print.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// `x p q z lambda`
    pub forward: Section,
    /// `jv2 jb2 jq jp jv1 jb1`
    pub jacobians: Section,
    /// `gz gv2 gb2 gq gp gv1 gb1`
    pub gradients: Section,
    /// `jx gx y_hat`
    pub extra: Section,
}

fn tensor<const N: usize>(shape: [usize; N], entries: &[f64]) -> Tensor<f64> {
    Tensor::new(&shape, entries.to_vec()).expect("invariant: as many numbers as the shape says")
}

/// The three networks, in order.
pub fn networks() -> [Network; 3] {
    [network_0(), network_1(), network_2()]
}

fn network_0() -> Network {
    let params = Params::new()
        .with("1/v", tensor([3, 2], &[2.0, -1.0, 0.0, 3.0, 2.0, 1.0]))
        .with("1/b", tensor([3], &[2.0, -1.0, 3.0]))
        .with("2/v", tensor([2, 3], &[2.0, 1.0, -3.0, 3.0, -1.0, 2.0]))
        .with("2/b", tensor([2], &[4.0, 2.0]));
    let (x, y) = (tensor([2], &[-1.0, 2.0]), tensor([2], &[-4.0, 1.0]).into());
    Network { number: 0, params, x, y, loss: Loss::Quadratic }
}

/// The network with a number as output: `V2` is a vector and `b2` a number, and so are their gradients.
fn network_1() -> Network {
    let params = Params::new()
        .with("1/v", tensor([2, 3], &[2.0, -1.0, 0.0, 0.0, 1.0, 3.0]))
        .with("1/b", tensor([2], &[2.0, -1.0]))
        .with("2/v", tensor([2], &[2.0, -3.0]))
        .with("2/b", tensor([], &[4.0]));
    let (x, y) = (tensor([3], &[-1.0, 2.0, 0.0]), tensor([], &[3.0]).into());
    Network { number: 1, params, x, y, loss: Loss::Quadratic }
}

fn network_2() -> Network {
    let params = Params::new()
        .with("1/v", tensor([2, 2], &[1.0, 2.0, 1.0, 0.0]))
        .with("1/b", tensor([2], &[-5.0, 2.0]))
        .with("2/v", tensor([3, 2], &[2.0, -3.0, 1.0, 0.0, -1.0, -1.0]))
        .with("2/b", tensor([3], &[1.0, 3.0, -2.0]));
    let (x, y) = (tensor([2], &[-1.0, 2.0]), Value::Int(Tensor::scalar(2)));
    Network { number: 2, params, x, y, loss: Loss::Hinge }
}

fn extents(value: &[usize]) -> Shape {
    value.iter().map(|&n| Dim::from(n)).collect()
}

impl Network {
    /// Shape of a parameter.
    fn shape(&self, path: &str) -> Shape {
        self.params.get(path).map_or(Shape::new(), |v| extents(v.shape()))
    }

    /// The definition, with its intermediates named as in the homework.
    ///
    /// # Errors
    /// None for the networks of [`networks`]; what does not fit, for changed ones.
    pub fn model(&self) -> Result<Model, Diagnostics> {
        let (hidden, out) = (self.shape("1/b"), self.shape("2/b"));
        let net = seq((
            affine(hidden).named("1").yields("p"),
            relu.yields("q"),
            affine(&out).named("2").yields("z"),
        ));
        let x = Type::real(extents(self.x.shape()));
        let y = match self.y.dtype() {
            DType::Int => Type::index(out.first().cloned().unwrap_or(Dim::ZERO), extents(self.y.shape())),
            _ => Type::real(extents(self.y.shape())),
        };
        match self.loss {
            Loss::Quadratic => {
                Mlp::new(net, |z: &Expr, y: &Expr| quadratic(z, y).named("lambda"), identity).build(x, y)
            }
            Loss::Hinge => {
                Mlp::new(net, |z: &Expr, y: &Expr| hinge(z, y).named("lambda"), argmax).build(x, y)
            }
        }
    }

    /// Training on the network's own example.
    ///
    /// # Errors
    /// None for the networks of [`networks`]; a label out of range, for changed ones.
    pub fn trace(&self) -> Result<Trace, Diagnostics> {
        self.model()?.train(&self.params, self.x.clone(), self.y.clone())
    }

    /// The snapshot, in the natural shapes: a gradient has the shape of its parameter.
    ///
    /// # Errors
    /// As [`Network::trace`].
    ///
    /// ```
    /// use chainrule_nn::homework::{Zeros, networks};
    /// let snapshot = networks()[1].snapshot(Zeros::Homework)?;
    /// let (key, gv2) = &snapshot.gradients[1];
    /// assert_eq!((key.as_str(), gv2.shape()), ("gv2", &[2][..]));
    /// assert_eq!(snapshot.as_printed().gradients[1].1.shape(), [1, 1, 2]);
    /// # Ok::<(), chainrule_core::Diagnostics>(())
    /// ```
    pub fn snapshot(&self, zeros: Zeros) -> Result<Snapshot, Diagnostics> {
        let model = self.model()?;
        let trace = model.train(&self.params, self.x.clone(), self.y.clone())?;
        let y_hat = model.infer(&self.params, self.x.clone())?;
        let forward = named(["x", "p", "q", "z", "lambda"], |key| trace.value(key))?;
        let (jacobians, jx) = jacobians(&trace, zeros)?;
        let (gradients, gx) = match zeros {
            Zeros::Canonical => derived_gradients(&trace)?,
            Zeros::Homework => multiplied_gradients(&trace, &jacobians, &jx)?,
        };
        let section =
            |all: Tensors| all.into_iter().map(|(k, t)| (k.to_string(), finish(t, zeros))).collect();
        let mut extra: Section = section(vec![("jx", jx), ("gx", gx)]);
        extra.push(("y_hat".to_string(), y_hat));
        Ok(Snapshot { forward, jacobians: section(jacobians), gradients: section(gradients), extra })
    }
}

type Tensors = Vec<(&'static str, Tensor<f64>)>;

fn named<const N: usize>(
    keys: [&str; N],
    value: impl Fn(&str) -> Result<Value<f64>, Diagnostics>,
) -> Result<Section, Diagnostics> {
    keys.into_iter().map(|key| Ok((key.to_string(), value(key)?))).collect()
}

/// In the canonical view zero is 0.
fn finish(tensor: Tensor<f64>, zeros: Zeros) -> Value<f64> {
    match zeros {
        Zeros::Canonical => tensor.map(|v| v + 0.0).into(),
        Zeros::Homework => tensor.into(),
    }
}

/// The six local Jacobians in the homework's order, and that of `p` by `x`.
fn jacobians(trace: &Trace, zeros: Zeros) -> Result<(Tensors, Tensor<f64>), Diagnostics> {
    let local = |step: &str, operand: usize| match zeros {
        Zeros::Canonical => trace.local_jacobian(step, operand),
        Zeros::Homework => trace.materialised_jacobian(step, operand),
    };
    let steps =
        [("jv2", "z", 0), ("jb2", "z", 2), ("jq", "z", 1), ("jp", "q", 0), ("jv1", "p", 0), ("jb1", "p", 2)];
    let all = steps.into_iter().map(|(key, step, operand)| Ok((key, local(step, operand)?)));
    Ok((all.collect::<Result<_, Diagnostics>>()?, local("p", 1)?))
}

/// Each gradient derived on its own, by name.
fn derived_gradients(trace: &Trace) -> Result<(Tensors, Tensor<f64>), Diagnostics> {
    let names = [
        ("gz", "z"),
        ("gv2", "2/v"),
        ("gb2", "2/b"),
        ("gq", "q"),
        ("gp", "p"),
        ("gv1", "1/v"),
        ("gb1", "1/b"),
    ];
    let all = names.into_iter().map(|(key, name)| Ok((key, trace.gradient(name)?)));
    Ok((all.collect::<Result<_, Diagnostics>>()?, trace.gradient("x")?))
}

/// The chain of problem 1.4, multiplied out in tape order.
fn multiplied_gradients(
    trace: &Trace,
    jacobians: &Tensors,
    jx: &Tensor<f64>,
) -> Result<(Tensors, Tensor<f64>), Diagnostics> {
    let [(_, jv2), (_, jb2), (_, jq), (_, jp), (_, jv1), (_, jb1)] = &jacobians[..] else {
        unreachable!("invariant: six local Jacobians")
    };
    let gz = trace.materialised_jacobian("lambda", 0)?;
    let (gv2, gb2, gq) = (pull_back(&gz, jv2), pull_back(&gz, jb2), pull_back(&gz, jq));
    let gp = pull_back(&gq, jp);
    let (gv1, gb1, gx) = (pull_back(&gp, jv1), pull_back(&gp, jb1), pull_back(&gp, jx));
    let keys = ["gz", "gv2", "gb2", "gq", "gp", "gv1", "gb1"];
    Ok((keys.into_iter().zip([gz, gv2, gb2, gq, gp, gv1, gb1]).collect(), gx))
}

impl Snapshot {
    /// The homework's view: where the output is a number, its program prints it as a vector of length 1 in `jv2`,
    /// `jb2`, `gv2` and `gb2`, and only there.
    pub fn as_printed(mut self) -> Snapshot {
        let is_number = self.forward.iter().any(|(key, z)| key == "z" && z.shape().is_empty());
        if is_number {
            for (key, value) in self.jacobians.iter_mut().chain(&mut self.gradients) {
                if ["jv2", "jb2", "gv2", "gb2"].contains(&key.as_str()) {
                    *value = promoted(value);
                }
            }
        }
        self
    }
}

/// Axes of the promoted output and of the promoted parameter before the parameter's own: `(1, 1, …)`.
fn promoted(value: &Value<f64>) -> Value<f64> {
    let shape = [&[1, 1], value.shape()].concat();
    let data = value.real().map_or(Vec::new(), |t| t.data().to_vec());
    Value::Real(Tensor::new(&shape, data).expect("invariant: axes of extent 1 add no entries"))
}
