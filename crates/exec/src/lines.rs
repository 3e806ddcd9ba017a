//! Memory that begins at a cache line: vectors in it, which stand at multiples of their size, never lie in two lines.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest register.
const LINE: usize = 64;

/// Numbers from the beginning of a cache line on.
pub(super) struct Lines<T> {
    numbers: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Lines<T> {
    /// So many zeros.
    pub(super) fn new(len: usize) -> Lines<T> {
        if len == 0 {
            return Lines { numbers: Vec::new(), start: 0, len };
        }
        let spare = LINE / size_of::<T>();
        let numbers = vec![T::default(); len + spare];
        let start = numbers.as_ptr().align_offset(LINE).min(spare);
        Lines { numbers, start, len }
    }
}

impl<T> Deref for Lines<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.numbers[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Lines<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_a_line() {
        for len in [0, 1, 7, 8, 1000, 100_000] {
            let mut lines = Lines::<f64>::new(len);
            assert_eq!(lines.len(), len);
            assert!(len == 0 || (lines.as_ptr() as usize).is_multiple_of(LINE), "{len}");
            lines.fill(2.5);
            let single = Lines::<f32>::new(len);
            assert!(len == 0 || (single.as_ptr() as usize).is_multiple_of(LINE), "{len}");
        }
    }
}
