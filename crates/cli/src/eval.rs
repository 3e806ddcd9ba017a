//! `chainrule eval`: the value of formulas at a case, at typed values, at data.

use crate::data;
use crate::derive::{disagreement, standing, valued};
use crate::failure::{Failure, INTERNAL, Outcome, worst};
use crate::question::Question;
use chainrule_lang::assign::assignment;
use chainrule_lang::case::Case;
use chainrule_lang::value::Constant;
use chainrule_report::derived::{Standing, compared};
use clap::{Args, ValueEnum};
use std::io::Write;

/// The arguments.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  chainrule eval homework.chain 'dl/dz' --at A
  chainrule eval -e 'var x : real[n]; softmax(x)' --set 'x = [1, 2, 3]'
  chainrule eval homework.chain 'dl/dz' --at A --data z=z.npy --format numpy

Labels count from the index base of the file, in data too.")]
pub(crate) struct Eval {
    #[command(flatten)]
    question: Question,
    /// Values from a file: x=FILE.npy, x=FILE.npz, x=FILE.npz:NAME, x=FILE.csv
    #[arg(long, value_name = "NAME=FILE")]
    data: Vec<String>,
    /// A value: 'x = [1, 2]'; of a value in the case and one here, this one is used
    #[arg(long, value_name = "ASSIGNMENT", allow_hyphen_values = true)]
    set: Vec<String>,
    /// How the value is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(ValueEnum, Copy, Clone, Debug, Default)]
enum Format {
    /// As a value of the language: [1, 2]
    #[default]
    Text,
    /// One object, or an array for several formulas
    Json,
    /// As NumPy prints it
    Numpy,
}

impl Eval {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        let asked = self.question.read()?;
        let mut given: Vec<(String, Constant)> = Vec::new();
        for text in &self.data {
            given.push(data::read(text)?);
        }
        for text in &self.set {
            given.push(assignment(text).map_err(|refusal| Failure::Refused(refusal.rendered()))?);
        }
        let mut code = 0;
        let mut objects = Vec::new();
        for (text, within) in &asked.formulas {
            let (mut query, case) = asked.find(text, within.as_deref())?;
            let case = case.unwrap_or_else(|| Case { name: "the values".to_string(), ..Case::default() });
            let case = case.with(&query.scope, &given).map_err(|wrong| told(&wrong))?;
            let comparison = compared(&mut query);
            if let Some(refused) = disagreement(&comparison) {
                crate::style::complain(&refused);
                return Ok(INTERNAL);
            }
            code = worst(code, standing(comparison.standing()));
            let expr = query.source.text.split_whitespace().collect::<Vec<_>>().join(" ");
            if comparison.standing() == Standing::Undecided {
                crate::style::complain(&format!("warning: {expr}: {}\n", comparison.sentence()));
            }
            let value = valued(&mut query, &case, &expr)?;
            match self.format {
                Format::Text => write!(out, "{}", value.text())?,
                Format::Numpy => write!(out, "{}", value.numpy())?,
                Format::Json => objects.push(value.json()),
            }
        }
        if matches!(self.format, Format::Json) {
            write!(out, "{}", chainrule_report::json::objects(objects))?;
        }
        Ok(code)
    }
}

/// What does not fit, without a place: values came from the command line.
pub(crate) fn told(wrong: &[chainrule_lang::diagnostic::Diagnostic]) -> Failure {
    let mut out = String::new();
    for diagnostic in wrong {
        out.push_str(&format!("error[{}]: {}\n", diagnostic.code, diagnostic.message));
        for help in &diagnostic.help {
            out.push_str(&format!("   help: {help}\n"));
        }
    }
    Failure::Refused(out)
}
