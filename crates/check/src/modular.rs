//! The modular test: two formulas at random points modulo primes.
//!
//! **What agreement says.** Two rational functions of degree `d` that differ agree at a random point modulo `p` with
//! probability at most `d/p` (Schwartz and Zippel), so agreement at `k` points hides a difference with probability at
//! most `(d/p)^k`. That is never a proof. Where functions other than rational ones occur they are atoms with random
//! values, equal for equal arguments; equal formulas in atoms are equal formulas whatever the atoms are, and the
//! bound counts the atoms as further variables. A coefficient that differs by a multiple of the fixed prime would
//! not be seen. All this holds at the sizes of the points, which are random too: a coefficient in the sizes that is
//! zero at each of them would not be seen either.
//!
//! **What a difference says.** Formulas of rational operations and exponentials that differ modulo `p` certainly are
//! different functions: every relation between exponentials follows from `exp(a + b) = exp(a) exp(b)` (Ax, 1971),
//! which residues keep up to two exponentials deep. With any other atom a difference says nothing, because
//! `log(x²)/2` and `log|x|` are different atoms. Nor does it say *where* real numbers tell the formulas apart, so it
//! never makes a claim wrong.
//!
//! It reaches where balls do not: numbers such as `3^(2^45)` are one machine word.

use crate::compare::Pair;
use crate::point::{Space, Variable, extents};
use crate::report::{Modular, print_sizes};
use crate::residue::{Met, PRIMES, Residue, noting};
use chainrule_core::dice::Dice;
use chainrule_core::eval::{Bindings, Options};
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::{Linear, Op, Reduction};
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{CEIL, FLOOR, Map, RECIP, ROUND, SQRT};
use chainrule_core::scalar::Scalar;
use chainrule_core::shape::{DType, Sizes};
use chainrule_core::tensor::{Tensor, Value};
use rustc_hash::FxHashMap;
use std::time::Instant;

/// What the test says.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Equal at all points that were used.
    Agree(Modular),
    /// Certainly different functions, at these sizes already.
    Differ(Sizes),
    /// Nothing: an operation without residues, too few points, or a difference that proves nothing.
    Silent,
}

/// Points that are asked for; a root is a number modulo `p` at half of the points only.
const POINTS: usize = 3;
const TRIES: usize = 64;

/// The least bits of certainty that count as agreement.
const BITS: u32 = 40;

/// Exponentials inside exponentials keep their law this deep.
const DEPTH: u32 = 2;

/// Random sizes are this many, from the least on; where loops over them take too long, nearer to the least.
const SPREAD: usize = 32;

/// Random sizes of one spread before it is halved.
const HALVING: usize = 8;

/// The pair at random points modulo the primes, over random sizes where that is cheap, or else over small ones.
pub(crate) fn compared(
    g: &Graph,
    pair: &Pair,
    space: &Space,
    assume: bool,
    entries: usize,
    deadline: Instant,
) -> Answer {
    let nodes = g.reachable(&[pair.claimed, pair.derived]);
    if !nodes.iter().all(|&node| has_residues(g, node)) {
        return Answer::Silent;
    }
    let options = Options { limit: entries, kinks: false };
    let mut dice = Dice::new(61);
    let (mut points, mut bits, mut met) = (0, 0f64, Met { opaque: depth(g, &nodes) > DEPTH, roots: false });
    let quick = pair.quick();
    let spreads = std::iter::successors(Some(SPREAD), |s| Some(s / 2)).take_while(|s| *s > 1);
    let random = spreads.flat_map(|s| [s; HALVING]).map(|s| space.random_sizes(s, &mut dice));
    let cheap = |sizes: &Sizes| !sizes.is_empty() && !quick.loops_too_long(sizes);
    let random: Vec<Sizes> = random.filter(cheap).collect();
    let small = space.assignments();
    let mut used: Vec<String> = Vec::new();
    // Of small sizes the largest first: they tell more apart.
    for sizes in random.iter().chain(small.iter().rev().cycle().take(TRIES)) {
        if Instant::now() > deadline || (points >= POINTS && bits >= f64::from(BITS)) {
            break;
        }
        let Some(bindings) = point(space, sizes, &mut dice, entries) else { continue };
        if pair.loops_too_long(sizes) {
            continue;
        }
        let outputs = [pair.claimed, pair.derived];
        let (result, noted) = noting(|| g.evaluate_with::<Residue>(&outputs, &bindings, &options));
        met = Met { opaque: met.opaque || noted.opaque, roots: met.roots || noted.roots };
        let Ok(evaluation) = result else { continue };
        let (Some(a), Some(b)) = (evaluation.values[0].real(), evaluation.values[1].real()) else { continue };
        let both = || a.data().iter().zip(b.data());
        if a.shape() != b.shape() || a.data().is_empty() || both().any(|(x, y)| x.is_nan() || y.is_nan()) {
            continue;
        }
        if both().any(|(x, y)| !x.same(y)) {
            let certain = !met.opaque && !met.roots && !assume;
            return if certain { Answer::Differ(sizes.clone()) } else { Answer::Silent };
        }
        points += 1;
        used.push(print_sizes(sizes));
        // Exponents are taken modulo the smaller primes.
        let prime = *PRIMES.last().expect("invariant: the tower is not empty");
        bits += (prime as f64).log2() - degree(g, &nodes, sizes).log2();
    }
    // Which root was taken is a coin at each point, so that only agreement at many points would say something.
    match points >= POINTS && bits >= f64::from(BITS) && !met.roots {
        true => Answer::Agree(Modular { points, sizes: used, bits: bits as u32 }),
        false => Answer::Silent,
    }
}

/// Whether the value of a node depends on no order between numbers.
fn has_residues(g: &Graph, node: NodeId) -> bool {
    match g.op(node) {
        Op::Map(id) => {
            let map = Map::by_id(*id);
            map.kinks.is_empty() && ![&FLOOR, &CEIL, &ROUND].iter().any(|m| m.id == map.id)
        }
        Op::Compare(_) => g.ty(g.arg(node, 0)).dtype == DType::Int,
        Op::Reduce(reduction, _) => *reduction == Reduction::Prod,
        Op::Linear(kind) => matches!(kind, Linear::Inverse | Linear::Solve | Linear::Det),
        Op::Named(_) => g.as_named(node).is_some_and(|f| f.composite.is_some()),
        Op::ArgMax(_) | Op::ArgSort(_) => false,
        _ => true,
    }
}

/// How deep functions other than rational ones stand inside each other.
fn depth(g: &Graph, nodes: &[NodeId]) -> u32 {
    let mut depths: FxHashMap<NodeId, u32> = FxHashMap::default();
    let mut deepest = 0;
    for &node in nodes {
        let inner = g.args(node).iter().filter_map(|a| depths.get(a)).copied().max().unwrap_or(0);
        let own = match g.op(node) {
            Op::Map(id) => ![RECIP.id, SQRT.id].contains(id),
            Op::Named(_) => true,
            _ => false,
        };
        depths.insert(node, inner + u32::from(own));
        deepest = deepest.max(inner + u32::from(own));
    }
    deepest
}

/// A bound on the degrees of numerator and denominator of the entries of all nodes, atoms counted as variables.
fn degree(g: &Graph, nodes: &[NodeId], sizes: &Sizes) -> f64 {
    let mut degrees: FxHashMap<NodeId, f64> = FxHashMap::default();
    let mut highest = 1f64;
    for &node in nodes {
        let args = g.args(node);
        let of = |n: &NodeId| degrees.get(n).copied().unwrap_or(0.0);
        let total: f64 = args.iter().map(of).sum();
        let count = |shape: &[chainrule_core::shape::Dim]| {
            extents(shape, sizes).map_or(f64::INFINITY, |s| s.iter().product::<usize>().max(1) as f64)
        };
        let whole = || args.first().map_or(1.0, |&a| count(g.shape(a)));
        let d = match g.op(node) {
            Op::Input(_) => 1.0,
            Op::Contract(_) => {
                let product = g.as_product(node);
                let factors: f64 = product.accesses.iter().map(|a| f64::from(a.power) * of(&a.node)).sum();
                count(&product.extents[product.free..]) * factors
            }
            Op::Map(id) if *id == RECIP.id => total,
            Op::Map(_) => total + 1.0,
            // Sums of as many fractions as there are entries; determinants of n rows of n entries.
            Op::Reduce(..) | Op::Linear(_) => 2.0 * whole() * total,
            Op::Named(_) => 2.0 * whole() * (total + 2.0),
            _ => total,
        };
        highest = highest.max(d);
        degrees.insert(node, d);
    }
    // The difference of the two formulas, on a common denominator.
    2.0 * highest
}

/// Random residues for all inputs.
fn point(space: &Space, sizes: &Sizes, dice: &mut Dice, limit: usize) -> Option<Bindings<Residue>> {
    let mut bindings = Bindings::new();
    for (name, n) in sizes {
        bindings = bindings.with_size(name, *n);
    }
    for v in &space.variables {
        bindings.bind(&v.name, entries(v, sizes, dice, limit)?);
    }
    Some(bindings)
}

fn entries(v: &Variable, sizes: &Sizes, dice: &mut Dice, limit: usize) -> Option<Value<Residue>> {
    let shape = extents(&v.ty.shape, sizes)?;
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= limit)?;
    Some(match v.ty.dtype {
        DType::Bool => Value::Bool(Tensor::new(&shape, (0..count).map(|_| dice.below(2) == 0).collect())?),
        DType::Int => {
            let below = v.ty.below.as_ref().map_or(Some(3), |d| d.evaluate(sizes).ok())?;
            let below = usize::try_from(below).ok().filter(|&n| n > 0 || count == 0)?;
            Value::Int(Tensor::new(&shape, (0..count).map(|_| dice.below(below) as i64).collect())?)
        }
        DType::Real => {
            let mut data: Vec<Residue> = (0..count)
                .map(|_| {
                    let x = Residue::chosen(|| dice.bits());
                    // Positive numbers are squares, so that their roots exist and multiply.
                    if v.facts.positive { x * x } else { x }
                })
                .collect();
            if v.facts.symmetric
                && let [.., n, m] = shape[..]
                && n == m
            {
                for block in data.chunks_mut((n * n).max(1)) {
                    for (i, j) in (0..n).flat_map(|i| (0..i).map(move |j| (i, j))) {
                        block[i * n + j] = block[j * n + i];
                    }
                }
            }
            if v.facts.one_hot
                && let Some(&n) = shape.last()
            {
                for row in data.chunks_mut(n.max(1)) {
                    let hot = dice.below(row.len());
                    row.iter_mut().enumerate().for_each(|(k, x)| *x = Residue::from_i64(i64::from(k == hot)));
                }
            }
            Value::Real(Tensor::new(&shape, data)?)
        }
    })
}
