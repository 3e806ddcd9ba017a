//! Errors against true values, bits of the faces against each other, special values.
#![allow(clippy::approx_constant, reason = "numbers written beside their neighbours and remainders")]

mod accuracy;
mod faces;
mod reference;

use super::{Loop, kernel::PORTABLE, kernels};

/// Numbers of a fixed sequence.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let x = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58476d1ce4e5b9);
        x ^ (x >> 32)
    }
    /// In `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The results of a loop over up to three rows.
pub(crate) fn run<T: Copy + Default>(form: Loop<T>, rows: [&[T]; 3]) -> Vec<T> {
    let mut y = vec![T::default(); rows[0].len()];
    match form {
        Loop::One(f) => f(rows[0], &mut y),
        Loop::Two(f) => f(rows[0], rows[1], &mut y),
        Loop::Three(f) => f(rows[0], rows[1], rows[2], &mut y),
    }
    y
}

/// Ends of ranges, zeros, subnormals and neighbours of everything where a branch changes.
pub(crate) fn edges() -> Vec<f64> {
    let mut found = vec![
        0.0,
        f64::INFINITY,
        f64::NAN,
        5e-324,
        2.2e-308,
        f64::MIN_POSITIVE,
        f64::MAX,
        1e-45,
        1e-38,
        3.4e38,
    ];
    let turning: &[f64] = &[
        0.5,
        1.0,
        2.0,
        0.1,
        0.25,
        0.4142135623730951,
        2.414213562373095,
        0.7071067811865476,
        1.4142135623730951,
        22.0,
        709.0,
        709.782712893384,
        710.4758600739439,
        745.13,
        746.0,
        88.72,
        89.41,
        103.97,
        104.0,
        36.7,
        1.5,
        2.5,
        3.0,
        1.5707963267948966,
        3.141592653589793,
        0.7853981633974483,
        6.0,
        5.9,
        4.0,
        1048576.0,
        65536.0,
        1e22,
        1e300,
        7.0,
        9007199254740992.0,
        9007199254740993.0,
        1e-8,
        1e-17,
        1e-300,
        0.34657359027997264,
        1.0397207708399179,
    ];
    for &x in turning {
        found.extend([x, f64::from_bits(x.to_bits() - 1), f64::from_bits(x.to_bits() + 1)]);
        let single = x as f32;
        found.extend([single, single.next_down(), single.next_up()].map(f64::from));
    }
    found.iter().flat_map(|&x| [x, -x]).collect()
}

#[test]
fn every_map_of_the_core_has_a_kernel() {
    let maps = chainrule_core::ops::map::MAPS;
    assert_eq!(maps.len(), kernels().len());
    for map in maps {
        let kernel = kernels().iter().find(|k| k.name == map.name).unwrap_or_else(|| panic!("{}", map.name));
        let arity = match kernel.f64 {
            Loop::One(_) => 1,
            Loop::Two(_) => 2,
            Loop::Three(_) => 3,
        };
        assert_eq!(arity, map.arity(), "{}", map.name);
    }
    assert_eq!(PORTABLE.len(), kernels().len());
}
