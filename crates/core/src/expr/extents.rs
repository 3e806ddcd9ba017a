//! Ways to write the extents of a shape: `3`, `"n"`, `[2, 3]`, `["m", "n"]`, `()`.

use crate::shape::{Dim, Shape};

/// What can be read as the extents of a tensor's axes.
///
/// One extent is one axis, an array is one axis for each entry, `()` has none: a number.
///
/// ```
/// use chainrule_core::expr::Extents;
/// assert_eq!(().extents().len(), 0);
/// assert_eq!("n".extents().len(), 1);
/// assert_eq!([2, 3].extents().len(), 2);
/// ```
pub trait Extents {
    /// The extents, first axis first.
    fn extents(self) -> Shape;
}

macro_rules! one_axis {
    ($($ty:ty),*) => {$(
        impl Extents for $ty {
            fn extents(self) -> Shape {
                std::iter::once(Dim::from(self)).collect()
            }
        }
    )*};
}

one_axis!(usize, i64, i32, &str, Dim, &Dim);

impl Extents for () {
    fn extents(self) -> Shape {
        Shape::new()
    }
}

impl<D: Into<Dim>, const N: usize> Extents for [D; N] {
    fn extents(self) -> Shape {
        self.into_iter().map(Into::into).collect()
    }
}

impl Extents for &[Dim] {
    fn extents(self) -> Shape {
        self.to_vec()
    }
}

impl Extents for Vec<Dim> {
    fn extents(self) -> Shape {
        self.into_iter().collect()
    }
}

impl Extents for &Shape {
    fn extents(self) -> Shape {
        self.clone()
    }
}
