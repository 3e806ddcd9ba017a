//! `chainrule fmt`: `.chain` files in their canonical spacing.

use crate::failure::{Failure, Outcome, WRONG};
use crate::input;
use chainrule_lang::diagnostic::Severity;
use chainrule_lang::format::format;
use chainrule_lang::parse::parse;
use chainrule_lang::source::Source;
use clap::Args;
use std::io::Write;

/// The arguments.
#[derive(Args, Debug)]
pub(crate) struct Fmt {
    /// .chain files; - or nothing for the standard input, which is written to the standard output
    files: Vec<String>,
    /// Change nothing; name the files that would change and exit with 1 if there are any
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        if self.files.is_empty() || self.files == ["-"] {
            let text = input::text("-")?;
            let formatted = formatted(&text.name, &text.text)?;
            if self.check {
                return Ok(if formatted == text.text { 0 } else { WRONG });
            }
            out.write_all(formatted.as_bytes())?;
            return Ok(0);
        }
        // All are read before any is written: a mistake in the last leaves the first as it is.
        let mut changed = Vec::new();
        for path in &self.files {
            let text = input::text(path)?;
            let formatted = formatted(&text.name, &text.text)?;
            if formatted != text.text {
                changed.push((path, formatted));
            }
        }
        for (path, formatted) in &changed {
            writeln!(out, "{} {path}", if self.check { "would change" } else { "formatted" })?;
            if !self.check {
                write(path, formatted)?;
            }
        }
        Ok(if self.check && !changed.is_empty() { WRONG } else { 0 })
    }
}

fn formatted(name: &str, text: &str) -> Result<String, Failure> {
    let source = Source::new(name, text);
    let (file, told) = parse(&source);
    let errors: Vec<String> =
        told.iter().filter(|d| d.severity == Severity::Error).map(|d| d.render(&source)).collect();
    if !errors.is_empty() {
        return Err(Failure::Refused(errors.join("\n")));
    }
    Ok(format(&file, &source))
}

/// Writes beside the file and moves it there, so that an interruption loses nothing.
fn write(path: &str, text: &str) -> Result<(), Failure> {
    let beside = format!("{path}.{}.tmp", std::process::id());
    let done = std::fs::write(&beside, text).and_then(|()| {
        if let Ok(metadata) = std::fs::metadata(path) {
            std::fs::set_permissions(&beside, metadata.permissions())?;
        }
        std::fs::rename(&beside, path)
    });
    done.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        Failure::Output(error)
    })
}
