//! Floor 2: the `.chain` language, from text to nodes, claims and cases.
//! This crate knows how formulas are written, and nothing of files.

pub mod assign;
pub mod ast;
pub mod case;
pub mod codes;
pub mod diagnostic;
mod excerpt;
pub mod extract;
mod follow;
pub mod format;
pub mod formula;
pub mod judge;
mod lower;
mod noise;
pub mod parse;
pub mod program;
pub mod query;
mod repair;
pub mod scope;
pub mod source;
pub mod syntax;
pub mod value;
pub mod verify;
pub mod written;

pub use lower::FreeLetter;
pub use lower::functions::{ELEMENTWISE, Function, OTHERS};
