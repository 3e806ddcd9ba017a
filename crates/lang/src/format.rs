//! A file as text in one canonical spacing.
//!
//! Comments stay with their items, at most one empty line in a row stays, and items that stood on one line stay
//! together where they fit. Reading the result gives the same tree up to spans, and formatting it changes nothing.

mod formula;
mod statement;

use crate::ast::{Entry, EntryKind, Equation, File, Name, Tree};
use crate::source::{Source, Span};

/// Columns of a line; a longer formula is not broken, because a break means nothing in it.
const WIDTH: usize = 100;

/// Writes a file that was read from a source without an error.
///
/// The source tells how numbers were written and where lines began. An item that could not be read stays as it was.
///
/// ```
/// use chainrule_lang::{format::format, parse::parse, source::Source};
/// let source = Source::new("a.chain", "def  y=V@x+b # affine\nvar x:real[ n ]");
/// assert_eq!(format(&parse(&source).0, &source), "def y = V @ x + b  # affine\nvar x : real[n]\n");
/// ```
pub fn format(file: &File, source: &Source) -> String {
    let mut writer = Writer { file, source, out: String::new(), depth: 0, comment: 0, line: None };
    let mut open: Vec<(std::slice::Iter<Entry>, usize)> = vec![(file.items.iter(), source.text.len())];
    while let Some((items, end)) = open.last_mut() {
        let (end, next) = (*end, items.next());
        match next {
            Some(entry) => {
                writer.comments_before(entry.span.start);
                match &entry.kind {
                    EntryKind::Problem(problem) => {
                        writer.begin(entry.span);
                        let head = statement::problem(problem);
                        writer.out.push_str(&head);
                        let inner = problem.items.first().map_or(entry.span.end, |item| item.span.start);
                        writer.line = Some(source.line_of(entry.span.start));
                        writer.head_comments(entry.span.start, inner);
                        writer.depth += 1;
                        writer.newline();
                        writer.line = None;
                        open.push((problem.items.iter(), entry.span.end));
                    }
                    EntryKind::Case { name, values } => writer.case(entry, name, values),
                    _ => {
                        // Comments between the lines of a formula stand before it.
                        writer.comments_before(entry.span.end);
                        writer.item(entry);
                    }
                }
            }
            None => {
                writer.comments_before(end);
                open.pop();
                if !open.is_empty() {
                    writer.end_line();
                    writer.depth -= 1;
                    writer.indent();
                    writer.out.push('}');
                    writer.line = Some(source.line_of(end));
                }
            }
        }
    }
    writer.end_line();
    writer.out
}

/// Writes an equation, as the reader is told how it was understood.
///
/// ```
/// use chainrule_lang::{format::format_equation, parse::parse_latex, source::{Source, Span}};
/// let source = Source::new("hw.tex", r"z_i = \sum_j V_{ij} x_j");
/// let (read, _) = parse_latex(&source, Span::new(0, source.text.len()), &|_| false);
/// let (tree, equation) = read.unwrap();
/// assert_eq!(format_equation(&tree, &equation, &source), "z[i] = sum(j, V[i,j] * x[j])");
/// ```
pub fn format_equation(tree: &Tree, equation: &Equation, source: &Source) -> String {
    let file = File { tree: tree.clone(), ..File::default() };
    let writer = Writer { file: &file, source, out: String::new(), depth: 0, comment: 0, line: None };
    writer.equation(equation)
}

struct Writer<'a> {
    file: &'a File,
    source: &'a Source,
    out: String,
    depth: usize,
    /// The first comment that was not written.
    comment: usize,
    /// The line of the source where the last thing ended; none at the beginning of a block.
    line: Option<usize>,
}

impl Writer<'_> {
    fn newline(&mut self) {
        self.out.push('\n');
    }

    fn end_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.newline();
        }
    }

    fn indent(&mut self) {
        self.out.push_str(&"  ".repeat(self.depth));
    }

    fn column(&self) -> usize {
        let line = self.out.rfind('\n').map_or(0, |at| at + 1);
        self.out[line..].chars().count()
    }

    /// Goes to a new line for what stands at a place, with an empty one before it where there was one.
    fn begin(&mut self, at: Span) {
        self.end_line();
        let line = self.source.line_of(at.start);
        if self.line.is_some_and(|before| before + 1 < line && self.is_blank(line - 1)) {
            self.newline();
        }
        self.indent();
    }

    fn is_blank(&self, line: usize) -> bool {
        self.source.slice(self.source.line(line)).trim().is_empty()
    }

    /// Writes the comments up to a byte: beside the last item if they were, else on lines of their own.
    fn comments_before(&mut self, end: usize) {
        while let Some(comment) =
            self.file.comments.get(self.comment).filter(|comment| comment.span.start < end)
        {
            let line = self.source.line_of(comment.span.start);
            if self.line == Some(line) && !self.out.ends_with('\n') {
                self.out.push_str("  ");
            } else {
                self.begin(comment.span);
            }
            self.out.push_str(&comment.text);
            self.newline();
            self.line = Some(line);
            self.comment += 1;
        }
    }

    /// The comment on the line of an opening brace.
    fn head_comments(&mut self, start: usize, end: usize) {
        let line = self.source.line_of(start);
        let here = self.file.comments.get(self.comment);
        let here = here
            .filter(|comment| comment.span.start < end && self.source.line_of(comment.span.start) == line);
        if let Some(comment) = here {
            self.out.push_str("  ");
            self.out.push_str(&comment.text);
            self.comment += 1;
        }
    }

    /// Writes an item, beside the last one if it stood there and fits.
    fn item(&mut self, entry: &Entry) {
        let text = self.statement(&entry.kind);
        self.place(entry.span, &text);
    }

    fn place(&mut self, span: Span, text: &str) {
        let beside = self.line == Some(self.source.line_of(span.start)) && !self.out.ends_with(['\n', '}']);
        if beside && self.column() + 2 + text.chars().count() <= WIDTH {
            self.out.push_str("; ");
        } else {
            self.begin(span);
        }
        self.out.push_str(text);
        self.line = Some(self.source.line_of(span.end.saturating_sub(1).max(span.start)));
    }

    /// A case on one line if it was and fits, else with a line for each line of values.
    fn case(&mut self, entry: &Entry, name: &Name, values: &[(Name, crate::ast::ExprId)]) {
        let text: Vec<String> =
            values.iter().map(|(name, value)| format!("{} = {}", name.text, self.formula(*value))).collect();
        let comments = self.file.comments.get(self.comment).is_some_and(|c| c.span.start < entry.span.end);
        let line = format!("case {} {{ {} }}", name.text, text.join("; "));
        // A value may itself span lines: what counts is whether the next one begins where it ends.
        let line_of = |at: usize| self.source.line_of(at);
        let one_line = values
            .windows(2)
            .all(|pair| line_of(self.file.tree.span(pair[0].1).end) == line_of(pair[1].0.span.start));
        let fits = 2 * self.depth + line.chars().count() <= WIDTH;
        if !comments && (values.is_empty() || (one_line && fits)) {
            let line = if values.is_empty() { format!("case {} {{ }}", name.text) } else { line };
            return self.place(entry.span, &line);
        }
        self.begin(entry.span);
        self.out.push_str(&format!("case {} {{", name.text));
        self.line = Some(self.source.line_of(entry.span.start));
        let inner = values.first().map_or(entry.span.end, |(name, _)| name.span.start);
        self.head_comments(entry.span.start, inner);
        self.newline();
        self.line = None;
        self.depth += 1;
        for ((name, value), text) in values.iter().zip(&text) {
            let span = name.span.to(self.file.tree.span(*value));
            self.comments_before(span.end);
            self.place(span, text);
        }
        self.comments_before(entry.span.end);
        self.depth -= 1;
        self.end_line();
        self.indent();
        self.out.push('}');
        self.line = Some(self.source.line_of(entry.span.end));
    }
}
