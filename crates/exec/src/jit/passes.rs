//! How a loop is run: what of it stays a loop, what is written out, and what is run in turn.

use crate::lane::program::{Buffer, Op, Reg, Stmt};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// A loop without loops inside is written out where that makes no more statements than this.
const UNROLLED: i64 = 64;

/// Lane loops with bodies from this many statements on are run two vectors at a time, statement by statement in turn,
/// where these are mostly chains: a processor that looks some 500 instructions ahead would see little more than one.
const LONG: usize = 128;

/// Such loops of this many vectors and less are run with all of them in turn: more of what waits is known at once, and
/// values that find no register cost less than waiting.
const TOGETHER: i64 = 5;

/// Statements for each one of the longest chain from which a body keeps a processor busy by itself: some three start in
/// a cycle, and each takes four.
const PARALLEL: usize = 8;

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
            _ if turns && blocks <= TOGETHER => blocks,
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

/// Whether two copies of a body are run in turn: it is long, mostly chains, and reads nothing that it writes.
pub(super) fn in_turn(body: &[Stmt]) -> bool {
    if body.len() < LONG {
        return false;
    }
    let mut depths: FxHashMap<Reg, usize> = FxHashMap::default();
    let (mut read, mut written): (FxHashSet<Buffer>, FxHashSet<Buffer>) = Default::default();
    let mut longest = 0;
    for stmt in body {
        match stmt {
            Stmt::Let(_, Op::Call(..) | Op::CallWhere(..)) | Stmt::Loop { .. } => return false,
            Stmt::Let(reg, op) => {
                let mut depth = 0;
                op.each_reg(&mut |r| depth = depth.max(depths.get(&r).copied().unwrap_or(0)));
                longest = longest.max(depth + 1);
                depths.insert(*reg, depth + 1);
                if let Op::Load(from) | Op::LoadInt(from) = op {
                    read.insert(from.buffer);
                }
            }
            Stmt::Store(to, _) => drop(written.insert(to.buffer)),
            Stmt::Index(..) | Stmt::Set(..) => {}
        }
    }
    body.len() < PARALLEL * longest && read.is_disjoint(&written)
}

#[cfg(test)]
mod tests {
    use super::{LONG, in_turn, passes};
    use crate::lane::program::{Address, Affine, Binary, Buffer, Op, Reg, Stmt};

    fn chain(length: usize) -> Vec<Stmt> {
        let next = |k: u32| Stmt::Let(Reg(k), Op::Binary(Binary::Mul, Reg(k - 1), Reg(k - 1)));
        let first = Stmt::Let(Reg(0), Op::Const(1.5));
        std::iter::once(first).chain((1..length as u32).map(next)).collect()
    }

    #[test]
    fn long_bodies_are_run_in_turn() {
        let of = |body: &[Stmt], to| {
            let passes = passes(4, (0, to), true, 0, body);
            passes.iter().map(|p| (p.base, p.trips, p.copies, p.lanes)).collect::<Vec<_>>()
        };
        // 14 = 3 vectors and the tail, all together; 1000 = 125 times two vectors.
        assert_eq!(of(&chain(LONG), 14), [(0, 1, 3, 4), (12, 1, 1, 2)]);
        assert_eq!(of(&chain(LONG), 27), [(0, 3, 2, 4), (24, 1, 1, 3)]);
        assert_eq!(of(&chain(LONG), 1000), [(0, 125, 2, 4)]);
        assert_eq!(of(&chain(LONG - 1), 14), [(0, 3, 1, 4), (12, 1, 1, 2)]);
    }

    #[test]
    fn wide_bodies_keep_their_order_and_those_that_read_what_they_write() {
        let mut body = chain(LONG);
        body.push(Stmt::Set(Reg(1000), Reg(1)));
        let at = |buffer| Address { buffer: Buffer(buffer), at: Affine::constant(0) };
        body.push(Stmt::Let(Reg(1001), Op::Load(at(0))));
        body.push(Stmt::Store(at(1), Reg(1001)));
        assert!(in_turn(&body));
        body.push(Stmt::Store(at(0), Reg(1001)));
        assert!(!in_turn(&body));
        // Every statement reads the first one: nothing waits.
        let next = |k: u32| Stmt::Let(Reg(k), Op::Binary(Binary::Mul, Reg(0), Reg(0)));
        let wide: Vec<Stmt> = chain(1).into_iter().chain((1..1000).map(next)).collect();
        assert!(!in_turn(&wide));
    }
}
