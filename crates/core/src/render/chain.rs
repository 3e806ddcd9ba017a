//! Contractions in vectorised notation: bound labels are eliminated one by one from a graph of labels.
//!
//! Labels are vertices, vectors stand on them, matrices are edges. `Σ_jk A[i,j] B[j,k] x[k]` is the path
//! `i —A— j —B— k` with `x` on `k`: the end `k` goes first (`B @ x` on `j`), then `j`. What remains on the free labels
//! is the result: a vector, or a matrix between two vectors `diag(u) @ M @ diag(w)`, or `outer(u, w)`.

use super::entry::Builder;
use super::shown::Shown;
use crate::form::{Access, Cond, Product};
use crate::index::{Atom, Term};
use crate::node::NodeId;

/// A matrix whose rows belong to label `row` and whose columns to `column`.
#[derive(Clone)]
struct Edge {
    row: usize,
    column: usize,
    matrix: Shown,
}

/// Vectors on one label, multiplied entry by entry.
#[derive(Clone, Default)]
struct Vectors {
    over: Vec<Shown>,
    under: Vec<Shown>,
}

/// The graph of labels.
struct Web {
    free: usize,
    vertices: Vec<Vectors>,
    alive: Vec<bool>,
    edges: Vec<Edge>,
    over: Vec<Shown>,
    under: Vec<Shown>,
    /// `delta(0, 1)` between the two free labels.
    diagonal: bool,
}

impl Edge {
    /// The matrix with rows at `row`.
    fn from(self, row: usize) -> Shown {
        if self.row == row { self.matrix } else { transposed(self.matrix) }
    }

    fn touches(&self, label: usize) -> bool {
        self.row == label || self.column == label
    }

    fn other(&self, label: usize) -> usize {
        if self.row == label { self.column } else { self.row }
    }
}

impl Vectors {
    fn is_empty(&self) -> bool {
        self.over.is_empty() && self.under.is_empty()
    }

    /// `x .* y ./ z`; `None` when there is nothing.
    fn shown(mut self) -> Option<Shown> {
        match (self.over.len(), self.under.len()) {
            (0, 0) => None,
            (1, 0) => self.over.pop(),
            _ => {
                self.over.sort_by_cached_key(|x| {
                    (matches!(x, Shown::Bracket(_)), x.weight(), super::text::text(x))
                });
                Some(Shown::Elementwise(self.over, self.under))
            }
        }
    }
}

impl Builder<'_> {
    /// The vectorised form of a contraction.
    pub(crate) fn whole_contract(&self, node: NodeId) -> Option<Shown> {
        let product = self.graph.as_product(node);
        if product.free > 2 {
            return None;
        }
        let mut web = Web::new(&product);
        for access in &product.accesses {
            self.place(&mut web, access)?;
        }
        for cond in &product.conds {
            self.restrict(&mut web, cond)?;
        }
        while web.eliminate()? {}
        let (over, under) = (std::mem::take(&mut web.over), std::mem::take(&mut web.under));
        let array = match product.free {
            0 => None,
            1 => web.vertices[0].clone().shown().or_else(|| Some(Shown::Call("ones", self.sizes(node)))),
            _ => Some(web.matrix(&self.sizes(node))?),
        };
        Some(Shown::product(over.into_iter().chain(array).collect(), under))
    }

    /// Puts a factor on a vertex or an edge.
    fn place(&self, web: &mut Web, access: &Access) -> Option<()> {
        let labels: Option<Vec<usize>> =
            access.at.iter().map(|t| t.as_label().map(|l| l.0 as usize)).collect();
        let Some(labels) = labels else { return self.entry_factor(web, access) };
        let reciprocal = self.is_reciprocal(access.node);
        let base = if reciprocal { self.graph.arg(access.node, 0) } else { access.node };
        match labels.as_slice() {
            [] => self.number(access.node, access.power, &mut web.over, &mut web.under),
            [l] => {
                let vector = Shown::power(self.whole(base)?, access.power);
                let list = if reciprocal { &mut web.vertices[*l].under } else { &mut web.vertices[*l].over };
                list.push(vector);
                Some(())
            }
            [a, b] => {
                let matrix = self.whole(access.node)?;
                let matrix = match access.power {
                    1 => matrix,
                    power => Shown::ElementPower(Box::new(matrix), power),
                };
                web.connect(Edge { row: *a, column: *b, matrix });
                Some(())
            }
            _ => None,
        }
    }

    /// `z[y]`, `V[y]`: label-free positions first, then at most two labels.
    fn entry_factor(&self, web: &mut Web, access: &Access) -> Option<()> {
        let fixed = access.at.iter().take_while(|t| is_fixed(t)).count();
        let rest: Option<Vec<usize>> =
            access.at[fixed..].iter().map(|t| t.as_label().map(|l| l.0 as usize)).collect();
        let at: Vec<Shown> = access.at[..fixed].iter().map(|t| self.term(t, &Vec::new(), 0)).collect();
        let reciprocal = self.is_reciprocal(access.node);
        let base = if reciprocal { self.graph.arg(access.node, 0) } else { access.node };
        let entry = Shown::entry(self.whole(base)?, &at);
        let power = access.power;
        match (rest?.as_slice(), reciprocal) {
            ([], false) => web.over.push(Shown::power(entry, power)),
            ([], true) => web.under.push(Shown::power(entry, power)),
            ([l], false) => web.vertices[*l].over.push(Shown::power(entry, power)),
            ([a, b], false) if power == 1 => web.connect(Edge { row: *a, column: *b, matrix: entry }),
            _ => return None,
        }
        Some(())
    }

    /// Writes a condition as a mask, a one-hot vector or the identity.
    fn restrict(&self, web: &mut Web, cond: &Cond) -> Option<()> {
        match cond {
            Cond::Holds(node, at, negated) => {
                let labels: Option<Vec<usize>> =
                    at.iter().map(|t| t.as_label().map(|l| l.0 as usize)).collect();
                let shown = self.whole(*node)?;
                let shown = if *negated { self.negation(*node, vec![shown]) } else { shown };
                let mask = Shown::Bracket(Box::new(shown));
                match labels?.as_slice() {
                    [] => web.over.push(mask),
                    [l] => web.vertices[*l].over.push(mask),
                    [a, b] => web.connect(Edge { row: *a, column: *b, matrix: mask }),
                    _ => return None,
                }
                Some(())
            }
            Cond::Zero(term) => self.delta(web, term),
            Cond::NonNegative(_) => None,
        }
    }

    /// `delta(0,1)` between free labels, `delta(i,y)` and `delta(i,t[j])` with an integer tensor.
    fn delta(&self, web: &mut Web, term: &Term) -> Option<()> {
        let [(first, a), (second, b)] = term.parts() else { return None };
        if !term.offset().is_zero() || a.as_fixed() != Some(1) || b.as_fixed() != Some(-1) {
            return None;
        }
        match (first, second) {
            (Atom::Label(_), Atom::Label(_)) if web.free == 2 => web.diagonal = true,
            (Atom::Label(l), Atom::Element(node, at)) => {
                let onehot = Shown::Call("onehot", vec![self.whole(*node)?]);
                let at: Option<Vec<usize>> = at.iter().map(|t| t.as_label().map(|l| l.0 as usize)).collect();
                match at?.as_slice() {
                    [] => web.vertices[l.0 as usize].over.push(onehot),
                    [t] => web.connect(Edge { row: *t, column: l.0 as usize, matrix: onehot }),
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

fn is_fixed(term: &Term) -> bool {
    let mut fixed = true;
    term.each_label(&mut |_| fixed = false);
    fixed
}

impl Web {
    fn new(product: &Product) -> Web {
        let count = product.extents.len();
        Web {
            free: product.free,
            vertices: vec![Vectors::default(); count],
            alive: vec![true; count],
            edges: Vec::new(),
            over: Vec::new(),
            under: Vec::new(),
            diagonal: false,
        }
    }

    /// Adds an edge; one that joins the same labels multiplies entry by entry.
    fn connect(&mut self, edge: Edge) {
        let twin = self
            .edges
            .iter()
            .position(|e| e.touches(edge.row) && e.touches(edge.column) && e.is_loop() == edge.is_loop());
        let Some(k) = twin else { return self.edges.push(edge) };
        let first = self.edges.remove(k);
        let (row, column) = (edge.row.min(edge.column), edge.row.max(edge.column));
        self.edges.push(Edge { row, column, matrix: entrywise(first.from(row), edge.from(row)) });
    }

    /// Eliminates one bound label; false when none is left, `None` when the web is too tangled.
    fn eliminate(&mut self) -> Option<bool> {
        let bound: Vec<usize> = (self.free..self.alive.len()).filter(|&l| self.alive[l]).collect();
        if bound.is_empty() {
            return Some(false);
        }
        let degree = |l: usize| self.edges.iter().filter(|e| e.touches(l)).count();
        let is_column = |l: usize| self.edges.iter().any(|e| e.column == l && !e.is_loop());
        let next = bound.into_iter().min_by_key(|&l| (degree(l) == 2, degree(l), !is_column(l), l))?;
        let edges: Vec<Edge> = self.edges.iter().filter(|e| e.touches(next)).cloned().collect();
        self.edges.retain(|e| !e.touches(next));
        self.alive[next] = false;
        let vectors = std::mem::take(&mut self.vertices[next]);
        match <[Edge; 1]>::try_from(edges) {
            Ok([edge]) if edge.is_loop() => self.over.push(trace(edge.matrix, vectors)?),
            Ok([edge]) if vectors.is_empty() && self.stands_alone(edge.other(next)) => {
                self.alive[edge.other(next)] = false;
                self.over.push(Shown::Call("sum", vec![edge.matrix, Shown::Verbatim("axis=all".into())]));
            }
            Ok([edge]) => {
                let other = edge.other(next);
                let vector = matrix_times(edge.from(other), vectors);
                self.vertices[other].over.push(vector);
            }
            Err(edges) if edges.is_empty() => self.over.push(inner(vectors)?),
            Err(edges) => {
                let [left, right] = <[Edge; 2]>::try_from(edges).ok()?;
                if left.is_loop() || right.is_loop() {
                    return None;
                }
                self.join(next, left, vectors, right);
            }
        }
        Some(true)
    }

    /// A bound label with no vector and no edge.
    fn stands_alone(&self, label: usize) -> bool {
        label >= self.free && self.vertices[label].is_empty() && !self.edges.iter().any(|e| e.touches(label))
    }

    /// `A @ B`, `A @ diag(v) @ B` across an eliminated label.
    fn join(&mut self, at: usize, left: Edge, vectors: Vectors, right: Edge) {
        // The factor that already points at the label stands on the left: no transpose.
        let (left, right) = if left.column == at && right.row == at || right.column != at {
            (left, right)
        } else {
            (right, left)
        };
        let (row, column) = (left.other(at), right.other(at));
        let mut items = items_of(left.from(row));
        items.extend(vectors.shown().map(|v| Shown::Call("diag", vec![v])));
        items.extend(items_of(right.from(at)));
        self.connect(Edge { row, column, matrix: Shown::Dot(items, false) });
    }

    /// The result over two free labels.
    fn matrix(mut self, sizes: &[Shown]) -> Option<Shown> {
        if self.edges.iter().any(Edge::is_loop) || self.edges.len() > 1 {
            return None;
        }
        let edge = self.edges.pop();
        let (mut left, right) =
            (std::mem::take(&mut self.vertices[0]), std::mem::take(&mut self.vertices[1]));
        if self.diagonal {
            left.over.extend(right.over);
            left.under.extend(right.under);
            let whole = edge.is_none().then(|| left.shown());
            return whole.map(|v| {
                v.map_or_else(|| Shown::Call("eye", sizes[..1].to_vec()), |v| Shown::Call("diag", vec![v]))
            });
        }
        let ones = |k: usize| Shown::Call("ones", vec![sizes[k].clone()]);
        let Some(edge) = edge else {
            if left.is_empty() && right.is_empty() {
                return Some(Shown::Call("ones", sizes.to_vec()));
            }
            let (u, w) = (left.shown().unwrap_or_else(|| ones(0)), right.shown().unwrap_or_else(|| ones(1)));
            return Some(Shown::Call("outer", vec![u, w]));
        };
        if left.is_empty() && right.is_empty() {
            return Some(edge.from(0));
        }
        let mut items: Vec<Shown> = left.shown().map(|u| Shown::Call("diag", vec![u])).into_iter().collect();
        items.extend(items_of(edge.from(0)));
        items.extend(right.shown().map(|w| Shown::Call("diag", vec![w])));
        Some(Shown::Dot(items, false))
    }
}

impl Edge {
    fn is_loop(&self) -> bool {
        self.row == self.column
    }
}

/// Factors of a matrix product, or the matrix alone.
fn items_of(matrix: Shown) -> Vec<Shown> {
    match matrix {
        Shown::Dot(items, false) => items,
        other => vec![other],
    }
}

/// `A .* B`, by text; factors that are such products themselves stand side by side.
fn entrywise(first: Shown, second: Shown) -> Shown {
    let mut factors = Vec::new();
    for factor in [first, second] {
        match factor {
            Shown::Elementwise(inner, under) if under.is_empty() => factors.extend(inner),
            other => factors.push(other),
        }
    }
    factors.sort_by_cached_key(|x| (matches!(x, Shown::Bracket(_)), super::text::text(x)));
    Shown::Elementwise(factors, Vec::new())
}

/// `A'`; a product is transposed factor by factor, in reverse.
fn transposed(matrix: Shown) -> Shown {
    match matrix {
        Shown::Transpose(inner) => *inner,
        Shown::Dot(items, false) => Shown::Dot(items.into_iter().rev().map(transposed).collect(), false),
        Shown::Call("diag", args) => Shown::Call("diag", args),
        Shown::Call("outer", mut args) => {
            args.reverse();
            Shown::Call("outer", args)
        }
        other => Shown::Transpose(Box::new(other)),
    }
}

/// `M @ v`, or the sums of the rows.
fn matrix_times(matrix: Shown, vectors: Vectors) -> Shown {
    let Some(vector) = vectors.shown() else {
        let (matrix, axis) = match matrix {
            Shown::Transpose(inner) => (*inner, "axis=0"),
            other => (other, "axis=1"),
        };
        return Shown::Call("sum", vec![matrix, Shown::Verbatim(axis.into())]);
    };
    let mut items = items_of(matrix);
    match vector {
        Shown::Dot(rest, false) => items.extend(rest),
        other => items.push(other),
    }
    Shown::Dot(items, false)
}

/// `x @ y`, `x @ A @ x`, `sum(x)` over one label.
fn inner(vectors: Vectors) -> Option<Shown> {
    let Vectors { mut over, mut under } = vectors;
    if let ([Shown::Elementwise(..)], []) = (&over[..], &under[..])
        && let Some(Shown::Elementwise(top, bottom)) = over.pop()
    {
        (over, under) = (top, bottom);
    }
    if let ([Shown::Power(base, 2)], []) = (&over[..], &under[..])
        && base.is_plain()
    {
        return Some(Shown::Dot(vec![(**base).clone(), (**base).clone()], true));
    }
    if over.len() != 2 || !under.is_empty() {
        return Some(Shown::Call("sum", vec![Vectors { over, under }.shown()?]));
    }
    over.sort_by_cached_key(|x| (matches!(x, Shown::Dot(..)), x.weight(), super::text::text(x)));
    let last = over.pop()?;
    let mut items = over;
    match last {
        Shown::Dot(rest, false) => items.extend(rest),
        other => items.push(other),
    }
    Some(Shown::Dot(items, true))
}

/// `trace(A)`; of a product entry by entry, the sum of all products.
fn trace(matrix: Shown, vectors: Vectors) -> Option<Shown> {
    vectors.is_empty().then(|| Shown::Call("trace", vec![matrix]))
}
