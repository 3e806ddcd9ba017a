//! The order in which a product of several factors is contracted, where sizes are symbols.
//!
//! `J[i,c] = Σ_a Σ_b A[i,a] B[a,b] C[b,c]` costs `2·i·a·b + 2·i·b·c` from the left and `2·a·b·c + 2·i·a·c` from the right;
//! neither is less for all sizes, so both are the answer. All pairings of subsets are tried, and what another order
//! undercuts for all sizes is dropped.

use super::Polynomial;

/// Factors up to which all orders are compared; of longer products only the plain one is counted.
pub(super) const FACTORS: usize = 6;
/// Alternatives that are kept for each subset, cheapest to say first.
const KEPT: usize = 6;

/// A set of labels, or of factors.
pub(super) type Set = u64;

/// A product of factors for choosing its order: labels that a delta determines are left out already.
pub(super) struct Contraction {
    /// Extent of each label.
    pub(super) extents: Vec<Polynomial>,
    /// Labels of the result.
    pub(super) free: Set,
    /// Labels of each factor.
    pub(super) factors: Vec<Set>,
    /// Labels of each condition.
    pub(super) conditions: Vec<Set>,
    /// Conditions that bound a summed label by the others they have: `[k <= i]`. The condition, and the label.
    pub(super) bounds: Vec<(usize, usize)>,
}

/// A sum up to a bound, taken apart: `Σ_k a[i] b[k] [k <= i]` is `a[i]` times the running sum of `b`.
pub(super) struct Running {
    /// What is summed, for each value of the label.
    pub(super) terms: Contraction,
    /// One addition for each of them.
    pub(super) sums: Polynomial,
    /// What is left, with the sums as a factor.
    pub(super) rest: Contraction,
}

impl Contraction {
    /// Points of a loop over some labels.
    pub(super) fn points(&self, set: Set) -> Polynomial {
        (0..self.extents.len())
            .filter(|l| set >> l & 1 == 1)
            .fold(Polynomial::from(1), |p, l| p * self.extents[l].clone())
    }

    /// Labels that a group of factors still has after summing what only it reads.
    fn kept(&self, group: Set) -> Set {
        let (mut inside, mut outside) = (0, self.free);
        for (k, &labels) in self.factors.iter().enumerate() {
            if group >> k & 1 == 1 { inside |= labels } else { outside |= labels }
        }
        // A condition that the group does not cover is decided later, by all its labels.
        outside |= self.conditions.iter().filter(|&&c| c & !inside != 0).fold(0, |s, c| s | c);
        inside & outside
    }

    /// The first sum up to a bound whose terms depend on the bound by that condition only.
    pub(super) fn running(&self) -> Option<Running> {
        self.bounds.iter().find_map(|&(condition, label)| self.running_over(condition, label))
    }

    fn running_over(&self, condition: usize, label: usize) -> Option<Running> {
        let bound = self.conditions[condition] & !(1 << label);
        let others = || self.conditions.iter().enumerate().filter(move |(c, _)| *c != condition);
        // What shares a summed label with the terms is part of them.
        let (mut inside, mut read): (Set, Set) = (0, 1 << label);
        while inside != read & !self.free {
            inside = read & !self.free;
            let touched = self.factors.iter().chain(others().map(|(_, set)| set));
            read = touched.filter(|&&set| set & inside != 0).fold(read, |read, set| read | set);
        }
        if read & bound != 0 {
            return None;
        }
        let kept = read & !inside;
        let side = |inner: bool, free: Set| {
            let (mut conditions, mut bounds) = (Vec::new(), Vec::new());
            for (c, &set) in others().filter(|(_, set)| (**set & inside != 0) == inner) {
                let of_this = self.bounds.iter().filter(|(of, _)| *of == c);
                bounds
                    .extend(of_this.filter(|(_, l)| free >> l & 1 == 0).map(|&(_, l)| (conditions.len(), l)));
                conditions.push(set);
            }
            let factors = self.factors.iter().copied().filter(|set| (set & inside != 0) == inner).collect();
            Contraction { extents: self.extents.clone(), free, factors, conditions, bounds }
        };
        let mut rest = side(false, self.free);
        rest.factors.push(kept | bound);
        Some(Running { terms: side(true, kept | 1 << label), sums: self.points(kept | 1 << label), rest })
    }

    /// One addition for each point where a factor is summed over labels of its own, before it meets another.
    fn alone(&self, factor: usize) -> Polynomial {
        let all = self.factors[factor];
        if self.kept(1 << factor) == all { Polynomial::default() } else { self.points(all) }
    }

    /// A multiplication for each point of two groups, and an addition where something is summed.
    fn pair(&self, a: Set, b: Set) -> Polynomial {
        let read = self.kept(a) | self.kept(b);
        let summed = self.kept(a | b) != read;
        self.points(read).scaled(1 + i64::from(summed))
    }

    /// The costs of the orders that no other order undercuts for all sizes; at least one.
    pub(super) fn costs(&self) -> Vec<Polynomial> {
        let count = self.factors.len();
        let all = self.factors.iter().chain(&self.conditions).fold(self.free, |s, l| s | l);
        let summed = all & !self.free != 0;
        let at_once = self.points(all).scaled(count.saturating_sub(1) as i64 + i64::from(summed));
        if !(3..=FACTORS).contains(&count) || !summed {
            return vec![at_once];
        }
        let full: Set = (1 << count) - 1;
        let mut best: Vec<Vec<Polynomial>> = vec![Vec::new(); 1 << count];
        for group in 1..=full {
            if group.count_ones() == 1 {
                best[group as usize] = vec![self.alone(group.trailing_zeros() as usize)];
                continue;
            }
            let lowest = group & group.wrapping_neg();
            let mut costs = Vec::new();
            let mut half = (group - 1) & group;
            while half > 0 {
                if half & lowest != 0 {
                    let (a, b) = (half, group & !half);
                    let pair = self.pair(a, b);
                    for left in &best[a as usize] {
                        for right in &best[b as usize] {
                            insert(&mut costs, left.clone() + right.clone() + pair.clone());
                        }
                    }
                }
                half = (half - 1) & group;
            }
            best[group as usize] = costs;
        }
        let mut costs = best.pop().unwrap_or_default();
        insert(&mut costs, at_once);
        // Said in one order, whatever the order of the factors is.
        costs.sort_by_cached_key(ToString::to_string);
        costs
    }
}

/// Adds a cost unless one that is there is never more; drops those that are never less.
pub(super) fn insert(costs: &mut Vec<Polynomial>, cost: Polynomial) {
    if costs.iter().any(|c| c.is_at_most(&cost)) {
        return;
    }
    costs.retain(|c| !cost.is_at_most(c));
    if costs.len() < KEPT {
        costs.push(cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule_core::shape::Dim;

    fn chain(sizes: [&str; 4]) -> Vec<String> {
        let contraction = Contraction {
            extents: sizes.iter().map(|s| Polynomial::from(&Dim::size(s))).collect(),
            free: 0b1001,
            factors: vec![0b0011, 0b0110, 0b1100],
            conditions: Vec::new(),
            bounds: Vec::new(),
        };
        contraction.costs().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_orders_are_said_where_sizes_decide() {
        assert_eq!(chain(["i", "a", "b", "c"]), ["2*a*b*c + 2*a*c*i", "2*a*b*i + 2*b*c*i"]);
    }

    #[test]
    fn one_order_is_said_where_it_is_never_more() {
        assert_eq!(chain(["n", "n", "n", "n"]), ["4*n^3"]);
        let vector = Contraction {
            extents: ["i", "a", "b"].iter().map(|s| Polynomial::from(&Dim::size(s))).collect(),
            free: 0b001,
            factors: vec![0b011, 0b110, 0b100],
            conditions: Vec::new(),
            bounds: Vec::new(),
        };
        assert_eq!(vector.costs().iter().map(ToString::to_string).collect::<Vec<_>>(), ["2*a*b + 2*a*i"]);
    }
}
