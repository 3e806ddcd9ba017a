//! Limits: what is too large or too deep ends undecided, and soon.

use crate::pairs::inputs;
use crate::{How, Question, Verdict, check};
use chainrule_core::shape::Type;
use chainrule_core::{Graph, NodeId};
use std::time::{Duration, Instant};

fn ask(g: &mut Graph, derived: NodeId, claimed: NodeId) -> (Verdict, Duration) {
    let start = Instant::now();
    let report = check(g, &Question::new(derived, claimed));
    (report.verdict, start.elapsed())
}

const SOON: Duration = Duration::from_secs(2);

#[test]
fn towers_of_powers_end() {
    let mut g = Graph::new();
    inputs(&mut g, "x a b");
    for (f, h) in [
        ("((x^9)^9)^9", "x^728"),
        ("(((x + a)^9)^9)^9", "(((x + a)^9)^9)^9 + 1"),
        ("(((x + a + b)^9)^9)^9", "(((x - a + b)^9)^9)^9"),
    ] {
        let (f, h) = (g.form(f, &[]).unwrap(), g.form(h, &[]).unwrap());
        let (verdict, time) = ask(&mut g, f, h);
        assert!(!verdict.is_right() && time < SOON, "{verdict:?} after {time:?}");
    }
    let tower = g.form("((x^9)^9)^9", &[]).unwrap();
    let flat = g.form("x^729", &[]).unwrap();
    assert!(matches!(ask(&mut g, tower, flat).0, Verdict::Proved));
}

#[test]
fn shapes_of_a_billion_are_not_evaluated() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real([1_000_000_000i64])).unwrap();
    let f = g.form("sum(i, x[i]^2)", &[]).unwrap();
    let derived = g.gradient(f, &[x]).unwrap()[0];
    let right = g.form("g[i] = 2*x[i]", &[]).unwrap();
    let wrong = g.form("g[i] = 3*x[i]", &[]).unwrap();
    assert!(matches!(ask(&mut g, derived, right).0, Verdict::Proved));
    let (verdict, time) = ask(&mut g, derived, wrong);
    assert!(matches!(verdict, Verdict::Undecided(_)) && time < SOON, "{verdict:?} after {time:?}");
}

#[test]
fn a_sum_of_many_terms_ends() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let one = g.integer(1);
    let (mut f, mut h) = (x, x);
    for k in 0..3000 {
        let s = g.map(&chainrule_core::ops::map::SIN, &[f]).unwrap();
        f = g.add(f, s).unwrap();
        h = if k == 1500 { g.add(f, one).unwrap() } else { f };
    }
    let h = g.add(h, one).unwrap();
    let (verdict, time) = ask(&mut g, f, h);
    assert!(!verdict.is_right() && time < SOON, "{verdict:?} after {time:?}");
}

/// Ranges that are split differently have other canonical forms; the sizes decide.
#[test]
fn identities_between_ranges_are_decided_by_sizes() {
    let mut g = Graph::new();
    inputs(&mut g, "x[n] w[n]");
    let f = g.form("sum(i, sum(j, x[i]*w[j]*[i <= j]))", &[]).unwrap();
    let h = g.form("sum(i, sum(j, x[i]*w[j]*[i < j])) + sum(i, x[i]*w[i])", &[]).unwrap();
    let report = check(&mut g, &Question::new(f, h));
    assert!(matches!(report.verdict, Verdict::Proved), "{:?}", report.verdict);
    assert!(matches!(report.how, How::BySizes | How::CanonicalForm));
    let wrong = g.form("sum(i, sum(j, x[i]*w[j]*[i < j]))", &[]).unwrap();
    assert!(!check(&mut g, &Question::new(f, wrong)).verdict.is_right());
}

/// Nothing but a certified difference makes a claim wrong.
#[test]
fn domains_and_small_differences_are_told_apart() {
    let mut g = Graph::new();
    inputs(&mut g, "x");
    let mut ask = |f: &str, h: &str| {
        let (f, h) = (g.form(f, &[]).unwrap(), g.form(h, &[]).unwrap());
        check(&mut g, &Question::new(f, h)).verdict.word()
    };
    assert_eq!(ask("exp(x)", "exp(x)*1.000000000001"), "wrong");
    assert_eq!(ask("sin(x)", "sin(x) + 0.000000000000001"), "wrong");
    assert_eq!(ask("lgamma(x)", "lgamma(x) + 1/10^30"), "wrong");
    assert_eq!(ask("digamma(x)*(1 + 1/10^30)", "digamma(x)"), "wrong");
    assert!(["proved", "tested"].contains(&ask("lgamma(x + 1)", "lgamma(x) + log(abs(x))")));
    assert_eq!(ask("x", "sqrt(-1 - x^2)"), "undecided");
    assert_eq!(ask("log(x^2)/2", "log(abs(x))"), "tested");
    assert_eq!(ask("atan(x) + atan(1/x)", "pi/2"), "wrong");
}
