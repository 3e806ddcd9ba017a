//! Numbers stored beside each other become stores of vectors, outside lane loops.
//!
//! ```text
//! g[0] = s·x[0]                    every value is in all lanes, so a vector of four values is a blend of them,
//! g[1] = s·x[1]        ->          and four operations of one kind are one on the blends:
//! g[2] = s·x[2]                    g[0..4] = s · x[0..4]
//! g[3] = s·x[3]
//! ```
//!
//! A store waits for its neighbours. That moves it behind reads of other buffers, which is no harm even where buffers
//! are the same memory, since nothing is read through another buffer once it was written; buffers that are read where
//! they are written keep their order. Lanes compute what the numbers would have been, to the bit.
//!
//! Source: Larsen and Amarasinghe, PLDI 2000, from stores downwards.

use super::calls::{is_straight, mixed};
use super::flat::{Access, Act, Changes, Flat, Inst, NONE};
use crate::lane::program::Buffer;
use rustc_hash::{FxHashMap, FxHashSet};

/// Instructions over which a store waits: what is stored together is all in registers at once.
const APART: usize = 96;

/// Operations above each other that are looked through.
const DEPTH: u32 = 6;

/// A store of one number.
#[derive(Copy, Clone)]
struct Number {
    at: usize,
    access: u32,
    value: u32,
}

/// How a vector of values comes to be.
enum Vector {
    /// A value that every lane has.
    Same(u32),
    /// Constants.
    Constant(Vec<u32>),
    /// Loads of neighbours, and whether nobody else reads them.
    Load(Vec<u32>, bool),
    /// One operation on vectors instead of these.
    Operation(Vec<u32>, Vec<Vector>),
    /// Lanes of a first value, or of constants, exchanged for others.
    Blend(Vec<u32>),
}

/// Combines stores of neighbours in each stretch that no mark of a loop and no call interrupts.
pub(super) fn combine(flat: &mut Flat) {
    let mut uses = vec![0u32; flat.values.len()];
    for inst in &flat.insts {
        inst.reads().for_each(|v| uses[v as usize] += 1);
    }
    let mixed = mixed(flat, &flat.insts);
    let stays = |inst: &Inst| is_straight(inst) && !matches!(inst.act, Act::Call(_) | Act::CallWhere(_));
    let mut start = 0;
    let (mut before, mut instead) = (Changes::new(), Changes::new());
    while start < flat.insts.len() {
        let length = flat.insts[start..].iter().take_while(|inst| stays(inst)).count();
        if length > 1 {
            let mut stretch = Stretch::new(flat, &uses, &mixed, start, start + length);
            stretch.combine();
            before.append(&mut stretch.before);
            instead.append(&mut stretch.instead);
        }
        start += length.max(1);
    }
    if !instead.is_empty() {
        flat.rewrite(before, instead);
    }
}

struct Stretch<'f> {
    flat: &'f mut Flat,
    uses: &'f [u32],
    mixed: &'f [bool],
    /// Where each value of the stretch is computed.
    made: FxHashMap<u32, usize>,
    stores: Vec<Number>,
    /// Buffers that are written.
    written: FxHashSet<Buffer>,
    /// What is added before an instruction: loads stay where they were.
    before: Changes,
    /// What takes the place of an instruction.
    instead: Changes,
}

impl<'f> Stretch<'f> {
    fn new(flat: &'f mut Flat, uses: &'f [u32], mixed: &'f [bool], start: usize, end: usize) -> Stretch<'f> {
        let mut made = FxHashMap::default();
        let (mut stores, mut read) = (Vec::new(), FxHashSet::default());
        // Buffers with the pointer they are written at, where that is one.
        let mut written: FxHashMap<Buffer, Option<u32>> = FxHashMap::default();
        for at in start..end {
            let inst = flat.insts[at];
            if inst.dst != NONE {
                made.insert(inst.dst, at);
            }
            let Some(number) = inst.access() else { continue };
            let access = &flat.accesses[number as usize];
            let Some(buffer) = flat.streams[access.stream as usize].buffer else { continue };
            let Act::Store(_) = inst.act else {
                read.insert(buffer);
                continue;
            };
            let pointer = written.entry(buffer).or_insert(Some(access.stream));
            if *pointer != Some(access.stream) || !access.indexed.is_empty() {
                *pointer = None;
            }
            stores.push(Number { at, access: number, value: inst.args[0] });
        }
        let buffer = |access: u32| flat.streams[flat.accesses[access as usize].stream as usize].buffer;
        stores.retain(|store| {
            buffer(store.access).is_some_and(|b| !read.contains(&b) && written[&b].is_some())
        });
        let written = written.into_keys().collect();
        Stretch { flat, uses, mixed, made, stores, written, before: Changes::new(), instead: Changes::new() }
    }

    fn place(&self, access: u32) -> (u32, i64) {
        let access = &self.flat.accesses[access as usize];
        (access.stream, access.offset)
    }

    fn combine(&mut self) {
        let mut stores = std::mem::take(&mut self.stores);
        stores.sort_by_key(|store| (self.place(store.access), store.at));
        let bytes = self.flat.bytes();
        // An element that is written twice ends a run on both sides.
        let follows = |a: &Number, b: &Number| {
            let ((stream, offset), next) = (self.place(a.access), self.place(b.access));
            next == (stream, offset + bytes)
        };
        let runs: Vec<Vec<Number>> = stores.chunk_by(follows).map(<[Number]>::to_vec).collect();
        let twice: FxHashSet<(u32, i64)> = stores
            .windows(2)
            .filter(|pair| self.place(pair[0].access) == self.place(pair[1].access))
            .map(|pair| self.place(pair[0].access))
            .collect();
        for run in runs.iter().filter(|run| run.len() > 1) {
            if run.iter().any(|store| twice.contains(&self.place(store.access))) {
                continue;
            }
            let mut rest = &run[..];
            while rest.len() > 1 {
                let mut width = usize::from(self.flat.width());
                let taken = loop {
                    if width < 2 {
                        break 1;
                    }
                    if rest.len() >= width && self.store(&rest[..width]) {
                        break width;
                    }
                    width /= 2;
                };
                rest = &rest[taken..];
            }
        }
    }

    /// Stores some neighbours as a vector, if that is less work.
    fn store(&mut self, numbers: &[Number]) -> bool {
        let at = numbers.iter().map(|n| n.at);
        let (first, last) = (at.clone().min().unwrap_or(0), at.max().unwrap_or(0));
        let values: Vec<u32> = numbers.iter().map(|n| n.value).collect();
        if last - first > APART || values.iter().any(|v| self.mixed[*v as usize]) {
            return false;
        }
        let (vector, saved) = self.vector(&values, 0);
        if saved + numbers.len() as i32 - 1 <= 0 {
            return false;
        }
        let mut insts = Vec::new();
        let value = self.write(&vector, &mut insts);
        let full = numbers.len() == usize::from(self.flat.width());
        let access = match full {
            true => numbers[0].access,
            false => self.beside(numbers[0].access),
        };
        let lanes = if full { 0 } else { numbers.len() as u8 };
        let act = if full { Act::StoreVector(access) } else { Act::Store(access) };
        insts.push(Inst { act, dst: NONE, args: [value, NONE, NONE], lanes });
        numbers.iter().for_each(|n| self.flat.insts[n.at] = Inst::NOTHING);
        self.instead.insert(last, insts);
        true
    }

    /// The access of a number as one of neighbours.
    fn beside(&mut self, access: u32) -> u32 {
        let access = Access { lane: self.flat.bytes(), ..self.flat.accesses[access as usize].clone() };
        self.flat.accesses.push(access);
        self.flat.accesses.len() as u32 - 1
    }

    /// How a vector of values is best made, and how many instructions that saves.
    fn vector(&self, values: &[u32], depth: u32) -> (Vector, i32) {
        let constant = |v: &u32| self.flat.values[*v as usize].constant;
        if values.iter().all(|v| v == &values[0]) {
            return (Vector::Same(values[0]), 0);
        }
        if values.iter().all(|v| constant(v).is_some()) {
            return (Vector::Constant(values.to_vec()), 0);
        }
        let mut distinct: Vec<u32> = values.iter().copied().filter(|v| constant(v).is_none()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let constants = values.iter().any(|v| constant(v).is_some());
        // Constants are one vector of the pool; else the first value is where the others are put.
        let blend = 1 - distinct.len() as i32 - i32::from(constants);
        let (others, saved) = match self.together(values, depth) {
            Some(found) => found,
            None => return (Vector::Blend(values.to_vec()), blend),
        };
        if saved > blend { (others, saved) } else { (Vector::Blend(values.to_vec()), blend) }
    }

    /// Loads of neighbours, or operations of one kind that nobody else reads the results of.
    fn together(&self, values: &[u32], depth: u32) -> Option<(Vector, i32)> {
        let alone = |v: &u32| {
            let value = &self.flat.values[*v as usize];
            self.uses[*v as usize] == 1 && !value.mutable && !value.index && !self.mixed[*v as usize]
        };
        let mut insts = Vec::with_capacity(values.len());
        for v in values {
            insts.push(self.flat.insts[*self.made.get(v)?]);
        }
        let all_alone = values.iter().all(alone);
        let saved = values.len() as i32 - 1;
        if let Act::Load(first) = insts[0].act {
            let (stream, offset) = self.place(first);
            let buffer = self.flat.streams[stream as usize].buffer?;
            let next = insts.iter().enumerate().all(|(k, inst)| match inst.act {
                Act::Load(a) => {
                    self.place(a) == (stream, offset + k as i64 * self.flat.bytes())
                        && self.flat.accesses[a as usize].indexed.is_empty()
                        && inst.lanes == 0
                }
                _ => false,
            });
            let whole = values.len() == usize::from(self.flat.width());
            return (next && whole && !self.written.contains(&buffer))
                .then(|| (Vector::Load(values.to_vec(), all_alone), if all_alone { saved } else { -1 }));
        }
        let plain = matches!(
            insts[0].act,
            Act::Unary(_) | Act::Binary(_) | Act::MulAdd | Act::NegMulAdd | Act::Compare(_) | Act::Select
        );
        let alike = insts.iter().all(|inst| inst.act == insts[0].act && inst.lanes == 0);
        if !all_alone || !plain || !alike || depth == DEPTH {
            return None;
        }
        let mut total = saved;
        let mut args = Vec::new();
        for place in (0..3).filter(|&place| insts[0].args[place] != NONE) {
            let read: Vec<u32> = insts.iter().map(|inst| inst.args[place]).collect();
            if read.iter().any(|v| self.mixed[*v as usize]) {
                return None;
            }
            let (vector, saved) = self.vector(&read, depth + 1);
            total += saved;
            args.push(vector);
        }
        Some((Vector::Operation(values.to_vec(), args), total))
    }

    /// Writes the instructions of a vector, whose depth is limited; answers its value.
    fn write(&mut self, vector: &Vector, insts: &mut Vec<Inst>) -> u32 {
        match vector {
            Vector::Same(value) => *value,
            Vector::Constant(values) => self.constants(values),
            Vector::Load(values, alone) => {
                let places: Vec<usize> = values.iter().map(|v| self.made[v]).collect();
                let Act::Load(first) = self.flat.insts[places[0]].act else {
                    unreachable!("invariant: loads were found here")
                };
                let access = self.beside(first);
                let dst = self.flat.vector();
                let at = places.iter().copied().min().unwrap_or(0);
                let load = Inst { act: Act::Load(access), dst, args: [NONE; 3], lanes: self.flat.width() };
                self.before.entry(at).or_default().push(load);
                if *alone {
                    places.into_iter().for_each(|at| self.flat.insts[at] = Inst::NOTHING);
                }
                dst
            }
            Vector::Operation(values, operands) => {
                let act = self.flat.insts[self.made[&values[0]]].act;
                let mut args = [NONE; 3];
                for (arg, operand) in args.iter_mut().zip(operands) {
                    *arg = self.write(operand, insts);
                }
                values.iter().for_each(|v| self.flat.insts[self.made[v]] = Inst::NOTHING);
                let dst = self.flat.vector();
                insts.push(Inst { act, dst, args, lanes: 0 });
                dst
            }
            Vector::Blend(values) => {
                let varies = |v: &&u32| self.flat.values[**v as usize].constant.is_none();
                let mut rest: Vec<u32> = values.iter().filter(varies).copied().collect();
                let mut blended = if rest.len() < values.len() { self.constants(values) } else { rest[0] };
                rest.retain(|v| *v != blended);
                while let Some(&value) = rest.first() {
                    rest.retain(|v| *v != value);
                    let lanes = values.iter().enumerate().filter(|(_, v)| **v == value);
                    let mask = lanes.fold(0u8, |mask, (k, _)| mask | 1 << k);
                    let dst = self.flat.vector();
                    insts.push(Inst { act: Act::Merge(mask), dst, args: [blended, value, NONE], lanes: 0 });
                    blended = dst;
                }
                blended
            }
        }
    }

    /// The vector of the pool whose lanes are these constants, and 0 where a value is none.
    fn constants(&mut self, values: &[u32]) -> u32 {
        let bits = |v: &u32| {
            let place = self.flat.values[*v as usize].constant;
            place.map_or(0, |place| self.flat.pool.vectors[place as usize][0])
        };
        let numbers: Vec<u64> = values.iter().map(bits).collect();
        let at = |lane: u32| numbers.get(lane as usize).copied().unwrap_or(0);
        let place = self.flat.pool.lanes(self.flat.precision, at);
        let value = self.flat.vector();
        self.flat.values[value as usize].constant = Some(place);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::super::flatten::flatten;
    use super::*;
    use crate::lane::program::{Address, Affine, Binary, Op, Precision, Program, Reg, Stmt};

    fn at(buffer: u16, element: i64) -> Address {
        Address { buffer: Buffer(buffer), at: Affine::constant(element) }
    }

    fn acts(body: Vec<Stmt>) -> Vec<(Act, u8)> {
        let mut flat = flatten(&Program { precision: Precision::F64, regs: 99, indices: 0, vars: 0, body });
        combine(&mut flat);
        flat.insts.iter().map(|inst| (inst.act, inst.lanes)).collect()
    }

    /// `y[k] = s · x[k]` for some `k`.
    fn scaled(count: u32) -> Vec<Stmt> {
        let mut body = vec![Stmt::Let(Reg(0), Op::Load(at(2, 0)))];
        for k in 0..count {
            body.push(Stmt::Let(Reg(2 * k + 1), Op::Load(at(1, i64::from(k)))));
            body.push(Stmt::Let(Reg(2 * k + 2), Op::Binary(Binary::Mul, Reg(0), Reg(2 * k + 1))));
            body.push(Stmt::Store(at(0, i64::from(k)), Reg(2 * k + 2)));
        }
        body
    }

    #[test]
    fn four_of_one_kind_are_one() {
        let found = acts(scaled(4));
        let kinds = |(act, lanes): &(Act, u8)| {
            matches!(
                (act, lanes),
                (Act::Load(_), 0 | 4) | (Act::Binary(Binary::Mul), 0) | (Act::StoreVector(_), 0)
            )
        };
        assert_eq!((found.len(), found.iter().filter(|a| kinds(a)).count()), (4, 4), "{found:?}");
        // Two are a blend of their loads, one operation, and half a store.
        let found = acts(scaled(2));
        assert!(matches!(found[found.len() - 1], (Act::Store(_), 2)), "{found:?}");
    }

    #[test]
    fn what_is_read_where_it_is_written_keeps_its_order() {
        let mut body = scaled(4);
        body.insert(1, Stmt::Let(Reg(90), Op::Load(at(0, 3))));
        body.push(Stmt::Store(at(3, 0), Reg(90)));
        let stores = acts(body).iter().filter(|(act, _)| matches!(act, Act::Store(_))).count();
        assert_eq!(stores, 5);
    }

    #[test]
    fn an_element_that_is_written_twice_keeps_its_order() {
        let mut body = scaled(4);
        body.push(Stmt::Store(at(0, 2), Reg(0)));
        assert_eq!(acts(body).iter().filter(|(act, _)| matches!(act, Act::Store(_))).count(), 5);
    }
}
