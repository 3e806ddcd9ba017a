//! Recurrences in what is compared: the same ones are the same, others are told apart by values.

use crate::{Question, Verdict, check};
use chainrule_core::shape::{Dim, Type};
use chainrule_core::{Graph, NodeId};
use std::time::{Duration, Instant};

/// `h[t] = a h[t-1] + x[t]` over the size `n`.
fn decay(g: &mut Graph, rate: &str, input: &str) -> NodeId {
    let a = g.input(rate, Type::scalar()).unwrap();
    let x = g.input(input, Type::real(["n"])).unwrap();
    let zero = g.integer(0);
    g.recurrence("decay", &Dim::size("n"), false, &[("h", zero)], &[("x", x)], |g, h, x| {
        let kept = g.multiply(a, h[0])?;
        Ok(vec![g.add(kept, x[0])?])
    })
    .unwrap()[0]
}

fn verdict(g: &mut Graph, derived: NodeId, claimed: NodeId) -> Verdict {
    check(g, &Question::new(derived, claimed)).verdict
}

#[test]
fn a_recurrence_is_an_atom_of_its_operands() {
    let mut g = Graph::new();
    let h = decay(&mut g, "a", "x");
    let twice = g.add(h, h).unwrap();
    let square = g.multiply(twice, h).unwrap();
    let (two, product) = (g.integer(2), g.multiply(h, h).unwrap());
    let same = g.multiply(two, product).unwrap();
    assert!(matches!(verdict(&mut g, square, same), Verdict::Proved));
    let other = decay(&mut g, "b", "x");
    assert!(matches!(verdict(&mut g, h, other), Verdict::Wrong(_)));
}

/// Two recurrences that differ in the step alone, over the same operands.
#[test]
fn other_steps_are_other_atoms() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let zero = g.integer(0);
    let mut made = Vec::new();
    for power in [2, 3] {
        let step = |g: &mut Graph, h: &[NodeId], x: &[NodeId]| {
            let raised = g.power(h[0], power);
            Ok(vec![g.add(raised, x[0])?])
        };
        let n = Dim::size("n");
        made.push(g.recurrence("raised", &n, false, &[("h", zero)], &[("x", x)], step).unwrap()[0]);
    }
    assert!(matches!(verdict(&mut g, made[0], made[1]), Verdict::Wrong(_)));
}

/// Was: labels are no polynomials, so two recurrences over different labels looked the same.
#[test]
fn labels_are_part_of_the_atom() {
    let mut g = Graph::new();
    let table = g.input("E", Type::real([2])).unwrap();
    let zero = g.integer(0);
    let mut made = Vec::new();
    for name in ["k", "l"] {
        let labels = g.input(name, Type::index(2, ["n"])).unwrap();
        let step = |g: &mut Graph, h: &[NodeId], k: &[NodeId]| {
            let entry = g.gather(table, k[0])?;
            Ok(vec![g.add(h[0], entry)?])
        };
        let n = Dim::size("n");
        made.push(g.recurrence("counted", &n, false, &[("h", zero)], &[("k", labels)], step).unwrap()[0]);
    }
    assert!(matches!(verdict(&mut g, made[0], made[1]), Verdict::Wrong(_)));
}

/// The gradient against a formula: right ones are tested at points, wrong ones refuted.
#[test]
fn a_gradient_of_a_recurrence_is_tested() {
    let mut g = Graph::new();
    let h = decay(&mut g, "a", "x");
    let x = g.find_input("x").unwrap();
    let y = g.sum_all(h).unwrap();
    let gradient = g.gradient(y, &[x]).unwrap()[0];
    // d/dx[t] of the sum is 1 + a + a² + … over the remaining positions: a recurrence of its own.
    let a = g.find_input("a").unwrap();
    let (zero, one) = (g.integer(0), g.integer(1));
    let right = g
        .recurrence("powers", &Dim::size("n"), true, &[("s", zero)], &[], |g, s, _| {
            let kept = g.multiply(s[0], a)?;
            Ok(vec![g.add(kept, one)?])
        })
        .unwrap()[0];
    let answer = verdict(&mut g, gradient, right);
    assert!(matches!(answer, Verdict::Tested(_)), "{answer:?}");
    let wrong = g.scale(&chainrule_core::rational::Rational::from(2), right);
    assert!(matches!(verdict(&mut g, gradient, wrong), Verdict::Wrong(_)));
}

#[test]
fn a_recurrence_of_a_billion_steps_is_not_evaluated() {
    let mut g = Graph::new();
    let h0 = g.input("h", Type::scalar()).unwrap();
    let mut made = Vec::new();
    for power in [2, 3] {
        let n = Dim::fixed(1_000_000_000);
        made.push(
            g.recurrence("step", &n, false, &[("h", h0)], &[], |g, h, _| Ok(vec![g.power(h[0], power)]))
                .unwrap()[0],
        );
    }
    let start = Instant::now();
    let answer = verdict(&mut g, made[0], made[1]);
    assert!(matches!(answer, Verdict::Undecided(_)), "{answer:?}");
    assert!(start.elapsed() < Duration::from_secs(2));
}
