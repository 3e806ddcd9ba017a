//! Where an answer is valid: the domains of its functions, the ranges of its labels, what the file assumes.

use super::Names;
use super::guards::Guards;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Op;
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{Domain as Of, Map};
use chainrule_core::render::Printer;
use chainrule_core::shape::DType;
use chainrule_lang::query::Query;
use std::collections::BTreeMap;

/// Where an answer is valid.
pub(crate) struct Domain {
    /// `all real z, 0 <= y < n`
    pub(crate) sentence: String,
    /// Conditions, one by one.
    pub(crate) assumptions: Vec<String>,
}

/// So many conditions are printed; the number of the others is said.
const CONDITIONS: usize = 12;

/// Where a query's answer is valid.
pub(crate) fn domain(query: &mut Query, names: &Names) -> chainrule_core::Result<Domain> {
    let functions: Vec<NodeId> = query.formula.taken.iter().map(|t| t.function).collect();
    let mut outputs = vec![query.node];
    for function in functions {
        outputs.push(super::kinks::without_cuts(query, function)?);
    }
    let assumed: Vec<NodeId> = query.scope.assumptions.clone();
    let assumed = query.scope.graph.lower(&assumed, &[])?.outputs;
    let g = &query.scope.graph;
    let nodes = g.reachable(&outputs);
    let signs = signs(g, &nodes);
    let guards = Guards::new(g, &outputs, &nodes);
    let mut conditions: Vec<String> = Vec::new();
    let printer = names.printer(query);
    for &node in &nodes {
        let Op::Map(id) = g.op(node) else { continue };
        let map = Map::by_id(*id);
        let Some(condition) = condition(g, &printer, names, map, node, &signs, &guards) else { continue };
        let implied = condition.strip_suffix(" != 0").map(|x| format!("{x} > 0"));
        if !conditions.contains(&condition) && implied.is_none_or(|c| !conditions.contains(&c)) {
            conditions.push(condition);
        }
    }
    for &node in &nodes {
        if let Op::Linear(kind) = g.op(node) {
            let arg = whole(&printer, names, g.arg(node, 0));
            let condition = match kind {
                chainrule_core::graph::op::Linear::Cholesky => {
                    format!("{arg} is symmetric and positive definite")
                }
                chainrule_core::graph::op::Linear::Det => continue,
                _ => format!("{arg} is invertible"),
            };
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
    }
    for &node in &assumed {
        let condition = format!("{} (assumed)", printer.index_text(node).body);
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    let hidden = conditions.len().saturating_sub(CONDITIONS);
    conditions.truncate(CONDITIONS);
    if hidden > 0 {
        conditions.push(format!("{hidden} more conditions"));
    }
    let (mut reals, mut labels) = (Vec::new(), Vec::new());
    for &node in &nodes {
        let Some(input) = g.as_input(node) else { continue };
        let base = query.scope.settings.base;
        match (input.ty.dtype, &input.ty.below) {
            (DType::Real, _) => reals.push(input.name.to_string()),
            (DType::Int, Some(below)) if base == 0 => labels.push(format!("0 <= {} < {below}", input.name)),
            (DType::Int, Some(below)) => labels.push(format!("{base} <= {} <= {below}", input.name)),
            (DType::Int, None) => labels.push(format!("whole {}", input.name)),
            (DType::Bool, _) => labels.push(format!("{} true or false", input.name)),
        }
    }
    let mut parts = Vec::new();
    if !reals.is_empty() {
        let all = if conditions.is_empty() { "all real" } else { "real" };
        parts.push(format!("{all} {}", reals.join(", ")));
    }
    parts.extend(labels.iter().cloned());
    let mut sentence = if parts.is_empty() { "always".to_string() } else { parts.join(", ") };
    if !conditions.is_empty() {
        sentence = format!("{sentence}  with {}", conditions.join(", "));
    }
    conditions.extend(labels);
    Ok(Domain { sentence, assumptions: conditions })
}

/// A definition by its name and letters, anything else written out.
pub(crate) fn argument(printer: &Printer<'_>, names: &Names, node: NodeId) -> String {
    match names.get(node) {
        Some(name) => match &printer.free_letters(node)[..] {
            [] => name.to_string(),
            letters => format!("{name}[{}]", letters.join(",")),
        },
        None => printer.index_text(node).body,
    }
}

/// An array without indices: by its name, in vectorised notation, or as one of its entries where there is none.
pub(crate) fn whole(printer: &Printer<'_>, names: &Names, node: NodeId) -> String {
    let written = || printer.vector_text(node).filter(|t| t.definitions.is_empty()).map(|t| t.body);
    match names.get(node) {
        Some(name) => name.to_string(),
        None => written().unwrap_or_else(|| printer.index_text(node).body),
    }
}

/// What a function asks of its argument, unless that is always so.
fn condition(
    g: &Graph,
    printer: &Printer<'_>,
    names: &Names,
    map: &'static Map,
    node: NodeId,
    signs: &BTreeMap<NodeId, Sign>,
    guards: &Guards,
) -> Option<String> {
    let arg = g.arg(node, 0);
    let (positive, nonzero) = guards.sign(g, node, arg);
    let sign = if positive { Sign::Positive } else { signs.get(&arg).copied().unwrap_or(Sign::Unknown) };
    let relation = match map.domain {
        Of::Everywhere => return None,
        Of::Positive | Of::Base | Of::NonZero | Of::SmoothButZero | Of::ButGammaPoles | Of::AboveMinusOne
            if sign == Sign::Positive =>
        {
            return None;
        }
        Of::AboveMinusOne | Of::NonNegative if sign >= Sign::NonNegative => return None,
        Of::NonZero | Of::SmoothButZero if nonzero => return None,
        _ if holds_at(map, g.as_rational(arg)) => return None,
        Of::Positive => "{x} > 0",
        Of::NonNegative => "{x} >= 0",
        Of::NonZero => "{x} != 0",
        Of::UnitInterval => "-1 < {x} < 1",
        Of::AboveMinusOne => "{x} > -1",
        Of::Base => "{x} > 0",
        Of::SmoothButZero => "{x} != 0",
        Of::CosineNonZero => "{x} not an odd multiple of pi/2",
        Of::ButGammaPoles | Of::Order => "{x} not 0, -1, -2, ...",
        Of::ButOrigin => "the arguments of {f} not both 0",
        Of::Interval => "the bounds of {f} in order",
    };
    let x = argument(printer, names, arg);
    let x = if x.chars().count() > 60 { format!("the argument of {}", map.name) } else { x };
    Some(relation.replace("{x}", &x).replace("{f}", map.name))
}

/// Whether a number lies in the domain.
fn holds_at(map: &'static Map, value: Option<chainrule_core::rational::Rational>) -> bool {
    let Some(value) = value else { return false };
    match map.domain {
        Of::NonZero => !value.is_zero(),
        Of::Positive => !value.is_negative() && !value.is_zero(),
        _ => false,
    }
}

/// What is known of the sign of all entries of a node.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Sign {
    Unknown,
    NonNegative,
    Positive,
}

/// Signs of nodes, from operands to users: sums of exponentials are positive, squares are not negative.
pub(crate) fn signs(g: &Graph, nodes: &[NodeId]) -> BTreeMap<NodeId, Sign> {
    let mut signs: BTreeMap<NodeId, Sign> = BTreeMap::new();
    for &node in nodes {
        let of = |n: NodeId| signs.get(&n).copied().unwrap_or(Sign::Unknown);
        let sign = match g.op(node) {
            Op::Pi => Sign::Positive,
            Op::Rational(value) if value.is_zero() => Sign::NonNegative,
            Op::Rational(value) if !value.is_negative() => Sign::Positive,
            // A size may be 0; the answer is about arrays that have entries.
            Op::Size(_) => Sign::Positive,
            Op::Input(_) if g.as_input(node).is_some_and(|i| i.facts.positive) => Sign::Positive,
            Op::Zero(_) => Sign::NonNegative,
            Op::Sum(coefficients) => {
                let args = g.args(node);
                let terms = || coefficients.iter().zip(&args);
                if terms().any(|(c, &a)| c.is_negative() || of(a) == Sign::Unknown) {
                    Sign::Unknown
                } else if terms().any(|(_, &a)| of(a) == Sign::Positive) {
                    Sign::Positive
                } else {
                    Sign::NonNegative
                }
            }
            Op::Contract(_) => {
                let product = g.as_product(node);
                let factor = |a: &chainrule_core::form::Access| match of(a.node) {
                    Sign::Unknown if a.power.is_multiple_of(2) => Sign::NonNegative,
                    known => known,
                };
                let least = product.accesses.iter().map(factor).min().unwrap_or(Sign::Positive);
                let scaled = if product.coefficient.is_negative() { Sign::Unknown } else { least };
                // A condition may leave no term.
                if product.conds.is_empty() { scaled } else { scaled.min(Sign::NonNegative) }
            }
            Op::Map(id) => match Map::by_id(*id).name {
                "exp" | "sigmoid" | "softplus" | "cosh" => Sign::Positive,
                "recip" | "sqrt" | "cbrt" => of(g.arg(node, 0)),
                "abs" | "relu" => of(g.arg(node, 0)).max(Sign::NonNegative),
                _ => Sign::Unknown,
            },
            Op::Reduce(..) | Op::Tag(_) | Op::StopGradient | Op::Checkpoint => of(g.arg(node, 0)),
            Op::Named(_) if g.as_named(node).is_some_and(|f| f.name == "softmax") => Sign::Positive,
            _ => Sign::Unknown,
        };
        signs.insert(node, sign);
    }
    signs
}

/// The bindings with one more name.
pub(crate) fn with(
    at: &Bindings<f64>,
    name: &str,
    value: chainrule_core::tensor::Value<f64>,
) -> Bindings<f64> {
    let mut at = at.clone();
    at.bind(name, value);
    at
}
