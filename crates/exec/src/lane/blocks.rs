//! A program for one block of a loop, so that blocks may run side by side.
//!
//! The block begins where its table says: each pointer is moved on by as many positions as come before the block, so one
//! program serves all blocks of a length. Buffers that are read with several steps have a pointer for each.

use super::program::{Address, Affine, Buffer, IndexOp, Op, Program, Stmt, Var};
use indexmap::IndexMap;

/// A pointer of a block's table.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// The buffer of the whole program.
    pub buffer: Buffer,
    /// Bytes from one position of the loop to the next.
    pub step: i64,
}

/// The program of `length` positions of the loop with this counter, of `extent` positions in all, and the pointers it
/// wants.
///
/// `None` where the position itself is computed with, where the loop is cut into pieces, and where blocks would write to
/// the same place of a buffer that is not `private` to each.
pub fn block(
    program: &Program,
    var: Var,
    extent: i64,
    length: i64,
    private: &dyn Fn(Buffer) -> bool,
) -> Option<(Program, Vec<Slot>)> {
    let bytes = program.precision.bytes() as i64;
    let mut cut = Cut { slots: IndexMap::new(), bytes, var, extent, length, private };
    let mut program = program.clone();
    cut.body(&mut program.body)?;
    let slots = cut.slots.into_keys().map(|(buffer, step)| Slot { buffer, step }).collect();
    Some((program, slots))
}

struct Cut<'a> {
    slots: IndexMap<(Buffer, i64), ()>,
    bytes: i64,
    var: Var,
    extent: i64,
    length: i64,
    private: &'a dyn Fn(Buffer) -> bool,
}

impl Cut<'_> {
    /// Loops nest only as deep as an array has axes.
    fn body(&mut self, body: &mut [Stmt]) -> Option<()> {
        for stmt in body {
            match stmt {
                Stmt::Let(_, Op::Load(address)) => self.address(address, self.bytes)?,
                Stmt::Let(_, Op::LoadInt(address)) | Stmt::Index(_, IndexOp::Load(address)) => {
                    self.address(address, 8)?;
                }
                Stmt::Let(_, op) => op.affine().is_none_or(|at| self.is_still(at)).then_some(())?,
                Stmt::Index(
                    _,
                    IndexOp::Quotient(at, _) | IndexOp::Remainder(at, _) | IndexOp::Clamp(at, _),
                ) => {
                    self.is_still(at).then_some(())?;
                }
                Stmt::Set(..) => {}
                Stmt::Store(address, _) => {
                    ((self.private)(address.buffer) || !self.is_still(&address.at)).then_some(())?;
                    self.address(address, self.bytes)?;
                }
                Stmt::Loop { var, from, to, body, .. } => {
                    if *var == self.var {
                        ((*from, *to) == (0, self.extent)).then_some(())?;
                        *to = self.length;
                    }
                    self.body(body)?;
                }
            }
        }
        Some(())
    }

    fn address(&mut self, address: &mut Address, bytes: i64) -> Option<()> {
        let step = address.at.stride(self.var).checked_mul(bytes)?;
        let slot = self.slots.insert_full((address.buffer, step), ()).0;
        address.buffer = Buffer(u16::try_from(slot).ok()?);
        Some(())
    }

    /// Whether an index is the same in every block.
    fn is_still(&self, at: &Affine) -> bool {
        at.stride(self.var) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::program::{Precision, Reg};

    const OUTERMOST: Var = Var(0);

    fn at(buffer: u16, stride: i64) -> Address {
        let mut at = Affine::constant(3);
        at.step(OUTERMOST, stride);
        Address { buffer: Buffer(buffer), at }
    }

    fn program(op: Op, to: Address) -> Program {
        let body = vec![Stmt::Let(Reg(0), op), Stmt::Store(to, Reg(0))];
        let body = vec![Stmt::Loop { var: OUTERMOST, from: 0, to: 40, lanes: true, body }];
        Program { precision: Precision::F32, regs: 1, indices: 0, vars: 1, body }
    }

    #[test]
    fn pointers_move_by_what_each_reads() {
        let (cut, slots) =
            block(&program(Op::Load(at(1, -2)), at(0, 1)), OUTERMOST, 40, 8, &|_| false).unwrap();
        assert_eq!(slots, [Slot { buffer: Buffer(1), step: -8 }, Slot { buffer: Buffer(0), step: 4 }]);
        assert_eq!(cut.validate(), Ok(()));
        assert!(matches!(cut.body[..], [Stmt::Loop { from: 0, to: 8, .. }]));
        let (_, slots) =
            block(&program(Op::LoadInt(at(1, 1)), at(1, 1)), OUTERMOST, 40, 8, &|_| false).unwrap();
        assert_eq!(slots.iter().map(|s| s.step).collect::<Vec<_>>(), [8, 4]);
    }

    #[test]
    fn what_depends_on_the_position_or_shares_a_place_is_refused() {
        let refused = |program: &Program| block(program, OUTERMOST, 40, 8, &|b| b == Buffer(9)).is_none();
        assert!(refused(&program(Op::Count(at(0, 1).at), at(0, 1))));
        assert!(refused(&program(Op::Const(1.0), at(0, 0))));
        assert!(!refused(&program(Op::Const(1.0), at(9, 0))));
        let mut pieces = program(Op::Const(1.0), at(0, 1));
        let Stmt::Loop { to, .. } = &mut pieces.body[0] else { unreachable!() };
        *to = 39;
        assert!(refused(&pieces));
    }
}
