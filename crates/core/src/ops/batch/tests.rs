//! A batched program is the program on every entry of the batch.

use super::*;
use crate::eval::Bindings;
use crate::graph::op::{Literal, Logic};
use crate::graph::random_tests::{Dice, inputs, step};
use crate::tensor::{Tensor, Value};

/// Values of all inputs of random programs, another for each entry of the batch.
fn entry(ty: &Type, name: &str, k: usize) -> Value<f64> {
    let shape: Vec<usize> = ty.shape.iter().map(|d| d.as_fixed().map_or(2, |n| n as usize)).collect();
    let count: usize = shape.iter().product();
    let mark = name.bytes().map(usize::from).sum::<usize>();
    match ty.dtype {
        DType::Int => {
            let data = (0..count).map(|j| ((j + k + mark) % 2) as i64).collect();
            Value::Int(Tensor::new(&shape, data).unwrap())
        }
        _ => {
            let at = |j: usize| ((j * 5 + k * 3 + mark) % 13) as f64 / 4.0 - 1.25;
            Value::Real(Tensor::new(&shape, (0..count).map(at).collect()).unwrap())
        }
    }
}

/// Values one after the other along a new first axis.
fn stacked(values: &[Value<f64>], shape: &[usize]) -> Value<f64> {
    let shape: Vec<usize> = std::iter::once(values.len()).chain(shape.iter().copied()).collect();
    match &values.first() {
        Some(Value::Int(_)) => {
            let data = values.iter().flat_map(|v| v.int().unwrap().data().to_vec()).collect();
            Value::Int(Tensor::new(&shape, data).unwrap())
        }
        _ => {
            let data = values.iter().flat_map(|v| v.real().unwrap().data().to_vec()).collect();
            Value::Real(Tensor::new(&shape, data).unwrap())
        }
    }
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

/// The entry of a batched value, and the value of the program there.
fn agree(batched: &Value<f64>, k: usize, alone: &Value<f64>) -> bool {
    let count = alone.count();
    let range = k * count..(k + 1) * count;
    match (batched, alone) {
        (Value::Real(a), Value::Real(b)) => a.data()[range].iter().zip(b.data()).all(|(&a, &b)| same(a, b)),
        (Value::Int(a), Value::Int(b)) => a.data()[range] == *b.data(),
        (Value::Bool(a), Value::Bool(b)) => a.data()[range] == *b.data(),
        _ => false,
    }
}

/// A random program over the inputs of the random constructors, a scan among them.
fn program(d: &mut Dice, steps: usize) -> Graph {
    let mut g = Graph::new();
    inputs(&mut g);
    for _ in 0..steps {
        let _ = step(&mut g, d);
    }
    let (x, a) = (g.find_input("x").unwrap(), g.find_input("A").unwrap());
    let scans = g
        .recurrence(
            "cell",
            &Dim::size("n"),
            d.below(2) == 0,
            &[("h", x), ("s", x)],
            &[("r", a)],
            |g, h, r| {
                let kept = g.multiply(h[0], r[0])?;
                Ok(vec![g.map(&crate::ops::map::TANH, &[kept])?, g.dot(a, h[1])?])
            },
        )
        .unwrap();
    g.add(scans[0], scans[1]).unwrap();
    others(&mut g).unwrap();
    g
}

/// Kinds that random steps seldom make.
fn others(g: &mut Graph) -> Result<()> {
    let [x, y, t, k, a] = ["x", "y", "t", "k", "A"].map(|name| g.find_input(name).unwrap());
    let p = g.compare(Comparison::Greater, x, y)?;
    let q = g.compare(Comparison::Equal, x, x)?;
    for logic in [Logic::And, Logic::Or] {
        let both = g.logic(logic, &[p, q])?;
        g.logic(Logic::Not, &[both])?;
    }
    let three = g.literal(Literal::integer(&[3], [0, 1, 2])?);
    for comparison in [Comparison::Greater, Comparison::GreaterEqual, Comparison::Equal] {
        g.compare(comparison, three, t)?;
        g.compare(comparison, t, three)?;
    }
    let stopped = g.stop_gradient(x);
    g.checkpoint(stopped);
    for kind in [Linear::SolveLower, Linear::SolveUpper, Linear::Solve] {
        g.linear(kind, &[a, y])?;
        g.linear(kind, &[a, a])?;
    }
    g.gather(a, k)?;
    Ok(())
}

#[test]
fn every_kind_of_node_batched_is_the_node_on_every_entry() {
    const BATCH: usize = 3;
    let (mut tried, mut kinds) = (0, std::collections::BTreeSet::new());
    for seed in 0..120 {
        let mut d = Dice(seed);
        let mut g = program(&mut d, 40);
        let all: Vec<(NodeId, String, Type)> = g
            .nodes()
            .filter_map(|n| {
                g.as_input(n).filter(|i| i.copy == 0).map(|i| (n, i.name.to_string(), i.ty.clone()))
            })
            .collect();
        // Some inputs differ over the batch, the others do not.
        let chosen: Vec<bool> = all.iter().map(|_| d.below(2) == 0).collect();
        let mut replaced = Vec::new();
        let mut whole: Bindings<f64> = Bindings::new();
        let mut alone: Vec<Bindings<f64>> = vec![Bindings::new(); BATCH];
        for ((node, name, ty), &chosen) in all.iter().zip(&chosen) {
            let values: Vec<Value<f64>> =
                (0..BATCH).map(|k| entry(ty, name, if chosen { k } else { 0 })).collect();
            for (bindings, value) in alone.iter_mut().zip(&values) {
                bindings.bind(name, value.clone());
            }
            if chosen {
                let wide = crate::ops::scan::trajectory(ty, &Dim::fixed(BATCH as i64));
                let label = format!("{name} all");
                replaced.push((*node, g.input(&label, wide).unwrap()));
                whole.bind(&label, stacked(&values, values[0].shape()));
            } else {
                whole.bind(name, values[0].clone());
            }
        }
        let nodes: Vec<NodeId> = g.nodes().filter(|&n| g.as_input(n).is_none_or(|i| i.copy == 0)).collect();
        for node in nodes {
            // What has no value at some entry has none in the batch.
            let values: Result<Vec<Value<f64>>> =
                alone.iter().map(|at| Ok(g.evaluate(&[node], at)?.swap_remove(0))).collect();
            let Ok(values) = values else { continue };
            if values.iter().any(|v| v.count() > 1 << 12) {
                continue;
            }
            let batched = match g.batch(&[node], &replaced, &Dim::fixed(BATCH as i64)) {
                Ok(batched) => batched[0],
                Err(error) => {
                    // Integers without a bound cannot be repeated.
                    assert!(matches!(error, Error::Entries { operation: "batch", .. }), "{error}");
                    continue;
                }
            };
            let found =
                g.evaluate(&[batched], &whole).unwrap_or_else(|e| panic!("seed {seed} {node:?}: {e}"));
            for (k, value) in values.iter().enumerate() {
                assert!(agree(&found[0], k, value), "seed {seed}: {:?}\n{found:?}\n{value:?}", g.op(node));
            }
            tried += 1;
            let name = format!("{:?}", g.op(node));
            let kind: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
            kinds.insert(kind);
        }
    }
    assert!(tried > 1000, "{tried}");
    for kind in [
        "ArgMax",
        "ArgSort",
        "Compare",
        "Contract",
        "Linear",
        "Logic",
        "Map",
        "Named",
        "Reduce",
        "Scan",
        "Select",
        "StopGradient",
        "Checkpoint",
        "Sum",
        "Tag",
        "Zero",
    ] {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn nothing_is_repeated_that_does_not_depend_on_the_batch() {
    let mut g = Graph::new();
    let [w, x] = [("W", vec!["m", "n"]), ("x", vec!["n"])].map(|(n, s)| g.input(n, Type::real(s)).unwrap());
    let all = g.input("X", Type::real(["b", "n"])).unwrap();
    let square = g.multiply(w, w).unwrap();
    let y = g.dot(square, x).unwrap();
    let batched = g.batch(&[y, square], &[(x, all)], &Dim::size("b")).unwrap();
    let product = g.as_product(batched[0]);
    assert!(product.accesses.iter().any(|a| a.node == all));
    assert_eq!(g.rank(batched[1]), 3);
    let wrong = g.batch(&[y], &[(x, w)], &Dim::size("b")).unwrap_err();
    assert_eq!(wrong.to_string(), "`batch` needs equal shapes: left is real[b,n], right is real[m,n]");
}

/// A function written out and kept gives the same batch.
#[test]
fn functions_are_written_out() {
    let b = crate::expr::Builder::new();
    let (x, all) = (b.real("x", "n"), b.real("X", ["b", "n"]));
    let y = b.function("twice", &[("z", &x)], |z| (&z[0] * 2.0).tanh());
    let nodes = [&x, &all, &y].map(|e| e.node().unwrap());
    let (batched, plain) = b.with(|g| {
        let batched = g.batch(&[nodes[2]], &[(nodes[0], nodes[1])], &Dim::size("b")).unwrap()[0];
        let doubled = g.scale(&Rational::from(2), nodes[1]);
        (batched, g.map(&crate::ops::map::TANH, &[doubled]).unwrap())
    });
    assert_eq!(batched, plain);
}
