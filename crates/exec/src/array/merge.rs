//! Nests that compute the same, made one.
//!
//! The graph has no node twice, but what moved out of a recurrence may stand outside of it already: the gates that the
//! reverse step reads are those that the derivative by the weights reads.

use super::{ArrayId, Arrays, Body, Definition, Input, Nest, Read};
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// Nests that compute the same become one: what moved out may be there already. Numbers change.
pub fn merge(arrays: Arrays) -> Arrays {
    let Arrays { arrays: table, inputs, outputs, recurrences, names } = arrays;
    let mut new: Vec<ArrayId> = Vec::with_capacity(table.len());
    let mut out = Arrays::default();
    let mut known: FxHashMap<u64, Vec<ArrayId>> = FxHashMap::default();
    for mut array in table {
        array.definition.rename(&|a: ArrayId| new[a.index()]);
        let Definition::Nest(nest) = &array.definition else {
            new.push(out.push(array));
            continue;
        };
        let like = known.entry(signature(nest)).or_default();
        let same = |id: &&ArrayId| {
            let other = &out[**id];
            other.entry == array.entry && other.as_nest().is_some_and(|n| is_same(n, nest))
        };
        let found = like.iter().find(same).copied();
        let id = found.unwrap_or_else(|| out.push(array));
        if found.is_none() {
            like.push(id);
        }
        new.push(id);
    }
    out.inputs = inputs.into_iter().map(|i| Input { array: new[i.array.index()], ..i }).collect();
    out.outputs = outputs.iter().map(|o| new[o.index()]).collect();
    out.recurrences = recurrences;
    out.names = names.into_iter().map(|(id, name)| (new[id.index()], name)).collect();
    out
}

/// A number that is the same for nests that are the same but for the order of factors and terms.
pub(super) fn signature(nest: &Nest) -> u64 {
    let of = |read: &Read, with: u64| {
        let mut hasher = FxHasher::default();
        (read.array, &read.at, with, read.guards.len()).hash(&mut hasher);
        hasher.finish()
    };
    let reads = match &nest.body {
        Body::Product(factors) => factors
            .iter()
            .map(|f| of(&f.read, u64::from(f.power) << 1 | u64::from(f.divides)))
            .fold(1, u64::wrapping_add),
        Body::Sum(terms) => terms.iter().map(|(c, r)| of(r, c.to_bits())).fold(2, u64::wrapping_add),
        body => body.reads().enumerate().map(|(k, r)| of(r, k as u64)).fold(3, u64::wrapping_add),
    };
    let mut hasher = FxHasher::default();
    (&nest.extents[..], nest.free, nest.reduction, nest.guards.len(), reads).hash(&mut hasher);
    hasher.finish()
}

/// Whether two nests are the same but for the order of factors and terms.
pub(super) fn is_same(a: &Nest, b: &Nest) -> bool {
    fn permuted<T: PartialEq>(a: &[T], b: &[T]) -> bool {
        let mut taken = vec![false; b.len()];
        a.len() == b.len()
            && a.iter().all(|x| {
                let place = b.iter().enumerate().position(|(k, y)| !taken[k] && x == y);
                place.inspect(|&k| taken[k] = true).is_some()
            })
    }
    let around =
        a.extents == b.extents && a.free == b.free && a.reduction == b.reduction && a.guards == b.guards;
    around
        && match (&a.body, &b.body) {
            (Body::Product(x), Body::Product(y)) => permuted(x, y),
            (Body::Sum(x), Body::Sum(y)) => permuted(x, y),
            (x, y) => x == y,
        }
}
