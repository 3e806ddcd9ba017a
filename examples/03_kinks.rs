//! What is the derivative of ReLU at 0, and does the engine say so?

use chainrule::core::eval::{Bindings, Options};
use chainrule::core::tensor::Tensor;
use chainrule::core::{Builder, Diagnostics};
use std::fmt::Write;

/// The page that this example prints.
pub(crate) fn page() -> Result<String, Diagnostics> {
    let b = Builder::new();
    let x = b.real("x", "n");
    let p = x.relu();
    let j = p.jacobian(&x)?;
    let mut out = String::from(
        "ReLU has no derivative at 0. Every program answers something there: what, and who decided?\n\n",
    );
    let _ = writeln!(out, "  derived   dp[i]/dx[j] = {j}");
    let _ = writeln!(out, "  by hand   1 if i == j and x[i] > 0 else 0\n");

    let at = Bindings::new().with("x", Tensor::vector(vec![-2.0, 0.0, 3.0]));
    let node = p.node().expect("relu was built");
    let options = Options { kinks: true, ..Options::default() };
    let evaluation = b.read(|g| g.evaluate_with::<f64>(&[node], &at, &options))?;
    for kink in &evaluation.kinks {
        let _ = writeln!(
            out,
            "  at x = (-2, 0, 3): {} is on its kink {} at entry {}; {} is taken, anything in {} would be right",
            kink.primitive, kink.at, kink.position, kink.taken, kink.interval
        );
    }

    // The guard makes a term absent: what is not selected can be infinite.
    let log = x.log();
    let safe = x.gt(0.0).select(&log, 0.0);
    let by_x = safe.sum().gradient(&[&x])?[0].clone();
    let value = by_x.evaluate(&at)?;
    let _ = writeln!(
        out,
        "\n  log(x) if x > 0 else 0 has the gradient {:?} there: a mask would give 0 * inf = NaN",
        value.real().map_or(&[][..], |t| t.data())
    );
    Ok(out)
}

fn main() -> Result<(), Diagnostics> {
    print!("{}", page()?);
    Ok(())
}
