//! Scatters: a delta that determines an axis of the result is solved, so that only what it lets through is computed.
//!
//! `y[j] = Σ_i x[i] delta(j, t[i])` becomes `y[t[i]] += x[i]`, and `y[i,j] = delta(i,j) x[i]` becomes `y[i,i] = x[i]`
//! in memory that was cleared.

use super::{ArrayId, Arrays, At, Atom, Definition, Guard, Nest, Place, Reduction};

/// Entries from which an axis is worth solving.
const LEAST: usize = 8;

/// Turns nests into scatters where a delta determines a long axis of what is written to memory anyway.
pub fn solve(arrays: &mut Arrays) {
    let outputs: Vec<bool> = {
        let mut is = vec![false; arrays.arrays.len()];
        arrays.outputs.iter().for_each(|o: &ArrayId| is[o.index()] = true);
        is
    };
    for (k, array) in arrays.arrays.iter_mut().enumerate() {
        let Definition::Nest(nest) = &array.definition else { continue };
        // Without a sum a masked value may pass on in registers; only a result in memory gains.
        if nest.reduction != Reduction::Sum || (nest.free == nest.extents.len() && !outputs[k]) {
            continue;
        }
        if let Some((scattered, place)) = solved(nest) {
            array.definition = Definition::Scatter(scattered, place);
        }
    }
}

/// `label == value`, where a delta says so.
fn determined(guard: &Guard, free: usize, extents: &[usize]) -> Option<(usize, At)> {
    let Guard::Zero(at) = guard else { return None };
    let mut best: Option<(usize, At)> = None;
    for (atom, slope) in &at.parts {
        let Atom::Label(label) = atom else { continue };
        if *label >= free || slope.abs() != 1 || extents[*label] < LEAST {
            continue;
        }
        let mut rest = at.clone();
        rest.parts.retain(|(a, _)| a != atom);
        let mut again = false;
        rest.each_label(&mut |l| again |= l == *label);
        if again || best.as_ref().is_some_and(|(l, _)| l > label) {
            continue;
        }
        // slope·label + rest == 0
        best = Some((*label, At::constant(0).plus(&rest, -*slope)));
    }
    best
}

/// The nest without its determined axes, and where its terms go.
fn solved(nest: &Nest) -> Option<(Nest, Place)> {
    let mut nest = nest.clone();
    let mut place: Place = (0..nest.free).map(At::label).collect();
    let mut gone = vec![false; nest.extents.len()];
    while let Some((k, label, value)) = nest
        .guards
        .iter()
        .enumerate()
        .find_map(|(k, g)| determined(g, nest.free, &nest.extents).map(|(l, v)| (k, l, v)))
    {
        nest.guards.remove(k);
        let by = |l: usize| if l == label { value.clone() } else { At::label(l) };
        nest.substitute(&by);
        place.iter_mut().for_each(|t| *t = t.substitute(&by));
        let extent = nest.extents[label] as i64;
        nest.guards.push(Guard::NonNegative(value.clone()));
        nest.guards.push(Guard::NonNegative(At::constant(extent - 1).plus(&value, -1)));
        gone[label] = true;
    }
    if !gone.contains(&true) {
        return None;
    }
    let left: Vec<usize> = (0..nest.extents.len()).filter(|&l| !gone[l]).collect();
    let by = |label: usize| {
        At::label(left.iter().position(|&l| l == label).expect("invariant: determined labels are gone"))
    };
    nest.substitute(&by);
    place.iter_mut().for_each(|t| *t = t.substitute(&by));
    nest.extents = left.iter().map(|&l| nest.extents[l]).collect();
    nest.free = 0;
    Some((nest, place))
}

impl Nest {
    /// Every label replaced by an index; extents stay as they are.
    pub(crate) fn substitute(&mut self, by: &dyn Fn(usize) -> At) {
        self.guards.iter_mut().for_each(|g| *g = g.substitute(by));
        for read in self.body.reads_mut() {
            read.at.iter_mut().for_each(|t| *t = t.substitute(by));
            read.guards.iter_mut().for_each(|g| *g = g.substitute(by));
        }
        if let super::Body::Count(at) = &mut self.body {
            *at = at.substitute(by);
        }
    }
}
