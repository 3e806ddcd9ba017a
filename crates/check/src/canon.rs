//! The canonical form of a formula: the state of one proof, its budget, and what it may assume.

use crate::atom::{Atom, Atoms, Info};
use crate::exponent;
use crate::poly::{Poly, Terms};
use chainrule_core::form::{Access, Product};
use chainrule_core::index::{Facts, Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{Dim, Monomial};
use indexmap::{IndexMap, IndexSet};
use std::sync::Arc;
use std::time::Instant;

/// What a proof may use beyond the formulas.
#[derive(Clone, Default, Debug)]
pub(crate) struct Assumed {
    /// Inputs equal to their transposes.
    pub(crate) symmetric: IndexSet<Arc<str>>,
    /// Inputs whose entries are all above 0.
    pub(crate) positive: IndexSet<Arc<str>>,
    /// Square inputs with `A' A = 1`.
    pub(crate) orthogonal: IndexSet<Arc<str>>,
    /// Sizes replaced by others or by numbers.
    pub(crate) sizes: IndexMap<Arc<str>, Dim>,
    /// Bound labels of fixed extent are written out value by value.
    pub(crate) unroll: bool,
    /// Values of the entries of integer inputs, while written out.
    pub(crate) labels: IndexMap<(Arc<str>, Vec<i64>), i64>,
}

/// One proof.
pub(crate) struct Canon {
    pub(crate) atoms: Atoms,
    pub(crate) assumed: Assumed,
    /// Steps that may still be taken.
    pub(crate) fuel: usize,
    pub(crate) deadline: Option<Instant>,
    /// The budget ended before the form was reached: nothing follows from what was computed.
    pub(crate) exhausted: bool,
    /// Domain conditions that the algebra used, as printed.
    pub(crate) domain: IndexSet<String>,
}

/// More terms than this are not multiplied out; the sum stays one factor.
pub(crate) const WIDTH: usize = 4_000;

impl Canon {
    pub(crate) fn new(assumed: Assumed, fuel: usize, deadline: Option<Instant>) -> Canon {
        Canon { atoms: Atoms::default(), assumed, fuel, deadline, exhausted: false, domain: IndexSet::new() }
    }

    /// Takes one step; false when the budget is used up.
    pub(crate) fn spend(&mut self) -> bool {
        if self.fuel == 0 || self.exhausted {
            self.exhausted = true;
            return false;
        }
        self.fuel -= 1;
        if self.fuel.is_multiple_of(64) && self.deadline.is_some_and(|d| Instant::now() > d) {
            self.exhausted = true;
        }
        !self.exhausted
    }

    /// Takes a step for each few terms that are copied.
    pub(crate) fn spend_on(&mut self, terms: usize) -> bool {
        (0..=terms / 16).all(|_| self.spend())
    }

    /// An extent under the assumed sizes.
    pub(crate) fn dim(&self, dim: &Dim) -> Dim {
        if self.assumed.sizes.is_empty() || dim.as_fixed().is_some() {
            return dim.clone();
        }
        let mut total = Dim::ZERO;
        for (monomial, coefficient) in dim.monomials() {
            let mut product = Dim::fixed(coefficient);
            for (name, power) in monomial {
                let base = self.assumed.sizes.get(&name).cloned().unwrap_or_else(|| Dim::size(&name));
                for _ in 0..power {
                    product = product * base.clone();
                }
            }
            total = total + product;
        }
        total
    }

    /// Structural stand-in of an atom: equal atoms have equal numbers within one proof.
    pub(crate) fn hash(id: NodeId) -> u64 {
        (id.index() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&self, id: NodeId) -> Option<Dim> {
        self.atoms.info(id).below.clone()
    }

    /// `p · term`, the free labels of `term` read at `at`, its bound labels new ones.
    pub(crate) fn splice(&self, p: &Product, term: &Product, at: &[Term]) -> Product {
        let (base, free) = (p.extents.len(), term.free);
        let mut product = p.clone();
        product.extents.extend(term.extents[free..].iter().cloned());
        let below = |n: NodeId| self.below(n);
        let extents = product.extents.clone();
        let facts = Facts { extents: &extents, gone: &[], below: &below };
        let mut place = |t: &Term| {
            t.substitute(
                &mut |l| {
                    let l = l.0 as usize;
                    if l < free { at[l].clone() } else { Term::label(Label((base + l - free) as u32)) }
                },
                &facts,
            )
        };
        for a in &term.accesses {
            product.accesses.push(Access {
                node: a.node,
                at: a.at.iter().map(&mut place).collect(),
                power: a.power,
            });
        }
        product.conds.extend(term.conds.iter().map(|c| c.map(&mut place)));
        product.coefficient = &product.coefficient * &term.coefficient;
        product
    }

    /// `a · b` over the same axes.
    pub(crate) fn times(&mut self, a: &Poly, b: &Poly) -> Poly {
        let mut out = Poly::zero(&a.axes);
        let at = labels(a.axes.len());
        let right = b.products();
        for left in a.products() {
            if !self.spend_on(right.len()) {
                return out;
            }
            for r in &right {
                let product = self.splice(&left, r, &at);
                self.tidy(product, &mut out);
            }
        }
        out
    }

    /// A factor alone, over axes.
    pub(crate) fn factor(&mut self, axes: &[Dim], node: NodeId, at: Vec<Term>, power: u32) -> Poly {
        let mut product = Product::one(axes.iter().cloned());
        product.accesses.push(Access { node, at: at.into_iter().collect(), power });
        let mut out = Poly::zero(axes);
        self.tidy(product, &mut out);
        out
    }

    /// Stored terms read at `at`, as a polynomial over `axes`.
    pub(crate) fn instantiate(&mut self, terms: &Terms, at: &[Term], axes: &[Dim]) -> Poly {
        let mut out = Poly::zero(axes);
        let one = Product::one(axes.iter().cloned());
        for (m, c) in terms {
            let product = self.splice(&one, m, at).scaled(c);
            self.tidy(product, &mut out);
        }
        out
    }

    /// A size polynomial as a number.
    pub(crate) fn size(&mut self, axes: &[Dim], dim: &Dim) -> Poly {
        let dim = self.dim(dim);
        let mut out = Poly::zero(axes);
        for (monomial, coefficient) in dim.monomials() {
            let product = self.size_monomial(Product::one(axes.iter().cloned()), &monomial);
            self.tidy(product.scaled(&Rational::from(coefficient)), &mut out);
        }
        out
    }

    /// The product times a monomial of sizes.
    pub(crate) fn size_monomial(&mut self, mut product: Product, monomial: &Monomial) -> Product {
        for (name, power) in monomial {
            let info = Info { nonnegative: true, ..Info::default() };
            let node = self.atoms.intern(Atom::Size(name.clone()), info);
            let Some(power) = exponent::encode(&Rational::from(i64::from(*power))) else {
                self.exhausted = true;
                continue;
            };
            product.accesses.push(Access { node, at: Default::default(), power });
        }
        product
    }
}

/// The labels `0 .. rank` as terms.
pub(crate) fn labels(rank: usize) -> Vec<Term> {
    (0..rank).map(|k| Term::label(Label(k as u32))).collect()
}
