//! Constructors that are one contraction each: products, transposes, slices, concatenation, gather, convolution.
//!
//! The first line of each gives its index form; none of them needs a rule of its own.

use super::shapes::{
    expect_axis, expect_equal_extents, expect_extents, expect_labels_inside, expect_rank, l,
};
use crate::error::{Error, Result};
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::index::{Facts, Term};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::{DType, Dim, Type};

/// Instances of the contraction.
impl Graph {
    /// `y[o] = 1`
    pub fn ones(&mut self, shape: &[Dim]) -> NodeId {
        self.intern_product(Product::one(shape.iter().cloned()))
    }

    /// `y[o] = x` for a number `x`; truth values broadcast by comparison with themselves are not needed.
    pub fn broadcast(&mut self, x: NodeId, shape: &[Dim]) -> NodeId {
        if !self.contains(x) {
            return x;
        }
        let mut product = Product::one(shape.iter().cloned());
        product.accesses.push(Access::new(x, []));
        self.intern_product(product)
    }

    /// `y[i,j] = delta(i,j)` over a square shape, batch axes first.
    ///
    /// # Errors
    /// [`Error::ExtentsDiffer`] when the last two axes differ.
    pub fn eye(&mut self, shape: &[Dim]) -> Result<NodeId> {
        let rank = shape.len();
        if rank < 2 {
            let found = Type::real(shape.iter().cloned());
            return Err(Error::Rank { operation: "eye", expected: "two axes", found });
        }
        expect_equal_extents("eye", &shape[rank - 2], &shape[rank - 1])?;
        let product = Product::one(shape.iter().cloned()).when(Cond::delta(l(rank - 2), l(rank - 1)));
        Ok(self.product(product))
    }

    /// `y[t…,i] = delta(i, t)`: one row for each label.
    ///
    /// # Errors
    /// [`Error::Entries`] unless the labels are integers.
    pub fn one_hot(&mut self, labels: NodeId, extent: &Dim) -> Result<NodeId> {
        expect_labels_inside(self, "onehot", labels, extent)?;
        let rank = self.rank(labels);
        let mut shape = self.ty(labels).shape.clone();
        shape.push(extent.clone());
        let element = Term::element(labels, (0..rank).map(l));
        Ok(self.product(Product::one(shape).when(Cond::delta(l(rank), element))))
    }

    /// `y[i…,k…] = Σ_j a[i…,j] b[j,k…]`: last axis of the left with the first axis of the right.
    ///
    /// # Errors
    /// [`Error::ExtentsDiffer`], [`Error::Rank`] for numbers, [`Error::Entries`].
    pub fn dot(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.expect_nodes(&[a, b])?;
        let (ra, rb) = (self.rank(a), self.rank(b));
        for x in [a, b] {
            self.expect_entries("@", x, DType::Real)?;
            if self.rank(x) == 0 {
                return Err(Error::Rank {
                    operation: "@",
                    expected: "at least one axis",
                    found: self.ty(x).clone(),
                });
            }
        }
        let (left, right) = (self.shape(a)[ra - 1].clone(), self.shape(b)[0].clone());
        expect_equal_extents("@", &left, &right)?;
        let free = self.shape(a)[..ra - 1].iter().chain(&self.shape(b)[1..]).cloned();
        let mut product = Product::one(free);
        let j = Term::label(product.bind(left));
        product.accesses.push(Access::new(a, (0..ra - 1).map(l).chain([j.clone()])));
        product.accesses.push(Access::new(b, std::iter::once(j).chain((ra - 1..ra + rb - 2).map(l))));
        Ok(self.product(product))
    }

    /// `y[i…,k…] = a[i…] b[k…]`
    ///
    /// # Errors
    /// [`Error::Entries`].
    pub fn outer(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.expect_entries("outer", a, DType::Real)?;
        self.expect_entries("outer", b, DType::Real)?;
        let (ra, rb) = (self.rank(a), self.rank(b));
        let product = Product::one(self.shape(a).iter().chain(self.shape(b)).cloned());
        Ok(self.product(product.times(Access::whole(a, ra, 0)).times(Access::whole(b, rb, ra))))
    }

    /// `y[i*p + k, j*q + l] = a[i,j] b[k,l]`
    ///
    /// # Errors
    /// [`Error::Rank`] unless both are matrices.
    pub fn kron(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.expect_entries("kron", a, DType::Real)?;
        self.expect_entries("kron", b, DType::Real)?;
        expect_rank(self, "kron", a, 2, "two matrices")?;
        expect_rank(self, "kron", b, 2, "two matrices")?;
        let (sa, sb) = (self.ty(a).shape.clone(), self.ty(b).shape.clone());
        let shape: Vec<Dim> = (0..2).map(|k| sa[k].clone() * sb[k].clone()).collect();
        let facts = Facts { extents: &shape, gone: &[], below: &|_| None };
        let left: Vec<Term> = (0..2).map(|k| l(k).quotient(&sb[k], &facts)).collect();
        let right: Vec<Term> = (0..2).map(|k| l(k).remainder(&sb[k], &facts)).collect();
        let product = Product::one(shape).times(Access::new(a, left)).times(Access::new(b, right));
        Ok(self.product(product))
    }

    /// Axis `k` of the result is axis `order[k]` of `x`.
    ///
    /// # Errors
    /// [`Error::Axis`] unless `order` is a permutation of the axes.
    pub fn transpose(&mut self, x: NodeId, order: &[usize]) -> Result<NodeId> {
        self.expect_nodes(&[x])?;
        let rank = self.rank(x);
        let mut at = vec![None; rank];
        for (to, &from) in order.iter().enumerate() {
            expect_axis(self, "transpose", x, from)?;
            at[from] = Some(l(to));
        }
        let at: Option<Vec<Term>> = at.into_iter().collect();
        let Some(at) = at.filter(|_| order.len() == rank) else {
            return Err(Error::Rank {
                operation: "transpose",
                expected: "each axis once",
                found: self.ty(x).clone(),
            });
        };
        let shape: Vec<Dim> = order.iter().map(|&k| self.shape(x)[k].clone()).collect();
        self.view(x, shape, at, [])
    }

    /// The last two axes exchanged; vectors stay as they are.
    ///
    /// # Errors
    /// None for tensors with any number of axes.
    pub fn t(&mut self, x: NodeId) -> Result<NodeId> {
        self.expect_nodes(&[x])?;
        let rank = self.rank(x);
        let mut order: Vec<usize> = (0..rank).collect();
        if rank > 1 {
            order.swap(rank - 1, rank - 2);
        }
        self.transpose(x, &order)
    }

    /// `y[o] = x[at(o)] · [conds]`, for real and for integer or Boolean operands where nothing but reading happens.
    pub(crate) fn view(
        &mut self,
        x: NodeId,
        shape: Vec<Dim>,
        at: Vec<Term>,
        conds: impl IntoIterator<Item = Cond>,
    ) -> Result<NodeId> {
        self.expect_entries("index", x, DType::Real)?;
        expect_extents("index", &shape)?;
        let mut product = Product::one(shape).times(Access::new(x, at));
        product.conds.extend(conds);
        Ok(self.product(product))
    }

    /// `y[…] = Σ_k x[…,k,…]` over the given axes.
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn sum_axes(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        self.expect_entries("sum", x, DType::Real)?;
        for &axis in axes {
            expect_axis(self, "sum", x, axis)?;
        }
        let rank = self.rank(x);
        let shape = self.ty(x).shape.clone();
        let kept: Vec<usize> = (0..rank).filter(|k| !axes.contains(k)).collect();
        let mut product = Product::one(kept.iter().map(|&k| shape[k].clone()));
        let at: Vec<Term> = (0..rank)
            .map(|axis| match kept.iter().position(|&k| k == axis) {
                Some(place) => l(place),
                None => Term::label(product.bind(shape[axis].clone())),
            })
            .collect();
        product.accesses.push(Access::new(x, at));
        Ok(self.product(product))
    }

    /// The sum of all entries.
    ///
    /// # Errors
    /// [`Error::Entries`].
    pub fn sum_all(&mut self, x: NodeId) -> Result<NodeId> {
        self.expect_nodes(&[x])?;
        let axes: Vec<usize> = (0..self.rank(x)).collect();
        self.sum_axes(x, &axes)
    }

    /// `Σ_i x[i,i]`
    ///
    /// # Errors
    /// [`Error::Rank`], [`Error::ExtentsDiffer`].
    pub fn trace(&mut self, x: NodeId) -> Result<NodeId> {
        let diagonal = self.diagonal(x)?;
        self.sum_all(diagonal)
    }

    /// `y[i] = x[i,i]`
    ///
    /// # Errors
    /// [`Error::Rank`], [`Error::ExtentsDiffer`].
    pub fn diagonal(&mut self, x: NodeId) -> Result<NodeId> {
        expect_rank(self, "diagonal", x, 2, "a matrix")?;
        let (m, n) = (self.shape(x)[0].clone(), self.shape(x)[1].clone());
        expect_equal_extents("diagonal", &m, &n)?;
        self.view(x, vec![m], vec![l(0), l(0)], [])
    }

    /// `y[i,j] = delta(i,j) x[i]`
    ///
    /// # Errors
    /// [`Error::Rank`].
    pub fn diag(&mut self, x: NodeId) -> Result<NodeId> {
        expect_rank(self, "diag", x, 1, "a vector")?;
        let n = self.shape(x)[0].clone();
        self.view(x, vec![n.clone(), n], vec![l(0)], [Cond::delta(l(0), l(1))])
    }

    /// `y[…,i,…] = x[…, start + step*i, …]` with `extent` entries along `axis` (`step` may be negative).
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::OutOfRange`] when fixed positions leave the axis.
    pub fn slice(&mut self, x: NodeId, axis: usize, start: &Dim, step: i64, extent: &Dim) -> Result<NodeId> {
        expect_axis(self, "slice", x, axis)?;
        let whole = self.shape(x)[axis].clone();
        let last = start.clone() + (extent.clone() - Dim::ONE) * Dim::fixed(step);
        if extent.as_fixed() != Some(0) {
            for position in [start.as_fixed(), last.as_fixed()].into_iter().flatten() {
                if let Some(n) = whole.as_fixed()
                    && !(0..n).contains(&position)
                {
                    return Err(Error::OutOfRange { name: String::new(), position, extent: n });
                }
            }
        }
        let mut shape: Vec<Dim> = self.shape(x).to_vec();
        shape[axis] = extent.clone();
        let rank = self.rank(x);
        let at = (0..rank)
            .map(|k| {
                if k == axis { l(k).scaled(&Dim::fixed(step)) + Term::constant(start.clone()) } else { l(k) }
            })
            .collect();
        self.view(x, shape, at, [])
    }

    /// `y[…,i,…] = x[…, n-1-i, …]`
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn reverse(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        expect_axis(self, "reverse", x, axis)?;
        let n = self.shape(x)[axis].clone();
        self.slice(x, axis, &(n.clone() - Dim::ONE), -1, &n)
    }

    /// `y[…,i,…] = x[…, i - low, …]` inside, 0 in the `low` entries before and the `high` entries after.
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn pad(&mut self, x: NodeId, axis: usize, low: &Dim, high: &Dim) -> Result<NodeId> {
        expect_axis(self, "pad", x, axis)?;
        let mut shape: Vec<Dim> = self.shape(x).to_vec();
        let n = shape[axis].clone();
        shape[axis] = low.clone() + n.clone() + high.clone();
        let inner = l(axis) - Term::constant(low.clone());
        let conds = [
            Cond::NonNegative(inner.clone()),
            Cond::NonNegative(Term::constant(n - Dim::ONE) - inner.clone()),
        ];
        let at = (0..self.rank(x)).map(|k| if k == axis { inner.clone() } else { l(k) }).collect();
        self.view(x, shape, at, conds)
    }

    /// The operands one after the other along `axis`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::ShapesDiffer`], [`Error::Arity`] for no operands.
    pub fn concat(&mut self, parts: &[NodeId], axis: usize) -> Result<NodeId> {
        let Some(&first) = parts.first() else {
            return Err(Error::Arity { operation: "concat".into(), expected: 1, found: 0 });
        };
        let total = parts.iter().try_fold(Dim::ZERO, |n, &p| {
            expect_axis(self, "concat", p, axis)?;
            let agrees =
                (0..self.rank(first)).all(|k| k == axis || self.shape(p).get(k) == self.shape(first).get(k));
            if !agrees || self.rank(p) != self.rank(first) {
                let (left, right) = (self.ty(first).clone(), self.ty(p).clone());
                return Err(Error::ShapesDiffer { operation: "concat", left, right });
            }
            Ok(n + self.shape(p)[axis].clone())
        })?;
        let mut low = Dim::ZERO;
        let mut terms = Vec::with_capacity(parts.len());
        for &part in parts {
            let n = self.shape(part)[axis].clone();
            let padded = self.pad(part, axis, &low, &(total.clone() - low.clone() - n.clone()))?;
            terms.push((Rational::from(1), padded));
            low = low + n;
        }
        let mut shape = self.ty(first).shape.clone();
        shape[axis] = total;
        self.sum(&terms, Type::real(shape))
    }

    /// The same entries in row-major order under another shape.
    ///
    /// # Errors
    /// [`Error::ExtentsDiffer`] unless the numbers of entries are the same polynomial.
    pub fn reshape(&mut self, x: NodeId, shape: &[Dim]) -> Result<NodeId> {
        self.expect_nodes(&[x])?;
        let from = self.ty(x).shape.clone();
        let count = |s: &[Dim]| s.iter().cloned().fold(Dim::ONE, |n, d| n * d);
        expect_equal_extents("reshape", &count(&from), &count(shape))?;
        // Counts that saturated are equal without being the same.
        if count(shape).as_fixed() == Some(i64::MAX) {
            return Err(Error::TooLarge { entries: i128::from(i64::MAX), limit: i128::from(i64::MAX) - 1 });
        }
        let facts = Facts { extents: shape, gone: &[], below: &|_| None };
        let mut position = Term::constant(0);
        for (k, d) in shape.iter().enumerate() {
            position = position.scaled(d) + l(k);
        }
        // Peel the axes of the operand off the position, last axis first.
        let mut at = Vec::with_capacity(from.len());
        for (k, d) in from.iter().enumerate().rev() {
            at.push(if k == 0 { position.clone() } else { position.clone().remainder(d, &facts) });
            position = position.quotient(d, &facts);
        }
        at.reverse();
        self.view(x, shape.to_vec(), at, [])
    }

    /// `y[t…,j…] = x[t,j…]`: rows of `x` at integer labels.
    ///
    /// # Errors
    /// [`Error::Axis`] for a number, [`Error::Entries`] unless the labels are integers, [`Error::LabelRange`] unless
    /// they are declared to stay inside the axis.
    pub fn gather(&mut self, x: NodeId, labels: NodeId) -> Result<NodeId> {
        expect_axis(self, "gather", x, 0)?;
        expect_labels_inside(self, "gather", labels, &self.shape(x)[0])?;
        let (rt, rx) = (self.rank(labels), self.rank(x));
        let shape = self.shape(labels).iter().chain(&self.shape(x)[1..]).cloned().collect();
        let element = Term::element(labels, (0..rt).map(l));
        let at = std::iter::once(element).chain((rt..rt + rx - 1).map(l)).collect();
        self.view(x, shape, at, [])
    }

    /// `y[i,j…] = Σ_t delta(i, labels[t]) x[t,j…]`: rows added at integer labels.
    ///
    /// # Errors
    /// [`Error::Entries`], [`Error::ExtentsDiffer`].
    pub fn scatter_add(&mut self, x: NodeId, labels: NodeId, extent: &Dim) -> Result<NodeId> {
        expect_labels_inside(self, "scatter_add", labels, extent)?;
        self.expect_entries("scatter_add", x, DType::Real)?;
        let (rt, rx) = (self.rank(labels), self.rank(x));
        for k in 0..rt {
            expect_axis(self, "scatter_add", x, k)?;
            expect_equal_extents("scatter_add", &self.shape(labels)[k].clone(), &self.shape(x)[k].clone())?;
        }
        let rest = self.shape(x)[rt..].to_vec();
        let mut product = Product::one(std::iter::once(extent.clone()).chain(rest));
        let bound: Vec<Term> = (0..rt).map(|k| Term::label(product.bind(self.shape(x)[k].clone()))).collect();
        let at = bound.iter().cloned().chain((1..1 + rx - rt).map(l));
        product.accesses.push(Access::new(x, at));
        product.conds.push(Cond::delta(l(0), Term::element(labels, bound)));
        Ok(self.product(product))
    }

    /// `y[…,i,…] = Σ_{k ≤ i} x[…,k,…]`
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn cumsum(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.expect_entries("cumsum", x, DType::Real)?;
        expect_axis(self, "cumsum", x, axis)?;
        let mut product = Product::one(self.shape(x).iter().cloned());
        let k = Term::label(product.bind(self.shape(x)[axis].clone()));
        let at: Vec<Term> = (0..self.rank(x)).map(|a| if a == axis { k.clone() } else { l(a) }).collect();
        Ok(self.product(product.times(Access::new(x, at)).when(Cond::NonNegative(l(axis) - k))))
    }

    /// `y[i] = Σ_j k[j] x[i + j]`, without padding: `n - m + 1` entries.
    ///
    /// # Errors
    /// [`Error::Rank`] unless both are vectors, [`Error::OutOfRange`] when the kernel is longer than the signal.
    pub fn convolve(&mut self, x: NodeId, kernel: NodeId) -> Result<NodeId> {
        self.expect_entries("conv", x, DType::Real)?;
        self.expect_entries("conv", kernel, DType::Real)?;
        expect_rank(self, "conv", x, 1, "two vectors")?;
        expect_rank(self, "conv", kernel, 1, "two vectors")?;
        let (n, m) = (self.shape(x)[0].clone(), self.shape(kernel)[0].clone());
        let extent = n.clone() - m.clone() + Dim::ONE;
        if let (Some(e), Some(n)) = (extent.as_fixed(), n.as_fixed())
            && e < 0
        {
            return Err(Error::OutOfRange { name: String::new(), position: n - e, extent: n });
        }
        let mut product = Product::one([extent]);
        let j = Term::label(product.bind(m));
        Ok(self.product(product.times(Access::new(x, [l(0) + j.clone()])).times(Access::new(kernel, [j]))))
    }
}
