//! W5, LSTM: a sequence folded with one step; `w5.py` has the definitions.
//!
//! The step carries the states; inputs are weighted before it and the loss is taken after it, for all characters at once.

use super::cases::Case;
use super::inputs::{uni, uniform};
use super::job::{Answer, Bench, Kind, Made};
use chainrule::core::expr::Expr;

/// The states after one character whose weighted input is `a`.
fn step(bench: &Bench, main: &Expr, states: &[Expr], a: &Expr) -> Vec<Expr> {
    let row = |of: &Expr, k: usize| bench.form(&format!("w[u] = a[{k},u]"), &[("a", of)]);
    let units = |of: &Expr, gate: usize| {
        let b = a.dim(0);
        of.slice(0, b.clone() * chainrule::core::shape::Dim::from(gate as i64), b)
    };
    let mut a = a.clone();
    let mut after = Vec::new();
    for k in 0..states.len() / 2 {
        let (h, cell) = (&states[2 * k], &states[2 * k + 1]);
        let gates = a.concat(&[h, &a, h], 0) * row(main, 2 * k) + row(main, 2 * k + 1);
        let cell = cell * units(&gates, 0).sigmoid() + units(&gates, 1).sigmoid() * units(&gates, 3).tanh();
        a = units(&gates, 2).sigmoid() * cell.tanh();
        after.extend([a.clone(), cell]);
    }
    after
}

pub(crate) fn make(case: &Case, gradient: bool) -> Answer<Made> {
    let (layers, b, characters) = (case.number("layers"), case.number("units"), case.number("characters"));
    let mut bench = Bench::default();
    let positive = |stream, count| uniform(stream, count, 0.0, 1.0);
    let main = bench.real("main", &[2 * layers, 4 * b], positive(520, 8 * layers * b));
    let extra = bench.real("extra", &[3, b], positive(521, 3 * b));
    let state = bench.real("state", &[2 * layers, b], positive(522, 2 * layers * b));
    let hits = uni(523, characters * b).into_iter().map(|u| f64::from(u >= 0.0)).collect();
    let sequence = bench.real("sequence", &[characters, b], hits);
    let row = |of: &Expr, k: usize| bench.form(&format!("w[u] = a[{k},u]"), &[("a", of)]);
    let states: Vec<Expr> = (0..2 * layers).map(|k| row(&state, k)).collect();
    let names: Vec<String> = (0..2 * layers).map(|k| format!("s{k}")).collect();
    let carries: Vec<(&str, &Expr)> = names.iter().map(String::as_str).zip(&states).collect();
    let steps = characters as i64 - 1;
    let weighted = bench.form(
        &format!("x[t=0..{},u] = sequence[t,u]*extra[0,u]", steps - 1),
        &[("sequence", &sequence), ("extra", &extra)],
    );
    let b_ = bench.b.clone();
    let after =
        b_.scan("cell", steps, &carries, &[("x", &weighted)], |states, x| step(&bench, &main, states, &x[0]));
    let hidden = &after[2 * layers - 2];
    let z = bench.form("z[t,u] = h[t,u]*extra[1,u] + extra[2,u]", &[("h", hidden), ("extra", &extra)]);
    let total = (z.exp().sum_axis(1) + 2).log();
    let gold = bench.form(&format!("g[t=0..{},u] = sequence[t+1,u]", steps - 1), &[("sequence", &sequence)]);
    let loss = bench.form(
        "sum(t, sum(u, gold[t,u]*z[t,u]) - sum(u, gold[t,u])*total[t])",
        &[("gold", &gold), ("z", &z), ("total", &total)],
    );
    let value = loss / -(steps * b as i64);
    if !gradient {
        return bench.finish(&[&value], Kind::Value);
    }
    let g = value.gradient(&[&main, &extra])?;
    bench.finish(&[&value, &g[0], &g[1]], Kind::Call(1))
}
