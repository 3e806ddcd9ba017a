//! Formulas as text, with the brackets that their precedence needs.
//!
//! What is to be written stands on a list: pieces of text and expressions in turn, so that no formula is too deep.

use super::Writer;
use super::statement::{decimal, quoted};
use crate::ast::{Arg, Derivative, ExprId, Item, KeyMark, Kind, Operator, Part};
use crate::parse::power;
use crate::syntax::token::digits;
use chainrule_core::rational::Rational;

/// What is still to be written.
enum Piece<'a> {
    Text(&'a str),
    Owned(String),
    /// An expression, in brackets if it binds less tightly than this; `tight` writes no blanks, and the number says
    /// inside how many brackets of arrays it stands.
    Formula(ExprId, u8, bool, u8),
}

/// Operands of `' [..]` and arguments of nothing else.
const ATOM: u8 = 100;

/// `-x` stands between a product and a power.
const NEGATIVE: u8 = 80;

/// `not c` stands between a comparison and `and`.
const NOT: u8 = 40;

/// `a if c else b`
const CHOICE: u8 = 10;

/// An operator as it is written.
fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Sub => "-",
        Operator::Times => "*",
        Operator::Over => "/",
        Operator::Dot => "@",
        Operator::Each => ".*",
        Operator::OverEach => "./",
        Operator::Power => "^",
        Operator::PowerEach => ".^",
        Operator::Equal => "==",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterEqual => ">=",
        Operator::And => "and",
        Operator::Or => "or",
    }
}

impl Writer<'_> {
    /// A formula with blanks around its operators.
    pub(super) fn formula(&self, id: ExprId) -> String {
        self.written(id, false)
    }

    /// A formula inside an index, without blanks.
    pub(super) fn tight(&self, id: ExprId) -> String {
        self.written(id, true)
    }

    fn written(&self, id: ExprId, tight: bool) -> String {
        let mut out = String::new();
        let mut todo = vec![Piece::Formula(id, 0, tight, 0)];
        while let Some(piece) = todo.pop() {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Owned(text) => out.push_str(&text),
                Piece::Formula(id, least, tight, depth) => {
                    let from = todo.len();
                    let brackets = self.binds(id) < least;
                    if brackets {
                        todo.push(Piece::Text("("));
                    }
                    self.pieces(id, tight, depth, &mut todo);
                    if brackets {
                        todo.push(Piece::Text(")"));
                    }
                    todo[from..].reverse();
                }
            }
        }
        out
    }

    fn binds(&self, id: ExprId) -> u8 {
        match self.file.tree.kind(id) {
            Kind::Binary(operator, ..) => power(*operator),
            Kind::Negative(_) => NEGATIVE,
            Kind::Not(_) => NOT,
            Kind::If(..) => CHOICE,
            _ => ATOM,
        }
    }

    /// A number as it was written, if that can be known, else as a decimal.
    fn number(&self, id: ExprId, value: &Rational) -> String {
        let written = digits(self.source.slice(self.file.tree.span(id)));
        let begins = written.starts_with(|c: char| c.is_ascii_digit()) && !written.ends_with('.');
        if begins && Rational::from_decimal(&written).as_ref() == Some(value) {
            return written;
        }
        decimal(value)
    }

    fn pieces<'a>(&'a self, id: ExprId, tight: bool, depth: u8, todo: &mut Vec<Piece<'a>>) {
        match self.file.tree.kind(id) {
            Kind::Number(value) => todo.push(Piece::Owned(self.number(id, value))),
            Kind::Text(text) => todo.push(Piece::Owned(quoted(text))),
            Kind::Name(name) => todo.push(Piece::Text(name)),
            Kind::Call(name, args) => {
                todo.push(Piece::Text(&name.text));
                todo.push(Piece::Text("("));
                self.args(args, tight, todo);
                todo.push(Piece::Text(")"));
            }
            Kind::Index(base, items) => {
                // The indices after `dl/dz` belong to z.
                let derivative = matches!(self.file.tree.kind(*base), Kind::Derivative(_));
                todo.push(Piece::Formula(*base, if derivative { ATOM + 1 } else { ATOM }, tight, 0));
                self.items(items, todo);
            }
            Kind::Transpose(of) => {
                todo.push(Piece::Formula(*of, ATOM, tight, 0));
                todo.push(Piece::Text("'"));
            }
            Kind::Negative(of) => {
                todo.push(Piece::Text("-"));
                todo.push(Piece::Formula(*of, NEGATIVE, tight, 0));
            }
            Kind::Not(of) => {
                todo.push(Piece::Text("not "));
                todo.push(Piece::Formula(*of, NOT, tight, 0));
            }
            Kind::Binary(operator, _, left, right) => self.binary(*operator, *left, *right, tight, todo),
            Kind::If(then, condition, otherwise) => {
                todo.push(Piece::Formula(*then, CHOICE + 1, tight, 0));
                todo.push(Piece::Text(" if "));
                todo.push(Piece::Formula(*condition, CHOICE + 1, tight, 0));
                todo.push(Piece::Text(" else "));
                todo.push(Piece::Formula(*otherwise, CHOICE, tight, 0));
            }
            Kind::Bracket(ids) => {
                // The rows of a matrix are set off by blanks, its entries are not; so are the entries of a vector.
                let nested = ids.iter().any(|&id| matches!(self.file.tree.kind(id), Kind::Bracket(_)));
                let comma = if depth == 0 && (nested || !tight) { ", " } else { "," };
                todo.push(Piece::Text("["));
                for (k, &id) in ids.iter().enumerate() {
                    if k > 0 {
                        todo.push(Piece::Text(comma));
                    }
                    todo.push(Piece::Formula(id, 0, tight, depth.saturating_add(1)));
                }
                todo.push(Piece::Text("]"));
            }
            Kind::Derivative(derivative) => self.derivative(derivative, tight, todo),
        }
    }

    fn binary<'a>(
        &'a self,
        operator: Operator,
        left: ExprId,
        right: ExprId,
        tight: bool,
        todo: &mut Vec<Piece<'a>>,
    ) {
        let binds = power(operator);
        // Left operands of one level stand as they are; a power groups to the right, and comparisons do not chain.
        let (least_left, least_right) = match operator {
            Operator::Power | Operator::PowerEach => (binds + 1, NEGATIVE),
            _ if binds == 50 => (51, 51),
            _ => (binds, binds + 1),
        };
        let is_number = |id| matches!(self.file.tree.kind(id), Kind::Number(_));
        let words = matches!(operator, Operator::And | Operator::Or);
        // `1/2` is read as a number.
        let fraction = operator == Operator::Over && is_number(left) && is_number(right);
        // A dot after a digit would be read with it: `2 .* x` keeps its blanks.
        let dotted = sign(operator).starts_with('.');
        let power = matches!(operator, Operator::Power);
        let close = !words && !dotted && (tight || fraction || power);
        todo.push(Piece::Formula(left, least_left, tight, 0));
        todo.push(Piece::Text(if close { "" } else { " " }));
        todo.push(Piece::Text(sign(operator)));
        todo.push(Piece::Text(if close { "" } else { " " }));
        // `dl/(dz)` of two variables would be read as a derivative without the brackets.
        let apart = operator == Operator::Over && self.begins_with_d(right) && self.ends_with_d(left);
        todo.push(Piece::Formula(right, if apart { ATOM + 1 } else { least_right }, tight, 0));
    }

    fn begins_with_d(&self, mut id: ExprId) -> bool {
        loop {
            id = match self.file.tree.kind(id) {
                Kind::Binary(_, _, inner, _) | Kind::Index(inner, _) | Kind::Transpose(inner) => *inner,
                Kind::Name(name) => return name.starts_with('d'),
                kind => return matches!(kind, Kind::Derivative(_)),
            }
        }
    }

    fn ends_with_d(&self, mut id: ExprId) -> bool {
        loop {
            id = match self.file.tree.kind(id) {
                Kind::Binary(_, _, _, inner) | Kind::Negative(inner) | Kind::Not(inner) => *inner,
                Kind::If(_, _, inner) | Kind::Index(inner, _) => *inner,
                Kind::Name(name) => return name.starts_with('d'),
                _ => return false,
            }
        }
    }

    fn args<'a>(&'a self, args: &'a [Arg], tight: bool, todo: &mut Vec<Piece<'a>>) {
        for (k, arg) in args.iter().enumerate() {
            if k > 0 {
                todo.push(Piece::Text(if tight { "," } else { ", " }));
            }
            if let Some((name, mark)) = &arg.key {
                todo.push(Piece::Text(&name.text));
                todo.push(Piece::Text(if *mark == KeyMark::Equals { "=" } else { ": " }));
            }
            self.one_item(arg.value, tight, todo);
        }
    }

    fn one_item<'a>(&'a self, item: Item, tight: bool, todo: &mut Vec<Piece<'a>>) {
        match item {
            Item::Expr(id) => todo.push(Piece::Formula(id, 0, tight, 0)),
            Item::Range(low, high) => {
                todo.push(Piece::Formula(low, 0, true, 0));
                todo.push(Piece::Text(".."));
                todo.push(Piece::Formula(high, 0, true, 0));
            }
            Item::All(_) => todo.push(Piece::Text(":")),
        }
    }

    fn items<'a>(&'a self, items: &'a [Item], todo: &mut Vec<Piece<'a>>) {
        todo.push(Piece::Text("["));
        for (k, &item) in items.iter().enumerate() {
            if k > 0 {
                todo.push(Piece::Text(","));
            }
            self.one_item(item, true, todo);
        }
        todo.push(Piece::Text("]"));
    }

    fn derivative<'a>(&'a self, derivative: &'a Derivative, tight: bool, todo: &mut Vec<Piece<'a>>) {
        // `d(f)/d(x)` and `d2(f)/dx dx` say by themselves that they are derivatives.
        let is_expr = |part: &Part| matches!(part, Part::Expr(_));
        let called = is_expr(&derivative.numerator) || derivative.denominators.iter().any(is_expr);
        let round = derivative.explicit && !called;
        let d = if round { "∂" } else { "d" };
        todo.push(Piece::Text(d));
        let several = derivative.order > 1;
        if several {
            let order = derivative.order;
            todo.push(Piece::Owned(if round { format!("^{order}") } else { order.to_string() }));
        }
        // After `∂^2` a bracket or a letter follows; a blank keeps digits and letters apart.
        if several && round {
            todo.push(Piece::Text(" "));
        }
        self.part(&derivative.numerator, tight, todo);
        todo.push(Piece::Text("/"));
        for (k, part) in derivative.denominators.iter().enumerate() {
            let before_name = k > 0
                && matches!(derivative.denominators[k - 1], Part::Named(_, ref items) if items.is_empty());
            todo.push(Piece::Text(if before_name { " " } else { "" }));
            todo.push(Piece::Text(d));
            self.part(part, tight, todo);
        }
    }

    fn part<'a>(&'a self, part: &'a Part, tight: bool, todo: &mut Vec<Piece<'a>>) {
        match part {
            Part::Named(name, items) => {
                todo.push(Piece::Text(&name.text));
                if !items.is_empty() {
                    self.items(items, todo);
                }
            }
            Part::Expr(id) => {
                todo.push(Piece::Text("("));
                todo.push(Piece::Formula(*id, 0, tight, 0));
                todo.push(Piece::Text(")"));
            }
        }
    }
}
