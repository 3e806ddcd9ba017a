//! Formulas against derivatives: right ones are proved, wrong ones refuted with a point, slips named.

mod layers;
mod limits;
mod modular;
mod mutation;
mod pairs;
mod scans;
mod slips;

pub(crate) use chainrule_check::{How, Question, Report, Verdict, check};
