//! Small products with a triangle: half of the operations are written out, where a kernel would do all of them.

use super::classes::Classes;
use crate::array::matrix::Matrix;
use crate::array::support::{Half, Halves, of_read};
use crate::array::{ArrayId, Arrays, Body, Guard, Nest};

/// Rows of the largest triangle that is written out: its code and its operands fit the first-level cache.
const ROWS: usize = 24;
/// Positions of the loop around a triangle from which lanes are filled.
const LONG: usize = 64;

/// A product that is to be written out.
pub struct Triangle {
    id: ArrayId,
    matrix: Matrix,
    /// The labels of the triangle.
    labels: [usize; 2],
}

/// Takes products out of the matrices that are better written out.
pub fn take(
    arrays: &Arrays,
    matrices: &mut [Option<Matrix>],
    supports: &[Halves],
    demands: &[Halves],
) -> Vec<Triangle> {
    let mut taken = Vec::new();
    for (k, matrix) in matrices.iter_mut().enumerate() {
        let id = ArrayId(k as u32);
        let Some(nest) = arrays[id].as_nest().filter(|_| matrix.is_some()) else { continue };
        let Some(labels) = triangle(nest, supports, &demands[k]) else { continue };
        if !knows_absent(arrays, nest, &labels) {
            continue;
        }
        taken.extend(matrix.take().map(|matrix| Triangle { id, matrix, labels }));
    }
    taken
}

/// Whether it is known, when code is written, which terms are absent: the product would look at its factors for that.
fn knows_absent(arrays: &Arrays, nest: &Nest, labels: &[usize]) -> bool {
    nest.body.reads().all(|read| {
        if !arrays.has_absent(read.array) {
            return true;
        }
        arrays[read.array].as_nest().is_some_and(|n| {
            n.guards.iter().all(|guard| {
                let mut known = !matches!(guard, Guard::Holds(..));
                guard.indices().iter().for_each(|at| {
                    known &= at.is_affine();
                    at.each_label(&mut |l| {
                        known &= read.at[l].as_label().is_some_and(|l| labels.contains(&l))
                    });
                });
                known
            })
        })
    })
}

/// Whether all of them are written out; if not they become matrices again.
pub fn settle(
    arrays: &Arrays,
    matrices: &mut [Option<Matrix>],
    classes: &Classes,
    taken: Vec<Triangle>,
) -> bool {
    let fits = |t: &Triangle| {
        let nest = arrays[t.id].loops().expect("invariant: a product is a nest");
        let looped = |l: usize| classes.is_looped(classes.of(t.id, l));
        !t.labels.iter().any(|&l| looped(l))
            && (0..nest.extents.len()).any(|l| looped(l) && nest.extents[l] >= LONG)
    };
    if taken.iter().all(fits) {
        return true;
    }
    taken.into_iter().for_each(|t| matrices[t.id.index()] = Some(t.matrix));
    false
}

/// The two labels of which only half of the pairs take part.
fn triangle(nest: &Nest, supports: &[Halves], demands: &[Half]) -> Option<[usize; 2]> {
    let Body::Product(factors) = &nest.body else { return None };
    let factors = factors.iter().filter(|f| !f.divides);
    let mut halves: Halves = factors.flat_map(|f| of_read(nest, &f.read, supports)).collect();
    halves.extend(demands.iter().cloned());
    halves.iter().find_map(|half| {
        let named: Vec<usize> = (0..half.slopes.len()).filter(|&l| half.names(l)).collect();
        let &[a, b] = &named[..] else { return None };
        let extents = [nest.extents[a], nest.extents[b]];
        if extents.iter().any(|&e| e > ROWS) || nest.extents.iter().all(|&e| e < LONG) {
            return None;
        }
        let sum = |i: usize, j: usize| half.slopes[a] * i as i64 + half.slopes[b] * j as i64;
        let all = (0..extents[0]).flat_map(|i| (0..extents[1]).map(move |j| (i, j)));
        let kept = all.filter(|&(i, j)| sum(i, j) >= half.least).count();
        // A diagonal and half of the rest, or less.
        (2 * kept <= extents[0] * extents[1] + extents[0].max(extents[1])).then_some([a, b])
    })
}

#[cfg(test)]
mod tests {
    use crate::array::lower::lower;
    use crate::array::passes::rewrite;
    use crate::schedule::{Work, schedule};
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    /// Matrix kernels of `y[i,r] = Σ_c L[r,c] x[i,c]`, where `L` has its entries under a condition.
    fn kernels(rows: usize, points: usize, guard: &str) -> usize {
        let text = format!(
            "chainrule-graph 1
%0 : real[{rows},{rows}] = input \"a\"
%1 : real[{points},{rows}] = input \"x\"
%2 : real[{rows},{rows}] = contract [{rows},{rows}|] %0[#0,#1] where {guard}
%3 : real[{rows},{rows}] = sum 2*%2
%4 : real[{points},{rows}] = contract [{points},{rows}|{rows}] %3[#1,#2] %1[#0,#2]
output %4
"
        );
        let (graph, outputs) = Graph::from_text(&text).unwrap();
        let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
        let steps = schedule(&arrays, true).steps;
        steps.iter().filter(|s| matches!(s.work, Work::Matrix(..))).count()
    }

    #[test]
    fn small_triangles_in_lanes_are_written_out() {
        assert_eq!(kernels(20, 1000, "nonneg(#0+-1*#1)"), 0);
        assert_eq!(kernels(20, 1000, "nonneg(#1+-1*#0)"), 0);
        // Two thirds of the square, too many rows, too few points.
        assert_eq!(kernels(20, 1000, "nonneg(#0+-1*#1+6)"), 1);
        assert_eq!(kernels(32, 1000, "nonneg(#0+-1*#1)"), 1);
        assert_eq!(kernels(20, 60, "nonneg(#0+-1*#1)"), 1);
    }
}
