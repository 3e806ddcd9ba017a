//! Plans whose steps are machine code and nothing else: a run is a list of calls.
//!
//! A network of twenty numbers takes some ten nanoseconds, and so would asking each step what it is.

use super::{Plan, Step};
use crate::jit::Entry;

/// The calls of a run, in order.
pub(super) struct Calls(Box<[Call]>);

/// One of them.
struct Call {
    entry: Entry,
    /// Where in the plan's table the pointers of this step begin.
    table: usize,
}

impl Calls {
    /// The calls of a plan, if its runs are nothing else: no clock, no labels to look at, nothing to clear, no threads.
    pub(super) fn of<T>(plan: &Plan<T>) -> Option<Calls> {
        if plan.clock.is_some() || !plan.checks.is_empty() {
            return None;
        }
        let call = |step: &Step<T>| match step {
            Step::Loops { machine: Some(machine), table, clears, blocks: None, .. } if clears.is_empty() => {
                let (entry, buffers) = machine.entry();
                assert!(buffers <= table.len(), "invariant: a table has the buffers of its program");
                Some(Call { entry, table: table.start })
            }
            _ => None,
        };
        let calls = plan.steps.iter().map(call).collect::<Option<Vec<Call>>>()?;
        Some(Calls(calls.into_boxed_slice()))
    }

    /// Makes the calls.
    ///
    /// # Safety
    /// The plan that these calls are of lives, `table` is its table, and every pointer of it is to as many elements as its
    /// array has: those that are written, written by nobody else.
    #[inline]
    pub(super) unsafe fn run(&self, table: &[*mut u8]) {
        for call in &self.0 {
            // SAFETY: the code is alive with its plan, its table lies inside the plan's, and pointers are valid, by the
            // contract; the code gives back every register that its caller keeps.
            unsafe { (call.entry)(table.as_ptr().add(call.table)) }
        }
    }
}
