//! What becomes of the sign of zero.
//!
//! The homework multiplies by dense identities and so prints `-0` where a structured evaluation has `0`.
//! Both are right; a report chooses. Source: homework, errata S8.

use crate::array::{Array, Entries};

/// The policy for the sign of zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zeros {
    /// Keep the sign, as the homework's printed results do.
    Homework,
    /// Zero has no sign: `-0` becomes `0`.
    #[default]
    Canonical,
}

impl Zeros {
    /// The array as this policy shows it.
    ///
    /// ```
    /// use chainrule_report::{array_string, Array, Zeros};
    /// let g = Array::real(&[2], vec![-0.0, -2.0]);
    /// assert_eq!(array_string(&Zeros::Homework.show(g.clone())), "(-0, -2)");
    /// assert_eq!(array_string(&Zeros::Canonical.show(g)), "(0, -2)");
    /// ```
    pub fn show(self, array: Array) -> Array {
        // x + 0 is x, except that -0 + 0 is 0.
        let unsigned = match (self, array.entries()) {
            (Zeros::Canonical, Entries::Real(v)) => Entries::Real(v.iter().map(|x| x + 0.0).collect()),
            (Zeros::Canonical, Entries::Single(v)) => Entries::Single(v.iter().map(|x| x + 0.0).collect()),
            _ => return array,
        };
        Array::new(array.shape(), unsigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sign_of_zero_changes() {
        let x = [-0.0, 0.0, -1.0, 5e-324, -5e-324, f64::NEG_INFINITY, f64::MAX];
        let shown = Zeros::Canonical.show(Array::real(&[7], x.to_vec()));
        let Entries::Real(v) = shown.entries() else { panic!("reals stay reals") };
        assert_eq!(v[0].to_bits(), 0.0_f64.to_bits());
        assert!(v[1..].iter().zip(&x[1..]).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn integers_pass_through() {
        let k = Array::int(&[2], vec![0, -1]);
        assert_eq!(Zeros::Canonical.show(k.clone()), k);
    }
}
