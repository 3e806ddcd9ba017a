//! The public constructors and questions on random arguments, right and wrong: an answer or an error, never a panic.

use super::*;
use crate::eval::Bindings;
use crate::graph::op::{Comparison, Linear, Logic, Reduction};
use crate::ops::map::MAPS;
use crate::simplify::Options;
use crate::tensor::Tensor;

/// A sequence of numbers that looks random and is always the same.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Mostly a node that exists; sometimes one far outside.
    fn node(&mut self, g: &Graph) -> NodeId {
        if self.below(40) == 0 {
            return NodeId::new(g.len() + self.below(1000));
        }
        NodeId::new(self.below(g.len()))
    }

    fn axis(&mut self) -> usize {
        self.pick(&[0, 0, 0, 1, 1, 2, 3, 70_000, usize::MAX])
    }

    fn dim(&mut self) -> Dim {
        let n = Dim::size("n");
        let fixed = [0, 1, 2, 3, -1, 1 << 20, i64::MAX].map(Dim::fixed);
        let named = [n.clone(), n.clone() - Dim::ONE, n.clone() * n];
        if self.below(2) == 0 { self.pick(&fixed) } else { self.pick(&named) }
    }

    fn dims(&mut self) -> Vec<Dim> {
        (0..self.below(4)).map(|_| self.dim()).collect()
    }

    fn nodes(&mut self, g: &Graph) -> Vec<NodeId> {
        (0..self.below(4)).map(|_| self.node(g)).collect()
    }
}

pub(crate) fn inputs(g: &mut Graph) {
    let none: [&str; 0] = [];
    for (name, ty) in [
        ("a", Type::scalar()),
        ("b", Type::scalar()),
        ("x", Type::real(["n"])),
        ("y", Type::real(["n"])),
        ("A", Type::real(["n", "n"])),
        ("B", Type::real([2, 3])),
        ("c", Type::real([2])),
        ("e", Type::real([0])),
        ("k", Type::index("n", none)),
        ("t", Type::index("n", [3])),
    ] {
        g.input(name, ty).unwrap();
    }
}

pub(crate) fn bound() -> Bindings<f64> {
    let square = |m: usize, n: usize| {
        Tensor::new(&[m, n], (0..m * n).map(|k| k as f64 / 3.0 - 1.0).collect()).unwrap()
    };
    Bindings::new()
        .with("a", Tensor::scalar(0.5))
        .with("b", Tensor::scalar(f64::NAN))
        .with("x", Tensor::vector(vec![0.5, -2.0]))
        .with("y", Tensor::vector(vec![0.0, f64::INFINITY]))
        .with("A", square(2, 2))
        .with("B", square(2, 3))
        .with("c", Tensor::vector(vec![1.0, 1.0]))
        .with("e", Tensor::vector(vec![]))
        .with_labels("k", Tensor::scalar(1))
        .with_labels("t", Tensor::vector(vec![0, 1, 1]))
}

/// One random step; what it makes is in the graph, and errors are answers too.
pub(crate) fn step(g: &mut Graph, d: &mut Dice) -> Result<Vec<NodeId>> {
    let (x, y, axis) = (d.node(g), d.node(g), d.axis());
    let (m, n) = (d.dim(), d.dim());
    let axes = [axis, d.axis()];
    let one = |node: Result<NodeId>| node.map(|n| vec![n]);
    match d.below(47) {
        0 => one(g.add(x, y)),
        1 => one(g.sub(x, y)),
        2 => one(g.multiply(x, y)),
        3 => one(g.divide(x, y)),
        4 => one(Ok(g.neg(x))),
        5 => one(Ok(g.scale(&Rational::new(d.below(5) as i64 - 2, 3), x))),
        6 => one(Ok(g.power(x, d.pick(&[0, 1, 2, 3, 7, u32::MAX])))),
        7 => {
            let map = d.pick(MAPS);
            let args = d.nodes(g);
            one(g.map(map, &args))
        }
        8 => {
            let map = d.pick(&MAPS.iter().copied().filter(|m| m.arity() == 1).collect::<Vec<_>>());
            one(g.map(map, &[x]))
        }
        9 => one(g.compare(d.pick(&[Comparison::Greater, Comparison::Equal]), x, y)),
        10 => {
            let args = d.nodes(g);
            one(g.logic(d.pick(&[Logic::And, Logic::Or, Logic::Not]), &args))
        }
        11 | 12 => {
            let p = g.compare(Comparison::GreaterEqual, x, y)?;
            one(g.select(p, x, y))
        }
        13 => one(g.reduce(d.pick(&[Reduction::Max, Reduction::Min, Reduction::Prod]), x, axis)),
        14 => one(g.argmax(x, axis)),
        15 => one(g.argsort(x, axis)),
        16 => one(g.sort(x, axis)),
        17 => {
            let kinds = [Linear::Inverse, Linear::Solve, Linear::Det, Linear::LogAbsDet, Linear::Cholesky];
            let args = d.nodes(g);
            one(g.linear(d.pick(&kinds), &args))
        }
        18 => one(g.mean(x, &axes)),
        19 => one(g.variance(x, &axes[..1])),
        20 => one(g.norm(x, &axes)),
        21 => one(g.restore_axes(x, y, &axes)),
        22 => one(g.eye(&d.dims())),
        23 => one(g.one_hot(x, &m)),
        24 => one(g.dot(x, y)),
        25 => one(g.outer(x, y)),
        26 => one(g.kron(x, y)),
        27 => one(g.transpose(x, &axes)),
        28 => one(g.t(x)),
        29 => one(g.sum_axes(x, &axes)),
        30 => one(g.sum_all(x)),
        31 => one(g.trace(x)),
        32 => one(g.diag(x)),
        33 => one(g.slice(x, axis, &m, d.below(4) as i64 - 2, &n)),
        34 => one(g.reverse(x, axis)),
        35 => one(g.pad(x, axis, &m, &n)),
        36 => {
            let parts = d.nodes(g);
            one(g.concat(&parts, axis))
        }
        37 => one(g.reshape(x, &d.dims())),
        38 => one(g.gather(x, y)),
        39 => one(g.scatter_add(x, y, &m)),
        40 => one(g.cumsum(x, axis)),
        41 => one(g.convolve(x, y)),
        42 => one(d.pick(&[Graph::softmax, Graph::logsumexp, Graph::log_softmax])(g, x, &axes)),
        43 => one(g.exclusive_prod(x, axis)),
        44 => one(Ok(g.tag("v", x))),
        45 => {
            let length = d.pick(&[Dim::ZERO, Dim::ONE, Dim::fixed(2), Dim::size("n"), Dim::fixed(-1)]);
            let (carries, inputs) = (d.nodes(g), d.nodes(g));
            let named = |list: &[NodeId]| list.iter().map(|&n| ("s", n)).collect::<Vec<_>>();
            let backward = d.below(2) == 0;
            g.recurrence("random", &length, backward, &named(&carries), &named(&inputs), |g, h, x| {
                let mut next = h.to_vec();
                for node in &mut next {
                    let other = d.pick(&[h, x].concat());
                    let operand = if d.below(3) == 0 { y } else { other };
                    *node = g.multiply(*node, operand).unwrap_or(*node);
                }
                Ok(next)
            })
        }
        _ => one(g.insert_axis(x, axis)),
    }
}

/// Questions about some nodes.
fn ask(g: &mut Graph, d: &mut Dice) -> Result<()> {
    let (y, x, z) = (d.node(g), d.node(g), d.node(g));
    let at = bound();
    match d.below(14) {
        0 => g.gradient(y, &[x, z]).map(|_| ()),
        1 => g.jacobian(y, x).map(|_| ()),
        2 => g.vjp(y, &[x], z).map(|_| ()),
        3 => g.jvp(y, &[x], &[z]).map(|_| ()),
        4 => g.derivative(y, "v", &[]).map(|_| ()),
        5 => g.local_jacobian(y, d.below(3)).map(|_| ()),
        6 => g.substitute(&[y], &[(x, z)]).map(|_| ()),
        7 => g.simplify(&[y, z], &Options::default()).map(|_| ()),
        8 => g.open(&[y], &|_, _| true).map(|_| ()),
        9 => g.extract(&[y, z]).map(|_| ()),
        10 => g.evaluate(&[y], &at).map(|_| ()),
        11 => g.evaluate_structured(y, &at).map(|_| ()),
        12 => g.lower(&[y], &["v"]).map(|_| ()),
        _ => {
            let text = g.to_text(&[y, z]);
            let (read, outputs) = Graph::from_text(&text)?;
            assert_eq!(read.to_text(&outputs), text);
            Ok(())
        }
    }
}

#[test]
fn random_arguments_are_answered_or_refused() {
    let (mut made, mut refused) = (0, 0);
    for seed in 0..150 {
        let mut d = Dice(seed);
        let mut g = Graph::new();
        inputs(&mut g);
        for _ in 0..40 {
            match step(&mut g, &mut d) {
                Ok(_) => made += 1,
                Err(_) => refused += 1,
            }
        }
        for _ in 0..12 {
            match ask(&mut g, &mut d) {
                Ok(()) => made += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(made > 1000 && refused > 1000, "{made} answers, {refused} refusals");
}

#[test]
fn nodes_that_are_not_in_the_table_are_refused() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let foreign = NodeId::new(1000);
    let refused = |answer: Result<NodeId>| assert_eq!(answer, Err(Error::OtherGraph));
    refused(g.add(x, foreign));
    refused(g.multiply(foreign, x));
    refused(g.sum(&[(Rational::ONE, foreign)], Type::scalar()));
    refused(g.restore_axes(foreign, x, &[]));
    assert!(g.gradient(foreign, &[x]).is_err() && g.gradient(x, &[foreign]).is_err());
    let minus = g.neg(foreign);
    refused(g.add(minus, x));
    assert_eq!(g.to_text(&[foreign]), g.to_text(&[foreign, foreign]));
    assert_eq!(g.len(), 1);
}

/// The axis was cut to 16 bits.
#[test]
fn an_axis_beyond_16_bits_is_refused() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(vec![1; 65_537])).unwrap();
    assert!(g.reduce(Reduction::Max, x, 65_536).is_err() && g.argmax(x, 65_536).is_err());
    assert!(g.reduce(Reduction::Max, x, 65_535).is_ok());
}

/// A coefficient doubled its digits with every product, to the end of memory.
#[test]
fn repeated_products_of_a_scaled_node_stay_short() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let v = g.input("v", Type::real(["n"])).unwrap();
    let (mut y, mut w) = (g.scale(&Rational::from(3), x), g.scale(&Rational::from(3), v));
    for _ in 0..60 {
        y = g.multiply(y, y).unwrap();
        w = g.multiply(w, w).unwrap();
    }
    assert!(g.len() < 1000);
}

#[test]
fn a_literal_fills_its_shape() {
    let error = Literal::real(&[2, 2], [1.0]).unwrap_err();
    assert_eq!(error.to_string(), "1 entry does not fill the shape [2, 2]\n  help: it takes 4");
    assert!(Literal::integer(&[usize::MAX, 2], [1, 2]).is_err());
    assert!(Literal::integer(&[0], []).is_ok());
}
