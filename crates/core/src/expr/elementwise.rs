//! Elementwise methods: every primitive of the table of maps, powers, comparisons, selection.

use super::{Expr, Operand, Place};
use crate::graph::op::{Comparison, Logic};
use crate::ops::map::{self, Map};
use crate::shape::DType;
use std::panic::Location;

macro_rules! unary {
    ($($method:ident $map:ident)*) => {
        /// Methods made of a map of one argument.
        impl Expr {$(
            #[doc = concat!("`y[o] = ", stringify!($method), "(x[o])`; the block is [`map::", stringify!($map), "`].")]
            #[track_caller]
            pub fn $method(&self) -> Expr {
                self.apply(&map::$map, &[], Location::caller())
            }
        )*}

        #[cfg(test)]
        pub(crate) const UNARY: &[&str] = &[$(map::$map.name),*];
    };
}

unary! {
    exp EXP expm1 EXPM1 log LOG log1p LOG1P sqrt SQRT cbrt CBRT recip RECIP
    sin SIN cos COS tan TAN asin ASIN acos ACOS atan ATAN sinh SINH cosh COSH tanh TANH
    sigmoid SIGMOID softplus SOFTPLUS erf ERF lgamma LGAMMA digamma DIGAMMA
    abs ABS sign SIGN floor FLOOR ceil CEIL round ROUND relu RELU gelu GELU silu SILU
}

/// Methods made of a map of several arguments.
impl Expr {
    /// Any primitive of one argument by its record, `x.map(&map::TANH)`: what the named methods call.
    #[track_caller]
    pub fn map(&self, map: &'static Map) -> Expr {
        self.apply(map, &[], Location::caller())
    }

    fn apply(&self, map: &'static Map, others: &[Expr], at: Place) -> Expr {
        let operands: Vec<&Expr> = std::iter::once(self).chain(others).collect();
        Expr::combine(map.name, &operands, at, |g, args| {
            let args = g.align(args);
            g.map(map, &args)
        })
    }

    /// `y[o] = x[o]^exponent`.
    ///
    /// A whole number from 0 to 1024 is a product of equal factors, defined for every `x`, and `x^0` is the number 1. One
    /// from -1024 to -1 is a product of reciprocals, infinite at 0. Any other exponent makes [`map::POW`]: the value is
    /// NaN at `x < 0` unless the exponent is whole, and 0, 1 or infinite at `x = 0` by its sign.
    #[track_caller]
    pub fn pow(&self, exponent: impl Operand) -> Expr {
        let at = Location::caller();
        let exponent = exponent.expr(self);
        let whole =
            exponent.node.and_then(|n| exponent.builder.try_read(|g| g.as_rational(n)).ok()??.to_i64());
        match whole {
            Some(n @ 0..=1024) => self.whole_power(n as u32, at),
            Some(n @ -1024..=-1) => self.whole_power(n.unsigned_abs() as u32, at).apply(&map::RECIP, &[], at),
            _ => self.apply(&map::POW, &[exponent], at),
        }
    }

    fn whole_power(&self, power: u32, at: Place) -> Expr {
        Expr::combine("^", &[self], at, |g, x| {
            g.expect_entries("^", x[0], DType::Real)?;
            Ok(g.power(x[0], power))
        })
    }

    /// `y[o] = x[o]²`
    #[track_caller]
    pub fn sq(&self) -> Expr {
        self.whole_power(2, Location::caller())
    }

    /// Larger of two, entry by entry.
    #[track_caller]
    pub fn max(&self, other: impl Operand) -> Expr {
        self.apply(&map::MAX, &[other.expr(self)], Location::caller())
    }

    /// Smaller of two, entry by entry.
    #[track_caller]
    pub fn min(&self, other: impl Operand) -> Expr {
        self.apply(&map::MIN, &[other.expr(self)], Location::caller())
    }

    /// Nearest point of `[low, high]`.
    #[track_caller]
    pub fn clip(&self, low: impl Operand, high: impl Operand) -> Expr {
        self.apply(&map::CLIP, &[low.expr(self), high.expr(self)], Location::caller())
    }

    /// Angle of the point with ordinate `self` and the given abscissa.
    #[track_caller]
    pub fn atan2(&self, abscissa: impl Operand) -> Expr {
        self.apply(&map::ATAN2, &[abscissa.expr(self)], Location::caller())
    }

    /// Derivative of digamma of the given whole order.
    #[track_caller]
    pub fn polygamma(&self, order: impl Operand) -> Expr {
        order.expr(self).apply(&map::POLYGAMMA, std::slice::from_ref(self), Location::caller())
    }
}

/// Predicates and selection.
impl Expr {
    fn compare(&self, comparison: Comparison, other: &Expr, at: Place) -> Expr {
        Expr::combine(comparison.symbol(), &[self, other], at, |g, args| {
            let args = g.align(args);
            g.compare(comparison, args[0], args[1])
        })
    }

    /// `self > other`, entry by entry.
    #[track_caller]
    pub fn gt(&self, other: impl Operand) -> Expr {
        self.compare(Comparison::Greater, &other.expr(self), Location::caller())
    }

    /// `self >= other`, entry by entry.
    #[track_caller]
    pub fn ge(&self, other: impl Operand) -> Expr {
        self.compare(Comparison::GreaterEqual, &other.expr(self), Location::caller())
    }

    /// `self < other`, entry by entry.
    #[track_caller]
    pub fn lt(&self, other: impl Operand) -> Expr {
        other.expr(self).compare(Comparison::Greater, self, Location::caller())
    }

    /// `self <= other`, entry by entry.
    #[track_caller]
    pub fn le(&self, other: impl Operand) -> Expr {
        other.expr(self).compare(Comparison::GreaterEqual, self, Location::caller())
    }

    /// `self == other`, entry by entry; reals or labels.
    #[track_caller]
    pub fn equals(&self, other: impl Operand) -> Expr {
        self.compare(Comparison::Equal, &other.expr(self), Location::caller())
    }

    fn logic(&self, logic: Logic, others: &[&Expr], at: Place) -> Expr {
        let operands: Vec<&Expr> = std::iter::once(self).chain(others.iter().copied()).collect();
        Expr::combine("logic", &operands, at, |g, args| g.logic(logic, args))
    }

    /// Both hold.
    #[track_caller]
    pub fn and(&self, other: &Expr) -> Expr {
        self.logic(Logic::And, &[other], Location::caller())
    }

    /// At least one holds.
    #[track_caller]
    pub fn or(&self, other: &Expr) -> Expr {
        self.logic(Logic::Or, &[other], Location::caller())
    }

    /// The predicate fails.
    #[track_caller]
    pub fn negated(&self) -> Expr {
        self.logic(Logic::Not, &[], Location::caller())
    }

    /// `a` where the predicate holds, else `b`; lazy, so the branch not taken never matters.
    #[track_caller]
    pub fn select(&self, a: impl Operand, b: impl Operand) -> Expr {
        let (a, b) = (a.expr(self), b.expr(self));
        Expr::combine("if", &[self, &a, &b], Location::caller(), |g, n| g.select(n[0], n[1], n[2]))
    }

    /// The same value with derivative zero.
    #[track_caller]
    pub fn stop_gradient(&self) -> Expr {
        Expr::combine("stop_gradient", &[self], Location::caller(), |g, x| Ok(g.stop_gradient(x[0])))
    }

    /// The same value, recomputed instead of kept by executors that ask.
    #[track_caller]
    pub fn checkpoint(&self) -> Expr {
        Expr::combine("checkpoint", &[self], Location::caller(), |g, x| Ok(g.checkpoint(x[0])))
    }

    /// Entries (rows) at integer labels: `z.at(&y)` is `z[y]`, and `x.at(&k)` has rows `x[k[i]]`.
    ///
    /// The labels must be declared with a range inside the axis, so that each is checked before it is used.
    #[track_caller]
    pub fn at(&self, labels: &Expr) -> Expr {
        Expr::combine("at", &[self, labels], Location::caller(), |g, n| g.gather(n[0], n[1]))
    }
}
