//! Lines of a source under a message, with the places underlined.
//!
//! ```text
//!    31 |   def y = V @ x + b
//!       |           - ^ -  x : real[n]
//!       |           |
//!       |           V : real[n,m]
//! ```
//! The place itself is marked `^`, further ones `-`. Nothing is wider than 100 columns.

use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};

/// Columns of the terminal that a message may take.
pub(crate) const WIDTH: usize = 100;

/// Columns left of the source: the number of the line and a bar.
const MARGIN: usize = 8;

/// Columns of the source.
const ROOM: usize = WIDTH - MARGIN;

/// Where a label stands on its line, in columns.
struct Mark<'a> {
    from: usize,
    to: usize,
    sign: char,
    words: &'a str,
}

impl Diagnostic {
    /// Writes the lines of the source that the labels point at, from top to bottom.
    pub(crate) fn excerpt(&self, source: &Source, out: &mut String) {
        let mut lines: Vec<usize> = self.labels.iter().map(|(span, _)| source.line_of(span.start)).collect();
        lines.sort_unstable();
        lines.dedup();
        let digits = lines.last().map_or(1, |line| line.to_string().len()).max(5);
        let mut before = None;
        for line in lines {
            if before.is_some_and(|before| before + 1 < line) {
                out.push_str(&" ".repeat(digits - 2));
                out.push_str("...\n");
            }
            before = Some(line);
            let labels =
                self.labels.iter().enumerate().filter(|(_, (span, _))| source.line_of(span.start) == line);
            let labels: Vec<(usize, Span, &str)> =
                labels.map(|(k, (span, words))| (k, *span, words.as_str())).collect();
            let (text, marks) = window(source, line, &labels);
            out.push_str(format!("{line:>digits$} | {text}").trim_end());
            out.push('\n');
            for row in rows(&marks) {
                out.push_str(format!("{:digits$} | {row}", "").trim_end());
                out.push('\n');
            }
        }
    }
}

/// The piece of a line that is shown, and the marks in its columns.
fn window<'a>(source: &Source, line: usize, labels: &[(usize, Span, &'a str)]) -> (String, Vec<Mark<'a>>) {
    let whole = source.line(line);
    let first = labels.iter().map(|(_, span, _)| span.start).min().unwrap_or(whole.start);
    // A line of a megabyte is not laid out whole to show a hundred columns of it.
    let start = boundary(&source.text, first.saturating_sub(4 * ROOM).max(whole.start));
    let end = boundary(&source.text, (first + 8 * ROOM).min(whole.end).max(start));
    let mut cells: Vec<(usize, char)> = Vec::new();
    for (k, c) in source.text[start..end].char_indices() {
        match (c, width(c)) {
            ('\t', _) => cells.extend(std::iter::repeat_n((start + k, ' '), 4 - cells.len() % 4)),
            (_, 0) if !c.is_control() => {}
            (_, 0) => cells.push((start + k, '?')),
            (_, 2) => cells.extend([(start + k, c), (start + k, '\0')]),
            _ => cells.push((start + k, c)),
        }
    }
    let column = |byte: usize| cells.partition_point(|&(at, _)| at < byte);
    let mut marks: Vec<Mark> = labels
        .iter()
        .map(|&(k, span, words)| {
            let (from, to) = (column(span.start), column(span.end.min(whole.end)));
            Mark { from, to: to.max(from + 1), sign: if k == 0 { '^' } else { '-' }, words }
        })
        .collect();
    let cut = start > whole.start || end < whole.end || cells.len() > ROOM;
    let from = match marks.iter().map(|mark| mark.from).min() {
        // The first mark stands a third into the window, so that both its sides are seen.
        Some(first) if cut && (start > whole.start || first + ROOM / 3 > ROOM) => {
            first.saturating_sub(ROOM / 3)
        }
        _ => 0,
    };
    let to = (from + ROOM).min(cells.len());
    let mut text: Vec<char> = cells[from..to].iter().map(|&(_, c)| c).collect();
    let shown = text.len();
    if (from > 0 || start > whole.start) && shown >= 3 {
        text[..3].copy_from_slice(&['.'; 3]);
    }
    if (to < cells.len() || end < whole.end) && shown >= 3 {
        text[shown - 3..].copy_from_slice(&['.'; 3]);
    }
    for mark in &mut marks {
        mark.from = mark.from.saturating_sub(from).min(ROOM - 1);
        mark.to = mark.to.saturating_sub(from).clamp(mark.from + 1, ROOM);
    }
    (text.into_iter().filter(|&c| c != '\0').collect(), marks)
}

/// The nearest position at or before a byte where a character begins.
fn boundary(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Columns that a character takes on a terminal.
fn width(c: char) -> usize {
    match c {
        _ if c.is_control() => 0,
        '\u{300}'..='\u{36f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' => 0,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' => 2,
        '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' => 2,
        '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// The rows under a line: the marks with the last words beside them, then the other words, from right to left.
fn rows(marks: &[Mark]) -> Vec<String> {
    let mut row: Vec<char> = Vec::new();
    for sign in ['-', '^'] {
        for mark in marks.iter().filter(|mark| mark.sign == sign) {
            row.resize(row.len().max(mark.to), ' ');
            row[mark.from..mark.to].fill(sign);
        }
    }
    let mut named: Vec<&Mark> = marks.iter().filter(|mark| !mark.words.is_empty()).collect();
    named.sort_by_key(|mark| (mark.from, mark.sign == '^'));
    let mut first: String = row.iter().collect();
    if let Some(last) = named.last() {
        let touches = marks.iter().all(|mark| mark.to <= last.to);
        if touches && row.len() + 2 + last.words.chars().count() <= ROOM {
            first.push_str(if marks.len() > 1 { "  " } else { " " });
            first.push_str(last.words);
            named.pop();
        }
    }
    let mut rows = vec![first];
    if !named.is_empty() {
        rows.push(bars(&named));
    }
    while let Some(mark) = named.pop() {
        let lines = wrapped(mark.words, ROOM);
        let longest = lines.iter().map(|words| words.chars().count()).max().unwrap_or(0);
        let column = mark.from.min(ROOM - longest);
        for words in lines {
            let mut row: Vec<char> = bars(&named).chars().take(column).collect();
            row.resize(column, ' ');
            rows.push(row.into_iter().collect::<String>() + &words);
        }
    }
    rows
}

fn bars(marks: &[&Mark]) -> String {
    let mut row = vec![' '; marks.iter().map(|mark| mark.from + 1).max().unwrap_or(0)];
    for mark in marks {
        row[mark.from] = '|';
    }
    row.into_iter().collect()
}

/// A text in lines of at most so many columns, broken at blanks where there are any.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut rest: &str = paragraph.trim_end();
        loop {
            let Some((limit, _)) = rest.char_indices().nth(width) else {
                lines.push(rest.to_string());
                break;
            };
            let fits = rest[..limit].rfind(' ').filter(|&at| !rest[..at].trim().is_empty());
            let at = if rest[limit..].starts_with(' ') { limit } else { fits.unwrap_or(limit) };
            lines.push(rest[..at].trim_end().to_string());
            rest = rest[at..].trim_start();
        }
    }
    lines
}
