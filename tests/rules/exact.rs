//! Exact rationals: entries that are polynomials or quotients of the arguments, equal to differences of the value.
//!
//! In one argument with the others fixed, a contraction of degree four at most is differentiated exactly by
//! `(8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h`; a solution, an inverse or a determinant is a Möbius function of one
//! entry, where `f' = 2 Δ₊ Δ₋ / h (Δ₋ − Δ₊)` with `Δ± = f(±h) − f(0)`.

use crate::case::{Case, Point};
use crate::cases;
use crate::check::text;
use chainrule_core::error::Result;
use chainrule_core::node::NodeId;
use chainrule_core::ops::rules::Rules;
use chainrule_core::scalar::{Exact, Scalar};

const POLYNOMIAL: &[&str] =
    &["sum", "contract", "select", "reduce_prod", "exclusive_prod", "identity", "relu", "abs"];
const MOEBIUS: &[&str] = &["inverse", "solve", "solve_lower", "solve_upper", "det", "recip"];
/// Of higher degree, quotients in two ways, not rational, or on a kink.
const EXCLUDED: &[&str] = &[
    "seventh power of a number",
    "quotient of numbers",
    "quotient",
    "norm",
    "sort with ties",
    "softmax typed naively",
    "a chain with a narrow middle",
    "logarithm of what is positive",
    "through a product with the inverse",
];

/// A step that passes no kink of the probes, which are odd multiples of 1/32 or further apart.
fn step(n: i64) -> Exact {
    Exact::from_i64(n) / Exact::from_i64(1024)
}

fn values(case: &Case, node: NodeId, point: &Point, name: &str, k: usize, n: i64) -> Result<Vec<Exact>> {
    let at = point.bind(|input, place, x| {
        let x = Exact::from_f64(x);
        if input == name && place == k { x + step(n) } else { x }
    });
    Ok(case.graph.evaluate(&[node], &at)?[0].real().expect("a real node").data().to_vec())
}

fn polynomial(at: impl Fn(i64) -> Result<Vec<Exact>>) -> Result<Vec<Exact>> {
    let [a, b, c, d] = [at(1)?, at(-1)?, at(2)?, at(-2)?];
    let number = Exact::from_i64;
    let slope = |k: usize| {
        let near = number(8) * (a[k].clone() - &b[k]);
        (near - (c[k].clone() - &d[k])) / (number(12) * step(1))
    };
    Ok((0..a.len()).map(slope).collect())
}

fn moebius(at: impl Fn(i64) -> Result<Vec<Exact>>) -> Result<Vec<Exact>> {
    let [here, up, down] = [at(0)?, at(1)?, at(-1)?];
    let slope = |k: usize| {
        let (up, down) = (up[k].clone() - &here[k], down[k].clone() - &here[k]);
        if up == Exact::zero() {
            return up;
        }
        Exact::from_i64(2) * &up * &down / (step(1) * (down - up))
    };
    Ok((0..here.len()).map(slope).collect())
}

/// The Jacobian of a sweep and the raw entry, in exact arithmetic, against exact differences.
fn compare(case: &Case) -> std::result::Result<usize, String> {
    let mut passed = 0;
    for &x in &case.xs {
        let mut case = case.clone();
        let jacobian = case.graph.jacobian(case.y, x).map_err(text)?;
        let operand = case.operands().into_iter().find(|(_, n)| *n == x).map(|(k, _)| k);
        let raw =
            operand.map(|k| Rules::new().entry(&mut case.graph, case.y, k).map_err(text)).transpose()?;
        let name = case.input_name(x);
        for point in case.points.iter().filter(|p| p.stated.is_none()) {
            let columns = point.real(&name).data().len();
            let got = values(&case, jacobian, point, "", 0, 0).map_err(text)?;
            let raw = match &raw {
                Some(raw) => {
                    let shape = case.graph.shape(jacobian).to_vec();
                    let at = point.plain();
                    case.graph.evaluate_entry(raw, &shape, &at, &[case.y]).map_err(text)?.into_data()
                }
                None => got.clone(),
            };
            for column in 0..columns {
                let at = |n| values(&case, case.y, point, &name, column, n);
                let want = if MOEBIUS.contains(&case.rule) { moebius(at) } else { polynomial(at) };
                for (row, want) in want.map_err(text)?.iter().enumerate() {
                    let (swept, stated) = (&got[row * columns + column], &raw[row * columns + column]);
                    if swept != want || stated != want {
                        return Err(format!(
                            "{} ({}) by {name}: {swept}, {stated}, {want}",
                            case.rule, case.name
                        ));
                    }
                    passed += 1;
                }
            }
        }
    }
    Ok(passed)
}

#[test]
fn rational_entries_are_exact_differences() {
    let rational = |c: &Case| POLYNOMIAL.contains(&c.rule) || MOEBIUS.contains(&c.rule);
    let chosen = cases().filter(|c| rational(c) && !EXCLUDED.contains(&c.name.as_str()));
    let results: Vec<_> = chosen.map(|c| compare(&c)).collect();
    let failed: Vec<&String> = results.iter().filter_map(|r| r.as_ref().err()).collect();
    assert!(failed.is_empty(), "\n{failed:#?}");
    let passed: usize = results.iter().flatten().sum();
    println!("{passed} exact entries");
    assert!(passed > 1000);
}
