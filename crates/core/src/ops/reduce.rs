//! Reductions over one axis: largest, smallest, product; positions of largest and of sorted entries.

use super::{Primitive, deltas};
use crate::error::{Error, Result};
use crate::form::{Access, Cond};
use crate::graph::Graph;
use crate::graph::op::{Op, Reduction};
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// Largest entry along an axis; at a tie the first of equals takes the whole derivative.
///
/// NaN wins against every number: the value is NaN, and the first NaN takes the whole derivative.
pub static MAX: Primitive = Primitive {
    name: "reduce_max",
    family: "Reductions along an axis",
    about: "Largest entry along an axis.",
    formula: "y[o] = max(k, x[o,k])",
    derivative: "dy[o]/dx[i,k] = delta(o,i) * delta(k, argmax(x)[o])",
    domain: "the axis is not empty",
    kinks: "ties: the first of equals takes all",
    entry: |g, y, _| winner(g, y, false),
};

/// Smallest entry along an axis; at a tie the first of equals takes the whole derivative, and NaN wins as in [`MAX`].
pub static MIN: Primitive = Primitive {
    name: "reduce_min",
    family: "Reductions along an axis",
    about: "Smallest entry along an axis.",
    formula: "y[o] = min(k, x[o,k])",
    derivative: "dy[o]/dx[i,k] = delta(o,i) * delta(k, argmax(-x)[o])",
    domain: "the axis is not empty",
    kinks: "ties: the first of equals takes all",
    entry: |g, y, _| winner(g, y, true),
};

/// Product of the entries along an axis; right with zeros among them.
pub static PROD: Primitive = Primitive {
    name: "reduce_prod",
    family: "Reductions along an axis",
    about: "Product of the entries along an axis; 1 over an empty one.",
    formula: "y[o] = prod(k, x[o,k])",
    derivative: "dy[o]/dx[i,k] = delta(o,i) * prod(l != k, x[i,l])",
    domain: "all reals",
    kinks: "none",
    entry: |g, y, _| {
        let x = g.arg(y, 0);
        let axis = reduced_axis(g, y);
        let others = g.exclusive_prod(x, axis)?;
        let (out, rank) = (g.rank(y), g.rank(x));
        Ok(vec![kept_deltas(g, y, x, axis).times(Access::whole(others, rank, out))])
    },
};

fn reduced_axis(g: &Graph, y: NodeId) -> usize {
    match g.op(y) {
        Op::Reduce(_, axis) => usize::from(*axis),
        _ => unreachable!("invariant: a reduction"),
    }
}

/// `delta(o, i)` over the axes that a reduction over `axis` keeps.
pub(crate) fn kept_deltas(g: &Graph, y: NodeId, x: NodeId, axis: usize) -> crate::form::Product {
    let kept = (0..g.rank(x)).filter(|&a| a != axis).enumerate();
    deltas(g, y, x, kept)
}

fn winner(g: &mut Graph, y: NodeId, smallest: bool) -> Result<Vec<crate::form::Product>> {
    let x = g.arg(y, 0);
    let axis = reduced_axis(g, y);
    let ranked = if smallest { g.neg(x) } else { x };
    let position = g.argmax(ranked, axis)?;
    let out = g.rank(y);
    let kept = (0..out).map(|k| Term::label(Label(k as u32)));
    let along = Term::label(Label((out + axis) as u32));
    let delta = Cond::delta(along, Term::element(position, kept));
    Ok(vec![kept_deltas(g, y, x, axis).when(delta)])
}

/// The value of a reduction; NaN anywhere gives NaN.
///
/// # Errors
/// [`Error::EmptyAxis`] for the largest or smallest of nothing.
pub(crate) fn evaluate<S: Scalar>(reduction: Reduction, x: &Tensor<S>, axis: usize) -> Result<Tensor<S>> {
    let (before, along, after) = x.around(axis);
    if along == 0 && reduction != Reduction::Prod && before * after > 0 {
        let operation = if reduction == Reduction::Max { "max" } else { "min" };
        return Err(Error::EmptyAxis { operation, name: String::new() });
    }
    let mut data = Vec::with_capacity(before * after);
    for b in 0..before {
        for a in 0..after {
            let at = |k: usize| &x.data()[(b * along + k) * after + a];
            data.push(match reduction {
                Reduction::Prod => (0..along).fold(S::one(), |p, k| p * at(k).clone()),
                Reduction::Max => at(first_best(along, at, |new, best| new > best)).clone(),
                Reduction::Min => at(first_best(along, at, |new, best| new < best)).clone(),
            });
        }
    }
    let mut shape = x.shape().to_vec();
    shape.remove(axis);
    Ok(Tensor::new(&shape, data).expect("invariant: one entry for each kept position"))
}

/// Position of the first NaN, else of the first entry that no other beats.
fn first_best<'a, S: Scalar>(
    along: usize,
    at: impl Fn(usize) -> &'a S,
    beats: impl Fn(&S, &S) -> bool,
) -> usize {
    let mut best = 0;
    for k in 0..along {
        if at(k).is_nan() {
            return k;
        }
        if beats(at(k), at(best)) {
            best = k;
        }
    }
    best
}

/// Position of the largest entry along an axis, the first of equals (or the first NaN).
///
/// # Errors
/// [`Error::EmptyAxis`]
pub(crate) fn argmax<S: Scalar>(x: &Tensor<S>, axis: usize) -> Result<Tensor<i64>> {
    let (before, along, after) = x.around(axis);
    if along == 0 && before * after > 0 {
        return Err(Error::EmptyAxis { operation: "argmax", name: String::new() });
    }
    let mut data = Vec::with_capacity(before * after);
    for b in 0..before {
        for a in 0..after {
            let at = |k: usize| &x.data()[(b * along + k) * after + a];
            data.push(first_best(along, at, |new, best| new > best) as i64);
        }
    }
    let mut shape = x.shape().to_vec();
    shape.remove(axis);
    Ok(Tensor::new(&shape, data).expect("invariant: one entry for each kept position"))
}

/// Positions that sort an axis in ascending order, stable, NaN last.
pub(crate) fn argsort<S: Scalar>(x: &Tensor<S>, axis: usize) -> Tensor<i64> {
    let (before, along, after) = x.around(axis);
    let mut data = vec![0i64; before * along * after];
    for b in 0..before {
        for a in 0..after {
            let at = |k: usize| &x.data()[(b * along + k) * after + a];
            let mut order: Vec<usize> = (0..along).collect();
            order.sort_by(|&p, &q| {
                let unordered = at(p).is_nan().cmp(&at(q).is_nan());
                at(p).partial_cmp(at(q)).unwrap_or(unordered)
            });
            for (k, &from) in order.iter().enumerate() {
                data[(b * along + k) * after + a] = from as i64;
            }
        }
    }
    Tensor::new(x.shape(), data).expect("invariant: a permutation of the entries")
}
