//! The formatter: canonical, idempotent, and faithful.

use super::same::dump;
use super::{folder, has_errors, read, rendered};
use chainrule_golden::golden_text;
use chainrule_lang::format::format;
use proptest::prelude::*;

/// The canonical text; panics with the story if it says something else or is not stable.
pub(crate) fn checked(text: &str) -> String {
    let (file, source, messages) = read(text);
    assert!(!has_errors(&messages), "{text}\n{}", rendered(&source, &messages));
    let once = format(&file, &source);
    let (again, second, messages) = read(&once);
    assert!(!has_errors(&messages), "{text}\n---\n{once}\n{}", rendered(&second, &messages));
    assert_eq!(dump(&file), dump(&again), "{text}\n---\n{once}");
    assert_eq!(format(&again, &second), once, "{text}");
    once
}

#[test]
fn the_homework_is_read_without_a_message() {
    for (name, text) in folder("homework") {
        let (_, source, messages) = read(&text);
        assert!(messages.is_empty(), "{name}\n{}", rendered(&source, &messages));
        golden_text!("language", &format!("formatted_{}", name.trim_end_matches(".chain")), &checked(&text));
    }
}

#[test]
fn the_corpus_is_stable() {
    for (name, text) in folder("corpus") {
        if name.ends_with(".chain") {
            checked(&text);
        }
    }
}

/// Each line, and what it becomes.
const SPELLINGS: &str = "\
def y=V·x+b
def y = V ⋅ x − b
def y = a ⊙ b × c
def y = x² + x⁻¹ + x¹⁰
def y = Vᵀ @ V.T @ V' @ V^\\top
def y = x₁ + xᵢ
def y = λ * α_i + ∂λ/∂α
claim ∂y_i/∂V_jk = δ_ij * x[k]
claim \\frac{\\partial y_i}{\\partial V_{jk}} = \\delta_{ij} * x_k
claim d(df/dx)/dx = d2f/dx[i]dx[j]
claim ∂²f/∂x∂y = ∂^2 f/∂x^2
claim d2( x^2*y )/dx dy = d2(f)/d(x[i])d(x[j])
claim dl/d(z) = \\left.\\frac{\\partial l}{\\partial z}\\right|_h
def y = \\sum_{j=0}^{n-1} e^{z_j} + \\frac12
def y = ∑_j z[j] * 2 + 1
def y = Σ(j, z[j])
def y = cases(x > 0: 1, x == 0: 1/2, else: 0)
def y = (a if c else b) if d > 0 else e if f else g
def y = (not a) == b and not (c or d) or a ≤ b and b ≠ c
def y = -x^2 + (-x)^2 + 2^-x^2 + (2^3)^4 - (a - b) - (c + d)
def y = a / (b * c) / d * (e / f) @ (g .* h)
def y = (a + b)' @ (x[1..3,:])[i]
def y = x ** 2 .^ 3 ./ 4
def y = 2 .*x + 2.*x + 1e-3 + 0.10
def y = (dl) / dz + a * dl / (dz) + x / depth
def t[k=0..n-1,j] = x[k+1,2*j]
def y = jvp(f, x: u, W: U) + sum(A, axis=0) + sum(j=0..n-1, [z[j] > 0])
const y : index[k][B, n+1]; var s : real[]; var c : bool[n]
case A { x = [ [1,2] , [3 , 4] ]; y = inf ; z = [] ; t = \"a \\\"b\\\\\" }
claim : a
expect A: y = [1, 2] tol 1e-9 points 0.50
expect A: y = 3 tol auto
claim b: a = b = c holding h, g given x > 0 points 2
claim b: dl_h/dz[i] = ?
answer 1.5.gV1: [[0,0],[-2,4]]
derive dl/dz holding h
explain dlambda at N0
check 1.1b
grading follow-through; feedback hint; layout denominator; einstein on
";

#[test]
fn spellings() {
    let mut out = String::new();
    for line in SPELLINGS.lines().filter(|line| !line.starts_with("claim :")) {
        out += &format!("{line}\n    {}", checked(line).replace('\n', "\n    ").trim_end());
        out.push('\n');
    }
    golden_text!("language", "spellings", &out);
}

#[test]
fn comments_and_empty_lines() {
    let text = "# first\n\n\n# second\ndim n # size\nproblem 1 { # head\n\n  # inner\n def y = [1, # one\n 2]\n  # last\n} # after\n\
                case A {\n x = 1 # here\n # own\n y = 2 }\n\n\n# end";
    golden_text!("language", "comments", &format!("{text}\n----\n{}", checked(text)));
}

/// Formulas of every operator, with brackets at random.
fn formulas() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "x",
        "dz",
        "dl",
        "2",
        "1.5",
        "z[i]",
        "dl/dz",
        "[x > 0]",
        "f(x, axis=0)",
        "d(x)/dz",
    ]);
    leaf.prop_map(String::from).prop_recursive(5, 60, 2, |inner| {
        const SIGNS: [&str; 17] =
            ["+", "-", "*", "/", "@", ".*", "./", "^", ".^", "==", "<", ">=", "!=", "and", "or", "**", "·"];
        prop_oneof![
            6 => (inner.clone(), prop::sample::select(&SIGNS[..]), inner.clone()).prop_map(|(a, s, b)| format!("({a}) {s} ({b})")),
            1 => inner.clone().prop_map(|a| format!("-({a})")),
            1 => inner.clone().prop_map(|a| format!("(not ({a}))")),
            1 => inner.clone().prop_map(|a| format!("({a})'")),
            1 => inner.clone().prop_map(|a| format!("({a})[i, 0..({a}), :]")),
            1 => inner.clone().prop_map(|a| format!("d({a})/d(x)")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[({a}), [{b}]]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) if ({b}) else ({a})")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("cases({a}: {b}, else: {a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(8), ..ProptestConfig::default() })]

    #[test]
    fn brackets_are_exactly_those_that_are_needed(formula in formulas()) {
        checked(&format!("def y = {formula}"));
    }
}
