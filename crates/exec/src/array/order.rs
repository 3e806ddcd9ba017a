//! The order of contractions: a product of three and more factors is split into pairs when that saves work.
//!
//! `J[i,c] = Σ_a Σ_b A[i,a] B[a,b] C[b,c]` costs `i·a·b·c` at once, and `i·a·b + i·b·c` in two steps. Small products
//! are ordered exactly, over all pairings of subsets; longer ones greedily. A label that one factor alone reads is summed
//! there first: `Σ_i Σ_r Q[r,c] p[i,r]` costs `i·r + r·c`, with `Σ_i p[i,r]` a nest of its own.

use super::labels::{Set, labels, read_labels};
use super::{ArrayId, Arrays, At, Body, Definition, Entry, Factor, Guard, Nest, Read, Reduction};

/// Factors up to which all orders are compared.
pub(super) const EXACT: usize = 9;
/// Work below which nothing is gained by a second nest.
const SMALL: f64 = 4096.0;
/// What an order must save, as a ratio of points.
const SAVES: f64 = 1.5;

/// Splits products, pair by pair; numbers of arrays change, operands stay before their users.
pub fn split(arrays: Arrays) -> Arrays {
    arrays.rebuilt(|out, definition| {
        let Definition::Nest(nest) = definition else { return };
        while let Some((first, rest)) = plan(nest).map(|pair| take(nest, &pair)) {
            let temporary = out.nest(Entry::Real, first);
            *nest = rest(temporary);
        }
    })
}

/// What is known of a product for choosing its order.
struct Shape {
    factors: Vec<Set>,
    guards: Vec<Set>,
    extents: Vec<f64>,
    free: Set,
}

impl Shape {
    fn of(nest: &Nest, factors: &[Factor]) -> Shape {
        Shape {
            factors: factors.iter().map(|f| read_labels(&f.read)).collect(),
            guards: nest.guards.iter().map(|g| labels(g.indices())).collect(),
            extents: nest.extents.iter().map(|&e| e as f64).collect(),
            free: (1 << nest.free) - 1,
        }
    }

    fn points(&self, set: Set) -> f64 {
        (0..self.extents.len()).filter(|l| set >> l & 1 == 1).map(|l| self.extents[l]).product()
    }

    fn all(&self) -> Set {
        (1 << self.extents.len()) - 1
    }

    /// Labels that a group of factors still has after summing what only it reads.
    fn kept(&self, group: Set) -> Set {
        let (mut inside, mut outside) = (0, self.free);
        for (k, &labels) in self.factors.iter().enumerate() {
            if group >> k & 1 == 1 { inside |= labels } else { outside |= labels }
        }
        // A condition that the group does not cover is decided later, by all its labels.
        for &guard in &self.guards {
            if guard & !inside != 0 {
                outside |= guard;
            }
        }
        inside & outside
    }

    /// Labels that are summed and that nobody but this factor reads.
    fn own(&self, factor: usize) -> Set {
        self.factors[factor] & !self.kept(1 << factor)
    }

    /// Points of the loop that sums a factor over labels of its own, if it has any.
    fn alone(&self, factor: usize) -> f64 {
        if self.own(factor) == 0 { 0.0 } else { self.points(self.factors[factor]) }
    }

    /// The factor that is worth summing over its own labels before it is multiplied, if any.
    fn summed_first(&self) -> Option<Set> {
        let at_once = self.points(self.all());
        let cost = |k: usize| self.points(self.factors[k]) + self.points(self.all() & !self.own(k));
        let worth = |&k: &usize| self.own(k) != 0 && cost(k) * SAVES < at_once;
        let least = (0..self.factors.len()).filter(worth).min_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
        Some(1 << least)
    }

    /// Points of the loop that combines two groups.
    fn cost(&self, a: Set, b: Set) -> f64 {
        self.points(self.kept(a) | self.kept(b))
    }
}

/// Points of the loops of a product in its best order.
pub(super) fn cost(nest: &Nest) -> f64 {
    let Body::Product(factors) = &nest.body else { return 0.0 };
    let shape = Shape::of(nest, factors);
    match factors.len() {
        0..=1 => shape.points(shape.all()),
        2..=EXACT => exact(&shape).1.min(shape.points(shape.all())),
        _ => greedy(&shape).1.min(shape.points(shape.all())),
    }
}

/// The group of factors that is worth a nest of its own, if any.
fn plan(nest: &Nest) -> Option<Set> {
    let Body::Product(factors) = &nest.body else { return None };
    let fits = nest.reduction == Reduction::Sum
        && nest.free < nest.extents.len()
        && (2..=40).contains(&factors.len())
        && nest.extents.len() <= 60;
    if !fits {
        return None;
    }
    let shape = Shape::of(nest, factors);
    let at_once = shape.points(shape.all());
    if at_once < SMALL {
        return None;
    }
    if let Some(single) = shape.summed_first() {
        return Some(single);
    }
    if factors.len() == 2 {
        return None;
    }
    let (group, cost) = if factors.len() <= EXACT { exact(&shape) } else { greedy(&shape) };
    // A group that keeps all labels is no saving: it would be written and read again.
    let saves = cost * SAVES < at_once && shape.points(shape.kept(group)) * 2.0 < at_once;
    (saves && group.count_ones() >= 2).then_some(group)
}

/// The first pair of the best order, and the cost of that order.
fn exact(shape: &Shape) -> (Set, f64) {
    let count = shape.factors.len();
    let full: Set = (1 << count) - 1;
    // For each subset: the least cost of making it one, and the half that holds its first factor.
    let mut best: Vec<(f64, Set)> = vec![(0.0, 0); 1 << count];
    for group in 1..=full {
        if group.count_ones() < 2 {
            best[group as usize].0 = shape.alone(group.trailing_zeros() as usize);
            continue;
        }
        let lowest = group & group.wrapping_neg();
        let mut half = (group - 1) & group;
        let mut least = (f64::INFINITY, 0);
        while half > 0 {
            if half & lowest != 0 {
                let (a, b) = (half, group & !half);
                let cost = best[a as usize].0 + best[b as usize].0 + shape.cost(a, b);
                if cost < least.0 {
                    least = (cost, half);
                }
            }
            half = (half - 1) & group;
        }
        best[group as usize] = least;
    }
    let cost = best[full as usize].0;
    // The innermost pair: two factors that are combined first.
    let mut group = full;
    while group.count_ones() > 2 {
        let half = best[group as usize].1;
        let other = group & !half;
        group = if half.count_ones() >= 2 { half } else { other };
    }
    (group, cost)
}

/// Pairs, cheapest first.
fn greedy(shape: &Shape) -> (Set, f64) {
    let mut groups: Vec<Set> = (0..shape.factors.len()).map(|k| 1 << k).collect();
    let (mut first, mut total) = (0, (0..groups.len()).map(|k| shape.alone(k)).sum());
    while groups.len() > 1 {
        let (mut least, mut pair) = (f64::INFINITY, (0, 1));
        for a in 0..groups.len() {
            for b in a + 1..groups.len() {
                let cost = shape.cost(groups[a], groups[b]);
                if cost < least {
                    (least, pair) = (cost, (a, b));
                }
            }
        }
        let joined = groups[pair.0] | groups.remove(pair.1);
        groups[pair.0] = joined;
        total += least;
        if first == 0 {
            first = joined;
        }
    }
    (first, total)
}

/// A nest over a group of factors, and what is left, around the array of the first.
fn take(nest: &Nest, group: &Set) -> (Nest, impl FnOnce(ArrayId) -> Nest + use<>) {
    let Body::Product(factors) = &nest.body else { unreachable!("invariant: a product was planned") };
    let shape = Shape::of(nest, factors);
    let kept = shape.kept(*group);
    let is_in = |k: usize| group >> k & 1 == 1;
    let inside: Vec<Factor> =
        factors.iter().enumerate().filter(|(k, _)| is_in(*k)).map(|(_, f)| f.clone()).collect();
    let read = inside.iter().fold(0, |set, f| set | read_labels(&f.read));
    let order: Vec<usize> = (0..nest.extents.len())
        .filter(|l| kept >> l & 1 == 1)
        .chain((0..nest.extents.len()).filter(|l| read & !kept & 1 << l != 0))
        .collect();
    let place = {
        let order = order.clone();
        move |label: usize| {
            At::label(order.iter().position(|&l| l == label).expect("invariant: a label of the group"))
        }
    };
    let covered = |g: &Guard| labels(g.indices()) & !read == 0;
    let first = Nest {
        extents: order.iter().map(|&l| nest.extents[l]).collect(),
        free: kept.count_ones() as usize,
        reduction: Reduction::Sum,
        guards: nest.guards.iter().filter(|g| covered(g)).map(|g| g.substitute(&place)).collect(),
        body: Body::Product(inside.iter().map(|f| f.substitute(&place)).collect()),
        absent: false,
    };
    let outside: Vec<Factor> =
        factors.iter().enumerate().filter(|(k, _)| !is_in(*k)).map(|(_, f)| f.clone()).collect();
    let guards: Vec<Guard> = nest.guards.iter().filter(|g| !covered(g)).cloned().collect();
    let gone = read & !kept;
    let (extents, free) = (nest.extents.clone(), nest.free);
    let rest = move |temporary: ArrayId| {
        let left: Vec<usize> = (0..extents.len()).filter(|l| gone >> l & 1 == 0).collect();
        let place = |label: usize| {
            At::label(left.iter().position(|&l| l == label).expect("invariant: a label that is left"))
        };
        let at = order.iter().filter(|&&l| kept >> l & 1 == 1).map(|&l| place(l));
        let mut factors = vec![Factor { read: Read::new(temporary, at), power: 1, divides: false }];
        factors.extend(outside.iter().map(|f| f.substitute(&place)));
        Nest {
            extents: left.iter().map(|&l| extents[l]).collect(),
            free,
            reduction: Reduction::Sum,
            guards: guards.iter().map(|g| g.substitute(&place)).collect(),
            body: Body::Product(factors),
            absent: false,
        }
    };
    (first, rest)
}

impl Factor {
    /// Every label replaced by an index.
    pub(super) fn substitute(&self, by: &dyn Fn(usize) -> At) -> Factor {
        let read = Read {
            array: self.read.array,
            at: self.read.at.iter().map(|t| t.substitute(by)).collect(),
            guards: self.read.guards.iter().map(|g| g.substitute(by)).collect(),
        };
        Factor { read, power: self.power, divides: self.divides }
    }
}

#[cfg(test)]
mod tests {
    use crate::array::lower::lower;
    use crate::array::passes::rewrite;
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    /// Points of the loops of every nest after the passes.
    fn points(text: &str) -> Vec<usize> {
        let (graph, outputs) = Graph::from_text(text).unwrap();
        let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
        arrays.arrays.iter().filter_map(|a| a.loops()).map(|n| n.extents.iter().product()).collect()
    }

    #[test]
    fn a_sum_over_rows_is_taken_before_the_product() {
        let text = "chainrule-graph 1
%0 : real[30,20] = input \"Q\"
%1 : real[1000,20] = input \"p\"
%2 : real[1000,30] = contract [1000,30|20] %0[#1,#2] %1[#0,#2]
%3 : real[30] = contract [30|1000] %2[#1,#0]
output %3
";
        assert_eq!(points(text), [1000 * 20, 30 * 20]);
        // A product that is wanted entry by entry is made once, whoever else sums it.
        assert_eq!(points(&format!("{text}output %2\n")), [1000 * 20 * 30, 1000 * 30]);
    }

    #[test]
    fn sums_of_an_outer_product_are_products_of_sums() {
        let text = "chainrule-graph 1
%0 : real[100] = input \"x\"
%1 : real[200] = input \"y\"
%2 : real[] = contract [|100,200] %0[#0]^2 %1[#1]
output %2
";
        assert_eq!(points(text).iter().sum::<usize>(), 100 + 200);
    }
}
