//! Rows of a sparse Jacobian: `∂v/∂x[j]` of every number `v` on the way, made from the rows of its operands.
//!
//! `row(v)[j] = Σ_k ∂v/∂arg[k] · row(arg[k])[j]`, only where something arrives. The partials are those of the reverse
//! sweep (`derive/numbers.rs`) when the number 1 arrives. Rows are made output by output, operands first, and given
//! back after their last use: of a banded problem only a few exist at any time.
//!
//! A node that depends on many inputs has no row: a long chain of such nodes would carry all of them at every step. An
//! output above such nodes is swept in reverse instead, down to the nodes that have rows.

use super::numbers::{Cotangent, Sweep, add_up, both, guarded, times};
use super::pattern::{KEPT, Pattern};
use super::sparse::{Budget, NONE, SparseNodes, columns_of, expect_numbers};
use super::sweep::active;
use crate::error::Result;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::ops::rules::Rules;
use crate::rational::Rational;
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};
use std::cell::RefCell;
use std::collections::BinaryHeap;

/// In the place of a row: the node depends on too many inputs to have one.
const WIDE: u32 = u32::MAX - 1;

/// A column, and what stands there.
type Entry = (u32, Cotangent);

/// The rows that are still wanted.
struct Rows<'a> {
    sweep: Sweep<'a, Vec<(NodeId, Cotangent)>>,
    columns: Vec<u32>,
    one: NodeId,
    /// The first output that needs a node: of a triangle no column before it is wanted.
    first: Vec<u32>,
    /// How often the row of a node will still be read.
    reads: Vec<u32>,
    /// Where the row of a node stands; [`NONE`] before it is made, [`WIDE`] where there will be none.
    place: Vec<u32>,
    rows: Vec<Vec<Entry>>,
    free: Vec<u32>,
    gathered: Gathered,
    sweeping: Sweeping,
}

/// What waits in the sweep of one output: the last node of the table first.
#[derive(Default)]
struct Sweeping {
    heap: BinaryHeap<NodeId>,
    arrived: FxHashMap<NodeId, SmallVec<[Cotangent; 2]>>,
}

impl Sweeping {
    fn push(&mut self, to: NodeId, part: Cotangent) {
        let waiting = self.arrived.entry(to).or_insert_with(|| {
            self.heap.push(to);
            smallvec![]
        });
        waiting.push(part);
    }

    /// The last node at which something waits, and the sum of what does.
    fn pop(&mut self, g: &mut Graph) -> Option<(NodeId, Cotangent)> {
        let node = self.heap.pop()?;
        let mut parts = self.arrived.remove(&node).expect("invariant: what is in the heap waits");
        Some((node, if parts.len() == 1 { parts.remove(0) } else { add_up(g, &parts) }))
    }
}

/// What arrives at a node, and the order in which it is collected.
#[derive(Default)]
struct Gathered {
    parts: Vec<Cotangent>,
    /// Column and number of each part; these are sorted instead of the parts, which are larger.
    keys: Vec<(u32, u32)>,
}

impl Gathered {
    fn push(&mut self, column: u32, part: Cotangent) {
        self.keys.push((column, self.parts.len() as u32));
        self.parts.push(part);
    }

    /// Each column once, ascending, appended to a row; what cancels disappears.
    fn collect(&mut self, g: &mut Graph, row: &mut Vec<Entry>) {
        if !self.keys.is_sorted() {
            self.keys.sort_unstable();
        }
        for group in self.keys.chunk_by(|a, b| a.0 == b.0) {
            let part = |k: &(u32, u32)| &self.parts[k.1 as usize];
            if let [only] = group {
                row.push((only.0, part(only).clone()));
                continue;
            }
            let parts: SmallVec<[Cotangent; 4]> = group.iter().map(|k| part(k).clone()).collect();
            let sum = add_up(g, &parts);
            if !sum.coefficient.is_zero() && !g.is_zero(sum.node) {
                row.push((group[0].0, sum));
            }
        }
        self.keys.clear();
        self.parts.clear();
    }
}

/// The Jacobian of numbers by inputs; of a symmetric one only the columns from the diagonal on.
pub(super) fn jacobian(
    g: &mut Graph,
    ys: &[NodeId],
    xs: &[NodeId],
    triangle: bool,
    budget: &mut Budget,
) -> Result<SparseNodes> {
    let columns = columns_of(g, xs)?;
    let mut pattern = Pattern::empty(xs.len())?;
    let active = active(g, ys, xs);
    expect_numbers(g, &active)?;
    let rules = Rules::new();
    let one = g.integer(1);
    let mut rows = Rows {
        columns,
        one,
        first: vec![NONE; active.len()],
        reads: vec![0; active.len()],
        place: vec![NONE; active.len()],
        rows: Vec::new(),
        free: Vec::new(),
        gathered: Gathered::default(),
        sweeping: Sweeping::default(),
        sweep: Sweep::new(&rules, active, Vec::new()),
    };
    rows.count_reads(g, ys, triangle);
    // Partials of maps are written in a notation that shares the graph.
    let mut shared = RefCell::new(std::mem::take(g));
    let answer = rows.outputs(&mut shared, ys, triangle, &mut pattern, budget);
    *g = shared.into_inner();
    Ok(SparseNodes { pattern, nodes: answer? })
}

impl Rows<'_> {
    /// Whether a node gets a row; that of an input is the number 1 in its own column.
    fn has_row(&self, node: NodeId) -> bool {
        self.sweep.active.get(node.index()).is_some_and(|&a| a) && self.columns[node.index()] == NONE
    }

    fn count_reads(&mut self, g: &Graph, ys: &[NodeId], triangle: bool) {
        for (i, y) in ys.iter().enumerate() {
            let first = &mut self.first[y.index()];
            *first = (*first).min(if triangle { i as u32 } else { 0 });
            self.reads[y.index()] += 1;
        }
        for k in (0..self.first.len()).rev().filter(|&k| self.sweep.active[k]) {
            for arg in g.raw_args(NodeId::new(k)).iter().map(|a| a.index()) {
                if self.sweep.active[arg] {
                    self.first[arg] = self.first[arg].min(self.first[k]);
                    self.reads[arg] += 1;
                }
            }
        }
    }

    /// The entries of all outputs; their positions are appended to the pattern.
    fn outputs(
        &mut self,
        shared: &mut RefCell<Graph>,
        ys: &[NodeId],
        triangle: bool,
        pattern: &mut Pattern,
        budget: &mut Budget,
    ) -> Result<Vec<NodeId>> {
        let mut nodes = Vec::new();
        let mut open: Vec<NodeId> = Vec::new();
        for (i, &y) in ys.iter().enumerate() {
            if self.has_row(y) {
                open.push(y);
            }
            // A node waits until its operands have rows; the order of the table is not needed.
            while let Some(&node) = open.last() {
                let waiting = open.len();
                if self.place[node.index()] == NONE {
                    let args = shared.get_mut().raw_args(node).iter();
                    open.extend(args.filter(|a| self.has_row(**a) && self.place[a.index()] == NONE));
                }
                if open.len() == waiting {
                    if self.place[node.index()] == NONE {
                        self.make(shared, node, budget)?;
                    }
                    open.pop();
                }
            }
            let from = if triangle { i as u32 } else { 0 };
            let column = self.columns[y.index()];
            if column != NONE && column >= from {
                pattern.push(column);
                nodes.push(self.one);
            }
            if self.has_row(y) {
                let swept = match self.place[y.index()] {
                    WIDE => Some(self.sweep_from(shared, y, from, budget)?),
                    _ => None,
                };
                let row = swept.as_ref().unwrap_or_else(|| &self.rows[self.place[y.index()] as usize]);
                let g = shared.get_mut();
                for (column, value) in row.iter().filter(|(column, _)| *column >= from) {
                    let node = guarded(g, value.node, value.guard);
                    nodes.push(g.scale(&value.coefficient, node));
                    pattern.push(*column);
                }
                self.read(y);
            }
            pattern.end_row();
            budget.entries(nodes.len())?;
        }
        Ok(nodes)
    }

    /// Makes the row of a node whose operands have theirs, unless it is a wide one.
    fn make(&mut self, shared: &mut RefCell<Graph>, node: NodeId, budget: &mut Budget) -> Result<()> {
        if self.is_wide(shared.get_mut(), node) {
            // Rows below it are read by sweeps, however many: their reads stay open.
            self.place[node.index()] = WIDE;
            return budget.steps(1);
        }
        let arrived = Cotangent { coefficient: Rational::ONE, node: self.one, guard: None };
        let mut gathered = std::mem::take(&mut self.gathered);
        self.sweep.pass(shared, &arrived, node)?;
        self.gather(shared.get_mut(), node, &mut gathered);
        budget.steps(1 + gathered.keys.len())?;
        let g = shared.get_mut();
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push(Vec::new());
            (self.rows.len() - 1) as u32
        });
        gathered.collect(g, &mut self.rows[place as usize]);
        self.place[node.index()] = place;
        self.gathered = gathered;
        for &arg in g.raw_args(node) {
            if self.has_row(arg) {
                self.read(arg);
            }
        }
        Ok(())
    }

    /// Whether the operands together have more columns than a row may.
    fn is_wide(&self, g: &Graph, node: NodeId) -> bool {
        let mut most = 0;
        for &arg in g.raw_args(node) {
            most += match self.has_row(arg) {
                false => 1,
                true if self.place[arg.index()] == WIDE => return true,
                true => self.rows[self.place[arg.index()] as usize].len(),
            };
        }
        if most <= KEPT {
            return false;
        }
        let first = self.first[node.index()];
        let mut columns: Vec<u32> = Vec::with_capacity(most);
        for &arg in g.raw_args(node) {
            if self.has_row(arg) {
                columns.extend(self.rows[self.place[arg.index()] as usize].iter().map(|(column, _)| *column));
            } else if self.sweep.active[arg.index()] {
                columns.push(self.columns[arg.index()]);
            }
        }
        columns.retain(|&column| column >= first);
        columns.sort_unstable();
        columns.dedup();
        columns.len() > KEPT
    }

    /// The row of a wide output: a reverse sweep through the wide nodes, down to inputs and to nodes with rows.
    fn sweep_from(
        &mut self,
        shared: &mut RefCell<Graph>,
        y: NodeId,
        from: u32,
        budget: &mut Budget,
    ) -> Result<Vec<Entry>> {
        self.sweeping.push(y, Cotangent { coefficient: Rational::ONE, node: self.one, guard: None });
        while let Some((node, total)) = self.sweeping.pop(shared.get_mut()) {
            budget.steps(1)?;
            let g = shared.get_mut();
            if total.coefficient.is_zero() || g.is_zero(total.node) {
                continue;
            }
            let column = self.columns[node.index()];
            if column != NONE {
                if column >= from {
                    self.gathered.push(column, total);
                }
            } else if self.place[node.index()] == WIDE {
                self.sweep.pass(shared, &total, node)?;
                for (operand, part) in self.sweep.arrived.drain(..) {
                    self.sweeping.push(operand, part);
                }
            } else {
                let row = &self.rows[self.place[node.index()] as usize];
                budget.steps(row.len())?;
                for (column, value) in row.iter().filter(|(column, _)| *column >= from) {
                    self.gathered.push(*column, product(g, self.one, &total, value));
                }
            }
        }
        let mut row = Vec::new();
        self.gathered.collect(shared.get_mut(), &mut row);
        Ok(row)
    }

    /// The chain rule: partials of the node times rows of its operands.
    fn gather(&mut self, g: &mut Graph, node: NodeId, gathered: &mut Gathered) {
        let first = self.first[node.index()];
        let mut partials = std::mem::take(&mut self.sweep.arrived);
        for (operand, partial) in partials.drain(..) {
            let column = self.columns[operand.index()];
            if column != NONE {
                if column >= first && !partial.coefficient.is_zero() && !g.is_zero(partial.node) {
                    gathered.push(column, partial);
                }
                continue;
            }
            let row = &self.rows[self.place[operand.index()] as usize];
            for (column, value) in row.iter().filter(|(column, _)| *column >= first) {
                let entry = product(g, self.one, &partial, value);
                if !entry.coefficient.is_zero() && !g.is_zero(entry.node) {
                    gathered.push(*column, entry);
                }
            }
        }
        self.sweep.arrived = partials;
    }

    /// Notes that a row has been read; after the last time its place is used again.
    fn read(&mut self, node: NodeId) {
        let reads = &mut self.reads[node.index()];
        *reads -= 1;
        let place = self.place[node.index()];
        if *reads == 0 && place != WIDE {
            self.rows[place as usize].clear();
            self.free.push(place);
        }
    }
}

/// `partial · value`; a 1 is no factor.
fn product(g: &mut Graph, one: NodeId, partial: &Cotangent, value: &Cotangent) -> Cotangent {
    let coefficient = &partial.coefficient * &value.coefficient;
    let guard = match (partial.guard, value.guard) {
        (guard, Some(other)) => both(g, guard, other),
        (guard, None) => guard,
    };
    let (coefficient, node) = match (partial.node == one, value.node == one) {
        (true, _) => (coefficient, value.node),
        (_, true) => (coefficient, partial.node),
        _ => {
            let (scale, node) = times(g, partial.node, value.node);
            (&coefficient * &scale, node)
        }
    };
    Cotangent { coefficient, node, guard }
}
