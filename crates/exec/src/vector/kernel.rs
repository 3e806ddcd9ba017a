//! Loops over slices, and the table of them that this machine runs.
#![allow(
    unsafe_code,
    reason = "unchecked loads after the lengths were compared, and calls of functions that need AVX2"
)]

#[cfg(target_arch = "x86_64")]
use super::avx2::{Doubles, Singles};
use super::circular;
use super::function::{self, Function, canonical, each_function, value};
use super::lanes::{Float, Register};
use super::portable::Portable;

/// A loop over slices of equal length; the last slice receives the results.
#[derive(Copy, Clone, Debug)]
#[allow(clippy::type_complexity, reason = "a name for a function of four slices would hide its arguments")]
pub enum Loop<T> {
    /// Of one argument.
    One(fn(&[T], &mut [T])),
    /// Of two.
    Two(fn(&[T], &[T], &mut [T])),
    /// Of three.
    Three(fn(&[T], &[T], &[T], &mut [T])),
}

/// An elementwise function in both precisions. Every loop panics where its slices differ in length.
#[derive(Copy, Clone, Debug)]
pub struct Kernel {
    /// The name, that of the core's map.
    pub name: &'static str,
    /// The loop over `f64`.
    pub f64: Loop<f64>,
    /// The loop over `f32`.
    pub f32: Loop<f32>,
}

/// A function over slices: two registers at a time to hide its latency, then the rest one at a time.
///
/// The function is a type, not a value: a call through `Fn` is a function without AVX2, which nothing inlines.
#[inline(always)]
fn sweep<G: Function, V: Register>(args: [&[V::F]; 3], to: &mut [V::F]) {
    let n = to.len();
    assert!(args.iter().all(|x| x.len() == n), "arguments and result of one loop have one length");
    // SAFETY: a load or store at `at` is made where `at + N <= n`, and n is the length of every slice.
    macro_rules! load {
        ($at:expr) => {
            unsafe {
                [
                    V::load(args[0].as_ptr().add($at)),
                    V::load(args[1].as_ptr().add($at)),
                    V::load(args[2].as_ptr().add($at)),
                ]
            }
        };
    }
    let mut at = 0;
    while at + 2 * V::N <= n {
        let (a, b) = (value::<G, V>(load!(at)), value::<G, V>(load!(at + V::N)));
        // SAFETY: as above.
        unsafe {
            a.store(to.as_mut_ptr().add(at));
            b.store(to.as_mut_ptr().add(at + V::N));
        }
        at += 2 * V::N;
    }
    while at < n {
        let count = V::N.min(n - at);
        // The tail runs as a full register whose other lanes hold 1, so its bits are those of any other place.
        let mut rows = [[V::F::of(1.0); 8]; 3];
        for (row, x) in rows.iter_mut().zip(args) {
            row[..count].copy_from_slice(&x[at..at + count]);
        }
        let mut last = [V::F::of(0.0); 8];
        // SAFETY: a row holds 8 numbers, and N is at most 8.
        unsafe {
            let row = [V::load(rows[0].as_ptr()), V::load(rows[1].as_ptr()), V::load(rows[2].as_ptr())];
            value::<G, V>(row).store(last.as_mut_ptr());
        }
        to[at..at + count].copy_from_slice(&last[..count]);
        at += count;
    }
}

/// Sine and cosine of a slice, reduced once.
#[inline(always)]
fn sweep_pair<V: Register>(x: &[V::F], sin: &mut [V::F], cos: &mut [V::F]) {
    assert!(x.len() == sin.len() && x.len() == cos.len(), "argument and results have one length");
    for ((x, sin), cos) in x.chunks(V::N).zip(sin.chunks_mut(V::N)).zip(cos.chunks_mut(V::N)) {
        let mut row = [V::F::of(1.0); 8];
        row[..x.len()].copy_from_slice(x);
        let (mut s, mut c) = (row, row);
        // SAFETY: each array holds 8 numbers, and N is at most 8.
        unsafe {
            let (a, b) = circular::sincos(V::load(row.as_ptr()));
            canonical(a).store(s.as_mut_ptr());
            canonical(b).store(c.as_mut_ptr());
        }
        sin.copy_from_slice(&s[..x.len()]);
        cos.copy_from_slice(&c[..x.len()]);
    }
}

/// The loops of one precision over one kind of register, as constants of the function.
macro_rules! loops {
    ($name:ident, $float:ident, $register:ty $(, $feature:meta)?) => {
        pub(crate) mod $name {
            use super::*;

            $(#[$feature])?
            fn inner<G: Function>(args: [&[$float]; 3], to: &mut [$float]) {
                sweep::<G, $register>(args, to);
            }

            fn run<G: Function>(args: [&[$float]; 3], to: &mut [$float]) {
                // SAFETY: the loops of a face are handed out only where its features were found.
                #[allow(unused_unsafe, reason = "the portable face needs no feature")]
                unsafe {
                    inner::<G>(args, to);
                }
            }

            $(#[$feature])?
            fn inner_pair(x: &[$float], sin: &mut [$float], cos: &mut [$float]) {
                sweep_pair::<$register>(x, sin, cos);
            }

            pub(crate) fn pair(x: &[$float], sin: &mut [$float], cos: &mut [$float]) {
                // SAFETY: as above.
                #[allow(unused_unsafe, reason = "the portable face needs no feature")]
                unsafe {
                    inner_pair(x, sin, cos);
                }
            }

            pub(crate) const fn of<G: Function>() -> Loop<$float> {
                match G::ARITY {
                    1 => Loop::One(|x, to| run::<G>([x; 3], to)),
                    2 => Loop::Two(|x, y, to| run::<G>([x, y, y], to)),
                    _ => Loop::Three(|x, y, z, to| run::<G>([x, y, z], to)),
                }
            }
        }
    };
}
loops!(portable_f64, f64, Portable<f64, 4>);
loops!(portable_f32, f32, Portable<f32, 8>);
#[cfg(target_arch = "x86_64")]
loops!(avx2_f64, f64, Doubles, target_feature(enable = "avx2,fma"));
#[cfg(target_arch = "x86_64")]
loops!(avx2_f32, f32, Singles, target_feature(enable = "avx2,fma"));

macro_rules! portable {
    ($($id:ident),*) => { &[$(Kernel {
        name: <function::$id as Function>::NAME,
        f64: portable_f64::of::<function::$id>(),
        f32: portable_f32::of::<function::$id>(),
    }),*] };
}

/// The loops that run everywhere, and say what the bits are.
pub(crate) static PORTABLE: &[Kernel] = each_function!(portable);

#[cfg(target_arch = "x86_64")]
macro_rules! avx2 {
    ($($id:ident),*) => { &[$(Kernel {
        name: <function::$id as Function>::NAME,
        f64: avx2_f64::of::<function::$id>(),
        f32: avx2_f32::of::<function::$id>(),
    }),*] };
}

#[cfg(target_arch = "x86_64")]
static AVX2: &[Kernel] = each_function!(avx2);

/// Whether this machine has AVX2 and FMA.
pub fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Every kernel, in the loops of this machine; the results have the same bits on all.
pub fn kernels() -> &'static [Kernel] {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        return AVX2;
    }
    PORTABLE
}

/// The kernel of this name.
pub fn kernel(name: &str) -> Option<&'static Kernel> {
    kernels().iter().find(|k| k.name == name)
}

macro_rules! sincos {
    ($name:ident, $float:ident, $fast:ident, $slow:ident) => {
        /// Sine and cosine of every entry for little more than the price of one, with the bits of the kernels.
        ///
        /// Panics where the slices differ in length.
        pub fn $name(x: &[$float], sin: &mut [$float], cos: &mut [$float]) {
            #[cfg(target_arch = "x86_64")]
            if has_avx2() {
                return $fast::pair(x, sin, cos);
            }
            $slow::pair(x, sin, cos);
        }
    };
}
sincos!(sincos_f64, f64, avx2_f64, portable_f64);
sincos!(sincos_f32, f32, avx2_f32, portable_f32);

/// One number through a kernel of one argument, with the bits of the loops; `None` where no such kernel is.
pub fn number_f64(name: &str, x: f64) -> Option<f64> {
    let Loop::One(run) = kernel(name)?.f64 else { return None };
    let mut y = [0.0];
    run(&[x], &mut y);
    Some(y[0])
}
