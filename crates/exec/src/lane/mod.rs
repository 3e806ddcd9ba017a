//! Lane programs and what executes them.

pub mod program;
pub mod validate;
