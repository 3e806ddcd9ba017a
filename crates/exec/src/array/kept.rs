//! What a step computes and is computed again outside, kept by the step.
//!
//! The derivative of a recurrence by its weights reads the gates of all steps, as functions of the trajectory: the same
//! functions of the same numbers as in the step. Here the nests outside that compute for all steps what a step computes
//! are found, and functions and reductions among them become trajectories of carries more: the step writes them down, and
//! nobody reads them back but those who want all of them.

use super::hoist::{MOST, for_all_steps, is_plain};
use super::merge::{is_same, signature};
use super::view::{as_view, through};
use super::{Array, ArrayId, Arrays, At, Body, Definition, Entry, Guard, Nest, Read, Recurrence, Reduction};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// A nest outside that computes for all steps what an array of a step computes.
#[derive(Copy, Clone)]
struct Same {
    recurrence: usize,
    inside: ArrayId,
}

/// Lets every recurrence keep what is computed again from its trajectories.
pub fn keep(mut arrays: Arrays) -> Arrays {
    let same = again(&arrays);
    let chosen = wanted(&arrays, &same);
    if chosen.is_empty() {
        return arrays;
    }
    let mut added: Vec<usize> = vec![0; arrays.recurrences.len()];
    for (outside, Same { recurrence, inside }) in chosen {
        let number = recurrence;
        let recurrence = &mut arrays.recurrences[number];
        let count = recurrence.body[inside].count();
        recurrence.body.outputs.push(inside);
        recurrence.counts.push(count);
        // Its operands get their places below, with those of the others.
        let carry = recurrence.carries + added[number];
        added[number] += 1;
        arrays.arrays[outside.index()].definition =
            Definition::Carry { recurrence: number, carry, operands: Vec::new(), end: false };
    }
    let mut operands: Vec<Option<Vec<ArrayId>>> = vec![None; arrays.recurrences.len()];
    for array in &mut arrays.arrays {
        let Definition::Carry { recurrence, operands: own, .. } = &mut array.definition else { continue };
        let (carries, added) = (arrays.recurrences[*recurrence].carries, added[*recurrence]);
        if added > 0 {
            // The step reads none of these carries, so where they start is anything: the start of the first one.
            let moved = operands[*recurrence].get_or_insert_with(|| {
                let mut moved = own.clone();
                moved.splice(carries..carries, std::iter::repeat_n(own[0], added));
                moved
            });
            own.clone_from(moved);
        }
    }
    for (recurrence, added) in arrays.recurrences.iter_mut().zip(added) {
        let carries = recurrence.carries;
        recurrence.formals.iter_mut().filter(|f| **f >= carries).for_each(|f| *f += added);
        recurrence.carries += added;
    }
    arrays.prune()
}

/// The nests outside that compute again what a step computes.
fn again(arrays: &Arrays) -> FxHashMap<ArrayId, Same> {
    let mut nests: FxHashMap<u64, Vec<ArrayId>> = FxHashMap::default();
    for (k, array) in arrays.arrays.iter().enumerate() {
        if let Definition::Nest(nest) = &array.definition {
            nests.entry(signature(nest)).or_default().push(ArrayId(k as u32));
        }
    }
    let views: Vec<Option<Read>> =
        arrays.arrays.iter().map(|array| array.as_nest().and_then(as_view)).collect();
    // Views are read through outside.
    let find = |mut nest: Nest, entry: Entry| -> Option<ArrayId> {
        for read in nest.body.reads_mut() {
            if let Some(view) = &views[read.array.index()] {
                *read = through(read, view);
            }
        }
        let nest = &nest;
        let like = nests.get(&signature(nest))?;
        let same = |id: &&ArrayId| {
            arrays[**id].entry == entry && arrays[**id].as_nest().is_some_and(|other| is_same(other, nest))
        };
        like.iter().find(same).copied()
    };
    let mut same = FxHashMap::default();
    for (number, recurrence) in arrays.recurrences.iter().enumerate() {
        let mut trajectories: Vec<Option<ArrayId>> = vec![None; recurrence.carries];
        let mut operands: &[ArrayId] = &[];
        for (k, array) in arrays.arrays.iter().enumerate() {
            if let Definition::Carry { recurrence: of, carry, operands: own, .. } = &array.definition
                && *of == number
            {
                trajectories[*carry] = Some(ArrayId(k as u32));
                operands = own;
            }
        }
        if operands.is_empty() {
            continue;
        }
        // For each array of the step: the array outside that is it, and whether that has an entry for each step.
        let body = &recurrence.body;
        // Whether a carry has a say in it: only then it comes after the trajectories.
        let mut recurs = vec![false; body.arrays.len()];
        let mut copies: Vec<Option<(ArrayId, bool)>> = vec![None; body.arrays.len()];
        for (input, &formal) in body.inputs.iter().zip(&recurrence.formals) {
            let carries = recurrence.carries;
            recurs[input.array.index()] = formal < carries;
            copies[input.array.index()] = match trajectories.get(formal) {
                Some(after) => after.and_then(|after| {
                    let mut before = before(arrays, recurrence, operands[formal], after).into_iter();
                    before.find_map(|nest| find(nest, input.entry)).map(|id| (id, true))
                }),
                None => Some((operands[formal], formal < carries + recurrence.per_step)),
            };
        }
        for (k, array) in body.arrays.iter().enumerate() {
            let id = ArrayId(k as u32);
            array.definition.each_operand(&mut |a| recurs[k] |= recurs[a.index()]);
            // What becomes a carry is its trajectory already.
            let carry = body.outputs.iter().position(|o| *o == id);
            if carry.is_some() {
                copies[k] = carry.and_then(|carry| trajectories[carry]).map(|after| (after, true));
                continue;
            }
            let known = |copies: &[Option<(ArrayId, bool)>], nest: &Nest| {
                let mut all = is_plain(nest);
                nest.each_operand(&mut |a| all &= copies[a.index()].is_some());
                all
            };
            match &array.definition {
                Definition::Nest(nest) if known(&copies, nest) => {
                    let found = find(for_all_steps(nest, recurrence.length, &copies), array.entry);
                    copies[k] = found.map(|outside| (outside, true));
                    if let Some(outside) = found.filter(|_| recurs[k]) {
                        same.insert(outside, Same { recurrence: number, inside: id });
                    }
                }
                _ => {}
            }
        }
    }
    same
}

/// The carry before each step as a nest: the start, then the trajectory without its end. That it is the first step is
/// said by an index that is 0 there, which may be written with either sign.
fn before(arrays: &Arrays, recurrence: &Recurrence, start: ArrayId, after: ArrayId) -> [Nest; 2] {
    let shape = &arrays[after].shape;
    let last = recurrence.length as i64 - 1;
    let t = |base: i64| At::label(0).plus(&At::constant(base), 1);
    let (first, previous, inside) = match recurrence.backward {
        false => (t(0), t(-1), t(-1)),
        true => (t(-last), t(1), At::constant(last - 1).plus(&t(0), -1)),
    };
    let rest: Vec<At> = (1..shape.len()).map(At::label).collect();
    let read = |array: ArrayId, at: Option<At>, guard: Guard| {
        let mut read = Read::new(array, at.into_iter().chain(rest.iter().cloned()));
        read.guards.push(guard);
        (1.0, read)
    };
    [first.clone(), At::constant(0).plus(&first, -1)].map(|first| Nest {
        extents: SmallVec::from_slice(shape),
        free: shape.len(),
        reduction: Reduction::Sum,
        guards: Vec::new(),
        body: Body::Sum(vec![
            read(start, None, Guard::Zero(first)),
            read(after, Some(previous.clone()), Guard::NonNegative(inside.clone())),
        ]),
        absent: false,
    })
}

/// Functions and reductions among them that somebody reads, in the order of the table.
fn wanted(arrays: &Arrays, same: &FxHashMap<ArrayId, Same>) -> Vec<(ArrayId, Same)> {
    let dear = |array: &Array| {
        let Definition::Nest(nest) = &array.definition else { return false };
        array.entry == Entry::Real && (nest.free < nest.extents.len() || matches!(nest.body, Body::Map(..)))
    };
    let mut read = vec![false; arrays.arrays.len()];
    arrays.outputs.iter().for_each(|o| read[o.index()] = true);
    let mut kept: Vec<usize> = vec![0; arrays.recurrences.len()];
    let mut chosen = Vec::new();
    for k in (0..arrays.arrays.len()).rev() {
        if !read[k] {
            continue;
        }
        let array = &arrays.arrays[k];
        if let Some(&found) = same.get(&ArrayId(k as u32)).filter(|_| dear(array)) {
            let entries = kept[found.recurrence].saturating_add(array.count());
            if entries <= MOST {
                kept[found.recurrence] = entries;
                chosen.push((ArrayId(k as u32), found));
                continue;
            }
        }
        array.definition.each_operand(&mut |a| read[a.index()] = true);
    }
    chosen.reverse();
    chosen
}

#[cfg(test)]
mod tests {
    use super::super::compared::answers_as_evaluated;
    use super::super::{Arrays, Body, lower::lower, passes::rewrite};
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    /// `h ← tanh(sigmoid(w h) + h x[t])`, and outside `sigmoid(w h)` of all steps and the functions of the new carry.
    fn cell(backward: bool) -> String {
        let (from, direction) = if backward { ("1", " backward") } else { ("-1", "") };
        let (first, inside) = match backward {
            true => ("zero(#0+-4)", "nonneg(-1*#0+3)"),
            false => ("zero(#0)", "nonneg(#0+-1)"),
        };
        format!(
            "chainrule-graph 2
step s0 \"cell\" inputs 1
%0 : real[3] = input \"h\"
%1 : real[3] = input \"x\"
%2 : real[3] = input \"w\"
%3 : real[3] = contract [3|] %0[#0] %2[#0]
%4 : real[3] = map sigmoid %3
%5 : real[3] = contract [3|] %0[#0] %1[#0]
%6 : real[3] = sum 1*%4 1*%5
%7 : real[3] = map tanh %6
formals %0 %1 %2
output %7
end
%0 : real[3] = input \"h\"
%1 : real[5,3] = input \"x\"
%2 : real[2,3] = input \"W\"
%3 : real[3] = contract [3|] %2[1,#0]
%4 : real[5,3] = scan s0 carry 0 length 5{direction} %0 %1 %3
%5 : real[5,3] = contract [5,3|] %0[#1] where {first}
%6 : real[5,3] = contract [5,3|] %4[#0+{from},#1] where {inside}
%7 : real[5,3] = sum 1*%6 1*%5
%8 : real[5,3] = contract [5,3|] %7[#0,#1] %2[1,#1]
%9 : real[5,3] = map sigmoid %8
%10 : real[5,3] = contract [5,3|] %9[#0,#1]^2
%11 : real[5,3] = map sin %4
output %10
output %11
"
        )
    }

    fn maps(arrays: &Arrays) -> usize {
        arrays.arrays.iter().filter(|a| a.as_nest().is_some_and(|n| matches!(n.body, Body::Map(..)))).count()
    }

    #[test]
    fn what_is_computed_again_is_kept() {
        for backward in [false, true] {
            let (graph, outputs) = Graph::from_text(&cell(backward)).unwrap();
            let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
            // The sigmoid comes from the step; the sine is of no step.
            assert_eq!((maps(&arrays), maps(&arrays.recurrences[0].body)), (1, 2), "backward {backward}");
            assert_eq!(arrays.recurrences[0].carries, 2);
        }
    }

    #[test]
    fn it_has_the_value_it_had() {
        for backward in [false, true] {
            let inputs: [(&str, &[usize], f64); 3] =
                [("h", &[3], 1.0), ("x", &[5, 3], 2.0), ("W", &[2, 3], 3.0)];
            answers_as_evaluated(&cell(backward), &inputs);
        }
    }
}
