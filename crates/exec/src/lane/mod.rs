//! Lane programs and what executes them.

pub mod blocks;
pub mod distribute;
pub mod interpret;
pub mod number;
pub mod program;
pub mod validate;

pub use number::Number;
