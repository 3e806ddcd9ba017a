//! `chainrule ops`: every primitive from its record.

use crate::failure::Failure;
use chainrule_report::ops::nearest;
use clap::Args;
use std::io::Write;

/// How many names are suggested for one that is not known.
const NEAREST: usize = 3;

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
        let found: Vec<_> = entries.iter().filter(|e| e.name == name).collect();
        if found.is_empty() {
            let near = nearest(&entries, name);
            return Err(Failure::Usage(format!(
                "expected the name of a primitive, found `{name}`\n  help: did you mean {}? `chainrule ops` lists all {}",
                near[..NEAREST.min(near.len())].join(", "),
                entries.len()
            )));
        }
        for entry in found {
            out.write_all(entry.to_string().as_bytes())?;
        }
        Ok(())
    }
}
