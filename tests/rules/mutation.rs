//! Faults planted in every rule, one at a time: the suite must fail on each of them.
//!
//! `cargo test --test rules mutation -- --nocapture` prints the table: rule, faults, killed, equivalent.
//!
//! A fault changes one thing in the list of products that a rule answers: a sign, a factor, an exponent, an access,
//! a delta, a guard, two labels exchanged, a product dropped. A fault that leaves the entry the *same node*, once
//! labels that a delta equates are identified, is no fault; those are checked to have the same value, counted apart
//! and listed with their reason.

use crate::case::Case;
use crate::check::Judged;
use chainrule_core::error::Result;
use chainrule_core::form::product::Part;
use chainrule_core::form::{Access, Cond, Product};
use chainrule_core::graph::Graph;
use chainrule_core::index::{Atom, Facts, Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::ops::composite::COMPOSITES;
use chainrule_core::ops::rules::Rules;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Dim;
use std::collections::BTreeMap;

/// One change to product `product` of an entry; parts are numbered factors first, then conditions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    product: usize,
    change: Change,
}

#[derive(Clone, Debug, PartialEq)]
enum Change {
    NegateCoefficient,
    DoubleCoefficient,
    DropProduct,
    RepeatProduct,
    DropPart(usize),
    RaisePower(usize),
    NegateGuard(usize),
    ShiftCondition(usize),
    SwapLabels(usize, Label, Label),
    /// An entry that is zero gets a product that is not.
    Invent,
}

/// Every fault that fits an entry.
pub(crate) fn faults(entry: &[Product]) -> Vec<Fault> {
    if entry.is_empty() {
        return vec![Fault { product: 0, change: Change::Invent }];
    }
    let all = entry
        .iter()
        .enumerate()
        .flat_map(|(product, p)| changes(p).into_iter().map(move |change| Fault { product, change }));
    all.collect()
}

fn changes(p: &Product) -> Vec<Change> {
    use Change::*;
    let mut changes = vec![NegateCoefficient, DoubleCoefficient, DropProduct, RepeatProduct];
    for (k, part) in p.parts().enumerate() {
        changes.push(DropPart(k));
        match &part {
            Part::Access(_) => changes.push(RaisePower(k)),
            Part::Cond(Cond::Holds(..)) => changes.push(NegateGuard(k)),
            Part::Cond(_) => changes.push(ShiftCondition(k)),
        }
        let mut own = Vec::new();
        part.each_label(&mut |l| own.push(l));
        for (a, b) in pairs(p.extents.len()) {
            if own.contains(&a) || own.contains(&b) {
                changes.push(SwapLabels(k, a, b));
            }
        }
    }
    changes
}

fn pairs(count: usize) -> impl Iterator<Item = (Label, Label)> {
    (0..count as u32).flat_map(move |b| (0..b).map(move |a| (Label(a), Label(b))))
}

impl Fault {
    /// The entry with the fault in it.
    pub(crate) fn plant(&self, g: &Graph, y: NodeId, x: NodeId, mut entry: Vec<Product>) -> Vec<Product> {
        let k = self.product;
        match &self.change {
            Change::Invent => entry.push(Product::one(g.shape(y).iter().chain(g.shape(x)).cloned())),
            Change::DropProduct => drop(entry.remove(k)),
            Change::RepeatProduct => entry.push(entry[k].clone()),
            Change::NegateCoefficient => entry[k] = entry[k].clone().scaled(&Rational::from(-1)),
            Change::DoubleCoefficient => entry[k] = entry[k].clone().scaled(&Rational::from(2)),
            change => entry[k] = change.in_parts(&entry[k]),
        }
        entry
    }
}

impl Change {
    fn in_parts(&self, p: &Product) -> Product {
        let parts = p.parts().enumerate().filter_map(|(k, part)| match self {
            Change::DropPart(j) if *j == k => None,
            Change::RaisePower(j) if *j == k => Some(raised(part)),
            Change::NegateGuard(j) if *j == k => Some(negated(part)),
            Change::ShiftCondition(j) if *j == k => Some(shifted(part)),
            Change::SwapLabels(j, a, b) if *j == k => Some(swapped(part, *a, *b)),
            _ => Some(part),
        });
        p.with_parts(parts).scaled(&p.coefficient)
    }
}

fn raised(part: Part) -> Part {
    match part {
        Part::Access(a) => Part::Access(Access { power: a.power + 1, ..a }),
        other => other,
    }
}

fn negated(part: Part) -> Part {
    match part {
        Part::Cond(Cond::Holds(p, at, negated)) => Part::Cond(Cond::Holds(p, at, !negated)),
        other => other,
    }
}

/// `e == 0` becomes `e + 1 == 0`, `e >= 0` becomes `e - 1 >= 0`.
fn shifted(part: Part) -> Part {
    match part {
        Part::Cond(Cond::Zero(t)) => Part::Cond(Cond::Zero(t + Term::constant(1))),
        Part::Cond(Cond::NonNegative(t)) => Part::Cond(Cond::NonNegative(t - Term::constant(1))),
        other => other,
    }
}

fn swapped(part: Part, a: Label, b: Label) -> Part {
    let swap = |l: Label| {
        if l == a {
            b
        } else if l == b {
            a
        } else {
            l
        }
    };
    let mut rename = |t: &Term| t.relabel(&swap);
    match part {
        Part::Cond(c) => Part::Cond(c.map(&mut rename)),
        Part::Access(a) => Part::Access(Access { at: a.at.iter().map(rename).collect(), ..a }),
    }
}

/// The product with what its deltas say written into its other parts: `delta(o, i + 2)` makes `o` an `i + 2`.
fn identified(g: &Graph, p: &Product) -> Product {
    let below = |n: NodeId| g.below(n);
    let facts = Facts { extents: &p.extents, gone: &[], below: &below };
    let mut product = p.clone();
    for k in 0..product.conds.len() {
        let Some((label, value)) = solved(&product.conds[k]) else { continue };
        let own = product.conds[k].clone();
        product.map_terms(&mut |t| {
            t.substitute(&mut |l| if l == label { value.clone() } else { Term::label(l) }, &facts)
        });
        product.conds[k] = own;
    }
    product
}

/// The first label that a delta determines, and its value.
fn solved(cond: &Cond) -> Option<(Label, Term)> {
    let Cond::Zero(term) = cond else { return None };
    term.parts().iter().find_map(|(atom, c)| {
        let (Atom::Label(label), Some(c @ (1 | -1))) = (atom, c.as_fixed()) else { return None };
        let rest = term.clone() - Term::label(*label).scaled(&Dim::fixed(c));
        (!rest.mentions(*label)).then(|| (*label, rest.scaled(&Dim::fixed(-c))))
    })
}

/// Why a fault changed nothing, if it did not: both entries are one node.
fn equivalent(
    case: &Case,
    x: NodeId,
    right: &[Product],
    wrong: &[Product],
    g: &Graph,
) -> Option<&'static str> {
    let mut g = g.clone();
    let shape: Vec<_> = g.shape(case.y).iter().chain(g.shape(x)).cloned().collect();
    if shape.iter().any(Dim::is_zero) {
        return Some("the Jacobian has no entries");
    }
    let node = |g: &mut Graph, entry: &[Product]| g.sum_of_products(entry, &shape);
    if node(&mut g, right) == node(&mut g, wrong) {
        return Some("the same node: a delta is symmetric, an unread label is its size");
    }
    let [right, wrong] = [right, wrong].map(|e| e.iter().map(|p| identified(&g, p)).collect::<Vec<_>>());
    let same = node(&mut g, &right) == node(&mut g, &wrong);
    same.then_some("the same node where labels that a delta equates are one")
}

/// The right rules, but for one fault in the last step of the case.
pub(crate) fn faulty(case: &Case, operand: usize, fault: Fault) -> Rules {
    let (y, x) = (case.y, case.graph.arg(case.y, operand));
    Rules::new().replace(case.rule, move |g: &mut Graph, node, k, entry| -> Result<Vec<Product>> {
        Ok(if node == y && k == operand { fault.plant(g, y, x, entry) } else { entry })
    })
}

/// What became of the faults of one rule.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) cases: usize,
    pub(crate) killed: usize,
    pub(crate) equivalent: Vec<(&'static str, String)>,
    pub(crate) survived: Vec<String>,
}

impl Tally {
    pub(crate) fn planted(&self) -> usize {
        self.killed + self.survived.len()
    }
}

/// Plants every fault in every operand of a case and counts which are noticed.
pub(crate) fn attack(judged: &Judged, tally: &mut Tally) {
    let case = &judged.case;
    tally.cases += 1;
    if COMPOSITES.iter().any(|c| c.primitive.name == case.rule && !c.has_entry) {
        // Differentiated through its body: there is no rule to plant a fault in.
        return;
    }
    for (operand, x) in case.operands().into_iter().filter(|(_, x)| case.xs.contains(x)) {
        let mut graph = case.graph.clone();
        let right = Rules::new().entry(&mut graph, case.y, operand).expect("the right rule answers");
        for fault in faults(&right) {
            let wrong = fault.plant(&graph, case.y, x, right.clone());
            let label = format!("{} ({}), operand {operand}: {:?}", case.rule, case.name, fault);
            let noticed = judged.first_order(&faulty(case, operand, fault)).is_err();
            match equivalent(case, x, &right, &wrong, &graph) {
                // One node has one value: a check that disagrees would show that nodes are merged wrongly.
                Some(why) if noticed => tally.survived.push(format!("{label}: noticed, although {why}")),
                Some(why) => tally.equivalent.push((why, label)),
                None if noticed => tally.killed += 1,
                None => tally.survived.push(label),
            }
        }
    }
}

/// The table of a run, one line for each rule.
pub(crate) fn table(tallies: &BTreeMap<&str, Tally>) -> String {
    let mut lines =
        vec![format!("{:<16}{:>7}{:>9}{:>9}{:>13}", "rule", "cases", "faults", "killed", "equivalent")];
    let row = |name: &str, cases, planted, killed, equivalent| {
        format!("{name:<16}{cases:>7}{planted:>9}{killed:>9}{equivalent:>13}")
    };
    let (mut cases, mut planted, mut killed, mut equivalent) = (0, 0, 0, 0);
    for (name, t) in tallies {
        lines.push(row(name, t.cases, t.planted(), t.killed, t.equivalent.len()));
        cases += t.cases;
        planted += t.planted();
        killed += t.killed;
        equivalent += t.equivalent.len();
    }
    lines.push(row("all", cases, planted, killed, equivalent));
    lines.push(format!("kill rate {:.2} %", 100.0 * killed as f64 / planted as f64));
    lines.join("\n")
}
