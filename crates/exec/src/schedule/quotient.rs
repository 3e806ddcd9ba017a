//! Quotients that many results are made of: divided once, and kept.

use super::classes::Classes;
use crate::array::{ArrayId, Arrays, Body};

/// Results for each position of the loops from which a division that all of them read is kept in memory: a loop with as
/// many sums may be [cut into several](crate::lane::distribute), and each would divide again.
const READERS: usize = 10;

/// Whether a nest reads a quotient that is better kept than handed on in a register.
pub(super) fn is_kept(arrays: &Arrays, classes: &Classes, quotient: ArrayId, user: ArrayId) -> bool {
    let (Some(own), Some(nest)) = (arrays[quotient].as_nest(), arrays[user].as_nest()) else { return false };
    let Body::Product(factors) = &own.body else { return false };
    let written_out = |id: ArrayId, extents: &[usize]| -> usize {
        let labels = (0..extents.len()).filter(|&l| !classes.is_looped(classes.of(id, l)));
        labels.map(|l| extents[l]).product()
    };
    factors.iter().any(|f| f.divides)
        && written_out(quotient, &own.extents) == 1
        && written_out(user, &nest.extents) >= READERS
}

#[cfg(test)]
mod tests {
    use crate::array::lower::lower;
    use crate::array::passes::rewrite;
    use crate::schedule::{Work, schedule};
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    /// Loops of `Σ_i x[i,r] z[i,c] e[i] / s[i]`, whose quotient is written where it is used or before.
    fn loops(rows: usize) -> usize {
        let text = format!(
            "chainrule-graph 1
%0 : real[1000] = input \"e\"
%1 : real[1000] = input \"s\"
%2 : real[1000,{rows}] = input \"x\"
%3 : real[1000,4] = input \"z\"
%4 : real[1000] = map exp %1
%5 : real[1000] = map recip %4
%6 : real[1000] = contract [1000|] %0[#0] %5[#0]
%7 : real[1000,{rows}] = contract [1000,{rows}|] %2[#0,#1] %6[#0]
%8 : real[{rows},4] = contract [{rows},4|1000] %7[#2,#0] %3[#2,#1]
%9 : real[] = contract [|1000] %6[#0]
output %8
output %9
"
        );
        let (graph, outputs) = Graph::from_text(&text).unwrap();
        let arrays = rewrite(lower(&graph, &outputs, &Sizes::new()).unwrap());
        schedule(&arrays, true).steps.iter().filter(|s| matches!(s.work, Work::Loops { .. })).count()
    }

    #[test]
    fn a_quotient_of_many_results_is_kept() {
        assert_eq!(loops(4), 1);
        assert_eq!(loops(12), 2);
    }
}
