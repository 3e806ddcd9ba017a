//! Colouring: columns of a sparse matrix that one product with a direction computes together.
//!
//! The direction of a colour is 1 in its columns and 0 elsewhere. Where no two columns of a colour meet in a row, each
//! entry of the product is one entry of the matrix (Curtis, Powell, Reid). Of a symmetric matrix it is enough that of
//! every entry at one of its two places nothing else has been added (star colouring, Coleman, Moré): a band of 2b + 1
//! diagonals needs few colours however long it is, a full first row and column need two.
//!
//! Greedy, in a fixed order; two orders are tried and the fewer colours count, so the same pattern always has the same
//! colours. The fewest colours possible are not found: that is NP-hard.
//!
//! Source: Gebremedhin, Manne, Pothen, What color is your Jacobian?, SIAM Review 47 (2005), algorithms 3.1 and 4.1.

use super::pattern::Pattern;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// No colour yet.
const NONE: u32 = u32::MAX;

/// A colour for each column, numbered from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Colouring {
    /// The colour of each column.
    pub colours: Vec<u32>,
    /// How many there are.
    pub count: usize,
}

impl Colouring {
    fn new(colours: Vec<u32>) -> Colouring {
        let count = colours.iter().max().map_or(0, |&c| c as usize + 1);
        Colouring { colours, count }
    }

    /// Colours of columns such that no two of one colour share a row.
    ///
    /// ```
    /// use chainrule_core::derive::{colouring::Colouring, pattern::Pattern};
    /// let band = Pattern::banded(10_000, 1, 1)?;
    /// assert_eq!(Colouring::columns(&band).count, 3);
    /// assert_eq!(Colouring::symmetric(&band).count, 3);
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn columns(pattern: &Pattern) -> Colouring {
        let rows_of = pattern.transposed();
        fewer(&rows_of, |order| distance_two(pattern, &rows_of, order))
    }

    /// Star colours of the columns of a symmetric matrix: every entry, or its mirror image, stands alone in the product.
    ///
    /// Each column counts as meeting itself. Of a pattern that is not symmetric, the positions are meant together with
    /// their mirror images; of one that is not square, as [`Colouring::columns`].
    pub fn symmetric(pattern: &Pattern) -> Colouring {
        match pattern.mirrored() {
            Ok(whole) => fewer(&whole, |order| star(&whole, order)),
            Err(_) => Colouring::columns(pattern),
        }
    }
}

/// The better of two orders: as they stand, and columns with many members first.
fn fewer(members: &Pattern, colour: impl Fn(&[u32]) -> Vec<u32>) -> Colouring {
    let mut order: Vec<u32> = (0..members.rows() as u32).collect();
    let plain = Colouring::new(colour(&order));
    order.sort_by_key(|&j| std::cmp::Reverse(members.row(j as usize).len()));
    let sorted = Colouring::new(colour(&order));
    if sorted.count < plain.count { sorted } else { plain }
}

/// A set of colours.
#[derive(Clone, Default)]
struct Set(Vec<u64>);

impl Set {
    fn insert(&mut self, colour: u32) {
        let word = colour as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (colour % 64);
    }

    fn add(&mut self, other: &Set) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    /// The least colour that is not in it.
    fn least_missing(&self) -> u32 {
        let full = self.0.iter().take_while(|w| **w == u64::MAX).count();
        (64 * full) as u32 + self.0.get(full).map_or(0, |w| w.trailing_ones())
    }
}

/// Each row knows the colours that its columns have.
fn distance_two(pattern: &Pattern, rows_of: &Pattern, order: &[u32]) -> Vec<u32> {
    let mut used = vec![Set::default(); pattern.rows()];
    let mut colours = vec![NONE; pattern.columns()];
    let mut taken = Set::default();
    for &j in order {
        taken.0.clear();
        let rows = rows_of.row(j as usize);
        rows.iter().for_each(|&i| taken.add(&used[i as usize]));
        let colour = taken.least_missing();
        colours[j as usize] = colour;
        rows.iter().for_each(|&i| used[i as usize].insert(colour));
    }
    colours
}

/// Each vertex knows which colours stand around it, and of which colours it is the leaf of a star.
///
/// A new vertex takes no colour of a neighbour; none that stands around a neighbour without colour, so that neighbours
/// of what is coloured last differ; and none whose star a neighbour is a leaf of, which would make a path of two
/// colours through four vertices.
fn star(pattern: &Pattern, order: &[u32]) -> Vec<u32> {
    let n = pattern.rows();
    let neighbours = |v: u32| pattern.row(v as usize).iter().copied().filter(move |&w| w != v);
    let mut colours = vec![NONE; n];
    let mut around = vec![Set::default(); n];
    let mut leaf_of = vec![Set::default(); n];
    // The first neighbour of a vertex that has a colour.
    let mut first: FxHashMap<(u32, u32), u32> = FxHashMap::default();
    let mut taken = Set::default();
    for &v in order {
        taken.0.clear();
        for w in neighbours(v) {
            match colours[w as usize] {
                NONE => taken.add(&around[w as usize]),
                colour => {
                    taken.insert(colour);
                    taken.add(&leaf_of[w as usize]);
                }
            }
        }
        let colour = taken.least_missing();
        colours[v as usize] = colour;
        for w in neighbours(v) {
            around[w as usize].insert(colour);
            match first.entry((w, colour)) {
                Entry::Vacant(place) => {
                    place.insert(v);
                }
                Entry::Occupied(place) => {
                    // The star around `w`, which has a colour: only what has one meets a colour twice.
                    let hub = colours[w as usize];
                    leaf_of[*place.get() as usize].insert(hub);
                    leaf_of[v as usize].insert(hub);
                }
            }
        }
    }
    colours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn random(n: usize, per_row: usize, dice: &mut Dice) -> Pattern {
        Pattern::new(n, (0..n).map(|_| (0..per_row).map(|_| dice.below(n)).collect::<Vec<_>>())).unwrap()
    }

    /// No two columns of one colour in a row.
    fn is_direct(pattern: &Pattern, c: &Colouring) -> bool {
        (0..pattern.rows()).all(|i| {
            let mut seen: Vec<u32> = pattern.row(i).iter().map(|&j| c.colours[j as usize]).collect();
            seen.sort_unstable();
            seen.windows(2).all(|w| w[0] != w[1])
        })
    }

    /// Every entry stands alone in its row's product of its colour, or its mirror image does.
    fn is_symmetric_direct(pattern: &Pattern, c: &Colouring) -> bool {
        let alone = |i: usize, j: usize| {
            let same = |&&k: &&u32| c.colours[k as usize] == c.colours[j];
            let own = pattern.row(i).binary_search(&(i as u32)).is_err() && c.colours[i] == c.colours[j];
            pattern.row(i).iter().filter(same).count() + usize::from(own) == 1
        };
        pattern.positions().all(|(i, j)| alone(i, j) || alone(j, i))
    }

    #[test]
    fn random_patterns_are_coloured_properly() {
        let mut dice = Dice::new(5);
        for n in [0, 1, 2, 7, 40] {
            for per_row in [0, 1, 2, 4] {
                let p = random(n, per_row, &mut dice);
                let c = Colouring::columns(&p);
                assert!(is_direct(&p, &c) && c == Colouring::columns(&p));
                let s = p.mirrored().unwrap();
                let c = Colouring::symmetric(&s);
                assert!(is_symmetric_direct(&s, &c), "{s:?}\n{c:?}");
                assert_eq!(c, Colouring::symmetric(&p));
            }
        }
    }

    #[test]
    fn bands_and_arrows_need_few() {
        for b in [0, 1, 2, 5] {
            let band = Pattern::banded(10_000, b, b).unwrap();
            assert_eq!(Colouring::columns(&band).count, 2 * b + 1);
            assert!(Colouring::symmetric(&band).count <= 2 * b + 1);
        }
        for hub in [0, 4_999] {
            let row = |i: usize| if i == hub { (0..5_000).collect() } else { vec![i, hub] };
            let arrow = Pattern::new(5_000, (0..5_000).map(row)).unwrap();
            assert_eq!(Colouring::symmetric(&arrow).count, 2);
            assert_eq!(Colouring::columns(&arrow).count, 5_000);
        }
        let wide = Pattern::new(6, [[0, 1], [2, 3], [4, 5]]).unwrap();
        assert_eq!(Colouring::columns(&wide).count, 2);
        assert_eq!(Colouring::symmetric(&wide), Colouring::columns(&wide));
    }
}
