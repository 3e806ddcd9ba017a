//! Products of a Jacobian with several directions at once: one axis more in front, one graph for all of them.
//!
//! What does not depend on the direction is computed once. Compressed Jacobians ([`super::colouring`]) are such products.

use super::sweep;
use super::{expect_real, open_opaque};
use crate::error::{Error, Result};
use crate::form::Product;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::ops::rules::Rules;

impl Graph {
    /// `Σ_j ∂y[i…]/∂x[j…] tangents[c, j…]` over axes `c, i…`: a JVP for each `c`.
    ///
    /// # Errors
    /// As [`Graph::jvp`]; [`Error::ShapesDiffer`] unless the tangents have the shape of `x` behind one more axis.
    ///
    /// ```
    /// use chainrule_core::{eval::Bindings, graph::Graph, graph::op::Literal, shape::Type, tensor::Tensor};
    /// let mut g = Graph::new();
    /// let x = g.input("x", Type::real([2]))?;
    /// let y = g.power(x, 2);
    /// let directions = g.literal(Literal::real(&[2, 2], [1.0, 1.0, 0.0, 1.0])?);
    /// let products = g.jvp_batch(y, x, directions)?;
    /// let at = Bindings::new().with("x", Tensor::vector(vec![3.0, 5.0]));
    /// assert_eq!(g.evaluate(&[products], &at)?[0].real().unwrap().data(), [6.0, 10.0, 0.0, 10.0]);
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn jvp_batch(&mut self, y: NodeId, x: NodeId, tangents: NodeId) -> Result<NodeId> {
        self.expect_batch("jvp", x, tangents)?;
        let (y, x) = self.opened_pair(y, x)?;
        let seed = Product::of(tangents, &self.ty(tangents).shape.clone());
        sweep::forward(self, &Rules::new(), &mut None, y, &[(x, seed)], 1)
    }

    /// `Σ_i cotangents[c, i…] ∂y[i…]/∂x[j…]` over axes `c, j…`: a VJP for each `c`.
    ///
    /// # Errors
    /// As [`Graph::vjp`]; [`Error::ShapesDiffer`] unless the cotangents have the shape of `y` behind one more axis.
    pub fn vjp_batch(&mut self, y: NodeId, x: NodeId, cotangents: NodeId) -> Result<NodeId> {
        self.expect_batch("vjp", y, cotangents)?;
        let (y, x) = self.opened_pair(y, x)?;
        let seed = Product::of(cotangents, &self.ty(cotangents).shape.clone());
        Ok(sweep::reverse(self, &Rules::new(), &mut None, y, seed, 1, &[x])?.remove(0))
    }

    fn opened_pair(&mut self, y: NodeId, x: NodeId) -> Result<(NodeId, NodeId)> {
        expect_real(self, y)?;
        expect_real(self, x)?;
        let both = open_opaque(self, &[y, x], None)?;
        Ok((both[0], both[1]))
    }

    fn expect_batch(&self, operation: &'static str, one: NodeId, many: NodeId) -> Result<()> {
        expect_real(self, one)?;
        expect_real(self, many)?;
        if self.shape(many).get(1..) == Some(self.shape(one)) {
            return Ok(());
        }
        Err(Error::ShapesDiffer { operation, left: self.ty(one).clone(), right: self.ty(many).clone() })
    }
}
