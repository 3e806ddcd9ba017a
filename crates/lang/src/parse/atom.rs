//! Where an operand must stand: prefixes, numbers, names, calls, opening brackets.

use super::formula::{Frame, Shape, Step};
use super::items::written_as;
use super::{Parser, Read};
use crate::ast::{ExprId, Item, KeyMark, Kind, Name, Operator};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::token::{Bracket, Command, T, digits, shown, spelled};
use crate::syntax::words::Word;
use chainrule_core::rational::Rational;

impl Parser<'_> {
    /// Reads up to the next operand, or opens what it stands in.
    pub(super) fn operand(&mut self) -> Read<Step> {
        if let Some(step) = self.inside_bracket()? {
            return Some(step);
        }
        let token = self.token();
        match token.kind {
            T::Operator(Operator::Sub) => {
                self.advance();
                self.frames.push(Frame::Prefix { not: false, at: token.span });
                Some(Step::Operand)
            }
            T::Operator(Operator::Add) => {
                let wrong = Diagnostic::error("E0005", token.span, "`+` has nothing on its left");
                self.report(wrong.help("leave it out"));
                self.advance();
                Some(Step::Operand)
            }
            T::Word(Word::Not) => self.negation(),
            T::Number => Some(Step::After(self.number_atom()?)),
            T::Text => {
                self.advance();
                let text = self.unquoted(token.span);
                Some(Step::After(self.tree.push(Kind::Text(text), token.span)))
            }
            T::Name => self.name_atom(),
            T::Partial => self.derivative(),
            T::Command(command) => self.command(command),
            T::Open(Bracket::Round)
                if self.ahead(1).kind == T::Close(Bracket::Round) && !self.is_supplied(self.ahead(1)) =>
            {
                let wrong = Diagnostic::error(
                    "E0005",
                    token.span.to(self.ahead(1).span),
                    "nothing between `(` and `)`",
                );
                self.report(wrong.help("write what stands in them, or leave them out"));
                None
            }
            T::Open(Bracket::Round | Bracket::Group) => Some(self.open(Shape::Round)),
            T::Open(Bracket::Square) => Some(self.open(Shape::Square)),
            T::Open(Bracket::Cases) => Some(self.open(Shape::Cases)),
            T::Open(sign @ (Bracket::Norm | Bracket::Bar)) => {
                let text = if sign == Bracket::Norm { "norm" } else { "abs" };
                let name = Name { text: text.into(), span: token.span };
                Some(self.open(Shape::Call(name)))
            }
            _ => self.missing(),
        }
    }

    fn negation(&mut self) -> Read<Step> {
        let at = self.advance().span;
        if matches!(self.frames.last(), Some(Frame::Infix { operator, .. }) if super::formula::power(*operator) > 40)
            || matches!(self.frames.last(), Some(Frame::Prefix { not: false, .. }))
        {
            let wrong = Diagnostic::error("E0018", at, "`not` after an operator that binds tighter");
            self.report(wrong.help("put it in brackets:  (not c)"));
        }
        self.frames.push(Frame::Prefix { not: true, at });
        Some(Step::Operand)
    }

    /// What only stands inside brackets: nothing at all, `:`, a key.
    fn inside_bracket(&mut self) -> Read<Option<Step>> {
        let (kind, next) = (self.kind(), self.ahead(1).kind);
        let token = self.token();
        let Some(Frame::Group(group)) = self.frames.last() else { return Some(None) };
        if matches!(kind, T::Close(_)) {
            let empty =
                group.items.is_empty() && group.args.is_empty() && group.key.is_none() && group.low.is_none();
            let may_be_empty = matches!(group.shape, Shape::Square)
                || matches!(&group.shape, Shape::Call(name) if self.slice(name.span).starts_with(char::is_alphabetic));
            if empty && may_be_empty && group.rows.is_empty() {
                return self.close_group().map(Some);
            }
            return self.missing();
        }
        let is_call = matches!(group.shape, Shape::Call(_)) && group.key.is_none() && group.low.is_none();
        if is_call && kind == T::Name && matches!(next, T::Equals | T::Colon) {
            let name = Name { text: spelled(self.slice(token.span)), span: token.span };
            let mark = if next == T::Equals { KeyMark::Equals } else { KeyMark::Colon };
            self.at += 2;
            if let Some(group) = self.group() {
                group.key = Some((name, mark));
            }
            return Some(None);
        }
        if matches!(group.shape, Shape::CasesCall(_)) && kind == T::Word(Word::Else) && next == T::Colon {
            self.at += 2;
            return Some(None);
        }
        let is_index = matches!(group.shape, Shape::Index(_) | Shape::PartIndex(_));
        let in_call = matches!(group.shape, Shape::Call(_)) && matches!(next, T::Comma | T::Close(_));
        if kind == T::Colon && group.low.is_none() && (is_index || in_call) {
            self.advance();
            if !matches!(self.kind(), T::Comma | T::Close(_)) {
                let wrong = Diagnostic::error("E0015", token.span, "`:` is a whole axis; a bound follows it");
                self.report(wrong.help("x[0..2]  for a part of an axis, both ends in it"));
                return None;
            }
            if let Some(group) = self.group() {
                group.take_item(Item::All(token.span));
            }
            if self.eat(T::Comma) {
                return Some(Some(Step::Operand));
            }
            return self.close_group().map(Some);
        }
        Some(None)
    }

    /// Nothing stands where an operand must.
    fn missing<X>(&mut self) -> Read<X> {
        let token = self.token();
        if token.kind == T::Bad || self.is_supplied(token) {
            return None;
        }
        let before = (self.at > 0).then(|| self.tokens[self.at - 1]);
        let here = self.found();
        let (code, message, help) = match (token.kind, before) {
            (T::Dot, _) if self.ahead(1).kind == T::Number => {
                let number = self.slice(self.ahead(1).span);
                ("E0003", "a number needs a digit before its point".to_string(), format!("0.{number}"))
            }
            (T::Comma | T::Close(_), Some(before)) if matches!(before.kind, T::Comma | T::Open(_)) => {
                let left = shown(self.slice(before.span));
                let help =
                    if before.kind == T::Comma { "leave out one comma" } else { "write what stands there" };
                ("E0005", format!("nothing between `{left}` and {here}"), help.to_string())
            }
            (T::Word(word), _) if !word.ends_formula() => {
                ("E0009", format!("{here} is a reserved word"), "take another name".to_string())
            }
            (T::Question, _) => (
                "E0005",
                "`?` stands for a whole side of an equation".into(),
                "claim a: dl/dz = ?".to_string(),
            ),
            (T::Equals, _) => ("E0010", "`=` has nothing on its left".into(), "name = formula".to_string()),
            (T::Operator(_), _) => {
                ("E0005", format!("{here} has nothing on its left"), "write its left operand".to_string())
            }
            (_, Some(before))
                if matches!(before.kind, T::Operator(_)) && before.span.end > before.span.start =>
            {
                let sign = shown(self.slice(before.span));
                ("E0005", format!("`{sign}` has nothing on its right"), "write its right operand".to_string())
            }
            _ => (
                "E0005",
                format!("expected a formula, found {here}"),
                "a name, a number, or a bracket".to_string(),
            ),
        };
        self.report(Diagnostic::error(code, token.span, message).help(help));
        None
    }

    /// A number, exact.
    pub(super) fn number(&mut self, what: &str) -> Read<Rational> {
        if self.kind() != T::Number {
            return self.expected(what, written_as(what));
        }
        let span = self.advance().span;
        self.rational(span)
    }

    fn rational(&mut self, span: Span) -> Read<Rational> {
        let value = Rational::from_decimal(&digits(self.slice(span)));
        if value.is_none() {
            let wrong =
                Diagnostic::error("E0003", span, "this number is too long or its exponent beyond 400");
            self.report(wrong.help("write a shorter number, or a product such as  2^500"));
        }
        value
    }

    fn number_atom(&mut self) -> Read<ExprId> {
        let span = self.advance().span;
        if self.kind() == T::Dot
            && self.span().start == span.end
            && !matches!(self.ahead(1).kind, T::Number | T::Name)
            && !self.tex()
        {
            let wrong = Diagnostic::error("E0003", self.span(), "a number needs a digit after its point");
            let text = self.slice(span);
            self.report(wrong.help(format!("{text}  or  {text}.0")));
            self.advance();
        }
        let value = self.rational(span)?;
        Some(self.tree.push(Kind::Number(value), span))
    }

    /// The text between quotation marks.
    pub(super) fn unquoted(&self, span: Span) -> String {
        let inner = self.slice(span);
        let inner = inner.strip_prefix('"').unwrap_or(inner);
        let mut out = String::with_capacity(inner.len());
        let mut escaped = false;
        for c in inner.chars() {
            match c {
                '"' if !escaped => break,
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                _ => out.push(c),
            }
            escaped = false;
        }
        out
    }

    /// A name: alone, called, indexed, or the beginning of a derivative.
    fn name_atom(&mut self) -> Read<Step> {
        if self.begins_derivative() {
            return self.derivative();
        }
        let span = self.span();
        let text = spelled(self.slice(span));
        let next = self.ahead(1);
        let calls = next.kind == T::Open(Bracket::Round) && !self.is_declared(&text);
        if text == "d" && calls {
            let wrong = Diagnostic::error("E0013", span, "`d(..)` alone is not a derivative");
            self.report(wrong.help("d(f)/d(x)"));
            return None;
        }
        self.advance();
        if calls {
            // A capital sigma that is called is the sum.
            let text = if self.slice(span) == "Σ" { "sum".into() } else { text };
            return Some(self.call(Name { text, span }));
        }
        if let Some((i, j)) = self.slice(span).strip_prefix("δ_").and_then(two_letters) {
            return Some(Step::After(self.delta(i, j, span)));
        }
        Some(Step::After(self.tree.push(Kind::Name(text), span)))
    }

    /// Opens the arguments of a call.
    pub(super) fn call(&mut self, name: Name) -> Step {
        let cases = name.text == "cases";
        self.open(if cases { Shape::CasesCall(name) } else { Shape::Call(name) })
    }

    fn command(&mut self, command: Command) -> Read<Step> {
        let span = self.advance().span;
        match command {
            Command::Frac => self.fraction(span),
            Command::Sqrt => self.prefix_function(Name { text: "sqrt".into(), span }),
            Command::Sum => self.big_operator(Name { text: "sum".into(), span }),
            Command::Prod => self.big_operator(Name { text: "prod".into(), span }),
            Command::Function => {
                let text = match &self.slice(span)[1..] {
                    "ln" => "log",
                    "arcsin" => "asin",
                    "arccos" => "acos",
                    "arctan" => "atan",
                    name => name,
                };
                self.prefix_function(Name { text: text.into(), span })
            }
            Command::Indicator => self.indicator(),
            Command::Top => self.expected("what is transposed before `\\top`", "V^\\top"),
        }
    }
}

/// `ij` as `i` and `j`.
pub(super) fn two_letters(text: &str) -> Option<(char, char)> {
    let mut letters = text.chars();
    match (letters.next(), letters.next(), letters.next()) {
        (Some(i), Some(j), None) if i.is_alphabetic() && j.is_alphabetic() => Some((i, j)),
        _ => None,
    }
}
