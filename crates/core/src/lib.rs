//! Floor 0: symbolic graphs of scalar and tensor operations and their derivatives.
//! This crate knows mathematics, and nothing of files, threads, network or clock.

pub mod derive;
pub mod dice;
pub mod error;
pub mod eval;
pub mod expr;
pub mod form;
pub mod graph;
pub mod index;
pub mod node;
pub mod ops;
pub mod rational;
pub mod render;
pub mod scalar;
pub mod shape;
pub mod simplify;
pub mod tensor;

pub use error::{Error, Result};
pub use expr::{Builder, Diagnostics, Expr};
pub use graph::Graph;
pub use node::NodeId;
