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
fn answers_follow_from_earlier_ones() {
    let files =
        ["check", "tests/cli/given/network.chain", "--answers", "tests/cli/given/network_answers.chain"];
    golden_text!("cli", "check_follow_through", seen(&files));
    let shown = utf8(&chainrule(&[&files[..], &["--format", "json"]].concat()).stdout);
    let value: serde_json::Value = serde_json::from_str(&shown).expect("the record is JSON");
    let of = |k: usize, member: &str| value["results"][k][member].clone();
    assert_eq!((of(1, "verdict"), of(1, "follow_through")), ("wrong".into(), serde_json::Value::Null));
    assert_eq!((of(2, "verdict"), of(2, "follow_through")), ("wrong".into(), "g_q".into()));
    assert_eq!(of(3, "follow_through"), "g_p");
    assert_eq!(of(2, "points"), serde_json::json!({ "of": 1.0, "awarded": 1.0 }));
    assert_eq!(of(1, "points"), serde_json::json!({ "of": 1.0, "awarded": 0.0 }));
}

#[test]
fn a_teacher_chooses_how_much_is_told() {
    let program = |word: &str| {
        format!(
            "feedback {word}; var z : real[n]; const y : index[n]; def l = log(sum(j, exp(z[j]))) - z[y]; \
             claim a: dl/dz[i] = exp(z[i])/log(sum(j, exp(z[j]))) - delta(i, y); \
             case H {{ y = 1; z = [-1, 0, 3] }}; expect H: l = 3 tol 2 digits; expect H: dl/dz = [0, -1, 1]"
        )
    };
    let words = ["verdict", "hint", "counterexample", "full"];
    golden_text!(
        "cli",
        "check_feedback",
        words.map(|word| seen(&["check", "-e", &program(word)])).join("\n")
    );
    let derived = ["exp(z[j])) - delta", "softmax", "0.9362", "0.936", "3.066"];
    for (word, format) in
        ["verdict", "hint"].iter().flat_map(|w| ["text", "json", "latex", "junit"].map(|f| (w, f)))
    {
        let shown = utf8(&chainrule(&["check", "-e", &program(word), "--format", format]).stdout);
        let own = shown.replace("exp(z[i])/log(sum(j, exp(z[j]))) - delta(i, y)", "");
        assert!(shown.contains("WRONG") || shown.contains("wrong"), "{word} {format}");
        assert!(derived.iter().all(|text| !own.contains(text)), "{word} {format}: {shown}");
        assert_eq!(
            own.contains("rule:log") || own.contains("rule for log"),
            *word == "hint" && ["text", "json"].contains(&format)
        );
    }
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
