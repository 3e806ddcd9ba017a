//! NumPy's `str` of an array, as numpy 2 prints with its default options.
//!
//! Three steps: choose one notation and one width for all entries (`Reals`), write each entry to that
//! width, and lay the words out in rows that wrap at 75 columns (`Page`). An array of more than 1000 entries
//! shows three at each end of an axis, and only what is shown counts for the width.
//!
//! Source: the observed output of numpy 2.4; the vectors stand in the top-level `tests/report`.

use crate::array::{Array, Entries};
use crate::number::{Decimal, c_name, python_repr, python_repr_single};
use std::{fmt::LowerExp, str::FromStr};

/// Digits after the point, at most.
const PRECISION: usize = 8;
/// Columns of a line, at most.
const WIDTH: usize = 75;
/// Entries from which on an array is summarised are more than this.
const THRESHOLD: usize = 1000;
/// Entries shown at each end of a summarised axis.
const EDGE: usize = 3;
/// Stands for what a summary leaves out.
const ELLIPSIS: &str = "...";

/// The text of `array`: `[[ 1.   0.5]\n [-0.   2. ]]`.
///
/// A scalar is written as Python writes it (`10.0`, `1e-05`), an array without entries is `[]`.
/// The cost is linear in what is shown, not in the size of the array.
///
/// ```
/// use chainrule_report::{numpy_str, Array};
/// assert_eq!(numpy_str(&Array::real(&[2], vec![1.0, 1001.0])), "[1.000e+00 1.001e+03]");
/// ```
pub fn numpy_str(array: &Array) -> String {
    if array.entries().is_empty() {
        return "[]".to_string();
    }
    if array.shape().is_empty() {
        return scalar(array.entries());
    }
    let rows = Rows { shape: array.shape(), summary: array.entries().len() > THRESHOLD };
    let shown = rows.positions();
    match array.entries() {
        Entries::Real(v) => {
            let reals = Reals::fit(&shown.iter().map(|&k| v[k]).collect::<Vec<_>>());
            Page { rows, word: &|k| reals.word(v[k]) }.text()
        }
        Entries::Single(v) => {
            let reals = Reals::fit(&shown.iter().map(|&k| v[k]).collect::<Vec<_>>());
            Page { rows, word: &|k| reals.word(v[k]) }.text()
        }
        Entries::Int(v) => {
            let width = shown.iter().map(|&k| v[k].to_string().len()).max().unwrap_or(0);
            Page { rows, word: &|k| format!("{:>width$}", v[k]) }.text()
        }
        Entries::Bool(v) => Page { rows, word: &|k| format!("{:>5}", truth(v[k])) }.text(),
    }
}

fn scalar(entries: &Entries) -> String {
    match entries {
        Entries::Real(v) => python_repr(v[0]),
        Entries::Single(v) => python_repr_single(v[0]),
        Entries::Int(v) => v[0].to_string(),
        Entries::Bool(v) => truth(v[0]).to_string(),
    }
}

fn truth(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// A real of either precision; quotients and bounds are taken in its own.
trait Float: Copy + PartialOrd + LowerExp + FromStr + Into<f64> {
    fn abs(self) -> Self;
    /// Whether the magnitudes from `min` to `max` read better with exponents.
    fn wants_exponents(min: Self, max: Self) -> bool;
}

macro_rules! float {
    ($float:ty, $large:expr) => {
        impl Float for $float {
            fn abs(self) -> Self {
                self.abs()
            }

            fn wants_exponents(min: Self, max: Self) -> bool {
                max >= $large || min < 1e-4 || max / min > 1000.0
            }
        }
    };
}
float!(f64, 1e8);
// A single has about six digits, so larger ones are written with exponents sooner.
float!(f32, 1e6);

/// The common notation of all reals that are shown.
struct Reals {
    exponents: bool,
    /// Columns before the point, sign included.
    left: usize,
    /// Columns after the point; in scientific notation the digits of the mantissa only.
    right: usize,
    /// Digits of the exponent.
    exponent: usize,
    /// Columns of a whole word.
    width: usize,
}

impl Reals {
    fn fit<F: Float>(shown: &[F]) -> Reals {
        let finite = || shown.iter().copied().filter(|&x| x.into().is_finite());
        let magnitudes = || finite().map(F::abs).filter(|&x| x.into() > 0.0);
        let least = magnitudes().reduce(|a, b| if b < a { b } else { a });
        let most = magnitudes().reduce(|a, b| if b > a { b } else { a });
        let exponents = least.zip(most).is_some_and(|(min, max)| F::wants_exponents(min, max));

        let mut reals = Reals { exponents, left: 0, right: 0, exponent: 0, width: 0 };
        for x in finite() {
            let (whole, fraction, exponent) = reals.split(&reals.decimal(x));
            reals.left = reals.left.max(whole.len());
            reals.right = reals.right.max(fraction.len());
            reals.exponent = reals.exponent.max(exponent.len().saturating_sub(1));
        }
        // The point, and of an exponent its sign and the letter e.
        let tail = if exponents { reals.right + reals.exponent + 3 } else { reals.right + 1 };
        let names = shown.iter().filter_map(|&x| c_name(x.into())).map(str::len).max();
        reals.width = (reals.left + tail).max(names.unwrap_or(0));
        reals
    }

    /// Text before the point, digits after it, and in scientific notation the exponent with its sign.
    fn split(&self, decimal: &Decimal) -> (String, String, String) {
        let sign = if decimal.negative { "-" } else { "" };
        if self.exponents {
            let (first, rest, exponent) = decimal.scientific();
            return (format!("{sign}{first}"), rest.to_string(), exponent);
        }
        let (whole, fraction) = decimal.positional();
        (format!("{sign}{whole}"), fraction, String::new())
    }

    /// The shortest digits where they fit the precision, else the exact value rounded to it.
    fn decimal<F: Float>(&self, x: F) -> Decimal {
        let shortest = Decimal::shortest(x);
        let first = if self.exponents || shortest.is_zero() { 0 } else { shortest.exponent };
        // Digits up to the last place shown; entries below 1e-4 are written with exponents, so never none.
        let count = (first + 1 + PRECISION as i32).max(1) as usize;
        if shortest.digits.len() <= count { shortest } else { Decimal::rounded(x, count) }
    }

    fn word<F: Float>(&self, x: F) -> String {
        if let Some(name) = c_name(x.into()) {
            return format!("{name:>width$}", width = self.width);
        }
        let word = if self.exponents { self.scientific(x) } else { self.positional(x) };
        format!("{word:>width$}", width = self.width)
    }

    /// Digits that are not needed are blank.
    fn positional<F: Float>(&self, x: F) -> String {
        let (whole, fraction, _) = self.split(&self.decimal(x));
        format!("{whole}.{fraction:<right$}", right = self.right)
    }

    /// All mantissas have the same number of digits: a shorter one goes on with those of the exact value,
    /// so the single 7.745185 becomes 7.7451849.
    fn scientific<F: Float>(&self, x: F) -> String {
        let decimal = self.decimal(x);
        let full = self.right + 1;
        let decimal = if decimal.digits.len() < full { Decimal::rounded(x, full) } else { decimal };
        let (whole, fraction, exponent) = self.split(&decimal);
        let (sign, digits) = exponent.split_at(1);
        format!(
            "{whole}.{fraction:0<right$}e{sign}{digits:0>width$}",
            right = self.right,
            width = self.exponent
        )
    }
}

/// Which entries of an array are shown.
#[derive(Clone, Copy)]
struct Rows<'a> {
    shape: &'a [usize],
    summary: bool,
}

impl Rows<'_> {
    /// The parts of an axis of this length; `None` stands for those left out.
    fn parts(&self, extent: usize) -> Vec<Option<usize>> {
        if self.summary && extent > 2 * EDGE {
            let tail = (extent - EDGE..extent).map(Some);
            return (0..EDGE).map(Some).chain([None]).chain(tail).collect();
        }
        (0..extent).map(Some).collect()
    }

    /// Positions of all entries shown.
    fn positions(&self) -> Vec<usize> {
        let step = |starts: Vec<usize>, &extent: &usize| {
            let parts: Vec<usize> = self.parts(extent).into_iter().flatten().collect();
            starts.iter().flat_map(|start| parts.iter().map(move |i| start * extent + i)).collect()
        };
        self.shape.iter().fold(vec![0], step)
    }
}

/// Words laid out in brackets, one per axis.
struct Page<'a> {
    rows: Rows<'a>,
    word: &'a dyn Fn(usize) -> String,
}

impl Page<'_> {
    fn text(&self) -> String {
        self.block(0, 0)
    }

    /// The part of the array behind `axis` indices whose flat number among such parts is `start`.
    fn block(&self, axis: usize, start: usize) -> String {
        let extent = self.rows.shape[axis];
        let parts = self.rows.parts(extent).into_iter().map(|part| part.map(|i| start * extent + i));
        let behind = self.rows.shape.len() - axis - 1;
        if behind == 0 {
            return self.row(axis, parts);
        }
        let inner = parts.map(|part| part.map_or_else(|| ELLIPSIS.to_string(), |p| self.block(axis + 1, p)));
        let gap = "\n".repeat(behind) + &indent(axis);
        format!("[{}]", inner.collect::<Vec<_>>().join(&gap))
    }

    /// The innermost axis: words, a blank between them, wrapped where the closing brackets would not fit.
    fn row(&self, axis: usize, parts: impl Iterator<Item = Option<usize>>) -> String {
        let margin = indent(axis);
        let room = WIDTH - (axis + 1).min(WIDTH);
        let (mut lines, mut line) = (String::new(), margin.clone());
        for part in parts {
            let word = part.map_or_else(|| ELLIPSIS.to_string(), self.word);
            let fresh = line.len() <= margin.len();
            if !fresh && line.len() + word.len() > room {
                lines += line.trim_end();
                lines.push('\n');
                line.clone_from(&margin);
            }
            line += &word;
            line.push(' ');
        }
        // The separator after the last word goes; blanks that pad the word itself stay.
        line.pop();
        lines += &line;
        format!("[{}]", &lines[margin.len()..])
    }
}

/// Blanks before the words of a block at this depth: one per opening bracket.
fn indent(axis: usize) -> String {
    " ".repeat(axis + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_entries_cost_what_is_shown() {
        let x = Array::int(&[1000, 1000], (0..1_000_000).collect());
        assert_eq!(numpy_str(&x).lines().count(), 7);
    }

    #[test]
    fn positions_are_those_of_the_edges() {
        let rows = Rows { shape: &[8, 200], summary: true };
        let shown = rows.positions();
        assert_eq!(shown.len(), 36);
        assert_eq!(&shown[..7], [0, 1, 2, 197, 198, 199, 200]);
        assert_eq!(shown[35], 1599);
    }

    #[test]
    fn blank_lines_grow_with_the_rank() {
        let x = Array::int(&[2, 1, 2, 1], vec![1, 2, 3, 4]);
        assert_eq!(numpy_str(&x), "[[[[1]\n   [2]]]\n\n\n [[[3]\n   [4]]]]");
    }
}
