//! Derivatives: `dy[i]/dV[j,k]`, `d(f)/d(x)`, `d2f/dx[i]dx[j]`, with `∂`, and as fractions of LaTeX.

use super::formula::{Frame, Shape, Step};
use super::subscript::Subscripted;
use super::{Parser, Read};
use crate::ast::{Derivative, ExprId, Item, Kind, Name, Operator, Part};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::token::{Bracket, T, Token, digits, spelled};

/// A derivative, some part of which is being read.
pub(super) struct Pending {
    start: Span,
    order: u32,
    numerator: Option<Part>,
    denominators: Vec<Part>,
    explicit: bool,
    /// Written with `\frac`.
    fraction: bool,
}

/// The name after the `d` of `dy`.
fn after_d(text: &str) -> Option<&str> {
    text.strip_prefix('d').filter(|rest| rest.starts_with(crate::syntax::letters::is_letter))
}

/// The order of `d2` before a bracket, as in `d2(x^2)/dx dx`; 1 of `d` alone.
fn bare_order(text: &str) -> Option<u32> {
    match text.strip_prefix('d')? {
        "" => Some(1),
        rest if rest.starts_with('0') || !rest.bytes().all(|b| b.is_ascii_digit()) => None,
        rest => rest.parse().ok().filter(|&order| order > 1),
    }
}

/// The order and the name of `d2f`.
fn after_order(text: &str) -> Option<(u32, &str)> {
    let rest = text.strip_prefix('d')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let order = rest[..digits].parse::<u32>().ok().filter(|&order| order > 1 && !rest.starts_with('0'))?;
    rest[digits..].starts_with(crate::syntax::letters::is_letter).then_some((order, &rest[digits..]))
}

impl Parser<'_> {
    fn text_of(&self, token: Token) -> String {
        spelled(self.slice(token.span))
    }

    /// Whether a name begins a derivative: `dy`, with indices or not, `/`, and `d` again.
    pub(super) fn begins_derivative(&self) -> bool {
        let text = self.text_of(self.token());
        if !text.starts_with('d') {
            return false;
        }
        let next = self.ahead(1);
        let end = match next.kind {
            T::Open(Bracket::Round) if bare_order(&text).is_some() => self.partner[self.at + 1] + 1,
            _ if after_d(&text).is_none() && after_order(&text).is_none() => return false,
            T::Open(Bracket::Square) => self.partner[self.at + 1] + 1,
            T::Underscore => match self.ahead(2).kind {
                T::Open(Bracket::Group) => self.partner[self.at + 2] + 1,
                _ => self.at + 3,
            },
            _ => self.at + 1,
        };
        let at = |k: usize| self.tokens[k.min(self.tokens.len() - 1)];
        at(end).kind == T::Operator(Operator::Over) && self.begins_part(at(end + 1), at(end + 2).kind)
    }

    /// Whether a token begins `dx`, `d(x)`, `∂x`.
    fn begins_part(&self, token: Token, next: T) -> bool {
        let called = next == T::Open(Bracket::Round);
        match token.kind {
            T::Partial => true,
            T::Name => {
                let text = self.text_of(token);
                (text == "d" && called) || (after_d(&text).is_some() && !called)
            }
            _ => false,
        }
    }

    /// Whether `{ }{ }` after `\frac` hold the two parts of a derivative.
    pub(super) fn is_fraction_of_derivatives(&self) -> bool {
        if self.kind() != T::Open(Bracket::Group) {
            return false;
        }
        let bottom = self.partner[self.at] + 1;
        let at = |k: usize| self.tokens[k.min(self.tokens.len() - 1)];
        let is_d = |token: Token| {
            let text = self.text_of(token);
            token.kind == T::Partial
                || token.kind == T::Name
                    && (text == "d" || after_d(&text).is_some() && !self.is_declared(&text))
        };
        is_d(self.ahead(1)) && at(bottom).kind == T::Open(Bracket::Group) && is_d(at(bottom + 1))
    }

    /// Begins a derivative at its numerator.
    pub(super) fn derivative(&mut self) -> Read<Step> {
        let start = self.span();
        self.begin(start, false)
    }

    /// `\frac{\partial y_i}{\partial V_{jk}}`, at its first brace.
    pub(super) fn derivative_fraction(&mut self, start: Span) -> Read<Step> {
        self.advance();
        self.begin(start, true)
    }

    fn begin(&mut self, start: Span, fraction: bool) -> Read<Step> {
        let (numerator, denominators) = (None, Vec::new());
        let pending = Pending { start, order: 1, numerator, denominators, explicit: fraction, fraction };
        self.frames.push(Frame::Derivative(Box::new(pending)));
        self.part()
    }

    fn pending(&mut self) -> Read<&mut Pending> {
        match self.frames.last_mut() {
            Some(Frame::Derivative(pending)) => Some(pending),
            _ => None,
        }
    }

    /// Reads one part up to its name or bracket.
    fn part(&mut self) -> Read<Step> {
        let token = self.advance();
        let text = self.text_of(token);
        let in_numerator = self.pending()?.numerator.is_none();
        let bare = if token.kind == T::Name { bare_order(&text) } else { None };
        let bare = bare.filter(|&order| order == 1 || in_numerator);
        if token.kind != T::Name || bare.is_some() {
            if token.kind != T::Partial && token.kind != T::Name {
                self.at -= 1;
                return self.expected("`d` or `∂` of a derivative", "d(f)/d(x)");
            }
            self.pending()?.explicit = true;
            self.pending()?.order = bare.unwrap_or(1).max(self.pending()?.order);
            // `\partial^2 f`, `∂²f`
            if in_numerator && self.eat(T::Operator(Operator::Power)) {
                let order = self.order()?;
                self.pending()?.order = order;
            }
            return match self.kind() {
                T::Name => {
                    let token = self.advance();
                    let name = Name { text: self.text_of(token), span: token.span };
                    self.indices(name)
                }
                T::Open(Bracket::Round) => Some(self.open(Shape::PartExpr)),
                T::Close(Bracket::Group) if in_numerator => {
                    let wrong =
                        Diagnostic::error("E0013", token.span, "a derivative without what is differentiated");
                    self.report(wrong.help("\\frac{\\partial f}{\\partial x}  with f in the numerator"));
                    None
                }
                _ => self.expected("a name after the sign of a derivative", "\\partial y_i"),
            };
        }
        let order = if in_numerator { after_order(&text) } else { None };
        let name = match (order, after_d(&text)) {
            (Some((order, name)), _) => {
                self.pending()?.order = order;
                name
            }
            (None, Some(name)) => name,
            (None, None) => {
                self.at -= 1;
                return self.expected("`d` and a name", "d(f)/d(x)");
            }
        };
        // The name begins after its `d`; a spelled one such as `\mathrm{dy}` has no such place.
        let direct = self.slice(token.span).starts_with('d');
        let skipped = 1 + order.map_or(0, |(order, _)| order.to_string().len());
        let start = if direct { token.span.start + skipped } else { token.span.start };
        self.indices(Name { text: name.to_string(), span: Span::new(start, token.span.end) })
    }

    fn order(&mut self) -> Read<u32> {
        let close = (self.kind() == T::Open(Bracket::Group)).then(|| self.partner[self.at]);
        self.at += usize::from(close.is_some());
        let span = self.span();
        let order = digits(self.slice(span)).parse::<u32>().ok().filter(|&order| order > 0);
        let Some(order) = order.filter(|_| self.kind() == T::Number) else {
            return self.expected("the order of the derivative", "\\partial^2 f");
        };
        self.advance();
        if close.is_some() {
            self.expect(T::Close(Bracket::Group), "`}`", "")?;
        }
        Some(order)
    }

    /// The indices of a named part, if there are any.
    fn indices(&mut self, name: Name) -> Read<Step> {
        match self.kind() {
            T::Open(Bracket::Square) => Some(self.open(Shape::PartIndex(name))),
            T::Underscore => {
                let base = self.tree.push(Kind::Name(name.text), name.span);
                self.advance();
                if self.kind() == T::Open(Bracket::Group) {
                    return Some(self.open(Shape::PartSubscript(base)));
                }
                let (item, end) = self.single_subscript()?;
                self.part_subscripted(base, vec![item], end)
            }
            _ => self.part_named(name, Vec::new()),
        }
    }

    pub(super) fn part_subscripted(&mut self, base: ExprId, items: Vec<Item>, end: Span) -> Read<Step> {
        let Kind::Name(text) = self.tree.kind(base).clone() else { return None };
        let span = self.tree.span(base);
        match self.meaning(&text, items, base, span.to(end))? {
            Subscripted::Name(text) => {
                self.tree.truncate(base.0 as usize);
                self.part_named(Name { text, span: span.to(end) }, Vec::new())
            }
            Subscripted::Index(items) => self.part_named(Name { text, span }, items),
        }
    }

    pub(super) fn part_named(&mut self, name: Name, items: Vec<Item>) -> Read<Step> {
        self.part_read(Part::Named(name, items))
    }

    pub(super) fn part_expr(&mut self, id: ExprId) -> Read<Step> {
        self.part_read(Part::Expr(id))
    }

    /// A part was read: the other side, one more denominator, or the end.
    fn part_read(&mut self, part: Part) -> Read<Step> {
        let fraction = self.pending()?.fraction;
        if self.pending()?.numerator.is_none() {
            self.pending()?.numerator = Some(part);
            if fraction {
                let help = "\\frac{\\partial}{\\partial x} f  is written  \\frac{\\partial f}{\\partial x}";
                self.expect(T::Close(Bracket::Group), "`}` after the numerator of a derivative", help)?;
                self.expect(T::Open(Bracket::Group), "`{`", "\\frac{\\partial f}{\\partial x}")?;
            } else {
                self.expect(T::Operator(Operator::Over), "`/` and the rest of the derivative", "d(f)/d(x)")?;
            }
            return self.part();
        }
        self.pending()?.denominators.push(part);
        let (explicit, order) = (self.pending()?.explicit, self.pending()?.order);
        let squared = self.kind() == T::Operator(Operator::Power)
            && self.ahead(1).kind == T::Number
            && explicit
            && order > 1
            && self.pending()?.denominators.len() == 1;
        if squared {
            self.advance();
            self.repeated()?;
        }
        let (token, next) = (self.token(), self.ahead(1).kind);
        let plain_d = fraction && token.kind == T::Name && self.text_of(token) == "d";
        if (explicit || order > 1) && (self.begins_part(token, next) || plain_d) && (fraction || order > 1) {
            return self.part();
        }
        self.finish_derivative()
    }

    /// `\partial x^2` under `\partial^2 f` is `\partial x \partial x`.
    fn repeated(&mut self) -> Read<()> {
        let times = self.order()?;
        let order = self.pending()?.order;
        if times != order {
            let span = self.tokens[self.at - 1].span;
            return self.mismatch(span, order, times as usize);
        }
        let part = self.pending()?.denominators[0].clone();
        // A hundredfold derivative is a slip of the keyboard; the list must not grow with the number.
        if times > 100 {
            let span = self.tokens[self.at - 1].span;
            let wrong = Diagnostic::error("E0013", span, format!("a derivative of order {times}"));
            self.report(wrong.help("at most 100"));
            return None;
        }
        if let Part::Expr(_) = part {
            return self.expected("a name that is differentiated by several times", "");
        }
        self.pending()?.denominators.extend((1..times).map(|_| part.clone()));
        Some(())
    }

    fn mismatch<X>(&mut self, span: Span, order: u32, times: usize) -> Read<X> {
        let variables = if times == 1 { "variable" } else { "variables" };
        let message = format!("a derivative of order {order} by {times} {variables}");
        self.report(
            Diagnostic::error("E0013", span, message)
                .help("one denominator for each order, as in  d2f/dx[i]dx[j]  or  d2(f)/dx dx"),
        );
        None
    }

    fn finish_derivative(&mut self) -> Read<Step> {
        if self.pending()?.fraction {
            self.expect(T::Close(Bracket::Group), "`}` after the denominator of a derivative", "")?;
        }
        let end = self.before();
        let Some(Frame::Derivative(pending)) = self.frames.pop() else { return None };
        let Pending { start, mut order, numerator, denominators, explicit, .. } = *pending;
        let span = Span::new(start.start, end);
        let count = denominators.len();
        if order == 1 {
            order = count as u32;
        } else if order as usize != count && (explicit || count > 1) {
            return self.mismatch(span, order, count);
        }
        let derivative = Derivative { order, numerator: numerator?, denominators, explicit };
        Some(Step::After(self.tree.push(Kind::Derivative(Box::new(derivative)), span)))
    }
}
