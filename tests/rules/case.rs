//! A case: a small program whose last step is the primitive under test, and points at which it is tried.

use crate::oracle::{Number, Oracle};
use chainrule_core::error::Result;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::scalar::Scalar;
use chainrule_core::shape::{DType, Dim, Type};
use chainrule_core::tensor::{Tensor, Value};
use num_dual::{Dual64, HyperDual64};
use std::collections::BTreeMap;

/// Values of all inputs and sizes at one point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Point {
    pub(crate) values: BTreeMap<String, Value<f64>>,
    pub(crate) sizes: BTreeMap<String, i64>,
    /// At kinks and edges of a map: for each operand and entry the partial, where a convention or limit decides it.
    pub(crate) stated: Option<Vec<Vec<Option<f64>>>>,
}

impl Point {
    /// The real value of an input.
    pub(crate) fn real(&self, name: &str) -> &Tensor<f64> {
        self.values[name].real().expect("a real input")
    }

    /// Bindings with every real entry turned into a scalar; `seed` sees input, position and entry.
    pub(crate) fn bind<S: Scalar>(&self, seed: impl Fn(&str, usize, f64) -> S) -> Bindings<S> {
        let mut bindings = Bindings::new();
        for (name, value) in &self.values {
            let value = match value {
                Value::Real(t) => {
                    let data = t.data().iter().enumerate().map(|(k, &x)| seed(name, k, x)).collect();
                    Value::Real(Tensor::new(t.shape(), data).expect("the same shape"))
                }
                Value::Int(t) => Value::Int(t.clone()),
                Value::Bool(t) => Value::Bool(t.clone()),
            };
            bindings.bind(name, value);
        }
        self.sizes.iter().fold(bindings, |b, (name, &n)| b.with_size(name, n))
    }

    /// Bindings with plain numbers.
    pub(crate) fn plain<S: Scalar>(&self) -> Bindings<S> {
        self.bind(|_, _, x| S::from_f64(x))
    }
}

/// One program, its inputs and its points.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) rule: &'static str,
    pub(crate) name: String,
    pub(crate) graph: Graph,
    pub(crate) y: NodeId,
    /// The real inputs that `y` may be differentiated by.
    pub(crate) xs: Vec<NodeId>,
    pub(crate) points: Vec<Point>,
    /// The derivative is zero by request.
    pub(crate) stopped: bool,
}

impl Case {
    pub(crate) fn input_name(&self, x: NodeId) -> String {
        self.graph.as_input(x).expect("an input").name.to_string()
    }

    /// Operands of `y` that are real inputs, with their positions; empty for programs of several steps.
    pub(crate) fn operands(&self) -> Vec<(usize, NodeId)> {
        let args = self.graph.args(self.y);
        let real = |n: &NodeId| self.graph.ty(*n).dtype == DType::Real;
        if args.iter().any(|&a| real(&a) && self.graph.as_input(a).is_none()) {
            return Vec::new();
        }
        args.into_iter().enumerate().filter(|(_, a)| real(a)).collect()
    }

    /// Adds the inputs `cotangent` (of the shape of `y`) and `tangent_…` (of each input), bound at every point.
    pub(crate) fn with_directions(mut self) -> Result<Case> {
        let ty = Type::real(self.graph.shape(self.y).to_vec());
        self.graph.input("cotangent", ty)?;
        for x in self.xs.clone() {
            let (name, shape) = (self.input_name(x), self.graph.shape(x).to_vec());
            self.graph.input(&format!("tangent_{name}"), Type::real(shape))?;
        }
        for k in 0..self.points.len() {
            let value = self.graph.evaluate::<f64>(&[self.y], &self.points[k].plain())?;
            let shape = value[0].shape().to_vec();
            self.points[k].values.insert("cotangent".into(), direction(&shape, 3));
            for &x in &self.xs {
                let name = self.input_name(x);
                let shape = self.points[k].real(&name).shape().to_vec();
                self.points[k].values.insert(format!("tangent_{name}"), direction(&shape, 5));
            }
        }
        Ok(self)
    }
}

/// Sixteenths between -1 and 1, none of them zero.
fn direction(shape: &[usize], salt: usize) -> Value<f64> {
    let count: usize = shape.iter().product();
    let entry = |k: usize| ((k * 7 + salt * 11) % 16) as f64 / 8.0 - 15.0 / 16.0;
    Value::Real(Tensor::new(shape, (0..count).map(entry).collect()).expect("one entry for each position"))
}

/// What the oracle says of a case at one point.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) value: Vec<f64>,
    /// For each input: rows are entries of `y`, columns entries of the input.
    pub(crate) jacobians: Vec<Vec<f64>>,
    /// For each pair of inputs: second derivatives of `Σ cotangent · y`; empty at kinks.
    pub(crate) seconds: Vec<Vec<Vec<f64>>>,
}

impl Case {
    /// Runs the oracle at a point.
    pub(crate) fn expected(&self, point: &Point) -> Result<Expected> {
        let value = self.numbers(self.y, point)?;
        let mut jacobians = Vec::new();
        for &x in &self.xs {
            jacobians.push(self.oracle_jacobian(point, &self.input_name(x), value.len())?);
        }
        if let Some(stated) = &point.stated {
            for (jacobian, partials) in jacobians.iter_mut().zip(stated) {
                overrule(jacobian, partials);
            }
            return Ok(Expected { value, jacobians, seconds: Vec::new() });
        }
        let mut seconds = Vec::new();
        for &a in &self.xs {
            let mut row = Vec::new();
            for &b in &self.xs {
                row.push(self.oracle_second(point, &self.input_name(a), &self.input_name(b))?);
            }
            seconds.push(row);
        }
        Ok(Expected { value, jacobians, seconds })
    }

    /// Entries of a real node at a point.
    pub(crate) fn numbers(&self, node: NodeId, point: &Point) -> Result<Vec<f64>> {
        Ok(self.graph.evaluate::<f64>(&[node], &point.plain())?[0]
            .real()
            .expect("a real node")
            .data()
            .to_vec())
    }

    fn oracle<D: Number>(&self, point: &Point, seed: impl Fn(&str, usize, f64) -> D) -> Result<Vec<D>> {
        let at = point.bind(|name, k, x| Oracle(seed(name, k, x)));
        let value = self.graph.evaluate(&[self.y], &at)?;
        Ok(value[0].real().expect("a real node").data().iter().map(|o| o.0).collect())
    }

    fn oracle_jacobian(&self, point: &Point, name: &str, rows: usize) -> Result<Vec<f64>> {
        let columns = point.real(name).data().len();
        let mut jacobian = vec![0.0; rows * columns];
        for column in 0..columns {
            let moves = |n: &str, k: usize| if n == name && k == column && !self.stopped { 1.0 } else { 0.0 };
            let y = self.oracle(point, |n, k, x| Dual64::new(x, moves(n, k)))?;
            for (row, entry) in y.iter().enumerate() {
                jacobian[row * columns + column] = entry.eps;
            }
        }
        Ok(jacobian)
    }

    fn oracle_second(&self, point: &Point, a: &str, b: &str) -> Result<Vec<f64>> {
        let (rows, columns) = (point.real(a).data().len(), point.real(b).data().len());
        let weights = point.real("cotangent").data();
        let mut second = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                let one = |yes: bool| if yes && !self.stopped { 1.0 } else { 0.0 };
                let y = self.oracle(point, |n, k, x| {
                    HyperDual64::new(x, one(n == a && k == row), one(n == b && k == column), 0.0)
                })?;
                second.push(y.iter().zip(weights).map(|(y, w)| y.eps1eps2 * w).sum());
            }
        }
        Ok(second)
    }
}

/// Writes stated partials over their rows of a Jacobian that is otherwise diagonal.
fn overrule(jacobian: &mut [f64], partials: &[Option<f64>]) {
    let n = partials.len();
    for (row, partial) in partials.iter().enumerate() {
        if let Some(partial) = partial {
            jacobian[row * n..(row + 1) * n].fill(0.0);
            jacobian[row * n + row] = *partial;
        }
    }
}

/// Inputs in one line, `A[m,k] t[k]<n p[n]?`: real tensors, labels below an extent, truth values.
pub(crate) fn declare(g: &mut Graph, line: &str) -> Result<Vec<NodeId>> {
    line.split_whitespace()
        .map(|word| {
            let (head, bound) = word.split_once(']').expect("an input has brackets");
            let (name, axes) = head.split_once('[').expect("an input has brackets");
            let shape: Vec<Dim> = axes.split(',').filter(|a| !a.is_empty()).map(dim).collect();
            let ty = match bound.as_bytes().first() {
                Some(b'<') => Type::index(dim(&bound[1..]), shape),
                Some(_) => Type::boolean(shape),
                None => Type::real(shape),
            };
            g.input(name, ty)
        })
        .collect()
}

fn dim(text: &str) -> Dim {
    text.parse::<i64>().map_or_else(|_| Dim::size(text), Dim::fixed)
}

/// Names of sizes in a line of inputs, in order of appearance.
pub(crate) fn size_names(line: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let axes = word.split_once('[').expect("an input has brackets").1;
        for part in
            axes.split(['[', ']', ',', '<', '?']).filter(|p| !p.is_empty() && p.parse::<i64>().is_err())
        {
            if !names.iter().any(|n| n == part) {
                names.push(part.to_string());
            }
        }
    }
    names
}
