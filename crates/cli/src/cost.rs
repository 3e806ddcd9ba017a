//! `chainrule cost`: what a formula costs, as polynomials in its sizes, and as numbers with the plan that computes it.

use crate::data;
use crate::eval::told;
use crate::failure::{Failure, Outcome};
use crate::question::Question;
use chainrule_core::dice::Dice;
use chainrule_core::shape::Sizes;
use chainrule_exec::array::{Entry, Input};
use chainrule_exec::error::memory;
use chainrule_exec::plan::timings::Timings;
use chainrule_exec::{Error, Options, Plan, StructuredPlan, Value};
use chainrule_lang::assign::assignment;
use chainrule_lang::case::Case;
use chainrule_lang::query::Query;
use chainrule_lang::value::Constant;
use chainrule_report::costed::{At, Costed};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The arguments.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  chainrule cost homework.chain 'dy/dV'
  chainrule cost homework.chain 'dy/dV' --at A
  chainrule cost -e 'var V : real[m,n]; var x : real[n]; softmax(V @ x)' --set 'm = 500' --set 'n = 300' --timings

Flops are additions, multiplications and comparisons; values of functions such as exp are counted apart.
Where every size has a number, the plan is shown: its steps, its buffers, the memory at its peak.

Exit codes: 0 answered, 65 not understood or above the limit, 66 no such file.")]
pub(crate) struct Cost {
    #[command(flatten)]
    question: Question,
    /// Values from a file: x=FILE.npy, x=FILE.npz, x=FILE.npz:NAME, x=FILE.csv
    #[arg(long, value_name = "NAME=FILE")]
    data: Vec<String>,
    /// A size or a value: 'n = 100', 'x = [1, 2]'
    #[arg(long, value_name = "ASSIGNMENT", allow_hyphen_values = true)]
    set: Vec<String>,
    /// The plan of the factors instead of the plan of the array
    #[arg(long)]
    structured: bool,
    /// Runs the plan and measures every step; inputs without a value get one at random, the same in every run
    #[arg(long)]
    timings: bool,
    /// The plan without machine code
    #[arg(long)]
    interpreted: bool,
    /// Memory above which a plan is refused: 4096, 500MB, 2GiB
    #[arg(long, value_name = "BYTES", default_value = "2GiB", value_parser = bytes)]
    limit: u128,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(ValueEnum, Copy, Clone, Debug, Default)]
enum Format {
    /// Lines for a reader, at most 100 columns
    #[default]
    Text,
    /// One object, or an array for several formulas
    Json,
}

/// `2GiB`: a number with a unit, or a number of bytes.
fn bytes(text: &str) -> Result<u128, String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let scale: Option<u128> = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "t" | "tib" => Some(1 << 40),
        _ => None,
    };
    let count = number.parse::<u64>().ok().map(u128::from);
    match (count, scale) {
        (Some(count), Some(scale)) => Ok(count * scale),
        _ => Err("a number of bytes is expected, with a unit or without: 4096, 500MB, 2GiB".to_string()),
    }
}

impl Cost {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Outcome {
        let asked = self.question.read()?;
        let mut given: Vec<(String, Constant)> = Vec::new();
        for text in &self.data {
            given.push(data::read(text)?);
        }
        for text in &self.set {
            given.push(assignment(text).map_err(|refusal| Failure::Refused(refusal.rendered()))?);
        }
        let mut objects = Vec::new();
        for (k, (text, within)) in asked.formulas.iter().enumerate() {
            let (query, case) = asked.find(text, within.as_deref())?;
            let costed = Costed::new(&query).map_err(|error| Failure::Data(error.to_string()))?;
            let at = self.at(&query, case, &given, &costed)?;
            match self.format {
                Format::Json => objects.push(costed.json(at.as_ref())),
                Format::Text => {
                    let gap = if k > 0 { "\n" } else { "" };
                    write!(out, "{gap}{}", costed.text())?;
                    if let Some(at) = &at {
                        write!(out, "\n{}", at.text())?;
                    }
                }
            }
        }
        if matches!(self.format, Format::Json) {
            write!(out, "{}", chainrule_report::json::objects(objects))?;
        }
        Ok(0)
    }

    /// Numbers and plan, where sizes have numbers; a mistake, where some have and some have not.
    fn at(
        &self,
        query: &Query,
        case: Option<Case>,
        given: &[(String, Constant)],
        costed: &Costed,
    ) -> Result<Option<At>, Failure> {
        let names = costed.names();
        let asked_for =
            case.is_some() || !given.is_empty() || self.timings || self.structured || self.interpreted;
        // A size of a formula typed on the command line may have no declaration.
        let (free, declared): (Vec<_>, Vec<_>) = given
            .iter()
            .cloned()
            .partition(|(name, _)| query.scope.find(name).is_none() && names.contains(name.as_str()));
        let case = case.unwrap_or_default();
        let mut case = case.with(&query.scope, &declared).map_err(|wrong| told(&wrong))?;
        for (name, value) in free {
            let whole = |n: &f64| (0.0..=1e9).contains(n) && n.fract() == 0.0;
            let number = value.data.first().filter(|n| value.shape.is_empty() && whole(n));
            let number = number.ok_or_else(|| {
                Failure::Data(format!(
                    "{name} is a size: its value is a whole number, 0 or more\n   help: --set '{name} = 100'"
                ))
            })?;
            case.sizes.insert(name, *number as i64);
        }
        let sizes: Sizes = case.sizes.iter().map(|(name, n)| (Arc::from(name.as_str()), *n)).collect();
        let missing: Vec<&str> = names.iter().map(|n| &**n).filter(|n| !sizes.contains_key(*n)).collect();
        match (missing.is_empty(), asked_for) {
            (true, _) => {}
            (false, false) => return Ok(None),
            (false, true) => return Err(unknown(costed, &case, &missing)),
        }
        let (dense, stored) = costed.counts(&sizes).map_err(|error| self.told(costed, &error))?;
        let options = Options {
            sizes,
            limit: self.limit,
            timings: self.timings,
            jit: !self.interpreted,
            ..Options::default()
        };
        let mut made = match self.structured {
            true => StructuredPlan::compile(&query.scope.graph, query.node, &options).map(Made::Factors),
            false => Plan::compile(&query.scope.graph, &[query.node], &options).map(Made::Array),
        }
        .map_err(|error| self.told(costed, &error))?;
        let plan = made.explanation();
        let timings = match self.timings {
            true => Some(self.measured(query, &case, &mut made, plan.peak(), costed)?),
            false => None,
        };
        let sizes = names.iter().map(|n| (n.to_string(), case.sizes[&**n])).collect();
        Ok(Some(At { case: case.name, sizes, dense, stored, plan, structured: self.structured, timings }))
    }

    /// What runs of the plan take.
    fn measured(
        &self,
        query: &Query,
        case: &Case,
        plan: &mut Made,
        peak: u128,
        costed: &Costed,
    ) -> Result<Timings, Failure> {
        let count = |input: &Input| input.shape.iter().map(|&n| n as u128).product::<u128>();
        let bytes = plan.inputs().iter().map(|i| 8 * count(i)).sum::<u128>() + peak;
        if bytes > self.limit {
            return Err(Failure::Data(format!(
                "{}: the plan and its inputs need {}, and the limit is {}\n   help: {}no --timings",
                costed.expr,
                memory(bytes),
                memory(self.limit),
                enough(bytes)
            )));
        }
        let values: Vec<Held> =
            plan.inputs().iter().enumerate().map(|(k, input)| Held::new(query, case, input, k)).collect();
        let values: Vec<Value<'_, f64>> = values.iter().map(Held::value).collect();
        plan.measure(&values).map_err(|error| self.told(costed, &error))
    }

    fn told(&self, costed: &Costed, error: &Error) -> Failure {
        let help = match error {
            Error::TooLarge { bytes, .. } => {
                let smaller = match costed.storage.is_some() && !self.structured {
                    true => "the plan of its factors, --structured",
                    false => "smaller sizes",
                };
                format!("\n   help: {}{smaller}", enough(*bytes))
            }
            Error::Unsupported { .. } => {
                "\n   help: leave the sizes out: the polynomials need no plan".to_string()
            }
            _ => String::new(),
        };
        Failure::Data(format!("{}: {error}{help}", costed.expr))
    }
}

/// A limit that is enough, where there may be a machine with so much memory.
fn enough(bytes: u128) -> String {
    match bytes >> 20 {
        0 => format!("--limit {bytes}; or "),
        1..1024 => format!("--limit {}MiB; or ", bytes.div_ceil(1 << 20)),
        1024..1_048_576 => format!("--limit {}GiB; or ", bytes.div_ceil(1 << 30)),
        _ => String::new(),
    }
}

fn unknown(costed: &Costed, case: &Case, missing: &[&str]) -> Failure {
    let (noun, verb) = if missing.len() == 1 { ("size", "has") } else { ("sizes", "have") };
    let place = if case.name.is_empty() { String::new() } else { format!(" at case {}", case.name) };
    let sets: Vec<String> = missing.iter().map(|n| format!("--set '{n} = 100'")).collect();
    Failure::Data(format!(
        "{}: the {noun} {} {verb} no number{place}\n   help: {}",
        costed.expr,
        missing.join(", "),
        sets.join(" ")
    ))
}

/// A plan of one kind or the other.
enum Made {
    Array(Plan<f64>),
    Factors(StructuredPlan<f64>),
}

/// Runs are repeated for so long, and at least [`RUNS`] times.
const LONG: Duration = Duration::from_millis(200);
/// Fewest runs that are measured.
const RUNS: usize = 3;
/// Most runs that are measured.
const MOST: usize = 10_000;

impl Made {
    fn inputs(&self) -> &[Input] {
        match self {
            Made::Array(plan) => plan.inputs(),
            Made::Factors(plan) => plan.inputs(),
        }
    }

    fn explanation(&self) -> chainrule_exec::plan::explain::Explanation {
        match self {
            Made::Array(plan) => plan.explanation(),
            Made::Factors(plan) => plan.explanation(),
        }
    }

    fn measure(&mut self, values: &[Value<'_, f64>]) -> chainrule_exec::Result<Timings> {
        let begun = Instant::now();
        let mut runs = 0;
        let mut results: Vec<Vec<f64>> = match self {
            Made::Array(plan) => {
                (0..plan.output_count()).map(|n| vec![0.0; plan.output_shape(n).iter().product()]).collect()
            }
            Made::Factors(_) => Vec::new(),
        };
        while runs < RUNS || (runs < MOST && begun.elapsed() < LONG) {
            match self {
                Made::Array(plan) => {
                    let mut slots: Vec<&mut [f64]> = results.iter_mut().map(Vec::as_mut_slice).collect();
                    plan.run(values, &mut slots)?;
                }
                Made::Factors(plan) => plan.run(values)?,
            }
            runs += 1;
        }
        let timings = match self {
            Made::Array(plan) => plan.timings(),
            Made::Factors(plan) => plan.timings(),
        };
        Ok(timings.expect("invariant: the plan was made to be timed"))
    }
}

/// The value of an input: the case's, or one at random.
enum Held {
    Real(Vec<f64>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

impl Held {
    fn new(query: &Query, case: &Case, input: &Input, seed: usize) -> Held {
        let mut dice = Dice::new(seed as u64);
        let count: usize = input.shape.iter().product();
        let base = query.scope.settings.base;
        let given = case.values.get(&input.name).map(|(value, _)| &value.data);
        match (input.entry, given) {
            (Entry::Real, Some(data)) => Held::Real(data.clone()),
            (Entry::Int, Some(data)) => Held::Int(data.iter().map(|x| *x as i64 - base).collect()),
            (Entry::Bool, Some(data)) => Held::Bool(data.iter().map(|x| *x != 0.0).collect()),
            (Entry::Real, None) => Held::Real((0..count).map(|_| dice.between(0.5, 1.5)).collect()),
            (Entry::Int, None) => {
                let below = usize::try_from(input.below.unwrap_or(1)).unwrap_or(1);
                Held::Int((0..count).map(|_| dice.below(below) as i64).collect())
            }
            (Entry::Bool, None) => Held::Bool((0..count).map(|_| dice.below(2) == 0).collect()),
        }
    }

    fn value(&self) -> Value<'_, f64> {
        match self {
            Held::Real(v) => Value::Real(v),
            Held::Int(v) => Value::Int(v),
            Held::Bool(v) => Value::Bool(v),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn units_are_understood() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("2GiB"), Ok(2 << 30));
        assert_eq!(bytes("500 MB"), Ok(500_000_000));
        assert_eq!(bytes("1k"), Ok(1024));
        for wrong in ["", "GiB", "-1", "1.5GiB", "3 apples", "99999999999999999999"] {
            assert!(bytes(wrong).unwrap_err().contains("2GiB"), "{wrong}");
        }
    }
}
