//! Composites: functions with a name, a body of primitives, and a stated entry or a kernel of their own.
//!
//! The body is the meaning. The entry is checked against the one derived from the body, the kernel against the
//! evaluated body; both exist for stability or speed and never change what is meant.

use super::Primitive;
use super::shapes::distinct;
use crate::error::{Error, Result};
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::function::Function;
use crate::graph::op::{Op, Reduction};
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::ops::map::{EXP, LOG, RECIP};
use crate::rational::Rational;
use crate::scalar::Scalar;
use crate::shape::{DType, Type};
use crate::tensor::Tensor;
use std::sync::Arc;

/// A built-in function with identity.
pub struct Composite {
    /// What it has in common with every primitive; `None` entries are derived from the body.
    pub primitive: Primitive,
    /// Builds the body from formal inputs over the given axes.
    pub body: fn(&mut Graph, &[NodeId], &[usize]) -> Result<NodeId>,
    /// True when the primitive's entry is used; otherwise the body is opened.
    pub has_entry: bool,
}

/// `log Σ exp(x)`, shifted by the maximum.
pub static LOGSUMEXP: Composite = Composite {
    primitive: Primitive {
        name: "logsumexp",
        family: "Functions with a name and a stable value",
        about: "Logarithm of the sum of exponentials over axes; cannot overflow; -inf over an empty axis.",
        formula: "y[o] = log(sum(k, exp(x[o,k])))",
        derivative: "dy[o]/dx[i,k] = delta(o,i) * softmax(x)[i,k]",
        domain: "all reals",
        kinks: "none",
        entry: |g, y, _| {
            let x = g.arg(y, 0);
            let axes = axes_of(g, y);
            let s = g.softmax(x, &axes)?;
            let (out, rank) = (g.rank(y), g.rank(x));
            Ok(vec![kept(g, y, x, &axes).times(Access::whole(s, rank, out))])
        },
    },
    body: |g, x, axes| {
        let e = g.map_plain(&EXP, &[x[0]]);
        let total = g.sum_axes(e, axes)?;
        Ok(g.map_plain(&LOG, &[total]))
    },
    has_entry: true,
};

/// `exp(x) / Σ exp(x)`, shifted by the maximum.
pub static SOFTMAX: Composite = Composite {
    primitive: Primitive {
        name: "softmax",
        family: "Functions with a name and a stable value",
        about: "Exponentials divided by their sum over axes; cannot overflow.",
        formula: "y[o] = exp(x[o]) / sum(k, exp(x[k]))",
        derivative: "dy[o]/dx[i] = y[o] * (delta(o,i) - y[i])",
        domain: "all reals",
        kinks: "none",
        entry: |g, y, _| {
            let x = g.arg(y, 0);
            let axes = axes_of(g, y);
            let rank = g.rank(x);
            let own = Access::whole(y, rank, 0);
            let diagonal = super::deltas(g, y, x, (0..rank).map(|a| (a, a))).times(own.clone());
            let other = Access::whole(y, rank, rank);
            let rest = kept_pairs(g, y, x, &axes).times(own).times(other).scaled(&Rational::from(-1));
            Ok(vec![diagonal, rest])
        },
    },
    body: |g, x, axes| {
        let e = g.map_plain(&EXP, &[x[0]]);
        let total = g.sum_axes(e, axes)?;
        let inverse = g.map_plain(&RECIP, &[total]);
        let spread = g.restore_axes(inverse, x[0], axes)?;
        let rank = g.rank(e);
        let product = Product::of(e, &g.ty(e).shape.clone()).times(Access::whole(spread, rank, 0));
        Ok(g.intern_product(product))
    },
    has_entry: true,
};

/// `x − log Σ exp(x)`, shifted by the maximum.
pub static LOG_SOFTMAX: Composite = Composite {
    primitive: Primitive {
        name: "log_softmax",
        family: "Functions with a name and a stable value",
        about: "Argument minus its log-sum-exp over axes; cannot overflow.",
        formula: "y[o] = x[o] - log(sum(k, exp(x[k])))",
        derivative: "dy[o]/dx[i] = delta(o,i) - softmax(x)[i]",
        domain: "all reals",
        kinks: "none",
        entry: |g, y, _| {
            let x = g.arg(y, 0);
            let axes = axes_of(g, y);
            let rank = g.rank(x);
            let s = g.softmax(x, &axes)?;
            let diagonal = super::deltas(g, y, x, (0..rank).map(|a| (a, a)));
            let rest = kept_pairs(g, y, x, &axes).times(Access::whole(s, rank, rank));
            Ok(vec![diagonal, rest.scaled(&Rational::from(-1))])
        },
    },
    body: |g, x, axes| {
        let e = g.map_plain(&EXP, &[x[0]]);
        let total = g.sum_axes(e, axes)?;
        let log = g.map_plain(&LOG, &[total]);
        let spread = g.restore_axes(log, x[0], axes)?;
        g.sub(x[0], spread)
    },
    has_entry: true,
};

/// The product of all *other* entries along an axis, right with zeros among them.
pub static EXCLUSIVE_PROD: Composite = Composite {
    primitive: Primitive {
        name: "exclusive_prod",
        family: "Functions with a name and a stable value",
        about: "Product of all other entries along an axis; right with zeros among them.",
        formula: "y[o,k] = prod(l != k, x[o,l])",
        derivative: "from the body: prod(l, 1 if l == k else x[o,l])",
        domain: "all reals",
        kinks: "none",
        entry: |_, _, _| unreachable!("invariant: opened before it is differentiated"),
    },
    body: |g, x, axes| {
        // e[…,k,…,l] = x[…,l,…] for l != k, else 1; y[…,k,…] = prod(l, e)
        let (x, axis) = (x[0], axes[0]);
        let rank = g.rank(x);
        let mut shape = g.shape(x).to_vec();
        shape.push(shape[axis].clone());
        let (k, other) = (Term::label(Label(axis as u32)), Term::label(Label(rank as u32)));
        let at: Vec<Term> =
            (0..rank).map(|a| if a == axis { other.clone() } else { Term::label(Label(a as u32)) }).collect();
        let one = Term::constant(1);
        let entry = Product::one(shape.clone());
        let below = entry.clone().times(Access::new(x, at.clone()));
        let below = below.when(Cond::NonNegative(k.clone() - other.clone() - one.clone()));
        let above = entry.clone().times(Access::new(x, at));
        let above = above.when(Cond::NonNegative(other.clone() - k.clone() - one));
        let own = entry.when(Cond::delta(k, other));
        let mut terms = Vec::new();
        for product in [below, above, own] {
            terms.push((Rational::from(1), g.product(product)));
        }
        let entries = g.sum(&terms, crate::shape::Type::real(shape))?;
        g.reduce(Reduction::Prod, entries, rank)
    },
    has_entry: false,
};

/// Every composite; a function stores its position here.
pub static COMPOSITES: &[&Composite] = &[&LOGSUMEXP, &SOFTMAX, &LOG_SOFTMAX, &EXCLUSIVE_PROD];

/// A composite as a function of formals of the given types.
fn function_of(id: u16, types: &[Type], axes: &[usize]) -> Result<Function> {
    let composite = COMPOSITES[usize::from(id)];
    let mut body = Graph::new();
    let mut formals = Vec::with_capacity(types.len());
    for (k, ty) in types.iter().enumerate() {
        formals.push(body.input(["x", "a", "b"][k], ty.clone())?);
    }
    let output = (composite.body)(&mut body, &formals, axes)?;
    let name = composite.primitive.name.to_string();
    Ok(Function { name, composite: Some(id), axes: axes.to_vec(), body, formals, output })
}

/// True when a function is what the composite with this number makes of its formal and its axes.
pub(crate) fn is_body_of(id: u16, function: &Function) -> bool {
    let [formal] = function.formals[..] else { return false };
    let ty = function.body.ty(formal);
    let fits = usize::from(id) < COMPOSITES.len()
        && ty.dtype == DType::Real
        && distinct(&function.axes) == function.axes
        && function.axes.iter().all(|&axis| axis < ty.rank());
    // One that works along an axis has one.
    let fits =
        fits && (!std::ptr::eq(COMPOSITES[usize::from(id)], &EXCLUSIVE_PROD) || function.axes.len() == 1);
    fits && function_of(id, std::slice::from_ref(ty), &function.axes)
        .is_ok_and(|own| own.structural_hash() == function.structural_hash())
}

/// The axes that a composite node works over.
pub fn axes_of(g: &Graph, y: NodeId) -> Vec<usize> {
    g.as_named(y).map(|f| f.axes.clone()).unwrap_or_default()
}

/// `delta(o, i)` over the axes of `x` that a reduction over `axes` keeps.
fn kept(g: &Graph, y: NodeId, x: NodeId, axes: &[usize]) -> Product {
    let pairs: Vec<usize> = (0..g.rank(x)).filter(|a| !axes.contains(a)).collect();
    super::deltas(g, y, x, pairs.into_iter().enumerate())
}

/// `delta(o_a, i_a)` over the axes outside `axes`, for a result of the argument's shape.
fn kept_pairs(g: &Graph, y: NodeId, x: NodeId, axes: &[usize]) -> Product {
    let pairs: Vec<usize> = (0..g.rank(x)).filter(|a| !axes.contains(a)).collect();
    super::deltas(g, y, x, pairs.into_iter().map(|a| (a, a)))
}

impl Graph {
    /// A composite applied to operands over the given axes.
    fn composite(
        &mut self,
        composite: &'static Composite,
        args: &[NodeId],
        axes: &[usize],
    ) -> Result<NodeId> {
        for &a in args {
            self.expect_entries(composite.primitive.name, a, DType::Real)?;
            for &axis in axes {
                if axis >= self.rank(a) {
                    let found = self.ty(a).clone();
                    return Err(Error::Axis { operation: composite.primitive.name, axis, found });
                }
            }
        }
        let id =
            COMPOSITES.iter().position(|c| std::ptr::eq(*c, composite)).expect("invariant: listed") as u16;
        let types: Vec<Type> = args.iter().map(|&a| self.ty(a).clone()).collect();
        let function = function_of(id, &types, &distinct(axes))?;
        self.apply_shared(Arc::new(function), args)
    }

    /// The built-in composite with this number, over given axes.
    pub(crate) fn composite_over(&mut self, id: u16, args: &[NodeId], axes: &[usize]) -> Result<NodeId> {
        self.composite(COMPOSITES[usize::from(id)], args, axes)
    }

    /// A function applied to operands of its formals' types.
    ///
    /// # Errors
    /// [`Error::Body`] for a body that is not closed, [`Error::Arity`], [`Error::ShapesDiffer`].
    pub fn apply(&mut self, function: Function, args: &[NodeId]) -> Result<NodeId> {
        function.check()?;
        self.apply_shared(Arc::new(function), args)
    }

    /// As [`Graph::apply`], of a function whose body is known to be closed.
    pub(crate) fn apply_shared(&mut self, function: Arc<Function>, args: &[NodeId]) -> Result<NodeId> {
        if args.len() != function.formals.len() {
            return Err(Error::Arity {
                operation: function.name.clone(),
                expected: function.formals.len(),
                found: args.len(),
            });
        }
        self.expect_nodes(args)?;
        for (&formal, &a) in function.formals.iter().zip(args) {
            if function.body.ty(formal) != self.ty(a) {
                let (left, right) = (function.body.ty(formal).clone(), self.ty(a).clone());
                return Err(Error::ShapesDiffer { operation: "apply", left, right });
            }
        }
        let ty = function.ty().clone();
        let id = self.add_function(function);
        Ok(self.intern(Op::Named(id), args, ty))
    }

    /// `log Σ exp(x)` over the given axes, stable.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn logsumexp(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        self.composite(&LOGSUMEXP, &[x], axes)
    }

    /// `exp(x) / Σ exp(x)` over the given axes, stable.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn softmax(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        self.composite(&SOFTMAX, &[x], axes)
    }

    /// `x − log Σ exp(x)` over the given axes, stable.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn log_softmax(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        self.composite(&LOG_SOFTMAX, &[x], axes)
    }

    /// The product of all other entries along an axis.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Entries`].
    pub fn exclusive_prod(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.composite(&EXCLUSIVE_PROD, &[x], &[axis])
    }

    /// Axes and argument of a softmax node.
    pub(crate) fn as_softmax(&self, node: NodeId) -> Option<(Vec<usize>, NodeId)> {
        let f = self.as_named(node)?;
        (f.composite == Some(1)).then(|| (f.axes.clone(), self.arg(node, 0)))
    }
}

/// The kernel of a composite, if it has one; otherwise its body is evaluated.
pub(crate) fn evaluate<S: Scalar>(composite: u16, axes: &[usize], args: &[&Tensor<S>]) -> Option<Tensor<S>> {
    // Exact arithmetic has no rounding to avoid; the body says what is rational.
    if S::EXACT && composite != 3 {
        return None;
    }
    Some(match composite {
        0 => along(args[0], axes, true, |xs, out| out.push(log_sum_exp(xs))),
        1 => along(args[0], axes, false, |xs, out| {
            let top = maximum(xs);
            let e: Vec<S> = xs.iter().map(|x| ((*x).clone() - top.clone()).exp()).collect();
            let total = e.iter().fold(S::zero(), |s, e| s + e.clone());
            out.extend(e.into_iter().map(|e| e / total.clone()));
        }),
        2 => along(args[0], axes, false, |xs, out| {
            let top = maximum(xs);
            let total = xs.iter().fold(S::zero(), |s, x| s + ((*x).clone() - top.clone()).exp());
            let log = total.ln();
            out.extend(xs.iter().map(|x| (*x).clone() - top.clone() - log.clone()));
        }),
        3 => along(args[0], axes, false, |xs, out| {
            let mut suffix = vec![S::one(); xs.len() + 1];
            for k in (0..xs.len()).rev() {
                suffix[k] = xs[k].clone() * suffix[k + 1].clone();
            }
            let mut prefix = S::one();
            for (k, x) in xs.iter().enumerate() {
                out.push(prefix.clone() * suffix[k + 1].clone());
                prefix = prefix * (*x).clone();
            }
        }),
        _ => return None,
    })
}

fn maximum<S: Scalar>(xs: &[&S]) -> S {
    let mut best: Option<&S> = None;
    for x in xs {
        if x.is_nan() {
            return (*x).clone();
        }
        if best.is_none_or(|b| *x > b) {
            best = Some(x);
        }
    }
    best.cloned().unwrap_or_else(S::zero)
}

fn log_sum_exp<S: Scalar>(xs: &[&S]) -> S {
    if xs.is_empty() {
        return S::zero().ln();
    }
    let top = maximum(xs);
    if top.to_f64().is_infinite() {
        return top;
    }
    let total = xs.iter().fold(S::zero(), |s, x| s + ((*x).clone() - top.clone()).exp());
    top + total.ln()
}

/// Applies a kernel to every group of entries that differ only along `axes`.
fn along<S: Scalar>(
    x: &Tensor<S>,
    axes: &[usize],
    reduces: bool,
    kernel: impl Fn(&[&S], &mut Vec<S>),
) -> Tensor<S> {
    let shape = x.shape();
    let mut strides = vec![1usize; shape.len()];
    for k in (0..shape.len().saturating_sub(1)).rev() {
        strides[k] = strides[k + 1] * shape[k + 1];
    }
    let offsets = |chosen: &[usize]| {
        chosen.iter().fold(vec![0usize], |acc, &a| {
            let (extent, stride) = (shape[a], strides[a]);
            acc.iter().flat_map(|o| (0..extent).map(move |i| o + i * stride)).collect()
        })
    };
    let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
    let (outer, inner) = (offsets(&kept), offsets(axes));
    let mut out = Vec::new();
    let mut data: Vec<S> = if reduces { Vec::with_capacity(outer.len()) } else { x.data().to_vec() };
    for base in outer {
        let group: Vec<&S> = inner.iter().map(|o| &x.data()[base + o]).collect();
        out.clear();
        kernel(&group, &mut out);
        if reduces {
            data.append(&mut out);
        } else {
            for (o, value) in inner.iter().zip(out.drain(..)) {
                data[base + o] = value;
            }
        }
    }
    let shape: Vec<usize> = if reduces { kept.iter().map(|&a| shape[a]).collect() } else { shape.to_vec() };
    Tensor::new(&shape, data).expect("invariant: one entry for each position")
}
