//! Kinks: where a function has no derivative, and a convention decides what is answered.
//!
//! A kink is told only where the asked quantity is affected by it. That is tried out: the argument of the function is
//! moved a little to both sides of the kink, everything else stays. What jumps is affected; `x * |x|` has a kink at 0
//! in its second derivative, but none in its first, because both sides agree there.

use super::Names;
use super::domain::{Sign, argument, signs, whole, with};
use chainrule_core::eval::{Bindings, Options};
use chainrule_core::graph::op::{Op, Reduction};
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{Kink as MapKink, Map, Place};
use chainrule_core::tensor::{Tensor, Value};
use chainrule_lang::case::Case;
use chainrule_lang::query::Query;
use chainrule_lang::scope::Meaning;
use chainrule_lang::verify::sample;

/// A kink that affects the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kink {
    /// The function, by its name or written out: `relu(x[i])`.
    pub node: String,
    /// Where it is: `x[i] = 0`.
    pub at: String,
    /// What is taken there: `relu'(0) = 0`.
    pub convention: String,
    /// Which values would also be right.
    pub interval: String,
}

/// So many kinks are told.
const KINKS: usize = 20;

/// How far an argument is moved, and how much nearer the second time.
const STEP: f64 = 1.0 / (1 << 20) as f64;
const NEARER: f64 = 1.0 / 1024.0;

/// A place in a function's graph with a kink.
#[derive(Copy, Clone)]
struct Candidate {
    node: NodeId,
    kind: Kind,
}

#[derive(Copy, Clone)]
enum Kind {
    Map(&'static Map, &'static MapKink),
    Extreme(Reduction, usize),
}

/// A node over inputs only: definitions opened, cut names back in place.
pub(crate) fn without_cuts(query: &mut Query, node: NodeId) -> chainrule_core::Result<NodeId> {
    let scope = &mut query.scope;
    let defined: Vec<(String, NodeId)> = scope
        .names
        .iter()
        .filter_map(|(name, d)| match d.meaning {
            Meaning::Definition(tag) => Some((format!("_cut_{name}"), tag)),
            _ => None,
        })
        .collect();
    let back: Vec<(NodeId, NodeId)> =
        defined.iter().filter_map(|(cut, tag)| Some((scope.graph.find_input(cut)?, *tag))).collect();
    let mut node = node;
    for _ in &back {
        let next = scope.graph.substitute(&[node], &back)?[0];
        if next == node {
            break;
        }
        node = next;
    }
    Ok(scope.graph.lower(&[node], &[])?.outputs[0])
}

/// Everything that an evaluation of the answer depends on: the answer, and the functions it was derived from.
fn sources(query: &mut Query) -> chainrule_core::Result<(NodeId, Vec<NodeId>)> {
    let asked = match query.formula.sides.first() {
        Some(side) => query.scope.graph.lower(&[side.node], &[])?.outputs[0],
        None => query.node,
    };
    let functions: Vec<NodeId> = query.formula.taken.iter().map(|t| t.function).collect();
    let mut all = vec![asked];
    for function in functions {
        all.push(without_cuts(query, function)?);
    }
    Ok((asked, all))
}

/// Kinks that can affect the answer somewhere.
pub(crate) fn conventions(query: &mut Query, names: &Names) -> chainrule_core::Result<Vec<Kink>> {
    let (asked, all) = sources(query)?;
    let nodes = query.scope.graph.reachable(&all);
    let signs = signs(&query.scope.graph, &nodes);
    let mut found = Vec::new();
    for candidate in candidates(query, &nodes) {
        if found.len() == KINKS {
            break;
        }
        let arg = query.scope.graph.arg(candidate.node, 0);
        let away = matches!(candidate.kind, Kind::Map(_, k) if k.place == Place::Zero)
            && signs.get(&arg) == Some(&Sign::Positive);
        if away {
            continue;
        }
        // Several points, because a convention may be hidden behind another condition at one of them.
        let mut affected = false;
        for trial in 0..4 {
            let at = sample(&query.scope.graph, &all, trial)?;
            affected |= jumps_somewhere(query, asked, candidate, &at);
        }
        if affected {
            found.push(told(query, names, candidate, None));
        }
    }
    Ok(distinct(found))
}

/// Kinks that the evaluation at a case meets and that affect the answer there.
///
/// # Errors
/// What the evaluation refuses.
pub fn hit(query: &mut Query, case: &Case) -> chainrule_core::Result<Vec<Kink>> {
    let (asked, all) = sources(query)?;
    let at = case.bindings(&query.scope);
    let options = Options { kinks: true, ..Options::default() };
    // What only the function needs may be unknown where the answer itself is known.
    let evaluation = match query.scope.graph.evaluate_with(&all, &at, &options) {
        Ok(evaluation) => evaluation,
        Err(_) => query.scope.graph.evaluate_with(&[asked], &at, &options)?,
    };
    let mut found = Vec::new();
    for hit in &evaluation.kinks {
        if found.len() == KINKS {
            break;
        }
        let nodes = [hit.node];
        for candidate in candidates(query, &nodes) {
            if matches!(candidate.kind, Kind::Map(_, k) if k.at != hit.at) {
                continue;
            }
            if jumps_at(query, asked, candidate, &at) {
                let shape = query.scope.graph.shape(hit.node).len();
                let count = (shape > 0).then_some((hit.count, hit.position));
                found.push((candidate, count));
            }
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let names = Names::of(query)?;
    Ok(distinct(found.into_iter().map(|(candidate, count)| told(query, &names, candidate, count)).collect()))
}

/// One kink a place: the sign in the derivative of `abs` is no second one beside that of `abs`, which comes first.
fn distinct(kinks: Vec<Kink>) -> Vec<Kink> {
    let mut kept: Vec<Kink> = Vec::new();
    for kink in kinks {
        if kept.iter().all(|k| k.at != kink.at) {
            kept.push(kink);
        }
    }
    kept
}

fn candidates(query: &Query, nodes: &[NodeId]) -> Vec<Candidate> {
    let g = &query.scope.graph;
    let mut found = Vec::new();
    for &node in nodes {
        match g.op(node) {
            Op::Map(id) => {
                let map = Map::by_id(*id);
                found.extend(map.kinks.iter().map(|kink| Candidate { node, kind: Kind::Map(map, kink) }));
            }
            Op::Reduce(r @ (Reduction::Max | Reduction::Min), axis) => {
                found.push(Candidate { node, kind: Kind::Extreme(*r, usize::from(*axis)) });
            }
            _ => {}
        }
    }
    found
}

fn told(query: &Query, names: &Names, candidate: Candidate, hit: Option<(usize, usize)>) -> Kink {
    let g = &query.scope.graph;
    let printer = names.printer(query);
    let short = |text: String, name: &str| {
        if text.chars().count() > 60 { format!("the argument of {name}") } else { text }
    };
    let arg = |k: usize, name: &str| short(argument(&printer, names, g.arg(candidate.node, k)), name);
    let node = match names.get(candidate.node) {
        Some(name) => name.to_string(),
        None => short(printer.index_text(candidate.node).body, "this formula"),
    };
    let (mut at, convention, interval) = match candidate.kind {
        Kind::Map(map, kink) => {
            let name = map.name;
            let at = match kink.place {
                Place::Zero => format!("{} = 0", arg(0, name)),
                Place::Whole => format!("{} is a whole number", arg(0, name)),
                Place::HalfWhole => format!("{} is a whole number and a half", arg(0, name)),
                Place::Equal(a, b) => format!("{} = {}", arg(a, name), arg(b, name)),
            };
            let convention = match kink.place {
                Place::Zero => format!("{name}'(0) = {}", kink.taken),
                _ => format!("{name}' = {} there", kink.taken),
            };
            (at, convention, kink.interval)
        }
        Kind::Extreme(reduction, _) => {
            let word = if reduction == Reduction::Max { "largest" } else { "smallest" };
            (
                format!(
                    "several entries of {} are {word}",
                    short(whole(&printer, names, g.arg(candidate.node, 0)), "the reduction")
                ),
                "1 for the first of equals".to_string(),
                "[0, 1] each, summing to 1",
            )
        }
    };
    if let Some((count, position)) = hit.filter(|(count, _)| *count > 1) {
        at = format!("{at} ({count} entries, the first at position {position} of all)");
    }
    Kink { node, at, convention, interval: interval.to_string() }
}

/// Whether the answer jumps when the argument passes the kink in its first entry.
fn jumps_somewhere(query: &mut Query, asked: NodeId, candidate: Candidate, at: &Bindings<f64>) -> bool {
    let g = &query.scope.graph;
    let arg = g.arg(candidate.node, moved(candidate.kind));
    let Some(mut center) = real(query, arg, at) else { return false };
    if center.data().is_empty() {
        return false;
    }
    match candidate.kind {
        Kind::Map(_, kink) => {
            let value = match kink.place {
                Place::Zero => 0.0,
                Place::Whole => 1.0,
                Place::HalfWhole => 0.5,
                Place::Equal(_, b) => {
                    let other = query.scope.graph.arg(candidate.node, b);
                    match real(query, other, at).and_then(|t| t.data().first().copied()) {
                        Some(value) => value,
                        None => return false,
                    }
                }
            };
            // Every entry in turn would cost too much; the first and the last see different conditions on indices.
            let last = center.data().len() - 1;
            let mut any = false;
            for entry in [0, last] {
                let mut moved = center.clone();
                moved.data_mut()[entry] = value;
                any |= jumps(query, asked, arg, &moved, &[(entry, 1.0)], &[(entry, -1.0)], at);
            }
            any
        }
        Kind::Extreme(reduction, axis) => {
            let (_, along, after) = center.around(axis);
            if along < 2 {
                return false;
            }
            let sign = if reduction == Reduction::Max { 1.0 } else { -1.0 };
            let extreme = 1.0 + center.data().iter().fold(0.0f64, |m, x| m.max(x.abs()));
            for k in [0, 1] {
                center.data_mut()[k * after] = sign * extreme;
            }
            jumps(query, asked, arg, &center, &[(0, sign)], &[(after, sign)], at)
        }
    }
}

/// Whether the answer jumps at a point that lies on the kink.
fn jumps_at(query: &mut Query, asked: NodeId, candidate: Candidate, at: &Bindings<f64>) -> bool {
    let arg = query.scope.graph.arg(candidate.node, moved(candidate.kind));
    let Some(center) = real(query, arg, at) else { return false };
    let on: Vec<usize> = match candidate.kind {
        Kind::Map(_, kink) => {
            let other = match kink.place {
                Place::Equal(_, b) => {
                    let other = query.scope.graph.arg(candidate.node, b);
                    real(query, other, at)
                }
                _ => None,
            };
            let lies = |k: usize, x: f64| match kink.place {
                Place::Zero => x == 0.0,
                Place::Whole => x == x.floor(),
                Place::HalfWhole => x + 0.5 == (x + 0.5).floor(),
                Place::Equal(..) => other.as_ref().is_some_and(|o| o.data().get(k) == Some(&x)),
            };
            center.data().iter().enumerate().filter(|(k, x)| lies(*k, **x)).map(|(k, _)| k).collect()
        }
        Kind::Extreme(reduction, axis) => {
            let (before, along, after) = center.around(axis);
            let sign = if reduction == Reduction::Max { 1.0 } else { -1.0 };
            for b in 0..before {
                for a in 0..after {
                    let place = |k: usize| (b * along + k) * after + a;
                    let best = (0..along).map(|k| sign * center.data()[place(k)]).fold(f64::MIN, f64::max);
                    let tied: Vec<usize> =
                        (0..along).map(place).filter(|&p| sign * center.data()[p] == best).collect();
                    if let [first, .., last] = tied[..]
                        && jumps(query, asked, arg, &center, &[(first, sign)], &[(last, sign)], at)
                    {
                        return true;
                    }
                }
            }
            return false;
        }
    };
    on.into_iter()
        .take(64)
        .any(|entry| jumps(query, asked, arg, &center, &[(entry, 1.0)], &[(entry, -1.0)], at))
}

/// Which argument is moved.
fn moved(kind: Kind) -> usize {
    match kind {
        Kind::Map(_, MapKink { place: Place::Equal(a, _), .. }) => *a,
        _ => 0,
    }
}

fn real(query: &Query, node: NodeId, at: &Bindings<f64>) -> Option<Tensor<f64>> {
    query.scope.graph.evaluate(&[node], at).ok()?.remove(0).real().cloned()
}

/// Whether the answer differs between two directions however small the move is.
fn jumps(
    query: &mut Query,
    asked: NodeId,
    arg: NodeId,
    center: &Tensor<f64>,
    up: &[(usize, f64)],
    down: &[(usize, f64)],
    at: &Bindings<f64>,
) -> bool {
    let g = &mut query.scope.graph;
    let name = format!("_kink_{}", arg.index());
    let Ok(fresh) = g.input(&name, g.ty(arg).clone()) else { return false };
    let Ok(replaced) = g.substitute(&[asked], &[(arg, fresh)]) else { return false };
    let asked = replaced[0];
    if !g.reachable(&[asked]).contains(&fresh) {
        return false;
    }
    let moved = |by: &[(usize, f64)], step: f64| {
        let mut value = center.clone();
        for &(entry, direction) in by {
            value.data_mut()[entry] += direction * step;
        }
        let at = with(at, &name, Value::Real(value));
        query.scope.graph.evaluate(&[asked], &at).ok().map(|mut v| numbers(&v.remove(0)))
    };
    let difference = |step: f64| {
        let (a, b) = (moved(up, step)?, moved(down, step)?);
        let worst = a.iter().zip(&b).map(|(a, b)| if a == b { 0.0 } else { (a - b).abs() });
        Some(worst.fold(0.0f64, |m, d| if d.is_nan() { m } else { m.max(d) }))
    };
    let (Some(far), Some(near)) = (difference(STEP), difference(STEP * NEARER)) else { return false };
    near.is_infinite() || (near > 0.5 * far && near > 1e-12)
}

fn numbers(value: &Value<f64>) -> Vec<f64> {
    match value {
        Value::Real(t) => t.data().to_vec(),
        Value::Int(t) => t.data().iter().map(|&n| n as f64).collect(),
        Value::Bool(t) => t.data().iter().map(|&b| f64::from(u8::from(b))).collect(),
    }
}
