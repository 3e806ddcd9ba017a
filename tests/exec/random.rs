//! Every plan answers what the slow evaluator answers, within the bound of any order of operations.

use crate::judge::{Case, Tally, judge, none_differ};
use crate::programs::{Program, derivatives, masked_products, program};
use chainrule_exec::Options;
use chainrule_exec::lane::Number;

/// Random programs of this run: few in CI, `CHAINRULE_PLANS=20000` before a release.
pub(crate) fn count() -> u64 {
    std::env::var("CHAINRULE_PLANS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

/// Judges the programs of some seeds; panics with those that are wrong.
fn agree<S: Number>(seeds: std::ops::Range<u64>, program: impl Fn(u64) -> Program) -> Tally {
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    let asked = seeds.end - seeds.start;
    for seed in seeds {
        let Some(case) = Case::<S>::new(seed, program(seed)) else { continue };
        let found = case.run(seed, &Options::default());
        if let Some(difference) = judge(&case.expected, &found, &mut tally) {
            wrong.push(format!("{difference}, {}", case.text(seed)));
        }
    }
    println!("{asked} programs: {tally:?}");
    none_differ(&wrong);
    tally
}

#[test]
fn plans_agree_with_the_slow_evaluator() {
    let tally = agree::<f64>(0..count(), program);
    assert!(
        tally.programs as u64 * 2 > count(),
        "only {} of {} programs were judged",
        tally.programs,
        count()
    );
}

#[test]
fn plans_in_single_precision_agree() {
    let n = count() / 4;
    agree::<f32>(1_000_000..1_000_000 + n, program);
}

#[test]
fn derivatives_agree() {
    let n = count() / 4;
    agree::<f64>(2_000_000..2_000_000 + n, derivatives);
}

#[test]
fn products_of_the_terms_of_each_row_agree() {
    let n = (count() / 20).max(20);
    agree::<f64>(3_000_000..3_000_000 + n, masked_products);
    agree::<f32>(3_000_000..3_000_000 + n / 4, masked_products);
}
