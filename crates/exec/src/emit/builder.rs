//! Writing lane programs: every value once, as far out of the loops as it can stand.

use crate::lane::program::{
    Address, Affine, Binary, Comparison, Fold, Function, Index, IndexOp, Op, Reg, Stmt, Test, Unary, Var,
};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// What makes two operations the same: all of an [`Op`], numbers by their bits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Const(u64),
    Load(Address),
    LoadInt(Address),
    Count(Affine),
    Test(Test, Affine),
    Unary(Unary, Reg),
    Binary(Binary, Reg, Reg),
    MulAdd(Reg, Reg, Reg),
    NegMulAdd(Reg, Reg, Reg),
    Compare(Comparison, Reg, Reg),
    Select(Reg, Reg, Reg),
    Call(Function, SmallVec<[Reg; 2]>),
    CallWhere(Function, Reg, Reg, Reg),
    Fold(Fold, Reg),
}

impl Key {
    pub(super) fn of(op: &Op) -> Key {
        match op.clone() {
            Op::Const(x) => Key::Const(x.to_bits()),
            Op::Load(a) => Key::Load(a),
            Op::LoadInt(a) => Key::LoadInt(a),
            Op::Count(a) => Key::Count(a),
            Op::Test(t, a) => Key::Test(t, a),
            Op::Unary(f, a) => Key::Unary(f, a),
            Op::Binary(f, a, b) => Key::Binary(f, a, b),
            Op::MulAdd(a, b, c) => Key::MulAdd(a, b, c),
            Op::NegMulAdd(a, b, c) => Key::NegMulAdd(a, b, c),
            Op::Compare(f, a, b) => Key::Compare(f, a, b),
            Op::Select(a, b, c) => Key::Select(a, b, c),
            Op::Call(f, args) => Key::Call(f, args),
            Op::CallWhere(f, m, x, y) => Key::CallWhere(f, m, x, y),
            Op::Fold(f, a) => Key::Fold(f, a),
        }
    }
}

/// A register's place and, where known, its number.
#[derive(Copy, Clone)]
struct Info {
    level: usize,
    constant: Option<f64>,
}

/// Statements at each depth of a nest of loops, and what they have computed.
pub(super) struct Builder {
    /// First and one past the last value of each counter, outermost first.
    pub(super) ranges: Vec<(i64, i64)>,
    /// Statements before the loop inside each depth.
    pub(super) before: Vec<Vec<Stmt>>,
    /// Statements after it.
    pub(super) after: Vec<Vec<Stmt>>,
    regs: Vec<Info>,
    indices: Vec<(usize, (i64, i64))>,
    known: FxHashMap<Key, Reg>,
    known_indices: FxHashMap<IndexKey, Index>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum IndexKey {
    Load(Address),
    Quotient(Affine, i64),
    Remainder(Affine, i64),
    Clamp(Affine, i64),
}

impl Builder {
    /// No statements, in loops of the given extents.
    pub(super) fn new(extents: &[usize]) -> Builder {
        let depth = extents.len() + 1;
        Builder {
            ranges: extents.iter().map(|&e| (0, e as i64)).collect(),
            before: vec![Vec::new(); depth],
            after: vec![Vec::new(); depth],
            regs: Vec::new(),
            indices: Vec::new(),
            known: FxHashMap::default(),
            known_indices: FxHashMap::default(),
        }
    }

    /// The depth inside all loops.
    pub(super) fn innermost(&self) -> usize {
        self.ranges.len()
    }

    /// Forgets what was computed inside all loops: the next segment computes it again.
    pub(super) fn next_segment(&mut self) -> Vec<Stmt> {
        let inner = self.innermost();
        let (regs, indices) = (&self.regs, &self.indices);
        self.known.retain(|_, r| regs[r.0 as usize].level < inner);
        self.known_indices.retain(|_, i| indices[i.0 as usize].0 < inner);
        std::mem::take(&mut self.before[inner])
    }

    fn level_of_affine(&self, at: &Affine) -> usize {
        let counters = at.strides.iter().map(|(v, _)| usize::from(v.0) + 1);
        let indices = at.indexed.iter().map(|(i, _)| self.indices[i.0 as usize].0);
        counters.chain(indices).max().unwrap_or(0)
    }

    fn level_of(&self, op: &Op) -> usize {
        let mut level = op.affine().map_or(0, |at| self.level_of_affine(at));
        op.each_reg(&mut |r| level = level.max(self.regs[r.0 as usize].level));
        level
    }

    /// Least and greatest value of an index.
    pub(super) fn range(&self, at: &Affine) -> (i64, i64) {
        let (mut low, mut high) = (at.offset, at.offset);
        let mut add = |scale: i64, (first, last): (i64, i64)| {
            let (a, b) = (scale.saturating_mul(first), scale.saturating_mul(last));
            low = low.saturating_add(a.min(b));
            high = high.saturating_add(a.max(b));
        };
        for &(var, stride) in &at.strides {
            let (from, to) = self.ranges[usize::from(var.0)];
            add(stride, (from, (to - 1).max(from)));
        }
        for &(index, scale) in &at.indexed {
            add(scale, self.indices[index.0 as usize].1);
        }
        (low, high)
    }

    /// An index register.
    pub(super) fn index(&mut self, op: IndexOp, range: (i64, i64)) -> Index {
        let (key, at) = match &op {
            IndexOp::Load(a) => (IndexKey::Load(a.clone()), &a.at),
            IndexOp::Quotient(at, d) => (IndexKey::Quotient(at.clone(), *d), at),
            IndexOp::Remainder(at, d) => (IndexKey::Remainder(at.clone(), *d), at),
            IndexOp::Clamp(at, n) => (IndexKey::Clamp(at.clone(), *n), at),
        };
        if let Some(&known) = self.known_indices.get(&key) {
            return known;
        }
        let level = self.level_of_affine(at);
        let index = Index(self.indices.len() as u32);
        self.indices.push((level, range));
        self.known_indices.insert(key, index);
        self.before[level].push(Stmt::Index(index, op));
        index
    }

    /// The number that a register always holds.
    pub(super) fn constant_of(&self, reg: Reg) -> Option<f64> {
        self.regs[reg.0 as usize].constant
    }

    /// A register with the value of an operation, computed where its operands allow.
    pub(super) fn op(&mut self, op: Op) -> Reg {
        if let Some(simple) = self.simplified(&op) {
            return simple;
        }
        let key = Key::of(&op);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let level = self.level_of(&op);
        let constant = match op {
            Op::Const(x) => Some(x),
            _ => None,
        };
        let reg = self.fresh(level, constant);
        self.before[level].push(Stmt::Let(reg, op));
        self.known.insert(key, reg);
        reg
    }

    /// A register whose value is never taken from an earlier one: what it reads may have changed.
    pub(super) fn op_anew(&mut self, op: Op, level: usize) -> Reg {
        let reg = self.fresh(level, None);
        self.before[level].push(Stmt::Let(reg, op));
        reg
    }

    /// As [`Builder::op`], after the loop inside a depth.
    pub(super) fn op_after(&mut self, op: Op, level: usize) -> Reg {
        let reg = self.fresh(level, None);
        self.after[level].push(Stmt::Let(reg, op));
        reg
    }

    /// An accumulator, declared at a depth; what is computed from it stands inside all loops.
    pub(super) fn accumulator(&mut self, level: usize, identity: f64) -> Reg {
        let reg = self.fresh(self.innermost(), None);
        self.before[level].push(Stmt::Let(reg, Op::Const(identity)));
        reg
    }

    fn fresh(&mut self, level: usize, constant: Option<f64>) -> Reg {
        let reg = Reg(self.regs.len() as u32);
        self.regs.push(Info { level, constant });
        reg
    }

    /// Identities that hold for every number, NaN and infinities included.
    fn simplified(&mut self, op: &Op) -> Option<Reg> {
        match *op {
            Op::Binary(Binary::Mul, a, b) => match (self.constant_of(a), self.constant_of(b)) {
                (Some(x), Some(y)) => Some(self.number(x * y)),
                (Some(1.0), None) => Some(b),
                (None, Some(1.0)) => Some(a),
                (Some(-1.0), None) => Some(self.op(Op::Unary(Unary::Neg, b))),
                (None, Some(-1.0)) => Some(self.op(Op::Unary(Unary::Neg, a))),
                _ if a > b => Some(self.op(Op::Binary(Binary::Mul, b, a))),
                _ => None,
            },
            Op::Binary(Binary::Add, a, b) => match (self.constant_of(a), self.constant_of(b)) {
                (Some(x), Some(y)) => Some(self.number(x + y)),
                _ if a > b => Some(self.op(Op::Binary(Binary::Add, b, a))),
                _ => None,
            },
            Op::Binary(Binary::Div, a, b) => match (self.constant_of(a), self.constant_of(b)) {
                (_, Some(1.0)) => Some(a),
                _ => None,
            },
            Op::MulAdd(a, b, c) => match (self.constant_of(a), self.constant_of(b)) {
                (Some(x), Some(y)) => {
                    let xy = self.number(x * y);
                    Some(self.op(Op::Binary(Binary::Add, xy, c)))
                }
                (Some(1.0), _) => Some(self.op(Op::Binary(Binary::Add, b, c))),
                (_, Some(1.0)) => Some(self.op(Op::Binary(Binary::Add, a, c))),
                _ if a > b => Some(self.op(Op::MulAdd(b, a, c))),
                _ => None,
            },
            Op::Test(test, ref at) => {
                let (low, high) = self.range(at);
                let decided = match test {
                    Test::NonNegative if low >= 0 => Some(true),
                    Test::NonNegative if high < 0 => Some(false),
                    Test::Zero if low == 0 && high == 0 => Some(true),
                    Test::Zero if low > 0 || high < 0 => Some(false),
                    _ => None,
                };
                decided.map(|holds| self.mask(holds))
            }
            _ => None,
        }
    }

    /// A number in every lane.
    pub(super) fn number(&mut self, x: f64) -> Reg {
        self.op(Op::Const(x))
    }

    /// A mask that always holds, or never.
    pub(super) fn mask(&mut self, holds: bool) -> Reg {
        let zero = self.number(0.0);
        let f = if holds { Comparison::Equal } else { Comparison::NotEqual };
        self.op(Op::Compare(f, zero, zero))
    }

    pub(super) fn binary(&mut self, f: Binary, a: Reg, b: Reg) -> Reg {
        self.op(Op::Binary(f, a, b))
    }

    pub(super) fn compare(&mut self, f: Comparison, a: Reg, b: Reg) -> Reg {
        self.op(Op::Compare(f, a, b))
    }

    /// `x` where `a < b` fails … the larger of two; NaN wins, the first of equals.
    pub(super) fn larger(&mut self, a: Reg, b: Reg, f: Binary) -> Reg {
        let best = self.binary(f, b, a);
        let bad = self.compare(Comparison::NotEqual, b, b);
        self.op(Op::Select(bad, b, best))
    }

    /// `x^power` by squaring.
    pub(super) fn power(&mut self, x: Reg, power: u32) -> Reg {
        let (mut base, mut rest, mut result) = (x, power, None);
        loop {
            if rest & 1 == 1 {
                result = Some(match result {
                    None => base,
                    Some(r) => self.binary(Binary::Mul, r, base),
                });
            }
            rest >>= 1;
            if rest == 0 {
                return result.unwrap_or(base);
            }
            base = self.binary(Binary::Mul, base, base);
        }
    }

    /// A function of the table of maps.
    pub(super) fn map(&mut self, name: &str, id: u16, args: &[Reg]) -> Reg {
        let x = args[0];
        match name {
            "sqrt" => self.op(Op::Unary(Unary::Sqrt, x)),
            "abs" => self.op(Op::Unary(Unary::Abs, x)),
            "floor" => self.op(Op::Unary(Unary::Floor, x)),
            "ceil" => self.op(Op::Unary(Unary::Ceil, x)),
            "round" => self.op(Op::Unary(Unary::Round, x)),
            "recip" => {
                let one = self.number(1.0);
                self.binary(Binary::Div, one, x)
            }
            "relu" => {
                let zero = self.number(0.0);
                let off = self.compare(Comparison::GreaterEqual, zero, x);
                self.binary(Binary::AndNot, off, x)
            }
            "max" => self.larger(x, args[1], Binary::Max),
            "min" => self.larger(x, args[1], Binary::Min),
            "clip" => {
                let above = self.compare(Comparison::Greater, x, args[2]);
                let upper = self.op(Op::Select(above, args[2], x));
                let below = self.compare(Comparison::Greater, args[1], x);
                self.op(Op::Select(below, args[1], upper))
            }
            "sign" => {
                let (zero, one, minus) = (self.number(0.0), self.number(1.0), self.number(-1.0));
                let (up, down) =
                    (self.compare(Comparison::Greater, x, zero), self.compare(Comparison::Greater, zero, x));
                let (up, down) = (self.binary(Binary::And, up, one), self.binary(Binary::And, down, minus));
                let sign = self.binary(Binary::Or, up, down);
                let bad = self.compare(Comparison::NotEqual, x, x);
                self.op(Op::Select(bad, x, sign))
            }
            _ => self.op(Op::Call(Function(id), args.iter().copied().collect())),
        }
    }
}

/// The counter of the loop at a depth.
pub(super) fn counter(depth: usize) -> Var {
    Var(depth as u16)
}
