//! One product of the batch, or a part of it: the loops around the tiles.
//!
//! C is cut into blocks whose factors fit the caches, the sum into blocks of [`Real::DEPTH`] terms. Every entry of C
//! is one chain of fused multiplications and additions over ascending terms, block by block, so where C is cut does
//! not show in the result.

use super::kernel::{After, Dots, Finish, Side, Tile};
use super::lanes::Real;
use super::pack::{Axis, Pack};
use super::processor::Kernels;
use super::workspace::Slot;
use crate::lines::Lines;
use std::ops::Range;

/// Columns of a block of B.
const WIDTH: usize = 1024;
/// Room for the largest tile of any processor.
const TILE: usize = 384;

/// Rows of A from some row on, with all terms, in panels of so many rows.
#[derive(Copy, Clone)]
pub(super) struct Packed<T> {
    pub panels: *const T,
    pub top: usize,
    pub height: usize,
}

/// One product of the batch. Rows run along the lanes.
pub(super) struct Element<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: Side<T>,
    pub b: Side<T>,
    pub c: *mut T,
    pub c_i: isize,
    pub c_j: isize,
    pub alpha: T,
    pub beta: T,
    pub symmetric: bool,
    pub after: After<T>,
    pub scale: Option<(*const T, isize)>,
    pub active_rows: Option<(*const T, isize)>,
    pub active_cols: Option<(*const T, isize)>,
    pub active_k: Option<(*const T, isize)>,
    /// Rows of A that are packed for all elements of the batch.
    pub packed: Option<Packed<T>>,
}

/// The active entries of a range; `None` when all of them are.
///
/// # Safety
/// The mask is valid on the range.
unsafe fn active<T: Real>(
    mask: Option<(*const T, isize)>,
    range: Range<usize>,
    list: &mut Vec<usize>,
) -> Option<&[usize]> {
    let (mask, stride) = mask?;
    // Every entry is written and the end moved on by those that hold: a branch would be guessed wrong half of the time.
    list.clear();
    list.resize(range.len(), 0);
    let mut end = 0;
    for x in range.clone() {
        list[end] = x;
        // SAFETY: given by the caller.
        end += usize::from(unsafe { *mask.wrapping_offset(x as isize * stride) != T::ZERO });
    }
    list.truncate(end);
    if list.len() == range.len() { None } else { Some(list) }
}

/// Whether so many columns of B are no tiles of the widths that read B as it lies.
fn ragged(cols: usize, widest: usize) -> bool {
    !cols.is_multiple_of(widest) && !cols.is_power_of_two()
}

/// At most one in eight is inactive.
fn nearly(active: usize, all: usize) -> bool {
    active >= all - all / 8
}

fn axis<'a>(stride: isize, range: &Range<usize>, list: Option<&'a [usize]>) -> Axis<'a> {
    match list {
        Some(list) => Axis { stride, first: 0, len: list.len(), list: Some(list) },
        None => Axis { stride, first: range.start, len: range.len(), list: None },
    }
}

impl<T: Real> Element<T> {
    fn entry(&self, i: usize, j: usize) -> *mut T {
        self.c.wrapping_offset(i as isize * self.c_i + j as isize * self.c_j)
    }

    /// Computes the entries of C in these rows and columns; of a symmetric product those not above the diagonal,
    /// without the epilogue.
    ///
    /// # Safety
    /// All pointers are valid for their extents, the processor is that of `K`, and nobody else touches these columns
    /// and rows of C.
    pub(super) unsafe fn solve<K: Kernels<T>>(
        &self,
        rows: Range<usize>,
        cols: Range<usize>,
        slot: &mut Slot<T>,
    ) {
        let Slot { a, b, rows: row_list, cols: col_list, terms, .. } = slot;
        // SAFETY: masks are valid on whole axes.
        let (row_list, col_list, terms) = unsafe {
            let terms = active(self.active_k, 0..self.k, terms);
            let row_list = active(self.active_rows, rows.clone(), row_list);
            (row_list, active(self.active_cols, cols.clone(), col_list), terms)
        };
        // Where nearly all is active, computing the rest and overwriting it is cheaper than bringing every entry to
        // its place, unless the old C is still wanted.
        let overwrite = self.beta == T::ZERO
            && row_list.is_none_or(|list| nearly(list.len(), rows.len()))
            && col_list.is_none_or(|list| nearly(list.len(), cols.len()));
        // SAFETY: entries of the caller's part of C.
        unsafe {
            if overwrite {
                self.solve_active::<K>(&rows, &cols, None, None, terms, a, b);
                self.decay_inactive(&rows, &cols, row_list, col_list);
            } else {
                self.decay_inactive(&rows, &cols, row_list, col_list);
                self.solve_active::<K>(&rows, &cols, row_list, col_list, terms, a, b);
            }
        }
    }

    /// The entries of C whose row and column are on the lists.
    ///
    /// # Safety
    /// As [`Element::solve`].
    #[allow(clippy::too_many_arguments)]
    unsafe fn solve_active<K: Kernels<T>>(
        &self,
        rows: &Range<usize>,
        cols: &Range<usize>,
        row_list: Option<&[usize]>,
        col_list: Option<&[usize]>,
        terms: Option<&[usize]>,
        a: &mut Lines<T>,
        b: &mut Lines<T>,
    ) {
        let plain = row_list.is_none() && col_list.is_none() && terms.is_none() && self.scale.is_none();
        let row_axis = axis(self.a.i, rows, row_list);
        let col_axis = axis(self.b.j, cols, col_list);
        if row_axis.len == 0 || col_axis.len == 0 {
            return;
        }
        // By the shape of the whole product: a part that happens to be one column must not add in another order.
        if plain && self.n == 1 && self.a.i != 1 && self.a.j == 1 && self.k > 0 {
            // SAFETY: the caller's part of C.
            return unsafe {
                self.dots::<K>(rows.clone(), cols.start, b.room(if self.b.i == 1 { 0 } else { self.k }))
            };
        }
        let packed = self.packed.filter(|_| row_list.is_none());
        let sums = Sums {
            e: self,
            packed,
            rows: row_axis,
            cols: col_axis,
            terms: Axis::new(self.a.j, self.k, terms),
            b_terms: self.b.i,
            in_place: self.c_i == 1 && row_list.is_none() && col_list.is_none(),
            pack_a: packed.is_none()
                && (self.a.i != 1
                    || (terms.is_some() && cols.len() > 2 * K::COLS)
                    || row_list.is_some()
                    || (cols.len() >= 4 * K::COLS && rows.len() * self.k * T::BYTES > 1 << 16)),
            pack_b: packed.is_some()
                || terms.is_some()
                || col_list.is_some()
                || self.scale.is_some()
                || (self.k > 1
                    && rows.len() >= 4 * K::ROWS
                    && (cols.len() * self.k * T::BYTES > 1 << 15 || ragged(cols.len(), K::COLS))),
        };
        let deep = T::DEPTH.min(sums.terms.len);
        let room_a =
            if sums.pack_a { deep * T::HEIGHT.min(sums.rows.len.next_multiple_of(K::ROWS)) } else { 0 };
        let widest = WIDTH.min(sums.cols.len);
        let (_, panel) = sums.tile_shape::<K>(widest);
        let room_b = if sums.pack_b { deep * widest.next_multiple_of(panel) } else { 0 };
        // SAFETY: as this function; the panels have the room that the blocks need.
        unsafe { sums.run::<K>(a.room(room_a), b.room(room_b)) }
    }

    /// Inactive rows and columns become `beta · C`.
    ///
    /// # Safety
    /// As [`Element::solve`].
    unsafe fn decay_inactive(
        &self,
        rows: &Range<usize>,
        cols: &Range<usize>,
        row_list: Option<&[usize]>,
        col_list: Option<&[usize]>,
    ) {
        let decay = |i: usize, j: usize| {
            let c = self.entry(i, j);
            // SAFETY: an entry of the caller's part of C.
            unsafe { *c = if self.beta == T::ZERO { T::ZERO } else { self.beta * *c } };
        };
        if let Some(list) = row_list {
            for j in cols.clone() {
                let mut next = rows.start;
                for &on in list.iter().chain([&rows.end]) {
                    (next..on).for_each(|i| decay(i, j));
                    next = on + 1;
                }
            }
        }
        if let Some(list) = col_list {
            let mut next = cols.start;
            for &on in list.iter().chain([&cols.end]) {
                for j in next..on {
                    match row_list {
                        Some(rows) => rows.iter().for_each(|&i| decay(i, j)),
                        None => rows.clone().for_each(|i| decay(i, j)),
                    }
                }
                next = on + 1;
            }
        }
    }

    /// A matrix whose rows are contiguous, times a vector.
    ///
    /// # Safety
    /// As [`Element::solve`]; `copy` has room for the vector if that is not contiguous.
    unsafe fn dots<K: Kernels<T>>(&self, rows: Range<usize>, j: usize, copy: *mut T) {
        let mut x = self.b.from(0, j).at;
        if self.b.i != 1 {
            for p in 0..self.k {
                // SAFETY: an entry of B, and room for it.
                unsafe { *copy.add(p) = *self.b.from(p, j).at };
            }
            x = copy;
        }
        let mut i = rows.start;
        while i < rows.end {
            let mut sums = [T::ZERO; 4];
            let four = i + 4 <= rows.end;
            let d = Dots { k: self.k, a: self.a.from(i, 0).at, a_i: self.a.i, x, sums: sums.as_mut_ptr() };
            let count = if four { 4 } else { 1 };
            // SAFETY: as this function.
            unsafe {
                if self.m == 1 {
                    K::dot(&d)
                } else {
                    K::dots(&d, four)
                }
                for (r, &sum) in sums.iter().take(count).enumerate() {
                    let c = self.entry(i + r, j);
                    let sum = sum * self.alpha;
                    let x = if self.beta == T::ZERO { sum } else { self.beta * *c + sum };
                    *c = if self.symmetric { x } else { self.after.apply(x, i + r, j) };
                }
            }
            i += count;
        }
    }

    /// Copies the lower triangle to the upper one, below the diagonal in these columns.
    ///
    /// # Safety
    /// As [`Element::solve`], of the columns below and the rows beside the diagonal.
    pub(super) unsafe fn mirror(&self, cols: Range<usize>) {
        /// Side of a square that stays in the first-level cache while it is transposed.
        const SIDE: usize = 16;
        let mut j0 = cols.start;
        while j0 < cols.end {
            let j1 = (j0 + SIDE).min(cols.end);
            let mut i0 = j0;
            while i0 < self.m {
                let i1 = (i0 + SIDE).min(self.m);
                for j in j0..j1 {
                    for i in i0.max(j + 1)..i1 {
                        // SAFETY: entries of C, one below and one above the diagonal.
                        unsafe { *self.entry(j, i) = *self.entry(i, j) };
                    }
                }
                i0 = i1;
            }
            j0 = j1;
        }
    }

    /// The epilogue of whole columns, for products that could not do it tile by tile.
    ///
    /// # Safety
    /// As [`Element::solve`].
    pub(super) unsafe fn finish<K: Kernels<T>>(&self, cols: Range<usize>, slot: &mut Slot<T>) {
        let Slot { rows: row_list, cols: col_list, .. } = slot;
        // SAFETY: masks are valid on whole axes; entries of the caller's columns.
        unsafe {
            let row_list = active(self.active_rows, 0..self.m, row_list);
            let col_list = active(self.active_cols, cols.clone(), col_list);
            if row_list.is_none() && col_list.is_none() {
                let after = self.after.from(0, cols.start);
                let c = self.entry(0, cols.start);
                return K::finish(&Finish {
                    c,
                    c_i: self.c_i,
                    c_j: self.c_j,
                    rows: self.m,
                    cols: cols.len(),
                    after,
                });
            }
            let (rows, cols) = (axis(0, &(0..self.m), row_list), axis(0, &cols, col_list));
            for j in (0..cols.len).map(|j| cols.index(j)) {
                for i in (0..rows.len).map(|i| rows.index(i)) {
                    let c = self.entry(i, j);
                    *c = self.after.apply(*c, i, j);
                }
            }
        }
    }
}

/// The active part of a product, and how its factors are read.
struct Sums<'a, T> {
    e: &'a Element<T>,
    /// With the strides of A.
    rows: Axis<'a>,
    /// With the strides of B.
    cols: Axis<'a>,
    /// With the strides of A.
    terms: Axis<'a>,
    b_terms: isize,
    /// Tiles go straight to C.
    in_place: bool,
    /// As in [`Element`].
    packed: Option<Packed<T>>,
    pack_a: bool,
    pack_b: bool,
}

/// A block of terms, and what it does to C.
struct Depth<'a> {
    terms: Axis<'a>,
    first: bool,
    last: bool,
}

impl<T: Real> Sums<'_, T> {
    /// Rows of a tile, and columns of a packed panel, for a block of so many columns.
    fn tile_shape<K: Kernels<T>>(&self, cols: usize) -> (usize, usize) {
        let height = match self.packed {
            Some(packed) => packed.height,
            None if self.pack_a || !self.pack_b => K::ROWS,
            None => K::height(cols),
        };
        (height, K::width(cols, height))
    }

    /// Terms of a block, at most.
    ///
    /// A large factor that lies row by row is read in the order of its rows, as prefetching needs it, where few terms
    /// are taken at a time; C is then read once more for each block, so it has to be narrow. By the shape of the whole
    /// product alone, since blocks show in the last bits.
    fn depth(&self) -> usize {
        /// Columns of a narrow product.
        const NARROW: usize = 12;
        /// Terms that a prefetcher follows at a time.
        const SHALLOW: usize = 64;
        /// Bytes of a factor that comes from far.
        const FAR: usize = 1 << 18;
        let e = self.e;
        let lies = e.a.i == 1 && !e.symmetric && e.active_rows.is_none() && e.packed.is_none();
        let far = e.m.saturating_mul(e.k) > FAR / T::BYTES;
        if lies && far && e.n <= NARROW { SHALLOW } else { T::DEPTH }
    }

    /// # Safety
    /// As [`Element::solve`]; the panels have room for a block each.
    unsafe fn run<K: Kernels<T>>(&self, panels_a: *mut T, panels_b: *mut T) {
        let e = self.e;
        let blocks = self.terms.len.div_ceil(self.depth()).max(1);
        let deep = self.terms.len.div_ceil(blocks);
        let height = if self.pack_a { T::HEIGHT } else { self.rows.len };
        let mut j = 0;
        while j < self.cols.len {
            let cols = self.cols.slice(j, WIDTH.min(self.cols.len - j));
            for block in 0..blocks {
                let start = (block * deep).min(self.terms.len);
                let terms = self.terms.slice(start, deep.min(self.terms.len - start));
                let depth = Depth { terms, first: block == 0, last: block + 1 == blocks };
                if self.pack_b {
                    let k = Axis { stride: self.b_terms, ..terms };
                    // SAFETY: the block lies in B.
                    unsafe {
                        let pack = Pack { from: e.b.at, across: cols, k, scale: e.scale, to: panels_b };
                        K::pack_cols(&pack, self.tile_shape::<K>(cols.len).1)
                    };
                }
                let mut i = 0;
                while i < self.rows.len {
                    let rows = self.rows.slice(i, height.min(self.rows.len - i));
                    i += rows.len;
                    if e.symmetric && rows.index(rows.len - 1) < cols.index(0) {
                        continue;
                    }
                    if self.pack_a {
                        let pack = Pack { from: e.a.at, across: rows, k: terms, scale: None, to: panels_a };
                        // SAFETY: the block lies in A.
                        unsafe { K::pack_rows(&pack) };
                    }
                    // SAFETY: the block's factors are packed where they have to be.
                    unsafe { self.tiles::<K>(rows, cols, &depth, panels_a, panels_b) };
                }
            }
            j += cols.len;
        }
    }

    /// All tiles of a block: a panel of B stays in the first-level cache while the panels of A pass by.
    ///
    /// # Safety
    /// As [`Sums::run`].
    unsafe fn tiles<K: Kernels<T>>(
        &self,
        rows: Axis<'_>,
        cols: Axis<'_>,
        depth: &Depth<'_>,
        panels_a: *const T,
        panels_b: *const T,
    ) {
        let (e, k) = (self.e, depth.terms.len);
        if k == 1 && self.in_place && self.packed.is_none() && !self.pack_a && !self.pack_b && !e.symmetric {
            // SAFETY: as this function.
            return unsafe { self.outer::<K>(rows, cols, depth) };
        }
        let narrow = self.packed.is_none() && !self.pack_a && !self.pack_b && cols.len == 1;
        let tall = if narrow { 8 * K::LANES } else { usize::MAX };
        let (low, panel) = self.tile_shape::<K>(cols.len);
        let mut j = 0;
        while j < cols.len {
            let left = cols.len - j;
            let width = match left {
                _ if narrow => 1,
                _ if self.pack_b => left.min(panel),
                _ if left >= K::COLS => K::COLS,
                4.. => 4,
                2.. => 2,
                _ => 1,
            };
            let (b, b_k, b_j) = if self.pack_b {
                (panels_b.wrapping_add(j * k), panel as isize, 1)
            } else {
                let terms = Axis { stride: e.b.i, ..depth.terms };
                let first = if k == 0 { 0 } else { terms.offset(0) };
                (e.b.at.wrapping_offset(first + cols.offset(j)), e.b.i, e.b.j)
            };
            let mut i = 0;
            while i < rows.len {
                let left = rows.len - i;
                let height = if left >= tall { tall } else { low.min(left) };
                if e.symmetric && rows.index(i + height - 1) < cols.index(j) {
                    i += height;
                    continue;
                }
                let (a, a_k) = if let Some(Packed { panels, top, height }) = self.packed {
                    let listed = k == 0 || depth.terms.list.is_some();
                    let first = if listed { 0 } else { depth.terms.index(0) };
                    let panel = panels.wrapping_add((rows.index(i) - top) * e.k + first * height);
                    (panel, height as isize)
                } else if self.pack_a {
                    (panels_a.wrapping_add(i * k), K::ROWS as isize)
                } else {
                    let listed = k == 0 || depth.terms.list.is_some();
                    let first = if listed { 0 } else { depth.terms.offset(0) };
                    (e.a.at.wrapping_offset(first + rows.offset(i)), e.a.j)
                };
                let list = match depth.terms.list {
                    Some(list) if !self.pack_a => list[depth.terms.first..].as_ptr(),
                    _ => std::ptr::null(),
                };
                let beta = if depth.first { e.beta } else { T::ONE };
                // Without terms the sum is +0, whatever its factor.
                let alpha = if k == 0 { T::ONE } else { e.alpha };
                let (c, c_j) = (std::ptr::null_mut(), e.c_j);
                let mut t =
                    Tile { k, a, a_k, list, b, b_k, b_j, c, c_j, rows: height, cols: width, alpha, beta };
                // SAFETY: the tile lies in C; A and B are read where they are valid or packed.
                unsafe {
                    if self.in_place {
                        t.c = e.entry(rows.index(i), cols.index(j));
                        self.tile::<K>(&t, tall);
                        if depth.last && !e.symmetric && !e.after.is_none() {
                            let after = e.after.from(rows.index(i), cols.index(j));
                            K::finish(&Finish { c: t.c, c_i: 1, c_j, rows: height, cols: width, after });
                        }
                    } else {
                        let mut apart = [T::ZERO; TILE];
                        (t.c, t.c_j, t.beta) = (apart.as_mut_ptr(), height as isize, T::ZERO);
                        self.tile::<K>(&t, tall);
                        self.scatter(&apart, rows.slice(i, height), cols.slice(j, width), beta, depth.last);
                    }
                }
                i += height;
            }
            j += width;
        }
    }

    /// A block with one term, a few columns at a time so that the epilogue finds them in the first-level cache.
    ///
    /// # Safety
    /// As [`Sums::run`].
    unsafe fn outer<K: Kernels<T>>(&self, rows: Axis<'_>, cols: Axis<'_>, depth: &Depth<'_>) {
        /// Bytes of such columns.
        const NEAR: usize = 1 << 14;
        let e = self.e;
        let (i, p) = (rows.index(0), depth.terms.index(0));
        let most = (NEAR / (rows.len * T::BYTES)).max(1);
        let mut y = 0;
        while y < cols.len {
            let (j, width) = (cols.index(y), most.min(cols.len - y));
            let t = Tile {
                k: 1,
                a: e.a.from(i, p).at,
                a_k: 0,
                list: std::ptr::null(),
                b: e.b.from(p, j).at,
                b_k: 0,
                b_j: e.b.j,
                c: e.entry(i, j),
                c_j: e.c_j,
                rows: rows.len,
                cols: width,
                alpha: e.alpha,
                beta: if depth.first { e.beta } else { T::ONE },
            };
            // SAFETY: the block lies in C and in both factors.
            unsafe {
                K::outer(&t);
                if depth.last && !e.after.is_none() {
                    let after = e.after.from(i, j);
                    K::finish(&Finish { c: t.c, c_i: 1, c_j: e.c_j, rows: rows.len, cols: width, after });
                }
            }
            y += width;
        }
    }

    /// Brings a tile that was computed apart to its places.
    ///
    /// # Safety
    /// As [`Sums::run`].
    unsafe fn scatter(&self, tile: &[T; TILE], rows: Axis<'_>, cols: Axis<'_>, beta: T, last: bool) {
        let e = self.e;
        let last = last && !e.symmetric && !e.after.is_none();
        let mut steps = [0isize; TILE];
        for (x, step) in steps.iter_mut().enumerate().take(rows.len) {
            *step = rows.index(x) as isize * e.c_i;
        }
        for y in 0..cols.len {
            let j = cols.index(y);
            let column = e.entry(0, j);
            for (x, (&sum, &step)) in tile[y * rows.len..].iter().zip(&steps[..rows.len]).enumerate() {
                // SAFETY: an entry of the caller's part of C.
                unsafe {
                    let c = column.offset(step);
                    let sum = if beta == T::ZERO { sum } else { beta * *c + sum };
                    *c = if last { e.after.apply(sum, rows.index(x), j) } else { sum };
                }
            }
        }
    }

    /// # Safety
    /// As the kernels.
    unsafe fn tile<K: Kernels<T>>(&self, t: &Tile<T>, tall: usize) {
        // SAFETY: given by the caller.
        unsafe {
            if t.rows == tall {
                K::column(t);
            } else if self.pack_b {
                K::packed(t, self.pack_a || self.packed.is_some() || t.rows.is_multiple_of(K::LANES));
            } else {
                K::direct(t);
            }
        }
    }
}
