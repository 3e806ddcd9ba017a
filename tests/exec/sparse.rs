//! Sparse derivatives in numbers: compressed ones of tensor code, formulas of scalar code, against dense ones.

use chainrule_core::derive::pattern::Pattern;
use chainrule_core::dice::Dice;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::op::Literal;
use chainrule_core::ops::map::{SIN, TANH};
use chainrule_core::shape::Type;
use chainrule_core::tensor::Tensor;
use chainrule_core::{Graph, NodeId};
use chainrule_exec::{Options, Plan, SparsePlan, Value};

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|k| ((k * 7919 + 3) % 1009) as f64 / 504.5 - 1.0).collect()
}

/// The dense value of a node, by the slow evaluator.
fn dense(g: &Graph, node: NodeId, x: &[f64]) -> Vec<f64> {
    let at = Bindings::new().with("x", Tensor::vector(x.to_vec()));
    g.evaluate(&[node], &at).unwrap()[0].real().unwrap().data().to_vec()
}

/// Fails unless the plan's entries are those of the dense matrix.
fn agree(plan: &mut SparsePlan<f64>, dense: &[f64], x: &[f64]) {
    let mut values = vec![f64::NAN; plan.pattern().len()];
    for _ in 0..2 {
        plan.run(&[Value::Real(x)], &mut values).unwrap();
    }
    let columns = plan.pattern().columns();
    for ((i, j), got) in plan.pattern().positions().zip(&values) {
        let want = dense[i * columns + j];
        assert!((got - want).abs() <= 1e-12 * want.abs().max(1.0), "{i}, {j}: {got}, dense {want}");
    }
}

/// `y = tanh(A sin(x))` with a literal of the given pattern for `A`.
fn layer(g: &mut Graph, pattern: &Pattern, n: &str) -> (NodeId, NodeId) {
    let mut entries = vec![0.0; pattern.rows() * pattern.columns()];
    for (k, (i, j)) in pattern.positions().enumerate() {
        entries[i * pattern.columns() + j] = 0.25 + k as f64 / 50.0;
    }
    let literal = Literal::real(&[pattern.rows(), pattern.columns()], entries).unwrap();
    let a = g.literal(literal);
    let fixed = pattern.columns() as i64;
    let x = g.input("x", if n.is_empty() { Type::real([fixed]) } else { Type::real([n]) }).unwrap();
    let s = g.map(&SIN, &[x]).unwrap();
    let a = if n.is_empty() { a } else { g.slice(a, 1, &0.into(), 1, &n.into()).unwrap() };
    let z = g.dot(a, s).unwrap();
    (g.map(&TANH, &[z]).unwrap(), x)
}

#[test]
fn random_patterns_agree_with_the_dense_jacobian_and_hessian() {
    let mut dice = Dice::new(11);
    for (rows, columns) in [(1, 1), (9, 9), (3, 12), (12, 3)] {
        let row = |_| (0..1 + dice.below(2)).map(|_| dice.below(columns)).collect::<Vec<_>>();
        let pattern = Pattern::new(columns, (0..rows).map(row).collect::<Vec<_>>()).unwrap();
        let mut g = Graph::new();
        let (y, x) = layer(&mut g, &pattern, "");
        let at = point(columns);
        let options = Options::default();
        let mut plan = SparsePlan::jacobian(&g, y, x, &pattern, &options).unwrap();
        assert!(plan.directions() <= rows.min(columns));
        let jacobian = g.jacobian(y, x).unwrap();
        agree(&mut plan, &dense(&g, jacobian, &at), &at);

        // Inputs meet where they stand in one row.
        let square = g.power(y, 2);
        let loss = g.sum_all(square).unwrap();
        let mut meet = vec![Vec::new(); columns];
        for i in 0..rows {
            for &j in pattern.row(i) {
                meet[j as usize].extend(pattern.row(i).iter().map(|&k| k as usize));
            }
        }
        let meeting = Pattern::new(columns, meet).unwrap();
        let mut plan = SparsePlan::hessian(&g, loss, x, &meeting, &options).unwrap();
        let hessian = g.hessian(loss, x).unwrap();
        agree(&mut plan, &dense(&g, hessian, &at), &at);
    }
}

#[test]
fn a_pattern_may_be_wide_tall_and_of_a_named_size() {
    let pattern = Pattern::new(6, [vec![0, 3], vec![1, 4], vec![2, 5, 0]]).unwrap();
    let mut g = Graph::new();
    let (y, x) = layer(&mut g, &pattern, "n");
    let mut options = Options::default();
    assert!(SparsePlan::<f64>::jacobian(&g, y, x, &pattern, &options).is_err(), "n has no number");
    options.sizes.insert("n".into(), 6);
    let mut plan = SparsePlan::jacobian(&g, y, x, &pattern, &options).unwrap();
    let at = point(6);
    let jacobian = g.jacobian(y, x).unwrap();
    agree(&mut plan, &dense(&g, jacobian, &at), &at);
    assert_eq!(plan.directions(), 2, "rows 0 and 1 share one direction, row 2 takes another");
}

/// `y[i] = x[i-1] - 2 sin(x[i]) + x[i] x[i+1]`, 10⁴ long.
#[test]
fn a_band_of_ten_thousand_needs_three_directions() {
    let n = 10_000;
    let mut g = Graph::new();
    let x = g.input("x", Type::real([n as i64])).unwrap();
    let text = format!("y[i=0..{}] = x[i-1]*[i >= 1] - 2*sin(x[i]) + x[i]*x[i+1]*[i <= {}]", n - 1, n - 2);
    let y = g.form(&text, &[]).unwrap();
    let band = Pattern::banded(n, 1, 1).unwrap();
    let mut plan = SparsePlan::<f64>::jacobian(&g, y, x, &band, &Options::default()).unwrap();
    assert_eq!(plan.directions(), 3);
    let at = point(n);
    let mut values = vec![0.0; band.len()];
    plan.run(&[Value::Real(&at)], &mut values).unwrap();
    for ((i, j), got) in band.positions().zip(&values) {
        let next = if i + 1 < n { at[i + 1] } else { 0.0 };
        let want = match j {
            _ if j + 1 == i => 1.0,
            _ if j == i => next - 2.0 * at[i].cos(),
            _ => at[i],
        };
        assert!((got - want).abs() <= 1e-12, "{i}, {j}: {got}, by hand {want}");
    }
}

/// A full first row and column: two directions, and the triangle alone is delivered where it alone is asked for.
#[test]
fn an_arrow_needs_two_directions() {
    let n = 300;
    let mut g = Graph::new();
    let x = g.input("x", Type::real([n as i64])).unwrap();
    let y = g.form(&format!("sum(i=0..{}, x[0]*x[i]^3)", n - 1), &[]).unwrap();
    let triangle = Pattern::new(n, (0..n).map(|i| if i == 0 { (0..n).collect() } else { vec![i] })).unwrap();
    let mut plan = SparsePlan::hessian(&g, y, x, &triangle, &Options::default()).unwrap();
    assert_eq!(plan.directions(), 2);
    let hessian = g.hessian(y, x).unwrap();
    let at = point(n);
    agree(&mut plan, &dense(&g, hessian, &at), &at);
}

#[test]
fn scalar_code_runs_its_formulas() {
    let n = 400;
    let mut g = Graph::new();
    let xs: Vec<NodeId> = (0..n).map(|k| g.input(&format!("x{k}"), Type::scalar()).unwrap()).collect();
    let mut f = g.integer(0);
    for pair in xs.windows(2) {
        let square = g.power(pair[0], 2);
        let t = g.sub(pair[1], square).unwrap();
        let t = g.power(t, 2);
        f = g.add(f, t).unwrap();
    }
    let hessian = g.sparse_hessian(f, &xs).unwrap();
    let mut plan = SparsePlan::<f64>::entries(&g, &hessian, &Options::default()).unwrap();
    let at = point(n);
    let numbers: Vec<usize> = plan.inputs().iter().map(|i| i.name[1..].parse().unwrap()).collect();
    let inputs: Vec<Value<'_, f64>> = numbers.iter().map(|&k| Value::Real(&at[k..=k])).collect();
    let mut values = vec![f64::NAN; 2 * n - 1];
    plan.run(&inputs, &mut values).unwrap();
    for ((i, j), got) in plan.pattern().positions().zip(&values) {
        let right = if i + 1 < n { 12.0 * at[i] * at[i] - 4.0 * at[i + 1] } else { 0.0 };
        let want = if i == j { right + if i > 0 { 2.0 } else { 0.0 } } else { -4.0 * at[i] };
        assert!((got - want).abs() <= 1e-12, "{i}, {j}: {got}, by hand {want}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let pattern = Pattern::banded(4, 0, 0).unwrap();
    let mut g = Graph::new();
    let (y, x) = layer(&mut g, &pattern, "");
    let told = |answer: chainrule_exec::Result<SparsePlan<f64>>| answer.err().unwrap().to_string();
    let options = Options::default();
    let wide = Pattern::banded(5, 0, 0).unwrap();
    let text = told(SparsePlan::jacobian(&g, y, x, &wide, &options));
    assert_eq!(text, "the pattern: expected 4 rows and 4 columns, found 5 rows and 5 columns");
    let number = g.sum_all(y).unwrap();
    let text = told(SparsePlan::jacobian(&g, number, x, &pattern, &options));
    assert!(text.starts_with("the output: expected a vector"), "{text}");
    assert!(SparsePlan::<f64>::hessian(&g, y, x, &pattern, &options).is_err(), "a Hessian is of a number");
    assert!(SparsePlan::<f64>::jacobian(&g, NodeId::new(1 << 20), x, &pattern, &options).is_err());
    let mut plan = SparsePlan::<f64>::jacobian(&g, y, x, &pattern, &options).unwrap();
    let text = plan.run(&[Value::Real(&[0.0; 4])], &mut [0.0; 3]).unwrap_err().to_string();
    assert_eq!(text, "the values: expected room for 4 entries, found room for 3");
    assert!(Plan::<f64>::compile(&g, &[y], &options).is_ok());
}
