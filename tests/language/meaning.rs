//! Every mistake of meaning, made once: the program beside its message.
//!
//! A file of `mistakes` begins with declarations; below `====` stand cases, parted by empty lines. A case is an item
//! that is read after the declarations, or a line `ask: FORMULA`, `set: NAME = VALUE`, `eval: FORMULA`,
//! `answers: ITEM`, `tex: TEXT`: what a command would be given.

use super::folder;
use chainrule_golden::golden_text;
use chainrule_lang::assign::assignment;
use chainrule_lang::case::Case;
use chainrule_lang::codes::CODES;
use chainrule_lang::program::Program;
use chainrule_lang::source::Source;
use chainrule_lang::written::Written;
use std::collections::BTreeSet;
use std::path::PathBuf;

#[test]
fn every_mistake_of_meaning_is_told() {
    let (mut accepted, mut helpless) = (Vec::new(), Vec::new());
    for (name, text) in folder("mistakes") {
        let (declarations, cases) = text.split_once("====\n").expect("cases stand below ====");
        let mut out = format!("{declarations}\n");
        for case in cases.split("\n\n").map(str::trim).filter(|case| !case.is_empty()) {
            let told = told(declarations, case);
            if !told.contains("error[") && !told.contains("warning[") {
                accepted.push(format!("{name}: {case}\n{told}"));
            }
            let helps =
                told.split("error[").skip(1).all(|m| m.contains("   help: ") || m.contains("   note: "));
            if !helps && !case.starts_with("eval: ") {
                helpless.push(format!("{name}: {case}\n{told}"));
            }
            out += &format!("---- {}\n{}\n\n", case.replace('\n', "\n     "), told.trim_end());
        }
        golden_text!("language", &format!("told_{}", name.trim_end_matches(".chain")), &out);
    }
    assert!(accepted.is_empty(), "these are accepted:\n{}", accepted.join("\n"));
    assert!(helpless.is_empty(), "these do not say what to try:\n{}", helpless.join("\n"));
}

/// The messages about a case; those about the declarations alone are none.
fn told(declarations: &str, case: &str) -> String {
    let program = |text: String| Program::new(Source::new("a.chain", text));
    let given = program(declarations.to_string());
    assert!(given.diagnostics.is_empty(), "{}", given.rendered());
    let written = |all: Vec<Written>| {
        let rendered =
            |w: &Written| w.diagnostics.iter().map(|d| d.render(&w.source)).collect::<Vec<_>>().join("\n");
        all.iter().map(rendered).collect::<Vec<_>>().join("\n")
    };
    match case.split_once(": ").filter(|(word, _)| !word.contains(' ')) {
        Some(("ask", formula)) => given.query(formula, None).map_or_else(|r| r.rendered(), |_| String::new()),
        Some(("set", value)) => assignment(value).map_or_else(|r| r.rendered(), |_| String::new()),
        Some(("answers", text)) => written(given.answers(&Source::new("answers.chain", text))),
        Some(("tex", text)) => written(given.displayed(&Source::new("page.tex", text))),
        Some(("eval", formula)) => {
            let query = given.query(formula, None).unwrap_or_else(|r| panic!("{}", r.rendered()));
            let problem = given.problem(&query.label).expect("it was found there");
            let empty = Case::default();
            let case = problem.cases.get("A").unwrap_or(&empty);
            let error = query.evaluate(case).err();
            error.map_or_else(String::new, |e| format!("error[{}]: {e}", chainrule_core::expr::code(&e)))
        }
        _ => {
            let program = program(format!("{declarations}{case}\n"));
            let claims = program.problems.iter().flat_map(|p| &p.claims);
            let incomparable = claims.filter_map(|c| c.not_comparable.as_ref());
            let incomparable: String = incomparable.map(|d| d.render(&program.source)).collect();
            program.rendered() + &incomparable
        }
    }
}

/// Each code is shown by a snapshot, so that its wording is read when it changes.
#[test]
fn every_code_has_a_snapshot() {
    let mut open = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots")];
    let mut shown = BTreeSet::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "snap") {
            let text = std::fs::read_to_string(path).unwrap();
            let codes = text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(code, _)| code);
            shown.extend(codes.map(str::to_string));
        }
    }
    let missing: Vec<&str> = CODES.iter().map(|c| c.code).filter(|c| !shown.contains(*c)).collect();
    assert!(missing.is_empty(), "codes without a snapshot: {missing:?}");
}
