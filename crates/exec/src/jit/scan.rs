//! Linear scan: which of the things that are wanted at overlapping times get a register.
//!
//! Source: Poletto and Sarkar, TOPLAS 1999; who goes without is who is read least for the time it lives.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// From when to when something is wanted, both ends included.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Interval {
    pub start: u32,
    pub end: u32,
    /// Reads and writes, those in loops counted more.
    pub weight: f32,
    /// Never in a register.
    pub barred: bool,
    /// The interval whose register would save a copy.
    pub hint: Option<u32>,
}

impl Interval {
    /// Something that is not wanted yet.
    pub(super) fn empty() -> Interval {
        Interval { start: u32::MAX, end: 0, weight: 0.0, barred: false, hint: None }
    }

    /// Whether it is wanted at all.
    pub(super) fn is_live(&self) -> bool {
        self.start <= self.end
    }

    fn density(&self) -> f32 {
        self.weight / (self.end - self.start + 1) as f32
    }
}

/// Live intervals in the order in which they begin.
fn by_start(intervals: &[Interval]) -> Vec<u32> {
    let mut order: Vec<u32> =
        (0..intervals.len() as u32).filter(|k| intervals[*k as usize].is_live()).collect();
    order.sort_by_key(|k| (intervals[*k as usize].start, *k));
    order
}

/// A register out of `registers` (at most 32) for every interval that gets one.
pub(super) fn registers(intervals: &[Interval], registers: &[u8]) -> Vec<Option<u8>> {
    let mut given: Vec<Option<u8>> = vec![None; intervals.len()];
    let mut active: Vec<u32> = Vec::new();
    let mut free: u32 = registers.iter().fold(0, |free, r| free | 1 << r);
    for k in by_start(intervals) {
        let now = &intervals[k as usize];
        if now.barred {
            continue;
        }
        active.retain(|other| {
            let lives = intervals[*other as usize].end >= now.start;
            if let (false, Some(r)) = (lives, given[*other as usize]) {
                free |= 1 << r;
            }
            lives
        });
        let hinted = now.hint.and_then(|hint| given[hint as usize]).filter(|r| free & 1 << r != 0);
        let first = registers.iter().copied().find(|r| free & 1 << r != 0);
        if let Some(r) = hinted.or(first) {
            free &= !(1 << r);
            given[k as usize] = Some(r);
            active.push(k);
            continue;
        }
        let density = |k: &u32| intervals[*k as usize].density();
        let least = active.iter().enumerate().min_by(|a, b| density(a.1).total_cmp(&density(b.1)));
        if let Some((place, &loser)) = least.filter(|(_, loser)| density(loser) < density(&k)) {
            given[k as usize] = given[loser as usize].take();
            active[place] = k;
        }
    }
    given
}

/// Slots for the intervals that `wanted` picks: places counted from 0, and how many there are.
pub(super) fn slots(intervals: &[Interval], wanted: impl Fn(usize) -> bool) -> (Vec<Option<u32>>, u32) {
    let mut given = vec![None; intervals.len()];
    let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    let mut busy: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
    let mut count = 0;
    for k in by_start(intervals).into_iter().filter(|k| wanted(*k as usize)) {
        let now = &intervals[k as usize];
        while let Some(Reverse((end, slot))) =
            busy.peek().copied().filter(|Reverse((end, _))| *end < now.start)
        {
            busy.pop();
            debug_assert!(end < now.start);
            free.push(Reverse(slot));
        }
        let slot = free.pop().map_or_else(
            || {
                count += 1;
                count - 1
            },
            |Reverse(slot)| slot,
        );
        busy.push(Reverse((now.end, slot)));
        given[k as usize] = Some(slot);
    }
    (given, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(start: u32, end: u32, weight: f32) -> Interval {
        Interval { start, end, weight, ..Interval::empty() }
    }

    #[test]
    fn who_is_read_least_for_its_time_goes_without() {
        let wanted = [interval(0, 100, 2.0), interval(1, 9, 2.0), interval(2, 8, 2.0), interval(10, 20, 2.0)];
        assert_eq!(registers(&wanted, &[0, 1]), [None, Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn a_register_is_free_again_after_its_last_read() {
        let mut second = interval(5, 9, 1.0);
        second.hint = Some(1);
        let wanted = [interval(0, 9, 1.0), interval(1, 4, 1.0), second];
        assert_eq!(registers(&wanted, &[0, 1, 2]), [Some(0), Some(1), Some(1)]);
        assert_eq!(slots(&wanted, |_| true), (vec![Some(0), Some(1), Some(1)], 2));
    }
}
