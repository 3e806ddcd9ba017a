//! The homework's reference: its test vectors of both formatters, and its six blocks byte for byte.

use chainrule::report::{Array, Format, Zeros, array_string, json, numpy_str, snapshot_block};
use serde_json::Value;

const TEXT: &str = include_str!("../homework/reference.txt");
const VALUES: &str = include_str!("../homework/reference.json");
const SECTIONS: [&str; 3] = ["inputs", "jacobians", "gradients"];

fn reference() -> Value {
    serde_json::from_str(VALUES).unwrap()
}

/// The lines between BEGIN and END, as they were printed.
fn block(network: usize, format: Format) -> &'static str {
    let tag = match format {
        Format::ArrayString => "array_string",
        _ => "numpy_str",
    };
    let begin = format!("===== BEGIN network {network} [{tag}]\n");
    let end = format!("===== END network {network} [{tag}]\n");
    TEXT.split_once(&begin).unwrap().1.split_once(&end).unwrap().0
}

fn shape(entry: &Value) -> Vec<usize> {
    entry["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// The recorded array, its negative zeros where `neg_zero_at` lists them.
fn array(entry: &Value) -> Array {
    let values = entry["values"].as_array().unwrap();
    if entry["kind"] == "int" {
        return Array::int(&shape(entry), values.iter().map(|v| number(v) as i64).collect());
    }
    let mut reals: Vec<f64> = values.iter().map(|v| number(v) + 0.0).collect();
    for at in entry["neg_zero_at"].as_array().unwrap() {
        reals[at.as_u64().unwrap() as usize] = -0.0;
    }
    Array::real(&shape(entry), reals)
}

/// What is recorded of network `n`.
pub(crate) fn network(n: usize) -> Value {
    reference()["networks"][n].clone()
}

/// Its three sections: keys and arrays in the order in which they are printed.
pub(crate) fn sections(network: &Value) -> [Vec<(&str, Array)>; 3] {
    SECTIONS.map(|name| {
        let entries = network["snapshot"][name].as_object().unwrap();
        entries.iter().map(|(key, entry)| (key.as_str(), array(entry))).collect()
    })
}

#[test]
fn all_six_blocks_are_reproduced() {
    for n in 0..3 {
        let network = network(n);
        let [inputs, jacobians, gradients] = sections(&network);
        for format in Format::ALL {
            let text = snapshot_block(n, [&inputs, &jacobians, &gradients], format);
            assert_eq!(text, block(n, format), "network {n}, {format}");
        }
    }
}

#[test]
fn every_recorded_array_is_printed_as_recorded() {
    let reference = reference();
    let mut seen = 0;
    for network in reference["networks"].as_array().unwrap() {
        let entries =
            SECTIONS.iter().flat_map(|name| network["snapshot"][name].as_object().unwrap().values());
        for entry in entries.chain([&network["y_hat"]]) {
            let array = array(entry);
            assert_eq!(array_string(&array), entry["array_string"].as_str().unwrap());
            assert_eq!(numpy_str(&array), entry["numpy_str"].as_str().unwrap());
            let spaced = json(&array).to_string().replace(',', ", ");
            assert_eq!(spaced, entry["numpy_repr_nested"].as_str().unwrap());
            seen += 1;
        }
    }
    assert_eq!(seen, 3 * 19);
}

#[test]
fn canonical_zeros_differ_from_the_homeworks_in_sign_only() {
    for network in reference()["networks"].as_array().unwrap() {
        for (key, array) in sections(network).into_iter().flatten() {
            let kept = array_string(&Zeros::Homework.show(array.clone()));
            let canonical = array_string(&Zeros::Canonical.show(array));
            assert_eq!(canonical, kept.replace("-0,", "0,").replace("-0)", "0)"), "{key}");
        }
    }
}

#[test]
fn array_string_scalars() {
    for case in reference()["array_string_scalars"].as_array().unwrap() {
        let x = Array::real(&[], vec![number(&case["input"])]);
        assert_eq!(array_string(&x), case["out"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn array_string_arrays() {
    let reals = |shape: &[usize], from: i32| {
        let size = shape.iter().product::<usize>() as i32;
        Array::real(shape, (from..from + size).map(f64::from).collect())
    };
    for case in reference()["array_string_arrays"].as_array().unwrap() {
        let array = match case["case"].as_str().unwrap() {
            "0-d array 3.0" => reals(&[], 3),
            "shape (1,)" => reals(&[1], 2),
            "shape (0,)" => reals(&[0], 0),
            "shape (2,0)" => reals(&[2, 0], 0),
            "shape (1,1,2)" => reals(&[1, 1, 2], 0),
            "shape (2,2,2)" => reals(&[2, 2, 2], 0),
            "2-d" => reals(&[2, 2], 1),
            "int array [12345, 7]" => Array::int(&[2], vec![12345, 7]),
            "python int 3" => Array::int(&[], vec![3]),
            "bool array" => Array::bool(&[2], vec![true, false]),
            "float32 0.1" => Array::single(&[], vec![0.1]),
            // What an `Array` cannot hold: complex numbers, lists, nothing.
            "complex 1+2j" | "list [1.0,2.0]" | "None" => continue,
            other => panic!("a case that no test knows: {other}"),
        };
        assert_eq!(array_string(&array), case["out"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn numpy_vectors() {
    for case in reference()["numpy_str_vectors"].as_array().unwrap() {
        let values: Vec<f64> = case["values"].as_array().unwrap().iter().map(number).collect();
        let x = Array::real(&[values.len()], values);
        assert_eq!(numpy_str(&x), case["numpy_str"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn numpy_arrays() {
    let arange = |n: u32| Array::real(&[n as usize], (0..n).map(f64::from).collect());
    for case in reference()["numpy_str_arrays"].as_array().unwrap() {
        let array = match case["case"].as_str().unwrap() {
            "arange(20) float" => arange(20),
            "arange(30) float (wraps at 75 columns)" => arange(30),
            "arange(1001.) (summarised)" => arange(1001),
            "zeros((0,))" => arange(0),
            "zeros((2,0))" => Array::real(&[2, 0], vec![]),
            "0-d 3.0" => Array::real(&[], vec![3.0]),
            "eye(3) int" => Array::int(&[3, 3], vec![1, 0, 0, 0, 1, 0, 0, 0, 1]),
            other => panic!("a case that no test knows: {other}"),
        };
        assert_eq!(numpy_str(&array), case["numpy_str"].as_str().unwrap(), "{case}");
    }
}

/// All numbers in nested lists, and how long the outermost list is.
fn flat(value: &Value) -> (Vec<f64>, usize) {
    match value.as_array() {
        Some(rows) => (rows.iter().flat_map(|row| flat(row).0).collect(), rows.len()),
        None => (vec![number(value)], 1),
    }
}

#[test]
fn what_problem_1_4_asks_for_beyond_the_snapshot() {
    for network in reference()["not_in_snapshot_but_in_problem_1_4"].as_array().unwrap() {
        for key in ["gx", "jx"] {
            let (reals, rows) = flat(&network[key]["values"]);
            let shape = if key == "gx" { vec![rows] } else { vec![rows, reals.len() / rows] };
            let array = Array::real(&shape, reals);
            assert_eq!(array_string(&array), network[key]["array_string"].as_str().unwrap());
            assert_eq!(numpy_str(&array), network[key]["numpy_str"].as_str().unwrap());
        }
    }
}
