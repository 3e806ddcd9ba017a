//! Plans against the slow evaluator: random programs, options on and off, the workloads of the benchmark.

mod programs;
mod random;
mod sparse;
