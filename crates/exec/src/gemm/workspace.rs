//! Memory that products use on the way, kept from one call to the next.

use super::lanes::Real;
use crate::lines::Lines;

/// Packed panels and lists of active entries, one set for each thread.
///
/// Grows at the first call that needs more, and is reused afterwards: a second run of the same product allocates
/// nothing.
#[derive(Debug, Default)]
pub struct Workspace<T> {
    slots: Vec<Slot<T>>,
}

impl<T: Real> Workspace<T> {
    /// Empty.
    pub fn new() -> Workspace<T> {
        Workspace { slots: Vec::new() }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let lists = |slot: &Slot<T>| slot.rows.capacity() + slot.cols.capacity() + slot.terms.capacity();
        let numbers = |slot: &Slot<T>| slot.a.capacity() + slot.b.capacity() + slot.shared.capacity();
        self.slots.iter().map(|slot| numbers(slot) * T::BYTES + lists(slot) * size_of::<usize>()).sum()
    }

    pub(super) fn slots(&mut self, threads: usize) -> &mut [Slot<T>] {
        if self.slots.len() < threads {
            self.slots.resize_with(threads, Slot::default);
        }
        &mut self.slots[..threads]
    }
}

/// What one thread uses.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub a: Lines<T>,
    pub b: Lines<T>,
    /// Rows of a factor that the elements of a batch share.
    pub shared: Lines<T>,
    pub rows: Vec<usize>,
    pub cols: Vec<usize>,
    pub terms: Vec<usize>,
}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot {
            a: Lines::default(),
            b: Lines::default(),
            shared: Lines::default(),
            rows: Vec::new(),
            cols: Vec::new(),
            terms: Vec::new(),
        }
    }
}
