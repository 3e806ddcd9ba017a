//! Rounding around zero: entries of a counterexample that are 0 and were computed as -2.4e-56.
//!
//! A comparison computes with hundreds of bits, and what cancels leaves a trace in the last of them. A reader takes
//! such a number for a value. Whether it is one is decided by the exact value at the same point, and where a function
//! has no rational value there, by plain floating point: a number that is really tiny is tiny in both.

use chainrule_check::{Counterexample, Report, Verdict};
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::scalar::{Exact, Scalar};
use chainrule_core::tensor::{Tensor, Value};

/// Below this part of the largest entry a number is under suspicion; 128 bits end near 1e-38.
const SUSPECT: f64 = 1e-20;

/// Two computations that agree so far speak of one number.
const AGREES: f64 = 1e-6;

/// Writes 0 for the entries of the points of a report that are rounding around zero.
pub(crate) fn settle(graph: &Graph, claimed: NodeId, derived: NodeId, report: &mut Report) {
    if let Verdict::Wrong(point) = &mut report.verdict {
        if let Some(small) = &mut point.smallest {
            settle_point(graph, claimed, derived, small);
        }
        settle_point(graph, claimed, derived, point);
    }
    if let Some(point) = &mut report.counterexample {
        settle_point(graph, claimed, derived, point);
    }
}

fn settle_point(graph: &Graph, claimed: NodeId, derived: NodeId, point: &mut Counterexample) {
    let sides = [point.yours.real(), point.derived.real()];
    let entries = || sides.iter().flatten().flat_map(|t| t.data());
    let largest = entries().filter(|x| x.is_finite()).fold(0.0, |m: f64, x| m.max(x.abs()));
    let is_suspect = |x: f64| x != 0.0 && x.abs() < SUSPECT * largest;
    if !entries().any(|&x| is_suspect(x)) {
        return;
    }
    let nodes = [claimed, derived];
    let exact = values::<Exact>(graph, &nodes, point);
    let plain = values::<f64>(graph, &nodes, point);
    for (side, value) in [&mut point.yours, &mut point.derived].into_iter().enumerate() {
        let Some(shown) = value.real() else { continue };
        let settled: Vec<f64> = shown
            .data()
            .iter()
            .enumerate()
            .map(|(k, &x)| {
                let of = |found: &Option<Vec<Vec<f64>>>| found.as_ref().and_then(|f| f[side].get(k).copied());
                match (is_suspect(x), of(&exact).filter(|e| !e.is_nan()), of(&plain)) {
                    (false, ..) => x,
                    (true, Some(exact), _) => exact,
                    (true, None, Some(plain)) if (plain - x).abs() > AGREES * x.abs() => 0.0,
                    (true, None, _) => x,
                }
            })
            .collect();
        if let Some(tensor) = Tensor::new(shown.shape(), settled) {
            *value = Value::Real(tensor);
        }
    }
}

/// The entries of both sides at a point, computed with another kind of number.
fn values<S: Scalar>(graph: &Graph, nodes: &[NodeId], point: &Counterexample) -> Option<Vec<Vec<f64>>> {
    let mut bindings = Bindings::<S>::new();
    for (name, value) in &point.point {
        let value = match value {
            Value::Real(t) => Value::Real(t.map(|x| S::from_f64(*x))),
            Value::Int(t) => Value::Int(t.clone()),
            Value::Bool(t) => Value::Bool(t.clone()),
        };
        bindings.bind(name, value);
    }
    for (name, size) in &point.sizes {
        bindings = bindings.with_size(name, *size);
    }
    let found = graph.evaluate(nodes, &bindings).ok()?;
    found.iter().map(|v| Some(v.real()?.data().iter().map(Scalar::to_f64).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::settle_point;
    use chainrule_check::Counterexample;
    use chainrule_core::graph::Graph;
    use chainrule_core::shape::Type;
    use chainrule_core::tensor::{Tensor, Value};

    /// The derived value that is shown where 1 was claimed, at x = 1/4.
    fn shown(derived: &str, computed: f64) -> f64 {
        let mut graph = Graph::new();
        let x = graph.input("x", Type::real([] as [&str; 0])).unwrap();
        let claimed = graph.form("1", &[]).unwrap();
        let derived = graph.form(derived, &[("x", x)]).unwrap();
        let number = |x: f64| Value::Real(Tensor::new(&[], vec![x]).unwrap());
        let mut point = Counterexample {
            sizes: Default::default(),
            point: vec![("x".to_string(), number(0.25))],
            index: Vec::new(),
            yours: number(1.0),
            derived: number(computed),
            case: None,
            smallest: None,
        };
        settle_point(&graph, claimed, derived, &mut point);
        point.derived.real().unwrap().data()[0]
    }

    #[test]
    fn what_is_zero_is_shown_as_zero_and_what_is_tiny_stays() {
        assert_eq!(shown("exp(x) - exp(2*x)*exp(-x)", -2.4e-56), 0.0, "decided in floating point");
        assert_eq!(shown("x*x - x/4", -2.4e-56), 0.0, "decided exactly");
        assert_eq!(shown("x^200", 3.8725919148493183e-121), 0.25f64.powi(200), "really that small, exactly");
        let tiny = (-100f64).exp();
        assert_eq!(shown("exp(-400*x)", tiny), tiny, "really that small");
        assert_eq!(shown("exp(x)", 0.5), 0.5, "not under suspicion");
    }
}
