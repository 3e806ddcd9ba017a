//! Right and wrong derivatives of the layers, losses and models that courses use.

use crate::Verdict;
use crate::pairs::PAIRS;

#[test]
fn right_ones_are_proved_and_wrong_ones_refuted() {
    let (mut proved, mut tested, mut conditional, mut other) = (0, 0, 0, 0);
    let mut broken: Vec<String> = Vec::new();
    for pairs in PAIRS {
        for claim in pairs.right {
            let report = pairs.ask(claim);
            match &report.verdict {
                Verdict::Proved => proved += 1,
                Verdict::Tested(_) => tested += 1,
                Verdict::Conditional(c) if c.convention => conditional += 1,
                v => {
                    other += 1;
                    broken.push(format!("{}: {claim}: {v:?}", pairs.name));
                }
            }
            if !matches!(report.verdict, Verdict::Proved) {
                println!("{} {}: {claim}", report.verdict.word(), pairs.name);
            }
            if report.time.as_millis() > 50 {
                println!("slow {:?} {claim}", report.time);
            }
        }
        for claim in pairs.wrong {
            let report = pairs.ask(claim);
            if !matches!(report.verdict, Verdict::Wrong(_) | Verdict::Conditional(_)) {
                broken.push(format!("{}: {claim}: {:?}", pairs.name, report.verdict));
            }
        }
    }
    let all = proved + tested + conditional + other;
    println!(
        "{all} right: {proved} proved, {conditional} proved under a kink's convention, {tested} tested, {other} not decided"
    );
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    assert!((proved + conditional) * 10 >= all * 9, "{proved} + {conditional} of {all} are proved");
}
