//! Values from the leaves up: one pass over the tree, operands before their users.

use super::logic::Truth;
use super::names::{Binder, Meaning, Names};
use super::syntax;
use super::value::{Builder, Factors, Value, plain_letters};
use crate::error::{Error, Result};
use crate::form::read::{At, Equation, Factor, Node, Relation, Span};
use crate::form::{Access, Cond};
use crate::graph::Graph;
use crate::graph::op::{Comparison, Reduction};
use crate::index::{Atom, Facts, Label, Term};
use crate::node::NodeId;
use crate::ops::map::{EXP, Map, POW, RECIP};
use crate::rational::Rational;
use crate::shape::{DType, Dim};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Numbers in index terms stay below this, so that no sum of them leaves 64 bits.
const MAX_WHOLE: i64 = 1 << 40;

struct Lowering<'g> {
    b: Builder<'g>,
    tree: &'g Equation,
    meanings: Vec<Meaning>,
    values: Vec<Option<Value>>,
}

/// Builds the node of an equation.
pub(super) fn lower(g: &mut Graph, tree: &Equation, names: Names) -> Result<NodeId> {
    let Names { meanings, letters, free } = names;
    let values = tree.nodes.iter().map(|_| None).collect();
    let mut l = Lowering { b: Builder { g, letters, free }, tree, meanings, values };
    for k in 0..tree.nodes.len() {
        if !matches!(l.meanings[k], Meaning::Silent) {
            l.values[k] = l.value(At(k))?;
        }
    }
    l.root()
}

impl Lowering<'_> {
    fn span(&self, at: At) -> Span {
        self.tree.node(at).span
    }

    fn take(&mut self, at: At) -> Value {
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
            (Node::Access(_, list), Meaning::Node(node)) => self.access(at, node, list)?,
            (Node::Call(_, list), meaning) => self.call(at, list, meaning)?,
            (Node::Sum(terms), _) => self.sum(terms)?,
            (Node::Product(factors), _) => self.product(factors)?,
            (Node::Negative(a), _) => self.negative(*a)?,
            (Node::Power(a, b), _) => self.power(*a, *b)?,
            (Node::Compare(relation, a, b), _) => self.compare(at, *relation, *a, *b)?,
            (Node::Iverson(c), _) => self.iverson(*c)?,
            (Node::If(a, c, b), _) => self.choice(*a, *c, *b)?,
            (Node::Not(c), _) => {
                let truth = self.truth(*c)?;
                Value::Truth(self.within_clauses(at, truth.not())?)
            }
            (Node::And(list), _) => self.logic(at, list, Truth::and)?,
            (Node::Or(list), _) => self.logic(at, list, Truth::or)?,
            _ => return Err(syntax(self.span(at), "this has no value here")),
        }))
    }

    // ---------------------------------------------------------------- conversions

    fn term(&mut self, at: At) -> Result<Term> {
        match self.take(at) {
            Value::Index(term) => Ok(term),
            Value::Number(value) => self.whole(at, &value).map(Term::constant),
            _ => Err(syntax(self.span(at), "an index is expected here: whole numbers, sizes, indices and labels")),
        }
    }

    fn whole(&self, at: At, value: &Rational) -> Result<Dim> {
        match value.to_i64() {
            Some(n) if n.abs() < MAX_WHOLE => Ok(Dim::fixed(n)),
            Some(_) => Err(syntax(self.span(at), "this number is too large for an index")),
            None => Err(syntax(self.span(at), "a whole number is expected in an index")),
        }
    }

    fn bounded(&self, at: At, term: Term) -> Result<Value> {
        let small = |d: &Dim| d.as_fixed().is_none_or(|n| n.unsigned_abs() < MAX_WHOLE.unsigned_abs());
        if small(term.offset()) && term.parts().iter().all(|(_, c)| small(c)) {
            return Ok(Value::Index(term));
        }
        Err(syntax(self.span(at), "this number is too large for an index"))
    }

    /// The products whose sum a value is.
    fn terms(&mut self, at: At) -> Result<Vec<Factors>> {
        match self.take(at) {
            Value::Real(factors) => Ok(vec![factors]),
            Value::Sum(terms) => Ok(terms),
            Value::Number(value) => Ok(vec![Factors::number(value)]),
            Value::Index(term) => match term.as_constant() {
                Some(size) => Ok(vec![self.size(size)]),
                None => Err(syntax(self.span(at), "an index stands here where a real number is expected")),
            },
            Value::Truth(_) => {
                Err(syntax(self.span(at), "a condition is not a number: write it in brackets, as in [x[i] > 0]"))
            }
        }
    }

    /// A size as a real number; its coefficient stands outside, as everywhere.
    fn size(&mut self, size: &Dim) -> Factors {
        let coefficient = match &size.monomials()[..] {
            [(_, c)] => *c,
            _ => 1,
        };
        let monic = size.divide_exactly(&Dim::fixed(coefficient)).unwrap_or_else(|| size.clone());
        let node = self.b.g.size(&monic);
        Factors { coefficient: Rational::from(coefficient), ..Factors::access(node, []) }
    }

    fn factors(&mut self, at: At) -> Result<Factors> {
        let terms = self.terms(at)?;
        Ok(self.b.single(terms))
    }

    fn truth(&mut self, at: At) -> Result<Truth> {
        match self.take(at) {
            Value::Truth(truth) => Ok(truth),
            _ => Err(syntax(self.span(at), "a condition is expected here, such as i == j or x[i] > 0")),
        }
    }

    // ---------------------------------------------------------------- leaves

    fn name(&mut self, at: At, meaning: Meaning) -> Result<Value> {
        Ok(match meaning {
            Meaning::Index(l) => {
                let low = self.b.letters[l as usize].low.clone().unwrap_or(Dim::ZERO);
                Value::Index(Term::label(Label(l)) + Term::constant(low))
            }
            Meaning::Size(size) => Value::Index(Term::constant(size)),
            Meaning::Node(node) if self.b.g.rank(node) == 0 => self.entry(node, Vec::new()),
            Meaning::Node(node) => {
                let (name, ty) = (self.tree.source(at), self.b.g.ty(node));
                return Err(syntax(self.span(at), format!("{name} is {ty}: its entries are read as {name}[…]")));
            }
            Meaning::Pi => Value::Real(Factors::access(self.b.g.pi(), [])),
            _ => {
                let one = self.b.g.integer(1);
                Value::Real(Factors::access(self.b.g.map(&EXP, &[one])?, []))
            }
        })
    }

    /// The entry of a node at index terms.
    fn entry(&self, node: NodeId, at: Vec<Term>) -> Value {
        match self.b.g.ty(node).dtype {
            DType::Real => Value::Real(Factors::access(node, at)),
            DType::Int => Value::Index(Term::element(node, at)),
            DType::Bool => Value::Truth(Truth::of(Cond::Holds(node, at.into(), false))),
        }
    }

    fn access(&mut self, at: At, node: NodeId, list: &[At]) -> Result<Value> {
        let shape = self.b.g.shape(node).to_vec();
        let mut terms = Vec::with_capacity(list.len());
        for (&index, extent) in list.iter().zip(&shape) {
            let term = self.term(index)?;
            self.within_axis(at, index, &term, extent)?;
            terms.push(term);
        }
        Ok(self.entry(node, terms))
    }

    fn state_range(&mut self, letter: u32, low: At, high: At) -> Result<()> {
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

    // ---------------------------------------------------------------- ranges of reads

    /// Refuses a read that leaves its axis for some value of the indices, whatever the sizes are.
    fn within_axis(&self, access: At, index: At, term: &Term, extent: &Dim) -> Result<()> {
        let Some((low, high, positive)) = self.corners(term) else { return Ok(()) };
        let last = extent.clone() - Dim::ONE;
        let fails = |d: Dim| (-d - Dim::ONE).is_nonnegative(&positive);
        let (below, above) = (fails(low.clone()), fails(last.clone() - high.clone()));
        if below || above {
            let position = if below { low } else { high };
            return Err(self.outside(access, index, &position, extent));
        }
        if let Some(l) = term.as_label() {
            let letter = &self.b.letters[l.0 as usize];
            let covers = (last - high).is_nonnegative(&positive);
            if letter.low.is_some() && !covers && extent.as_fixed().is_none() {
                return Err(Error::IndexConflict {
                    index: letter.name.clone(),
                    first: letter.told_by.clone(),
                    first_extent: self.b.extent(l.0),
                    second: self.tree.source(access).to_string(),
                    second_extent: extent.clone(),
                });
            }
        }
        Ok(())
    }

    fn outside(&self, access: At, index: At, position: &Dim, extent: &Dim) -> Error {
        let Node::Access(name, _) = &self.tree.node(access).node else { return Error::OtherGraph };
        if let (Some(position), Some(extent)) = (position.as_fixed(), extent.as_fixed()) {
            return Error::OutOfRange { name: name.clone(), position, extent };
        }
        let read = self.tree.source(index);
        let reached = if read == position.to_string() { String::new() } else { format!(" reaches {position}") };
        let message = format!(
            "{read}{reached} is outside this axis of {name}: its positions are 0 .. {}\n  help: state a smaller range of the index, as in i=0..n-2",
            extent.clone() - Dim::ONE
        );
        syntax(self.span(index), message)
    }

    /// Least and greatest value of a term that is affine in indices, and the sizes that are at least 1 where it is read.
    fn corners(&self, term: &Term) -> Option<(Dim, Dim, BTreeSet<Arc<str>>)> {
        let (mut low, mut high, mut positive) = (term.offset().clone(), term.offset().clone(), BTreeSet::new());
        for (atom, coefficient) in term.parts() {
            let Atom::Label(l) = atom else { return None };
            let extent = self.b.extent(l.0);
            if extent.is_zero() {
                return None;
            }
            positive.extend(extent.as_name().cloned());
            let reach = (extent - Dim::ONE) * coefficient.clone();
            match coefficient.as_fixed()? {
                0.. => high = high + reach,
                _ => low = low + reach,
            }
        }
        Some((low, high, positive))
    }

    // ---------------------------------------------------------------- arithmetic

    fn sum(&mut self, list: &[(bool, At)]) -> Result<Value> {
        let peek = |l: &Self, at: At| l.values[at.0].as_ref().map(std::mem::discriminant);
        let is = |l: &Self, sample: &Value| {
            let kind = Some(std::mem::discriminant(sample));
            list.iter().any(|&(_, at)| peek(l, at) == kind)
        };
        let number = Value::Number(Rational::ZERO);
        let index = Value::Index(Term::constant(0));
        let only = |l: &Self, a: &Value, b: &Value| {
            list.iter().all(|&(_, at)| {
                let kind = peek(l, at);
                kind == Some(std::mem::discriminant(a)) || kind == Some(std::mem::discriminant(b))
            })
        };
        if only(self, &number, &number) {
            let mut total = Rational::ZERO;
            for &(minus, at) in list {
                let Value::Number(value) = self.take(at) else { continue };
                total = if minus { &total - &value } else { &total + &value };
            }
            return Ok(Value::Number(total));
        }
        let whole = list.iter().all(|&(_, at)| match &self.values[at.0] {
            Some(Value::Number(value)) => value.is_integer(),
            Some(Value::Index(_)) => true,
            _ => false,
        });
        let labels = list.iter().any(|&(_, at)| match &self.values[at.0] {
            Some(Value::Index(t)) => t.as_constant().is_none(),
            _ => false,
        });
        if is(self, &index) && (whole || (labels && only(self, &number, &index))) {
            let mut total = Term::constant(0);
            for &(minus, at) in list {
                let term = self.term(at)?;
                total = if minus { total - term } else { total + term };
            }
            return self.bounded(list[0].1, total);
        }
        let mut terms = Vec::with_capacity(list.len());
        for &(minus, at) in list {
            let mut term = self.factors(at)?;
            if minus {
                term.coefficient = -&term.coefficient;
            }
            terms.push(term);
        }
        Ok(Value::Sum(terms))
    }

    fn negative(&mut self, at: At) -> Result<Value> {
        Ok(match self.take(at) {
            Value::Number(value) => Value::Number(-value),
            Value::Index(term) => Value::Index(-term),
            other => {
                self.values[at.0] = Some(other);
                let mut factors = self.factors(at)?;
                factors.coefficient = -factors.coefficient;
                Value::Real(factors)
            }
        })
    }

    fn product(&mut self, list: &[(Factor, At)]) -> Result<Value> {
        let mut total = self.take(list[0].1);
        for &(factor, at) in &list[1..] {
            total = match factor {
                Factor::Times => self.times(total, list[0].1, at)?,
                Factor::Over => self.over(total, list[0].1, at)?,
                Factor::Div | Factor::Mod => self.divide_index(total, list[0].1, at, factor)?,
            };
        }
        Ok(total)
    }

    /// Puts a value back to where it came from and takes it as another kind.
    fn as_factors(&mut self, value: Value, at: At) -> Result<Factors> {
        match value {
            Value::Real(factors) => Ok(factors),
            other => {
                self.values[at.0] = Some(other);
                self.factors(at)
            }
        }
    }

    fn times(&mut self, total: Value, first: At, at: At) -> Result<Value> {
        let other = self.take(at);
        let scaled = |term: &Term, by: &Term| by.as_constant().map(|c| term.scaled(c));
        match (total, other) {
            (Value::Number(a), Value::Number(b)) => Ok(Value::Number(&a * &b)),
            (Value::Index(a), Value::Index(b)) => match scaled(&a, &b).or_else(|| scaled(&b, &a)) {
                Some(term) => self.bounded(at, term),
                None => Err(syntax(self.span(at), "a product of two indices is not an index term")),
            },
            (Value::Index(a), Value::Number(b)) | (Value::Number(b), Value::Index(a))
                if b.is_integer() || a.as_constant().is_none() =>
            {
                let by = Term::constant(self.whole(at, &b)?);
                self.bounded(at, scaled(&a, &by).unwrap_or(by))
            }
            (total, other) => {
                let mut factors = self.as_factors(total, first)?;
                factors.times(self.as_factors(other, at)?);
                Ok(Value::Real(factors))
            }
        }
    }

    fn over(&mut self, total: Value, first: At, at: At) -> Result<Value> {
        let divisor = self.take(at);
        let inverse = match &divisor {
            Value::Number(value) => value.recip(),
            _ => None,
        };
        match (total, inverse) {
            (Value::Number(a), Some(inverse)) => Ok(Value::Number(&a * &inverse)),
            (total, Some(inverse)) => {
                let mut factors = self.as_factors(total, first)?;
                factors.coefficient = &factors.coefficient * &inverse;
                Ok(Value::Real(factors))
            }
            (total, None) => {
                let mut factors = self.as_factors(total, first)?;
                let divisor = self.as_factors(divisor, at)?;
                factors.times(self.map(&RECIP, vec![divisor])?);
                Ok(Value::Real(factors))
            }
        }
    }

    fn divide_index(&mut self, total: Value, first: At, at: At, factor: Factor) -> Result<Value> {
        self.values[first.0] = Some(total);
        let term = self.term(first)?;
        let divisor = self.term(at)?;
        let Some(size) = divisor.as_constant().filter(|d| d.as_fixed().is_none_or(|n| n > 0)) else {
            return Err(syntax(self.span(at), "the divisor of an index is a positive number or size"));
        };
        let extents: Vec<Dim> =
            self.b.letters.iter().map(|l| l.extent.clone().unwrap_or_else(|| Dim::size("?"))).collect();
        let g = &*self.b.g;
        let facts = Facts { extents: &extents, below: &|n| g.below(n) };
        Ok(Value::Index(match factor {
            Factor::Div => term.quotient(size, &facts),
            _ => term.remainder(size, &facts),
        }))
    }

    fn power(&mut self, a: At, b: At) -> Result<Value> {
        let exponent = match &self.values[b.0] {
            Some(Value::Number(value)) => value.to_i64(),
            _ => None,
        };
        if let (Some(Value::Number(base)), Some(k)) = (&self.values[a.0], exponent)
            && let Some(value) = i32::try_from(k).ok().and_then(|k| base.pow(k))
        {
            (self.values[a.0], self.values[b.0]) = (None, None);
            return Ok(Value::Number(value));
        }
        let base = self.factors(a)?;
        match exponent.map(i32::try_from) {
            Some(Ok(0)) => {
                self.take(b);
                Ok(Value::Number(Rational::ONE))
            }
            Some(Ok(k)) => {
                self.take(b);
                let raised = self.whole_power(base, k.unsigned_abs());
                Ok(Value::Real(if k < 0 { self.map(&RECIP, vec![raised])? } else { raised }))
            }
            _ => {
                let exponent = self.factors(b)?;
                let euler = self.is_euler(&base);
                let args = if euler { vec![exponent] } else { vec![base, exponent] };
                Ok(Value::Real(self.map(if euler { &EXP } else { &POW }, args)?))
            }
        }
    }

    fn whole_power(&mut self, base: Factors, power: u32) -> Factors {
        if let Some(factors) = base.power(power) {
            return factors;
        }
        let order = self.b.order(std::slice::from_ref(&base));
        let node = self.b.factors_node(base, &order);
        let mut factors = Factors::node(node, &order);
        factors.accesses[0].power = power;
        factors
    }

    /// The number e itself.
    fn is_euler(&self, base: &Factors) -> bool {
        let [Access { node, power: 1, .. }] = base.accesses[..] else { return false };
        let g = &*self.b.g;
        let is_exp = matches!(g.op(node), crate::graph::op::Op::Map(id) if *id == EXP.id);
        base.coefficient.is_one() && base.conds.is_empty() && is_exp && g.as_rational(g.arg(node, 0)).is_some_and(|x| x.is_one())
    }

    // ---------------------------------------------------------------- functions

    fn map(&mut self, map: &'static Map, args: Vec<Factors>) -> Result<Factors> {
        let (nodes, order) = self.b.operands(args);
        let node = self.b.g.map(map, &nodes)?;
        Ok(Factors::node(node, &order))
    }

    fn call(&mut self, at: At, list: &[At], meaning: Meaning) -> Result<Value> {
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
            Meaning::Bind(binder, letters) => {
                let body = self.factors(*list.last().expect("invariant: a binder has a body"))?;
                self.bind(binder, &letters, body)
            }
            _ => Err(syntax(self.span(at), "this has no value here")),
        }
    }

    fn bind(&mut self, binder: Binder, letters: &[u32], mut body: Factors) -> Result<Value> {
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
            let node = self.b.factors_node(body, &order);
            order.remove(axis);
            let reduction = match binder {
                Binder::Max => Reduction::Max,
                Binder::Min => Reduction::Min,
                Binder::ArgMax => {
                    let node = self.b.g.argmax(node, axis)?;
                    return Ok(Value::Index(Term::element(node, order.iter().map(|&l| Term::label(Label(l))))));
                }
                _ => Reduction::Prod,
            };
            let node = self.b.g.reduce(reduction, node, axis)?;
            body = Factors::node(node, &order);
        }
        Ok(Value::Real(body))
    }

    // ---------------------------------------------------------------- conditions

    fn within_clauses(&self, at: At, truth: Option<Truth>) -> Result<Truth> {
        truth.ok_or_else(|| syntax(self.span(at), "this condition has too many cases: split it"))
    }

    fn logic(&mut self, at: At, list: &[At], join: fn(&Truth, &Truth) -> Option<Truth>) -> Result<Value> {
        let mut total = self.truth(list[0])?;
        for &other in &list[1..] {
            let other = self.truth(other)?;
            total = self.within_clauses(at, join(&total, &other))?;
        }
        Ok(Value::Truth(total))
    }

    fn compare(&mut self, at: At, relation: Relation, a: At, b: At) -> Result<Value> {
        let truth = match (&self.values[a.0], &self.values[b.0]) {
            (Some(Value::Number(x)), Some(Value::Number(y))) => {
                let truth = Truth::constant(compare_numbers(relation, x, y));
                (self.values[a.0], self.values[b.0]) = (None, None);
                truth
            }
            (Some(Value::Index(_)), Some(Value::Index(_)))
            | (Some(Value::Number(_)), Some(Value::Index(_)))
            | (Some(Value::Index(_)), Some(Value::Number(_))) => {
                let (a, b) = (self.term(a)?, self.term(b)?);
                let truth = compare_terms(relation, a, b);
                self.within_clauses(at, truth)?
            }
            _ => self.compare_reals(relation, a, b)?,
        };
        Ok(Value::Truth(truth))
    }

    fn compare_reals(&mut self, relation: Relation, a: At, b: At) -> Result<Truth> {
        let args = vec![self.factors(a)?, self.factors(b)?];
        let (nodes, order) = self.b.operands(args);
        let (comparison, flip, negated) = match relation {
            Relation::Greater => (Comparison::Greater, false, false),
            Relation::GreaterEqual => (Comparison::GreaterEqual, false, false),
            Relation::Less => (Comparison::Greater, true, false),
            Relation::LessEqual => (Comparison::GreaterEqual, true, false),
            Relation::Equal => (Comparison::Equal, false, false),
            Relation::NotEqual => (Comparison::Equal, false, true),
        };
        let (left, right) = if flip { (nodes[1], nodes[0]) } else { (nodes[0], nodes[1]) };
        let node = self.b.g.compare(comparison, left, right)?;
        let at = order.iter().map(|&l| Term::label(Label(l))).collect();
        Ok(Truth::of(Cond::Holds(node, at, negated)))
    }

    fn iverson(&mut self, condition: At) -> Result<Value> {
        let mut terms: Vec<Factors> = self.truth(condition)?.0.iter().map(|c| Factors::under(c)).collect();
        Ok(match terms.len() {
            0 => Value::Number(Rational::ZERO),
            1 => Value::Real(terms.remove(0)),
            _ => Value::Sum(terms),
        })
    }

    /// `a if c else b`: a selection where a comparison covers all axes, else a sum of guarded terms.
    fn choice(&mut self, a: At, c: At, b: At) -> Result<Value> {
        let truth = self.truth(c)?;
        let (a, b) = (self.factors(a)?, self.factors(b)?);
        if let Some(selected) = self.select(&truth, &a, &b)? {
            return Ok(Value::Real(selected));
        }
        let fails = self.within_clauses(c, truth.not())?;
        let mut terms = Vec::new();
        for (branch, clauses) in [(a, truth), (b, fails)] {
            for clause in clauses.0.iter().filter(|_| !branch.coefficient.is_zero()) {
                let mut term = branch.clone();
                term.times(Factors::under(clause));
                terms.push(term);
            }
        }
        Ok(match terms.len() {
            0 => Value::Number(Rational::ZERO),
            1 => Value::Real(terms.remove(0)),
            _ => Value::Sum(terms),
        })
    }

    fn select(&mut self, truth: &Truth, a: &Factors, b: &Factors) -> Result<Option<Factors>> {
        let [clause] = &truth.0[..] else { return Ok(None) };
        let [Cond::Holds(p, at, negated)] = &clause[..] else { return Ok(None) };
        if a.coefficient.is_zero() || b.coefficient.is_zero() {
            return Ok(None);
        }
        let Some(order) = plain_letters(at) else { return Ok(None) };
        let covered = a.letters().iter().chain(&b.letters()).all(|l| order.contains(l));
        if !covered {
            return Ok(None);
        }
        let a = self.b.factors_node(a.clone(), &order);
        let b = self.b.factors_node(b.clone(), &order);
        let (a, b) = if *negated { (b, a) } else { (a, b) };
        let node = self.b.g.select(*p, a, b)?;
        Ok(Some(Factors::node(node, &order)))
    }

    // ---------------------------------------------------------------- the result

    fn root(&mut self) -> Result<NodeId> {
        let at = self.tree.root;
        let order: Vec<u32> = (0..self.b.free as u32).collect();
        let value = self.take(at);
        let whole = |at: &[Term]| plain_letters(at).is_some_and(|l| l == order);
        match &value {
            Value::Truth(truth) => {
                if let [clause] = &truth.0[..]
                    && let [Cond::Holds(node, at, negated)] = &clause[..]
                    && whole(at)
                {
                    let node = *node;
                    return if *negated {
                        self.b.g.logic(crate::graph::op::Logic::Not, &[node])
                    } else {
                        Ok(node)
                    };
                }
            }
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
            return Ok(self.b.sum_node(terms, &order));
        }
        let factors = self.b.single(terms);
        Ok(self.b.factors_node(factors, &order))
    }
}

fn compare_numbers(relation: Relation, a: &Rational, b: &Rational) -> bool {
    match relation {
        Relation::Less => a < b,
        Relation::LessEqual => a <= b,
        Relation::Greater => a > b,
        Relation::GreaterEqual => a >= b,
        Relation::Equal => a == b,
        Relation::NotEqual => a != b,
    }
}

fn compare_terms(relation: Relation, a: Term, b: Term) -> Option<Truth> {
    let one = Term::constant(1);
    Some(match relation {
        Relation::Less => Truth::of(Cond::NonNegative(b - a - one)),
        Relation::LessEqual => Truth::of(Cond::NonNegative(b - a)),
        Relation::Greater => Truth::of(Cond::NonNegative(a - b - one)),
        Relation::GreaterEqual => Truth::of(Cond::NonNegative(a - b)),
        Relation::Equal => Truth::of(Cond::delta(a, b)),
        Relation::NotEqual => return Truth::of(Cond::delta(a, b)).not(),
    })
}
