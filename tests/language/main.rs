//! The `.chain` language: what is read, what is refused and how, how it is written, LaTeX, and robustness.

mod claims;
mod extracted;
mod feynman;
mod formatted;
mod fuzz;
mod homework;
mod latex;
mod limits;
mod meaning;
mod mistakes;
mod repairs;
mod rewrites;
mod same;
mod settled;

use chainrule_lang::ast::File;
use chainrule_lang::diagnostic::{Diagnostic, Severity};
use chainrule_lang::source::Source;
use std::fs;
use std::path::PathBuf;

/// A text read, with its messages.
fn read(text: &str) -> (File, Source, Vec<Diagnostic>) {
    let source = Source::new("a.chain", text);
    let (file, messages) = chainrule_lang::parse::parse(&source);
    (file, source, messages)
}

fn has_errors(messages: &[Diagnostic]) -> bool {
    messages.iter().any(|message| message.severity == Severity::Error)
}

/// The messages as the reader sees them.
fn rendered(source: &Source, messages: &[Diagnostic]) -> String {
    messages.iter().map(|message| message.render(source)).collect()
}

/// Files of a folder beside this one, by name.
fn folder(name: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/language").join(name);
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}
