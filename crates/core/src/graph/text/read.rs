//! Reading a graph back, and verifying it.

use super::lexer::Cursor;
use super::{COMPARISONS, LINEAR, LOGIC, MAGIC, REDUCTIONS, VERSION};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::function::Function;
use crate::graph::op::{Entries, Facts, Input, Literal, Logic, Op, Scan};
use crate::graph::step::Step;
use crate::node::NodeId;
use crate::ops::composite::COMPOSITES;
use crate::ops::map::Map;
use crate::rational::Rational;
use crate::shape::{DType, Type};
use rustc_hash::FxHashMap;
use std::sync::Arc;

impl Graph {
    /// Reads what [`Graph::to_text`] wrote: the graph and its outputs.
    ///
    /// # Errors
    /// [`Error::Syntax`] with the line for anything that is not a well-formed graph of this or an earlier version.
    pub fn from_text(text: &str) -> Result<(Graph, Vec<NodeId>)> {
        let mut lines = Lines { text, at: 0, number: 0 };
        let Some(mut header) = lines.next() else {
            return Err(Error::Syntax { at: 0, message: format!("line 1: `{MAGIC} {VERSION}` is expected") });
        };
        let version = read_header(&mut header)?;
        let mut table = Bodies::default();
        let mut main = Section::default();
        let mut function: Option<Section> = None;
        for mut c in lines {
            let is_step = version > 1 && c.rest().starts_with("step ");
            if is_step || c.rest().starts_with("function ") {
                if function.is_some() || !main.nodes.is_empty() {
                    return c.fail("a function stands before the nodes and not inside another");
                }
                let head = if is_step {
                    read_step_header(&mut c, table.steps.len())?
                } else {
                    read_function_header(&mut c, table.functions.len())?
                };
                function = Some(Section { head: Some(head), ..Section::default() });
            } else if c.rest() == "end" {
                let Some(section) = function.take() else { return c.fail("`end` without `function`") };
                section.finish(&c, &mut table)?;
            } else {
                function.as_mut().unwrap_or(&mut main).line(&mut c, &table)?;
            }
        }
        match function {
            None => Ok((main.graph, main.outputs)),
            Some(_) => {
                Err(Error::Syntax { at: text.len(), message: "the text ends inside a function".into() })
            }
        }
    }
}

/// Lines that are not empty, with their numbers.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Cursor<'a>;
    fn next(&mut self) -> Option<Cursor<'a>> {
        while self.at < self.text.len() {
            let start = self.at;
            let rest = &self.text[start..];
            let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
            self.at += line.len() + 1;
            self.number += 1;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !line.trim().is_empty() {
                return Some(Cursor::new(line, self.number, start));
            }
        }
        None
    }
}

fn read_header(c: &mut Cursor<'_>) -> Result<u64> {
    if c.token() != MAGIC {
        return c.fail(format!("`{MAGIC} {VERSION}` is expected"));
    }
    let version: u64 = c.number()?;
    if version == 0 || version > VERSION {
        return c.fail(format!("this text is of version {version}; versions up to {VERSION} are read here"));
    }
    c.end()?;
    Ok(version)
}

fn read_function_header(c: &mut Cursor<'_>, k: usize) -> Result<Head> {
    c.expect("function")?;
    c.expect("f")?;
    if c.number::<usize>()? != k {
        return c.fail(format!("functions are numbered in order: f{k} is expected"));
    }
    let name = c.quoted()?;
    let (mut composite, mut axes) = (None, Vec::new());
    if c.eat_word("composite") {
        let word = c.word();
        let Some(id) = COMPOSITES.iter().position(|f| f.primitive.name == word) else {
            return c.fail(format!("`{word}` is no composite"));
        };
        composite = Some(id as u16);
    }
    if c.eat_word("axes") {
        while !c.at_end() {
            axes.push(c.number()?);
        }
    }
    c.end()?;
    Ok(Head::Function { name, composite, axes })
}

fn read_step_header(c: &mut Cursor<'_>, k: usize) -> Result<Head> {
    c.expect("step")?;
    c.expect("s")?;
    if c.number::<usize>()? != k {
        return c.fail(format!("steps are numbered in order: s{k} is expected"));
    }
    let name = c.quoted()?;
    c.expect("inputs")?;
    let per_step = c.number()?;
    c.end()?;
    Ok(Head::Step { name, per_step })
}

/// First line of a function or of a step.
enum Head {
    Function { name: String, composite: Option<u16>, axes: Vec<usize> },
    Step { name: String, per_step: usize },
}

/// Functions and steps that were read.
#[derive(Default)]
struct Bodies {
    functions: Vec<Arc<Function>>,
    steps: Vec<Arc<Step>>,
}

/// The main graph or the body of a function, while it is read.
#[derive(Default)]
pub(super) struct Section {
    head: Option<Head>,
    pub(super) graph: Graph,
    pub(super) nodes: Vec<NodeId>,
    formals: Option<Vec<NodeId>>,
    outputs: Vec<NodeId>,
    /// Numbers in this graph of functions of the table.
    functions: FxHashMap<usize, u32>,
}

impl Section {
    fn line(&mut self, c: &mut Cursor<'_>, table: &Bodies) -> Result<()> {
        if c.rest().starts_with('%') {
            return self.node_line(c, table);
        }
        match c.word() {
            "output" => {
                let node = self.operand(c)?;
                self.outputs.push(node);
            }
            "name" if self.head.is_none() => {
                let name = c.quoted()?;
                let node = self.operand(c)?;
                self.graph.name(node, &name);
            }
            "formals" if self.head.is_some() && self.formals.is_none() => {
                self.formals = Some(self.operands(c)?);
            }
            other => return c.fail(format!("`{other}` begins no line here")),
        }
        c.end()
    }

    fn finish(self, c: &Cursor<'_>, table: &mut Bodies) -> Result<()> {
        let (head, formals, outputs) = match (self.head, self.formals) {
            (Some(head), Some(formals)) if !self.outputs.is_empty() => (head, formals, self.outputs),
            _ => return c.fail("a function has one line `formals` and one line `output`"),
        };
        match head {
            Head::Function { name, composite, axes } => {
                let [output] = outputs[..] else {
                    return c.fail("a function has one line `formals` and one line `output`");
                };
                let function = Function { name, composite, axes, body: self.graph, formals, output };
                function.check().map_err(|e| c.error(e))?;
                table.functions.push(Arc::new(function));
            }
            Head::Step { name, per_step } => {
                let step = Step::new(&name, self.graph, formals, outputs, per_step);
                table.steps.push(Arc::new(step.map_err(|e| c.error(e))?));
            }
        }
        Ok(())
    }

    fn operand(&self, c: &mut Cursor<'_>) -> Result<NodeId> {
        Ok(self.nodes[c.node(self.nodes.len())?])
    }

    fn operands(&self, c: &mut Cursor<'_>) -> Result<Vec<NodeId>> {
        let mut list = Vec::new();
        while !c.at_end() {
            list.push(self.operand(c)?);
        }
        Ok(list)
    }

    fn node_line(&mut self, c: &mut Cursor<'_>, table: &Bodies) -> Result<()> {
        c.expect("%")?;
        if c.number::<usize>()? != self.nodes.len() {
            return c.fail(format!("nodes are numbered in order: %{} is expected", self.nodes.len()));
        }
        c.expect(":")?;
        let ty = c.ty()?;
        c.expect("=")?;
        let before = self.graph.len();
        let node = self.operation(c, &ty, table)?;
        c.end()?;
        if node.index() != before || self.graph.len() != before + 1 {
            return c.fail("this is an earlier node, or has a simpler form");
        }
        if *self.graph.ty(node) != ty {
            return c.fail(format!("this is {}, not {ty}", self.graph.ty(node)));
        }
        self.nodes.push(node);
        Ok(())
    }

    fn operation(&mut self, c: &mut Cursor<'_>, ty: &Type, table: &Bodies) -> Result<NodeId> {
        match c.word() {
            "zero" => Ok(self.graph.zero(ty.clone())),
            "input" => self.input(c, ty),
            "rational" => match c.token().parse::<Rational>() {
                Ok(value) if !value.is_zero() => Ok(self.graph.rational(value)),
                _ => c.fail("a rational number p/q other than 0 is expected"),
            },
            "pi" => Ok(self.graph.pi()),
            "size" => {
                let dim = c.dim()?;
                Ok(self.graph.size(&dim))
            }
            "literal" => self.literal(c, ty),
            "sum" => self.sum(c),
            "contract" => self.contract(c),
            "map" => self.map(c),
            "named" => self.named(c, table),
            "scan" if !table.steps.is_empty() => self.scan(c, table),
            "tag" => {
                let name = c.quoted()?;
                let x = self.operand(c)?;
                Ok(self.graph.tag(&name, x))
            }
            word => self.plain(c, word),
        }
    }

    /// Operations whose constructors check everything.
    fn plain(&mut self, c: &mut Cursor<'_>, word: &str) -> Result<NodeId> {
        let op = match word {
            "select" => Op::Select,
            "compare" => Op::Compare(variant(c, COMPARISONS)?),
            "logic" => Op::Logic(variant(c, LOGIC)?),
            "reduce" => Op::Reduce(variant(c, REDUCTIONS)?, c.number()?),
            "argmax" => Op::ArgMax(c.number()?),
            "argsort" => Op::ArgSort(c.number()?),
            "linear" => Op::Linear(variant(c, LINEAR)?),
            "stop_gradient" => Op::StopGradient,
            "checkpoint" => Op::Checkpoint,
            other => return c.fail(format!("`{other}` is no operation")),
        };
        let args = self.operands(c)?;
        let count = match op {
            Op::Select => 3..=3,
            Op::Compare(_) => 2..=2,
            Op::Logic(Logic::And | Logic::Or) => 1..=usize::MAX,
            Op::Linear(_) => 1..=2,
            _ => 1..=1,
        };
        if !count.contains(&args.len()) {
            return c.fail(format!("{} operands are too many or too few", args.len()));
        }
        let g = &mut self.graph;
        let made = match &op {
            Op::Select => g.select(args[0], args[1], args[2]),
            Op::Compare(comparison) => g.compare(*comparison, args[0], args[1]),
            Op::Logic(logic) => g.logic(*logic, &args),
            Op::Reduce(reduction, axis) => g.reduce(*reduction, args[0], usize::from(*axis)),
            Op::ArgMax(axis) => g.argmax(args[0], usize::from(*axis)),
            Op::ArgSort(axis) => g.argsort(args[0], usize::from(*axis)),
            Op::Linear(kind) => g.linear(*kind, &args),
            Op::StopGradient => Ok(g.stop_gradient(args[0])),
            _ => Ok(g.checkpoint(args[0])),
        };
        made.map_err(|e| c.error(e))
    }

    fn input(&mut self, c: &mut Cursor<'_>, ty: &Type) -> Result<NodeId> {
        let name: Arc<str> = Arc::from(c.quoted()?);
        let facts = Facts {
            symmetric: c.eat_word("symmetric"),
            positive: c.eat_word("positive"),
            one_hot: c.eat_word("one_hot"),
            constant: c.eat_word("constant"),
        };
        let copy = if c.eat_word("copy") { c.number()? } else { 0 };
        if copy == 0 {
            if self.graph.find_input(&name).is_some() {
                return c.fail(format!("input {name} is declared before"));
            }
            return self.graph.input_with(&name, ty.clone(), facts);
        }
        self.graph.fresh = self.graph.fresh.max(copy);
        Ok(self.graph.register(Input { name, ty: ty.clone(), facts, copy }))
    }

    fn literal(&mut self, c: &mut Cursor<'_>, ty: &Type) -> Result<NodeId> {
        let mut shape = Vec::with_capacity(ty.rank());
        for extent in &ty.shape {
            match extent.as_fixed().and_then(|n| usize::try_from(n).ok()) {
                Some(n) => shape.push(n),
                None => return c.fail("a literal has fixed extents"),
            }
        }
        let mut tokens = Vec::new();
        while !c.at_end() {
            tokens.push(c.token());
        }
        let entries = match ty.dtype {
            DType::Real => tokens.iter().map(|t| real(t)).collect::<Option<Vec<u64>>>().map(Entries::Real),
            DType::Int => {
                tokens.iter().map(|t| t.parse().ok()).collect::<Option<Vec<i64>>>().map(Entries::Int)
            }
            DType::Bool => {
                tokens.iter().map(|t| t.parse().ok()).collect::<Option<Vec<bool>>>().map(Entries::Bool)
            }
        };
        match entries {
            Some(entries) => match Literal::new(&shape, entries) {
                Ok(literal) => Ok(self.graph.literal(literal)),
                Err(_) => c.fail(format!("{} entries do not fill this shape", tokens.len())),
            },
            None => c.fail("an entry of this literal is not of its type"),
        }
    }

    fn sum(&mut self, c: &mut Cursor<'_>) -> Result<NodeId> {
        let mut terms: Vec<(Rational, NodeId)> = Vec::new();
        while !c.at_end() {
            let Some(coefficient) = c.rest().split_once('*').map(|(before, _)| before) else {
                return c.fail("a coefficient p/q before `*` is expected");
            };
            c.eat(coefficient);
            let Ok(coefficient) = coefficient.parse::<Rational>() else {
                return c.fail("a coefficient p/q before `*` is expected");
            };
            c.expect("*")?;
            terms.push((coefficient, self.operand(c)?));
        }
        let Some(&(_, first)) = terms.first() else { return c.fail("a sum has operands") };
        let ty = self.graph.ty(first).clone();
        let node = self.graph.plain_sum(&terms, ty).map_err(|e| c.error(e))?;
        match self.graph.op(node) {
            Op::Sum(list) if list.len() == terms.len() => Ok(node),
            _ => c.fail("this sum has a simpler form"),
        }
    }

    fn map(&mut self, c: &mut Cursor<'_>) -> Result<NodeId> {
        let word = c.word();
        let Some(map) = Map::by_name(word) else {
            return c.fail(format!("`{word}` is no elementwise function"));
        };
        let args = self.operands(c)?;
        if args.len() != map.arity() {
            return c.fail(format!("{word} takes {} operands, {} given", map.arity(), args.len()));
        }
        let ty = self.graph.ty(args[0]);
        if ty.dtype != DType::Real || args.iter().any(|&a| self.graph.ty(a) != ty) {
            return c.fail("operands are real and of one shape");
        }
        Ok(self.graph.map_plain(map, &args))
    }

    fn named(&mut self, c: &mut Cursor<'_>, table: &Bodies) -> Result<NodeId> {
        c.expect("f")?;
        let k: usize = c.number()?;
        let Some(function) = table.functions.get(k) else {
            return c.fail(format!("f{k} is not defined before"));
        };
        let args = self.operands(c)?;
        let formals = function.formals.iter().map(|&n| function.body.ty(n));
        if !formals.eq(args.iter().map(|&n| self.graph.ty(n))) {
            return c.fail(format!("the operands are not of the types that {} takes", function.name));
        }
        let id = match self.functions.get(&k) {
            Some(id) => *id,
            None => {
                let id = self.graph.add_function(function.clone());
                self.functions.insert(k, id);
                id
            }
        };
        Ok(self.graph.intern(Op::Named(id), &args, function.ty().clone()))
    }
}

impl Section {
    fn scan(&mut self, c: &mut Cursor<'_>, table: &Bodies) -> Result<NodeId> {
        c.expect("s")?;
        let k: usize = c.number()?;
        let Some(step) = table.steps.get(k) else {
            return c.fail(format!("s{k} is not defined before"));
        };
        c.expect("carry")?;
        let carry: u16 = c.number()?;
        if usize::from(carry) >= step.carries() {
            return c.fail(format!("s{k} has {} carries, counted from 0", step.carries()));
        }
        c.expect("length")?;
        let length = c.dim()?;
        let backward = c.eat_word("backward");
        let args = self.operands(c)?;
        // The number of the step is found when the node is made.
        let scan = Scan { step: 0, carry, length, backward };
        self.graph.scan_carry(&scan, step.clone(), &args).map_err(|e| c.error(e))
    }
}

fn variant<T: Copy>(c: &mut Cursor<'_>, table: &[(&str, T)]) -> Result<T> {
    let word = c.token();
    match table.iter().find(|(w, _)| *w == word) {
        Some((_, value)) => Ok(*value),
        None => c.fail(format!("`{word}` is not known here")),
    }
}

/// The bits of a real entry.
fn real(token: &str) -> Option<u64> {
    match token.strip_prefix("nan:") {
        Some(bits) => u64::from_str_radix(bits, 16).ok().filter(|&b| f64::from_bits(b).is_nan()),
        None if token == "NaN" => Some(f64::NAN.to_bits()),
        None => token.parse::<f64>().ok().filter(|x| !x.is_nan()).map(f64::to_bits),
    }
}
