//! Folds: whatever is kept for the reverse sweep, values and derivatives are exactly those of the plain recurrence.

use super::*;
use crate::eval::Bindings;
use crate::rational::Rational;
use crate::scalar::Exact;
use crate::tensor::{Tensor, Value};

/// `(h, s) ← (a h + x[t] (h - W h), s + h·h)` for `n` steps, and the gradient of `s` at the end by everything.
fn program(n: &Dim, backward: bool, keep: Option<&Checkpoint>) -> (Graph, Vec<NodeId>) {
    let mut g = Graph::new();
    let a = g.input("a", Type::scalar()).unwrap();
    let x = g.input("x", Type::real([n.clone()])).unwrap();
    let w = g.input("W", Type::real([2, 2])).unwrap();
    let h0 = g.input("h0", Type::real([2])).unwrap();
    let k = g.input("k", Type::index(2, [n.clone()])).unwrap();
    let s0 = g.integer(0);
    let carries = [("h", h0), ("s", s0)];
    let inputs = [("x", x), ("k", k)];
    let step = |g: &mut Graph, c: &[NodeId], own: &[NodeId]| {
        let kept = g.multiply(a, c[0])?;
        let moved = g.dot(w, c[0])?;
        let minus = g.scale(&Rational::from(-1), moved);
        let rest = g.add(c[0], minus)?;
        let scaled = g.multiply(own[0], rest)?;
        let chosen = g.gather(c[0], own[1])?;
        let square = g.dot(c[0], c[0])?;
        let sum = g.add(c[1], square)?;
        Ok(vec![g.add(kept, scaled)?, g.add(sum, chosen)?])
    };
    let ends = match keep {
        Some(keep) => g.fold("mix", n, backward, keep, &carries, &inputs, step).unwrap(),
        None => {
            let all = g.recurrence("mix", n, backward, &carries, &inputs, step).unwrap();
            let ends = carries.iter().zip(all);
            // `last_carry` reads the end of the steps that go forwards.
            ends.map(|((_, first), all)| match backward {
                false => g.last_carry(*first, all).unwrap(),
                true => {
                    let reversed = g.reverse(all, 0).unwrap();
                    g.last_carry(*first, reversed).unwrap()
                }
            })
            .collect()
        }
    };
    let mut outputs = ends.clone();
    outputs.extend(g.gradient(ends[1], &[a, x, w, h0]).unwrap());
    outputs.push(g.jacobian(ends[0], w).unwrap());
    (g, outputs)
}

fn values(g: &Graph, outputs: &[NodeId], n: usize) -> Vec<Value<Exact>> {
    let number = |k: usize| Exact::from(Rational::new((k * 5 % 7) as i64 - 3, 2));
    let real = |shape: &[usize], from: usize| {
        let count: usize = shape.iter().product();
        Tensor::new(shape, (from..from + count).map(number).collect()).unwrap()
    };
    let mut at = Bindings::new()
        .with_size("m", n as i64 / 3)
        .with("a", real(&[], 4))
        .with("x", real(&[n], 1))
        .with("W", real(&[2, 2], 2))
        .with("h0", real(&[2], 6));
    at.bind("k", Value::Int(Tensor::new(&[n], (0..n as i64).map(|t| t % 2).collect()).unwrap()));
    g.evaluate(outputs, &at).unwrap()
}

#[test]
fn checkpoints_change_nothing() {
    for n in 0..8 {
        for backward in [false, true] {
            let length = Dim::fixed(n);
            let (g, outputs) = program(&length, backward, None);
            let right = values(&g, &outputs, n as usize);
            let every = (1..=n + 1).map(|k| Checkpoint::Every(Dim::fixed(k)));
            for keep in every.chain([Checkpoint::Each, Checkpoint::root(n as u64)]) {
                let (g, outputs) = program(&length, backward, Some(&keep));
                let found = values(&g, &outputs, n as usize);
                assert!(found == right, "{n} steps, backward {backward}, {keep:?}");
            }
        }
    }
}

#[test]
fn segments_of_a_symbolic_length() {
    let length = Dim::size("m") * Dim::fixed(3);
    for n in [0, 3, 6] {
        for backward in [false, true] {
            let (g, outputs) = program(&length, backward, None);
            let right = values(&g, &outputs, n);
            for every in [Dim::fixed(3), Dim::size("m"), Dim::fixed(1)] {
                if n == 0 && every == Dim::size("m") {
                    continue;
                }
                let (g, outputs) = program(&length, backward, Some(&Checkpoint::Every(every.clone())));
                assert!(values(&g, &outputs, n) == right, "{n} steps, segments of {every}");
            }
        }
    }
}

#[test]
fn derivatives_of_derivatives_go_through_segments() {
    let cube = |keep: Option<&Checkpoint>| {
        let mut g = Graph::new();
        let a = g.input("a", Type::scalar()).unwrap();
        let x0 = g.integer(1);
        let n = Dim::fixed(7);
        let step = |g: &mut Graph, x: &[NodeId], _: &[NodeId]| Ok(vec![g.multiply(a, x[0])?]);
        let end = match keep {
            Some(keep) => g.fold("power", &n, false, keep, &[("x", x0)], &[], step).unwrap()[0],
            None => {
                let all = g.recurrence("power", &n, false, &[("x", x0)], &[], step).unwrap()[0];
                g.last_carry(x0, all).unwrap()
            }
        };
        let first = g.gradient(end, &[a]).unwrap()[0];
        let second = g.gradient(first, &[a]).unwrap()[0];
        let at = Bindings::new().with("a", Tensor::scalar(Exact::from(Rational::from(2))));
        g.evaluate(&[second], &at).unwrap().remove(0)
    };
    // 42 a^5
    let right = Value::Real(Tensor::scalar(Exact::from(Rational::from(1344))));
    assert!(cube(None) == right);
    assert!(cube(Some(&Checkpoint::Every(Dim::fixed(3)))) == right);
}

#[test]
fn segments_that_cannot_be() {
    let mut g = Graph::new();
    let x0 = g.integer(1);
    let mut fold = |n: Dim, every: Dim| {
        let keep = Checkpoint::Every(every);
        let step = |g: &mut Graph, x: &[NodeId], _: &[NodeId]| Ok(vec![g.multiply(x[0], x[0])?]);
        g.fold("squares", &n, false, &keep, &[("x", x0)], &[], step).unwrap_err().to_string()
    };
    assert_eq!(
        fold(Dim::fixed(10), Dim::fixed(0)),
        "scan of squares: a segment between two checkpoints has 0 steps, and it needs at least one"
    );
    assert_eq!(
        fold(Dim::size("n"), Dim::fixed(10)),
        "scan of squares: n steps are no whole number of segments of 10\n  help: write the length as a product, such as m*10, or give both as numbers"
    );
}
