//! What a source is made of before it is a tree: letters, tokens, matched brackets, reserved words.

pub(crate) mod brackets;
pub(crate) mod letters;
pub(crate) mod lex;
pub(crate) mod token;
pub mod words;
