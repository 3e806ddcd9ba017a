//! What may stand beside an expression: another one, by value or by reference, or a number.
//!
//! A float literal is the rational of its shortest decimal, so `0.1` is one tenth and not its binary neighbour.

use super::Expr;
use crate::error::Result;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::rational::Rational;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::panic::Location;

/// A value that can be combined with an [`Expr`].
pub trait Operand {
    /// The same value as an expression of the graph that `like` grows in.
    fn expr(&self, like: &Expr) -> Expr;
}

impl Operand for Expr {
    fn expr(&self, _like: &Expr) -> Expr {
        self.clone()
    }
}

impl<T: Operand + ?Sized> Operand for &T {
    fn expr(&self, like: &Expr) -> Expr {
        (**self).expr(like)
    }
}

impl Operand for f64 {
    fn expr(&self, like: &Expr) -> Expr {
        like.builder.number(*self)
    }
}

impl Operand for Rational {
    fn expr(&self, like: &Expr) -> Expr {
        like.builder.rational(self.clone())
    }
}

impl Operand for i64 {
    fn expr(&self, like: &Expr) -> Expr {
        like.builder.rational(Rational::from(*self))
    }
}

impl Operand for i32 {
    fn expr(&self, like: &Expr) -> Expr {
        i64::from(*self).expr(like)
    }
}

type Two = fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>;

impl Expr {
    /// An operation on two aligned operands.
    pub(crate) fn two(&self, operation: &'static str, other: &Expr, at: super::Place, make: Two) -> Expr {
        Expr::combine(operation, &[self, other], at, |g, args| {
            let args = g.align(args);
            make(g, args[0], args[1])
        })
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $symbol:literal $make:path;)*) => {$(
        impl<T: Operand> $trait<T> for &Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: T) -> Expr {
                self.two($symbol, &other.expr(self), Location::caller(), $make)
            }
        }

        impl<T: Operand> $trait<T> for Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: T) -> Expr {
                self.two($symbol, &other.expr(&self), Location::caller(), $make)
            }
        }

        operators!(@left $trait $method $symbol $make; f64, i32, i64, Rational);
    )*};
    (@left $trait:ident $method:ident $symbol:literal $make:path; $($number:ty),*) => {$(
        impl $trait<&Expr> for $number {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: &Expr) -> Expr {
                self.expr(other).two($symbol, other, Location::caller(), $make)
            }
        }

        impl $trait<Expr> for $number {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: Expr) -> Expr {
                self.expr(&other).two($symbol, &other, Location::caller(), $make)
            }
        }
    )*};
}

operators! {
    Add add "+" Graph::add;
    Sub sub "-" Graph::sub;
    Mul mul "*" Graph::multiply;
    Div div "/" Graph::divide;
}

impl Neg for &Expr {
    type Output = Expr;
    #[track_caller]
    fn neg(self) -> Expr {
        Expr::combine("-", &[self], Location::caller(), |g, x| {
            g.expect_entries("-", x[0], crate::shape::DType::Real)?;
            Ok(g.neg(x[0]))
        })
    }
}

impl Neg for Expr {
    type Output = Expr;
    #[track_caller]
    fn neg(self) -> Expr {
        -&self
    }
}
