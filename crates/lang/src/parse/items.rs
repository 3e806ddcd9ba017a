//! Items of a file, one after the other, and where the reading goes on after a mistake.

use super::{Parser, Read};
use crate::ast::{Entry, EntryKind, Name, Problem};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::token::{Bracket, T, shown, spelled};
use crate::syntax::words::{UNDECLARABLE, Word, reserved};

/// Problems inside problems; a course has chapters, not more.
const NESTED: usize = 50;

impl Parser<'_> {
    /// Reads all items.
    pub(super) fn items(&mut self) {
        // Problems that are open: their heads, where they begin, and the items around them.
        let mut open: Vec<(Problem, Span, Vec<Entry>)> = Vec::new();
        let mut items = Vec::new();
        loop {
            match self.kind() {
                T::Newline | T::Semicolon => {
                    self.advance();
                }
                T::End => break,
                T::Close(Bracket::Curly) => {
                    let end = self.advance().span;
                    let Some((mut problem, start, around)) = open.pop() else { continue };
                    problem.items = std::mem::replace(&mut items, around);
                    items.push(Entry { kind: EntryKind::Problem(problem), span: start.to(end) });
                    self.end_of_item();
                }
                T::Word(Word::Problem) if open.len() < NESTED => {
                    let start = self.span();
                    match self.problem() {
                        Some(problem) => open.push((problem, start, std::mem::take(&mut items))),
                        None => items.push(self.unread(start, Vec::new())),
                    }
                }
                _ => items.push(self.item()),
            }
        }
        self.file.items = items;
    }

    /// `problem 1.1 "Losses" points 3 {`; what is wrong with the head does not hide the items.
    fn problem(&mut self) -> Read<Problem> {
        self.advance();
        let mut problem = Problem {
            label: Name { text: String::new(), span: self.span() },
            title: None,
            points: None,
            items: Vec::new(),
        };
        let head = self.problem_head(&mut problem);
        while head.is_none() && !self.at_end_of_item() && self.kind() != T::Open(Bracket::Curly) {
            self.advance();
        }
        if head.is_some() && self.kind() == T::Newline && self.ahead(1).kind == T::Open(Bracket::Curly) {
            self.advance();
        }
        if head.is_none() && self.kind() != T::Open(Bracket::Curly) {
            return None;
        }
        self.expect(
            T::Open(Bracket::Curly),
            "`{` and the items of the problem",
            "problem 1.1 \"Losses\" { ... }",
        )?;
        Some(problem)
    }

    fn problem_head(&mut self, problem: &mut Problem) -> Read<()> {
        match self.label() {
            Some(label) => problem.label = label,
            None => return self.expected("the number of the problem", "problem 1.1 \"Losses\" { ... }"),
        }
        if self.kind() == T::Text {
            let span = self.advance().span;
            problem.title = Some(self.unquoted(span));
        }
        problem.points = self.points()?;
        Some(())
    }

    fn item(&mut self) -> Entry {
        let (start, first) = (self.span(), self.tree.len());
        let mut names = Vec::new();
        let read = self.statement(&mut names);
        if let Some(kind) = read
            && self.end_of_item()
        {
            return Entry { kind, span: Span::new(start.start, self.before_end(start)) };
        }
        self.tree.truncate(first);
        self.unread(start, names)
    }

    fn before_end(&self, start: Span) -> usize {
        self.before().max(start.end)
    }

    /// Goes to the end of an item that could not be read.
    fn unread(&mut self, start: Span, names: Vec<Name>) -> Entry {
        while !self.at_end_of_item() {
            // What stands in brackets belongs to the item, separators too.
            self.at = match self.kind() {
                T::Open(_) => self.partner[self.at] + 1,
                _ => self.at + 1,
            }
            .min(self.tokens.len() - 1);
        }
        let span = Span::new(start.start, self.before_end(start));
        Entry { kind: EntryKind::Unread { names, text: self.slice(span).to_string() }, span }
    }

    pub(super) fn at_end_of_item(&self) -> bool {
        matches!(self.kind(), T::Newline | T::Semicolon | T::End | T::Close(Bracket::Curly))
    }

    /// Whether an item ends here; if not, the reader hears of it.
    fn end_of_item(&mut self) -> bool {
        if self.at_end_of_item() {
            return true;
        }
        let found = self.found();
        if let T::Word(word) = self.kind()
            && word.begins_item()
        {
            let wrong = Diagnostic::error(
                "E0006",
                self.span(),
                format!("{found} begins a new item on the same line"),
            );
            self.report(wrong.help("put  ;  or a new line before it"));
            return true;
        }
        if self.kind() != T::Bad && !self.is_supplied(self.token()) {
            let message = format!("expected the end of the item, found {found}");
            let wrong = Diagnostic::error("E0008", self.span(), message);
            let help = match self.kind() {
                T::Equals => {
                    "==  compares;  =  stands in  def ,  let ,  claim ,  expect ,  answer  and  case"
                }
                T::Word(_) => "the words after a formula stand in this order:  holding, given, tol, points",
                _ => "items are separated by new lines or  ;",
            };
            self.report(wrong.help(help));
        }
        false
    }

    /// A name that is used.
    pub(super) fn name(&mut self, what: &str) -> Read<Name> {
        let span = self.span();
        match self.kind() {
            T::Name => {
                self.advance();
                Some(Name { text: spelled(self.slice(span)), span })
            }
            T::Word(_) => {
                let text = self.slice(span);
                let meaning =
                    reserved().into_iter().find(|(word, _)| *word == text).map_or("", |(_, use_)| use_);
                let wrong = Diagnostic::error("E0009", span, format!("`{text}` is a reserved word"));
                self.report(wrong.remark(meaning.to_string()).help("take another name"));
                None
            }
            _ => self.expected(what, written_as(what)),
        }
    }

    /// A name that is declared here.
    pub(super) fn new_name(&mut self, what: &str) -> Read<Name> {
        let name = self.name(what)?;
        if let Some((_, why)) = UNDECLARABLE.iter().find(|(text, _)| *text == name.text) {
            let wrong = Diagnostic::error("E0009", name.span, format!("`{}` cannot be declared", name.text));
            self.report(wrong.remark(*why).help("take another name"));
            return None;
        }
        Some(name)
    }

    /// `1.5.gV1`: letters, digits, dots that touch each other.
    pub(super) fn label(&mut self) -> Option<Name> {
        let (first, mut end) = (self.at, self.span().start);
        while matches!(self.kind(), T::Name | T::Number | T::Dot | T::Word(_)) && self.span().start == end {
            end = self.span().end;
            self.advance();
        }
        let span = Span::new(self.tokens[first].span.start, end);
        let text = self.slice(span);
        if text.is_empty() || text.starts_with('.') || text.ends_with('.') {
            self.at = first;
            return None;
        }
        Some(Name { text: text.to_string(), span })
    }

    /// What stands at the beginning of a line and begins no item.
    pub(super) fn no_item<X>(&mut self) -> Read<X> {
        if self.kind() == T::Bad {
            return None;
        }
        let (span, found) = (self.span(), self.found());
        let name = shown(self.slice(span));
        let next = self.ahead(1).kind;
        let wrong = Diagnostic::error("E0006", span, format!("{found} begins no item"));
        let wrong = match (self.kind(), next) {
            (T::Name, T::Equals) => wrong.help(format!("def {name} = ...")),
            (T::Name, T::Open(Bracket::Square)) => {
                wrong.help(format!("def {name}[i] = ...  or  claim a: {name}[i] = ..."))
            }
            (T::Name, T::Colon) => wrong.help(format!("var {name} : real[n]  or  claim {name}: ...")),
            (T::Word(word), _) if word.ends_formula() => {
                wrong.help("it follows a formula:  claim a: y = x given x > 0 points 1")
            }
            (T::Word(Word::Problem), _) => wrong.help("problems nest too deeply: close some with  }"),
            _ => match self.nearest(&name) {
                Some(word) => wrong.help(format!("did you mean  {word} ?")),
                None => wrong.help(
                    "items begin with dim, var, const, param, def, let, assume, case, claim, expect, ...",
                ),
            },
        };
        self.report(wrong);
        None
    }

    /// The word that was likely meant.
    fn nearest(&self, found: &str) -> Option<&'static str> {
        const SETTINGS: [&str; 6] = ["title", "index", "layout", "einstein", "grading", "feedback"];
        let lower = found.to_lowercase();
        let words =
            reserved().into_iter().map(|(word, _)| word).filter(|word| word.len() > 2).chain(SETTINGS);
        words.filter(|word| one_slip(&lower, word)).min_by_key(|word| word.len().abs_diff(found.len()))
    }
}

/// How an item is written in which a name or a number is expected.
pub(super) fn written_as(what: &str) -> &'static str {
    match what {
        "what is held fixed" => "dl/dx holding h",
        "the name of a size" => "dim m, n",
        "the name of a variable" => "var x, y : real[n]",
        "the name that is defined" => "def y = V @ x + b",
        "the name of an index" => "def y[i] = 2 * x[i]",
        "a nickname" => "let g = dl/dz",
        "the name of the case" | "a name and its value" => "case A { x = [1, 2] }",
        "the name of a case" => "expect A: y = 1  or  explain y at A",
        "a number of points" => "points 1",
        "a tolerance" => "tol 4 digits",
        _ => "",
    }
}

/// Whether two words are the same up to one letter that is changed, missing, too many, or swapped with its neighbour;
/// or one is the beginning of the other.
fn one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(20).collect(), b.chars().collect());
    if a.len() < 3 {
        return false;
    }
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    if head == a.len().min(b.len()) {
        return head > 2;
    }
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (left_a, left_b) = (a.len().saturating_sub(head + tail), b.len().saturating_sub(head + tail));
    let swapped = left_a == 2 && left_b == 2 && a[head] == b[head + 1] && a[head + 1] == b[head];
    (left_a <= 1 && left_b <= 1) || swapped
}
