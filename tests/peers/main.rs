//! The workloads of `benches/peers` compute what the rivals compute: checksums of the graphs by slow evaluation, at
//! small sizes, against those of hand-written C and NumPy in `benches/peers/checksums.json`.

#[path = "../../benches/peers/mod.rs"]
mod peers;

use peers::cases::Cases;
use peers::engine::{Options, SYSTEM};
use peers::inputs::{checksum, labels, u01, uniform};
use peers::job::{Job, Kind};
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

fn found(job: &Job) -> f64 {
    let name = || format!("{} {} {}", job.workload, job.metric, job.n);
    let made = job.make().unwrap_or_else(|error| panic!("{}: {error}", name()));
    let options = Options { threads: 1, ..Options::default() };
    let single = matches!(made.kind, Kind::Step(_));
    let answer = if single {
        Runner::new(&made, &options, |x| x as f32).and_then(|mut runner| runner.first_checksum())
    } else {
        Runner::new(&made, &options, |x| x).and_then(|mut runner| runner.first_checksum())
    };
    answer.unwrap_or_else(|error| panic!("{}: {error}", name()))
}

#[test]
fn every_workload_has_the_checksum_of_the_anchors() {
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
        let (want, found) = (anchor["result_checksum"].as_f64().unwrap(), found(job));
        let tolerance = if job.metric.ends_with("f32") { 1e-4 } else { 1e-7 };
        let close = (found - want).abs() <= tolerance * want.abs().max(1.0);
        if !close {
            wrong.push(format!("{anchor}: {SYSTEM} answers {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(jobs.len(), anchors.len(), "every measurement of ours has an anchor");
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
        let options = Options { threads: 1, ..Options::default() };
        let mut runner: Runner<'_, f64> = Runner::new(&made, &options, |x| x).unwrap();
        runner.first_checksum().unwrap();
        let stored = runner.stored().unwrap();
        assert!(2 * stored < dense as usize, "{} {}: {stored} of {dense}", job.metric, job.n);
    }
}
