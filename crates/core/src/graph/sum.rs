//! Sums: `Σ coefficient · operand`, the only place where coefficients live.
//!
//! A one-term sum is the scaled node, so `2x` has one form; equal operands are collected, zeros vanish, and
//! operands stand in the order of their structural hash, so rounding never depends on unrelated nodes.

use super::Graph;
use super::op::Op;
use crate::error::{Error, Result};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::{DType, Type};
use smallvec::SmallVec;

impl Graph {
    /// `Σ coefficient · operand`; the operands have one shape, which `ty` states for the empty sum.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`] for operands that are not real.
    pub fn sum(&mut self, terms: &[(Rational, NodeId)], ty: Type) -> Result<NodeId> {
        for (_, node) in terms {
            self.expect_entries("+", *node, DType::Real)?;
            if self.shape(*node) != &ty.shape[..] {
                let left = terms.first().map_or(ty.clone(), |t| self.ty(t.1).clone());
                return Err(Error::ShapesDiffer { operation: "+", left, right: self.ty(*node).clone() });
            }
        }
        if let Some(node) = self.stable_difference(terms) {
            return Ok(node);
        }
        Ok(self.sum_unchecked(terms, |_| ty))
    }

    /// As [`Graph::sum`], for operands known to agree.
    pub(crate) fn sum_unchecked(
        &mut self,
        terms: &[(Rational, NodeId)],
        ty: impl FnOnce(&Graph) -> Type,
    ) -> NodeId {
        let mut list: SmallVec<[(NodeId, Rational); 4]> = SmallVec::new();
        for (coefficient, node) in terms {
            let (inner, node) = self.unscaled(*node);
            match inner {
                None => list.push((node, coefficient.clone())),
                Some(inner) => list.push((node, coefficient * &inner)),
            }
        }
        if list.len() > 1 {
            list.sort_unstable_by_key(|(node, _)| (self.structural_hash(*node), *node));
            let mut kept = 0;
            for k in 1..list.len() {
                if list[k].0 == list[kept].0 {
                    let total = &list[kept].1 + &list[k].1;
                    list[kept].1 = total;
                } else {
                    kept += 1;
                    list.swap(kept, k);
                }
            }
            list.truncate(kept + 1);
        }
        list.retain(|(node, coefficient)| !coefficient.is_zero() && !self.is_zero(*node));
        match list.as_slice() {
            [] => {
                let ty = ty(self);
                self.zero(Type { dtype: DType::Real, shape: ty.shape, below: None })
            }
            [(node, one)] if one.is_one() => *node,
            [(node, value)] if self.as_rational(*node).is_some_and(|one| one.is_one()) => {
                self.rational(value.clone())
            }
            _ => {
                let coefficients: SmallVec<[Rational; 4]> = list.iter().map(|(_, c)| c.clone()).collect();
                let args: SmallVec<[u32; 4]> = list.iter().map(|(n, _)| n.raw()).collect();
                let op = match self.sums.get(&coefficients[..]) {
                    Some(&op) => op,
                    None => {
                        let op = self.op_id(Op::Sum(coefficients.iter().cloned().collect()));
                        self.sums.insert(coefficients.iter().cloned().collect(), op);
                        op
                    }
                };
                let ty = self.table.ty(list[0].0.index());
                self.intern_raw(op, &args, ty)
            }
        }
    }

    /// Splits a scaled node or a rational constant into its coefficient and the monic rest.
    pub(crate) fn unscaled(&mut self, node: NodeId) -> (Option<Rational>, NodeId) {
        match self.op(node) {
            Op::Sum(coefficients) if coefficients.len() == 1 => {
                (Some(coefficients[0].clone()), self.arg(node, 0))
            }
            Op::Rational(value) if !value.is_one() => {
                let value = value.clone();
                (Some(value), self.rational(Rational::from(1)))
            }
            _ => (None, node),
        }
    }

    /// `coefficient · node`.
    pub fn scale(&mut self, coefficient: &Rational, node: NodeId) -> NodeId {
        if coefficient.is_one() {
            return node;
        }
        self.sum_unchecked(&[(coefficient.clone(), node)], |g| g.ty(node).clone())
    }

    /// `a + b` of equal shapes.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.sum_of_two([(Rational::ONE, a), (Rational::ONE, b)])
    }

    /// `a - b` of equal shapes.
    pub fn sub(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.sum_of_two([(Rational::ONE, a), (Rational::NEG_ONE, b)])
    }

    /// As [`Graph::sum`] of two terms; types that are plainly equal are not compared extent by extent.
    fn sum_of_two(&mut self, terms: [(Rational, NodeId); 2]) -> Result<NodeId> {
        let (a, b) = (terms[0].1, terms[1].1);
        if self.table.ty(a.index()) != self.table.ty(b.index()) {
            let ty = self.ty(a).clone();
            return self.sum(&terms, ty);
        }
        self.expect_entries("+", a, DType::Real)?;
        if let Some(node) = self.stable_difference(&terms) {
            return Ok(node);
        }
        Ok(self.sum_unchecked(&terms, |g| g.ty(a).clone()))
    }

    /// `-a`.
    pub fn neg(&mut self, a: NodeId) -> NodeId {
        self.scale(&Rational::from(-1), a)
    }
}
