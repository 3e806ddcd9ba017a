//! The table of rules as a value, so that a derivation can be replayed with one rule replaced.

use super::composite::COMPOSITES;
use super::{Primitive, contract, linear, reduce, scan, select, sum};
use crate::error::{Error, Result};
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Linear, Op, Reduction};
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::ops::map::Map;
use crate::ops::pointwise::{Partial, Pointwise};
use indexmap::IndexMap;
use smallvec::SmallVec;
use std::cell::RefCell;

/// What a replaced rule answers instead of the right entry.
pub type Replacement =
    Box<dyn Fn(&mut Graph, NodeId, usize, Vec<Product>) -> Result<Vec<Product>> + Send + Sync>;

/// The rules of differentiation: every primitive's own entry, but for those that are replaced.
#[derive(Default)]
pub struct Rules {
    replaced: IndexMap<String, Replacement>,
}

impl Rules {
    /// The right rules.
    pub fn new() -> Rules {
        Rules::default()
    }

    /// The same rules with that of one primitive changed: `change` gets the right entry and answers another.
    pub fn replace(
        mut self,
        name: &str,
        change: impl Fn(&mut Graph, NodeId, usize, Vec<Product>) -> Result<Vec<Product>> + Send + Sync + 'static,
    ) -> Rules {
        self.replaced.insert(name.to_string(), Box::new(change));
        self
    }

    /// Whether the rule of one primitive is another than its own.
    pub fn is_replaced(&self, name: &str) -> bool {
        self.replaced.contains_key(name)
    }

    /// The entry `D[out; in]` of a node with respect to operand `k`; a function without a stated one answers with that
    /// of its body.
    ///
    /// # Errors
    /// [`Error::NotDifferentiable`] where the primitive states no partial.
    pub fn entry(&self, g: &mut Graph, y: NodeId, k: usize) -> Result<Vec<Product>> {
        g.expect_nodes(&[y])?;
        if k >= g.raw_args(y).len() {
            let found = g.raw_args(y).len();
            return Err(Error::Arity { operation: rule_name(g, y).to_string(), expected: k + 1, found });
        }
        let entry = match g.op(y) {
            Op::Map(id) => map_entry(g, Map::by_id(*id), y, k)?,
            _ => match primitive(g, y) {
                Some(primitive) => (primitive.entry)(g, y, k)?,
                None if g.as_named(y).is_some() => g.body_entry(y, k)?,
                None => Vec::new(),
            },
        };
        match self.replaced.get(rule_name(g, y)) {
            Some(change) => change(g, y, k, entry),
            None => Ok(entry),
        }
    }
}

/// Name of the rule that differentiates a node; empty for leaves.
pub fn rule_name(g: &Graph, y: NodeId) -> &'static str {
    match g.op(y) {
        Op::Map(id) => Map::by_id(*id).name,
        _ => primitive(g, y).map_or("", |p| p.name),
    }
}

/// The record of a node that is not a map; none for leaves and for functions without a stated entry.
pub fn primitive(g: &Graph, y: NodeId) -> Option<&'static Primitive> {
    Some(match g.op(y) {
        Op::Sum(_) => &sum::SUM,
        Op::Contract(_) => &contract::CONTRACT,
        Op::Select => &select::SELECT,
        Op::Compare(_) | Op::Logic(_) | Op::ArgMax(_) | Op::ArgSort(_) => &select::PREDICATE,
        Op::Reduce(Reduction::Max, _) => &reduce::MAX,
        Op::Reduce(Reduction::Min, _) => &reduce::MIN,
        Op::Reduce(Reduction::Prod, _) => &reduce::PROD,
        Op::Linear(kind) => match kind {
            Linear::Inverse => &linear::INVERSE,
            Linear::Solve => &linear::SOLVE,
            Linear::SolveLower => &linear::SOLVE_LOWER,
            Linear::SolveUpper => &linear::SOLVE_UPPER,
            Linear::Det => &linear::DET,
            Linear::LogAbsDet => &linear::LOG_ABS_DET,
            Linear::Cholesky => &linear::CHOLESKY,
        },
        Op::Named(_) => return has_entry(g, y),
        Op::Scan(_) => &scan::SCAN,
        Op::Tag(_) | Op::Checkpoint => &sum::IDENTITY,
        Op::StopGradient => &sum::STOP_GRADIENT,
        Op::Zero(_) | Op::Input(_) | Op::Rational(_) | Op::Pi | Op::Size(_) | Op::Literal(_) | Op::Map(_) => {
            return None;
        }
    })
}

/// The stated entry of a named function, if it has one; otherwise its body is differentiated.
pub fn has_entry(g: &Graph, y: NodeId) -> Option<&'static Primitive> {
    let composite = COMPOSITES[usize::from(g.as_named(y)?.composite?)];
    composite.has_entry.then_some(&composite.primitive)
}

/// Every record but the maps', in the order in which they are listed.
pub static PRIMITIVES: &[&Primitive] = &[
    &sum::SUM,
    &contract::CONTRACT,
    &select::SELECT,
    &select::PREDICATE,
    &reduce::MAX,
    &reduce::MIN,
    &reduce::PROD,
    &linear::INVERSE,
    &linear::SOLVE,
    &linear::SOLVE_LOWER,
    &linear::SOLVE_UPPER,
    &linear::DET,
    &linear::LOG_ABS_DET,
    &linear::CHOLESKY,
    &scan::SCAN,
    &sum::IDENTITY,
    &sum::STOP_GRADIENT,
];

/// The partial of a map with respect to argument `k`, entry by entry.
pub(crate) fn map_partial(g: &RefCell<Graph>, map: &'static Map, y: NodeId, k: usize) -> Result<Partial> {
    let args = g.borrow().args(y);
    let points: SmallVec<[Pointwise<'_>; 3]> = args.iter().map(|&a| Pointwise::new(g, a)).collect();
    let partial = (map.partials[k])(&points, Pointwise::new(g, y));
    match partial.opaque {
        Some(why) => Err(Error::NotDifferentiable { what: map.name.to_string(), why }),
        None => Ok(partial),
    }
}

/// `delta(o, i) · partial`, with the partial read at the axes of the result.
fn map_entry(g: &mut Graph, map: &'static Map, y: NodeId, k: usize) -> Result<Vec<Product>> {
    let cell = RefCell::new(std::mem::take(g));
    let partial = map_partial(&cell, map, y, k);
    *g = cell.into_inner();
    let partial = partial?;
    let x = g.arg(y, k);
    let rank = g.rank(y);
    let at: Vec<Term> = (0..rank).map(|a| Term::label(Label(a as u32))).collect();
    let mut products = Vec::new();
    for term in &partial.terms {
        let mut product = super::deltas(g, y, x, (0..rank).map(|a| (a, a))).scaled(&term.coefficient);
        if let Some(value) = term.value {
            product.accesses.push(Access::new(value, at.iter().cloned()));
        }
        for &(predicate, negated) in &term.guards {
            product.conds.push(Cond::Holds(predicate, at.iter().cloned().collect(), negated));
        }
        products.push(product);
    }
    Ok(products)
}
