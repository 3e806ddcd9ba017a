//! Over which extent each index runs: told by the axes it touches, or stated.
//!
//! An index that only stands in a delta runs over the range of the other side.

use super::names::{Meaning, Names};
use super::syntax;
use crate::error::{Error, Result};
use crate::form::read::{At, Equation, Node, Relation};
use crate::graph::Graph;
use crate::shape::Dim;

/// Finds the extent of every index that is not stated.
pub(super) fn infer(g: &Graph, tree: &Equation, names: &mut Names) -> Result<()> {
    let mut deltas: Vec<(At, At)> = Vec::new();
    for k in 0..tree.nodes.len() {
        match (&tree.nodes[k].node, &names.meanings[k]) {
            (Node::Access(..) | Node::Entry(..), Meaning::Node(node)) => {
                let node = *node;
                touch_axes(g, tree, names, At(k), node)?;
            }
            (Node::Call(_, list), Meaning::Delta) => deltas.push((list[0], list[1])),
            (Node::Compare(Relation::Equal, a, b), Meaning::Plain) => deltas.push((*a, *b)),
            _ => {}
        }
    }
    while deltas.iter().any(|&(a, b)| equate(g, tree, names, a, b) || equate(g, tree, names, b, a)) {}
    match names.letters.iter().find(|l| l.extent.is_none() && l.low.is_none()) {
        None => Ok(()),
        Some(l) => Err(syntax(
            l.span,
            format!("index {0} touches no axis: state its range, as in {0}=0..n-1", l.name),
        )),
    }
}

fn touch_axes(
    g: &Graph,
    tree: &Equation,
    names: &mut Names,
    at: At,
    node: crate::node::NodeId,
) -> Result<()> {
    let (name, list) = match &tree.node(at).node {
        Node::Access(name, list) => (name.as_str(), list),
        Node::Entry(base, list) => (tree.source(*base), list),
        _ => return Ok(()),
    };
    let shape = g.shape(node);
    if list.len() != shape.len() {
        let axes = if shape.len() == 1 { "1 axis".to_string() } else { format!("{} axes", shape.len()) };
        return Err(syntax(tree.node(at).span, format!("{name} has {axes}, {} given here", list.len())));
    }
    for (axis, index) in list.iter().enumerate() {
        let Meaning::Index(letter) = names.meanings[index.0] else { continue };
        let letter = &mut names.letters[letter as usize];
        if letter.low.is_some() {
            continue;
        }
        match &letter.extent {
            Some(extent) if *extent == shape[axis] => {}
            Some(extent) => {
                return Err(Error::IndexConflict {
                    index: letter.name.clone(),
                    first: letter.told_by.clone(),
                    first_extent: extent.clone(),
                    second: tree.source(at).to_string(),
                    second_extent: shape[axis].clone(),
                });
            }
            None => {
                letter.extent = Some(shape[axis].clone());
                letter.told_by = tree.source(at).to_string();
            }
        }
    }
    Ok(())
}

/// Gives the index `a` the range of `b`, if it has none yet; true when something was learnt.
fn equate(g: &Graph, tree: &Equation, names: &mut Names, a: At, b: At) -> bool {
    let Meaning::Index(letter) = names.meanings[a.0] else { return false };
    let unknown = |names: &Names, l: u32| {
        let l = &names.letters[l as usize];
        l.extent.is_none() && l.low.is_none()
    };
    if !unknown(names, letter) {
        return false;
    }
    let extent: Option<Dim> = match &names.meanings[b.0] {
        Meaning::Index(other) if names.letters[*other as usize].low.is_none() => {
            names.letters[*other as usize].extent.clone()
        }
        Meaning::Node(node) => g.below(*node),
        _ => None,
    };
    let learnt = extent.is_some();
    let letter = &mut names.letters[letter as usize];
    letter.extent = extent;
    letter.told_by = tree.source(b).to_string();
    learnt
}
