//! Where does "softmax minus one-hot" come from, and why does the engine not overflow?

use chainrule::core::eval::Bindings;
use chainrule::core::tensor::Tensor;
use chainrule::core::{Builder, Diagnostics};
use std::fmt::Write;

/// The page that this example prints.
pub(crate) fn page() -> Result<String, Diagnostics> {
    let b = Builder::new();
    let z = b.real("z", "n");
    let y = b.labels("y", "n", ());
    // Typed as on paper, without any trick.
    let loss = z.exp().sum().log() - z.at(&y);
    let gradient = &loss.gradient(&[&z])?[0];
    let hessian = loss.hessian(&z)?;
    let mut out =
        String::from("Cross-entropy is log(sum(exp(z))) minus the label's score. What is its gradient?\n\n");
    let _ = writeln!(out, "  derived      {gradient}");
    let _ = writeln!(out, "  by hand      exp(z[i]) / sum(j, exp(z[j])) - delta(i,y)");
    let _ = writeln!(
        out,
        "  vectorised   {}",
        gradient.vector_text(&[]).map(|t| t.to_string()).unwrap_or_default()
    );
    let _ = writeln!(
        out,
        "  its Hessian  {}\n",
        hessian.vector_text(&[]).map(|t| t.to_string()).unwrap_or_default()
    );
    for point in [[1000.0, 0.0], [-1000.0, -1001.0]] {
        let at =
            Bindings::new().with("z", Tensor::vector(point.to_vec())).with_labels("y", Tensor::scalar(0));
        let show = |e: &chainrule::core::Expr| -> Result<String, Diagnostics> {
            Ok(format!("{:?}", e.evaluate(&at)?.real().map_or(&[][..], |t| t.data())))
        };
        let _ = writeln!(
            out,
            "  at z = {point:?}: loss {}, gradient {}, Hessian {}",
            show(&loss)?,
            show(gradient)?,
            show(&hessian)?
        );
    }
    let _ = writeln!(
        out,
        "\n  exp(1000) is infinite, yet everything is finite: log(sum(exp)) became log-sum-exp when it was built."
    );
    Ok(out)
}

fn main() -> Result<(), Diagnostics> {
    print!("{}", page()?);
    Ok(())
}
