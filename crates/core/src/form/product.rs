//! One term of an index expression: `c · Σ_b Π X[t]^k · [conditions]`.
//!
//! The first `free` labels of a product are axes of its result, the remaining ones are bound and summed. A false
//! condition makes the term *absent*: `[x > 0] · (1/x)` at 0 is 0, never `0 · ∞`.

use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::Dim;
use smallvec::SmallVec;

/// A factor: the entry of an operand at index terms, to a positive power.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Access {
    /// The operand.
    pub node: NodeId,
    /// One term for each axis of the operand.
    pub at: SmallVec<[Term; 2]>,
    /// Exponent, at least 1.
    pub power: u32,
}

/// A condition on labels; where it is false, the term is absent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cond {
    /// `term == 0`: a delta.
    Zero(Term),
    /// `term >= 0`: a range.
    NonNegative(Term),
    /// A Boolean operand holds at the terms (or fails there, when negated).
    Holds(NodeId, SmallVec<[Term; 2]>, bool),
}

/// `c · Σ_bound Π accesses · [conditions]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Product {
    /// Rational factor.
    pub coefficient: Rational,
    /// Extents of the labels: free ones (axes of the result) first, then bound ones.
    pub extents: SmallVec<[Dim; 4]>,
    /// How many labels are free.
    pub free: usize,
    /// The factors.
    pub accesses: SmallVec<[Access; 2]>,
    /// The conditions.
    pub conds: SmallVec<[Cond; 1]>,
}

impl Access {
    /// `node[labels]`.
    pub fn new(node: NodeId, at: impl IntoIterator<Item = Term>) -> Access {
        Access { node, at: at.into_iter().collect(), power: 1 }
    }

    /// The entry of `node` at the axes `first .. first + rank`, in order.
    pub fn whole(node: NodeId, rank: usize, first: usize) -> Access {
        Access::new(node, (first..first + rank).map(|k| Term::label(Label(k as u32))))
    }

    fn map(&self, change: &mut dyn FnMut(&Term) -> Term) -> Access {
        Access { node: self.node, at: self.at.iter().map(change).collect(), power: self.power }
    }
}

impl Cond {
    /// `delta(a, b)`.
    pub fn delta(a: Term, b: Term) -> Cond {
        Cond::Zero(a - b)
    }

    /// The terms of the condition.
    pub fn terms(&self) -> &[Term] {
        match self {
            Cond::Zero(t) | Cond::NonNegative(t) => std::slice::from_ref(t),
            Cond::Holds(_, at, _) => at,
        }
    }

    /// The same condition with every term changed.
    pub fn map(&self, change: &mut dyn FnMut(&Term) -> Term) -> Cond {
        match self {
            Cond::Zero(t) => Cond::Zero(change(t)),
            Cond::NonNegative(t) => Cond::NonNegative(change(t)),
            Cond::Holds(node, at, negated) => Cond::Holds(*node, at.iter().map(change).collect(), *negated),
        }
    }
}

/// What a factor or condition of a product is, for the bookkeeping of a sweep.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Part {
    /// A factor.
    Access(Access),
    /// A condition.
    Cond(Cond),
}

impl Part {
    /// Calls `visit` on every label.
    pub fn each_label(&self, visit: &mut dyn FnMut(Label)) {
        let terms: &[Term] = match self {
            Part::Access(a) => &a.at,
            Part::Cond(c) => c.terms(),
        };
        terms.iter().for_each(|t| t.each_label(visit));
    }
}

impl Product {
    /// The number 1 over the given axes.
    pub fn one(extents: impl IntoIterator<Item = Dim>) -> Product {
        let extents: SmallVec<[Dim; 4]> = extents.into_iter().collect();
        let free = extents.len();
        Product {
            coefficient: Rational::from(1),
            extents,
            free,
            accesses: SmallVec::new(),
            conds: SmallVec::new(),
        }
    }

    /// One factor over its own axes.
    pub fn of(node: NodeId, shape: &[Dim]) -> Product {
        let mut product = Product::one(shape.iter().cloned());
        product.accesses.push(Access::whole(node, shape.len(), 0));
        product
    }

    /// The identity `Π delta(o_k, i_k)` over axes `o… i…` of equal shape.
    pub fn identity(shape: &[Dim]) -> Product {
        let rank = shape.len();
        let mut product = Product::one(shape.iter().chain(shape).cloned());
        for k in 0..rank {
            let (o, i) = (Label(k as u32), Label((rank + k) as u32));
            product.conds.push(Cond::delta(Term::label(o), Term::label(i)));
        }
        product
    }

    /// The same product times a rational.
    pub fn scaled(mut self, factor: &Rational) -> Product {
        self.coefficient = &self.coefficient * factor;
        self
    }

    /// The same product with another factor.
    pub fn times(mut self, access: Access) -> Product {
        self.accesses.push(access);
        self
    }

    /// The same product under another condition.
    pub fn when(mut self, cond: Cond) -> Product {
        self.conds.push(cond);
        self
    }

    /// Adds a bound label.
    pub fn bind(&mut self, extent: Dim) -> Label {
        self.extents.push(extent);
        Label(self.extents.len() as u32 - 1)
    }

    /// Bound labels.
    pub fn bound(&self) -> impl Iterator<Item = Label> + use<> {
        (self.free as u32..self.extents.len() as u32).map(Label)
    }

    /// Every term changed in place.
    pub fn map_terms(&mut self, change: &mut dyn FnMut(&Term) -> Term) {
        for access in &mut self.accesses {
            *access = access.map(change);
        }
        for cond in &mut self.conds {
            *cond = cond.map(change);
        }
    }

    /// Every operand renamed: of factors, of predicates, and of integer tensors inside terms.
    pub(crate) fn map_nodes(&mut self, rename: &mut dyn FnMut(NodeId) -> NodeId) {
        for access in &mut self.accesses {
            access.node = rename(access.node);
        }
        for cond in &mut self.conds {
            if let Cond::Holds(node, _, _) = cond {
                *node = rename(*node);
            }
        }
        self.map_terms(&mut |t| t.map_elements(rename));
    }

    /// The product of an interned contraction, with operands written in for slots.
    pub(crate) fn with_operands(&self, args: &[NodeId]) -> Product {
        let mut product = self.clone();
        product.map_nodes(&mut |slot| args[slot.index()]);
        product
    }

    /// Labels renamed by `place` into a product with the given extents.
    pub fn relabel(
        &self,
        extents: SmallVec<[Dim; 4]>,
        free: usize,
        place: &dyn Fn(Label) -> Label,
    ) -> Product {
        let mut renamed = Product { extents, free, ..self.clone() };
        renamed.map_terms(&mut |t| t.relabel(place));
        renamed
    }

    /// Factors and conditions as one list.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let accesses = self.accesses.iter().cloned().map(Part::Access);
        accesses.chain(self.conds.iter().cloned().map(Part::Cond))
    }

    /// A product of the given parts over the same labels, with coefficient 1.
    pub fn with_parts(&self, parts: impl IntoIterator<Item = Part>) -> Product {
        let mut product = Product {
            coefficient: Rational::from(1),
            extents: self.extents.clone(),
            free: self.free,
            accesses: SmallVec::new(),
            conds: SmallVec::new(),
        };
        for part in parts {
            match part {
                Part::Access(a) => product.accesses.push(a),
                Part::Cond(c) => product.conds.push(c),
            }
        }
        product
    }

    /// `Σ_middle self[outer, middle] · entry[middle, inner]`: one step of the chain rule.
    ///
    /// The free labels of `self` are `outer` then `middle`, those of `entry` are `middle` then its own; the result
    /// has free labels `outer` then `inner`. Nothing is simplified.
    pub fn compose(&self, outer: usize, entry: &Product) -> Product {
        let middle = self.free - outer;
        let inner = entry.free - middle;
        let (ours, theirs) = (self.extents.len() - self.free, entry.extents.len() - entry.free);
        let mut extents: SmallVec<[Dim; 4]> = SmallVec::with_capacity(outer + inner + middle + ours + theirs);
        extents.extend(self.extents[..outer].iter().cloned());
        extents.extend(entry.extents[middle..entry.free].iter().cloned());
        extents.extend(self.extents[outer..].iter().cloned());
        extents.extend(entry.extents[entry.free..].iter().cloned());
        let free = outer + inner;
        let left = self.relabel(extents.clone(), free, &|l| {
            let l = l.0 as usize;
            Label(if l < outer { l } else { l + inner } as u32)
        });
        let mut right = entry.relabel(extents, free, &|l| {
            let l = l.0 as usize;
            let place = if l < middle {
                free + l
            } else if l < entry.free {
                outer + l - middle
            } else {
                free + middle + ours + l - entry.free
            };
            Label(place as u32)
        });
        right.coefficient = &self.coefficient * &entry.coefficient;
        right.accesses.insert_many(0, left.accesses);
        right.conds.insert_many(0, left.conds);
        right
    }

    /// Free labels permuted: axis `k` of the result is axis `order[k]` of `self`.
    pub fn permute(&self, order: &[usize]) -> Product {
        let mut extents = self.extents.clone();
        let mut place: Vec<u32> = (0..self.extents.len() as u32).collect();
        for (to, &from) in order.iter().enumerate() {
            extents[to] = self.extents[from].clone();
            place[from] = to as u32;
        }
        self.relabel(extents, self.free, &|l| Label(place[l.0 as usize]))
    }
}
