//! Sums with coefficients; terms that fill only part of the result are added in place.
//!
//! `softmax(z) - onehot(y)` is `g = e / e.sum(); g[y] -= 1`, a concatenation is `np.concatenate`.

use super::Writer;
use super::array::{Array, Level, aligned, union};
use super::contract::Nest;
use super::node::number;
use super::place::{Placement, Write};
use crate::plan::Plan;
use chainrule_core::NodeId;
use chainrule_core::graph::op::Op;
use chainrule_core::rational::Rational;

/// True for a contraction that its only reader, a sum, adds in place.
pub(super) fn is_deferred(plan: &Plan, node: NodeId) -> bool {
    let graph = &plan.graph;
    let summed = plan.only_user(node).is_some_and(|user| matches!(graph.op(user), Op::Sum(_)));
    if !summed || plan.name(node).is_some() || !matches!(graph.op(node), Op::Contract(_)) {
        return false;
    }
    let nest = Nest::new(graph, node);
    nest.is_placed() && !nest.is_sparse(graph) && !nest.is_diagonal(graph)
}

impl Writer<'_> {
    /// `Σ coefficient · operand`
    pub(super) fn sum(&mut self, node: NodeId, coefficients: &[Rational], args: &[NodeId]) -> Array {
        let plan = self.plan;
        let (mut terms, mut placed) = (Vec::new(), Vec::new());
        for (coefficient, &arg) in coefficients.iter().zip(args) {
            if is_deferred(plan, arg) {
                let nest = Nest::new(&plan.graph, arg);
                placed.push((coefficient.clone(), self.placement(&nest)));
            } else {
                let code = self.code(arg);
                terms.push((coefficient.clone(), self.short(code)));
            }
        }
        if placed.is_empty() {
            return weighted(&terms);
        }
        if terms.is_empty()
            && let Some(whole) = self.concatenation(node, &placed)
        {
            return whole;
        }
        let axes: Vec<usize> = (0..plan.graph.rank(node)).collect();
        let base = if terms.is_empty() {
            let extents = self.shape(plan.graph.shape(node));
            Array::call(format!("np.zeros({extents})"), axes)
        } else {
            let base = weighted(&terms);
            let base = self.whole_code(node, &base);
            if base.fresh { base } else { Array::call(format!("{}.copy()", base.at(Level::Atom)), axes) }
        };
        let letter = if terms.is_empty() { "out" } else { "g" };
        let name = plan.name(node).map(str::to_string);
        let total = self.assigned(base, name.as_deref(), letter);
        for (coefficient, placement) in placed {
            self.add_in_place(&total.text, &coefficient, &placement);
        }
        total
    }

    fn add_in_place(&mut self, total: &str, coefficient: &Rational, placement: &Placement) {
        let Placement { index, value, write, .. } = placement;
        let line = match write {
            Write::Assign => {
                let sign = if coefficient.is_negative() { "-" } else { "+" };
                format!("{total}[{index}] {sign}= {}", scaled(&coefficient.abs(), value).text)
            }
            Write::Add => {
                let value = weighted(&[(coefficient.clone(), value.clone())]);
                let index = if placement.several() { format!("({index})") } else { index.clone() };
                format!("np.add.at({total}, {index}, {})", value.text)
            }
        };
        self.lines.push(line);
    }

    /// The operands one after the other, when that is what the terms are.
    fn concatenation(&mut self, node: NodeId, placed: &[(Rational, Placement)]) -> Option<Array> {
        let rank = self.plan.graph.rank(node);
        let shape = self.plan.graph.shape(node).to_vec();
        let first = placed[0].1.run.as_ref()?;
        let axis = first.axis;
        let (mut end, mut parts) = (chainrule_core::shape::Dim::ZERO, Vec::new());
        for (coefficient, placement) in placed {
            let run = placement.run.as_ref()?;
            let whole = placement.value.axes.len() == rank;
            if run.axis != axis || run.start != end || !whole {
                return None;
            }
            end = end + run.extent.clone();
            parts.push(weighted(&[(coefficient.clone(), placement.value.clone())]).text);
        }
        if end != shape[axis] {
            return None;
        }
        let along = if axis == 0 { String::new() } else { format!(", axis={axis}") };
        let axes: Vec<usize> = (0..rank).collect();
        Some(Array::call(format!("np.concatenate([{}]{along})", parts.join(", ")), axes))
    }
}

/// Terms joined by their signs, a positive one first.
pub(super) fn weighted(terms: &[(Rational, Array)]) -> Array {
    let axes = union(terms.iter().map(|(_, x)| x));
    let mut order: Vec<&(Rational, Array)> = terms.iter().collect();
    if let Some(k) = order.iter().position(|(c, _)| !c.is_negative()) {
        order[..=k].rotate_right(1);
    }
    if let [(coefficient, x)] = order[..]
        && coefficient.is_one()
    {
        return x.clone();
    }
    let mut text = String::new();
    for (k, (coefficient, x)) in order.iter().enumerate() {
        let term = scaled(&coefficient.abs(), &aligned(x, &axes));
        let level = if k == 0 && !coefficient.is_negative() { Level::Add } else { Level::Matmul };
        text.push_str(match (k, coefficient.is_negative()) {
            (0, true) => "-",
            (0, false) => "",
            (_, true) => " - ",
            (_, false) => " + ",
        });
        text.push_str(&term.at(level));
    }
    let alone = order.len() == 1 && !order[0].0.is_negative();
    let level = if alone { scaled(&order[0].0, &order[0].1).level } else { Level::Add };
    Array { fresh: true, ..Array::new(text, level, axes) }
}

/// A positive multiple: `2 * x`, `x / 3`.
pub(super) fn scaled(coefficient: &Rational, x: &Array) -> Array {
    if coefficient.is_one() {
        return x.clone();
    }
    let factor = number(coefficient);
    if x.text == "1" {
        return factor;
    }
    let text = match coefficient.to_small() {
        Some((1, den)) if den < 1 << 53 => format!("{} / {den}", x.at(Level::Mul)),
        _ => format!("{} * {}", factor.at(Level::Mul), x.at(Level::Unary)),
    };
    Array { fresh: true, ..Array::new(text, Level::Mul, x.axes.clone()) }
}
