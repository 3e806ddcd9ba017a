//! What a step computes: entries, sums in registers, sums in memory, scatters.

use super::builder::counter;
use super::{Accumulator, Emitter, Position, Value};
use crate::array::{ArrayId, At, Definition, Entry, Reduction};
use crate::error::Result;
use crate::lane::program::{Address, Binary, Comparison, Fold, Op, Reg, Stmt};

impl<'a> Emitter<'a> {
    /// Depth of the first loop of the innermost run of loops that a member reduces over.
    pub(super) fn reduced_from(&self, id: ArrayId) -> usize {
        let bound: Vec<usize> = self.nest(id).bound().filter_map(|l| self.depth(id, l)).collect();
        let mut from = self.order.len();
        while from > 0 && bound.contains(&(from - 1)) {
            from -= 1;
        }
        from
    }

    /// Whether a member reduces over any loop, and whether over one outside the innermost run.
    pub(super) fn reduces(&self, id: ArrayId) -> (bool, bool) {
        // A scatter adds where its indices say, whatever the loops.
        if matches!(self.arrays[id].definition, Definition::Scatter(..)) {
            return (false, false);
        }
        let from = self.reduced_from(id);
        let mut bound = self.nest(id).bound().filter_map(|l| self.depth(id, l));
        let any = from < self.order.len() || bound.clone().next().is_some();
        (any, bound.any(|d| d < from))
    }

    /// Terms of a scatter, each added where its index says.
    pub(super) fn scatter(&mut self, id: ArrayId, place: &'a [At]) -> Result<()> {
        let nest = self.nest(id);
        let inner = self.builder.innermost();
        for written in self.written(id, 0..nest.extents.len()) {
            let positions = self.positions(id, &written);
            let value = self.term(id, &positions)?;
            if matches!(value, Value::Absent) {
                continue;
            }
            let at = self.place(id, place, &positions, true)?;
            let to = Address { buffer: self.buffer(id), at };
            let before = self.builder.op_anew(Op::Load(to.clone()), inner);
            let total = self.added(before, 1.0, value);
            self.builder.before[inner].push(Stmt::Store(to, total));
        }
        Ok(())
    }

    pub(super) fn member(&mut self, id: ArrayId) -> Result<()> {
        if let Definition::Scatter(_, place) = &self.arrays[id].definition {
            return self.scatter(id, place);
        }
        let nest = self.nest(id);
        let (reduces, in_memory) = self.reduces(id);
        let bound = self.written(id, nest.bound());
        let inner = self.builder.innermost();
        for mut written in self.written(id, 0..nest.free) {
            let free = written.len();
            let at = |axis: usize| written.iter().find(|(l, _)| *l == axis).map_or(0, |(_, k)| *k);
            let flat = self.flat(id, at);
            if self.unread(id, &written) {
                self.values.insert((id, flat), Value::Absent);
                continue;
            }
            if !reduces {
                let mut total = None;
                for k in self.zeros_first(id, &written, &bound) {
                    written.truncate(free);
                    written.extend(&bound[k]);
                    let positions = self.positions(id, &written);
                    let value = self.term(id, &positions)?;
                    if matches!(value, Value::Absent) && nest.reduction == Reduction::Sum {
                        continue;
                    }
                    total = Some(match total {
                        None => value,
                        Some(total) => {
                            let total = self.reg(total);
                            Value::Reg(self.combined(nest.reduction, total, value))
                        }
                    });
                }
                let value = match total {
                    Some(Value::Product(a, b))
                        if nest.free == nest.extents.len() && !self.stored[id.index()] =>
                    {
                        Value::Product(a, b)
                    }
                    Some(value) => Value::Reg(self.reg(value)),
                    None if nest.reduction == Reduction::Sum => Value::Absent,
                    None => Value::Reg(self.builder.number(identity(nest.reduction))),
                };
                let value = if matches!(total, Some(Value::Absent)) { Value::Absent } else { value };
                self.values.insert((id, flat), value);
                if self.stored[id.index()] {
                    let positions = self.positions(id, &written[..free]);
                    let stmt = self.store(id, value, &positions)?;
                    self.builder.before[inner].push(stmt);
                }
                continue;
            }
            let from = self.reduced_from(id);
            let place = self.own_address(id, &written[..free])?;
            let (start, held) = if from == self.order.len() {
                (self.builder.op_anew(Op::Load(place.clone()), inner), None)
            } else {
                let key = (id, flat);
                let known = self.accumulators.get(&key).copied();
                let acc = match known {
                    Some(acc) => acc,
                    None => {
                        let reg = self.builder.accumulator(from, identity(nest.reduction));
                        self.accumulators.insert(key, Accumulator { reg });
                        Accumulator { reg }
                    }
                };
                (acc.reg, Some(acc.reg))
            };
            let mut chain = start;
            for extra in &bound {
                written.truncate(free);
                written.extend(extra);
                let positions = self.positions(id, &written);
                let value = self.term(id, &positions)?;
                if !(matches!(value, Value::Absent) && nest.reduction == Reduction::Sum) {
                    chain = self.combined(nest.reduction, chain, value);
                }
            }
            if chain == start {
                continue;
            }
            let stmt = match held {
                Some(acc) => Stmt::Set(acc, chain),
                None => Stmt::Store(place, chain),
            };
            self.builder.before[inner].push(stmt);
            debug_assert!(held.is_some() || in_memory);
        }
        Ok(())
    }

    /// Where an entry of a member is kept.
    pub(super) fn own_address(&mut self, id: ArrayId, written: &[(usize, i64)]) -> Result<Address> {
        let positions = self.positions(id, written);
        let own: Vec<At> = (0..self.arrays[id].shape.len()).map(At::label).collect();
        let at = self.place(id, &own, &positions, false)?;
        Ok(Address { buffer: self.buffer(id), at })
    }

    pub(super) fn store(&mut self, id: ArrayId, value: Value, positions: &[Position]) -> Result<Stmt> {
        let own: Vec<At> = (0..self.arrays[id].shape.len()).map(At::label).collect();
        let at = self.place(id, &own, positions, false)?;
        let mut reg = self.reg(value);
        if self.arrays[id].entry == Entry::Bool {
            let one = self.builder.number(1.0);
            reg = self.builder.binary(Binary::And, reg, one);
        }
        Ok(Stmt::Store(Address { buffer: self.buffer(id), at }, reg))
    }

    /// Memory in which terms are added up begins with nothing.
    pub(super) fn clear_sums(&mut self, id: ArrayId, extents: &[usize]) {
        if matches!(self.arrays[id].definition, Definition::Scatter(..)) {
            // Cleared by the plan wherever it is named, also where no term is left.
            self.buffer(id);
        }
        let (_, in_memory) = self.reduces(id);
        if !in_memory {
            return;
        }
        let nest = self.nest(id);
        let start = self.builder.number(identity(nest.reduction));
        for written in self.written(id, 0..nest.free) {
            let Ok(place) = self.own_address(id, &written) else { continue };
            let mut stmt = Stmt::Store(place, start);
            let loops: Vec<usize> = (0..nest.free).filter_map(|l| self.depth(id, l)).collect();
            for d in (0..extents.len()).rev().filter(|d| loops.contains(d)) {
                let lanes = d + 1 == extents.len();
                stmt =
                    Stmt::Loop { var: counter(d), from: 0, to: extents[d] as i64, lanes, body: vec![stmt] };
            }
            self.builder.before[0].push(stmt);
        }
    }

    /// What accumulators hold is folded over the lanes and stored.
    pub(super) fn finish_sums(&mut self, id: ArrayId) -> Result<()> {
        let nest = self.nest(id);
        let (reduces, in_memory) = self.reduces(id);
        let from = self.reduced_from(id);
        if !reduces || from == self.order.len() {
            return Ok(());
        }
        for written in self.written(id, 0..nest.free) {
            if self.unread(id, &written) {
                continue;
            }
            let at = |axis: usize| written.iter().find(|(l, _)| *l == axis).map_or(0, |(_, k)| *k);
            let flat = self.flat(id, at);
            let place = self.own_address(id, &written)?;
            let total = match self.accumulators.get(&(id, flat)) {
                Some(acc) => self.folded(nest.reduction, acc.reg, from),
                None => self.builder.op_after(Op::Const(identity(nest.reduction)), from),
            };
            let total = if in_memory {
                let before = self.builder.op_after(Op::Load(place.clone()), from);
                self.combined_after(nest.reduction, before, total, from)
            } else {
                total
            };
            self.builder.after[from].push(Stmt::Store(place, total));
        }
        Ok(())
    }

    pub(super) fn combined_after(&mut self, reduction: Reduction, a: Reg, b: Reg, level: usize) -> Reg {
        let f = match reduction {
            Reduction::Sum => Binary::Add,
            Reduction::Product => Binary::Mul,
            Reduction::Max => Binary::Max,
            Reduction::Min => Binary::Min,
        };
        let best = self.builder.op_after(Op::Binary(f, a, b), level);
        if matches!(reduction, Reduction::Sum | Reduction::Product) {
            return best;
        }
        let bad = self.builder.op_after(Op::Compare(Comparison::NotEqual, a, a), level);
        self.builder.op_after(Op::Select(bad, a, best), level)
    }

    /// The lanes of an accumulator as one number; NaN in any lane wins.
    pub(super) fn folded(&mut self, reduction: Reduction, acc: Reg, level: usize) -> Reg {
        let fold = match reduction {
            Reduction::Sum => Fold::Sum,
            Reduction::Product => Fold::Product,
            Reduction::Max => Fold::Max,
            Reduction::Min => Fold::Min,
        };
        let total = self.builder.op_after(Op::Fold(fold, acc), level);
        if matches!(reduction, Reduction::Sum | Reduction::Product) {
            return total;
        }
        let b = &mut self.builder;
        let bad = b.op_after(Op::Compare(Comparison::NotEqual, acc, acc), level);
        let one = b.op_after(Op::Const(1.0), level);
        let bad = b.op_after(Op::Binary(Binary::And, bad, one), level);
        let bad = b.op_after(Op::Fold(Fold::Sum, bad), level);
        let zero = b.op_after(Op::Const(0.0), level);
        let bad = b.op_after(Op::Compare(Comparison::Greater, bad, zero), level);
        let nan = b.op_after(Op::Const(f64::NAN), level);
        b.op_after(Op::Select(bad, nan, total), level)
    }
}

/// What a reduction over nothing answers.
fn identity(reduction: Reduction) -> f64 {
    match reduction {
        Reduction::Sum => 0.0,
        Reduction::Product => 1.0,
        Reduction::Max => f64::NEG_INFINITY,
        Reduction::Min => f64::INFINITY,
    }
}
