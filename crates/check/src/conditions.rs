//! Conditions: the weakest one, of those that courses use, under which a refuted claim is right.

use crate::canon::{Assumed, Canon};
use crate::check::{Proof, prove};
use crate::lower::Meanings;
use crate::poly::Poly;
use crate::question::Question;
use crate::report::{Condition, ConditionKind, printed};
use chainrule_core::form::{Cond, Product};
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{DType, Dim};
use indexmap::{IndexMap, IndexSet};
use std::sync::Arc;
use std::time::Instant;

/// Where two nodes are equal, a comparison turns; `None` stands for 0.
pub(crate) type Boundary = (NodeId, Option<NodeId>);

/// Sizes up to this are tried as a condition.
const SMALL: i64 = 8;

/// What is assumed of a comparison.
#[derive(Copy, Clone)]
enum Cell {
    Off,
    Above,
    Below,
}

/// The weakest condition found under which the difference vanishes.
pub(crate) fn weakest(
    g: &Graph,
    q: &Question<'_>,
    boundaries: &[Boundary],
    sizes: &[Arc<str>],
    deadline: Instant,
) -> Option<Condition> {
    let steps = q.budget.steps;
    if let Proof::Left(left) = prove(g, q.claimed, q.derived, Assumed::default(), steps, deadline) {
        let (mut canon, left) = *left;
        let derived = canon.poly(g, q.derived, &mut Meanings::default());
        for cell in [Cell::Off, Cell::Above, Cell::Below] {
            for &boundary in boundaries {
                // Where the derivative is nothing but zero, agreement with it says nothing about a claim.
                if holds_in(&mut canon, g, &left, boundary, cell)
                    && !holds_in(&mut canon, g, &derived, boundary, cell)
                {
                    return Some(cell_condition(g, boundary, cell));
                }
            }
        }
    }
    let mut inputs: Vec<(Arc<str>, NodeId)> = Vec::new();
    for node in g.reachable(&[q.claimed, q.derived]) {
        if let Some(input) = g.as_input(node).filter(|i| i.ty.dtype == DType::Real) {
            inputs.push((input.name.clone(), node));
        }
    }
    let holds = |assumed: Assumed| {
        Instant::now() < deadline
            && matches!(prove(g, q.claimed, q.derived, assumed, steps, deadline), Proof::Equal(_))
    };
    let one = |name: &Arc<str>| IndexSet::from([name.clone()]);
    let condition = |text: String, kind: ConditionKind| {
        Some(Condition { text, almost_everywhere: false, convention: false, kind })
    };
    for (name, node) in &inputs {
        if holds(Assumed { positive: one(name), ..Assumed::default() }) {
            let (text, letters) = printed(g, *node);
            return condition(format!("{text} > 0{}", for_all(&letters)), ConditionKind::Positive);
        }
    }
    for (name, node) in &inputs {
        let square = g.rank(*node) == 2 && g.shape(*node)[0] == g.shape(*node)[1];
        if square && holds(Assumed { symmetric: one(name), ..Assumed::default() }) {
            return condition(format!("{name} == {name}'"), ConditionKind::Symmetric);
        }
    }
    for (name, node) in &inputs {
        let square = g.rank(*node) == 2 && g.shape(*node)[0] == g.shape(*node)[1];
        if square && holds(Assumed { orthogonal: one(name), ..Assumed::default() }) {
            let size = &g.shape(*node)[0];
            return condition(format!("{name}' @ {name} == eye({size})"), ConditionKind::Orthogonal);
        }
    }
    for (k, a) in sizes.iter().enumerate() {
        for b in &sizes[k + 1..] {
            let by = IndexMap::from([(b.clone(), Dim::size(a))]);
            if holds(Assumed { sizes: by, ..Assumed::default() }) {
                return condition(format!("{a} == {b}"), ConditionKind::Sizes);
            }
        }
    }
    for name in sizes {
        let at = |n: i64| IndexMap::from([(name.clone(), Dim::fixed(n))]);
        let holds_at = |n: &i64| holds(Assumed { sizes: at(*n), unroll: true, ..Assumed::default() });
        match (1..=SMALL).take_while(holds_at).count() {
            0 => {}
            1 => return condition(format!("{name} == 1"), ConditionKind::Sizes),
            n if n < SMALL as usize => return condition(format!("{name} <= {n}"), ConditionKind::Sizes),
            // Where it ends is not known.
            _ => {}
        }
    }
    None
}

/// ` for all i, j`, or nothing for a number.
pub(crate) fn for_all(letters: &[String]) -> String {
    if letters.is_empty() { String::new() } else { format!(" for all {}", letters.join(", ")) }
}

fn cell_condition(g: &Graph, (a, b): Boundary, cell: Cell) -> Condition {
    let (left, letters) = printed(g, a);
    let right = b.map_or("0".to_string(), |b| printed(g, b).0);
    let (sign, kind) = match cell {
        Cell::Off => ("!=", ConditionKind::Boundary),
        Cell::Above => (">", ConditionKind::Cell),
        Cell::Below => ("<", ConditionKind::Cell),
    };
    Condition {
        text: format!("{left} {sign} {right}{}", for_all(&letters)),
        almost_everywhere: matches!(cell, Cell::Off),
        convention: false,
        kind,
    }
}

/// Whether what is left of a difference vanishes inside one cell of a comparison.
fn holds_in(canon: &mut Canon, g: &Graph, left: &Poly, (a, b): Boundary, cell: Cell) -> bool {
    let mut known = Meanings::default();
    let p = canon.poly(g, a, &mut known);
    let d = match b {
        Some(b) => (*p).clone().plus(&Rational::from(-1), &canon.poly(g, b, &mut known)),
        None => (*p).clone(),
    };
    let (above, on) = (canon.positive(&d), canon.null(&d));
    let predicate = |poly: &Poly| -> Option<NodeId> {
        poly.terms.keys().find_map(|m| match &m.conds[..] {
            [Cond::Holds(node, _, _)] => Some(*node),
            _ => None,
        })
    };
    let Some(on) = predicate(&on) else { return false };
    // `d > 0` is its own predicate, or what remains of the opposite one.
    let flipped = above.terms.len() > 1;
    let positive = above.terms.keys().flat_map(|m| &m.conds).find_map(|c| match c {
        Cond::Holds(node, _, _) if *node != on => Some(*node),
        _ => None,
    });
    let value = |node: NodeId| -> Option<bool> {
        if node == on {
            return Some(false);
        }
        if Some(node) == positive {
            return match cell {
                Cell::Off => None,
                Cell::Above => Some(!flipped),
                Cell::Below => Some(flipped),
            };
        }
        None
    };
    let mut out = Poly::zero(&left.axes);
    let mut touched = false;
    for m in left.products() {
        let mut kept = Product { conds: Default::default(), ..m.clone() };
        let mut absent = false;
        for c in &m.conds {
            match c {
                Cond::Holds(node, _, _) => match value(*node) {
                    Some(holds) => {
                        touched = true;
                        absent |= !holds;
                    }
                    None => kept.conds.push(c.clone()),
                },
                other => kept.conds.push(other.clone()),
            }
        }
        if !absent {
            canon.tidy(kept, &mut out);
        }
    }
    let vanishes = touched && canon.numerator(&out).is_zero();
    vanishes && !canon.exhausted
}
