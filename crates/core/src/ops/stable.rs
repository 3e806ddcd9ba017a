//! Stable forms, recognised when a node is constructed: stability never depends on whether a pass ran.
//!
//! `log Σ exp(u)` *becomes* the named log-sum-exp, whose rule speaks softmax and whose evaluation shifts by the
//! maximum; likewise softmax, softplus, sigmoid, log1p, expm1. A product that sums over an index of an inverse
//! becomes a solve. Every rewrite here is exact in the reals, on the whole domain; their names and sentences stand in
//! [`simplify::REWRITES`](crate::simplify::REWRITES).

use crate::form::{Access, Product};
use crate::graph::Graph;
use crate::graph::op::{Linear, Op};
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::ops::map::{self, Map};
use crate::rational::Rational;
use smallvec::SmallVec;

impl Graph {
    fn is_map(&self, node: NodeId, map: &Map) -> bool {
        matches!(self.op(node), Op::Map(id) if *id == map.id)
    }

    /// A node that is 1 everywhere.
    fn is_one(&self, node: NodeId) -> bool {
        match self.op(node) {
            Op::Rational(value) => value.is_one(),
            Op::Contract(product) => {
                product.accesses.is_empty()
                    && product.conds.is_empty()
                    && product.free == product.extents.len()
            }
            _ => false,
        }
    }

    /// The number that a node is at every entry.
    pub(crate) fn constant_everywhere(&self, node: NodeId) -> Option<Rational> {
        let (scale, unit) = self.split_scale(node);
        match self.op(unit) {
            Op::Rational(value) => Some(scale.map_or_else(|| value.clone(), |c| c * value)),
            Op::Zero(_) => Some(Rational::ZERO),
            _ if self.is_one(unit) => Some(scale.cloned().unwrap_or(Rational::ONE)),
            _ => None,
        }
    }

    /// The stable node of a map, if it has one.
    pub(crate) fn stable_map(&mut self, map: &'static Map, args: &[NodeId]) -> Option<NodeId> {
        let x = args[0];
        if map.id == map::LOG.id {
            return self.stable_log(x);
        }
        if map.id == map::RECIP.id {
            return self.stable_recip(x);
        }
        if map.id == map::EXP.id && self.is_zero(x) {
            let shape = self.ty(x).shape.clone();
            return Some(self.ones(&shape));
        }
        None
    }

    fn stable_recip(&mut self, x: NodeId) -> Option<NodeId> {
        if let Some(value) = self.as_rational(x) {
            return value.recip().map(|r| self.rational(r));
        }
        if let (Some(scale), inner) = self.split_scale(x) {
            let scale = scale.recip()?;
            let recip = self.map(&map::RECIP, &[inner]).ok()?;
            return Some(self.scale(&scale, recip));
        }
        // 1/a^k = (1/a)^k, so that powers of one base meet.
        if let Op::Contract(kind) = self.op(x)
            && let [factor] = &kind.accesses[..]
            && factor.power > 1
            && kind.free == kind.extents.len()
            && kind.conds.is_empty()
        {
            let power = factor.power;
            let mut base = self.as_product(x);
            base.accesses[0].power = 1;
            let base = self.intern_product(base);
            let recip = self.map(&map::RECIP, &[base]).ok()?;
            return Some(self.power(recip, power));
        }
        // 1/(1 + exp(u)) = sigmoid(-u)
        let rest = self.one_plus(x)?;
        let u = self.is_map(rest, &map::EXP).then(|| self.arg(rest, 0))?;
        let minus = self.neg(u);
        Some(self.map_plain(&map::SIGMOID, &[minus]))
    }

    fn stable_log(&mut self, x: NodeId) -> Option<NodeId> {
        if self.is_one(x) {
            let ty = self.ty(x).clone();
            return Some(self.zero(ty));
        }
        if self.is_map(x, &map::EXP) {
            return Some(self.arg(x, 0));
        }
        if self.is_map(x, &map::SIGMOID) {
            let u = self.arg(x, 0);
            let minus = self.neg(u);
            let soft = self.map_plain(&map::SOFTPLUS, &[minus]);
            return Some(self.neg(soft));
        }
        if let Some((axes, u)) = self.as_softmax(x) {
            return self.log_softmax(u, &axes).ok();
        }
        if let Some(node) = self.log_sum_exp_of(x) {
            return Some(node);
        }
        if let Some(rest) = self.one_plus(x) {
            if self.is_map(rest, &map::EXP) {
                let u = self.arg(rest, 0);
                return Some(self.map_plain(&map::SOFTPLUS, &[u]));
            }
            return Some(self.map_plain(&map::LOG1P, &[rest]));
        }
        self.log_of_exponentials(x)
    }

    /// `rest` when the node is `1 + rest`.
    fn one_plus(&mut self, x: NodeId) -> Option<NodeId> {
        let Op::Sum(coefficients) = self.op(x) else { return None };
        let coefficients = coefficients.clone();
        let args = self.args(x);
        let k = (0..args.len()).find(|&k| coefficients[k].is_one() && self.is_one(args[k]))?;
        let rest: Vec<(Rational, NodeId)> =
            (0..args.len()).filter(|&j| j != k).map(|j| (coefficients[j].clone(), args[j])).collect();
        let ty = self.ty(x).clone();
        Some(self.sum_unchecked(&rest, |_| ty))
    }

    /// `log(exp(a) + exp(b) + …) = a + softplus(log(exp(b) + …) - a)`
    fn log_of_exponentials(&mut self, x: NodeId) -> Option<NodeId> {
        let Op::Sum(coefficients) = self.op(x) else { return None };
        let all_one = coefficients.iter().all(Rational::is_one);
        let args = self.args(x);
        if !all_one || args.len() < 2 || !args.iter().all(|&a| self.is_map(a, &map::EXP)) {
            return None;
        }
        let mut total = self.arg(args[0], 0);
        for &a in &args[1..] {
            let u = self.arg(a, 0);
            let difference = self.sub(u, total).ok()?;
            let soft = self.map_plain(&map::SOFTPLUS, &[difference]);
            total = self.add(total, soft).ok()?;
        }
        Some(total)
    }

    /// The exponential that a monic contraction merely sums: `(u, kept axes in order of the result)`.
    fn sum_of_exp(&self, x: NodeId) -> Option<(NodeId, Vec<usize>)> {
        let Op::Contract(kind) = self.op(x) else { return None };
        if kind.accesses.len() != 1 || !kind.conds.is_empty() || kind.free == kind.extents.len() {
            return None;
        }
        let exp = self.arg(x, 0);
        if kind.accesses[0].power != 1 || !self.is_map(exp, &map::EXP) {
            return None;
        }
        let labels: Option<Vec<Label>> = kind.accesses[0].at.iter().map(Term::as_label).collect();
        let labels = labels?;
        let kept: Option<Vec<usize>> =
            (0..kind.free).map(|k| labels.iter().position(|l| l.0 as usize == k)).collect();
        let kept = kept?;
        let distinct = labels.len() == kind.extents.len();
        (distinct && kept.is_sorted()).then(|| (self.arg(exp, 0), kept))
    }

    fn log_sum_exp_of(&mut self, x: NodeId) -> Option<NodeId> {
        let (scale, monic) = self.unscaled(x);
        let (u, kept) = self.sum_of_exp(monic)?;
        let axes: Vec<usize> = (0..self.rank(u)).filter(|k| !kept.contains(k)).collect();
        let node = self.logsumexp(u, &axes).ok()?;
        let Some(scale) = scale else { return Some(node) };
        if scale.is_negative() {
            return None;
        }
        let constant = self.rational(scale);
        let log = self.map_plain(&map::LOG, &[constant]);
        let shape = self.ty(node).shape.clone();
        let log = self.broadcast(log, &shape);
        self.add(node, log).ok()
    }

    /// True for the factors that every stable form of a product begins with: exponentials and inverses.
    pub(crate) fn may_stabilise(&self, factor: NodeId) -> bool {
        match self.op(factor) {
            Op::Map(id) => *id == map::EXP.id,
            Op::Linear(kind) => *kind == Linear::Inverse,
            _ => false,
        }
    }

    /// The stable form of a product, if it has one.
    pub(crate) fn stable_product(&mut self, product: &Product) -> Option<Product> {
        let interesting = product.accesses.iter().any(|a| self.may_stabilise(a.node));
        if !interesting || product.accesses.len() < 2 {
            return None;
        }
        self.softmax_product(product)
            .or_else(|| self.sigmoid_product(product))
            .or_else(|| self.solve_product(product))
    }

    /// `exp(u)[t] · 1/(Σ exp(u))[s]` is `softmax(u)[t]` when `s` are the kept terms of `t`.
    fn softmax_product(&mut self, product: &Product) -> Option<Product> {
        for (k, total) in product.accesses.iter().enumerate() {
            if total.power != 1 || !self.is_map(total.node, &map::RECIP) {
                continue;
            }
            let Some((u, kept)) = self.sum_of_exp(self.arg(total.node, 0)) else { continue };
            for (j, exp) in product.accesses.iter().enumerate() {
                let matches = exp.power == 1
                    && self.is_map(exp.node, &map::EXP)
                    && self.arg(exp.node, 0) == u
                    && kept.iter().zip(&total.at).all(|(&axis, term)| exp.at[axis] == *term);
                if !matches {
                    continue;
                }
                let axes: Vec<usize> = (0..self.rank(u)).filter(|a| !kept.contains(a)).collect();
                let node = self.softmax(u, &axes).ok()?;
                let softmax = Access { node, at: exp.at.clone(), power: 1 };
                return Some(replace_two(product, k, j, softmax));
            }
        }
        None
    }

    /// `exp(u)[t] · sigmoid(-u)[t] = sigmoid(u)[t]`
    fn sigmoid_product(&mut self, product: &Product) -> Option<Product> {
        for (j, exp) in product.accesses.iter().enumerate() {
            if exp.power != 1 || !self.is_map(exp.node, &map::EXP) {
                continue;
            }
            let u = self.arg(exp.node, 0);
            let minus = self.neg(u);
            let k = product.accesses.iter().position(|a| {
                a.power == 1
                    && a.at == exp.at
                    && self.is_map(a.node, &map::SIGMOID)
                    && self.arg(a.node, 0) == minus
            });
            if let Some(k) = k {
                let node = self.map_plain(&map::SIGMOID, &[u]);
                let sigmoid = Access { node, at: exp.at.clone(), power: 1 };
                return Some(replace_two(product, k, j, sigmoid));
            }
        }
        None
    }

    /// `Σ_q B[p,q] R[q,…]` with `B = A⁻¹` is `solve(A, R)[p,…]`; over the first index, with the transpose.
    fn solve_product(&mut self, product: &Product) -> Option<Product> {
        for (k, inverse) in product.accesses.iter().enumerate() {
            let is_inverse = matches!(self.op(inverse.node), Op::Linear(Linear::Inverse));
            if !is_inverse || inverse.power != 1 || inverse.at.len() != 2 {
                continue;
            }
            for side in [1, 0] {
                let Some(q) = inverse.at[side].as_label() else { continue };
                let bound = q.0 as usize >= product.free;
                let in_conds = product.conds.iter().any(|c| c.terms().iter().any(|t| t.mentions(q)));
                if !bound || in_conds || inverse.at[1 - side].mentions(q) {
                    continue;
                }
                let touching: Vec<usize> = (0..product.accesses.len())
                    .filter(|&j| j != k && product.accesses[j].at.iter().any(|t| t.mentions(q)))
                    .collect();
                if touching.is_empty() {
                    continue;
                }
                return self.solve_side(product, k, side, q, &touching);
            }
        }
        None
    }

    fn solve_side(
        &mut self,
        product: &Product,
        k: usize,
        side: usize,
        q: Label,
        touching: &[usize],
    ) -> Option<Product> {
        let inverse = product.accesses[k].clone();
        // Labels of the right-hand side beside q become its trailing axes.
        let mut labels: Vec<Label> = Vec::new();
        for &j in touching {
            for term in &product.accesses[j].at {
                term.each_label(&mut |l| {
                    if l != q && !labels.contains(&l) {
                        labels.push(l);
                    }
                });
            }
        }
        labels.sort();
        let axes: Vec<Label> = std::iter::once(q).chain(labels.iter().copied()).collect();
        let mut right = Product::one(axes.iter().map(|l| product.extents[l.0 as usize].clone()));
        let place =
            |l: Label| Label(axes.iter().position(|&a| a == l).expect("invariant: collected above") as u32);
        for &j in touching {
            let a = &product.accesses[j];
            let at = a.at.iter().map(|t| t.relabel(&place)).collect::<SmallVec<[Term; 2]>>();
            right.accesses.push(Access { node: a.node, at, power: a.power });
        }
        let right = self.product(right);
        let a = self.arg(inverse.node, 0);
        let a = if side == 1 { a } else { self.t(a).ok()? };
        let solution = self.linear(Linear::Solve, &[a, right]).ok()?;
        let at = std::iter::once(inverse.at[1 - side].clone()).chain(labels.iter().map(|&l| Term::label(l)));
        let mut rest = product.clone();
        rest.accesses = (0..product.accesses.len())
            .filter(|j| *j != k && !touching.contains(j))
            .map(|j| product.accesses[j].clone())
            .collect();
        let rest = rest.times(Access::new(solution, at));
        Some(without_label(rest, q))
    }

    /// `c·exp(u) - c` is `c·expm1(u)`; the terms are collected, so that neither is scaled.
    pub(crate) fn stable_difference(
        &mut self,
        a: &(NodeId, Rational),
        b: &(NodeId, Rational),
    ) -> Option<NodeId> {
        let ((e, c), (one, d)) = if self.is_map(a.0, &map::EXP) { (a, b) } else { (b, a) };
        if !self.is_map(*e, &map::EXP) || !self.is_one(*one) || !(c + d).is_zero() {
            return None;
        }
        let u = self.arg(*e, 0);
        let expm1 = self.map_plain(&map::EXPM1, &[u]);
        Some(self.scale(c, expm1))
    }
}

/// The product with accesses `k` and `j` replaced by one.
fn replace_two(product: &Product, k: usize, j: usize, access: Access) -> Product {
    let mut replaced = product.clone();
    replaced.accesses[k] = access;
    replaced.accesses.remove(j);
    replaced
}

/// The product without a bound label that nothing mentions any more.
fn without_label(product: Product, gone: Label) -> Product {
    let mut extents = product.extents.clone();
    extents.remove(gone.0 as usize);
    product.relabel(extents, product.free, &|l| if l > gone { Label(l.0 - 1) } else { l })
}
