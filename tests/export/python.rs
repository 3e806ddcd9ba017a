//! Exported text run by Python with NumPy and compared with the slow evaluator.

use crate::case::Point;
use chainrule::export::numpy;
use chainrule_core::tensor::Value;
use chainrule_core::{Graph, NodeId};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Relative difference that another order of summation explains.
const TOLERANCE: f64 = 1e-9;

/// What NumPy says of the largest entry of an empty axis.
const EMPTY_AXIS: [&str; 2] = ["argmax of an empty sequence", "zero-size array to reduction operation"];

/// A function of all inputs with its points.
pub(crate) struct Job {
    pub(crate) title: String,
    pub(crate) code: String,
    points: Vec<Json>,
    expected: Vec<Vec<Value<f64>>>,
}

impl Job {
    /// The outputs as a function, at the points where the evaluator has an answer.
    pub(crate) fn new(title: &str, graph: &Graph, outputs: &[NodeId], points: &[Point]) -> Job {
        // All inputs, so that sizes are read off the shapes of those that the outputs do not need too.
        let inputs: Vec<NodeId> =
            graph.nodes().filter(|&n| graph.as_input(n).is_some_and(|i| i.copy == 0)).collect();
        let code = numpy::function(graph, "f", &inputs, outputs).unwrap();
        let (mut kept, mut expected) = (Vec::new(), Vec::new());
        for point in points {
            let Ok(values) = graph.evaluate::<f64>(outputs, &point.plain()) else { continue };
            let given: serde_json::Map<String, Json> =
                point.values.iter().map(|(name, value)| (name.clone(), encoded(value))).collect();
            kept.push(json!({ "values": given, "sizes": point.sizes }));
            expected.push(values);
        }
        Job { title: title.to_string(), code, points: kept, expected }
    }
}

fn encoded(value: &Value<f64>) -> Json {
    let (kind, data): (&str, Vec<String>) = match value {
        Value::Real(t) => ("real", t.data().iter().map(|x| format!("{x:?}")).collect()),
        Value::Int(t) => ("int", t.data().iter().map(i64::to_string).collect()),
        Value::Bool(t) => ("bool", t.data().iter().map(|&p| u8::from(p).to_string()).collect()),
    };
    json!({ "kind": kind, "shape": value.shape(), "data": data })
}

/// The interpreter, installed on first use; `None` with a sentence on standard error where there is none.
fn interpreter() -> Option<&'static str> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python.sh");
            let output = Command::new("bash").arg(script).output().ok()?;
            if output.status.success() {
                let path = String::from_utf8(output.stdout).ok()?;
                return Some(path.trim().to_string());
            }
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_string();
            assert!(
                std::env::var_os("CHAINRULE_REQUIRE_PYTHON").is_none(),
                "exported text was to be run, but there is no python3 with numpy: {reason}"
            );
            eprintln!("NOT RUN: no python3 with numpy and scipy, so exported text is not executed: {reason}");
            None
        })
        .as_deref()
}

/// Runs all jobs in one process and reports every difference at once; answers how many values were compared.
///
/// With `empty` a program may meet the largest entry of an empty axis where no result has an entry.
pub(crate) fn compare(jobs: &[Job], empty: bool) -> Option<usize> {
    let python = interpreter()?;
    let request: Vec<Json> =
        jobs.iter().map(|j| json!({ "code": j.code, "name": "f", "points": j.points })).collect();
    let mut child = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/run.py"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(Json::from(request).to_string().as_bytes()).expect("the script reads its jobs");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "the exported text does not run: see above");
    let answers: Vec<Vec<Json>> = serde_json::from_slice(&output.stdout).expect("the script answers in JSON");
    let (mut compared, mut wrong) = (0, Vec::new());
    for (job, answers) in jobs.iter().zip(&answers) {
        for (k, (answer, expected)) in answers.iter().zip(&job.expected).enumerate() {
            match difference(answer, expected) {
                // The documented difference: NumPy refuses an empty axis even where no entry of a result needs it.
                Some(what) if empty && EMPTY_AXIS.iter().any(|e| what.contains(e)) => {}
                None => compared += 1,
                Some(what) => {
                    wrong.push(format!("{} at {}: {what}\n{}", job.title, job.points[k]["sizes"], job.code));
                    break;
                }
            }
        }
    }
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "\n{} of {} programs differ\n{shown}\n", wrong.len(), jobs.len());
    assert!(compared > 0, "nothing was compared");
    Some(compared)
}

fn difference(answer: &Json, expected: &[Value<f64>]) -> Option<String> {
    if let Some(error) = answer["error"].as_str() {
        return Some(error.to_string());
    }
    for (found, expected) in answer["values"].as_array()?.iter().zip(expected) {
        let shape: Vec<usize> =
            found["shape"].as_array()?.iter().filter_map(Json::as_u64).map(|n| n as usize).collect();
        if shape != expected.shape() {
            return Some(format!("shape {shape:?}, expected {:?}", expected.shape()));
        }
        let data: Vec<f64> = found["data"]
            .as_array()?
            .iter()
            .map(|x| x.as_str().and_then(|x| x.parse().ok()).expect("a number"))
            .collect();
        let wanted: Vec<f64> = match expected {
            Value::Real(t) => t.data().to_vec(),
            Value::Int(t) => t.data().iter().map(|&n| n as f64).collect(),
            Value::Bool(t) => t.data().iter().map(|&p| f64::from(u8::from(p))).collect(),
        };
        let scale = wanted.iter().filter(|x| x.is_finite()).fold(1.0f64, |m, x| m.max(x.abs()));
        let same =
            |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * scale;
        if !data.iter().zip(&wanted).all(|(&a, &b)| same(a, b)) {
            return Some(format!("{data:?}, expected {wanted:?}"));
        }
    }
    None
}
