//! The settled points of the language: a case for each that passes, and beside it what must be refused.
//!
//! From 18 on they are what the language promises beside its numbered list: repeated indices, guards.
//! Labels of claims say what is expected: `right…`, `layout…`, `conditional…`. A file `NN_name.wrong.chain` is printed
//! beside its messages and verdicts.

use super::claims::{patient, program};
use super::folder;
use chainrule_golden::golden_text;
use chainrule_lang::judge::Grade;
use chainrule_lang::program::Program;
use chainrule_lang::source::Source;
use std::collections::BTreeSet;

fn cases(wrong: bool) -> impl Iterator<Item = (String, String)> {
    folder("settled").into_iter().filter(move |(name, _)| name.ends_with(".wrong.chain") == wrong)
}

#[test]
fn every_settled_point_holds() {
    let mut points = BTreeSet::new();
    let mut broken = Vec::new();
    for (name, text) in cases(false) {
        points.insert(name[..2].to_string());
        let program = program(&name, &text);
        let mut statements = 0;
        for record in program.judge(&patient()).iter().flat_map(|(_, records)| records) {
            statements += 1;
            let word = record.word();
            let expected = match record.own.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_') {
                "layout" => word == "layout",
                "conditional" => word == "conditional",
                _ => record.grade() == Some(Grade::Right) && word != "layout",
            };
            if !expected {
                broken.push(format!("{name} {}: {}: {word}", record.label, record.text));
            }
        }
        assert!(statements > 0, "{name} states nothing");
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    let all: Vec<String> = (1..=19).map(|k| format!("{k:02}")).collect();
    assert!(all.iter().eq(&points), "settled points without a case: {points:?}");
}

#[test]
fn what_is_refused_says_why() {
    for (name, text) in cases(true) {
        let program = Program::new(Source::new(&name, text.as_str()));
        let judged = program.judge(&patient());
        let wrong = judged.iter().flat_map(|(_, r)| r).any(|r| r.grade() == Some(Grade::Wrong));
        assert!(program.has_errors() || wrong, "{name} is accepted");
        let verdicts = chainrule_report::verdicts::text(&program, &judged);
        let shown = format!("{text}\n{}\n{verdicts}", program.rendered());
        golden_text!("language", &format!("settled_{}", name.trim_end_matches(".wrong.chain")), &shown);
    }
}
