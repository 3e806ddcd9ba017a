//! Calls packed into lanes: `exp` of three numbers outside a lane loop is one call.
//!
//! Where every lane holds the same, a call computes one number. Calls of one function whose arguments need equally
//! many calls before them do not depend on each other; statements are put in the order of that level, and up to a
//! register of them becomes one call.

use super::flat::{Act, Derived, Flat, Inst, NONE};
use crate::lane::program::{Buffer, Function};
use rustc_hash::FxHashMap;
use std::mem::take;

/// Packs the calls of each stretch of instructions that no mark of a loop interrupts.
pub(super) fn pack(flat: &mut Flat) {
    let insts = take(&mut flat.insts);
    let mixed = mixed(flat, &insts);
    let mut done = Vec::with_capacity(insts.len());
    let mut levels = Levels::default();
    for part in insts.chunk_by(|a, b| is_straight(a) && is_straight(b)) {
        let calls = part.iter().filter(|inst| packs(inst, &mixed)).count();
        if calls < 2 || !is_straight(&part[0]) {
            done.extend_from_slice(part);
            continue;
        }
        levels.clear();
        let mut order: Vec<(u32, bool, Inst)> = Vec::with_capacity(part.len());
        for inst in part {
            order.push((levels.of(flat, inst), !packs(inst, &mixed), *inst));
        }
        // Stable: within a level what was written first stays first.
        order.sort_by_key(|(level, rest, _)| (*level, *rest));
        emit(flat, &order, &mut done);
    }
    flat.insts = done;
}

/// Values whose lanes may differ although no lane loop is open: sums by lanes, before they are folded.
pub(super) fn mixed(flat: &Flat, insts: &[Inst]) -> Vec<bool> {
    let mut mixed: Vec<bool> = flat.values.iter().map(|value| value.mutable).collect();
    for inst in insts.iter().filter(|inst| inst.dst != NONE) {
        let from = inst.lanes > 0 || inst.reads().any(|v| mixed[v as usize]);
        mixed[inst.dst as usize] |= from && !matches!(inst.act, Act::Fold(_));
    }
    mixed
}

/// Whether an instruction is a call that computes one number.
fn packs(inst: &Inst, mixed: &[bool]) -> bool {
    matches!(inst.act, Act::Call(_)) && !mixed[inst.dst as usize]
}

/// Whether an instruction may change places with its neighbours, as far as what they read and write allows it.
pub(super) fn is_straight(inst: &Inst) -> bool {
    inst.lanes == 0 && !matches!(inst.act, Act::Begin(_) | Act::End(_) | Act::Assign)
}

/// Whether stores may not wait until after an instruction: marks of loops, what loops carry, and calls, but for rare
/// ones, which keep every register.
pub(super) fn is_kept_in_order(inst: &Inst) -> bool {
    matches!(inst.act, Act::Begin(_) | Act::End(_) | Act::Assign | Act::Call(_))
}

/// How many calls stand before a value, one after the other.
#[derive(Default)]
struct Levels {
    values: FxHashMap<u32, u32>,
    /// Buffers may be the same memory, so a read waits for every write before it, and a write for every access.
    written: u32,
    accessed: u32,
}

impl Levels {
    fn clear(&mut self) {
        self.values.clear();
        (self.written, self.accessed) = (0, 0);
    }

    fn of(&mut self, flat: &Flat, inst: &Inst) -> u32 {
        let known = |v| self.values.get(&v).copied().unwrap_or(0);
        let mut level = inst.reads().map(known).max().unwrap_or(0);
        if let Some(access) = inst.access() {
            let indexed = &flat.accesses[access as usize].indexed;
            level = indexed.iter().map(|(v, _)| known(*v)).fold(level, u32::max);
        }
        match inst.act {
            Act::Call(_) => level += 1,
            Act::Load(_) | Act::LoadInt(_) | Act::Index(Derived::Load, _) => {
                level = level.max(self.written);
                self.accessed = self.accessed.max(level);
            }
            Act::Store(_) | Act::StoreVector(_) => {
                level = level.max(self.accessed).max(self.written);
                self.written = level;
            }
            _ => {}
        }
        if inst.dst != NONE {
            self.values.insert(inst.dst, level);
        }
        level
    }
}

/// Writes the ordered instructions, calls of one level and function together.
fn emit(flat: &mut Flat, order: &[(u32, bool, Inst)], done: &mut Vec<Inst>) {
    for group in order.chunk_by(|a, b| a.0 == b.0 && !a.1 && !b.1) {
        if group[0].1 {
            done.extend(group.iter().map(|(.., inst)| *inst));
            continue;
        }
        let mut calls: Vec<(Function, Inst)> = Vec::with_capacity(group.len());
        for (.., inst) in group {
            if let Act::Call(function) = inst.act {
                calls.push((function, *inst));
            }
        }
        calls.sort_by_key(|(function, _)| *function);
        for same in calls.chunk_by(|a, b| a.0 == b.0 && (a.1.args[1] == NONE) == (b.1.args[1] == NONE)) {
            for pack in same.chunks(usize::from(flat.width())) {
                together(flat, pack, done);
            }
        }
    }
}

/// One call for several: arguments are merged lane by lane, and each result is one lane in all.
fn together(flat: &mut Flat, pack: &[(Function, Inst)], done: &mut Vec<Inst>) {
    let [(_, first), rest @ ..] = pack else { return };
    if rest.is_empty() {
        return done.push(*first);
    }
    let mut call = Inst { dst: flat.vector(), ..*first };
    for (place, merged) in call.args.iter_mut().enumerate() {
        for (k, (_, inst)) in pack.iter().enumerate() {
            let arg = inst.args[place];
            if k == 0 || arg == *merged {
                continue;
            }
            let dst = flat.vector();
            // Lanes from here on, so that the ones behind the last call repeat it.
            done.push(Inst { act: Act::Merge(0xff << k), dst, args: [*merged, arg, NONE], lanes: 0 });
            *merged = dst;
        }
    }
    done.push(call);
    for (k, (_, inst)) in pack.iter().enumerate() {
        done.push(Inst { act: Act::Lane(k as u8), dst: inst.dst, args: [call.dst, NONE, NONE], lanes: 0 });
    }
}

/// Buffers of a program, so that a run is refused that brings fewer.
pub(super) fn buffers(flat: &Flat) -> usize {
    flat.streams
        .iter()
        .filter_map(|stream| stream.buffer)
        .map(|Buffer(k)| usize::from(k) + 1)
        .max()
        .unwrap_or(0)
}
