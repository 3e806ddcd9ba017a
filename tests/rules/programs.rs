//! The table of programs for the primitives that are not maps: name, inputs, sizes to try, and the program.
//!
//! The last step of a program is the primitive under test. Sizes are numbers for the named extents of the inputs in
//! order of appearance; every program is tried at an odd size, and at 0 and 1 where it means something.

use crate::case::{Case, Point, declare, size_names};
use chainrule_core::error::Result;
use chainrule_core::form::{Access, Cond, Product};
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::{Comparison, Linear, Reduction};
use chainrule_core::index::{Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{EXP, LOG, RECIP, TANH};
use chainrule_core::rational::Rational;
use chainrule_core::shape::{DType, Dim, Sizes};
use chainrule_core::tensor::{Tensor, Value};

/// What entries the real inputs get.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fill {
    /// Odd multiples of 1/32 between -2 and 2.
    Plain,
    /// The first input gets `k + 3` added on its last two axes' diagonal: well conditioned, not symmetric.
    Matrix,
    /// Odd multiples of 1/32, every other entry zero.
    Zeros,
    /// Small whole numbers with repetitions.
    Ties,
    /// Sixteenths between 1/4 and 4.
    Positive,
}

/// One row of the table.
pub(crate) struct Program {
    pub(crate) rule: &'static str,
    pub(crate) name: &'static str,
    pub(crate) inputs: &'static str,
    pub(crate) sizes: &'static [&'static [i64]],
    pub(crate) fill: Fill,
    pub(crate) build: fn(&mut Graph, &[NodeId]) -> Result<NodeId>,
}

const fn plain(
    rule: &'static str,
    name: &'static str,
    inputs: &'static str,
    sizes: &'static [&'static [i64]],
    build: fn(&mut Graph, &[NodeId]) -> Result<NodeId>,
) -> Program {
    Program { rule, name, inputs, sizes, fill: Fill::Plain, build }
}

const fn filled(fill: Fill, program: Program) -> Program {
    Program { fill, ..program }
}

const ONE: &[&[i64]] = &[&[0], &[1], &[3]];
const TWO: &[&[i64]] = &[&[0, 2], &[1, 1], &[2, 3], &[3, 3], &[3, 2], &[1, 5]];
const THREE: &[&[i64]] = &[&[0, 2, 3], &[2, 0, 3], &[1, 1, 1], &[2, 3, 3], &[3, 3, 3], &[3, 2, 4]];
const FIXED: &[&[i64]] = &[&[]];

fn l(k: u32) -> Term {
    Term::label(Label(k))
}

fn c(n: i64) -> Term {
    Term::constant(n)
}

fn size(name: &str) -> Dim {
    Dim::size(name)
}

fn ratio(a: i64, b: i64) -> Rational {
    Rational::new(a, b)
}

/// `Σ coefficient · operand`
fn weighted(g: &mut Graph, terms: &[(Rational, NodeId)]) -> Result<NodeId> {
    let ty = g.ty(terms[0].1).clone();
    g.sum(terms, ty)
}

/// Every program.
pub(crate) static PROGRAMS: &[Program] = &[
    // sums
    plain("sum", "2a - b/3 + c", "a[n] b[n] c[n]", ONE, |g, x| {
        weighted(g, &[(ratio(2, 1), x[0]), (ratio(-1, 3), x[1]), (ratio(1, 1), x[2])])
    }),
    plain("sum", "5a/7 of a matrix", "a[m,n]", TWO, |g, x| Ok(g.scale(&ratio(5, 7), x[0]))),
    plain("sum", "a - 2b of numbers", "a[] b[]", FIXED, |g, x| {
        weighted(g, &[(ratio(1, 1), x[0]), (ratio(-2, 1), x[1])])
    }),
    plain("sum", "concat of vectors", "a[m] b[n]", TWO, |g, x| g.concat(x, 0)),
    plain("sum", "concat of rows, thrice", "a[m,k] b[n,k]", THREE, |g, x| g.concat(&[x[0], x[1], x[0]], 0)),
    plain("sum", "concat of columns", "a[m,k] b[m,n]", THREE, |g, x| g.concat(x, 1)),
    // contractions
    plain("contract", "matrix times matrix", "a[m,k] b[k,n]", THREE, |g, x| g.dot(x[0], x[1])),
    plain("contract", "matrix times vector", "a[m,k] b[k]", TWO, |g, x| g.dot(x[0], x[1])),
    plain("contract", "vector times vector", "a[n] b[n]", ONE, |g, x| g.dot(x[0], x[1])),
    plain("contract", "tensor times matrix", "a[2,m,k] b[k,n]", THREE, |g, x| g.dot(x[0], x[1])),
    plain("contract", "outer", "a[m] b[n]", TWO, |g, x| g.outer(x[0], x[1])),
    plain("contract", "outer with itself", "a[n]", ONE, |g, x| g.outer(x[0], x[0])),
    plain("contract", "Gram matrix", "x[n,d]", TWO, |g, x| {
        let t = g.t(x[0])?;
        g.dot(t, x[0])
    }),
    plain("contract", "quadratic form", "a[n,n] x[n]", ONE, |g, x| {
        let mut p = Product::one([]);
        let (i, j) = (p.bind(size("n")), p.bind(size("n")));
        let (i, j) = (Term::label(i), Term::label(j));
        let p = p.times(Access::new(x[1], [i.clone()])).times(Access::new(x[0], [i, j.clone()]));
        Ok(g.product(p.times(Access::new(x[1], [j]))))
    }),
    plain("contract", "product of entries", "a[n] b[n]", ONE, |g, x| g.multiply(x[0], x[1])),
    plain("contract", "product of numbers", "a[] b[]", FIXED, |g, x| g.multiply(x[0], x[1])),
    plain("contract", "product of five numbers", "a[] b[] c[] d[] e[]", FIXED, |g, x| {
        Ok(g.product(x.iter().fold(Product::one([]), |p, &a| p.times(Access::new(a, [])))))
    }),
    plain("contract", "powers of numbers", "a[] b[]", FIXED, |g, x| {
        let cube = Access { power: 3, ..Access::new(x[0], []) };
        Ok(g.product(Product::one([]).times(cube).times(Access::new(x[1], []))))
    }),
    plain("contract", "five factors, summed", "a[n] b[n] c[n] d[n] e[n]", &[&[0], &[1], &[3]], |g, x| {
        let mut p = Product::one([]);
        let i = Term::label(p.bind(size("n")));
        Ok(g.product(x.iter().fold(p, |p, &a| p.times(Access::new(a, [i.clone()])))))
    }),
    plain("contract", "number times tensor", "a[] b[m,n]", TWO, |g, x| g.multiply(x[0], x[1])),
    plain("contract", "broadcast", "a[] b[n]", ONE, |g, x| Ok(g.broadcast(x[0], &[size("n"), Dim::from(2)]))),
    plain("contract", "square", "a[m,n]", TWO, |g, x| Ok(g.power(x[0], 2))),
    plain("contract", "fourth power", "a[n]", ONE, |g, x| Ok(g.power(x[0], 4))),
    plain("contract", "seventh power of a number", "a[]", FIXED, |g, x| Ok(g.power(x[0], 7))),
    plain("contract", "transpose", "a[m,n,k]", THREE, |g, x| g.transpose(x[0], &[2, 0, 1])),
    plain("contract", "sum over an axis", "a[m,n,k]", THREE, |g, x| g.sum_axes(x[0], &[1])),
    plain(
        "contract",
        "sum over two axes",
        "a[m,n,k]",
        &[&[0, 2, 3], &[1, 1, 1], &[2, 3, 4], &[4, 3, 2]],
        |g, x| g.sum_axes(x[0], &[0, 2]),
    ),
    plain("contract", "sum with an idle label", "a[n] b[m]", TWO, |g, x| {
        let mut p = Product::one([]);
        let i = Term::label(p.bind(size("n")));
        p.bind(size("m"));
        Ok(g.product(p.times(Access::new(x[0], [i]))))
    }),
    plain("contract", "trace", "a[n,n]", ONE, |g, x| g.trace(x[0])),
    plain("contract", "diagonal", "a[n,n]", ONE, |g, x| g.diagonal(x[0])),
    plain("contract", "diagonal matrix", "a[n]", ONE, |g, x| g.diag(x[0])),
    plain("contract", "slice", "a[7,n]", ONE, |g, x| g.slice(x[0], 0, &Dim::from(1), 2, &Dim::from(3))),
    plain("contract", "slice backwards", "a[5]", FIXED, |g, x| {
        g.slice(x[0], 0, &Dim::from(4), -2, &Dim::from(3))
    }),
    plain("contract", "empty slice", "a[5]", FIXED, |g, x| g.slice(x[0], 0, &Dim::from(0), 1, &Dim::from(0))),
    plain("contract", "pad", "a[m,n]", TWO, |g, x| g.pad(x[0], 0, &Dim::from(2), &Dim::from(1))),
    plain("contract", "reverse", "a[m,n]", TWO, |g, x| g.reverse(x[0], 1)),
    plain("contract", "reshape of a fixed shape", "a[6,2]", FIXED, |g, x| {
        g.reshape(x[0], &[Dim::from(3), Dim::from(4)])
    }),
    plain("contract", "flatten", "a[m,n]", TWO, |g, x| g.reshape(x[0], &[size("m") * size("n")])),
    plain("contract", "unflatten", "a[m,n]", TWO, |g, x| {
        let flat = g.reshape(x[0], &[size("m") * size("n")])?;
        g.reshape(flat, &[size("n"), size("m")])
    }),
    plain(
        "contract",
        "gather rows",
        "a[n,d] t[k]<n",
        &[&[3, 0, 2], &[3, 2, 0], &[1, 1, 1], &[3, 2, 5]],
        |g, x| g.gather(x[0], x[1]),
    ),
    plain("contract", "gather one entry", "a[n] t[]<n", &[&[1], &[3]], |g, x| g.gather(x[0], x[1])),
    plain("contract", "gather squares", "a[n] t[k]<n", &[&[1, 1], &[3, 5]], |g, x| {
        let at = Term::element(x[1], [l(0)]);
        let square = Access { power: 2, ..Access::new(x[0], [at]) };
        Ok(g.product(Product::one([size("k")]).times(square)))
    }),
    plain("contract", "gather by a table", "a[n] t[k,2]<n", &[&[1, 1], &[3, 3]], |g, x| g.gather(x[0], x[1])),
    plain("contract", "scatter-add", "a[k,d] t[k]<n", &[&[0, 2, 3], &[1, 1, 1], &[5, 2, 3]], |g, x| {
        g.scatter_add(x[0], x[1], &size("n"))
    }),
    plain("contract", "one-hot times weights", "w[n,d] t[k]<n", &[&[1, 1, 1], &[3, 2, 5]], |g, x| {
        let hot = g.one_hot(x[1], &size("n"))?;
        g.dot(hot, x[0])
    }),
    plain("contract", "entry at the argmax", "a[n]", &[&[1], &[3], &[5]], |g, x| {
        let top = g.argmax(x[0], 0)?;
        g.gather(x[0], top)
    }),
    plain("contract", "sort", "a[m,n]", TWO, |g, x| g.sort(x[0], 1)),
    filled(Fill::Ties, plain("contract", "sort with ties", "a[n]", &[&[5]], |g, x| g.sort(x[0], 0))),
    plain("contract", "cumulative sum", "a[m,n]", TWO, |g, x| g.cumsum(x[0], 1)),
    plain("contract", "convolution", "a[n] k[m]", &[&[3, 1], &[5, 3], &[2, 3], &[1, 1]], |g, x| {
        g.convolve(x[0], x[1])
    }),
    plain("contract", "convolution, padded", "a[n] k[3]", ONE, |g, x| {
        let padded = g.pad(x[0], 0, &Dim::from(1), &Dim::from(1))?;
        g.convolve(padded, x[1])
    }),
    plain("contract", "convolution with itself", "a[n]", &[&[1], &[3]], |g, x| {
        let padded = g.pad(x[0], 0, &size("n"), &size("n"))?;
        g.convolve(padded, x[0])
    }),
    plain("contract", "Kronecker product", "a[m,n] b[2,3]", TWO, |g, x| g.kron(x[0], x[1])),
    plain("contract", "lower triangle", "a[n,n] b[n,n]", ONE, |g, x| {
        let p = Product::one([size("n"), size("n")]).times(Access::new(x[0], [l(0), l(1)]));
        let p = p.times(Access::new(x[1], [l(1), l(0)]));
        Ok(g.product(p.when(Cond::NonNegative(l(0) - l(1)))))
    }),
    plain("contract", "strictly upper sum", "a[n,n] x[n]", ONE, |g, x| {
        let mut p = Product::one([size("n")]);
        let j = Term::label(p.bind(size("n")));
        let p = p.times(Access::new(x[0], [l(0), j.clone()])).times(Access::new(x[1], [j.clone()]));
        Ok(g.product(p.when(Cond::NonNegative(j - l(0) - c(1)))))
    }),
    plain("contract", "sum where true", "a[n] b[n] p[n]?", ONE, |g, x| {
        let mut p = Product::one([]);
        let j = Term::label(p.bind(size("n")));
        let p = p.times(Access::new(x[0], [j.clone()])).times(Access::new(x[1], [j.clone()]));
        Ok(g.product(p.when(Cond::Holds(x[2], [j].into_iter().collect(), false))))
    }),
    plain("contract", "entries where false", "a[n] p[n]?", ONE, |g, x| {
        let p = Product::of(x[0], &[size("n")]);
        Ok(g.product(p.when(Cond::Holds(x[1], [l(0)].into_iter().collect(), true))))
    }),
    filled(Fill::Positive, plain("contract", "quotient", "a[n] b[n]", ONE, |g, x| g.divide(x[0], x[1]))),
    filled(
        Fill::Positive,
        plain("contract", "quotient of numbers", "a[] b[]", FIXED, |g, x| {
            let below = g.map(&RECIP, &[x[1]])?;
            let square = Access { power: 2, ..Access::new(below, []) };
            Ok(g.product(Product::one([]).times(Access::new(x[0], [])).times(square)))
        }),
    ),
    // selection
    plain("select", "by a given predicate", "p[n]? a[n] b[n]", ONE, |g, x| g.select(x[0], x[1], x[2])),
    plain("select", "of matrices", "p[m,n]? a[m,n] b[m,n]", TWO, |g, x| g.select(x[0], x[1], x[2])),
    plain("select", "of numbers", "p[]? a[] b[]", &[&[], &[]], |g, x| g.select(x[0], x[1], x[2])),
    plain("select", "by comparison, lazily", "a[n] b[n]", ONE, |g, x| {
        let p = g.compare(Comparison::Greater, x[0], x[1])?;
        let square = g.power(x[0], 2);
        g.select(p, square, x[1])
    }),
    plain("select", "logarithm of what is positive", "a[n]", &[&[1], &[5]], |g, x| {
        let zero = g.zero(g.ty(x[0]).clone());
        let p = g.compare(Comparison::Greater, x[0], zero)?;
        let log = g.map(&LOG, &[x[0]])?;
        g.select(p, log, x[0])
    }),
    // reductions
    plain("reduce_max", "of a vector", "a[n]", &[&[1], &[3], &[5]], |g, x| g.reduce(Reduction::Max, x[0], 0)),
    plain("reduce_max", "along the first axis", "a[m,n]", &[&[1, 1], &[2, 3], &[3, 0]], |g, x| {
        g.reduce(Reduction::Max, x[0], 0)
    }),
    filled(
        Fill::Ties,
        plain("reduce_max", "with ties", "a[m,n,k]", &[&[1, 5, 1], &[2, 5, 3]], |g, x| {
            g.reduce(Reduction::Max, x[0], 1)
        }),
    ),
    plain("reduce_min", "of a vector", "a[n]", &[&[1], &[3], &[5]], |g, x| g.reduce(Reduction::Min, x[0], 0)),
    plain("reduce_min", "along the last axis", "a[m,n]", &[&[1, 1], &[2, 3], &[0, 3]], |g, x| {
        g.reduce(Reduction::Min, x[0], 1)
    }),
    filled(
        Fill::Ties,
        plain("reduce_min", "with ties", "a[m,n,k]", &[&[1, 5, 1], &[2, 5, 3]], |g, x| {
            g.reduce(Reduction::Min, x[0], 1)
        }),
    ),
    plain("reduce_prod", "of a vector", "a[n]", ONE, |g, x| g.reduce(Reduction::Prod, x[0], 0)),
    plain("reduce_prod", "along the first axis", "a[m,n]", TWO, |g, x| g.reduce(Reduction::Prod, x[0], 0)),
    filled(
        Fill::Zeros,
        plain("reduce_prod", "with zeros", "a[m,n,k]", &[&[1, 1, 1], &[2, 3, 3]], |g, x| {
            g.reduce(Reduction::Prod, x[0], 1)
        }),
    ),
    // linear algebra
    filled(Fill::Matrix, plain("inverse", "of a matrix", "a[n,n]", ONE, |g, x| g.linear(Linear::Inverse, x))),
    filled(
        Fill::Matrix,
        plain("inverse", "of a batch", "a[b,n,n]", TWO, |g, x| g.linear(Linear::Inverse, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve", "for a matrix", "a[n,n] c[n,m]", TWO, |g, x| g.linear(Linear::Solve, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve", "for a vector", "a[n,n] c[n]", ONE, |g, x| g.linear(Linear::Solve, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve", "of a batch", "a[b,n,n] c[b,n,m]", BATCH, |g, x| g.linear(Linear::Solve, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve", "of a batch of vectors", "a[b,n,n] c[b,n]", TWO, |g, x| g.linear(Linear::Solve, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve", "through a product with the inverse", "a[n,n] c[n,m]", TWO, |g, x| {
            let inverse = g.linear(Linear::Inverse, &[x[0]])?;
            let left = g.dot(inverse, x[1])?;
            let t = g.t(left)?;
            g.dot(t, inverse)
        }),
    ),
    filled(
        Fill::Matrix,
        plain("solve_lower", "for a matrix", "a[n,n] c[n,m]", TWO, |g, x| g.linear(Linear::SolveLower, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve_lower", "for a vector", "a[n,n] c[n]", ONE, |g, x| g.linear(Linear::SolveLower, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve_lower", "of a batch", "a[b,n,n] c[b,n,m]", BATCH, |g, x| {
            g.linear(Linear::SolveLower, x)
        }),
    ),
    filled(
        Fill::Matrix,
        plain("solve_upper", "for a matrix", "a[n,n] c[n,m]", TWO, |g, x| g.linear(Linear::SolveUpper, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve_upper", "for a vector", "a[n,n] c[n]", ONE, |g, x| g.linear(Linear::SolveUpper, x)),
    ),
    filled(
        Fill::Matrix,
        plain("solve_upper", "of a batch", "a[b,n,n] c[b,n,m]", BATCH, |g, x| {
            g.linear(Linear::SolveUpper, x)
        }),
    ),
    filled(Fill::Matrix, plain("det", "of a matrix", "a[n,n]", ONE, |g, x| g.linear(Linear::Det, x))),
    filled(Fill::Matrix, plain("det", "of a batch", "a[b,n,n]", TWO, |g, x| g.linear(Linear::Det, x))),
    filled(
        Fill::Matrix,
        plain("logdet", "of a matrix", "a[n,n]", ONE, |g, x| g.linear(Linear::LogAbsDet, x)),
    ),
    filled(
        Fill::Matrix,
        plain("logdet", "of a batch", "a[b,n,n]", TWO, |g, x| g.linear(Linear::LogAbsDet, x)),
    ),
    plain("logdet", "of a negative determinant", "a[n,n]", &[&[1], &[3]], |g, x| {
        g.linear(Linear::LogAbsDet, x)
    }),
    filled(
        Fill::Matrix,
        plain("cholesky", "of a matrix", "a[n,n]", ONE, |g, x| g.linear(Linear::Cholesky, x)),
    ),
    filled(
        Fill::Matrix,
        plain("cholesky", "of a batch", "a[b,n,n]", TWO, |g, x| g.linear(Linear::Cholesky, x)),
    ),
    // scans
    plain("scan", "a linear recurrence", "a[] h[] x[n]", ONE, |g, x| {
        let carries = [("h", x[1])];
        let made = g.recurrence("decay", &size("n"), false, &carries, &[("x", x[2])], |g, h, v| {
            let kept = g.multiply(x[0], h[0])?;
            Ok(vec![g.add(kept, v[0])?])
        });
        made.map(|y| y[0])
    }),
    plain("scan", "a cell, backward", "h[d] x[n,d] w[d,d]", TWO, |g, x| {
        let n = g.shape(x[1])[0].clone();
        let made = g.recurrence("cell", &n, true, &[("h", x[0])], &[("x", x[1])], |g, h, v| {
            let kept = g.dot(x[2], h[0])?;
            let sum = g.add(kept, v[0])?;
            Ok(vec![g.map(&TANH, &[sum])?])
        });
        made.map(|y| y[0])
    }),
    plain("scan", "the second of two carries", "p[] s[] x[n]", ONE, |g, x| {
        let made = g.recurrence(
            "pair",
            &size("n"),
            false,
            &[("p", x[0]), ("s", x[1])],
            &[("x", x[2])],
            |g, c, v| {
                let product = g.multiply(c[0], v[0])?;
                Ok(vec![product, g.multiply(c[1], product)?])
            },
        );
        made.map(|y| y[1])
    }),
    // composites
    plain("logsumexp", "of a vector", "a[n]", &[&[1], &[3]], |g, x| g.logsumexp(x[0], &[0])),
    plain("logsumexp", "along the first axis", "a[m,n]", &[&[1, 1], &[2, 3], &[3, 0]], |g, x| {
        g.logsumexp(x[0], &[0])
    }),
    plain("logsumexp", "over two axes of three", "a[m,n,k]", &[&[1, 1, 1], &[2, 3, 2]], |g, x| {
        g.logsumexp(x[0], &[0, 2])
    }),
    plain("softmax", "of a vector", "a[n]", ONE, |g, x| g.softmax(x[0], &[0])),
    plain("softmax", "along the first axis", "a[m,n]", TWO, |g, x| g.softmax(x[0], &[0])),
    plain("softmax", "over two axes of three", "a[m,n,k]", &[&[0, 2, 1], &[1, 1, 1], &[2, 2, 3]], |g, x| {
        g.softmax(x[0], &[0, 2])
    }),
    plain("log_softmax", "of a vector", "a[n]", ONE, |g, x| g.log_softmax(x[0], &[0])),
    plain("log_softmax", "along the last axis", "a[m,n]", TWO, |g, x| g.log_softmax(x[0], &[1])),
    plain(
        "log_softmax",
        "over two axes of three",
        "a[m,n,k]",
        &[&[0, 2, 1], &[1, 1, 1], &[2, 2, 3]],
        |g, x| g.log_softmax(x[0], &[0, 2]),
    ),
    plain("exclusive_prod", "of a vector", "a[n]", ONE, |g, x| g.exclusive_prod(x[0], 0)),
    plain("exclusive_prod", "along the first axis", "a[m,n]", TWO, |g, x| g.exclusive_prod(x[0], 0)),
    filled(
        Fill::Zeros,
        plain("exclusive_prod", "with zeros", "a[2,n]", ONE, |g, x| g.exclusive_prod(x[0], 1)),
    ),
    // what passes its operand through
    plain("identity", "tag", "a[m,n]", TWO, |g, x| Ok(g.tag("name", x[0]))),
    plain("identity", "checkpoint", "a[n]", ONE, |g, x| Ok(g.checkpoint(x[0]))),
    plain("identity", "tag of a number", "a[]", FIXED, |g, x| Ok(g.tag("name", x[0]))),
    plain("stop_gradient", "of a vector", "a[n]", ONE, |g, x| Ok(g.stop_gradient(x[0]))),
    plain("stop_gradient", "of a number", "a[]", FIXED, |g, x| Ok(g.stop_gradient(x[0]))),
    // programs of several steps
    plain("contract", "mean", "a[m,n]", &[&[1, 1], &[2, 3]], |g, x| g.mean(x[0], &[0])),
    plain("contract", "variance", "a[m,n]", &[&[1, 1], &[2, 3]], |g, x| g.variance(x[0], &[1])),
    plain("contract", "variance of everything", "a[m,n]", &[&[1, 1], &[2, 3]], |g, x| {
        g.variance(x[0], &[0, 1])
    }),
    plain("contract", "norm", "a[m,n]", &[&[1, 1], &[2, 3]], |g, x| g.norm(x[0], &[0])),
    plain("contract", "softmax typed naively", "a[m,n]", &[&[1, 1], &[2, 3]], |g, x| {
        let e = g.map(&EXP, &[x[0]])?;
        let total = g.sum_axes(e, &[1])?;
        let spread = g.restore_axes(total, x[0], &[1])?;
        g.divide(e, spread)
    }),
    plain("contract", "a chain with a narrow middle", "a[m,2] b[2,n] x[n]", &[&[3, 3], &[5, 3]], |g, x| {
        let narrow = g.dot(x[1], x[2])?;
        let bent = g.map(&EXP, &[narrow])?;
        g.dot(x[0], bent)
    }),
];

const BATCH: &[&[i64]] = &[&[0, 2, 1], &[1, 1, 1], &[2, 3, 2]];

impl Program {
    /// The case of this row, with values for every choice of sizes.
    pub(crate) fn case(&self) -> Case {
        let mut graph = Graph::new();
        let made = declare(&mut graph, self.inputs).and_then(|x| Ok(((self.build)(&mut graph, &x)?, x)));
        let (y, inputs) = made.unwrap_or_else(|e| panic!("{} {}: {e}", self.rule, self.name));
        let xs = inputs.iter().copied().filter(|&x| graph.ty(x).dtype == DType::Real).collect();
        let points = (0..self.sizes.len()).map(|k| self.point(&graph, &inputs, k)).collect();
        let (name, stopped) = (self.name.to_string(), self.rule == "stop_gradient");
        let case = Case { rule: self.rule, name, graph, y, xs, points, stopped };
        case.with_directions().unwrap_or_else(|e| panic!("{} {}: {e}", self.rule, self.name))
    }

    fn point(&self, g: &Graph, inputs: &[NodeId], number: usize) -> Point {
        let (names, sizes) = (size_names(self.inputs), self.sizes[number]);
        assert_eq!(names.len(), sizes.len(), "{}: sizes for {names:?}", self.name);
        let sizes: Sizes = names.iter().map(|n| n.as_str().into()).zip(sizes.iter().copied()).collect();
        let mut point = Point::default();
        for (k, &x) in inputs.iter().enumerate() {
            let input = g.as_input(x).expect("an input");
            let extent = |d: &Dim| d.evaluate(&sizes).expect("a size") as usize;
            let shape: Vec<usize> = input.ty.shape.iter().map(extent).collect();
            let count: usize = shape.iter().product();
            let value = match input.ty.dtype {
                DType::Real => {
                    let mut data: Vec<f64> = (0..count).map(|at| self.entry(k, at)).collect();
                    if self.fill == Fill::Matrix && k == 0 {
                        strengthen(&mut data, shape[shape.len() - 1]);
                    }
                    Value::Real(Tensor::new(&shape, data).expect("one entry for each position"))
                }
                DType::Int => {
                    let below = extent(input.ty.below.as_ref().expect("a bound")) as i64;
                    let data = (0..count).map(|at| (at as i64 * 5 + 2) % below).collect();
                    Value::Int(Tensor::new(&shape, data).expect("one entry for each position"))
                }
                DType::Bool => {
                    let data = (0..count).map(|at| (at * at + at + 2 * number) % 5 < 2).collect();
                    Value::Bool(Tensor::new(&shape, data).expect("one entry for each position"))
                }
            };
            point.values.insert(input.name.to_string(), value);
        }
        point.sizes = sizes.iter().map(|(name, &n)| (name.to_string(), n)).collect();
        point
    }

    /// Entry `at` of real input `k`.
    fn entry(&self, k: usize, at: usize) -> f64 {
        let scattered = (at * 29 + k * 17 + 5) % 61;
        match self.fill {
            Fill::Plain | Fill::Matrix => (2 * scattered + 1) as f64 / 32.0 - 2.0,
            Fill::Zeros if at % 2 == 1 => 0.0,
            Fill::Zeros => scattered as f64 / 16.0 - 1.0 / 32.0,
            Fill::Ties => [1.0, 2.0, 0.0, 2.0, 0.0][at % 5],
            Fill::Positive => (scattered + 4) as f64 / 16.0,
        }
    }
}

/// Adds `k + 3` to the diagonal of each matrix of a batch.
fn strengthen(data: &mut [f64], n: usize) {
    for matrix in data.chunks_mut((n * n).max(1)) {
        for k in 0..n {
            matrix[k * n + k] += (k + 3) as f64;
        }
    }
}
