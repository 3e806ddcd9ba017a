//! `f64` and `f32` as scalars, with the same bits on every machine.
//!
//! IEEE 754 fixes the bits of `+ - * /`, `sqrt`, `floor` and `abs`; every other function comes from a
//! pure-Rust port of musl's library, never from the system's. No product is fused with a sum.
//!
//! ```
//! use chainrule_core::scalar::Scalar;
//! assert_eq!(Scalar::ln(&0.0), f64::NEG_INFINITY);
//! assert!(Scalar::pow(&f64::NAN, &0.0).is_nan());
//! ```

use super::{Scalar, special};
use crate::rational::Rational;

/// The functions that differ between the widths only in the name of their port.
macro_rules! ported {
    ($($name:ident = $port:path,)*) => {
        $(
            fn $name(&self) -> Self {
                $port(*self)
            }
        )*
    };
}

/// What IEEE 754 fixes, and what is the same in both widths.
macro_rules! ieee {
    ($float:ident, $pow:path, $atan2:path) => {
        const EXACT: bool = false;

        fn epsilon() -> f64 {
            $float::EPSILON.into()
        }

        fn zero() -> Self {
            0.0
        }

        fn one() -> Self {
            1.0
        }

        fn nan() -> Self {
            $float::NAN
        }

        fn pi() -> Self {
            std::$float::consts::PI
        }

        fn e() -> Self {
            std::$float::consts::E
        }

        fn is_nan(&self) -> bool {
            $float::is_nan(*self)
        }

        fn sqrt(&self) -> Self {
            $float::sqrt(*self)
        }

        fn abs(&self) -> Self {
            $float::abs(*self)
        }

        fn floor(&self) -> Self {
            $float::floor(*self)
        }

        fn pow(&self, y: &Self) -> Self {
            if self.is_nan() || y.is_nan() { $float::NAN } else { $pow(*self, *y) }
        }

        fn atan2(&self, x: &Self) -> Self {
            $atan2(*self, *x)
        }
    };
}

impl Scalar for f64 {
    ieee! { f64, libm::pow, libm::atan2 }

    ported! {
        exp = libm::exp, expm1 = libm::expm1, ln = libm::log, ln_1p = libm::log1p, cbrt = libm::cbrt,
        sin = libm::sin, cos = libm::cos, tan = libm::tan,
        asin = libm::asin, acos = libm::acos, atan = libm::atan,
        sinh = libm::sinh, cosh = libm::cosh, tanh = libm::tanh,
        erf = libm::erf, lgamma = libm::lgamma, digamma = special::digamma,
    }

    fn from_rational(x: &Rational) -> f64 {
        x.to_f64()
    }

    fn from_f64(x: f64) -> f64 {
        x
    }

    fn to_f64(&self) -> f64 {
        *self
    }

    fn polygamma(&self, n: u32) -> f64 {
        special::polygamma(n, *self)
    }
}

/// The special functions are computed in `f64` and rounded: nearly always the nearest `f32`.
impl Scalar for f32 {
    ieee! { f32, libm::powf, libm::atan2f }

    ported! {
        exp = libm::expf, expm1 = libm::expm1f, ln = libm::logf, ln_1p = libm::log1pf, cbrt = libm::cbrtf,
        sin = libm::sinf, cos = libm::cosf, tan = libm::tanf,
        asin = libm::asinf, acos = libm::acosf, atan = libm::atanf,
        sinh = libm::sinhf, cosh = libm::coshf, tanh = libm::tanhf,
    }

    fn from_rational(x: &Rational) -> f32 {
        x.to_f32()
    }

    fn from_f64(x: f64) -> f32 {
        x as f32
    }

    fn to_f64(&self) -> f64 {
        (*self).into()
    }

    fn erf(&self) -> f32 {
        libm::erf((*self).into()) as f32
    }

    fn lgamma(&self) -> f32 {
        libm::lgamma((*self).into()) as f32
    }

    fn digamma(&self) -> f32 {
        special::digamma((*self).into()) as f32
    }

    fn polygamma(&self, n: u32) -> f32 {
        special::polygamma(n, (*self).into()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Named<S> = (&'static str, fn(&S) -> S);

    /// Every function of one argument, by name; those of two with one held.
    fn functions<S: Scalar>() -> Vec<Named<S>> {
        vec![
            ("recip", S::recip),
            ("exp", S::exp),
            ("expm1", S::expm1),
            ("ln", S::ln),
            ("ln_1p", S::ln_1p),
            ("sqrt", S::sqrt),
            ("cbrt", S::cbrt),
            ("sin", S::sin),
            ("cos", S::cos),
            ("tan", S::tan),
            ("asin", S::asin),
            ("acos", S::acos),
            ("atan", S::atan),
            ("sinh", S::sinh),
            ("cosh", S::cosh),
            ("tanh", S::tanh),
            ("erf", S::erf),
            ("lgamma", S::lgamma),
            ("digamma", S::digamma),
            ("trigamma", |x| x.polygamma(1)),
            ("tetragamma", |x| x.polygamma(2)),
            ("abs", S::abs),
            ("floor", S::floor),
            ("powi 0", |x| x.powi(0)),
            ("powi -3", |x| x.powi(-3)),
            ("pow 0", |x| x.pow(&S::zero())),
            ("1 pow", |x| S::one().pow(x)),
            ("atan2", |x| x.atan2(&S::one())),
            ("atan2 of 1", |x| S::one().atan2(x)),
        ]
    }

    #[test]
    fn nan_propagates_through_everything() {
        for (name, f) in functions::<f64>() {
            assert!(f(&f64::NAN).is_nan(), "{name}");
        }
        for (name, f) in functions::<f32>() {
            assert!(f(&f32::NAN).is_nan(), "{name}");
        }
    }

    #[test]
    fn zeros_keep_their_sign_where_the_function_is_odd() {
        for (name, f) in functions::<f64>() {
            let odd = ["expm1", "ln_1p", "sqrt", "cbrt", "sin", "tan", "asin", "atan", "sinh", "tanh", "erf"];
            if odd.contains(&name) {
                assert_eq!(f(&-0.0).to_bits(), (-0.0f64).to_bits(), "{name}");
                assert_eq!(f(&0.0).to_bits(), 0, "{name}");
            }
        }
        assert_eq!(Scalar::recip(&-0.0), f64::NEG_INFINITY);
    }

    #[test]
    fn single_precision_rounds_double_precision() {
        for (name, f) in functions::<f32>() {
            let (_, g) = *functions::<f64>().iter().find(|(other, _)| *other == name).unwrap();
            for x in [0.37f32, 0.9, 0.05] {
                let (single, double) = (f64::from(f(&x)), g(&x.into()));
                assert!((single - double).abs() <= 2e-7 * double.abs(), "{name}({x}): {single} and {double}");
            }
        }
    }

    /// Bits fixed forever: a change here changes every golden file.
    #[test]
    fn bits_are_pinned() {
        let bits: Vec<String> = functions::<f64>()
            .iter()
            .filter(|(name, _)| ["exp", "ln", "sin", "tanh", "erf", "digamma"].contains(name))
            .map(|(name, f)| format!("{name} {:#x}", f(&0.7).to_bits()))
            .collect();
        assert_eq!(bits, PINNED);
    }

    const PINNED: [&str; 6] = [
        "exp 0x40001c2a61268987",
        "ln 0xbfd6d3c324e13f50",
        "sin 0x3fe49d6e694619b8",
        "tanh 0x3fe356fb17af2e90",
        "erf 0x3fe5b08c21171646",
        "digamma 0xbff385376af7b79f",
    ];

    #[test]
    fn powers_by_squaring() {
        assert_eq!(2.0f64.powi(10), Scalar::powi(&2.0f64, 10));
        assert_eq!(Scalar::powi(&2.0f64, -3), 0.125);
        assert_eq!(Scalar::powi(&-1.0f64, i32::MIN), 1.0);
        assert_eq!(Scalar::powi(&0.0f64, 0), 1.0);
        assert_eq!(Scalar::powi(&-0.0f64, -1), f64::NEG_INFINITY);
    }
}
