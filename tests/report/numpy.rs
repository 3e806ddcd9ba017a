//! NumPy's text of some hundred arrays, recorded from NumPy itself; the first line of the file says how.

use chainrule::report::{Array, numpy_str};
use serde_json::Value;

const VECTORS: &str = include_str!("data/numpy_str.jsonl");

#[test]
fn text_equals_numpys() {
    let cases: Vec<Value> = VECTORS.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() > 600, "only {} vectors", cases.len());
    let differences: Vec<String> = cases.iter().filter_map(difference).collect();
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n\n"));
}

fn difference(case: &Value) -> Option<String> {
    let (expected, text) = (case["str"].as_str().unwrap(), numpy_str(&array(case)));
    (text != expected).then(|| format!("{}\nexpected\n{expected}\ngot\n{text}", head(case)))
}

fn head(case: &Value) -> String {
    case.to_string().chars().take(300).collect()
}

fn array(case: &Value) -> Array {
    let shape: Vec<usize> =
        case["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let values = case["values"].as_array();
    match case["dtype"].as_str().unwrap() {
        "?" => Array::bool(&shape, values.unwrap().iter().map(|v| v.as_bool().unwrap()).collect()),
        "i8" => Array::int(
            &shape,
            match values {
                Some(values) => values.iter().map(|v| v.as_i64().unwrap()).collect(),
                None => formula(case, &shape),
            },
        ),
        "f8" => Array::real(&shape, reals(case, &shape)),
        "f4" => Array::single(&shape, reals(case, &shape).into_iter().map(|x| x as f32).collect()),
        other => panic!("no entries of kind {other}"),
    }
}

fn reals(case: &Value, shape: &[usize]) -> Vec<f64> {
    match case["values"].as_array() {
        Some(values) => values.iter().map(|v| v.as_str().unwrap().parse().unwrap()).collect(),
        None => {
            let scale = case["formula"][3].as_f64().unwrap();
            formula(case, shape).into_iter().map(|k| k as f64 * scale).collect()
        }
    }
}

/// Entry `k` is `(k·step) mod modulus - shift`.
fn formula(case: &Value, shape: &[usize]) -> Vec<i64> {
    let [step, modulus, shift] = [0, 1, 2].map(|i| case["formula"][i].as_i64().unwrap());
    (0..shape.iter().product::<usize>() as i64).map(|k| (k * step) % modulus - shift).collect()
}
