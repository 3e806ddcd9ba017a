//! Floor 1: plans, the derived graph scheduled and compiled to run fast.
//! This crate knows loops, buffers, threads and machine code, and nothing of layers or of text.

pub mod jit;
pub mod lane;
