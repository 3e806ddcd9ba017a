//! W3: whole Jacobians, of softmax and of a network; `w3.py` has the definitions.

use super::cases::{Case, Cases};
use super::inputs::uni;
use super::job::{Answer, Bench, Job, Kind, Made, activation};
use chainrule::core::expr::Expr;

pub(crate) fn jobs(cases: &Cases) -> Vec<Job> {
    let mut jobs = Vec::new();
    for case in cases.of("softmax") {
        for (metric, kind) in [("softmax_V", Kind::Call(0)), ("softmax_V_compressed", Kind::Compressed)] {
            let n = case.number("n");
            jobs.push(Job::new("W3", case.label(), metric, move || softmax(n, kind.clone())));
        }
    }
    for case in cases.of("mlp_jacobian") {
        let own = case.clone();
        jobs.push(Job::new("W3", case.label(), "mlp_x", move || network(&own)));
        let (batch, own) = (case.number("batch"), case.clone());
        if batch > 0 {
            let metric = format!("mlp_x_batch{batch}");
            jobs.push(Job::new("W3", case.label(), &metric, move || networks(&own, batch)));
        }
    }
    jobs
}

fn scaled(entries: Vec<f64>, scale: f64) -> Vec<f64> {
    entries.into_iter().map(|u| u / scale).collect()
}

fn softmax(n: usize, kind: Kind) -> Answer<Made> {
    let mut bench = Bench::default();
    let v = bench.real("V", &[n, n], scaled(uni(200, n * n), (n as f64).sqrt()));
    let (x, b) = (bench.real("x", &[n], uni(201, n)), bench.real("b", &[n], uni(202, n)));
    let jacobian = (v.dot(&x) + b).softmax(0).jacobian(&v)?;
    bench.finish(&[&jacobian], kind)
}

/// The layers' parameters, and the network as a function of a vector or of rows.
fn layers(bench: &mut Bench, case: &Case) -> impl Fn(&Expr) -> Expr + use<> {
    let mut parameters = Vec::new();
    for (l, pair) in case.numbers("dims").windows(2).enumerate() {
        let (i, o) = (pair[0], pair[1]);
        let v = scaled(uni(210 + 2 * l as u64, o * i), (i as f64).sqrt());
        let b = uni(211 + 2 * l as u64, o).into_iter().map(|u| u * 0.1).collect();
        parameters.push((bench.real(&format!("v{l}"), &[o, i], v), bench.real(&format!("b{l}"), &[o], b)));
    }
    let word = case.word("activation").to_string();
    move |x| {
        let mut a = x.clone();
        for (l, (v, b)) in parameters.iter().enumerate() {
            let bias = if a.rank() == 2 { b.insert_axis(0) } else { b.clone() };
            a = a.dot(&v.t()) + bias;
            if l + 1 < parameters.len() {
                a = activation(&word, &a);
            }
        }
        a
    }
}

fn network(case: &Case) -> Answer<Made> {
    let mut bench = Bench::default();
    let network = layers(&mut bench, case);
    let inputs = case.numbers("dims")[0];
    let x = bench.real("x", &[inputs], uni(220, inputs));
    let jacobian = network(&x).jacobian(&x)?;
    bench.finish(&[&jacobian], Kind::Call(0))
}

/// A row of the result depends on its own row of the input only, so the Jacobian of the sum over rows has all of them.
fn networks(case: &Case, batch: usize) -> Answer<Made> {
    let mut bench = Bench::default();
    let network = layers(&mut bench, case);
    let inputs = case.numbers("dims")[0];
    let x = bench.real("x", &[batch, inputs], uni(221, batch * inputs));
    let of_sum = network(&x).sum_axis(0).jacobian(&x)?;
    let jacobian = of_sum.transpose(&[1, 0, 2]);
    bench.finish(&[&jacobian], Kind::Call(0))
}
