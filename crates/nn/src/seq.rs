//! Sequences: the output of each layer is the input of the next.

use crate::layer::Layer;
use crate::scope::Scope;
use chainrule_core::expr::Expr;

/// Layers one after the other; a tuple of up to eight.
///
/// Each has the path of its name, or of its position: `seq((affine(2).named("1"), relu, affine(3).named("2")))` has
/// parameters `1/v`, `1/b`, `2/v`, `2/b`.
pub fn seq<T>(layers: T) -> Seq<T>
where
    Seq<T>: Layer,
{
    Seq(layers)
}

/// See [`seq`].
#[derive(Clone, Debug)]
pub struct Seq<T>(T);

macro_rules! tuples {
    ($($(($position:tt $layer:ident))+;)+) => {$(
        impl<$($layer: Layer),+> Layer for Seq<($($layer,)+)> {
            fn apply(&self, scope: &Scope, x: &Expr) -> Expr {
                let y = x.clone();
                $(
                    let layer = &self.0.$position;
                    let y = scope.at(layer.name().unwrap_or(stringify!($position)), layer, &y);
                )+
                y
            }
        }
    )+};
}

tuples! {
    (0 A);
    (0 A) (1 B);
    (0 A) (1 B) (2 C);
    (0 A) (1 B) (2 C) (3 D);
    (0 A) (1 B) (2 C) (3 D) (4 E);
    (0 A) (1 B) (2 C) (3 D) (4 E) (5 F);
    (0 A) (1 B) (2 C) (3 D) (4 E) (5 F) (6 G);
    (0 A) (1 B) (2 C) (3 D) (4 E) (5 F) (6 G) (7 H);
}
