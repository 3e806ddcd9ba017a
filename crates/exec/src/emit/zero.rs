//! Entries that are zero by the structure of an array, and entries that nobody reads.

use super::{Emitter, Position};
use crate::array::support::Half;
use crate::array::{ArrayId, At, Atom, Body, Read};

impl Emitter<'_> {
    /// Whether an operand is zero where it is read.
    pub(super) fn vanishes(&self, read: &Read, positions: &[Position]) -> bool {
        let halves = &self.supports[read.array.index()];
        halves.iter().any(|half| self.fails(half, |axis| self.reach(&read.at[axis], positions)))
    }

    /// Whether an operand stands for no term where it is read.
    pub(super) fn stands_for_none(&self, read: &Read, positions: &[Position]) -> bool {
        self.arrays.has_absent(read.array) && self.vanishes(read, positions)
    }

    /// Whether nobody reads an entry of an array.
    pub(super) fn unread(&self, id: ArrayId, written: &[(usize, i64)]) -> bool {
        let halves = &self.demands[id.index()];
        if halves.is_empty() {
            return false;
        }
        let positions = self.positions(id, written);
        halves.iter().any(|half| self.fails(half, |axis| self.stretch(positions[axis])))
    }

    /// Whether a factor of a term is zero.
    pub(super) fn is_zero(&self, id: ArrayId, positions: &[Position]) -> bool {
        let Body::Product(factors) = &self.nest(id).body else { return false };
        factors.iter().any(|f| !f.divides && self.vanishes(&f.read, positions))
    }

    /// Positions of summed labels in the order in which their terms are added. Terms with a factor that is zero come
    /// first, those last that other rows of a triangle do not have: what they come to is computed once for all rows.
    pub(super) fn zeros_first(
        &self,
        id: ArrayId,
        written: &[(usize, i64)],
        bound: &[Vec<(usize, i64)>],
    ) -> Vec<usize> {
        let mut order: Vec<usize> = (0..bound.len()).collect();
        let Body::Product(factors) = &self.nest(id).body else { return order };
        if factors.iter().all(|f| self.supports[f.read.array.index()].is_empty()) {
            return order;
        }
        let zero: Vec<bool> = bound
            .iter()
            .map(|extra| self.is_zero(id, &self.positions(id, &[written, &extra[..]].concat())))
            .collect();
        let backward = zero.last() == Some(&true);
        order.sort_by_key(|&k| match (zero[k], backward) {
            (true, true) => (false, bound.len() - k),
            (true, false) => (false, k),
            (false, _) => (true, k),
        });
        order
    }

    /// Whether a half-space is left, wherever the loops stand.
    fn fails(&self, half: &Half, reach: impl Fn(usize) -> Option<(i64, i64)>) -> bool {
        let mut most = 0i64;
        for (axis, &slope) in half.slopes.iter().enumerate().filter(|(_, slope)| **slope != 0) {
            let Some((low, high)) = reach(axis) else { return false };
            most = most.saturating_add(slope.saturating_mul(if slope > 0 { high } else { low }));
        }
        most < half.least
    }

    /// Least and greatest value of an index of labels.
    fn reach(&self, at: &At, positions: &[Position]) -> Option<(i64, i64)> {
        let (mut low, mut high) = (at.base, at.base);
        for (atom, slope) in &at.parts {
            let Atom::Label(l) = atom else { return None };
            let (first, last) = self.stretch(positions[*l])?;
            let (a, b) = (slope.saturating_mul(first), slope.saturating_mul(last));
            low = low.saturating_add(a.min(b));
            high = high.saturating_add(a.max(b));
        }
        Some((low, high))
    }

    /// The positions at which a label stands.
    fn stretch(&self, position: Position) -> Option<(i64, i64)> {
        match position {
            Position::At(k) => Some((k, k)),
            Position::Loop(depth) => {
                let (from, to) = self.builder.ranges[depth];
                Some((from, (to - 1).max(from)))
            }
            Position::Elsewhere(_) => None,
        }
    }
}
