//! W7: gradients of scalar code; `w7.py` has the definitions.

use super::cases::{Case, Cases};
use super::inputs::{uni, uniform};
use super::job::{Answer, Bench, Job, Kind, Made};
use chainrule::core::expr::Expr;

const D: [f64; 6] = [0.1625, 0.0, 0.0, 0.1333, 0.0997, 0.0996];
const A: [f64; 6] = [0.0, -0.425, -0.3922, 0.0, 0.0, 0.0];
const CA: [i64; 6] = [0, 1, 1, 0, 0, 1];
const SA: [i64; 6] = [1, 0, 0, 1, -1, 0];
const T: [f64; 3] = [0.3, 0.2, 0.5];

/// What makes the measurement of a case.
type Maker = fn(&Case) -> Answer<Made>;

pub(crate) fn jobs(cases: &Cases) -> Vec<Job> {
    let problems: [(&str, Maker); 3] =
        [("rosenbrock", rosenbrock), ("speelpenning", speelpenning), ("arm", arm)];
    let of = |(problem, make): (&str, Maker)| {
        let job = move |case: Case| Job::new("W7", case.label(), "gradient", move || make(&case));
        cases.of(problem).into_iter().map(job).collect::<Vec<_>>()
    };
    problems.into_iter().flat_map(of).collect()
}

fn gradient(bench: Bench, value: &Expr, x: &Expr) -> Answer<Made> {
    let gradient = value.gradient(&[x])?.remove(0);
    bench.finish(&[&gradient], Kind::Call(0))
}

fn rosenbrock(case: &Case) -> Answer<Made> {
    let n = case.number("size");
    let mut bench = Bench::default();
    let x = bench.real("x", &[n], uniform(700, n, 0.9, 1.1));
    let text = format!("sum(i=0..{}, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)", n - 2);
    let value = bench.form(&text, &[]);
    gradient(bench, &value, &x)
}

fn speelpenning(case: &Case) -> Answer<Made> {
    let n = case.number("size");
    let mut bench = Bench::default();
    let x = bench.real("x", &[n], uniform(701, n, 0.99, 1.01));
    let value = x.prod();
    gradient(bench, &value, &x)
}

/// The squared distance of the last joint from the target, for one arm or for each row of angles.
fn arm(case: &Case) -> Answer<Made> {
    let (joints, batch) = (case.number("joints"), case.number("batch"));
    let mut bench = Bench::default();
    let (q, angle): (Expr, fn(usize) -> String) = if batch > 0 {
        (bench.real("q", &[batch, joints], uni(703, batch * joints)), |i| format!("a[b] = q[b,{i}]"))
    } else {
        (bench.real("q", &[joints], uni(702, joints)), |i| format!("q[{i}]"))
    };
    let b = bench.b.clone();
    let number = |value: f64| b.number(value);
    let unit = |axis: usize| -> [Expr; 3] { std::array::from_fn(|k| number(f64::from(k == axis))) };
    let (mut x, mut y, mut z) = (unit(0), unit(1), unit(2));
    let mut p: [Expr; 3] = std::array::from_fn(|_| number(0.0));
    for i in 0..joints {
        let angle = bench.form(&angle(i), &[("q", &q)]);
        let (c, s) = (angle.cos(), angle.sin());
        let turned: [Expr; 3] = std::array::from_fn(|k| &c * &y[k] - &s * &x[k]);
        x = std::array::from_fn(|k| &c * &x[k] + &s * &y[k]);
        p = std::array::from_fn(|k| &p[k] + &z[k] * D[i] + &x[k] * A[i]);
        y = std::array::from_fn(|k| &turned[k] * CA[i] + &z[k] * SA[i]);
        z = std::array::from_fn(|k| &z[k] * CA[i] - &turned[k] * SA[i]);
    }
    let distance = (0..3).map(|k| (&p[k] - T[k]).sq()).reduce(|a, b| a + b).expect("three coordinates");
    let value = distance.sum();
    gradient(bench, &value, &q)
}
