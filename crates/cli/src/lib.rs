//! Floor 4: words, files and exit codes. This crate knows the user, and nothing of how anything is derived.
//!
//! Exit codes: 0 right, 1 something wrong, 2 undecided or right under a condition, 64 the command line was not
//! understood, 65 the input was not, 66 there is no such input, 70 a mistake of this program, 74 output could not be
//! written. Answers go to the standard output, everything else to the error output.
//!
//! A command is one file with its arguments and a `run` that gives an exit code, one variant of `Command` and one
//! line of `Command::run`. Files come through `input`, formulas with their problem and case through `question`.

mod check;
mod cost;
mod data;
mod derive;
mod eval;
mod explain_code;
mod failure;
mod fmt;
mod functions;
mod homework;
mod input;
mod ops;
mod pieces;
mod question;
mod repl;
mod shell;
mod style;
mod test;

use clap::{CommandFactory, Parser, Subcommand};
use failure::{Outcome, USAGE};
use std::io::{self, Write};
use std::process::ExitCode;

/// Derives Jacobians from primitive rules and shows its work.
#[derive(Parser, Debug)]
#[command(name = "chainrule", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// A derivative as a formula, compared with dual numbers before it is shown
    Derive(derive::Derive),
    /// Claims against derivations, expectations against numbers; in a file, in LaTeX, in answers
    Check(check::Check),
    /// The value of formulas at a case, at typed values, at data
    Eval(eval::Eval),
    /// What a formula costs: flops and memory as polynomials in its sizes, the plan that computes it
    Cost(cost::Cost),
    /// .chain files in their canonical spacing
    Fmt(fmt::Fmt),
    /// Every .chain file of a folder as a test
    Test(test::Test),
    /// Declarations and formulas typed one after the other
    Repl(repl::Repl),
    /// The functions of the language
    Functions(functions::Functions),
    /// What the code of a message means, with an example
    ExplainCode(explain_code::ExplainCode),
    /// Every primitive: formula, derivative entry, domain, kinks
    Ops(ops::Ops),
    /// The homework: derived formulas, worked numbers, snapshots of the three networks
    Homework(homework::Homework),
    /// A completion script for a shell
    Completions(shell::Completions),
    /// The man page
    Man,
}

impl Command {
    fn run(&self, out: &mut dyn Write) -> Outcome {
        match self {
            Command::Derive(command) => command.run(out),
            Command::Check(command) => command.run(out),
            Command::Eval(command) => command.run(out),
            Command::Cost(command) => command.run(out),
            Command::Fmt(command) => command.run(out),
            Command::Test(command) => command.run(out),
            Command::Repl(command) => command.run(out),
            Command::Functions(command) => command.run(out),
            Command::ExplainCode(command) => command.run(out),
            Command::Ops(command) => command.run(out).map(|()| 0),
            Command::Homework(command) => command.run(out).map(|()| 0),
            Command::Completions(command) => command.run(Arguments::command(), out),
            Command::Man => shell::man(Arguments::command(), out),
        }
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
    let done = arguments.command.run(&mut out).and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever reads has seen enough.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // Answers that came before the mistake stand before its message.
            let _ = out.flush();
            failure.report()
        }
    }
}
