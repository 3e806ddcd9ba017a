//! From the graph to arrays: sizes become numbers, functions are opened, every node becomes a nest.

use super::composite::{self, Composite};
use super::{
    Array, ArrayId, Arrays, At, Atom, Body, Definition, Entry, Factor, Guard, Input, Nest, Place, Read,
    Reduction, Whole,
};
use crate::error::{Error, Result};
use chainrule_core::Graph;
use chainrule_core::NodeId;
use chainrule_core::form::{Cond, Product};
use chainrule_core::graph::op::{self, Entries, Op};
use chainrule_core::index::{self, Term};
use chainrule_core::ops::map::{Map, RECIP};
use chainrule_core::shape::{DType, Dim, Sizes};
use smallvec::SmallVec;

/// The arrays that the outputs need, at given sizes.
///
/// # Errors
/// [`Error::UnknownSize`], [`Error::EmptyAxis`], [`Error::Unsupported`], what the graph refuses.
pub fn lower(graph: &Graph, outputs: &[NodeId], sizes: &Sizes) -> Result<Arrays> {
    for &output in outputs {
        if !graph.contains(output) {
            return Err(chainrule_core::Error::OtherGraph.into());
        }
    }
    let is_open = |g: &Graph, n: NodeId| g.as_named(n).is_some_and(|f| f.composite.is_none());
    let reachable = graph.reachable(outputs);
    if reachable.iter().any(|&n| is_open(graph, n)) {
        let mut opened = graph.clone();
        let outputs = opened.open(outputs, &is_open)?;
        let reachable = opened.reachable(&outputs);
        return Lowering::new(&opened, sizes).run(&reachable, &outputs);
    }
    Lowering::new(graph, sizes).run(&reachable, outputs)
}

/// The number of an extent.
pub(crate) fn extent(dim: &Dim, sizes: &Sizes) -> Result<usize> {
    let unknown =
        |name: std::sync::Arc<str>| Error::UnknownSize { name: name.to_string(), of: "an output".into() };
    Ok(usize::try_from(dim.evaluate(sizes).map_err(unknown)?).unwrap_or(0))
}

/// Points of one nest that no machine reaches, and below which positions fit a number.
const POINTS: u128 = 1 << 58;

/// Entries of the largest array: no memory holds more, and every position fits a machine integer with room to spare.
const MOST: u128 = 1 << 48;

/// The product of some extents.
fn count(extents: &[usize]) -> u128 {
    match extents.contains(&0) {
        true => 0,
        false => extents.iter().fold(1, |n: u128, &e| n.saturating_mul(e as u128)),
    }
}

struct Lowering<'g> {
    graph: &'g Graph,
    sizes: &'g Sizes,
    arrays: Arrays,
    made: Vec<Option<ArrayId>>,
    recurrence_of: Vec<Option<usize>>,
}

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph, sizes: &'g Sizes) -> Lowering<'g> {
        Lowering {
            graph,
            sizes,
            arrays: Arrays::default(),
            made: vec![None; graph.len()],
            recurrence_of: vec![None; graph.len()],
        }
    }

    fn run(mut self, reachable: &[NodeId], outputs: &[NodeId]) -> Result<Arrays> {
        for &node in reachable {
            let array = self.node(node)?;
            self.made[node.index()] = Some(array);
        }
        self.arrays.outputs = outputs.iter().map(|&o| self.array(o)).collect();
        for (name, node) in self.graph.names() {
            if let Some(Some(array)) = self.made.get(node.index()) {
                self.arrays.names.push((*array, name.into()));
            }
        }
        Ok(self.arrays)
    }

    fn array(&self, node: NodeId) -> ArrayId {
        self.made[node.index()].expect("invariant: operands are lowered before their users")
    }

    fn number(&self, dim: &Dim, node: NodeId) -> Result<i64> {
        if let Some(n) = dim.as_fixed() {
            return Ok(n);
        }
        dim.evaluate(self.sizes).map_err(|name| {
            let of =
                self.graph.as_input(node).map_or_else(|| "the graph".to_string(), |i| i.name.to_string());
            Error::UnknownSize { name: name.to_string(), of }
        })
    }

    fn extents(&self, dims: &[Dim], node: NodeId) -> Result<SmallVec<[usize; 4]>> {
        let extent = |d| self.number(d, node).map(|n| usize::try_from(n).unwrap_or(0));
        let extents: SmallVec<[usize; 4]> = dims.iter().map(extent).collect::<Result<_>>()?;
        // Products of some extents must fit a number even where another extent is 0.
        let points = extents.iter().fold(1u128, |n, &e| n.saturating_mul(e.max(1) as u128));
        if points >= POINTS {
            return Err(Error::TooLarge { bytes: points.saturating_mul(8), limit: POINTS * 8 });
        }
        Ok(extents)
    }

    fn node(&mut self, node: NodeId) -> Result<ArrayId> {
        let g = self.graph;
        let shape = self.extents(g.shape(node), node)?;
        let entries = count(&shape);
        if entries > MOST {
            return Err(Error::TooLarge { bytes: entries.saturating_mul(8), limit: MOST * 8 });
        }
        let entry = match g.ty(node).dtype {
            DType::Real => Entry::Real,
            DType::Int => Entry::Int,
            DType::Bool => Entry::Bool,
        };
        let args: SmallVec<[ArrayId; 2]> = g.args(node).iter().map(|&a| self.array(a)).collect();
        let own = |k: usize| Read::whole(args[k], shape.len());
        let all = || (0..args.len()).map(own).collect();
        let elementwise = |this: &mut Self, body| Ok(this.arrays.elementwise(entry, &shape, body));
        match g.op(node) {
            Op::Zero(_) => elementwise(self, Body::Const(0.0)),
            Op::Rational(value) => elementwise(self, Body::Const(value.to_f64())),
            Op::Pi => elementwise(self, Body::Const(std::f64::consts::PI)),
            Op::Size(dim) => {
                let n = self.number(dim, node)?;
                elementwise(self, Body::Const(n as f64))
            }
            Op::Input(_) => self.input(node, shape, entry),
            Op::Literal(_) => {
                let literal = g.as_literal(node).expect("invariant: a literal");
                let definition = match literal.entries() {
                    Entries::Real(bits) => {
                        Definition::Reals(bits.iter().map(|&b| f64::from_bits(b)).collect())
                    }
                    Entries::Bool(v) => {
                        Definition::Reals(v.iter().map(|&b| f64::from(u8::from(b))).collect())
                    }
                    Entries::Int(v) => Definition::Integers(v.clone()),
                };
                Ok(self.arrays.push(Array { shape, entry, definition }))
            }
            Op::Sum(coefficients) => {
                g.args(node).iter().try_for_each(|&a| self.expect_real("+", a))?;
                let terms = coefficients.iter().enumerate().map(|(k, c)| (c.to_f64(), own(k)));
                elementwise(self, Body::Sum(terms.collect()))
            }
            Op::Contract(_) => self.product(node, &g.as_product(node)),
            Op::Map(id) => elementwise(self, Body::Map(*id, all())),
            Op::Select => elementwise(self, Body::Select(all())),
            Op::Compare(c) => elementwise(self, Body::Compare(*c, all())),
            Op::Logic(l) => elementwise(self, Body::Logic(*l, all())),
            Op::Reduce(reduction, axis) => self.reduce(*reduction, args[0], usize::from(*axis)),
            Op::ArgMax(axis) => {
                if self.arrays[args[0]].shape[usize::from(*axis)] == 0 && !shape.contains(&0) {
                    return Err(Error::EmptyAxis { operation: "argmax" });
                }
                Ok(self.whole(Whole::ArgMax(usize::from(*axis)), args, shape, entry))
            }
            Op::ArgSort(axis) => Ok(self.whole(Whole::ArgSort(usize::from(*axis)), args, shape, entry)),
            Op::Linear(kind) => Ok(self.whole(Whole::Linear(*kind), args, shape, entry)),
            Op::Named(_) => self.composite(node, args),
            Op::Scan(_) => self.scan(node, &args, shape),
            Op::Tag(name) => {
                self.arrays.names.push((args[0], name.clone()));
                Ok(args[0])
            }
            Op::StopGradient | Op::Checkpoint => Ok(args[0]),
            #[allow(
                unreachable_patterns,
                reason = "kinds that are added to the core later are refused, not guessed"
            )]
            other => Err(Error::Unsupported { what: format!("{other:?}") }),
        }
    }

    fn whole(
        &mut self,
        whole: Whole,
        args: SmallVec<[ArrayId; 2]>,
        shape: SmallVec<[usize; 4]>,
        entry: Entry,
    ) -> ArrayId {
        self.arrays.push(Array { shape, entry, definition: Definition::Whole(whole, args) })
    }

    fn input(&mut self, node: NodeId, shape: SmallVec<[usize; 4]>, entry: Entry) -> Result<ArrayId> {
        let declared = self.graph.as_input(node).expect("invariant: an input");
        let below = declared.ty.below.as_ref().map(|b| self.number(b, node)).transpose()?;
        let number = self.arrays.inputs.len();
        let array =
            self.arrays.push(Array { shape: shape.clone(), entry, definition: Definition::Input(number) });
        let name = declared.name.to_string();
        self.arrays.inputs.push(Input { name, shape: shape.to_vec(), entry, below, array, absent: false });
        Ok(array)
    }

    fn reduce(&mut self, reduction: op::Reduction, x: ArrayId, axis: usize) -> Result<ArrayId> {
        let shape = self.arrays[x].shape.clone();
        let rank = shape.len();
        let mut extents: SmallVec<[usize; 4]> = shape.clone();
        let along = extents.remove(axis);
        let empty = |operation| Err(Error::EmptyAxis { operation });
        let kept = count(&extents);
        let reduction = match reduction {
            op::Reduction::Max if along == 0 && kept > 0 => return empty("max"),
            op::Reduction::Min if along == 0 && kept > 0 => return empty("min"),
            op::Reduction::Max => Reduction::Max,
            op::Reduction::Min => Reduction::Min,
            op::Reduction::Prod => Reduction::Product,
        };
        extents.push(along);
        let label = |a: usize| match a.cmp(&axis) {
            std::cmp::Ordering::Less => a,
            std::cmp::Ordering::Equal => rank - 1,
            std::cmp::Ordering::Greater => a - 1,
        };
        let at = (0..rank).map(|a| At::label(label(a))).collect();
        let body = Body::Product(vec![Factor {
            read: Read { array: x, at, guards: Vec::new() },
            power: 1,
            divides: false,
        }]);
        let nest = Nest { extents, free: rank - 1, reduction, guards: Vec::new(), body, absent: false };
        Ok(self.arrays.nest(Entry::Real, nest))
    }

    /// A trajectory; all trajectories of one recurrence share its number.
    fn scan(&mut self, node: NodeId, args: &[ArrayId], shape: SmallVec<[usize; 4]>) -> Result<ArrayId> {
        let (scan, step) = self.graph.as_scan(node).expect("invariant: a scan");
        let first = self
            .graph
            .carries(node)
            .into_iter()
            .flatten()
            .find_map(|sibling| self.recurrence_of[sibling.index()]);
        let recurrence = match first {
            Some(known) => known,
            None => {
                let body = lower(step.body(), step.outputs(), self.sizes)?;
                let formal = |input: &Input| {
                    let is = |&&f: &&NodeId| step.body().as_input(f).is_some_and(|i| *i.name == *input.name);
                    let found =
                        step.formals().iter().find(is).expect("invariant: a step reads its formals only");
                    step.formals().iter().position(|f| f == found).expect("just found")
                };
                let length = usize::try_from(self.number(&scan.length, node)?).unwrap_or(0);
                self.arrays.recurrences.push(super::Recurrence {
                    formals: body.inputs.iter().map(formal).collect(),
                    counts: body.outputs.iter().map(|o| body[*o].count()).collect(),
                    body,
                    carries: step.carries(),
                    per_step: step.per_step(),
                    length,
                    backward: scan.backward,
                });
                self.arrays.recurrences.len() - 1
            }
        };
        self.recurrence_of[node.index()] = Some(recurrence);
        let definition = Definition::Carry {
            recurrence,
            carry: usize::from(scan.carry),
            operands: args.to_vec(),
            end: false,
        };
        Ok(self.arrays.push(Array { shape, entry: Entry::Real, definition }))
    }

    fn composite(&mut self, node: NodeId, args: SmallVec<[ArrayId; 2]>) -> Result<ArrayId> {
        let function = self.graph.as_named(node).expect("invariant: a function");
        let kind = match function.name.as_str() {
            "logsumexp" => Composite::LogSumExp,
            "softmax" => Composite::Softmax,
            "log_softmax" => Composite::LogSoftmax,
            "exclusive_prod" => {
                let (shape, axis) = (self.arrays[args[0]].shape.clone(), function.axes[0]);
                if shape[axis] <= composite::SHORT {
                    return Ok(composite::product_of_others(&mut self.arrays, args[0], axis));
                }
                let whole = Whole::ExclusiveProduct(axis);
                return Ok(self.whole(whole, args, shape, Entry::Real));
            }
            other => return Err(Error::Unsupported { what: format!("the composite {other}") }),
        };
        Ok(composite::build(&mut self.arrays, kind, args[0], &function.axes))
    }

    /// Constructors let sums and products of truth values and labels pass; evaluation refuses them, and so do plans.
    fn expect_real(&self, operation: &'static str, operand: NodeId) -> Result<()> {
        let found = self.graph.ty(operand);
        if found.dtype == DType::Real {
            return Ok(());
        }
        let (expected, found) = (DType::Real, found.clone());
        Err(chainrule_core::Error::Entries { operation, expected, found }.into())
    }

    fn product(&mut self, node: NodeId, product: &Product) -> Result<ArrayId> {
        product.accesses.iter().try_for_each(|a| self.expect_real("*", a.node))?;
        let extents = self.extents(&product.extents, node)?;
        let terms = count(&extents);
        if terms > MOST << 12 {
            return Err(Error::Unsupported { what: format!("a contraction of {terms} terms") });
        }
        let mut factors = Vec::with_capacity(product.accesses.len());
        for access in &product.accesses {
            let (operand, divides) = match self.graph.op(access.node) {
                Op::Map(id) if Map::by_id(*id).id == RECIP.id => (self.graph.arg(access.node, 0), true),
                _ => (access.node, false),
            };
            let at = self.place(&access.at)?;
            let read = Read { array: self.array(operand), at, guards: Vec::new() };
            factors.push(Factor { read, power: access.power, divides });
        }
        let mut guards = Vec::with_capacity(product.conds.len());
        for cond in &product.conds {
            guards.push(match cond {
                Cond::Zero(t) => Guard::Zero(self.at(t)?),
                Cond::NonNegative(t) => Guard::NonNegative(self.at(t)?),
                Cond::Holds(n, at, negated) => Guard::Holds(self.array(*n), self.place(at)?, *negated),
            });
        }
        let body = if factors.is_empty() { Body::Const(1.0) } else { Body::Product(factors) };
        let nest =
            Nest { extents, free: product.free, reduction: Reduction::Sum, guards, body, absent: false };
        let array = self.arrays.nest(Entry::Real, nest);
        let coefficient = product.coefficient.to_f64();
        if coefficient == 1.0 {
            return Ok(array);
        }
        let shape = self.arrays[array].shape.clone();
        Ok(self.arrays.elementwise(
            Entry::Real,
            &shape,
            Body::Sum(vec![(coefficient, Read::whole(array, product.free))]),
        ))
    }

    fn place(&self, terms: &[Term]) -> Result<Place> {
        terms.iter().map(|t| self.at(t)).collect()
    }

    /// Index terms are nested only as deep as constructors allow, which is a small number.
    fn at(&self, term: &Term) -> Result<At> {
        let number = |d: &Dim| {
            d.evaluate(self.sizes)
                .map_err(|name| Error::UnknownSize { name: name.to_string(), of: "an index".into() })
        };
        let mut at = At::constant(number(term.offset())?);
        for (atom, slope) in term.parts() {
            let slope = number(slope)?;
            if slope == 0 {
                continue;
            }
            let atom = match atom {
                index::Atom::Label(l) => Atom::Label(l.0 as usize),
                index::Atom::Quotient(t, d) => Atom::Quotient(Box::new(self.at(t)?), number(d)?.max(1)),
                index::Atom::Remainder(t, d) => Atom::Remainder(Box::new(self.at(t)?), number(d)?.max(1)),
                index::Atom::Element(n, terms) => {
                    Atom::Element(self.array(*n), terms.iter().map(|t| self.at(t)).collect::<Result<_>>()?)
                }
            };
            at.parts.push((atom, slope));
        }
        Ok(at)
    }
}
