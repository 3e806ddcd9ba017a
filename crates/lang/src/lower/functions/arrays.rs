//! Products of arrays, rearrangements, linear algebra.

use super::Call;
use super::build::extent_of;
use crate::ast::{Item, Kind};
use crate::diagnostic::Diagnostic;
use crate::lower::Lowering;
use crate::lower::letters::Letter;
use crate::lower::piece::{Body, Piece, Worth};
use chainrule_core::form::read::{Factor, Node};
use chainrule_core::graph::op::Linear;

fn two(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<(Piece, Piece)> {
    let mut pieces = l.values(call)?;
    if pieces.len() != 2 || call.args.len() != 2 {
        return l.misused(call);
    }
    let b = pieces.pop()?;
    Some((pieces.pop()?, b))
}

pub(super) fn matmul(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let (a, b) = two(l, call)?;
    l.dot(a, b, call.span, call.span)
}

pub(super) fn outer(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let (a, b) = two(l, call)?;
    for piece in [&a, &b] {
        l.refuse_row(piece, call.span)?;
    }
    let (a, b) = (l.lettered(a), l.lettered(b));
    let axes = a.axes.iter().chain(&b.axes).copied().collect();
    let mut factors = l.factors(a);
    factors.extend(l.factors(b));
    let at = l.sheet.push(Node::Product(factors), call.span);
    Some(Piece { body: Body::Tree(at), axes, worth: Worth::Real, span: call.span, dim: None, row: false })
}

pub(super) fn kron(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let (a, b) = two(l, call)?;
    let made = unbatched(l, vec![a, b], call, |g, x| g.kron(x[0], x[1]));
    helped(l, made, "outer(x, y)  holds the products of the entries of two vectors")
}

/// What was made; where the core refused it without saying what to try, that is added.
fn helped(l: &mut Lowering<'_, '_>, made: Option<Piece>, help: &str) -> Option<Piece> {
    if made.is_none()
        && let Some(wrong) = l.diagnostics.last_mut().filter(|d| d.help.is_empty())
    {
        wrong.help.push(help.to_string());
    }
    made
}

/// A node of the core that does not run in batches.
fn unbatched(
    l: &mut Lowering<'_, '_>,
    pieces: Vec<Piece>,
    call: &Call<'_>,
    make: impl FnOnce(
        &mut chainrule_core::Graph,
        &[chainrule_core::NodeId],
    ) -> chainrule_core::Result<chainrule_core::NodeId>,
) -> Option<Piece> {
    let mut nodes = Vec::new();
    for piece in pieces {
        l.refuse_row(&piece, call.span)?;
        let (node, free) = l.node(piece)?;
        if !free.is_empty() {
            let word = &call.name.text;
            return l.refuse(
                Diagnostic::error(
                    "E0116",
                    call.span,
                    format!("{word} takes whole arrays: an index is free inside"),
                )
                .help(format!("define the array first, then  {word}(name)")),
            );
        }
        nodes.push(node);
    }
    match make(&mut l.scope.graph, &nodes) {
        Ok(node) => Some(l.whole(node, call.span)),
        Err(error) => {
            l.told(&error, call.span);
            None
        }
    }
}

/// A matrix with equal extents, with letters.
fn square(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let piece = l.value(call)?;
    let shape = l.shape(&piece);
    if shape.len() == 2 && shape[0] == shape[1] {
        return Some(l.lettered(piece));
    }
    let typed = l.typed(&piece);
    l.refuse(
        Diagnostic::error("E0305", call.span, format!("{} takes a square matrix", call.name.text))
            .label(piece.span, typed)
            .help("both axes have the same extent, as in  A : real[n,n]"),
    )
}

pub(super) fn trace(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let piece = square(l, call)?;
    let (a, b) = (piece.axes[0], piece.axes[1]);
    l.unite(b, a);
    let at = l.tree_of(&piece);
    let at = l.bind("sum", &[a], at, call.span);
    Some(l.scalar(at, Worth::Real, call.span))
}

pub(super) fn diag(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let piece = l.value(call)?;
    l.refuse_row(&piece, call.span)?;
    let piece = if piece.worth == Worth::Truth { l.iverson(piece, call.span)? } else { l.lettered(piece) };
    match piece.axes[..] {
        [a] => {
            let extent = extent_of(l, &piece, 0);
            let b = l.sheet.letters.axis(&extent, call.span);
            let places = [a, b].map(|x| l.sheet.letter(x, call.span)).to_vec();
            let delta = l.sheet.push(Node::Call("delta".to_string(), places), call.span);
            let mut factors = vec![(Factor::Times, delta)];
            factors.extend(l.factors(piece));
            let at = l.sheet.push(Node::Product(factors), call.span);
            Some(Piece {
                body: Body::Tree(at),
                axes: vec![a, b],
                worth: Worth::Real,
                span: call.span,
                dim: None,
                row: false,
            })
        }
        [a, b] if l.extent(a) == l.extent(b) => {
            l.unite(b, a);
            Some(Piece { axes: vec![a], span: call.span, ..piece })
        }
        _ => {
            let typed = l.typed(&piece);
            l.refuse(
                Diagnostic::error("E0305", call.span, "diag takes a vector or a square matrix")
                    .label(piece.span, typed)
                    .help("entries with two equal indices are written  A[i,i]"),
            )
        }
    }
}

pub(super) fn einsum(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let Some(Item::Expr(first)) = call.args.first().map(|a| a.value) else { return l.misused(call) };
    let Kind::Text(text) = l.tree.kind(first) else { return l.misused(call) };
    let mut pieces = Vec::new();
    for arg in &call.args[1..] {
        let (None, Item::Expr(e)) = (&arg.key, arg.value) else { return l.misused(call) };
        let piece = l.take(e)?;
        l.refuse_row(&piece, call.span)?;
        pieces.push(l.lettered(piece));
    }
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, right),
        None => return l.misused(call),
    };
    let words: Vec<&str> = left.split(',').map(str::trim).collect();
    let span = l.span(first);
    if words.len() != pieces.len() {
        let arrays = if words.len() == 1 { "1 array".to_string() } else { format!("{} arrays", words.len()) };
        return l.refuse(
            Diagnostic::error("E0115", span, format!("\"{text}\" is for {arrays}, {} given", pieces.len()))
                .help("one group of letters for each array, parted by commas:  einsum(\"ij,j->i\", A, x)"),
        );
    }
    let mut letters: Vec<(char, Letter)> = Vec::new();
    for (word, piece) in words.iter().zip(&pieces) {
        if word.chars().count() != piece.axes.len() {
            let typed = l.typed(piece);
            return l.refuse(
                Diagnostic::error(
                    "E0305",
                    piece.span,
                    format!("\"{word}\" is for {} axes", word.chars().count()),
                )
                .saying(typed)
                .help("one letter for each axis"),
            );
        }
        for (c, &axis) in word.chars().zip(&piece.axes) {
            match letters.iter().find(|(known, _)| *known == c) {
                None => letters.push((c, axis)),
                Some(&(_, kept)) if l.extent(kept) == l.extent(axis) => l.unite(axis, kept),
                Some(&(_, kept)) => {
                    let (a, b) = (l.extent(kept), l.extent(axis));
                    let typed = l.typed(piece);
                    return l.refuse(
                        Diagnostic::error("E0110", span, format!("index {c} is {a} long and {b} long"))
                            .label(piece.span, typed)
                            .help("axes with one letter have one extent: use two letters, or other arrays"),
                    );
                }
            }
        }
    }
    let mut axes = Vec::new();
    for c in right.trim().chars() {
        match letters.iter().find(|(known, _)| *known == c) {
            Some(&(_, letter)) if !axes.contains(&letter) => axes.push(letter),
            _ => {
                return l.refuse(
                    Diagnostic::error(
                        "E0115",
                        span,
                        format!("\"{c}\" of the result stands once there and somewhere on the left"),
                    )
                    .help("as in  einsum(\"ij,jk->ik\", A, B)"),
                );
            }
        }
    }
    let summed: Vec<Letter> = letters.iter().map(|(_, x)| *x).filter(|x| !axes.contains(x)).collect();
    let mut factors = Vec::new();
    for piece in pieces {
        factors.extend(l.factors(piece));
    }
    let mut at = l.sheet.push(Node::Product(factors), call.span);
    if !summed.is_empty() {
        at = l.bind("sum", &summed, at, call.span);
    }
    Some(Piece { body: Body::Tree(at), axes, worth: Worth::Real, span: call.span, dim: None, row: false })
}

/// An array and the list that follows it.
fn with_list(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<(Piece, Vec<chainrule_core::shape::Dim>)> {
    let [first, second] = call.args else { return l.misused(call) };
    let (None, Item::Expr(x), None, Item::Expr(list)) = (&first.key, first.value, &second.key, second.value)
    else {
        return l.misused(call);
    };
    let piece = l.take(x)?;
    l.refuse_row(&piece, call.span)?;
    let dims = l.list(list, call)?;
    Some((piece, dims))
}

pub(super) fn transpose(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    if call.args.len() == 1 {
        let piece = l.value(call)?;
        return l.transpose(piece, call.span);
    }
    let (piece, order) = with_list(l, call)?;
    let piece = l.lettered(piece);
    let order: Option<Vec<usize>> =
        order.iter().map(|d| d.as_fixed().and_then(|k| usize::try_from(k).ok())).collect();
    let mut sorted = order.clone().unwrap_or_default();
    sorted.sort_unstable();
    if sorted != (0..piece.axes.len()).collect::<Vec<_>>() {
        let rank = piece.axes.len();
        let order: Vec<String> = (0..rank).rev().map(|k| k.to_string()).collect();
        return l.refuse(
            Diagnostic::error(
                "E0306",
                call.span,
                format!("the order lists each of the axes 0 .. {} once", rank.saturating_sub(1)),
            )
            .help(format!("as in  [{}]", order.join(","))),
        );
    }
    let axes = order.unwrap_or_default().into_iter().map(|k| piece.axes[k]).collect();
    Some(Piece { axes, span: call.span, ..piece })
}

pub(super) fn reshape(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let (piece, dims) = with_list(l, call)?;
    let made = l.apply(vec![piece], call.span, |g, x, lead| {
        let shape: Vec<_> = g.shape(x[0])[..lead].iter().cloned().chain(dims).collect();
        g.reshape(x[0], &shape)
    });
    helped(l, made, "the listed extents multiply to the number of entries, as in  reshape(A, [m*n])")
}

pub(super) fn concat(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let axis = match l.key(call, "axis") {
        None => 0,
        Some(&Item::Expr(e)) => {
            match l.take(e)?.dim.and_then(|d| d.as_fixed()).and_then(|k| usize::try_from(k).ok()) {
                Some(axis) => axis,
                None => return l.misused(call),
            }
        }
        Some(_) => return l.misused(call),
    };
    let pieces = l.values(call)?;
    if pieces.is_empty() {
        return l.misused(call);
    }
    let made = l.apply(pieces, call.span, |g, parts, lead| g.concat(parts, axis + lead));
    helped(l, made, "the arrays have equally many axes, and differ along  axis  alone; axis 0 is the first")
}

pub(super) fn stack(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let pieces = l.values(call)?;
    if pieces.is_empty() {
        return l.misused(call);
    }
    l.stacked(pieces, call.span)
}

fn linear(l: &mut Lowering<'_, '_>, call: &Call<'_>, kind: Linear) -> Option<Piece> {
    let piece = square(l, call)?;
    l.apply(vec![piece], call.span, |g, x, _| g.linear(kind, x))
}

pub(super) fn det(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    linear(l, call, Linear::Det)
}

pub(super) fn logdet(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    linear(l, call, Linear::LogAbsDet)
}

pub(super) fn inv(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    linear(l, call, Linear::Inverse)
}

pub(super) fn cholesky(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    linear(l, call, Linear::Cholesky)
}

/// `solve(A, b)` of a vector or a matrix.
pub(super) fn solve(l: &mut Lowering<'_, '_>, call: &Call<'_>) -> Option<Piece> {
    let (a, b) = two(l, call)?;
    for piece in [&a, &b] {
        l.refuse_row(piece, call.span)?;
    }
    let (left, right) = (l.shape(&a), l.shape(&b));
    let square = matches!(&left[..], [m, n] if m == n);
    let fits = (1..=2).contains(&right.len()) && left.first() == right.first();
    if !square || !fits {
        let rows = left.first().map_or_else(|| "n".to_string(), |rows| rows.to_string());
        let message = match (square, right.len()) {
            (false, _) => "solve(A, b) takes a square matrix A".to_string(),
            (true, 1..=2) => format!("solve(A, b): A has {rows} rows, the first axis of b is {}", right[0]),
            (true, _) => "solve(A, b) takes a vector or a matrix b".to_string(),
        };
        let code = if square && (1..=2).contains(&right.len()) { "E0301" } else { "E0305" };
        let (first, second) = (l.typed(&a), l.typed(&b));
        return l.refuse(
            Diagnostic::error(code, call.span, message)
                .label(a.span, first)
                .label(b.span, second)
                .help(format!("as in  A : real[{rows},{rows}]  and  b : real[{rows}]")),
        );
    }
    let vector = right.len() == 1;
    l.apply(vec![a, b], call.span, |g, x, lead| {
        if !vector {
            return g.linear(Linear::Solve, x);
        }
        let shape = g.shape(x[1]).to_vec();
        let column: Vec<_> = shape.iter().cloned().chain([chainrule_core::shape::Dim::ONE]).collect();
        let column = g.reshape(x[1], &column)?;
        let solved = g.linear(Linear::Solve, &[x[0], column])?;
        debug_assert!(shape.len() == lead + 1, "invariant: a vector behind the leading axes");
        g.reshape(solved, &shape)
    })
}
