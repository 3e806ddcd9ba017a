//! What `derive`, `eval` and the other commands answer.

use crate::{HOMEWORK, chainrule, chainrule_reading, code, seen, told, utf8};
use chainrule_golden::golden_text;

fn all(lines: &[&[&str]]) -> String {
    lines.iter().map(|arguments| seen(arguments)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_homework_is_derived() {
    let formulas =
        ["dl_q/dz", "dl_h/dz", "1.2:dp/dx", "dy/dx", "dy/dV", "dy/db", "dlambda/dV1", "g_z @ J_V2"];
    let mut arguments = vec!["derive", HOMEWORK];
    arguments.extend(formulas);
    golden_text!("cli", "derive_homework", seen(&arguments));
}

#[test]
fn every_notation_and_format_is_written() {
    golden_text!(
        "cli",
        "derive_formats",
        all(&[
            &["derive", HOMEWORK, "dl_h/dz", "--notation", "index"],
            &["derive", HOMEWORK, "dl_h/dz", "--notation", "matrix"],
            &["derive", HOMEWORK, "dy/dV", "--notation", "matrix"],
            &["derive", HOMEWORK, "dl_h/dz", "dy/dV", "--format", "latex"],
            &["derive", HOMEWORK, "dl_h/dz", "--format", "latex", "--at", "H"],
            &["derive", HOMEWORK, "dl_h/dz", "--at", "H"],
            &["derive", HOMEWORK, "dlambda/dV1", "--holding", "q"],
        ])
    );
}

const LAYER: &str = "var X : real[N,d]; var W : real[d,k]; const y : index[k][N]; def Z = X @ W; \
                     def L = mean(s, logsumexp(Z[s]) - Z[s,y[s]])";

#[test]
fn layers_and_losses_are_derived_without_a_file() {
    golden_text!(
        "cli",
        "derive_layers",
        all(&[
            &["derive", "-e", "var x: real[n]; d(log(sum(exp(x))))/dx"],
            &["derive", "-e", LAYER, "dZ/dW", "dL/dW", "-e", "dL/dZ"],
            &["derive", "-e", "var x : real[n]; d(gelu(x))/dx; d(norm(x))/dx; d(max(x))/dx; d(cumsum(x))/dx"],
            &["derive", "-e", "var A : real[n,n]; d(logdet(A))/dA; d(inv(A))/dA"],
            &["derive", "-e", "var b : bool[n]; var x : real[n]; d(sum(i, [b[i]] * x[i]^2))/dx"],
            &["derive", "-e", "index base 1; var x : real[n]; const y : index[n]; d(x[1]*x[2] + x[y])/dx"],
            &["derive", "-e", "var x : real[n]; x > 0; derive d(sum(x))/dx"],
            &["derive", "-e", "index base 1; var x : real[n]; d(sum(i, [i < n]*(x[i+1] - x[i])^2))/dx"],
            &["derive", "-e", "var x : real[n]; d2(sum(sin(x)))/dx[i]dx[j]"],
            &["derive", "-e", "einstein on; var V : real[m,n]; var x : real[n]; d(V[i,j]*x[j])/dx[k]"],
        ])
    );
}

/// What a guard keeps out is no condition, unless it is read without the guard, or the guard is another entry's.
#[test]
fn conditions_that_guards_keep_are_not_told() {
    let valid = |formula: &str| {
        let text = format!("dim n; var x : real; var v : real[n]; {formula}");
        let output = chainrule(&["derive", "-e", &text]);
        let line = utf8(&output.stdout)
            .lines()
            .find(|l| l.contains("valid for"))
            .unwrap_or_default()
            .trim()
            .to_string();
        line.trim_start_matches("valid for").trim().to_string()
    };
    assert_eq!(valid("def f = exp(-1/x) if x > 0 else 0; df/dx"), "all real x");
    assert_eq!(valid("def f = sum(i, log(v[i]) if v[i] > 0 else v[i]); df/dv"), "all real v");
    assert_eq!(valid("def f = 1/x if not (x <= 0) else 0; df/dx"), "all real x");
    assert_eq!(valid("def f = (1/x if x > 0 else 0) + 1/x; df/dx"), "real x  with x != 0");
    assert_eq!(valid("def f = sum(i, log(v[i]) * [v[0] > 0]); df/dv"), "real v  with v[i] > 0");
    assert_eq!(valid("def f = 1/x if x > -1 else 0; df/dx"), "real x  with x != 0");
}

/// A kink is told only where the asked quantity is affected: `x |x|` has a derivative at 0, and no second one.
#[test]
fn kinks_are_told_where_they_matter() {
    let kinks = |formula: &str| {
        let text = format!("var x : real; def f = x * abs(x); {formula}");
        utf8(&chainrule(&["derive", "-e", &text]).stdout).matches("  kink ").count()
    };
    assert_eq!(kinks("f"), 0);
    assert_eq!(kinks("df/dx"), 0);
    assert!(kinks("d2f/dx dx") > 0);
    assert_eq!(kinks("d(abs(x))/dx"), 1);
    assert_eq!(kinks("d(abs(exp(x)))/dx"), 0);
    let at = |set: &str| seen(&["eval", "-e", "var x : real[n]; d(relu(x))/dx", "--set", set]);
    assert!(at("x = [0, 1]").contains("kink at"));
    assert!(!at("x = [-1, 1]").contains("kink at"));
}

#[test]
fn values_are_evaluated() {
    golden_text!(
        "cli",
        "eval",
        all(&[
            &["eval", HOMEWORK, "dl_h/dz", "l_h", "--at", "H"],
            &["eval", HOMEWORK, "dy/dV", "--at", "A"],
            &["eval", HOMEWORK, "lambda", "q", "dlambda/dV2", "--at", "N0", "--format", "numpy"],
            &["eval", HOMEWORK, "l_q", "--at", "Q", "--set", "z = [0, 0]"],
            &["eval", "-e", "var x : real[n]; sum(x); x; d(sum(x))/dx", "--set", "x = []"],
            &["eval", "-e", "index base 1; var x : real[n]; argmax(x); x > 1", "--set", "x = [1, 5, 2]"],
            &["eval", "-e", "var x : real; 1/x; -x; x/x", "--set", "x = 0"],
            &["eval", "-e", "var x : real[n]; d(max(x))/dx", "--set", "x = [1, 1]"],
        ])
    );
}

#[test]
fn mistakes_are_told_in_the_readers_words() {
    golden_text!(
        "cli",
        "mistakes",
        all(&[
            &["derive"],
            &["derive", HOMEWORK],
            &["derive", "nosuch.chain", "dl/dz"],
            &["derive", HOMEWORK, "dp/dx"],
            &["derive", HOMEWORK, "dl_hh/dz"],
            &["derive", HOMEWORK, "dl_h/dy"],
            &["derive", HOMEWORK, "dl_h/dz = softmax(z)"],
            &["derive", HOMEWORK, "dl_h/dz", "--in", "9.9"],
            &["derive", HOMEWORK, "-e", "var x : real", "dx/dx"],
            &["eval", HOMEWORK, "dl_h/dz"],
            &["eval", HOMEWORK, "dl_h/dz", "--at", "A"],
            &["eval", HOMEWORK, "l_q", "--at", "Q", "--set", "z = [1, 2, 3]"],
            &["eval", HOMEWORK, "l_h", "--at", "H", "--set", "y = 3"],
            &["eval", HOMEWORK, "l_h", "--at", "H", "--set", "y"],
            &["eval", HOMEWORK, "l_h", "--at", "H", "--data", "z=z.txt"],
            &["derive", "-e", "var A : real[n,n]; var B : real[n,n]; A * B"],
            &["derive", "-e", "var x : real; d(log(-exp(x)))/dx"],
            &["functions", "sotfmax"],
            &["explain-code", "E9999"],
        ])
    );
}

#[test]
fn the_session_answers_line_by_line() {
    let lines = "var x : real[n]\ncase A {\n  x = [1, 2]\n}\n:at A\nd(sum(x .* x))/dx\n:names\n:cases\n:help\nzz\n:quit\nx\n";
    let output = chainrule_reading(&["repl"], lines.as_bytes());
    golden_text!("cli", "repl", told(&["repl"], &output));
}

#[test]
fn small_commands_answer() {
    golden_text!("cli", "functions", seen(&["functions"]));
    golden_text!("cli", "codes", seen(&["explain-code"]));
    golden_text!("cli", "code", seen(&["explain-code", "e0303"]));
}

#[test]
fn completions_and_the_man_page_know_every_command() {
    let commands = [
        "derive",
        "eval",
        "cost",
        "repl",
        "functions",
        "explain-code",
        "ops",
        "homework",
        "completions",
        "man",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = utf8(&chainrule(&["completions", shell]).stdout);
        assert!(commands.iter().all(|c| script.contains(c)), "{shell}");
    }
    let page = utf8(&chainrule(&["man"]).stdout);
    assert!(page.starts_with(".ie") && page.contains(".TH") && page.contains("EXIT STATUS"), "{page}");
    assert!(commands.iter().all(|c| page.contains(&c.to_uppercase()) || page.contains(c)));
}

/// Text of `derive` stays within 100 columns, whatever the formula.
#[test]
fn lines_stay_within_one_hundred_columns() {
    let names: Vec<String> = (0..12).map(|k| format!("alpha_{k}")).collect();
    let product = names.join("*");
    let sum = names.iter().map(|n| format!("exp({n})*sin({product})")).collect::<Vec<_>>().join(" + ");
    let text = format!("var {} : real; d({sum})/dalpha_3", names.join(", "));
    let output = chainrule(&["derive", "-e", &text]);
    assert_eq!(code(&output), 0, "{}", utf8(&output.stderr));
    let shown = utf8(&output.stdout);
    for line in shown.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
}

/// The commands of the README are run, and answer what it says.
#[test]
fn the_readme_tells_the_truth() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("## Ask for a derivative").nth(1).expect("the section stands in the README");
    let section = section.split("\n## ").next().unwrap();
    let block = section.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let mut tried = 0;
    for part in block.split("$ chainrule ").skip(1) {
        let (line, expected) = part.split_once('\n').unwrap();
        let arguments = words(line);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = chainrule(&arguments);
        assert_eq!(utf8(&output.stdout).trim_end(), expected.trim_end(), "chainrule {line}");
        assert_eq!(code(&output), 0);
        tried += 1;
    }
    assert!(tried >= 3, "{block}");
}

/// Words of a shell line with single quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    for (k, part) in line.split('\'').enumerate() {
        match k % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_string)),
            _ => words.push(part.to_string()),
        }
    }
    words
}
