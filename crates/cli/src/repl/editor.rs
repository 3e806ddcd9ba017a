//! Line editing on a terminal: history, completion, several lines while a bracket is open.

use super::session::{Reply, Session};
use crate::failure::Failure;
use crate::pieces::is_open;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};
use std::io::Write;
use std::path::PathBuf;

/// What the editor asks while a line is typed.
struct Assistant {
    words: Vec<String>,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(completed(&self.words, line, at))
    }
}

/// Where the word under the cursor begins, and the words that begin like it.
fn completed(words: &[String], line: &str, at: usize) -> (usize, Vec<Pair>) {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let before = &line[..at];
    let start = before.char_indices().rev().take_while(|(_, c)| part_of_word(*c)).last();
    let start = start.map_or(at, |(k, _)| k);
    let typed = &before[start..];
    let found = words.iter().filter(|w| !typed.is_empty() && w.starts_with(typed));
    (start, found.map(|w| Pair { display: w.clone(), replacement: w.clone() }).collect())
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = !context.input().starts_with(':') && is_open(context.input());
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Helper for Assistant {}

/// Where lines are remembered.
fn history() -> Option<PathBuf> {
    match std::env::var_os("CHAINRULE_HISTORY") {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(PathBuf::from(path)),
        None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".chainrule_history")),
    }
}

/// Reads lines until the end of input or `:quit`.
pub(super) fn edit(session: &mut Session, out: &mut dyn Write) -> Result<(), Failure> {
    let failed = |error: ReadlineError| Failure::Data(format!("the terminal cannot be read: {error}"));
    let mut editor = Editor::<Assistant, DefaultHistory>::new().map_err(failed)?;
    editor.set_helper(Some(Assistant { words: session.words() }));
    let history = history();
    if let Some(path) = &history {
        // A first session has no history, and one that cannot be read is no reason to stop.
        let _ = editor.load_history(path);
    }
    writeln!(out, "chainrule {}, :help for help, :quit to leave", env!("CARGO_PKG_VERSION"))?;
    loop {
        out.flush()?;
        match editor.readline("> ") {
            Ok(line) => {
                let _ = editor.add_history_entry(line.as_str());
                if session.respond(&line, out)? == Reply::Quit {
                    break;
                }
                if let Some(assistant) = editor.helper_mut() {
                    assistant.words = session.words();
                }
            }
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(path) = &history {
        let _ = editor.save_history(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::completed;

    #[test]
    fn the_word_under_the_cursor_is_completed() {
        let words = ["softmax", "softplus", ":help"].map(str::to_string);
        let names = |line: &str| {
            let (start, found) = completed(&words, line, line.len());
            (start, found.into_iter().map(|p| p.replacement).collect::<Vec<_>>())
        };
        assert_eq!(names("1 + softm"), (4, vec!["softmax".to_string()]));
        assert_eq!(names(":h"), (0, vec![":help".to_string()]));
        assert_eq!(names("x "), (2, vec![]));
    }
}
