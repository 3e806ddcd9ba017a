//! Whether a value is what its input was declared to be: positive, symmetric, one-hot.
//!
//! Simplification relies on these facts, so a value that contradicts one is refused before it is used. Entries are
//! compared exactly: a matrix that is symmetric but for a rounding is not symmetric.

use crate::error::{Error, Result};
use crate::graph::op::Facts;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// Fails where an entry contradicts a fact; NaN contradicts each.
pub(super) fn check<S: Scalar>(name: &str, facts: Facts, value: &Tensor<S>) -> Result<()> {
    let refuse = |fact, found| Err(Error::Fact { name: name.to_string(), fact, found });
    let entry = |flat: usize| Entry { name, shape: value.shape(), flat };
    let data = value.data();
    if facts.positive
        && let Some(k) =
            data.iter().position(|x| !matches!(x.partial_cmp(&S::zero()), Some(std::cmp::Ordering::Greater)))
    {
        return refuse("positive", format!("{} is {}", entry(k), data[k].to_f64()));
    }
    if facts.symmetric
        && let Some((k, l)) = asymmetry(value)
    {
        let (left, right) = (data[k].to_f64(), data[l].to_f64());
        return refuse("symmetric", format!("{} is {left} and {} is {right}", entry(k), entry(l)));
    }
    if facts.one_hot {
        if let Some(k) = data.iter().position(|x| *x != S::zero() && *x != S::one()) {
            return refuse("one-hot", format!("{} is {}", entry(k), data[k].to_f64()));
        }
        let length = value.shape().last().copied().unwrap_or(1);
        for (row, entries) in data.chunks(length.max(1)).enumerate() {
            let ones = entries.iter().filter(|x| **x == S::one()).count();
            if ones != 1 {
                return refuse(
                    "one-hot",
                    format!("{ones} entries are 1 in the row of {}", entry(row * length)),
                );
            }
        }
    }
    Ok(())
}

/// Flat positions of two entries across the diagonal that differ.
fn asymmetry<S: Scalar>(value: &Tensor<S>) -> Option<(usize, usize)> {
    let n = *value.shape().last()?;
    let matrices = if n == 0 { 0 } else { value.data().len() / (n * n) };
    for matrix in 0..matrices {
        for i in 0..n {
            for j in i..n {
                let (k, l) = (matrix * n * n + i * n + j, matrix * n * n + j * n + i);
                if value.data()[k] != value.data()[l] {
                    return Some((k, l));
                }
            }
        }
    }
    None
}

/// One entry of an input, as written.
struct Entry<'a> {
    name: &'a str,
    shape: &'a [usize],
    flat: usize,
}

impl std::fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.flat;
        let mut at: Vec<String> = Vec::new();
        for &n in self.shape.iter().rev() {
            at.push((rest % n).to_string());
            rest /= n;
        }
        at.reverse();
        f.write_str(self.name)?;
        if at.is_empty() { Ok(()) } else { write!(f, "[{}]", at.join(",")) }
    }
}
