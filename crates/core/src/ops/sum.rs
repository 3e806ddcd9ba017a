//! Sums and the operations that pass their operand through.

use super::{Primitive, deltas};
use crate::graph::op::Op;
use crate::rational::Rational;

/// `y = Σ c_k x_k`: the entry is the coefficient on the diagonal.
pub static SUM: Primitive = Primitive {
    name: "sum",
    family: "Sums and products",
    about: "Weighted sum of nodes of one shape; coefficients are exact.",
    formula: "y[o] = c0*a[o] + c1*b[o] + ...",
    derivative: "dy[o]/da[i] = c0 * delta(o,i)",
    domain: "all reals",
    kinks: "none",
    entry: |g, y, k| {
        let Op::Sum(coefficients) = g.op(y) else { unreachable!("invariant: a sum") };
        let coefficient: Rational = coefficients[k].clone();
        let x = g.arg(y, k);
        let rank = g.rank(y);
        Ok(vec![deltas(g, y, x, (0..rank).map(|a| (a, a))).scaled(&coefficient)])
    },
};

/// The operand itself, for tags and checkpoints.
pub static IDENTITY: Primitive = Primitive {
    name: "identity",
    family: "Names and controls",
    about: "The operand under a name, or recomputed instead of kept.",
    formula: "y[o] = x[o]",
    derivative: "dy[o]/dx[i] = delta(o,i)",
    domain: "all reals",
    kinks: "none",
    entry: |g, y, k| {
        let x = g.arg(y, k);
        let rank = g.rank(y);
        Ok(vec![deltas(g, y, x, (0..rank).map(|a| (a, a)))])
    },
};

/// The operand with derivative zero, by request.
pub static STOP_GRADIENT: Primitive = Primitive {
    name: "stop_gradient",
    family: "Names and controls",
    about: "The operand; its derivative is zero by request.",
    formula: "y[o] = x[o]",
    derivative: "dy[o]/dx[i] = 0",
    domain: "all reals",
    kinks: "none",
    entry: |_, _, _| Ok(Vec::new()),
};
