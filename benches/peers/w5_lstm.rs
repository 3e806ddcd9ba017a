//! W5, LSTM: a sequence folded with one body; `w5.py` has the definitions.
//!
//! The body stands here; the fold is unrolled until the core has a node for it, and so is refused for long sequences,
//! of which it would be an unfair measurement.

use super::cases::Case;
use super::inputs::{uni, uniform};
use super::job::{Answer, Bench, Kind, Made};
use chainrule::core::expr::Expr;

/// More steps are not unrolled.
const UNROLLED: usize = 16;

/// One character: the new states, and the term of the loss.
fn body(
    bench: &Bench,
    main: &Expr,
    extra: &Expr,
    states: &[Expr],
    x: &Expr,
    gold: &Expr,
) -> (Vec<Expr>, Expr) {
    let row = |of: &Expr, k: usize| bench.form(&format!("w[u] = a[{k},u]"), &[("a", of)]);
    let units = |of: &Expr, gate: usize| {
        let b = x.dim(0);
        of.slice(0, b.clone() * chainrule::core::shape::Dim::from(gate as i64), b)
    };
    let mut a = x * row(extra, 0);
    let mut after = Vec::new();
    for k in 0..states.len() / 2 {
        let (h, cell) = (&states[2 * k], &states[2 * k + 1]);
        let gates = a.concat(&[h, &a, h], 0) * row(main, 2 * k) + row(main, 2 * k + 1);
        let cell = cell * units(&gates, 0).sigmoid() + units(&gates, 1).sigmoid() * units(&gates, 3).tanh();
        a = units(&gates, 2).sigmoid() * cell.tanh();
        after.extend([a.clone(), cell]);
    }
    let z = a * row(extra, 1) + row(extra, 2);
    let term = gold.dot(&z) - gold.sum() * (z.exp().sum() + 2).log();
    (after, term)
}

pub(crate) fn make(case: &Case, gradient: bool) -> Answer<Made> {
    let (layers, b, characters) = (case.number("layers"), case.number("units"), case.number("characters"));
    if characters > UNROLLED {
        let why = format!(
            "{characters} characters are folded by a node that the core does not have yet: {UNROLLED} are unrolled"
        );
        return Err(why.into());
    }
    let mut bench = Bench::default();
    let positive = |stream, count| uniform(stream, count, 0.0, 1.0);
    let main = bench.real("main", &[2 * layers, 4 * b], positive(520, 8 * layers * b));
    let extra = bench.real("extra", &[3, b], positive(521, 3 * b));
    let state = bench.real("state", &[2 * layers, b], positive(522, 2 * layers * b));
    let hits = uni(523, characters * b).into_iter().map(|u| f64::from(u >= 0.0)).collect();
    let sequence = bench.real("sequence", &[characters, b], hits);
    let row = |of: &Expr, k: usize| bench.form(&format!("w[u] = a[{k},u]"), &[("a", of)]);
    let mut states: Vec<Expr> = (0..2 * layers).map(|k| row(&state, k)).collect();
    let mut total: Option<Expr> = None;
    for t in 0..characters - 1 {
        let (after, term) = body(&bench, &main, &extra, &states, &row(&sequence, t), &row(&sequence, t + 1));
        states = after;
        total = Some(total.map_or(term.clone(), |sum| sum + term));
    }
    let value = total.expect("a sequence has two characters") / -(((characters - 1) * b) as i64);
    if !gradient {
        return bench.finish(&[&value], Kind::Value);
    }
    let g = value.gradient(&[&main, &extra])?;
    bench.finish(&[&value, &g[0], &g[1]], Kind::Call(1))
}
