//! Cases of the elementwise primitives: the probes of each record, and the points on its kinks and edges.

use crate::case::{Case, Point};
use chainrule_core::error::Error;
use chainrule_core::graph::Graph;
use chainrule_core::ops::map::{MAPS, Map};
use chainrule_core::shape::{Dim, Type};
use chainrule_core::tensor::{Tensor, Value};

/// A point where a convention or a limit decides: the partials that the engine answers, for each operand.
pub(crate) struct Edge {
    pub(crate) map: &'static str,
    pub(crate) at: &'static [f64],
    pub(crate) partials: &'static [f64],
}

const fn edge(map: &'static str, at: &'static [f64], partials: &'static [f64]) -> Edge {
    Edge { map, at, partials }
}

/// Kinks of the records, then points on the rim of a domain. The last rows of `clip` are empty intervals: the value
/// is an end, so that end gets the whole derivative.
pub(crate) static EDGES: &[Edge] = &[
    edge("abs", &[0.0], &[0.0]),
    edge("abs", &[-0.0], &[0.0]),
    edge("sign", &[0.0], &[0.0]),
    edge("floor", &[2.0], &[0.0]),
    edge("floor", &[0.0], &[0.0]),
    edge("ceil", &[-1.0], &[0.0]),
    edge("round", &[0.5], &[0.0]),
    edge("round", &[-1.5], &[0.0]),
    edge("max", &[1.5, 1.5], &[0.5, 0.5]),
    edge("max", &[0.0, -0.0], &[0.5, 0.5]),
    edge("min", &[1.5, 1.5], &[0.5, 0.5]),
    edge("relu", &[0.0], &[0.0]),
    edge("relu", &[-0.0], &[0.0]),
    edge("clip", &[-1.0, -1.0, 2.0], &[0.0, 1.0, 0.0]),
    edge("clip", &[2.0, -1.0, 2.0], &[0.0, 0.0, 1.0]),
    edge("clip", &[5.0, 1.0, 1.0], &[0.0, 0.0, 1.0]),
    edge("clip", &[-3.0, 1.0, 1.0], &[0.0, 1.0, 0.0]),
    edge("clip", &[1.0, 1.0, 1.0], &[0.0, 1.0, 0.0]),
    edge("pow", &[0.0, 2.0], &[0.0, 0.0]),
    edge("pow", &[0.0, 1.0], &[1.0, 0.0]),
    edge("sqrt", &[0.0], &[f64::INFINITY]),
    edge("cbrt", &[0.0], &[f64::INFINITY]),
    edge("recip", &[f64::INFINITY], &[0.0]),
    edge("exp", &[f64::NEG_INFINITY], &[0.0]),
];

/// Names of the operands of a map, as its printed forms write them.
pub(crate) fn operand_names(map: &Map) -> &'static [&'static str] {
    match map.arity() {
        1 => &["x"],
        2 => &["a", "b"],
        _ => &["x", "a", "b"],
    }
}

/// Cases of every map: as a number, a vector and a matrix.
pub(crate) fn cases() -> Vec<Case> {
    MAPS.iter().flat_map(|map| [number(map), vector(map), matrix(map)]).collect()
}

/// The arguments of one entry, and its partials where they are stated.
type Entry = (&'static [f64], Option<&'static [f64]>);

fn probes(map: &'static Map) -> Vec<Entry> {
    map.probes.iter().map(|&p| (p, None)).collect()
}

fn edges(map: &'static Map) -> Vec<Entry> {
    EDGES.iter().filter(|e| e.map == map.name).map(|e| (e.at, Some(e.partials))).collect()
}

/// `f` of numbers, one point for each probe and each edge.
fn number(map: &'static Map) -> Case {
    let entries = probes(map).into_iter().chain(edges(map));
    case(map, "of numbers", &[], entries.map(|e| point(map, &[], &[e])).collect())
}

/// `f` of vectors of length 0, 1 and of all probes at once; of probes and edges mixed.
fn vector(map: &'static Map) -> Case {
    let smooth = [0, 1, map.probes.len() | 1].map(|n| point(map, &[n], &scattered(&probes(map), n)));
    let mixed = mixtures(map, 3).map(|e| point(map, &[3], &e));
    case(map, "of vectors", &[Dim::size("n")], smooth.into_iter().chain(mixed).collect())
}

/// `f` of matrices, of probes alone and of probes and edges mixed.
fn matrix(map: &'static Map) -> Case {
    let smooth = [[2, 3], [3, 1]].map(|s| point(map, &s, &scattered(&probes(map), s[0] * s[1])));
    let mixed = mixtures(map, 6).map(|e| point(map, &[2, 3], &e));
    let shape = [Dim::size("m"), Dim::size("n")];
    case(map, "of matrices", &shape, smooth.into_iter().chain(mixed).collect())
}

/// For each edge, entries that lie on it among entries that do not.
fn mixtures(map: &'static Map, count: usize) -> impl Iterator<Item = Vec<Entry>> {
    edges(map).into_iter().map(move |edge| {
        let mut entries = scattered(&probes(map), count);
        (0..count).filter(|k| [0, 4, 5].contains(k)).for_each(|k| entries[k] = edge);
        entries
    })
}

/// Entries in an order without rows or columns that are equal.
fn scattered(entries: &[Entry], count: usize) -> Vec<Entry> {
    (0..count).map(|k| entries[(k * k * 5 + k / 3 + k) % 7 % entries.len()]).collect()
}

/// Entry `k` of operand `j` is `entries[k].0[j]`.
fn point(map: &'static Map, shape: &[usize], entries: &[Entry]) -> Point {
    let mut point = Point::default();
    for (j, name) in operand_names(map).iter().enumerate() {
        let data = entries.iter().map(|(at, _)| at[j]).collect();
        let tensor = Tensor::new(shape, data).expect("one entry for each position");
        point.values.insert((*name).to_string(), Value::Real(tensor));
    }
    let partials = |j: usize| entries.iter().map(|(_, stated)| stated.map(|s| s[j])).collect();
    let on_an_edge = entries.iter().any(|(_, stated)| stated.is_some());
    point.stated = on_an_edge.then(|| (0..map.arity()).map(partials).collect());
    point
}

fn case(map: &'static Map, form: &str, shape: &[Dim], points: Vec<Point>) -> Case {
    let mut graph = Graph::new();
    let inputs: Vec<_> = operand_names(map)
        .iter()
        .map(|name| graph.input(name, Type::real(shape.to_vec())).expect("a new input"))
        .collect();
    let y = graph.map(map, &inputs).expect("a map of its operands");
    // An operand that is refused is not differentiated by; `opaque_operands_are_refused` holds the reason.
    let refused =
        |k: &usize| matches!(graph.clone().local_jacobian(y, *k), Err(Error::NotDifferentiable { .. }));
    let xs = (0..inputs.len()).filter(|k| !refused(k)).map(|k| inputs[k]).collect();
    let case = Case { rule: map.name, name: form.to_string(), graph, y, xs, points, stopped: false };
    case.with_directions().expect("directions are new inputs")
}
