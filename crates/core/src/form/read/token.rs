//! Tokens of index notation: numbers, names, words and signs, with their bytes.

use super::{Span, syntax};
use crate::error::Result;
use crate::rational::Rational;

/// What a token is.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    /// An exact number.
    Number(Rational),
    /// A name.
    Name(String),
    /// A sign, or one of the words `if else and or not div mod`.
    Symbol(&'static str),
}

/// A token and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

const WORDS: &[&str] = &["if", "else", "and", "or", "not", "div", "mod"];
/// Longer signs first.
const SIGNS: &[&str] =
    &["**", "==", "!=", "<=", ">=", "..", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "=", "<", ">"];

/// Splits a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (kind, length) = token(&text[start..], first, start)?;
        tokens.push(Token { kind, span: Span { start, end: start + length } });
        start += length;
    }
    Ok(tokens)
}

fn token(rest: &str, first: char, at: usize) -> Result<(Kind, usize)> {
    if first.is_ascii_digit() {
        let length = number_length(rest.as_bytes());
        return match Rational::from_decimal(&rest[..length]) {
            Some(value) => Ok((Kind::Number(value), length)),
            None => Err(syntax(at, "this number has too many digits or too large an exponent")),
        };
    }
    if first.is_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..length];
        let word = WORDS.iter().find(|w| **w == name);
        return Ok((word.map_or_else(|| Kind::Name(name.to_string()), |w| Kind::Symbol(w)), length));
    }
    match SIGNS.iter().find(|s| rest.starts_with(**s)) {
        Some(sign) => Ok((Kind::Symbol(sign), sign.len())),
        None => Err(syntax(at, format!("`{first}` is not part of index notation"))),
    }
}

/// `digits [ "." digits ] [ e [±] digits ]`; a dot belongs to the number only before a digit.
fn number_length(bytes: &[u8]) -> usize {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}
