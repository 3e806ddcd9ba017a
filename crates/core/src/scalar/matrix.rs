//! Dense matrices of any scalar: elimination, solving, determinant, Cholesky factor.
//!
//! `P A = L U`, `A⁻¹ B = U⁻¹ L⁻¹ P B`, `det A = ± Π U[k,k]`, `A = L Lᵀ`
//!
//! Matrices are row-major slices: entry `a[i,j]` of an n by m matrix stands at `i m + j`. The order of
//! operations is fixed, so the same input gives the same bits. Sizes may be 0: the empty determinant is 1.
//!
//! ```
//! use chainrule_core::scalar::{Exact, Scalar, matrix};
//! let a = [2, 1, 1, 3].map(Exact::from_i64);
//! assert_eq!(matrix::det(&a, 2), Exact::from_i64(5));
//! let x = matrix::solve(&a, 2, &[5, 10].map(Exact::from_i64), 1);
//! assert_eq!(x, [1, 3].map(Exact::from_i64));
//! ```
//!
//! A singular matrix has no inverse, and where the answer does not exist every entry of it is NaN.
//! Slices whose length is not that of the stated shape are a mistake of the caller and panic.
//!
//! Source: Golub and Van Loan, Matrix Computations, 4th edition, sections 3.1, 3.4 and 4.2; determinants of
//! singular matrices: Bird, A simple division-free algorithm for computing determinants, 2011.

use super::Scalar;

/// A factorisation `P A = L U` with row exchanges.
///
/// L has a unit diagonal and stands below the diagonal of the entries, U on and above it.
#[derive(Clone, Debug)]
pub struct Lu<S> {
    n: usize,
    entries: Vec<S>,
    /// Row i of P A is this row of A.
    rows: Vec<usize>,
    odd: bool,
}

/// Why an elimination ended early.
enum Stop {
    /// What is left of the column is zero, so the determinant is.
    Zero,
    /// Zero in value, but some entry has a tangent.
    Moving,
    /// An entry is NaN.
    Nan,
}

/// Factorises `a[n,n]` in about n³/3 products; `None` where no pivot is left: singular, or NaN.
///
/// The pivot is the entry of the column that is largest as `f64`, the first of equals; in exact arithmetic
/// the first that is not 0.
pub fn lu<S: Scalar>(a: &[S], n: usize) -> Option<Lu<S>> {
    eliminate(a, n).ok()
}

fn eliminate<S: Scalar>(a: &[S], n: usize) -> Result<Lu<S>, Stop> {
    assert_shape(a, n, n);
    let mut entries = a.to_vec();
    let mut rows: Vec<usize> = (0..n).collect();
    let mut odd = false;
    for k in 0..n {
        let p = pivot(&entries, n, k)?;
        if p != k {
            rows.swap(p, k);
            swap_rows(&mut entries, n, p, k);
            odd = !odd;
        }
        for i in k + 1..n {
            let factor = entries[i * n + k].clone() / &entries[k * n + k];
            for j in k + 1..n {
                entries[i * n + j] = entries[i * n + j].clone() - factor.clone() * &entries[k * n + j];
            }
            entries[i * n + k] = factor;
        }
    }
    Ok(Lu { n, entries, rows, odd })
}

/// The row to eliminate column k with.
fn pivot<S: Scalar>(entries: &[S], n: usize, k: usize) -> Result<usize, Stop> {
    let (mut best, mut most) = (Err(Stop::Zero), 0.0);
    for i in k..n {
        let entry = &entries[i * n + k];
        let size = if S::EXACT { f64::from(*entry != S::zero()) } else { entry.to_f64().abs() };
        if entry.is_nan() {
            return Err(Stop::Nan);
        } else if size > most {
            (best, most) = (Ok(i), size);
        } else if most == 0.0 && !entry.is_zero() {
            best = Err(Stop::Moving);
        }
    }
    best
}

fn swap_rows<S>(entries: &mut [S], n: usize, i: usize, j: usize) {
    for column in 0..n {
        entries.swap(i * n + column, j * n + column);
    }
}

impl<S: Scalar> Lu<S> {
    /// `X[n,m] = A⁻¹ B` for `b[n,m]`, in n² m products.
    pub fn solve(&self, b: &[S], m: usize) -> Vec<S> {
        assert_shape(b, self.n, m);
        let mut x: Vec<S> = self.rows.iter().flat_map(|&row| &b[row * m..(row + 1) * m]).cloned().collect();
        forward(&self.entries, self.n, &mut x, m, false);
        backward(&self.entries, self.n, &mut x, m);
        x
    }

    /// `± Π U[k,k]`
    pub fn det(&self) -> S {
        let product = self.pivots().fold(S::one(), |product, pivot| product * pivot);
        if self.odd { -product } else { product }
    }

    /// `Σ ln |U[k,k]|`, which neither overflows nor underflows as the determinant does.
    pub fn log_abs_det(&self) -> S {
        self.pivots().fold(S::zero(), |sum, pivot| sum + pivot.abs().ln())
    }

    fn pivots(&self) -> impl Iterator<Item = &S> {
        (0..self.n).map(|k| &self.entries[k * self.n + k])
    }
}

/// `X[n,m] = A⁻¹ B` for `a[n,n]`, `b[n,m]`; all NaN where A is singular.
pub fn solve<S: Scalar>(a: &[S], n: usize, b: &[S], m: usize) -> Vec<S> {
    assert_shape(b, n, m);
    lu(a, n).map_or_else(|| vec![S::nan(); n * m], |lu| lu.solve(b, m))
}

/// `A⁻¹[n,n]`; all NaN where A is singular.
pub fn inverse<S: Scalar>(a: &[S], n: usize) -> Vec<S> {
    solve(a, n, &identity(n), n)
}

/// The determinant of `a[n,n]`; 0 for a singular matrix, with the tangent it has there in dual numbers.
///
/// Costs n³/3 products; n⁴/2 in the one case of a dual matrix whose value is singular, NaN there for n > 100.
pub fn det<S: Scalar>(a: &[S], n: usize) -> S {
    match eliminate(a, n) {
        Ok(lu) => lu.det(),
        Err(Stop::Zero) => S::zero(),
        Err(Stop::Moving) if n <= 100 => det_without_division(a, n),
        Err(Stop::Moving | Stop::Nan) => S::nan(),
    }
}

/// `ln |det A|` of `a[n,n]`: `-∞` for a singular matrix, 0 for the empty one.
///
/// In exact arithmetic rational only where the determinant is 1 or -1.
pub fn log_abs_det<S: Scalar>(a: &[S], n: usize) -> S {
    match lu(a, n) {
        Some(lu) if !S::EXACT => lu.log_abs_det(),
        Some(lu) => lu.det().abs().ln(),
        None => det(a, n).ln(),
    }
}

/// Bird's algorithm: `det A = ± F[0,0]` after n - 1 steps `F <- μ(F) A` from `F = A`.
///
/// μ keeps what stands above the diagonal, drops what stands below, and puts `-Σ_{j>i} F[j,j]` on it.
fn det_without_division<S: Scalar>(a: &[S], n: usize) -> S {
    let mut f = a.to_vec();
    for _ in 1..n {
        let mut next = Vec::with_capacity(n * n);
        let mut trace = S::zero();
        let mut diagonal = vec![S::zero(); n];
        for i in (0..n).rev() {
            diagonal[i] = -trace.clone();
            trace = trace + &f[i * n + i];
        }
        for i in 0..n {
            for column in 0..n {
                let start = diagonal[i].clone() * &a[i * n + column];
                next.push((i + 1..n).fold(start, |sum, j| sum + f[i * n + j].clone() * &a[j * n + column]));
            }
        }
        f = next;
    }
    if n.is_multiple_of(2) { -f[0].clone() } else { f[0].clone() }
}

/// The lower triangular L with a positive diagonal and `L Lᵀ = A`, for `a[n,n]`; zeros above the diagonal.
///
/// Reads the lower triangle of A only. All NaN where A is not positive definite, and in exact arithmetic
/// where a pivot has no rational root. Costs n³/6 products.
pub fn cholesky<S: Scalar>(a: &[S], n: usize) -> Vec<S> {
    assert_shape(a, n, n);
    let mut l = vec![S::zero(); n * n];
    for j in 0..n {
        for i in j..n {
            let rest =
                (0..j).fold(a[i * n + j].clone(), |rest, k| rest - l[i * n + k].clone() * &l[j * n + k]);
            l[i * n + j] = if i == j { rest.sqrt() } else { rest / &l[j * n + j] };
        }
        let diagonal = &l[j * n + j];
        if diagonal.is_nan() || *diagonal == S::zero() {
            return vec![S::nan(); n * n];
        }
    }
    l
}

/// `X[n,m]` with `L X = B`, for `l[n,n]`, `b[n,m]`, in n² m / 2 products.
///
/// Reads L on and below the diagonal only; all NaN where the diagonal has a 0.
pub fn solve_lower<S: Scalar>(l: &[S], n: usize, b: &[S], m: usize) -> Vec<S> {
    solve_triangle(l, n, b, m, |x| forward(l, n, x, m, true))
}

/// `X[n,m]` with `U X = B`, for `u[n,n]`, `b[n,m]`, in n² m / 2 products.
///
/// Reads U on and above the diagonal only; all NaN where the diagonal has a 0.
pub fn solve_upper<S: Scalar>(u: &[S], n: usize, b: &[S], m: usize) -> Vec<S> {
    solve_triangle(u, n, b, m, |x| backward(u, n, x, m))
}

fn solve_triangle<S: Scalar>(
    t: &[S],
    n: usize,
    b: &[S],
    m: usize,
    substitute: impl FnOnce(&mut [S]),
) -> Vec<S> {
    assert_shape(t, n, n);
    assert_shape(b, n, m);
    if (0..n).any(|k| t[k * n + k] == S::zero()) {
        return vec![S::nan(); n * m];
    }
    let mut x = b.to_vec();
    substitute(&mut x);
    x
}

/// Forward substitution in place; without `divide` the diagonal of L counts as 1.
fn forward<S: Scalar>(l: &[S], n: usize, x: &mut [S], m: usize, divide: bool) {
    for i in 0..n {
        for k in 0..i {
            eliminate_row(x, m, i, k, &l[i * n + k]);
        }
        if divide {
            divide_row(x, m, i, &l[i * n + i]);
        }
    }
}

/// Backward substitution in place.
fn backward<S: Scalar>(u: &[S], n: usize, x: &mut [S], m: usize) {
    for i in (0..n).rev() {
        for k in i + 1..n {
            eliminate_row(x, m, i, k, &u[i * n + k]);
        }
        divide_row(x, m, i, &u[i * n + i]);
    }
}

/// `x[i,:] -= factor x[k,:]`
fn eliminate_row<S: Scalar>(x: &mut [S], m: usize, i: usize, k: usize, factor: &S) {
    for j in 0..m {
        x[i * m + j] = x[i * m + j].clone() - factor.clone() * &x[k * m + j];
    }
}

/// `x[i,:] /= divisor`
fn divide_row<S: Scalar>(x: &mut [S], m: usize, i: usize, divisor: &S) {
    for entry in &mut x[i * m..(i + 1) * m] {
        *entry = entry.clone() / divisor;
    }
}

fn identity<S: Scalar>(n: usize) -> Vec<S> {
    (0..n * n).map(|at| if at / n == at % n { S::one() } else { S::zero() }).collect()
}

fn assert_shape<S>(a: &[S], n: usize, m: usize) {
    assert_eq!(a.len(), n * m, "a matrix of {n} by {m} has n·m entries");
}

#[cfg(test)]
mod tests {
    use super::super::{Dual, Exact};
    use super::*;
    use crate::rational::Rational;

    /// Small fractions, the same every time.
    fn fractions(count: usize, seed: u64) -> Vec<Rational> {
        let mut state = seed;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) % below).cast_signed()
        };
        (0..count).map(|_| Rational::new(draw(19) - 9, draw(4) + 1)).collect()
    }

    fn cast<S: Scalar>(a: &[Rational]) -> Vec<S> {
        a.iter().map(S::from_rational).collect()
    }

    /// `a[n,k] b[k,m]`
    fn product<S: Scalar>(a: &[S], b: &[S], n: usize, k: usize, m: usize) -> Vec<S> {
        let entry =
            |i: usize, j: usize| (0..k).fold(S::zero(), |sum, c| sum + a[i * k + c].clone() * &b[c * m + j]);
        (0..n * m).map(|at| entry(at / m, at % m)).collect()
    }

    fn transpose<S: Scalar>(a: &[S], n: usize) -> Vec<S> {
        (0..n * n).map(|at| a[at % n * n + at / n].clone()).collect()
    }

    fn close(found: &[f64], exact: &[Exact]) -> bool {
        found.iter().zip(exact).all(|(x, y)| (x - y.to_f64()).abs() <= 1e-11 * (1.0 + y.to_f64().abs()))
    }

    #[test]
    fn exact_answers_multiply_back_and_floats_agree() {
        for n in 1..=6 {
            for seed in 0..5 {
                let (a, b) = (fractions(n * n, seed), fractions(n * 2, seed + 100));
                let (exact, right): (Vec<Exact>, Vec<Exact>) = (cast(&a), cast(&b));
                if lu(&exact, n).is_none() {
                    continue;
                }
                let (inverse_exact, x) = (inverse(&exact, n), solve(&exact, n, &right, 2));
                assert_eq!(product(&exact, &x, n, n, 2), right);
                assert_eq!(product(&inverse_exact, &exact, n, n, n), identity(n));
                let float: Vec<f64> = cast(&a);
                assert!(close(&inverse(&float, n), &inverse_exact), "{a:?}");
                assert!(close(&solve(&float, n, &cast(&b), 2), &x), "{a:?}");
                let d = det(&exact, n);
                assert_eq!(d, det_without_division(&exact, n));
                assert!(close(&[det(&float, n)], std::slice::from_ref(&d)));
                assert!((log_abs_det(&float, n) - libm::log(d.to_f64().abs())).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn cholesky_reads_the_lower_triangle_and_multiplies_back() {
        let n = 4;
        let mut l: Vec<Exact> = cast(&fractions(n * n, 7));
        for i in 0..n {
            l[i * n + i] = Exact::from_i64(i as i64 + 1);
            l[i * n + i + 1..(i + 1) * n].fill(Exact::zero());
        }
        let mut a = product(&l, &transpose(&l, n), n, n, n);
        for i in 0..n {
            a[i * n + i + 1..(i + 1) * n].fill(Exact::nan());
        }
        assert_eq!(cholesky(&a, n), l);
        let float: Vec<f64> = a.iter().map(Scalar::to_f64).collect();
        assert!(close(&cholesky(&float, n), &l));
        for indefinite in [[1.0, 2.0, 2.0, 1.0], [0.0, 0.0, 0.0, 1.0], [1.0, f64::NAN, f64::NAN, 1.0]] {
            assert!(cholesky(&indefinite, 2).iter().all(|x| x.is_nan()), "{indefinite:?}");
        }
    }

    #[test]
    fn triangular_solves_read_their_triangle_only() {
        let n = 4;
        let mut t: Vec<Exact> = cast(&fractions(n * n, 3));
        let b: Vec<Exact> = cast(&fractions(n * 3, 4));
        for i in 0..n {
            t[i * n + i] = Exact::from_i64(2);
            t[i * n + i + 1..(i + 1) * n].fill(Exact::zero());
        }
        let mut littered = t.clone();
        for i in 0..n {
            littered[i * n + i + 1..(i + 1) * n].fill(Exact::nan());
        }
        let x = solve_lower(&littered, n, &b, 3);
        assert_eq!(product(&t, &x, n, n, 3), b);
        let x = solve_upper(&transpose(&littered, n), n, &b, 3);
        assert_eq!(product(&transpose(&t, n), &x, n, n, 3), b);
        assert!(solve_lower(&[1.0, 0.0, 1.0, 0.0], 2, &[1.0, 1.0], 1).iter().all(|x| x.is_nan()));
        assert!(solve_upper(&[0.0, 1.0, 0.0, 1.0], 2, &[1.0, 1.0], 1).iter().all(|x| x.is_nan()));
    }

    #[test]
    fn singular_matrices_answer_as_stated() {
        let a = [1.0, 2.0, 2.0, 4.0];
        assert!(lu(&a, 2).is_none());
        assert!(inverse(&a, 2).iter().all(|x| x.is_nan()));
        assert_eq!((det(&a, 2), log_abs_det(&a, 2)), (0.0, f64::NEG_INFINITY));
        let a = a.map(Exact::from_f64);
        assert!(solve(&a, 2, &a, 2).iter().all(Scalar::is_nan));
        assert!(det(&a, 2) == Exact::zero() && log_abs_det(&a, 2).is_nan());
        let a = [1.0, f64::NAN, 0.0, 1.0];
        assert!(
            det(&a, 2).is_nan() && log_abs_det(&a, 2).is_nan() && inverse(&a, 2).iter().all(|x| x.is_nan())
        );
    }

    #[test]
    fn empty_matrices_are_the_identity_of_no_space() {
        let none: [f64; 0] = [];
        assert_eq!((det(&none, 0), log_abs_det(&none, 0)), (1.0, 0.0));
        assert!(inverse(&none, 0).is_empty() && cholesky(&none, 0).is_empty());
        assert!(solve(&none, 0, &none, 3).is_empty() && solve_lower(&none, 0, &none, 3).is_empty());
        assert!(solve(&[2.0], 1, &none, 0).is_empty());
    }

    #[test]
    fn the_determinant_has_its_tangent_where_it_is_zero() {
        // det [[t, 2], [3, 6]] = 6t - 6 at t = 1; and the zero matrix plus t I has det t², with second
        // derivative 2.
        let c = |x: f64| Dual::constant(x);
        let d = det(&[Dual::variable(1.0), c(2.0), c(3.0), c(6.0)], 2);
        assert_eq!((d.value, d.tangent), (0.0, 6.0));
        let t = Dual::variable(Dual::variable(0.0));
        let zero = Dual::zero();
        let d = det(&[t.clone(), zero.clone(), zero, t], 2);
        assert_eq!((d.value.value, d.tangent.tangent), (0.0, 2.0));
    }
}
