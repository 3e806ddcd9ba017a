//! W4: Hessians after Laue, Mitterreiter and Giesen; `w4.py` has the definitions.

use super::cases::Cases;
use super::inputs::{u01, uni};
use super::job::{Answer, Bench, Job, Kind, Made};
use serde_json::Value;

pub(crate) fn jobs(cases: &Cases) -> Vec<Job> {
    let mut jobs = Vec::new();
    let both = |metric: &str| {
        [(metric.to_string(), Kind::Call(0)), (format!("{metric}_compressed"), Kind::Compressed)]
    };
    for case in cases.of("logreg") {
        let n = case.number("n");
        jobs.push(Job::new("W4", case.label(), "logreg", move || logreg(n)));
    }
    for case in cases.of("matfac") {
        let (n, rank) = (case.number("n"), case.number("rank"));
        for (metric, kind) in both("matfac") {
            jobs.push(Job::new("W4", case.label(), &metric, move || matfac(n, rank, kind.clone())));
        }
    }
    for case in cases.of("nn") {
        let (n, layers) = (case.number("n"), case.number("layers"));
        let label = if layers == 10 { case.label() } else { Value::from(format!("{n}, {layers} layers")) };
        for (metric, kind) in both("nn") {
            jobs.push(Job::new("W4", label.clone(), &metric, move || nn(n, layers, kind.clone())));
        }
    }
    jobs
}

fn logreg(n: usize) -> Answer<Made> {
    let mut bench = Bench::default();
    let signs = u01(301, 2 * n).into_iter().map(|u| if u < 0.5 { 1.0 } else { -1.0 }).collect();
    let x = bench.real("X", &[2 * n, n], uni(300, 2 * n * n));
    let y = bench.real("y", &[2 * n], signs);
    let w = bench.real("w", &[n], uni(302, n).into_iter().map(|u| u / (n as f64).sqrt()).collect());
    let loss = ((-(y * x.dot(&w))).exp() + 1).log().sum();
    let hessian = loss.hessian(&w)?;
    bench.finish(&[&hessian], Kind::Call(0))
}

fn matfac(n: usize, rank: usize, kind: Kind) -> Answer<Made> {
    let mut bench = Bench::default();
    let t = bench.real("T", &[n, n], uni(310, n * n));
    let u = bench.real("U", &[n, rank], uni(311, n * rank));
    let v = bench.real("V", &[n, rank], uni(312, n * rank));
    let hessian = (t - u.dot(&v.t())).sq().sum().hessian(&u)?;
    bench.finish(&[&hessian], kind)
}

fn nn(n: usize, layers: usize, kind: Kind) -> Answer<Made> {
    let mut bench = Bench::default();
    let scale = (6.0 / n as f64).sqrt();
    let weights = |l: usize| uni(320 + l as u64, n * n).into_iter().map(|u| u * scale).collect();
    let x = bench.real("x", &[n], uni(340, n));
    let first = bench.real("v0", &[n, n], weights(0));
    let mut z = first.dot(&x);
    for l in 1..layers {
        z = bench.real(&format!("v{l}"), &[n, n], weights(l)).dot(&z.relu());
    }
    let loss = z.logsumexp() - bench.form("z[0]", &[("z", &z)]);
    let hessian = loss.hessian(&first)?;
    bench.finish(&[&hessian], kind)
}
