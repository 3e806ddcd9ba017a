//! Operators against their meaning, and the wording of the mistakes.

use super::elementwise::UNARY;
use super::*;
use crate::eval::Bindings;
use crate::ops::map::MAPS;
use crate::rational::Rational;
use crate::tensor::Tensor;

/// The text without the lines of this file, which move.
fn without_lines(text: &str) -> String {
    let part = |(k, part): (usize, &str)| {
        let rest = part.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(part.len());
        if k == 0 { part.to_string() } else { format!("tests.rs{}", &part[rest..]) }
    };
    let text = text.replace(&file!()[..file!().len() - "tests.rs".len()], "");
    text.split("tests.rs").enumerate().map(part).collect()
}

fn value(x: &Expr, at: &Bindings<f64>) -> Vec<f64> {
    x.evaluate(at).unwrap().real().unwrap().data().to_vec()
}

#[test]
fn operators_take_values_references_and_numbers() {
    let b = Builder::new();
    let x = b.real("x", "n");
    let at = Bindings::new().with("x", Tensor::vector(vec![1.0, 4.0]));
    let y = 2.0 * &x + 1 - x.clone() / Rational::new(1, 2) * 3i64 - (1 - &x);
    assert_eq!(value(&y, &at), [-3.0, -12.0]);
    assert_eq!(value(&-(&x - &x.sum()), &at), [4.0, 1.0]);
    let tenth = b.number(0.1);
    let exact = b.read(|g| g.as_rational(tenth.node().unwrap()));
    assert_eq!(exact, Some(Rational::new(1, 10)));
    assert!(value(&(&x * f64::NAN), &at).iter().all(|v| v.is_nan()));
    assert_eq!(value(&x.pow(-2), &at), [1.0, 0.0625]);
    assert_eq!(value(&x.pow(0.5), &at), [1.0, 2.0]);
    assert_eq!(value(&x.lt(2).select(&x, 7), &at), [1.0, 7.0]);
}

#[test]
fn every_map_is_reached_by_its_record_and_the_usual_ones_by_name() {
    let b = Builder::new();
    let x = b.real("x", "n");
    for map in MAPS.iter().filter(|m| m.arity() == 1) {
        let node = b.with(|g| g.map(map, &[x.node().unwrap()]).unwrap());
        assert_eq!(x.map(map).node(), Some(node), "{}", map.name);
    }
    assert!(UNARY.contains(&"tanh") && UNARY.contains(&"relu"));
}

#[test]
fn a_kept_axis_is_repeated_and_nothing_else() {
    let b = Builder::new();
    let x = b.real("x", ["n", "d"]);
    let c = &x - x.mean_keep(-1);
    let y = &c / (c.sq().mean_keep(-1) + 0.25).sqrt();
    let at = Bindings::new().with("x", Tensor::new(&[2, 2], vec![1.0, 3.0, 0.0, 0.0]).unwrap());
    let s = (1.0f64 + 0.25).sqrt();
    assert_eq!(value(&y, &at), [-1.0 / s, 1.0 / s, 0.0, 0.0]);
    assert_eq!(c.shape(), x.shape());
    let columns = x.greatest_axis(0) - x.least_axis(0);
    assert_eq!(value(&columns, &at), [1.0, 3.0]);
    let row = b.real("r", ["m", "d"]);
    assert!((&x + &row).is_poisoned(), "named sizes never stretch");
}

#[test]
fn mistakes_are_told_together_with_layer_line_and_origin() {
    let b = Builder::new();
    let x = b.real("x", 2);
    let hidden = {
        let _layer = b.enter("mlp/1", &x, None);
        let h = x.concat(&[&x.slice(0, 0, 1)], 0).relu();
        b.leave(&x, h)
    };
    let z = {
        let _layer = b.enter("mlp/2", &hidden, None);
        b.param("mlp/2/v", Type::real([2, 4])).dot(&hidden) + 1.0
    };
    let wrong = &hidden + &x;
    assert!(z.is_poisoned() && wrong.is_poisoned());
    let all = b.finish(&[&(z * wrong)]).unwrap_err();
    assert_eq!(
        without_lines(&all.to_string()),
        "\
error[E0301]: `@` contracts the last axis of the left with the first axis of the right: 4 is not 3
  --> layer `mlp/2` (tests.rs)
   left:  v     real[2,4]  param mlp/2/v
   right: relu  real[3]    output of mlp/1
   path:  mlp/2 <- mlp/1 <- x
  help: v should be real[2,3]

error[E0302]: `+` needs equal shapes: left is real[3], right is real[2]
  --> tests.rs
   left:  relu  real[3]  output of mlp/1
   right: x     real[2]  input x
  help: a number combines with any shape; nothing else broadcasts"
    );
}

#[test]
fn questions_about_poison_answer_with_every_mistake() {
    let b = Builder::new();
    let x = b.real("x", 2);
    let y = x.sum_axis(-2) + x.dot(&b.real("w", 3));
    let errors = y.gradient(&[&x]).unwrap_err();
    assert_eq!(errors.iter().count(), 2);
    assert_eq!(y.evaluate(&Bindings::<f64>::new()).unwrap_err(), errors);
    assert_eq!(
        without_lines(&errors.0[0].to_string()),
        "\
error[E0306]: `sum` over axis 2, but real[2] has only axis 0
  --> tests.rs
   of:    x  real[2]  input x
  help: axis -2 counts from the end; -1 is the last"
    );
    assert_eq!(y.dim(0).to_string(), "?");
    assert!(b.param("v", Type::real([y.dim(0)])).is_poisoned(), "no second mistake");
    assert_eq!(b.diagnostics().unwrap().iter().count(), 2);
}

#[test]
fn graphs_do_not_mix() {
    let (a, b) = (Builder::new(), Builder::new());
    let (x, y) = (a.real("x", 2), b.real("y", 2));
    let sum = &x + &y;
    assert!(sum.is_poisoned());
    assert_eq!(a.diagnostics().unwrap().0[0].error, Error::OtherGraph);
    assert!(b.finish(&[&x]).is_err());
    assert!(x.gradient(&[&y]).is_err());
    let c = Builder::new();
    let z = c.real("z", 2);
    assert!(c.function("f", &[("z", &z)], |f| &f[0] + &z).is_poisoned(), "a body sees only its formals");
}

#[test]
fn labels_stay_in_their_range() {
    let b = Builder::new();
    let z = b.real("z", 3);
    assert!(!z.at(&b.labels("y", 3, ())).is_poisoned());
    assert!(!z.at(&z.argmax(0)).is_poisoned());
    let wrong = z.at(&b.labels("k", 4, ()));
    assert!(wrong.is_poisoned());
    assert_eq!(
        without_lines(&b.diagnostics().unwrap().to_string()),
        "\
error[E0122]: `gather` selects from 3 entries by labels of type index[4]
  --> tests.rs
   left:  z  real[3]   input z
   right: k  index[4]  input k
  help: declare the labels as index[3], so that each is checked before it is used"
    );
}

#[test]
fn a_functions_local_jacobian_is_that_of_its_body() {
    let b = Builder::new();
    let (v, x, c) = (b.real("V", ["m", "n"]), b.real("x", "n"), b.real("b", "m"));
    let y = b.function("affine", &[("v", &v), ("x", &x), ("b", &c)], |f| f[0].dot(&f[1]) + &f[2]);
    let node = y.node().unwrap();
    b.with(|g| {
        let entry = g.local_entry(node, 0).unwrap();
        assert_eq!(entry.len(), 1);
        assert_eq!((entry[0].conds.len(), entry[0].accesses.len()), (1, 1), "delta(i,j) * x[k]");
        let (jx, jb) = (g.local_jacobian(node, 1).unwrap(), g.local_jacobian(node, 2).unwrap());
        assert_eq!(jx, v.node().unwrap());
        let square = [Dim::size("m"), Dim::size("m")];
        assert_eq!(jb, g.eye(&square).unwrap());
    });
}

#[test]
fn names_are_cut_by_name() {
    let b = Builder::new();
    let x = b.real("x", ());
    let y = x.sq().named("a") * x.sq().named("b");
    let da = y.derivative("a", &[]).unwrap();
    assert_eq!(da.node(), x.sq().node());
}

#[test]
fn a_derivative_by_name_leaves_names_alone() {
    let b = Builder::new();
    let x = b.real("x", ());
    let y = (x.sq().named("a") * 3).named("c").sq();
    b.with(|g| g.lower(&[y.node().unwrap()], &[])).unwrap();
    let c = b.read(|g| g.find("c")).unwrap();
    y.derivative("a", &[]).unwrap();
    assert_eq!(b.read(|g| g.find("c")), Some(c), "not what stands behind the cut");
}

/// A `RefCell` was borrowed twice, which panics.
#[test]
fn expressions_inside_a_step_on_the_graph_are_a_mistake_or_work() {
    let b = Builder::new();
    let x = b.real("x", "n");
    let poisoned = b.with(|g| {
        let before = g.len();
        let sum = (&x + &x, x.tanh() * 2.0, b.real("z", ()), x.sq().named("a"), b.wrap("w", NodeId::new(0)));
        assert_eq!(g.len(), before);
        assert!(x.gradient(&[&x]).is_err() && b.finish(&[&x]).is_err() && x.index_text(&[]).is_none());
        assert_eq!((x.rank(), x.dim(0).to_string()), (1, "?".to_string()));
        sum.0.is_poisoned()
            && sum.1.is_poisoned()
            && sum.2.is_poisoned()
            && sum.3.is_poisoned()
            && sum.4.is_poisoned()
    });
    assert!(poisoned);
    let told = b.finish(&[&x]).unwrap_err();
    assert!(told.iter().all(|d| d.error == Error::InUse), "{told}");

    let b = Builder::new();
    let x = b.real("x", "n");
    let y = b.read(|g| {
        let y = &x + &x;
        assert!(g.len() < b.read(Graph::len), "the step does not see what is added meanwhile");
        y
    });
    assert_eq!(y.node(), (&x * 2).node());
}

#[test]
fn a_node_of_another_graph_is_not_wrapped_or_printed() {
    let (a, b) = (Builder::new(), Builder::new());
    let (x, y) = (a.real("x", 2), b.real("y", 2));
    let far = (0..9).fold(y.clone(), |z, _| z.tanh());
    assert!(a.wrap("foreign", far.node().unwrap()).is_poisoned());
    assert_eq!(a.diagnostics().unwrap().0[0].error, Error::OtherGraph);
    assert!(x.tanh().index_text(&[(&y, "y")]).is_none());
    assert_eq!(a.diagnostics().unwrap().iter().count(), 2);
}

#[test]
fn an_input_inside_the_body_of_a_function_is_refused() {
    let b = Builder::new();
    let x = b.real("x", "n");
    let y = b.function("layer", &[("x", &x)], |f| &f[0] * f[0].builder().real("w", "n"));
    assert!(y.is_poisoned());
    assert_eq!(
        without_lines(&b.diagnostics().unwrap().to_string()),
        "\
error[E0311]: layer is no function: its body declares the input w, which is none of its formals
  --> tests.rs
  help: a body sees only its formals; pass what it needs as an argument"
    );
    let c = Builder::new();
    let x = c.real("x", "n");
    let y = c.function("layer", &[("x", &x)], |f| {
        let w = f[0].builder().with(|g| g.input("w", Type::real(["n"])).unwrap());
        &f[0] * f[0].builder().wrap("w", w)
    });
    assert!(y.is_poisoned());
    assert!(c.diagnostics().unwrap().to_string().contains("its body reads the input w"));
}

#[test]
fn mistakes_in_a_step_are_told_where_they_were_made() {
    let b = Builder::new();
    let (h0, x) = (b.real("h0", 2), b.real("x", ["n", "m"]));
    let wrong = b.scan("cell", "n", &[("h", &h0)], &[("x", &x)], |h, x| vec![&h[0] + &x[0]]);
    assert!(wrong.len() == 1 && wrong[0].is_poisoned());
    let fewer = b.scan("cell", "n", &[("h", &h0), ("c", &h0)], &[], |h, _| vec![h[0].clone()]);
    assert!(fewer.len() == 2 && fewer.iter().all(Expr::is_poisoned));
    let other = Builder::new().real("x", "n");
    assert!(b.scan("cell", "n", &[("h", &h0)], &[("x", &other)], |h, _| h.to_vec())[0].is_poisoned());
    let all = b.finish(&[&h0]).unwrap_err();
    assert_eq!(
        without_lines(&all.to_string()),
        "\
error[E0302]: `+` needs equal shapes: left is real[2], right is real[m]
  --> tests.rs
   left:  h  real[2]  input h
   right: x  real[m]  input x
  help: a number combines with any shape; nothing else broadcasts

error[E0313]: scan of cell: the step gives 1 result for 2 carries
  --> tests.rs
   of:    h  real[2]  input h
  help: a step gives each carry back, in order

error[E0309]: these expressions belong to different graphs
  --> tests.rs
   left:  h0  real[2]  input h0
   right: x   real[n]  input x"
    );
}

#[test]
fn a_scan_sees_what_stands_around_it() {
    let b = Builder::new();
    let (a, h0) = (b.real("a", ()), b.real("h0", ()));
    let squares = b.scan_backward("outer", 3, &[("h", &h0)], &[], |h, _| {
        let inner = &b.scan("inner", 2, &[("s", &h[0])], &[], |s, _| vec![&s[0] * &a])[0];
        vec![inner.last_carry(&h[0])]
    });
    let last = squares[0].slice(0, 0, 1).sum();
    let at = Bindings::new().with("a", Tensor::scalar(2.0)).with("h0", Tensor::scalar(1.0));
    assert_eq!(value(&last, &at), [64.0]);
    assert_eq!(value(&last.gradient(&[&a]).unwrap()[0], &at), [6.0 * 32.0]);
}
