//! Where an expression comes from, in the words of whoever wrote the layer.
//!
//! Hash-consing merges equal nodes, so the origin stands with the handle and not with the node.

use std::panic::Location;
use std::sync::Arc;

/// A place in the caller's source.
pub type Place = &'static Location<'static>;

/// What made an expression.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A number written in the source.
    Number,
    /// A declared input.
    Input(Arc<str>),
    /// A parameter, by its full path.
    Param(Arc<str>),
    /// An operation inside a layer (the empty path outside of all).
    Operation(&'static str, Arc<str>, Place),
    /// A function applied inside a layer.
    Function(Arc<str>, Arc<str>, Place),
    /// An expression that was given a name.
    Named(Arc<str>, Arc<str>),
    /// The result of a layer: what its last step is called, and the position of the call.
    Output(Arc<str>, usize),
}

/// One application of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: Arc<str>,
    pub(crate) input: Origin,
    /// The line that made the layer, if it is not the layer's own code that a reader should look at.
    pub(crate) made: Option<Place>,
}

impl Origin {
    /// What the expression is called in a message.
    pub(crate) fn label(&self) -> String {
        match self {
            Origin::Number => "number".to_string(),
            Origin::Input(name)
            | Origin::Function(name, _, _)
            | Origin::Named(name, _)
            | Origin::Output(name, _) => name.to_string(),
            Origin::Param(path) => path.rsplit('/').next().unwrap_or(path).to_string(),
            Origin::Operation(name, _, _) => (*name).to_string(),
        }
    }

    /// Where it comes from, in words.
    pub(crate) fn text(&self, calls: &[Call]) -> String {
        match self {
            Origin::Number => "written in the source".to_string(),
            Origin::Input(name) => format!("input {name}"),
            Origin::Param(path) => format!("param {path}"),
            Origin::Operation(_, layer, at) | Origin::Function(_, layer, at) if layer.is_empty() => {
                format!("from {at}")
            }
            Origin::Operation(_, layer, _) | Origin::Function(_, layer, _) => format!("computed in {layer}"),
            Origin::Named(name, layer) if layer.is_empty() => format!("named {name}"),
            Origin::Named(name, layer) => format!("named {name} in {layer}"),
            Origin::Output(_, call) => format!("output of {}", calls[*call].path),
        }
    }
}

/// The layers that led to a call, nearest first: `mlp/2 <- mlp/1 <- mlp/0 <- x`.
pub(crate) fn trail(calls: &[Call], from: usize) -> Vec<String> {
    /// Longer chains are cut; the nearest layers are what a reader looks at.
    const LONGEST: usize = 8;
    let mut names = vec![calls[from].path.to_string()];
    let mut origin = &calls[from].input;
    while let Origin::Output(_, call) = origin {
        if names.len() == LONGEST {
            names.push("...".to_string());
            return names;
        }
        names.push(calls[*call].path.to_string());
        origin = &calls[*call].input;
    }
    names.push(origin.label());
    names
}
