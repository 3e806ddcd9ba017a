//! Pointers and integers in general registers: how an access becomes a base and bytes above it.
#![allow(clippy::useless_conversion)] // The assembler converts the numbers of registers, bytes that they are.

use super::encode::Operand;
use super::flat::{Act, Derived, Inst};
use super::live::{Loc, Place};
use super::write::{SCRATCH, Writer};
use crate::lane::program::{Binary, Test};
use dynasmrt::{DynasmApi, dynasm};

/// rax, where addresses are put together.
const RAX: u8 = 0;
const RSP: u8 = 4;

/// Below this a displacement leaves room for the lanes of a vector.
const NEAR: i64 = (1 << 31) - 256;

impl Writer<'_> {
    /// A place in the frame.
    pub(super) fn slot(offset: i32) -> (u8, i32) {
        (RSP, offset)
    }

    /// Where a lane of an access is in memory: a base and bytes above it. Changes rax and rcx.
    pub(super) fn locate(&mut self, access: u32, lane: u8) -> (u8, i32) {
        let flat = self.flat;
        let access = &flat.accesses[access as usize];
        let offset = access.offset.wrapping_add(i64::from(lane).wrapping_mul(access.lane));
        let place = self.layout.streams[access.stream as usize];
        let mut base = RAX;
        if access.indexed.is_empty() {
            match place {
                Place::Reg(r) => base = r,
                _ => self.pointer_to_rax(place),
            }
        } else {
            for (k, &(index, scale)) in access.indexed.iter().enumerate() {
                let own = if flat.values[index as usize].uniform { 0 } else { lane };
                self.scaled_index(index, own, scale, k == 0);
            }
            self.add_pointer(place);
        }
        if offset.abs() < NEAR {
            return (base, offset as i32);
        }
        let asm = &mut self.code.asm;
        dynasm!(asm ; .arch x64 ; mov rcx, QWORD offset ; add rcx, Rq(base) ; mov rax, rcx);
        (RAX, 0)
    }

    /// The integer of a lane of an access, in rax.
    pub(super) fn integer(&mut self, access: u32, lane: u8) {
        let (base, offset) = self.locate(access, lane);
        let asm = &mut self.code.asm;
        if (base, offset) != (RAX, 0) {
            dynasm!(asm ; .arch x64 ; lea rax, [Rq(base) + offset]);
        }
    }

    /// Copies a pointer to rax.
    fn pointer_to_rax(&mut self, place: Place) {
        let table = self.layout.table;
        let asm = &mut self.code.asm;
        match place {
            Place::Reg(r) => dynasm!(asm ; .arch x64 ; mov rax, Rq(r)),
            Place::Slot(o) => dynasm!(asm ; .arch x64 ; mov rax, [rsp + o]),
            Place::Table(o) => dynasm!(asm ; .arch x64 ; mov rax, [Rq(table) + o]),
            Place::Zero | Place::Nowhere => dynasm!(asm ; .arch x64 ; xor eax, eax),
        }
    }

    /// Adds a pointer to rax.
    fn add_pointer(&mut self, place: Place) {
        let table = self.layout.table;
        let asm = &mut self.code.asm;
        match place {
            Place::Reg(r) => dynasm!(asm ; .arch x64 ; add rax, Rq(r)),
            Place::Slot(o) => dynasm!(asm ; .arch x64 ; add rax, [rsp + o]),
            Place::Table(o) => dynasm!(asm ; .arch x64 ; add rax, [Rq(table) + o]),
            Place::Zero | Place::Nowhere => {}
        }
    }

    /// `rax := index · scale`, or `rax += index · scale`.
    fn scaled_index(&mut self, index: u32, lane: u8, scale: i64, first: bool) {
        let Loc::Slot(slot) = self.layout.values[index as usize] else {
            unreachable!("indices live in the frame")
        };
        let slot = slot + 8 * i32::from(lane);
        let asm = &mut self.code.asm;
        match (i32::try_from(scale), first) {
            (Ok(1), true) => dynasm!(asm ; .arch x64 ; mov rax, [rsp + slot]),
            (Ok(1), false) => dynasm!(asm ; .arch x64 ; add rax, [rsp + slot]),
            (Ok(scale), true) => dynasm!(asm ; .arch x64 ; imul rax, [rsp + slot], DWORD scale),
            (Ok(scale), false) => {
                dynasm!(asm ; .arch x64 ; imul rcx, [rsp + slot], DWORD scale ; add rax, rcx);
            }
            (Err(_), _) => {
                dynasm!(asm ; .arch x64 ; mov rcx, QWORD scale ; imul rcx, [rsp + slot]);
                match first {
                    true => dynasm!(asm ; .arch x64 ; mov rax, rcx),
                    false => dynasm!(asm ; .arch x64 ; add rax, rcx),
                }
            }
        }
    }

    /// Starts a pointer where the one that it follows is.
    pub(super) fn start_pointer(&mut self, stream: u32) {
        let flat = self.flat;
        let (to, from) = (
            self.layout.streams[stream as usize],
            self.layout.streams[flat.parents[stream as usize] as usize],
        );
        match (to, from) {
            (Place::Reg(to), Place::Reg(from)) => dynasm!(self.code.asm ; .arch x64 ; mov Rq(to), Rq(from)),
            (Place::Reg(to), Place::Slot(o)) => dynasm!(self.code.asm ; .arch x64 ; mov Rq(to), [rsp + o]),
            (Place::Reg(to), Place::Table(o)) => {
                dynasm!(self.code.asm ; .arch x64 ; mov Rq(to), [Rq(self.layout.table) + o]);
            }
            (Place::Reg(to), _) => dynasm!(self.code.asm ; .arch x64 ; xor Rd(to), Rd(to)),
            (Place::Slot(o), from) => {
                self.pointer_to_rax(from);
                dynasm!(self.code.asm ; .arch x64 ; mov [rsp + o], rax);
            }
            _ => {}
        }
    }

    /// Moves a pointer on by a step.
    pub(super) fn advance(&mut self, stream: u32, step: i64) {
        let asm = &mut self.code.asm;
        match (self.layout.streams[stream as usize], i32::try_from(step)) {
            (Place::Reg(r), Ok(step)) => dynasm!(asm ; .arch x64 ; add Rq(r), DWORD step),
            (Place::Reg(r), Err(_)) => dynasm!(asm ; .arch x64 ; mov rax, QWORD step ; add Rq(r), rax),
            (Place::Slot(o), Ok(step)) => dynasm!(asm ; .arch x64 ; add QWORD [rsp + o], DWORD step),
            (Place::Slot(o), Err(_)) => dynasm!(asm ; .arch x64 ; mov rax, QWORD step ; add [rsp + o], rax),
            _ => {}
        }
    }

    /// Computes an index, one for all lanes where they agree, and keeps it in the frame.
    pub(super) fn index(&mut self, inst: &Inst, derived: Derived, access: u32) {
        let Loc::Slot(slot) = self.layout.values[inst.dst as usize] else { return };
        let lanes = if self.flat.values[inst.dst as usize].uniform { 1 } else { inst.lanes };
        for lane in 0..lanes {
            match derived {
                Derived::Load => {
                    let (base, offset) = self.locate(access, lane);
                    dynasm!(self.code.asm ; .arch x64 ; mov rax, [Rq(base) + offset]);
                }
                Derived::Pointer => self.integer(access, lane),
                Derived::Quotient(by) | Derived::Remainder(by) => {
                    self.integer(access, lane);
                    self.divide(
                        by,
                        matches!(derived, Derived::Remainder(_)),
                        self.flat.accesses[access as usize].range,
                    );
                }
                Derived::Clamp(extent) => {
                    self.integer(access, lane);
                    dynasm!(self.code.asm
                        ; .arch x64
                        ; xor ecx, ecx
                        ; test rax, rax
                        ; cmovs rax, rcx
                        ; mov rcx, QWORD extent - 1
                        ; cmp rax, rcx
                        ; cmovg rax, rcx
                    );
                }
            }
            let slot = slot + 8 * i32::from(lane);
            dynasm!(self.code.asm ; .arch x64 ; mov [rsp + slot], rax);
        }
    }

    /// Floor division of rax by a positive number; changes rcx and rdx.
    fn divide(&mut self, by: i64, remainder: bool, (low, high): (i64, i64)) {
        let asm = &mut self.code.asm;
        if by.count_ones() == 1 {
            match remainder {
                true => dynasm!(asm ; .arch x64 ; mov rcx, QWORD by - 1 ; and rax, rcx),
                false => dynasm!(asm ; .arch x64 ; sar rax, by.trailing_zeros() as i8),
            }
        } else if low >= 0 && high < 1 << 31 && by < 1 << 31 {
            // With 2^k >= 2^31 by, ⌊n m / 2^k⌋ = ⌊n / by⌋ for m = ⌊2^k / by⌋ + 1 and n < 2^31: n (m by - 2^k) < 2^k.
            let k = 31 + (64 - (by - 1).leading_zeros());
            let magic = ((1i128 << k) / i128::from(by) + 1) as i64;
            dynasm!(asm ; .arch x64 ; mov rcx, QWORD magic);
            match remainder {
                true => dynasm!(asm
                    ; .arch x64
                    ; imul rcx, rax
                    ; shr rcx, k as i8
                    ; imul rcx, rcx, DWORD by as i32
                    ; sub rax, rcx
                ),
                false => dynasm!(asm ; .arch x64 ; imul rax, rcx ; shr rax, k as i8),
            }
        } else {
            dynasm!(asm ; .arch x64 ; mov rcx, QWORD by ; cqo ; idiv rcx ; mov rcx, rdx ; sar rcx, 63);
            // The quotient is towards zero: where the remainder is negative it is one too large.
            match remainder {
                true => {
                    dynasm!(asm ; .arch x64 ; mov rax, QWORD by ; and rax, rcx ; add rax, rdx);
                }
                false => dynasm!(asm ; .arch x64 ; add rax, rcx),
            }
        }
    }

    /// Integers as numbers, or what a test says of them, in `d`.
    pub(super) fn number(&mut self, inst: &Inst, access: u32, d: u8) {
        let flat = self.flat;
        let at = &flat.accesses[access as usize];
        // Up to here sums of numbers are exact, those on the way too.
        let exact = 1 << if self.code.single { 22 } else { 51 };
        let near = |n: i64| (-exact..=exact).contains(&n);
        let counts = !matches!(inst.act, Act::LoadInt(_));
        if counts && near(at.range.0) && near(at.range.1) && near(at.offset) {
            let place = self.layout.streams[at.stream as usize];
            self.pointer_to_rax(place);
            let active = i64::from(inst.lanes.max(1)) - 1;
            let offset = |lane: u32| at.offset + at.lane * i64::from(lane).min(active);
            // A test compares integers: that is less than making numbers of them first.
            if let Act::Test(test, _) = inst.act {
                dynasm!(self.code.asm ; .arch x64 ; vmovq Rx(SCRATCH), rax);
                self.code.broadcast(SCRATCH, Operand::Reg(SCRATCH));
                let bound = self.pooled(|lane| match test {
                    Test::Zero => -offset(lane) as u64,
                    Test::NonNegative => (-offset(lane) - 1) as u64,
                });
                return self.code.compare_integers(test == Test::NonNegative, d, SCRATCH, bound);
            }
            self.code.convert(SCRATCH);
            self.code.broadcast(SCRATCH, Operand::Reg(SCRATCH));
            let offsets = self.integers(offset);
            return self.code.binary(Binary::Add, d, SCRATCH, offsets);
        }
        let uniform = inst.lanes == 0 || flat.is_uniform(at);
        if uniform {
            self.lane_number(inst, access, 0, d);
            return self.code.broadcast(d, Operand::Reg(d));
        }
        for lane in 0..flat.width() {
            self.lane_number(inst, access, lane.min(inst.lanes - 1), SCRATCH);
            let (base, offset) = Writer::slot(self.layout.build);
            self.code.store_first((base, offset + i32::from(lane) * flat.bytes() as i32), SCRATCH);
        }
        let (base, offset) = Writer::slot(self.layout.build);
        self.code.load(d, Operand::Memory(base, offset));
    }

    /// One lane of that, in the first lane of `d`.
    fn lane_number(&mut self, inst: &Inst, access: u32, lane: u8, d: u8) {
        if let Act::LoadInt(_) = inst.act {
            let (base, offset) = self.locate(access, lane);
            dynasm!(self.code.asm ; .arch x64 ; mov rax, [Rq(base) + offset]);
            return self.code.convert(d);
        }
        self.integer(access, lane);
        let Act::Test(test, _) = inst.act else { return self.code.convert(d) };
        match test {
            // The carry of `rax - 1` says that rax is 0.
            Test::Zero => dynasm!(self.code.asm ; .arch x64 ; cmp rax, 1 ; sbb rax, rax),
            Test::NonNegative => dynasm!(self.code.asm ; .arch x64 ; sar rax, 63 ; not rax),
        }
        dynasm!(self.code.asm ; .arch x64 ; vmovq Rx(d), rax);
    }
}
