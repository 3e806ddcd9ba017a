//! Random programs: loops in loops, lane loops with every tail, accumulators, folds, gathers, masks, calls.

use crate::lane::program::{
    Address, Affine, Binary, Buffer, Comparison, Fold, Function, Index, IndexOp, Op, Precision, Program, Reg,
    Stmt, Test, Unary, Var,
};

/// Buffers of numbers that are read, of numbers that are written and read, of integers.
const READ: u16 = 3;
const NUMBERS: u16 = 6;
pub(super) const INTEGERS: usize = NUMBERS as usize;
/// Elements of each.
const LENGTH: i64 = 400;
/// The integers in their buffer are below.
const BELOW: i64 = 12;

/// A program with its buffers.
pub(super) struct Case {
    pub program: Program,
    pub buffers: Vec<Vec<u8>>,
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: i64) -> i64 {
        (self.next() % n as u64) as i64
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as i64) as usize]
    }

    fn number(&mut self) -> f64 {
        let special =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-310, -1e-40, 1.0, 0.5, 1e300];
        if self.chance(15) { self.pick(&special) } else { self.below(2001) as f64 / 250.0 - 4.0 }
    }
}

/// What can be read in a body, and how deep each was declared.
#[derive(Clone, Default)]
struct Scope {
    numbers: Vec<Reg>,
    /// Numbers whose bits are fixed: which NaN a result of arithmetic is may differ, and integers would show it.
    bits: Vec<Reg>,
    masks: Vec<Reg>,
    /// Index registers with the range of what they hold.
    indices: Vec<(Index, i64, i64)>,
    /// Counters with their first and last values, and whether they are lanes.
    vars: Vec<(Var, i64, i64)>,
    lanes: bool,
    depth: u32,
}

struct Generator {
    random: Random,
    regs: u32,
    indices: u32,
    vars: u16,
    statements: i64,
}

/// The case of a seed.
pub(super) fn case(precision: Precision, seed: u64) -> Case {
    let mut generator = Generator { random: Random(seed), regs: 0, indices: 0, vars: 0, statements: 0 };
    // Some programs are long stretches with more values than there are registers.
    let (budget, length) = if generator.random.chance(25) { (250, 160) } else { (90, 12) };
    generator.statements = budget;
    let mut scope = Scope::default();
    let body = generator.body(&mut scope, length);
    let Generator { mut random, regs, indices, vars, .. } = generator;
    let buffers = buffers(&mut random, precision);
    Case { program: Program { precision, regs, indices, vars, body }, buffers }
}

/// Numbers at random, and integers.
fn buffers(random: &mut Random, precision: Precision) -> Vec<Vec<u8>> {
    let mut buffers: Vec<Vec<u8>> = (0..NUMBERS)
        .map(|_| {
            let numbers = (0..LENGTH).map(|_| random.number());
            match precision {
                Precision::F64 => numbers.flat_map(|x| x.to_le_bytes().to_vec()).collect(),
                Precision::F32 => numbers.flat_map(|x| (x as f32).to_le_bytes().to_vec()).collect(),
            }
        })
        .collect();
    buffers.push((0..LENGTH).flat_map(|_| random.below(BELOW).to_le_bytes()).collect());
    buffers
}

/// Code that writes rows of neighbours, each computed nearly alike: outside of all loops, or for each lane of one.
pub(super) fn rows(precision: Precision, seed: u64) -> Case {
    let mut random = Random(seed);
    let mut body = Vec::new();
    let mut pool: Vec<Reg> = Vec::new();
    let mut regs = 0;
    let mut add = |body: &mut Vec<Stmt>, op: Op| {
        body.push(Stmt::Let(Reg(regs), op));
        regs += 1;
        Reg(regs - 1)
    };
    // In a lane loop rows are so far apart that no two lanes write the same element.
    let lanes = random.chance(50);
    let (to, row) = (1 + random.below(13), 11 + random.below(3));
    let at = |buffer: u16, element: i64| {
        let mut at = Affine::constant(element);
        at.step(Var(0), if lanes { row } else { 0 });
        Address { buffer: Buffer(buffer), at }
    };
    for k in 0..4 {
        let element = random.below(LENGTH - 200);
        pool.push(add(&mut body, Op::Load(at(k % READ, element))));
        let number = random.number();
        pool.push(add(&mut body, Op::Const(number)));
    }
    for group in 0..if lanes { 3 } else { 2 + random.below(5) } {
        let (count, kind, backward) = (1 + random.below(11), random.below(8), random.chance(20));
        // Some rows are read where they are written.
        let (from, to) = match lanes {
            true => (random.below(i64::from(READ)) as u16, READ + group as u16),
            false => (random.below(i64::from(READ) + 1) as u16, READ + random.below(2) as u16),
        };
        let (read, write) = (random.below(LENGTH - 200), random.below(60));
        let shared = [random.pick(&pool), random.pick(&pool)];
        let operands = [random.below(3), random.below(3), random.below(3)];
        for k in 0..count {
            let k = if backward { count - 1 - k } else { k };
            let mut operand = |body: &mut Vec<Stmt>, random: &mut Random, which: usize| {
                if random.chance(6) {
                    return random.pick(&pool);
                }
                match operands[which] {
                    0 => shared[which % 2],
                    1 => add(body, Op::Load(at(from, read + k))),
                    _ => {
                        let x = add(body, Op::Load(at(from, read + 2 * k)));
                        add(body, Op::Binary(Binary::Mul, x, shared[0]))
                    }
                }
            };
            let [x, y, z] = [0, 1, 2].map(|which| operand(&mut body, &mut random, which));
            let op = match kind {
                0 => Op::Binary(Binary::Sub, x, y),
                1 => Op::Binary(Binary::Mul, x, y),
                2 => Op::MulAdd(x, y, z),
                3 => Op::NegMulAdd(x, y, z),
                4 => Op::Unary(Unary::Neg, x),
                5 => Op::Binary(Binary::Div, x, y),
                6 => Op::Compare(Comparison::Greater, x, y),
                _ => Op::Binary(Binary::Add, x, x),
            };
            let mut value = if kind == 7 { x } else { add(&mut body, op) };
            if kind == 6 {
                value = add(&mut body, Op::Select(value, z, y));
            }
            if random.chance(10) {
                pool.push(value);
            }
            if !random.chance(8) {
                body.push(Stmt::Store(at(to, write + k), value));
            }
        }
    }
    if lanes {
        body = vec![Stmt::Loop { var: Var(0), from: 0, to, lanes, body }];
    }
    let buffers = buffers(&mut random, precision);
    Case { program: Program { precision, regs, indices: 0, vars: 1, body }, buffers }
}

impl Generator {
    fn reg(&mut self) -> Reg {
        self.regs += 1;
        Reg(self.regs - 1)
    }

    /// An index expression, and its least and greatest value.
    fn affine(&mut self, scope: &Scope, most: i64) -> (Affine, i64, i64) {
        loop {
            let mut at = Affine::constant(0);
            let (mut low, mut high) = (0, 0);
            for &(var, first, last) in &scope.vars {
                let stride = self.random.pick(&[0, 0, 1, 1, 1, 1, 2, -1, 7]);
                at.step(var, stride);
                low += (first * stride).min(last * stride);
                high += (first * stride).max(last * stride);
            }
            for &(index, least, greatest) in &scope.indices {
                if self.random.chance(30) {
                    let scale = self.random.pick(&[1, 1, 3, -2, 4]);
                    at.at(index, scale);
                    low += (least * scale).min(greatest * scale);
                    high += (least * scale).max(greatest * scale);
                }
            }
            if high - low < most {
                return (at, low, high);
            }
        }
    }

    /// Elements inside a buffer, often from its first or up to its last.
    fn address(&mut self, scope: &Scope, buffer: u16) -> Address {
        let (mut at, low, high) = self.affine(scope, LENGTH);
        let room = LENGTH - 1 - (high - low);
        let start = match self.random.below(4) {
            0 => 0,
            1 => room,
            _ => self.random.below(room + 1),
        };
        at.offset = start - low;
        Address { buffer: Buffer(buffer), at }
    }

    fn body(&mut self, scope: &mut Scope, length: i64) -> Vec<Stmt> {
        let mut body = Vec::new();
        let outer = scope.numbers.clone();
        for _ in 0..self.random.below(length) + 1 {
            self.statements -= 1;
            if self.statements < 0 {
                break;
            }
            match self.random.below(100) {
                0..12 if scope.depth < 4 => body.push(self.repeat(scope)),
                12..20 => {
                    let buffer = self.random.below(i64::from(NUMBERS - READ)) as u16 + READ;
                    self.store(scope, &mut body, buffer);
                }
                20..26 => {
                    let index = Index(self.indices);
                    self.indices += 1;
                    let (op, low, high) = self.index(scope);
                    scope.indices.push((index, low, high));
                    body.push(Stmt::Index(index, op));
                }
                26..36 if !scope.numbers.is_empty() => {
                    let from = self.random.pick(&scope.numbers);
                    // Mostly an accumulator of a loop around, now and then what this body declared.
                    let to = if outer.is_empty() || self.random.chance(10) { &scope.numbers } else { &outer };
                    let to = self.random.pick(to);
                    if !scope.bits.contains(&to) {
                        body.push(Stmt::Set(to, from));
                    }
                }
                _ => self.declare(scope, &mut body),
            }
        }
        // Much of what was computed is seen.
        for _ in 0..3 {
            let buffer = READ + self.random.below(i64::from(NUMBERS - READ)) as u16;
            self.store(scope, &mut body, buffer);
        }
        body
    }

    fn store(&mut self, scope: &Scope, body: &mut Vec<Stmt>, buffer: u16) {
        if let Some(last) = scope.numbers.len().checked_sub(1) {
            let recent = scope.numbers[last - self.random.below((last as i64 + 1).min(6)) as usize];
            let value = if self.random.chance(50) { recent } else { self.random.pick(&scope.numbers) };
            body.push(Stmt::Store(self.address(scope, buffer), value));
        }
    }

    fn repeat(&mut self, scope: &Scope) -> Stmt {
        let var = Var(self.vars);
        self.vars += 1;
        let lanes = !scope.lanes && self.random.chance(60);
        let from = self.random.pick(&[0, 0, 0, 1, -3, 5]);
        let extent = if lanes {
            self.random.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 33, 40, 71])
        } else {
            self.random.pick(&[0, 1, 2, 3, 4, 5, 9])
        };
        let mut inner = scope.clone();
        inner.vars.push((var, from, from + extent.max(1) - 1));
        inner.lanes |= lanes;
        inner.depth += 1;
        let length = self.random.pick(&[2, 4, 8, 30]);
        let body = self.body(&mut inner, length);
        Stmt::Loop { var, from, to: from + extent, lanes, body }
    }

    fn index(&mut self, scope: &Scope) -> (IndexOp, i64, i64) {
        if self.random.chance(40) {
            return (IndexOp::Load(self.address(scope, NUMBERS)), 0, BELOW - 1);
        }
        let (mut at, low, high) = self.affine(scope, 2000);
        at.offset = self.random.below(41) - 20;
        let (low, high) = (low + at.offset, high + at.offset);
        let by = self.random.pick(&[1, 2, 3, 5, 7, 8, 12]);
        match self.random.below(3) {
            0 => (IndexOp::Quotient(at, by), low.div_euclid(by), high.div_euclid(by)),
            1 => (IndexOp::Remainder(at, by), 0, by - 1),
            _ => (IndexOp::Clamp(at, by), 0, by - 1),
        }
    }

    fn declare(&mut self, scope: &mut Scope, body: &mut Vec<Stmt>) {
        let (op, is_mask) = self.op(scope);
        let reg = self.reg();
        let fixed = |r: &Reg| scope.bits.contains(r);
        if match &op {
            Op::Const(_) | Op::Count(_) | Op::LoadInt(_) => true,
            Op::Load(address) => address.buffer.0 < READ,
            Op::Unary(Unary::ShiftUp(_) | Unary::ShiftDown(_), _) => true,
            Op::Binary(Binary::IntAdd | Binary::IntSub, ..) => true,
            Op::Select(_, a, b) => fixed(a) && fixed(b),
            _ => false,
        } {
            scope.bits.push(reg);
        }
        body.push(Stmt::Let(reg, op));
        if is_mask { scope.masks.push(reg) } else { scope.numbers.push(reg) }
    }

    fn op(&mut self, scope: &Scope) -> (Op, bool) {
        let random = &mut self.random;
        if scope.numbers.len() < 2 || random.chance(25) {
            return match random.below(8) {
                0 | 1 => (Op::Const(random.number()), false),
                2 => {
                    let (mut at, ..) = self.affine(scope, 1 << 20);
                    // Now and then an integer that f32 has to round.
                    at.offset = self.random.pick(&[0, 1, -5, 16_777_217, -9_007_199_254_740_993]);
                    (Op::Count(at), false)
                }
                3 => {
                    let (mut at, low, high) = self.affine(scope, 1 << 20);
                    at.offset = -low - self.random.below(high - low + 1);
                    let test = self.random.pick(&[Test::Zero, Test::NonNegative]);
                    (Op::Test(test, at), true)
                }
                4 => (Op::LoadInt(self.address(scope, NUMBERS)), false),
                _ => {
                    let buffer = self.random.below(i64::from(NUMBERS)) as u16;
                    (Op::Load(self.address(scope, buffer)), false)
                }
            };
        }
        let (a, b, c) =
            (random.pick(&scope.numbers), random.pick(&scope.numbers), random.pick(&scope.numbers));
        if !scope.bits.is_empty() && random.chance(15) {
            let (a, b) = (random.pick(&scope.bits), random.pick(&scope.bits));
            let by = random.pick(&[0, 1, 5, 23, 31]);
            return match random.below(5) {
                0 => (Op::Unary(Unary::ShiftUp(by), a), false),
                1 => (Op::Unary(Unary::ShiftDown(by), a), false),
                2 => (Op::Binary(Binary::IntAdd, a, b), false),
                3 => (Op::Binary(Binary::IntSub, a, b), false),
                // Any number is a mask, by its sign.
                _ => (Op::Select(a, b, random.pick(&scope.bits)), false),
            };
        }
        if !scope.masks.is_empty() && random.chance(25) {
            let (m, n) = (random.pick(&scope.masks), random.pick(&scope.masks));
            return match random.below(8) {
                6 | 7 => (Op::CallWhere(Function(0), m, a, b), false),
                0 => (Op::Binary(Binary::And, m, a), false),
                1 => (Op::Binary(Binary::AndNot, m, a), false),
                2 => (Op::Binary(random.pick(&[Binary::Or, Binary::Xor, Binary::And]), m, n), true),
                3 => (Op::Unary(Unary::Not, m), true),
                _ => (Op::Select(m, a, b), false),
            };
        }
        use {Binary::*, Comparison::*};
        match random.below(20) {
            0 | 1 => {
                let f = [Unary::Neg, Unary::Abs, Unary::Sqrt, Unary::Floor, Unary::Ceil, Unary::Round];
                (Op::Unary(random.pick(&f), a), false)
            }
            2..8 => (Op::Binary(random.pick(&[Add, Sub, Mul, Div, Min, Max]), a, b), false),
            8..12 => (Op::MulAdd(a, b, c), false),
            12..14 => (Op::NegMulAdd(a, b, c), false),
            14 => (Op::Compare(random.pick(&[Greater, GreaterEqual, Equal, NotEqual]), a, b), true),
            15 | 16 if !scope.lanes => {
                (Op::Fold(random.pick(&[Fold::Sum, Fold::Product, Fold::Max, Fold::Min]), a), false)
            }
            17 => (Op::Call(Function(0), [a].into_iter().collect()), false),
            18 => (Op::Call(Function(1), [a, b].into_iter().collect()), false),
            _ => (Op::Binary(random.pick(&[Add, Mul]), a, b), false),
        }
    }
}

impl Case {
    /// The case without statements that `fails` does not need.
    pub(super) fn smallest(mut self, fails: impl Fn(&Case) -> bool) -> Case {
        let mut at = 0;
        loop {
            let mut smaller = Case { program: self.program.clone(), buffers: self.buffers.clone() };
            if !remove(&mut smaller.program.body, &mut at.clone()) {
                return self;
            }
            if smaller.program.validate().is_ok() && fails(&smaller) {
                self = smaller;
            } else {
                at += 1;
            }
        }
    }
}

/// Removes statement `at`, counted as written.
fn remove(body: &mut Vec<Stmt>, at: &mut usize) -> bool {
    for k in 0..body.len() {
        if *at == 0 {
            body.remove(k);
            return true;
        }
        *at -= 1;
        if let Stmt::Loop { body, .. } = &mut body[k]
            && remove(body, at)
        {
            return true;
        }
    }
    false
}
