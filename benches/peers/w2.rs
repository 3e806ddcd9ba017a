//! W2: a training step of a network, f32; `w2.py` has the definitions.

use super::cases::{Case, Cases};
use super::inputs::{labels, uni};
use super::job::{Answer, Bench, Job, Kind, Made, activation};
use chainrule::core::expr::Expr;
use chainrule::core::rational::Rational;

pub(crate) fn jobs(cases: &Cases) -> Vec<Job> {
    let job = |case: Case| Job::new("W2", case.label(), "train_step_f32", move || make(&case));
    cases.of("training_step").into_iter().map(job).collect()
}

fn make(case: &Case) -> Answer<Made> {
    let (batch, dims) = (case.number("batch"), case.numbers("dims"));
    let classes = dims[dims.len() - 1];
    let mut bench = Bench::default();
    let x = bench.real("X", &[batch, dims[0]], uni(100, batch * dims[0]));
    let y = bench.labels("y", classes, &[batch], labels(101, batch, classes));
    let (mut a, mut names, mut parameters) = (x, Vec::new(), Vec::new());
    for (l, pair) in dims.windows(2).enumerate() {
        let (inputs, outputs) = (pair[0], pair[1]);
        let scale = (inputs as f64).sqrt();
        let v = uni(110 + 2 * l as u64, outputs * inputs).into_iter().map(|u| u / scale).collect();
        let b = uni(111 + 2 * l as u64, outputs).into_iter().map(|u| u * 0.1).collect();
        names.extend([format!("v{l}"), format!("b{l}")]);
        let v = bench.real(&format!("v{l}"), &[outputs, inputs], v);
        let b = bench.real(&format!("b{l}"), &[outputs], b);
        a = a.dot(&v.t()) + b.insert_axis(0);
        if l + 2 < dims.len() {
            a = activation(case.word("activation"), &a);
        }
        parameters.extend([v, b]);
    }
    let loss = (a.logsumexp_axis(-1) - bench.form("h[r] = z[r,y[r]]", &[("z", &a), ("y", &y)])).mean();
    let gradients = loss.gradient(&parameters.iter().collect::<Vec<_>>())?;
    let rate = Rational::from_f64(0.01).expect("a finite number");
    let updated: Vec<Expr> = parameters.iter().zip(&gradients).map(|(p, g)| p - g * rate.clone()).collect();
    bench.finish(&updated.iter().collect::<Vec<_>>(), Kind::Step(names))
}
