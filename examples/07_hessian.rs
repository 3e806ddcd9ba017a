//! What does the Hessian of logistic regression look like, and what does it cost?

use chainrule::core::eval::{Bindings, Options};
use chainrule::core::tensor::Tensor;
use chainrule::core::{Builder, Diagnostics};
use std::fmt::Write;

/// The page that this example prints.
pub(crate) fn page() -> Result<String, Diagnostics> {
    let b = Builder::new();
    let (x, y, w) = (b.real("X", ["n", "d"]), b.real("y", "n"), b.real("w", "d"));
    let margin = &y * x.dot(&w);
    let loss = ((-&margin).exp() + 1.0).log().sum();
    let gradient = &loss.gradient(&[&w])?[0];
    let hessian = loss.hessian(&w)?;
    let mut out = String::from(
        "Logistic regression: sum(log(1 + exp(-y * (X @ w)))). How large is its second derivative?\n\n",
    );
    let _ = writeln!(out, "  gradient  {gradient}");
    let _ = writeln!(out, "  Hessian   {hessian}");
    let _ = writeln!(
        out,
        "  by hand   X' D X with D = diag(s(m) * (1 - s(m)) * y^2), s the logistic function, m the margins\n"
    );
    let (n, d) = (1000, 100);
    let at = Bindings::new()
        .with("X", Tensor::filled(&[n, d], 0.01).unwrap())
        .with("y", Tensor::filled(&[n], 1.0).unwrap())
        .with("w", Tensor::filled(&[d], 0.1).unwrap());
    let node = hessian.node().expect("the Hessian was derived");
    let evaluation = b.read(|g| g.evaluate_with::<f64>(&[node], &at, &Options::default()))?;
    let _ = writeln!(
        out,
        "  at n = {n}, d = {d} it takes {} numbers besides the inputs and the result;",
        evaluation.stored
    );
    let _ = writeln!(out, "  a sweep that stores every Jacobian takes 711,000.");
    Ok(out)
}

fn main() -> Result<(), Diagnostics> {
    print!("{}", page()?);
    Ok(())
}
