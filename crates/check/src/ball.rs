//! Balls: a number of many bits with a bound on its error, as a scalar of the core's evaluator.
//!
//! A ball `m·2^e ± r·2^e` contains the real number that it stands for. Every operation rounds its middle to the
//! working precision and lets the radius grow by what was lost, so two disjoint balls prove that two formulas differ
//! at a point, whatever rounding did. What has no value (or no bound) is NaN and proves nothing.
//!
//! Comparisons of overlapping balls cannot be decided; they set a flag that the evaluation's caller reads.
//!
//! Source: van der Hoeven, Ball arithmetic, 2009; Muller, Elementary Functions, chapter 4 (argument reduction).

use chainrule_core::rational::Rational;
use chainrule_core::scalar::Scalar;
use num_bigint::{BigInt, Sign};
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::cell::Cell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

#[path = "ball_gamma.rs"]
mod gamma;
#[path = "ball_series.rs"]
mod series;

thread_local! {
    static PRECISION: Cell<u32> = const { Cell::new(128) };
    static AMBIGUOUS: Cell<bool> = const { Cell::new(false) };
}

/// Exponents beyond this stand for numbers that no formula needs.
const RANGE: i64 = 1 << 40;

/// Runs an evaluation with the given number of bits; also tells whether a comparison could not be decided.
pub(crate) fn with_precision<T>(bits: u32, run: impl FnOnce() -> T) -> (T, bool) {
    PRECISION.set(bits);
    AMBIGUOUS.set(false);
    let value = run();
    (value, AMBIGUOUS.get())
}

fn precision() -> u32 {
    PRECISION.get()
}

/// `m·2^e ± r·2^e`, or NaN.
#[derive(Clone, Debug)]
pub(crate) struct Ball(Option<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    m: BigInt,
    r: BigInt,
    e: i64,
}

fn shifted(n: &BigInt, by: i64) -> BigInt {
    match by {
        0 => n.clone(),
        by if by > 0 => n << by,
        by => n >> -by,
    }
}

impl Parts {
    /// Rounded to the working precision; what is cut off goes to the radius.
    fn rounded(self) -> Ball {
        let bits = self.m.bits().max(self.r.bits()) as i64;
        let cut = bits - i64::from(precision()) - 8;
        if self.e.abs() > RANGE {
            return Ball(None);
        }
        if cut <= 0 {
            return Ball(Some(self));
        }
        let exact = self.m.trailing_zeros().is_none_or(|z| z as i64 >= cut);
        let r = if self.r.is_zero() && exact { BigInt::zero() } else { (self.r >> cut) + 2 };
        Ball(Some(Parts { m: self.m >> cut, r, e: self.e + cut }))
    }

    /// Both on the smaller exponent of the two; a summand far below the other's last bit becomes radius.
    fn aligned(&self, other: &Parts) -> (Parts, Parts) {
        let limit = i64::from(precision()) * 4 + 256;
        let (mut a, mut b) = (self.clone(), other.clone());
        let e = a.e.min(b.e);
        let top = (a.e + a.m.bits().max(1) as i64).max(b.e + b.m.bits().max(1) as i64);
        let e = if a.m.is_zero() && a.r.is_zero() {
            b.e
        } else if b.m.is_zero() && b.r.is_zero() {
            a.e
        } else {
            e.max(top - limit)
        };
        for p in [&mut a, &mut b] {
            let by = p.e - e;
            if by < 0 {
                let lost = !p.m.is_zero() || !p.r.is_zero();
                p.m = shifted(&p.m, by);
                p.r = shifted(&p.r, by) + if lost { 2 } else { 0 };
            } else {
                p.m = shifted(&p.m, by);
                p.r = shifted(&p.r, by);
            }
            p.e = e;
        }
        (a, b)
    }

    /// Zero lies inside.
    fn meets_zero(&self) -> bool {
        self.m.abs() <= self.r
    }
}

impl Ball {
    fn lift(&self, f: impl FnOnce(&Parts) -> Ball) -> Ball {
        self.0.as_ref().map_or(Ball(None), f)
    }

    fn exact(n: BigInt) -> Ball {
        Ball(Some(Parts { m: n, r: BigInt::zero(), e: 0 }))
    }

    /// Middle and radius as floats, the radius rounded up.
    fn float(&self) -> Option<(f64, f64)> {
        let p = self.0.as_ref()?;
        let of = |n: &BigInt| {
            let drop = (n.bits() as i64 - 64).max(0);
            let head = (n >> drop).to_f64().unwrap_or(f64::NAN);
            let e = drop + p.e;
            match e {
                e if e > 2000 => head * f64::INFINITY,
                e if e < -2000 => head * 0.0,
                e => head * 2f64.powi((e / 2) as i32) * 2f64.powi((e - e / 2) as i32),
            }
        };
        Some((of(&p.m), of(&p.r) * (1.0 + 1e-9)))
    }

    /// True when the two certainly differ.
    pub(crate) fn differs(&self, other: &Ball) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => {
                let (a, b) = a.aligned(b);
                (a.m - b.m).abs() > a.r + b.r
            }
            _ => false,
        }
    }

    /// True when the radius is small against the middle (or against 1).
    pub(crate) fn is_sharp(&self) -> bool {
        self.float().is_some_and(|(m, r)| r <= 1e-15 * m.abs().max(1.0))
    }

    fn number(x: f64) -> Ball {
        Rational::from_f64(x).map_or(Ball(None), |r| Ball::from_rational(&r))
    }

    /// The same middle with the magnitude of `by` added to the radius.
    fn widened(&self, by: &Ball) -> Ball {
        match (&self.0, &by.0) {
            (Some(a), Some(b)) => {
                let (a, b) = a.aligned(b);
                Parts { m: a.m, r: a.r + b.m.abs() + b.r, e: a.e }.rounded()
            }
            _ => Ball(None),
        }
    }

    fn half(&self) -> Ball {
        self.lift(|p| Ball(Some(Parts { e: p.e - 1, ..p.clone() })))
    }

    fn int(n: i64) -> Ball {
        Ball::exact(BigInt::from(n))
    }
}

impl PartialEq for Ball {
    fn eq(&self, other: &Ball) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Ball {
    fn partial_cmp(&self, other: &Ball) -> Option<Ordering> {
        let (Some(a), Some(b)) = (&self.0, &other.0) else {
            // What depends on this comparison depends on a value that does not exist.
            AMBIGUOUS.set(true);
            return None;
        };
        let (a, b) = a.aligned(b);
        let d = &a.m - &b.m;
        let r = &a.r + &b.r;
        if d.abs() > r {
            return Some(if d.is_negative() { Ordering::Less } else { Ordering::Greater });
        }
        if r.is_zero() {
            return Some(Ordering::Equal);
        }
        AMBIGUOUS.set(true);
        Some(d.cmp(&BigInt::zero()))
    }
}

impl Neg for Ball {
    type Output = Ball;
    fn neg(self) -> Ball {
        Ball(self.0.map(|p| Parts { m: -p.m, ..p }))
    }
}

impl Add<&Ball> for Ball {
    type Output = Ball;
    fn add(self, other: &Ball) -> Ball {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => {
                let (a, b) = a.aligned(b);
                Parts { m: a.m + b.m, r: a.r + b.r, e: a.e }.rounded()
            }
            _ => Ball(None),
        }
    }
}

impl Sub<&Ball> for Ball {
    type Output = Ball;
    fn sub(self, other: &Ball) -> Ball {
        self + &(-other.clone())
    }
}

impl Mul<&Ball> for Ball {
    type Output = Ball;
    fn mul(self, other: &Ball) -> Ball {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => {
                let r = a.m.abs() * &b.r + b.m.abs() * &a.r + &a.r * &b.r;
                Parts { m: &a.m * &b.m, r, e: a.e + b.e }.rounded()
            }
            _ => Ball(None),
        }
    }
}

impl Div<&Ball> for Ball {
    type Output = Ball;
    fn div(self, other: &Ball) -> Ball {
        Mul::mul(self, &other.recip())
    }
}

macro_rules! by_value {
    ($($Op:ident $op:ident),*) => { $(
        impl $Op for Ball {
            type Output = Ball;
            fn $op(self, other: Ball) -> Ball {
                self.$op(&other)
            }
        }
    )* };
}
by_value!(Add add, Sub sub, Mul mul, Div div);

impl Scalar for Ball {
    const EXACT: bool = false;

    fn epsilon() -> f64 {
        2f64.powi(-(precision().min(1000) as i32))
    }

    fn from_rational(x: &Rational) -> Ball {
        let den = x.denom();
        if den.is_one() {
            return Ball::exact(x.numer());
        }
        if den.bits() == den.trailing_zeros().unwrap_or(0) + 1 {
            return Ball(Some(Parts { m: x.numer(), r: BigInt::zero(), e: -(den.bits() as i64 - 1) }));
        }
        let by = i64::from(precision()) + den.bits() as i64 + 8 - x.numer().bits() as i64;
        let by = by.max(0);
        Parts { m: (x.numer() << by) / den, r: BigInt::one(), e: -by }.rounded()
    }

    /// Decimal literals mean their shortest decimal, as in exact arithmetic.
    fn from_f64(x: f64) -> Ball {
        Ball::number(x)
    }

    fn nan() -> Ball {
        Ball(None)
    }

    fn pi() -> Ball {
        series::pi()
    }

    fn e() -> Ball {
        Ball::int(1).exp()
    }

    fn to_f64(&self) -> f64 {
        self.float().map_or(f64::NAN, |(m, _)| m)
    }

    fn is_nan(&self) -> bool {
        self.0.is_none()
    }

    fn is_zero(&self) -> bool {
        self.0.as_ref().is_some_and(|p| p.m.is_zero() && p.r.is_zero())
    }

    fn recip(&self) -> Ball {
        self.lift(|p| {
            if p.meets_zero() {
                return Ball(None);
            }
            let by = i64::from(precision()) + p.m.bits() as i64 + 16;
            let m = (BigInt::one() << by) / &p.m;
            // |1/x - 1/m| <= r / (|m| (|m| - r))
            let low = p.m.abs() - &p.r;
            let r = (&p.r << by) / (p.m.abs() * low) + 2;
            Parts { m, r, e: -by - p.e }.rounded()
        })
    }

    fn exp(&self) -> Ball {
        series::exp(self)
    }

    fn expm1(&self) -> Ball {
        self.exp() - Ball::int(1)
    }

    fn ln(&self) -> Ball {
        series::ln(self)
    }

    fn ln_1p(&self) -> Ball {
        (self.clone() + Ball::int(1)).ln()
    }

    fn sqrt(&self) -> Ball {
        if Scalar::is_zero(self) {
            return self.clone();
        }
        self.lift(|p| {
            if p.m.is_negative() || p.meets_zero() {
                return Ball(None);
            }
            let mut by = (i64::from(precision()) * 2 + 32 - p.m.bits() as i64).max(0);
            if (p.e - by) % 2 != 0 {
                by += 1;
            }
            let m = &p.m << by;
            let root = m.sqrt();
            // |sqrt(x) - sqrt(m)| <= r / sqrt(m - r), and one more for the whole root
            let low = ((&p.m - &p.r) << by).sqrt().max(BigInt::one());
            let r = (&p.r << by) / low + 2;
            let r = if p.r.is_zero() && &root * &root == m { BigInt::zero() } else { r };
            Parts { m: root, r, e: (p.e - by) / 2 }.rounded()
        })
    }

    fn cbrt(&self) -> Ball {
        if Scalar::is_zero(self) {
            return self.clone();
        }
        match self.0.as_ref() {
            Some(p) if p.meets_zero() => Ball(None),
            Some(p) if p.m.is_negative() => -(-self.clone()).cbrt(),
            Some(_) => (self.ln() / Ball::int(3)).exp(),
            None => Ball(None),
        }
    }

    fn pow(&self, y: &Ball) -> Ball {
        let whole = y.0.as_ref().filter(|p| p.r.is_zero()).and_then(|p| {
            let n = if p.e >= 0 { &p.m << p.e.min(64) } else { &p.m >> -p.e };
            let same = if p.e >= 0 { true } else { (&n << -p.e) == p.m };
            n.to_i32().filter(|n| same && n.unsigned_abs() < 1 << 20)
        });
        match whole {
            Some(n) => self.powi(n),
            None if Scalar::is_zero(self) && *y > Ball::int(0) => Ball::int(0),
            None => (self.ln() * y).exp(),
        }
    }

    fn sin(&self) -> Ball {
        series::sin_cos(self).0
    }

    fn cos(&self) -> Ball {
        series::sin_cos(self).1
    }

    fn tan(&self) -> Ball {
        let (s, c) = series::sin_cos(self);
        s / c
    }

    fn asin(&self) -> Ball {
        let c = (Ball::int(1) - self.clone() * self).sqrt();
        (self.clone() / c).atan()
    }

    fn acos(&self) -> Ball {
        Ball::pi().half() - self.asin()
    }

    fn atan(&self) -> Ball {
        series::atan(self)
    }

    fn atan2(&self, x: &Ball) -> Ball {
        let zero = Ball::int(0);
        if *x > zero {
            return (self.clone() / x).atan();
        }
        if *self > zero {
            return Ball::pi().half() - (x.clone() / self).atan();
        }
        if *self < zero {
            return -(Ball::pi().half() + (x.clone() / self).atan());
        }
        if *x < zero { Ball::pi() } else { Ball(None) }
    }

    fn sinh(&self) -> Ball {
        (self.exp() - (-self.clone()).exp()).half()
    }

    fn cosh(&self) -> Ball {
        (self.exp() + (-self.clone()).exp()).half()
    }

    fn tanh(&self) -> Ball {
        let e = (self.clone() + self).exp();
        (e.clone() - Ball::int(1)) / (e + Ball::int(1))
    }

    fn asinh(&self) -> Ball {
        let root = (self.clone() * self + Ball::int(1)).sqrt();
        (self.clone() + root).ln()
    }

    fn erf(&self) -> Ball {
        series::erf(self)
    }

    fn lgamma(&self) -> Ball {
        gamma::lgamma(self)
    }

    fn digamma(&self) -> Ball {
        gamma::polygamma(0, self)
    }

    fn polygamma(&self, n: u32) -> Ball {
        gamma::polygamma(n, self)
    }

    fn abs(&self) -> Ball {
        self.lift(|p| {
            if p.m.is_negative() {
                return Ball(Some(Parts { m: -&p.m, ..p.clone() }));
            }
            Ball(Some(p.clone()))
        })
    }

    fn floor(&self) -> Ball {
        self.lift(|p| {
            let down = |n: &BigInt| if p.e >= 0 { n << p.e } else { n >> -p.e };
            if p.e > 4096 {
                return Ball(None);
            }
            let (low, high) = (down(&(&p.m - &p.r)), down(&(&p.m + &p.r)));
            if low != high {
                AMBIGUOUS.set(true);
            }
            Ball::exact(low)
        })
    }
}

/// The sign of a big integer as -1, 0, 1.
fn sign(n: &BigInt) -> i64 {
    match n.sign() {
        Sign::Minus => -1,
        Sign::NoSign => 0,
        Sign::Plus => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bits: u32, f: impl FnOnce() -> Ball) -> Ball {
        with_precision(bits, f).0
    }

    /// Each identity of elementary functions holds inside the balls, which are small.
    #[test]
    fn identities_hold_inside_small_balls() {
        let x = || Ball::from_rational(&Rational::new(7, 10));
        let one = Ball::int(1);
        for bits in [64, 128, 300] {
            let checks: [(&str, Ball, Ball); 9] = [
                ("exp ln", at(bits, || x().ln().exp()), at(bits, x)),
                ("sin cos", at(bits, || x().sin() * x().sin() + x().cos() * x().cos()), one.clone()),
                ("atan tan", at(bits, || x().tan().atan()), at(bits, x)),
                ("sqrt", at(bits, || x().sqrt() * x().sqrt()), at(bits, x)),
                ("cbrt", at(bits, || x().cbrt().powi(3)), at(bits, x)),
                ("recip", at(bits, || x().recip() * x()), one.clone()),
                ("pi", at(bits, || Ball::pi().half().sin()), one.clone()),
                ("asin", at(bits, || x().asin().sin()), at(bits, x)),
                ("tanh", at(bits, || x().tanh()), at(bits, || x().sinh() / x().cosh())),
            ];
            for (name, a, b) in checks {
                assert!(!a.is_nan() && !a.differs(&b), "{name} at {bits}: {a:?} {b:?}");
                let (_, r) = a.float().unwrap();
                assert!(r < 2f64.powi(-(bits as i32) + 24), "{name} at {bits}: radius {r:e}");
            }
        }
    }

    #[test]
    fn values_agree_with_floats() {
        for k in -30..30 {
            let x = f64::from(k) * 0.37 + 0.05;
            let b = Ball::from_f64(x);
            for (name, y, z) in [
                ("exp", b.exp(), Scalar::exp(&x)),
                ("sin", b.sin(), Scalar::sin(&x)),
                ("cos", b.cos(), Scalar::cos(&x)),
                ("atan", b.atan(), Scalar::atan(&x)),
                ("erf", b.erf(), Scalar::erf(&x)),
                ("ln", b.abs().ln(), Scalar::ln(&x.abs())),
            ] {
                let y = y.to_f64();
                assert!((y - z).abs() <= 1e-13 * z.abs().max(1e-3), "{name}({x}) = {y} or {z}");
            }
        }
    }

    #[test]
    fn a_relative_difference_of_1e_30_is_seen() {
        let x = at(128, || Ball::from_f64(0.3).exp());
        let tiny = Ball::from_rational(&Rational::new(1, 1_000_000_000_000_000));
        let y = at(128, || x.clone() * (Ball::int(1) + tiny.clone() * &tiny));
        assert!(x.differs(&y));
        assert!(Ball::int(0).recip().is_nan());
    }
}
