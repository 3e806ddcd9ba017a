//! Kinks that an evaluation hits: where a function has no derivative and a convention decides.

use crate::graph::Graph;
use crate::graph::op::Reduction;
use crate::node::NodeId;
use crate::ops::map::{Kink, Map, Place};
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// One kink that was hit.
#[derive(Clone, Debug, PartialEq)]
pub struct KinkHit {
    /// The node whose arguments lie on the kink.
    pub node: NodeId,
    /// Name of its primitive.
    pub primitive: &'static str,
    /// Flat position of the first such entry.
    pub position: usize,
    /// How many entries lie on it.
    pub count: usize,
    /// The condition, as printed.
    pub at: &'static str,
    /// The value of the partial that is taken.
    pub taken: &'static str,
    /// The interval of values that would also be right.
    pub interval: &'static str,
}

fn lies_on<S: Scalar>(kink: &Kink, x: &[&S]) -> bool {
    match kink.place {
        Place::Zero => *x[0] == S::zero(),
        Place::Whole => *x[0] == x[0].floor(),
        Place::HalfWhole => {
            let half = x[0].clone() + S::from_f64(0.5);
            half == half.floor()
        }
        Place::Equal(a, b) => x[a] == x[b],
    }
}

pub(crate) fn of_map<S: Scalar>(
    _: &Graph,
    node: NodeId,
    map: &'static Map,
    values: &[&[S]],
    hits: &mut Vec<KinkHit>,
) {
    let entries = values.first().map_or(0, |v| v.len());
    for kink in map.kinks {
        let on: Vec<usize> = (0..entries)
            .filter(|&k| {
                let point: Vec<&S> = values.iter().map(|v| &v[k]).collect();
                lies_on(kink, &point)
            })
            .collect();
        if let Some(&position) = on.first() {
            hits.push(KinkHit {
                node,
                primitive: map.name,
                position,
                count: on.len(),
                at: kink.at,
                taken: kink.taken,
                interval: kink.interval,
            });
        }
    }
}

pub(crate) fn of_reduction<S: Scalar>(
    _: &Graph,
    node: NodeId,
    reduction: Reduction,
    x: &Tensor<S>,
    axis: usize,
    hits: &mut Vec<KinkHit>,
) {
    if reduction == Reduction::Prod {
        return;
    }
    let (before, along, after) = x.around(axis);
    let mut tied = Vec::new();
    for b in 0..before {
        for a in 0..after {
            let group: Vec<&S> = (0..along).map(|k| &x.data()[(b * along + k) * after + a]).collect();
            let best = group.iter().copied().reduce(|m, v| {
                let wins = if reduction == Reduction::Max { v > m } else { v < m };
                if wins { v } else { m }
            });
            if best.is_some_and(|m| group.iter().filter(|v| **v == m).count() > 1) {
                tied.push(b * after + a);
            }
        }
    }
    if let Some(&position) = tied.first() {
        let primitive = if reduction == Reduction::Max { "reduce_max" } else { "reduce_min" };
        hits.push(KinkHit {
            node,
            primitive,
            position,
            count: tied.len(),
            at: "several entries are extreme",
            taken: "1 for the first of equals",
            interval: "[0, 1] each, summing to 1",
        });
    }
}
