//! A small deterministic generator (xorshift64*), for points at which formulas are tried: the same in every run.
//!
//! Source: Vigna, An experimental exploration of Marsaglia's xorshift generators, scrambled, 2016.

/// The generator.
///
/// ```
/// use chainrule_core::dice::Dice;
/// let (mut a, mut b) = (Dice::new(7), Dice::new(7));
/// assert_eq!(a.below(100), b.below(100));
/// assert!((0.5..1.5).contains(&a.between(0.5, 1.5)));
/// ```
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The generator of a seed; near seeds give unlike streams.
    pub fn new(seed: u64) -> Dice {
        Dice::with_state(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The generator that begins in a state; 0, which it would never leave, is taken for 1.
    pub fn with_state(state: u64) -> Dice {
        Dice(state.max(1))
    }

    /// 53 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// A number in `0 .. n`; 0 where that is empty.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.bits() >> 22) % n.max(1) as u64) as usize
    }

    /// A number from `low` up to, and without, `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() as f64 / (1u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_comes_up_about_as_often() {
        for seed in [0, 1, 2, u64::MAX] {
            let mut dice = Dice::new(seed);
            let mut counts = [0; 6];
            (0..6000).for_each(|_| counts[dice.below(6)] += 1);
            assert!(counts.iter().all(|&n| (850..1150).contains(&n)), "{seed}: {counts:?}");
        }
        assert_eq!(Dice::new(3).below(0), 0);
        assert_ne!(Dice::with_state(0).bits(), 0);
    }
}
