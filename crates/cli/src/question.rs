//! What commands that answer formulas have in common: where the declarations come from, which problem and case is
//! meant, and the formulas themselves.

use crate::failure::Failure;
use crate::input;
use crate::pieces::Pieces;
use chainrule_lang::ast::Ask;
use chainrule_lang::case::Case;
use chainrule_lang::diagnostic::Severity;
use chainrule_lang::program::{Problem, Program};
use chainrule_lang::query::Query;
use chainrule_lang::source::Source;
use clap::Args;

/// Where a question stands, as arguments.
#[derive(Args, Debug)]
pub(crate) struct Question {
    /// A .chain file, or - for the standard input, and the formulas; with -e formulas only
    #[arg(value_name = "FILE> <EXPR")]
    words: Vec<String>,
    /// Declarations and formulas, parted by `;` or new lines; may be given several times
    #[arg(short = 'e', long = "expr", value_name = "TEXT", allow_hyphen_values = true)]
    inline: Vec<String>,
    /// The problem in which names are looked up
    #[arg(long = "in", value_name = "PROBLEM")]
    within: Option<String>,
    /// Names that are held fixed by every derivative
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    holding: Vec<String>,
    /// The case whose numbers are used
    #[arg(long, value_name = "CASE")]
    pub(crate) at: Option<String>,
}

/// A program and what is asked of it.
pub(crate) struct Asked {
    pub(crate) program: Program,
    /// Each formula, with the problem it is asked in when that is known.
    pub(crate) formulas: Vec<(String, Option<String>)>,
    at: Option<String>,
}

impl Question {
    /// Reads the declarations and the formulas.
    pub(crate) fn read(&self) -> Result<Asked, Failure> {
        let mut pieces = Pieces::default();
        self.inline.iter().for_each(|text| pieces.add(text));
        let mut words = &self.words[..];
        let mut file = None;
        if let Some(first) = words.first()
            && (self.inline.is_empty() || is_file(first))
        {
            file = Some(first.clone());
            words = &words[1..];
        }
        let inline = file.is_none();
        let program = match &file {
            None if self.inline.is_empty() => {
                return Err(Failure::Usage(
                    "a file and a formula are expected\n   help: chainrule derive homework.chain 'dl/dz'\n   \
                     help: chainrule derive -e 'var x : real[n]; d(log(sum(exp(x))))/dx'"
                        .to_string(),
                ));
            }
            None => Program::inline(Source::new("<command line>", pieces.items.join("\n"))),
            Some(_) if !pieces.items.is_empty() => {
                return Err(Failure::Usage(format!(
                    "-e declares something, `{}`, beside a file\n   help: declare it in the file; formulas of \
                     a file may stand in -e",
                    pieces.items[0]
                )));
            }
            Some(path) => {
                let text = input::text(path)?;
                Program::declarations(Source::new(text.name, text.text))
            }
        };
        if program.has_errors() {
            return Err(Failure::Refused(program.rendered_from(Severity::Warning)));
        }
        if inline {
            crate::style::complain(&program.rendered());
        }
        let within = self.within.clone();
        let mut formulas: Vec<(String, Option<String>)> =
            pieces.formulas.iter().chain(words).map(|text| (text.clone(), within.clone())).collect();
        if formulas.is_empty() {
            formulas = requests(&program, within.as_deref());
        }
        if formulas.is_empty() {
            let example =
                if inline { "-e 'var x : real[n]; d(sum(x))/dx'" } else { "homework.chain 'dl/dz'" };
            return Err(Failure::Usage(format!(
                "no formula is asked for\n   help: chainrule derive {example}"
            )));
        }
        for (text, _) in &mut formulas {
            *text = held(text, &self.holding);
        }
        Ok(Asked { program, formulas, at: self.at.clone() })
    }
}

/// Whether a word names a file rather than a formula.
fn is_file(word: &str) -> bool {
    word == "-" || word.ends_with(".chain") || std::path::Path::new(word).is_file()
}

/// The formula with names held fixed beside those it names itself.
fn held(text: &str, names: &[String]) -> String {
    if names.is_empty() {
        return text.to_string();
    }
    let names = names.iter().map(|n| n.trim()).collect::<Vec<_>>().join(", ");
    let separator = if text.split_whitespace().any(|w| w == "holding") { ", " } else { " holding " };
    format!("{text}{separator}{names}")
}

/// `derive` items of a file: requests that stand in it.
fn requests(program: &Program, within: Option<&str>) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for problem in program.problems.iter().filter(|p| within.is_none_or(|w| w == p.label)) {
        for ask in &problem.asks {
            let Ask::Derive { expr, holding } = ask else { continue };
            let mut text = program.source.slice(program.file.tree.span(*expr)).to_string();
            if !holding.is_empty() {
                let names: Vec<&str> = holding.iter().map(|n| n.text.as_str()).collect();
                text = format!("{text} holding {}", names.join(", "));
            }
            found.push((text, Some(problem.label.clone())));
        }
    }
    found
}

impl Asked {
    /// The meaning of a formula, with the case that is asked for.
    pub(crate) fn find(&self, text: &str, within: Option<&str>) -> Result<(Query, Option<Case>), Failure> {
        let Some(name) = &self.at else { return Ok((self.query(text, within)?, None)) };
        let has_case = |p: &&Problem| p.cases.contains_key(name);
        let (label, bare) = prefixed(&self.program, text);
        let within = within.or(label);
        if within.is_some() {
            let query = self.query(bare, within)?;
            let problem = self.program.problem(&query.label);
            let case = problem.and_then(|p| p.cases.get(name)).cloned();
            return Ok((query, Some(case.ok_or_else(|| self.no_case(name, problem))?)));
        }
        let candidates: Vec<&Problem> = self.program.problems.iter().filter(has_case).collect();
        let problem = match candidates[..] {
            [] => {
                let query = self.query(bare, None)?;
                return Err(self.no_case(name, self.program.problem(&query.label)));
            }
            [only] => only,
            _ => {
                // The formula decides among the problems that have the case.
                let mut found =
                    candidates.iter().filter(|p| self.program.query(bare, Some(&p.label)).is_ok());
                match (found.next(), found.next()) {
                    (Some(only), None) => only,
                    _ => {
                        let query = self.query(bare, None)?;
                        return Err(self.no_case(name, self.program.problem(&query.label)));
                    }
                }
            }
        };
        let query = match self.program.query(bare, Some(&problem.label)) {
            Ok(query) => query,
            // Where the formula has a meaning, that is the problem to speak of.
            Err(refusal) => match self.program.query(bare, None) {
                Ok(query) => return Err(self.no_case(name, self.program.problem(&query.label))),
                Err(_) => return Err(Failure::Refused(refusal.rendered())),
            },
        };
        let case = self.case_of(&query, name);
        Ok((query, case))
    }

    fn case_of(&self, query: &Query, name: &str) -> Option<Case> {
        self.program.problem(&query.label)?.cases.get(name).cloned()
    }

    fn query(&self, text: &str, within: Option<&str>) -> Result<Query, Failure> {
        let query =
            self.program.query(text, within).map_err(|refusal| Failure::Refused(refusal.rendered()))?;
        for diagnostic in &query.diagnostics {
            crate::style::complain(&diagnostic.render(&query.source));
        }
        Ok(query)
    }

    fn no_case(&self, name: &str, problem: Option<&Problem>) -> Failure {
        let place = match problem {
            Some(p) if !p.label.is_empty() => format!(" in problem {}", p.label),
            _ => String::new(),
        };
        let mut message = format!("there is no case {name}{place}");
        let own: Vec<&str> = problem.into_iter().flat_map(|p| p.cases.keys()).map(String::as_str).collect();
        if own.is_empty() {
            message.push_str("\n   help: values are given with --set 'x = [1, 2]' or --data x=x.npy");
        } else {
            message.push_str(&format!("\n   help: cases{place}: {}", own.join(", ")));
        }
        let elsewhere: Vec<&str> = self
            .program
            .problems
            .iter()
            .filter(|p| p.cases.contains_key(name) && problem.is_none_or(|own| own.label != p.label))
            .map(|p| p.label.as_str())
            .collect();
        if !elsewhere.is_empty() {
            let (noun, verb) = if elsewhere.len() == 1 { ("problem", "has") } else { ("problems", "have") };
            message.push_str(&format!("\n   note: {noun} {} {verb} a case {name}", elsewhere.join(", ")));
        }
        Failure::Data(message)
    }
}

/// `1.3:dy/dV`: the problem that stands before the formula.
fn prefixed<'t>(program: &Program, text: &'t str) -> (Option<&'t str>, &'t str) {
    match text.split_once(':') {
        Some((label, rest)) if program.problem(label.trim()).is_some() => (Some(label.trim()), rest),
        _ => (None, text),
    }
}
