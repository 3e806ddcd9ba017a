//! What must differ from 0 for the outputs to have a value: `x` in `x/x + log(x)`.
//!
//! A logarithm that is always evaluated says that its argument is positive, so `x/x` beside it is 1 wherever the whole
//! is defined. Only what every output evaluates at all entries counts; nothing behind a condition.

use crate::form::Product;
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::index::Label;
use crate::node::NodeId;
use crate::ops::map::{LOG, RECIP};
use rustc_hash::FxHashSet;

/// Nodes that have no entry 0 wherever all outputs are defined.
pub(super) fn nonzero(g: &Graph, outputs: &[NodeId]) -> FxHashSet<NodeId> {
    let mut common: Option<FxHashSet<NodeId>> = None;
    for &output in outputs {
        let own = nonzero_for(g, output);
        common = Some(match common {
            None => own,
            Some(all) => all.into_iter().filter(|n| own.contains(n)).collect(),
        });
    }
    common.unwrap_or_default()
}

fn nonzero_for(g: &Graph, output: NodeId) -> FxHashSet<NodeId> {
    let mut found = FxHashSet::default();
    let mut seen = FxHashSet::default();
    let mut open = vec![output];
    while let Some(node) = open.pop() {
        if !seen.insert(node) {
            continue;
        }
        match g.op(node) {
            Op::Sum(_) => open.extend(g.args(node)),
            Op::Map(id) => {
                open.extend(g.args(node));
                if *id == LOG.id {
                    factors(g, g.arg(node, 0), &mut found);
                }
            }
            Op::Contract(kind) if kind.conds.is_empty() => open.extend(read_whole(kind, g.raw_args(node))),
            _ => {}
        }
    }
    found
}

/// What must differ from 0 for a product to: the product and all its factors.
fn factors(g: &Graph, argument: NodeId, found: &mut FxHashSet<NodeId>) {
    let mut open = vec![argument];
    while let Some(node) = open.pop() {
        if !found.insert(node) {
            continue;
        }
        match g.op(node) {
            Op::Map(id) if *id == RECIP.id => open.push(g.arg(node, 0)),
            Op::Sum(coefficients) if coefficients.len() == 1 => open.push(g.arg(node, 0)),
            Op::Contract(kind) if kind.conds.is_empty() && kind.free == kind.extents.len() => {
                open.extend(read_whole(kind, g.raw_args(node)));
            }
            _ => {}
        }
    }
}

/// Operands of which every entry is read: at one label of the same extent for each axis.
fn read_whole<'a>(kind: &'a Product, args: &'a [NodeId]) -> impl Iterator<Item = NodeId> + 'a {
    kind.accesses.iter().filter_map(|a| {
        let labels: Option<Vec<Label>> = a.at.iter().map(|t| t.as_label()).collect();
        let mut labels = labels?;
        labels.sort_unstable();
        labels.windows(2).all(|w| w[0] != w[1]).then(|| args[a.node.index()])
    })
}
