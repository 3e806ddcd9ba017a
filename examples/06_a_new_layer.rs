//! How do I define a layer of my own, and what do I get for free?

use chainrule::core::eval::Bindings;
use chainrule::core::tensor::Tensor;
use chainrule::core::{Builder, Diagnostics, Expr};
use std::fmt::Write;

/// Layer normalisation: five lines, no backward pass.
fn layer_norm(x: &Expr, gain: &Expr, bias: &Expr) -> Expr {
    let centred = x - x.mean_keep(-1);
    let scale = (centred.sq().mean_keep(-1) + 1e-5).sqrt();
    gain * (centred / scale) + bias
}

/// The page that this example prints.
pub(crate) fn page() -> Result<String, Diagnostics> {
    let b = Builder::new();
    let (x, gain, bias) = (b.real("x", "d"), b.real("gain", "d"), b.real("bias", "d"));
    let y = layer_norm(&x, &gain, &bias);
    let mut out =
        String::from("A layer is a function from expressions to expressions. Its Jacobians are derived:\n\n");
    let _ = writeln!(out, "  y[i]             = {y}");
    let _ = writeln!(out, "  dy[i]/dbias[j]   = {}", y.jacobian(&bias)?);
    let _ = writeln!(out, "  dy[i]/dgain[j]   = {}\n", y.jacobian(&gain)?);

    let at = Bindings::new()
        .with("x", Tensor::vector(vec![1.0, 2.0, 4.0]))
        .with("gain", Tensor::vector(vec![1.0, 0.5, 2.0]))
        .with("bias", Tensor::vector(vec![0.0, 0.0, 1.0]));
    let j = y.jacobian(&x)?.evaluate(&at)?;
    let j = j.real().expect("a Jacobian has real entries");
    let rows: Vec<f64> = j.data().chunks(3).map(|row| row.iter().sum()).collect();
    let largest = rows.iter().fold(0.0f64, |m, r| m.max(r.abs()));
    let _ = writeln!(
        out,
        "  by hand: adding the same number to every x changes nothing, so each row of dy/dx adds up to 0"
    );
    let _ = writeln!(
        out,
        "  derived: the largest sum of a row at x = (1, 2, 4) is {}",
        if largest < 1e-12 { "0 (to rounding)" } else { "not 0" }
    );

    // Shapes are checked where they are written, and all mistakes come at once.
    let wrong = Builder::new();
    let (x, gain) = (wrong.real("x", "d"), wrong.real("gain", "k"));
    let _ = layer_norm(&x, &gain, &x);
    let mistakes = wrong.diagnostics().map(|d| d.iter().count()).unwrap_or(0);
    let _ = writeln!(
        out,
        "\n  with gain : real[k] the same function reports {mistakes} mistake, at the line of its product"
    );
    Ok(out)
}

fn main() -> Result<(), Diagnostics> {
    print!("{}", page()?);
    Ok(())
}
