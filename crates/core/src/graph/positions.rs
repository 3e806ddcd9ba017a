//! Positions by hash, for keys that stand in a table of their own.
//!
//! A slot is eight bytes: half of the key's hash and the position. One cache line answers nearly every question, a
//! key is only read when its half agrees, and growing reads no key at all. Slots are probed in order, and at least a
//! quarter of them is empty.

/// A slot that holds no position.
const EMPTY: u64 = u64::MAX;

/// A hash table of positions.
#[derive(Clone, Default)]
pub(super) struct Positions {
    slots: Vec<u64>,
    count: usize,
}

/// The half of a hash that a slot keeps; its low bits say where to look first.
fn half(hash: u64) -> u64 {
    (hash ^ (hash >> 32)) & 0xFFFF_FFFF
}

impl Positions {
    /// The position with this hash that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let half = half(hash);
        let mask = self.slots.len().wrapping_sub(1);
        let mut k = half as usize & mask;
        loop {
            let slot = *self.slots.get(k)?;
            if slot == EMPTY {
                return None;
            }
            if slot >> 32 == half && is_it(slot as u32) {
                return Some(slot as u32);
            }
            k = (k + 1) & mask;
        }
    }

    /// Adds a position below `u32::MAX` that `find` does not know.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, position: u32) {
        if 4 * self.count >= 3 * self.slots.len() {
            self.grow();
        }
        self.count += 1;
        place(&mut self.slots, half(hash) << 32 | u64::from(position));
    }

    #[cold]
    fn grow(&mut self) {
        let mut slots = vec![EMPTY; (2 * self.slots.len()).max(16)];
        self.slots.iter().filter(|slot| **slot != EMPTY).for_each(|&slot| place(&mut slots, slot));
        self.slots = slots;
    }
}

/// Puts a slot into the first empty place from where its hash points.
fn place(slots: &mut [u64], slot: u64) {
    let mask = slots.len() - 1;
    let mut k = (slot >> 32) as usize & mask;
    while slots[k] != EMPTY {
        k = (k + 1) & mask;
    }
    slots[k] = slot;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_are_told_apart_by_their_keys() {
        let keys: Vec<u64> = (0..1000).collect();
        let hash = |key: u64| key % 7;
        let mut positions = Positions::default();
        for (k, &key) in keys.iter().enumerate() {
            assert_eq!(positions.find(hash(key), |k| keys[k as usize] == key), None);
            positions.insert(hash(key), k as u32);
        }
        for (k, &key) in keys.iter().enumerate() {
            assert_eq!(positions.find(hash(key), |k| keys[k as usize] == key), Some(k as u32));
        }
        assert_eq!(positions.find(7, |_| true), None);
    }
}
