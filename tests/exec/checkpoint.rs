//! A gradient through ten thousand steps keeps few of their carries, as the plan says beforehand.

use crate::judge::bits_differ;
use chainrule_core::ops::map::TANH;
use chainrule_core::ops::scan::Checkpoint;
use chainrule_core::shape::{Dim, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::{Options, Plan, Value};

/// Entries of the state.
const STATE: i64 = 16;

/// `h ← tanh(W h + x[t] u)`, and the end with the gradient of its squared length by `W`, `u`, `x` and `h0`.
fn cell(steps: i64, keep: &Checkpoint) -> (Graph, Vec<NodeId>) {
    let mut g = Graph::new();
    let w = g.input("W", Type::real([STATE, STATE])).unwrap();
    let u = g.input("u", Type::real([STATE])).unwrap();
    let x = g.input("x", Type::real([steps])).unwrap();
    let h0 = g.input("h0", Type::real([STATE])).unwrap();
    let n = Dim::fixed(steps);
    let end = g
        .fold("cell", &n, false, keep, &[("h", h0)], &[("x", x)], |g, h, x| {
            let moved = g.dot(w, h[0])?;
            let pushed = g.multiply(x[0], u)?;
            let sum = g.add(moved, pushed)?;
            Ok(vec![g.map(&TANH, &[sum])?])
        })
        .unwrap()[0];
    let loss = g.dot(end, end).unwrap();
    let mut outputs = vec![end];
    outputs.extend(g.gradient(loss, &[w, u, x, h0]).unwrap());
    (g, outputs)
}

fn run(steps: i64, keep: &Checkpoint) -> (u128, Vec<Vec<f64>>) {
    let (g, outputs) = cell(steps, keep);
    let mut plan = Plan::<f64>::compile(&g, &outputs, &Options::default()).unwrap();
    let peak = plan.explanation().peak();
    let s = STATE as usize;
    let number = |k: usize| ((k * 37 % 101) as f64 - 50.0) / 150.0;
    let data: Vec<Vec<f64>> =
        [s * s, s, steps as usize, s].iter().map(|&count| (0..count).map(number).collect()).collect();
    let values: Vec<Value<'_, f64>> = data.iter().map(|v| Value::Real(v)).collect();
    let mut out: Vec<Vec<f64>> =
        (0..outputs.len()).map(|k| vec![0.0; plan.output_shape(k).iter().product()]).collect();
    let mut places: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
    plan.run(&values, &mut places).unwrap();
    (peak, out)
}

#[test]
fn ten_thousand_steps_in_the_memory_of_a_few_hundred() {
    let n = 10_000;
    let (each, plain) = run(n, &Checkpoint::Each);
    let (root, sparse) = run(n, &Checkpoint::root(n as u64));
    let state = STATE as u128 * 8;
    // All carries, and what else the reverse sweep keeps for all positions.
    assert!(each > 3 * n as u128 * state, "{each} bytes");
    // The output by `x` and its pieces have n numbers; beyond them there are a few arrays of √n states each, at the ends
    // of segments and within one.
    let numbers = 4 * n as u128 * 8;
    assert!(root < numbers + 20 * 100 * state, "{root} bytes");
    // The end is computed by the same operations.
    assert_eq!(bits_differ(&plain[..1], &sparse[..1]), None);
    for (k, (a, b)) in plain.iter().zip(&sparse).enumerate().skip(1) {
        let size = a.iter().fold(0f64, |m, x| m.max(x.abs()));
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() <= 1e-10 * size, "output {k}: {x} and {y} of {size}");
        }
    }
}

#[test]
fn a_shorter_segment_keeps_less_within_and_more_between() {
    let peaks: Vec<u128> =
        [1, 4, 50, 1000, 10_000].map(|k| run(10_000, &Checkpoint::Every(Dim::fixed(k))).0).to_vec();
    let least = (0..5).min_by_key(|&k| peaks[k]).unwrap();
    assert_eq!(least, 2, "{peaks:?}");
}
