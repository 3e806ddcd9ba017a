//! A plan over a batch answers, row by row, what the program answers for each entry.

use crate::judge::{Case, Data, Tally, data, expected, judge, none_differ, run};
use crate::programs::{Dice, Program, derivatives, program};
use crate::random::count;
use chainrule_core::NodeId;
use chainrule_exec::lane::Number;
use chainrule_exec::{Error, Options, Plan};

/// The entries of several values of one input, one after the other.
fn joined<S: Number>(all: &[&Data<S>], like: &Data<S>) -> Data<S> {
    match like {
        Data::Real(_) => Data::Real(all.iter().flat_map(|d| real(d).to_vec()).collect()),
        Data::Int(_) => Data::Int(
            all.iter().flat_map(|d| if let Data::Int(v) = d { v.clone() } else { Vec::new() }).collect(),
        ),
        Data::Bool(_) => Data::Bool(
            all.iter().flat_map(|d| if let Data::Bool(v) = d { v.clone() } else { Vec::new() }).collect(),
        ),
    }
}

fn real<S: Number>(data: &Data<S>) -> &[S] {
    if let Data::Real(v) = data { v } else { &[] }
}

fn copied<S: Number>(data: &Data<S>) -> Data<S> {
    joined(&[data], data)
}

/// What is wrong with a row of a batch; `None` also where the batch is refused. Counts the batches that ran.
fn disagreement<S: Number>(
    seed: u64,
    program: Program,
    ran: &mut [usize; 3],
    tally: &mut Tally,
) -> Option<String> {
    let case = Case::<S>::new(seed, program)?;
    let options = Options { sizes: case.program.sizes.clone(), ..Options::default() };
    let single = Plan::<S>::compile(&case.program.graph, &case.program.outputs, &options).ok()?;
    let mut d = Dice(seed ^ 0x5eed);
    let chosen: Vec<bool> = single.inputs().iter().map(|_| d.below(2) == 0).collect();
    let which = d.below(3);
    let extent = [0, 1, 3][which];
    let nodes: Vec<NodeId> = single
        .inputs()
        .iter()
        .zip(&chosen)
        .filter(|(_, chosen)| **chosen)
        .map(|(i, _)| case.program.graph.find_input(&i.name).expect("an input of the program"))
        .collect();
    let (graph, outputs) = (&case.program.graph, &case.program.outputs);
    let mut plan = match Plan::<S>::batched(graph, outputs, &nodes, extent, &options) {
        Ok(plan) => plan,
        Err(
            Error::TooLarge { .. }
            | Error::EmptyAxis { .. }
            | Error::Graph(chainrule_core::Error::Entries { .. }),
        ) => return None,
        Err(other) => return Some(format!("{other}")),
    };
    ran[which] += 1;
    // Entries differ in what is chosen only.
    let entries: Vec<Vec<Data<S>>> = (0..extent)
        .map(|b| {
            let own = data(single.inputs(), &mut Dice(seed ^ (b as u64) << 40));
            let pairs = own.into_iter().zip(&case.data).zip(&chosen);
            pairs.map(|((own, shared), chosen)| if *chosen { own } else { copied(shared) }).collect()
        })
        .collect();
    let whole: Vec<Data<S>> = plan
        .inputs()
        .iter()
        .map(|input| {
            let k = single.inputs().iter().position(|i| i.name == input.name).expect("an input");
            let all: Vec<&Data<S>> = entries.iter().map(|e| &e[k]).collect();
            if chosen[k] { joined(&all, &case.data[k]) } else { copied(&case.data[k]) }
        })
        .collect();
    for k in 0..outputs.len() {
        assert_eq!(plan.output_shape(k)[0], extent, "seed {seed}");
        assert_eq!(plan.output_shape(k)[1..], *single.output_shape(k), "seed {seed}");
    }
    let found = run(&mut plan, &whole);
    for (b, entry) in entries.iter().enumerate() {
        let rows: Vec<Vec<S>> = found
            .iter()
            .map(|all| {
                let row = all.len() / extent;
                all[b * row..(b + 1) * row].to_vec()
            })
            .collect();
        let right = expected(&case.program, single.inputs(), entry)?;
        if let Some(difference) = judge(&right, &rows, tally) {
            return Some(format!("row {b} of {extent}: {difference}\n{}", case.text(seed)));
        }
    }
    None
}

fn rows_agree<S: Number>(seeds: std::ops::Range<u64>, program: impl Fn(u64) -> Program) {
    let (mut ran, mut tally) = ([0; 3], Tally::default());
    let total = seeds.end - seeds.start;
    let wrong: Vec<String> =
        seeds.filter_map(|seed| disagreement::<S>(seed, program(seed), &mut ran, &mut tally)).collect();
    none_differ(&wrong);
    assert!(ran.iter().all(|&n| n as u64 > total / 20), "batches of 0, 1, 3 that ran: {ran:?} of {total}");
    assert!(tally.judged as u64 > total, "{tally:?}");
}

#[test]
fn rows_of_random_programs() {
    rows_agree::<f64>(41_000_000..41_000_000 + count() / 3, program);
}

#[test]
fn rows_of_random_programs_in_single_precision() {
    rows_agree::<f32>(42_000_000..42_000_000 + count() / 6, program);
}

#[test]
fn rows_of_random_derivatives() {
    rows_agree::<f64>(43_000_000..43_000_000 + count() / 6, derivatives);
}
