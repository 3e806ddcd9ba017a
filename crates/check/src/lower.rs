//! From nodes to polynomials: every operation of the core in canonical form, in creation order.

use crate::atom::{Atom, Info, Whole};
use crate::canon::{Canon, WIDTH, labels};
use crate::exponent;
use crate::poly::{Poly, Terms, is_plain};
use crate::power::expands;
use chainrule_core::form::{Access, Cond, Product};
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::{Comparison, Linear, Logic, Op};
use chainrule_core::index::{Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::shape::{DType, Dim};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// Functions inside functions deeper than this stay closed.
const DEPTH: usize = 24;

/// What a node is in a proof.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    /// A real tensor.
    Real(Rc<Poly>),
    /// An integer tensor, as an atom.
    Int(NodeId),
    /// Truth values, as a polynomial of 0 and 1.
    Bool(Rc<Poly>),
}

/// Meanings of the nodes of one graph.
pub(crate) type Meanings = FxHashMap<NodeId, Meaning>;

fn one() -> Rational {
    Rational::from(1)
}

impl Canon {
    /// Meanings of everything that `outputs` depend on, added to `known`.
    pub(crate) fn lower(&mut self, g: &Graph, outputs: &[NodeId], known: &mut Meanings, depth: usize) {
        for node in g.reachable(outputs) {
            if known.contains_key(&node) {
                continue;
            }
            if !self.spend() {
                return;
            }
            let meaning = self.meaning(g, node, known, depth);
            known.insert(node, meaning);
        }
    }

    /// The polynomial of a real or Boolean node.
    pub(crate) fn poly(&mut self, g: &Graph, node: NodeId, known: &mut Meanings) -> Rc<Poly> {
        self.lower(g, &[node], known, 0);
        match known.get(&node) {
            Some(Meaning::Real(p) | Meaning::Bool(p)) => p.clone(),
            _ => Rc::new(Poly::zero(&[])),
        }
    }

    fn axes(&self, g: &Graph, node: NodeId) -> Vec<Dim> {
        g.shape(node).iter().map(|d| self.dim(d)).collect()
    }

    fn meaning(&mut self, g: &Graph, node: NodeId, known: &Meanings, depth: usize) -> Meaning {
        let axes = self.axes(g, node);
        let args = g.args(node);
        let poly = |k: usize| -> Rc<Poly> {
            match known.get(&args[k]) {
                Some(Meaning::Real(p) | Meaning::Bool(p)) => p.clone(),
                _ => Rc::new(Poly::zero(&axes)),
            }
        };
        let real = |p: Poly| Meaning::Real(Rc::new(p));
        match g.op(node) {
            Op::Zero(_) => real(Poly::zero(&axes)),
            Op::Rational(value) => real(Poly::constant(&axes, value)),
            Op::Pi => real(self.pi(&axes)),
            Op::Size(dim) => real(self.size(&axes, dim)),
            Op::Input(_) => {
                let input = g.as_input(node).expect("invariant: an input");
                let positive = input.facts.positive || self.assumed.positive.contains(&input.name);
                if input.facts.symmetric {
                    self.assumed.symmetric.insert(input.name.clone());
                }
                if input.facts.positive {
                    self.assumed.positive.insert(input.name.clone());
                }
                let info = Info {
                    nonnegative: positive,
                    below: input.ty.below.as_ref().map(|b| self.dim(b)),
                    ..Info::default()
                };
                let atom = self.atoms.intern(Atom::Input(input.name.clone(), input.copy), info);
                self.leaf(g.ty(node).dtype, atom, &axes)
            }
            Op::Literal(_) => {
                let literal = g.as_literal(node).expect("invariant: a literal").clone();
                let info = Info { below: literal.ty().below, ..Info::default() };
                let atom = self.atoms.intern(Atom::Literal(literal), info);
                self.leaf(g.ty(node).dtype, atom, &axes)
            }
            Op::Sum(coefficients) => {
                let mut total = Poly::zero(&axes);
                for (k, c) in coefficients.iter().enumerate() {
                    if !self.spend_on(total.terms.len() + poly(k).terms.len()) {
                        break;
                    }
                    total = total.plus(c, &poly(k));
                }
                real(total)
            }
            Op::Contract(_) => real(self.contract(&g.as_product(node), &axes, known)),
            Op::Map(id) => {
                let args: Vec<Poly> = (0..args.len()).map(|k| (*poly(k)).clone()).collect();
                real(self.map(*id, &args))
            }
            Op::Select => {
                let (p, a, b) = (poly(0), poly(1), poly(2));
                let d = (*a).clone().plus(&Rational::from(-1), &b);
                let chosen = self.times(&p, &d);
                real((*b).clone().plus(&one(), &chosen))
            }
            Op::Compare(comparison) => {
                Meaning::Bool(Rc::new(self.comparison(*comparison, known, &args, &axes)))
            }
            Op::Logic(logic) => {
                let truth = Poly::constant(&axes, &one());
                let p = match logic {
                    Logic::Not => truth.plus(&Rational::from(-1), &poly(0)),
                    Logic::And => self.times(&poly(0), &poly(1)),
                    Logic::Or => {
                        let both = self.times(&poly(0), &poly(1));
                        (*poly(0)).clone().plus(&one(), &poly(1)).plus(&Rational::from(-1), &both)
                    }
                };
                Meaning::Bool(Rc::new(p))
            }
            Op::Tag(_) | Op::StopGradient | Op::Checkpoint => {
                known.get(&args[0]).cloned().unwrap_or_else(|| real(Poly::zero(&axes)))
            }
            Op::Linear(kind) => real(self.linear(*kind, &args, &axes, known)),
            Op::Reduce(..) | Op::ArgMax(_) | Op::ArgSort(_) => {
                let x = poly(0);
                let whole = Whole::Other(format!("{:?}", g.op(node)));
                let below = g.below(node).map(|b| self.dim(&b));
                let atom = self.tensor(whole, &[&x], Info { below, ..Info::default() });
                self.leaf(g.ty(node).dtype, atom, &axes)
            }
            Op::Scan(_) => {
                let whole = Whole::Other(self.recurrence(g, node, known));
                let polys: Vec<Rc<Poly>> = (0..args.len()).map(poly).collect();
                let refs: Vec<&Poly> = polys.iter().map(|p| &**p).collect();
                let atom = self.tensor(whole, &refs, Info::default());
                self.leaf(g.ty(node).dtype, atom, &axes)
            }
            Op::Named(_) => {
                let function = g.as_named(node).expect("invariant: a function").clone();
                if depth >= DEPTH {
                    self.exhausted = true;
                    return real(Poly::zero(&axes));
                }
                let mut inner: Meanings = function
                    .formals
                    .iter()
                    .zip(&args)
                    .filter_map(|(f, a)| known.get(a).map(|m| (*f, m.clone())))
                    .collect();
                self.lower(&function.body, &[function.output], &mut inner, depth + 1);
                inner.remove(&function.output).unwrap_or_else(|| real(Poly::zero(&axes)))
            }
        }
    }

    /// A scan by its step, written out, and by the integer operands that it reads: what is not compared as a polynomial.
    fn recurrence(&self, g: &Graph, node: NodeId, known: &Meanings) -> String {
        let (scan, step) = g.as_scan(node).expect("invariant: a scan");
        let labels: Vec<String> = g
            .args(node)
            .iter()
            .enumerate()
            .filter_map(|(k, a)| match known.get(a) {
                Some(Meaning::Int(atom)) => Some(format!("{k}: {atom:?}")),
                _ => None,
            })
            .collect();
        let (carry, length, backward) = (scan.carry, self.dim(&scan.length), scan.backward);
        format!("{}carry {carry} length {length} backward {backward} labels {labels:?}", step.to_text())
    }

    fn leaf(&mut self, dtype: DType, atom: NodeId, axes: &[Dim]) -> Meaning {
        match dtype {
            DType::Int => Meaning::Int(atom),
            DType::Real => Meaning::Real(Rc::new(self.factor(axes, atom, labels(axes.len()), exponent::ONE))),
            DType::Bool => {
                let mut out = Poly::zero(axes);
                let at = labels(axes.len()).into_iter().collect();
                out.add_term(Product::one(axes.iter().cloned()).when(Cond::Holds(atom, at, false)), &one());
                Meaning::Bool(Rc::new(out))
            }
        }
    }

    fn comparison(&mut self, kind: Comparison, known: &Meanings, args: &[NodeId], axes: &[Dim]) -> Poly {
        match (known.get(&args[0]), known.get(&args[1])) {
            (Some(Meaning::Real(a)), Some(Meaning::Real(b))) => {
                let d = (**a).clone().plus(&Rational::from(-1), b);
                match kind {
                    Comparison::Greater => self.positive(&d),
                    Comparison::Equal => self.null(&d),
                    Comparison::GreaterEqual => {
                        let p = self.positive(&d);
                        let z = self.null(&d);
                        p.plus(&one(), &z)
                    }
                }
            }
            (Some(Meaning::Int(a)), Some(Meaning::Int(b))) => {
                let entry = |n: NodeId| Term::element(n, labels(axes.len()));
                let d = entry(*a) - entry(*b);
                let cond = match kind {
                    Comparison::Equal => Cond::Zero(d),
                    Comparison::GreaterEqual => Cond::NonNegative(d),
                    Comparison::Greater => Cond::NonNegative(d - Term::constant(1)),
                };
                let mut out = Poly::zero(axes);
                self.tidy(Product::one(axes.iter().cloned()).when(cond), &mut out);
                out
            }
            _ => {
                self.exhausted = true;
                Poly::zero(axes)
            }
        }
    }

    /// A contraction with its operands written out, where that stays small.
    fn contract(&mut self, product: &Product, axes: &[Dim], known: &Meanings) -> Poly {
        let mut start = product.clone();
        let (accesses, conds) = (std::mem::take(&mut start.accesses), std::mem::take(&mut start.conds));
        start.extents = start.extents.iter().map(|d| self.dim(d)).collect();
        let mut failed = false;
        let mut place = |t: &Term| {
            let t = t.map_dims(&|d| self.dim(d));
            t.map_elements(&mut |n| match known.get(&n) {
                Some(Meaning::Int(atom)) => *atom,
                _ => {
                    failed = true;
                    n
                }
            })
        };
        let accesses: Vec<Access> = accesses
            .iter()
            .map(|a| Access { node: a.node, at: a.at.iter().map(&mut place).collect(), power: a.power })
            .collect();
        let conds: Vec<Cond> = conds.iter().map(|c| c.map(&mut place)).collect();
        if failed {
            self.exhausted = true;
            return Poly::zero(axes);
        }
        let mut list = vec![start];
        for cond in &conds {
            match cond {
                Cond::Holds(node, at, negated) => {
                    let Some(Meaning::Bool(p)) = known.get(node) else {
                        self.exhausted = true;
                        continue;
                    };
                    let p = match negated {
                        true => Poly::constant(&p.axes, &one()).plus(&Rational::from(-1), p),
                        false => (**p).clone(),
                    };
                    list = self.distributed(&list, &p, at, 1);
                }
                other => list.iter_mut().for_each(|q| q.conds.push(other.clone())),
            }
        }
        for a in &accesses {
            let Some(Meaning::Real(p)) = known.get(&a.node) else {
                self.exhausted = true;
                continue;
            };
            let p = p.clone();
            list = self.distributed(&list, &p, &a.at, i64::from(a.power));
        }
        let mut out = Poly::zero(axes);
        for q in list {
            self.tidy(q, &mut out);
        }
        out
    }

    /// Every product times `poly[at]^power`.
    fn distributed(&mut self, list: &[Product], poly: &Poly, at: &[Term], power: i64) -> Vec<Product> {
        let single = poly.single().is_some_and(|(m, _)| is_plain(m));
        if single && power > 1 {
            let raised = self.pow(poly, &Rational::from(power));
            return self.distributed(list, &raised, at, 1);
        }
        let terms = poly.terms.len().max(1);
        let fits = expands(terms, power)
            && list.len().saturating_mul(terms.saturating_pow(power.min(64) as u32)) <= WIDTH;
        if !fits {
            let group = self.group_power(poly, &Rational::from(power));
            if group.terms.len() == 1 {
                return self.distributed_once(list, &group, at);
            }
            self.exhausted = true;
            return Vec::new();
        }
        let mut list = list.to_vec();
        for _ in 0..power {
            list = self.distributed_once(&list, poly, at);
        }
        list
    }

    fn distributed_once(&mut self, list: &[Product], poly: &Poly, at: &[Term]) -> Vec<Product> {
        let terms = poly.products();
        let mut next = Vec::with_capacity(list.len() * terms.len());
        for q in list {
            if !self.spend_on(terms.len()) {
                return Vec::new();
            }
            next.extend(terms.iter().map(|m| self.splice(q, m, at)));
        }
        next
    }

    /// A closed operation on whole tensors.
    fn tensor(&mut self, whole: Whole, args: &[&Poly], info: Info) -> NodeId {
        let stored = args.iter().map(|p| (p.axes.clone(), stored(p))).collect();
        self.atoms.intern(Atom::Tensor(whole, stored), info)
    }

    fn linear(&mut self, kind: Linear, args: &[NodeId], axes: &[Dim], known: &Meanings) -> Poly {
        let operand = |k: usize| match known.get(&args[k]) {
            Some(Meaning::Real(p)) => p.clone(),
            _ => Rc::new(Poly::zero(axes)),
        };
        let a = operand(0);
        match kind {
            Linear::Inverse => self.inverse_of(&a),
            Linear::Solve => {
                let b = self.inverse_of(&a);
                self.solved_by(&b, &operand(1), axes)
            }
            Linear::Det | Linear::LogAbsDet if a.axes.len() == 2 => {
                let flipped = self.transposed(&a);
                let chosen = if less(&flipped, &a) { flipped } else { (*a).clone() };
                let whole = if kind == Linear::Det { Whole::Det } else { Whole::LogAbsDet };
                let atom = self.tensor(whole, &[&chosen], Info::default());
                self.factor(axes, atom, Vec::new(), exponent::ONE)
            }
            _ => {
                let polys: Vec<Rc<Poly>> = (0..args.len()).map(operand).collect();
                let refs: Vec<&Poly> = polys.iter().map(|p| &**p).collect();
                let atom = self.tensor(Whole::Other(format!("{kind:?}")), &refs, Info::default());
                self.factor(axes, atom, labels(axes.len()), exponent::ONE)
            }
        }
    }

    /// `A⁻¹`, with the transposition and a rational factor outside.
    fn inverse_of(&mut self, a: &Poly) -> Poly {
        let rank = a.axes.len();
        if rank != 2 {
            let atom = self.tensor(Whole::Inverse, &[a], Info::default());
            return self.factor(&a.axes, atom, labels(rank), exponent::ONE);
        }
        let lead = stored(a).first().map_or(one(), |t| t.1.clone());
        let unit = a.scaled(&lead.recip().unwrap_or(one()));
        let flipped = self.transposed(&unit);
        let symmetric = stored(&flipped) == stored(&unit);
        let swap = less(&flipped, &unit);
        let (base, scale) = match swap {
            false => (unit, lead),
            true => {
                let l = stored(&flipped).first().map_or(one(), |t| t.1.clone());
                (flipped.scaled(&l.recip().unwrap_or(one())), &lead * &l)
            }
        };
        let atom = self.tensor(Whole::Inverse, &[&base], Info { symmetric, ..Info::default() });
        if symmetric {
            self.atoms.mark_symmetric(atom);
        }
        let mut at = labels(2);
        if swap {
            at.swap(0, 1);
        }
        self.factor(&a.axes, atom, at, exponent::ONE).scaled(&scale.recip().unwrap_or(one()))
    }

    pub(crate) fn transposed(&mut self, a: &Poly) -> Poly {
        self.permuted(a, &[1, 0])
    }

    /// Axis `k` of the result is axis `order[k]` of `a`.
    pub(crate) fn permuted(&mut self, a: &Poly, order: &[usize]) -> Poly {
        let axes: Vec<Dim> = order.iter().map(|&k| a.axes[k].clone()).collect();
        let mut out = Poly::zero(&axes);
        for m in a.products() {
            let p = m.permute(order);
            self.tidy(p, &mut out);
        }
        out
    }

    /// `Σ_k B[i,k] C[k,…]` on the last two axes (or the last one of a vector).
    fn solved_by(&mut self, b: &Poly, c: &Poly, axes: &[Dim]) -> Poly {
        let rank = b.axes.len();
        let batch = rank - 2;
        let mut start = Product::one(axes.iter().cloned());
        let k = start.bind(b.axes[rank - 1].clone());
        let label = |k: usize| Term::label(Label(k as u32));
        let left: Vec<Term> = (0..=batch).map(label).chain([Term::label(k)]).collect();
        let mut right: Vec<Term> = (0..batch).map(label).chain([Term::label(k)]).collect();
        right.extend((batch + 1..axes.len()).map(label));
        let list = self.distributed_once(&[start], b, &left);
        let list = self.distributed_once(&list, c, &right);
        let mut out = Poly::zero(axes);
        for q in list {
            self.tidy(q, &mut out);
        }
        out
    }
}

/// Terms over the polynomial's own axes, in canonical order.
pub(crate) fn stored(p: &Poly) -> Terms {
    p.products()
        .into_iter()
        .map(|mut m| {
            let c = std::mem::replace(&mut m.coefficient, one());
            (m, c)
        })
        .collect()
}

fn less(a: &Poly, b: &Poly) -> bool {
    for ((m, c), (n, d)) in stored(a).iter().zip(&stored(b)) {
        match crate::poly::order(m, n).then_with(|| c.cmp(d)) {
            std::cmp::Ordering::Equal => {}
            other => return other == std::cmp::Ordering::Less,
        }
    }
    false
}
