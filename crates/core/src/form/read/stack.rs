//! Operator precedence with a stack of our own: nesting costs memory, never call depth.
//!
//! Operators wait until one that binds less tightly arrives; a run of the same level is then one n-ary node, so that
//! `a + b + c` is one sum and its order carries no meaning.
//!
//! Source: Dijkstra, Algol 60 translation (the shunting yard), 1961.

use super::token::{Kind, Token};
use super::{At, Factor, Node, Relation, Span, Spanned, syntax};
use crate::error::Result;

/// Open brackets at one time; deeper nesting is refused.
const MAX_DEPTH: usize = 20_000;

/// A waiting operator.
#[derive(Copy, Clone, PartialEq, Debug)]
enum Waiting {
    If,
    Else,
    Or,
    And,
    Not,
    Compare(Relation),
    Add(bool),
    Multiply(Factor),
    Negative,
    Power,
}

impl Waiting {
    /// How tightly it binds.
    fn level(self) -> u8 {
        match self {
            Waiting::If | Waiting::Else => 0,
            Waiting::Or => 1,
            Waiting::And => 2,
            Waiting::Not => 3,
            Waiting::Compare(_) => 4,
            Waiting::Add(_) => 5,
            Waiting::Multiply(_) => 6,
            Waiting::Negative => 7,
            Waiting::Power => 8,
        }
    }
}

/// What a bracket belongs to.
#[derive(Clone, PartialEq, Debug)]
enum Bracket {
    Whole,
    Group,
    /// A condition, or the entries of a literal.
    Iverson,
    Access(String),
    Call(String),
    /// The indices after a literal or a call.
    Entry(At),
}

/// An open bracket: what waits inside it.
struct Frame {
    bracket: Bracket,
    start: usize,
    /// Heights of the two stacks when it opened.
    operands: usize,
    operators: usize,
    list: Vec<At>,
    /// `name =` and the lower end, while a range is read.
    range: Option<(String, usize, Option<At>)>,
}

struct Reader<'a> {
    text: &'a str,
    nodes: &'a mut Vec<Spanned>,
    operands: Vec<At>,
    operators: Vec<(Waiting, usize)>,
    frames: Vec<Frame>,
}

/// Reads all tokens as one expression; `end` is where the text of the expression ends.
pub(super) fn expression(text: &str, tokens: &[Token], end: usize, nodes: &mut Vec<Spanned>) -> Result<At> {
    let mut reader = Reader { text, nodes, operands: Vec::new(), operators: Vec::new(), frames: Vec::new() };
    reader.open(Bracket::Whole, end)?;
    let mut k = 0;
    let mut wants_operand = true;
    while k < tokens.len() {
        let next = tokens.get(k + 1).map(|t| &t.kind);
        if wants_operand {
            (k, wants_operand) = reader.operand(&tokens[k], next, k)?;
        } else {
            wants_operand = reader.operator(&tokens[k])?;
            k += 1;
        }
    }
    if wants_operand {
        return Err(syntax(end, "a number, a name or `(` is expected here, but the formula ends"));
    }
    if reader.frames.len() > 1 {
        let frame = &reader.frames[reader.frames.len() - 1];
        return Err(syntax(end, format!("the bracket opened at byte {} is not closed", frame.start)));
    }
    reader.settle(0)?;
    Ok(reader.operands[0])
}

impl Reader<'_> {
    fn push(&mut self, node: Node, span: Span) -> At {
        self.nodes.push(Spanned { node, span });
        At(self.nodes.len() - 1)
    }

    fn span(&self, at: At) -> Span {
        self.nodes[at.0].span
    }

    fn open(&mut self, bracket: Bracket, start: usize) -> Result<()> {
        if self.frames.len() > MAX_DEPTH {
            return Err(syntax(start, format!("brackets are nested more than {MAX_DEPTH} deep")));
        }
        let (operands, operators) = (self.operands.len(), self.operators.len());
        self.frames.push(Frame { bracket, start, operands, operators, list: Vec::new(), range: None });
        Ok(())
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("invariant: the whole expression is a frame")
    }

    /// Where an operand is due: the position after it, and whether an operand is still due.
    fn operand(&mut self, token: &Token, next: Option<&Kind>, k: usize) -> Result<(usize, bool)> {
        let start = token.span.start;
        match (&token.kind, next) {
            (Kind::Number(value), _) => {
                let at = self.push(Node::Number(value.clone()), token.span);
                self.operands.push(at);
                Ok((k + 1, false))
            }
            (Kind::Name(name), Some(Kind::Symbol("["))) => {
                self.open(Bracket::Access(name.clone()), start)?;
                Ok((k + 2, true))
            }
            (Kind::Name(name), Some(Kind::Symbol("("))) => {
                self.open(Bracket::Call(name.clone()), start)?;
                Ok((k + 2, true))
            }
            (Kind::Name(name), Some(Kind::Symbol("="))) if self.begins_argument() => {
                self.frame().range = Some((name.clone(), start, None));
                Ok((k + 2, true))
            }
            (Kind::Name(name), _) => {
                let at = self.push(Node::Name(name.clone()), token.span);
                self.operands.push(at);
                Ok((k + 1, false))
            }
            (Kind::Symbol("("), _) => self.open(Bracket::Group, start).map(|()| (k + 1, true)),
            (Kind::Symbol("["), _) => self.open(Bracket::Iverson, start).map(|()| (k + 1, true)),
            (Kind::Symbol("-"), _) => {
                self.operators.push((Waiting::Negative, start));
                Ok((k + 1, true))
            }
            (Kind::Symbol("not"), _) => {
                let base = self.frame().operators;
                if self.operators[base..].last().is_some_and(|(w, _)| w.level() > 3) {
                    return Err(syntax(start, "`not` needs parentheses here"));
                }
                self.operators.push((Waiting::Not, start));
                Ok((k + 1, true))
            }
            (Kind::Symbol(")" | "]"), _) if self.is_empty_list() => {
                self.close(token)?;
                Ok((k + 1, false))
            }
            (Kind::Symbol(found), _) => {
                Err(syntax(start, format!("a number, a name or `(` is expected here, not `{found}`")))
            }
        }
    }

    /// At the first token of an argument of an access or a call.
    fn begins_argument(&self) -> bool {
        let frame = self.frames.last().expect("invariant: the whole expression is a frame");
        !matches!(frame.bracket, Bracket::Whole | Bracket::Group)
            && frame.range.is_none()
            && self.operands.len() == frame.operands
            && self.operators.len() == frame.operators
    }

    fn is_empty_list(&self) -> bool {
        self.begins_argument() && self.frames.last().is_some_and(|f| f.list.is_empty())
    }

    /// Where an operator is due; true when an operand is due after it.
    fn operator(&mut self, token: &Token) -> Result<bool> {
        let start = token.span.start;
        let Kind::Symbol(sign) = token.kind else { return Err(self.missing_operator(token)) };
        if sign == "[" && self.begins_entry() {
            let base = self.pop();
            self.open(Bracket::Entry(base), start)?;
            return Ok(true);
        }
        let waiting = match sign {
            "+" => Waiting::Add(false),
            "-" => Waiting::Add(true),
            "*" => Waiting::Multiply(Factor::Times),
            "/" => Waiting::Multiply(Factor::Over),
            "div" => Waiting::Multiply(Factor::Div),
            "mod" => Waiting::Multiply(Factor::Mod),
            "^" | "**" => Waiting::Power,
            "<" => Waiting::Compare(Relation::Less),
            "<=" => Waiting::Compare(Relation::LessEqual),
            ">" => Waiting::Compare(Relation::Greater),
            ">=" => Waiting::Compare(Relation::GreaterEqual),
            "==" => Waiting::Compare(Relation::Equal),
            "!=" => Waiting::Compare(Relation::NotEqual),
            "and" => Waiting::And,
            "or" => Waiting::Or,
            "if" => Waiting::If,
            "else" => return self.otherwise(start).map(|()| true),
            "," => return self.comma(token).map(|()| true),
            ".." => return self.range(start).map(|()| true),
            ")" | "]" => return self.close(token).map(|()| false),
            _ => return Err(self.missing_operator(token)),
        };
        self.settle(waiting.level() + 1)?;
        let base = self.frame().operators;
        match (waiting, self.operators[base..].last()) {
            (Waiting::Compare(_), Some((Waiting::Compare(_), _))) => {
                return Err(syntax(start, "comparisons do not chain: write a < b and b < c"));
            }
            (Waiting::If, Some((Waiting::If, _))) => {
                return Err(syntax(start, "`else` is expected before another `if`"));
            }
            _ => self.operators.push((waiting, start)),
        }
        Ok(true)
    }

    /// After a call or a bracket, which may be a literal.
    fn begins_entry(&self) -> bool {
        let last = self.operands.last().map(|at| &self.nodes[at.0].node);
        matches!(last, Some(Node::Call(..) | Node::Iverson(_) | Node::Array(_)))
    }

    fn missing_operator(&self, token: &Token) -> crate::error::Error {
        let found = &self.text[token.span.start..token.span.end];
        syntax(token.span.start, format!("an operator is missing before `{found}`"))
    }

    fn otherwise(&mut self, start: usize) -> Result<()> {
        self.settle(1)?;
        let base = self.frame().operators;
        match self.operators[base..].last_mut() {
            Some((waiting @ Waiting::If, _)) => *waiting = Waiting::Else,
            _ => return Err(syntax(start, "`else` without `if`")),
        }
        Ok(())
    }

    fn comma(&mut self, token: &Token) -> Result<()> {
        if matches!(self.frame().bracket, Bracket::Whole | Bracket::Group) {
            return Err(syntax(token.span.start, "a comma stands only between indices or arguments"));
        }
        self.argument(token.span)
    }

    fn range(&mut self, start: usize) -> Result<()> {
        self.settle(0)?;
        let low = *self.operands.last().expect("invariant: an operand was read");
        match &mut self.frame().range {
            Some((_, _, slot @ None)) => *slot = Some(low),
            _ => return Err(syntax(start, "`..` stands only in a range, as in sum(j=0..n-1, x[j])")),
        }
        self.operands.pop();
        Ok(())
    }

    /// Ends an argument before `token`.
    fn argument(&mut self, token: Span) -> Result<()> {
        self.settle(0)?;
        let mut at = self.operands.pop().expect("invariant: an operand was read");
        match self.frame().range.take() {
            None => {}
            Some((name, start, None))
                if name == "axis" && matches!(self.frame().bracket, Bracket::Call(_)) =>
            {
                let span = Span { start, end: self.span(at).end };
                at = self.push(Node::Option(name, at), span);
            }
            Some((_, _, None)) => return Err(syntax(token.start, "`..` is expected: a range is low..high")),
            Some((name, start, Some(low))) => {
                let span = Span { start, end: self.span(at).end };
                at = self.push(Node::Range(name, low, at), span);
            }
        }
        self.frame().list.push(at);
        Ok(())
    }

    fn close(&mut self, token: &Token) -> Result<()> {
        let sign = if token.kind == Kind::Symbol(")") { ")" } else { "]" };
        let expected = match self.frame().bracket {
            Bracket::Whole => return Err(syntax(token.span.start, format!("`{sign}` closes nothing"))),
            Bracket::Group | Bracket::Call(_) => ")",
            Bracket::Iverson | Bracket::Access(_) | Bracket::Entry(_) => "]",
        };
        if sign != expected {
            let start = self.frame().start;
            let message = format!("`{expected}` is expected, to close the bracket opened at byte {start}");
            return Err(syntax(token.span.start, message));
        }
        if !self.is_empty_list() {
            self.argument(token.span)?;
        }
        let frame = self.frames.pop().expect("invariant: checked above");
        let mut span = Span { start: frame.start, end: token.span.end };
        if let Bracket::Entry(base) = frame.bracket {
            span.start = self.span(base).start;
        }
        let at = match frame.bracket {
            Bracket::Group | Bracket::Whole => frame.list[0],
            Bracket::Iverson if frame.list.len() == 1 => self.push(Node::Iverson(frame.list[0]), span),
            Bracket::Iverson => self.push(Node::Array(frame.list), span),
            Bracket::Entry(base) => self.push(Node::Entry(base, frame.list), span),
            Bracket::Access(name) => self.push(Node::Access(name, frame.list), span),
            Bracket::Call(name) => self.push(Node::Call(name, frame.list), span),
        };
        self.operands.push(at);
        Ok(())
    }

    /// Builds the nodes of every waiting operator of this bracket that binds at least as tightly as `level`.
    fn settle(&mut self, level: u8) -> Result<()> {
        let base = self.frame().operators;
        while self.operators.len() > base {
            let (waiting, start) = self.operators[self.operators.len() - 1];
            if waiting.level() < level {
                break;
            }
            self.build(waiting, start, base)?;
        }
        Ok(())
    }

    fn pop(&mut self) -> At {
        self.operands.pop().expect("invariant: operators wait for operands that were read")
    }

    fn build(&mut self, waiting: Waiting, start: usize, base: usize) -> Result<()> {
        if matches!(waiting, Waiting::Or | Waiting::And | Waiting::Add(_) | Waiting::Multiply(_)) {
            self.build_run(waiting.level(), base);
            return Ok(());
        }
        self.operators.pop();
        let b = self.pop();
        let (node, span) = match waiting {
            Waiting::Negative => (Node::Negative(b), Span { start, end: self.span(b).end }),
            Waiting::Not => (Node::Not(b), Span { start, end: self.span(b).end }),
            Waiting::Power => {
                let a = self.pop();
                (Node::Power(a, b), self.span(a).to(self.span(b)))
            }
            Waiting::Compare(relation) => {
                let a = self.pop();
                (Node::Compare(relation, a, b), self.span(a).to(self.span(b)))
            }
            Waiting::Else => {
                let (c, a) = (self.pop(), self.pop());
                (Node::If(a, c, b), self.span(a).to(self.span(b)))
            }
            _ => return Err(syntax(start, "`if` without `else`: write a if c else b")),
        };
        let at = self.push(node, span);
        self.operands.push(at);
        Ok(())
    }

    /// One node for a run of operators of one level.
    fn build_run(&mut self, level: u8, base: usize) {
        let run = self.operators[base..].iter().rev().take_while(|(w, _)| w.level() == level).count();
        let operators = self.operators.split_off(self.operators.len() - run);
        let operands = self.operands.split_off(self.operands.len() - run - 1);
        let span = self.span(operands[0]).to(self.span(operands[run]));
        let before = std::iter::once(None).chain(operators.iter().map(|(w, _)| Some(*w)));
        let node = match level {
            1 => Node::Or(operands),
            2 => Node::And(operands),
            5 => Node::Sum(before.map(|w| w == Some(Waiting::Add(true))).zip(operands).collect()),
            _ => {
                let factor = |w| if let Some(Waiting::Multiply(f)) = w { f } else { Factor::Times };
                Node::Product(before.map(factor).zip(operands).collect())
            }
        };
        let at = self.push(node, span);
        self.operands.push(at);
    }
}
