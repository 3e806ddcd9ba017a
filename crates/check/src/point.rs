//! Points: exact values for all inputs of a question, from readable to random.

use chainrule_core::dice::Dice;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Facts;
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::scalar::Scalar;
use chainrule_core::shape::{DType, Dim, Sizes, Type};
use chainrule_core::tensor::{Tensor, Value};
use indexmap::IndexSet;
use std::sync::Arc;

/// An input of the formulas.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: Arc<str>,
    pub(crate) ty: Type,
    pub(crate) facts: Facts,
}

/// All inputs and sizes of a question.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    pub(crate) variables: Vec<Variable>,
    pub(crate) sizes: Vec<Arc<str>>,
}

/// Exact entries of one input.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Data {
    Real(Tensor<Rational>),
    Int(Tensor<i64>),
    Bool(Tensor<bool>),
}

/// Values of sizes and inputs.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Point {
    pub(crate) sizes: Sizes,
    pub(crate) values: Vec<(Arc<str>, Data)>,
}

/// How the entries of a point are chosen.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Pattern {
    /// The same readable number everywhere.
    Constant(usize),
    /// Readable numbers in turn, beginning somewhere.
    Cycle(usize),
    /// Readable numbers at random.
    Readable,
    /// Eighths in [-3, 3].
    Random,
}

/// Readable numbers, the simplest first.
pub(crate) fn readable() -> [Rational; 6] {
    [0, 1, -1, 2, -2, 3].map(Rational::from)
}

/// The least of the larger sizes of an assignment.
const LARGER: [i64; 4] = [5, 7, 10, 13];

fn half() -> Rational {
    Rational::new(1, 2)
}

impl Space {
    /// The inputs that nodes depend on, and the sizes in their types.
    pub(crate) fn new(g: &Graph, nodes: &[NodeId]) -> Space {
        let mut sizes: IndexSet<Arc<str>> = IndexSet::new();
        let mut variables: Vec<Variable> = Vec::new();
        for node in g.reachable(nodes) {
            g.shape(node).iter().for_each(|d| sizes.extend(d.names()));
            let Some(input) = g.as_input(node) else { continue };
            if let Some(below) = &input.ty.below {
                sizes.extend(below.names());
            }
            if !variables.iter().any(|v| v.name == input.name) {
                variables.push(Variable {
                    name: input.name.clone(),
                    ty: input.ty.clone(),
                    facts: input.facts,
                });
            }
        }
        let mut sizes: Vec<Arc<str>> = sizes.into_iter().collect();
        sizes.sort();
        Space { variables, sizes }
    }

    /// Assignments of sizes, the smallest first.
    pub(crate) fn assignments(&self) -> Vec<Sizes> {
        let k = self.sizes.len();
        let mut found: Vec<Vec<i64>> = vec![vec![1; k]];
        for lift in 0..k.min(4) {
            found.push((0..k).map(|j| if j == lift { 2 } else { 1 }).collect());
        }
        found.push(vec![2; k]);
        found.push((0..k as i64).map(|j| 2 + j % 2).collect());
        found.push((0..k as i64).map(|j| 3 - j % 2).collect());
        found.push(vec![3; k]);
        found.push((0..k as i64).map(|j| 1 + (j + 1) % 3).collect());
        found.push((0..k as i64).map(|j| 2 + (j * 2 + 1) % 3).collect());
        found.push(vec![4; k]);
        let mut unique: Vec<Vec<i64>> = Vec::new();
        for a in found {
            if !unique.contains(&a) {
                unique.push(a);
            }
        }
        unique.into_iter().map(|a| self.sizes.iter().cloned().zip(a).collect()).collect()
    }

    /// Assignments of larger sizes, all different: formulas that agree at small sizes only are found out here.
    pub(crate) fn larger(&self) -> Vec<Sizes> {
        let from = |least: i64| self.sizes.iter().cloned().zip(least..).collect();
        if self.sizes.is_empty() { Vec::new() } else { LARGER.map(from).to_vec() }
    }

    /// An assignment of random sizes, at least 5, and less than `5 + spread`.
    pub(crate) fn random_sizes(&self, spread: usize, dice: &mut Dice) -> Sizes {
        self.sizes.iter().map(|name| (name.clone(), LARGER[0] + dice.below(spread) as i64)).collect()
    }

    /// A point over given sizes; `None` where an extent is negative or too large.
    pub(crate) fn point(
        &self,
        sizes: &Sizes,
        pattern: Pattern,
        dice: &mut Dice,
        limit: usize,
    ) -> Option<Point> {
        let mut point = Point { sizes: sizes.clone(), values: Vec::new() };
        let pool = readable();
        let mut turn = match pattern {
            Pattern::Cycle(start) => start,
            _ => 0,
        };
        for v in &self.variables {
            let shape = extents(&v.ty.shape, sizes)?;
            let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= limit)?;
            let data = match v.ty.dtype {
                DType::Bool => {
                    let entries = (0..count).map(|_| dice.below(2) == 0).collect();
                    Data::Bool(Tensor::new(&shape, entries)?)
                }
                DType::Int => {
                    let below = match &v.ty.below {
                        Some(d) => d.evaluate(sizes).ok()?,
                        None => 3,
                    };
                    if below <= 0 && count > 0 {
                        return None;
                    }
                    let mut entry = |k: usize| match pattern {
                        Pattern::Constant(_) => 0,
                        Pattern::Cycle(start) => (k + start) as i64 % below,
                        _ => dice.below(below as usize) as i64,
                    };
                    Data::Int(Tensor::new(&shape, (0..count).map(&mut entry).collect())?)
                }
                DType::Real => {
                    let mut entry = || {
                        turn += 1;
                        let x = match pattern {
                            Pattern::Constant(k) => pool[k % pool.len()].clone(),
                            Pattern::Cycle(_) => pool[turn % pool.len()].clone(),
                            Pattern::Readable => match dice.below(8) {
                                6 => half(),
                                7 => -&half(),
                                k => pool[k].clone(),
                            },
                            Pattern::Random => Rational::new(dice.below(49) as i64 - 24, 8),
                        };
                        match v.facts.positive {
                            true if x.is_zero() => Rational::from(1),
                            true => x.abs(),
                            false => x,
                        }
                    };
                    let mut entries: Vec<Rational> = (0..count).map(|_| entry()).collect();
                    if v.facts.symmetric && shape.len() == 2 && shape[0] == shape[1] {
                        let n = shape[0];
                        for i in 0..n {
                            for j in 0..i {
                                entries[i * n + j] = entries[j * n + i].clone();
                            }
                        }
                    }
                    if v.facts.one_hot {
                        let hot = dice.below(count);
                        entries = (0..count).map(|k| Rational::from(i64::from(k == hot))).collect();
                    }
                    Data::Real(Tensor::new(&shape, entries)?)
                }
            };
            point.values.push((v.name.clone(), data));
        }
        Some(point)
    }

    /// Whether an entry of this input may be changed alone.
    pub(crate) fn is_free(&self, name: &str) -> bool {
        self.variables
            .iter()
            .any(|v| *v.name == *name && !v.facts.symmetric && !v.facts.one_hot && v.ty.dtype == DType::Real)
    }

    pub(crate) fn must_be_positive(&self, name: &str) -> bool {
        self.variables.iter().any(|v| *v.name == *name && v.facts.positive)
    }

    /// A case of the file as an exact point; `None` when an input is missing or not finite.
    pub(crate) fn case(&self, bindings: &Bindings<f64>) -> Option<Point> {
        let mut point = Point { sizes: bindings.sizes().clone(), values: Vec::new() };
        for v in &self.variables {
            let data = match bindings.get(&v.name)? {
                Value::Real(t) => {
                    let entries: Option<Vec<Rational>> =
                        t.data().iter().map(|x| Rational::from_f64(*x).filter(|_| x.is_finite())).collect();
                    Data::Real(Tensor::new(t.shape(), entries?)?)
                }
                Value::Int(t) => Data::Int(t.clone()),
                Value::Bool(t) => Data::Bool(t.clone()),
            };
            let shape = match &data {
                Data::Real(t) => t.shape(),
                Data::Int(t) => t.shape(),
                Data::Bool(t) => t.shape(),
            };
            for (dim, &n) in v.ty.shape.iter().zip(shape) {
                if let Some(name) = dim.as_name() {
                    point.sizes.insert(name.clone(), n as i64);
                }
            }
            point.values.push((v.name.clone(), data));
        }
        Some(point)
    }
}

/// Extents as numbers; `None` for a negative or unknown one.
pub(crate) fn extents(shape: &[Dim], sizes: &Sizes) -> Option<Vec<usize>> {
    shape.iter().map(|d| d.evaluate(sizes).ok().and_then(|n| usize::try_from(n).ok())).collect()
}

impl Point {
    /// The point for an evaluation with scalar `S`.
    pub(crate) fn bindings<S: Scalar>(&self) -> Bindings<S> {
        let mut bindings = Bindings::new();
        for (name, n) in &self.sizes {
            bindings = bindings.with_size(name, *n);
        }
        for (name, data) in &self.values {
            let value = match data {
                Data::Real(t) => Value::Real(t.map(S::from_rational)),
                Data::Int(t) => Value::Int(t.clone()),
                Data::Bool(t) => Value::Bool(t.clone()),
            };
            bindings.bind(name, value);
        }
        bindings
    }

    /// Values as floats, for reports.
    pub(crate) fn shown(&self) -> Vec<(String, Value<f64>)> {
        let show = |data: &Data| match data {
            Data::Real(t) => Value::Real(t.map(Rational::to_f64)),
            Data::Int(t) => Value::Int(t.clone()),
            Data::Bool(t) => Value::Bool(t.clone()),
        };
        self.values.iter().map(|(name, data)| (name.to_string(), show(data))).collect()
    }
}
