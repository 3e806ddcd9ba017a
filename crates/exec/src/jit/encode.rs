//! The encoding of vector arithmetic: a VEX prefix, an opcode, an operand.
//!
//! The assembler that writes the other instructions (dynasm 5.1.0) encodes packed comparisons and blends with their
//! operands displaced, fused multiplications of f64 as those of f32, and a broadcast from memory on half a register; so
//! arithmetic has its own encoder, which is one rule. Short displacements and short prefixes also make the code a third smaller.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, sections 2.3 and 5.

use super::machine::Relocations;
use dynasmrt::relocations::{Relocation, RelocationKind, RelocationSize};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler};

/// The last operand of an instruction.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Operand {
    Reg(u8),
    /// A general register and bytes above it.
    Memory(u8, i32),
    Pool(DynamicLabel),
}

/// An instruction without its operands.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Opcode {
    /// What stands for the mandatory prefix: 0 none, 1 for 66.
    pub prefix: u8,
    /// Which opcodes: 1 for 0F, 2 for 0F 38, 3 for 0F 3A.
    pub map: u8,
    pub byte: u8,
    pub wide: bool,
}

/// Writes an instruction on 256 bits: destination `d`, first source `a` (0 where there is none), operand `m`.
pub(super) fn encode(
    asm: &mut VecAssembler<Relocations>,
    opcode: Opcode,
    d: u8,
    a: u8,
    m: Operand,
    immediate: Option<u8>,
) {
    let (rm, extension) = match m {
        Operand::Reg(r) | Operand::Memory(r, _) => (r & 7, r >> 3),
        Operand::Pool(_) => (5, 0),
    };
    let inverted = |bit: u8, place: u8| (bit ^ 1) << place;
    let last = u8::from(opcode.wide) << 7 | (!a & 15) << 3 | 1 << 2 | opcode.prefix;
    if opcode.map == 1 && extension == 0 && !opcode.wide {
        asm.push(0xc5);
        asm.push(inverted(d >> 3, 7) | last);
    } else {
        asm.push(0xc4);
        asm.push(inverted(d >> 3, 7) | 1 << 6 | inverted(extension, 5) | opcode.map);
        asm.push(last);
    }
    asm.push(opcode.byte);
    let field = (d & 7) << 3 | rm;
    match m {
        Operand::Reg(_) => asm.push(0b11 << 6 | field),
        Operand::Pool(_) => {
            asm.push(field);
            asm.push_i32(0);
        }
        Operand::Memory(_, offset) => {
            // rbp and r13 have no form without a displacement; rsp and r12 need a second byte.
            let short = i8::try_from(offset).ok();
            let kind = match short {
                Some(0) if rm != 5 => 0,
                Some(_) => 1,
                None => 2,
            };
            asm.push(kind << 6 | field);
            if rm == 4 {
                asm.push(0x24);
            }
            match (kind, short) {
                (0, _) => {}
                (1, Some(short)) => asm.push_i8(short),
                _ => asm.push_i32(offset),
            }
        }
    }
    immediate.into_iter().for_each(|byte| asm.push(byte));
    if let Operand::Pool(label) = m {
        let back = 4 + u8::from(immediate.is_some());
        asm.dynamic_relocation(
            label,
            0,
            back,
            0,
            Relocations::from_size(RelocationKind::Relative, RelocationSize::DWord),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(opcode: Opcode, d: u8, a: u8, m: Operand, immediate: Option<u8>) -> Vec<u8> {
        let mut asm = VecAssembler::new(0);
        encode(&mut asm, opcode, d, a, m, immediate);
        asm.finalize().unwrap()
    }

    #[test]
    fn forms_of_the_manual() {
        let add = Opcode { prefix: 1, map: 1, byte: 0x58, wide: false };
        let fused = Opcode { prefix: 1, map: 2, byte: 0xa8, wide: true };
        let compare = Opcode { prefix: 1, map: 1, byte: 0xc2, wide: false };
        // vaddpd ymm1, ymm2, ymm3
        assert_eq!(bytes(add, 1, 2, Operand::Reg(3), None), [0xc5, 0xed, 0x58, 0xcb]);
        // vaddpd ymm9, ymm3, [r12 + 64]
        let far = Operand::Memory(12, 64);
        assert_eq!(bytes(add, 9, 3, far, None), [0xc4, 0x41, 0x65, 0x58, 0x4c, 0x24, 0x40]);
        // vfmadd213pd ymm9, ymm3, [rbp]
        assert_eq!(bytes(fused, 9, 3, Operand::Memory(5, 0), None), [0xc4, 0x62, 0xe5, 0xa8, 0x4d, 0x00]);
        // vpsllq ymm9, ymm12, 52: the destination stands where a source would.
        let shift = Opcode { prefix: 1, map: 1, byte: 0x73, wide: false };
        assert_eq!(bytes(shift, 6, 9, Operand::Reg(12), Some(52)), [0xc4, 0xc1, 0x35, 0x73, 0xf4, 0x34]);
        // vpsrlq ymm1, ymm2, 1
        assert_eq!(bytes(shift, 2, 1, Operand::Reg(2), Some(1)), [0xc5, 0xf5, 0x73, 0xd2, 0x01]);
        // vpsubq ymm3, ymm4, [rsp + 32]
        let subtract = Opcode { prefix: 1, map: 1, byte: 0xfb, wide: false };
        let expected = [0xc5, 0xdd, 0xfb, 0x5c, 0x24, 0x20];
        assert_eq!(bytes(subtract, 3, 4, Operand::Memory(4, 32), None), expected);
        // vpcmpeqq ymm1, ymm2, [rax]
        let equal = Opcode { prefix: 1, map: 2, byte: 0x29, wide: false };
        assert_eq!(bytes(equal, 1, 2, Operand::Memory(0, 0), None), [0xc4, 0xe2, 0x6d, 0x29, 0x08]);
        // vcmppd ymm1, ymm2, [rax + 0x100], 0x1e
        let expected = [0xc5, 0xed, 0xc2, 0x88, 0x00, 0x01, 0x00, 0x00, 0x1e];
        assert_eq!(bytes(compare, 1, 2, Operand::Memory(0, 256), Some(0x1e)), expected);
    }
}
