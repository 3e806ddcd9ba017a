//! The builder: the graph that expressions grow in, and the log of what went wrong.
//!
//! A body of a function is a builder of its own that writes into the same log, so that a mistake inside a layer is
//! told with the layer's path and the origin of its operands.

use super::diagnostic::{Diagnostic, Diagnostics, Note};
use super::extents::Extents;
use super::origin::{Call, Origin, Place, trail};
use super::{Expr, UNKNOWN};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::function::Function;
use crate::graph::op::{Facts, Literal};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::{Dim, Type};
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A graph under construction, shared by every [`Expr`] made from it. Cheap to clone; not `Send`.
///
/// ```
/// use chainrule_core::expr::Builder;
/// let b = Builder::new();
/// let x = b.real("x", "n");
/// let y = (&x * &x).sum() / 2.0;
/// let program = b.finish(&[&y])?;
/// assert_eq!(program.graph.shape(program.outputs[0]).len(), 0);
/// # Ok::<(), chainrule_core::expr::Diagnostics>(())
/// ```
#[derive(Clone, Default)]
pub struct Builder {
    graph: Rc<RefCell<Arc<Graph>>>,
    log: Rc<Log>,
}

/// What is common to a builder and the bodies of its functions.
#[derive(Default)]
struct Log {
    diagnostics: RefCell<Vec<Diagnostic>>,
    calls: RefCell<Vec<Call>>,
    current: Cell<Option<usize>>,
}

/// A finished graph and the nodes that were asked for.
#[derive(Clone)]
pub struct Program {
    /// The graph.
    pub graph: Arc<Graph>,
    /// One node for each output.
    pub outputs: Vec<NodeId>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program({} nodes, {:?})", self.graph.len(), self.outputs)
    }
}

/// While it lives, what is built belongs to a layer.
pub struct Entered<'a> {
    log: &'a Log,
    within: Option<usize>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.log.current.set(self.within);
    }
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Builder {
        Builder::default()
    }

    // ---------------------------------------------------------------- leaves

    /// Declares an input.
    ///
    /// Declaring a name again with another type is a mistake of kind [`Error::Duplicate`].
    #[track_caller]
    pub fn input(&self, name: &str, ty: Type) -> Expr {
        self.input_with(name, ty, Facts::default())
    }

    /// Declares an input with facts: symmetric, positive, one-hot, constant.
    #[track_caller]
    pub fn input_with(&self, name: &str, ty: Type, facts: Facts) -> Expr {
        self.declare(name, ty, facts, Origin::Input(Arc::from(name)), Location::caller())
    }

    /// Declares a real input: `b.real("x", "n")`, `b.real("V", [2, 3])`, `b.real("t", ())`.
    #[track_caller]
    pub fn real(&self, name: &str, shape: impl Extents) -> Expr {
        self.input(name, Type::real(shape.extents()))
    }

    /// Declares labels `0 .. below`.
    #[track_caller]
    pub fn labels(&self, name: &str, below: impl Into<Dim>, shape: impl Extents) -> Expr {
        self.input(name, Type::index(below, shape.extents()))
    }

    /// Declares a parameter of a layer: an input whose name is its path.
    #[track_caller]
    pub fn param(&self, path: &str, ty: Type) -> Expr {
        self.declare(path, ty, Facts::default(), Origin::Param(Arc::from(path)), Location::caller())
    }

    fn declare(&self, name: &str, ty: Type, facts: Facts, origin: Origin, at: Place) -> Expr {
        // Extents of something poisoned: the mistake is known already.
        if ty.shape.iter().any(|d| d.names().iter().any(|n| **n == *UNKNOWN)) {
            return self.poison(origin);
        }
        match self.with(|g| g.input_with(name, ty, facts)) {
            Ok(node) => self.expr(node, origin),
            Err(error) => self.refuse_at(error, Vec::new(), None, at),
        }
    }

    /// A number, exactly.
    pub fn rational(&self, value: Rational) -> Expr {
        let node = self.with(|g| g.rational(value));
        self.expr(node, Origin::Number)
    }

    /// A number as written: 0.1 is one tenth. NaN and infinities are kept by their bits.
    pub fn number(&self, value: f64) -> Expr {
        match Rational::from_f64(value) {
            Some(value) => self.rational(value),
            None => self.literal(Literal::real(&[], [value])),
        }
    }

    /// A literal tensor.
    pub fn literal(&self, literal: Literal) -> Expr {
        let node = self.with(|g| g.literal(literal));
        self.expr(node, Origin::Number)
    }

    /// The circle's number.
    pub fn pi(&self) -> Expr {
        let node = self.with(Graph::pi);
        self.expr(node, Origin::Number)
    }

    // ---------------------------------------------------------------- functions

    /// A function with identity applied to expressions: the body is written once, in its own graph.
    ///
    /// Reports keep the name; [`Graph::local_jacobian`] of the node is the Jacobian of the body. The body sees only
    /// its formals, called as given.
    ///
    /// ```
    /// use chainrule_core::expr::Builder;
    /// let b = Builder::new();
    /// let (v, x) = (b.real("V", [2, 3]), b.real("x", 3));
    /// let y = b.function("linear", &[("v", &v), ("x", &x)], |f| f[0].dot(&f[1]));
    /// assert_eq!(y.dim(0), 2.into());
    /// ```
    #[track_caller]
    pub fn function(&self, name: &str, args: &[(&str, &Expr)], body: impl FnOnce(&[Expr]) -> Expr) -> Expr {
        let at = Location::caller();
        let operands: Vec<&Expr> = args.iter().map(|(_, x)| *x).collect();
        if operands.iter().any(|x| x.node.is_none()) {
            return self.poison(Origin::Operation("function", self.path(), at));
        }
        let inner = Builder { graph: Rc::default(), log: self.log.clone() };
        let formals: Vec<Expr> = args
            .iter()
            .map(|(n, x)| inner.declare(n, x.ty(), Facts::default(), x.origin.clone(), at))
            .collect();
        let output = body(&formals);
        if !output.builder.owns(&inner) {
            return self.refuse_at(Error::OtherGraph, vec![output.note("result")], None, at);
        }
        let nodes: Option<Vec<NodeId>> = formals.iter().map(|x| x.node).collect();
        let (Some(formals), Some(output)) = (nodes, output.node) else {
            return self.poison(Origin::Operation("function", self.path(), at));
        };
        let body = (**inner.graph.borrow()).clone();
        let (label, name) = (Arc::from(name), name.to_string());
        let function = Function { name, composite: None, axes: Vec::new(), body, formals, output };
        let result = Expr::combine_in(self, "apply", &operands, at, |g, args| g.apply(function, args));
        Expr { origin: Origin::Function(label, self.path(), at), ..result }
    }

    // ---------------------------------------------------------------- layers

    /// Enters a layer: until the answer is dropped, what is built belongs to `path`.
    ///
    /// Mistakes are told at the line that asked for the operation, or at `made` for layers of a library, whose own
    /// lines would tell the reader nothing.
    pub fn enter(&self, path: &str, input: &Expr, made: Option<Place>) -> Entered<'_> {
        let within = self.log.current.get();
        let mut calls = self.log.calls.borrow_mut();
        calls.push(Call { path: Arc::from(path), input: input.origin.clone(), made });
        self.log.current.set(Some(calls.len() - 1));
        Entered { log: &self.log, within }
    }

    /// The result of the layer that was entered last, so that messages say `output of …`.
    pub fn leave(&self, input: &Expr, output: Expr) -> Expr {
        let Some(call) = self.log.current.get().filter(|_| output.node != input.node) else { return output };
        let label = match &output.origin {
            Origin::Output(name, _) => name.clone(),
            origin => Arc::from(origin.label()),
        };
        Expr { origin: Origin::Output(label, call), ..output }
    }

    /// Path of the layer being built; empty outside of all.
    pub fn path(&self) -> Arc<str> {
        match self.log.current.get() {
            Some(call) => self.log.calls.borrow()[call].path.clone(),
            None => Arc::from(""),
        }
    }

    /// The line that made the layer being built, if mistakes are told there.
    pub fn made(&self) -> Option<Place> {
        self.log.current.get().and_then(|call| self.log.calls.borrow()[call].made)
    }

    // ---------------------------------------------------------------- mistakes

    /// Records a mistake and answers with a poisoned expression, which absorbs whatever is done with it.
    #[track_caller]
    pub fn refuse(&self, error: Error, notes: Vec<Note>, help: Option<String>) -> Expr {
        self.refuse_at(error, notes, help, Location::caller())
    }

    pub(crate) fn refuse_at(&self, error: Error, notes: Vec<Note>, help: Option<String>, at: Place) -> Expr {
        let diagnostic = self.diagnose(error, notes, help, at);
        self.log.diagnostics.borrow_mut().push(diagnostic);
        self.poison(Origin::Operation("poison", self.path(), at))
    }

    /// A mistake seen from here, not recorded.
    pub(crate) fn diagnose(
        &self,
        error: Error,
        notes: Vec<Note>,
        help: Option<String>,
        at: Place,
    ) -> Diagnostic {
        let calls = self.log.calls.borrow();
        let trail = self.log.current.get().map_or(Vec::new(), |call| trail(&calls, call));
        drop(calls);
        let at = self.made().unwrap_or(at);
        Diagnostic { error, layer: self.path().to_string(), at, notes, trail, help }
    }

    /// Everything that went wrong so far, if anything did.
    pub fn diagnostics(&self) -> Option<Diagnostics> {
        let all = self.log.diagnostics.borrow();
        (!all.is_empty()).then(|| Diagnostics(all.clone()))
    }

    /// The finished graph with the nodes of the outputs.
    ///
    /// # Errors
    /// Every mistake made while building, all at once.
    #[track_caller]
    pub fn finish(&self, outputs: &[&Expr]) -> std::result::Result<Program, Diagnostics> {
        let foreign = outputs.iter().find(|x| !x.builder.owns(self));
        if let Some(foreign) = foreign {
            self.refuse_at(Error::OtherGraph, vec![foreign.note("output")], None, Location::caller());
        }
        if let Some(all) = self.diagnostics() {
            return Err(all);
        }
        let outputs = outputs.iter().filter_map(|x| x.node).collect();
        Ok(Program { graph: self.graph.borrow().clone(), outputs })
    }

    // ---------------------------------------------------------------- the graph itself

    /// Runs a step on the graph itself. A graph that was finished before is copied first.
    pub fn with<T>(&self, step: impl FnOnce(&mut Graph) -> T) -> T {
        step(Arc::make_mut(&mut self.graph.borrow_mut()))
    }

    /// Reads the graph.
    pub fn read<T>(&self, step: impl FnOnce(&Graph) -> T) -> T {
        step(&self.graph.borrow())
    }

    /// A handle of a node that was made on the graph itself.
    #[track_caller]
    pub fn wrap(&self, operation: &'static str, node: NodeId) -> Expr {
        self.expr(node, Origin::Operation(operation, self.path(), Location::caller()))
    }

    pub(crate) fn owns(&self, other: &Builder) -> bool {
        Rc::ptr_eq(&self.graph, &other.graph)
    }

    pub(crate) fn expr(&self, node: NodeId, origin: Origin) -> Expr {
        Expr { builder: self.clone(), node: Some(node), origin }
    }

    pub(crate) fn poison(&self, origin: Origin) -> Expr {
        Expr { builder: self.clone(), node: None, origin }
    }

    pub(crate) fn origin_text(&self, origin: &Origin) -> String {
        origin.text(&self.log.calls.borrow())
    }

    /// Runs a step that may fail on nodes of this graph, for derivatives and values.
    pub(crate) fn attempt<T>(
        &self,
        operands: &[&Expr],
        at: Place,
        step: impl FnOnce(&mut Graph, &[NodeId]) -> Result<T>,
    ) -> std::result::Result<T, Diagnostics> {
        let notes = || Expr::notes(operands);
        let single = |error| Diagnostics(vec![self.diagnose(error, notes(), None, at)]);
        if operands.iter().any(|x| !x.builder.owns(self)) {
            return Err(single(Error::OtherGraph));
        }
        let nodes: Option<Vec<NodeId>> = operands.iter().map(|x| x.node).collect();
        match nodes {
            Some(nodes) => self.with(|g| step(g, &nodes)).map_err(single),
            None => Err(self.diagnostics().unwrap_or(Diagnostics(Vec::new()))),
        }
    }
}
