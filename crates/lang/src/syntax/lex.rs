//! Text to tokens, in the language's own spelling and in LaTeX.
//!
//! Both spellings share one lexer, because a formula of a file may hold `\frac{..}{..}` and an equation of a LaTeX
//! text may hold `softmax(z)`. They differ in what a run of letters is: a name here, a product of letters there.

use super::letters::{self, continues_name, is_letter};
use super::token::{Bracket, Command, T, Token, shown, spelled};
use super::words::{Word, word};
use crate::ast::{Name, Operator};
use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};

/// Answers whether a name is declared.
pub(crate) type Declared<'a> = &'a dyn Fn(&str) -> bool;

/// Tokens, comments and what was wrong.
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Name>,
    pub(crate) wrong: Vec<Diagnostic>,
}

/// Reads the tokens of a part of a source; `tex` says that it is LaTeX, and which names are declared.
pub(crate) fn lex(source: &Source, part: Span, tex: Option<Declared>) -> Lexed {
    let text = &source.text[..part.end];
    let out = Lexed { tokens: Vec::new(), comments: Vec::new(), wrong: Vec::new() };
    let mut lexer = Lexer { text, at: part.start, tex, out, curly: Vec::new(), single: 0, cases: 0, bars: 0 };
    while lexer.step() {}
    // The end is where the text ends, not where its last blank does: there the reader looks for what is missing.
    let end = text.trim_end().len().max(part.start);
    let end =
        lexer.out.tokens.last().map_or(end, |last| if last.kind == T::Newline { end } else { last.span.end });
    lexer.out.tokens.push(Token { kind: T::End, span: Span::new(end, end) });
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tex: Option<Declared<'a>>,
    out: Lexed,
    /// For each open `{`, whether it is a group of a formula.
    curly: Vec<bool>,
    /// How many arguments of one sign follow: both after `\frac`, one after `_` and `^` of LaTeX.
    single: u32,
    /// How many `\begin{cases}` there are without their end.
    cases: usize,
    /// How many `\left|` there are without their right side.
    bars: usize,
}

const SIGNS: [(&str, T); 47] = [
    ("..", T::DotDot),
    (".*", T::Operator(Operator::Each)),
    ("./", T::Operator(Operator::OverEach)),
    (".^", T::Operator(Operator::PowerEach)),
    ("**", T::Operator(Operator::Power)),
    ("==", T::Operator(Operator::Equal)),
    ("!=", T::Operator(Operator::NotEqual)),
    ("<=", T::Operator(Operator::LessEqual)),
    (">=", T::Operator(Operator::GreaterEqual)),
    ("<", T::Operator(Operator::Less)),
    (">", T::Operator(Operator::Greater)),
    ("+", T::Operator(Operator::Add)),
    ("-", T::Operator(Operator::Sub)),
    ("*", T::Operator(Operator::Times)),
    ("/", T::Operator(Operator::Over)),
    ("@", T::Operator(Operator::Dot)),
    ("^", T::Operator(Operator::Power)),
    ("(", T::Open(Bracket::Round)),
    (")", T::Close(Bracket::Round)),
    ("[", T::Open(Bracket::Square)),
    ("]", T::Close(Bracket::Square)),
    (",", T::Comma),
    (";", T::Semicolon),
    (":", T::Colon),
    ("=", T::Equals),
    ("?", T::Question),
    (".", T::Dot),
    ("_", T::Underscore),
    ("'", T::Prime),
    ("′", T::Prime),
    ("ᵀ", T::Prime),
    ("⊤", T::Command(Command::Top)),
    ("−", T::Operator(Operator::Sub)),
    ("×", T::Operator(Operator::Times)),
    ("·", T::Operator(Operator::Dot)),
    ("⋅", T::Operator(Operator::Dot)),
    ("⊙", T::Operator(Operator::Each)),
    ("≤", T::Operator(Operator::LessEqual)),
    ("≥", T::Operator(Operator::GreaterEqual)),
    ("≠", T::Operator(Operator::NotEqual)),
    ("∂", T::Partial),
    ("∑", T::Command(Command::Sum)),
    ("∏", T::Command(Command::Prod)),
    ("𝟙", T::Command(Command::Indicator)),
    ("‖", T::Open(Bracket::Norm)),
    ("⁻", T::Operator(Operator::Sub)),
    ("\n", T::Newline),
];

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: T, bytes: usize) {
        self.out.tokens.push(Token { kind, span: Span::new(self.at, self.at + bytes) });
        self.at += bytes;
    }

    fn last(&self) -> T {
        self.out.tokens.last().map_or(T::Newline, |token| token.kind)
    }

    fn wrong(&mut self, bytes: usize, code: &'static str, message: String) -> &mut Diagnostic {
        let at = Span::new(self.at, self.at + bytes);
        self.out.wrong.push(Diagnostic::error(code, at, message));
        self.out.wrong.last_mut().expect("invariant: one was pushed")
    }

    /// Reads one token; false at the end.
    fn step(&mut self) -> bool {
        let Some(c) = self.rest().chars().next() else { return false };
        let single = std::mem::take(&mut self.single);
        match c {
            ' ' | '\t' | '\r' | '\u{a0}' | '\u{2009}' | '\u{202f}' => {
                self.at += c.len_utf8();
                self.single = single;
            }
            '\u{feff}' if self.at == 0 => self.at += c.len_utf8(),
            '#' if self.tex.is_none() => self.comment(),
            '%' if self.tex.is_some() => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
            '~' | '\n' if self.tex.is_some() => self.at += 1,
            '"' => self.text_literal(),
            '\\' => self.command(),
            '{' | '}' => self.brace(c == '{'),
            '&' if self.cases > 0 => self.push(T::Ampersand, 1),
            // Where the rows of a display are aligned says nothing about the formula.
            '&' if self.tex.is_some() => self.at += 1,
            '|' if self.tex.is_some() => self.bar(),
            _ if single > 0 && (c.is_ascii_digit() || is_letter(c)) => {
                self.push(if c.is_ascii_digit() { T::Number } else { T::Name }, c.len_utf8());
                self.single = single - 1;
            }
            _ if c.is_ascii_digit() => self.number(),
            _ if letters::superscript(c).is_some() => self.superscript(),
            _ if is_letter(c) || letters::twin(c).is_some_and(|(_, plain)| is_letter(plain)) => self.name(),
            _ => self.sign(c),
        }
        true
    }

    fn comment(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        let span = Span::new(self.at, self.at + length);
        self.out.comments.push(Name { text: self.rest()[..length].trim_end().to_string(), span });
        self.at += length;
    }

    fn text_literal(&mut self) {
        let (mut escaped, mut end, mut bad) = (false, None, None);
        for (k, c) in self.rest().char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => {
                    bad = bad.or((c != '"' && c != '\\').then_some((k, c)));
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    end = Some(k + 1);
                    break;
                }
                _ => {}
            }
        }
        if let (Some((k, c)), Some(_)) = (bad, end) {
            let at = Span::new(self.at + k - 1, self.at + k + c.len_utf8());
            let message = format!("`\\{c}` means nothing in a text");
            let wrong = Diagnostic::error("E0002", at, message);
            self.out.wrong.push(wrong.help("\\\"  for a quotation mark,  \\\\  for a backslash"));
        }
        let length = end.unwrap_or_else(|| self.rest().find('\n').unwrap_or(self.rest().len()));
        if end.is_none() {
            self.wrong(1, "E0002", "this text does not end on its line".into())
                .help
                .push("close it with  \"  ; a quotation mark inside is written  \\\"".into());
        }
        self.push(T::Text, length);
    }

    fn brace(&mut self, opens: bool) {
        if !opens {
            let group = self.curly.pop().unwrap_or(self.tex.is_some());
            self.push(T::Close(if group { Bracket::Group } else { Bracket::Curly }), 1);
            return;
        }
        let group = match self.last() {
            T::Underscore | T::Command(_) | T::Close(Bracket::Group) => true,
            T::Operator(Operator::Power) => true,
            _ => self.tex.is_some(),
        };
        self.curly.push(group);
        self.push(T::Open(if group { Bracket::Group } else { Bracket::Curly }), 1);
    }

    fn bar(&mut self) {
        // `|_h` after a fraction names what is held fixed; elsewhere two bars are an absolute value.
        let held = self.rest()[1..].trim_start().starts_with('_');
        self.push(if held { T::HeldBar } else { T::Open(Bracket::Bar) }, 1);
    }

    fn number(&mut self) {
        let bytes = self.rest().as_bytes();
        let run = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut end = run(0);
        // A dot belongs to a number only before a digit: `2.*x` is `2 .* x` and `0..2` is a range.
        if bytes.get(end) == Some(&b'.') && is_digit(end + 1) {
            end = run(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
            let digits = end + 1 + usize::from(signed);
            // In LaTeX `2e^{x}` and `2e-3`: only the second has an exponent, and so it is there as well.
            if is_digit(digits) {
                end = run(digits);
            }
        }
        self.push(T::Number, end);
    }

    fn superscript(&mut self) {
        let signs = self.rest().chars().take_while(|&c| letters::superscript(c).is_some());
        let length: usize = signs.map(char::len_utf8).sum();
        let minus = self.last() == T::Operator(Operator::Sub) && self.text[..self.at].ends_with('⁻');
        if !minus {
            self.push(T::Operator(Operator::Power), 0);
        }
        self.push(T::Number, length);
    }

    fn sign(&mut self, c: char) {
        if c == '⁻' {
            self.push(T::Operator(Operator::Power), 0);
        }
        if self.tex.is_some() && self.rest().starts_with(":=") {
            return self.push(T::Equals, 2);
        }
        // A derivative such as `y'/dx` has a prime, `./` an operator: longer signs stand first in the table.
        if let Some(&(sign, kind)) = SIGNS.iter().find(|(sign, _)| self.rest().starts_with(sign)) {
            self.push(kind, sign.len());
            if self.tex.is_some() && matches!(kind, T::Underscore | T::Operator(Operator::Power)) {
                self.single = 1;
            }
            return;
        }
        let run =
            self.rest().chars().take_while(|&next| next == c || (c.is_alphabetic() && next.is_alphabetic()));
        let length: usize = run.map(char::len_utf8).sum();
        let wrong =
            self.wrong(length, "E0001", format!("{} is not part of the language", letters::called(c)));
        match (letters::twin(c), letters::mistaken(c)) {
            (Some((_, plain)), _) => wrong.help.push(format!("type  {plain}")),
            (_, Some((_, plain))) => wrong.help.push(format!("type  {plain}")),
            _ if c.is_alphabetic() => {
                wrong.help.push("names are made of Latin or Greek letters, digits and _".into());
            }
            _ => wrong.help.push("leave it out".into()),
        }
        self.push(T::Bad, length);
    }

    fn name(&mut self) {
        let is_part =
            |c: char| continues_name(c) || letters::twin(c).is_some_and(|(_, plain)| is_letter(plain));
        let mut length: usize = self.rest().chars().take_while(|&c| is_part(c)).map(char::len_utf8).sum();
        let twin = self.rest()[..length].char_indices().find(|&(_, c)| letters::twin(c).is_some());
        if let Some((k, c)) = twin {
            let (_, plain) = letters::twin(c).expect("invariant: it was found as a twin");
            let at = Span::new(self.at + k, self.at + k + c.len_utf8());
            let message = format!("{} looks like the Latin letter `{plain}`", letters::called(c));
            let name = spelled(&self.rest()[..length]);
            self.out.wrong.push(Diagnostic::error("E0001", at, message).help(format!("type  {name}")));
        }
        let run = &self.rest()[..length];
        // `V_{jk}`: the underscore belongs to the group.
        if run.ends_with('_') && self.rest()[length..].starts_with('{') {
            length -= 1;
        }
        if let Some(declared) = self.tex {
            length = self.letters(&self.rest()[..length], declared);
        }
        let run = &self.rest()[..length];
        // `var(x)` and `where(c, a, b)` are functions; their words begin or continue an item only when they stand alone.
        let called = self.rest()[length..].starts_with('(');
        let kind = match word(run) {
            Some(Word::Var | Word::Where) if called => T::Name,
            Some(word) => T::Word(word),
            None => T::Name,
        };
        self.push(kind, length);
    }

    /// How much of a run is one name in LaTeX: all if that is declared, else its letters, else one letter of a
    /// product.
    fn letters(&self, run: &str, declared: Declared) -> usize {
        if declared(&spelled(run)) {
            return run.len();
        }
        let letters: usize = run.chars().take_while(|&c| is_letter(c)).map(char::len_utf8).sum();
        let below = self.out.tokens.iter().rev().take(2).any(|token| token.kind == T::Underscore);
        // A look-alike of a letter was told; it is one name with what follows.
        let run = if letters == 0 { run } else { &run[..letters] };
        let product =
            !below && run.chars().count() > 1 && run.chars().all(|c| declared(&spelled(&c.to_string())));
        match run.chars().next() {
            Some(first) if product && !declared(&spelled(run)) => first.len_utf8(),
            _ => run.len(),
        }
    }

    /// `\name`, with its argument where that is only a spelling.
    fn command(&mut self) {
        let rest = self.rest();
        let word: usize = rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
        if word == 0 {
            let Some(c) = rest[1..].chars().next() else { return self.unknown(1) };
            match c {
                '\\' if self.cases == 0 && self.tex.is_some() => self.at += 2,
                '\\' => self.push(T::RowEnd, 2),
                '|' => self.push(T::Open(Bracket::Norm), 2),
                '{' => self.push(T::Open(Bracket::Round), 2),
                '}' => self.push(T::Close(Bracket::Round), 2),
                ',' | ';' | ':' | '!' | ' ' | '>' => self.at += 2,
                _ => self.unknown(1 + c.len_utf8()),
            }
            return;
        }
        let (name, length) = (&rest[1..=word], word + 1);
        use Operator::{Dot, Each, GreaterEqual, LessEqual, NotEqual, Over, Times};
        match name {
            "left" | "right" | "bigl" | "bigr" | "Bigl" | "Bigr" | "biggl" | "biggr" | "big" | "Big"
            | "bigg" | "Bigg" => self.delimiter(length, name.starts_with('r') || name.ends_with('r')),
            "quad" | "qquad" | "displaystyle" | "textstyle" | "limits" | "nolimits" | "nonumber"
            | "notag" => {
                self.at += length;
            }
            "label" | "tag" => self.at += length + argument(&rest[length..]).unwrap_or(0),
            "cdot" => self.push(T::Operator(Dot), length),
            "odot" => self.push(T::Operator(Each), length),
            "times" => self.push(T::Operator(Times), length),
            "div" => self.push(T::Operator(Over), length),
            "le" | "leq" => self.push(T::Operator(LessEqual), length),
            "ge" | "geq" => self.push(T::Operator(GreaterEqual), length),
            "lt" => self.push(T::Operator(Operator::Less), length),
            "gt" => self.push(T::Operator(Operator::Greater), length),
            "ne" | "neq" => self.push(T::Operator(NotEqual), length),
            "land" | "wedge" => self.push(T::Word(Word::And), length),
            "lor" | "vee" => self.push(T::Word(Word::Or), length),
            "lnot" | "neg" => self.push(T::Word(Word::Not), length),
            "lbrack" => self.push(T::Open(Bracket::Square), length),
            "rbrack" => self.push(T::Close(Bracket::Square), length),
            "lvert" => self.push(T::Open(Bracket::Bar), length),
            "rvert" => self.push(T::Close(Bracket::Bar), length),
            "lVert" | "Vert" => self.push(T::Open(Bracket::Norm), length),
            "rVert" => self.push(T::Close(Bracket::Norm), length),
            "mid" | "vert" => self.push(T::HeldBar, length),
            "partial" => self.push(T::Partial, length),
            "top" | "intercal" => self.push(T::Command(Command::Top), length),
            "frac" | "dfrac" | "tfrac" => {
                self.push(T::Command(Command::Frac), length);
                self.single = 2;
            }
            "sqrt" => {
                self.push(T::Command(Command::Sqrt), length);
                self.single = 1;
            }
            "sum" => self.push(T::Command(Command::Sum), length),
            "prod" => self.push(T::Command(Command::Prod), length),
            "exp" | "log" | "ln" | "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "arcsin" | "arccos"
            | "arctan" | "max" | "min" | "det" => self.push(T::Command(Command::Function), length),
            "begin" | "end" => self.environment(length, name == "begin"),
            "mathbf" | "boldsymbol" | "bm" | "mathit" | "mathcal" | "vec" | "hat" | "mathbb"
            | "operatorname" | "text" | "mathrm" | "textrm" | "mathsf" | "mathtt" | "textit" | "textbf"
            | "bar" | "tilde" => {
                self.wrapped(name, length);
            }
            _ if name_of_letter(name) => self.push(T::Name, length),
            _ => self.unknown(length),
        }
    }

    fn unknown(&mut self, length: usize) {
        let name = shown(&self.rest()[..length]);
        self.wrong(length, "E0017", format!("`{name}` is not among the LaTeX commands that are read"))
            .help
            .push("write the formula in the language's own spelling; the manual lists the commands".into());
        self.push(T::Bad, length);
    }

    /// `\left(`, `\right|`, `\left.`: the size of a bracket says nothing, the empty one nothing at all.
    fn delimiter(&mut self, length: usize, right: bool) {
        self.at += length;
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        if self.rest().starts_with('.') {
            self.at += 1;
        } else if self.rest().starts_with('|') {
            let held = right && self.rest()[1..].trim_start().starts_with('_') && self.bars == 0;
            let kind = match (held, right) {
                (true, _) => T::HeldBar,
                (_, true) => T::Close(Bracket::Bar),
                _ => T::Open(Bracket::Bar),
            };
            self.bars = if right { self.bars.saturating_sub(1) } else { self.bars + 1 };
            self.push(kind, 1);
        }
    }

    fn environment(&mut self, length: usize, begins: bool) {
        let whole = length + argument(&self.rest()[length..]).unwrap_or(0);
        let name = self.rest()[length..whole].trim().trim_matches(['{', '}']);
        match (name, begins) {
            ("cases", true) => {
                self.cases += 1;
                self.push(T::Open(Bracket::Cases), whole);
            }
            ("cases", false) => {
                self.cases = self.cases.saturating_sub(1);
                self.push(T::Close(Bracket::Cases), whole);
            }
            ("aligned" | "split" | "gathered", _) => self.at += whole,
            _ => self.unknown(whole),
        }
    }

    /// `\mathbf{g}`, `\text{if}`, `\mathbb{1}`.
    fn wrapped(&mut self, name: &str, length: usize) {
        let rest = &self.rest()[length..];
        let Some(inner) = argument(rest) else {
            // One sign without braces: `\mathbf g`.
            let blank = rest.len() - rest.trim_start().len();
            return match rest.trim_start().chars().next() {
                Some(c) if is_letter(c) => self.push(T::Name, length + blank + c.len_utf8()),
                Some('1') if name == "mathbb" || name == "mathbf" => {
                    self.push(T::Command(Command::Indicator), length + blank + 1);
                }
                _ => self.unknown(length),
            };
        };
        let whole = length + inner;
        let content = rest[..inner].trim().trim_start_matches('{').trim_end_matches('}').trim();
        let simple = content.trim_start_matches('\\');
        let known = content.len() == simple.len() || name_of_letter(simple);
        match content {
            "1" | "I" if matches!(name, "mathbb" | "mathbf") && (content == "1" || name == "mathbb") => {
                self.push(T::Command(Command::Indicator), whole);
            }
            "if" | "when" | "for" => self.push(T::Word(Word::If), whole),
            "otherwise" | "else" => self.push(T::Word(Word::Else), whole),
            "and" => self.push(T::Word(Word::And), whole),
            "or" => self.push(T::Word(Word::Or), whole),
            "not" => self.push(T::Word(Word::Not), whole),
            "d" if name == "mathrm" => self.push(T::Name, whole),
            _ if name != "mathbb"
                && known
                && simple.starts_with(is_letter)
                && simple.chars().all(continues_name)
                && word(simple).is_none() =>
            {
                self.push(T::Name, whole);
            }
            _ => self.unknown(whole),
        }
    }
}

/// The length of `{..}` with the blanks before it; none inside another.
fn argument(rest: &str) -> Option<usize> {
    let blank = rest.len() - rest.trim_start().len();
    let inner = rest[blank..].strip_prefix('{')?;
    let end = inner.find(['{', '}', '\n'])?;
    inner[end..].starts_with('}').then_some(blank + end + 2)
}

/// `lambda`, `ell`, `infty`: commands that are letters.
fn name_of_letter(name: &str) -> bool {
    const MORE: [&str; 9] =
        ["ell", "infty", "varepsilon", "varphi", "vartheta", "varrho", "varsigma", "imath", "jmath"];
    MORE.contains(&name) || ('Α'..='ω').any(|c| letters::greek(c) == Some(name))
}
