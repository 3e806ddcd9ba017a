//! Formulas by operator precedence: what waits for an operand stands on a list of its own.

use super::derivative::Pending;
use super::{Parser, Read};
use crate::ast::{Arg, ExprId, Item, KeyMark, Kind, Name, Operator};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::token::{Bracket, Command, T};
use crate::syntax::words::Word;

/// What waits for an operand.
pub(super) enum Frame {
    /// `left +`; a product without its sign says so.
    Infix { operator: Operator, at: Span, left: ExprId, juxtaposed: bool },
    /// `-` or `not`.
    Prefix { not: bool, at: Span },
    /// `\log` without brackets.
    Function(Name),
    /// `\sum_{j=0}^{n-1}`, whose body follows.
    Big { name: Name, variable: Name, range: Option<(ExprId, ExprId)> },
    /// `\sum_{j=`, whose bounds follow.
    Bounds { name: Name, variable: Name, low: Option<ExprId> },
    /// `a if`
    Then { then: ExprId, at: Span },
    /// `a if c else`
    Else { then: ExprId, condition: ExprId },
    /// An open bracket.
    Group(Box<Group>),
    /// A derivative, some part of which is being read.
    Derivative(Box<Pending>),
}

/// An open bracket and what was read in it.
pub(super) struct Group {
    pub(super) shape: Shape,
    pub(super) open: Span,
    /// Position of the closing token.
    pub(super) close: usize,
    pub(super) items: Vec<Item>,
    pub(super) args: Vec<Arg>,
    pub(super) key: Option<(Name, KeyMark)>,
    pub(super) low: Option<ExprId>,
    /// Values and conditions of a list of cases; the last one may have no condition.
    pub(super) rows: Vec<(ExprId, Option<ExprId>)>,
}

/// What an open bracket is for.
pub(super) enum Shape {
    Round,
    Square,
    Call(Name),
    /// `cases(c: a, else: b)`
    CasesCall(Name),
    Index(ExprId),
    /// The indices of a part of a derivative.
    PartIndex(Name),
    /// `d(` ... `)`
    PartExpr,
    /// `z_{..}`
    Subscript(ExprId),
    /// `\partial y_{..}`
    PartSubscript(ExprId),
    /// `\frac{`
    Top,
    /// `\frac{top}{`
    Bottom(ExprId),
    /// `\begin{cases}`
    Cases,
    /// Lower bound of `\sum`.
    Low,
    /// Upper bound of `\sum`.
    High,
}

/// Where the loop stands.
pub(super) enum Step {
    /// An operand must follow.
    Operand,
    /// An operand was read.
    After(ExprId),
    /// Nothing more belongs to the formula.
    Done(ExprId),
}

/// The least power: everything up to the bracket binds tighter.
pub(super) const ALL: u8 = 0;

/// How tightly an operator binds.
pub(crate) fn power(operator: Operator) -> u8 {
    match operator {
        Operator::Or => 20,
        Operator::And => 30,
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessEqual
        | Operator::Greater
        | Operator::GreaterEqual => 50,
        Operator::Add | Operator::Sub => 60,
        Operator::Times | Operator::Over | Operator::Dot | Operator::Each | Operator::OverEach => 70,
        Operator::Power | Operator::PowerEach => 90,
    }
}

impl Parser<'_> {
    /// Reads a formula; on a mistake that leaves it without meaning, the reading stands after its outermost bracket.
    pub(super) fn formula(&mut self) -> Read<ExprId> {
        self.frames.clear();
        let mut step = Step::Operand;
        loop {
            let next = match step {
                Step::Operand => self.operand(),
                Step::After(id) => self.after(id),
                Step::Done(id) => return Some(id),
            };
            match next {
                Some(next) => step = next,
                None => {
                    let outermost = self.frames.iter().find_map(|frame| match frame {
                        Frame::Group(group) => Some(group.close),
                        _ => None,
                    });
                    self.at =
                        outermost.map_or(self.at, |close| self.at.max(close + 1)).min(self.tokens.len() - 1);
                    self.frames.clear();
                    return None;
                }
            }
        }
    }

    /// Opens a bracket at the next token.
    pub(super) fn open(&mut self, shape: Shape) -> Step {
        let close = self.partner[self.at];
        let open = self.advance().span;
        let (items, args, rows) = (Vec::new(), Vec::new(), Vec::new());
        self.frames.push(Frame::Group(Box::new(Group {
            shape,
            open,
            close,
            items,
            args,
            key: None,
            low: None,
            rows,
        })));
        Step::Operand
    }

    /// The innermost open bracket, when nothing stands between.
    pub(super) fn group(&mut self) -> Option<&mut Group> {
        match self.frames.last_mut() {
            Some(Frame::Group(group)) => Some(group),
            _ => None,
        }
    }

    /// An operand was read: what follows it?
    fn after(&mut self, id: ExprId) -> Read<Step> {
        let token = self.token();
        match token.kind {
            T::Prime => {
                self.advance();
                let span = self.tree.span(id).to(token.span);
                Some(Step::After(self.tree.push(Kind::Transpose(id), span)))
            }
            T::Dot if self.slice(self.ahead(1).span) == "T" && self.before() == token.span.start => {
                self.advance();
                let span = self.tree.span(id).to(self.advance().span);
                Some(Step::After(self.tree.push(Kind::Transpose(id), span)))
            }
            T::Open(Bracket::Square) if self.is_index(id) => Some(self.open(Shape::Index(id))),
            T::Underscore => self.subscript(id),
            T::Operator(operator) => self.infix(id, operator),
            T::Word(Word::And) => self.infix(id, Operator::And),
            T::Word(Word::Or) => self.infix(id, Operator::Or),
            T::Word(Word::If) => self.condition(id),
            T::Word(Word::Else) => self.otherwise(id),
            T::Comma | T::Colon | T::Equals | T::DotDot | T::Close(_) | T::Ampersand | T::RowEnd => {
                self.mark(id)
            }
            T::HeldBar => self.held(id),
            T::Name if self.in_case && self.ahead(1).kind == T::Equals => self.finish(id),
            _ if self.begins_operand() => self.juxtaposed(id),
            _ => self.finish(id),
        }
    }

    /// In LaTeX a bracket that does not touch a name is a factor: `x_i [x_i > 0]`.
    fn is_index(&self, id: ExprId) -> bool {
        !self.tex() || (matches!(self.tree.kind(id), Kind::Name(_)) && self.before() == self.span().start)
    }

    fn begins_operand(&self) -> bool {
        match self.kind() {
            T::Command(command) => command != Command::Top,
            T::Open(bracket) => bracket != Bracket::Curly,
            kind => matches!(kind, T::Name | T::Number | T::Text | T::Partial),
        }
    }

    fn infix(&mut self, id: ExprId, operator: Operator) -> Read<Step> {
        let at = self.advance().span;
        if power(operator) == 90 && self.is_transposed() {
            let span = self.tree.span(id).to(Span::new(at.start, self.before()));
            return Some(Step::After(self.tree.push(Kind::Transpose(id), span)));
        }
        let left = self.reduce(id, power(operator) + u8::from(power(operator) == 90), Some(operator))?;
        self.frames.push(Frame::Infix { operator, at, left, juxtaposed: false });
        Some(Step::Operand)
    }

    /// After `^`: `\top`, `{\top}`, and in LaTeX `T` where that is no name.
    fn is_transposed(&mut self) -> bool {
        let braced = usize::from(self.kind() == T::Open(Bracket::Group));
        let inner = self.ahead(braced);
        let letter =
            inner.kind == T::Name && self.slice(inner.span) == "T" && self.tex() && !self.is_declared("T");
        let found = (letter || inner.kind == T::Command(Command::Top))
            && (braced == 0 || self.ahead(2).kind == T::Close(Bracket::Group));
        if found {
            self.at += 1 + 2 * braced;
        }
        found
    }

    fn condition(&mut self, id: ExprId) -> Read<Step> {
        let then = self.reduce(id, 15, None)?;
        if let Some(group) = self.group()
            && matches!(group.shape, Shape::Cases)
        {
            return self.mark(then);
        }
        let at = self.advance().span;
        if let Some(Frame::Then { at: outer, .. }) = self.frames.last() {
            let wrong = Diagnostic::error("E0018", at, "an `if` stands in the condition of an `if`");
            let wrong = wrong
                .label(*outer, "the outer one")
                .help("put the inner one in brackets:  a if (b if c else d) else e");
            self.report(wrong);
        }
        self.frames.push(Frame::Then { then, at });
        Some(Step::Operand)
    }

    fn otherwise(&mut self, id: ExprId) -> Read<Step> {
        let condition = self.reduce(id, 10, None)?;
        match self.frames.last() {
            Some(&Frame::Then { then, .. }) => {
                self.advance();
                self.frames.pop();
                self.frames.push(Frame::Else { then, condition });
                Some(Step::Operand)
            }
            Some(Frame::Group(group)) if matches!(group.shape, Shape::Cases) => self.mark(condition),
            _ => {
                let wrong = Diagnostic::error("E0018", self.span(), "`else` without an `if`");
                self.report(wrong.help("a if c else b"));
                None
            }
        }
    }

    /// Two operands without a sign between them.
    fn juxtaposed(&mut self, id: ExprId) -> Read<Step> {
        let at = Span::new(self.span().start, self.span().start);
        let numbers = matches!(self.tree.kind(id), Kind::Number(_)) && self.kind() == T::Number;
        if self.tex() && !numbers {
            if let Some(Frame::Group(group)) = self.frames.last_mut()
                && matches!(group.shape, Shape::Subscript(_) | Shape::PartSubscript(_))
                && matches!(self.tree.kind(id), Kind::Name(_))
            {
                // `V_{i j}` has two indices; a space makes no product of them.
                group.items.push(Item::Expr(id));
                return Some(Step::Operand);
            }
            let left = self.reduce(id, 70, None)?;
            if let Some(function) = self.bare_function(left) {
                let name = function.text.clone();
                let wrong =
                    Diagnostic::error("E0017", function.span, format!("how far does `{name}` reach?"));
                self.report(
                    wrong
                        .label(at, "up to here, or further?")
                        .help(format!("write  \\{name}(..)  with brackets")),
                );
            }
            self.frames.push(Frame::Infix { operator: Operator::Times, at, left, juxtaposed: false });
            return Some(Step::Operand);
        }
        let left = self.reduce(id, 70, None)?;
        self.frames.push(Frame::Infix { operator: Operator::Times, at, left, juxtaposed: true });
        Some(Step::Operand)
    }

    /// The function without brackets that `id` ends with, when another factor follows: `\log x y`.
    fn bare_function(&self, id: ExprId) -> Option<Name> {
        if self.kind() == T::Command(Command::Function) {
            return None;
        }
        let last = match self.tree.kind(id) {
            Kind::Binary(_, _, _, right) => *right,
            _ => id,
        };
        match self.tree.kind(last) {
            Kind::Call(name, args) if self.slice(name.span).starts_with('\\') => match args[..] {
                [Arg { value: Item::Expr(arg), .. }] => {
                    // With brackets the span of the call ends after that of its argument.
                    let (call, arg) = (self.tree.span(last), self.tree.span(arg));
                    (call.end == arg.end && !self.slice(arg).starts_with('(')).then(|| name.clone())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Nothing that continues a formula follows.
    fn finish(&mut self, id: ExprId) -> Read<Step> {
        let whole = self.reduce(id, ALL, None)?;
        match self.frames.last() {
            None => Some(Step::Done(whole)),
            Some(Frame::Group(group)) => {
                let close = self.slice(self.tokens[group.close].span).to_string();
                // A bracket that was supplied was told.
                if close.is_empty() { None } else { self.expected(&format!("an operator or `{close}`"), "") }
            }
            Some(Frame::Then { at, .. }) => {
                let wrong = Diagnostic::error("E0018", *at, "`if` without an `else`");
                self.report(wrong.help("a if c else b"));
                None
            }
            Some(_) => self.expected("the rest of a derivative", "d(f)/d(x)"),
        }
    }
}
