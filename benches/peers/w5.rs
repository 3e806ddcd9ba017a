//! W5: the Gaussian mixture of ADBench, and the list of its problems; `w5.py` has the definitions.

use super::cases::{Case, Cases};
use super::inputs::uni;
use super::job::{Answer, Bench, Job, Kind, Made};
use super::{w5_ba, w5_lstm};
use std::f64::consts::PI;

/// What makes the measurement of a case, with its derivative or without.
type Maker = fn(&Case, bool) -> Answer<Made>;

pub(crate) fn jobs(cases: &Cases) -> Vec<Job> {
    let problems: [(&str, Maker, &str); 3] =
        [("gmm", gmm, "gradient"), ("ba", w5_ba::make, "jacobian"), ("lstm", w5_lstm::make, "gradient")];
    let mut jobs = Vec::new();
    for (problem, make, derivative) in problems {
        for case in cases.of(problem) {
            for (what, derived) in [("objective", false), (derivative, true)] {
                let own = case.clone();
                let metric = format!("{problem}_{what}");
                jobs.push(Job::new("W5", case.label(), &metric, move || make(&own, derived)));
            }
        }
    }
    jobs
}

/// `log Γ(k/2)` for a whole `k > 0`, by `Γ(x + 1) = x Γ(x)` from `Γ(1/2) = √π` or `Γ(1) = 1`.
fn log_gamma_half(k: usize) -> f64 {
    let start = if k.is_multiple_of(2) { 0.0 } else { 0.5 * PI.ln() };
    let first = if k.is_multiple_of(2) { 2 } else { 1 };
    (first..k).step_by(2).map(|twice| (twice as f64 / 2.0).ln()).sum::<f64>() + start
}

/// The terms that depend on sizes only.
fn constant(d: usize, components: usize, points: usize) -> f64 {
    let (size, half) = (d as f64, 0.5f64);
    let log_gamma =
        size * (size - 1.0) / 4.0 * PI.ln() + (0..d).map(|j| log_gamma_half(d + 1 - j)).sum::<f64>();
    let wishart = (size + 1.0) * size * half.sqrt().ln() - log_gamma;
    -(points as f64) * size * 0.5 * (2.0 * PI).ln() - components as f64 * wishart
}

/// Entry `(r, c)` of a strictly lower triangle that is stored column by column behind `d` entries; 0 elsewhere.
fn places(d: usize) -> Vec<i64> {
    let mut table = vec![0; d * d];
    let mut next = d as i64;
    for c in 0..d {
        for r in c + 1..d {
            table[r * d + c] = next;
            next += 1;
        }
    }
    table
}

fn gmm(case: &Case, gradient: bool) -> Answer<Made> {
    let (d, components, points) = (case.number("d"), case.number("K"), case.number("N"));
    let width = d + d * (d - 1) / 2;
    let mut bench = Bench::default();
    let x = bench.real("x", &[points, d], uni(500, points * d));
    let alpha = bench.real("alpha", &[components], uni(501, components));
    let mu = bench.real("mu", &[components, d], uni(502, components * d));
    let halves = uni(503, components * width).into_iter().map(|u| u * 0.5).collect();
    let icf = bench.real("icf", &[components, width], halves);
    let table = bench.labels("t", width, &[d, d], places(d));
    let last = d - 1;
    let e = bench.form(&format!("e[k,j=0..{last}] = exp(icf[k,j])"), &[]);
    let q = bench.form("Q[k,r,c] = e[k,r]*[r == c] + icf[k,t[r,c]]*[c < r]", &[("e", &e), ("t", &table)]);
    let qx =
        bench.form("q[k,i,r] = sum(c, Q[k,r,c]*(x[i,c] - mu[k,c]))", &[("Q", &q), ("x", &x), ("mu", &mu)]);
    let inner = format!("s[k,i] = alpha[k] + sum(j=0..{last}, icf[k,j]) - 1/2*sum(r, q[k,i,r]^2)");
    let inner = bench.form(&inner, &[("q", &qx)]);
    let below = format!("1/2*sum(k, sum(j={d}..{}, icf[k,j]^2))", width - 1);
    let wishart = e.sq().sum() / 2 + bench.form(&below, &[]);
    let value = inner.logsumexp_axis(0).sum() - alpha.logsumexp() * points as i64
        + wishart
        + constant(d, components, points);
    if !gradient {
        return bench.finish(&[&value], Kind::Value);
    }
    let g = value.gradient(&[&alpha, &mu, &icf])?;
    bench.finish(&[&value, &g[0], &g[1], &g[2]], Kind::Call(1))
}
