//! The homework's `array_string`: parentheses nest per axis, and each entry is C's `%.4g`.
//!
//! `((1, 0.3333), (-0, 1e+04))`; a scalar stands bare, an empty axis is `()`, a single entry `(2)`.
//! Rounding starts from the exact binary value, so `9.9995` is `9.999`: the double lies below the decimal.
//! Source: homework, problem 2.1.

use crate::array::{Array, Entries, parts};
use crate::number::{Decimal, c_name};

/// Significant digits of an entry.
const DIGITS: usize = 4;

/// The text of `array`; integers and truth values are written as the reals they equal.
///
/// ```
/// use chainrule_report::{array_string, Array};
/// assert_eq!(array_string(&Array::real(&[1, 2], vec![12345.0, -0.0])), "((1.234e+04, -0))");
/// ```
pub fn array_string(array: &Array) -> String {
    match array.entries() {
        Entries::Real(v) => nested(array.shape(), 0, &|k| general(v[k])),
        Entries::Single(v) => nested(array.shape(), 0, &|k| general(f64::from(v[k]))),
        Entries::Int(v) => nested(array.shape(), 0, &|k| general(v[k] as f64)),
        Entries::Bool(v) => nested(array.shape(), 0, &|k| general(f64::from(u8::from(v[k])))),
    }
}

fn nested(shape: &[usize], start: usize, entry: &dyn Fn(usize) -> String) -> String {
    if shape.is_empty() {
        return entry(start);
    }
    let inner: Vec<String> = parts(shape, start).map(|s| nested(&shape[1..], s, entry)).collect();
    format!("({})", inner.join(", "))
}

/// C's `%.4g`: four significant digits, trailing zeros dropped, scientific below 1e-4 and from 1e4.
fn general(x: f64) -> String {
    if let Some(name) = c_name(x) {
        return name.to_string();
    }
    let decimal = Decimal::rounded(x, DIGITS);
    if (-4..DIGITS as i32).contains(&decimal.exponent) { decimal.plain() } else { decimal.with_exponent() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_chosen_after_rounding() {
        let cases = [
            (9999.4, "9999"),
            (9999.5, "1e+04"),
            (0.00009999, "9.999e-05"),
            (0.000099999, "0.0001"),
            (-2.5, "-2.5"),
            (1e100, "1e+100"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (x, text) in cases {
            assert_eq!(general(x), text);
        }
    }

    #[test]
    fn every_axis_is_a_pair_of_parentheses() {
        assert_eq!(array_string(&Array::int(&[], vec![12345])), "1.234e+04");
        assert_eq!(array_string(&Array::bool(&[2], vec![true, false])), "(1, 0)");
        assert_eq!(array_string(&Array::single(&[1], vec![0.1])), "(0.1)");
        assert_eq!(array_string(&Array::real(&[0], vec![])), "()");
        assert_eq!(array_string(&Array::real(&[2, 0], vec![])), "((), ())");
    }
}
