//! Wrong formulas with the slip that they come from, conditions, conventions, and invariants.

use crate::pairs::{PAIRS, Pairs, inputs, program};
use crate::{Question, Report, Verdict, check};
use chainrule_core::eval::Bindings;
use chainrule_core::tensor::Tensor;
use chainrule_core::{Graph, NodeId};

pub(crate) fn named(name: &str) -> &'static Pairs {
    PAIRS.iter().find(|p| p.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Every slip that fits, by name.
fn slips(name: &str, claim: &str) -> Vec<&'static str> {
    named(name).ask(claim).slips.iter().map(|s| s.name).collect()
}

#[test]
fn slips_are_named() {
    let mut broken = Vec::new();
    for (pair, claim, slip) in [
        ("1.1 hinge", "g[i] = exp(z[i])/log(sum(j, exp(z[j]))) - delta(i,y)", "log-kept"),
        ("1.1 hinge", "g[i] = exp(z[i])/sum(j, exp(z[j])) + delta(i,y)", "sign-of-a-term"),
        ("1.1 hinge", "g[i] = exp(z[i])/sum(j, exp(z[j]))", "term-missing"),
        ("1.1 hinge", "g[i] = exp(z[i]) - delta(i,y)", "log-chain-dropped"),
        ("1.1 hinge", "g[i] = 1/sum(j, exp(z[j])) - delta(i,y)", "exp-to-one"),
        ("1.1 hinge", "g[i] = exp(z[i])/sum(j, exp(z[j])) - delta(i,y+1)", "label-off-by-one"),
        ("1.1 quadratic", "g[i] = 2*(z[i] - t[i])", "factor-two"),
        ("1.1 quadratic", "g[i] = t[i] - z[i]", "sign"),
        ("1.2 relu", "J[i,j] = delta(i,j) + 0*x[i]*x[j]", "relu-as-identity"),
        ("1.2 relu", "J[i,j] = delta(i,j)*[x[i] <= 0]", "relu-mask-inverted"),
        ("1.2 relu", "J[i,j] = delta(i,j)*[x[i] >= 0]", "relu-mask-closed"),
        ("1.2 relu", "J[i,j] = [x[i] > 0] + 0*x[j]", "delta-missing"),
        ("1.3 affine V", "J[i,j,k] = x[k] + 0*V[j,k]*V[i,k]", "delta-missing"),
        (
            "tanh net",
            "g[a,c] = (sum(j, v[j]*tanh(sum(l, W[j,l]*x[l]) + b[j])) - t)*v[a]*(1 - tanh(sum(l, W[a,l]*x[l]) + b[a]))*x[c]",
            "tanh-not-squared",
        ),
        (
            "softmax jacobian",
            "J[i,j] = exp(z[i])/sum(k, exp(z[k]))*delta(i,j)*(1 - exp(z[j])/sum(k, exp(z[k])))",
            "softmax-diagonal-only",
        ),
        ("logistic hessian", "H[a,b] = sum(s, X[s,a]*X[s,b]*sigmoid(sum(l, X[s,l]*w[l])))", "sigmoid-kept"),
        ("mean squares", "g[i] = 2*(x[i] - t[i])", "mean-as-sum"),
        ("least squares", "g[k] = sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) - b[i]))", "factor-two"),
        ("trace of a square", "g[a,b] = 2*X[a,b]", "transpose"),
        ("power", "b*a^b", "power-exponent-kept"),
        ("power", "a^(b-1)", "power-factor-dropped"),
        ("power of the exponent", "b*a^(b-1)", "power-rule-on-exponent"),
        ("quotient rule", "(cos(a)*(a^2 + b) + 2*a*sin(a))/(a^2 + b)^2", "quotient-sign"),
        ("chain rule", "2*a*exp(sin(a^2))", "sine-to-one"),
        ("chain rule", "-2*a*cos(a^2)*exp(sin(a^2))", "sine-sign"),
        ("tan", "1 - tan(a)^2", "tangent-sign"),
        ("abs", "g[i] = 1 + 0*x[i]", "abs-as-identity"),
        ("norm", "g[k] = 2*x[k]/sqrt(sum(i, x[i]^2))", "sqrt-half-dropped"),
        ("outer", "J[i,j,k] = b[j] + 0*a[k]*a[i]", "delta-missing"),
        ("least squares", "g[k] = 2*sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) + b[i]))", "sign-of-a-term"),
    ] {
        let found = slips(pair, claim);
        if !found.contains(&slip) {
            broken.push(format!("{pair}: {claim}: {found:?} without {slip}"));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// A slip of the right formula does not exist.
#[test]
fn right_formulas_have_no_slips() {
    for name in ["1.1 hinge", "softmax jacobian", "ridge"] {
        for claim in named(name).right {
            assert!(named(name).ask(claim).slips.is_empty(), "{name}: {claim}");
        }
    }
}

fn ask(names: &str, f: &str, x: &str, claim: &str, differentiates: bool) -> Report {
    let mut g = Graph::new();
    let (f_node, x_node) = program(&mut g, names, f, x);
    let derived = g.jacobian(f_node, x_node).unwrap();
    let claimed = g.form(claim, &[]).unwrap();
    let replay = |g: &mut Graph, rules: &chainrule_core::ops::rules::Rules| {
        let mut d = chainrule_core::derive::Derivation { rules: Some(rules), ..Default::default() };
        d.jacobian(g, f_node, x_node)
    };
    let q = Question {
        replay: Some(&replay),
        claim_differentiates: differentiates,
        ..Question::new(derived, claimed)
    };
    check(&mut g, &q)
}

fn condition(names: &str, f: &str, x: &str, claim: &str) -> (String, bool, bool) {
    match ask(names, f, x, claim, false).verdict {
        Verdict::Conditional(c) => (c.text, c.almost_everywhere, c.convention),
        v => panic!("{f}: {claim}: {v:?}"),
    }
}

#[test]
fn a_convention_at_a_kink_is_said_where_it_matters() {
    let relu = |claim| condition("x[n]", "p[i] = relu(x[i])", "x", claim);
    assert_eq!(relu("J[i,j] = delta(i,j)*[x[i] > 0]"), ("x[i] != 0 for all i".into(), true, true));
    // The first derivative of x |x| is 2 |x|, also at 0.
    let smooth = ask("x[n]", "sum(i, x[i]*abs(x[i]))", "x", "g[i] = 2*abs(x[i])", false);
    assert!(matches!(smooth.verdict, Verdict::Proved), "{:?}", smooth.verdict);
    // A claim that differentiates follows the same convention.
    let same = ask("x[n]", "p[i] = relu(x[i])", "x", "J[i,j] = delta(i,j)*[x[i] > 0]", true);
    assert!(matches!(same.verdict, Verdict::Proved));
}

#[test]
fn the_weakest_condition_is_reported() {
    let closed = condition("x[n]", "sum(i, relu(x[i]))", "x", "g[i] = [x[i] >= 0]");
    assert_eq!(closed, ("x[i] != 0 for all i".into(), true, false));
    let cell = condition("x[n]", "sum(i, abs(x[i]))", "x", "g[i] = 1 + 0*x[i]");
    assert_eq!(cell, ("x[i] > 0 for all i".into(), false, false));
    let symmetric =
        condition("A[n,n] x[n]", "sum(i, sum(j, x[i]*A[i,j]*x[j]))", "x", "g[k] = 2*sum(j, A[k,j]*x[j])");
    assert_eq!(symmetric.0, "A == A'");
    let mean = condition("x[n]", "sum(i, x[i]^2)/n", "x", "g[i] = 2*x[i]");
    assert_eq!(mean.0, "n == 1");
    let small = condition("x[n]", "sum(i, x[i]^2)/n", "x", "g[i] = 2*x[i]/n + (n-1)*(n-2)*(n-3)*x[i]");
    assert_eq!(small.0, "n <= 3");
    let unknown = ask("x[n]", "sum(i, x[i]^2)", "x", "g[i] = 2*x[i] + floor(n/12)*x[i]", false);
    assert!(matches!(unknown.verdict, Verdict::Wrong(_)), "{:?}", unknown.verdict);
    let sizes = condition("A[m,n] t", "t*sum(i, sum(j, A[i,j]))/m", "t", "sum(i, sum(j, A[i,j]))/n");
    assert_eq!(sizes.0, "m == n");
    let orthogonal =
        condition("A[n,n] x[n]", "sum(i, sum(j, A[i,j]*x[j])^2)", "x", "g[k] = 2*x[k] + 0*A[k,k]");
    assert_eq!(orthogonal.0, "A' @ A == eye(n)");
}

/// Neither on a boundary only, nor where the derivative is zero and so is every slip of it.
#[test]
fn a_condition_that_says_nothing_is_not_reported() {
    for claim in ["g[i] = 0*x[i]", "g[i] = -[x[i] > 0]", "g[i] = [x[i] <= 0]"] {
        let report = ask("x[n]", "sum(i, relu(x[i]))", "x", claim, false);
        assert!(matches!(report.verdict, Verdict::Wrong(_)), "{claim}: {:?}", report.verdict);
    }
}

#[test]
fn the_homework_s_wrong_formula_is_refuted_at_its_own_numbers() {
    let pair = named("1.1 hinge");
    let mut g = Graph::new();
    let (f, z) = (pair.program)(&mut g);
    let derived = g.gradient(f, &[z]).unwrap()[0];
    let claimed = g.form("g[i] = exp(z[i])/log(sum(j, exp(z[j]))) - delta(i,y)", &[]).unwrap();
    let case =
        Bindings::new().with("z", Tensor::vector(vec![-1.0, 0.0, 3.0])).with_labels("y", Tensor::scalar(1));
    let cases = [("H".to_string(), case)];
    let report = check(&mut g, &Question { cases: &cases, ..Question::new(derived, claimed) });
    let Verdict::Wrong(found) = &report.verdict else { panic!("{:?}", report.verdict) };
    assert_eq!(found.case.as_deref(), Some("H"));
    let close = |a: f64, b: f64| (a - b).abs() < 5e-4;
    assert!(
        found.yours.real().unwrap().data().iter().zip([0.1200, -0.6738, 6.5513]).all(|(a, b)| close(*a, b))
    );
    assert!(
        found
            .derived
            .real()
            .unwrap()
            .data()
            .iter()
            .zip([0.01715, -0.9534, 0.9362])
            .all(|(a, b)| close(*a, b))
    );
    let smallest = found.smallest.as_ref().unwrap();
    assert_eq!(smallest.sizes["n"], 1);
    let invariant = report.invariant.unwrap();
    assert_eq!((invariant.name, invariant.expected), ("entries-add-to-zero", 0.0));
    assert!(close(invariant.found, 5.9975), "{}", invariant.found);
}

#[test]
fn layouts_are_told_from_missing_transposes() {
    let ask = |inputs_text: &str, f: &str, x: &str, claim: &str, rank: usize| {
        let mut g = Graph::new();
        inputs(&mut g, inputs_text);
        let (f, x): (NodeId, NodeId) = (g.form(f, &[]).unwrap(), g.find(x).unwrap());
        let derived = g.jacobian(f, x).unwrap();
        let claimed = g.form(claim, &[]).unwrap();
        check(&mut g, &Question { numerator_rank: Some(rank), ..Question::new(derived, claimed) }).verdict
    };
    let affine = |claim| ask("V[m,n] x[n]", "y[i] = sum(j, V[i,j]*x[j])", "x", claim, 1);
    assert!(matches!(affine("J[j,i] = V[i,j]"), Verdict::Layout));
    assert!(matches!(affine("J[i,j] = V[i,j]"), Verdict::Proved));
    assert_eq!(affine("J[i] = sum(j, V[i,j])").word(), "not-comparable");
    let square = ask("V[n,n] x[n]", "y[i] = sum(j, V[i,j]*x[j])", "x", "J[j,i] = V[i,j]", 1);
    assert!(matches!(square, Verdict::Layout));
    // The gradient of a number has no other layout: a transpose is wrong.
    let trace = ask("A[n,n] X[n,n]", "sum(i, sum(j, A[i,j]*X[j,i]))", "X", "g[a,b] = A[a,b]", 0);
    assert!(matches!(trace, Verdict::Wrong(_) | Verdict::Conditional(_)), "{trace:?}");
}
