//! Arrays as JSON: nested lists at full precision.
//!
//! A real is the shortest decimal that reads back to the same bits, an integer stays an integer, and what
//! JSON has no number for is a string: `"NaN"`, `"Infinity"`, `"-Infinity"`.

use crate::array::{Array, Entries, parts};
use crate::number::json_name;
use serde_json::Value;

/// The array as nested lists; a scalar stands bare.
///
/// ```
/// use chainrule_report::{json, Array};
/// let x = Array::real(&[2, 2], vec![0.1, -2.0, f64::NAN, 1e300]);
/// assert_eq!(json(&x).to_string(), r#"[[0.1,-2.0],["NaN",1e+300]]"#);
/// ```
pub fn json(array: &Array) -> Value {
    match array.entries() {
        Entries::Real(v) => nested(array.shape(), 0, &|k| real(v[k])),
        Entries::Single(v) => nested(array.shape(), 0, &|k| single(v[k])),
        Entries::Int(v) => nested(array.shape(), 0, &|k| v[k].into()),
        Entries::Bool(v) => nested(array.shape(), 0, &|k| v[k].into()),
    }
}

/// Sections of named arrays as one object, one member a line: `{"network": 0, "forward": {"x": [..]}}`.
pub fn sections(network: usize, sections: &[(&str, Vec<(&str, Array)>)]) -> String {
    let mut out = format!("{{\n  \"network\": {network}");
    for (title, members) in sections {
        out.push_str(&format!(",\n  {}: {{", Value::from(*title)));
        for (k, (key, array)) in members.iter().enumerate() {
            let comma = if k > 0 { "," } else { "" };
            out.push_str(&format!("{comma}\n    {}: {}", Value::from(*key), json(array)));
        }
        out.push_str("\n  }");
    }
    out.push_str("\n}\n");
    out
}

/// One record, or an array for several: members a line each, so that differences are read line by line.
pub fn objects(mut records: Vec<Value>) -> String {
    let one = |record: &Value, indent: &str| match record {
        Value::Object(members) => {
            let lines: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{indent}  {}: {value}", Value::from(key.as_str())))
                .collect();
            format!("{indent}{{\n{}\n{indent}}}", lines.join(",\n"))
        }
        other => format!("{indent}{other}"),
    };
    if records.len() == 1 {
        return one(&records.remove(0), "") + "\n";
    }
    let all: Vec<String> = records.iter().map(|r| one(r, "  ")).collect();
    format!("[\n{}\n]\n", all.join(",\n"))
}

fn nested(shape: &[usize], start: usize, entry: &dyn Fn(usize) -> Value) -> Value {
    if shape.is_empty() {
        return entry(start);
    }
    Value::Array(parts(shape, start).map(|s| nested(&shape[1..], s, entry)).collect())
}

pub(crate) fn real(x: f64) -> Value {
    json_name(x).map_or_else(|| x.into(), Value::from)
}

/// A single is written by its own shortest decimal (0.1, not 0.10000000149011612), where that survives
/// a reader that goes through doubles.
fn single(x: f32) -> Value {
    let wide: f64 = x.to_string().parse().unwrap_or(f64::from(x));
    real(if wide as f32 == x { wide } else { f64::from(x) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_keeps_its_own_words() {
        let text = |a: Array| json(&a).to_string();
        assert_eq!(text(Array::real(&[], vec![-0.0])), "-0.0");
        assert_eq!(
            text(Array::real(&[2], vec![f64::INFINITY, f64::NEG_INFINITY])),
            r#"["Infinity","-Infinity"]"#
        );
        assert_eq!(text(Array::single(&[3], vec![0.1, f32::NAN, 16777216.0])), r#"[0.1,"NaN",16777216.0]"#);
        assert_eq!(text(Array::int(&[2], vec![i64::MAX, -1])), "[9223372036854775807,-1]");
        assert_eq!(text(Array::bool(&[2, 1], vec![true, false])), "[[true],[false]]");
        assert_eq!(text(Array::real(&[2, 0], vec![])), "[[],[]]");
    }

    #[test]
    fn every_real_reads_back_to_the_same_bits() {
        let x = vec![0.1 + 0.2, 5e-324, f64::MAX, 1.0 / 3.0, 6.0091744845917345];
        let back: Vec<f64> = serde_json::from_str(&json(&Array::real(&[5], x.clone())).to_string()).unwrap();
        assert_eq!(back, x);
    }
}
