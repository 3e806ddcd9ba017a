//! `chainrule test DIR`: every `.chain` file of a folder as a test.

use crate::check::{Format, code};
use crate::failure::{DATA, Failure, Outcome, WRONG, worst};
use crate::input;
use chainrule_lang::judge::Record;
use chainrule_lang::program::Program;
use chainrule_lang::source::Source;
use chainrule_report::verdicts;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The arguments.
#[derive(Args, Debug)]
#[command(after_help = "\
A file passes when every claim is right and every expectation holds. A claim that is right only under a condition
passes as well, and is counted.

Exit code: 0 all pass, 1 something fails, 65 a file was not understood.")]
pub(crate) struct Test {
    /// Folders and files; folders are searched to their ends
    #[arg(required = true, value_name = "DIR")]
    paths: Vec<PathBuf>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Test {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        let mut files = Vec::new();
        for path in &self.paths {
            collect(path, &mut files)?;
        }
        files.sort();
        if files.is_empty() {
            return Err(Failure::NoInput("there is no .chain file".to_string()));
        }
        let budget = chainrule_check::Budget::default();
        let mut suites: Vec<(String, Vec<Record>)> = Vec::new();
        let mut result = 0;
        for file in &files {
            let name = file.display().to_string();
            let text = input::text(&name)?;
            let program = Program::new(Source::new(text.name, text.text));
            if program.has_errors() {
                crate::style::complain(&format!("{}\n", program.rendered().trim_end()));
                if matches!(self.format, Format::Text) {
                    writeln!(out, "FAIL  {name}  (not understood)")?;
                }
                result = DATA;
                continue;
            }
            let judged = program.judge(&budget);
            let records: Vec<Record> = judged.iter().flat_map(|(_, r)| r.clone()).collect();
            let failed = code(records.iter()) == WRONG;
            if matches!(self.format, Format::Text) {
                let summary = verdicts::summary(records.iter());
                write!(out, "{}  {name}  {summary}", if failed { "FAIL" } else { "ok  " })?;
                if failed {
                    out.write_all(verdicts::text(&program, &judged).as_bytes())?;
                }
            }
            if failed && result != DATA {
                result = worst(result, WRONG);
            }
            suites.push((name, records));
        }
        match self.format {
            Format::Junit => out.write_all(verdicts::junit(&suites).as_bytes())?,
            Format::Json => {
                let all: serde_json::Map<String, serde_json::Value> = suites
                    .iter()
                    .map(|(name, records)| (name.clone(), verdicts::records(records.iter())))
                    .collect();
                writeln!(out, "{}", serde_json::to_string_pretty(&all).unwrap_or_default())?;
            }
            Format::Latex => {
                for (_, records) in &suites {
                    out.write_all(verdicts::latex(records).as_bytes())?;
                }
            }
            Format::Text => {
                let all = suites.iter().flat_map(|(_, r)| r);
                write!(out, "\n{} files, {}", files.len(), verdicts::summary(all))?;
            }
        }
        Ok(result)
    }
}

/// The `.chain` files below a path.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::NoInput(format!("{}: {error}", path.display()));
    if !path.is_dir() {
        std::fs::metadata(path).map_err(failed)?;
        files.push(path.to_path_buf());
        return Ok(());
    }
    let mut open = vec![path.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Links are not followed, so that a circle of them ends.
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if entry.path().extension().is_some_and(|e| e == "chain") {
                files.push(entry.path());
            }
        }
    }
    Ok(())
}
