//! How long each step of a plan takes, by the monotonic clock.
//!
//! A plan is timed where its options say so; the clock is read once before the steps and once after each, which adds
//! some ten nanoseconds to a step. Where it is not timed, a run reads no clock.

use super::explain::Explanation;
use std::fmt;
use std::time::{Duration, Instant};

/// Times added up over runs.
pub(super) struct Clock {
    runs: u64,
    spent: Vec<Duration>,
    next: usize,
    since: Instant,
}

impl Clock {
    /// A clock for so many steps.
    pub(super) fn new(steps: usize) -> Clock {
        Clock { runs: 0, spent: vec![Duration::ZERO; steps], next: 0, since: Instant::now() }
    }

    /// A run begins.
    pub(super) fn start(&mut self) {
        self.runs += 1;
        self.next = 0;
        self.since = Instant::now();
    }

    /// A step is done.
    pub(super) fn lap(&mut self) {
        let now = Instant::now();
        self.spent[self.next] += now - self.since;
        self.next += 1;
        self.since = now;
    }

    /// The times beside what the steps are.
    pub(super) fn timings(&self, explanation: &Explanation) -> Timings {
        let steps = explanation.steps.iter().zip(&self.spent).map(|(step, spent)| Timed {
            kernel: step.kernel.to_string(),
            seconds: spent.as_secs_f64(),
            flops: step.flops,
            bytes: step.bytes,
        });
        Timings { runs: self.runs, steps: steps.collect() }
    }
}

/// A timed step.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Timed {
    /// What is done, as [`super::explain::Kernel`] is written.
    pub kernel: String,
    /// Seconds of all runs.
    pub seconds: f64,
    /// Flops of one run.
    pub flops: u128,
    /// Bytes moved by one run.
    pub bytes: u128,
}

/// What the runs of a plan took, step by step.
///
/// Written out it is a table of at most 100 columns; rates are billions a second, of the flops and bytes that
/// [`Explanation`] counts.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Timings {
    /// Runs that were timed.
    pub runs: u64,
    /// The steps in order.
    pub steps: Vec<Timed>,
}

impl Timings {
    /// Seconds of all steps of all runs.
    pub fn seconds(&self) -> f64 {
        self.steps.iter().map(|s| s.seconds).sum()
    }
}

/// `1.25 us`
fn duration(seconds: f64) -> String {
    let (scale, unit) = match seconds {
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        s if s >= 1e-6 => (1e6, "us"),
        _ => (1e9, "ns"),
    };
    format!("{:.2} {unit}", seconds * scale)
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs == 0 {
            return f.write_str("timings: no run was timed\n");
        }
        let (runs, total) = (self.runs as f64, self.seconds());
        let plural = if self.runs == 1 { "run" } else { "runs" };
        writeln!(f, "timings: {} {plural}, {} a run", self.runs, duration(total / runs))?;
        writeln!(
            f,
            "{:>4}  {:<50}{:>12}{:>8}{:>12}{:>10}",
            "step", "kernel", "a run", "share", "GFLOP/s", "GB/s"
        )?;
        for (k, step) in self.steps.iter().enumerate() {
            let share = if total > 0.0 { step.seconds / total } else { 0.0 };
            let rate = |count: u128| match step.seconds > 0.0 {
                true => format!("{:.2}", count as f64 * runs / step.seconds / 1e9),
                false => "-".to_string(),
            };
            let kernel = super::table::cut(&step.kernel, 49);
            writeln!(
                f,
                "{:>4}  {kernel:<50}{:>12}{:>7.1}%{:>12}{:>10}",
                k + 1,
                duration(step.seconds / runs),
                100.0 * share,
                rate(step.flops),
                rate(step.bytes)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates_are_those_of_a_run() {
        let step = |seconds, flops| Timed { kernel: "loops 4, 1 nest".into(), seconds, flops, bytes: 1000 };
        let timings = Timings { runs: 10, steps: vec![step(3e-5, 6000), step(1e-5, 0)] };
        let lines: Vec<String> =
            timings.to_string().lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[0], "timings: 10 runs, 4.00 us a run");
        assert_eq!(lines[2], "1 loops 4, 1 nest 3.00 us 75.0% 2.00 0.33");
        assert_eq!(lines[3], "2 loops 4, 1 nest 1.00 us 25.0% 0.00 1.00");
    }
}
