//! The materialised mode: rules' entries as dense tensors, multiplied in tape order.
//!
//! This is what a program does that stores every Jacobian and multiplies by dense identities: a false delta is a
//! factor 0, so `0 · (-1)` is `-0`, and a sum starts at `+0`. It reproduces the homework's printout byte for byte,
//! and it is the independent route that checks the structured one.

use super::contract::{Mode, evaluate_product};
use super::{Options, Store, for_each_operand};
use crate::error::Result;
use crate::eval::Bindings;
use crate::form::Product;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

impl Graph {
    /// The dense value of an entry (a list of products over the same axes), conditions multiplied as 0 and 1.
    ///
    /// # Errors
    /// As [`Graph::evaluate`].
    pub fn evaluate_entry<S: Scalar>(
        &self,
        entry: &[Product],
        extents: &[crate::shape::Dim],
        at: &Bindings<S>,
        anchors: &[NodeId],
    ) -> Result<Tensor<S>> {
        let mut roots: Vec<NodeId> = Vec::new();
        for product in entry {
            for_each_operand(product, &mut |n, factor| {
                roots.push(if factor { super::divisor(self, n).unwrap_or(n) } else { n });
            });
        }
        roots.sort();
        roots.dedup();
        // Anchors are nodes whose inputs determine sizes, though the entry does not read them.
        let mut store =
            Store::new(self, &[roots.clone(), anchors.to_vec()].concat(), at, &Options::default())?;
        store.run(&roots, None)?;
        let mut total: Option<Tensor<S>> = None;
        for product in entry {
            let value = evaluate_product(&store, product, Mode::Materialised)?;
            total = Some(match total {
                None => value,
                Some(mut sum) => {
                    for (a, b) in sum.data_mut().iter_mut().zip(value.data()) {
                        *a = a.clone() + b.clone();
                    }
                    sum
                }
            });
        }
        let shape = store.extents(extents)?;
        total.map_or_else(|| super::zeros(&shape), Ok)
    }
}

/// `Σ_out cotangent[out] J[out, in]`: a sum from +0 over the output axes, a plain product when there are none.
pub fn pull_back<S: Scalar>(cotangent: &Tensor<S>, jacobian: &Tensor<S>) -> Tensor<S> {
    let out = cotangent.data().len();
    let rank = cotangent.shape().len();
    let shape = &jacobian.shape()[rank..];
    let inner: usize = shape.iter().product();
    let at = |o: usize, i: usize| cotangent.data()[o].clone() * jacobian.data()[o * inner + i].clone();
    let data = (0..inner)
        .map(|i| if rank == 0 { at(0, i) } else { (0..out).fold(S::zero(), |s, o| s + at(o, i)) })
        .collect();
    Tensor::new(shape, data).expect("invariant: one entry for each position of the argument")
}
