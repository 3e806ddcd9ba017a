//! A formula and the definitions below it, as the printer writes them: `t1*x[i]`, then lines `where t1 = …`.

use super::syntax;
use crate::error::Result;

/// One formula of a text and the byte where it begins.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) struct Clause<'a> {
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

/// The formula, and its definitions in order.
pub(crate) fn clauses(text: &str) -> Result<(Clause<'_>, Vec<Clause<'_>>)> {
    let mut starts: Vec<(usize, usize)> = Vec::new();
    for (end, _) in text.match_indices('\n') {
        let line = &text[end + 1..];
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if line[indent..].starts_with("where ") {
            starts.push((end, end + 1 + indent + "where ".len()));
        }
    }
    let end_of = |k: usize| starts.get(k).map_or(text.len(), |s| s.0);
    let body = Clause { start: 0, text: &text[..end_of(0)] };
    let mut definitions = Vec::with_capacity(starts.len());
    for (k, &(_, start)) in starts.iter().enumerate() {
        let clause = Clause { start, text: &text[start..end_of(k + 1)] };
        if clause.text.starts_with("the first ") && clause.text.contains("left out") {
            let message =
                "definitions were left out here: print with a larger `max_definitions` to read the text back";
            return Err(syntax(start, message));
        }
        definitions.push(clause);
    }
    Ok((body, definitions))
}
