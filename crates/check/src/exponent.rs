//! Exponents of factors: rationals, written into the exponent field of an access.
//!
//! A factor of a canonical monomial is `X[t]^(p/q)`. The product type of the core keeps an exponent as an opaque
//! `u32` that takes part in equality, order and hashing, so a coded fraction rides along unchanged.

use chainrule_core::rational::Rational;

const DENOMINATOR_BITS: u32 = 10;
const BIAS: i64 = 1 << 21;

/// The code of 1.
pub(crate) const ONE: u32 = ((BIAS as u32 + 1) << DENOMINATOR_BITS) | 1;

/// The exponent as a code; `None` where numerator or denominator is out of range.
pub(crate) fn encode(exponent: &Rational) -> Option<u32> {
    let (num, den) = exponent.to_small()?;
    if num.abs() >= BIAS || den >= 1 << DENOMINATOR_BITS {
        return None;
    }
    Some((((num + BIAS) as u32) << DENOMINATOR_BITS) | den as u32)
}

/// The inverse of [`encode`].
pub(crate) fn decode(code: u32) -> Rational {
    let den = i64::from(code & ((1 << DENOMINATOR_BITS) - 1));
    Rational::new(i64::from(code >> DENOMINATOR_BITS) - BIAS, den)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_survive_coding() {
        for (n, d) in [(1, 1), (-1, 1), (3, 2), (-7, 10), (100_000, 1), (0, 1)] {
            let e = Rational::new(n, d);
            assert_eq!(decode(encode(&e).unwrap()), e);
        }
        assert_eq!(decode(ONE), Rational::from(1));
        assert_eq!(encode(&Rational::from(1 << 30)), None);
    }
}
