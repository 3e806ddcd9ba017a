//! Lane programs: structured loops around straight-line vector code.
//!
//! What every fused loop, every unrolled scalar program and every batched map is lowered to, and what both back ends
//! (the interpreter and the machine-code writer) execute with the same bits. A register holds one vector: 4 lanes of
//! f64 or 8 of f32. At most one enclosing loop is a *lane loop*: its counter differs from lane to lane; outside it
//! every lane of a register is equal (*uniform*).
//!
//! ```text
//! for i in 0..3                 y[i] = Σ_j V[i,j] x[j]
//!   acc = 0
//!   for lanes j in 0..n
//!     acc := fma(V[i*n + j], x[j], acc)
//!   y[i] = fold(+, acc)
//! ```

use smallvec::SmallVec;

/// The counter of a loop.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Var(pub u16);

/// A vector of numbers, or of masks (all bits of a lane set, or none).
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Reg(pub u32);

/// One integer for each lane: where to read.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Index(pub u32);

/// A buffer in the table that a program is run with.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Buffer(pub u16);

/// Numbers that a program computes with.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Precision {
    /// 8 bytes, 4 lanes.
    F64,
    /// 4 bytes, 8 lanes.
    F32,
}

impl Precision {
    /// Lanes of one register.
    pub fn lanes(self) -> usize {
        match self {
            Precision::F64 => 4,
            Precision::F32 => 8,
        }
    }

    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        32 / self.lanes()
    }
}

/// `offset + Σ stride · counter + Σ scale · index`, in elements.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Affine {
    /// Where all counters are 0.
    pub offset: i64,
    /// Counters with their non-zero strides, sorted by counter.
    pub strides: SmallVec<[(Var, i64); 4]>,
    /// Index registers with their scales, sorted by register.
    pub indexed: SmallVec<[(Index, i64); 1]>,
}

impl Affine {
    /// A number.
    pub fn constant(offset: i64) -> Affine {
        Affine { offset, ..Affine::default() }
    }

    /// The stride of a counter.
    pub fn stride(&self, var: Var) -> i64 {
        self.strides.iter().find(|(v, _)| *v == var).map_or(0, |(_, s)| *s)
    }

    /// Adds `stride · var`.
    pub fn step(&mut self, var: Var, stride: i64) {
        match self.strides.binary_search_by_key(&var, |(v, _)| *v) {
            Ok(k) => {
                self.strides[k].1 += stride;
                if self.strides[k].1 == 0 {
                    self.strides.remove(k);
                }
            }
            Err(k) if stride != 0 => self.strides.insert(k, (var, stride)),
            Err(_) => {}
        }
    }

    /// Adds `scale · index`.
    pub fn at(&mut self, index: Index, scale: i64) {
        match self.indexed.binary_search_by_key(&index, |(i, _)| *i) {
            Ok(k) => {
                self.indexed[k].1 += scale;
                if self.indexed[k].1 == 0 {
                    self.indexed.remove(k);
                }
            }
            Err(k) if scale != 0 => self.indexed.insert(k, (index, scale)),
            Err(_) => {}
        }
    }

    /// Adds `factor · other`.
    pub fn add(&mut self, other: &Affine, factor: i64) {
        self.offset += factor * other.offset;
        other.strides.iter().for_each(|&(v, s)| self.step(v, factor * s));
        other.indexed.iter().for_each(|&(i, s)| self.at(i, factor * s));
    }
}

/// Where a program reads or writes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Address {
    /// The buffer.
    pub buffer: Buffer,
    /// The element.
    pub at: Affine,
}

/// Functions of one number that the processor computes exactly rounded.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Unary {
    /// `-x`, the sign bit turned.
    Neg,
    /// `|x|`
    Abs,
    /// `√x`
    Sqrt,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Nearest integer, ties to even.
    Round,
    /// Every bit of a mask turned.
    Not,
    /// The bits of the number as an integer, moved up by fewer places than there are.
    ShiftUp(u8),
    /// The bits of the number as an integer without sign, moved down by fewer places than there are.
    ShiftDown(u8),
}

/// Functions of two numbers that the processor computes exactly rounded.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Binary {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a · b`
    Mul,
    /// `a / b`
    Div,
    /// `b` unless `a < b` — what the processor's instruction answers, NaN included: `a < b ? a : b`.
    Min,
    /// `a > b ? a : b`, so `b` where either is NaN.
    Max,
    /// Bitwise and: a mask and a number give the number where the mask holds, else +0.
    And,
    /// Bitwise and of the complement of `a` with `b`.
    AndNot,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Sum of the bits as integers, wrapping.
    IntAdd,
    /// Difference of the bits as integers, wrapping.
    IntSub,
}

impl Binary {
    /// Whether the operands may change places.
    pub fn commutes(self) -> bool {
        matches!(self, Binary::Add | Binary::Mul | Binary::And | Binary::Or | Binary::Xor | Binary::IntAdd)
    }
}

/// Comparisons: false where either is NaN, but for `NotEqual`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Comparison {
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterEqual,
    /// `a == b`
    Equal,
    /// `a != b`, true where either is NaN.
    NotEqual,
}

/// How the lanes of a register become one number.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Fold {
    /// By sums.
    Sum,
    /// By products.
    Product,
    /// By [`Binary::Max`].
    Max,
    /// By [`Binary::Min`].
    Min,
}

/// A test of an integer.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Test {
    /// `n == 0`
    Zero,
    /// `n >= 0`
    NonNegative,
}

/// A function of the table of vector functions, by its place in it.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Function(pub u16);

/// What a register is computed from.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// A number in every lane.
    Const(f64),
    /// Numbers from a buffer.
    Load(Address),
    /// Integers (i64) from a buffer, as numbers.
    LoadInt(Address),
    /// An index, as a number.
    Count(Affine),
    /// A mask: a test of an index.
    Test(Test, Affine),
    /// A function of one number.
    Unary(Unary, Reg),
    /// A function of two numbers.
    Binary(Binary, Reg, Reg),
    /// `a · b + c`, rounded once.
    MulAdd(Reg, Reg, Reg),
    /// `c - a · b`, rounded once.
    NegMulAdd(Reg, Reg, Reg),
    /// A mask.
    Compare(Comparison, Reg, Reg),
    /// `a` where the sign bit of the mask is set, else `b`.
    Select(Reg, Reg, Reg),
    /// A vector function of one or two numbers.
    Call(Function, SmallVec<[Reg; 2]>),
    /// Where the sign bit of the mask is set, a vector function of the first number, else the second number. Where it is
    /// set in no lane the function is not called: what is rare costs a test.
    CallWhere(Function, Reg, Reg, Reg),
    /// The lanes of a register made one: halves are combined until one lane is left, lane `k` with lane `k + half`.
    Fold(Fold, Reg),
}

/// What an index register is computed from.
#[derive(Clone, PartialEq, Debug)]
pub enum IndexOp {
    /// Integers (i64) from a buffer.
    Load(Address),
    /// Floor division by a positive number.
    Quotient(Affine, i64),
    /// Remainder of floor division by a positive number.
    Remainder(Affine, i64),
    /// The nearest of `0 .. extent`, so that a read whose value a mask discards stays inside its buffer.
    Clamp(Affine, i64),
}

/// A statement.
#[derive(Clone, PartialEq, Debug)]
pub enum Stmt {
    /// Gives a register its value; registers are given one value where they are declared.
    Let(Reg, Op),
    /// Gives an index register its value.
    Index(Index, IndexOp),
    /// Changes a register declared outside the innermost loop: an accumulator. In a lane loop only the lanes that the
    /// counter reaches change.
    Set(Reg, Reg),
    /// Writes the lanes that the counter reaches; a uniform value outside a lane loop is written once.
    Store(Address, Reg),
    /// Runs the body for `from <= counter < to`.
    Loop {
        /// The counter.
        var: Var,
        /// First value.
        from: i64,
        /// One past the last value.
        to: i64,
        /// Whether consecutive values share a register.
        lanes: bool,
        /// What is repeated.
        body: Vec<Stmt>,
    },
}

/// A program over a table of buffers.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    /// Numbers it computes with.
    pub precision: Precision,
    /// Registers it uses: all are below.
    pub regs: u32,
    /// Index registers it uses.
    pub indices: u32,
    /// Counters it uses.
    pub vars: u16,
    /// What is done.
    pub body: Vec<Stmt>,
}

impl Program {
    /// Whether a lane loop is as asked, given its range and its body.
    pub fn has_lane_loop(&self, asked: &dyn Fn(i64, i64, &[Stmt]) -> bool) -> bool {
        any_loop(&self.body, asked)
    }
}

/// Whether a lane loop is as asked, given its range and its body. Loops nest only as deep as an array has axes.
fn any_loop(body: &[Stmt], asked: &dyn Fn(i64, i64, &[Stmt]) -> bool) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Loop { from, to, lanes, body, .. } => {
            *lanes && asked(*from, *to, body) || any_loop(body, asked)
        }
        _ => false,
    })
}

impl Op {
    /// Calls `visit` on every register read.
    pub fn each_reg(&self, visit: &mut dyn FnMut(Reg)) {
        match self {
            Op::Const(_) | Op::Load(_) | Op::LoadInt(_) | Op::Count(_) | Op::Test(..) => {}
            Op::Unary(_, a) | Op::Fold(_, a) => visit(*a),
            Op::Binary(_, a, b) | Op::Compare(_, a, b) => [*a, *b].into_iter().for_each(visit),
            Op::MulAdd(a, b, c)
            | Op::NegMulAdd(a, b, c)
            | Op::Select(a, b, c)
            | Op::CallWhere(_, a, b, c) => [*a, *b, *c].into_iter().for_each(visit),
            Op::Call(_, args) => args.iter().copied().for_each(visit),
        }
    }

    /// Calls `visit` on every register read, which it may exchange for another.
    pub fn each_reg_mut(&mut self, visit: &mut dyn FnMut(&mut Reg)) {
        match self {
            Op::Const(_) | Op::Load(_) | Op::LoadInt(_) | Op::Count(_) | Op::Test(..) => {}
            Op::Unary(_, a) | Op::Fold(_, a) => visit(a),
            Op::Binary(_, a, b) | Op::Compare(_, a, b) => [a, b].into_iter().for_each(visit),
            Op::MulAdd(a, b, c)
            | Op::NegMulAdd(a, b, c)
            | Op::Select(a, b, c)
            | Op::CallWhere(_, a, b, c) => [a, b, c].into_iter().for_each(visit),
            Op::Call(_, args) => args.iter_mut().for_each(visit),
        }
    }

    /// The index expression it reads at, if it does.
    pub fn affine(&self) -> Option<&Affine> {
        match self {
            Op::Load(a) | Op::LoadInt(a) => Some(&a.at),
            Op::Count(a) | Op::Test(_, a) => Some(a),
            _ => None,
        }
    }
}
