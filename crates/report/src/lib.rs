//! Floor 3: how values and derivations are written down. This crate knows texts, and nothing of files.
//!
//! Every format prints the same value, an [`Array`]: a shape and its entries in row-major order.
//! [`Format`] names the two texts of the homework, [`snapshot_block`] lays a whole network out,
//! [`derived::Derived`] is a derivative that was asked for, [`valued::Valued`] its value,
//! [`costed::Costed`] what it costs, each with a writer a format.
//! [`json()`] writes at full precision, [`Zeros`] decides what becomes of the sign of zero.
//!
//! ```
//! use chainrule_report::{Array, Format};
//! let j = Array::real(&[2, 2], vec![1.0, 0.0, 0.0, 2.5]);
//! assert_eq!(Format::ArrayString.text(&j), "((1, 0), (0, 2.5))");
//! assert_eq!(Format::Numpy.text(&j), "[[1.  0. ]\n [0.  2.5]]");
//! ```

pub mod array;
pub mod array_string;
pub mod blocks;
pub mod costed;
pub mod derived;
pub mod format;
pub mod functions;
pub mod homework;
pub mod json;
pub mod number;
pub mod numpy;
pub mod ops;
pub mod valued;
pub mod verdicts;
pub mod zeros;

pub use array::{Array, Entries};
pub use array_string::array_string;
pub use blocks::{Section, snapshot_block};
pub use format::{Format, UnknownFormat};
pub use json::json;
pub use numpy::numpy_str;
pub use zeros::Zeros;
