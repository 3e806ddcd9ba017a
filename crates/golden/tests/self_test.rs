//! The golden files under test themselves: each case runs in a process of its own, because insta reads
//! from the environment whether it may write.

use chainrule_golden::{Golden, Tolerance};
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str =
    "---\nsource: somewhere.rs\n---\ng  [0.006676412513376452, 2]\nlambda  6.0091744845917345\n";

/// Set in the child process: the folder, and the text to compare.
const FOLDER: &str = "GOLDEN_SELF_TEST_FOLDER";
const TEXT: &str = "GOLDEN_SELF_TEST_TEXT";

/// What a child process did with a text.
struct Outcome {
    passed: bool,
    output: String,
    file: Option<String>,
    pending: Option<String>,
}

/// Compares `text` with a golden file that holds `file`, in a child process.
fn compare(case: &str, file: Option<&str>, text: &str, update: &str) -> Outcome {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(case);
    let subject = folder.join("snapshots/nn");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&subject).unwrap();
    if let Some(file) = file {
        std::fs::write(subject.join("net.snap"), file).unwrap();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, &folder)
        .env(TEXT, text)
        .env("INSTA_UPDATE", update)
        .env("INSTA_FORCE_PASS", "0")
        .env_remove("INSTA_REQUIRE_FULL_MATCH")
        .output()
        .unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    Outcome {
        passed: child.status.success(),
        output: String::from_utf8_lossy(&[child.stdout, child.stderr].concat()).into_owned(),
        file: read(&subject.join("net.snap")),
        pending: read(&subject.join("net.snap.new")),
    }
}

/// The other side of [`compare`]; does nothing when it is run as a test among others.
#[test]
fn child() {
    let (Ok(folder), Ok(text)) = (std::env::var(FOLDER), std::env::var(TEXT)) else { return };
    let golden = Golden::new(folder, "nn", "net", Tolerance::default());
    golden.check(&text, |name, text| insta::assert_snapshot!(name, text));
}

#[test]
fn the_same_text_passes() {
    let outcome =
        compare("same", Some(FILE), "g  [0.006676412513376452, 2]\nlambda  6.0091744845917345\n", "no");
    assert!(outcome.passed, "{}", outcome.output);
}

#[test]
fn a_tolerated_text_passes_and_never_rewrites_the_file() {
    for update in ["no", "auto", "new", "always", "force"] {
        let text = "g  [0.006676412513376453, 2]\nlambda  6.009174484591734";
        let outcome = compare(&format!("tolerated_{update}"), Some(FILE), text, update);
        assert!(outcome.passed, "{}", outcome.output);
        let kept = outcome.file.unwrap();
        assert!(
            kept.contains("0.006676412513376452") && kept.contains("6.0091744845917345"),
            "{update}: {kept}"
        );
        if update != "force" {
            assert_eq!(kept, FILE, "{update}");
        }
        assert_eq!(outcome.pending, None, "{update}");
    }
}

#[test]
fn a_changed_value_fails_and_only_it_is_shown() {
    let text = "g  [0.006676412513376453, 2]\nlambda  6.1";
    let outcome = compare("changed", Some(FILE), text, "new");
    assert!(!outcome.passed, "{}", outcome.output);
    assert_eq!(outcome.file.unwrap(), FILE);
    let pending = outcome.pending.unwrap();
    assert!(pending.contains("0.006676412513376452") && pending.contains("lambda  6.1"), "{pending}");
    assert!(!outcome.output.contains("0.006676412513376453"), "{}", outcome.output);
}

#[test]
fn every_small_change_of_meaning_fails() {
    let (g, lambda) = ("g  [0.006676412513376452, 2]", "lambda  6.0091744845917345");
    let changes = [
        ("sign", format!("g  [-0.006676412513376452, 2]\n{lambda}")),
        ("integer", format!("g  [0.006676412513376452, 3]\n{lambda}")),
        ("nan", format!("g  [NaN, 2]\n{lambda}")),
        ("name", format!("h  [0.006676412513376452, 2]\n{lambda}")),
        ("line", format!("{g}\n{lambda}\nmore")),
        ("lost", g.to_string()),
        ("far", format!("{g}\nlambda  6.009174484591739")),
    ];
    for (case, text) in changes {
        let outcome = compare(case, Some(FILE), &text, "no");
        assert!(!outcome.passed, "{case} passed: {}", outcome.output);
        assert_eq!(outcome.file.unwrap(), FILE);
    }
}

#[test]
fn a_missing_file_fails_and_is_offered_for_review() {
    let refused = compare("missing_no", None, "x  1", "no");
    assert!(!refused.passed && refused.file.is_none() && refused.pending.is_none());
    let offered = compare("missing_new", None, "x  1", "new");
    assert!(!offered.passed && offered.file.is_none());
    assert!(offered.pending.unwrap().ends_with("---\nx  1\n"));
}
