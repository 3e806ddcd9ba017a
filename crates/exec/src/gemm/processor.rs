//! The kernels of each kind of processor, and the choice at run time.

use super::kernel::{self, Across, Dots, Finish, Tile};
use super::lanes::{Plain, Real, sealed::Dispatch};
use super::pack::{self, Pack};
use super::run::{Job, share};
use super::workspace::Slot;
use std::fmt::Debug;

/// The kernels, compiled for one kind of processor and one kind of number.
///
/// # Safety
/// Every method asks for that processor, and for what its argument's type says.
pub(super) trait Kernels<T: Real>: Debug + 'static {
    /// Numbers of one register.
    const LANES: usize;
    /// Rows of a tile.
    const ROWS: usize;
    /// Columns of a tile of so many rows, at most.
    const COLS: usize;
    /// Rows of a short tile, which may be wider.
    const SHORT: usize;
    /// Columns of a tile whose B is packed, ascending; those beyond [`COLS`](Kernels::COLS) of short tiles.
    const WIDTHS: &'static [usize];
    /// A tile whose B is packed, in panels of one of the [`WIDTHS`](Kernels::WIDTHS); `full` when A is too, or all rows
    /// are there.
    unsafe fn packed(t: &Tile<T>, full: bool);
    /// A tile on B as it lies, of `cols` columns: [`COLS`](Kernels::COLS), 4, 2 or 1.
    unsafe fn direct(t: &Tile<T>);
    /// One column and eight registers of rows.
    unsafe fn column(t: &Tile<T>);
    /// One term, any rows and columns.
    unsafe fn outer(t: &Tile<T>);
    /// Four rows, or one.
    unsafe fn dots(d: &Dots<T>, four: bool);
    /// One row, in more partial sums.
    unsafe fn dot(d: &Dots<T>);
    unsafe fn across(t: &Across<T>);
    unsafe fn finish(f: &Finish<T>);
    /// Panels of [`ROWS`](Kernels::ROWS).
    unsafe fn pack_rows(p: &Pack<'_, T>);
    /// Panels of [`SHORT`](Kernels::SHORT).
    unsafe fn pack_short(p: &Pack<'_, T>);
    /// Panels of one of the [`WIDTHS`](Kernels::WIDTHS).
    unsafe fn pack_cols(p: &Pack<'_, T>, width: usize);

    /// Rows of a tile, for so many columns of B, where A is not packed for tiles of [`ROWS`](Kernels::ROWS): short if one
    /// tile then has all columns, so that A is read once.
    fn height(cols: usize) -> usize {
        let widest = Self::WIDTHS.last().copied().unwrap_or(Self::COLS);
        if cols > Self::COLS && cols <= widest { Self::SHORT } else { Self::ROWS }
    }

    /// Columns of the panels for so many columns of B, under tiles of so many rows: the same in all panels, so that the
    /// last one is not nearly empty.
    fn width(cols: usize, height: usize) -> usize {
        let most = if height == Self::SHORT { cols.max(Self::COLS) } else { Self::COLS };
        let even = cols.div_ceil(cols.div_ceil(most).max(1));
        Self::WIDTHS.iter().copied().find(|&w| w >= even).unwrap_or(Self::COLS)
    }
}

/// Plain Rust, any processor.
#[derive(Debug)]
pub(super) struct Portable;
/// x86-64 with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub(super) struct Avx2;
/// x86-64 with AVX-512F.
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub(super) struct Avx512;

macro_rules! kernels {
    ($name:ident, $t:ty, $lanes:ty, $count:literal lanes, $mv:literal x $nr:literal, $mr:literal rows, widths [$($width:literal)*] [$($wide:literal)*], [$($feature:literal)?]) => {
        impl Kernels<$t> for $name {
            const LANES: usize = $count;
            const ROWS: usize = $mr;
            const COLS: usize = $nr;
            const SHORT: usize = 2 * $count;
            const WIDTHS: &'static [usize] = &[$($width,)* $($wide,)*];
            unsafe fn packed(t: &Tile<$t>, full: bool) {
                $(#[target_feature(enable = $feature)])?
                unsafe fn go<const MV: usize, const NR: usize, const FULL: bool, const LISTED: bool>(t: &Tile<$t>) {
                    // SAFETY: as the trait says; this function has the instructions.
                    unsafe { kernel::tile::<$t, $lanes, MV, NR, FULL, true, LISTED>(t) }
                }
                unsafe fn short<const NR: usize>(t: &Tile<$t>, full: bool) {
                    // SAFETY: as the trait says; the number of registers covers the rows.
                    unsafe {
                        match (t.rows.div_ceil($count), full, !t.list.is_null()) {
                            (1, true, true) => go::<1, NR, true, true>(t),
                            (1, false, true) => go::<1, NR, false, true>(t),
                            (_, true, true) => go::<2, NR, true, true>(t),
                            (_, false, true) => go::<2, NR, false, true>(t),
                            (1, true, false) => go::<1, NR, true, false>(t),
                            (1, false, false) => go::<1, NR, false, false>(t),
                            (_, true, false) => go::<2, NR, true, false>(t),
                            (_, false, false) => go::<2, NR, false, false>(t),
                        }
                    }
                }
                unsafe fn high<const NR: usize>(t: &Tile<$t>, full: bool) {
                    // SAFETY: as the trait says; the number of registers covers the rows.
                    unsafe {
                        match (t.rows <= 2 * $count, full, !t.list.is_null()) {
                            (true, ..) => short::<NR>(t, full),
                            (_, true, true) => go::<$mv, NR, true, true>(t),
                            (_, false, true) => go::<$mv, NR, false, true>(t),
                            (_, true, false) => go::<$mv, NR, true, false>(t),
                            (_, false, false) => go::<$mv, NR, false, false>(t),
                        }
                    }
                }
                // SAFETY: as the trait says; the panel's width is that of the kernel.
                unsafe {
                    match t.b_k {
                        $($width => high::<$width>(t, full),)*
                        $($wide => short::<$wide>(t, full),)*
                        _ => unreachable!("invariant: a width of the list"),
                    }
                }
            }
            unsafe fn pack_cols(p: &Pack<'_, $t>, width: usize) {
                $(#[target_feature(enable = $feature)])?
                unsafe fn go<const W: usize>(p: &Pack<'_, $t>) {
                    // SAFETY: as the trait says; this function has the instructions.
                    unsafe { pack::pack::<$t, $lanes, W>(p) }
                }
                // SAFETY: as the trait says.
                unsafe {
                    match width {
                        $($width => go::<$width>(p),)*
                        $($wide => go::<$wide>(p),)*
                        _ => unreachable!("invariant: a width of the list"),
                    }
                }
            }
            unsafe fn direct(t: &Tile<$t>) {
                $(#[target_feature(enable = $feature)])?
                unsafe fn go<const MV: usize, const NR: usize, const FULL: bool>(t: &Tile<$t>) {
                    // SAFETY: as the trait says; this function has the instructions.
                    unsafe { kernel::tile::<$t, $lanes, MV, NR, FULL, false, false>(t) }
                }
                // SAFETY: as the trait says; the number of registers covers the rows.
                unsafe {
                    match (t.rows.div_ceil($count), t.cols, t.rows % $count == 0) {
                        (1, 1, true) => go::<1, 1, true>(t),
                        (1, 1, false) => go::<1, 1, false>(t),
                        (1, 2, true) => go::<1, 2, true>(t),
                        (1, 2, false) => go::<1, 2, false>(t),
                        (1, 4, true) => go::<1, 4, true>(t),
                        (1, 4, false) => go::<1, 4, false>(t),
                        (1, _, true) => go::<1, $nr, true>(t),
                        (1, _, false) => go::<1, $nr, false>(t),
                        (2, 1, true) => go::<2, 1, true>(t),
                        (2, 1, false) => go::<2, 1, false>(t),
                        (2, 2, true) => go::<2, 2, true>(t),
                        (2, 2, false) => go::<2, 2, false>(t),
                        (2, 4, true) => go::<2, 4, true>(t),
                        (2, 4, false) => go::<2, 4, false>(t),
                        (2, _, true) => go::<2, $nr, true>(t),
                        (2, _, false) => go::<2, $nr, false>(t),
                        (_, 1, true) => go::<$mv, 1, true>(t),
                        (_, 1, false) => go::<$mv, 1, false>(t),
                        (_, 2, true) => go::<$mv, 2, true>(t),
                        (_, 2, false) => go::<$mv, 2, false>(t),
                        (_, 4, true) => go::<$mv, 4, true>(t),
                        (_, 4, false) => go::<$mv, 4, false>(t),
                        (_, _, true) => go::<$mv, $nr, true>(t),
                        (_, _, false) => go::<$mv, $nr, false>(t),
                    }
                }
            }
            kernels! { @forward [$($feature)?]
                column(t: &Tile<$t>) => kernel::tile::<$t, $lanes, 8, 1, true, false, false>(t);
                outer(t: &Tile<$t>) => kernel::outer::<$t, $lanes>(t);
                dot(d: &Dots<$t>) => kernel::dots::<$t, $lanes, 1, 8>(d);
                across(t: &Across<$t>) => kernel::across::<$t, $lanes>(t);
                finish(f: &Finish<$t>) => kernel::finish::<$t, $lanes>(f);
                pack_rows(p: &Pack<'_, $t>) => pack::pack::<$t, $lanes, $mr>(p);
                pack_short(p: &Pack<'_, $t>) => pack::pack::<$t, $lanes, { 2 * $count }>(p);
            }
            unsafe fn dots(d: &Dots<$t>, four: bool) {
                $(#[target_feature(enable = $feature)])?
                unsafe fn go<const R: usize>(d: &Dots<$t>) {
                    // SAFETY: as the trait says; this function has the instructions.
                    unsafe { kernel::dots::<$t, $lanes, R, 2>(d) }
                }
                // SAFETY: as the trait says.
                unsafe { if four { go::<4>(d) } else { go::<1>(d) } }
            }
        }
    };
    (@forward [] $($name:ident($x:ident: $t:ty) => $call:expr;)*) => {
        $(unsafe fn $name($x: $t) {
            // SAFETY: as the trait says.
            unsafe { $call }
        })*
    };
    (@forward [$feature:literal] $($name:ident($x:ident: $t:ty) => $call:expr;)*) => {
        $(unsafe fn $name($x: $t) {
            #[target_feature(enable = $feature)]
            unsafe fn go($x: $t) {
                // SAFETY: as the trait says; this function has the instructions.
                unsafe { $call }
            }
            // SAFETY: as the trait says.
            unsafe { go($x) }
        })*
    };
}

kernels!(Portable, f64, Plain<f64>, 4 lanes, 2 x 4, 8 rows, widths [4] [], []);
kernels!(Portable, f32, Plain<f32>, 4 lanes, 2 x 4, 8 rows, widths [4] [], []);
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::lanes::x86::{F32x8, F32x16, F64x4, F64x8};
    use super::*;
    kernels!(Avx2, f64, F64x4, 4 lanes, 3 x 4, 12 rows, widths [4] [], ["avx2,fma"]);
    kernels!(Avx2, f32, F32x8, 8 lanes, 3 x 4, 24 rows, widths [4] [], ["avx2,fma"]);
    kernels!(Avx512, f64, F64x8, 8 lanes, 3 x 8, 24 rows, widths [4 5 6 7 8] [10 12], ["avx512f,avx2,fma"]);
    kernels!(Avx512, f32, F32x16, 16 lanes, 3 x 8, 48 rows, widths [4 5 6 7 8] [10 12], ["avx512f,avx2,fma"]);
}

macro_rules! dispatch {
    ($t:ty) => {
        impl Dispatch for $t {
            #[allow(private_interfaces)]
            unsafe fn dispatch(job: &Job<'_, $t>, slots: &mut [Slot<$t>]) {
                // SAFETY: the processor has what is asked for; the pointers are the caller's promise.
                #[cfg(target_arch = "x86_64")]
                unsafe {
                    if job.limit >= 2 && is_x86_feature_detected!("avx512f") {
                        return share::<$t, Avx512>(job, slots);
                    }
                    if job.limit >= 1 && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                        return share::<$t, Avx2>(job, slots);
                    }
                }
                // SAFETY: any processor runs these; the pointers are the caller's promise.
                unsafe { share::<$t, Portable>(job, slots) }
            }
        }
    };
}
dispatch!(f64);
dispatch!(f32);
