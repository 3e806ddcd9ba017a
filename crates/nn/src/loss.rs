//! Losses `l(z, y)` and decisions `ŷ(z)`, as compositions.
//!
//! Source: homework, problem 1.1.

use chainrule_core::error::Error;
use chainrule_core::expr::Expr;

/// `½ Σ_i (z_i − y_i)²`, for any shape, numbers included; `∂l/∂z_i = z_i − y_i`.
#[track_caller]
pub fn quadratic(z: &Expr, y: &Expr) -> Expr {
    let mismatch = !z.is_poisoned() && !y.is_poisoned() && z.ty() != y.ty();
    if mismatch {
        // A number would combine with any shape, but a target is of the output's shape.
        let error = Error::ShapesDiffer { operation: "quadratic", left: z.ty(), right: y.ty() };
        return z.builder().refuse(error, vec![z.note("left"), y.note("right")], None);
    }
    z.builder().function("quadratic", &[("z", z), ("y", y)], |f| (&f[0] - &f[1]).sq().sum() / 2)
}

/// `log Σ_j exp(z_j) − z_y` for a label `y`; `∂l/∂z_i = exp(z_i) / Σ_j exp(z_j) − δ(i,y)`.
///
/// Cannot overflow: finite at (1000, 0), with finite first and second derivatives. The label must be declared as
/// `index[n]` with `n` scores; others are refused with the range named.
#[track_caller]
pub fn cross_entropy(z: &Expr, y: &Expr) -> Expr {
    z.builder().function("cross_entropy", &[("z", z), ("y", y)], |f| f[0].logsumexp() - f[0].at(&f[1]))
}

/// The homework's name of [`cross_entropy`].
#[track_caller]
pub fn hinge(z: &Expr, y: &Expr) -> Expr {
    cross_entropy(z, y)
}

/// The output itself.
pub fn identity(z: &Expr) -> Expr {
    z.clone()
}

/// The class of the greatest score, the first of equals.
#[track_caller]
pub fn argmax(z: &Expr) -> Expr {
    z.argmax(-1)
}
