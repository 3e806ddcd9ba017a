//! The smallest edit of a learner's own formula that makes it right.

use super::claims::{patient, program};
use chainrule_lang::judge::Outcome;

/// The edit of the first claim of a problem.
fn edit(setting: &str, claim: &str) -> Option<String> {
    let program = program("repair.chain", &format!("{setting}\nclaim a: {claim}\n"));
    let records = program.judge(&patient());
    let Outcome::Judged(judged) = &records[0].1[0].outcome else { panic!("{claim} is not compared") };
    assert!(["wrong", "conditional"].contains(&judged.report.verdict.word()), "{claim}");
    judged.edited.clone()
}

const LOSS: &str = "dim n\nvar z : real[n]\nconst y : index[n]\nconst t : real[n]\ndef l = log(sum(j, exp(z[j]))) - z[y]\ndef q = sum(j, (z[j] - t[j])^2)";
const AFFINE: &str = "dim n\nvar V : real[n,n]\nvar x : real[n]\nconst b : real[n]\ndef y = V @ x + b\ndef s = x @ V @ x\ndef m = mean(x .* x)";
const SCALAR: &str = "var x : real\nconst a : real\ndef f = sin(a * x^2) * exp(x)\ndef r = relu(x)^2";

#[test]
fn one_edit_of_the_learner_s_formula_is_found() {
    let mut out = Vec::new();
    for (setting, claim, expected) in [
        // a sign
        (
            LOSS,
            "dl/dz[i] = exp(z[i]) / sum(j, exp(z[j])) + delta(i, y)",
            "exp(z[i]) / sum(j, exp(z[j])) - delta(i, y)",
        ),
        (LOSS, "dq/dz[i] = 2 * (t[i] - z[i])", "-2 * (t[i] - z[i])"),
        // a label
        (
            LOSS,
            "dl/dz[i] = exp(z[i]) / sum(j, exp(z[j])) - delta(i, y+1)",
            "exp(z[i]) / sum(j, exp(z[j])) - delta(i, y)",
        ),
        // a function too many
        (
            LOSS,
            "dl/dz[i] = exp(z[i]) / log(sum(j, exp(z[j]))) - delta(i, y)",
            "exp(z[i]) / sum(j, exp(z[j])) - delta(i, y)",
        ),
        // a factor
        (LOSS, "dq/dz[i] = z[i] - t[i]", "2*(z[i] - t[i])"),
        (AFFINE, "dm/dx[i] = 2 * x[i]", "2 * x[i]/n"),
        (
            SCALAR,
            "df/dx = 2 * x * cos(a * x^2) * exp(x) + sin(a * x^2) * exp(x)",
            "a*2 * x * cos(a * x^2) * exp(x) + sin(a * x^2) * exp(x)",
        ),
        // indices and transposes
        (AFFINE, "dy[i]/dx[j] = V[j,i]", "V[i,j]"),
        (AFFINE, "ds/dx = V @ x - V' @ x", "V @ x + V' @ x"),
        (AFFINE, "ds/dx = V @ x + V @ x", "V' @ x + V @ x"),
        // a delta
        (AFFINE, "dy[i]/dV[j,k] = x[k]", "delta(i,j)*x[k]"),
        (AFFINE, "dy[i]/dV[j,k] = delta(i, k) * x[k]", "delta(i, j) * x[k]"),
        // an exponent
        (
            SCALAR,
            "df/dx = 2 * a * x^2 * cos(a * x^2) * exp(x) + sin(a * x^2) * exp(x)",
            "2 * a * x * cos(a * x^2) * exp(x) + sin(a * x^2) * exp(x)",
        ),
    ] {
        match edit(setting, claim) {
            Some(found) if found == expected => {}
            found => out.push(format!("{claim}\n  expected {expected}\n  found    {found:?}")),
        }
    }
    assert!(out.is_empty(), "\n{}", out.join("\n"));
}

/// Two slips, or a formula of another kind, are not mended by one edit.
#[test]
fn no_edit_is_invented() {
    assert_eq!(edit(LOSS, "dl/dz[i] = exp(z[i]) / log(sum(j, exp(z[j]))) + delta(i, y)"), None);
    assert_eq!(edit(SCALAR, "df/dx = tanh(x) * a"), None);
}
