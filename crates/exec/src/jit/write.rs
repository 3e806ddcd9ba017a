//! From instructions with places to bytes.
#![allow(clippy::useless_conversion)] // The assembler converts the numbers of registers, bytes that they are.

use super::encode::Operand;
use super::flat::{Access, Act, Flat, Inst, NONE, integer_bits};
use super::fold::is_vector;
use super::live::{CHANGED, Layout, Loc, Place, RBX, RDI};
use super::vector::{Code, Form};
use super::{Unsupported, flat};
use crate::lane::program::{Binary, Function, Precision, Unary};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, dynasm};
use rustc_hash::FxHashMap;

/// The vector registers that no value lives in.
pub(super) const SCRATCH: u8 = 15;
const SECOND: u8 = 14;

/// A frame is touched page by page, so that the guard behind a stack is not stepped over.
const PAGE: i32 = 4096;
/// Bytes of a line of the cache.
const LINE: i64 = 64;
/// How far ahead of a store its line is asked for: a few hundred cycles of stores, which is what memory takes to answer.
const AHEAD: i32 = 4096;

/// What the passes before decided, and the code so far.
pub(super) struct Writer<'f> {
    pub flat: &'f Flat,
    pub layout: &'f Layout,
    pub code: Code,
    /// Vectors behind the code: those of the flat list, then those that instructions brought.
    pool: flat::Pool,
    labels: Vec<DynamicLabel>,
    /// Calls that are rarely made: they stand behind the code that jumps to them.
    rare: Vec<Rare>,
    /// Whether stores go past the cache.
    streams: bool,
}

/// A call for the lanes where a mask holds.
struct Rare {
    inst: Inst,
    address: usize,
    start: DynamicLabel,
    back: DynamicLabel,
}

/// The code of a program, its pool behind it.
pub(super) fn write(
    flat: &Flat,
    layout: &Layout,
    functions: &dyn Fn(Function, Precision) -> Option<usize>,
) -> Result<Vec<u8>, Unsupported> {
    let single = flat.precision == Precision::F32;
    let code = Code { asm: VecAssembler::new(0), single };
    let mut writer = Writer {
        flat,
        layout,
        code,
        pool: flat::Pool::default(),
        labels: Vec::new(),
        rare: Vec::new(),
        streams: false,
    };
    writer.enter();
    let mut addresses: FxHashMap<Function, usize> = FxHashMap::default();
    let mut heads: Vec<Option<DynamicLabel>> = vec![None; flat.loops.len()];
    let mut loaded = layout.loaded.iter().peekable();
    for (at, inst) in flat.insts.iter().enumerate() {
        while let Some(&(_, stream)) = loaded.next_if(|(before, _)| *before as usize <= at) {
            writer.load_pointer(stream);
        }
        match inst.act {
            Act::Begin(id) => heads[id as usize] = Some(writer.begin(id)),
            Act::End(id) => {
                if let Some(head) = heads[id as usize] {
                    writer.end(id, head);
                }
            }
            Act::Call(function) | Act::CallWhere(function) => {
                let address = match addresses.get(&function) {
                    Some(address) => *address,
                    None => {
                        let found = functions(function, flat.precision).ok_or_else(|| {
                            Unsupported(format!(
                                "function {} has no machine code for {:?}",
                                function.0, flat.precision
                            ))
                        })?;
                        addresses.insert(function, found);
                        found
                    }
                };
                match inst.act {
                    Act::Call(_) => writer.call(inst, address),
                    _ => writer.call_where(inst, address),
                }
            }
            _ => writer.inst(inst),
        }
    }
    writer.leave();
    writer.rare_calls();
    writer.finish()
}

impl Writer<'_> {
    /// The vector of the pool whose lanes are integers.
    pub(super) fn integers(&mut self, lane: impl Fn(u32) -> i64) -> Operand {
        let precision = self.flat.precision;
        self.pooled(|k| integer_bits(precision, lane(k)))
    }

    /// The vector of the pool whose lanes have the bits that `lane` answers.
    pub(super) fn pooled(&mut self, lane: impl Fn(u32) -> u64) -> Operand {
        let place = self.pool.lanes(self.flat.precision, lane);
        self.label(place)
    }

    fn label(&mut self, place: u32) -> Operand {
        while self.labels.len() <= place as usize {
            self.labels.push(self.code.asm.new_dynamic_label());
        }
        Operand::Pool(self.labels[place as usize])
    }

    fn enter(&mut self) {
        for &r in &self.layout.saved {
            dynasm!(self.code.asm ; .arch x64 ; push Rq(r));
        }
        if self.layout.frame > 0 {
            let (frame, caller) = (self.layout.frame, self.layout.caller);
            dynasm!(self.code.asm ; .arch x64 ; mov rax, rsp);
            for page in 1..=frame / PAGE {
                dynasm!(self.code.asm ; .arch x64 ; or BYTE [rax - page * PAGE], 0);
            }
            dynasm!(self.code.asm ; .arch x64 ; sub rsp, frame ; and rsp, -32 ; mov [rsp + caller], rax);
        }
        if self.layout.table == RBX {
            dynasm!(self.code.asm ; .arch x64 ; mov Rq(RBX), Rq(RDI));
        }
    }

    fn leave(&mut self) {
        if self.layout.frame > 0 {
            dynasm!(self.code.asm ; .arch x64 ; mov rsp, [rsp + self.layout.caller]);
        }
        for &r in self.layout.saved.iter().rev() {
            dynasm!(self.code.asm ; .arch x64 ; pop Rq(r));
        }
        if self.streams {
            // Stores past the cache are seen by others only after this.
            dynasm!(self.code.asm ; .arch x64 ; sfence);
        }
        // The caller may use instructions of 128 bits, which wait where upper halves are in use.
        dynasm!(self.code.asm ; .arch x64 ; vzeroupper ; ret);
    }

    fn finish(mut self) -> Result<Vec<u8>, Unsupported> {
        dynasm!(self.code.asm ; .arch x64 ; .align 32);
        for (label, vector) in self.labels.iter().zip(&self.pool.vectors) {
            dynasm!(self.code.asm ; .arch x64 ; =>*label);
            for word in vector {
                dynasm!(self.code.asm ; .arch x64 ; .bytes word.to_le_bytes());
            }
        }
        self.code
            .asm
            .finalize()
            .map_err(|error| Unsupported(format!("its code does not fit together ({error})")))
    }

    fn load_pointer(&mut self, stream: u32) {
        let (Place::Reg(r), Some(buffer)) =
            (self.layout.streams[stream as usize], self.flat.streams[stream as usize].buffer)
        else {
            return;
        };
        dynasm!(self.code.asm ; .arch x64 ; mov Rq(r), [Rq(self.layout.table) + 8 * i32::from(buffer.0)]);
    }

    fn begin(&mut self, id: u32) -> DynamicLabel {
        let opened = &self.flat.loops[id as usize];
        for stream in &opened.streams {
            self.start_pointer(*stream);
        }
        for value in &opened.hoisted {
            if let Loc::Reg(r) = self.layout.values[*value as usize] {
                let constant = self.constant(*value);
                self.code.load(r, constant);
            }
        }
        match self.layout.counters[id as usize] {
            Place::Reg(r) => dynasm!(self.code.asm ; .arch x64 ; mov Rq(r), QWORD opened.trips),
            Place::Slot(o) => {
                dynasm!(self.code.asm ; .arch x64 ; mov rax, QWORD opened.trips ; mov [rsp + o], rax);
            }
            _ => {}
        }
        let head = self.code.asm.new_dynamic_label();
        dynasm!(self.code.asm ; .arch x64 ; .align 16 ; =>head);
        head
    }

    fn end(&mut self, id: u32, head: DynamicLabel) {
        for stream in &self.flat.loops[id as usize].streams {
            let step = self.flat.streams[*stream as usize].steps.last().map_or(0, |(_, step)| *step);
            self.advance(*stream, step);
        }
        match self.layout.counters[id as usize] {
            Place::Reg(r) => dynasm!(self.code.asm ; .arch x64 ; sub Rq(r), 1),
            Place::Slot(o) => dynasm!(self.code.asm ; .arch x64 ; sub QWORD [rsp + o], 1),
            _ => {}
        }
        dynasm!(self.code.asm ; .arch x64 ; jnz =>head);
    }

    fn constant(&mut self, value: u32) -> Operand {
        let place = self.flat.values[value as usize].constant.unwrap_or(0);
        let place = self.pool.place(self.flat.pool.vectors[place as usize]);
        self.label(place)
    }

    /// Where a value can be read. Changes rax and rcx.
    fn operand(&mut self, value: u32) -> Operand {
        match self.layout.values[value as usize] {
            Loc::Reg(r) => Operand::Reg(r),
            Loc::Slot(o) => {
                let (base, offset) = Writer::slot(o);
                Operand::Memory(base, offset)
            }
            Loc::Access(access) => {
                let (base, offset) = self.locate(access, 0);
                Operand::Memory(base, offset)
            }
            Loc::Pool(_) | Loc::Nowhere => self.constant(value),
        }
    }

    /// The register of a value, which is `scratch` where it has none.
    fn register(&mut self, value: u32, scratch: u8) -> u8 {
        match self.operand(value) {
            Operand::Reg(r) => r,
            memory => {
                self.code.load(scratch, memory);
                scratch
            }
        }
    }

    fn lives_in(&self, value: u32, r: u8) -> bool {
        self.layout.values[value as usize] == Loc::Reg(r)
    }

    fn has_register(&self, value: u32) -> bool {
        matches!(self.layout.values[value as usize], Loc::Reg(_))
    }

    fn inst(&mut self, inst: &Inst) {
        let [a, b, c] = inst.args;
        let mut d = SCRATCH;
        if inst.dst != NONE {
            match self.layout.values[inst.dst as usize] {
                Loc::Reg(r) => d = r,
                Loc::Slot(_) => {}
                _ => return,
            }
        }
        match inst.act {
            Act::Load(access) => self.load(inst, access, d),
            Act::LoadInt(access) | Act::Count(access) | Act::Test(_, access) => self.number(inst, access, d),
            Act::Unary(f) => self.unary(f, d, a),
            Act::Binary(f) => {
                let swaps = f.commutes() && !self.has_register(a) && self.has_register(b);
                let (a, b) = if swaps { (b, a) } else { (a, b) };
                let first = self.register(a, SCRATCH);
                let second = self.operand(b);
                self.code.binary(f, d, first, second);
            }
            Act::MulAdd => self.fused(false, d, inst.args),
            Act::NegMulAdd => self.fused(true, d, inst.args),
            Act::Compare(f) => {
                let swaps = !self.has_register(a) && self.has_register(b);
                let (a, b) = if swaps { (b, a) } else { (a, b) };
                let first = self.register(a, SCRATCH);
                let second = self.operand(b);
                self.code.compare(f, swaps, d, first, second);
            }
            Act::Select => {
                let otherwise = self.register(c, SCRATCH);
                let mask = self.register(a, SECOND);
                let value = self.operand(b);
                self.code.select(d, otherwise, value, mask);
            }
            Act::Fold(f) => {
                let from = self.register(a, SCRATCH);
                self.code.fold(f, d, from, (SCRATCH, SECOND));
            }
            Act::Merge(mask) => {
                let first = self.register(a, SCRATCH);
                let second = self.operand(b);
                self.code.merge(mask, d, first, second);
            }
            Act::Shuffle(how) => {
                let first = self.register(a, SCRATCH);
                let second = self.operand(b);
                self.code.shuffle(how, d, first, second);
            }
            Act::Lane(lane) => {
                let from = self.register(a, SECOND);
                self.code.lane(lane, d, from);
            }
            Act::Copy => {
                let from = self.operand(a);
                self.code.load(d, from);
            }
            Act::Assign => return self.assign(inst, d),
            Act::Store(access) => self.store(inst, access),
            Act::StoreStreaming(access) => {
                let from = self.register(a, SCRATCH);
                let to = self.locate(access, 0);
                self.code.store_streaming(to, from, SECOND);
                self.streams = true;
            }
            Act::StoreVector(access) => {
                let from = self.register(a, SCRATCH);
                let to = self.locate(access, 0);
                self.code.store(to, from);
            }
            Act::Index(derived, access) => return self.index(inst, derived, access),
            Act::Nothing | Act::Call(_) | Act::CallWhere(_) | Act::Begin(_) | Act::End(_) => {}
        }
        if inst.dst != NONE {
            self.spill(inst.dst, d);
        }
    }

    /// Writes a value to the frame, if it lives there.
    fn spill(&mut self, value: u32, r: u8) {
        if let Loc::Slot(o) = self.layout.values[value as usize] {
            self.code.store(Writer::slot(o), r);
        }
    }

    fn unary(&mut self, f: Unary, d: u8, a: u32) {
        let (sign, f) = match f {
            Unary::Neg => (true, Binary::Xor),
            Unary::Abs => (false, Binary::And),
            Unary::Not => (false, Binary::Xor),
            Unary::ShiftUp(by) | Unary::ShiftDown(by) => {
                let from = self.register(a, SCRATCH);
                return self.code.shift(matches!(f, Unary::ShiftUp(_)), by, d, from);
            }
            _ => {
                let from = self.operand(a);
                return self.code.unary(f, d, from);
            }
        };
        let top = if self.code.single { 1 << 31 } else { 1 << 63 };
        let all = f == Binary::Xor && !sign;
        let bits = self.pooled(|_| {
            if sign {
                top
            } else if all {
                u64::MAX
            } else {
                top - 1
            }
        });
        let from = self.register(a, SCRATCH);
        self.code.binary(f, d, from, bits);
    }

    /// `a · b + c`, in the form that overwrites the operand which lives in `d`.
    fn fused(&mut self, negated: bool, d: u8, [a, b, c]: [u32; 3]) {
        let place = [c, a, b].into_iter().position(|v| self.lives_in(v, d)).unwrap_or_else(|| {
            // None does, so one is brought there: first one from memory, which costs nothing more.
            let place = [c, a, b].into_iter().position(|v| !self.has_register(v)).unwrap_or(0);
            let from = self.operand([c, a, b][place]);
            self.code.load(d, from);
            place
        });
        let (factor, other) = match place {
            0 => (a, b),
            1 => (b, c),
            _ => (a, c),
        };
        let (mut first, mut last, mut form) =
            (factor, other, if place == 0 { Form::F231 } else { Form::F213 });
        if !self.has_register(factor) && self.has_register(other) {
            (first, last) = (other, factor);
            form = if place == 0 { Form::F231 } else { Form::F132 };
        }
        let first = self.register(first, SECOND);
        let last = self.operand(last);
        self.code.fused(negated, form, d, first, last);
    }

    /// Gives a value that loops carry its next content, in the active lanes.
    fn assign(&mut self, inst: &Inst, d: u8) {
        let partial = inst.lanes != 0 && inst.lanes < self.flat.width();
        if partial {
            let old = self.register(inst.dst, d);
            let new = self.operand(inst.args[0]);
            self.code.merge((1u8 << inst.lanes) - 1, d, old, new);
        } else {
            let new = self.operand(inst.args[0]);
            self.code.load(d, new);
        }
        self.spill(inst.dst, d);
    }

    fn load(&mut self, inst: &Inst, access: u32, d: u8) {
        let at = &self.flat.accesses[access as usize];
        let (width, lanes) = (self.flat.width(), inst.lanes);
        if lanes == 0 || self.flat.is_uniform(at) {
            let (base, offset) = self.locate(access, 0);
            self.code.broadcast(d, Operand::Memory(base, offset));
        } else if is_vector(at, self.flat.bytes()) {
            let (base, offset) = self.locate(access, 0);
            if lanes == width {
                self.code.load(d, Operand::Memory(base, offset));
            } else {
                self.code.load_part(d, (base, offset), lanes);
            }
        } else {
            let half = width / 2;
            for lane in 0..width {
                // Lanes that the counter does not reach repeat the last one that it does.
                let from = self.locate(access, lane.min(lanes - 1));
                self.code.insert(if lane < half { SCRATCH } else { SECOND }, lane % half, from);
            }
            self.code.join(d, SCRATCH, SECOND);
        }
    }

    fn store(&mut self, inst: &Inst, access: u32) {
        let at = &self.flat.accesses[access as usize];
        let lanes = inst.lanes;
        let from = self.register(inst.args[0], SCRATCH);
        if lanes == 0 {
            let to = self.locate(access, 0);
            return self.code.store_first(to, from);
        }
        if is_vector(at, self.flat.bytes()) {
            let to = self.locate(access, 0);
            if self.opens_line(at) {
                self.code.ask_for((to.0, to.1.saturating_add(AHEAD)));
            }
            return match lanes == self.flat.width() {
                true => self.code.store(to, from),
                false => self.code.store_part(to, from, lanes, SECOND),
            };
        }
        let half = self.flat.width() / 2;
        if lanes > half {
            self.code.upper(SECOND, from);
        }
        for lane in 0..lanes {
            let to = self.locate(access, lane);
            self.code.extract(to, if lane < half { from } else { SECOND }, lane % half);
        }
    }

    /// Whether a line is asked for where a vector is written here: once a line, where a loop walks forward along the
    /// buffer.
    fn opens_line(&self, at: &Access) -> bool {
        let stream = &self.flat.streams[at.stream as usize];
        let large = stream.buffer.is_some_and(|buffer| self.flat.ahead.contains(&buffer));
        let step = stream.steps.last().map_or(0, |(_, step)| *step);
        large && step > 0 && (step % LINE != 0 || at.offset % LINE == 0)
    }

    /// Calls a vector function: arguments in the first registers, the result in the first.
    fn call(&mut self, inst: &Inst, address: usize) {
        let [a, b, _] = inst.args;
        if b != NONE && self.lives_in(b, 0) {
            self.code.load(SCRATCH, Operand::Reg(0));
            let first = self.operand(a);
            self.code.load(0, first);
            self.code.load(1, Operand::Reg(SCRATCH));
        } else {
            let first = self.operand(a);
            self.code.load(0, first);
            if b != NONE {
                let second = self.operand(b);
                self.code.load(1, second);
            }
        }
        dynasm!(self.code.asm ; .arch x64 ; mov rax, QWORD address as i64 ; call rax);
        match self.layout.values[inst.dst as usize] {
            Loc::Reg(r) => self.code.load(r, Operand::Reg(0)),
            _ => self.spill(inst.dst, 0),
        }
    }

    /// Copies the third value; where the mask holds in any lane, goes on behind the code.
    fn call_where(&mut self, inst: &Inst, address: usize) {
        let [mask, _, otherwise] = inst.args;
        let (start, back) = (self.code.asm.new_dynamic_label(), self.code.asm.new_dynamic_label());
        let mask = self.register(mask, SCRATCH);
        self.code.test_mask(mask);
        dynasm!(self.code.asm ; .arch x64 ; jnz =>start);
        match self.layout.values[inst.dst as usize] {
            Loc::Reg(d) => {
                let from = self.operand(otherwise);
                self.code.load(d, from);
            }
            _ => {
                let from = self.register(otherwise, SCRATCH);
                self.spill(inst.dst, from);
            }
        }
        dynasm!(self.code.asm ; .arch x64 ; =>back);
        self.rare.push(Rare { inst: *inst, address, start, back });
    }

    /// The rare calls: registers are written to the frame and read again, the result among them.
    fn rare_calls(&mut self) {
        let area = self.layout.kept;
        let vector = |r: u8| Writer::slot(area + 32 * i32::from(r));
        let general = |k: usize| area + 16 * 32 + 8 * k as i32;
        let kept = || CHANGED.into_iter().chain([RDI]).enumerate();
        for Rare { inst, address, start, back } in std::mem::take(&mut self.rare) {
            dynasm!(self.code.asm ; .arch x64 ; =>start);
            (0..16).for_each(|r| self.code.store(vector(r), r));
            for (k, r) in kept() {
                dynasm!(self.code.asm ; .arch x64 ; mov [rsp + general(k)], Rq(r));
            }
            let [mask, argument, otherwise] = inst.args;
            let argument = self.operand(argument);
            self.code.load(0, argument);
            dynasm!(self.code.asm ; .arch x64 ; mov rax, QWORD address as i64 ; call rax);
            // Values in registers are read where they are kept: the function may have changed all.
            let [mask, otherwise] = [mask, otherwise].map(|value| match self.operand(value) {
                Operand::Reg(r) => Operand::Memory(vector(r).0, vector(r).1),
                memory => memory,
            });
            self.code.load(SECOND, mask);
            self.code.load(SCRATCH, otherwise);
            self.code.select(SCRATCH, SCRATCH, Operand::Reg(0), SECOND);
            match self.layout.values[inst.dst as usize] {
                Loc::Reg(d) => self.code.store(vector(d), SCRATCH),
                _ => self.spill(inst.dst, SCRATCH),
            }
            for (k, r) in kept() {
                dynasm!(self.code.asm ; .arch x64 ; mov Rq(r), [rsp + general(k)]);
            }
            (0..16).for_each(|r| self.code.load(r, Operand::Memory(vector(r).0, vector(r).1)));
            dynasm!(self.code.asm ; .arch x64 ; jmp =>back);
        }
    }
}
