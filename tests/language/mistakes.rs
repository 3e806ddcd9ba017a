//! Every mistake of writing, made once: the program beside its message.

use super::{has_errors, read, rendered};
use chainrule_golden::golden_text;
use chainrule_lang::diagnostic::Diagnostic;
use chainrule_lang::source::{Source, Span};

fn check(name: &str, programs: &[&str]) {
    let mut out = String::new();
    for program in programs {
        let (_, source, messages) = read(program);
        assert!(has_errors(&messages), "this is accepted: {program}");
        out += &rendered(&source, &messages);
        out.push('\n');
    }
    golden_text!("language", name, &out);
}

#[test]
fn signs_and_texts() {
    check(
        "mistakes_signs",
        &[
            "def y = a – b",
            "def y = x’",
            "def y = a & b",
            "def y = |x|",
            "def y = !c",
            "def y = √2",
            "def y = a $ b",
            "def \u{430}b = 1",
            "def y = \u{ff21} + 1",
            "def y = 数学 + 1",
            "def y = a\0b",
            "def y = a\u{200b}b",
            "def y = \\alhpa + \\int x",
            "title \"never closed",
            "title \"a \\n b\"",
        ],
    );
}

#[test]
fn numbers() {
    check(
        "mistakes_numbers",
        &[
            "def y = 1. + x",
            "def y = .5",
            "def y = 1e999",
            "def y = 0x1F",
            "claim a: x = y points many",
            "expect A: y = 1 tol 0 digits",
        ],
    );
}

#[test]
fn brackets() {
    check(
        "mistakes_brackets",
        &[
            "def y = (a + b\ndef z = 1",
            "def y = f(g(x, [1, 2\ndef z = 1",
            "def y = (a]",
            "def y = a)",
            "def y = [(a]",
            "problem 1 {\n  dim n\n",
            "dim n\n}",
            "case A { x = [1, 2; y = 3 }",
            "def y = ()",
            "def y = x[]",
            "def y = [1,,2]",
            "def y = f(x,)",
            "def y = (a, b)",
        ],
    );
}

#[test]
fn operators() {
    check(
        "mistakes_operators",
        &[
            "def y = 2 z[i]",
            "def y = 2(z)",
            "def y = (a)(b) + x y z",
            "def y = sin x",
            "def y = x +",
            "def y = * x",
            "def y = a + + b",
            "def y = a < b < c",
            "def y = a == b == c",
            "def y = a * not b",
            "def y = a if b",
            "def y = a else b",
            "def y = a if b if c else d else e",
            "def y = x[i = j]",
            "def y = x[1:2]",
            "def y = x[:2]",
            "def y = a = b",
            "def y = ?",
            "def y = x.foo",
            "def y = cases(a, b)",
            "def y = cases(c: a)",
            "def y = cases(c: d: a, else: b)",
            "def y = (a + b)_i",
        ],
    );
}

#[test]
fn derivatives() {
    check(
        "mistakes_derivatives",
        &[
            "def y = d(f)",
            "def y = d(f) + 1",
            "def y = ∂f",
            "def y = ∂f/x",
            "def y = d2f/dx[i]dx[j]dx[k]",
            "def y = d2(f)/dx",
            "def y = ∂^2 f/∂x",
            "def y = ∂^2 f/∂x^3",
            "def y = \\frac{\\partial}{\\partial x} * f",
        ],
    );
}

#[test]
fn items() {
    check(
        "mistakes_items",
        &[
            "y = V @ x",
            "y[i] = x[i]",
            "x : real[n]",
            "clam a: x = y",
            "defn y = 1",
            "given x > 0",
            "3 + 4",
            "def d = 3",
            "var d : real",
            "def if = 3",
            "def y = claim",
            "def f(x) = 1",
            "def y 1",
            "let J[i] = x",
            "var x y : real[n]",
            "var x : rael[n]",
            "const y : index",
            "const y : index[n,m]",
            "dim n m",
            "dim m, n where m = n",
            "assume x = 0",
            "claim a: x == y",
            "claim a: x",
            "claim a: x = y points 1 given x > 0",
            "def y = 1 points 3",
            "def y = 1 def z = 2",
            "expect A y = 1",
            "expect A: y",
            "case A x = 1",
            "case A { 3 }",
            "case A { x = 1 y = 2 }",
            "answer : x = y",
            "answer 1.1b: x == y",
            "problem { }",
            "problem 1.1",
            "title Homework",
            "index base one",
            "layout sideways",
            "einstein maybe",
            "grading harsh",
            "feedback lots",
            "explain x at",
            "check",
        ],
    );
}

/// Two errors in a file are two messages, and items between them are read.
#[test]
fn reading_goes_on() {
    let (file, _, messages) = read(
        "def a = (\ndef b = 1\ncase A { x = 1 +; y = 2 }\nproblem 1 {\n  def c = *\n  def e = 2\n}\ndef g = 2 z\n",
    );
    assert_eq!(messages.len(), 4, "{messages:#?}");
    assert_eq!(file.items.len(), 5);
}

/// Labels on one line and several, tabs, other scripts, long lines, the end, nothing at all.
#[test]
fn layout() {
    let text = "\tdef y = V @ x + b\nvar x : real[n]\n\n\nvar 数学λ, b : real[n]\n";
    let source = Source::new("a.chain", text);
    let at = |piece: &str| {
        let start = text.find(piece).unwrap();
        Span::new(start, start + piece.len())
    };
    let three = Diagnostic::error("E0301", at("@"), "`V @ x`: last axis of V is m, first axis of x is n")
        .label(at("V"), "V : real[n,m]")
        .label(at("x + b"), "x : real[n]");
    let apart = Diagnostic::error("E0301", at("real"), "places on several lines, one after λ")
        .saying("here")
        .label(at("b : "), "after wide letters")
        .label(Span::new(0, 0), "at the beginning");
    let end =
        Diagnostic::error("E0008", Span::new(text.len(), text.len()), "at the end").saying("nothing follows");
    let words = "many words that would reach over the border of a terminal of a hundred columns if they were not broken";
    let long = format!("def y = {}z{}", "x + ".repeat(100), " + x".repeat(100));
    let middle = Diagnostic::error("E0011", Span::new(408, 409), words.repeat(2))
        .saying(words)
        .help(words)
        .remark(words);
    let first = Diagnostic::warning("W0302", Span::new(4, 5), "at the left")
        .label(Span::new(408, 409), "far to the right");
    let mut out = String::new();
    for (message, source) in [
        (&three, &source),
        (&apart, &source),
        (&end, &source),
        (&middle, &Source::new("a.chain", long.as_str())),
        (&first, &Source::new("a.chain", long.as_str())),
        (&Diagnostic::error("E0008", Span::new(0, 0), "an empty file"), &Source::new("empty.chain", "")),
    ] {
        let shown = message.render(source);
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        out += &format!("{shown}\n");
    }
    golden_text!("language", "layout", &out);
}
