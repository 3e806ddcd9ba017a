//! Sums, products, means, extremes: over an index, over the entries of a vector, over chosen axes.

use super::Call;
use crate::ast::{Item, Kind};
use crate::diagnostic::Diagnostic;
use crate::lower::Lowering;
use crate::lower::letters::Letter;
use crate::lower::piece::{Body, Piece, Worth};
use crate::source::Span;
use chainrule_core::form::read::{At, Node};
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;

impl Lowering<'_, '_> {
    /// `sum(j, e)`, `max(j=0..n-1, e)` and their like.
    pub(crate) fn binder(&mut self, call: &Call<'_>, letters: &[Letter]) -> Option<Piece> {
        let Some(Item::Expr(e)) = call.args.last().map(|a| a.value) else { return self.misused(call) };
        let body = self.take(e)?;
        self.refuse_row(&body, call.span)?;
        if body.worth == Worth::Truth {
            let source = self.source(body.span).to_string();
            return self.refuse(
                Diagnostic::error("E0111", body.span, format!("`{source}` is a condition, not a number"))
                    .help(format!(
                        "{}({}, [{source}])  counts where it holds",
                        call.name.text,
                        self.sheet.letters.shown(letters[0])
                    )),
            );
        }
        for &letter in letters {
            self.known_extent(letter)?;
        }
        let body = self.lettered(body);
        self.reduced(&call.name.text, letters, body, call.span)
    }

    /// A reduction of a piece over letters of it; its other axes stay.
    pub(crate) fn reduced(
        &mut self,
        word: &str,
        letters: &[Letter],
        body: Piece,
        span: Span,
    ) -> Option<Piece> {
        let axes: Vec<Letter> = body.axes.iter().copied().filter(|a| !letters.contains(a)).collect();
        let real = |at| Piece {
            body: Body::Tree(at),
            axes: axes.clone(),
            worth: Worth::Real,
            span,
            dim: None,
            row: false,
        };
        match word {
            "sum" | "prod" | "max" | "min" => {
                let at = self.tree_of(&body);
                Some(real(self.bind(word, letters, at, span)))
            }
            // Of no entries the mean is 0/0, where a sum of terms x[i]/n would be 0.
            "mean" => self.node_over_letters(letters, &axes, body, span, |g, x, over| g.mean(x, over)),
            "argmax" | "argmin" => {
                let [letter] = letters else {
                    return self.refuse(
                        Diagnostic::error(
                            "E0115",
                            span,
                            format!("{word} is over one index: a position has one number"),
                        )
                        .help(format!("as in  {word}(j, ...)")),
                    );
                };
                let mut at = self.tree_of(&body);
                if word == "argmin" {
                    at = self.sheet.push(Node::Negative(at), span);
                }
                let low = self.sheet.letters.get(*letter).low.clone();
                let at = self.bind("argmax", &[*letter], at, span);
                let at = if low.is_zero() {
                    at
                } else {
                    let low = self.sheet.dim(&low, span);
                    self.sheet.push(Node::Sum(vec![(false, at), (false, low)]), span)
                };
                Some(Piece { worth: Worth::Index, ..real(at) })
            }
            _ => self.node_over_letters(letters, &axes, body, span, |g, x, over| g.logsumexp(x, over)),
        }
    }

    /// A node of the core over letters, which are the last axes of its operand.
    fn node_over_letters(
        &mut self,
        letters: &[Letter],
        axes: &[Letter],
        body: Piece,
        span: Span,
        make: fn(&mut Graph, NodeId, &[usize]) -> chainrule_core::Result<NodeId>,
    ) -> Option<Piece> {
        let at = self.tree_of(&body);
        let free: Vec<Letter> = self
            .sheet
            .free_letters(at)
            .into_iter()
            .filter(|l| !axes.contains(l) && !letters.contains(l))
            .collect();
        let inner: Vec<Letter> = axes.iter().chain(letters).copied().collect();
        let node = self.node_over(at, &free, &inner, Worth::Real, span)?;
        let first = free.len() + axes.len();
        let over: Vec<usize> = (first..first + letters.len()).collect();
        match make(&mut self.scope.graph, node, &over) {
            Ok(node) => {
                let all: Vec<Letter> = free.iter().chain(axes).copied().collect();
                Some(self.read_at(node, &all, axes.to_vec(), span))
            }
            Err(error) => {
                self.told(&error, span);
                None
            }
        }
    }

    // ---------------------------------------------------------------- over arrays

    /// The axes that a call works over: `axis=1`, `axis=[0,1]`, `axis=all`, else the only one.
    fn axes_of(&mut self, call: &Call<'_>, rank: usize, last: bool) -> Option<Vec<usize>> {
        if call.args.iter().any(|a| a.key.as_ref().is_some_and(|(k, _)| k.text != "axis")) {
            return self.misused(call);
        }
        let Some(item) = self.key(call, "axis") else {
            if rank == 1 || (last && rank > 0) {
                return Some(vec![rank - 1]);
            }
            let word = &call.name.text;
            let source = self.source(call.span).trim_end_matches(')').to_string();
            return self.refuse(
                Diagnostic::error(
                    "E0306",
                    call.span,
                    format!("{word} of an array with {rank} axes: over which of them?"),
                )
                .help(format!("{source}, axis=0)  or  {source}, axis=all)")),
            );
        };
        let Item::Expr(e) = *item else { return self.misused(call) };
        if matches!(self.tree.kind(e), Kind::Name(w) if w == "all") {
            return Some((0..rank).collect());
        }
        let mut axes = Vec::new();
        for dim in self.list(e, call)? {
            let axis = dim.as_fixed().map(|k| if k < 0 { k + rank as i64 } else { k });
            match axis.and_then(|k| usize::try_from(k).ok()).filter(|k| *k < rank) {
                Some(axis) if !axes.contains(&axis) => axes.push(axis),
                _ => {
                    let span = self.span(e);
                    return self.refuse(
                        Diagnostic::error(
                            "E0306",
                            span,
                            format!("there is no axis {dim}: the axes are 0 .. {}", rank.saturating_sub(1)),
                        )
                        .help("each axis once; -1 is the last, and  axis=all  takes all of them"),
                    );
                }
            }
        }
        Some(axes)
    }

    /// A reduction over axes of the one argument.
    fn over_axes(&mut self, call: &Call<'_>) -> Option<Piece> {
        let piece = self.value(call)?;
        self.refuse_row(&piece, call.span)?;
        let rank = self.rank(&piece);
        if rank == 0 {
            let source = self.source(piece.span).to_string();
            return self.refuse(
                Diagnostic::error(
                    "E0305",
                    call.span,
                    format!("{} of a number: {source} has no axis", call.name.text),
                )
                .help(format!("with an index:  {}(i, ...)", call.name.text)),
            );
        }
        let axes = self.axes_of(call, rank, false)?;
        let piece = if piece.worth == Worth::Truth { self.iverson(piece, call.span)? } else { piece };
        let piece = self.lettered(piece);
        let letters: Vec<Letter> = axes.iter().map(|&k| piece.axes[k]).collect();
        if call.name.text == "argmax" || call.name.text == "argmin" {
            let found = self.reduced(&call.name.text, &letters, piece, call.span)?;
            let at = self.tree_of(&found);
            let at = self.as_counted(at, call.span);
            return Some(Piece { body: Body::Tree(at), ..found });
        }
        self.reduced(&call.name.text, &letters, piece, call.span)
    }

    /// The one argument, which has an axis, and the axes that are worked over.
    fn array_and_axes(&mut self, call: &Call<'_>, last: bool) -> Option<(Piece, Vec<usize>)> {
        let piece = self.value(call)?;
        self.refuse_row(&piece, call.span)?;
        let rank = self.rank(&piece);
        if rank == 0 {
            let typed = self.typed(&piece);
            return self.refuse(
                Diagnostic::error(
                    "E0305",
                    call.span,
                    format!("{} is of an array, this is a number", call.name.text),
                )
                .label(piece.span, typed)
                .help("the whole array stands there, without an index"),
            );
        }
        let axes = self.axes_of(call, rank, last)?;
        Some((piece, axes))
    }

    /// A node of the core over chosen axes, the last one by default.
    fn node_over_axes(
        &mut self,
        call: &Call<'_>,
        last: bool,
        make: fn(&mut Graph, NodeId, &[usize]) -> chainrule_core::Result<NodeId>,
    ) -> Option<Piece> {
        let (piece, axes) = self.array_and_axes(call, last)?;
        self.apply(vec![piece], call.span, |g, x, lead| {
            let axes: Vec<usize> = axes.iter().map(|a| a + lead).collect();
            make(g, x[0], &axes)
        })
    }

    /// Every entry changed, in index notation.
    fn each(&mut self, piece: Piece, span: Span, change: impl FnOnce(&mut Self, At) -> At) -> Piece {
        let piece = self.lettered(piece);
        let at = self.tree_of(&piece);
        let at = change(self, at);
        Piece { body: Body::Tree(at), worth: Worth::Real, span, ..piece }
    }

    fn sum_over_axes(&mut self, call: &Call<'_>, change: fn(&mut Self, At, Span) -> At) -> Option<Piece> {
        let (piece, axes) = self.array_and_axes(call, false)?;
        let span = call.span;
        let piece = self.each(piece, span, |l, at| change(l, at, span));
        let letters: Vec<Letter> = axes.iter().map(|&k| piece.axes[k]).collect();
        self.reduced("sum", &letters, piece, span)
    }
}

pub(super) fn sum(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.over_axes(call)
}

pub(super) fn prod(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.over_axes(call)
}

pub(super) fn mean(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.over_axes(call)
}

pub(super) fn var(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.node_over_axes(call, false, |g, x, axes| g.variance(x, axes))
}

/// `max(x, y)` is elementwise, `max(x)` over the entries.
fn extreme(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    if call.args.len() == 2 && call.args.iter().all(|a| a.key.is_none()) {
        let pieces = l.values(call)?;
        return l.mapped(&call.name.text, pieces, call.span);
    }
    l.over_axes(call)
}

pub(super) fn max(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    extreme(l, call)
}

pub(super) fn min(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    extreme(l, call)
}

pub(super) fn argmax(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.over_axes(call)
}

pub(super) fn argmin(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.over_axes(call)
}

pub(super) fn norm(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let squares = l.sum_over_axes(call, |l, at, span| {
        let two = l.sheet.number(Rational::from(2), span);
        l.sheet.push(Node::Power(at, two), span)
    })?;
    l.mapped("sqrt", vec![squares], call.span)
}

pub(super) fn norm1(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.sum_over_axes(call, |l, at, span| l.sheet.push(Node::Call("abs".to_string(), vec![at]), span))
}

pub(super) fn cumsum(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.node_over_axes(call, true, |g, x, axes| g.cumsum(x, axes[0]))
}

pub(super) fn softmax(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.node_over_axes(call, true, |g, x, axes| g.softmax(x, axes))
}

pub(super) fn log_softmax(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.node_over_axes(call, true, |g, x, axes| g.log_softmax(x, axes))
}

pub(super) fn logsumexp(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    l.node_over_axes(call, true, |g, x, axes| g.logsumexp(x, axes))
}
