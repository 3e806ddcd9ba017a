//! Values that fill only part of a result: `np.eye`, `np.diag`, and assignment into zeros.

use super::Writer;
use super::array::{Array, Level, aligned};
use super::contract::Nest;
use super::index::{Grid, run_of};
use chainrule_core::NodeId;
use chainrule_core::index::Term;
use chainrule_core::shape::Dim;
use std::collections::BTreeSet;

/// How entries get to their places.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Write {
    /// Each place gets one entry.
    Assign,
    /// A place may get several, which add up.
    Add,
}

/// A value, and where its entries stand in the result.
pub(super) struct Placement {
    pub(super) index: String,
    pub(super) value: Array,
    pub(super) write: Write,
    /// The value fills a run of one axis and all of the others.
    pub(super) run: Option<Filled>,
}

/// A run of one axis.
pub(super) struct Filled {
    pub(super) axis: usize,
    pub(super) start: Dim,
    pub(super) extent: Dim,
}

impl Placement {
    /// True when the index consists of several parts.
    pub(super) fn several(&self) -> bool {
        self.index.contains(',')
    }
}

impl Writer<'_> {
    /// A contraction that fills part of its result.
    pub(super) fn placed(&mut self, node: NodeId, nest: &Nest) -> Array {
        if nest.is_diagonal(&self.plan.graph) {
            return self.diagonal_matrix(nest);
        }
        let placement = self.placement(nest);
        let out = self.zeros(node);
        let Placement { index, value, write, .. } = &placement;
        self.lines.push(match write {
            Write::Assign => format!("{}[{index}] = {}", out.text, value.text),
            Write::Add if placement.several() => {
                format!("np.add.at({}, ({index}), {})", out.text, value.text)
            }
            Write::Add => format!("np.add.at({}, {index}, {})", out.text, value.text),
        });
        out
    }

    /// A new array of zeros under a name.
    pub(super) fn zeros(&mut self, node: NodeId) -> Array {
        let shape = self.plan.graph.shape(node).to_vec();
        let axes: Vec<usize> = (0..shape.len()).collect();
        let extents = self.shape(&shape);
        let name = self.plan.name(node).map(str::to_string);
        self.assigned(Array::call(format!("np.zeros({extents})"), axes), name.as_deref(), "out")
    }

    /// `np.eye(n)`, `np.diag(x)`
    fn diagonal_matrix(&mut self, nest: &Nest) -> Array {
        let value = self.value(nest);
        if !value.axes.is_empty() {
            return Array::call(format!("np.diag({})", value.text), [0, 1]);
        }
        let (extent, _) = self.dim(&nest.shape[0]);
        if value.text == "1" {
            return Array::call(format!("np.eye({extent})"), [0, 1]);
        }
        let text = format!("{} * np.eye({extent})", value.at(Level::Mul));
        Array { fresh: true, ..Array::new(text, Level::Mul, [0, 1]) }
    }

    /// The value of a nest, and the subscript of its places.
    pub(super) fn placement(&mut self, nest: &Nest) -> Placement {
        let value = self.value(nest);
        if let Some(placement) = self.sliced(nest, &value) {
            return placement;
        }
        let kept: Vec<usize> = nest.kept().into_iter().collect();
        let write = if kept.iter().any(|&l| l >= nest.free) { Write::Add } else { Write::Assign };
        let mut grid = Grid::of(kept.iter().copied(), &nest.extents);
        let texts: Vec<String> = nest.place.iter().map(|t| self.term(&mut grid, t).text).collect();
        Placement { index: texts.join(", "), value: aligned(&value, &kept), write, run: None }
    }

    /// Slices, positions, and at most one integer tensor with labels of its own.
    fn sliced(&mut self, nest: &Nest, value: &Array) -> Option<Placement> {
        let mut order: Vec<usize> = Vec::new();
        let (mut texts, mut numbers, mut gathers) = (Vec::new(), 0, 0);
        let mut runs = Vec::new();
        for (axis, (term, extent)) in nest.place.iter().zip(&nest.shape).enumerate() {
            if let Some(run) = run_of(term) {
                let (text, backwards) = self.slice(&run, &nest.extents[run.label], extent);
                if backwards {
                    return None;
                }
                if text != ":" {
                    let whole_step = run.step == 1;
                    runs.push((axis, run.start.clone(), nest.extents[run.label].clone(), whole_step));
                }
                order.push(run.label);
                texts.push(text);
            } else if let Some((node, labels)) = self.whole_element(nest, term).filter(|(_, l)| !l.is_empty())
            {
                gathers += 1;
                order.extend(labels);
                texts.push(self.whole(node).text);
            } else if !mentions_labels(term) {
                numbers += 1;
                let mut grid = Grid::of([], &nest.extents);
                texts.push(self.term(&mut grid, term).text);
            } else {
                return None;
            }
        }
        let distinct: BTreeSet<usize> = order.iter().copied().collect();
        if distinct.len() != order.len() || gathers > 1 || (gathers == 1 && numbers > 0) {
            return None;
        }
        let run = match runs.as_slice() {
            [(axis, start, extent, true)] if gathers + numbers == 0 => {
                Some(Filled { axis: *axis, start: start.clone(), extent: extent.clone() })
            }
            _ => None,
        };
        while texts.last().is_some_and(|t| t == ":") {
            texts.pop();
        }
        let index = if texts.is_empty() { "...".to_string() } else { texts.join(", ") };
        // Axes of the value in the order of the result.
        let place = |l: &usize| order.iter().position(|o| o == l).expect("invariant: a label of some place");
        let renamed = Array { axes: value.axes.iter().map(place).collect(), ..value.clone() };
        let all: Vec<usize> = (0..order.len()).collect();
        let write = if gathers > 0 { Write::Add } else { Write::Assign };
        Some(Placement { index, value: aligned(&renamed, &all), write, run })
    }
}

fn mentions_labels(term: &Term) -> bool {
    let mut found = false;
    term.each_label(&mut |_| found = true);
    found
}
