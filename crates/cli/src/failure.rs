//! What went wrong, in words for the user, and the exit code that says so to a program.

use std::io;
use std::process::ExitCode;

/// Something is wrong: a formatted file differs, a claim is refuted.
pub(crate) const WRONG: u8 = 1;
/// Undecided, or right only under a condition.
pub(crate) const UNDECIDED: u8 = 2;
/// The command line was not understood.
pub(crate) const USAGE: u8 = 64;
/// The input was not understood.
pub(crate) const DATA: u8 = 65;
/// An input does not exist or cannot be opened.
pub(crate) const NO_INPUT: u8 = 66;
/// A mistake of this program.
pub(crate) const INTERNAL: u8 = 70;
/// Output could not be written.
pub(crate) const OUTPUT: u8 = 74;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    Usage(String),
    /// One sentence, with what to try.
    Data(String),
    /// Diagnostics of a text, as rendered: they bring their own words.
    Refused(String),
    NoInput(String),
    Output(io::Error),
}

/// How a command ended that did its work: 0, [`WRONG`], [`UNDECIDED`] or [`INTERNAL`].
pub(crate) type Outcome = Result<u8, Failure>;

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Usage(_) => USAGE,
            Failure::Data(_) | Failure::Refused(_) => DATA,
            Failure::NoInput(_) => NO_INPUT,
            Failure::Output(_) => OUTPUT,
        }
    }

    /// Whether the reader of the output has seen enough, as in `chainrule ops | head`.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// As printed on the error output, its line break included.
    pub(crate) fn text(&self) -> String {
        match self {
            Failure::Usage(message) | Failure::Data(message) | Failure::NoInput(message) => {
                format!("error: {message}\n")
            }
            Failure::Refused(diagnostics) => format!("{}\n", diagnostics.trim_end()),
            Failure::Output(error) => format!("error: output could not be written: {error}\n"),
        }
    }

    /// Prints it and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        crate::style::complain(&self.text());
        ExitCode::from(self.code())
    }
}

/// The worst of two exit codes of work that was done: wrong before undecided before right, our own mistakes first.
pub(crate) fn worst(a: u8, b: u8) -> u8 {
    let rank = |code: u8| match code {
        0 => 0,
        UNDECIDED => 1,
        WRONG => 2,
        _ => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_is_worse_than_undecided() {
        assert_eq!(worst(0, UNDECIDED), UNDECIDED);
        assert_eq!(worst(WRONG, UNDECIDED), WRONG);
        assert_eq!(worst(UNDECIDED, WRONG), WRONG);
        assert_eq!(worst(WRONG, INTERNAL), INTERNAL);
        assert_eq!(worst(0, 0), 0);
    }
}
