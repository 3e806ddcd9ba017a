//! Refutation: the search for a point at which two formulas certainly differ, the most readable one first.

use crate::compare::{Outcome, Pair};
use crate::conditions::Boundary;
use crate::point::{Data, Pattern, Point, Space, extents, readable};
use crate::report::{Counterexample, Tested, print_sizes};
use chainrule_core::dice::Dice;
use chainrule_core::eval::Bindings;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Op;
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{ABS, CLIP, MAX, MIN, Map, RELU, SIGN};
use chainrule_core::rational::Rational;
use chainrule_core::scalar::Exact;
use chainrule_core::shape::Sizes;
use chainrule_core::tensor::{Tensor, Value};
use std::time::Instant;

/// Patterns tried at each assignment of sizes, readable ones first.
const PATTERNS: [Pattern; 10] = [
    Pattern::Constant(0),
    Pattern::Constant(1),
    Pattern::Cycle(0),
    Pattern::Cycle(2),
    Pattern::Readable,
    Pattern::Readable,
    Pattern::Readable,
    Pattern::Random,
    Pattern::Random,
    Pattern::Random,
];

/// What the search found.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Counterexample(Box<Counterexample>, Point),
    /// Agreement wherever there was a value.
    Agreement(Tested),
}

/// A search with its limits.
pub(crate) struct Search<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) pair: &'a Pair,
    pub(crate) space: &'a Space,
    pub(crate) cases: &'a [(String, Bindings<f64>)],
    pub(crate) deadline: Instant,
    pub(crate) points: usize,
    pub(crate) entries: usize,
}

impl Search<'_> {
    fn late(&self) -> bool {
        Instant::now() > self.deadline
    }

    /// The file's cases, then small sizes with readable entries, boundaries and random entries, then larger sizes.
    pub(crate) fn run(&self) -> Found {
        let mut tested = Tested::default();
        for (name, bindings) in self.cases {
            let Some(point) = self.space.case(bindings) else { continue };
            if let Outcome::Differ { position, claimed, derived } = self.pair.at(self.graph, &point) {
                let mut found = self.counterexample(&point, position, claimed, derived);
                found.case = Some(name.clone());
                if let Found::Counterexample(smallest, _) = self.systematic(&mut tested) {
                    found.smallest = Some(smallest);
                }
                return Found::Counterexample(Box::new(found), point);
            }
        }
        self.systematic(&mut tested)
    }

    fn systematic(&self, tested: &mut Tested) -> Found {
        let differs = self.small(tested).or_else(|| self.larger(tested));
        differs.unwrap_or_else(|| Found::Agreement(tested.clone()))
    }

    /// Sizes that small ones say nothing of: `(n-1)*(n-2)*(n-3)*(n-4)` is zero for each of those.
    fn larger(&self, tested: &mut Tested) -> Option<Found> {
        let mut dice = Dice::new(9);
        self.space.larger().iter().find_map(|sizes| self.at(sizes, &mut dice, tested))
    }

    /// Two points of given sizes, where they are cheap.
    pub(crate) fn at(&self, sizes: &Sizes, dice: &mut Dice, tested: &mut Tested) -> Option<Found> {
        let quick = self.pair.quick();
        let search = Search { pair: &quick, ..*self };
        [Pattern::Readable, Pattern::Random].into_iter().find_map(|pattern| {
            let point = self.space.point(sizes, pattern, dice, self.entries).filter(|_| !self.late())?;
            search.look(&point, tested)
        })
    }

    fn small(&self, tested: &mut Tested) -> Option<Found> {
        let boundaries = self.boundaries();
        tested.boundaries.1 = boundaries.len();
        let mut met = vec![false; boundaries.len()];
        let mut dice = Dice::new(8);
        let assignments = self.space.assignments();
        for round in 0..3 {
            for sizes in &assignments {
                for (k, pattern) in PATTERNS.iter().enumerate() {
                    let pattern = if round == 0 { *pattern } else { PATTERNS[4 + k % 6] };
                    if tested.points >= self.points || self.late() {
                        tested.boundaries.0 = met.iter().filter(|m| **m).count();
                        return None;
                    }
                    let Some(point) = self.space.point(sizes, pattern, &mut dice, self.entries) else {
                        break;
                    };
                    if let Some(found) = self.look(&point, tested) {
                        return Some(found);
                    }
                    // From some points, go to where a comparison turns.
                    if k % 3 == 2 && !boundaries.is_empty() {
                        let b = dice.below(boundaries.len());
                        if let Some(turned) = self.boundary_point(&point, boundaries[b], &mut dice) {
                            met[b] = true;
                            if let Some(found) = self.look(&turned, tested) {
                                return Some(found);
                            }
                        }
                    }
                    // Without inputs one point is all there is.
                    if self.space.variables.is_empty() {
                        break;
                    }
                }
            }
        }
        tested.boundaries.0 = met.iter().filter(|m| **m).count();
        None
    }

    fn look(&self, point: &Point, tested: &mut Tested) -> Option<Found> {
        match self.pair.at(self.graph, point) {
            Outcome::Differ { position, claimed, derived } => {
                let (point, position, claimed, derived) = self.shrunk(point, position, claimed, derived);
                let found = self.counterexample(&point, position, claimed, derived);
                Some(Found::Counterexample(Box::new(found), point))
            }
            Outcome::Equal => {
                tested.points += 1;
                let text = print_sizes(&point.sizes);
                if !tested.sizes.contains(&text) {
                    tested.sizes.push(text);
                }
                None
            }
            Outcome::Unusable | Outcome::Excluded => {
                tested.unusable += 1;
                None
            }
        }
    }

    /// Simpler entries, one at a time, as long as the formulas still differ.
    fn shrunk(
        &self,
        point: &Point,
        position: usize,
        claimed: Value<f64>,
        derived: Value<f64>,
    ) -> (Point, usize, Value<f64>, Value<f64>) {
        let mut best = (point.clone(), position, claimed, derived);
        let mut left = 200usize;
        for v in 0..point.values.len() {
            let name = point.values[v].0.clone();
            let Data::Real(tensor) = &point.values[v].1 else { continue };
            if !self.space.is_free(&name) {
                continue;
            }
            for k in 0..tensor.data().len() {
                for simple in readable() {
                    if left == 0 || self.late() {
                        return best;
                    }
                    let Data::Real(t) = &best.0.values[v].1 else { break };
                    if t.data()[k] == simple {
                        break;
                    }
                    if self.space.must_be_positive(&name) && simple <= Rational::from(0) {
                        continue;
                    }
                    let mut entries = t.data().to_vec();
                    entries[k] = simple;
                    let Some(t) = Tensor::new(t.shape(), entries) else { break };
                    let mut trial = best.0.clone();
                    trial.values[v].1 = Data::Real(t);
                    left -= 1;
                    if let Outcome::Differ { position, claimed, derived } = self.pair.at(self.graph, &trial) {
                        best = (trial, position, claimed, derived);
                        break;
                    }
                }
            }
        }
        best
    }

    fn counterexample(
        &self,
        point: &Point,
        position: usize,
        claimed: Value<f64>,
        derived: Value<f64>,
    ) -> Counterexample {
        let mut index = Vec::new();
        let mut rest = position;
        for &n in claimed.shape().iter().rev() {
            index.push(rest % n.max(1));
            rest /= n.max(1);
        }
        index.reverse();
        Counterexample {
            sizes: point.sizes.clone(),
            point: point.shown(),
            index,
            yours: claimed,
            derived,
            case: None,
            smallest: None,
        }
    }

    /// Pairs of nodes whose equality is the boundary of a comparison; `None` stands for 0.
    pub(crate) fn boundaries(&self) -> Vec<Boundary> {
        let g = self.graph;
        let mut found = Vec::new();
        for node in g.reachable(&[self.pair.claimed, self.pair.derived]) {
            let args = g.args(node);
            let boundary = match g.op(node) {
                Op::Compare(_) => Some((args[0], Some(args[1]))),
                Op::Map(id) => {
                    let is = |m: &Map| m.id == *id;
                    if [&RELU, &ABS, &SIGN].into_iter().any(is) {
                        Some((args[0], None))
                    } else if [&MAX, &MIN, &CLIP].into_iter().any(is) {
                        Some((args[0], Some(args[1])))
                    } else {
                        None
                    }
                }
                _ => None,
            };
            let real = |n: NodeId| g.ty(n).dtype == chainrule_core::shape::DType::Real;
            if let Some(b) = boundary.filter(|b| real(b.0) && !found.contains(b)) {
                found.push(b);
            }
        }
        found
    }

    /// A neighbour of the point at which an entry of both sides of a comparison is equal: found by solving for one
    /// entry of one input, where the difference is linear in it.
    fn boundary_point(
        &self,
        point: &Point,
        boundary: (NodeId, Option<NodeId>),
        dice: &mut Dice,
    ) -> Option<Point> {
        let free: Vec<usize> = (0..point.values.len())
            .filter(|&v| {
                matches!(&point.values[v].1, Data::Real(t) if !t.data().is_empty())
                    && self.space.is_free(&point.values[v].0)
            })
            .collect();
        let difference = |p: &Point, entry: usize| -> Option<Rational> {
            let mut outputs = vec![boundary.0];
            outputs.extend(boundary.1);
            let options = chainrule_core::eval::Options { limit: self.entries, kinks: false };
            let values = self.graph.evaluate_with::<Exact>(&outputs, &p.bindings(), &options).ok()?.values;
            let a = values[0].real()?.data().get(entry)?.value()?.clone();
            match values.get(1) {
                Some(b) => Some(&a - b.real()?.data().get(entry)?.value()?),
                None => Some(a),
            }
        };
        let shape = extents(self.graph.shape(boundary.0), &point.sizes)?;
        let entry = dice.below(shape.iter().product());
        for _ in 0..4 {
            if free.is_empty() {
                return None;
            }
            let v = free[dice.below(free.len())];
            let Data::Real(t) = &point.values[v].1 else { continue };
            let k = dice.below(t.data().len());
            let with = |x: &Rational| {
                let mut entries = t.data().to_vec();
                entries[k] = x.clone();
                let mut p = point.clone();
                p.values[v].1 =
                    Data::Real(Tensor::new(t.shape(), entries).expect("invariant: the same shape"));
                p
            };
            let [d0, d1, d2] = [0, 1, 2].map(|n| difference(&with(&Rational::from(n)), entry));
            let (Some(d0), Some(d1), Some(d2)) = (d0, d1, d2) else { continue };
            let slope = &d1 - &d0;
            if slope.is_zero() || &d2 - &d1 != slope {
                continue;
            }
            let root = (-&d0).checked_div(&slope)?;
            let positive = self.space.must_be_positive(&point.values[v].0);
            if positive && root <= Rational::from(0) {
                continue;
            }
            return Some(with(&root));
        }
        None
    }
}
