//! Contractions whose conditions keep reads inside their operands: only where the conditions hold is anything read.
//!
//! `i, j = np.nonzero(mask)` lists the choices of labels that are left; factors are read at these coordinates, and
//! the results go to their places.

use super::Writer;
use super::array::{Array, Level, aligned, union};
use super::contract::Nest;
use super::index::Grid;
use super::node::negation;
use super::product::{Factor, both};
use crate::plan::divisor;
use chainrule_core::NodeId;
use chainrule_core::form::Cond;
use chainrule_core::index::Term;
use chainrule_core::shape::Dim;

impl Writer<'_> {
    /// A contraction over the coordinates where its conditions hold.
    pub(super) fn sparse(&mut self, node: NodeId, nest: &Nest) -> Array {
        let labels = nest.labels();
        let (first, second) = self.stages(nest);
        let mut grid = Grid::of(labels.iter().copied(), &nest.extents);
        let mut mask: Option<Array> = None;
        for (term, symbol) in &first {
            let mut own = Grid::over(nest, [term]);
            let next = self.compare_on(&mut own, term, symbol);
            mask = Some(mask.map_or(next.clone(), |m| both(&m, &next)));
        }
        if labels.is_empty() {
            return self.sparse_number(node, nest, &mut grid, mask, &second);
        }
        let names: Vec<String> = labels.iter().map(|_| self.taken.index()).collect();
        let whole = self.mask_over(&labels, &nest.extents, mask);
        let comma = if names.len() == 1 { "," } else { "" };
        self.lines.push(format!("{}{comma} = np.nonzero({whole})", names.join(", ")));
        let mut grid = Grid::flat(labels.clone(), &nest.extents, names.clone());
        for cond in &second {
            let keep = self.truth(&mut grid, cond);
            let keep = self.held(keep, "keep");
            let cut: Vec<String> = names.iter().map(|n| format!("{n}[{}]", keep.text)).collect();
            self.lines.push(format!("{} = {}", names.join(", "), cut.join(", ")));
        }
        let value = self.factors_at(nest, &mut grid);
        let several = labels.iter().any(|&l| l >= nest.free);
        if nest.free == 0 {
            return if value.axes.is_empty() {
                Array::call(format!("{} * len({})", value.at(Level::Mul), names[0]), [])
            } else {
                Array::call(format!("{}.sum()", value.at(Level::Atom)), [])
            };
        }
        let texts: Vec<String> = nest.place.iter().map(|t| self.term(&mut grid, t).text).collect();
        let (out, index) = (self.zeros(node), texts.join(", "));
        let tuple = if texts.len() > 1 { format!("({index})") } else { index.clone() };
        self.lines.push(if several {
            format!("np.add.at({}, {tuple}, {})", out.text, value.text)
        } else {
            format!("{}[{index}] = {}", out.text, value.text)
        });
        out
    }

    /// Without labels there is one choice: it counts or it does not.
    fn sparse_number(
        &mut self,
        node: NodeId,
        nest: &Nest,
        grid: &mut Grid,
        mask: Option<Array>,
        second: &[Cond],
    ) -> Array {
        let mut tests: Vec<String> = mask.iter().map(|m| m.text.replace(" & ", " and ")).collect();
        for cond in second {
            let truth = self.truth(grid, cond);
            tests.push(truth.at(Level::Or));
        }
        let test = tests.join(" and ");
        let value = self.factors_at(nest, grid);
        if nest.free == 0 {
            let text = format!("({} if {test} else 0.0)", value.text);
            return Array::call(text, []);
        }
        let texts: Vec<String> = nest.place.iter().map(|t| self.term(grid, t).text).collect();
        let out = self.zeros(node);
        self.lines.push(format!("if {test}:"));
        self.lines.push(format!("    {}[{}] = {}", out.text, texts.join(", "), value.text));
        out
    }

    /// Comparisons that read nothing unsafe, and conditions that may be looked at once these hold.
    fn stages(&self, nest: &Nest) -> (Vec<(Term, &'static str)>, Vec<Cond>) {
        let graph = &self.plan.graph;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let inside = |node: NodeId, at: &[Term], first: &mut Vec<(Term, &'static str)>| {
            for (term, extent) in at.iter().zip(graph.shape(node)) {
                if !nest.stays_inside(graph, term, extent) {
                    first.push((term.clone(), ">="));
                    first.push((Term::constant(extent.clone() - Dim::ONE) - term.clone(), ">="));
                }
            }
        };
        for cond in &nest.conds {
            let reads = cond.terms().iter().any(|t| {
                let mut found = false;
                t.each_element(&mut |_| found = true);
                found
            });
            match cond {
                Cond::Holds(node, at, _) => {
                    inside(*node, at, &mut first);
                    second.push(cond.clone());
                }
                _ if reads => second.push(cond.clone()),
                Cond::Zero(t) => first.push((t.clone(), "==")),
                Cond::NonNegative(t) => first.push((t.clone(), ">=")),
            }
        }
        (first, second)
    }

    /// The mask as text with one axis for each label.
    fn mask_over(&mut self, labels: &[usize], extents: &[Dim], mask: Option<Array>) -> String {
        let mask = mask.unwrap_or_else(|| Array::atom("True", []));
        let mask = aligned(&mask, labels);
        if mask.axes == labels {
            return mask.text;
        }
        let shape: Vec<Dim> = labels.iter().map(|&l| extents[l].clone()).collect();
        format!("np.broadcast_to({}, {})", mask.text, self.shape(&shape))
    }

    fn truth(&mut self, grid: &mut Grid, cond: &Cond) -> Array {
        match cond {
            Cond::Holds(node, at, negated) => {
                let p = self.entry(grid, *node, at);
                if *negated { negation(&p) } else { p }
            }
            Cond::Zero(term) => self.compare_on(grid, term, "=="),
            Cond::NonNegative(term) => self.compare_on(grid, term, ">="),
        }
    }

    /// The product of the factors at the coordinates of a grid.
    fn factors_at(&mut self, nest: &Nest, grid: &mut Grid) -> Array {
        let mut factors = Vec::new();
        for access in &nest.accesses {
            let below = divisor(&self.plan.graph, access.node);
            let mut array = self.entry(grid, below.unwrap_or(access.node), &access.at);
            if access.power > 1 {
                let text = format!("{} ** {}", array.at(Level::Atom), access.power);
                array = Array::new(text, Level::Power, array.axes);
            }
            factors.push(Factor { array, divides: below.is_some(), tame: false });
        }
        let axes = union(factors.iter().map(|f| &f.array));
        debug_assert!(axes.len() < 2);
        self.elementwise(&factors)
    }
}
