//! Symbolic automatic differentiation that derives Jacobians from primitive rules and shows its work.

pub use chainrule_core as core;
pub use chainrule_nn as nn;
pub use chainrule_report as report;
