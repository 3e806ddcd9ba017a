//! A cursor over one line, which knows where it stands for its errors.

use crate::error::{Error, Result};
use crate::shape::{DType, Dim, Monomial, Shape, Type};
use std::sync::Arc;

/// Exponents of sizes beyond this are refused; a polynomial is expanded when it is shifted.
const MAX_EXPONENT: u32 = 1000;

/// A place in a line.
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
    /// Number of the line, from 1, and the byte where it begins.
    number: usize,
    start: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str, number: usize, start: usize) -> Cursor<'a> {
        Cursor { line, at: 0, number, start }
    }

    /// An error at this place.
    pub(super) fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::Syntax { at: self.start + self.at, message: format!("line {}: {message}", self.number) }
    }

    pub(super) fn fail<T>(&self, message: impl std::fmt::Display) -> Result<T> {
        Err(self.error(message))
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    pub(super) fn spaces(&mut self) {
        self.at += self.rest().bytes().take_while(|b| *b == b' ').count();
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.spaces();
        self.rest().is_empty()
    }

    pub(super) fn end(&mut self) -> Result<()> {
        if self.at_end() {
            Ok(())
        } else {
            self.fail(format!("nothing is expected after `{}`", &self.line[..self.at].trim_end()))
        }
    }

    /// Takes a sign, if it stands here.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        self.spaces();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        if self.eat(sign) { Ok(()) } else { self.fail(format!("`{sign}` is expected")) }
    }

    /// The next characters up to a space.
    pub(super) fn token(&mut self) -> &'a str {
        self.spaces();
        let rest = self.rest();
        let length = rest.find(' ').unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Letters, digits and `_`; empty when there is none.
    pub(super) fn word(&mut self) -> &'a str {
        self.spaces();
        let rest = self.rest();
        let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        self.at += length;
        &rest[..length]
    }

    /// Takes this word, if it stands here.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let before = self.at;
        let found = self.word() == word;
        if !found {
            self.at = before;
        }
        found
    }

    /// Digits.
    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Result<T> {
        self.spaces();
        let rest = self.rest();
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        match rest[..length].parse() {
            Ok(value) => {
                self.at += length;
                Ok(value)
            }
            Err(_) => self.fail("a whole number in range is expected"),
        }
    }

    /// `%k` of a node that was defined before.
    pub(super) fn node(&mut self, defined: usize) -> Result<usize> {
        self.expect("%")?;
        let k: usize = self.number()?;
        if k < defined { Ok(k) } else { self.fail(format!("%{k} is not defined before this line")) }
    }

    /// A name in quotes.
    pub(super) fn quoted(&mut self) -> Result<String> {
        self.expect("\"")?;
        let mut name = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else { return self.fail("`\"` is expected") };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(name),
                '\\' => name.push(self.escaped()?),
                c => name.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<char> {
        for c in ['"', '\\'] {
            if self.rest().starts_with(c) {
                self.at += 1;
                return Ok(c);
            }
        }
        let code = self.rest().strip_prefix("u{").and_then(|rest| rest.split_once('}')).map(|(hex, _)| hex);
        let c = code.and_then(|hex| char::from_u32(u32::from_str_radix(hex, 16).ok()?));
        match (code, c) {
            (Some(hex), Some(c)) => {
                self.at += hex.len() + 3;
                Ok(c)
            }
            _ => self.fail("`\\\"`, `\\\\` or `\\u{…}` is expected"),
        }
    }

    // ---------------------------------------------------------------- sizes and types

    /// A polynomial in sizes: `m*n^2-1`.
    pub(super) fn dim(&mut self) -> Result<Dim> {
        let mut terms: Vec<(Monomial, i64)> = Vec::new();
        let mut negative = self.eat("-");
        loop {
            terms.push(self.monomial(negative)?);
            negative = match (self.eat("+"), self.rest().starts_with('-')) {
                (true, _) => false,
                (false, true) => self.eat("-"),
                _ => return Ok(Dim::from_monomials(terms)),
            };
        }
    }

    fn monomial(&mut self, negative: bool) -> Result<(Monomial, i64)> {
        let mut coefficient = if negative { -1 } else { 1 };
        let mut monomial: Monomial = Vec::new();
        self.spaces();
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            let size: i128 = self.number()?;
            coefficient = match i64::try_from(size * i128::from(coefficient)) {
                Ok(value) => value,
                Err(_) => return self.fail("this number does not fit 64 bits"),
            };
            if !self.eat("*") {
                return Ok((monomial, coefficient));
            }
        }
        loop {
            let name = self.size_name()?;
            let power: u32 = if self.eat("^") { self.number()? } else { 1 };
            if power == 0 || power > MAX_EXPONENT || monomial.iter().any(|(other, _)| **other == *name) {
                return self.fail("each size stands once, with an exponent from 1 to 1000");
            }
            monomial.push((Arc::from(name), power));
            if !self.eat("*") {
                monomial.sort();
                return Ok((monomial, coefficient));
            }
        }
    }

    fn size_name(&mut self) -> Result<String> {
        self.spaces();
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        match self.word() {
            "" => self.fail("a size is expected"),
            name => Ok(name.to_string()),
        }
    }

    /// Sizes between brackets, separated by commas.
    fn shape(&mut self) -> Result<Shape> {
        self.expect("[")?;
        let mut shape = Shape::new();
        if self.eat("]") {
            return Ok(shape);
        }
        loop {
            shape.push(self.dim()?);
            if self.eat("]") {
                return Ok(shape);
            }
            self.expect(",")?;
        }
    }

    /// `real[m,n]`, `bool[]`, `int[k]`, `index[n][k]`.
    pub(super) fn ty(&mut self) -> Result<Type> {
        let mut below = None;
        let dtype = match self.word() {
            "real" => DType::Real,
            "bool" => DType::Bool,
            "int" => DType::Int,
            "index" => {
                self.expect("[")?;
                below = Some(self.dim()?);
                self.expect("]")?;
                DType::Int
            }
            other => return self.fail(format!("`{other}` is no type: real, bool, int or index[…]")),
        };
        Ok(Type { dtype, shape: self.shape()?, below })
    }
}
