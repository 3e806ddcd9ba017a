//! Tokens: what they are and how one is spelled out as a name or number.

use super::letters;
use super::words::Word;
use crate::ast::Operator;
use crate::source::Span;

/// A pair of brackets.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Bracket {
    /// `( )`, and `\{ \}` in LaTeX.
    Round,
    /// `[ ]`
    Square,
    /// `{ }` around items.
    Curly,
    /// `{ }` inside a formula, as LaTeX groups.
    Group,
    /// `\begin{cases} \end{cases}`
    Cases,
    /// `\| \|`
    Norm,
    /// `| |` in LaTeX.
    Bar,
}

impl Bracket {
    /// The opening and the closing sign.
    pub(crate) fn signs(self) -> (&'static str, &'static str) {
        match self {
            Bracket::Round => ("(", ")"),
            Bracket::Square => ("[", "]"),
            Bracket::Curly | Bracket::Group => ("{", "}"),
            Bracket::Cases => ("\\begin{cases}", "\\end{cases}"),
            Bracket::Norm => ("\\|", "\\|"),
            Bracket::Bar => ("|", "|"),
        }
    }
}

/// What a token is. Text is read from its span, see [`spelled`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum T {
    Name,
    Word(Word),
    Number,
    Text,
    /// `\frac` and other commands that the parser knows; look-alikes such as `∑` too.
    Command(Command),
    Newline,
    Semicolon,
    Comma,
    Colon,
    Equals,
    Question,
    DotDot,
    Dot,
    Underscore,
    Prime,
    /// `∂`, `\partial`
    Partial,
    /// `&` of an alignment.
    Ampersand,
    /// `\\` of an alignment.
    RowEnd,
    /// The bar after which names are held fixed: `\right|_h`.
    HeldBar,
    Operator(Operator),
    Open(Bracket),
    Close(Bracket),
    /// A sign that was reported by the lexer.
    Bad,
    End,
}

/// Commands of LaTeX that have a structure of their own.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// `\frac`
    Frac,
    /// `\sqrt`
    Sqrt,
    /// `\sum`, `∑`
    Sum,
    /// `\prod`, `∏`
    Prod,
    /// `\mathbb{1}`
    Indicator,
    /// A function that may stand without brackets: `\log x`.
    Function,
    /// `\top`
    Top,
}

/// A token and where it stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) kind: T,
    pub(crate) span: Span,
}

/// Longest spelling of a token that a message shows whole.
const SHOWN: usize = 40;

/// A piece of the source for a message: on one line and not too long.
pub(crate) fn shown(piece: &str) -> String {
    let line: Vec<&str> = piece.split_whitespace().collect();
    let line = line.join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    let (head, tail): (String, Vec<char>) = (line.chars().take(SHOWN / 2).collect(), line.chars().collect());
    format!("{head} ... {}", tail[tail.len() - SHOWN / 3..].iter().collect::<String>())
}

/// The name that a piece of the source spells: `\lambda` and `λ` are `lambda`, `\mathbf{g}` is `g`, `x₁` is `x_1`.
pub(crate) fn spelled(piece: &str) -> String {
    let mut inner = piece;
    // Accents that make another name of a letter.
    let accent = [("\\hat{", "_hat"), ("\\bar{", "_bar"), ("\\tilde{", "_tilde")];
    let accent =
        accent.iter().find(|(command, _)| piece.starts_with(command)).map_or("", |(_, ending)| ending);
    if let Some(command) = piece.strip_prefix('\\') {
        inner = match command.split_once('{') {
            Some((_, argument)) => argument.trim_end().trim_end_matches('}'),
            None => command,
        };
    }
    let mut out = String::with_capacity(inner.len());
    let mut below = false;
    for c in inner.trim().chars() {
        if let Some(plain) = letters::subscript(c) {
            if !below && !out.ends_with('_') {
                out.push('_');
            }
            out.push(plain);
            below = true;
            continue;
        }
        below = false;
        match letters::greek(c) {
            Some(name) => out.push_str(name),
            None if c == '\\' => {}
            None => out.push(letters::twin(c).map_or(c, |(_, plain)| plain)),
        }
    }
    out.push_str(accent);
    match out.as_str() {
        "ell" => "l".into(),
        "infty" => "inf".into(),
        "varepsilon" => "epsilon".into(),
        "varphi" => "phi".into(),
        "vartheta" => "theta".into(),
        "varrho" => "rho".into(),
        "varsigma" => "sigma".into(),
        _ => out,
    }
}

/// The digits of a number, superscripts written plainly.
pub(crate) fn digits(piece: &str) -> String {
    piece.chars().map(|c| letters::superscript(c).unwrap_or(c)).collect()
}
