//! Constructors of elementwise operations: maps, products, comparisons, selection, names.

use crate::error::{Error, Result};
use crate::form::{Access, Product};
use crate::graph::Graph;
use crate::graph::op::{Comparison, Logic, Op};
use crate::node::NodeId;
use crate::ops::map::{Map, RECIP};
use crate::shape::{DType, Type};
use smallvec::SmallVec;
use std::sync::Arc;

/// Elementwise operations.
impl Graph {
    /// `y[o] = f(a[o], …)`; a number combines with any shape.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`], [`Error::Arity`].
    pub fn map(&mut self, map: &'static Map, args: &[NodeId]) -> Result<NodeId> {
        if args.len() != map.arity() {
            return Err(Error::Arity {
                operation: map.name.to_string(),
                expected: map.arity(),
                found: args.len(),
            });
        }
        for &a in args {
            self.expect_entries(map.name, a, DType::Real)?;
        }
        let args = self.unify(map.name, args)?;
        if let Some(node) = self.stable_map(map, &args) {
            return Ok(node);
        }
        Ok(self.map_plain(map, &args))
    }

    /// A map without looking for its stable form: what bodies of composites are made of.
    pub(crate) fn map_plain(&mut self, map: &'static Map, args: &[NodeId]) -> NodeId {
        let op = self.op_id(Op::Map(map.id));
        self.intern_raw(op, args, self.type_of(args[0]))
    }

    /// Broadcasts numbers to the shape of the other operands, which must agree.
    fn unify(&mut self, operation: &'static str, args: &[NodeId]) -> Result<SmallVec<[NodeId; 3]>> {
        let Some(&model) = args.iter().find(|&&a| self.rank(a) > 0) else { return Ok(args.into()) };
        let shape = self.ty(model).shape.clone();
        let mut unified = SmallVec::new();
        for &a in args {
            if self.rank(a) == 0 {
                unified.push(self.broadcast(a, &shape));
            } else {
                self.expect_same_shape(operation, model, a)?;
                unified.push(a);
            }
        }
        Ok(unified)
    }

    /// `y[o] = a[o] * b[o]`; a number combines with any shape.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`].
    pub fn multiply(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.expect_entries("*", a, DType::Real)?;
        self.expect_entries("*", b, DType::Real)?;
        let (ra, rb) = (self.rank(a), self.rank(b));
        let numbers = ra == 0 && rb == 0 && !self.is_view_of_number(a) && !self.is_view_of_number(b);
        if numbers && !self.may_stabilise(a) && !self.may_stabilise(b) {
            let (coefficient, node) = self.multiply_numbers(a, b);
            return Ok(self.scale(&coefficient, node));
        }
        if ra > 0 && rb > 0 {
            self.expect_same_shape("*", a, b)?;
        }
        let model = if ra >= rb { a } else { b };
        let mut product = Product::one(self.shape(model).iter().cloned());
        product.accesses.push(Access::whole(a, ra, 0));
        product.accesses.push(Access::whole(b, rb, 0));
        if numbers && self.stable_product(&product).is_none() {
            let (coefficient, node) = self.multiply_numbers(a, b);
            return Ok(self.scale(&coefficient, node));
        }
        Ok(self.product(product))
    }

    /// `y[o] = a[o] / b[o]`; a number combines with any shape.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`].
    pub fn divide(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.expect_nodes(&[a, b])?;
        if let Some(inverse) = self.as_rational(b).and_then(|b| b.recip()) {
            self.expect_entries("/", a, DType::Real)?;
            return Ok(self.scale(&inverse, a));
        }
        let inverse = self.map(&RECIP, &[b])?;
        self.multiply(a, inverse)
    }

    /// `y[o] = x[o]^power`
    pub fn power(&mut self, x: NodeId, power: u32) -> NodeId {
        if !self.contains(x) {
            return x;
        }
        if power == 0 {
            let shape = self.ty(x).shape.clone();
            return self.ones(&shape);
        }
        if power == 1 {
            return x;
        }
        let rank = self.rank(x);
        if rank == 0
            && let Some((coefficient, node)) = self.power_of_number(x, power)
        {
            return self.scale(&coefficient, node);
        }
        let mut product = Product::one(self.shape(x).iter().cloned());
        product.accesses.push(Access { power, ..Access::whole(x, rank, 0) });
        self.product(product)
    }

    /// `y[o] = a[o] ? b[o]` for a comparison.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`].
    pub fn compare(&mut self, comparison: Comparison, a: NodeId, b: NodeId) -> Result<NodeId> {
        let symbol = comparison.symbol();
        self.expect_nodes(&[a, b])?;
        let args = match (self.ty(a).dtype, self.ty(b).dtype) {
            (DType::Real, DType::Real) => self.unify(symbol, &[a, b])?,
            (DType::Int, DType::Int) => {
                self.expect_same_shape(symbol, a, b)?;
                SmallVec::from_slice(&[a, b])
            }
            (DType::Real, _) => {
                return Err(Error::Entries {
                    operation: symbol,
                    expected: DType::Real,
                    found: self.ty(b).clone(),
                });
            }
            _ => {
                return Err(Error::Entries {
                    operation: symbol,
                    expected: DType::Real,
                    found: self.ty(a).clone(),
                });
            }
        };
        let ty = Type { dtype: DType::Bool, shape: self.ty(args[0]).shape.clone(), below: None };
        Ok(self.intern(Op::Compare(comparison), &args, ty))
    }

    /// Elementwise logic.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`].
    pub fn logic(&mut self, logic: Logic, args: &[NodeId]) -> Result<NodeId> {
        let expected = if logic == Logic::Not { 1 } else { 2 };
        if args.len() != expected {
            return Err(Error::Arity { operation: "logic".into(), expected, found: args.len() });
        }
        for &a in args {
            self.expect_entries("logic", a, DType::Bool)?;
            self.expect_same_shape("logic", args[0], a)?;
        }
        if logic == Logic::Not && matches!(self.op(args[0]), Op::Logic(Logic::Not)) {
            return Ok(self.arg(args[0], 0));
        }
        let ty = self.ty(args[0]).clone();
        Ok(self.intern(Op::Logic(logic), args, ty))
    }

    /// `y[o] = a[o] if p[o] else b[o]`, lazy.
    ///
    /// # Errors
    /// [`Error::ShapesDiffer`], [`Error::Entries`].
    pub fn select(&mut self, p: NodeId, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.expect_entries("if", p, DType::Bool)?;
        let shape = self.ty(p).shape.clone();
        let mut branches = [a, b];
        for x in &mut branches {
            self.expect_entries("if", *x, DType::Real)?;
            if self.rank(*x) == 0 && !shape.is_empty() {
                *x = self.broadcast(*x, &shape);
            }
            self.expect_same_shape("if", p, *x)?;
        }
        if branches[0] == branches[1] {
            return Ok(branches[0]);
        }
        let ty = self.ty(branches[0]).clone();
        Ok(self.intern(Op::Select, &[p, branches[0], branches[1]], ty))
    }

    /// The operand under a name that a derivation can cut.
    pub fn tag(&mut self, name: &str, x: NodeId) -> NodeId {
        if !self.contains(x) {
            return x;
        }
        let ty = self.ty(x).clone();
        self.intern(Op::Tag(Arc::from(name)), &[x], ty)
    }

    /// The operand with derivative zero.
    pub fn stop_gradient(&mut self, x: NodeId) -> NodeId {
        if !self.contains(x) {
            return x;
        }
        let ty = self.ty(x).clone();
        self.intern(Op::StopGradient, &[x], ty)
    }

    /// The operand, to be recomputed instead of kept by executors that ask.
    pub fn checkpoint(&mut self, x: NodeId) -> NodeId {
        if !self.contains(x) {
            return x;
        }
        let ty = self.ty(x).clone();
        self.intern(Op::Checkpoint, &[x], ty)
    }
}
