//! The homework in the language: hw8 with its one wrong formula, and the other two networks with all their numbers.

use super::claims::{patient, program};
use super::folder;
use chainrule_lang::judge::{Grade, Record};

fn judged(file: &str) -> Vec<Record> {
    let (name, text) = folder("homework").into_iter().find(|(name, _)| name == file).unwrap();
    let program = program(&name, &text);
    program.judge(&patient()).into_iter().flat_map(|(_, records)| records).collect()
}

fn of_grade(records: &[Record], grade: Grade) -> Vec<&str> {
    records.iter().filter(|r| r.grade() == Some(grade)).map(|r| r.label.as_str()).collect()
}

#[test]
fn hw8_has_44_statements_and_one_is_wrong() {
    let records = judged("hw8.chain");
    assert_eq!(records.len(), 44);
    assert_eq!(of_grade(&records, Grade::Right).len(), 41);
    assert_eq!(of_grade(&records, Grade::Conditional), ["1.2a", "1.2b"]);
    assert_eq!(of_grade(&records, Grade::Wrong), ["1.1b"]);
}

#[test]
fn hw8_in_vectorised_notation_has_the_same_mistake() {
    let records = judged("hw8_vectorised.chain");
    assert_eq!(of_grade(&records, Grade::Wrong), ["1.1b"]);
    assert_eq!(of_grade(&records, Grade::Conditional), ["1.2a"]);
    assert_eq!(of_grade(&records, Grade::Right).len(), records.len() - 2);
}

/// Ranks are the natural ones: with one output, `z` is a number and a gradient has the shape of its parameter.
#[test]
fn networks_1_and_2_give_the_reference_numbers() {
    for (file, statements) in [("hw8_network1.chain", 24), ("hw8_network2.chain", 25)] {
        let records = judged(file);
        assert_eq!(records.len(), statements, "{file}");
        assert_eq!(of_grade(&records, Grade::Right).len(), statements, "{file}");
    }
}
