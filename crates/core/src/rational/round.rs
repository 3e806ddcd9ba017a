//! The float nearest to a rational, rounded once: `q = ⌊p·2^s / d⌋` to 63 bits and a sticky bit, then ties
//! to even.
//!
//! Source: the usual software division, as in Knuth, volume 2, section 4.2.1, with gradual underflow.

use num_traits::{Signed, ToPrimitive, Zero};

use super::{Rational, Repr};

impl Rational {
    /// The nearest `f64`, ties to even; subnormal and infinite results are rounded correctly too.
    pub fn to_f64(&self) -> f64 {
        match self.0 {
            Repr::Small { num, den } if num.unsigned_abs().max(den.unsigned_abs()) <= 1 << 53 => {
                num as f64 / den as f64 // both exact, so the IEEE division is the one rounding
            }
            _ => self.rounded(f64::MANTISSA_DIGITS, f64::MIN_EXP),
        }
    }

    /// The nearest `f32`, rounded once: not always the `f32` nearest to [`Rational::to_f64`].
    pub fn to_f32(&self) -> f32 {
        match self.0 {
            Repr::Small { num, den } if num.unsigned_abs().max(den.unsigned_abs()) <= 1 << 24 => {
                num as f32 / den as f32
            }
            _ => self.rounded(f32::MANTISSA_DIGITS, f32::MIN_EXP) as f32,
        }
    }

    /// Rounds to `digits` significant bits, fewer below `2^(min_exp - 1)`, with ties to even.
    ///
    /// The quotient is taken to 63 or 64 bits, one sticky bit remembers the remainder, and a single
    /// rounding follows. The value is `q · 2^-s`.
    fn rounded(&self, digits: u32, min_exp: i32) -> f64 {
        let (num, den) = (self.numer(), self.denom());
        if num.is_zero() {
            return 0.0;
        }
        let s = 63 - (num.bits() as i64 - den.bits() as i64);
        let (p, d) = (num.abs() << s.max(0), den << (-s).max(0));
        let q = &p / &d;
        let sticky = u128::from(&q * &d != p);
        let q = q.to_u64().expect("the shift leaves 63 or 64 bits");

        let top = 63 - i64::from(q.leading_zeros());
        let subnormal = (i64::from(min_exp) - 1 - (top - s)).max(0);
        let keep = i64::from(digits) - subnormal;
        if keep < 0 {
            return if num.is_negative() { -0.0 } else { 0.0 };
        }
        let cut = top + 2 - keep; // one more for the sticky bit; at most 65
        let q = (u128::from(q) << 1) | sticky;
        let (kept, rest, half) = (q >> cut, q & ((1 << cut) - 1), 1 << (cut - 1));
        let up = rest > half || (rest == half && kept & 1 == 1);
        let size = libm::scalbn((kept + u128::from(up)) as f64, (cut - 1 - s).clamp(-9999, 9999) as i32);
        if num.is_negative() { -size } else { size }
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use num_traits::One;

    use super::*;

    #[test]
    fn floats_go_there_and_back() {
        assert_eq!(Rational::from_f64(0.1), Some(Rational::new(1, 10)));
        assert_eq!(Rational::from_f64(-0.0), Some(Rational::ZERO));
        assert_eq!(Rational::from_f64(f64::NAN), None);
        assert_eq!(Rational::from_f64(f64::NEG_INFINITY), None);
        let mut bits = 0x9e37_79b9_7f4a_7c15u64;
        let special =
            [f64::MAX, -f64::MAX, f64::MIN_POSITIVE, 5e-324, -5e-324, 2e-308, 9007199254740993.0, 1e22];
        let random = (0..2000).map(|_| {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            f64::from_bits(bits ^ (bits >> 29))
        });
        for x in special.into_iter().chain(random).filter(|x| x.is_finite()) {
            let exact = Rational::from_f64(x).unwrap();
            assert_eq!(exact.to_f64(), x);
            assert_eq!(exact.to_f32(), format!("{x:e}").parse::<f32>().unwrap(), "{x:e}");
        }
    }

    #[test]
    fn rounding_is_to_nearest_even_down_to_the_last_subnormal() {
        let two = Rational::from(2);
        let least = two.pow(-1074).unwrap();
        let nudge = Rational::ONE + two.pow(-2000).unwrap();
        assert_eq!(least.to_f64(), 5e-324);
        assert_eq!((&least * &Rational::new(1, 2)).to_f64(), 0.0);
        assert_eq!((&least * &Rational::new(1, 2) * &nudge).to_f64(), 5e-324);
        assert_eq!((&least * &Rational::new(3, 2)).to_f64(), 1e-323);
        assert_eq!((&least * &Rational::new(1, 4)).to_f64(), 0.0);
        let most =
            Rational::from_big(BigInt::from(2).pow(1024) - BigInt::from(2).pow(970), One::one()).unwrap();
        assert_eq!(most.to_f64(), f64::INFINITY);
        assert_eq!((&most - &Rational::ONE).to_f64(), f64::MAX);
        assert_eq!((-two.pow(5000).unwrap()).to_f64(), f64::NEG_INFINITY);
        assert_eq!(two.pow(-5000).unwrap().to_f64(), 0.0);
        // 1 + 2^-24 is a tie for f32; the nudge below f64's resolution decides it.
        let tie = Rational::ONE + two.pow(-24).unwrap();
        assert_eq!(tie.to_f32(), 1.0);
        assert_eq!((&tie * &nudge).to_f32(), 1.0 + f32::EPSILON);
    }
}
