//! Rationals read and written: `-1/2`, and the decimal literals `0.1` and `1e-3`.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_traits::One;

use super::{Rational, Repr};

/// Longest decimal literal that [`Rational::from_decimal`] reads; keeps the quadratic conversion harmless.
const MAX_DIGITS: usize = 10_000;

impl Rational {
    /// The number a decimal literal denotes: `0.1` is 1/10, `1e-3` is 1/1000, `.5` and `2.` are read too.
    ///
    /// `None` for anything else, for exponents beyond ±400 and for more than ten thousand digits.
    pub fn from_decimal(text: &str) -> Option<Rational> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, signed_digits(exponent)?.parse::<i64>().ok()?),
            None => (text, 0),
        };
        if exponent.unsigned_abs() > 400 || mantissa.len() > MAX_DIGITS {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: BigInt = signed_digits(&format!("{whole}{fraction}"))?.parse().ok()?;
        let shift = exponent - fraction.len() as i64;
        let scale = BigInt::from(10).pow(shift.unsigned_abs() as u32);
        if shift < 0 {
            Rational::from_big(digits, scale)
        } else {
            Rational::from_big(digits * scale, One::one())
        }
    }

    /// The rational of the shortest decimal that reads back as `x`, so `0.1` gives 1/10, not the binary
    /// neighbour of it. `None` for NaN and infinities; both zeros give 0.
    pub fn from_f64(x: f64) -> Option<Rational> {
        let whole = x as i64;
        if whole.unsigned_abs() < 1 << 53 && whole as f64 == x {
            return Some(whole.into());
        }
        if x.is_finite() { Rational::from_decimal(&format!("{x:e}")) } else { None }
    }
}

/// `3`, `-1/2`.
impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (&self.0, self.is_integer()) {
            (Repr::Small { num, .. }, true) => write!(f, "{num}"),
            (Repr::Small { num, den }, false) => write!(f, "{num}/{den}"),
            (Repr::Wide(wide), true) => write!(f, "{}", wide.num),
            (Repr::Wide(wide), false) => write!(f, "{}/{}", wide.num, wide.den),
        }
    }
}

/// As displayed: failed assertions read `-1/2`.
impl fmt::Debug for Rational {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was neither an integer nor a fraction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseRationalError {
    /// What was found.
    pub found: String,
}

impl fmt::Display for ParseRationalError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "expected an integer or a fraction such as -1/2, found `{}`", self.found)
    }
}

impl std::error::Error for ParseRationalError {}

impl FromStr for Rational {
    type Err = ParseRationalError;

    /// Reads what `Display` writes: `3`, `-1/2`; also fractions that are not reduced.
    fn from_str(text: &str) -> Result<Rational, ParseRationalError> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let integer = |digits: &str| signed_digits(digits)?.parse::<BigInt>().ok();
        (!den.starts_with(['+', '-']))
            .then(|| Rational::from_big(integer(num)?, integer(den)?))
            .flatten()
            .ok_or_else(|| ParseRationalError { found: text.into() })
    }
}

/// The text itself when it is an optional sign followed by digits and nothing else.
fn signed_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Rational {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, value) in [
            ("0.1", "1/10"),
            ("1e-3", "1/1000"),
            ("-2.50E+2", "-250"),
            (".5", "1/2"),
            ("2.", "2"),
            ("0.0e9", "0"),
        ] {
            assert_eq!(Rational::from_decimal(text), Some(r(value)), "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "e5",
            "1e",
            "1e401",
            "1e-401",
            "1e99999999999999999999",
            "1e-9223372036854775808",
            "1_0",
            "0x1",
            "1.-2",
            "nan",
        ] {
            assert_eq!(Rational::from_decimal(text), None, "{text}");
        }
        assert!(Rational::from_decimal("1e400").is_some());
        for text in ["", "1/0", "1/-2", "/2", "1/", "1/2/3", " 1", "1.5"] {
            assert!(text.parse::<Rational>().is_err(), "{text}");
        }
        assert_eq!(
            "x".parse::<Rational>().unwrap_err().to_string(),
            "expected an integer or a fraction such as -1/2, found `x`"
        );
    }
}
