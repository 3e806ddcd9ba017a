//! The order of work: same node, shapes, proof, refutation, conditions, diagnosis.

use crate::canon::{Assumed, Canon};
use crate::compare::Pair;
use crate::conditions::Boundary;
use crate::lower::Meanings;
use crate::modular::{self, Answer};
use crate::point::{Point, Space};
use crate::poly::Poly;
use crate::question::Question;
use crate::refute::{Found, Search};
use crate::report::{Counterexample, How, Report, Tested, Verdict};
use crate::{conditions, diagnose, invariants, kinks, sizes};
use chainrule_core::dice::Dice;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::DType;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a proof says about a difference.
pub(crate) enum Proof {
    /// The difference is zero; with the domain conditions that were used.
    Equal(Vec<String>),
    /// What is left of it.
    Left(Box<(Canon, Poly)>),
    /// The budget ended first.
    Exhausted,
}

/// Is `q.claimed` what `q.derived` is?
///
/// The graph grows by what a diagnosis derives again; nothing that was in it changes.
///
/// ```
/// use chainrule_check::{Question, Verdict, check};
/// use chainrule_core::{Graph, shape::Type};
/// let mut g = Graph::new();
/// let x = g.input("x", Type::real(["n"]))?;
/// let square = g.power(x, 2);
/// let f = g.sum_all(square)?;
/// let derived = g.gradient(f, &[x])?[0];
/// let right = g.form("g[i] = x[i] + x[i]", &[])?;
/// let wrong = g.form("g[i] = x[i]", &[])?;
/// assert!(matches!(check(&mut g, &Question::new(derived, right)).verdict, Verdict::Proved));
/// assert!(matches!(check(&mut g, &Question::new(derived, wrong)).verdict, Verdict::Wrong(_)));
/// # Ok::<(), chainrule_core::Error>(())
/// ```
pub fn check(graph: &mut Graph, q: &Question<'_>) -> Report {
    let start = Instant::now();
    let mut report = answered(graph, q, start);
    report.time = start.elapsed();
    report
}

fn report(verdict: Verdict, how: How) -> Report {
    Report {
        verdict,
        how,
        domain: Vec::new(),
        slips: Vec::new(),
        invariant: None,
        counterexample: None,
        time: Duration::ZERO,
    }
}

/// `claimed − derived` under assumptions.
pub(crate) fn prove(
    g: &Graph,
    claimed: NodeId,
    derived: NodeId,
    assumed: Assumed,
    steps: usize,
    deadline: Instant,
) -> Proof {
    let mut canon = Canon::new(assumed, steps, Some(deadline));
    let mut known = Meanings::default();
    let a = canon.poly(g, claimed, &mut known);
    let b = canon.poly(g, derived, &mut known);
    if canon.exhausted {
        return Proof::Exhausted;
    }
    let difference = (*a).clone().plus(&Rational::from(-1), &b);
    let left = canon.numerator(&difference);
    if canon.exhausted {
        // A denominator that cannot be multiplied out leaves the difference as it is.
        if difference.is_zero() {
            return Proof::Equal(canon.domain.into_iter().collect());
        }
        return Proof::Exhausted;
    }
    if left.is_zero() {
        return Proof::Equal(canon.domain.into_iter().collect());
    }
    Proof::Left(Box::new((canon, left)))
}

fn answered(g: &mut Graph, q: &Question<'_>, start: Instant) -> Report {
    let deadline = start + q.budget.time;
    if let Some(why) = incomparable(g, q) {
        return match layout(g, q, deadline) {
            Some(report) => report,
            None => report(Verdict::NotComparable(why), How::Types),
        };
    }
    if q.claimed == q.derived {
        return right(g, q, report(Verdict::Proved, How::SameNode), deadline);
    }
    let half = start + q.budget.time / 4;
    let proof = prove(g, q.claimed, q.derived, Assumed::default(), q.budget.steps, half);
    if let Proof::Equal(domain) = proof {
        return right(g, q, Report { domain, ..report(Verdict::Proved, How::CanonicalForm) }, deadline);
    }
    let pair = Pair::new(g, q.claimed, q.derived, q.assume, q.budget.entries);
    let mut nodes = vec![q.claimed, q.derived];
    nodes.extend(q.assume);
    let space = Space::new(g, &nodes);
    let search = Search {
        graph: g,
        pair: &pair,
        space: &space,
        cases: q.cases,
        deadline: start + q.budget.time / 2,
        points: q.budget.points,
        entries: q.budget.entries,
    };
    let boundaries = search.boundaries();
    let tested = match search.run() {
        Found::Counterexample(found, point) => {
            return refuted(g, q, found, &point, &boundaries, &space.sizes, deadline);
        }
        Found::Agreement(tested) => tested,
    };
    let left = match &proof {
        Proof::Left(left) if tested.points > 0 => Some(left),
        _ => None,
    };
    if let Some(left) = left.filter(|_| q.assume.is_empty())
        && sizes::decided(g, q.claimed, q.derived, &left.0, &left.1, &space.sizes, deadline)
    {
        return right(g, q, report(Verdict::Proved, How::BySizes), deadline);
    }
    let undecided = |why: String| report(Verdict::Undecided(why), How::Nothing);
    let answer = modular::compared(g, &pair, &space, !q.assume.is_empty(), q.budget.entries, deadline);
    if let Answer::Differ(sizes) = &answer {
        let seen = search.at(sizes, &mut Dice::new(10), &mut tested.clone());
        return match seen {
            Some(Found::Counterexample(found, point)) => {
                refuted(g, q, found, &point, &boundaries, &space.sizes, deadline)
            }
            _ => undecided(differ("the formulas differ modulo a prime", &tested)),
        };
    }
    if left.is_some_and(|left| sizes::is_polynomial(&left.0, &left.1)) {
        return undecided(differ("the formulas are different polynomials in the entries", &tested));
    }
    let report = match answer {
        Answer::Agree(modular) => {
            let how = if tested.points > 0 { How::Points } else { How::Residues };
            report(Verdict::Tested(Tested { modular: Some(modular), ..tested }), how)
        }
        _ if tested.points > 0 => report(Verdict::Tested(tested), How::Points),
        _ => return undecided(no_point(&proof, &tested)),
    };
    right(g, q, report, deadline)
}

/// Right under a condition, or wrong; with what is to be said of the slip.
fn refuted(
    g: &mut Graph,
    q: &Question<'_>,
    found: Box<Counterexample>,
    point: &Point,
    boundaries: &[Boundary],
    sizes: &[Arc<str>],
    deadline: Instant,
) -> Report {
    if let Some(report) = layout(g, q, deadline) {
        return report;
    }
    let verdict = match conditions::weakest(g, q, boundaries, sizes, deadline) {
        Some(condition) => Verdict::Conditional(condition),
        None => Verdict::Wrong(found.clone()),
    };
    let slips = diagnose::slips_of(g, q, point, sizes, deadline);
    let invariant = invariants::violated_by_claim(g, q, point, deadline);
    let counterexample = matches!(verdict, Verdict::Conditional(_)).then_some(found);
    Report { slips, invariant, counterexample, ..report(verdict, How::Counterexample) }
}

/// Why formulas that differ are not called different.
fn differ(why: &str, tested: &Tested) -> String {
    let seen = match tested.points {
        0 => "no point of real numbers could be evaluated".to_string(),
        n => format!("they agree at the {n} points of real numbers that could be evaluated"),
    };
    format!("{why}, so they are not the same function; but {seen}")
}

/// Why nothing is known.
fn no_point(proof: &Proof, tested: &Tested) -> String {
    if let Proof::Left(left) = proof
        && sizes::is_polynomial(&left.0, &left.1)
    {
        return "the formulas are different polynomials in the entries; but no point is small enough for a counterexample"
            .to_string();
    }
    match tested.unusable {
        0 => "the budget ended before any point was evaluated".to_string(),
        n => format!("none of {n} points lies in the domain of both formulas"),
    }
}

/// A right claim, unless it leans on a convention at a kink that it does not state.
fn right(g: &mut Graph, q: &Question<'_>, report: Report, deadline: Instant) -> Report {
    if q.claim_differentiates {
        return report;
    }
    match kinks::condition(g, q, deadline) {
        Some(condition) => Report { verdict: Verdict::Conditional(condition), ..report },
        None => report,
    }
}

/// Why the two sides cannot be compared at all.
fn incomparable(g: &Graph, q: &Question<'_>) -> Option<String> {
    let (a, b) = (g.ty(q.claimed), g.ty(q.derived));
    if a.dtype != DType::Real || b.dtype != DType::Real {
        return Some(format!("yours has entries of type {}, the derivative {}", a.dtype, b.dtype));
    }
    (a.shape != b.shape).then(|| format!("yours is {a}, the derivative is {b}"))
}

/// The claim with the axes of the denominator first, where that is what was written.
fn layout(g: &mut Graph, q: &Question<'_>, deadline: Instant) -> Option<Report> {
    let r = q.numerator_rank?;
    let rank = g.rank(q.derived);
    if r == 0 || r >= rank || g.rank(q.claimed) != rank {
        return None;
    }
    // Axis k of the swapped truth is axis order[k] of the truth: denominator first.
    let order: Vec<usize> = (r..rank).chain(0..r).collect();
    let swapped = g.transpose(q.derived, &order).ok()?;
    let inner = Question {
        derived: swapped,
        claimed: q.claimed,
        numerator_rank: None,
        assume: q.assume,
        cases: &[],
        replay: None,
        claim_differentiates: q.claim_differentiates,
        budget: q.budget.clone(),
    };
    if g.ty(swapped) != g.ty(q.claimed) {
        return None;
    }
    let answer = answered(g, &inner, Instant::now().min(deadline));
    answer.verdict.is_right().then(|| report(Verdict::Layout, answer.how))
}
