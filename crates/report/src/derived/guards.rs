//! Which values are only read under a condition: `1/x` in `exp(-1/x) if x > 0 else 0` is never read at 0.

use chainrule_core::form::Cond;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::{Comparison, Logic, Op};
use chainrule_core::index::{Label, Term};
use chainrule_core::node::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// A predicate and whether it holds; its entry is that of the value it guards.
type Guard = (NodeId, bool);

/// For each node the conditions under which each of its entries is read, by whatever path.
pub(crate) struct Guards {
    of: BTreeMap<NodeId, BTreeSet<Guard>>,
}

impl Guards {
    /// Of everything that outputs depend on; `nodes` has operands before users.
    pub(crate) fn new(g: &Graph, outputs: &[NodeId], nodes: &[NodeId]) -> Guards {
        let mut of: BTreeMap<NodeId, BTreeSet<Guard>> =
            outputs.iter().map(|&o| (o, BTreeSet::new())).collect();
        for &node in nodes.iter().rev() {
            let own = of.get(&node).cloned().unwrap_or_default();
            for (operand, guards) in reads(g, node, &own) {
                // What is read by several paths has the conditions that all of them have.
                let joined = match of.get(&operand) {
                    Some(known) => known.intersection(&guards).copied().collect(),
                    None => guards,
                };
                of.insert(operand, joined);
            }
        }
        Guards { of }
    }

    /// Whether the entries of a node that are read are all above 0, and whether they are all other than 0, by the
    /// guards of its user.
    pub(crate) fn sign(&self, g: &Graph, user: NodeId, x: NodeId) -> (bool, bool) {
        let (mut positive, mut nonzero) = (false, false);
        for &(predicate, holds) in self.of.get(&user).into_iter().flatten() {
            let Op::Compare(comparison) = g.op(predicate) else { continue };
            let (a, b) = (g.arg(predicate, 0), g.arg(predicate, 1));
            let number = |n: NodeId| match g.is_zero(n) {
                true => Some(0.into()),
                false => g.as_rational(n),
            };
            let not_negative = |n: NodeId| number(n).is_some_and(|c| !c.is_negative());
            let above = |n: NodeId| number(n).is_some_and(|c| !c.is_negative() && !c.is_zero());
            let below = |n: NodeId| number(n).is_some_and(|c| c.is_negative());
            let not_positive = |n: NodeId| number(n).is_some_and(|c| c.is_negative() || c.is_zero());
            positive |= match (comparison, holds) {
                (Comparison::Greater, true) => a == x && not_negative(b),
                (Comparison::GreaterEqual, true) => a == x && above(b),
                // not (b >= x), not (b > x)
                (Comparison::GreaterEqual, false) => b == x && not_negative(a),
                (Comparison::Greater, false) => b == x && above(a),
                (Comparison::Equal, _) => false,
            };
            nonzero |= match (comparison, holds) {
                (Comparison::Greater, true) => b == x && not_positive(a),
                (Comparison::GreaterEqual, true) => b == x && below(a),
                (Comparison::GreaterEqual, false) => a == x && not_positive(b),
                (Comparison::Greater, false) => a == x && below(b),
                // A value that only one point takes is no neighbourhood: there the condition is worth saying.
                (Comparison::Equal, _) => false,
            };
        }
        (positive, positive || nonzero)
    }
}

/// Operands with the conditions under which a node reads them; those of the node itself stay where entries are read
/// at the node's own place.
fn reads(g: &Graph, node: NodeId, own: &BTreeSet<Guard>) -> Vec<(NodeId, BTreeSet<Guard>)> {
    let args = g.args(node);
    match g.op(node) {
        Op::Select => {
            let under = |holds: bool| {
                let mut guards = own.clone();
                state(g, args[0], holds, &mut guards);
                guards
            };
            vec![(args[0], own.clone()), (args[1], under(true)), (args[2], under(false))]
        }
        Op::Contract(_) => {
            let product = g.as_product(node);
            let place = |at: &[Term]| {
                at.len() == product.free
                    && at.iter().enumerate().all(|(k, t)| t.as_label() == Some(Label(k as u32)))
            };
            let mut all = Vec::new();
            for a in &product.accesses {
                let mut guards = if place(&a.at) { own.clone() } else { BTreeSet::new() };
                for c in &product.conds {
                    if let Cond::Holds(predicate, at, negated) = c
                        && at[..] == a.at[..]
                    {
                        state(g, *predicate, !negated, &mut guards);
                    }
                }
                all.push((a.node, guards));
            }
            // Predicates, and positions that are entries of integers, are read without a condition.
            let accessed: Vec<NodeId> = product.accesses.iter().map(|a| a.node).collect();
            all.extend(args.iter().filter(|a| !accessed.contains(a)).map(|&a| (a, BTreeSet::new())));
            all
        }
        Op::Sum(_)
        | Op::Map(_)
        | Op::Tag(_)
        | Op::StopGradient
        | Op::Checkpoint
        | Op::Compare(_)
        | Op::Logic(_) => args.iter().map(|&a| (a, own.clone())).collect(),
        _ => args.iter().map(|&a| (a, BTreeSet::new())).collect(),
    }
}

/// What follows from a predicate that holds, or does not.
fn state(g: &Graph, predicate: NodeId, holds: bool, guards: &mut BTreeSet<Guard>) {
    let mut open = vec![(predicate, holds)];
    while let Some((p, holds)) = open.pop() {
        guards.insert((p, holds));
        match (g.op(p), holds) {
            (Op::Logic(Logic::Not), _) => open.push((g.arg(p, 0), !holds)),
            (Op::Logic(Logic::And), true) | (Op::Logic(Logic::Or), false) => {
                open.extend(g.args(p).iter().map(|&a| (a, holds)));
            }
            _ => {}
        }
    }
}
