//! Values of formulas while they are built: factors first, nodes only when something needs one.

use super::Letter;
use super::logic::Truth;
use super::reads::Suspect;
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::{Dim, Type};
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// What a piece of a formula is worth.
pub(super) enum Value {
    /// An exact number, of indices or of reals.
    Number(Rational),
    /// An index term.
    Index(Term),
    /// A condition.
    Truth(Truth),
    /// A product of factors.
    Real(Factors),
    /// A sum of such products, not yet a node.
    Sum(Vec<Factors>),
}

/// A product over the letters of the equation; `bound` are summed.
#[derive(Clone)]
pub(super) struct Factors {
    pub(super) coefficient: Rational,
    pub(super) accesses: Vec<Access>,
    pub(super) conds: Vec<Cond>,
    pub(super) bound: Vec<u32>,
}

impl Factors {
    pub(super) fn number(coefficient: Rational) -> Factors {
        Factors { coefficient, accesses: Vec::new(), conds: Vec::new(), bound: Vec::new() }
    }

    pub(super) fn access(node: NodeId, at: impl IntoIterator<Item = Term>) -> Factors {
        Factors { accesses: vec![Access::new(node, at)], ..Factors::number(Rational::ONE) }
    }

    /// The node over the given letters.
    pub(super) fn node(node: NodeId, order: &[u32]) -> Factors {
        Factors::access(node, order.iter().map(|&l| Term::label(Label(l))))
    }

    pub(super) fn under(conds: &[Cond]) -> Factors {
        Factors { conds: conds.to_vec(), ..Factors::number(Rational::ONE) }
    }

    /// Multiplies; bound letters of an equation are all different, so none is captured.
    pub(super) fn times(&mut self, other: Factors) {
        self.coefficient = &self.coefficient * &other.coefficient;
        self.accesses.extend(other.accesses);
        self.conds.extend(other.conds);
        self.bound.extend(other.bound);
    }

    /// The letters that are read and not summed.
    pub(super) fn letters(&self) -> BTreeSet<u32> {
        let terms = self.accesses.iter().flat_map(|a| &a.at).chain(self.conds.iter().flat_map(|c| c.terms()));
        let mut letters = BTreeSet::new();
        terms.for_each(|t| t.each_label(&mut |l| letters.extend([l.0])));
        letters.retain(|l| !self.bound.contains(l));
        letters
    }

    /// The axes as letters, when this is one operand read at different letters.
    fn plain(&self) -> Option<(NodeId, Vec<u32>)> {
        let [access] = &self.accesses[..] else { return None };
        if !self.conds.is_empty() || !self.bound.is_empty() {
            return None;
        }
        Some((access.node, plain_letters(&access.at)?))
    }

    /// The `power`-th power without making a node, if there is one.
    pub(super) fn power(&self, power: u32) -> Option<Factors> {
        if !self.bound.is_empty() {
            return None;
        }
        let mut result = self.clone();
        result.coefficient = self.coefficient.pow(i32::try_from(power).ok()?)?;
        for access in &mut result.accesses {
            access.power = access.power.checked_mul(power).filter(|&p| i32::try_from(p).is_ok())?;
        }
        Some(result)
    }
}

/// The letters of terms that are plain and different.
pub(super) fn plain_letters(at: &[Term]) -> Option<Vec<u32>> {
    let letters: Option<Vec<u32>> = at.iter().map(|t| t.as_label().map(|l| l.0)).collect();
    letters.filter(|l| l.iter().collect::<BTreeSet<_>>().len() == l.len())
}

/// Makes nodes of values.
pub(super) struct Builder<'g> {
    pub(super) g: &'g mut Graph,
    pub(super) letters: Vec<Letter>,
    pub(super) free: usize,
    /// Reads that need a guard.
    pub(super) suspects: Vec<Suspect>,
}

impl Builder<'_> {
    pub(super) fn extent(&self, letter: u32) -> Dim {
        self.letters[letter as usize].extent.clone().expect("invariant: ranges were inferred before")
    }

    /// The order of axes of a node over all letters of `terms`: that of the left side, or of the operand that is
    /// read at all of them (the least by structure), or of binding. It never depends on names.
    pub(super) fn order(&self, terms: &[Factors]) -> Vec<u32> {
        if let [only] = terms
            && let Some((_, order)) = only.plain()
        {
            return order;
        }
        let mut all = BTreeSet::new();
        terms.iter().for_each(|t| all.extend(t.letters()));
        if all.len() > 1 && all.iter().any(|&l| l as usize >= self.free) {
            let accesses = terms.iter().flat_map(|t| t.accesses.iter().map(move |a| (a, &t.coefficient)));
            let covering = accesses
                .filter(|(a, _)| a.at.len() == all.len())
                .filter_map(|(a, c)| {
                    Some((self.g.structural_hash(a.node), a.power, c, plain_letters(&a.at)?))
                })
                .filter(|(.., order)| order.iter().all(|l| all.contains(l)));
            if let Some((.., order)) = covering.min() {
                return order;
            }
        }
        all.into_iter().collect()
    }

    /// The node of a product over axes `order`, which hold all its free letters.
    pub(super) fn factors_node(&mut self, factors: Factors, order: &[u32]) -> Result<NodeId> {
        self.check_reads(&factors)?;
        let labels: Vec<u32> = order.iter().chain(&factors.bound).copied().collect();
        let place: rustc_hash::FxHashMap<Label, Label> =
            labels.iter().enumerate().map(|(k, &l)| (Label(l), Label(k as u32))).collect();
        let product = Product {
            coefficient: factors.coefficient,
            extents: labels.iter().map(|&l| self.extent(l)).collect(),
            free: labels.len(),
            accesses: factors.accesses.into(),
            conds: factors.conds.into(),
        };
        let extents: SmallVec<[Dim; 4]> = product.extents.clone();
        let product = product.relabel(extents, order.len(), &|l| place[&l]);
        Ok(self.g.product(product))
    }

    /// The node of a sum of products over axes `order`.
    pub(super) fn sum_node(&mut self, terms: Vec<Factors>, order: &[u32]) -> Result<NodeId> {
        let mut nodes: Vec<(Rational, NodeId)> = Vec::with_capacity(terms.len());
        for term in terms {
            nodes.push((Rational::ONE, self.factors_node(term, order)?));
        }
        let shape: Vec<Dim> = order.iter().map(|&l| self.extent(l)).collect();
        Ok(self.g.sum_unchecked(&nodes, |_| Type::real(shape)))
    }

    /// A list of products as one product: a sum becomes a node over exactly the letters it uses.
    pub(super) fn single(&mut self, mut terms: Vec<Factors>) -> Result<Factors> {
        if terms.len() == 1 {
            return Ok(terms.remove(0));
        }
        let order = self.order(&terms);
        let node = self.sum_node(terms, &order)?;
        Ok(Factors::node(node, &order))
    }

    /// Several operands as nodes over the same axes.
    pub(super) fn operands(&mut self, args: Vec<Factors>) -> Result<(Vec<NodeId>, Vec<u32>)> {
        let order = self.order(&args);
        let mut nodes = Vec::with_capacity(args.len());
        for arg in args {
            nodes.push(self.factors_node(arg, &order)?);
        }
        Ok((nodes, order))
    }
}
