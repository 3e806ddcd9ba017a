//! Index notation: sums of products of accesses, deltas and guards.
//!
//! A [`Product`] is one term of an index expression, `c · Σ_b Π X[t]^k · [conditions]`; what a primitive states of
//! itself (the entry of its Jacobian) and what a sweep carries are lists of products. [`normal`] eliminates deltas,
//! [`order`] gives bound labels their canonical numbers.

pub mod normal;
pub mod order;
pub mod product;
pub mod read;

pub use product::{Access, Cond, Product};

#[cfg(test)]
mod order_tests;
