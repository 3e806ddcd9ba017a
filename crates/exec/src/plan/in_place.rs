//! Outputs that take the place of inputs: a parameter updated where it stands.
//!
//! The two share the caller's memory, so nothing may read the input once the output is written. Where no order of the
//! steps gives that, the output is computed apart and copied at the end of the run.

use super::batch::input_name;
use super::{Options, Plan, Value};
use crate::array::lower::lower;
use crate::array::{ArrayId, Arrays, At, Entry};
use crate::error::{Error, Result};
use crate::lane::Number;
use crate::schedule::{Schedule, Step, Work};
use chainrule_core::{Graph, NodeId};

impl<T: Number> Plan<T> {
    /// A plan some of whose outputs take the place of inputs: a parameter and its update are one buffer.
    ///
    /// Each of `pairs` is the number of an output and the input it replaces, of one shape. In a run that input is given as
    /// [`Value::InPlace`]: its numbers stand in the output, where the new ones are afterwards. A session has one buffer
    /// for both, [`Session::input`](super::Session::input) is [`Session::output`](super::Session::output), and every
    /// call goes on from the last. The numbers are to the bit those of [`Plan::compile`].
    ///
    /// Reads of the input are put before the write. Where that cannot be (two parameters that exchange their values, an
    /// input read elsewhere than where it is replaced), the output is computed apart and copied at the end.
    ///
    /// # Errors
    /// [`Error::Argument`] for an output that does not exist or is named twice, an input that is none of the plan's or is
    /// named twice, and for two that differ in shape or are not of real numbers; else as [`Plan::compile`].
    ///
    /// ```
    /// use chainrule_core::{Graph, rational::Rational, shape::Type};
    /// use chainrule_exec::{Options, Plan};
    /// let mut g = Graph::new();
    /// let p = g.input("p", Type::real([3]))?;
    /// let loss = g.dot(p, p)?;
    /// let slope = g.gradient(loss, &[p])?[0];
    /// let step = g.scale(&Rational::new(-1, 4), slope);
    /// let next = g.add(p, step)?; // p - 1/4 · 2 p
    /// let mut session = Plan::<f64>::in_place(&g, &[next], &[(0, p)], &Options::default())?.session();
    /// session.input(0).copy_from_slice(&[8.0, 4.0, 2.0]);
    /// session.call()?;
    /// session.call()?;
    /// assert_eq!(session.input(0), [2.0, 1.0, 0.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_place(
        graph: &Graph,
        outputs: &[NodeId],
        pairs: &[(usize, NodeId)],
        options: &Options,
    ) -> Result<Plan<T>> {
        let arrays = lower(graph, outputs, &options.sizes).map_err(|e| e.under(options.limit))?;
        let refuse = |name: String, expected: &str, found: String| {
            Err(Error::Argument { name, expected: expected.to_string(), found })
        };
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(pairs.len());
        for &(output, node) in pairs {
            let name = input_name(graph, node, "an input, whose place an output takes")?;
            let Some(input) = arrays.inputs.iter().position(|i| i.name == name) else {
                return refuse(
                    name,
                    "an input that the outputs read",
                    "one that no output depends on".into(),
                );
            };
            let Some(&made) = arrays.outputs.get(output) else {
                let found = format!("{} outputs, counted from 0", arrays.outputs.len());
                return refuse(format!("output {output}"), "an output of the plan", found);
            };
            if taken.iter().any(|pair| pair.1 == input) {
                return refuse(name, "each input replaced by one output", "it named twice".into());
            }
            if taken.iter().any(|pair| pair.0 == output) {
                return refuse(format!("output {output}"), "the place of one input", "it named twice".into());
            }
            let (old, new) = (&arrays.inputs[input], &arrays[made]);
            if old.entry != Entry::Real || new.entry != Entry::Real {
                let found = format!("{:?}, to be replaced by {:?}", old.entry, new.entry);
                return refuse(name, "real numbers, which a step may replace", found);
            }
            if old.shape[..] != new.shape[..] {
                let found = format!("output {output} of shape {:?}", new.shape);
                let expected = format!("an output of its shape {:?} in its place", old.shape);
                return refuse(name, &expected, found);
            }
            taken.push((output, input));
        }
        Plan::of(arrays, options, false, &taken)
    }
}

/// Fails unless the input is given in place exactly where an output takes its place.
pub(super) fn expect<T>(name: &str, taken: Option<usize>, value: &Value<'_, T>) -> Result<()> {
    let (expected, found) = match (taken, value) {
        (Some(_), Value::InPlace) => return Ok(()),
        (Some(output), _) => (
            format!("Value::InPlace, because output {output} takes its place and holds its numbers"),
            "a value of its own".to_string(),
        ),
        (None, _) => ("a value, because no output takes its place".into(), "Value::InPlace".into()),
    };
    Err(Error::Value { name: name.to_string(), expected, found })
}

/// Orders the steps so that outputs can be written where inputs stand; answers which outputs cannot.
///
/// A product adds its terms in blocks of `depth`; with the old value for a summand only one block gives the same bits.
pub(super) fn settle(
    arrays: &Arrays,
    schedule: &mut Schedule,
    taken: &[(usize, usize)],
    depth: usize,
) -> Vec<usize> {
    let mut apart = Vec::new();
    let mut settled: Vec<(ArrayId, ArrayId)> = Vec::new();
    for &(output, input) in taken {
        let (made, given) = (arrays.outputs[output], arrays.inputs[input].array);
        let again = arrays.outputs[..output].contains(&made);
        if !again && settle_one(arrays, schedule, (made, given), &settled, depth).is_some() {
            settled.push((made, given));
        } else {
            apart.push(output);
        }
    }
    apart
}

/// The write of one output put behind every read of the input.
fn settle_one(
    arrays: &Arrays,
    schedule: &mut Schedule,
    (made, given): (ArrayId, ArrayId),
    settled: &[(ArrayId, ArrayId)],
    depth: usize,
) -> Option<()> {
    let mut at = schedule.steps.iter().position(|s| s.writes.contains(&made))?;
    if !replaces(arrays, schedule, at, made, given, depth) {
        return None;
    }
    let last = schedule.steps.iter().rposition(|step| step.reads.contains(&given));
    if let Some(last) = last.filter(|&last| last > at) {
        // The step waits for the last reader, unless somebody on the way waits for it or writes over what it reads.
        let step = &schedule.steps[at];
        let waits = |other: &Step| other.reads.iter().any(|a| step.writes.contains(a));
        let spoils = |other: &Step| {
            settled.iter().any(|(made, given)| other.writes.contains(made) && step.reads.contains(given))
        };
        if schedule.steps[at + 1..=last].iter().any(|other| waits(other) || spoils(other)) {
            return None;
        }
        schedule.steps[at..=last].rotate_left(1);
        at = last;
    }
    let step = &mut schedule.steps[at];
    if let Work::Matrix(_, matrix) = &mut step.work
        && matrix.bias == Some(given)
    {
        // The old value of the result in place of a summand.
        matrix.bias = None;
        matrix.product.epilogue.bias = None;
        matrix.product.beta = 1.0;
        step.reads.retain(|&a| a != given);
    }
    Some(())
}

/// Whether the step that makes an output may write over an input: it reads each entry, if at all, only for the entry
/// that it then replaces.
fn replaces(
    arrays: &Arrays,
    schedule: &Schedule,
    at: usize,
    made: ArrayId,
    given: ArrayId,
    depth: usize,
) -> bool {
    let step = &schedule.steps[at];
    if !step.reads.contains(&given) {
        return true;
    }
    match &step.work {
        Work::Loops { members, .. } => {
            let others = members.iter().copied().filter(|&m| m != made);
            let mut open: Vec<ArrayId> = others.collect();
            let Some(nest) = arrays[made].as_nest() else { return false };
            let mut whole = nest.bound().is_empty();
            for read in nest.body.reads().filter(|r| r.array == given) {
                let is_own = |(axis, t): (usize, &At)| t.as_label() == Some(axis);
                whole &= read.at.iter().enumerate().all(is_own);
            }
            nest.each_operand(&mut |a| {
                if schedule.recomputed[a.index()] {
                    open.push(a);
                }
            });
            let mut elsewhere = false;
            while let Some(array) = open.pop() {
                arrays[array].definition.each_operand(&mut |a| {
                    elsewhere |= a == given;
                    if schedule.recomputed[a.index()] {
                        open.push(a);
                    }
                });
            }
            whole && !elsewhere
        }
        Work::Matrix(_, matrix) => {
            let others = matrix.reads().filter(|&a| a == given).count();
            matrix.bias == Some(given)
                && others == 1
                && matrix.product.k <= depth
                && matrix.product.epilogue.bias.as_ref() == Some(&matrix.product.c)
        }
        Work::Whole(_) | Work::Recurrence(..) | Work::Strip(_) => false,
    }
}
