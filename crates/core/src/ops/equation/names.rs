//! What each name of an equation stands for: an index, a node, a size, a function.
//!
//! Users come after their operands in the tree, so one pass from the end hands scopes down: a binder opens a scope
//! for its last argument, every other node passes its own on.

use super::{Letter, syntax};
use crate::error::{Error, Result};
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
    /// `delta(a, b)`
    Delta,
    /// An elementwise function.
    Map(&'static Map),
    /// A binder over indices.
    Bind(Binder, Vec<u32>),
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
    /// Scope of each node that was reached, and whether it stands where an index is due.
    place: Vec<Option<(usize, bool)>>,
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
    r.place[tree.root.0] = Some((scope, false));
    for k in (0..count).rev() {
        if let Some((scope, index_due)) = r.place[k] {
            r.names.meanings[k] = r.meaning(At(k), scope, index_due)?;
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
            self.place[at] = Some((0, false));
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

    fn meaning(&mut self, at: At, scope: usize, index_due: bool) -> Result<Meaning> {
        let tree = self.tree;
        let spanned = tree.node(at);
        let (inside, index_inside, meaning) = match &spanned.node {
            Node::Name(name) => return Ok(self.name(at, name, scope, index_due)),
            Node::Access(name, _) => match self.declared(name) {
                Some(node) => (scope, true, Meaning::Node(node)),
                None => return Err(self.unknown(name)),
            },
            Node::Call(name, list) => return self.call(at, name, list, scope),
            Node::Range(..) => match self.names.meanings[at.0] {
                Meaning::Index(letter) => (scope, false, Meaning::Index(letter)),
                _ => return Err(syntax(spanned.span, "a range stands only inside a binder or on the left")),
            },
            Node::Sum(_) | Node::Product(_) | Node::Negative(_) | Node::Power(..) => {
                (scope, index_due, Meaning::Plain)
            }
            _ => (scope, false, Meaning::Plain),
        };
        for child in spanned.node.children() {
            self.place[child.0] = Some((inside, index_inside));
        }
        Ok(meaning)
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
            _ => {
                self.undeclared.push((at, index_due));
                Meaning::Silent
            }
        }
    }

    fn call(&mut self, at: At, name: &str, list: &[At], scope: usize) -> Result<Meaning> {
        let span = self.tree.node(at).span;
        if let Some(&(_, binder)) = BINDERS.iter().find(|(word, _)| *word == name)
            && self.binds(binder, list)
        {
            return self.bind(binder, list, scope, span);
        }
        let (meaning, index_due) = match name {
            "delta" if list.len() == 2 => (Meaning::Delta, true),
            "delta" => return Err(arity(name, 2, list.len())),
            _ => match self.function(name, list.len())? {
                Some(map) => (Meaning::Map(map), false),
                None => return Err(self.unknown_function(name)),
            },
        };
        for &child in list {
            self.place[child.0] = Some((scope, index_due));
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

    /// `max(x, y)` of declared names is elementwise, `max(j, e)` binds.
    fn binds(&self, binder: Binder, list: &[At]) -> bool {
        let Some((_, letters)) = list.split_last() else { return false };
        let elementwise_too = matches!(binder, Binder::Max | Binder::Min);
        let is_letter = |&at: &At| match &self.tree.node(at).node {
            Node::Range(..) => true,
            Node::Name(name) => !elementwise_too || (self.declared(name).is_none() && !self.is_size(name)),
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
                    self.place[at.0] = Some((scope, false));
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
        self.place[body.0] = Some((inside, false));
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
        let all =
            MAPS.iter().map(|m| m.name.to_string()).chain(binders).chain(["delta".to_string()]).collect();
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

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
