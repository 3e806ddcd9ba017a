//! Kinks: whether a convention, such as `relu'(0) = 0`, decides the asked derivative.
//!
//! The derivation is replayed with another admissible value at one kink. If the answer stays the same, as for the
//! first derivative of `x |x|`, the kink is of no concern.

use crate::canon::Assumed;
use crate::check::{Proof, prove};
use crate::compare::Pair;
use crate::conditions::for_all;
use crate::point::Space;
use crate::question::Question;
use crate::refute::{Found, Search};
use crate::report::{Condition, ConditionKind, printed};
use chainrule_core::form::{Cond, Product};
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Comparison;
use chainrule_core::index::{Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::ops::rules::Rules;
use chainrule_core::rational::Rational;
use chainrule_core::{Error, Result};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Rules with a kink that conventions decide.
const KINKED: [&str; 5] = ["relu", "abs", "max", "min", "clip"];

/// `delta(o, i)` of an elementwise operation, before a factor.
pub(crate) fn diagonal(g: &Graph, y: NodeId, x: NodeId) -> Product {
    let rank = g.rank(y);
    let mut product = Product::one(g.shape(y).iter().chain(g.shape(x)).cloned());
    for k in 0..rank {
        let (o, i) = (Label(k as u32), Label((rank + k) as u32));
        product.conds.push(Cond::delta(Term::label(o), Term::label(i)));
    }
    product
}

/// The two sides that are equal at the kink of a node.
fn sides(g: &mut Graph, y: NodeId) -> Result<Vec<(NodeId, NodeId)>> {
    let args = g.args(y);
    let zero = g.zero(g.ty(args[0]).clone());
    Ok(match args.len() {
        1 => vec![(args[0], zero)],
        2 => vec![(args[0], args[1])],
        _ => vec![(args[0], args[1]), (args[0], args[2])],
    })
}

/// The entry with another admissible value at the kink.
fn moved(g: &mut Graph, y: NodeId, k: usize, mut entry: Vec<Product>) -> Result<Vec<Product>> {
    let x = g.arg(y, k);
    let by = match (g.args(y).len(), k) {
        (2, 0) => Rational::new(1, 2),
        (2, _) => Rational::new(-1, 2),
        _ => Rational::from(1),
    };
    if g.args(y).len() == 3 && k > 0 {
        return Ok(entry);
    }
    for (a, b) in sides(g, y)? {
        let on = g.compare(Comparison::Equal, a, b)?;
        let at = (0..g.rank(y)).map(|o| Term::label(Label(o as u32))).collect();
        entry.push(diagonal(g, y, x).when(Cond::Holds(on, at, false)).scaled(&by));
    }
    Ok(entry)
}

/// Whether some point tells the two answers apart.
fn shows(g: &Graph, q: &Question<'_>, other: NodeId, deadline: Instant) -> bool {
    let pair = Pair::new(g, other, q.derived, q.assume, q.budget.entries);
    let mut nodes = vec![other, q.derived];
    nodes.extend(q.assume);
    let space = Space::new(g, &nodes);
    let (points, entries) = (q.budget.points.min(100), q.budget.entries);
    let search = Search { graph: g, pair: &pair, space: &space, cases: &[], deadline, points, entries };
    matches!(search.run(), Found::Counterexample(..))
}

/// The condition under which no convention is needed; `None` when none is used.
pub(crate) fn condition(g: &mut Graph, q: &Question<'_>, deadline: Instant) -> Option<Condition> {
    let replay = q.replay?;
    let seen: Arc<Mutex<Vec<NodeId>>> = Arc::default();
    let mut rules = Rules::new();
    for name in KINKED {
        let seen = seen.clone();
        rules = rules.replace(name, move |_, y, _, entry| {
            let mut seen = seen.lock().map_err(|_| Error::OtherGraph)?;
            if !seen.contains(&y) {
                seen.push(y);
            }
            Ok(entry)
        });
    }
    replay(g, &rules).ok()?;
    let nodes = seen.lock().ok()?.clone();
    let mut texts: Vec<String> = Vec::new();
    for node in nodes {
        let mut rules = Rules::new();
        for name in KINKED {
            rules = rules.replace(
                name,
                move |g, y, k, entry| {
                    if y == node { moved(g, y, k, entry) } else { Ok(entry) }
                },
            );
        }
        let Ok(other) = replay(g, &rules) else { continue };
        if g.ty(other) != g.ty(q.derived) {
            continue;
        }
        // An answer that depends on the value at the kink, or may.
        if matches!(prove(g, other, q.derived, Assumed::default(), q.budget.steps, deadline), Proof::Equal(_))
        {
            continue;
        }
        // What no point shows is a guard that other guards exclude.
        if !shows(g, q, other, deadline) {
            continue;
        }
        for (a, b) in sides(g, node).ok()? {
            let (left, letters) = printed(g, a);
            let right = if g.is_zero(b) { "0".to_string() } else { printed(g, b).0 };
            let text = format!("{left} != {right}{}", for_all(&letters));
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    (!texts.is_empty()).then(|| Condition {
        text: texts.join(" and "),
        almost_everywhere: true,
        convention: true,
        kind: ConditionKind::Kink,
    })
}
