//! A node in vectorised notation, without indices: `V @ x + b`, `softmax(z) - onehot(y)`.
//!
//! Elementwise kinds hand on to their operands; a number stands for an array that repeats it. Contractions are the
//! matter of [`chain`](super::chain).

use super::entry::{Builder, in_reading_order, linear_name, literal, relation};
use super::shown::Shown;
use crate::graph::op::{Logic, Op};
use crate::node::NodeId;
use crate::ops::map::{Map, POW, RECIP};
use crate::rational::Rational;

impl Builder<'_> {
    /// The node written out, whatever its name; `None` when it has no vectorised form.
    pub(crate) fn whole_root(&self, node: NodeId) -> Option<Shown> {
        self.open_whole(node)
    }

    /// The node by name, else written out.
    pub(crate) fn whole(&self, node: NodeId) -> Option<Shown> {
        match self.name_of(node) {
            Some(name) => Some(Shown::Name(name)),
            None => self.open_whole(node),
        }
    }

    fn open_whole(&self, node: NodeId) -> Option<Shown> {
        let g = self.graph;
        let arg = |k: usize| self.whole(g.arg(node, k));
        Some(match g.op(node) {
            Op::Zero(_) if g.rank(node) > 0 => Shown::Call("zeros", self.sizes(node)),
            Op::Zero(_) => Shown::integer(0),
            Op::Input(_) => Shown::Name(self.name_of(node)?),
            Op::Rational(value) => Shown::Number(value.clone()),
            Op::Pi => self.pi(),
            Op::Size(dim) => self.size(dim),
            Op::Literal(_) => literal(g.as_literal(node)?),
            Op::Sum(coefficients) => return self.whole_sum(node, coefficients),
            Op::Contract(_) => return self.whole_contract(node),
            Op::Map(id) => return self.whole_map(node, Map::by_id(*id)),
            Op::Select => {
                Shown::If(Box::new([arg(0)?, self.spread(g.arg(node, 1))?, self.spread(g.arg(node, 2))?]))
            }
            Op::Compare(comparison) => {
                relation(*comparison, self.spread(g.arg(node, 0))?, self.spread(g.arg(node, 1))?)
            }
            Op::Logic(Logic::Not) => self.negation(g.arg(node, 0), vec![arg(0)?]),
            Op::Logic(logic) => {
                let args: Option<Vec<Shown>> = (0..g.args(node).len()).map(arg).collect();
                Shown::Logic(*logic, args?)
            }
            Op::Reduce(reduction, axis) => {
                let name = match reduction {
                    crate::graph::op::Reduction::Max => "max",
                    crate::graph::op::Reduction::Min => "min",
                    crate::graph::op::Reduction::Prod => "prod",
                };
                Shown::Call(name, self.along(node, &[usize::from(*axis)])?)
            }
            Op::ArgMax(axis) => Shown::Call("argmax", self.along(node, &[usize::from(*axis)])?),
            Op::ArgSort(_) | Op::Linear(_) | Op::Named(_) | Op::Scan(_) => return self.applied(node),
            Op::Tag(_) => arg(0)?,
            Op::StopGradient => Shown::Call("stop_gradient", vec![arg(0)?]),
            Op::Checkpoint => Shown::Call("checkpoint", vec![arg(0)?]),
        })
    }

    /// A function of whole arrays: `inv(A)`, `argsort(x)`, `softmax(A, axis=0)`.
    pub(crate) fn applied(&self, node: NodeId) -> Option<Shown> {
        let g = self.graph;
        let args = || g.args(node).iter().map(|&a| self.whole(a)).collect::<Option<Vec<Shown>>>();
        match g.op(node) {
            Op::Linear(kind) => Some(Shown::Call(linear_name(*kind), args()?)),
            Op::Scan(_) => self.recurrence(node, args()?),
            Op::ArgSort(axis) => Some(Shown::Call("argsort", self.along(node, &[usize::from(*axis)])?)),
            Op::Named(_) => {
                let function = g.as_named(node)?;
                let args =
                    if function.composite.is_some() { self.along(node, &function.axes)? } else { args()? };
                Some(Shown::Apply(function.name.clone(), args))
            }
            _ => None,
        }
    }

    /// The operand and, unless it has only one axis, `axis=k`.
    fn along(&self, node: NodeId, axes: &[usize]) -> Option<Vec<Shown>> {
        let x = self.graph.arg(node, 0);
        let rank = self.graph.rank(x);
        let mut args = vec![self.whole(x)?];
        match axes {
            _ if rank <= 1 => {}
            [axis] => args.push(Shown::Verbatim(format!("axis={axis}"))),
            _ if axes.len() == rank => args.push(Shown::Verbatim("axis=all".into())),
            _ => args.push(Shown::Verbatim(format!("axis={axes:?}"))),
        }
        Some(args)
    }

    /// Extents of the axes, as arguments.
    pub(crate) fn sizes(&self, node: NodeId) -> Vec<Shown> {
        self.graph.shape(node).iter().map(|d| self.size(d)).collect()
    }

    /// The node, or the number that it repeats.
    fn spread(&self, node: NodeId) -> Option<Shown> {
        self.repeated(node).or_else(|| self.whole(node))
    }

    /// The number that an array repeats: a product of numbers over axes that nothing mentions, times a coefficient.
    fn repeated(&self, node: NodeId) -> Option<Shown> {
        let g = self.graph;
        match g.op(node) {
            _ if self.name_of(node).is_some() || g.rank(node) == 0 => None,
            Op::Zero(_) => Some(Shown::integer(0)),
            Op::Sum(c) if c.len() == 1 => Some(Shown::scaled(&c[0], self.repeated(g.arg(node, 0))?)),
            Op::Contract(kind) => {
                let bare = kind.conds.is_empty() && kind.free == kind.extents.len();
                if !bare || kind.accesses.iter().any(|a| !a.at.is_empty()) {
                    return None;
                }
                let (mut over, mut under) = (Vec::new(), Vec::new());
                for access in g.as_product(node).accesses {
                    self.number(access.node, access.power, &mut over, &mut under)?;
                }
                Some(Shown::product(over, under))
            }
            _ => None,
        }
    }

    /// Pushes a factor that is a number, below the line when it is a reciprocal.
    pub(crate) fn number(
        &self,
        node: NodeId,
        power: u32,
        over: &mut Vec<Shown>,
        under: &mut Vec<Shown>,
    ) -> Option<()> {
        if self.is_reciprocal(node) {
            under.push(Shown::power(self.whole(self.graph.arg(node, 0))?, power));
        } else {
            over.push(Shown::power(self.whole(node)?, power));
        }
        Some(())
    }

    fn whole_sum(&self, node: NodeId, coefficients: &[Rational]) -> Option<Shown> {
        let args = self.graph.args(node);
        // Numbers stand for arrays only beside an array.
        let numbers = args.iter().any(|&a| self.repeated(a).is_none());
        let mut terms = Vec::with_capacity(args.len());
        for (c, &a) in coefficients.iter().zip(&args) {
            terms.push((c.clone(), if numbers { self.spread(a)? } else { self.whole(a)? }));
        }
        Some(in_reading_order(terms.into_iter()))
    }

    fn whole_map(&self, node: NodeId, map: &'static Map) -> Option<Shown> {
        let args = self.graph.args(node);
        if args.iter().all(|&a| self.repeated(a).is_some()) {
            return None;
        }
        let args: Option<Vec<Shown>> = args.iter().map(|&a| self.spread(a)).collect();
        let rank = self.graph.rank(node);
        match args? {
            args if map.id == RECIP.id && rank == 0 => Some(Shown::product(Vec::new(), args)),
            args if map.id == RECIP.id => Some(Shown::Elementwise(Vec::new(), args)),
            _ if map.id == POW.id && rank > 1 => None,
            args => Some(Shown::Map(map, args)),
        }
    }
}
