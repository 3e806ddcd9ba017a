//! Selection between two operands, and the predicates it reads.

use super::{Primitive, deltas};
use crate::form::{Cond, Product};
use crate::graph::Graph;
use crate::index::{Label, Term};
use crate::node::NodeId;

/// Elementwise and lazy: what is not selected is absent, so `0 · ∞` never arises.
pub static SELECT: Primitive = Primitive {
    name: "select",
    family: "Selection and predicates",
    about: "a where p holds, else b; lazy, so the branch that is not taken never matters.",
    formula: "y[o] = a[o] if p[o] else b[o]",
    derivative: "dy[o]/da[i] = [p[o]] * delta(o,i);  dy[o]/db[i] = [not p[o]] * delta(o,i)",
    domain: "all reals",
    kinks: "where p changes: the branch taken",
    entry: |g, y, k| {
        let (p, x) = (g.arg(y, 0), g.arg(y, k));
        Ok(if k == 0 { Vec::new() } else { vec![guarded(g, y, x, p, k == 2)] })
    },
};

/// Comparisons, logic, argmax and argsort are constant wherever they are continuous.
pub static PREDICATE: Primitive = Primitive {
    name: "predicate",
    family: "Selection and predicates",
    about: "Comparisons, logic, argmax and argsort: constant wherever they are continuous.",
    formula: "y[o] = a[o] > b[o], a[o] >= b[o], a[o] == b[o], p and q, p or q, not p, argmax(k, x[o,k]), argsort(x)[o]",
    derivative: "0",
    domain: "all reals",
    kinks: "jumps; no derivative there",
    entry: |_, _, _| Ok(Vec::new()),
};

fn guarded(g: &Graph, y: NodeId, x: NodeId, p: NodeId, negated: bool) -> Product {
    let rank = g.rank(y);
    let at = (0..rank).map(|a| Term::label(Label(a as u32))).collect();
    deltas(g, y, x, (0..rank).map(|a| (a, a))).when(Cond::Holds(p, at, negated))
}
