//! The contraction: `y[o] = Σ_b Π X[t]^k · [conditions]`.
//!
//! One kind covers matrix products, transposes, broadcasts, traces, diagonals, slices, padding, reversal,
//! convolution, reshape, concatenation, gather, scatter-add and one-hot.

use super::Primitive;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::rational::Rational;

/// The entry keeps the other factors and turns the access into deltas.
pub static CONTRACT: Primitive = Primitive {
    name: "contract",
    family: "Sums and products",
    about: "Sum over bound indices of a product of accesses, deltas and guards.",
    formula: "y[o] = sum(b, X[t]^k * other factors)",
    derivative: "dy[o]/dX[i] = sum(b, k * X[t]^(k-1) * other factors * delta(t,i)), for each access of X",
    domain: "all reals",
    kinks: "none",
    entry: |g, y, k| {
        let product = g.as_product(y);
        let x = g.arg(y, k);
        Ok((0..product.accesses.len())
            .filter(|&j| product.accesses[j].node == x)
            .map(|j| entry_of_access(g, &product, j))
            .collect())
    },
};

/// The entry with respect to the operand of access `j`, through that access only.
fn entry_of_access(g: &Graph, product: &Product, j: usize) -> Product {
    let Access { node: x, at, power } = product.accesses[j].clone();
    let (out, rank) = (product.free, g.rank(x));
    let mut extents = product.extents.clone();
    extents.insert_many(out, g.shape(x).iter().cloned());
    let shift = |l: Label| if (l.0 as usize) < out { l } else { Label(l.0 + rank as u32) };
    let mut entry = product.relabel(extents, out + rank, &shift);
    entry.coefficient = &entry.coefficient * &Rational::from(i64::from(power));
    if power > 1 {
        entry.accesses[j].power = power - 1;
    } else {
        entry.accesses.remove(j);
    }
    for (axis, term) in at.iter().enumerate() {
        let argument = Term::label(Label((out + axis) as u32));
        entry.conds.push(Cond::delta(term.relabel(&shift), argument));
    }
    entry
}

impl Graph {
    /// The node of a product, in its stable form.
    ///
    /// Renaming or reordering bound labels and factors gives the same node.
    pub fn product(&mut self, product: Product) -> NodeId {
        match self.stable_product(&product) {
            Some(product) => self.intern_product(product),
            None => self.intern_product(product),
        }
    }
}
