//! Packing: a factor copied into the order in which the kernel reads it.
//!
//! Gathering the active entries and multiplying by a diagonal cost nothing beyond the copy that is made anyway.

use super::lanes::{Lanes, Real};

/// Positions along one axis: a run of equal steps, or a list of those that are active.
#[derive(Copy, Clone)]
pub(super) struct Axis<'a> {
    pub stride: isize,
    pub first: usize,
    pub len: usize,
    pub list: Option<&'a [usize]>,
}

impl<'a> Axis<'a> {
    /// `len` entries, of the list if there is one.
    pub(super) fn new(stride: isize, len: usize, list: Option<&'a [usize]>) -> Axis<'a> {
        Axis { stride, first: 0, len: list.map_or(len, <[usize]>::len), list }
    }

    /// `len` entries of this axis from entry `first` on.
    pub(super) fn slice(self, first: usize, len: usize) -> Axis<'a> {
        Axis { first: self.first + first, len, ..self }
    }

    /// Which entry of the uncompacted axis is entry `x` of this one.
    #[inline(always)]
    pub(super) fn index(&self, x: usize) -> usize {
        self.list.map_or(self.first + x, |list| list[self.first + x])
    }

    /// Numbers from the start of the buffer to entry `x`.
    #[inline(always)]
    pub(super) fn offset(&self, x: usize) -> isize {
        self.index(x) as isize * self.stride
    }
}

/// A block of a factor, cut into panels of the kernel's width; each panel runs over k, `width` numbers at a time.
pub(super) struct Pack<'a, T> {
    pub from: *const T,
    pub across: Axis<'a>,
    pub k: Axis<'a>,
    /// The diagonal, with its stride.
    pub scale: Option<(*const T, isize)>,
    pub to: *mut T,
}

/// # Safety
/// `from` and `scale` are valid on the axes; `to` has room for `k.len` numbers times `across.len` rounded up to `W`.
#[inline(always)]
pub(super) unsafe fn pack<T: Real, L: Lanes<T>, const W: usize>(p: &Pack<'_, T>) {
    let mut to = p.to;
    let mut first = 0;
    while first < p.across.len {
        let panel = p.across.slice(first, W.min(p.across.len - first));
        // SAFETY: the panel lies on the axis, and `to` advances by one panel of W times k.len numbers.
        unsafe {
            if panel.len == W && panel.list.is_none() && panel.stride == 1 {
                copy_panel::<T, W>(p, p.from.offset(panel.offset(0)), to);
            } else {
                gather_panel::<T, L, W>(p, panel, to);
            }
            to = to.add(W * p.k.len);
        }
        first += W;
    }
}

/// # Safety
/// As [`pack`]; `from` is the panel's first number, and the panel is `W` neighbours.
#[inline(always)]
unsafe fn copy_panel<T: Real, const W: usize>(p: &Pack<'_, T>, from: *const T, to: *mut T) {
    for q in 0..p.k.len {
        // SAFETY: given by the caller.
        unsafe {
            let row = from.offset(p.k.offset(q)).cast::<[T; W]>().read_unaligned();
            let row = match p.scale {
                None => row,
                Some((scale, stride)) => {
                    let s = *scale.offset(p.k.index(q) as isize * stride);
                    row.map(|x| s * x)
                }
            };
            to.add(q * W).cast::<[T; W]>().write_unaligned(row);
        }
    }
}

/// # Safety
/// As [`pack`], for one panel.
#[inline(always)]
unsafe fn gather_panel<T: Real, L: Lanes<T>, const W: usize>(p: &Pack<'_, T>, panel: Axis<'_>, to: *mut T) {
    let mut lanes = [0isize; W];
    for (l, lane) in lanes.iter_mut().enumerate().take(panel.len) {
        *lane = panel.offset(l);
    }
    let lanes = &lanes[..panel.len];
    // SAFETY: entries of the panel and of k, and their places in the packed panel; lanes beyond the panel become zeros.
    unsafe {
        if panel.stride == 1 && panel.len == W {
            // Neighbours with gaps: one row of the factor after the other.
            for q in 0..p.k.len {
                let row = p.from.offset(p.k.offset(q));
                for (l, &lane) in lanes.iter().enumerate() {
                    *to.add(q * W + l) = *row.offset(lane);
                }
            }
        } else {
            for q in 0..if panel.len < W { p.k.len } else { 0 } {
                (panel.len..W).for_each(|l| *to.add(q * W + l) = T::ZERO);
            }
            match p.k.list {
                None if p.k.stride == 1 => turn_panel::<T, L, W>(p, lanes, to),
                None => {
                    for (l, &lane) in lanes.iter().enumerate() {
                        let (mut row, mut out) = (p.from.wrapping_offset(lane + p.k.offset(0)), to.add(l));
                        for _ in 0..p.k.len {
                            *out = *row;
                            (row, out) = (row.wrapping_offset(p.k.stride), out.wrapping_add(W));
                        }
                    }
                }
                Some(list) => {
                    let list = &list[p.k.first..][..p.k.len];
                    for (l, &lane) in lanes.iter().enumerate() {
                        let (row, mut out) = (p.from.offset(lane), to.add(l));
                        for &q in list {
                            *out = *row.offset(q as isize * p.k.stride);
                            out = out.wrapping_add(W);
                        }
                    }
                }
            }
        }
        if let Some((scale, stride)) = p.scale {
            for q in 0..p.k.len {
                let s = *scale.offset(p.k.index(q) as isize * stride);
                let row = to.add(q * W).cast::<[T; W]>();
                row.write_unaligned(row.read_unaligned().map(|x| s * x));
            }
        }
    }
}

/// Rows whose terms are neighbours: squares of them are turned in registers.
///
/// # Safety
/// As [`pack`], for these rows of one panel.
#[inline(always)]
unsafe fn turn_panel<T: Real, L: Lanes<T>, const W: usize>(p: &Pack<'_, T>, lanes: &[isize], to: *mut T) {
    let squares = |extent: usize| if W.is_multiple_of(L::SIDE) { extent - extent % L::SIDE } else { 0 };
    let (turned, deep) = (squares(lanes.len()), squares(p.k.len));
    // SAFETY: given by the caller; squares lie inside the rows and inside the panel.
    unsafe {
        let from = p.from.wrapping_offset(p.k.offset(0));
        for q in (0..deep).step_by(L::SIDE) {
            for l in (0..turned).step_by(L::SIDE) {
                L::turn(from.wrapping_add(q), &lanes[l..], to.add(q * W + l), W);
            }
        }
        for (l, &lane) in lanes.iter().enumerate() {
            let row = from.wrapping_offset(lane);
            for q in if l < turned { deep } else { 0 }..p.k.len {
                *to.add(q * W + l) = *row.add(q);
            }
        }
    }
}
