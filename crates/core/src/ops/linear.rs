//! Linear algebra on the last two axes: inverse, solve, determinants, Cholesky, triangular solves.
//!
//! Entries speak of the inverse `B`; a product that sums over an index of `B` becomes a solve when it is built
//! (see [`stable`](super::stable)), so derivatives are applied by solves and no inverse is formed for them.
//! Sources: Giles, "An extended collection of matrix derivative results", 2008; Murray, arXiv:1602.07527 (Cholesky).

use super::Primitive;
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::Linear;
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::scalar::{Scalar, matrix};
use crate::tensor::Tensor;

/// `B = A⁻¹`
pub static INVERSE: Primitive = Primitive {
    name: "inverse",
    family: "Linear algebra on the last two axes",
    about: "Inverse of a square matrix.",
    formula: "B = inv(A)",
    derivative: "dB[o,p]/dA[a,b] = -B[o,a] * B[b,p]",
    domain: "A is invertible; otherwise NaN",
    kinks: "none",
    entry: |g, y, _| {
        let x = g.arg(y, 0);
        let f = Frame::new(g, y, x);
        let minus = Rational::from(-1);
        Ok(vec![f.entry(g).scaled(&minus).times(f.at(y, f.o(0), f.i(0))).times(f.at(y, f.i(1), f.o(1)))])
    },
};

/// `X = A⁻¹ C`
pub static SOLVE: Primitive = Primitive {
    name: "solve",
    family: "Linear algebra on the last two axes",
    about: "Solution X of A X = C.",
    formula: "X = solve(A, C)",
    derivative: "dX[o,p]/dC[a,b] = B[o,a] * delta(p,b);  dX[o,p]/dA[a,b] = -B[o,a] * X[b,p],  B = inv(A)",
    domain: "A is invertible; otherwise NaN",
    kinks: "none",
    entry: |g, y, k| {
        let a = g.arg(y, 0);
        let b = g.linear(Linear::Inverse, &[a])?;
        Ok(vec![solve_entry(g, y, k, b, None)])
    },
};

/// `X = L⁻¹ C` with the lower triangle of `L`.
pub static SOLVE_LOWER: Primitive = Primitive {
    name: "solve_lower",
    family: "Linear algebra on the last two axes",
    about: "Solution X of L X = C, with the lower triangle of L.",
    formula: "X = solve_lower(L, C)",
    derivative: "dX[o,p]/dC[a,b] = B[o,a] * delta(p,b);  dX[o,p]/dL[a,b] = -[a >= b] * B[o,a] * X[b,p],  B = inv(L)",
    domain: "no zero on the diagonal; otherwise NaN",
    kinks: "none",
    entry: |g, y, k| triangular_entry(g, y, k, Linear::SolveLower),
};

/// `X = U⁻¹ C` with the upper triangle of `U`.
pub static SOLVE_UPPER: Primitive = Primitive {
    name: "solve_upper",
    family: "Linear algebra on the last two axes",
    about: "Solution X of U X = C, with the upper triangle of U.",
    formula: "X = solve_upper(U, C)",
    derivative: "dX[o,p]/dC[a,b] = B[o,a] * delta(p,b);  dX[o,p]/dU[a,b] = -[a <= b] * B[o,a] * X[b,p],  B = inv(U)",
    domain: "no zero on the diagonal; otherwise NaN",
    kinks: "none",
    entry: |g, y, k| triangular_entry(g, y, k, Linear::SolveUpper),
};

/// `det A`
pub static DET: Primitive = Primitive {
    name: "det",
    family: "Linear algebra on the last two axes",
    about: "Determinant; 1 for the empty matrix.",
    formula: "y = det(A)",
    derivative: "dy/dA[a,b] = y * B[b,a],  B = inv(A)",
    domain: "value: all matrices; derivative: invertible ones, otherwise NaN",
    kinks: "none",
    entry: |g, y, _| {
        let x = g.arg(y, 0);
        let b = g.linear(Linear::Inverse, &[x])?;
        let f = Frame::new(g, y, x);
        let whole = Access::whole(y, f.batch, 0);
        Ok(vec![f.entry(g).times(whole).times(f.at(b, f.i(1), f.i(0)))])
    },
};

/// `log |det A|`
pub static LOG_ABS_DET: Primitive = Primitive {
    name: "logdet",
    family: "Linear algebra on the last two axes",
    about: "Logarithm of the absolute determinant; 0 for the empty matrix.",
    formula: "y = log(abs(det(A)))",
    derivative: "dy/dA[a,b] = B[b,a],  B = inv(A)",
    domain: "A is invertible; otherwise -inf, derivative NaN",
    kinks: "none",
    entry: |g, y, _| {
        let x = g.arg(y, 0);
        let b = g.linear(Linear::Inverse, &[x])?;
        let f = Frame::new(g, y, x);
        Ok(vec![f.entry(g).times(f.at(b, f.i(1), f.i(0)))])
    },
};

/// Lower `L` with `L Lᵀ = (A + Aᵀ)/2`.
pub static CHOLESKY: Primitive = Primitive {
    name: "cholesky",
    family: "Linear algebra on the last two axes",
    about: "Lower triangular L with L L' = (A + A')/2.",
    formula: "L = cholesky(A)",
    derivative: "dL[o,p]/dA[a,b] = sum(k, L[o,k] * ([k > p] + delta(k,p)/2) * (B[k,a]*B[p,b] + B[k,b]*B[p,a]) / 2),  B = inv(L)",
    domain: "the symmetric part of A is positive definite; otherwise NaN",
    kinks: "none",
    entry: |g, y, _| {
        let x = g.arg(y, 0);
        let shape = g.shape(y).to_vec();
        let eye = g.eye(&shape)?;
        let b = g.linear(Linear::SolveLower, &[y, eye])?;
        let f = Frame::new(g, y, x);
        let mut entries = Vec::new();
        for (first, second) in [(0, 1), (1, 0)] {
            for diagonal in [false, true] {
                let mut entry = f.entry(g);
                let k = entry.bind(g.shape(y)[f.batch].clone());
                let weight = if diagonal { Rational::new(1, 4) } else { Rational::new(1, 2) };
                let difference = Term::label(k) - Term::label(f.o(1));
                let cond = if diagonal {
                    Cond::Zero(difference)
                } else {
                    Cond::NonNegative(difference - Term::constant(1))
                };
                entries.push(
                    entry
                        .scaled(&weight)
                        .times(f.at(y, f.o(0), k))
                        .times(f.at(b, k, f.i(first)))
                        .times(f.at(b, f.o(1), f.i(second)))
                        .when(cond),
                );
            }
        }
        Ok(entries)
    },
};

fn triangular_entry(g: &mut Graph, y: NodeId, k: usize, kind: Linear) -> Result<Vec<Product>> {
    let t = g.arg(y, 0);
    let shape = g.shape(t).to_vec();
    let eye = g.eye(&shape)?;
    let b = g.linear(kind, &[t, eye])?;
    Ok(vec![solve_entry(g, y, k, b, Some(kind))])
}

/// Entry of `X = B C`; wrt the matrix it is kept to the triangle that is read.
fn solve_entry(g: &Graph, y: NodeId, k: usize, b: NodeId, triangle: Option<Linear>) -> Product {
    let (a, x) = (g.arg(y, 0), g.arg(y, k));
    let f = Frame::new(g, y, x);
    let batch = g.rank(a) - 2;
    let rank = g.rank(y);
    let o = Label(batch as u32);
    let argument = |axis: usize| Label((rank + axis) as u32);
    let mut entry = Product::one(g.shape(y).iter().chain(g.shape(x)).cloned());
    for axis in 0..batch {
        entry.conds.push(Cond::delta(Term::label(Label(axis as u32)), Term::label(argument(axis))));
    }
    let at = |node: NodeId, row: Label, column: Label| f.batched(batch, node, [row, column]);
    entry = entry.times(at(b, o, argument(batch)));
    if k == 1 {
        for axis in batch + 1..rank {
            entry.conds.push(Cond::delta(Term::label(Label(axis as u32)), Term::label(argument(axis))));
        }
        return entry;
    }
    let column = argument(batch + 1);
    let solution: Vec<Label> =
        std::iter::once(column).chain((batch + 1..rank).map(|p| Label(p as u32))).collect();
    let difference = Term::label(argument(batch)) - Term::label(column);
    let cond = match triangle {
        Some(Linear::SolveLower) => Some(Cond::NonNegative(difference)),
        Some(_) => Some(Cond::NonNegative(-difference)),
        None => None,
    };
    entry.conds.extend(cond);
    entry.scaled(&Rational::from(-1)).times(f.batched(batch, y, solution))
}

/// Labels of an entry between matrices with common leading (batch) axes.
struct Frame {
    batch: usize,
    out: usize,
    y: NodeId,
    x: NodeId,
}

impl Frame {
    fn new(g: &Graph, y: NodeId, x: NodeId) -> Frame {
        Frame { batch: g.rank(x).saturating_sub(2), out: g.rank(y), y, x }
    }

    fn o(&self, k: usize) -> Label {
        Label((self.batch + k) as u32)
    }

    fn i(&self, k: usize) -> Label {
        Label((self.out + self.batch + k) as u32)
    }

    /// Deltas between the batch axes of result and argument.
    fn entry(&self, g: &Graph) -> Product {
        super::deltas(g, self.y, self.x, (0..self.batch).map(|k| (k, k)))
    }

    fn at(&self, node: NodeId, row: Label, column: Label) -> Access {
        self.batched(self.batch, node, [row, column])
    }

    fn batched(&self, batch: usize, node: NodeId, rest: impl IntoIterator<Item = Label>) -> Access {
        let lead = (0..batch).map(|k| Label(k as u32));
        Access::new(node, lead.chain(rest).map(Term::label))
    }
}

/// The value of a kernel on every matrix of a batch.
pub(crate) fn evaluate<S: Scalar>(kind: Linear, args: &[&Tensor<S>]) -> Tensor<S> {
    let a = args[0];
    let batch = a.shape().len() - 2;
    let n = a.shape()[batch];
    let count: usize = a.shape()[..batch].iter().product();
    let rest: usize = args.get(1).map_or(1, |c| c.shape()[batch + 1..].iter().product());
    let mut data = Vec::new();
    for k in 0..count {
        let matrix_k = &a.data()[k * n * n..(k + 1) * n * n];
        let right = || &args[1].data()[k * n * rest..(k + 1) * n * rest];
        match kind {
            Linear::Inverse => data.extend(matrix::inverse(matrix_k, n)),
            Linear::Solve => data.extend(matrix::solve(matrix_k, n, right(), rest)),
            Linear::SolveLower => data.extend(matrix::solve_lower(matrix_k, n, right(), rest)),
            Linear::SolveUpper => data.extend(matrix::solve_upper(matrix_k, n, right(), rest)),
            Linear::Det => data.push(matrix::det(matrix_k, n)),
            Linear::LogAbsDet => data.push(matrix::log_abs_det(matrix_k, n)),
            Linear::Cholesky => data.extend(matrix::cholesky(&symmetric_part(matrix_k, n), n)),
        }
    }
    let shape = match kind {
        Linear::Inverse | Linear::Cholesky => a.shape(),
        Linear::Det | Linear::LogAbsDet => &a.shape()[..batch],
        Linear::Solve | Linear::SolveLower | Linear::SolveUpper => args[1].shape(),
    };
    Tensor::new(shape, data).expect("invariant: kernels return whole matrices")
}

fn symmetric_part<S: Scalar>(a: &[S], n: usize) -> Vec<S> {
    let half = S::from_f64(0.5);
    (0..n * n)
        .map(|k| {
            let (i, j) = (k / n, k % n);
            if i == j { a[k].clone() } else { (a[k].clone() + a[j * n + i].clone()) * half.clone() }
        })
        .collect()
}
