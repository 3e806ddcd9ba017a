//! The interpreter of lane programs: the portable back end, and the judge of the machine-code writer.
//!
//! Each statement is carried out for a block of lanes at a time, so that the cost of looking at a statement is shared.
//! Where a lane loop feeds an accumulator the block is one register, which keeps the order of additions that machine
//! code has: both answer the same bits.
#![allow(unsafe_code)]

use super::number::Number;
use super::program::{
    Address, Affine, Binary, Comparison, Fold, Function, Index, IndexOp, Op, Program, Reg, Stmt, Test, Unary,
};
use smallvec::SmallVec;

/// Lanes of a block in a loop without accumulators.
const BLOCK: usize = 64;

/// Vector functions: results of the function with this number for its arguments, slices of equal length.
pub type Functions<T> = dyn Fn(Function, &[&[T]], &mut [T]) + Sync;

/// Registers and counters of a run; kept between runs, so that none allocates.
#[derive(Clone, Default)]
pub struct Scratch<T> {
    regs: Vec<T>,
    indices: Vec<i64>,
    counters: Vec<i64>,
    spare: Vec<T>,
}

/// Where the interpreter is: how many lanes are live, and whose counter they are.
#[derive(Copy, Clone)]
struct Frame {
    width: usize,
    lane_var: Option<super::program::Var>,
}

struct Machine<'a, T> {
    program: &'a Program,
    functions: &'a Functions<T>,
    buffers: &'a [*mut u8],
    scratch: &'a mut Scratch<T>,
}

/// Runs a program.
///
/// # Safety
/// Every element that the program's addresses reach lies inside the buffer it names, buffers of integers hold `i64`,
/// all others `T`; no other thread writes what is read, or reads what is written.
// Kept out of the loop over steps, whose machine code a call of twenty nanoseconds consists of.
#[inline(never)]
pub unsafe fn run<T: Number>(
    program: &Program,
    functions: &Functions<T>,
    buffers: &[*mut u8],
    scratch: &mut Scratch<T>,
) {
    scratch.regs.resize(program.regs as usize * BLOCK, T::default());
    scratch.indices.resize(program.indices as usize * BLOCK, 0);
    scratch.counters.resize(usize::from(program.vars), 0);
    let mut machine = Machine { program, functions, buffers, scratch };
    machine.run(&program.body, Frame { width: 1, lane_var: None });
}

/// One value of an iteration over the statements of a program: a loop under way.
struct Level<'a> {
    body: &'a [Stmt],
    next: usize,
    header: Option<Header>,
    frame: Frame,
}

#[derive(Copy, Clone)]
struct Header {
    var: super::program::Var,
    to: i64,
    step: i64,
    lanes: bool,
}

impl<T: Number> Machine<'_, T> {
    /// Carries out a body; loops are kept on a stack of our own.
    fn run(&mut self, body: &[Stmt], frame: Frame) {
        let mut levels = vec![Level { body, next: 0, header: None, frame }];
        while let Some(level) = levels.last_mut() {
            let Some(stmt) = level.body.get(level.next) else {
                let Some(header) = level.header else {
                    levels.pop();
                    continue;
                };
                let at = &mut self.scratch.counters[usize::from(header.var.0)];
                *at += header.step;
                if *at < header.to {
                    level.next = 0;
                    if header.lanes {
                        level.frame.width = (header.to - *at).min(header.step) as usize;
                    }
                } else {
                    levels.pop();
                }
                continue;
            };
            level.next += 1;
            let frame = level.frame;
            match stmt {
                Stmt::Let(reg, op) => self.compute(*reg, op, frame),
                Stmt::Index(index, op) => self.locate(*index, op, frame),
                Stmt::Set(to, from) => self.set(*to, *from, frame),
                Stmt::Store(address, reg) => self.store(address, *reg, frame),
                Stmt::Loop { var, from, to, lanes, body } => {
                    if from >= to {
                        continue;
                    }
                    self.scratch.counters[usize::from(var.0)] = *from;
                    let step = if *lanes { self.block(body) as i64 } else { 1 };
                    let frame = if *lanes {
                        Frame { width: (to - from).min(step) as usize, lane_var: Some(*var) }
                    } else {
                        frame
                    };
                    let header = Some(Header { var: *var, to: *to, step, lanes: *lanes });
                    levels.push(Level { body, next: 0, header, frame });
                }
            }
        }
    }

    /// Lanes carried out together: one register where an accumulator fixes the order, else a block.
    fn block(&self, body: &[Stmt]) -> usize {
        let mut open = vec![body];
        while let Some(body) = open.pop() {
            for stmt in body {
                match stmt {
                    Stmt::Set(..) => return self.program.precision.lanes(),
                    Stmt::Loop { body, .. } => open.push(body),
                    _ => {}
                }
            }
        }
        BLOCK
    }

    fn reg(&self, reg: Reg, width: usize) -> &[T] {
        &self.scratch.regs[reg.0 as usize * BLOCK..][..width]
    }

    /// The index of lane `lane`.
    fn place(&self, at: &Affine, frame: Frame, lane: usize) -> i64 {
        let mut place = at.offset;
        for &(var, stride) in &at.strides {
            let mut counter = self.scratch.counters[usize::from(var.0)];
            if Some(var) == frame.lane_var {
                counter += lane as i64;
            }
            place += stride * counter;
        }
        for &(index, scale) in &at.indexed {
            place += scale * self.scratch.indices[index.0 as usize * BLOCK + lane];
        }
        place
    }

    /// How far the index moves from lane to lane, if by a fixed amount.
    fn lane_stride(at: &Affine, frame: Frame) -> Option<i64> {
        at.indexed.is_empty().then(|| frame.lane_var.map_or(0, |var| at.stride(var)))
    }

    fn load(&self, address: &Address, frame: Frame, out: &mut [T]) {
        let base = self.buffers[usize::from(address.buffer.0)].cast::<T>().cast_const();
        if let Some(stride) = Self::lane_stride(&address.at, frame) {
            let first = self.place(&address.at, frame, 0);
            // SAFETY: by the contract of `run`, every element that an address reaches is in its buffer.
            unsafe {
                match stride {
                    0 => out.fill(*base.offset(first as isize)),
                    1 => std::ptr::copy_nonoverlapping(
                        base.offset(first as isize),
                        out.as_mut_ptr(),
                        out.len(),
                    ),
                    _ => {
                        for (lane, value) in out.iter_mut().enumerate() {
                            *value = *base.offset((first + stride * lane as i64) as isize);
                        }
                    }
                }
            }
            return;
        }
        for (lane, value) in out.iter_mut().enumerate() {
            let place = self.place(&address.at, frame, lane);
            // SAFETY: as above.
            *value = unsafe { *base.offset(place as isize) };
        }
    }

    fn integer(&self, address: &Address, frame: Frame, lane: usize) -> i64 {
        let base = self.buffers[usize::from(address.buffer.0)].cast::<i64>().cast_const();
        let place = self.place(&address.at, frame, lane);
        // SAFETY: as in `load`; the buffer holds integers.
        unsafe { *base.offset(place as isize) }
    }

    fn store(&mut self, address: &Address, reg: Reg, frame: Frame) {
        let base = self.buffers[usize::from(address.buffer.0)].cast::<T>();
        for lane in 0..frame.width {
            let place = self.place(&address.at, frame, lane);
            let value = self.scratch.regs[reg.0 as usize * BLOCK + lane];
            // SAFETY: as in `load`, and nobody else reads what is written.
            unsafe { *base.offset(place as isize) = value };
        }
    }

    fn locate(&mut self, index: Index, op: &IndexOp, frame: Frame) {
        for lane in 0..frame.width {
            let value = match op {
                IndexOp::Load(address) => self.integer(address, frame, lane),
                IndexOp::Quotient(at, d) => self.place(at, frame, lane).div_euclid(*d),
                IndexOp::Remainder(at, d) => self.place(at, frame, lane).rem_euclid(*d),
                IndexOp::Clamp(at, extent) => self.place(at, frame, lane).clamp(0, extent - 1),
            };
            self.fill_index(index, lane, value, frame);
        }
    }

    /// Outside a lane loop an index is the same in every lane of any loop that reads it.
    fn fill_index(&mut self, index: Index, lane: usize, value: i64, frame: Frame) {
        let lanes = &mut self.scratch.indices[index.0 as usize * BLOCK..][..BLOCK];
        match frame.lane_var {
            Some(_) => lanes[lane] = value,
            None => lanes.fill(value),
        }
    }

    /// An accumulator changes in live lanes; outside a lane loop in all.
    fn set(&mut self, to: Reg, from: Reg, frame: Frame) {
        let width = if frame.lane_var.is_some() { frame.width } else { BLOCK };
        let (to, from) = (to.0 as usize * BLOCK, from.0 as usize * BLOCK);
        self.scratch.regs.copy_within(from..from + width, to);
    }

    fn compute(&mut self, reg: Reg, op: &Op, frame: Frame) {
        // A uniform value is kept in every lane, because a lane loop may read it.
        // A comparison may ask each lane of an accumulator, and its answer be folded.
        let lanes = match op {
            Op::Compare(..) | Op::Binary(Binary::And, ..) => self.program.precision.lanes(),
            _ => 1,
        };
        let width = if frame.lane_var.is_some() { frame.width } else { lanes };
        let mut out = std::mem::take(&mut self.scratch.spare);
        out.resize(BLOCK, T::default());
        self.compute_into(op, frame, width, &mut out[..width]);
        let place = &mut self.scratch.regs[reg.0 as usize * BLOCK..][..BLOCK];
        match frame.lane_var {
            Some(_) => place[..width].copy_from_slice(&out[..width]),
            None => {
                place.fill(out[0]);
                place[..width].copy_from_slice(&out[..width]);
            }
        }
        self.scratch.spare = out;
    }

    fn compute_into(&self, op: &Op, frame: Frame, width: usize, out: &mut [T]) {
        let mask = |holds: bool| if holds { T::TRUE } else { T::from_bits(0) };
        match op {
            Op::Const(x) => out.fill(T::of(*x)),
            Op::Load(address) => self.load(address, frame, out),
            Op::LoadInt(address) => {
                out.iter_mut()
                    .enumerate()
                    .for_each(|(l, y)| *y = T::of(self.integer(address, frame, l) as f64));
            }
            Op::Count(at) => {
                out.iter_mut().enumerate().for_each(|(l, y)| *y = T::of(self.place(at, frame, l) as f64));
            }
            Op::Test(test, at) => {
                for (lane, y) in out.iter_mut().enumerate() {
                    let n = self.place(at, frame, lane);
                    *y = mask(match test {
                        Test::Zero => n == 0,
                        Test::NonNegative => n >= 0,
                    });
                }
            }
            Op::Unary(f, a) => {
                let a = self.reg(*a, width);
                match f {
                    Unary::Neg => map(a, out, |x| -x),
                    Unary::Abs => map(a, out, |x| x.abs()),
                    Unary::Sqrt => map(a, out, |x| x.sqrt()),
                    Unary::Floor => map(a, out, |x| x.floor()),
                    Unary::Ceil => map(a, out, Number::ceiling),
                    Unary::Round => map(a, out, Number::nearest),
                    Unary::Not => map(a, out, |x| T::from_bits(!x.bits())),
                    Unary::ShiftUp(by) => map(a, out, |x| T::from_bits(x.bits() << by)),
                    Unary::ShiftDown(by) => map(a, out, |x| T::from_bits(x.bits() >> by)),
                }
            }
            Op::Binary(f, a, b) => {
                let (a, b) = (self.reg(*a, width), self.reg(*b, width));
                binary(*f, a, b, out);
            }
            Op::MulAdd(a, b, c) | Op::NegMulAdd(a, b, c) => {
                let (a, b, c) = (self.reg(*a, width), self.reg(*b, width), self.reg(*c, width));
                let negate = matches!(op, Op::NegMulAdd(..));
                for k in 0..width {
                    out[k] = if negate { (-a[k]).fused(b[k], c[k]) } else { a[k].fused(b[k], c[k]) };
                }
            }
            Op::Compare(f, a, b) => {
                let (a, b) = (self.reg(*a, width), self.reg(*b, width));
                for k in 0..width {
                    out[k] = mask(match f {
                        Comparison::Greater => a[k] > b[k],
                        Comparison::GreaterEqual => a[k] >= b[k],
                        Comparison::Equal => a[k] == b[k],
                        Comparison::NotEqual => a[k] != b[k],
                    });
                }
            }
            Op::Select(m, a, b) => {
                let (m, a, b) = (self.reg(*m, width), self.reg(*a, width), self.reg(*b, width));
                for k in 0..width {
                    out[k] = if sign(m[k]) { a[k] } else { b[k] };
                }
            }
            Op::Call(f, args) => {
                let args: SmallVec<[&[T]; 2]> = args.iter().map(|&a| self.reg(a, width)).collect();
                (self.functions)(*f, &args, out);
            }
            Op::CallWhere(f, m, x, y) => {
                let (m, y) = (self.reg(*m, width), self.reg(*y, width));
                if m.iter().any(|&m| sign(m)) {
                    (self.functions)(*f, &[self.reg(*x, width)], out);
                    for k in (0..width).filter(|&k| !sign(m[k])) {
                        out[k] = y[k];
                    }
                } else {
                    out.copy_from_slice(y);
                }
            }
            Op::Fold(f, a) => {
                let mut lanes: SmallVec<[T; 8]> = self.reg(*a, self.program.precision.lanes()).into();
                while lanes.len() > 1 {
                    let half = lanes.len() / 2;
                    for k in 0..half {
                        let (x, y) = (lanes[k], lanes[k + half]);
                        lanes[k] = combine(*f, x, y);
                    }
                    lanes.truncate(half);
                }
                out.fill(lanes[0]);
            }
        }
    }
}

/// Whether the sign bit of a number is set.
fn sign<T: Number>(x: T) -> bool {
    x.bits() >> (8 * size_of::<T>() - 1) == 1
}

/// Two numbers combined by a fold.
fn combine<T: Number>(fold: Fold, a: T, b: T) -> T {
    let f = match fold {
        Fold::Sum => Binary::Add,
        Fold::Product => Binary::Mul,
        Fold::Max => Binary::Max,
        Fold::Min => Binary::Min,
    };
    let mut out = [T::default()];
    binary(f, &[a], &[b], &mut out);
    out[0]
}

fn map<T: Number>(a: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    out.iter_mut().zip(a).for_each(|(y, &x)| *y = f(x));
}

fn binary<T: Number>(f: Binary, a: &[T], b: &[T], out: &mut [T]) {
    fn each<T: Number>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
        for ((y, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *y = f(a, b);
        }
    }
    match f {
        Binary::Add => each(a, b, out, |a, b| a + b),
        Binary::Sub => each(a, b, out, |a, b| a - b),
        Binary::Mul => each(a, b, out, |a, b| a * b),
        Binary::Div => each(a, b, out, |a, b| a / b),
        Binary::Min => each(a, b, out, |a, b| if a < b { a } else { b }),
        Binary::Max => each(a, b, out, |a, b| if a > b { a } else { b }),
        Binary::And => each(a, b, out, |a, b| T::from_bits(a.bits() & b.bits())),
        Binary::AndNot => each(a, b, out, |a, b| T::from_bits(!a.bits() & b.bits())),
        Binary::Or => each(a, b, out, |a, b| T::from_bits(a.bits() | b.bits())),
        Binary::Xor => each(a, b, out, |a, b| T::from_bits(a.bits() ^ b.bits())),
        Binary::IntAdd => each(a, b, out, |a, b| T::from_bits(a.bits().wrapping_add(b.bits()))),
        Binary::IntSub => each(a, b, out, |a, b| T::from_bits(a.bits().wrapping_sub(b.bits()))),
    }
}
