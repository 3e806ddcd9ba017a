//! Powers with rational exponents: content is pulled out, what remains is the base of a group.
//!
//! `1/(2a b + 2a c) = 1/2 a⁻¹ (b + c)⁻¹`. A fractional power is only split over factors that are never negative, and
//! `(x²)^(1/2)` is `|x|`.

use crate::atom::{Atom, Info};
use crate::canon::{Canon, WIDTH};
use crate::exponent;
use crate::poly::{Poly, Terms, is_plain};
use chainrule_core::form::{Access, Product};
use chainrule_core::index::Term;
use chainrule_core::rational::Rational;

/// Trial division stops here; the rest counts as one prime.
const TRIED: i64 = 1_000;

/// Powers of a root's base that are recognised beside it.
const ROOTS: i64 = 4;

impl Canon {
    /// `poly ^ exponent`
    pub(crate) fn pow(&mut self, poly: &Poly, e: &Rational) -> Poly {
        if e.is_one() {
            return poly.clone();
        }
        if e.is_zero() {
            return Poly::constant(&poly.axes, &Rational::from(1));
        }
        if let Some((m, c)) = poly.single()
            && is_plain(m)
        {
            let (m, c) = (m.clone(), c.clone());
            return self.monomial_power(poly, &m, &c, e);
        }
        if let Some(n) = e.to_i64().filter(|&n| n > 0)
            && expands(poly.terms.len(), n)
        {
            let mut power = poly.clone();
            for _ in 1..n {
                power = self.times(&power, poly);
            }
            return power;
        }
        if poly.is_zero() && !e.is_negative() {
            return poly.clone();
        }
        self.group_power(poly, e)
    }

    /// `1 / poly`
    pub(crate) fn recip(&mut self, poly: &Poly) -> Poly {
        self.pow(poly, &Rational::from(-1))
    }

    fn monomial_power(&mut self, poly: &Poly, m: &Product, c: &Rational, e: &Rational) -> Poly {
        let whole = e.to_i64().is_some();
        let (_, q) = e.to_small().unwrap_or((1, 1));
        if c.is_negative() && q % 2 == 0 {
            return self.group_power(poly, e);
        }
        let mut result = Product::one(poly.axes.iter().cloned());
        let mut rest: Vec<Access> = Vec::new();
        for a in &m.accesses {
            let k = exponent::decode(a.power);
            if whole || q % 2 == 1 || self.atoms.info(a.node).nonnegative {
                self.push_power(&mut result, a, &(&k * e));
            } else {
                rest.push(a.clone());
            }
        }
        let mut extra = None;
        match &rest[..] {
            [] => {}
            [a] => {
                let k = exponent::decode(a.power);
                let total = &k * e;
                let even = k.to_i64().is_some_and(|k| k % 2 == 0);
                match total.to_i64() {
                    Some(t) if even => {
                        self.push_power(&mut result, a, &total);
                        if t % 2 != 0 {
                            // |x|^t = x^t sign(x) for odd t
                            let x = self.factor(&poly.axes, a.node, a.at.to_vec(), exponent::ONE);
                            extra = Some(self.sign(&x));
                        }
                    }
                    _ if even => return self.group_power(poly, e),
                    _ => self.push_power(&mut result, a, &total),
                }
            }
            _ => {
                let mut joint = Product::one(poly.axes.iter().cloned());
                joint.accesses.extend(rest.iter().cloned());
                let mut p = Poly::zero(&poly.axes);
                self.tidy(joint, &mut p);
                extra = Some(self.group_power(&p, e));
            }
        }
        self.number_power(&mut result, c, e);
        let mut out = Poly::zero(&poly.axes);
        self.tidy(result, &mut out);
        match extra {
            Some(extra) => self.times(&out, &extra),
            None => out,
        }
    }

    fn push_power(&mut self, product: &mut Product, a: &Access, e: &Rational) {
        match exponent::encode(e) {
            Some(power) => product.accesses.push(Access { power, ..a.clone() }),
            None => self.exhausted = true,
        }
    }

    /// `c^e` as a coefficient and powers of primes; the sign of `c` counts only for odd roots.
    pub(crate) fn number_power(&mut self, product: &mut Product, c: &Rational, e: &Rational) {
        if let Some(n) = e.to_i64().and_then(|n| i32::try_from(n).ok()) {
            match c.pow(n) {
                Some(power) => product.coefficient = &product.coefficient * &power,
                None => self.exhausted = true,
            }
            return;
        }
        if c.is_negative() && e.to_small().is_some_and(|(p, _)| p % 2 != 0) {
            product.coefficient = -&product.coefficient;
        }
        let Some((num, den)) = c.abs().to_small() else {
            self.exhausted = true;
            return;
        };
        for (n, sign) in [(num, 1), (den, -1)] {
            for (prime, count) in factors(n) {
                let node = self.prime(&Rational::from(prime));
                let access = Access::new(node, []);
                self.push_power(product, &access, &(&Rational::from(sign * count) * e));
            }
        }
    }

    pub(crate) fn prime(&mut self, value: &Rational) -> chainrule_core::NodeId {
        self.atoms.intern(Atom::Prime(value.clone()), Info { nonnegative: true, ..Info::default() })
    }

    /// A sum (or one term under a sum) as the base of a power.
    pub(crate) fn group_power(&mut self, poly: &Poly, e: &Rational) -> Poly {
        let whole = e.to_small().is_some_and(|(_, q)| q % 2 == 1);
        let axes = poly.axes.clone();
        let mut result = Product::one(axes.iter().cloned());
        let mut rest = poly.clone();
        let common = self.common_factors(poly, whole);
        if !common.is_empty() {
            for a in &common {
                let k = exponent::decode(a.power);
                self.push_power(&mut result, a, &(&k * e));
            }
            rest = self.without_factors(poly, &common);
            // What is left may be a number times something simple.
            if rest.single().is_some_and(|(m, _)| is_plain(m)) {
                let rest = self.pow(&rest, e);
                let mut out = Poly::zero(&axes);
                self.tidy(result, &mut out);
                return self.times(&out, &rest);
            }
            if e.to_i64().is_some()
                && let Some((base, count, scale)) = self.power_beside_root(&rest, &common)
            {
                self.push_power(&mut result, &base, &(e * &count));
                self.number_power(&mut result, &scale, e);
                let mut out = Poly::zero(&axes);
                self.tidy(result, &mut out);
                return out;
            }
        }
        let (terms, at, scale) = self.primitive(&rest, whole);
        self.number_power(&mut result, &scale, e);
        let node = self.group(terms, &rest);
        let base = Access { node, at: at.into_iter().collect(), power: exponent::ONE };
        self.push_power(&mut result, &base, e);
        let mut out = Poly::zero(&axes);
        self.tidy(result, &mut out);
        out
    }

    /// The polynomial divided by factors that its terms have. They are divided term by term, because `√q` by itself
    /// would be written out.
    pub(crate) fn without_factors(&mut self, poly: &Poly, factors: &[Access]) -> Poly {
        let mut inverse = Product::one([]);
        for a in factors {
            self.push_power(&mut inverse, a, &-&exponent::decode(a.power));
        }
        let mut out = Poly::zero(&poly.axes);
        for mut m in poly.products() {
            m.accesses.extend(inverse.accesses.iter().cloned());
            self.tidy(m, &mut out);
        }
        out
    }

    /// What stands beside a root, where it is a power of the root's own base: then `1/√q`, whose `√q` is kept as
    /// `q q^(-1/2)` with `q` written out, is `q^(-1/2)` and no fraction of sums.
    fn power_beside_root(&mut self, rest: &Poly, common: &[Access]) -> Option<(Access, Rational, Rational)> {
        for a in common {
            let Atom::Group(terms) = self.atoms.atom(a.node) else { continue };
            if exponent::decode(a.power).is_integer() {
                continue;
            }
            let terms = terms.clone();
            let base = self.instantiate(&terms, &a.at, &rest.axes);
            let mut power = base.clone();
            for count in 1..=ROOTS {
                if power.terms.len() > rest.terms.len() {
                    break;
                }
                if let Some(scale) = ratio(rest, &power) {
                    let base = Access { power: exponent::ONE, ..a.clone() };
                    return Some((base, Rational::from(count), scale));
                }
                power = self.times(&power, &base);
            }
        }
        None
    }

    fn group(&mut self, terms: Terms, of: &Poly) -> chainrule_core::NodeId {
        let mixed = self.abstracted(&[of]).mixed;
        let nonnegative = self.atoms.terms_nonnegative(&terms);
        self.atoms.intern(Atom::Group(terms), Info { mixed, nonnegative, ..Info::default() })
    }

    /// Abstracted terms with first coefficient 1 (or ±1, where the sign has to stay), their place, and what was
    /// divided out.
    pub(crate) fn primitive(&mut self, poly: &Poly, signed: bool) -> (Terms, Vec<Term>, Rational) {
        let abstracted = self.abstracted(&[poly]);
        let mut terms = abstracted.terms.into_iter().next().unwrap_or_default();
        let Some(lead) = terms.first().map(|t| t.1.clone()) else {
            return (terms, abstracted.at, Rational::from(1));
        };
        let scale = if signed { lead } else { lead.abs() };
        let inverse = scale.recip().unwrap_or(Rational::from(1));
        for (_, c) in &mut terms {
            *c = &*c * &inverse;
        }
        (terms, abstracted.at, scale)
    }

    /// Factors that every term has, with the least exponent; reciprocals that any term has.
    pub(crate) fn common_factors(&mut self, poly: &Poly, signed: bool) -> Vec<Access> {
        let free = poly.axes.len();
        let plain = |a: &Access| {
            let mut bound = false;
            a.at.iter().for_each(|t| t.each_label(&mut |l| bound |= l.0 as usize >= free));
            !bound
        };
        let mut seen: Vec<(Access, Rational)> = Vec::new();
        for m in poly.terms.keys() {
            for a in m.accesses.iter().filter(|a| plain(a)) {
                if !seen.iter().any(|(b, _)| b.node == a.node && b.at == a.at) {
                    seen.push((a.clone(), Rational::from(0)));
                }
            }
        }
        let mut common = Vec::new();
        for (a, _) in seen {
            if !signed && !self.atoms.info(a.node).nonnegative {
                continue;
            }
            let least = poly
                .terms
                .keys()
                .map(|m| {
                    let here = m.accesses.iter().find(|b| b.node == a.node && b.at == a.at);
                    here.map_or(Rational::from(0), |b| exponent::decode(b.power))
                })
                .min()
                .unwrap_or(Rational::from(0));
            if let Some(power) = exponent::encode(&least).filter(|_| !least.is_zero()) {
                common.push(Access { power, ..a });
            }
        }
        common
    }
}

/// The number that one polynomial is of another.
fn ratio(a: &Poly, b: &Poly) -> Option<Rational> {
    let (m, c) = b.terms.first()?;
    let scale = a.terms.get(m)?.checked_div(c)?;
    let all = a.terms.len() == b.terms.len()
        && b.terms.iter().all(|(m, c)| a.terms.get(m).is_some_and(|d| *d == c * &scale));
    all.then_some(scale)
}

/// Whether a power of a sum is small enough to be multiplied out.
pub(crate) fn expands(terms: usize, power: i64) -> bool {
    let mut count = 1usize;
    for _ in 0..power.min(64) {
        count = count.saturating_mul(terms.max(1));
    }
    count <= WIDTH && power <= 64 || terms == 1 && power <= 16
}

/// Prime factors with their counts, up to trial division.
fn factors(n: i64) -> Vec<(i64, i64)> {
    let (mut n, mut found) = (n, Vec::new());
    let mut p = 2;
    while p * p <= n && p < TRIED {
        let mut count = 0;
        while n % p == 0 {
            n /= p;
            count += 1;
        }
        if count > 0 {
            found.push((p, count));
        }
        p += 1;
    }
    if n > 1 {
        found.push((n, 1));
    }
    found
}
