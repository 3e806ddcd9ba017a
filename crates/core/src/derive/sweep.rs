//! The two sweeps: reverse from an output, forward from inputs, both over entries of primitives.

use super::scan::{Arrivals, Departures};
use super::steps::Recorder;
use super::terms::{combine, settle};
use crate::error::Result;
use crate::form::Product;
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::node::NodeId;
use crate::ops::rules::{Rules, rule_name};
use crate::shape::{DType, Dim, Type};
use rustc_hash::FxHashMap;

/// Where steps go, if anywhere.
pub(crate) type Recording<'a> = Option<&'a mut Recorder>;

/// Which nodes lie between the inputs and the outputs, both included.
pub(crate) fn active(g: &Graph, ys: &[NodeId], xs: &[NodeId]) -> Vec<bool> {
    let count = ys.iter().map(|y| y.index() + 1).max().unwrap_or(0);
    let mut depends = vec![false; count];
    for x in xs.iter().filter(|x| x.index() < count) {
        depends[x.index()] = true;
    }
    let Some(first) = xs.iter().map(|x| x.index()).min() else { return depends };
    for k in first..count {
        let node = NodeId::new(k);
        if !depends[k] && g.raw_args(node).iter().any(|a| depends[a.index()]) {
            depends[k] = g.ty(node).dtype == DType::Real && !matches!(g.op(node), Op::StopGradient);
        }
    }
    let mut wanted = vec![false; count];
    for y in ys {
        wanted[y.index()] = depends[y.index()];
    }
    for k in (first..count).rev() {
        if wanted[k] {
            for &a in g.raw_args(NodeId::new(k)) {
                wanted[a.index()] |= depends[a.index()];
            }
        }
    }
    wanted
}

fn extents(outer: &[Dim], own: &[Dim]) -> Vec<Dim> {
    outer.iter().chain(own).cloned().collect()
}

/// The terms that arrive at each of `xs` from the seeds, each at its node (free labels: `outer`, then axes of it).
fn reverse_terms(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    seeds: Vec<(NodeId, Product)>,
    outer: usize,
    xs: &[NodeId],
) -> Result<Vec<Vec<Product>>> {
    let far: Vec<Dim> = seeds.first().map_or(Vec::new(), |(_, s)| s.extents[..outer].to_vec());
    let ys: Vec<NodeId> = seeds.iter().map(|(y, _)| *y).collect();
    let active = active(g, &ys, xs);
    let mut arrived: FxHashMap<NodeId, Vec<Product>> = FxHashMap::default();
    for (y, seed) in seeds {
        arrived.entry(y).or_default().push(seed);
    }
    let mut results: FxHashMap<NodeId, Vec<Product>> = xs.iter().map(|&x| (x, Vec::new())).collect();
    let mut scans = Arrivals::default();
    for node in (0..active.len()).rev().map(NodeId::new) {
        if !active[node.index()] {
            continue;
        }
        let is_scan = g.as_scan(node).is_some() && !rules.is_replaced(rule_name(g, node));
        let Some(terms) = arrived.remove(&node).or_else(|| is_scan.then(Vec::new)) else { continue };
        let terms = settle(g, terms);
        if let Some(result) = results.get_mut(&node) {
            result.clone_from(&terms);
        }
        let operands: Vec<(usize, NodeId)> =
            g.args(node).into_iter().enumerate().filter(|(_, a)| active[a.index()]).collect();
        if operands.is_empty() {
            continue;
        }
        let shape = extents(&far, g.shape(node));
        if is_scan {
            // The trajectories of a recurrence are pulled back together, once the last of them has been reached.
            record(g, rules, recording, node, &operands, terms.is_empty())?;
            let cotangent = g.sum_of_products(&terms, &shape);
            for (operand, product) in scans.reach(g, rules, node, cotangent, &far, &active)? {
                arrived.entry(operand).or_default().push(product);
            }
            continue;
        }
        let terms = combine(g, &terms, outer, &shape);
        for (k, operand) in operands {
            let entry = rules.entry(g, node, k)?;
            if let Some(recorder) = recording.as_deref_mut() {
                recorder.record(g, node, k, &entry);
            }
            let slot = arrived.entry(operand).or_default();
            for e in &entry {
                slot.extend(terms.iter().map(|t| t.compose(outer, e)));
            }
        }
    }
    Ok(xs.iter().map(|x| results[x].clone()).collect())
}

/// Records the entries of a node that a sweep applies without forming them.
fn record(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    node: NodeId,
    operands: &[(usize, NodeId)],
    nothing: bool,
) -> Result<()> {
    let Some(recorder) = recording.as_deref_mut().filter(|_| !nothing) else { return Ok(()) };
    for &(k, _) in operands {
        let entry = rules.entry(g, node, k)?;
        recorder.record(g, node, k, &entry);
    }
    Ok(())
}

/// The reverse sweep: for each `x` the node `Σ_out seed[outer; out] ∂y[out]/∂x[in]` over axes `outer… in…`.
pub(crate) fn reverse(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    y: NodeId,
    seed: Product,
    outer: usize,
    xs: &[NodeId],
) -> Result<Vec<NodeId>> {
    reverse_from(g, rules, recording, vec![(y, seed)], outer, xs)
}

/// As [`reverse`], from several nodes at once: what they share is swept once.
pub(crate) fn reverse_from(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    seeds: Vec<(NodeId, Product)>,
    outer: usize,
    xs: &[NodeId],
) -> Result<Vec<NodeId>> {
    let far: Vec<Dim> = seeds.first().map_or(Vec::new(), |(_, s)| s.extents[..outer].to_vec());
    let terms = reverse_terms(g, rules, recording, seeds, outer, xs)?;
    Ok(xs
        .iter()
        .zip(terms)
        .map(|(&x, terms)| {
            let shape = extents(&far, g.shape(x));
            g.sum_of_products(&terms, &shape)
        })
        .collect())
}

/// The terms of `∂y/∂x` over axes `out… in…`, before they become a node.
pub(crate) fn jacobian_terms(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    y: NodeId,
    x: NodeId,
) -> Result<Vec<Product>> {
    let outer = g.rank(y);
    let seed = Product::identity(&g.ty(y).shape.clone());
    let terms = reverse_terms(g, rules, recording, vec![(y, seed)], outer, &[x])?;
    Ok(terms.into_iter().next().unwrap_or_default())
}

/// The full Jacobian by a reverse sweep seeded with identity deltas.
pub(crate) fn jacobian_reverse(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    y: NodeId,
    x: NodeId,
) -> Result<NodeId> {
    let terms = jacobian_terms(g, rules, recording, y, x)?;
    let shape: Vec<Dim> = extents(g.shape(y), g.shape(x));
    Ok(g.sum_of_products(&terms, &shape))
}

/// The forward sweep: the node `Σ_x Σ_in ∂y[out]/∂x[in] seed_x[far; in]` over axes `far… out…`.
///
/// Seeds have free labels `far` (the same for all), then axes of their input.
pub(crate) fn forward(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    y: NodeId,
    seeds: &[(NodeId, Product)],
    outer: usize,
) -> Result<NodeId> {
    let far: Vec<Dim> = seeds.first().map_or(Vec::new(), |(_, s)| s.extents[..outer].to_vec());
    let xs: Vec<NodeId> = seeds.iter().map(|(x, _)| *x).collect();
    let active = active(g, &[y], &xs);
    let mut seeded: FxHashMap<NodeId, Vec<Product>> = FxHashMap::default();
    for (x, seed) in seeds {
        seeded.entry(*x).or_default().push(seed.clone());
    }
    let mut carried: FxHashMap<NodeId, Vec<Product>> = FxHashMap::default();
    let mut scans = Departures::default();
    for node in (0..=y.index()).map(NodeId::new) {
        if !active[node.index()] {
            continue;
        }
        let mut terms: Vec<Product> = seeded.remove(&node).unwrap_or_default();
        let is_scan = g.as_scan(node).is_some() && !rules.is_replaced(rule_name(g, node));
        if is_scan {
            let operands = g.args(node);
            let active: Vec<(usize, NodeId)> =
                operands.iter().copied().enumerate().filter(|(_, a)| carried.contains_key(a)).collect();
            record(g, rules, recording, node, &active, false)?;
            let tangent = |g: &mut Graph, a: NodeId| {
                let shape = extents(&far, g.shape(a));
                carried.get(&a).map(|terms| g.sum_of_products(terms, &shape))
            };
            terms.extend(scans.leave(g, rules, node, &far, &tangent)?);
        }
        for (k, operand) in g.args(node).into_iter().enumerate().filter(|_| !is_scan) {
            let Some(tangent) = carried.get(&operand).cloned() else { continue };
            let entry = rules.entry(g, node, k)?;
            if let Some(recorder) = recording.as_deref_mut() {
                recorder.record(g, node, k, &entry);
            }
            let (out, inner) = (g.rank(node), g.rank(operand));
            let swap: Vec<usize> = (out..out + inner).chain(0..out).collect();
            for e in entry {
                let e = e.permute(&swap);
                terms.extend(tangent.iter().map(|t| t.compose(outer, &e)));
            }
        }
        let terms = settle(g, terms);
        let terms = if node == y {
            terms
        } else {
            let shape = extents(&far, g.shape(node));
            combine(g, &terms, outer, &shape)
        };
        carried.insert(node, terms);
    }
    let shape = extents(&far, g.shape(y));
    let terms = carried.remove(&y).unwrap_or_default();
    Ok(g.sum_of_products(&terms, &shape))
}

/// The full Jacobian by a forward sweep seeded with identity deltas.
pub(crate) fn jacobian_forward(
    g: &mut Graph,
    rules: &Rules,
    recording: &mut Recording<'_>,
    y: NodeId,
    x: NodeId,
) -> Result<NodeId> {
    let inner = g.rank(x);
    let seed = Product::identity(&g.ty(x).shape.clone());
    let swapped = forward(g, rules, recording, y, &[(x, seed)], inner)?;
    if g.is_zero(swapped) {
        let shape = extents(g.shape(y), g.shape(x));
        return Ok(g.zero(Type::real(shape)));
    }
    let order: Vec<usize> = (inner..inner + g.rank(y)).chain(0..inner).collect();
    g.transpose(swapped, &order)
}
