//! One entry of a node in index notation: the node read at given index formulas.
//!
//! `entry(exp(z), i) = exp(z[i])`: every kind of node hands the indices on to its operands. Letters in scope are
//! numbers `0 .. depth`; a binder takes number `depth`.

use super::letters::Letters;
use super::names::Names;
use super::sharing;
use super::shown::{Binder, Bound, Shown};
use super::steps::{steps, time_letter};
use super::text::text;
use crate::graph::Graph;
use crate::graph::op::{Comparison, Entries, Linear, Literal, Logic, Op, Reduction};
use crate::graph::step::Step;
use crate::index::{Atom, Label, Term};
use crate::node::NodeId;
use crate::ops::map::{Map, RECIP};
use crate::rational::Rational;
use crate::shape::{DType, Dim};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::Arc;

/// Literals with more entries are elided, which the text says.
pub(crate) const MAX_ENTRIES: usize = 16;

/// Builds formulas of one graph, under fixed names, letters and definitions.
pub(crate) struct Builder<'a> {
    pub(crate) graph: &'a Graph,
    names: Names<'a>,
    letters: RefCell<Letters>,
    prefix: String,
    defined: FxHashMap<NodeId, usize>,
    order: Vec<NodeId>,
    /// Operands of functions of whole arrays are names, so that the text can be read back.
    pub(crate) readable: bool,
    /// The extent of the axes that each letter has touched; `None` for different ones.
    touched: RefCell<FxHashMap<String, Option<Dim>>>,
    /// First value of an index, as the reader counts: 0 or 1.
    base: i64,
    /// The steps of scans that are written, with what they are called.
    pub(crate) steps: Vec<(Arc<Step>, String)>,
    /// The letter of the positions of a scan.
    pub(crate) time: String,
}

/// The formulas of the labels of a product, as far as they are chosen.
pub(crate) type Labels = Vec<Option<Shown>>;

impl<'a> Builder<'a> {
    /// A builder for what is written of `root`, as text that reads back or as one is used to write it.
    pub(crate) fn new(
        graph: &'a Graph,
        names: &'a FxHashMap<NodeId, String>,
        preferred: &[String],
        root: NodeId,
        readable: bool,
    ) -> Builder<'a> {
        let names = Names::new(graph, names);
        let nodes = sharing::written(graph, root, &|n| names.of(n).is_some());
        let letters = Letters::new(preferred, names.reserved());
        let prefix = letters.prefix();
        let (defined, order, touched) = (FxHashMap::default(), Vec::new(), RefCell::default());
        let letters = RefCell::new(letters);
        let steps = steps(graph, &nodes);
        let time = time_letter(names.reserved(), &steps);
        let mut builder = Builder {
            graph,
            names,
            letters,
            prefix,
            defined,
            order,
            readable,
            touched,
            base: 0,
            steps,
            time,
        };
        builder.share(root, &nodes);
        builder
    }

    /// The same, with indices that count from `base`.
    pub(crate) fn counting_from(mut self, base: i64) -> Builder<'a> {
        self.base = base;
        self
    }

    /// The same, with definitions called after a step.
    pub(crate) fn within(mut self, step: Option<&str>) -> Builder<'a> {
        if let Some(step) = step {
            self.prefix = format!("{step}_");
        }
        self
    }

    /// Where counting begins.
    pub(crate) fn base(&self) -> i64 {
        self.base
    }

    /// Gives a node a definition, unless it has a name already.
    pub(crate) fn define(&mut self, node: NodeId) {
        if self.name_of(node).is_none() {
            self.order.push(node);
            self.defined.insert(node, self.order.len());
        }
    }

    /// Numbers the definitions so that each uses only earlier ones.
    pub(crate) fn number_definitions(&mut self) {
        self.order.sort_unstable();
        self.defined = self.order.iter().enumerate().map(|(k, &node)| (node, k + 1)).collect();
    }

    /// Defined nodes with their names, in order.
    pub(crate) fn definitions(&self) -> Vec<(NodeId, String)> {
        self.order.iter().enumerate().map(|(k, &n)| (n, format!("{}{}", self.prefix, k + 1))).collect()
    }

    /// What is never written out: names, inputs, numbers.
    pub(crate) fn is_leaf(&self, node: NodeId) -> bool {
        use Op::{Literal, Pi, Rational, Size, Zero};
        matches!(self.graph.op(node), Rational(_) | Zero(_) | Pi | Size(_) | Literal(_))
            || self.names.of(node).is_some()
    }

    /// The name that stands for a node where it is used.
    pub(crate) fn name_of(&self, node: NodeId) -> Option<String> {
        self.names.of(node).or_else(|| self.defined.get(&node).map(|k| format!("{}{k}", self.prefix)))
    }

    /// A size polynomial.
    pub(crate) fn size(&self, dim: &Dim) -> Shown {
        Shown::Size(self.names.size(dim))
    }

    /// The circle's number.
    pub(crate) fn pi(&self) -> Shown {
        if self.names.pi_is_free() { Shown::Pi } else { Shown::Call("pi", Vec::new()) }
    }

    /// Notes which axes letters touch: from them the reader infers ranges.
    fn touch(&self, node: NodeId, at: &[Shown]) {
        let mut touched = self.touched.borrow_mut();
        for (term, extent) in at.iter().zip(self.graph.shape(node)) {
            let Shown::Name(letter) = term else { continue };
            match touched.get_mut(letter) {
                Some(known) if known.as_ref() == Some(extent) => {}
                Some(known) => *known = None,
                None => drop(touched.insert(letter.clone(), Some(extent.clone()))),
            }
        }
    }

    /// Forgets what letter `k` touched, before a formula that binds it is written.
    pub(crate) fn unbound(&self, k: usize) {
        if let Shown::Name(letter) = self.letter(k) {
            self.touched.borrow_mut().remove(&letter);
        }
    }

    /// Letter `k` with its range, after the formula that binds it was written.
    pub(crate) fn bound(&self, k: usize, extent: &Dim) -> Bound {
        let Shown::Name(letter) = self.letter(k) else { unreachable!("invariant: a letter is a name") };
        let told = self.touched.borrow().get(&letter).is_some_and(|t| t.as_ref() == Some(extent));
        Bound { letter, first: self.base, extent: self.names.size(extent), told }
    }

    /// Letter number `k`.
    pub(crate) fn letter(&self, k: usize) -> Shown {
        Shown::Name(self.letters.borrow_mut().letter(k).to_string())
    }

    /// Letters of the axes of a node that is written out.
    pub(crate) fn free_letters(&self, node: NodeId) -> Vec<String> {
        (0..self.graph.rank(node)).map(|k| self.letters.borrow_mut().letter(k).to_string()).collect()
    }

    /// The node itself, written out at its own letters, and these letters with their ranges.
    pub(crate) fn root(&self, node: NodeId) -> (Vec<Shown>, Shown) {
        let shape = self.graph.shape(node);
        (0..shape.len()).for_each(|k| self.unbound(k));
        let at: Vec<Shown> = (0..shape.len()).map(|k| self.letter(k)).collect();
        let body = self.open(node, &at, shape.len());
        let axes = shape.iter().enumerate().map(|(k, extent)| Shown::Axis(self.bound(k, extent)));
        (axes.collect(), body)
    }

    /// The entry of a node at `at`, by name if it has one.
    pub(crate) fn node(&self, node: NodeId, at: &[Shown], depth: usize) -> Shown {
        match self.name_of(node) {
            Some(name) => self.entry(Shown::Name(name), node, at),
            None => self.open(node, at, depth),
        }
    }

    /// The entry of an array that is written whole.
    fn entry(&self, whole: Shown, node: NodeId, at: &[Shown]) -> Shown {
        self.touch(node, at);
        Shown::entry(whole, at)
    }

    /// The entry of a node at `at`, written out.
    fn open(&self, node: NodeId, at: &[Shown], depth: usize) -> Shown {
        let g = self.graph;
        let arg = |k: usize| self.node(g.arg(node, k), at, depth);
        match g.op(node) {
            Op::Zero(_) => Shown::integer(0),
            Op::Input(_) => self.entry(Shown::Name(self.name_of(node).unwrap_or_default()), node, at),
            Op::Rational(value) => Shown::Number(value.clone()),
            Op::Pi => self.pi(),
            Op::Size(dim) => self.size(dim),
            Op::Literal(_) => {
                self.entry(literal(g.as_literal(node).expect("invariant: a literal")), node, at)
            }
            Op::Sum(coefficients) => {
                let args = g.args(node);
                let terms = coefficients.iter().cloned().zip(args.iter().map(|&a| self.node(a, at, depth)));
                in_reading_order(terms)
            }
            Op::Contract(_) => self.contract(node, at, depth),
            Op::Map(id) if *id == RECIP.id => Shown::product(Vec::new(), vec![arg(0)]),
            Op::Map(id) => Shown::Map(Map::by_id(*id), (0..Map::by_id(*id).arity()).map(arg).collect()),
            Op::Select => Shown::If(Box::new([arg(0), arg(1), arg(2)])),
            Op::Compare(comparison) => relation(*comparison, arg(0), arg(1)),
            Op::Logic(logic) => {
                let args: Vec<Shown> = (0..g.args(node).len()).map(arg).collect();
                if *logic == Logic::Not {
                    self.negation(g.arg(node, 0), args)
                } else {
                    Shown::Logic(*logic, args)
                }
            }
            Op::Reduce(reduction, axis) => self.over(binder(*reduction), node, usize::from(*axis), at, depth),
            Op::ArgMax(axis) => self.over(Binder::ArgMax, node, usize::from(*axis), at, depth),
            Op::ArgSort(_) | Op::Linear(_) | Op::Named(_) | Op::Scan(_) => self
                .applied(node)
                .map_or_else(|| Shown::Verbatim("?".into()), |whole| self.entry(whole, node, at)),
            Op::Tag(_) => arg(0),
            Op::StopGradient => Shown::Call("stop_gradient", vec![arg(0)]),
            Op::Checkpoint => Shown::Call("checkpoint", vec![arg(0)]),
        }
    }

    /// `max(k, x[i,k])`
    fn over(&self, binder: Binder, node: NodeId, axis: usize, at: &[Shown], depth: usize) -> Shown {
        let x = self.graph.arg(node, 0);
        let mut inner = at.to_vec();
        inner.insert(axis, self.letter(depth));
        self.unbound(depth);
        let body = self.node(x, &inner, depth + 1);
        Shown::Over(binder, self.bound(depth, &self.graph.shape(x)[axis]), Box::new(body))
    }

    /// `not p`, or the opposite comparison where that is exact: `a != b`, and `a <= b` of integers.
    pub(crate) fn negation(&self, predicate: NodeId, args: Vec<Shown>) -> Shown {
        let [shown] = <[Shown; 1]>::try_from(args).expect("invariant: one operand");
        let whole = self.name_of(predicate).is_none()
            && matches!(self.graph.op(predicate), Op::Compare(_))
            && self.graph.ty(self.graph.arg(predicate, 0)).dtype == DType::Int;
        match shown {
            Shown::Relation("==", a, b) => Shown::Relation("!=", a, b),
            Shown::Relation(">", a, b) if whole => Shown::Relation("<=", a, b),
            Shown::Relation("<", a, b) if whole => Shown::Relation(">=", a, b),
            Shown::Relation(">=", a, b) if whole => Shown::Relation("<", a, b),
            Shown::Relation("<=", a, b) if whole => Shown::Relation(">", a, b),
            Shown::Logic(Logic::Not, mut inner) => inner.swap_remove(0),
            other => Shown::Logic(Logic::Not, vec![other]),
        }
    }

    /// An index term: `2*i+1`, `t[i]`, `n-1-i`.
    pub(crate) fn term(&self, term: &Term, labels: &Labels, depth: usize) -> Shown {
        self.counted(term, self.base, labels, depth)
    }

    /// Both sides of a relation between positions: as indices where one is a single index, else as numbers.
    pub(crate) fn compared(&self, a: &Term, b: &Term, labels: &Labels, depth: usize) -> (Shown, Shown) {
        let is_index = |t: &Term| single(t) == Some(Dim::ONE);
        let base = if is_index(a) || is_index(b) { self.base } else { 0 };
        (self.counted(a, base, labels, depth), self.counted(b, base, labels, depth))
    }

    /// A term plus `first`, in letters and labels that count from the base: `t(i - base) + first`.
    fn counted(&self, term: &Term, first: i64, labels: &Labels, depth: usize) -> Shown {
        let weight = single(term).unwrap_or(Dim::ZERO);
        let mut offset = term.offset().clone() + Dim::fixed(first) - Dim::fixed(self.base) * weight;
        let mut terms: Vec<(Rational, Shown)> = Vec::new();
        let mut parts: Vec<&(Atom, Dim)> = term.parts().iter().collect();
        // Entries of tensors stand in the order of structural hashes: numbers of nodes depend on unrelated ones.
        parts.sort_by_key(|(atom, _)| match atom {
            Atom::Element(node, _) => (true, self.graph.structural_hash(*node)),
            _ => (false, 0),
        });
        for (atom, coefficient) in parts {
            match (self.atom(atom, labels, depth), coefficient.as_fixed()) {
                // What stands for a label may be a sum itself: `x[k+1]` read at `i-1` is `x[i]`.
                (Shown::Sum(inner), Some(c)) => {
                    for (d, part) in inner {
                        let times = &Rational::from(c) * &d;
                        let whole = if let Shown::Number(n) = &part { (&times * n).to_i64() } else { None };
                        match whole {
                            Some(k) => offset = offset + Dim::fixed(k),
                            None => terms.push((times, part)),
                        }
                    }
                }
                (atom, Some(c)) => terms.push((Rational::from(c), atom)),
                (atom, None) => terms
                    .push((Rational::ONE, Shown::product(vec![self.size(coefficient), atom], Vec::new()))),
            }
        }
        match offset.as_fixed() {
            Some(0) => {}
            Some(c) => terms.push((Rational::from(c), Shown::integer(1))),
            None => terms.push((Rational::ONE, self.size(&offset))),
        }
        terms.sort_by_key(|(c, _)| c.is_negative());
        match terms.as_slice() {
            [] => Shown::integer(0),
            [(c, one)] => Shown::scaled(c, one.clone()),
            _ => Shown::Sum(terms),
        }
    }

    fn division(&self, word: &'static str, t: &Term, d: &Dim, labels: &Labels, depth: usize) -> Shown {
        Shown::Division(word, Box::new(self.counted(t, 0, labels, depth)), self.names.size(d))
    }

    fn atom(&self, atom: &Atom, labels: &Labels, depth: usize) -> Shown {
        match atom {
            Atom::Label(Label(l)) => {
                labels[*l as usize].clone().expect("invariant: letters are chosen before they are written")
            }
            Atom::Quotient(t, d) => self.division("div", t, d, labels, depth),
            Atom::Remainder(t, d) => self.division("mod", t, d, labels, depth),
            Atom::Element(node, at) => {
                let at: Vec<Shown> = at.iter().map(|t| self.term(t, labels, depth)).collect();
                self.node(*node, &at, depth)
            }
        }
    }
}

/// The sum of the coefficients of what counts from the index base: letters and labels.
fn single(term: &Term) -> Option<Dim> {
    let counts = |atom: &Atom| matches!(atom, Atom::Label(_) | Atom::Element(..));
    let parts = term.parts().iter().filter(|(atom, _)| counts(atom));
    parts.map(|(_, c)| c.clone()).reduce(|a, b| a + b)
}

fn binder(reduction: Reduction) -> Binder {
    match reduction {
        Reduction::Max => Binder::Max,
        Reduction::Min => Binder::Min,
        Reduction::Prod => Binder::Prod,
    }
}

/// Names of linear algebra, as written.
pub(crate) fn linear_name(kind: Linear) -> &'static str {
    match kind {
        Linear::Inverse => "inv",
        Linear::Solve => "solve",
        Linear::SolveLower => "solve_lower",
        Linear::SolveUpper => "solve_upper",
        Linear::Det => "det",
        Linear::LogAbsDet => "logdet",
        Linear::Cholesky => "cholesky",
    }
}

/// `a > b`; a constant stands on the right, `x < 0` rather than `0 > x`.
pub(crate) fn relation(comparison: Comparison, a: Shown, b: Shown) -> Shown {
    let flipped = match comparison {
        Comparison::Greater => "<",
        Comparison::GreaterEqual => "<=",
        Comparison::Equal => "==",
    };
    if a.is_constant() && !b.is_constant() {
        return Shown::Relation(flipped, Box::new(b), Box::new(a));
    }
    Shown::Relation(comparison.symbol(), Box::new(a), Box::new(b))
}

/// A sum in reading order; a positive operand that is a sum itself is written without parentheses.
pub(crate) fn in_reading_order(terms: impl Iterator<Item = (Rational, Shown)>) -> Shown {
    let mut flat: Vec<(Rational, Shown)> = Vec::new();
    for (coefficient, shown) in terms {
        match shown {
            Shown::Sum(inner) if coefficient.is_one() => flat.extend(inner),
            Shown::Sum(mut inner) if inner.len() == 1 => {
                let (c, x) = inner.swap_remove(0);
                flat.push((&coefficient * &c, x));
            }
            Shown::Number(n) => flat.push((&coefficient * &n, Shown::integer(1))),
            other => flat.push((coefficient, other)),
        }
    }
    flat.sort_by_cached_key(|(c, x)| {
        (c.is_negative(), x.is_constant(), std::cmp::Reverse(x.weight()), text(x), c.to_string())
    });
    match flat.as_slice() {
        [(c, x)] => Shown::scaled(c, x.clone()),
        _ => Shown::Sum(flat),
    }
}

/// A literal, elided when it is long: `[... 100 entries of shape 100 ...]`, which the reader refuses.
pub(crate) fn literal(literal: &Literal) -> Shown {
    let entries: Vec<String> = match literal.entries() {
        Entries::Real(bits) => {
            let values: Vec<f64> = bits.iter().take(MAX_ENTRIES + 1).map(|b| f64::from_bits(*b)).collect();
            // Without any point the entries would be read as integers.
            let point = if values.iter().all(|v| v.fract() == 0.0) { ".0" } else { "" };
            values.iter().map(|v| float(*v, point)).collect()
        }
        Entries::Int(values) => values.iter().take(MAX_ENTRIES + 1).map(i64::to_string).collect(),
        Entries::Bool(values) => values.iter().take(MAX_ENTRIES + 1).map(bool::to_string).collect(),
    };
    let count: usize = literal.shape().iter().product();
    if count > MAX_ENTRIES {
        let extents: Vec<String> = literal.shape().iter().map(usize::to_string).collect();
        return Shown::Verbatim(format!("[... {count} entries of shape {} ...]", extents.join(",")));
    }
    Shown::Verbatim(nested(&entries, literal.shape()))
}

fn float(value: f64, point: &str) -> String {
    match value {
        v if v.is_nan() => "nan".into(),
        v if v.is_infinite() => if v > 0.0 { "inf" } else { "(-inf)" }.into(),
        v if v.is_sign_negative() => format!("({v}{point})"),
        v => format!("{v}{point}"),
    }
}

/// `[[1, 2], [3, 4]]`, built from the innermost axis outwards.
fn nested(entries: &[String], shape: &[usize]) -> String {
    let mut level: Vec<String> = entries.to_vec();
    for (k, &extent) in shape.iter().enumerate().rev() {
        let groups: usize = shape[..k].iter().product();
        level =
            (0..groups).map(|r| format!("[{}]", level[r * extent..(r + 1) * extent].join(", "))).collect();
    }
    level.first().cloned().unwrap_or_default()
}
