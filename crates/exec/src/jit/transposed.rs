//! Columns written by a lane loop, turned into rows.
//!
//! ```text
//! J[i,0] = a        four lanes of a, b, c, d are four rows of four numbers: eight shuffles and four stores of
//! J[i,1] = b        vectors in place of sixteen stores of numbers
//! J[i,2] = c
//! J[i,3] = d
//! ```
//!
//! Stores wait for their neighbours as in [`neighbours`](super::neighbours), under the same conditions, and no element may
//! be written by two of them.

use super::calls::is_kept_in_order;
use super::flat::{Access, Act, Changes, Flat, Inst, NONE, Shuffle};
use crate::lane::program::{Buffer, Precision};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Instructions over which a store waits.
const APART: usize = 160;

/// Rows and columns.
const SIDE: usize = 4;

/// A store of one column.
#[derive(Copy, Clone)]
struct Column {
    at: usize,
    access: u32,
    value: u32,
    offset: i64,
}

/// What is known of a buffer in a stretch: the pointer and the distance of rows of all of its stores, or that they differ.
type Written = Option<(u32, i64)>;

/// Turns columns into rows in each stretch that no mark of a loop and no call interrupts.
pub(super) fn transpose(flat: &mut Flat) {
    if flat.precision != Precision::F64 {
        return;
    }
    let mut instead = Changes::new();
    let mut start = 0;
    while start < flat.insts.len() {
        let length = flat.insts[start..].iter().take_while(|inst| !is_kept_in_order(inst)).count();
        if length > SIDE {
            stretch(flat, start, start + length, &mut instead);
        }
        start += length.max(1);
    }
    if !instead.is_empty() {
        flat.rewrite(Changes::new(), instead);
    }
}

fn stretch(flat: &mut Flat, start: usize, end: usize, instead: &mut Changes) {
    let mut buffers: FxHashMap<Buffer, Written> = FxHashMap::default();
    let mut columns: BTreeMap<Buffer, Vec<Column>> = BTreeMap::new();
    for (at, inst) in flat.insts.iter().enumerate().take(end).skip(start) {
        let Some(number) = inst.access() else { continue };
        let access = &flat.accesses[number as usize];
        let Some(buffer) = flat.streams[access.stream as usize].buffer else { continue };
        let of = (matches!(inst.act, Act::Store(_))
            && inst.lanes == flat.width()
            && access.indexed.is_empty()
            && access.lane >= SIDE as i64 * flat.bytes())
        .then_some((access.stream, access.lane));
        let known = buffers.entry(buffer).or_insert(of);
        if *known != of {
            *known = None;
        }
        columns.entry(buffer).or_default().push(Column {
            at,
            access: number,
            value: inst.args[0],
            offset: access.offset,
        });
    }
    for (buffer, mut columns) in columns {
        let Some((_, row)) = buffers[&buffer] else { continue };
        columns.sort_by_key(|column| (column.offset, column.at));
        if !are_apart(&columns, row) {
            continue;
        }
        let bytes = flat.bytes();
        for run in columns.chunk_by(|a, b| b.offset == a.offset + bytes) {
            run.chunks_exact(SIDE).for_each(|four| turn(flat, four, instead));
        }
    }
}

/// Whether no element is written by two of these stores.
fn are_apart(columns: &[Column], row: i64) -> bool {
    let mut places: FxHashMap<i64, i64> = FxHashMap::default();
    columns.iter().all(|column| {
        let before = places.insert(column.offset.rem_euclid(row), column.offset);
        before.is_none_or(|before| column.offset - before >= SIDE as i64 * row)
    })
}

/// Four columns as four rows, where the last of them is written.
fn turn(flat: &mut Flat, columns: &[Column], instead: &mut Changes) {
    let at = columns.iter().map(|column| column.at);
    let (first, last) = (at.clone().min().unwrap_or(0), at.max().unwrap_or(0));
    if last - first > APART {
        return;
    }
    let lanes = flat.width();
    let mut insts = Vec::with_capacity(3 * SIDE);
    let mut shuffle = |flat: &mut Flat, how: Shuffle, a: u32, b: u32| {
        let dst = flat.vector();
        insts.push(Inst { act: Act::Shuffle(how), dst, args: [a, b, NONE], lanes });
        dst
    };
    let [a, b, c, d] = [0, 1, 2, 3].map(|k: usize| columns[k].value);
    let even = [shuffle(flat, Shuffle::Even, a, b), shuffle(flat, Shuffle::Even, c, d)];
    let odd = [shuffle(flat, Shuffle::Odd, a, b), shuffle(flat, Shuffle::Odd, c, d)];
    let rows = [(Shuffle::Low, even), (Shuffle::Low, odd), (Shuffle::High, even), (Shuffle::High, odd)]
        .map(|(how, [low, high])| shuffle(flat, how, low, high));
    for (k, row) in rows.into_iter().enumerate() {
        let column = &flat.accesses[columns[0].access as usize];
        let offset = column.offset + k as i64 * column.lane;
        let access = Access { offset, lane: flat.bytes(), ..column.clone() };
        flat.accesses.push(access);
        let act = Act::Store(flat.accesses.len() as u32 - 1);
        insts.push(Inst { act, dst: NONE, args: [row, NONE, NONE], lanes });
    }
    for column in columns {
        flat.insts[column.at] = Inst::NOTHING;
    }
    instead.insert(last, insts);
}

#[cfg(test)]
mod tests {
    use super::super::flatten::flatten;
    use super::*;
    use crate::lane::program::{Address, Affine, Op, Program, Reg, Stmt, Var};

    fn stores(columns: i64, row: i64, read_back: bool) -> (usize, usize) {
        let at = |buffer: u16, offset: i64, stride: i64| {
            let mut at = Affine::constant(offset);
            at.step(Var(0), stride);
            Address { buffer: Buffer(buffer), at }
        };
        let mut body: Vec<Stmt> = Vec::new();
        for k in 0..columns {
            body.push(Stmt::Let(Reg(k as u32), Op::Load(at(1, k, 1))));
            body.push(Stmt::Store(at(0, k, row), Reg(k as u32)));
        }
        if read_back {
            body.push(Stmt::Let(Reg(90), Op::Load(at(0, 0, row))));
            body.push(Stmt::Store(at(2, 0, 1), Reg(90)));
        }
        let body = vec![Stmt::Loop { var: Var(0), from: 0, to: 4, lanes: true, body }];
        let mut flat = flatten(&Program { precision: Precision::F64, regs: 99, indices: 0, vars: 1, body });
        transpose(&mut flat);
        let bytes = flat.bytes();
        let is = |lane: i64| {
            let of =
                |inst: &&Inst| matches!(inst.act, Act::Store(a) if flat.accesses[a as usize].lane == lane);
            flat.insts.iter().filter(of).count()
        };
        (is(bytes), is(row * bytes))
    }

    #[test]
    fn four_columns_are_four_rows() {
        assert_eq!(stores(4, 6, false), (4, 0));
        assert_eq!(stores(6, 6, false), (4, 2));
        assert_eq!(stores(3, 6, false), (0, 3));
    }

    #[test]
    fn what_is_read_or_written_twice_keeps_its_order() {
        assert_eq!(stores(4, 6, true), (1, 4));
        // Five numbers in rows of four: the last one is the first of the next row.
        assert_eq!(stores(5, 4, false), (0, 5));
        assert_eq!(stores(4, 3, false), (0, 4));
    }
}
