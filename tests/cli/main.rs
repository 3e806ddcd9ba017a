//! The command as a user meets it: the built program, its answers, its exit codes.
//!
//! Answers stand in `snapshots/cli`; `docs/json.md` documents the records that they lock.

mod answers;
mod cost;
mod inputs;
mod records;
mod verdicts;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The homework in the language.
const HOMEWORK: &str = "tests/language/homework/hw8.chain";

/// The command, run in the folder of the package.
fn chainrule(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().expect("the command starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chainrule"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env("CHAINRULE_HISTORY", "");
    command
}

/// The command with a text on its standard input.
fn chainrule_reading(arguments: &[&str], text: &[u8]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // A command that has seen enough closes its input, which is no failure of the test.
    let _ = child.stdin.take().expect("piped").write_all(text);
    child.wait_with_output().expect("the command ends")
}

/// What a user sees: the command line, both outputs, the exit code.
fn seen(arguments: &[&str]) -> String {
    told(arguments, &chainrule(arguments))
}

fn told(arguments: &[&str], output: &Output) -> String {
    let quoted = |a: &&str| {
        if a.chars().all(|c| c.is_alphanumeric() || "-_./:=".contains(c)) {
            (*a).to_string()
        } else {
            format!("'{a}'")
        }
    };
    let line: Vec<String> = arguments.iter().map(quoted).collect();
    let mut text = format!("$ chainrule {}\n{}", line.join(" "), utf8(&output.stdout));
    if !output.stderr.is_empty() {
        text.push_str(&format!("-- standard error\n{}", utf8(&output.stderr)));
    }
    text.push_str(&format!("-- exit code {}\n", code(output)));
    text
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the command was not killed")
}

/// A file of this test run.
fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("the folder of the test run is writable");
    path
}
