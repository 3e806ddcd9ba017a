//! How values are written down: against the homework's printed text and against NumPy's own.

mod golden;
mod numpy;
mod reference;
