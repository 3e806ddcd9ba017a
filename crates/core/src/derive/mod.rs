//! Differentiation: one set of entries, and a driver that decides what is summed.
//!
//! Sum the entry `D[out; in]` over `in` against a tangent: JVP. Over `out` against a cotangent: VJP, gradient. Sum
//! nothing: the local Jacobian, as a formula. Seed the reverse sweep with identity deltas: the full Jacobian.
//! Derivatives are graphs again, so every order follows.
//!
//! Axes of a Jacobian: output axes first, then input axes.

mod batch;
pub mod colouring;
pub mod named;
pub mod numbers;
pub mod pattern;
mod rows;
pub mod scan;
pub mod sparse;
pub mod steps;
pub mod sweep;
pub mod terms;

#[cfg(test)]
mod sparse_tests;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::form::{Access, Product};
use crate::graph::Graph;
use crate::node::NodeId;
use crate::ops::rules::{Rules, has_entry, rule_name};
use crate::shape::{DType, Type};
use steps::Recorder;

/// From which end the chain of local Jacobians is multiplied.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Schedule {
    /// From the smaller end, split at a smaller cut in between when sizes are fixed.
    #[default]
    Auto,
    /// From the output.
    Reverse,
    /// From the inputs.
    Forward,
    /// In two halves that meet at the smallest single-node cut.
    CrossCountry,
}

/// How a derivation is carried out.
#[derive(Default)]
pub struct Derivation<'a> {
    /// The rules; `None` for the right ones.
    pub rules: Option<&'a Rules>,
    /// From which end.
    pub schedule: Schedule,
    /// Where steps are recorded.
    pub recorder: Option<&'a mut Recorder>,
}

impl Graph {
    /// `∂y/∂x` of a number `y`: for each `x` a tensor of its shape.
    ///
    /// Zero tensors for what `y` does not depend on.
    ///
    /// # Errors
    /// [`Error::NotScalar`] unless `y` is a number, [`Error::NotDifferentiable`] for integers and opaque arguments.
    ///
    /// ```
    /// use chainrule_core::{graph::Graph, shape::Type};
    /// let mut g = Graph::new();
    /// let x = g.input("x", Type::real(["n"]))?;
    /// let square = g.power(x, 2);
    /// let y = g.sum_all(square)?;
    /// let gradient = g.gradient(y, &[x])?[0];
    /// let twice = g.add(x, x)?;
    /// assert_eq!(gradient, twice);
    /// # Ok::<(), chainrule_core::error::Error>(())
    /// ```
    pub fn gradient(&mut self, y: NodeId, xs: &[NodeId]) -> Result<Vec<NodeId>> {
        Derivation::default().gradient(self, y, xs)
    }

    /// Every derivative of `y` with respect to `x`, as one tensor: `J[i…, j…] = ∂y[i…]/∂x[j…]`.
    ///
    /// Diagonal and selection structure stays symbolic, so an elementwise `y` costs n, not n². If `y` does not depend
    /// on `x` the answer is the zero tensor of that shape.
    ///
    /// # Errors
    /// [`Error::NotDifferentiable`] for integers and opaque arguments.
    pub fn jacobian(&mut self, y: NodeId, x: NodeId) -> Result<NodeId> {
        Derivation::default().jacobian(self, y, x)
    }

    /// Cotangent in, cotangents out: `Σ_out cotangent[out] ∂y[out]/∂x[in]` for each `x`.
    ///
    /// # Errors
    /// As [`Graph::jacobian`]; [`Error::ShapesDiffer`] unless the cotangent has the shape of `y`.
    pub fn vjp(&mut self, y: NodeId, xs: &[NodeId], cotangent: NodeId) -> Result<Vec<NodeId>> {
        Derivation::default().vjp(self, y, xs, cotangent)
    }

    /// Tangents in, tangent out: `Σ_x Σ_in ∂y[out]/∂x[in] tangent_x[in]`.
    ///
    /// # Errors
    /// As [`Graph::jacobian`]; [`Error::ShapesDiffer`] unless each tangent has the shape of its input.
    pub fn jvp(&mut self, y: NodeId, xs: &[NodeId], tangents: &[NodeId]) -> Result<NodeId> {
        Derivation::default().jvp(self, y, xs, tangents)
    }

    /// Second derivatives of a number: `H[i…, j…] = ∂²y/∂x[i…]∂x[j…]`.
    ///
    /// # Errors
    /// As [`Graph::gradient`].
    pub fn hessian(&mut self, y: NodeId, x: NodeId) -> Result<NodeId> {
        let gradient = self.gradient(y, &[x])?[0];
        self.jacobian(gradient, x)
    }

    /// Hessian times a direction, without the Hessian: the JVP of the gradient.
    ///
    /// # Errors
    /// As [`Graph::gradient`] and [`Graph::jvp`].
    pub fn hvp(&mut self, y: NodeId, x: NodeId, direction: NodeId) -> Result<NodeId> {
        let gradient = self.gradient(y, &[x])?[0];
        self.jvp(gradient, &[x], &[direction])
    }

    /// `∂²y/∂a[…]∂b[…]` of a number, axes of `a` first.
    ///
    /// # Errors
    /// As [`Graph::gradient`].
    pub fn mixed(&mut self, y: NodeId, a: NodeId, b: NodeId) -> Result<NodeId> {
        let gradient = self.gradient(y, &[a])?[0];
        self.jacobian(gradient, b)
    }

    /// The Jacobian of one node with respect to one of its own operands, everything else held fixed.
    ///
    /// For a named function without a stated entry this is the Jacobian of its body.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an operand that does not exist, [`Error::NotDifferentiable`].
    pub fn local_jacobian(&mut self, node: NodeId, operand: usize) -> Result<NodeId> {
        let entry = self.local_entry(node, operand)?;
        let x = self.arg(node, operand);
        let shape: Vec<_> = self.shape(node).iter().chain(self.shape(x)).cloned().collect();
        Ok(self.sum_of_products(&entry, &shape))
    }

    /// As [`Graph::local_jacobian`], as the products of the entry: what no interning has simplified away.
    ///
    /// # Errors
    /// As [`Graph::local_jacobian`].
    pub fn local_entry(&mut self, node: NodeId, operand: usize) -> Result<Vec<Product>> {
        self.expect_nodes(&[node])?;
        let count = self.args(node).len();
        if operand >= count {
            let candidates = (0..count).map(|k| format!("operand {k}")).collect();
            return Err(Error::Unknown { name: format!("operand {operand}"), candidates });
        }
        expect_real(self, self.arg(node, operand))?;
        let entry = Rules::new().entry(self, node, operand)?;
        let mut steps = Vec::new();
        Ok(entry.into_iter().filter_map(|p| self.normal_product(p, &mut steps)).collect())
    }

    /// The entry of a function, derived from its body with the formals independent of each other.
    pub(crate) fn body_entry(&mut self, node: NodeId, operand: usize) -> Result<Vec<Product>> {
        let function = self.as_named(node).expect("invariant: a function").clone();
        let mut inner = function.body.clone();
        // Functions that the body applies are written out: nothing recurses on how deep they are nested.
        let output = open_opaque(&mut inner, &[function.output], None)?[0];
        let formal = function.formals[operand];
        let terms = sweep::jacobian_terms(&mut inner, &Rules::new(), &mut None, output, formal)?;
        let args = self.args(node);
        let map: Vec<(NodeId, NodeId)> = function.formals.iter().copied().zip(args.iter().copied()).collect();
        let mut entry = Vec::new();
        for mut product in terms {
            let mut used: Vec<NodeId> = product.accesses.iter().map(|a| a.node).collect();
            product.map_terms(&mut |t| {
                t.each_element(&mut |n| used.push(n));
                t.clone()
            });
            used.extend(product.conds.iter().filter_map(|c| match c {
                crate::form::Cond::Holds(n, _, _) => Some(*n),
                _ => None,
            }));
            let here = self.import(&inner, &used, &map)?;
            let mut rename =
                |n: NodeId| here[used.iter().position(|&u| u == n).expect("invariant: collected above")];
            product.map_nodes(&mut rename);
            entry.push(product);
        }
        Ok(entry)
    }

    /// `Σ products` over the given axes, as a node.
    pub fn sum_of_products(&mut self, products: &[Product], shape: &[crate::shape::Dim]) -> NodeId {
        let one = crate::rational::Rational::from(1);
        let terms: Vec<_> = products.iter().map(|p| (one.clone(), self.product(p.clone()))).collect();
        self.sum_unchecked(&terms, |_| Type::real(shape.iter().cloned()))
    }
}

fn expect_real(g: &Graph, x: NodeId) -> Result<()> {
    g.expect_nodes(&[x])?;
    if g.ty(x).dtype == DType::Real {
        return Ok(());
    }
    let what = g.as_input(x).map_or_else(|| "an integer or Boolean node".to_string(), |i| i.name.to_string());
    Err(Error::NotDifferentiable { what, why: "it is a label, not a real number" })
}

/// The nodes with every function opened that states no entry of its own, or whose entry the rules overrule.
///
/// A stated entry stands for its body's rules, so it does not answer where one of those is replaced.
pub(crate) fn open_opaque(g: &mut Graph, nodes: &[NodeId], rules: Option<&Rules>) -> Result<Vec<NodeId>> {
    let opaque = |g: &Graph, n: NodeId| match g.as_named(n) {
        None => false,
        Some(_) if has_entry(g, n).is_none() => true,
        Some(function) => rules.is_some_and(|rules| {
            let body = &function.body;
            !rules.is_replaced(rule_name(g, n))
                && body.nodes().any(|inner| rules.is_replaced(rule_name(body, inner)))
        }),
    };
    if g.has_functions() && g.reachable(nodes).into_iter().any(|n| opaque(g, n)) {
        return g.open(nodes, &opaque);
    }
    Ok(nodes.to_vec())
}

impl Derivation<'_> {
    /// Opens functions without a stated entry, in the output and in what it is differentiated by.
    fn opened(&self, g: &mut Graph, y: NodeId, xs: &[NodeId]) -> Result<(NodeId, Vec<NodeId>)> {
        for &x in xs {
            expect_real(g, x)?;
            if let Some(input) = g.as_input(x).filter(|i| i.facts.constant) {
                let what = input.name.to_string();
                return Err(Error::NotDifferentiable { what, why: "it is declared constant" });
            }
        }
        expect_real(g, y)?;
        let mut all = vec![y];
        all.extend(xs);
        let all = open_opaque(g, &all, self.rules)?;
        Ok((all[0], all[1..].to_vec()))
    }

    /// See [`Graph::gradient`].
    ///
    /// # Errors
    /// As there.
    pub fn gradient(&mut self, g: &mut Graph, y: NodeId, xs: &[NodeId]) -> Result<Vec<NodeId>> {
        g.expect_nodes(&[y])?;
        if g.rank(y) != 0 {
            return Err(Error::NotScalar { found: g.ty(y).clone() });
        }
        let (y, xs) = self.opened(g, y, xs)?;
        let right = Rules::new();
        let rules = self.rules.unwrap_or(&right);
        if self.recorder.is_none()
            && let Some(gradient) = numbers::gradient(g, rules, y, &xs)?
        {
            return Ok(gradient);
        }
        sweep::reverse(g, rules, &mut self.recorder, y, Product::one([]), 0, &xs)
    }

    /// See [`Graph::vjp`].
    ///
    /// # Errors
    /// As there.
    pub fn vjp(&mut self, g: &mut Graph, y: NodeId, xs: &[NodeId], cotangent: NodeId) -> Result<Vec<NodeId>> {
        g.expect_same_shape("vjp", y, cotangent)?;
        expect_real(g, cotangent)?;
        let (y, xs) = self.opened(g, y, xs)?;
        let seed = Product::of(cotangent, &g.ty(cotangent).shape.clone());
        let right = Rules::new();
        sweep::reverse(g, self.rules.unwrap_or(&right), &mut self.recorder, y, seed, 0, &xs)
    }

    /// See [`Graph::jvp`].
    ///
    /// # Errors
    /// As there.
    pub fn jvp(&mut self, g: &mut Graph, y: NodeId, xs: &[NodeId], tangents: &[NodeId]) -> Result<NodeId> {
        if xs.len() != tangents.len() {
            return Err(Error::Arity { operation: "jvp".into(), expected: xs.len(), found: tangents.len() });
        }
        for (&x, &t) in xs.iter().zip(tangents) {
            g.expect_same_shape("jvp", x, t)?;
            expect_real(g, t)?;
        }
        let (y, xs) = self.opened(g, y, xs)?;
        let seeds: Vec<(NodeId, Product)> =
            xs.iter().zip(tangents).map(|(&x, &t)| (x, Product::of(t, &g.ty(t).shape.clone()))).collect();
        let right = Rules::new();
        sweep::forward(g, self.rules.unwrap_or(&right), &mut self.recorder, y, &seeds, 0)
    }

    /// See [`Graph::jacobian`].
    ///
    /// # Errors
    /// As there.
    pub fn jacobian(&mut self, g: &mut Graph, y: NodeId, x: NodeId) -> Result<NodeId> {
        let (y, xs) = self.opened(g, y, &[x])?;
        let x = xs[0];
        let right = Rules::new();
        let rules = self.rules.unwrap_or(&right);
        match self.schedule {
            Schedule::Reverse => sweep::jacobian_reverse(g, rules, &mut self.recorder, y, x),
            Schedule::Forward => sweep::jacobian_forward(g, rules, &mut self.recorder, y, x),
            Schedule::CrossCountry => match smallest_cut(g, y, x) {
                Some(cut) => self.through(g, y, cut, x),
                None => sweep::jacobian_reverse(g, rules, &mut self.recorder, y, x),
            },
            Schedule::Auto => {
                let (out, inn) = (count(g, y), count(g, x));
                let smaller_cut = smallest_cut(g, y, x).filter(
                    |&c| matches!((count(g, c), out, inn), (Some(c), Some(o), Some(i)) if c < o && c < i),
                );
                if let Some(cut) = smaller_cut {
                    return self.through(g, y, cut, x);
                }
                match (out, inn) {
                    (Some(o), Some(i)) if i < o => {
                        sweep::jacobian_forward(g, rules, &mut self.recorder, y, x)
                    }
                    _ => sweep::jacobian_reverse(g, rules, &mut self.recorder, y, x),
                }
            }
        }
    }

    /// `∂y/∂x = Σ_c ∂y/∂c ∂c/∂x` through a node that every path passes.
    fn through(&mut self, g: &mut Graph, y: NodeId, cut: NodeId, x: NodeId) -> Result<NodeId> {
        let left = self.jacobian(g, y, cut)?;
        let right = self.jacobian(g, cut, x)?;
        let (out, middle, inner) = (g.rank(y), g.rank(cut), g.rank(x));
        let shape: Vec<_> = g.shape(y).iter().chain(g.shape(x)).cloned().collect();
        let mut product = Product::one(shape);
        let bound: Vec<_> = g.shape(cut).to_vec().into_iter().map(|d| product.bind(d)).collect();
        use crate::index::{Label, Term};
        let label = |k: usize| Term::label(Label(k as u32));
        let through = || bound.iter().map(|&b| Term::label(b));
        product.accesses.push(Access::new(left, (0..out).map(label).chain(through())));
        product.accesses.push(Access::new(right, through().chain((out..out + inner).map(label))));
        debug_assert_eq!(bound.len(), middle);
        Ok(g.product(product))
    }
}

/// Number of entries, when every extent is fixed.
fn count(g: &Graph, node: NodeId) -> Option<i64> {
    g.shape(node).iter().try_fold(1i64, |n, d| Some(n.saturating_mul(d.as_fixed()?)))
}

/// The node with the fewest entries among those that every path from `x` to `y` passes (ends excluded).
///
/// A node is such a cut when no active edge jumps over it; one pass over the table finds them all.
fn smallest_cut(g: &Graph, y: NodeId, x: NodeId) -> Option<NodeId> {
    let active = sweep::active(g, &[y], &[x]);
    let mut furthest = x;
    let mut reach: rustc_hash::FxHashMap<NodeId, NodeId> = rustc_hash::FxHashMap::default();
    for node in (x.index()..=y.index()).map(NodeId::new).filter(|n| active[n.index()]) {
        for arg in g.args(node) {
            if arg >= x && active[arg.index()] {
                reach.insert(arg, node);
            }
        }
    }
    let mut best: Option<(i64, NodeId)> = None;
    for node in (x.index()..y.index()).map(NodeId::new).filter(|n| active[n.index()]) {
        if node != x && furthest == node {
            let size = count(g, node)?;
            if best.is_none_or(|(least, _)| size < least) {
                best = Some((size, node));
            }
        }
        furthest = furthest.max(reach.get(&node).copied().unwrap_or(node));
    }
    best.map(|(_, node)| node)
}
