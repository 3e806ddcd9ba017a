//! Long and deep texts: on a small stack, in linear time, refused in words where they are too much.

use super::{has_errors, read};
use chainrule_lang::format::format;
use std::time::{Duration, Instant};

/// Runs on a stack of 2 MiB, whatever the machine gives to tests.
fn on_a_small_stack(work: fn()) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn deep_and_long_formulas_are_read() {
    on_a_small_stack(|| {
        let texts = [
            format!("def y = {}x{}", "(".repeat(10_000), ")".repeat(10_000)),
            format!("def y = x{}", " + x".repeat(100_000)),
            format!("def y = {}x", "-".repeat(100_000)),
            format!("def y = x{}", "^x".repeat(100_000)),
            format!("def y = {}x", "a if c else ".repeat(100_000)),
            format!("def y = {}x{}", "f(".repeat(10_000), ")".repeat(10_000)),
            format!("def y = {}x{}", "[".repeat(10_000), "]".repeat(10_000)),
            format!("def y = x{}", "'".repeat(100_000)),
        ];
        for text in texts {
            let (file, source, messages) = read(&text);
            assert!(!has_errors(&messages), "{}", messages[0].render(&source));
            assert!(format(&file, &source).starts_with("def y = "));
        }
    });
}

#[test]
fn a_million_brackets_are_refused_at_once() {
    on_a_small_stack(|| {
        let before = Instant::now();
        let text = format!("def y = {}x{}", "(".repeat(1_000_000), ")".repeat(1_000_000));
        let (_, source, messages) = read(&text);
        assert!(messages.iter().any(|m| m.code == "E0016"));
        assert!(messages.len() < 5 && messages[0].render(&source).len() < 600);
        assert!(before.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn time_grows_with_the_length_only() {
    on_a_small_stack(|| {
        // A quadratic pass over 200 000 pieces would take minutes.
        let before = Instant::now();
        let pieces = [
            "(",
            ")",
            "[1",
            "x] ",
            "2 z ",
            "a < ",
            "{",
            "}",
            "\n",
            "|",
            "\\left|",
            "\"",
            "dx/",
            "d(x)/",
            "\\frac{",
            "x_{",
            "\\begin{cases}",
            "&",
            "case A {",
            "problem 1 {\n",
            "if a ",
            "else ",
            "_",
            "'",
            "\u{430}",
            "\0",
            "x\n",
            "def y = (\n",
            "#\n",
            "..",
            ":",
        ];
        for piece in pieces {
            let (file, source, messages) = read(&piece.repeat(200_000 / piece.len()));
            for message in &messages {
                assert!(message.render(&source).lines().all(|line| line.chars().count() <= 100), "{piece}");
            }
            format(&file, &source);
        }
        assert!(before.elapsed() < Duration::from_secs(60), "{:?}", before.elapsed());
    });
}
