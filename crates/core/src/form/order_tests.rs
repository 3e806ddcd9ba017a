//! Renaming and reordering give the same node.

use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::Comparison;
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::shape::{Dim, Type};
use smallvec::SmallVec;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for k in (1..list.len()).rev() {
            list.swap(k, self.below(k + 1));
        }
    }
}

struct Setting {
    graph: Graph,
    real: Vec<NodeId>,
    labels: NodeId,
    two_labels: NodeId,
    holds: NodeId,
}

fn setting() -> Setting {
    let mut graph = Graph::new();
    let mut real = Vec::new();
    for (name, rank) in [("x", 1), ("z", 1), ("A", 2), ("B", 2), ("T", 3)] {
        real.push(graph.input(name, Type::real(vec!["n"; rank])).unwrap());
    }
    let (a, b) = (real[2], real[3]);
    real.push(graph.t(a).unwrap());
    real.push(graph.dot(a, b).unwrap());
    let labels = graph.input("t", Type::index("n", ["n"])).unwrap();
    let two_labels = graph.input("u", Type::index("n", ["n", "n"])).unwrap();
    let holds = graph.compare(Comparison::Greater, a, b).unwrap();
    Setting { graph, real, labels, two_labels, holds }
}

fn label(k: usize) -> Term {
    Term::label(Label(k as u32))
}

impl Setting {
    fn term(&self, r: &mut Random, labels: usize) -> Term {
        let plain = label(r.below(labels));
        match r.below(12) {
            0 => Term::element(self.labels, [plain]),
            1 => Term::element(self.two_labels, [plain, label(r.below(labels))]),
            2 => plain + label(r.below(labels)),
            3 => Term::constant(Dim::size("n") - Dim::ONE) - plain,
            _ => plain,
        }
    }

    fn product(&self, r: &mut Random) -> Product {
        let free = r.below(4);
        let mut product = Product::one(vec![Dim::size("n"); free]);
        for _ in 0..r.below(6) {
            product.bind(Dim::size("n"));
        }
        let labels = product.extents.len();
        if labels == 0 {
            return product;
        }
        // Few different operands, so that structures repeat.
        let pool: Vec<NodeId> = (0..=r.below(2)).map(|_| self.real[r.below(self.real.len())]).collect();
        for _ in 0..=r.below(5) {
            let node = pool[r.below(pool.len())];
            let at: Vec<Term> = (0..self.graph.rank(node)).map(|_| self.term(r, labels)).collect();
            product.accesses.push(Access { power: 1 + r.below(2) as u32, ..Access::new(node, at) });
        }
        for _ in 0..r.below(3) {
            let (a, b) = (self.term(r, labels), self.term(r, labels));
            product.conds.push(match r.below(3) {
                0 => Cond::delta(a, b),
                1 => Cond::NonNegative(a - b),
                _ => Cond::Holds(self.holds, [a, b].into_iter().collect(), r.below(2) == 0),
            });
        }
        product
    }
}

/// The same product with bound labels renamed and factors and conditions shuffled.
fn disguised(r: &mut Random, product: &Product) -> Product {
    let mut place: Vec<u32> = (0..product.extents.len() as u32).collect();
    r.shuffle(&mut place[product.free..]);
    let mut extents: SmallVec<[Dim; 4]> = product.extents.clone();
    for (k, &to) in place.iter().enumerate() {
        extents[to as usize] = product.extents[k].clone();
    }
    let mut other = product.relabel(extents, product.free, &|l| Label(place[l.0 as usize]));
    r.shuffle(&mut other.accesses);
    r.shuffle(&mut other.conds);
    // A square may as well be written twice.
    if let Some(k) = other.accesses.iter().position(|a| a.power == 2).filter(|_| r.below(2) == 0) {
        other.accesses[k].power = 1;
        let twin = other.accesses[k].clone();
        other.accesses.insert(0, twin);
    }
    other
}

#[test]
fn ten_thousand_disguises_are_recognised() {
    let mut s = setting();
    let mut r = Random(371);
    let mut failures = Vec::new();
    for round in 0..10_000 {
        let product = s.product(&mut r);
        let other = disguised(&mut r, &product);
        let (a, b) = (s.graph.product(product.clone()), s.graph.product(other));
        if a != b {
            failures.push(format!("round {round}: {}", s.graph.to_text(&[a, b])));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures, such as\n{}",
        failures.len(),
        failures.iter().min_by_key(|t| t.len()).unwrap()
    );
}

/// Cycles, stars and complete graphs: every label is used like every other.
#[test]
fn symmetric_structures_are_recognised() {
    let mut s = setting();
    let mut r = Random(8);
    let (x, a) = (s.real[0], s.real[2]);
    for labels in 2..=5 {
        let edges: Vec<(usize, usize)> = (0..labels).flat_map(|i| (0..labels).map(move |j| (i, j))).collect();
        for step in 0..labels {
            for keep in [1, 2, 3] {
                let mut product = Product::one([]);
                for _ in 0..labels {
                    product.bind(Dim::size("n"));
                }
                for &(i, j) in
                    edges.iter().filter(|(i, j)| (i + step) % labels == *j || (i * keep + 1) % labels == *j)
                {
                    product.accesses.push(Access::new(a, [label(i), label(j)]));
                }
                product.accesses.push(Access::new(x, [label(0)]));
                let node = s.graph.product(product.clone());
                for _ in 0..50 {
                    let other = disguised(&mut r, &product);
                    assert_eq!(s.graph.product(other), node, "{labels} {step} {keep}");
                }
            }
        }
    }
}

/// Many labels that are alike: components of one shape are numbered without trying all orders.
#[test]
fn many_equal_components_are_recognised() {
    let mut s = setting();
    let mut r = Random(9);
    let a = s.real[2];
    for labels in [8, 12, 20] {
        let mut product = Product::one([]);
        for _ in 0..labels {
            product.bind(Dim::size("n"));
        }
        for k in (0..labels).step_by(2) {
            product.accesses.push(Access::new(a, [label(k), label(k + 1)]));
            product.accesses.push(Access::new(a, [label(k + 1), label(k)]));
        }
        let node = s.graph.product(product.clone());
        for _ in 0..20 {
            let other = disguised(&mut r, &product);
            assert_eq!(s.graph.product(other), node, "{labels}");
        }
    }
}

#[test]
fn texts_in_disguise_are_one_node() {
    let mut s = setting();
    let mut r = Random(10);
    let names = ["i", "j", "k", "l", "p", "q"];
    for _ in 0..1_000 {
        let bound = 1 + r.below(4);
        let factors: Vec<(usize, Vec<usize>)> = (0..=r.below(4))
            .map(|_| {
                let node = r.below(5);
                (node, (0..s.graph.rank(s.real[node])).map(|_| r.below(bound)).collect())
            })
            .collect();
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let mut letters = names;
            r.shuffle(&mut letters);
            let mut factors = factors.clone();
            r.shuffle(&mut factors);
            let write = |(node, at): &(usize, Vec<usize>)| {
                let at: Vec<&str> = at.iter().map(|&k| letters[k]).collect();
                format!("{}[{}]", ["x", "z", "A", "B", "T"][*node], at.join(","))
            };
            let mut text = factors.iter().map(write).collect::<Vec<_>>().join("*");
            let mut order: Vec<usize> = (0..bound).collect();
            r.shuffle(&mut order);
            for k in order {
                text = format!("sum({}=0..n-1, {text})", letters[k]);
            }
            nodes.push((s.graph.form(&text, &[]).unwrap(), text));
        }
        assert!(nodes.iter().all(|(n, _)| *n == nodes[0].0), "{nodes:?}");
    }
}
