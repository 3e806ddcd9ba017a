//! Every rule tested from its own block, and the suite tested by faults planted in every rule.
//!
//! | module | what is compared |
//! |---|---|
//! | `check` | entries, Jacobians of every schedule, VJP, JVP, second derivatives against num-dual's numbers |
//! | `exact` | rational entries against exact differences |
//! | `records` | the words and probes of every record, its kinks and what is taken there |
//! | `composites` | stated entries against those of the bodies |
//! | `simplified` | simplified against unsimplified values |
//! | `mutation` | every fault in every rule must fail `check`: `cargo test --test rules mutation -- --nocapture` |
//!
//! Maps bring their own probes (`maps`); the other primitives are tried by the table of `programs`.

mod case;
mod check;
mod composites;
mod exact;
mod maps;
mod mutation;
mod oracle;
mod predicates;
mod programs;
mod records;
mod replaced;
mod simplified;
mod textbook;

use case::Case;
use chainrule_core::ops::rules::Rules;
use check::{Judged, Outcome};
use mutation::Tally;
use programs::PROGRAMS;
use std::collections::BTreeMap;

/// Every case: all maps, then all programs.
fn cases() -> impl Iterator<Item = Case> {
    maps::cases().into_iter().chain(PROGRAMS.iter().map(programs::Program::case))
}

/// Runs a check over all cases and reports every failure at once.
fn over_all(check: impl Fn(&Judged) -> Outcome) -> usize {
    let (mut passed, mut failed) = (0, Vec::new());
    for case in cases() {
        match check(&Judged::new(case)) {
            Ok(count) => passed += count,
            Err(sentence) => failed.push(sentence),
        }
    }
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
    assert!(passed > 0, "nothing was checked");
    passed
}

#[test]
fn values() {
    over_all(Judged::value);
}

#[test]
fn entries() {
    over_all(|j| j.entries(&Rules::new()));
}

#[test]
fn first_order() {
    println!("{} checks of first order", over_all(|j| j.first_order(&Rules::new())));
}

#[test]
fn second_order() {
    println!("{} checks of second order", over_all(|j| j.second_order(&Rules::new())));
}

#[test]
fn local_jacobians() {
    over_all(Judged::local);
}

#[test]
fn single_precision() {
    over_all(Judged::single_precision);
}

#[test]
fn mutation() {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for case in cases() {
        let judged = Judged::new(case);
        mutation::attack(&judged, tallies.entry(judged.case.rule).or_default());
    }
    tallies.insert("predicate", predicates::attack());
    println!("{}", mutation::table(&tallies));
    let equivalent = tallies.values().flat_map(|t| &t.equivalent);
    equivalent.for_each(|(why, fault)| println!("equivalent, {why}: {fault}"));
    let survived: Vec<&String> = tallies.values().flat_map(|t| &t.survived).collect();
    assert!(survived.is_empty(), "\n{survived:#?}");
}
