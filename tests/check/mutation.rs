//! Random rewrites of right formulas are never called wrong; random mutations are never called right unless an exact
//! proof shows that the mutated formula still is the derivative.

use crate::pairs::{PAIRS, Pairs};
use crate::{Question, Report, Verdict, check};
use chainrule_core::Graph;
use chainrule_core::dice::Dice;

/// `None` for a text that is no formula over these shapes.
fn ask(pairs: &Pairs, claim: &str) -> Option<Report> {
    let mut g = Graph::new();
    let (f, x) = (pairs.program)(&mut g);
    let derived = g.jacobian(f, x).unwrap();
    let claimed = g.form(claim, &[]).ok()?;
    Some(check(&mut g, &Question::new(derived, claimed)))
}

/// The left side with its `=`, and the formula.
fn split(claim: &str) -> (&str, &str) {
    match claim.split_once("] = ") {
        Some((left, _)) => claim.split_at(left.len() + 4),
        None => ("", claim),
    }
}

fn rewritten(formula: &str, dice: &mut Dice) -> String {
    match dice.below(9) {
        0 => format!("2*({formula}) - ({formula})"),
        1 => format!("-(-({formula}))"),
        2 => format!("({formula})*3/3"),
        3 => format!("({formula})/2 + ({formula})/2"),
        4 => format!("1/(1/({formula}))"),
        5 => format!("({formula})*exp(1)*exp(-1)"),
        6 => format!("({formula}) + sin(1)^2 + cos(1)^2 - 1"),
        7 => format!("(({formula})^2 + ({formula}))/(1 + ({formula}))"),
        _ => format!("({formula})*sigmoid(1) + ({formula})*sigmoid(-1)"),
    }
}

#[test]
fn equivalent_rewrites_are_never_wrong() {
    let mut dice = Dice::new(0x5eed);
    let (mut right, mut undecided, mut proved) = (0, 0, 0);
    for k in 0..1000 {
        let pairs = &PAIRS[k % PAIRS.len()];
        let claim = pairs.right[dice.below(pairs.right.len())];
        let (left, formula) = split(claim);
        let mut text = rewritten(formula, &mut dice);
        // A long formula squared twice is no longer what a learner writes.
        if formula.len() < 60 && dice.below(2) == 0 {
            text = rewritten(&text, &mut dice);
        }
        let claim = format!("{left}{text}");
        let report = ask(pairs, &claim).unwrap_or_else(|| panic!("{claim} is a formula"));
        match report.verdict {
            Verdict::Proved => proved += 1,
            Verdict::Tested(_) => right += 1,
            Verdict::Undecided(_) => undecided += 1,
            other => panic!("{}: {claim}: {other:?}", pairs.name),
        }
    }
    println!("1000 rewrites: {proved} proved, {right} tested, {undecided} undecided");
    assert!(proved >= 800 && undecided <= 50, "{proved} proved, {undecided} undecided");
}

fn mutated(formula: &str, dice: &mut Dice) -> String {
    let places: Vec<usize> = formula.match_indices(['+', '-', '2', '*']).map(|(at, _)| at).collect();
    let swap = |from: &str, to: &str| formula.replacen(from, to, 1);
    match dice.below(9) {
        0 => format!("1.000001*({formula})"),
        1 => format!("-({formula})"),
        2 => format!("2*({formula})"),
        3 => format!("({formula}) + 0.000001"),
        4 => swap("[j,l]", "[l,j]"),
        5 => swap("delta(i,j)", "1"),
        6 => swap("delta(i,y)", "1"),
        _ if places.is_empty() => format!("3*({formula})"),
        _ => {
            let at = places[dice.below(places.len())];
            let other = match &formula[at..=at] {
                "+" => "-",
                "-" => "+",
                "2" => "2.000001",
                _ => "+",
            };
            format!("{}{other}{}", &formula[..at], &formula[at + 1..])
        }
    }
}

#[test]
fn mutations_are_right_only_by_proof() {
    let mut dice = Dice::new(0xbad);
    let (mut wrong, mut proved, mut other) = (0, 0, 0);
    for k in 0..400 {
        let pairs = &PAIRS[k % PAIRS.len()];
        let claim = pairs.right[dice.below(pairs.right.len())];
        let (left, formula) = split(claim);
        let text = mutated(formula, &mut dice);
        if text == formula {
            continue;
        }
        let claim = format!("{left}{text}");
        let Some(report) = ask(pairs, &claim) else { continue };
        match report.verdict {
            Verdict::Wrong(_) | Verdict::Conditional(_) => wrong += 1,
            Verdict::Proved => proved += 1,
            Verdict::Tested(_) => panic!("{}: {claim} is called right without a proof", pairs.name),
            _ => other += 1,
        }
    }
    println!("mutations: {wrong} refuted, {proved} proved equivalent, {other} not decided");
    assert!(
        wrong > 250 && proved < 40 && other < 20,
        "{wrong} refuted, {proved} equivalent, {other} not decided"
    );
}
