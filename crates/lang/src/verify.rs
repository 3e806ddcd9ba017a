//! Every derivative that is shown was compared, in the same call, with dual numbers pushed through the function.
//!
//! A dual number carries a value and its change in one direction; evaluating the *function* with them gives `J u`
//! without any derivative rule of tensors. The derived Jacobian is evaluated with plain numbers and contracted with the
//! same `u`. Both must agree at several random points of small sizes.

use chainrule_core::dice::Dice;
use chainrule_core::error::Result;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Op;
use chainrule_core::node::NodeId;
use chainrule_core::scalar::{Dual, Scalar};
use chainrule_core::shape::{DType, Sizes};
use chainrule_core::tensor::{Tensor, Value};
use std::sync::Arc;

/// One derivative that was taken: `jacobian = ∂function/∂by`, with cuts as inputs.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Taken {
    /// What was differentiated.
    pub function: NodeId,
    /// An input.
    pub by: NodeId,
    /// The answer.
    pub jacobian: NodeId,
}

/// How far the comparison went.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub struct Verified {
    /// Points at which both sides were finite and compared.
    pub points: usize,
    /// Largest difference, relative to the largest entry.
    pub worst: f64,
}

/// Relative difference up to which rounding is the cause; a wrong formula is off by far more at some point.
pub const TOLERANCE: f64 = 1e-9;

/// Points wanted, and tried for: outside of a domain both sides are NaN, and the point tells nothing.
const WANTED: usize = 3;
const TRIED: u64 = 12;

/// Compares derivatives with dual numbers at random points.
///
/// # Errors
/// What an evaluation refuses at every point that was tried.
pub fn verify(graph: &mut Graph, taken: &[Taken]) -> Result<Verified> {
    let mut all = Verified { points: WANTED, worst: 0.0 };
    for one in taken {
        let nodes = graph.lower(&[one.function, one.jacobian], &[])?.outputs;
        let one = Taken { function: nodes[0], jacobian: nodes[1], ..*one };
        let found = verify_one(graph, one)?;
        all.points = all.points.min(found.points);
        all.worst = all.worst.max(found.worst);
    }
    Ok(all)
}

fn verify_one(graph: &Graph, taken: Taken) -> Result<Verified> {
    let mut verified = Verified::default();
    let mut last = None;
    for trial in 0..TRIED {
        if verified.points == WANTED {
            break;
        }
        let point = Point::random(graph, &[taken.function, taken.jacobian], taken.by, trial)?;
        match point.difference(graph, taken) {
            Ok(Some(difference)) => {
                verified.points += 1;
                verified.worst = verified.worst.max(difference);
            }
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if verified.points == 0 => Err(error),
        _ => Ok(verified),
    }
}

/// Numbers for every input that the outputs need, at small sizes: the same in every run.
///
/// # Errors
/// A size that no name determines.
pub fn sample(graph: &Graph, outputs: &[NodeId], trial: u64) -> Result<Bindings<f64>> {
    let Some(&first) = outputs.first() else { return Ok(Bindings::new()) };
    let point = Point::random(graph, outputs, first, trial)?;
    let mut bindings = Bindings::new();
    for (node, value) in point.values {
        let name = &graph.as_input(node).expect("invariant: chosen from the inputs").name;
        bindings.bind(name, value);
    }
    for (name, size) in &point.sizes {
        bindings = bindings.with_size(name, *size);
    }
    Ok(bindings)
}

/// Numbers for every input that a derivative needs, and a direction.
struct Point {
    values: Vec<(NodeId, Value<f64>)>,
    sizes: Sizes,
    direction: Tensor<f64>,
}

impl Point {
    fn random(graph: &Graph, outputs: &[NodeId], by: NodeId, trial: u64) -> Result<Point> {
        let mut rng =
            Dice::with_state(0x9e37_79b9_7f4a_7c15 ^ (trial + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut nodes = graph.reachable(outputs);
        if !nodes.contains(&by) {
            nodes.push(by);
        }
        nodes.sort();
        let mut sizes = Sizes::new();
        for &node in &nodes {
            let ty = graph.ty(node);
            let own = if let Op::Size(dim) = graph.op(node) { Some(dim) } else { None };
            for name in ty.shape.iter().chain(&ty.below).chain(own).flat_map(|d| d.names()) {
                let count = sizes.len() as i64;
                sizes.entry(name).or_insert(2 + (count + trial as i64) % 3);
            }
        }
        let mut values = Vec::new();
        for &node in &nodes {
            let Some(input) = graph.as_input(node) else { continue };
            let unknown =
                |name: Arc<str>| chainrule_core::error::Error::UnknownSize { name: name.to_string() };
            let shape = input
                .ty
                .shape
                .iter()
                .map(|d| d.evaluate(&sizes).map(|n| usize::try_from(n).unwrap_or(0)).map_err(unknown))
                .collect::<Result<Vec<usize>>>()?;
            let count: usize = shape.iter().product();
            let value = match input.ty.dtype {
                DType::Real => {
                    let mut entries = real_entries(&shape, &mut rng, trial);
                    if input.facts.positive {
                        entries.iter_mut().for_each(|x| *x = x.abs() + 0.01);
                    }
                    if let (true, &[n, _]) = (input.facts.symmetric, &shape[..]) {
                        (0..n * n)
                            .for_each(|k| entries[k] = entries[(k % n).max(k / n) * n + (k % n).min(k / n)]);
                    }
                    Value::Real(tensor(&shape, entries))
                }
                DType::Bool => {
                    Value::Bool(tensor(&shape, (0..count).map(|_| rng.bits().is_multiple_of(2)).collect()))
                }
                DType::Int => {
                    let below = match &input.ty.below {
                        Some(below) => below.evaluate(&sizes).map_err(unknown)?.max(1),
                        None => 3,
                    };
                    Value::Int(tensor(
                        &shape,
                        (0..count).map(|_| (rng.bits() % below as u64) as i64).collect(),
                    ))
                }
            };
            values.push((node, value));
        }
        let by = values.iter().find(|(n, _)| *n == by).map(|(_, v)| v.shape().to_vec()).unwrap_or_default();
        let count = by.iter().product();
        let direction = tensor(&by, (0..count).map(|_| rng.between(-1.0, 1.0)).collect());
        Ok(Point { values, sizes, direction })
    }

    /// Relative difference of `J u` by dual numbers and by the derived Jacobian; `None` where it is not finite.
    fn difference(&self, graph: &Graph, taken: Taken) -> Result<Option<f64>> {
        let mut plain = Bindings::<f64>::new();
        let mut dual = Bindings::<Dual<f64>>::new();
        for (node, value) in &self.values {
            let name = &graph.as_input(*node).expect("invariant: chosen from the inputs").name;
            plain.bind(name, value.clone());
            dual.bind(
                name,
                match value {
                    Value::Real(t) if *node == taken.by => {
                        let data = t.data().iter().zip(self.direction.data());
                        Value::Real(tensor(t.shape(), data.map(|(&x, &u)| Dual::new(x, u)).collect()))
                    }
                    Value::Real(t) => Value::Real(t.map(|&x| Dual::constant(x))),
                    Value::Int(t) => Value::Int(t.clone()),
                    Value::Bool(t) => Value::Bool(t.clone()),
                },
            );
        }
        for (name, size) in &self.sizes {
            plain = plain.with_size(name, *size);
            dual = dual.with_size(name, *size);
        }
        let pushed = graph.evaluate(&[taken.function], &dual)?;
        let jacobian = graph.evaluate(&[taken.jacobian], &plain)?;
        let (Value::Real(pushed), Value::Real(jacobian)) = (&pushed[0], &jacobian[0]) else {
            return Ok(None);
        };
        let width = self.direction.data().len();
        let (mut worst, mut scale) = (0.0f64, 1e-300f64);
        for (row, dual) in pushed.data().iter().enumerate() {
            let entries = &jacobian.data()[row * width..(row + 1) * width];
            let terms = entries.iter().zip(self.direction.data()).map(|(j, u)| j * u);
            let (sum, size) = terms.fold((0.0, 0.0f64), |(s, m), t| (s + t, m.max(t.abs())));
            let expected = tangent(dual);
            if !sum.is_finite() || !expected.is_finite() {
                return Ok(None);
            }
            worst = worst.max((sum - expected).abs());
            scale = scale.max(expected.abs()).max(size).max(value(dual).abs());
        }
        Ok(Some(worst / scale))
    }
}

fn tangent(x: &Dual<f64>) -> f64 {
    x.tangent.to_f64()
}

fn value(x: &Dual<f64>) -> f64 {
    x.value.to_f64()
}

/// Entries near 1, around 0, or matrices near the identity, so that most domains are met by some trial.
fn real_entries(shape: &[usize], rng: &mut Dice, trial: u64) -> Vec<f64> {
    let count: usize = shape.iter().product();
    let square = shape.len() >= 2 && shape[shape.len() - 1] == shape[shape.len() - 2];
    let n = shape.last().copied().unwrap_or(1);
    (0..count)
        .map(|k| match trial % 3 {
            _ if square && trial.is_multiple_of(2) => {
                let diagonal = (k / n) % n == k % n;
                rng.between(-0.3, 0.3) + if diagonal { 1.5 } else { 0.0 }
            }
            0 => rng.between(0.4, 1.6),
            1 => rng.between(-1.0, 1.0),
            _ => rng.between(0.05, 0.95),
        })
        .collect()
}

fn tensor<T>(shape: &[usize], data: Vec<T>) -> Tensor<T> {
    Tensor::new(shape, data).expect("invariant: as many entries as the shape says")
}
