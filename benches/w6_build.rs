//! How long does it take to build and to differentiate a scalar graph of 10⁵ variables, and how much memory?
//!
//! The chained Rosenbrock function `f(x) = Σ_i 100 (x[i+1] - x[i]²)² + (1 - x[i])²`, one node for each operation, as
//! a user would write it. Every measurement runs in a fresh process; the minimum of several counts. Beside the time of
//! the clock stands the time on a processor, for machines that are shared.
//!
//! ```text
//! cargo bench --bench w6_build                 # ours: one JSON line for each phase
//! benches/peers/setup.sh                       # once: the peers, at pinned versions
//! cargo bench --bench w6_build -- --peers      # ours and CasADi SX in turn, then the ratios
//! ```
//!
//! Options: `--n VARIABLES` (100000), `--repeat TIMES` (5).

use chainrule::core::eval::Bindings;
use chainrule::core::rational::Rational;
use chainrule::core::shape::Type;
use chainrule::core::tensor::Tensor;
use chainrule::core::{Graph, NodeId, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// `Σ_i 100 (x[i+1] - x[i]²)² + (1 - x[i])²` and its variables.
fn rosenbrock(g: &mut Graph, n: usize) -> Result<(Vec<NodeId>, NodeId)> {
    let mut x = Vec::with_capacity(n);
    for i in 0..n {
        x.push(g.input(&format!("x{i}"), Type::scalar())?);
    }
    let (one, hundred) = (g.integer(1), Rational::from(100));
    let mut f = g.integer(0);
    for i in 0..n - 1 {
        let square = g.power(x[i], 2);
        let t = g.sub(x[i + 1], square)?;
        let t = g.power(t, 2);
        let t = g.scale(&hundred, t);
        let u = g.sub(one, x[i])?;
        let u = g.power(u, 2);
        let term = g.add(t, u)?;
        f = g.add(f, term)?;
    }
    Ok((x, f))
}

/// `∂f/∂x[i]` by hand.
fn by_hand(x: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len()];
    for i in 0..x.len() - 1 {
        let t = x[i + 1] - x[i] * x[i];
        gradient[i] += -400.0 * t * x[i] - 2.0 * (1.0 - x[i]);
        gradient[i + 1] += 200.0 * t;
    }
    gradient
}

/// Fails unless the derived gradient is the one by hand at a few points, in every entry.
fn check(g: &Graph, gradient: &[NodeId]) -> Result<()> {
    let n = gradient.len();
    for point in 0..3 {
        let x: Vec<f64> =
            (0..n).map(|i| ((i * 7919 + point * 104_729) % 1009) as f64 / 504.5 - 1.0).collect();
        let mut at = Bindings::new();
        for (i, &value) in x.iter().enumerate() {
            at = at.with(&format!("x{i}"), Tensor::scalar(value));
        }
        let values = g.evaluate(gradient, &at)?;
        for (i, (value, want)) in values.iter().zip(by_hand(&x)).enumerate() {
            let got = value.real().expect("a gradient is real").data()[0];
            assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "entry {i}: {got}, by hand {want}");
        }
    }
    Ok(())
}

/// A file in which the system tells about this process; empty where it does not.
fn about_this_process(name: &str) -> String {
    let path: PathBuf = ["/", "proc", "self", name].iter().collect();
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Peak resident set in MiB.
fn peak() -> f64 {
    let text = about_this_process("status");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

/// Seconds on a processor so far: what a machine shared with others does not lengthen by waiting.
fn on_processor() -> f64 {
    let text = about_this_process("schedstat");
    let nanoseconds = text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |n| n * 1e-9)
}

/// What `make` gives, and its cost: seconds, seconds on a processor, growth of the peak since `base`.
fn measured<T>(phase: &str, base: f64, make: impl FnOnce() -> Result<T>) -> Result<(T, Value)> {
    let (start, processor) = (Instant::now(), on_processor());
    let made = make()?;
    let (seconds, processor) = (start.elapsed().as_secs_f64(), on_processor() - processor);
    Ok((made, json!({"phase": phase, "s": seconds, "cpu": processor, "mb": peak() - base})))
}

/// One measurement, in a process of its own.
fn child(n: usize) -> Result<()> {
    let base = peak();
    let mut g = Graph::new();
    let ((x, f), mut build) = measured("build", base, || rosenbrock(&mut g, n))?;
    build["nodes"] = g.len().into();
    let (derived, mut gradient) = measured("gradient", base, || g.gradient(f, &x))?;
    gradient["nodes"] = g.len().into();
    check(&g, &derived)?;
    println!("{}", json!([build, gradient]));
    Ok(())
}

/// What is measured: a name, and the program that measures it once.
struct System {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    runs: Vec<Value>,
}

impl System {
    fn new(name: &'static str, program: PathBuf, arguments: Vec<String>) -> System {
        System { name, program, arguments, runs: Vec::new() }
    }

    fn run(&mut self) {
        let output = Command::new(&self.program).args(&self.arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        self.runs.push(serde_json::from_slice(&output.stdout).expect("one line of JSON"));
    }

    /// One field of a phase, over all runs, smallest first.
    fn column(&self, phase: usize, field: &str) -> Vec<f64> {
        let mut column: Vec<f64> =
            self.runs.iter().map(|run| run[phase][field].as_f64().unwrap_or(f64::NAN)).collect();
        column.sort_by(f64::total_cmp);
        column
    }

    fn print(&self, n: usize) {
        for phase in 0..2 {
            let seconds = self.column(phase, "s");
            let line = json!({
                "workload": "W6", "system": self.name, "n": n, "metric": self.runs[0][phase]["phase"],
                "seconds_min": seconds[0], "seconds_median": seconds[seconds.len() / 2],
                "cpu_min": self.column(phase, "cpu")[0],
                "samples": seconds.len(), "inner": 1, "threads": 1, "result_checksum": null,
                "peak_mb": self.column(phase, "mb").last(), "nodes": self.runs[0][phase]["nodes"],
            });
            println!("{line}");
        }
    }

    /// Seconds of both phases in each run, the least.
    fn total(&self, clock: &str) -> f64 {
        let seconds = |phase: &Value| phase[clock].as_f64().unwrap_or(f64::NAN);
        self.runs.iter().map(|run| seconds(&run[0]) + seconds(&run[1])).fold(f64::INFINITY, f64::min)
    }
}

/// How many times ours the peer's time and memory are.
fn print_ratios(ours: &System, peer: &System, n: usize) {
    let ratio = |phase, field| peer.column(phase, field)[0] / ours.column(phase, field)[0];
    let line = json!({
        "workload": "W6", "n": n, "ratio": format!("{} / {}", peer.name, ours.name),
        "build": ratio(0, "s"), "gradient": ratio(1, "s"),
        "build_and_gradient": peer.total("s") / ours.total("s"),
        "build_and_gradient_cpu": peer.total("cpu") / ours.total("cpu"), "peak_mb": ratio(1, "mb"),
    });
    println!("{line}");
}

/// The value after `--name`, or the default.
fn option(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|a| a != name).skip(1);
    arguments.next().map_or(default, |value| value.parse().expect("a whole number"))
}

/// CasADi in the environment that `benches/peers/setup.sh` makes.
fn casadi(n: usize) -> System {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let script = root.join("benches/peers/w6_casadi.py");
    System::new(
        "casadi_sx",
        target.join("peers/bin/python"),
        vec![script.display().to_string(), n.to_string()],
    )
}

fn main() -> Result<()> {
    let n = option("--n", 100_000);
    if std::env::args().any(|a| a == "--child") {
        return child(n);
    }
    let ourselves = std::env::current_exe().expect("a program knows where it is");
    let arguments = ["--child", "--n", &n.to_string()].map(String::from).to_vec();
    let mut systems = vec![System::new("chainrule", ourselves, arguments)];
    if std::env::args().any(|a| a == "--peers") {
        systems.push(casadi(n));
    }
    for _ in 0..option("--repeat", 5) {
        systems.iter_mut().for_each(System::run);
    }
    systems.iter().for_each(|system| system.print(n));
    if let [ours, peer] = systems.as_slice() {
        print_ratios(ours, peer, n);
    }
    Ok(())
}
