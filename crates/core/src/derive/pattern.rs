//! Sparsity patterns: which entries of a matrix may be non-zero, row by row.
//!
//! Of scalar code the pattern is read off the graph: `∂y[i]/∂x[j]` may be non-zero only if a path of real numbers leads
//! from `x[j]` to `y[i]`. That is exact for the graph and conservative for values: no path is forgotten, and a path
//! whose contributions cancel is kept.
//!
//! Source: Griewank, Walther, Evaluating Derivatives, 2nd edition, chapter 7.

use super::sparse::{Budget, NONE, columns_of};
use super::sweep::active;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::node::NodeId;

/// Larger sets are not kept with their nodes: a chain of n sums would keep n²/2 members. They are gathered by walking
/// down to the nodes that keep theirs.
pub(super) const KEPT: usize = 64;

/// The non-zero positions of a matrix in compressed rows, columns of a row ascending.
///
/// ```
/// use chainrule_core::derive::pattern::Pattern;
/// let p = Pattern::new(3, [vec![2, 0], vec![], vec![1, 1]])?;
/// assert_eq!((p.rows(), p.columns(), p.len()), (3, 3, 3));
/// assert_eq!(p.row(0), [0, 2]);
/// assert_eq!(p.transposed().row(2), [0]);
/// assert!(Pattern::new(3, [[3]]).is_err());
/// # Ok::<(), chainrule_core::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    columns: usize,
    /// Where each row begins, and the end.
    starts: Vec<usize>,
    members: Vec<u32>,
}

impl Pattern {
    /// A pattern from the columns of each row, in any order, repetitions allowed.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a column that the matrix does not have; [`Error::TooLarge`] for 2³² columns and more.
    pub fn new<R: IntoIterator<Item = usize>>(
        columns: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Pattern> {
        let mut pattern = Pattern::empty(columns)?;
        let mut found: Vec<u32> = Vec::new();
        for row in rows {
            found.clear();
            for position in row {
                if position >= columns {
                    let (position, extent) = (position as i64, columns as i64);
                    return Err(Error::OutOfRange { name: String::new(), position, extent });
                }
                found.push(position as u32);
            }
            found.sort_unstable();
            found.dedup();
            pattern.push_row(&found);
        }
        Ok(pattern)
    }

    /// A square matrix with that many diagonals below and above its own.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub fn banded(n: usize, below: usize, above: usize) -> Result<Pattern> {
        Pattern::new(
            n,
            (0..n).map(|i| i.saturating_sub(below)..i.saturating_add(above).saturating_add(1).min(n)),
        )
    }

    pub(super) fn empty(columns: usize) -> Result<Pattern> {
        if columns >= u32::MAX as usize {
            return Err(Error::TooLarge { entries: columns as i128, limit: i128::from(u32::MAX - 1) });
        }
        Ok(Pattern { columns, starts: vec![0], members: Vec::new() })
    }

    /// Appends a row; its columns ascend.
    pub(super) fn push_row(&mut self, columns: &[u32]) {
        self.members.extend_from_slice(columns);
        self.starts.push(self.members.len());
    }

    /// Appends a column to the row that is being written.
    pub(super) fn push(&mut self, column: u32) {
        self.members.push(column);
    }

    /// Ends the row that is being written.
    pub(super) fn end_row(&mut self) {
        self.starts.push(self.members.len());
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of positions that may be non-zero.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// True when nothing is non-zero.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Columns of a row, ascending.
    ///
    /// # Panics
    /// If there is no such row, as a slice does.
    pub fn row(&self, row: usize) -> &[u32] {
        &self.members[self.starts[row]..self.starts[row + 1]]
    }

    /// Where each row begins among the positions, and where the last one ends.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// Rows and columns of the positions, row by row.
    pub fn positions(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rows()).flat_map(|i| self.row(i).iter().map(move |&j| (i, j as usize)))
    }

    /// Number of a position among all of them, row by row.
    pub fn find(&self, row: usize, column: usize) -> Option<usize> {
        let within = self.row(row).binary_search(&u32::try_from(column).ok()?).ok()?;
        Some(self.starts[row] + within)
    }

    /// The pattern of the transposed matrix.
    pub fn transposed(&self) -> Pattern {
        let mut starts = vec![0; self.columns + 1];
        self.members.iter().for_each(|&j| starts[j as usize + 1] += 1);
        for k in 0..self.columns {
            starts[k + 1] += starts[k];
        }
        let mut next = starts.clone();
        let mut members = vec![0; self.len()];
        for (i, j) in self.positions() {
            members[next[j]] = i as u32;
            next[j] += 1;
        }
        Pattern { columns: self.rows(), starts, members }
    }

    /// True when the matrix is square and every position has its mirror image.
    pub fn is_symmetric(&self) -> bool {
        self.rows() == self.columns && *self == self.transposed()
    }

    /// The positions of a square matrix together with their mirror images: what a triangle stands for.
    ///
    /// # Errors
    /// [`Error::NotSparse`] unless the matrix is square.
    pub fn mirrored(&self) -> Result<Pattern> {
        if self.rows() != self.columns {
            let what = "a symmetric pattern".to_string();
            let found = format!("{} by {}", self.rows(), self.columns);
            return Err(Error::NotSparse { what, expected: "square", found });
        }
        let other = self.transposed();
        let rows = (0..self.rows()).map(|i| self.row(i).iter().chain(other.row(i)).map(|&j| j as usize));
        Pattern::new(self.columns, rows)
    }
}

/// Sets of columns, each the part of one pool: a node whose set is that of an operand shares it.
struct Sets {
    pool: Vec<u32>,
    /// For each node where its set stands; `None` where it is larger than what is kept.
    of: Vec<Option<(u32, u32)>>,
    scratch: Vec<u32>,
}

impl Sets {
    fn get(&self, range: (u32, u32)) -> &[u32] {
        &self.pool[range.0 as usize..range.1 as usize]
    }

    fn keep(&mut self, members: &[u32]) -> (u32, u32) {
        let start = self.pool.len() as u32;
        self.pool.extend_from_slice(members);
        (start, self.pool.len() as u32)
    }

    /// Whether the pool has numbers for one more set.
    fn has_room(&self) -> bool {
        self.pool.len() < u32::MAX as usize - KEPT
    }

    /// The set of both, if it is small.
    fn union(&mut self, a: (u32, u32), b: (u32, u32)) -> Option<(u32, u32)> {
        if a == b {
            return Some(a);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(self.get(a));
        scratch.extend_from_slice(self.get(b));
        scratch.sort_unstable();
        scratch.dedup();
        let both = match scratch.len() {
            n if n == self.get(a).len() => Some(a),
            n if n == self.get(b).len() => Some(b),
            n if n <= KEPT && self.has_room() => Some(self.keep(&scratch)),
            _ => None,
        };
        self.scratch = scratch;
        both
    }
}

/// Which of the inputs `xs` the derivative of each of the numbers `ys` depends on.
///
/// One pass over the graph; then only outputs that depend on more inputs than a node keeps are walked once more.
pub(super) fn of_scalars(g: &Graph, ys: &[NodeId], xs: &[NodeId], budget: &mut Budget) -> Result<Pattern> {
    let columns = columns_of(g, xs)?;
    let active = active(g, ys, xs);
    // The sets of the inputs come first: column j stands at position j.
    let pool: Vec<u32> = (0..xs.len() as u32).collect();
    let mut sets = Sets { pool, of: vec![Some((0, 0)); active.len()], scratch: Vec::new() };
    for node in (0..active.len()).filter(|&k| active[k]).map(NodeId::new) {
        let mut set = Some((0, 0));
        let j = columns[node.index()];
        if j != NONE {
            set = Some((j, j + 1));
        }
        for arg in g.raw_args(node).iter().filter(|a| active[a.index()]) {
            set = match (set, sets.of[arg.index()]) {
                (Some((a, b)), set) if a == b => set,
                (Some(a), Some(b)) => sets.union(a, b),
                _ => None,
            };
        }
        sets.of[node.index()] = set;
    }
    let mut pattern = Pattern::empty(xs.len())?;
    let mut walk = Walk::default();
    for &y in ys {
        match sets.of[y.index()] {
            Some(set) => pattern.push_row(sets.get(set)),
            None => pattern.push_row(walk.gather(g, &sets, y, xs.len(), budget)?),
        }
        budget.entries(pattern.len())?;
    }
    Ok(pattern)
}

/// Gathering of large sets: what one walk has seen carries its number, so nothing is cleared between walks.
#[derive(Default)]
struct Walk {
    number: u32,
    nodes: Vec<u32>,
    columns: Vec<u32>,
    open: Vec<NodeId>,
    found: Vec<u32>,
}

impl Walk {
    fn gather(&mut self, g: &Graph, sets: &Sets, y: NodeId, n: usize, budget: &mut Budget) -> Result<&[u32]> {
        self.nodes.resize(sets.of.len(), 0);
        self.columns.resize(n, 0);
        self.number += 1;
        self.found.clear();
        self.open.push(y);
        while let Some(node) = self.open.pop() {
            let seen = &mut self.nodes[node.index()];
            if std::mem::replace(seen, self.number) == self.number {
                continue;
            }
            budget.steps(1)?;
            let Some(set) = sets.of[node.index()] else {
                self.open.extend_from_slice(g.raw_args(node));
                continue;
            };
            for &j in sets.get(set) {
                if std::mem::replace(&mut self.columns[j as usize], self.number) != self.number {
                    self.found.push(j);
                }
            }
        }
        self.found.sort_unstable();
        Ok(&self.found)
    }
}
