//! An array: the value that every format prints, a shape and its entries in row-major order.
//!
//! Entry `a[i,j,k]` of shape `[l,m,n]` stands at position `(i·m + j)·n + k`; shape `[]` is a scalar.

/// A dense array of one kind of entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    entries: Entries,
}

/// The entries of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Entries {
    /// Reals in double precision.
    Real(Vec<f64>),
    /// Reals in single precision.
    Single(Vec<f32>),
    /// Exact integers.
    Int(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl Entries {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        match self {
            Entries::Real(v) => v.len(),
            Entries::Single(v) => v.len(),
            Entries::Int(v) => v.len(),
            Entries::Bool(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Array {
    /// An array of `shape` with these entries.
    ///
    /// # Panics
    /// When the number of entries is not the product of the extents: that is a mistake of the program, not of its user.
    pub fn new(shape: &[usize], entries: Entries) -> Array {
        let size: usize = shape.iter().product();
        assert_eq!(size, entries.len(), "shape {shape:?} holds {size} entries, {} were given", entries.len());
        Array { shape: shape.to_vec(), entries }
    }

    /// Reals in double precision; panics as [`Array::new`].
    pub fn real(shape: &[usize], entries: Vec<f64>) -> Array {
        Array::new(shape, Entries::Real(entries))
    }

    /// Reals in single precision; panics as [`Array::new`].
    pub fn single(shape: &[usize], entries: Vec<f32>) -> Array {
        Array::new(shape, Entries::Single(entries))
    }

    /// Integers; panics as [`Array::new`].
    pub fn int(shape: &[usize], entries: Vec<i64>) -> Array {
        Array::new(shape, Entries::Int(entries))
    }

    /// Truth values; panics as [`Array::new`].
    pub fn bool(shape: &[usize], entries: Vec<bool>) -> Array {
        Array::new(shape, Entries::Bool(entries))
    }

    /// The extents, outermost axis first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The entries, row-major.
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// The same entries under another shape; panics as [`Array::new`].
    ///
    /// The homework view promotes a scalar output to length 1 with it.
    pub fn reshaped(self, shape: &[usize]) -> Array {
        Array::new(shape, self.entries)
    }
}

/// Positions of the parts `a[0], a[1], ...` of an array of this shape whose first entry stands at `start`.
pub(crate) fn parts(shape: &[usize], start: usize) -> impl Iterator<Item = usize> + Clone {
    let stride: usize = shape[1..].iter().product();
    (0..shape[0]).map(move |i| start + i * stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_has_one_entry_and_an_empty_axis_none() {
        assert_eq!(Array::real(&[], vec![3.0]).entries().len(), 1);
        assert!(Array::int(&[2, 0], vec![]).entries().is_empty());
    }

    #[test]
    #[should_panic(expected = "shape [2, 3] holds 6 entries, 1 were given")]
    fn a_wrong_count_is_refused() {
        Array::bool(&[2, 3], vec![true]);
    }

    #[test]
    fn parts_walk_the_first_axis() {
        assert_eq!(parts(&[2, 3, 4], 24).collect::<Vec<_>>(), [24, 36]);
    }

    #[test]
    fn reshaping_keeps_the_entries() {
        assert_eq!(Array::int(&[], vec![7]).reshaped(&[1, 1]), Array::int(&[1, 1], vec![7]));
    }
}
