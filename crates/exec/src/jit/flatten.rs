//! From loops to the flat list: which loops are unrolled, where tails begin, what a register's name is in each copy.

use super::flat::{Access, Act, Derived, Flat, Inst, Loop, NONE, Pool, Stream, Value, bits, integer_bits};
use super::passes::{Pass, in_turn, passes};
use crate::lane::program::{Affine, Buffer, Index, IndexOp, Op, Program, Reg, Stmt};
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

/// What is known of a counter in the current copy: `base + step · iterations of the loop`.
#[derive(Copy, Clone, Default)]
struct Counter {
    repeats: Option<(u32, i64)>,
    base: i64,
    last: i64,
    lanes: bool,
}

/// A body that is being copied.
struct Frame<'p> {
    stmt: Option<&'p Stmt>,
    body: &'p [Stmt],
    next: usize,
    passes: SmallVec<[Pass; 3]>,
    pass: usize,
    copy: i64,
    open: Option<u32>,
    outer: u8,
    /// Where copies begin that are to be run in turn.
    turns: Option<Vec<usize>>,
}

struct Flattener<'p> {
    program: &'p Program,
    flat: Flat,
    regs: Vec<u32>,
    indices: Vec<u32>,
    /// Indices that are numbers known now.
    known: FxHashMap<u32, i64>,
    counters: Vec<Counter>,
    /// Loops that are open.
    open: Vec<u32>,
    /// Registers changed inside a loop that stays one, from outside it.
    carried: Vec<bool>,
    constants: FxHashMap<u32, u32>,
    hoisted: FxHashMap<(u32, u32), u32>,
    streams: FxHashMap<Stream, u32>,
    lanes: u8,
}

/// The flat list of a program that has been validated.
pub(super) fn flatten(program: &Program) -> Flat {
    let flat = Flat {
        precision: program.precision,
        insts: Vec::new(),
        values: Vec::new(),
        loops: Vec::new(),
        streams: Vec::new(),
        parents: Vec::new(),
        accesses: Vec::new(),
        pool: Pool::default(),
        ahead: Vec::new(),
    };
    let mut flattener = Flattener {
        program,
        flat,
        regs: vec![NONE; program.regs as usize],
        indices: vec![NONE; program.indices as usize],
        known: FxHashMap::default(),
        counters: vec![Counter::default(); usize::from(program.vars)],
        open: Vec::new(),
        carried: carried(program),
        constants: FxHashMap::default(),
        hoisted: FxHashMap::default(),
        streams: FxHashMap::default(),
        lanes: 0,
    };
    flattener.run();
    flattener.flat
}

/// Which registers a loop changes that were declared before it: those cannot be renamed.
fn carried(program: &Program) -> Vec<bool> {
    let width = program.precision.lanes() as u8;
    let mut depths = vec![0; program.regs as usize];
    let mut carried = vec![false; program.regs as usize];
    let mut stack = vec![(&program.body[..], 0)];
    while let Some((body, depth)) = stack.pop() {
        let Some((stmt, rest)) = body.split_first() else { continue };
        stack.push((rest, depth));
        match stmt {
            Stmt::Let(reg, _) => depths[reg.0 as usize] = depth,
            Stmt::Set(reg, _) => carried[reg.0 as usize] |= depth > depths[reg.0 as usize],
            Stmt::Loop { from, to, lanes, body, .. } => {
                let passes = passes(width, (*from, *to), *lanes, 0, body);
                let stays = passes.iter().any(|pass| pass.trips > 1);
                if !passes.is_empty() {
                    stack.push((body, depth + u32::from(stays)));
                }
            }
            Stmt::Index(..) | Stmt::Store(..) => {}
        }
    }
    carried
}

impl<'p> Flattener<'p> {
    fn run(&mut self) {
        let all = Pass { base: 0, trips: 1, copies: 1, step: 0, lanes: 0 };
        let body = &self.program.body[..];
        let root = Frame {
            stmt: None,
            body,
            next: 0,
            passes: smallvec![all],
            pass: 0,
            copy: 0,
            open: None,
            outer: 0,
            turns: None,
        };
        let mut frames = vec![root];
        while let Some(frame) = frames.last_mut() {
            if frame.pass == frame.passes.len() {
                self.lanes = frame.outer;
                frames.pop();
                continue;
            }
            if frame.next == 0 {
                self.start(frame);
            }
            if let Some(stmt) = frame.body.get(frame.next) {
                frame.next += 1;
                if let Stmt::Loop { from, to, lanes, body, .. } = stmt {
                    let passes = passes(self.flat.width(), (*from, *to), *lanes, self.lanes, body);
                    let outer = self.lanes;
                    frames.push(Frame {
                        stmt: Some(stmt),
                        body,
                        next: 0,
                        passes,
                        pass: 0,
                        copy: 0,
                        open: None,
                        outer,
                        turns: (*lanes && in_turn(body)).then(Vec::new),
                    });
                } else {
                    self.stmt(stmt);
                }
                continue;
            }
            frame.next = 0;
            frame.copy += 1;
            if frame.copy == frame.passes[frame.pass].copies {
                if frame.open.is_some() || frame.pass + 1 == frame.passes.len() {
                    let turns = frame.turns.iter_mut().flat_map(std::mem::take).collect::<Vec<_>>();
                    self.take_turns(&turns);
                }
                if let Some(id) = frame.open.take() {
                    self.open.pop();
                    self.push(Act::End(id), NONE, [NONE; 3]);
                }
                frame.copy = 0;
                frame.pass += 1;
            }
            // A body without statements would otherwise start again for ever.
            if frame.body.is_empty() {
                frame.pass = frame.passes.len();
            }
        }
    }

    /// Opens a loop where a pass repeats, and says what its counter is in this copy.
    fn start(&mut self, frame: &mut Frame<'p>) {
        let (Some(Stmt::Loop { var, lanes, .. }), pass) = (frame.stmt, &frame.passes[frame.pass]) else {
            return;
        };
        if frame.body.is_empty() {
            return;
        }
        if pass.trips > 1 && frame.copy == 0 {
            let id = self.flat.loops.len() as u32;
            let opened =
                Loop { trips: pass.trips, begin: 0, end: 0, hoisted: Vec::new(), streams: Vec::new() };
            self.flat.loops.push(opened);
            self.open.push(id);
            self.push(Act::Begin(id), NONE, [NONE; 3]);
            frame.open = Some(id);
        }
        if let Some(turns) = &mut frame.turns {
            turns.push(self.flat.insts.len());
        }
        let base = pass.base + frame.copy * pass.step;
        let stride = pass.copies * pass.step;
        let last = base + (pass.trips - 1) * stride;
        self.lanes = pass.lanes;
        let repeats = frame.open.map(|id| (id, stride));
        self.counters[usize::from(var.0)] = Counter { repeats, base, last, lanes: *lanes };
    }

    /// Mixes copies of a body that begin at these instructions: two by two, and then what came of that.
    fn take_turns(&mut self, starts: &[usize]) {
        let mut starts = starts.to_vec();
        while starts.len() > 1 {
            self.mix(&starts);
            starts = starts.chunks(2).map(|pair| pair[0]).collect();
        }
    }

    /// Mixes stretches of instructions, each second one into the one before it. What a loop carries is changed by the first
    /// before the second one reads it.
    fn mix(&mut self, starts: &[usize]) {
        for (pair, two) in starts.chunks_exact(2).enumerate() {
            let end = starts.get(2 * pair + 2).copied().unwrap_or(self.flat.insts.len());
            let (a, b) = (self.flat.insts[two[0]..two[1]].to_vec(), self.flat.insts[two[1]..end].to_vec());
            // What the first copy gives or changes, with the instruction after the last that does. A loop that is written
            // out carries by name, one that stays in a value that changes.
            let mut last: FxHashMap<u32, usize> = FxHashMap::default();
            for (k, inst) in a.iter().enumerate() {
                let changed = inst.reads().filter(|v| self.flat.values[*v as usize].mutable);
                last.extend(changed.chain((inst.dst != NONE).then_some(inst.dst)).map(|v| (v, k + 1)));
            }
            let mut mixed = Vec::with_capacity(a.len() + b.len());
            let mut done = 0;
            for (k, inst) in b.iter().enumerate() {
                let values = inst.reads().chain((inst.dst != NONE).then_some(inst.dst));
                let waits = values.filter_map(|v| last.get(&v)).copied().max();
                let until = waits.unwrap_or(0).max(k + 1).min(a.len());
                if until > done {
                    mixed.extend_from_slice(&a[done..until]);
                    done = until;
                }
                mixed.push(*inst);
            }
            mixed.extend_from_slice(&a[done..]);
            self.flat.insts.splice(two[0]..end, mixed);
        }
    }

    fn push(&mut self, act: Act, dst: u32, args: [u32; 3]) {
        self.flat.insts.push(Inst { act, dst, args, lanes: self.lanes });
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Let(reg, Op::Const(number)) => {
                let number = bits(self.flat.precision, *number);
                let place = self.flat.pool.lanes(self.flat.precision, |_| number);
                let value = self.constant(place);
                self.declare(*reg, value);
            }
            Stmt::Let(reg, op) => self.op(*reg, op),
            Stmt::Set(reg, from) => self.set(*reg, *from),
            Stmt::Store(address, reg) => {
                let access = self.access(Some(address.buffer), &address.at, self.flat.bytes());
                let value = self.read(*reg);
                self.push(Act::Store(access), NONE, [value, NONE, NONE]);
            }
            Stmt::Index(index, op) => self.index(*index, op),
            Stmt::Loop { .. } => unreachable!("loops have frames of their own"),
        }
    }

    /// The value of a register that is declared with a constant.
    fn declare(&mut self, reg: Reg, constant: u32) {
        let mut value = constant;
        if self.carried[reg.0 as usize] {
            value = self.flat.vector();
            self.flat.values[value as usize].mutable = true;
            self.push(Act::Copy, value, [constant, NONE, NONE]);
        }
        self.regs[reg.0 as usize] = value;
    }

    fn constant(&mut self, place: u32) -> u32 {
        let flat = &mut self.flat;
        *self.constants.entry(place).or_insert_with(|| {
            let value = flat.vector();
            flat.values[value as usize].constant = Some(place);
            value
        })
    }

    /// The name of a register's value here; a constant has one at the head of each loop that reads it.
    fn read(&mut self, reg: Reg) -> u32 {
        let value = self.regs[reg.0 as usize];
        let (Some(place), Some(&id)) = (self.flat.values[value as usize].constant, self.open.last()) else {
            return value;
        };
        let flat = &mut self.flat;
        *self.hoisted.entry((place, id)).or_insert_with(|| {
            let value = flat.vector();
            flat.values[value as usize].constant = Some(place);
            flat.values[value as usize].hoisted = Some(id);
            flat.loops[id as usize].hoisted.push(value);
            value
        })
    }

    fn op(&mut self, reg: Reg, op: &Op) {
        let mut args = [NONE; 3];
        let mut count = 0;
        op.each_reg(&mut |reg| {
            args[count] = self.read(reg);
            count += 1;
        });
        let bytes = self.flat.bytes();
        let act = match op {
            Op::Const(_) => unreachable!("constants have no instruction"),
            Op::Load(address) => Act::Load(self.access(Some(address.buffer), &address.at, bytes)),
            Op::LoadInt(address) => Act::LoadInt(self.access(Some(address.buffer), &address.at, 8)),
            Op::Count(at) => Act::Count(self.access(None, at, 1)),
            Op::Test(test, at) => Act::Test(*test, self.access(None, at, 1)),
            Op::Unary(f, _) => Act::Unary(*f),
            Op::Binary(f, ..) => Act::Binary(*f),
            Op::MulAdd(..) => Act::MulAdd,
            Op::NegMulAdd(..) => Act::NegMulAdd,
            Op::Compare(f, ..) => Act::Compare(*f),
            Op::Select(..) => Act::Select,
            Op::Call(f, _) => Act::Call(*f),
            Op::CallWhere(f, ..) => Act::CallWhere(*f),
            Op::Fold(f, _) => Act::Fold(*f),
        };
        if let Some(place) = self.written_out(act) {
            let value = self.constant(place);
            return self.declare(reg, value);
        }
        let value = self.flat.vector();
        self.flat.values[value as usize].mutable = self.carried[reg.0 as usize];
        self.push(act, value, args);
        self.regs[reg.0 as usize] = value;
    }

    /// The place in the pool of a count or a test whose integers are known: in tails and unrolled loops.
    fn written_out(&mut self, act: Act) -> Option<u32> {
        let (Act::Count(access) | Act::Test(_, access)) = act else { return None };
        let access = self.flat.accesses[access as usize].clone();
        if !self.flat.streams[access.stream as usize].steps.is_empty() || !access.indexed.is_empty() {
            return None;
        }
        let precision = self.flat.precision;
        let active = i64::from(self.lanes.max(1));
        Some(self.flat.pool.lanes(precision, |lane| {
            let n = access.offset + access.lane * i64::from(lane).min(active - 1);
            match act {
                Act::Test(test, _) if holds(test, n) => u64::MAX,
                Act::Test(..) => 0,
                _ => integer_bits(precision, n),
            }
        }))
    }

    /// Renames a register where nothing repeats; otherwise changes the value that the loop carries.
    fn set(&mut self, reg: Reg, from: Reg) {
        let (target, source) = (self.regs[reg.0 as usize], self.read(from));
        let partial = self.lanes != 0 && self.lanes < self.flat.width();
        if self.carried[reg.0 as usize] {
            return self.push(Act::Assign, target, [source, NONE, NONE]);
        }
        self.regs[reg.0 as usize] = if partial || self.flat.values[source as usize].mutable {
            let value = self.flat.vector();
            if partial {
                self.push(Act::Merge((1u8 << self.lanes) - 1), value, [target, source, NONE]);
            } else {
                self.push(Act::Copy, value, [source, NONE, NONE]);
            }
            value
        } else {
            self.regs[from.0 as usize]
        };
    }

    fn index(&mut self, index: Index, op: &IndexOp) {
        let (derived, access) = match op {
            IndexOp::Load(address) => (Derived::Load, self.access(Some(address.buffer), &address.at, 8)),
            IndexOp::Quotient(at, by) => (Derived::Quotient(*by), self.access(None, at, 1)),
            IndexOp::Remainder(at, by) => (Derived::Remainder(*by), self.access(None, at, 1)),
            IndexOp::Clamp(at, extent) => (Derived::Clamp(*extent), self.access(None, at, 1)),
        };
        let from = &self.flat.accesses[access as usize];
        let number = match derived {
            _ if from.lane != 0 || !from.indexed.is_empty() => None,
            _ if !self.flat.streams[from.stream as usize].steps.is_empty() => None,
            Derived::Load | Derived::Pointer => None,
            Derived::Quotient(by) => Some(from.offset.div_euclid(by)),
            Derived::Remainder(by) => Some(from.offset.rem_euclid(by)),
            Derived::Clamp(extent) => Some(from.offset.clamp(0, extent - 1)),
        };
        let uniform = self.flat.is_uniform(from);
        let value = self.flat.value(Value {
            constant: None,
            hoisted: None,
            folded: None,
            mutable: false,
            index: true,
            uniform,
        });
        self.indices[index.0 as usize] = value;
        match number {
            Some(number) => {
                self.known.insert(value, number);
            }
            None => self.push(Act::Index(derived, access), value, [NONE; 3]),
        }
    }

    /// The access at an index, in steps of `size`.
    fn access(&mut self, buffer: Option<Buffer>, at: &Affine, size: i64) -> u32 {
        let mut stream = Stream { buffer, steps: SmallVec::new() };
        let mut access =
            Access { stream: 0, offset: at.offset * size, lane: 0, indexed: SmallVec::new(), range: (0, 0) };
        let mut range = (at.offset, at.offset);
        for &(var, stride) in &at.strides {
            let counter = self.counters[usize::from(var.0)];
            access.offset += counter.base * stride * size;
            let (mut low, mut high) = (counter.base, counter.last);
            if counter.lanes {
                access.lane += stride * size;
                high += i64::from(self.lanes) - 1;
            }
            if stride < 0 {
                (low, high) = (high, low);
            }
            range = (range.0 + low * stride, range.1 + high * stride);
            if let Some((id, step)) = counter.repeats {
                stream.steps.push((id, stride * step * size));
            }
        }
        for &(index, scale) in &at.indexed {
            let value = self.indices[index.0 as usize];
            match self.known.get(&value) {
                Some(number) => {
                    access.offset = access.offset.wrapping_add(number.wrapping_mul(scale * size));
                    range = (i64::MIN, i64::MAX);
                }
                None => access.indexed.push((value, scale * size)),
            }
        }
        if !access.indexed.is_empty() {
            range = (i64::MIN, i64::MAX);
        }
        access.range = range;
        stream.steps.sort_unstable_by_key(|(id, _)| *id);
        access.stream = self.stream(stream);
        self.flat.accesses.push(access);
        self.flat.accesses.len() as u32 - 1
    }

    /// The place of a stream, whose parents are there too.
    fn stream(&mut self, mut stream: Stream) -> u32 {
        let mut child = None;
        let mut first = None;
        loop {
            let found = self.streams.get(&stream).copied();
            let place = found.unwrap_or_else(|| {
                let place = self.flat.streams.len() as u32;
                self.streams.insert(stream.clone(), place);
                self.flat.streams.push(stream.clone());
                self.flat.parents.push(place);
                if let Some((id, _)) = stream.steps.last() {
                    self.flat.loops[*id as usize].streams.push(place);
                }
                place
            });
            if let Some(child) = child {
                self.flat.parents[child as usize] = place;
            }
            let first = *first.get_or_insert(place);
            if found.is_some() || stream.steps.pop().is_none() {
                return first;
            }
            child = Some(place);
        }
    }
}

/// Whether a test of an integer holds.
fn holds(test: crate::lane::program::Test, n: i64) -> bool {
    match test {
        crate::lane::program::Test::Zero => n == 0,
        crate::lane::program::Test::NonNegative => n >= 0,
    }
}
