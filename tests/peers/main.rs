//! The workloads of `benches/peers` compute what the rivals compute: checksums by slow evaluation and by plans, at small
//! sizes, against those of hand-written C and NumPy in `benches/peers/checksums.json`.

#[path = "../../benches/peers/mod.rs"]
mod peers;

use peers::cases::Cases;
use peers::engine::Engine;
use peers::inputs::{checksum, labels, u01, uniform};
use peers::job::{Answer, Job, Kind};
use peers::runner::Runner;
use serde_json::Value;

#[test]
fn the_streams_are_those_of_the_scripts() {
    assert_eq!(u01(1, 3), [0.566_561_575_172_280_9, 0.745_781_757_262_701_1, 0.971_002_753_586_796_2]);
    assert_eq!(uniform(1, 1, -1.0, 1.0), [2.0 * 0.566_561_575_172_280_9 - 1.0]);
    assert_eq!(labels(1, 3, 10), [5, 7, 9]);
}

#[test]
fn a_checksum_weighs_thirteen_places() {
    assert_eq!(checksum([13.0, 0.0, 13.0]), 4.0);
    assert_eq!(checksum((0..14).map(|i| f64::from(i == 13) * 26.0)), 2.0);
}

fn found(job: &Job, engine: Engine) -> Answer<f64> {
    let made = job.make()?;
    if matches!(made.kind, Kind::Step(_)) {
        Runner::<f32>::new(&made, engine, 1)?.first_checksum()
    } else {
        Runner::<f64>::new(&made, engine, 1)?.first_checksum()
    }
}

/// Fails unless every measurement answers what the anchors do.
fn expect_checksums_of(engine: Engine) {
    let anchors: Value = serde_json::from_str(include_str!("../../benches/peers/checksums.json")).unwrap();
    let anchors = anchors.as_array().unwrap();
    let jobs = peers::jobs(&Cases::read("small"));
    let mut wrong = Vec::new();
    for anchor in anchors {
        let is_it = |job: &&Job| {
            anchor["workload"] == job.workload
                && anchor["metric"] == job.metric.as_str()
                && anchor["n"] == job.n
        };
        let Some(job) = jobs.iter().find(is_it) else {
            wrong.push(format!("nothing of ours is {anchor}"));
            continue;
        };
        let want = anchor["result_checksum"].as_f64().unwrap();
        let tolerance = if job.metric.ends_with("f32") { 1e-4 } else { 1e-7 };
        match found(job, engine) {
            Ok(found) if (found - want).abs() <= tolerance * want.abs().max(1.0) => {}
            Ok(found) => wrong.push(format!("{anchor}: {} answers {found}", engine.system())),
            Err(error) => wrong.push(format!("{anchor}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(jobs.len(), anchors.len(), "every measurement of ours has an anchor");
}

#[test]
fn slow_evaluation_has_the_checksums_of_the_anchors() {
    expect_checksums_of(Engine::Slow);
}

#[test]
fn plans_have_the_checksums_of_the_anchors() {
    expect_checksums_of(Engine::Plain);
    expect_checksums_of(Engine::Machine);
}

#[test]
fn compressed_results_store_less_than_dense_ones() {
    let jobs = peers::jobs(&Cases::read("small"));
    let compressed: Vec<&Job> = jobs.iter().filter(|job| job.metric.ends_with("_compressed")).collect();
    assert!(compressed.len() > 3);
    for job in compressed {
        let made = job.make().unwrap();
        let output = made.program.outputs[0];
        let dense: i64 = made
            .program
            .graph
            .shape(output)
            .iter()
            .map(|d| d.as_fixed().expect("sizes are numbers"))
            .product();
        for engine in [Engine::Slow, Engine::Plain, Engine::Machine] {
            let mut runner = Runner::<f64>::new(&made, engine, 1).unwrap();
            runner.first_checksum().unwrap();
            let stored = runner.stored().unwrap();
            assert!(2 * stored < dense as usize, "{} {}: {stored} of {dense}", job.metric, job.n);
        }
    }
}
