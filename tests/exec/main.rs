//! Plans against the slow evaluator: random programs, options on and off, mistakes and their messages.

mod batched;
mod bound;
mod checkpoint;
mod coverage;
mod explain;
mod in_place;
mod judge;
mod mistakes;
mod options;
mod products;
mod programs;
mod random;
mod regression;
mod sparse;
mod structured;
mod wrong;
