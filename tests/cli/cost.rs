//! What `cost` answers: polynomials, numbers, plans; what it refuses.

use crate::answers::words;
use crate::{HOMEWORK, chainrule, code, seen, utf8};
use chainrule_golden::golden_text;
use serde_json::Value;

const SOFTMAX: &str = "var V : real[m,n]; var x : real[n]; d(softmax(V @ x))/dV";

fn all(lines: &[&[&str]]) -> String {
    lines.iter().map(|arguments| seen(arguments)).collect::<Vec<_>>().join("\n")
}

#[test]
fn costs_are_polynomials_in_the_sizes() {
    golden_text!(
        "cli",
        "cost",
        all(&[
            &["cost", HOMEWORK, "dy/dV", "dlambda/dV1", "1.1:dl_h/dz"],
            &["cost", "-e", SOFTMAX],
            &["cost", "-e", "var A : real[i,a]; var B : real[a,b]; var C : real[b,c]; A @ B @ C"],
            &["cost", "-e", "var A : real[i,a]; var B : real[a,b]; sum(k, sum(l, A[p,k]*B[k,l]*A[q,k]))"],
            &["cost", "-e", "var A : real[n,n]; var b : real[n]; solve(A, b); d(logdet(A))/dA"],
            &["cost", "-e", "var x : real[n]; argmax(x); cumsum(x)"],
        ])
    );
}

#[test]
fn numbers_come_with_a_plan() {
    let interpreted = "--interpreted";
    golden_text!(
        "cli",
        "cost_at",
        all(&[
            &["cost", HOMEWORK, "dy/dV", "--at", "A", interpreted],
            &["cost", "-e", SOFTMAX, "--set", "m = 40", "--set", "n = 30", "--structured", interpreted],
            &["cost", "-e", "var x : real[3]; sum(x)", interpreted],
            &["cost", "-e", "var x : real[n]; d(tanh(x))/dx", "--set", "n = 0", interpreted],
        ])
    );
}

#[test]
fn what_has_no_answer_is_told() {
    golden_text!(
        "cli",
        "cost_mistakes",
        all(&[
            &["cost", "-e", SOFTMAX, "--set", "m = 40"],
            &["cost", "-e", SOFTMAX, "--timings"],
            &["cost", "-e", SOFTMAX, "--set", "m = 40", "--set", "n = -1"],
            &["cost", "-e", SOFTMAX, "--set", "m = 40", "--set", "n = [1, 2]"],
            &["cost", "-e", SOFTMAX, "--set", "m = 40", "--set", "k = 3"],
            &["cost", HOMEWORK, "dy/dV", "--at", "Z"],
            &["cost", HOMEWORK, "dlambda/dV1", "--in", "1.4", "--set", "h = 3"],
            &["cost", "-e", SOFTMAX, "--set", "m = 5000", "--set", "n = 3000"],
            &[
                "cost",
                "-e",
                SOFTMAX,
                "--set",
                "m = 5000",
                "--set",
                "n = 3000",
                "--structured",
                "--limit",
                "1MiB"
            ],
            &[
                "cost",
                "-e",
                "var x : real[n]; sum(x)",
                "--set",
                "n = 1000000000",
                "--timings",
                "--limit",
                "1GB"
            ],
            &["cost", "-e", "var x : real[n]; x[i]*x[j]*x[k]*x[l]", "--set", "n = 1000000000"],
            &["cost", "-e", SOFTMAX, "--limit", "much"],
        ])
    );
}

#[test]
fn a_run_is_measured_step_by_step() {
    let sizes = ["--set", "m = 40", "--set", "n = 30"];
    for more in [&["--timings"][..], &["--timings", "--structured"]] {
        let arguments = [&["cost", "-e", SOFTMAX], &sizes[..], more].concat();
        let output = chainrule(&arguments);
        assert_eq!(code(&output), 0, "{}", utf8(&output.stderr));
        let text = utf8(&output.stdout);
        let timings = text.split("timings: ").nth(1).expect("timings are printed");
        assert!(timings.contains("GFLOP/s") && timings.contains("100.0%") || timings.lines().count() > 3);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    // Values of a case, labels and truth values too.
    let output = chainrule(&["cost", HOMEWORK, "dl_h/dz", "--at", "H", "--timings", "--format", "json"]);
    let record: Value = serde_json::from_slice(&output.stdout).expect("a record");
    let (steps, timed) = (&record["at"]["plan"]["steps"], &record["at"]["timings"]);
    assert_eq!(steps.as_array().unwrap().len(), timed["steps"].as_array().unwrap().len());
    assert!(timed["runs"].as_u64().unwrap() >= 3 && timed["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn records_are_locked_and_documented() {
    let lines: [&[&str]; 2] = [
        &["cost", HOMEWORK, "dy/dV", "--format", "json"],
        &["cost", HOMEWORK, "dy/dV", "--at", "A", "--interpreted", "--format", "json"],
    ];
    golden_text!("cli", "cost_json", all(&lines));
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).unwrap();
    let output = chainrule(lines[1]);
    let record: Value = serde_json::from_slice(&output.stdout).expect("a record");
    let at = &record["at"];
    let objects = [
        &record,
        &record["dense"],
        &record["nodes"][0],
        at,
        &at["plan"],
        &at["plan"]["steps"][0],
        &at["plan"]["buffers"][0],
    ];
    for object in objects {
        for member in object.as_object().expect("an object").keys() {
            assert!(page.contains(&format!("`{member}`")), "docs/json.md does not speak of {member}");
        }
    }
}

/// The command on the page about plans is run, and answers what the page says.
#[test]
fn the_page_about_plans_tells_the_truth() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/executor.md")).unwrap();
    let block = page.split("```console\n$ chainrule ").nth(1).expect("a command stands on the page");
    let (line, expected) = block.split("```").next().unwrap().split_once('\n').unwrap();
    let arguments = words(line);
    let output = chainrule(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(utf8(&output.stdout).trim_end(), expected.trim_end(), "chainrule {line}");
}
