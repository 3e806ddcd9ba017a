//! The random programs reach every kind of node, and everything that a plan makes of nodes.

use crate::judge::{Case, Tally, compile, judge};
use crate::programs::{derivatives, program};
use chainrule_core::graph::op::Op;
use chainrule_core::ops::map::{MAPS, Map};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::Options;
use chainrule_exec::array::{Array, At, Atom, Body, Definition, Guard, Nest, Reduction, Whole};
use chainrule_exec::schedule::{Work, schedule};
use std::collections::BTreeSet;

/// Every kind of node; a kind that is added to [`Op`] has to be named here.
fn of_node(g: &Graph, node: NodeId) -> String {
    match g.op(node) {
        Op::Zero(_) => "zero".into(),
        Op::Input(_) => format!("input {:?}", g.ty(node).dtype),
        Op::Rational(_) => "rational".into(),
        Op::Pi => "pi".into(),
        Op::Size(_) => "size".into(),
        Op::Literal(_) => format!("literal {:?}", g.ty(node).dtype),
        Op::Sum(_) => "sum".into(),
        Op::Contract(_) => "contract".into(),
        Op::Map(id) => format!("map {}", Map::by_id(*id).name),
        Op::Select => "select".into(),
        Op::Compare(c) => format!("compare {c:?}"),
        Op::Logic(l) => format!("logic {l:?}"),
        Op::Reduce(r, _) => format!("reduce {r:?}"),
        Op::ArgMax(_) => "argmax".into(),
        Op::ArgSort(_) => "argsort".into(),
        Op::Linear(kind) => format!("linear {kind:?}"),
        Op::Named(_) => format!("named {}", g.as_named(node).expect("a function").name),
        Op::Scan(_) => "scan".into(),
        Op::Tag(_) => "tag".into(),
        Op::StopGradient => "stop".into(),
        Op::Checkpoint => "checkpoint".into(),
    }
}

const NODES: &str = "zero, input Real, input Int, input Bool, rational, pi, size, literal Real, literal Int, \
    literal Bool, sum, contract, select, compare Greater, compare GreaterEqual, compare Equal, logic And, logic Or, \
    logic Not, reduce Max, reduce Min, reduce Prod, argmax, argsort, linear Inverse, linear Solve, linear Det, \
    linear LogAbsDet, linear Cholesky, linear SolveLower, linear SolveUpper, named wave, named logsumexp, \
    named softmax, named log_softmax, named exclusive_prod, scan, tag, stop, checkpoint";

/// Every kind of array, and what a nest is made of.
fn of_array(array: &Array, see: &mut dyn FnMut(String)) {
    match &array.definition {
        Definition::Input(_) => see("from input".into()),
        Definition::Reals(_) => see("from reals".into()),
        Definition::Integers(_) => see("from integers".into()),
        Definition::Nest(nest) => {
            see("nest".into());
            of_nest(nest, see);
        }
        Definition::Scatter(nest, place) => {
            see("scatter".into());
            of_nest(nest, see);
            place.iter().for_each(|t| of_index(t, see));
        }
        Definition::Carry { .. } => see("carry".into()),
        Definition::Whole(whole, _) => see(match whole {
            Whole::ArgMax(_) => "whole argmax".into(),
            Whole::ArgSort(_) => "whole argsort".into(),
            Whole::Linear(kind) => format!("whole {kind:?}"),
            Whole::ExclusiveProduct(_) => "whole exclusive product".into(),
            Whole::PrefixSum { .. } => "whole prefix sum".into(),
        }),
    }
}

fn of_nest(nest: &Nest, see: &mut dyn FnMut(String)) {
    if nest.free < nest.extents.len() {
        see(match nest.reduction {
            Reduction::Sum => "total".into(),
            Reduction::Product => "product".into(),
            Reduction::Max => "largest".into(),
            Reduction::Min => "smallest".into(),
        });
    }
    see(match &nest.body {
        Body::Const(_) => "constant".into(),
        Body::Count(_) => "count".into(),
        Body::Product(factors) if factors.iter().any(|f| f.divides) => "quotient".into(),
        Body::Product(_) => "factors".into(),
        Body::Sum(_) => "terms".into(),
        Body::Map(..) => "function".into(),
        Body::Select(_) => "choice".into(),
        Body::Compare(..) => "comparison".into(),
        Body::Logic(..) => "connective".into(),
    });
    let mut indices: Vec<At> = Vec::new();
    nest.each_guard(&mut |guard| {
        see(match guard {
            Guard::Zero(_) => "delta".into(),
            Guard::NonNegative(_) => "range".into(),
            Guard::Holds(_, _, negated) => format!("predicate {negated}"),
        });
        indices.extend(guard.indices().iter().cloned());
    });
    indices.extend(nest.body.reads().flat_map(|r| r.at.iter().cloned()));
    indices.iter().for_each(|t| of_index(t, see));
}

fn of_index(at: &At, see: &mut dyn FnMut(String)) {
    for (atom, _) in &at.parts {
        see(match atom {
            Atom::Label(_) => "label".into(),
            Atom::Quotient(..) => "index quotient".into(),
            Atom::Remainder(..) => "index remainder".into(),
            Atom::Element(..) => "index element".into(),
        });
    }
}

const ARRAYS: &str = "from input, from reals, from integers, nest, scatter, whole argmax, whole argsort, \
    whole Inverse, whole Solve, whole Det, whole LogAbsDet, whole Cholesky, whole SolveLower, whole SolveUpper, \
    whole exclusive product, total, product, largest, smallest, constant, quotient, factors, terms, function, choice, \
    comparison, connective, delta, range, predicate true, predicate false, label, index quotient, index remainder, \
    index element, step loops, step whole, step recurrence, carry, step matrix";

#[test]
fn every_kind_of_node_and_of_array_is_judged() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for seed in 0..1500 {
        let made = if seed % 3 == 2 { derivatives(seed) } else { program(seed) };
        let Some(case) = Case::<f64>::new(seed, made) else { continue };
        let mut tally = Tally::default();
        judge(&case.expected, &case.run(seed, &Options::default()), &mut tally);
        if tally.straddled > 0 || tally.judged == 0 {
            continue;
        }
        let graph = &case.program.graph;
        seen.extend(graph.reachable(&case.program.outputs).into_iter().map(|n| of_node(graph, n)));
        let plan = compile::<f64>(seed, &case.program, &Options::default()).expect("compiled before");
        plan.arrays().arrays.iter().for_each(|array| of_array(array, &mut |kind| _ = seen.insert(kind)));
        for step in schedule(plan.arrays(), true).steps {
            seen.insert(match step.work {
                Work::Loops { .. } => "step loops".into(),
                Work::Whole(_) => "step whole".into(),
                Work::Matrix(..) => "step matrix".into(),
                Work::Recurrence(..) => "step recurrence".into(),
                Work::Strip(_) => unreachable!("strips are gathered from a schedule"),
            });
        }
    }
    let maps = MAPS.iter().map(|m| format!("map {}", m.name));
    let expected = NODES.split(", ").chain(ARRAYS.split(", ")).map(String::from).chain(maps);
    let missing: Vec<String> = expected.filter(|kind| !seen.contains(kind)).collect();
    assert!(missing.is_empty(), "no judged program has {missing:?}; seen: {seen:?}");
}
