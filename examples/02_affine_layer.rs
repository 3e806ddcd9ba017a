//! Why does nobody store the Jacobian of `V x + b` with respect to `V`?

use chainrule::core::eval::Bindings;
use chainrule::core::tensor::Tensor;
use chainrule::core::{Builder, Diagnostics};
use std::fmt::Write;

/// The page that this example prints.
pub(crate) fn page() -> Result<String, Diagnostics> {
    let b = Builder::new();
    let (v, x, bias) = (b.real("V", ["m", "n"]), b.real("x", "n"), b.real("b", "m"));
    let y = v.dot(&x) + &bias;
    let mut out = String::from(
        "The affine layer has three Jacobians. The one by V has three axes: is it ever needed?\n\n",
    );
    for (wrt, label, hand) in [
        (&x, "dy[i]/dx[j]", "V[i,j]"),
        (&v, "dy[i]/dV[j,k]", "delta(i,j) * x[k]"),
        (&bias, "dy[i]/db[j]", "delta(i,j)"),
    ] {
        let _ = writeln!(out, "  {label:<14} derived {:<20} by hand {hand}", y.jacobian(wrt)?.to_string());
    }

    let j = y.jacobian(&v)?;
    let (m, n) = (1000, 500);
    let at = Bindings::new()
        .with("V", Tensor::filled(&[m, n], 0.5).unwrap())
        .with("x", Tensor::filled(&[n], 2.0).unwrap())
        .with("b", Tensor::filled(&[m], 0.0).unwrap());
    let node = j.node().expect("the Jacobian was derived");
    let structured = b.read(|g| g.evaluate_structured(node, &at))?;
    let dense: usize = structured.shape.iter().product();
    let _ = writeln!(
        out,
        "\n  at m = {m}, n = {n} the dense tensor has {dense} entries; the engine stores {}.",
        structured.stored()
    );
    let _ = writeln!(
        out,
        "  The delta is its structure: m blocks, each the row x. Against a cotangent g it collapses:"
    );
    let g = b.real("g", "m");
    let node = b.with(|graph| {
        let ids = (y.node(), v.node(), g.node());
        let (Some(y), Some(v), Some(g)) = ids else { return None };
        graph.vjp(y, &[v], g).ok()
    });
    let product = b.wrap("vjp", node.expect("the shapes agree")[0]);
    let _ = writeln!(
        out,
        "  g . J = {}  =  {}",
        product,
        product.vector_text(&[]).map(|t| t.to_string()).unwrap_or_default()
    );
    Ok(out)
}

fn main() -> Result<(), Diagnostics> {
    print!("{}", page()?);
    Ok(())
}
