//! A plan whose outputs take the place of inputs answers, to the bit, what the ordinary plan answers.

use crate::judge::{Case, Data, bits_differ, none_differ};
use crate::programs::{Program, derivatives, program};
use crate::random::count;
use chainrule_core::rational::Rational;
use chainrule_core::shape::Type;
use chainrule_core::{Graph, NodeId};
use chainrule_exec::array::Entry;
use chainrule_exec::lane::Number;
use chainrule_exec::plan::explain::Kernel;
use chainrule_exec::{Options, Plan, Value};

fn copies<S: Number>(plan: &Plan<S>) -> usize {
    plan.explanation().steps.iter().filter(|s| s.kernel == Kernel::Copy).count()
}

/// Every output in the place of the first free input of its shape; how many are, and how many of these are copied.
fn disagreement<S: Number>(seed: u64, program: Program, counted: &mut [usize; 2]) -> Option<String> {
    let case = Case::<S>::new(seed, program)?;
    let options = Options { sizes: case.program.sizes.clone(), ..Options::default() };
    let (graph, outputs) = (&case.program.graph, &case.program.outputs);
    let plain = Plan::<S>::compile(graph, outputs, &options).ok()?;
    let mut pairs: Vec<(usize, NodeId)> = Vec::new();
    let mut taken: Vec<Option<usize>> = vec![None; plain.inputs().len()];
    for (n, &output) in outputs.iter().enumerate() {
        let real = graph.ty(output).dtype == chainrule_core::shape::DType::Real;
        let fits = |k: &usize| {
            let input = &plain.inputs()[*k];
            taken[*k].is_none() && input.entry == Entry::Real && input.shape == plain.output_shape(n)
        };
        if let Some(k) = (0..taken.len()).find(fits).filter(|_| real) {
            taken[k] = Some(n);
            pairs.push((n, graph.find_input(&plain.inputs()[k].name).expect("an input")));
        }
    }
    if pairs.is_empty() {
        return None;
    }
    let mut plan = Plan::<S>::in_place(graph, outputs, &pairs, &options).unwrap_or_else(|e| panic!("{e}"));
    counted[0] += pairs.len();
    counted[1] += copies(&plan).saturating_sub(copies(&plain));
    let mut found: Vec<Vec<S>> =
        (0..outputs.len()).map(|n| vec![S::of(-7.25); plain.output_shape(n).iter().product()]).collect();
    let values: Vec<Value<'_, S>> = case
        .data
        .iter()
        .zip(&taken)
        .map(|(data, taken)| match (data, taken) {
            (Data::Real(v), Some(n)) => {
                found[*n].clone_from(v);
                Value::InPlace
            }
            (Data::Real(v), None) => Value::Real(v),
            (Data::Int(v), _) => Value::Int(v),
            (Data::Bool(v), _) => Value::Bool(v),
        })
        .collect();
    let mut places: Vec<&mut [S]> = found.iter_mut().map(Vec::as_mut_slice).collect();
    plan.run(&values, &mut places).unwrap_or_else(|e| panic!("{e}"));
    let right = case.run(seed, &Options::default());
    bits_differ(&right, &found).map(|d| format!("{d}, pairs {pairs:?}\n{}", case.text(seed)))
}

fn same_bits<S: Number>(seeds: std::ops::Range<u64>, program: impl Fn(u64) -> Program) {
    let mut counted = [0; 2];
    let wrong: Vec<String> =
        seeds.filter_map(|seed| disagreement::<S>(seed, program(seed), &mut counted)).collect();
    none_differ(&wrong);
    let [pairs, copied] = counted;
    assert!(copied > 0 && pairs > copied, "{pairs} outputs in place, {copied} of them copied");
}

#[test]
fn random_programs_have_the_same_bits() {
    same_bits::<f64>(51_000_000..51_000_000 + count() / 2, program);
}

#[test]
fn random_programs_have_the_same_bits_in_single_precision() {
    same_bits::<f32>(52_000_000..52_000_000 + count() / 4, program);
}

#[test]
fn random_derivatives_have_the_same_bits() {
    same_bits::<f64>(53_000_000..53_000_000 + count() / 4, derivatives);
}

/// A network of two layers and one step of descent on its squared error.
fn training(batch: i64, width: i64) -> (Graph, Vec<NodeId>, [NodeId; 2]) {
    let mut g = Graph::new();
    let x = g.input("x", Type::real([batch, 40])).unwrap();
    let v = g.input("V", Type::real([40, width])).unwrap();
    let w = g.input("W", Type::real([width, 3])).unwrap();
    let hidden = g.dot(x, v).unwrap();
    let hidden = g.map(&chainrule_core::ops::map::RELU, &[hidden]).unwrap();
    let y = g.dot(hidden, w).unwrap();
    let square = g.multiply(y, y).unwrap();
    let loss = g.sum_all(square).unwrap();
    let slopes = g.gradient(loss, &[v, w]).unwrap();
    let next = [(v, slopes[0]), (w, slopes[1])].map(|(p, slope)| {
        let change = g.scale(&Rational::new(-1, 100), slope);
        g.add(p, change).unwrap()
    });
    (g, next.to_vec(), [v, w])
}

/// Three steps of training by a session, and by the ordinary plan whose outputs are carried to its inputs.
fn trained(batch: i64, width: i64) -> (usize, Option<String>) {
    let (g, next, [v, w]) = training(batch, width);
    let plan = Plan::<f64>::in_place(&g, &next, &[(0, v), (1, w)], &Options::default()).unwrap();
    let copied = copies(&plan);
    let (mut place, mut plain) =
        (plan.session(), Plan::<f64>::compile(&g, &next, &Options::default()).unwrap().session());
    for k in 0..3 {
        let fill = |values: &mut [f64]| {
            values.iter_mut().enumerate().for_each(|(j, x)| *x = ((j * 37 + k) % 19) as f64 / 64.0 - 0.13);
        };
        fill(place.input(k));
        fill(plain.input(k));
    }
    for _ in 0..3 {
        place.call().unwrap();
        plain.call().unwrap();
        plain.carry(0, 1);
        plain.carry(1, 2);
    }
    let found = [1, 2].map(|k| place.input(k).to_vec());
    let right = [1, 2].map(|k| plain.input(k).to_vec());
    assert_eq!(place.output(0), &found[0][..]);
    (copied, bits_differ(&right, &found))
}

#[test]
fn a_step_of_training_updates_its_parameters_where_they_are() {
    assert_eq!(trained(64, 50), (0, None));
    // With more rows than a product adds in one go, the sum of blocks would begin with the old value.
    let (copied, difference) = trained(700, 50);
    assert_eq!(difference, None);
    assert!(copied > 0, "a sum of 700 terms is no longer one block");
}

#[test]
fn parameters_that_exchange_their_values() {
    let mut g = Graph::new();
    let [p, q] = ["p", "q"].map(|name| g.input(name, Type::real([5])).unwrap());
    let sum = g.add(p, q).unwrap();
    for (outputs, right) in [([q, p], [[10.0; 5], [1.0; 5]]), ([sum, p], [[11.0; 5], [1.0; 5]])] {
        let plan = Plan::<f64>::in_place(&g, &outputs, &[(0, p), (1, q)], &Options::default()).unwrap();
        let mut session = plan.session();
        session.input(0).fill(1.0);
        session.input(1).fill(10.0);
        session.call().unwrap();
        assert_eq!([session.output(0), session.output(1)], [&right[0][..], &right[1][..]]);
    }
}

#[test]
fn a_later_reader_comes_before_the_write() {
    // The update needs nothing but p; the sum of all p needs it too, in another loop.
    let mut g = Graph::new();
    let p = g.input("p", Type::real([300])).unwrap();
    let next = g.scale(&Rational::new(1, 2), p);
    let total = g.logsumexp(p, &[0]).unwrap();
    let plan = Plan::<f64>::in_place(&g, &[next, total], &[(0, p)], &Options::default()).unwrap();
    let mut session = plan.session();
    session.input(0).fill(3.0);
    session.call().unwrap();
    assert_eq!(session.output(0), [1.5; 300]);
    assert!((session.output(1)[0] - (3.0 + 300f64.ln())).abs() < 1e-12);
}

#[test]
fn an_output_in_place_is_no_memory_of_the_plan() {
    let (g, next, [v, w]) = training(64, 50);
    let plain = Plan::<f64>::compile(&g, &next, &Options::default()).unwrap().explanation();
    let place = Plan::<f64>::in_place(&g, &next, &[(0, v), (1, w)], &Options::default()).unwrap();
    assert_eq!(plain.peak() - place.explanation().peak(), (40 * 50 + 50 * 3) * 8);
    assert!(place.explain().contains("in place"));
}
