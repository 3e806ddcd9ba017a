//! `check`, `test` and `fmt` as a user meets them.

use crate::{HOMEWORK, chainrule, chainrule_reading, code, seen, utf8};
use chainrule_golden::golden_text;

#[test]
fn the_homework_is_judged() {
    golden_text!("cli", "check_homework", seen(&["check", HOMEWORK]));
    golden_text!("cli", "check_json", seen(&["check", HOMEWORK, "--in", "1.1", "--format", "json"]));
    let tables = [
        seen(&["check", HOMEWORK, "--in", "1.2", "--format", "latex"]),
        seen(&["check", HOMEWORK, "--in", "1.2", "--format", "junit"]),
    ];
    golden_text!("cli", "check_tables", tables.join("\n"));
}

#[test]
fn the_printed_page_is_judged() {
    golden_text!("cli", "check_tex", seen(&["check", HOMEWORK, "--tex", "tests/cli/given/hw8.tex"]));
}

#[test]
fn answers_are_judged() {
    golden_text!(
        "cli",
        "check_answers",
        seen(&["check", HOMEWORK, "--answers", "tests/cli/given/answers.chain"])
    );
}

#[test]
fn claims_are_typed() {
    let lines: [&[&str]; 6] = [
        &["check", "-e", "var x : real[n]; claim d(sum(x^2))/dx = 2*x"],
        &["check", "-e", "var x : real[n]; claim d(sum(x^2))/dx = 2.000001*x"],
        &["check", "-e", "var x : real[n]; claim d(x' @ x)/dx = x"],
        &["check", "-e", "var A : real[n,n]; var x : real[n]; claim d(x' @ A @ x)/dx = 2 * A @ x"],
        &["check", "-e", "var A : real[m,n]; var x : real[n]; claim d(A @ x)/dx = A'"],
        &["check", "-e", "var x : real; claim d(log(x))/dx = 1/x given x > 0"],
    ];
    golden_text!("cli", "check_typed", lines.iter().map(|l| seen(l)).collect::<Vec<_>>().join("\n"));
}

#[test]
fn mistakes_are_told_and_counted() {
    let lines: [&[&str]; 4] = [
        &["check", "tests/cli/given/broken.chain"],
        &["check", HOMEWORK, "--in", "9"],
        &["check", "-e", "var x : real; x^2"],
        &["check"],
    ];
    golden_text!("cli", "check_mistakes", lines.iter().map(|l| seen(l)).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_folder_is_a_suite() {
    let output = chainrule(&["test", "tests/language/homework", "--format", "junit"]);
    assert_eq!(code(&output), 1, "the homework holds one wrong formula");
    let shown = utf8(&output.stdout);
    assert_eq!(shown.matches("<failure").count(), shown.matches("message=\"WRONG\"").count());
    assert!(
        shown.contains("<testsuite name=\"tests/language/homework/hw8.chain\" tests=\"44\" failures=\"1\">")
    );
    assert_eq!(code(&chainrule(&["test", "tests/cli/given/broken.chain"])), 65);
    assert_eq!(code(&chainrule(&["test", "examples"])), 66, "no .chain file there");
}

#[test]
fn formatting_is_canonical_and_keeps_what_it_cannot_read() {
    let formatted = chainrule_reading(&["fmt"], b"var  x:real[n]#here\ndef y=x  *2\n");
    assert_eq!(
        utf8(&formatted.stdout),
        "var x : real[n]  # here\ndef y = x * 2\n".replace("# here", "#here")
    );
    assert_eq!(code(&chainrule_reading(&["fmt", "--check"], b"var  x:real\n")), 1);
    assert_eq!(code(&chainrule_reading(&["fmt"], b"def y = (2\n")), 65);
}
