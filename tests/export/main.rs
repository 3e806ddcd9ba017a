//! Graphs as program text: read by eye under golden files, and run against the slow evaluator.
//!
//! Python with NumPy and SciPy is installed below the target folder by `tests/python.sh`. Where that is not
//! possible, the tests that need it say so and only compare texts; with `CHAINRULE_REQUIRE_PYTHON` set they fail.

#[allow(dead_code, reason = "the cases of the rules serve here for their programs and points only")]
#[path = "../rules/case.rs"]
mod case;
#[allow(dead_code, reason = "as above")]
#[path = "../rules/maps.rs"]
mod maps;
#[allow(dead_code, reason = "as above")]
#[path = "../rules/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "as above")]
#[path = "../rules/programs.rs"]
mod programs;

mod formulas;
mod python;
mod random;

use case::{Case, Point};
use chainrule::nn::problems;
use programs::PROGRAMS;
use python::{Job, compare};

fn report(what: &str, compared: Option<usize>) {
    if let Some(count) = compared {
        println!("{what}: {count} values of exported text agree with the evaluator");
    }
}

/// The value of a case, and its vector-Jacobian product and Jacobian by each input.
fn jobs_of(mut case: Case) -> Vec<Job> {
    let title = format!("{} {}", case.rule, case.name);
    let mut jobs = vec![Job::new(&title, &case.graph, &[case.y], &case.points)];
    let cotangent = case.graph.find_input("cotangent").expect("every case has one");
    for x in case.xs.clone() {
        // A partial that is refused has no text.
        let Ok(gradient) = case.graph.vjp(case.y, &[x], cotangent) else { continue };
        let Ok(jacobian) = case.graph.jacobian(case.y, x) else { continue };
        let name = case.input_name(x);
        jobs.push(Job::new(&format!("{title}, gradient by {name}"), &case.graph, &gradient, &case.points));
        jobs.push(Job::new(&format!("{title}, Jacobian by {name}"), &case.graph, &[jacobian], &case.points));
    }
    jobs
}

#[test]
fn every_primitive_and_its_derivatives() {
    let maps = maps::cases().into_iter().flat_map(jobs_of);
    // Recurrences are refused; `formulas.rs` says with which words.
    let written = PROGRAMS.iter().filter(|p| p.rule != "scan");
    let programs = written.flat_map(|p| jobs_of(p.case()));
    report("primitives", compare(&maps.chain(programs).collect::<Vec<_>>(), false));
}

#[test]
fn random_programs() {
    let job = |seed: u64| {
        let (graph, outputs, points) = random::program(seed);
        Job::new(&format!("random program {seed}"), &graph, &outputs, &points)
    };
    report("random programs", compare(&(0..300).map(job).collect::<Vec<_>>(), true));
}

#[test]
fn the_homework() {
    let mut jobs = Vec::new();
    for problem in problems::all().expect("the problems are well-formed") {
        let mut point = Point::default();
        for (name, value) in problem.case.iter() {
            point.values.insert(name.to_string(), value.clone());
        }
        let mut at = problem.case.clone();
        for question in &problem.questions {
            // A step's upstream gradient is what the step before has answered.
            if let Ok(value) = problem.graph.evaluate::<f64>(&[question.node], &at)
                && !question.nickname.is_empty()
            {
                at.bind(question.nickname, value[0].clone());
                point.values.insert(question.nickname.to_string(), value[0].clone());
            }
        }
        for question in &problem.questions {
            let job = Job::new(question.label, &problem.graph, &[question.node], &[point.clone()]);
            jobs.push(job);
        }
        for (name, node) in &problem.definitions {
            jobs.push(Job::new(name, &problem.graph, &[*node], &[point.clone()]));
        }
    }
    report("homework", compare(&jobs, false));
}
