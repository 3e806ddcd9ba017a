//! Invariants: properties of the truth that a learner can check by hand, and that the claim violates.

use crate::canon::{Assumed, Canon};
use crate::lower::Meanings;
use crate::point::Point;
use crate::question::Question;
use crate::report::Invariant;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use std::time::Instant;

/// The value that every entry of a node has for all inputs, if it is one number.
fn constant(g: &Graph, node: NodeId, steps: usize, deadline: Instant) -> Option<Rational> {
    let mut canon = Canon::new(Assumed::default(), steps, Some(deadline));
    let mut known = Meanings::default();
    let p = canon.poly(g, node, &mut known);
    for n in [0, 1] {
        let one = crate::poly::Poly::constant(&p.axes, &Rational::from(n));
        let rest = (*p).clone().plus(&Rational::from(-1), &one);
        if canon.numerator(&rest).is_zero() && !canon.exhausted {
            return Some(Rational::from(n));
        }
    }
    None
}

/// The first entry of a node that is off its value at a point.
fn violated(g: &Graph, node: NodeId, point: &Point, expected: f64) -> Option<f64> {
    let value = g.evaluate::<f64>(&[node], &point.bindings()).ok()?;
    let far = |x: &&f64| (**x - expected).abs() > 1e-9 * (1.0 + expected.abs());
    value[0].real()?.data().iter().find(far).copied().filter(|x| x.is_finite())
}

/// A property of the truth that the claim violates at the point.
pub(crate) fn violated_by_claim(
    g: &mut Graph,
    q: &Question<'_>,
    point: &Point,
    deadline: Instant,
) -> Option<Invariant> {
    let rank = g.rank(q.derived);
    let mut sums: Vec<(NodeId, NodeId, String)> = Vec::new();
    for axis in (0..rank).rev() {
        let (Ok(a), Ok(b)) = (g.sum_axes(q.derived, &[axis]), g.sum_axes(q.claimed, &[axis])) else {
            continue;
        };
        let what = match rank {
            1 => "the entries".to_string(),
            _ => format!("the entries along axis {axis}"),
        };
        sums.push((a, b, what));
    }
    for (truth, claim, what) in sums {
        let Some(expected) = constant(g, truth, q.budget.steps / 4, deadline) else { continue };
        let Some(found) = violated(g, claim, point, expected.to_f64()) else { continue };
        let (name, why) = match expected.is_zero() {
            true => ("entries-add-to-zero", "adding the same number to every entry changes nothing, so "),
            false => ("entries-add-to-one", ""),
        };
        return Some(Invariant {
            name,
            sentence: format!(
                "{why}{what} must add up to {expected}; yours add up to {found:.4} at that point"
            ),
            expected: expected.to_f64(),
            found,
        });
    }
    if rank == 2 && g.shape(q.derived)[0] == g.shape(q.derived)[1] {
        let skew = |g: &mut Graph, x: NodeId| {
            let t = g.transpose(x, &[1, 0])?;
            g.sub(x, t)
        };
        let (truth, claim) = (skew(g, q.derived).ok()?, skew(g, q.claimed).ok()?);
        if constant(g, truth, q.budget.steps / 4, deadline).is_some_and(|c| c.is_zero()) {
            let found = violated(g, claim, point, 0.0)?;
            return Some(Invariant {
                name: "symmetry",
                sentence: format!(
                    "the derivative is symmetric in its two indices; in yours an entry and its mirror image differ by {found:.4}"
                ),
                expected: 0.0,
                found,
            });
        }
    }
    None
}
