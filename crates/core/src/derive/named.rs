//! Derivatives by name: `dL/da` where `a` is a definition, and derivatives that hold names fixed.
//!
//! The cut is by the name, never by the node: with `a = x²; b = x²; L = a b` the derivative `dL/da` is `b`. The
//! program is lowered with the name as a fresh input, differentiated, and the definition is substituted back.

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::node::NodeId;

impl Graph {
    /// `∂output/∂name` with other names held fixed; the name is a tag or an input.
    ///
    /// The output is an expression with tags (see [`Graph::tag`]); the answer has them erased.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that is neither a tag nor an input; as [`Graph::jacobian`].
    pub fn derivative(&mut self, output: NodeId, name: &str, holding: &[&str]) -> Result<NodeId> {
        self.expect_nodes(&[output])?;
        let mut cuts: Vec<&str> = Vec::new();
        for cut in holding.iter().chain([&name]) {
            let is_input = self.find_input(cut).is_some() && !self.depends_on_tag(output, cut);
            if !is_input && !cuts.contains(cut) {
                cuts.push(cut);
            }
        }
        // A held name that the output does not mention holds nothing; the differentiated one gives zero.
        let mentioned: Vec<&str> = cuts.iter().copied().filter(|c| self.depends_on_tag(output, c)).collect();
        if cuts.contains(&name) && !mentioned.contains(&name) {
            let Some(tag) = self.find_tag(name) else {
                return Err(Error::Unknown { name: name.to_string(), candidates: self.tags() });
            };
            let shape: Vec<_> = self.shape(output).iter().chain(self.shape(tag)).cloned().collect();
            return Ok(self.zero(crate::shape::Type::real(shape)));
        }
        let lowered = self.lower(&[output], &mentioned)?;
        let x = match mentioned.iter().position(|c| *c == name) {
            Some(k) => lowered.cuts[k].0,
            None => self
                .find_input(name)
                .ok_or_else(|| Error::Unknown { name: name.to_string(), candidates: self.tags() })?,
        };
        let mut jacobian = self.jacobian(lowered.outputs[0], x)?;
        // A definition may itself mention another cut: each round reaches one further.
        for _ in &lowered.cuts {
            jacobian = self.substitute(&[jacobian], &lowered.cuts)?[0];
        }
        Ok(jacobian)
    }

    /// The tag with this name that was made last.
    pub fn find_tag(&self, name: &str) -> Option<NodeId> {
        self.nodes().rev().find(|&n| matches!(self.op(n), crate::graph::op::Op::Tag(t) if **t == *name))
    }

    fn depends_on_tag(&self, output: NodeId, name: &str) -> bool {
        self.reachable(&[output])
            .into_iter()
            .any(|n| matches!(self.op(n), crate::graph::op::Op::Tag(t) if **t == *name))
    }
}
