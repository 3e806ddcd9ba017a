//! The derivative as a NumPy expression. No exporter is linked to this crate yet, so there is none.

use chainrule_lang::query::Query;

/// The NumPy expression of a query, where there is one.
pub(crate) fn numpy(query: &Query) -> Option<String> {
    let _ = query;
    None
}
