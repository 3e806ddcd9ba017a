//! The corpus of claims: right ones are called right, wrong ones are refuted at a point and their slip is named.
//!
//! A label that begins with `r` is a right claim, one with `w` a wrong one. A comment behind the claim says more:
//! `# verdict: conditional` is a verdict other than the obvious one, `# slip: slip:sign rule:exp` are the tags of the
//! one slip that was made (any of them names it); words follow.

use super::folder;
use chainrule_check::{Budget, Counterexample, Verdict};
use chainrule_core::eval::Bindings;
use chainrule_lang::judge::{Judged, Outcome, Record};
use chainrule_lang::program::{Problem, Program};
use chainrule_lang::source::Source;
use std::time::Duration;

/// Time never decides on a loaded machine; the steps of a proof still do.
pub(crate) fn patient() -> Budget {
    Budget { time: Duration::from_secs(20), ..Budget::default() }
}

pub(crate) fn program(name: &str, text: &str) -> Program {
    let program = Program::new(Source::new(name, text));
    assert!(!program.has_errors(), "{}", program.rendered());
    program
}

/// What the corpus says about a claim.
struct Expected<'t> {
    right: bool,
    verdict: Option<&'t str>,
    slips: Vec<&'t str>,
}

impl<'t> Expected<'t> {
    fn read(text: &'t str, record: &Record) -> Expected<'t> {
        let line = text[record.span.end..].lines().next().unwrap_or_default();
        let words: Vec<&str> = line.split_once('#').map_or("", |(_, c)| c).split_whitespace().collect();
        let after = |key: &str| words.iter().position(|w| *w == key).map(|at| &words[at + 1..]);
        let is_tag = |word: &&&str| word.split_once(':').is_some_and(|(_, rest)| !rest.is_empty());
        Expected {
            right: record.own.starts_with('r'),
            verdict: after("verdict:").and_then(|rest| rest.first().copied()),
            slips: after("slip:")
                .map_or(Vec::new(), |rest| rest.iter().take_while(is_tag).copied().collect()),
        }
    }
}

/// Counts of one file.
#[derive(Default)]
struct Row {
    proved: usize,
    tested: usize,
    conventions: usize,
    wrong: usize,
    conditional: usize,
    other: usize,
    slips: usize,
    named: usize,
    edited: usize,
}

impl Row {
    fn add(&mut self, other: &Row) {
        self.proved += other.proved;
        self.tested += other.tested;
        self.conventions += other.conventions;
        self.wrong += other.wrong;
        self.conditional += other.conditional;
        self.other += other.other;
        self.slips += other.slips;
        self.named += other.named;
        self.edited += other.edited;
    }

    fn print(&self, name: &str) {
        println!(
            "{name:24} {:7} {:7} {:11} {:7} {:12} {:6} {:7}/{:<6} {:6}",
            self.proved,
            self.tested,
            self.conventions,
            self.wrong,
            self.conditional,
            self.other,
            self.named,
            self.slips,
            self.edited
        );
    }
}

#[test]
fn claims_are_judged_as_the_corpus_says() {
    let (mut total, mut count) = (Row::default(), 0);
    let (mut broken, mut unnamed) = (Vec::new(), Vec::new());
    println!("{:24}  proved  tested  convention  wrong  conditional  other  slips named   edited", "");
    for (name, text) in folder("claims") {
        let program = program(&name, &text);
        let mut row = Row::default();
        for (k, records) in program.judge(&patient()) {
            for record in &records {
                count += 1;
                let expected = Expected::read(&text, record);
                if let Err(why) = judged(&program.problems[k], record, &expected, &mut row) {
                    broken.push(format!("{name} {}: {}: {why}", record.label, record.text));
                }
                let found = slips(record);
                if let Outcome::Judged(judged) = &record.outcome {
                    row.edited += usize::from(judged.edited.is_some());
                }
                if !expected.slips.is_empty() {
                    row.slips += 1;
                    match expected.slips.iter().any(|tag| found.contains(tag)) {
                        true => row.named += 1,
                        false => unnamed.push(format!("{name} {}: {}: {found:?}", record.label, record.text)),
                    }
                }
            }
        }
        row.print(&name);
        total.add(&row);
    }
    total.print("all");
    println!("slips without their name:\n{}", unnamed.join("\n"));
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    let right = total.proved + total.tested;
    assert!(count >= 440 && total.slips >= 200, "{count} claims, {} with a slip", total.slips);
    assert!(total.edited >= 120, "{} claims are mended by one edit", total.edited);
    assert!(100 * total.proved >= 95 * right, "{} of {right} right claims are proved", total.proved);
    assert!(100 * total.named >= 95 * total.slips, "{} of {} slips are named", total.named, total.slips);
}

fn slips(record: &Record) -> Vec<&'static str> {
    match &record.outcome {
        Outcome::Judged(judged) => judged.report.slips.iter().map(|s| s.tag).collect(),
        _ => Vec::new(),
    }
}

/// Whether the verdict is the one that the corpus expects, with a counterexample that holds.
fn judged(problem: &Problem, record: &Record, expected: &Expected<'_>, row: &mut Row) -> Result<(), String> {
    let word = record.word();
    let right = ["proved", "tested"].contains(&word);
    match (expected.right, expected.verdict) {
        (true, None) if !right => return Err(format!("right, but called {word}")),
        (false, None) if word != "wrong" => return Err(format!("wrong, but called {word}")),
        (_, Some(verdict)) if word != verdict => return Err(format!("{verdict}, but called {word}")),
        _ => {}
    }
    match &record.outcome {
        Outcome::Judged(judged) => match (&judged.report.verdict, &judged.report.counterexample) {
            (Verdict::Proved, _) => row.proved += 1,
            (Verdict::Tested(_), _) => row.tested += 1,
            (Verdict::Conditional(c), None) if expected.right && c.convention => row.conventions += 1,
            (Verdict::Conditional(c), None) => return Err(format!("only if {}, without a point", c.text)),
            (Verdict::Conditional(_), Some(point)) => {
                row.conditional += 1;
                return confirmed(problem, record, judged, point);
            }
            (Verdict::Wrong(point), _) => {
                row.wrong += 1;
                return confirmed(problem, record, judged, point);
            }
            _ => row.other += 1,
        },
        _ => row.other += 1,
    }
    Ok(())
}

/// Both formulas evaluated in plain numbers at the point that refutes the claim.
fn confirmed(
    problem: &Problem,
    record: &Record,
    judged: &Judged,
    point: &Counterexample,
) -> Result<(), String> {
    let claim = problem.claims.iter().find(|c| c.label == record.own).ok_or("no such claim")?;
    let formula = claim.formula.as_ref().ok_or("the claim has no formula")?;
    let link = judged.link.map_or(0, |(k, _)| k - 1);
    let (left, right) = (&formula.sides[link], &formula.sides[link + 1]);
    let (truth, claimed) =
        if right.differentiates && !left.differentiates { (right, left) } else { (left, right) };
    let mut graph = problem.scope.graph.clone();
    let nodes = graph.lower(&[claimed.node, truth.node], &[]).map_err(|e| e.to_string())?.outputs;
    let mut bindings = Bindings::<f64>::new();
    for (name, value) in &point.point {
        bindings.bind(name, value.clone());
    }
    for (name, size) in &point.sizes {
        bindings = bindings.with_size(name, *size);
    }
    let values = graph.evaluate(&nodes, &bindings).map_err(|e| e.to_string())?;
    let entry = |k: usize| {
        let t = values[k].real().ok_or("not a number")?;
        let at = point.index.iter().zip(t.shape()).fold(0, |at, (i, n)| at * n + i);
        t.data().get(at).copied().ok_or("no such entry")
    };
    let (yours, derived) = (entry(0)?, entry(1)?);
    let (shown_yours, shown_derived) = point.entry();
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
    // A side without a value differs from one that has a value.
    let differ = yours.is_finite() && derived.is_finite() && !near(yours, derived);
    match differ && near(yours, shown_yours) && near(derived, shown_derived) {
        true => Ok(()),
        false => Err(format!("{yours} and {derived} at {:?}, shown {:?}", point.point, point.entry())),
    }
}
