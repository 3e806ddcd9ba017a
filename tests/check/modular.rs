//! Formulas whose values are too large for any point of real numbers, compared modulo primes.

use crate::pairs::inputs;
use crate::{How, Question, Report, Verdict, check};
use chainrule_core::Graph;
use chainrule_core::shape::Type;

/// `name` squared `times` times, as a chain of squares.
fn tower(name: &str, times: usize) -> String {
    (0..times).fold(name.to_string(), |f, _| format!("({f})^2"))
}

fn ask(names: &str, f: &str, h: &str) -> Report {
    let mut g = Graph::new();
    inputs(&mut g, names);
    let (f, h) = (g.form(f, &[]).unwrap(), g.form(h, &[]).unwrap());
    check(&mut g, &Question::new(f, h))
}

/// Real numbers tell `x^(2^45)` and `x^(3·2^44)` apart nowhere but at points whose values no ball holds: at 0, 1 and
/// -1 the two agree.
#[test]
fn agreement_at_a_few_points_is_not_called_right() {
    let (f, g) = (tower("x + y", 45), tower("(x + y)^3", 44));
    let report = ask("x y", &f, &g);
    assert!(
        matches!(&report.verdict, Verdict::Undecided(why) if why.contains("modulo a prime")),
        "{report:?}"
    );
}

/// Products of sums that nobody multiplies out.
#[test]
fn large_rational_identities_are_tested_with_a_stated_certainty() {
    let product = |order: &[usize]| {
        let factors: Vec<String> = order.iter().map(|k| format!("(x^{k} + y^{k} + x*y + {k})")).collect();
        factors.join("*")
    };
    let forward = product(&[2, 3, 4, 5, 6, 7, 8, 9]);
    // The difference of two squares hides the order of the factors from the canonical form.
    let f = format!("(({forward}) + x)^2 - (({forward}) - x)^2");
    let right = format!("4*x*{}", product(&[9, 7, 8, 6, 2, 4, 3, 5]));
    let wrong = format!("4*x*{}", product(&[9, 7, 8, 6, 2, 4, 3, 6]));
    let report = ask("x y", &f, &right);
    assert!(report.verdict.is_right(), "{report:?}");
    assert_eq!(ask("x y", &f, &wrong).verdict.word(), "wrong");
    // Values of 45 squarings fit no ball, except at 0, 1 and -1.
    let (f, h) =
        (tower("x*y - 1/x", 44), format!("({})*({})", tower("x^2*y - 1", 43), tower("y - 1/x^2", 43)));
    let report = ask("x y", &f, &h);
    let Verdict::Tested(tested) = &report.verdict else { panic!("{report:?}") };
    let modular = tested.modular.as_ref().expect("a rational identity");
    assert!(modular.points >= 3 && modular.bits >= 40, "{modular:?}");
}

/// Exponentials keep their law, so equal formulas agree; what a logarithm is, residues do not know.
#[test]
fn atoms_are_equal_for_equal_arguments() {
    let huge = tower("exp(x + y)", 44);
    let same = format!("({})*({})", tower("exp(x)", 44), tower("exp(y)", 44));
    let report = ask("x y", &huge, &same);
    assert!(report.verdict.is_right(), "{report:?}");
    // Both are right and stay so, though residues differ.
    for (f, h) in [("log(x^2)/2", "log(abs(x))"), ("log(x^4)", "2*log(x^2)"), ("sqrt(x^2)", "abs(x)")] {
        assert!(ask("x", f, h).verdict.is_right(), "{f}");
    }
}

/// Without a point nothing is wrong, and the reason is said.
#[test]
fn polynomials_over_a_billion_entries_are_told_apart() {
    let mut g = Graph::new();
    g.input("x", Type::real([1_000_000_000i64])).unwrap();
    let (f, h) = (g.form("g[i] = 2*x[i]", &[]).unwrap(), g.form("g[i] = 3*x[i]", &[]).unwrap());
    let report = check(&mut g, &Question::new(f, h));
    let Verdict::Undecided(why) = &report.verdict else { panic!("{report:?}") };
    assert!(why.starts_with("the formulas are different polynomials"), "{why}");
    assert_eq!(report.how, How::Nothing);
}

/// Coefficients in the sizes that are zero at every size a search begins with.
#[test]
fn agreement_at_small_sizes_is_not_called_right() {
    let zero_at = |sizes: &[i64]| sizes.iter().map(|n| format!("*(n-{n})")).collect::<String>();
    let small = zero_at(&[1, 2, 3, 4]);
    // One that real points of larger sizes find, and one that is left to the residues at random sizes.
    for sizes in [small.clone(), small + &zero_at(&[5, 7, 10, 13])] {
        for body in ["x[i]", "exp(x[i])", "x[i]*sum(j, exp(x[j]))"] {
            let claim = format!("g[i] = {body} + {body}{sizes}");
            let report = ask("x[n]", &format!("g[i] = {body}"), &claim);
            assert!(
                matches!(&report.verdict, Verdict::Conditional(c) if c.text.starts_with("n <= ")),
                "{report:?}"
            );
        }
    }
}

/// Formulas that no proof reaches are tested at sizes that nobody chose.
#[test]
fn the_sizes_of_a_test_are_told() {
    let report = ask("x[n] y[n]", "prod(i, x[i]*y[i])", "prod(i, x[i])*prod(i, y[i])");
    let Verdict::Tested(tested) = &report.verdict else { panic!("{report:?}") };
    assert!(tested.sizes.contains(&"n = 13".to_string()), "{tested:?}");
    let modular = tested.modular.as_ref().expect("a rational identity");
    assert_eq!(modular.sizes.len(), modular.points);
    assert!(modular.sizes.iter().all(|n| !tested.sizes.contains(n)), "{modular:?}");
}
