//! What does a plan cost, one question each: to compile, to call, in memory, at growing sizes, on two threads?
//!
//! ```text
//! cargo bench --bench plans                  # all five tables
//! cargo bench --bench plans -- call scaling  # these
//! ```
//!
//! Each number is the least of several samples. Tables are in Markdown, so that they can be kept as they come out.

use chainrule::core::expr::{Builder, Expr, Program};
use chainrule::core::shape::Type;
use chainrule::exec::{Options, Plan, Session};
use std::process::ExitCode;
use std::time::Instant;

/// An answer, or why there is none.
type Answer<T> = Result<T, Box<dyn std::error::Error>>;

/// What prints the table of a question.
type Ask = fn() -> Answer<()>;

const QUESTIONS: [(&str, Ask); 5] =
    [("compile", compile), ("call", call), ("memory", memory), ("scaling", scaling), ("threads", threads)];

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let Some(unknown) = names.iter().find(|n| QUESTIONS.iter().all(|(q, _)| q != n)) {
        let known = QUESTIONS.map(|(name, _)| name).join(" ");
        eprintln!("plans does not know the question `{unknown}`: try one of {known}");
        return ExitCode::FAILURE;
    }
    for (name, ask) in QUESTIONS {
        if (names.is_empty() || names.iter().any(|n| n == name))
            && let Err(error) = ask()
        {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

// ---------------------------------------------------------------- the questions

/// How long does compiling take, for each node?
fn compile() -> Answer<()> {
    let problems: [(&str, Vec<usize>, Problem); 3] = [
        ("gradient of a network, layers of 64", vec![1, 4, 16, 64], |n| network(16, &vec![64; n + 1])),
        ("gradient of tanh(x + c) applied n times, 1000 entries", vec![10, 100, 1000], |n| chain(1000, n)),
        ("gradient of Rosenbrock, every entry a scalar node", vec![10, 100, 1000], scalars),
    ];
    println!(
        "| what is compiled | n | nodes | without machine code | a node | with | a node | bytes of code |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (what, sizes, problem) in problems {
        for n in sizes {
            let program = problem(n)?;
            let nodes = program.graph.reachable(&program.outputs).len();
            let time =
                |jit: bool| least(5, || plan(&program, &Options { jit, ..Options::default() }).map(drop));
            let (plain, machine) = (time(false)?, time(true)?);
            let code: usize =
                plan(&program, &Options::default())?.explanation().steps.iter().filter_map(|s| s.code).sum();
            let node = |t: f64| seconds(t / nodes as f64);
            println!(
                "| {what} | {n} | {nodes} | {} | {} | {} | {} | {code} |",
                seconds(plain),
                node(plain),
                seconds(machine),
                node(machine)
            );
        }
    }
    println!();
    Ok(())
}

/// How long does a call take that computes next to nothing?
fn call() -> Answer<()> {
    println!("| what is called | session | session, interpreted | with arguments (`run`) |");
    println!("|---|---|---|---|");
    let problems: [(&str, Problem, usize); 4] = [
        ("x + 1, one number", |_| chain(1, 0), 0),
        ("gradient of tanh(x + c) applied 4 times, one number", |n| chain(1, n), 4),
        ("the same, 8 numbers", |n| chain(8, n), 4),
        ("gradient of a network 2-3-2", |_| network(1, &[2, 3, 2]), 0),
    ];
    for (what, problem, n) in problems {
        let program = problem(n)?;
        let session = |jit| -> Answer<f64> {
            let mut session = filled(plan(&program, &Options { jit, ..Options::default() })?);
            per_call(|| Ok(session.call()?))
        };
        let mut compiled = plan(&program, &Options::default())?;
        let inputs: Vec<Vec<f64>> =
            compiled.inputs().iter().map(|i| entries(i.shape.iter().product())).collect();
        let arguments: Vec<_> = inputs.iter().map(|x| chainrule::exec::Value::Real(x)).collect();
        let mut results: Vec<Vec<f64>> = (0..compiled.output_count())
            .map(|k| vec![0.0; compiled.output_shape(k).iter().product()])
            .collect();
        let mut outputs: Vec<&mut [f64]> = results.iter_mut().map(Vec::as_mut_slice).collect();
        let run = per_call(|| Ok(compiled.run(&arguments, &mut outputs)?))?;
        println!(
            "| {what} | {} | {} | {} |",
            seconds(session(true)?),
            seconds(session(false)?),
            seconds(run)
        );
    }
    println!();
    Ok(())
}

/// How much memory do temporaries take, and what does sharing save?
fn memory() -> Answer<()> {
    println!("| gradient of | temporaries | without sharing | results |");
    println!("|---|---|---|---|");
    let problems: [(&str, Program); 5] = [
        ("a network of 2 layers of 256, 64 rows", network(64, &[256; 3])?),
        ("of 8 layers", network(64, &[256; 9])?),
        ("of 32 layers", network(64, &[256; 33])?),
        ("tanh(x + c) applied 100 times, 10^5 entries", chain(100_000, 100)?),
        ("a recurrence of 1000 steps, 32 units", recurrence(1000, 32)?),
    ];
    for (what, program) in problems {
        let explanation = plan(&program, &Options::default())?.explanation();
        println!(
            "| {what} | {} | {} | {} |",
            bytes(explanation.arena as f64),
            bytes(explanation.unshared as f64),
            bytes(explanation.outputs as f64)
        );
    }
    println!();
    Ok(())
}

/// How does the time of a call grow with the number of entries?
fn scaling() -> Answer<()> {
    let sizes = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    println!("| gradient, time for each entry | {} |", sizes.map(|n| format!("n = {n}")).join(" | "));
    println!("|---|{}", "---|".repeat(sizes.len()));
    let problems: [(&str, Problem); 5] = [
        ("sum((x + 1)^2)", |n| loss_of(n, |x| (x + 1.0).sq().sum())),
        ("sum(tanh(x + c))", |n| chain(n, 1)),
        ("log(sum(exp(x)))", |n| loss_of(n, |x| x.logsumexp())),
        ("sum(cumsum(x)^2)", |n| loss_of(n, |x| x.cumsum(0).sq().sum())),
        ("Rosenbrock, rolled", |n| {
            loss_of(n, |x| {
                let (a, b) = (x.slice(0, 0, n as i64 - 1), x.slice(0, 1, n as i64 - 1));
                ((b - a.sq()).sq() * 100.0 + (1.0 - a).sq()).sum()
            })
        }),
    ];
    for (what, problem) in problems {
        let mut cells = Vec::new();
        for n in sizes {
            let mut session = filled(plan(&problem(n)?, &Options::default())?);
            cells.push(seconds(per_call(|| Ok(session.call()?))? / n as f64));
        }
        println!("| {what} | {} |", cells.join(" | "));
    }
    println!();
    Ok(())
}

/// What does a second thread bring?
fn threads() -> Answer<()> {
    println!("| gradient of | one thread | two | ratio |");
    println!("|---|---|---|---|");
    let problems: [(&str, Program); 4] = [
        ("a network of 3 layers of 512, 256 rows", network(256, &[512; 4])?),
        ("a network of 3 layers of 64, 16 rows", network(16, &[64; 4])?),
        ("tanh(x + c) applied 10 times, 10^6 entries", chain(1_000_000, 10)?),
        ("log(sum(exp(x))), 10^6 entries", loss_of(1_000_000, |x| x.logsumexp())?),
    ];
    for (what, program) in problems {
        let time = |threads| -> Answer<f64> {
            let mut session = filled(plan(&program, &Options { threads, ..Options::default() })?);
            per_call(|| Ok(session.call()?))
        };
        let (one, two) = (time(1)?, time(2)?);
        println!("| {what} | {} | {} | {:.2} |", seconds(one), seconds(two), two / one);
    }
    println!();
    Ok(())
}

// ---------------------------------------------------------------- what is compiled

/// A program of some size.
type Problem = fn(usize) -> Answer<Program>;

/// The gradient of a network with tanh between its layers, quadratic loss over a batch.
fn network(rows: usize, dims: &[usize]) -> Answer<Program> {
    let b = Builder::new();
    let real = |name: &str, shape: &[usize]| b.input(name, Type::real(shape.iter().map(|&d| d as i64)));
    let (mut a, y) = (real("x", &[rows, dims[0]]), real("y", &[rows, dims[dims.len() - 1]]));
    let mut parameters = Vec::new();
    for (l, pair) in dims.windows(2).enumerate() {
        let (v, c) = (real(&format!("v{l}"), &[pair[1], pair[0]]), real(&format!("b{l}"), &[pair[1]]));
        a = a.dot(&v.t()) + c.insert_axis(0);
        a = if l + 2 < dims.len() { a.tanh() } else { a };
        parameters.extend([v, c]);
    }
    let loss = (a - y).sq().sum();
    gradient(&b, &loss, &parameters)
}

/// The gradient of the sum of `tanh(x + c)` applied again and again; of no application, `x + 1`.
fn chain(entries: usize, times: usize) -> Answer<Program> {
    let b = Builder::new();
    let x = b.input("x", Type::real([entries as i64]));
    if times == 0 {
        return Ok(b.finish(&[&(&x + 1.0)])?);
    }
    let y = (0..times).fold(x.clone(), |y, k| (y + 0.125 * (k % 7) as f64).tanh());
    gradient(&b, &y.sum(), &[x])
}

/// The gradient of a function of one vector.
fn loss_of(entries: usize, loss: impl FnOnce(&Expr) -> Expr) -> Answer<Program> {
    let b = Builder::new();
    let x = b.input("x", Type::real([entries as i64]));
    let loss = loss(&x);
    gradient(&b, &loss, &[x])
}

/// The gradient of Rosenbrock's function with a node for each operation on a number.
fn scalars(n: usize) -> Answer<Program> {
    let b = Builder::new();
    let x: Vec<Expr> = (0..n).map(|k| b.input(&format!("x{k}"), Type::scalar())).collect();
    let term = |p: &[Expr]| (&p[1] - p[0].sq()).sq() * 100.0 + (1.0 - &p[0]).sq();
    let loss = x.windows(2).map(term).reduce(|a, b| a + b).ok_or("two entries at least")?;
    gradient(&b, &loss, &x)
}

/// The gradient with respect to the matrix of `h = tanh(W h + x_t)`.
fn recurrence(length: usize, units: usize) -> Answer<Program> {
    let b = Builder::new();
    let (n, l) = (units as i64, length as i64);
    let (w, x) = (b.input("W", Type::real([n, n])), b.input("x", Type::real([l, n])));
    let start = b.input("h0", Type::real([n]));
    let own = w.clone();
    let outputs =
        b.scan("h", l, &[("h", &start)], &[("x", &x)], |h, x| vec![(own.dot(&h[0]) + &x[0]).tanh()]);
    let last = outputs.first().ok_or("a recurrence has a carry")?;
    gradient(&b, &last.sq().sum(), &[w])
}

fn gradient(b: &Builder, loss: &Expr, by: &[Expr]) -> Answer<Program> {
    let gradients = loss.gradient(&by.iter().collect::<Vec<_>>())?;
    Ok(b.finish(&gradients.iter().collect::<Vec<_>>())?)
}

// ---------------------------------------------------------------- measuring

fn plan(program: &Program, options: &Options) -> Answer<Plan<f64>> {
    Ok(Plan::compile(&program.graph, &program.outputs, options)?)
}

/// Numbers between a quarter and three quarters.
fn entries(count: usize) -> Vec<f64> {
    (0..count).map(|k| 0.25 + 0.5 * (k as f64 * 0.618_033_988_749_895).fract()).collect()
}

fn filled(plan: Plan<f64>) -> Session<f64> {
    let counts: Vec<usize> = plan.inputs().iter().map(|i| i.shape.iter().product()).collect();
    let mut session = plan.session();
    for (k, count) in counts.into_iter().enumerate() {
        session.input(k).copy_from_slice(&entries(count));
    }
    session
}

/// The least time of so many runs.
fn least(runs: usize, mut run: impl FnMut() -> Answer<()>) -> Answer<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// The time of a call: the least of nine samples of 5 ms, or of three where a call takes longer.
fn per_call(mut call: impl FnMut() -> Answer<()>) -> Answer<f64> {
    call()?;
    let once = least(1, &mut call)?;
    let calls = ((0.005 / once.max(1e-9)) as usize).clamp(1, 1_000_000);
    let sample = least(if once > 0.1 { 3 } else { 9 }, || (0..calls).try_for_each(|_| call()))?;
    Ok(sample / calls as f64)
}

/// Three significant digits with a unit.
fn seconds(x: f64) -> String {
    let units = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)];
    let (unit, scale) = units.into_iter().find(|(_, scale)| x >= *scale).unwrap_or(("ns", 1e-9));
    format!("{} {unit}", digits(x / scale))
}

fn bytes(x: f64) -> String {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)];
    let (unit, scale) = units.into_iter().find(|(_, scale)| x >= *scale).unwrap_or(("B", 1.0));
    format!("{} {unit}", digits(x / scale))
}

fn digits(x: f64) -> String {
    if x >= 100.0 {
        format!("{x:.0}")
    } else if x >= 10.0 {
        format!("{x:.1}")
    } else {
        format!("{x:.2}")
    }
}
