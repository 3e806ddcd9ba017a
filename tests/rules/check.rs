//! The checks of one case: what the rules say against what the oracle says, at every point.
//!
//! Entries, Jacobians of every schedule, structured values, VJP, JVP, the adjoint identity and second derivatives.
//! The same function judges the right rules and every planted fault, so a check that cannot fail would be seen.

use crate::case::{Case, Expected, Point};
use chainrule_core::derive::{Derivation, Schedule};
use chainrule_core::error::Error;
use chainrule_core::ops::rules::Rules;

/// How many checks passed, or the sentence of the first that failed.
pub(crate) type Outcome = Result<usize, String>;

/// Relative tolerance of the requirement.
const RELATIVE: f64 = 1e-11;
/// What may be lost to cancellation, relative to the largest entry of the same tensor, or to 1.
const CANCELLATION: f64 = 1e-13;

/// Fails where two tensors differ by more than rounding.
pub(crate) fn close(what: &str, got: &[f64], want: &[f64]) -> Outcome {
    within(what, got, want, RELATIVE, CANCELLATION)
}

fn within(what: &str, got: &[f64], want: &[f64], relative: f64, lost: f64) -> Outcome {
    if got.len() != want.len() {
        return Err(format!("{what}: {} entries instead of {}", got.len(), want.len()));
    }
    let finite = want.iter().filter(|w| w.is_finite());
    let scale = finite.fold(1.0f64, |s, w| s.max(w.abs()));
    for (k, (g, w)) in got.iter().zip(want).enumerate() {
        let same = g == w || (g - w).abs() <= relative * w.abs() + lost * scale;
        if !same {
            return Err(format!("{what}: entry {k} is {g:?} instead of {w:?}"));
        }
    }
    Ok(1)
}

/// A case with what the oracle says at each point.
pub(crate) struct Judged {
    pub(crate) case: Case,
    pub(crate) expected: Vec<Expected>,
}

impl Judged {
    pub(crate) fn new(case: Case) -> Judged {
        let named = |e: Error| format!("{} {}: oracle: {e}", case.rule, case.name);
        let expected: Result<Vec<Expected>, String> =
            case.points.iter().map(|p| case.expected(p).map_err(named)).collect();
        Judged { expected: expected.unwrap_or_else(|e| panic!("{e}")), case }
    }

    fn points(&self) -> impl Iterator<Item = (&Point, &Expected)> {
        self.case.points.iter().zip(&self.expected)
    }

    /// Every check of first order, with the given rules.
    pub(crate) fn first_order(&self, rules: &Rules) -> Outcome {
        let mut passed = self.entries(rules)?;
        for k in 0..self.case.xs.len() {
            passed += self.jacobians(rules, k)?;
            passed += self.products(rules, k)?;
        }
        Ok(passed)
    }

    /// The materialised raw entry of each operand; a false delta is a factor 0 there, so edges are left out.
    pub(crate) fn entries(&self, rules: &Rules) -> Outcome {
        let mut passed = 0;
        for (operand, x) in self.case.operands() {
            let mut case = self.case.clone();
            let Some(k) = case.xs.iter().position(|&n| n == x) else { continue };
            let raw = rules.entry(&mut case.graph, case.y, operand).map_err(text)?;
            let shape: Vec<_> = case.graph.shape(case.y).iter().chain(case.graph.shape(x)).cloned().collect();
            for (point, expected) in self.points().filter(|(p, _)| p.stated.is_none()) {
                let value = case.graph.evaluate_entry(&raw, &shape, &point.plain::<f64>(), &[case.y]);
                let what = self.what("materialised entry", k, point);
                passed +=
                    close(&what, value.map_err(|e| format!("{what}: {e}"))?.data(), &expected.jacobians[k])?;
            }
        }
        Ok(passed)
    }

    /// The Jacobian of every schedule, dense and structured.
    fn jacobians(&self, rules: &Rules, k: usize) -> Outcome {
        let mut case = self.case.clone();
        let (y, x) = (case.y, case.xs[k]);
        let mut passed = 0;
        for schedule in [Schedule::Reverse, Schedule::Forward, Schedule::CrossCountry, Schedule::Auto] {
            let mut derivation = Derivation { rules: Some(rules), schedule, recorder: None };
            let jacobian = derivation.jacobian(&mut case.graph, y, x).map_err(text)?;
            for (point, expected) in self.points() {
                let what = self.what(&format!("{schedule:?} Jacobian"), k, point);
                passed +=
                    close(&what, &case.numbers(jacobian, point).map_err(text)?, &expected.jacobians[k])?;
                let structured =
                    case.graph.evaluate_structured(jacobian, &point.plain::<f64>()).map_err(text)?;
                let mut dense = vec![f64::NAN; expected.jacobians[k].len()];
                structured.to_dense_into(&mut dense).map_err(text)?;
                passed += close(&format!("structured {what}"), &dense, &expected.jacobians[k])?;
            }
        }
        Ok(passed)
    }

    /// VJP and JVP against the oracle's Jacobian, and `⟨u, J v⟩ = ⟨Jᵀ u, v⟩`.
    fn products(&self, rules: &Rules, k: usize) -> Outcome {
        let mut case = self.case.clone();
        let (y, x) = (case.y, case.xs[k]);
        let name = case.input_name(x);
        let u = case.graph.find_input("cotangent").expect("an input");
        let v = case.graph.find_input(&format!("tangent_{name}")).expect("an input");
        let with = || Derivation { rules: Some(rules), ..Derivation::default() };
        let vjp = with().vjp(&mut case.graph, y, &[x], u).map_err(text)?[0];
        let jvp = with().jvp(&mut case.graph, y, &[x], &[v]).map_err(text)?;
        let mut passed = 0;
        for (point, expected) in self.points() {
            let (u, v) = (point.real("cotangent").data(), point.real(&format!("tangent_{name}")).data());
            let (pulled, pushed) =
                (case.numbers(vjp, point).map_err(text)?, case.numbers(jvp, point).map_err(text)?);
            let jacobian = &expected.jacobians[k];
            if jacobian.iter().any(|j| !j.is_finite()) {
                continue;
            }
            passed += close(&self.what("VJP", k, point), &pulled, &rows_summed(u, jacobian, v.len()))?;
            passed += close(&self.what("JVP", k, point), &pushed, &columns_summed(jacobian, v, u.len()))?;
            let (left, right) = (inner(u, &pushed), inner(&pulled, v));
            let terms = u.iter().zip(&pushed).fold(1.0, |s, (a, b)| s + (a * b).abs());
            if (left - right).abs() > RELATIVE * terms {
                return Err(format!("{}: {left} is not {right}", self.what("adjoint identity", k, point)));
            }
            passed += 1;
        }
        Ok(passed)
    }

    /// Hessian, mixed derivatives and Hessian-vector products of `Σ cotangent · y`.
    pub(crate) fn second_order(&self, rules: &Rules) -> Outcome {
        let mut case = self.case.clone();
        let u = case.graph.find_input("cotangent").expect("an input");
        let y = case.y;
        let total = case.graph.multiply(u, y).and_then(|p| case.graph.sum_all(p)).map_err(text)?;
        let with = || Derivation { rules: Some(rules), ..Derivation::default() };
        let mut passed = 0;
        for (i, &a) in self.case.xs.iter().enumerate() {
            let gradient = with().gradient(&mut case.graph, total, &[a]).map_err(text)?[0];
            for (j, &b) in self.case.xs.iter().enumerate() {
                let second = with().jacobian(&mut case.graph, gradient, b).map_err(text)?;
                let name = format!("tangent_{}", case.input_name(b));
                let v = case.graph.find_input(&name).expect("an input");
                let product = with().jvp(&mut case.graph, gradient, &[b], &[v]).map_err(text)?;
                for (point, expected) in self.points().filter(|(p, _)| p.stated.is_none()) {
                    let want = &expected.seconds[i][j];
                    let what = self.what("second derivative", i, point);
                    passed += close(&what, &case.numbers(second, point).map_err(text)?, want)?;
                    let v = point.real(&name).data();
                    let rows = point.real(&case.input_name(a)).data().len();
                    let got = case.numbers(product, point).map_err(text)?;
                    passed +=
                        close(&format!("{what}, times a vector"), &got, &columns_summed(want, v, rows))?;
                }
            }
        }
        Ok(passed)
    }

    /// The value of the primitive itself.
    pub(crate) fn value(&self) -> Outcome {
        let mut passed = 0;
        for (point, expected) in self.points().filter(|(p, _)| p.stated.is_none()) {
            let at = point.bind(|_, _, x| crate::oracle::Oracle(num_dual::Dual64::from_re(x)));
            let oracle = self.case.graph.evaluate(&[self.case.y], &at).map_err(text)?;
            let want: Vec<f64> = oracle[0].real().expect("real").data().iter().map(|o| o.0.re).collect();
            passed += close(&self.what("value", 0, point), &expected.value, &want)?;
        }
        Ok(passed)
    }

    /// Jacobians in single precision against double precision.
    pub(crate) fn single_precision(&self) -> Outcome {
        let mut case = self.case.clone();
        let mut passed = 0;
        for (k, &x) in self.case.xs.iter().enumerate() {
            let jacobian = case.graph.jacobian(case.y, x).map_err(text)?;
            for (point, expected) in self.points() {
                let value = case.graph.evaluate::<f32>(&[jacobian], &point.plain()).map_err(text)?;
                let single: Vec<f64> =
                    value[0].real().expect("real").data().iter().map(|&v| f64::from(v)).collect();
                let what = self.what("single precision", k, point);
                let eps = f64::from(f32::EPSILON);
                passed += within(&what, &single, &expected.jacobians[k], 32.0 * eps, 32.0 * eps)?;
            }
        }
        Ok(passed)
    }

    /// `local_jacobian`, `local_entry` and the Jacobian agree for every operand.
    pub(crate) fn local(&self) -> Outcome {
        let mut passed = 0;
        for (operand, x) in self.case.operands() {
            let Some(k) = self.case.xs.iter().position(|&n| n == x) else { continue };
            let mut case = self.case.clone();
            let local = case.graph.local_jacobian(case.y, operand).map_err(text)?;
            let entry = case.graph.local_entry(case.y, operand).map_err(text)?;
            let shape = case.graph.shape(local).to_vec();
            for (point, expected) in self.points().filter(|(p, _)| p.stated.is_none()) {
                let at = point.plain::<f64>();
                let what = self.what("local Jacobian", k, point);
                passed += close(&what, &case.numbers(local, point).map_err(text)?, &expected.jacobians[k])?;
                let entry = case.graph.evaluate_entry(&entry, &shape, &at, &[case.y]);
                let what = self.what("local entry", k, point);
                passed +=
                    close(&what, entry.map_err(|e| format!("{what}: {e}"))?.data(), &expected.jacobians[k])?;
            }
        }
        Ok(passed)
    }

    fn what(&self, check: &str, k: usize, point: &Point) -> String {
        let Case { rule, name, .. } = &self.case;
        let x = self.case.xs.get(k).map_or_else(String::new, |&x| self.case.input_name(x));
        let values: Vec<String> = point.values.iter().map(|(n, v)| format!("{n}{:?}", v.shape())).collect();
        format!("{rule} ({name}), {check} by {x} at {}", values.join(" "))
    }
}

pub(crate) fn text(error: Error) -> String {
    error.to_string()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `Σ_row u[row] J[row, column]`
fn rows_summed(u: &[f64], jacobian: &[f64], columns: usize) -> Vec<f64> {
    (0..columns).map(|c| u.iter().enumerate().map(|(r, u)| u * jacobian[r * columns + c]).sum()).collect()
}

/// `Σ_column J[row, column] v[column]`
fn columns_summed(jacobian: &[f64], v: &[f64], rows: usize) -> Vec<f64> {
    (0..rows).map(|r| inner(&jacobian[r * v.len()..(r + 1) * v.len()], v)).collect()
}
