//! What one node costs: arithmetic and function values, as polynomials of its extents.
//!
//! An addition, a multiplication, a division, a comparison, a root, a rounding and an extremum count one flop each. An
//! elementary function (`exp`, `tanh`, ...) is counted apart: what it costs depends on the machine. Of linear algebra
//! the highest powers are counted; source: Golub and Van Loan, Matrix Computations, 4th edition, 2013, tables of
//! sections 3.2 and 4.2.

use super::order::{Contraction, Running, Set};
use super::{Flops, Polynomial};
use chainrule_core::form::{Cond, Product};
use chainrule_core::graph::op::{Linear, Op};
use chainrule_core::index::{Atom, Term};
use chainrule_core::ops::map::{Map, RECIP};
use chainrule_core::rational::Rational;
use chainrule_core::{Graph, NodeId};

/// Functions that the processor computes in one instruction, or in two.
const ARITHMETIC: [(&str, i64); 11] = [
    ("sqrt", 1),
    ("recip", 1),
    ("abs", 1),
    ("sign", 2),
    ("floor", 1),
    ("ceil", 1),
    ("round", 1),
    ("max", 1),
    ("min", 1),
    ("relu", 1),
    ("clip", 2),
];

/// Labels that fit a set.
const LABELS: usize = 60;

/// Flops and function values.
pub(super) type Price = (Flops, Polynomial);

fn flops(p: Polynomial) -> Price {
    (Flops::from(p), Polynomial::default())
}

fn free() -> Price {
    flops(Polynomial::default())
}

/// What a node costs when its operands are there.
pub(super) fn price(g: &Graph, node: NodeId) -> Price {
    let entries = Polynomial::product(g.shape(node));
    let first = || Polynomial::product(g.shape(g.arg(node, 0)));
    match g.op(node) {
        Op::Sum(coefficients) => {
            let scaled = coefficients.iter().filter(|c| !c.abs().is_one()).count();
            flops(entries.scaled((coefficients.len().saturating_sub(1) + scaled) as i64))
        }
        Op::Contract(_) => (contraction(g, &g.as_product(node)), Polynomial::default()),
        Op::Map(id) => match ARITHMETIC.iter().find(|(name, _)| *name == Map::by_id(*id).name) {
            Some((_, count)) => flops(entries.scaled(*count)),
            None => (Flops::default(), entries),
        },
        Op::Compare(_) => flops(entries),
        Op::Reduce(..) | Op::ArgMax(_) => flops(first()),
        Op::Linear(kind) => linear(g, node, *kind),
        Op::Named(_) => composite(g, node),
        Op::Scan(_) => recurrence(g, node),
        _ => free(),
    }
}

/// A recurrence: its step so often as it is applied, told by the first of its trajectories. Steps nest at most eight
/// deep.
fn recurrence(g: &Graph, node: NodeId) -> Price {
    let Some((scan, step)) = g.as_scan(node) else { return free() };
    if g.carries(node).into_iter().flatten().next() != Some(node) {
        return free();
    }
    let body = step.body();
    let mut total = free();
    for inner in body.reachable(step.outputs()) {
        let (flops, calls) = price(body, inner);
        total = (total.0 + flops, total.1 + calls);
    }
    let length = Polynomial::from(&scan.length);
    (total.0.times(&length), total.1 * length)
}

/// A composite with a kernel of its own; functions of users are opened before.
fn composite(g: &Graph, node: NodeId) -> Price {
    let Some(function) = g.as_named(node) else { return free() };
    let shape = g.shape(g.arg(node, 0));
    let all = Polynomial::product(shape);
    let kept = shape.iter().enumerate().filter(|(k, _)| !function.axes.contains(k));
    let kept = Polynomial::product(kept.map(|(_, d)| d));
    let plain = |p: Polynomial, calls: Polynomial| (Flops::from(p), calls);
    match function.name.as_str() {
        "logsumexp" => plain(all.scaled(3) + kept.clone(), all + kept),
        "softmax" => plain(all.scaled(4), all),
        "log_softmax" => plain(all.scaled(4), all + kept),
        "exclusive_prod" => flops(all.scaled(3)),
        _ => free(),
    }
}

fn linear(g: &Graph, node: NodeId, kind: Linear) -> Price {
    let a = g.shape(g.arg(node, 0));
    let Some((n, batch)) = a.split_last().map(|(n, rest)| (n, &rest[..rest.len().saturating_sub(1)])) else {
        return free();
    };
    let n = Polynomial::from(n);
    let batch = Polynomial::product(batch);
    // Columns of the right side; a vector is one.
    let columns = || {
        let right = g.shape(g.arg(node, 1));
        let last = (right.len() == a.len()).then(|| right.last()).flatten();
        last.map_or_else(|| Polynomial::from(1), Polynomial::from)
    };
    let binary = matches!(kind, Linear::Solve | Linear::SolveLower | Linear::SolveUpper);
    let columns = if binary { columns() } else { Polynomial::default() };
    let calls = if kind == Linear::LogAbsDet { batch.clone() * n.clone() } else { Polynomial::default() };
    (Flops::from(batch * linear_flops(kind, &n, &columns)), calls)
}

/// Flops of linear algebra on one matrix of `n` rows, with a right side of some columns where it has one.
pub(crate) fn linear_flops(kind: Linear, n: &Polynomial, columns: &Polynomial) -> Polynomial {
    let square = n.clone() * n.clone();
    let cube = |num, den| (square.clone() * n.clone()).times(&Rational::new(num, den));
    match kind {
        Linear::Inverse => cube(2, 1),
        Linear::Det | Linear::LogAbsDet => cube(2, 3),
        Linear::Cholesky => cube(1, 3),
        Linear::Solve => cube(2, 3) + (square.clone() * columns.clone()).scaled(2),
        Linear::SolveLower | Linear::SolveUpper => square.clone() * columns.clone(),
    }
}

/// Whether a node is a reciprocal, which contractions divide by instead.
pub(super) fn divisor(g: &Graph, node: NodeId) -> Option<NodeId> {
    match g.op(node) {
        Op::Map(id) if *id == RECIP.id => Some(g.arg(node, 0)),
        _ => None,
    }
}

/// Labels after deltas: joined ones are one, determined ones are gone.
struct Labels {
    of: Vec<Option<usize>>,
}

impl Labels {
    fn new(product: &Product) -> Labels {
        let mut labels = Labels { of: (0..product.extents.len()).map(Some).collect() };
        for cond in &product.conds {
            let Cond::Zero(term) = cond else { continue };
            labels.solve(term);
        }
        labels
    }

    /// `i - j == 0` makes two labels one; any other equation determines one of its labels.
    fn solve(&mut self, term: &Term) {
        let unit: Vec<(usize, i64)> = term
            .parts()
            .iter()
            .filter_map(|(atom, slope)| match (atom, slope.as_fixed()) {
                (Atom::Label(l), Some(s)) if s.abs() == 1 => Some((l.0 as usize, s)),
                _ => None,
            })
            .collect();
        if let ([(a, s), (b, t)], true, 2) = (&unit[..], term.offset().is_zero(), term.parts().len())
            && s + t == 0
        {
            let (a, b) = (self.of[*a], self.of[*b]);
            if let (Some(a), Some(b)) = (a, b) {
                let (low, high) = (a.min(b), a.max(b));
                self.of.iter_mut().filter(|l| **l == Some(high)).for_each(|l| *l = Some(low));
            }
            return;
        }
        // The label must not stand in the rest of the equation, inside an entry or a quotient.
        let found = unit.iter().find(|(l, _)| {
            let alone = |(atom, _): &&(Atom, _)| matches!(atom, Atom::Label(k) if k.0 as usize == *l);
            let rest = term.parts().iter().filter(|p| !alone(p));
            let mut again = false;
            rest.for_each(|(atom, _)| {
                Term::from_atom(atom.clone()).each_label(&mut |k| again |= k.0 as usize == *l);
            });
            !again && self.of[*l].is_some()
        });
        if let Some(class) = found.and_then(|(l, _)| self.of[*l]) {
            self.of.iter_mut().filter(|l| **l == Some(class)).for_each(|l| *l = None);
        }
    }

    fn set(&self, terms: &[Term]) -> Set {
        let mut set = 0;
        for term in terms {
            term.each_label(&mut |l| {
                if let Some(class) = self.of[l.0 as usize] {
                    set |= 1 << class;
                }
            });
        }
        set
    }
}

/// True when a node only reads its operand elsewhere.
pub(super) fn is_view(g: &Graph, node: NodeId) -> bool {
    if !matches!(g.op(node), Op::Contract(_)) {
        return false;
    }
    let p = g.as_product(node);
    let one = matches!(&p.accesses[..], [a] if a.power == 1 && divisor(g, a.node).is_none());
    one && p.free == p.extents.len() && p.coefficient.is_one()
}

fn contraction(g: &Graph, product: &Product) -> Flops {
    let extents: Vec<Polynomial> = product.extents.iter().map(Polynomial::from).collect();
    let scales = !product.coefficient.abs().is_one();
    let result = Polynomial::product(&product.extents[..product.free]);
    if extents.len() > LABELS {
        // More axes than anybody has: every point, and no order.
        let all = Polynomial::product(&product.extents);
        return Flops::from(all.scaled(product.accesses.len() as i64) + result.scaled(i64::from(scales)));
    }
    let labels = Labels::new(product);
    let own = |range: std::ops::Range<usize>| range.filter_map(|l| labels.of[l]).fold(0, |s, c| s | 1 << c);
    let kept = product.conds.iter().filter(|c| !matches!(c, Cond::Zero(_)));
    let conditions: Vec<&Cond> = kept.collect();
    let bound = |label: &usize| labels.of[*label].is_some_and(|class| own(0..product.free) >> class & 1 == 0);
    let bounds = conditions.iter().enumerate().flat_map(|(c, cond)| {
        let bounded = bounded(cond).into_iter().filter(&bound);
        bounded.filter_map(|label| labels.of[label]).map(move |class| (c, class)).collect::<Vec<_>>()
    });
    let contraction = Contraction {
        extents,
        free: own(0..product.free),
        factors: product.accesses.iter().map(|a| labels.set(&a.at)).collect(),
        conditions: conditions.iter().map(|c| labels.set(c.terms())).collect(),
        bounds: bounds.collect(),
    };
    // What stays the same whatever the order: powers, reciprocals that stand alone, the coefficient.
    let mut extra = Polynomial::default();
    for (access, &set) in product.accesses.iter().zip(&contraction.factors) {
        let power = access.power.ilog2() + access.power.count_ones() - 1;
        extra = extra + contraction.points(set).scaled(i64::from(power));
    }
    let divides = product.accesses.iter().all(|a| divisor(g, a.node).is_some());
    if divides && !product.accesses.is_empty() {
        extra = extra + contraction.points(contraction.factors[0]);
    }
    if scales && !product.accesses.is_empty() {
        extra = extra + contraction.points(contraction.free);
    }
    let (mut left, mut alternatives) = (vec![contraction], Vec::new());
    while let Some(contraction) = left.pop() {
        if let Some(Running { terms, sums, rest }) = contraction.running() {
            extra = extra + sums;
            left.extend([terms, rest]);
            continue;
        }
        let mut costs = contraction.costs();
        match &mut costs[..] {
            [only] => extra = extra + only.clone(),
            _ => alternatives.push(costs),
        }
    }
    alternatives.into_iter().fold(Flops::from(extra), |total, costs| total + Flops::least_of(costs))
}

/// Labels that a condition bounds by other labels: those with slope 1 or -1 in `Σ slope · label + offset >= 0`.
fn bounded(cond: &Cond) -> Vec<usize> {
    let Cond::NonNegative(term) = cond else { return Vec::new() };
    let affine = term.parts().iter().all(|(atom, _)| matches!(atom, Atom::Label(_)));
    if !affine || term.parts().len() < 2 {
        return Vec::new();
    }
    let unit = term.parts().iter().filter(|(_, slope)| slope.as_fixed().is_some_and(|s| s.abs() == 1));
    unit.filter_map(|(atom, _)| match atom {
        Atom::Label(label) => Some(label.0 as usize),
        _ => None,
    })
    .collect()
}
