//! How measurements are timed and told: the rules of the scripts, the same JSON lines.

use crate::peers::cases::Cases;
use crate::peers::engine::Engine;
use crate::peers::job::{Answer, Job, Kind, Made};
use crate::peers::runner::Runner;
use chainrule::exec::lane::Number;
use serde_json::{Map, Value, json};
use std::time::Instant;

/// What the command line asks for.
pub(crate) struct Settings {
    pub(crate) workloads: Vec<String>,
    pub(crate) set: &'static str,
    pub(crate) threads: usize,
    pub(crate) json: bool,
    /// The slow evaluator in place of plans.
    pub(crate) slow: bool,
}

impl Settings {
    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|w| w == workload)
    }

    pub(crate) fn cases(&self) -> Cases {
        Cases::read(self.set)
    }

    fn brief(&self) -> bool {
        matches!(self.set, "small" | "quick")
    }

    /// One measurement: a JSON line, or a line of a table.
    pub(crate) fn tell(&self, row: &Map<String, Value>) {
        if self.json {
            println!("{}", Value::Object(row.clone()));
            return;
        }
        let text = |name: &str| match &row.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        let seconds = row.get("seconds_min").and_then(Value::as_f64);
        let told = seconds.map_or_else(|| text("error"), |s| format!("{s:>12.4e} s"));
        println!(
            "{:<4}{:<22}{:<26}{:<16}{told}",
            text("workload"),
            text("metric"),
            text("n"),
            text("system")
        );
    }
}

/// The members that every row begins with.
pub(crate) fn row(
    workload: &str,
    system: &str,
    n: &Value,
    metric: &str,
    threads: usize,
) -> Map<String, Value> {
    let value = json!({"workload": workload, "system": system, "n": n, "metric": metric, "threads": threads});
    let Value::Object(row) = value else { unreachable!("it was written as an object") };
    row
}

/// Adds the seconds of all samples, each the mean of `inner` calls.
pub(crate) fn add_times(row: &mut Map<String, Value>, mut seconds: Vec<f64>, inner: usize) {
    seconds.sort_by(f64::total_cmp);
    row.insert("seconds_min".into(), json!(seconds[0]));
    row.insert("seconds_median".into(), json!(seconds[seconds.len() / 2]));
    row.insert("samples".into(), json!(seconds.len()));
    row.insert("inner".into(), json!(inner));
}

/// Measures a job on the plan, interpreted as well where machine code matters; on the slow evaluator where asked for.
pub(crate) fn measure(job: &Job, settings: &Settings) {
    let engines: &[Engine] = match job.workload {
        _ if settings.slow => &[Engine::Slow],
        "W1" | "W7" => &[Engine::Machine, Engine::Plain],
        _ => &[Engine::Machine],
    };
    for &engine in engines {
        let mut row = row(job.workload, engine.system(), &job.n, &job.metric, settings.threads);
        if let Err(error) = measured(job, settings, engine, &mut row) {
            row.insert("error".into(), json!(error.to_string()));
        }
        settings.tell(&row);
    }
}

fn measured(job: &Job, settings: &Settings, engine: Engine, row: &mut Map<String, Value>) -> Answer<()> {
    let start = Instant::now();
    let made = job.make()?;
    let built = start.elapsed().as_secs_f64();
    row.insert("nodes".into(), json!(made.program.graph.len()));
    if matches!(made.kind, Kind::Step(_)) {
        timed::<f32>(&made, engine, built, settings, row)
    } else {
        timed::<f64>(&made, engine, built, settings, row)
    }
}

/// Compiles, checks, and takes samples until there are enough, or three and the time is up.
fn timed<T: Number>(
    made: &Made,
    engine: Engine,
    built: f64,
    settings: &Settings,
    row: &mut Map<String, Value>,
) -> Answer<()> {
    let start = Instant::now();
    let mut runner = Runner::<T>::new(made, engine, settings.threads)?;
    row.insert("compile_seconds".into(), json!(built + start.elapsed().as_secs_f64()));
    row.insert("result_checksum".into(), json!(runner.first_checksum()?));
    if let Some(stored) = runner.stored() {
        row.insert("stored".into(), json!(stored));
    }
    let mut run = |times: usize| -> Answer<f64> {
        let start = Instant::now();
        runner.repeat(times)?;
        Ok(start.elapsed().as_secs_f64())
    };
    let (sample, count, budget) = if settings.brief() { (0.004, 5, 0.3) } else { (0.01, 9, 1.2) };
    // Nanoseconds are too short for the clock: so many calls that a sample takes its time.
    let mut inner = ((sample / run(1)?.max(1e-8)) as usize).max(1);
    while inner < 100_000_000 && run(inner)? < sample / 2.0 {
        inner *= 4;
    }
    let (mut seconds, start) = (Vec::new(), Instant::now());
    while seconds.len() < count && (seconds.len() < 3 || start.elapsed().as_secs_f64() < budget) {
        seconds.push(run(inner)? / inner as f64);
    }
    add_times(row, seconds, inner);
    Ok(())
}
