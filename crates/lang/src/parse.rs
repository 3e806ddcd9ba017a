//! Text to tree.

use crate::ast::File;
use crate::diagnostic::Diagnostic;
use crate::source::Source;

/// Reads a file. Parsing never stops at the first error.
pub fn parse(source: &Source) -> (File, Vec<Diagnostic>) {
    let _ = source;
    (File::default(), Vec::new())
}

/// stub until the parser is merged
pub fn parse_formula(_source: &Source) -> (Option<(crate::ast::Tree, crate::ast::Equation)>, Vec<Diagnostic>) {
    (None, Vec::new())
}
