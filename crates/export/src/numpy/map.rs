//! Elementwise functions: each primitive's NumPy text.

use super::Writer;
use super::array::{Array, Level, aligned, union};
use chainrule_core::ops::map::Map;

impl Writer<'_> {
    /// A map applied to its operands.
    pub(super) fn map(&mut self, map: &Map, args: &[Array]) -> Array {
        let axes = union(args);
        let mut args: Vec<Array> = args.iter().map(|a| aligned(a, &axes)).collect();
        // Python's own numbers know no infinity of 1/0 and no NaN of sqrt(-1).
        if args.iter().all(|a| a.axes.is_empty() && (a.is_number() || self.is_size(a))) {
            args[0] = Array::call(format!("np.float64({})", args[0].text), []);
        }
        if matches!(map.name, "gelu") {
            args[0] = self.held(args[0].clone(), "t");
        }
        let text = |k: usize| args[k].text.clone();
        let call = |name: &str| {
            let all: Vec<&str> = args.iter().map(|a| a.text.as_str()).collect();
            (format!("{name}({})", all.join(", ")), Level::Atom)
        };
        let (text, level) = match map.name {
            "recip" => (format!("1 / {}", args[0].at(Level::Unary)), Level::Mul),
            "pow" => (format!("{} ** {}", args[0].at(Level::Atom), args[1].at(Level::Unary)), Level::Power),
            "asin" => call("np.arcsin"),
            "acos" => call("np.arccos"),
            "atan" => call("np.arctan"),
            "atan2" => call("np.arctan2"),
            "asinh" => call("np.arcsinh"),
            "sigmoid" => (format!("1 / (1 + np.exp({}))", minus(&args[0])), Level::Mul),
            "softplus" => (format!("np.logaddexp(0, {})", text(0)), Level::Atom),
            "erf" => {
                self.scipy.insert("erf");
                call("special.erf")
            }
            "lgamma" => {
                self.scipy.insert("lgamma");
                call("special.gammaln")
            }
            "digamma" => {
                self.scipy.insert("digamma");
                call("special.digamma")
            }
            "polygamma" => {
                self.scipy.insert("polygamma");
                call("special.polygamma")
            }
            "round" => call("np.rint"),
            "max" => call("np.maximum"),
            "min" => call("np.minimum"),
            "relu" => (format!("np.maximum({}, 0)", text(0)), Level::Atom),
            "clip" => call("np.clip"),
            "gelu" => {
                self.scipy.insert("erf");
                let x = text(0);
                (format!("{x} * (1 + special.erf({x} / np.sqrt(2))) / 2"), Level::Mul)
            }
            "silu" => {
                (format!("{} / (1 + np.exp({}))", args[0].at(Level::Unary), minus(&args[0])), Level::Mul)
            }
            // exp, expm1, log, log1p, sqrt, cbrt, sin, cos, tan, sinh, cosh, tanh, abs, sign, floor, ceil
            name => call(&format!("np.{name}")),
        };
        Array { fresh: true, ..Array::new(text, level, axes) }
    }

    /// True for the text of a size, which is a Python integer.
    pub(super) fn is_size(&self, array: &Array) -> bool {
        array.axes.is_empty() && self.sizes.is_text(&array.text)
    }
}

/// `-x`
fn minus(x: &Array) -> String {
    match x.text.strip_prefix('-') {
        // The minus of a sum belongs to its first term only.
        Some(rest) if x.level >= Level::Unary => rest.to_string(),
        _ => format!("-{}", x.at(Level::Power)),
    }
}
