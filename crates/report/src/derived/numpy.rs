//! The derivative as a NumPy expression, from the exporter.

use chainrule_export::{Names, numpy};
use chainrule_lang::query::Query;

/// So many lines of set-up are printed; a longer program belongs in a file.
const LINES: usize = 40;

/// The NumPy text of a query: assignments and the result, parted by `; `, or by lines where a comment or a block
/// needs them; `None` where it would be too long.
pub(crate) fn numpy(query: &Query) -> Option<String> {
    let text = numpy::expression(&query.scope.graph, query.node, &Names::new());
    if text.setup.len() > LINES {
        return None;
    }
    let needs_lines =
        |line: &String| line.starts_with(['#', ' ']) || line.ends_with(':') || line.contains('\n');
    let separator = if text.setup.iter().any(needs_lines) { "\n" } else { "; " };
    let mut parts = text.setup;
    parts.push(text.result);
    Some(parts.join(separator))
}
