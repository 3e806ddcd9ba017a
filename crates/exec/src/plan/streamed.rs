//! Results written past the cache: larger than a cache, and read by no step.

use crate::array::{ArrayId, Arrays};
use crate::lane::program::Buffer;
use crate::schedule::Schedule;
use crate::schedule::memory::{Home, Memory};

/// Bytes from which a result is written past the cache. Below, a last-level cache may hold it, and whoever reads it
/// finds it there; above, writing it takes memory twice the time that streaming does.
const LARGE: usize = 32 << 20;

/// The buffers of a step, given as their arrays, that are written past the cache; numbers have `bytes` bytes.
pub(super) fn streamed(
    arrays: &Arrays,
    schedule: &Schedule,
    memory: &Memory,
    buffers: &[ArrayId],
    bytes: usize,
) -> Vec<Buffer> {
    let streams = |id: ArrayId| {
        matches!(memory.home(id), Home::Output(_))
            && arrays[id].count().saturating_mul(bytes) >= LARGE
            && !schedule.steps.iter().any(|step| step.reads.contains(&id))
    };
    (0..buffers.len()).filter(|&k| streams(buffers[k])).map(|k| Buffer(k as u16)).collect()
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

    /// Whether some step ends with the fence behind stores that went past the cache.
    fn streams(plan: &Plan<f64>) -> bool {
        plan.steps.iter().any(|step| match step {
            Step::Loops { machine: Some(machine), .. } => {
                machine.code().windows(3).any(|bytes| *bytes == [0x0f, 0xae, 0xf8])
            }
            _ => false,
        })
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
}
