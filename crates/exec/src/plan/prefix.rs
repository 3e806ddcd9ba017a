//! Prefix sums: `y[j] = Σ_k x[k] [k <= j + first]` along an axis in one pass, and the same from the end.
//!
//! Where the axis is the last, entries are taken in blocks: sums inside a block do not wait for those before it, so that
//! the chain of additions that waits has one for each block. The order of additions is fixed, whatever the processor.
//! Otherwise whole rows are added, a stripe of columns at a time, so that the row before is still in the cache.

use crate::lane::Number;

/// Entries of a block: an eighth of the additions wait for each other.
const BLOCK: usize = 8;
/// Columns of a stripe: with the row before, and the row that is read, they fit the first-level cache.
const STRIPE: usize = 1024;

/// Extents around the axis, and the bounds up to which is summed.
pub(super) struct Shape {
    /// Entries before the axis.
    pub(super) before: usize,
    /// Entries of the axis.
    pub(super) along: usize,
    /// Entries after the axis.
    pub(super) after: usize,
    /// Number of bounds: entries of the result along the axis.
    pub(super) bounds: usize,
    /// The first bound.
    pub(super) first: i64,
    /// Whether bounds are the first terms, and not the last.
    pub(super) reversed: bool,
}

/// Which bounds lie where: those before all terms or behind them have the sum of none or of all.
struct Cut {
    /// Bounds below the axis.
    below: usize,
    /// Bounds on the axis.
    on: usize,
    /// The first of these.
    start: usize,
}

impl Shape {
    fn cut(&self) -> Cut {
        let (along, bounds) = (self.along as i64, self.bounds as i64);
        let below = (-self.first).clamp(0, bounds);
        let end = (along - self.first).clamp(below, bounds);
        let start = (self.first + below).clamp(0, along);
        Cut { below: below as usize, on: (end - below) as usize, start: start as usize }
    }
}

/// All sums.
pub(super) fn sums<T: Number>(shape: &Shape, x: &[T], out: &mut [T]) {
    let (step, bounds) = (shape.along * shape.after, shape.bounds * shape.after);
    let cut = shape.cut();
    for b in 0..shape.before {
        let (x, out) = (&x[b * step..][..step], &mut out[b * bounds..][..bounds]);
        match (shape.after, shape.reversed) {
            (1, false) => forward(&cut, x, out),
            (1, true) => backward(&cut, x, out),
            _ => rows(shape, &cut, x, out),
        }
    }
}

fn forward<T: Number>(cut: &Cut, x: &[T], out: &mut [T]) {
    let (none, rest) = out.split_at_mut(cut.below);
    let (on, all) = rest.split_at_mut(cut.on);
    none.fill(T::zero());
    let mut total = T::zero();
    x[..cut.start].iter().for_each(|&x| total += x);
    let x = &x[cut.start..][..cut.on];
    let (blocks, left) = (x.chunks_exact(BLOCK), x.chunks_exact(BLOCK).remainder());
    let mut places = on.chunks_exact_mut(BLOCK);
    for (x, place) in blocks.zip(&mut places) {
        let mut inside = [T::zero(); BLOCK];
        inside[0] = x[0];
        for k in 1..BLOCK {
            inside[k] = inside[k - 1] + x[k];
        }
        for k in 0..BLOCK {
            place[k] = total + inside[k];
        }
        total = place[BLOCK - 1];
    }
    for (&x, place) in left.iter().zip(places.into_remainder()) {
        total += x;
        *place = total;
    }
    all.fill(total);
}

fn backward<T: Number>(cut: &Cut, x: &[T], out: &mut [T]) {
    let (all, rest) = out.split_at_mut(cut.below);
    let (on, none) = rest.split_at_mut(cut.on);
    none.fill(T::zero());
    let mut total = T::zero();
    x[cut.start + cut.on..].iter().rev().for_each(|&x| total += x);
    let x = &x[cut.start..][..cut.on];
    let left = x.rchunks_exact(BLOCK).remainder();
    let mut places = on.rchunks_exact_mut(BLOCK);
    for (x, place) in x.rchunks_exact(BLOCK).zip(&mut places) {
        let mut inside = [T::zero(); BLOCK];
        inside[BLOCK - 1] = x[BLOCK - 1];
        for k in (0..BLOCK - 1).rev() {
            inside[k] = inside[k + 1] + x[k];
        }
        for k in 0..BLOCK {
            place[k] = total + inside[k];
        }
        total = place[0];
    }
    for (&x, place) in left.iter().zip(places.into_remainder()).rev() {
        total += x;
        *place = total;
    }
    all.fill(total);
}

/// Sums of rows: every column is a chain of its own.
fn rows<T: Number>(shape: &Shape, cut: &Cut, x: &[T], out: &mut [T]) {
    let after = shape.after;
    for from in (0..after).step_by(STRIPE) {
        let width = STRIPE.min(after - from);
        let mut total = [T::zero(); STRIPE];
        let total = &mut total[..width];
        let row = |k: usize| &x[k * after + from..][..width];
        let add = |total: &mut [T], row: &[T]| total.iter_mut().zip(row).for_each(|(t, &x)| *t += x);
        let mut write = |j: usize, total: &[T]| out[j * after + from..][..width].copy_from_slice(total);
        let (below, on, start) = (cut.below, cut.on, cut.start);
        if shape.reversed {
            (below + on..shape.bounds).for_each(|j| write(j, total));
            (start + on..shape.along).rev().for_each(|k| add(total, row(k)));
            for j in (0..on).rev() {
                add(total, row(start + j));
                write(below + j, total);
            }
            (0..below).for_each(|j| write(j, total));
        } else {
            (0..below).for_each(|j| write(j, total));
            (0..start).for_each(|k| add(total, row(k)));
            for j in 0..on {
                add(total, row(start + j));
                write(below + j, total);
            }
            (below + on..shape.bounds).for_each(|j| write(j, total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every bound before, on and behind the axis, both ways, beside the double loop; whole numbers add exactly.
    #[test]
    fn sums_are_those_of_the_double_loop() {
        for (along, bounds) in [(1, 1), (3, 9), (8, 8), (17, 16), (40, 25), (0, 4)] {
            for after in [1usize, 3, STRIPE + 2] {
                for first in [-50, -5, -1, 0, 1, 7, 50] {
                    for reversed in [false, true] {
                        let before = 2;
                        let x: Vec<f64> =
                            (0..before * along * after).map(|k| (k % 13) as f64 - 4.0).collect();
                        let mut found = vec![f64::NAN; before * bounds * after];
                        sums(&Shape { before, along, after, bounds, first, reversed }, &x, &mut found);
                        for (at, &found) in found.iter().enumerate() {
                            let (b, j, a) = (at / (bounds * after), at / after % bounds, at % after);
                            let bound = j as i64 + first;
                            let is_in = |k: &usize| {
                                if reversed { *k as i64 >= bound } else { *k as i64 <= bound }
                            };
                            let expected: f64 =
                                (0..along).filter(is_in).map(|k| x[(b * along + k) * after + a]).sum();
                            assert_eq!(found, expected, "{along} {bounds} {after} {first} {reversed}: {at}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_summed_does_not_show() {
        let x = [1.0, 2.0, f64::NAN, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let shape = |reversed| Shape { before: 1, along: 9, after: 1, bounds: 9, first: 0, reversed };
        let mut y = [0.0; 9];
        sums(&shape(false), &x, &mut y);
        assert!(y[..2] == [1.0, 3.0] && y[2..].iter().all(|y| y.is_nan()));
        sums(&shape(true), &x, &mut y);
        assert!(y[..3].iter().all(|y| y.is_nan()) && y[3..] == [39.0, 35.0, 30.0, 24.0, 17.0, 9.0]);
    }
}
