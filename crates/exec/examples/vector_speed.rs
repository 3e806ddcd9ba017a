//! How long does an elementary function take for one number, against the standard library's loop?
//!
//! `cargo run --release -p chainrule-exec --example vector_speed` prints nanoseconds for one entry.

use chainrule_exec::vector::{Loop, kernel};
use std::hint::black_box;
use std::time::Instant;

/// Best of many runs over `n` entries.
fn nanoseconds(n: usize, mut f: impl FnMut()) -> f64 {
    let time = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64() * 1e9 / n as f64
    };
    (0..400).map(|_| time(&mut f)).fold(f64::INFINITY, f64::min)
}

/// A name and the standard library's function.
type Peer = (&'static str, fn(f64) -> f64);

fn main() {
    let n = 4096;
    let x: Vec<f64> = (0..n).map(|k| 0.001 + k as f64 * 0.0002).collect();
    let singles: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let (mut y, mut z) = (vec![0.0; n], vec![0.0; n]);
    let std: [Peer; 17] = [
        ("exp", f64::exp),
        ("expm1", f64::exp_m1),
        ("log", f64::ln),
        ("log1p", f64::ln_1p),
        ("sin", f64::sin),
        ("cos", f64::cos),
        ("tan", f64::tan),
        ("tanh", f64::tanh),
        ("sinh", f64::sinh),
        ("cosh", f64::cosh),
        ("atan", f64::atan),
        ("asin", f64::asin),
        ("acos", f64::acos),
        ("cbrt", f64::cbrt),
        ("sigmoid", |x| 1.0 / (1.0 + (-x).exp())),
        ("softplus", |x| x.exp().ln_1p()),
        ("pow", |x| x.powf(x)),
    ];
    println!("{:9} {:>7} {:>7} {:>7}  ns for one entry", "", "f64", "f32", "std f64");
    for (name, scalar) in std {
        let kernel = kernel(name).expect("the name of a kernel");
        let double = nanoseconds(n, || match kernel.f64 {
            Loop::One(f) => f(black_box(&x), &mut y),
            Loop::Two(f) => f(black_box(&x), &x, &mut y),
            Loop::Three(_) => unreachable!("no such kernel is timed"),
        });
        let single = nanoseconds(n, || match kernel.f32 {
            Loop::One(f) => f(black_box(&singles), &mut z),
            Loop::Two(f) => f(black_box(&singles), &singles, &mut z),
            Loop::Three(_) => unreachable!("no such kernel is timed"),
        });
        let scalar = nanoseconds(n, || black_box(&x).iter().zip(&mut y).for_each(|(&x, y)| *y = scalar(x)));
        println!("{name:9} {double:7.2} {single:7.2} {scalar:7.2}");
    }
}
