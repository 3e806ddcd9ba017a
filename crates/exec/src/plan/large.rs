//! Large results: those that no cache holds, and which no step reads, are written past it; of others the lines are asked
//! for ahead.

use crate::array::{ArrayId, Arrays};
use crate::jit::Way;
use crate::lane::program::Buffer;
use crate::schedule::Schedule;
use crate::schedule::memory::{Home, Memory};

/// Bytes from which a result is written past the cache. Below, a last-level cache may hold it, and whoever reads it
/// finds it there; above, writing it takes memory twice the time that streaming does.
const PAST: usize = 32 << 20;
/// Bytes from which the lines of a result are asked for ahead: the caches from which stores are fast are smaller.
const AHEAD: usize = 1 << 19;

/// The buffers of a step, given as their arrays, that are large, and how they are written; numbers have `bytes` bytes.
pub(super) fn large(
    arrays: &Arrays,
    schedule: &Schedule,
    memory: &Memory,
    buffers: &[ArrayId],
    bytes: usize,
) -> Vec<(Buffer, Way)> {
    let way = |id: ArrayId| {
        let size = arrays[id].count().saturating_mul(bytes);
        let unread = || !schedule.steps.iter().any(|step| step.reads.contains(&id));
        match memory.home(id) {
            Home::Output(_) if size >= PAST && unread() => Some(Way::Past),
            _ if size >= AHEAD => Some(Way::Ahead),
            _ => None,
        }
    };
    let buffers = buffers.iter().enumerate();
    buffers.filter_map(|(k, id)| Some((Buffer(k as u16), way(*id)?))).collect()
}

#[cfg(test)]
mod tests {
    use crate::plan::Step;
    use crate::{Options, Plan, Value};
    use chainrule_core::Graph;

    /// `x[i] x[j]`.
    fn plan(n: usize) -> (Plan<f64>, Vec<f64>) {
        let text = "chainrule-graph 1\n%0 : real[N] = input \"x\"\n%1 : real[N,N] = contract [N,N|] %0[#0] %0[#1]\noutput %1\n";
        let (graph, outputs) = Graph::from_text(&text.replace('N', &n.to_string())).unwrap();
        let plan = Plan::compile(&graph, &outputs, &Options::default()).unwrap();
        (plan, (0..n).map(|k| k as f64 / 7.0).collect())
    }

    /// Whether some step has these bytes.
    fn has<const N: usize>(plan: &Plan<f64>, wanted: [u8; N]) -> bool {
        plan.steps.iter().any(|step| match step {
            Step::Loops { machine: Some(machine), .. } => {
                machine.code().windows(N).any(|bytes| *bytes == wanted)
            }
            _ => false,
        })
    }

    /// Whether some step ends with the fence behind stores that went past the cache.
    fn streams(plan: &Plan<f64>) -> bool {
        has(plan, [0x0f, 0xae, 0xf8])
    }

    /// Whether some step asks for lines to write.
    fn asks(plan: &Plan<f64>) -> bool {
        has(plan, [0x0f, 0x0d])
    }

    #[test]
    fn large_results_that_nobody_reads_go_past_the_cache() {
        if cfg!(not(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))) {
            return;
        }
        // 32 MiB, and a little less.
        let (mut large, x) = plan(2048);
        assert!(streams(&large));
        assert!(!streams(&plan(2040).0));
        let mut out = vec![0.0; 2048 * 2048];
        large.run(&[Value::Real(&x)], &mut [&mut out]).unwrap();
        assert!(out.iter().enumerate().all(|(k, &y)| y == x[k / 2048] * x[k % 2048]));
    }

    #[test]
    fn lines_of_large_results_are_asked_for_ahead() {
        if cfg!(not(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))) {
            return;
        }
        // 512 KiB, and a little less; rows that are no whole number of vectors.
        assert!(!asks(&plan(255).0));
        for n in [256, 257] {
            let (mut large, x) = plan(n);
            assert!(asks(&large));
            let mut out = vec![0.0; n * n];
            large.run(&[Value::Real(&x)], &mut [&mut out]).unwrap();
            assert!(out.iter().enumerate().all(|(k, &y)| y == x[k / n] * x[k % n]));
        }
    }
}
