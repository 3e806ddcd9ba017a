//! A number with a bound on its rounding error, valid for every order of additions and multiplications.
//!
//! A plan may add in another order than the slow evaluator, fuse products with sums, and multiply factors of a
//! contraction in another order. So the bound must not depend on the order. Each number carries
//!
//! ```text
//! v  the value that the slow evaluator computes, to the bit
//! M  the magnitude: the same polynomial, of absolute values
//! r  what the errors of its leaves contribute
//! n  the greatest number of roundings that any term can meet
//! ```
//!
//! A *leaf* is what no reordering reaches into: an input, a constant, the result of a function. A sum or a product of
//! leaves is a polynomial of them. With u the unit roundoff and gamma(n) = n u / (1 - n u), any order of evaluation
//! multiplies each term by at most n factors (1 + d), |d| <= u, and so is within gamma(n) M of the exact polynomial of
//! its leaves (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, lemma 3.1 and section 4.2). Leaves
//! that are off by at most r change it by at most P(|x| + r) - P(|x|), P being the polynomial of absolute values:
//!
//! ```text
//! a + b   M = Ma + Mb   r = ra + rb                      n = na + nb + 1
//! a · b   M = Ma Mb     r = ra Mb + Ma rb + ra rb        n = na + nb + 1
//! 1 / b   M = 1/|b|     r = E/((|b| - E)(|b| - 2E))      n = 1            with E the radius of b
//! f(x)    M = |f(v)|    r = sup |f'| E + 2 ε |f(v)|      n = 0            with E the radius of x
//!
//! radius E = r + gamma(n) (M + r)
//! ```
//!
//! `na + nb + 1` counts every operation of the whole polynomial: no bracketing gives one term more. The supremum is
//! taken over `[v - 2E, v + 2E]`, where both the exact and every computed argument lie. Two ulp are what every function of
//! the plan is tested to keep (`crates/exec/src/vector/tests/accuracy.rs`). The slow evaluator's value and the plan's
//! are both within E of the exact one, so they are within 2E of each other.
//!
//! Three more facts are carried. Values whose polynomial is exact in any order (whole multiples of a power of two,
//! few enough) have radius 0, so whole numbers and zeros decide comparisons. Infinities and NaN that every order
//! reaches are certain; the sign of a zero that was computed is not, and so not the sign of its reciprocal. Everything else, where an interval holds a pole, the end of a domain, a jump or an overflow, is
//! *undecided*: its radius is infinite and it is not judged. A comparison whose sides overlap cannot mark its result,
//! which is no number, so it raises a flag that [`straddled`] takes: the whole output is not judged then.

use crate::terms::Terms;
use chainrule_core::rational::Rational;
use chainrule_core::scalar::Scalar;
use chainrule_exec::lane::Number;
use std::cell::Cell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

thread_local! {
    static STRADDLED: Cell<bool> = const { Cell::new(false) };
    /// The largest pivot of the elimination step under way, with its radius.
    static PIVOT: Cell<(f64, f64)> = const { Cell::new((0.0, 0.0)) };
}

/// Whether a comparison since the last call was decided by less than the errors of its sides.
pub(crate) fn straddled() -> bool {
    no_pivot();
    STRADDLED.with(|s| s.replace(false))
}

/// The search for a pivot is over: what follows computes with it.
fn no_pivot() {
    PIVOT.with(|p| p.set((0.0, 0.0)));
}

fn straddle() {
    STRADDLED.with(|s| s.set(true));
}

/// The bound's own arithmetic is rounded too, by less than this.
const SLACK: f64 = 1.0 + 1e-6;

/// A number with a bound on the error of every evaluation of it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Bounded<S> {
    value: S,
    magnitude: f64,
    inherited: f64,
    roundings: f64,
    terms: Terms,
    /// The power of two that all leaves are whole multiples of, where every order of evaluation is exact.
    grid: Option<i32>,
}

/// Exponent of the lowest bit that is set; the greatest there is for zero.
fn lowest_bit(x: f64) -> i32 {
    if x == 0.0 || !x.is_finite() {
        return 4096;
    }
    let bits = x.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    let (exponent, mantissa) = if exponent == 0 { (1, fraction) } else { (exponent, fraction | 1 << 52) };
    exponent - 1075 + mantissa.trailing_zeros() as i32
}

/// Bits of a significand, least exponent of a normal number, greatest exponent.
fn format<S: Scalar>() -> (i32, i32, i32) {
    if S::epsilon() < 1e-10 { (53, -1022, 1023) } else { (24, -126, 127) }
}

impl<S: Number> Bounded<S> {
    /// A number without error.
    pub(crate) fn exact(value: S) -> Bounded<S> {
        let v = value.to_f64();
        let grid = Some(lowest_bit(v));
        Bounded { value, magnitude: v.abs(), inherited: 0.0, roundings: 0.0, terms: Terms::of(v), grid }
    }

    /// A number that is off by at most this.
    pub(crate) fn leaf(value: S, inherited: f64) -> Bounded<S> {
        let magnitude = value.to_f64().abs();
        Bounded { value, magnitude, inherited, roundings: 0.0, terms: Terms::of(magnitude), grid: None }
    }

    /// A value about which nothing is known.
    fn undecided(value: S) -> Bounded<S> {
        let terms = Terms::UNKNOWN;
        Bounded { value, magnitude: 0.0, inherited: f64::INFINITY, roundings: 0.0, terms, grid: None }
    }

    /// The value of the slow evaluator.
    pub(crate) fn value(&self) -> S {
        self.value
    }

    /// How far any evaluation may be from the exact value; infinite where nothing is known.
    pub(crate) fn radius(&self) -> f64 {
        if self.grid.is_some() {
            return 0.0;
        }
        let nu = self.roundings * S::epsilon() / 2.0;
        if nu >= 0.1 {
            return f64::INFINITY;
        }
        let radius = (self.inherited + nu / (1.0 - nu) * (self.magnitude + self.inherited)) * SLACK;
        if radius.is_nan() { f64::INFINITY } else { radius }
    }

    /// Whether the value is known up to rounding.
    pub(crate) fn decided(&self) -> bool {
        self.radius() < f64::INFINITY
    }

    /// Whether another evaluation may have answered this.
    pub(crate) fn allows(&self, found: f64) -> bool {
        let value = self.value.to_f64();
        value == found || (value.is_nan() && found.is_nan()) || (value - found).abs() <= 2.0 * self.radius()
    }

    fn v(&self) -> f64 {
        self.value.to_f64()
    }

    fn finite(&self) -> bool {
        self.v().is_finite()
    }

    fn certain_nan(&self) -> bool {
        self.v().is_nan() && self.decided()
    }

    fn exact_zero(&self) -> bool {
        self.grid.is_some() && self.v() == 0.0
    }

    fn nonzero(&self) -> bool {
        self.decided() && self.v().abs() > 2.0 * self.radius()
    }

    /// A polynomial of operands, all finite and decided; given up where another order may overflow or underflow.
    fn polynomial(self) -> Bounded<S> {
        let (bits, lowest, greatest) = format::<S>();
        let limit = 2f64.powi(greatest - 8);
        let Bounded { value, magnitude, inherited, terms, grid, .. } = self;
        if magnitude + inherited > limit || terms.may_overflow(limit) || !self.finite() {
            return Bounded::undecided(value);
        }
        let fits =
            |g: &i32| magnitude == 0.0 || (*g >= lowest && magnitude < 2f64.powi((g + bits - 1).min(1000)));
        let grid = grid.filter(fits);
        // A product that underflows is off by an absolute amount.
        let tiny = grid.is_none() && magnitude < 2f64.powi(lowest + 60);
        let inherited = if tiny { inherited + 2f64.powi(lowest) } else { inherited };
        Bounded { inherited, grid, ..self }
    }

    /// The same with other terms.
    fn with_terms(self, terms: Terms) -> Bounded<S> {
        Bounded { terms, ..self }
    }

    /// The result of an operation on something that is not finite, or not known.
    fn special(value: S, certain: bool) -> Bounded<S> {
        if certain { Bounded::exact(value) } else { Bounded::undecided(value) }
    }

    fn plus(&self, other: &Bounded<S>) -> Bounded<S> {
        let value = self.value + other.value;
        let terms = self.terms.plus(other.terms);
        if self.certain_nan() || other.certain_nan() {
            return Bounded::exact(S::nan());
        }
        if !self.finite() || !other.finite() || !self.decided() || !other.decided() {
            // ∞ - ∞ is NaN in this order; taken together first, the terms may leave an ∞.
            let certain = self.decided() && other.decided() && !value.is_nan();
            return Bounded::special(value, certain).with_terms(terms);
        }
        let grid = self.grid.zip(other.grid).map(|(a, b)| a.min(b));
        Bounded {
            value,
            magnitude: self.magnitude + other.magnitude,
            inherited: self.inherited + other.inherited,
            roundings: self.roundings + other.roundings + 1.0,
            terms,
            grid,
        }
        .polynomial()
    }

    fn times(&self, other: &Bounded<S>) -> Bounded<S> {
        no_pivot();
        let value = self.value * other.value;
        if self.certain_nan() || other.certain_nan() {
            return Bounded::exact(S::nan());
        }
        if !self.decided() || !other.decided() {
            return Bounded::undecided(value);
        }
        let terms = self.terms.times(other.terms);
        if !self.finite() || !other.finite() {
            // Distributed over a sum with terms of both signs, or with a zero, ∞ times it may be NaN; and so it may if
            // factors that underflow are multiplied first.
            let plain = |x: &Bounded<S>| !x.finite() || (x.nonzero() && x.magnitude <= x.v().abs() * SLACK);
            let survives = !terms.may_vanish(2f64.powi(format::<S>().1));
            return Bounded::special(value, plain(self) && plain(other) && survives).with_terms(terms);
        }
        let grid = self.grid.zip(other.grid).map(|(a, b)| a.saturating_add(b).min(4096));
        let grid = if self.exact_zero() || other.exact_zero() { Some(4096) } else { grid };
        let (a, b) = (self, other);
        let (ra, rb) = (a.inherited, b.inherited);
        Bounded {
            value,
            magnitude: a.magnitude * b.magnitude,
            inherited: ra * b.magnitude + a.magnitude * rb + ra * rb,
            roundings: a.roundings + b.roundings + 1.0,
            terms,
            grid,
        }
        .polynomial()
    }

    fn over(&self, other: &Bounded<S>) -> Bounded<S> {
        no_pivot();
        let value = self.value / other.value;
        if self.certain_nan() || other.certain_nan() {
            return Bounded::exact(S::nan());
        }
        if !self.decided() || !other.decided() {
            return Bounded::undecided(value);
        }
        if !other.finite() {
            return Bounded::special(value, self.finite());
        }
        if other.exact_zero() {
            // The sign of a zero that was computed is that of one order of additions; it decides which infinity.
            let signed = other.roundings == 0.0 && (!self.finite() || self.nonzero());
            return Bounded::special(value, signed);
        }
        if !other.nonzero() {
            return Bounded::undecided(value);
        }
        if !self.finite() || self.exact_zero() {
            return Bounded::special(value, true);
        }
        let (size, radius) = (other.v().abs(), other.radius());
        let w = 1.0 / size;
        let rw = radius / ((size - radius) * (size - 2.0 * radius));
        let power_of_two = other.grid.is_some() && size.log2().fract() == 0.0;
        let grid = self.grid.filter(|_| power_of_two).map(|g| g - size.log2() as i32);
        let (m, r) = (self.magnitude, self.inherited);
        Bounded {
            value,
            magnitude: m * w,
            inherited: r * w + m * rw + r * rw,
            roundings: self.roundings + other.roundings + 2.0,
            terms: self.terms.times(Terms::of(w)),
            grid,
        }
        .polynomial()
    }

    /// The result of a function that is within two ulp of the true one, the argument's error included in `spread`.
    fn rounded(value: S, spread: f64) -> Bounded<S> {
        let v = value.to_f64();
        let (_, least, greatest) = format::<S>();
        if !v.is_finite() || v.abs() > 2f64.powi(greatest - 8) {
            return Bounded::undecided(value);
        }
        let tiny = if v.abs() < 2f64.powi(least + 60) { 2f64.powi(least + 2) } else { 0.0 };
        Bounded::leaf(value, spread + 2.0 * S::epsilon() * v.abs() + tiny)
    }

    /// `f` of this number: `spread` bounds `|f(x) - f(y)|` for any x and y of an interval that are at most a distance
    /// apart; the function exists strictly inside the domain, and possibly at its ends.
    fn function(
        &self,
        f: impl Fn(&S) -> S,
        (low, high): (f64, f64),
        spread: impl Fn(f64, f64, f64) -> f64,
    ) -> Bounded<S> {
        let value = f(&self.value);
        if self.certain_nan() {
            return Bounded::exact(S::nan());
        }
        if !self.decided() {
            return Bounded::undecided(value);
        }
        let (x, radius) = (self.v(), self.radius());
        if radius == 0.0 || !x.is_finite() {
            let y = value.to_f64();
            // The sign of a zero that was computed is not certain, and at a pole decides which infinity.
            if x == 0.0 && self.roundings > 0.0 && f(&-self.value).to_f64() != y && y.is_infinite() {
                return Bounded::undecided(value);
            }
            // A zero at a small exact argument is the function's own, not an underflow.
            let known = !y.is_finite() || (y == 0.0 && (x.abs() <= 1.0 || !x.is_finite()));
            return if known { Bounded::exact(value) } else { Bounded::rounded(value, 0.0) };
        }
        let (from, to) = (x - 2.0 * radius, x + 2.0 * radius);
        if to < low || from > high {
            return Bounded::special(value, value.is_nan());
        }
        if from <= low || to >= high {
            return Bounded::undecided(value);
        }
        if value.to_f64().is_infinite() {
            let end = |x: f64| f(&S::of(x)).to_f64() == value.to_f64();
            return Bounded::special(value, end(from) && end(to));
        }
        let spread = spread(from, to, radius) * SLACK;
        if spread.is_nan() { Bounded::undecided(value) } else { Bounded::rounded(value, spread) }
    }

    /// A function that is the core's own code in the plan too: its error is that of the code, larger near its zeros.
    fn by_core(&self, f: impl Fn(&S) -> S, slope: impl Fn(f64) -> f64) -> Bounded<S> {
        let pole = |from: f64, to: f64| from <= 0.0 && from.floor() != to.floor();
        let steepest = |from: f64, to: f64, radius: f64| {
            if pole(from, to) { f64::NAN } else { radius * slope(from).abs().max(slope(to).abs()) * 1.1 }
        };
        let mut y = self.function(f, EVERYWHERE, steepest);
        if y.grid.is_none() && self.radius() > 0.0 {
            y.inherited += 64.0 * S::epsilon() * (1.0 + y.magnitude);
        }
        y
    }
}

const EVERYWHERE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

impl<S: Number> PartialEq for Bounded<S> {
    fn eq(&self, other: &Bounded<S>) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl<S: Number> PartialOrd for Bounded<S> {
    fn partial_cmp(&self, other: &Bounded<S>) -> Option<Ordering> {
        if !self.certain_nan() && !other.certain_nan() {
            let doubt = 2.0 * (self.radius() + other.radius());
            let distance = (self.v() - other.v()).abs();
            if doubt > 0.0 && (distance <= doubt || distance.is_nan()) {
                straddle();
            }
        }
        self.value.partial_cmp(&other.value)
    }
}

macro_rules! operators {
    ($($operator:ident $name:ident $method:ident)*) => {
        $(
            impl<S: Number> $operator for Bounded<S> {
                type Output = Bounded<S>;
                fn $name(self, other: Bounded<S>) -> Bounded<S> {
                    self.$method(&other)
                }
            }
            impl<S: Number> $operator<&Bounded<S>> for Bounded<S> {
                type Output = Bounded<S>;
                fn $name(self, other: &Bounded<S>) -> Bounded<S> {
                    self.$method(other)
                }
            }
        )*
    };
}

operators! { Add add plus  Sub sub minus  Mul mul times  Div div over }

impl<S: Number> Bounded<S> {
    fn minus(&self, other: &Bounded<S>) -> Bounded<S> {
        self.plus(&-*other)
    }
}

impl<S: Number> Neg for Bounded<S> {
    type Output = Bounded<S>;
    fn neg(self) -> Bounded<S> {
        Bounded { value: -self.value, ..self }
    }
}

impl<S: Number> Scalar for Bounded<S> {
    const EXACT: bool = false;

    fn epsilon() -> f64 {
        S::epsilon()
    }

    fn from_rational(x: &Rational) -> Self {
        let value = S::from_rational(x);
        let dyadic =
            x.to_small().is_some_and(|(n, d)| n.abs() < 1 << 20 && d > 0 && d < 1 << 20 && d & (d - 1) == 0);
        // The plan rounds a coefficient to a double first.
        if dyadic { Bounded::exact(value) } else { Bounded::leaf(value, S::epsilon() * value.to_f64().abs()) }
    }

    /// Where sums begin: no term.
    fn zero() -> Self {
        Bounded::exact(S::zero()).with_terms(Terms::NONE)
    }

    fn from_f64(x: f64) -> Self {
        Bounded::exact(S::from_f64(x))
    }

    fn nan() -> Self {
        Bounded::exact(S::nan())
    }

    fn pi() -> Self {
        Bounded::leaf(S::pi(), 4.0 * S::epsilon())
    }

    fn e() -> Self {
        Bounded::leaf(S::e(), 4.0 * S::epsilon())
    }

    /// Elimination asks for this to find its pivot: two candidates that errors could exchange are a straddled
    /// comparison.
    fn to_f64(&self) -> f64 {
        let (size, radius) = (self.v().abs(), self.radius());
        PIVOT.with(|pivot| {
            let (best, doubt) = pivot.get();
            let (distance, doubt) = ((size - best).abs(), 2.0 * (radius + doubt));
            if best > 0.0 && doubt > 0.0 && (distance <= doubt || distance.is_nan()) {
                straddle();
            }
            if size > best {
                pivot.set((size, radius));
            }
        });
        self.v()
    }

    fn is_nan(&self) -> bool {
        if !self.decided() {
            straddle();
        }
        self.value.is_nan()
    }

    fn recip(&self) -> Self {
        Self::one().over(self)
    }

    fn exp(&self) -> Self {
        no_pivot();
        self.function(S::exp, EVERYWHERE, |_, to, r| r * to.exp())
    }

    fn expm1(&self) -> Self {
        self.function(S::expm1, EVERYWHERE, |_, to, r| r * to.exp())
    }

    fn ln(&self) -> Self {
        self.function(S::ln, (0.0, f64::INFINITY), |from, _, r| r / from)
    }

    fn ln_1p(&self) -> Self {
        self.function(S::ln_1p, (-1.0, f64::INFINITY), |from, _, r| r / (1.0 + from))
    }

    fn sqrt(&self) -> Self {
        self.function(S::sqrt, (0.0, f64::INFINITY), |from, _, r| r / (2.0 * from.sqrt()))
    }

    fn cbrt(&self) -> Self {
        // |∛x - ∛y| <= ∛(4 |x - y|), at 0 too.
        self.function(S::cbrt, EVERYWHERE, |_, _, r| (4.0 * r).cbrt())
    }

    fn pow(&self, y: &Self) -> Self {
        let (a, b) = (self, y);
        let value = S::pow(&a.value, &b.value);
        if a.certain_nan() || b.certain_nan() {
            return Bounded::exact(S::nan());
        }
        if !a.decided() || !b.decided() {
            return Bounded::undecided(value);
        }
        let (ra, rb) = (a.radius(), b.radius());
        let (va, vb) = (a.v(), b.v());
        if ra == 0.0 && rb == 0.0 {
            let known = !value.to_f64().is_finite() || va == 0.0;
            return if known { Bounded::exact(value) } else { Bounded::rounded(value, 0.0) };
        }
        if !va.is_finite() || !vb.is_finite() || !a.nonzero() || (va < 0.0 && rb > 0.0) {
            return Bounded::undecided(value);
        }
        if va < 0.0 && vb.fract() != 0.0 {
            return Bounded::special(value, value.is_nan());
        }
        let least = va.abs() - 2.0 * ra;
        let steepest = least.ln().abs().max((va.abs() + 2.0 * ra).ln().abs());
        let change = steepest * rb + (vb.abs() + 2.0 * rb) * ra / least;
        Bounded::rounded(value, value.to_f64().abs() * (2.0 * change).exp_m1())
    }

    fn sin(&self) -> Self {
        self.function(S::sin, EVERYWHERE, |_, _, r| r.min(2.0))
    }

    fn cos(&self) -> Self {
        self.function(S::cos, EVERYWHERE, |_, _, r| r.min(2.0))
    }

    fn tan(&self) -> Self {
        self.function(S::tan, EVERYWHERE, |from, to, r| {
            let branch = |x: f64| (x / std::f64::consts::PI - 0.5).floor();
            if branch(from) != branch(to) {
                return f64::NAN;
            }
            r * (1.0 + from.tan().powi(2).max(to.tan().powi(2))) * 1.001
        })
    }

    fn asin(&self) -> Self {
        self.function(S::asin, (-1.0, 1.0), |from, to, r| r / (1.0 - from.abs().max(to.abs()).powi(2)).sqrt())
    }

    fn acos(&self) -> Self {
        self.function(S::acos, (-1.0, 1.0), |from, to, r| r / (1.0 - from.abs().max(to.abs()).powi(2)).sqrt())
    }

    fn atan(&self) -> Self {
        self.function(S::atan, EVERYWHERE, |_, _, r| r)
    }

    fn atan2(&self, x: &Self) -> Self {
        let (y, x) = (self, x);
        let value = S::atan2(&y.value, &x.value);
        if y.certain_nan() || x.certain_nan() {
            return Bounded::exact(S::nan());
        }
        // The sign of a zero decides between π and -π, and no order of additions promises it.
        if !y.decided() || !x.decided() || !(y.nonzero() || x.nonzero() && x.v() > 0.0) {
            return Bounded::undecided(value);
        }
        let (ry, rx) = (y.radius(), x.radius());
        if !y.finite() || !x.finite() || (ry == 0.0 && rx == 0.0) {
            return if y.exact_zero() { Bounded::exact(value) } else { Bounded::rounded(value, 0.0) };
        }
        let rest = y.v().hypot(x.v()) - 2.0 * (ry + rx);
        if rest > 0.0 { Bounded::rounded(value, (ry + rx) / rest) } else { Bounded::undecided(value) }
    }

    fn sinh(&self) -> Self {
        self.function(S::sinh, EVERYWHERE, |from, to, r| r * from.abs().max(to.abs()).cosh())
    }

    fn cosh(&self) -> Self {
        self.function(S::cosh, EVERYWHERE, |from, to, r| r * from.abs().max(to.abs()).cosh())
    }

    fn tanh(&self) -> Self {
        self.function(S::tanh, EVERYWHERE, |_, _, r| r)
    }

    fn asinh(&self) -> Self {
        self.function(S::asinh, EVERYWHERE, |_, _, r| r)
    }

    fn erf(&self) -> Self {
        self.function(S::erf, EVERYWHERE, |_, _, r| 1.13 * r)
    }

    fn lgamma(&self) -> Self {
        self.by_core(S::lgamma, |x| x.digamma())
    }

    fn digamma(&self) -> Self {
        self.by_core(S::digamma, |x| x.polygamma(1))
    }

    fn polygamma(&self, n: u32) -> Self {
        self.by_core(|x| x.polygamma(n), |x| x.polygamma(n + 1))
    }

    fn abs(&self) -> Self {
        Bounded { value: Scalar::abs(&self.value), ..*self }
    }

    fn floor(&self) -> Self {
        let value = Scalar::floor(&self.value);
        let (x, radius) = (self.v(), self.radius());
        if radius == 0.0 || (x - 2.0 * radius).floor() == (x + 2.0 * radius).floor() {
            return Bounded::exact(value);
        }
        Bounded::undecided(value)
    }

    /// As the default, without asking whether the value is NaN: an undecided entry stays one entry.
    fn powi(&self, n: i32) -> Self {
        if self.certain_nan() {
            return Self::nan();
        }
        let (mut square, mut power, mut rest) = (*self, Self::one(), n.unsigned_abs());
        while rest > 0 {
            if rest & 1 == 1 {
                power = power.times(&square);
            }
            rest >>= 1;
            if rest > 0 {
                square = square.times(&square);
            }
        }
        if n < 0 { power.recip() } else { power }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(x: f64) -> Bounded<f64> {
        Bounded::leaf(x, 0.0)
    }

    #[test]
    fn sums_in_any_order_are_within_the_bound_and_the_bound_is_not_much_more() {
        // 1 + 2^60 - 2^60 … : orders differ by as much as the magnitude allows.
        let terms = [1.0, 3f64.powi(38), -3f64.powi(38), 0.1, 1e17, -1e17, 0.7];
        let bound = terms.iter().fold(leaf(0.0), |s, &x| s + leaf(x));
        let magnitude: f64 = terms.iter().map(|x| x.abs()).sum();
        assert!(bound.radius() < 10.0 * f64::EPSILON * magnitude);
        for shift in 0..terms.len() {
            let rotated = terms.iter().cycle().skip(shift).take(terms.len());
            assert!(bound.allows(rotated.fold(0.0, |s, x| s + x)), "from term {shift}");
        }
        assert!(!bound.allows(bound.value() + 20.0 * f64::EPSILON * magnitude));
    }

    #[test]
    fn whole_numbers_are_exact_and_decide_comparisons() {
        let three = Bounded::<f64>::from_i64(3);
        let x = (three * three - Bounded::from_i64(9)) * leaf(0.3);
        assert_eq!(x.radius(), 0.0);
        straddled();
        assert!(x == Bounded::zero() && !straddled());
        let y = leaf(0.1) + leaf(0.2) - leaf(0.3);
        assert!(y.radius() > 0.0);
        let _ = y > Bounded::zero();
        assert!(straddled());
    }

    #[test]
    fn poles_ends_of_domains_and_jumps_are_undecided() {
        let near = |x: f64| Bounded::<f64>::leaf(x, 1e-9);
        assert!(!near(1e-10).recip().decided() && !near(1e-10).ln().decided() && !near(1.0).asin().decided());
        assert!(
            !near(2.0).floor().decided() && !near(-3.0).lgamma().decided() && !near(0.0).sqrt().decided()
        );
        assert!(near(-1.0).ln().certain_nan() && near(1.5).acos().certain_nan());
        assert!(near(1e4).exp().decided() && !near(709.0).exp().decided());
        assert!(near(2.5).floor().radius() == 0.0 && near(1e-10).sin().decided());
    }

    #[test]
    fn functions_pass_the_error_of_their_argument_on() {
        let x = Bounded::<f64>::leaf(2.0, 1e-6);
        for (y, slope) in
            [(x.exp(), 7.39), (x.ln(), 0.5), (x.sqrt(), 0.354), (x.sin(), 1.0), (x.recip(), 0.25)]
        {
            assert!(y.radius() >= slope * 1e-6 * 0.99 && y.radius() <= slope * 1.1e-6, "{y:?}");
        }
        let p = x.pow(&Bounded::exact(3.0));
        assert!((11.9e-6..26e-6).contains(&p.radius()), "{p:?}");
    }
}
