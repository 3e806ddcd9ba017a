//! Floor 1: numeric golden files. This crate knows insta and numbers, and nothing of the engine.
