//! Every number of the homework's reference, in both ways of evaluating.

use chainrule::core::tensor::{Tensor, Value};
use chainrule::nn::homework::{Section, Snapshot, Zeros, networks};
use serde_json::Value as Json;

/// Different orders of rounding `exp` and `log` are not a mistake; the reference itself is 2 off the exact numbers.
const ULPS: u64 = 4;

const VALUES: &str = include_str!("../homework/reference.json");

fn reference() -> Json {
    serde_json::from_str(VALUES).unwrap()
}

fn shape(entry: &Json) -> Vec<usize> {
    entry["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect()
}

/// The recorded numbers, negative zeros where `neg_zero_at` lists them.
fn numbers(entry: &Json) -> Vec<f64> {
    let mut all: Vec<f64> =
        entry["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() + 0.0).collect();
    for at in entry["neg_zero_at"].as_array().unwrap() {
        all[at.as_u64().unwrap() as usize] = -0.0;
    }
    all
}

fn reals(value: &Value<f64>) -> Vec<f64> {
    match value {
        Value::Int(labels) => labels.data().iter().map(|&n| n as f64).collect(),
        other => other.real().unwrap().data().to_vec(),
    }
}

/// Distance in units in the last place; both zeros are one number.
pub(crate) fn ulps(a: f64, b: f64) -> u64 {
    let place = |x: f64| if x < 0.0 { -((-x).to_bits() as i64) } else { x.to_bits() as i64 & i64::MAX };
    place(a).abs_diff(place(b))
}

fn sections(snapshot: &Snapshot) -> [(&'static str, &Section); 3] {
    [("inputs", &snapshot.forward), ("jacobians", &snapshot.jacobians), ("gradients", &snapshot.gradients)]
}

/// Calls `judge` on every recorded entry with its computed value, keys and shapes compared on the way.
fn each(zeros: Zeros, judge: impl Fn(&str, f64, f64)) {
    let reference = reference();
    let mut seen = 0;
    for network in networks() {
        let recorded = &reference["networks"][network.number];
        let snapshot = network.snapshot(zeros).unwrap().as_printed();
        for (name, section) in sections(&snapshot) {
            let entries = recorded["snapshot"][name].as_object().unwrap();
            assert_eq!(
                section.iter().map(|(key, _)| key).collect::<Vec<_>>(),
                entries.keys().collect::<Vec<_>>()
            );
            for (key, value) in section {
                let entry = &entries[key];
                let title = format!("network {} {key}", network.number);
                assert_eq!(value.shape(), shape(entry), "{title}");
                reals(value).iter().zip(numbers(entry)).for_each(|(&got, want)| judge(&title, got, want));
                seen += 1;
            }
        }
        let y_hat = &snapshot.extra.iter().find(|(key, _)| key == "y_hat").unwrap().1;
        assert_eq!(reals(y_hat), numbers(&recorded["y_hat"]));
        assert_eq!(y_hat.shape(), shape(&recorded["y_hat"]));
    }
    assert_eq!(seen, 3 * 18);
}

#[test]
fn canonical_values_are_right_and_zero_is_zero() {
    each(Zeros::Canonical, |title, got, want| {
        assert!(ulps(got, want) <= ULPS, "{title}: {got:?} is not {want:?}");
        assert!(got != 0.0 || title.ends_with(" x") || got.is_sign_positive(), "{title}: {got:?}");
    });
}

#[test]
fn the_homeworks_way_gives_its_zeros() {
    each(Zeros::Homework, |title, got, want| {
        // Only network 2 has numbers that round.
        let allowed = if title.starts_with("network 2") { ULPS } else { 0 };
        assert!(ulps(got, want) <= allowed, "{title}: {got:?} is not {want:?}");
        assert_eq!(got.is_sign_negative(), want.is_sign_negative(), "{title}: {got:?} is not {want:?}");
    });
}

#[test]
fn the_gradient_of_the_input_is_offered() {
    let asked = reference()["not_in_snapshot_but_in_problem_1_4"].clone();
    for network in networks() {
        for zeros in [Zeros::Canonical, Zeros::Homework] {
            let snapshot = network.snapshot(zeros).unwrap();
            for (key, value) in snapshot.extra.iter().filter(|(key, _)| key != "y_hat") {
                let values = &asked[network.number][key]["values"];
                let rows = values.as_array().unwrap().iter();
                let flat: Vec<f64> = rows
                    .flat_map(|row| row.as_array().cloned().unwrap_or(vec![row.clone()]))
                    .map(|v| v.as_f64().unwrap())
                    .collect();
                assert!(
                    reals(value).iter().zip(&flat).all(|(a, b)| ulps(*a, *b) <= ULPS),
                    "{key}: {value:?}"
                );
                assert_eq!(value.count(), flat.len());
            }
        }
    }
}

#[test]
fn a_gradient_has_the_shape_of_its_parameter() {
    for network in networks() {
        let trace = network.trace().unwrap();
        for (path, gradient) in trace.gradients().iter() {
            assert_eq!(gradient.shape(), network.params.get(path).unwrap().shape(), "{path}");
            let by_name = trace.gradient(path).unwrap();
            assert_eq!(by_name.map(|v| v + 0.0), gradient.map(|v| v + 0.0), "one sweep, or one question");
        }
        assert_eq!(trace.gradients().iter().count(), 4);
    }
    let number = networks()[1].trace().unwrap();
    assert_eq!(number.gradients().get("2/v").unwrap().shape(), [2]);
    assert_eq!(number.gradients().get("2/b"), Some(&Tensor::scalar(-2.0)));
}
