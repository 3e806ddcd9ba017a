//! `chainrule derive`: a derivative as a formula, compared with dual numbers before it is shown.

use crate::failure::{Failure, INTERNAL, Outcome, UNDECIDED, worst};
use crate::question::Question;
use chainrule_lang::case::Case;
use chainrule_lang::query::Query;
use chainrule_report::derived::{self, Derived, Notation, Standing};
use chainrule_report::valued::{Valued, counted};
use clap::{Args, ValueEnum};
use std::io::Write;

/// The arguments.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  chainrule derive homework.chain 'dl/dz'
  chainrule derive homework.chain 'dl/dz' --at A --format json
  chainrule derive -e 'var x : real[n]; d(log(sum(exp(x))))/dx'
  chainrule derive homework.chain '1.3:dy/dV' --format latex

Exit codes: 0 verified, 2 no point could be tested, 65 not understood, 66 no such file.")]
pub(crate) struct Derive {
    #[command(flatten)]
    question: Question,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Which notations are written
    #[arg(long, value_enum, default_value_t)]
    notation: Words,
}

#[derive(ValueEnum, Copy, Clone, Debug, Default)]
enum Format {
    /// Lines for a reader, at most 100 columns
    #[default]
    Text,
    /// One object, or an array for several formulas
    Json,
    /// An align* block, for amsmath
    Latex,
}

#[derive(ValueEnum, Copy, Clone, Debug, Default)]
enum Words {
    /// sum(j, V[i,j]*x[j])
    Index,
    /// V @ x
    Matrix,
    /// Both, where both exist
    #[default]
    Both,
}

impl From<Words> for Notation {
    fn from(words: Words) -> Notation {
        match words {
            Words::Index => Notation::Index,
            Words::Matrix => Notation::Matrix,
            Words::Both => Notation::Both,
        }
    }
}

impl Derive {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        let asked = self.question.read()?;
        let mut code = 0;
        let mut objects = Vec::new();
        for (k, (text, within)) in asked.formulas.iter().enumerate() {
            let (mut query, case) = asked.find(text, within.as_deref())?;
            let mut derived = Derived::new(&mut query)?;
            if let Some(refused) = disagreement(&derived.verified) {
                crate::style::complain(&refused);
                return Ok(INTERNAL);
            }
            code = worst(code, standing(derived.standing()));
            let value = match &case {
                Some(case) => {
                    let value = valued(&mut query, case, &derived.expr)?;
                    derived.kinks = value.kinks.clone();
                    Some(value)
                }
                None => None,
            };
            let notation = self.notation.into();
            match self.format {
                Format::Json => objects.push(derived::json(&derived, value.as_ref().map(|v| &v.array))),
                Format::Text => {
                    let gap = if k > 0 { "\n" } else { "" };
                    write!(out, "{gap}{}", derived::text(&derived, notation))?;
                    if let (Some(value), Some(case)) = (&value, &case) {
                        write!(out, "{}", value.line(&format!("at {}", case.name)))?;
                    }
                }
                Format::Latex => {
                    write!(out, "{}", derived::latex(&derived, notation))?;
                    if let Some(value) = &value {
                        write!(out, "{}", value.latex())?;
                    }
                }
            }
            if derived.standing() == Standing::Undecided {
                crate::style::complain(&format!(
                    "warning: {}: {}\n",
                    derived.expr,
                    derived.verified.sentence()
                ));
            }
        }
        if matches!(self.format, Format::Json) {
            write!(out, "{}", chainrule_report::json::objects(objects))?;
        }
        Ok(code)
    }
}

/// The exit code of a comparison.
pub(crate) fn standing(standing: Standing) -> u8 {
    match standing {
        Standing::Right => 0,
        Standing::Undecided => UNDECIDED,
        Standing::Disagrees => INTERNAL,
    }
}

/// What is said instead of an answer that dual numbers refute.
pub(crate) fn disagreement(comparison: &derived::Comparison) -> Option<String> {
    (comparison.standing() == Standing::Disagrees)
        .then(|| format!("error: the derivative is not shown: it {}\n", comparison.sentence()))
}

/// The value at a case, with the kinks that affect it.
pub(crate) fn valued(query: &mut Query, case: &Case, expr: &str) -> Result<Valued, Failure> {
    let evaluation = query.evaluate(case).map_err(|error| {
        Failure::Data(format!(
            "{expr}: {error}\n   help: give values with --at CASE, --set 'x = [1, 2]' or --data x=x.npy"
        ))
    })?;
    let kinks = derived::hit(query, case)?;
    let array = counted(&evaluation.values[0], query.scope.settings.base);
    Ok(Valued { expr: expr.to_string(), array, kinks })
}
