//! Copies and loads that need no instruction of their own.
//!
//! A value that only becomes the next content of a loop's register is computed there. A vector that one instruction
//! reads is read by it from memory.

use super::flat::{Access, Act, Flat, NONE};
use crate::lane::program::Unary;

/// The instruction is outside the stretch that is looked at.
const NEVER: u32 = u32::MAX;

/// Folds what can be folded within stretches that no mark of a loop interrupts.
pub(super) fn fold(flat: &mut Flat) {
    let mut uses = vec![0u32; flat.values.len()];
    for inst in &flat.insts {
        inst.reads().for_each(|v| uses[v as usize] += 1);
    }
    carry(flat, &uses);
    read_in_place(flat, &uses);
    flat.insts.retain(|inst| inst.act != Act::Nothing);
}

/// Computes the next content of a register where it lives.
fn carry(flat: &mut Flat, uses: &[u32]) {
    let mut made = vec![NEVER; flat.values.len()];
    // The last instruction that reads or changes a value.
    let mut touched = vec![0u32; flat.values.len()];
    let mut start = 0;
    for at in 0..flat.insts.len() as u32 {
        let inst = flat.insts[at as usize];
        match inst.act {
            Act::Begin(_) | Act::End(_) => start = at + 1,
            Act::Assign => {
                let (source, target) = (inst.args[0], inst.dst);
                let from = made[source as usize];
                let whole = inst.lanes == 0 || inst.lanes == flat.width();
                let free = from != NEVER && from >= start && (touched[target as usize] <= from);
                if whole && free && uses[source as usize] == 1 && !flat.values[source as usize].mutable {
                    flat.insts[from as usize].dst = target;
                    flat.insts[at as usize].act = Act::Nothing;
                    flat.insts[at as usize].args = [NONE; 3];
                }
            }
            _ => {}
        }
        inst.reads().for_each(|v| touched[v as usize] = at);
        if inst.dst != NONE {
            touched[inst.dst as usize] = at;
            made[inst.dst as usize] = at;
        }
    }
}

/// Reads a vector where it is used, if it is used once and nothing is written in between.
fn read_in_place(flat: &mut Flat, uses: &[u32]) {
    let (width, bytes) = (flat.width(), flat.bytes());
    let mut loaded = vec![NEVER; flat.values.len()];
    let mut start = 0;
    for at in 0..flat.insts.len() as u32 {
        let inst = flat.insts[at as usize];
        match inst.act {
            Act::Begin(_) | Act::End(_) | Act::Store(_) | Act::StoreVector(_) => start = at + 1,
            Act::Load(access) if inst.lanes == width && is_vector(&flat.accesses[access as usize], bytes) => {
                loaded[inst.dst as usize] = at;
            }
            _ => {}
        }
        let place = inst.args.iter().enumerate().rev().find(|(place, v)| {
            **v != NONE
                && uses[**v as usize] == 1
                && !flat.values[**v as usize].mutable
                && loaded[**v as usize] != NEVER
                && loaded[**v as usize] >= start
                && reads_memory(inst.act, *place)
        });
        if let Some((_, &value)) = place {
            let from = &mut flat.insts[loaded[value as usize] as usize];
            let Act::Load(access) = from.act else { unreachable!("only loads are recorded") };
            from.act = Act::Nothing;
            from.dst = NONE;
            flat.values[value as usize].folded = Some(access);
        }
    }
}

/// Whether an access is a vector of neighbours.
pub(super) fn is_vector(access: &Access, bytes: i64) -> bool {
    access.lane == bytes && access.indexed.is_empty()
}

/// Whether an instruction gains from reading this argument from memory.
fn reads_memory(act: Act, place: usize) -> bool {
    match act {
        Act::Binary(f) if f.commutes() => true,
        Act::Binary(_) | Act::Select => place == 1,
        Act::Compare(_) | Act::MulAdd | Act::NegMulAdd | Act::Copy => true,
        Act::Unary(f) => matches!(f, Unary::Sqrt | Unary::Floor | Unary::Ceil | Unary::Round),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::flat::Inst;
    use super::super::flatten::flatten;
    use super::*;
    use crate::lane::program::{Address, Affine, Buffer, Op, Precision, Program, Reg, Stmt, Var};

    #[test]
    fn a_dot_product_is_one_load_and_one_instruction_a_vector() {
        let mut at = Affine::constant(0);
        at.step(Var(0), 1);
        let load = |buffer| Op::Load(Address { buffer: Buffer(buffer), at: at.clone() });
        let body = vec![
            Stmt::Let(Reg(1), load(0)),
            Stmt::Let(Reg(2), load(1)),
            Stmt::Let(Reg(3), Op::MulAdd(Reg(1), Reg(2), Reg(0))),
            Stmt::Set(Reg(0), Reg(3)),
        ];
        let body = vec![
            Stmt::Let(Reg(0), Op::Const(0.0)),
            Stmt::Loop { var: Var(0), from: 0, to: 4000, lanes: true, body },
        ];
        let mut flat = flatten(&Program { precision: Precision::F64, regs: 4, indices: 0, vars: 1, body });
        fold(&mut flat);
        let inside = |inst: &&Inst| inst.lanes == 4 && !matches!(inst.act, Act::Begin(_) | Act::End(_));
        let acts: Vec<&Inst> = flat.insts.iter().filter(inside).collect();
        let multiplications =
            acts.iter().filter(|inst| inst.act == Act::MulAdd && inst.dst == acts[1].args[2]).count();
        let loads = acts.iter().filter(|inst| matches!(inst.act, Act::Load(_))).count();
        // Four copies of the body.
        assert_eq!((acts.len(), loads, multiplications), (8, 4, 4));
    }
}
