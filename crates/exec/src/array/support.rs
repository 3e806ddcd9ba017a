//! Where the entries of an array may differ from zero, and where anybody reads them: half-spaces of its axes.
//!
//! A triangular factor is written as a sum of a diagonal and of what lies below it; `Σ_c L[r,c] x[c]` then has the zeros
//! above it in common for all `r`. Of `G[r,c] = Σ_i p[i,r] x[i,c]` that is read where `c <= r`, half need not be computed.

use super::{
    Array, ArrayId, Arrays, At, Atom, Body, Definition, Entry, Factor, Guard, Nest, Read, Reduction,
};
use smallvec::SmallVec;

/// `Σ slopes[axis] · index[axis] >= least`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Half {
    /// A slope for each axis.
    pub slopes: SmallVec<[i64; 4]>,
    /// What the sum is at least.
    pub least: i64,
}

/// What holds at the same time: the strongest of each slope.
pub type Halves = Vec<Half>;

impl Half {
    /// Whether it says something of an axis.
    pub fn names(&self, axis: usize) -> bool {
        self.slopes[axis] != 0
    }
}

/// Outside of these an array is exactly zero, for each array; of inputs, by their numbers, it may be `given`.
pub fn supports(arrays: &Arrays, given: &[Halves]) -> Vec<Halves> {
    let mut found: Vec<Halves> = Vec::with_capacity(arrays.arrays.len());
    for array in &arrays.arrays {
        found.push(match &array.definition {
            Definition::Nest(nest) => support(array, nest, &found),
            Definition::Input(n) => given.get(*n).cloned().unwrap_or_default(),
            _ => Halves::new(),
        });
    }
    found
}

fn support(array: &Array, nest: &Nest, found: &[Halves]) -> Halves {
    if nest.reduction != Reduction::Sum || array.shape.len() < 2 {
        return Halves::new();
    }
    let mut halves = conditions(&nest.guards, nest.extents.len());
    match &nest.body {
        // A term that is zero is none that is absent.
        _ if nest.absent => {}
        Body::Sum(terms) => {
            let lists = terms.iter().map(|(_, read)| of_read(nest, read, found));
            halves.extend(either(lists).unwrap_or_default());
        }
        // With further factors, zero times what is no number is none.
        Body::Product(factors) => {
            if let [Factor { read, divides: false, .. }] = &factors[..] {
                halves.extend(of_read(nest, read, found));
            }
        }
        _ => {}
    }
    let mut own: Halves =
        halves.into_iter().filter(|h| !(nest.free..h.slopes.len()).any(|l| h.names(l))).collect();
    own.iter_mut().for_each(|h| h.slopes.truncate(nest.free));
    strongest(own)
}

/// Where a read may differ from zero, by the labels of the nest.
pub fn of_read(nest: &Nest, read: &Read, found: &[Halves]) -> Halves {
    let mut halves = conditions(&read.guards, nest.extents.len());
    for half in &found[read.array.index()] {
        let mut at = At::constant(-half.least);
        half.slopes.iter().zip(&read.at).for_each(|(&slope, t)| {
            if slope != 0 {
                at = std::mem::replace(&mut at, At::constant(0)).plus(t, slope);
            }
        });
        halves.extend(at_least(&at, nest.extents.len()));
    }
    strongest(halves)
}

/// What conditions on labels say.
fn conditions(guards: &[Guard], labels: usize) -> Halves {
    let mut halves = Halves::new();
    for guard in guards {
        match guard {
            Guard::NonNegative(at) => halves.extend(at_least(at, labels)),
            Guard::Zero(at) => {
                halves.extend(at_least(at, labels));
                halves.extend(at_least(&At::constant(0).plus(at, -1), labels));
            }
            Guard::Holds(..) => {}
        }
    }
    halves
}

/// `at >= 0`
fn at_least(at: &At, labels: usize) -> Option<Half> {
    let mut slopes: SmallVec<[i64; 4]> = SmallVec::from_elem(0, labels);
    for (atom, slope) in &at.parts {
        let Atom::Label(l) = atom else { return None };
        slopes[*l] += slope;
    }
    slopes.iter().any(|&s| s != 0).then_some(Half { slopes, least: -at.base })
}

/// One half for each slope.
fn strongest(halves: Halves) -> Halves {
    let mut kept: Halves = Vec::with_capacity(halves.len());
    for half in halves {
        match kept.iter_mut().find(|h| h.slopes == half.slopes) {
            Some(known) => known.least = known.least.max(half.least),
            None => kept.push(half),
        }
    }
    kept
}

/// What holds wherever one of the lists holds.
fn either(lists: impl Iterator<Item = Halves>) -> Option<Halves> {
    lists.reduce(|mut all, list| {
        all.retain_mut(|half| match list.iter().find(|h| h.slopes == half.slopes) {
            Some(other) => {
                half.least = half.least.min(other.least);
                true
            }
            None => false,
        });
        all
    })
}

/// Outside of these nobody reads an entry, for each array; of outputs, by their numbers, it may be `given` where they
/// are read.
pub fn demands(arrays: &Arrays, given: &[Halves]) -> Vec<Halves> {
    let mut found: Vec<Option<Halves>> = vec![None; arrays.arrays.len()];
    let mut ask = |array: ArrayId, halves: Halves| {
        let known = &mut found[array.index()];
        *known = either(known.take().into_iter().chain([halves]));
    };
    for (n, &output) in arrays.outputs.iter().enumerate() {
        ask(output, given.get(n).cloned().unwrap_or_default());
    }
    for array in &arrays.arrays {
        let nest = match &array.definition {
            Definition::Nest(nest) | Definition::Scatter(nest, _) => nest,
            definition => {
                definition.each_operand(&mut |a| ask(a, Halves::new()));
                continue;
            }
        };
        // Conditions and indices are read at any place.
        array.definition.each_operand(&mut |a| {
            if !nest.body.reads().any(|read| read.array == a) || arrays[a].entry != Entry::Real {
                ask(a, Halves::new());
            }
        });
        for read in nest.body.reads() {
            ask(read.array, asked(nest, read));
        }
    }
    found.into_iter().map(Option::unwrap_or_default).collect()
}

/// What is known of the entries that a read reads.
fn asked(nest: &Nest, read: &Read) -> Halves {
    let rank = read.at.len();
    let mut halves = Halves::new();
    // The axis at which a label stands, and how far from it.
    let stands = |label: usize| {
        let at = read.at.iter().position(|t| matches!(t.parts[..], [(Atom::Label(l), 1)] if l == label))?;
        Some((at, read.at[at].base))
    };
    let labels = nest.extents.len();
    for half in conditions(&nest.guards, labels).into_iter().chain(conditions(&read.guards, labels)) {
        let mut own = Half { slopes: SmallVec::from_elem(0, rank), least: half.least };
        let mut known = true;
        for (label, &slope) in half.slopes.iter().enumerate().filter(|(_, slope)| **slope != 0) {
            match stands(label) {
                Some((axis, base)) => {
                    own.slopes[axis] += slope;
                    own.least += slope * base;
                }
                None => known = false,
            }
        }
        if known {
            halves.push(own);
        }
    }
    for a in 0..rank {
        for b in a + 1..rank {
            let apart = read.at[a].clone().plus(&read.at[b], -1);
            if !apart.parts.is_empty() || read.at[a].parts.is_empty() {
                continue;
            }
            for sign in [1, -1] {
                let mut slopes: SmallVec<[i64; 4]> = SmallVec::from_elem(0, rank);
                (slopes[a], slopes[b]) = (sign, -sign);
                halves.push(Half { slopes, least: sign * apart.base });
            }
        }
    }
    strongest(halves)
}

#[cfg(test)]
mod tests {
    use super::{demands, supports};
    use crate::array::lower::lower;
    use crate::array::passes::rewrite;
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    const TRIANGLE: &str = "chainrule-graph 1
%0 : real[9] = input \"e\"
%1 : real[9,9] = input \"l\"
%2 : real[9,9] = contract [9,9|] %0[#0] where zero(#0+-1*#1)
%3 : real[9,9] = contract [9,9|] %1[#0,#1] where nonneg(#0+-1*#1+-2)
%4 : real[9,9] = sum 1*%2 1*%3
%5 : real[9] = contract [9|9] %4[#0,#1] %0[#1]
output %5
";

    #[test]
    fn a_diagonal_and_what_lies_below_are_a_triangle() {
        let (graph, outputs) = Graph::from_text(TRIANGLE).unwrap();
        let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
        let known: Vec<_> = supports(&arrays, &[]).into_iter().flatten().collect();
        let [half] = &known[..] else { panic!("{known:?}") };
        assert_eq!((&half.slopes[..], half.least), (&[1, -1][..], 0));
    }

    #[test]
    fn what_is_read_on_the_diagonal_and_below_is_asked_for_there() {
        let text = "chainrule-graph 1
%0 : real[9,5] = input \"x\"
%1 : real[9,9] = contract [9,9|5] %0[#0,#2] %0[#1,#2]
%2 : real[9,9] = map tanh %1
%3 : real[9] = contract [9|] %2[#0,#0]
%4 : real[9] = contract [9|9] %2[#0,#1] where nonneg(#0+-1*#1+-1)
output %3
output %4
";
        let (graph, outputs) = Graph::from_text(text).unwrap();
        let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
        let asked: Vec<_> = demands(&arrays, &[]).into_iter().flatten().collect();
        let [half] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!((&half.slopes[..], half.least), (&[1, -1][..], 0));
    }
}
