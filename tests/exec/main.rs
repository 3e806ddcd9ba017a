//! Plans against the slow evaluator: random programs, options on and off, mistakes and their messages.

mod bound;
mod coverage;
mod explain;
mod judge;
mod labels;
mod mistakes;
mod options;
mod prefix;
mod programs;
mod random;
mod regression;
mod sparse;
mod structured;
mod threads;
mod wrong;
