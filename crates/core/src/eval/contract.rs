//! Contractions: loops over labels, deltas solved instead of tested, long products ordered.

use super::term::NumTerm;
use super::{Store, divisor};
use crate::error::{Error, Result};
use crate::form::{Access, Cond, Product};
use crate::index::{Label, Term};
use crate::node::NodeId;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// A factor with numbers for sizes.
struct Factor<'a, S> {
    data: &'a [S],
    shape: &'a [usize],
    at: Vec<NumTerm>,
    power: u32,
    divides: bool,
    node: NodeId,
}

/// A condition with numbers for sizes.
enum Test<'a> {
    Zero(NumTerm),
    NonNegative(NumTerm),
    Holds(&'a Tensor<bool>, Vec<NumTerm>, bool),
}

/// How a contraction reads deltas on its labels.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A false condition makes the term absent.
    Structured,
    /// A false condition multiplies by 0, as dense identity matrices do: signs of zero included.
    Materialised,
}

/// The value of a product whose operands are evaluated.
pub(crate) fn evaluate<S: Scalar>(store: &mut Store<'_, S>, product: &Product) -> Result<Tensor<S>> {
    if let Some((first, labels)) = cheaper_order(store, product)? {
        return in_two_steps(store, product, &first, &labels);
    }
    evaluate_directly(store, product, Mode::Structured, &[])
}

/// The product of numbers, if that is all a contraction is: the hot path of scalar programs.
pub(crate) fn number<S: Scalar>(store: &Store<'_, S>, kind: &Product, args: &[NodeId]) -> Option<S> {
    let numbers =
        kind.extents.is_empty() && kind.conds.is_empty() && kind.accesses.iter().all(|a| a.at.is_empty());
    if !numbers {
        return None;
    }
    let (mut value, mut below): (Option<S>, Option<S>) = (None, None);
    for access in &kind.accesses {
        let node = args[access.node.index()];
        let divides = divisor(store.graph, node);
        let x = power(&store.real(divides.unwrap_or(node)).data()[0], access.power);
        let slot = if divides.is_some() { &mut below } else { &mut value };
        *slot = Some(match slot.take() {
            None => x,
            Some(v) => v * x,
        });
    }
    let value = value.unwrap_or_else(S::one);
    Some(match below {
        Some(below) => value / below,
        None => value,
    })
}

/// A temporary factor that stands for several.
struct Temporary<S> {
    tensor: Tensor<S>,
    at: Vec<Term>,
}

/// One nest of loops over all labels that no delta determines.
pub(crate) fn evaluate_product<S: Scalar>(
    store: &Store<'_, S>,
    product: &Product,
    mode: Mode,
) -> Result<Tensor<S>> {
    evaluate_directly(store, product, mode, &[])
}

fn evaluate_directly<S: Scalar>(
    store: &Store<'_, S>,
    product: &Product,
    mode: Mode,
    temporaries: &[Temporary<S>],
) -> Result<Tensor<S>> {
    let labels = product.extents.len();
    let extents: Vec<usize> = product.extents.iter().map(|d| store.extent(d)).collect::<Result<_>>()?;
    let shape = store.extents(&product.extents[..product.free])?;
    let compile_all = |terms: &[Term]| -> Result<Vec<NumTerm>> {
        terms.iter().map(|t| NumTerm::compile(store, t, labels)).collect()
    };
    let mut factors = Vec::with_capacity(product.accesses.len() + temporaries.len());
    for access in &product.accesses {
        let divides = divisor(store.graph, access.node);
        let tensor = store.real(divides.unwrap_or(access.node));
        factors.push(Factor {
            data: tensor.data(),
            shape: tensor.shape(),
            at: compile_all(&access.at)?,
            power: access.power,
            divides: divides.is_some(),
            node: access.node,
        });
    }
    for t in temporaries {
        let node = NodeId::new(0);
        let (data, shape) = (t.tensor.data(), t.tensor.shape());
        factors.push(Factor { data, shape, at: compile_all(&t.at)?, power: 1, divides: false, node });
    }
    let mut tests = Vec::with_capacity(product.conds.len());
    for cond in &product.conds {
        tests.push(match cond {
            Cond::Zero(t) => Test::Zero(NumTerm::compile(store, t, labels)?),
            Cond::NonNegative(t) => Test::NonNegative(NumTerm::compile(store, t, labels)?),
            Cond::Holds(node, at, negated) => {
                let predicate = store.value(*node).boolean().expect("invariant: a predicate");
                Test::Holds(predicate, compile_all(at)?, *negated)
            }
        });
    }
    let mut nest = Nest {
        store,
        coefficient: S::from_rational(&product.coefficient),
        scaled: !product.coefficient.is_one(),
        free: product.free,
        position: (0..labels).map(|k| unit(k, labels)).collect(),
        looped: vec![true; labels],
        extents,
        factors,
        tests,
        mode,
    };
    if mode == Mode::Structured {
        nest.solve_deltas();
        nest.drop_implied_tests();
    }
    let data = nest.run(&shape)?;
    Ok(Tensor::new(&shape, data).expect("invariant: one entry for each position"))
}

fn unit(label: usize, labels: usize) -> NumTerm {
    let mut slopes = vec![0; labels];
    slopes[label] = 1;
    NumTerm { base: 0, slopes, special: Vec::new() }
}

struct Nest<'a, 'g, S> {
    store: &'a Store<'g, S>,
    coefficient: S,
    scaled: bool,
    free: usize,
    /// Each label as a term over the labels that are looped.
    position: Vec<NumTerm>,
    looped: Vec<bool>,
    extents: Vec<usize>,
    factors: Vec<Factor<'a, S>>,
    tests: Vec<Test<'a>>,
    mode: Mode,
}

impl<S: Scalar> Nest<'_, '_, S> {
    /// A delta with a label of slope ±1 determines that label, which is then not looped.
    fn solve_deltas(&mut self) {
        while let Some((k, label)) = self.solvable() {
            let Test::Zero(term) = self.tests.swap_remove(k) else { unreachable!("invariant: a delta") };
            let value = term.solve_for(label);
            self.looped[label] = false;
            for position in &mut self.position {
                *position = position.replace(label, &value);
            }
            for factor in &mut self.factors {
                factor.at.iter_mut().for_each(|t| *t = t.replace(label, &value));
            }
            for test in &mut self.tests {
                match test {
                    Test::Zero(t) | Test::NonNegative(t) => *t = t.replace(label, &value),
                    Test::Holds(_, at, _) => at.iter_mut().for_each(|t| *t = t.replace(label, &value)),
                }
            }
            let mut above = value.clone();
            above.base = self.extents[label] as i64 - 1 - above.base;
            above.slopes.iter_mut().for_each(|s| *s = -*s);
            above.special.iter_mut().for_each(|(c, _)| *c = -*c);
            self.tests.push(Test::NonNegative(value));
            self.tests.push(Test::NonNegative(above));
        }
    }

    fn solvable(&self) -> Option<(usize, usize)> {
        for (k, test) in self.tests.iter().enumerate() {
            let Test::Zero(term) = test else { continue };
            for label in (0..self.looped.len()).rev() {
                let plain = term.slopes[label].abs() == 1 && {
                    let mut rest = term.clone();
                    rest.slopes[label] = 0;
                    rest.ignores(label)
                };
                if self.looped[label] && plain {
                    return Some((k, label));
                }
            }
        }
        None
    }

    fn drop_implied_tests(&mut self) {
        let box_of = self.looped_extents();
        self.tests.retain(|t| match t {
            Test::NonNegative(t) => t.range(&box_of).is_none_or(|(low, _)| low < 0),
            _ => true,
        });
    }

    /// Extents of looped labels, 1 for the others.
    fn looped_extents(&self) -> Vec<usize> {
        self.extents.iter().zip(&self.looped).map(|(&e, &l)| if l { e } else { 1 }).collect()
    }

    fn run(&self, shape: &[usize]) -> Result<Vec<S>> {
        let count: usize = shape.iter().product();
        let mut out = vec![S::zero(); count];
        let looped: Vec<usize> = (0..self.looped.len()).filter(|&k| self.looped[k]).collect();
        if count == 0 || looped.iter().any(|&k| self.extents[k] == 0) {
            return Ok(out);
        }
        // Without bound labels a term is written, not added to zero: the sign of a zero survives.
        let sums = self.looped.len() > self.free;
        match self.strides(shape) {
            Some(strides) => self.run_affine(&looped, &strides, sums, &mut out),
            None => self.run_general(&looped, shape, sums, &mut out)?,
        }
        Ok(out)
    }

    /// Offsets as affine functions of labels, when every access is affine, in range and unconditional.
    fn strides(&self, shape: &[usize]) -> Option<Vec<NumTerm>> {
        if !self.tests.is_empty() {
            return None;
        }
        let box_of = self.looped_extents();
        let flatten = |at: &[NumTerm], shape: &[usize]| -> Option<NumTerm> {
            let mut flat = NumTerm { base: 0, slopes: vec![0; self.looped.len()], special: Vec::new() };
            for (t, &extent) in at.iter().zip(shape) {
                let (low, high) = t.range(&box_of)?;
                if low < 0 || high >= extent as i64 {
                    return None;
                }
                flat.base = flat.base * extent as i64 + t.base;
                for (f, s) in flat.slopes.iter_mut().zip(&t.slopes) {
                    *f = *f * extent as i64 + s;
                }
            }
            Some(flat)
        };
        let mut strides = vec![flatten(&self.position[..self.free], shape)?];
        for factor in &self.factors {
            strides.push(flatten(&factor.at, factor.shape)?);
        }
        Some(strides)
    }

    fn run_affine(&self, looped: &[usize], strides: &[NumTerm], sums: bool, out: &mut [S]) {
        let mut offsets: Vec<i64> = strides.iter().map(|s| s.base).collect();
        let mut counter = vec![0usize; looped.len()];
        loop {
            let mut value: Option<S> = None;
            let mut below: Option<S> = None;
            for (factor, &offset) in self.factors.iter().zip(&offsets[1..]) {
                let x = power(&factor.data[offset as usize], factor.power);
                let slot = if factor.divides { &mut below } else { &mut value };
                *slot = Some(match slot.take() {
                    None => x,
                    Some(v) => v * x,
                });
            }
            self.write(&mut out[offsets[0] as usize], value, below, sums);
            let Some(k) = (0..looped.len()).rev().find(|&k| counter[k] + 1 < self.extents[looped[k]]) else {
                return;
            };
            counter[k] += 1;
            for (offset, stride) in offsets.iter_mut().zip(strides) {
                *offset += stride.slopes[looped[k]];
                for j in k + 1..looped.len() {
                    *offset -= stride.slopes[looped[j]] * counter[j] as i64;
                }
            }
            counter[k + 1..].fill(0);
        }
    }

    fn write(&self, slot: &mut S, value: Option<S>, below: Option<S>, sums: bool) {
        let mut value = value.unwrap_or_else(S::one);
        if let Some(below) = below {
            value = value / below;
        }
        if self.scaled {
            value = self.coefficient.clone() * value;
        }
        *slot = if sums { slot.clone() + value } else { value };
    }

    fn run_general(&self, looped: &[usize], shape: &[usize], sums: bool, out: &mut [S]) -> Result<()> {
        let mut at = vec![0i64; self.looped.len()];
        loop {
            self.add_one(&at, shape, sums, out)?;
            let Some(&k) = looped.iter().rev().find(|&&k| at[k] + 1 < self.extents[k] as i64) else {
                return Ok(());
            };
            at[k] += 1;
            for &j in looped.iter().filter(|&&j| j > k) {
                at[j] = 0;
            }
        }
    }

    /// Adds the term at one choice of labels, if its conditions hold.
    fn add_one(&self, at: &[i64], shape: &[usize], sums: bool, out: &mut [S]) -> Result<()> {
        let mut zeroed = false;
        for test in &self.tests {
            if !holds(test, at) {
                if self.mode == Mode::Structured {
                    return Ok(());
                }
                zeroed = true;
            }
        }
        let Some(place) = offset(&self.position[..self.free], shape, at) else { return Ok(()) };
        let mut value = zeroed.then(S::zero);
        let mut below: Option<S> = None;
        for factor in &self.factors {
            let Some(offset) = offset(&factor.at, factor.shape, at) else {
                // What a false condition keeps from being read is not there to be multiplied.
                if zeroed {
                    continue;
                }
                return Err(self.out_of_range(factor, at));
            };
            let x = power(&factor.data[offset], factor.power);
            let slot = if factor.divides { &mut below } else { &mut value };
            *slot = Some(match slot.take() {
                None => x,
                Some(v) => v * x,
            });
        }
        self.write(&mut out[place], value, below, sums);
        Ok(())
    }

    fn out_of_range(&self, factor: &Factor<'_, S>, at: &[i64]) -> Error {
        let name = super::name_of(self.store.graph, factor.node);
        for (t, &extent) in factor.at.iter().zip(factor.shape) {
            match t.value(at) {
                Some(position) if (0..extent as i64).contains(&position) => {}
                Some(position) => return Error::OutOfRange { name, position, extent: extent as i64 },
                None => return Error::Overflow { operation: "index" },
            }
        }
        Error::Overflow { operation: "index" }
    }
}

fn holds(test: &Test<'_>, at: &[i64]) -> bool {
    match test {
        Test::Zero(t) => t.value(at) == Some(0),
        Test::NonNegative(t) => t.value(at).is_some_and(|v| v >= 0),
        Test::Holds(predicate, terms, negated) => {
            offset(terms, predicate.shape(), at).is_some_and(|k| predicate.data()[k] != *negated)
        }
    }
}

/// Row-major offset of an access, if every position is in range.
fn offset(terms: &[NumTerm], shape: &[usize], at: &[i64]) -> Option<usize> {
    let mut flat = 0usize;
    for (t, &extent) in terms.iter().zip(shape) {
        let k = usize::try_from(t.value(at)?).ok().filter(|&k| k < extent)?;
        flat = flat * extent + k;
    }
    Some(flat)
}

fn power<S: Scalar>(x: &S, power: u32) -> S {
    match i32::try_from(power) {
        Ok(1) => x.clone(),
        Ok(power) => x.powi(power),
        Err(_) => x.powi((power / 2) as i32) * x.powi((power - power / 2 - 1) as i32) * x,
    }
}

// -------------------------------------------------------------------- order

/// Factors (and their labels) that are worth contracting first, when that at least halves the work.
fn cheaper_order<S: Scalar>(
    store: &Store<'_, S>,
    product: &Product,
) -> Result<Option<(Vec<usize>, Vec<Label>)>> {
    if product.accesses.len() < 3 || product.extents.len() == product.free || !product.conds.is_empty() {
        return Ok(None);
    }
    let extents: Vec<f64> =
        product.extents.iter().map(|d| Ok(store.extent(d)? as f64)).collect::<Result<_>>()?;
    let touches = |a: &Access| -> Vec<bool> {
        let mut touched = vec![false; extents.len()];
        a.at.iter().for_each(|t| t.each_label(&mut |l| touched[l.0 as usize] = true));
        touched
    };
    let touched: Vec<Vec<bool>> = product.accesses.iter().map(touches).collect();
    let direct: f64 = extents.iter().product();
    let mut best: Option<(f64, Vec<usize>, Vec<Label>)> = None;
    for bound in product.free..extents.len() {
        let group: Vec<usize> = (0..touched.len()).filter(|&k| touched[k][bound]).collect();
        if group.len() == touched.len() || group.is_empty() {
            continue;
        }
        let used: Vec<usize> = (0..extents.len()).filter(|&l| group.iter().any(|&k| touched[k][l])).collect();
        let elsewhere =
            |l: usize| l < product.free || (0..touched.len()).any(|k| !group.contains(&k) && touched[k][l]);
        let kept: Vec<Label> = used.iter().filter(|&&l| elsewhere(l)).map(|&l| Label(l as u32)).collect();
        let gone: f64 = used.iter().filter(|&&l| !elsewhere(l)).map(|&l| extents[l]).product();
        let first: f64 = used.iter().map(|&l| extents[l]).product();
        let cost = first + direct / gone.max(1.0);
        if gone >= 1.0 && best.as_ref().is_none_or(|(least, _, _)| cost < *least) {
            best = Some((cost, group, kept));
        }
    }
    Ok(best.filter(|(cost, _, _)| cost * 2.0 <= direct).map(|(_, group, kept)| (group, kept)))
}

/// Contracts a group of factors into a temporary, then the rest with it.
fn in_two_steps<S: Scalar>(
    store: &mut Store<'_, S>,
    product: &Product,
    group: &[usize],
    kept: &[Label],
) -> Result<Tensor<S>> {
    let mut temporaries: Vec<Temporary<S>> = Vec::new();
    let mut rest = product.clone();
    let inner = sub_product(product, group, kept);
    let tensor = evaluate(store, &inner)?;
    store.count_stored(tensor.data().len());
    temporaries.push(Temporary { tensor, at: kept.iter().map(|&l| Term::label(l)).collect() });
    rest.accesses = (0..product.accesses.len())
        .filter(|k| !group.contains(k))
        .map(|k| product.accesses[k].clone())
        .collect();
    // Labels that only the group summed are gone from the rest.
    let mut used = vec![false; rest.extents.len()];
    used[..rest.free].fill(true);
    for access in &rest.accesses {
        access.at.iter().for_each(|t| t.each_label(&mut |l| used[l.0 as usize] = true));
    }
    kept.iter().for_each(|l| used[l.0 as usize] = true);
    let labels: Vec<usize> = (0..used.len()).filter(|&k| used[k]).collect();
    let place =
        |l: Label| Label(labels.iter().position(|&k| k == l.0 as usize).expect("invariant: used") as u32);
    let extents = labels.iter().map(|&k| product.extents[k].clone()).collect();
    let rest = rest.relabel(extents, product.free, &place);
    temporaries[0].at = kept.iter().map(|&l| Term::label(place(l))).collect();
    evaluate_directly(store, &rest, Mode::Structured, &temporaries)
}

/// The factors of a group over the labels that the rest still needs.
fn sub_product(product: &Product, group: &[usize], kept: &[Label]) -> Product {
    let mut order: Vec<usize> = kept.iter().map(|l| l.0 as usize).collect();
    for &k in group {
        for t in &product.accesses[k].at {
            t.each_label(&mut |l| {
                if !order.contains(&(l.0 as usize)) {
                    order.push(l.0 as usize);
                }
            });
        }
    }
    let mut inner = product.clone();
    inner.coefficient = crate::rational::Rational::from(1);
    inner.accesses = group.iter().map(|&k| product.accesses[k].clone()).collect();
    let extents = order.iter().map(|&k| product.extents[k].clone()).collect();
    inner.relabel(extents, kept.len(), &|l| {
        Label(order.iter().position(|&k| k == l.0 as usize).expect("invariant: used") as u32)
    })
}
