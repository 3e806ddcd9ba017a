//! What does not depend on an axis is computed without it: `y[k,i] = Σ_j a[k,j]` is a view of `z[k] = Σ_j a[k,j]`.

use super::labels::{Set, labels, read_labels};
use super::{Array, Arrays, At, Body, Definition, Entry, Factor, Nest, Read, Reduction, view};
use crate::schedule::constant;

/// Splits off what is computed; the rest is a view, which whoever reads it reads through.
pub fn narrow(arrays: Arrays) -> Arrays {
    let kinds: Vec<(Entry, bool)> = arrays.arrays.iter().map(|a| (a.entry, constant(a).is_some())).collect();
    let mut kinds = kinds.into_iter();
    arrays.rebuilt(|out, definition| {
        let plain = kinds.next() == Some((Entry::Real, false));
        let Definition::Nest(nest) = definition else { return };
        let kept = used(nest) | (!0 << nest.free);
        let idle = (0..nest.free).filter(|l| kept >> l & 1 == 0).any(|l| nest.extents[l] > 1);
        // An array of more labels than a set has is left as it is, and so is one without entries.
        let fits = nest.extents.len() <= 60 && !nest.extents.contains(&0);
        if !plain || !fits || !idle || view::as_view(nest).is_some() {
            return;
        }
        let order: Vec<usize> = (0..nest.extents.len()).filter(|l| kept >> l & 1 == 1).collect();
        let free = order.iter().filter(|&&l| l < nest.free).count();
        let place = |label: usize| {
            At::label(order.iter().position(|&l| l == label).expect("invariant: a label that is used"))
        };
        let mut own = nest.clone();
        own.extents = order.iter().map(|&l| nest.extents[l]).collect();
        own.free = free;
        own.substitute(&place);
        let shape = own.extents[..free].iter().copied().collect();
        let narrow = out.push(Array { shape, entry: Entry::Real, definition: Definition::Nest(own) });
        let at = order[..free].iter().map(|&l| At::label(l));
        *nest = Nest {
            extents: nest.extents[..nest.free].iter().copied().collect(),
            free: nest.free,
            reduction: Reduction::Sum,
            guards: Vec::new(),
            body: Body::Product(vec![Factor { read: Read::new(narrow, at), power: 1, divides: false }]),
            absent: false,
        };
    })
}

/// The labels that a nest mentions.
fn used(nest: &Nest) -> Set {
    let mut set = nest.body.reads().fold(0, |set, read| set | read_labels(read));
    nest.guards.iter().for_each(|g| set |= labels(g.indices()));
    if let Body::Count(at) = &nest.body {
        set |= labels(std::slice::from_ref(at));
    }
    set
}

#[cfg(test)]
mod tests {
    use crate::array::lower::lower;
    use crate::array::passes::rewrite;
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    #[test]
    fn a_sum_that_is_the_same_for_all_columns_is_taken_once() {
        let text = "chainrule-graph 1
%0 : real[7,9] = input \"a\"
%1 : real[7,1000] = input \"x\"
%2 : real[7,1000] = contract [7,1000|9] %0[#0,#2]
%3 : real[7,1000] = sum 1*%1 -1*%2
output %3
";
        let (graph, outputs) = Graph::from_text(text).unwrap();
        let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
        let nests = arrays.arrays.iter().filter_map(|a| a.loops());
        let points: Vec<usize> = nests.map(|n| n.extents.iter().product()).collect();
        assert_eq!(points, [7 * 9, 7 * 1000]);
    }
}
