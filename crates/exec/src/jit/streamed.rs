//! Stores past the cache: for results that are larger than a cache and that the program never reads.
//!
//! An ordinary store first reads the line that it writes. Where the line is in no cache that is memory traffic for
//! nothing, and it evicts what could be read again. A streaming store writes whole lines to memory. Two halves of a
//! register are written, because memory is aligned to 16 bytes more often than to 32; where a buffer is not, a copy of
//! the program with ordinary stores runs. The numbers are the same.

use super::flat::{Act, Flat};
use super::fold::is_vector;
use crate::lane::program::Buffer;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

/// Bytes that a streaming store's address is a multiple of.
const ALIGNED: i64 = 16;

/// Makes stores to some buffers streaming ones; answers the buffers for which every store could be one.
///
/// An ordinary store between streaming ones would make the processor write half a line, so it is all or none.
pub(super) fn mark(flat: &mut Flat, candidates: &[Buffer]) -> Vec<Buffer> {
    let buffer =
        |flat: &Flat, access: u32| flat.streams[flat.accesses[access as usize].stream as usize].buffer;
    let streams = |flat: &Flat, wanted: Buffer| {
        let mut any = false;
        let all = flat.insts.iter().all(|inst| {
            let Some(access) = inst.access().filter(|a| buffer(flat, *a) == Some(wanted)) else {
                return true;
            };
            any = true;
            let at = &flat.accesses[access as usize];
            let steps = &flat.streams[at.stream as usize].steps;
            matches!(inst.act, Act::Store(_))
                && inst.lanes == flat.width()
                && is_vector(at, flat.bytes())
                && at.offset % ALIGNED == 0
                && steps.iter().all(|(_, step)| step % ALIGNED == 0)
        });
        // A load that its only user reads has no instruction.
        let folded =
            |value: &super::flat::Value| value.folded.is_some_and(|a| buffer(flat, a) == Some(wanted));
        any && all && !flat.values.iter().any(folded)
    };
    let streamed: Vec<Buffer> = candidates.iter().copied().filter(|b| streams(flat, *b)).collect();
    for k in 0..flat.insts.len() {
        if let Act::Store(access) = flat.insts[k].act
            && buffer(flat, access).is_some_and(|b| streamed.contains(&b))
        {
            flat.insts[k].act = Act::StoreStreaming(access);
        }
    }
    streamed
}

/// Code that goes on in `streaming` where all of the buffers are aligned, else in `plain`.
pub(super) fn either(buffers: &[Buffer], streaming: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut asm: VecAssembler<super::machine::Relocations> = VecAssembler::new(0);
    let otherwise = asm.new_dynamic_label();
    for Buffer(k) in buffers {
        dynasm!(asm
            ; .arch x64
            ; mov rax, [rdi + 8 * i32::from(*k)]
            ; test al, ALIGNED as i8 - 1
            ; jnz =>otherwise
        );
    }
    dynasm!(asm ; .arch x64 ; .align 32 ; .bytes streaming ; .align 32 ; =>otherwise ; .bytes plain);
    asm.finalize().expect("invariant: one label, defined once, at most a program away")
}
