//! Memory that begins at a cache line: vectors in it, which stand at multiples of their size, never lie in two lines.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest register.
const LINE: usize = 64;

/// Numbers from the beginning of a cache line on.
#[derive(Debug)]
pub(crate) struct Lines<T> {
    numbers: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Lines<T> {
    /// So many zeros.
    pub(crate) fn new(len: usize) -> Lines<T> {
        if len == 0 {
            return Lines::default();
        }
        let spare = LINE / size_of::<T>();
        let numbers = vec![T::default(); len + spare];
        let start = numbers.as_ptr().align_offset(LINE).min(spare);
        Lines { numbers, start, len }
    }

    /// Room for so many numbers; what they are is left over from before, where there was room.
    pub(crate) fn room(&mut self, len: usize) -> *mut T {
        if self.len < len {
            *self = Lines::new(len);
        }
        self.as_mut_ptr()
    }
}

impl<T> Lines<T> {
    /// Numbers that there is memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.numbers.capacity()
    }
}

impl<T> Default for Lines<T> {
    fn default() -> Lines<T> {
        Lines { numbers: Vec::new(), start: 0, len: 0 }
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
