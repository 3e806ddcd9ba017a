//! Rewrites that hold where a sign is known: `sqrt(x^2) = x` where x is not negative.
//!
//! The condition is proved from the facts of inputs ([`signs`](super::signs)). Under
//! [`Options::conditional`](super::Options::conditional) the conditions of the table that only exclude a point
//! (`x != 0`) are taken to hold.

use super::rewrites::Rewrite;
use super::signs::Signs;
use super::truth;
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::index::Term;
use crate::node::NodeId;
use crate::ops::map::{self, Map};
use crate::rational::Rational;
use rustc_hash::FxHashSet;

/// Largest whole exponent that is written as a power of factors.
const WHOLE: i64 = 1024;

/// What a rewrite may use, and what was applied.
pub(super) struct Domains<'a> {
    /// Whether points where a reciprocal is undefined may be ignored.
    pub(super) conditional: bool,
    pub(super) signs: Signs,
    /// Nodes without an entry 0 wherever the outputs are defined.
    pub(super) nonzero: FxHashSet<NodeId>,
    pub(super) applied: &'a mut Vec<&'static Rewrite>,
}

impl Domains<'_> {
    pub(super) fn note(&mut self, name: &str) {
        self.applied.extend(Rewrite::by_name(name));
    }

    fn is_nonzero(&mut self, g: &Graph, x: NodeId) -> bool {
        self.conditional || self.nonzero.contains(&x) || self.signs.positive(g, x)
    }

    /// A simpler form of the map with these operands, if its domain allows one.
    pub(super) fn known_map(
        &mut self,
        g: &mut Graph,
        map: &'static Map,
        args: &[NodeId],
    ) -> Result<Option<NodeId>> {
        let found = self.simpler(g, map, args)?;
        if let Some((_, name)) = found {
            self.note(name);
        }
        Ok(found.map(|(node, _)| node))
    }

    /// The map with these operands, in the simplest form that its domain allows.
    fn map(&mut self, g: &mut Graph, map: &'static Map, args: &[NodeId]) -> Result<NodeId> {
        match self.known_map(g, map, args)? {
            Some(node) => Ok(node),
            None => g.map(map, args),
        }
    }

    fn simpler(
        &mut self,
        g: &mut Graph,
        map: &'static Map,
        args: &[NodeId],
    ) -> Result<Option<(NodeId, &'static str)>> {
        let x = args[0];
        let is = |m: &Map| m.id == map.id;
        if is(&map::ABS) && self.signs.nonnegative(g, x) {
            return Ok(Some((x, "abs-nonnegative")));
        }
        if is(&map::RELU) && self.signs.nonnegative(g, x) {
            return Ok(Some((x, "relu-nonnegative")));
        }
        if is(&map::SIGN) && self.signs.positive(g, x) {
            let shape = g.ty(x).shape.clone();
            return Ok(Some((g.ones(&shape), "sign-positive")));
        }
        if is(&map::EXP)
            && let Some(inner) = operand(g, &map::LOG, x)
            && self.signs.positive(g, inner)
        {
            return Ok(Some((inner, "exp-log")));
        }
        if is(&map::RECIP)
            && let Some(inner) = operand(g, &map::RECIP, x)
            && self.is_nonzero(g, inner)
        {
            return Ok(Some((inner, "reciprocal-twice")));
        }
        if is(&map::SQRT) {
            return Ok(self.sqrt(g, x).map(|node| (node, "sqrt-square")));
        }
        if is(&map::LOG) {
            return self.log(g, x);
        }
        if is(&map::POW) {
            return self.pow(g, x, args[1]);
        }
        Ok(None)
    }

    /// `sqrt(a^2 · b^4) = a · b^2` where a and b^2 are not negative.
    fn sqrt(&mut self, g: &mut Graph, x: NodeId) -> Option<NodeId> {
        let mut product = elementwise(g, x)?;
        for access in &mut product.accesses {
            let half = access.power / 2;
            let whole = access.power.is_multiple_of(2);
            if !whole || (!half.is_multiple_of(2) && !self.signs.nonnegative(g, access.node)) {
                return None;
            }
            access.power = half;
        }
        Some(g.product(product))
    }

    /// `log(x^k) = k · log(x)` where x is positive, which an odd k says itself; `log(1/x) = -log(x)`.
    fn log(&mut self, g: &mut Graph, x: NodeId) -> Result<Option<(NodeId, &'static str)>> {
        if let Some(inner) = operand(g, &map::RECIP, x) {
            let log = g.map(&map::LOG, &[inner])?;
            return Ok(Some((g.neg(log), "log-reciprocal")));
        }
        if let Some(base) = operand(g, &map::POW, x)
            && self.signs.positive(g, base)
        {
            let exponent = g.arg(x, 1);
            let log = g.map(&map::LOG, &[base])?;
            return Ok(Some((g.multiply(exponent, log)?, "log-power")));
        }
        let Some(mut product) = elementwise(g, x) else { return Ok(None) };
        let [access] = &mut product.accesses[..] else { return Ok(None) };
        let power = std::mem::replace(&mut access.power, 1);
        if power < 2 || (power.is_multiple_of(2) && !self.signs.positive(g, access.node)) {
            return Ok(None);
        }
        let base = g.product(product);
        let log = self.map(g, &map::LOG, &[base])?;
        Ok(Some((g.scale(&Rational::from(i64::from(power)), log), "log-power")))
    }

    /// `pow(pow(x, a), b) = pow(x, a·b)` and `pow(x^k, b) = pow(x, k·b)` where x is positive.
    fn pow(&mut self, g: &mut Graph, x: NodeId, b: NodeId) -> Result<Option<(NodeId, &'static str)>> {
        if let Some(power) = g.constant_everywhere(b).and_then(|c| c.to_i64()).filter(|k| k.abs() <= WHOLE) {
            let raised = g.power(x, power.unsigned_abs() as u32);
            let node = if power < 0 { self.map(g, &map::RECIP, &[raised])? } else { raised };
            return Ok(Some((node, "whole-power")));
        }
        if let Some(base) = operand(g, &map::POW, x) {
            if !self.signs.positive(g, base) {
                return Ok(None);
            }
            let inner = g.arg(x, 1);
            let exponent = g.multiply(inner, b)?;
            return Ok(Some((g.map(&map::POW, &[base, exponent])?, "power-of-power")));
        }
        let Some(mut product) = elementwise(g, x) else { return Ok(None) };
        let [access] = &mut product.accesses[..] else { return Ok(None) };
        let power = std::mem::replace(&mut access.power, 1);
        if power < 2 || !self.signs.positive(g, access.node) {
            return Ok(None);
        }
        let base = g.product(product);
        let exponent = g.scale(&Rational::from(i64::from(power)), b);
        Ok(Some((g.map(&map::POW, &[base, exponent])?, "power-of-power")))
    }

    /// What the factors of a product cancel and collect, beyond what a constructor may.
    pub(super) fn product(&mut self, g: &mut Graph, product: &mut Product) -> Result<()> {
        self.conditions(g, product);
        self.split_reciprocals(g, product)?;
        self.square_roots(g, product);
        self.collect_powers(g, product)?;
        self.cancel(g, product);
        Ok(())
    }

    /// `[x > 0] = 1` where x is positive; a condition that fails everywhere stays, the product being 0.
    fn conditions(&mut self, g: &Graph, product: &mut Product) {
        let before = product.conds.len();
        let signs = &mut self.signs;
        product.conds.retain(|cond| match cond {
            Cond::Holds(node, _, negated) => truth::decided(g, signs, *node) != Some(!*negated),
            _ => true,
        });
        if product.conds.len() < before {
            self.note("condition-known");
        }
    }

    /// `1/(a·b) = 1/a · 1/b`, where another factor may then cancel one of them.
    fn split_reciprocals(&mut self, g: &mut Graph, product: &mut Product) -> Result<()> {
        for k in 0..product.accesses.len() {
            let Access { node, at, power } = product.accesses[k].clone();
            let Some(inner) = operand(g, &map::RECIP, node).and_then(|x| elementwise(g, x)) else { continue };
            let mut parts = inner.accesses;
            for part in &mut parts {
                let place = |t: &Term| t.as_label().map_or_else(|| t.clone(), |l| at[l.0 as usize].clone());
                part.at = part.at.iter().map(place).collect();
            }
            let other = |part: &Access| {
                let meets = |n: NodeId| n == part.node || operand(g, &map::RECIP, n) == Some(part.node);
                let same = |(j, a): (usize, &Access)| j != k && meets(a.node) && a.at == part.at;
                product.accesses.iter().enumerate().any(same)
            };
            let fits = parts.iter().all(|part| part.power.checked_mul(power).is_some());
            if parts.len() < 2 || !fits || !parts.iter().any(other) {
                continue;
            }
            for (j, part) in parts.into_iter().enumerate() {
                let recip = self.map(g, &map::RECIP, &[part.node])?;
                let access = Access { node: recip, at: part.at, power: power * part.power };
                if j == 0 { product.accesses[k] = access } else { product.accesses.push(access) }
            }
            self.note("reciprocal-product");
        }
        Ok(())
    }

    /// `sqrt(x)^2 = x` where x is not negative.
    fn square_roots(&mut self, g: &Graph, product: &mut Product) {
        for k in 0..product.accesses.len() {
            let Access { node, at, power } = product.accesses[k].clone();
            let Some(x) = operand(g, &map::SQRT, node) else { continue };
            if power < 2 || !self.signs.nonnegative(g, x) {
                continue;
            }
            product.accesses[k] = Access { node: x, at: at.clone(), power: power / 2 };
            if power % 2 == 1 {
                product.accesses.push(Access { node, at, power: 1 });
            }
            self.note("square-of-root");
        }
    }

    /// `base, exponent` of a power of a positive base, or of its reciprocal.
    fn power_of_positive(&mut self, g: &mut Graph, node: NodeId) -> Option<(NodeId, Rational, NodeId)> {
        let (sign, power) = match operand(g, &map::RECIP, node) {
            Some(inner) => (Rational::NEG_ONE, inner),
            None => (Rational::ONE, node),
        };
        let base = operand(g, &map::POW, power).filter(|&x| self.signs.positive(g, x))?;
        Some((base, sign, g.arg(power, 1)))
    }

    /// `pow(x, a) · pow(x, b) = pow(x, a + b)` where x is positive; `1/pow(x, a)` is `pow(x, -a)`.
    fn collect_powers(&mut self, g: &mut Graph, product: &mut Product) -> Result<()> {
        let mut k = 0;
        while k < product.accesses.len() {
            let first = product.accesses[k].clone();
            let Some((base, sign, exponent)) = self.power_of_positive(g, first.node) else {
                k += 1;
                continue;
            };
            let mut other = None;
            for j in k + 1..product.accesses.len() {
                if product.accesses[j].at == first.at
                    && let Some((b, sign, exponent)) = self.power_of_positive(g, product.accesses[j].node)
                    && b == base
                {
                    other = Some((j, sign, exponent));
                    break;
                }
            }
            let Some((j, other_sign, other_exponent)) = other else {
                k += 1;
                continue;
            };
            let second = product.accesses.remove(j);
            let times = |sign: &Rational, p: u32| sign * &Rational::from(i64::from(p));
            let terms =
                [(times(&sign, first.power), exponent), (times(&other_sign, second.power), other_exponent)];
            let ty = g.ty(base).clone();
            let exponent = g.sum(&terms, ty)?;
            let node = self.map(g, &map::POW, &[base, exponent])?;
            product.accesses[k] = Access { node, at: first.at, power: 1 };
            self.note("power-product");
        }
        Ok(())
    }

    /// `a · (1/a) = 1` where `a != 0`.
    fn cancel(&mut self, g: &Graph, product: &mut Product) {
        let mut k = 0;
        while k < product.accesses.len() {
            let Access { node, at, power } = product.accesses[k].clone();
            let pair = operand(g, &map::RECIP, node).and_then(|x| {
                let j = product.accesses.iter().position(|a| a.node == x && a.at == at)?;
                // While a reciprocal remains, nothing is defined that was not.
                let remains = power > product.accesses[j].power
                    || (power < product.accesses[j].power && operand(g, &map::RECIP, x).is_some());
                (remains || self.is_nonzero(g, x)).then_some(j)
            });
            let Some(j) = pair else {
                k += 1;
                continue;
            };
            let common = power.min(product.accesses[j].power);
            product.accesses[k].power -= common;
            product.accesses[j].power -= common;
            product.accesses.retain(|a| a.power > 0);
            self.note("cancel-reciprocal");
            k = 0;
        }
    }
}

/// The first operand of a node that is this map.
fn operand(g: &Graph, map: &Map, node: NodeId) -> Option<NodeId> {
    matches!(g.op(node), Op::Map(id) if *id == map.id).then(|| g.arg(node, 0))
}

/// The product of a contraction that sums nothing, under no condition, of entries at plain labels.
fn elementwise(g: &Graph, node: NodeId) -> Option<Product> {
    let Op::Contract(kind) = g.op(node) else { return None };
    let plain = kind.free == kind.extents.len()
        && kind.conds.is_empty()
        && !kind.accesses.is_empty()
        && kind.accesses.iter().all(|a| a.at.iter().all(|t| t.as_label().is_some()));
    plain.then(|| g.as_product(node))
}
