//! The layer: anything that makes an expression from an expression inside a scope. Every closure is one.

use crate::scope::Scope;
use chainrule_core::expr::{Expr, Place};

/// A step of a network.
///
/// ```
/// use chainrule_core::Expr;
/// use chainrule_nn::{Init, Layer, Scope, layer};
/// let scale = layer(|scope, x| x * scope.param("gain", x.shape(), Init::Ones));
/// fn residual(f: impl Layer) -> impl Layer {
///     move |scope: &Scope, x: &Expr| x + scope.at("f", &f, x)
/// }
/// let scope = Scope::new(chainrule_nn::Mode::Train);
/// let x = scope.builder().real("x", 3);
/// let y = scope.at("block", &residual(scale), &x);
/// assert_eq!(y.shape(), x.shape());
/// assert_eq!(scope.params().paths().collect::<Vec<_>>(), ["block/f/gain"]);
/// ```
pub trait Layer {
    /// The output for an input; runs once for each reading of a definition, on symbolic shapes.
    fn apply(&self, scope: &Scope, x: &Expr) -> Expr;

    /// The name it goes by in a sequence; without one, its position.
    fn name(&self) -> Option<&str> {
        None
    }

    /// Where mistakes inside are told, for layers whose own lines are a library's.
    fn place(&self) -> Option<Place> {
        None
    }

    /// The same layer under a name: `affine(2).named("1")` has parameters `1/v` and `1/b`.
    fn named(self, name: &str) -> Named<Self>
    where
        Self: Sized,
    {
        Named { layer: self, name: name.to_string() }
    }

    /// The same layer, its output named, so that a derivation can cut there: `relu.yields("q")`.
    fn yields(self, output: &str) -> Yields<Self>
    where
        Self: Sized,
    {
        Yields { layer: self, output: output.to_string() }
    }
}

impl<F: Fn(&Scope, &Expr) -> Expr> Layer for F {
    fn apply(&self, scope: &Scope, x: &Expr) -> Expr {
        self(scope, x)
    }
}

/// A closure as a layer, without annotations: `layer(|scope, x| x.tanh())`.
pub fn layer<F: Fn(&Scope, &Expr) -> Expr>(f: F) -> F {
    f
}

/// A layer with a name; see [`Layer::named`].
#[derive(Clone, Debug)]
pub struct Named<L> {
    layer: L,
    name: String,
}

impl<L: Layer> Layer for Named<L> {
    fn apply(&self, scope: &Scope, x: &Expr) -> Expr {
        self.layer.apply(scope, x)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn place(&self) -> Option<Place> {
        self.layer.place()
    }
}

/// A layer whose output has a name; see [`Layer::yields`].
#[derive(Clone, Debug)]
pub struct Yields<L> {
    layer: L,
    output: String,
}

impl<L: Layer> Layer for Yields<L> {
    fn apply(&self, scope: &Scope, x: &Expr) -> Expr {
        self.layer.apply(scope, x).named(&self.output)
    }

    fn name(&self) -> Option<&str> {
        self.layer.name()
    }

    fn place(&self) -> Option<Place> {
        self.layer.place()
    }
}
