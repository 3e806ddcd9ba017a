//! Recorded steps: what a derivation did, as data that reports render and tests re-check.

use crate::form::Product;
use crate::form::normal::Step as Rewrite;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::ops::rules::rule_name;

/// One application of a rule.
#[derive(Clone, Debug)]
pub struct Step {
    /// Name of the primitive's rule.
    pub rule: &'static str,
    /// The node that was differentiated.
    pub node: NodeId,
    /// With respect to which operand.
    pub operand: usize,
    /// The entry as the primitive states it.
    pub raw: Vec<Product>,
    /// The entry after delta elimination, as a node over the axes of result and operand.
    pub entry: NodeId,
    /// The named rewrites that led from `raw` to `entry`.
    pub rewrites: Vec<Rewrite>,
}

/// Collects the steps of a derivation.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    /// In the order of the sweep.
    pub steps: Vec<Step>,
}

impl Recorder {
    /// An empty recorder.
    pub fn new() -> Recorder {
        Recorder::default()
    }

    pub(crate) fn record(&mut self, g: &mut Graph, node: NodeId, operand: usize, raw: &[Product]) {
        let mut rewrites = Vec::new();
        let x = g.arg(node, operand);
        let shape: Vec<_> = g.shape(node).iter().chain(g.shape(x)).cloned().collect();
        let one = crate::rational::Rational::from(1);
        let terms: Vec<_> =
            raw.iter().map(|p| (one.clone(), g.intern_product_with(p.clone(), &mut rewrites))).collect();
        let entry = g.sum_unchecked(&terms, |_| crate::shape::Type::real(shape));
        self.steps.push(Step { rule: rule_name(g, node), node, operand, raw: raw.to_vec(), entry, rewrites });
    }
}
