//! What the printer writes, the reader reads: random programs over every kind of node that has a notation.
//!
//! The node read is the node printed, unless a nested product was written without parentheses: then values agree.

use crate::error::Error;
use crate::eval::Bindings;
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Comparison, Linear, Literal, Logic, Op, Reduction};
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::ops::map::MAPS;
use crate::rational::Rational;
use crate::render::Printer;
use crate::shape::{DType, Dim, Sizes, Type};
use crate::tensor::{Tensor, Value};
use std::collections::BTreeMap;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

fn l(k: usize) -> Term {
    Term::label(Label(k as u32))
}

/// Names that need care stand beside plain ones.
const NAMES: &[&[&str]] = &[
    &["x", "z", "A", "V", "b", "s", "w", "t", "y", "p"],
    &["if", "x y", "pi", "n", "i", "j", "e", "mod", "", "t1"],
    &["sum", "max", "m", "mlp/2/W", "a\"b", "k", "size", "delta", "where", "3"],
];

const M: i64 = 2;
const N: i64 = 3;

/// A graph with inputs of every sort; the last node of a program is anything.
struct Program {
    g: Graph,
    r: Random,
    pool: Vec<NodeId>,
}

impl Program {
    fn new(seed: u64) -> Program {
        let mut r = Random(seed);
        r.below(2);
        let mut g = Graph::new();
        let names = if r.below(4) == 0 { r.of(&NAMES[1..]) } else { NAMES[0] };
        let none: [&str; 0] = [];
        let types = [
            Type::real(["n"]),
            Type::real(["n"]),
            Type::real(["n", "n"]),
            Type::real(["m", "n"]),
            Type::real(["m"]),
            Type::scalar(),
            Type::real([3]),
            Type::index("n", ["m"]),
            Type::index("n", none),
            Type::boolean(["n"]),
        ];
        let pool = names.iter().zip(types).map(|(name, ty)| g.input(name, ty).unwrap()).collect();
        Program { g, r, pool }
    }

    /// A node of this sort, recent ones more often.
    fn any(&mut self, dtype: DType) -> NodeId {
        let all: Vec<NodeId> = self.pool.iter().copied().filter(|&n| self.g.ty(n).dtype == dtype).collect();
        let k = self.r.below(all.len()).max(self.r.below(all.len()));
        all[k]
    }

    fn real(&mut self) -> NodeId {
        self.any(DType::Real)
    }

    /// A real node of the same shape.
    fn like(&mut self, x: NodeId) -> NodeId {
        let same: Vec<NodeId> = self.pool.iter().copied().filter(|&n| self.g.ty(n) == self.g.ty(x)).collect();
        self.r.of(&same)
    }

    fn axis(&mut self, x: NodeId) -> usize {
        let rank = self.g.rank(x);
        self.r.below(rank.max(1))
    }

    fn extent(&mut self) -> Dim {
        [Dim::size("n"), Dim::size("m"), Dim::from(3), Dim::from(2), Dim::size("n") - Dim::ONE]
            [self.r.below(5)]
        .clone()
    }

    fn small(&self, x: NodeId) -> bool {
        let sizes: Sizes = [("m".into(), M), ("n".into(), N)].into_iter().collect();
        let count = self.g.shape(x).iter().map(|d| d.evaluate(&sizes).unwrap_or(99)).product::<i64>();
        self.g.rank(x) <= 4 && count <= 150
    }

    fn step(&mut self) {
        if let Some(node) = self.node().filter(|&n| self.small(n)) {
            self.pool.push(node);
        }
    }

    fn node(&mut self) -> Option<NodeId> {
        let x = self.real();
        let axis = self.axis(x);
        let rank = self.g.rank(x);
        let shape = self.g.shape(x).to_vec();
        let kind = self.r.below(44);
        Some(match kind {
            0..=2 => {
                let map = self.r.of(MAPS);
                let args: Vec<NodeId> =
                    (0..map.arity()).map(|k| if k == 0 { x } else { self.like(x) }).collect();
                self.g.map(map, &args).ok()?
            }
            3 | 4 => {
                let (a, b) = (self.like(x), self.like(x));
                let terms: Vec<(Rational, NodeId)> = [x, a, b]
                    .map(|n| (Rational::new(self.r.of(&[1, -1, 2, -3]), self.r.of(&[1, 1, 2, 3])), n))
                    .into();
                self.g.sum(&terms, self.g.ty(x).clone()).ok()?
            }
            5 | 6 => {
                let other = if self.r.below(2) == 0 { self.like(x) } else { self.real() };
                self.g.multiply(x, other).ok()?
            }
            7 => {
                let other = self.like(x);
                self.g.divide(x, other).ok()?
            }
            8 => {
                let power = self.r.of(&[2, 3]);
                self.g.power(x, power)
            }
            9 => {
                let mut order: Vec<usize> = (0..rank).collect();
                order.rotate_left(1.min(rank));
                self.g.transpose(x, &order).ok()?
            }
            10 => self.g.sum_axes(x, &[axis]).ok()?,
            11 | 12 => {
                let reduction = self.r.of(&[Reduction::Max, Reduction::Min, Reduction::Prod]);
                self.g.reduce(reduction, x, axis).ok()?
            }
            13 => self.g.argmax(x, axis).ok()?,
            14 => self.g.argsort(x, axis).ok()?,
            15 => self.g.sort(x, axis).ok()?,
            16 => {
                let t = self.any(DType::Int);
                self.g.gather(x, t).ok()?
            }
            17 => {
                let t = self.any(DType::Int);
                self.g.one_hot(t, &"n".into()).ok()?
            }
            18 => {
                let t = self.any(DType::Int);
                self.g.scatter_add(x, t, &"n".into()).ok()?
            }
            19 => self.g.reverse(x, axis).ok()?,
            20 => {
                let (low, high) = (self.r.below(3) as i64, self.r.below(3) as i64);
                self.g.pad(x, axis, &low.into(), &high.into()).ok()?
            }
            21 => {
                let (start, step) = (self.r.below(3) as i64, self.r.of(&[1, 2, -1]));
                let extent = self.extent();
                self.g.slice(x, axis, &start.into(), step, &extent).ok()?
            }
            22 => {
                let total = shape.iter().cloned().fold(Dim::ONE, |all, d| all * d);
                let flat = self.g.reshape(x, &[total]).ok()?;
                let target: Vec<Dim> = shape.into_iter().rev().collect();
                if self.r.below(2) == 0 { flat } else { self.g.reshape(flat, &target).ok()? }
            }
            23 => {
                let other = self.real();
                self.g.concat(&[x, other], axis).ok()?
            }
            24 => self.g.cumsum(x, axis).ok()?,
            25 => {
                let other = self.like(x);
                self.g.convolve(x, other).ok()?
            }
            26 | 27 => {
                let comparison =
                    self.r.of(&[Comparison::Greater, Comparison::GreaterEqual, Comparison::Equal]);
                if self.r.below(4) == 0 {
                    let (a, b) = (self.any(DType::Int), self.any(DType::Int));
                    self.g.compare(comparison, a, b).ok()?
                } else {
                    let other = self.like(x);
                    self.g.compare(comparison, x, other).ok()?
                }
            }
            28 => {
                let (a, b) = (self.any(DType::Bool), self.any(DType::Bool));
                match self.r.below(3) {
                    0 => self.g.logic(Logic::Not, &[a]).ok()?,
                    1 => self.g.logic(Logic::And, &[a, b]).ok()?,
                    _ => self.g.logic(Logic::Or, &[a, b]).ok()?,
                }
            }
            29 | 30 => {
                let p = self.any(DType::Bool);
                let (a, b) = (self.real(), self.real());
                self.g.select(p, a, b).ok()?
            }
            31 => {
                let p = self.any(DType::Bool);
                if self.g.shape(p) != &shape[..] {
                    return None;
                }
                let at = (0..rank).map(l).collect();
                let negated = self.r.below(2) == 0;
                self.g.product(Product::of(x, &shape).when(Cond::Holds(p, at, negated)))
            }
            32 => {
                let other = self.real();
                self.g.dot(x, other).ok()?
            }
            33 => {
                let other = self.real();
                if self.r.below(2) == 0 {
                    self.g.outer(x, other).ok()?
                } else {
                    self.g.kron(x, other).ok()?
                }
            }
            34 => match self.r.below(3) {
                0 => self.g.trace(x).ok()?,
                1 => self.g.diagonal(x).ok()?,
                _ => self.g.diag(x).ok()?,
            },
            35 => {
                let other = self.real();
                let (kind, args) = match self.r.below(7) {
                    0 => (Linear::Inverse, vec![x]),
                    1 => (Linear::Det, vec![x]),
                    2 => (Linear::LogAbsDet, vec![x]),
                    3 => (Linear::Cholesky, vec![x]),
                    4 => (Linear::Solve, vec![x, other]),
                    5 => (Linear::SolveLower, vec![x, other]),
                    _ => (Linear::SolveUpper, vec![x, other]),
                };
                self.g.linear(kind, &args).ok()?
            }
            36 => match self.r.below(4) {
                0 => self.g.logsumexp(x, &[axis]).ok()?,
                1 => self.g.softmax(x, &[axis]).ok()?,
                2 => self.g.log_softmax(x, &[axis]).ok()?,
                _ => self.g.exclusive_prod(x, axis).ok()?,
            },
            37 => match self.r.below(4) {
                0 => self.g.stop_gradient(x),
                1 => self.g.checkpoint(x),
                2 => {
                    let name = self.r.of(&["h", "x", "k", "or"]);
                    self.g.tag(name, x)
                }
                _ => {
                    let name = format!("h{}", self.pool.len());
                    self.g.tag(&name, x)
                }
            },
            38 => match self.r.below(4) {
                0 => self.g.literal(Literal::real(&[3], [-0.25, 1.5, 2.0]).unwrap()),
                1 => self.g.literal(Literal::integer(&[2], [2, 0]).unwrap()),
                2 => self.g.literal(Literal::real(&[2, 2], [1.0, 2.0, -3.0, 0.0]).unwrap()),
                _ => {
                    let entries = crate::graph::op::Entries::Bool(vec![true, false, true]);
                    self.g.literal(Literal::new(&[3], entries).unwrap())
                }
            },
            39 => match self.r.below(4) {
                0 => self.g.pi(),
                1 => self.g.size(&(Dim::size("n") * Dim::size("n") - Dim::ONE)),
                2 => self.g.rational(Rational::new(-2, 7)),
                _ => {
                    let extent = self.extent();
                    self.g.zero(Type::real([extent]))
                }
            },
            40 => {
                // A shifted read under the guard that protects it, and others.
                if rank != 1 {
                    return None;
                }
                let by = self.r.below(3) as i64;
                let extent = self.extent();
                let at = l(0) - Term::constant(by);
                let last = Term::constant(shape[0].clone() - Dim::ONE);
                let mut p = Product::one([extent]).times(Access::new(x, [at.clone()]));
                p = p.when(Cond::NonNegative(at.clone())).when(Cond::NonNegative(last - at));
                if self.r.below(2) == 0 {
                    p = p.when(Cond::NonNegative(l(0) - Term::constant(2)));
                }
                self.g.product(p)
            }
            41 => {
                // A sum over part of an axis, or over more than it with a guard.
                if rank != 1 {
                    return None;
                }
                let mut p = Product::one([]);
                let extent = self.extent();
                let j = Term::label(p.bind(extent));
                let last = Term::constant(shape[0].clone() - Dim::ONE);
                self.g.product(p.times(Access::new(x, [j.clone()])).when(Cond::NonNegative(last - j)))
            }
            42 => {
                let part = self.r.below(3) as i64;
                let kept = Cond::NonNegative(Term::constant(part) - l(axis));
                if rank == 0 {
                    return None;
                }
                self.g.product(Product::of(x, &shape).when(kept))
            }
            _ => {
                let inputs: Vec<NodeId> = self.pool[..7].to_vec();
                let wrt = self.r.of(&inputs);
                let total = self.g.sum_all(x).ok()?;
                self.g.gradient(total, &[wrt]).ok()?[0]
            }
        })
    }

    /// Values for every input.
    fn values(&mut self) -> Bindings<f64> {
        let mut bindings = Bindings::new().with_size("m", M).with_size("n", N);
        let sizes: Sizes = [("m".into(), M), ("n".into(), N)].into_iter().collect();
        for &x in &self.pool[..10] {
            let input = self.g.as_input(x).unwrap().clone();
            let shape: Vec<usize> =
                input.ty.shape.iter().map(|d| d.evaluate(&sizes).unwrap() as usize).collect();
            let count: usize = shape.iter().product();
            let mut draw = || self.r.below(61);
            let value = match input.ty.dtype {
                DType::Real => {
                    let data = (0..count).map(|_| (draw() as f64 - 27.0) / 16.0).collect();
                    Value::Real(Tensor::new(&shape, data).unwrap())
                }
                DType::Int => Value::Int(
                    Tensor::new(&shape, (0..count).map(|_| (draw() % 3) as i64).collect()).unwrap(),
                ),
                DType::Bool => {
                    Value::Bool(Tensor::new(&shape, (0..count).map(|_| draw() % 2 == 0).collect()).unwrap())
                }
            };
            bindings.bind(&input.name, value);
        }
        bindings
    }
}

/// Whether values agree where both are finite; rounding may differ where terms are added in another order, and what
/// is absent under a guard may be `0 · ∞` in a nested product.
fn agree(a: &Value<f64>, b: &Value<f64>) -> bool {
    let close = |a: f64, b: f64| {
        !a.is_finite() || !b.is_finite() || (a - b).abs() <= 1e-7 * a.abs().max(b.abs()).max(1.0)
    };
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => {
            a.shape() == b.shape() && a.data().iter().zip(b.data()).all(|(a, b)| close(*a, *b))
        }
        (Value::Int(a), Value::Int(b)) => a.shape() == b.shape() && a.data() == b.data(),
        (Value::Bool(a), Value::Bool(b)) => a.shape() == b.shape() && a.data() == b.data(),
        _ => false,
    }
}

fn kind(g: &Graph, node: NodeId) -> String {
    let text = format!("{:?}", g.op(node));
    let word = text.split(['(', ' ', '{']).next().unwrap_or_default().to_string();
    match g.op(node) {
        Op::Linear(kind) => format!("{kind:?}"),
        Op::Reduce(reduction, _) => format!("{reduction:?}"),
        Op::Compare(comparison) => format!("{comparison:?}"),
        Op::Logic(logic) => format!("{logic:?}"),
        Op::Map(id) => crate::ops::map::Map::by_id(*id).name.to_string(),
        _ => word,
    }
}

#[derive(Default)]
struct Tally {
    same: usize,
    equal: usize,
    unjudged: usize,
    fixed: usize,
    kinds: BTreeMap<String, usize>,
    failed: Vec<String>,
}

fn judge(seed: u64, tally: &mut Tally) {
    let mut program = Program::new(seed);
    let steps = 2 + program.r.below(9);
    while program.pool.len() < 10 + steps {
        program.step();
    }
    let root = program.pool[program.pool.len() - 1 - program.r.below(2)];
    let keep = program.r.below(3) == 0;
    let text = Printer::new(&program.g).keep_composites(keep).equation_text(root, "out").to_string();
    for node in program.g.reachable(&[root]) {
        *tally.kinds.entry(kind(&program.g, node)).or_default() += 1;
    }
    let read = match program.g.form(&text, &[]) {
        Ok(read) => read,
        Err(error) => {
            let at = program.values();
            match program.g.evaluate(&[root], &at) {
                // The text has no reading, but the node has no value either.
                Err(_) => tally.unjudged += 1,
                // An axis of one size read over a range of another: see the head of `render`.
                Ok(_) if matches!(error, Error::IndexConflict { .. }) => tally.unjudged += 1,
                // Positions that do not depend on one of their axes: integers are not broadcast.
                Ok(_) if error.to_string().contains("an index stands here") && text.contains("= argmax(") => {
                    tally.unjudged += 1;
                }
                Ok(_) => tally.failed.push(format!("seed {seed}: {error}\n{text}")),
            }
            return;
        }
    };
    if read == root {
        tally.same += 1;
        return;
    }
    let again = Printer::new(&program.g).equation_text(read, "out").to_string();
    tally.fixed += usize::from(program.g.form(&again, &[]) == Ok(read));
    if program.g.ty(read).shape != program.g.ty(root).shape {
        let (was, is) = (program.g.ty(root), program.g.ty(read));
        return tally.failed.push(format!("seed {seed}: {was} became {is}\n{text}"));
    }
    let mut judged = 0;
    for _ in 0..3 {
        let at = program.values();
        let (before, after) = (program.g.evaluate(&[root], &at), program.g.evaluate(&[read], &at));
        match (before, after) {
            (Ok(before), Ok(after)) if agree(&before[0], &after[0]) => {
                tally.equal += 1;
                return;
            }
            // A literal of integers alone reads as one of reals.
            (Ok(_), Ok(_)) if matches!(program.g.op(root), Op::Literal(_)) => return tally.unjudged += 1,
            (Ok(before), Ok(after)) => {
                judged += 1;
                if judged == 3 {
                    let values = format!("{:?}\n{:?}", before[0], after[0]);
                    tally.failed.push(format!("seed {seed}: values differ\n{text}\n{again}\n{values}"));
                }
            }
            (Ok(_), Err(error)) => {
                return tally.failed.push(format!("seed {seed}: {error}\n{text}\n{again}"));
            }
            (Err(_), _) => {}
        }
    }
    tally.unjudged += 1;
}

/// Every kind that has a notation, thousands of programs.
#[test]
fn what_is_printed_reads_back() {
    let mut tally = Tally::default();
    let count = 6_000;
    for seed in 0..count {
        judge(seed, &mut tally);
    }
    let Tally { same, equal, unjudged, fixed, kinds, failed } = tally;
    println!(
        "{same} the same node, {equal} equal values ({fixed} the same at the second reading), {unjudged} not judged"
    );
    println!("{kinds:?}");
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed[..failed.len().min(25)].join("\n\n"));
    assert!(same * 2 > count as usize && unjudged * 20 < count as usize);
    for kind in
        ["Contract", "Sum", "Select", "ArgMax", "ArgSort", "Literal", "Pi", "Size", "Zero", "Rational", "Tag"]
    {
        assert!(kinds.contains_key(kind), "{kind} was not tried");
    }
}
