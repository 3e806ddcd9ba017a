//! Deltas, selections, identity and constant arrays, one-hot vectors, directional derivatives.

use super::Call;
use crate::ast::Item;
use crate::diagnostic::Diagnostic;
use crate::lower::Lowering;
use crate::lower::letters::Letter;
use crate::lower::piece::{Body, Piece, Worth};
use chainrule_core::form::read::Node;
use chainrule_core::shape::Dim;

pub(super) fn delta(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let pieces = l.values(call)?;
    if pieces.len() != 2 {
        return l.misused(call);
    }
    for piece in &pieces {
        let is_index = matches!(piece.worth, Worth::Index) || piece.dim.is_some();
        if !is_index || l.rank(piece) > 0 {
            let source = l.source(piece.span).to_string();
            return l.refuse(
                Diagnostic::error(
                    "E0113",
                    piece.span,
                    format!("`{source}` is no index: delta compares letters, whole numbers and labels"),
                )
                .help("[x == y]  compares real numbers"),
            );
        }
    }
    let list = pieces.iter().map(|p| l.tree_of(p)).collect();
    let at = l.sheet.push(Node::Call("delta".to_string(), list), call.span);
    Some(l.scalar(at, Worth::Real, call.span))
}

pub(super) fn select(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let mut pieces = l.values(call)?;
    if pieces.len() != 3 {
        return l.misused(call);
    }
    let b = pieces.pop()?;
    let a = pieces.pop()?;
    let c = pieces.pop()?;
    l.choice(a, c, b, call.span)
}

/// Letters for the extents that a call lists: `zeros(m, n)`, `zeros([m, n])`.
fn axes(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Vec<Letter>> {
    let mut dims = Vec::new();
    for arg in call.args {
        let (None, Item::Expr(e)) = (&arg.key, arg.value) else { return l.misused(call) };
        dims.extend(l.list(e, call)?);
    }
    if dims.iter().any(|d| d.as_fixed().is_some_and(|n| n < 0)) {
        return l.refuse(
            Diagnostic::error("E0107", call.span, "an extent is not negative")
                .help("whole numbers and sizes, as in  zeros(m, n-1)"),
        );
    }
    Some(dims.iter().map(|d| l.sheet.letters.axis(d, call.span)).collect())
}

fn filled(l: &mut Lowering<'_, '_>, call: &Call<'_>, value: i64) -> Option<Piece> {
    let axes = axes(l, call)?;
    let at = l.sheet.number(value, call.span);
    Some(Piece { body: Body::Tree(at), axes, worth: Worth::Real, span: call.span, dim: None, row: false })
}

pub(super) fn zeros(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    filled(l, call, 0)
}

pub(super) fn ones(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    filled(l, call, 1)
}

pub(super) fn eye(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let mut axes = axes(l, call)?;
    match axes[..] {
        [only] => {
            let extent = l.extent(only);
            axes.push(l.sheet.letters.axis(&extent, call.span));
        }
        [_, _] => {}
        _ => return l.misused(call),
    }
    let list = axes.iter().map(|&a| l.sheet.letter(a, call.span)).collect();
    let at = l.sheet.push(Node::Call("delta".to_string(), list), call.span);
    Some(Piece { body: Body::Tree(at), axes, worth: Worth::Real, span: call.span, dim: None, row: false })
}

/// `onehot(y)`, `onehot(y, n)`: the axes of the labels, then the new one.
pub(super) fn onehot(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let mut pieces = l.values(call)?;
    let extent = if pieces.len() == 2 { pieces.pop()?.dim } else { None };
    if pieces.len() != 1 {
        return l.misused(call);
    }
    let labels = pieces.pop()?;
    if labels.worth != Worth::Index {
        let source = l.source(labels.span).to_string();
        return l.refuse(
            Diagnostic::error("E0113", labels.span, format!("`{source}` is no label"))
                .help(format!("declare it as a label, as in  const {source} : index[n]")),
        );
    }
    let below = match &labels.body {
        Body::Whole(node) => l.scope.graph.below(*node),
        _ => l.scope.node(l.source(labels.span)).and_then(|node| l.scope.graph.below(node)),
    };
    let Some(extent) = extent.or(below) else {
        return l.refuse(
            Diagnostic::error("E0106", call.span, "how many labels there are is not known here")
                .help("say it:  onehot(y, n)"),
        );
    };
    let labels = l.lettered(labels);
    let axis = l.sheet.letters.axis(&extent, call.span);
    let label = l.tree_of(&labels);
    let label = l.as_position(label, call.span);
    let place = l.sheet.letter(axis, call.span);
    let at = l.sheet.push(Node::Call("delta".to_string(), vec![place, label]), call.span);
    let mut axes = labels.axes;
    axes.push(axis);
    Some(Piece { body: Body::Tree(at), axes, worth: Worth::Real, span: call.span, dim: None, row: false })
}

pub(super) fn directional(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.directional(call.name, call.args, call.span)
}

/// The extent of one axis of a piece.
pub(super) fn extent_of(l: &Lowering<'_, '_>, piece: &Piece, axis: usize) -> Dim {
    l.extent(piece.axes[axis])
}
