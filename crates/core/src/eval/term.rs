//! Index terms with numbers for sizes: what the loops of the evaluator compute.

use super::Store;
use crate::error::{Error, Result};
use crate::index::{Atom, Term};
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// `base + Σ coefficient · label + Σ coefficient · special`
#[derive(Clone, Debug)]
pub(crate) struct NumTerm {
    pub(crate) base: i64,
    pub(crate) slopes: Vec<i64>,
    pub(crate) special: Vec<(i64, Special)>,
}

/// An atom that is not a label.
#[derive(Clone, Debug)]
pub(crate) enum Special {
    Quotient(NumTerm, i64),
    Remainder(NumTerm, i64),
    Element(Tensor<i64>, Vec<NumTerm>),
}

impl NumTerm {
    /// A term at the sizes of an evaluation, over `labels` labels.
    pub(crate) fn compile<S: Scalar>(store: &Store<'_, S>, term: &Term, labels: usize) -> Result<NumTerm> {
        let number = |d: &crate::shape::Dim| {
            d.evaluate(&store.sizes).map_err(|name| Error::UnknownSize { name: name.to_string() })
        };
        let mut compiled =
            NumTerm { base: number(term.offset())?, slopes: vec![0; labels], special: Vec::new() };
        for (atom, coefficient) in term.parts() {
            let coefficient = number(coefficient)?;
            let special = match atom {
                Atom::Label(l) => {
                    compiled.slopes[l.0 as usize] += coefficient;
                    continue;
                }
                Atom::Quotient(t, d) => Special::Quotient(NumTerm::compile(store, t, labels)?, number(d)?),
                Atom::Remainder(t, d) => Special::Remainder(NumTerm::compile(store, t, labels)?, number(d)?),
                Atom::Element(node, at) => {
                    let values = store.value(*node).int().expect("invariant: labels are integers").clone();
                    let at = at.iter().map(|t| NumTerm::compile(store, t, labels)).collect::<Result<_>>()?;
                    Special::Element(values, at)
                }
            };
            compiled.special.push((coefficient, special));
        }
        Ok(compiled)
    }

    /// True without quotients, remainders and integer tensors.
    pub(crate) fn is_affine(&self) -> bool {
        self.special.is_empty()
    }

    /// The value at given labels; `None` where an integer tensor is read outside its shape.
    pub(crate) fn value(&self, at: &[i64]) -> Option<i64> {
        let mut total = self.base;
        for (slope, label) in self.slopes.iter().zip(at) {
            total = total.checked_add(slope.checked_mul(*label)?)?;
        }
        for (coefficient, special) in &self.special {
            let value = match special {
                Special::Quotient(t, d) => t.value(at)?.checked_div_euclid(*d)?,
                Special::Remainder(t, d) => t.value(at)?.checked_rem_euclid(*d)?,
                Special::Element(values, terms) => {
                    let mut offset = 0usize;
                    for (t, &extent) in terms.iter().zip(values.shape()) {
                        let k = usize::try_from(t.value(at)?).ok().filter(|&k| k < extent)?;
                        offset = offset * extent + k;
                    }
                    *values.data().get(offset)?
                }
            };
            total = total.checked_add(coefficient.checked_mul(value)?)?;
        }
        Some(total)
    }

    /// Least and greatest value over a box of labels, for affine terms.
    pub(crate) fn range(&self, extents: &[usize]) -> Option<(i64, i64)> {
        if !self.is_affine() {
            return None;
        }
        let (mut low, mut high) = (self.base, self.base);
        for (&slope, &extent) in self.slopes.iter().zip(extents) {
            let reach = slope.saturating_mul(extent as i64 - 1);
            if reach < 0 {
                low = low.saturating_add(reach);
            } else {
                high = high.saturating_add(reach);
            }
        }
        Some((low, high))
    }

    /// True if the label has no influence.
    pub(crate) fn ignores(&self, label: usize) -> bool {
        let inner = |t: &NumTerm| t.ignores(label);
        self.slopes[label] == 0
            && self.special.iter().all(|(_, s)| match s {
                Special::Quotient(t, _) | Special::Remainder(t, _) => inner(t),
                Special::Element(_, at) => at.iter().all(inner),
            })
    }

    /// The label replaced by a term.
    pub(crate) fn replace(&self, label: usize, by: &NumTerm) -> NumTerm {
        let slope = self.slopes[label];
        let mut replaced = self.clone();
        replaced.slopes[label] = 0;
        replaced.base += slope * by.base;
        for (mine, theirs) in replaced.slopes.iter_mut().zip(&by.slopes) {
            *mine += slope * theirs;
        }
        for (_, special) in &mut replaced.special {
            match special {
                Special::Quotient(t, _) | Special::Remainder(t, _) => *t = t.replace(label, by),
                Special::Element(_, at) => at.iter_mut().for_each(|t| *t = t.replace(label, by)),
            }
        }
        if slope != 0 {
            replaced.special.extend(by.special.iter().map(|(c, s)| (c * slope, s.clone())));
        }
        replaced
    }

    /// `sign · (self - slope·label)`: the value that `self == 0` gives a label of slope ±1.
    pub(crate) fn solve_for(&self, label: usize) -> NumTerm {
        let sign = -self.slopes[label];
        let mut solved = self.clone();
        solved.slopes[label] = 0;
        solved.base *= sign;
        solved.slopes.iter_mut().for_each(|s| *s *= sign);
        solved.special.iter_mut().for_each(|(c, _)| *c *= sign);
        solved
    }
}
