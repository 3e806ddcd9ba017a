//! The layout under review: what a reader of new golden files sees, zeros canonical.

use crate::reference::{network, sections};
use chainrule::report::{Format, Zeros, snapshot_block};
use chainrule_golden::golden_text;

#[test]
fn canonical_blocks() {
    let network = network(1);
    let [inputs, jacobians, gradients] = sections(&network).map(|entries| {
        entries.into_iter().map(|(key, a)| (key, Zeros::Canonical.show(a))).collect::<Vec<_>>()
    });
    let block = |format| snapshot_block(1, [&inputs, &jacobians, &gradients], format);
    golden_text!("report", "network_1_array_string", block(Format::ArrayString));
    golden_text!("report", "network_1_numpy", block(Format::Numpy));
}
