//! The comparison of two texts: words exactly, numbers up to rounding.
//!
//! - Integers (no point, no exponent) are exact. Other numbers may differ by a [`Tolerance`].
//! - Signs differ only where both numbers are as good as zero; `-0` is `0` unless asked otherwise.
//! - NaN equals NaN only, an infinity itself only.
//! - Blanks between tokens may be more or fewer only if some number is written with other digits than in
//!   the reference: columns move with their digits, and for no other reason.

use crate::token::{Number, Token, tokens};

/// How far a number may be from its reference; the widest bound that is given decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Steps from double to double, from one to the other.
    pub ulps: u64,
    /// Absolute difference.
    pub absolute: f64,
    /// Difference relative to the reference.
    pub relative: f64,
    /// Whether `-0` and `0` differ.
    pub strict_zero: bool,
}

impl Default for Tolerance {
    /// Four units in the last place: a handful of roundings, no more.
    fn default() -> Tolerance {
        Tolerance { ulps: 4, ..Tolerance::exact() }
    }
}

impl Tolerance {
    /// Equal values only; the sign of zero is still ignored.
    pub fn exact() -> Tolerance {
        Tolerance { ulps: 0, absolute: 0.0, relative: 0.0, strict_zero: false }
    }

    fn allows(&self, reference: Number<'_>, number: Number<'_>) -> bool {
        if self.strict_zero && differ_in_sign_of_zero(reference, number) {
            return false;
        }
        if reference.is_integer() && number.is_integer() {
            return integer(reference.text) == integer(number.text);
        }
        self.allows_value(reference.value, number.value)
    }

    fn allows_value(&self, a: f64, b: f64) -> bool {
        if a.is_nan() || b.is_nan() {
            return a.is_nan() && b.is_nan();
        }
        if a.is_infinite() || b.is_infinite() || a == b {
            return a == b;
        }
        let apart = (a - b).abs();
        let signs_differ = (a < 0.0) != (b < 0.0) && a != 0.0 && b != 0.0;
        apart <= self.absolute
            || !signs_differ && (ulps(a, b) <= self.ulps || apart <= self.relative * a.abs())
    }
}

fn differ_in_sign_of_zero(a: Number<'_>, b: Number<'_>) -> bool {
    a.value == 0.0 && b.value == 0.0 && a.value.is_sign_negative() != b.value.is_sign_negative()
}

/// The digits of an integer with its sign, of any length; zero has none.
fn integer(text: &str) -> &str {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.trim_start_matches('-').bytes().all(|c| c == b'0') { "0" } else { text }
}

/// How many doubles lie from one finite number to another of the same sign.
fn ulps(a: f64, b: f64) -> u64 {
    // The magnitudes of doubles are ordered as their bits.
    a.abs().to_bits().abs_diff(b.abs().to_bits())
}

/// How blanks between tokens are compared.
#[derive(Clone, Copy, PartialEq)]
enum Blanks {
    Exact,
    Any,
}

/// Whether `text` says what `reference` says.
///
/// ```
/// use chainrule_golden::{agree, Tolerance};
/// let t = Tolerance::default();
/// assert!(agree("g  [0.3, -0]", "g  [0.30000000000000004, 0]", &t));
/// assert!(!agree("g  [0.3, -0]", "h  [0.3, -0]", &t));
/// ```
pub fn agree(reference: &str, text: &str, tolerance: &Tolerance) -> bool {
    let (old, new): (Vec<&str>, Vec<&str>) = (reference.lines().collect(), text.lines().collect());
    let blanks = blanks(&old, &new, tolerance);
    old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| same_line(a, b, tolerance, blanks))
}

/// Blanks are compared exactly unless digits moved somewhere.
fn blanks(old: &[&str], new: &[&str], tolerance: &Tolerance) -> Blanks {
    let digits_moved =
        |(a, b): (&&str, &&str)| same_line(a, b, tolerance, Blanks::Any) && numerals(a) != numerals(b);
    if old.iter().zip(new).any(digits_moved) { Blanks::Any } else { Blanks::Exact }
}

fn numerals(line: &str) -> Vec<&str> {
    let numeral = |token| if let Token::Number(number) = token { Some(number.text) } else { None };
    tokens(line).into_iter().filter_map(numeral).collect()
}

fn same_line(reference: &str, line: &str, tolerance: &Tolerance, blanks: Blanks) -> bool {
    if reference == line {
        return true;
    }
    let (mut old, mut new) = (tokens(reference), tokens(line));
    // Lines without numbers have no columns that could move.
    let has_columns = old.iter().any(|token| matches!(token, Token::Number(_)));
    let blanks = if has_columns { blanks } else { Blanks::Exact };
    if blanks == Blanks::Any {
        (old, new) = (trimmed(old), trimmed(new));
    }
    old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| same_token(*a, *b, tolerance, blanks))
}

/// Without blanks at the ends, and without those that only pad a bracket: `[ 1 ]` and `[1]`.
fn trimmed(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let is_edge = |token: Option<&Token<'_>>, marks: &str| match token {
        None => true,
        Some(Token::Word(word)) => marks.contains(word),
        Some(_) => false,
    };
    let pads = |k: usize| {
        let before = k.checked_sub(1).and_then(|k| tokens.get(k));
        matches!(tokens[k], Token::Blank(_)) && (is_edge(before, "[({") || is_edge(tokens.get(k + 1), "])}"))
    };
    (0..tokens.len()).filter(|&k| !pads(k)).map(|k| tokens[k]).collect()
}

fn same_token(reference: Token<'_>, token: Token<'_>, tolerance: &Tolerance, blanks: Blanks) -> bool {
    match (reference, token) {
        (Token::Number(a), Token::Number(b)) => tolerance.allows(a, b),
        (Token::Blank(_), Token::Blank(_)) if blanks == Blanks::Any => true,
        (a, b) => a == b,
    }
}

/// `text`, where each line that agrees with the reference is written as the reference writes it.
///
/// What still differs from the reference afterwards is a real difference. Lines that were inserted or
/// removed are found as a longest common subsequence.
pub fn in_reference_words(reference: &str, text: &str, tolerance: &Tolerance) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (reference.lines().collect(), text.lines().collect());
    let blanks = blanks(&old, &new, tolerance);
    let same = |a: &str, b: &str| same_line(a, b, tolerance, blanks);

    let head = old.iter().zip(&new).take_while(|(a, b)| same(a, b)).count();
    let rest = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = rest.take_while(|(a, b)| same(a, b)).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);

    let middle = matched(&old[head..old_end], &new[head..new_end], same);
    let lines = [&old[..head], &middle, &old[old_end..]].concat();
    lines.join("\n") + if text.ends_with('\n') { "\n" } else { "" }
}

/// Above this many pairs of lines the two texts have so little in common that the diff is unreadable anyway.
const PAIRS: usize = 4_000_000;

/// The lines of `new`, those of the longest subsequence that it shares with `old` in the words of `old`.
fn matched<'a>(old: &[&'a str], new: &[&'a str], same: impl Fn(&str, &str) -> bool) -> Vec<&'a str> {
    if old.len() * new.len() > PAIRS {
        return new.to_vec();
    }
    // longest[i][j]: how many lines old[i..] and new[j..] can share.
    let agrees: Vec<Vec<bool>> = old.iter().map(|a| new.iter().map(|b| same(a, b)).collect()).collect();
    let mut longest = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let skip = longest[i + 1][j].max(longest[i][j + 1]);
            longest[i][j] = if agrees[i][j] { skip.max(longest[i + 1][j + 1] + 1) } else { skip };
        }
    }
    let mut lines = new.to_vec();
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if agrees[i][j] && longest[i][j] == longest[i + 1][j + 1] + 1 {
            lines[j] = old[i];
            (i, j) = (i + 1, j + 1);
        } else if longest[i][j] == longest[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (there, back) = (agree(a, b, &Tolerance::default()), agree(b, a, &Tolerance::default()));
        assert_eq!(there, back, "agreement is symmetric: {a:?} {b:?}");
        there
    }

    fn steps(x: f64, n: u64) -> String {
        format!("{:?}", f64::from_bits(x.to_bits() + n))
    }

    #[test]
    fn four_units_in_the_last_place_pass_and_five_fail() {
        for x in [0.1, 1.0, 1.5e300, 6.0091744845917345, 1e-300, 5e-324, 0.9999999999999996] {
            let text = format!("{x:?}");
            for n in 0..=4 {
                assert!(same(&text, &steps(x, n)), "{text} + {n}");
            }
            for n in [5, 6, 100] {
                assert!(!same(&text, &steps(x, n)), "{text} + {n}");
            }
        }
    }

    #[test]
    fn a_sign_is_never_lost() {
        assert!(!same("x 0.5", "x -0.5"));
        assert!(!same("x 5e-324", "x -5e-324"), "two steps apart, yet of other sign");
        assert!(!same("1", "-1"));
        assert!(!same("x-1", "x+1"));
        assert!(!same("inf", "-inf"));
    }

    #[test]
    fn zero_has_no_sign_unless_strict() {
        let strict = Tolerance { strict_zero: true, ..Tolerance::default() };
        for (a, b) in [("0", "-0"), ("[-0.  1.]", "[0.  1.]"), ("0", "-0.0"), ("-0e5", "0")] {
            assert!(same(a, b), "{a} {b}");
            assert!(!agree(a, b, &strict), "{a} {b}");
        }
        assert!(agree("-0.0 1.", "-0.0 1.", &strict));
    }

    #[test]
    fn zero_is_not_small() {
        assert!(!same("0.0", "1e-17"));
        assert!(!same("0", "0.1"));
        assert!(agree("0.0", "-1e-17", &Tolerance { absolute: 1e-16, ..Tolerance::default() }));
    }

    #[test]
    fn integers_are_exact() {
        assert!(!same("9007199254740993", "9007199254740992"), "the same double");
        assert!(!same("100000000000000000001", "100000000000000000000"));
        assert!(!same("7", "8"));
        assert!(!same("real[2,3]", "real[2,4]"));
        assert!(!same("007", "7"));
        assert!(same("+7", "7"));
        let loose = Tolerance { relative: 1.0, absolute: 10.0, ..Tolerance::default() };
        assert!(!agree("7", "8", &loose));
    }

    #[test]
    fn one_value_in_two_notations_agrees() {
        assert!(same("1e-3", "0.001"));
        assert!(same("1.", "1.0"));
        assert!(same("1", "1.0000000000000002"), "a whole value is written without a point");
        assert!(same("1E5", "100000"));
        assert!(!same("1e-3", "0.0010000000000000011"));
    }

    #[test]
    fn nan_equals_nan_only_and_infinity_itself() {
        assert!(same("nan 1.0", "NaN 1.0"));
        assert!(same("inf", "Infinity"));
        for other in ["0.0", "1", "inf", "-inf", "none", "nano"] {
            assert!(!same("NaN", other), "{other}");
        }
        assert!(!same("inf", "1.7976931348623157e308"), "one step apart");
        let loose = Tolerance { absolute: f64::INFINITY, relative: f64::INFINITY, ..Tolerance::default() };
        assert!(!agree("inf", "1.0", &loose) && !agree("NaN", "1.0", &loose) && !agree("1.5", "NaN", &loose));
    }

    #[test]
    fn words_are_exact() {
        assert!(!same("x1 0.5", "x2 0.5"));
        assert!(!same("tol 4ulp", "tol 5ulp"));
        assert!(!same("version 1.2.3", "version 1.2.4"));
        assert!(!same("1e999", "1e998"), "both overflow");
        assert!(!same("1e-999", "0.0"), "underflow is not zero");
        assert!(!same("a  b", "a b"), "no number, no column");
        assert!(!same("text", "text "));
        assert!(!same("Δ 0.5", "δ 0.5"));
    }

    #[test]
    fn added_and_removed_tokens_and_lines_differ() {
        assert!(!same("[1.0, 2.0]", "[1.0, 2.0, 3.0]"));
        assert!(!same("[1.0]", "[[1.0]]"));
        assert!(!same("1.0 2.0", "1.02.0"));
        assert!(!same("1.5", ""));
        assert!(!same("1.5\n", "1.5\n1.5\n"));
        assert!(!same("a 1\nb 2", "b 2\na 1"));
        assert!(!same("1,5", "1.5"));
    }

    #[test]
    fn blanks_move_only_with_digits() {
        assert!(!same("x  0.5", "x 0.5"), "layout alone changed");
        assert!(!same("  x 0.5", "x 0.5"));
        let old = "a  0.3                  end\nb  0.5                  end\n[ 0.3]";
        let new = "a  0.30000000000000004  end\nb  0.5  end\n[0.30000000000000004]";
        assert!(same(old, new));
        assert!(!same("0.3 2.0", "0.300000000000000042.0"));
        assert!(!same("0.3\na  b", "0.30000000000000004\na b"), "a line without numbers has no columns");
    }

    #[test]
    fn agreeing_lines_take_the_words_of_the_reference() {
        let old = "a 0.3\nb 0.5\nc 0.7\n";
        let new = "a 0.30000000000000004\nnew 1\nb 0.6\nc 0.7000000000000001\n";
        let shown = in_reference_words(old, new, &Tolerance::default());
        assert_eq!(shown, "a 0.3\nnew 1\nb 0.6\nc 0.7\n");
    }

    #[test]
    fn inserted_lines_do_not_hide_what_follows() {
        let old = "one 0.1\ntwo 0.2\nthree 0.3\nfour 0.4";
        let new = "two 0.20000000000000004\nwrong 9\nthree 0.30000000000000004\nadded\nfour 0.5";
        let shown = in_reference_words(old, new, &Tolerance::default());
        assert_eq!(shown, "two 0.2\nwrong 9\nthree 0.3\nadded\nfour 0.5");
    }

    #[test]
    fn a_text_that_agrees_becomes_the_reference() {
        let old = "g [0.006676412513376452, 0.9908674725821728]\n\nlambda 6.0091744845917345\n";
        let new = "g [0.006676412513376453, 0.9908674725821726]\n\nlambda 6.009174484591734\n";
        assert_ne!(old, new);
        assert!(same(old, new));
        assert_eq!(in_reference_words(old, new, &Tolerance::default()), old);
        assert_eq!(in_reference_words("", new, &Tolerance::default()), new);
    }

    #[test]
    fn a_relative_bound_follows_the_reference() {
        let t = Tolerance { relative: 1e-3, ..Tolerance::exact() };
        assert!(agree("1000.0", "1000.9", &t));
        assert!(!agree("1000.0", "1001.1", &t));
        assert!(!agree("1.0", "1.0000000000000002", &Tolerance::exact()));
    }
}
