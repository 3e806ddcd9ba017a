//! `chainrule repl`: declarations and formulas typed one after the other.
//!
//! On a terminal lines are edited, completed and remembered; from a pipe they are read as they come.

mod editor;
mod session;

use crate::failure::{Failure, Outcome};
use clap::Args;
use session::{Reply, Session};
use std::io::{BufRead, IsTerminal, Write};

/// The arguments.
#[derive(Args, Debug)]
pub(crate) struct Repl {
    /// A .chain file to begin with
    file: Option<String>,
}

impl Repl {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        let mut session = Session::default();
        if let Some(path) = &self.file {
            session.load(path, out)?;
        }
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            editor::edit(&mut session, out)?;
            return Ok(0);
        }
        let mut text = String::new();
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| Failure::Data(format!("<stdin>: {error}")))?;
            text.push_str(&line);
            if session.wants_more(&text) {
                text.push('\n');
                continue;
            }
            if session.respond(&std::mem::take(&mut text), out)? == Reply::Quit {
                return Ok(session.code());
            }
            out.flush()?;
        }
        session.respond(&text, out)?;
        Ok(session.code())
    }
}
