//! Functions that apply functions, ten thousand deep on a small stack, and bodies that are refused.

use super::*;
use crate::eval::Bindings;
use crate::ops::map::{EXP, SINH, TANH};
use crate::rational::Rational;
use crate::tensor::Tensor;

const DEPTH: usize = 10_000;

fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

/// `f_k(x) = f_{k-1}(x) + c`, the innermost `tanh`.
fn nested(depth: usize) -> (Graph, NodeId, NodeId) {
    let mut inner: Option<Function> = None;
    for k in 0..depth {
        let mut body = Graph::new();
        let x = body.input("x", Type::scalar()).unwrap();
        let output = match inner {
            None => body.map(&TANH, &[x]).unwrap(),
            Some(inner) => {
                let y = body.apply(inner, &[x]).unwrap();
                let c = body.integer((k % 3) as i64 - 1);
                body.add(y, c).unwrap()
            }
        };
        let name = format!("f{k}");
        inner = Some(Function { name, composite: None, axes: Vec::new(), body, formals: vec![x], output });
    }
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let y = g.apply(inner.unwrap(), &[x]).unwrap();
    (g, x, y)
}

#[test]
fn functions_nest_as_deep_as_memory_allows() {
    on_a_small_stack(|| {
        let (mut g, x, y) = nested(DEPTH);
        let at = Bindings::new().with("x", Tensor::scalar(0.5));
        let value = g.evaluate(&[y], &at).unwrap();
        let local = g.local_jacobian(y, 0).unwrap();
        let dy = g.gradient(y, &[x]).unwrap()[0];
        let slope = g.evaluate(&[dy, local], &at).unwrap();
        assert_eq!(slope[0].real().unwrap().data(), [1.0 - 0.5f64.tanh().powi(2)]);
        assert_eq!(slope[0], slope[1]);

        let opened = g.open(&[y], &|g, n| g.as_named(n).is_some()).unwrap();
        assert!(g.reachable(&opened).iter().all(|&n| g.as_named(n).is_none()));
        assert_eq!(g.evaluate(&opened, &at).unwrap(), value);
        assert!(g.evaluate_structured(y, &at).is_ok());

        let printed = crate::render::Printer::new(&g).index_text(y);
        assert!(printed.body.contains("tanh") || !printed.definitions.is_empty());
        assert!(g.simplify(&[y], &crate::simplify::Options::default()).is_ok());

        let text = g.to_text(&[y]);
        let (read, outputs) = Graph::from_text(&text).unwrap();
        assert_eq!(read.to_text(&outputs), text);
        assert_eq!(read.evaluate(&outputs, &at).unwrap(), value);
        let (compact, outputs) = read.extract(&outputs).unwrap();
        drop(read);
        assert_eq!(compact.evaluate(&outputs, &at).unwrap(), value);
    });
}

/// `f_k(x) = f_{k-1}(f_{k-1}(x)) - f_{k-1}(x)`: a body is written out once for each operand, not once for each path.
#[test]
fn what_a_body_applies_twice_is_opened_once() {
    let mut inner: Option<Function> = None;
    for k in 0..60 {
        let mut body = Graph::new();
        let x = body.input("x", Type::scalar()).unwrap();
        let output = match inner {
            None => body.scale(&Rational::new(1, 2), x),
            Some(inner) => {
                let y = body.apply(inner, &[x]).unwrap();
                let square = body.power(y, 2);
                body.add(y, square).unwrap()
            }
        };
        let name = format!("f{k}");
        inner = Some(Function { name, composite: None, axes: Vec::new(), body, formals: vec![x], output });
    }
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let y = g.apply(inner.unwrap(), &[x]).unwrap();
    let opened = g.open(&[y], &|g, n| g.as_named(n).is_some()).unwrap();
    assert!(g.reachable(&opened).len() < 200);
}

#[test]
fn a_chain_of_applications_is_opened_in_linear_time() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let mut y = x;
    for k in 0..20_000i64 {
        let mut body = Graph::new();
        let x = body.input("x", Type::scalar()).unwrap();
        let t = body.map(&TANH, &[x]).unwrap();
        let c = body.integer(k + 1);
        let output = body.add(t, c).unwrap();
        let function =
            Function { name: "f".into(), composite: None, axes: vec![], body, formals: vec![x], output };
        y = g.apply(function, &[y]).unwrap();
    }
    let before = g.len();
    let start = std::time::Instant::now();
    let dy = g.gradient(y, &[x]).unwrap()[0];
    let at = Bindings::new().with("x", Tensor::scalar(0.5));
    assert!(g.evaluate(&[y, dy], &at).is_ok());
    assert!(g.len() < 12 * before, "{} nodes of {before}", g.len());
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

/// The body `x + w` with the formals and output asked for.
fn open_body(change: impl FnOnce(&mut Function, NodeId)) -> Result<NodeId> {
    let mut body = Graph::new();
    let x = body.input("x", Type::scalar()).unwrap();
    let w = body.input("w", Type::scalar()).unwrap();
    let output = body.add(x, w).unwrap();
    let mut function =
        Function { name: "f".into(), composite: None, axes: vec![], body, formals: vec![x, w], output };
    change(&mut function, w);
    let mut g = Graph::new();
    let args = vec![g.integer(2); function.formals.len()];
    g.apply(function, &args)
}

#[test]
fn a_body_that_is_not_closed_is_refused() {
    assert!(open_body(|_, _| {}).is_ok());
    let refused = |change: fn(&mut Function, NodeId)| match open_body(change) {
        Err(Error::Body { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(|f, _| f.formals.truncate(1)),
        "its body reads the input w, which is none of its formals"
    );
    assert!(refused(|f, w| f.formals = vec![w, w]).contains("different inputs"));
    assert!(refused(|f, _| f.formals[0] = f.output).contains("different inputs"));
    assert!(refused(|f, _| f.output = NodeId::new(99)).contains("nodes of its body"));
    assert!(refused(|f, _| f.composite = Some(0)).contains("another function"));
    assert!(refused(|f, _| f.composite = Some(u16::MAX)).contains("another function"));
    let text = "chainrule-graph 1\nfunction f0 \"f\"\n%0 : real[] = input \"w\"\nformals\noutput %0\nend\n";
    let error = Graph::from_text(text).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("none of its formals"), "{error}");
}

/// A body with something unrelated before it.
fn function(unrelated: bool, change: impl FnOnce(&mut Graph, NodeId) -> NodeId) -> Function {
    let mut body = Graph::new();
    if unrelated {
        body.integer(5);
    }
    let x = body.input("x", Type::scalar()).unwrap();
    let output = change(&mut body, x);
    Function { name: "f".into(), composite: None, axes: Vec::new(), body, formals: vec![x], output }
}

#[test]
fn bodies_are_compared_node_by_node() {
    let exp = |g: &mut Graph, x| g.map(&EXP, &[x]).unwrap();
    let sinh = |g: &mut Graph, x| g.map(&SINH, &[x]).unwrap();
    assert!(function(false, exp).same(&function(true, exp)));
    assert!(!function(false, exp).same(&function(false, sinh)));
    let twice = |g: &mut Graph, x| g.scale(&2.into(), x);
    let thrice = |g: &mut Graph, x| g.scale(&3.into(), x);
    assert!(!function(false, twice).same(&function(false, thrice)));
    let zero = |g: &mut Graph, _| g.zero(Type::scalar());
    assert!(function(false, zero).same(&function(true, zero)));
    assert!(!function(false, zero).same(&function(false, exp)));
}
