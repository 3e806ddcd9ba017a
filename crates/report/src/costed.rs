//! What a formula costs, as one record: polynomials in its sizes, numbers at a case, the plan that computes it.

mod json;
mod text;

use chainrule_core::NodeId;
use chainrule_core::shape::{Dim, Sizes};
use chainrule_exec::cost::{self, Cost, Counts, Storage};
use chainrule_exec::plan::explain::Explanation;
use chainrule_exec::plan::timings::Timings;
use chainrule_lang::query::Query;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes of an entry: reals are 64-bit floats.
const ENTRY: i64 = 8;

/// What a formula costs.
#[derive(Clone, Debug)]
pub struct Costed {
    /// The formula as asked.
    pub expr: String,
    /// `real[n]`
    pub ty: String,
    /// Extents of its axes.
    pub shape: Vec<Dim>,
    /// As one array.
    pub cost: Cost,
    /// As deltas and factors, where these can be fewer numbers.
    pub storage: Option<Storage>,
}

/// The same at numbers for the sizes.
#[derive(Clone, Debug)]
pub struct At {
    /// Where the sizes are from: a case, or what was typed.
    pub case: String,
    /// The sizes that occur.
    pub sizes: Vec<(String, i64)>,
    /// As one array.
    pub dense: Counts,
    /// Entries of the factors, and what they cost.
    pub stored: Option<Counts>,
    /// The plan that computes it.
    pub plan: Explanation,
    /// Whether the plan computes the factors only.
    pub structured: bool,
    /// What runs of it took.
    pub timings: Option<Timings>,
}

impl Costed {
    /// The record of a query.
    ///
    /// # Errors
    /// What counting refuses; none for a query as `Program::query` gives it.
    pub fn new(query: &Query) -> chainrule_exec::Result<Costed> {
        let (graph, node): (_, NodeId) = (&query.scope.graph, query.node);
        let cost = cost::cost(graph, &[node])?;
        // Positions and truth values have no derivative, so no structure.
        let storage = cost::storage(graph, node).ok();
        Ok(Costed {
            expr: query.source.text.split_whitespace().collect::<Vec<_>>().join(" "),
            ty: graph.ty(node).to_string(),
            shape: query.shape.clone(),
            storage: storage.filter(|s| !s.dense.is_at_most(&s.stored)),
            cost,
        })
    }

    /// The sizes that occur.
    pub fn names(&self) -> BTreeSet<Arc<str>> {
        let mut names = self.cost.names();
        names.extend(self.shape.iter().flat_map(Dim::names));
        if let Some(storage) = &self.storage {
            names.extend(storage.cost.names());
        }
        names
    }

    /// The numbers at some sizes.
    ///
    /// # Errors
    /// A size without a number.
    pub fn counts(&self, sizes: &Sizes) -> chainrule_exec::Result<(Counts, Option<Counts>)> {
        let stored = self.storage.as_ref().map(|s| s.cost.at(sizes)).transpose()?;
        Ok((self.cost.at(sizes)?, stored))
    }
}
