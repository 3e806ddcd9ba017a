//! A question: two formulas in one graph, and what may be used to compare them.

use chainrule_core::eval::Bindings;
use chainrule_core::ops::rules::Rules;
use chainrule_core::{Graph, NodeId, Result};
use std::time::Duration;

/// Derives the truth again, with other rules.
pub type Replay<'q> = dyn Fn(&mut Graph, &Rules) -> Result<NodeId> + 'q;

/// Is `claimed` the derivative that `derived` is?
pub struct Question<'q> {
    /// The truth, a node of the graph.
    pub derived: NodeId,
    /// What was written, a node of the same graph.
    pub claimed: NodeId,
    /// `Some(r)` when both sides are arrays without explicit indices and the first `r` axes of the truth come from the
    /// numerator: then a claim with the two blocks of axes exchanged is right up to layout. A numerator of rank 0
    /// has no other layout.
    pub numerator_rank: Option<usize>,
    /// Boolean nodes whose entries all hold.
    pub assume: &'q [NodeId],
    /// The file's own numbers with their names, tried first.
    pub cases: &'q [(String, Bindings<f64>)],
    /// Derives `derived` again with other rules: names the slip, and tells whether a convention at a kink matters.
    pub replay: Option<&'q Replay<'q>>,
    /// The claim contains derivatives of its own, so both sides follow the same conventions at kinks.
    pub claim_differentiates: bool,
    /// Limits of time and work.
    pub budget: Budget,
}

impl<'q> Question<'q> {
    /// The question with nothing assumed, no cases and no way to derive again.
    pub fn new(derived: NodeId, claimed: NodeId) -> Question<'q> {
        Question {
            derived,
            claimed,
            numerator_rank: None,
            assume: &[],
            cases: &[],
            replay: None,
            claim_differentiates: false,
            budget: Budget::default(),
        }
    }
}

/// Limits of one question; what is not decided within them is undecided.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Wall-clock time of the whole question.
    pub time: Duration,
    /// Steps of one canonical form.
    pub steps: usize,
    /// Points at which formulas are compared.
    pub points: usize,
    /// Largest tensor that is evaluated at a point.
    pub entries: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { time: Duration::from_millis(1000), steps: 60_000, points: 200, entries: 20_000 }
    }
}
