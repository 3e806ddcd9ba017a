//! Elementwise functions of canonical polynomials: composites opened, exponentials split, logarithms collected.

use crate::atom::{Atom, Info};
use crate::canon::Canon;
use crate::exponent;
use crate::poly::{Poly, is_plain};
use chainrule_core::form::{Access, Cond, Product};
use chainrule_core::ops::map::{
    ABS, ACOS, ASIN, ASINH, ATAN, CBRT, CEIL, CLIP, COS, COSH, DIGAMMA, ERF, EXP, EXPM1, FLOOR, GELU, LGAMMA,
    LOG, LOG1P, MAX, MIN, Map, POW, RECIP, RELU, ROUND, SIGMOID, SIGN, SILU, SIN, SINH, SOFTPLUS, SQRT, TAN,
    TANH,
};
use chainrule_core::rational::Rational;

fn half() -> Rational {
    Rational::new(1, 2)
}

fn int(n: i64) -> Rational {
    Rational::from(n)
}

impl Canon {
    fn one(&self, like: &Poly) -> Poly {
        Poly::constant(&like.axes, &int(1))
    }

    /// The map with this number, at polynomials over the same axes.
    pub(crate) fn map(&mut self, id: u16, args: &[Poly]) -> Poly {
        let map = Map::by_id(id);
        let x = &args[0];
        let is = |m: &Map| m.id == id;
        if is(&EXP) {
            return self.exp(x);
        }
        if is(&EXPM1) {
            return self.exp(x).plus(&int(-1), &self.one(x));
        }
        if is(&LOG) {
            return self.log(x);
        }
        if is(&LOG1P) {
            let shifted = self.one(x).plus(&int(1), x);
            return self.log(&shifted);
        }
        if is(&SQRT) {
            return self.pow(x, &half());
        }
        if is(&CBRT) {
            return self.pow(x, &Rational::new(1, 3));
        }
        if is(&RECIP) {
            return self.recip(x);
        }
        if is(&POW) {
            return self.power_of(x, &args[1]);
        }
        if is(&TAN) {
            let sin = self.map(SIN.id, &args[..1]);
            let cos = self.map(COS.id, &args[..1]);
            let inverse = self.recip(&cos);
            return self.times(&sin, &inverse);
        }
        if is(&SINH) || is(&COSH) {
            let up = self.exp(x);
            let down = self.exp(&x.scaled(&int(-1)));
            let sign = if is(&SINH) { int(-1) } else { int(1) };
            return up.plus(&sign, &down).scaled(&half());
        }
        if is(&TANH) {
            let s = self.sigmoid(&x.scaled(&int(2)));
            return s.scaled(&int(2)).plus(&int(-1), &self.one(x));
        }
        if is(&SIGMOID) {
            return self.sigmoid(x);
        }
        if is(&SOFTPLUS) {
            let e = self.exp(x).plus(&int(1), &self.one(x));
            return self.log(&e);
        }
        if is(&SILU) {
            let s = self.sigmoid(x);
            return self.times(x, &s);
        }
        if is(&GELU) {
            let mut root = self.pow(&Poly::constant(&x.axes, &int(2)), &-&half());
            root = self.times(x, &root);
            let erf = self.map(ERF.id, &[root]);
            let sum = erf.plus(&int(1), &self.one(x));
            return self.times(x, &sum).scaled(&half());
        }
        if is(&ABS) {
            return self.abs(x);
        }
        if is(&SIGN) {
            return self.sign(x);
        }
        if is(&RELU) {
            let p = self.positive(x);
            return self.times(&p, x);
        }
        if is(&MAX) || is(&MIN) {
            // max(a, b) = b + [a > b] (a - b)
            let d = x.clone().plus(&int(-1), &args[1]);
            let d = if is(&MAX) { d } else { d.scaled(&int(-1)) };
            let p = self.positive(&d);
            let gain = self.times(&p, &d);
            let sign = if is(&MAX) { int(1) } else { int(-1) };
            return args[1].clone().plus(&sign, &gain);
        }
        if is(&CLIP) {
            // x + [a > x] (a - x) - [x > b] (x - b), with `a` first where the interval is empty
            let low = args[1].clone().plus(&int(-1), x);
            let p = self.positive(&low);
            let up = self.times(&p, &low);
            let high = x.clone().plus(&int(-1), &args[2]);
            let q = self.positive(&high);
            let inside = self.one(x).plus(&int(-1), &p);
            let q = self.times(&q, &inside);
            let down = self.times(&q, &high);
            return x.clone().plus(&int(1), &up).plus(&int(-1), &down);
        }
        self.plain_map(map, args)
    }

    /// An atom of a function with no algebra of its own but parity and a few values.
    fn plain_map(&mut self, map: &'static Map, args: &[Poly]) -> Poly {
        let x = &args[0];
        let is = |m: &Map| m.id == map.id;
        let odd = [&SIN, &ATAN, &ASIN, &ERF, &ASINH].into_iter().any(is);
        if let Some(c) = x.as_constant().filter(|_| args.len() == 1) {
            let zero = c.is_zero();
            let rounded = match () {
                () if is(&FLOOR) => Some(c.floor()),
                () if is(&CEIL) => Some(-&(-&c).floor()),
                () if zero && (odd || is(&ROUND)) => Some(int(0)),
                () if zero && is(&COS) => Some(int(1)),
                () => None,
            };
            if let Some(value) = rounded {
                return Poly::constant(&x.axes, &value);
            }
        }
        if is(&ACOS) {
            // The core writes arccos through no other function; its sum with arcsin is a constant.
            return self.atom_of(map, args);
        }
        if (odd || is(&COS)) && !x.is_zero() {
            let (_, _, lead) = self.primitive(x, true);
            if lead.is_negative() {
                let flipped = self.atom_of(map, &[x.scaled(&int(-1))]);
                return if odd { flipped.scaled(&int(-1)) } else { flipped };
            }
        }
        if is(&LGAMMA) || is(&DIGAMMA) {
            self.domain.insert("away from the poles of the gamma function".to_string());
        }
        self.atom_of(map, args)
    }

    fn atom_of(&mut self, map: &'static Map, args: &[Poly]) -> Poly {
        let axes = args[0].axes.clone();
        let refs: Vec<&Poly> = args.iter().collect();
        let (node, at) = self.abstract_atom(&refs, |terms| Atom::Map(map.id, terms));
        self.atom_factor(&axes, node, at, &int(1))
    }

    /// `atom[at]^e`, already canonical: nothing is looked at again.
    fn atom_factor(
        &mut self,
        axes: &[chainrule_core::shape::Dim],
        node: chainrule_core::NodeId,
        at: Vec<chainrule_core::index::Term>,
        e: &Rational,
    ) -> Poly {
        let mut out = Poly::zero(axes);
        let Some(power) = exponent::encode(e) else {
            self.exhausted = true;
            return out;
        };
        let mut p = Product::one(axes.iter().cloned());
        p.accesses.push(Access { node, at: at.into_iter().collect(), power });
        out.add_term(p, &int(1));
        out
    }

    fn sigmoid(&mut self, x: &Poly) -> Poly {
        // 1 - 1/(1 + exp(x)), which is exp(x)/(1 + exp(x))
        let e = self.exp(x).plus(&int(1), &self.one(x));
        let r = self.recip(&e);
        self.one(x).plus(&int(-1), &r)
    }

    /// `exp(Σ c m) = Π exp(m)^c`, and `exp(c log u) = u^c`.
    pub(crate) fn exp(&mut self, x: &Poly) -> Poly {
        let mut out = self.one(x);
        let mut product = Product::one(x.axes.iter().cloned());
        for m in x.products() {
            let c = m.coefficient.clone();
            let monic = Product { coefficient: int(1), ..m };
            let log = match &monic.accesses[..] {
                [a] if is_plain(&monic) && a.power == exponent::ONE => match self.atoms.atom(a.node) {
                    Atom::Map(id, args) if *id == LOG.id => Some((args[0].clone(), a.at.to_vec())),
                    _ => None,
                },
                _ => None,
            };
            if let Some((terms, at)) = log {
                self.domain.insert("where the logarithms exist".to_string());
                let u = self.instantiate(&terms, &at, &x.axes);
                let power = self.pow(&u, &c);
                out = self.times(&out, &power);
                continue;
            }
            let mut p = Poly::zero(&x.axes);
            p.add_term(monic, &int(1));
            let (node, at) = self.abstract_atom(&[&p], |mut t| Atom::Exp(t.swap_remove(0).swap_remove(0).0));
            match exponent::encode(&c) {
                Some(power) => product.accesses.push(Access { node, at: at.into_iter().collect(), power }),
                None => self.exhausted = true,
            }
        }
        if product.accesses.is_empty() {
            return out;
        }
        let mut e = Poly::zero(&x.axes);
        self.tidy(product, &mut e);
        self.times(&out, &e)
    }

    /// `log(c Π b^e · rest)` with the factors that are never negative split off.
    pub(crate) fn log(&mut self, x: &Poly) -> Poly {
        let axes = x.axes.clone();
        let mut out = Poly::zero(&axes);
        if x.as_constant().is_some_and(|c| c.is_one()) {
            return out;
        }
        let mut rest = x.clone();
        let common: Vec<Access> = self
            .common_factors(x, false)
            .into_iter()
            .filter(|a| !matches!(self.atoms.atom(a.node), Atom::Size(_)) || x.terms.len() == 1)
            .collect();
        if !common.is_empty() {
            for a in &common {
                let e = exponent::decode(a.power);
                let part = self.log_of_factor(&axes, a);
                out = out.plus(&e, &part);
            }
            rest = self.without_factors(x, &common);
        }
        if let Some((m, c)) = rest.single()
            && is_plain(m)
            && !c.is_negative()
        {
            let (m, c) = (m.clone(), c.clone());
            let mut numbers = Product::one(axes.iter().cloned());
            self.number_power(&mut numbers, &c, &Rational::new(1, 997));
            // Powers 1/997 of the primes count how often each occurs.
            for a in numbers.accesses.clone() {
                let count = &exponent::decode(a.power) * &int(997);
                let part = self.log_atom(&axes, &Access { power: exponent::ONE, ..a });
                out = out.plus(&count, &part);
            }
            if m.accesses.is_empty() {
                return out;
            }
            if let [a] = &m.accesses[..] {
                let e = exponent::decode(a.power);
                if e.to_i64().is_none_or(|e| e % 2 != 0) {
                    let part = self.log_atom(&axes, &Access { power: exponent::ONE, ..a.clone() });
                    return out.plus(&e, &part);
                }
            }
            let mut p = Poly::zero(&axes);
            self.tidy(m, &mut p);
            let part = self.atom_of(&LOG, &[p]);
            return out.plus(&int(1), &part);
        }
        let (_, _, scale) = self.primitive(&rest, false);
        if !scale.is_one() && !scale.is_zero() {
            let number = self.log(&Poly::constant(&axes, &scale));
            out = out.plus(&int(1), &number);
            rest = rest.scaled(&scale.recip().unwrap_or(int(1)));
        }
        let part = self.atom_of(&LOG, &[rest]);
        out.plus(&int(1), &part)
    }

    fn log_of_factor(&mut self, axes: &[chainrule_core::shape::Dim], a: &Access) -> Poly {
        if let Atom::Exp(m) = self.atoms.atom(a.node) {
            let m = m.clone();
            return self.instantiate(&vec![(m, int(1))], &a.at, axes);
        }
        if let Atom::Group(terms) = self.atoms.atom(a.node) {
            let terms = terms.clone();
            let inner = self.instantiate(&terms, &a.at, axes);
            return self.atom_of(&LOG, &[inner]);
        }
        self.log_atom(axes, &Access { power: exponent::ONE, ..a.clone() })
    }

    fn log_atom(&mut self, axes: &[chainrule_core::shape::Dim], a: &Access) -> Poly {
        let mut p = Product::one(axes.iter().cloned());
        p.accesses.push(a.clone());
        let mut inner = Poly::zero(axes);
        // A prime alone would become a coefficient.
        inner.add_term(p, &int(1));
        self.atom_of(&LOG, &[inner])
    }

    /// `a^b`
    fn power_of(&mut self, a: &Poly, b: &Poly) -> Poly {
        if let Some(e) = b.as_constant() {
            return self.pow(a, &e);
        }
        self.domain.insert("where the bases of powers are positive".to_string());
        let log = self.log(a);
        let exponent = self.times(b, &log);
        self.exp(&exponent)
    }

    fn abs(&mut self, x: &Poly) -> Poly {
        if x.terms.iter().all(|(m, c)| !c.is_negative() && self.atoms.monomial_nonnegative(m)) {
            return x.clone();
        }
        let s = self.sign(x);
        self.times(&s, x)
    }

    /// `sign(x) = 2 [x > 0] + [x == 0] − 1`
    pub(crate) fn sign(&mut self, x: &Poly) -> Poly {
        let p = self.positive(x);
        let z = self.null(x);
        p.scaled(&int(2)).plus(&int(1), &z).plus(&int(-1), &self.one(x))
    }

    /// The predicate `d > 0` as a polynomial of 0 and 1.
    pub(crate) fn positive(&mut self, d: &Poly) -> Poly {
        if let Some(c) = d.as_constant() {
            let holds = c > int(0);
            return Poly::constant(&d.axes, &int(i64::from(holds)));
        }
        match self.sure_sign(d) {
            Some(true) => return self.one(d),
            Some(false) => return Poly::zero(&d.axes),
            None => {}
        }
        let (_, _, lead) = self.primitive(d, true);
        let unit = d.scaled(&lead.recip().unwrap_or(int(1)));
        let (node, at) = self.abstract_atom(&[&unit], |mut t| Atom::Positive(t.swap_remove(0)));
        let holds = self.indicator(d, node, at);
        if lead.is_negative() {
            let zero = self.null(d);
            return self.one(d).plus(&int(-1), &holds).plus(&int(-1), &zero);
        }
        holds
    }

    /// The predicate `d == 0`.
    pub(crate) fn null(&mut self, d: &Poly) -> Poly {
        if let Some(c) = d.as_constant() {
            return Poly::constant(&d.axes, &int(i64::from(c.is_zero())));
        }
        if self.sure_sign(d).is_some() {
            return Poly::zero(&d.axes);
        }
        let (_, _, lead) = self.primitive(d, true);
        let unit = d.scaled(&lead.recip().unwrap_or(int(1)));
        let (node, at) = self.abstract_atom(&[&unit], |mut t| Atom::Null(t.swap_remove(0)));
        self.indicator(d, node, at)
    }

    fn indicator(
        &mut self,
        like: &Poly,
        node: chainrule_core::NodeId,
        at: Vec<chainrule_core::index::Term>,
    ) -> Poly {
        let mut out = Poly::zero(&like.axes);
        let p = Product::one(like.axes.iter().cloned());
        out.add_term(p.when(Cond::Holds(node, at.into_iter().collect(), false)), &int(1));
        out
    }

    /// The sign of a sum of terms that are all above 0, or all below.
    fn sure_sign(&self, d: &Poly) -> Option<bool> {
        let strict = |m: &Product| {
            is_plain(m)
                && m.accesses.iter().all(|a| match self.atoms.atom(a.node) {
                    Atom::Exp(_) | Atom::Pi | Atom::Prime(_) => true,
                    Atom::Input(name, _) => self.assumed.positive.contains(name),
                    _ => false,
                })
        };
        let weak = |m: &Product| self.atoms.monomial_nonnegative(m);
        for positive in [true, false] {
            let signed = d.terms.iter().all(|(m, c)| c.is_negative() != positive && weak(m));
            if signed && d.terms.keys().any(strict) {
                return Some(positive);
            }
        }
        None
    }

    /// The circle's number.
    pub(crate) fn pi(&mut self, axes: &[chainrule_core::shape::Dim]) -> Poly {
        let node = self.atoms.intern(Atom::Pi, Info { nonnegative: true, ..Info::default() });
        self.factor(axes, node, Vec::new(), exponent::ONE)
    }
}
