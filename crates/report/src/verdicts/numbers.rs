//! Numbers of counterexamples: short, and never rounded so far that a difference disappears.

use chainrule_core::tensor::Tensor;

/// At most five significant digits.
pub(super) fn short(x: f64) -> String {
    digits(x, 5)
}

/// So many significant digits, without trailing zeros.
fn digits(x: f64, count: usize) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "NaN".to_string()
        } else if x > 0.0 {
            "inf".to_string()
        } else {
            "-inf".to_string()
        };
    }
    if x == 0.0 {
        return "0".to_string();
    }
    let magnitude = x.abs().log10().floor() as i32;
    if !(-5..=12).contains(&magnitude) {
        return format!("{x:.*e}", count - 1);
    }
    let decimals = usize::try_from(count as i32 - 1 - magnitude).unwrap_or(0);
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Two numbers with as many digits as it takes to see that they differ.
pub(super) fn pair(a: f64, b: f64) -> (String, String) {
    for count in 5..17 {
        let (x, y) = (digits(a, count), digits(b, count));
        if x != y || a == b {
            return (x, y);
        }
    }
    (format!("{a:?}"), format!("{b:?}"))
}

/// A tensor in brackets; beyond `limit` entries the rest is left out, which is said.
pub(super) fn list(value: &Tensor<f64>, limit: usize) -> String {
    let limit = if limit <= 1 { 24 } else { limit };
    if value.data().len() > limit {
        let shape: Vec<String> = value.shape().iter().map(usize::to_string).collect();
        let first: Vec<String> = value.data().iter().take(4).map(|x| number(*x)).collect();
        return format!(
            "[{}, ...] ({} entries of shape [{}])",
            first.join(", "),
            value.data().len(),
            shape.join(",")
        );
    }
    let mut out = String::new();
    nested(&mut out, value.shape(), value.data());
    out
}

/// A value as it can be typed again.
fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 { format!("{x:.0}") } else { format!("{x}") }
}

/// Brackets around rows; the depth is the rank, which is small.
fn nested(out: &mut String, shape: &[usize], data: &[f64]) {
    let Some((&rows, inner)) = shape.split_first() else {
        out.push_str(&data.first().map_or_else(String::new, |x| number(*x)));
        return;
    };
    let width: usize = inner.iter().product();
    out.push('[');
    for row in 0..rows {
        if row > 0 {
            out.push_str(", ");
        }
        nested(out, inner, &data[row * width..(row + 1) * width]);
    }
    out.push(']');
}
