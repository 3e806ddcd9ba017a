//! `chainrule explain-code`: what the code of a message means, with an example.

use crate::failure::{Failure, Outcome};
use chainrule_lang::codes::{CODES, find};
use clap::Args;
use std::io::Write;

/// The arguments.
#[derive(Args, Debug)]
pub(crate) struct ExplainCode {
    /// A code such as E0301; without one, all are listed
    code: Option<String>,
}

impl ExplainCode {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        let Some(code) = &self.code else {
            for code in CODES {
                writeln!(out, "{}  {}", code.code, code.title)?;
            }
            return Ok(0);
        };
        let Some(found) = find(code) else {
            return Err(Failure::Usage(format!(
                "there is no code {code}\n   help: chainrule explain-code lists all"
            )));
        };
        writeln!(out, "{}  {}\n\n{}", found.code, found.title, found.about)?;
        if !found.wrong.is_empty() {
            writeln!(out, "\n  not  {}\n  but  {}", found.wrong, found.right)?;
        }
        Ok(0)
    }
}
