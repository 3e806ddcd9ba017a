//! Functions that IEEE 754 fixes, or that only choose: the bits are those of the core.

use super::exponential::sigmoid;
use super::lanes::{Lanes, Register};
use chainrule_core::ops::map;

#[inline(always)]
pub(crate) fn sqrt<V: Lanes>(x: V) -> V {
    x.sqrt()
}
#[inline(always)]
pub(crate) fn recip<V: Lanes>(x: V) -> V {
    V::of(1.0) / x
}
#[inline(always)]
pub(crate) fn abs<V: Lanes>(x: V) -> V {
    x.abs()
}
/// −1, 0 or 1; +0 at either zero.
#[inline(always)]
pub(crate) fn sign<V: Lanes>(x: V) -> V {
    let zero = V::of(0.0);
    let y = V::select(x.equal(zero), zero, V::of(1.0).signed(x));
    V::select(x.nan(), x, y)
}
#[inline(always)]
pub(crate) fn floor<V: Lanes>(x: V) -> V {
    x.floor()
}
#[inline(always)]
pub(crate) fn ceil<V: Lanes>(x: V) -> V {
    -(-x).floor()
}
/// Nearest whole number, halves to even; zero is +0 but at −0 itself, as in the core.
#[inline(always)]
pub(crate) fn round<V: Lanes>(x: V) -> V {
    V::select(x.equal(V::of(0.0)), x, x.round() + V::of(0.0))
}
/// The larger, the first of equals; NaN wins.
#[inline(always)]
pub(crate) fn max<V: Lanes>(a: V, b: V) -> V {
    V::select(a.nan(), a, V::select(b.nan().or(a.lt(b)), b, a))
}
/// The smaller, the first of equals; NaN wins.
#[inline(always)]
pub(crate) fn min<V: Lanes>(a: V, b: V) -> V {
    V::select(a.nan(), a, V::select(b.nan().or(b.lt(a)), b, a))
}
/// `max(x, 0)`: +0 at either zero, NaN stays.
#[inline(always)]
pub(crate) fn relu<V: Lanes>(x: V) -> V {
    V::select(x.le(V::of(0.0)), V::of(0.0), x)
}
/// The nearest point of `[a, b]`.
#[inline(always)]
pub(crate) fn clip<V: Lanes>(x: V, a: V, b: V) -> V {
    V::select(x.lt(a), a, V::select(b.lt(x), b, x))
}
/// `x sigmoid(x)`.
#[inline(always)]
pub(crate) fn silu<V: Lanes>(x: V) -> V {
    x * sigmoid(x)
}
/// The rare ones: the core's own code in every lane.
#[inline(always)]
pub(crate) fn by_core<V: Register>(which: &'static map::Map, args: &[V]) -> V {
    V::each(args, |x| {
        let x: Vec<&V::F> = x.iter().collect();
        map::evaluate(which, &x)
    })
}
