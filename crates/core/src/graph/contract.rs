//! Contractions: interning a product of accesses, deltas and guards as one node.
//!
//! A contraction is monic (its coefficient goes to a sum). Constant factors, scaled factors and *views* (one access
//! or only deltas, nothing summed) are folded into the product; then deltas are eliminated, equal factors collected
//! and bound labels numbered canonically, so that renaming and reordering give the same node.

use super::op::Op;
use super::{Graph, hash_all};
use crate::form::normal::{self, Step};
use crate::form::order::canonical;
use crate::form::{Access, Cond, Product};
use crate::index::{Facts, Label, Term};
use crate::node::NodeId;
use crate::ops::map::RECIP;
use crate::rational::{MAX_BITS, Rational};
use crate::shape::{DType, Type};
use smallvec::{SmallVec, smallvec};

/// A view is folded into its user only while its index terms stay this small.
const VIEW_WEIGHT: usize = 16;

/// Largest exponent of a factor: what an evaluation raises to. Repeated squaring past it stays nested.
const MAX_POWER: u32 = i32::MAX as u32;

impl Graph {
    /// The node of a product: a contraction, possibly scaled, or something simpler.
    pub(crate) fn intern_product(&mut self, product: Product) -> NodeId {
        let mut steps = Vec::new();
        self.intern_product_with(product, &mut steps)
    }

    /// As [`Graph::intern_product`]; what normalisation did is appended to `steps`.
    pub(crate) fn intern_product_with(&mut self, product: Product, steps: &mut Vec<Step>) -> NodeId {
        let shape = product.extents[..product.free].to_vec();
        let ty = Type { dtype: DType::Real, shape, below: None };
        let Some(mut product) = self.normal_product(product, steps) else { return self.zero(ty) };
        let coefficient = std::mem::replace(&mut product.coefficient, Rational::from(1));
        let monic = match self.as_bare_operand(&product) {
            Some(node) => node,
            None if product.extents.is_empty() && product.accesses.is_empty() && product.conds.is_empty() => {
                return self.rational(coefficient);
            }
            None => self.intern_contract(product, ty),
        };
        self.scale(&coefficient, monic)
    }

    /// A product with operands folded and deltas eliminated; `None` when it is zero.
    pub(crate) fn normal_product(&mut self, product: Product, steps: &mut Vec<Step>) -> Option<Product> {
        let mut product = self.fold_operands(product)?;
        let names = self.rank_by_hash(&mut product);
        if has_choice(&product) {
            // Which label a delta eliminates must not depend on how labels were numbered.
            collect_powers(&mut product);
            canonical(&mut product, &|n| self.structural_hash(names.node(n)));
        }
        let below = |node: NodeId| self.below(names.node(node));
        let mut normal = normal::normalise(product, &below)?;
        steps.append(&mut normal.steps);
        let mut product = normal.product;
        if !names.0.is_empty() {
            product.map_nodes(&mut |n| names.node(n));
        }
        for size in normal.sizes {
            match size.as_fixed() {
                Some(0) => return None,
                Some(n) => product.coefficient = &product.coefficient * &Rational::from(n),
                None => {
                    let node = self.size(&size);
                    product.accesses.push(Access::new(node, []));
                }
            }
        }
        if product.coefficient.is_zero() {
            return None;
        }
        collect_powers(&mut product);
        self.absorb_reciprocals(&mut product);
        Some(product)
    }

    /// `a · (1/a)² = 1/a`: while a reciprocal remains, the product is defined where it was.
    fn absorb_reciprocals(&self, product: &mut Product) {
        let argument = |n: NodeId| match self.op(n) {
            Op::Map(id) if *id == RECIP.id => Some(self.arg(n, 0)),
            _ => None,
        };
        let mut gone: SmallVec<[usize; 2]> = SmallVec::new();
        for k in 0..product.accesses.len() {
            let Some(x) = argument(product.accesses[k].node) else { continue };
            let (at, power) = (&product.accesses[k].at, product.accesses[k].power);
            let same = |a: &Access| a.node == x && a.at == *at && a.power < power;
            let Some(j) = product.accesses.iter().position(same) else { continue };
            product.accesses[k].power -= product.accesses[j].power;
            gone.push(j);
        }
        gone.sort_unstable();
        for j in gone.into_iter().rev() {
            product.accesses.remove(j);
        }
    }

    /// Folds constants, coefficients and views of the operands; `None` when a factor is zero.
    fn fold_operands(&mut self, product: Product) -> Option<Product> {
        let plain = |g: &Graph, a: &Access| {
            !matches!(g.op(a.node), Op::Zero(_) | Op::Rational(_) | Op::Sum(_) | Op::Contract(_))
        };
        if product.accesses.iter().all(|a| plain(self, a)) {
            return Some(product);
        }
        let mut folded = Product { accesses: SmallVec::new(), ..product.clone() };
        for access in product.accesses {
            let (scale, node) = match self.op(access.node) {
                Op::Zero(_) => return None,
                Op::Rational(_) | Op::Sum(_) => self.unscaled(access.node),
                _ => (None, access.node),
            };
            let node = match scale {
                None => node,
                Some(scale) => match i32::try_from(access.power).ok().and_then(|p| scale.pow(p)) {
                    Some(power) if folded.coefficient.bits() + power.bits() <= MAX_BITS => {
                        folded.coefficient = &folded.coefficient * &power;
                        node
                    }
                    // Too many digits to write out: the scaled node stays a factor.
                    _ => {
                        folded.accesses.push(access);
                        continue;
                    }
                },
            };
            let access = Access { node, ..access };
            match self.op(node) {
                Op::Rational(_) => {}
                Op::Contract(view) if is_view(view, &access) => {
                    let view = self.as_product(node);
                    splice(&mut folded, &view, &access, &|n| self.below(n));
                }
                _ => folded.accesses.push(access),
            }
        }
        Some(folded)
    }

    /// The operand itself, when the product is nothing but it.
    fn as_bare_operand(&self, product: &Product) -> Option<NodeId> {
        if product.accesses.len() != 1 || !product.conds.is_empty() || product.free != product.extents.len() {
            return None;
        }
        let access = &product.accesses[0];
        let whole = access.power == 1
            && access.at.len() == product.free
            && access.at.iter().enumerate().all(|(k, t)| t.as_label() == Some(Label(k as u32)))
            && self.shape(access.node) == &product.extents[..];
        whole.then_some(access.node)
    }

    /// Interns a normal, monic product that is not a bare operand.
    pub(super) fn intern_contract(&mut self, mut product: Product, ty: Type) -> NodeId {
        let numbers = product.extents.is_empty() && product.accesses.iter().all(|a| a.at.is_empty());
        if numbers && product.conds.is_empty() {
            return self.intern_scalar_product(product);
        }
        let names = self.rank_by_hash(&mut product);
        canonical(&mut product, &|n| self.structural_hash(names.node(n)));
        let mut args: SmallVec<[NodeId; 4]> = SmallVec::new();
        let mut slot = |node: NodeId| {
            let node = names.node(node);
            let k = args.iter().position(|&a| a == node).unwrap_or_else(|| {
                args.push(node);
                args.len() - 1
            });
            NodeId::new(k)
        };
        for access in &mut product.accesses {
            access.node = slot(access.node);
        }
        for cond in &mut product.conds {
            if let Cond::Holds(node, _, _) = cond {
                *node = slot(*node);
            }
        }
        product.map_terms(&mut |t| t.map_elements(&mut slot));
        self.intern(Op::Contract(Box::new(product)), &args, ty)
    }

    /// Where index terms hold entries of several integer tensors, names every operand by its place in the order of
    /// structural hashes: terms are ordered by the names of their atoms, which must not depend on unrelated nodes.
    fn rank_by_hash(&self, product: &mut Product) -> Ranked {
        let mut elements: SmallVec<[NodeId; 2]> = SmallVec::new();
        let mut note = |n: NodeId| {
            if !elements.contains(&n) {
                elements.push(n);
            }
        };
        let terms = product.accesses.iter().flat_map(|a| &a.at);
        terms.chain(product.conds.iter().flat_map(Cond::terms)).for_each(|t| t.each_element(&mut note));
        if elements.len() < 2 {
            return Ranked(Vec::new());
        }
        let mut nodes = Vec::new();
        product.map_nodes(&mut |n| {
            nodes.push(n);
            n
        });
        nodes.sort_unstable_by_key(|&n| (self.structural_hash(n), n));
        nodes.dedup();
        let rank = |n: NodeId| {
            NodeId::new(nodes.iter().position(|&m| m == n).expect("invariant: every operand is listed"))
        };
        product.map_nodes(&mut |n| rank(n));
        Ranked(nodes)
    }

    /// The hot path of scalar programs: a product of numbers.
    fn intern_scalar_product(&mut self, mut product: Product) -> NodeId {
        product.accesses.sort_unstable_by_key(|a| (self.structural_hash(a.node), a.node));
        let powers: SmallVec<[u32; 4]> = product.accesses.iter().map(|a| a.power).collect();
        let args: SmallVec<[NodeId; 4]> = product.accesses.iter().map(|a| a.node).collect();
        self.scalar_product(&powers, &args)
    }

    fn scalar_product(&mut self, powers: &[u32], args: &[NodeId]) -> NodeId {
        let op = self.product_op(powers);
        // The factors are real numbers, and so is their product.
        self.intern_raw(op, args, self.type_of(args[0]))
    }

    /// The operation `Π x_k ^ powers[k]` on numbers.
    fn product_op(&mut self, powers: &[u32]) -> u32 {
        let of = |op: u32| match &self.ops[op as usize] {
            Op::Contract(kind) => kind.accesses.iter().map(|a| a.power),
            _ => unreachable!("invariant: the table holds products"),
        };
        let hash = hash_all(powers.iter());
        if let Some(op) = self.powers.find(hash, |op| of(op).eq(powers.iter().copied())) {
            return op;
        }
        let mut product = Product::one([]);
        for (k, &power) in powers.iter().enumerate() {
            product.accesses.push(Access { node: NodeId::new(k), at: smallvec![], power });
        }
        let op = self.op_id(Op::Contract(Box::new(product)));
        self.powers.insert(hash, op);
        op
    }

    /// `coefficient, node` of the product of two numbers: what [`Graph::intern_product`] would give, without the form.
    pub(crate) fn multiply_numbers(&mut self, a: NodeId, b: NodeId) -> (Rational, NodeId) {
        let (ca, a) = self.unscaled(a);
        let (cb, b) = match self.unscaled(b) {
            // Too many digits to write out: the scaled node stays a factor.
            (Some(cb), _) if ca.as_ref().is_some_and(|ca| ca.bits() + cb.bits() > MAX_BITS) => (None, b),
            split => split,
        };
        let coefficient = match (ca, cb) {
            (None, None) => Rational::from(1),
            (Some(c), None) | (None, Some(c)) => c,
            (Some(c), Some(d)) => &c * &d,
        };
        let unit = |g: &Graph, n: NodeId| matches!(g.op(n), Op::Rational(_));
        let node = if self.is_zero(a) || unit(self, b) {
            a
        } else if self.is_zero(b) || unit(self, a) {
            b
        } else {
            let ((a, p), (b, q)) = (self.number_power(a), self.number_power(b));
            self.product_of_powers(a, p, b, q)
        };
        (coefficient, node)
    }

    /// `a^p · b^q` of two numbers.
    fn product_of_powers(&mut self, a: NodeId, p: u32, b: NodeId, q: u32) -> NodeId {
        let reciprocal_of = |g: &Graph, n: NodeId, x: NodeId| {
            matches!(g.op(n), Op::Map(id) if *id == RECIP.id) && g.arg(n, 0) == x
        };
        let single = |g: &mut Graph, n: NodeId, power: u32| match power {
            1 => n,
            _ => g.scalar_product(&[power], &[n]),
        };
        if a == b && q <= MAX_POWER - p {
            return single(self, a, p + q);
        }
        if p < q && reciprocal_of(self, b, a) {
            return single(self, b, q - p);
        }
        if q < p && reciprocal_of(self, a, b) {
            return single(self, a, p - q);
        }
        let key = |g: &Graph, n: NodeId| (g.structural_hash(n), n);
        let ((a, p), (b, q)) = if key(self, a) <= key(self, b) { ((a, p), (b, q)) } else { ((b, q), (a, p)) };
        self.scalar_product(&[p, q], &[a, b])
    }

    /// `base, exponent` of a number that is a power of another, else the number and 1.
    fn number_power(&self, x: NodeId) -> (NodeId, u32) {
        match self.op(x) {
            Op::Contract(kind) => match &kind.accesses[..] {
                [a] if a.at.is_empty() && kind.extents.is_empty() && kind.conds.is_empty() => {
                    (self.arg(x, 0), a.power)
                }
                _ => (x, 1),
            },
            _ => (x, 1),
        }
    }

    /// True for a number that only reads another node: the form of a product reads through it.
    pub(crate) fn is_view_of_number(&self, x: NodeId) -> bool {
        let (_, x) = self.split_scale(x);
        match self.op(x) {
            Op::Contract(kind) => {
                let plain = kind.conds.is_empty() && kind.accesses.iter().all(|a| a.at.is_empty());
                kind.extents.is_empty() && kind.accesses.len() < 2 && !plain
            }
            _ => false,
        }
    }

    /// `coefficient, node` of a number raised to a positive power, or `None` where it reads an entry of a tensor:
    /// then the form decides.
    pub(crate) fn power_of_number(&mut self, x: NodeId, power: u32) -> Option<(Rational, NodeId)> {
        let (scale, x) = self.unscaled(x);
        if self.is_view_of_number(x) {
            return None;
        }
        let node = match self.op(x) {
            Op::Zero(_) | Op::Rational(_) => x,
            _ if power == 1 => x,
            _ => {
                let (base, inner) = self.number_power(x);
                match inner.checked_mul(power).filter(|&p| p <= MAX_POWER) {
                    Some(power) => self.scalar_product(&[power], &[base]),
                    None => self.scalar_product(&[power], &[x]),
                }
            }
        };
        let scale = scale.map_or(Some(Rational::ONE), |c| c.pow(i32::try_from(power).ok()?))?;
        Some((scale, node))
    }

    /// The product that a contraction node computes, with its operands written in.
    ///
    /// # Panics
    /// If the node is not a contraction.
    pub fn as_product(&self, node: NodeId) -> Product {
        let Op::Contract(kind) = self.op(node) else { panic!("invariant: {node:?} is a contraction") };
        kind.with_operands(self.raw_args(node))
    }
}

/// The nodes that ranks stand for; none where nodes stand for themselves.
struct Ranked(Vec<NodeId>);

impl Ranked {
    fn node(&self, name: NodeId) -> NodeId {
        self.0.get(name.index()).copied().unwrap_or(name)
    }
}

/// Deltas may be solved for different labels.
fn has_choice(product: &Product) -> bool {
    let mut solvable = 0;
    for cond in &product.conds {
        if let Cond::Zero(term) = cond {
            term.each_label(&mut |l| solvable += usize::from(l.0 as usize >= product.free));
        }
    }
    solvable > 1
}

/// Nothing summed, at most one access, only conditions on labels: fit to be folded into its user. Its exponent
/// multiplies: `x · x²` is `x³`.
fn is_view(view: &Product, access: &Access) -> bool {
    let weight: usize = view.accesses.iter().flat_map(|a| &a.at).map(Term::weight).sum::<usize>()
        + access.at.iter().map(Term::weight).sum::<usize>();
    view.free == view.extents.len()
        && view.accesses.len() <= 1
        && view.accesses.iter().all(|a| a.power.checked_mul(access.power).is_some_and(|p| p <= MAX_POWER))
        && view.conds.iter().all(|c| !matches!(c, Cond::Holds(..)))
        && weight <= VIEW_WEIGHT
}

/// Writes the view that `access` reads into the product.
fn splice(
    product: &mut Product,
    view: &Product,
    access: &Access,
    below: &dyn Fn(NodeId) -> Option<crate::shape::Dim>,
) {
    let facts = Facts { extents: &product.extents, gone: &[], below };
    let mut place = |t: &Term| t.substitute(&mut |l| access.at[l.0 as usize].clone(), &facts);
    let inner: SmallVec<[Access; 1]> = view
        .accesses
        .iter()
        .map(|a| Access {
            node: a.node,
            at: a.at.iter().map(&mut place).collect(),
            power: a.power * access.power,
        })
        .collect();
    let conds: SmallVec<[Cond; 1]> = view.conds.iter().map(|c| c.map(&mut place)).collect();
    product.accesses.extend(inner);
    product.conds.extend(conds);
}

/// Equal factors share one exponent.
fn collect_powers(product: &mut Product) {
    if product.accesses.len() < 2 {
        return;
    }
    product.accesses.sort();
    let mut merged: SmallVec<[Access; 2]> = SmallVec::new();
    for access in product.accesses.drain(..) {
        match merged.last_mut() {
            Some(last) if last.node == access.node && last.at == access.at => {
                match last.power.checked_add(access.power) {
                    Some(power) if power <= MAX_POWER => last.power = power,
                    _ => merged.push(access),
                }
            }
            _ => merged.push(access),
        }
    }
    product.accesses = merged;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Was ordered by node numbers: an unrelated use of `t` before `k` changed the order of `k[i] + t[i]`.
    #[test]
    fn unrelated_nodes_change_neither_structure_nor_text() {
        let build = |unrelated: &[&str]| {
            let mut g = Graph::new();
            for name in unrelated {
                g.input(name, Type::index("n", ["m"])).unwrap();
            }
            for name in ["k", "t"] {
                g.input(name, Type::index("n", ["m"])).unwrap();
            }
            g.input("x", Type::real([crate::shape::Dim::size("n") * crate::shape::Dim::fixed(3)])).unwrap();
            let texts = [
                "o[i] = x[k[i] + t[i]]",
                "o[i=0..m-1, j=0..m-1] = delta(k[i], t[j])",
                "o[i] = sum(j, x[k[i] + t[j]]*delta(k[j], t[i]))",
            ];
            let outputs: Vec<(u64, String)> = texts
                .iter()
                .map(|text| {
                    let node = g.form(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"));
                    let shown = crate::render::Printer::new(&g).index_text(node).to_string();
                    (g.structural_hash(node), shown)
                })
                .collect();
            outputs
        };
        let plain = build(&[]);
        assert_eq!(build(&["t"]), plain);
        assert_eq!(build(&["t", "k"]), plain);
        assert_eq!(build(&["k", "u"]), plain);
    }

    /// Was interned as the bare tensor: a number read at a label took the path of products of numbers.
    #[test]
    fn an_entry_at_a_label_keeps_its_label() {
        let mut g = Graph::new();
        let z = g.input("z", Type::real(["n"])).unwrap();
        let labels: [&str; 0] = [];
        let y = g.input("y", Type::index("n", labels)).unwrap();
        let entry = g.gather(z, y).unwrap();
        assert_eq!(g.as_product(entry).accesses[0].at[..], [Term::element(y, [])]);
    }
}
