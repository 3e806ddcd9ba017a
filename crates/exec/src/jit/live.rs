//! Where everything lives: registers, the stack frame, the pool behind the code.

use super::flat::{Act, Flat, Inst, NONE};
use super::scan::{Interval, registers, slots};
use super::{FRAME_LIMIT, Unsupported};

/// Vector registers; the two above are scratch.
const VECTORS: [u8; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
/// General registers that a function may change, in machine numbering: rsi, r8 to r11. rax, rcx, rdx are scratch, rdi
/// holds the table of buffers.
pub(super) const CHANGED: [u8; 5] = [6, 8, 9, 10, 11];
/// General registers that a function has to give back as they were: rbx, rbp, r12 to r15.
const KEPT: [u8; 6] = [3, 5, 12, 13, 14, 15];
/// What a rare call keeps: 16 vectors, and the general registers that a function may change.
const KEPT_BYTES: i64 = 16 * 32 + 8 * (CHANGED.len() as i64 + 1);
pub(super) const RBX: u8 = 3;
pub(super) const RDI: u8 = 7;

/// Where a value is.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Loc {
    Nowhere,
    Reg(u8),
    /// Bytes above the stack pointer.
    Slot(i32),
    Pool(u32),
    /// In a buffer, read by its user.
    Access(u32),
}

/// Where a pointer, an integer or a count of iterations is.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Place {
    Nowhere,
    Reg(u8),
    Slot(i32),
    /// In the table of buffers, this many bytes from its start.
    Table(i32),
    Zero,
}

/// Where everything lives.
#[derive(Debug)]
pub(super) struct Layout {
    pub values: Vec<Loc>,
    pub streams: Vec<Place>,
    pub counters: Vec<Place>,
    /// Buffers' pointers with the instructions before which they are loaded.
    pub loaded: Vec<(u32, u32)>,
    /// Bytes of the frame; 0 where there is none.
    pub frame: i32,
    /// Where in the frame one vector of 64 bytes may be put together.
    pub build: i32,
    /// Where in the frame the caller's stack pointer is kept.
    pub caller: i32,
    /// Where in the frame all registers are kept during a rare call.
    pub kept: i32,
    /// Registers to give back as they were.
    pub saved: Vec<u8>,
    /// The register that holds the table of buffers.
    pub table: u8,
}

struct Liveness<'f> {
    flat: &'f Flat,
    values: Vec<Interval>,
    depths: Vec<u32>,
    /// Streams, then counters.
    pointers: Vec<Interval>,
    open: Vec<u32>,
    used: Vec<bool>,
}

impl Liveness<'_> {
    fn weight(&self) -> f32 {
        8f32.powi(self.open.len().min(6) as i32)
    }

    /// The last instruction of the outermost open loop that is not around `depth`, if there is one.
    fn loop_end(&self, depth: usize) -> Option<u32> {
        self.open.get(depth).map(|id| self.flat.loops[*id as usize].end * 2 + 1)
    }

    fn define(&mut self, value: u32, at: u32) {
        let weight = self.weight();
        let interval = &mut self.values[value as usize];
        interval.weight += weight;
        if interval.start == u32::MAX {
            (interval.start, interval.end) = (at, at);
            self.depths[value as usize] = self.open.len() as u32;
        } else {
            self.extend(value, at);
        }
    }

    fn extend(&mut self, value: u32, at: u32) {
        let end = self.loop_end(self.depths[value as usize] as usize).unwrap_or(at);
        let interval = &mut self.values[value as usize];
        interval.end = interval.end.max(end);
    }

    fn read(&mut self, value: u32, at: u32) {
        if let Some(access) = self.flat.values[value as usize].folded {
            return self.access(access, at);
        }
        self.values[value as usize].weight += self.weight();
        self.extend(value, at);
    }

    fn access(&mut self, access: u32, at: u32) {
        let access = &self.flat.accesses[access as usize];
        for &(index, _) in &access.indexed {
            self.read(index, at);
        }
        self.stream(access.stream, at);
    }

    /// A stream is wanted here: so are those it starts from, at the heads of its loops.
    fn stream(&mut self, stream: u32, at: u32) {
        let weight = self.weight();
        let mut outermost = self.open.first().map(|id| &self.flat.loops[*id as usize]);
        let (mut stream, mut at, mut weight) = (stream as usize, at, weight);
        loop {
            let interval = &mut self.pointers[stream];
            interval.weight += weight;
            let steps = &self.flat.streams[stream].steps;
            if let Some((id, _)) = steps.last() {
                let inside = &self.flat.loops[*id as usize];
                (interval.start, interval.end) = (inside.begin * 2 + 1, inside.end * 2 + 1);
                // Copied one after the other, so the register is not given to one that is copied earlier.
                at = inside.begin * 2 + 1;
                // At the head of the outermost loop no loop is open.
                outermost = outermost.filter(|l| l.begin != inside.begin);
            } else {
                let (start, end) = outermost.map_or((at, at), |l| (l.begin * 2, l.end * 2 + 1));
                interval.start = interval.start.min(start);
                interval.end = interval.end.max(end).max(at);
            }
            if std::mem::replace(&mut self.used[stream], true) || steps.is_empty() {
                return;
            }
            weight /= 8.0;
            stream = self.flat.parents[stream] as usize;
        }
    }

    fn inst(&mut self, inst: &Inst, number: u32) {
        let at = number * 2;
        if let Act::End(_) = inst.act {
            self.open.pop();
        }
        inst.reads().for_each(|v| self.read(v, at));
        if let Some(access) = inst.access() {
            self.access(access, at);
        }
        if let Act::Begin(id) = inst.act {
            let opened = &self.flat.loops[id as usize];
            opened.hoisted.iter().for_each(|v| self.define(*v, at + 1));
            self.open.push(id);
            let weight = self.weight() * 2.0;
            let counter = &mut self.pointers[self.flat.streams.len() + id as usize];
            *counter = Interval { start: at + 1, end: opened.end * 2 + 1, weight, ..Interval::empty() };
        }
        if inst.dst != NONE {
            // The register of what is read for the last time here can be written at once.
            let fits = matches!(inst.act, Act::MulAdd | Act::NegMulAdd | Act::Copy);
            if fits && !self.values[inst.dst as usize].is_live() {
                let ends = |v: &u32| {
                    self.values[*v as usize].end == at && self.flat.values[*v as usize].folded.is_none()
                };
                let hint = inst.args.iter().rev().copied().filter(|v| *v != NONE).find(ends);
                self.values[inst.dst as usize].hint = hint;
            }
            // An index is written lane by lane, while those it comes from are still read.
            self.define(inst.dst, at + u32::from(!matches!(inst.act, Act::Index(..))));
        }
    }
}

/// Decides where everything lives.
pub(super) fn layout(flat: &Flat) -> Result<Layout, Unsupported> {
    let mut liveness = Liveness {
        flat,
        values: vec![Interval::empty(); flat.values.len()],
        depths: vec![0; flat.values.len()],
        pointers: vec![Interval::empty(); flat.streams.len() + flat.loops.len()],
        open: Vec::new(),
        used: vec![false; flat.streams.len()],
    };
    for (number, inst) in flat.insts.iter().enumerate() {
        liveness.inst(inst, number as u32);
    }
    let Liveness { mut values, mut pointers, .. } = liveness;
    let calls = bar_what_lives_across_calls(flat, &mut values);
    for (value, interval) in flat.values.iter().zip(&mut values) {
        interval.barred |= value.index;
        // A constant that has no register is read from the pool at no cost.
        interval.weight *= if value.constant.is_some() { 0.5 } else { 1.0 };
    }
    for (stream, interval) in flat.streams.iter().zip(&mut pointers) {
        interval.barred = stream.buffer.is_none() && stream.steps.is_empty();
    }
    let vectors = registers(&values, &VECTORS);
    let general: Vec<u8> = match calls {
        true => KEPT.into_iter().filter(|r| *r != RBX).collect(),
        false => CHANGED.into_iter().chain(KEPT).collect(),
    };
    let held = registers(&pointers, &general);

    let mut frame = Frame { bytes: 0 };
    let in_memory = |k: usize| vectors[k].is_none() && flat.values[k].constant.is_none();
    let spilled = frame.slots(&values, 32, |k| in_memory(k) && !flat.values[k].index);
    let indices = frame.slots(&values, 8 * i64::from(flat.width()), |k| flat.values[k].index);
    let is_base = |k: usize| flat.streams.get(k).is_some_and(|stream| stream.steps.is_empty());
    let pointed = frame.slots(&pointers, 8, |k| held[k].is_none() && !is_base(k));
    let builds = flat
        .insts
        .iter()
        .any(|inst| inst.lanes > 0 && matches!(inst.act, Act::LoadInt(_) | Act::Count(_) | Act::Test(..)));
    let rare = flat.insts.iter().any(|inst| matches!(inst.act, Act::CallWhere(_)));
    let needed = frame.bytes > 0 || builds || calls || rare;
    let build = frame.bytes;
    let caller = build + 64;
    let kept = caller + 8;
    let end = if rare { kept + KEPT_BYTES } else { kept };
    let bytes = if needed { (end + 31) & !31 } else { 0 };
    let place = |bytes: i64| i32::try_from(bytes);
    let (Ok(build), Ok(caller), Ok(kept), Ok(bytes), true) =
        (place(build), place(caller), place(kept), place(bytes), bytes <= FRAME_LIMIT)
    else {
        return Err(Unsupported(format!(
            "it keeps {bytes} bytes at once, the stack frame holds {FRAME_LIMIT}"
        )));
    };

    let value_place = |k: usize| match (vectors[k], spilled[k].or(indices[k]), &flat.values[k]) {
        (.., value) if value.folded.is_some() => Loc::Access(value.folded.unwrap_or(NONE)),
        (Some(r), ..) => Loc::Reg(r),
        (.., value) if value.constant.is_some() => Loc::Pool(value.constant.unwrap_or(NONE)),
        (_, Some(slot), _) => Loc::Slot(slot),
        _ => Loc::Nowhere,
    };
    let pointer_place = |k: usize| match (held[k], pointed[k]) {
        (Some(r), _) => Place::Reg(r),
        (_, Some(slot)) => Place::Slot(slot),
        _ if !is_base(k) => Place::Nowhere,
        _ => flat.streams[k].buffer.map_or(Place::Zero, |buffer| Place::Table(8 * i32::from(buffer.0))),
    };
    let mut loaded: Vec<(u32, u32)> = (0..flat.streams.len())
        .filter(|k| is_base(*k) && held[*k].is_some())
        .map(|k| (pointers[k].start / 2, k as u32))
        .collect();
    loaded.sort_unstable();
    let mut saved: Vec<u8> =
        KEPT.into_iter().filter(|r| held.contains(&Some(*r)) || calls && *r == RBX).collect();
    saved.dedup();
    Ok(Layout {
        values: (0..flat.values.len()).map(value_place).collect(),
        streams: (0..flat.streams.len()).map(pointer_place).collect(),
        counters: (flat.streams.len()..pointers.len()).map(pointer_place).collect(),
        loaded,
        frame: bytes,
        build,
        caller,
        kept,
        saved,
        table: if calls { RBX } else { RDI },
    })
}

/// A call may change every vector register. Answers whether there are calls.
fn bar_what_lives_across_calls(flat: &Flat, values: &mut [Interval]) -> bool {
    let mut before = vec![0u32; flat.insts.len() + 2];
    for (k, inst) in flat.insts.iter().enumerate() {
        before[k + 1] = before[k] + u32::from(matches!(inst.act, Act::Call(_)));
    }
    let total = before[flat.insts.len()];
    before[flat.insts.len() + 1] = total;
    for interval in values.iter_mut().filter(|interval| interval.is_live()) {
        let first = before[(interval.start / 2 + 1) as usize];
        interval.barred = before[interval.end.div_ceil(2) as usize] > first;
    }
    total > 0
}

/// The stack frame while it is laid out; vectors first, so that they are aligned.
struct Frame {
    bytes: i64,
}

impl Frame {
    /// The places of those that `wanted` picks.
    fn slots(
        &mut self,
        intervals: &[Interval],
        size: i64,
        wanted: impl Fn(usize) -> bool,
    ) -> Vec<Option<i32>> {
        let (slots, count) = slots(intervals, wanted);
        let start = self.bytes;
        self.bytes += size * i64::from(count);
        // A frame that does not fit an i32 is refused when it is complete.
        slots.into_iter().map(|slot| slot.map(|slot| (start + size * i64::from(slot)) as i32)).collect()
    }
}
