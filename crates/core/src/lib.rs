//! Floor 0: symbolic graphs of scalar and tensor operations and their derivatives.
//! This crate knows mathematics, and nothing of files, threads, network or clock.

pub mod rational;
pub mod scalar;
