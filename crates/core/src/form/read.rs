//! Index notation, read: `y[i] = sum(j, V[i,j]*x[j]) + b[i]` as a tree with byte spans.
//!
//! The tree is flat: nodes stand in one list, operands before their users, so that no pass over it recurses and a
//! formula of a hundred thousand terms costs no stack. Reading knows letters only; what they stand for, and over
//! which range an index runs, is decided when the equation is written into a graph
//! ([`Graph::form`](crate::graph::Graph::form)).
//!
//! ```
//! use chainrule_core::form::read::{Node, parse};
//! let equation = parse("y[i] = sum(j, V[i,j]*x[j]) + b[i]").unwrap();
//! assert_eq!(equation.left.as_ref().unwrap().name, "y");
//! assert!(matches!(equation.node(equation.root).node, Node::Sum(ref terms) if terms.len() == 2));
//! assert_eq!(parse("y[i] = 2 x[i]").unwrap_err().to_string(), "at byte 9: an operator is missing before `x`");
//! ```
//!
//! Names that are no identifiers, or that are words of the language, stand in quotation marks: `"mlp/2/W"[i,j]`.
//!
//! Precedence, tightest first: `x[i]`, call; `^` (right); unary `-`; `*` `/` `div` `mod`; `+` `-`; comparisons (one);
//! `not`; `and`; `or`; `a if c else b`.

mod stack;
mod token;
mod where_clauses;

pub(crate) use self::where_clauses::{Clause, clauses};
use crate::error::{Error, Result};
use crate::rational::Rational;
use crate::shape::Dim;
pub use token::spelled;
use token::{Kind, Token};

/// Bytes of the source, half open.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Past the last byte.
    pub end: usize,
}

impl Span {
    fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Position of a node in the list of its equation.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct At(pub usize);

/// A node and where it stands in the text.
#[derive(Clone, PartialEq, Debug)]
pub struct Spanned {
    /// What it is.
    pub node: Node,
    /// Where.
    pub span: Span,
}

/// A piece of a formula.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    /// An exact number: `1`, `0.1`.
    Number(Rational),
    /// A name alone: an index, a size, a number.
    Name(String),
    /// A size polynomial, from who lowers another notation; reading text never makes one.
    Size(Dim),
    /// `name[terms]`
    Access(String, Vec<At>),
    /// `name(arguments)`; binders such as `sum(j, e)` are calls as well.
    Call(String, Vec<At>),
    /// `base[terms]`, where the base is a literal or a function of whole arrays: `[2, 3][i]`, `inv(A)[i,j]`.
    Entry(At, Vec<At>),
    /// `[a, b]`, the entries of a literal along one axis.
    Array(Vec<At>),
    /// `name = value`, an option of a function of whole arrays: `axis=1`.
    Option(String, At),
    /// `name = low .. high`, both ends included.
    Range(String, At, At),
    /// `Σ ± term`; true is minus.
    Sum(Vec<(bool, At)>),
    /// Factors from left to right, each with the operator before it.
    Product(Vec<(Factor, At)>),
    /// `-x`
    Negative(At),
    /// `x ^ y`
    Power(At, At),
    /// `x < y` and the like.
    Compare(Relation, At, At),
    /// `not c`
    Not(At),
    /// `c and d and …`
    And(Vec<At>),
    /// `c or d or …`
    Or(Vec<At>),
    /// `[c]`: 1 where the condition holds, else 0.
    Iverson(At),
    /// `a if c else b`, as `(a, c, b)`.
    If(At, At, At),
}

/// The operator before a factor.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Factor {
    /// `*`, or the first factor.
    Times,
    /// `/`
    Over,
    /// `div`: floor of the quotient of indices.
    Div,
    /// `mod`: its remainder.
    Mod,
}

/// Comparisons.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// The left side of an equation: what is defined, and the order of its indices.
#[derive(Clone, PartialEq, Debug)]
pub struct Left {
    /// The name.
    pub name: String,
    /// The indices.
    pub indices: Vec<LeftIndex>,
}

/// An index of the left side: its letter, where it stands, and its stated range `(low, high)`.
pub type LeftIndex = (String, Span, Option<(At, At)>);

/// A formula, with what it defines.
#[derive(Clone, PartialEq, Debug)]
pub struct Equation {
    /// The source.
    pub text: String,
    /// Left of `=`, if there is one.
    pub left: Option<Left>,
    /// The formula.
    pub root: At,
    /// Every node, operands before users.
    pub nodes: Vec<Spanned>,
}

impl Equation {
    /// The node at a position.
    pub fn node(&self, at: At) -> &Spanned {
        &self.nodes[at.0]
    }

    /// The source of a node.
    pub fn source(&self, at: At) -> &str {
        let span = self.node(at).span;
        &self.text[span.start..span.end]
    }
}

impl Node {
    /// Operands, in order of writing.
    pub fn children(&self) -> Vec<At> {
        match self {
            Node::Number(_) | Node::Name(_) | Node::Size(_) => Vec::new(),
            Node::Access(_, list)
            | Node::Call(_, list)
            | Node::And(list)
            | Node::Or(list)
            | Node::Array(list) => list.clone(),
            Node::Entry(base, list) => std::iter::once(*base).chain(list.iter().copied()).collect(),
            Node::Range(_, a, b) | Node::Power(a, b) | Node::Compare(_, a, b) => vec![*a, *b],
            Node::Sum(terms) => terms.iter().map(|t| t.1).collect(),
            Node::Product(factors) => factors.iter().map(|f| f.1).collect(),
            Node::Negative(a) | Node::Not(a) | Node::Iverson(a) | Node::Option(_, a) => vec![*a],
            Node::If(a, c, b) => vec![*a, *c, *b],
        }
    }
}

/// Reads `expression` or `name[indices] = expression`.
///
/// # Errors
/// [`Error::Syntax`] with the byte where reading stopped, and what was expected there.
pub fn parse(text: &str) -> Result<Equation> {
    let tokens = token::tokens(text)?;
    let mut nodes = Vec::new();
    let equals = top_level_equals(&tokens);
    let left = match equals {
        None => None,
        Some(k) => {
            let end = tokens[k].span.start;
            let side = stack::expression(text, &tokens[..k], end, &mut nodes)?;
            Some(left_side(&nodes, side)?)
        }
    };
    let rest = &tokens[equals.map_or(0, |k| k + 1)..];
    let root = stack::expression(text, rest, text.len(), &mut nodes)?;
    if let Node::Range(..) = nodes[root.0].node {
        return Err(syntax(nodes[root.0].span.start, "a range stands only inside a binder or on the left"));
    }
    Ok(Equation { text: text.to_string(), left, root, nodes })
}

fn syntax(at: usize, message: impl Into<String>) -> Error {
    Error::Syntax { at, message: message.into() }
}

/// Position of an `=` outside all brackets.
fn top_level_equals(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0i64;
    tokens.iter().position(|t| {
        match t.kind {
            Kind::Symbol("(" | "[") => depth += 1,
            Kind::Symbol(")" | "]") => depth -= 1,
            _ => {}
        }
        depth == 0 && t.kind == Kind::Symbol("=")
    })
}

fn left_side(nodes: &[Spanned], side: At) -> Result<Left> {
    let whole = &nodes[side.0];
    let (name, list) = match &whole.node {
        Node::Name(name) => (name, &[][..]),
        Node::Access(name, list) => (name, &list[..]),
        _ => return Err(syntax(whole.span.start, "a name with indices stands left of `=`, as in y[i]")),
    };
    let mut indices: Vec<LeftIndex> = Vec::new();
    for &at in list {
        let Spanned { node, span } = &nodes[at.0];
        let (letter, range) = match node {
            Node::Name(letter) => (letter, None),
            Node::Range(letter, low, high) => (letter, Some((*low, *high))),
            _ => return Err(syntax(span.start, "an index stands here, as in y[i] or y[i=0..n-1]")),
        };
        if indices.iter().any(|(other, ..)| other == letter) {
            return Err(syntax(span.start, format!("index {letter} stands twice on the left")));
        }
        indices.push((letter.clone(), *span, range));
    }
    Ok(Left { name: name.clone(), indices })
}

#[cfg(test)]
mod tests;
