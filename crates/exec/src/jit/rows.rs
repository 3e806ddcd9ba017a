//! Pointers to rows: what several reads have in common is computed once.
//!
//! `cameras[c[i], 0]`, `cameras[c[i], 1]`, … are read at `c[i] · 88` bytes and some more. Where a row is read more than
//! once, its address is an index of its own, so that each read is a load of the address and one of the number, without
//! a multiplication for every lane.

use super::flat::{Access, Act, Derived, Flat, Inst, NONE, Stream, Value};
use crate::lane::program::Buffer;
use rustc_hash::FxHashSet;
use smallvec::{SmallVec, smallvec};
use std::collections::BTreeMap;

/// An index, its scale, and the pointer that it is added to.
type Row = (u32, i64, u32);

/// Gives rows that are read more than once an address.
pub(super) fn point(flat: &mut Flat) {
    let buffer = |access: u32| flat.streams[flat.accesses[access as usize].stream as usize].buffer;
    let stores = flat.insts.iter().filter(|inst| matches!(inst.act, Act::Store(_) | Act::StoreVector(_)));
    let written: FxHashSet<Buffer> = stores.filter_map(|inst| inst.access().and_then(buffer)).collect();
    let mut rows: BTreeMap<Row, Vec<u32>> = BTreeMap::new();
    for inst in &flat.insts {
        let (Act::Load(number) | Act::LoadInt(number) | Act::Index(Derived::Load, number)) = inst.act else {
            continue;
        };
        let access = &flat.accesses[number as usize];
        let stream = &flat.streams[access.stream as usize];
        // What is written keeps its buffer, which tells reads and writes of the same memory apart.
        let read_only = stream.buffer.is_some_and(|b| !written.contains(&b));
        if let ([(index, scale)], true, true) = (&access.indexed[..], read_only, stream.steps.is_empty()) {
            rows.entry((*index, *scale, access.stream)).or_default().push(number);
        }
    }
    rows.retain(|_, reads| reads.len() > 1);
    if rows.is_empty() {
        return;
    }
    let nowhere = Stream { buffer: None, steps: SmallVec::new() };
    let zero = flat.streams.iter().position(|s| *s == nowhere).unwrap_or_else(|| {
        flat.streams.push(nowhere);
        flat.parents.push(flat.streams.len() as u32 - 1);
        flat.streams.len() - 1
    }) as u32;
    for inst in std::mem::take(&mut flat.insts) {
        flat.insts.push(inst);
        if !matches!(inst.act, Act::Index(..)) {
            continue;
        }
        for (&(index, scale, stream), reads) in
            rows.range((inst.dst, i64::MIN, 0)..=(inst.dst, i64::MAX, NONE))
        {
            let from = Access {
                stream,
                offset: 0,
                lane: 0,
                indexed: smallvec![(index, scale)],
                range: (i64::MIN, i64::MAX),
            };
            flat.accesses.push(from);
            let act = Act::Index(Derived::Pointer, flat.accesses.len() as u32 - 1);
            let row = flat.value(Value { ..flat.values[index as usize] });
            flat.insts.push(Inst { act, dst: row, args: [NONE; 3], lanes: inst.lanes });
            for &read in reads {
                let access = &mut flat.accesses[read as usize];
                access.stream = zero;
                access.indexed = smallvec![(row, 1)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::flatten::flatten;
    use super::*;
    use crate::lane::program::{Address, Affine, Index, IndexOp, Op, Precision, Program, Reg, Stmt};

    /// How many rows get an address where two numbers of a row are read.
    fn pointers(written: u16) -> usize {
        let at = |buffer: u16, offset: i64| {
            let mut at = Affine::constant(offset);
            at.at(Index(0), 11);
            Address { buffer: Buffer(buffer), at }
        };
        let labels = Address { buffer: Buffer(1), at: Affine::constant(0) };
        let body = vec![
            Stmt::Index(Index(0), IndexOp::Load(labels)),
            Stmt::Let(Reg(0), Op::Load(at(0, 0))),
            Stmt::Let(Reg(1), Op::Load(at(0, 1))),
            // Another row, read once.
            Stmt::Let(Reg(2), Op::Load(at(3, 1))),
            Stmt::Let(Reg(3), Op::MulAdd(Reg(0), Reg(1), Reg(2))),
            Stmt::Store(Address { buffer: Buffer(written), at: Affine::constant(0) }, Reg(3)),
        ];
        let mut flat = flatten(&Program { precision: Precision::F64, regs: 4, indices: 1, vars: 0, body });
        point(&mut flat);
        flat.insts.iter().filter(|inst| matches!(inst.act, Act::Index(Derived::Pointer, _))).count()
    }

    #[test]
    fn a_row_that_is_read_twice_has_an_address() {
        assert_eq!(pointers(2), 1);
        // Where it is written too, reads keep their buffer.
        assert_eq!(pointers(0), 0);
    }
}
