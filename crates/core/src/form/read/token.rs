//! Tokens of index notation: numbers, names, words and signs, with their bytes.

use super::{Span, syntax};
use crate::error::Result;
use crate::rational::Rational;

/// True for what reads as a name without quotation marks: letters, digits and `_`, no digit first, none of the words.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(starts_name) && letters.all(continues_name) && !WORDS.contains(&name)
}

/// A name as index notation spells it: `x`, and in quotation marks what would be read as something else.
///
/// ```
/// use chainrule_core::form::read::spelled;
/// assert_eq!(["x_1", "if", "mlp/2/W"].map(spelled), ["x_1", "\"if\"", "\"mlp/2/W\""]);
/// ```
pub fn spelled(name: &str) -> String {
    if is_identifier(name) {
        return name.to_string();
    }
    let mut text = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

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
    if first == '"' {
        return quoted(rest, at);
    }
    if rest.starts_with("...") {
        let message =
            "`...` stands for entries that were left out of a long literal: give that tensor a name";
        return Err(syntax(at, message));
    }
    if starts_name(first) {
        let length = rest.find(|c: char| !continues_name(c)).unwrap_or(rest.len());
        let name = &rest[..length];
        let word = WORDS.iter().find(|w| **w == name);
        return Ok((word.map_or_else(|| Kind::Name(name.to_string()), |w| Kind::Symbol(w)), length));
    }
    match SIGNS.iter().find(|s| rest.starts_with(**s)) {
        Some(sign) => Ok((Kind::Symbol(sign), sign.len())),
        None => Err(syntax(at, format!("`{first}` is not part of index notation"))),
    }
}

/// A name in quotation marks, `\"`, `\\` and `\u{a}` inside it standing for one character.
fn quoted(rest: &str, at: usize) -> Result<(Kind, usize)> {
    let open = || syntax(at, "the quotation mark opened here is not closed");
    let mut name = String::new();
    let mut left = &rest[1..];
    loop {
        let c = left.chars().next().ok_or_else(open)?;
        left = &left[c.len_utf8()..];
        match c {
            '"' => return Ok((Kind::Name(name), rest.len() - left.len())),
            '\\' => {
                let (c, after) = escaped(left).ok_or_else(|| {
                    syntax(at, "after `\\` in a quoted name, `\"`, `\\` or `u{…}` is expected")
                })?;
                name.push(c);
                left = after;
            }
            c => name.push(c),
        }
    }
}

fn escaped(left: &str) -> Option<(char, &str)> {
    if let Some(after) = left.strip_prefix(['"', '\\']) {
        return left.chars().next().map(|c| (c, after));
    }
    let (code, after) = left.strip_prefix("u{")?.split_once('}')?;
    Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, after))
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
