//! Normalising one monomial: deltas, powers, guards and the relations between atoms.
//!
//! A work list, never recursion on the formula: a step either finishes a monomial, drops it, or splits it into
//! monomials that are further along.

use crate::atom::{Atom, Info, Whole};
use crate::canon::Canon;
use crate::exponent;
use crate::poly::{Poly, Terms};
use crate::power::expands;
use chainrule_core::form::normal::normalise;
use chainrule_core::form::order::canonical;
use chainrule_core::form::{Access, Cond, Product};
use chainrule_core::index::{Atom as Place, Facts, Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::{COS, LOG, SIN};
use chainrule_core::rational::Rational;
use chainrule_core::shape::Dim;
use smallvec::SmallVec;

/// Longest axis whose values are written out one by one.
const UNROLLED: i64 = 8;

/// What one look at a monomial leads to.
#[allow(clippy::large_enum_variant, reason = "lives for one step of the loop")]
enum Next {
    /// Nothing more to do.
    Done(Product),
    /// Look again at these; none of them where the monomial is zero.
    Split(Vec<Product>),
}

impl Canon {
    /// Adds a product (its coefficient included) to `out`, in canonical form.
    pub(crate) fn tidy(&mut self, product: Product, out: &mut Poly) {
        let mut work = vec![product];
        while let Some(mut p) = work.pop() {
            if !self.spend() {
                return;
            }
            if !self.assumed.labels.is_empty() {
                p.map_terms(&mut |t| self.known_labels(t));
            }
            if p.conds.len() > 1 || (p.conds.len() == 1 && p.extents.len() > p.free) {
                canonical(&mut p, &Canon::hash);
            }
            let below = |n: NodeId| self.below(n);
            let Some(normal) = normalise(p, &below) else { continue };
            let mut p = normal.product;
            if let Some(split) = self.with_sizes(&mut p, &normal.sizes) {
                work.extend(split);
                continue;
            }
            match self.step(p) {
                Next::Done(mut p) => {
                    canonical(&mut p, &Canon::hash);
                    let coefficient = std::mem::replace(&mut p.coefficient, Rational::from(1));
                    out.add_term(p, &coefficient);
                }
                Next::Split(list) => work.extend(list),
            }
        }
    }

    /// Entries of integer inputs whose values are assumed.
    fn known_labels(&self, t: &Term) -> Term {
        let mut total = Term::constant(t.offset().clone());
        for (atom, c) in t.parts() {
            let value = match atom {
                Place::Element(node, at) => {
                    let fixed: Option<Vec<i64>> = at
                        .iter()
                        .map(|t| self.known_labels(t).as_constant().and_then(Dim::as_fixed))
                        .collect();
                    match (self.atoms.atom(*node), fixed) {
                        (Atom::Input(name, _), Some(at)) => {
                            self.assumed.labels.get(&(name.clone(), at)).copied()
                        }
                        _ => None,
                    }
                }
                _ => None,
            };
            let part = match (value, atom) {
                (Some(v), _) => Term::constant(v),
                (None, Place::Label(l)) => Term::label(*l),
                (None, Place::Element(n, at)) => Term::element(*n, at.iter().map(|t| self.known_labels(t))),
                (None, _) => {
                    total = total + Term::from_atom(atom.clone()).scaled(c);
                    continue;
                }
            };
            total = total + part.scaled(c);
        }
        total
    }

    /// Factors for labels that nothing reads; several products where a size is a sum.
    fn with_sizes(&mut self, p: &mut Product, sizes: &[Dim]) -> Option<Vec<Product>> {
        for (k, size) in sizes.iter().enumerate() {
            let monomials = self.dim(size).monomials();
            if let [(monomial, c)] = &monomials[..] {
                *p = self.size_monomial(p.clone(), monomial).scaled(&Rational::from(*c));
                continue;
            }
            let mut split = Vec::new();
            for (monomial, c) in monomials {
                let mut q = self.size_monomial(p.clone(), &monomial).scaled(&Rational::from(c));
                for rest in &sizes[k + 1..] {
                    q.bind(rest.clone());
                }
                split.push(q);
            }
            return Some(split);
        }
        None
    }

    fn step(&mut self, mut p: Product) -> Next {
        if p.coefficient.is_zero() {
            return Next::Split(Vec::new());
        }
        if self.assumed.unroll
            && let Some(label) =
                p.bound().find(|l| p.extents[l.0 as usize].as_fixed().is_some_and(|n| n <= UNROLLED))
        {
            let n = p.extents[label.0 as usize].as_fixed().unwrap_or(0);
            let at = |v: i64| p.clone().when(Cond::delta(Term::label(label), Term::constant(v)));
            return Next::Split((0..n).map(at).collect());
        }
        if let Some(k) = p.accesses.iter().position(|a| self.is_stale(a.node, &a.at)) {
            let access = p.accesses.remove(k);
            return Next::Split(self.renewed(&p, &access));
        }
        if let Some(split) = self.stale_guard(&p) {
            return Next::Split(split);
        }
        let before = p.accesses.len();
        self.collect(&mut p);
        if p.accesses.len() < before && p.extents.len() > p.free {
            // A label may have lost its last reader.
            return Next::Split(vec![p]);
        }
        if let Some(split) = self.expanded(&p) {
            return Next::Split(split);
        }
        if let Some(split) = self.guards(&p) {
            return Next::Split(split);
        }
        if let Some(split) =
            self.inverse(&p).or_else(|| self.orthogonal(&p)).or_else(|| self.lead_reduced(&p))
        {
            return Next::Split(split);
        }
        Next::Done(p)
    }

    /// A factor instantiated where it stands and made again.
    fn renewed(&mut self, p: &Product, access: &Access) -> Vec<Product> {
        let axes: Vec<Dim> = p.extents.to_vec();
        let made = self.remade(access.node, &access.at, &axes);
        let made = self.pow(&made, &exponent::decode(access.power));
        self.multiplied(p, &made)
    }

    /// `p · poly`, of a polynomial over all labels of `p`.
    pub(crate) fn multiplied(&self, p: &Product, poly: &Poly) -> Vec<Product> {
        let at: Vec<Term> = (0..p.extents.len()).map(|k| Term::label(Label(k as u32))).collect();
        poly.products().iter().map(|m| self.splice(p, m, &at)).collect()
    }

    fn stale_guard(&mut self, p: &Product) -> Option<Vec<Product>> {
        let k = p.conds.iter().position(|c| match c {
            Cond::Holds(node, at, negated) => *negated || self.is_stale(*node, at),
            _ => false,
        })?;
        let mut rest = p.clone();
        let Cond::Holds(node, at, negated) = rest.conds.remove(k) else { return None };
        let axes: Vec<Dim> = p.extents.to_vec();
        let made = match self.atoms.is_abstracted(node) {
            true => self.remade(node, &at, &axes),
            false => {
                let mut one = Poly::zero(&axes);
                let holds = Product::one(axes.iter().cloned()).when(Cond::Holds(node, at, false));
                self.tidy(holds, &mut one);
                one
            }
        };
        let made = match negated {
            true => Poly::constant(&axes, &Rational::from(1)).plus(&Rational::from(-1), &made),
            false => made,
        };
        Some(self.multiplied(&rest, &made))
    }

    /// An abstracted atom made again at a place.
    fn remade(&mut self, node: NodeId, at: &[Term], axes: &[Dim]) -> Poly {
        match self.atoms.atom(node).clone() {
            Atom::Group(terms) => self.instantiate(&terms, at, axes),
            Atom::Exp(m) => {
                let p = self.instantiate(&vec![(m, Rational::from(1))], at, axes);
                self.exp(&p)
            }
            Atom::Map(id, args) => {
                let args: Vec<Poly> = args.iter().map(|t| self.instantiate(t, at, axes)).collect();
                self.map(id, &args)
            }
            Atom::Positive(d) => {
                let d = self.instantiate(&d, at, axes);
                self.positive(&d)
            }
            Atom::Null(d) => {
                let d = self.instantiate(&d, at, axes);
                self.null(&d)
            }
            _ => unreachable!("invariant: only abstracted atoms are made again"),
        }
    }

    /// Equal factors share one exponent; powers of primes give up their whole parts.
    fn collect(&mut self, p: &mut Product) {
        for a in &mut p.accesses {
            let symmetric = match self.atoms.atom(a.node) {
                Atom::Input(name, _) => self.assumed.symmetric.contains(name),
                _ => self.atoms.info(a.node).symmetric,
            };
            if symmetric && a.at.len() == 2 && a.at[0] > a.at[1] {
                a.at.swap(0, 1);
            }
        }
        p.accesses.sort();
        let mut merged: SmallVec<[Access; 2]> = SmallVec::new();
        for a in p.accesses.drain(..) {
            match merged.last_mut() {
                Some(last) if last.node == a.node && last.at == a.at => {
                    let total = &exponent::decode(last.power) + &exponent::decode(a.power);
                    match exponent::encode(&total) {
                        Some(power) => last.power = power,
                        None => self.exhausted = true,
                    }
                }
                _ => merged.push(a),
            }
        }
        merged.retain(|a| !exponent::decode(a.power).is_zero());
        for a in &mut merged {
            if let Atom::Prime(value) = self.atoms.atom(a.node) {
                let e = exponent::decode(a.power);
                let whole = e.floor();
                let n = whole.to_i64().and_then(|n| i32::try_from(n).ok());
                match n.and_then(|n| value.pow(n)) {
                    Some(c) => {
                        p.coefficient = &p.coefficient * &c;
                        a.power = exponent::encode(&(&e - &whole)).unwrap_or(a.power);
                    }
                    None => self.exhausted = true,
                }
            }
        }
        merged.retain(|a| !exponent::decode(a.power).is_zero());
        p.accesses = merged;
        if self.signs_taken_out(p) {
            self.collect(p);
        }
    }

    /// Whole powers of a group begin with a positive term: `(-q)^-1 = -(q^-1)`. Only under a root the sign has to stay.
    fn signs_taken_out(&mut self, p: &mut Product) -> bool {
        let mut changed = false;
        for a in &mut p.accesses {
            let e = exponent::decode(a.power);
            let Atom::Group(terms) = self.atoms.atom(a.node) else { continue };
            let negative = terms.first().is_some_and(|t| t.1.is_negative());
            let Some(e) = e.to_i64().filter(|_| negative) else { continue };
            let flipped: Terms = terms.iter().map(|(m, c)| (m.clone(), -c)).collect();
            let info = Info { mixed: self.atoms.info(a.node).mixed, ..Info::default() };
            a.node = self.atoms.intern(Atom::Group(flipped), info);
            if e % 2 != 0 {
                p.coefficient = -&p.coefficient;
            }
            changed = true;
        }
        changed
    }

    /// Positive powers of groups written out, `sin²` as `1 − cos²`.
    fn expanded(&mut self, p: &Product) -> Option<Vec<Product>> {
        for (k, a) in p.accesses.iter().enumerate() {
            let e = exponent::decode(a.power);
            let without = |power: Option<u32>| {
                let mut q = p.clone();
                match power {
                    Some(power) => q.accesses[k].power = power,
                    None => {
                        q.accesses.remove(k);
                    }
                }
                q
            };
            match self.atoms.atom(a.node) {
                Atom::Group(terms) if e > Rational::from(0) => {
                    // A fractional power is the next whole one times a negative fraction.
                    let whole = -&(-&e).floor();
                    let Some(n) = whole.to_i64().filter(|&n| expands(terms.len(), n)) else { continue };
                    let terms: Terms = terms.clone();
                    let rest = &e - &whole;
                    let power = if rest.is_zero() { None } else { exponent::encode(&rest) };
                    let mut list = vec![without(power)];
                    for _ in 0..n {
                        list = list
                            .iter()
                            .flat_map(|q| {
                                terms
                                    .iter()
                                    .map(|(m, c)| self.splice(q, m, &a.at).scaled(c))
                                    .collect::<Vec<_>>()
                            })
                            .collect();
                    }
                    return Some(list);
                }
                Atom::Map(id, args) if *id == SIN.id && e >= Rational::from(2) => {
                    let args = args.clone();
                    let cos = self.atoms.intern(Atom::Map(COS.id, args), self.atoms.info(a.node).clone());
                    let power = exponent::encode(&(&e - &Rational::from(2)))?;
                    let rest = without((power != exponent::encode(&Rational::from(0))?).then_some(power));
                    let mut other = rest.clone().scaled(&Rational::from(-1));
                    let two = exponent::encode(&Rational::from(2))?;
                    other.accesses.push(Access { node: cos, at: a.at.clone(), power: two });
                    return Some(vec![rest, other]);
                }
                _ => {}
            }
        }
        None
    }

    /// Relations between conditions.
    fn guards(&mut self, p: &Product) -> Option<Vec<Product>> {
        for (k, c) in p.conds.iter().enumerate() {
            match c {
                Cond::NonNegative(t) => {
                    // Of `t` and `-t - 1` exactly one has an offset that is not negative.
                    let negative = t.offset().as_fixed().is_some_and(|c| c < 0);
                    if negative {
                        // [t >= 0] = 1 - [-t - 1 >= 0]: one orientation of every range.
                        let mut always = p.clone();
                        always.conds.remove(k);
                        let opposite = Cond::NonNegative(-t.clone() - Term::constant(1));
                        let other = always.clone().when(opposite).scaled(&Rational::from(-1));
                        return Some(vec![always, other]);
                    }
                }
                Cond::Holds(node, at, _) => {
                    let Atom::Null(d) = self.atoms.atom(*node) else { continue };
                    let d = d.clone();
                    let contradicted = p.conds.iter().any(|other| match other {
                        Cond::Holds(n, t, _) => {
                            t == at && matches!(self.atoms.atom(*n), Atom::Positive(e) if *e == d)
                        }
                        _ => false,
                    });
                    if contradicted {
                        return Some(Vec::new());
                    }
                    if self.undefined_at_zero(p, &d, at) {
                        self.domain.insert("where both sides have a value".to_string());
                        return Some(Vec::new());
                    }
                    if let Some(split) = self.solved(p, &d, at) {
                        return Some(split);
                    }
                }
                Cond::Zero(t) => {
                    if let Some(next) = self.renamed_by(p, k, t) {
                        return Some(vec![next]);
                    }
                }
            }
        }
        None
    }

    /// Under `delta(i, j)` of two axes everything else is read at the first of them.
    fn renamed_by(&self, p: &Product, k: usize, t: &Term) -> Option<Product> {
        let (label, c) = t
            .parts()
            .iter()
            .filter_map(|(atom, c)| match atom {
                Place::Label(l) if c.as_fixed().is_some_and(|c| c.abs() == 1) => Some((*l, c.as_fixed()?)),
                _ => None,
            })
            .max()?;
        let rest = t.clone() - Term::label(label).scaled(&Dim::fixed(c));
        if rest.mentions(label) || mentions(p, label) < 2 {
            return None;
        }
        let value = rest.scaled(&Dim::fixed(-c));
        let below = |n: NodeId| self.below(n);
        let extents = p.extents.clone();
        let facts = Facts { extents: &extents, gone: &[], below: &below };
        let mut q = p.clone();
        let delta = q.conds.remove(k);
        q.map_terms(&mut |t| {
            t.substitute(&mut |l| if l == label { value.clone() } else { Term::label(l) }, &facts)
        });
        q.conds.push(delta);
        Some(q)
    }

    /// A factor that has no value where `d == 0`: its logarithm or its reciprocal.
    fn undefined_at_zero(&self, p: &Product, d: &Terms, at: &[Term]) -> bool {
        let single = match &d[..] {
            [(m, _)] if m.conds.is_empty() && m.extents.len() == m.free && m.accesses.len() == 1 => {
                let one = Product::one(p.extents.iter().cloned());
                Some(self.splice(&one, m, at).accesses[0].clone())
            }
            _ => None,
        };
        p.accesses.iter().any(|a| match self.atoms.atom(a.node) {
            Atom::Map(id, args) if *id == LOG.id => args[0] == *d && a.at[..] == *at,
            _ => single
                .as_ref()
                .is_some_and(|s| s.node == a.node && s.at == a.at && exponent::decode(a.power).is_negative()),
        })
    }

    /// Under `d == 0` the last plain factor of `d` takes the value that makes it so.
    fn solved(&mut self, p: &Product, d: &Terms, at: &[Term]) -> Option<Vec<Product>> {
        let single = |m: &Product| {
            m.accesses.len() == 1
                && m.accesses[0].power == exponent::ONE
                && m.conds.is_empty()
                && m.extents.len() == m.free
        };
        let (k, (m, c)) = d
            .iter()
            .enumerate()
            .filter(|(_, t)| single(&t.0))
            .max_by_key(|(_, t)| t.0.accesses[0].clone())?;
        let key = &m.accesses[0];
        if d.iter()
            .enumerate()
            .any(|(j, t)| j != k && t.0.accesses.iter().any(|a| a.node == key.node && a.at == key.at))
        {
            return None;
        }
        let mut one = Product::one(p.extents.iter().cloned());
        one = self.splice(&one, m, at);
        let place = one.accesses[0].clone();
        let hit = p.accesses.iter().position(|a| a.node == place.node && a.at == place.at)?;
        let e = exponent::decode(p.accesses[hit].power);
        if e < Rational::from(1) {
            return None;
        }
        let mut rest = p.clone();
        let left = &e - &Rational::from(1);
        if left.is_zero() {
            rest.accesses.remove(hit);
        } else {
            rest.accesses[hit].power = exponent::encode(&left)?;
        }
        let scale = -c.recip()?;
        let others = d.iter().enumerate().filter(|(j, _)| *j != k);
        Some(others.map(|(_, (m, c))| self.splice(&rest, m, at).scaled(&(c * &scale))).collect())
    }

    /// `Σ_k B[i,k] A[k,j] = delta(i,j)` for the inverse `B` of an input `A`.
    fn inverse(&mut self, p: &Product) -> Option<Vec<Product>> {
        for (b, inverse) in p.accesses.iter().enumerate() {
            let Atom::Tensor(Whole::Inverse, args) = self.atoms.atom(inverse.node) else { continue };
            let [(_, terms)] = &args[..] else { continue };
            let [(m, c)] = &terms[..] else { continue };
            if inverse.at.len() != 2
                || inverse.power != exponent::ONE
                || m.accesses.len() != 1
                || !m.conds.is_empty()
            {
                continue;
            }
            let inner = &m.accesses[0];
            let order: Vec<Option<Label>> = inner.at.iter().map(Term::as_label).collect();
            let swapped = match &order[..] {
                [Some(Label(0)), Some(Label(1))] => false,
                [Some(Label(1)), Some(Label(0))] => true,
                _ => continue,
            };
            let symmetric = self.atoms.info(inverse.node).symmetric;
            for (a, other) in p.accesses.iter().enumerate() {
                if other.node != inner.node || other.power != exponent::ONE || a == b {
                    continue;
                }
                let (row, column) = if swapped { (1, 0) } else { (0, 1) };
                // B[i,k] meets the rows of A, B[k,i] its columns.
                for (mine, theirs) in [(1, row), (0, column), (0, row), (1, column)] {
                    let straight = (mine == 1) == (theirs == row);
                    if (!straight && !symmetric) || inverse.at[mine] != other.at[theirs] {
                        continue;
                    }
                    if !self.only_shared(p, &inverse.at[mine]) {
                        continue;
                    }
                    let delta = Cond::delta(inverse.at[1 - mine].clone(), other.at[1 - theirs].clone());
                    let mut q = p.clone().when(delta).scaled(&c.recip()?);
                    for k in [a.max(b), a.min(b)] {
                        q.accesses.remove(k);
                    }
                    let label = inverse.at[mine].as_label()?;
                    return Some(vec![without_label(&q, label)]);
                }
            }
        }
        None
    }

    /// `Σ_k A[k,i] A[k,j] = delta(i,j)` for inputs assumed orthogonal.
    fn orthogonal(&mut self, p: &Product) -> Option<Vec<Product>> {
        if self.assumed.orthogonal.is_empty() {
            return None;
        }
        let is_one = |a: &Access| matches!(self.atoms.atom(a.node), Atom::Input(n, _) if self.assumed.orthogonal.contains(n));
        for (k, a) in p.accesses.iter().enumerate().filter(|(_, a)| is_one(a)) {
            for side in 0..2 {
                let Some(label) = a.at.get(side).and_then(Term::as_label) else { continue };
                let two = exponent::encode(&Rational::from(2));
                if Some(a.power) == two && mentions(p, label) == 1 && (label.0 as usize) >= p.free {
                    let mut q = p.clone();
                    q.accesses.remove(k);
                    return Some(vec![without_label(&q, label)]);
                }
                for (j, b) in p.accesses.iter().enumerate().skip(k + 1) {
                    if b.node == a.node && b.at[side] == a.at[side] && self.only_shared(p, &a.at[side]) {
                        let delta = Cond::delta(a.at[1 - side].clone(), b.at[1 - side].clone());
                        let mut q = p.clone().when(delta);
                        q.accesses.remove(j);
                        q.accesses.remove(k);
                        return Some(vec![without_label(&q, label)]);
                    }
                }
            }
        }
        None
    }

    /// The term is a bound label that exactly two factors mention, once each.
    fn only_shared(&self, p: &Product, t: &Term) -> bool {
        t.as_label().is_some_and(|l| l.0 as usize >= p.free && mentions(p, l) == 2)
    }
}

/// How often a label is mentioned.
pub(crate) fn mentions(p: &Product, label: Label) -> usize {
    let mut count = 0;
    crate::poly::each_term(p, &mut |t| t.each_label(&mut |l| count += usize::from(l == label)));
    count
}

/// The product without a bound label that nothing mentions any more.
pub(crate) fn without_label(p: &Product, gone: Label) -> Product {
    let mut extents = p.extents.clone();
    extents.remove(gone.0 as usize);
    p.relabel(extents, p.free, &|l| if l > gone { Label(l.0 - 1) } else { l })
}
