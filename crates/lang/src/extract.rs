//! Displayed equations of a LaTeX or Markdown text.
//!
//! Read are `$$..$$`, `\[..\]`, the environments of amsmath for displays, and fenced blocks named `math`. A display is
//! split at `\\`, and at every second `&`; a row that begins with a relation or an operator goes on with the row
//! before. What opens and does not close is told, so that nothing is skipped silently.

use crate::source::Span;

/// One equation of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Displayed {
    /// Its bytes, without what displays it.
    pub span: Span,
    /// Why it cannot be read, if its display is broken.
    pub broken: Option<String>,
}

const ENVIRONMENTS: [&str; 9] =
    ["equation", "align", "gather", "multline", "eqnarray", "displaymath", "flalign", "alignat", "math"];

/// The equations that a text displays, in order.
///
/// ```
/// use chainrule_lang::extract::extract_equations;
/// let text = r"We have $$ y = Vx, $$ and \begin{align} a &= b \\ &= c \\ d &= e \end{align}";
/// let found: Vec<&str> = extract_equations(text).iter().map(|d| &text[d.span.start..d.span.end]).collect();
/// assert_eq!(found, ["y = Vx", r"a &= b \\ &= c", "d &= e"]);
/// ```
pub fn extract_equations(text: &str) -> Vec<Displayed> {
    // A percent sign begins a comment of LaTeX; in Markdown it is a percent sign.
    let latex = text.contains("\\documentclass") || text.contains("\\begin{document}");
    let mut found = Vec::new();
    let mut at = 0;
    let mut line_start = true;
    // Looked for once each, so that a text full of openings stays linear.
    let mut closed = Closings::new(text);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (opening, closing) = match c {
            '%' if latex => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '\\' if rest.starts_with("\\[") => (2, "\\]".to_string()),
            '\\' if rest.starts_with("\\begin{") => match environment(rest) {
                Some((length, name)) => (length, format!("\\end{{{name}}}")),
                None => (0, String::new()),
            },
            '\\' => {
                at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                line_start = false;
                continue;
            }
            '$' if rest.starts_with("$$") => (2, "$$".to_string()),
            '`' if line_start && rest.starts_with("```math") => (7, "```".to_string()),
            _ => (0, String::new()),
        };
        line_start = c == '\n' || (line_start && (c == ' ' || c == '\t'));
        if opening == 0 {
            at += c.len_utf8();
            continue;
        }
        let inner = at + opening;
        match closed.after(&closing, inner) {
            Some(end) => {
                rows(text, Span::new(inner, end), &mut found);
                at = end + closing.len();
            }
            None => {
                let broken = Some(format!("`{}` is not closed by `{closing}`", rest[..opening].trim()));
                let end = rest.find('\n').map_or(text.len(), |length| at + length);
                found.push(Displayed { span: Span::new(at, end), broken });
                at = inner;
            }
        }
    }
    found
}

/// Where a closing sign is next; those that do not come again are remembered.
struct Closings<'a> {
    text: &'a str,
    absent: Vec<String>,
}

impl<'a> Closings<'a> {
    fn new(text: &'a str) -> Closings<'a> {
        Closings { text, absent: Vec::new() }
    }

    fn after(&mut self, closing: &str, from: usize) -> Option<usize> {
        if self.absent.iter().any(|absent| absent == closing) {
            return None;
        }
        let found = self.text[from..].find(closing).map(|at| from + at);
        if found.is_none() {
            self.absent.push(closing.to_string());
        }
        found
    }
}

/// The length of `\begin{align*}`, with the argument of `alignat`, and the name.
fn environment(rest: &str) -> Option<(usize, &str)> {
    let inner = &rest["\\begin{".len()..];
    let name = &inner[..inner.find('}').filter(|&end| end < 20)?];
    ENVIRONMENTS.contains(&name.trim_end_matches('*')).then_some(())?;
    let mut length = "\\begin{".len() + name.len() + 1;
    if name.starts_with("alignat") && rest[length..].starts_with('{') {
        length += rest[length..].find('}')? + 1;
    }
    Some((length, name))
}

/// Splits a display into its equations.
fn rows(text: &str, display: Span, found: &mut Vec<Displayed>) {
    let mut equations: Vec<Span> = Vec::new();
    for row in split(text, display, "\\\\", 1) {
        for equation in split(text, row, "&", 2) {
            let span = trimmed(text, equation);
            let begins = text[span.start..span.end].trim_start_matches(['&', ' ', '{', '}']);
            let continues = ["=", "+", "-", "\\cdot", "\\le", "\\ge", "\\times", "\\quad +"];
            match equations.last_mut() {
                _ if span.start == span.end => {}
                Some(last) if continues.iter().any(|sign| begins.starts_with(sign)) => last.end = span.end,
                _ => equations.push(span),
            }
        }
    }
    found.extend(equations.into_iter().map(|span| Displayed { span, broken: None }));
}

/// The parts between every so many marks outside braces and lists of cases.
fn split(text: &str, whole: Span, mark: &str, every: usize) -> Vec<Span> {
    let (mut parts, mut depth, mut start, mut at, mut seen) =
        (Vec::new(), 0_i64, whole.start, whole.start, 0);
    while at < whole.end {
        let rest = &text[at..whole.end];
        let nested = |words: &[&str]| words.iter().any(|word| rest.starts_with(word));
        if depth <= 0 && rest.starts_with(mark) {
            seen += 1;
            if seen % every == 0 {
                parts.push(Span::new(start, at));
                start = at + mark.len();
            }
            at += mark.len();
            continue;
        }
        if nested(&["\\begin{cases}", "\\begin{matrix}", "\\begin{pmatrix}", "\\begin{bmatrix}"]) {
            depth += 1;
            at += "\\begin{".len();
        } else if nested(&["\\end{cases}", "\\end{matrix}", "\\end{pmatrix}", "\\end{bmatrix}"]) {
            depth -= 1;
            at += "\\end{".len();
        } else if let Some(after) = rest.strip_prefix('\\') {
            at += 1 + after.chars().next().map_or(0, char::len_utf8);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    parts.push(Span::new(start, whole.end));
    parts
}

/// Without blanks, labels, punctuation and the wrappers of rows at the ends.
fn trimmed(text: &str, span: Span) -> Span {
    const WRAPPERS: [&str; 9] = [
        "\\begin{aligned}",
        "\\end{aligned}",
        "\\begin{split}",
        "\\end{split}",
        "\\begin{gathered}",
        "\\end{gathered}",
        "\\nonumber",
        "\\notag",
        "\\quad",
    ];
    let (mut start, mut end) = (span.start, span.end);
    loop {
        let inner = &text[start..end];
        let kept = inner.trim_start();
        let mut left = inner.len() - kept.len();
        left += WRAPPERS.iter().find(|word| kept.starts_with(**word)).map_or(0, |word| word.len());
        for word in ["\\label{", "\\tag{"] {
            if let Some(close) = kept.starts_with(word).then(|| kept.find('}')).flatten() {
                left = inner.len() - kept.len() + close + 1;
            }
        }
        start += left;
        let inner = &text[start..end];
        let kept = inner.trim_end();
        let ends = WRAPPERS.iter().find(|word| kept.ends_with(**word)).map(|word| kept.len() - word.len());
        let labelled = ["\\label{", "\\tag{"].iter().find_map(|word| {
            let at = kept.rfind(word)?;
            (kept.ends_with('}') && !kept[at..kept.len() - 1].contains('}')).then_some(at)
        });
        // `\,` is a blank, and a backslash before a stop belongs to it.
        let stop = kept.ends_with([',', '.', ';']) && !kept.ends_with("\\right.");
        let stop = stop.then(|| kept[..kept.len() - 1].trim_end_matches('\\').len());
        let right = ends.or(labelled).or(stop).unwrap_or(kept.len());
        end = start + right;
        if left == 0 && right == inner.len() {
            return Span::new(start, end);
        }
    }
}
