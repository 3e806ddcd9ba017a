//! The catalogue of wrong rules: what learners do instead of the right rule, as data.
//!
//! A derivation that is replayed with one of these and gives exactly the claim names the slip.

use crate::wrong_entry::{
    Mask, coefficient_dropped, complement, deltas_dropped, determinant_dropped, exponent_dropped,
    exponent_kept, first_only, log_of_sum_kept, masked, negated, one, others_dropped, partial,
    product_of_derivatives, softmax_diagonal, transposed, unnormalised,
};
use chainrule_core::Result;
use chainrule_core::form::Product;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{COS, EXP, LOG, POW, RECIP, SIGMOID, SIN};
use chainrule_core::rational::Rational;

/// What is answered instead of the right entry.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    /// Of an elementwise function: its partial, from the argument and the result.
    Partial(Value),
    /// The same with respect to one argument; that of the others stays right.
    Of(usize, Value),
    /// The right entry with each of its terms changed.
    Each(fn(&mut Product)),
    /// The right entry with other terms.
    Terms(fn(&mut Vec<Product>)),
    /// Anything else, from the result, the number of the argument, and the right entry.
    Entry(Rule),
}

/// A node made of an argument and of the result.
type Value = fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>;

/// A whole rule.
type Rule = fn(&mut Graph, NodeId, usize, Vec<Product>) -> Result<Vec<Product>>;

use Change::{Each, Entry, Of, Partial, Terms};

impl Change {
    /// The wrong entry of `y` with respect to its argument `k`.
    pub(crate) fn applied(
        self,
        g: &mut Graph,
        y: NodeId,
        k: usize,
        mut entry: Vec<Product>,
    ) -> Result<Vec<Product>> {
        match self {
            Partial(value) => partial(g, y, k, value),
            Of(argument, value) if argument == k => partial(g, y, k, value),
            Of(..) => Ok(entry),
            Each(change) => {
                entry.iter_mut().for_each(change);
                Ok(entry)
            }
            Terms(change) => {
                change(&mut entry);
                Ok(entry)
            }
            Entry(change) => change(g, y, k, entry),
        }
    }
}

/// A rule that learners use instead of the right one.
#[derive(Clone, Copy)]
pub struct WrongRule {
    /// Name: `log-kept`.
    pub name: &'static str,
    /// The primitive whose rule it is.
    pub rule: &'static str,
    /// The rule as it is.
    pub right: &'static str,
    /// The rule as it was used.
    pub wrong: &'static str,
    /// A sentence for the learner.
    pub sentence: &'static str,
    pub(crate) change: Change,
}

impl std::fmt::Debug for WrongRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl WrongRule {
    /// Tag for counting over a class: `rule:log`.
    pub fn tag(&self) -> &'static str {
        match self.rule {
            "log" => "rule:log",
            "logsumexp" => "rule:logsumexp",
            "exp" => "rule:exp",
            "sqrt" => "rule:sqrt",
            "recip" => "rule:quotient",
            "sin" => "rule:sin",
            "cos" => "rule:cos",
            "tan" => "rule:tan",
            "tanh" => "rule:tanh",
            "sigmoid" => "rule:sigmoid",
            "softplus" => "rule:softplus",
            "relu" => "rule:relu",
            "silu" => "rule:product",
            "abs" => "rule:abs",
            "max" => "rule:max",
            "pow" => "rule:pow",
            "contract" => "rule:product",
            "softmax" => "rule:softmax",
            "inverse" => "rule:inverse",
            "logdet" => "rule:logdet",
            "det" => "rule:det",
            "sum" => "rule:linearity",
            _ => "rule",
        }
    }
}

/// Every wrong rule, by the primitive it belongs to.
pub static WRONG_RULES: &[WrongRule] = &[
    WrongRule {
        name: "log-kept",
        rule: "log",
        right: "d log(u)/du = 1/u",
        wrong: "d log(u)/du = 1/log(u)",
        sentence: "The derivative of log(u) is 1/u: the logarithm itself disappears.",
        change: Partial(|g, x, _| {
            let l = g.map(&LOG, &[x])?;
            g.map(&RECIP, &[l])
        }),
    },
    WrongRule {
        name: "log-to-log",
        rule: "log",
        right: "d log(u)/du = 1/u",
        wrong: "d log(u)/du = log(u)",
        sentence: "The derivative of log(u) is 1/u, not log(u) again.",
        change: Partial(|g, x, _| g.map(&LOG, &[x])),
    },
    WrongRule {
        name: "log-chain-dropped",
        rule: "log",
        right: "d log(u)/du = 1/u",
        wrong: "d log(u)/du = 1",
        sentence: "Differentiating log(u) leaves the factor 1/u.",
        change: Partial(|g, _, y| one(g, y)),
    },
    WrongRule {
        name: "log-squared-reciprocal",
        rule: "log",
        right: "d log(u)/du = 1/u",
        wrong: "d log(u)/du = -1/u^2",
        sentence: "-1/u^2 is the derivative of 1/u; that of log(u) is 1/u.",
        change: Partial(|g, x, _| {
            let r = g.map(&RECIP, &[x])?;
            let s = g.power(r, 2);
            Ok(g.neg(s))
        }),
    },
    WrongRule {
        name: "log-of-sum-kept",
        rule: "logsumexp",
        right: "d log(s)/ds = 1/s",
        wrong: "d log(s)/ds = 1/log(s)",
        sentence: "The derivative of log(s) is 1/s: the logarithm itself disappears.",
        change: Entry(log_of_sum_kept),
    },
    WrongRule {
        name: "power-rule-on-exp",
        rule: "exp",
        right: "d exp(u)/du = exp(u)",
        wrong: "d exp(u)/du = u*exp(u - 1)",
        sentence: "The power rule is for a constant exponent; exp(u) is its own derivative.",
        change: Partial(|g, x, y| {
            let o = one(g, y)?;
            let d = g.sub(x, o)?;
            let e = g.map(&EXP, &[d])?;
            g.multiply(x, e)
        }),
    },
    WrongRule {
        name: "exp-times-argument",
        rule: "exp",
        right: "d exp(u)/du = exp(u)",
        wrong: "d exp(u)/du = u*exp(u)",
        sentence: "exp(u) is its own derivative; the inner derivative is u', not u.",
        change: Partial(|g, x, y| g.multiply(x, y)),
    },
    WrongRule {
        name: "exp-to-one",
        rule: "exp",
        right: "d exp(u)/du = exp(u)",
        wrong: "d exp(u)/du = 1",
        sentence: "exp(u) is its own derivative, so the factor exp(u) stays.",
        change: Partial(|g, _, y| one(g, y)),
    },
    WrongRule {
        name: "exp-of-derivative",
        rule: "exp",
        right: "d exp(u)/du = exp(u)",
        wrong: "d exp(u)/du = -exp(u)",
        sentence: "exp(u) is its own derivative, without a minus sign.",
        change: Partial(|g, _, y| Ok(g.neg(y))),
    },
    WrongRule {
        name: "sqrt-half-dropped",
        rule: "sqrt",
        right: "d sqrt(u)/du = 1/(2 sqrt(u))",
        wrong: "d sqrt(u)/du = 1/sqrt(u)",
        sentence: "The exponent 1/2 comes down as a factor 1/2.",
        change: Partial(|g, _, y| g.map(&RECIP, &[y])),
    },
    WrongRule {
        name: "sqrt-of-nothing",
        rule: "sqrt",
        right: "d sqrt(u)/du = 1/(2 sqrt(u))",
        wrong: "d sqrt(u)/du = sqrt(u)/2",
        sentence: "The exponent 1/2 is lowered by one to -1/2: the root goes into the denominator.",
        change: Partial(|g, _, y| Ok(g.scale(&Rational::new(1, 2), y))),
    },
    WrongRule {
        name: "sqrt-root-lost",
        rule: "sqrt",
        right: "d sqrt(u)/du = 1/(2 sqrt(u))",
        wrong: "d sqrt(u)/du = 1/(2 u)",
        sentence: "The root stays in the denominator: u^(-1/2), not u^(-1).",
        change: Partial(|g, x, _| {
            let r = g.map(&RECIP, &[x])?;
            Ok(g.scale(&Rational::new(1, 2), r))
        }),
    },
    WrongRule {
        name: "quotient-sign",
        rule: "recip",
        right: "d (1/u)/du = -1/u^2",
        wrong: "d (1/u)/du = 1/u^2",
        sentence: "The derivative of 1/u carries a minus sign.",
        change: Partial(|g, _, y| Ok(g.power(y, 2))),
    },
    WrongRule {
        name: "quotient-not-squared",
        rule: "recip",
        right: "d (1/u)/du = -1/u^2",
        wrong: "d (1/u)/du = -1/u",
        sentence: "The denominator of the derivative of 1/u is squared.",
        change: Partial(|g, _, y| Ok(g.neg(y))),
    },
    WrongRule {
        name: "quotient-to-reciprocal",
        rule: "recip",
        right: "d (1/u)/du = -1/u^2",
        wrong: "d (1/u)/du = 1",
        sentence: "The quotient rule: the denominator is differentiated as well, and squared. The derivative of a quotient is not the quotient of the derivatives.",
        change: Partial(|g, _, y| one(g, y)),
    },
    WrongRule {
        name: "quotient-denominator-constant",
        rule: "recip",
        right: "d (1/u)/du = -1/u^2",
        wrong: "d (1/u)/du = 0",
        sentence: "The denominator depends on the variable too: the quotient rule has a second term.",
        change: Terms(Vec::clear),
    },
    WrongRule {
        name: "sine-sign",
        rule: "sin",
        right: "d sin(u)/du = cos(u)",
        wrong: "d sin(u)/du = -cos(u)",
        sentence: "The minus sign belongs to the derivative of cos.",
        change: Partial(|g, x, _| {
            let c = g.map(&COS, &[x])?;
            Ok(g.neg(c))
        }),
    },
    WrongRule {
        name: "sine-kept",
        rule: "sin",
        right: "d sin(u)/du = cos(u)",
        wrong: "d sin(u)/du = sin(u)",
        sentence: "The derivative of sin is cos.",
        change: Partial(|_, _, y| Ok(y)),
    },
    WrongRule {
        name: "sine-to-one",
        rule: "sin",
        right: "d sin(u)/du = cos(u)",
        wrong: "d sin(u)/du = 1",
        sentence: "The chain rule leaves the factor cos(u).",
        change: Partial(|g, _, y| one(g, y)),
    },
    WrongRule {
        name: "cosine-sign",
        rule: "cos",
        right: "d cos(u)/du = -sin(u)",
        wrong: "d cos(u)/du = sin(u)",
        sentence: "The derivative of cos carries a minus sign.",
        change: Partial(|g, x, _| g.map(&SIN, &[x])),
    },
    WrongRule {
        name: "tangent-sign",
        rule: "tan",
        right: "d tan(u)/du = 1 + tan(u)^2",
        wrong: "d tan(u)/du = 1 - tan(u)^2",
        sentence: "1 - y^2 belongs to tanh; tan has 1 + y^2.",
        change: Partial(|g, _, y| {
            let s = g.power(y, 2);
            complement(g, y, s)
        }),
    },
    WrongRule {
        name: "tanh-not-squared",
        rule: "tanh",
        right: "d tanh(u)/du = 1 - tanh(u)^2",
        wrong: "d tanh(u)/du = 1 - tanh(u)",
        sentence: "The derivative of tanh is 1 minus its square.",
        change: Partial(|g, _, y| complement(g, y, y)),
    },
    WrongRule {
        name: "tanh-sign",
        rule: "tanh",
        right: "d tanh(u)/du = 1 - tanh(u)^2",
        wrong: "d tanh(u)/du = 1 + tanh(u)^2",
        sentence: "1 + y^2 belongs to tan; tanh has 1 - y^2.",
        change: Partial(|g, _, y| {
            let s = g.power(y, 2);
            let o = one(g, y)?;
            g.add(o, s)
        }),
    },
    WrongRule {
        name: "tanh-as-sigmoid",
        rule: "tanh",
        right: "d tanh(u)/du = 1 - tanh(u)^2",
        wrong: "d tanh(u)/du = tanh(u)*(1 - tanh(u))",
        sentence: "y (1 - y) belongs to the logistic function; tanh has 1 - y^2.",
        change: Partial(|g, _, y| {
            let d = complement(g, y, y)?;
            g.multiply(y, d)
        }),
    },
    WrongRule {
        name: "sigmoid-kept",
        rule: "sigmoid",
        right: "d sigmoid(u)/du = s*(1 - s)",
        wrong: "d sigmoid(u)/du = s",
        sentence: "The factor 1 - s is missing.",
        change: Partial(|_, _, y| Ok(y)),
    },
    WrongRule {
        name: "sigmoid-complement",
        rule: "sigmoid",
        right: "d sigmoid(u)/du = s*(1 - s)",
        wrong: "d sigmoid(u)/du = 1 - s",
        sentence: "The factor s is missing.",
        change: Partial(|g, _, y| complement(g, y, y)),
    },
    WrongRule {
        name: "sigmoid-sign",
        rule: "sigmoid",
        right: "d sigmoid(u)/du = s*(1 - s)",
        wrong: "d sigmoid(u)/du = s*(1 + s)",
        sentence: "The second factor is 1 - s.",
        change: Partial(|g, _, y| {
            let o = one(g, y)?;
            let d = g.add(o, y)?;
            g.multiply(y, d)
        }),
    },
    WrongRule {
        name: "sigmoid-squared",
        rule: "sigmoid",
        right: "d sigmoid(u)/du = s*(1 - s)",
        wrong: "d sigmoid(u)/du = s^2",
        sentence: "The derivative is s times 1 - s, not s times s.",
        change: Partial(|g, _, y| Ok(g.power(y, 2))),
    },
    WrongRule {
        name: "sigmoid-as-tanh",
        rule: "sigmoid",
        right: "d sigmoid(u)/du = s*(1 - s)",
        wrong: "d sigmoid(u)/du = 1 - s^2",
        sentence: "1 - y^2 belongs to tanh.",
        change: Partial(|g, _, y| {
            let s = g.power(y, 2);
            complement(g, y, s)
        }),
    },
    WrongRule {
        name: "softplus-to-exp",
        rule: "softplus",
        right: "d log(1 + exp(u))/du = exp(u)/(1 + exp(u))",
        wrong: "d log(1 + exp(u))/du = exp(u)",
        sentence: "The outer derivative 1/(1 + exp(u)) is missing.",
        change: Partial(|g, x, _| g.map(&EXP, &[x])),
    },
    WrongRule {
        name: "softplus-log-kept",
        rule: "softplus",
        right: "d log(1 + exp(u))/du = exp(u)/(1 + exp(u))",
        wrong: "d log(1 + exp(u))/du = exp(u)/log(1 + exp(u))",
        sentence: "The derivative of log(v) is 1/v: the logarithm itself disappears.",
        change: Partial(|g, x, y| {
            let e = g.map(&EXP, &[x])?;
            g.divide(e, y)
        }),
    },
    WrongRule {
        name: "softplus-inner-dropped",
        rule: "softplus",
        right: "d log(1 + exp(u))/du = exp(u)/(1 + exp(u))",
        wrong: "d log(1 + exp(u))/du = 1/(1 + exp(u))",
        sentence: "The inner derivative exp(u) is missing.",
        change: Partial(|g, x, _| {
            let n = g.neg(x);
            g.map(&SIGMOID, &[n])
        }),
    },
    WrongRule {
        name: "relu-as-identity",
        rule: "relu",
        right: "d relu(u)/du = [u > 0]",
        wrong: "d relu(u)/du = 1",
        sentence: "Where u < 0 the rectifier is constant, so its derivative is 0 there: the mask is missing.",
        change: Partial(|g, _, y| one(g, y)),
    },
    WrongRule {
        name: "relu-mask-inverted",
        rule: "relu",
        right: "d relu(u)/du = [u > 0]",
        wrong: "d relu(u)/du = [u <= 0]",
        sentence: "The mask is inverted: gradients pass where u > 0.",
        change: Entry(|g, y, k, _| masked(g, y, k, Mask::AtMost)),
    },
    WrongRule {
        name: "relu-mask-inverted-open",
        rule: "relu",
        right: "d relu(u)/du = [u > 0]",
        wrong: "d relu(u)/du = [u < 0]",
        sentence: "The mask is inverted: gradients pass where u > 0.",
        change: Entry(|g, y, k, _| masked(g, y, k, Mask::Below)),
    },
    WrongRule {
        name: "relu-mask-closed",
        rule: "relu",
        right: "d relu(u)/du = [u > 0]",
        wrong: "d relu(u)/du = [u >= 0]",
        sentence: "At u = 0 the convention here is 0, so the mask is u > 0.",
        change: Entry(|g, y, k, _| masked(g, y, k, Mask::AtLeast)),
    },
    WrongRule {
        name: "relu-times-argument",
        rule: "relu",
        right: "d relu(u)/du = [u > 0]",
        wrong: "d relu(u)/du = relu(u)",
        sentence: "The derivative of the rectifier is the mask [u > 0], not the value.",
        change: Partial(|_, _, y| Ok(y)),
    },
    WrongRule {
        name: "abs-as-identity",
        rule: "abs",
        right: "d abs(u)/du = sign(u)",
        wrong: "d abs(u)/du = 1",
        sentence: "The derivative of the absolute value is the sign.",
        change: Partial(|g, _, y| one(g, y)),
    },
    WrongRule {
        name: "abs-kept",
        rule: "abs",
        right: "d abs(u)/du = sign(u)",
        wrong: "d abs(u)/du = abs(u)",
        sentence: "The derivative of the absolute value is the sign.",
        change: Partial(|_, _, y| Ok(y)),
    },
    WrongRule {
        name: "max-to-both",
        rule: "max",
        right: "d max(a, b)/da = [a > b]",
        wrong: "d max(a, b)/da = 1",
        sentence: "Only the larger of the two passes its gradient.",
        change: Partial(|g, _, y| one(g, y)),
    },
    WrongRule {
        name: "power-exponent-kept",
        rule: "pow",
        right: "d a^b/da = b*a^(b - 1)",
        wrong: "d a^b/da = b*a^b",
        sentence: "The exponent is lowered by one.",
        change: Of(0, |g, _, y| {
            let b = g.arg(y, 1);
            g.multiply(b, y)
        }),
    },
    WrongRule {
        name: "power-factor-dropped",
        rule: "pow",
        right: "d a^b/da = b*a^(b - 1)",
        wrong: "d a^b/da = a^(b - 1)",
        sentence: "The exponent comes down as a factor.",
        change: Of(0, |g, x, y| {
            let o = one(g, y)?;
            let b = g.arg(y, 1);
            let e = g.sub(b, o)?;
            g.map(&POW, &[x, e])
        }),
    },
    WrongRule {
        name: "power-log-dropped",
        rule: "pow",
        right: "d a^b/db = log(a)*a^b",
        wrong: "d a^b/db = a^b",
        sentence: "A variable exponent brings the factor log(a).",
        change: Of(1, |_, _, y| Ok(y)),
    },
    WrongRule {
        name: "power-rule-on-exponent",
        rule: "pow",
        right: "d a^b/db = log(a)*a^b",
        wrong: "d a^b/db = b*a^(b - 1)",
        sentence: "The power rule is for a constant exponent.",
        change: Of(1, |g, b, y| {
            let o = one(g, y)?;
            let a = g.arg(y, 0);
            let e = g.sub(b, o)?;
            let p = g.map(&POW, &[a, e])?;
            g.multiply(b, p)
        }),
    },
    WrongRule {
        name: "square-factor-dropped",
        rule: "contract",
        right: "d u^k/du = k*u^(k-1)",
        wrong: "d u^k/du = u^(k-1)",
        sentence: "The exponent comes down as a factor.",
        change: Entry(exponent_dropped),
    },
    WrongRule {
        name: "square-exponent-kept",
        rule: "contract",
        right: "d u^k/du = k*u^(k-1)",
        wrong: "d u^k/du = k*u^k",
        sentence: "The exponent is lowered by one.",
        change: Entry(exponent_kept),
    },
    WrongRule {
        name: "product-rule",
        rule: "contract",
        right: "d(u*v) = u'*v + u*v'",
        wrong: "d(u*v) = u' + v'",
        sentence: "The product rule: each factor is differentiated while the other stays as a factor.",
        change: Each(others_dropped),
    },
    WrongRule {
        name: "product-of-derivatives",
        rule: "contract",
        right: "d(u*v) = u'*v + u*v'",
        wrong: "d(u*v) = u'*v'",
        sentence: "The product rule: each factor is differentiated while the other stays. The derivative of a product is not the product of the derivatives.",
        change: Entry(product_of_derivatives),
    },
    WrongRule {
        name: "silu-product-of-derivatives",
        rule: "silu",
        right: "d (u*sigmoid(u))/du = s + u*s*(1 - s)",
        wrong: "d (u*sigmoid(u))/du = s*(1 - s)",
        sentence: "The product rule: each factor is differentiated while the other stays. The derivative of a product is not the product of the derivatives.",
        change: Partial(|g, x, y| {
            let s = g.map(&SIGMOID, &[x])?;
            let rest = complement(g, y, s)?;
            g.multiply(s, rest)
        }),
    },
    WrongRule {
        name: "silu-second-factor-fixed",
        rule: "silu",
        right: "d (u*sigmoid(u))/du = s + u*s*(1 - s)",
        wrong: "d (u*sigmoid(u))/du = s",
        sentence: "The product rule: the second factor depends on u as well.",
        change: Partial(|g, x, _| g.map(&SIGMOID, &[x])),
    },
    WrongRule {
        name: "delta-missing",
        rule: "contract",
        right: "d x[i]/dx[j] = delta(i,j)",
        wrong: "d x[i]/dx[j] = 1",
        sentence: "Entries with different indices do not depend on each other: delta(i,j) is missing.",
        change: Each(deltas_dropped),
    },
    WrongRule {
        name: "softmax-diagonal-only",
        rule: "softmax",
        right: "dp[i]/dz[j] = p[i]*(delta(i,j) - p[j])",
        wrong: "dp[i]/dz[j] = delta(i,j)*p[i]*(1 - p[i])",
        sentence: "Every probability depends on every score: entries off the diagonal are -p[i]*p[j].",
        change: Entry(softmax_diagonal),
    },
    WrongRule {
        name: "softmax-off-diagonal-dropped",
        rule: "softmax",
        right: "dp[i]/dz[j] = p[i]*(delta(i,j) - p[j])",
        wrong: "dp[i]/dz[j] = delta(i,j)*p[i]",
        sentence: "The denominator depends on every score as well.",
        change: Terms(first_only),
    },
    WrongRule {
        name: "logsumexp-unnormalised",
        rule: "logsumexp",
        right: "d log(sum(k, exp(z[k])))/dz[i] = exp(z[i])/sum(k, exp(z[k]))",
        wrong: "d log(sum(k, exp(z[k])))/dz[i] = exp(z[i])",
        sentence: "The outer derivative 1/sum(k, exp(z[k])) is missing.",
        change: Entry(unnormalised),
    },
    WrongRule {
        name: "inverse-sign",
        rule: "inverse",
        right: "d inv(A) = -inv(A) @ dA @ inv(A)",
        wrong: "d inv(A) = inv(A) @ dA @ inv(A)",
        sentence: "The derivative of the inverse carries a minus sign.",
        change: Each(negated),
    },
    WrongRule {
        name: "logdet-transpose",
        rule: "logdet",
        right: "d log|det A|/dA = inv(A)'",
        wrong: "d log|det A|/dA = inv(A)",
        sentence: "The gradient of log|det A| is the transpose of the inverse.",
        change: Each(transposed),
    },
    WrongRule {
        name: "det-without-factor",
        rule: "det",
        right: "d det(A)/dA = det(A)*inv(A)'",
        wrong: "d det(A)/dA = inv(A)'",
        sentence: "The factor det(A) is missing; inv(A)' alone belongs to log|det A|.",
        change: Entry(determinant_dropped),
    },
    WrongRule {
        name: "coefficient-dropped",
        rule: "sum",
        right: "d (c*u)/du = c",
        wrong: "d (c*u)/du = 1",
        sentence: "A constant factor stays when differentiating.",
        change: Each(coefficient_dropped),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_well_formed() {
        assert!(WRONG_RULES.len() >= 30);
        for (k, rule) in WRONG_RULES.iter().enumerate() {
            assert!(rule.right != rule.wrong && rule.sentence.ends_with('.'), "{}", rule.name);
            assert!(rule.tag().starts_with("rule:"), "{} has a tag", rule.name);
            assert!(
                WRONG_RULES[..k].iter().all(|other| other.name != rule.name),
                "{} is listed twice",
                rule.name
            );
        }
    }
}
