//! Methods over axes: products, reductions, views, positions, linear algebra.
//!
//! Axes are signed: -1 is the last. A method with `keep` leaves an axis of literal extent 1.

use super::{Expr, Extents, Origin, Place};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::op::{Linear, Reduction};
use crate::node::NodeId;
use crate::shape::Dim;
use std::panic::Location;

/// Products.
impl Expr {
    /// `y[i…,k…] = Σ_j a[i…,j] b[j,k…]`: last axis of the left with the first axis of the right.
    #[track_caller]
    pub fn dot(&self, other: &Expr) -> Expr {
        Expr::combine("@", &[self, other], Location::caller(), |g, n| g.dot(n[0], n[1]))
    }

    /// `y[i…,k…] = a[i…] b[k…]`
    #[track_caller]
    pub fn outer(&self, other: &Expr) -> Expr {
        Expr::combine("outer", &[self, other], Location::caller(), |g, n| g.outer(n[0], n[1]))
    }

    /// The Kronecker product of two matrices.
    #[track_caller]
    pub fn kron(&self, other: &Expr) -> Expr {
        Expr::combine("kron", &[self, other], Location::caller(), |g, n| g.kron(n[0], n[1]))
    }

    /// `y[i] = Σ_j k[j] x[i + j]`, without padding.
    #[track_caller]
    pub fn convolve(&self, kernel: &Expr) -> Expr {
        Expr::combine("conv", &[self, kernel], Location::caller(), |g, n| g.convolve(n[0], n[1]))
    }
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $all:ident $axis:ident $keep:ident $name:literal $make:expr;)*) => {
        /// Reductions: over all axes, over one, and over one that is kept with extent 1.
        impl Expr {$(
            $(#[$doc])*
            #[track_caller]
            pub fn $all(&self) -> Expr {
                Expr::combine($name, &[self], Location::caller(), |g, x| {
                    let axes: Vec<usize> = (0..g.rank(x[0])).collect();
                    ($make)(g, x[0], &axes)
                })
            }

            #[doc = concat!("As [`Expr::", stringify!($all), "`], over one axis.")]
            #[track_caller]
            pub fn $axis(&self, axis: i64) -> Expr {
                self.along($name, axis, Location::caller(), |g, x, axis| ($make)(g, x, &[axis]))
            }

            #[doc = concat!("As [`Expr::", stringify!($axis), "`]; the axis stays, with extent 1.")]
            #[track_caller]
            pub fn $keep(&self, axis: i64) -> Expr {
                self.along($name, axis, Location::caller(), |g, x, axis| {
                    let reduced = ($make)(g, x, &[axis])?;
                    g.insert_axis(reduced, axis)
                })
            }
        )*}
    };
}

reductions! {
    /// Sum of the entries.
    sum sum_axis sum_keep "sum" Graph::sum_axes;
    /// Mean of the entries; NaN of none.
    mean mean_axis mean_keep "mean" Graph::mean;
    /// Mean squared deviation from the mean.
    variance variance_axis variance_keep "variance" Graph::variance;
    /// Square root of the sum of squares.
    norm norm_axis norm_keep "norm" Graph::norm;
    /// `log Σ exp(x)`, shifted so that it cannot overflow.
    logsumexp logsumexp_axis logsumexp_keep "logsumexp" Graph::logsumexp;
    /// Largest entry; the first of equals takes the derivative.
    greatest greatest_axis greatest_keep "max" reduce(Reduction::Max);
    /// Smallest entry; the first of equals takes the derivative.
    least least_axis least_keep "min" reduce(Reduction::Min);
    /// Product of the entries.
    prod prod_axis prod_keep "prod" reduce(Reduction::Prod);
}

/// A reduction that the graph does over one axis, over several.
fn reduce(reduction: Reduction) -> impl Fn(&mut Graph, NodeId, &[usize]) -> Result<NodeId> {
    move |g, x, axes| axes.iter().rev().try_fold(x, |x, &axis| g.reduce(reduction, x, axis))
}

/// Operations along one axis that keep it.
impl Expr {
    /// `exp(x) / Σ exp(x)` along an axis.
    #[track_caller]
    pub fn softmax(&self, axis: i64) -> Expr {
        self.along("softmax", axis, Location::caller(), |g, x, axis| g.softmax(x, &[axis]))
    }

    /// `x − log Σ exp(x)` along an axis.
    #[track_caller]
    pub fn log_softmax(&self, axis: i64) -> Expr {
        self.along("log_softmax", axis, Location::caller(), |g, x, axis| g.log_softmax(x, &[axis]))
    }

    /// Running sums along an axis.
    #[track_caller]
    pub fn cumsum(&self, axis: i64) -> Expr {
        self.along("cumsum", axis, Location::caller(), Graph::cumsum)
    }

    /// Position of the largest entry along an axis, the first of equals.
    #[track_caller]
    pub fn argmax(&self, axis: i64) -> Expr {
        self.along("argmax", axis, Location::caller(), Graph::argmax)
    }

    /// Positions that sort an axis in ascending order.
    #[track_caller]
    pub fn argsort(&self, axis: i64) -> Expr {
        self.along("argsort", axis, Location::caller(), Graph::argsort)
    }

    /// Entries along an axis in ascending order.
    #[track_caller]
    pub fn sort(&self, axis: i64) -> Expr {
        self.along("sort", axis, Location::caller(), Graph::sort)
    }

    /// Entries along an axis from the last to the first.
    #[track_caller]
    pub fn reverse(&self, axis: i64) -> Expr {
        self.along("reverse", axis, Location::caller(), Graph::reverse)
    }

    /// `extent` entries along an axis from `start`.
    #[track_caller]
    pub fn slice(&self, axis: i64, start: impl Into<Dim>, extent: impl Into<Dim>) -> Expr {
        self.slice_step(axis, start, 1, extent)
    }

    /// `extent` entries along an axis, `start`, `start + step`, ….
    #[track_caller]
    pub fn slice_step(&self, axis: i64, start: impl Into<Dim>, step: i64, extent: impl Into<Dim>) -> Expr {
        let (start, extent) = (start.into(), extent.into());
        self.along("slice", axis, Location::caller(), |g, x, axis| g.slice(x, axis, &start, step, &extent))
    }

    /// Zeros before and after, along an axis.
    #[track_caller]
    pub fn pad(&self, axis: i64, before: impl Into<Dim>, after: impl Into<Dim>) -> Expr {
        let (before, after) = (before.into(), after.into());
        self.along("pad", axis, Location::caller(), |g, x, axis| g.pad(x, axis, &before, &after))
    }

    /// This and the others, one after the other along an axis.
    #[track_caller]
    pub fn concat(&self, others: &[&Expr], axis: i64) -> Expr {
        let at = Location::caller();
        let operands: Vec<&Expr> = std::iter::once(self).chain(others.iter().copied()).collect();
        match self.axis("concat", axis, at) {
            Some(axis) => Expr::combine("concat", &operands, at, |g, n| g.concat(n, axis)),
            None => self.builder.poison(Origin::Operation("concat", self.builder.path(), at)),
        }
    }
}

/// Views.
impl Expr {
    fn one(
        &self,
        operation: &'static str,
        at: Place,
        make: fn(&mut Graph, NodeId) -> Result<NodeId>,
    ) -> Expr {
        Expr::combine(operation, &[self], at, |g, x| make(g, x[0]))
    }

    /// The last two axes exchanged; vectors stay as they are.
    #[track_caller]
    pub fn t(&self) -> Expr {
        self.one("transpose", Location::caller(), Graph::t)
    }

    /// Axis `k` of the result is axis `order[k]`.
    #[track_caller]
    pub fn transpose(&self, order: &[usize]) -> Expr {
        Expr::combine("transpose", &[self], Location::caller(), |g, x| g.transpose(x[0], order))
    }

    /// The same entries in row-major order under another shape.
    #[track_caller]
    pub fn reshape(&self, shape: impl Extents) -> Expr {
        let shape = shape.extents();
        Expr::combine("reshape", &[self], Location::caller(), |g, x| g.reshape(x[0], &shape))
    }

    /// One more axis, of extent 1.
    #[track_caller]
    pub fn insert_axis(&self, axis: usize) -> Expr {
        Expr::combine("insert_axis", &[self], Location::caller(), |g, x| g.insert_axis(x[0], axis))
    }

    /// The number repeated over a shape.
    #[track_caller]
    pub fn broadcast(&self, shape: impl Extents) -> Expr {
        let shape = shape.extents();
        Expr::combine("broadcast", &[self], Location::caller(), |g, x| {
            g.expect_entries("broadcast", x[0], crate::shape::DType::Real)?;
            if g.rank(x[0]) > 0 {
                let found = g.ty(x[0]).clone();
                return Err(Error::Rank { operation: "broadcast", expected: "a number", found });
            }
            Ok(g.broadcast(x[0], &shape))
        })
    }

    /// `Σ_i x[i,i]`
    #[track_caller]
    pub fn trace(&self) -> Expr {
        self.one("trace", Location::caller(), Graph::trace)
    }

    /// `y[i] = x[i,i]`
    #[track_caller]
    pub fn diagonal(&self) -> Expr {
        self.one("diagonal", Location::caller(), Graph::diagonal)
    }

    /// `y[i,j] = delta(i,j) x[i]`
    #[track_caller]
    pub fn diag(&self) -> Expr {
        self.one("diag", Location::caller(), Graph::diag)
    }

    /// One row for each label: `y[t…,i] = delta(i, t)`.
    #[track_caller]
    pub fn one_hot(&self, extent: impl Into<Dim>) -> Expr {
        let extent = extent.into();
        Expr::combine("onehot", &[self], Location::caller(), |g, n| g.one_hot(n[0], &extent))
    }

    /// Rows added at integer labels.
    #[track_caller]
    pub fn scatter_add(&self, labels: &Expr, extent: impl Into<Dim>) -> Expr {
        let extent = extent.into();
        Expr::combine("scatter_add", &[self, labels], Location::caller(), |g, n| {
            g.scatter_add(n[0], n[1], &extent)
        })
    }
}

macro_rules! linear {
    ($($(#[$doc:meta])* $method:ident $kind:ident ($($right:ident)?) $name:literal;)*) => {
        /// Linear algebra on the last two axes.
        impl Expr {$(
            $(#[$doc])*
            #[track_caller]
            pub fn $method(&self $(, $right: &Expr)?) -> Expr {
                Expr::combine($name, &[self $(, $right)?], Location::caller(), |g, n| g.linear(Linear::$kind, n))
            }
        )*}
    };
}

linear! {
    /// `A⁻¹`
    inv Inverse () "inv";
    /// `X = A⁻¹ C`
    solve Solve (right) "solve";
    /// `X = L⁻¹ C` with the lower triangle.
    solve_lower SolveLower (right) "solve_lower";
    /// `X = U⁻¹ C` with the upper triangle.
    solve_upper SolveUpper (right) "solve_upper";
    /// `det A`
    det Det () "det";
    /// `log |det A|`
    logdet LogAbsDet () "logdet";
    /// Lower `L` with `L Lᵀ = A`.
    cholesky Cholesky () "cholesky";
}
