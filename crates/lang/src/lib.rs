//! Floor 2: the `.chain` language, from text to nodes, claims and cases.
//! This crate knows how formulas are written, and nothing of files.

pub mod ast;
pub mod diagnostic;
mod excerpt;
pub mod extract;
pub mod format;
pub mod parse;
pub mod source;
pub mod syntax;
