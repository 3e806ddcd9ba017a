//! What each name of an equation stands for: an index, a node, a size, a function.
//!
//! Users come after their operands in the tree, so one pass from the end hands scopes down: a binder opens a scope
//! for its last argument, every other node passes its own on.

use super::whole::{self, Integers, Whole};
use super::{Letter, syntax};
use crate::error::{Error, Result, edits};
use crate::form::read::{At, Equation, Node, Span};
use crate::graph::Graph;
use crate::graph::op::Op;
use crate::node::NodeId;
use crate::ops::map::{MAPS, Map};
use crate::shape::Dim;

/// What a node of the tree stands for.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    /// Not part of the value: the letter of a binder, the left side.
    Silent,
    /// A node whose operands say everything.
    Plain,
    /// An index, or the range of one.
    Index(u32),
    /// A node of the graph.
    Node(NodeId),
    /// A named size.
    Size(Dim),
    /// The circle's number.
    Pi,
    /// Euler's number.
    Euler,
    /// A number that only a literal can hold: NaN, infinity.
    Special(f64),
    /// An array written whole, or a piece of one.
    Whole(Whole),
    /// A function that passes its operand through.
    Pass(Pass),
    /// `delta(a, b)`
    Delta,
    /// An elementwise function.
    Map(&'static Map),
    /// A binder over indices.
    Bind(Binder, Vec<u32>),
}

/// Functions that change no value.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Pass {
    StopGradient,
    Checkpoint,
}

/// What is expected where a node of the tree stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Due {
    Number,
    Index,
    /// One side of a comparison: a number or an index.
    Either,
    /// An array by name, a literal, or a function of such.
    Whole,
    /// The entries of a literal, or the axes of an option.
    Entries,
}

/// Words that bind an index.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Binder {
    Sum,
    Prod,
    Max,
    Min,
    ArgMax,
}

const BINDERS: &[(&str, Binder)] = &[
    ("sum", Binder::Sum),
    ("prod", Binder::Prod),
    ("max", Binder::Max),
    ("min", Binder::Min),
    ("argmax", Binder::ArgMax),
];

/// Meanings of all nodes, and the indices.
pub(super) struct Names {
    pub(super) meanings: Vec<Meaning>,
    pub(super) letters: Vec<Letter>,
    /// How many letters are free.
    pub(super) free: usize,
}

/// A name in scope; 0 is the empty scope.
struct Scope {
    outer: usize,
    letter: u32,
}

struct Resolver<'a> {
    g: &'a Graph,
    tree: &'a Equation,
    given: &'a [(&'a str, NodeId)],
    names: Names,
    scopes: Vec<Scope>,
    /// Scope of each node that was reached, and what is due there.
    place: Vec<Option<(usize, Due)>>,
    /// Undeclared names: where, and whether an index is due there.
    undeclared: Vec<(At, bool)>,
}

/// Finds the meaning of every name.
pub(super) fn resolve(g: &Graph, tree: &Equation, given: &[(&str, NodeId)]) -> Result<Names> {
    let count = tree.nodes.len();
    let names = Names { meanings: vec![Meaning::Silent; count], letters: Vec::new(), free: 0 };
    let place = vec![None; count];
    let mut r = Resolver { g, tree, given, names, scopes: Vec::new(), place, undeclared: Vec::new() };
    let scope = r.left_side();
    r.place[tree.root.0] = Some((scope, Due::Number));
    for k in (0..count).rev() {
        if let Some((scope, due)) = r.place[k] {
            r.names.meanings[k] = match due {
                Due::Whole => r.whole(At(k), scope)?,
                Due::Entries => r.entries(At(k), scope)?,
                _ => r.meaning(At(k), scope, due)?,
            };
        }
    }
    r.free_letters()?;
    Ok(r.names)
}

impl Resolver<'_> {
    fn letter(&mut self, name: &str, span: Span) -> u32 {
        let letter = Letter { name: name.to_string(), span, extent: None, told_by: String::new(), low: None };
        self.names.letters.push(letter);
        self.names.letters.len() as u32 - 1
    }

    /// Opens a scope for each index of the left side; their ranges are read outside of it.
    fn left_side(&mut self) -> usize {
        let mut scope = 0;
        let Some(left) = &self.tree.left else { return scope };
        for (name, span, range) in &left.indices {
            let letter = self.letter(name, *span);
            scope = self.nested(scope, letter);
            let Some((low, high)) = range else { continue };
            let at = self
                .tree
                .nodes
                .iter()
                .position(|n| matches!(n.node, Node::Range(_, a, b) if (a, b) == (*low, *high)));
            let at = at.expect("invariant: a stated range is a node of the tree");
            self.place[at] = Some((0, Due::Number));
            self.names.letters[letter as usize].low = Some(Dim::ZERO);
            self.names.meanings[at] = Meaning::Index(letter);
        }
        self.names.free = self.names.letters.len();
        scope
    }

    fn nested(&mut self, outer: usize, letter: u32) -> usize {
        self.scopes.push(Scope { outer, letter });
        self.scopes.len()
    }

    fn in_scope(&self, mut scope: usize, name: &str) -> Option<u32> {
        while scope > 0 {
            let Scope { outer, letter } = self.scopes[scope - 1];
            if self.names.letters[letter as usize].name == name {
                return Some(letter);
            }
            scope = outer;
        }
        None
    }

    fn declared(&self, name: &str) -> Option<NodeId> {
        let given = self.given.iter().rev().find(|(n, _)| *n == name).map(|(_, node)| *node);
        given.or_else(|| self.g.find(name)).or_else(|| self.g.find_tag(name))
    }

    fn is_size(&self, name: &str) -> bool {
        let in_shape = |n: NodeId| {
            let ty = self.g.ty(n);
            ty.shape.iter().chain(&ty.below).any(|d| d.names().contains(name))
        };
        let given = self.given.iter().map(|(_, node)| *node);
        given.chain(self.g.nodes().filter(|&n| matches!(self.g.op(n), Op::Input(_)))).any(in_shape)
    }

    fn meaning(&mut self, at: At, scope: usize, due: Due) -> Result<Meaning> {
        let tree = self.tree;
        let spanned = tree.node(at);
        let (inside, meaning) = match &spanned.node {
            Node::Name(name) => return Ok(self.name(at, name, scope, due == Due::Index)),
            Node::Access(name, _) => match self.declared(name) {
                Some(node) => (Due::Index, Meaning::Node(node)),
                None => return Err(self.unknown(name)),
            },
            Node::Call(name, list) => return self.call(at, name, list, scope),
            Node::Entry(base, list) => {
                self.place[base.0] = Some((scope, Due::Whole));
                list.iter().for_each(|child| self.place[child.0] = Some((scope, Due::Index)));
                let integers = match due {
                    Due::Index => Integers::Expected,
                    Due::Either => Integers::Possible,
                    _ => Integers::Real,
                };
                return Ok(Meaning::Whole(Whole::Entry { integers }));
            }
            Node::Range(..) => match self.names.meanings[at.0] {
                Meaning::Index(letter) => (Due::Number, Meaning::Index(letter)),
                _ => return Err(syntax(spanned.span, "a range stands only inside a binder or on the left")),
            },
            Node::Sum(_) | Node::Product(_) | Node::Negative(_) | Node::Power(..) => (due, Meaning::Plain),
            Node::Compare(..) => (Due::Either, Meaning::Plain),
            Node::Array(_) => {
                let message = "the entries of a literal are read one by one, as in [2, 3][i]";
                return Err(syntax(spanned.span, message));
            }
            Node::Option(name, _) => {
                return Err(syntax(
                    spanned.span,
                    format!("`{name}=` stands only in a function of whole arrays"),
                ));
            }
            _ => (Due::Number, Meaning::Plain),
        };
        for child in spanned.node.children() {
            self.place[child.0] = Some((scope, inside));
        }
        Ok(meaning)
    }

    /// An array: a name, a literal, a function of arrays.
    fn whole(&mut self, at: At, scope: usize) -> Result<Meaning> {
        let tree = self.tree;
        let spanned = tree.node(at);
        match &spanned.node {
            Node::Name(name) => match self.declared(name) {
                Some(node) => Ok(Meaning::Whole(Whole::Node(node))),
                None => Err(self.unknown(name)),
            },
            Node::Call(name, list) => match self.whole_call(at, name, list, scope)? {
                Some(meaning) => Ok(meaning),
                None => {
                    let message = format!(
                        "`{name}` has no entries of its own: an operator is missing, or the indices belong to its argument"
                    );
                    Err(syntax(spanned.span, message))
                }
            },
            Node::Array(list) => {
                list.iter().for_each(|child| self.place[child.0] = Some((scope, Due::Entries)));
                Ok(Meaning::Whole(Whole::Literal))
            }
            Node::Iverson(child) => {
                self.place[child.0] = Some((scope, Due::Entries));
                Ok(Meaning::Whole(Whole::Literal))
            }
            Node::Option(_, value) => {
                self.place[value.0] = Some((scope, Due::Entries));
                Ok(Meaning::Whole(Whole::Option))
            }
            _ => {
                let message = "a whole array stands here: a name, a literal, or a function such as inv(A); \
                               give what is computed a name first";
                Err(syntax(spanned.span, message))
            }
        }
    }

    /// Numbers and words of a literal, and lists of them.
    fn entries(&mut self, at: At, scope: usize) -> Result<Meaning> {
        let spanned = self.tree.node(at);
        let meaning = match &spanned.node {
            Node::Number(_) | Node::Array(_) => Whole::Piece,
            Node::Iverson(_) | Node::Negative(_) => Whole::Piece,
            Node::Name(name) => match whole::word(name) {
                Some(word) => Whole::Word(word),
                None => return Err(syntax(spanned.span, whole::ENTRIES)),
            },
            Node::Compare(..) | Node::And(_) | Node::Or(_) | Node::Not(_) => {
                let end = spanned.span.end + 1;
                return Err(Error::Syntax { at: end, message: "an operator is missing before `[`".into() });
            }
            _ => return Err(syntax(spanned.span, whole::ENTRIES)),
        };
        for child in spanned.node.children() {
            self.place[child.0] = Some((scope, Due::Entries));
        }
        Ok(Meaning::Whole(meaning))
    }

    /// A function of whole arrays, if the call is one.
    fn whole_call(&mut self, at: At, name: &str, list: &[At], scope: usize) -> Result<Option<Meaning>> {
        if let ("input" | "tag", [only]) = (name, list)
            && let Node::Name(of) = &self.tree.node(*only).node
        {
            let found = if name == "input" { self.g.find_input(of) } else { self.g.find_tag(of) };
            let node = found.ok_or_else(|| self.unknown(of))?;
            return Ok(Some(Meaning::Whole(Whole::Node(node))));
        }
        let Some(function) = whole::function(name) else { return Ok(None) };
        if list.is_empty() {
            return Err(syntax(self.tree.node(at).span, format!("`{name}` takes an array, as in {name}(x)")));
        }
        list.iter().for_each(|child| self.place[child.0] = Some((scope, Due::Whole)));
        Ok(Some(Meaning::Whole(Whole::Call(function))))
    }

    fn name(&mut self, at: At, name: &str, scope: usize, index_due: bool) -> Meaning {
        if let Some(letter) = self.in_scope(scope, name) {
            return Meaning::Index(letter);
        }
        if let Some(node) = self.declared(name) {
            return Meaning::Node(node);
        }
        match name {
            _ if self.is_size(name) => Meaning::Size(Dim::size(name)),
            "pi" => Meaning::Pi,
            "e" => Meaning::Euler,
            "nan" => Meaning::Special(f64::NAN),
            "inf" => Meaning::Special(f64::INFINITY),
            _ => {
                self.undeclared.push((at, index_due));
                Meaning::Silent
            }
        }
    }

    fn call(&mut self, at: At, name: &str, list: &[At], scope: usize) -> Result<Meaning> {
        let span = self.tree.node(at).span;
        let has_option = list.iter().any(|a| matches!(self.tree.node(*a).node, Node::Option(..)));
        let taken = BINDERS.iter().any(|(word, _)| *word == name) || Map::by_name(name).is_some();
        if (has_option || !taken)
            && let Some(meaning) = self.whole_call(at, name, list, scope)?
        {
            return Ok(meaning);
        }
        if let Some(&(_, binder)) = BINDERS.iter().find(|(word, _)| *word == name)
            && self.binds(binder, list)
        {
            return self.bind(binder, list, scope, span);
        }
        let (meaning, due) = match (name, list) {
            ("delta", [_, _]) => (Meaning::Delta, Due::Index),
            ("delta", _) => return Err(arity(name, 2, list.len())),
            ("pi", []) => return Ok(Meaning::Pi),
            ("size", [of]) => {
                let Node::Name(size) = &self.tree.node(*of).node else {
                    return Err(syntax(span, "the name of a size stands here, as in size(n)"));
                };
                return Ok(Meaning::Size(Dim::size(size)));
            }
            ("stop_gradient", [_]) => (Meaning::Pass(Pass::StopGradient), Due::Number),
            ("checkpoint", [_]) => (Meaning::Pass(Pass::Checkpoint), Due::Number),
            _ => match self.function(name, list.len())? {
                Some(map) => (Meaning::Map(map), Due::Number),
                None => return Err(self.unknown_function(name)),
            },
        };
        for &child in list {
            self.place[child.0] = Some((scope, due));
        }
        Ok(meaning)
    }

    fn function(&self, name: &str, count: usize) -> Result<Option<&'static Map>> {
        let word = match name {
            "ln" => "log",
            "maximum" => "max",
            "minimum" => "min",
            other => other,
        };
        match Map::by_name(word) {
            Some(map) if map.arity() != count => Err(arity(name, map.arity(), count)),
            found => Ok(found),
        }
    }

    fn is_undeclared(&self, name: &str) -> bool {
        let constant = matches!(name, "pi" | "e" | "nan" | "inf");
        !constant && self.declared(name).is_none() && !self.is_size(name)
    }

    /// `max(x, y)` of declared names is elementwise, `max(j, e)` binds.
    fn binds(&self, binder: Binder, list: &[At]) -> bool {
        let Some((_, letters)) = list.split_last() else { return false };
        let elementwise_too = matches!(binder, Binder::Max | Binder::Min);
        let is_letter = |&at: &At| match &self.tree.node(at).node {
            Node::Range(..) => true,
            Node::Name(name) => !elementwise_too || self.is_undeclared(name),
            _ => false,
        };
        !elementwise_too || (!letters.is_empty() && letters.iter().all(is_letter))
    }

    fn bind(&mut self, binder: Binder, list: &[At], scope: usize, span: Span) -> Result<Meaning> {
        let tree = self.tree;
        let Some((body, letters)) = list.split_last().filter(|(_, letters)| !letters.is_empty()) else {
            return Err(syntax(span, "a binder takes an index and a formula, as in sum(j, x[j])"));
        };
        if binder == Binder::ArgMax && letters.len() > 1 {
            return Err(syntax(span, "argmax is over one index: a position has one number"));
        }
        let (mut inside, mut bound) = (scope, Vec::new());
        for &at in letters {
            let spanned = tree.node(at);
            let letter = match &spanned.node {
                Node::Name(name) => self.letter(name, spanned.span),
                Node::Range(name, ..) => {
                    let letter = self.letter(name, spanned.span);
                    self.names.letters[letter as usize].low = Some(Dim::ZERO);
                    self.names.meanings[at.0] = Meaning::Index(letter);
                    self.place[at.0] = Some((scope, Due::Number));
                    letter
                }
                _ => return Err(syntax(spanned.span, "an index stands here, as in sum(j, x[j])")),
            };
            inside = self.nested(inside, letter);
            bound.push(letter);
        }
        if let Node::Range(..) = tree.node(*body).node {
            return Err(syntax(tree.node(*body).span, "a formula is expected after the indices"));
        }
        self.place[body.0] = Some((inside, Due::Number));
        Ok(Meaning::Bind(binder, bound))
    }

    /// Undeclared names where an index is due are free indices of a bare formula.
    fn free_letters(&mut self) -> Result<()> {
        let mut undeclared = std::mem::take(&mut self.undeclared);
        undeclared.sort_by_key(|(at, _)| self.tree.node(*at).span.start);
        let text = |r: &Self, at: At| r.tree.source(at).to_string();
        let mut free: Vec<String> = Vec::new();
        for &(at, _) in undeclared.iter().filter(|(_, index_due)| *index_due) {
            let name = text(self, at);
            if let Some(left) = &self.tree.left {
                let inside: Vec<&str> = left.indices.iter().map(|(n, ..)| n.as_str()).collect();
                let message = format!(
                    "index {name} is free on the right, but {}[{}] on the left has no {name}: sum over it, or add it to the left",
                    left.name,
                    inside.join(",")
                );
                return Err(syntax(self.tree.node(at).span, message));
            }
            if !free.contains(&name) {
                free.push(name);
            }
        }
        let first = self.names.letters.len();
        for name in &free {
            let at = undeclared
                .iter()
                .find(|(at, _)| text(self, *at) == *name)
                .expect("invariant: from this list")
                .0;
            self.letter(name, self.tree.node(at).span);
        }
        for (at, _) in undeclared {
            let name = text(self, at);
            match free.iter().position(|f| *f == name) {
                Some(k) => self.names.meanings[at.0] = Meaning::Index((first + k) as u32),
                None => return Err(self.unknown(&name)),
            }
        }
        if self.tree.left.is_none() {
            self.free_first(first, free.len());
        }
        Ok(())
    }

    /// Renumbers letters so that the free ones, made last, come first.
    fn free_first(&mut self, bound: usize, free: usize) {
        self.names.letters.rotate_left(bound);
        self.names.free = free;
        let place = |l: u32| if (l as usize) < bound { l + free as u32 } else { l - bound as u32 };
        for meaning in &mut self.names.meanings {
            match meaning {
                Meaning::Index(l) => *l = place(*l),
                Meaning::Bind(_, list) => list.iter_mut().for_each(|l| *l = place(*l)),
                _ => {}
            }
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let given = self.given.iter().map(|(n, _)| (*n).to_string());
        let named = self.g.names().map(|(n, _)| n.to_string());
        let inputs = self.g.nodes().filter_map(|n| self.g.as_input(n)).map(|i| i.name.to_string());
        let all: Vec<String> = given.chain(named).chain(inputs).chain(self.g.tags()).collect();
        Error::Unknown { name: name.to_string(), candidates: nearest(name, all) }
    }

    fn unknown_function(&self, name: &str) -> Error {
        if self.declared(name).is_some() {
            return self.unknown(&format!("function {name}"));
        }
        let binders = BINDERS.iter().map(|(word, _)| (*word).to_string());
        let others = ["delta", "stop_gradient", "checkpoint"].into_iter().chain(whole::words());
        let others = others.map(str::to_string);
        let all = MAPS.iter().map(|m| m.name.to_string()).chain(binders).chain(others).collect();
        Error::Unknown { name: name.to_string(), candidates: nearest(name, all) }
    }
}

fn arity(name: &str, expected: usize, found: usize) -> Error {
    Error::Arity { operation: name.to_string(), expected, found }
}

/// At most three candidates, fewest edits first.
fn nearest(name: &str, mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all.dedup();
    all.sort_by_cached_key(|candidate| edits(name, candidate));
    all.truncate(3);
    all
}
