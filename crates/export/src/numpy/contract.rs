//! Contractions: what remains of one when its deltas and ranges are solved, and the text of it.
//!
//! A [`Nest`] is a product over labels. A delta that determines a label removes it, so that an axis of the result
//! stands where a term says ([`Nest::place`]); a range on a label shortens its axis. What is left of the conditions
//! are masks.

use super::Writer;
use super::array::{Array, Level};
use super::index::Grid;
use super::node::negation;
use super::product::Factor;
use crate::plan::divisor;
use chainrule_core::form::{Access, Cond};
use chainrule_core::graph::op::Op;
use chainrule_core::index::{Atom, Facts, Label, Term};
use chainrule_core::ops::map::Map;
use chainrule_core::shape::Dim;
use chainrule_core::{Graph, NodeId};
use std::collections::BTreeSet;

/// Rewriting a label of a delta or a range ends after this many steps, far beyond what a program states.
const STEPS: usize = 64;

/// A contraction with solved deltas and ranges.
pub(super) struct Nest {
    /// Extent of each label.
    pub(super) extents: Vec<Dim>,
    /// Labels that a delta has determined.
    pub(super) gone: Vec<bool>,
    /// Number of axes of the result.
    pub(super) free: usize,
    /// Position of an entry along each axis of the result.
    pub(super) place: Vec<Term>,
    /// Factors.
    pub(super) accesses: Vec<Access>,
    /// Conditions that are left.
    pub(super) conds: Vec<Cond>,
    /// Extents of the result.
    pub(super) shape: Vec<Dim>,
}

impl Nest {
    /// The nest of a contraction node.
    pub(super) fn new(graph: &Graph, node: NodeId) -> Nest {
        let product = graph.as_product(node);
        let mut nest = Nest {
            gone: vec![false; product.extents.len()],
            free: product.free,
            place: (0..product.free).map(|k| Term::label(Label(k as u32))).collect(),
            shape: product.extents[..product.free].to_vec(),
            extents: product.extents.to_vec(),
            accesses: product.accesses.to_vec(),
            conds: product.conds.to_vec(),
        };
        for _ in 0..STEPS {
            if !nest.solve_delta(graph) {
                break;
            }
        }
        nest.solve_ranges(graph);
        nest
    }

    /// Labels that have values, ascending.
    pub(super) fn labels(&self) -> Vec<usize> {
        (0..self.extents.len()).filter(|&k| !self.gone[k]).collect()
    }

    /// Labels that the position in the result depends on.
    pub(super) fn kept(&self) -> BTreeSet<usize> {
        let mut kept = BTreeSet::new();
        self.place.iter().for_each(|t| {
            t.each_label(&mut |l| {
                kept.insert(l.0 as usize);
            })
        });
        kept
    }

    /// True unless the axes of the result are labels, each its own.
    pub(super) fn is_placed(&self) -> bool {
        (0..self.free)
            .any(|k| self.place[k].as_label() != Some(Label(k as u32)) || self.extents[k] != self.shape[k])
    }

    /// True for `y[i,i]`: the text is `np.diag`, `np.eye`.
    pub(super) fn is_diagonal(&self, graph: &Graph) -> bool {
        let [a, b] = self.place.as_slice() else { return false };
        let same = a.as_label().is_some() && a == b && self.shape[0] == self.shape[1];
        // A mask over the diagonal keeps the general form.
        same && self.kept().len() == 1
            && self.extents[self.kept().first().copied().unwrap_or(0)] == self.shape[0]
            && !graph.is_empty()
    }

    /// True when a condition protects a read that is not known to stay inside its operand.
    pub(super) fn is_sparse(&self, graph: &Graph) -> bool {
        if self.conds.is_empty() {
            return false;
        }
        let outside = |node: NodeId, at: &[Term]| {
            let shape = graph.shape(node);
            at.iter().zip(shape).any(|(t, extent)| !self.stays_inside(graph, t, extent))
        };
        let mut reads: Vec<(NodeId, Vec<Term>)> = Vec::new();
        let mut terms: Vec<Term> = self.place.clone();
        for access in &self.accesses {
            reads.push((access.node, access.at.to_vec()));
        }
        for cond in &self.conds {
            match cond {
                Cond::Holds(node, at, _) => reads.push((*node, at.to_vec())),
                Cond::Zero(t) | Cond::NonNegative(t) => terms.push(t.clone()),
            }
        }
        terms.extend(reads.iter().flat_map(|(_, at)| at.iter().cloned()));
        elements(&terms, &mut reads);
        reads.iter().any(|(node, at)| outside(*node, at))
            || self.place.iter().zip(&self.shape).any(|(t, e)| !self.stays_inside(graph, t, e))
    }

    /// True when a position is provably inside an axis wherever the labels are in range.
    pub(super) fn stays_inside(&self, graph: &Graph, term: &Term, extent: &Dim) -> bool {
        let below = |n: NodeId| graph.below(n);
        let facts = Facts { extents: &self.extents, gone: &self.gone, below: &below };
        let above = Term::constant(extent.clone() - Dim::ONE) - term.clone();
        facts.proves_nonnegative(term) && facts.proves_nonnegative(&above)
    }

    fn substitute(&mut self, graph: &Graph, label: usize, value: &Term) {
        let below = |n: NodeId| graph.below(n);
        let (extents, gone) = (self.extents.clone(), self.gone.clone());
        let facts = Facts { extents: &extents, gone: &gone, below: &below };
        let mut change = |t: &Term| {
            t.substitute(&mut |l| if l.0 as usize == label { value.clone() } else { Term::label(l) }, &facts)
        };
        self.place.iter_mut().for_each(|t| *t = change(t));
        for access in &mut self.accesses {
            access.at.iter_mut().for_each(|t| *t = change(t));
        }
        for cond in &mut self.conds {
            *cond = cond.map(&mut change);
        }
    }

    /// Removes one label that a delta determines; false when there is none.
    fn solve_delta(&mut self, graph: &Graph) -> bool {
        let mut best: Option<Solution> = None;
        for (k, cond) in self.conds.iter().enumerate() {
            let Cond::Zero(term) = cond else { continue };
            for (atom, slope) in term.parts() {
                let Atom::Label(Label(label)) = atom else { continue };
                let label = *label as usize;
                let sign = match slope.as_fixed() {
                    Some(1) => -1,
                    Some(-1) => 1,
                    _ => continue,
                };
                let own = Term::label(Label(label as u32)).scaled(slope);
                let rest = term.clone() - own;
                if rest.mentions(Label(label as u32)) {
                    continue;
                }
                let value = rest.scaled(&Dim::fixed(sign));
                let inside = self.stays_inside(graph, &value, &self.extents[label]);
                let merit = (inside, label >= self.free, label);
                if best.as_ref().is_none_or(|(most, ..)| merit > *most) {
                    best = Some((merit, k, label, value));
                }
            }
        }
        let Some(((inside, ..), k, label, value)) = best else { return false };
        self.conds.remove(k);
        if !inside {
            let above = Term::constant(self.extents[label].clone() - Dim::ONE) - value.clone();
            self.conds.push(Cond::NonNegative(value.clone()));
            self.conds.push(Cond::NonNegative(above));
        }
        self.gone[label] = true;
        self.substitute(graph, label, &value);
        true
    }

    /// A condition `low <= label` or `label <= high` shortens the label, where that is right for every size.
    fn solve_ranges(&mut self, graph: &Graph) {
        let none = BTreeSet::new();
        for label in self.labels() {
            let bound = |cond: &Cond| -> Option<(bool, Dim)> {
                let Cond::NonNegative(term) = cond else { return None };
                let [(Atom::Label(l), slope)] = term.parts() else { return None };
                match slope.as_fixed() {
                    Some(1) if l.0 as usize == label => Some((true, -term.offset().clone())),
                    Some(-1) if l.0 as usize == label => Some((false, term.offset().clone() + Dim::ONE)),
                    _ => None,
                }
            };
            let extent = self.extents[label].clone();
            let find = |lower: bool| {
                self.conds.iter().position(|c| bound(c).is_some_and(|(is_lower, _)| is_lower == lower))
            };
            let (low_at, high_at) = (find(true), find(false));
            let value = |at: Option<usize>| at.and_then(|k| bound(&self.conds[k])).map(|(_, d)| d);
            let low = value(low_at).unwrap_or(Dim::ZERO);
            let high = value(high_at).unwrap_or_else(|| extent.clone());
            let used: Vec<usize> = [low_at, high_at].into_iter().flatten().collect();
            let fits = [low.clone(), extent - high.clone(), high.clone() - low.clone()];
            if used.is_empty() || !fits.iter().all(|d| d.is_nonnegative(&none)) {
                continue;
            }
            let mut index = 0;
            self.conds.retain(|_| {
                index += 1;
                !used.contains(&(index - 1))
            });
            self.extents[label] = high - low.clone();
            if !low.is_zero() {
                let moved = Term::label(Label(label as u32)) + Term::constant(low);
                self.substitute(graph, label, &moved);
            }
        }
    }
}

/// A label that a delta determines: how good a choice it is, the delta, the label, its value.
type Solution = ((bool, bool, usize), usize, usize, Term);

/// Every integer tensor that the terms read, with where it is read.
fn elements(terms: &[Term], reads: &mut Vec<(NodeId, Vec<Term>)>) {
    let mut open: Vec<Term> = terms.to_vec();
    while let Some(term) = open.pop() {
        for (atom, _) in term.parts() {
            match atom {
                Atom::Label(_) => {}
                Atom::Quotient(inner, _) | Atom::Remainder(inner, _) => open.push((**inner).clone()),
                Atom::Element(node, at) => {
                    reads.push((*node, at.to_vec()));
                    open.extend(at.iter().cloned());
                }
            }
        }
    }
}

/// A condition as a mask over the labels that it mentions.
pub(super) struct Mask {
    pub(super) array: Array,
    /// A comparison of two labels `i >= j + offset`: the triangle of a matrix.
    pub(super) triangle: Option<Triangle>,
}

/// `[row - column + offset >= 0]`
#[derive(Clone)]
pub(super) struct Triangle {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) offset: Dim,
}

impl Writer<'_> {
    /// The text of a contraction.
    pub(super) fn contract(&mut self, node: NodeId) -> Array {
        let graph = &self.plan.graph;
        let nest = Nest::new(graph, node);
        if nest.is_sparse(graph) {
            return self.sparse(node, &nest);
        }
        if !nest.is_placed() {
            return self.value(&nest);
        }
        self.placed(node, &nest)
    }

    /// The sum over labels that no position depends on, with the other labels as axes.
    pub(super) fn value(&mut self, nest: &Nest) -> Array {
        let kept = nest.kept();
        let summed: Vec<usize> = nest.labels().into_iter().filter(|l| !kept.contains(l)).collect();
        let mut factors = Vec::new();
        for access in &nest.accesses {
            factors.push(self.factor(nest, access));
        }
        let mut masks = Vec::new();
        for cond in &nest.conds {
            masks.push(self.mask(nest, cond));
        }
        let extents = nest.extents.clone();
        self.product(factors, masks, &summed, &extents)
    }

    fn factor(&mut self, nest: &Nest, access: &Access) -> Factor {
        let below = divisor(&self.plan.graph, access.node);
        let node = below.unwrap_or(access.node);
        let mut array = self.access(nest, node, &access.at);
        if access.power > 1 {
            let text = format!("{} ** {}", array.at(Level::Atom), access.power);
            array = Array::new(text, Level::Power, array.axes);
        }
        let tame = below.is_none() && self.is_tame(access.node);
        Factor { array, divides: below.is_some(), tame }
    }

    /// True when finite inputs give finite entries, as far as the operations on the way tell.
    fn is_tame(&self, node: NodeId) -> bool {
        let graph = &self.plan.graph;
        let (mut open, mut seen) = (vec![node], BTreeSet::new());
        while let Some(node) = open.pop() {
            let wild = match graph.op(node) {
                Op::Map(id) => !matches!(
                    Map::by_id(*id).name,
                    "sin"
                        | "cos"
                        | "tanh"
                        | "atan"
                        | "sigmoid"
                        | "softplus"
                        | "erf"
                        | "abs"
                        | "sign"
                        | "floor"
                        | "ceil"
                        | "round"
                        | "max"
                        | "min"
                        | "relu"
                        | "clip"
                        | "gelu"
                        | "silu"
                        | "asinh"
                ),
                Op::Linear(_) | Op::Literal(_) => true,
                _ => false,
            };
            // Inputs end the search, and so does a long way: nothing is known then.
            if wild || seen.len() > 200 {
                return false;
            }
            if seen.insert(node) {
                open.extend(graph.args(node));
            }
        }
        true
    }

    /// A condition as text.
    pub(super) fn mask(&mut self, nest: &Nest, cond: &Cond) -> Mask {
        match cond {
            Cond::Holds(node, at, negated) => {
                let p = self.access(nest, *node, at);
                Mask { array: if *negated { negation(&p) } else { p }, triangle: None }
            }
            Cond::Zero(term) => Mask { array: self.comparison(nest, term, "=="), triangle: None },
            Cond::NonNegative(term) => {
                let triangle = match term.parts() {
                    [(Atom::Label(a), c), (Atom::Label(b), d)] => match (c.as_fixed(), d.as_fixed()) {
                        (Some(1), Some(-1)) => Some((a, b)),
                        (Some(-1), Some(1)) => Some((b, a)),
                        _ => None,
                    },
                    _ => None,
                };
                let triangle = triangle.map(|(row, column)| Triangle {
                    row: row.0 as usize,
                    column: column.0 as usize,
                    offset: term.offset().clone(),
                });
                // The comparison is written when the mask is not a triangle of a matrix after all.
                let array =
                    if triangle.is_some() { Array::atom("", []) } else { self.comparison(nest, term, ">=") };
                Mask { array, triangle }
            }
        }
    }

    /// `i >= j + 1` for the term `i - j - 1`.
    pub(super) fn comparison(&mut self, nest: &Nest, term: &Term, symbol: &str) -> Array {
        let mut grid = Grid::over(nest, [term]);
        self.compare_on(&mut grid, term, symbol)
    }

    /// The comparison of a term with 0 over a grid, negative parts on the right.
    pub(super) fn compare_on(&mut self, grid: &mut Grid, term: &Term, symbol: &str) -> Array {
        let zero = Term::constant(0);
        let (mut left, mut right) = (zero.clone(), zero);
        for (atom, slope) in term.parts() {
            let negative = slope.monomials().iter().all(|(_, c)| *c < 0);
            let part = Term::from_atom(atom.clone()).scaled(slope);
            if negative { right = right - part } else { left = left + part }
        }
        let offset = Term::constant(term.offset().clone());
        if term.offset().monomials().iter().any(|(_, c)| *c > 0) {
            left = left + offset;
        } else {
            right = right - offset;
        }
        let (left, right) = (self.term(grid, &left), self.term(grid, &right));
        let text = format!("{} {symbol} {}", left.at(Level::Or), right.at(Level::Or));
        Array::new(text, Level::Compare, grid.axes())
    }
}
