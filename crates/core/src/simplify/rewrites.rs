//! The table of rewrites: name, before and after, side condition, one sentence.

/// In which arithmetic a rewrite changes nothing.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Exactness {
    /// Not even a rounding changes.
    FloatingPoint,
    /// Equal in the reals; roundings may differ.
    Reals,
}

/// A named rewrite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rewrite {
    /// Stable name.
    pub name: &'static str,
    /// What it looks for.
    pub before: &'static str,
    /// What it writes instead.
    pub after: &'static str,
    /// When it applies.
    pub condition: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Exact in which arithmetic.
    pub exact: Exactness,
}

macro_rules! rewrites {
    ($( $name:literal: $before:literal => $after:literal when $condition:literal, $exact:ident, $about:literal; )*) => {
        /// Every rewrite, in the order in which a reader meets them.
        pub static REWRITES: &[Rewrite] = &[$(Rewrite {
            name: $name, before: $before, after: $after, condition: $condition, about: $about, exact: Exactness::$exact,
        }),*];
    };
}

rewrites! {
    "zero-term": "a + 0" => "a" when "always", FloatingPoint, "A symbolic zero vanishes from a sum.";
    "zero-factor": "0 * a" => "0" when "always", Reals, "A symbolic zero absorbs a product, even where a is infinite.";
    "one-factor": "1 * a" => "a" when "always", FloatingPoint, "A factor 1 vanishes.";
    "collect": "2*a + 3*a" => "5*a" when "always", Reals, "Equal terms of a sum share one coefficient.";
    "power": "a * a" => "a^2" when "always", FloatingPoint, "Equal factors share one exponent.";
    "coefficient": "sum(j, 2*a[j]*b[j])" => "2 * sum(j, a[j]*b[j])" when "always", Reals, "Rational factors leave a product.";
    "delta-elimination": "sum(j, delta(i,j)*a[j])" => "a[i]" when "0 <= i < extent of j, else a guard stays", FloatingPoint, "A sum over a delta picks one value of its index.";
    "divmod-recombination": "sum(k, delta(k div n, a)*delta(k mod n, b)*x[k])" => "x[n*a + b]" when "0 <= b < n", FloatingPoint, "Quotient and remainder determine the row-major position.";
    "guard-implied": "[i >= 0]" => "1" when "the ranges of the indices imply it", FloatingPoint, "A guard that always holds vanishes.";
    "independent-sum": "sum(j, a)" => "n * a" when "j does not occur in a", Reals, "A sum whose index is not read is a factor of its extent.";
    "view": "(a')[i,j]" => "a[j,i]" when "the operand only reads another node", FloatingPoint, "A transpose, slice or broadcast is read through.";
    "log-sum-exp": "log(sum(j, exp(u[j])))" => "logsumexp(u)" when "always", Reals, "The maximum of u is taken out, so nothing overflows.";
    "softmax": "exp(u[i]) / sum(j, exp(u[j]))" => "softmax(u)[i]" when "always", Reals, "The maximum of u is taken out, so nothing overflows.";
    "softplus": "log(1 + exp(x))" => "softplus(x)" when "always", Reals, "Evaluated on the side that cannot overflow.";
    "sigmoid": "1 / (1 + exp(-x))" => "sigmoid(x)" when "always", Reals, "Evaluated on the side that cannot overflow.";
    "log1p": "log(1 + x)" => "log1p(x)" when "always", Reals, "1 + x is not rounded.";
    "expm1": "exp(x) - 1" => "expm1(x)" when "always", Reals, "Nothing cancels.";
    "log-exp": "log(exp(x))" => "x" when "always", Reals, "The logarithm undoes the exponential.";
    "inverse-contraction": "sum(q, inv(A)[p,q]*b[q])" => "solve(A, b)[p]" when "A is invertible", Reals, "A solve needs no inverse.";
    "flatten-sum": "(a + b) + c" => "a + b + c" when "the inner sum is used once", Reals, "A sum of sums is one sum.";
    "flatten-product": "(a * b) * c" => "a * b * c" when "the inner product is used once", Reals, "A product of products is one product.";
    "absorb-reciprocal": "a * (1/a)^2" => "1/a" when "always", Reals, "A factor cancels one of several reciprocals: the product stays undefined at a = 0.";
    "power-of-factor": "a * a^2" => "a^3" when "always", Reals, "A power is as many equal factors.";
    "reciprocal-power": "1/a^2" => "(1/a)^2" when "always", Reals, "The reciprocal of a power is a power of the reciprocal, so that it meets others.";
    "reciprocal-scale": "1/(2*a)" => "1/2 * (1/a)" when "always", Reals, "Rational factors leave a reciprocal.";
    "reciprocal-product": "a * (1/(a*b))" => "a * (1/a) * (1/b)" when "always", Reals, "The reciprocal of a product is the product of reciprocals; it is split where a factor meets its own.";
    "cancel-reciprocal": "a * (1/a)" => "1" when "a != 0, which log(a) in the same expression implies", Reals, "A factor cancels its reciprocal.";
    "reciprocal-twice": "1/(1/a)" => "a" when "a != 0", Reals, "The reciprocal of a reciprocal is the number itself.";
    "exp-log": "exp(log(x))" => "x" when "x > 0", Reals, "The exponential undoes the logarithm.";
    "log-reciprocal": "log(1/x)" => "-log(x)" when "always", Reals, "The logarithm turns a reciprocal into a sign.";
    "log-power": "log(x^k)" => "k * log(x)" when "x > 0, which an odd whole k implies", Reals, "The logarithm turns a power into a factor.";
    "whole-power": "pow(x, 3)" => "x^3" when "the exponent is a whole number of at most 1024", Reals, "A whole power is a product, defined for every base.";
    "power-of-power": "pow(pow(x, a), b)" => "pow(x, a*b)" when "x > 0", Reals, "Exponents of a power multiply.";
    "power-product": "pow(x, a) * pow(x, b)" => "pow(x, a + b)" when "x > 0", Reals, "Exponents of one base add.";
    "sqrt-square": "sqrt(x^2)" => "x" when "x >= 0", Reals, "The square root undoes the square.";
    "square-of-root": "sqrt(x)^2" => "x" when "x >= 0", Reals, "The square undoes the square root.";
    "condition-known": "[x > 0] * a" => "a" when "x > 0 is a fact", FloatingPoint, "A condition that always holds vanishes.";
    "abs-nonnegative": "abs(x)" => "x" when "x >= 0", Reals, "A number that is not negative is its own absolute value.";
    "sign-positive": "sign(x)" => "1" when "x > 0", FloatingPoint, "The sign of a positive number is 1.";
    "relu-nonnegative": "relu(x)" => "x" when "x >= 0", Reals, "The rectifier keeps what is not negative.";
}

impl Rewrite {
    /// The rewrite with this name.
    pub fn by_name(name: &str) -> Option<&'static Rewrite> {
        REWRITES.iter().find(|r| r.name == name)
    }
}
