//! A product on its buffers: which way it lies, how it is cut, and who computes which part.

use super::block::{Element, Packed};
use super::kernel::{Across, After, Finish, Side};
use super::lanes::Real;
use super::pack::{Axis, Pack};
use super::processor::Kernels;
use super::product::{Line, Misfit, Operands, Product, View};
use super::workspace::{Slot, Workspace};
use smallvec::SmallVec;

/// Operations and bytes, in all, below which a second thread costs more than it brings: about 15 microseconds of work,
/// where a fork and join takes 1 on an idle machine and 7 to 10 on a busy one.
const ALONE: u64 = 1_500_000;
/// Elements of the batch that one piece of work takes when the batch runs along the lanes.
const SIDE_BY_SIDE: usize = 64;
/// Bytes of a packed factor that stay in the second-level cache from one element of the batch to the next.
const NEAR: usize = 5 << 18;
/// Products up to this many terms in all may run side by side.
const TINY: usize = 1024;

/// Where the numbers are, for callers whose buffers overlap in ways that slices cannot say.
///
/// What the product does not mention may be null.
#[derive(Copy, Clone, Debug)]
#[allow(missing_docs)]
pub struct Pointers<T> {
    pub a: *const T,
    pub b: *const T,
    pub c: *mut T,
    pub k_scale: *const T,
    pub active_k: *const T,
    pub active_rows: *const T,
    pub active_cols: *const T,
    pub bias: *const T,
    pub mask: *const T,
    pub scale: *const T,
}

impl<T: Real> Product<T> {
    /// Computes C, on at most `threads` threads.
    ///
    /// The result has the same bits for every number of threads.
    ///
    /// # Errors
    /// [`Misfit`] when a view leaves its buffer, entries of C share a place, or a symmetric product is not symmetric.
    pub fn run(
        &self,
        on: &mut Operands<'_, T>,
        workspace: &mut Workspace<T>,
        threads: usize,
    ) -> Result<(), Misfit> {
        self.run_within(on, workspace, threads, u8::MAX)
    }

    /// As [`run`](Product::run), with instructions no better than `limit`: 0 plain, 1 AVX2, 2 AVX-512.
    pub(super) fn run_within(
        &self,
        on: &mut Operands<'_, T>,
        workspace: &mut Workspace<T>,
        threads: usize,
        limit: u8,
    ) -> Result<(), Misfit> {
        self.check(on)?;
        let pointers = Pointers {
            a: on.a.as_ptr(),
            b: on.b.as_ptr(),
            c: on.c.as_mut_ptr(),
            k_scale: on.k_scale.as_ptr(),
            active_k: on.active_k.as_ptr(),
            active_rows: on.active_rows.as_ptr(),
            active_cols: on.active_cols.as_ptr(),
            bias: on.bias.as_ptr(),
            mask: on.mask.as_ptr(),
            scale: on.scale.as_ptr(),
        };
        // SAFETY: every view was found to lie in its slice, entries of C to be distinct; C is borrowed alone.
        unsafe { self.run_on(&pointers, workspace, threads, limit) };
        Ok(())
    }

    /// As [`run`](Product::run), on pointers, without any check.
    ///
    /// # Safety
    /// Every view of the product lies in memory that is valid for reads, C's for writes too; entries of C stand at
    /// different places, and no other operand shares them; nobody else touches C meanwhile. A symmetric product
    /// keeps what [`Product::symmetric`] says.
    pub unsafe fn run_unchecked(&self, on: &Pointers<T>, workspace: &mut Workspace<T>, threads: usize) {
        // SAFETY: given by the caller.
        unsafe { self.run_on(on, workspace, threads, u8::MAX) }
    }

    /// # Safety
    /// As [`Product::run_unchecked`].
    unsafe fn run_on(&self, on: &Pointers<T>, workspace: &mut Workspace<T>, threads: usize, limit: u8) {
        if self.is_empty() {
            return;
        }
        let mut job = Job::new(self, on, limit);
        job.fold();
        job.lay();
        let threads = if threads <= 1 || self.flops() + self.bytes() < ALONE { 1 } else { threads };
        // SAFETY: given by the caller.
        unsafe {
            let added = self.beta != T::ZERO;
            if added && self.has_absent() && !self.meets_finite(on) {
                return self.by_terms(on, true);
            }
            T::dispatch(&job, workspace.slots(threads));
            if !added && self.has_absent() {
                self.leave_out(on);
            }
        }
    }
}

/// A matrix in memory, or with `j` unused a vector.
pub(super) struct Place<'a, T> {
    at: *const T,
    i: isize,
    j: isize,
    batch: &'a [isize],
}

impl<'a, T: Real> Place<'a, T> {
    pub(super) fn matrix(at: *const T, view: &'a View) -> Place<'a, T> {
        let at = at.wrapping_add(view.offset);
        Place { at, i: view.row_stride, j: view.col_stride, batch: &view.batch }
    }

    pub(super) fn line(at: *const T, line: &'a Line) -> Place<'a, T> {
        Place { at: at.wrapping_add(line.offset), i: line.stride, j: 0, batch: &line.batch }
    }

    fn flip(&mut self) {
        std::mem::swap(&mut self.i, &mut self.j);
    }

    /// Step of the batch axis `t`.
    fn step(&self, t: usize) -> isize {
        self.batch.get(t).copied().unwrap_or(0)
    }

    /// The matrix of one batch element.
    pub(super) fn element(&self, index: &[usize]) -> Side<T> {
        let steps = index.iter().enumerate().map(|(t, &x)| x as isize * self.step(t));
        Side { at: self.at.wrapping_offset(steps.sum()), i: self.i, j: self.j }
    }
}

/// A product whose numbers have a place.
pub(super) struct Job<'a, T> {
    m: usize,
    n: usize,
    k: usize,
    batch: &'a [usize],
    a: Place<'a, T>,
    b: Place<'a, T>,
    c: Place<'a, T>,
    alpha: T,
    beta: T,
    symmetric: bool,
    scale_k: Option<Place<'a, T>>,
    active_k: Option<Place<'a, T>>,
    active_rows: Option<Place<'a, T>>,
    active_cols: Option<Place<'a, T>>,
    bias: Option<Place<'a, T>>,
    relu: bool,
    mask: Option<Place<'a, T>>,
    scale: Option<Place<'a, T>>,
    /// Best instructions that may be used.
    pub(super) limit: u8,
}

// SAFETY: the pointers are to numbers, which are Send and Sync; parts of C go to one thread each.
unsafe impl<T: Real> Sync for Job<'_, T> {}

impl<'a, T: Real> Job<'a, T> {
    fn new(p: &'a Product<T>, on: &Pointers<T>, limit: u8) -> Job<'a, T> {
        let matrix = |at, view: &'a Option<View>| view.as_ref().map(|view| Place::matrix(at, view));
        let line = |at, line: &'a Option<Line>| line.as_ref().map(|line| Place::line(at, line));
        let mut job = Job {
            m: p.m,
            n: p.n,
            k: p.k,
            batch: &p.batch,
            a: Place::matrix(on.a, &p.a),
            b: Place::matrix(on.b, &p.b),
            c: Place::matrix(on.c, &p.c),
            alpha: p.alpha,
            beta: p.beta,
            symmetric: p.symmetric,
            scale_k: line(on.k_scale, &p.prologue.scale),
            active_k: line(on.active_k, &p.prologue.active_k),
            active_rows: line(on.active_rows, &p.prologue.active_rows),
            active_cols: line(on.active_cols, &p.prologue.active_cols),
            bias: matrix(on.bias, &p.epilogue.bias),
            relu: p.epilogue.relu,
            mask: matrix(on.mask, &p.epilogue.mask),
            scale: matrix(on.scale, &p.epilogue.scale),
            limit,
        };
        if p.k == 0 {
            // Nobody looked at the strides of factors without entries.
            for place in [&mut job.a, &mut job.b] {
                (place.i, place.j, place.batch) = (0, 0, &[]);
            }
            (job.scale_k, job.active_k) = (None, None);
        }
        job
    }

    /// `C' = B' A'`: rows become columns.
    fn flip(&mut self) {
        std::mem::swap(&mut self.m, &mut self.n);
        std::mem::swap(&mut self.a, &mut self.b);
        std::mem::swap(&mut self.active_rows, &mut self.active_cols);
        self.a.flip();
        self.b.flip();
        self.c.flip();
        [&mut self.bias, &mut self.mask, &mut self.scale].into_iter().flatten().for_each(Place::flip);
    }

    /// Batch axes that only continue the rows, or the columns, become rows or columns.
    fn fold(&mut self) {
        if self.symmetric {
            return;
        }
        while let Some(t) = self.batch.len().checked_sub(1) {
            if self.fold_rows(t) {
                continue;
            }
            self.flip();
            let folded = self.fold_rows(t);
            self.flip();
            if !folded {
                return;
            }
        }
    }

    fn fold_rows(&mut self, t: usize) -> bool {
        let extent = self.batch[t];
        let shared = |place: &Place<'_, T>| extent == 1 || place.step(t) == 0;
        let continues =
            |place: &Place<'_, T>| extent == 1 || self.m == 1 || place.step(t) == self.m as isize * place.i;
        let none_or = |place: &Option<Place<'_, T>>, holds: &dyn Fn(&Place<'_, T>) -> bool| {
            place.as_ref().is_none_or(holds)
        };
        let fits = shared(&self.b)
            && [&self.scale_k, &self.active_k, &self.active_cols]
                .into_iter()
                .all(|line| none_or(line, &shared))
            && continues(&self.a)
            && continues(&self.c)
            && [&self.active_rows, &self.bias, &self.mask, &self.scale]
                .into_iter()
                .all(|place| none_or(place, &continues));
        if !fits {
            return false;
        }
        let single = self.m == 1 && extent > 1;
        let places = [Some(&mut self.a), Some(&mut self.c)].into_iter().chain([
            self.active_rows.as_mut(),
            self.bias.as_mut(),
            self.mask.as_mut(),
            self.scale.as_mut(),
        ]);
        for place in places.flatten().filter(|_| single) {
            place.i = place.step(t);
        }
        self.m *= extent;
        self.batch = &self.batch[..t];
        true
    }

    /// Turns the product so that its rows run along the lanes.
    fn lay(&mut self) {
        let flip = if self.m == 1 || self.n == 1 {
            // A vector that comes out runs along the lanes.
            self.m == 1 && self.n > 1
        } else if self.c.i == 1 || self.c.j == 1 {
            self.c.i != 1
        } else {
            self.a.i != 1 && self.b.j == 1
        };
        if flip {
            self.flip();
        }
        // A large factor that would have to be transposed for a few columns is better read as it lies.
        if self.a.i != 1 && self.a.j == 1 && (2..=16).contains(&self.n) && self.m > 4 * self.n {
            self.flip();
        }
    }

    /// Whether the innermost batch axis can run along the lanes.
    fn is_side_by_side(&self) -> bool {
        let Some(t) = self.batch.len().checked_sub(1) else { return false };
        let lines = [&self.scale_k, &self.active_k, &self.active_rows, &self.active_cols];
        let unit_or_shared = |place: &Place<'_, T>| place.step(t) == 0 || place.step(t) == 1;
        !self.symmetric
            && self.batch[t] >= 4
            && self.m.saturating_mul(self.n).saturating_mul(self.k) <= TINY
            && lines.into_iter().all(Option::is_none)
            && self.c.step(t) == 1
            && unit_or_shared(&self.a)
            && unit_or_shared(&self.b)
    }

    /// Whether all elements of the batch share A, but each takes other terms of it.
    fn is_shared(&self) -> bool {
        let same = (0..self.batch.len()).all(|t| self.a.step(t) == 0);
        let apart =
            |line: &Place<'_, T>| (0..self.batch.len()).any(|t| self.batch[t] > 1 && line.step(t) != 0);
        let fits = !self.symmetric && self.active_rows.is_none() && self.k > 0;
        same && fits && self.active_k.as_ref().is_some_and(apart)
    }

    fn after(&self, index: &[usize]) -> After<T> {
        let side = |place: &Option<Place<'_, T>>| place.as_ref().map(|place| place.element(index));
        After { bias: side(&self.bias), relu: self.relu, mask: side(&self.mask), scale: side(&self.scale) }
    }

    fn element(&self, number: usize) -> Element<T> {
        let index = index_of(self.batch, number);
        let line = |place: &Option<Place<'_, T>>| {
            place.as_ref().map(|place| {
                let side = place.element(&index);
                (side.at, side.i)
            })
        };
        let c = self.c.element(&index);
        Element {
            m: self.m,
            n: self.n,
            k: self.k,
            a: self.a.element(&index),
            b: self.b.element(&index),
            c: c.at.cast_mut(),
            c_i: c.i,
            c_j: c.j,
            alpha: self.alpha,
            beta: self.beta,
            symmetric: self.symmetric,
            after: self.after(&index),
            scale: line(&self.scale_k),
            active_rows: line(&self.active_rows),
            active_cols: line(&self.active_cols),
            active_k: line(&self.active_k),
            packed: None,
        }
    }
}

/// The index of an element of these batch axes.
pub(super) fn index_of(extents: &[usize], mut number: usize) -> SmallVec<[usize; 4]> {
    let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, extents.len());
    for (x, &extent) in index.iter_mut().zip(extents).rev() {
        *x = number % extent;
        number /= extent;
    }
    index
}

/// How a job is cut into pieces, by its shape alone.
struct Cut {
    /// Elements, without the axis that runs along the lanes.
    elements: usize,
    /// Pieces of one element.
    pieces: usize,
    /// Entries of the axis that is cut, in one piece.
    step: usize,
    along: Along,
}

#[derive(Copy, Clone, PartialEq)]
enum Along {
    Rows,
    Cols,
    /// Columns of a triangle: the first have most to do.
    Triangle,
    Batch,
}

impl Cut {
    fn new<T: Real, K: Kernels<T>>(job: &Job<'_, T>) -> Cut {
        let (along, extent, step) = if job.is_side_by_side() {
            (Along::Batch, job.batch[job.batch.len() - 1], SIDE_BY_SIDE)
        } else if job.symmetric {
            (Along::Triangle, job.n, 2 * K::COLS)
        } else if job.n / (2 * K::COLS) >= job.m / K::ROWS {
            (Along::Cols, job.n, 2 * K::COLS)
        } else {
            // Twice the rows of a tile are a multiple of those of a short one.
            (Along::Rows, job.m, if job.is_shared() { 2 * K::ROWS } else { K::ROWS })
        };
        let inner = if along == Along::Batch { job.batch[job.batch.len() - 1] } else { 1 };
        let elements = job.batch.iter().product::<usize>() / inner;
        Cut { elements, pieces: extent.div_ceil(step), step, along }
    }

    /// The piece with which part `part` of `parts` begins.
    fn begin(&self, part: usize, parts: usize) -> usize {
        if part == 0 || part == parts {
            return if part == 0 { 0 } else { self.elements * self.pieces };
        }
        let weight =
            |piece: usize| if self.along == Along::Triangle { self.pieces - piece } else { 1 } as u128;
        let one = match self.along {
            Along::Triangle => self.pieces as u128 * (self.pieces as u128 + 1) / 2,
            _ => self.pieces as u128,
        };
        let target = one * self.elements as u128 * part as u128 / parts as u128;
        let (element, mut left) = ((target / one) as usize, target % one);
        let mut piece = 0;
        if self.along == Along::Triangle {
            while left >= weight(piece) {
                left -= weight(piece);
                piece += 1;
            }
        } else {
            piece = left as usize;
        }
        element * self.pieces + piece
    }
}

/// Runs the whole job, one part for each slot.
///
/// # Safety
/// The pointers of the job are valid, the processor is that of `K`.
pub(super) unsafe fn share<T: Real, K: Kernels<T>>(job: &Job<'_, T>, slots: &mut [Slot<T>]) {
    let cut = Cut::new::<T, K>(job);
    let parts = slots.len().min(cut.pieces * cut.elements).max(1);
    let slots = &mut slots[..parts];
    // SAFETY: parts touch different entries of C; the mirror reads below and writes above the diagonal, and the
    // epilogue of a symmetric product begins when it is done.
    fork(0, parts, slots, &|part, slot| unsafe {
        compute::<T, K>(job, &cut, cut.begin(part, parts), cut.begin(part + 1, parts), slot)
    });
    if job.symmetric {
        fork(0, parts, slots, &|part, slot| unsafe {
            mirror::<T, K>(job, &cut, cut.begin(part, parts), cut.begin(part + 1, parts), slot, false)
        });
        if job.bias.is_some() || job.relu || job.mask.is_some() || job.scale.is_some() {
            fork(0, parts, slots, &|part, slot| unsafe {
                mirror::<T, K>(job, &cut, cut.begin(part, parts), cut.begin(part + 1, parts), slot, true)
            });
        }
    }
}

/// Runs `work` on each part with its slot; halves go to other threads, as deep as the logarithm of their number.
pub(crate) fn fork<S: Send>(
    first: usize,
    parts: usize,
    slots: &mut [S],
    work: &(dyn Fn(usize, &mut S) + Sync),
) {
    if parts == 1 {
        return work(first, &mut slots[0]);
    }
    let half = parts / 2;
    let (left, right) = slots.split_at_mut(half);
    rayon::join(|| fork(first, half, left, work), || fork(first + half, parts - half, right, work));
}

/// Runs `work` on blocks `0..count`, divided among threads with a slot each; blocks of a thread follow each other.
pub(crate) fn fork_blocks<S: Send>(
    count: usize,
    slots: &mut [S],
    work: &(dyn Fn(std::ops::Range<usize>, &mut S) + Sync),
) {
    let parts = slots.len();
    fork(0, parts, slots, &|part, slot| work(part * count / parts..(part + 1) * count / parts, slot));
}

/// # Safety
/// As [`share`]; nobody else has these pieces.
unsafe fn compute<T: Real, K: Kernels<T>>(
    job: &Job<'_, T>,
    cut: &Cut,
    begin: usize,
    end: usize,
    slot: &mut Slot<T>,
) {
    if cut.along == Along::Rows && job.is_shared() {
        // SAFETY: as this function.
        return unsafe { compute_shared::<T, K>(job, cut, begin, end, slot) };
    }
    let mut piece = begin;
    while piece < end {
        let (number, first) = (piece / cut.pieces, piece % cut.pieces);
        let count = (end - piece).min(cut.pieces - first);
        let range = |extent: usize| first * cut.step..((first + count) * cut.step).min(extent);
        // SAFETY: these pieces are the caller's.
        unsafe {
            match cut.along {
                Along::Batch => side_by_side::<T, K>(job, number, range(job.batch[job.batch.len() - 1])),
                Along::Rows => job.element(number).solve::<K>(range(job.m), 0..job.n, slot),
                Along::Cols | Along::Triangle => job.element(number).solve::<K>(0..job.m, range(job.n), slot),
            }
        }
        piece += count;
    }
}

/// Pieces of rows of a product whose A the elements of the batch share: a block of rows is packed once, with all terms,
/// and stays in the cache for the whole batch.
///
/// # Safety
/// As [`compute`].
unsafe fn compute_shared<T: Real, K: Kernels<T>>(
    job: &Job<'_, T>,
    cut: &Cut,
    begin: usize,
    end: usize,
    slot: &mut Slot<T>,
) {
    let height = K::height(job.n);
    // Blocks are whole pieces, and pieces whole panels.
    let unit = cut.step;
    let most = (NEAR / (job.k * T::BYTES * unit)).max(1) * unit;
    let block = job.m.div_ceil(job.m.div_ceil(most)).next_multiple_of(unit);
    let mut panels = std::mem::take(&mut slot.shared);
    let mut top = 0;
    while top < job.m {
        let bottom = (top + block).min(job.m);
        let room = panels.room((bottom - top).next_multiple_of(height) * job.k);
        let across = Axis { stride: job.a.i, first: top, len: bottom - top, list: None };
        let k = Axis::new(job.a.j, job.k, None);
        let pack = Pack { from: job.a.at, across, k, scale: None, to: room };
        // SAFETY: rows and terms of A, which is the same for all elements, and room for them.
        unsafe { if height == K::SHORT { K::pack_short(&pack) } else { K::pack_rows(&pack) } };
        let mut piece = begin;
        while piece < end {
            let (number, first) = (piece / cut.pieces, piece % cut.pieces);
            let count = (end - piece).min(cut.pieces - first);
            let rows = (first * cut.step).max(top)..((first + count) * cut.step).min(bottom);
            if !rows.is_empty() {
                let packed = Some(Packed { panels: room.cast_const(), top, height });
                let element = Element { packed, ..job.element(number) };
                // SAFETY: these pieces are the caller's; their rows begin where panels do.
                unsafe { element.solve::<K>(rows, 0..job.n, slot) };
            }
            piece += count;
        }
        top = bottom;
    }
    slot.shared = panels;
}

/// # Safety
/// As [`compute`], after all pieces are computed; with `finish` after all are mirrored.
unsafe fn mirror<T: Real, K: Kernels<T>>(
    job: &Job<'_, T>,
    cut: &Cut,
    begin: usize,
    end: usize,
    slot: &mut Slot<T>,
    finish: bool,
) {
    let mut piece = begin;
    while piece < end {
        let (number, first) = (piece / cut.pieces, piece % cut.pieces);
        let count = (end - piece).min(cut.pieces - first);
        let cols = first * cut.step..((first + count) * cut.step).min(job.n);
        let element = job.element(number);
        // SAFETY: these pieces are the caller's.
        unsafe { if finish { element.finish::<K>(cols, slot) } else { element.mirror(cols) } };
        piece += count;
    }
}

/// A range of the innermost batch axis, along the lanes.
///
/// # Safety
/// As [`compute`].
unsafe fn side_by_side<T: Real, K: Kernels<T>>(
    job: &Job<'_, T>,
    outer: usize,
    lanes: std::ops::Range<usize>,
) {
    let inner = job.batch.len() - 1;
    let mut index = index_of(&job.batch[..inner], outer);
    index.push(lanes.start);
    let (a, b, c) = (job.a.element(&index), job.b.element(&index), job.c.element(&index));
    // Without terms the sum is +0, whatever its factor.
    let alpha = if job.k == 0 { T::ONE } else { job.alpha };
    let t = Across {
        extents: [job.m, job.n, job.k],
        batch: lanes.len(),
        a: a.at,
        b: b.at,
        c: c.at.cast_mut(),
        a_strides: [a.i, a.j, job.a.step(inner)],
        b_strides: [b.i, b.j, job.b.step(inner)],
        c_strides: [c.i, c.j],
        alpha,
        beta: job.beta,
    };
    // SAFETY: these elements of the batch are the caller's.
    unsafe { K::across(&t) };
    let after = job.after(&index);
    if after.is_none() {
        return;
    }
    let step = |place: &Option<Place<'_, T>>| place.as_ref().map_or(0, |place| place.step(inner));
    for i in 0..job.m {
        let turned =
            |side: Option<Side<T>>, step: isize| side.map(|side| Side { i: step, ..side.from(i, 0) });
        let after = After {
            bias: turned(after.bias, step(&job.bias)),
            relu: after.relu,
            mask: turned(after.mask, step(&job.mask)),
            scale: turned(after.scale, step(&job.scale)),
        };
        let c = c.from(i, 0).at.cast_mut();
        // SAFETY: row i of these elements.
        unsafe { K::finish(&Finish { c, c_i: 1, c_j: job.c.j, rows: lanes.len(), cols: job.n, after }) };
    }
}
