//! Conditions that signs decide: `[x > 0]` is 1 where x is declared positive.

use super::signs::Signs;
use crate::graph::Graph;
use crate::graph::op::{Comparison, Logic, Op};
use crate::node::NodeId;

/// How deep into `and`, `or`, `not` a condition is looked into; deeper ones are left as they are.
const DEPTH: u32 = 16;

/// Whether a predicate holds everywhere or nowhere, as far as signs tell.
pub(super) fn decided(g: &Graph, signs: &mut Signs, predicate: NodeId) -> Option<bool> {
    within(g, signs, predicate, DEPTH)
}

fn within(g: &Graph, signs: &mut Signs, predicate: NodeId, depth: u32) -> Option<bool> {
    let depth = depth.checked_sub(1)?;
    match g.op(predicate) {
        Op::Compare(comparison) => {
            let (a, b) = (g.arg(predicate, 0), g.arg(predicate, 1));
            match (g.is_zero(a), g.is_zero(b), comparison) {
                (false, true, Comparison::Greater) => signs.positive(g, a).then_some(true),
                (false, true, Comparison::GreaterEqual) => signs.nonnegative(g, a).then_some(true),
                (true, false, Comparison::Greater) => signs.nonnegative(g, b).then_some(false),
                (true, false, Comparison::GreaterEqual) => signs.positive(g, b).then_some(false),
                (false, true, Comparison::Equal) => signs.positive(g, a).then_some(false),
                (true, false, Comparison::Equal) => signs.positive(g, b).then_some(false),
                _ => None,
            }
        }
        Op::Logic(Logic::Not) => within(g, signs, g.arg(predicate, 0), depth).map(|holds| !holds),
        Op::Logic(logic) => {
            let sides = [0, 1].map(|k| within(g, signs, g.arg(predicate, k), depth));
            let absorbing = *logic == Logic::Or;
            match sides {
                [Some(a), _] if a == absorbing => Some(absorbing),
                [_, Some(b)] if b == absorbing => Some(absorbing),
                [Some(_), Some(_)] => Some(!absorbing),
                _ => None,
            }
        }
        _ => None,
    }
}
