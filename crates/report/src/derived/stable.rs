//! How an answer is evaluated where that differs from how it is written: exponentials are shifted by the largest.

use super::Names;
use chainrule_core::form::read::spelled;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Reduction;
use chainrule_core::node::NodeId;
use chainrule_core::render::Text;
use chainrule_lang::query::Query;

/// Why the evaluated form differs from the written one.
const WHY: &str = "shifted: cannot overflow";

/// Composites whose kernels shift by the largest entry.
const SHIFTED: [&str; 3] = ["softmax", "logsumexp", "log_softmax"];

/// The formula as it is evaluated, when it holds a function with a kernel of its own.
pub(crate) fn evaluated(
    query: &mut Query,
    names: &Names,
) -> chainrule_core::Result<Option<(Text, &'static str)>> {
    let g = &mut query.scope.graph;
    let mut replaced = Vec::new();
    let mut largest = Vec::new();
    for node in names.written(g, query.node) {
        let Some(function) = g.as_named(node) else { continue };
        if !SHIFTED.contains(&function.name.as_str()) || function.composite.is_none() {
            continue;
        }
        let (name, axes) = (function.name.clone(), function.axes.clone());
        let (new, max) = shifted(g, &name, g.arg(node, 0), &axes)?;
        replaced.push((node, new));
        largest.push(max);
    }
    if replaced.is_empty() {
        return Ok(None);
    }
    let node = g.substitute(&[query.node], &replaced)?[0];
    let printer = names.printer(query);
    // `max(z)` reads better than `max(k, z[k])`, where it means the same.
    let short: Vec<(NodeId, String)> = largest
        .into_iter()
        .filter(|&m| query.scope.graph.rank(m) == 0)
        .filter_map(|m| Some((m, printer.vector_text(m).filter(|t| t.definitions.is_empty())?.body)))
        .collect();
    let short: Vec<(NodeId, &str)> = short.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let letters: Vec<&str> =
        query.formula.letters.iter().map(|l| l.name.as_str()).filter(|l| !l.is_empty()).collect();
    let mut text = printer.letters(&letters).names(&short).index_text(node);
    // The printer quotes a name that is no identifier; here it is a formula.
    let plain = |body: &str| {
        short.iter().fold(body.to_string(), |body, (_, name)| body.replace(&spelled(name), name))
    };
    text.body = plain(&text.body);
    text.definitions.iter_mut().for_each(|(_, body)| *body = plain(body));
    Ok(Some((text, WHY)))
}

/// The function of shifted exponentials, and the largest entry.
fn shifted(g: &mut Graph, name: &str, x: NodeId, axes: &[usize]) -> chainrule_core::Result<(NodeId, NodeId)> {
    let mut max = x;
    let mut order = axes.to_vec();
    order.sort_unstable();
    for &axis in order.iter().rev() {
        max = g.reduce(Reduction::Max, max, axis)?;
    }
    let spread = g.restore_axes(max, x, axes)?;
    let moved = g.sub(x, spread)?;
    let new = match name {
        "softmax" => g.softmax(moved, axes)?,
        "log_softmax" => g.log_softmax(moved, axes)?,
        _ => {
            let rest = g.logsumexp(moved, axes)?;
            g.add(rest, max)?
        }
    };
    Ok((new, max))
}
