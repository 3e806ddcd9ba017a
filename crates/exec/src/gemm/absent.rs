//! Terms that are absent, kept as zeros in a packed factor: where a partner is infinite, the sum is taken without them.

use super::kernel::Side;
use super::lanes::Real;
use super::product::{Line, Product, View};
use super::run::{Place, Pointers, index_of};

/// Whether a number stands for no term: a zero with a minus sign.
fn is_absent<T: Real>(x: T) -> bool {
    x == T::ZERO && x.is_negative()
}

fn is_nan<T: Real>(x: T) -> bool {
    x.partial_cmp(&x).is_none()
}

fn all_numbers<T: Real>(line: &[T]) -> bool {
    !line.iter().fold(false, |nan, &x| nan | is_nan(x))
}

/// A matrix of one element of the batch.
fn matrix<T: Real>(at: *const T, view: &View, index: &[usize]) -> Side<T> {
    Place::matrix(at, view).element(index)
}

/// A vector of one element of the batch, along its rows.
fn line<T: Real>(at: *const T, line: &Option<Line>, index: &[usize]) -> Option<Side<T>> {
    line.as_ref().map(|line| Place::line(at, line).element(index))
}

/// # Safety
/// The entry is valid.
unsafe fn entry<T: Real>(side: &Side<T>, i: usize, j: usize) -> T {
    // SAFETY: given by the caller.
    unsafe { *side.from(i, j).at }
}

/// A matrix of `extents`, turned so that its rows run along memory, and whether it was turned.
fn along_memory<T>(side: Side<T>, [rows, cols]: [usize; 2]) -> (Side<T>, [usize; 2], bool) {
    match side.i.unsigned_abs() < side.j.unsigned_abs() {
        true => (Side { i: side.j, j: side.i, ..side }, [cols, rows], true),
        false => (side, [rows, cols], false),
    }
}

/// Whether all entries of a matrix are finite.
///
/// # Safety
/// They are valid.
unsafe fn all_finite<T: Real>(side: Side<T>, extents: [usize; 2]) -> bool {
    let (side, [lines, length], _) = along_memory(side, extents);
    let is_finite = |x: T| x * T::ZERO == T::ZERO;
    (0..lines).all(|k| {
        // SAFETY: entries of the matrix.
        unsafe {
            match side.j {
                1 => {
                    let line = std::slice::from_raw_parts(side.from(k, 0).at, length);
                    line.iter().fold(true, |all, &x| all & is_finite(x))
                }
                _ => (0..length).all(|l| is_finite(entry(&side, k, l))),
            }
        }
    })
}

impl<T: Real> Product<T> {
    /// Whether zeros may stand for absent terms.
    pub(super) fn has_absent(&self) -> bool {
        self.prologue.absent_a || self.prologue.absent_b
    }

    /// Whether absent terms meet finite numbers only.
    ///
    /// # Safety
    /// As [`Product::run_unchecked`].
    pub(super) unsafe fn meets_finite(&self, on: &Pointers<T>) -> bool {
        let before = &self.prologue;
        (0..self.batches()).all(|number| {
            let index = index_of(&self.batch, number);
            let (a, b) = (matrix(on.a, &self.a, &index), matrix(on.b, &self.b, &index));
            let scale = line(on.k_scale, &before.scale, &index);
            // SAFETY: the operands are valid.
            unsafe {
                (!before.absent_a || all_finite(b, [self.k, self.n]))
                    && (!before.absent_b || all_finite(a, [self.m, self.k]))
                    && scale.is_none_or(|scale| all_finite(scale, [self.k, 1]))
            }
        })
    }

    /// Computes anew, term by term, the entries that are no numbers: infinity times a zero that stands for no term is no
    /// number. Costs one look at C where all entries are numbers.
    ///
    /// # Safety
    /// As [`Product::run_unchecked`], after it; `beta` is zero.
    pub(super) unsafe fn leave_out(&self, on: &Pointers<T>) {
        debug_assert!(self.beta == T::ZERO, "the old C is gone");
        // SAFETY: given by the caller.
        unsafe { self.by_terms(on, false) }
    }

    /// Computes all entries term by term, or those that are no numbers.
    ///
    /// # Safety
    /// As [`Product::run_unchecked`].
    pub(super) unsafe fn by_terms(&self, on: &Pointers<T>, all: bool) {
        for number in 0..self.batches() {
            let index = index_of(&self.batch, number);
            let c = matrix(on.c.cast_const(), &self.c, &index);
            let (c, [lines, length], turned) = along_memory(c, [self.m, self.n]);
            for k in 0..lines {
                // SAFETY: entries of C, one after the other; the operands are valid.
                unsafe {
                    let line = c.from(k, 0).at;
                    if !all && c.j == 1 && all_numbers(std::slice::from_raw_parts(line, length)) {
                        continue;
                    }
                    for l in 0..length {
                        let at = c.from(k, l).at.cast_mut();
                        let (i, j) = if turned { (l, k) } else { (k, l) };
                        if all || is_nan(*at) {
                            *at = self.entry(on, &index, i, j, *at);
                        }
                    }
                }
            }
        }
    }

    /// Whether neither its row nor its column is left out.
    ///
    /// # Safety
    /// As [`Product::run_unchecked`].
    unsafe fn is_computed(&self, on: &Pointers<T>, index: &[usize], i: usize, j: usize) -> bool {
        let rows = line(on.active_rows, &self.prologue.active_rows, index);
        let cols = line(on.active_cols, &self.prologue.active_cols, index);
        // SAFETY: entries of the masks.
        let holds = |mask: Option<Side<T>>, at| mask.is_none_or(|m| unsafe { entry(&m, at, 0) } != T::ZERO);
        holds(rows, i) && holds(cols, j)
    }

    /// One entry, term by term, with what C has there.
    ///
    /// # Safety
    /// As [`Product::run_unchecked`].
    unsafe fn entry(&self, on: &Pointers<T>, index: &[usize], i: usize, j: usize, old: T) -> T {
        let old = if self.beta == T::ZERO { T::ZERO } else { self.beta * old };
        // SAFETY: given by the caller.
        if !unsafe { self.is_computed(on, index, i, j) } {
            return old;
        }
        let (before, after) = (&self.prologue, &self.epilogue);
        let (a, b) = (matrix(on.a, &self.a, index), matrix(on.b, &self.b, index));
        let scale = line(on.k_scale, &before.scale, index);
        let active = line(on.active_k, &before.active_k, index);
        let (mut sum, mut present) = (T::ZERO, false);
        // SAFETY: entries of the operands, inside their extents.
        unsafe {
            for p in 0..self.k {
                let (x, y) = (entry(&a, i, p), entry(&b, p, j));
                let absent = (before.absent_a && is_absent(x)) || (before.absent_b && is_absent(y));
                if absent || active.as_ref().is_some_and(|line| entry(line, p, 0) == T::ZERO) {
                    continue;
                }
                present = true;
                sum += scale.as_ref().map_or(x, |line| x * entry(line, p, 0)) * y;
            }
            let side = |at, view: &Option<View>| view.as_ref().map(|v| entry(&matrix(at, v, index), i, j));
            let mut x = if present { self.alpha * sum + old } else { old };
            if let Some(bias) = side(on.bias, &after.bias) {
                x += bias;
            }
            if after.relu && x < T::ZERO {
                x = T::ZERO;
            }
            if side(on.mask, &after.mask) == Some(T::ZERO) {
                return T::ZERO;
            }
            side(on.scale, &after.scale).map_or(x, |scale| x * scale)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::gemm::{Line, Misfit, Operands, Product, Prologue, View, Workspace};

    const NAN: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;

    fn run(product: &Product<f64>, on: &mut Operands<'_, f64>) -> Result<(), Misfit> {
        product.run(on, &mut Workspace::new(), 1)
    }

    #[test]
    fn a_zero_with_a_minus_sign_is_no_term() {
        let mut product = Product::<f64>::new(2, 3, 2);
        let a = [1.0, -0.0, 2.0, -0.0, -0.0, -0.0];
        let b = [3.0, 4.0, INF, NAN, 5.0, INF];
        let mut c = [7.0; 4];
        run(&product, &mut Operands { a: &a, b: &b, c: &mut c, ..Operands::default() }).unwrap();
        assert!(c.iter().all(|x| x.is_nan()), "{c:?}");
        product.prologue = Prologue { absent_a: true, ..Prologue::default() };
        run(&product, &mut Operands { a: &a, b: &b, c: &mut c, ..Operands::default() }).unwrap();
        assert_eq!(c, [13.0, INF, 0.0, 0.0]);
        // The same from the other side, transposed, into columns.
        let turned = Product {
            a: product.b.transposed(),
            b: product.a.transposed(),
            c: View::rows(2).transposed(),
            prologue: Prologue { absent_b: true, ..Prologue::default() },
            ..product.clone()
        };
        let mut d = [7.0; 4];
        run(&turned, &mut Operands { a: &b, b: &a, c: &mut d, ..Operands::default() }).unwrap();
        assert_eq!(d, c);
    }

    #[test]
    fn what_comes_before_and_after_is_kept() {
        let mut product = Product::<f64>::new(2, 2, 2);
        product.alpha = -2.0;
        product.prologue = Prologue {
            absent_a: true,
            scale: Some(Line::unit()),
            active_rows: Some(Line::unit()),
            ..Prologue::default()
        };
        product.epilogue.bias = Some(View::by_col());
        let (a, b) = ([-0.0, 3.0, -0.0, 1.0], [INF, NAN, 1.0, 2.0]);
        let mut c = [0.0; 4];
        let mut on = Operands {
            a: &a,
            b: &b,
            c: &mut c,
            k_scale: &[1.0, 10.0],
            active_rows: &[1.0, 0.0],
            bias: &[0.5, 0.25],
            ..Operands::default()
        };
        run(&product, &mut on).unwrap();
        assert_eq!(c, [-59.5, -119.75, 0.0, 0.0]);
    }

    /// What C was is known only before; so factors are looked at.
    #[test]
    fn absent_terms_are_not_added_to_the_old_result() {
        let mut product = Product::<f64>::new(2, 2, 2);
        product.beta = 0.5;
        product.prologue.absent_a = true;
        let a = [-0.0, 3.0, -0.0, -0.0];
        for (first, right) in [(INF, [4.0, 7.0, 1.0, 1.0]), (9.0, [4.0, 7.0, 1.0, 1.0])] {
            let mut c = [2.0; 4];
            run(
                &product,
                &mut Operands {
                    a: &a,
                    b: &[first, NAN.min(first), 1.0, 2.0],
                    c: &mut c,
                    ..Operands::default()
                },
            )
            .unwrap();
            assert_eq!(c, right);
        }
    }
}
