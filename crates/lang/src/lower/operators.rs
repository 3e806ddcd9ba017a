//! Sums, products, contractions, powers, comparisons: what each operator means for arrays, and what it refuses.
//!
//! A number goes with anything; other shapes must be equal. Where NumPy, MATLAB and Julia disagree about a spelling,
//! it is refused with the spellings that are clear.

use super::Lowering;
use super::letters::Letter;
use super::piece::{Body, Piece, Worth};
use crate::ast::{ExprId, Kind, Operator};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, bare};
use chainrule_core::form::read::{At, Factor, Node, Relation};
use chainrule_core::shape::Dim;

impl Lowering<'_, '_> {
    /// The Boolean node of an array that is 1 where a condition holds.
    pub(crate) fn positive(
        &mut self,
        node: chainrule_core::NodeId,
    ) -> chainrule_core::Result<chainrule_core::NodeId> {
        let g = &mut self.scope.graph;
        let half = g.rational(chainrule_core::rational::Rational::new(1, 2));
        let shape = g.shape(node).to_vec();
        let half = g.broadcast(half, &shape);
        g.compare(chainrule_core::graph::op::Comparison::Greater, node, half)
    }

    pub(crate) fn binary(
        &mut self,
        op: Operator,
        at: Span,
        a: ExprId,
        b: ExprId,
        span: Span,
    ) -> Option<Piece> {
        if op == Operator::Power && self.is_transpose_mark(b) {
            let piece = self.take(a)?;
            return self.transpose(piece, span);
        }
        let (left, right) = (self.take(a), self.take(b));
        let (left, right) = (left?, right?);
        if !matches!(op, Operator::Dot) {
            for side in [&left, &right] {
                self.refuse_row(side, at)?;
            }
        }
        match op {
            Operator::Add | Operator::Sub => self.add(left, right, op == Operator::Sub, at, span),
            Operator::Times => {
                self.clear_product(&left, &right, at)?;
                self.multiply(left, right, Factor::Times, at, span)
            }
            Operator::Each => self.multiply(left, right, Factor::Times, at, span),
            Operator::Over => {
                self.clear_quotient(&left, &right, at)?;
                self.multiply(left, right, Factor::Over, at, span)
            }
            Operator::OverEach => self.multiply(left, right, Factor::Over, at, span),
            Operator::Dot => self.dot(left, right, at, span),
            Operator::Power => {
                self.clear_power(&left, b, at)?;
                self.power(left, right, at, span)
            }
            Operator::PowerEach => self.power(left, right, at, span),
            Operator::And | Operator::Or => self.logic(op, left, right, at, span),
            Operator::Equal => self.compare(Relation::Equal, left, right, at, span),
            Operator::NotEqual => self.compare(Relation::NotEqual, left, right, at, span),
            Operator::Less => self.compare(Relation::Less, left, right, at, span),
            Operator::LessEqual => self.compare(Relation::LessEqual, left, right, at, span),
            Operator::Greater => self.compare(Relation::Greater, left, right, at, span),
            Operator::GreaterEqual => self.compare(Relation::GreaterEqual, left, right, at, span),
        }
    }

    /// `V^T` where `T` is not declared.
    fn is_transpose_mark(&mut self, b: ExprId) -> bool {
        matches!(self.tree.kind(b), Kind::Name(name) if name == "T") && self.scope.find("T").is_none()
    }

    pub(crate) fn refuse_row(&mut self, piece: &Piece, at: Span) -> Option<()> {
        if !piece.row {
            return Some(());
        }
        let source = self.source(piece.span);
        let vector = source.trim_end_matches('\'').to_string();
        self.refuse(
            Diagnostic::error(
                "E0304",
                at,
                format!("`{source}` is a transposed vector: it may only stand left of `@`"),
            )
            .label(piece.span, "a vector has one axis, so there is nothing to transpose")
            .help(format!("{vector}' @ y  is the dot product,  outer({vector}, y)  the matrix")),
        )
    }

    /// Neither side is a condition.
    fn expect_numbers(&mut self, pieces: [&Piece; 2], at: Span) -> Option<()> {
        for piece in pieces {
            if piece.worth == Worth::Truth {
                let source = self.source(piece.span);
                return self.refuse(
                    Diagnostic::error("E0111", at, format!("`{source}` is a condition, not a number"))
                        .label(piece.span, "a condition")
                        .help(format!(
                            "write it in brackets, which are 1 where it holds:  [{}]",
                            bare(source)
                        )),
                );
            }
        }
        Some(())
    }

    // ---------------------------------------------------------------- shapes

    /// Makes the axes of several pieces the same letters; a piece without axes goes with any.
    pub(crate) fn together(&mut self, pieces: Vec<Piece>, at: Span) -> Option<(Vec<Piece>, Vec<Letter>)> {
        let pieces: Vec<Piece> = pieces.into_iter().map(|p| self.lettered(p)).collect();
        let Some(first) = pieces.iter().find(|p| !p.axes.is_empty()) else {
            return Some((pieces, Vec::new()));
        };
        let axes = first.axes.clone();
        let first = first.clone();
        for piece in pieces.iter().filter(|p| !p.axes.is_empty()) {
            if self.shape(piece) != self.shape(&first) {
                return self.different_shapes(&first, piece, at);
            }
        }
        for piece in &pieces {
            for (&axis, &kept) in piece.axes.iter().zip(&axes) {
                if self.sheet.letters.find(axis) != self.sheet.letters.find(kept) {
                    self.unite(axis, kept);
                }
            }
        }
        Some((pieces, axes))
    }

    /// Merges two letters of which one at least is nameless.
    pub(crate) fn unite(&mut self, a: Letter, b: Letter) {
        if self.sheet.letters.get(a).name.is_none() {
            self.sheet.letters.merge(a, b);
        } else {
            self.sheet.letters.merge(b, a);
        }
    }

    fn different_shapes<T>(&mut self, a: &Piece, b: &Piece, at: Span) -> Option<T> {
        let operator = self.source(at).trim().to_string();
        let subject =
            if operator.len() <= 3 { format!("`{operator}` takes") } else { "here stand".to_string() };
        let message = format!("{subject} equal shapes, or a number and anything");
        let mut wrong =
            Diagnostic::error("E0302", at, message).label(a.span, self.typed(a)).label(b.span, self.typed(b));
        let (left, right) = (self.shape(a), self.shape(b));
        if left.iter().rev().eq(right.iter()) && left.len() == 2 {
            wrong = wrong.help(format!("transpose one of them:  {}", transposed(self.source(b.span))));
        } else if left.len() != right.len() {
            wrong = wrong
                .help("nothing is broadcast but numbers: write the indices, as in  y[i,j] = A[i,j] + b[j]");
        } else {
            wrong = wrong.help("make the extents equal where the names are declared");
        }
        self.refuse(wrong)
    }

    // ---------------------------------------------------------------- arithmetic

    fn joined(a: Worth, b: Worth) -> Worth {
        match (a, b) {
            (Worth::Number, other) | (other, Worth::Number) => other,
            (Worth::Index, Worth::Index) => Worth::Index,
            _ => Worth::Real,
        }
    }

    fn add(&mut self, a: Piece, b: Piece, minus: bool, at: Span, span: Span) -> Option<Piece> {
        self.expect_numbers([&a, &b], at)?;
        let dim = match (&a.dim, &b.dim) {
            (Some(x), Some(y)) if minus => Some(x.clone() - y.clone()),
            (Some(x), Some(y)) => Some(x.clone() + y.clone()),
            _ => None,
        };
        let worth = Self::joined(a.worth, b.worth);
        let (mut pieces, axes) = self.together(vec![a, b], at)?;
        let b = pieces.pop()?;
        let a = pieces.pop()?;
        let mut terms = self.terms(a);
        // The right side of a minus keeps its own signs: only a single term changes.
        match b.body {
            Body::Sum(more) => terms.extend(more.into_iter().map(|(m, t)| (m != minus, t))),
            _ => terms.push((minus, self.tree_of(&b))),
        }
        Some(Piece { body: Body::Sum(terms), axes, worth, span, dim, row: false })
    }

    pub(crate) fn negative(&mut self, a: Piece, span: Span) -> Option<Piece> {
        self.refuse_row(&a, span)?;
        self.expect_numbers([&a, &a], span)?;
        let a = self.lettered(a);
        let dim = a.dim.clone().map(|d| -d);
        let (axes, worth) = (a.axes.clone(), a.worth);
        let at = self.tree_of(&a);
        let at = self.sheet.push(Node::Negative(at), span);
        Some(Piece { body: Body::Tree(at), axes, worth, span, dim, row: false })
    }

    pub(crate) fn multiply(
        &mut self,
        a: Piece,
        b: Piece,
        how: Factor,
        at: Span,
        span: Span,
    ) -> Option<Piece> {
        self.expect_numbers([&a, &b], at)?;
        let dim = match (&a.dim, &b.dim, how) {
            (Some(x), Some(y), Factor::Times) => Some(x.clone() * y.clone()),
            _ => None,
        };
        let mut worth = Self::joined(a.worth, b.worth);
        if how == Factor::Over && worth == Worth::Index {
            worth = Worth::Real;
        }
        let (mut pieces, axes) = self.together(vec![a, b], at)?;
        let b = pieces.pop()?;
        let a = pieces.pop()?;
        let mut factors = self.factors(a);
        match (b.body, how) {
            (Body::Product(more), Factor::Times) => factors.extend(more),
            (body, how) => {
                let b = Piece { body, ..b };
                factors.push((how, self.tree_of(&b)));
            }
        }
        Some(Piece { body: Body::Product(factors), axes, worth, span, dim, row: false })
    }

    fn clear_product(&mut self, a: &Piece, b: &Piece, at: Span) -> Option<()> {
        let ranks = (self.rank(a), self.rank(b));
        if ranks.0 == 0 || ranks.1 == 0 || ranks == (1, 1) {
            return Some(());
        }
        let (x, y) = (self.source(a.span).to_string(), self.source(b.span).to_string());
        let what = if ranks.0 >= 2 && ranks.1 >= 2 { "two matrices" } else { "a matrix and a vector" };
        let mut wrong = Diagnostic::error(
            "E0303",
            at,
            format!(
                "`{x} * {y}` between {what} means the matrix product in MATLAB/Julia and the elementwise product in NumPy"
            ),
        )
        .label(a.span, self.typed(a))
        .label(b.span, self.typed(b));
        wrong = match ranks {
            (p, q) if p >= 2 && q >= 2 => wrong.help(format!("write  {x} @ {y}  or  {x} .* {y}")),
            (_, 1) => {
                wrong.help(format!("write  {x} @ {y}  for the product, or indices:  {x}[i,j] * {y}[j]"))
            }
            _ => wrong.help(format!("write  {y}' @ {x}  for the product, or indices:  {x}[i] * {y}[i,j]")),
        };
        self.refuse(wrong)
    }

    fn clear_quotient(&mut self, a: &Piece, b: &Piece, at: Span) -> Option<()> {
        let ranks = (self.rank(a), self.rank(b));
        if ranks.0 == 0 || ranks.1 == 0 || (ranks.0 <= 1 && ranks.1 <= 1) {
            return Some(());
        }
        let (x, y) = (self.source(a.span).to_string(), self.source(b.span).to_string());
        self.refuse(
            Diagnostic::error(
                "E0303",
                at,
                format!("`{x} / {y}` solves a system in MATLAB/Julia and divides entries in NumPy"),
            )
            .label(a.span, self.typed(a))
            .label(b.span, self.typed(b))
            .help(format!("write  {x} ./ {y}  or  {x} @ inv({y})")),
        )
    }

    fn clear_power(&mut self, a: &Piece, exponent: ExprId, at: Span) -> Option<()> {
        if self.rank(a) < 2 {
            return Some(());
        }
        let x = self.source(a.span).to_string();
        let e = self.source(self.span(exponent)).to_string();
        let wrong = Diagnostic::error(
            "E0303",
            at,
            format!("`{x}^{e}` of a matrix is a matrix power in MATLAB/Julia and elementwise in NumPy"),
        )
        .label(a.span, self.typed(a));
        self.refuse(match e.as_str() {
            "-1" => wrong.help(format!("write  inv({x})  or  1 ./ {x}")),
            "2" => wrong.help(format!("write  {x} @ {x}  or  {x} .^ 2")),
            _ => wrong.help(format!("write  {x} .^ {e}  for every entry")),
        })
    }

    fn power(&mut self, a: Piece, b: Piece, at: Span, span: Span) -> Option<Piece> {
        self.expect_numbers([&a, &b], at)?;
        let worth = match (a.worth, b.worth) {
            (Worth::Number, Worth::Number) if a.dim.is_none() || b.dim.is_some() => Worth::Number,
            _ => Worth::Real,
        };
        let (pieces, axes) = self.together(vec![a, b], at)?;
        let base = self.tree_of(&pieces[0]);
        let exponent = self.tree_of(&pieces[1]);
        let at = self.sheet.push(Node::Power(base, exponent), span);
        Some(Piece { body: Body::Tree(at), axes, worth, span, dim: None, row: false })
    }

    // ---------------------------------------------------------------- contraction

    /// Contracts the last axis of the left with the first axis of the right.
    pub(crate) fn dot(&mut self, a: Piece, b: Piece, at: Span, span: Span) -> Option<Piece> {
        self.expect_numbers([&a, &b], at)?;
        if b.row {
            return self.refuse_row(&b, at)?.into_none();
        }
        let ranks = (self.rank(&a), self.rank(&b));
        if ranks.0 == 0 || ranks.1 == 0 {
            let number = if ranks.0 == 0 { &a } else { &b };
            let (x, y) = (self.source(a.span).to_string(), self.source(b.span).to_string());
            let wrong = Diagnostic::error(
                "E0305",
                at,
                format!("`{x} @ {y}`: {} is a number", self.source(number.span)),
            )
            .label(a.span, self.typed(&a))
            .label(b.span, self.typed(&b))
            .help(format!("write  {x} * {y}"));
            return self.refuse(wrong);
        }
        let (a, b) = (self.lettered(a), self.lettered(b));
        let (last, first) = (*a.axes.last()?, b.axes[0]);
        let (left, right) = (self.extent(last), self.extent(first));
        if left != right {
            return self.refuse_contraction(&a, &b, &left, &right, at);
        }
        if ranks.0 >= 2 && ranks.1 >= 3 {
            let message = "`@` contracts the last axis of the left with the first of the right; NumPy's `@` runs in batches over leading axes here";
            self.report(
                Diagnostic::warning("W0302", at, message)
                    .label(b.span, self.typed(&b))
                    .help("indices leave no doubt:  sum(j, A[i,j] * B[j,k,l])"),
            );
        }
        let mut axes = a.axes[..a.axes.len() - 1].to_vec();
        axes.extend(&b.axes[1..]);
        self.unite_named(first, last);
        let mut factors = self.factors(a);
        factors.extend(self.factors(b));
        let body = self.sheet.push(Node::Product(factors), span);
        let at = self.bind("sum", &[last], body, span);
        Some(Piece { body: Body::Tree(at), axes, worth: Worth::Real, span, dim: None, row: false })
    }

    /// As [`Lowering::unite`]: axes of arrays are nameless, so one of them always is.
    fn unite_named(&mut self, a: Letter, b: Letter) {
        if self.sheet.letters.find(a) != self.sheet.letters.find(b) {
            self.unite(a, b);
        }
    }

    fn refuse_contraction<T>(
        &mut self,
        a: &Piece,
        b: &Piece,
        left: &Dim,
        right: &Dim,
        at: Span,
    ) -> Option<T> {
        let (x, y) = (self.source(a.span).to_string(), self.source(b.span).to_string());
        let message = format!("`{x} @ {y}`: last axis of {x} is {left}, first axis of {y} is {right}");
        let mut wrong =
            Diagnostic::error("E0301", at, message).label(a.span, self.typed(a)).label(b.span, self.typed(b));
        let (p, q) = (self.shape(a), self.shape(b));
        if p.len() == 2 && p[0] == *right {
            wrong = wrong.help(format!("{} @ {y}  contracts {right} with {right}", transposed(&x)));
        }
        if q.len() == 2 && q[1] == *left {
            wrong = wrong.help(format!("{x} @ {}  contracts {left} with {left}", transposed(&y)));
        }
        if p.len() == 1 && q.len() == 1 {
            wrong = wrong.help(format!("outer({x}, {y})  is the matrix of all products"));
        }
        self.refuse(wrong.help("or declare them with equal extents"))
    }

    pub(crate) fn extent(&self, letter: Letter) -> Dim {
        self.sheet.letters.get(letter).extent.clone().unwrap_or(Dim::ZERO)
    }

    /// `sum(a=0..n-1, …, body)`; the letters are bound from here on.
    pub(crate) fn bind(&mut self, word: &str, letters: &[Letter], body: At, span: Span) -> At {
        let mut list: Vec<At> = letters.iter().map(|&l| self.sheet.range(l, span)).collect();
        list.push(body);
        self.sheet.push(Node::Call(word.to_string(), list), span)
    }

    pub(crate) fn transpose(&mut self, piece: Piece, span: Span) -> Option<Piece> {
        let rank = self.rank(&piece);
        match rank {
            0 => {
                let source = self.source(piece.span);
                self.refuse(
                    Diagnostic::error(
                        "E0305",
                        span,
                        format!("`{source}` is a number: there is nothing to transpose"),
                    )
                    .help(format!("without the mark:  {source}")),
                )
            }
            1 if piece.row => Some(Piece { row: false, span, ..piece }),
            1 => Some(Piece { row: true, span, ..piece }),
            2 => {
                let piece = self.lettered(piece);
                let axes = vec![piece.axes[1], piece.axes[0]];
                Some(Piece { axes, span, ..piece })
            }
            _ => {
                let typed = self.typed(&piece);
                let source = self.source(piece.span);
                self.refuse(
                    Diagnostic::error(
                        "E0305",
                        span,
                        format!("`'` transposes matrices; this has {rank} axes"),
                    )
                    .label(piece.span, typed)
                    .help(format!("say the order of the axes, as in  transpose({source}, [1,0,2])")),
                )
            }
        }
    }

    // ---------------------------------------------------------------- conditions

    /// A piece that is a condition; a declared `bool` is one.
    pub(crate) fn truth(&mut self, piece: Piece) -> Option<Piece> {
        if piece.worth == Worth::Truth {
            return Some(self.lettered(piece));
        }
        let source = self.source(piece.span).to_string();
        self.refuse(
            Diagnostic::error(
                "E0112",
                piece.span,
                format!("`{source}` is a number where a condition is expected"),
            )
            .help(format!("as in  {source} > 0  or  i == j")),
        )
    }

    fn compare(&mut self, relation: Relation, a: Piece, b: Piece, at: Span, span: Span) -> Option<Piece> {
        self.expect_numbers([&a, &b], at)?;
        let (pieces, axes) = self.together(vec![a, b], at)?;
        let (a, b) = (self.tree_of(&pieces[0]), self.tree_of(&pieces[1]));
        let at = self.sheet.push(Node::Compare(relation, a, b), span);
        Some(Piece { body: Body::Tree(at), axes, worth: Worth::Truth, span, dim: None, row: false })
    }

    fn logic(&mut self, op: Operator, a: Piece, b: Piece, at: Span, span: Span) -> Option<Piece> {
        let (a, b) = (self.truth(a)?, self.truth(b)?);
        let (pieces, axes) = self.together(vec![a, b], at)?;
        let list = vec![self.tree_of(&pieces[0]), self.tree_of(&pieces[1])];
        let node = if op == Operator::And { Node::And(list) } else { Node::Or(list) };
        let at = self.sheet.push(node, span);
        Some(Piece { body: Body::Tree(at), axes, worth: Worth::Truth, span, dim: None, row: false })
    }

    /// `a if c else b`, elementwise.
    pub(crate) fn choice(&mut self, a: Piece, c: Piece, b: Piece, span: Span) -> Option<Piece> {
        for side in [&a, &b] {
            self.refuse_row(side, span)?;
        }
        self.expect_numbers([&a, &b], span)?;
        let c = self.truth(c)?;
        let worth = Self::joined(a.worth, b.worth);
        let (pieces, axes) = self.together(vec![a, c, b], span)?;
        let (a, c, b) = (self.tree_of(&pieces[0]), self.tree_of(&pieces[1]), self.tree_of(&pieces[2]));
        let at = self.sheet.push(Node::If(a, c, b), span);
        let worth = if worth == Worth::Index { Worth::Real } else { worth };
        Some(Piece { body: Body::Tree(at), axes, worth, span, dim: None, row: false })
    }

    /// `[c]` of a condition: 1 where it holds, else 0.
    pub(crate) fn iverson(&mut self, piece: Piece, span: Span) -> Option<Piece> {
        let piece = self.truth(piece)?;
        let at = self.tree_of(&piece);
        let at = self.sheet.push(Node::Iverson(at), span);
        Some(Piece { body: Body::Tree(at), worth: Worth::Real, span, ..piece })
    }
}

/// Ends a computation that has reported what is wrong.
trait IntoNone {
    fn into_none<T>(self) -> Option<T>;
}

impl IntoNone for () {
    fn into_none<T>(self) -> Option<T> {
        None
    }
}

/// The transpose of a matrix as it is written: `V'`, `V` of `V'`, `(A @ B)'`.
fn transposed(source: &str) -> String {
    let mut depth = 0usize;
    let atomic = source.chars().all(|c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => return depth > 0 || c.is_alphanumeric() || matches!(c, '_' | '\''),
        }
        true
    });
    match source.strip_suffix('\'') {
        Some(bare) if atomic => bare.to_string(),
        _ if atomic => format!("{source}'"),
        _ => format!("({source})'"),
    }
}
