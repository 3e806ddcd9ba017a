//! Memory that products use on the way, kept from one call to the next.

use super::lanes::Real;

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
        let numbers = |slot: &Slot<T>| slot.a.0.capacity() + slot.b.0.capacity() + slot.shared.0.capacity();
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
    pub a: Panels<T>,
    pub b: Panels<T>,
    /// Rows of a factor that the elements of a batch share.
    pub shared: Panels<T>,
    pub rows: Vec<usize>,
    pub cols: Vec<usize>,
    pub terms: Vec<usize>,
}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot {
            a: Panels(Vec::new()),
            b: Panels(Vec::new()),
            shared: Panels(Vec::new()),
            rows: Vec::new(),
            cols: Vec::new(),
            terms: Vec::new(),
        }
    }
}

/// Numbers that begin at a cache line.
#[derive(Debug)]
pub(super) struct Panels<T>(Vec<T>);

impl<T> Default for Panels<T> {
    fn default() -> Panels<T> {
        Panels(Vec::new())
    }
}

impl<T: Real> Panels<T> {
    /// Room for `len` numbers; what they are is left over from before.
    pub(super) fn room(&mut self, len: usize) -> *mut T {
        /// Bytes of a cache line, and of the widest register.
        const LINE: usize = 64;
        let spare = LINE / T::BYTES;
        if self.0.len() < len + spare {
            self.0.resize(len + spare, T::ZERO);
        }
        let start = self.0.as_mut_ptr();
        start.wrapping_add((start as usize).wrapping_neg() % LINE / T::BYTES)
    }
}
