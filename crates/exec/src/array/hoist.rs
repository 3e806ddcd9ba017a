//! What a step computes without its carries, computed for all steps at once.
//!
//! `h ← tanh(W h + V x[t])` reads `V x[t]`, which no earlier step has a say in: outside the recurrence it is one matrix
//! product for all `t`. Functions and reductions move out, with what they are computed from; a step reads their entry
//! from memory, and does the few operations that are left itself. The reverse step of a cell has no function of its own
//! left, because all of its gates are functions of the trajectory.

use super::{Array, ArrayId, Arrays, At, Body, Definition, Entry, Guard, Input, Nest, Read, Recurrence};
use smallvec::SmallVec;

/// Entries for all steps up to which results are kept: 32 MiB of f64 for one recurrence.
pub(super) const MOST: usize = 4 << 20;

/// Moves what it can out of every recurrence; `tidy` simplifies a body before it is looked at.
pub fn hoist(arrays: Arrays, tidy: &dyn Fn(Arrays) -> Arrays) -> Arrays {
    let count = arrays.recurrences.len();
    if count == 0 {
        return arrays;
    }
    let Arrays { arrays: table, inputs, outputs, recurrences, names } = arrays;
    let mut new: Vec<ArrayId> = Vec::with_capacity(table.len());
    let mut out = Arrays::default();
    let mut recurrences: Vec<Option<Recurrence>> = recurrences.into_iter().map(Some).collect();
    let mut moved: Vec<Option<Moved>> = (0..count).map(|_| None).collect();
    out.recurrences.resize_with(count, || Recurrence {
        body: Arrays::default(),
        formals: Vec::new(),
        carries: 0,
        per_step: 0,
        length: 0,
        backward: false,
        counts: Vec::new(),
    });
    for mut array in table {
        array.definition.rename(&|a: ArrayId| new[a.index()]);
        if let Definition::Carry { recurrence, operands, .. } = &mut array.definition {
            let number = *recurrence;
            // All trajectories of a recurrence have the same operands, so the first one moves for all.
            if let Some(mut taken) = recurrences[number].take() {
                taken.body = tidy(taken.body);
                moved[number] = Some(outside(&mut out, &mut taken, operands));
                out.recurrences[number] = taken;
            }
            if let Some(moved) = &moved[number] {
                *operands = moved.operands.clone();
            }
        }
        new.push(out.push(array));
    }
    for (number, left) in recurrences.into_iter().enumerate() {
        if let Some(left) = left {
            out.recurrences[number] = left;
        }
    }
    out.inputs = inputs.into_iter().map(|i| Input { array: new[i.array.index()], ..i }).collect();
    out.outputs = outputs.iter().map(|o| new[o.index()]).collect();
    out.names = names.into_iter().map(|(id, name)| (new[id.index()], name)).collect();
    out
}

/// The operands of a recurrence after parts of its step moved out.
struct Moved {
    operands: Vec<ArrayId>,
}

/// Moves parts of a step before the recurrence.
fn outside(out: &mut Arrays, recurrence: &mut Recurrence, operands: &[ArrayId]) -> Moved {
    let body = &recurrence.body;
    let mut formal_of = vec![None; body.arrays.len()];
    for (input, &formal) in body.inputs.iter().zip(&recurrence.formals) {
        formal_of[input.array.index()] = Some(formal);
    }
    let free = free(body, &formal_of, recurrence.carries);
    let wanted = wanted(body, &free, recurrence.length);
    let mut needed = wanted.clone();
    for k in (0..body.arrays.len()).rev().filter(|&k| free[k]) {
        if needed[k] {
            body.arrays[k].definition.each_operand(&mut |a| needed[a.index()] = true);
        }
    }
    // Copies with one label more, the position of the step.
    let mut copies: Vec<Option<(ArrayId, bool)>> = vec![None; body.arrays.len()];
    let steps = recurrence.carries..recurrence.carries + recurrence.per_step;
    for (k, array) in body.arrays.iter().enumerate().filter(|(k, _)| needed[*k]) {
        copies[k] = match (&array.definition, formal_of[k]) {
            (_, Some(formal)) => Some((operands[formal], steps.contains(&formal))),
            (Definition::Nest(nest), None) => {
                let nest = for_all_steps(nest, recurrence.length, &copies);
                let shape = nest.extents[..nest.free].iter().copied().collect();
                let definition = Definition::Nest(nest);
                Some((out.push(Array { shape, entry: array.entry, definition }), true))
            }
            _ => Some((out.push(array.clone()), false)),
        };
    }
    receive(recurrence, operands, &wanted, &copies)
}

/// Whether each array of a body is a nest, an input or a literal that no carry has a say in.
fn free(body: &Arrays, formal_of: &[Option<usize>], carries: usize) -> Vec<bool> {
    let mut free = vec![false; body.arrays.len()];
    for (k, array) in body.arrays.iter().enumerate() {
        free[k] = match &array.definition {
            Definition::Input(_) => formal_of[k].is_some_and(|f| f >= carries),
            Definition::Reals(_) | Definition::Integers(_) => true,
            Definition::Nest(nest) => {
                let mut all = is_plain(nest);
                nest.each_operand(&mut |a| all &= free[a.index()]);
                all
            }
            _ => false,
        };
    }
    free
}

/// Whether the indices and conditions of a nest read no array.
pub(super) fn is_plain(nest: &Nest) -> bool {
    let mut plain = true;
    let mut look = |at: &At| at.each_array(&mut |_| plain = false);
    nest.body.reads().flat_map(|r| &r.at).for_each(&mut look);
    if let Body::Count(at) = &nest.body {
        look(at);
    }
    nest.each_guard(&mut |guard| guard.indices().iter().for_each(&mut look));
    nest.each_guard(&mut |guard| plain &= !matches!(guard, Guard::Holds(..)));
    plain
}

/// The functions and reductions among what is free whose results the rest of the step reads.
fn wanted(body: &Arrays, free: &[bool], length: usize) -> Vec<bool> {
    let dear = |k: usize| {
        let array = &body.arrays[k];
        let Definition::Nest(nest) = &array.definition else { return false };
        let reduces = nest.free < nest.extents.len();
        array.entry == Entry::Real && free[k] && (reduces || matches!(nest.body, Body::Map(..)))
    };
    let mut wanted = vec![false; body.arrays.len()];
    // Cheap operations stay with whoever reads them, so the results that they come from are wanted.
    let mut stays = vec![false; body.arrays.len()];
    body.outputs.iter().for_each(|o| stays[o.index()] = true);
    let mut kept = 0usize;
    for k in (0..body.arrays.len()).rev() {
        if free[k] && !stays[k] {
            continue;
        }
        if dear(k) {
            let entries = body.arrays[k].count().saturating_mul(length);
            if kept.saturating_add(entries) <= MOST {
                kept += entries;
                wanted[k] = true;
                continue;
            }
        }
        body.arrays[k].definition.each_operand(&mut |a| stays[a.index()] = true);
    }
    wanted
}

/// A nest with the position of the step as its first label.
pub(super) fn for_all_steps(nest: &Nest, length: usize, copies: &[Option<(ArrayId, bool)>]) -> Nest {
    let by = |label: usize| At::label(label + 1);
    let guard = |g: &Guard| g.substitute(&by);
    let read = |read: &Read| {
        let (array, per_step) = copies[read.array.index()].expect("invariant: operands are copied before");
        let first = per_step.then(|| At::label(0));
        let at = first.into_iter().chain(read.at.iter().map(|t| t.substitute(&by)));
        Read { array, at: at.collect(), guards: read.guards.iter().map(guard).collect() }
    };
    let mut body = nest.body.clone();
    body.reads_mut().for_each(|r| *r = read(r));
    if let Body::Count(at) = &mut body {
        *at = at.substitute(&by);
    }
    let extents: SmallVec<[usize; 4]> = std::iter::once(length).chain(nest.extents.iter().copied()).collect();
    let guards = nest.guards.iter().map(guard).collect();
    Nest { extents, free: nest.free + 1, reduction: nest.reduction, guards, body, absent: false }
}

/// Makes what moved out an input of the step, and drops the inputs that it no longer reads.
fn receive(
    recurrence: &mut Recurrence,
    operands: &[ArrayId],
    wanted: &[bool],
    copies: &[Option<(ArrayId, bool)>],
) -> Moved {
    let body = std::mem::take(&mut recurrence.body);
    let Arrays { arrays: mut table, mut inputs, outputs, recurrences, names } = body;
    let (carries, per_step) = (recurrence.carries, recurrence.per_step);
    let mut added: Vec<ArrayId> = Vec::new();
    for k in (0..table.len()).filter(|&k| wanted[k]) {
        let number = inputs.len();
        let shape = table[k].shape.to_vec();
        table[k].definition = Definition::Input(number);
        inputs.push(Input {
            name: format!("moved{}", added.len()),
            shape,
            entry: Entry::Real,
            below: None,
            array: ArrayId(k as u32),
            absent: false,
        });
        // Numbered behind all formals, until all of them get new numbers.
        recurrence.formals.push(operands.len() + added.len());
        let (copy, _) = copies[k].expect("invariant: what is wanted was copied");
        added.push(copy);
    }
    let mut read = vec![false; table.len()];
    outputs.iter().for_each(|o| read[o.index()] = true);
    for k in (0..table.len()).rev().filter(|&k| !matches!(table[k].definition, Definition::Input(_))) {
        if read[k] {
            table[k].definition.each_operand(&mut |a| read[a.index()] = true);
        }
    }
    let used: Vec<usize> = (0..inputs.len()).filter(|&n| read[inputs[n].array.index()]).collect();
    let mut is_used = vec![false; operands.len() + added.len()];
    used.iter().for_each(|&n| is_used[recurrence.formals[n]] = true);
    let constants = carries + per_step..operands.len();
    let order: Vec<usize> = (0..carries)
        .chain((carries..carries + per_step).chain(operands.len()..is_used.len()).filter(|&f| is_used[f]))
        .chain(constants.clone().filter(|&f| is_used[f]))
        .collect();
    let mut new = vec![usize::MAX; is_used.len()];
    order.iter().enumerate().for_each(|(at, &old)| new[old] = at);
    recurrence.per_step = order.iter().filter(|&&f| f >= carries && !constants.contains(&f)).count();
    for (at, &n) in used.iter().enumerate() {
        table[inputs[n].array.index()].definition = Definition::Input(at);
    }
    recurrence.formals = used.iter().map(|&n| new[recurrence.formals[n]]).collect();
    // An input that nobody reads is no array of the body any more.
    for n in (0..inputs.len()).filter(|n| used.binary_search(n).is_err()) {
        table[inputs[n].array.index()].definition = Definition::Reals(Vec::new());
    }
    let inputs = used.iter().map(|&n| inputs[n].clone()).collect();
    recurrence.body = Arrays { arrays: table, inputs, outputs, recurrences, names }.prune();
    let all: Vec<ArrayId> = operands.iter().copied().chain(added).collect();
    Moved { operands: order.into_iter().map(|f| all[f]).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::compared::answers_as_evaluated;
    use super::super::{Body, Definition, lower::lower, merge::merge};
    use super::hoist;
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    /// `h ← tanh(h + w tanh(x[t]) + Σ V x[t])`, and `tanh x` besides.
    const CELL: &str = "chainrule-graph 2
step s0 \"cell\" inputs 2
%0 : real[3] = input \"h\"
%1 : real[3] = input \"x\"
%2 : real[3] = input \"unread\"
%3 : real[3] = input \"w\"
%4 : real[3,3] = input \"V\"
%5 : real[3] = map tanh %1
%6 : real[3] = contract [3|] %5[#0] %3[#0]
%7 : real[3] = contract [3|3] %4[#0,#1] %1[#1]
%8 : real[3] = sum 1*%0 1*%6 1*%7
%9 : real[3] = map tanh %8
formals %0 %1 %2 %3 %4
output %9
end
%0 : real[3] = input \"h\"
%1 : real[5,3] = input \"x\"
%2 : real[3] = input \"w\"
%3 : real[3,3] = input \"V\"
%4 : real[5,3] = scan s0 carry 0 length 5 %0 %1 %1 %2 %3
%5 : real[5,3] = map tanh %1
output %4
output %5
";

    #[test]
    fn what_no_carry_has_a_say_in_is_computed_outside() {
        let (graph, outputs) = Graph::from_text(CELL).unwrap();
        let arrays = lower(&graph, &outputs, &Sizes::new()).unwrap().prune();
        let arrays = merge(hoist(arrays, &|body| body.prune())).prune();
        let maps = |arrays: &super::Arrays| {
            let is_map = |d: &Definition| matches!(d, Definition::Nest(n) if matches!(n.body, Body::Map(..)));
            arrays.arrays.iter().filter(|a| is_map(&a.definition)).count()
        };
        // tanh x[t] is the one that is an output; in the step the one of the carry is left.
        assert_eq!(maps(&arrays), 1);
        let step = &arrays.recurrences[0];
        assert_eq!(maps(&step.body), 1);
        assert!(!step.body.arrays.iter().any(|a| a.as_nest().is_some_and(|n| n.free < n.extents.len())));
        // The carry, two results for each step, the weights; neither x nor what nobody reads, nor V.
        assert_eq!((step.carries, step.per_step, step.formals.len()), (1, 2, 4));
        let product = |a: &super::Array| a.as_nest().is_some_and(|n| n.extents[..] == [5, 3, 3]);
        assert!(arrays.arrays.iter().any(product));
    }

    #[test]
    fn a_recurrence_answers_what_it_did() {
        let inputs: [(&str, &[usize], f64); 4] =
            [("h", &[3], 1.0), ("x", &[5, 3], 2.0), ("w", &[3], 3.0), ("V", &[3, 3], 4.0)];
        answers_as_evaluated(CELL, &inputs);
    }
}
