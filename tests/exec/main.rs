//! Plans against the slow evaluator: random programs, options on and off, mistakes and their messages.

mod explain;
mod bound;
mod coverage;
mod judge;
mod mistakes;
mod options;
mod programs;
mod random;
mod regression;
mod structured;
mod wrong;
