//! Denominators: `q · q⁻¹ = 1`, by the leading term where labels are bound, by multiplying out where they are free.

use crate::atom::Atom;
use crate::canon::Canon;
use crate::exponent;
use crate::poly::{Poly, is_plain};
use crate::tidy::mentions;
use chainrule_core::form::order::canonical;
use chainrule_core::form::product::Part;
use chainrule_core::form::{Access, Product};
use chainrule_core::index::{Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use smallvec::SmallVec;

impl Canon {
    /// `lead(q) · q^e = q^(e+1) − rest(q) · q^e` for `e <= -1`, wherever the leading term of `q` is a factor.
    pub(crate) fn lead_reduced(&mut self, p: &Product) -> Option<Vec<Product>> {
        for (k, group) in p.accesses.iter().enumerate() {
            let Atom::Group(terms) = self.atoms.atom(group.node) else { continue };
            let e = exponent::decode(group.power);
            if e > Rational::from(-1) {
                continue;
            }
            let Some((lead, c)) = terms.first().cloned() else { continue };
            if crate::poly::is_unit(&lead) {
                continue;
            }
            let terms = terms.clone();
            let rest = match is_plain(&lead) {
                true => self.divided(p, &lead, &group.at).map(|rest| (rest, group.at.clone())),
                false => self.without_component(p, k, &lead, &group.at),
            };
            let Some((rest, place)) = rest else {
                match self.unit_reduced(p, k) {
                    Some(split) => return Some(split),
                    None => continue,
                }
            };
            let inverse = c.recip()?;
            let mut raised = rest.clone().scaled(&inverse);
            let next = &e + &Rational::from(1);
            let at = raised.accesses.iter().position(|a| a.node == group.node && a.at == place)?;
            if next.is_zero() {
                raised.accesses.remove(at);
            } else {
                raised.accesses[at].power = exponent::encode(&next)?;
            }
            let scale = -&inverse;
            let mut split = vec![raised];
            split.extend(terms[1..].iter().map(|(m, c)| self.splice(&rest, m, &place).scaled(&(c * &scale))));
            return Some(split);
        }
        None
    }

    /// `exp(-x)·q^e = exp(-x)·q^(e+1) − q^e` for `q = exp(x) + 1` and `e <= -1`: exponentials of both signs beside a
    /// denominator are parted, as powers of one variable are.
    fn unit_reduced(&self, p: &Product, k: usize) -> Option<Vec<Product>> {
        let group = &p.accesses[k];
        let Atom::Group(terms) = self.atoms.atom(group.node) else { return None };
        let [(lead, c), (unit, constant)] = &terms[..] else { return None };
        if !crate::poly::is_unit(unit) || !is_plain(lead) {
            return None;
        }
        let one = Product::one(p.extents.iter().cloned());
        let placed = self.splice(&one, lead, &group.at);
        for a in &placed.accesses {
            let exponential = matches!(self.atoms.atom(a.node), Atom::Exp(_));
            let b = p.accesses.iter().find(|b| b.node == a.node && b.at == a.at)?;
            let (have, need) = (exponent::decode(b.power), exponent::decode(a.power));
            if !exponential || need <= Rational::from(0) || have > -&need {
                return None;
            }
        }
        let inverse = constant.recip()?;
        let mut raised = p.clone().scaled(&inverse);
        let next = &exponent::decode(group.power) + &Rational::from(1);
        if next.is_zero() {
            raised.accesses.remove(k);
        } else {
            raised.accesses[k].power = exponent::encode(&next)?;
        }
        let moved = self.splice(p, lead, &group.at).scaled(&(c * &-&inverse));
        Some(vec![raised, moved])
    }

    /// `p / lead` where every factor of the leading term is a factor of `p` to at least that power.
    fn divided(&mut self, p: &Product, lead: &Product, at: &[Term]) -> Option<Product> {
        let one = Product::one(p.extents.iter().cloned());
        let lead = self.splice(&one, lead, at);
        let mut rest = p.clone();
        for a in &lead.accesses {
            let k = rest.accesses.iter().position(|b| b.node == a.node && b.at == a.at)?;
            let (have, need) = (exponent::decode(rest.accesses[k].power), exponent::decode(a.power));
            let exponential = matches!(self.atoms.atom(a.node), Atom::Exp(_));
            let enough = have >= need && !need.is_negative();
            let enough = enough || (exponential && need.is_negative() && have <= need);
            if !enough {
                return None;
            }
            let left = &have - &need;
            if left.is_zero() {
                rest.accesses.remove(k);
            } else {
                rest.accesses[k].power = exponent::encode(&left)?;
            }
        }
        Some(rest)
    }

    /// `p` without the factors that are the leading term, a sum over labels of its own.
    fn without_component(
        &mut self,
        p: &Product,
        group: usize,
        lead: &Product,
        at: &[Term],
    ) -> Option<(Product, SmallVec<[Term; 2]>)> {
        let mut fixed = vec![false; p.extents.len()];
        fixed[..p.free].fill(true);
        at.iter().for_each(|t| t.each_label(&mut |l| fixed[l.0 as usize] = true));
        let parts: Vec<Part> = p.parts().collect();
        let own = |part: &Part| {
            let mut labels: Vec<Label> = Vec::new();
            part.each_label(&mut |l| {
                if !fixed[l.0 as usize] && !labels.contains(&l) {
                    labels.push(l);
                }
            });
            labels
        };
        let wanted = {
            let one = Product::one(p.extents.iter().cloned());
            let mut wanted = self.splice(&one, lead, at);
            canonical(&mut wanted, &Canon::hash);
            wanted
        };
        let mut done = vec![false; parts.len()];
        for seed in 0..parts.len() {
            let mut labels = own(&parts[seed]);
            if done[seed] || labels.is_empty() {
                continue;
            }
            let mut members = vec![seed];
            let mut grew = true;
            while grew {
                grew = false;
                for (k, part) in parts.iter().enumerate() {
                    let theirs = own(part);
                    if !members.contains(&k) && theirs.iter().any(|l| labels.contains(l)) {
                        members.push(k);
                        labels.extend(theirs.into_iter().filter(|l| !labels.contains(l)).collect::<Vec<_>>());
                        grew = true;
                    }
                }
            }
            members.iter().for_each(|&k| done[k] = true);
            if members.contains(&group) {
                continue;
            }
            // The leading term may also have factors that are read at fixed labels only.
            let mut candidate = component(p, &parts, &members, &labels);
            let alone = wanted.accesses.iter().filter(|a| {
                let mut bound = false;
                a.at.iter().for_each(|t| t.each_label(&mut |l| bound |= l.0 as usize >= wanted.free));
                !bound
            });
            let mut used = members.clone();
            let mut found = true;
            for a in alone {
                match parts.iter().position(|part| matches!(part, Part::Access(b) if b == a)) {
                    Some(k) if !used.contains(&k) => {
                        used.push(k);
                        candidate.accesses.push(a.clone());
                    }
                    _ => found = false,
                }
            }
            canonical(&mut candidate, &Canon::hash);
            if !found || candidate.accesses != wanted.accesses || candidate.conds != wanted.conds {
                continue;
            }
            if candidate.extents != wanted.extents {
                continue;
            }
            let kept: Vec<Part> =
                parts.iter().enumerate().filter(|(k, _)| !used.contains(k)).map(|(_, p)| p.clone()).collect();
            let mut rest = Product { coefficient: p.coefficient.clone(), ..p.with_parts(kept) };
            labels.sort();
            for &label in labels.iter().rev() {
                debug_assert_eq!(mentions(&rest, label), 0);
                rest = crate::tidy::without_label(&rest, label);
            }
            // The place of the group is read in the remaining labels, which have moved up.
            let place = at
                .iter()
                .map(|t| t.relabel(&|l| Label(l.0 - labels.iter().filter(|gone| **gone < l).count() as u32)));
            return Some((rest, place.collect()));
        }
        None
    }

    /// The polynomial times its denominators that no sum binds: zero exactly where the polynomial is.
    pub(crate) fn numerator(&mut self, poly: &Poly) -> Poly {
        let mut poly = poly.clone();
        for _ in 0..8 {
            let free = poly.axes.len();
            let is_free = |a: &Access| {
                let mut bound = false;
                a.at.iter().for_each(|t| t.each_label(&mut |l| bound |= l.0 as usize >= free));
                !bound
            };
            let mut found: Option<(NodeId, SmallVec<[Term; 2]>)> = None;
            for a in poly.products().iter().flat_map(|m| &m.accesses) {
                let denominator = matches!(self.atoms.atom(a.node), Atom::Group(_))
                    && exponent::decode(a.power) <= Rational::from(-1)
                    && is_free(a);
                let key = (a.node, a.at.clone());
                // The youngest group first: older ones may stand inside it.
                if denominator && found.as_ref().is_none_or(|f| key > *f) {
                    found = Some(key);
                }
            }
            let Some((node, at)) = found else { return poly };
            let least = poly
                .terms
                .keys()
                .filter_map(|m| m.accesses.iter().find(|a| a.node == node && a.at == at))
                .map(|a| exponent::decode(a.power))
                .min()
                .unwrap_or(Rational::from(0));
            // Whole powers only: what is left of a fractional one lies in (-1, 0].
            let whole = (-&least).floor();
            let Some(power) = exponent::encode(&whole).filter(|_| !whole.is_zero()) else { return poly };
            let mut out = Poly::zero(&poly.axes);
            for mut m in poly.products() {
                m.accesses.push(Access { node, at: at.clone(), power });
                self.tidy(m, &mut out);
            }
            if self.exhausted {
                return out;
            }
            poly = out;
        }
        poly
    }
}

/// Some parts as a product in which the labels of the component are bound and all others free.
fn component(p: &Product, parts: &[Part], members: &[usize], labels: &[Label]) -> Product {
    let mut q = p.with_parts(members.iter().map(|&k| parts[k].clone()));
    // Bound labels of the component follow all labels of `p`, as in an instantiated term.
    let base = p.extents.len();
    q.free = base;
    let mut extents = p.extents.clone();
    extents.extend(labels.iter().map(|l| p.extents[l.0 as usize].clone()));
    q.relabel(extents, base, &|l| match labels.iter().position(|m| *m == l) {
        Some(k) => Label((base + k) as u32),
        None => l,
    })
}
