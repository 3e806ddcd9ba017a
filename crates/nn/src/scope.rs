//! The scope: where a layer stands, in which reading, and where its parameters are declared.
//!
//! Parameters are created where they are used, with shapes taken from the input, exactly once: a layer runs once for
//! each reading, on symbolic shapes, so nothing is initialised lazily and nothing depends on data.

use crate::layer::Layer;
use crate::params::{Init, ParamTree, Spec};
use chainrule_core::error::Error;
use chainrule_core::expr::{Builder, Expr, Extents, Note, Place};
use chainrule_core::shape::Type;
use std::cell::{Cell, Ref, RefCell};
use std::panic::Location;
use std::rc::Rc;

/// Which reading of a definition is being built.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    /// With the loss, for gradients.
    Train,
    /// With the decision, for use.
    Infer,
}

/// Path, reading, graph and parameters of the layer being built. Cheap to clone.
#[derive(Clone)]
pub struct Scope {
    builder: Builder,
    path: String,
    mode: Mode,
    params: Rc<RefCell<ParamTree>>,
    /// Number of the shared application that this scope belongs to.
    shared: Option<u32>,
    applications: Rc<Cell<u32>>,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scope({:?}, {:?})", self.path, self.mode)
    }
}

impl Scope {
    /// The outermost scope of a new graph.
    pub fn new(mode: Mode) -> Scope {
        let (builder, path) = (Builder::new(), String::new());
        Scope { builder, path, mode, params: Rc::default(), shared: None, applications: Rc::default() }
    }

    /// The graph under construction.
    pub fn builder(&self) -> &Builder {
        &self.builder
    }

    /// Path of the layer: `mlp/2`; empty at the outside.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True in the training reading: for layers that differ by mode.
    pub fn training(&self) -> bool {
        self.mode == Mode::Train
    }

    /// The parameters declared so far.
    pub fn params(&self) -> Ref<'_, ParamTree> {
        self.params.borrow()
    }

    /// Declares an input of the network.
    #[track_caller]
    pub fn input(&self, name: &str, ty: Type) -> Expr {
        self.builder.input(name, ty)
    }

    /// Declares a parameter of this layer.
    ///
    /// A path that exists already is a mistake that names both places: two cells that collide silently would train
    /// as one. Weights are shared by [`Scope::shared`].
    #[track_caller]
    pub fn param(&self, name: &str, shape: impl Extents, init: Init) -> Expr {
        let at = self.builder.made().unwrap_or(Location::caller());
        let (path, ty) = (self.join(name), Type::real(shape.extents()));
        let known = self.params.borrow().get(&path).cloned();
        if let Some(first) = known {
            return self.again(&path, ty, first, at);
        }
        let param = self.builder.param(&path, ty.clone());
        if !param.is_poisoned() {
            let spec = Spec { ty, init, at, shared: self.shared };
            self.params.borrow_mut().insert(path, spec);
        }
        param
    }

    /// A parameter whose path is known: the same one in another shared application, otherwise a mistake.
    fn again(&self, path: &str, ty: Type, first: Spec, at: Place) -> Expr {
        let other_application =
            first.shared.is_some() && self.shared.is_some() && first.shared != self.shared;
        if other_application && first.ty == ty {
            self.params.borrow_mut().insert(path.to_string(), Spec { shared: self.shared, ..first });
            return self.builder.param(path, ty);
        }
        let note = |role: &str, ty: &Type, at: Place| Note {
            role: role.to_string(),
            name: path.to_string(),
            ty: Some(ty.clone()),
            origin: format!("declared at {at}"),
        };
        let notes = vec![note("first", &first.ty, first.at), note("second", &ty, at)];
        let error = Error::Duplicate { name: path.into(), first: first.ty, second: ty };
        let help = "give one of the layers another name, or share the weights with `scope.shared`";
        self.builder.refuse(error, notes, Some(help.to_string()))
    }

    /// A layer applied under a name: its parameters are `name/…`.
    pub fn at<L: Layer + ?Sized>(&self, name: &str, layer: &L, x: &Expr) -> Expr {
        let scope = Scope { path: self.join(name), ..self.clone() };
        scope.run(layer, x)
    }

    /// As [`Scope::at`], for a layer that is applied several times with the same weights.
    ///
    /// ```
    /// use chainrule_nn::{Mode, Scope, affine};
    /// let scope = Scope::new(Mode::Train);
    /// let (a, b) = (scope.builder().real("a", 3), scope.builder().real("b", 3));
    /// let encoder = affine(2);
    /// let y = scope.shared("enc", &encoder, &a) - scope.shared("enc", &encoder, &b);
    /// assert!(!y.is_poisoned());
    /// assert_eq!(scope.params().paths().count(), 2);
    /// ```
    pub fn shared<L: Layer + ?Sized>(&self, name: &str, layer: &L, x: &Expr) -> Expr {
        self.applications.set(self.applications.get() + 1);
        let scope = Scope { path: self.join(name), shared: Some(self.applications.get()), ..self.clone() };
        scope.run(layer, x)
    }

    /// The outermost layer, under its own name if it has one.
    pub(crate) fn outermost<L: Layer + ?Sized>(&self, layer: &L, x: &Expr) -> Expr {
        match layer.name() {
            Some(name) => self.at(name, layer, x),
            None => self.run(layer, x),
        }
    }

    fn run<L: Layer + ?Sized>(&self, layer: &L, x: &Expr) -> Expr {
        let _entered = self.builder.enter(&self.path, x, layer.place());
        let y = layer.apply(self, x);
        self.builder.leave(x, y)
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}/{name}", self.path) }
    }
}
