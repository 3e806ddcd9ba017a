//! Arrays that are written whole: literals, `inv(A)`, `argsort(x, axis=1)`. Their entries are read by indices after
//! them, `inv(A)[i,j]`.
//!
//! They hold no letters, so their nodes are made before ranges are inferred: an index may learn its range from them.

use super::names::{Meaning, Names};
use super::syntax;
use crate::error::{Error, Result};
use crate::form::read::{At, Equation, Node, Span};
use crate::graph::Graph;
use crate::graph::op::{Entries, Linear, Literal, Reduction};
use crate::node::NodeId;

/// What a part of an array stands for.
#[derive(Clone, Debug)]
pub(super) enum Whole {
    /// An array by name.
    Node(NodeId),
    /// `base[terms]`, and whether a literal there holds integers.
    Entry { integers: Integers },
    /// The outermost list of a literal.
    Literal,
    /// A number or a list inside of a literal.
    Piece,
    /// A word inside of a literal.
    Word(Word),
    /// `axis=…`
    Option,
    /// A function of arrays.
    Call(Function),
}

/// Whether the whole numbers of a literal are integers or reals.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Integers {
    /// Where an index is due.
    Expected,
    /// In a comparison: integers unless a point is written.
    Possible,
    /// Anywhere else.
    Real,
}

/// Words that are entries of literals, and the option of all axes.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Word {
    Real(f64),
    Bool(bool),
    All,
}

/// Functions of whole arrays.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Function {
    Linear(Linear),
    Reduce(Reduction),
    Sum,
    ArgMax,
    ArgSort,
    Sort,
    LogSumExp,
    Softmax,
    LogSoftmax,
    ExclusiveProd,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("inv", Function::Linear(Linear::Inverse)),
    ("solve", Function::Linear(Linear::Solve)),
    ("solve_lower", Function::Linear(Linear::SolveLower)),
    ("solve_upper", Function::Linear(Linear::SolveUpper)),
    ("det", Function::Linear(Linear::Det)),
    ("logdet", Function::Linear(Linear::LogAbsDet)),
    ("cholesky", Function::Linear(Linear::Cholesky)),
    ("max", Function::Reduce(Reduction::Max)),
    ("min", Function::Reduce(Reduction::Min)),
    ("prod", Function::Reduce(Reduction::Prod)),
    ("sum", Function::Sum),
    ("argmax", Function::ArgMax),
    ("argsort", Function::ArgSort),
    ("sort", Function::Sort),
    ("logsumexp", Function::LogSumExp),
    ("softmax", Function::Softmax),
    ("log_softmax", Function::LogSoftmax),
    ("exclusive_prod", Function::ExclusiveProd),
];

pub(super) const ENTRIES: &str = "the entries of a literal are numbers, true, false, nan and inf";

/// The function of whole arrays with this name.
pub(super) fn function(name: &str) -> Option<Function> {
    FUNCTIONS.iter().find(|(word, _)| *word == name).map(|(_, function)| *function)
}

/// Names of all functions of whole arrays.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(word, _)| *word)
}

/// The word with this name.
pub(super) fn word(name: &str) -> Option<Word> {
    Some(match name {
        "nan" => Word::Real(f64::NAN),
        "inf" => Word::Real(f64::INFINITY),
        "true" => Word::Bool(true),
        "false" => Word::Bool(false),
        "all" => Word::All,
        _ => return None,
    })
}

/// What is known of a part once its operands are.
#[derive(Clone)]
enum Part {
    Node(NodeId),
    List(List),
    Axes(Option<Vec<usize>>),
}

/// Entries in row-major order; extents innermost first, so that a list around it is one more at the end.
#[derive(Clone)]
struct List {
    extents: Vec<usize>,
    entries: Vec<Entry>,
}

#[derive(Copy, Clone, PartialEq)]
struct Entry {
    word: Word,
    /// The number, if it was written without a point.
    whole: Option<i64>,
}

/// Makes the nodes of all arrays that are written whole; entries of them then read like entries of a name.
pub(super) fn make(g: &mut Graph, tree: &Equation, names: &mut Names) -> Result<()> {
    let mut parts: Vec<Option<Part>> = vec![None; tree.nodes.len()];
    for k in 0..tree.nodes.len() {
        let Meaning::Whole(meaning) = names.meanings[k].clone() else { continue };
        let part = Maker { g, tree, parts: &mut parts }.part(At(k), &meaning)?;
        names.meanings[k] = match (&meaning, &part) {
            (Whole::Entry { .. } | Whole::Call(_) | Whole::Node(_), Part::Node(node)) => Meaning::Node(*node),
            _ => Meaning::Silent,
        };
        parts[k] = Some(part);
        let inner = match &tree.nodes[k].node {
            Node::Entry(base, _) => vec![*base],
            other => other.children(),
        };
        inner.iter().for_each(|a| names.meanings[a.0] = Meaning::Silent);
    }
    Ok(())
}

struct Maker<'a> {
    g: &'a mut Graph,
    tree: &'a Equation,
    parts: &'a mut Vec<Option<Part>>,
}

impl Maker<'_> {
    fn take(&mut self, at: At) -> Part {
        self.parts[at.0].take().expect("invariant: operands of an array come before it")
    }

    fn span(&self, at: At) -> Span {
        self.tree.node(at).span
    }

    fn part(&mut self, at: At, meaning: &Whole) -> Result<Part> {
        let tree = self.tree;
        Ok(match (meaning, &tree.node(at).node) {
            (Whole::Node(node), _) => Part::Node(*node),
            (Whole::Word(word), _) => Part::List(List::of(Entry { word: *word, whole: None })),
            (Whole::Entry { integers }, Node::Entry(base, _)) => match self.take(*base) {
                Part::List(list) => Part::Node(self.literal(*base, list, *integers)?),
                other => other,
            },
            (Whole::Literal, node) => Part::List(self.list(at, &node.children())?),
            (Whole::Piece, Node::Number(value)) => {
                let point = tree.source(at).contains(['.', 'e', 'E']);
                let whole = value.to_i64().filter(|_| !point);
                Part::List(List::of(Entry { word: Word::Real(value.to_f64()), whole }))
            }
            (Whole::Piece, Node::Negative(inner)) => self.negative(*inner)?,
            (Whole::Piece, node) => Part::List(self.list(at, &node.children())?),
            (Whole::Option, Node::Option(_, value)) => Part::Axes(self.axes(*value)?),
            (Whole::Call(function), Node::Call(name, list)) => {
                Part::Node(self.call(at, name, *function, list)?)
            }
            _ => return Err(syntax(self.span(at), ENTRIES)),
        })
    }

    fn negative(&mut self, inner: At) -> Result<Part> {
        match self.take(inner) {
            Part::List(mut list) if list.extents.is_empty() => {
                let entry = &mut list.entries[0];
                match &mut entry.word {
                    Word::Real(x) => *x = -*x,
                    _ => return Err(syntax(self.span(inner), "a number is expected after `-`")),
                }
                entry.whole = entry.whole.map(|n| -n);
                Ok(Part::List(list))
            }
            _ => Err(syntax(self.span(inner), "a number is expected after `-`")),
        }
    }

    /// Lists of one shape, one after the other.
    fn list(&mut self, at: At, items: &[At]) -> Result<List> {
        let mut all: Option<List> = None;
        for &item in items {
            let Part::List(list) = self.take(item) else { return Err(syntax(self.span(item), ENTRIES)) };
            match &mut all {
                None => all = Some(list),
                Some(first) if first.extents == list.extents => first.entries.extend(list.entries),
                Some(_) => {
                    let message = "this row of the literal has another length than the first one";
                    return Err(syntax(self.span(item), message));
                }
            }
        }
        let mut all = all.unwrap_or(List { extents: Vec::new(), entries: Vec::new() });
        all.extents.push(items.len());
        if all.extents.len() > usize::from(u8::MAX) {
            return Err(syntax(self.span(at), "a literal has at most 255 axes"));
        }
        Ok(all)
    }

    fn literal(&mut self, at: At, list: List, integers: Integers) -> Result<NodeId> {
        let shape: Vec<usize> = list.extents.iter().rev().copied().collect();
        let mut words = list.entries.iter().map(|e| e.word);
        let whole: Option<Vec<i64>> = list.entries.iter().map(|e| e.whole).collect();
        let entries = if !list.entries.is_empty() && words.clone().all(|w| matches!(w, Word::Bool(_))) {
            Entries::Bool(words.map(|w| w == Word::Bool(true)).collect())
        } else if let Some(whole) = whole.filter(|_| integers != Integers::Real) {
            Entries::Int(whole)
        } else if words.all(|w| matches!(w, Word::Real(_))) {
            let bits = list.entries.iter().map(|e| match e.word {
                Word::Real(x) => x.to_bits(),
                _ => 0,
            });
            Entries::Real(bits.collect())
        } else {
            return Err(syntax(self.span(at), "a literal holds numbers or truth values, not both"));
        };
        if integers == Integers::Expected && !matches!(entries, Entries::Int(_)) {
            let message = "an index is expected here: a literal of whole numbers, written without a point";
            return Err(syntax(self.span(at), message));
        }
        Ok(self.g.literal(Literal::new(&shape, entries)?))
    }

    /// Axes of an option; `None` for all.
    fn axes(&mut self, value: At) -> Result<Option<Vec<usize>>> {
        let wrong =
            || "an axis is a whole number, as in axis=0; several are a list, axis=[0, 2]; or axis=all";
        let Part::List(list) = self.take(value) else { return Err(syntax(self.span(value), wrong())) };
        if let [Entry { word: Word::All, .. }] = list.entries[..] {
            return Ok(None);
        }
        let axis = |e: &Entry| e.whole.and_then(|n| usize::try_from(n).ok());
        let axes: Option<Vec<usize>> = list.entries.iter().map(axis).collect();
        axes.map(Some).ok_or_else(|| syntax(self.span(value), wrong()))
    }

    fn call(&mut self, at: At, name: &str, function: Function, list: &[At]) -> Result<NodeId> {
        let (mut args, mut axes) = (Vec::new(), None);
        for &item in list {
            match self.take(item) {
                Part::Node(node) => args.push(node),
                Part::List(list) => args.push(self.literal(item, list, Integers::Real)?),
                Part::Axes(given) => axes = Some(given),
            }
        }
        if let Function::Linear(kind) = function {
            if axes.is_some() {
                let message = format!("`{name}` works on the last two axes and takes no `axis=`");
                return Err(syntax(self.span(at), message));
            }
            return self.g.linear(kind, &args);
        }
        let &[x] = &args[..] else {
            return Err(Error::Arity { operation: name.to_string(), expected: 1, found: args.len() });
        };
        let rank = self.g.rank(x);
        let axes: Vec<usize> = match axes {
            Some(Some(axes)) => axes,
            Some(None) => (0..rank).collect(),
            None if rank == 1 => vec![0],
            None => {
                let message = format!("which axis? {name} of {} is written {name}(…, axis=0)", self.g.ty(x));
                return Err(syntax(self.span(at), message));
            }
        };
        match function {
            Function::LogSumExp => return self.g.logsumexp(x, &axes),
            Function::Softmax => return self.g.softmax(x, &axes),
            Function::LogSoftmax => return self.g.log_softmax(x, &axes),
            Function::Sum => return self.g.sum_axes(x, &axes),
            _ => {}
        }
        let &[axis] = &axes[..] else {
            return Err(syntax(self.span(at), format!("`{name}` works along one axis")));
        };
        match function {
            Function::Reduce(reduction) => self.g.reduce(reduction, x, axis),
            Function::ArgMax => self.g.argmax(x, axis),
            Function::ArgSort => self.g.argsort(x, axis),
            Function::Sort => self.g.sort(x, axis),
            _ => self.g.exclusive_prod(x, axis),
        }
    }
}

impl List {
    fn of(entry: Entry) -> List {
        List { extents: Vec::new(), entries: vec![entry] }
    }
}
