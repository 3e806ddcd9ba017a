//! Composites with a stable value, as arrays: log-sum-exp, softmax and log-softmax shifted by the maximum; products of
//! the other entries.

use super::{ArrayId, Arrays, At, Body, Entry, Factor, Guard, Nest, Read, Reduction};
use chainrule_core::graph::op::Comparison;
use chainrule_core::ops::map::{ABS, EXP, LOG};
use smallvec::SmallVec;

/// Axes up to this extent have their products of the others written out; longer ones have a kernel that takes two passes.
pub const SHORT: usize = 16;

/// Which composite.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Composite {
    /// `log Σ exp(x)`
    LogSumExp,
    /// `exp(x) / Σ exp(x)`
    Softmax,
    /// `x - log Σ exp(x)`
    LogSoftmax,
}

/// The arrays of a composite over some axes of `x`.
pub fn build(arrays: &mut Arrays, composite: Composite, x: ArrayId, axes: &[usize]) -> ArrayId {
    let shape: SmallVec<[usize; 4]> = arrays[x].shape.clone();
    let kept: SmallVec<[usize; 4]> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
    let group = Group { shape, kept, axes: axes.iter().copied().collect() };
    let top = group.reduce(arrays, Reduction::Max, x);
    match composite {
        Composite::LogSumExp => {
            let shift = group.finite(arrays, top);
            let outer = group.outer();
            let own = |array| Read::whole(array, outer.len());
            let e = group.shifted(arrays, x, shift, true);
            let total = group.reduce(arrays, Reduction::Sum, e);
            let log = arrays.elementwise(Entry::Real, &outer, Body::Map(LOG.id, vec![own(total)]));
            arrays.elementwise(Entry::Real, &outer, Body::Sum(vec![(1.0, own(shift)), (1.0, own(log))]))
        }
        Composite::Softmax => {
            // The shift of log-sum-exp, so that both share their exponentials; where it is not the maximum, the
            // quotient is NaN either way.
            let shift = group.finite(arrays, top);
            let e = group.shifted(arrays, x, shift, true);
            let total = group.reduce(arrays, Reduction::Sum, e);
            group.divided(arrays, e, total)
        }
        Composite::LogSoftmax => {
            let d = group.shifted(arrays, x, top, false);
            let e = arrays.elementwise(Entry::Real, &group.shape, Body::Map(EXP.id, vec![group.own(d)]));
            let total = group.reduce(arrays, Reduction::Sum, e);
            let outer = group.outer();
            let log = Body::Map(LOG.id, vec![Read::whole(total, outer.len())]);
            let log = arrays.elementwise(Entry::Real, &outer, log);
            let terms = vec![(1.0, group.own(d)), (-1.0, group.spread(log))];
            arrays.elementwise(Entry::Real, &group.shape, Body::Sum(terms))
        }
    }
}

/// Along an axis, the product of all entries but the one at each position: of those before it and of those behind it, from
/// the ends, so that products written out share all they have in common.
pub fn product_of_others(arrays: &mut Arrays, x: ArrayId, axis: usize) -> ArrayId {
    let shape: SmallVec<[usize; 4]> = arrays[x].shape.clone();
    let (rank, n) = (shape.len(), shape[axis] as i64);
    let one = arrays.elementwise(Entry::Real, &[], Body::Const(1.0));
    // Term `k` counted from an end is at `place(k)`, and is left out, as 1, from where `after` is at least 0.
    let mut from_end = |place: At, after: At| {
        let at = (0..rank).map(|a| if a == axis { place.clone() } else { At::label(a) });
        let (mut inside, mut outside) = (Read::new(x, at), Read::new(one, []));
        inside.guards.push(Guard::NonNegative(At::constant(-1).plus(&after, -1)));
        outside.guards.push(Guard::NonNegative(after));
        let nest = Nest {
            extents: shape.iter().copied().chain([n as usize]).collect(),
            free: rank,
            reduction: Reduction::Product,
            guards: Vec::new(),
            body: Body::Sum(vec![(1.0, inside), (1.0, outside)]),
            absent: false,
        };
        Factor { read: Read::whole(arrays.nest(Entry::Real, nest), rank), power: 1, divides: false }
    };
    let (own, k) = (At::label(axis), At::label(rank));
    let before = from_end(k.clone(), k.clone().plus(&own, -1));
    let behind = from_end(At::constant(n - 1).plus(&k, -1), At::constant(1 - n).plus(&k, 1).plus(&own, 1));
    arrays.elementwise(Entry::Real, &shape, Body::Product(vec![before, behind]))
}

/// The axes that a composite works over, and those it keeps.
struct Group {
    shape: SmallVec<[usize; 4]>,
    kept: SmallVec<[usize; 4]>,
    axes: SmallVec<[usize; 4]>,
}

impl Group {
    fn outer(&self) -> SmallVec<[usize; 4]> {
        self.kept.iter().map(|&a| self.shape[a]).collect()
    }

    /// `y[kept] = reduce over axes of x[…]`
    fn reduce(&self, arrays: &mut Arrays, reduction: Reduction, x: ArrayId) -> ArrayId {
        let order: Vec<usize> = self.kept.iter().chain(&self.axes).copied().collect();
        let place =
            |axis: usize| order.iter().position(|&a| a == axis).expect("invariant: every axis is listed");
        let at = (0..self.shape.len()).map(|axis| At::label(place(axis))).collect();
        let nest = Nest {
            extents: order.iter().map(|&a| self.shape[a]).collect(),
            free: self.kept.len(),
            reduction,
            guards: Vec::new(),
            body: Body::Product(vec![Factor {
                read: Read { array: x, at, guards: Vec::new() },
                power: 1,
                divides: false,
            }]),
            absent: false,
        };
        arrays.nest(Entry::Real, nest)
    }

    /// A maximum that is infinite, or is that of nothing, is no shift: 0 stands for it, and the sum of exponentials
    /// says it all.
    fn finite(&self, arrays: &mut Arrays, top: ArrayId) -> ArrayId {
        let outer = self.outer();
        let own = |array| Read::whole(array, outer.len());
        let zero = arrays.elementwise(Entry::Real, &outer, Body::Const(0.0));
        let size = arrays.elementwise(Entry::Real, &outer, Body::Map(ABS.id, vec![own(top)]));
        let infinity = arrays.elementwise(Entry::Real, &outer, Body::Const(f64::INFINITY));
        let finite = Body::Compare(Comparison::Greater, vec![own(infinity), own(size)]);
        let finite = arrays.elementwise(Entry::Bool, &outer, finite);
        arrays.elementwise(Entry::Real, &outer, Body::Select(vec![own(finite), own(top), own(zero)]))
    }

    /// `x[kept]`, of an array over the kept axes.
    fn spread(&self, x: ArrayId) -> Read {
        Read::new(x, self.kept.iter().map(|&a| At::label(a)))
    }

    fn own(&self, x: ArrayId) -> Read {
        Read::whole(x, self.shape.len())
    }

    /// `x - shift`, or its exponential.
    fn shifted(&self, arrays: &mut Arrays, x: ArrayId, shift: ArrayId, exp: bool) -> ArrayId {
        let terms = vec![(1.0, self.own(x)), (-1.0, self.spread(shift))];
        let d = arrays.elementwise(Entry::Real, &self.shape, Body::Sum(terms));
        if !exp {
            return d;
        }
        arrays.elementwise(Entry::Real, &self.shape, Body::Map(EXP.id, vec![self.own(d)]))
    }

    fn divided(&self, arrays: &mut Arrays, x: ArrayId, by: ArrayId) -> ArrayId {
        let factors = vec![
            Factor { read: self.own(x), power: 1, divides: false },
            Factor { read: self.spread(by), power: 1, divides: true },
        ];
        arrays.elementwise(Entry::Real, &self.shape, Body::Product(factors))
    }
}
