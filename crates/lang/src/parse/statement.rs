//! Each kind of item.

use super::{Parser, Read};
use crate::ast::{
    Ask, BaseType, Claim, EntryKind, Equation, Expect, ExprId, Kind, Left, Name, Operator, Role, Setting,
    Side, Tolerance, TypeExpr,
};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::token::{Bracket, T};
use crate::syntax::words::Word;
use chainrule_core::rational::Rational;

impl Parser<'_> {
    /// Reads an item; names that it declares are told even where its rest is wrong.
    pub(super) fn statement(&mut self, names: &mut Vec<Name>) -> Read<EntryKind> {
        let T::Word(word) = self.kind() else { return self.setting() };
        if !word.begins_item() || word == Word::Problem {
            return self.no_item();
        }
        self.advance();
        match word {
            Word::Dim => self.dim(names),
            Word::Var => self.declaration(Role::Var, names),
            Word::Const => self.declaration(Role::Const, names),
            Word::Param => self.declaration(Role::Param, names),
            Word::Def => self.def(names),
            Word::Let => self.nickname(names),
            Word::Assume => Some(EntryKind::Assume(self.condition_of("assume")?)),
            Word::Case => self.case(),
            Word::Claim => self.claim(),
            Word::Expect => self.expectation(),
            Word::Answer => self.answer(),
            Word::Derive => self.derive(),
            Word::Explain => self.explain(),
            _ => self.check(),
        }
    }

    fn setting(&mut self) -> Read<EntryKind> {
        let (text, next) = (self.slice(self.span()), self.ahead(1));
        let word = self.slice(next.span);
        if self.kind() != T::Name || matches!(next.kind, T::Equals | T::Colon | T::Open(_)) {
            return self.no_item();
        }
        let setting = match text {
            "title" if next.kind == T::Text => Setting::Title(self.unquoted(next.span)),
            "title" => return self.setting_wrong("a text", "title \"Homework 8\""),
            "index" if word == "base" => {
                self.advance();
                let digits = self.slice(self.ahead(1).span);
                match digits.parse::<i64>() {
                    Ok(base) if self.ahead(1).kind == T::Number => Setting::IndexBase(base),
                    _ => return self.setting_wrong("0 or 1", "index base 0"),
                }
            }
            "index" => return self.setting_wrong("`base`", "index base 0"),
            "layout" if matches!(word, "numerator" | "denominator") => {
                Setting::NumeratorLayout(word == "numerator")
            }
            "layout" => return self.setting_wrong("`numerator` or `denominator`", "layout numerator"),
            "einstein" if matches!(word, "on" | "off") => Setting::Einstein(word == "on"),
            "einstein" => return self.setting_wrong("`on` or `off`", "einstein on"),
            "grading" => {
                let written = self.slice(next.span.to(self.ahead(3).span));
                if written != "follow-through" {
                    return self.setting_wrong("`follow-through`", "grading follow-through");
                }
                self.at += 2;
                Setting::FollowThrough
            }
            "feedback" if next.kind == T::Name => {
                if !matches!(word, "verdict" | "hint" | "counterexample" | "full") {
                    let what = "`verdict`, `hint`, `counterexample` or `full`";
                    return self.setting_wrong(what, "feedback hint");
                }
                Setting::Feedback(Name { text: word.to_string(), span: next.span })
            }
            "feedback" => return self.setting_wrong("how much is told", "feedback hint"),
            _ => return self.no_item(),
        };
        self.advance();
        self.advance();
        Some(EntryKind::Setting(setting))
    }

    fn setting_wrong<X>(&mut self, what: &str, help: &str) -> Read<X> {
        self.advance();
        self.expected(what, help)
    }

    fn dim(&mut self, names: &mut Vec<Name>) -> Read<EntryKind> {
        loop {
            // A size is never called, so `d` cannot be mistaken for a derivative.
            names.push(self.name("the name of a size")?);
            if !self.eat(T::Comma) {
                break;
            }
        }
        let condition = match self.eat(T::Word(Word::Where)) {
            true => Some(self.condition_of("where")?),
            false => None,
        };
        Some(EntryKind::Dim { names: names.clone(), condition })
    }

    fn declaration(&mut self, role: Role, names: &mut Vec<Name>) -> Read<EntryKind> {
        loop {
            names.push(self.new_name("the name of a variable")?);
            if !self.eat(T::Comma) {
                break;
            }
        }
        self.expect(T::Colon, "`:` and a type", "var x : real[n]")?;
        let ty = self.type_expr()?;
        Some(EntryKind::Declaration { role, names: names.clone(), ty })
    }

    fn type_expr(&mut self) -> Read<TypeExpr> {
        let start = self.span();
        let base = match self.slice(start) {
            "real" => BaseType::Real,
            "bool" => BaseType::Bool,
            "index" => {
                self.advance();
                let at = self.span();
                if self.kind() != T::Open(Bracket::Square) {
                    return self.expected("`[` and the size that a label is below", "const y : index[n]");
                }
                match self.dims()?[..] {
                    [below] => BaseType::Index(below),
                    _ => {
                        let wrong = Diagnostic::error("E0008", at, "a label is below one size");
                        self.report(
                            wrong.help("index[n]  for one label,  index[n][B]  for a vector of labels"),
                        );
                        return None;
                    }
                }
            }
            _ => return self.expected("a type", "real, real[m,n], bool, index[n]"),
        };
        if !matches!(base, BaseType::Index(_)) {
            self.advance();
        }
        let dims = if self.kind() == T::Open(Bracket::Square) { self.dims()? } else { Vec::new() };
        Some(TypeExpr { base, dims, span: Span::new(start.start, self.before()) })
    }

    fn dims(&mut self) -> Read<Vec<ExprId>> {
        self.advance();
        let mut dims = Vec::new();
        if self.eat(T::Close(Bracket::Square)) {
            return Some(dims);
        }
        loop {
            dims.push(self.formula()?);
            if !self.eat(T::Comma) {
                break;
            }
        }
        self.expect(T::Close(Bracket::Square), "`,` or `]`", "real[m,n]")?;
        Some(dims)
    }

    fn def(&mut self, names: &mut Vec<Name>) -> Read<EntryKind> {
        let name = self.new_name("the name that is defined")?;
        names.push(name.clone());
        if self.kind() == T::Open(Bracket::Round) {
            return self.expected(
                "`=` or `[`",
                "def y[i] = ...  defines the entries of y; functions are not defined",
            );
        }
        let indices = if self.kind() == T::Open(Bracket::Square) { self.left_indices()? } else { Vec::new() };
        self.expect(T::Equals, "`=` and a formula", "def y = V @ x + b")?;
        let value = self.formula()?;
        Some(EntryKind::Def { left: Left { name, indices }, value })
    }

    #[allow(clippy::type_complexity, reason = "the type of a field of the tree")]
    fn left_indices(&mut self) -> Read<Vec<(Name, Option<(ExprId, ExprId)>)>> {
        self.advance();
        let mut indices = Vec::new();
        loop {
            let index = self.new_name("the name of an index")?;
            let mut range = None;
            if self.eat(T::Equals) {
                let low = self.formula()?;
                self.expect(T::DotDot, "`..` and the upper bound", "def t[k=0..2] = x[k+1]")?;
                range = Some((low, self.formula()?));
            }
            indices.push((index, range));
            if !self.eat(T::Comma) {
                break;
            }
        }
        self.expect(T::Close(Bracket::Square), "`,` or `]`", "def y[i,j] = ...")?;
        Some(indices)
    }

    fn nickname(&mut self, names: &mut Vec<Name>) -> Read<EntryKind> {
        let name = self.new_name("a nickname")?;
        names.push(name.clone());
        if self.kind() == T::Open(Bracket::Square) {
            return self.expected("`=`", "let  names a whole formula; with indices use  def");
        }
        self.expect(T::Equals, "`=` and a formula", "let J_q = dz/dq")?;
        Some(EntryKind::Let { name, value: self.formula()? })
    }

    /// A condition; `=` in it is a slip for `==`.
    fn condition_of(&mut self, word: &str) -> Read<ExprId> {
        let condition = self.formula()?;
        if self.kind() == T::Equals {
            let wrong = Diagnostic::error("E0010", self.span(), format!("`=` in the condition of `{word}`"));
            self.report(wrong.help("==  compares"));
            return None;
        }
        Some(condition)
    }

    fn case(&mut self) -> Read<EntryKind> {
        let name = self.name("the name of the case")?;
        if self.kind() == T::Newline && self.ahead(1).kind == T::Open(Bracket::Curly) {
            self.advance();
        }
        if self.kind() != T::Open(Bracket::Curly) {
            return self.expected("`{` and values", "case A { x = [1, 2] }");
        }
        let close = self.partner[self.at];
        self.advance();
        let (mut values, mut wrong) = (Vec::new(), false);
        while self.at < close {
            if matches!(self.kind(), T::Newline | T::Semicolon) {
                self.advance();
                continue;
            }
            match self.case_value() {
                Some(value) => values.push(value),
                None => {
                    wrong = true;
                    while self.at < close && !matches!(self.kind(), T::Newline | T::Semicolon) {
                        self.at = if matches!(self.kind(), T::Open(_)) {
                            self.partner[self.at] + 1
                        } else {
                            self.at + 1
                        };
                    }
                }
            }
        }
        self.at = close;
        self.advance();
        (!wrong).then_some(EntryKind::Case { name, values })
    }

    fn case_value(&mut self) -> Read<(Name, ExprId)> {
        let name = self.name("a name and its value")?;
        self.expect(T::Equals, "`=` and a value", "case A { x = [1, 2]; n = 2 }")?;
        self.in_case = true;
        let value = self.formula();
        self.in_case = false;
        let value = value?;
        match self.kind() {
            T::Newline | T::Semicolon | T::Close(Bracket::Curly) => Some((name, value)),
            _ => self.expected("`;`, a new line or `}`", "case A { x = [1, 2]; n = 2 }"),
        }
    }

    /// `points 0.5`, if it is there.
    #[allow(clippy::option_option, reason = "whether it was read, and whether it is there")]
    pub(super) fn points(&mut self) -> Read<Option<Rational>> {
        if !self.eat(T::Word(Word::Points)) {
            return Some(None);
        }
        self.number("a number of points").map(Some)
    }

    /// A label and its colon, if they are there.
    fn label_and_colon(&mut self) -> Option<Name> {
        let first = self.at;
        let label = self.label();
        if label.is_some() && self.eat(T::Colon) {
            return label;
        }
        self.at = first;
        None
    }

    fn claim(&mut self) -> Read<EntryKind> {
        let label = self.label_and_colon();
        let equation = self.equation()?;
        if equation.sides.len() == 1 {
            return self.one_side(equation.sides[0], "claim a: dl/dz = ...");
        }
        let given = match self.eat(T::Word(Word::Given)) {
            true => Some(self.condition_of("given")?),
            false => None,
        };
        let points = self.points()?;
        Some(EntryKind::Claim(Claim { label, equation, given, points }))
    }

    /// An equation that lacks its `=`.
    fn one_side<X>(&mut self, side: Side, help: &str) -> Read<X> {
        if let Some(at) = self.comparison(side) {
            let wrong = Diagnostic::error("E0010", at, "`==` where the sides of an equation meet");
            self.report(wrong.help("=  between the sides;  ==  compares inside a formula"));
            return None;
        }
        self.expected("`=` and the other side", help)
    }

    /// Where the `==` of a side that is a comparison stands.
    fn comparison(&self, side: Side) -> Option<Span> {
        let Side::Expr(id) = side else { return None };
        match self.tree.kind(id) {
            Kind::Binary(Operator::Equal, at, ..) => Some(*at),
            _ => None,
        }
    }

    /// `a = b = c holding h`
    pub(super) fn equation(&mut self) -> Read<Equation> {
        self.held.clear();
        let start = self.span();
        let mut sides = Vec::new();
        loop {
            let at = self.span();
            sides.push(if self.eat(T::Question) { Side::Asked(at) } else { Side::Expr(self.formula()?) });
            if !self.eat(T::Equals) {
                break;
            }
        }
        let mut holding = std::mem::take(&mut self.held);
        holding.extend(self.holding()?);
        Some(Equation { sides, holding, span: Span::new(start.start, self.before()) })
    }

    fn holding(&mut self) -> Read<Vec<Name>> {
        let mut names = Vec::new();
        if self.eat(T::Word(Word::Holding)) {
            loop {
                names.push(self.name("what is held fixed")?);
                if !self.eat(T::Comma) {
                    break;
                }
            }
        }
        Some(names)
    }

    fn expectation(&mut self) -> Read<EntryKind> {
        let case = self.name("the name of a case")?;
        self.expect(T::Colon, "`:` after the name of the case", "expect A: y = [1, 2]")?;
        let left = self.formula()?;
        if self.kind() != T::Equals {
            return self.one_side(Side::Expr(left), "expect A: y = [1, 2]");
        }
        self.advance();
        let right = self.formula()?;
        let tolerance = if self.eat(T::Word(Word::Tol)) { Some(self.tolerance()?) } else { None };
        let points = self.points()?;
        Some(EntryKind::Expect(Expect { case, left, right, tolerance, points }))
    }

    fn tolerance(&mut self) -> Read<Tolerance> {
        const HELP: &str = "tol 1e-6,  tol 4 digits,  tol auto";
        if self.slice(self.span()) == "auto" {
            self.advance();
            return Some(Tolerance::Auto);
        }
        if self.kind() != T::Number {
            return self.expected("a tolerance", HELP);
        }
        let span = self.span();
        let value = self.number("a tolerance")?;
        if self.slice(self.span()) != "digits" {
            return Some(Tolerance::Number(value));
        }
        self.advance();
        match self.slice(span).parse::<u32>() {
            Ok(digits) if (1..=1000).contains(&digits) => Some(Tolerance::Digits(digits)),
            _ => {
                let wrong =
                    Diagnostic::error("E0003", span, "a number of digits is a whole number from 1 to 1000");
                self.report(wrong.help("tol 4 digits"));
                None
            }
        }
    }

    fn answer(&mut self) -> Read<EntryKind> {
        const HELP: &str = "answer 1.1b: dl/dz = ...";
        let Some(label) = self.label() else { return self.expected("the label of a claim", HELP) };
        self.expect(T::Colon, "`:` after the label", HELP)?;
        let equation = self.equation()?;
        if let [only] = equation.sides[..]
            && self.comparison(only).is_some()
        {
            return self.one_side(only, HELP);
        }
        Some(EntryKind::Answer { label, equation })
    }

    fn derive(&mut self) -> Read<EntryKind> {
        self.held.clear();
        let expr = self.formula()?;
        let mut holding = std::mem::take(&mut self.held);
        holding.extend(self.holding()?);
        Some(EntryKind::Ask(Ask::Derive { expr, holding }))
    }

    fn explain(&mut self) -> Read<EntryKind> {
        let expr = self.formula()?;
        let at = match self.eat(T::Word(Word::At)) {
            true => Some(self.name("the name of a case")?),
            false => None,
        };
        Some(EntryKind::Ask(Ask::Explain { expr, at }))
    }

    fn check(&mut self) -> Read<EntryKind> {
        match self.label() {
            Some(label) => Some(EntryKind::Ask(Ask::Check { label })),
            None => self.expected("the label of a claim", "check a"),
        }
    }
}
