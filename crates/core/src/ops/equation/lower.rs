//! Values from the leaves up: one pass over the tree, operands before their users.

use super::logic::Truth;
use super::names::{Binder, Meaning, Names, Pass};
use super::syntax;
use super::value::{Builder, Factors, Value, plain_letters};
use crate::error::Result;
use crate::form::read::{At, Equation, Node, Span};
use crate::form::{Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Literal, Logic, Reduction};
use crate::index::{Atom, Label, Term};
use crate::node::NodeId;
use crate::ops::map::{EXP, Map};
use crate::rational::Rational;
use crate::shape::{DType, Dim};
use std::collections::BTreeSet;

/// Numbers in index terms stay below this, so that no sum of them leaves 64 bits.
const MAX_WHOLE: i64 = 1 << 40;

pub(super) struct Lowering<'g> {
    pub(super) b: Builder<'g>,
    pub(super) tree: &'g Equation,
    meanings: Vec<Meaning>,
    pub(super) values: Vec<Option<Value>>,
}

/// Builds the node of an equation.
pub(super) fn lower(g: &mut Graph, tree: &Equation, names: Names) -> Result<NodeId> {
    let Names { meanings, letters, free } = names;
    let values = tree.nodes.iter().map(|_| None).collect();
    let mut l = Lowering { b: Builder { g, letters, free, suspects: Vec::new() }, tree, meanings, values };
    for k in 0..tree.nodes.len() {
        if !matches!(l.meanings[k], Meaning::Silent) {
            l.values[k] = l.value(At(k))?;
        }
    }
    let node = l.root()?;
    l.b.all_cleared()?;
    Ok(node)
}

impl Lowering<'_> {
    pub(super) fn span(&self, at: At) -> Span {
        self.tree.node(at).span
    }

    pub(super) fn take(&mut self, at: At) -> Value {
        self.values[at.0].take().expect("invariant: operands come before their users and have one each")
    }

    /// The value of a node; ranges have none.
    fn value(&mut self, at: At) -> Result<Option<Value>> {
        let tree = self.tree;
        let meaning = self.meanings[at.0].clone();
        Ok(Some(match (&tree.node(at).node, meaning) {
            (Node::Range(_, low, high), Meaning::Index(letter)) => {
                self.state_range(letter, *low, *high)?;
                return Ok(None);
            }
            (Node::Number(value), _) => Value::Number(value.clone()),
            (Node::Name(_), meaning) => self.name(at, meaning)?,
            (Node::Size(size), _) => Value::Index(Term::constant(size.clone())),
            (Node::Access(_, list) | Node::Entry(_, list), Meaning::Node(node)) => {
                self.access(at, node, list)?
            }
            (Node::Call(..), meaning @ Meaning::Node(_)) => self.name(at, meaning)?,
            (Node::Call(_, list), meaning) => self.call(at, list, meaning)?,
            (Node::Sum(terms), _) => self.sum(terms)?,
            (Node::Product(factors), _) => self.product(factors)?,
            (Node::Negative(a), _) => self.negative(*a)?,
            (Node::Power(a, b), _) => self.power(*a, *b)?,
            (Node::Compare(relation, a, b), _) => self.compare(at, *relation, *a, *b)?,
            (Node::Iverson(c), _) => self.iverson(*c)?,
            (Node::If(a, c, b), _) => self.choice(*a, *c, *b)?,
            (Node::Not(c), _) => self.negation(at, *c)?,
            (Node::And(list), _) => self.logic(at, list, Logic::And)?,
            (Node::Or(list), _) => self.logic(at, list, Logic::Or)?,
            _ => return Err(syntax(self.span(at), "this has no value here")),
        }))
    }

    // ---------------------------------------------------------------- conversions

    pub(super) fn term(&mut self, at: At) -> Result<Term> {
        match self.take(at) {
            Value::Index(term) => Ok(term),
            Value::Number(value) => self.whole(at, &value).map(Term::constant),
            _ => Err(syntax(
                self.span(at),
                "an index is expected here: whole numbers, sizes, indices and labels",
            )),
        }
    }

    pub(super) fn whole(&self, at: At, value: &Rational) -> Result<Dim> {
        match value.to_i64() {
            Some(n) if n.abs() < MAX_WHOLE => Ok(Dim::fixed(n)),
            Some(_) => Err(syntax(self.span(at), "this number is too large for an index")),
            None => Err(syntax(self.span(at), "a whole number is expected in an index")),
        }
    }

    pub(super) fn bounded(&self, at: At, term: Term) -> Result<Value> {
        let small = |d: &Dim| d.as_fixed().is_none_or(|n| n.unsigned_abs() < MAX_WHOLE.unsigned_abs());
        if small(term.offset()) && term.parts().iter().all(|(_, c)| small(c)) {
            return Ok(Value::Index(term));
        }
        Err(syntax(self.span(at), "this number is too large for an index"))
    }

    /// The products whose sum a value is.
    pub(super) fn terms(&mut self, at: At) -> Result<Vec<Factors>> {
        match self.take(at) {
            Value::Real(factors) => Ok(vec![factors]),
            Value::Sum(terms) => Ok(terms),
            Value::Number(value) => Ok(vec![Factors::number(value)]),
            Value::Index(term) => match term.as_constant() {
                Some(size) => Ok(vec![self.size(size)]),
                None => self.counted(at, &term),
            },
            Value::Truth(_) => Err(syntax(
                self.span(at),
                "a condition is not a number: write it in brackets, as in [x[i] > 0]",
            )),
        }
    }

    /// An index as a real number, `sum(i, i*x[i])`: the number of positions before it, `Σ_k [k < i]`.
    fn counted(&mut self, at: At, term: &Term) -> Result<Vec<Factors>> {
        let mut terms = Vec::new();
        for (atom, coefficient) in term.parts() {
            let Atom::Label(label) = *atom else {
                return Err(syntax(self.span(at), "an index stands here where a real number is expected"));
            };
            let extent = self.b.extent(label.0);
            let (i, k) = (Term::label(Label(0)), Term::label(Label(1)));
            let mut before = Product::one([extent]);
            before.bind(before.extents[0].clone());
            let before = self.b.g.product(before.when(Cond::NonNegative(i - k - Term::constant(1))));
            let mut factors = self.size(coefficient);
            factors.times(Factors::node(before, &[label.0]));
            terms.push(factors);
        }
        if !term.offset().is_zero() {
            terms.push(self.size(&term.offset().clone()));
        }
        Ok(terms)
    }

    /// A size as a real number; its coefficient stands outside, as everywhere.
    pub(super) fn size(&mut self, size: &Dim) -> Factors {
        let coefficient = match &size.monomials()[..] {
            [(_, c)] => *c,
            _ => 1,
        };
        let monic = size.divide_exactly(&Dim::fixed(coefficient)).unwrap_or_else(|| size.clone());
        let node = self.b.g.size(&monic);
        Factors { coefficient: Rational::from(coefficient), ..Factors::access(node, []) }
    }

    pub(super) fn factors(&mut self, at: At) -> Result<Factors> {
        let terms = self.terms(at)?;
        self.b.single(terms)
    }

    pub(super) fn truth(&mut self, at: At) -> Result<Truth> {
        match self.take(at) {
            Value::Truth(truth) => Ok(truth),
            _ => Err(syntax(self.span(at), "a condition is expected here, such as i == j or x[i] > 0")),
        }
    }

    // ---------------------------------------------------------------- leaves

    pub(super) fn name(&mut self, at: At, meaning: Meaning) -> Result<Value> {
        Ok(match meaning {
            Meaning::Index(l) => {
                let low = self.b.letters[l as usize].low.clone().unwrap_or(Dim::ZERO);
                Value::Index(Term::label(Label(l)) + Term::constant(low))
            }
            Meaning::Size(size) => Value::Index(Term::constant(size)),
            Meaning::Node(node) if self.b.g.rank(node) == 0 => self.entry(node, Vec::new()),
            Meaning::Node(node) => {
                let (name, ty) = (self.tree.source(at), self.b.g.ty(node));
                return Err(syntax(
                    self.span(at),
                    format!("{name} is {ty}: its entries are read as {name}[…]"),
                ));
            }
            Meaning::Pi => Value::Real(Factors::access(self.b.g.pi(), [])),
            Meaning::Special(x) => {
                Value::Real(Factors::access(self.b.g.literal(Literal::real(&[], [x])?), []))
            }
            _ => {
                let one = self.b.g.integer(1);
                Value::Real(Factors::access(self.b.g.map(&EXP, &[one])?, []))
            }
        })
    }

    /// The entry of a node at index terms.
    pub(super) fn entry(&self, node: NodeId, at: Vec<Term>) -> Value {
        match self.b.g.ty(node).dtype {
            DType::Real => Value::Real(Factors::access(node, at)),
            DType::Int => Value::Index(Term::element(node, at)),
            DType::Bool => Value::Truth(Truth::of(Cond::Holds(node, at.into(), false))),
        }
    }

    pub(super) fn access(&mut self, at: At, node: NodeId, list: &[At]) -> Result<Value> {
        let mut terms = Vec::with_capacity(list.len());
        for (axis, &index) in list.iter().enumerate() {
            let term = self.term(index)?;
            self.suspect(at, index, node, axis, &term);
            terms.push(term);
        }
        Ok(self.entry(node, terms))
    }

    pub(super) fn state_range(&mut self, letter: u32, low: At, high: At) -> Result<()> {
        let span = Span { start: self.span(low).start, end: self.span(high).end };
        let (low, high) = (self.term(low)?, self.term(high)?);
        let (Some(low), Some(high)) = (low.as_constant(), high.as_constant()) else {
            return Err(syntax(span, "the ends of a range are numbers and sizes"));
        };
        let extent = high.clone() - low.clone() + Dim::ONE;
        if extent.as_fixed().is_some_and(|n| n < 0) {
            return Err(syntax(span, "this range ends before it begins"));
        }
        let letter = &mut self.b.letters[letter as usize];
        letter.told_by = format!("{}={}", letter.name, &self.tree.text[span.start..span.end]);
        (letter.low, letter.extent) = (Some(low.clone()), Some(extent));
        Ok(())
    }

    // ---------------------------------------------------------------- functions

    pub(super) fn map(&mut self, map: &'static Map, args: Vec<Factors>) -> Result<Factors> {
        let (nodes, order) = self.b.operands(args)?;
        let node = self.b.g.map(map, &nodes)?;
        Ok(Factors::node(node, &order))
    }

    pub(super) fn call(&mut self, at: At, list: &[At], meaning: Meaning) -> Result<Value> {
        match meaning {
            Meaning::Delta => {
                let (a, b) = (self.term(list[0])?, self.term(list[1])?);
                Ok(Value::Real(Factors::under(&[Cond::delta(a, b)])))
            }
            Meaning::Map(map) => {
                // An argument that is a sum is one node over the axes that all arguments share.
                let mut args = Vec::with_capacity(list.len());
                for &child in list {
                    args.push(self.factors(child)?);
                }
                Ok(Value::Real(self.map(map, args)?))
            }
            Meaning::Pi => self.name(at, meaning),
            Meaning::Size(_) => self.name(at, meaning),
            Meaning::Pass(pass) => {
                let args = vec![self.factors(list[0])?];
                let (nodes, order) = self.b.operands(args)?;
                let node = match pass {
                    Pass::StopGradient => self.b.g.stop_gradient(nodes[0]),
                    Pass::Checkpoint => self.b.g.checkpoint(nodes[0]),
                };
                Ok(Value::Real(Factors::node(node, &order)))
            }
            Meaning::Bind(binder, letters) => {
                let body = self.factors(*list.last().expect("invariant: a binder has a body"))?;
                self.bind(binder, &letters, body)
            }
            _ => Err(syntax(self.span(at), "this has no value here")),
        }
    }

    pub(super) fn bind(&mut self, binder: Binder, letters: &[u32], mut body: Factors) -> Result<Value> {
        if binder == Binder::Sum {
            body.bound.extend(letters);
            return Ok(Value::Real(body));
        }
        for &letter in letters.iter().rev() {
            let mut order = self.b.order(std::slice::from_ref(&body));
            if !order.contains(&letter) {
                order.push(letter);
            }
            let axis = order.iter().position(|&l| l == letter).expect("invariant: pushed above");
            let node = self.b.factors_node(body, &order)?;
            order.remove(axis);
            let reduction = match binder {
                Binder::Max => Reduction::Max,
                Binder::Min => Reduction::Min,
                Binder::ArgMax => {
                    let node = self.b.g.argmax(node, axis)?;
                    return Ok(Value::Index(Term::element(
                        node,
                        order.iter().map(|&l| Term::label(Label(l))),
                    )));
                }
                _ => Reduction::Prod,
            };
            let node = self.b.g.reduce(reduction, node, axis)?;
            body = Factors::node(node, &order);
        }
        Ok(Value::Real(body))
    }

    // ---------------------------------------------------------------- the result

    fn root(&mut self) -> Result<NodeId> {
        let at = self.tree.root;
        let order: Vec<u32> = (0..self.b.free as u32).collect();
        let value = self.take(at);
        let whole = |at: &[Term]| plain_letters(at).is_some_and(|l| l == order);
        match &value {
            Value::Truth(truth) => return self.predicate(truth, &order),
            Value::Index(term) => {
                if let [(Atom::Element(node, at), one)] = term.parts()
                    && *one == Dim::ONE
                    && term.offset().is_zero()
                    && whole(at)
                {
                    return Ok(*node);
                }
            }
            _ => {}
        }
        self.values[at.0] = Some(value);
        let terms = self.terms(at)?;
        let mut used = BTreeSet::new();
        terms.iter().for_each(|t| used.extend(t.letters()));
        if terms.len() > 1 && used.len() == order.len() {
            return self.b.sum_node(terms, &order);
        }
        let factors = self.b.single(terms)?;
        self.b.factors_node(factors, &order)
    }
}
