//! Writing a graph down.

use super::{COMPARISONS, LINEAR, LOGIC, MAGIC, REDUCTIONS, word_of};
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::function::Function;
use crate::graph::op::{Entries, Op, Scan};
use crate::graph::step::Step;
use crate::index::{Atom, Term};
use crate::node::NodeId;
use crate::ops::composite::COMPOSITES;
use crate::ops::map::Map;
use crate::shape::{DType, Dim, Type};
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt::Write;
use std::sync::Arc;

impl Graph {
    /// The graph as text: everything that the outputs depend on, or the whole graph when none is given.
    ///
    /// Linear in the number of nodes; no recursion on their depth. What is no node of this graph is left out.
    pub fn to_text(&self, outputs: &[NodeId]) -> String {
        let nodes: Vec<NodeId> =
            if outputs.is_empty() { self.nodes().collect() } else { self.reachable(outputs) };
        let table = bodies(self, &nodes);
        let mut text = format!("{MAGIC} {}\n", table.version());
        for (k, body) in table.list.iter().enumerate() {
            write_body(&mut text, body, &table.word(k), &table);
        }
        let printer = Printer::new(self, &nodes, &table);
        printer.lines(&mut text, &nodes);
        for (name, node) in self.names() {
            if let Some(place) = printer.place(node) {
                push(&mut text, format_args!("name {} %{place}\n", quoted(name)));
            }
        }
        for &output in outputs {
            if let Some(place) = printer.place(output) {
                push(&mut text, format_args!("output %{place}\n"));
            }
        }
        text
    }
}

impl Step {
    /// The step as it stands in the text of a graph, after the bodies that it applies: equal texts are equal steps.
    pub fn to_text(&self) -> String {
        let own = Body::Step(Arc::new(self.clone()));
        let mut table = bodies(self.body(), &own.nodes());
        table.add(own);
        let mut text = String::new();
        for (k, body) in table.list.iter().enumerate() {
            write_body(&mut text, body, &table.word(k), &table);
        }
        text
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("invariant: writing to memory succeeds");
}

/// A body that stands before the nodes.
#[derive(Clone)]
enum Body {
    Function(Arc<Function>),
    Step(Arc<Step>),
}

impl Body {
    fn graph(&self) -> &Graph {
        match self {
            Body::Function(function) => &function.body,
            Body::Step(step) => step.body(),
        }
    }

    fn outputs(&self) -> &[NodeId] {
        match self {
            Body::Function(function) => std::slice::from_ref(&function.output),
            Body::Step(step) => step.outputs(),
        }
    }

    fn formals(&self) -> &[NodeId] {
        match self {
            Body::Function(function) => &function.formals,
            Body::Step(step) => step.formals(),
        }
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.graph().reachable(&[self.formals(), self.outputs()].concat())
    }

    fn hash(&self) -> u64 {
        match self {
            Body::Function(function) => function.structural_hash(),
            Body::Step(step) => step.structural_hash(),
        }
    }

    fn same(&self, other: &Body) -> bool {
        match (self, other) {
            (Body::Function(f), Body::Function(g)) => f.same(g),
            (Body::Step(s), Body::Step(t)) => s.same(t),
            _ => false,
        }
    }
}

/// The body that a node applies.
fn body_of(graph: &Graph, node: NodeId) -> Option<Body> {
    match graph.op(node) {
        Op::Named(_) => graph.as_named(node).cloned().map(Body::Function),
        Op::Scan(_) => graph.as_scan(node).map(|(_, step)| Body::Step(step.clone())),
        _ => None,
    }
}

/// Bodies that these nodes apply, in order of first use.
fn used(graph: &Graph, nodes: &[NodeId]) -> Vec<Body> {
    let mut seen = FxHashSet::default();
    nodes
        .iter()
        .filter(|&&n| applied(graph, n).is_some_and(|id| seen.insert(id)))
        .filter_map(|&n| body_of(graph, n))
        .collect()
}

/// Whether a node applies a step, and the number of what it applies in its graph.
fn applied(graph: &Graph, node: NodeId) -> Option<(bool, u32)> {
    match graph.op(node) {
        Op::Named(id) => Some((false, *id)),
        Op::Scan(scan) => Some((true, scan.step)),
        _ => None,
    }
}

/// Every function and step that is needed, those that a body applies before it; nested ones with a stack of our own.
fn bodies(graph: &Graph, nodes: &[NodeId]) -> Table {
    let mut table = Table::default();
    let mut open = vec![(None, used(graph, nodes).into_iter())];
    while let Some((_, rest)) = open.last_mut() {
        match rest.next() {
            Some(body) if table.position(&body).is_some() => {}
            Some(body) => {
                let inner = used(body.graph(), &body.nodes()).into_iter();
                open.push((Some(body), inner));
            }
            None => {
                if let Some((Some(body), _)) = open.pop() {
                    table.add(body);
                }
            }
        }
    }
    table
}

/// Bodies by structure.
#[derive(Default)]
struct Table {
    list: Vec<Body>,
    by_hash: FxHashMap<u64, Vec<usize>>,
}

impl Table {
    fn position(&self, body: &Body) -> Option<usize> {
        let same = self.by_hash.get(&body.hash())?;
        same.iter().copied().find(|&k| self.list[k].same(body))
    }

    fn add(&mut self, body: Body) {
        self.by_hash.entry(body.hash()).or_default().push(self.list.len());
        self.list.push(body);
    }

    /// `f0`, `f1`, … and `s0`, `s1`, …: functions and steps are numbered apart.
    fn word(&self, position: usize) -> String {
        let is_step = |body: &Body| matches!(body, Body::Step(_));
        let kind = is_step(&self.list[position]);
        let number = self.list[..position].iter().filter(|b| is_step(b) == kind).count();
        format!("{}{number}", if kind { 's' } else { 'f' })
    }

    /// The first version that knows every word.
    fn version(&self) -> u64 {
        if self.list.iter().any(|body| matches!(body, Body::Step(_))) { 2 } else { 1 }
    }
}

fn write_body(text: &mut String, body: &Body, word: &str, table: &Table) {
    match body {
        Body::Function(function) => {
            push(text, format_args!("function {word} {}", quoted(&function.name)));
            if let Some(id) = function.composite {
                push(text, format_args!(" composite {}", COMPOSITES[usize::from(id)].primitive.name));
            }
            if !function.axes.is_empty() {
                push(text, format_args!(" axes"));
                function.axes.iter().for_each(|axis| push(text, format_args!(" {axis}")));
            }
        }
        Body::Step(step) => {
            push(text, format_args!("step {word} {} inputs {}", quoted(step.name()), step.per_step()));
        }
    }
    text.push('\n');
    let nodes = body.nodes();
    let printer = Printer::new(body.graph(), &nodes, table);
    printer.lines(text, &nodes);
    text.push_str("formals");
    for &formal in body.formals() {
        push(text, format_args!(" {}", printer.node(formal)));
    }
    for &output in body.outputs() {
        push(text, format_args!("\noutput {}", printer.node(output)));
    }
    text.push_str("\nend\n");
}

/// Lines of one graph, with nodes numbered from 0 in order.
struct Printer<'a> {
    graph: &'a Graph,
    places: Vec<u32>,
    /// Words of functions and steps, by their numbers in the graph.
    words: FxHashMap<(bool, u32), String>,
}

impl<'a> Printer<'a> {
    fn new(graph: &'a Graph, nodes: &[NodeId], table: &Table) -> Printer<'a> {
        let mut places = vec![u32::MAX; nodes.last().map_or(0, |n| n.index() + 1)];
        let mut words = FxHashMap::default();
        for (k, &node) in nodes.iter().enumerate() {
            places[node.index()] = k as u32;
            if let (Some(id), Some(body)) = (applied(graph, node), body_of(graph, node)) {
                words.entry(id).or_insert_with(|| {
                    table.word(table.position(&body).expect("invariant: every body was collected"))
                });
            }
        }
        Printer { graph, places, words }
    }

    fn place(&self, node: NodeId) -> Option<u32> {
        self.places.get(node.index()).copied().filter(|&k| k != u32::MAX)
    }

    fn node(&self, node: NodeId) -> String {
        format!("%{}", self.places[node.index()])
    }

    fn lines(&self, text: &mut String, nodes: &[NodeId]) {
        for (k, &node) in nodes.iter().enumerate() {
            push(text, format_args!("%{k} : "));
            write_type(text, self.graph.ty(node));
            text.push_str(" = ");
            self.operation(text, node);
            text.push('\n');
        }
    }

    fn operation(&self, text: &mut String, node: NodeId) {
        match self.graph.op(node) {
            Op::Zero(_) => text.push_str("zero"),
            Op::Input(_) => self.input(text, node),
            Op::Rational(value) => push(text, format_args!("rational {value}")),
            Op::Pi => text.push_str("pi"),
            Op::Size(dim) => push(text, format_args!("size {}", dim_text(dim))),
            Op::Literal(_) => self.literal(text, node),
            Op::Sum(coefficients) => {
                text.push_str("sum");
                for (coefficient, arg) in coefficients.iter().zip(self.graph.args(node)) {
                    push(text, format_args!(" {coefficient}*%{}", self.places[arg.index()]));
                }
            }
            Op::Contract(_) => self.contract(text, &self.graph.as_product(node)),
            Op::Map(id) => self.apply(text, node, format_args!("map {}", Map::by_id(*id).name)),
            Op::Select => self.apply(text, node, format_args!("select")),
            Op::Compare(c) => self.apply(text, node, format_args!("compare {}", word_of(COMPARISONS, c))),
            Op::Logic(l) => self.apply(text, node, format_args!("logic {}", word_of(LOGIC, l))),
            Op::Reduce(r, axis) => {
                self.apply(text, node, format_args!("reduce {} {axis}", word_of(REDUCTIONS, r)));
            }
            Op::ArgMax(axis) => self.apply(text, node, format_args!("argmax {axis}")),
            Op::ArgSort(axis) => self.apply(text, node, format_args!("argsort {axis}")),
            Op::Linear(l) => self.apply(text, node, format_args!("linear {}", word_of(LINEAR, l))),
            Op::Named(id) => self.apply(text, node, format_args!("named {}", self.words[&(false, *id)])),
            Op::Scan(scan) => {
                let Scan { step, carry, length, backward } = &**scan;
                let (word, length) = (&self.words[&(true, *step)], dim_text(length));
                let direction = if *backward { " backward" } else { "" };
                self.apply(text, node, format_args!("scan {word} carry {carry} length {length}{direction}"));
            }
            Op::Tag(name) => self.apply(text, node, format_args!("tag {}", quoted(name))),
            Op::StopGradient => self.apply(text, node, format_args!("stop_gradient")),
            Op::Checkpoint => self.apply(text, node, format_args!("checkpoint")),
        }
    }

    fn apply(&self, text: &mut String, node: NodeId, word: std::fmt::Arguments<'_>) {
        push(text, word);
        for arg in self.graph.args(node) {
            push(text, format_args!(" %{}", self.places[arg.index()]));
        }
    }

    fn input(&self, text: &mut String, node: NodeId) {
        let input = self.graph.as_input(node).expect("invariant: an input");
        push(text, format_args!("input {}", quoted(&input.name)));
        let facts = &input.facts;
        let words = [
            (facts.symmetric, " symmetric"),
            (facts.positive, " positive"),
            (facts.one_hot, " one_hot"),
            (facts.constant, " constant"),
        ];
        words.iter().filter(|(holds, _)| *holds).for_each(|(_, word)| text.push_str(word));
        if input.copy > 0 {
            push(text, format_args!(" copy {}", input.copy));
        }
    }

    fn literal(&self, text: &mut String, node: NodeId) {
        text.push_str("literal");
        match &self.graph.as_literal(node).expect("invariant: a literal").entries() {
            Entries::Real(bits) => bits.iter().for_each(|&b| push(text, format_args!(" {}", real_text(b)))),
            Entries::Int(list) => list.iter().for_each(|n| push(text, format_args!(" {n}"))),
            Entries::Bool(list) => list.iter().for_each(|b| push(text, format_args!(" {b}"))),
        }
    }

    fn contract(&self, text: &mut String, product: &Product) {
        text.push_str("contract [");
        for (k, extent) in product.extents.iter().enumerate() {
            let separator = if k == product.free {
                "|"
            } else if k > 0 {
                ","
            } else {
                ""
            };
            push(text, format_args!("{separator}{}", dim_text(extent)));
        }
        text.push_str(if product.free == product.extents.len() { "|]" } else { "]" });
        for Access { node, at, power } in &product.accesses {
            text.push(' ');
            self.entry(text, *node, at);
            if *power != 1 {
                push(text, format_args!("^{power}"));
            }
        }
        if !product.conds.is_empty() {
            text.push_str(" where");
        }
        for cond in &product.conds {
            match cond {
                Cond::Zero(t) => push(text, format_args!(" zero({})", self.term(t))),
                Cond::NonNegative(t) => push(text, format_args!(" nonneg({})", self.term(t))),
                Cond::Holds(node, at, negated) => {
                    text.push_str(if *negated { " fails " } else { " holds " });
                    self.entry(text, *node, at);
                }
            }
        }
    }

    fn entry(&self, text: &mut String, node: NodeId, at: &[Term]) {
        push(text, format_args!("%{}", self.places[node.index()]));
        if !at.is_empty() {
            let at: Vec<String> = at.iter().map(|t| self.term(t)).collect();
            push(text, format_args!("[{}]", at.join(",")));
        }
    }

    fn term(&self, term: &Term) -> String {
        let mut pieces: Vec<String> = Vec::new();
        for (atom, coefficient) in term.parts() {
            let mut piece = String::new();
            if *coefficient != Dim::ONE {
                push(&mut piece, format_args!("{}*", factor_text(coefficient)));
            }
            match atom {
                Atom::Label(l) => push(&mut piece, format_args!("#{}", l.0)),
                Atom::Quotient(t, d) => {
                    push(&mut piece, format_args!("div({};{})", self.term(t), dim_text(d)))
                }
                Atom::Remainder(t, d) => {
                    push(&mut piece, format_args!("mod({};{})", self.term(t), dim_text(d)))
                }
                Atom::Element(node, at) => self.entry(&mut piece, *node, at),
            }
            pieces.push(piece);
        }
        if pieces.is_empty() || !term.offset().is_zero() {
            pieces.push(factor_text(term.offset()));
        }
        pieces.join("+")
    }
}

/// A number as it is, a size in parentheses.
fn factor_text(dim: &Dim) -> String {
    match dim.as_fixed() {
        Some(n) => n.to_string(),
        None => format!("({})", dim_text(dim)),
    }
}

/// Sizes first, the number last, no spaces: `m*n^2-1`.
fn dim_text(dim: &Dim) -> String {
    let mut text = String::new();
    for (k, (monomial, coefficient)) in dim.monomials().iter().rev().enumerate() {
        if k > 0 && *coefficient >= 0 {
            text.push('+');
        }
        if *coefficient == -1 && !monomial.is_empty() {
            text.push('-');
        } else if *coefficient != 1 || monomial.is_empty() {
            push(&mut text, format_args!("{coefficient}"));
            text.push_str(if monomial.is_empty() { "" } else { "*" });
        }
        for (j, (name, power)) in monomial.iter().enumerate() {
            let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let name = if plain { name.to_string() } else { quoted(name) };
            push(&mut text, format_args!("{}{name}", if j > 0 { "*" } else { "" }));
            if *power > 1 {
                push(&mut text, format_args!("^{power}"));
            }
        }
    }
    if text.is_empty() { "0".to_string() } else { text }
}

fn write_type(text: &mut String, ty: &Type) {
    match (ty.dtype, &ty.below) {
        (DType::Real, _) => text.push_str("real"),
        (DType::Bool, _) => text.push_str("bool"),
        (DType::Int, None) => text.push_str("int"),
        (DType::Int, Some(below)) => push(text, format_args!("index[{}]", dim_text(below))),
    }
    text.push('[');
    for (k, extent) in ty.shape.iter().enumerate() {
        push(text, format_args!("{}{}", if k > 0 { "," } else { "" }, dim_text(extent)));
    }
    text.push(']');
}

fn real_text(bits: u64) -> String {
    let value = f64::from_bits(bits);
    if value.is_nan() && bits != f64::NAN.to_bits() {
        format!("nan:{bits:016x}")
    } else {
        format!("{value:?}")
    }
}

/// In quotes, on one line.
fn quoted(name: &str) -> String {
    let mut text = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => {
                push(&mut text, format_args!("\\u{{{:x}}}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
