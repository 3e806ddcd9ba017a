//! The inner loops, written once over [`Lanes`] and compiled for each kind of processor.

// A register block is several arrays with one constant range: the letter says more than a chain of iterators.
#![allow(clippy::needless_range_loop)]

use super::lanes::{Lanes, Real};

/// A block of C, small enough for the registers: rows run along the lanes, and lie one after the other in A and C.
///
/// `c[i,j] = alpha · Σ_p a[i,p] b[p,j] + beta · c[i,j]`
pub(super) struct Tile<T> {
    pub k: usize,
    pub a: *const T,
    pub a_k: isize,
    /// The terms of A that take part, or null where they follow each other.
    pub list: *const usize,
    pub b: *const T,
    pub b_k: isize,
    pub b_j: isize,
    pub c: *mut T,
    pub c_j: isize,
    pub rows: usize,
    pub cols: usize,
    pub alpha: T,
    pub beta: T,
}

/// `MV` vectors by `NR` columns. `FULL`: A may be read to the end of the last vector. `PACKED`: the `NR` columns of B
/// lie one after the other, of which `cols` are wanted. `LISTED`: A is read at the terms of the list.
///
/// # Safety
/// The processor has the instructions of `L`; the pointers are valid for what the type says.
#[inline(always)]
pub(super) unsafe fn tile<
    T,
    L,
    const MV: usize,
    const NR: usize,
    const FULL: bool,
    const PACKED: bool,
    const LISTED: bool,
>(
    t: &Tile<T>,
) where
    T: Real,
    L: Lanes<T>,
{
    // SAFETY: A is read in `rows` rows (to the end of the vector when `FULL`), B in `cols` columns (`NR` when
    // `PACKED`), both over k; C is touched in `rows` by `cols` entries. Pointers step past the end only by wrapping.
    unsafe {
        let n = L::COUNT;
        let tail = t.rows - (MV - 1) * n;
        let mut acc = [[L::splat(T::ZERO); MV]; NR];
        let (mut a, mut b) = (t.a, t.b);
        for p in 0..t.k {
            if LISTED {
                a = t.a.wrapping_offset(*t.list.add(p) as isize * t.a_k);
            }
            let mut rows = [L::splat(T::ZERO); MV];
            for v in 0..MV {
                let p = a.wrapping_add(v * n);
                rows[v] = if FULL || v + 1 < MV { L::load(p) } else { L::load_first(p, tail) };
            }
            for (j, acc) in acc.iter_mut().enumerate() {
                let step = if PACKED { j as isize } else { j as isize * t.b_j };
                let x = L::splat(*b.wrapping_offset(step));
                for v in 0..MV {
                    acc[v] = rows[v].fma(x, acc[v]);
                }
            }
            if !LISTED {
                a = a.wrapping_offset(t.a_k);
            }
            b = b.wrapping_offset(if PACKED { NR as isize } else { t.b_k });
        }
        let (alpha, beta) = (L::splat(t.alpha), L::splat(t.beta));
        let fresh = t.beta == T::ZERO;
        for (j, acc) in acc.iter().enumerate() {
            if PACKED && j >= t.cols {
                break;
            }
            let c = t.c.wrapping_offset(j as isize * t.c_j);
            for v in 0..MV {
                let c = c.wrapping_add(v * n);
                let x = acc[v].mul(alpha);
                if v + 1 < MV || tail == n {
                    (if fresh { x } else { L::load(c).fma(beta, x) }).store(c);
                } else {
                    (if fresh { x } else { L::load_first(c, tail).fma(beta, x) }).store_first(c, tail);
                }
            }
        }
    }
}

/// A block with one term in its sums, of any extent: column after column, as C lies in memory.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
pub(super) unsafe fn outer<T: Real, L: Lanes<T>>(t: &Tile<T>) {
    // SAFETY: A has `rows` entries, B `cols`, C both; whole vectors while they fit, then a masked one.
    unsafe {
        let (alpha, beta) = (L::splat(t.alpha), L::splat(t.beta));
        for j in 0..t.cols as isize {
            let (b, c) = (L::splat(*t.b.offset(j * t.b_j)), t.c.offset(j * t.c_j));
            let mut i = 0;
            while i + L::COUNT <= t.rows {
                let x = L::load(t.a.add(i)).mul(b).mul(alpha);
                (if t.beta == T::ZERO { x } else { L::load(c.add(i)).fma(beta, x) }).store(c.add(i));
                i += L::COUNT;
            }
            let left = t.rows - i;
            if left > 0 {
                let x = L::load_first(t.a.add(i), left).mul(b).mul(alpha);
                let x = if t.beta == T::ZERO { x } else { L::load_first(c.add(i), left).fma(beta, x) };
                x.store_first(c.add(i), left);
            }
        }
    }
}

/// Rows of A against one vector: `sums[r] = Σ_p a[r,p] x[p]`, everything read along p.
pub(super) struct Dots<T> {
    pub k: usize,
    pub a: *const T,
    pub a_i: isize,
    pub x: *const T,
    pub sums: *mut T,
}

/// `R` rows, each in `U` vectors of partial sums; the order of additions depends on k only.
///
/// # Safety
/// As [`tile`]; `sums` has room for `R`.
#[inline(always)]
pub(super) unsafe fn dots<T: Real, L: Lanes<T>, const R: usize, const U: usize>(d: &Dots<T>) {
    // SAFETY: positions below k only, by whole vectors while they fit, then by a masked one.
    unsafe {
        let n = L::COUNT;
        let mut acc = [[L::splat(T::ZERO); U]; R];
        let mut p = 0;
        while p + U * n <= d.k {
            for u in 0..U {
                let x = L::load(d.x.add(p + u * n));
                for r in 0..R {
                    acc[r][u] = L::load(d.a.offset(r as isize * d.a_i).add(p + u * n)).fma(x, acc[r][u]);
                }
            }
            p += U * n;
        }
        for u in 0..U {
            let left = (d.k - p).min(n);
            if left > 0 {
                let x = L::load_first(d.x.add(p), left);
                for r in 0..R {
                    acc[r][u] = L::load_first(d.a.offset(r as isize * d.a_i).add(p), left).fma(x, acc[r][u]);
                }
                p += left;
            }
        }
        for r in 0..R {
            let mut step = U / 2;
            while step > 0 {
                for u in 0..step {
                    acc[r][u] = acc[r][u].add(acc[r][u + step]);
                }
                step /= 2;
            }
            let mut parts = [T::ZERO; 16];
            acc[r][0].store(parts.as_mut_ptr());
            let mut step = n / 2;
            while step > 0 {
                for l in 0..step {
                    let upper = parts[l + step];
                    parts[l] += upper;
                }
                step /= 2;
            }
            *d.sums.add(r) = parts[0];
        }
    }
}

/// Many tiny products side by side: the batch runs along the lanes.
pub(super) struct Across<T> {
    pub extents: [usize; 3],
    pub batch: usize,
    pub a: *const T,
    pub b: *const T,
    pub c: *mut T,
    /// Strides of rows, columns, and (0 or 1) of the batch.
    pub a_strides: [isize; 3],
    pub b_strides: [isize; 3],
    pub c_strides: [isize; 2],
    pub alpha: T,
    pub beta: T,
}

/// # Safety
/// As [`tile`], for every element of the batch.
#[inline(always)]
pub(super) unsafe fn across<T: Real, L: Lanes<T>>(t: &Across<T>) {
    let [m, n, _] = t.extents;
    let mut first = 0;
    while first < t.batch {
        let lanes = (t.batch - first).min(L::COUNT);
        let mut i = 0;
        while i < m {
            let rows = if i + 2 <= m { 2 } else { 1 };
            let mut j = 0;
            while j < n {
                let cols = if j + 4 <= n { 4 } else { 1 };
                // SAFETY: rows i.. and columns j.. lie in the product, lanes first.. in the batch.
                unsafe {
                    match (rows, cols) {
                        (2, 4) => across_block::<T, L, 2, 4>(t, first, lanes, i, j),
                        (2, _) => across_block::<T, L, 2, 1>(t, first, lanes, i, j),
                        (_, 4) => across_block::<T, L, 1, 4>(t, first, lanes, i, j),
                        _ => across_block::<T, L, 1, 1>(t, first, lanes, i, j),
                    }
                }
                j += cols;
            }
            i += rows;
        }
        first += lanes;
    }
}

/// # Safety
/// As [`across`].
#[inline(always)]
unsafe fn across_block<T: Real, L: Lanes<T>, const R: usize, const C: usize>(
    t: &Across<T>,
    first: usize,
    lanes: usize,
    i: usize,
    j: usize,
) {
    // SAFETY: the caller's block lies in the product; loads and stores touch `lanes` elements of the batch.
    unsafe {
        let read = |p: *const T, strides: [isize; 3], row: usize, col: usize| {
            let p = p.offset(row as isize * strides[0] + col as isize * strides[1]);
            if strides[2] == 0 { L::splat(*p) } else { L::load_first(p.add(first), lanes) }
        };
        let mut acc = [[L::splat(T::ZERO); C]; R];
        for p in 0..t.extents[2] {
            let mut a = [L::splat(T::ZERO); R];
            for (r, a) in a.iter_mut().enumerate() {
                *a = read(t.a, t.a_strides, i + r, p);
            }
            for c in 0..C {
                let b = read(t.b, t.b_strides, p, j + c);
                for r in 0..R {
                    acc[r][c] = a[r].fma(b, acc[r][c]);
                }
            }
        }
        for (r, acc) in acc.iter().enumerate() {
            for (c, acc) in acc.iter().enumerate() {
                let at = (i + r) as isize * t.c_strides[0] + (j + c) as isize * t.c_strides[1];
                let at = t.c.offset(at).add(first);
                let x = acc.mul(L::splat(t.alpha));
                let x = if t.beta == T::ZERO { x } else { L::load_first(at, lanes).fma(L::splat(t.beta), x) };
                x.store_first(at, lanes);
            }
        }
    }
}

/// A matrix beside C: where its entry `(0, 0)` is, and its strides.
#[derive(Copy, Clone)]
pub(super) struct Side<T> {
    pub at: *const T,
    pub i: isize,
    pub j: isize,
}

impl<T: Real> Side<T> {
    /// The same matrix from entry `(i, j)` on.
    pub(super) fn from(self, i: usize, j: usize) -> Side<T> {
        Side { at: self.at.wrapping_offset(i as isize * self.i + j as isize * self.j), ..self }
    }
}

/// What follows the sums.
#[derive(Copy, Clone)]
pub(super) struct After<T> {
    pub bias: Option<Side<T>>,
    pub relu: bool,
    pub mask: Option<Side<T>>,
    pub scale: Option<Side<T>>,
}

impl<T: Real> After<T> {
    pub(super) fn is_none(&self) -> bool {
        self.bias.is_none() && !self.relu && self.mask.is_none() && self.scale.is_none()
    }

    fn sides(&self) -> impl Iterator<Item = Side<T>> {
        [self.bias, self.mask, self.scale].into_iter().flatten()
    }

    pub(super) fn from(&self, i: usize, j: usize) -> After<T> {
        let from = |side: Option<Side<T>>| side.map(|side| side.from(i, j));
        After { bias: from(self.bias), relu: self.relu, mask: from(self.mask), scale: from(self.scale) }
    }

    /// One entry.
    ///
    /// # Safety
    /// The sides are valid at `(i, j)`.
    #[inline(always)]
    pub(super) unsafe fn apply(&self, mut x: T, i: usize, j: usize) -> T {
        // SAFETY: given by the caller.
        let read = |side: Side<T>| unsafe { *side.from(i, j).at };
        if let Some(bias) = self.bias {
            x += read(bias);
        }
        if self.relu && x <= T::ZERO {
            x = T::ZERO;
        }
        // Absent: no scale, not even an infinite one, makes anything of it.
        if self.mask.is_some_and(|mask| read(mask) == T::ZERO) {
            return T::ZERO;
        }
        if let Some(scale) = self.scale {
            x = x * read(scale);
        }
        x
    }
}

/// A block of C to which the epilogue is applied.
pub(super) struct Finish<T> {
    pub c: *mut T,
    pub c_i: isize,
    pub c_j: isize,
    pub rows: usize,
    pub cols: usize,
    pub after: After<T>,
}

/// # Safety
/// As [`tile`]; C and the sides are valid for `rows` by `cols` entries.
#[inline(always)]
pub(super) unsafe fn finish<T: Real, L: Lanes<T>>(f: &Finish<T>) {
    let after = f.after;
    // SAFETY: entries within `rows` by `cols` only.
    unsafe {
        if f.c_i != 1 || after.sides().any(|side| side.i != 0 && side.i != 1) {
            for j in 0..f.cols {
                for i in 0..f.rows {
                    let c = f.c.offset(i as isize * f.c_i + j as isize * f.c_j);
                    *c = after.apply(*c, i, j);
                }
            }
            return;
        }
        for j in 0..f.cols {
            let column = f.c.offset(j as isize * f.c_j);
            let whole = f.rows - f.rows % L::COUNT;
            for i in (0..whole).step_by(L::COUNT) {
                finish_vector::<T, L, true>(column, &after, i, j, L::COUNT);
            }
            if whole < f.rows {
                finish_vector::<T, L, false>(column, &after, whole, j, f.rows - whole);
            }
        }
    }
}

/// The first `lanes` entries from entry `(i, j)` on, all of a register when `FULL`.
///
/// # Safety
/// As [`finish`], whose column `j` is `column`.
#[inline(always)]
unsafe fn finish_vector<T: Real, L: Lanes<T>, const FULL: bool>(
    column: *mut T,
    after: &After<T>,
    i: usize,
    j: usize,
    lanes: usize,
) {
    // SAFETY: given by the caller.
    unsafe {
        let load = |p: *const T| if FULL { L::load(p) } else { L::load_first(p, lanes) };
        let read = |side: Side<T>| {
            let p = side.from(i, j).at;
            if side.i == 0 { L::splat(*p) } else { load(p) }
        };
        let mut x = load(column.add(i));
        if let Some(bias) = after.bias {
            x = x.add(read(bias));
        }
        if after.relu {
            x = x.relu();
        }
        if let Some(scale) = after.scale {
            x = x.mul(read(scale));
        }
        // After the scale, so that not even an infinite one makes anything of what is absent.
        if let Some(mask) = after.mask {
            x = x.keep(read(mask));
        }
        if FULL { x.store(column.add(i)) } else { x.store_first(column.add(i), lanes) }
    }
}
