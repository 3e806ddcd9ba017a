//! The largest error of each function in ulp, over random and structured points.

use super::reference::{self, Dd, of};
use super::{Random, edges, run};
use crate::vector::kernel;
use chainrule_core::ops::map::{self, Map};

const POINTS: usize = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };

/// Name, range of magnitudes as powers of two, whether both signs, the true value.
type Case = (&'static str, (f64, f64), bool, fn(f64) -> Dd);

const CASES: [Case; 19] = [
    ("exp", (-30.0, 9.4), true, |x| reference::exp(of(x))),
    ("expm1", (-60.0, 9.4), true, |x| reference::expm1(of(x))),
    ("log", (-1000.0, 1000.0), false, reference::log),
    ("log", (-0.6, 0.6), false, reference::log),
    ("log1p", (-60.0, 1000.0), false, |x| reference::log1p(of(x))),
    ("log1p", (-60.0, -1e-9), true, |x| reference::log1p(of(x))),
    ("sin", (-60.0, 19.9), true, |x| reference::sincos(of(x)).0),
    ("cos", (-60.0, 19.9), true, |x| reference::sincos(of(x)).1),
    ("tan", (-60.0, 19.9), true, |x| {
        let (s, c) = reference::sincos(of(x));
        s / c
    }),
    ("atan", (-60.0, 60.0), true, |x| reference::atan2(of(x), of(1.0))),
    ("asin", (-60.0, -1e-9), true, reference::asin),
    ("acos", (-60.0, -1e-9), true, reference::acos),
    ("sinh", (-60.0, 9.4), true, reference::sinh),
    ("cosh", (-60.0, 9.4), true, reference::cosh),
    ("tanh", (-60.0, 8.0), true, reference::tanh),
    ("asinh", (-60.0, 9.0), true, reference::asinh),
    ("sigmoid", (-60.0, 9.4), true, reference::sigmoid),
    ("softplus", (-60.0, 9.4), true, reference::softplus),
    ("cbrt", (-900.0, 900.0), true, reference::cbrt),
];

/// `|y − truth|` in units of the last place of `y`.
fn error(y: f64, truth: Dd) -> f64 {
    let ulp = (y.abs().next_up() - y.abs()).max(5e-324);
    (((y - truth.0) - truth.1) / ulp).abs()
}

fn points(range: (f64, f64), both: bool, count: usize, random: &mut Random) -> Vec<f64> {
    (0..count)
        .map(|_| {
            let x = (range.0 + (range.1 - range.0) * random.unit()).exp2();
            if both && random.bits() & 1 == 1 { -x } else { x }
        })
        .collect()
}

/// Where the double-double value is not spoilt by subnormal parts.
fn comparable(truth: Dd) -> bool {
    (1e-270..1e300).contains(&truth.0.abs())
}

fn worst(name: &str, xs: [&[f64]; 2], truth: impl Fn(usize) -> Dd) -> f64 {
    let ys = run(kernel(name).unwrap().f64, [xs[0], xs[1], xs[1]]);
    let errors = ys.iter().enumerate().map(|(k, &y)| {
        let truth = truth(k);
        if comparable(truth) { (error(y, truth), k) } else { (0.0, k) }
    });
    let (worst, k) = errors.fold((0.0, 0), |a, b| if b.0 > a.0 || b.0.is_nan() { b } else { a });
    println!("{name:9} f64 {worst:.3} ulp at {:e} {:e}", xs[0][k], xs[1][k]);
    worst
}

#[test]
fn doubles_are_within_two_ulp() {
    let mut random = Random(1);
    let mut bad = Vec::new();
    for (name, range, both, truth) in CASES {
        let xs = points(range, both, POINTS, &mut random);
        let found = worst(name, [&xs, &xs], |k| truth(xs[k]));
        if found.is_nan() || found > 2.0 {
            bad.push((name, found));
        }
    }
    let xs = points((-60.0, 2.6), true, POINTS / 4, &mut random);
    let erf = worst("erf", [&xs, &xs], |k| reference::erf(xs[k]));
    let a = points((-40.0, 40.0), false, POINTS, &mut random);
    let b = points((-10.0, 5.0), true, POINTS, &mut random);
    let pow = worst("pow", [&a, &b], |k| reference::pow(a[k], b[k]));
    let a = points((-0.01, 0.01), false, POINTS, &mut random);
    let b = points((10.0, 16.5), true, POINTS, &mut random);
    let near = worst("pow", [&a, &b], |k| reference::pow(a[k], b[k]));
    let a = points((-40.0, 40.0), true, POINTS, &mut random);
    let b = points((-40.0, 40.0), true, POINTS, &mut random);
    let atan2 = worst("atan2", [&a, &b], |k| reference::atan2(of(a[k]), of(b[k])));
    for (name, found) in [("erf", erf), ("pow", pow), ("pow", near), ("atan2", atan2)] {
        if found.is_nan() || found > 2.0 {
            bad.push((name, found));
        }
    }
    assert!(bad.is_empty(), "{bad:?}");
}

/// Single precision against the core's double precision, whose own error is nothing beside an f32.
#[test]
fn singles_are_within_two_ulp() {
    let mut random = Random(2);
    let mut bad = Vec::new();
    let one = CASES.iter().map(|&(name, range, both, _)| (name, range, both));
    let clipped = one.map(|(name, (low, high), both)| (name, (low.max(-120.0), high.min(120.0)), both));
    let more = [("erf", (-60.0, 3.0), true), ("pow", (-7.0, 5.0), false), ("atan2", (-30.0, 30.0), true)];
    for (name, range, both) in clipped.chain(more) {
        let row = |random: &mut Random| -> Vec<f32> {
            points(range, both, POINTS, random).iter().map(|&x| x as f32).collect()
        };
        let (a, b) = (row(&mut random), row(&mut random));
        let ys = run(kernel(name).unwrap().f32, [&a, &b, &b]);
        let map = Map::by_name(name).unwrap();
        let mut found = (0.0, 0);
        for (k, &y) in ys.iter().enumerate() {
            let args = [f64::from(a[k]), f64::from(b[k])];
            let refs: Vec<&f64> = args[..map.arity()].iter().collect();
            let truth = map::evaluate(map, &refs);
            let same = (truth as f32).to_bits() == y.to_bits();
            let ulp = f64::from((y.abs().next_up() - y.abs()).max(1e-45));
            let error = if same { 0.0 } else { ((f64::from(y) - truth) / ulp).abs() };
            if error > found.0 || error.is_nan() {
                found = (error, k);
            }
        }
        println!("{name:9} f32 {:.3} ulp at {:e} {:e}", found.0, a[found.1], b[found.1]);
        if found.0.is_nan() || found.0 > 2.0 {
            bad.push((name, found.0));
        }
    }
    assert!(bad.is_empty(), "{bad:?}");
}

/// Zeros, infinities, NaN, subnormals, ends of ranges: the core's value, its sign too, up to 2 ulp of either.
#[test]
fn edges_agree_with_the_core() {
    let edges = edges();
    let mut bad = Vec::new();
    for map in map::MAPS.iter().filter(|m| m.name != "gelu" && m.name != "silu") {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for &x in &edges {
            let partners: &[f64] = if map.arity() == 1 { &[1.0] } else { &edges };
            for &y in partners {
                a.push(x);
                b.push(y);
            }
        }
        let ys = run(kernel(map.name).unwrap().f64, [&a, &b, &b]);
        for (k, &y) in ys.iter().enumerate() {
            let args = [&a[k], &b[k], &b[k]];
            let core = map::evaluate(map, &args[..map.arity()]);
            let both_nan = y.is_nan() && core.is_nan();
            let signs = y.is_sign_negative() == core.is_sign_negative();
            let ulp = (core.abs().next_up() - core.abs()).max(5e-324);
            let near = y == core || (y - core).abs() <= 3.0 * ulp;
            // The core loses the sign of zero in asinh; IEEE 754 keeps it, and so does this crate.
            let zero = map.name == "asinh" && a[k] == 0.0 && y.to_bits() == a[k].to_bits();
            if !(both_nan || zero || signs && near) {
                bad.push(format!("{}({:e}, {:e}) = {y:e}, core {core:e}", map.name, a[k], b[k]));
            }
        }
    }
    assert!(bad.is_empty(), "{} wrong:\n{}", bad.len(), bad[..bad.len().min(60)].join("\n"));
}
