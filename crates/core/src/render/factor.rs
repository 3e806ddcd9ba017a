//! A contraction in index notation: factors in reading order, sums around what they bind.
//!
//! `Σ_jk a[i] V[i,j] x[j] b[k]` is written `a[i] * sum(j, V[i,j]*x[j]) * sum(k, b[k])`: factors that share no bound
//! letter stand apart. Inside a sum, factors follow each other along their indices and letters are taken as met.

use super::entry::{Builder, Labels};
use super::shown::{Binder, Bound, Shown};
use crate::form::product::Part;
use crate::form::{Access, Cond, Product};
use crate::graph::op::Op;
use crate::index::Term;
use crate::node::NodeId;
use crate::ops::map::{Map, RECIP};
use crate::shape::Dim;

/// Factors above and below the line.
#[derive(Default)]
struct Factors {
    over: Vec<Shown>,
    under: Vec<Shown>,
}

impl Builder<'_> {
    /// The entry of a contraction at `at`.
    pub(crate) fn contract(&self, node: NodeId, at: &[Shown], depth: usize) -> Shown {
        let product = self.graph.as_product(node);
        let mut labels: Labels = at.iter().cloned().map(Some).collect();
        labels.resize(product.extents.len(), None);
        let mut factors = Factors::default();
        for (bound, parts) in components(&product) {
            if bound.is_empty() {
                self.factors(&mut factors, parts, &mut labels, depth);
            } else {
                factors.over.push(self.sum(&product, bound.len(), parts, labels.clone(), depth));
            }
        }
        Shown::product(factors.over, factors.under)
    }

    /// `sum(j, sum(k, …))` over the bound labels of one component.
    fn sum(
        &self,
        product: &Product,
        bound: usize,
        parts: Vec<Part>,
        mut labels: Labels,
        depth: usize,
    ) -> Shown {
        let before: Vec<bool> = labels.iter().map(Option::is_some).collect();
        (depth..depth + bound).for_each(|k| self.unbound(k));
        let mut factors = Factors::default();
        self.factors(&mut factors, parts, &mut labels, depth + bound);
        let mut bounds: Vec<Bound> = Vec::new();
        for k in depth..depth + bound {
            let Shown::Name(letter) = self.letter(k) else { unreachable!("invariant: a letter is a name") };
            let taken = |s: &Option<Shown>| matches!(s, Some(Shown::Name(name)) if *name == letter);
            let label = (0..labels.len()).find(|&l| !before[l] && taken(&labels[l]));
            bounds.extend(label.map(|l| self.bound(k, &product.extents[l])));
        }
        let body = Shown::product(factors.over, factors.under);
        bounds.into_iter().rev().fold(body, |inner, bound| Shown::Over(Binder::Sum, bound, Box::new(inner)))
    }

    /// Writes parts that belong together, taking letters for bound labels as they are met.
    fn factors(&self, factors: &mut Factors, mut parts: Vec<Part>, labels: &mut Labels, depth: usize) {
        let unchosen = |labels: &Labels, parts: &[Part]| {
            let mut open: Vec<usize> = Vec::new();
            for part in parts {
                part.each_label(&mut |l| {
                    if labels[l.0 as usize].is_none() && !open.contains(&(l.0 as usize)) {
                        open.push(l.0 as usize);
                    }
                });
            }
            open
        };
        let mut next = depth - unchosen(labels, &parts).len();
        let mut rank: Vec<usize> =
            (0..labels.len()).map(|l| if labels[l].is_some() { l } else { usize::MAX }).collect();
        let bound = rank.contains(&usize::MAX);
        if !bound {
            parts.sort_by_cached_key(|p| self.reading_key(p, &rank));
            parts.reverse();
        }
        while !parts.is_empty() {
            let part = if bound {
                let first = (0..parts.len()).min_by_key(|&k| self.reading_key(&parts[k], &rank));
                parts.remove(first.unwrap_or(0))
            } else {
                parts.pop().expect("invariant: not empty")
            };
            for l in unchosen(labels, std::slice::from_ref(&part)) {
                labels[l] = Some(self.letter(next));
                rank[l] = labels.len() + next;
                next += 1;
            }
            self.factor(factors, &part, labels, depth);
        }
    }

    /// Factors before conditions, along their indices, then by name.
    fn reading_key(&self, part: &Part, rank: &[usize]) -> (bool, Vec<usize>, String, u64) {
        let mut along = Vec::new();
        part.each_label(&mut |l| along.push(rank[l.0 as usize]));
        match part {
            Part::Access(a) => {
                // What has no name stands after what has one, functions by their own names.
                let name = self.name_of(a.node).unwrap_or_else(|| match self.graph.op(a.node) {
                    Op::Map(id) => format!("~{}", Map::by_id(*id).name),
                    _ => "~".into(),
                });
                (false, along, name, self.graph.structural_hash(a.node))
            }
            Part::Cond(_) => (true, along, String::new(), 0),
        }
    }

    fn factor(&self, factors: &mut Factors, part: &Part, labels: &Labels, depth: usize) {
        match part {
            Part::Access(access) => self.access(factors, access, labels, depth),
            Part::Cond(Cond::Zero(term)) => {
                let (left, right) = self.sides(term, labels, depth);
                factors.over.push(Shown::Delta(Box::new(left), Box::new(right)));
            }
            Part::Cond(Cond::NonNegative(term)) => {
                factors.over.push(Shown::Bracket(Box::new(self.range(term, labels, depth))));
            }
            Part::Cond(Cond::Holds(node, at, negated)) => {
                let at: Vec<Shown> = at.iter().map(|t| self.term(t, labels, depth)).collect();
                let shown = self.node(*node, &at, depth);
                let shown = if *negated { self.negation(*node, vec![shown]) } else { shown };
                factors.over.push(Shown::Bracket(Box::new(shown)));
            }
        }
    }

    /// A factor above the line, or below it when it is a reciprocal.
    fn access(&self, factors: &mut Factors, access: &Access, labels: &Labels, depth: usize) {
        let at: Vec<Shown> = access.at.iter().map(|t| self.term(t, labels, depth)).collect();
        if self.is_reciprocal(access.node) {
            let base = self.node(self.graph.arg(access.node, 0), &at, depth);
            factors.under.push(Shown::power(base, access.power));
        } else {
            factors.over.push(Shown::power(self.node(access.node, &at, depth), access.power));
        }
    }

    /// True for `1/x` that is not printed by a name.
    pub(crate) fn is_reciprocal(&self, node: NodeId) -> bool {
        self.name_of(node).is_none() && matches!(self.graph.op(node), Op::Map(id) if *id == RECIP.id)
    }

    /// `left` and `right` of `term = left - right`, both without minus signs.
    fn sides(&self, term: &Term, labels: &Labels, depth: usize) -> (Shown, Shown) {
        let (left, right) = split(term);
        self.compared(&left, &right, labels, depth)
    }

    /// `i >= k`, `i < n`, `k > i`: what `term >= 0` says, letters before sizes.
    fn range(&self, term: &Term, labels: &Labels, depth: usize) -> Shown {
        // `k - i - 1 >= 0` reads better as `k > i`.
        let strict = reads_strictly(term.offset());
        let (left, right) = if strict { split(&(term.clone() + Term::constant(1))) } else { split(term) };
        let (symbol, flipped) = if strict { (">", "<") } else { (">=", "<=") };
        let flip = left.as_constant().is_some() && right.as_constant().is_none();
        let (a, b) = self.compared(&left, &right, labels, depth);
        if flip {
            return Shown::Relation(flipped, Box::new(b), Box::new(a));
        }
        Shown::Relation(symbol, Box::new(a), Box::new(b))
    }
}

/// `term = left - right` with positive coefficients on both sides.
fn split(term: &Term) -> (Term, Term) {
    let (mut left, mut right) = (Term::constant(0), Term::constant(0));
    for (atom, coefficient) in term.parts() {
        let part = Term::from_atom(atom.clone()).scaled(coefficient);
        if is_negative(coefficient) { right = right - part } else { left = left + part }
    }
    let offset = Term::constant(term.offset().clone());
    if is_negative(term.offset()) { (left, right - offset) } else { (left + offset, right) }
}

/// True when the polynomial is written with a minus sign in front.
fn is_negative(dim: &Dim) -> bool {
    dim.to_string().starts_with('-')
}

/// True for the offsets -1, n - 1, …: adding 1 leaves something simpler.
fn reads_strictly(offset: &Dim) -> bool {
    (offset.clone() + Dim::ONE).to_string().len() < offset.to_string().len()
}

/// Parts by the bound labels that connect them, with those labels; parts without any come first.
fn components(product: &Product) -> Vec<(Vec<usize>, Vec<Part>)> {
    let mut group: Vec<usize> = (0..product.extents.len()).collect();
    let bound_of = |part: &Part| {
        let mut bound = Vec::new();
        part.each_label(&mut |l| bound.extend((l.0 as usize >= product.free).then_some(l.0 as usize)));
        bound
    };
    let parts: Vec<(Part, Vec<usize>)> = product.parts().map(|p| (p.clone(), bound_of(&p))).collect();
    for (_, bound) in &parts {
        for pair in bound.windows(2) {
            let (a, b) = (find(&group, pair[0]), find(&group, pair[1]));
            group[a.max(b)] = a.min(b);
        }
    }
    let mut found: Vec<(usize, Vec<usize>, Vec<Part>)> = vec![(usize::MAX, Vec::new(), Vec::new())];
    for l in product.free..product.extents.len() {
        let root = find(&group, l);
        match found.iter_mut().find(|c| c.0 == root) {
            Some(component) => component.1.push(l),
            None => found.push((root, vec![l], Vec::new())),
        }
    }
    for (part, bound) in parts {
        let root = bound.first().map_or(usize::MAX, |&l| find(&group, l));
        found
            .iter_mut()
            .find(|c| c.0 == root)
            .expect("invariant: every label is in a component")
            .2
            .push(part);
    }
    found.into_iter().map(|(_, bound, parts)| (bound, parts)).collect()
}

fn find(group: &[usize], mut l: usize) -> usize {
    while group[l] != l {
        l = group[l];
    }
    l
}
