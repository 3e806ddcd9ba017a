//! The derivative as NumPy code: what to run first, then the value.

use chainrule_export::Names;
use chainrule_export::numpy::expression;
use chainrule_lang::query::Query;

/// So many lines are printed; a longer program belongs in a file.
const LINES: usize = 40;

/// Longest code that stands on one line, its statements parted by `;`.
const LINE: usize = 88;

/// The NumPy code of a query; positions and labels count from 0 in it, as NumPy does.
pub(crate) fn numpy(query: &Query) -> Option<String> {
    let text = expression(&query.scope.graph, query.node, &Names::new()).ok()?;
    let mut lines = text.setup;
    if lines.len() > LINES {
        return None;
    }
    lines.push(text.result);
    let simple = lines
        .iter()
        .all(|l| !l.contains('\n') && !l.starts_with(' ') && !l.ends_with(':') && !l.starts_with('#'));
    let joined = lines.join("; ");
    Some(if simple && joined.len() <= LINE { joined } else { lines.join("\n") })
}
