//! A token: a word, a number, a mark or a run of blanks of one line.
//!
//! A number stands alone: `x1`, `10ulp` and `1.2.3` are words, while `1` in `[1,` and `-2` in `=-2` are numbers.
//! A sign belongs to the number after it unless something that could be subtracted from stands before it.

/// A piece of a line; all pieces together are the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// Spaces and tabs.
    Blank(&'a str),
    /// Letters, digits and marks that are not a number.
    Word(&'a str),
    /// A number that is written as one: `12`, `-1.`, `1e-3`, `NaN`, `-inf`.
    Number(Number<'a>),
}

/// A number and how it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number<'a> {
    pub(crate) text: &'a str,
    pub(crate) value: f64,
}

impl Number<'_> {
    /// Whether it is written without a point or an exponent.
    pub(crate) fn is_integer(&self) -> bool {
        self.text.trim_start_matches(['+', '-']).bytes().all(|c| c.is_ascii_digit())
    }
}

/// The tokens of a line, from left to right.
pub(crate) fn tokens(line: &str) -> Vec<Token<'_>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < line.len() {
        let (token, length) = next(&line[at..], line[..at].chars().next_back());
        found.push(token);
        at += length;
    }
    found
}

fn next(rest: &str, before: Option<char>) -> (Token<'_>, usize) {
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if blank > 0 {
        return (Token::Blank(&rest[..blank]), blank);
    }
    let sign = usize::from(rest.starts_with(['+', '-']) && !ends_a_term(before));
    let length = sign + run(&rest[sign..]);
    if let Some(value) = value(&rest[..length]) {
        return (Token::Number(Number { text: &rest[..length], value }), length);
    }
    // A word, or a single mark; the sign before a word is a mark of its own.
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let length = if sign == 1 { 1 } else { length.max(first) };
    (Token::Word(&rest[..length]), length)
}

/// Whether a sign after this character means a sum rather than a signed number.
fn ends_a_term(before: Option<char>) -> bool {
    before.is_some_and(|c| c.is_alphanumeric() || "_.)]}'\"".contains(c))
}

/// Length of the run of letters, digits, points and underscores; the sign of an exponent is part of it.
fn run(text: &str) -> usize {
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let inside = c.is_alphanumeric() || c == '.' || c == '_';
        let exponent_sign = numeric && "eE".contains(before) && "+-".contains(c);
        if !inside && !exponent_sign {
            return at;
        }
        before = c;
    }
    text.len()
}

/// The number that a run is. What a double can hold only as zero or infinity is a word, and compares exactly.
fn value(run: &str) -> Option<f64> {
    let value: f64 = run.parse().ok()?;
    let mantissa = run.split(['e', 'E']).next().unwrap_or(run);
    let named = !run.contains(|c: char| c.is_ascii_digit());
    let overflows = value.is_infinite() && !named;
    let underflows = value == 0.0 && mantissa.contains(|c: char| ('1'..='9').contains(&c));
    (!overflows && !underflows).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in angle brackets, words in round ones, blanks as they are.
    fn shown(line: &str) -> String {
        let show = |token: &Token<'_>| match token {
            Token::Blank(text) => text.to_string(),
            Token::Word(text) => format!("({text})"),
            Token::Number(number) => format!("<{}>", number.text),
        };
        tokens(line).iter().map(show).collect()
    }

    #[test]
    fn numbers_stand_alone() {
        assert_eq!(shown("x1 = 10ulp 1.2.3 1_000 2π"), "(x1) (=) (10ulp) (1.2.3) (1_000) (2π)");
        assert_eq!(shown("[1., -2.5e-3]"), "([)<1.>(,) <-2.5e-3>(])");
        assert_eq!(shown("real[2,3]"), "(real)([)<2>(,)<3>(])");
        assert_eq!(shown("1e+10 1E-5 .5 +3"), "<1e+10> <1E-5> <.5> <+3>");
    }

    #[test]
    fn a_sign_after_a_term_is_a_mark() {
        assert_eq!(shown("x-1 3-1 a)-1"), "(x)(-)<1> <3>(-)<1> (a)())(-)<1>");
        assert_eq!(shown("x -1 =-1 (-1"), "(x) <-1> (=)<-1> (()<-1>");
        assert_eq!(shown("-x - 1"), "(-)(x) (-) <1>");
    }

    #[test]
    fn names_of_special_values_are_numbers() {
        assert_eq!(shown("nan NaN -inf Infinity"), "<nan> <NaN> <-inf> <Infinity>");
        assert_eq!(shown("info banana nans"), "(info) (banana) (nans)");
    }

    #[test]
    fn what_a_double_cannot_hold_is_a_word() {
        assert_eq!(shown("1e999 1e-999 0e-999"), "(1e999) (1e-999) <0e-999>");
    }

    #[test]
    fn unicode_and_lone_marks_are_kept() {
        for line in ["∂y[i]/∂x[j] = δ(i,j)·2", "“1” — …", "-", "--", "e-5", "1e-", "\t a\t1"] {
            let pieces = tokens(line).into_iter().map(|token| match token {
                Token::Blank(text) | Token::Word(text) => text,
                Token::Number(number) => number.text,
            });
            assert_eq!(pieces.collect::<String>(), line);
        }
    }
}
