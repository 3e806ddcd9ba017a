//! Over which extent each letter runs: told by the axes it touches, or stated.
//!
//! `z[i]` gives `i` the extent of the axis of `z`. An index that only stands in a delta runs over the range of the
//! other side. What a computed array tells (`softmax(z)[i]`) is learnt while it is lowered.

use super::Lowering;
use super::letters::Letter;
use super::piece::Worth;
use super::resolve::Reading;
use crate::ast::{ExprId, Item, Kind, Operator, Part};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use chainrule_core::shape::Dim;

impl Lowering<'_, '_> {
    /// Learns extents from declared names before anything is lowered.
    pub(crate) fn touch(&mut self) {
        let tree = self.tree;
        let mut equal: Vec<(ExprId, ExprId)> = Vec::new();
        for k in 0..self.order.len() {
            let id = self.order[k];
            match tree.kind(id) {
                Kind::Index(base, items) => {
                    if let Reading::Declared(name) = self.reading(*base).clone() {
                        self.touch_items(&name, items, 0, self.span(id));
                    }
                }
                Kind::Derivative(d) => {
                    for part in std::iter::once(&d.numerator).chain(&d.denominators) {
                        if let Part::Named(name, items) = part {
                            self.touch_items(&name.text, items, 0, self.span(id));
                        }
                    }
                }
                Kind::Call(name, args) if name.text == "delta" && args.len() == 2 => {
                    if let (Item::Expr(a), Item::Expr(b)) = (args[0].value, args[1].value) {
                        equal.push((a, b));
                    }
                }
                Kind::Binary(Operator::Equal, _, a, b) => equal.push((*a, *b)),
                _ => {}
            }
        }
        while equal.iter().any(|&(a, b)| self.equate(a, b) || self.equate(b, a)) {}
    }

    fn touch_items(&mut self, name: &str, items: &[Item], first: usize, span: Span) {
        let Some(node) = self.scope.node(name) else { return };
        let shape = self.scope.graph.shape(node).to_vec();
        for (axis, item) in items.iter().enumerate() {
            let Item::Expr(e) = item else { continue };
            let Some(extent) = shape.get(first + axis) else { continue };
            if let Reading::Letter(letter) = *self.reading(*e) {
                self.touch_axis(letter, extent, span);
            }
        }
    }

    /// One letter meets one axis.
    pub(crate) fn touch_axis(&mut self, letter: Letter, extent: &Dim, span: Span) {
        let base = self.base();
        let facts = self.sheet.letters.get_mut(letter);
        if facts.stated {
            return;
        }
        match facts.extent.clone() {
            None => {
                facts.extent = Some(extent.clone());
                facts.told_by = span;
                facts.low = base;
            }
            Some(known) if known == *extent => {}
            Some(known) => {
                let (first, name) = (facts.told_by, self.sheet.letters.shown(letter));
                let message = format!(
                    "index {name} is {known} long in {} but {extent} long in {}",
                    self.source(first),
                    self.source(span)
                );
                self.report(
                    Diagnostic::error("E0110", span, message)
                        .saying(format!("{extent} here"))
                        .label(first, format!("{known} here"))
                        .help("one index runs over one range: use two letters, or make the extents equal where they are declared"),
                );
            }
        }
    }

    /// Gives the letter `a` the range of `b`, if it has none yet; true when something was learnt.
    fn equate(&mut self, a: ExprId, b: ExprId) -> bool {
        let Reading::Letter(letter) = *self.reading(a) else { return false };
        let facts = self.sheet.letters.get(letter);
        if facts.extent.is_some() || facts.stated {
            return false;
        }
        let extent = match self.reading(b) {
            Reading::Letter(other) => {
                let other = self.sheet.letters.get(*other);
                other.extent.clone().filter(|_| !other.stated)
            }
            Reading::Declared(name) => self.scope.node(name).and_then(|node| self.scope.graph.below(node)),
            _ => None,
        };
        let (learnt, told_by, base) = (extent.is_some(), self.span(b), self.base());
        let facts = self.sheet.letters.get_mut(letter);
        (facts.extent, facts.told_by) = (extent, told_by);
        facts.low = base;
        learnt
    }

    /// Stated ranges whose last end was just lowered.
    pub(crate) fn settle_ranges(&mut self, last: ExprId) {
        for k in 0..self.stated.len() {
            let (letter, low, high) = self.stated[k];
            if high.max(low) != last {
                continue;
            }
            let ends =
                (self.peek(low).and_then(|p| p.dim.clone()), self.peek(high).and_then(|p| p.dim.clone()));
            let span = self.span(low).to(self.span(high));
            let (Some(low), Some(high)) = ends else {
                let unsaid = [low, high]
                    .into_iter()
                    .any(|e| self.peek(e).is_some_and(|p| p.worth == Worth::Real || p.dim.is_none()));
                if unsaid || !self.failed() {
                    self.report(
                        Diagnostic::error("E0107", span, "the ends of a range are whole numbers and sizes")
                            .help("as in  sum(j=0..n-1, x[j])"),
                    );
                }
                self.sheet.letters.get_mut(letter).extent = Some(Dim::ZERO);
                continue;
            };
            let mut extent = high - low.clone() + Dim::ONE;
            if extent.as_fixed().is_some_and(|n| n < 0) {
                self.report(
                    Diagnostic::error("E0107", span, "this range ends before it begins")
                        .help("both ends are included:  0..2  has three values,  0..-1  has none"),
                );
                extent = Dim::ZERO;
            }
            let facts = self.sheet.letters.get_mut(letter);
            (facts.low, facts.extent, facts.told_by) = (low, Some(extent), span);
        }
    }
}
