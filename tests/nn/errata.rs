//! What is wrong in the homework and cannot go wrong here: overflow (S11), labels, stale activations (S14).

use crate::reference::ulps;
use chainrule::core::eval::Bindings;
use chainrule::core::expr::{Builder, Expr};
use chainrule::core::tensor::{Tensor, Value};
use chainrule::nn::homework::networks;
use chainrule::nn::{Params, hinge, quadratic};

fn reals(x: &Expr, at: &Bindings<f64>) -> Vec<f64> {
    x.evaluate(at).unwrap().real().unwrap().data().to_vec()
}

/// The loss by its name, and typed as the homework types it.
fn losses(classes: i64) -> [(Expr, Expr); 2] {
    let typed = |z: &Expr, y: &Expr| z.exp().sum().log() - z.at(y);
    [hinge as fn(&Expr, &Expr) -> Expr, typed].map(|loss| {
        let b = Builder::new();
        let (z, y) = (b.real("z", classes), b.labels("y", classes, ()));
        (loss(&z, &y), z)
    })
}

fn at(z: &[f64], label: i64) -> Bindings<f64> {
    Bindings::new().with("z", Tensor::vector(z.to_vec())).with_labels("y", Tensor::scalar(label))
}

#[test]
fn log_sum_exp_does_not_overflow() {
    for (loss, z) in losses(2) {
        let gradient = loss.gradient(&[&z]).unwrap().remove(0);
        let hessian = loss.hessian(&z).unwrap();
        let far = at(&[1000.0, 0.0], 0);
        assert_eq!(reals(&loss, &far), [0.0]);
        assert_eq!(reals(&gradient, &far), [0.0, 0.0]);
        let low = at(&[-1000.0, -1001.0], 0);
        let exact = (-1.0f64).exp().ln_1p();
        assert!((reals(&loss, &low)[0] - exact).abs() < 1e-12);
        let share = 1.0 / (1.0 + 1.0f64.exp());
        reals(&gradient, &low).iter().zip([-share, share]).for_each(|(g, w)| assert!((g - w).abs() < 1e-15));
        for point in [&far, &low] {
            assert!(reals(&hessian, point).iter().all(|v| v.is_finite()));
        }
    }
}

#[test]
fn the_numbers_of_problem_1_1() {
    for (loss, z) in losses(3) {
        let point = at(&[-1.0, 0.0, 3.0], 1);
        assert!(ulps(reals(&loss, &point)[0], 3.065_883_903_757_429_3) <= 4);
        let gradient = reals(&loss.gradient(&[&z]).unwrap()[0], &point);
        let want = [0.017_147_825_545_520_39, -0.953_387_377_422_026_1, 0.936_239_551_876_505_7];
        assert!(gradient.iter().zip(want).all(|(g, w)| ulps(*g, w) <= 8), "{gradient:?}");
    }
    let b = Builder::new();
    let (z, y) = (b.real("z", 2), b.real("y", 2));
    let loss = quadratic(&z, &y);
    let point =
        Bindings::new().with("y", Tensor::vector(vec![-2.0, 1.0])).with("z", Tensor::vector(vec![4.0, 1.0]));
    assert_eq!(reals(&loss, &point), [18.0]);
    assert_eq!(reals(&loss.gradient(&[&z]).unwrap()[0], &point), [6.0, 0.0]);
    assert_eq!(reals(&loss.hessian(&z).unwrap(), &point), [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn labels_out_of_range_are_refused_with_the_range() {
    for label in [-1, 3, i64::MAX] {
        for (loss, z) in losses(3) {
            let point = at(&[0.0, 1.0, 2.0], label);
            for question in [&loss, &loss.gradient(&[&z]).unwrap()[0]] {
                let error = question.evaluate(&point).unwrap_err().to_string();
                let said = format!("label y = {label} is out of range: it must be in 0 .. 2");
                assert!(error.contains(&said), "{error}");
            }
        }
        let mut network = networks()[2].clone();
        network.y = Value::Int(Tensor::scalar(label));
        assert!(network.trace().unwrap_err().to_string().contains("it must be in 0 .. 2"));
    }
}

#[test]
fn second_derivatives_of_the_losses_are_finite() {
    for network in networks() {
        let model = network.model().unwrap();
        let trace = network.trace().unwrap();
        let mut graph = (**model.graph()).clone();
        let loss = graph.find("lambda").unwrap();
        for path in model.params().paths() {
            let parameter = graph.find_input(path).unwrap();
            let hessian = graph.hessian(loss, parameter).unwrap();
            let value = graph.evaluate(&[hessian, loss], trace.bindings()).unwrap().remove(0);
            assert!(value.real().unwrap().data().iter().all(|v| v.is_finite()), "{path}");
        }
    }
}

#[test]
fn a_trace_is_of_its_own_input() {
    // S14: in the homework's program, inference in between changes what is differentiated.
    let network = &networks()[0];
    let model = network.model().unwrap();
    let trace = model.train(&network.params, network.x.clone(), network.y.clone()).unwrap();
    let before = trace.gradients().clone();
    let other = Tensor::vector(vec![5.0, -7.0]);
    model.infer(&network.params, other.clone()).unwrap();
    assert_eq!(trace.gradients(), &before);
    let elsewhere = model.train(&network.params, other, network.y.clone()).unwrap();
    assert_ne!(elsewhere.gradients(), &before);
    assert_eq!(trace.gradient("x").unwrap().data(), [-16.0, -2.0], "S12: asked for and never computed");
}

#[test]
fn parameters_are_checked_all_at_once() {
    let network = &networks()[0];
    let model = network.model().unwrap();
    let few =
        Params::new().with("1/v", Tensor::vector(vec![1.0])).with("2/b", Tensor::vector(vec![1.0, 2.0]));
    let error = model.infer(&few, network.x.clone()).unwrap_err().to_string();
    for said in ["1/v : real[3,2] was given a value of shape [1]", "1/b : real[3] has no value", "2/v"] {
        assert!(error.contains(said), "{error}");
    }
    let typo = network.params.clone().with("3/v", Tensor::scalar(1.0));
    let error = model.infer(&typo, network.x.clone()).unwrap_err().to_string();
    assert!(
        error.contains("there is no parameter 3/v") && error.contains("help: there is 1/v, 1/b"),
        "{error}"
    );
}
