//! Fast execution. This crate knows slices and lanes, and nothing of layers or text.

pub mod vector;
