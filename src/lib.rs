//! The facade: what a program needs, and the README as its front page.
//!
#![doc = include_str!("../README.md")]

pub use chainrule_check as check;
pub use chainrule_core as core;
pub use chainrule_exec as exec;
pub use chainrule_export as export;
pub use chainrule_lang as lang;
pub use chainrule_nn as nn;
pub use chainrule_report as report;

/// The page about plans, whose example is run with the tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../docs/executor.md")]
pub struct Plans;
