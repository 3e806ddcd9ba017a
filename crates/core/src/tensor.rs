//! Dense values: a shape and entries in row-major order.

use crate::shape::DType;

/// Number of entries of a shape; `None` when no value can be that large.
pub(crate) fn entries_of(shape: &[usize]) -> Option<usize> {
    // An extent is a size of the program, so it fits 64 bits with a sign, also beside an empty axis.
    let fits = shape.iter().all(|&d| i64::try_from(d).is_ok());
    shape.iter().filter(|_| fits).try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|_| fits)
}

/// A dense tensor.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tensor<T> {
    shape: Vec<usize>,
    data: Vec<T>,
}

impl<T> Tensor<T> {
    /// A tensor of the given shape and entries, or `None` when their numbers differ.
    pub fn new(shape: &[usize], data: Vec<T>) -> Option<Tensor<T>> {
        (entries_of(shape)? == data.len()).then(|| Tensor { shape: shape.to_vec(), data })
    }

    /// A number.
    pub fn scalar(value: T) -> Tensor<T> {
        Tensor { shape: Vec::new(), data: vec![value] }
    }

    /// A vector.
    pub fn vector(data: Vec<T>) -> Tensor<T> {
        Tensor { shape: vec![data.len()], data }
    }

    /// Extents of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Entries in row-major order.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// Entries in row-major order, for writing.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The entries alone.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// Every entry changed.
    pub fn map<U>(&self, change: impl FnMut(&T) -> U) -> Tensor<U> {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(change).collect() }
    }

    /// Splits around an axis: entries before it, along it, after it.
    pub fn around(&self, axis: usize) -> (usize, usize, usize) {
        let before = self.shape[..axis].iter().product();
        let after = self.shape[axis + 1..].iter().product();
        (before, self.shape[axis], after)
    }
}

impl<T: Clone> Tensor<T> {
    /// The same entry everywhere, or `None` when that needs more memory than there is.
    pub fn filled(shape: &[usize], value: T) -> Option<Tensor<T>> {
        let count = entries_of(shape)?;
        let mut data = Vec::new();
        data.try_reserve_exact(count).ok()?;
        data.resize(count, value);
        Some(Tensor { shape: shape.to_vec(), data })
    }
}

/// The value of a node during an evaluation with scalar `S`.
#[derive(Clone, PartialEq, Debug)]
pub enum Value<S> {
    /// Real entries.
    Real(Tensor<S>),
    /// Integer entries.
    Int(Tensor<i64>),
    /// Truth values.
    Bool(Tensor<bool>),
}

impl<S> Value<S> {
    /// Extents of the axes.
    pub fn shape(&self) -> &[usize] {
        match self {
            Value::Real(t) => t.shape(),
            Value::Int(t) => t.shape(),
            Value::Bool(t) => t.shape(),
        }
    }

    /// What the entries are.
    pub fn dtype(&self) -> DType {
        match self {
            Value::Real(_) => DType::Real,
            Value::Int(_) => DType::Int,
            Value::Bool(_) => DType::Bool,
        }
    }

    /// Number of entries.
    pub fn count(&self) -> usize {
        match self {
            Value::Real(t) => t.data().len(),
            Value::Int(t) => t.data().len(),
            Value::Bool(t) => t.data().len(),
        }
    }

    /// The real tensor.
    pub fn real(&self) -> Option<&Tensor<S>> {
        match self {
            Value::Real(t) => Some(t),
            _ => None,
        }
    }

    /// The integer tensor.
    pub fn int(&self) -> Option<&Tensor<i64>> {
        match self {
            Value::Int(t) => Some(t),
            _ => None,
        }
    }

    /// The tensor of truth values.
    pub fn boolean(&self) -> Option<&Tensor<bool>> {
        match self {
            Value::Bool(t) => Some(t),
            _ => None,
        }
    }
}

impl<S> From<Tensor<S>> for Value<S> {
    fn from(tensor: Tensor<S>) -> Value<S> {
        Value::Real(tensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_memory_holds_is_refused() {
        assert_eq!(Tensor::filled(&[usize::MAX, 2], 0.0), None);
        assert_eq!(Tensor::filled(&[usize::MAX], 0u8), None);
        assert_eq!(Tensor::filled(&[usize::MAX, 0], 0.0), None);
        assert_eq!(Tensor::filled(&[1 << 40, 1 << 20], 0.0), None);
        assert_eq!(Tensor::filled(&[2, 2], 1.0).map(Tensor::into_data), Some(vec![1.0; 4]));
        assert_eq!(Tensor::new(&[2, 2], vec![1.0]), None);
    }
}
