//! One measurement: how its graph is made, its inputs, and what its checksum is of.

use chainrule::core::expr::{Builder, Expr, Program};
use chainrule::core::rational::Rational;
use chainrule::core::shape::Type;
use serde_json::Value;
use std::rc::Rc;

/// Entries of an input.
#[derive(Clone)]
pub(crate) enum Data {
    Real(Vec<f64>),
    Labels(Vec<i64>),
}

/// What is measured, and what its checksum is of.
#[derive(Clone, PartialEq)]
pub(crate) enum Kind {
    /// One call; the checksum is of the outputs from this one on.
    Call(usize),
    /// One call; the checksum is the first output itself.
    Value,
    /// Each output takes the place of the input with this name before the next call; the checksum is of all after
    /// three calls. In single precision.
    Step(Vec<String>),
    /// The one output as its factors; the checksum is of the dense tensor.
    Compressed,
}

/// A program with the values of its inputs.
pub(crate) struct Made {
    pub(crate) program: Program,
    pub(crate) inputs: Vec<(String, Data)>,
    pub(crate) kind: Kind,
}

/// An answer, or why there is none.
pub(crate) type Answer<T> = Result<T, Box<dyn std::error::Error>>;

/// One measurement.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) workload: &'static str,
    pub(crate) n: Value,
    pub(crate) metric: String,
    make: Rc<dyn Fn() -> Answer<Made>>,
}

impl Job {
    pub(crate) fn new(
        workload: &'static str,
        n: Value,
        metric: &str,
        make: impl Fn() -> Answer<Made> + 'static,
    ) -> Job {
        Job { workload, n, metric: metric.to_string(), make: Rc::new(make) }
    }

    /// Builds and differentiates: what the time of compiling begins with.
    pub(crate) fn make(&self) -> Answer<Made> {
        (self.make)()
    }
}

/// A builder that keeps the values of the inputs it declares.
#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) b: Builder,
    inputs: Vec<(String, Data)>,
}

impl Bench {
    /// A real input and its entries.
    pub(crate) fn real(&mut self, name: &str, shape: &[usize], entries: Vec<f64>) -> Expr {
        assert_eq!(entries.len(), shape.iter().product::<usize>(), "{name}");
        self.inputs.push((name.to_string(), Data::Real(entries)));
        self.b.input(name, Type::real(shape.iter().map(|&d| d as i64)))
    }

    /// An input of labels and its entries.
    pub(crate) fn labels(&mut self, name: &str, below: usize, shape: &[usize], entries: Vec<i64>) -> Expr {
        assert_eq!(entries.len(), shape.iter().product::<usize>(), "{name}");
        self.inputs.push((name.to_string(), Data::Labels(entries)));
        self.b.input(name, Type::index(below as i64, shape.iter().map(|&d| d as i64)))
    }

    /// A formula in index notation; names are those of inputs, and those given.
    pub(crate) fn form(&self, text: &str, given: &[(&str, &Expr)]) -> Expr {
        form(&self.b, text, given)
    }

    /// The measurement of these outputs.
    pub(crate) fn finish(self, outputs: &[&Expr], kind: Kind) -> Answer<Made> {
        Ok(Made { program: self.b.finish(outputs)?, inputs: self.inputs, kind })
    }
}

/// A formula in index notation as an expression.
pub(crate) fn form(b: &Builder, text: &str, given: &[(&str, &Expr)]) -> Expr {
    let nodes: Option<Vec<_>> = given.iter().map(|(name, x)| Some((*name, x.node()?))).collect();
    // A poisoned operand has told its mistake already; any number stands for what it makes.
    let Some(nodes) = nodes else { return b.rational(Rational::from(0)) };
    match b.with(|g| g.form(text, &nodes)) {
        Ok(node) => b.wrap("form", node),
        Err(error) => b.refuse(error, Vec::new(), Some(text.to_string())),
    }
}

/// A layer's activation by its name.
pub(crate) fn activation(name: &str, x: &Expr) -> Expr {
    match name {
        "tanh" => x.tanh(),
        "relu" => x.relu(),
        other => panic!("cases.json names the activation {other}: relu and tanh are known"),
    }
}
