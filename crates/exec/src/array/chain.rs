//! Chains of products across nests: a product that is read once, by another product, is written out there when the
//! factors of both together have a cheaper order.
//!
//! A Jacobian comes as nested products in the order of the sweep that derived it, `((A B) C) D` from the outputs on. With
//! all four factors in one nest, [`order`] multiplies `(A B) (C D)` where the waist is between `B` and `C`.

use super::labels::{Set, labels};
use super::order;
use super::{ArrayId, Arrays, At, Body, Definition, Entry, Factor, Nest, Reduction};

/// Factors that one nest may come to have: orders of so many are compared exactly.
const MOST: usize = order::EXACT;
/// Labels that it may come to have.
const LABELS: usize = 40;
/// What an order of all factors must save, as a ratio of points.
const SAVES: f64 = 1.5;

/// A product with the products that it reads written out.
struct Chain {
    nest: Nest,
    /// What was written out.
    links: Vec<ArrayId>,
    /// Points of the loops, each nest in the best order of its own.
    apart: f64,
}

/// Writes out products where that saves work; what nobody reads any more is left for the next pruning.
pub fn join(arrays: &mut Arrays) {
    let once = read_once(arrays);
    let mut chains: Vec<Option<Chain>> = Vec::with_capacity(arrays.arrays.len());
    for k in 0..arrays.arrays.len() {
        let chain = chain(arrays, ArrayId(k as u32), &once, &chains);
        chains.push(chain);
    }
    let mut gone = vec![false; arrays.arrays.len()];
    for k in (0..chains.len()).rev().filter(|&k| chains[k].is_some()).collect::<Vec<_>>() {
        let Some(chain) = chains[k].take().filter(|c| !gone[k] && !c.links.is_empty()) else { continue };
        if order::cost(&chain.nest) * SAVES < chain.apart {
            chain.links.iter().for_each(|link| gone[link.index()] = true);
            arrays.arrays[k].definition = Definition::Nest(chain.nest);
        }
    }
}

/// Arrays that are read at one place, by another array.
fn read_once(arrays: &Arrays) -> Vec<bool> {
    let mut users = vec![0u32; arrays.arrays.len()];
    for array in &arrays.arrays {
        array.definition.each_operand(&mut |a| users[a.index()] += 1);
    }
    arrays.outputs.iter().for_each(|o| users[o.index()] += 2);
    users.into_iter().map(|n| n == 1).collect()
}

/// The factors of a sum of products.
fn factors(nest: &Nest) -> Option<&[Factor]> {
    let Body::Product(factors) = &nest.body else { return None };
    (nest.reduction == Reduction::Sum && !nest.bound().is_empty()).then_some(factors)
}

/// A product with what it reads written out as far as there is room.
fn chain(arrays: &Arrays, id: ArrayId, once: &[bool], chains: &[Option<Chain>]) -> Option<Chain> {
    let nest = arrays[id].as_nest().filter(|_| arrays[id].entry == Entry::Real)?;
    if factors(nest)?.len() > MOST || nest.extents.len() > LABELS {
        return None;
    }
    let mut chain = Chain { nest: nest.clone(), links: Vec::new(), apart: order::cost(nest) };
    // Those that are written out have their factors at the end, so positions before them stay as they are.
    let count = factors(nest)?.len();
    for position in (0..count).rev() {
        let factor = &factors(&chain.nest)?[position];
        let array = factor.read.array;
        let plain = factor.power == 1 && !factor.divides && factor.read.guards.is_empty();
        let Some(inner) = chains[array.index()].as_ref().filter(|_| plain && once[array.index()]) else {
            continue;
        };
        let Some(written) = written_out(&chain.nest, position, &inner.nest) else { continue };
        chain.nest = written;
        chain.links.push(array);
        chain.links.extend(&inner.links);
        chain.apart += inner.apart;
    }
    Some(chain)
}

/// The nest with a factor replaced by what the factor is.
fn written_out(nest: &Nest, position: usize, inner: &Nest) -> Option<Nest> {
    let (own, new) = (factors(nest)?, factors(inner)?);
    let room = own.len() + new.len() <= MOST + 1 && nest.extents.len() + inner.extents.len() <= LABELS;
    let read = &own[position].read;
    let places: Vec<usize> = read.at.iter().map(At::as_label).collect::<Option<_>>()?;
    let apart = (0..places.len()).all(|k| !places[..k].contains(&places[k]));
    let whole = places.iter().enumerate().all(|(axis, &l)| nest.extents[l] == inner.extents[axis]);
    if !room || !apart || !whole {
        return None;
    }
    let first = nest.extents.len();
    let by = |label: usize| match label.checked_sub(inner.free) {
        None => At::label(places[label]),
        Some(bound) => At::label(first + bound),
    };
    let mut all: Vec<Factor> = own.to_vec();
    all.remove(position);
    all.extend(new.iter().map(|f| f.substitute(&by)));
    let mut guards = nest.guards.clone();
    guards.extend(inner.guards.iter().map(|g| g.substitute(&by)));
    // A condition on labels of several factors ties them together, which the costs of orders do not know.
    let within = |of: Set| all.iter().any(|f| of & !labels(&f.read.at) == 0);
    if !guards.iter().all(|g| within(labels(g.indices()))) {
        return None;
    }
    let extents = nest.extents.iter().chain(&inner.extents[inner.free..]).copied().collect();
    Some(Nest { extents, guards, body: Body::Product(all), ..nest.clone() })
}
