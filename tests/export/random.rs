//! Random programs over all kinds of nodes, the same ones in every run.

use crate::case::{Point, declare, size_names};
use chainrule_core::error::Result;
use chainrule_core::graph::op::{Comparison, Linear, Logic, Reduction};
use chainrule_core::ops::map::MAPS;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{DType, Dim, Sizes};
use chainrule_core::tensor::{Tensor, Value};
use chainrule_core::{Graph, NodeId};

const INPUTS: &str = "a[n] b[n] M[m,n] S[n,n] T[m,n,2] c[] t[k]<n q[n]?";

/// Maps that stay finite on bounded arguments.
const MAPS_USED: [&str; 12] =
    ["exp", "sin", "tanh", "sigmoid", "softplus", "relu", "abs", "gelu", "max", "min", "atan2", "asinh"];

/// A linear congruential generator: the test must not depend on a library's stream.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }
}

/// Program `seed`: its graph, its value, and its gradient by the first real input that it depends on.
pub(crate) fn program(seed: u64) -> (Graph, Vec<NodeId>, Vec<Point>) {
    let mut g = Graph::new();
    let inputs = declare(&mut g, INPUTS).expect("the inputs are well-formed");
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    let mut pool: Vec<NodeId> = inputs.clone();
    for _ in 0..60 {
        if pool.len() >= inputs.len() + 4 + dice.0 as usize % 5 {
            break;
        }
        let x: Vec<NodeId> = (0..3).map(|_| late(&mut dice, &pool)).collect();
        // A step that does not fit its operands is rolled again.
        if let Ok(node) = step(&mut g, &mut dice, &x, &inputs) {
            let small = g.rank(node) <= 4 && !pool.contains(&node);
            if small {
                pool.push(node);
            }
        }
    }
    let last = *pool.iter().rev().find(|&&n| g.ty(n).dtype == DType::Real).expect("real inputs");
    let mut outputs = vec![last];
    if let Ok(total) = g.sum_all(last) {
        let real: Vec<NodeId> = inputs.iter().copied().filter(|&x| g.ty(x).dtype == DType::Real).collect();
        for x in real {
            let depends = g.gradient(total, &[x]).ok().map(|d| d[0]).filter(|&d| !g.is_zero(d));
            if let Some(derivative) = depends {
                outputs.push(derivative);
                break;
            }
        }
    }
    let points = [[3, 5, 2], [1, 1, 1], [5, 3, 3], [0, 2, 0]].map(|sizes| point(&g, &inputs, &sizes));
    (g, outputs, points.to_vec())
}

/// A node, a late one more often.
fn late(dice: &mut Dice, pool: &[NodeId]) -> NodeId {
    let back = dice.roll(pool.len()).min(dice.roll(pool.len()));
    pool[pool.len() - 1 - back]
}

fn step(g: &mut Graph, dice: &mut Dice, x: &[NodeId], inputs: &[NodeId]) -> Result<NodeId> {
    let (a, b) = (x[0], x[1]);
    let axis = dice.roll(2);
    let labels = inputs[6];
    match dice.roll(30) {
        0 => g.add(a, b),
        1 => g.sub(a, b),
        2 => g.multiply(a, b),
        3 => g.dot(a, b),
        4 => g.outer(a, b),
        5 => Ok(g.scale(&Rational::new(2, 3), a)),
        6..=8 => {
            let name = MAPS_USED[dice.roll(MAPS_USED.len())];
            let map = MAPS.iter().copied().find(|m| m.name == name).expect("a map of this name");
            g.map(map, &x[..map.arity()])
        }
        9 => g.sum_axes(a, &[axis]),
        10 => g.t(a),
        11 => g.diag(a),
        12 => g.diagonal(a),
        13 => g.gather(a, labels),
        14 => g.scatter_add(a, labels, &Dim::size("n")),
        15 => g.reverse(a, axis),
        16 => g.pad(a, axis, &Dim::from(1), &Dim::from(2)),
        17 => g.cumsum(a, axis),
        18 => {
            let count = g.shape(a).iter().cloned().fold(Dim::ONE, |n, d| n * d);
            g.reshape(a, &[count])
        }
        19 => g.concat(&[a, b], axis),
        20 => g.softmax(a, &[axis]),
        21 => g.log_softmax(a, &[axis]),
        22 => {
            let comparison = [Comparison::Greater, Comparison::GreaterEqual, Comparison::Equal][dice.roll(3)];
            let p = g.compare(comparison, a, b)?;
            g.select(p, a, b)
        }
        23 => {
            let p = g.compare(Comparison::Greater, a, b)?;
            let not = g.logic(Logic::Not, &[p])?;
            g.select(not, a, x[2])
        }
        24 => g.select(inputs[7], a, b),
        25 => g.sort(a, axis),
        26 => g.reduce([Reduction::Prod, Reduction::Max, Reduction::Min][dice.roll(3)], a, axis),
        27 => {
            let shape = g.shape(a).to_vec();
            let eye = g.eye(&shape)?;
            let bounded = g.map(&chainrule_core::ops::map::TANH, &[a])?;
            let ten = g.scale(&Rational::from(10), eye);
            let matrix = g.add(bounded, ten)?;
            g.linear([Linear::Inverse, Linear::LogAbsDet, Linear::Det][dice.roll(3)], &[matrix])
        }
        28 => Ok(g.power(a, 2 + axis as u32)),
        _ => g.exclusive_prod(a, axis),
    }
}

fn point(g: &Graph, inputs: &[NodeId], numbers: &[i64]) -> Point {
    let names = size_names(INPUTS);
    assert_eq!(names, ["n", "m", "k"]);
    let sizes: Sizes = names.iter().map(|n| n.as_str().into()).zip(numbers.iter().copied()).collect();
    let mut point = Point::default();
    for (k, &x) in inputs.iter().enumerate() {
        let input = g.as_input(x).expect("an input");
        let extent = |d: &Dim| d.evaluate(&sizes).expect("a size") as usize;
        let shape: Vec<usize> = input.ty.shape.iter().map(extent).collect();
        let count: usize = shape.iter().product();
        let value = match input.ty.dtype {
            DType::Real => {
                let entry = |at: usize| (((at * 29 + k * 17 + 5) % 61) * 2 + 1) as f64 / 64.0 - 0.9;
                Value::Real(Tensor::new(&shape, (0..count).map(entry).collect()).expect("whole"))
            }
            DType::Int => {
                let below = extent(input.ty.below.as_ref().expect("a bound")) as i64;
                let entry = |at: usize| (at as i64 * 5 + 2) % below;
                Value::Int(Tensor::new(&shape, (0..count).map(entry).collect()).expect("whole"))
            }
            DType::Bool => {
                Value::Bool(Tensor::new(&shape, (0..count).map(|at| at % 3 != 1).collect()).expect("whole"))
            }
        };
        point.values.insert(input.name.to_string(), value);
    }
    point.sizes = sizes.iter().map(|(name, &n)| (name.to_string(), n)).collect();
    point
}
