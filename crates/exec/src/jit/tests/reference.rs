//! The plainest executor: one lane after the other, as the comments of the program's types say.

use crate::lane::program::{
    Address, Affine, Binary, Comparison, Fold, IndexOp, Op, Precision, Program, Stmt, Test, Unary, Var,
};

/// A register: the bits of up to 8 lanes.
type Lanes = [u64; 8];

struct State<'b> {
    precision: Precision,
    width: usize,
    regs: Vec<Lanes>,
    indices: Vec<[i64; 8]>,
    vars: Vec<i64>,
    /// The counter whose value differs by lane, and the lanes it reaches.
    lanes: Option<Var>,
    active: usize,
    buffers: &'b mut [Vec<u8>],
}

/// Runs a program.
pub(super) fn run(program: &Program, buffers: &mut [Vec<u8>]) {
    let width = program.precision.lanes();
    let mut state = State {
        precision: program.precision,
        width,
        regs: vec![[0; 8]; program.regs as usize],
        indices: vec![[0; 8]; program.indices as usize],
        vars: vec![0; usize::from(program.vars)],
        lanes: None,
        active: width,
        buffers,
    };
    state.body(&program.body);
}

/// Whether the bits of a number are those of a NaN.
pub(super) fn is_nan(bytes: &[u8]) -> bool {
    match bytes.len() {
        8 => f64::from_le_bytes(bytes.try_into().unwrap()).is_nan(),
        _ => f32::from_le_bytes(bytes.try_into().unwrap()).is_nan(),
    }
}

macro_rules! numbers {
    ($name:ident, $type:ty, $bits:ty) => {
        mod $name {
            use super::*;

            fn n(bits: u64) -> $type {
                <$type>::from_bits(bits as $bits)
            }

            fn b(n: $type) -> u64 {
                u64::from(n.to_bits())
            }

            pub(super) fn number(n: f64) -> u64 {
                b(n as $type)
            }

            pub(super) fn integer(n: i64) -> u64 {
                b(n as $type)
            }

            pub(super) fn mask(holds: bool) -> u64 {
                if holds { u64::from(<$bits>::MAX) } else { 0 }
            }

            pub(super) fn unary(f: Unary, x: u64) -> u64 {
                match f {
                    Unary::Neg => x ^ b(-0.0),
                    Unary::Abs => x & !b(-0.0) & u64::from(<$bits>::MAX),
                    Unary::Sqrt => b(n(x).sqrt()),
                    Unary::Floor => b(n(x).floor()),
                    Unary::Ceil => b(n(x).ceil()),
                    Unary::Round => b(n(x).round_ties_even()),
                    Unary::Not => x ^ u64::from(<$bits>::MAX),
                    Unary::ShiftUp(by) => u64::from((x as $bits) << by),
                    Unary::ShiftDown(by) => x >> by,
                }
            }

            pub(super) fn binary(f: Binary, x: u64, y: u64) -> u64 {
                match f {
                    Binary::Add => b(n(x) + n(y)),
                    Binary::Sub => b(n(x) - n(y)),
                    Binary::Mul => b(n(x) * n(y)),
                    Binary::Div => b(n(x) / n(y)),
                    Binary::Min => {
                        if n(x) < n(y) {
                            x
                        } else {
                            y
                        }
                    }
                    Binary::Max => {
                        if n(x) > n(y) {
                            x
                        } else {
                            y
                        }
                    }
                    Binary::And => x & y,
                    Binary::AndNot => !x & y,
                    Binary::Or => x | y,
                    Binary::Xor => x ^ y,
                    Binary::IntAdd => u64::from((x as $bits).wrapping_add(y as $bits)),
                    Binary::IntSub => u64::from((x as $bits).wrapping_sub(y as $bits)),
                }
            }

            pub(super) fn fused(x: u64, y: u64, z: u64) -> u64 {
                b(n(x).mul_add(n(y), n(z)))
            }

            pub(super) fn compare(f: Comparison, x: u64, y: u64) -> u64 {
                mask(match f {
                    Comparison::Greater => n(x) > n(y),
                    Comparison::GreaterEqual => n(x) >= n(y),
                    Comparison::Equal => n(x) == n(y),
                    Comparison::NotEqual => n(x) != n(y),
                })
            }

            pub(super) fn call(function: u16, x: u64, y: u64) -> u64 {
                match function {
                    0 => b(n(x) * 0.5 + 1.25),
                    _ => b(n(x) - n(y) * 0.75),
                }
            }
        }
    };
}

numbers!(double, f64, u64);
numbers!(single, f32, u32);

/// The function of the precision.
macro_rules! by {
    ($state:expr, $function:ident ( $($arg:expr),* )) => {
        match $state.precision {
            Precision::F64 => double::$function($($arg),*),
            Precision::F32 => single::$function($($arg),*),
        }
    };
}

impl State<'_> {
    fn index(&self, at: &Affine, lane: usize) -> i64 {
        let counter =
            |var: Var| self.vars[usize::from(var.0)] + if self.lanes == Some(var) { lane as i64 } else { 0 };
        let counters: i64 = at.strides.iter().map(|(var, stride)| counter(*var) * stride).sum();
        let indexed: i64 =
            at.indexed.iter().map(|(index, scale)| self.indices[index.0 as usize][lane] * scale).sum();
        at.offset + counters + indexed
    }

    fn place(&self, address: &Address, lane: usize, size: usize) -> std::ops::Range<usize> {
        let at = usize::try_from(self.index(&address.at, lane)).unwrap() * size;
        at..at + size
    }

    fn read_integer(&self, address: &Address, lane: usize) -> i64 {
        let place = self.place(address, lane, 8);
        i64::from_le_bytes(self.buffers[usize::from(address.buffer.0)][place].try_into().unwrap())
    }

    fn read(&self, address: &Address, lane: usize) -> u64 {
        let size = self.precision.bytes();
        let mut bytes = [0; 8];
        bytes[..size]
            .copy_from_slice(&self.buffers[usize::from(address.buffer.0)][self.place(address, lane, size)]);
        u64::from_le_bytes(bytes)
    }

    fn sign(&self, bits: u64) -> bool {
        bits >> (8 * self.precision.bytes() - 1) == 1
    }

    fn op(&self, op: &Op, lane: usize) -> u64 {
        let r = |reg: &crate::lane::program::Reg| self.regs[reg.0 as usize][lane];
        match op {
            Op::Const(number) => by!(self, number(*number)),
            Op::Load(address) => self.read(address, lane),
            Op::LoadInt(address) => by!(self, integer(self.read_integer(address, lane))),
            Op::Count(at) => by!(self, integer(self.index(at, lane))),
            Op::Test(Test::Zero, at) => by!(self, mask(self.index(at, lane) == 0)),
            Op::Test(Test::NonNegative, at) => by!(self, mask(self.index(at, lane) >= 0)),
            Op::Unary(f, x) => by!(self, unary(*f, r(x))),
            Op::Binary(f, x, y) => by!(self, binary(*f, r(x), r(y))),
            Op::MulAdd(x, y, z) => by!(self, fused(r(x), r(y), r(z))),
            Op::NegMulAdd(x, y, z) => by!(self, fused(by!(self, unary(Unary::Neg, r(x))), r(y), r(z))),
            Op::Compare(f, x, y) => by!(self, compare(*f, r(x), r(y))),
            Op::Select(mask, x, y) => {
                if self.sign(r(mask)) {
                    r(x)
                } else {
                    r(y)
                }
            }
            Op::CallWhere(f, mask, x, y) => {
                if self.sign(r(mask)) {
                    by!(self, call(f.0, r(x), 0))
                } else {
                    r(y)
                }
            }
            Op::Call(f, args) => by!(self, call(f.0, r(&args[0]), args.get(1).map_or(0, r))),
            Op::Fold(f, x) => {
                let f = match f {
                    Fold::Sum => Binary::Add,
                    Fold::Product => Binary::Mul,
                    Fold::Max => Binary::Max,
                    Fold::Min => Binary::Min,
                };
                let mut lanes = self.regs[x.0 as usize];
                let mut half = self.width / 2;
                while half > 0 {
                    for k in 0..half {
                        lanes[k] = by!(self, binary(f, lanes[k], lanes[k + half]));
                    }
                    half /= 2;
                }
                lanes[0]
            }
        }
    }

    fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            match stmt {
                Stmt::Let(reg, op) => {
                    for lane in 0..self.active {
                        self.regs[reg.0 as usize][lane] = self.op(op, lane);
                    }
                }
                Stmt::Index(index, op) => {
                    for lane in 0..self.active {
                        self.indices[index.0 as usize][lane] = match op {
                            IndexOp::Load(address) => self.read_integer(address, lane),
                            IndexOp::Quotient(at, by) => self.index(at, lane).div_euclid(*by),
                            IndexOp::Remainder(at, by) => self.index(at, lane).rem_euclid(*by),
                            IndexOp::Clamp(at, extent) => self.index(at, lane).clamp(0, extent - 1),
                        };
                    }
                }
                Stmt::Set(to, from) => {
                    for lane in 0..self.active {
                        self.regs[to.0 as usize][lane] = self.regs[from.0 as usize][lane];
                    }
                }
                Stmt::Store(address, reg) => {
                    let size = self.precision.bytes();
                    for lane in 0..if self.lanes.is_some() { self.active } else { 1 } {
                        let bytes = self.regs[reg.0 as usize][lane].to_le_bytes();
                        let place = self.place(address, lane, size);
                        self.buffers[usize::from(address.buffer.0)][place].copy_from_slice(&bytes[..size]);
                    }
                }
                Stmt::Loop { var, from, to, lanes, body } => {
                    let step = if *lanes { self.width as i64 } else { 1 };
                    let mut counter = *from;
                    while counter < *to {
                        self.vars[usize::from(var.0)] = counter;
                        if *lanes {
                            self.lanes = Some(*var);
                            self.active = (*to - counter).min(step) as usize;
                        }
                        self.body(body);
                        counter += step;
                    }
                    if *lanes {
                        (self.lanes, self.active) = (None, self.width);
                    }
                }
            }
        }
    }
}
