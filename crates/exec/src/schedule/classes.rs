//! Loop classes: labels and axes that one loop can run over, and which classes become loops at all.
//!
//! A label that reads an axis as it stands is in that axis's class. Small classes are *unrolled*: their positions are
//! written out, so that a batch of tiny networks, or a robot arm, is straight-line code over the lanes of its batch.

use crate::array::matrix::Matrix;
use crate::array::{ArrayId, Arrays, At, Atom, Nest};
use smallvec::SmallVec;

/// A class of labels, by its number.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Class(pub u32);

/// Operations of straight-line code around which no loop runs: machine code that fits the first-level cache.
const STRAIGHT: usize = 6_000;
/// Operations of straight-line code inside a loop over lanes.
const LANES: usize = 4_000;
/// Rows, columns and terms from which a matrix product keeps its kernel.
const SIDE: usize = 12;
/// Classes of this extent and less may be unrolled.
const WIDEST: usize = 64;
/// Classes of this extent and more stay loops where nearly all is done at one position at a time: two registers of f64.
const LANES_PAY: usize = 8;

/// The classes of every array's labels.
#[derive(Clone, Debug)]
pub struct Classes {
    /// For each array, the class of each label (axis, for arrays that are no nest).
    of: Vec<SmallVec<[Class; 4]>>,
    /// Whether a loop runs over the class.
    looped: Vec<bool>,
}

impl Classes {
    /// Groups the labels of all arrays, and chooses what is unrolled; `kept` is a label of a nest that stays a loop
    /// however short it is.
    pub fn new(arrays: &Arrays, matrices: &[Option<Matrix>], kept: Option<(ArrayId, usize)>) -> Classes {
        let mut union = Union::new(arrays);
        for (k, array) in arrays.arrays.iter().enumerate() {
            let Some(nest) = array.loops() else { continue };
            for read in nest.body.reads() {
                let operand = &arrays[read.array];
                for (axis, at) in read.at.iter().enumerate() {
                    let Some(label) = at.as_label() else { continue };
                    if nest.extents[label] == operand.shape[axis] {
                        union.join(k, label, nest.extents.len(), read.array.index(), axis);
                    }
                }
            }
        }
        let (of, extents) = union.classes(arrays);
        let mut classes = Classes { of, looped: extents.iter().map(|&e| e > 1).collect() };
        classes.unroll(arrays, matrices, &extents, kept);
        classes
    }

    /// The class of a label.
    pub fn of(&self, array: ArrayId, label: usize) -> Class {
        self.of[array.index()][label]
    }

    /// The classes of all labels of an array.
    pub fn all(&self, array: ArrayId) -> &[Class] {
        &self.of[array.index()]
    }

    /// Whether a loop runs over a class.
    pub fn is_looped(&self, class: Class) -> bool {
        self.looped[class.0 as usize]
    }

    /// Unrolls every class up to the greatest extent that keeps the code short.
    fn unroll(
        &mut self,
        arrays: &Arrays,
        matrices: &[Option<Matrix>],
        extents: &[usize],
        kept: Option<(ArrayId, usize)>,
    ) {
        let mut fixed = vec![false; extents.len()];
        for (k, matrix) in matrices.iter().enumerate() {
            if matrix.as_ref().is_some_and(|m| is_large(&m.product)) {
                self.of[k].iter().for_each(|c| fixed[c.0 as usize] = true);
            }
        }
        // Everything short is written out; then, while that is too much, loops return one by one: first over what
        // most operations are done for each of, and what few sums run over.
        let apart = self.apart(arrays, extents);
        let stays = |c: usize| {
            let e = extents[c];
            e > WIDEST || (fixed[c] && e > 1) || (apart[c] && e >= LANES_PAY)
        };
        let mut looped: Vec<bool> = (0..extents.len()).map(stays).collect();
        if let Some((id, label)) = kept {
            let class = self.of(id, label).0 as usize;
            looped[class] = extents[class] > 1;
        }
        loop {
            let limit = if looped.iter().any(|&l| l) { LANES } else { STRAIGHT };
            if self.straight_line(arrays, &looped, limit) <= limit {
                break;
            }
            let Some(class) = self.most_looped(arrays, &looped, extents) else { break };
            looped[class] = true;
        }
        self.looped = looped;
    }

    /// Classes whose positions have nearly nothing to do with each other: three quarters of the work are terms that read
    /// at the position where they stand. Written out such a class gains nothing, and lanes share every operation.
    fn apart(&self, arrays: &Arrays, extents: &[usize]) -> Vec<bool> {
        let (mut all, mut apart) = (vec![0f64; extents.len()], vec![0f64; extents.len()]);
        for (k, array) in arrays.arrays.iter().enumerate() {
            let Some(nest) = array.loops() else { continue };
            let points: f64 = nest.extents.iter().map(|&e| e as f64).product();
            // A sum reads each operand once for all of its entries that are written out.
            let sums = nest.free < nest.extents.len();
            for (label, class) in self.of[k].iter().enumerate() {
                let class = class.0 as usize;
                let work = points * nest.work() as f64;
                all[class] += work;
                if label < nest.free && !sums && stands_alone(arrays, nest, label) {
                    apart[class] += work;
                }
            }
        }
        all.iter().zip(&apart).map(|(&all, &apart)| apart >= 0.75 * all && all > 0.0).collect()
    }

    /// The class whose loop shortens the code most, counting where it is free and not where it is summed over.
    fn most_looped(&self, arrays: &Arrays, looped: &[bool], extents: &[usize]) -> Option<usize> {
        let mut free = vec![0f64; extents.len()];
        for (k, array) in arrays.arrays.iter().enumerate() {
            let Some(nest) = array.loops() else { continue };
            let written = self.of[k].iter().zip(&nest.extents).filter(|(c, _)| !looped[c.0 as usize]);
            let points: f64 = written.map(|(_, &e)| e as f64).product::<f64>() * nest.work().max(1) as f64;
            for (label, class) in self.of[k].iter().enumerate() {
                let saved = points * (1.0 - 1.0 / nest.extents[label].max(1) as f64);
                free[class.0 as usize] += if label < nest.free { saved } else { -saved };
            }
        }
        let open = |&class: &usize| !looped[class] && extents[class] > 1;
        (0..extents.len()).filter(open).max_by(|&a, &b| free[a].total_cmp(&free[b]).then(b.cmp(&a)))
    }

    /// Operations written out when only `looped` classes are loops, counted up to a limit.
    fn straight_line(&self, arrays: &Arrays, looped: &[bool], limit: usize) -> usize {
        let mut total = 0usize;
        for (k, array) in arrays.arrays.iter().enumerate() {
            let Some(nest) = array.loops() else { continue };
            let written = self.of[k].iter().zip(&nest.extents).filter(|(c, _)| !looped[c.0 as usize]);
            let points = written.fold(1usize, |n, (_, &e)| n.saturating_mul(e));
            total = total.saturating_add(points.saturating_mul(nest.work().max(1)));
            if total > limit {
                break;
            }
        }
        total
    }
}

/// Whether the term at a position of a label reads what is computed at that position only, under no condition on it.
fn stands_alone(arrays: &Arrays, nest: &Nest, label: usize) -> bool {
    let names = |at: &At| {
        let mut found = false;
        at.each_label(&mut |l| found |= l == label);
        found
    };
    let mut alone = true;
    nest.each_guard(&mut |guard| alone &= !guard.indices().iter().any(names));
    for read in nest.body.reads() {
        let computed = arrays[read.array].loops().is_some();
        for at in &read.at {
            let run = matches!(at.parts.as_slice(), [(Atom::Label(_), 1)]) && (!computed || at.base == 0);
            alone &= run || !names(at);
        }
    }
    alone
}

/// A matrix product in three directions is never written out.
fn is_large(product: &crate::gemm::Product<f64>) -> bool {
    product.m >= SIDE && product.n >= SIDE && product.k >= SIDE
}

/// Union-find over the labels of all arrays.
struct Union {
    first: Vec<usize>,
    parent: Vec<u32>,
}

impl Union {
    fn new(arrays: &Arrays) -> Union {
        let mut first = Vec::with_capacity(arrays.arrays.len());
        let mut count = 0;
        for array in &arrays.arrays {
            first.push(count);
            count += labels(array);
        }
        Union { first, parent: (0..count as u32).collect() }
    }

    fn root(&mut self, mut k: usize) -> usize {
        while self.parent[k] as usize != k {
            self.parent[k] = self.parent[self.parent[k] as usize];
            k = self.parent[k] as usize;
        }
        k
    }

    /// Joins a label of a nest with an axis of an operand, unless two labels of the nest would become one.
    fn join(&mut self, nest: usize, label: usize, count: usize, operand: usize, axis: usize) {
        let (a, b) = (self.root(self.first[nest] + label), self.root(self.first[operand] + axis));
        if a == b {
            return;
        }
        for other in (0..count).filter(|&l| l != label) {
            let root = self.root(self.first[nest] + other);
            if root == a || root == b {
                return;
            }
        }
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high] = low as u32;
    }

    fn classes(mut self, arrays: &Arrays) -> (Vec<SmallVec<[Class; 4]>>, Vec<usize>) {
        let mut numbers: Vec<Option<u32>> = vec![None; self.parent.len()];
        let mut extents = Vec::new();
        let mut of = Vec::with_capacity(arrays.arrays.len());
        for (k, array) in arrays.arrays.iter().enumerate() {
            let mut classes = SmallVec::new();
            for label in 0..labels(array) {
                let root = self.root(self.first[k] + label);
                let mut fresh = || {
                    extents.push(extent(array, label));
                    extents.len() as u32 - 1
                };
                let mut class = Class(*numbers[root].get_or_insert_with(&mut fresh));
                if classes.contains(&class) {
                    // Two labels of one nest met by way of others: each has its own loop.
                    class = Class(fresh());
                }
                classes.push(class);
            }
            of.push(classes);
        }
        (of, extents)
    }
}

fn labels(array: &crate::array::Array) -> usize {
    array.loops().map_or(array.shape.len(), |n| n.extents.len())
}

fn extent(array: &crate::array::Array, label: usize) -> usize {
    match array.loops() {
        Some(nest) => nest.extents[label],
        None => array.shape[label],
    }
}

#[cfg(test)]
mod tests {
    use super::Classes;
    use crate::array::ArrayId;
    use crate::array::lower::lower;
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    /// Whether loops run over the labels of the last array.
    fn loops(text: &str) -> Vec<bool> {
        let (graph, outputs) = Graph::from_text(text).unwrap();
        let arrays = lower(&graph, &outputs, &Sizes::new()).unwrap().prune();
        let classes = Classes::new(&arrays, &[], None);
        let last = ArrayId(arrays.arrays.len() as u32 - 1);
        classes.all(last).iter().map(|&c| classes.is_looped(c)).collect()
    }

    #[test]
    fn units_that_do_not_meet_stay_a_loop() {
        let cell = |n: usize| {
            format!(
                "chainrule-graph 1\n%0 : real[{n}] = input \"x\"\n%1 : real[{n}] = map tanh %0\n\
                 %2 : real[{n}] = contract [{n}|] %0[#0] %1[#0]\noutput %2\n"
            )
        };
        assert_eq!(loops(&cell(14)), [true]);
        // Less than two registers is written out.
        assert_eq!(loops(&cell(7)), [false]);
    }

    #[test]
    fn neighbours_and_sums_are_written_out() {
        let neighbours = "chainrule-graph 1
%0 : real[15] = input \"x\"
%1 : real[15] = map tanh %0
%2 : real[14] = contract [14|] %1[#0] %1[#0+1]
output %2
";
        assert_eq!(loops(neighbours), [false]);
        let sums = "chainrule-graph 1
%0 : real[10,10] = input \"A\"
%1 : real[10] = input \"x\"
%2 : real[10] = contract [10|10] %0[#0,#1] %1[#1]
output %2
";
        assert_eq!(loops(sums), [false, false]);
    }
}
