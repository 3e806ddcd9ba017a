//! Verdicts as text: one line for each statement, and under what is not right, what a learner needs next.
//!
//! Plain ASCII, at most 100 columns. The word carries the verdict, never a colour.

mod json;
mod numbers;

pub use json::{junit, records};

use chainrule_check::{Condition, Counterexample, Modular, Report, Slip, Verdict};
use chainrule_core::rational::Rational;
use chainrule_lang::judge::{Expected, Grade, Judged, Outcome, Record};
use chainrule_lang::program::{Problem, Program};
use chainrule_lang::scope::Feedback;
use numbers::{list, pair, short};
use std::fmt::Write;

/// Where the verdict stands, when the statement leaves room for it.
const COLUMN: usize = 67;

/// Widest line.
const WIDTH: usize = 100;

/// Rows of a table of entries, so that a big tensor does not hide the next statement.
const ROWS: usize = 12;

/// Every record of a program as text, with a summary line.
pub fn text(program: &Program, judged: &[(usize, Vec<Record>)]) -> String {
    let mut out = statements(program, judged);
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&summary(judged.iter().flat_map(|(_, r)| r)));
    out.push_str(&points(judged.iter().flat_map(|(_, r)| r)));
    out
}

/// Every record of a program as text.
pub fn statements(program: &Program, judged: &[(usize, Vec<Record>)]) -> String {
    let mut out = String::new();
    for (k, records) in judged {
        problem(&mut out, &program.problems[*k], records);
    }
    out
}

fn problem(out: &mut String, problem: &Problem, records: &[Record]) {
    if records.is_empty() {
        return;
    }
    if !problem.label.is_empty() {
        let title = problem.title.as_deref().unwrap_or_default();
        let _ = writeln!(out, "{}problem {}  {title}", if out.is_empty() { "" } else { "\n" }, problem.label);
    }
    let width = records.iter().map(|r| r.own.len()).max().unwrap_or(0);
    for record in records {
        statement(out, record, width);
    }
}

fn statement(out: &mut String, record: &Record, width: usize) {
    let words = format!("{}{}", words(record), marks(record));
    let left = format!("  {:<width$}  {}", record.own, record.text);
    let room = left.len() < COLUMN || left.len() + 1 + words.len() <= WIDTH;
    if room {
        let _ = writeln!(out, "{left:<COLUMN$} {words}");
    } else {
        let _ = writeln!(out, "{left}\n{:<COLUMN$} {words}", "");
    }
    let indent = " ".repeat(width + 4);
    let mut more = String::new();
    details(&mut more, record);
    for line in more.lines() {
        let _ = if line.is_empty() { writeln!(out) } else { writeln!(out, "{indent}{line}") };
    }
}

/// The verdict in words.
pub fn words(record: &Record) -> String {
    match &record.outcome {
        Outcome::Judged(j) => match &j.report.verdict {
            Verdict::Proved => "CORRECT (proved)".to_string(),
            Verdict::Tested(t) if t.points == 0 => "CORRECT (tested modulo a prime)".to_string(),
            Verdict::Tested(t) => format!("CORRECT (tested at {} points)", t.points),
            Verdict::Layout => "CORRECT UP TO LAYOUT".to_string(),
            Verdict::Conditional(c) => format!("CORRECT ONLY IF {}", c.text),
            Verdict::Wrong(_) => "WRONG".to_string(),
            Verdict::NotComparable(_) => "NOT COMPARABLE".to_string(),
            Verdict::Undecided(_) => "UNDECIDED".to_string(),
        },
        Outcome::NotComparable(_) => "NOT COMPARABLE".to_string(),
        Outcome::Asked => "left to the learner".to_string(),
        Outcome::Unread => "not understood".to_string(),
        Outcome::Expected(e) if e.pass => {
            let told = record.tells(Feedback::Counterexample) && !e.tolerance.is_empty();
            let found = if e.found.shape().is_empty() && told {
                format!("   {:?}", e.found.data()[0])
            } else {
                String::new()
            };
            format!("PASS{found}")
        }
        Outcome::Expected(_) | Outcome::Failed(_) => "FAIL".to_string(),
    }
}

/// `   0.5/1`, where points are declared; a teacher decides about what is open.
fn marks(record: &Record) -> String {
    let Some(points) = &record.points else { return String::new() };
    let awarded = record.awarded().map_or_else(|| "?".to_string(), |a| mark(&a));
    format!("   {awarded}/{}", mark(points))
}

/// Points as a decimal number; thirds are cut behind four digits.
fn mark(points: &Rational) -> String {
    let text = format!("{:.4}", points.to_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// `points: 2.5 of 3.`, where any are declared.
pub fn points<'r>(records: impl Iterator<Item = &'r Record>) -> String {
    let (mut awarded, mut total, mut open) = (Rational::ZERO, Rational::ZERO, Rational::ZERO);
    for record in records {
        let Some(points) = &record.points else { continue };
        total = &total + points;
        match record.awarded() {
            Some(a) => awarded = &awarded + &a,
            None => open = &open + points,
        }
    }
    if total.is_zero() {
        return String::new();
    }
    let rest = if open.is_zero() { String::new() } else { format!(", {} open", mark(&open)) };
    format!("points: {} of {}{rest}.\n", mark(&awarded), mark(&total))
}

fn details(out: &mut String, record: &Record) {
    if !record.tells(Feedback::Hint) {
        return;
    }
    if let Some(own) = &record.follow_through {
        wrapped(out, "", &format!("consistent with your (wrong) {own}: follow-through credit"));
    }
    match &record.outcome {
        Outcome::Judged(judged) => explain(out, record, judged),
        Outcome::NotComparable(why) => wrapped(out, "", why),
        Outcome::Failed(why) => wrapped(out, "", why),
        Outcome::Expected(e) if !e.pass && record.tells(Feedback::Counterexample) => failed(out, e),
        _ => {}
    }
    for note in &record.notes {
        wrapped(out, "note:  ", note);
    }
    if !out.is_empty() && record.grade() == Some(Grade::Wrong) {
        out.insert(0, '\n');
        out.push('\n');
    }
}

fn explain(out: &mut String, record: &Record, judged: &Judged) {
    let report = &judged.report;
    if let Some((link, links)) = judged.link {
        let _ = writeln!(out, "link {link} of {links} is the first that does not hold");
    }
    match &report.verdict {
        Verdict::Wrong(example) => wrong(out, record, judged, example),
        Verdict::Conditional(condition) => {
            conditional(out, condition);
            if !condition.convention {
                slips(out, report);
                one_edit(out, record, judged);
            }
        }
        Verdict::Layout => wrapped(
            out,
            "",
            "the axes of numerator and denominator stand the other way round; here those of the numerator come first",
        ),
        Verdict::NotComparable(why) | Verdict::Undecided(why) => wrapped(out, "", why),
        Verdict::Tested(tested) => {
            if tested.points > 0 {
                let at = sizes(&tested.sizes);
                let _ = writeln!(
                    out,
                    "equal at {} points{}{at}",
                    tested.points,
                    if at.is_empty() { "" } else { ", " }
                );
            }
            if let Some(Modular { points, sizes: at, bits, .. }) = &tested.modular {
                let at = sizes(at);
                let (of, there) = if at.is_empty() { ("", "") } else { (" of ", " at these sizes") };
                let text = format!(
                    "equal modulo a prime at {points} random points{of}{at}; formulas which differ{there} agree there with a probability below 2^-{bits}"
                );
                wrapped(out, "", &text);
            }
        }
        Verdict::Proved => {}
    }
    let right = matches!(report.verdict, Verdict::Proved | Verdict::Tested(_) | Verdict::Conditional(_));
    if right && !report.domain.is_empty() {
        wrapped(out, "for:  ", &report.domain.join(", "));
    }
}

/// Assignments of sizes: the first ones and the last; nothing for formulas without sizes.
fn sizes(all: &[String]) -> String {
    if all.iter().all(String::is_empty) {
        return String::new();
    }
    let shown = match all {
        [first @ .., last] if first.len() > 3 => format!("{}; …; {last}", first[..3].join("; ")),
        few => few.join("; "),
    };
    format!("sizes {shown}")
}

fn wrong(out: &mut String, record: &Record, judged: &Judged, example: &Counterexample) {
    let report = &judged.report;
    let case = example.case.as_ref().map(|c| format!("   (your case {c})")).unwrap_or_default();
    let _ = writeln!(out, "at {}{case}", place(example, judged.base));
    if record.tells(Feedback::Counterexample) {
        differing(out, judged, example);
    }
    // What follows from an earlier answer has its slip there, where it was named.
    if record.follow_through.is_none() {
        slips(out, report);
    }
    if let Some(invariant) = &report.invariant {
        wrapped(out, "check yourself:  ", &invariant.sentence);
    }
    one_edit(out, record, judged);
    if record.tells(Feedback::Full) {
        wrapped(out, "derived:  ", &judged.derived);
    }
}

/// The values of both formulas, and those at a smaller point.
fn differing(out: &mut String, judged: &Judged, example: &Counterexample) {
    table(out, judged, example);
    if let Some(small) = &example.smallest {
        let (yours, derived) = small.entry();
        let (yours, derived) = pair(yours, derived);
        let entry = if small.index.is_empty() {
            String::new()
        } else {
            format!(" entry {}", indices(small, judged.base))
        };
        wrapped(
            out,
            "smallest:  ",
            &format!("{}:{entry}   yours {yours}, derived {derived}", place(small, judged.base)),
        );
    }
}

/// The learner's own formula with one thing changed.
fn one_edit(out: &mut String, record: &Record, judged: &Judged) {
    if let Some(edited) = judged.edited.as_ref().filter(|_| record.tells(Feedback::Full)) {
        wrapped(out, "one edit:  ", edited);
    }
}

fn slips(out: &mut String, report: &Report) {
    let Some(first) = report.diagnosis() else { return };
    wrapped(out, "where:  ", &slip(first));
    for other in report.slips.iter().skip(1).take(3) {
        wrapped(out, "or:     ", &slip(other));
    }
}

/// Where it went wrong, in a sentence.
pub fn slip(slip: &Slip) -> String {
    let step = slip.step.map(|(k, n)| format!("step {k} of {n}, ")).unwrap_or_default();
    let with = slip.with.as_ref().map(|s| format!("  Together with: {}", s.sentence)).unwrap_or_default();
    if slip.wrong.is_empty() {
        return format!("{step}{}{with}", slip.sentence);
    }
    let rule = slip.tag.strip_prefix("rule:").unwrap_or(slip.name);
    format!(
        "{step}the rule for {rule}.  With  {}  instead of  {}  the derivation gives exactly your formula. {}{with}",
        slip.wrong, slip.right, slip.sentence
    )
}

fn conditional(out: &mut String, condition: &Condition) {
    let text = if condition.convention {
        "Elsewhere there is no derivative. Your formula agrees there with the convention of this engine, so all your numbers agree. [full credit]"
    } else if condition.almost_everywhere {
        "Elsewhere your formula differs, on a set of measure zero."
    } else {
        "Elsewhere your formula differs."
    };
    wrapped(out, "", text);
}

fn failed(out: &mut String, e: &Expected) {
    if e.found.shape() != e.expected.shape() {
        let shape =
            |s: &[usize]| format!("[{}]", s.iter().map(usize::to_string).collect::<Vec<_>>().join(","));
        let _ = writeln!(
            out,
            "shape {} was expected, found {}",
            shape(e.expected.shape()),
            shape(e.found.shape())
        );
        return;
    }
    let _ = writeln!(out, "expected {}", list(&e.expected, 1));
    let _ = writeln!(out, "found    {}", list(&e.found, 1));
    let worst = e.found.data().iter().zip(e.expected.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let within = if e.tolerance.is_empty() { String::new() } else { format!("   ({})", e.tolerance) };
    let _ = writeln!(out, "largest difference {}{within}", short(worst));
}

// ---------------------------------------------------------------- LaTeX

/// Verdicts as a table for a LaTeX document; statements stand as they were written.
pub fn latex(records: &[Record]) -> String {
    let mut out = String::from("\\begin{tabular}{lll}\n");
    for record in records {
        let _ = writeln!(
            out,
            "  {} & \\texttt{{{}}} & {} \\\\",
            escaped(&record.label),
            escaped(&record.text),
            escaped(&words(record))
        );
    }
    out.push_str("\\end{tabular}\n");
    out
}

/// Text with the signs that LaTeX reads as its own written out.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '\\' => safe.push_str("\\textbackslash{}"),
            '^' => safe.push_str("\\textasciicircum{}"),
            '~' => safe.push_str("\\textasciitilde{}"),
            '_' | '&' | '%' | '$' | '#' | '{' | '}' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

// ---------------------------------------------------------------- counterexamples

/// Sizes and values: `n = 1, y = 0, z = [1]`.
fn place(example: &Counterexample, base: i64) -> String {
    let mut parts: Vec<String> = Vec::new();
    if example.case.is_none() {
        parts.extend(example.sizes.iter().map(|(name, n)| format!("{name} = {n}")));
    }
    for (name, value) in &example.point {
        let value = chainrule_lang::judge::reals(
            value,
            if matches!(value, chainrule_core::tensor::Value::Int(_)) { base } else { 0 },
        );
        parts.push(format!("{name} = {}", list(&value, 24)));
    }
    parts.join(", ")
}

fn indices(example: &Counterexample, base: i64) -> String {
    let list: Vec<String> = example.index.iter().map(|i| (*i as i64 + base).to_string()).collect();
    format!("[{}]", list.join(","))
}

fn table(out: &mut String, judged: &Judged, example: &Counterexample) {
    let base = judged.base;
    let (yours, derived) =
        (chainrule_lang::judge::reals(&example.yours, 0), chainrule_lang::judge::reals(&example.derived, 0));
    if yours.shape() != derived.shape() {
        return;
    }
    if yours.shape().is_empty() {
        let (a, b) = pair(yours.data()[0], derived.data()[0]);
        let _ = writeln!(out, "   yours {a}, derived {b}");
        return;
    }
    let rank = yours.shape().len();
    let nameless = ["i", "j", "k", "l"];
    let letter = |k: usize| match judged.letters.get(k) {
        Some(letter) => letter.as_str(),
        None if judged.letters.is_empty() => nameless.get(k).copied().unwrap_or("_"),
        None => "i",
    };
    let head: String = (0..rank).map(|k| format!("{:>3}", letter(k))).collect();
    let _ = writeln!(out, "{head}   {:>12}  {:>12}", "yours", "derived");
    let total = yours.data().len();
    let differs = |k: usize| yours.data()[k].to_bits() != derived.data()[k].to_bits();
    let rows: Vec<usize> = if total <= ROWS {
        (0..total).collect()
    } else {
        (0..total).filter(|&k| differs(k)).take(ROWS).collect()
    };
    for &k in &rows {
        let mut rest = k;
        let mut place = vec![0i64; rank];
        for axis in (0..rank).rev() {
            place[axis] = (rest % yours.shape()[axis]) as i64 + base;
            rest /= yours.shape()[axis];
        }
        let place: String = place.iter().map(|i| format!("{i:>3}")).collect();
        let (a, b) = pair(yours.data()[k], derived.data()[k]);
        let _ = writeln!(out, "{place}   {a:>12}  {b:>12}");
    }
    if rows.len() < total {
        let _ = writeln!(out, "({} of {total} entries; others are equal or left out)", rows.len());
    }
}

// ---------------------------------------------------------------- lines

/// A paragraph with a word before it, continued under its first letter; lines of the text stay lines.
fn wrapped(out: &mut String, word: &str, text: &str) {
    let width = WIDTH - 6 - word.len();
    let mut lead = word.to_string();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let mut row = " ".repeat(indent);
        for piece in line.split_whitespace() {
            if row.trim().is_empty() {
                row.push_str(piece);
            } else if row.len() + 1 + piece.len() > width {
                let _ = writeln!(out, "{lead}{row}");
                lead = " ".repeat(word.len());
                row = format!("{}{piece}", " ".repeat(indent));
            } else {
                row.push(' ');
                row.push_str(piece);
            }
        }
        let _ = writeln!(out, "{lead}{}", row.trim_end());
        lead = " ".repeat(word.len());
    }
}

/// `44 checks: 41 correct, 2 correct under a stated condition, 1 wrong.`
pub fn summary<'r>(records: impl Iterator<Item = &'r Record>) -> String {
    let mut counts = [0usize; 4];
    let (mut total, mut asked, mut unread, mut consistent) = (0, 0, 0, 0);
    for record in records {
        consistent += usize::from(record.follow_through.is_some());
        match (record.grade(), &record.outcome) {
            (Some(grade), _) => {
                counts[grade as usize] += 1;
                total += 1;
            }
            (None, Outcome::Asked) => asked += 1,
            (None, _) => unread += 1,
        }
    }
    let mut parts = Vec::new();
    for (grade, what) in [
        (Grade::Right, "correct"),
        (Grade::Conditional, "correct under a stated condition"),
        (Grade::Undecided, "undecided"),
        (Grade::Wrong, "wrong"),
    ] {
        if counts[grade as usize] > 0 {
            parts.push(format!("{} {what}", counts[grade as usize]));
        }
        if grade == Grade::Wrong && consistent > 0 {
            parts.push(format!("{consistent} of these consistent with an earlier answer"));
        }
    }
    for (count, what) in [(asked, "left to the learner"), (unread, "not understood")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if parts.is_empty() {
        return "nothing to check: there is no claim and no expectation.\n".to_string();
    }
    format!("{total} check{}: {}.\n", if total == 1 { "" } else { "s" }, parts.join(", "))
}
