//! Floor 1: plans, the derived graph scheduled and compiled to run fast.
//! This crate knows loops, buffers, threads and machine code, and nothing of layers or of text.

pub mod array;
pub mod cost;
pub mod emit;
pub mod error;
pub mod gemm;
pub mod jit;
pub mod lane;
mod lines;
pub mod plan;
pub mod schedule;
pub mod sparse;
pub mod vector;

pub use error::{Error, Result};
pub use plan::session::Session;
pub use plan::structured::StructuredPlan;
pub use plan::{Options, Plan, Value};
pub use sparse::SparsePlan;
