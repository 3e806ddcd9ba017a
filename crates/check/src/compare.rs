//! Two formulas at one point: certainly different, equal as far as many bits tell, or without a value.

use crate::ball::{Ball, with_precision};
use crate::point::Point;
use chainrule_core::eval::Options;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Op;
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{CEIL, FLOOR, Map, ROUND};
use chainrule_core::scalar::{Exact, Scalar};
use chainrule_core::shape::{Dim, Sizes};
use chainrule_core::tensor::Value;

/// Bits of successive attempts.
const PRECISIONS: [u32; 3] = [128, 320, 1200];

/// What a point says about two formulas.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// No value, or a comparison that cannot be decided.
    Unusable,
    /// An assumption fails here.
    Excluded,
    /// Every entry agrees.
    Equal,
    /// An entry certainly differs.
    Differ {
        /// Flat position of the first such entry.
        position: usize,
        claimed: Value<f64>,
        derived: Value<f64>,
    },
}

/// Two formulas, the assumptions, and what comparisons depend on.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) claimed: NodeId,
    pub(crate) derived: NodeId,
    assume: Vec<NodeId>,
    /// Operands of everything that branches.
    branching: Vec<NodeId>,
    /// The exact mode sees every branch.
    transparent: bool,
    limit: usize,
    /// Extents that each contraction loops over.
    loops: Vec<Vec<Dim>>,
    /// A contraction that loops over more positions than this is not evaluated at a point.
    longest: i64,
}

/// The longest loop at a point of small sizes.
const LONGEST: i64 = 2_000_000;

/// The longest loop, and the most entries of a value, at a point of larger sizes.
const QUICK: i64 = 5_000;

/// What a scan loops over: its positions, and for each of them what its step loops over.
fn step_loops(g: &Graph, node: NodeId, outside: &[Dim], loops: &mut Vec<Vec<Dim>>) {
    let Some((scan, step)) = g.as_scan(node) else { return };
    let mut own = outside.to_vec();
    own.push(scan.length.clone());
    let with = |more: &[Dim]| own.iter().chain(more).cloned().collect::<Vec<Dim>>();
    for inner in step.body().reachable(step.outputs()) {
        let extents = match step.body().op(inner) {
            Op::Contract(product) => with(&product.extents),
            Op::Scan(_) => {
                step_loops(step.body(), inner, &own, loops);
                continue;
            }
            _ => with(step.body().shape(inner)),
        };
        if !loops.contains(&extents) {
            loops.push(extents);
        }
    }
}

impl Pair {
    pub(crate) fn new(g: &Graph, claimed: NodeId, derived: NodeId, assume: &[NodeId], limit: usize) -> Pair {
        let mut outputs = vec![claimed, derived];
        outputs.extend(assume);
        let mut branching = Vec::new();
        let mut transparent = true;
        let mut loops: Vec<Vec<Dim>> = Vec::new();
        for node in g.reachable(&outputs) {
            let branches = match g.op(node) {
                Op::Compare(_) | Op::Reduce(..) | Op::ArgMax(_) | Op::ArgSort(_) | Op::Linear(_) => true,
                Op::Map(id) => {
                    let map = Map::by_id(*id);
                    !map.kinks.is_empty() || [&FLOOR, &CEIL, &ROUND].iter().any(|m| m.id == map.id)
                }
                Op::Named(_) => {
                    transparent &= g.as_named(node).is_some_and(|f| f.composite.is_some());
                    false
                }
                // The branches of a step are not seen from outside.
                Op::Scan(_) => {
                    transparent = false;
                    step_loops(g, node, &[], &mut loops);
                    false
                }
                Op::Contract(product) => {
                    let extents = product.extents.to_vec();
                    if product.extents.len() > product.free && !loops.contains(&extents) {
                        loops.push(extents);
                    }
                    false
                }
                _ => false,
            };
            if branches {
                for a in g.args(node) {
                    let real = g.ty(a).dtype == chainrule_core::shape::DType::Real;
                    if real && !branching.contains(&a) {
                        branching.push(a);
                    }
                }
            }
        }
        Pair {
            claimed,
            derived,
            assume: assume.to_vec(),
            branching,
            transparent,
            limit,
            loops,
            longest: LONGEST,
        }
    }

    /// The same formulas where every point is cheap: what larger sizes are tried with.
    pub(crate) fn quick(&self) -> Pair {
        Pair { longest: QUICK, limit: self.limit.min(QUICK as usize), ..self.clone() }
    }

    /// Whether a contraction would loop for too long at these sizes.
    pub(crate) fn loops_too_long(&self, sizes: &Sizes) -> bool {
        let positions = |extents: &Vec<Dim>| {
            extents.iter().fold(1i64, |n, d| n.saturating_mul(d.evaluate(sizes).unwrap_or(i64::MAX)))
        };
        self.loops.iter().any(|extents| positions(extents) > self.longest)
    }

    /// What the point says.
    pub(crate) fn at(&self, g: &Graph, point: &Point) -> Outcome {
        let options = Options { limit: self.limit, kinks: false };
        let mut outputs = vec![self.claimed, self.derived];
        outputs.extend(&self.assume);
        if self.loops_too_long(&point.sizes) {
            return Outcome::Unusable;
        }
        let mut last = Outcome::Unusable;
        for bits in PRECISIONS {
            let (result, ambiguous) =
                with_precision(bits, || g.evaluate_with::<Ball>(&outputs, &point.bindings(), &options));
            let Ok(evaluation) = result else { return Outcome::Unusable };
            if ambiguous {
                // Equal values of exact operands are often exact as well.
                return self.exactly(g, point, &options);
            }
            if !all_hold(&evaluation.values[2..]) {
                return Outcome::Excluded;
            }
            let (Some(a), Some(b)) = (evaluation.values[0].real(), evaluation.values[1].real()) else {
                return Outcome::Unusable;
            };
            if a.shape() != b.shape() {
                return Outcome::Unusable;
            }
            let entries = || a.data().iter().zip(b.data());
            if let Some(position) = entries().position(|(x, y)| x.differs(y)) {
                return Outcome::Differ {
                    position,
                    claimed: Value::Real(a.map(Ball::to_f64)),
                    derived: Value::Real(b.map(Ball::to_f64)),
                };
            }
            if entries().any(|(x, y)| x.is_nan() || y.is_nan()) {
                last = Outcome::Unusable;
                // More bits may separate a divisor from zero, but rarely do.
                if bits > PRECISIONS[0] {
                    return last;
                }
                continue;
            }
            if entries().all(|(x, y)| x.is_sharp() && y.is_sharp()) {
                return Outcome::Equal;
            }
            last = Outcome::Unusable;
        }
        last
    }

    /// In rational arithmetic, where nothing that branches is irrational.
    fn exactly(&self, g: &Graph, point: &Point, options: &Options) -> Outcome {
        if !self.transparent {
            return Outcome::Unusable;
        }
        let mut outputs = vec![self.claimed, self.derived];
        outputs.extend(&self.assume);
        let seen = outputs.len();
        outputs.extend(&self.branching);
        let Ok(evaluation) = g.evaluate_with::<Exact>(&outputs, &point.bindings(), options) else {
            return Outcome::Unusable;
        };
        let rational = |v: &Value<Exact>| v.real().is_some_and(|t| t.data().iter().all(|x| !x.is_nan()));
        if !evaluation.values[seen..].iter().all(rational) {
            return Outcome::Unusable;
        }
        if !all_hold(&evaluation.values[2..seen]) {
            return Outcome::Excluded;
        }
        let (Some(a), Some(b)) = (evaluation.values[0].real(), evaluation.values[1].real()) else {
            return Outcome::Unusable;
        };
        if a.shape() != b.shape() {
            return Outcome::Unusable;
        }
        let entries = || a.data().iter().zip(b.data());
        let known = |x: &Exact, y: &Exact| !x.is_nan() && !y.is_nan();
        if let Some(position) = entries().position(|(x, y)| known(x, y) && x != y) {
            return Outcome::Differ {
                position,
                claimed: Value::Real(a.map(Exact::to_f64)),
                derived: Value::Real(b.map(Exact::to_f64)),
            };
        }
        if entries().all(|(x, y)| known(x, y)) { Outcome::Equal } else { Outcome::Unusable }
    }
}

fn all_hold<S>(values: &[Value<S>]) -> bool {
    values.iter().all(|v| v.boolean().is_some_and(|t| t.data().iter().all(|&b| b)))
}
