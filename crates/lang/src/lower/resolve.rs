//! What each name of a formula stands for: a letter, a declared thing, a function, a number.
//!
//! Users come after their operands in the tree, so one pass from the end hands scopes down: a binder opens a scope for
//! its last argument, everything else passes its own on.

use super::Lowering;
use super::letters::{Facts, Letter};
use crate::ast::{Arg, ExprId, Item, KeyMark, Kind, Operator, Part};
use crate::diagnostic::Diagnostic;
use crate::scope::Meaning;
use crate::source::Span;
use chainrule_core::shape::Dim;

/// Words that bind an index when their first argument is not declared.
pub(crate) const BINDERS: [&str; 8] = ["sum", "prod", "max", "min", "mean", "argmax", "logsumexp", "argmin"];

/// A name that a binder binds, and its stated range.
type BoundName = (String, Span, Option<(ExprId, ExprId)>);

/// What an expression of the formula stands for, where its kind alone does not say.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Reading {
    /// The kind says it, or nothing reads it.
    Plain,
    /// A letter.
    Letter(Letter),
    /// A declared name.
    Declared(String),
    /// `z_i`, understood as `z[i]`.
    Subscripted(String, Vec<Subscript>),
    /// `pi`, `e`, `inf`, `nan`
    Constant(&'static str),
    /// A call that binds these letters in its last argument.
    Binder(Vec<Letter>),
    /// An expression without meaning; it was reported.
    Wrong,
}

/// One index written as a subscript.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Subscript {
    /// A letter.
    Letter(Letter),
    /// A declared label.
    Label(String),
    /// A position.
    Number(i64),
}

/// A letter in scope, and the scope around it; 0 is the empty scope.
struct Nested {
    outer: usize,
    letter: Letter,
}

/// Names that wait to be letters: where, in which scope, and whether an index is due there.
struct Undeclared {
    at: ExprId,
    index_due: bool,
}

/// The state of the pass.
pub(crate) struct Resolver<'l, 's, 't> {
    l: &'l mut Lowering<'s, 't>,
    scopes: Vec<Nested>,
    place: Vec<Option<(usize, bool)>>,
    undeclared: Vec<Undeclared>,
    binders: Vec<(Letter, Span)>,
}

impl Lowering<'_, '_> {
    /// Finds the meaning of every name below the roots; `first` letters are in scope.
    pub(crate) fn resolve(&mut self, roots: &[ExprId], first: &[Letter]) {
        let place = vec![None; self.order.len()];
        let mut r =
            Resolver { l: self, scopes: Vec::new(), place, undeclared: Vec::new(), binders: Vec::new() };
        let mut scope = 0;
        for &letter in first {
            scope = r.nested(scope, letter);
        }
        for &root in roots {
            r.put(root, scope, false);
        }
        for k in (0..r.place.len()).rev() {
            if let Some((scope, index_due)) = r.place[k] {
                let id = r.l.order[k];
                r.expr(id, scope, index_due);
            }
        }
        r.free_letters();
        r.captures();
    }
}

impl Resolver<'_, '_, '_> {
    fn nested(&mut self, outer: usize, letter: Letter) -> usize {
        self.scopes.push(Nested { outer, letter });
        self.scopes.len()
    }

    fn put(&mut self, id: ExprId, scope: usize, index_due: bool) {
        let k = self.l.slot(id);
        self.place[k] = Some((scope, index_due));
    }

    fn put_item(&mut self, item: &Item, scope: usize, index_due: bool) {
        match item {
            Item::Expr(e) => self.put(*e, scope, index_due),
            Item::Range(a, b) => {
                self.put(*a, scope, index_due);
                self.put(*b, scope, index_due);
            }
            Item::All(_) => {}
        }
    }

    fn in_scope(&self, mut scope: usize, name: &str) -> Option<Letter> {
        while scope > 0 {
            let Nested { outer, letter } = self.scopes[scope - 1];
            if self.l.sheet.letters.get(letter).name.as_deref() == Some(name) {
                return Some(letter);
            }
            scope = outer;
        }
        None
    }

    fn read(&mut self, id: ExprId, reading: Reading) {
        let k = self.l.slot(id);
        self.l.readings[k] = reading;
    }

    fn expr(&mut self, id: ExprId, scope: usize, index_due: bool) {
        let tree = self.l.tree;
        match tree.kind(id) {
            Kind::Number(_) | Kind::Text(_) => {}
            Kind::Name(name) => self.name(id, name, scope, index_due),
            Kind::Call(name, args) => self.call(id, &name.text, args, scope, index_due),
            Kind::Index(base, items) => {
                self.put(*base, scope, false);
                items.iter().for_each(|i| self.put_item(i, scope, true));
            }
            Kind::Transpose(a) | Kind::Not(a) => self.put(*a, scope, false),
            Kind::Negative(a) => self.put(*a, scope, index_due),
            Kind::Binary(Operator::Power, _, a, b)
                if matches!(tree.kind(*b), Kind::Name(n) if n == "T") && self.l.scope.find("T").is_none() =>
            {
                self.put(*a, scope, false);
            }
            Kind::Binary(op, _, a, b) => {
                let due = index_due && matches!(op, Operator::Add | Operator::Sub | Operator::Times);
                self.put(*a, scope, due);
                self.put(*b, scope, due);
            }
            Kind::If(a, c, b) => [a, c, b].into_iter().for_each(|e| self.put(*e, scope, false)),
            Kind::Bracket(list) => list.iter().for_each(|e| self.put(*e, scope, false)),
            Kind::Derivative(d) => {
                for part in std::iter::once(&d.numerator).chain(&d.denominators) {
                    match part {
                        Part::Named(_, items) => items.iter().for_each(|i| self.put_item(i, scope, true)),
                        Part::Expr(e) => self.put(*e, scope, false),
                    }
                }
            }
        }
    }

    fn name(&mut self, id: ExprId, name: &str, scope: usize, index_due: bool) {
        if let Some(letter) = self.in_scope(scope, name) {
            return self.read(id, Reading::Letter(letter));
        }
        if self.l.scope.find(name).is_some() {
            return self.read(id, Reading::Declared(name.to_string()));
        }
        if self.l.scope.broken.contains(name) {
            self.l.broken = true;
            return self.read(id, Reading::Wrong);
        }
        for constant in ["pi", "e", "inf", "nan"] {
            if name == constant && !index_due {
                return self.read(id, Reading::Constant(constant));
            }
        }
        if let Some(reading) = self.subscripted(id, name, scope) {
            return self.read(id, reading);
        }
        self.undeclared.push(Undeclared { at: id, index_due });
    }

    /// `z_i`, `V_ij` where `z` and `V` are declared and `z_i`, `V_ij` are not.
    fn subscripted(&mut self, id: ExprId, name: &str, scope: usize) -> Option<Reading> {
        let (at, _) =
            name.match_indices('_').rev().find(|(at, _)| self.l.scope.node(&name[..*at]).is_some())?;
        let (base, rest) = (&name[..at], &name[at + 1..]);
        let node = self.l.scope.node(base)?;
        let rank = self.l.scope.graph.rank(node);
        let span = self.l.tree.span(id);
        if rank == 0 || rest.is_empty() {
            return None;
        }
        let whole = if rank == 1 { self.subscript(rest, scope, span) } else { None };
        let subscripts: Option<Vec<Subscript>> = if whole.is_some() {
            whole.map(|s| vec![s])
        } else if rest.chars().all(|c| c.is_ascii_digit()) {
            let message = format!("`{name}` may mean {base}[{}] or a name", spaced(rest));
            let wrong = Diagnostic::error("E0012", span, message)
                .help(format!("write {base}[{}], or declare {name}", spaced(rest)));
            self.l.report(wrong);
            return Some(Reading::Wrong);
        } else {
            rest.chars().map(|c| self.subscript(&c.to_string(), scope, span)).collect()
        };
        let subscripts = subscripts.filter(|s| s.len() == rank)?;
        let shown: Vec<String> = rest.chars().map(String::from).collect();
        let shown = if rank == 1 { rest.to_string() } else { shown.join(",") };
        let message =
            format!("understood  {name}  as  {base}[{shown}]   ({base} is declared, {name} is not)");
        self.l.report(Diagnostic::note(span, message));
        Some(Reading::Subscripted(base.to_string(), subscripts))
    }

    fn subscript(&mut self, text: &str, scope: usize, span: Span) -> Option<Subscript> {
        if let Ok(position) = text.parse() {
            return Some(Subscript::Number(position));
        }
        if let Some(letter) = self.in_scope(scope, text) {
            return Some(Subscript::Letter(letter));
        }
        match self.l.scope.find(text) {
            Some(Meaning::Input(node, _) | Meaning::Definition(node) | Meaning::Nickname(node))
                if self.l.is_label(*node) =>
            {
                Some(Subscript::Label(text.to_string()))
            }
            Some(_) => None,
            None => text
                .chars()
                .all(|c| c.is_alphabetic())
                .then(|| Subscript::Letter(self.l.free_letter(text, span))),
        }
    }

    fn call(&mut self, id: ExprId, name: &str, args: &[Arg], scope: usize, index_due: bool) {
        let letters = self.bound_names(name, args);
        if !letters.is_empty() {
            return self.bind(id, args, letters, scope);
        }
        // The arguments of a delta are indices; so are those of a function of indices.
        let due = name == "delta" || (index_due && matches!(name, "max" | "min"));
        for arg in args {
            let word =
                matches!(arg.value, Item::Expr(e) if super::functions::is_word(arg, self.l.tree.kind(e)));
            if !word {
                self.put_item(&arg.value, scope, due);
            }
        }
    }

    /// The names that a call binds: its leading arguments, when they are undeclared names or ranges.
    fn bound_names(&self, name: &str, args: &[Arg]) -> Vec<BoundName> {
        // A body has no key: `sum(A, axis=0)` binds nothing.
        let body = |last: &Arg, leading: &[Arg]| !leading.is_empty() && last.key.is_none();
        let Some((_, leading)) = args.split_last().filter(|(last, leading)| body(last, leading)) else {
            return Vec::new();
        };
        if !BINDERS.contains(&name) {
            return Vec::new();
        }
        let mut bound = Vec::new();
        for arg in leading {
            match (&arg.key, &arg.value) {
                (Some((key, KeyMark::Equals)), Item::Range(a, b)) => {
                    bound.push((key.text.clone(), key.span, Some((*a, *b))));
                }
                (None, Item::Expr(e)) => match self.l.tree.kind(*e) {
                    Kind::Name(letter) if !matches!(name, "max" | "min") || self.may_bind(letter) => {
                        bound.push((letter.clone(), self.l.tree.span(*e), None));
                    }
                    _ => return Vec::new(),
                },
                _ => return Vec::new(),
            }
        }
        bound
    }

    /// An undeclared name, or one that is like an index: a size or a label.
    fn may_bind(&self, name: &str) -> bool {
        match self.l.scope.find(name) {
            None | Some(Meaning::Size(_)) => true,
            Some(Meaning::Input(n, _) | Meaning::Definition(n) | Meaning::Nickname(n)) => {
                self.l.is_label(*n) && self.l.scope.graph.rank(*n) == 0
            }
        }
    }

    fn bind(&mut self, id: ExprId, args: &[Arg], names: Vec<BoundName>, scope: usize) {
        let (mut inside, mut letters) = (scope, Vec::new());
        for (name, span, range) in names {
            if self.l.scope.find(&name).is_some() || self.in_scope(scope, &name).is_some() {
                let message = format!("the index {name} of this binder hides the {name} declared outside");
                self.l.report(
                    Diagnostic::warning("W0201", span, message)
                        .help("another letter for the bound index says the same without doubt"),
                );
            }
            let letter = self.l.sheet.letters.add(Facts {
                name: Some(name),
                span,
                low: Dim::ZERO,
                stated: range.is_some(),
                extent: None,
                told_by: span,
            });
            if let Some((low, high)) = range {
                self.put(low, scope, true);
                self.put(high, scope, true);
                self.l.stated.push((letter, low, high));
            }
            inside = self.nested(inside, letter);
            letters.push(letter);
            self.binders.push((letter, span));
        }
        let body = args.last().expect("invariant: a binder has a body");
        self.put_item(&body.value, inside, false);
        self.read(id, Reading::Binder(letters));
    }

    /// Undeclared names where an index is due are free letters of the formula.
    fn free_letters(&mut self) {
        let mut undeclared = std::mem::take(&mut self.undeclared);
        undeclared.sort_by_key(|u| self.l.tree.span(u.at).start);
        for u in undeclared.iter().filter(|u| u.index_due) {
            let Kind::Name(name) = self.l.tree.kind(u.at) else { continue };
            self.l.free_letter(name, self.l.tree.span(u.at));
        }
        for u in undeclared {
            let Kind::Name(name) = self.l.tree.kind(u.at) else { continue };
            let reading = match self.l.free.iter().find(|&&l| self.l.named(l, name)) {
                Some(&letter) => Reading::Letter(letter),
                None if self.l.scope.open_sizes && u.index_due => Reading::Wrong,
                None => {
                    self.l.refuse_unknown::<()>(name, self.l.tree.span(u.at));
                    Reading::Wrong
                }
            };
            self.read(u.at, reading);
        }
    }

    /// A bound letter with the name of a free one: a common slip, harmless here because the bound one is renamed.
    fn captures(&mut self) {
        for (letter, span) in std::mem::take(&mut self.binders) {
            let Some(name) = self.l.sheet.letters.get(letter).name.clone() else { continue };
            if self.l.free.iter().any(|&free| self.l.named(free, &name)) {
                let message = format!(
                    "this binder hides the {name} that is free elsewhere in the formula; the bound one was renamed {name}'"
                );
                self.l.report(
                    Diagnostic::warning("W0201", span, message)
                        .remark("taken literally, the sum would remain in the answer: a common slip"),
                );
            }
        }
    }
}

fn spaced(digits: &str) -> String {
    digits.chars().map(String::from).collect::<Vec<_>>().join(",")
}
