//! A source text: its name, and which line and column a byte stands in.

/// Bytes of a source, half open.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes `start .. end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// From the first byte of one to the last of the other.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A source text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    /// As printed in messages: a path, `<stdin>`, `<command line>`.
    pub name: String,
    /// The text.
    pub text: String,
    lines: Vec<usize>,
}

impl Source {
    /// A source.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        let text = text.into();
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(k, _)| k + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Source { name: name.into(), text, lines }
    }

    /// Line and column of a byte, both from 1; columns count characters.
    ///
    /// ```
    /// use chainrule_lang::source::Source;
    /// let source = Source::new("a.chain", "dim n\nvar x : real[n]\n");
    /// assert_eq!(source.place(10), (2, 5));
    /// ```
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let byte = byte.min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= byte);
        let start = self.lines[line - 1];
        let column = self.text.get(start..byte).map_or(byte - start, |before| before.chars().count());
        (line, column + 1)
    }

    /// The line that a byte stands in, from 1.
    pub fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|&start| start <= byte.min(self.text.len()))
    }

    /// The bytes of a line, counted from 1, without its end.
    pub fn line(&self, number: usize) -> Span {
        let Some(&start) = self.lines.get(number.wrapping_sub(1)) else {
            return Span::new(self.text.len(), self.text.len());
        };
        let end = self.lines.get(number).map_or(self.text.len(), |next| next - 1);
        let end = if self.text[start..end].ends_with('\r') { end - 1 } else { end };
        Span::new(start, end)
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end.min(self.text.len())).unwrap_or("")
    }
}

/// A text without the round brackets around the whole of it.
pub(crate) fn bare(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else { return text };
    let mut depth = 0i64;
    let closes_early = inner.chars().any(|c| {
        depth += i64::from(c == '(') - i64::from(c == ')');
        depth < 0
    });
    if closes_early { text } else { inner.trim() }
}
