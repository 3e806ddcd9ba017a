//! Whether a lane program means something: what every back end may take for granted.
//!
//! Registers are declared before they are read and in scope, one lane loop encloses a statement at most, extents are
//! not negative, and every index fits an i64 with room to spare, so that no back end checks its own arithmetic.

use super::program::{Affine, Index, IndexOp, Op, Program, Reg, Stmt, Unary, Var};
use std::fmt;

/// Offsets, strides times counters, and their sums stay below this: 2⁵⁵ numbers of 8 bytes fill what i64 can address.
const FARTHEST: i128 = 1 << 55;

/// What is wrong with a program, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// The statement: its place in the body of each enclosing loop, outermost first.
    pub path: Vec<usize>,
    /// What was expected and what was found.
    pub what: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement ")?;
        for (k, place) in self.path.iter().enumerate() {
            write!(f, "{}{place}", if k == 0 { "" } else { "." })?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for Invalid {}

/// A body that is being read.
struct Frame<'p> {
    body: &'p [Stmt],
    next: usize,
    /// The loop it is the body of, and whether that is a lane loop.
    owner: Option<(Var, bool)>,
    /// What goes out of scope with it.
    regs: Vec<Reg>,
    indices: Vec<Index>,
}

/// What is in scope.
struct Scope {
    regs: Vec<bool>,
    indices: Vec<bool>,
    /// The largest magnitude of a counter in scope.
    vars: Vec<Option<i128>>,
    lanes: bool,
    /// Bits of a number.
    bits: usize,
}

impl Scope {
    fn reads(&self, reg: Reg) -> Result<(), String> {
        match self.regs.get(reg.0 as usize) {
            Some(true) => Ok(()),
            Some(false) => {
                Err(format!("register {} is read where it has no value: declare it before, in scope", reg.0))
            }
            None => {
                Err(format!("register {} is read, but the program has {} registers", reg.0, self.regs.len()))
            }
        }
    }

    fn affine(&self, at: &Affine) -> Result<(), String> {
        let mut farthest = i128::from(at.offset).abs();
        for &(var, stride) in &at.strides {
            let Some(&Some(most)) = self.vars.get(usize::from(var.0)) else {
                return Err(format!("counter {} is read outside its loop", var.0));
            };
            farthest += i128::from(stride).abs() * most;
        }
        for &(index, scale) in &at.indexed {
            if self.indices.get(index.0 as usize) != Some(&true) {
                return Err(format!(
                    "index register {} is read where it has no value: declare it before",
                    index.0
                ));
            }
            farthest += i128::from(scale).abs();
        }
        if !at.strides.is_sorted_by(|a, b| a.0 < b.0) || !at.indexed.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(
                "an index names a counter or an index register twice or out of order: sort them".to_string()
            );
        }
        if farthest >= FARTHEST {
            return Err(format!("an index reaches {farthest}; it has to stay below 2^55"));
        }
        Ok(())
    }

    fn op(&self, op: &Op) -> Result<(), String> {
        let mut read = Ok(());
        op.each_reg(&mut |reg| {
            if read.is_ok() {
                read = self.reads(reg);
            }
        });
        read?;
        if let Some(at) = op.affine() {
            self.affine(at)?;
        }
        match op {
            Op::Call(function, args) if !(1..=2).contains(&args.len()) => Err(format!(
                "function {} is called with {} numbers; vector functions take 1 or 2",
                function.0,
                args.len()
            )),
            Op::Unary(Unary::ShiftUp(by) | Unary::ShiftDown(by), _) if usize::from(*by) >= self.bits => {
                Err(format!("bits are moved by {by} places; a number has {}, move them by fewer", self.bits))
            }
            Op::Fold(..) if self.lanes => Err(
                "a fold inside a lane loop would read lanes that the counter does not reach: fold after it"
                    .to_string(),
            ),
            _ => Ok(()),
        }
    }

    fn index(&self, op: &IndexOp) -> Result<(), String> {
        match op {
            IndexOp::Load(address) => self.affine(&address.at),
            IndexOp::Quotient(at, by) | IndexOp::Remainder(at, by) | IndexOp::Clamp(at, by) => {
                if *by < 1 || i128::from(*by) >= FARTHEST {
                    return Err(format!(
                        "a divisor or an extent is {by}; it has to be positive and below 2^55"
                    ));
                }
                self.affine(at)
            }
        }
    }
}

/// Marks `k` in `table` as declared.
fn declare(table: &mut [bool], k: u32, kind: &str) -> Result<(), String> {
    let count = table.len();
    match table.get_mut(k as usize) {
        None => Err(format!("{kind} {k} is declared, but the program has {count} of them")),
        Some(true) => {
            Err(format!("{kind} {k} is declared twice: it is given one value, later ones by `Set`"))
        }
        Some(declared) => {
            *declared = true;
            Ok(())
        }
    }
}

impl Program {
    /// Checks what every back end takes for granted; a program that passes is run without looking again.
    ///
    /// # Errors
    /// [`Invalid`] with the first statement that breaks a rule.
    pub fn validate(&self) -> Result<(), Invalid> {
        let mut scope = Scope {
            regs: vec![false; self.regs as usize],
            indices: vec![false; self.indices as usize],
            vars: vec![None; usize::from(self.vars)],
            lanes: false,
            bits: 8 * self.precision.bytes(),
        };
        let frame = |body, owner| Frame { body, next: 0, owner, regs: Vec::new(), indices: Vec::new() };
        let mut frames = vec![frame(&self.body[..], None)];
        while let Some(top) = frames.last_mut() {
            let Some(stmt) = top.body.get(top.next) else {
                for reg in &top.regs {
                    scope.regs[reg.0 as usize] = false;
                }
                for index in &top.indices {
                    scope.indices[index.0 as usize] = false;
                }
                if let Some((var, lanes)) = top.owner {
                    scope.vars[usize::from(var.0)] = None;
                    scope.lanes &= !lanes;
                }
                frames.pop();
                continue;
            };
            top.next += 1;
            let mut opened = None;
            let checked = match stmt {
                Stmt::Let(reg, op) => scope.op(op).and_then(|()| {
                    top.regs.push(*reg);
                    declare(&mut scope.regs, reg.0, "register")
                }),
                Stmt::Index(index, op) => scope.index(op).and_then(|()| {
                    top.indices.push(*index);
                    declare(&mut scope.indices, index.0, "index register")
                }),
                Stmt::Set(to, from) => scope.reads(*to).and_then(|()| scope.reads(*from)),
                Stmt::Store(address, reg) => scope.reads(*reg).and_then(|()| scope.affine(&address.at)),
                Stmt::Loop { var, from, to, lanes, body } => {
                    open(&mut scope, *var, *from, *to, *lanes).map(|()| {
                        opened = Some(frame(&body[..], Some((*var, *lanes))));
                    })
                }
            };
            if let Err(what) = checked {
                return Err(Invalid { path: frames.iter().map(|frame| frame.next - 1).collect(), what });
            }
            frames.extend(opened);
        }
        Ok(())
    }
}

/// Brings the counter of a loop into scope.
fn open(scope: &mut Scope, var: Var, from: i64, to: i64, lanes: bool) -> Result<(), String> {
    if from > to {
        return Err(format!("a loop runs from {from} to {to}: its extent is negative"));
    }
    if lanes && scope.lanes {
        return Err("a lane loop stands inside a lane loop: only one counter can differ from lane to lane"
            .to_string());
    }
    let farthest = i128::from(from).abs().max(i128::from(to).abs());
    if farthest >= FARTHEST {
        return Err(format!("a counter reaches {farthest}; it has to stay below 2^55"));
    }
    let count = scope.vars.len();
    match scope.vars.get_mut(usize::from(var.0)) {
        None => return Err(format!("counter {} is used, but the program has {count} of them", var.0)),
        Some(Some(_)) => return Err(format!("counter {} is used by two loops, one inside the other", var.0)),
        Some(slot) => *slot = Some(farthest),
    }
    scope.lanes |= lanes;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::program::{Address, Binary, Buffer, Fold, Precision};

    fn program(body: Vec<Stmt>) -> Program {
        Program { precision: Precision::F64, regs: 4, indices: 2, vars: 2, body }
    }

    fn repeat(var: u16, from: i64, to: i64, lanes: bool, body: Vec<Stmt>) -> Stmt {
        Stmt::Loop { var: Var(var), from, to, lanes, body }
    }

    fn says(body: Vec<Stmt>, expected: &str) {
        let found = program(body).validate().unwrap_err().to_string();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_sum_over_lanes_is_valid() {
        let mut at = Affine::constant(3);
        at.step(Var(0), 1);
        let address = Address { buffer: Buffer(0), at };
        let valid = program(vec![
            Stmt::Let(Reg(0), Op::Const(0.0)),
            repeat(
                0,
                0,
                9,
                true,
                vec![
                    Stmt::Let(Reg(1), Op::Load(address)),
                    Stmt::Let(Reg(2), Op::Binary(Binary::Add, Reg(0), Reg(1))),
                    Stmt::Set(Reg(0), Reg(2)),
                ],
            ),
            Stmt::Let(Reg(3), Op::Fold(Fold::Sum, Reg(0))),
        ]);
        assert_eq!(valid.validate(), Ok(()));
    }

    #[test]
    fn each_rule_says_what_it_found_and_where() {
        let add = || Stmt::Let(Reg(0), Op::Binary(Binary::Add, Reg(1), Reg(1)));
        says(
            vec![add()],
            "statement 0: register 1 is read where it has no value: declare it before, in scope",
        );
        says(
            vec![repeat(0, 0, 2, false, vec![Stmt::Let(Reg(1), Op::Const(1.0))]), add()],
            "statement 1: register 1 is read where it has no value: declare it before, in scope",
        );
        says(
            vec![repeat(0, 0, 2, true, vec![repeat(1, 0, 2, true, vec![])])],
            "statement 0.0: a lane loop stands inside a lane loop: only one counter can differ from lane to lane",
        );
        says(
            vec![repeat(0, 2, 1, false, vec![])],
            "statement 0: a loop runs from 2 to 1: its extent is negative",
        );
        let mut far = Affine::constant(0);
        far.step(Var(0), 1 << 54);
        says(
            vec![repeat(0, 0, 4, false, vec![Stmt::Let(Reg(0), Op::Count(far.clone()))])],
            "statement 0.0: an index reaches 72057594037927936; it has to stay below 2^55",
        );
        says(vec![Stmt::Let(Reg(0), Op::Count(far))], "statement 0: counter 0 is read outside its loop");
        says(
            vec![
                Stmt::Let(Reg(0), Op::Const(1.0)),
                Stmt::Let(Reg(1), Op::Unary(Unary::ShiftUp(63), Reg(0))),
                Stmt::Let(Reg(2), Op::Unary(Unary::ShiftDown(64), Reg(0))),
            ],
            "statement 2: bits are moved by 64 places; a number has 64, move them by fewer",
        );
        says(
            vec![Stmt::Index(Index(0), IndexOp::Quotient(Affine::constant(1), 0))],
            "statement 0: a divisor or an extent is 0; it has to be positive and below 2^55",
        );
        says(
            vec![
                Stmt::Let(Reg(1), Op::Const(1.0)),
                repeat(0, 0, 4, true, vec![Stmt::Let(Reg(0), Op::Fold(Fold::Sum, Reg(1)))]),
            ],
            "statement 1.0: a fold inside a lane loop would read lanes that the counter does not reach: fold after it",
        );
    }
}
