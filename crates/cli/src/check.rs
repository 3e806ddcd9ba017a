//! `chainrule check`: claims against derivations, expectations against numbers; in a file, in LaTeX, in answers.

use crate::failure::{Failure, Outcome, UNDECIDED, WRONG, worst};
use crate::input;
use crate::pieces::Pieces;
use chainrule_lang::diagnostic::Severity;
use chainrule_lang::judge::{Grade, Record};
use chainrule_lang::program::Program;
use chainrule_lang::source::Source;
use chainrule_lang::written::Written;
use chainrule_report::verdicts;
use clap::{Args, ValueEnum};
use std::io::Write;

/// The arguments.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  chainrule check homework.chain
  chainrule check homework.chain --in 1.1 --format json
  chainrule check declarations.chain --tex homework.tex
  chainrule check assignment.chain --answers learner.chain
  chainrule check -e 'var x : real[n]; claim d(sum(x^2))/dx = 2*x'

Exit code: 0 right, 1 something wrong, 2 undecided or right only under a condition.")]
pub(crate) struct Check {
    /// A .chain file, or - for the standard input
    file: Option<String>,
    /// Declarations and claims, parted by `;` or new lines; may be given several times
    #[arg(short = 'e', long = "expr", value_name = "TEXT", allow_hyphen_values = true)]
    inline: Vec<String>,
    /// Only this problem
    #[arg(long = "in", value_name = "PROBLEM")]
    within: Option<String>,
    /// Displayed equations of a LaTeX or Markdown file, against the declarations of FILE
    #[arg(long, value_name = "FILE", conflicts_with = "answers")]
    tex: Option<String>,
    /// A learner's `answer` items, against the claims of FILE
    #[arg(long, value_name = "FILE")]
    answers: Option<String>,
    /// Seconds that one claim may take before it is undecided
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    budget: f64,
    /// How verdicts are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How verdicts are written.
#[derive(ValueEnum, Copy, Clone, Debug, Default)]
pub(crate) enum Format {
    /// One line for each statement, and what a learner needs next
    #[default]
    Text,
    /// {"results": [...]}
    Json,
    /// A table for a LaTeX document
    Latex,
    /// Test cases for a build server
    Junit,
}

impl Check {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        let program = self.program()?;
        let budget =
            chainrule_check::Budget { time: seconds(self.budget)?, ..chainrule_check::Budget::default() };
        crate::style::complain(&program.rendered());
        let other = match (&self.tex, &self.answers) {
            (Some(path), _) => Some(program.displayed(&source(path)?)),
            (_, Some(path)) => Some(program.answers(&source(path)?)),
            _ => None,
        };
        if let Some(written) = other {
            return self.judge_written(&program, &written, &budget, out);
        }
        let mut judged = Vec::new();
        for (k, problem) in program.problems.iter().enumerate() {
            if self.within.as_ref().is_none_or(|w| *w == problem.label) {
                judged.push((k, program.judge_problem(k, &budget)));
            }
        }
        match self.format {
            Format::Text => out.write_all(verdicts::text(&program, &judged).as_bytes())?,
            other => {
                let records: Vec<Record> = judged.iter().flat_map(|(_, r)| r.clone()).collect();
                self.write(other, &program.source.name, &records, out)?;
            }
        }
        Ok(code(judged.iter().flat_map(|(_, r)| r)))
    }

    fn program(&self) -> Result<Program, Failure> {
        let program = match (&self.file, self.inline.is_empty()) {
            (Some(path), true) => Program::new(source(path)?),
            (None, false) => {
                let mut pieces = Pieces::default();
                self.inline.iter().for_each(|text| pieces.add(text));
                if let Some(formula) = pieces.formulas.first() {
                    return Err(Failure::Usage(format!(
                        "`{formula}` claims nothing\n   help: claim {formula} = ..."
                    )));
                }
                Program::inline(Source::new("<command line>", pieces.items.join("\n")))
            }
            (Some(_), false) => {
                return Err(Failure::Usage(
                    "a file and -e at once\n   help: declare it in the file".to_string(),
                ));
            }
            (None, true) => {
                return Err(Failure::Usage(
                    "a file is expected\n   help: chainrule check homework.chain\n   \
                     help: chainrule check -e 'var x : real[n]; claim d(sum(x^2))/dx = 2*x'"
                        .to_string(),
                ));
            }
        };
        if program.has_errors() {
            return Err(Failure::Refused(program.rendered_from(Severity::Warning)));
        }
        if let Some(label) = self.within.as_ref().filter(|w| program.problem(w).is_none()) {
            let labels: Vec<&str> = program.problems.iter().map(|p| p.label.as_str()).collect();
            return Err(Failure::Usage(format!(
                "there is no problem {label}\n   help: problems: {}",
                labels.join(", ")
            )));
        }
        Ok(program)
    }

    /// Statements of another text: each echoed as understood, and what was not understood with its reason.
    fn judge_written(
        &self,
        program: &Program,
        written: &[Written],
        budget: &chainrule_check::Budget,
        out: &mut dyn Write,
    ) -> Outcome {
        let mut records: Vec<Record> = Vec::new();
        let mut unread = 0;
        for (one, judged) in written.iter().zip(program.judge_written(written, budget)) {
            let text = matches!(self.format, Format::Text);
            if text {
                writeln!(out, "line {}:  {}", one.line, one.text)?;
                match &one.understood {
                    Some(understood) if *understood != one.text => {
                        writeln!(out, "   understood  {understood}")?
                    }
                    _ => {}
                }
            }
            let Some(program) = &one.program else {
                unread += 1;
                let told: Vec<String> = one.diagnostics.iter().map(|d| d.render(&one.source)).collect();
                if text {
                    writeln!(out, "   NOT UNDERSTOOD")?;
                    for line in told.join("\n").lines() {
                        writeln!(out, "   {line}")?;
                    }
                } else {
                    crate::style::complain(&told.join("\n"));
                }
                continue;
            };
            if text {
                // The summary of one statement says nothing that its verdict does not.
                write!(out, "{}", verdicts::statements(program, &[(0, judged.clone())]).trim_end())?;
                writeln!(out)?;
            }
            records.extend(judged);
        }
        match self.format {
            Format::Text if written.is_empty() => writeln!(out, "there is nothing to check in this text.")?,
            Format::Text => {
                write!(out, "\n{}", verdicts::summary(records.iter()))?;
                write!(out, "{}", verdicts::points(records.iter()))?;
                if unread > 0 {
                    writeln!(out, "{unread} not understood.")?;
                }
            }
            other => self.write(other, "statements", &records, out)?,
        }
        let code = code(records.iter());
        Ok(if unread > 0 { worst(code, UNDECIDED) } else { code })
    }

    fn write(
        &self,
        format: Format,
        name: &str,
        records: &[Record],
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let text = match format {
            Format::Json => {
                let value = verdicts::records(records.iter());
                serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
            }
            Format::Junit => verdicts::junit(&[(name.to_string(), records.to_vec())]),
            Format::Latex => verdicts::latex(records),
            Format::Text => return Ok(()),
        };
        Ok(out.write_all(text.as_bytes())?)
    }
}

fn source(path: &str) -> Result<Source, Failure> {
    let text = input::text(path)?;
    Ok(Source::new(text.name, text.text))
}

fn seconds(value: f64) -> Result<std::time::Duration, Failure> {
    std::time::Duration::try_from_secs_f64(value)
        .map_err(|_| Failure::Usage(format!("{value} is no number of seconds\n   help: --budget 1")))
}

/// The exit code of records: wrong before undecided before right.
pub(crate) fn code<'r>(records: impl Iterator<Item = &'r Record>) -> u8 {
    records.fold(0, |code, record| {
        worst(
            code,
            match record.grade() {
                Some(Grade::Wrong) => WRONG,
                Some(Grade::Undecided | Grade::Conditional) => UNDECIDED,
                Some(Grade::Right) | None => 0,
            },
        )
    })
}
