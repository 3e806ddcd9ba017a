//! The JSON records: their exact text, and that every member is documented.

use crate::{HOMEWORK, chainrule, seen, utf8};
use chainrule_golden::golden_text;
use serde_json::Value;

fn parsed(arguments: &[&str]) -> Value {
    let output = chainrule(arguments);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", utf8(&output.stdout)))
}

#[test]
fn records_are_locked() {
    let lines: [&[&str]; 7] = [
        &["derive", HOMEWORK, "dl_h/dz", "--format", "json"],
        &["derive", HOMEWORK, "dl_h/dz", "dy/dV", "--format", "json"],
        &["derive", HOMEWORK, "dl_h/dz", "--at", "H", "--format", "json"],
        &["derive", "-e", "var x : real[n]; d(sqrt(abs(x[0])))/dx", "--format", "json"],
        &["eval", HOMEWORK, "l_h", "dl_h/dz", "--at", "H", "--format", "json"],
        &["eval", "-e", "var x : real[n]; d(relu(x))/dx", "--set", "x = [0, 1]", "--format", "json"],
        &["eval", "-e", "var x : real; 1/x; -1/x; x/x; -x; 0.1 + 0.2", "--set", "x = 0", "--format", "json"],
    ];
    let text = lines.iter().map(|l| seen(l)).collect::<Vec<_>>().join("\n");
    golden_text!("cli", "json", text);
}

#[test]
fn members_are_those_of_the_page() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).unwrap();
    let derived = parsed(&["derive", HOMEWORK, "dl_h/dz", "--at", "H", "--format", "json"]);
    let expected = [
        "expr",
        "shape",
        "index",
        "vectorised",
        "evaluated",
        "latex",
        "numpy",
        "assumptions",
        "kinks",
        "verified",
        "value",
    ];
    assert_eq!(derived.as_object().unwrap().keys().collect::<Vec<_>>(), expected);
    let value = parsed(&["eval", "-e", "var x : real; d(relu(x))/dx", "--set", "x = 0", "--format", "json"]);
    assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), ["shape", "value", "kinks"]);
    let kink = &value["kinks"][0];
    assert_eq!(
        kink.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["node", "where", "convention", "interval"]
    );
    let members = derived.as_object().unwrap().keys().chain(kink.as_object().unwrap().keys());
    for member in members {
        assert!(page.contains(&format!("| `{member}` |")), "docs/json.md does not speak of {member}");
    }
}

#[test]
fn numbers_read_back_to_the_same_bits() {
    let value = parsed(&["eval", "-e", "0.1 + 0.2", "--format", "json"]);
    assert_eq!(value["value"].as_f64().unwrap().to_bits(), (3.0f64 / 10.0).to_bits());
    let value = parsed(&["eval", "-e", "var x : real; x", "--set", "x = 4.9e-324", "--format", "json"]);
    assert_eq!(value["value"].as_f64().unwrap().to_bits(), 1);
    let value =
        parsed(&["eval", "-e", "var x : real[n]; x", "--set", "x = [inf, -inf, nan]", "--format", "json"]);
    assert_eq!(value["value"].to_string(), r#"["Infinity","-Infinity","NaN"]"#);
}

#[test]
fn several_formulas_are_an_array_and_one_is_an_object() {
    assert!(parsed(&["eval", "-e", "1; 2", "--format", "json"]).is_array());
    assert!(parsed(&["eval", "-e", "1", "--format", "json"]).is_object());
}
