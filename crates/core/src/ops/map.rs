//! Elementwise functions: one block per primitive, everything true of it side by side.
//!
//! A block states the partial as an expression over the primals `x…` and the result `y`; the driver adds
//! `delta(o, i)`. Values are generic over the [`Scalar`]. Domain, kinks and the convention at each kink are data.
//!
//! Sources: NIST Digital Library of Mathematical Functions, chapters 4, 5 and 7; conventions at kinks are ours and
//! stated in each block.

use crate::ops::pointwise::{Partial, Pointwise, guard, nothing, opaque};
use crate::rational::Rational;
use crate::scalar::Scalar;

/// Where a function is defined on the reals.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Domain {
    /// All reals.
    Everywhere,
    /// `x > 0`
    Positive,
    /// `a > 0`, and what the exponent allows beyond: of two arguments, base and exponent.
    Base,
    /// `x >= 0`; the partial needs `x > 0`.
    NonNegative,
    /// `x != 0`
    NonZero,
    /// Everywhere; the partial needs `x != 0`.
    SmoothButZero,
    /// `-1 < x < 1`; the value also exists at the ends.
    UnitInterval,
    /// `x > -1`
    AboveMinusOne,
    /// Everywhere but at the odd multiples of π/2.
    CosineNonZero,
    /// Everywhere but at 0, −1, −2, …
    ButGammaPoles,
    /// As [`Domain::ButGammaPoles`] in the second argument; the first is a whole number of at least 0.
    Order,
    /// Of two arguments, not both 0.
    ButOrigin,
    /// The second argument is at most the third.
    Interval,
}

impl Domain {
    /// As printed.
    pub fn text(self) -> &'static str {
        match self {
            Domain::Everywhere => "all reals",
            Domain::Positive => "x > 0",
            Domain::Base => "a > 0; also a = 0 where b >= 0, and a < 0 where b is a whole number",
            Domain::NonNegative => "x >= 0; the derivative needs x > 0",
            Domain::NonZero => "x != 0",
            Domain::SmoothButZero => "all reals; the derivative needs x != 0",
            Domain::UnitInterval => "-1 <= x <= 1; the derivative needs -1 < x < 1",
            Domain::AboveMinusOne => "x > -1",
            Domain::CosineNonZero => "all reals but the odd multiples of pi/2",
            Domain::ButGammaPoles => "all reals but 0, -1, -2, ...",
            Domain::Order => "a = 0, 1, 2, ...; all real b but 0, -1, -2, ...",
            Domain::ButOrigin => "all real a and b but a = b = 0",
            Domain::Interval => "a <= b",
        }
    }
}

/// Where the arguments of a map lie on a kink.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// The first argument is 0.
    Zero,
    /// The first argument is a whole number.
    Whole,
    /// The first argument is a whole number and a half.
    HalfWhole,
    /// Two arguments are equal.
    Equal(usize, usize),
}

/// A place where a function has no derivative, and what the engine answers there.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Kink {
    /// Where.
    pub place: Place,
    /// Where, as printed: `x = 0`.
    pub at: &'static str,
    /// The value of the partial that is taken.
    pub taken: &'static str,
    /// The interval of values that would also be right (Clarke).
    pub interval: &'static str,
}

/// The partial with respect to one argument, from the arguments and the result.
pub type PartialFn = for<'g> fn(&[Pointwise<'g>], Pointwise<'g>) -> Partial;

/// A primitive applied to every entry of its arguments.
pub struct Map {
    /// Position in [`MAPS`].
    pub id: u16,
    /// Name, as written.
    pub name: &'static str,
    /// What it is, and the formula of its partial.
    pub about: &'static str,
    /// One partial for each argument.
    pub partials: &'static [PartialFn],
    /// Index notation; `{x}`, `{a}`, `{b}`, … are the arguments.
    pub text: &'static str,
    /// LaTeX with the same placeholders.
    pub latex: &'static str,
    /// Where it is defined.
    pub domain: Domain,
    /// Arguments at which the generic tests try it.
    pub probes: &'static [&'static [f64]],
    /// Where it has no derivative.
    pub kinks: &'static [Kink],
}

impl Map {
    /// Number of arguments.
    pub fn arity(&self) -> usize {
        self.partials.len()
    }

    /// The map with this number.
    pub fn by_id(id: u16) -> &'static Map {
        MAPS[id as usize]
    }

    /// The map with this name.
    pub fn by_name(name: &str) -> Option<&'static Map> {
        MAPS.iter().copied().find(|m| m.name == name)
    }
}

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn kink(place: Place, at: &'static str, taken: &'static str, interval: &'static str) -> Kink {
    Kink { place, at, taken, interval }
}

fn half() -> Rational {
    Rational::new(1, 2)
}

macro_rules! maps {
    ($( $(#[doc = $doc:literal])* $id:ident = $name:literal {
        partials: [$(|$($arg:ident),* ; $y:pat_param| $partial:expr),* $(,)?],
        eval: |$($value:ident),*| $eval:expr,
        text: $text:literal, latex: $latex:literal,
        domain: $domain:ident,
        probes: $probes:expr,
        kinks: $kinks:expr $(,)?
    } )*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the names of the statics, as positions")]
        enum Position { $($id),* }

        $( $(#[doc = $doc])*
           pub static $id: Map = Map {
               id: Position::$id as u16,
               name: $name,
               about: concat!($($doc, "\n"),*),
               partials: &[$(|args, $y| { let [$($arg),*] = args else { unreachable!("invariant: arity") }; $(let _ = $arg;)* Partial::from($partial) }),*],
               text: $text, latex: $latex, domain: Domain::$domain, probes: $probes, kinks: $kinks,
           }; )*

        /// Every elementwise primitive, in the order of declaration.
        pub static MAPS: &[&Map] = &[$(&$id),*];

        /// The value of a map at its arguments.
        pub fn evaluate<S: Scalar>(map: &Map, args: &[&S]) -> S {
            match map.id {
                $( id if id == Position::$id as u16 => {
                    let [$($value),*] = args else { unreachable!("invariant: arity") };
                    $eval
                } )*
                _ => unreachable!("invariant: maps are numbered by position"),
            }
        }
    };
}

maps! {
    /// Exponential. `∂y/∂x = y`.
    EXP = "exp" {
        partials: [|_x; y| y],
        eval: |x| x.exp(),
        text: "exp({x})", latex: r"e^{{x}}",
        domain: Everywhere, probes: &[&[-1.0], &[0.0], &[3.0]], kinks: &[],
    }
    /// Exponential minus one, accurate near 0. `∂y/∂x = exp(x)`.
    EXPM1 = "expm1" {
        partials: [|x; _| x.map(&EXP)],
        eval: |x| x.expm1(),
        text: "expm1({x})", latex: r"\left(e^{{x}} - 1\right)",
        domain: Everywhere, probes: &[&[-1.0], &[1e-3], &[2.0]], kinks: &[],
    }
    /// Natural logarithm. `∂y/∂x = 1/x` on `x > 0`.
    LOG = "log" {
        partials: [|x; _| x.recip()],
        eval: |x| x.ln(),
        text: "log({x})", latex: r"\log{x}",
        domain: Positive, probes: &[&[0.5], &[1.0], &[20.0]], kinks: &[],
    }
    /// Logarithm of one plus the argument, accurate near 0. `∂y/∂x = 1/(1 + x)`.
    LOG1P = "log1p" {
        partials: [|x; _| (*x + 1).recip()],
        eval: |x| x.ln_1p(),
        text: "log1p({x})", latex: r"\log\left(1 + {x}\right)",
        domain: AboveMinusOne, probes: &[&[-0.5], &[1e-3], &[4.0]], kinks: &[],
    }
    /// Square root. `∂y/∂x = 1/(2y)`, infinite at 0.
    SQRT = "sqrt" {
        partials: [|_x; y| half() * y.recip()],
        eval: |x| x.sqrt(),
        text: "sqrt({x})", latex: r"\sqrt{{x}}",
        domain: NonNegative, probes: &[&[0.25], &[2.0], &[9.0]], kinks: &[],
    }
    /// Cube root, odd. `∂y/∂x = 1/(3y²)`, infinite at 0.
    CBRT = "cbrt" {
        partials: [|_x; y| Rational::new(1, 3) * y.powi(2).recip()],
        eval: |x| x.cbrt(),
        text: "cbrt({x})", latex: r"\sqrt[3]{{x}}",
        domain: SmoothButZero, probes: &[&[-2.0], &[0.5], &[8.0]], kinks: &[],
    }
    /// Reciprocal. `∂y/∂x = −y²`.
    RECIP = "recip" {
        partials: [|_x; y| -(y * y)],
        eval: |x| x.recip(),
        text: "1/{x}", latex: r"\frac{1}{{x}}",
        domain: NonZero, probes: &[&[-2.0], &[0.5], &[3.0]], kinks: &[],
    }
    /// Power of a real exponent. `∂y/∂a = b a^(b−1)`; `∂y/∂b = log(a) a^b`, and 0 where `a = 0` and `b > 0`.
    /// The value at `a = 0` is 0, 1 or ∞ by the sign of `b`; at `a < 0` it exists for whole `b` only, otherwise it is NaN.
    /// The partial of `a` at `a = b = 0` is NaN, as is the partial of `b` at `a < 0`.
    POW = "pow" {
        partials: [
            |a, b; _| *b * a.map2(&POW, *b - 1),
            |a, b; y| guard(a.equals(0).and(b.gt(0)).fails()) * (a.map(&LOG) * y),
        ],
        eval: |a, b| a.pow(b),
        text: "{a}^{b}", latex: r"{a}^{{b}}",
        domain: Base, probes: &[&[2.0, 3.0], &[0.5, -1.5], &[3.0, 0.5]], kinks: &[],
    }
    /// Sine. `∂y/∂x = cos(x)`.
    SIN = "sin" {
        partials: [|x; _| x.map(&COS)],
        eval: |x| x.sin(),
        text: "sin({x})", latex: r"\sin{x}",
        domain: Everywhere, probes: &[&[-2.0], &[0.3], &[4.0]], kinks: &[],
    }
    /// Cosine. `∂y/∂x = −sin(x)`.
    COS = "cos" {
        partials: [|x; _| -x.map(&SIN)],
        eval: |x| x.cos(),
        text: "cos({x})", latex: r"\cos{x}",
        domain: Everywhere, probes: &[&[-2.0], &[0.3], &[4.0]], kinks: &[],
    }
    /// Tangent. `∂y/∂x = 1 + y²`.
    TAN = "tan" {
        partials: [|_x; y| y * y + 1],
        eval: |x| x.tan(),
        text: "tan({x})", latex: r"\tan{x}",
        domain: CosineNonZero, probes: &[&[-1.0], &[0.3], &[2.0]], kinks: &[],
    }
    /// Inverse sine. `∂y/∂x = 1/√(1 − x²)`.
    ASIN = "asin" {
        partials: [|x; _| (1 - *x * *x).map(&SQRT).recip()],
        eval: |x| x.asin(),
        text: "asin({x})", latex: r"\arcsin{x}",
        domain: UnitInterval, probes: &[&[-0.7], &[0.1], &[0.6]], kinks: &[],
    }
    /// Inverse cosine. `∂y/∂x = −1/√(1 − x²)`.
    ACOS = "acos" {
        partials: [|x; _| -(1 - *x * *x).map(&SQRT).recip()],
        eval: |x| x.acos(),
        text: "acos({x})", latex: r"\arccos{x}",
        domain: UnitInterval, probes: &[&[-0.7], &[0.1], &[0.6]], kinks: &[],
    }
    /// Inverse tangent. `∂y/∂x = 1/(1 + x²)`.
    ATAN = "atan" {
        partials: [|x; _| (*x * *x + 1).recip()],
        eval: |x| x.atan(),
        text: "atan({x})", latex: r"\arctan{x}",
        domain: Everywhere, probes: &[&[-2.0], &[0.1], &[3.0]], kinks: &[],
    }
    /// Angle of the point `(b, a)`. `∂y/∂a = b/(a² + b²)`, `∂y/∂b = −a/(a² + b²)`.
    ATAN2 = "atan2" {
        partials: [
            |a, b; _| *b * (*a * *a + *b * *b).recip(),
            |a, b; _| -(*a * (*a * *a + *b * *b).recip()),
        ],
        eval: |a, b| a.atan2(b),
        text: "atan2({a}, {b})", latex: r"\operatorname{atan2}\left({a}, {b}\right)",
        domain: ButOrigin, probes: &[&[1.0, 2.0], &[-0.5, 1.5], &[2.0, -1.0]], kinks: &[],
    }
    /// Hyperbolic sine. `∂y/∂x = cosh(x)`.
    SINH = "sinh" {
        partials: [|x; _| x.map(&COSH)],
        eval: |x| x.sinh(),
        text: "sinh({x})", latex: r"\sinh{x}",
        domain: Everywhere, probes: &[&[-2.0], &[0.3], &[1.5]], kinks: &[],
    }
    /// Hyperbolic cosine. `∂y/∂x = sinh(x)`.
    COSH = "cosh" {
        partials: [|x; _| x.map(&SINH)],
        eval: |x| x.cosh(),
        text: "cosh({x})", latex: r"\cosh{x}",
        domain: Everywhere, probes: &[&[-2.0], &[0.3], &[1.5]], kinks: &[],
    }
    /// Hyperbolic tangent. `∂y/∂x = 1 − y²`.
    TANH = "tanh" {
        partials: [|_x; y| 1 - y * y],
        eval: |x| x.tanh(),
        text: "tanh({x})", latex: r"\tanh{x}",
        domain: Everywhere, probes: &[&[-2.0], &[0.0], &[0.7]], kinks: &[],
    }
    /// Inverse hyperbolic sine. `∂y/∂x = 1/√(1 + x²)`.
    ASINH = "asinh" {
        partials: [|x; _| (*x * *x + 1).map(&SQRT).recip()],
        eval: |x| x.asinh(),
        text: "asinh({x})", latex: r"\operatorname{arsinh}{x}",
        domain: Everywhere, probes: &[&[-2.0], &[1e-3], &[3.0]], kinks: &[],
    }
    /// Logistic function `1/(1 + exp(−x))`. `∂y/∂x = y (1 − y)`.
    SIGMOID = "sigmoid" {
        partials: [|_x; y| y * (1 - y)],
        eval: |x| if *x >= &S::zero() {
            (S::one() + (-(*x).clone()).exp()).recip()
        } else {
            let e = x.exp();
            e.clone() / (S::one() + e)
        },
        text: "sigmoid({x})", latex: r"\sigma\left({x}\right)",
        domain: Everywhere, probes: &[&[-3.0], &[0.0], &[1.2]], kinks: &[],
    }
    /// Softplus `log(1 + exp(x))`, never overflowing. `∂y/∂x = sigmoid(x)`.
    SOFTPLUS = "softplus" {
        partials: [|x; _| x.map(&SIGMOID)],
        eval: |x| if *x > &S::zero() {
            (*x).clone() + (-(*x).clone()).exp().ln_1p()
        } else {
            x.exp().ln_1p()
        },
        text: "softplus({x})", latex: r"\log\left(1 + e^{{x}}\right)",
        domain: Everywhere, probes: &[&[-3.0], &[0.0], &[1.2]], kinks: &[],
    }
    /// Error function. `∂y/∂x = 2/√π exp(−x²)`.
    ERF = "erf" {
        partials: [|x; _| Rational::from(2) * (x.pi().map(&SQRT).recip() * (-(*x * *x)).map(&EXP))],
        eval: |x| x.erf(),
        text: "erf({x})", latex: r"\operatorname{erf}{x}",
        domain: Everywhere, probes: &[&[-1.0], &[0.1], &[1.7]], kinks: &[],
    }
    /// Logarithm of |Γ|. `∂y/∂x = digamma(x)`; poles at 0, −1, −2, …
    LGAMMA = "lgamma" {
        partials: [|x; _| x.map(&DIGAMMA)],
        eval: |x| x.lgamma(),
        text: "lgamma({x})", latex: r"\log\Gamma\left({x}\right)",
        domain: ButGammaPoles, probes: &[&[0.5], &[2.5], &[7.0]], kinks: &[],
    }
    /// Logarithmic derivative of Γ. `∂y/∂x = polygamma(1, x)`; poles at 0, −1, −2, …
    DIGAMMA = "digamma" {
        partials: [|x; _| x.number(Rational::from(1)).map2(&POLYGAMMA, *x)],
        eval: |x| x.digamma(),
        text: "digamma({x})", latex: r"\psi\left({x}\right)",
        domain: ButGammaPoles, probes: &[&[0.5], &[2.5], &[7.0]], kinks: &[],
    }
    /// Derivative of order `a` of digamma, `a` a whole number. `∂y/∂b = polygamma(a + 1, b)`; poles at 0, −1, −2, …
    POLYGAMMA = "polygamma" {
        partials: [
            |_a, _b; _| opaque("the order of polygamma is a whole number"),
            |a, b; _| (*a + 1).map2(&POLYGAMMA, *b),
        ],
        eval: |a, b| {
            let order = a.to_f64();
            if (0.0..=100.0).contains(&order) && order.fract() == 0.0 { b.polygamma(order as u32) } else { S::nan() }
        },
        text: "polygamma({a}, {b})", latex: r"\psi^{({a})}\left({b}\right)",
        domain: Order, probes: &[&[1.0, 0.5], &[2.0, 2.5], &[1.0, 7.0]], kinks: &[],
    }
    /// Absolute value. `∂y/∂x = sign(x)`; at the kink the engine answers 0.
    ABS = "abs" {
        partials: [|x; _| x.map(&SIGN)],
        eval: |x| x.abs(),
        text: "abs({x})", latex: r"\left|{x}\right|",
        domain: Everywhere, probes: &[&[-2.0], &[0.5], &[3.0]], kinks: &[kink(Place::Zero, "x = 0", "0", "[-1, 1]")],
    }
    /// Sign: −1, 0 or 1. The partial is the symbolic zero; at the jump there is none.
    SIGN = "sign" {
        partials: [|_x; _| nothing()],
        eval: |x| if x.is_nan() { (*x).clone() } else if *x > &S::zero() { S::one() } else if *x < &S::zero() { -S::one() } else { S::zero() },
        text: "sign({x})", latex: r"\operatorname{sign}{x}",
        domain: Everywhere, probes: &[&[-2.0], &[0.5]], kinks: &[kink(Place::Zero, "x = 0", "0", "none")],
    }
    /// Greatest whole number not above. The partial is the symbolic zero.
    FLOOR = "floor" {
        partials: [|_x; _| nothing()],
        eval: |x| x.floor(),
        text: "floor({x})", latex: r"\left\lfloor {x} \right\rfloor",
        domain: Everywhere, probes: &[&[-1.5], &[0.5], &[2.25]], kinks: &[kink(Place::Whole, "x whole", "0", "none")],
    }
    /// Least whole number not below. The partial is the symbolic zero.
    CEIL = "ceil" {
        partials: [|_x; _| nothing()],
        eval: |x| -(-(*x).clone()).floor(),
        text: "ceil({x})", latex: r"\left\lceil {x} \right\rceil",
        domain: Everywhere, probes: &[&[-1.5], &[0.5], &[2.25]], kinks: &[kink(Place::Whole, "x whole", "0", "none")],
    }
    /// Nearest whole number, halves to the even neighbour. The partial is zero.
    ROUND = "round" {
        partials: [|_x; _| nothing()],
        eval: |x| {
            let low = x.floor();
            let rest = (*x).clone() - low.clone();
            let half = S::from_f64(0.5);
            let even = (low.clone() * half.clone()).floor() * S::from_i64(2) == low;
            if rest < half || (rest == half && even) { low } else { low + S::one() }
        },
        text: "round({x})", latex: r"\operatorname{round}{x}",
        domain: Everywhere, probes: &[&[-1.25], &[0.25], &[2.75]], kinks: &[kink(Place::HalfWhole, "x half-whole", "0", "none")],
    }
    /// Larger of two. The winner takes all; at a tie each partial is 1/2, so that it stays commutative.
    MAX = "max" {
        partials: [
            |a, b; _| guard(a.gt(*b)) + half() * guard(a.equals(*b)),
            |a, b; _| guard(b.gt(*a)) + half() * guard(a.equals(*b)),
        ],
        eval: |a, b| if a.is_nan() { (*a).clone() } else if b.is_nan() || *b > *a { (*b).clone() } else { (*a).clone() },
        text: "max({a}, {b})", latex: r"\max\left({a}, {b}\right)",
        domain: Everywhere, probes: &[&[1.0, 2.0], &[0.5, -1.5]], kinks: &[kink(Place::Equal(0, 1), "a = b", "1/2", "[0, 1]")],
    }
    /// Smaller of two. The winner takes all; at a tie each partial is 1/2, so that it stays commutative.
    MIN = "min" {
        partials: [
            |a, b; _| guard(b.gt(*a)) + half() * guard(a.equals(*b)),
            |a, b; _| guard(a.gt(*b)) + half() * guard(a.equals(*b)),
        ],
        eval: |a, b| if a.is_nan() { (*a).clone() } else if b.is_nan() || *b < *a { (*b).clone() } else { (*a).clone() },
        text: "min({a}, {b})", latex: r"\min\left({a}, {b}\right)",
        domain: Everywhere, probes: &[&[1.0, 2.0], &[0.5, -1.5]], kinks: &[kink(Place::Equal(0, 1), "a = b", "1/2", "[0, 1]")],
    }
    /// Rectifier `max(x, 0)`. `∂y/∂x = [x > 0]`, absent where false; at the kink the engine answers 0.
    RELU = "relu" {
        partials: [|x; _| guard(x.gt(0))],
        eval: |x| if *x <= &S::zero() { S::zero() } else { (*x).clone() },
        text: "relu({x})", latex: r"\max\left({x}, 0\right)",
        domain: Everywhere, probes: &[&[-2.0], &[1.0], &[3.0]], kinks: &[kink(Place::Zero, "x = 0", "0", "[0, 1]")],
    }
    /// Nearest point of the interval `[a, b]` to `x`. The partial of `x` is 1 strictly inside, 0 at the ends; the end
    /// that is the value has the partial 1, `a` where `a = b = x`.
    CLIP = "clip" {
        partials: [
            |x, a, b; _| guard(x.gt(*a).and(b.gt(*x))),
            |x, a, _b; _| guard(a.ge(*x)),
            |x, a, b; _| guard(x.ge(*b).and(x.gt(*a))),
        ],
        eval: |x, a, b| if *x < *a { (*a).clone() } else if *x > *b { (*b).clone() } else { (*x).clone() },
        text: "clip({x}, {a}, {b})", latex: r"\operatorname{clip}\left({x}, {a}, {b}\right)",
        domain: Interval, probes: &[&[0.5, -1.0, 2.0], &[-3.0, -1.0, 2.0], &[5.0, -1.0, 2.0]],
        kinks: &[kink(Place::Equal(0, 1), "x = a", "0", "[0, 1]"), kink(Place::Equal(0, 2), "x = b", "0", "[0, 1]")],
    }
    /// Gaussian error linear unit `x Φ(x)`. `∂y/∂x = Φ(x) + x φ(x)`, Φ and φ the standard normal distribution and density.
    GELU = "gelu" {
        partials: [|x; _| {
            let cdf = half() * ((*x * x.number(Rational::from(2)).map(&SQRT).recip()).map(&ERF) + 1);
            let density = (Rational::from(2) * x.pi()).map(&SQRT).recip() * (Rational::new(-1, 2) * (*x * *x)).map(&EXP);
            cdf + *x * density
        }],
        eval: |x| {
            let half = S::from_f64(0.5);
            half * (*x).clone() * (S::one() + ((*x).clone() / S::from_i64(2).sqrt()).erf())
        },
        text: "gelu({x})", latex: r"\operatorname{gelu}\left({x}\right)",
        domain: Everywhere, probes: &[&[-1.0], &[0.0], &[2.0]], kinks: &[],
    }
    /// Sigmoid linear unit `x sigmoid(x)`. `∂y/∂x = s + x s (1 − s)` with `s = sigmoid(x)`.
    SILU = "silu" {
        partials: [|x; _| { let s = x.map(&SIGMOID); s + *x * (s * (1 - s)) }],
        eval: |x| (*x).clone() * evaluate(&SIGMOID, &[*x]),
        text: "silu({x})", latex: r"\operatorname{silu}\left({x}\right)",
        domain: Everywhere, probes: &[&[-1.0], &[0.0], &[2.0]], kinks: &[],
    }
}
