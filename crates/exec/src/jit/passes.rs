//! How a loop is run: what of it stays a loop, what is written out, and what is run in turn.

use crate::lane::program::{Op, Reg, Stmt};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

/// A loop without loops inside is written out where that makes no more statements than this.
const UNROLLED: i64 = 64;

/// Lane loops with bodies from this many statements on are run two vectors at a time, statement by statement in turn:
/// a processor that looks some 500 instructions ahead would see little more than the chain of one vector.
const LONG: usize = 128;

/// Values that may be alive at once in a body of which two are run in turn, as many as there are registers: what two
/// copies spill then costs less than waiting does.
const ALIVE: usize = 14;

/// One stretch of a loop: `copies` of the body, `trips` times over.
pub(super) struct Pass {
    pub base: i64,
    pub trips: i64,
    pub copies: i64,
    /// From one copy to the next.
    pub step: i64,
    pub lanes: u8,
}

/// How a loop is run: vectors in a loop that may hold several copies of the body, the vectors left, the tail.
///
/// A short body is repeated so that advancing pointers and counting cost little beside it.
pub(super) fn passes(
    width: u8,
    (from, to): (i64, i64),
    lanes: bool,
    outer: u8,
    body: &[Stmt],
) -> SmallVec<[Pass; 3]> {
    let step = if lanes { i64::from(width) } else { 1 };
    let (blocks, rest) = ((to - from) / step, (to - from) % step);
    let active = if lanes { width } else { outer };
    let innermost = !body.iter().any(|stmt| matches!(stmt, Stmt::Loop { .. }));
    let size = body.len() as i64;
    let turns = lanes && in_turn(body);
    let mut passes = SmallVec::new();
    let mut add = |base, trips, copies, lanes| {
        if trips > 0 && copies > 0 {
            passes.push(Pass { base, trips, copies, step, lanes });
        }
    };
    if blocks == 1 || innermost && blocks <= 4 && blocks * size <= UNROLLED {
        add(from, 1, blocks, active);
    } else {
        let copies = match size {
            _ if !innermost => 1,
            _ if turns && blocks >= 2 => 2,
            0..=4 if blocks >= 8 => 4,
            0..=8 if blocks >= 4 => 2,
            _ => 1,
        };
        let trips = blocks / copies;
        add(from, trips, copies, active);
        add(from + trips * copies * step, 1, blocks % copies, active);
    }
    if rest > 0 {
        add(from + blocks * step, 1, 1, rest as u8);
    }
    passes
}

/// Whether two copies of a body are run in turn: it is long, carries nothing from one vector to the next, and does not
/// keep more values than there are registers.
pub(super) fn in_turn(body: &[Stmt]) -> bool {
    if body.len() < LONG {
        return false;
    }
    let mut alive: FxHashSet<Reg> = FxHashSet::default();
    let mut own: FxHashSet<Reg> = FxHashSet::default();
    for stmt in body {
        match stmt {
            Stmt::Let(_, Op::Call(..) | Op::CallWhere(..)) | Stmt::Set(..) | Stmt::Loop { .. } => {
                return false;
            }
            Stmt::Let(reg, _) => drop(own.insert(*reg)),
            Stmt::Index(..) | Stmt::Store(..) => {}
        }
    }
    body.iter().rev().all(|stmt| {
        match stmt {
            Stmt::Let(reg, op) => {
                alive.remove(reg);
                op.each_reg(&mut |r| {
                    if own.contains(&r) {
                        alive.insert(r);
                    }
                });
            }
            Stmt::Store(_, reg) => drop(own.contains(reg) && alive.insert(*reg)),
            _ => {}
        }
        alive.len() <= ALIVE
    })
}

#[cfg(test)]
mod tests {
    use super::{LONG, in_turn, passes};
    use crate::lane::program::{Binary, Op, Reg, Stmt};

    fn chain(length: usize) -> Vec<Stmt> {
        let next = |k: u32| Stmt::Let(Reg(k), Op::Binary(Binary::Mul, Reg(k - 1), Reg(k - 1)));
        let first = Stmt::Let(Reg(0), Op::Const(1.5));
        std::iter::once(first).chain((1..length as u32).map(next)).collect()
    }

    #[test]
    fn long_bodies_are_run_two_at_a_time() {
        let of = |body: &[Stmt], to| {
            let passes = passes(4, (0, to), true, 0, body);
            passes.iter().map(|p| (p.base, p.trips, p.copies, p.lanes)).collect::<Vec<_>>()
        };
        // 14 = 2 vectors together, then one with the tail; 1000 = 125 times two vectors.
        assert_eq!(of(&chain(LONG), 14), [(0, 1, 2, 4), (8, 1, 1, 4), (12, 1, 1, 2)]);
        assert_eq!(of(&chain(LONG), 1000), [(0, 125, 2, 4)]);
        assert_eq!(of(&chain(LONG - 1), 14), [(0, 3, 1, 4), (12, 1, 1, 2)]);
    }

    #[test]
    fn sums_and_crowded_bodies_keep_their_order() {
        assert!(in_turn(&chain(LONG)));
        let mut sum = chain(LONG);
        sum.push(Stmt::Set(Reg(0), Reg(1)));
        assert!(!in_turn(&sum));
        // Every value of the chain is read again at the end.
        let mut crowded = chain(LONG);
        let again = |k| Stmt::Let(Reg(LONG as u32 + k), Op::Binary(Binary::Add, Reg(k), Reg(k + 1)));
        crowded.extend((0..20).map(again));
        assert!(!in_turn(&crowded));
    }
}
