//! W5, bundle adjustment: residuals of many observations, and the Jacobian of each; `w5.py` has the definitions.
//!
//! One observation is written as scalar code, over columns that hold one number for each observation. Observations do
//! not depend on each other, so the gradient of a residual summed over them has the Jacobian of each in its entries.

use super::cases::Case;
use super::inputs::{labels, uni, uniform};
use super::job::{Answer, Bench, Kind, Made, form};
use chainrule::core::expr::{Builder, Diagnostics, Expr};

const CAMERA: [f64; 11] = [0.1, -0.2, 0.3, 0.5, -0.4, -6.0, 400.0, 5.0, -8.0, 0.05, 0.003];

type Vector = [Expr; 3];

fn dot(a: &Vector, b: &Vector) -> Expr {
    &a[0] * &b[0] + &a[1] * &b[1] + &a[2] * &b[2]
}

fn cross(a: &Vector, b: &Vector) -> Vector {
    [&a[1] * &b[2] - &a[2] * &b[1], &a[2] * &b[0] - &a[0] * &b[2], &a[0] * &b[1] - &a[1] * &b[0]]
}

/// Both residuals; `camera` has rotation 3, centre 3, focal length, principal point 2, distortion 2.
fn residuals(camera: &[Expr], point: &[Expr], w: &Expr, feature: &[Expr]) -> [Expr; 2] {
    let rotation: Vector = std::array::from_fn(|i| camera[i].clone());
    let theta = dot(&rotation, &rotation).sqrt();
    let axis: Vector = std::array::from_fn(|i| &rotation[i] / &theta);
    let v: Vector = std::array::from_fn(|i| &point[i] - &camera[3 + i]);
    let (turned, along, cos, sin) = (cross(&axis, &v), dot(&axis, &v), theta.cos(), theta.sin());
    let y: Vector =
        std::array::from_fn(|i| &v[i] * &cos + &turned[i] * &sin + &axis[i] * &along * (1 - &cos));
    let p: [Expr; 2] = std::array::from_fn(|i| &y[i] / &y[2]);
    let square = p[0].sq() + p[1].sq();
    let distortion = 1 + &camera[9] * &square + &camera[10] * square.sq();
    std::array::from_fn(|i| w * (&camera[6] * &distortion * &p[i] + &camera[7 + i] - &feature[i]))
}

/// Expressions of equal shape along a new last axis.
fn stack(parts: &[Expr]) -> Expr {
    let rank = parts[0].rank();
    let columns: Vec<Expr> = parts.iter().map(|part| part.insert_axis(rank)).collect();
    columns[0].concat(&columns[1..].iter().collect::<Vec<_>>(), -1)
}

/// The expression with inputs replaced.
fn substituted(b: &Builder, of: &Expr, replaced: &[(Expr, Expr)]) -> Expr {
    let node = |x: &Expr| x.node();
    let pairs: Option<Vec<_>> = replaced.iter().map(|(from, to)| node(from).zip(node(to))).collect();
    let (Some(of), Some(pairs)) = (node(of), pairs) else { return of.clone() };
    match b.with(|g| g.substitute(&[of], &pairs)) {
        Ok(nodes) => b.wrap("substitute", nodes[0]),
        Err(error) => b.refuse(error, Vec::new(), None),
    }
}

pub(crate) fn make(case: &Case, jacobian: bool) -> Answer<Made> {
    let (cameras, points, count) =
        (case.number("cameras"), case.number("points"), case.number("observations"));
    let mut bench = Bench::default();
    let noise = uni(510, cameras * 11);
    let entries = noise.iter().enumerate().map(|(k, u)| CAMERA[k % 11] + 0.01 * u).collect();
    let camera = bench.real("cameras", &[cameras, 11], entries);
    let point = bench.real("points", &[points, 3], uni(511, points * 3));
    let w = bench.real("w", &[count], uniform(512, count, 0.5, 1.0));
    let features = uni(513, count * 2).into_iter().map(|u| 300.0 * u).collect();
    let feature = bench.real("m", &[count, 2], features);
    let of_camera = bench.labels("camera", cameras, &[count], labels(514, count, cameras));
    let of_point = bench.labels("point", points, &[count], labels(515, count, points));

    // One observation, on symbols of its own; the gathered columns take their place after the derivative.
    let b = bench.b.clone();
    let symbol = |name: &str, k: usize| b.real(&format!("{name}{k}"), count as i64);
    let cs: Vec<Expr> = (0..11).map(|k| symbol("c", k)).collect();
    let xs: Vec<Expr> = (0..3).map(|k| symbol("X", k)).collect();
    let ms: Vec<Expr> = (0..2).map(|k| form(&b, &format!("f[o] = m[o,{k}]"), &[("m", &feature)])).collect();
    let r = residuals(&cs, &xs, &w, &ms);
    let gathered = |symbols: &[Expr], table: &Expr, at: &Expr| -> Vec<(Expr, Expr)> {
        let column =
            |k: usize| form(&b, &format!("y[o] = table[at[o],{k}]"), &[("table", table), ("at", at)]);
        symbols.iter().enumerate().map(|(k, symbol)| (symbol.clone(), column(k))).collect()
    };
    let replaced = [gathered(&cs, &camera, &of_camera), gathered(&xs, &point, &of_point)].concat();

    let e: Expr = 1 - w.sq();
    let outputs = if jacobian {
        let variables: Vec<&Expr> = cs.iter().chain(&xs).chain([&w]).collect();
        let rows = r
            .iter()
            .map(|r| Ok(stack(&r.sum().gradient(&variables)?)))
            .collect::<Result<Vec<_>, Diagnostics>>()?;
        let block = substituted(&b, &stack(&rows).transpose(&[0, 2, 1]), &replaced);
        [block, e.sum().gradient(&[&w])?.remove(0)]
    } else {
        [substituted(&b, &stack(&r), &replaced), e]
    };
    bench.finish(&[&outputs[0], &outputs[1]], Kind::Call(0))
}
