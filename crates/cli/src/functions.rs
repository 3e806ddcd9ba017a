//! `chainrule functions`: the functions of the language, from their records.

use crate::failure::{Failure, Outcome};
use chainrule_report::functions::{all, one, text};
use clap::Args;
use std::io::Write;

/// The arguments.
#[derive(Args, Debug)]
pub(crate) struct Functions {
    /// Only this function
    name: Option<String>,
}

impl Functions {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        match &self.name {
            None => out.write_all(text().as_bytes())?,
            Some(name) => match all().find(|f| f.name == name) {
                Some(function) => out.write_all(one(function).as_bytes())?,
                None => {
                    return Err(Failure::Usage(format!(
                        "there is no function {name}\n   help: chainrule functions lists all"
                    )));
                }
            },
        }
        Ok(0)
    }
}
