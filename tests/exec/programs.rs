//! Random programs: every public constructor on random operands, at fixed sizes.

use chainrule_core::graph::op::{Comparison, Linear, Logic, Reduction};
use chainrule_core::ops::map::MAPS;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{Dim, Sizes, Type};
use chainrule_core::{Graph, NodeId, Result};

/// A sequence of numbers that looks random and is always the same.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// A number of moderate size, sometimes whole.
    pub(crate) fn number(&mut self) -> f64 {
        match self.below(6) {
            0 => self.below(5) as f64 - 2.0,
            _ => self.below(1 << 20) as f64 / f64::from(1 << 18) - 2.0,
        }
    }
}

/// A program: a graph, some of its nodes, and the sizes it is run at.
pub(crate) struct Program {
    pub(crate) graph: Graph,
    pub(crate) outputs: Vec<NodeId>,
    pub(crate) sizes: Sizes,
}

/// Sizes at which loops have no iteration, one, a tail, many.
const EXTENTS: [i64; 10] = [0, 1, 2, 3, 4, 5, 7, 8, 19, 67];

/// The program of a seed.
pub(crate) fn program(seed: u64) -> Program {
    let mut d = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    let mut g = Graph::new();
    let large = d.below(4) == 0;
    let extent = |d: &mut Dice| match large {
        true => d.pick(&EXTENTS),
        false => d.pick(&EXTENTS[..8]),
    };
    let sizes: Sizes = [("n".into(), extent(&mut d)), ("m".into(), extent(&mut d))].into_iter().collect();
    let none: [&str; 0] = [];
    for (name, ty) in [
        ("a", Type::scalar()),
        ("x", Type::real(["n"])),
        ("y", Type::real(["n"])),
        ("u", Type::real(["m"])),
        ("A", Type::real(["m", "n"])),
        ("B", Type::real(["n", "m"])),
        ("C", Type::real(["n", "n"])),
        ("T", Type::real(["m", "n", "n"])),
        ("k", Type::index("n", none)),
        ("t", Type::index("n", ["m"])),
    ] {
        g.input(name, ty).expect("a declaration");
    }
    let steps = 4 + d.below(14);
    for _ in 0..steps {
        for _ in 0..20 {
            let before = g.len();
            let Ok(_) = step(&mut g, &mut d) else { continue };
            if g.len() > before {
                break;
            }
        }
    }
    let mut outputs = vec![NodeId::new(g.len() - 1)];
    for _ in 0..d.below(3) {
        outputs.push(NodeId::new(d.below(g.len())));
    }
    Program { graph: g, outputs, sizes }
}

/// A node that is recent more often than not.
fn node(g: &Graph, d: &mut Dice) -> NodeId {
    let back = if d.below(2) == 0 { d.below(8.min(g.len())) } else { d.below(g.len()) };
    NodeId::new(g.len() - 1 - back)
}

fn partner(g: &Graph, d: &mut Dice, x: NodeId) -> NodeId {
    let alike: Vec<NodeId> = g.nodes().filter(|&n| g.ty(n) == g.ty(x)).collect();
    d.pick(&alike)
}

fn step(g: &mut Graph, d: &mut Dice) -> Result<NodeId> {
    let x = node(g, d);
    let y = if d.below(3) > 0 { partner(g, d, x) } else { node(g, d) };
    let rank = g.rank(x);
    let axis = d.below(rank.max(1));
    let axes = [axis, d.below(rank.max(1))];
    let one_axis = d.below(2) == 0;
    let axes = if one_axis { &axes[..1] } else { &axes[..] };
    let dims = [Dim::size("n"), Dim::size("m"), Dim::fixed(2), Dim::fixed(1), Dim::size("n") - Dim::ONE];
    let (m, n) = (d.pick(&dims), d.pick(&dims));
    match d.below(52) {
        0 | 1 => g.add(x, y),
        2 => g.sub(x, y),
        3..=5 => g.multiply(x, y),
        6 => g.divide(x, y),
        7 => Ok(g.neg(x)),
        8 => Ok(g.scale(&Rational::new(d.below(5) as i64 - 2, 3), x)),
        9 => Ok(g.power(x, d.pick(&[0, 1, 2, 3, 5]))),
        10..=13 => {
            let map = d.pick(MAPS);
            let args: Vec<NodeId> =
                (0..map.arity()).map(|k| if k == 0 { x } else { partner(g, d, x) }).collect();
            g.map(map, &args)
        }
        14 | 15 => {
            g.compare(d.pick(&[Comparison::Greater, Comparison::GreaterEqual, Comparison::Equal]), x, y)
        }
        16 => {
            let p = g.compare(Comparison::Greater, x, y)?;
            let q = g.compare(Comparison::Equal, x, y)?;
            let args = [p, q];
            let logic = d.pick(&[Logic::And, Logic::Or, Logic::Not]);
            let p = g.logic(logic, if logic == Logic::Not { &args[..1] } else { &args })?;
            g.select(p, x, y)
        }
        17 => {
            let p = g.compare(Comparison::GreaterEqual, x, y)?;
            g.select(p, x, y)
        }
        18 => g.reduce(d.pick(&[Reduction::Max, Reduction::Min, Reduction::Prod]), x, axis),
        19 => g.argmax(x, axis),
        20 => g.argsort(x, axis),
        21 => g.sort(x, axis),
        22 => {
            let kinds = [Linear::Inverse, Linear::Det, Linear::LogAbsDet, Linear::Cholesky];
            g.linear(d.pick(&kinds), &[x])
        }
        23 => g.linear(d.pick(&[Linear::Solve, Linear::SolveLower, Linear::SolveUpper]), &[x, y]),
        24 => g.mean(x, axes),
        25 => g.variance(x, axes),
        26 => g.eye(&[d.pick(&dims)]),
        27 => {
            let labels = g.find_input("t").expect("declared");
            g.one_hot(labels, &Dim::size("n"))
        }
        28 | 29 => g.dot(x, y),
        30 => g.outer(x, y),
        31 => g.kron(x, y),
        32 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.rotate_left(axis.min(rank.saturating_sub(1)));
            g.transpose(x, &order)
        }
        33 | 34 => g.sum_axes(x, axes),
        35 => g.trace(x),
        36 => g.diag(x),
        37 => g.slice(
            x,
            axis,
            &Dim::fixed(d.below(2) as i64),
            1,
            &(g.shape(x).get(axis).cloned().unwrap_or(n) - Dim::ONE),
        ),
        38 => g.reverse(x, axis),
        39 => g.pad(x, axis, &m, &n),
        40 => g.concat(&[x, y], axis),
        41 => {
            let mut shape = g.shape(x).to_vec();
            shape.reverse();
            g.reshape(x, &shape)
        }
        42 => {
            let labels = g.find_input(d.pick(&["k", "t"])).expect("declared");
            g.gather(x, labels)
        }
        43 => {
            let labels = g.find_input("t").expect("declared");
            g.scatter_add(x, labels, &Dim::size("n"))
        }
        44 => g.cumsum(x, axis),
        45 => g.convolve(x, y),
        46 | 47 => d.pick(&[Graph::softmax, Graph::logsumexp, Graph::log_softmax])(g, x, axes),
        48 => g.exclusive_prod(x, axis),
        49 | 50 => recurrence(g, d, x, y),
        _ => {
            let inputs: Vec<NodeId> = g.nodes().filter(|&n| g.as_input(n).is_some()).collect();
            let of = d.pick(&inputs);
            if g.rank(x) + g.rank(of) > 4 {
                return g.insert_axis(x, axis);
            }
            g.jacobian(x, of)
        }
    }
}

/// A recurrence over the first axis of `x`, with a step of a few random operations.
fn recurrence(g: &mut Graph, d: &mut Dice, x: NodeId, w: NodeId) -> Result<NodeId> {
    let Some(length) = g.shape(x).first().cloned() else { return Ok(g.neg(x)) };
    let own = g.slice(x, 0, &Dim::ZERO, 1, &Dim::ONE)?;
    let entry: Vec<Dim> = g.shape(x)[1..].to_vec();
    let start = g.reshape(own, &entry)?;
    let start = g.scale(&Rational::new(1, 3), start);
    let second = g.sum_all(w)?;
    let (backward, kind) = (d.below(2) == 0, d.below(4));
    let all =
        g.recurrence("cell", &length, backward, &[("h", start), ("c", second)], &[("x", x)], |g, h, x| {
            let map = chainrule_core::ops::map::Map::by_name("tanh").expect("a map");
            let a = g.add(h[0], x[0])?;
            let b = if kind == 0 { g.multiply(h[0], x[0])? } else { g.map(map, &[a])? };
            let total = g.sum_all(b)?;
            let c = if kind == 2 { h[1] } else { g.add(h[1], total)? };
            Ok(vec![b, c])
        })?;
    Ok(all[d.below(2)])
}
