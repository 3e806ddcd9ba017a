//! Prefix sums: a sum up to a bound is read from the running sum, which one pass over its terms makes.
//!
//! ```text
//! y[i] = g[i] Σ_k h[k] [k <= i]     P[j] = Σ_k h[k] [k <= j],     y[i] = g[i] P[i]
//! ```
//!
//! The bound may be any affine index of other labels, and stand on either side, so a sum from the end is one too. It may
//! hold labels that are summed themselves: `Σ_i Σ_k a[i] b[k] [k <= i]` costs the sum of both extents. What is summed with
//! `k` becomes a nest of its own; it must not depend on the bound but by that condition.

use super::labels::{Set, labels, points, read_labels};
use super::{
    Array, ArrayId, Arrays, At, Atom, Body, Definition, Entry, Factor, Guard, Nest, Read, Reduction, Whole,
};

/// Terms, and bounds, up to which sums are written out; those of one bound then share the terms of the one before.
const SHORT: usize = 16;
/// Work below which nothing is gained by steps of their own.
const SMALL: usize = 4096;
/// Entries of running sums that are always worth their memory.
const SPARE: usize = 1 << 16;

/// Splits sums up to a bound; numbers of arrays change, operands stay before their users.
pub fn split(arrays: Arrays) -> Arrays {
    arrays.rebuilt(|out, definition| {
        let Definition::Nest(nest) = &*definition else { return };
        let (mut current, mut around) = (nest.clone(), Vec::new());
        // The innermost sum comes first; what it is part of waits for it. Each takes a summed label away.
        loop {
            if let Some(prefix) = Prefix::cheapest(out, &current) {
                let terms = prefix.terms(&current);
                around.push((prefix, current));
                current = terms;
                continue;
            }
            let Some((prefix, outer)) = around.pop() else { break };
            let terms = whole_operand(out, &current).unwrap_or_else(|| out.nest(Entry::Real, current));
            let sums = prefix.sums(out, terms);
            // The next number is that of the sums, whether they are there already or not.
            current = prefix.rest(&outer, ArrayId(out.arrays.len() as u32));
            if around.is_empty() && is_whole(&current, &sums.shape) {
                *definition = sums.definition;
                return;
            }
            out.push(sums);
        }
        *definition = Definition::Nest(current);
    })
}

/// The bound of a sum over one label.
struct Bound {
    /// The label.
    label: usize,
    /// What it is compared with.
    at: At,
    /// Whether the label starts there, and does not end there.
    reversed: bool,
    /// The condition that says so.
    guard: usize,
}

impl Bound {
    /// `slope · label + rest >= 0`, of a summed label.
    fn of(nest: &Nest, guard: usize) -> impl Iterator<Item = Bound> + '_ {
        let at = match &nest.guards[guard] {
            Guard::NonNegative(at) if at.is_affine() && at.parts.len() > 1 => Some(at),
            _ => None,
        };
        at.into_iter().flat_map(move |at| {
            at.parts.iter().filter_map(move |(atom, slope)| {
                let Atom::Label(label) = atom else { return None };
                if *label < nest.free || slope.abs() != 1 {
                    return None;
                }
                let mut rest = at.clone();
                rest.parts.retain(|(a, _)| a != atom);
                // label <= rest, or label >= -rest.
                let at = At::constant(0).plus(&rest, -slope);
                Some(Bound { label: *label, at, reversed: *slope > 0, guard })
            })
        })
    }

    /// The least and the greatest place of the bound; its labels have positions.
    fn range(&self, nest: &Nest) -> (i64, i64) {
        range(&self.at, nest)
    }
}

/// The least and the greatest value of an affine index.
fn range(at: &At, nest: &Nest) -> (i64, i64) {
    let (mut low, mut high) = (at.base, at.base);
    for (atom, slope) in &at.parts {
        let Atom::Label(label) = atom else { continue };
        let farthest = slope.saturating_mul(nest.extents[*label] as i64 - 1);
        if farthest < 0 {
            low = low.saturating_add(farthest);
        } else {
            high = high.saturating_add(farthest);
        }
    }
    (low, high)
}

/// A sum up to a bound inside a nest.
struct Prefix {
    bound: Bound,
    /// Which factors are summed with the label, and which conditions.
    factors: Vec<bool>,
    guards: Vec<bool>,
    /// Labels that are summed with it before.
    summed: Set,
    /// Labels of the terms: those that they keep, the summed label in place of its bound, then those summed before.
    order: Vec<usize>,
    /// How many of these are kept.
    kept: usize,
    /// The first place of the bound, and how many there are.
    first: i64,
    length: usize,
    /// Points of all loops that are left.
    cost: usize,
}

impl Prefix {
    /// The one that leaves least to do, if any is worth it.
    fn cheapest(arrays: &Arrays, nest: &Nest) -> Option<Prefix> {
        let is_sum = nest.reduction == Reduction::Sum && nest.free < nest.extents.len();
        let plain = matches!(nest.body, Body::Const(_) | Body::Product(_));
        let all = points(u64::MAX, &nest.extents);
        if !is_sum || !plain || nest.guards.is_empty() || nest.extents.len() > 60 || all < SMALL {
            return None;
        }
        let bounds = (0..nest.guards.len()).flat_map(|guard| Bound::of(nest, guard));
        let found = bounds.filter_map(|bound| Prefix::of(arrays, nest, bound));
        found.filter(|p| p.cost.saturating_mul(2) < all).min_by_key(|p| p.cost)
    }

    fn of(arrays: &Arrays, nest: &Nest, bound: Bound) -> Option<Prefix> {
        let of_bound = labels(std::slice::from_ref(&bound.at));
        let (low, high) = bound.range(nest);
        let length = usize::try_from(high.checked_sub(low)?.checked_add(1)?).ok()?;
        if nest.extents[bound.label] <= SHORT
            || length <= SHORT
            || length > points(of_bound, &nest.extents).saturating_mul(4)
        {
            return None;
        }
        let all_factors: &[Factor] = match &nest.body {
            Body::Product(factors) => factors,
            _ => &[],
        };
        let of_factors: Vec<Set> = all_factors.iter().map(|f| read_labels(&f.read)).collect();
        let of_guards: Vec<Set> = nest.guards.iter().map(|g| labels(g.indices())).collect();
        // What shares a summed label with the terms is part of them.
        let bound_labels = nest.bound().fold(0, |set: Set, l| set | 1 << l);
        let (mut inside, mut read): (Set, Set) = (0, 1 << bound.label);
        while inside != read & bound_labels {
            inside = read & bound_labels;
            let others = of_guards.iter().enumerate().filter(|(g, _)| *g != bound.guard).map(|(_, of)| of);
            read = of_factors.iter().chain(others).filter(|of| **of & inside != 0).fold(read, |r, of| r | of);
        }
        if read & of_bound != 0 {
            return None;
        }
        let factors: Vec<bool> = of_factors.iter().map(|of| of & inside != 0).collect();
        let guards: Vec<bool> =
            of_guards.iter().enumerate().map(|(g, of)| g != bound.guard && of & inside != 0).collect();
        let summed = inside & !(1 << bound.label);
        let holder = bound.at.parts.iter().find_map(|(atom, _)| match atom {
            Atom::Label(l) if bound.at.parts.len() == 1 => Some(*l),
            _ => None,
        });
        let kept_set = read & !inside;
        let mut order: Vec<usize> = (0..nest.extents.len())
            .filter(|&l| kept_set >> l & 1 == 1 || holder == Some(l))
            .map(|l| if holder == Some(l) { bound.label } else { l })
            .collect();
        if holder.is_none() {
            order.push(bound.label);
        }
        let kept = order.len();
        order.extend((0..nest.extents.len()).filter(|l| summed >> l & 1 == 1));
        let beside = points(kept_set, &nest.extents);
        let left =
            (0..nest.extents.len()).filter(|l| inside >> l & 1 == 0).fold(0, |set: Set, l| set | 1 << l);
        let sums = length.saturating_mul(beside);
        let cost =
            points(read, &nest.extents).saturating_add(sums).saturating_add(points(left, &nest.extents));
        let prefix = Prefix { bound, factors, guards, summed, order, kept, first: low, length, cost };
        (prefix.fits(arrays, nest, sums) && prefix.stays_inside(arrays, nest, all_factors)).then_some(prefix)
    }

    /// Whether the running sums take no more memory than what they are made of, and what they make, by far.
    fn fits(&self, arrays: &Arrays, nest: &Nest, sums: usize) -> bool {
        let mut given = nest.extents[..nest.free].iter().fold(1usize, |n, &e| n.saturating_mul(e));
        nest.each_operand(&mut |a| given = given.saturating_add(arrays[a].count()));
        let terms = self.order[..self.kept].iter().fold(1usize, |n, &l| n.saturating_mul(nest.extents[l]));
        sums.saturating_add(terms) <= given.saturating_mul(4).saturating_add(SPARE)
    }

    /// Whether reads stay inside their arrays without the condition that goes, or under one that is left.
    fn stays_inside(&self, arrays: &Arrays, nest: &Nest, factors: &[Factor]) -> bool {
        let inner = self.guards.contains(&true);
        let outer = self.never(nest).is_some()
            || (0..nest.guards.len()).any(|g| g != self.bound.guard && !self.guards[g]);
        factors.iter().zip(&self.factors).all(|(factor, &is_inner)| {
            let protected = (if is_inner { inner } else { outer }) || !factor.read.guards.is_empty();
            let shape = &arrays[factor.read.array].shape;
            let mut at = factor.read.at.iter().zip(shape).filter(|(t, _)| t.is_affine());
            protected
                || at.all(|(t, &extent)| {
                    let (low, high) = range(t, nest);
                    low >= 0 && high < extent as i64
                })
        })
    }

    /// What must hold for the sum to have terms, where the bound alone may leave none.
    fn never(&self, nest: &Nest) -> Option<Guard> {
        let last = nest.extents[self.bound.label] as i64 - 1;
        let (low, high) = self.bound.range(nest);
        match self.bound.reversed {
            false if low < 0 => Some(Guard::NonNegative(self.bound.at.clone())),
            true if high > last => Some(Guard::NonNegative(At::constant(last).plus(&self.bound.at, -1))),
            _ => None,
        }
    }

    /// The terms, over the labels they keep.
    fn terms(&self, nest: &Nest) -> Nest {
        let place = |label: usize| {
            At::label(self.order.iter().position(|&l| l == label).expect("invariant: a label of the terms"))
        };
        let body = match &nest.body {
            Body::Product(factors) => {
                let mine = factors.iter().zip(&self.factors).filter(|(_, inner)| **inner);
                let mine: Vec<Factor> = mine.map(|(f, _)| f.substitute(&place)).collect();
                if mine.is_empty() { Body::Const(1.0) } else { Body::Product(mine) }
            }
            other => other.clone(),
        };
        let guards = nest.guards.iter().zip(&self.guards).filter(|(_, inner)| **inner);
        Nest {
            extents: self.order.iter().map(|&l| nest.extents[l]).collect(),
            free: self.kept,
            reduction: Reduction::Sum,
            guards: guards.map(|(g, _)| g.substitute(&place)).collect(),
            body,
            absent: false,
        }
    }

    /// The axis of the summed label in the terms.
    fn axis(&self) -> usize {
        self.order.iter().position(|&l| l == self.bound.label).expect("invariant: the terms keep the label")
    }

    /// The running sums of the terms.
    fn sums(&self, arrays: &Arrays, terms: ArrayId) -> Array {
        let axis = self.axis();
        let mut shape = arrays[terms].shape.clone();
        shape[axis] = self.length;
        let whole = Whole::PrefixSum { axis, reversed: self.bound.reversed, first: self.first };
        Array {
            shape,
            entry: Entry::Real,
            definition: Definition::Whole(whole, [terms].into_iter().collect()),
        }
    }

    /// What is left around the running sums.
    fn rest(&self, nest: &Nest, sums: ArrayId) -> Nest {
        let gone = self.summed | 1 << self.bound.label;
        let left: Vec<usize> = (0..nest.extents.len()).filter(|l| gone >> l & 1 == 0).collect();
        let place = |label: usize| {
            At::label(left.iter().position(|&l| l == label).expect("invariant: a label that is left"))
        };
        let at = self.order[..self.kept].iter().map(|&l| match l == self.bound.label {
            true => self.bound.at.substitute(&place).plus(&At::constant(self.first), -1),
            false => place(l),
        });
        let mut factors = vec![Factor { read: Read::new(sums, at), power: 1, divides: false }];
        if let Body::Product(all) = &nest.body {
            let others = all.iter().zip(&self.factors).filter(|(_, inner)| !**inner);
            factors.extend(others.map(|(f, _)| f.substitute(&place)));
        }
        let others =
            nest.guards.iter().enumerate().filter(|(g, _)| *g != self.bound.guard && !self.guards[*g]);
        let mut guards: Vec<Guard> = others.map(|(_, g)| g.substitute(&place)).collect();
        // The sum of nothing is 0; a factor that is infinite there must not meet it.
        if factors.len() > 1 {
            guards.extend(self.never(nest).map(|g| g.substitute(&place)));
        }
        Nest {
            extents: left.iter().map(|&l| nest.extents[l]).collect(),
            free: nest.free,
            reduction: Reduction::Sum,
            guards,
            body: Body::Product(factors),
            absent: false,
        }
    }
}

/// The only read of a nest that shows an array as it is.
fn shown(nest: &Nest) -> Option<&Read> {
    let Body::Product(factors) = &nest.body else { return None };
    let [Factor { read, power: 1, divides: false }] = &factors[..] else { return None };
    let plain = nest.guards.is_empty() && read.guards.is_empty() && nest.free == nest.extents.len();
    let in_order = read.at.iter().enumerate().all(|(axis, t)| t.as_label() == Some(axis));
    (plain && in_order && read.at.len() == nest.free).then_some(read)
}

/// Whether a nest of one read shows all of an array of this shape.
fn is_whole(nest: &Nest, shape: &[usize]) -> bool {
    shown(nest).is_some() && nest.extents[..] == *shape
}

/// The array that a nest shows all of.
fn whole_operand(arrays: &Arrays, nest: &Nest) -> Option<ArrayId> {
    let read = shown(nest)?;
    let array = &arrays[read.array];
    (array.entry == Entry::Real && array.shape[..] == nest.extents[..]).then_some(read.array)
}
