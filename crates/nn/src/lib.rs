//! Floor 2: layers, losses and networks. This crate knows layers, and nothing of how they are differentiated.

pub mod problems;
