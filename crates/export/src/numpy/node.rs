//! Nodes that are not sums or contractions: leaves, maps, choices, reductions, functions with a kernel.

use super::Writer;
use super::array::{Array, Level, aligned, union};
use chainrule_core::NodeId;
use chainrule_core::graph::op::{Entries, Literal, Logic, Op, Reduction};
use chainrule_core::ops::composite::{COMPOSITES, axes_of};
use chainrule_core::ops::map::Map;
use chainrule_core::rational::Rational;
use chainrule_core::scalar::Scalar;
use chainrule_core::shape::DType;

impl Writer<'_> {
    /// The text of a node whose operands have been written.
    pub(super) fn node(&mut self, node: NodeId) -> Array {
        let graph = &self.plan.graph;
        let args = graph.args(node);
        match graph.op(node).clone() {
            Op::Input(_) => unreachable!("invariant: inputs are parameters"),
            Op::Zero(_) => Array::atom("0", []),
            Op::Rational(value) => number(&value),
            Op::Pi => Array::atom("np.pi", []),
            Op::Size(dim) => {
                let (text, level) = self.dim(&dim);
                Array::new(text, level, [])
            }
            Op::Literal(_) => literal(graph.as_literal(node).expect("invariant: a literal")),
            Op::Sum(coefficients) => self.sum(node, &coefficients, &args),
            Op::Contract(_) => self.contract(node),
            Op::Map(id) => {
                let args: Vec<Array> = args.iter().map(|&a| self.code(a)).collect();
                self.map(Map::by_id(id), &args)
            }
            Op::Select => {
                let args: Vec<Array> = args.iter().map(|&a| self.code(a)).collect();
                let axes = union(&args);
                let texts: Vec<String> = args.iter().map(|a| aligned(a, &axes).text).collect();
                Array::call(format!("np.where({})", texts.join(", ")), axes)
            }
            Op::Compare(comparison) => {
                let (a, b) = (self.code(args[0]), self.code(args[1]));
                let axes = union([&a, &b]);
                let texts = [a, b].map(|x| aligned(&x, &axes).at(Level::Or));
                Array::new(texts.join(&format!(" {} ", comparison.symbol())), Level::Compare, axes)
            }
            Op::Logic(logic) => self.logic(logic, &args),
            Op::Reduce(reduction, axis) => {
                let x = self.whole(args[0]);
                let name = match reduction {
                    Reduction::Max => "max",
                    Reduction::Min => "min",
                    Reduction::Prod => "prod",
                };
                self.along(&x, name, usize::from(axis))
            }
            Op::ArgMax(axis) => {
                let x = self.whole(args[0]);
                self.along(&x, "argmax", usize::from(axis))
            }
            Op::ArgSort(axis) => {
                let x = self.whole(args[0]);
                let along = if x.axes.len() == 1 { String::new() } else { format!("axis={axis}, ") };
                Array::call(format!("np.argsort({}, {along}kind=\"stable\")", x.text), x.axes)
            }
            Op::Linear(kind) => self.linear(node, kind, &args),
            Op::Named(_) => self.composite(node),
            Op::Scan(_) => unreachable!("invariant: recurrences are refused before anything is written"),
            Op::Tag(_) | Op::StopGradient | Op::Checkpoint => self.code(args[0]),
        }
    }

    fn logic(&mut self, logic: Logic, args: &[NodeId]) -> Array {
        let args: Vec<Array> = args.iter().map(|&a| self.code(a)).collect();
        let axes = union(&args);
        let at = |k: usize, level: Level| aligned(&args[k], &axes).at(level);
        match logic {
            Logic::And => {
                Array::new(format!("{} & {}", at(0, Level::And), at(1, Level::Add)), Level::And, axes)
            }
            Logic::Or => Array::new(format!("{} | {}", at(0, Level::Or), at(1, Level::And)), Level::Or, axes),
            Logic::Not => negation(&args[0]),
        }
    }

    /// A reduction as a method: `x.max()`, `x.max(axis=1)`.
    fn along(&mut self, x: &Array, name: &str, axis: usize) -> Array {
        let axes: Vec<usize> = (0..x.axes.len() - 1).collect();
        let along = if axes.is_empty() { String::new() } else { format!("axis={axis}") };
        Array::call(format!("{}.{name}({along})", x.at(Level::Atom)), axes)
    }

    // ---------------------------------------------------------------- functions with a kernel

    fn composite(&mut self, node: NodeId) -> Array {
        let graph = &self.plan.graph;
        let function = graph.as_named(node).expect("invariant: a function").clone();
        let id = function.composite.expect("invariant: other functions are opened");
        let axes = axes_of(graph, node);
        let argument = graph.arg(node, 0);
        let own: Vec<usize> = (0..graph.rank(node)).collect();
        let x = self.whole(argument);
        let over_all = axes.len() == x.axes.len();
        match COMPOSITES[usize::from(id)].primitive.name {
            "logsumexp" => {
                let x = self.held(x, "t");
                let top = self.top(&x, argument, &axes, false);
                let top = self.assigned(Array::call(top, own.clone()), None, "top");
                let shifted = if over_all { top.clone() } else { restored(&top, x.axes.len(), &axes) };
                let total =
                    format!("np.exp({} - {}).sum({})", x.text, shifted.text, axis_list(&axes, over_all));
                Array::new(format!("{} + np.log({total})", top.text), Level::Add, own)
            }
            "softmax" => {
                let x = self.held(x, "t");
                let top = self.top(&x, argument, &axes, !over_all);
                let e = Array::call(format!("np.exp({} - {top})", x.text), x.axes.clone());
                let e = self.assigned(e, None, "e");
                let total = format!("{}.sum({})", e.text, keeping(&axes, over_all));
                Array::new(format!("{} / {total}", e.text), Level::Mul, own)
            }
            "log_softmax" => {
                let x = self.held(x, "t");
                let top = self.top(&x, argument, &axes, !over_all);
                let shifted = Array::new(format!("{} - {top}", x.text), Level::Add, x.axes.clone());
                let shifted = self.assigned(shifted, None, "t");
                let total = format!("np.exp({}).sum({})", shifted.text, keeping(&axes, over_all));
                Array::new(format!("{} - np.log({total})", shifted.text), Level::Add, own)
            }
            // The product of all other entries: the table of all pairs, 1 on its diagonal.
            _ => {
                let axis = axes[0];
                let last = x.axes.len() - 1;
                let moved = |text: String, from: String, to: String| {
                    if axis == last { text } else { format!("np.moveaxis({text}, {from}, {to})") }
                };
                let (extent, _) = self.dim(&self.plan.graph.shape(argument)[axis].clone());
                let rows = moved(x.at(Level::Atom), axis.to_string(), "-1".into());
                let rows = if last == 0 { rows } else { format!("{rows}[..., None, :]") };
                let table = format!("np.where(np.eye({extent}, dtype=bool), 1, {rows})");
                Array::call(moved(format!("{table}.prod(axis=-1)"), "-1".into(), axis.to_string()), own)
            }
        }
    }

    /// The maximum that a kernel shifts by; of an empty axis it is what does no harm.
    fn top(&mut self, x: &Array, argument: NodeId, axes: &[usize], keeps: bool) -> String {
        let over_all = axes.len() == x.axes.len();
        let mut options = if keeps { keeping(axes, over_all) } else { axis_list(axes, over_all) };
        if !self.has_entries(argument, axes) {
            if !options.is_empty() {
                options.push_str(", ");
            }
            options.push_str("initial=-np.inf");
        }
        format!("{}.max({options})", x.at(Level::Atom))
    }

    /// True when the axes of a node cannot be empty, or there is nothing to reduce them for: an extent is fixed, or a
    /// label below it is given for every entry that is kept.
    fn has_entries(&self, node: NodeId, axes: &[usize]) -> bool {
        let graph = &self.plan.graph;
        let shape = graph.shape(node);
        let kept: Vec<_> = (0..shape.len()).filter(|a| !axes.contains(a)).map(|a| &shape[a]).collect();
        axes.iter().all(|&a| {
            let labelled = |p: &NodeId| {
                let ty = graph.ty(*p);
                ty.dtype == DType::Int
                    && ty.below.as_ref() == Some(&shape[a])
                    && ty.shape.iter().all(|d| kept.contains(&d) || d.as_fixed().is_some_and(|n| n > 0))
            };
            shape[a].as_fixed().is_some_and(|n| n > 0) || self.plan.parameters.iter().any(labelled)
        })
    }
}

/// `axis=1`, `axis=(0, 2)`, or nothing for all axes.
pub(super) fn axis_list(axes: &[usize], all: bool) -> String {
    match axes {
        _ if all => String::new(),
        [one] => format!("axis={one}"),
        _ => format!("axis=({})", axes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn keeping(axes: &[usize], all: bool) -> String {
    if all { String::new() } else { format!("{}, keepdims=True", axis_list(axes, false)) }
}

/// A reduced array with the reduced axes back, one entry long.
fn restored(x: &Array, rank: usize, axes: &[usize]) -> Array {
    let kept: Vec<usize> = (0..rank).filter(|a| !axes.contains(a)).collect();
    let spread = Array { axes: kept, ..x.clone() };
    aligned(&spread, &(0..rank).collect::<Vec<_>>())
}

/// `~p`; of a single truth value Python's `~` would be an integer.
pub(super) fn negation(p: &Array) -> Array {
    if p.axes.is_empty() {
        return Array::call(format!("np.logical_not({})", p.text), []);
    }
    Array::new(format!("~{}", p.at(Level::Power)), Level::Unary, p.axes.clone())
}

/// A rational as a Python number: `3`, `0.75`, `2 / 3`.
pub(super) fn number(value: &Rational) -> Array {
    if let Some((num, den)) = value.to_small() {
        let size = num.unsigned_abs();
        let sign = if num < 0 { "-" } else { "" };
        let level = if num < 0 { Level::Unary } else { Level::Atom };
        // Python's whole numbers meet floats exactly up to 2^53.
        if den == 1 && size < 1 << 53 {
            return Array::new(format!("{sign}{size}"), level, []);
        }
        if (2..=64).contains(&den) && (den as u64).is_power_of_two() && size < 1 << 20 {
            return Array::new(format!("{}", num as f64 / den as f64), level, []);
        }
        if size < 1 << 53 && den < 1 << 53 {
            return Array::new(format!("{sign}{size} / {den}"), Level::Mul, []);
        }
    }
    real(f64::from_rational(value))
}

/// A float that reads back to the same bits.
fn real(value: f64) -> Array {
    let text = if value.is_nan() {
        "np.nan".to_string()
    } else if value.is_infinite() {
        if value > 0.0 { "np.inf".to_string() } else { "-np.inf".to_string() }
    } else {
        format!("{value:?}")
    };
    let level = if text.starts_with('-') { Level::Unary } else { Level::Atom };
    Array::new(text, level, [])
}

fn literal(literal: &Literal) -> Array {
    let entries: Vec<String> = match literal.entries() {
        Entries::Real(bits) => bits.iter().map(|&b| real(f64::from_bits(b)).text).collect(),
        Entries::Int(all) => all.iter().map(i64::to_string).collect(),
        Entries::Bool(all) => all.iter().map(|&p| if p { "True" } else { "False" }.to_string()).collect(),
    };
    let axes: Vec<usize> = (0..literal.shape().len()).collect();
    let kind = match literal.entries() {
        Entries::Real(_) => "float",
        Entries::Int(_) => "int",
        Entries::Bool(_) => "bool",
    };
    if axes.is_empty() {
        let scalar = match literal.entries() {
            Entries::Real(_) => format!("np.float64({})", entries[0]),
            Entries::Int(_) => entries[0].clone(),
            Entries::Bool(_) => format!("np.bool_({})", entries[0]),
        };
        return Array::call(scalar, []);
    }
    if axes.len() == 1 && !entries.is_empty() {
        return Array::call(format!("np.array([{}])", entries.join(", ")), axes);
    }
    let shape: Vec<String> = literal.shape().iter().map(usize::to_string).collect();
    let shape = shape.join(", ");
    if entries.is_empty() {
        return Array::call(format!("np.zeros(({shape},), dtype={kind})"), axes);
    }
    Array::call(format!("np.array([{}]).reshape({shape})", entries.join(", ")), axes)
}
