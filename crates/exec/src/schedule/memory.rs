//! Memory of a plan: temporaries share places where their lives do not overlap.

use super::Schedule;
use crate::array::{ArrayId, Arrays, Definition};

/// Where the entries of an array are.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Home {
    /// Handed from register to register.
    None,
    /// The input with this number.
    Input(usize),
    /// The output with this number.
    Output(usize),
    /// Numbers written in the graph: the constant with this number.
    Constant(usize),
    /// From this element of the plan's memory.
    Arena(usize),
    /// From this element of the plan's memory of integers.
    Integers(usize),
}

/// The memory of a plan.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Home of each array.
    pub homes: Vec<Home>,
    /// Elements of the arena.
    pub arena: usize,
    /// Elements of the arena of integers.
    pub integers: usize,
    /// Elements that temporaries would take without sharing.
    pub unshared: usize,
}

/// Elements between starts: a cache line of the widest number.
const ALIGN: usize = 8;

/// Gives every stored array a home; outputs with the numbers `apart` are temporaries, copied at the end of a run.
pub fn assign(arrays: &Arrays, schedule: &Schedule, reuse: bool, apart: &[usize]) -> Memory {
    let count = arrays.arrays.len();
    let mut homes = vec![Home::None; count];
    let mut constants = 0;
    for (k, array) in arrays.arrays.iter().enumerate() {
        homes[k] = match array.definition {
            Definition::Input(n) => Home::Input(n),
            Definition::Reals(_) | Definition::Integers(_) => {
                constants += 1;
                Home::Constant(constants - 1)
            }
            _ => Home::None,
        };
    }
    for (n, output) in arrays.outputs.iter().enumerate() {
        let array = &arrays[*output];
        if homes[output.index()] == Home::None && !super::is_integer(array) && !apart.contains(&n) {
            homes[output.index()] = Home::Output(n);
        }
    }
    let mut last = vec![0usize; count];
    for (s, step) in schedule.steps.iter().enumerate() {
        step.reads.iter().chain(&step.writes).for_each(|a| last[a.index()] = s);
    }
    for output in &arrays.outputs {
        last[output.index()] = usize::MAX;
    }
    let mut memory = Memory { homes, arena: 0, integers: 0, unshared: 0 };
    let mut live: Vec<(usize, usize, usize)> = Vec::new();
    for (s, step) in schedule.steps.iter().enumerate() {
        for &id in &step.writes {
            if memory.homes[id.index()] != Home::None {
                continue;
            }
            let size = arrays[id].count().next_multiple_of(ALIGN).max(ALIGN);
            if super::is_integer(&arrays[id]) {
                memory.homes[id.index()] = Home::Integers(memory.integers);
                memory.integers += size;
                continue;
            }
            memory.unshared += size;
            let start = if reuse { gap(&live, size) } else { memory.arena };
            live.push((start, size, last[id.index()]));
            live.sort_unstable();
            memory.arena = memory.arena.max(start + size);
            memory.homes[id.index()] = Home::Arena(start);
        }
        live.retain(|&(.., end)| end > s);
    }
    memory
}

/// The first gap between live arrays that is large enough.
fn gap(live: &[(usize, usize, usize)], size: usize) -> usize {
    let mut start = 0;
    for &(at, length, _) in live {
        if at >= start + size {
            break;
        }
        start = start.max(at + length);
    }
    start
}

impl Memory {
    /// The home of an array.
    pub fn home(&self, array: ArrayId) -> Home {
        self.homes[array.index()]
    }
}
