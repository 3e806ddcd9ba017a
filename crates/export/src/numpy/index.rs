//! Reading an operand at index terms: slices where the terms are slices, index arrays otherwise.
//!
//! Index arrays come from a [`Grid`]: `i = np.arange(n)` for one label, `i, j = np.ogrid[:m, :n]` for several, so
//! that `x[i + j]` broadcasts to one axis for each label.

use super::Writer;
use super::array::{Array, Level, aligned};
use super::contract::Nest;
use chainrule_core::NodeId;
use chainrule_core::graph::op::Op;
use chainrule_core::index::{Atom, Facts, Label, Term};
use chainrule_core::shape::Dim;
use std::collections::BTreeSet;

/// Labels with the index arrays that hold their values.
pub(super) struct Grid {
    labels: Vec<usize>,
    extents: Vec<Dim>,
    names: Vec<String>,
    /// All arrays are lists of coordinates: position p of each belongs to one choice of labels.
    flat: bool,
}

impl Grid {
    /// The grid of the labels that the terms mention.
    pub(super) fn over<'t>(nest: &Nest, terms: impl IntoIterator<Item = &'t Term>) -> Grid {
        let mut labels = BTreeSet::new();
        terms.into_iter().for_each(|t| {
            t.each_label(&mut |l| {
                labels.insert(l.0 as usize);
            })
        });
        Grid::of(labels, &nest.extents)
    }

    /// The grid of the given labels.
    pub(super) fn of(labels: impl IntoIterator<Item = usize>, extents: &[Dim]) -> Grid {
        let labels: Vec<usize> = labels.into_iter().collect();
        let extents = labels.iter().map(|&l| extents[l].clone()).collect();
        Grid { labels, extents, names: Vec::new(), flat: false }
    }

    /// Coordinates under the given names.
    pub(super) fn flat(labels: Vec<usize>, extents: &[Dim], names: Vec<String>) -> Grid {
        Grid { flat: true, names, ..Grid::of(labels, extents) }
    }

    /// Axes of what is read through the grid.
    pub(super) fn axes(&self) -> Vec<usize> {
        if self.flat { vec![0] } else { self.labels.clone() }
    }
}

/// What a term is along an axis that a subscript can say without index arrays.
enum At {
    /// `start : start + extent : step` of a label.
    Slice(usize, String),
    /// The same backwards: the slice is read, then reversed.
    Reversed(usize, String),
    /// One position.
    Number(String),
    /// The entries of an integer tensor over labels of its own.
    Labels(Vec<usize>, String),
}

/// Start, stop and step of a slice; empty where Python's default is meant. `None` for a label that runs backwards
/// over part of an axis.
pub(super) struct Run {
    pub(super) start: Dim,
    pub(super) step: i64,
    pub(super) label: usize,
}

/// The term `start + step * label`.
pub(super) fn run_of(term: &Term) -> Option<Run> {
    let [(Atom::Label(Label(label)), slope)] = term.parts() else { return None };
    let step = slope.as_fixed().filter(|&s| s != 0)?;
    Some(Run { start: term.offset().clone(), step, label: *label as usize })
}

impl Writer<'_> {
    /// `a:b:c` for a run of a label with the given extent over an axis; the flag says that it is to be reversed.
    pub(super) fn slice(&mut self, run: &Run, extent: &Dim, axis: &Dim) -> (String, bool) {
        let (none, one) = (BTreeSet::new(), Dim::ONE);
        let step = Dim::fixed(run.step.abs());
        let backwards = run.step < 0;
        let span = (extent.clone() - one.clone()) * step.clone();
        let start = if backwards { run.start.clone() - span } else { run.start.clone() };
        if backwards && start.is_zero() && run.step == -1 && extent == axis {
            return ("::-1".to_string(), false);
        }
        // One step beyond the last entry is as good as one entry, and is right when there is none.
        let stop = if backwards { run.start.clone() + one } else { start.clone() + extent.clone() * step };
        let from = if start.is_zero() { String::new() } else { self.dim(&start).0 };
        let to = if (stop.clone() - axis.clone()).is_nonnegative(&none) {
            String::new()
        } else {
            self.dim(&stop).0
        };
        let by = if run.step.abs() == 1 { String::new() } else { format!(":{}", run.step.abs()) };
        (format!("{from}:{to}{by}"), backwards)
    }

    /// The entries of a node at index terms, one axis for each label.
    pub(super) fn access(&mut self, nest: &Nest, node: NodeId, at: &[Term]) -> Array {
        let code = self.code(node);
        if code.axes.is_empty() {
            return code;
        }
        let shape = self.plan.graph.shape(node).to_vec();
        let terms: Vec<&Term> = code.axes.iter().map(|&a| &at[a]).collect();
        let extents: Vec<&Dim> = code.axes.iter().map(|&a| &shape[a]).collect();
        if let Some(array) = self.diagonal(nest, &code, &terms, &extents) {
            return array;
        }
        if let Some(array) = self.subscript(nest, &code, &terms, &extents) {
            return array;
        }
        if let Some(array) = self.taken_along(nest, node, &code, &terms, &extents) {
            return array;
        }
        if let Some(array) = self.reshaped(nest, &code, &terms, &extents) {
            return array;
        }
        let mut grid = Grid::over(nest, terms.iter().copied());
        let code = self.short(code);
        let texts: Vec<String> = terms.iter().map(|t| self.term(&mut grid, t).text).collect();
        Array::call(format!("{}[{}]", code.at(Level::Atom), texts.join(", ")), grid.axes())
    }

    /// `x[i,i]`
    fn diagonal(&self, nest: &Nest, code: &Array, terms: &[&Term], extents: &[&Dim]) -> Option<Array> {
        let [a, b] = terms else { return None };
        let label = a.as_label().filter(|_| a == b)?.0 as usize;
        let whole = extents.iter().all(|e| **e == nest.extents[label]);
        whole.then(|| Array::atom(format!("np.diagonal({})", code.text), [label]))
    }

    /// Slices, positions, and at most one integer tensor.
    fn subscript(&mut self, nest: &Nest, code: &Array, terms: &[&Term], extents: &[&Dim]) -> Option<Array> {
        let mut tokens = Vec::new();
        for (term, extent) in terms.iter().zip(extents) {
            tokens.push(self.token(nest, term, extent)?);
        }
        let mut axes = Vec::new();
        let (mut gathers, mut numbers) = (0, 0);
        for token in &tokens {
            match token {
                At::Slice(label, _) | At::Reversed(label, _) => axes.push(*label),
                At::Number(_) => numbers += 1,
                At::Labels(labels, _) => {
                    gathers += 1;
                    axes.extend(labels);
                }
            }
        }
        let distinct: BTreeSet<usize> = axes.iter().copied().collect();
        // NumPy moves the axes of an index array to the front when a position stands apart from it.
        if distinct.len() != axes.len() || gathers > 1 || (gathers == 1 && numbers > 0) {
            return None;
        }
        let mut texts: Vec<&str> = tokens
            .iter()
            .map(|t| match t {
                At::Slice(_, text) | At::Reversed(_, text) | At::Number(text) | At::Labels(_, text) => {
                    text.as_str()
                }
            })
            .collect();
        let backwards: Vec<&str> = tokens
            .iter()
            .filter_map(|t| match t {
                At::Slice(..) => Some(":"),
                At::Reversed(..) => Some("::-1"),
                At::Number(_) => None,
                At::Labels(labels, _) => Some(if labels.len() == 1 { ":" } else { "..." }),
            })
            .collect();
        while texts.last() == Some(&":") {
            texts.pop();
        }
        if texts.is_empty() {
            return Some(Array { axes, ..code.clone() });
        }
        let mut text = format!("{}[{}]", code.at(Level::Atom), texts.join(", "));
        if backwards.contains(&"::-1") {
            text = format!("{text}[{}]", backwards.join(", "));
        }
        Some(Array { fresh: gathers > 0, ..Array::atom(text, axes) })
    }

    fn token(&mut self, nest: &Nest, term: &Term, extent: &Dim) -> Option<At> {
        let mut labels = Vec::new();
        term.each_label(&mut |l| labels.push(l.0 as usize));
        if labels.is_empty() {
            let mut grid = Grid::of([], &nest.extents);
            return Some(At::Number(self.term(&mut grid, term).text));
        }
        if let Some(run) = run_of(term) {
            let (text, backwards) = self.slice(&run, &nest.extents[run.label], extent);
            return Some(if backwards { At::Reversed(run.label, text) } else { At::Slice(run.label, text) });
        }
        let (node, labels) = self.whole_element(nest, term)?;
        Some(At::Labels(labels, self.whole(node).text))
    }

    /// The integer tensor whose entries a term reads, all of them, each label along an axis of its own.
    pub(super) fn whole_element(&self, nest: &Nest, term: &Term) -> Option<(NodeId, Vec<usize>)> {
        let [(Atom::Element(node, at), slope)] = term.parts() else { return None };
        if *slope != Dim::ONE || !term.offset().is_zero() {
            return None;
        }
        let labels: Vec<usize> = at.iter().map(|t| Some(t.as_label()?.0 as usize)).collect::<Option<_>>()?;
        let shape = self.plan.graph.shape(*node);
        let distinct: BTreeSet<usize> = labels.iter().copied().collect();
        let whole = labels.iter().zip(shape).all(|(&l, e)| nest.extents[l] == *e);
        (whole && distinct.len() == labels.len()).then_some((*node, labels))
    }

    /// `x[i, t[i,j]]`: `np.take_along_axis`, and `np.sort` when that is what the labels do.
    fn taken_along(
        &mut self,
        nest: &Nest,
        node: NodeId,
        code: &Array,
        terms: &[&Term],
        extents: &[&Dim],
    ) -> Option<Array> {
        let rank = terms.len();
        let axis = terms.iter().position(|t| t.as_label().is_none())?;
        let (order, labels) = self.whole_element(nest, terms[axis])?;
        let others = (0..rank).filter(|&a| a != axis).all(|a| {
            terms[a].as_label().map(|l| l.0 as usize) == labels.get(a).copied()
                && nest.extents[labels[a]] == *extents[a]
        });
        if labels.len() != rank || !others || code.axes.len() != self.plan.graph.rank(node) {
            return None;
        }
        let graph = &self.plan.graph;
        let sorts = matches!(graph.op(order), Op::ArgSort(a) if usize::from(*a) == axis)
            && graph.arg(order, 0) == node;
        let text = if sorts {
            let along = if axis + 1 == rank { String::new() } else { format!(", axis={axis}") };
            format!("np.sort({}{along})", code.text)
        } else {
            let order = self.whole(order);
            format!("np.take_along_axis({}, {}, axis={axis})", code.text, order.text)
        };
        Some(Array::call(text, labels))
    }

    /// The same entries in row-major order: `x.reshape(m, n)`.
    fn reshaped(&mut self, nest: &Nest, code: &Array, terms: &[&Term], extents: &[&Dim]) -> Option<Array> {
        let mut labels = BTreeSet::new();
        terms.iter().for_each(|t| {
            t.each_label(&mut |l| {
                labels.insert(l.0 as usize);
            })
        });
        let labels: Vec<usize> = labels.into_iter().collect();
        let new: Vec<Dim> = labels.iter().map(|&l| nest.extents[l].clone()).collect();
        let count = |dims: &[Dim]| dims.iter().cloned().fold(Dim::ONE, |n, d| n * d);
        let old: Vec<Dim> = extents.iter().map(|d| (*d).clone()).collect();
        if count(&new) != count(&old) {
            return None;
        }
        let facts = Facts { extents: &nest.extents, gone: &nest.gone, below: &|_| None };
        let mut position = Term::constant(0);
        for (label, d) in labels.iter().zip(&new) {
            position = position.scaled(d) + Term::label(Label(*label as u32));
        }
        for (k, d) in old.iter().enumerate().rev() {
            let own = if k == 0 { position.clone() } else { position.clone().remainder(d, &facts) };
            if own != *terms[k] {
                return None;
            }
            position = position.quotient(d, &facts);
        }
        let shape: Vec<String> = new.iter().map(|d| self.dim(d).0).collect();
        Some(Array::atom(format!("{}.reshape({})", code.at(Level::Atom), shape.join(", ")), labels))
    }

    /// A term over a grid; the lines that make the grid are written when it is first needed.
    pub(super) fn term(&mut self, grid: &mut Grid, term: &Term) -> Array {
        let mut pieces: Vec<(bool, String)> = Vec::new();
        for (atom, slope) in term.parts() {
            let (text, level) = self.atom(grid, atom);
            let negative = slope.monomials().iter().all(|(_, c)| *c < 0);
            let size = if negative { -slope.clone() } else { slope.clone() };
            let text = if size == Dim::ONE {
                if level >= Level::Mul { text } else { format!("({text})") }
            } else {
                let (factor, strength) = self.dim(&size);
                let factor = if strength >= Level::Mul { factor } else { format!("({factor})") };
                let text = if level >= Level::Unary { text } else { format!("({text})") };
                format!("{factor} * {text}")
            };
            pieces.push((negative, text));
        }
        let offset = term.offset();
        if !offset.is_zero() || pieces.is_empty() {
            let negative = !offset.is_zero() && offset.monomials().iter().all(|(_, c)| *c < 0);
            let size = if negative { -offset.clone() } else { offset.clone() };
            let (text, level) = self.dim(&size);
            let text = if level >= Level::Mul || !negative { text } else { format!("({text})") };
            pieces.push((negative, text));
        }
        if let Some(k) = pieces.iter().position(|(negative, _)| !negative) {
            pieces[..=k].rotate_right(1);
        }
        let level = match pieces.as_slice() {
            [(false, one)] if super::array::is_word(one) => Level::Atom,
            [(false, one)] if one.ends_with(']') && !one.contains(' ') => Level::Atom,
            _ => Level::Add,
        };
        let mut text = String::new();
        for (k, (negative, piece)) in pieces.iter().enumerate() {
            text.push_str(match (k, negative) {
                (0, true) => "-",
                (0, false) => "",
                (_, true) => " - ",
                (_, false) => " + ",
            });
            text.push_str(piece);
        }
        Array::new(text, level, grid.axes())
    }

    fn atom(&mut self, grid: &mut Grid, atom: &Atom) -> (String, Level) {
        match atom {
            Atom::Label(label) => (self.label(grid, label.0 as usize), Level::Atom),
            Atom::Quotient(inner, extent) => self.division(grid, inner, "//", extent),
            Atom::Remainder(inner, extent) => self.division(grid, inner, "%", extent),
            Atom::Element(node, at) => {
                let array = self.entry(grid, *node, at);
                (array.text, array.level)
            }
        }
    }

    fn division(&mut self, grid: &mut Grid, inner: &Term, sign: &str, extent: &Dim) -> (String, Level) {
        let (left, right) = (self.term(grid, inner), self.dim(extent));
        let right = if right.1 >= Level::Atom { right.0 } else { format!("({})", right.0) };
        (format!("({} {sign} {right})", left.at(Level::Atom)), Level::Atom)
    }

    /// Entries of a tensor where a grid stands.
    pub(super) fn entry(&mut self, grid: &mut Grid, node: NodeId, at: &[Term]) -> Array {
        let code = self.code(node);
        if code.axes.is_empty() {
            return code;
        }
        let shape = self.plan.graph.shape(node).to_vec();
        let labels: Option<Vec<usize>> =
            code.axes.iter().map(|&a| Some(at[a].as_label()?.0 as usize)).collect();
        if let Some(labels) = labels.filter(|_| !grid.flat) {
            let distinct: BTreeSet<usize> = labels.iter().copied().collect();
            let whole = labels.iter().zip(&code.axes).all(|(l, &a)| {
                let place = grid.labels.iter().position(|g| g == l);
                place.is_some_and(|p| grid.extents[p] == shape[a])
            });
            if whole && distinct.len() == labels.len() {
                return aligned(&Array { axes: labels, ..code }, &grid.labels);
            }
        }
        let code = self.short(code);
        let texts: Vec<String> = code.axes.iter().map(|&a| self.term(grid, &at[a]).text).collect();
        Array::call(format!("{}[{}]", code.at(Level::Atom), texts.join(", ")), grid.axes())
    }

    /// The index array of a label.
    fn label(&mut self, grid: &mut Grid, label: usize) -> String {
        if grid.names.is_empty() {
            let extents: Vec<String> = grid.extents.iter().map(|d| self.dim(d).0).collect();
            grid.names = match extents.as_slice() {
                [one] => self.grid_names(&format!("np.arange({one})"), 1),
                _ => self.grid_names(&format!("np.ogrid[:{}]", extents.join(", :")), extents.len()),
            };
        }
        let place = grid.labels.iter().position(|&l| l == label).expect("invariant: the grid has the label");
        grid.names[place].clone()
    }

    /// Names for what an expression unpacks to; the same expression keeps its names.
    fn grid_names(&mut self, expression: &str, count: usize) -> Vec<String> {
        if let Some(names) = self.grids.get(expression) {
            return names.clone();
        }
        let names: Vec<String> = (0..count).map(|_| self.taken.index()).collect();
        self.lines.push(format!("{} = {expression}", names.join(", ")));
        self.grids.insert(expression.to_string(), names.clone());
        names
    }
}
