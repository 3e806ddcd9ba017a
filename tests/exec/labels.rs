//! Labels that no declaration keeps inside the array they select from: a run looks at them, and says which is wrong.

use chainrule_core::eval::Bindings;
use chainrule_core::shape::{DType, Dim, Sizes, Type};
use chainrule_core::tensor::{Tensor, Value as Slow};
use chainrule_core::{Graph, NodeId};
use chainrule_exec::{Error, Options, Plan, Value};

const X: [f64; 5] = [10.0, 11.0, 12.0, 13.0, 14.0];

/// Labels about which nothing is declared.
fn labels(extent: impl Into<Dim>) -> Type {
    Type { dtype: DType::Int, shape: [extent.into()].into_iter().collect(), below: None }
}

/// `y` of `x[5]` and labels `t[3]` about which nothing is declared.
fn graph(equation: &str) -> (Graph, NodeId) {
    let mut g = Graph::new();
    let x = g.input("x", Type::real([5])).unwrap();
    let t = g.input("t", labels(3)).unwrap();
    let y = g.form(equation, &[("x", x), ("t", t)]).unwrap_or_else(|e| panic!("{equation}: {e}"));
    (g, y)
}

/// What a plan answers, and whether the slow evaluator has an answer too, which is then the same.
fn answer(equation: &str, t: [i64; 3]) -> Result<Vec<f64>, String> {
    let (g, y) = graph(equation);
    let at = Bindings::new();
    let at = at.with("x", Tensor::new(&[5], X.to_vec()).unwrap());
    let mut at = at;
    at.bind("t", Slow::Int(Tensor::new(&[3], t.to_vec()).unwrap()));
    let slow = g.evaluate(&[y], &at);
    let mut all = Vec::new();
    for jit in [true, false] {
        let options = Options { jit, ..Options::default() };
        let mut plan = Plan::<f64>::compile(&g, &[y], &options).expect("a plan");
        let mut out = vec![f64::NAN; plan.output_shape(0).iter().product()];
        let values = plan.inputs().iter().map(|i| match i.name.as_str() {
            "x" => Value::Real(&X),
            _ => Value::Int(&t),
        });
        let values: Vec<Value<'_, f64>> = values.collect();
        let done = plan.run(&values, &mut [&mut out]);
        match (&done, &slow) {
            (Ok(()), Ok(values)) => assert_eq!(out, values[0].real().unwrap().data(), "{equation}"),
            (Err(Error::LabelOutside { .. }), Err(_)) => {}
            (done, slow) => panic!("{equation}: {done:?}, the slow evaluator {slow:?}"),
        }
        all.push(done.map(|()| out).map_err(|e| e.to_string()));
    }
    assert_eq!(all[0], all[1], "{equation}");
    all.remove(0)
}

#[test]
fn labels_inside_are_read() {
    assert_eq!(answer("y[i] = x[t[i]]", [4, 0, 2]), Ok(vec![14.0, 10.0, 12.0]));
    assert_eq!(answer("y[i] = 2*x[t[i] + 1]", [3, -1, 2]), Ok(vec![28.0, 20.0, 26.0]));
    assert_eq!(answer("y[i] = x[i + 1]*x[t[i]]", [0, 1, 2]), Ok(vec![110.0, 132.0, 156.0]));
}

#[test]
fn a_label_outside_is_named_with_its_place() {
    let says = |equation, t, message: &str| assert_eq!(answer(equation, t).unwrap_err(), message);
    let rest = "and selects from 5 entries, 0 to 4; give labels that stay inside, or declare t as index[5]";
    says("y[i] = x[t[i]]", [4, 5, 0], &format!("t[1] is 5, {rest}"));
    says("y[i] = x[t[i]]", [4, 0, -1], &format!("t[2] is -1, {rest}"));
    says("y[i] = x[t[i]]", [i64::MIN, 0, 0], &format!("t[0] is {}, {rest}", i64::MIN));
    says("y = sum(i, x[t[i]]^2)", [0, 1, 7], &format!("t[2] is 7, {rest}"));
    let moved = "which leads to position 5, ";
    says("y[i] = 2*x[t[i] + 1]", [0, 4, 0], &format!("t[1] is 4, {moved}{rest}"));
    // Where a label stands that is read through another one.
    let rest = "and selects from 3 entries, 0 to 2; give labels that stay inside, or declare t as index[3]";
    says("y[i] = x[t[t[i]]]", [0, 3, 0], &format!("t[1] is 3, {rest}"));
}

/// What a condition keeps from being read is not looked at.
#[test]
fn only_what_is_read_must_be_inside() {
    let equation = "y[i] = x[t[i]]*[i >= 1]";
    assert_eq!(answer(equation, [99, 1, 2]), Ok(vec![0.0, 11.0, 12.0]));
    assert!(answer(equation, [0, 99, 2]).unwrap_err().starts_with("t[1] is 99, and selects from 5"));
}

/// A delta against a label that is nowhere on its axis matches nothing, for plans as for the slow evaluator.
#[test]
fn a_delta_matches_what_is_there() {
    let found = answer("y[j=0..9] = sum(i, x[i + 1]*[j == t[i]])", [9, 4, 12]).unwrap();
    assert_eq!(found, [0.0, 0.0, 0.0, 0.0, 12.0, 0.0, 0.0, 0.0, 0.0, 11.0]);
}

/// Terms that are added where a label says are read where another says.
#[test]
fn reads_of_a_scatter_are_looked_at() {
    let equation = "y[j=0..9] = sum(i, x[t[i]]*[j == i])";
    let found = answer(equation, [4, 0, 0]).unwrap();
    assert_eq!(found[..4], [14.0, 10.0, 10.0, 0.0]);
    assert!(answer(equation, [4, 0, 6]).unwrap_err().starts_with("t[2] is 6, and selects from 5"));
}

#[test]
fn sizes_are_known_when_a_run_looks() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let t = g.input("t", labels("m")).unwrap();
    let y = g.form("y[i] = x[t[i]]", &[("x", x), ("t", t)]).unwrap();
    let sizes: Sizes = [("n".into(), 0), ("m".into(), 1)].into_iter().collect();
    let mut plan = Plan::<f64>::compile(&g, &[y], &Options { sizes, ..Options::default() }).unwrap();
    let found = plan.run(&[Value::Real(&[]), Value::Int(&[0])], &mut [&mut [0.0]]).unwrap_err();
    assert_eq!(found.to_string(), "t[0] is 0, and there is nothing to select: the axis is empty");
}

#[test]
fn labels_under_a_truth_value_have_to_be_declared() {
    let plan = |below: Option<Dim>| {
        let mut g = Graph::new();
        let x = g.input("x", Type::real([5])).unwrap();
        let t = g.input("t", Type { below, ..labels(3) }).unwrap();
        let p =
            g.input("p", Type { dtype: DType::Bool, shape: [3.into()].into_iter().collect(), below: None });
        let y = g.form("y[i] = x[t[i]]*[p[i]]", &[("x", x), ("t", t), ("p", p.unwrap())]).unwrap();
        Plan::<f64>::compile(&g, &[y], &Options::default())
    };
    assert!(plan(Some(5.into())).is_ok());
    let Err(refused) = plan(None) else { panic!("a plan") };
    assert!(refused.to_string().contains("declare them as index[n]"), "{refused}");
}
