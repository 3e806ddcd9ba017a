//! How long do the workloads W1 to W7 take, next to JAX, PyTorch, CasADi and hand-written C?
//!
//! ```text
//! cargo bench --bench peers -- W3 --quick          # ours alone, a table
//! cargo bench --bench peers -- --json              # ours alone, one JSON line a measurement
//! benches/peers/run.sh W3 --quick                  # ours and the rivals in turn, ratios, goals
//! ```
//!
//! Options: `W1..W7` (all without any), `--quick`, `--variants` (other sizes, layers, activations), `--threads N`,
//! `--json`, `--slow` (the slow evaluator in place of plans). Definitions and rules stand in `benches/peers/README.md`.

#[path = "peers/measure.rs"]
mod measure;
#[path = "peers/mod.rs"]
mod peers;
#[path = "peers/w6.rs"]
mod w6;

use measure::Settings;
use std::process::ExitCode;

const WORKLOADS: [&str; 7] = ["W1", "W2", "W3", "W4", "W5", "W6", "W7"];

/// The command line, or what is wrong with it.
fn settings(mut arguments: impl Iterator<Item = String>) -> Result<Settings, String> {
    let mut settings = Settings { workloads: Vec::new(), set: "full", threads: 1, json: false, slow: false };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => settings.set = "quick",
            "--small" => settings.set = "small",
            "--variants" => settings.set = "variants",
            "--json" => settings.json = true,
            "--slow" => settings.slow = true,
            "--threads" => {
                let threads = arguments.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0);
                settings.threads = threads.ok_or("--threads expects a number from 1")?;
            }
            // Cargo says what kind of run it is.
            "--bench" => {}
            workload if WORKLOADS.contains(&workload) => settings.workloads.push(argument),
            other => {
                return Err(format!(
                    "peers does not know `{other}`: try one of {}, --quick, --variants, --threads N, --json, --slow",
                    WORKLOADS.join(" ")
                ));
            }
        }
    }
    Ok(settings)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if let (Some("--child"), Some(what)) = (arguments.next().as_deref(), arguments.next()) {
        let done = w6::child(&what);
        return done.map_or_else(
            |error| {
                eprintln!("{error}");
                ExitCode::FAILURE
            },
            |()| ExitCode::SUCCESS,
        );
    }
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let jobs = peers::jobs(&settings.cases());
    for workload in WORKLOADS.into_iter().filter(|workload| settings.wants(workload)) {
        if workload == "W6" {
            w6::measure(&settings);
        }
        jobs.iter().filter(|job| job.workload == workload).for_each(|job| measure::measure(job, &settings));
    }
    ExitCode::SUCCESS
}
