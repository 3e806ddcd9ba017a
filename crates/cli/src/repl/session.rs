//! What an interactive session knows, and what it answers to one line.

use crate::derive::{disagreement, valued};
use crate::failure::{DATA, Failure};
use crate::input;
use crate::pieces::{Pieces, is_open};
use chainrule_lang::case::Case;
use chainrule_lang::diagnostic::Severity;
use chainrule_lang::program::Program;
use chainrule_lang::query::{Query, Refusal};
use chainrule_lang::scope::Meaning;
use chainrule_lang::source::Source;
use chainrule_report::derived::{self, Derived, Notation};
use std::io::Write;

/// Whether the session goes on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    Next,
    Quit,
}

/// A command with its argument and what it does.
const COMMANDS: [(&str, &str, &str); 9] = [
    (":help", "", "this list"),
    (":load", "FILE", "reads a .chain file"),
    (":names", "", "names with their types"),
    (":cases", "", "cases with their values"),
    (":at", "CASE", "formulas are answered with the numbers of this case too; without a name, no longer"),
    (":in", "PROBLEM", "names are looked up in this problem; without a label, in all"),
    (":functions", "", "functions of the language"),
    (":clear", "", "forgets what was typed and loaded"),
    (":quit", "", "ends the session"),
];

/// Declarations that were typed, a file that was loaded, the case and problem in force.
#[derive(Default)]
pub(super) struct Session {
    items: Vec<String>,
    typed: Option<Program>,
    loaded: Option<Program>,
    case: Option<String>,
    within: Option<String>,
    failed: bool,
}

impl Session {
    /// 65 when something was not understood: what is read from a pipe is a script.
    pub(super) fn code(&self) -> u8 {
        if self.failed { DATA } else { 0 }
    }

    /// Whether a bracket is open, so that the next line belongs to this one.
    pub(super) fn wants_more(&self, text: &str) -> bool {
        !text.trim_start().starts_with(':') && is_open(text)
    }

    /// What a word can be completed to: commands, functions, names.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = COMMANDS.iter().map(|(name, ..)| (*name).to_string()).collect();
        words.extend(chainrule_report::functions::all().map(|f| f.name.to_string()));
        words.extend(chainrule_lang::syntax::words::reserved().iter().map(|(word, _)| (*word).to_string()));
        for problem in self.programs().flat_map(|p| &p.problems) {
            words.extend(problem.scope.names.keys().cloned());
        }
        words.sort();
        words.dedup();
        words
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        self.typed.iter().chain(&self.loaded)
    }

    /// Answers one line. Only output that cannot be written ends the session.
    pub(super) fn respond(&mut self, line: &str, out: &mut dyn Write) -> Result<Reply, Failure> {
        let line = line.trim();
        let done = match line.strip_prefix(':') {
            Some(_) => self.command(line, out),
            None => self.read(line, out).map(|()| Reply::Next),
        };
        match done {
            Ok(reply) => Ok(reply),
            Err(Failure::Output(error)) => Err(Failure::Output(error)),
            Err(failure) => {
                self.failed = true;
                out.flush()?;
                crate::style::complain(&failure.text());
                Ok(Reply::Next)
            }
        }
    }

    fn command(&mut self, line: &str, out: &mut dyn Write) -> Result<Reply, Failure> {
        let (word, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = argument.trim();
        match word {
            ":help" => {
                for (name, argument, about) in COMMANDS {
                    writeln!(out, "  {:<16}{about}", format!("{name} {argument}"))?;
                }
                writeln!(
                    out,
                    "Anything else is a declaration (var x : real[n]) or a formula (d(sum(x))/dx)."
                )?;
            }
            ":quit" | ":q" | ":exit" => return Ok(Reply::Quit),
            ":load" => self.load(argument, out)?,
            ":names" => self.names(out)?,
            ":cases" => self.cases(out)?,
            ":at" => self.at(argument, out)?,
            ":in" => self.within = Some(argument.to_string()).filter(|a| !a.is_empty()),
            ":functions" => out.write_all(chainrule_report::functions::text().as_bytes())?,
            ":clear" => *self = Session { failed: self.failed, ..Session::default() },
            other => {
                let all: Vec<&str> = COMMANDS.iter().map(|(name, ..)| *name).collect();
                return Err(Failure::Usage(format!(
                    "there is no command {other}\n   help: {}",
                    all.join(" ")
                )));
            }
        }
        Ok(Reply::Next)
    }

    /// Reads a file.
    pub(super) fn load(&mut self, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
        if path.is_empty() {
            return Err(Failure::Usage(":load needs a file\n   help: :load homework.chain".to_string()));
        }
        let text = input::text(path)?;
        let program = Program::new(Source::new(text.name, text.text));
        if program.has_errors() {
            return Err(Failure::Refused(program.rendered_from(Severity::Warning)));
        }
        let names: usize = program.problems.iter().map(|p| p.scope.names.len()).sum();
        writeln!(out, "{path}: {} problems, {names} names", program.problems.len())?;
        self.loaded = Some(program);
        Ok(())
    }

    fn names(&self, out: &mut dyn Write) -> Result<(), Failure> {
        for problem in self.programs().flat_map(|p| &p.problems) {
            if !problem.label.is_empty() {
                writeln!(out, "problem {}", problem.label)?;
            }
            for (name, declared) in &problem.scope.names {
                let what = match &declared.meaning {
                    Meaning::Size(dim) if dim.to_string() == *name => "size".to_string(),
                    Meaning::Size(dim) => format!("size, equal to {dim}"),
                    Meaning::Input(node, role) => {
                        let role = format!("{role:?}").to_lowercase();
                        format!("{role}, {}", problem.scope.graph.ty(*node))
                    }
                    Meaning::Definition(node) => format!("definition, {}", problem.scope.graph.ty(*node)),
                    Meaning::Nickname(node) => format!("nickname, {}", problem.scope.graph.ty(*node)),
                };
                writeln!(out, "  {name:<12}{what}")?;
            }
        }
        Ok(())
    }

    fn cases(&self, out: &mut dyn Write) -> Result<(), Failure> {
        for problem in self.programs().flat_map(|p| &p.problems) {
            for case in problem.cases.values() {
                let place =
                    if problem.label.is_empty() { String::new() } else { format!("{} ", problem.label) };
                let names: Vec<&str> = case.values.keys().map(String::as_str).collect();
                writeln!(out, "  {place}{}: {}", case.name, names.join(", "))?;
            }
        }
        Ok(())
    }

    fn at(&mut self, name: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let known: Vec<String> =
            self.programs().flat_map(|p| &p.problems).flat_map(|p| p.cases.keys()).cloned().collect();
        if name.is_empty() {
            self.case = None;
        } else if known.iter().any(|k| k == name) {
            self.case = Some(name.to_string());
        } else {
            return Err(Failure::Data(format!(
                "there is no case {name}\n   help: cases: {}",
                if known.is_empty() { "none yet".to_string() } else { known.join(", ") }
            )));
        }
        Ok(out.flush()?)
    }

    /// Declarations are kept when they have a meaning; formulas are answered.
    fn read(&mut self, line: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let mut pieces = Pieces::default();
        pieces.add(line);
        if !pieces.items.is_empty() {
            let mut items = self.items.clone();
            items.extend(pieces.items);
            let program = Program::inline(Source::new("<typed>", items.join("\n")));
            if program.has_errors() {
                return Err(Failure::Refused(program.rendered_from(Severity::Warning)));
            }
            (self.items, self.typed) = (items, Some(program));
        }
        pieces.formulas.iter().try_for_each(|formula| self.answer(formula, out))
    }

    fn query(&self, formula: &str) -> Result<(Query, Option<Case>), Box<Refusal>> {
        let mut refused = None;
        for program in self.programs() {
            let within = self.within.as_deref().filter(|label| program.problem(label).is_some());
            match program.query(formula, within) {
                Ok(query) => {
                    let problem = program.problem(&query.label);
                    let case =
                        self.case.as_ref().and_then(|name| problem.and_then(|p| p.cases.get(name)).cloned());
                    return Ok((query, case));
                }
                Err(refusal) => refused = Some(refusal),
            }
        }
        match refused {
            Some(refusal) => Err(refusal),
            None => {
                let program = Program::inline(Source::new("<typed>", ""));
                Ok((program.query(formula, None)?, None))
            }
        }
    }

    fn answer(&self, formula: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let (mut query, case) =
            self.query(formula).map_err(|refusal| Failure::Refused(refusal.rendered()))?;
        for diagnostic in &query.diagnostics {
            crate::style::complain(&diagnostic.render(&query.source));
        }
        let derived = Derived::new(&mut query)?;
        if let Some(refused) = disagreement(&derived.verified) {
            return Err(Failure::Refused(refused));
        }
        out.write_all(derived::text(&derived, Notation::Both).as_bytes())?;
        if let Some(case) = case {
            let value = valued(&mut query, &case, &derived.expr)?;
            write!(out, "{}", value.line(&format!("at {}", case.name)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(lines: &[&str]) -> (String, Session) {
        let mut session = Session::default();
        let mut out = Vec::new();
        for line in lines {
            let _ = session.respond(line, &mut out);
        }
        (String::from_utf8(out).unwrap(), session)
    }

    #[test]
    fn declarations_stay_and_formulas_are_answered() {
        let (text, session) =
            answers(&["var x : real[n]", "case A { x = [1, 2] }", ":at A", "d(sum(x .^ 2))/dx"]);
        assert!(text.contains("index       2*x[i]") && text.contains("at A        [2, 4]"), "{text}");
        assert_eq!(session.code(), 0);
    }

    #[test]
    fn a_mistake_changes_nothing_but_the_exit_code() {
        let (text, session) = answers(&["var x : real[n]", "def y = zz", "x", ":nonsense"]);
        assert!(text.contains("x : real[n]"), "{text}");
        assert_eq!(session.code(), DATA);
        assert_eq!(session.items.len(), 1);
    }

    #[test]
    fn words_complete_commands_functions_and_names() {
        let (_, session) = answers(&["var speed : real"]);
        for word in [":help", "softmax", "speed", "var"] {
            assert!(session.words().contains(&word.to_string()), "{word}");
        }
    }
}
