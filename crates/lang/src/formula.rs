//! A formula lowered to nodes: its sides over common letters, ready to be evaluated, printed or compared.

use crate::ast::{ExprId, Kind, Tree};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lower::letters::Letter;
use crate::lower::piece::{Body, Piece, Worth};
use crate::lower::{FreeLetter, LeftIndex, Lowering, children};
use crate::scope::Scope;
use crate::source::Span;
use crate::verify::Taken;
use chainrule_core::node::NodeId;
use chainrule_core::ops::rules::Rules;
use chainrule_core::shape::Dim;

/// Indices left of `=`, each with a stated range.
pub(crate) type LeftIndices = Vec<LeftIndex>;

/// What is lowered together.
pub(crate) struct Request<'r> {
    pub(crate) tree: &'r Tree,
    pub(crate) text: &'r str,
    pub(crate) sides: &'r [ExprId],
    pub(crate) left: LeftIndices,
    pub(crate) holding: &'r [String],
    pub(crate) rules: Option<&'r Rules>,
}

/// One side of a lowered formula.
#[derive(Clone, Debug)]
pub struct Side {
    /// Its node: axes of the formula's letters first, then its own.
    pub node: NodeId,
    /// Extents of its own axes.
    pub shape: Vec<Dim>,
    /// It contains a derivative, itself or through a nickname.
    pub differentiates: bool,
    /// Letters of the formula that it reads.
    pub reads: Vec<String>,
    /// For a derivative of whole arrays: how many axes the numerator has.
    pub numerator_rank: Option<usize>,
    /// Where it was written.
    pub span: Span,
}

/// A lowered formula.
#[derive(Clone, Debug)]
pub struct Formula {
    /// The letters that lead the axes of every side.
    pub letters: Vec<FreeLetter>,
    /// Its sides, from left to right; tags are in place.
    pub sides: Vec<Side>,
    /// Derivatives that were taken on the way.
    pub taken: Vec<Taken>,
}

/// Lowers sides that share letters; `None` when something is wrong, which is reported.
pub(crate) fn lower(
    scope: &mut Scope,
    request: &Request<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Formula> {
    let reads_derivative = derivative_below(scope, request.tree, request.sides);
    let mut l = Lowering::new(scope, request.tree, request.text);
    l.holding = request.holding.to_vec();
    l.rules = request.rules;
    l.run(request.sides, &request.left);
    let formula = sides(&mut l, request, &reads_derivative);
    if formula.is_none() && !l.failed() && !l.broken {
        // Whatever has no meaning says why; a reader must never see a formula vanish.
        debug_assert!(false, "invariant: what is refused is told: {}", request.text);
        let span = request.sides.first().map_or_else(Span::default, |s| l.tree.span(*s));
        l.report(
            Diagnostic::error("E0400", span, "this formula has no meaning here")
                .help("write it in smaller pieces, each with a name"),
        );
    }
    let failed = l.failed() || l.broken;
    // One mistake is told once: a read name may be met by several passes.
    for diagnostic in std::mem::take(&mut l.diagnostics) {
        let known = |d: &Diagnostic| {
            d.at() == diagnostic.at()
                && d.code == diagnostic.code
                && (!d.code.is_empty() || d.message == diagnostic.message)
        };
        if !diagnostics.iter().any(known) {
            diagnostics.push(diagnostic);
        }
    }
    formula.filter(|_| !failed)
}

fn sides(l: &mut Lowering<'_, '_>, request: &Request<'_>, derivatives: &[bool]) -> Option<Formula> {
    let mut pieces = Vec::new();
    for &side in request.sides {
        let piece = l.take(side);
        pieces.push(piece);
    }
    let pieces: Vec<Piece> = pieces.into_iter().collect::<Option<_>>()?;
    for piece in &pieces {
        l.refuse_row(piece, piece.span)?;
    }
    let pieces: Vec<Piece> = pieces.into_iter().map(|p| l.lettered(p)).collect();
    let free: Vec<Letter> = l.free.clone();
    let mut letters = Vec::new();
    for &letter in &free {
        let extent = l.known_extent(letter)?;
        let facts = l.sheet.letters.get(letter);
        letters.push(FreeLetter {
            name: facts.name.clone().unwrap_or_default(),
            low: facts.low.clone(),
            extent,
            span: facts.span,
        });
    }
    let mut sides = Vec::new();
    let mut first: Option<Vec<Letter>> = None;
    for (k, piece) in pieces.into_iter().enumerate() {
        // A number against an array means every entry.
        let piece = match &first {
            Some(axes) if piece.axes.is_empty() && !axes.is_empty() => {
                let message = format!("`{}` is a number: understood as every entry", l.source(piece.span));
                l.report(Diagnostic::note(piece.span, message));
                Piece { axes: axes.clone(), ..piece }
            }
            _ => piece,
        };
        first.get_or_insert_with(|| piece.axes.clone());
        let shape = l.shape(&piece);
        let at = l.tree_of(&piece);
        let reads = l.sheet.free_letters(at);
        let reads = reads.into_iter().filter_map(|r| l.sheet.letters.get(r).name.clone()).collect();
        let worth = if piece.worth == Worth::Number { Worth::Real } else { piece.worth };
        let piece = Piece { body: Body::Tree(at), ..piece };
        let node = l.node_over(at, &free, &piece.axes, worth, piece.span)?;
        sides.push(Side {
            node,
            shape,
            differentiates: derivatives[k],
            reads,
            numerator_rank: numerator_rank(l, request.sides[k], free.is_empty()),
            span: piece.span,
        });
    }
    Some(Formula { letters, sides, taken: std::mem::take(&mut l.taken) })
}

/// The numerator's axes, when a side is a derivative of whole arrays.
fn numerator_rank(l: &Lowering<'_, '_>, side: ExprId, whole: bool) -> Option<usize> {
    let is_derivative = matches!(l.tree.kind(side), Kind::Derivative(_));
    let span = l.tree.span(side);
    let known = l.whole_derivatives.iter().find(|(at, _)| *at == span).map(|(_, rank)| *rank);
    known.filter(|_| whole && is_derivative)
}

/// For each side, whether a derivative stands below it.
fn derivative_below(scope: &Scope, tree: &Tree, sides: &[ExprId]) -> Vec<bool> {
    sides
        .iter()
        .map(|&side| {
            let mut open = vec![side];
            while let Some(id) = open.pop() {
                match tree.kind(id) {
                    Kind::Derivative(_) => return true,
                    Kind::Call(name, _) if matches!(name.text.as_str(), "jvp" | "vjp" | "hvp" | "grad") => {
                        return true;
                    }
                    Kind::Name(name) if scope.derivatives.contains(name) => return true,
                    kind => children(kind, &mut |c| open.push(c)),
                }
            }
            false
        })
        .collect()
}

/// Whether anything stops the use of what was lowered.
pub(crate) fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}
