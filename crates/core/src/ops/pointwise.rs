//! Elementwise expressions over the axes of one node: the notation in which a rule writes its partial.
//!
//! `1 - y * y` in a rule's block builds those nodes in the graph that is being differentiated, so partials are
//! expressions and differentiate again.

use crate::graph::Graph;
use crate::graph::op::{Comparison, Logic};
use crate::node::NodeId;
use crate::ops::map::Map;
use crate::rational::Rational;
use smallvec::{SmallVec, smallvec};
use std::cell::RefCell;
use std::ops::{Add, Mul, Neg, Sub};

/// One node of a rule's elementwise expression.
#[derive(Copy, Clone)]
pub struct Pointwise<'g> {
    graph: &'g RefCell<Graph>,
    id: NodeId,
}

/// A truth value at every entry.
#[derive(Copy, Clone)]
pub struct Predicate<'g> {
    graph: &'g RefCell<Graph>,
    id: NodeId,
}

/// The partial of an elementwise function: `Σ c · [guards] · value`, absent where a guard is false.
#[derive(Clone, Debug, Default)]
pub struct Partial {
    pub(crate) terms: SmallVec<[PartialTerm; 1]>,
    /// Why there is no partial, when there is none.
    pub(crate) opaque: Option<&'static str>,
}

/// One term of a partial.
#[derive(Clone, Debug)]
pub(crate) struct PartialTerm {
    pub(crate) coefficient: Rational,
    /// Truth value node, and whether it must fail.
    pub(crate) guards: SmallVec<[(NodeId, bool); 1]>,
    pub(crate) value: Option<NodeId>,
}

impl<'g> Pointwise<'g> {
    pub(crate) fn new(graph: &'g RefCell<Graph>, id: NodeId) -> Pointwise<'g> {
        Pointwise { graph, id }
    }

    /// A number with the shape of `self`.
    pub fn number(self, value: Rational) -> Pointwise<'g> {
        let mut g = self.graph.borrow_mut();
        if g.rank(self.id) == 0 {
            return Pointwise { graph: self.graph, id: g.rational(value) };
        }
        let shape = g.ty(self.id).shape.clone();
        let ones = g.ones(&shape);
        Pointwise { graph: self.graph, id: g.scale(&value, ones) }
    }

    /// The circle's number with the shape of `self`.
    pub fn pi(self) -> Pointwise<'g> {
        let mut g = self.graph.borrow_mut();
        let shape = g.ty(self.id).shape.clone();
        let pi = g.pi();
        Pointwise { graph: self.graph, id: g.broadcast(pi, &shape) }
    }

    /// An elementwise function.
    pub fn map(self, map: &'static Map) -> Pointwise<'g> {
        let id = self.graph.borrow_mut().map(map, &[self.id]);
        Pointwise {
            graph: self.graph,
            id: id.expect("invariant: a rule applies unary maps to real operands"),
        }
    }

    /// An elementwise function of two arguments.
    pub fn map2(self, map: &'static Map, other: Pointwise<'g>) -> Pointwise<'g> {
        let id = self.graph.borrow_mut().map(map, &[self.id, other.id]);
        Pointwise { graph: self.graph, id: id.expect("invariant: operands of one rule share a shape") }
    }

    /// `1 / self`
    pub fn recip(self) -> Pointwise<'g> {
        self.map(&crate::ops::map::RECIP)
    }

    /// `self` to a positive whole power.
    pub fn powi(self, power: u32) -> Pointwise<'g> {
        let id = self.graph.borrow_mut().power(self.id, power);
        Pointwise { graph: self.graph, id }
    }

    fn compare(self, comparison: Comparison, other: Pointwise<'g>) -> Predicate<'g> {
        let id = self.graph.borrow_mut().compare(comparison, self.id, other.id);
        Predicate { graph: self.graph, id: id.expect("invariant: operands of one rule share a shape") }
    }

    /// `self > other`
    pub fn gt(self, other: impl Operand<'g>) -> Predicate<'g> {
        self.compare(Comparison::Greater, other.like(self))
    }

    /// `self >= other`
    pub fn ge(self, other: impl Operand<'g>) -> Predicate<'g> {
        self.compare(Comparison::GreaterEqual, other.like(self))
    }

    /// `self == other`
    pub fn equals(self, other: impl Operand<'g>) -> Predicate<'g> {
        self.compare(Comparison::Equal, other.like(self))
    }
}

impl<'g> Predicate<'g> {
    /// Both hold.
    pub fn and(self, other: Predicate<'g>) -> Predicate<'g> {
        let id = self.graph.borrow_mut().logic(Logic::And, &[self.id, other.id]);
        Predicate { graph: self.graph, id: id.expect("invariant: predicates of one rule share a shape") }
    }

    /// The predicate fails.
    pub fn fails(self) -> Predicate<'g> {
        let id = self.graph.borrow_mut().logic(Logic::Not, &[self.id]);
        Predicate { graph: self.graph, id: id.expect("invariant: a predicate can be negated") }
    }
}

/// A number or an expression, where a rule may write either.
pub trait Operand<'g> {
    /// The operand with the shape of `model`.
    fn like(self, model: Pointwise<'g>) -> Pointwise<'g>;
}

impl<'g> Operand<'g> for Pointwise<'g> {
    fn like(self, _: Pointwise<'g>) -> Pointwise<'g> {
        self
    }
}

impl<'g> Operand<'g> for i64 {
    fn like(self, model: Pointwise<'g>) -> Pointwise<'g> {
        model.number(Rational::from(self))
    }
}

impl<'g> Operand<'g> for Rational {
    fn like(self, model: Pointwise<'g>) -> Pointwise<'g> {
        model.number(self)
    }
}

impl<'g, T: Operand<'g>> Add<T> for Pointwise<'g> {
    type Output = Pointwise<'g>;
    fn add(self, other: T) -> Pointwise<'g> {
        let other = other.like(self);
        let id = self.graph.borrow_mut().add(self.id, other.id);
        Pointwise { graph: self.graph, id: id.expect("invariant: operands of one rule share a shape") }
    }
}

impl<'g, T: Operand<'g>> Sub<T> for Pointwise<'g> {
    type Output = Pointwise<'g>;
    fn sub(self, other: T) -> Pointwise<'g> {
        let other = other.like(self);
        let id = self.graph.borrow_mut().sub(self.id, other.id);
        Pointwise { graph: self.graph, id: id.expect("invariant: operands of one rule share a shape") }
    }
}

impl<'g, T: Operand<'g>> Mul<T> for Pointwise<'g> {
    type Output = Pointwise<'g>;
    fn mul(self, other: T) -> Pointwise<'g> {
        let other = other.like(self);
        let id = self.graph.borrow_mut().multiply(self.id, other.id);
        Pointwise { graph: self.graph, id: id.expect("invariant: operands of one rule share a shape") }
    }
}

impl<'g> Neg for Pointwise<'g> {
    type Output = Pointwise<'g>;
    fn neg(self) -> Pointwise<'g> {
        let id = self.graph.borrow_mut().neg(self.id);
        Pointwise { graph: self.graph, id }
    }
}

impl<'g> Sub<Pointwise<'g>> for i64 {
    type Output = Pointwise<'g>;
    fn sub(self, other: Pointwise<'g>) -> Pointwise<'g> {
        self.like(other) - other
    }
}

impl<'g> Mul<Pointwise<'g>> for Rational {
    type Output = Pointwise<'g>;
    fn mul(self, other: Pointwise<'g>) -> Pointwise<'g> {
        let id = other.graph.borrow_mut().scale(&self, other.id);
        Pointwise { graph: other.graph, id }
    }
}

/// `[predicate]`: 1 where it holds, absent elsewhere.
pub fn guard(predicate: Predicate<'_>) -> Partial {
    Partial {
        terms: smallvec![PartialTerm {
            coefficient: Rational::from(1),
            guards: smallvec![(predicate.id, false)],
            value: None,
        }],
        opaque: None,
    }
}

/// The zero partial: the function is constant where it is differentiable.
pub fn nothing() -> Partial {
    Partial::default()
}

/// No partial exists; differentiating with respect to this argument is refused.
pub fn opaque(why: &'static str) -> Partial {
    Partial { terms: SmallVec::new(), opaque: Some(why) }
}

impl From<Pointwise<'_>> for Partial {
    fn from(value: Pointwise<'_>) -> Partial {
        let term =
            PartialTerm { coefficient: Rational::from(1), guards: SmallVec::new(), value: Some(value.id) };
        Partial { terms: smallvec![term], opaque: None }
    }
}

impl Add for Partial {
    type Output = Partial;
    fn add(mut self, other: Partial) -> Partial {
        self.terms.extend(other.terms);
        self
    }
}

impl Mul<Pointwise<'_>> for Partial {
    type Output = Partial;
    fn mul(mut self, value: Pointwise<'_>) -> Partial {
        for term in &mut self.terms {
            term.value = Some(match term.value {
                None => value.id,
                Some(other) => value
                    .graph
                    .borrow_mut()
                    .multiply(other, value.id)
                    .expect("invariant: operands of one rule share a shape"),
            });
        }
        self
    }
}

impl Mul<Partial> for Rational {
    type Output = Partial;
    fn mul(self, mut partial: Partial) -> Partial {
        for term in &mut partial.terms {
            term.coefficient = &term.coefficient * &self;
        }
        partial
    }
}
