//! `chainrule ops`: every primitive from its record.

use crate::failure::Failure;
use clap::Args;
use std::io::Write;

#[derive(Args, Debug)]
pub(crate) struct Ops {
    /// Only this primitive
    name: Option<String>,
}

impl Ops {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let Some(name) = &self.name else {
            out.write_all(chainrule_report::ops::text()?.as_bytes())?;
            return Ok(());
        };
        let entries = chainrule_report::ops::entries()?;
        let Some(entry) = entries.iter().find(|e| e.name == name) else {
            let names: Vec<&str> = entries.iter().map(|e| e.name).collect();
            return Err(Failure::Usage(format!(
                "there is no primitive {name}\n  help: there is {}",
                names.join(", ")
            )));
        };
        out.write_all(entry.to_string().as_bytes())?;
        Ok(())
    }
}
