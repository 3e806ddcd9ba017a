//! Residues: a number modulo a tower of primes, as a scalar of the core's evaluator.
//!
//! A rational number becomes its residue, so that a value of astronomic size stays one machine word, and a rational
//! function that is zero is zero modulo every prime. Exponentials keep their law `exp(a + b) = exp(a) exp(b)`: in the
//! tower `P0 > P1 > P2` each prime divides the one above it less 1, so there is an element `g` modulo `P0` of order
//! `P1`, and `exp(a)` modulo `P0` is `g` to the power of `a` modulo `P1`. Other functions are opaque: what they answer
//! is a number that depends on the argument like a random choice, equal for equal arguments; of a few their simplest
//! relations are kept (`sin² + cos² = 1`, `ln(1/x) = -ln x`, parity).
//!
//! A root is the power that is a root of squares; of anything else there is none, and the point is not used.
//!
//! Sources: Schwartz, Fast probabilistic algorithms for verification of polynomial identities, JACM 1980; Gonnet,
//! Determining equivalence of expressions in random polynomial time, STOC 1984 (exponents modulo the order).

use chainrule_core::rational::Rational;
use chainrule_core::scalar::Scalar;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use std::cell::Cell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Primes, each of which divides the one before it less 1; all are 3 modulo 4, so that roots of squares are powers.
pub(crate) const PRIMES: [u64; LEVELS] =
    [1_873_497_444_985_914_359, 72_057_594_037_919_783, 36_028_797_018_959_891];

/// Exponentials inside exponentials keep their law this deep.
const LEVELS: usize = 3;

/// Of order `PRIMES[k + 1]` modulo `PRIMES[k]`.
const GENERATORS: [u64; LEVELS - 1] = [1_296_486_607_300_018_667, 44_903_758_781_917_596];

thread_local! {
    static MET: Cell<Met> = const { Cell::new(Met { opaque: false, roots: false }) };
}

/// What an evaluation met besides rational operations and exponentials.
#[derive(Copy, Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Met {
    /// A function of which not every relation is kept: a difference proves nothing.
    pub(crate) opaque: bool,
    /// A root: which of the two was taken depends on the point.
    pub(crate) roots: bool,
}

/// Runs an evaluation and tells what it met.
pub(crate) fn noting<T>(run: impl FnOnce() -> T) -> (T, Met) {
    MET.set(Met::default());
    let value = run();
    (value, MET.get())
}

/// Residues modulo each prime of the tower, or NaN.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Residue(Option<[u64; LEVELS]>);

fn times(a: u64, b: u64, p: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(p)) as u64
}

fn power(mut base: u64, mut exponent: u64, p: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base, p);
        }
        base = times(base, base, p);
        exponent >>= 1;
    }
    result
}

/// A bijection of the 64-bit numbers that mixes every bit into every other (the finaliser of SplitMix64).
fn mixed(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Residue {
    /// Equal modulo the first prime, on which the laws of exponentials reach deepest.
    pub(crate) fn same(&self, other: &Residue) -> bool {
        matches!((self.0, other.0), (Some(x), Some(y)) if x[0] == y[0])
    }

    /// Zero modulo every prime.
    fn vanishes(&self) -> bool {
        self.0 == Some([0; LEVELS])
    }

    /// A number that is chosen modulo each prime by itself.
    pub(crate) fn chosen(mut next: impl FnMut() -> u64) -> Residue {
        Residue(Some(PRIMES.map(|p| mixed(next()) % p)))
    }

    fn each(&self, f: impl Fn(usize, u64, u64) -> u64) -> Residue {
        Residue(self.0.map(|x| std::array::from_fn(|k| f(k, x[k], PRIMES[k]))))
    }

    fn with(&self, other: &Residue, f: impl Fn(u64, u64, u64) -> u64) -> Residue {
        match (self.0, other.0) {
            (Some(x), Some(y)) => Residue(Some(std::array::from_fn(|k| f(x[k], y[k], PRIMES[k])))),
            _ => Residue(None),
        }
    }

    /// What a function without kept relations answers.
    fn opaque(&self, name: u64) -> Residue {
        MET.set(Met { opaque: true, ..MET.get() });
        let Some(x) = self.0 else { return Residue(None) };
        let seed = x.iter().fold(mixed(name), |h, &r| mixed(h ^ r));
        Residue(Some(std::array::from_fn(|k| mixed(seed ^ k as u64) % PRIMES[k])))
    }

    /// An odd function.
    fn odd(&self, name: u64) -> Residue {
        self.opaque(name) - (-*self).opaque(name)
    }

    /// The half angle's tangent, of which sine and cosine are rational functions.
    fn half_angle(&self) -> Residue {
        self.odd(SINE)
    }
}

// Names of opaque functions.
const PI: u64 = 1;
const LN: u64 = 2;
const SINE: u64 = 3;
const ASIN: u64 = 4;
const ATAN: u64 = 5;
const ERF: u64 = 6;
const LGAMMA: u64 = 7;
const FLOOR: u64 = 8;
const CBRT: u64 = 9;
const POW: u64 = 10;
const ANGLE: u64 = 11;
const ABS: u64 = 12;
/// The polygamma functions follow.
const POLYGAMMA: u64 = 100;

impl PartialEq for Residue {
    fn eq(&self, other: &Residue) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

/// The order of the residues as integers, which says nothing of the numbers: only kernels whose value does not depend
/// on what they compare (the shift of a softmax, the pivot of an elimination) may be evaluated.
impl PartialOrd for Residue {
    fn partial_cmp(&self, other: &Residue) -> Option<Ordering> {
        Some(self.0?.cmp(&other.0?))
    }
}

impl Neg for Residue {
    type Output = Residue;
    fn neg(self) -> Residue {
        self.each(|_, x, p| if x == 0 { 0 } else { p - x })
    }
}

macro_rules! operators {
    ($($Op:ident $op:ident |$a:ident, $b:ident| $value:expr;)*) => { $(
        impl $Op<&Residue> for Residue {
            type Output = Residue;
            fn $op(self, other: &Residue) -> Residue {
                let ($a, $b) = (self, other);
                $value
            }
        }
        impl $Op for Residue {
            type Output = Residue;
            fn $op(self, other: Residue) -> Residue {
                $Op::$op(self, &other)
            }
        }
    )* };
}

operators! {
    Add add |a, b| a.with(b, |x, y, p| (x + y) % p);
    Sub sub |a, b| a.with(b, |x, y, p| (x + p - y) % p);
    Mul mul |a, b| a.with(b, times);
    Div div |a, b| Mul::mul(a, &b.recip());
}

impl Scalar for Residue {
    const EXACT: bool = true;

    fn epsilon() -> f64 {
        0.0
    }

    fn from_rational(x: &Rational) -> Residue {
        let of = |n: &BigInt, p: u64| {
            let r: BigInt = ((n % p) + p) % p;
            r.to_u64().unwrap_or(0)
        };
        let (num, den) = (x.numer(), x.denom());
        if PRIMES.iter().any(|&p| of(&den, p) == 0) {
            return Residue(None);
        }
        Residue(Some(PRIMES.map(|p| times(of(&num, p), power(of(&den, p), p - 2, p), p))))
    }

    /// Decimal literals mean their shortest decimal, as in exact arithmetic.
    fn from_f64(x: f64) -> Residue {
        Rational::from_f64(x).map_or(Residue(None), |r| Residue::from_rational(&r))
    }

    fn nan() -> Residue {
        Residue(None)
    }

    fn pi() -> Residue {
        Residue::one().opaque(PI)
    }

    fn e() -> Residue {
        Residue::one().exp()
    }

    fn to_f64(&self) -> f64 {
        f64::NAN
    }

    fn is_nan(&self) -> bool {
        self.0.is_none()
    }

    fn recip(&self) -> Residue {
        match self.0 {
            Some(x) if !x.contains(&0) => self.each(|_, x, p| power(x, p - 2, p)),
            _ => Residue(None),
        }
    }

    fn exp(&self) -> Residue {
        let Some(x) = self.0 else { return Residue(None) };
        if self.vanishes() {
            return Residue::one();
        }
        let last = LEVELS - 1;
        let mut y = [0; LEVELS];
        for k in 0..last {
            y[k] = power(GENERATORS[k], x[k + 1], PRIMES[k]);
        }
        // Below the tower an exponential is one more random choice, never 0.
        y[last] = 1 + mixed(x[last]) % (PRIMES[last] - 1);
        Residue(Some(y))
    }

    fn expm1(&self) -> Residue {
        self.exp() - Residue::one()
    }

    fn ln(&self) -> Residue {
        self.opaque(LN) - self.recip().opaque(LN)
    }

    fn ln_1p(&self) -> Residue {
        (*self + Residue::one()).ln()
    }

    fn sqrt(&self) -> Residue {
        MET.set(Met { roots: true, ..MET.get() });
        let root = self.each(|_, x, p| power(x, p / 4 + 1, p));
        if root * root == *self { root } else { Residue(None) }
    }

    fn cbrt(&self) -> Residue {
        self.odd(CBRT)
    }

    fn pow(&self, y: &Residue) -> Residue {
        let both = self.opaque(POW) + y.opaque(POW + 1);
        both.opaque(POW)
    }

    fn sin(&self) -> Residue {
        let t = self.half_angle();
        (t + t) / (Residue::one() + t * t)
    }

    fn cos(&self) -> Residue {
        let t = self.half_angle();
        (Residue::one() - t * t) / (Residue::one() + t * t)
    }

    fn tan(&self) -> Residue {
        self.sin() / self.cos()
    }

    fn asin(&self) -> Residue {
        self.odd(ASIN)
    }

    fn acos(&self) -> Residue {
        Residue::pi() / Residue::from_i64(2) - self.asin()
    }

    fn atan(&self) -> Residue {
        self.odd(ATAN)
    }

    fn atan2(&self, x: &Residue) -> Residue {
        let both = self.opaque(ANGLE) + x.opaque(ANGLE + 1);
        both.opaque(ANGLE)
    }

    fn sinh(&self) -> Residue {
        (self.exp() - (-*self).exp()) / Residue::from_i64(2)
    }

    fn cosh(&self) -> Residue {
        (self.exp() + (-*self).exp()) / Residue::from_i64(2)
    }

    fn tanh(&self) -> Residue {
        let e = (*self + *self).exp();
        (e - Residue::one()) / (e + Residue::one())
    }

    fn asinh(&self) -> Residue {
        (*self + (*self * *self + Residue::one()).sqrt()).ln()
    }

    fn erf(&self) -> Residue {
        self.odd(ERF)
    }

    fn lgamma(&self) -> Residue {
        self.opaque(LGAMMA)
    }

    fn digamma(&self) -> Residue {
        self.polygamma(0)
    }

    fn polygamma(&self, n: u32) -> Residue {
        self.opaque(POLYGAMMA + u64::from(n))
    }

    fn abs(&self) -> Residue {
        self.opaque(ABS)
    }

    fn floor(&self) -> Residue {
        self.opaque(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic below 3.3e24 for these bases (Sorenson and Webster, 2015).
    fn is_prime(n: u64) -> bool {
        let (mut d, mut s) = (n - 1, 0);
        while d % 2 == 0 {
            d /= 2;
            s += 1;
        }
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().filter(|a| a % n != 0).all(|a| {
            let mut x = power(a, d, n);
            let mut passed = x == 1;
            for _ in 0..s {
                passed |= x == n - 1;
                x = times(x, x, n);
            }
            passed
        })
    }

    #[test]
    fn the_tower_is_one_of_primes() {
        assert!(!is_prime(1_873_497_444_985_914_361) && !is_prime(561) && is_prime(97));
        for (k, &p) in PRIMES.iter().enumerate() {
            assert!(is_prime(p) && p % 4 == 3, "{p}");
            if let Some(&q) = PRIMES.get(k + 1) {
                assert_eq!((p - 1) % q, 0);
                assert!(GENERATORS[k] != 1 && power(GENERATORS[k], q, p) == 1);
            }
        }
    }

    fn number(n: i64, d: i64) -> Residue {
        Residue::from_rational(&Rational::new(n, d))
    }

    #[test]
    fn laws_of_exponentials_hold_two_deep() {
        let (a, b) = (number(3, 7), number(-5, 11));
        let (joint, parted) = ((a + b).exp(), a.exp() * b.exp());
        assert_eq!(joint.0.unwrap()[..2], parted.0.unwrap()[..2]);
        let (sum, product) = ((a.exp() * b.exp()).exp(), (a + b).exp().exp());
        assert_eq!(sum.0.unwrap()[0], product.0.unwrap()[0]);
        assert_ne!(a.exp(), (a + a).exp());
        assert!(a.tanh().same(&(a.sinh() / a.cosh())));
    }

    #[test]
    fn kept_relations_hold() {
        let x = number(22, 7);
        assert_eq!(x.sin() * x.sin() + x.cos() * x.cos(), Residue::one());
        assert_eq!((-x).sin(), -x.sin());
        assert_eq!(x.recip().ln(), -x.ln());
        assert_eq!((x * x).sqrt() * (x * x).sqrt(), x * x);
        assert!(Residue::zero().recip().is_nan() && (x - x).vanishes());
        let (_, met) = noting(|| x.ln());
        assert_eq!(met, Met { opaque: true, roots: false });
    }
}
