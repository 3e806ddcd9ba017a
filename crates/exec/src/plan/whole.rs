//! Kernels over whole operands: positions of extrema, sorting, prefix sums, linear algebra.

use super::prefix;
use crate::array::Whole;
use crate::error::Result;
use crate::lane::Number;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::op::Linear;
use chainrule_core::shape::{Dim, Type};
use chainrule_core::tensor::Tensor;
use chainrule_core::{Graph, NodeId};

/// Extents before, along and after an axis.
fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// Positions of largest entries, or positions that sort, along an axis.
pub(super) fn positions<T: Number>(whole: &Whole, shape: &[usize], x: &[T], out: &mut [i64]) {
    match *whole {
        Whole::ArgMax(axis) => {
            let (before, along, after) = around(shape, axis);
            for b in 0..before {
                for a in 0..after {
                    let at = |k: usize| x[(b * along + k) * after + a];
                    let mut best = 0;
                    for k in 0..along {
                        if at(k).is_nan() {
                            best = k;
                            break;
                        }
                        if at(k) > at(best) {
                            best = k;
                        }
                    }
                    out[b * after + a] = best as i64;
                }
            }
        }
        Whole::ArgSort(axis) => {
            let (before, along, after) = around(shape, axis);
            let mut order: Vec<usize> = Vec::with_capacity(along);
            for b in 0..before {
                for a in 0..after {
                    let at = |k: usize| x[(b * along + k) * after + a];
                    order.clear();
                    order.extend(0..along);
                    // NaN is last, as in the slow evaluator; the sort is stable.
                    order.sort_by(|&j, &k| match at(j).partial_cmp(&at(k)) {
                        Some(order) => order,
                        None => at(j).is_nan().cmp(&at(k).is_nan()),
                    });
                    for (k, &place) in order.iter().enumerate() {
                        out[(b * along + k) * after + a] = place as i64;
                    }
                }
            }
        }
        _ => unreachable!("invariant: a kernel with positions"),
    }
}

/// The kernels with numbers for results.
pub(super) fn numbers<T: Number>(
    whole: &Whole,
    shapes: &[&[usize]],
    operands: &[&[T]],
    result: &[usize],
    out: &mut [T],
) -> Result<()> {
    match *whole {
        Whole::ExclusiveProduct(axis) => exclusive_product(shapes[0], operands[0], axis, out),
        Whole::PrefixSum { axis, reversed, first } => {
            let (before, along, after) = around(shapes[0], axis);
            let shape = prefix::Shape { before, along, after, bounds: result[axis], first, reversed };
            prefix::sums(&shape, operands[0], out);
        }
        Whole::Linear(kind) => return linear(kind, shapes, operands, out),
        Whole::ArgMax(_) | Whole::ArgSort(_) => unreachable!("invariant: a kernel with numbers"),
    }
    Ok(())
}

/// Products of the entries before and of those behind, each a chain of multiplications: both at once, from both ends, so
/// that a processor need not wait for one after the other. What comes second finds what came first in the result.
fn exclusive_product<T: Number>(shape: &[usize], x: &[T], axis: usize, out: &mut [T]) {
    let (outer, along, inner) = around(shape, axis);
    for b in 0..outer {
        for a in 0..inner {
            let at = |k: usize| (b * along + k) * inner + a;
            let (mut before, mut behind) = (T::one(), T::one());
            for k in 0..along / 2 {
                let j = along - 1 - k;
                out[at(k)] = before;
                out[at(j)] = behind;
                before = before * x[at(k)];
                behind = behind * x[at(j)];
            }
            if along % 2 == 1 {
                let middle = at(along / 2);
                out[middle] = before * behind;
                before = before * x[middle];
                behind = behind * x[middle];
            }
            for k in along.div_ceil(2)..along {
                let j = along - 1 - k;
                out[at(k)] = before * out[at(k)];
                out[at(j)] = out[at(j)] * behind;
                before = before * x[at(k)];
                behind = behind * x[at(j)];
            }
        }
    }
}

/// Linear algebra is what the slow evaluator says it is.
fn linear<T: Number>(kind: Linear, shapes: &[&[usize]], operands: &[&[T]], out: &mut [T]) -> Result<()> {
    let mut graph = Graph::new();
    let mut at = Bindings::new();
    let mut args: Vec<NodeId> = Vec::new();
    for (name, (shape, data)) in ["a", "b"].into_iter().zip(shapes.iter().zip(operands)) {
        args.push(graph.input(name, Type::real(shape.iter().map(|&n| Dim::from(n))))?);
        at = at.with(name, Tensor::new(shape, data.to_vec()).expect("invariant: operands fill their shapes"));
    }
    let node = graph.linear(kind, &args)?;
    let values = graph.evaluate(&[node], &at)?;
    out.copy_from_slice(values[0].real().expect("invariant: a real result").data());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::exclusive_product;

    #[test]
    fn products_of_the_others_are_those_before_times_those_behind() {
        for n in 0..8 {
            let x: Vec<f64> = (0..2 * n).map(|k| 1.0 + k as f64 / 7.0).collect();
            // The second column of two.
            let mut out = vec![0.0; 2 * n];
            exclusive_product(&[n, 2], &x, 0, &mut out);
            for k in 0..n {
                let before = (0..k).fold(1.0, |p, j| p * x[2 * j + 1]);
                let behind = (k + 1..n).rev().fold(1.0, |p, j| p * x[2 * j + 1]);
                assert_eq!(out[2 * k + 1].to_bits(), f64::to_bits(before * behind), "{k} of {n}");
            }
        }
    }
}
