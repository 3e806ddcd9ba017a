//! Leaves of a formula: names, letters, numbers, subscripts; and how positions are counted.

use super::letters::{Facts, Letter};
use super::piece::{Body, Piece, Worth};
use super::resolve::{Reading, Subscript};
use super::{Lowering, functions};
use crate::ast::ExprId;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use chainrule_core::form::read::{At, Node};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{DType, Dim};

impl Lowering<'_, '_> {
    // ---------------------------------------------------------------- names

    pub(crate) fn named(&self, letter: Letter, name: &str) -> bool {
        self.sheet.letters.get(letter).name.as_deref() == Some(name)
    }

    /// The free letter of this name; a new one when there is none.
    pub(crate) fn free_letter(&mut self, name: &str, span: Span) -> Letter {
        if let Some(&known) = self.free.iter().find(|&&l| self.named(l, name)) {
            return known;
        }
        let letter = self.sheet.letters.add(Facts {
            name: Some(name.to_string()),
            span,
            low: self.base(),
            stated: false,
            extent: None,
            told_by: span,
        });
        self.free.push(letter);
        letter
    }

    /// First value of an index, as the reader counts.
    pub(crate) fn base(&self) -> Dim {
        Dim::fixed(self.scope.settings.base)
    }

    pub(crate) fn is_label(&self, node: NodeId) -> bool {
        self.scope.graph.ty(node).dtype == DType::Int
    }

    /// Reports a name that is not declared, unless its wrong declaration was told.
    pub(crate) fn refuse_unknown<T>(&mut self, name: &str, span: Span) -> Option<T> {
        if self.scope.broken.contains(name) {
            self.broken = true;
            return None;
        }
        let wrong = self.unknown(name, span);
        self.refuse(wrong)
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let mut wrong = Diagnostic::error("E0103", span, format!("`{name}` is not declared"));
        if functions::is_function(name) {
            return wrong.help(format!("{name} is a function: {name}(x)"));
        }
        if let Some(help) = self.scope.instead_of(name) {
            wrong = wrong.help(help);
        }
        wrong.help(format!("declare it, as in  var {name} : real[n]"))
    }

    // ---------------------------------------------------------------- numbers, names, subscripts

    pub(crate) fn number(&mut self, value: Rational, span: Span) -> Piece {
        let dim = value.to_i64().map(Dim::fixed);
        let at = self.sheet.number(value, span);
        Piece { body: Body::Tree(at), axes: Vec::new(), worth: Worth::Number, span, dim, row: false }
    }

    /// A piece without axes.
    pub(crate) fn scalar(&self, at: At, worth: Worth, span: Span) -> Piece {
        Piece { body: Body::Tree(at), axes: Vec::new(), worth, span, dim: None, row: false }
    }

    /// A size as a number.
    pub(crate) fn size(&mut self, dim: &Dim, span: Span) -> Piece {
        let at = self.sheet.dim(dim, span);
        Piece { dim: Some(dim.clone()), ..self.scalar(at, Worth::Number, span) }
    }

    pub(super) fn leaf(&mut self, id: ExprId, span: Span) -> Option<Piece> {
        match self.reading(id).clone() {
            Reading::Letter(letter) => {
                let at = self.sheet.letter(letter, span);
                Some(self.scalar(at, Worth::Index, span))
            }
            Reading::Declared(name) => Some(self.declared(&name, span)),
            Reading::Subscripted(base, subscripts) => self.subscripted(&base, &subscripts, span),
            Reading::Constant(word) => self.constant(word, span),
            // The binder has read its letters; a name in the place of a function's word is read by the function.
            Reading::Plain | Reading::Binder(_) | Reading::Wrong => None,
        }
    }

    fn declared(&mut self, name: &str, span: Span) -> Piece {
        use crate::scope::Meaning;
        self.inherit(name);
        match self.scope.find(name).cloned() {
            Some(Meaning::Size(dim)) => self.size(&dim, span),
            Some(Meaning::Input(node, _) | Meaning::Definition(node) | Meaning::Nickname(node)) => {
                self.whole(node, span)
            }
            None => unreachable!("invariant: resolved as declared"),
        }
    }

    /// A node whose axes have no letters yet.
    pub(crate) fn whole(&mut self, node: NodeId, span: Span) -> Piece {
        let worth = match self.scope.graph.ty(node).dtype {
            DType::Real => Worth::Real,
            DType::Int => Worth::Index,
            DType::Bool => Worth::Truth,
        };
        if self.scope.graph.rank(node) > 0 {
            return Piece { body: Body::Whole(node), axes: Vec::new(), worth, span, dim: None, row: false };
        }
        let at = self.sheet.access(node, Vec::new(), span);
        let at = if worth == Worth::Index { self.as_counted(at, span) } else { at };
        self.scalar(at, worth, span)
    }

    /// A position as the reader counts it.
    pub(crate) fn as_counted(&mut self, position: At, span: Span) -> At {
        match self.scope.settings.base {
            0 => position,
            base => {
                let base = self.sheet.number(base, span);
                self.sheet.push(Node::Sum(vec![(false, position), (false, base)]), span)
            }
        }
    }

    /// The position of an index that was written as the reader counts.
    pub(crate) fn as_position(&mut self, counted: At, span: Span) -> At {
        match self.scope.settings.base {
            0 => counted,
            base => {
                let base = self.sheet.number(base, span);
                self.sheet.push(Node::Sum(vec![(false, counted), (true, base)]), span)
            }
        }
    }

    fn constant(&mut self, word: &str, span: Span) -> Option<Piece> {
        let one = self.sheet.number(1, span);
        let at = match word {
            "pi" => {
                let node = self.scope.graph.pi();
                self.sheet.access(node, Vec::new(), span)
            }
            "e" => self.sheet.push(Node::Call("exp".to_string(), vec![one]), span),
            _ => {
                return self.refuse(
                    Diagnostic::error("E0109", span, format!("{word} is no number to calculate with"))
                        .help("it may stand as a value in a case, as in  case A { x = [inf, 0] }"),
                );
            }
        };
        Some(self.scalar(at, Worth::Real, span))
    }

    fn subscripted(&mut self, base: &str, subscripts: &[Subscript], span: Span) -> Option<Piece> {
        let node = self.scope.node(base)?;
        self.inherit(base);
        let mut at = Vec::new();
        for (axis, subscript) in subscripts.iter().enumerate() {
            let counted = match subscript {
                Subscript::Letter(letter) => {
                    let extent = self.scope.graph.shape(node)[axis].clone();
                    self.touch_axis(*letter, &extent, span);
                    self.sheet.letter(*letter, span)
                }
                Subscript::Label(name) => {
                    let label = self.scope.node(name)?;
                    let at = self.sheet.access(label, Vec::new(), span);
                    self.as_counted(at, span)
                }
                Subscript::Number(position) => self.sheet.number(*position, span),
            };
            at.push(self.as_position(counted, span));
        }
        let worth = if self.is_label(node) { Worth::Index } else { Worth::Real };
        let at = self.sheet.access(node, at, span);
        let at = if worth == Worth::Index { self.as_counted(at, span) } else { at };
        Some(self.scalar(at, worth, span))
    }
}
