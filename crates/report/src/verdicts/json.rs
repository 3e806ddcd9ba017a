//! Verdicts for programs: JSON records and JUnit.

use super::{slip, words};
use chainrule_check::{Counterexample, Verdict};
use chainrule_core::tensor::{Tensor, Value as Tensors};
use chainrule_lang::judge::{Grade, Judged, Outcome, Record, reals};
use chainrule_lang::scope::Feedback;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// `{"results": […]}`: one record for each claim and expectation.
pub fn records<'r>(all: impl Iterator<Item = &'r Record>) -> Value {
    json!({ "results": all.map(record).collect::<Vec<Value>>() })
}

fn record(record: &Record) -> Value {
    let mut out = Map::new();
    out.insert("label".into(), json!(record.label));
    out.insert("text".into(), json!(record.text));
    out.insert("verdict".into(), json!(record.word()));
    let full = |value| if record.tells(Feedback::Full) { value } else { Value::Null };
    let mut how = Value::Null;
    let (mut condition, mut almost_everywhere) = (Value::Null, Value::Null);
    let (mut counterexample, mut slip_text, mut repair) = (Value::Null, Value::Null, Value::Null);
    match &record.outcome {
        Outcome::Judged(judged) => {
            how = match &judged.report.verdict {
                Verdict::NotComparable(why) | Verdict::Undecided(why) => json!(why),
                _ => json!(judged.report.how.to_string()),
            };
            match &judged.report.verdict {
                Verdict::Conditional(c) => {
                    condition = json!(c.text);
                    almost_everywhere = json!(c.almost_everywhere);
                    repair = full(json!(judged.edited));
                }
                Verdict::Wrong(example) => {
                    if record.tells(Feedback::Counterexample) {
                        counterexample = point(judged, example);
                    }
                    repair = full(json!(judged.repair()));
                    if let Some(first) = judged.report.diagnosis().filter(|_| record.tells(Feedback::Hint)) {
                        slip_text = json!({
                            "name": first.name, "tag": first.tag, "right": first.right, "wrong": first.wrong,
                            "step": first.step.map(|(k, n)| [k, n]), "text": slip(first),
                        });
                    }
                }
                _ => {}
            }
            if let Some((link, links)) = judged.link {
                out.insert("link".into(), json!([link, links]));
            }
        }
        Outcome::NotComparable(why) | Outcome::Failed(why) => how = json!(why),
        Outcome::Expected(e) => {
            how = json!(if e.tolerance.is_empty() {
                "evaluated".to_string()
            } else {
                format!("evaluated, {}", e.tolerance)
            });
            if record.tells(Feedback::Counterexample) {
                out.insert("found".into(), tensor(&e.found));
                out.insert("expected".into(), tensor(&e.expected));
            }
        }
        Outcome::Asked | Outcome::Unread => {}
    }
    out.insert("how".into(), how);
    out.insert("condition".into(), condition);
    out.insert("almost_everywhere".into(), almost_everywhere);
    out.insert("counterexample".into(), counterexample);
    out.insert("slip".into(), slip_text);
    out.insert("repair".into(), repair);
    out.insert("follow_through".into(), json!(record.follow_through));
    let points = record.points.as_ref().map(|points| {
        json!({ "of": number(points.to_f64()), "awarded": record.awarded().map(|a| number(a.to_f64())) })
    });
    out.insert("points".into(), json!(points));
    if !record.notes.is_empty() && record.tells(Feedback::Hint) {
        out.insert("notes".into(), json!(record.notes));
    }
    Value::Object(out)
}

fn point(judged: &Judged, example: &Counterexample) -> Value {
    let base = judged.base;
    let sizes: Map<String, Value> =
        example.sizes.iter().map(|(name, n)| (name.to_string(), json!(n))).collect();
    let values: Map<String, Value> =
        example.point.iter().map(|(name, value)| (name.clone(), any(value, base))).collect();
    let (yours, derived) = example.entry();
    let index: Vec<i64> = example.index.iter().map(|i| *i as i64 + base).collect();
    json!({
        "case": example.case,
        "sizes": sizes,
        "point": values,
        "index": index,
        "yours": number(yours),
        "derived": number(derived),
        "smallest": example.smallest.as_ref().map(|s| point(judged, s)),
    })
}

fn any(value: &Tensors<f64>, base: i64) -> Value {
    match value {
        Tensors::Bool(t) => nested(t.shape(), t.data(), &|b| json!(b)),
        Tensors::Int(t) => nested(t.shape(), t.data(), &|k| json!(k + base)),
        Tensors::Real(_) => tensor(&reals(value, base)),
    }
}

fn tensor(t: &Tensor<f64>) -> Value {
    nested(t.shape(), t.data(), &|x| number(*x))
}

/// Rows in brackets; the depth is the rank, which is small.
fn nested<T>(shape: &[usize], data: &[T], entry: &dyn Fn(&T) -> Value) -> Value {
    match shape.split_first() {
        None => data.first().map_or(Value::Null, entry),
        Some((&rows, inner)) => {
            let width: usize = inner.iter().product();
            (0..rows).map(|r| nested(inner, &data[r * width..(r + 1) * width], entry)).collect()
        }
    }
}

/// A number; what is not finite as the text that names it.
fn number(x: f64) -> Value {
    if x.is_finite() {
        return json!(x);
    }
    json!(if x.is_nan() {
        "NaN"
    } else if x > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    })
}

/// JUnit: one suite for each file, one case for each statement.
pub fn junit(suites: &[(String, Vec<Record>)]) -> String {
    let escape = |text: &str| {
        let mut safe = String::new();
        for c in text.chars() {
            match c {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                c if c.is_control() && c != '\n' => safe.push(' '),
                c => safe.push(c),
            }
        }
        safe
    };
    let bad = |r: &&Record| matches!(r.grade(), Some(Grade::Wrong | Grade::Undecided) | None);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (file, records) in suites {
        let failures = records.iter().filter(bad).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">",
            escape(file),
            records.len()
        );
        for record in records {
            let name = format!("{} {}", record.label, record.text);
            let _ = write!(out, "    <testcase classname=\"{}\" name=\"{}\"", escape(file), escape(&name));
            if bad(&record) {
                let _ = writeln!(
                    out,
                    ">\n      <failure message=\"{}\"/>\n    </testcase>",
                    escape(&words(record))
                );
            } else {
                out.push_str("/>\n");
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}
