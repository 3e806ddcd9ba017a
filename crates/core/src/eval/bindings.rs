//! Values for inputs, and the sizes that their shapes determine.

use super::facts;
use crate::error::{BindingError, Error, Result};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::scalar::Scalar;
use crate::shape::{DType, Dim, Sizes};
use crate::tensor::{Tensor, Value};
use indexmap::IndexMap;
use std::sync::Arc;

/// Values by the names of inputs, and sizes that no input determines.
#[derive(Clone, Debug)]
pub struct Bindings<S> {
    values: IndexMap<Arc<str>, Value<S>>,
    sizes: Sizes,
}

impl<S> Default for Bindings<S> {
    fn default() -> Bindings<S> {
        Bindings { values: IndexMap::new(), sizes: Sizes::new() }
    }
}

impl<S> Bindings<S> {
    /// Nothing is bound.
    pub fn new() -> Bindings<S> {
        Bindings::default()
    }

    /// Binds a real tensor.
    pub fn with(mut self, name: &str, tensor: Tensor<S>) -> Bindings<S> {
        self.values.insert(Arc::from(name), Value::Real(tensor));
        self
    }

    /// Binds a tensor of labels.
    pub fn with_labels(mut self, name: &str, tensor: Tensor<i64>) -> Bindings<S> {
        self.values.insert(Arc::from(name), Value::Int(tensor));
        self
    }

    /// Binds any value.
    pub fn bind(&mut self, name: &str, value: Value<S>) {
        self.values.insert(Arc::from(name), value);
    }

    /// Gives a size a number.
    pub fn with_size(mut self, name: &str, value: i64) -> Bindings<S> {
        self.sizes.insert(Arc::from(name), value);
        self
    }

    /// Sizes that were given a number.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The value bound to a name.
    pub fn get(&self, name: &str) -> Option<&Value<S>> {
        self.values.get(name)
    }

    /// Names and values in order of binding.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<S>)> {
        self.values.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl<S: Scalar> Bindings<S> {
    /// The sizes that the shapes of the needed inputs determine; reports everything wrong with the bindings at once.
    pub(crate) fn solve(&self, g: &Graph, needed: &[NodeId]) -> Result<Sizes> {
        let mut errors = Vec::new();
        let mut open: Vec<(String, Dim, i64)> = Vec::new();
        for input in needed.iter().filter_map(|&n| g.as_input(n)) {
            let name = input.name.to_string();
            let Some(value) = self.values.get(&input.name) else {
                errors.push(BindingError::Missing { name, expected: input.ty.clone() });
                continue;
            };
            if value.dtype() != input.ty.dtype {
                errors.push(BindingError::Entries { name, expected: input.ty.clone(), found: value.dtype() });
                continue;
            }
            if value.shape().len() != input.ty.rank() {
                let found = value.shape().to_vec();
                errors.push(BindingError::Shape { name, expected: input.ty.clone(), found });
                continue;
            }
            let axes = input.ty.shape.iter().zip(value.shape());
            open.extend(axes.map(|(d, &n)| (input.name.to_string(), d.clone(), n as i64)));
        }
        // What is bound but not read may still tell a size: of an identity matrix, say.
        for (name, value) in &self.values {
            let Some(node) = g.find_input(name).filter(|n| needed.binary_search(n).is_err()) else {
                continue;
            };
            let ty = g.ty(node);
            if ty.rank() == value.shape().len() {
                open.extend(
                    ty.shape.iter().zip(value.shape()).map(|(d, &n)| (name.to_string(), d.clone(), n as i64)),
                );
            }
        }
        let sizes = self.solve_extents(open, &mut errors);
        if errors.is_empty() { Ok(sizes) } else { Err(Error::Bindings(errors)) }
    }

    /// Solves `extent = number` one unknown at a time; contradictions become errors.
    fn solve_extents(&self, mut open: Vec<(String, Dim, i64)>, errors: &mut Vec<BindingError>) -> Sizes {
        let mut sizes = self.sizes.clone();
        loop {
            let before = open.len();
            open.retain(|(input, dim, n)| {
                let rest = dim.specialise(&sizes);
                if let Some(known) = rest.as_fixed() {
                    if known != *n {
                        let (name, size) = (input.clone(), dim.to_string());
                        errors.push(BindingError::Size { name, size, here: *n, known });
                    }
                    return false;
                }
                match linear_solution(&rest, *n) {
                    Some((name, value)) => {
                        sizes.insert(name, value);
                        // A quotient that is not whole contradicts the next time it is met.
                        rest.specialise(&sizes).as_fixed() != Some(*n)
                    }
                    None => true,
                }
            });
            if open.len() == before {
                return sizes;
            }
        }
    }

    /// The value of an input, with shape, labels and declared facts checked.
    pub(crate) fn value(&self, g: &Graph, node: NodeId, sizes: &Sizes) -> Result<Value<S>> {
        let input = g.as_input(node).expect("invariant: an input");
        let value = self.values[&input.name].clone();
        if let (Value::Int(labels), Some(below)) = (&value, &input.ty.below) {
            let below =
                below.evaluate(sizes).map_err(|name| Error::UnknownSize { name: name.to_string() })?;
            if let Some(&found) = labels.data().iter().find(|&&l| !(0..below).contains(&l)) {
                return Err(Error::Label { name: input.name.to_string(), found, below });
            }
        }
        if let Value::Real(tensor) = &value {
            facts::check(&input.name, input.facts, tensor)?;
        }
        debug_assert_eq!(value.dtype() == DType::Real, input.ty.dtype == DType::Real);
        Ok(value)
    }
}

/// `name = value` for an extent that is linear in one size, such as `2*n + 1`.
fn linear_solution(dim: &Dim, n: i64) -> Option<(Arc<str>, i64)> {
    let names = dim.names();
    let name = names.first().filter(|_| names.len() == 1)?;
    let at = |value: i64| dim.evaluate(&Sizes::from_iter([(name.clone(), value)])).ok();
    let (zero, one, two) = (at(0)?, at(1)?, at(2)?);
    let slope = one - zero;
    (two - one == slope && slope != 0).then(|| (name.clone(), (n - zero) / slope))
}
