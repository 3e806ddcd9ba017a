//! A program run by plans and by the slow evaluator, and whether the answers may both be right.

use crate::bound::{Bounded, straddled};
use crate::programs::{Dice, Program};
use chainrule_core::eval::Bindings;
use chainrule_core::shape::DType;
use chainrule_core::tensor::{Tensor, Value as Slow};
use chainrule_exec::array::{Entry, Input};
use chainrule_exec::lane::Number;
use chainrule_exec::{Error, Options, Plan, Value};

/// What an input holds.
pub(crate) enum Data<S> {
    Real(Vec<S>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

/// Random values for the inputs of a plan.
pub(crate) fn data<S: Number>(inputs: &[Input], d: &mut Dice) -> Vec<Data<S>> {
    // Now and then what is no number, or hardly one, stands among the entries.
    let strange = d.below(8) == 0;
    let real = |d: &mut Dice| match strange && d.below(6) == 0 {
        true => d.pick(&[
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            1e30,
            -1e30,
            1e-30,
            1e300,
            5e-324,
        ]),
        false => d.number(),
    };
    inputs
        .iter()
        .map(|input| {
            let count: usize = input.shape.iter().product();
            match input.entry {
                Entry::Real => Data::Real((0..count).map(|_| S::of(real(d))).collect()),
                Entry::Bool => Data::Bool((0..count).map(|_| d.below(2) == 0).collect()),
                Entry::Int => {
                    let below = input.below.unwrap_or(3).max(1) as usize;
                    Data::Int((0..count).map(|_| d.below(below) as i64).collect())
                }
            }
        })
        .collect()
}

/// What the slow evaluator says of an output.
pub(crate) enum Expected<S> {
    /// Numbers, each with its bound.
    Real(Vec<Bounded<S>>),
    /// Labels or truth values.
    Exact(Vec<f64>),
    /// Nothing: a comparison on the way was decided by rounding errors. So many entries.
    Straddled(usize),
}

impl<S: Number> Expected<S> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Expected::Real(v) => v.len(),
            Expected::Exact(v) => v.len(),
            Expected::Straddled(n) => *n,
        }
    }
}

/// Values of inputs and sizes for the slow evaluator.
pub(crate) fn bindings<S: Number, R>(
    program: &Program,
    inputs: &[Input],
    data: &[Data<S>],
    real: impl Fn(S) -> R,
) -> Bindings<R> {
    let mut at = Bindings::new();
    for (name, n) in &program.sizes {
        at = at.with_size(name, *n);
    }
    for (input, data) in inputs.iter().zip(data) {
        let shape = &input.shape;
        let value = match data {
            Data::Real(v) => Slow::Real(Tensor::new(shape, v.iter().map(|&x| real(x)).collect()).unwrap()),
            Data::Int(v) => Slow::Int(Tensor::new(shape, v.clone()).unwrap()),
            Data::Bool(v) => Slow::Bool(Tensor::new(shape, v.clone()).unwrap()),
        };
        at.bind(&input.name, value);
    }
    at
}

/// The slow evaluator's answers with bounds, each output on its own; `None` where the evaluation itself is refused.
pub(crate) fn expected<S: Number>(
    program: &Program,
    inputs: &[Input],
    data: &[Data<S>],
) -> Option<Vec<Expected<S>>> {
    let at = bindings(program, inputs, data, Bounded::exact);
    let mut all = Vec::new();
    for &output in &program.outputs {
        straddled();
        let value = match program.graph.evaluate(&[output], &at) {
            Ok(mut values) => values.remove(0),
            Err(e @ chainrule_core::Error::Entries { .. }) => {
                panic!("a plan took what evaluation refuses: {e}")
            }
            Err(_) => return None,
        };
        let unsure = straddled();
        all.push(match value {
            _ if unsure => Expected::Straddled(value.count()),
            Slow::Real(t) => Expected::Real(t.into_data()),
            Slow::Int(t) => Expected::Exact(t.data().iter().map(|&n| n as f64).collect()),
            Slow::Bool(t) => Expected::Exact(t.data().iter().map(|&b| f64::from(u8::from(b))).collect()),
        });
    }
    Some(all)
}

/// What a plan answers.
pub(crate) fn run<S: Number>(plan: &mut Plan<S>, data: &[Data<S>]) -> Vec<Vec<S>> {
    let inputs: Vec<Value<'_, S>> = data
        .iter()
        .map(|data| match data {
            Data::Real(v) => Value::Real(v),
            Data::Int(v) => Value::Int(v),
            Data::Bool(v) => Value::Bool(v),
        })
        .collect();
    let count = |k: usize| plan.output_shape(k).iter().product();
    let mut found: Vec<Vec<S>> = (0..plan.output_count()).map(|k| vec![S::of(-7.25); count(k)]).collect();
    let mut outputs: Vec<&mut [S]> = found.iter_mut().map(Vec::as_mut_slice).collect();
    plan.run(&inputs, &mut outputs).unwrap_or_else(|e| panic!("{e}"));
    found
}

/// Whether the slow evaluator refuses a program too: a fixed index leaves an axis at these sizes.
fn refused(program: &Program) -> bool {
    let graph = &program.graph;
    let mut at = Bindings::<f64>::new();
    for (name, n) in &program.sizes {
        at = at.with_size(name, *n);
    }
    for node in graph.reachable(&program.outputs) {
        let Some(input) = graph.as_input(node) else { continue };
        let shape: Option<Vec<usize>> =
            input.ty.shape.iter().map(|d| usize::try_from(d.evaluate(&program.sizes).ok()?).ok()).collect();
        let Some(shape) = shape else { return true };
        let value = match input.ty.dtype {
            DType::Real => Tensor::filled(&shape, 1.0).map(Slow::Real),
            DType::Int => Tensor::filled(&shape, 0).map(Slow::Int),
            DType::Bool => Tensor::filled(&shape, true).map(Slow::Bool),
        };
        let Some(value) = value else { return false };
        at.bind(&input.name, value);
    }
    graph.evaluate(&program.outputs, &at).is_err()
}

/// A plan of a program, unless it has no value or too large a one; nothing that the constructors make is unsupported.
pub(crate) fn compile<S: Number>(seed: u64, program: &Program, options: &Options) -> Option<Plan<S>> {
    let options = Options { sizes: program.sizes.clone(), ..options.clone() };
    match Plan::compile(&program.graph, &program.outputs, &options) {
        Ok(plan) => Some(plan),
        Err(Error::EmptyAxis { .. } | Error::TooLarge { .. }) => None,
        Err(Error::Graph(chainrule_core::Error::Entries { .. })) => None,
        Err(Error::Unsupported { .. }) if refused(program) => None,
        Err(other) => panic!("seed {seed}: {other}\n{}", program.graph.to_text(&program.outputs)),
    }
}

/// Entries by how far they could be judged.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    /// Programs that ran both ways.
    pub(crate) programs: usize,
    /// Entries that were compared.
    pub(crate) judged: usize,
    /// Entries that were compared to the bit: exact in any order, infinite, or NaN.
    pub(crate) exact: usize,
    /// Entries with a bound below 1e-9 (1e-3 in single precision) of `1 + |value|`, exact ones not among them.
    pub(crate) tight: usize,
    /// Entries at poles, ends of domains, jumps, overflows.
    pub(crate) undecided: usize,
    /// Entries of outputs that depend on a comparison decided by rounding errors.
    pub(crate) straddled: usize,
}

/// Compares answers; says what is wrong with the first entry that cannot be right.
pub(crate) fn judge<S: Number>(
    expected: &[Expected<S>],
    found: &[Vec<S>],
    tally: &mut Tally,
) -> Option<String> {
    tally.programs += 1;
    let mut wrong = None;
    for (n, (expected, found)) in expected.iter().zip(found).enumerate() {
        assert_eq!(expected.len(), found.len(), "entries of output {n}");
        let mut differ = |k: usize, text: String| {
            wrong.get_or_insert_with(|| format!("output {n}, entry {k}: {text}"));
        };
        match expected {
            Expected::Straddled(count) => tally.straddled += count,
            Expected::Exact(values) => {
                for (k, (&e, f)) in values.iter().zip(found).enumerate() {
                    tally.judged += 1;
                    tally.exact += 1;
                    if e != f.to_f64() {
                        differ(k, format!("slow {e}, fast {f:?}"));
                    }
                }
            }
            Expected::Real(values) => {
                for (k, (e, f)) in values.iter().zip(found).enumerate() {
                    if !e.decided() {
                        tally.undecided += 1;
                        continue;
                    }
                    let (value, radius) = (e.value().to_f64(), e.radius());
                    let small = if S::epsilon() < 1e-10 { 1e-9 } else { 1e-3 };
                    tally.judged += 1;
                    tally.exact += usize::from(radius == 0.0);
                    tally.tight += usize::from(radius > 0.0 && radius <= small * (1.0 + value.abs()));
                    if !e.allows(f.to_f64()) {
                        differ(
                            k,
                            format!("slow {value:e}, fast {f:?}, which may differ by {:e}", 2.0 * radius),
                        );
                    }
                }
            }
        }
    }
    wrong
}

/// A program with its inputs and what is right.
pub(crate) struct Case<S> {
    pub(crate) program: Program,
    pub(crate) data: Vec<Data<S>>,
    pub(crate) expected: Vec<Expected<S>>,
}

impl<S: Number> Case<S> {
    /// The case of a program, unless a plan or the slow evaluator refuses it.
    pub(crate) fn new(seed: u64, program: Program) -> Option<Case<S>> {
        // What stands for a carry inside a step is no input that anybody binds.
        let reached = program.graph.reachable(&program.outputs);
        if reached.iter().any(|&n| program.graph.as_input(n).is_some_and(|i| i.copy != 0)) {
            return None;
        }
        let plan = compile::<S>(seed, &program, &Options { jit: false, ..Options::default() })?;
        let data = data(plan.inputs(), &mut Dice(seed));
        let expected = expected(&program, plan.inputs(), &data)?;
        Some(Case { program, data, expected })
    }

    /// The answers of a plan made with some options.
    pub(crate) fn run(&self, seed: u64, options: &Options) -> Vec<Vec<S>> {
        let mut plan = compile(seed, &self.program, options).expect("compiled before");
        run(&mut plan, &self.data)
    }

    /// The program as text, with the seed that gives it.
    pub(crate) fn text(&self, seed: u64) -> String {
        let sizes = &self.program.sizes;
        format!("seed {seed}, {sizes:?}\n{}", self.program.graph.to_text(&self.program.outputs))
    }
}

/// Panics with the first of what is wrong, if anything is.
pub(crate) fn none_differ(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong[..wrong.len().min(8)].join("\n"));
}

/// The first entry that differs by a bit, but for which NaN a NaN is.
pub(crate) fn bits_differ<S: Number>(a: &[Vec<S>], b: &[Vec<S>]) -> Option<String> {
    for (n, (a, b)) in a.iter().zip(b).enumerate() {
        for (k, (x, y)) in a.iter().zip(b).enumerate() {
            if x.bits() != y.bits() && !(x.is_nan() && y.is_nan()) {
                return Some(format!("output {n}, entry {k}: {x:?} and {y:?}"));
            }
        }
    }
    None
}
