//! Commands of LaTeX with a structure of their own: fractions, sums over bounds, functions without brackets.

use super::formula::{Frame, Shape, Step};
use super::{Parser, Read};
use crate::ast::{ExprId, Kind, Name, Operator};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::token::{Bracket, T, shown, spelled};

impl Parser<'_> {
    /// After `\frac`.
    pub(super) fn fraction(&mut self, at: Span) -> Read<Step> {
        if self.is_fraction_of_derivatives() {
            return self.derivative_fraction(at);
        }
        if self.kind() == T::Open(Bracket::Group) {
            return Some(self.open(Shape::Top));
        }
        let top = self.argument()?;
        self.bottom(top, self.tree.span(top))
    }

    /// One sign that stands for a group: `\frac12`.
    fn argument(&mut self) -> Read<ExprId> {
        let (span, kind) = (self.span(), self.kind());
        let text = spelled(self.slice(span));
        if !matches!(kind, T::Number | T::Name) || (kind == T::Number && text.chars().count() > 1) {
            return self.expected("`{`", "\\frac{a}{b}");
        }
        self.advance();
        if kind == T::Name {
            return Some(self.tree.push(Kind::Name(text), span));
        }
        let digit = text.parse::<i64>().unwrap_or_default();
        Some(self.tree.push(Kind::Number(digit.into()), span))
    }

    /// The denominator of `\frac`, after its numerator.
    pub(super) fn bottom(&mut self, top: ExprId, span: Span) -> Read<Step> {
        self.tree.widen(top, span);
        if self.kind() == T::Open(Bracket::Group) {
            return Some(self.open(Shape::Bottom(top)));
        }
        let bottom = self.argument()?;
        let whole = span.to(self.tree.span(bottom));
        let at = Span::new(span.end, span.end);
        Some(Step::After(self.tree.push(Kind::Binary(Operator::Over, at, top, bottom), whole)))
    }

    /// A function that may stand without brackets.
    pub(super) fn prefix_function(&mut self, name: Name) -> Read<Step> {
        match self.kind() {
            T::Open(Bracket::Round | Bracket::Group) => Some(self.call(name)),
            T::Underscore => self.big_operator(name),
            T::Operator(Operator::Power) => {
                let wrong = Diagnostic::error(
                    "E0017",
                    self.span(),
                    format!("a power of the function `{}`", name.text),
                );
                self.report(wrong.help(format!("put the power after the brackets:  \\{}(x)^2", name.text)));
                None
            }
            _ => {
                self.frames.push(Frame::Function(name));
                Some(Step::Operand)
            }
        }
    }

    /// `\sum_{j=0}^{n-1}`, `\sum_j`, `\sum(j, e)`.
    pub(super) fn big_operator(&mut self, name: Name) -> Read<Step> {
        if self.kind() == T::Open(Bracket::Round) {
            return Some(self.call(name));
        }
        self.expect(T::Underscore, "`_` and the index", "\\sum_{j=0}^{n-1} a_j")?;
        if self.kind() == T::Name {
            let variable = self.index_name()?;
            return self.begin_body(name, variable, None);
        }
        if self.kind() != T::Open(Bracket::Group) {
            return self.expected("an index after `_`", "\\sum_{j=0}^{n-1} a_j");
        }
        let close = self.partner[self.at];
        self.advance();
        loop {
            let variable = self.index_name()?;
            match self.kind() {
                T::Equals => {
                    self.frames.push(Frame::Bounds { name, variable, low: None });
                    // The rest of the group is the lower bound; its bracket is open already.
                    self.at -= 1;
                    let Step::Operand = self.open_at(Shape::Low, close) else { return None };
                    self.at += 1;
                    return Some(Step::Operand);
                }
                T::Comma => {
                    self.advance();
                    self.frames.push(Frame::Big { name: name.clone(), variable, range: None });
                }
                T::Close(_) => {
                    self.advance();
                    return self.begin_body(name, variable, None);
                }
                _ => return self.expected("`=`, `,` or `}` after the index", "\\sum_{j=0}^{n-1} a_j"),
            }
        }
    }

    /// Opens a bracket whose first sign was passed already.
    fn open_at(&mut self, shape: Shape, close: usize) -> Step {
        let step = self.open(shape);
        if let Some(group) = self.group() {
            group.close = close;
        }
        step
    }

    fn index_name(&mut self) -> Read<Name> {
        let span = self.span();
        if self.kind() != T::Name {
            return self.expected("the name of an index", "\\sum_{j=0}^{n-1} a_j");
        }
        self.advance();
        Some(Name { text: spelled(self.slice(span)), span })
    }

    /// The lower bound was read; the upper one follows.
    pub(super) fn low(&mut self, bound: ExprId) -> Read<Step> {
        if let Some(Frame::Bounds { low, .. }) = self.frames.last_mut() {
            *low = Some(bound);
        }
        self.expect(T::Operator(Operator::Power), "`^` and the upper bound", "\\sum_{j=0}^{n-1} a_j")?;
        if self.kind() == T::Open(Bracket::Group) {
            return Some(self.open(Shape::High));
        }
        let high = self.argument()?;
        self.high(high)
    }

    /// Both bounds were read.
    pub(super) fn high(&mut self, high: ExprId) -> Read<Step> {
        match self.frames.pop() {
            Some(Frame::Bounds { name, variable, low: Some(low) }) => {
                self.begin_body(name, variable, Some((low, high)))
            }
            _ => None,
        }
    }

    fn begin_body(&mut self, name: Name, variable: Name, range: Option<(ExprId, ExprId)>) -> Read<Step> {
        if range.is_none() && self.kind() == T::Operator(Operator::Power) {
            let wrong = Diagnostic::error("E0017", self.span(), "an upper bound without a lower one");
            self.report(wrong.help("\\sum_{j=0}^{n-1} a_j"));
            return None;
        }
        self.frames.push(Frame::Big { name, variable, range });
        Some(Step::Operand)
    }

    /// `\mathbb{1}[c]`, `\mathbb{1}_{c}`: an Iverson bracket.
    pub(super) fn indicator(&mut self) -> Read<Step> {
        self.eat(T::Underscore);
        match self.kind() {
            T::Open(Bracket::Square | Bracket::Round | Bracket::Group) => Some(self.open(Shape::Square)),
            _ => {
                let found = shown(self.slice(self.span()));
                let help = format!("\\mathbb{{1}}[x_i > 0];  found `{found}`");
                self.expected("the condition of the indicator", &help)
            }
        }
    }
}
