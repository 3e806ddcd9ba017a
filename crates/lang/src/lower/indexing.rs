//! Entries, rows, slices and gathers: `V[i,j]`, `z[s]`, `x[1..3]`, `V[i,:]`, `z[y]`.
//!
//! Fewer indices than axes leave the last axes whole. A slice includes both ends, as `sum` ranges do. Labels count
//! from 0 inside and as the reader counts outside.

use super::Lowering;
use super::letters::Letter;
use super::piece::{Body, Piece, Worth};
use super::resolve::Reading;
use crate::ast::{ExprId, Item};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use chainrule_core::form::read::{At, Node};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Dim;

/// What one index does to one axis.
enum Use {
    /// Takes one entry: its position, and the letter when it is one alone.
    Entry(At, Option<Letter>),
    /// Keeps the axis, or a part of it, as this letter, read at this position.
    Axis(Letter, At),
}

impl Lowering<'_, '_> {
    pub(crate) fn index(&mut self, id: ExprId, base: ExprId, items: &[Item]) -> Option<Piece> {
        let span = self.span(id);
        let piece = self.take(base)?;
        let shape = self.shape(&piece);
        let read = self.indexed(piece, items, span)?;
        Some(self.guarded(id, items, &shape, read))
    }

    /// A piece read at indices.
    pub(crate) fn indexed(&mut self, piece: Piece, items: &[Item], span: Span) -> Option<Piece> {
        self.refuse_row(&piece, span)?;
        let shape = self.shape(&piece);
        if items.len() > shape.len() {
            let typed = self.typed(&piece);
            let name = self.source(piece.span).to_string();
            let wrong = too_many(&name, shape.len(), items.len(), span);
            return self.refuse(wrong.label(piece.span, typed));
        }
        let name = self.source(piece.span).to_string();
        let uses = self.all_uses(items, &shape, &name, span)?;
        let piece = self.readable(piece, &uses, span)?;
        Some(self.at_uses(piece, uses, span))
    }

    /// Positions on the axes of a node at items, the rest of its axes whole; and the letters of axes that stay.
    pub(crate) fn uses_of(
        &mut self,
        items: &[Item],
        shape: &[Dim],
        name: &str,
        span: Span,
    ) -> Option<(Vec<At>, Vec<Letter>)> {
        let uses = self.all_uses(items, shape, name, span)?;
        let axes =
            uses.iter().filter_map(|u| if let Use::Axis(l, _) = u { Some(*l) } else { None }).collect();
        Some((uses.into_iter().map(|(Use::Entry(at, _) | Use::Axis(_, at))| at).collect(), axes))
    }

    /// What the items do to the axes; axes without an item stay whole.
    fn all_uses(&mut self, items: &[Item], shape: &[Dim], name: &str, span: Span) -> Option<Vec<Use>> {
        let mut uses = Vec::new();
        for (item, extent) in items.iter().zip(shape) {
            uses.push(self.use_of(item, extent, name, span)?);
        }
        for extent in &shape[items.len()..] {
            let letter = self.sheet.letters.axis(extent, span);
            uses.push(Use::Axis(letter, self.sheet.letter(letter, span)));
        }
        Some(uses)
    }

    /// A piece that can be read at these uses: a node, or a tree whose axes take letters.
    fn readable(&mut self, piece: Piece, uses: &[Use], span: Span) -> Option<Piece> {
        let letters_only = uses.iter().all(|u| matches!(u, Use::Entry(_, Some(_)) | Use::Axis(..)));
        if matches!(piece.body, Body::Whole(_)) || (letters_only && self.covers_whole(&piece, uses)) {
            return Some(piece);
        }
        let axes = piece.axes.len();
        let worth = piece.worth;
        let (node, free) = self.node(piece)?;
        if free.is_empty() {
            return Some(Piece {
                body: Body::Whole(node),
                axes: Vec::new(),
                worth,
                span,
                dim: None,
                row: false,
            });
        }
        debug_assert_eq!(self.scope.graph.rank(node), free.len() + axes, "invariant: free letters lead");
        Some(self.after(node, &free, span))
    }

    /// Every letter runs over exactly the axis it reads.
    fn covers_whole(&self, piece: &Piece, uses: &[Use]) -> bool {
        piece.axes.iter().zip(uses).all(|(&axis, used)| {
            let (Use::Entry(_, Some(letter)) | Use::Axis(letter, _)) = used else { return false };
            let facts = self.sheet.letters.get(*letter);
            facts.low.is_zero() && facts.extent.as_ref() == Some(&self.extent(axis))
        })
    }

    fn at_uses(&mut self, piece: Piece, uses: Vec<Use>, span: Span) -> Piece {
        let axes: Vec<Letter> =
            uses.iter().filter_map(|u| if let Use::Axis(l, _) = u { Some(*l) } else { None }).collect();
        let worth = piece.worth;
        let at = match piece.body {
            Body::Whole(node) => {
                let at = uses.into_iter().map(|(Use::Entry(at, _) | Use::Axis(_, at))| at).collect();
                let at = self.sheet.access(node, at, span);
                if worth == Worth::Index { self.as_counted(at, span) } else { at }
            }
            _ => {
                for (axis, used) in piece.axes.clone().into_iter().zip(&uses) {
                    if let Use::Entry(_, Some(letter)) | Use::Axis(letter, _) = used {
                        self.unite(axis, *letter);
                    }
                }
                self.tree_of(&piece)
            }
        };
        Piece { body: Body::Tree(at), axes, worth, span, dim: None, row: false }
    }

    fn use_of(&mut self, item: &Item, extent: &Dim, name: &str, span: Span) -> Option<Use> {
        match item {
            Item::All(_) => {
                let letter = self.sheet.letters.axis(extent, span);
                Some(Use::Axis(letter, self.sheet.letter(letter, span)))
            }
            Item::Range(low, high) => self.slice(*low, *high, extent, name),
            Item::Expr(e) => self.entry_at(*e, extent, name, span),
        }
    }

    fn slice(&mut self, low: ExprId, high: ExprId, extent: &Dim, name: &str) -> Option<Use> {
        let span = self.span(low).to(self.span(high));
        let (a, b) = (self.take(low), self.take(high));
        let (Some(a), Some(b)) = (a?.dim, b?.dim) else {
            return self.refuse(
                Diagnostic::error("E0107", span, "the ends of a slice are whole numbers and sizes")
                    .help(format!("as in  {name}[1..3], both ends included")),
            );
        };
        let (first, last) = (a - self.base(), b - self.base());
        self.inside(&first, extent, name, self.span(low))?;
        self.inside(&last, extent, name, self.span(high))?;
        let count = last - first.clone() + Dim::ONE;
        if count.as_fixed().is_some_and(|n| n < 0) {
            return self.refuse(
                Diagnostic::error("E0107", span, "this slice ends before it begins")
                    .help("both ends are included:  x[1..3]  has three entries,  x[1..0]  has none"),
            );
        }
        let letter = self.sheet.letters.axis(&count, span);
        let at = self.sheet.letter(letter, span);
        let at = if first.is_zero() {
            at
        } else {
            let first = self.sheet.dim(&first, span);
            self.sheet.push(Node::Sum(vec![(false, at), (false, first)]), span)
        };
        Some(Use::Axis(letter, at))
    }

    /// A position that is known to lie outside an axis, for all sizes or the given ones.
    fn inside(&mut self, position: &Dim, extent: &Dim, name: &str, span: Span) -> Option<()> {
        let outside = |d: Dim| d.as_fixed().is_some_and(|n| n < 0);
        if !outside(position.clone()) && !outside(extent.clone() - Dim::ONE - position.clone()) {
            return Some(());
        }
        let base = self.base();
        let shown = tight(&(position.clone() + base.clone()));
        let last = tight(&(extent.clone() - Dim::ONE + base.clone()));
        self.refuse(
            Diagnostic::error("E0104", span, format!("position {shown} is outside {name}, which has the entries {name}[{base}] .. {name}[{last}]"))
                .help("positions count from the index base, and both ends of a range are included"),
        )
    }

    fn entry_at(&mut self, e: ExprId, extent: &Dim, name: &str, whole: Span) -> Option<Use> {
        let span = self.span(e);
        let letter = match self.reading(e) {
            Reading::Letter(letter) => Some(*letter),
            _ => None,
        };
        let piece = self.take(e)?;
        if self.rank(&piece) > 0 {
            return self.gathered(piece, span);
        }
        let fractional = matches!(piece.worth, Worth::Number) && piece.dim.is_none();
        if matches!(piece.worth, Worth::Real | Worth::Truth) || fractional {
            let source = self.source(span).to_string();
            let is_name = source.chars().all(|c| c.is_alphanumeric() || c == '_') && !fractional;
            let help = match is_name {
                true => format!("declare it as a label, as in  const {source} : index[{extent}]"),
                false => format!("as in  {name}[0],  {name}[i + 1]  or a label,  const y : index[{extent}]"),
            };
            let message =
                format!("`{source}` is no index: an index is a letter, a whole number, a size or a label");
            return self.refuse(Diagnostic::error("E0113", span, message).help(help));
        }
        if let Some(position) = &piece.dim {
            let position = position.clone() - self.base();
            self.inside(&position, extent, name, span)?;
        }
        if let Some(letter) = letter {
            self.touch_axis(letter, extent, whole);
            self.range_inside(letter, extent, name)?;
        }
        let at = self.tree_of(&piece);
        let at = self.as_position(at, span);
        Some(Use::Entry(at, letter))
    }

    /// An array of labels picks entries: `z[k]` with `k : index[n][B]` has the axis of `k`.
    fn gathered(&mut self, piece: Piece, span: Span) -> Option<Use> {
        if piece.worth != Worth::Index || self.rank(&piece) != 1 {
            let typed = self.typed(&piece);
            return self.refuse(
                Diagnostic::error(
                    "E0113",
                    span,
                    "an index is a letter, a whole number, a size or labels along one axis",
                )
                .saying(typed)
                .help("labels along one axis pick entries:  const k : index[n][B]"),
            );
        }
        let piece = self.lettered(piece);
        let letter = piece.axes[0];
        let at = self.tree_of(&piece);
        Some(Use::Axis(letter, self.as_position(at, span)))
    }

    /// A stated range must lie inside the axis it reads.
    fn range_inside(&mut self, letter: Letter, extent: &Dim, name: &str) -> Option<()> {
        let facts = self.sheet.letters.get(letter).clone();
        let (true, Some(count)) = (facts.stated, facts.extent) else { return Some(()) };
        let base = self.base();
        let (first, last) = (facts.low.clone(), facts.low + count - Dim::ONE);
        let (low_end, high_end) = (base.clone(), extent.clone() - Dim::ONE + base);
        let negative = |d: Dim| d.as_fixed().is_some_and(|n| n < 0);
        let below = negative(first.clone() - low_end.clone());
        if !below && !negative(high_end.clone() - last.clone()) {
            return Some(());
        }
        let letter_name = self.sheet.letters.shown(letter);
        let end = tight(&if below { first } else { last });
        let (extent, low_end, high_end) = (tight(extent), tight(&low_end), tight(&high_end));
        let span = facts.told_by;
        let message = format!(
            "index {letter_name} runs to {end}, but {name} has {extent} entries, {name}[{low_end}] .. {name}[{high_end}]"
        );
        self.refuse(Diagnostic::error("E0104", span, message).help(format!(
            "sum({letter_name}={low_end}..{high_end}, ...), or leave the range out: sum({letter_name}, ...)"
        )))
    }

    /// `[a, b, c]`: an array, or the Iverson bracket of one condition.
    pub(crate) fn bracket(&mut self, list: &[ExprId], span: Span) -> Option<Piece> {
        let pieces: Vec<Option<Piece>> = list.iter().map(|e| self.take(*e)).collect();
        let mut pieces: Vec<Piece> = pieces.into_iter().collect::<Option<_>>()?;
        if let [only] = &pieces[..]
            && only.worth == Worth::Truth
        {
            let only = pieces.pop()?;
            return self.iverson(only, span);
        }
        if pieces.is_empty() {
            return self.refuse(
                Diagnostic::error("E0114", span, "an empty array has no shape in a formula")
                    .help("zeros(0) is an empty vector"),
            );
        }
        self.stacked(pieces, span)
    }

    /// Equal shapes side by side along a new first axis.
    pub(crate) fn stacked(&mut self, pieces: Vec<Piece>, span: Span) -> Option<Piece> {
        let shapes: Vec<Vec<Dim>> = pieces.iter().map(|p| self.shape(p)).collect();
        if let Some(odd) = shapes.iter().position(|s| *s != shapes[0]) {
            let (first, other) = (self.typed(&pieces[0]), self.typed(&pieces[odd]));
            let mut wrong = Diagnostic::error("E0302", span, "the rows of an array have equal shapes")
                .label(pieces[0].span, first)
                .label(pieces[odd].span, other);
            if shapes[0].is_empty() || shapes[odd].is_empty() {
                wrong = wrong.help("a number beside a row would be broadcast: write it out");
            } else {
                wrong =
                    wrong.help("concat(x, y, axis=0)  puts arrays of different lengths one after the other");
            }
            return self.refuse(wrong);
        }
        let count = pieces.len() as i64;
        let axis = self.sheet.letters.axis(&Dim::fixed(count), span);
        let (pieces, axes) = self.together(pieces, span)?;
        let mut terms = Vec::new();
        for (k, piece) in pieces.iter().enumerate() {
            let place = self.sheet.letter(axis, span);
            let k = self.sheet.number(Rational::from(k as i64), span);
            let delta = self.sheet.push(Node::Call("delta".to_string(), vec![place, k]), span);
            let value = self.tree_of(piece);
            let factors = [delta, value].map(|at| (chainrule_core::form::read::Factor::Times, at));
            terms.push((false, self.sheet.push(Node::Product(factors.to_vec()), span)));
        }
        let at = self.sheet.push(Node::Sum(terms), span);
        let mut all = vec![axis];
        all.extend(axes);
        Some(Piece { body: Body::Tree(at), axes: all, worth: Worth::Real, span, dim: None, row: false })
    }

    /// A node read at all of its axes as one letter each.
    pub(crate) fn read_at(
        &mut self,
        node: NodeId,
        letters: &[Letter],
        axes: Vec<Letter>,
        span: Span,
    ) -> Piece {
        let at = self.entry(node, letters, span);
        Piece { body: Body::Tree(at), axes, worth: Worth::Real, span, dim: None, row: false }
    }
}

/// More indices than axes.
pub(super) fn too_many(name: &str, axes: usize, given: usize, span: Span) -> Diagnostic {
    let given =
        if given == 1 { "1 index is given".to_string() } else { format!("{given} indices are given") };
    let (has, help) = match axes {
        0 => (format!("{name} is a number"), format!("without an index:  {name}")),
        1 => (format!("{name} has 1 axis"), format!("one index:  {name}[i]")),
        _ => (
            format!("{name} has {axes} axes"),
            "one index for each axis; fewer leave the last axes whole".to_string(),
        ),
    };
    Diagnostic::error("E0105", span, format!("{has}, {given}")).help(help)
}

/// A size polynomial without blanks, as it is typed in ranges.
pub(super) fn tight(dim: &Dim) -> String {
    dim.to_string().replace(' ', "")
}
