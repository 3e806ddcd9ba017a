//! The workloads W1 to W7 as graphs of ours, run by a plan; the bench times them, a test compares their checksums.
//!
//! No formula here is a derivative: every gradient, Jacobian and Hessian is asked of the core.

pub(crate) mod cases;
pub(crate) mod engine;
pub(crate) mod inputs;
pub(crate) mod job;
pub(crate) mod runner;
mod w1;
mod w2;
mod w3;
mod w4;
mod w5;
mod w5_ba;
mod w5_lstm;
mod w7;

use cases::Cases;
use job::Job;

/// Every measurement of every workload but W6, which measures how graphs are built, in order.
pub(crate) fn jobs(cases: &Cases) -> Vec<Job> {
    [w1::jobs(cases), w2::jobs(cases), w3::jobs(cases), w4::jobs(cases), w5::jobs(cases), w7::jobs(cases)]
        .concat()
}
