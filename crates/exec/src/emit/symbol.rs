//! Lanes that are written down instead of computed: the vector functions as operations of a lane program.
//!
//! A function of `vector` is run once over [`Symbol`], and every operation it does becomes one of a [`Template`]. So
//! code that is put in place of a call has the arithmetic of the function that was called, and its bits.

use crate::lane::program::{Binary, Comparison, Function, Op, Precision, Reg, Unary};
use crate::vector::function::canonical;
use crate::vector::lanes::{Float, Lanes, Scalar};
use crate::vector::{circular, exponential, logarithm};
use chainrule_core::ops::map::Map;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

thread_local! {
    /// What the function under way has done: the constructors of lanes have no operand that could carry it.
    static WRITTEN: RefCell<Vec<Op>> = const { RefCell::new(Vec::new()) };
}

/// The operations of a function of one number: register 0 is the argument, register `k + 1` is given by operation `k`,
/// and the last one is the result.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Template {
    pub(super) ops: Vec<Op>,
}

impl Template {
    /// Its statements in a loop: constants stand before it.
    pub(super) fn size(&self) -> usize {
        self.ops.iter().filter(|op| !matches!(op, Op::Const(_))).count()
    }
}

/// The operations of the function of this name; `None` where it stays a call.
pub(super) fn template(name: &str, precision: Precision) -> Option<Template> {
    match precision {
        Precision::F64 => body::<f64>(name),
        Precision::F32 => body::<f32>(name),
    }
}

fn body<F: Float>(name: &str) -> Option<Template> {
    let function: fn(Symbol<F>) -> Symbol<F> = match name {
        "exp" => exponential::exp,
        "expm1" => exponential::expm1,
        "tanh" => exponential::tanh,
        "sigmoid" => exponential::sigmoid,
        "softplus" => exponential::softplus,
        "log" => logarithm::log,
        "log1p" => logarithm::log1p,
        "sin" => circular::sin,
        "cos" => circular::cos,
        _ => return None,
    };
    WRITTEN.take();
    let result = canonical(function(Symbol { reg: Reg(0), number: PhantomData }));
    Some(needed(&WRITTEN.take(), result.reg))
}

/// The operations that a result is computed from, the result last.
fn needed(ops: &[Op], result: Reg) -> Template {
    let mut wanted = vec![false; ops.len() + 1];
    wanted[result.0 as usize] = true;
    for (k, op) in ops.iter().enumerate().rev() {
        if wanted[k + 1] {
            op.each_reg(&mut |r| wanted[r.0 as usize] = true);
        }
    }
    let mut names = vec![Reg(0); ops.len() + 1];
    let mut kept = Vec::new();
    for (k, op) in ops.iter().enumerate().filter(|(k, _)| wanted[k + 1]) {
        let mut op = op.clone();
        op.each_reg_mut(&mut |r| *r = names[r.0 as usize]);
        kept.push(op);
        names[k + 1] = Reg(kept.len() as u32);
    }
    Template { ops: kept }
}

/// A vector that is an operation.
#[derive(Copy, Clone)]
struct Symbol<F> {
    reg: Reg,
    number: PhantomData<F>,
}

impl<F: Float> Symbol<F> {
    fn of_op(op: Op) -> Self {
        let reg = WRITTEN.with_borrow_mut(|ops| {
            ops.push(op);
            Reg(ops.len() as u32)
        });
        Symbol { reg, number: PhantomData }
    }

    /// The operation that it is; `None` for the argument.
    fn op(self) -> Option<Op> {
        let place = self.reg.0.checked_sub(1)?;
        WRITTEN.with_borrow(|ops| ops.get(place as usize).cloned())
    }

    fn unary(self, f: Unary) -> Self {
        Self::of_op(Op::Unary(f, self.reg))
    }

    fn binary(self, f: Binary, b: Self) -> Self {
        Self::of_op(Op::Binary(f, self.reg, b.reg))
    }

    fn compare(f: Comparison, a: Self, b: Self) -> Self {
        Self::of_op(Op::Compare(f, a.reg, b.reg))
    }
}

macro_rules! operators {
    ($($trait:ident $name:ident),*) => { $(
        impl<F: Float> $trait for Symbol<F> {
            type Output = Self;
            fn $name(self, b: Self) -> Self {
                self.binary(Binary::$trait, b)
            }
        }
    )* };
}
operators!(Add add, Sub sub, Mul mul, Div div);

impl<F: Float> Neg for Symbol<F> {
    type Output = Self;
    fn neg(self) -> Self {
        match self.op() {
            Some(Op::Const(x)) => Self::of_op(Op::Const(-x)),
            _ => self.unary(Unary::Neg),
        }
    }
}

impl<F: Float> Lanes for Symbol<F> {
    type F = F;

    fn splat(x: F) -> Self {
        // A single is a double too, and every NaN among the constants is the canonical one.
        Self::of_op(Op::Const(match F::WIDTH {
            64 => f64::from_bits(x.bits()),
            _ => f64::from(f32::from_bits(x.bits() as u32)),
        }))
    }
    fn fma(self, b: Self, c: Self) -> Self {
        match self.op() {
            Some(Op::Unary(Unary::Neg, a)) => Self::of_op(Op::NegMulAdd(a, b.reg, c.reg)),
            _ => Self::of_op(Op::MulAdd(self.reg, b.reg, c.reg)),
        }
    }
    fn sqrt(self) -> Self {
        self.unary(Unary::Sqrt)
    }
    fn round(self) -> Self {
        self.unary(Unary::Round)
    }
    fn floor(self) -> Self {
        self.unary(Unary::Floor)
    }
    fn min(self, b: Self) -> Self {
        self.binary(Binary::Min, b)
    }
    fn max(self, b: Self) -> Self {
        self.binary(Binary::Max, b)
    }
    fn and(self, b: Self) -> Self {
        self.binary(Binary::And, b)
    }
    fn or(self, b: Self) -> Self {
        self.binary(Binary::Or, b)
    }
    fn xor(self, b: Self) -> Self {
        self.binary(Binary::Xor, b)
    }
    fn shl(self, by: u32) -> Self {
        self.unary(Unary::ShiftUp(by as u8))
    }
    fn shr(self, by: u32) -> Self {
        self.unary(Unary::ShiftDown(by as u8))
    }
    fn iadd(self, b: Self) -> Self {
        self.binary(Binary::IntAdd, b)
    }
    fn isub(self, b: Self) -> Self {
        match b.op() {
            Some(Op::Const(x)) if x.to_bits() == 0 => self,
            _ => self.binary(Binary::IntSub, b),
        }
    }
    fn lt(self, b: Self) -> Self {
        Self::compare(Comparison::Greater, b, self)
    }
    fn le(self, b: Self) -> Self {
        Self::compare(Comparison::GreaterEqual, b, self)
    }
    fn equal(self, b: Self) -> Self {
        Self::compare(Comparison::Equal, self, b)
    }
    fn nan(self) -> Self {
        Self::compare(Comparison::NotEqual, self, self)
    }
    fn select(mask: Self, a: Self, b: Self) -> Self {
        Self::of_op(Op::Select(mask.reg, a.reg, b.reg))
    }
    fn or_scalar(mask: Self, x: Self, y: Self, which: Scalar) -> Self {
        let name = match which {
            Scalar::Sin => "sin",
            Scalar::Cos => "cos",
            Scalar::Tan => "tan",
        };
        let map = Map::by_name(name).expect("invariant: the scalar functions are maps");
        Self::of_op(Op::CallWhere(Function(map.id), mask.reg, x.reg, y.reg))
    }
    fn abs(self) -> Self {
        self.unary(Unary::Abs)
    }
}
