//! The layers of a multi-layer perceptron: affine maps and rectifiers.
//!
//! `y[i] = Σ_j v[i,j] x[j] + b[i]` is a function with identity, so its local Jacobians are those of the page:
//! `∂y_i/∂v_jk = δ(i,j) x_k`, `∂y_i/∂b_j = δ(i,j)`, `∂y_i/∂x_j = v_ij` (homework, problem 1.3).

use crate::layer::Layer;
use crate::params::Init;
use crate::scope::Scope;
use chainrule_core::error::Error;
use chainrule_core::expr::{Expr, Extents, Place};
use chainrule_core::shape::{Dim, Shape};
use std::panic::Location;

/// An affine layer; see [`affine`].
#[derive(Clone, Debug)]
pub struct Affine {
    out: Shape,
    made: Place,
}

/// `y = v·x + b` for one example `x[n]`; `out` is the shape of `y`.
///
/// `affine(3)` has parameters `v[3,n]` and `b[3]`; `affine(())` answers with a number and has a vector `v[n]` and a
/// number `b`: every gradient has the shape of its parameter.
#[track_caller]
pub fn affine(out: impl Extents) -> Affine {
    Affine { out: out.extents(), made: Location::caller() }
}

impl Layer for Affine {
    fn apply(&self, scope: &Scope, x: &Expr) -> Expr {
        if !x.is_poisoned() && x.rank() != 1 {
            let expected = "a vector, one example";
            return x.refuse(Error::Rank { operation: "affine", expected, found: x.ty() });
        }
        let shape: Vec<Dim> = self.out.iter().cloned().chain([x.dim(-1)]).collect();
        let v = scope.param("v", shape, Init::Glorot);
        let b = scope.param("b", &self.out, Init::Zeros);
        let body = |f: &[Expr]| f[0].dot(&f[1]) + &f[2];
        scope.builder().function("affine", &[("v", &v), ("x", x), ("b", &b)], body)
    }

    fn place(&self) -> Option<Place> {
        Some(self.made)
    }
}

/// `y[i] = max(x[i], 0)`; at the kink its derivative is 0.
pub fn relu(_: &Scope, x: &Expr) -> Expr {
    x.relu()
}
