//! Floor 1: a graph as program text in other languages. This crate knows what a graph computes, and nothing of how
//! it is run, named in a model, or written to a file.
//!
//! [`plan`] decides what every target shares: which nodes are computed, in what order, under which names, and how
//! often each is read. A target is one module that prints the planned nodes; [`numpy`] is the first.

pub mod numpy;
pub mod plan;

pub use plan::{Names, Unsupported};
