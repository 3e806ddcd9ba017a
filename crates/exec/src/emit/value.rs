//! The value of a term: conditions, reads, and what is computed from them.

use super::builder::Builder;
use super::{Condition, Emitter, Position, Value};
use crate::array::{ArrayId, Atom, Body, Definition, Entry, Guard, Read, Reduction};
use crate::error::Result;
use crate::lane::program::{Address, Affine, Binary, Comparison, Op, Reg, Test, Unary};
use crate::schedule;
use chainrule_core::graph::op::{Comparison as CoreComparison, Logic};
use chainrule_core::ops::map::Map;
use smallvec::SmallVec;

/// Pieces into which a loop is cut at the bounds of conditions; with more, the conditions are tested instead.
const PIECES: usize = 6;

impl Emitter<'_> {
    /// Where the lane loop is cut, so that conditions on its counter are decided in every piece.
    pub(super) fn pieces(&self, lane: usize, extent: usize) -> Vec<(i64, i64)> {
        let extent = extent as i64;
        let mut cuts = vec![0, extent];
        for &m in self.members {
            let nest = self.nest(m);
            let lane_label = (0..nest.extents.len()).find(|&l| self.depth(m, l) == Some(lane));
            let Some(lane_label) = lane_label else { continue };
            nest.each_guard(&mut |guard| {
                let (Guard::Zero(at) | Guard::NonNegative(at)) = guard else { return };
                let mut only_lane = at.is_affine();
                let mut slope = 0;
                for (atom, s) in &at.parts {
                    match atom {
                        Atom::Label(l) if *l == lane_label => slope = *s,
                        _ => only_lane = false,
                    }
                }
                if !only_lane || slope == 0 {
                    return;
                }
                // slope·v + base changes sign at -base/slope.
                let root = (-at.base).div_euclid(slope);
                match guard {
                    Guard::Zero(_) => cuts.extend([root, root + 1]),
                    _ if slope > 0 => cuts.push(root + i64::from((-at.base).rem_euclid(slope) != 0)),
                    _ => cuts.push(root + 1),
                }
            });
        }
        cuts.retain(|c| (0..=extent).contains(c));
        cuts.sort_unstable();
        cuts.dedup();
        if cuts.len() - 1 > PIECES {
            return vec![(0, extent)];
        }
        cuts.windows(2).map(|w| (w[0], w[1])).collect()
    }

    /// Conditions as masks. One that reads outside of an array fails, whatever the others say.
    pub(super) fn condition(
        &mut self,
        user: ArrayId,
        guards: &[Guard],
        positions: &[Position],
    ) -> Result<Condition> {
        let mut masks: SmallVec<[Reg; 2]> = SmallVec::new();
        self.kept_inside.clear();
        // Conditions on labels first: they protect the reads of the others.
        for guard in guards {
            let (test, at) = match guard {
                Guard::Zero(at) => (Test::Zero, at),
                Guard::NonNegative(at) => (Test::NonNegative, at),
                Guard::Holds(..) => continue,
            };
            let at = self.affine(at, positions, true)?;
            if !self.test(test, at, &mut masks) {
                return Ok(Condition::Never);
            }
        }
        for guard in guards {
            let Guard::Holds(array, at, negated) = guard else { continue };
            let read = Read { array: *array, at: at.clone(), guards: Vec::new() };
            let kept = std::mem::take(&mut self.kept_inside);
            let value = self.read(user, &read, positions, true)?;
            self.kept_inside.extend(kept);
            let mask = self.reg(value);
            masks.push(if *negated { self.builder.op(Op::Unary(Unary::Not, mask)) } else { mask });
        }
        for (at, extent) in std::mem::take(&mut self.kept_inside) {
            let mut above = Affine::constant(extent - 1);
            above.add(&at, -1);
            if !self.test(Test::NonNegative, at, &mut masks)
                || !self.test(Test::NonNegative, above, &mut masks)
            {
                return Ok(Condition::Never);
            }
        }
        masks.sort_unstable();
        masks.dedup();
        Ok(Condition::Where(masks))
    }

    /// Adds the mask of a test that may fail; false where it never holds.
    fn test(&mut self, test: Test, at: Affine, masks: &mut SmallVec<[Reg; 2]>) -> bool {
        let (low, high) = self.builder.range(&at);
        match test {
            Test::Zero if low > 0 || high < 0 => return false,
            Test::NonNegative if high < 0 => return false,
            Test::Zero if low == 0 && high == 0 => {}
            Test::NonNegative if low >= 0 => {}
            _ => masks.push(self.builder.op(Op::Test(test, at))),
        }
        true
    }

    pub(super) fn reg(&mut self, value: Value) -> Reg {
        match value {
            Value::Absent => self.builder.number(0.0),
            Value::Reg(r) => r,
            Value::Product(a, b) => self.builder.binary(Binary::Mul, a, b),
        }
    }

    pub(super) fn masked(&mut self, value: Value, masks: &[Reg]) -> Value {
        if masks.is_empty() || matches!(value, Value::Absent) {
            return value;
        }
        let mut reg = self.reg(value);
        for &mask in masks {
            reg = self.builder.binary(Binary::And, mask, reg);
        }
        Value::Reg(reg)
    }

    pub(super) fn read(
        &mut self,
        user: ArrayId,
        read: &Read,
        positions: &[Position],
        protected: bool,
    ) -> Result<Value> {
        let masks = match self.condition(user, &read.guards, positions)? {
            Condition::Never => return Ok(Value::Absent),
            Condition::Where(masks) => masks,
        };
        if self.vanishes(read, positions) {
            return Ok(Value::Absent);
        }
        let array = &self.arrays[read.array];
        if let Some(c) = schedule::constant(array) {
            let value = Value::Reg(self.builder.number(c));
            return Ok(self.masked(value, &masks));
        }
        if self.recomputed[read.array.index()] {
            let value = self.anew(read, positions, protected)?;
            return Ok(self.masked(value, &masks));
        }
        let member = self.members.binary_search(&read.array).is_ok();
        if member && schedule::is_fused(user, read.array, &read.at, self.arrays, self.classes) {
            let mut at = Vec::with_capacity(read.at.len());
            for (axis, index) in read.at.iter().enumerate() {
                at.push(match self.depth(read.array, axis) {
                    Some(_) => 0,
                    None => self.affine(index, positions, protected)?.offset,
                });
            }
            let inside = at.iter().zip(&array.shape).all(|(&k, &e)| (0..e as i64).contains(&k));
            if inside {
                let flat = self.flat(read.array, |axis| at[axis]);
                let value = self.values[&(read.array, flat)];
                return Ok(self.masked(value, &masks));
            }
            // Only a condition that never holds here lets a read leave its array.
            return Ok(Value::Absent);
        }
        if array.count() == 0 {
            return Ok(Value::Absent);
        }
        let place = self.place(read.array, &read.at, positions, protected || !read.guards.is_empty())?;
        let fixed = place.strides.is_empty() && place.indexed.is_empty();
        let value = match (&array.definition, array.entry) {
            (Definition::Reals(known), Entry::Real) if fixed => {
                self.builder.number(known[place.offset as usize])
            }
            (_, Entry::Int) => {
                let buffer = self.buffer(read.array);
                self.builder.op(Op::LoadInt(Address { buffer, at: place }))
            }
            (_, entry) => {
                let buffer = self.buffer(read.array);
                let value = self.builder.op(Op::Load(Address { buffer, at: place }));
                if entry == Entry::Bool {
                    let zero = self.builder.number(0.0);
                    self.builder.compare(Comparison::NotEqual, value, zero)
                } else {
                    value
                }
            }
        };
        Ok(self.masked(Value::Reg(value), &masks))
    }

    /// The entry of an array that is computed where it is read; such arrays nest only as deep as they are cheap.
    fn anew(&mut self, read: &Read, positions: &[Position], protected: bool) -> Result<Value> {
        let mut at = Vec::with_capacity(read.at.len());
        for index in &read.at {
            let inside = protected || self.guarded || !read.guards.is_empty();
            let place = self.affine(index, positions, inside)?;
            at.push(match place.strides.is_empty() && place.indexed.is_empty() {
                true => Position::At(place.offset),
                false => {
                    self.places.push(place);
                    Position::Elsewhere(self.places.len() - 1)
                }
            });
        }
        let around = self.guarded;
        self.guarded |= protected || !read.guards.is_empty();
        let value = self.term(read.array, &at);
        self.guarded = around;
        value
    }

    /// The term of a nest at some positions.
    pub(super) fn term(&mut self, id: ArrayId, positions: &[Position]) -> Result<Value> {
        let nest = self.nest(id);
        let masks = match self.condition(id, &nest.guards, positions)? {
            Condition::Never if nest.absent => return Ok(Value::Reg(self.builder.number(-0.0))),
            Condition::Never => return Ok(Value::Absent),
            Condition::Where(masks) => masks,
        };
        let protected = !nest.guards.is_empty();
        if nest.body.reads().any(|read| self.stands_for_none(read, positions)) {
            return Ok(Value::Absent);
        }
        let value = match &nest.body {
            Body::Const(c) => Value::Reg(self.builder.number(*c)),
            Body::Count(at) => {
                let at = self.affine(at, positions, protected)?;
                Value::Reg(self.builder.op(Op::Count(at)))
            }
            Body::Product(factors) => {
                let (mut above, mut below): (SmallVec<[Reg; 4]>, SmallVec<[Reg; 2]>) = Default::default();
                for factor in factors {
                    let value = self.read(id, &factor.read, positions, protected)?;
                    let x = self.reg(value);
                    let x = self.builder.power(x, factor.power);
                    if factor.divides { below.push(x) } else { above.push(x) }
                }
                let last = if above.len() > 1 && below.is_empty() { above.pop() } else { None };
                let mut product = above.first().copied();
                for &x in above.iter().skip(1) {
                    product = product.map(|p| self.builder.binary(Binary::Mul, p, x));
                }
                let product = match product {
                    Some(p) => p,
                    None => self.builder.number(1.0),
                };
                match (last, below.split_first()) {
                    (Some(last), _) => Value::Product(product, last),
                    (None, Some((&first, rest))) => {
                        let mut divisor = first;
                        for &x in rest {
                            divisor = self.builder.binary(Binary::Mul, divisor, x);
                        }
                        Value::Reg(self.builder.binary(Binary::Div, product, divisor))
                    }
                    (None, None) => Value::Reg(product),
                }
            }
            Body::Sum(terms) => self.sum(id, terms, positions, protected)?,
            Body::Map(map, reads) => {
                let args = self.reads(id, reads, positions, protected)?;
                Value::Reg(self.builder.map(Map::by_id(*map).name, *map, &args))
            }
            Body::Select(reads) => {
                let args = self.reads(id, reads, positions, protected)?;
                Value::Reg(self.builder.op(Op::Select(args[0], args[1], args[2])))
            }
            Body::Compare(f, reads) => {
                let args = self.reads(id, reads, positions, protected)?;
                let f = match f {
                    CoreComparison::Greater => Comparison::Greater,
                    CoreComparison::GreaterEqual => Comparison::GreaterEqual,
                    CoreComparison::Equal => Comparison::Equal,
                };
                Value::Reg(self.builder.compare(f, args[0], args[1]))
            }
            Body::Logic(f, reads) => {
                let args = self.reads(id, reads, positions, protected)?;
                Value::Reg(match f {
                    Logic::Not => self.builder.op(Op::Unary(Unary::Not, args[0])),
                    Logic::And => self.builder.binary(Binary::And, args[0], args[1]),
                    Logic::Or => self.builder.binary(Binary::Or, args[0], args[1]),
                })
            }
        };
        if nest.absent {
            // A sum with +0 is never -0.
            let (present, none) = (self.builder.number(0.0), self.builder.number(-0.0));
            let value = self.reg(value);
            let value = self.builder.binary(Binary::Add, value, present);
            let kept = |b: &mut Builder, x, &mask: &Reg| b.op(Op::Select(mask, x, none));
            return Ok(Value::Reg(masks.iter().fold(value, |x, mask| kept(&mut self.builder, x, mask))));
        }
        Ok(self.masked(value, &masks))
    }

    pub(super) fn reads(
        &mut self,
        id: ArrayId,
        reads: &[Read],
        at: &[Position],
        protected: bool,
    ) -> Result<SmallVec<[Reg; 3]>> {
        let mut regs = SmallVec::new();
        for read in reads {
            let value = self.read(id, read, at, protected)?;
            regs.push(self.reg(value));
        }
        Ok(regs)
    }

    pub(super) fn sum(
        &mut self,
        id: ArrayId,
        terms: &[(f64, Read)],
        at: &[Position],
        protected: bool,
    ) -> Result<Value> {
        let mut total: Option<Value> = None;
        // A first term that is subtracted waits for one to be subtracted from: `-a + b` is `b - a`, to the bit.
        let mut waits: Option<Value> = None;
        for (c, read) in terms {
            let value = self.read(id, read, at, protected)?;
            if matches!(value, Value::Absent) {
                continue;
            }
            total = Some(match (total, waits.take()) {
                (None, None) if *c == -1.0 => {
                    waits = Some(value);
                    continue;
                }
                (None, None) => self.scaled(*c, value),
                (None, Some(first)) if *c == 1.0 => {
                    let from = self.reg(value);
                    Value::Reg(self.added(from, -1.0, first))
                }
                (None, Some(first)) => {
                    let first = self.scaled(-1.0, first);
                    let first = self.reg(first);
                    Value::Reg(self.added(first, *c, value))
                }
                (Some(total), _) => {
                    let total = self.reg(total);
                    Value::Reg(self.added(total, *c, value))
                }
            });
        }
        Ok(match (total, waits) {
            (Some(total), _) => total,
            (None, Some(only)) => self.scaled(-1.0, only),
            (None, None) => Value::Absent,
        })
    }

    pub(super) fn scaled(&mut self, c: f64, value: Value) -> Value {
        if c == 1.0 {
            return value;
        }
        let x = self.reg(value);
        if c == -1.0 {
            return Value::Reg(self.builder.op(Op::Unary(Unary::Neg, x)));
        }
        Value::Product(self.builder.number(c), x)
    }

    /// `total + c · value`
    pub(super) fn added(&mut self, total: Reg, c: f64, value: Value) -> Reg {
        if c == 1.0 || c == -1.0 {
            return match (value, c > 0.0) {
                (Value::Absent, _) => total,
                (Value::Reg(x), true) => self.builder.binary(Binary::Add, total, x),
                (Value::Reg(x), false) => self.builder.binary(Binary::Sub, total, x),
                (Value::Product(a, b), true) => self.builder.op(Op::MulAdd(a, b, total)),
                (Value::Product(a, b), false) => self.builder.op(Op::NegMulAdd(a, b, total)),
            };
        }
        let x = self.reg(value);
        let c = self.builder.number(c);
        self.builder.op(Op::MulAdd(c, x, total))
    }

    /// `total` combined with one more term of a reduction.
    pub(super) fn combined(&mut self, reduction: Reduction, total: Reg, value: Value) -> Reg {
        match reduction {
            Reduction::Sum => self.added(total, 1.0, value),
            Reduction::Product => {
                let x = self.reg(value);
                self.builder.binary(Binary::Mul, total, x)
            }
            Reduction::Max => {
                let x = self.reg(value);
                self.extremum(total, x, Binary::Max)
            }
            Reduction::Min => {
                let x = self.reg(value);
                self.extremum(total, x, Binary::Min)
            }
        }
    }

    /// The larger or smaller of two; once NaN, always NaN.
    pub(super) fn extremum(&mut self, total: Reg, x: Reg, f: Binary) -> Reg {
        let best = self.builder.binary(f, total, x);
        let bad = self.builder.compare(Comparison::NotEqual, total, total);
        self.builder.op(Op::Select(bad, total, best))
    }
}
