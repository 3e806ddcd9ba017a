//! Floor 3: how values and derivations are written down. This crate knows texts, and nothing of files.
