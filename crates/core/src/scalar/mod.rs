//! The scalar of an evaluation.
