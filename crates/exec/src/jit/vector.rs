//! Vector instructions, f64 and f32 alike.
//!
//! Arithmetic goes through the encoder, where the last operand is a register, memory, or a vector of the pool behind
//! the code; what moves lanes is written by its name.
#![allow(clippy::useless_conversion)] // The assembler converts the numbers of registers, bytes that they are.

use super::encode::{Opcode, Operand, encode};
use super::flat::Shuffle;
use super::machine::Relocations;
use crate::lane::program::{Binary, Comparison, Fold, Unary};
use dynasmrt::{DynasmApi, VecAssembler, dynasm};

/// Code that is being written.
pub(super) struct Code {
    pub asm: VecAssembler<Relocations>,
    /// f32 rather than f64.
    pub single: bool,
}

/// Which operand of a fused multiplication its destination holds before.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Form {
    /// `d := d · m + a`
    F132,
    /// `d := a · d + m`
    F213,
    /// `d := a · m + d`
    F231,
}

impl Code {
    /// An instruction whose f64 form has the prefix 66, and whose f32 form has none.
    fn plain(&mut self, byte: u8, d: u8, a: u8, m: Operand, immediate: Option<u8>) {
        let opcode = Opcode { prefix: u8::from(!self.single), map: 1, byte, wide: false };
        encode(&mut self.asm, opcode, d, a, m, immediate);
    }

    /// An instruction of the third map, whose forms have neighbouring opcodes, that of f32 first.
    fn third(&mut self, byte: u8, d: u8, a: u8, m: Operand, immediate: u8) {
        let opcode = Opcode { prefix: 1, map: 3, byte: byte + u8::from(!self.single), wide: false };
        encode(&mut self.asm, opcode, d, a, m, Some(immediate));
    }

    /// Copies a vector.
    pub(super) fn load(&mut self, d: u8, m: Operand) {
        if m != Operand::Reg(d) {
            self.plain(0x10, d, 0, m, None);
        }
    }

    /// Writes a whole vector.
    pub(super) fn store(&mut self, (b, o): (u8, i32), r: u8) {
        self.plain(0x11, r, 0, Operand::Memory(b, o), None);
    }

    /// Asks for a line, to write it later; the address may be outside of any buffer.
    pub(super) fn ask_for(&mut self, (b, o): (u8, i32)) {
        dynasm!(self.asm ; .arch x64 ; prefetchw [Rq(b) + o]);
    }

    /// Stores a vector past the cache, in two halves; changes `s`.
    pub(super) fn store_streaming(&mut self, (b, o): (u8, i32), r: u8, s: u8) {
        dynasm!(self.asm
            ; .arch x64
            ; vextractf128 Rx(s), Ry(r), 1
            ; vmovntpd [Rq(b) + o], Rx(r)
            ; vmovntpd [Rq(b) + o + 16], Rx(s)
        );
    }

    pub(super) fn binary(&mut self, f: Binary, d: u8, a: u8, m: Operand) {
        let byte = match f {
            Binary::Add => 0x58,
            Binary::Sub => 0x5c,
            Binary::Mul => 0x59,
            Binary::Div => 0x5e,
            Binary::Min => 0x5d,
            Binary::Max => 0x5f,
            Binary::And => 0x54,
            Binary::AndNot => 0x55,
            Binary::Or => 0x56,
            Binary::Xor => 0x57,
            Binary::IntAdd => return self.integer(if self.single { 0xfe } else { 0xd4 }, d, a, m),
            Binary::IntSub => return self.integer(if self.single { 0xfa } else { 0xfb }, d, a, m),
        };
        self.plain(byte, d, a, m, None);
    }

    /// An instruction on integers of the width of a number.
    fn integer(&mut self, byte: u8, d: u8, a: u8, m: Operand) {
        encode(&mut self.asm, Opcode { prefix: 1, map: 1, byte, wide: false }, d, a, m, None);
    }

    /// The bits of `a`, moved. The opcode goes on in the field of a destination, which stands where a source would.
    pub(super) fn shift(&mut self, up: bool, by: u8, d: u8, a: u8) {
        let opcode = Opcode { prefix: 1, map: 1, byte: if self.single { 0x72 } else { 0x73 }, wide: false };
        encode(&mut self.asm, opcode, if up { 6 } else { 2 }, d, Operand::Reg(a), Some(by));
    }

    /// Sets the zero flag where the mask holds in no lane. Changes rax.
    pub(super) fn test_mask(&mut self, mask: u8) {
        self.plain(0x50, 0, 0, Operand::Reg(mask), None);
        dynasm!(self.asm ; .arch x64 ; test eax, eax);
    }

    /// A rounding or a root; the others are a [`Binary`] with a constant.
    pub(super) fn unary(&mut self, f: Unary, d: u8, m: Operand) {
        match f {
            Unary::Sqrt => self.plain(0x51, d, 0, m, None),
            // The immediates also silence the inexact exception.
            Unary::Floor => self.third(0x08, d, 0, m, 9),
            Unary::Ceil => self.third(0x08, d, 0, m, 10),
            Unary::Round => self.third(0x08, d, 0, m, 8),
            Unary::Neg | Unary::Abs | Unary::Not => unreachable!("written with a constant"),
            Unary::ShiftUp(_) | Unary::ShiftDown(_) => unreachable!("written from a register"),
        }
    }

    pub(super) fn fused(&mut self, negated: bool, form: Form, d: u8, a: u8, m: Operand) {
        let byte = match form {
            Form::F132 => 0x98,
            Form::F213 => 0xa8,
            Form::F231 => 0xb8,
        };
        let opcode = Opcode { prefix: 1, map: 2, byte: byte + 4 * u8::from(negated), wide: !self.single };
        encode(&mut self.asm, opcode, d, a, m, None);
    }

    /// A comparison, `a` first, or `m` first where `swapped`.
    pub(super) fn compare(&mut self, f: Comparison, swapped: bool, d: u8, a: u8, m: Operand) {
        // Quiet predicates; ordered ones are false where a NaN takes part.
        let predicate = match (f, swapped) {
            (Comparison::Greater, false) => 0x1e,
            (Comparison::Greater, true) => 0x11,
            (Comparison::GreaterEqual, false) => 0x1d,
            (Comparison::GreaterEqual, true) => 0x12,
            (Comparison::Equal, _) => 0x00,
            (Comparison::NotEqual, _) => 0x04,
        };
        self.plain(0xc2, d, a, m, Some(predicate));
    }

    /// A mask of the lanes whose integers in `a` and `m` are equal, or of those where that of `a` is greater.
    pub(super) fn compare_integers(&mut self, greater: bool, d: u8, a: u8, m: Operand) {
        let (map, byte) = match (greater, self.single) {
            (false, false) => (2, 0x29),
            (false, true) => (1, 0x76),
            (true, false) => (2, 0x37),
            (true, true) => (1, 0x66),
        };
        encode(&mut self.asm, Opcode { prefix: 1, map, byte, wide: false }, d, a, m, None);
    }

    /// `m` in the lanes whose bit is set, else `a`.
    pub(super) fn merge(&mut self, mask: u8, d: u8, a: u8, m: Operand) {
        self.third(0x0c, d, a, m, if self.single { mask } else { mask & 15 });
    }

    /// Lanes of f64 of `a` and `m`.
    pub(super) fn shuffle(&mut self, how: Shuffle, d: u8, a: u8, m: Operand) {
        match how {
            Shuffle::Even => self.plain(0x14, d, a, m, None),
            Shuffle::Odd => self.plain(0x15, d, a, m, None),
            Shuffle::Low | Shuffle::High => {
                let opcode = Opcode { prefix: 1, map: 3, byte: 0x06, wide: false };
                let halves = if how == Shuffle::Low { 0x20 } else { 0x31 };
                encode(&mut self.asm, opcode, d, a, m, Some(halves));
            }
        }
    }

    /// `m` where the mask holds, else `a`.
    pub(super) fn select(&mut self, d: u8, a: u8, m: Operand, mask: u8) {
        self.third(0x4a, d, a, m, mask << 4);
    }

    /// The first lane in every lane.
    pub(super) fn broadcast(&mut self, d: u8, m: Operand) {
        let opcode = Opcode { prefix: 1, map: 2, byte: 0x18 + u8::from(!self.single), wide: false };
        encode(&mut self.asm, opcode, d, 0, m, None);
    }

    /// The first lane.
    pub(super) fn store_first(&mut self, (b, o): (u8, i32), r: u8) {
        let asm = &mut self.asm;
        match self.single {
            false => dynasm!(asm ; .arch x64 ; vmovsd [Rq(b) + o], Rx(r)),
            true => dynasm!(asm ; .arch x64 ; vmovss [Rq(b) + o], Rx(r)),
        }
    }

    /// One lane in every lane.
    pub(super) fn lane(&mut self, lane: u8, d: u8, a: u8) {
        let asm = &mut self.asm;
        if !self.single {
            dynasm!(asm ; .arch x64 ; vpermpd Ry(d), Ry(a), (lane * 0x55) as i8);
            return;
        }
        let half = if lane < 4 { a } else { d };
        if lane >= 4 {
            dynasm!(asm ; .arch x64 ; vextractf128 Rx(d), Ry(a), 1);
        }
        dynasm!(asm ; .arch x64 ; vpermilps Rx(d), Rx(half), (lane % 4 * 0x55) as i8);
        self.broadcast(d, Operand::Reg(d));
    }

    /// Combines halves until the first lane holds all, then puts it in every lane. `s` and `t` are lost.
    pub(super) fn fold(&mut self, f: Fold, d: u8, a: u8, (s, t): (u8, u8)) {
        let f = match f {
            Fold::Sum => Binary::Add,
            Fold::Product => Binary::Mul,
            Fold::Max => Binary::Max,
            Fold::Min => Binary::Min,
        };
        let asm = &mut self.asm;
        dynasm!(asm ; .arch x64 ; vperm2f128 Ry(t), Ry(a), Ry(a), 1);
        self.binary(f, s, a, Operand::Reg(t));
        let asm = &mut self.asm;
        if self.single {
            dynasm!(asm ; .arch x64 ; vpermilps Ry(t), Ry(s), 0x4e);
            self.binary(f, s, s, Operand::Reg(t));
            let asm = &mut self.asm;
            dynasm!(asm ; .arch x64 ; vpermilps Ry(t), Ry(s), 0xb1u8 as i8);
        } else {
            dynasm!(asm ; .arch x64 ; vpermilpd Ry(t), Ry(s), 5);
        }
        self.binary(f, s, s, Operand::Reg(t));
        self.broadcast(d, Operand::Reg(s));
    }

    /// The integer in rax as a number in the first lane.
    pub(super) fn convert(&mut self, d: u8) {
        let asm = &mut self.asm;
        // Cleared first: the instruction keeps the other lanes, and would wait for whoever made them.
        dynasm!(asm ; .arch x64 ; vxorps Rx(d), Rx(d), Rx(d));
        match self.single {
            false => dynasm!(asm ; .arch x64 ; vcvtsi2sd Rx(d), Rx(d), rax),
            true => dynasm!(asm ; .arch x64 ; vcvtsi2ss Rx(d), Rx(d), rax),
        }
    }

    /// The first `count` of the neighbours at an address, and copies in the other lanes.
    pub(super) fn load_part(&mut self, d: u8, (b, o): (u8, i32), count: u8) {
        let half = if self.single { 4 } else { 2 };
        let high = if count <= half { o } else { o + 16 };
        self.load_half(d, (b, high), if count <= half { count } else { count - half });
        let asm = &mut self.asm;
        dynasm!(asm ; .arch x64 ; vinsertf128 Ry(d), Ry(d), Rx(d), 1);
        if count > half {
            dynasm!(asm ; .arch x64 ; vinsertf128 Ry(d), Ry(d), [Rq(b) + o], 0);
        }
    }

    /// The same for half a register.
    fn load_half(&mut self, d: u8, (b, o): (u8, i32), count: u8) {
        let asm = &mut self.asm;
        match (self.single, count) {
            (false, 1) | (true, 2) => dynasm!(asm ; .arch x64 ; vmovddup Rx(d), [Rq(b) + o]),
            (true, 1) => dynasm!(asm ; .arch x64 ; vbroadcastss Rx(d), [Rq(b) + o]),
            (true, 3) => dynasm!(asm
                ; .arch x64
                ; vbroadcastss Rx(d), [Rq(b) + o + 8]
                ; vmovlps Rx(d), Rx(d), [Rq(b) + o]
            ),
            _ => dynasm!(asm ; .arch x64 ; vmovups Rx(d), [Rq(b) + o]),
        }
    }

    /// Writes the first `count` lanes to neighbours. `s` is lost.
    pub(super) fn store_part(&mut self, (b, o): (u8, i32), r: u8, count: u8, s: u8) {
        let half = if self.single { 4 } else { 2 };
        if count <= half {
            return self.store_half((b, o), r, count);
        }
        self.store_half((b, o), r, half);
        let asm = &mut self.asm;
        dynasm!(asm ; .arch x64 ; vextractf128 Rx(s), Ry(r), 1);
        self.store_half((b, o + 16), s, count - half);
    }

    fn store_half(&mut self, (b, o): (u8, i32), r: u8, count: u8) {
        let asm = &mut self.asm;
        match (self.single, count) {
            (false, 1) | (true, 2) => dynasm!(asm ; .arch x64 ; vmovsd [Rq(b) + o], Rx(r)),
            (true, 1) => dynasm!(asm ; .arch x64 ; vmovss [Rq(b) + o], Rx(r)),
            (true, 3) => dynasm!(asm
                ; .arch x64
                ; vmovsd [Rq(b) + o], Rx(r)
                ; vextractps [Rq(b) + o + 8], Rx(r), 2
            ),
            _ => dynasm!(asm ; .arch x64 ; vmovups [Rq(b) + o], Rx(r)),
        }
    }

    /// Puts a number into one lane of half a register; the first one clears the others.
    pub(super) fn insert(&mut self, d: u8, lane: u8, (b, o): (u8, i32)) {
        let asm = &mut self.asm;
        match (self.single, lane) {
            (false, 0) => dynasm!(asm ; .arch x64 ; vmovsd Rx(d), [Rq(b) + o]),
            (false, _) => dynasm!(asm ; .arch x64 ; vmovhpd Rx(d), Rx(d), [Rq(b) + o]),
            (true, 0) => dynasm!(asm ; .arch x64 ; vmovss Rx(d), [Rq(b) + o]),
            (true, _) => dynasm!(asm ; .arch x64 ; vinsertps Rx(d), Rx(d), [Rq(b) + o], (lane << 4) as i8),
        }
    }

    /// Writes one lane of half a register.
    pub(super) fn extract(&mut self, (b, o): (u8, i32), r: u8, lane: u8) {
        let asm = &mut self.asm;
        match (self.single, lane) {
            (_, 0) => self.store_first((b, o), r),
            (false, _) => dynasm!(asm ; .arch x64 ; vmovhpd [Rq(b) + o], Rx(r)),
            (true, _) => dynasm!(asm ; .arch x64 ; vextractps [Rq(b) + o], Rx(r), lane as i8),
        }
    }

    /// Makes one register of two halves.
    pub(super) fn join(&mut self, d: u8, low: u8, high: u8) {
        let asm = &mut self.asm;
        dynasm!(asm ; .arch x64 ; vinsertf128 Ry(d), Ry(low), Rx(high), 1);
    }

    /// The upper half of a register.
    pub(super) fn upper(&mut self, d: u8, a: u8) {
        let asm = &mut self.asm;
        dynasm!(asm ; .arch x64 ; vextractf128 Rx(d), Ry(a), 1);
    }
}
