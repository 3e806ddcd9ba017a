//! Products of many factors: multiplied in the cheapest order, whatever order they were derived in; rows of a batch in
//! one product, or each with the terms only that its mask leaves.

use crate::judge::{Data, Tally, data, expected, judge, run};
use crate::programs::{Dice, Program};
use chainrule_core::ops::map::{RELU, TANH};
use chainrule_core::shape::{Sizes, Type};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::plan::explain::Kernel;
use chainrule_exec::{Options, Plan};

/// `tanh(W3 tanh(W2 tanh(W1 x)))` …, and its Jacobian.
fn network(widths: &[i64]) -> (Graph, NodeId) {
    let mut g = Graph::new();
    let x = g.input("x", Type::real([widths[0]])).unwrap();
    let mut y = x;
    for (k, pair) in widths.windows(2).enumerate() {
        let w = g.input(&format!("W{k}"), Type::real([pair[1], pair[0]])).unwrap();
        let z = g.dot(w, y).unwrap();
        y = g.map(&TANH, &[z]).unwrap();
    }
    let j = g.jacobian(y, x).unwrap();
    (g, j)
}

fn flops(g: &Graph, output: NodeId) -> u128 {
    Plan::<f64>::compile(g, &[output], &Options::default()).unwrap().explanation().flops()
}

fn right(g: &Graph, outputs: &[NodeId]) {
    let program = Program { graph: g.clone(), outputs: outputs.to_vec(), sizes: Sizes::new() };
    let mut plan = Plan::<f64>::compile(g, outputs, &Options::default()).unwrap();
    let mut data = data(plan.inputs(), &mut Dice(3));
    // Small enough for tanh not to be flat, and for the bound to say something.
    for values in &mut data {
        if let Data::Real(v) = values {
            v.iter_mut().for_each(|x| *x /= 16.0);
        }
    }
    let expected = expected(&program, plan.inputs(), &data).expect("it has a value");
    let mut tally = Tally::default();
    assert_eq!(judge(&expected, &run(&mut plan, &data), &mut tally), None);
    assert!(tally.tight > 0, "{tally:?}");
}

#[test]
fn a_jacobian_is_multiplied_through_its_waist() {
    let widths = [10, 1000, 3, 1000, 10];
    let (g, j) = network(&widths);
    // The primal, factors of tanh, and in the best order 2·(10·1000·3 + 10·3·10 + 3·1000·10) flops of products; from
    // the outputs on they are 2·(10·1000·3 + 10·3·1000 + 10·1000·10).
    let primal: i64 = widths.windows(2).map(|p| 2 * p[0] * p[1] + 4 * p[1]).sum();
    let best = 2 * (10 * 1000 * 3 + 10 * 3 * 10 + 3 * 1000 * 10);
    let scaled = 2 * (10 * 1000 + 3 * 1000 + 3 * 10);
    let found = flops(&g, j);
    assert!(
        found < (primal + best + scaled) as u128 * 11 / 10,
        "{found} flops, {primal} + {best} + {scaled}"
    );
    right(&g, &[j]);
}

#[test]
fn waists_near_both_ends() {
    // 1000-10-1000-10-1000 from the outputs on takes 30 million products, in the best order 10.2.
    let (g, j) = network(&[1000, 10, 1000, 10, 1000]);
    let found = flops(&g, j);
    assert!(found < 2 * 10_600_000, "{found} flops");
    let (g, j) = network(&[60, 4, 60, 4, 60]);
    right(&g, &[j]);
}

/// A batch of networks with ReLU, and the Jacobian of each by its row.
fn batch(rows: i64, widths: [i64; 4]) -> (Graph, NodeId) {
    let mut g = Graph::new();
    let x = g.input("x", Type::real([widths[0]])).unwrap();
    let mut y = x;
    for k in 0..3 {
        let w = g.input(&format!("W{k}"), Type::real([widths[k + 1], widths[k]])).unwrap();
        let z = g.dot(w, y).unwrap();
        y = if k < 2 { g.map(&RELU, &[z]).unwrap() } else { z };
    }
    let j = g.jacobian(y, x).unwrap();
    let all = g.input("X", Type::real([rows, widths[0]])).unwrap();
    let j = g.batch(&[j], &[(x, all)], &rows.into()).unwrap()[0];
    (g, j)
}

#[test]
fn a_batch_of_masks_leaves_out_terms_row_by_row() {
    let (g, j) = batch(7, [30, 40, 50, 12]);
    let plan = Plan::<f64>::compile(&g, &[j], &Options::default()).unwrap();
    let masked = plan.explanation().steps.into_iter().filter(|s| match &s.kernel {
        Kernel::Matrix { batch, with, .. } => batch[..] == [7] && with[..] == ["masked terms"],
        _ => false,
    });
    assert_eq!(masked.count(), 2, "{}", plan.explain());
    right(&g, &[j]);
}

#[test]
fn a_batch_of_products_with_one_matrix_is_one_product() {
    // Two rows of outputs are too little work for each row of the batch: all of them are rows of one product.
    let (g, j) = batch(48, [30, 40, 50, 2]);
    let plan = Plan::<f64>::compile(&g, &[j], &Options::default()).unwrap();
    let steps = plan.explanation().steps;
    let plain = steps.iter().filter_map(|s| match &s.kernel {
        Kernel::Matrix { batch, m, n, k, .. } if (*m).max(*n) == 96 => Some((batch.len(), *k)),
        _ => None,
    });
    assert_eq!(plain.collect::<Vec<_>>(), [(0, 50), (0, 40)], "{}", plan.explain());
    assert!(!steps.iter().any(|s| matches!(&s.kernel, Kernel::Matrix { batch, .. } if !batch.is_empty())));
    right(&g, &[j]);
}

#[test]
fn inactive_rows_still_get_what_is_added() {
    let text = "chainrule-graph 1
%0 : real[40,30] = input \"A\"
%1 : real[30,20] = input \"B\"
%2 : real[40,20] = input \"D\"
%3 : real[40] = input \"s\"
%4 : real[40] = zero
%5 : bool[40] = compare > %3 %4
%6 : real[40,20] = contract [40,20|30] %0[#0,#2] %1[#2,#1] where holds %5[#0]
%7 : real[40,20] = sum 1*%6 1*%2
output %7
";
    let (g, outputs) = Graph::from_text(text).unwrap();
    right(&g, &outputs);
}
