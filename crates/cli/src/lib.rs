//! Floor 4: words, files and exit codes. This crate knows the user, and nothing of how anything is derived.
//!
//! Exit codes: 0 done, 64 the command line was not understood, 65 the input was not, 74 output could not be written.

mod homework;
mod ops;

use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

/// The command line was not understood.
const USAGE: u8 = 64;
/// The input was not understood.
const DATA: u8 = 65;
/// Output could not be written.
const OUTPUT: u8 = 74;

/// Derives Jacobians from primitive rules and shows its work.
#[derive(Parser, Debug)]
#[command(name = "chainrule", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// The homework: derived formulas, worked numbers, snapshots of the three networks
    Homework(homework::Homework),
    /// Every primitive: formula, derivative entry, domain, kinks
    Ops(ops::Ops),
}

/// What went wrong, in words for the user.
enum Failure {
    Usage(String),
    Data(String),
    Output(io::Error),
}

impl From<chainrule_core::Error> for Failure {
    fn from(error: chainrule_core::Error) -> Failure {
        Failure::Data(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Runs the command line and returns the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not mistakes; a closed pipe does not change which.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = match &arguments.command {
        Command::Homework(command) => command.run(&mut out),
        Command::Ops(command) => command.run(&mut out),
    };
    match done.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, as in `chainrule ops | head`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => report(failure),
    }
}

fn report(failure: Failure) -> ExitCode {
    let (message, code) = match failure {
        Failure::Usage(message) => (message, USAGE),
        Failure::Data(message) => (message, DATA),
        Failure::Output(error) => (format!("output could not be written: {error}"), OUTPUT),
    };
    eprintln!("error: {message}");
    ExitCode::from(code)
}
