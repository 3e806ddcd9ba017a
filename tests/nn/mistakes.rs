//! Definitions that do not fit: every mistake at once, in the words of whoever wrote the layer.

use chainrule::core::expr::Expr;
use chainrule::core::shape::Type;
use chainrule::nn::{
    Init, Layer, Mlp, Mode, Scope, affine, cross_entropy, identity, layer, quadratic, relu, seq,
};

/// The text with this file's lines as `*`, which move.
fn without_lines(text: &str) -> String {
    let star = |(k, part): (usize, &str)| {
        let rest = part.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(part.len());
        if k == 0 { part.to_string() } else { format!("mistakes.rs:*{}", &part[rest..]) }
    };
    text.split("mistakes.rs").enumerate().map(star).collect()
}

#[test]
fn two_mistakes_in_one_model() {
    let narrow = layer(|scope, x| scope.param("v", [2, 4], Init::Glorot).dot(x));
    fn residual(f: impl Layer) -> impl Layer {
        move |scope: &Scope, x: &Expr| x + scope.at("f", &f, x)
    }
    let net = layer(|scope, x| {
        let z = scope.at("mlp", &seq((affine(3), relu, narrow)), x);
        z + scope.at("r", &residual(affine(3)), x)
    });
    let errors = Mlp::new(net, quadratic, identity).build(Type::real([2]), Type::real([2])).unwrap_err();
    assert_eq!(
        without_lines(&errors.to_string()),
        "\
error[E0301]: `@` contracts the last axis of the left with the first axis of the right: 4 is not 3
  --> layer `mlp/2` (tests/nn/mistakes.rs:*)
   left:  v     real[2,4]  param mlp/2/v
   right: relu  real[3]    output of mlp/1
   path:  mlp/2 <- mlp/1 <- mlp/0 <- x
  help: v should be real[2,3]

error[E0302]: `+` needs equal shapes: left is real[2], right is real[3]
  --> layer `r` (tests/nn/mistakes.rs:*)
   left:  x       real[2]  input x
   right: affine  real[3]  output of r/f
  help: a number combines with any shape; nothing else broadcasts"
    );
}

#[test]
fn a_path_is_declared_once() {
    let scope = Scope::new(Mode::Train);
    let x = scope.input("x", Type::real([3]));
    let cell = affine(2);
    let y = scope.at("enc", &cell, &x) + scope.at("enc", &cell, &x);
    assert!(y.is_poisoned());
    let errors = scope.builder().finish(&[&y]).unwrap_err();
    assert_eq!(errors.iter().count(), 2);
    assert_eq!(
        without_lines(&errors.0[0].to_string()),
        "\
error[E0102]: enc/v is declared twice: as real[2,3], then as real[2,3]
  --> layer `enc` (tests/nn/mistakes.rs:*)
   first:  enc/v  real[2,3]  declared at tests/nn/mistakes.rs:*
   second: enc/v  real[2,3]  declared at tests/nn/mistakes.rs:*
  help: give one of the layers another name, or share the weights with `scope.shared`"
    );
}

#[test]
fn a_library_layer_is_told_at_the_line_that_made_it() {
    let scope = Scope::new(Mode::Train);
    let x = scope.input("x", Type::real([3, 2]));
    scope.at("a", &affine(2), &x);
    let line = line!() - 1;
    let errors = scope.builder().diagnostics().unwrap();
    assert_eq!(errors.0[0].at.line(), line);
    assert!(errors.to_string().contains("`affine` takes a vector, one example, not real[3,2]"));
}

#[test]
fn losses_refuse_what_does_not_fit() {
    let build = |y: Type| Mlp::new(affine(3), cross_entropy, identity).build(Type::real([2]), y);
    assert!(build(Type::index(3, [] as [i64; 0])).is_ok());
    let wide = build(Type::index(4, [] as [i64; 0])).unwrap_err().to_string();
    assert!(wide.contains("selects from 3 entries by labels of type index[4]"), "{wide}");
    let real = build(Type::scalar()).unwrap_err().to_string();
    assert!(real.contains("takes integer entries, not real[]"), "{real}");
    let number = Mlp::new(affine(()), quadratic, identity).build(Type::real([2]), Type::real([3]));
    assert!(number.unwrap_err().to_string().contains("left is real[], right is real[3]"));
}

#[test]
fn symbolic_sizes_come_from_the_values() {
    use chainrule::core::tensor::Tensor;
    use chainrule::nn::Params;
    let net = seq((affine("h").named("1"), relu, affine(()).named("2")));
    let model = Mlp::new(net, quadratic, identity).build(Type::real(["d"]), Type::scalar()).unwrap();
    assert_eq!(model.params().to_string(), "1/v  real[h,d]\n1/b  real[h]\n2/v  real[h]\n2/b  real[]\n");
    let params = Params::new()
        .with("1/v", Tensor::new(&[1, 2], vec![1.0, 2.0]).unwrap())
        .with("1/b", Tensor::vector(vec![0.5]))
        .with("2/v", Tensor::vector(vec![3.0]))
        .with("2/b", Tensor::scalar(0.0));
    let trace = model.train(&params, Tensor::vector(vec![1.0, 1.0]), Tensor::scalar(0.0)).unwrap();
    assert_eq!(trace.loss(), 10.5 * 10.5 / 2.0);
    assert_eq!(trace.gradients().get("1/v").unwrap().data(), [31.5, 31.5]);
}
