//! Labels are looked at before the step that reads where they say.
#![allow(unsafe_code, reason = "labels stand behind pointers of the table")]

use super::Plan;
use crate::array::checks::{self, Check};
use crate::array::{ArrayId, Arrays, Definition};
use crate::error::{Error, Result};
use crate::lane::Number;
use crate::schedule;

/// A check in a plan.
pub(super) struct Looked {
    check: Check,
    /// The step before which it is made: the first, unless it needs what a step computes.
    before: usize,
    /// Its arrays of integers, with their places in the table.
    integers: Vec<(ArrayId, usize)>,
}

impl<T: Number> Plan<T> {
    /// Finds the labels that a run has to look at.
    pub(super) fn check_labels_of(&mut self, steps: &[schedule::Step]) -> Result<()> {
        for check in checks::find(&self.arrays)? {
            let mut read = Vec::new();
            check.each_array(&mut |array| {
                if !read.contains(&array) {
                    read.push(array);
                }
            });
            let table = self.reserve(&read);
            let after = steps.iter().rposition(|s| s.writes.iter().any(|w| read.contains(w)));
            let before = after.map_or(0, |s| s + 1);
            self.checks.push(Looked { check, before, integers: read.into_iter().zip(table).collect() });
        }
        Ok(())
    }
}

/// Makes the checks that are due before a step.
///
/// # Safety
/// The table holds, for each array of labels, a pointer to its entries.
#[inline(never)]
pub(super) unsafe fn look(all: &[Looked], step: usize, arrays: &Arrays, table: &[*mut u8]) -> Result<()> {
    for Looked { check, integers, .. } in all.iter().filter(|looked| looked.before == step) {
        let of = |array: ArrayId| -> &[i64] {
            let found = integers.iter().find(|(id, _)| *id == array);
            let &(_, place) = found.expect("invariant: every array of a check is in the table");
            let count = arrays[array].count();
            if count == 0 {
                return &[];
            }
            // SAFETY: given by the caller.
            unsafe { std::slice::from_raw_parts(table[place].cast::<i64>().cast_const(), count) }
        };
        let Some(outside) = check.outside(arrays, &of) else { continue };
        let name = match arrays[check.labels].definition {
            Definition::Input(n) => arrays.inputs[n].name.clone(),
            _ => "a literal of labels".to_string(),
        };
        return Err(Error::LabelOutside {
            name,
            position: outside.position,
            found: outside.label,
            index: outside.index,
            extent: check.extent,
        });
    }
    Ok(())
}
