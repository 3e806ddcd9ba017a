//! What is `dL/da` when `a` and `b` are the same expression?

use chainrule::core::{Builder, Diagnostics};
use std::fmt::Write;

/// The page that this example prints.
pub(crate) fn page() -> Result<String, Diagnostics> {
    let b = Builder::new();
    let x = b.real("x", ());
    let first = x.sq().named("a");
    let second = x.sq().named("b");
    let product = &first * &second;
    let mut out = String::from(
        "a = x^2;  b = x^2;  L = a*b.  The two are one node, but a derivative is asked by name.\n\n",
    );
    for (label, derived, hand) in [
        ("dL/da", product.derivative("a", &[])?, "b, which is x^2 (not 2a)"),
        ("dL/dx", product.derivative("x", &[])?, "4 x^3"),
        ("dL/dx holding b", product.derivative("x", &["b"])?, "2 x b"),
        ("dL/dx holding a, b", product.derivative("x", &["a", "b"])?, "0"),
    ] {
        let _ = writeln!(out, "  {label:<20} derived {:<12} by hand {hand}", derived.to_string());
    }
    Ok(out)
}

fn main() -> Result<(), Diagnostics> {
    print!("{}", page()?);
    Ok(())
}
