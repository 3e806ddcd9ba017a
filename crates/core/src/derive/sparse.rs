//! Sparse Jacobians and Hessians of scalar code, as formulas: one node for each entry that may be non-zero.
//!
//! `J[i,j] = ∂y[i]/∂x[j]` of numbers `y[i]` that each depend on few of many inputs `x[j]`. Every node `v` on the way has a
//! short row `∂v/∂x[j]`, made from the rows of its operands by the chain rule (`derive/rows.rs`), so the work follows
//! the number of entries and never the number of inputs. A Hessian is the Jacobian of the gradient of which only
//! `j >= i` is made.
//!
//! Rows are carried forwards through the gradient, because what several entries share is then done once; one reverse
//! sweep for each entry would take a function `h(z)` of `Σ_i x[i] h(z)` apart n times. A value that depends on many
//! inputs has no row, and what is above it is swept in reverse, down to the values that have one. The alternative,
//! pushing second-order terms backwards (edge pushing), is not bounded by the entries of the answer: `(Σ_k u_k(x))²`
//! of one `x` has n² pairs of intermediate values.
//!
//! Sources: Griewank, Walther, Evaluating Derivatives, 2nd edition, chapter 7; for edge pushing Gower, Mello,
//! Optimization Methods and Software 27 (2012).

use super::pattern::{self, Pattern};
use super::rows;
use super::{expect_real, open_opaque};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::node::NodeId;

/// Steps on the way for each entry that is allowed: rows of intermediate values, nodes that are walked.
const STEPS: usize = 16;

/// How sparse derivatives are made.
#[derive(Clone, Debug)]
pub struct Sparse {
    /// Entries above which the answer is refused, because it is nearly dense.
    ///
    /// An entry of a formula takes about 50 bytes.
    pub limit: usize,
}

impl Default for Sparse {
    /// Ten million entries.
    fn default() -> Sparse {
        Sparse { limit: 10_000_000 }
    }
}

/// The entries of a sparse matrix as nodes, row by row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SparseNodes {
    /// Where they stand.
    pub pattern: Pattern,
    /// One node for each position of the pattern, in its order.
    pub nodes: Vec<NodeId>,
}

impl SparseNodes {
    /// Row, column and node of each entry, row by row.
    pub fn entries(&self) -> impl Iterator<Item = (usize, usize, NodeId)> {
        self.pattern.positions().zip(&self.nodes).map(|((i, j), &node)| (i, j, node))
    }

    /// The node at a position; none where the entry is zero.
    pub fn get(&self, row: usize, column: usize) -> Option<NodeId> {
        (row < self.pattern.rows()).then(|| self.pattern.find(row, column))?.map(|k| self.nodes[k])
    }
}

/// What a sparse derivative may cost before it is refused.
pub(super) struct Budget {
    what: &'static str,
    limit: usize,
    steps: usize,
}

impl Budget {
    /// Fails when there are more entries than allowed.
    pub(super) fn entries(&self, found: usize) -> Result<()> {
        if found <= self.limit {
            return Ok(());
        }
        let (what, found) = (self.what.to_string(), format!("more than {} that may not be", self.limit));
        Err(Error::NotSparse { what, expected: "zero in most entries", found })
    }

    /// Fails when there was more work than so many entries are worth.
    pub(super) fn steps(&mut self, count: usize) -> Result<()> {
        self.steps += count;
        self.entries(self.steps / STEPS)
    }
}

/// No column, no row, no output.
pub(super) const NONE: u32 = u32::MAX;

/// For every node the column that it is the input of, or [`NONE`].
pub(super) fn columns_of(g: &Graph, xs: &[NodeId]) -> Result<Vec<u32>> {
    let mut columns = vec![NONE; g.len()];
    for (j, &x) in xs.iter().enumerate() {
        g.expect_nodes(&[x])?;
        let name = || g.as_input(x).map_or_else(|| format!("variable {j}"), |input| input.name.to_string());
        let refuse = |found: String| {
            let expected = "an input that is one number, given once";
            Err(Error::NotSparse { what: name(), expected, found })
        };
        if g.rank(x) > 0 {
            return refuse(g.ty(x).to_string());
        }
        expect_real(g, x)?;
        let Some(input) = g.as_input(x) else { return refuse("one computed from others".into()) };
        if input.facts.constant {
            return Err(Error::NotDifferentiable { what: name(), why: "it is declared constant" });
        }
        if std::mem::replace(&mut columns[x.index()], j as u32) != NONE {
            return refuse("one given twice".into());
        }
    }
    Ok(columns)
}

/// The outputs with opaque functions opened; fails unless they are numbers.
fn opened(g: &mut Graph, ys: &[NodeId]) -> Result<Vec<NodeId>> {
    for (i, &y) in ys.iter().enumerate() {
        expect_real(g, y)?;
        if g.rank(y) > 0 {
            let (what, found) = (format!("output {i}"), g.ty(y).to_string());
            return Err(Error::NotSparse { what, expected: "one number", found });
        }
    }
    open_opaque(g, ys, None)
}

/// Fails when a step between inputs and outputs is a tensor: entries are followed through numbers only.
pub(super) fn expect_numbers(g: &Graph, active: &[bool]) -> Result<()> {
    if g.only_numbers() {
        return Ok(());
    }
    let tensor = (0..active.len()).map(NodeId::new).find(|n| active[n.index()] && g.rank(*n) > 0);
    let Some(node) = tensor else { return Ok(()) };
    let what = match g.op(node) {
        Op::Tag(name) => name.to_string(),
        _ => "a value on the way".into(),
    };
    Err(Error::NotSparse {
        what,
        expected: "numbers between inputs and outputs",
        found: g.ty(node).to_string(),
    })
}

impl Sparse {
    fn budget(&self, what: &'static str) -> Budget {
        Budget { what, limit: self.limit, steps: 0 }
    }

    /// See [`Graph::sparsity`].
    ///
    /// # Errors
    /// As there.
    pub fn sparsity(&self, g: &mut Graph, ys: &[NodeId], xs: &[NodeId]) -> Result<Pattern> {
        let ys = opened(g, ys)?;
        pattern::of_scalars(g, &ys, xs, &mut self.budget("the Jacobian"))
    }

    /// See [`Graph::hessian_sparsity`].
    ///
    /// # Errors
    /// As there.
    pub fn hessian_sparsity(&self, g: &mut Graph, y: NodeId, xs: &[NodeId]) -> Result<Pattern> {
        let gradient = self.gradient(g, y, xs)?;
        pattern::of_scalars(g, &gradient, xs, &mut self.budget("the Hessian"))?.mirrored()
    }

    /// See [`Graph::sparse_jacobian`].
    ///
    /// # Errors
    /// As there.
    pub fn jacobian(&self, g: &mut Graph, ys: &[NodeId], xs: &[NodeId]) -> Result<SparseNodes> {
        let ys = opened(g, ys)?;
        rows::jacobian(g, &ys, xs, false, &mut self.budget("the Jacobian"))
    }

    /// As [`Graph::sparse_jacobian`] of one that is symmetric, such as that of a gradient: its upper triangle, `i <= j`.
    ///
    /// # Errors
    /// As there; [`Error::NotSparse`] unless there are as many outputs as inputs.
    pub fn symmetric_jacobian(&self, g: &mut Graph, ys: &[NodeId], xs: &[NodeId]) -> Result<SparseNodes> {
        if ys.len() != xs.len() {
            let what = "a symmetric Jacobian".to_string();
            let found = format!("{} by {}", ys.len(), xs.len());
            return Err(Error::NotSparse { what, expected: "square", found });
        }
        let ys = opened(g, ys)?;
        rows::jacobian(g, &ys, xs, true, &mut self.budget("the Hessian"))
    }

    /// See [`Graph::sparse_hessian`].
    ///
    /// # Errors
    /// As there.
    pub fn hessian(&self, g: &mut Graph, y: NodeId, xs: &[NodeId]) -> Result<SparseNodes> {
        let gradient = self.gradient(g, y, xs)?;
        self.symmetric_jacobian(g, &gradient, xs)
    }

    fn gradient(&self, g: &mut Graph, y: NodeId, xs: &[NodeId]) -> Result<Vec<NodeId>> {
        columns_of(g, xs)?;
        let gradient = g.gradient(y, xs)?;
        opened(g, &gradient)
    }
}

impl Graph {
    /// Which of the inputs `xs` each of the numbers `ys` depends on: the pattern of their Jacobian.
    ///
    /// Exact for the graph: no dependence is missed, and one that cancels in values is kept. Conditions do not count,
    /// since derivatives do not pass through them. Functions are opened, which is why the graph may grow.
    ///
    /// # Errors
    /// [`Error::NotSparse`] unless `ys` and `xs` are numbers, and `xs` are different inputs; also for more than ten
    /// million entries (see [`Sparse::limit`]).
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, shape::Type};
    /// let mut g = Graph::new();
    /// let (a, b, c) = (g.input("a", Type::scalar())?, g.input("b", Type::scalar())?, g.input("c", Type::scalar())?);
    /// let (p, q) = (g.multiply(a, b)?, g.add(b, c)?);
    /// let pattern = g.sparsity(&[p, q], &[a, b, c])?;
    /// assert_eq!((pattern.row(0), pattern.row(1)), (&[0, 1][..], &[1, 2][..]));
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn sparsity(&mut self, ys: &[NodeId], xs: &[NodeId]) -> Result<Pattern> {
        Sparse::default().sparsity(self, ys, xs)
    }

    /// Which pairs of inputs meet non-linearly in a number: the symmetric pattern of its Hessian.
    ///
    /// It is the pattern of the gradient's Jacobian, so a linear sum contributes no pair.
    ///
    /// # Errors
    /// As [`Graph::sparsity`] and [`Graph::gradient`].
    pub fn hessian_sparsity(&mut self, y: NodeId, xs: &[NodeId]) -> Result<Pattern> {
        Sparse::default().hessian_sparsity(self, y, xs)
    }

    /// `∂y[i]/∂x[j]` of numbers by inputs, for every pair where it may be non-zero.
    ///
    /// # Errors
    /// As [`Graph::sparsity`]; [`Error::NotDifferentiable`] where a primitive states no partial. Values on the way must
    /// be numbers too ([`Error::NotSparse`]).
    pub fn sparse_jacobian(&mut self, ys: &[NodeId], xs: &[NodeId]) -> Result<SparseNodes> {
        Sparse::default().jacobian(self, ys, xs)
    }

    /// `∂²y/∂x[i]∂x[j]` of a number by inputs, `i <= j`, for every pair where it may be non-zero.
    ///
    /// Time and memory follow the number of entries: of a chain of 10⁵ variables the Hessian has 3·10⁵ entries, not 10¹⁰.
    ///
    /// # Errors
    /// As [`Graph::sparse_jacobian`] and [`Graph::gradient`].
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, shape::Type};
    /// let mut g = Graph::new();
    /// let (a, b, c) = (g.input("a", Type::scalar())?, g.input("b", Type::scalar())?, g.input("c", Type::scalar())?);
    /// let square = g.power(a, 2);
    /// let product = g.multiply(square, b)?;
    /// let y = g.add(product, c)?; // a² b + c
    /// let hessian = g.sparse_hessian(y, &[a, b, c])?;
    /// let positions: Vec<_> = hessian.pattern.positions().collect();
    /// assert_eq!(positions, [(0, 0), (0, 1)]); // 2 b and 2 a; c is linear
    /// assert_eq!(hessian.get(0, 1), Some(g.add(a, a)?));
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn sparse_hessian(&mut self, y: NodeId, xs: &[NodeId]) -> Result<SparseNodes> {
        Sparse::default().hessian(self, y, xs)
    }
}
