//! What is the derivative of one neuron, and where does each factor come from?

use chainrule::core::eval::Bindings;
use chainrule::core::tensor::Tensor;
use chainrule::core::{Builder, Diagnostics};
use std::fmt::Write;

/// The page that this example prints.
pub(crate) fn page() -> Result<String, Diagnostics> {
    let b = Builder::new();
    let (w, x) = (b.real("w", "n"), b.real("x", "n"));
    let (bias, target) = (b.real("b", ()), b.real("t", ()));
    let u = w.dot(&x) + &bias;
    let y = u.tanh();
    let loss = (&y - &target).sq() * 0.5;

    let names = [(&u, "u"), (&y, "y")];
    let by_w = &loss.gradient(&[&w])?[0];
    let mut out =
        String::from("A neuron y = tanh(w . x + b) should answer t. How does its loss change with w?\n\n");
    let shown = by_w.index_text(&names).map(|t| t.to_string()).unwrap_or_default();
    let _ = writeln!(out, "  derived   dloss/dw[i] = {shown}");
    let _ = writeln!(out, "  by hand   (y - t) * (1 - y^2) * x[i]      loss, then tanh, then the product\n");

    let at = Bindings::new()
        .with("w", Tensor::vector(vec![0.5, -1.0]))
        .with("x", Tensor::vector(vec![2.0, 1.0]))
        .with("b", Tensor::scalar(0.25))
        .with("t", Tensor::scalar(1.0));
    let value = by_w.evaluate(&at)?;
    let _ = writeln!(
        out,
        "  at w = (0.5, -1), x = (2, 1), b = 0.25, t = 1:  {:?}",
        value.real().map_or(&[][..], |t| t.data())
    );
    Ok(out)
}

fn main() -> Result<(), Diagnostics> {
    print!("{}", page()?);
    Ok(())
}
