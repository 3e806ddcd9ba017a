//! Sums: `Σ coefficient · operand`, the only place where coefficients live.
//!
//! A one-term sum is the scaled node, so `2x` has one form; equal operands are collected, zeros vanish, and
//! operands stand in the order of their structural hash, so rounding never depends on unrelated nodes.

use super::op::Op;
use super::{Graph, hash_all};
use crate::error::{Error, Result};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::{DType, Type};
use smallvec::SmallVec;

/// Operands with their coefficients.
type Terms = SmallVec<[(NodeId, Rational); 4]>;

/// Adds the coefficients of equal neighbours; what cancels disappears.
fn merge(list: &mut Terms) {
    if list.windows(2).all(|pair| pair[0].0 != pair[1].0) {
        return;
    }
    let mut kept = 0;
    for k in 1..list.len() {
        if list[k].0 == list[kept].0 {
            list[kept].1 = &list[kept].1 + &list[k].1;
        } else {
            kept += 1;
            list.swap(kept, k);
        }
    }
    list.truncate(kept + 1);
    list.retain(|(_, coefficient)| !coefficient.is_zero());
}

impl Graph {
    /// `Σ coefficient · operand`; the operands have one shape, which `ty` states for the empty sum.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`] for operands that are not real.
    pub fn sum(&mut self, terms: &[(Rational, NodeId)], ty: Type) -> Result<NodeId> {
        terms.iter().try_for_each(|(_, node)| self.expect_nodes(&[*node]))?;
        self.expect_terms(terms, &ty)?;
        Ok(self.sum_unchecked(terms, |_| ty))
    }

    /// As [`Graph::sum`], without looking for a stable form: a graph's text says what it means.
    pub(crate) fn plain_sum(&mut self, terms: &[(Rational, NodeId)], ty: Type) -> Result<NodeId> {
        self.expect_terms(terms, &ty)?;
        let list = self.collected(terms);
        Ok(self.sum_of_collected(&list, |_| ty))
    }

    /// Fails unless the operands are real and of one shape.
    fn expect_terms(&self, terms: &[(Rational, NodeId)], ty: &Type) -> Result<()> {
        for (_, node) in terms {
            self.expect_entries("+", *node, DType::Real)?;
            if self.shape(*node) != &ty.shape[..] {
                let left = terms.first().map_or(ty.clone(), |t| self.ty(t.1).clone());
                return Err(Error::ShapesDiffer { operation: "+", left, right: self.ty(*node).clone() });
            }
        }
        Ok(())
    }

    /// As [`Graph::sum`], for operands known to agree: every way to build a sum recognises the same stable forms.
    pub(crate) fn sum_unchecked(
        &mut self,
        terms: &[(Rational, NodeId)],
        ty: impl FnOnce(&Graph) -> Type,
    ) -> NodeId {
        let list = self.collected(terms);
        if let [a, b] = list.as_slice()
            && let Some(node) = self.stable_difference(a, b)
        {
            return node;
        }
        self.sum_of_collected(&list, ty)
    }

    fn sum_of_collected(&mut self, list: &Terms, ty: impl FnOnce(&Graph) -> Type) -> NodeId {
        match list.as_slice() {
            [] => {
                let ty = ty(self);
                self.zero(Type { dtype: DType::Real, shape: ty.shape, below: None })
            }
            [(node, one)] if one.is_one() => *node,
            [(node, value)] if matches!(self.op(*node), Op::Rational(_)) => self.rational(value.clone()),
            _ => {
                let op = self.sum_op(list);
                let args: SmallVec<[NodeId; 4]> = list.iter().map(|(node, _)| *node).collect();
                self.intern_raw(op, &args, self.type_of(args[0]))
            }
        }
    }

    /// The terms with monic operands, each operand once, no zeros, in the order of structural hashes.
    fn collected(&mut self, terms: &[(Rational, NodeId)]) -> Terms {
        let mut list = Terms::new();
        for (coefficient, node) in terms {
            let (inner, node) = self.unscaled(*node);
            if coefficient.is_zero() || self.is_zero(node) {
                continue;
            }
            list.push((node, inner.map_or_else(|| coefficient.clone(), |inner| coefficient * &inner)));
        }
        if list.len() > 1 {
            list.sort_unstable_by_key(|(node, _)| (self.structural_hash(*node), *node));
            merge(&mut list);
        }
        list
    }

    /// The operation `Σ coefficient · operand`.
    fn sum_op(&mut self, list: &Terms) -> u32 {
        let coefficients = || list.iter().map(|(_, coefficient)| coefficient);
        let hash = hash_all(coefficients());
        let is_it = |op: u32| matches!(&self.ops[op as usize], Op::Sum(c) if c.iter().eq(coefficients()));
        if let Some(op) = self.sums.find(hash, is_it) {
            return op;
        }
        let op = self.op_id(Op::Sum(coefficients().cloned().collect()));
        self.sums.insert(hash, op);
        op
    }

    /// The coefficient of a scaled node, and the node that it scales.
    pub(crate) fn split_scale(&self, node: NodeId) -> (Option<&Rational>, NodeId) {
        match self.op(node) {
            Op::Sum(coefficients) if coefficients.len() == 1 => (coefficients.first(), self.arg(node, 0)),
            _ => (None, node),
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
        if coefficient.is_one() || !self.contains(node) {
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
        self.expect_nodes(&[a, b])?;
        if self.type_of(a) != self.type_of(b) {
            let ty = self.ty(a).clone();
            return self.sum(&terms, ty);
        }
        self.expect_entries("+", a, DType::Real)?;
        Ok(self.sum_unchecked(&terms, |g| g.ty(a).clone()))
    }

    /// `-a`.
    pub fn neg(&mut self, a: NodeId) -> NodeId {
        self.scale(&Rational::from(-1), a)
    }
}
