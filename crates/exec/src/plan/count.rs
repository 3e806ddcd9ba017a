//! Operations of a lane program, counted where they stand and multiplied by how often their loops run.
//!
//! An addition, a multiplication, a division, an extremum, a comparison, a root and a rounding are one flop, a multiply-add
//! is two; logic on masks and choices are none. Lanes that a loop does not reach are not counted, and neither is how the
//! lanes of a register become one number.

use crate::lane::program::{Binary, Op, Program, Stmt, Unary};

/// Loops, flops and values of elementary functions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Count {
    pub(super) flops: u128,
    pub(super) calls: u128,
    /// One past the largest value of each counter.
    pub(super) extents: Vec<usize>,
}

/// The operations of one run of a program.
pub(super) fn count(program: &Program) -> Count {
    let mut total = Count { extents: vec![0; usize::from(program.vars)], ..Count::default() };
    let mut bodies: Vec<(&[Stmt], u128)> = vec![(&program.body, 1)];
    while let Some((body, times)) = bodies.pop() {
        for stmt in body {
            match stmt {
                Stmt::Loop { var, from, to, body, .. } => {
                    let extent = &mut total.extents[usize::from(var.0)];
                    *extent = (*extent).max(usize::try_from(*to).unwrap_or(0));
                    let rounds = u128::try_from(to - from).unwrap_or(0);
                    bodies.push((body, times.saturating_mul(rounds)));
                }
                Stmt::Let(_, op) => {
                    let (flops, calls) = of(op);
                    total.flops = total.flops.saturating_add(times.saturating_mul(flops));
                    total.calls = total.calls.saturating_add(times.saturating_mul(calls));
                }
                Stmt::Index(..) | Stmt::Set(..) | Stmt::Store(..) => {}
            }
        }
    }
    total
}

fn of(op: &Op) -> (u128, u128) {
    match op {
        Op::Binary(Binary::And | Binary::AndNot | Binary::Or | Binary::Xor, ..) => (0, 0),
        Op::Unary(Unary::Not, _) => (0, 0),
        Op::Binary(..) | Op::Unary(..) | Op::Compare(..) => (1, 0),
        Op::MulAdd(..) | Op::NegMulAdd(..) => (2, 0),
        Op::Call(..) => (0, 1),
        // Called where an argument is out of the ordinary, which is hardly ever.
        Op::CallWhere(..) => (0, 0),
        Op::Const(_) | Op::Load(_) | Op::LoadInt(_) | Op::Count(_) | Op::Test(..) => (0, 0),
        Op::Select(..) | Op::Fold(..) => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::program::{Precision, Reg, Var};

    #[test]
    fn loops_multiply() {
        let (a, b) = (Reg(0), Reg(1));
        let inner = vec![Stmt::Let(a, Op::MulAdd(a, b, b)), Stmt::Let(b, Op::Unary(Unary::Not, a))];
        let inner = Stmt::Loop { var: Var(1), from: 1, to: 5, lanes: true, body: inner };
        let body = vec![inner, Stmt::Let(a, Op::Binary(Binary::Add, a, b))];
        let outer = Stmt::Loop { var: Var(0), from: 0, to: 3, lanes: false, body };
        let program = Program { precision: Precision::F64, regs: 2, indices: 0, vars: 2, body: vec![outer] };
        assert_eq!(count(&program), Count { flops: 3 * (4 * 2 + 1), calls: 0, extents: vec![3, 5] });
    }
}
