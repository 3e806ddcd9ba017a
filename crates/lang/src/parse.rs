//! Text to tree.
//!
//! Items are read one after the other; formulas by operator precedence with a stack of its own, so that no input
//! deepens the stack of the machine. An item that cannot be read is told and kept as it was written, and the reading
//! goes on at the next one.

mod atom;
mod derivative;
mod formula;
mod items;
mod latex;
mod reduce;
mod statement;
mod subscript;

pub(crate) use formula::power;

use crate::ast::{Equation, File, Name, Tree};
use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};
use crate::syntax::brackets::matched;
use crate::syntax::lex::{Declared, lex};
use crate::syntax::token::{T, Token, shown};

/// So many messages tell what a text is like; a text that is no program would give one for each of its signs.
const MESSAGES: usize = 200;

/// Spans are kept well below what a position in the tree can count.
const BYTES: usize = 1 << 30;

/// Reads a file. Parsing never stops at the first error.
///
/// Messages stand in the order of the text. An item that could not be read is [`crate::ast::EntryKind::Unread`].
///
/// ```
/// use chainrule_lang::{parse::parse, source::Source};
/// let (file, wrong) = parse(&Source::new("a.chain", "dim n; var x : real[n]\ndef y = 2 x[0]\n"));
/// assert_eq!(file.items.len(), 3);
/// assert_eq!(wrong[0].message, "missing operator: `2 x[0]`");
/// ```
pub fn parse(source: &Source) -> (File, Vec<Diagnostic>) {
    let mut parser = match Parser::new(source, Span::new(0, source.text.len()), None) {
        Ok((parser, comments)) => {
            let mut parser = parser;
            parser.file.comments = comments;
            parser
        }
        Err(wrong) => return (File::default(), vec![*wrong]),
    };
    parser.items();
    let mut file = std::mem::take(&mut parser.file);
    file.tree = std::mem::take(&mut parser.tree);
    (file, parser.finished())
}

/// Reads one formula, as it stands on a command line.
///
/// ```
/// use chainrule_lang::{parse::parse_formula, source::Source};
/// let (read, wrong) = parse_formula(&Source::new("<command line>", "dl_h/dz"));
/// assert!(read.is_some() && wrong.is_empty());
/// ```
pub fn parse_formula(source: &Source) -> (Option<(Tree, Equation)>, Vec<Diagnostic>) {
    equation_in(source, Span::new(0, source.text.len()), None)
}

/// Reads one equation of a LaTeX text.
///
/// `is_declared` answers for names of the declaration file: `V_{12}` is a name if that says so, `xy` a product if it
/// knows both letters. Juxtaposition is multiplication. The names of the tree are plain: `\lambda` is `lambda`.
///
/// ```
/// use chainrule_lang::{parse::parse_latex, source::{Source, Span}};
/// let text = r"\frac{\partial y_i}{\partial V_{jk}} = \delta_{ij} x_k";
/// let source = Source::new("hw.tex", text);
/// let (read, wrong) = parse_latex(&source, Span::new(0, text.len()), &|name| ["y", "V", "x"].contains(&name));
/// assert!(wrong.is_empty());
/// assert_eq!(read.unwrap().1.sides.len(), 2);
/// ```
pub fn parse_latex(
    source: &Source,
    span: Span,
    is_declared: &dyn Fn(&str) -> bool,
) -> (Option<(Tree, Equation)>, Vec<Diagnostic>) {
    equation_in(source, span, Some(is_declared))
}

fn equation_in(
    source: &Source,
    span: Span,
    declared: Option<Declared>,
) -> (Option<(Tree, Equation)>, Vec<Diagnostic>) {
    let mut parser = match Parser::new(source, span, declared) {
        Ok((parser, _)) => parser,
        Err(wrong) => return (None, vec![*wrong]),
    };
    while parser.kind() == T::Newline {
        parser.at += 1;
    }
    let read = parser.equation();
    while matches!(parser.kind(), T::Newline | T::Semicolon) {
        parser.at += 1;
    }
    if read.is_some() && parser.kind() != T::End {
        let found = parser.found();
        parser.report(Diagnostic::error("E0008", parser.span(), format!("expected the end, found {found}")));
    }
    let tree = std::mem::take(&mut parser.tree);
    (read.map(|equation| (tree, equation)), parser.finished())
}

/// What reading knows.
struct Parser<'a> {
    source: &'a Source,
    declared: Option<Declared<'a>>,
    tokens: Vec<Token>,
    partner: Vec<usize>,
    at: usize,
    file: File,
    tree: Tree,
    wrong: Vec<Diagnostic>,
    /// Names after the bar of `\right|_h`, for the equation that is being read.
    held: Vec<Name>,
    /// What waits for an operand while a formula is read.
    frames: Vec<formula::Frame>,
    /// Whether the values of a case are read, where `x = 1 y = 2` lacks a separator and no operator.
    in_case: bool,
}

/// Said already: the item is given up.
type Read<X> = Option<X>;

impl<'a> Parser<'a> {
    fn new(
        source: &'a Source,
        span: Span,
        declared: Option<Declared<'a>>,
    ) -> Result<(Parser<'a>, Vec<Name>), Box<Diagnostic>> {
        if source.text.len() > BYTES {
            let message = format!("a text of {} bytes is too long; {BYTES} are read", source.text.len());
            return Err(Box::new(
                Diagnostic::error("E0016", Span::new(0, 0), message).help("split the file"),
            ));
        }
        let lexed = lex(source, span, declared);
        let brackets = matched(&lexed.tokens);
        let mut wrong = lexed.wrong;
        wrong.extend(brackets.wrong);
        let parser = Parser {
            source,
            declared,
            tokens: brackets.tokens,
            partner: brackets.partner,
            at: 0,
            file: File::default(),
            tree: Tree::default(),
            wrong,
            held: Vec::new(),
            frames: Vec::new(),
            in_case: false,
        };
        Ok((parser, lexed.comments))
    }

    /// The messages in the order of the text, cut where there are too many.
    fn finished(self) -> Vec<Diagnostic> {
        let mut wrong = self.wrong;
        wrong.sort_by_key(|message| message.at().start);
        wrong.dedup_by(|a, b| a.at() == b.at() && a.message == b.message);
        if wrong.len() > MESSAGES {
            let more = wrong.len() - MESSAGES;
            let at = wrong[MESSAGES].at();
            wrong.truncate(MESSAGES);
            wrong.push(Diagnostic::note(at, format!("{more} more messages follow from here on")));
        }
        wrong
    }

    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    fn kind(&self) -> T {
        self.token().kind
    }

    fn span(&self) -> Span {
        self.token().span
    }

    /// The token after the next ones; the last one at the end.
    fn ahead(&self, by: usize) -> Token {
        self.tokens[(self.at + by).min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) -> Token {
        let token = self.token();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Where the token before the next one ends.
    fn before(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].span.end
    }

    fn eat(&mut self, kind: T) -> bool {
        let found = self.kind() == kind;
        if found {
            self.advance();
        }
        found
    }

    fn slice(&self, span: Span) -> &'a str {
        self.source.text.get(span.start..span.end).unwrap_or("")
    }

    fn tex(&self) -> bool {
        self.declared.is_some()
    }

    fn is_declared(&self, name: &str) -> bool {
        self.declared.is_some_and(|declared| declared(name))
    }

    /// Whether a closing bracket is not in the text; the reader heard of it.
    fn is_supplied(&self, token: Token) -> bool {
        matches!(token.kind, T::Close(_)) && token.span.start == token.span.end
    }

    /// Tells a mistake.
    fn report(&mut self, wrong: Diagnostic) {
        self.wrong.push(wrong);
    }

    /// The next token in words.
    fn found(&self) -> String {
        match self.kind() {
            T::End => "the end".into(),
            T::Newline => "the end of the line".into(),
            _ => format!("`{}`", shown(self.slice(self.span()))),
        }
    }

    /// Tells that something else was expected here.
    fn expected<X>(&mut self, what: &str, help: &str) -> Read<X> {
        if self.kind() != T::Bad && !self.is_supplied(self.token()) {
            let message = format!("expected {what}, found {}", self.found());
            let wrong = Diagnostic::error("E0008", self.span(), message);
            self.report(if help.is_empty() { wrong } else { wrong.help(help) });
        }
        None
    }

    fn expect(&mut self, kind: T, what: &str, help: &str) -> Read<Token> {
        if self.kind() == kind { Some(self.advance()) } else { self.expected(what, help) }
    }
}
