//! W1: one call of the homework's network; `w1.py` has the definitions.

use super::cases::{Case, Cases};
use super::inputs::uni;
use super::job::{Answer, Bench, Job, Kind, Made, activation};
use chainrule::core::expr::{Diagnostics, Expr};
use chainrule::core::tensor::Value;
use chainrule::nn::homework::networks;
use chainrule::nn::quadratic;

pub(crate) fn jobs(cases: &Cases) -> Vec<Job> {
    let mut jobs = Vec::new();
    for case in cases.of("homework") {
        for (metric, everything) in [("grad_jac", true), ("grad", false)] {
            let own = case.clone();
            jobs.push(Job::new("W1", case.label(), metric, move || make(&own, everything)));
        }
    }
    jobs
}

/// Entries of v1 b1 v2 b2 x y; a label is one-hot, as the other systems are given it.
fn numbers(case: &Case) -> [Vec<f64>; 6] {
    let dims = case.numbers("dims");
    let (i, h, o) = (dims[0], dims[1], dims[2]);
    let one_hot = |label: i64| (0..o as i64).map(|k| f64::from(k == label)).collect();
    let number = match case.word("numbers") {
        "net0" => 0,
        "net2" => 2,
        _ => {
            let y = if case.word("loss") == "cross_entropy" { one_hot(0) } else { uni(155, o) };
            return [uni(150, h * i), uni(151, h), uni(152, o * h), uni(153, o), uni(154, i), y];
        }
    };
    let network = &networks()[number];
    let parameter =
        |path: &str| network.params.get(path).expect("a network has its parameters").data().to_vec();
    let y = match &network.y {
        Value::Real(y) => y.data().to_vec(),
        Value::Int(y) => one_hot(y.data()[0]),
        Value::Bool(_) => unreachable!("a target is a vector or a label"),
    };
    [parameter("1/v"), parameter("1/b"), parameter("2/v"), parameter("2/b"), network.x.data().to_vec(), y]
}

fn make(case: &Case, everything: bool) -> Answer<Made> {
    let dims = case.numbers("dims");
    let (i, h, o) = (dims[0], dims[1], dims[2]);
    let mut bench = Bench::default();
    let [v1, b1, v2, b2, x, y] = numbers(case);
    let v1 = bench.real("v1", &[h, i], v1);
    let b1 = bench.real("b1", &[h], b1);
    let v2 = bench.real("v2", &[o, h], v2);
    let b2 = bench.real("b2", &[o], b2);
    let (x, y) = (bench.real("x", &[i], x), bench.real("y", &[o], y));
    let p = (v1.dot(&x) + &b1).named("p");
    let q = activation(case.word("activation"), &p).named("q");
    let z = (v2.dot(&q) + &b2).named("z");
    let loss = match case.word("loss") {
        "cross_entropy" => z.logsumexp() - z.dot(&y),
        _ => quadratic(&z, &y),
    };
    let outputs: Vec<Expr> = if everything {
        let of = |y: &Expr, names: &[&str]| -> Result<Vec<Expr>, Diagnostics> {
            names.iter().map(|name| y.derivative(name, &[])).collect()
        };
        let held =
            ["v2", "b2"].iter().map(|name| z.derivative(name, &["q"])).collect::<Result<Vec<_>, _>>()?;
        let jacobians = [held, of(&z, &["q"])?, of(&q, &["p"])?, of(&p, &["v1", "b1"])?].concat();
        [jacobians, of(&loss, &["z", "v2", "b2", "q", "p", "v1", "b1"])?].concat()
    } else {
        loss.gradient(&[&v2, &b2, &v1, &b1])?
    };
    bench.finish(&outputs.iter().collect::<Vec<_>>(), Kind::Call(0))
}
