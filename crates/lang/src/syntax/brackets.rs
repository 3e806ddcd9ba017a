//! Brackets of a token stream: each finds its partner, or the reader hears of it, and newlines inside are blanks.

use super::token::{Bracket, T, Token};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Formulas of people nest a dozen deep; generated ones rarely a thousand.
const DEPTH: usize = 50_000;

/// Tokens whose brackets match.
pub(crate) struct Matched {
    pub(crate) tokens: Vec<Token>,
    /// For each opening bracket the position of the closing one, and the other way round.
    pub(crate) partner: Vec<usize>,
    /// Closing brackets that were supplied stand at no byte.
    pub(crate) wrong: Vec<Diagnostic>,
}

struct Matcher {
    out: Matched,
    open: Vec<(Bracket, usize)>,
    /// How many of the open ones are round, square, ... since the last brace around items; one row a brace.
    counts: Vec<(usize, [usize; 7])>,
}

/// Matches brackets. Missing ones are supplied and superfluous ones left out, each with a message.
pub(crate) fn matched(tokens: &[Token]) -> Matched {
    let out = Matched { tokens: Vec::with_capacity(tokens.len()), partner: Vec::new(), wrong: Vec::new() };
    let mut matcher = Matcher { out, open: Vec::new(), counts: vec![(0, [0; 7])] };
    for (k, &token) in tokens.iter().enumerate() {
        match token.kind {
            T::Newline if !matcher.between_items() => {
                // A word that begins an item cannot stand inside brackets, so they were forgotten before it.
                if tokens
                    .get(k + 1)
                    .is_some_and(|next| matches!(next.kind, T::Word(word) if word.begins_item()))
                {
                    matcher.close_formula(tokens[k + 1].span);
                    matcher.push(token);
                }
            }
            T::Open(bracket) => {
                let twice = matches!(bracket, Bracket::Norm | Bracket::Bar);
                if twice && matcher.open.last().is_some_and(|&(top, _)| top == bracket) {
                    matcher.close(token, bracket);
                } else if matcher.open.len() >= DEPTH {
                    matcher.too_deep(token.span);
                    break;
                } else {
                    matcher.open(token, bracket);
                }
            }
            T::Close(bracket) => matcher.close(token, bracket),
            T::End => {
                matcher.close_formula(token.span);
                matcher.close_down_to(0, token.span);
                matcher.push(token);
            }
            _ => matcher.push(token),
        }
    }
    matcher.out
}

fn is_brace(bracket: Bracket) -> bool {
    matches!(bracket, Bracket::Curly | Bracket::Group)
}

impl Matcher {
    fn push(&mut self, token: Token) {
        self.out.partner.push(self.out.tokens.len());
        self.out.tokens.push(token);
    }

    fn open(&mut self, token: Token, bracket: Bracket) {
        self.open.push((bracket, self.out.tokens.len()));
        self.count().1[bracket as usize] += 1;
        if bracket == Bracket::Curly {
            self.counts.push((self.open.len(), [0; 7]));
        }
        self.push(token);
    }

    fn count(&mut self) -> &mut (usize, [usize; 7]) {
        self.counts.last_mut().expect("invariant: the bottom row stays")
    }

    fn between_items(&self) -> bool {
        self.open.last().is_none_or(|&(bracket, _)| bracket == Bracket::Curly)
    }

    fn pair(&mut self, closing: Token) {
        let (bracket, at) = self.open.pop().expect("invariant: one is open");
        if bracket == Bracket::Curly {
            self.counts.pop();
        }
        self.count().1[bracket as usize] -= 1;
        let here = self.out.tokens.len();
        self.push(Token { kind: T::Close(bracket), span: closing.span });
        self.out.partner[at] = here;
        self.out.partner[here] = at;
    }

    fn close(&mut self, token: Token, bracket: Bracket) {
        let fits = |open: Bracket| open == bracket || is_brace(open) && is_brace(bracket);
        let (floor, counts) = *self.count();
        // Asked of the counts first, so that a run of signs that close nothing is not searched for each.
        let here = if is_brace(bracket) { counts[Bracket::Group as usize] } else { counts[bracket as usize] };
        let found = match here {
            0 if is_brace(bracket) && floor > 0 => Some(floor - 1),
            0 => None,
            _ => self.open.iter().rposition(|&(open, _)| fits(open)),
        };
        match found {
            Some(k) => {
                self.close_down_to(k + 1, token.span);
                self.pair(token);
            }
            None if bracket == Bracket::Bar => self.push(Token { kind: T::HeldBar, ..token }),
            None if self.open.len() > floor => {
                let (open, at) = *self.open.last().expect("invariant: one is open");
                let opened = self.out.tokens[at].span;
                let message = format!("`{}` is closed by `{}`", open.signs().0, bracket.signs().1);
                self.out.wrong.push(
                    Diagnostic::error("E0004", token.span, message)
                        .saying("closed here")
                        .label(opened, "opened here")
                        .help(format!("close it with  {}", open.signs().1)),
                );
                self.pair(Token { kind: token.kind, span: Span::new(token.span.end, token.span.end) });
            }
            None => {
                let message = format!("`{}` closes nothing", bracket.signs().1);
                let help = format!("leave it out, or open one with  {}  before it", bracket.signs().0);
                self.out.wrong.push(Diagnostic::error("E0004", token.span, message).help(help));
            }
        }
    }

    fn close_formula(&mut self, before: Span) {
        let (floor, _) = *self.count();
        self.close_down_to(floor, before);
    }

    /// Supplies the closing brackets that are missing, with one message for all of them.
    fn close_down_to(&mut self, depth: usize, before: Span) {
        let missing = self.open.len().saturating_sub(depth);
        if missing == 0 {
            return;
        }
        let (bracket, at) = self.open[depth];
        let message = match missing {
            1 => format!("`{}` is not closed", bracket.signs().0),
            _ => format!("{missing} brackets are not closed; the outermost is `{}`", bracket.signs().0),
        };
        let opened = self.out.tokens[at].span;
        self.out.wrong.push(
            Diagnostic::error("E0004", opened, message)
                .saying("opened here")
                .label(before, "not closed before this")
                .help(format!("close it with  {}", bracket.signs().1)),
        );
        while self.open.len() > depth {
            let kind = T::Bad;
            self.pair(Token { kind, span: Span::new(before.start, before.start) });
        }
    }

    fn too_deep(&mut self, at: Span) {
        let message = format!("brackets nest deeper than {DEPTH}");
        let help = "give parts of the formula a name with  def , and use the names";
        self.out.wrong.push(Diagnostic::error("E0016", at, message).help(help));
        let end = Span::new(at.end, at.end);
        while !self.open.is_empty() {
            self.pair(Token { kind: T::Bad, span: end });
        }
        self.push(Token { kind: T::End, span: end });
    }
}
