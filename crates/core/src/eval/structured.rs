//! Structured values: `Σ coefficient · Π deltas · Π dense factors`, each factor on a subset of the axes.
//!
//! The Jacobian of an elementwise function of n entries is one delta and n numbers; nothing of size n² exists until
//! somebody asks for the dense form.

use super::{Options, Store, contract, for_each_operand};
use crate::error::{Error, Result};
use crate::eval::Bindings;
use crate::form::product::Part;
use crate::form::{Cond, Product};
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::index::{Atom, Label, Term};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::scalar::Scalar;
use crate::shape::DType;
use crate::tensor::Tensor;

/// One term of a structured value.
#[derive(Clone, Debug, PartialEq)]
pub struct StructuredTerm<S> {
    /// Factor of the whole term.
    pub coefficient: S,
    /// Pairs of axes whose positions must be equal.
    pub deltas: Vec<(usize, usize)>,
    /// Dense tensors, each over the listed axes.
    pub factors: Vec<(Tensor<S>, Vec<usize>)>,
}

/// A value as a sum of structured terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Structured<S> {
    /// Extents of the axes.
    pub shape: Vec<usize>,
    /// The terms.
    pub terms: Vec<StructuredTerm<S>>,
}

impl<S: Scalar> Structured<S> {
    /// Numbers that are stored.
    pub fn stored(&self) -> usize {
        self.terms.iter().flat_map(|t| &t.factors).map(|(f, _)| f.data().len()).sum()
    }

    /// Writes the dense value, row-major, into a buffer of the right length.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the buffer is shorter than the value.
    pub fn to_dense_into(&self, buffer: &mut [S]) -> Result<()> {
        let count = self.shape.iter().fold(1i128, |n, &d| n * d as i128);
        if count > buffer.len() as i128 {
            return Err(Error::TooLarge { entries: count, limit: buffer.len() as i128 });
        }
        buffer[..count as usize].fill(S::zero());
        for term in &self.terms {
            self.add_term(term, buffer);
        }
        Ok(())
    }

    fn add_term(&self, term: &StructuredTerm<S>, buffer: &mut [S]) {
        // Axes joined by deltas share one counter.
        let rank = self.shape.len();
        let mut leader: Vec<usize> = (0..rank).collect();
        for &(a, b) in &term.deltas {
            let (from, to) = (leader[a].max(leader[b]), leader[a].min(leader[b]));
            leader.iter_mut().filter(|l| **l == from).for_each(|l| *l = to);
        }
        let extent =
            |l: usize| (0..rank).filter(|&k| leader[k] == l).map(|k| self.shape[k]).min().unwrap_or(0);
        let counters: Vec<usize> = (0..rank).filter(|&k| leader[k] == k).collect();
        if counters.iter().any(|&l| extent(l) == 0) {
            return;
        }
        let mut at = vec![0usize; rank];
        loop {
            let position = |axes: &[usize], shape: &[usize]| {
                axes.iter().zip(shape).fold(0, |n, (&a, &d)| n * d + at[leader[a]])
            };
            let value = term.factors.iter().fold(term.coefficient.clone(), |v, (f, axes)| {
                v * f.data()[position(axes, f.shape())].clone()
            });
            let all: Vec<usize> = (0..rank).collect();
            let slot = &mut buffer[position(&all, &self.shape)];
            *slot = slot.clone() + value;
            let Some(&k) = counters.iter().rev().find(|&&k| at[k] + 1 < extent(k)) else { return };
            at[k] += 1;
            counters.iter().filter(|&&j| j > k).for_each(|&j| at[j] = 0);
        }
    }
}

/// One term of a structured value, before it is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct StructuredNodes {
    /// Factor of the whole term.
    pub coefficient: Rational,
    /// Pairs of axes whose positions must be equal.
    pub deltas: Vec<(usize, usize)>,
    /// Nodes, each over the listed axes.
    pub factors: Vec<(NodeId, Vec<usize>)>,
}

impl Graph {
    /// The factors of a real node as nodes: what [`Graph::evaluate_structured`] evaluates, for other executors.
    ///
    /// # Errors
    /// [`Error::OtherGraph`], [`Error::Entries`].
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, shape::Type};
    /// let mut g = Graph::new();
    /// let (v, x) = (g.input("V", Type::real(["m", "n"]))?, g.input("x", Type::real(["n"]))?);
    /// let y = g.dot(v, x)?;
    /// let jacobian = g.jacobian(y, v)?;
    /// let terms = g.structure(jacobian)?; // delta(i,j) x[k]
    /// assert_eq!((&terms[0].deltas[..], &terms[0].factors[..]), (&[(0, 1)][..], &[(x, vec![2])][..]));
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn structure(&mut self, output: NodeId) -> Result<Vec<StructuredNodes>> {
        self.expect_nodes(&[output])?;
        self.expect_entries("structure", output, DType::Real)?;
        let mut terms = Vec::new();
        for (coefficient, product) in self.pieces(output) {
            let Split { deltas, led, mut groups } = split(&product);
            if led.conds.iter().any(|c| matches!(c, Cond::Holds(..))) && groups.len() > 1 {
                // A guard that stands apart would be a mask, and 0 · ∞ is not absent.
                let joined = groups.drain(..).reduce(|mut a, mut b| {
                    a.0.append(&mut b.0);
                    a.1.append(&mut b.1);
                    a
                });
                groups.extend(joined);
            }
            let mut factors = Vec::with_capacity(groups.len());
            for (axes, inner) in groups.into_iter().map(|(axes, parts)| over(&led, axes, parts)) {
                factors.push((self.intern_product(inner), axes));
            }
            terms.push(StructuredNodes { coefficient: &coefficient * &product.coefficient, deltas, factors });
        }
        Ok(terms)
    }

    /// The value of a real node with its deltas and outer products kept apart.
    ///
    /// # Errors
    /// As [`Graph::evaluate`].
    pub fn evaluate_structured<S: Scalar>(&self, output: NodeId, at: &Bindings<S>) -> Result<Structured<S>> {
        self.expect_nodes(&[output])?;
        self.expect_entries("evaluate_structured", output, DType::Real)?;
        let pieces = self.pieces(output);
        for access in pieces.iter().flat_map(|(_, product)| &product.accesses) {
            self.expect_entries("*", access.node, DType::Real)?;
        }
        let mut roots = Vec::new();
        for (_, product) in &pieces {
            for_each_operand(product, &mut |n, factor| {
                roots.push(if factor { super::divisor(self, n).unwrap_or(n) } else { n });
            });
        }
        // Inputs that only determine sizes are part of the bindings too.
        let mut store = Store::new(self, &[roots.clone(), vec![output]].concat(), at, &Options::default())?;
        roots.sort();
        roots.dedup();
        store.run(&roots, None)?;
        let shape: Vec<usize> = self.shape(output).iter().map(|d| store.extent(d)).collect::<Result<_>>()?;
        let mut terms = Vec::new();
        for (coefficient, product) in pieces {
            terms.push(structured_term(&mut store, &coefficient, &product)?);
        }
        Ok(Structured { shape, terms })
    }

    /// The node as a sum of products over its axes; a product with sums stays one factor.
    fn pieces(&self, output: NodeId) -> Vec<(Rational, Product)> {
        let piece = |c: Rational, node: NodeId| match self.op(node) {
            Op::Contract(_) => {
                let product = self.as_product(node);
                let plain = product.extents.len() == product.free && product.conds.iter().all(is_delta);
                let whole = || Product::of(node, self.shape(node));
                (c, if plain { product } else { whole() })
            }
            _ => (c, Product::of(node, self.shape(node))),
        };
        match self.op(output) {
            Op::Zero(_) => Vec::new(),
            Op::Sum(coefficients) => {
                coefficients.iter().zip(self.args(output)).map(|(c, a)| piece(c.clone(), a)).collect()
            }
            _ => vec![piece(Rational::from(1), output)],
        }
    }
}

/// A delta between two labels, or a predicate read at labels.
fn is_delta(cond: &Cond) -> bool {
    match cond {
        Cond::Zero(term) => delta_axes(term).is_some(),
        Cond::Holds(_, at, _) => at.iter().all(|t| t.as_label().is_some()),
        Cond::NonNegative(_) => false,
    }
}

fn delta_axes(term: &Term) -> Option<(usize, usize)> {
    match term.parts() {
        [(Atom::Label(a), c), (Atom::Label(b), d)] if term.offset().is_zero() => {
            (c.as_fixed() == Some(1) && d.as_fixed() == Some(-1)).then_some((a.0 as usize, b.0 as usize))
        }
        _ => None,
    }
}

/// A product with its deltas apart, and its parts in groups that share no axis.
struct Split {
    deltas: Vec<(usize, usize)>,
    /// The product without deltas, each axis written as the first of those it equals.
    led: Product,
    groups: Vec<(Vec<usize>, Vec<Part>)>,
}

fn split(product: &Product) -> Split {
    let deltas: Vec<(usize, usize)> = product
        .conds
        .iter()
        .filter_map(|c| match c {
            Cond::Zero(t) => delta_axes(t),
            _ => None,
        })
        .collect();
    let mut leader: Vec<usize> = (0..product.free).collect();
    for &(a, b) in &deltas {
        let (from, to) = (leader[a].max(leader[b]), leader[a].min(leader[b]));
        leader.iter_mut().filter(|l| **l == from).for_each(|l| *l = to);
    }
    let mut led = product.clone();
    led.conds.retain(|c| !matches!(c, Cond::Zero(_)));
    led.map_terms(&mut |t| {
        t.relabel(&|l| match leader.get(l.0 as usize) {
            Some(&leader) => Label(leader as u32),
            None => l,
        })
    });
    let mut groups: Vec<(Vec<usize>, Vec<Part>)> = Vec::new();
    for part in led.parts() {
        let mut axes = Vec::new();
        part.each_label(&mut |l| axes.push(l.0 as usize));
        let (mut joined, mut parts) = (axes, vec![part]);
        groups.retain_mut(|(theirs, members)| {
            let shares = theirs.iter().any(|a| joined.contains(a));
            if shares {
                joined.append(theirs);
                parts.append(members);
            }
            !shares
        });
        groups.push((joined, parts));
    }
    Split { deltas, led, groups }
}

/// Deltas apart, and one dense factor for each group of factors that share axes.
fn structured_term<S: Scalar>(
    store: &mut Store<'_, S>,
    coefficient: &Rational,
    product: &Product,
) -> Result<StructuredTerm<S>> {
    let Split { deltas, led, groups } = split(product);
    let guarded = led.conds.iter().any(|c| matches!(c, Cond::Holds(..)));
    let mut factors = dense_factors(store, &led, groups)?;
    if guarded && factors.len() > 1 && !factors.iter().all(|(f, _)| is_finite(f)) {
        // A guard that stands apart is a mask, and 0 · ∞ is not absent: one factor says what is.
        let all: Vec<Part> = led.parts().collect();
        let mut axes = Vec::new();
        all.iter().for_each(|part| part.each_label(&mut |l| axes.push(l.0 as usize)));
        factors = dense_factors(store, &led, vec![(axes, all)])?;
    }
    let scale = coefficient * &product.coefficient;
    Ok(StructuredTerm { coefficient: S::from_rational(&scale), deltas, factors })
}

/// A dense tensor, and the axes it is over.
type Factor<S> = (Tensor<S>, Vec<usize>);

/// The parts of each group multiplied, over the axes of the group.
fn dense_factors<S: Scalar>(
    store: &mut Store<'_, S>,
    led: &Product,
    groups: Vec<(Vec<usize>, Vec<Part>)>,
) -> Result<Vec<Factor<S>>> {
    let mut factors = Vec::new();
    for (axes, inner) in groups.into_iter().map(|(axes, parts)| over(led, axes, parts)) {
        factors.push((contract::evaluate(store, &inner)?, axes));
    }
    Ok(factors)
}

/// The parts of a group as a product over the axes of the group, which are listed.
fn over(led: &Product, mut axes: Vec<usize>, parts: Vec<Part>) -> (Vec<usize>, Product) {
    axes.sort_unstable();
    axes.dedup();
    let extents = axes.iter().map(|&a| led.extents[a].clone()).collect();
    let place = |l: Label| {
        Label(axes.iter().position(|&a| a == l.0 as usize).expect("invariant: an axis of the group") as u32)
    };
    let inner = led.with_parts(parts).relabel(extents, axes.len(), &place);
    (axes, inner)
}

fn is_finite<S: Scalar>(factor: &Tensor<S>) -> bool {
    factor.data().iter().all(|x| x.to_f64().is_finite())
}
