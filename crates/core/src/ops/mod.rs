//! Primitives: one block for each, holding everything that is true of it.
//!
//! A primitive states one thing about differentiation, the entry of its Jacobian `D[out; in]` as a list of
//! products: free labels are the axes of the result, then those of the argument. The driver decides what is summed.

pub mod axes;
pub mod batch;
pub mod composite;
pub mod contract;
pub mod elementwise;
pub mod equation;
pub mod indexing;
pub mod linear;
pub mod map;
pub mod pointwise;
pub mod rebuild;
pub mod reduce;
pub mod reductions;
pub mod rules;
pub mod scan;
pub mod select;
mod shapes;
pub mod stable;
pub mod sum;

#[cfg(test)]
mod power_tests;

use crate::error::Result;
use crate::form::Product;
use crate::graph::Graph;
use crate::node::NodeId;

/// The entry `D[out; in]` of node `y` with respect to operand `k`, as a sum of products.
pub type EntryFn = fn(&mut Graph, y: NodeId, k: usize) -> Result<Vec<Product>>;

/// What the records of all kinds of primitives have in common.
pub struct Primitive {
    /// Name, as written.
    pub name: &'static str,
    /// Heading under which it is listed.
    pub family: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Value, in index notation.
    pub formula: &'static str,
    /// Entry of the Jacobian, in index notation.
    pub derivative: &'static str,
    /// Where it is defined.
    pub domain: &'static str,
    /// Where it has no derivative, and the convention there.
    pub kinks: &'static str,
    /// The entry.
    pub entry: EntryFn,
}

impl std::fmt::Debug for Primitive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// `delta(o_k, i_k)` for every pair of axes listed, over axes `out… in…`.
pub(crate) fn deltas(
    g: &Graph,
    y: NodeId,
    x: NodeId,
    pairs: impl IntoIterator<Item = (usize, usize)>,
) -> Product {
    use crate::form::Cond;
    use crate::index::{Label, Term};
    let rank = g.rank(y);
    let mut product = Product::one(g.shape(y).iter().chain(g.shape(x)).cloned());
    for (o, i) in pairs {
        let (o, i) = (Label(o as u32), Label((rank + i) as u32));
        product.conds.push(Cond::delta(Term::label(o), Term::label(i)));
    }
    product
}
