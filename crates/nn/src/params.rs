//! Parameters: the tree that a definition declares, and values that live outside of the model.

use chainrule_core::expr::Place;
use chainrule_core::shape::Type;
use chainrule_core::tensor::Tensor;
use indexmap::IndexMap;
use std::fmt;

/// How a parameter begins.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Init {
    /// 0 everywhere.
    Zeros,
    /// 1 everywhere.
    Ones,
    /// Uniform within `±√(6 / (inputs + outputs))`.
    Glorot,
}

/// What is declared of one parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct Spec {
    /// Its type.
    pub ty: Type,
    /// How it begins.
    pub init: Init,
    /// The line that declares it.
    pub at: Place,
    pub(crate) shared: Option<u32>,
}

/// Parameters by path, in order of declaration.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct ParamTree(IndexMap<String, Spec>);

impl ParamTree {
    pub(crate) fn insert(&mut self, path: String, spec: Spec) {
        self.0.insert(path, spec);
    }

    /// What is declared under a path.
    pub fn get(&self, path: &str) -> Option<&Spec> {
        self.0.get(path)
    }

    /// Paths in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Paths and declarations in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Spec)> {
        self.0.iter().map(|(path, spec)| (path.as_str(), spec))
    }
}

impl fmt::Display for ParamTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.paths().map(str::len).max().unwrap_or(0);
        for (path, spec) in self.iter() {
            writeln!(f, "{path:<widest$}  {}", spec.ty)?;
        }
        Ok(())
    }
}

/// Values of parameters (or their gradients) by path.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Params(IndexMap<String, Tensor<f64>>);

impl Params {
    /// No values.
    pub fn new() -> Params {
        Params::default()
    }

    /// Adds or replaces a value.
    pub fn with(mut self, path: &str, value: Tensor<f64>) -> Params {
        self.insert(path, value);
        self
    }

    /// Adds or replaces a value.
    pub fn insert(&mut self, path: &str, value: Tensor<f64>) {
        self.0.insert(path.to_string(), value);
    }

    /// The value under a path.
    pub fn get(&self, path: &str) -> Option<&Tensor<f64>> {
        self.0.get(path)
    }

    /// Paths and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor<f64>)> {
        self.0.iter().map(|(path, value)| (path.as_str(), value))
    }
}
