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
use std::cell::{Cell, OnceCell, RefCell};
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
    /// The function whose body this is, once its formals are declared.
    body_of: Rc<OnceCell<Arc<str>>>,
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
        let known = || self.try_read(|g| g.find_input(name).is_some()).unwrap_or(false);
        if let Some(function) = self.body_of.get().filter(|_| !known()) {
            let problem = format!("its body declares the input {name}, which is none of its formals");
            let error = Error::Body { function: function.to_string(), problem };
            return self.refuse_at(error, Vec::new(), None, at);
        }
        match self.try_with(|g| g.input_with(name, ty, facts)) {
            Ok(node) => self.expr(node, origin),
            Err(error) => self.refuse_at(error, Vec::new(), None, at),
        }
    }

    /// A number, exactly.
    #[track_caller]
    pub fn rational(&self, value: Rational) -> Expr {
        self.constant(|g| g.rational(value))
    }

    #[track_caller]
    fn constant(&self, make: impl FnOnce(&mut Graph) -> NodeId) -> Expr {
        match self.try_with(|g| Ok(make(g))) {
            Ok(node) => self.expr(node, Origin::Number),
            Err(error) => self.refuse(error, Vec::new(), None),
        }
    }

    /// A number as written: 0.1 is one tenth. NaN and infinities are kept by their bits.
    #[track_caller]
    pub fn number(&self, value: f64) -> Expr {
        match Rational::from_f64(value) {
            Some(value) => self.rational(value),
            None => self.literal(Literal::number(value)),
        }
    }

    /// A literal tensor.
    #[track_caller]
    pub fn literal(&self, literal: Literal) -> Expr {
        self.constant(|g| g.literal(literal))
    }

    /// The circle's number.
    #[track_caller]
    pub fn pi(&self) -> Expr {
        self.constant(Graph::pi)
    }

    // ---------------------------------------------------------------- functions

    /// A function with identity applied to expressions: the body is written once, in its own graph.
    ///
    /// Reports keep the name; [`Graph::local_jacobian`] of the node is the Jacobian of the body. The body sees only
    /// its formals, called as given: an input that it declares is a mistake of kind [`Error::Body`].
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
        let inner = Builder { graph: Rc::default(), log: self.log.clone(), body_of: Rc::default() };
        let formals: Vec<Expr> = args
            .iter()
            .map(|(n, x)| inner.declare(n, x.ty(), Facts::default(), x.origin.clone(), at))
            .collect();
        inner.body_of.get_or_init(|| Arc::from(name));
        let output = body(&formals);
        if !output.builder.owns(&inner) {
            return self.refuse_at(Error::OtherGraph, vec![output.note("result")], None, at);
        }
        let nodes: Option<Vec<NodeId>> = formals.iter().map(|x| x.node).collect();
        let (Some(formals), Some(output)) = (nodes, output.node) else {
            return self.poison(Origin::Operation("function", self.path(), at));
        };
        let body = (*inner.shared_graph()).clone();
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
        match self.graph.try_borrow() {
            Ok(graph) => Ok(Program { graph: graph.clone(), outputs }),
            Err(_) => {
                self.refuse_at(Error::InUse, Vec::new(), None, Location::caller());
                Err(self.diagnostics().unwrap_or(Diagnostics(Vec::new())))
            }
        }
    }

    // ---------------------------------------------------------------- the graph itself

    /// Runs a step on the graph itself. A graph that was finished before is copied first.
    ///
    /// Expressions cannot be combined during the step: that is a mistake of kind [`Error::InUse`].
    ///
    /// # Panics
    /// Inside another step of the same builder, which has the graph already.
    pub fn with<T>(&self, step: impl FnOnce(&mut Graph) -> T) -> T {
        match self.graph.try_borrow_mut() {
            Ok(mut graph) => step(Arc::make_mut(&mut graph)),
            Err(_) => {
                panic!("Builder::with inside a step of Builder::with: use the graph that the step is given")
            }
        }
    }

    /// Reads the graph. Expressions may be combined meanwhile; the step does not see what they add.
    ///
    /// # Panics
    /// Inside a step of [`Builder::with`], which has the graph already.
    pub fn read<T>(&self, step: impl FnOnce(&Graph) -> T) -> T {
        step(&self.shared_graph())
    }

    fn shared_graph(&self) -> Arc<Graph> {
        match self.graph.try_borrow() {
            Ok(graph) => graph.clone(),
            Err(_) => {
                panic!("Builder::read inside a step of Builder::with: use the graph that the step is given")
            }
        }
    }

    /// As [`Builder::with`], for expressions: inside a step it is refused.
    pub(crate) fn try_with<T>(&self, step: impl FnOnce(&mut Graph) -> Result<T>) -> Result<T> {
        match self.graph.try_borrow_mut() {
            Ok(mut graph) => step(Arc::make_mut(&mut graph)),
            Err(_) => Err(Error::InUse),
        }
    }

    /// As [`Builder::read`], for expressions: inside a step it is refused.
    pub(crate) fn try_read<T>(&self, step: impl FnOnce(&Graph) -> T) -> Result<T> {
        match self.graph.try_borrow() {
            Ok(graph) => Ok(step(&graph)),
            Err(_) => Err(Error::InUse),
        }
    }

    /// A handle of a node that was made on the graph itself.
    ///
    /// A node that the graph does not have is a mistake of kind [`Error::OtherGraph`].
    #[track_caller]
    pub fn wrap(&self, operation: &'static str, node: NodeId) -> Expr {
        let at = Location::caller();
        match self.try_read(|g| g.expect_nodes(&[node])).flatten() {
            Ok(()) => self.expr(node, Origin::Operation(operation, self.path(), at)),
            Err(error) => self.refuse_at(error, Vec::new(), None, at),
        }
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
            Some(nodes) => self.try_with(|g| step(g, &nodes)).map_err(single),
            None => Err(self.diagnostics().unwrap_or(Diagnostics(Vec::new()))),
        }
    }
}
