//! Digamma and polygamma of a real argument: the derivatives of `ln Γ`.
//!
//! ψ(x) = d/dx ln |Γ(x)|, ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! Σ_{k≥0} (x+k)⁻ⁿ⁻¹
//!
//! ```
//! use chainrule_core::scalar::special::{digamma, polygamma};
//! assert_eq!(digamma(1.0), -0.5772156649015329); // Euler's constant
//! assert_eq!(polygamma(1, 1.0), std::f64::consts::PI.powi(2) / 6.0);
//! ```
//!
//! Accurate to 2e-15 relative (ψ, and ψ⁽ⁿ⁾ up to n = 4), except near the zeros on the negative axis.
//!
//! Source: Abramowitz and Stegun, Handbook of Mathematical Functions, sections 6.3 and 6.4: recurrence
//! (6.3.5), reflection (6.3.7, 6.4.7), asymptotic series (6.3.18, 6.4.11).

use std::f64::consts::PI;

/// Bernoulli numbers B₂, B₄, …, B₂₄.
const BERNOULLI: [f64; 12] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174611.0 / 330.0,
    854513.0 / 138.0,
    -236364091.0 / 2730.0,
];

/// Where the asymptotic series takes over: from here twelve of its terms reach full precision.
const FAR: f64 = 10.0;

/// Orders above this answer NaN: the coefficients of the reflection would soon overflow, and no graph
/// differentiates `lgamma` that often.
pub const MAX_ORDER: u32 = 100;

/// The derivative of `ln |Γ(x)|`.
///
/// NaN at the poles -1, -2, …, where the two sides disagree; at zero its sign picks the side:
/// `ψ(+0) = -∞`, `ψ(-0) = +∞`. `ψ(+∞) = +∞`, `ψ(-∞)` is NaN. Costs at most nine divisions and a logarithm.
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x < 0.0 {
        // ψ(x) = ψ(1-x) - π cot πx
        return if x.floor() == x { f64::NAN } else { digamma(1.0 - x) - PI * cot_pi(x) };
    }
    if x < 1.0 {
        return digamma_near_root(x + 1.0) - 1.0 / x;
    }
    if x >= FAR {
        return digamma_far(x);
    }
    let (mut x, mut steps) = (x, 0.0);
    while x > 2.0 {
        x -= 1.0;
        steps += 1.0 / x;
    }
    digamma_near_root(x) + steps
}

/// `ln x - 1/2x - Σ B₂ₖ/(2k x²ᵏ)`; also answers `+∞` and NaN.
fn digamma_far(x: f64) -> f64 {
    let w = (1.0 / x) * (1.0 / x);
    let series = (0..BERNOULLI.len()).rev().fold(0.0, |sum, k| (sum + BERNOULLI[k] / (2 * k + 2) as f64) * w);
    libm::log(x) - (0.5 / x + series)
}

/// ψ on `[1, 2]` as `(x - x₀)/x · h(x - 3/2)`, so that it keeps its precision at its zero x₀.
///
/// The polynomial h is within 5e-18 of `x ψ(x)/(x - x₀)`. It is mpmath 1.4.1 at 60 digits:
/// `x0 = findroot(digamma, 1.46)`,
/// `chebyfit(lambda t: (t+1.5)*digamma(t+1.5)/(t+1.5-x0), [-0.5, 0.5], 17)`.
fn digamma_near_root(x: f64) -> f64 {
    /// x₀ in two parts.
    const ROOT: f64 = 1.4616321449683622;
    const ROOT_REST: f64 = 9.549995429965697e-17;
    const H: [f64; 17] = [
        1.4265838140477494,
        0.315614744109642,
        -0.06281369492028008,
        0.017935099659936202,
        -0.005921836374555441,
        0.002105524543932196,
        -0.0007808823636548008,
        0.0002971387135965835,
        -0.00011492419795785276,
        4.4924967963555466e-05,
        -1.7687223169837115e-05,
        7.00085274570018e-06,
        -2.778815077217573e-06,
        1.0900440594791301e-06,
        -4.343344704424389e-07,
        2.086174950945902e-07,
        -8.330017764155427e-08,
    ];
    let h = H.iter().rev().fold(0.0, |sum, c| sum * (x - 1.5) + c);
    ((x - ROOT) - ROOT_REST) / x * h
}

/// The `n`-th derivative of ψ; ψ itself at `n = 0`.
///
/// At a pole 0, -1, -2, … odd orders answer `+∞`; even orders, whose sides disagree, answer NaN, and at zero
/// the sign of zero picks the side. 0 at `+∞`, NaN at `-∞`, NaN for orders above [`MAX_ORDER`].
/// Costs about n + 10 powers, and n²/2 products more for negative x.
pub fn polygamma(n: u32, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    let odd = n % 2 == 1;
    if n > MAX_ORDER || x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    if x == 0.0 {
        return if odd { f64::INFINITY } else { -1.0 / x };
    }
    if x > 0.0 {
        return if odd { size(n, x) } else { -size(n, x) };
    }
    if x.floor() == x {
        return if odd { f64::INFINITY } else { f64::NAN };
    }
    // ψ⁽ⁿ⁾(x) = (-1)ⁿ ψ⁽ⁿ⁾(1-x) - π dⁿ/dxⁿ cot πx
    let cot = cot_derivative(n, cot_pi(x)) * power(PI, n + 1);
    if odd { cot - size(n, 1.0 - x) } else { -cot - size(n, 1.0 - x) }
}

/// `|ψ⁽ⁿ⁾(x)|` for `x > 0`: the first terms of the sum, and Euler and Maclaurin's formula for the rest.
///
/// With `X = x + N`, divided by `(n-1)!/xⁿ` so that neither large nor small x leaves the range:
/// `Σ_{k<N} n/x (x/(x+k))ⁿ⁺¹ + (x/X)ⁿ (1 + n/2X + Σ B₂ₖ n(n+1)⋯(n+2k-1)/(2k)! X⁻²ᵏ)`
fn size(n: u32, x: f64) -> f64 {
    let order = f64::from(n);
    let steps = (order + FAR - x).ceil().max(0.0) as u32;
    let far = x + f64::from(steps);

    let w = (1.0 / far) * (1.0 / far);
    let (mut rest, mut rising) = (0.0, 1.0);
    for (k, b) in (1..).zip(BERNOULLI) {
        let two_k = f64::from(2 * k);
        rising *= (order + two_k - 2.0) * (order + two_k - 1.0) / ((two_k - 1.0) * two_k) * w;
        rest += b * rising;
    }
    let tail = power(x / far, n) * (1.0 + (order / (2.0 * far) + rest));
    let sum = (0..steps).rev().fold(tail, |sum, k| sum + order / x * power(x / (x + f64::from(k)), n + 1));
    (1..n).fold(1.0 / x, |lead, k| lead * (f64::from(k) / x)) * sum
}

/// `(-1)ⁿ dⁿ/dzⁿ cot z` as a polynomial in `c = cot z`: Q₀ = c, Qₙ₊₁ = (1 + c²) Qₙ′, all coefficients
/// positive.
fn cot_derivative(n: u32, c: f64) -> f64 {
    let mut q = vec![0.0, 1.0];
    for _ in 1..n {
        let slope: Vec<f64> = (1..q.len()).map(|k| k as f64 * q[k]).collect();
        q = vec![0.0; slope.len() + 2];
        for (k, s) in slope.iter().enumerate() {
            q[k] += s;
            q[k + 2] += s;
        }
    }
    // The last factor 1 + c² stays a factor.
    let slope = (1..q.len()).rev().fold(0.0, |sum, k| sum * c + k as f64 * q[k]);
    (1.0 + c * c) * slope
}

/// `cot πx`, with x reduced exactly before π enters, and through the tangent where the cotangent is near 0.
fn cot_pi(x: f64) -> f64 {
    let r = x - libm::rint(x);
    if r.abs() <= 0.25 { 1.0 / libm::tan(PI * r) } else { libm::tan(PI * (0.5 - r.abs())).copysign(r) }
}

/// `xⁿ` by repeated squaring.
fn power(x: f64, n: u32) -> f64 {
    super::Scalar::powi(&x, n.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Agreement within a relative tolerance, said with the point that fails.
    fn assert_agrees(name: &str, f: impl Fn(f64) -> f64, points: &[(f64, f64)], tolerance: f64) {
        for &(x, y) in points {
            let (got, scale) = (f(x), y.abs());
            let error = if scale > 1e300 {
                (got / 4.0 - y / 4.0).abs() / (scale / 4.0)
            } else {
                (got - y).abs() / scale
            };
            assert!(error <= tolerance, "{name}({x:e}) is {y:e}, found {got:e}: relative error {error:.1e}");
        }
    }

    #[test]
    fn digamma_agrees_with_the_recorded_values() {
        assert_agrees("digamma", digamma, DIGAMMA, 2e-15);
    }

    #[test]
    fn polygamma_agrees_with_the_recorded_values() {
        for (n, points) in (1..).zip(POLYGAMMA) {
            assert_agrees(&format!("polygamma {n}"), |x| polygamma(n, x), points, 2e-15);
        }
        assert_agrees("polygamma 10", |x| polygamma(10, x), TENTH, 4e-15);
    }

    #[test]
    fn lgamma_and_erf_agree_with_the_recorded_values() {
        assert_agrees("lgamma", libm::lgamma, LGAMMA, 2e-15);
        assert_agrees("erf", libm::erf, ERF, 4e-16);
    }

    #[test]
    fn poles_follow_the_stated_convention() {
        let inf = f64::INFINITY;
        assert_eq!((digamma(0.0), digamma(-0.0), digamma(inf)), (-inf, inf, inf));
        assert_eq!((polygamma(1, 0.0), polygamma(1, -0.0), polygamma(1, -3.0)), (inf, inf, inf));
        assert_eq!((polygamma(2, 0.0), polygamma(2, -0.0), polygamma(2, inf)), (-inf, inf, 0.0));
        assert_eq!(polygamma(1, inf), 0.0);
        assert_eq!(polygamma(MAX_ORDER, 1e-300), -inf);
        for x in [-1.0, -2.0, -1e300, -inf, f64::NAN] {
            assert!(digamma(x).is_nan() && polygamma(2, x).is_nan(), "{x}");
        }
        assert!(polygamma(1, -inf).is_nan() && polygamma(MAX_ORDER + 1, 1.0).is_nan());
    }

    #[test]
    fn recurrence_holds_across_the_seams() {
        // ψ⁽ⁿ⁾(x+1) = ψ⁽ⁿ⁾(x) + (-1)ⁿ n!/xⁿ⁺¹
        for x in [0.3, 0.999, 1.0, 1.9, 8.99, 9.5, 13.7, -0.4, -3.3] {
            let (step, step1) = (digamma(x) + 1.0 / x, polygamma(1, x) - 1.0 / (x * x));
            assert!((digamma(x + 1.0) - step).abs() <= 1e-14 * (1.0 + (1.0 / x).abs()), "{x}");
            assert!((polygamma(1, x + 1.0) - step1).abs() <= 1e-14 * (1.0 + 1.0 / (x * x)), "{x}");
        }
    }

    // The values below are mpmath 1.4.1 at 50 digits, rounded to double:
    //   mp.dps = 50; float(digamma(mpf(x))); float(polygamma(n, mpf(x)));
    //   float(log(abs(gamma(mpf(x))))); float(erf(mpf(x)))

    /// `(x, ψ(x))`
    const DIGAMMA: &[(f64, f64)] = &[
        (1e-300, -9.999999999999999e299),
        (1e-10, -10000000000.577215),
        (0.1, -10.423754940411076),
        (0.5, -1.9635100260214235),
        (0.99, -0.5937863040555952),
        (1.0, -0.5772156649015329),
        (1.25, -0.22745353337626542),
        (1.4616, -3.110625123034165e-05),
        (1.5, 0.03648997397857652),
        (2.0, 0.42278433509846713),
        (3.7, 1.1671535393615113),
        (9.99, 2.250700372831201),
        (10.0, 2.251752589066721),
        (25.5, 3.2189424728839198),
        (100000.0, 11.512920464961896),
        (1e300, 690.7755278982137),
        (-1e-12, 999999999999.4229),
        (-0.1, 9.245073050052948),
        (-0.49, 0.1258288023670366),
        (-0.75, -2.894120200042932),
        (-1.5, 0.7031566406452432),
        (-2.001, 1000.91988932194),
        (-7.3, 4.33730730551005),
        (-33.125, 11.099782276232725),
        (-1000.6, 5.888089385308408),
    ];

    /// `(x, ψ^(n)(x))` for n = 1, 2, 3, 4
    const POLYGAMMA: [&[(f64, f64)]; 4] = [
        &[
            (1e-60, 1.0000000000000001e120),
            (1e-10, 1e20),
            (0.1, 101.43329915079275),
            (0.5, 4.934802200544679),
            (1.0, 1.6449340668482264),
            (1.5, 0.9348022005446793),
            (3.7, 0.3100378576700383),
            (9.99, 0.10527695014824179),
            (14.5, 0.07139825615164695),
            (25.5, 0.03999466964956292),
            (100000.0, 1.0000050000166667e-05),
            (1e60, 1.0000000000000001e-60),
            (-1e-12, 1e24),
            (-0.1, 101.92253995947719),
            (-0.45, 9.139110865994187),
            (-0.75, 18.975106932284888),
            (-1.3, 14.53687624413708),
            (-2.001, 1000002.8950948354),
            (-7.3, 14.951383181433922),
            (-33.125, 67.36413681723943),
            (-1000.6, 10.91056736030685),
        ],
        &[
            (1e-60, -2.0000000000000002e180),
            (1e-10, -1.9999999999999998e30),
            (0.1, -2001.8614573783436),
            (0.5, -16.82879664423432),
            (1.0, -2.4041138063191885),
            (1.5, -0.82879664423432),
            (3.7, -0.09539530872855403),
            (9.99, -0.011073070531461051),
            (14.5, -0.005095552370983587),
            (25.5, -0.0015993605962783073),
            (100000.0, -1.00001000005e-10),
            (1e60, -1.0000000000000002e-120),
            (-1e-12, 2e36),
            (-0.1, 1996.798202956205),
            (-0.45, 9.164372794919032),
            (-0.75, -124.58699919679619),
            (-1.3, 68.54941347116214),
            (-2.001, 1999999999.833678),
            (-7.3, 68.82117406359033),
            (-33.125, 1022.2935066255997),
            (-1000.6, -22.276298084244722),
        ],
        &[
            (1e-60, 6.0000000000000005e240),
            (1e-10, 5.999999999999999e40),
            (0.1, 60004.51287679026),
            (0.5, 97.40909103400244),
            (1.0, 6.493939402266829),
            (1.5, 1.4090910340024372),
            (3.7, 0.058279217956563614),
            (9.99, 0.0023272159399640798),
            (14.5, 0.0007270118682901487),
            (25.5, 0.00012789774302263916),
            (100000.0, 2.0000300002e-15),
            (1e60, 2.0000000000000005e-180),
            (-1e-12, 6e48),
            (-0.1, 60009.739014093764),
            (-0.45, 213.1368649959097),
            (-0.75, 1557.7451069721515),
            (-1.3, 768.7206571990426),
            (-2.001, 6000000000015.513),
            (-7.3, 769.0167339816824),
            (-33.125, 24591.00227197612),
            (-1000.6, 283.6023000773458),
        ],
        &[
            (1e-60, -2.4e301),
            (1e-10, -2.3999999999999995e51),
            (0.1, -2400015.6072031953),
            (0.5, -771.4742498266672),
            (1.0, -24.88626612344088),
            (1.5, -3.4742498266672253),
            (3.7, -0.05303861110795396),
            (9.99, -0.0007329986441825547),
            (14.5, -0.00015552498210442218),
            (25.5, -1.533956001944891e-05),
            (100000.0, -6.000120001e-20),
            (1e60, -6.000000000000001e-240),
            (-1e-12, 2.4000000000000002e61),
            (-0.1, 2399958.2275538268),
            (-0.45, 820.7781835794896),
            (-0.75, -24483.2395861688),
            (-1.3, 9738.298854017741),
            (-2.001, 2.4000000000013216e16),
            (-7.3, 9738.758702660793),
            (-33.125, 786397.992502224),
            (-1000.6, -2037.3985415594595),
        ],
    ];

    /// `(x, ψ^(10)(x))`
    const TENTH: &[(f64, f64)] = &[
        (0.3, -2048468424178.0745),
        (1.0, -3630593.311606629),
        (7.0, -0.002430965555111675),
        (30.0, -7.232051034585708e-10),
        (-0.3, 2048284690148.2026),
        (-5.1, 3.628799999897203e17),
    ];

    /// `(x, ln |Γ(x)|)`
    const LGAMMA: &[(f64, f64)] = &[
        (1e-300, 690.7755278982137),
        (1e-10, 23.025850929882736),
        (0.1, 2.252712651734206),
        (0.5, 0.5723649429247001),
        (1.25, -0.09827183642181316),
        (1.75, -0.08440112102048555),
        (3.0, std::f64::consts::LN_2),
        (10.5, 13.940625219403763),
        (150.25, 601.2615040324997),
        (100000.0, 1051287.7089736569),
        (1e300, 6.897755278982137e302),
        (-0.1, 2.3689613327287886),
        (-0.5, 1.2655121234846454),
        (-1.5, 0.860047015376481),
        (-7.3, -7.779101629826852),
        (-33.125, -83.3883706750941),
    ];

    /// `(x, erf x)`
    const ERF: &[(f64, f64)] = &[
        (1e-300, 1.1283791670955126e-300),
        (1e-10, 1.1283791670955126e-10),
        (0.1, 0.1124629160182849),
        (0.5, 0.5204998778130465),
        (0.84375, 0.7672256612323416),
        (1.0, 0.8427007929497149),
        (1.25, 0.9229001282564583),
        (2.0, 0.9953222650189527),
        (3.5, 0.9999992569016276),
        (5.9, 0.9999999999999999),
        (-0.3, -0.3286267594591274),
        (-1.0, -0.8427007929497149),
        (-2.5, -0.999593047982555),
        (-6.5, -1.0),
    ];
}
