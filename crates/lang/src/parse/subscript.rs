//! Subscripts with braces: a name such as `g_V2`, indices such as `V[j,k]`, or a delta.

use super::formula::{Shape, Step};
use super::{Parser, Read};
use crate::ast::{Arg, ExprId, Item, Kind, Name};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::token::{Bracket, T, digits, spelled};

/// What a name with a subscript means.
pub(super) enum Subscripted {
    /// A name as a whole.
    Name(String),
    /// A name and its indices.
    Index(Vec<Item>),
}

impl Parser<'_> {
    /// At `_` after an operand.
    pub(super) fn subscript(&mut self, base: ExprId) -> Read<Step> {
        let at = self.advance().span;
        match self.kind() {
            T::Open(Bracket::Group) => Some(self.open(Shape::Subscript(base))),
            T::Name | T::Number if self.tex() || matches!(self.tree.kind(base), Kind::Name(_)) => {
                let (item, span) = self.single_subscript()?;
                self.subscripted(base, vec![item], span)
            }
            _ => {
                let wrong = Diagnostic::error("E0014", at, "`_` after a formula");
                self.report(wrong.help("(A @ x)[i]  picks an entry"));
                None
            }
        }
    }

    /// The one sign after `_`.
    pub(super) fn single_subscript(&mut self) -> Read<(Item, Span)> {
        let (kind, span) = (self.kind(), self.span());
        self.advance();
        let text = spelled(self.slice(span));
        let kind = match kind {
            T::Name => Kind::Name(text),
            _ => match digits(&text).parse::<i64>() {
                Ok(value) => Kind::Number(value.into()),
                Err(_) => return self.ambiguous(span),
            },
        };
        Some((Item::Expr(self.tree.push(kind, span)), span))
    }

    /// The subscript of `base` was read.
    pub(super) fn subscripted(&mut self, base: ExprId, items: Vec<Item>, end: Span) -> Read<Step> {
        let span = self.tree.span(base).to(end);
        let Kind::Name(name) = self.tree.kind(base).clone() else {
            return Some(Step::After(self.tree.push(Kind::Index(base, items), span)));
        };
        if name == "delta" && !self.is_declared("delta") {
            return self.delta_of(base, &items, span);
        }
        let kind = match self.meaning(&name, items, base, span)? {
            Subscripted::Name(whole) => {
                self.tree.truncate(base.0 as usize);
                Kind::Name(whole)
            }
            Subscripted::Index(items) => Kind::Index(base, items),
        };
        Some(Step::After(self.tree.push(kind, span)))
    }

    /// Whether a name with a subscript is one name or an entry. Without declarations a plain subscript stays part of
    /// the name, as it was written; the elaboration knows more.
    pub(super) fn meaning(
        &mut self,
        name: &str,
        items: Vec<Item>,
        base: ExprId,
        span: Span,
    ) -> Read<Subscripted> {
        let [Item::Expr(only)] = items[..] else { return Some(Subscripted::Index(items)) };
        let below = match self.tree.kind(only) {
            Kind::Name(below) => below.clone(),
            Kind::Number(value) if value.is_integer() => value.to_string(),
            _ => return Some(Subscripted::Index(items)),
        };
        for whole in [format!("{name}_{below}"), format!("{name}{below}")] {
            if self.is_declared(&whole) {
                return Some(Subscripted::Name(whole));
            }
        }
        let letters = below.chars().count();
        let number = below.bytes().all(|b| b.is_ascii_digit());
        if !self.tex() {
            return Some(Subscripted::Name(format!("{name}_{below}")));
        }
        if number && letters > 1 {
            return self.ambiguous(span);
        }
        if number || letters == 1 || self.is_declared(&below) || below.starts_with(|c: char| !c.is_ascii()) {
            return Some(Subscripted::Index(items));
        }
        let written = self.slice(self.tree.span(only));
        if written.starts_with('\\') || written.chars().any(|c| !c.is_ascii_alphabetic()) {
            // `g_{V_2}` of a name that is not declared: the elaboration says so.
            let simple = written.starts_with('\\') && !written.contains('{');
            let index = Subscripted::Index(items);
            return Some(if simple { index } else { Subscripted::Name(format!("{name}_{below}")) });
        }
        // `V_{jk}`: one index a letter.
        let start = self.tree.span(only).start;
        self.tree.truncate(base.0 as usize + 1);
        let each = written.char_indices().map(|(k, c)| {
            let at = Span::new(start + k, start + k + c.len_utf8());
            Item::Expr(self.tree.push(Kind::Name(c.to_string()), at))
        });
        Some(Subscripted::Index(each.collect()))
    }

    fn ambiguous<X>(&mut self, span: Span) -> Read<X> {
        let text = self.slice(span);
        let wrong = Diagnostic::error("E0014", span, format!("`{text}` may have one index or several"));
        let (name, below) = text.split_once('_').unwrap_or((text, ""));
        let below = below.trim_matches(['{', '}', ' ']);
        let several: Vec<String> = below.chars().map(|c| c.to_string()).collect();
        let plain = format!("{name}_{{{}}}", several.join(","));
        self.report(
            wrong
                .help(format!("{plain}  for several;  {name}[{below}]  for one;  or declare {name}_{below}")),
        );
        None
    }

    /// `\delta_{ij}`, `\delta_{i,j}`, `\delta_{i=j}`
    fn delta_of(&mut self, base: ExprId, items: &[Item], span: Span) -> Read<Step> {
        if let [Item::Expr(i), Item::Expr(j)] = items[..] {
            let name = Name { text: "delta".into(), span: self.tree.span(base) };
            let args = [i, j].map(|id| Arg { key: None, value: Item::Expr(id) });
            return Some(Step::After(self.tree.push(Kind::Call(name, args.to_vec()), span)));
        }
        if let [Item::Expr(only)] = items[..]
            && let Kind::Name(below) = self.tree.kind(only).clone()
            && let Some((i, j)) = super::atom::two_letters(&below)
            && below.len() == self.slice(self.tree.span(only)).len()
        {
            let at = self.tree.span(only);
            let name = Name { text: "delta".into(), span: self.tree.span(base) };
            self.tree.truncate(base.0 as usize);
            return Some(Step::After(self.delta_at(name, i, j, at, span)));
        }
        let wrong = Diagnostic::error("E0014", span, "a delta has two indices");
        self.report(wrong.help("\\delta_{ij},  \\delta_{i,j+1}  or  delta(i, j)"));
        None
    }

    /// `δ_ij`
    pub(super) fn delta(&mut self, i: char, j: char, span: Span) -> ExprId {
        let below = Span::new(span.end - i.len_utf8() - j.len_utf8(), span.end);
        let name = Name { text: "delta".into(), span };
        self.delta_at(name, i, j, below, span)
    }

    fn delta_at(&mut self, name: Name, i: char, j: char, below: Span, span: Span) -> ExprId {
        let middle = below.start + i.len_utf8();
        let i = self.tree.push(Kind::Name(spelled(&i.to_string())), Span::new(below.start, middle));
        let j = self.tree.push(Kind::Name(spelled(&j.to_string())), Span::new(middle, below.end));
        let args = [i, j].map(|id| Arg { key: None, value: Item::Expr(id) });
        self.tree.push(Kind::Call(name, args.to_vec()), span)
    }
}
