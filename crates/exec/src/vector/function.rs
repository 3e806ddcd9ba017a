//! The table of elementwise functions: name, number of arguments, the one arithmetic behind all faces.

use super::lanes::{Lanes, Register};
use super::{circular, error, exact, exponential, inverse, logarithm, power};
use chainrule_core::ops::map;

/// An elementwise function; arguments beyond its number are ignored.
pub(crate) trait Function {
    const NAME: &'static str;
    const ARITY: usize;
    fn apply<V: Register>(args: [V; 3]) -> V;
}

/// The one NaN that every face gives: positive, quiet, without payload.
#[inline(always)]
pub(crate) fn canonical<V: Lanes>(y: V) -> V {
    V::select(y.nan(), V::of(f64::NAN), y)
}

/// The function with the canonical NaN.
#[inline(always)]
pub(crate) fn value<G: Function, V: Register>(args: [V; 3]) -> V {
    canonical(G::apply(args))
}

macro_rules! functions {
    ($($id:ident $name:literal ($($arg:ident),*) $body:expr;)*) => {
        $(
            pub(crate) struct $id;
            impl Function for $id {
                const NAME: &'static str = $name;
                const ARITY: usize = [$(stringify!($arg)),*].len();
                #[inline(always)]
                fn apply<V: Register>(args: [V; 3]) -> V {
                    #[allow(unused_variables, reason = "arguments beyond the arity")]
                    let [x, y, z] = args;
                    functions!(@bind [x, y, z] $($arg)*);
                    $body
                }
            }
        )*
        /// Every function, given to a macro.
        macro_rules! each_function {
            ($with:ident) => { $with! { $($id),* } };
        }
        pub(crate) use each_function;
    };
    (@bind [$x:ident, $y:ident, $z:ident] $a:ident) => { let $a = $x; };
    (@bind [$x:ident, $y:ident, $z:ident] $a:ident $b:ident) => { let ($a, $b) = ($x, $y); };
    (@bind [$x:ident, $y:ident, $z:ident] $a:ident $b:ident $c:ident) => { let ($a, $b, $c) = ($x, $y, $z); };
}

functions! {
    Exp "exp" (a) exponential::exp(a);
    Expm1 "expm1" (a) exponential::expm1(a);
    Log "log" (a) logarithm::log(a);
    Log1p "log1p" (a) logarithm::log1p(a);
    Sqrt "sqrt" (a) exact::sqrt(a);
    Cbrt "cbrt" (a) power::cbrt(a);
    Recip "recip" (a) exact::recip(a);
    Pow "pow" (a, b) power::pow(a, b);
    Sin "sin" (a) circular::sin(a);
    Cos "cos" (a) circular::cos(a);
    Tan "tan" (a) circular::tan(a);
    Asin "asin" (a) inverse::asin(a);
    Acos "acos" (a) inverse::acos(a);
    Atan "atan" (a) inverse::atan(a);
    Atan2 "atan2" (a, b) inverse::atan2(a, b);
    Sinh "sinh" (a) exponential::sinh(a);
    Cosh "cosh" (a) exponential::cosh(a);
    Tanh "tanh" (a) exponential::tanh(a);
    Asinh "asinh" (a) logarithm::asinh(a);
    Sigmoid "sigmoid" (a) exponential::sigmoid(a);
    Softplus "softplus" (a) exponential::softplus(a);
    Erf "erf" (a) error::erf(a);
    Lgamma "lgamma" (a) exact::by_core(&map::LGAMMA, &[a]);
    Digamma "digamma" (a) exact::by_core(&map::DIGAMMA, &[a]);
    Polygamma "polygamma" (a, b) exact::by_core(&map::POLYGAMMA, &[a, b]);
    Abs "abs" (a) exact::abs(a);
    Sign "sign" (a) exact::sign(a);
    Floor "floor" (a) exact::floor(a);
    Ceil "ceil" (a) exact::ceil(a);
    Round "round" (a) exact::round(a);
    Max "max" (a, b) exact::max(a, b);
    Min "min" (a, b) exact::min(a, b);
    Relu "relu" (a) exact::relu(a);
    Clip "clip" (a, b, c) exact::clip(a, b, c);
    Gelu "gelu" (a) error::gelu(a);
    Silu "silu" (a) exact::silu(a);
}
