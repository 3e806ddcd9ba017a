//! Simplified and unsimplified expressions have the same value, and what simplification did is named.

use crate::cases;
use chainrule_core::NodeId;
use chainrule_core::simplify::{Options, REWRITES};
use std::collections::BTreeSet;

/// Rounding may differ where terms are added in another order.
fn close(a: f64, b: f64, scale: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-11 * scale.max(b.abs()).max(1.0)
}

#[test]
fn values_survive_simplification() {
    let mut compared = 0;
    let mut failed: Vec<String> = Vec::new();
    for case in cases() {
        let mut g = case.graph.clone();
        let mut outputs: Vec<NodeId> = vec![case.y];
        for &x in &case.xs {
            outputs.extend(g.jacobian(case.y, x));
        }
        let simplified = g.simplify(&outputs, &Options::default()).expect("the outputs are of this graph");
        for point in &case.points {
            let at = point.plain::<f64>();
            let (Ok(before), Ok(after)) = (g.evaluate(&outputs, &at), g.evaluate(&simplified.outputs, &at))
            else {
                continue;
            };
            for (b, a) in before.iter().zip(&after) {
                let (Some(b), Some(a)) = (b.real(), a.real()) else { continue };
                let scale = b.data().iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
                let same = a.shape() == b.shape()
                    && a.data().iter().zip(b.data()).all(|(a, b)| close(*a, *b, scale));
                compared += 1;
                if !same {
                    failed.push(format!("{}: {:?} became {:?}", case.name, b.data(), a.data()));
                }
            }
        }
    }
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
    assert!(compared > 1000, "{compared}");
}

#[test]
fn every_rewrite_has_its_own_name_and_says_when() {
    let names: BTreeSet<&str> = REWRITES.iter().map(|r| r.name).collect();
    assert_eq!(names.len(), REWRITES.len());
    for r in REWRITES {
        assert!(!r.before.is_empty() && !r.after.is_empty() && !r.condition.is_empty(), "{}", r.name);
        assert!(r.about.ends_with('.'), "{}", r.name);
    }
}
