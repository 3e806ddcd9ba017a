//! Lane programs and what executes them.

pub mod interpret;
pub mod number;
pub mod program;

pub use number::Number;
