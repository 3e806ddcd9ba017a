//! Packing: a factor copied into the order in which the kernel reads it.
//!
//! Gathering the active entries and multiplying by a diagonal cost nothing beyond the copy that is made anyway.

use super::lanes::Real;

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
pub(super) unsafe fn pack<T: Real, const W: usize>(p: &Pack<'_, T>) {
    let mut to = p.to;
    let mut first = 0;
    while first < p.across.len {
        let panel = p.across.slice(first, W.min(p.across.len - first));
        // SAFETY: the panel lies on the axis, and `to` advances by one panel of W times k.len numbers.
        unsafe {
            if panel.len == W && panel.list.is_none() && panel.stride == 1 {
                copy_panel::<T, W>(p, p.from.offset(panel.offset(0)), to);
            } else {
                gather_panel::<T, W>(p, panel, to);
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
unsafe fn gather_panel<T: Real, const W: usize>(p: &Pack<'_, T>, panel: Axis<'_>, to: *mut T) {
    /// Terms taken from one row before the next: a cache line, or half of one.
    const RUN: usize = 8;
    let mut lanes = [0isize; W];
    for (l, lane) in lanes.iter_mut().enumerate().take(panel.len) {
        *lane = panel.offset(l);
    }
    if panel.stride == 1 && panel.len == W {
        // Neighbours with gaps: one row of the factor after the other.
        for q in 0..p.k.len {
            // SAFETY: entries of the panel and of k, and their places in the packed panel.
            unsafe {
                let row = p.from.offset(p.k.offset(q));
                let s = p.scale.map(|(scale, stride)| *scale.offset(p.k.index(q) as isize * stride));
                for (l, &lane) in lanes.iter().enumerate() {
                    let x = *row.offset(lane);
                    *to.add(q * W + l) = s.map_or(x, |s| s * x);
                }
            }
        }
        return;
    }
    let runs = p.k.list.is_none() && p.k.stride == 1;
    let mut first = 0;
    while first < p.k.len {
        let len = RUN.min(p.k.len - first);
        let mut scales = [T::ONE; RUN];
        if let Some((scale, stride)) = p.scale {
            for (q, s) in scales.iter_mut().take(len).enumerate() {
                // SAFETY: the scale is valid on the axis of k.
                *s = unsafe { *scale.offset(p.k.index(first + q) as isize * stride) };
            }
        }
        for l in 0..W {
            // SAFETY: entries of the panel and of k, and their places in the packed panel; lanes beyond the panel
            // become zeros.
            unsafe {
                let out = to.add(first * W + l);
                if l >= panel.len {
                    (0..len).for_each(|q| *out.add(q * W) = T::ZERO);
                } else if runs && len == RUN {
                    let row = p.from.offset(lanes[l] + p.k.offset(first));
                    let row = row.cast::<[T; RUN]>().read_unaligned();
                    (0..RUN).for_each(|q| {
                        *out.add(q * W) = if p.scale.is_some() { scales[q] * row[q] } else { row[q] }
                    });
                } else {
                    let row = p.from.offset(lanes[l]);
                    for (q, &s) in scales.iter().take(len).enumerate() {
                        let x = *row.offset(p.k.offset(first + q));
                        *out.add(q * W) = if p.scale.is_some() { s * x } else { x };
                    }
                }
            }
        }
        first += len;
    }
}
