//! Signs that follow from facts: `x` is declared positive, so `1/x`, `sqrt(x)` and `x * exp(y)` are.
//!
//! A sign is a statement about the reals, wherever the node is defined. It is found once for each node, operands
//! before their users, so nothing recurses on the size of the graph.

use crate::graph::Graph;
use crate::graph::op::{Entries, Op};
use crate::node::NodeId;
use crate::ops::map::{self, Map};
use crate::rational::Rational;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// What is known of the sign of every entry of a node.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sign {
    /// Nothing.
    Any,
    /// At least 0.
    NonNegative,
    /// Above 0.
    Positive,
}

/// Signs of the nodes that were asked for, and of what they are made of.
#[derive(Default)]
pub(super) struct Signs {
    known: FxHashMap<NodeId, Sign>,
}

impl Signs {
    /// The sign of a node.
    pub(super) fn of(&mut self, g: &Graph, node: NodeId) -> Sign {
        let mut open = vec![node];
        while let Some(&next) = open.last() {
            if self.known.contains_key(&next) {
                open.pop();
                continue;
            }
            let before = open.len();
            open.extend(g.raw_args(next).iter().filter(|a| !self.known.contains_key(a)));
            if open.len() == before {
                let sign = self.by_operands(g, next);
                self.known.insert(next, sign);
                open.pop();
            }
        }
        self.known[&node]
    }

    /// True when every entry of the node is above 0.
    pub(super) fn positive(&mut self, g: &Graph, node: NodeId) -> bool {
        self.of(g, node) == Sign::Positive
    }

    /// True when no entry of the node is below 0.
    pub(super) fn nonnegative(&mut self, g: &Graph, node: NodeId) -> bool {
        self.of(g, node) >= Sign::NonNegative
    }

    fn by_operands(&self, g: &Graph, node: NodeId) -> Sign {
        let args = g.raw_args(node);
        let sign = |k: usize| self.known[&args[k]];
        match g.op(node) {
            Op::Zero(_) => Sign::NonNegative,
            Op::Input(_) => match g.as_input(node) {
                Some(input) if input.facts.positive => Sign::Positive,
                Some(input) if input.facts.one_hot => Sign::NonNegative,
                _ => Sign::Any,
            },
            Op::Rational(value) if !value.is_negative() => Sign::Positive,
            Op::Pi => Sign::Positive,
            Op::Size(dim) if dim.is_nonnegative(&BTreeSet::new()) => Sign::NonNegative,
            Op::Literal(_) => literal(g, node),
            Op::Sum(coefficients) => {
                let least = (0..args.len()).map(sign).min().unwrap_or(Sign::Any);
                if least == Sign::Any || coefficients.iter().any(Rational::is_negative) {
                    return Sign::Any;
                }
                (0..args.len()).map(sign).max().unwrap_or(Sign::Any)
            }
            Op::Contract(kind) => {
                let factor = |a: &crate::form::Access| match sign(a.node.index()) {
                    Sign::Any if a.power.is_multiple_of(2) => Sign::NonNegative,
                    sign => sign,
                };
                let least = kind.accesses.iter().map(factor).min().unwrap_or(Sign::Positive);
                // A sum may be over nothing, and where a guard fails there is nothing.
                let empty = kind.extents[kind.free..].iter().any(|d| d.as_fixed().is_none_or(|n| n < 1));
                if empty || !kind.conds.is_empty() { least.min(Sign::NonNegative) } else { least }
            }
            Op::Map(id) => map_sign(Map::by_id(*id), &sign),
            Op::Select => sign(1).min(sign(2)),
            Op::Reduce(..) | Op::Tag(_) | Op::StopGradient | Op::Checkpoint => sign(0),
            Op::Named(_) if g.as_softmax(node).is_some() => Sign::Positive,
            _ => Sign::Any,
        }
    }
}

/// The sign of a map from the signs of its arguments.
fn map_sign(map: &Map, sign: &dyn Fn(usize) -> Sign) -> Sign {
    let is = |list: &[&Map]| list.iter().any(|m| m.id == map.id);
    if is(&[&map::EXP, &map::SIGMOID, &map::SOFTPLUS, &map::COSH]) {
        return Sign::Positive;
    }
    // Odd and increasing, or 0 at 0 and increasing.
    let keeps = [
        &map::CBRT,
        &map::SINH,
        &map::TANH,
        &map::ASINH,
        &map::ATAN,
        &map::ERF,
        &map::EXPM1,
        &map::LOG1P,
        &map::SIGN,
        &map::GELU,
        &map::SILU,
        &map::POW,
    ];
    if is(&keeps) {
        return sign(0);
    }
    if is(&[&map::ABS, &map::SQRT, &map::RELU]) {
        return sign(0).max(Sign::NonNegative);
    }
    if is(&[&map::RECIP]) {
        return if sign(0) == Sign::Any { Sign::Any } else { Sign::Positive };
    }
    if is(&[&map::MAX]) {
        return sign(0).max(sign(1));
    }
    if is(&[&map::MIN]) {
        return sign(0).min(sign(1));
    }
    Sign::Any
}

/// The sign of the entries of a literal; NaN has none.
fn literal(g: &Graph, node: NodeId) -> Sign {
    let Some(Entries::Real(bits)) = g.as_literal(node).map(|l| l.entries()) else { return Sign::Any };
    let entries = || bits.iter().map(|&b| f64::from_bits(b));
    if entries().all(|x| x > 0.0) {
        Sign::Positive
    } else if entries().all(|x| x >= 0.0) {
        Sign::NonNegative
    } else {
        Sign::Any
    }
}
