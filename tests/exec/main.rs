//! Plans against the slow evaluator: random programs, options on and off, mistakes and their messages.

mod batched;
mod bound;
mod checkpoint;
mod coverage;
mod explain;
mod in_place;
mod judge;
mod labels;
mod mistakes;
mod options;
mod prefix;
mod products;
mod programs;
mod random;
mod regression;
mod sparse;
mod strips;
mod structured;
mod terms;
mod threads;
mod wrong;
