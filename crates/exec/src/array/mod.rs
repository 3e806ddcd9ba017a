//! Arrays: the graph with numbers for sizes, every node a nest of loops over labels.
//!
//! `y[free] = reduce over bound: [guards] body(free, bound)`, operands before users. What the schedule, the fusion and
//! the choice of kernels work on; no names, no symbols, no derivatives are left.

pub mod chain;
pub mod checks;
#[cfg(test)]
mod compared;
pub mod composite;
pub mod ends;
pub mod hoist;
pub mod kept;
mod labels;
pub mod lower;
pub mod matrix;
pub mod merge;
pub mod narrow;
pub mod order;
pub mod passes;
pub mod prefix;
pub mod scatter;
pub mod slice;
pub mod support;
pub mod view;

use chainrule_core::graph::op::{Comparison, Linear, Logic};
use smallvec::SmallVec;
use std::sync::Arc;

/// An array, by its place in the table.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ArrayId(pub u32);

impl ArrayId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the entries of an array are. Truth values are kept as the numbers 1 and 0.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Entry {
    /// Numbers of the plan's precision.
    Real,
    /// `i64`.
    Int,
    /// 1 or 0, of the plan's precision.
    Bool,
}

/// `base + Σ slope · atom`
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct At {
    /// Where all atoms are 0.
    pub base: i64,
    /// Atoms with non-zero slopes.
    pub parts: SmallVec<[(Atom, i64); 1]>,
}

/// What an index is a combination of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Atom {
    /// A label of the nest.
    Label(usize),
    /// Floor of the quotient by a positive number.
    Quotient(Box<At>, i64),
    /// Remainder of that division.
    Remainder(Box<At>, i64),
    /// An entry of an array of integers.
    Element(ArrayId, Box<[At]>),
}

impl At {
    /// The label itself.
    pub fn label(label: usize) -> At {
        At { base: 0, parts: SmallVec::from_iter([(Atom::Label(label), 1)]) }
    }

    /// A number.
    pub fn constant(base: i64) -> At {
        At { base, parts: SmallVec::new() }
    }

    /// The label, if the index is just one.
    pub fn as_label(&self) -> Option<usize> {
        match self.parts.as_slice() {
            [(Atom::Label(l), 1)] if self.base == 0 => Some(*l),
            _ => None,
        }
    }

    /// Number of atoms, nested ones included.
    pub fn weight(&self) -> usize {
        let inner = |atom: &Atom| match atom {
            Atom::Label(_) => 0,
            Atom::Quotient(t, _) | Atom::Remainder(t, _) => t.weight(),
            Atom::Element(_, at) => at.iter().map(At::weight).sum(),
        };
        self.parts.iter().map(|(a, _)| 1 + inner(a)).sum()
    }

    /// True without quotients, remainders and entries.
    pub fn is_affine(&self) -> bool {
        self.parts.iter().all(|(a, _)| matches!(a, Atom::Label(_)))
    }

    /// Calls `visit` on every label, nested ones included.
    pub fn each_label(&self, visit: &mut dyn FnMut(usize)) {
        for (atom, _) in &self.parts {
            match atom {
                Atom::Label(l) => visit(*l),
                Atom::Quotient(t, _) | Atom::Remainder(t, _) => t.each_label(visit),
                Atom::Element(_, at) => at.iter().for_each(|t| t.each_label(visit)),
            }
        }
    }

    /// Calls `visit` on every array of integers that is read.
    pub fn each_array(&self, visit: &mut dyn FnMut(ArrayId)) {
        for (atom, _) in &self.parts {
            match atom {
                Atom::Label(_) => {}
                Atom::Quotient(t, _) | Atom::Remainder(t, _) => t.each_array(visit),
                Atom::Element(array, at) => {
                    visit(*array);
                    at.iter().for_each(|t| t.each_array(visit));
                }
            }
        }
    }

    /// `self + factor · other`
    pub fn plus(mut self, other: &At, factor: i64) -> At {
        self.base += factor * other.base;
        for (atom, slope) in &other.parts {
            match self.parts.iter().position(|(a, _)| a == atom) {
                Some(k) => {
                    self.parts[k].1 += factor * slope;
                    if self.parts[k].1 == 0 {
                        self.parts.remove(k);
                    }
                }
                None => self.parts.push((atom.clone(), factor * slope)),
            }
        }
        self
    }

    /// Every label replaced by an index.
    pub fn substitute(&self, by: &dyn Fn(usize) -> At) -> At {
        let inner = |t: &At| t.substitute(by);
        let mut total = At::constant(self.base);
        for (atom, slope) in &self.parts {
            let replaced = match atom {
                Atom::Label(l) => by(*l),
                Atom::Quotient(t, d) => At::atom(Atom::Quotient(Box::new(inner(t)), *d)),
                Atom::Remainder(t, d) => At::atom(Atom::Remainder(Box::new(inner(t)), *d)),
                Atom::Element(a, at) => At::atom(Atom::Element(*a, at.iter().map(inner).collect())),
            };
            total = total.plus(&replaced, *slope);
        }
        total
    }

    /// Arrays of integers renamed.
    fn rename(&mut self, name: &dyn Fn(ArrayId) -> ArrayId) {
        for (atom, _) in &mut self.parts {
            match atom {
                Atom::Label(_) => {}
                Atom::Quotient(t, _) | Atom::Remainder(t, _) => t.rename(name),
                Atom::Element(array, at) => {
                    *array = name(*array);
                    at.iter_mut().for_each(|t| t.rename(name));
                }
            }
        }
    }

    fn atom(atom: Atom) -> At {
        At { base: 0, parts: SmallVec::from_iter([(atom, 1)]) }
    }
}

/// Where an operand is read: one index for each of its axes.
pub type Place = SmallVec<[At; 2]>;

/// An entry of an operand, 0 where a guard fails.
#[derive(Clone, PartialEq, Debug)]
pub struct Read {
    /// The operand.
    pub array: ArrayId,
    /// Where it is read.
    pub at: Place,
    /// Conditions under which it is read at all; what a view reads through brings them along.
    pub guards: Vec<Guard>,
}

impl Read {
    /// The entry of an operand at some indices.
    pub fn new(array: ArrayId, at: impl IntoIterator<Item = At>) -> Read {
        Read { array, at: at.into_iter().collect(), guards: Vec::new() }
    }

    /// The entry at the free labels, of an operand with as many axes.
    pub fn whole(array: ArrayId, rank: usize) -> Read {
        Read::new(array, (0..rank).map(At::label))
    }
}

/// A factor of a product.
#[derive(Clone, PartialEq, Debug)]
pub struct Factor {
    /// What is read.
    pub read: Read,
    /// Exponent, at least 1.
    pub power: u32,
    /// Whether the product is divided by it.
    pub divides: bool,
}

/// A condition; where it is false the term is absent.
#[derive(Clone, PartialEq, Debug)]
pub enum Guard {
    /// The index is 0.
    Zero(At),
    /// The index is at least 0.
    NonNegative(At),
    /// A truth value holds, or fails where negated.
    Holds(ArrayId, Place, bool),
}

impl Guard {
    fn rename(&mut self, name: &dyn Fn(ArrayId) -> ArrayId) {
        match self {
            Guard::Zero(t) | Guard::NonNegative(t) => t.rename(name),
            Guard::Holds(array, at, _) => {
                *array = name(*array);
                at.iter_mut().for_each(|t| t.rename(name));
            }
        }
    }

    /// The indices of the condition.
    pub fn indices(&self) -> &[At] {
        match self {
            Guard::Zero(t) | Guard::NonNegative(t) => std::slice::from_ref(t),
            Guard::Holds(_, at, _) => at,
        }
    }

    /// Every label replaced by an index.
    pub fn substitute(&self, by: &dyn Fn(usize) -> At) -> Guard {
        match self {
            Guard::Zero(t) => Guard::Zero(t.substitute(by)),
            Guard::NonNegative(t) => Guard::NonNegative(t.substitute(by)),
            Guard::Holds(a, at, negated) => {
                Guard::Holds(*a, at.iter().map(|t| t.substitute(by)).collect(), *negated)
            }
        }
    }
}

/// How the terms of bound labels become one.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reduction {
    /// Their sum, 0 over nothing.
    Sum,
    /// Their product, 1 over nothing.
    Product,
    /// The largest; NaN wins; -∞ over nothing.
    Max,
    /// The smallest; NaN wins; ∞ over nothing.
    Min,
}

/// What a nest computes at one point of its labels.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A number.
    Const(f64),
    /// An index, as a number.
    Count(At),
    /// Products and quotients of reads.
    Product(Vec<Factor>),
    /// `Σ coefficient · x`
    Sum(Vec<(f64, Read)>),
    /// A function of the table of maps.
    Map(u16, Vec<Read>),
    /// `a` where `p` holds, else `b`: `p, a, b`.
    Select(Vec<Read>),
    /// A comparison of two reads.
    Compare(Comparison, Vec<Read>),
    /// Logic of truth values.
    Logic(Logic, Vec<Read>),
}

/// A nest of loops.
#[derive(Clone, PartialEq, Debug)]
pub struct Nest {
    /// Extents of the labels: axes of the result first, then bound ones.
    pub extents: SmallVec<[usize; 4]>,
    /// How many labels are free.
    pub free: usize,
    /// How bound labels are reduced.
    pub reduction: Reduction,
    /// Conditions on the term.
    pub guards: Vec<Guard>,
    /// The term.
    pub body: Body,
    /// An entry whose conditions fail is −0, which stands for no term in the product that reads it; other zeros are +0.
    pub absent: bool,
}

/// Work that is no nest.
#[derive(Clone, PartialEq, Debug)]
pub enum Whole {
    /// Position of the largest entry along an axis, the first of equals.
    ArgMax(usize),
    /// Positions that sort an axis.
    ArgSort(usize),
    /// Linear algebra on the last two axes.
    Linear(Linear),
    /// Product of all other entries along an axis.
    ExclusiveProduct(usize),
    /// Sums of the entries of an axis up to a bound that moves along it: entry `j` of the result is
    /// `Σ_k x[k] [k <= j + first]`, or `Σ_k x[k] [k >= j + first]` when reversed.
    PrefixSum {
        /// The axis.
        axis: usize,
        /// From the last entry to the first.
        reversed: bool,
        /// The bound of the first entry; it may lie outside the axis.
        first: i64,
    },
}

/// How an array comes to be.
#[derive(Clone, PartialEq, Debug)]
pub enum Definition {
    /// The input with this number.
    Input(usize),
    /// Numbers written in the graph.
    Reals(Vec<f64>),
    /// Integers written in the graph.
    Integers(Vec<i64>),
    /// A nest of loops.
    Nest(Nest),
    /// Terms added up where an index says, in memory that was cleared; all labels of the nest are bound.
    Scatter(Nest, Place),
    /// A kernel over whole operands.
    Whole(Whole, SmallVec<[ArrayId; 2]>),
    /// The trajectory of a carry of the recurrence with this number; operands as its formals.
    Carry {
        /// Number of the recurrence.
        recurrence: usize,
        /// Which carry.
        carry: usize,
        /// Carries before the first step, inputs of each step, constants.
        operands: Vec<ArrayId>,
        /// Whether only the carry after the last step is kept.
        end: bool,
    },
}

/// A step that is applied again and again.
#[derive(Clone, Debug)]
pub struct Recurrence {
    /// What one step computes: its inputs are formals, its outputs the next carries.
    pub body: Arrays,
    /// The formal of each input of the body.
    pub formals: Vec<usize>,
    /// Number of carries.
    pub carries: usize,
    /// Number of formals that stand for the entry of an operand that belongs to the step.
    pub per_step: usize,
    /// Number of steps.
    pub length: usize,
    /// Whether the step at the last position comes first.
    pub backward: bool,
    /// Entries of each carry.
    pub counts: Vec<usize>,
}

/// One array.
#[derive(Clone, PartialEq, Debug)]
pub struct Array {
    /// Extents.
    pub shape: SmallVec<[usize; 4]>,
    /// What its entries are.
    pub entry: Entry,
    /// How it comes to be.
    pub definition: Definition,
}

impl Array {
    /// Number of entries.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The loops that compute it, if it is made by loops.
    pub fn loops(&self) -> Option<&Nest> {
        match &self.definition {
            Definition::Nest(nest) | Definition::Scatter(nest, _) => Some(nest),
            _ => None,
        }
    }

    /// The nest, if it is one.
    pub fn as_nest(&self) -> Option<&Nest> {
        match &self.definition {
            Definition::Nest(nest) => Some(nest),
            _ => None,
        }
    }
}

/// An input of a plan.
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    /// Name.
    pub name: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// What its entries are.
    pub entry: Entry,
    /// Exclusive bound of an input of labels.
    pub below: Option<i64>,
    /// The array that holds it.
    pub array: ArrayId,
    /// Whether −0 stands for no term, as in the nest that it is made by ([`Nest::absent`]): in a block of a larger plan.
    pub absent: bool,
}

/// Every array that some outputs need, operands before users.
#[derive(Clone, Debug, Default)]
pub struct Arrays {
    /// The table.
    pub arrays: Vec<Array>,
    /// Inputs in the order of declaration.
    pub inputs: Vec<Input>,
    /// Outputs in the order asked for.
    pub outputs: Vec<ArrayId>,
    /// Recurrences, by their numbers.
    pub recurrences: Vec<Recurrence>,
    /// Names that the graph gives to arrays besides inputs, for those who read a plan.
    pub names: Vec<(ArrayId, Arc<str>)>,
}

impl std::ops::Index<ArrayId> for Arrays {
    type Output = Array;
    fn index(&self, id: ArrayId) -> &Array {
        &self.arrays[id.index()]
    }
}

impl Arrays {
    /// Whether −0 in an array stands for no term.
    pub fn has_absent(&self, id: ArrayId) -> bool {
        match &self[id].definition {
            Definition::Nest(nest) => nest.absent,
            // While arrays are rewritten, inputs are aside; only blocks have such, which nobody rewrites.
            Definition::Input(n) => self.inputs.get(*n).is_some_and(|input| input.absent),
            _ => false,
        }
    }

    /// Nothing but inputs, outputs and what these read; numbers change.
    pub fn prune(self) -> Arrays {
        let mut live = vec![false; self.arrays.len()];
        self.outputs.iter().for_each(|o| live[o.index()] = true);
        self.inputs.iter().for_each(|i| live[i.array.index()] = true);
        for k in (0..self.arrays.len())
            .rev()
            .filter(|&k| !matches!(self.arrays[k].definition, Definition::Input(_)))
        {
            if live[k] {
                self.arrays[k].definition.each_operand(&mut |a| live[a.index()] = true);
            }
        }
        let mut new = vec![ArrayId(u32::MAX); self.arrays.len()];
        let mut pruned = Arrays::default();
        for (k, mut array) in self.arrays.into_iter().enumerate() {
            if live[k] {
                array.definition.rename(&|a: ArrayId| new[a.index()]);
                new[k] = pruned.push(array);
            }
        }
        pruned.inputs = self.inputs.into_iter().map(|i| Input { array: new[i.array.index()], ..i }).collect();
        pruned.outputs = self.outputs.iter().map(|o| new[o.index()]).collect();
        pruned.recurrences = self.recurrences;
        let names = self.names.into_iter().filter(|(id, _)| live[id.index()]);
        pruned.names = names.map(|(id, name)| (new[id.index()], name)).collect();
        pruned
    }

    /// The same arrays after each definition was changed, with what it needs besides added before it; numbers change.
    pub(crate) fn rebuilt(self, mut change: impl FnMut(&mut Arrays, &mut Definition)) -> Arrays {
        let mut new: Vec<ArrayId> = Vec::with_capacity(self.arrays.len());
        let mut out = Arrays::default();
        for mut array in self.arrays {
            array.definition.rename(&|a: ArrayId| new[a.index()]);
            change(&mut out, &mut array.definition);
            new.push(out.push(array));
        }
        out.inputs = self.inputs.into_iter().map(|i| Input { array: new[i.array.index()], ..i }).collect();
        out.outputs = self.outputs.iter().map(|o| new[o.index()]).collect();
        out.recurrences = self.recurrences;
        out.names = self.names.into_iter().map(|(id, name)| (new[id.index()], name)).collect();
        out
    }

    /// Outputs that are inputs, literals or other outputs become nests that copy them: one more store of a program.
    pub fn copy_outputs(&mut self) {
        for n in 0..self.outputs.len() {
            let output = self.outputs[n];
            let array = &self[output];
            let given = matches!(array.definition, Definition::Input(_) | Definition::Reals(_));
            if array.entry != Entry::Real || !(given || self.outputs[..n].contains(&output)) {
                continue;
            }
            let shape = array.shape.clone();
            let read = Read::whole(output, shape.len());
            let body = Body::Product(vec![Factor { read, power: 1, divides: false }]);
            self.outputs[n] = self.elementwise(Entry::Real, &shape, body);
        }
    }

    /// Adds an array.
    pub fn push(&mut self, array: Array) -> ArrayId {
        let id = ArrayId(u32::try_from(self.arrays.len()).expect("invariant: fewer than 2^32 arrays"));
        self.arrays.push(array);
        id
    }

    /// Adds a nest; its shape is the extents of its free labels.
    pub fn nest(&mut self, entry: Entry, nest: Nest) -> ArrayId {
        let shape = nest.extents[..nest.free].iter().copied().collect();
        self.push(Array { shape, entry, definition: Definition::Nest(nest) })
    }

    /// Adds an elementwise nest over a shape.
    pub fn elementwise(&mut self, entry: Entry, shape: &[usize], body: Body) -> ArrayId {
        let nest = Nest {
            extents: shape.iter().copied().collect(),
            free: shape.len(),
            reduction: Reduction::Sum,
            guards: Vec::new(),
            body,
            absent: false,
        };
        self.nest(entry, nest)
    }
}

impl Definition {
    /// Calls `visit` on every operand, those read as indices included.
    pub fn each_operand(&self, visit: &mut dyn FnMut(ArrayId)) {
        match self {
            Definition::Input(_) | Definition::Reals(_) | Definition::Integers(_) => {}
            Definition::Whole(_, args) => args.iter().copied().for_each(visit),
            Definition::Carry { operands, .. } => operands.iter().copied().for_each(visit),
            Definition::Nest(nest) => nest.each_operand(visit),
            Definition::Scatter(nest, place) => {
                nest.each_operand(visit);
                place.iter().for_each(|t| t.each_array(visit));
            }
        }
    }

    /// Operands renamed.
    pub(crate) fn rename(&mut self, name: &dyn Fn(ArrayId) -> ArrayId) {
        match self {
            Definition::Input(_) | Definition::Reals(_) | Definition::Integers(_) => {}
            Definition::Whole(_, args) => args.iter_mut().for_each(|a| *a = name(*a)),
            Definition::Carry { operands, .. } => operands.iter_mut().for_each(|a| *a = name(*a)),
            Definition::Nest(nest) => nest.rename(name),
            Definition::Scatter(nest, place) => {
                nest.rename(name);
                place.iter_mut().for_each(|t| t.rename(name));
            }
        }
    }
}

impl Body {
    /// Everything that is read.
    pub fn reads(&self) -> Box<dyn Iterator<Item = &Read> + '_> {
        match self {
            Body::Const(_) | Body::Count(_) => Box::new(std::iter::empty()),
            Body::Product(factors) => Box::new(factors.iter().map(|f| &f.read)),
            Body::Sum(terms) => Box::new(terms.iter().map(|(_, r)| r)),
            Body::Map(_, reads) | Body::Select(reads) | Body::Compare(_, reads) | Body::Logic(_, reads) => {
                Box::new(reads.iter())
            }
        }
    }

    /// Everything that is read, to be changed.
    pub fn reads_mut(&mut self) -> Box<dyn Iterator<Item = &mut Read> + '_> {
        match self {
            Body::Const(_) | Body::Count(_) => Box::new(std::iter::empty()),
            Body::Product(factors) => Box::new(factors.iter_mut().map(|f| &mut f.read)),
            Body::Sum(terms) => Box::new(terms.iter_mut().map(|(_, r)| r)),
            Body::Map(_, reads) | Body::Select(reads) | Body::Compare(_, reads) | Body::Logic(_, reads) => {
                Box::new(reads.iter_mut())
            }
        }
    }
}

impl Nest {
    /// Operands renamed.
    fn rename(&mut self, name: &dyn Fn(ArrayId) -> ArrayId) {
        self.guards.iter_mut().for_each(|g| g.rename(name));
        for read in self.body.reads_mut() {
            read.array = name(read.array);
            read.at.iter_mut().for_each(|t| t.rename(name));
            read.guards.iter_mut().for_each(|g| g.rename(name));
        }
        if let Body::Count(at) = &mut self.body {
            at.rename(name);
        }
    }

    /// Calls `visit` on every operand, those read as indices and as conditions included.
    pub fn each_operand(&self, visit: &mut dyn FnMut(ArrayId)) {
        self.each_guard(&mut |guard| {
            if let Guard::Holds(array, ..) = guard {
                visit(*array);
            }
            guard.indices().iter().for_each(|t| t.each_array(visit));
        });
        for read in self.body.reads() {
            visit(read.array);
            read.at.iter().for_each(|t| t.each_array(visit));
        }
        if let Body::Count(at) = &self.body {
            at.each_array(visit);
        }
    }

    /// Calls `visit` on every condition: of the term, and of its reads.
    pub fn each_guard(&self, visit: &mut dyn FnMut(&Guard)) {
        self.guards.iter().for_each(&mut *visit);
        self.body.reads().flat_map(|r| &r.guards).for_each(visit);
    }

    /// Operations at one point of the labels, roughly.
    pub fn work(&self) -> usize {
        let body = match &self.body {
            Body::Const(_) | Body::Count(_) => 0,
            Body::Product(factors) => factors.iter().map(|f| 1 + (f.power.ilog2() as usize)).sum(),
            Body::Sum(terms) => terms.len(),
            Body::Map(..) => 8,
            Body::Select(..) | Body::Compare(..) | Body::Logic(..) => 1,
        };
        body + self.guards.len()
    }

    /// Labels that are bound.
    pub fn bound(&self) -> std::ops::Range<usize> {
        self.free..self.extents.len()
    }
}
