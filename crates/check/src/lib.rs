//! Floor 1: is this formula that derivative? Proof, certified refutation, shrinking, diagnosis.
//! This crate knows formulas as nodes of a graph, and nothing of how they were written down.

mod abstraction;
mod atom;
mod ball;
mod canon;
mod catalogue;
mod check;
mod compare;
mod conditions;
mod diagnose;
mod exponent;
mod function;
mod invariants;
mod kinks;
mod lower;
mod modular;
mod point;
mod poly;
mod power;
mod question;
mod refute;
mod relation;
mod report;
mod residue;
mod sizes;
mod slips;
mod tidy;
mod wrong_entry;

pub use catalogue::{WRONG_RULES, WrongRule};
pub use check::check;
pub use question::{Budget, Question, Replay};
pub use report::{
    Condition, ConditionKind, Counterexample, How, Invariant, Modular, Report, Slip, Tested, Verdict,
};

#[cfg(test)]
mod canon_tests;
