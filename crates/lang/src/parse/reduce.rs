//! What waited gets its operand: frames become expressions, brackets are closed.

use super::formula::{ALL, Frame, Group, Shape, Step, power};
use super::{Parser, Read};
use crate::ast::{Arg, ExprId, Item, KeyMark, Kind, Name, Operator};
use crate::diagnostic::Diagnostic;
use crate::lower::functions::is_function;
use crate::source::Span;
use crate::syntax::token::{Bracket, T, shown};
use crate::syntax::words::Word;

impl Parser<'_> {
    /// Gives `id` to all that waits and binds at least as tightly as `least`.
    pub(super) fn reduce(&mut self, mut id: ExprId, least: u8, next: Option<Operator>) -> Read<ExprId> {
        loop {
            let binds = match self.frames.last() {
                Some(Frame::Infix { operator, .. }) => power(*operator),
                Some(Frame::Prefix { not: true, .. }) => 40,
                Some(Frame::Prefix { not: false, .. }) => 80,
                Some(Frame::Function(_)) => 75,
                Some(Frame::Big { .. }) => 65,
                Some(Frame::Else { .. }) => 10,
                _ => return Some(id),
            };
            if binds < least {
                return Some(id);
            }
            let frame = self.frames.pop().expect("invariant: the last frame was looked at");
            if let (Frame::Infix { operator, at, left, .. }, Some(next)) = (&frame, next)
                && power(*operator) == 50
                && power(next) == 50
            {
                self.chained(*left, *at, id);
            }
            id = self.complete(frame, id);
        }
    }

    fn chained(&mut self, left: ExprId, at: Span, right: ExprId) {
        let second = self.tokens[self.at - 1].span;
        let (a, b) = (shown(self.slice(self.tree.span(left))), shown(self.slice(self.tree.span(right))));
        let (first, then) = (self.slice(at), self.slice(second));
        let help = format!("{a} {first} {b} and {b} {then} ...");
        let wrong = Diagnostic::error("E0012", second, "comparisons do not chain");
        self.report(wrong.label(at, "the first one").help(help));
    }

    fn complete(&mut self, frame: Frame, id: ExprId) -> ExprId {
        let end = self.tree.span(id);
        match frame {
            Frame::Infix { operator, at, left, juxtaposed } => {
                let span = self.tree.span(left).to(end);
                if juxtaposed {
                    // Of `x y z` the second message speaks of `y z`.
                    let near = match self.tree.kind(left) {
                        Kind::Binary(Operator::Times, at, _, right) if at.start == at.end => *right,
                        _ => left,
                    };
                    let near = self.tree.span(near);
                    let (a, b) = (shown(self.slice(near)), shown(self.slice(end)));
                    let found = format!("missing operator: `{}`", shown(self.slice(near.to(end))));
                    let gap = end.start - usize::from(self.source.text[..end.start].ends_with(' '));
                    let wrong = Diagnostic::error("E0011", Span::new(gap, gap + 1), found);
                    // `sin x` is an application, `2 x` a product.
                    let called = matches!(self.tree.kind(left), Kind::Name(n) if is_function(n) && !self.is_declared(n));
                    let help = if called { format!("{a}({b})") } else { format!("{a}*{b}") };
                    self.report(wrong.help(help));
                }
                self.tree.push(Kind::Binary(operator, at, left, id), span)
            }
            Frame::Prefix { not: true, at } => self.tree.push(Kind::Not(id), at.to(end)),
            Frame::Prefix { not: false, at } => self.tree.push(Kind::Negative(id), at.to(end)),
            Frame::Function(name) => {
                let span = name.span.to(end);
                self.tree.push(Kind::Call(name, vec![Arg { key: None, value: Item::Expr(id) }]), span)
            }
            Frame::Big { name, variable, range } => self.big(name, variable, range, id),
            Frame::Else { then, condition } => {
                let span = self.tree.span(then).to(end);
                self.tree.push(Kind::If(then, condition, id), span)
            }
            _ => id,
        }
    }

    /// `\sum_{j=0}^{n-1} e` is `sum(j=0..n-1, e)`.
    fn big(&mut self, name: Name, variable: Name, range: Option<(ExprId, ExprId)>, body: ExprId) -> ExprId {
        let span = name.span.to(self.tree.span(body));
        let first = match range {
            Some((low, high)) => {
                Arg { key: Some((variable, KeyMark::Equals)), value: Item::Range(low, high) }
            }
            None => {
                let bound = self.tree.push(Kind::Name(variable.text), variable.span);
                Arg { key: None, value: Item::Expr(bound) }
            }
        };
        self.tree.push(Kind::Call(name, vec![first, Arg { key: None, value: Item::Expr(body) }]), span)
    }

    /// A sign that means something only inside the right bracket: `, : = ..` and the closing ones.
    pub(super) fn mark(&mut self, id: ExprId) -> Read<Step> {
        let id = self.reduce(id, ALL, None)?;
        let kind = self.kind();
        let (mut delta, mut close) = (false, String::new());
        if let Some(Frame::Group(group)) = self.frames.last() {
            delta = matches!(group.shape, Shape::Subscript(base)
                if matches!(self.tree.kind(base), Kind::Name(name) if name == "delta"));
            close = self.slice(self.tokens[group.close].span).to_string();
        }
        let Some(Frame::Group(group)) = self.frames.last_mut() else {
            return self.finish_or_equals(id);
        };
        let listed = matches!(
            group.shape,
            Shape::Square
                | Shape::Call(_)
                | Shape::Index(_)
                | Shape::PartIndex(_)
                | Shape::Subscript(_)
                | Shape::PartSubscript(_)
        );
        match (kind, &group.shape) {
            (T::Comma, _) if listed => {
                group.take(id);
                self.advance();
                Some(Step::Operand)
            }
            (T::DotDot, Shape::Call(_) | Shape::Index(_) | Shape::PartIndex(_)) if group.low.is_none() => {
                group.low = Some(id);
                self.advance();
                Some(Step::Operand)
            }
            // `\delta_{i=j}`
            (T::Equals, Shape::Subscript(_)) if delta => {
                group.take(id);
                self.advance();
                Some(Step::Operand)
            }
            (T::Colon | T::Comma, Shape::CasesCall(_)) => self.case_part(id, kind == T::Colon),
            (T::Ampersand | T::RowEnd | T::Word(_), Shape::Cases) => self.row_part(id),
            (T::Close(_), _) => self.close(id),
            (T::Equals, _) => {
                let wrong = Diagnostic::error("E0010", self.span(), "`=` inside a formula");
                self.report(wrong.help("==  compares;  =  stands between the sides of an equation"));
                self.frames.push(Frame::Infix {
                    operator: Operator::Equal,
                    at: self.span(),
                    left: id,
                    juxtaposed: false,
                });
                self.advance();
                Some(Step::Operand)
            }
            (T::Colon, Shape::Index(_) | Shape::PartIndex(_)) => {
                let wrong = Diagnostic::error("E0015", self.span(), "`:` between two bounds");
                self.report(wrong.help("x[1..2]  has both ends in it;  x[:]  is the whole axis"));
                None
            }
            (T::Comma, Shape::Round) => {
                let wrong = Diagnostic::error("E0005", self.span(), "a comma between round brackets");
                self.report(wrong.help("[a, b]  is an array"));
                None
            }
            _ => self.expected(&format!("an operator or `{close}`"), ""),
        }
    }

    fn finish_or_equals(&mut self, id: ExprId) -> Read<Step> {
        match self.frames.last() {
            None => Some(Step::Done(id)),
            Some(Frame::Then { at, .. }) => {
                let wrong = Diagnostic::error("E0018", *at, "`if` without an `else`");
                self.report(wrong.help("a if c else b"));
                None
            }
            Some(_) => self.expected("the rest of a formula", ""),
        }
    }

    /// The bracket closes after an expression.
    fn close(&mut self, id: ExprId) -> Read<Step> {
        if let Some(group) = self.group() {
            group.take(id);
        }
        self.close_group()
    }

    /// The bracket closes, with what was read in it.
    pub(super) fn close_group(&mut self) -> Read<Step> {
        let Some(Frame::Group(group)) = self.frames.pop() else { return self.expected("a formula", "") };
        let end = self.advance().span;
        let span = group.open.to(end);
        let Group { shape, items, args, rows, .. } = *group;
        let only = match items.first() {
            Some(Item::Expr(id)) => Some(*id),
            _ => None,
        };
        let id = match (shape, only) {
            (Shape::Round, Some(id)) => {
                self.tree.widen(id, span);
                id
            }
            (Shape::Square, _) => {
                let ids =
                    items.iter().filter_map(|item| if let Item::Expr(id) = item { Some(*id) } else { None });
                let kind = Kind::Bracket(ids.collect());
                self.tree.push(kind, span)
            }
            (Shape::Call(name), _) => {
                let span = name.span.to(span);
                self.tree.push(Kind::Call(name, args), span)
            }
            (Shape::CasesCall(name), _) => return self.cases(rows, name.span.to(span)),
            (Shape::Cases, _) => return self.cases(rows, span),
            (Shape::Index(base), _) => {
                let span = self.tree.span(base).to(span);
                self.tree.push(Kind::Index(base, items), span)
            }
            (Shape::PartIndex(name), _) => return self.part_named(name, items),
            (Shape::PartExpr, Some(id)) => return self.part_expr(id),
            (Shape::Subscript(base), _) => return self.subscripted(base, items, end),
            (Shape::PartSubscript(base), _) => return self.part_subscripted(base, items, end),
            (Shape::Top, Some(top)) => return self.bottom(top, span),
            (Shape::Bottom(top), Some(bottom)) => {
                self.tree.widen(bottom, span);
                let at = Span::new(span.start, span.start);
                let whole = self.tree.span(top).to(span);
                self.tree.push(Kind::Binary(Operator::Over, at, top, bottom), whole)
            }
            (Shape::Low, Some(low)) => return self.low(low),
            (Shape::High, Some(high)) => return self.high(high),
            _ => return None,
        };
        Some(Step::After(id))
    }

    /// One part of `cases(c: a, else: b)`: a condition before its colon, or a value.
    fn case_part(&mut self, id: ExprId, is_condition: bool) -> Read<Step> {
        let at = self.span();
        let group = self.group()?;
        if is_condition && group.low.is_none() {
            group.low = Some(id);
        } else if !is_condition && group.low.is_some() {
            group.take(id);
        } else {
            let message =
                if is_condition { "two colons in one case" } else { "a case without its condition" };
            self.report(Diagnostic::error("E0019", at, message).help("cases(c: a, else: b)"));
            return None;
        }
        self.advance();
        if is_condition || self.kind() != T::Word(Word::Else) {
            return Some(Step::Operand);
        }
        self.advance();
        self.expect(T::Colon, "`:` after `else`", "cases(c: a, else: b)")?;
        Some(Step::Operand)
    }

    /// One part of a LaTeX list of cases: the value before `&`, the condition after it.
    fn row_part(&mut self, id: ExprId) -> Read<Step> {
        let (kind, at) = (self.kind(), self.span());
        let group = self.group()?;
        match (kind, group.low) {
            (T::RowEnd, _) => {
                group.take(id);
                self.advance();
                while self.eat(T::RowEnd) {}
                if matches!(self.kind(), T::Close(_)) { self.close_group() } else { Some(Step::Operand) }
            }
            (_, None) => {
                group.low = Some(id);
                self.eat(T::Ampersand);
                while matches!(self.kind(), T::Comma | T::Ampersand) {
                    self.advance();
                }
                self.eat(T::Word(Word::If));
                if !self.eat(T::Word(Word::Else)) {
                    return Some(Step::Operand);
                }
                if let Some(group) = self.group() {
                    group.low = None;
                    group.rows.push((id, None));
                }
                while self.eat(T::RowEnd) || self.eat(T::Dot) {}
                if matches!(self.kind(), T::Close(_)) {
                    return self.close_group();
                }
                self.expected("`\\end{cases}` after `otherwise`", "")
            }
            (_, Some(_)) => {
                self.report(
                    Diagnostic::error("E0019", at, "two conditions in one row")
                        .help("end the row with  \\\\"),
                );
                None
            }
        }
    }

    /// A list of cases as nested choices, the last one innermost.
    fn cases(&mut self, rows: Vec<(ExprId, Option<ExprId>)>, span: Span) -> Read<Step> {
        let mut rows = rows.into_iter().rev();
        let Some((mut value, None)) = rows.next() else {
            let wrong = Diagnostic::error("E0019", span, "the cases leave out what holds otherwise");
            self.report(wrong.help("cases(c: a, else: b);  in LaTeX  b & \\text{otherwise}"));
            return None;
        };
        for (then, condition) in rows {
            let Some(condition) = condition else {
                let at = self.tree.span(then);
                self.report(
                    Diagnostic::error("E0019", at, "a case without its condition")
                        .help("cases(c: a, else: b)"),
                );
                return None;
            };
            value = self.tree.push(Kind::If(then, condition, value), span);
        }
        self.tree.widen(value, span);
        Some(Step::After(value))
    }

    /// The bar of `\right|_h` and the names after it.
    pub(super) fn held(&mut self, id: ExprId) -> Read<Step> {
        let id = self.reduce(id, ALL, None)?;
        if !self.frames.is_empty() {
            return self.expected("an operator", "what is held fixed stands after the whole derivative");
        }
        self.advance();
        self.expect(T::Underscore, "`_` and what is held fixed", "\\left. \\frac{..}{..} \\right|_h")?;
        let close = (self.kind() == T::Open(Bracket::Group)).then(|| self.partner[self.at]);
        self.at += usize::from(close.is_some());
        loop {
            let name = self.name("what is held fixed")?;
            self.held.push(name);
            if close.is_none() || !self.eat(T::Comma) {
                break;
            }
        }
        if close.is_some() {
            self.expect(T::Close(Bracket::Group), "`}`", "")?;
        }
        Some(Step::After(id))
    }
}

impl Group {
    /// Takes an expression as the next thing in the bracket.
    pub(super) fn take(&mut self, id: ExprId) {
        let value = match (&self.shape, self.low.take()) {
            (Shape::CasesCall(_), condition) => return self.rows.push((id, condition)),
            (Shape::Cases, Some(value)) => return self.rows.push((value, Some(id))),
            (Shape::Cases, None) => return self.rows.push((id, None)),
            (_, Some(low)) => Item::Range(low, id),
            (_, None) => Item::Expr(id),
        };
        self.take_item(value);
    }

    /// Takes an expression, a range or a whole axis.
    pub(super) fn take_item(&mut self, value: Item) {
        if matches!(self.shape, Shape::Call(_)) {
            let key = self.key.take();
            self.args.push(Arg { key, value });
        } else {
            self.items.push(value);
        }
    }
}
