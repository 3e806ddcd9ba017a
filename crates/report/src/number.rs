//! Numbers as decimal text: the shortest that reads back to the same bits, and the fixed ones of C.
//!
//! A decimal is `d₁.d₂d₃... · 10^exponent` throughout this crate.

use std::{fmt::LowerExp, str::FromStr};

/// A rounded decimal magnitude: `d₁.d₂d₃... · 10^exponent`, trailing zeros removed, zero is `0 · 10⁰`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    pub(crate) digits: String,
    pub(crate) exponent: i32,
}

impl Decimal {
    /// The fewest digits that identify `x` among the values of its own type; of those the nearest to `x`,
    /// and of two equally near the even one.
    pub(crate) fn shortest<F: LowerExp + FromStr + PartialEq + Copy>(x: F) -> Decimal {
        let some = format!("{x:e}");
        let digits = some.bytes().take_while(|&c| c != b'e').filter(u8::is_ascii_digit).count();
        // The standard library leaves open which of two equally near decimals it gives. Beside a power of
        // two the nearest decimal may belong to the neighbour: then its own answer stands.
        let nearest = format!("{x:.*e}", digits - 1);
        Decimal::read(if nearest.parse().is_ok_and(|y: F| y == x) { &nearest } else { &some })
    }

    /// The exact binary value rounded to `count` significant digits, halves to even.
    pub(crate) fn rounded(x: impl LowerExp, count: usize) -> Decimal {
        Decimal::read(&format!("{x:.*e}", count - 1))
    }

    /// Reads the standard library's scientific text of a finite number.
    fn read(text: &str) -> Decimal {
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = magnitude.split_once('e').expect("scientific text has an exponent");
        let digits = mantissa.replace('.', "");
        let kept = digits.trim_end_matches('0').len().max(1);
        let exponent = exponent.parse().expect("an exponent is an integer");
        Decimal { negative, digits: digits[..kept].to_string(), exponent }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.digits == "0"
    }

    /// Digits before and after the decimal point in positional notation; the first part is never empty.
    pub(crate) fn positional(&self) -> (String, String) {
        match usize::try_from(self.exponent) {
            Err(_) => {
                let zeros = "0".repeat(self.exponent.unsigned_abs() as usize - 1);
                ("0".to_string(), zeros + &self.digits)
            }
            Ok(e) if self.digits.len() <= e + 1 => {
                let whole = format!("{:0<width$}", self.digits, width = e + 1);
                let fraction = String::new();
                (whole, fraction)
            }
            Ok(e) => (self.digits[..=e].to_string(), self.digits[e + 1..].to_string()),
        }
    }

    /// Digits before and after the decimal point in scientific notation, and the exponent as C writes it.
    pub(crate) fn scientific(&self) -> (&str, &str, String) {
        (&self.digits[..1], &self.digits[1..], c_exponent(self.exponent))
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// Sign, digits and point as wanted, without trailing zeros: `-12`, `0.5`.
    pub(crate) fn plain(&self) -> String {
        let (whole, fraction) = self.positional();
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{whole}{point}{fraction}", self.sign())
    }

    /// Sign, digits and the bare exponent: `-1.5e20`, `1e-5`.
    fn with_short_exponent(&self) -> String {
        let (first, rest, _) = self.scientific();
        let point = if rest.is_empty() { "" } else { "." };
        format!("{}{first}{point}{rest}e{}", self.sign(), self.exponent)
    }

    /// Sign, digits and C's exponent: `-1.5e+20`, `1e-05`.
    pub(crate) fn with_exponent(&self) -> String {
        let (first, rest, exponent) = self.scientific();
        let point = if rest.is_empty() { "" } else { "." };
        format!("{}{first}{point}{rest}e{exponent}", self.sign())
    }
}

/// An exponent with its sign and at least two digits: `+04`, `-324`.
fn c_exponent(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:02}", exponent.unsigned_abs())
}

/// C's `inf`, `-inf` or `nan` for the values that have no digits; nothing for the others.
pub(crate) fn c_name(x: f64) -> Option<&'static str> {
    if x.is_nan() {
        Some("nan")
    } else if x.is_infinite() {
        Some(if x < 0.0 { "-inf" } else { "inf" })
    } else {
        None
    }
}

/// `NaN`, `Infinity` or `-Infinity` for the values that JSON cannot write as numbers; nothing for the others.
pub(crate) fn json_name(x: f64) -> Option<&'static str> {
    if x.is_nan() {
        Some("NaN")
    } else if x.is_infinite() {
        Some(if x < 0.0 { "-Infinity" } else { "Infinity" })
    } else {
        None
    }
}

/// The shortest decimal text that reads back to the same bits, as golden files write reals.
///
/// Whole numbers have no point (`-3`, `0`, and `-0` for the negative zero); magnitudes from 1e-4 to
/// 1e16 are positional, others scientific (`1.5e-7`). `NaN`, `Infinity`, `-Infinity` are named.
///
/// ```
/// use chainrule_report::number::shortest;
/// assert_eq!(shortest(0.1 + 0.2), "0.30000000000000004");
/// assert_eq!(shortest(2.0), "2");
/// assert_eq!(shortest(1.5e-7), "1.5e-7");
/// ```
pub fn shortest(x: f64) -> String {
    if let Some(name) = json_name(x) {
        return name.to_string();
    }
    let decimal = Decimal::shortest(x);
    if is_handy(x) { decimal.plain() } else { decimal.with_short_exponent() }
}

/// Python's `repr` of a float: as [`shortest`], but `10.0`, `1e-05`, `1e+16`, `nan`, `inf`.
pub fn python_repr(x: f64) -> String {
    c_name(x).map_or_else(|| python_decimal(&Decimal::shortest(x), is_handy(x)), str::to_string)
}

/// NumPy's `str` of a single-precision number: its own shortest digits, with an exponent from 1e6 on.
pub fn python_repr_single(x: f32) -> String {
    let wide = f64::from(x);
    let handy = is_handy(wide) && wide.abs() < 1e6;
    c_name(wide).map_or_else(|| python_decimal(&Decimal::shortest(x), handy), str::to_string)
}

fn python_decimal(decimal: &Decimal, handy: bool) -> String {
    match handy {
        false => decimal.with_exponent(),
        true if decimal.positional().1.is_empty() => decimal.plain() + ".0",
        true => decimal.plain(),
    }
}

/// Whether positional notation is short enough to read: Python's rule.
fn is_handy(x: f64) -> bool {
    x == 0.0 || (1e-4..1e16).contains(&x.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_text_reads_back_to_the_same_bits() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let x = f64::from_bits(bits);
            if x.is_finite() {
                let text = shortest(x);
                assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits, "{text}");
                assert_eq!(python_repr(x).parse::<f64>().unwrap().to_bits(), bits, "{text}");
            }
        }
    }

    #[test]
    fn shortest_writes_whole_numbers_without_a_point() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (-3.0, "-3"),
            (0.5, "0.5"),
            (100.0, "100"),
            (1e15, "1000000000000000"),
            (1e16, "1e16"),
            (1e-4, "0.0001"),
            (9e-5, "9e-5"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (x, text) in cases {
            assert_eq!(shortest(x), text);
        }
    }

    #[test]
    fn python_repr_keeps_the_point() {
        let cases = [
            (10.0, "10.0"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (1e-5, "1e-05"),
            (1.5e300, "1.5e+300"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ];
        for (x, text) in cases {
            assert_eq!(python_repr(x), text);
        }
        assert_eq!(python_repr_single(0.1), "0.1");
        assert_eq!(python_repr_single(16777216.0), "1.6777216e+07");
        assert_eq!(python_repr_single(1e-4), "1e-04", "the single nearest to 1e-4 lies below it");
    }

    #[test]
    fn of_two_equally_near_decimals_the_even_one_is_taken() {
        assert_eq!(python_repr_single(2.0_f32.powi(-12)), "0.00024414062");
    }

    #[test]
    fn halves_round_to_even() {
        assert_eq!(Decimal::rounded(12345.0, 4).digits, "1234");
        assert_eq!(Decimal::rounded(12355.0, 4).digits, "1236");
        assert_eq!(Decimal::rounded(9999.5, 4), Decimal { negative: false, digits: "1".into(), exponent: 4 });
        assert!(Decimal::rounded(-0.0, 4).negative && Decimal::rounded(-0.0, 4).is_zero());
    }
}
