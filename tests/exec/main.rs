//! Plans against the slow evaluator: random programs, options on and off, mistakes and their messages.

mod bound;
mod judge;
mod options;
mod programs;
mod random;
mod wrong;
