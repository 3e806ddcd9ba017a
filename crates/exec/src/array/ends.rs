//! Trajectories of which only the end is read: the carries on the way are not kept.

use super::{ArrayId, Arrays, At, Definition, Read};

/// Marks carries that every reader reads at the last step; they become arrays of one entry.
pub fn keep_ends(arrays: &mut Arrays) {
    let ends: Vec<Option<i64>> = (0..arrays.arrays.len()).map(|k| end(arrays, ArrayId(k as u32))).collect();
    let mut only_end: Vec<bool> = ends.iter().map(Option::is_some).collect();
    arrays.outputs.iter().for_each(|o| only_end[o.index()] = false);
    for array in &arrays.arrays {
        let mut read_well = Vec::new();
        let mut whole = Vec::new();
        if let Some(nest) = array.loops() {
            let at_end = |read: &&Read| {
                let first = read.at.first();
                ends[read.array.index()].is_some_and(|end| first == Some(&At::constant(end)))
            };
            read_well.extend(nest.body.reads().filter(at_end).map(|r| r.array));
        }
        array.definition.each_operand(&mut |a| whole.push(a));
        for a in whole {
            // Each operand is visited once for each place that reads it.
            match read_well.iter().position(|&b| b == a) {
                Some(k) => drop(read_well.swap_remove(k)),
                None => only_end[a.index()] = false,
            }
        }
    }
    for array in &mut arrays.arrays {
        if let Definition::Nest(nest) | Definition::Scatter(nest, _) = &mut array.definition {
            for read in nest.body.reads_mut().filter(|r| only_end[r.array.index()]) {
                read.at[0] = At::constant(0);
            }
        }
    }
    for (array, _) in arrays.arrays.iter_mut().zip(&only_end).filter(|(_, only)| **only) {
        array.shape[0] = 1;
        if let Definition::Carry { end, .. } = &mut array.definition {
            *end = true;
        }
    }
}

/// Where the steps of a trajectory end.
fn end(arrays: &Arrays, id: ArrayId) -> Option<i64> {
    let Definition::Carry { recurrence, .. } = &arrays[id].definition else { return None };
    let recurrence = &arrays.recurrences[*recurrence];
    let last = i64::try_from(recurrence.length).ok()?.checked_sub(1).filter(|&last| last >= 0)?;
    Some(if recurrence.backward { 0 } else { last })
}
