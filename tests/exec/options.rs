//! Options change how a plan computes, never what: every setting agrees within the bound, and some to the bit.
//!
//! To the bit: any number of threads, memory shared or not, run after run, machine code or interpreter.

use crate::judge::{Case, Tally, bits_differ, compile, judge, none_differ, run};
use crate::programs::{Program, derivatives, program};
use crate::random::count;
use chainrule_exec::Options;
use chainrule_exec::lane::Number;

fn options(fuse: bool, reuse: bool, jit: bool, threads: usize) -> Options {
    Options { fuse, reuse, jit, threads, ..Options::default() }
}

/// The answers of a case under every setting; what is wrong with the first that is.
fn disagreement<S: Number>(seed: u64, case: &Case<S>, tally: &mut Tally) -> Option<String> {
    for fuse in [true, false] {
        let plain = case.run(seed, &options(fuse, true, true, 1));
        if let Some(difference) = judge(&case.expected, &plain, tally) {
            return Some(format!("fuse {fuse}: {difference}"));
        }
        let mut others = vec![(true, true, 2), (true, true, 4), (true, true, 8), (false, true, 1)];
        others.extend([(true, false, 1), (false, false, 1), (false, false, 4)]);
        for (reuse, jit, threads) in others {
            let other = case.run(seed, &options(fuse, reuse, jit, threads));
            if let Some(difference) = bits_differ(&plain, &other) {
                return Some(format!(
                    "fuse {fuse}, reuse {reuse}, jit {jit}, threads {threads}: {difference}"
                ));
            }
        }
    }
    None
}

fn settings_agree<S: Number>(seeds: std::ops::Range<u64>, program: impl Fn(u64) -> Program) {
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for seed in seeds {
        let Some(case) = Case::<S>::new(seed, program(seed)) else { continue };
        if let Some(difference) = disagreement(seed, &case, &mut tally) {
            wrong.push(format!("{difference}\n{}", case.text(seed)));
        }
    }
    assert!(tally.judged > 0);
    none_differ(&wrong);
}

#[test]
fn settings_agree_in_double_precision() {
    settings_agree::<f64>(6_000_000..6_000_000 + count() / 5, program);
}

#[test]
fn settings_agree_in_single_precision() {
    settings_agree::<f32>(7_000_000..7_000_000 + count() / 10, program);
}

#[test]
fn settings_agree_on_derivatives() {
    settings_agree::<f64>(8_000_000..8_000_000 + count() / 10, derivatives);
}

/// What `docs/testing.md` runs under valgrind: every access of the interpreter and of the kernels is seen there.
#[test]
fn small_programs_agree_without_machine_code() {
    let mut tally = Tally::default();
    for seed in 10_000_000..10_000_000 + count() / 5 {
        let Some(case) = Case::<f64>::new(seed, program(seed)) else { continue };
        let found = case.run(seed, &options(true, true, false, 1));
        assert_eq!(judge(&case.expected, &found, &mut tally), None, "{}", case.text(seed));
    }
    assert!(tally.judged > 0);
}

/// The same with machine code, which valgrind follows too.
#[test]
fn small_programs_agree_with_machine_code() {
    let mut tally = Tally::default();
    for seed in 10_000_000..10_000_000 + count() / 5 {
        let Some(case) = Case::<f64>::new(seed, program(seed)) else { continue };
        let found = case.run(seed, &options(true, true, true, 1));
        assert_eq!(judge(&case.expected, &found, &mut tally), None, "{}", case.text(seed));
    }
    assert!(tally.judged > 0);
}

#[test]
fn a_hundred_runs_of_a_plan_have_the_same_bits() {
    for seed in 9_000_000..9_000_020 {
        let Some(case) = Case::<f64>::new(seed, program(seed)) else { continue };
        let mut plan =
            compile::<f64>(seed, &case.program, &options(true, true, true, 4)).expect("compiled before");
        let first = run(&mut plan, &case.data);
        for again in 1..100 {
            let other = run(&mut plan, &case.data);
            assert_eq!(bits_differ(&first, &other), None, "run {again}, {}", case.text(seed));
        }
    }
}
