//! From a step of the schedule to a lane program.
//!
//! Loops run over the looped classes; positions of all other labels are written out. Every entry of every member is
//! computed once and handed on in a register; conditions that are decided by the positions leave no trace, so that
//! deltas between unrolled labels cost nothing.

mod builder;
mod tidy;

use crate::array::{ArrayId, Arrays, At, Atom, Body, Definition, Entry, Guard, Nest, Read, Reduction};
use crate::error::{Error, Result};
use crate::lane::program::{
    Address, Affine, Binary, Buffer, Comparison, Fold, IndexOp, Op, Precision, Program, Reg, Stmt, Test,
    Unary,
};
use crate::schedule::classes::{Class, Classes};
use crate::schedule::{self, Schedule};
use builder::{Builder, counter};
use chainrule_core::graph::op::{Comparison as CoreComparison, Logic};
use chainrule_core::ops::map::Map;
use indexmap::IndexSet;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Pieces into which a loop is cut at the bounds of conditions; with more, the conditions are tested instead.
const PIECES: usize = 6;

/// A program, and the arrays whose memory it is given.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The program.
    pub program: Program,
    /// The array of each buffer.
    pub buffers: Vec<ArrayId>,
}

/// The value of a label while code is written.
#[derive(Copy, Clone)]
enum Position {
    /// Written out.
    At(i64),
    /// The counter of the loop at this depth.
    Loop(usize),
}

/// A value: absent, a register, or a product that may still be fused with a sum.
#[derive(Copy, Clone)]
enum Value {
    Absent,
    Reg(Reg),
    Product(Reg, Reg),
}

/// Whether conditions hold.
enum Condition {
    Never,
    /// Where all masks hold.
    Where(SmallVec<[Reg; 2]>),
}

/// The program of a step.
///
/// # Errors
/// [`Error::Unsupported`] for an index that may leave its array.
pub fn emit(
    arrays: &Arrays,
    schedule: &Schedule,
    order: &[Class],
    members: &[ArrayId],
    precision: Precision,
) -> Result<Emitted> {
    let depth = |class: Class| order.iter().position(|&c| c == class);
    let mut extents = vec![0usize; order.len()];
    for &m in members {
        let nest = arrays[m].loops().expect("invariant: members are nests");
        for (label, &extent) in nest.extents.iter().enumerate() {
            if let Some(d) = depth(schedule.classes.of(m, label)) {
                extents[d] = extent;
            }
        }
    }
    let mut emitter = Emitter {
        arrays,
        classes: &schedule.classes,
        stored: &schedule.stored,
        order,
        members,
        builder: Builder::new(&extents),
        buffers: IndexSet::new(),
        values: FxHashMap::default(),
        accumulators: FxHashMap::default(),
    };
    emitter.run(&extents)?;
    let mut program = emitter.finish(&extents, precision);
    tidy::tidy(&mut program.0);
    Ok(Emitted { program: program.0, buffers: program.1 })
}

/// A sum, product or extremum under way.
#[derive(Copy, Clone)]
struct Accumulator {
    reg: Reg,
}

struct Emitter<'a> {
    arrays: &'a Arrays,
    classes: &'a Classes,
    stored: &'a [bool],
    order: &'a [Class],
    members: &'a [ArrayId],
    builder: Builder,
    buffers: IndexSet<ArrayId>,
    /// Entries of members at written-out positions.
    values: FxHashMap<(ArrayId, usize), Value>,
    accumulators: FxHashMap<(ArrayId, usize), Accumulator>,
}

type Pieces = Vec<((i64, i64), Vec<Stmt>)>;

impl<'a> Emitter<'a> {
    fn nest(&self, id: ArrayId) -> &'a Nest {
        self.arrays[id].loops().expect("invariant: members are nests")
    }

    fn depth(&self, id: ArrayId, label: usize) -> Option<usize> {
        let class = self.classes.of(id, label);
        self.order.iter().position(|&c| c == class)
    }

    fn run(&mut self, extents: &[usize]) -> Result<()> {
        let lane = extents.len().checked_sub(1);
        let pieces = match lane {
            None => vec![(0, 1)],
            Some(lane) => self.pieces(lane, extents[lane]),
        };
        for &m in self.members {
            self.clear_sums(m, extents);
        }
        let mut bodies: Pieces = Vec::new();
        for piece in pieces {
            if let Some(lane) = lane {
                self.builder.ranges[lane] = piece;
            }
            self.values.clear();
            for &m in self.members {
                self.member(m)?;
            }
            match lane {
                Some(_) => bodies.push((piece, self.builder.next_segment())),
                None => bodies.push((piece, Vec::new())),
            }
        }
        if let Some(lane) = lane {
            self.builder.ranges[lane] = (0, extents[lane] as i64);
            let lanes = !self.members.iter().any(|&m| self.collides(m, lane));
            let inner = &mut self.builder.before[lane];
            for ((from, to), body) in bodies {
                inner.push(Stmt::Loop { var: counter(lane), from, to, lanes, body });
            }
        }
        for &m in self.members {
            self.finish_sums(m)?;
        }
        Ok(())
    }

    fn finish(self, extents: &[usize], precision: Precision) -> (Program, Vec<ArrayId>) {
        let Builder { mut before, mut after, .. } = self.builder;
        let mut body = Vec::new();
        // From the loop above the lane loop outwards.
        for depth in (0..extents.len().max(1)).rev() {
            let mut all = std::mem::take(&mut before[depth]);
            if depth + 1 < extents.len() {
                all.push(Stmt::Loop {
                    var: counter(depth),
                    from: 0,
                    to: extents[depth] as i64,
                    lanes: false,
                    body,
                });
            }
            all.append(&mut after[depth]);
            body = all;
        }
        let (regs, indices) = (0, 0);
        let vars = extents.len() as u16;
        (Program { precision, regs, indices, vars, body }, self.buffers.into_iter().collect())
    }

    /// Whether neighbouring lanes of a loop may add to one place.
    fn collides(&self, id: ArrayId, lane: usize) -> bool {
        let Definition::Scatter(nest, place) = &self.arrays[id].definition else { return false };
        let label = (0..nest.extents.len()).find(|&l| self.depth(id, l) == Some(lane));
        !place.iter().any(|t| t.as_label().is_some() && t.as_label() == label)
    }

    // ------------------------------------------------------------ positions

    /// Every combination of positions of some labels that are written out.
    fn written(&self, id: ArrayId, labels: std::ops::Range<usize>) -> Vec<Vec<(usize, i64)>> {
        let nest = self.nest(id);
        let open: Vec<usize> = labels.filter(|&l| self.depth(id, l).is_none()).collect();
        let mut all = vec![Vec::with_capacity(open.len())];
        for label in open {
            let extent = nest.extents[label] as i64;
            all = all
                .into_iter()
                .flat_map(|at: Vec<(usize, i64)>| {
                    (0..extent).map(move |k| {
                        let mut at = at.clone();
                        at.push((label, k));
                        at
                    })
                })
                .collect();
        }
        all
    }

    /// Where every label stands, unrolled ones at the given positions.
    fn positions(&self, id: ArrayId, written: &[(usize, i64)]) -> Vec<Position> {
        let count = self.nest(id).extents.len();
        let mut at: Vec<Position> =
            (0..count).map(|l| self.depth(id, l).map_or(Position::At(0), Position::Loop)).collect();
        for &(label, k) in written {
            at[label] = Position::At(k);
        }
        at
    }

    /// The number of a written-out position of an array's own axes.
    fn flat(&self, id: ArrayId, at: impl Fn(usize) -> i64) -> usize {
        let shape = &self.arrays[id].shape;
        let mut flat = 0;
        for (axis, &extent) in shape.iter().enumerate() {
            if self.depth(id, axis).is_none() {
                flat = flat * extent + at(axis) as usize;
            }
        }
        flat
    }

    /// An index as code.
    fn affine(&mut self, at: &At, positions: &[Position]) -> Result<Affine> {
        let mut affine = Affine::constant(at.base);
        for (atom, slope) in &at.parts {
            match atom {
                Atom::Label(l) => match positions[*l] {
                    Position::At(k) => affine.offset += slope * k,
                    Position::Loop(depth) => affine.step(counter(depth), *slope),
                },
                Atom::Quotient(inner, d) => {
                    let inner = self.affine(inner, positions)?;
                    let (low, high) = self.builder.range(&inner);
                    let (low, high) = (low.div_euclid(*d), high.div_euclid(*d));
                    if low == high {
                        affine.offset += slope * low;
                    } else {
                        let index = self.builder.index(IndexOp::Quotient(inner, *d), (low, high));
                        affine.at(index, *slope);
                    }
                }
                Atom::Remainder(inner, d) => {
                    let inner = self.affine(inner, positions)?;
                    let (low, high) = self.builder.range(&inner);
                    if low.div_euclid(*d) == high.div_euclid(*d) {
                        affine.add(&inner, *slope);
                        affine.offset -= slope * d * low.div_euclid(*d);
                    } else {
                        let index = self.builder.index(IndexOp::Remainder(inner, *d), (0, d - 1));
                        affine.at(index, *slope);
                    }
                }
                Atom::Element(array, inner) => {
                    let place = self.place(*array, inner, positions, false)?;
                    if let (Definition::Integers(known), true) = (
                        &self.arrays[*array].definition,
                        place.strides.is_empty() && place.indexed.is_empty(),
                    ) {
                        affine.offset += slope * known[place.offset as usize];
                        continue;
                    }
                    let range = self.bounds(*array);
                    let buffer = self.buffer(*array);
                    let index = self.builder.index(IndexOp::Load(Address { buffer, at: place }), range);
                    affine.at(index, *slope);
                }
            }
        }
        Ok(affine)
    }

    /// Least and greatest entry of an array of integers.
    fn bounds(&self, id: ArrayId) -> (i64, i64) {
        use crate::array::Whole;
        match &self.arrays[id].definition {
            Definition::Integers(v) => {
                (v.iter().copied().min().unwrap_or(0), v.iter().copied().max().unwrap_or(0))
            }
            Definition::Input(n) => match self.arrays.inputs[*n].below {
                Some(below) => (0, (below - 1).max(0)),
                None => (i64::MIN / 4, i64::MAX / 4),
            },
            Definition::Whole(Whole::ArgMax(axis) | Whole::ArgSort(axis), args) => {
                (0, (self.arrays[args[0]].shape[*axis] as i64 - 1).max(0))
            }
            _ => (i64::MIN / 4, i64::MAX / 4),
        }
    }

    /// The element of an array at some indices. Where a condition protects the read, an index that may leave the
    /// array is kept inside: the condition discards what is read there.
    fn place(&mut self, id: ArrayId, at: &[At], positions: &[Position], protected: bool) -> Result<Affine> {
        let shape = self.arrays[id].shape.clone();
        let mut place = Affine::default();
        let mut stride: i64 = shape.iter().product::<usize>() as i64;
        for (index, &extent) in at.iter().zip(&shape) {
            let extent = extent as i64;
            stride = stride.checked_div(extent).unwrap_or(0);
            let mut component = self.affine(index, positions)?;
            let (low, high) = self.builder.range(&component);
            if extent > 0 && (low < 0 || high >= extent) {
                if !protected {
                    let what = "an index that may leave the array it reads".to_string();
                    return Err(Error::Unsupported { what });
                }
                let inside = self.builder.index(IndexOp::Clamp(component, extent), (0, extent - 1));
                component = Affine::default();
                component.at(inside, 1);
            }
            place.add(&component, stride);
        }
        Ok(place)
    }

    fn buffer(&mut self, id: ArrayId) -> Buffer {
        Buffer(self.buffers.insert_full(id).0 as u16)
    }

    // ------------------------------------------------------------ conditions

    /// Where the lane loop is cut, so that conditions on its counter are decided in every piece.
    fn pieces(&self, lane: usize, extent: usize) -> Vec<(i64, i64)> {
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

    fn condition(&mut self, user: ArrayId, guards: &[Guard], positions: &[Position]) -> Result<Condition> {
        let mut masks: SmallVec<[Reg; 2]> = SmallVec::new();
        // Conditions on labels first: they protect the reads of the others.
        for guard in guards {
            let (test, at) = match guard {
                Guard::Zero(at) => (Test::Zero, at),
                Guard::NonNegative(at) => (Test::NonNegative, at),
                Guard::Holds(..) => continue,
            };
            let at = self.affine(at, positions)?;
            let (low, high) = self.builder.range(&at);
            match test {
                Test::Zero if low > 0 || high < 0 => return Ok(Condition::Never),
                Test::NonNegative if high < 0 => return Ok(Condition::Never),
                Test::Zero if low == 0 && high == 0 => {}
                Test::NonNegative if low >= 0 => {}
                _ => masks.push(self.builder.op(Op::Test(test, at))),
            }
        }
        for guard in guards {
            let Guard::Holds(array, at, negated) = guard else { continue };
            let read = Read { array: *array, at: at.clone(), guards: Vec::new() };
            let value = self.read(user, &read, positions, !guards.is_empty())?;
            let mask = self.reg(value);
            masks.push(if *negated { self.builder.op(Op::Unary(Unary::Not, mask)) } else { mask });
        }
        masks.sort_unstable();
        masks.dedup();
        Ok(Condition::Where(masks))
    }

    // ------------------------------------------------------------ values

    fn reg(&mut self, value: Value) -> Reg {
        match value {
            Value::Absent => self.builder.number(0.0),
            Value::Reg(r) => r,
            Value::Product(a, b) => self.builder.binary(Binary::Mul, a, b),
        }
    }

    fn masked(&mut self, value: Value, masks: &[Reg]) -> Value {
        if masks.is_empty() || matches!(value, Value::Absent) {
            return value;
        }
        let mut reg = self.reg(value);
        for &mask in masks {
            reg = self.builder.binary(Binary::And, mask, reg);
        }
        Value::Reg(reg)
    }

    fn read(&mut self, user: ArrayId, read: &Read, positions: &[Position], protected: bool) -> Result<Value> {
        let masks = match self.condition(user, &read.guards, positions)? {
            Condition::Never => return Ok(Value::Absent),
            Condition::Where(masks) => masks,
        };
        let array = &self.arrays[read.array];
        if let Some(c) = schedule::constant(array) {
            let value = Value::Reg(self.builder.number(c));
            return Ok(self.masked(value, &masks));
        }
        let member = self.members.binary_search(&read.array).is_ok();
        if member && schedule::is_fused(user, read.array, &read.at, self.arrays, self.classes) {
            let mut at = Vec::with_capacity(read.at.len());
            for (axis, index) in read.at.iter().enumerate() {
                at.push(match self.depth(read.array, axis) {
                    Some(_) => 0,
                    None => self.affine(index, positions)?.offset,
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

    /// The term of a nest at some positions.
    fn term(&mut self, id: ArrayId, positions: &[Position]) -> Result<Value> {
        let nest = self.nest(id);
        let masks = match self.condition(id, &nest.guards, positions)? {
            Condition::Never => return Ok(Value::Absent),
            Condition::Where(masks) => masks,
        };
        let protected = !nest.guards.is_empty();
        let value = match &nest.body {
            Body::Const(c) => Value::Reg(self.builder.number(*c)),
            Body::Count(at) => {
                let at = self.affine(at, positions)?;
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
        Ok(self.masked(value, &masks))
    }

    fn reads(
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

    fn sum(&mut self, id: ArrayId, terms: &[(f64, Read)], at: &[Position], protected: bool) -> Result<Value> {
        let mut total: Option<Value> = None;
        for (c, read) in terms {
            let value = self.read(id, read, at, protected)?;
            if matches!(value, Value::Absent) {
                continue;
            }
            total = Some(match total {
                None => self.scaled(*c, value),
                Some(total) => {
                    let total = self.reg(total);
                    Value::Reg(self.added(total, *c, value))
                }
            });
        }
        Ok(total.unwrap_or(Value::Absent))
    }

    fn scaled(&mut self, c: f64, value: Value) -> Value {
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
    fn added(&mut self, total: Reg, c: f64, value: Value) -> Reg {
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
    fn combined(&mut self, reduction: Reduction, total: Reg, value: Value) -> Reg {
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
    fn extremum(&mut self, total: Reg, x: Reg, f: Binary) -> Reg {
        let best = self.builder.binary(f, total, x);
        let bad = self.builder.compare(Comparison::NotEqual, total, total);
        self.builder.op(Op::Select(bad, total, best))
    }

    // ------------------------------------------------------------ members

    /// Depth of the first loop of the innermost run of loops that a member reduces over.
    fn reduced_from(&self, id: ArrayId) -> usize {
        let bound: Vec<usize> = self.nest(id).bound().filter_map(|l| self.depth(id, l)).collect();
        let mut from = self.order.len();
        while from > 0 && bound.contains(&(from - 1)) {
            from -= 1;
        }
        from
    }

    /// Whether a member reduces over any loop, and whether over one outside the innermost run.
    fn reduces(&self, id: ArrayId) -> (bool, bool) {
        let from = self.reduced_from(id);
        let mut bound = self.nest(id).bound().filter_map(|l| self.depth(id, l));
        let any = from < self.order.len() || bound.clone().next().is_some();
        (any, bound.any(|d| d < from))
    }

    /// Terms of a scatter, each added where its index says.
    fn scatter(&mut self, id: ArrayId, place: &'a [At]) -> Result<()> {
        let nest = self.nest(id);
        let inner = self.builder.innermost();
        // Named even where no term is left: its memory is cleared.
        self.buffer(id);
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

    fn member(&mut self, id: ArrayId) -> Result<()> {
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
            if !reduces {
                let mut total = None;
                for extra in &bound {
                    written.truncate(free);
                    written.extend(extra);
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
    fn own_address(&mut self, id: ArrayId, written: &[(usize, i64)]) -> Result<Address> {
        let positions = self.positions(id, written);
        let own: Vec<At> = (0..self.arrays[id].shape.len()).map(At::label).collect();
        let at = self.place(id, &own, &positions, false)?;
        Ok(Address { buffer: self.buffer(id), at })
    }

    fn store(&mut self, id: ArrayId, value: Value, positions: &[Position]) -> Result<Stmt> {
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
    fn clear_sums(&mut self, id: ArrayId, extents: &[usize]) {
        let (_, in_memory) = self.reduces(id);
        if !in_memory || matches!(self.arrays[id].definition, Definition::Scatter(..)) {
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
    fn finish_sums(&mut self, id: ArrayId) -> Result<()> {
        let nest = self.nest(id);
        let (reduces, in_memory) = self.reduces(id);
        let from = self.reduced_from(id);
        if !reduces
            || from == self.order.len()
            || matches!(self.arrays[id].definition, Definition::Scatter(..))
        {
            return Ok(());
        }
        for written in self.written(id, 0..nest.free) {
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

    fn combined_after(&mut self, reduction: Reduction, a: Reg, b: Reg, level: usize) -> Reg {
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
    fn folded(&mut self, reduction: Reduction, acc: Reg, level: usize) -> Reg {
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
