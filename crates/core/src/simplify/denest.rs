//! Denesting: sums of sums and products of products become one, where the inner one is used once.

use super::Options;
use super::defined::nonzero;
use super::domain::Domains;
use super::rewrites::Rewrite;
use super::signs::Signs;
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::index::{Facts, Label, Term};
use crate::node::NodeId;
use crate::ops::map::Map;
use crate::rational::Rational;
use rustc_hash::{FxHashMap, FxHashSet};

/// Longest sum or product that flattening makes.
const LENGTH: usize = 512;

/// Most sums that one product absorbs: beyond, the nested form is both cheaper to evaluate and easier to read.
const SUMS: usize = 6;

/// Most atoms of an index term once the terms of nested reads are written into each other.
const TERM: usize = 24;

/// One pass over the outputs: the new outputs and the rewrites that were applied.
///
/// First it is decided which nodes are absorbed by their only user, then each node that remains is built once with
/// all that it absorbs: linear in the graph, however deep the nesting.
pub(crate) fn round(
    g: &mut Graph,
    outputs: &[NodeId],
    options: &Options,
) -> Result<(Vec<NodeId>, Vec<&'static Rewrite>)> {
    let nodes = g.reachable(outputs);
    let absorbed = absorbed(g, &nodes, outputs);
    let mut new: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    let mut applied: Vec<&'static Rewrite> = Vec::new();
    let mut domains = Domains {
        conditional: options.conditional,
        signs: Signs::default(),
        nonzero: nonzero(g, outputs),
        applied: &mut applied,
    };
    for &node in nodes.iter().filter(|n| !absorbed.contains(n)) {
        let args = g.args(node);
        let takes = args.iter().any(|a| absorbed.contains(a));
        let built = match g.op(node) {
            Op::Sum(_) if takes => {
                domains.note("flatten-sum");
                flat_sum(g, node, &absorbed, &new)
            }
            Op::Contract(_) => {
                if takes {
                    domains.note("flatten-product");
                }
                let mut product = flat_product(g, node, &absorbed);
                product.map_nodes(&mut |n| new[&n]);
                domains.product(g, &mut product)?;
                g.product(product)
            }
            Op::Map(id) => {
                let map = Map::by_id(*id);
                let args: Vec<NodeId> = args.iter().map(|a| new[a]).collect();
                match domains.known_map(g, map, &args)? {
                    Some(known) => known,
                    None if args[..] == g.args(node)[..] => node,
                    None => g.map(map, &args)?,
                }
            }
            _ => {
                let args: Vec<NodeId> = args.iter().map(|a| new[a]).collect();
                if args[..] == g.args(node)[..] { node } else { g.rebuild(node, &args)? }
            }
        };
        if domains.nonzero.contains(&node) {
            domains.nonzero.insert(built);
        }
        new.insert(node, built);
    }
    Ok((outputs.iter().map(|o| new[o]).collect(), applied))
}

/// Nodes that their only user writes in: sums in sums, products in products, up to [`LENGTH`].
fn absorbed(g: &Graph, nodes: &[NodeId], outputs: &[NodeId]) -> FxHashSet<NodeId> {
    let mut uses: FxHashMap<NodeId, u32> = FxHashMap::default();
    for &node in nodes {
        g.args(node).iter().for_each(|a| *uses.entry(*a).or_insert(0) += 1);
    }
    outputs.iter().for_each(|o| *uses.entry(*o).or_insert(0) += 1);
    let mut lengths: FxHashMap<NodeId, usize> = FxHashMap::default();
    let mut sums: FxHashMap<NodeId, usize> = FxHashMap::default();
    let mut terms: FxHashMap<NodeId, usize> = FxHashMap::default();
    let mut absorbed = FxHashSet::default();
    for &node in nodes {
        let mut length = 0;
        let mut summed = sums_of(g, node);
        let mut longest = 1;
        let own: Vec<(NodeId, Fit, usize)> = match g.op(node) {
            Op::Sum(_) => g.args(node).iter().map(|&a| (a, is_long_sum(g, a), 1)).collect(),
            Op::Contract(kind) => {
                let args = g.args(node);
                kind.accesses
                    .iter()
                    .map(|a| {
                        let node = args[a.node.index()];
                        (node, as_factor(g, node, a.power), longest_term(&a.at))
                    })
                    .collect()
            }
            _ => continue,
        };
        // An operand that a product reads twice, or also as a predicate or a label, stays a node.
        let read_once = |a: NodeId| own.iter().filter(|(b, ..)| *b == a).count() == 1;
        for &(a, fits, term) in &own {
            let written = term.saturating_mul(terms.get(&a).copied().unwrap_or(1));
            let more = lengths.get(&a).copied().unwrap_or(1);
            let inner = sums.get(&a).copied().unwrap_or(0);
            let once = uses[&a] == 1 && read_once(a);
            if once
                && (fits == Fit::Whole || fits == Fit::Power && more <= 1)
                && length + more <= LENGTH
                && summed + inner <= SUMS
                && (written <= TERM || written == term)
            {
                longest = longest.max(written);
                absorbed.insert(a);
                length += more;
                summed += inner;
            } else {
                length += 1;
                longest = longest.max(term);
            }
        }
        terms.insert(node, longest);
        lengths.insert(node, length);
        sums.insert(node, summed);
    }
    absorbed
}

/// Atoms of the longest index term of a read.
fn longest_term(at: &[Term]) -> usize {
    at.iter().map(Term::weight).max().unwrap_or(1).max(1)
}

/// How many labels a contraction sums over.
fn sums_of(g: &Graph, node: NodeId) -> usize {
    match g.op(node) {
        Op::Contract(kind) => kind.extents.len() - kind.free,
        _ => 0,
    }
}

/// Whether a node can be written into its user.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Fit {
    No,
    /// As it is.
    Whole,
    /// Under a power: one factor to a small power, that has absorbed nothing itself. Repeated squaring stays short.
    Power,
}

fn is_long_sum(g: &Graph, node: NodeId) -> Fit {
    if matches!(g.op(node), Op::Sum(inner) if inner.len() > 1) { Fit::Whole } else { Fit::No }
}

/// A power of a sum is not a sum of powers.
fn as_factor(g: &Graph, node: NodeId, power: u32) -> Fit {
    match g.op(node) {
        Op::Contract(_) if power == 1 => Fit::Whole,
        Op::Contract(inner) if inner.extents.len() == inner.free && inner.accesses.len() == 1 => {
            let total = inner.accesses[0].power.saturating_mul(power);
            if total <= 64 { Fit::Power } else { Fit::No }
        }
        _ => Fit::No,
    }
}

fn flat_sum(
    g: &mut Graph,
    node: NodeId,
    absorbed: &FxHashSet<NodeId>,
    new: &FxHashMap<NodeId, NodeId>,
) -> NodeId {
    let mut terms: Vec<(Rational, NodeId)> = Vec::new();
    let mut open = vec![(Rational::ONE, node)];
    while let Some((scale, sum)) = open.pop() {
        let Op::Sum(coefficients) = g.op(sum) else {
            unreachable!("invariant: only sums are absorbed by sums")
        };
        for (c, a) in coefficients.iter().zip(g.args(sum)) {
            let c = c * &scale;
            if absorbed.contains(&a) { open.push((c, a)) } else { terms.push((c, new[&a])) }
        }
    }
    let ty = g.ty(node).clone();
    g.sum_unchecked(&terms, |_| ty)
}

/// The product of a contraction with everything that it absorbs written in; operands are those of the old nodes.
fn flat_product(g: &Graph, node: NodeId, absorbed: &FxHashSet<NodeId>) -> Product {
    let mut flat = g.as_product(node);
    let mut open: Vec<Access> = flat.accesses.drain(..).collect();
    open.reverse();
    while let Some(access) = open.pop() {
        if absorbed.contains(&access.node) {
            let inner = g.as_product(access.node);
            let first = flat.accesses.len();
            write_in(g, &mut flat, &inner, &access);
            open.extend(flat.accesses.drain(first..).rev());
        } else {
            flat.accesses.push(access);
        }
    }
    flat
}

fn write_in(g: &Graph, flat: &mut Product, inner: &Product, access: &Access) {
    let bound: Vec<Label> = inner.bound().map(|l| flat.bind(inner.extents[l.0 as usize].clone())).collect();
    let below = |n: NodeId| g.below(n);
    let facts = Facts { extents: &flat.extents, gone: &[], below: &below };
    let mut place = |t: &Term| {
        t.substitute(
            &mut |l| match (l.0 as usize).checked_sub(inner.free) {
                None => access.at[l.0 as usize].clone(),
                Some(k) => Term::label(bound[k]),
            },
            &facts,
        )
    };
    for a in &inner.accesses {
        let at = a.at.iter().map(&mut place).collect();
        flat.accesses.push(Access { node: a.node, at, power: a.power * access.power });
    }
    let conds: Vec<Cond> = inner.conds.iter().map(|c| c.map(&mut place)).collect();
    flat.conds.extend(conds);
}
